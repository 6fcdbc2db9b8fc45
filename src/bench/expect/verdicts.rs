//! From what was kept to verdicts: the measured value, the limit, when and where, and a sentence.

use super::machine::{Extent, Machine, Point};
use super::{Expectations, Followed, Place};
use crate::bench::outcome::Outcome;
use crate::bench::plant::Plant;
use crate::bench::verdict::Verdict;
use crate::quantity::{Complex, Tick};
use crate::scenario::{Branch, Check, Convergence, Expectation, NodeRef, Plan, Quantifier, Range, Window};

/// Numbers of a verdict are told apart to so many digits, at least.
const DIGITS: usize = 6;

impl Expectations {
    /// What each expectation of the plan came to; after them, that every step has a solution, when that is not so and no
    /// expectation says anything about it.
    pub(in crate::bench) fn verdicts(&self, plan: &Plan, outcome: &Outcome, plant: &impl Plant) -> Vec<Verdict> {
        let judge = Judge { plan, outcome, all: self };
        let of_one = |(k, expectation): (usize, &Expectation)| {
            let followed = self.followed.iter().find(|f| f.expectation == k);
            let found = match followed {
                Some(followed) => judge.followed(followed),
                None => judge.run(&expectation.check, plant),
            };
            Verdict { expectation: expectation.name.clone(), ..found }
        };
        let mut verdicts: Vec<Verdict> = plan.expectations.iter().enumerate().map(of_one).collect();
        let said = plan.expectations.iter().any(|e| matches!(e.check, Check::Converges(_)));
        if !said && outcome.not_converged > 0 {
            verdicts.push(judge.converges(Convergence::EveryStep));
        }
        verdicts
    }
}

/// The run that is judged.
struct Judge<'a> {
    plan: &'a Plan,
    outcome: &'a Outcome,
    all: &'a Expectations,
}

fn verdict(passed: bool, reason: impl Into<String>) -> Verdict {
    Verdict {
        expectation: String::new(),
        passed,
        quantity: None,
        measured: None,
        limit: None,
        at_s: None,
        place: None,
        reason: reason.into(),
    }
}

