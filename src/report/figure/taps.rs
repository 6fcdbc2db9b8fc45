//! Where regulators and capacitor banks stand over time: one lane each, so that equal positions hide nothing.

use super::axis::{Axis, Frame, heading};
use super::canvas::{Anchor, Canvas, Colour, Font, LABEL, Stroke, svg};
use super::series::{draw_line, range, thinned};
use super::{Figure, Run, SIDES, WIDTH, marks, time_axis};

const MOST_LANES: usize = 16;
const GAP: f64 = 14.0;
const TOP: f64 = 78.0;

struct Lane<'a> {
    name: &'a str,
    values: &'a [f64],
    height: f64,
    colour: Colour,
    operations: u64,
}

/// The figure; `None` for a feeder without regulators and capacitors.
pub fn taps(run: &Run) -> Option<Figure> {
    let lanes = lanes(run);
    let shown = lanes.get(..MOST_LANES.min(lanes.len())).filter(|lanes| !lanes.is_empty())?;
    let end = TOP + shown.iter().map(|lane| lane.height + GAP).sum::<f64>() - GAP;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred points")]
    let height = (end + 48.0) as u32;
    let title = "Taps and capacitors over time";
    let hidden = lanes.len() - shown.len();
    let subtitle = match hidden {
        0 => "regulator taps in steps from neutral, capacitor banks in closed steps".to_owned(),
        _ => format!("regulator taps in steps from neutral; {hidden} more are in series.csv"),
    };
    let drawn = svg(WIDTH, height, title, |canvas| {
        heading(canvas, title, &subtitle);
        let mut top = TOP;
        for (k, lane) in shown.iter().enumerate() {
            draw_lane(canvas, run, lane, top, k + 1 == shown.len());
            top += lane.height + GAP;
        }
    });
    let caption = "One lane for each regulator and capacitor bank; the number at the right counts its operations.";
    Some(Figure { name: "taps".into(), caption: caption.into(), svg: drawn })
}

fn lanes(run: &Run) -> Vec<Lane<'_>> {
    fn lane<'a>(
        run: &'a Run,
        name: &'a str,
        unit: &str,
        height: f64,
        colour: Colour,
        operations: u64,
    ) -> Option<Lane<'a>> {
        let values = run.table.column(&format!("{name}.{unit}"))?;
        Some(Lane { name, values, height, colour, operations })
    }
    let summary = &run.summary;
    let regulators =
        summary.regulators.iter().filter_map(|(name, r)| lane(run, name, "tap", 58.0, Colour::Blue, r.operations));
    // A bank that never moves has nothing to show.
    let moving = summary.capacitors.iter().filter(|(_, c)| c.operations > 0);
    let capacitors = moving.filter_map(|(name, c)| lane(run, name, "steps", 30.0, Colour::Orange, c.operations));
    regulators.chain(capacitors).collect()
}

fn draw_lane(canvas: &mut Canvas, run: &Run, lane: &Lane, top: f64, last: bool) {
    let clock = run.row_clocks();
    let (low, high) = range(lane.values);
    let (x, x_name) = time_axis(run);
    let (from, to) = if low.is_finite() { (low, high) } else { (0.0, 0.0) };
    let mut ticks = vec![(from, format!("{from:.0}"))];
    if to > from {
        ticks.push((to, format!("{to:.0}")));
    }
    let y = Axis { from: from - 0.6, to: to + 0.6, ticks };
    let frame = Frame { edges: [SIDES.0 + 44.0, top, SIDES.1 - 30.0, top + lane.height], x, y };
    frame.draw(canvas, last, &[]);
    if last {
        frame.name_x(canvas, x_name);
    }
    marks::draw(canvas, &frame, &marks::marks(run), false);
    let middle = top + lane.height / 2.0;
    canvas.text(lane.name, (16.0, middle), Anchor::Start, Font { colour: Colour::Ink, bold: true, ..LABEL });
    canvas.text(&format!("{}×", lane.operations), (SIDES.1, middle), Anchor::End, LABEL);
    draw_line(canvas, &thinned(&clock, lane.values), true, Stroke::new(lane.colour, 2.0), |p| frame.at(p));
}
