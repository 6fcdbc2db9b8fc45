//! Reading a script line by line.
//!
//! Rules as in OpenDSS 0.14.5: `/*` at the very beginning of a line starts a comment that ends with the line that holds
//! `*/`; a line is a command, or sets a property of an element by `class.name.property=value`; `~` goes on with the
//! element of the line before. A file name is seen from the folder of the file it stands in.

use std::path::{Path, PathBuf};

use super::class::{self, Class, ClassInfo, Role};
use super::codes;
use super::command::{self, Command};
use super::files::{Files, Script};
use super::report::nearest;
use super::session::Session;
use super::shape::Shape;
use super::spectrum::Spectrum;
use super::text::{Params, Text};
use super::value::Value;
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder;

/// How deep files may call files.
const DEPTH: usize = 32;

/// Bytes of a line beyond which no more variables are put in.
const SUBSTITUTED: usize = 1 << 20;

/// The state of one reading.
pub struct Interpreter {
    pub session: Session,
    /// The class whose active element `~` goes on with.
    pub(super) active: Option<&'static ClassInfo>,
    stack: Vec<PathBuf>,
}

impl Interpreter {
    /// Before the first line.
    pub fn new() -> Self {
        let session = Session {
            circuit: super::circuit::Circuit::default(),
            report: super::report::Report::default(),
            files: Files::default(),
            folder: PathBuf::new(),
            hz: 60.0,
            variables: std::collections::HashMap::new(),
            numbers_held: 0,
            work: 0,
        };
        let mut interpreter = Self { session, active: None, stack: Vec::new() };
        interpreter.clear();
        interpreter
    }

    fn clear(&mut self) {
        let earth_model = self.session.circuit.earth_model;
        self.session.circuit = super::circuit::Circuit { earth_model, ..super::circuit::Circuit::default() };
        let nowhere = Span { file: crate::diagnostic::FileId(0), start: 0, end: 0 };
        self.session.circuit.shapes.add("default", Shape::built_in(), nowhere);
        for name in feeder::Spectrum::built_in_names() {
            let own = feeder::Spectrum::built_in(name).map(Spectrum::built_in).unwrap_or_default();
            self.session.circuit.spectra.add(name, own, nowhere);
        }
        self.session.circuit.solve.load_multiplier = 1.0;
        self.active = None;
    }

    /// Reads a script and, as it says so, others.
    pub fn file(&mut self, path: &Path, named_at: Option<Span>) -> Value<()> {
        let problem = |code, what: String| Err(Diagnostic::error(code, what).at(named_at));
        if self.stack.len() >= DEPTH {
            return problem(codes::LIMIT, format!("files call each other more than {DEPTH} deep"));
        }
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if self.stack.contains(&canonical) {
            return problem(codes::CYCLE, format!("\"{}\" is being read already", path.display()));
        }
        let script = self.session.files.script(path, named_at)?;
        self.stack.push(canonical);
        self.session.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        self.run(&script);
        self.stack.pop();
        self.session.files.keep(script);
        Ok(())
    }

    fn run(&mut self, script: &Script) {
        let text = script.text.as_str();
        let mut foreign = script.foreign.iter().copied().peekable();
        let (mut at, mut in_comment) = (0, false);
        while at < text.len() {
            if self.session.report.is_full() && self.session.report.has_errors() {
                return;
            }
            let rest = &text[at..];
            let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
            let line = Text::new(&rest[..length], script.id, at);
            at += length + 1;
            in_comment |= line.str.starts_with("/*");
            let code_end = if in_comment { 0 } else { usize::MAX };
            while let Some(offset) = foreign.next_if(|offset| *offset < at) {
                self.foreign_character(line, offset + 1 + length - at, code_end);
            }
            if in_comment {
                in_comment = !line.str.contains("*/");
                continue;
            }
            self.line(line);
        }
    }

    /// A character that was not UTF-8, at a byte of a line: fine in a comment.
    fn foreign_character(&mut self, line: Text<'_>, offset: usize, code_end: usize) {
        if offset >= code_end.min(Params::code_end(line)) {
            return;
        }
        let width = line.str.get(offset..).and_then(|s| s.chars().next()).map_or(0, char::len_utf8);
        let span = line.part(offset..offset + width).span();
        let message = "this character is not UTF-8; it is fine in a comment only";
        let error = Diagnostic::error(codes::ENCODING, message).at(span);
        self.session.report.add(error.help("save the file as UTF-8"));
    }

    /// Does one line.
    fn line(&mut self, line: Text<'_>) {
        let substituted = self.substituted(line);
        let line = substituted.as_ref().map_or(line, |text| Text::fixed(text, line.trimmed().span()));
        let mut params = Params::new(line);
        let first = params.next();
        if first.value.str.is_empty() {
            return;
        }
        let done = if first.name.str.is_empty() {
            self.command(first.value, params)
        } else {
            self.property_line(first, params)
        };
        self.session.report.ok(done);
    }

