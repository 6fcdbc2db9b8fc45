//! Floor 8: from a finished run to a directory that a person wants to open.
//!
//! Two stages. First the data: `series.csv` (written by the loop), `nodes.csv` (every node in few numbers), `summary.json`
//! ([`Summary`]), `report.json` (the feeder as drawn, the events) and, where there is any, `curves.json` (P–V curves) and
//! `timing.json` (how a paced run kept time). Then an SVG for each figure and `report.html`, one file
//! that needs no network: a function of those files alone, so that [`rebuild`] makes the same bytes where feeder and scenario
//! are no more. Last comes `run.json` ([`RunInfo`]), which alone holds what differs from run to run (machine, timing); a
//! directory with it is whole.
//!
//! Directories of other studies get a page, too: contingencies, P–V curves, sweeps, measured
//! recordings, and directories of runs.

mod compare;
mod contingency;
mod directory;
mod facts;
pub mod figure;
mod index;
mod info;
mod layout;
mod monitor;
mod nodes;
pub mod page;
mod pv;
mod read;
mod real;
mod rebuild;
mod run;
mod run_page;
mod scan;
mod summary;
mod sweep;
mod timing;

use std::io;
use std::path::Path;

pub use directory::next_run;
pub use facts::{BranchFact, BranchKind, BusFact, EventFact, Facts, PhasorFact, Place};
pub use info::{Build, RunInfo, Timing};
pub use nodes::NodeRow;
pub use read::ReadError;
pub use rebuild::rebuild;
pub use run::Run;
pub use summary::{Status, Summary};

use crate::bench::Outcome;
use crate::bench::pace::LoopTiming;
use crate::record::{Table, write_whole};
use crate::scenario::Plan;
use crate::study::pv::RunCurves;
use figure::Figure;

/// A finished run.
#[derive(Clone, Copy, Debug)]
pub struct FinishedRun<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// What it came to.
    pub outcome: &'a Outcome,
    /// What was recorded.
    pub table: &'a Table,
    /// P–V curves, where the scenario asks for them.
    pub curves: Option<&'a RunCurves>,
    /// How it kept time, where it was paced.
    pub timing: Option<&'a LoopTiming>,
}

/// Writes everything but the record into `dir`, which holds it already.
///
/// # Errors
/// When a file cannot be written.
pub fn write(dir: &Path, run: &FinishedRun, timing: Timing) -> io::Result<Summary> {
    write_whole(&dir.join("nodes.csv"), nodes::write(run).as_bytes())?;
    write_whole(&dir.join("summary.json"), &json(&Summary::new(run))?)?;
    let mut facts = serde_json::to_vec(&facts::Facts::new(run))?;
    facts.push(b'\n');
    write_whole(&dir.join("report.json"), &facts)?;
    if let Some(curves) = run.curves {
        write_whole(&dir.join(run::CURVES), &json(curves)?)?;
    }
    if let Some(timing) = run.timing {
        write_whole(&dir.join(run::TIMING), &json(timing)?)?;
    }
    let info = RunInfo::new(run, timing);
    let read = Run::with_table(dir, info, run.table.clone()).map_err(io::Error::other)?;
    render(dir, &read)?;
    write_whole(&dir.join("run.json"), &json(&read.info)?)?;
    Ok(read.summary)
}

/// Writes the figures and the page of a run.
fn render(dir: &Path, run: &Run) -> io::Result<()> {
    let figures = figure::figures(run);
    write_page(dir, "report.html", &run_page::page(run, &figures), &figures)
}

/// Writes figures as files of their own, then their page.
fn write_page(dir: &Path, name: &str, page: &str, figures: &[Figure]) -> io::Result<()> {
    for figure in figures {
        write_whole(&dir.join(format!("{}.svg", figure.name)), figure.svg.as_bytes())?;
    }
    write_whole(&dir.join(name), page.as_bytes())
}

/// The JSON Schema of `summary.json`.
pub fn summary_schema() -> schemars::Schema {
    schemars::schema_for!(Summary)
}

/// The JSON Schema of `timing.json`.
pub fn timing_schema() -> schemars::Schema {
    schemars::schema_for!(LoopTiming)
}

/// The JSON Schema of `run.json`.
pub fn run_schema() -> schemars::Schema {
    schemars::schema_for!(RunInfo)
}

fn json(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A clock in words; `step_s` decides whether seconds are worth writing.
fn clock(clock_s: f64, step_s: f64) -> String {
    let (day, in_day) = ((clock_s / 86_400.0).floor(), clock_s.rem_euclid(86_400.0));
    // The end of a day belongs to it.
    let (day, in_day) = if in_day == 0.0 && day > 0.0 { (day - 1.0, 86_400.0) } else { (day, in_day) };
    let (hours, minutes) = ((in_day / 3600.0).floor(), (in_day % 3600.0 / 60.0).floor());
    let seconds = in_day % 60.0;
    let whole_minutes = step_s % 60.0 == 0.0 && seconds == 0.0;
    let time = match (whole_minutes, step_s.fract() == 0.0 && seconds.fract() == 0.0) {
        (true, _) => format!("{hours:02}:{minutes:02}"),
        (false, true) => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        (false, false) => format!("{hours:02}:{minutes:02}:{seconds:06.3}"),
    };
    if day > 0.0 { format!("day {} {time}", day + 1.0) } else { time }
}

/// A text for use in HTML and SVG.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_as_people_write_them() {
        assert_eq!(clock(65_700.0, 900.0), "18:15");
        assert_eq!(clock(86_400.0, 900.0), "24:00");
        assert_eq!(clock(86_400.0 + 900.0, 900.0), "day 2 00:15");
        assert_eq!(clock(65.0, 5.0), "00:01:05");
        assert_eq!(clock(0.1, 0.1), "00:00:00.100");
    }

    #[test]
    fn what_a_user_writes_cannot_become_markup() {
        assert_eq!(escaped("<b a=\"1\">&'\u{1}"), "&lt;b a=&quot;1&quot;&gt;&amp;&#39;\u{FFFD}");
    }
}
