//! Collecting what is found, in bounded memory.

use std::collections::HashMap;

use super::codes;
use crate::diagnostic::{Diagnostic, FileId, Severity, Span};

/// Most findings that are kept; the rest is counted.
const LIMIT: usize = 500;

/// The findings of one reading.
#[derive(Debug, Default)]
pub struct Report {
    found: Vec<Diagnostic>,
    hidden: usize,
    errors: bool,
    /// Warnings that are given once per file and kind: their place in `found` and how many there were.
    once: HashMap<(&'static str, String, FileId), (usize, usize)>,
}

impl Report {
    /// Adds a finding.
    pub fn add(&mut self, diagnostic: Diagnostic) {
        self.errors |= diagnostic.severity == Severity::Error;
        if self.found.len() < LIMIT {
            self.found.push(diagnostic);
        } else {
            self.hidden += 1;
        }
    }

    /// Adds an error.
    pub fn error(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.add(Diagnostic::error(code, message).at(span));
    }

    /// Adds a warning.
    pub fn warning(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.add(Diagnostic::warning(code, message).at(span));
    }

    /// Adds what went wrong, if anything, and hands over what went right.
    pub fn ok<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|d| self.add(d)).ok()
    }

    /// Adds a warning that is given once per file and kind, and counted.
    pub fn once(&mut self, kind: &str, warning: Diagnostic) {
        let Some(span) = warning.span else { return self.add(warning) };
        let key = (warning.code, kind.to_owned(), span.file);
        if let Some((_, count)) = self.once.get_mut(&key) {
            *count += 1;
            return;
        }
        self.once.insert(key, (self.found.len(), 1));
        self.add(warning);
    }

    /// Warns once per file of something that only a study over time follows, and this reader does not take over.
    pub fn study(&mut self, what: String, span: Span) {
        let warning = Diagnostic::warning(codes::STUDY_IGNORED, format!("{what} is ignored")).at(span);
        self.once(&what, warning.help("a single solution does not follow it; a study over time would"));
    }

    /// Whether further findings are only counted.
    pub fn is_full(&self) -> bool {
        self.found.len() >= LIMIT
    }

    /// Whether there was an error.
    pub fn has_errors(&self) -> bool {
        self.errors
    }

    /// All findings.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        for (index, count) in self.once.into_values().filter(|(_, count)| *count > 1) {
            if let Some(diagnostic) = self.found.get_mut(index) {
                diagnostic.message += &format!(" ({count} times in this file)");
            }
        }
        if self.hidden > 0 {
            let message = format!("{} more findings are not shown", self.hidden);
            self.found.push(Diagnostic::warning(codes::HIDDEN, message));
        }
        self.found
    }
}

/// "did you mean" of the nearest known name, if one is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let name: Vec<char> = name.to_lowercase().chars().take(64).collect();
    let near =
        known.into_iter().filter(|k| k.len().abs_diff(name.len()) <= 3).map(|k| (distance(&name, k), k)).min()?;
    (near.0 <= 1 + name.len() / 4).then(|| format!("did you mean \"{}\"?", near.1))
}

/// Insertions, deletions and replacements between two names.
fn distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, cb) in b.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 1..=a.len() {
            let replaced = diagonal + usize::from(a[j - 1] != cb);
            diagonal = row[j];
            row[j] = replaced.min(row[j] + 1).min(row[j - 1] + 1);
        }
    }
    row[a.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_only_when_near() {
        assert_eq!(nearest("linecde", ["line", "linecode"]).as_deref(), Some("did you mean \"linecode\"?"));
        assert_eq!(nearest("zzz", ["line", "linecode"]), None);
    }
}
