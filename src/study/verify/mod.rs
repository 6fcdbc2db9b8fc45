//! Verification: every scenario under some paths is run, without a record, and held against its expectations and its
//! committed baseline.
//!
//! Scenarios run on as many threads as there are jobs; each is a run of its own, and they are gathered in the order of the
//! files, so that nothing depends on the number of jobs. A panic in one is its own failure and stops no other.

mod baseline;
mod find;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

pub use baseline::{Baseline, BaselineError, Lock, Row};
pub use find::{FindError, Found, find};

use crate::bench::{self, Batch, Bench, Outcome, Verdict};
use crate::diagnostic::yaml::Value;
use crate::diagnostic::{Diagnostic, Sources};
use crate::scenario::{self, Check, Document, Plan};

/// How scenarios are verified.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where baselines are; `None` compares with none.
    pub baselines: Option<PathBuf>,
    /// Whether baselines are written.
    pub bless: bool,
    /// Threads; 0 for as many as the machine has.
    pub jobs: usize,
    /// Whether a scenario without a baseline fails.
    pub require_baseline: bool,
}

/// What became of a scenario.
#[derive(Debug)]
pub struct Verified {
    /// Its file.
    pub path: PathBuf,
    /// What was found in its files: warnings, or what is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that they point into.
    pub sources: Sources,
    /// How it ended.
    pub end: End,
}

/// How a scenario ended.
#[derive(Debug)]
pub enum End {
    /// It ran.
    Ran(Box<Ran>),
    /// Its files are broken, or its feeder cannot be compiled.
    Broken(Option<String>),
    /// The program failed.
    Crashed(String),
}

/// A scenario that ran.
#[derive(Debug)]
pub struct Ran {
    /// Its name.
    pub name: String,
    /// What it expects: how many things.
    pub expectations: usize,
    /// What each came to.
    pub verdicts: Vec<Verdict>,
    /// What the comparison with the baseline came to.
    pub comparison: Comparison,
    /// Its numbers.
    pub numbers: Baseline,
}

/// What the comparison with a baseline came to.
#[derive(Debug)]
pub enum Comparison {
    /// None was asked for.
    None,
    /// It is the same.
    Same,
    /// It differs.
    Differs(Vec<Verdict>),
    /// There is none: the expectations alone decide.
    Missing,
    /// There is none, and one is required.
    Lacking,
    /// It cannot be read.
    Unreadable(String),
    /// A new one was written.
    Blessed,
    /// None was written, since an expectation fails.
    NotBlessed,
    /// A new one could not be written.
    Unwritten(String),
}

impl Ran {
    /// Whether all is as expected.
    pub fn passed(&self) -> bool {
        let same =
            matches!(self.comparison, Comparison::None | Comparison::Same | Comparison::Blessed | Comparison::Missing);
        same && self.verdicts.iter().all(|verdict| verdict.passed)
    }
}

/// Two files among `files` whose scenarios have the same name, and with it the same baseline.
pub fn same_name(files: &[PathBuf]) -> Option<(&Path, &Path, String)> {
    let mut first: BTreeMap<String, &Path> = BTreeMap::new();
    for file in files {
        let document = Document::open(file);
        // What has no name is broken, and found to be so when it is read.
        let Some(Value::String(name) | Value::Number(name)) =
            document.root().and_then(|root| root.get("scenario")).map(|node| &node.value)
        else {
            continue;
        };
        if let Some(before) = first.insert(name.to_lowercase(), file) {
            return Some((before, file, name.clone()));
        }
    }
    None
}

/// Verifies scenarios; the results are in the order of `files`. `observe` is told when one begins (`false`) and ends
/// (`true`), from any thread.
pub fn verify(files: &[PathBuf], settings: &Settings, observe: &(dyn Fn(usize, bool) + Sync)) -> Vec<Verified> {
    let one = |(k, path): (usize, &PathBuf)| {
        observe(k, false);
        let verified = catch_unwind(AssertUnwindSafe(|| one(path, settings)));
        observe(k, true);
        verified.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            let end = End::Crashed(said.unwrap_or("the program failed").to_owned());
            Verified { path: path.clone(), diagnostics: Vec::new(), sources: Sources::default(), end }
        })
    };
    match rayon::ThreadPoolBuilder::new().num_threads(settings.jobs).build() {
        Ok(pool) => pool.install(|| files.par_iter().enumerate().map(one).collect()),
        // Without threads to be had, one after the other.
        Err(_) => files.iter().enumerate().map(one).collect(),
    }
}