impl Judge<'_> {
    fn followed(&self, f: &Followed) -> Verdict {
        let name = self.plan.quantities.get(f.quantity).map(|q| q.name.clone()).unwrap_or_default();
        let found = match &f.machine {
            Machine::Level { range, quantifier, window, decides } => match decides {
                Some(point) => self.level(&name, *range, *quantifier, *window, *point),
                None => self.nothing(&name, *window),
            },
            Machine::Mean { range, window, sum, count } => match count {
                0 => self.nothing(&name, *window),
                #[allow(clippy::cast_precision_loss, reason = "a count of steps")]
                _ => mean(&name, *range, sum / *count as f64),
            },
            Machine::Settles { band, to, window, extent } => self.settles(&name, *band, *to, *window, extent),
            Machine::Overshoot { below, percent, window, before, extent } => {
                self.overshoot(&name, (*below, *percent), *window, *before, extent)
            }
        };
        Verdict { quantity: Some(name), ..found }
    }

    fn level(&self, name: &str, range: Range, quantifier: Quantifier, window: Window, point: Point) -> Verdict {
        let inside = range.has(point.x);
        let limit = range.nearer(point.x);
        let (x, range) = told_apart(point.x, range);
        let at = self.at(point);
        let reason = match (quantifier, inside) {
            (Quantifier::Always, false) if window.first == window.last => {
                format!("{name} is {x} {at}, where it must be {range}")
            }
            (Quantifier::Always, false) => format!("{name} is {x} {at}; it must always be {range}"),
            (Quantifier::Never, true) => format!("{name} is {x} {at}; it must never be {range}"),
            (Quantifier::Sometime, false) => format!("{name} is never {range}: it comes nearest {at}, with {x}"),
            (Quantifier::Never, false) => format!("{name} comes nearest to being {range} {at}, with {x}"),
            _ => format!("{name} is {x} {at}"),
        };
        let passed = inside == (quantifier != Quantifier::Never);
        Verdict { measured: Some(point.x), limit: Some(limit), ..self.placed(verdict(passed, reason), point) }
    }

    fn nothing(&self, name: &str, window: Window) -> Verdict {
        verdict(false, format!("{name} has no value {}", self.between(window)))
    }

    fn settles(&self, name: &str, band: f64, to: Option<f64>, window: Window, extent: &Extent) -> Verdict {
        if let Some(missing) = extent.missing {
            let at_s = self.plan.step.time_s(missing);
            let reason = format!("{name} has no value at {at_s} s: it has not settled");
            return Verdict { limit: Some(band), at_s: Some(at_s), ..verdict(false, reason) };
        }
        let (Some(low), Some(high), Some(last)) = (extent.low, extent.high, extent.last) else {
            return self.nothing(name, window);
        };
        let to = to.unwrap_or(last.x);
        let worst = if high.x - to >= to - low.x { high } else { low };
        let (distance, passed) = ((worst.x - to).abs(), (worst.x - to).abs() <= band);
        let (x, limit) = told_apart_numbers(distance, band);
        let from_s = self.plan.step.time_s(window.first);
        let after = format!("it must stay within {limit} of {} from {from_s} s on", figure(to, DIGITS));
        let reason = match passed {
            true => format!("{name} stays within {x} of {} from {from_s} s on", figure(to, DIGITS)),
            false => format!("{name} is {} {}, off by {x}; {after}", figure(worst.x, DIGITS), self.at(worst)),
        };
        Verdict { measured: Some(distance), limit: Some(band), ..self.placed(verdict(passed, reason), worst) }
    }

    fn overshoot(&self, name: &str, limit: (f64, bool), window: Window, before: f64, extent: &Extent) -> Verdict {
        let (below, percent) = limit;
        let (Some(low), Some(high)) = (extent.low, extent.high) else { return self.nothing(name, window) };
        let missing = |tick: Tick| {
            let at_s = self.plan.step.time_s(tick);
            Verdict {
                limit: Some(below),
                at_s: Some(at_s),
                ..verdict(false, format!("{name} has no value at {at_s} s"))
            }
        };
        let Some(last) = extent.last else { return missing(window.last) };
        if before.is_nan() {
            return missing(Tick(window.first.0.saturating_sub(1)));
        }
        let step = last.x - before;
        let up = if step == 0.0 { high.x - last.x >= last.x - low.x } else { step > 0.0 };
        let (peak, beyond) = if up { (high, high.x - last.x) } else { (low, last.x - low.x) };
        // Without a step, any excursion is beyond every share of it.
        let measured = match percent {
            true if beyond == 0.0 => 0.0,
            true => 100.0 * beyond / step.abs(),
            false => beyond,
        };
        let passed = measured < below;
        let (x, limit) = told_apart_numbers(measured, below);
        let [from, to] = [before, last.x].map(|x| figure(x, DIGITS));
        let unit = if percent { " % of the step" } else { "" };
        let told = format!("{name} goes from {from} to {to} and is {} {}", figure(peak.x, DIGITS), self.at(peak));
        let reason = match (passed, step == 0.0 && percent) {
            (false, true) => format!("{told}: without a step, no share of it is small enough"),
            (true, _) => format!("{told}: {x}{unit} beyond"),
            (false, _) => format!("{told}: {x}{unit} beyond; it must be below {limit}"),
        };
        let measured = Some(measured).filter(|x| x.is_finite());
        Verdict { measured, limit: Some(below), ..self.placed(verdict(passed, reason), peak) }
    }

    /// Expectations about the run as a whole.
    fn run(&self, check: &Check, plant: &impl Plant) -> Verdict {
        let feeder = &self.plan.feeder;
        match check {
            Check::Converges(convergence) => self.converges(*convergence),
            Check::TapOperations { regulator, at_most } => {
                let names = feeder.regulators.keys().map(String::as_str);
                operations("moves", "taps", names.zip(&self.outcome.tap_operations), *regulator, *at_most)
            }
            Check::CapacitorOperations { capacitor, at_most } => {
                let names = feeder.capacitors.keys().map(String::as_str);
                operations("switches", "steps", names.zip(&self.outcome.capacitor_operations), *capacitor, *at_most)
            }
            Check::Ends { nodes, energised } => self.ends(nodes, *energised, plant.voltages()),
            Check::Happens { what, times } => self.happens(what, *times),
            Check::EqualsBaseline { quantity, .. } => {
                let quantity = self.plan.quantities.get(*quantity).map(|q| q.name.clone());
                Verdict { quantity, ..verdict(false, Verdict::NO_BASELINE) }
            }
            // Followed from step to step.
            Check::Level { .. } | Check::Settles { .. } | Check::Overshoot { .. } => verdict(false, "was not followed"),
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a count of steps")]
    fn converges(&self, expected: Convergence) -> Verdict {
        let (count, first) = (self.outcome.not_converged, self.outcome.first_not_converged.as_ref());
        let passed = (count == 0) == (expected == Convergence::EveryStep);
        let at_s = first.map(|(tick, _)| self.plan.step.time_s(*tick));
        let place = first.and_then(|(_, node)| node.clone());
        let reason = match at_s {
            None => "every step has a solution".to_owned(),
            Some(at_s) => {
                let at = place.as_ref().map(|node| format!(", farthest from one at node {node}")).unwrap_or_default();
                format!("{count} of {} steps have no solution, the first at {at_s} s{at}", self.outcome.ticks)
            }
        };
        let name = if expected == Convergence::EveryStep { "converges every_step" } else { "converges not_every_step" };
        let limit = (expected == Convergence::EveryStep).then_some(0.0);
        let found = Verdict { measured: Some(count as f64), limit, at_s, place, ..verdict(passed, reason) };
        Verdict { expectation: name.to_owned(), ..found }
    }

    fn ends(&self, nodes: &[NodeRef], energised: bool, voltages: &[Complex]) -> Verdict {
        let alive = |node: &NodeRef| {
            let place = self.all.nodes.iter().position(|n| n.bus == node.bus && n.number == node.number);
            place.and_then(|k| voltages.get(k)).is_some_and(|v| *v != Complex::default())
        };
        let wrong: Vec<String> = nodes
            .iter()
            .filter(|node| alive(node) != energised)
            .map(|node| format!("{}.{}", node.bus, node.number))
            .collect();
        let state = |is: bool| if is { "has a voltage" } else { "is not fed" };
        let at_s = self.plan.step.time_s(self.plan.last);
        let reason = match wrong.as_slice() {
            [] => format!("every one of {} nodes {} at the end", nodes.len(), state(energised)),
            [one] => format!("node {one} {} at the end", state(!energised)),
            [first, ..] => format!(
                "{} of {} nodes, {first} for one: each {} at the end",
                wrong.len(),
                nodes.len(),
                state(!energised)
            ),
        };
        Verdict { at_s: Some(at_s), place: wrong.first().cloned(), ..verdict(wrong.is_empty(), reason) }
    }

    #[allow(clippy::cast_precision_loss, reason = "a count of events")]
    fn happens(&self, what: &str, times: Option<u32>) -> Verdict {
        let mut happened = self.outcome.triggered.iter().filter(|event| event.label.to_lowercase() == what);
        let count = happened.clone().count();
        let passed = times.map_or(count > 0, |times| count == times as usize);
        // The one too many, or else the last.
        let decides = times.and_then(|times| happened.clone().nth(times as usize)).or_else(|| happened.next_back());
        let at_s = decides.map(|event| self.plan.step.time_s(event.tick));
        let expected = match times {
            Some(times) => format!("; expected {}", often(u64::from(times))),
            None => "; expected at least once".to_owned(),
        };
        let expected = if passed { "" } else { &expected };
        let reason = format!("{what:?} happens {}{expected}", often(count as u64));
        let limit = f64::from(times.unwrap_or(1));
        Verdict { measured: Some(count as f64), limit: Some(limit), at_s, ..verdict(passed, reason) }
    }

    fn placed(&self, verdict: Verdict, point: Point) -> Verdict {
        Verdict { at_s: Some(self.plan.step.time_s(point.tick)), place: self.place(point.place), ..verdict }
    }

    fn at(&self, point: Point) -> String {
        let at_s = self.plan.step.time_s(point.tick);
        let what = match point.place {
            Place::Branch(_) => "",
            _ => "node ",
        };
        match self.place(point.place) {
            Some(place) => format!("at {at_s} s ({what}{place})"),
            None => format!("at {at_s} s"),
        }
    }

    fn place(&self, place: Place) -> Option<String> {
        let feeder = &self.plan.feeder;
        let key = |kind: &str, name: Option<&String>| name.map(|name| format!("{kind}.{name}"));
        match place {
            Place::Itself => None,
            Place::Node(k) => self.all.nodes.get(k).map(|node| node.name()),
            Place::Conductor(number) => Some(number.to_string()),
            Place::Branch(Branch::Line(k)) => key("line", feeder.lines.get_index(k).map(|e| e.0)),
            Place::Branch(Branch::Transformer(k)) => key("transformer", feeder.transformers.get_index(k).map(|e| e.0)),
            Place::Branch(Branch::Reactor(k)) => key("reactor", feeder.reactors.get_index(k).map(|e| e.0)),
        }
    }

    fn between(&self, window: Window) -> String {
        let [first, last] = [window.first, window.last].map(|tick| self.plan.step.time_s(tick));
        if first == last { format!("at {first} s") } else { format!("from {first} to {last} s") }
    }
}

fn mean(name: &str, range: Range, mean: f64) -> Verdict {
    let (passed, limit) = (range.has(mean), range.nearer(mean));
    let (x, range) = told_apart(mean, range);
    let reason = match passed {
        true => format!("the mean of {name} is {x}"),
        false => format!("the mean of {name} is {x}; it must be {range}"),
    };
    Verdict { measured: Some(mean), limit: Some(limit), ..verdict(passed, reason) }
}

/// Operations of one, or of all together.
#[allow(clippy::cast_precision_loss, reason = "counts of operations")]
fn operations<'a>(
    verb: &str,
    what: &str,
    counts: impl Iterator<Item = (&'a str, &'a u64)> + Clone,
    one: Option<usize>,
    at_most: u64,
) -> Verdict {
    let chosen = || counts.clone().enumerate().filter(|(k, _)| one.is_none_or(|one| one == *k)).map(|(_, each)| each);
    let count: u64 = chosen().map(|(_, count)| count).sum();
    // The busiest of several, the first of equals.
    let most = chosen().max_by(|a, b| a.1.cmp(b.1).then(std::cmp::Ordering::Greater));
    let busiest = most.map(|(name, _)| name.to_owned());
    let who = if one.is_some() { busiest.clone().unwrap_or_default() } else { "all together:".to_owned() };
    let passed = count <= at_most;
    let limit = if passed { String::new() } else { format!("; at most {at_most} are expected") };
    let reason = match one {
        Some(_) => format!("{who} {verb} {count} {what}{limit}"),
        None => format!("{who} {count} {what}{limit}"),
    };
    Verdict { measured: Some(count as f64), limit: Some(at_most as f64), place: busiest, ..verdict(passed, reason) }
}

