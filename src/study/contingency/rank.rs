//! Which case is worst. The order is explained in `docs/models/contingency.md`.

use std::cmp::Reverse;

use super::meter::Finding;
use crate::solver::Status;

/// A voltage this far beyond a limit weighs as much as a loading 100 % beyond the rating.
const EQUAL_PU: f64 = 0.1;
/// Differences below these are the solver's rounding, not severity.
const KW: f64 = 1e-6;
const PERCENT: f64 = 1e-6;
const EXCESS: f64 = 1e-7;

/// Indices of cases, the worst first: without a solution, then by unserved power, then by what is farthest beyond its
/// limit, loading or voltage, then by nodes beyond them; among equals by loading, and at last in the order given.
pub fn ranking(findings: &[Finding], limits_pu: [f64; 2]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_cached_key(|&k| (Reverse(severity(&findings[k], limits_pu)), k));
    order
}

type Severity = (bool, i64, i64, u32, i64);

fn severity(finding: &Finding, [low, high]: [f64; 2]) -> Severity {
    let loading = finding.worst.map_or(0.0, |(percent, _)| percent);
    let below = finding.min.map_or(0.0, |(v_pu, _)| low - v_pu);
    let above = finding.max.map_or(0.0, |(v_pu, _)| v_pu - high);
    let excess = ((loading - 100.0) / 100.0).max(below.max(above) / EQUAL_PU);
    (
        finding.status != Status::Converged,
        whole(finding.unserved_kw, KW),
        whole(excess.max(0.0), EXCESS),
        finding.violations,
        whole(loading, PERCENT),
    )
}

#[allow(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn whole(x: f64, unit: f64) -> i64 {
    (x / unit).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::{ElementId, NodeId};

    const SOUND: Finding = Finding {
        status: Status::Converged,
        min: Some((0.97, NodeId(0))),
        max: Some((1.01, NodeId(1))),
        worst: Some((60.0, ElementId(0))),
        unserved_kw: 0.0,
        violations: 0,
        de_energised: 0,
    };

    #[test]
    fn the_worst_case_comes_first() {
        let cases = [
            SOUND,
            Finding { min: Some((0.94, NodeId(0))), violations: 1, ..SOUND },
            Finding { worst: Some((101.0, ElementId(0))), ..SOUND },
            Finding { unserved_kw: 0.1, ..SOUND },
            Finding { status: Status::NotConverged, min: None, max: None, worst: None, ..SOUND },
            Finding { max: Some((1.07, NodeId(0))), violations: 1, ..SOUND },
            Finding { unserved_kw: 500.0, worst: Some((20.0, ElementId(0))), ..SOUND },
            Finding { worst: Some((60.0 + 1e-9, ElementId(0))), ..SOUND },
        ];
        assert_eq!(ranking(&cases, [0.95, 1.05]), [4, 6, 3, 5, 1, 2, 0, 7], "the last two are equal but for rounding");
    }
}
