//! Baselines: what a scenario came to when somebody looked at it and found it right, committed beside the code.
//!
//! A baseline holds what does not depend on the program: for each recorded quantity its lowest, highest, mean and final
//! value, operations, what conditions set off, which expectations hold. Numbers are rounded to ten digits. Two numbers are
//! the same when they differ by at most 1e-6 of the larger one plus a floor by unit ([`floor`]), so that another machine's
//! instruction set makes no difference. Times of extremes are there to be read: between two equal extremes rounding
//! decides. `solver.iterations` and `solver.mismatch_pu` say how, not what, and are left out.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::bench::{Outcome, Verdict};
use crate::quantity::Tick;
use crate::record::write_whole;
use crate::scenario::Plan;

/// Largest difference of two numbers that are the same, relative to the larger one.
const SAME: f64 = 1e-6;

/// What a scenario came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The scenario's name.
    pub scenario: String,
    /// The feeder's name.
    pub feeder: String,
    /// Solved steps.
    pub steps: u64,
    /// Steps without a solution.
    pub not_converged: u64,
    /// Taps that each regulator moved.
    pub tap_operations: IndexMap<String, u64>,
    /// Steps that each capacitor bank switched.
    pub capacitor_operations: IndexMap<String, u64>,
    /// What conditions set off: time in s, and in words.
    pub triggered: Vec<(f64, String)>,
    /// Whether each expectation holds.
    pub expectations: IndexMap<String, bool>,
    /// Each quantity.
    pub quantities: IndexMap<String, Row>,
}

/// What a quantity came to; no numbers where it had no value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Steps with a value.
    pub values: u64,
    /// The lowest.
    pub min: Option<f64>,
    /// Its first time in s.
    pub min_at_s: Option<f64>,
    /// The highest.
    pub max: Option<f64>,
    /// Its first time in s.
    pub max_at_s: Option<f64>,
    /// The mean.
    pub mean: Option<f64>,
    /// That of the last step.
    pub last: Option<f64>,
}

/// Why there is no baseline to compare with, or none could be written.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// There is none.
    #[error("there is no {0}")]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, io::Error),
    /// It is no baseline.
    #[error("{0} is no baseline of this version: {1}")]
    Format(PathBuf, serde_json::Error),
    /// It cannot be written.
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, io::Error),
}

/// The file of a scenario's baseline.
pub(super) fn path(folder: &Path, scenario: &str) -> PathBuf {
    folder.join(format!("{scenario}.json"))
}

/// Keeps others from writing baselines in a folder, as long as it lives.
#[derive(Debug)]
pub struct Lock {
    /// The lock goes with the file.
    _folder: Option<File>,
}

impl Lock {
    /// Makes the folder, and waits until nobody else writes there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        // Where folders cannot be locked, a baseline still is written in one piece.
        let file = File::open(folder).ok();
        Ok(Self { _folder: file.filter(|file| file.lock().is_ok()) })
    }
}

