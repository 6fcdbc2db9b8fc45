//! `nodes.csv`: every phase node in few numbers.

use std::fmt::Write;

use super::FinishedRun;
use crate::bench::NodeOutcome;
use crate::record::csv;

const PHASES: [&str; 3] = ["a", "b", "c"];
const HEADER: &str = "node,phase,distance_m,base_v,v_min_pu,t_min_s,v_max_pu,t_max_s,v_mean_pu,v_profile_pu";

/// A phase node as its line says.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRow {
    /// Its bus.
    pub bus: String,
    /// Its number at the bus.
    pub number: u16,
    /// Phase it is fed from: 0, 1, 2 for a, b, c.
    pub phase: usize,
    /// Distance to the source along lines in m.
    pub distance_m: f64,
    /// Voltage per unit when one was farthest out; 0 where nothing fed it.
    pub v_pu: f64,
}

impl NodeRow {
    /// `bus.number`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.bus, self.number)
    }
}

/// A line for each node: where it is, its extremes, its mean, and its voltage in the profile figure.
pub(super) fn write(run: &FinishedRun) -> String {
    let mut out = format!("{HEADER}\n");
    run.outcome.nodes.iter().for_each(|node| push(&mut out, run, node));
    out
}

fn push(out: &mut String, run: &FinishedRun, n: &NodeOutcome) {
    let step = run.plan.step;
    let profile = run.outcome.worst.v_pu.get(n.index).copied().unwrap_or(f64::NAN);
    csv::push_name(out, &n.node.name());
    // A `String` takes whatever is written to it.
    let _ = write!(out, ",{},{},{}", PHASES.get(n.phase).unwrap_or(&""), n.distance_m, n.node.base_v);
    let extremes = [n.min.0, step.time_s(n.min.1), n.max.0, step.time_s(n.max.1)];
    for value in extremes.into_iter().chain([n.mean_pu, profile]) {
        let _ = if value.is_finite() { write!(out, ",{value}") } else { write!(out, ",") };
    }
    out.push('\n');
}

/// Reads the lines back; the error is the line (1-based) that is not one.
pub(super) fn read(text: &str) -> Result<Vec<NodeRow>, usize> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(1);
    }
    lines.enumerate().map(|(k, line)| row(line).ok_or(k + 2)).collect()
}

fn row(line: &str) -> Option<NodeRow> {
    let fields = csv::fields(line);
    let [node, phase, distance_m, _, _, _, _, _, _, v_pu] = fields.as_slice() else { return None };
    let (bus, number) = node.rsplit_once('.')?;
    Some(NodeRow {
        bus: bus.to_owned(),
        number: number.parse().ok()?,
        phase: PHASES.iter().position(|p| p == phase)?,
        distance_m: csv::number(distance_m)?,
        v_pu: csv::number(v_pu)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_read_back() {
        let text = format!("{HEADER}\n632.2,b,609.6,2401.7,0.98,60,1.02,120,1,0.99\n\"a,b.1\",a,0,1,,,,,,\n");
        let rows = read(&text).unwrap();
        assert_eq!(rows[0], NodeRow { bus: "632".into(), number: 2, phase: 1, distance_m: 609.6, v_pu: 0.99 });
        assert_eq!((rows[1].name().as_str(), rows[1].v_pu.is_nan()), ("a,b.1", true));
        assert_eq!(read("x\n"), Err(1));
        assert_eq!(read(&format!("{HEADER}\n632.2,b,609.6\n")), Err(2));
        assert_eq!(read(&format!("{HEADER}\n632.2,d,1,1,1,1,1,1,1,1\n")), Err(2));
    }
}
