//! Names of buses, and flags where something happens, each where it covers nothing.
//!
//! Greedy: the most important first, each at the first of eight places around its bus that costs least. On small feeders
//! every bus is named; on large ones those that a reader looks for.

use std::collections::BTreeMap;

use super::super::axis::text_width;
use super::super::canvas::Colour;
use super::super::sketch::{Point, path, text};
use super::super::{Run, WIDTH};
use super::HEAD;
use super::drawing::{Bus, Drawing};
use super::paint::free_direction;
use crate::feeder::Terminal;

/// Feeders of at most this many buses have all of them named.
const ALL_NAMED: usize = 170;
/// Flags of each kind.
const MOST_FLAGS: usize = 60;
/// Names on larger ones.
const MOST_NAMES: usize = 28;

/// Left, top, right, bottom.
type Room = [f64; 4];

struct Label {
    text: String,
    at: Point,
    /// Distance of its edge from the point.
    clear: f64,
    look: Look,
}

#[derive(Clone, Copy, PartialEq)]
enum Look {
    Name,
    Bold,
    Event,
    Failed,
}

/// Names and flags.
pub fn labels(drawing: &Drawing, run: &Run) -> String {
    let size = match drawing.buses.len() {
        0..=60 => 10.0,
        61..=ALL_NAMED => 8.0,
        _ => 9.0,
    };
    let mut placer = Placer::new(drawing);
    let mut out = String::new();
    for label in wanted(drawing, run) {
        if let Some((room, anchor_at)) = placer.place(&label, size) {
            out += &draw(&label, room, anchor_at, size);
        }
    }
    out
}

/// Labels by importance.
fn wanted(drawing: &Drawing, run: &Run) -> Vec<Label> {
    let mut labels = flags(drawing, run);
    let fed = || drawing.buses.iter().enumerate().filter_map(|(k, bus)| Some((k, extremes(bus)?)));
    let lowest = fed().min_by(|a, b| a.1[0].total_cmp(&b.1[0]));
    let highest = fed().min_by(|a, b| b.1[1].total_cmp(&a.1[1]));
    let mut rank: Vec<(u8, usize, usize)> = Vec::new();
    for (k, bus) in drawing.buses.iter().enumerate() {
        let extreme = [lowest, highest].iter().flatten().any(|(e, _)| *e == k);
        let recorded = run.facts.recorded.iter().any(|name| name == bus.name) && drawing.buses.len() <= ALL_NAMED;
        let importance = match bus {
            _ if extreme => 0,
            _ if bus.fact.source => 1,
            _ if bus.fact.capacitor || bus.fact.fault => 2,
            _ if recorded => 3,
            _ if bus.neighbours.len() != 2 => 4,
            _ => 5,
        };
        rank.push((importance, usize::MAX - bus.neighbours.len(), k));
    }
    rank.sort_unstable();
    let most = if drawing.buses.len() <= ALL_NAMED { usize::MAX } else { MOST_NAMES };
    for (importance, _, k) in rank.into_iter().take(most) {
        let Some(bus) = drawing.buses.get(k) else { continue };
        let value = |extreme: Option<(usize, [f64; 2])>, side: usize| {
            extreme.filter(|(e, _)| *e == k).map(|(_, v)| format!(" {:.4}", v[side]))
        };
        let values = [value(lowest, 0), value(highest, 1)].into_iter().flatten().collect::<Vec<_>>();
        let values = if values.is_empty() { String::new() } else { format!("{} pu", values.join(" to")) };
        let look = if importance == 0 { Look::Bold } else { Look::Name };
        let clear = if bus.fact.source { drawing.symbol() * 1.5 } else { drawing.radius(bus.fact.load_kw) };
        let ring = if bus.outside(run.summary.voltage.limits_pu) { 2.5 } else { 0.0 };
        labels.push(Label { text: format!("{}{values}", bus.name), at: bus.at, clear: clear + ring + 3.0, look });
    }
    labels
}

/// Lowest and highest voltage of a bus's phases.
fn extremes(bus: &Bus) -> Option<[f64; 2]> {
    let fed = || bus.phases.iter().map(|p| p.1).filter(|v| *v > 0.0);
    bus.v_pu?;
    Some([fed().fold(f64::INFINITY, f64::min), fed().fold(f64::NEG_INFINITY, f64::max)])
}