impl Baseline {
    /// What a run came to.
    pub fn new(plan: &Plan, outcome: &Outcome) -> Self {
        let feeder = &plan.feeder;
        let t_s = |tick: Tick| plan.step.time_s(tick);
        let row = |n: &crate::bench::Numbers| {
            let number = |x: f64| x.is_finite().then(|| rounded(x));
            let time = |(x, tick): (f64, Tick)| x.is_finite().then(|| t_s(tick));
            Row {
                values: n.count,
                min: number(n.min.0),
                min_at_s: time(n.min),
                max: number(n.max.0),
                max_at_s: time(n.max),
                mean: number(n.mean),
                last: number(n.last),
            }
        };
        let named = plan.quantities.iter().map(|q| q.name.clone()).zip(outcome.numbers.iter().map(row));
        let counts = |names: &mut dyn Iterator<Item = &String>, counts: &[u64]| -> IndexMap<String, u64> {
            names.cloned().zip(counts.iter().copied()).collect()
        };
        let about_baseline = |k: usize| {
            let check = plan.expectations.get(k).map(|expectation| &expectation.check);
            matches!(check, Some(crate::scenario::Check::EqualsBaseline { .. }))
        };
        let verdicts = outcome.verdicts.iter().enumerate().filter(|(k, _)| !about_baseline(*k));
        Self {
            scenario: plan.name.clone(),
            feeder: feeder.feeder.clone(),
            steps: outcome.ticks,
            not_converged: outcome.not_converged,
            tap_operations: counts(&mut feeder.regulators.keys(), &outcome.tap_operations),
            capacitor_operations: counts(&mut feeder.capacitors.keys(), &outcome.capacitor_operations),
            triggered: outcome.triggered.iter().map(|event| (t_s(event.tick), event.label.clone())).collect(),
            expectations: verdicts.map(|(_, v)| (v.expectation.clone(), v.passed)).collect(),
            quantities: named.filter(|(name, _)| !says_how(name)).collect(),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// When there is none, or it is none.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BaselineError::Missing(path.to_path_buf()));
            }
            Err(error) => return Err(BaselineError::Read(path.to_path_buf(), error)),
        };
        serde_json::from_slice(&bytes).map_err(|error| BaselineError::Format(path.to_path_buf(), error))
    }

    /// Writes it in one piece, one quantity a line.
    ///
    /// # Errors
    /// When it cannot be written; what was there is then as it was.
    pub fn write(&self, path: &Path) -> Result<(), BaselineError> {
        let failed = |error| BaselineError::Write(path.to_path_buf(), error);
        let text = self.text().map_err(|error| failed(error.into()))?;
        write_whole(path, text.as_bytes()).map_err(failed)
    }

    /// JSON with one quantity a line, so that a change shows as the lines that changed.
    fn text(&self) -> Result<String, serde_json::Error> {
        let fields = [
            ("scenario", serde_json::to_string(&self.scenario)?),
            ("feeder", serde_json::to_string(&self.feeder)?),
            ("steps", self.steps.to_string()),
            ("not_converged", self.not_converged.to_string()),
            ("tap_operations", serde_json::to_string(&self.tap_operations)?),
            ("capacitor_operations", serde_json::to_string(&self.capacitor_operations)?),
            ("triggered", serde_json::to_string(&self.triggered)?),
            ("expectations", by_line(&self.expectations)?),
            ("quantities", by_line(&self.quantities)?),
        ];
        let lines: Vec<String> = fields.iter().map(|(key, value)| format!("  \"{key}\": {value}")).collect();
        Ok(format!("{{\n{}\n}}\n", lines.join(",\n")))
    }

    /// What differs in `now`, each as a failed verdict.
    pub fn differences(&self, now: &Self) -> Vec<Verdict> {
        let mut found = Vec::new();
        let mut differs = |what: &str, before: String, after: String| {
            if before != after {
                found.push(failed(what, format!("{what}: {after}, in the baseline {before}")));
            }
        };
        differs("feeder", self.feeder.clone(), now.feeder.clone());
        differs("steps", self.steps.to_string(), now.steps.to_string());
        differs("steps without a solution", self.not_converged.to_string(), now.not_converged.to_string());
        for (key, before, after) in [
            ("taps moved", &self.tap_operations, &now.tap_operations),
            ("capacitor steps switched", &self.capacitor_operations, &now.capacitor_operations),
        ] {
            differs(key, listed(before), listed(after));
        }
        let triggered = |all: &[(f64, String)]| {
            let said: Vec<String> = all.iter().map(|(at_s, what)| format!("{what} at {at_s} s")).collect();
            if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
        };
        differs("set off by conditions", triggered(&self.triggered), triggered(&now.triggered));
        let expected = |map: &IndexMap<String, bool>| map.keys().cloned().collect::<Vec<_>>().join("; ");
        differs("expectations", expected(&self.expectations), expected(&now.expectations));
        let new = now.quantities.keys().filter(|name| !self.quantities.contains_key(*name));
        let names = self.quantities.keys().chain(new);
        found.extend(names.map(|name| self.compare(now, name, None)).filter(|verdict| !verdict.passed));
        found
    }

    /// A quantity of both; `tolerance` stands in place of the rule for all.
    pub fn compare(&self, now: &Self, name: &str, tolerance: Option<f64>) -> Verdict {
        let (before, after) = match (self.quantities.get(name), now.quantities.get(name)) {
            (Some(before), Some(after)) => (before, after),
            (Some(_), None) => return failed(name, format!("{name} is in the baseline and not recorded any more")),
            (None, _) => return failed(name, format!("{name} is not in the baseline")),
        };
        if before.values != after.values {
            let reason = format!("{name} has a value at {} steps, in the baseline at {}", after.values, before.values);
            return failed(name, reason);
        }
        let scale = self.power_scale();
        let mut worst: Option<(f64, Verdict)> = None;
        for (what, was, is, at_s) in [
            ("lowest value", before.min, after.min, after.min_at_s),
            ("highest value", before.max, after.max, after.max_at_s),
            ("mean", before.mean, after.mean, None),
            ("final value", before.last, after.last, None),
        ] {
            let (Some(was), Some(is)) = (was, is) else {
                if was.is_some() != is.is_some() {
                    return failed(name, format!("{name} does not end with a value in one of run and baseline"));
                }
                continue;
            };
            let apart = difference(name, was, is);
            let allowed = tolerance.unwrap_or_else(|| SAME * was.abs().max(is.abs()) + floor(name, scale));
            if worst.as_ref().is_none_or(|(excess, _)| apart - allowed > *excess) {
                let passed = apart <= allowed;
                let but = if passed { "the same as" } else { "not" };
                let reason = format!(
                    "the {what} of {name} is {is}, {but} the baseline's {was} (off by {apart:.3e}, allowed {allowed:.3e})"
                );
                let (measured, limit) = (Some(is), Some(was));
                let verdict = Verdict { passed, measured, limit, at_s, reason, ..failed(name, String::new()) };
                worst = Some((apart - allowed, Verdict { quantity: Some(name.to_owned()), ..verdict }));
            }
        }
        let nothing = Verdict { passed: true, ..failed(name, format!("{name} has no value, as in the baseline")) };
        worst.map_or(nothing, |(_, verdict)| verdict)
    }

    /// The largest power of the sources in the run, for what counts as no power.
    fn power_scale(&self) -> f64 {
        let of = |name: &str| self.quantities.get(name).map(|row| [row.min, row.max]).into_iter().flatten().flatten();
        of("source.p_w").chain(of("source.q_var")).map(f64::abs).fold(0.0, f64::max)
    }
}

