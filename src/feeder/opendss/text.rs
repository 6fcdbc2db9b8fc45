//! Pieces of a script with their place, and the splitting of a line into parameters.
//!
//! The rules are those of OpenDSS 0.14.5: parameters are separated by commas, blanks or tabs, `name=value` names one,
//! a value may stand in `"…"`, `'…'`, `(…)`, `[…]` or `{…}`, and `!` or `//` outside of these ends the line.

use std::ops::Range;

use crate::diagnostic::{FileId, Span};

/// A piece of script text and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    pub str: &'a str,
    at: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// The text itself begins here.
    Exact(FileId, u32),
    /// The text came from elsewhere (a variable); all of it belongs to this place.
    Fixed(Span),
}

impl<'a> Text<'a> {
    /// Text that begins at byte `start` of a file.
    pub fn new(str: &'a str, file: FileId, start: usize) -> Self {
        Self { str, at: Place::Exact(file, u32::try_from(start).unwrap_or(u32::MAX)) }
    }

    /// Text that stands for what is written at `span`.
    pub fn fixed(str: &'a str, span: Span) -> Self {
        Self { str, at: Place::Fixed(span) }
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        match self.at {
            Place::Exact(file, start) => {
                Span { file, start, end: start.saturating_add(u32::try_from(self.str.len()).unwrap_or(u32::MAX)) }
            }
            Place::Fixed(span) => span,
        }
    }

    /// A part of it. The range must lie on character boundaries; an impossible range gives an empty text.
    pub fn part(&self, range: Range<usize>) -> Self {
        let start = u32::try_from(range.start).unwrap_or(u32::MAX);
        let str = self.str.get(range).unwrap_or("");
        let at = match self.at {
            Place::Exact(file, at) => Place::Exact(file, at.saturating_add(start)),
            fixed @ Place::Fixed(_) => fixed,
        };
        Self { str, at }
    }

    /// Without blanks around it.
    pub fn trimmed(&self) -> Self {
        let start = self.str.len() - self.str.trim_start().len();
        let len = self.str.trim().len();
        self.part(start..start + len)
    }

    /// Whether it is this word, in any case.
    pub fn is(&self, word: &str) -> bool {
        self.str.eq_ignore_ascii_case(word)
    }

    /// Its beginning, for a message.
    pub fn shown(&self) -> &'a str {
        self.str.char_indices().nth(60).map_or(self.str, |(end, _)| &self.str[..end])
    }

    /// In lower case.
    pub fn lower(&self) -> String {
        self.str.to_lowercase()
    }
}

/// One parameter of a line.
#[derive(Clone, Copy, Debug)]
pub struct Param<'a> {
    /// What stands before `=`; empty for a parameter given by position.
    pub name: Text<'a>,
    /// The value without its quotes.
    pub value: Text<'a>,
    /// The value stood in quotes: numbers in it are in reverse Polish notation.
    pub quoted: bool,
}

/// Splits a text into parameters, or a quoted list into its tokens.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    text: Text<'a>,
    pos: usize,
    rows: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Blank,
    Delimiter(u8),
    Comment,
}

impl<'a> Params<'a> {
    /// The parameters of a line or list.
    pub fn new(text: Text<'a>) -> Self {
        let mut params = Self { text, pos: 0, rows: false };
        params.skip_blanks();
        params
    }

    /// The tokens of a matrix: `|` also separates.
    pub fn of_matrix(text: Text<'a>) -> Self {
        Self { rows: true, ..Self::new(text) }
    }

    fn byte(&self, at: usize) -> u8 {
        // OpenDSS appends a blank to each line.
        self.text.str.as_bytes().get(at).copied().unwrap_or(b' ')
    }

    fn skip_blanks(&mut self) {
        while self.pos < self.text.str.len() && matches!(self.byte(self.pos), b' ' | b'\t') {
            self.pos += 1;
        }
    }

    fn stop_at(&self, at: usize) -> Option<Stop> {
        match self.byte(at) {
            b'!' => Some(Stop::Comment),
            b'/' if self.byte(at + 1) == b'/' => Some(Stop::Comment),
            c @ (b',' | b'=') => Some(Stop::Delimiter(c)),
            b'|' if self.rows => Some(Stop::Delimiter(b'|')),
            b' ' | b'\t' => Some(Stop::Blank),
            _ => None,
        }
    }

