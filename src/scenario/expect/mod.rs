//! Expectations: from entries of the file to checks on ticks. One that can never fail, or never hold, is refused.

mod possible;
mod run;
mod value;

use super::check::{Checker, bind};
use super::events::Timeline;
use super::quantity::Namespace;
use super::{Check, Expect, Expectation, Quantifier, Quantity};
use crate::diagnostic::yaml::{self, Node, Value};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::ControlMode;
use crate::quantity::{Step, Tick};
use value::Subject;

/// An expectation as written, and where.
pub(super) struct Written<'a> {
    expect: Expect,
    node: &'a Node,
}

/// A kind of expectation: its key, the keys it needs, those it may have.
struct Kind {
    key: &'static str,
    limit: bool,
    needs: &'static [&'static str],
    may: &'static [&'static str],
}

/// Keys of which an expectation about a value has one.
const LIMITS: [&str; 4] = ["below", "above", "within", "equals"];
const WINDOW: [&str; 2] = ["from_s", "until_s"];

#[rustfmt::skip]
const KINDS: [Kind; 15] = [
    Kind { key: "always", limit: true, needs: &[], may: &WINDOW },
    Kind { key: "never", limit: true, needs: &[], may: &WINDOW },
    Kind { key: "sometime", limit: true, needs: &[], may: &WINDOW },
    Kind { key: "mean", limit: true, needs: &[], may: &WINDOW },
    Kind { key: "at_end", limit: true, needs: &[], may: &[] },
    Kind { key: "value", limit: true, needs: &["at_s"], may: &[] },
    Kind { key: "settles", limit: false, needs: &["after_s", "within_s", "band"], may: &["to", "until_s"] },
    Kind { key: "overshoot", limit: false, needs: &["after_s"], may: &["below", "below_percent", "until_s"] },
    Kind { key: "converges", limit: false, needs: &[], may: &[] },
    Kind { key: "equals_baseline", limit: false, needs: &[], may: &["tolerance"] },
    Kind { key: "tap_operations", limit: false, needs: &["at_most"], may: &[] },
    Kind { key: "capacitor_operations", limit: false, needs: &["at_most"], may: &[] },
    Kind { key: "ends_energised", limit: false, needs: &[], may: &[] },
    Kind { key: "ends_de_energised", limit: false, needs: &[], may: &[] },
    Kind { key: "happens", limit: false, needs: &[], may: &["times"] },
];

impl Kind {
    /// The keys that go with it.
    fn keys(&self) -> Vec<&'static str> {
        let limits = if self.limit { LIMITS.as_slice() } else { &[] };
        let tolerance: &[&str] = if self.limit { &["tolerance"] } else { &[] };
        [limits, tolerance, self.needs, self.may].concat()
    }

    fn takes(&self, key: &str) -> bool {
        key == self.key || key == "name" || self.keys().contains(&key)
    }
}

/// Reads every entry of `expect` on its own.
pub(super) fn read<'a>(root: &'a Node, found: &mut Vec<Diagnostic>) -> Vec<Written<'a>> {
    let Some(list) = root.get("expect") else { return Vec::new() };
    if !matches!(list.value, Value::Seq(_) | Value::Null) {
        let help = "write a list, one expectation a line, as in - {always: feeder.v_max_pu, below: 1.05}";
        found.push(Diagnostic::error("E0008", "expectations are not a list").at(list.span).help(help));
    }
    let mut read = |node: &'a Node| Some(Written { expect: yaml::read(node, node.span, found)?, node });
    list.items().iter().filter_map(&mut read).collect()
}

impl Written<'_> {
    /// The place of one of its keys' values; of the expectation where it has no such key.
    fn at(&self, key: &str) -> Span {
        self.node.get(key).map_or(self.node.span, |node| node.span)
    }

    fn has(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|node| node.value != Value::Null)
    }

    /// Its name; else what it says, as it says it.
    fn name(&self) -> String {
        let said = |(key, node): &(yaml::Key, Node)| format!("{} {}", key.name, in_words(node));
        let name = self.expect.name.clone().filter(|name| !name.is_empty());
        name.unwrap_or_else(|| self.node.entries().iter().map(said).collect::<Vec<_>>().join(", "))
    }
}

fn in_words(node: &Node) -> String {
    match &node.value {
        Value::Null => "~".to_owned(),
        Value::Bool(x) => x.to_string(),
        Value::Number(text) | Value::String(text) => text.clone(),
        Value::Seq(items) => format!("[{}]", items.iter().map(in_words).collect::<Vec<_>>().join(", ")),
        Value::Map(_) => String::new(),
    }
}

