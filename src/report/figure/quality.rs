//! Distortion over time, who causes it, and what is done about it: of runs that record an analyser's quantities.

use super::axis::{Axis, Frame, heading, legend};
use super::canvas::{Canvas, Colour, Stroke, svg};
use super::series::{draw_line, range, thinned};
use super::{Figure, Run, SIDES, WIDTH, marks, panel_title, time_axis};

/// Most lines of one panel.
const MOST_LINES: usize = 4;
const TOP: f64 = 96.0;
const GAP: f64 = 40.0;
const COLOURS: [Colour; MOST_LINES] = [Colour::Blue, Colour::Orange, Colour::Green, Colour::Label];

/// One panel: lines of one unit.
struct Panel<'a> {
    title: &'static str,
    unit: &'static str,
    height: f64,
    /// Each value holds until the next.
    steps: bool,
    /// What the axis holds at least.
    within: [f64; 2],
    lines: Vec<(&'a str, Vec<f64>)>,
}

/// The figure; `None` when no distortion is recorded.
pub fn quality(run: &Run) -> Option<Figure> {
    let panels = panels(run);
    if panels.first().is_none_or(|panel| panel.unit != "%") {
        return None;
    }
    let end = TOP + panels.iter().map(|panel| panel.height + GAP).sum::<f64>() - GAP;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred points")]
    let height = (end + 52.0) as u32;
    let title = "Distortion over time, and what is done about it";
    let drawn = svg(WIDTH, height, title, |canvas| {
        heading(canvas, title, "marks are events");
        let mut top = TOP;
        for (k, panel) in panels.iter().enumerate() {
            draw(canvas, run, panel, top, k + 1 == panels.len());
            top += panel.height + GAP;
        }
    });
    let caption = "Distortion of the voltage, the fleet's share of it as the attribution finds it, and the highest step of the \
                   mitigation ladder in force.";
    Some(Figure { name: "quality".into(), caption: caption.into(), svg: drawn })
}

fn panels(run: &Run) -> Vec<Panel<'_>> {
    let of = |ends: &[&str]| -> Vec<(&str, Vec<f64>)> {
        let wanted = run.table.names().filter(|name| ends.iter().any(|end| name.ends_with(end)) && !is_another(name));
        wanted.take(MOST_LINES).filter_map(|name| Some((name, run.table.column(name)?.to_vec()))).collect()
    };
    let panel = |title, unit, height, steps, within, ends: &[&str]| Panel {
        title,
        unit,
        height,
        steps,
        within,
        lines: of(ends),
    };
    let all = [
        panel("Total harmonic distortion, %", "%", 150.0, false, [0.0, 1.0], &[".thd_percent"]),
        panel("Share of the fleet", "", 90.0, true, [0.0, 1.0], &[".fleet_share"]),
        panel(
            "Ladder: 1 carrier, 2 other carrier, 3 interleave, 4 compensate, 5 damp, 6 curtail, 7 disconnect, 8 alarm",
            "",
            90.0,
            true,
            [0.0, 8.0],
            &[".rung"],
        ),
        panel("Hot spot of transformers, °C", "°C", 90.0, false, [20.0, 60.0], &[".hot_spot_c"]),
    ];
    all.into_iter().filter(|panel| !panel.lines.is_empty()).collect()
}

/// Whether it is another channel than an analyser's first voltage.
fn is_another(name: &str) -> bool {
    [".u2.", ".u3.", ".i1.", ".i2.", ".i3."].iter().any(|channel| name.contains(channel))
}

fn draw(canvas: &mut Canvas, run: &Run, panel: &Panel, top: f64, last: bool) {
    let clock = run.row_clocks();
    let (low, high) = range(panel.lines.iter().flat_map(|(_, values)| values));
    let (x, x_name) = time_axis(run);
    let [least, most] = panel.within;
    let y = Axis::rounded(low.min(least), high.max(most), if panel.height > 120.0 { 5 } else { 3 });
    let frame = Frame { edges: [SIDES.0, top, SIDES.1, top + panel.height], x, y };
    panel_title(canvas, panel.title, (SIDES.0, top - 10.0));
    let entries: Vec<(&str, Colour)> = panel.lines.iter().map(|(name, _)| *name).zip(COLOURS).collect();
    if panel.lines.len() > 1 {
        legend(canvas, SIDES.1, &entries);
    }
    frame.draw(canvas, last, &[]);
    if last {
        frame.name_x(canvas, x_name);
    }
    marks::draw(canvas, &frame, &marks::marks(run), top <= TOP);
    for ((_, values), colour) in panel.lines.iter().zip(COLOURS) {
        draw_line(canvas, &thinned(&clock, values), panel.steps, Stroke::new(colour, 2.0), |p| frame.at(p));
    }
}
