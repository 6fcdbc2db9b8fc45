//! Findings about recordings: their files are too large to be kept, so each comes with the line that it points into.

use std::path::Path;

use crate::diagnostic::{Diagnostic, Sources, Span};

/// Bytes of a line that are kept on either side of a finding.
const KEPT: usize = 512;
/// Most findings of one recording.
const MOST: usize = 200;

/// Findings, with the lines they point into.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
    /// The lines.
    pub sources: Sources,
}

/// A line of a file.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its number, from 1.
    pub number: u64,
    /// Its bytes, without its end.
    pub bytes: &'a [u8],
}

impl Findings {
    /// Whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Adds a finding without a place.
    pub fn push(&mut self, finding: Diagnostic) {
        if self.diagnostics.len() < MOST {
            self.diagnostics.push(finding);
        }
    }

    /// Adds a finding about some bytes of a line.
    pub fn push_at(&mut self, finding: Diagnostic, line: Line, bytes: std::ops::Range<usize>) {
        if self.diagnostics.len() >= MOST {
            return;
        }
        let (start, end) = (bytes.start.min(line.bytes.len()), bytes.end.min(line.bytes.len()));
        let end = end.max(start).min(start + KEPT);
        let part = |from: usize, to: usize| String::from_utf8_lossy(line.bytes.get(from..to).unwrap_or_default());
        // What is not UTF-8 changes its length when it is made showable: each part by itself.
        let (before, marked) = (part(start.saturating_sub(KEPT), start), part(start, end));
        let after = part(end, (end + KEPT).min(line.bytes.len()));
        let span = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (from, to) = (span(before.len()), span(before.len() + marked.len()));
        let number = usize::try_from(line.number.saturating_sub(1)).unwrap_or(usize::MAX);
        let file = self.sources.add_lines(line.path, number, format!("{before}{marked}{after}\n"));
        self.diagnostics.push(finding.at(Span { file, start: from, end: to.max(from + 1) }));
    }

    /// Adds the findings of others.
    pub fn take_in(&mut self, other: Self) {
        let moved = self.sources.take_in(other.sources, other.diagnostics);
        self.diagnostics.extend(moved);
    }

    /// One finding about some bytes of a line, ready to be returned.
    pub fn one_at(finding: Diagnostic, line: Line, bytes: std::ops::Range<usize>) -> Box<Self> {
        let mut findings = Self::default();
        findings.push_at(finding, line, bytes);
        Box::new(findings)
    }

    /// One finding without a place, ready to be returned.
    pub fn one(finding: Diagnostic) -> Box<Self> {
        Box::new(Self { diagnostics: vec![finding], sources: Sources::default() })
    }
}

/// A finding that a file cannot be opened or read.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    };
    Diagnostic::error("E0001", format!("cannot read {}: {reason}", path.display()))
}
