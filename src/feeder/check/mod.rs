//! What is wrong with a feeder's meaning, whatever file it came from.
//!
//! Each finding is located by [`Feeder::origins`]. An element that a reader had to leave out but whose name is among
//! the origins counts as known: one mistake is not reported again by all who refer to it.

#![allow(clippy::neg_cmp_op_on_partial_ord, reason = "what is not a number must fail as well")]

mod finding;
mod line;
mod matrix;
mod network;
mod power;
mod shape;
mod shunt;
mod source;
mod spectrum;
mod transformer;

use finding::Checker;

use super::Feeder;
use crate::diagnostic::Diagnostic;

/// Smallest tolerance that double precision can promise.
const SMALLEST_TOLERANCE_PU: f64 = 1e-12;

/// Everything that is wrong with a feeder's meaning.
pub fn check(feeder: &Feeder) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    header(feeder, &mut found);
    elements(feeder, &mut found);
    found
}

/// Checks the top-level keys, and that there is a source.
pub(super) fn header(feeder: &Feeder, found: &mut Vec<Diagnostic>) {
    let mut report = |key: &str, message: String| {
        found.push(Diagnostic::error("E0210", message).at(feeder.origins.top(key)));
    };
    if !(feeder.frequency_hz > 0.0) {
        report("frequency_hz", format!("frequency_hz must be greater than 0, is {}", feeder.frequency_hz));
    }
    for base in feeder.voltage_bases_kv.iter().filter(|base| !(**base > 0.0)) {
        report("voltage_bases_kv", format!("a voltage base must be greater than 0, is {base}"));
    }
    if feeder.voltage_bases_kv.is_empty() {
        let finding =
            Diagnostic::error("E0215", "voltage_bases_kv is empty").at(feeder.origins.top("voltage_bases_kv"));
        found.push(finding.help("give the line-to-line voltage of each voltage level in kV, as in [115, 4.16]"));
    }
    if feeder.sources.is_empty() && feeder.origins.names("sources").next().is_none() {
        let place = feeder.origins.top("sources").or_else(|| feeder.origins.top("feeder"));
        let finding = Diagnostic::error("E0201", format!("feeder \"{}\" has no source", feeder.feeder)).at(place);
        found.push(finding.help("add one under sources, as in slack: {bus: sourcebus, v_kv: 115}"));
    }
    solve(feeder, found);
}

fn solve(feeder: &Feeder, found: &mut Vec<Diagnostic>) {
    let mut report = |message: String| {
        found.push(Diagnostic::error("E0210", message).at(feeder.origins.top("solve")));
    };
    let solve = &feeder.solve;
    if let Some(tolerance) = solve.tolerance_pu.filter(|x| !(*x >= SMALLEST_TOLERANCE_PU)) {
        report(format!("tolerance_pu must be at least {SMALLEST_TOLERANCE_PU:e}, is {tolerance:e}"));
    }
    if solve.max_iterations == Some(0) {
        report("max_iterations must be at least 1, is 0".to_owned());
    }
    if !(solve.load_multiplier >= 0.0) {
        report(format!("load_multiplier must not be negative, is {}", solve.load_multiplier));
    }
}

/// Checks the elements and how they are connected.
pub(super) fn elements(feeder: &Feeder, found: &mut Vec<Diagnostic>) {
    let mut checker = Checker::new(feeder, found);
    source::check(&mut checker);
    line::check(&mut checker);
    transformer::check(&mut checker);
    shunt::check(&mut checker);
    power::check(&mut checker);
    shape::check(&mut checker);
    spectrum::check(&mut checker);
    network::check(&mut checker);
}