fn one(path: &Path, settings: &Settings) -> Verified {
    let reading = bench::examined(scenario::read(path));
    let end = match &reading.plan {
        None => End::Broken(None),
        Some(plan) => match run(plan) {
            Ok(outcome) => End::Ran(Box::new(judged(plan, outcome, settings))),
            Err(why) => End::Broken(Some(why)),
        },
    };
    Verified { path: path.to_path_buf(), diagnostics: reading.diagnostics, sources: reading.sources, end }
}

fn run(plan: &Plan) -> Result<Outcome, String> {
    let bench = Bench::new(plan).map_err(|error| format!("the feeder cannot be solved: {error}"))?;
    bench.run(None, &mut Batch, &mut |_| {}).map_err(|error| error.to_string())
}

fn judged(plan: &Plan, mut outcome: Outcome, settings: &Settings) -> Ran {
    let numbers = Baseline::new(plan, &outcome);
    let place = settings.baselines.as_ref().map(|folder| baseline::path(folder, &plan.name));
    let old = place.as_ref().map(|place| Baseline::read(place));
    // What is blessed is its own baseline.
    let reference = if settings.bless { Some(&numbers) } else { old.as_ref().and_then(|old| old.as_ref().ok()) };
    apply_baseline(plan, &mut outcome, reference);
    let failed = !outcome.passed();
    let comparison = match (place, old) {
        (Some(place), Some(old)) if settings.bless => bless(&numbers, old.ok(), &place, failed),
        (Some(_), Some(Ok(old))) => match old.differences(&numbers) {
            none if none.is_empty() => Comparison::Same,
            some => Comparison::Differs(some),
        },
        (Some(_), Some(Err(BaselineError::Missing(_)))) if settings.require_baseline => Comparison::Lacking,
        (Some(_), Some(Err(BaselineError::Missing(_)))) => Comparison::Missing,
        (Some(_), Some(Err(error))) => Comparison::Unreadable(error.to_string()),
        _ => Comparison::None,
    };
    let expectations = plan.expectations.len();
    Ran { name: plan.name.clone(), expectations, verdicts: outcome.verdicts, comparison, numbers }
}

fn bless(new: &Baseline, old: Option<Baseline>, place: &Path, failed: bool) -> Comparison {
    if failed {
        return Comparison::NotBlessed;
    }
    // Rounding on another machine is no reason for another file.
    if old.is_some_and(|old| old.differences(new).is_empty()) {
        return Comparison::Same;
    }
    match new.write(place) {
        Ok(()) => Comparison::Blessed,
        Err(error) => Comparison::Unwritten(error.to_string()),
    }
}

/// Judges the expectations that are about the baseline, which a run by itself cannot.
pub fn apply_baseline(plan: &Plan, outcome: &mut Outcome, baseline: Option<&Baseline>) {
    let Some(baseline) = baseline else { return };
    let now = Baseline::new(plan, outcome);
    for (expectation, verdict) in plan.expectations.iter().zip(&mut outcome.verdicts) {
        let Check::EqualsBaseline { quantity, tolerance } = expectation.check else { continue };
        let Some(name) = plan.quantities.get(quantity).map(|q| &q.name) else { continue };
        let said = baseline.compare(&now, name, tolerance);
        *verdict = Verdict { expectation: verdict.expectation.clone(), ..said };
    }
}

/// The baseline of a scenario in a folder of baselines.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn baseline_of(folder: &Path, scenario: &str) -> Result<Baseline, BaselineError> {
    Baseline::read(&baseline::path(folder, scenario))
}
