//! What is wrong with a text that is not YAML, in words that help.

use serde_yaml::budget::BudgetBreach;
use serde_yaml::{Error, MessageFormatter, UserMessageFormatter};

use super::node::Key;
use super::parse::{DEEPEST, MOST_NODES};
use crate::diagnostic::{Diagnostic, FileId, LARGEST_FILE, Span};

/// The finding for a parser's error.
pub(super) fn diagnostic(error: &Error, text: &str, file: FileId) -> Diagnostic {
    let span = place(error, text, file);
    match error {
        Error::Budget { breach, .. } => over_budget(breach).at(span),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            Diagnostic::error("E0004", "aliases expand to more than this reader accepts").at(span)
        }
        Error::DuplicateMappingKey { key, .. } => {
            Diagnostic::error("E0005", format!("key {:?} is written twice", key.as_deref().unwrap_or(""))).at(span)
        }
        Error::UnknownAnchor { .. } => Diagnostic::error("E0003", "no anchor of this name stands before it")
            .at(span)
            .help("define it first with &name, or write the value in quotes if it begins with *"),
        Error::MultipleDocuments { .. } => Diagnostic::error("E0003", "a second document begins here")
            .at(span)
            .help("one file is one document: remove ---"),
        other => not_yaml(&UserMessageFormatter.format_message(other), span, text),
    }
}

/// A key that is written twice, and where it was written first.
pub(super) fn duplicate(key: &Key, first: &Key) -> Diagnostic {
    Diagnostic::error("E0005", format!("\"{}\" is written twice", key.name))
        .at(key.span)
        .related(first.span, "first written here")
        .help("rename or remove one of them")
}

pub(super) fn too_large(span: Span) -> Diagnostic {
    Diagnostic::error("E0004", format!("the file is larger than {} MiB", LARGEST_FILE >> 20)).at(span)
}

fn over_budget(breach: &BudgetBreach) -> Diagnostic {
    let what = match breach {
        BudgetBreach::Depth { .. } => return too_deep(),
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => format!("more than {MOST_NODES} values"),
        BudgetBreach::RecordedAnchorEvents { .. } => "more under anchors than this reader accepts".to_owned(),
        BudgetBreach::Aliases { .. } | BudgetBreach::AliasAnchorRatio { .. } => "too many aliases".to_owned(),
        BudgetBreach::Anchors { .. } => "too many anchors".to_owned(),
        BudgetBreach::MergeKeys { .. } => "too many merge keys".to_owned(),
        BudgetBreach::Documents { .. } => "more than one document".to_owned(),
        _ => "more than this reader accepts".to_owned(),
    };
    Diagnostic::error("E0004", format!("the file has {what}"))
}

fn too_deep() -> Diagnostic {
    Diagnostic::error("E0004", format!("nested deeper than {DEEPEST} levels"))
        .help("is a closing bracket missing before here?")
}

fn not_yaml(message: &str, span: Span, text: &str) -> Diagnostic {
    if message.contains("recursion limit") || message.contains("nesting") {
        return too_deep().at(span);
    }
    if let Some(tab) = tab_in_indentation(text, span) {
        return Diagnostic::error("E0003", "a tab cannot indent YAML").at(tab).help("indent with spaces");
    }
    let finding = Diagnostic::error("E0003", format!("not YAML: {message}")).at(span);
    let advice = ADVICE.iter().find(|(words, _)| message.contains(words)).map(|(_, advice)| *advice);
    let ends_here = text.get(span.start as usize..).is_some_and(|rest| rest.trim().len() <= 1);
    match advice {
        Some(advice) => finding.help(advice),
        None if ends_here => finding.help("the file ends here: is it cut short, or is a bracket or quote not closed?"),
        None => finding,
    }
}

/// Words of the parser's messages, and what most likely is the matter.
const ADVICE: [(&str, &str); 9] = [
    ("misplaced bracket", "there is a closing bracket too many, or an opening one is missing before it"),
    ("unclosed bracket", "this bracket is never closed: is the file cut short?"),
    ("illegal placement of ':'", "is a closing bracket missing before here?"),
    ("expected ',' or", "is a closing bracket or a comma missing before here?"),
    ("mapping values are not allowed", "text with \": \" in it needs quotes; else check the indentation"),
    ("did not find expected key", "indent this line like those it belongs with"),
    ("unexpected character", "write text that begins with this character in quotes"),
    ("quoted scalar", "is the closing quote missing? A backslash in double quotes begins an escape"),
    ("Recursive reference", "an anchor cannot contain itself"),
];

fn tab_in_indentation(text: &str, span: Span) -> Option<Span> {
    let at = text.floor_char_boundary(span.start as usize);
    let line_start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let line = text[line_start..].lines().next()?;
    let tab = line.find(|c: char| c != ' ').filter(|first| line[*first..].starts_with('\t'))?;
    let start = u32::try_from(line_start + tab).ok()?;
    Some(Span { start, end: start + 1, ..span })
}

/// Where the parser stopped: at least one character, at most to the end of the line.
fn place(error: &Error, text: &str, file: FileId) -> Span {
    let (start, length) = match error.location() {
        None => (0, 1),
        Some(location) => match (location.span().byte_offset(), location.span().byte_len()) {
            (Some(start), Some(length)) => (usize::try_from(start).unwrap_or(usize::MAX), length.max(1)),
            // The scanner's own errors have a line and a column only.
            _ => (offset(text, location.line(), location.column()), 1),
        },
    };
    let start = text.floor_char_boundary(start);
    let rest = text[start..].lines().next().unwrap_or_default();
    let length = rest.ceil_char_boundary(usize::try_from(length).unwrap_or(usize::MAX).min(rest.len()));
    let clamp = |x| u32::try_from(x).unwrap_or(u32::MAX);
    Span { file, start: clamp(start), end: clamp(start + length) }
}

/// The byte at a line and a column of characters, both 1-based.
fn offset(text: &str, line: u64, column: u64) -> usize {
    let lines =
        text.split_inclusive('\n').map(str::len).take(usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1));
    let start: usize = lines.sum();
    let columns = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    text[start..].char_indices().nth(columns).map_or(text.len(), |(at, _)| start + at)
}
