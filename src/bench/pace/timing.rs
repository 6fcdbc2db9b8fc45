//! `timing.json`: how a paced run kept time.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bins::Bins;
use super::paced::Overrun;
use super::privilege::Privilege;

/// How a paced run kept time. It differs from run to run, as `run.json` does; a run in batch has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoopTiming {
    /// Version of this file.
    pub format: u32,
    /// Simulated time over the clock's: 1 is real time.
    pub factor: f64,
    /// Time between ticks on the clock, in s.
    pub period_s: f64,
    /// What an overrun did.
    pub policy: Overrun,
    /// Ticks that were done.
    pub ticks: u64,
    /// From the start until the last of them was due, in s, slips left out.
    pub expected_s: f64,
    /// From the start to the end of the last, in s.
    pub elapsed_s: f64,
    /// By how much deadlines have moved in all, in s.
    pub slipped_s: f64,
    /// Ticks that were not done when the next was due.
    pub overruns: Overruns,
    /// Answers that came too late, of each controller that is a program of the user's own.
    pub late_answers: IndexMap<String, u64>,
    /// Why the run ended before its time; `null` when it did not.
    pub stopped: Option<Stopped>,
    /// `wake_up`: from when a tick that was waited for was due until it began; `begin`: the same of all ticks; then the
    /// stages of a tick; `work`: all of them; `completion`: from when a tick was due until it was done.
    pub durations: IndexMap<String, Distribution>,
    /// What was asked of the machine, and what it said.
    pub machine: Vec<Privilege>,
}

impl LoopTiming {
    /// Version of the file.
    pub const FORMAT: u32 = 1;
}

/// Ticks that were not done when the next was due, by what kept them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overruns {
    /// All of them.
    pub count: u64,
    /// Their own work took longer than a step of processor time.
    pub work: u64,
    /// A program of the user's own took the time.
    pub exchange: u64,
    /// They would have fitted, but the tick before them ended late.
    pub carried: u64,
    /// The machine woke them late, or did something else meanwhile.
    pub machine: u64,
}

/// Why a run ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// Someone asked for it: Ctrl-C, SIGTERM.
    Asked,
    /// A tick was not done in time, and that was to end it.
    Overrun,
}

/// How long something took, in µs. Quantiles are upper edges of bins: up to 3 % too high, never too low.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// How often.
    pub count: u64,
    /// On average.
    pub mean_us: f64,
    /// Half of them took no longer.
    pub p50_us: f64,
    /// 99 of 100.
    pub p99_us: f64,
    /// 999 of 1000.
    pub p999_us: f64,
    /// The longest.
    pub max_us: f64,
    /// Bins that hold something: the longest duration in ns that belongs to it, and how many do.
    pub bins: Vec<(u64, u64)>,
}

impl Distribution {
    /// What bins hold.
    #[allow(clippy::cast_precision_loss, reason = "durations far below 2^53 ns")]
    pub fn new(bins: &Bins) -> Self {
        let quantile_us = |part: f64| bins.quantile_ns(part) as f64 / 1e3;
        Self {
            count: bins.count(),
            mean_us: bins.mean_ns() / 1e3,
            p50_us: quantile_us(0.5),
            p99_us: quantile_us(0.99),
            p999_us: quantile_us(0.999),
            max_us: bins.max_ns() as f64 / 1e3,
            bins: bins.filled().collect(),
        }
    }
}