    /// The line with the variables it uses put in, if it uses any.
    fn substituted(&self, line: Text<'_>) -> Option<String> {
        let variables = &self.session.variables;
        if variables.is_empty() || !line.str.contains('@') || line.str.trim_start().to_lowercase().starts_with("var") {
            return None;
        }
        let boundary = |c: char| " \t,=([{\"'|".contains(c);
        let mut out = String::with_capacity(line.str.len());
        let mut rest = line.str;
        while let Some(at) = rest.find('@').filter(|_| out.len() < SUBSTITUTED) {
            out.push_str(&rest[..at]);
            let begins = out.chars().next_back().is_none_or(boundary);
            let end = rest[at + 1..].find(|c: char| " \t,=)]}\"'|.^".contains(c)).map_or(rest.len(), |e| at + 1 + e);
            match variables.get(&rest[at..end].to_lowercase()).filter(|_| begins) {
                Some(value) if value.contains([' ', ',', '\t']) && out.ends_with('=') => {
                    out.push_str(&format!("[{value}]"));
                }
                Some(value) => out.push_str(value),
                None => out.push_str(&rest[at..end]),
            }
            rest = &rest[end..];
        }
        out.push_str(rest);
        Some(out)
    }

    fn command(&mut self, word: Text<'_>, mut params: Params<'_>) -> Value<()> {
        let Some((name, command)) = command::find(word.str) else {
            let mut error = Diagnostic::error(codes::COMMAND, format!("there is no command \"{}\"", word.shown()));
            if let Some(help) = nearest(word.str, command::names()) {
                error = error.help(help);
            }
            return Err(error.at(word.span()));
        };
        match command {
            Command::New => self.new_element(word, params)?,
            Command::Edit => self.edit_element(params)?,
            Command::More => self.edit_active(None, params, word.span())?,
            Command::Select => self.select(params.next().value)?,
            Command::Set => self.set_options(params),
            // OpenDSS takes options here too, and then solves.
            Command::Solve if name == "solve" => self.set_options(params),
            Command::Redirect => self.redirect(params.next().value, false)?,
            Command::Compile => self.redirect(params.next().value, true)?,
            Command::Clear => self.clear(),
            Command::Open => self.open_or_close(params, true)?,
            Command::Close => self.open_or_close(params, false)?,
            Command::Enable => self.enable(params, true)?,
            Command::Disable => self.enable(params, false)?,
            Command::BatchEdit => self.batch_edit(params)?,
            Command::CalcVoltageBases => {
                self.session.circuit.bases_calculated = true;
                self.session.circuit.bus_bases_kv.clear();
            }
            Command::SetKvBase => self.set_bus_base(params)?,
            Command::BusCoords => self.coordinates(params.next().value, false),
            Command::LatLongCoords => self.coordinates(params.next().value, true),
            Command::Variable => self.set_variables(params),
            Command::Folder => self.change_folder(params.next().value)?,
            Command::Solve => {}
            Command::Report => {
                let warning = Diagnostic::warning(codes::COMMAND_IGNORED, format!("{name} is ignored"));
                let help = "a study prints and draws its own results";
                self.session.report.once(name, warning.at(word.span()).help(help));
            }
            Command::Unsupported => {
                let message = format!("{name} changes the circuit and is not supported");
                return Err(Diagnostic::error(codes::COMMAND_UNSUPPORTED, message).at(word.span()));
            }
        }
        Ok(())
    }

    fn redirect(&mut self, file: Text<'_>, stay: bool) -> Value<()> {
        if file.str.is_empty() {
            return Ok(());
        }
        let named = file.str.to_owned();
        let with_extension = || Files::find(&self.session.folder, &format!("{}.dss", named.trim()));
        let Some(path) = Files::find(&self.session.folder, &named).or_else(with_extension) else {
            let message = format!("there is no file \"{}\" in {}", file.shown(), self.session.folder.display());
            return Err(Diagnostic::error(codes::FILE, message).at(file.span()));
        };
        let folder = self.session.folder.clone();
        self.file(&path, Some(file.span()))?;
        if !stay {
            self.session.folder = folder;
        }
        Ok(())
    }

    pub(super) fn change_folder(&mut self, folder: Text<'_>) -> Value<()> {
        let path = self.session.folder.join(folder.str.trim().replace('\\', "/"));
        if !path.is_dir() {
            let message = format!("there is no folder \"{}\"", folder.shown());
            return Err(Diagnostic::error(codes::FILE, message).at(folder.span()));
        }
        self.session.folder = path;
        Ok(())
    }

    fn set_variables(&mut self, mut params: Params<'_>) {
        loop {
            let param = params.next();
            if param.value.str.is_empty() {
                return;
            }
            if param.name.str.starts_with('@') {
                self.session.variables.insert(param.name.lower(), param.value.str.to_owned());
            }
        }
    }

