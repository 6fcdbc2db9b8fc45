//! What is wrong with a check of phasor data that only its compiled network can tell, and what it will not see.

use super::{Check, Suspect};
use crate::diagnostic::Diagnostic;
use crate::scenario::{Consistency, Plan};

/// An error of a clock that is found only beyond this is worth a word, rad: 1°.
const LARGE_RAD: f64 = 1.0 * std::f64::consts::PI / 180.0;
/// The same of a magnitude, per unit.
const LARGE_PU: f64 = 0.02;

/// Findings about all checks of a plan.
pub(in crate::bench) fn examine(plan: &Plan) -> Vec<Diagnostic> {
    plan.equipment.checks.iter().filter_map(|own| one(plan, own)).collect()
}

fn one(plan: &Plan, own: &Consistency) -> Option<Diagnostic> {
    let check = match Check::new(plan, own) {
        Ok(check) => check,
        Err(error) => {
            let message = format!("check {:?}: {error}", own.name);
            let help =
                "a check needs a network that is small enough and solves, and more measurements than there is unknown";
            return Some(Diagnostic::error("E0338", message).at(own.span).help(help));
        }
    };
    let name = |pmu: usize| &plan.equipment.instruments[own.pmus[pmu].instrument].name;
    let blind = |(k, suspect): (usize, &Suspect)| {
        let least = check.test.tamper().least_size(k);
        let beyond = |large: f64, unit: f64, word: &str| match least {
            least if least <= large => None,
            least if least.is_finite() => Some(format!("below {:.2}{word}", least * unit)),
            _ => Some("of any size".to_owned()),
        };
        match *suspect {
            Suspect::Clock(pmu) => {
                Some(format!("{} of the clock of {}", beyond(LARGE_RAD, 1.0f64.to_degrees(), "°")?, name(pmu)))
            }
            Suspect::Magnitude(pmu, phase) => {
                let phase = ["a", "b", "c"].get(check.phases[pmu][phase].wrapping_sub(1)).copied().unwrap_or("?");
                Some(format!("{} of magnitude {phase} of {}", beyond(LARGE_PU, 1.0, " pu")?, name(pmu)))
            }
            Suspect::Angle(..) | Suspect::Power(_) => None,
        }
    };
    let unseen: Vec<String> = check.suspects.iter().enumerate().filter_map(blind).collect();
    let message = format!("check {:?} does not see errors {}", own.name, unseen.join(", "));
    let help = "loads that are not known would explain them: know loads better, or measure more";
    (!unseen.is_empty()).then(|| Diagnostic::warning("W0340", message).at(own.span).help(help))
}