/// What expectations are checked against.
pub(super) struct Context<'a> {
    pub(super) time: Option<(Step, Tick)>,
    pub(super) controls: ControlMode,
    pub(super) timeline: &'a Timeline,
    pub(super) quantities: &'a mut Vec<Quantity>,
}

impl Checker<'_> {
    /// Binds all expectations; what is wrong with them is reported.
    pub(super) fn expectations(&mut self, written: &[Written], context: &mut Context) -> Vec<Expectation> {
        let (equipment, harmonics) = (self.equipment.clone(), self.harmonics.clone());
        let names = Namespace::new(self.feeder, &context.timeline.faults, &equipment, harmonics.as_ref());
        let mut bound = Vec::new();
        for w in written {
            let Some(kind) = self.kind(w) else { continue };
            let check = match kind.key {
                "converges" => w.expect.converges.map(Check::Converges),
                "tap_operations" | "capacitor_operations" => self.operations(w, context),
                "ends_energised" | "ends_de_energised" => self.ends(w),
                "happens" => self.happens(w, context.timeline),
                key => self.on_quantity(key, w, &names, context),
            };
            bound.extend(check.map(|check| Expectation { name: w.name(), check }));
        }
        bound
    }

    /// The one kind that an expectation is of, with all the keys it needs and none that it has no use for.
    fn kind(&mut self, w: &Written) -> Option<&'static Kind> {
        let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| w.has(kind.key)).collect();
        let kind = match *kinds.as_slice() {
            [kind] => kind,
            [] => {
                let keys = KINDS.map(|kind| kind.key).join(", ");
                self.report("E0315", "the expectation does not say what", w.node.span, &format!("add one of {keys}"));
                return None;
            }
            [first, second, ..] => {
                let message = format!("the expectation says both `{}` and `{}`", first.key, second.key);
                self.report("E0315", message, w.at(second.key), "write one expectation for each");
                return None;
            }
        };
        let before = self.found.len();
        for &key in kind.needs.iter().filter(|key| !w.has(key)) {
            let help = format!("`{}` needs {}", kind.key, kind.needs.join(", "));
            self.report("E0315", format!("the expectation has no `{key}`"), w.node.span, &help);
        }
        let limits: Vec<&str> = LIMITS.into_iter().filter(|key| w.has(key)).collect();
        if kind.limit && limits.is_empty() {
            let help = format!("add one of {}", LIMITS.join(", "));
            self.report("E0315", "the expectation has no limit", w.node.span, &help);
        }
        if let [first, second, ..] = *limits.as_slice()
            && kind.limit
        {
            let message = format!("the expectation has two limits, `{first}` and `{second}`");
            self.report("E0315", message, w.at(second), "for both ends of a range write within: [from, to]");
        }
        for (key, _) in
            w.node.entries().iter().filter(|(key, node)| node.value != Value::Null && !kind.takes(&key.name))
        {
            let message = format!("`{}` has no meaning with `{}`", key.name, kind.key);
            let keys = kind.keys().join(", ");
            let help = if keys.is_empty() { "remove it".to_owned() } else { format!("with it go {keys}") };
            self.report("E0315", message, key.span, &help);
        }
        (self.found.len() == before).then_some(kind)
    }

    /// Expectations that follow one quantity through the run.
    fn on_quantity(&mut self, key: &str, w: &Written, names: &Namespace, context: &mut Context) -> Option<Check> {
        let e = &w.expect;
        let names_of = [
            &e.always,
            &e.never,
            &e.sometime,
            &e.mean,
            &e.at_end,
            &e.value,
            &e.settles,
            &e.overshoot,
            &e.equals_baseline,
        ];
        let name = names_of.into_iter().flatten().next()?;
        let quantity = bind(name, w.at(key), names, context.quantities, self.found)?;
        let bound = context.quantities.get(quantity)?;
        let possible = self.possible(&bound.measure);
        let name = bound.name.clone();
        let subject = Subject { name: &name, possible: &possible, quantity };
        match key {
            "settles" => self.settles(w, &subject, context.time?),
            "overshoot" => self.overshoot(w, &subject, context.time?),
            "equals_baseline" => {
                let tolerance = match e.tolerance {
                    Some(x) => Some(self.distance(x, "tolerance", w, &subject)?),
                    None => None,
                };
                Some(Check::EqualsBaseline { quantity, tolerance })
            }
            _ => {
                let quantifier = match key {
                    "never" => Quantifier::Never,
                    "sometime" => Quantifier::Sometime,
                    "mean" => Quantifier::Mean,
                    _ => Quantifier::Always,
                };
                let range = self.range(w, &subject);
                let window = self.window(key, w, context.time?);
                let (range, window) = (range?, window?);
                self.can_fail_and_hold(w, &subject, range, quantifier)?;
                Some(Check::Level { quantity, quantifier, range, window })
            }
        }
    }
}