    /// The class and name that a command's first parameter gives; without a class, the last one.
    fn object<'a>(&self, params: &mut Params<'a>) -> Value<(Option<Text<'a>>, Text<'a>)> {
        let param = params.next();
        let n = param.name.str.len();
        if n > 0 && !"object".get(..n).is_some_and(|o| param.name.is(o)) {
            let message = "class.name is expected here";
            return Err(Diagnostic::error(codes::ELEMENT, message).at(param.name.span()));
        }
        let text = param.value;
        match text.str.split_once('.') {
            Some((class, _)) => Ok((Some(text.part(0..class.len())), text.part(class.len() + 1..text.str.len()))),
            None => Ok((None, text)),
        }
    }

    /// The class of this name; without one, the active class.
    pub(super) fn class(&self, class: Option<Text<'_>>, of: Text<'_>) -> Value<&'static ClassInfo> {
        let Some(text) = class else {
            let message = format!("\"{}\" is not class.name", of.shown());
            return self.active.ok_or_else(|| Diagnostic::error(codes::ELEMENT, message).at(of.span()));
        };
        class::find(text.str).ok_or_else(|| {
            let mut error = Diagnostic::error(codes::CLASS, format!("there is no class \"{}\"", text.shown()));
            if let Some(help) = nearest(text.str, class::names()) {
                error = error.help(help);
            }
            error.at(text.span())
        })
    }

    fn new_element(&mut self, word: Text<'_>, mut params: Params<'_>) -> Value<()> {
        let (class, name) = self.object(&mut params)?;
        if class.is_some_and(|c| c.is("circuit")) {
            return self.new_circuit(name, params);
        }
        let info = self.class(class, name)?;
        if name.str.is_empty() {
            return Err(Diagnostic::error(codes::ELEMENT, format!("this {} has no name", info.name)).at(word.span()));
        }
        self.active = Some(info);
        if let Class::Other(role) = info.class {
            self.other(info, role, name);
        } else if !self.add(info, name)? {
            return Ok(());
        }
        self.edit_active(None, params, name.span())
    }

    /// Notes an element of a class without a model.
    fn other(&mut self, info: &'static ClassInfo, role: Role, name: Text<'_>) {
        let class = info.name;
        let report = &mut self.session.report;
        match role {
            Role::Silent => {}
            Role::Meter => {
                let warning = Diagnostic::warning(codes::METER_IGNORED, format!("each {class} is ignored"));
                report.once(class, warning.at(name.span()).help("a scenario has its own instruments"));
            }
            Role::Protection => {
                let message = format!("a {class} does not act here: protection is not simulated");
                report.once(class, Diagnostic::warning(codes::PROTECTION_IGNORED, message).at(name.span()));
            }
            Role::Unsupported => {
                let message =
                    format!("{class} \"{}\" would change the result; this class is not supported", name.shown());
                report.error(codes::CLASS_UNSUPPORTED, message, name.span());
            }
        }
        let key = format!("{class}.{}", name.trimmed().lower());
        self.session.circuit.others.add(&key, super::circuit::Other, name.span());
    }

    fn new_circuit(&mut self, name: Text<'_>, params: Params<'_>) -> Value<()> {
        if let Some((first, _)) = &self.session.circuit.name {
            let message = format!("circuit \"{first}\" is there already; a script describes one circuit");
            return Err(Diagnostic::error(codes::CIRCUIT, message).at(name.span()));
        }
        self.session.circuit.name = Some((name.trimmed().lower(), name.span()));
        self.session.circuit.sources.add("source", super::source::Source::of_circuit(), name.span());
        self.active = Some(class::info(Class::Source));
        self.edit_active(None, params, name.span())
    }

    fn edit_element(&mut self, mut params: Params<'_>) -> Value<()> {
        let (class, name) = self.object(&mut params)?;
        if class.is_some_and(|c| c.is("circuit")) {
            return Ok(());
        }
        let info = self.class(class, name)?;
        self.select_in(info, name)?;
        self.edit_active(None, params, name.span())
    }

    /// Selects `class.name`.
    pub(super) fn select(&mut self, object: Text<'_>) -> Value<()> {
        let Some((class, _)) = object.str.split_once('.') else {
            let Some(info) = self.active else { return Ok(()) };
            return self.select_in(info, object);
        };
        let text = object.part(0..class.len());
        if text.is("circuit") {
            return Ok(());
        }
        let info = self.class(Some(text), object)?;
        self.select_in(info, object.part(class.len() + 1..object.str.len()))
    }

    pub(super) fn select_class(&mut self, class: Text<'_>) -> Value<()> {
        self.active = Some(self.class(Some(class), class)?);
        Ok(())
    }

    /// `class.name.property=value …`, `name.property=value …` or `property=value …`.
    fn property_line(&mut self, first: super::text::Param<'_>, params: Params<'_>) -> Value<()> {
        let name = first.name;
        let mut dots = name.str.match_indices('.').map(|(at, _)| at);
        let property = match (dots.next(), dots.next()) {
            (None, _) => name,
            (Some(dot), None) => {
                self.select(name.part(0..dot))?;
                name.part(dot + 1..name.str.len())
            }
            (Some(_), Some(dot)) => {
                self.select(name.part(0..dot))?;
                name.part(dot + 1..name.str.len())
            }
        };
        let first = super::text::Param { name: property, ..first };
        self.edit_active(Some(first), params, name.span())
    }
}
