//! What is drawn where: buses with their voltage, branches as polylines.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::super::super::facts::{BranchFact, BranchKind, BusFact};
use super::super::super::layout::{Graph, Link, map, tree};
use super::super::sketch::Point;
use super::super::{Run, WIDTH};
use super::HEAD;

/// Room at each side in points.
const MARGIN: f64 = 44.0;
/// Most room for the drawing itself, downwards.
const MOST_HEIGHT: f64 = 700.0;
/// Share of a column after which a branch of a tree turns.
const TURN: f64 = 0.3;

/// Buses and branches on the sheet.
#[derive(Clone, Debug)]
pub struct Drawing<'a> {
    /// Buses, in the feeder's order.
    pub buses: Vec<Bus<'a>>,
    /// What is drawn between them.
    pub branches: Vec<Branch<'a>>,
    /// Whether buses stand at coordinates.
    pub is_map: bool,
    /// The usual distance of neighbours in points.
    pub pitch: f64,
    /// Lower end in points.
    pub bottom: f64,
}

/// A bus.
#[derive(Clone, Debug)]
pub struct Bus<'a> {
    /// Its name.
    pub name: &'a str,
    /// What stands there.
    pub fact: &'a BusFact,
    /// Its place.
    pub at: Point,
    /// Voltage of the phase farthest from 1 pu; `None` where nothing feeds it.
    pub v_pu: Option<f64>,
    /// Voltage of each phase node: phase, pu.
    pub phases: Vec<(usize, f64)>,
    /// Buses next to it.
    pub neighbours: Vec<usize>,
}

impl Bus<'_> {
    /// Whether a phase that is fed is outside the limits.
    pub fn outside(&self, limits_pu: [f64; 2]) -> bool {
        let outside = |v: f64| v > 0.0 && !(limits_pu[0]..=limits_pu[1]).contains(&v);
        self.v_pu.is_some() && self.phases.iter().any(|p| outside(p.1))
    }
}

/// What is drawn between two buses: a branch, or several that share no node.
#[derive(Clone, Debug)]
pub struct Branch<'a> {
    /// Bus at one end.
    pub from: usize,
    /// Bus at the other.
    pub to: usize,
    /// What it is.
    pub kind: BranchKind,
    /// Whether it is open.
    pub open: bool,
    /// Places of its members among the run's branches.
    pub members: Vec<usize>,
    /// Names of its members.
    pub names: Vec<&'a str>,
    /// Node numbers at `from`.
    nodes: BTreeSet<u16>,
    /// From one bus to the middle.
    pub first: Vec<Point>,
    /// From the middle to the other bus.
    pub second: Vec<Point>,
}

impl Branch<'_> {
    /// Number of its conductors, at most 3.
    pub fn phases(&self) -> usize {
        self.nodes.len().clamp(1, 3)
    }

    /// The point at which it changes from one bus's colour to the other's, where symbols stand.
    pub fn middle(&self) -> Point {
        self.second.first().copied().unwrap_or_default()
    }

    /// Its direction there, as a unit vector.
    pub fn direction(&self) -> Point {
        let (a, b) = (self.middle(), self.second.get(1).copied().unwrap_or_default());
        let length = (b.0 - a.0).hypot(b.1 - a.1);
        if length > 0.0 { ((b.0 - a.0) / length, (b.1 - a.1) / length) } else { (1.0, 0.0) }
    }

    /// Length of the straight part around the middle.
    pub fn straight(&self) -> f64 {
        let (a, b) = (self.middle(), self.second.get(1).copied().unwrap_or_default());
        2.0 * (b.0 - a.0).hypot(b.1 - a.1)
    }
}

impl<'a> Drawing<'a> {
    /// A run's drawing; `None` for a feeder without buses.
    pub fn new(run: &'a Run) -> Option<Self> {
        let facts = &run.facts;
        let mut branches = merged(&facts.branches, &facts.buses);
        let links = branches.iter().map(|b| Link { from: b.from, to: b.to, open: b.open }).collect();
        let roots = facts.buses.values().enumerate().filter(|(_, bus)| bus.source).map(|(k, _)| k).collect();
        let graph = Graph { buses: facts.buses.len(), links, roots };
        let given: Vec<Option<[f64; 2]>> = facts.buses.values().map(|bus| bus.xy).collect();
        let mapped = map(&graph, &given);
        let is_map = mapped.is_some();
        let (places, elbows) = match mapped {
            Some(places) => (fitted(&places), None),
            None => {
                let tree = tree(&graph);
                let (places, column) = spread(&tree.at);
                (places, Some((tree.forest, column)))
            }
        };
        let mut buses = buses(run, &places);
        for (k, branch) in branches.iter_mut().enumerate() {
            let tree = elbows.as_ref().map(|(forest, column)| (forest, *column));
            let elbow = tree.filter(|(forest, _)| {
                let via = |bus: usize| forest.parent.get(bus).copied().flatten().is_some_and(|(_, link)| link == k);
                via(branch.from) || via(branch.to)
            });
            route(branch, &places, elbow.map(|(_, column)| column * TURN));
            if let Some(bus) = buses.get_mut(branch.from) {
                bus.neighbours.push(branch.to);
            }
            if let Some(bus) = buses.get_mut(branch.to) {
                bus.neighbours.push(branch.from);
            }
        }
        part_parallels(&mut branches);
        let bottom = places.iter().map(|p| p.1).fold(HEAD, f64::max) + MARGIN * 0.7;
        let pitch = pitch(&branches, elbows.as_ref().map(|(_, column)| *column), &places);
        (!buses.is_empty()).then_some(Self { buses, branches, is_map, pitch, bottom })
    }

