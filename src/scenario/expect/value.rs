//! Expectations about one quantity: limits, windows, bands.

use super::possible::Possible;
use super::{LIMITS, Written};
use crate::quantity::{Step, Tick};
use crate::scenario::check::Checker;
use crate::scenario::{Check, Quantifier, Range, Window};

/// The quantity that an expectation is about.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) possible: &'a Possible,
    /// Its place in the plan.
    pub(super) quantity: usize,
}

impl Checker<'_> {
    /// The limit as a range.
    pub(super) fn range(&mut self, w: &Written, subject: &Subject) -> Option<Range> {
        let e = &w.expect;
        if e.tolerance.is_some() && e.equals.is_none() {
            self.report("E0315", "`tolerance` without `equals`", w.at("tolerance"), "say what it is a tolerance of");
            return None;
        }
        let open = Range { low: f64::NEG_INFINITY, high: f64::INFINITY, closed: false };
        if let Some(x) = e.equals {
            if e.tolerance.is_none() && !subject.possible.whole {
                let help = "say how near is near enough, in the same unit: tolerance: 0.001";
                self.report("E0315", "`equals` without `tolerance`", w.at("equals"), help);
                return None;
            }
            let near = e.tolerance.map_or(Some(0.0), |x| self.distance(x, "tolerance", w, subject))?;
            return Some(Range { low: x - near, high: x + near, closed: true });
        }
        if let Some([low, high]) = e.within {
            if low > high {
                let message = format!("no value is within [{low}, {high}]");
                self.report("E0318", message, w.at("within"), "write the smaller one first");
                return None;
            }
            return Some(Range { low, high, closed: true });
        }
        Some(Range { low: e.above.unwrap_or(open.low), high: e.below.unwrap_or(open.high), closed: false })
    }

    /// A band or tolerance that some value keeps and some other does not.
    pub(super) fn distance(&mut self, x: f64, key: &str, w: &Written, subject: &Subject) -> Option<f64> {
        if x < 0.0 || (x == 0.0 && !subject.possible.whole) {
            let message = format!("the expectation can never hold: `{key}` is {x}");
            self.report("E0318", message, w.at(key), "give a positive one, in the quantity's unit");
            return None;
        }
        if x >= subject.possible.high - subject.possible.low {
            let message = format!("the expectation can never fail: `{key}` is {x}");
            self.report("E0317", message, w.at(key), &subject.possible.in_words(subject.name));
            return None;
        }
        Some(x)
    }

    /// Reports a limit that every possible value is within, or none.
    pub(super) fn can_fail_and_hold(
        &mut self,
        w: &Written,
        on: &Subject,
        range: Range,
        quantifier: Quantifier,
    ) -> Option<()> {
        let mean = quantifier == Quantifier::Mean;
        let (all, none) = (on.possible.all_in(range), on.possible.none_in(range, mean));
        let (never_fails, never_holds) = if quantifier == Quantifier::Never { (none, all) } else { (all, none) };
        let span = LIMITS.into_iter().find(|key| w.has(key)).map_or(w.node.span, |key| w.at(key));
        let help = on.possible.in_words(on.name);
        if never_fails {
            self.report("E0317", "the expectation can never fail", span, &help);
        } else if never_holds {
            self.report("E0318", "the expectation can never hold", span, &help);
        }
        (!never_fails && !never_holds).then_some(())
    }

    pub(super) fn settles(&mut self, w: &Written, on: &Subject, (step, last): (Step, Tick)) -> Option<Check> {
        let e = &w.expect;
        let band = self.distance(e.band?, "band", w, on);
        let end = self.time_or("until_s", e.until_s, last, w, (step, last));
        let after = self.expected_at("after_s", e.after_s?, w, (step, last))?;
        let within_s = e.within_s?;
        let Some(ticks) = step.tick_at(within_s) else {
            let message = format!("{within_s} s is not a whole number of steps of {} s", step.seconds());
            self.report("E0316", message, w.at("within_s"), "things are looked at on steps");
            return None;
        };
        let (band, end) = (band?, end?);
        let first = Tick(after.0.saturating_add(ticks.0).max(1));
        if first > end {
            let (from_s, until_s) = (step.time_s(first), step.time_s(end));
            let message =
                format!("nothing is left to look at: it may take until {from_s} s, the window ends at {until_s} s");
            self.report("E0316", message, w.at("within_s"), "let the run last longer, or it settle earlier");
            return None;
        }
        if first == end && e.to.is_none() {
            let message = "the expectation can never fail: only the last step is looked at";
            self.report("E0317", message, w.at("within_s"), "let the run last longer, or say what it settles to: `to`");
            return None;
        }
        let reach = e.to.map(|to| Range { low: to - band, high: to + band, closed: true });
        if let Some(range) = reach.filter(|range| on.possible.none_in(*range, false)) {
            let message = format!("the expectation can never hold: it is to be from {} to {}", range.low, range.high);
            self.report("E0318", message, w.at("to"), &on.possible.in_words(on.name));
            return None;
        }
        Some(Check::Settles { quantity: on.quantity, window: Window { first, last: end }, band, to: e.to })
    }

    pub(super) fn overshoot(&mut self, w: &Written, on: &Subject, (step, last): (Step, Tick)) -> Option<Check> {
        let e = &w.expect;
        let (below, percent, key) = match (e.below, e.below_percent) {
            (Some(below), None) => (below, false, "below"),
            (None, Some(below)) => (below, true, "below_percent"),
            _ => {
                let help = "give one of below, in the quantity's unit, and below_percent, of the step";
                self.report("E0315", "the expectation does not have one limit", w.node.span, help);
                return None;
            }
        };
        if below <= 0.0 {
            let help = "there is always an overshoot of 0 at least, and the limit itself is not below it";
            self.report("E0318", format!("the expectation can never hold: `{key}` is {below}"), w.at(key), help);
            return None;
        }
        if !percent && below > on.possible.high - on.possible.low {
            let message = format!("the expectation can never fail: `{key}` is {below}");
            self.report("E0317", message, w.at(key), &on.possible.in_words(on.name));
            return None;
        }
        let end = self.time_or("until_s", e.until_s, last, w, (step, last))?;
        let first = self.expected_at("after_s", e.after_s?, w, (step, last))?;
        if first.0 < 2 {
            let help = format!(
                "the first solved step is at {} s, and a value before the disturbance is needed",
                step.seconds()
            );
            self.report("E0316", "there is no step before", w.at("after_s"), &help);
            return None;
        }
        if first >= end {
            let help = "the final value is that of the window's last step: it must come after the disturbance";
            self.report("E0316", "the window has no step after the disturbance", w.at("after_s"), help);
            return None;
        }
        Some(Check::Overshoot { quantity: on.quantity, window: Window { first, last: end }, below, percent })
    }

    pub(super) fn window(&mut self, key: &str, w: &Written, (step, last): (Step, Tick)) -> Option<Window> {
        let e = &w.expect;
        if key == "at_end" {
            return Some(Window { first: last, last });
        }
        let from_key = if key == "value" { "at_s" } else { "from_s" };
        let from = self.time_or(from_key, e.at_s.or(e.from_s), Tick(1), w, (step, last));
        let until = self.time_or("until_s", e.until_s, last, w, (step, last));
        let (from, until) = (from?, until?);
        let until = if key == "value" { from } else { until };
        if until.0 == 0 || from > until {
            let help = match until.0 {
                0 => format!("the first solved step is at {} s", step.seconds()),
                _ => "it begins after its end".to_owned(),
            };
            self.report(
                "E0316",
                "the window holds no step",
                w.at(if key == "value" { "at_s" } else { "until_s" }),
                &help,
            );
            return None;
        }
        Some(Window { first: Tick(from.0.max(1)), last: until })
    }

    fn time_or(
        &mut self,
        key: &str,
        at_s: Option<f64>,
        default: Tick,
        w: &Written,
        time: (Step, Tick),
    ) -> Option<Tick> {
        match at_s {
            Some(at_s) => self.expected_at(key, at_s, w, time),
            None => Some(default),
        }
    }

    /// The tick of a key's time.
    fn expected_at(&mut self, key: &str, at_s: f64, w: &Written, (step, last): (Step, Tick)) -> Option<Tick> {
        let end_s = step.time_s(last);
        let tick = step.tick_at(at_s).filter(|tick| *tick <= last);
        if tick.is_none() {
            let (message, help) = if (0.0..=end_s).contains(&at_s) {
                let [before, after] = [0.0, 1.0].map(|n| (step.ticks(at_s).floor() + n) * step.seconds());
                let message = format!("{at_s} s falls between two steps of {} s", step.seconds());
                (message, format!("write {before} or {after}, or choose a shorter step_s"))
            } else {
                (format!("{at_s} s is outside the run"), format!("the run lasts from 0 to {end_s} s"))
            };
            self.report("E0316", message, w.at(key), &help);
        }
        tick
    }
}
