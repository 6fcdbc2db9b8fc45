//! Reading a scenario with all it refers to.

use std::path::{Component, Path, PathBuf};

use indexmap::IndexMap;

use super::check::Checker;
use super::vary::{self, Variable};
use super::{Input, LoadSetting, Outputs, Plan, Profile, Scenario, events, profile};
use crate::diagnostic::yaml::{self, Node, Value};
use crate::diagnostic::{Diagnostic, FileId, Sources, Span};
use crate::feeder::{self, Feeder, Shape, expand};
use crate::record::fnv1a_64;

/// What reading a scenario came to.
#[derive(Debug)]
pub struct Reading {
    /// The plan; `None` when there is an error among `diagnostics`.
    pub plan: Option<Plan>,
    /// All that was found.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that they point into.
    pub sources: Sources,
}

/// Reads the scenario at `path`, its feeder and its profiles. Never stops at the first finding.
pub fn read(path: &Path) -> Reading {
    let mut reading = read_with(path, &[]);
    if let Some(plan) = &reading.plan {
        let refused = tried(path, &plan.vary);
        if !refused.is_empty() {
            reading.diagnostics.extend(refused);
            reading.plan = None;
        }
    }
    reading
}

/// Reads the scenario at `path` with other values at some paths, as text. What a `vary:` makes of it is not tried.
pub fn read_with(path: &Path, overrides: &[(String, String)]) -> Reading {
    let mut reader = Reader { base: path.parent().unwrap_or(Path::new("")).into(), ..Reader::default() };
    let plan = reader.scenario(path, overrides);
    let broken = reader.found.iter().any(Diagnostic::is_error);
    Reading { plan: plan.filter(|_| !broken), diagnostics: reader.found, sources: reader.sources }
}

/// What is wrong with a scenario that is sound as written, once typical values of what it varies are put into it.
fn tried(path: &Path, variables: &[Variable]) -> Vec<Diagnostic> {
    let trials: Vec<Vec<String>> = variables.iter().map(|v| v.law.trials()).collect();
    let mut found: Vec<Diagnostic> = Vec::new();
    for round in 0..trials.iter().map(Vec::len).max().unwrap_or(0) {
        let value = |values: &Vec<String>| values.get(round).or(values.last()).cloned().unwrap_or_default();
        let overrides: Vec<(String, String)> =
            variables.iter().zip(&trials).map(|(v, values)| (v.path.clone(), value(values))).collect();
        // The scenario is the first file here, too, and what was put into it stands where `vary` says so.
        let new = read_with(path, &overrides).diagnostics.into_iter().filter(Diagnostic::is_error);
        for finding in new {
            if !found.contains(&finding) {
                found.push(finding);
            }
        }
    }
    found
}

#[derive(Default)]
struct Reader {
    base: PathBuf,
    found: Vec<Diagnostic>,
    sources: Sources,
}

impl Reader {
    fn scenario(&mut self, path: &Path, overrides: &[(String, String)]) -> Option<Plan> {
        let (file, text) = self.text(path, None)?;
        let mut root = yaml::parse(&text, file, &mut self.found)?;
        let place = Span { file, start: 0, end: 0 };
        self.put(&mut root, overrides, place);
        let apart = ["vary", "profiles", "loads", "taps", "capacitors", "lines", "events", "outputs"];
        let scenario: Option<Scenario> = yaml::read_except(&root, place, &apart, &mut self.found);
        let profiles = self.map::<Profile>(&root, "profiles");
        let loads = self.map::<LoadSetting>(&root, "loads");
        let outputs = self.outputs(&root);
        let written = events::read(&root, &mut self.found);
        let shapes = self.shapes(&root, profiles);
        let (taps, capacitors, lines) =
            (self.map(&root, "taps"), self.map(&root, "capacitors"), self.map(&root, "lines"));
        let scenario = Scenario { taps, capacitors, lines, loads, ..scenario? };
        let feeder = self.feeder(&scenario, &root)?;
        let mut checker = Checker { root: &root, place, feeder: &feeder, found: &mut self.found };
        let plan = checker.plan(&scenario, shapes, &outputs, &written)?;
        let vary = match root.get("vary") {
            Some(_) if overrides.is_empty() => vary::read(&root, &feeder, &super::schema(), &mut self.found),
            _ => Vec::new(),
        };
        let input = |(path, text): (&Path, &str)| Input { path: path.into(), fnv1a_64: fnv1a_64(text.as_bytes()) };
        Some(Plan { inputs: self.sources.iter().map(input).collect(), feeder, vary, ..plan })
    }

    /// Puts values at paths; each stands where `vary` names its path.
    fn put(&mut self, root: &mut Node, overrides: &[(String, String)], place: Span) {
        let keys: Vec<(String, Span)> = root
            .get("vary")
            .map(|node| node.entries().iter().map(|(key, _)| (key.name.to_lowercase(), key.span)).collect())
            .unwrap_or_default();
        for (path, text) in overrides {
            let named = |key: &str| {
                key == path
                    || key.split_once('*').is_some_and(|(a, b)| {
                        path.len() > a.len() + b.len() && path.starts_with(a) && path.ends_with(b)
                    })
            };
            let span = keys.iter().find(|(key, _)| named(key)).map_or(place, |(_, span)| *span);
            if !vary::set(root, path, &vary::Scalar::of(text), span) {
                self.found.push(Diagnostic::error("E0360", format!("there is no {path:?} in the scenario")).at(span));
            }
        }
    }

