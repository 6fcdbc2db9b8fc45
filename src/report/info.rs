//! `run.json`: what was run, by what, on what, how fast.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FinishedRun;
use crate::feeder::ControlMode;

/// What was run, by what, on what, how fast. Of all results, only this differs between two runs of one scenario.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// The program.
    pub build: Build,
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Length of a step in s.
    pub step_s: f64,
    /// Solved steps.
    pub steps: u64,
    /// The clock at the start in s since midnight.
    pub start_s: f64,
    /// What regulator and capacitor controls did.
    pub controls: ControlMode,
    /// The files it was made of.
    pub inputs: Vec<InputInfo>,
    /// The machine.
    pub machine: Machine,
    /// How long it took.
    pub timing: Timing,
}

/// The program that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// Its version.
    pub version: String,
    /// The commit it was built from, if the build was told.
    pub commit: String,
}

impl Build {
    /// This program.
    pub fn current() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("PHASORBENCH_COMMIT").unwrap_or("unknown").to_owned(),
        }
    }
}

/// A file that a run was made of.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct InputInfo {
    /// Its path, as the run was told.
    pub path: String,
    /// 64-bit FNV-1a of its bytes, hexadecimal.
    pub fnv1a_64: String,
}

/// The machine that ran.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub architecture: String,
    /// Processors that the run could use.
    pub processors: usize,
}

/// How long a run took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// When it began, in s since 1970.
    pub started_unix_s: u64,
    /// Reading and compiling, in s.
    pub setup_s: f64,
    /// The loop, in s.
    pub run_s: f64,
}

impl RunInfo {
    pub(super) fn new(run: &FinishedRun, timing: Timing) -> Self {
        let plan = run.plan;
        let input = |input: &crate::scenario::Input| InputInfo {
            path: input.path.display().to_string(),
            fnv1a_64: format!("{:016x}", input.fnv1a_64),
        };
        Self {
            build: Build::current(),
            scenario: plan.name.clone(),
            title: plan.title.clone(),
            seed: plan.seed,
            step_s: plan.step.seconds(),
            steps: run.outcome.ticks,
            start_s: plan.start_s,
            controls: plan.controls,
            inputs: plan.inputs.iter().map(input).collect(),
            machine: Machine {
                os: std::env::consts::OS.to_owned(),
                architecture: std::env::consts::ARCH.to_owned(),
                processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            },
            timing,
        }
    }
}