/// Flags at the places of events and of what failed.
fn flags(drawing: &Drawing, run: &Run) -> Vec<Label> {
    use super::super::super::facts::Place;
    let bus = |name: &str| run.facts.buses.get_index_of(name);
    let mut drawn_as = vec![None; run.facts.branches.len()];
    for (k, branch) in drawing.branches.iter().enumerate() {
        branch.members.iter().for_each(|&member| drawn_as[member] = Some(k));
    }
    let branch = |k: usize| drawn_as.get(k).copied().flatten();
    // Places by bus (0) or branch (1).
    let mut events: BTreeMap<(u8, usize), Vec<String>> = BTreeMap::new();
    for (k, event) in run.facts.events.iter().enumerate() {
        let place = match event.place.as_ref() {
            Some(Place::Bus(name)) => bus(name).map(|b| (0, b)),
            Some(Place::Branch(k)) => branch(*k).map(|b| (1, b)),
            None => None,
        };
        if let Some(place) = place {
            events.entry(place).or_default().push((k + 1).to_string());
        }
    }
    let mut failed: BTreeMap<(u8, usize), Vec<String>> = BTreeMap::new();
    for (k, verdict) in run.summary.expectations.iter().enumerate().filter(|(_, v)| !v.passed) {
        let Some(name) = &verdict.place else { continue };
        let of_node = name.parse::<Terminal>().ok().and_then(|terminal| bus(&terminal.bus));
        let of_branch = || drawing.branches.iter().position(|b| b.names.contains(&name.as_str()));
        let place = bus(name).or(of_node).map(|b| (0, b)).or_else(|| of_branch().map(|b| (1, b)));
        if let Some(place) = place {
            failed.entry(place).or_default().push(format!("×{}", k + 1));
        }
    }
    let flag = |(place, numbers): ((u8, usize), Vec<String>), look: Look| {
        let (at, clear) = match place {
            (0, k) => drawing.buses.get(k).map(|b| (b.at, drawing.radius(b.fact.load_kw)))?,
            (_, k) => (drawing.branches.get(k)?.middle(), drawing.symbol()),
        };
        let more = if numbers.len() > 4 { ", …" } else { "" };
        let shown: Vec<String> = numbers.into_iter().take(4).collect();
        Some(Label { text: shown.join(", ") + more, at, clear: clear + 5.0, look })
    };
    let events = events.into_iter().take(MOST_FLAGS).filter_map(|entry| flag(entry, Look::Event));
    failed.into_iter().take(MOST_FLAGS).filter_map(|entry| flag(entry, Look::Failed)).chain(events).collect()
}

/// What is taken, and what would rather not be covered.
struct Placer {
    taken: Vec<Room>,
    dots: Vec<Room>,
    lines: Vec<(Point, Point)>,
    bounds: Room,
    is_map: bool,
    all: bool,
}

impl Placer {
    fn new(drawing: &Drawing) -> Self {
        let around = |(x, y): Point, r: f64| [x - r, y - r, x + r, y + r];
        let mut taken = Vec::new();
        for bus in &drawing.buses {
            if bus.fact.capacitor || (bus.fact.generation && !drawing.dense()) {
                let ((dx, dy), size) = (free_direction(drawing, bus), 0.75 * drawing.symbol());
                let edge = drawing.edge(bus, (dx, dy));
                taken.push(around((edge.0 + 2.0 * size * dx, edge.1 + 2.0 * size * dy), 1.2 * size));
            }
            if bus.fact.source {
                taken.push(around(bus.at, 1.3 * drawing.symbol().max(5.0)));
            }
        }
        let symbols = drawing.branches.iter().filter(|b| {
            use super::super::super::facts::BranchKind;
            b.open || (b.kind != BranchKind::Line && !drawing.dense())
        });
        taken.extend(symbols.map(|b| around(b.middle(), drawing.symbol())));
        let dots = drawing.buses.iter().map(|bus| around(bus.at, drawing.radius(bus.fact.load_kw))).collect();
        let halves = drawing.branches.iter().flat_map(|b| [&b.first, &b.second]);
        let lines = halves.flat_map(|points| points.windows(2).map(|w| (w[0], w[1]))).collect();
        let bounds = [4.0, HEAD - 4.0, f64::from(WIDTH) - 4.0, drawing.bottom];
        Self { taken, dots, lines, bounds, is_map: drawing.is_map, all: drawing.buses.len() <= ALL_NAMED }
    }

