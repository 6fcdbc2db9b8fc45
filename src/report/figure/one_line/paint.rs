//! Branches, symbols and buses of a drawing, as SVG.

use super::super::canvas::Colour;
use super::super::sketch::{Pen, Point, Strokes, circle};
use super::drawing::{Branch, Bus, Drawing};
use super::scale::{Scale, colour};
use super::symbols;

/// All but names and legend.
pub fn paint(drawing: &Drawing, scale: Scale, limits_pu: [f64; 2]) -> String {
    let mut out = lines(drawing, scale);
    out += &branch_symbols(drawing);
    out += &bus_symbols(drawing);
    out + &dots(drawing, scale, limits_pu)
}

/// The colour of a bus; `None` where nothing feeds it.
fn bus_colour(bus: Option<&Bus>, scale: Scale) -> Option<String> {
    bus.and_then(|bus| bus.v_pu).map(|v_pu| colour(scale.level(v_pu)))
}

fn lines(drawing: &Drawing, scale: Scale) -> String {
    let mut strokes = Strokes::default();
    // What is not fed lies below; thick lines lie below thin ones.
    let mut order: Vec<&Branch> = drawing.branches.iter().collect();
    let dead = |bus: usize| drawing.buses.get(bus).is_none_or(|bus| bus.v_pu.is_none());
    order.sort_by_key(|b| (!(dead(b.from) && dead(b.to)), std::cmp::Reverse(b.phases())));
    for branch in order {
        let width = drawing.width(branch.phases());
        let ends = [(branch.from, &branch.first), (branch.to, &branch.second)];
        for (k, (bus, points)) in ends.into_iter().enumerate() {
            let mut points = points.clone();
            let other = if k == 0 { branch.to } else { branch.from };
            // A branch that is not open has the fed end's colour only as far as both ends are fed.
            let fed = bus_colour(drawing.buses.get(bus), scale);
            let fed = if branch.open || !dead(other) { fed } else { None };
            if branch.open {
                shorten(&mut points, k == 0, gap(branch, drawing));
            }
            let pen = match fed {
                Some(colour) => Pen::new(colour, width),
                None => Pen { dashed: true, ..Pen::new(Colour::Label.hex(), width.min(1.4)) },
            };
            strokes.line(pen, &points);
        }
    }
    strokes.svg()
}

/// Half of the gap in an open branch.
fn gap(branch: &Branch, drawing: &Drawing) -> f64 {
    drawing.symbol().min(0.28 * branch.straight())
}

/// Takes a length off the end (or, of the second half, the start) of a line.
fn shorten(points: &mut [Point], at_end: bool, by: f64) {
    if at_end {
        points.reverse();
    }
    if let [first, second, ..] = points {
        let length = (second.0 - first.0).hypot(second.1 - first.1);
        let share = if length > 0.0 { (by / length).min(1.0) } else { 0.0 };
        *first = (first.0 + share * (second.0 - first.0), first.1 + share * (second.1 - first.1));
    }
    if at_end {
        points.reverse();
    }
}

fn branch_symbols(drawing: &Drawing) -> String {
    use super::super::super::facts::BranchKind;
    let mut out = String::new();
    for branch in &drawing.branches {
        let size = drawing.symbol().min(0.3 * branch.straight());
        let (at, direction) = (branch.middle(), branch.direction());
        match (branch.open, branch.kind) {
            (true, _) => out += &symbols::open(at, direction, gap(branch, drawing), drawing.symbol()),
            (_, BranchKind::Regulator) => out += &symbols::regulator(at, drawing.symbol().max(4.0)),
            _ if drawing.dense() => {}
            (_, BranchKind::Transformer) => out += &symbols::transformer(at, direction, size.max(3.0)),
            (_, BranchKind::Switch) => out += &symbols::switch(at, size.max(2.5)),
            (_, BranchKind::Reactor) => out += &symbols::reactor(at, direction, size.max(2.5)),
            (_, BranchKind::Line) => {}
        }
    }
    out
}

