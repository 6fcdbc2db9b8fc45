//! What a run under phasor control shows: one figure for each L-PBC, as Figure 3 of von Meier et al., "Phasor-Based Control
//! for Scalable Integration of Variable Energy Resources", Energies 13 (2020) 190.
//!
//! Above, magnitudes and relative angles of the held node with their targets dashed; below, what each actuator injects through
//! each phase; at the foot a strip for whatever was not as usual (mode, cause, time). Phasors are those of the plant, not of
//! the instruments.

use super::axis::{Axis, Frame, heading, legend, text_width};
use super::canvas::{Anchor, Canvas, Colour, Font, LABEL, PHASES, Stroke, svg};
use super::series::{draw_line, range, thinned};
use super::{Figure, Run, SIDES, WIDTH, marks, panel_title, time_axis};
use crate::report::facts::PhasorFact;

const TOP: f64 = 100.0;
const TALL: f64 = 190.0;
const LOW: f64 = 84.0;
const GAP: f64 = 40.0;
/// The same below the first row, whose axis is labelled.
const WIDE_GAP: f64 = 62.0;
const LANE: f64 = 16.0;
/// Edges of the left and the right half.
const HALVES: [(f64, f64); 2] = [(SIDES.0, 378.0), (430.0, SIDES.1)];
/// Actuators with panels of their own.
const MOST_ACTUATORS: usize = 6;
/// Targets change so often at most to be drawn as dashes; beyond, as a thin line.
const MOST_DASHES: usize = 200;

/// A line over time and its colour.
type Line = (Colour, Vec<f64>);

/// Two panels side by side.
struct Row {
    titles: [String; 2],
    lines: [Vec<Line>; 2],
    targets: [Vec<Vec<f64>>; 2],
    height: f64,
}

impl Row {
    /// Whether it is the one of the phasors.
    fn first(&self) -> bool {
        self.height > LOW
    }

    fn gap(&self) -> f64 {
        if self.first() { WIDE_GAP } else { GAP }
    }
}

/// A figure for each phasor controller whose quantities are recorded.
pub fn phasors(run: &Run) -> Vec<Figure> {
    let drawn = run.facts.phasors.iter().filter_map(|own| phasor(run, own));
    let numbered = drawn.enumerate().map(|(k, (svg, caption))| {
        let name = if k == 0 { "phasor".to_owned() } else { format!("phasor_{}", k + 1) };
        Figure { name, caption, svg }
    });
    numbered.collect()
}

fn phasor(run: &Run, own: &PhasorFact) -> Option<(String, String)> {
    let rows: Vec<Row> = std::iter::once(held(run, own)?).chain(actuators(run, own)).collect();
    let lanes = lanes(run, own);
    let last = rows.last().map_or(0.0, Row::gap);
    let foot = TOP + rows.iter().map(|row| row.height + row.gap()).sum::<f64>() - last + 46.0;
    #[allow(clippy::cast_precision_loss, reason = "a few lanes")]
    let end = foot + lanes.len() as f64 * (LANE + 4.0) + if lanes.is_empty() { 0.0 } else { 34.0 };
    let title = format!("Phasor control by {}", own.name);
    let subtitle = format!("{} relative to {}; dashed: targets", bus(&own.performance), bus(&own.reference));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred points")]
    let drawn = svg(WIDTH, end as u32 + 4, &title, |canvas| {
        heading(canvas, &title, &subtitle);
        let names: Vec<String> = own.phases.iter().map(|phase| format!("phase {phase}")).collect();
        let entries: Vec<(&str, Colour)> =
            names.iter().zip(&own.phases).map(|(name, phase)| (name.as_str(), colour(phase))).collect();
        legend(canvas, SIDES.1, &entries);
        let mut top = TOP;
        for (k, row) in rows.iter().enumerate() {
            draw_row(canvas, run, row, top, k + 1 == rows.len());
            top += row.height + row.gap();
        }
        let mut top = foot;
        for (k, lane) in lanes.iter().enumerate() {
            draw_lane(canvas, run, lane, top, k + 1 == lanes.len());
            top += LANE + 4.0;
        }
    });
    let more = own.actuators.len().saturating_sub(MOST_ACTUATORS);
    let more = if more > 0 { format!(" {more} more actuators are in series.csv.") } else { String::new() };
    let caption = format!(
        "Voltage phasors of {} relative to {} with their targets, and what the actuators inject through each phase (injection \
         into the network is positive).{more}",
        bus(&own.performance),
        bus(&own.reference)
    );
    Some((drawn, caption))
}

/// Nodes of one bus, as its name and numbers.
fn bus(nodes: &[String]) -> String {
    let split: Vec<(&str, &str)> = nodes.iter().filter_map(|node| node.rsplit_once('.')).collect();
    let name = split.first().map_or("", |(bus, _)| bus);
    if split.len() == 3 { name.to_owned() } else { nodes.join(", ") }
}

