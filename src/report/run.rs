//! A run as its directory tells it: all that page and figures are made of.

use std::path::Path;

use super::facts::{FORMAT, Facts};
use super::nodes::{self, NodeRow};
use super::read::{ReadError, json, text, whole};
use super::{RunInfo, Summary};
use crate::bench::pace::LoopTiming;
use crate::record::Table;
use crate::study::pv::RunCurves;

/// A run as its directory tells it.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was run.
    pub info: RunInfo,
    /// The numbers it came to.
    pub summary: Summary,
    /// The feeder as drawn, and the events.
    pub facts: Facts,
    /// Every phase node.
    pub nodes: Vec<NodeRow>,
    /// What was recorded.
    pub table: Table,
    /// P–V curves, where the scenario asks for them.
    pub curves: Option<RunCurves>,
    /// How it kept time, where it was paced.
    pub timing: Option<LoopTiming>,
}

/// The file of P–V curves. Not `pv.json`: that is what makes a directory one of a study.
pub(super) const CURVES: &str = "curves.json";

/// The file of how a paced run kept time.
pub(super) const TIMING: &str = "timing.json";

impl Run {
    /// Reads a finished run's directory.
    ///
    /// # Errors
    /// When a file is missing, half-written or not as this version writes it.
    pub fn read(dir: &Path) -> Result<Self, ReadError> {
        whole(dir, &["run.json", "summary.json", "report.json", "nodes.csv", "series.csv"])?;
        let series = dir.join("series.csv");
        let table = Table::read_csv(&series).map_err(|error| ReadError::Record(series, error))?;
        Self::with_table(dir, json(&dir.join("run.json"))?, table)
    }

    /// Reads all but the record and `run.json`, which is written last.
    pub(super) fn with_table(dir: &Path, info: RunInfo, table: Table) -> Result<Self, ReadError> {
        let path = dir.join("report.json");
        let format: Format = json(&path)?;
        if format.format != FORMAT {
            return Err(ReadError::Version { path, found: format.format, known: FORMAT });
        }
        let nodes = dir.join("nodes.csv");
        let (curves, timing) = (dir.join(CURVES), dir.join(TIMING));
        Ok(Self {
            summary: json(&dir.join("summary.json"))?,
            facts: json(&path)?,
            nodes: nodes::read(&text(&nodes)?).map_err(|line| ReadError::Line { path: nodes, line })?,
            curves: if curves.is_file() { Some(json(&curves)?) } else { None },
            timing: if timing.is_file() { Some(json(&timing)?) } else { None },
            table,
            info,
        })
    }

    /// The clock at a time since the start, as a person writes it: `18:15`, `day 2 06:00`, with seconds where they matter.
    pub fn clock(&self, t_s: f64) -> String {
        super::clock(self.info.start_s + t_s, self.info.step_s)
    }

    /// A time since the start as seconds on the clock.
    pub(super) fn clock_s(&self, t_s: f64) -> f64 {
        self.info.start_s + t_s
    }

    /// Clock time of each row of the record in s.
    pub(super) fn row_clocks(&self) -> Vec<f64> {
        self.table.t_s().iter().map(|t| self.clock_s(*t)).collect()
    }
}

/// Only the version of a file that may be of another one.
#[derive(serde::Deserialize)]
struct Format {
    format: u32,
}
