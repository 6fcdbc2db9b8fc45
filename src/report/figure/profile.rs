//! Voltage along the distance from the source, at the run's worst tick.

use indexmap::IndexMap;

use super::axis::{Axis, Frame, heading, legend, text_width};
use super::canvas::{Anchor, Canvas, Colour, Font, LABEL, PHASES, Stroke, svg};
use super::limits;
use super::{Figure, NodeRow, Run, SIDES, WIDTH};

const HEIGHT: u32 = 400;
const NAMES: [&str; 3] = ["phase a", "phase b", "phase c"];
const METRES_PER_KM: f64 = 1000.0;

/// A node's point: distance in km and voltage per unit.
struct Point<'a> {
    node: &'a NodeRow,
    km: f64,
    v_pu: f64,
}

/// The figure; `None` when there was no voltage at all.
pub fn profile(run: &Run) -> Option<Figure> {
    let points = points(run);
    let low = points.values().min_by(|a, b| a.v_pu.total_cmp(&b.v_pu))?;
    let high = points.values().max_by(|a, b| a.v_pu.total_cmp(&b.v_pu))?;
    let limits_pu = run.summary.voltage.limits_pu;
    let farthest = points.values().map(|p| p.km).fold(0.0, f64::max);
    let pad = 0.12 * (high.v_pu.max(limits_pu[1]) - low.v_pu.min(limits_pu[0]));
    let frame = Frame {
        edges: [SIDES.0, 84.0, SIDES.1, f64::from(HEIGHT) - 48.0],
        x: Axis::exact(-0.02 * farthest, farthest * 1.03, 10),
        y: Axis::exact(low.v_pu.min(limits_pu[0]) - pad, high.v_pu.max(limits_pu[1]) + pad, 9),
    };
    let when = run.clock(run.facts.worst_t_s?);
    let title = "Voltage along the feeder";
    let subtitle = format!("at {when}, when a voltage was farthest out");
    let drawn = svg(WIDTH, HEIGHT, title, |canvas| {
        heading(canvas, title, &subtitle);
        let seen: Vec<(&str, Colour)> =
            (0..3).filter(|k| points.values().any(|p| p.node.phase == *k)).map(|k| (NAMES[k], PHASES[k])).collect();
        legend(canvas, SIDES.1, &seen);
        limits::draw(canvas, &frame, limits_pu, true);
        frame.name_x(canvas, "distance from the source, km");
        frame.name_y(canvas, "voltage, pu");
        draw_strands(canvas, &frame, run, &points);
        let mut taken = vec![annotate(canvas, &frame, low, 14.0), annotate(canvas, &frame, high, -14.0)];
        name_buses(canvas, &frame, &points, &mut taken);
    });
    let caption = format!(
        "Each line is a conductor of a phase, from node to node; regulators and transformers are vertical. Shown is {when}."
    );
    Some(Figure { name: "profile".into(), caption, svg: drawn })
}

fn points(run: &Run) -> IndexMap<(&str, u16), Point<'_>> {
    let fed = run.nodes.iter().filter(|node| node.v_pu > 0.0);
    let point = |node| Point { node, km: node.distance_m / METRES_PER_KM, v_pu: node.v_pu };
    fed.map(|node| ((node.bus.as_str(), node.number), point(node))).collect()
}

fn draw_strands(canvas: &mut Canvas, frame: &Frame, run: &Run, points: &IndexMap<(&str, u16), Point>) {
    let crowd = points.len();
    let (width, radius) = if crowd > 600 { (1.0, 0.0) } else { (1.8, 2.6) };
    for branch in run.facts.branches.iter().filter(|branch| !branch.open) {
        for [a, b] in &branch.nodes {
            let ends = points.get(&(branch.from.as_str(), *a)).zip(points.get(&(branch.to.as_str(), *b)));
            if let Some((from, to)) = ends {
                let stroke = Stroke::new(PHASES[from.node.phase], width).opacity(0.9);
                canvas.path([frame.at((from.km, from.v_pu)), frame.at((to.km, to.v_pu))], stroke);
            }
        }
    }
    for point in points.values().filter(|_| radius > 0.0) {
        canvas.dot(frame.at((point.km, point.v_pu)), radius, PHASES[point.node.phase]);
    }
}

/// A rectangle: left, top, right, bottom.
type Box4 = [f64; 4];

/// Room that a text takes, centred at a point.
fn room(text: &str, (x, y): (f64, f64), size: f64) -> Box4 {
    let half = text_width(text, size) / 2.0 + 2.0;
    [x - half, y - size * 0.55, x + half, y + size * 0.55]
}

fn overlap(a: &Box4, b: &Box4) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Names a point, above or below it, inside the frame. Returns the room that takes.
fn annotate(canvas: &mut Canvas, frame: &Frame, point: &Point, below: f64) -> Box4 {
    let text = format!("{}  {:.4} pu", point.node.name(), point.v_pu);
    let (x, y) = frame.at((point.km, point.v_pu));
    let half = text_width(&text, LABEL.size) / 2.0;
    let [left, _, right, _] = frame.edges;
    let x = x.clamp(left + half + 4.0, (right - half - 4.0).max(left + half + 4.0));
    canvas.text(&text, (x, y + below), Anchor::Middle, Font { colour: Colour::Ink, bold: true, ..LABEL });
    room(&text, (x, y + below), LABEL.size)
}

/// Names the buses of a small feeder, above their highest or below their lowest node, where there is room.
fn name_buses(canvas: &mut Canvas, frame: &Frame, points: &IndexMap<(&str, u16), Point>, taken: &mut Vec<Box4>) {
    const MOST: usize = 60;
    const FONT: Font = Font { size: 9.5, ..LABEL };
    let mut buses: IndexMap<&str, Vec<(f64, f64)>> = IndexMap::new();
    for ((bus, _), point) in points {
        buses.entry(bus).or_default().push(frame.at((point.km, point.v_pu)));
    }
    if buses.len() > MOST {
        return;
    }
    taken.extend(buses.values().flatten().map(|&(x, y)| [x - 3.0, y - 3.0, x + 3.0, y + 3.0]));
    let [left, top, right, bottom] = frame.edges;
    for (bus, nodes) in &buses {
        let mut nodes = nodes.clone();
        nodes.sort_by(|a, b| a.1.total_cmp(&b.1));
        let above = nodes.iter().map(|&(x, y)| (x, y - 9.0));
        let below = nodes.iter().rev().map(|&(x, y)| (x, y + 9.0));
        let free = |at: &(f64, f64)| {
            let it = room(bus, *at, FONT.size);
            let inside = it[0] > left && it[1] > top && it[2] < right && it[3] < bottom;
            inside && !taken.iter().any(|other| overlap(&it, other))
        };
        if let Some(at) = above.chain(below).find(free) {
            let [left, top, right, bottom] = room(bus, at, FONT.size);
            canvas.area([(left, top), (right, top), (right, bottom), (left, bottom)], Colour::Paper, 0.75);
            canvas.text(bus, at, Anchor::Middle, FONT);
            taken.push([left, top, right, bottom]);
        }
    }
}