fn colour(phase: &str) -> Colour {
    let place = ["a", "b", "c"].iter().position(|own| *own == phase);
    place.map_or(Colour::Label, |k| PHASES[k])
}

/// Degrees from −180 to 180.
pub(super) fn wrapped_deg(angle: f64) -> f64 {
    (angle + 180.0).rem_euclid(360.0) - 180.0
}

/// Magnitudes and relative angles; `None` where they are not recorded.
fn held(run: &Run, own: &PhasorFact) -> Option<Row> {
    let column = |name: String| run.table.column(&name).map(<[f64]>::to_vec);
    let (mut lines, mut targets) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for ((phase, node), reference) in own.phases.iter().zip(&own.performance).zip(&own.reference) {
        let (angle, by) = (column(format!("{node}.angle_deg"))?, column(format!("{reference}.angle_deg"))?);
        let relative = angle.iter().zip(&by).map(|(angle, by)| wrapped_deg(angle - by)).collect();
        lines[0].push((colour(phase), column(format!("{node}.v_pu"))?));
        lines[1].push((colour(phase), relative));
        for (k, what) in ["target_v_pu", "target_angle_deg"].iter().enumerate() {
            targets[k].extend(column(format!("{}.{phase}.{what}", own.name)));
        }
    }
    let titles = ["magnitude, pu".to_owned(), "relative angle, °".to_owned()];
    Some(Row { titles, lines, targets, height: TALL })
}

fn actuators(run: &Run, own: &PhasorFact) -> Vec<Row> {
    let row = |name: &String| {
        let lines = |unit: &str| -> Vec<Line> {
            let line = |phase: &String| {
                let column = run.table.column(&format!("{name}.{phase}.{unit}"))?;
                Some((colour(phase), column.iter().map(|x| x / 1000.0).collect()))
            };
            own.phases.iter().filter_map(line).collect()
        };
        let lines = [lines("p_w"), lines("q_var")];
        let titles = [format!("{name}: active power, kW"), format!("{name}: reactive power, kvar")];
        let empty = lines.iter().all(Vec::is_empty);
        (!empty).then_some(Row { titles, lines, targets: Default::default(), height: LOW })
    };
    own.actuators.iter().take(MOST_ACTUATORS).filter_map(row).collect()
}

fn draw_row(canvas: &mut Canvas, run: &Run, row: &Row, top: f64, last: bool) {
    let clock = run.row_clocks();
    let first = row.first();
    let (time, time_name) = time_axis(run);
    // Half the width holds half the labels.
    let time = Axis { ticks: time.ticks.iter().step_by(2).cloned().collect(), ..time };
    for (half, (left, right)) in HALVES.into_iter().enumerate() {
        let (lines, targets) = (&row.lines[half], &row.targets[half]);
        let (low, high) = range(lines.iter().flat_map(|(_, line)| line).chain(targets.iter().flatten()));
        let (low, high) = if first { (low, high) } else { (low.min(0.0), high.max(0.0)) };
        let pad = 0.06 * (high - low);
        let y = Axis::exact(low - pad, high + pad, if first { 6 } else { 4 });
        let frame = Frame { edges: [left, top, right, top + row.height], x: time.clone(), y };
        frame.draw(canvas, last || first, &[]);
        if last {
            frame.name_x(canvas, time_name);
        }
        panel_title(canvas, &row.titles[half], (left, top - if first { 28.0 } else { 11.0 }));
        marks::draw(canvas, &frame, &marks::marks(run), first);
        for (colour, line) in lines {
            draw_line(canvas, &thinned(&clock, line), false, Stroke::new(*colour, 1.7), |p| frame.at(p));
        }
        for target in targets {
            draw_target(canvas, &frame, &clock, target);
        }
    }
}

/// A target: dashes as long as it stays, over the line that it draws near.
fn draw_target(canvas: &mut Canvas, frame: &Frame, clock: &[f64], target: &[f64]) {
    let stroke = Stroke::new(Colour::Ink, 1.2).opacity(0.85);
    let spans = spans(target);
    if spans.len() > MOST_DASHES {
        draw_line(canvas, &thinned(clock, target), true, Stroke { width: 0.8, ..stroke }, |p| frame.at(p));
        return;
    }
    for (from, to, value) in spans.into_iter().filter(|span| !span.2.is_nan()) {
        canvas.dashes(frame.at((clock[from], value)), frame.at((clock[to], value)), stroke);
    }
}

/// First row, the row after the last (at most the last of all) and value of each stretch in which a column stays.
fn spans(column: &[f64]) -> Vec<(usize, usize, f64)> {
    let mut spans: Vec<(usize, usize, f64)> = Vec::new();
    for (k, &value) in column.iter().enumerate() {
        match spans.last_mut() {
            Some(last) if last.2 == value || (last.2.is_nan() && value.is_nan()) => last.1 = k,
            Some(last) => {
                last.1 = k;
                spans.push((k, k, value));
            }
            None => spans.push((k, k, value)),
        }
    }
    spans
}

