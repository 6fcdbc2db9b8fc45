//! Voltage along the distance from the source, at the run's worst tick.

use indexmap::IndexMap;

use super::axis::{Axis, Frame, heading, legend, text_width};
use super::canvas::{Anchor, Canvas, Colour, LABEL, PHASES, Stroke, svg};
use super::limits;
use super::{Figure, SIDES, Study, WIDTH};
use crate::bench::NodeOutcome;

const HEIGHT: u32 = 400;
const NAMES: [&str; 3] = ["phase a", "phase b", "phase c"];
const METRES_PER_KM: f64 = 1000.0;

/// A node's point: distance in km and voltage per unit.
struct Point<'a> {
    node: &'a NodeOutcome,
    km: f64,
    v_pu: f64,
}

/// The figure; `None` when there was no voltage at all.
pub fn profile(study: &Study) -> Option<Figure> {
    let points = points(study);
    let low = points.values().min_by(|a, b| a.v_pu.total_cmp(&b.v_pu))?;
    let high = points.values().max_by(|a, b| a.v_pu.total_cmp(&b.v_pu))?;
    let limits_pu = study.plan.watch.limits_pu;
    let farthest = points.values().map(|p| p.km).fold(0.0, f64::max);
    let pad = 0.12 * (high.v_pu.max(limits_pu[1]) - low.v_pu.min(limits_pu[0]));
    let frame = Frame {
        edges: [SIDES.0, 84.0, SIDES.1, f64::from(HEIGHT) - 48.0],
        x: Axis::exact(0.0, farthest * 1.02, 8),
        y: Axis::exact(low.v_pu.min(limits_pu[0]) - pad, high.v_pu.max(limits_pu[1]) + pad, 6),
    };
    let when = study.clock(study.outcome.worst.tick);
    let title = "Voltage along the feeder";
    let subtitle = format!("at {when}, when a voltage was farthest out");
    let drawn = svg(WIDTH, HEIGHT, title, |canvas| {
        heading(canvas, title, &subtitle);
        let seen: Vec<(&str, Colour)> =
            (0..3).filter(|k| points.values().any(|p| p.node.phase == *k)).map(|k| (NAMES[k], PHASES[k])).collect();
        legend(canvas, SIDES.1, &seen);
        limits::draw(canvas, &frame, limits_pu);
        frame.draw(canvas, true);
        frame.name_x(canvas, "distance from the source, km");
        frame.name_y(canvas, "voltage, pu");
        draw_strands(canvas, &frame, study, &points);
        annotate(canvas, &frame, low, 14.0);
        annotate(canvas, &frame, high, -14.0);
    });
    let caption = format!(
        "Each line is a conductor of a phase, from node to node; regulators and transformers are vertical. Shown is {when}."
    );
    Some(Figure { name: "profile", caption, svg: drawn })
}

fn points<'a>(study: &Study<'a>) -> IndexMap<(&'a str, u16), Point<'a>> {
    let point = |node: &'a NodeOutcome| {
        let v_pu = study.outcome.worst.v_pu.get(node.index).copied().filter(|v| *v > 0.0)?;
        let key = (node.node.bus.as_str(), node.node.number);
        Some((key, Point { node, km: node.distance_m / METRES_PER_KM, v_pu }))
    };
    study.outcome.nodes.iter().filter_map(point).collect()
}

fn draw_strands(canvas: &mut Canvas, frame: &Frame, study: &Study, points: &IndexMap<(&str, u16), Point>) {
    let open = study.open_lines(study.outcome.worst.tick);
    let feeder = &study.plan.feeder;
    let crowd = points.len();
    let (width, radius) = if crowd > 600 { (1.0, 0.0) } else { (1.8, 2.6) };
    for strand in feeder.strands() {
        let is_open = strand.line.map_or(strand.open, |k| open.get(k).copied().unwrap_or(false));
        let ends = points.get(&strand.from).zip(points.get(&strand.to)).filter(|_| !is_open);
        if let Some((from, to)) = ends {
            let stroke = Stroke::new(PHASES[from.node.phase], width).opacity(0.9);
            canvas.path([frame.at((from.km, from.v_pu)), frame.at((to.km, to.v_pu))], stroke);
        }
    }
    for point in points.values().filter(|_| radius > 0.0) {
        canvas.dot(frame.at((point.km, point.v_pu)), radius, PHASES[point.node.phase]);
    }
}

/// Names a point, above or below it, inside the frame.
fn annotate(canvas: &mut Canvas, frame: &Frame, point: &Point, below: f64) {
    let text = format!("{}  {:.4} pu", point.node.node.name(), point.v_pu);
    let (x, y) = frame.at((point.km, point.v_pu));
    let half = text_width(&text, LABEL.size) / 2.0;
    let [left, _, right, _] = frame.edges;
    let x = x.clamp(left + half + 4.0, (right - half - 4.0).max(left + half + 4.0));
    let font = super::canvas::Font { colour: Colour::Ink, bold: true, ..LABEL };
    canvas.text(&text, (x, y + below), Anchor::Middle, font);
}