    /// Whether there is no room for more than lines.
    pub fn dense(&self) -> bool {
        self.buses.len() > 600
    }

    /// Radius of a bus without loads.
    pub fn dot(&self) -> f64 {
        (0.075 * self.pitch).clamp(0.6, 3.0)
    }

    /// Radius of a bus with this much load: its area grows with the load.
    pub fn radius(&self, load_kw: f64) -> f64 {
        let most_kw = self.most_kw();
        let (least, most) = (self.dot(), (0.2 * self.pitch).clamp(1.2, 9.0));
        let share = if most_kw > 0.0 { (load_kw / most_kw).clamp(0.0, 1.0) } else { 0.0 };
        (least * least + (most * most - least * least) * share).sqrt()
    }

    /// The largest load at a bus.
    pub fn most_kw(&self) -> f64 {
        self.buses.iter().map(|bus| bus.fact.load_kw).filter(|kw| kw.is_finite()).fold(0.0, f64::max)
    }

    /// Width of a branch with this many conductors.
    pub fn width(&self, phases: usize) -> f64 {
        let share = [0.42, 0.42, 0.7, 1.0].get(phases).copied().unwrap_or(1.0);
        (0.085 * self.pitch).clamp(1.3, 3.6) * share
    }

    /// Where what hangs from a bus begins: at the edge of its dot.
    pub fn edge(&self, bus: &Bus, (dx, dy): Point) -> Point {
        let radius = self.radius(bus.fact.load_kw) + 1.5;
        (bus.at.0 + radius * dx, bus.at.1 + radius * dy)
    }

    /// Half the size of a symbol.
    pub fn symbol(&self) -> f64 {
        (0.17 * self.pitch).clamp(3.0, 6.5)
    }
}

/// Branches by the buses they join; those that share no node are one.
fn merged<'a>(facts: &'a [BranchFact], buses: &IndexMap<String, BusFact>) -> Vec<Branch<'a>> {
    let mut branches: IndexMap<(usize, usize, BranchKind, bool), Vec<Branch>> = IndexMap::new();
    for (k, fact) in facts.iter().enumerate() {
        let Some((a, b)) = buses.get_index_of(&fact.from).zip(buses.get_index_of(&fact.to)) else { continue };
        let (from, to) = (a.min(b), a.max(b));
        let end = usize::from(a > b);
        let nodes: BTreeSet<u16> = fact.nodes.iter().map(|pair| pair[end]).collect();
        let alike = branches.entry((from, to, fact.kind, fact.open)).or_default();
        match alike.iter_mut().find(|other| other.nodes.is_disjoint(&nodes)) {
            Some(other) => {
                other.nodes.extend(nodes);
                other.members.push(k);
                other.names.push(&fact.name);
            }
            None => alike.push(Branch {
                from,
                to,
                kind: fact.kind,
                open: fact.open,
                members: vec![k],
                names: vec![&fact.name],
                nodes,
                first: Vec::new(),
                second: Vec::new(),
            }),
        }
    }
    branches.into_values().flatten().filter(|branch| branch.from != branch.to).collect()
}

fn buses<'a>(run: &'a Run, places: &[Point]) -> Vec<Bus<'a>> {
    let mut phases: IndexMap<&str, Vec<(usize, f64)>> = IndexMap::new();
    for node in &run.nodes {
        phases.entry(&node.bus).or_default().push((node.phase, node.v_pu));
    }
    let solved = run.facts.worst_t_s.is_some();
    let bus = |((name, fact), &at): ((&'a String, &'a BusFact), &Point)| {
        let phases = phases.get(name.as_str()).cloned().unwrap_or_default();
        let fed = phases.iter().map(|p| p.1).filter(|v| solved && *v > 0.0);
        let v_pu = fed.max_by(|a, b| (a - 1.0).abs().total_cmp(&(b - 1.0).abs()));
        Bus { name, fact, at, v_pu, phases, neighbours: Vec::new() }
    };
    run.facts.buses.iter().zip(places).map(bus).collect()
}