    /// The next token, whether it was quoted, and what ended it.
    fn token(&mut self, mut last: Stop) -> (Text<'a>, bool, Stop) {
        let len = self.text.str.len();
        if self.pos > len {
            return (self.text.part(len..len), false, last);
        }
        let closing = match self.byte(self.pos) {
            b'(' => Some(b')'),
            b'"' => Some(b'"'),
            b'\'' => Some(b'\''),
            b'[' => Some(b']'),
            b'{' => Some(b'}'),
            _ => None,
        };
        let start = self.pos + usize::from(closing.is_some());
        self.pos = start;
        if let Some(closing) = closing {
            while self.pos < len && self.byte(self.pos) != closing {
                self.pos += 1;
            }
        } else {
            while self.pos < len {
                if let Some(stop) = self.stop_at(self.pos) {
                    last = stop;
                    break;
                }
                self.pos += 1;
            }
        }
        let token = self.text.part(start.min(len)..self.pos.min(len));
        if closing.is_some() && self.pos < len {
            self.pos += 1;
        }
        if last == Stop::Comment {
            self.pos = len + 1;
            return (token, closing.is_some(), last);
        }
        if last == Stop::Blank {
            self.skip_blanks();
        }
        if self.pos < len
            && let c = self.byte(self.pos)
            && (matches!(c, b',' | b'=') || (self.rows && c == b'|'))
        {
            last = Stop::Delimiter(c);
            self.pos += 1;
        }
        self.skip_blanks();
        (token, closing.is_some(), last)
    }

    /// The next parameter. An empty value is the end: OpenDSS reads no further.
    pub fn next(&mut self) -> Param<'a> {
        let (token, quoted, stop) = self.token(Stop::Blank);
        if stop == Stop::Delimiter(b'=') {
            let (value, quoted, _) = self.token(stop);
            return Param { name: token, value, quoted };
        }
        Param { name: token.part(0..0), value: token, quoted }
    }

    /// The next token of a matrix row and whether the row ends with it; `None` at the end.
    pub fn next_in_row(&mut self) -> Option<(Param<'a>, bool)> {
        let (value, quoted, stop) = self.token(Stop::Blank);
        let row_ends = stop == Stop::Delimiter(b'|');
        (row_ends || !value.str.is_empty()).then(|| (Param { name: value.part(0..0), value, quoted }, row_ends))
    }

    /// What has not been read yet, without comments; empty when a comment ended the line.
    pub fn rest(&self) -> Text<'a> {
        let len = self.text.str.len();
        self.text.part(self.pos.min(len)..len)
    }

    /// Where the code of the text ends and its comment begins.
    pub fn code_end(text: Text<'a>) -> usize {
        let mut params = Self::new(text);
        let mut end = 0;
        while params.pos <= text.str.len() {
            let before = params.pos;
            let (token, quoted, stop) = params.token(Stop::Blank);
            if stop == Stop::Comment {
                let start = before + usize::from(quoted);
                return start + token.str.len() + usize::from(quoted);
            }
            end = params.pos;
            if params.pos == before {
                break;
            }
        }
        end.min(text.str.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<(String, String)> {
        let mut params = Params::new(Text::new(line, FileId(0), 0));
        let mut out = Vec::new();
        loop {
            let param = params.next();
            if param.value.str.is_empty() {
                return out;
            }
            out.push((param.name.str.to_owned(), param.value.str.to_owned()));
        }
    }

    #[test]
    fn a_line_splits_as_in_opendss() {
        let pairs = split("New Line.a  Bus1 = x.1.2,bus2=(y . 3) \"length\"=[1 2] r1={a,b} 7 ! c");
        let expected = [
            ("", "New"),
            ("", "Line.a"),
            ("Bus1", "x.1.2"),
            ("bus2", "y . 3"),
            ("length", "1 2"),
            ("r1", "a,b"),
            ("", "7"),
        ];
        assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn a_comment_ends_the_line_but_not_within_quotes() {
        assert_eq!(split("a=(x ! y) b=2//c=3").len(), 2);
        let line = Text::new("a=5 // b", FileId(0), 0);
        assert_eq!(Params::code_end(line), 3 + 1);
    }

    #[test]
    fn spans_point_at_the_value() {
        let mut params = Params::new(Text::new("kv=(4.16) kw=7", FileId(0), 100));
        let span = params.next().value.span();
        assert_eq!((span.start, span.end), (104, 108));
    }
}
