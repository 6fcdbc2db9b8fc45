//! What a script says about buses, and elements named as `class.name`.

use super::class::{self, Class};
use super::codes;
use super::interpreter::Interpreter;
use super::number::number;
use super::report::nearest;
use super::session::Session;
use super::store::Entry;
use super::text::{Params, Text};
use super::value::Value;
use crate::diagnostic::{Diagnostic, FileId};

/// Calls a closure-like expression for the entry of a circuit element.
macro_rules! of_element {
    ($circuit:expr, $class:expr, $name:expr, $entry:ident => $value:expr) => {
        match $class {
            Class::Line => $circuit.lines.items.get_mut($name).map(|$entry| $value),
            Class::Transformer => $circuit.transformers.items.get_mut($name).map(|$entry| $value),
            Class::Capacitor => $circuit.capacitors.items.get_mut($name).map(|$entry| $value),
            Class::Reactor => $circuit.reactors.items.get_mut($name).map(|$entry| $value),
            Class::Load => $circuit.loads.items.get_mut($name).map(|$entry| $value),
            Class::Generator => $circuit.generators.items.get_mut($name).map(|$entry| $value),
            Class::PvSystem => $circuit.pv_systems.items.get_mut($name).map(|$entry| $value),
            Class::Storage => $circuit.storages.items.get_mut($name).map(|$entry| $value),
            Class::Source => $circuit.sources.items.get_mut($name).map(|$entry| $value),
            Class::Fault => $circuit.faults.items.get_mut($name).map(|$entry| $value),
            _ => None,
        }
    };
}

fn open_end<T>(entry: &mut Entry<T>, terminal: u8, open: bool) {
    let bit = if terminal == 2 { 2 } else { 1 };
    if open {
        entry.open |= bit;
    } else {
        entry.open &= !bit;
    }
}

impl Session {
    /// The circuit element that a text names, as lower-case `class.name`.
    pub fn element(&self, text: Text<'_>) -> Value<String> {
        let text = text.trimmed();
        let Some((class, _)) = text.str.split_once('.') else {
            return Err(Diagnostic::error(codes::ELEMENT, "class.name is expected here").at(text.span()));
        };
        let Some(info) = class::find(class) else {
            let mut error = Diagnostic::error(codes::CLASS, format!("there is no class \"{}\"", text.shown()));
            if let Some(help) = nearest(class, class::names()) {
                error = error.help(help);
            }
            return Err(error.at(text.span()));
        };
        let circuit = &self.circuit;
        let kind = info.name;
        let at = text.part(class.len() + 1..text.str.len());
        match info.class {
            Class::Line => self.name(at, kind, &circuit.lines),
            Class::Transformer => self.name(at, kind, &circuit.transformers),
            Class::Capacitor => self.name(at, kind, &circuit.capacitors),
            Class::Reactor => self.name(at, kind, &circuit.reactors),
            Class::Load => self.name(at, kind, &circuit.loads),
            Class::Generator => self.name(at, kind, &circuit.generators),
            Class::PvSystem => self.name(at, kind, &circuit.pv_systems),
            Class::Storage => self.name(at, kind, &circuit.storages),
            Class::Source => self.name(at, kind, &circuit.sources),
            Class::Fault => self.name(at, kind, &circuit.faults),
            _ => {
                let message = format!("a {kind} is no circuit element with terminals");
                return Err(Diagnostic::error(codes::REFERENCE, message).at(text.span()));
            }
        }
        .map(|name| format!("{kind}.{name}"))
    }

    /// Opens or closes an end of an element named as `class.name`.
    pub fn set_open(&mut self, element: &str, terminal: u8, open: bool) {
        let Some((class, name)) = element.split_once('.') else { return };
        let class = class::find(class).map(|info| info.class);
        if let Some(class) = class {
            of_element!(self.circuit, class, name, entry => open_end(entry, terminal, open));
        }
    }

    /// The number of phases of a line or transformer named as `class.name`.
    pub fn phases(&self, element: &str) -> Option<usize> {
        let (class, name) = element.split_once('.')?;
        match class {
            "line" => self.circuit.lines.get(name).map(|line| line.value.phases),
            "transformer" => self.circuit.transformers.get(name).map(|t| t.value.phases()),
            _ => None,
        }
    }
}

impl Interpreter {
    /// `setkvbase bus=… kvll=…` (or kvln).
    pub(super) fn set_bus_base(&mut self, mut params: Params<'_>) -> Value<()> {
        let bus = params.next().value;
        let base = params.next();
        let kv = number(base.value)?;
        let line_to_line = if base.name.is("kvln") { kv * 3f64.sqrt() } else { kv };
        self.session.circuit.bus_bases_kv.insert(bus.trimmed().lower(), (line_to_line, bus.span()));
        Ok(())
    }

    /// `buscoords file`: lines of bus, x, y. What cannot be read is a warning: coordinates are for drawing.
    pub(super) fn coordinates(&mut self, file: Text<'_>, swapped: bool) {
        let text = match self.session.read_data(file) {
            Ok((_, text)) => text,
            Err(error) => {
                let warning = Diagnostic::warning(codes::COORDINATES, error.message).at(file.span());
                return self.session.report.add(warning);
            }
        };
        let mut bad = 0;
        for line in text.lines() {
            let mut params = Params::new(Text::new(line, FileId(0), 0));
            let bus = params.next().value;
            if bus.str.is_empty() {
                continue;
            }
            match (number(params.next().value), number(params.next().value)) {
                (Ok(x), Ok(y)) => {
                    let point = if swapped { [y, x] } else { [x, y] };
                    self.session.circuit.coordinates.insert(bus.lower(), point);
                }
                _ => bad += 1,
            }
        }
        if bad > 0 {
            let message = format!("{bad} lines of \"{}\" are not: bus, x, y", file.shown());
            self.session.report.warning(codes::COORDINATES, message, file.span());
        }
    }
}
