//! What is at hand while a script is read, and helpers for its values.

use std::collections::HashMap;
use std::path::PathBuf;

use super::circuit::Circuit;
use super::codes;
use super::files::Files;
use super::line::ConductorKind;
use super::number::number;
use super::report::{Report, nearest};
use super::store::Store;
use super::text::{Params, Text};
use super::value::{Value, list};
use crate::diagnostic::{Diagnostic, Span};

/// The state of one reading.
#[derive(Debug)]
pub struct Session {
    pub circuit: Circuit,
    pub report: Report,
    pub files: Files,
    /// The folder that file names are seen from.
    pub folder: PathBuf,
    /// The circuit's frequency.
    pub hz: f64,
    /// Variables by lower-case name with their `@`.
    pub variables: HashMap<String, String>,
    /// Numbers that lists and matrices hold so far.
    pub numbers_held: usize,
    /// Elements that commands have gone through so far.
    pub work: usize,
}

/// Most numbers that lists and matrices hold together; a thousand customers by 15 minutes for a year are 35 million.
pub const NUMBERS: usize = 40_000_000;

/// Most elements that commands for many elements go through together.
const WORK: usize = 20_000_000;

impl Session {
    /// Yes or no; anything else is no, with a warning.
    pub fn yes(&mut self, text: Text<'_>) -> bool {
        super::value::yes_no(text).unwrap_or_else(|| {
            let message = format!("\"{}\" is neither yes nor no; OpenDSS takes it as no", text.shown());
            self.report.warning(codes::YES_NO, message, text.span());
            false
        })
    }

    /// The lower-case name of something that exists.
    pub fn name<T: Default>(&self, text: Text<'_>, kind: &str, store: &Store<T>) -> Value<String> {
        let name = text.trimmed().lower();
        if store.get(&name).is_some() {
            return Ok(name);
        }
        let mut error = Diagnostic::error(codes::REFERENCE, format!("there is no {kind} \"{name}\"")).at(text.span());
        if !self.report.is_full()
            && let Some(help) = nearest(&name, store.names())
        {
            error = error.help(help);
        }
        Err(error)
    }

    /// Counts numbers that will be held, within the limit.
    pub fn hold(&mut self, numbers: usize, at: Span) -> Value<()> {
        self.numbers_held = self.numbers_held.saturating_add(numbers);
        if self.numbers_held <= NUMBERS {
            return Ok(());
        }
        let message = format!("lists and matrices hold more than {NUMBERS} numbers");
        Err(Diagnostic::error(codes::LIMIT, message).at(at))
    }

    /// Counts elements that a command goes through, within the limit.
    pub fn go_through(&mut self, elements: usize, at: Span) -> Value<()> {
        self.work = self.work.saturating_add(elements);
        if self.work <= WORK {
            return Ok(());
        }
        let message = format!("commands for many elements go through more than {WORK} of them");
        Err(Diagnostic::error(codes::LIMIT, message).at(at))
    }

    /// The name of a conductor of some class.
    pub fn conductor(&self, text: Text<'_>, kind: ConductorKind) -> Value<String> {
        match kind {
            ConductorKind::Wire => self.name(text, "wire", &self.circuit.wires),
            ConductorKind::Concentric => self.name(text, "concentric-neutral cable", &self.circuit.concentric),
            ConductorKind::Tape => self.name(text, "tape-shielded cable", &self.circuit.tapes),
        }
    }

    /// The name of a load shape; `none` is none.
    pub fn shape(&self, text: Text<'_>) -> Value<Option<String>> {
        if text.trimmed().is("none") {
            return Ok(None);
        }
        self.name(text, "load shape", &self.circuit.shapes).map(Some)
    }

    /// The name of a spectrum; `none` is none.
    pub fn spectrum(&self, text: Text<'_>) -> Value<Option<String>> {
        if text.trimmed().is("none") {
            return Ok(None);
        }
        self.name(text, "spectrum", &self.circuit.spectra).map(Some)
    }

    /// The points of a named curve; `none` is none.
    pub fn curve(&self, text: Text<'_>) -> Value<Vec<[f64; 2]>> {
        if text.trimmed().is("none") {
            return Ok(Vec::new());
        }
        let name = self.name(text, "XY curve", &self.circuit.curves)?;
        Ok(self.circuit.curves.get(&name).map_or_else(Vec::new, |curve| curve.value.points()))
    }

    fn data_file(&self, file: Text<'_>) -> Value<PathBuf> {
        Files::find(&self.folder, file.str).ok_or_else(|| {
            let message = format!("there is no file \"{}\" in {}", file.shown(), self.folder.display());
            Diagnostic::error(codes::FILE, message).at(file.span())
        })
    }