fn often(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}

/// A number in so many digits.
fn figure(x: f64, digits: usize) -> String {
    format!("{x:.*e}", digits.saturating_sub(1)).parse().map_or_else(|_| x.to_string(), |short: f64| short.to_string())
}

/// Two numbers in as many digits as it takes to see that they differ.
fn told_apart_numbers(a: f64, b: f64) -> (String, String) {
    let digits = (DIGITS..17).find(|&digits| a == b || figure(a, digits) != figure(b, digits)).unwrap_or(17);
    (figure(a, digits), figure(b, digits))
}

/// A number, and a range in words, in as many digits as it takes to see that all of them differ.
fn told_apart(x: f64, range: Range) -> (String, String) {
    let alike = |a: f64, b: f64, digits| a != b && figure(a, digits) == figure(b, digits);
    let pairs = [(x, range.low), (x, range.high), (range.low, range.high)];
    let distinct = |digits: &usize| !pairs.iter().any(|&(a, b)| a.is_finite() && b.is_finite() && alike(a, b, *digits));
    let digits = (DIGITS..17).find(distinct).unwrap_or(17);
    let [x, low, high] = [x, range.low, range.high].map(|x| figure(x, digits));
    let words = match (range.low.is_finite(), range.high.is_finite()) {
        (true, true) if range.low == range.high => low,
        (true, true) => format!("from {low} to {high}"),
        (true, false) => format!("above {low}"),
        _ => format!("below {high}"),
    };
    (x, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_differ_look_different() {
        assert_eq!(told_apart_numbers(1.05, 1.05), ("1.05".to_owned(), "1.05".to_owned()));
        assert_eq!(told_apart_numbers(1.234_567_89, 1.05), ("1.23457".to_owned(), "1.05".to_owned()));
        assert_eq!(told_apart_numbers(1.050_000_01, 1.05), ("1.05000001".to_owned(), "1.05".to_owned()));
        assert_eq!(figure(-3_456_789.4, 6), "-3456790");
        let near = Range { low: 6835.3357, high: 6835.3377, closed: true };
        assert_eq!(told_apart(6797.4278, near), ("6797.428".to_owned(), "from 6835.336 to 6835.338".to_owned()));
    }
}
