//! Shapes over time, and curves.

use super::super::{Curve, Shape};
use super::finding::{Checker, Element};

/// Checks the shapes.
pub fn check(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    for (name, given) in &feeder.shapes {
        shape(checker, Element { section: "shapes", name }, given);
    }
}

fn shape(checker: &mut Checker<'_>, element: Element<'_>, given: &Shape) {
    let forms = [("interval_s", given.interval_s.is_some()), ("at_s", given.at_s.is_some())];
    checker.one_of(element, true, &forms);
    checker.positive_if_given(element, "interval_s", given.interval_s);
    let points = given.p.len();
    if points == 0 {
        checker.error("E0211", element, "p", format!("{element} has no point: p is empty"));
    }
    for (key, values) in [("at_s", &given.at_s), ("q", &given.q)] {
        if let Some(count) = values.as_ref().map(Vec::len).filter(|count| *count != points) {
            checker.error("E0211", element, key, format!("{element}: p has {points} values, {key} has {count}"));
        }
    }
    if let Some(at_s) = &given.at_s {
        increasing(checker, element, "at_s", at_s.iter().copied());
    }
    if given.p.iter().chain(given.q.iter().flatten()).any(|x| !x.is_finite()) {
        checker.error("E0210", element, "p", format!("{element} has a value that is not a finite number"));
    }
}

/// A curve's points stand in the order of x.
pub fn curve(checker: &mut Checker<'_>, element: Element<'_>, key: &str, curve: &Curve) {
    increasing(checker, element, key, curve.iter().map(|[x, _]| *x));
}

fn increasing(checker: &mut Checker<'_>, element: Element<'_>, key: &str, values: impl Iterator<Item = f64>) {
    let mut last = f64::NEG_INFINITY;
    for value in values {
        if !(value > last) {
            checker.error("E0210", element, key, format!("{element}: {key} must increase, but {value} follows {last}"));
            return;
        }
        last = value;
    }
}