    /// The lines of a data file, split into fields.
    pub fn read_data(&mut self, file: Text<'_>) -> Value<(PathBuf, String)> {
        let path = self.data_file(file)?;
        let text = self.files.data(&path, file.span())?;
        Ok((path, text))
    }

    /// Rows of numbers of a data file: the fields `columns` of each line, until `most` lines were read.
    pub fn columns(&mut self, file: Text<'_>, columns: &[usize], header: bool, most: usize) -> Value<Vec<Vec<f64>>> {
        let (path, text) = self.read_data(file)?;
        self.hold(columns.len() * most.min(text.len()), file.span())?;
        let mut out = vec![Vec::new(); columns.len()];
        let mut at = 0;
        let mut skip = header;
        // OpenDSS stops where no more than one byte is left, and takes what is missing from a line for zero.
        while at + 1 < text.len() && out.first().is_some_and(|c| c.len() < most) {
            let start = at;
            let line = text[at..].split('\n').next().unwrap_or_default();
            at += line.len() + 1;
            let line = line.trim_end_matches('\r');
            if std::mem::take(&mut skip) {
                continue;
            }
            for (column, values) in columns.iter().zip(&mut out) {
                let Some(field) = field(line, *column) else {
                    let id = self.files.keep_data(&path, text.clone());
                    let span = Text::new(line, id, start).span();
                    let message = format!("field {} of this line is not a number", column + 1);
                    self.report.error(codes::NUMBER, message, span);
                    let message = format!("\"{}\" cannot be read as numbers", file.shown());
                    return Err(Diagnostic::error(codes::FILE, message).at(file.span()));
                };
                values.push(field);
            }
        }
        Ok(out)
    }

    /// A list of at most `most` numbers, given in place or as `file=name, column=n, header=yes`. A list in place that
    /// is shorter ends with zeros; a file that is shorter gives a shorter list.
    pub fn numbers(&mut self, text: Text<'_>, most: usize) -> Value<Vec<f64>> {
        let mut params = Params::new(text);
        let first = params.next();
        if first.name.is("file") {
            return self.numbers_of_file(first.value, params, most);
        }
        if first.name.is("dblfile") || first.name.is("sngfile") {
            return self.numbers_of_binary(first.value, first.name.is("dblfile"), most);
        }
        let mut values = list(text)?;
        self.hold(most, text.span())?;
        values.resize(most, 0.0);
        Ok(values)
    }

    /// At most `most` numbers of a file of little-endian floats of double or single precision.
    pub fn numbers_of_binary(&mut self, file: Text<'_>, double: bool, most: usize) -> Value<Vec<f64>> {
        let path = self.data_file(file)?;
        let bytes = self.files.binary(&path, file.span())?;
        let numbers: Vec<f64> = if double {
            bytes.as_chunks().0.iter().take(most).map(|b| f64::from_le_bytes(*b)).collect()
        } else {
            bytes.as_chunks().0.iter().take(most).map(|b| f64::from(f32::from_le_bytes(*b))).collect()
        };
        self.hold(numbers.len(), file.span())?;
        match numbers.iter().position(|x| !x.is_finite()) {
            None => Ok(numbers),
            Some(k) => {
                let message = format!("number {} of \"{}\" is not finite", k + 1, file.shown());
                Err(Diagnostic::error(codes::NUMBER, message).at(file.span()))
            }
        }
    }

    fn numbers_of_file(&mut self, file: Text<'_>, mut params: Params<'_>, most: usize) -> Value<Vec<f64>> {
        let (mut column, mut header) = (1, false);
        loop {
            let param = params.next();
            if param.value.str.is_empty() {
                break;
            }
            let begins = |word: &str| {
                let n = param.name.str.len().min(word.len());
                n > 0 && param.name.str.get(..n).is_some_and(|p| p.eq_ignore_ascii_case(&word[..n]))
            };
            if begins("column") {
                column = super::line_code::count(param.value)?;
            } else if begins("header") {
                header = self.yes(param.value);
            }
        }
        Ok(self.columns(file, &[column - 1], header, most)?.swap_remove(0))
    }
}

/// The number in one field of a line of data.
fn field(line: &str, column: usize) -> Option<f64> {
    let mut params = Params::new(Text::new(line, crate::diagnostic::FileId(0), 0));
    let mut value = params.next().value;
    for _ in 0..column {
        value = params.next().value;
    }
    if value.str.is_empty() { Some(0.0) } else { number(value).ok() }
}

/// Something that would change the result and is not supported.
pub fn unsupported(message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error(codes::UNSUPPORTED, message).at(span)
}
