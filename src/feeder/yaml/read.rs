//! From a feeder file to a [`Feeder`], with all that is wrong with it and where each part was written.

use std::path::Path;

use crate::diagnostic::yaml::{Key, Node, Value, parse, read_except, read_map};
use crate::diagnostic::{Diagnostic, FileId, Sources, Span};

use super::super::{Feeder, Named, Origin, Reading, check};

/// Deepest nesting of keys whose places are remembered: `cables.x.conductor.radius_mm`, `geometries.x.conductors.0.wire`.
const DEEPEST_ORIGIN: usize = 3;

/// Reads and checks a feeder file.
pub fn read(path: &Path) -> Reading {
    let mut sources = Sources::default();
    match sources.load(path) {
        Ok(file) => finish(file, sources),
        Err(finding) => Reading { feeder: None, diagnostics: vec![*finding], sources },
    }
}

/// Reads and checks a feeder file's text; `path` is what findings call it.
pub fn from_text(text: String, path: &Path) -> Reading {
    let mut sources = Sources::default();
    let file = sources.add(path, text);
    finish(file, sources)
}

fn finish(file: FileId, sources: Sources) -> Reading {
    let mut diagnostics = Vec::new();
    let text = sources.get(file).map_or("", |(_, text)| text);
    let feeder = parse(text, file, &mut diagnostics).and_then(|root| feeder(&root, &mut diagnostics));
    let feeder = feeder.filter(|_| !diagnostics.iter().any(Diagnostic::is_error));
    Reading { feeder, diagnostics, sources }
}

/// The checked feeder; with errors in `found` it is incomplete.
fn feeder(root: &Node, found: &mut Vec<Diagnostic>) -> Option<Feeder> {
    let (feeder, header_is_good) = structure(root, found)?;
    if header_is_good {
        check::header(&feeder, found);
    }
    check::elements(&feeder, found);
    Some(feeder)
}

/// The feeder as written, not checked, and whether its top-level keys are what was written.
pub(super) fn structure(root: &Node, found: &mut Vec<Diagnostic>) -> Option<(Feeder, bool)> {
    let nothing = root.value == Value::Null;
    if nothing || !matches!(root.value, Value::Map(_)) {
        let message =
            if nothing { "the file is empty".to_owned() } else { format!("a feeder is not {}", root.describe()) };
        let finding = Diagnostic::error("E0008", message).at(root.span);
        found.push(finding.help("a feeder needs at least the keys feeder, voltage_bases_kv and sources"));
        return None;
    }
    let start = Span { end: root.span.start, ..root.span };
    let before = found.len();
    let mut feeder: Feeder = read_except(root, start, SECTIONS, found)?;
    let header_is_good = found.len() == before;
    for (key, node) in root.entries() {
        feeder.origins.insert_key(&key.name, key.span);
        if SECTIONS.contains(&key.name.as_str()) {
            fill(&mut feeder, key, node, found);
            remember(&mut feeder, &key.name, node);
        }
    }
    feeder.lower_case_references();
    Some((feeder, header_is_good))
}

macro_rules! sections {
    ($($section:ident)*) => {
        /// The keys whose values are elements by name.
        const SECTIONS: &[&str] = &[$(stringify!($section)),*];

        fn fill(feeder: &mut Feeder, section: &Key, node: &Node, found: &mut Vec<Diagnostic>) {
            match section.name.as_str() {
                $(stringify!($section) => feeder.$section = read_map(node, found),)*
                _ => {}
            }
        }
    };
}

sections! {
    buses sources line_codes wires cables geometries lines transformers regulators capacitors capacitor_controls
    reactors loads distributed_loads generators pv_systems storages
    current_sources spectra faults shapes
}

fn remember(feeder: &mut Feeder, section: &str, node: &Node) {
    for (name, element) in node.entries() {
        let mut keys = Vec::new();
        places(element, "", DEEPEST_ORIGIN, &mut keys);
        feeder.origins.insert(section, &name.name.to_lowercase(), Origin { whole: name.span, keys });
    }
}

/// The places of a node's keys by their path.
fn places(node: &Node, path: &str, depth: usize, keys: &mut Vec<(Box<str>, Span)>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for (key, value) in node.entries() {
        let path = format!("{path}{}", key.name);
        keys.push((path.as_str().into(), value.span));
        places(value, &format!("{path}."), depth, keys);
    }
    // Of lists, only those of mappings have keys to point at.
    for (k, item) in node.items().iter().enumerate().filter(|(_, item)| matches!(item.value, Value::Map(_))) {
        keys.push((format!("{path}{k}").into(), item.span));
        places(item, &format!("{path}{k}."), depth, keys);
    }
}

impl Feeder {
    /// Names are lower-case throughout, wherever an element refers to another.
    fn lower_case_references(&mut self) {
        let lower = |name: &mut String| *name = name.to_lowercase();
        let each = |names: &mut [&mut Option<String>]| names.iter_mut().filter_map(|n| n.as_mut()).for_each(lower);
        fn of<T>(named: &mut Named<T>) -> impl Iterator<Item = &mut T> {
            named.values_mut()
        }
        of(&mut self.lines).for_each(|x| each(&mut [&mut x.code, &mut x.geometry]));
        for geometry in of(&mut self.geometries) {
            geometry.conductors.iter_mut().for_each(|x| each(&mut [&mut x.wire, &mut x.cable]));
        }
        of(&mut self.transformers).for_each(|x| each(&mut [&mut x.bank]));
        of(&mut self.regulators).for_each(|x| lower(&mut x.transformer));
        for control in of(&mut self.capacitor_controls) {
            lower(&mut control.capacitor);
            lower(&mut control.element);
            each(&mut [&mut control.override_bus]);
        }
        each(&mut [&mut self.solve.load_spectrum]);
        of(&mut self.sources).for_each(|x| each(&mut [&mut x.spectrum]));
        of(&mut self.current_sources).for_each(|x| each(&mut [&mut x.spectrum]));
        of(&mut self.loads).for_each(|x| each(&mut [&mut x.daily, &mut x.yearly, &mut x.duty, &mut x.spectrum]));
        for load in of(&mut self.distributed_loads) {
            lower(&mut load.line);
            each(&mut [&mut load.daily]);
        }
        of(&mut self.generators).for_each(|x| each(&mut [&mut x.daily, &mut x.yearly, &mut x.duty, &mut x.spectrum]));
        of(&mut self.pv_systems).for_each(|x| each(&mut [&mut x.daily, &mut x.yearly, &mut x.duty, &mut x.spectrum]));
        of(&mut self.storages).for_each(|x| each(&mut [&mut x.daily, &mut x.spectrum]));
    }
}
