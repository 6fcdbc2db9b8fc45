//! Reading a scenario with all it refers to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use super::MadeFeeder;
use super::check::Checker;
use super::vary::{self, Scalar, Variable};
use super::{
    ControllerSetting, Course, Document, HarmonicsSetting, HilSetting, Input, LoadSetting, Outputs, Override, Plan,
    Profile, Scenario, events, expect, profile,
};
use crate::diagnostic::yaml::{self, Node, Value};
use crate::diagnostic::{Diagnostic, FileId, Sources, Span, nearest};
use crate::feeder::{self, Feeder, expand, random};
use crate::link::description::{self, Description};
use crate::quantity::Noise;
use crate::record::fnv1a_64;

/// Laws of droops, and that of mitigation.
const DROOPS: [&str; 2] = ["volt_var", "volt_watt"];
const MITIGATION: &str = "thd_mitigation";
const TIE: &str = "close_tie";
/// The law of a check of phasor data.
const CONSISTENCY: &str = "check_phasors";
/// The law of S-PBC.
const SUPERVISORY: &str = "s_pbc";
/// Laws of L-PBC; a program or a library of one's own is a mapping.
const PHASOR: [&str; 6] = ["pi", "decoupled_pi", "lqpc", "lqpc_published", "extremum_seeking", "rcac"];

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

/// Reads the scenario at `path`, what it extends, its feeder and its profiles. Never stops at the first finding.
pub fn read(path: &Path) -> Reading {
    Document::open(path).plan()
}

/// The same with some of its values replaced.
pub fn read_with(path: &Path, overrides: &[Override]) -> Reading {
    let mut document = Document::open(path);
    overrides.iter().for_each(|change| document.set(change));
    document.plan()
}

/// An L-PBC; what it lacks without a reference is said.
fn phasor(node: &Node, place: Span, found: &mut Vec<Diagnostic>) -> Option<ControllerSetting> {
    let before = found.len();
    let setting = yaml::read(node, place, found).map(|own| ControllerSetting::Phasor(Box::new(own)));
    let lacking = |finding: &&mut Diagnostic| finding.code == "E0007" && node.get("reference").is_none();
    for finding in found[before..].iter_mut().filter(lacking).filter(|own| own.message.contains("\"reference\"")) {
        let help = "angles mean nothing by themselves: name the PMU that they are relative to, as at the substation";
        finding.help = Some(help.to_owned());
    }
    setting
}

impl Document {
    /// Reads what the scenario refers to and makes the plan. What it varies is tried with typical values.
    pub fn plan(self) -> Reading {
        let untouched = self.clone();
        let mut reading = self.read(true);
        let refused = reading.plan.as_ref().map(|plan| untouched.tried(&plan.vary)).unwrap_or_default();
        if !refused.is_empty() {
            reading.diagnostics.extend(refused);
            reading.plan = None;
        }
        reading
    }

