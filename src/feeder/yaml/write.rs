//! From a [`Feeder`] to the text of a feeder file that reads back as the same feeder.
//!
//! One element a line, keys that hold their default left out, numbers as short as they read back exactly. Numbers must
//! be finite: others are written as nothing, which the reader refuses.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use super::super::Feeder;

const HEADER: &str = "# yaml-language-server: $schema=../docs/schema/feeder.schema.json\n";

/// Top-level keys whose value is short and stays on their line.
const ON_ONE_LINE: &[&str] = &["solve"];

/// The text of a feeder file.
pub fn write(feeder: &Feeder) -> String {
    let mut out = HEADER.as_bytes().to_vec();
    // Writing to memory cannot fail, and every key is a string.
    let written = feeder.serialize(&mut Serializer::with_formatter(&mut out, Lines::default()));
    debug_assert!(written.is_ok(), "{written:?}");
    // Line breaks inside strings are escaped: these are the layout's own.
    let text = String::from_utf8(out).unwrap_or_default().replace(": \n", ":\n");
    text.trim_end().to_owned() + "\n"
}

/// Lays JSON out as YAML: two levels of block mappings, the rest in brackets.
#[derive(Default)]
struct Lines {
    /// Mappings and lists around.
    depth: usize,
    /// The mapping or list has no entry yet.
    empty: bool,
    /// The text being written, escaped as in JSON, and whether it holds an escape.
    text: String,
    escaped: bool,
    top_key: String,
    in_key: bool,
}

impl Lines {
    /// Whether entries at this depth stand on lines of their own.
    fn block(&self) -> bool {
        self.depth == 1 || self.depth == 2 && !ON_ONE_LINE.contains(&self.top_key.as_str())
    }

    fn separate<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        match (self.block(), self.depth, first) {
            (true, 1, _) => Ok(()),
            (true, _, _) => out.write_all(if first { b"\n  " } else { b"  " }),
            (false, _, true) => Ok(()),
            (false, _, false) => out.write_all(b", "),
        }
    }
}

impl Formatter for Lines {
    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        let mut digits = Vec::new();
        serde_json::ser::CompactFormatter.write_f64(&mut digits, value)?;
        out.write_all(digits.strip_suffix(b".0").unwrap_or(&digits))
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.empty = true;
        if self.block() { Ok(()) } else { out.write_all(b"{") }
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let braces: &[u8] = match (self.block(), self.empty) {
            (true, true) => b"{}",
            (true, false) => b"",
            (false, _) => b"}",
        };
        // A section in block style has ended its last line itself.
        self.depth -= 1;
        self.empty = false;
        out.write_all(braces)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.empty = false;
        self.in_key = true;
        self.separate(out, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.in_key = false;
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.block() { out.write_all(b"\n") } else { Ok(()) }
    }

    fn begin_string<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.text.clear();
        self.escaped = false;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, _: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            if is_printable(c) {
                self.text.push(c);
            } else {
                self.escaped = true;
                self.text.push_str(&format!("\\u{:04X}", u32::from(c)));
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, _: &mut W, escape: CharEscape) -> io::Result<()> {
        let mut bytes = Vec::new();
        serde_json::ser::CompactFormatter.write_char_escape(&mut bytes, escape)?;
        self.escaped = true;
        self.text.push_str(&String::from_utf8_lossy(&bytes));
        Ok(())
    }

    fn end_string<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.in_key && self.depth == 1 {
            self.top_key.clone_from(&self.text);
        }
        if !self.escaped && is_plain(&self.text) {
            out.write_all(self.text.as_bytes())
        } else {
            write!(out, "\"{}\"", self.text)
        }
    }
}

/// Characters that YAML allows as themselves and no reader folds or drops.
fn is_printable(c: char) -> bool {
    !matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether every YAML reader, of version 1.1 or 1.2, takes the bare text for this text.
fn is_plain(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(word)
        && !text.ends_with(' ')
        && text.chars().all(|c| word(c) || matches!(c, '.' | '-' | '+' | '/' | ' '))
        && !is_word_of_yaml(text)
        && !is_like_a_number(text)
}

fn is_word_of_yaml(text: &str) -> bool {
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Numbers of either version, and YAML 1.1's dates.
fn is_like_a_number(text: &str) -> bool {
    let digits = text.replace('_', "");
    let based = |prefix| text.starts_with(prefix) && text[2..].chars().all(|c| c.is_ascii_hexdigit() || c == '_');
    let date = text.starts_with(|c: char| c.is_ascii_digit()) && text.matches('-').count() == 2;
    digits.parse::<f64>().is_ok() || based("0x") || based("0o") || based("0b") || date
}
