//! Findings as text for a terminal: message, place, source line with caret, help.
//!
//! Output is bounded whatever the file holds: a line is shown in a window around the finding, control characters are
//! shown as replacement characters, messages are cut, and findings beyond [`MOST_SHOWN`] are only counted.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Padding, Renderer, Snippet};

use super::{Diagnostic, FileId, Severity, Sources, Span};

/// Most findings rendered; the rest is counted.
pub const MOST_SHOWN: usize = 500;
/// Characters of a source line shown before a finding.
const BEFORE: usize = 90;
/// Characters of a source line shown from a finding on.
const AFTER: usize = 110;
/// Characters of a message or help shown.
const LONGEST_MESSAGE: usize = 400;

/// Renders findings in the order in which they stand in their files, those without a place first, and a closing line
/// that counts them. Empty without findings. `color` adds ANSI escapes.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.term_width(4 * (BEFORE + AFTER));
    let mut ordered: Vec<&Diagnostic> = diagnostics.iter().collect();
    ordered.sort_by_key(|d| d.span.map(|s| (s.file, s.start)));
    let mut places = Places { sources, cursor: None };
    let mut out = String::new();
    for diagnostic in ordered.iter().take(MOST_SHOWN) {
        out.push_str(&one(diagnostic, &mut places, &renderer));
        out.push_str("\n\n");
    }
    if ordered.len() > MOST_SHOWN {
        out.push_str(&format!("... and {} more findings\n\n", ordered.len() - MOST_SHOWN));
    }
    out.push_str(&summary(diagnostics));
    out.push('\n');
    out
}

/// How many findings there are, as in `3 errors, 1 warning`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let noun = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => "no findings".to_owned(),
        (errors, 0) => noun(errors, "error"),
        (0, warnings) => noun(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", noun(errors, "error"), noun(warnings, "warning")),
    }
}

fn one(diagnostic: &Diagnostic, places: &mut Places<'_>, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(clean(&diagnostic.message)).id(diagnostic.code);
    let mut elements: Vec<Element<'static>> = Vec::new();
    let mut cut: Vec<(String, String)> = Vec::new();
    // The place looked up second may stand before the first: keep the cursor where the next finding follows on.
    let related = diagnostic.related.as_deref().and_then(|(span, label)| Some((places.find(*span)?, label)));
    if let Some(place) = diagnostic.span.and_then(|span| places.find(span)) {
        cut.extend(place.column_of_cut_line());
        elements.push(place.element(AnnotationKind::Primary, None));
    }
    if let Some((place, label)) = related {
        cut.extend(place.column_of_cut_line());
        elements.push(place.element(AnnotationKind::Context, Some(clean(label))));
    }
    if let Some(help) = &diagnostic.help {
        if !elements.is_empty() {
            elements.push(Padding.into());
        }
        elements.push(Level::HELP.message(clean(help)).into());
    }
    let rendered = renderer.render(&[Group::with_title(title).elements(elements)]);
    cut.iter().fold(rendered, |text, (shown, real)| text.replacen(shown, real, 1))
}

/// One place in a file, ready to show.
struct Place {
    path: String,
    line: usize,
    column: usize,
    shown: String,
    marked: std::ops::Range<usize>,
}

impl Place {
    fn element(self, kind: AnnotationKind, label: Option<String>) -> Element<'static> {
        let annotation = kind.span(self.marked).label(label);
        Snippet::source(self.shown).path(self.path).line_start(self.line).fold(false).annotation(annotation).into()
    }

    /// The renderer counts columns in what it is shown: the place as it will write it, and the real one.
    fn column_of_cut_line(&self) -> Option<(String, String)> {
        let shown = 1 + self.shown[..self.marked.start].chars().count();
        let place = |column| format!("{}:{}:{column}", self.path, self.line);
        (shown != self.column).then(|| (place(shown), place(self.column)))
    }
}

/// Finds line and column of spans, fast when they come in file order.
struct Places<'a> {
    sources: &'a Sources,
    cursor: Option<(FileId, Cursor)>,
}

#[derive(Clone, Copy)]
struct Cursor {
    offset: usize,
    line: usize,
    line_start: usize,
    column: usize,
}

impl Cursor {
    const START: Self = Self { offset: 0, line: 1, line_start: 0, column: 1 };

    fn advance(&mut self, text: &str, to: usize) {
        let passed = &text[self.offset..to];
        match passed.rfind('\n') {
            Some(last) => {
                self.line += passed.bytes().filter(|b| *b == b'\n').count();
                self.line_start = self.offset + last + 1;
                self.column = 1 + text[self.line_start..to].chars().count();
            }
            None => self.column += passed.chars().count(),
        }
        self.offset = to;
    }
}

impl Places<'_> {
    fn find(&mut self, span: Span) -> Option<Place> {
        let (path, text) = self.sources.get(span.file)?;
        let start = text.floor_char_boundary(span.start as usize);
        let mut cursor = match self.cursor {
            Some((file, cursor)) if file == span.file && cursor.offset <= start => cursor,
            _ => Cursor::START,
        };
        cursor.advance(text, start);
        self.cursor = Some((span.file, cursor));
        let (shown, marked) = window(text, cursor.line_start, start, text.floor_char_boundary(span.end as usize));
        Some(Place {
            path: clean(&path.display().to_string()),
            line: cursor.line + self.sources.lines_before(span.file),
            column: cursor.column,
            shown,
            marked,
        })
    }
}

