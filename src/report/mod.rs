//! Floor 8: from a finished run to a directory that a person wants to open.
//!
//! `series.csv` (written by the loop), `nodes.csv` (every node in few numbers), `summary.json` ([`Summary`]), an SVG for
//! each figure and `report.html`, one file that needs no network – all the same bytes for the same run. Last comes
//! `run.json` ([`RunInfo`]), which alone holds what differs from run to run (machine, timing); a directory with it is whole.

mod directory;
pub mod figure;
mod html;
mod info;
mod nodes;
mod summary;

use std::io;
use std::path::Path;

pub use directory::next_run;
pub use info::{Build, RunInfo, Timing};
pub use summary::Summary;

use crate::bench::Outcome;
use crate::quantity::Tick;
use crate::record::{Table, write_whole};
use crate::scenario::{Action, Branch, Plan};

/// A finished run.
#[derive(Clone, Copy, Debug)]
pub struct Study<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// What it came to.
    pub outcome: &'a Outcome,
    /// What was recorded.
    pub table: &'a Table,
}

/// Writes everything but the record into `dir`, which holds it already.
///
/// # Errors
/// When a file cannot be written.
pub fn write(dir: &Path, study: &Study, timing: Timing) -> io::Result<Summary> {
    let summary = Summary::new(study);
    let figures = figure::figures(study);
    for figure in &figures {
        write_whole(&dir.join(format!("{}.svg", figure.name)), figure.svg.as_bytes())?;
    }
    write_whole(&dir.join("nodes.csv"), nodes::csv(study).as_bytes())?;
    write_whole(&dir.join("summary.json"), &json(&summary)?)?;
    write_whole(&dir.join("report.html"), html::page(study, &summary, &figures).as_bytes())?;
    write_whole(&dir.join("run.json"), &json(&RunInfo::new(study, timing))?)?;
    Ok(summary)
}

/// The JSON Schema of `summary.json`.
pub fn summary_schema() -> schemars::Schema {
    schemars::schema_for!(Summary)
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

impl Study<'_> {
    /// The clock at a tick, as a person writes it: `18:15`, `day 2 06:00`, with seconds where they matter.
    pub fn clock(&self, tick: Tick) -> String {
        clock(self.plan.clock_s(tick), self.plan.step.seconds())
    }

    /// Clock time of each row of the record in s.
    fn row_clocks(&self) -> Vec<f64> {
        self.table.t_s().iter().map(|t| self.plan.start_s + t).collect()
    }

    /// Whether each line of the feeder is open at a tick, as far as description and events say.
    fn open_lines(&self, tick: Tick) -> Vec<bool> {
        let mut open: Vec<bool> = self.plan.feeder.lines.values().map(|line| line.open).collect();
        let due = self.plan.events.iter().filter(|event| event.tick <= tick).map(|event| event.action);
        for action in self.plan.initial.iter().copied().chain(due) {
            if let Action::Switch { branch: Branch::Line(line), open: now } = action {
                open.iter_mut().skip(line).take(1).for_each(|open| *open = now);
            }
        }
        open
    }
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