fn by_line<T: Serialize>(map: &IndexMap<String, T>) -> Result<String, serde_json::Error> {
    let line = |(name, entry): (&String, &T)| {
        Ok(format!("    {}: {}", serde_json::to_string(name)?, serde_json::to_string(entry)?))
    };
    let lines = map.iter().map(line).collect::<Result<Vec<_>, serde_json::Error>>()?;
    Ok(if lines.is_empty() { "{}".to_owned() } else { format!("{{\n{}\n  }}", lines.join(",\n")) })
}

fn failed(what: &str, reason: String) -> Verdict {
    let expectation = format!("baseline: {what}");
    Verdict { expectation, passed: false, quantity: None, measured: None, limit: None, at_s: None, place: None, reason }
}

fn listed(counts: &IndexMap<String, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// Quantities that say how something was solved.
fn says_how(name: &str) -> bool {
    matches!(name, "solver.iterations" | "solver.mismatch_pu")
}

/// Of angles, by the short way.
fn difference(name: &str, a: f64, b: f64) -> f64 {
    let d = a - b;
    if name.ends_with(".angle_deg") { (d - 360.0 * (d / 360.0).round()).abs() } else { d.abs() }
}

/// What two numbers near 0 may differ by: what a voltage error of 1e-6 pu (a thousand times the solver's default
/// tolerance) makes of them. Counts are exact.
fn floor(name: &str, power_scale_w: f64) -> f64 {
    let unit = name.rsplit_once('.').map_or(name, |(_, unit)| unit);
    match unit {
        _ if unit.ends_with("v_pu") || matches!(unit, "v_min_pu" | "v_mean_pu" | "v_max_pu") => 1e-6,
        "v_v" | "i_a" | "predicted_a" => 1e-3,
        _ if unit.ends_with("angle_deg") => 1e-4,
        "unbalance_percent" | "u2_percent" | "u0_percent" | "loading_percent" => 1e-4,
        "unserved_w" | "effort_va" => 1e-6 * power_scale_w + 1e-3,
        _ if unit.ends_with("p_w") || unit.ends_with("q_var") => 1e-6 * power_scale_w + 1e-3,
        _ => 0.0,
    }
}

/// To ten digits.
fn rounded(x: f64) -> f64 {
    format!("{x:.9e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, max: f64) -> Baseline {
        let row = Row {
            values: 2,
            min: Some(0.0),
            min_at_s: Some(1.0),
            max: Some(max),
            max_at_s: Some(2.0),
            mean: Some(max),
            last: Some(max),
        };
        Baseline {
            scenario: "s".into(),
            feeder: "f".into(),
            steps: 2,
            not_converged: 0,
            tap_operations: [("reg".to_owned(), 3)].into(),
            capacitor_operations: IndexMap::new(),
            triggered: vec![(5.0, "open line".into())],
            expectations: [("always".to_owned(), true)].into(),
            quantities: [(name.to_owned(), row)].into(),
        }
    }

    #[test]
    fn what_rounding_can_do_is_the_same_and_no_more() {
        let differ = |name: &str, a: f64, b: f64| with(name, a).differences(&with(name, b)).len();
        // 1e-6 of 1.05 and the floor of 1e-6: 2.05e-6.
        assert_eq!(differ("a.1.v_pu", 1.05, 1.05 + 2.0e-6), 0);
        assert_eq!(differ("a.1.v_pu", 1.05, 1.05 + 2.2e-6), 1);
        assert_eq!(differ("reg.tap", 5.0, 6.0), 1);
        assert_eq!(differ("a.1.angle_deg", 180.0, -180.0), 0, "the same direction");
        // A megawatt from the source: 1 W more or less is nothing, for a reactive power near 0, too.
        assert_eq!(differ("source.p_w", 1e6, 1e6 + 1.5), 0);
        assert_eq!(differ("source.p_w", 1e6, 1e6 + 2.5), 1);
    }

    #[test]
    fn everything_counts() {
        let a = with("a.1.v_pu", 1.0);
        let changed = |change: &dyn Fn(&mut Baseline)| {
            let mut b = a.clone();
            change(&mut b);
            a.differences(&b).iter().map(|v| v.reason.clone()).collect::<Vec<_>>()
        };
        assert!(changed(&|_| {}).is_empty());
        assert_eq!(changed(&|b| b.tap_operations[0] = 4), ["taps moved: reg 4, in the baseline reg 3"]);
        assert_eq!(changed(&|b| b.triggered[0].0 = 6.0).len(), 1);
        assert_eq!(changed(&|b| b.quantities[0].values = 1).len(), 1);
        assert_eq!(changed(&|b| b.quantities[0].last = None).len(), 1);
        assert_eq!(changed(&|b| b.quantities[0].max_at_s = Some(1.0)).len(), 0, "times are there to be read");
        let extra = |b: &mut Baseline| {
            b.quantities.insert("x.tap".into(), a.quantities[0]);
        };
        assert_eq!(changed(&extra), ["x.tap is not in the baseline"]);
        assert_eq!(changed(&|b| b.quantities.clear()).len(), 1);
    }

    #[test]
    fn what_is_written_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let (a, place) = (with("a.1.v_pu", 0.1 + 0.2), path(dir.path(), "s"));
        let _lock = Lock::new(&dir.path().join("new")).unwrap();
        a.write(&place).unwrap();
        assert_eq!(Baseline::read(&place).unwrap(), a);
        assert!(matches!(Baseline::read(&dir.path().join("t.json")), Err(BaselineError::Missing(_))));
        std::fs::write(&place, "{}").unwrap();
        assert!(matches!(Baseline::read(&place), Err(BaselineError::Format(..))));
        assert_eq!(rounded(0.123_456_789_012_345), 0.123_456_789);
    }
}