    fn place(&mut self, label: &Label, size: f64) -> Option<(Room, Point)> {
        let flag = matches!(label.look, Look::Event | Look::Failed);
        let padding = if flag { 3.0 } else { 0.5 };
        // The font is the viewer's, and may be wide.
        let wide = if label.look == Look::Name { 1.08 } else { 1.2 };
        let half = (wide * text_width(&label.text, size) / 2.0 + padding, 0.5 * size + padding * 0.6);
        let tries = places(label, half, self.is_map);
        let best = tries.into_iter().enumerate().filter_map(|(k, centre)| {
            let room = [centre.0 - half.0, centre.1 - half.1, centre.0 + half.0, centre.1 + half.1];
            Some((self.cost(&room)? + k, room, centre))
        });
        let (cost, room, centre) = best.min_by_key(|(cost, ..)| *cost)?;
        // Flags and the extremes are worth covering a few dots.
        let must = flag || label.look == Look::Bold;
        if cost >= 1000 && !must && !(self.all && cost < 2000) {
            return None;
        }
        self.taken.push(room);
        Some((room, centre))
    }

    /// How bad a place is; `None` where something else stands.
    fn cost(&self, room: &Room) -> Option<usize> {
        let [left, top, right, bottom] = self.bounds;
        if room[0] < left || room[1] < top || room[2] > right || room[3] > bottom {
            return None;
        }
        if self.taken.iter().any(|other| overlap(room, other)) {
            return None;
        }
        let dots = self.dots.iter().filter(|other| overlap(room, other)).count();
        let lines = self.lines.iter().filter(|(a, b)| crosses(room, *a, *b)).count();
        Some(dots * 1000 + lines * 20)
    }
}

/// Centres around a point, the best first.
fn places(label: &Label, (w, h): Point, is_map: bool) -> Vec<Point> {
    let ((x, y), d) = (label.at, label.clear);
    let (e, n, s, west) = ((x + d + w, y), (x, y - d - h), (x, y + d + h), (x - d - w, y));
    let near = 0.9 * d;
    let corner = |sx: f64, sy: f64| (x + sx * (near + w), y + sy * (near + h));
    let corners = [corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, -1.0), corner(-1.0, 1.0)];
    // A name may also stand above with its end over the bus, or farther off.
    let shifted = [(x + 0.7 * w, n.1), (x - 0.7 * w, n.1), (x + 0.7 * w, s.1), (x - 0.7 * w, s.1)];
    let far = [(x, n.1 - 1.6 * h), (x, s.1 + 1.6 * h)];
    let first = if is_map { [e, west, n, s] } else { [n, s, e, west] };
    first.into_iter().chain(corners).chain(shifted).chain(far).collect()
}

fn overlap(a: &Room, b: &Room) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Whether a line runs through a room (clipping after Liang and Barsky, 1984).
fn crosses(room: &Room, a: Point, b: Point) -> bool {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let sides = [(-dx, a.0 - room[0]), (dx, room[2] - a.0), (-dy, a.1 - room[1]), (dy, room[3] - a.1)];
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    for (p, q) in sides {
        match p {
            0.0 if q < 0.0 => return false,
            0.0 => {}
            p if p < 0.0 => enter = enter.max(q / p),
            p => leave = leave.min(q / p),
        }
    }
    enter < leave
}

fn draw(label: &Label, room: Room, (x, y): Point, size: f64) -> String {
    match label.look {
        Look::Name => text(&label.text, (x, y), size, "middle", false, Colour::Label),
        Look::Bold => text(&label.text, (x, y), size, "middle", true, Colour::Ink),
        Look::Event | Look::Failed => {
            let colour = if label.look == Look::Event { Colour::Label } else { Colour::Red };
            let [l, t, r, b] = room.map(super::super::sketch::number);
            let flag = path(&format!("M{l} {t}L{r} {t}L{r} {b}L{l} {b}Z"), &colour.hex(), None);
            flag + &super::super::sketch::plain_text(&label.text, (x, y), size, Colour::Paper)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_cross_rooms() {
        let room = [0.0, 0.0, 10.0, 5.0];
        assert!(crosses(&room, (-5.0, 2.0), (20.0, 2.0)));
        assert!(crosses(&room, (5.0, -5.0), (5.0, 1.0)));
        assert!(!crosses(&room, (-5.0, 6.0), (20.0, 6.0)));
        assert!(!crosses(&room, (-5.0, 0.0), (0.0, 12.0)));
        assert!(!crosses(&room, (11.0, 2.0), (20.0, 2.0)));
    }
}