    fn map<T: serde::de::DeserializeOwned>(&mut self, root: &Node, key: &str) -> IndexMap<String, T> {
        root.get(key).map(|node| yaml::read_map(node, &mut self.found)).unwrap_or_default()
    }

    fn outputs(&mut self, root: &Node) -> Outputs {
        let node = root.get("outputs").filter(|node| node.value != Value::Null);
        node.and_then(|node| yaml::read(node, node.span, &mut self.found)).unwrap_or_default()
    }

    /// A path as the scenario writes it, from where the program stands, without detours (`a/../b` is `b`).
    fn beside(&self, written: &str) -> PathBuf {
        let mut path = PathBuf::new();
        for part in self.base.join(written).components() {
            let back =
                part == Component::ParentDir && matches!(path.components().next_back(), Some(Component::Normal(_)));
            // What looks like a detour may lead elsewhere by a link.
            if back && !path.is_symlink() {
                path.pop();
            } else {
                path.push(part);
            }
        }
        path
    }

    /// The text of a file that is named at `span`.
    fn text(&mut self, path: &Path, span: Option<Span>) -> Option<(FileId, String)> {
        let file = match self.sources.load(path) {
            Ok(file) => file,
            Err(finding) => {
                let span = finding.span.or(span);
                self.found.push(finding.at(span));
                return None;
            }
        };
        Some((file, self.sources.get(file)?.1.to_owned()))
    }

    /// The feeder, distributed loads lumped, so that every load that is solved has a name.
    fn feeder(&mut self, scenario: &Scenario, root: &Node) -> Option<Feeder> {
        // Where the name itself is missing or wrong, that has been reported.
        let node = root.get("feeder").filter(|node| matches!(node.value, Value::String(_) | Value::Number(_)))?;
        let span = Some(node.span);
        let reading = feeder::read(&self.beside(&scenario.feeder));
        let findings = self.sources.take_in(reading.sources, reading.diagnostics);
        // What cannot be read at all is a finding about the name in the scenario.
        self.found.extend(findings.into_iter().map(|f| if f.span.is_none() { f.at(span) } else { f }));
        Some(expand(&reading.feeder?).into_owned())
    }

    /// The shapes that profiles describe; those with a fault are left out and reported.
    fn shapes(&mut self, root: &Node, profiles: IndexMap<String, Profile>) -> IndexMap<String, Option<Shape>> {
        let mut shapes = IndexMap::new();
        for (name, written) in profiles {
            let node = root.get("profiles").and_then(|p| entry(p, &name));
            let shape = self.profile(written, node).and_then(|profile| match profile::shape(&profile) {
                Ok(shape) => Some(shape),
                Err(fault) => {
                    let key = fault.key.and_then(|key| node.and_then(|n| n.get(key))).or(node);
                    let message = format!("profile {name:?}: {}", fault.message);
                    self.found.push(Diagnostic::error("E0310", message).at(key.map(|n| n.span)).help(fault.help));
                    None
                }
            });
            shapes.insert(name, shape);
        }
        // Entries with mistakes of their own exist all the same: loads may refer to them.
        for (key, _) in root.get("profiles").map(Node::entries).unwrap_or_default() {
            shapes.entry(key.name.to_lowercase()).or_insert(None);
        }
        shapes
    }

    /// The profile with what its file holds.
    fn profile(&mut self, profile: Profile, node: Option<&Node>) -> Option<Profile> {
        let Some(file) = &profile.file else { return Some(profile) };
        let span = node.and_then(|n| n.get("file")).map(|n| n.span);
        if profile.at_s.is_some()
            || [&profile.p, &profile.q, &profile.p_kw, &profile.q_kvar].iter().any(|x| x.is_some())
        {
            let message = "values are written here beside a `file`";
            self.found.push(Diagnostic::error("E0310", message).at(span).help("remove the file or the values"));
            return None;
        }
        let path = self.beside(file);
        let (_, text) = self.text(&path, span)?;
        match profile::from_csv(&text, &profile) {
            Ok(profile) => Some(profile),
            Err(why) => {
                self.found.push(Diagnostic::error("E0310", format!("{}: {why}", path.display())).at(span));
                None
            }
        }
    }
}

/// The place of a mapping's key that is `name` when lower-cased; of the mapping when there is none.
pub(super) fn key_span(map: &Node, name: &str) -> Span {
    let key = map.entries().iter().find(|(key, _)| key.name.to_lowercase() == name.to_lowercase());
    key.map_or(map.span, |(key, _)| key.span)
}

/// The entry of a mapping whose key is `name` when lower-cased.
pub(super) fn entry<'a>(map: &'a Node, name: &str) -> Option<&'a Node> {
    map.entries().iter().find(|(key, _)| key.name.to_lowercase() == name).map(|(_, node)| node)
}