/// The widest free direction at a bus, of the four along the sheet's sides if one is free.
pub fn free_direction(drawing: &Drawing, bus: &Bus) -> Point {
    let toward = |k: &usize| {
        let at = drawing.buses.get(*k).map_or(bus.at, |other| other.at);
        (at.1 - bus.at.1).atan2(at.0 - bus.at.0)
    };
    let taken: Vec<f64> = bus.neighbours.iter().map(toward).collect();
    let nearest = |angle: f64| taken.iter().map(|t| apart(angle, *t)).fold(f64::INFINITY, f64::min);
    let quarter = std::f64::consts::FRAC_PI_2;
    // Downwards first, then up, right, left.
    let best = [1.0, 3.0, 0.0, 2.0].into_iter().map(|k| k * quarter).fold(None, |best: Option<f64>, angle| {
        if best.is_none_or(|best| nearest(angle) > nearest(best) + 0.2) { Some(angle) } else { best }
    });
    let angle = best.unwrap_or(quarter);
    (angle.cos().round(), angle.sin().round())
}

/// The angle between two directions, 0 to π.
fn apart(a: f64, b: f64) -> f64 {
    let turn = (a - b).rem_euclid(std::f64::consts::TAU);
    turn.min(std::f64::consts::TAU - turn)
}

fn bus_symbols(drawing: &Drawing) -> String {
    let size = drawing.symbol();
    let mut out = String::new();
    for bus in &drawing.buses {
        let free = free_direction(drawing, bus);
        if bus.fact.capacitor {
            out += &symbols::capacitor(drawing.edge(bus, free), free, 0.75 * size);
        }
        if bus.fact.generation && !drawing.dense() {
            let direction = if bus.fact.capacitor { (-free.0, -free.1) } else { free };
            out += &symbols::generation(drawing.edge(bus, direction), direction, 0.75 * size);
        }
    }
    out
}

fn dots(drawing: &Drawing, scale: Scale, limits_pu: [f64; 2]) -> String {
    if drawing.dense() {
        return dense_dots(drawing, scale);
    }
    let (paper, dead) = (Colour::Paper.hex(), Colour::Label.hex());
    let mut out = String::new();
    for bus in &drawing.buses {
        let (radius, title) = (drawing.radius(bus.fact.load_kw), told(bus));
        out += &match bus_colour(Some(bus), scale) {
            Some(colour) => circle(bus.at, radius + 0.8, &colour, Some((&paper, 1.0)), &title),
            None => circle(bus.at, radius, &paper, Some((&dead, 1.2)), &title),
        };
        if bus.outside(limits_pu) {
            out += &circle(bus.at, radius + 2.6, "none", Some((&Colour::Red.hex(), 1.3)), "");
        }
        if bus.fact.source {
            out += &symbols::source(bus.at, drawing.symbol().max(5.0));
        }
        if bus.fact.fault {
            out += &symbols::fault(bus.at, drawing.symbol());
        }
    }
    out
}

fn dense_dots(drawing: &Drawing, scale: Scale) -> String {
    let mut strokes = Strokes::default();
    for bus in drawing.buses.iter().filter(|bus| bus.fact.load_kw > 0.0) {
        let colour = bus_colour(Some(bus), scale).unwrap_or_else(|| Colour::Label.hex());
        // A few sizes, so that dots of one look share a path.
        let radius = (drawing.radius(bus.fact.load_kw) * 4.0).round() / 4.0;
        strokes.dot(&colour, bus.at, radius.max(0.5));
    }
    let marked = drawing.buses.iter().filter(|bus| bus.fact.source || bus.fact.fault);
    let marks = marked.map(|bus| match bus.fact.source {
        true => symbols::source(bus.at, 6.0),
        false => symbols::fault(bus.at, 4.0),
    });
    strokes.svg() + &marks.collect::<String>()
}

/// What a pointer resting on a bus is told.
fn told(bus: &Bus) -> String {
    const PHASES: [&str; 3] = ["a", "b", "c"];
    let phase = |(k, v): &(usize, f64)| {
        let name = PHASES.get(*k).unwrap_or(&"");
        if *v > 0.0 { format!("{name} {v:.4} pu") } else { format!("{name} not fed") }
    };
    let mut parts: Vec<String> = bus.phases.iter().map(phase).collect();
    if bus.fact.load_kw > 0.0 {
        parts.push(format!("load {} kW", super::super::super::page::short(bus.fact.load_kw)));
    }
    if parts.is_empty() { bus.name.to_owned() } else { format!("{}: {}", bus.name, parts.join(", ")) }
}