/// The part of the line around `start..end` that is shown, and where in it that range stands.
fn window(text: &str, line_start: usize, start: usize, end: usize) -> (String, std::ops::Range<usize>) {
    let before: Vec<char> = text[line_start..start].chars().rev().take(BEFORE + 1).collect();
    let mut shown = String::new();
    if before.len() > BEFORE {
        shown.push('…');
    }
    shown.extend(before.iter().take(BEFORE).rev().map(|c| visible(*c)));
    let marked = shown.len();
    let mut marked_end = marked;
    let mut at = start;
    for (count, c) in text[start..].chars().take_while(|c| *c != '\n').enumerate() {
        if count == AFTER {
            shown.push('…');
            break;
        }
        // A carriage return ends the line together with the line feed.
        if c != '\r' || !text[at..].starts_with("\r\n") {
            shown.push(visible(c));
        }
        at += c.len_utf8();
        if at <= end {
            marked_end = shown.len();
        }
    }
    (shown, marked..marked_end)
}

/// Control characters and those that change the reading direction must not reach a terminal.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

fn clean(message: &str) -> String {
    let mut shown: String = message.chars().take(LONGEST_MESSAGE).map(visible).collect();
    if message.chars().nth(LONGEST_MESSAGE).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn one(text: &str, range: std::ops::Range<usize>, message: &str) -> String {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("ieee13.yaml"), text.to_owned());
        let span = Span { file, start: range.start as u32, end: range.end as u32 };
        render(&[Diagnostic::error("E0203", message).at(span).help("did you mean \"645\"?")], &sources, false)
    }

    #[test]
    fn shows_place_caret_and_help() {
        let text = "loads:\n  a: {bus: 6x5}\n";
        insta::assert_snapshot!(one(text, 18..21, "bus \"6x5\" is not in feeder \"ieee13\""), @r#"
        error[E0203]: bus "6x5" is not in feeder "ieee13"
         --> ieee13.yaml:2:12
          |
        2 |   a: {bus: 6x5}
          |            ^^^
          |
          = help: did you mean "645"?

        1 error
        "#);
    }

    #[test]
    fn shows_a_window_of_a_very_long_line() {
        let text = "[".repeat(5_000_000);
        let shown = one(&text, 4_000_000..4_500_000, "too deep");
        assert!(shown.len() < 2000, "{}", shown.len());
        assert!(shown.contains(":1:4000001"), "{shown}");
    }

    #[test]
    fn lets_no_control_character_through() {
        let text = "a: \u{1b}[31mx\u{202e}\u{7}\u{0}\r\nb: 1\r\n";
        let shown = one(text, 3..12, "a\u{1b}[2Jb\nc");
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
        assert!(!shown.contains('\u{202e}'));
    }

    #[test]
    fn survives_spans_that_are_not_in_the_text() {
        for (start, end) in [(0, 9), (3, 2), (99, 100), (4, 4)] {
            assert!(one("aäb", start..end.max(start), "x").contains("E0203"));
        }
        assert!(one("", 0..0, "x").contains("ieee13.yaml:1:1"));
    }

    #[test]
    fn orders_by_place_and_counts() {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("f.yaml"), "a\nb\nc\n".to_owned());
        let at = |start| Span { file, start, end: start + 1 };
        let found = [
            Diagnostic::warning("W0201", "third").at(at(4)),
            Diagnostic::error("E0202", "second").at(at(2)).related(at(0), "first written here"),
            Diagnostic::error("E0201", "first"),
        ];
        insta::assert_snapshot!(render(&found, &sources, false), @r"
        error[E0201]: first

        error[E0202]: second
         --> f.yaml:2:1
          |
        2 | b
          | ^
          |
         ::: f.yaml:1:1
          |
        1 | a
          | - first written here

        warning[W0201]: third
         --> f.yaml:3:1
          |
        3 | c
          | ^

        2 errors, 1 warning
        ");
        assert_eq!(summary(&found[..1]), "1 warning");
    }

    #[test]
    fn lines_of_a_large_file_keep_their_numbers() {
        let mut sources = Sources::default();
        let file = sources.add_lines(Path::new("day.csv"), 41_999, "0.1,5\n0.2,x\n".into());
        let found = [Diagnostic::error("E0505", "not a number").at(Span { file, start: 10, end: 11 })];
        insta::assert_snapshot!(render(&found, &sources, false), @r"
        error[E0505]: not a number
             --> day.csv:42001:5
              |
        42001 | 0.2,x
              |     ^

        1 error
        ");
    }

    #[test]
    fn colours_only_when_asked() {
        let found = [Diagnostic::error("E0201", "x")];
        assert!(!render(&found, &Sources::default(), false).contains('\u{1b}'));
        assert!(render(&found, &Sources::default(), true).contains('\u{1b}'));
    }
}
