//! Voltages over time: the spread of the whole feeder, and the recorded buses one by one.

use super::axis::{Axis, Frame, heading, legend};
use super::canvas::{Canvas, Colour, PHASES, Stroke, svg};
use super::limits;
use super::series::{draw_line, range, thinned};
use super::{Figure, NodeRow, Run, SIDES, WIDTH, marks, panel_title, time_axis};

const HEIGHT: u32 = 360;
const MOST_PANELS: usize = 8;
const PANEL_HEIGHT: f64 = 128.0;
const PANEL_GAP: f64 = 40.0;

/// Lowest, mean and highest voltage of the feeder.
pub fn envelope(run: &Run) -> Option<Figure> {
    let clock = run.row_clocks();
    let column = |name: &str| Some(thinned(&clock, run.table.column(name)?));
    let (low, mean, high) = (column("feeder.v_min_pu")?, column("feeder.v_mean_pu")?, column("feeder.v_max_pu")?);
    let values = [&low, &high].into_iter().flatten().map(|p| &p.1);
    let frame = Frame { edges: [SIDES.0, 84.0, SIDES.1, f64::from(HEIGHT) - 48.0], ..frame(run, values, 8) };
    let title = "Voltages of all nodes over time";
    let drawn = svg(WIDTH, HEIGHT, title, |canvas| {
        heading(canvas, title, "lowest, mean and highest of all phases");
        legend(canvas, SIDES.1, &[("lowest to highest", Colour::Blue), ("mean", Colour::Ink)]);
        backdrop(canvas, run, &frame, true, true);
        frame.name_y(canvas, "voltage, pu");
        band(canvas, &frame, &low, &high);
        for (line, colour, width) in [(&low, Colour::Blue, 1.6), (&high, Colour::Blue, 1.6), (&mean, Colour::Ink, 1.6)]
        {
            draw_line(canvas, line, false, Stroke::new(colour, width), |p| frame.at(p));
        }
    });
    let caption = "The band spans the lowest and the highest voltage of all phase nodes at each row of the record.";
    Some(Figure { name: "voltages".into(), caption: caption.into(), svg: drawn })
}

/// A panel for each recorded bus.
pub fn buses(run: &Run) -> Option<Figure> {
    let recorded: Vec<&String> = run.facts.recorded.iter().filter(|bus| nodes_of(run, bus).next().is_some()).collect();
    let shown = recorded.get(..MOST_PANELS.min(recorded.len())).filter(|shown| !shown.is_empty())?;
    let clock = run.row_clocks();
    let lines: Vec<Vec<PhaseLine>> = shown.iter().map(|bus| bus_lines(run, bus, &clock)).collect();
    let frame = frame(run, lines.iter().flatten().flat_map(|(_, line)| line).map(|p| &p.1), 5);
    let rows = shown.len().div_ceil(2);
    #[allow(clippy::cast_precision_loss, reason = "at most eight panels")]
    let top = |row: usize| 84.0 + row as f64 * (PANEL_HEIGHT + PANEL_GAP);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred points")]
    let height = (top(rows - 1) + PANEL_HEIGHT + 48.0) as u32;
    let title = "Voltages of the recorded buses over time";
    let more = recorded.len() - shown.len();
    let subtitle = if more > 0 { format!("in pu; {more} more are in series.csv") } else { "in pu".into() };
    let drawn = svg(WIDTH, height, title, |canvas| {
        heading(canvas, title, &subtitle);
        legend(canvas, SIDES.1, &[("phase a", PHASES[0]), ("phase b", PHASES[1]), ("phase c", PHASES[2])]);
        for (k, (bus, lines)) in shown.iter().zip(&lines).enumerate() {
            let (row, right_half) = (k / 2, k % 2 == 1);
            let (left, right) = if right_half { (430.0, SIDES.1) } else { (SIDES.0, 378.0) };
            let edges = [left, top(row), right, top(row) + PANEL_HEIGHT];
            let frame = Frame { edges, x: halved(&frame.x), ..frame.clone() };
            let lowest = k + 2 >= shown.len();
            backdrop(canvas, run, &frame, lowest, false);
            panel_title(canvas, &format!("bus {bus}"), (left, top(row) - 12.0));
            for (colour, line) in lines {
                draw_line(canvas, line, false, Stroke::new(*colour, 1.5), |p| frame.at(p));
            }
        }
    });
    let caption = "One panel a bus, all with the same axes.";
    Some(Figure { name: "buses".into(), caption: caption.into(), svg: drawn })
}

/// An axis with every other tick, for half the width.
fn halved(axis: &Axis) -> Axis {
    Axis { ticks: axis.ticks.iter().step_by(2).cloned().collect(), ..axis.clone() }
}

fn nodes_of<'a>(run: &'a Run, bus: &'a str) -> impl Iterator<Item = &'a NodeRow> {
    run.nodes.iter().filter(move |n| n.bus == bus)
}

/// A phase's colour and its points.
type PhaseLine = (Colour, Vec<(f64, f64)>);

fn bus_lines(run: &Run, bus: &str, clock: &[f64]) -> Vec<PhaseLine> {
    let line = |node: &NodeRow| {
        let column = run.table.column(&format!("{}.v_pu", node.name()))?;
        // 0 is a node that nothing feeds: a gap, not a voltage.
        let fed: Vec<f64> = column.iter().map(|&v| if v == 0.0 { f64::NAN } else { v }).collect();
        Some((PHASES[node.phase], thinned(clock, &fed)))
    };
    nodes_of(run, bus).filter_map(line).collect()
}

/// A frame over time that shows these values and the limits.
fn frame<'v>(run: &Run, values: impl Iterator<Item = &'v f64>, ticks: u32) -> Frame {
    let [low_limit, high_limit] = run.summary.voltage.limits_pu;
    let (low, high) = range(values);
    let (low, high) = (low.min(low_limit), high.max(high_limit));
    let pad = 0.1 * (high - low);
    Frame { edges: [0.0; 4], x: time_axis(run).0, y: Axis::exact(low - pad, high + pad, ticks) }
}

fn backdrop(canvas: &mut Canvas, run: &Run, frame: &Frame, labels: bool, whole: bool) {
    limits::draw(canvas, frame, run.summary.voltage.limits_pu, labels);
    if labels {
        frame.name_x(canvas, time_axis(run).1);
    }
    marks::draw(canvas, frame, &marks::marks(run), whole);
}

fn band(canvas: &mut Canvas, frame: &Frame, low: &[(f64, f64)], high: &[(f64, f64)]) {
    let known = |p: &&(f64, f64)| !p.1.is_nan();
    let outline = high.iter().filter(known).chain(low.iter().filter(known).rev());
    canvas.area(outline.map(|p| frame.at(*p)), Colour::Blue, 0.13);
}