/// A strip that says in words what was not as usual.
struct Lane {
    name: &'static str,
    spans: Vec<(usize, usize, f64)>,
    words: &'static [(f64, &'static str, Colour)],
}

/// Quantity, name of the strip, its usual value, and what the others mean.
type Kind = (&'static str, &'static str, f64, &'static [(f64, &'static str, Colour)]);

const KINDS: [Kind; 4] = [
    (
        "mode",
        "mode",
        3.0,
        &[(2.0, "magnitude only", Colour::Blue), (1.0, "hold", Colour::Orange), (0.0, "fail-safe", Colour::Red)],
    ),
    ("saturated", "actuators", 0.0, &[(1.0, "at their limits", Colour::Orange)]),
    (
        "cause",
        "cause",
        0.0,
        &[(1.0, "variability", Colour::Blue), (2.0, "saturation", Colour::Orange), (3.0, "an actuator", Colour::Red)],
    ),
    (
        "sync_fault",
        "time",
        0.0,
        &[
            (1.0, "clock out of step", Colour::Orange),
            (2.0, "a step of time", Colour::Red),
            (3.0, "a ramp of time", Colour::Red),
        ],
    ),
];

fn lanes(run: &Run, own: &PhasorFact) -> Vec<Lane> {
    let lane = |(quantity, name, usual, words): Kind| {
        let column = run.table.column(&format!("{}.{quantity}", own.name))?;
        let mut spans = spans(column);
        spans.retain(|(_, _, value)| *value != usual && !value.is_nan());
        (!spans.is_empty()).then_some(Lane { name, spans, words })
    };
    KINDS.into_iter().filter_map(lane).collect()
}

fn draw_lane(canvas: &mut Canvas, run: &Run, lane: &Lane, top: f64, last: bool) {
    let clock = run.row_clocks();
    let y = Axis { from: 0.0, to: 1.0, ticks: Vec::new() };
    let (x, x_name) = time_axis(run);
    let frame = Frame { edges: [SIDES.0 + 24.0, top, SIDES.1, top + LANE], x, y };
    canvas.text(lane.name, (SIDES.0 + 14.0, top + LANE / 2.0), Anchor::End, LABEL);
    let [left, _, right, foot] = frame.edges;
    canvas.area([(left, top), (right, top), (right, foot), (left, foot)], Colour::Label, 0.12);
    if last {
        frame.draw(canvas, true, &[]);
        frame.name_x(canvas, x_name);
    }
    let places: Vec<(f64, f64)> = lane
        .spans
        .iter()
        .map(|(from, to, _)| (frame.at((clock[*from], 0.0)).0, frame.at((clock[*to], 0.0)).0))
        .map(|(from, to)| (from, to.max(from + 1.5)))
        .collect();
    for (k, (&(from, to), (.., value))) in places.iter().zip(&lane.spans).enumerate() {
        let word = lane.words.iter().find(|(own, ..)| own == value);
        let (text, colour) = word.map_or(("?", Colour::Label), |(_, text, colour)| (*text, *colour));
        canvas.area([(from, top), (to, top), (to, foot), (from, foot)], colour, 0.9);
        let width = text_width(text, LABEL.size);
        let next = places.get(k + 1).map_or(right, |next| next.0);
        // Where there is no room for words, colours still tell.
        let (x, ink) = match (to - from > width + 8.0, next - to > width + 8.0) {
            (true, _) => (from + 4.0, Colour::Paper),
            (false, true) => (to + 4.0, Colour::Ink),
            (false, false) => continue,
        };
        canvas.text(text, (x, top + LANE / 2.0), Anchor::Start, Font { colour: ink, ..LABEL });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_ends_where_the_next_begins() {
        let nan = f64::NAN;
        let found = spans(&[nan, nan, 1.0, 1.0, 0.5]);
        assert!(found[0].2.is_nan() && (found[0].0, found[0].1) == (0, 2));
        assert_eq!(found[1..], [(2, 4, 1.0), (4, 4, 0.5)]);
        assert!(spans(&[]).is_empty());
    }

    #[test]
    fn relative_angles_do_not_go_round() {
        assert_eq!(wrapped_deg(-122.5 - 237.5), 0.0);
        assert_eq!(wrapped_deg(190.0), -170.0);
    }

    #[test]
    fn a_held_bus_is_called_by_its_name_and_a_part_of_it_by_its_nodes() {
        let nodes = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(bus(&nodes(&["632.1", "632.2", "632.3"])), "632");
        assert_eq!(bus(&nodes(&["634.1"])), "634.1");
    }
}
