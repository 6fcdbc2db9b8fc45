//! Floor 0: findings about a user's file – what is wrong, where, and what would help.
//!
//! A reader never stops at its first finding: it collects [`Diagnostic`]s and hands them over with the texts they
//! point into ([`Sources`]), so that one run shows everything there is to mend.

mod load;
mod nearest;
mod render;
pub mod yaml;

pub use load::LARGEST_FILE;
pub use nearest::nearest;
pub use render::{render, summary};

use std::path::{Path, PathBuf};

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The result does not depend on it, but the user should know.
    Warning,
    /// The file cannot be used as it is.
    Error,
}

/// One file among [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A byte range in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// One finding about a user's file.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Stable code, e.g. `E0203` (listed in `docs/diagnostics.md`).
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where; `None` when the finding has no place in a file.
    pub span: Option<Span>,
    /// What would help, e.g. the nearest known name.
    pub help: Option<String>,
    /// Another place that explains it, and what is there, e.g. where a name was used first.
    pub related: Option<Box<(Span, String)>>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), span: None, help: None, related: None }
    }

    /// A warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same finding with a place.
    pub fn at(mut self, span: impl Into<Option<Span>>) -> Self {
        self.span = span.into();
        self
    }

    /// The same finding with advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same finding with another place that explains it.
    pub fn related(mut self, span: impl Into<Option<Span>>, label: impl Into<String>) -> Self {
        self.related = span.into().map(|span| Box::new((span, label.into())));
        self
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The texts that spans point into.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

/// A text with its path. Of a file that is too large to be kept, the lines around a finding.
#[derive(Clone, Debug)]
struct Source {
    path: PathBuf,
    text: String,
    /// Lines of the file before the text.
    lines_before: usize,
}

impl Sources {
    /// Adds a file's text and returns its id.
    pub fn add(&mut self, path: &Path, text: String) -> FileId {
        self.add_lines(path, 0, text)
    }

    /// Adds some lines of a file that is too large to be kept, and returns their id: spans count bytes in these lines,
    /// and are shown at their place in the file. `before` is the number of lines before them.
    pub fn add_lines(&mut self, path: &Path, before: usize, text: String) -> FileId {
        self.files.push(Source { path: path.to_path_buf(), text, lines_before: before });
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// Takes in the texts of another reader; returns its findings, pointing into them at their new place.
    pub fn take_in(&mut self, other: Self, findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let before = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.extend(other.files);
        let moved = |span: Span| Span { file: FileId(span.file.0.saturating_add(before)), ..span };
        let place = |finding: Diagnostic| Diagnostic {
            span: finding.span.map(moved),
            related: finding.related.map(|place| Box::new((moved(place.0), place.1))),
            ..finding
        };
        findings.into_iter().map(place).collect()
    }

    /// All files, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|file| (file.path.as_path(), file.text.as_str()))
    }

    /// The path and text of a file.
    pub fn get(&self, id: FileId) -> Option<(&Path, &str)> {
        self.files.get(id.0 as usize).map(|file| (file.path.as_path(), file.text.as_str()))
    }

    /// Lines of the file that stand before its text.
    fn lines_before(&self, id: FileId) -> usize {
        self.files.get(id.0 as usize).map_or(0, |file| file.lines_before)
    }
}