/// Coordinates on the sheet, as large as fits, in their own proportions.
fn fitted(places: &[Point]) -> Vec<Point> {
    let ((left, right), (top, bottom)) = (range(places, |p| p.0), range(places, |p| p.1));
    let (width, height) = (right - left, bottom - top);
    let most = f64::from(WIDTH) - 2.0 * MARGIN;
    let scale = (most / width.max(1e-300)).min(MOST_HEIGHT * 0.8 / height.max(1e-300));
    let shift = MARGIN + (most - width * scale) / 2.0;
    places.iter().map(|(x, y)| (shift + (x - left) * scale, HEAD + MARGIN * 0.7 + (y - top) * scale)).collect()
}

/// Columns and rows on the sheet, and the width of a column.
fn spread(places: &[Point]) -> (Vec<Point>, f64) {
    let ((_, columns), (_, rows)) = (range(places, |p| p.0), range(places, |p| p.1));
    let most = f64::from(WIDTH) - 2.0 * MARGIN;
    let column = (most / columns.max(1.0)).min(150.0);
    let wanted = (0.9 * column).max((240.0 / rows.max(1.0)).min(44.0));
    let row = (MOST_HEIGHT / rows.max(1.0)).min(wanted.clamp(24.0, 56.0));
    let shift = MARGIN + (most - columns * column) / 2.0;
    let place = |(x, y): &Point| (shift + x * column, HEAD + MARGIN * 0.8 + y * row);
    (places.iter().map(place).collect(), column)
}

fn range(places: &[Point], of: fn(&Point) -> f64) -> (f64, f64) {
    let low = places.iter().map(of).fold(f64::INFINITY, f64::min);
    let high = places.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    if low <= high { (low, high) } else { (0.0, 0.0) }
}

/// Draws a branch straight or, in a tree, first across and then along.
fn route(branch: &mut Branch, places: &[Point], turn: Option<f64>) {
    let place = |bus: usize| places.get(bus).copied().unwrap_or_default();
    let (a, b) = (place(branch.from), place(branch.to));
    let half = |a: Point, b: Point| (f64::midpoint(a.0, b.0), f64::midpoint(a.1, b.1));
    let Some(turn) = turn.filter(|_| (a.1 - b.1).abs() > 0.01) else {
        (branch.first, branch.second) = (vec![a, half(a, b)], vec![half(a, b), b]);
        return;
    };
    // The parent is the left one; the middle is that of the part along the columns.
    let (left, right) = if a.0 <= b.0 { (a, b) } else { (b, a) };
    let corners = [left, (left.0 + turn, left.1), (left.0 + turn, right.1)];
    let middle = half(corners[2], right);
    let (near, far) = (vec![corners[0], corners[1], corners[2], middle], vec![middle, right]);
    (branch.first, branch.second) = (near, far);
    if a.0 > b.0 {
        std::mem::swap(&mut branch.from, &mut branch.to);
    }
}

/// Branches between the same two buses stand beside each other.
#[allow(clippy::cast_precision_loss, reason = "a few branches")]
fn part_parallels(branches: &mut [Branch]) {
    let mut alike: IndexMap<(usize, usize), Vec<usize>> = IndexMap::new();
    for (k, branch) in branches.iter().enumerate() {
        alike.entry((branch.from.min(branch.to), branch.from.max(branch.to))).or_default().push(k);
    }
    for members in alike.values().filter(|members| members.len() > 1) {
        for (place, &k) in members.iter().enumerate() {
            let Some(branch) = branches.get_mut(k) else { continue };
            let (Some(&a), Some(&b)) = (branch.first.first(), branch.second.last()) else { continue };
            let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-9);
            let bow = (place as f64 - (members.len() - 1) as f64 / 2.0) * (0.3 * length).min(18.0);
            let aside = ((a.1 - b.1) / length * bow, (b.0 - a.0) / length * bow);
            let along = |t: f64| (a.0 + t * (b.0 - a.0) + aside.0, a.1 + t * (b.1 - a.1) + aside.1);
            branch.first = vec![a, along(0.2), along(0.5)];
            branch.second = vec![along(0.5), along(0.8), b];
        }
    }
}

/// The median distance of neighbours; in a tree at most the width of a column.
fn pitch(branches: &[Branch], column: Option<f64>, places: &[Point]) -> f64 {
    let place = |bus: usize| places.get(bus).copied().unwrap_or_default();
    let mut lengths: Vec<f64> = branches
        .iter()
        .map(|branch| {
            let (a, b) = (place(branch.from), place(branch.to));
            (a.0 - b.0).hypot(a.1 - b.1)
        })
        .collect();
    lengths.sort_by(f64::total_cmp);
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(60.0);
    column.map_or(median, |column| column.min(median))
}