    /// The plan with these values in place of those that the scenario varies. What is wrong with a value is found where
    /// the scenario says that it varies.
    pub fn sample<'v>(&self, values: impl IntoIterator<Item = (&'v Variable, Scalar)>) -> Reading {
        let mut document = self.clone();
        for (variable, value) in values {
            let node = Node { span: variable.span, value: value.node_value() };
            document.put(&variable.path, node, variable.span);
        }
        document.read(false)
    }

    fn read(mut self, varied: bool) -> Reading {
        let root = self.root.take();
        let plan = root.as_ref().and_then(|root| self.plan_of(root, varied));
        let broken = self.found.iter().any(Diagnostic::is_error);
        Reading { plan: plan.filter(|_| !broken), diagnostics: self.found, sources: self.sources }
    }

    /// What is wrong with a scenario that is sound as written, once typical values of what it varies are put into it.
    fn tried(&self, variables: &[Variable]) -> Vec<Diagnostic> {
        let trials: Vec<Vec<Scalar>> = variables.iter().map(|v| v.law.trials()).collect();
        let mut found: Vec<Diagnostic> = Vec::new();
        for round in 0..trials.iter().map(Vec::len).max().unwrap_or(0) {
            let value = |values: &Vec<Scalar>| values.get(round).or(values.last()).cloned();
            let values = variables.iter().zip(&trials).filter_map(|(v, values)| Some((v, value(values)?)));
            for finding in self.sample(values).diagnostics.into_iter().filter(Diagnostic::is_error) {
                if !found.contains(&finding) {
                    found.push(finding);
                }
            }
        }
        found
    }

    fn plan_of(&mut self, root: &Node, varied: bool) -> Option<Plan> {
        let apart = [
            "vary",
            "profiles",
            "loads",
            "taps",
            "capacitors",
            "lines",
            "sources",
            "events",
            "expect",
            "outputs",
            "devices",
            "instruments",
            "controllers",
            "hil",
            "harmonics",
            "ageing",
        ];
        let place = self.place;
        let scenario: Option<Scenario> = yaml::read_except(root, place, &apart, &mut self.found);
        let profiles = self.map::<Profile>(root, "profiles");
        let loads = self.map::<LoadSetting>(root, "loads");
        let outputs = self.outputs(root);
        let written = events::read(root, &mut self.found);
        let expected = expect::read(root, &mut self.found);
        let seed = scenario.as_ref().map_or(0, |s| s.seed);
        let shapes = self.shapes(root, profiles, seed);
        let (taps, capacitors, lines) = (self.map(root, "taps"), self.map(root, "capacitors"), self.map(root, "lines"));
        let sources = self.map(root, "sources");
        let (devices, instruments) = (self.map(root, "devices"), self.map(root, "instruments"));
        let controllers = self.controllers(root);
        let hil = self.map(root, "hil");
        let (harmonics, ageing) = (self.harmonics(root), self.map(root, "ageing"));
        let scenario = Scenario {
            taps,
            capacitors,
            lines,
            sources,
            loads,
            harmonics,
            ageing,
            devices,
            instruments,
            controllers,
            hil,
            ..scenario?
        };
        let models = self.models(root, &scenario);
        let folders = self.folders(root);
        let described = self.descriptions(root, &scenario);
        let replays = self.replays(root, &scenario);
        let feeder = self.feeder(root)?;
        let mut checker = Checker::new(root, place, &feeder, &mut self.found);
        (checker.models, checker.folders) = (models, folders);
        (checker.described, checker.replays) = (described, replays);
        let plan = checker.plan(&scenario, shapes, &outputs, &written, &expected)?;
        let input = |(path, text): (&Path, &str)| Input { path: path.into(), fnv1a_64: fnv1a_64(text.as_bytes()) };
        let inputs = self.sources.iter().map(input).collect();
        let vary = if varied { vary::read(root, &feeder, &super::schema(), &mut self.found) } else { Vec::new() };
        Some(Plan { inputs, vary, ..plan })
    }

    fn map<T: serde::de::DeserializeOwned>(&mut self, root: &Node, key: &str) -> IndexMap<String, T> {
        root.get(key).map(|node| yaml::read_map(node, &mut self.found)).unwrap_or_default()
    }

    /// Each controller by what its law asks for.
    fn controllers(&mut self, root: &Node) -> IndexMap<String, ControllerSetting> {
        let of_law = |node: &Node, place, found: &mut Vec<Diagnostic>| {
            let law = node.get("law");
            match law.map(|law| &law.value) {
                Some(Value::String(own)) if own == MITIGATION => {
                    yaml::read(node, place, found).map(|s| ControllerSetting::Mitigation(Box::new(s)))
                }
                Some(Value::String(own)) if own == TIE => {
                    yaml::read(node, place, found).map(|s| ControllerSetting::Tie(Box::new(s)))
                }
                Some(Value::String(own)) if own == CONSISTENCY => {
                    yaml::read(node, place, found).map(|s| ControllerSetting::Consistency(Box::new(s)))
                }
                Some(Value::String(own)) if own == SUPERVISORY => {
                    yaml::read(node, place, found).map(|s| ControllerSetting::Supervisory(Box::new(s)))
                }
                Some(Value::String(own)) if PHASOR.contains(&own.as_str()) => phasor(node, place, found),
                Some(Value::Map(_)) => phasor(node, place, found),
                Some(Value::String(own)) if !DROOPS.contains(&own.as_str()) => {
                    let choices = [&DROOPS[..], &[MITIGATION], &PHASOR[..], &[SUPERVISORY, TIE, CONSISTENCY]].concat();
                    let help = match nearest(own, choices.iter().copied()) {
                        Some(near) => format!("did you mean {near:?}?"),
                        None => format!("the choices are {}", choices.join(", ")),
                    };
                    let finding = Diagnostic::error("E0008", format!("unknown law {own:?}"));
                    found.push(finding.at(law.map(|law| law.span)).help(help));
                    None
                }
                _ => yaml::read(node, place, found).map(ControllerSetting::Droop),
            }
        };
        root.get("controllers").map(|node| yaml::read_map_by(node, &mut self.found, of_law)).unwrap_or_default()
    }

    /// The harmonics section; each background is read on its own.
    fn harmonics(&mut self, root: &Node) -> Option<HarmonicsSetting> {
        let node = root.get("harmonics").filter(|node| node.value != Value::Null)?;
        let setting: HarmonicsSetting = yaml::read_except(node, node.span, &["background"], &mut self.found)?;
        let background = self.map(node, "background");
        Some(HarmonicsSetting { background, ..setting })
    }

    fn outputs(&mut self, root: &Node) -> Outputs {
        let node = root.get("outputs").filter(|node| node.value != Value::Null);
        node.and_then(|node| yaml::read(node, node.span, &mut self.found)).unwrap_or_default()
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

    /// The feeder, distributed loads lumped, so that every load that is solved has a name. Where it is missing, that has
    /// been reported.
    fn feeder(&mut self, root: &Node) -> Option<Feeder> {
        let node = root.get("feeder")?;
        match &node.value {
            Value::String(file) | Value::Number(file) => self.feeder_file(file, node.span),
            Value::Map(_) => {
                let made: MadeFeeder = yaml::read(node, node.span, &mut self.found)?;
                let options = node.get("random");
                let found = made.random.check(|key| options.and_then(|o| o.get(key)).or(options).map(|n| n.span));
                let sound = found.is_empty();
                self.found.extend(found);
                sound.then(|| random::generate(&made.random))
            }
            _ => {
                let message = format!("expected a feeder file, found {}", node.describe());
                let help = "write feeder: FILE, or feeder: {random: {seed: 1, buses: 50}}";
                self.found.push(Diagnostic::error("E0008", message).at(node.span).help(help));
                None
            }
        }
    }

    fn feeder_file(&mut self, file: &str, span: Span) -> Option<Feeder> {
        let reading = feeder::read(&self.beside(span, file));
        let findings = self.sources.take_in(reading.sources, reading.diagnostics);
        // What cannot be read at all is a finding about the name in the scenario.
        self.found.extend(findings.into_iter().map(|f| if f.span.is_none() { f.at(span) } else { f }));
        Some(expand(&reading.feeder?).into_owned())
    }

    /// The folder of the file in which each controller is written.
    fn folders(&self, root: &Node) -> IndexMap<String, PathBuf> {
        let controllers = root.get("controllers").map(Node::entries).unwrap_or_default();
        controllers.iter().map(|(key, node)| (key.name.to_lowercase(), self.beside(node.span, "."))).collect()
    }

    /// Descriptions of real devices, by the name of what they replace.
    fn descriptions(&mut self, root: &Node, scenario: &Scenario) -> IndexMap<String, Arc<Description>> {
        let mut described = IndexMap::new();
        for (name, setting) in &scenario.hil {
            let place = root.get("hil").and_then(|map| entry(map, name));
            let span = place.and_then(|own| own.get("is")).or(place).map_or(self.place, |node| node.span);
            let reading = description::read(&self.beside(span, &setting.is));
            let findings = self.sources.take_in(reading.sources, reading.diagnostics);
            let named = |finding: Diagnostic| if finding.span.is_none() { finding.at(span) } else { finding };
            self.found.extend(findings.into_iter().map(named));
            described.extend(reading.description.map(|own| (name.clone(), Arc::new(own))));
        }
        described
    }

    /// Where records are that stand in for devices, by how they are written.
    fn replays(&self, root: &Node, scenario: &Scenario) -> IndexMap<String, PathBuf> {
        let path = |(name, setting): (&String, &HilSetting)| {
            let (place, _) = crate::scenario::equipment::served_place(&setting.at);
            let written = place.strip_prefix("replay:")?;
            let place = root.get("hil").and_then(|map| entry(map, name));
            let span = place.and_then(|own| own.get("at")).or(place).map_or(self.place, |node| node.span);
            Some((setting.at.clone(), self.beside(span, written)))
        };
        scenario.hil.iter().filter_map(path).collect()
    }

    /// The feeders that controllers have for a model of their own, by the controller's name.
    fn models(&mut self, root: &Node, scenario: &Scenario) -> IndexMap<String, Feeder> {
        let mut models = IndexMap::new();
        for (name, setting) in &scenario.controllers {
            let file = match setting {
                ControllerSetting::Phasor(own) => &own.model,
                ControllerSetting::Supervisory(own) => &own.model,
                _ => continue,
            };
            let Some(file) = file else { continue };
            let node = root.get("controllers").and_then(|map| entry(map, name)).and_then(|node| node.get("model"));
            let feeder = self.feeder_file(file, node.map_or(self.place, |node| node.span));
            models.extend(feeder.map(|feeder| (name.clone(), feeder)));
        }
        models
    }

    /// The shapes that profiles describe; those with a fault are left out and reported.
    fn shapes(
        &mut self,
        root: &Node,
        profiles: IndexMap<String, Profile>,
        seed: u64,
    ) -> IndexMap<String, Option<Course>> {
        let mut shapes = IndexMap::new();
        for (name, written) in profiles {
            let node = root.get("profiles").and_then(|p| entry(p, &name));
            let shape = self.profile(written, node).and_then(|profile| {
                match profile::course(&profile, Noise::new(seed, &name)) {
                    Ok(shape) => Some(shape),
                    Err(fault) => {
                        let key = fault.key.and_then(|key| node.and_then(|n| n.get(key))).or(node);
                        let message = format!("profile {name:?}: {}", fault.message);
                        self.found.push(Diagnostic::error("E0310", message).at(key.map(|n| n.span)).help(fault.help));
                        None
                    }
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
        let path = self.beside(span.unwrap_or(self.place), file);
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
