//! What colours, widths and symbols of a one-line diagram mean: only those that occur.

use super::super::super::facts::BranchKind;
use super::super::WIDTH;
use super::super::axis::text_width;
use super::super::canvas::Colour;
use super::super::sketch::{Pen, Point, Strokes, circle, number, path, plain_text_at};
use super::drawing::Drawing;
use super::scale::{LEVELS, Scale, colour};
use super::symbols;

const LEFT: f64 = 18.0;
const SIZE: f64 = 11.0;
const BAR: (f64, f64) = (252.0, 10.0);
const ROW: f64 = 22.0;

/// The legend and where it ends.
pub struct Legend {
    /// As SVG.
    pub svg: String,
    /// Lower end in points.
    pub bottom: f64,
}

/// Below the drawing: the scale at the left, symbols beside it.
pub fn legend(drawing: &Drawing, scale: Scale, limits_pu: [f64; 2]) -> Legend {
    let top = drawing.bottom + 20.0;
    let mut svg = bar(scale, limits_pu, top);
    let mut at = (LEFT + BAR.0 + 40.0, top - 4.0);
    for (name, symbol) in entries(drawing, limits_pu) {
        let width = 30.0 + text_width(&name, SIZE) + 14.0;
        if at.0 + width > f64::from(WIDTH) - 8.0 {
            at = (LEFT + BAR.0 + 40.0, at.1 + ROW);
        }
        svg += &symbol((at.0 + 12.0, at.1));
        svg += &plain_text_at(&name, (at.0 + 30.0, at.1), SIZE, "start", false, Colour::Label);
        at.0 += width;
    }
    Legend { svg, bottom: (top + 42.0).max(at.1 + 18.0) }
}

/// The scale of voltages, with the limits as red marks.
#[allow(clippy::cast_precision_loss, reason = "a few levels")]
fn bar(scale: Scale, limits_pu: [f64; 2], top: f64) -> String {
    let mut out = String::new();
    let step = BAR.0 / LEVELS as f64;
    for level in 0..LEVELS {
        let (l, r) = (LEFT + level as f64 * step, LEFT + (level + 1) as f64 * step);
        let [l, r, t, b] = [l, r + 0.1, top, top + BAR.1].map(number);
        out += &path(&format!("M{l} {t}L{r} {t}L{r} {b}L{l} {b}Z"), &colour(level), None);
    }
    // A level is centred on its voltage: the ends of the scale are half a level inside.
    let x = |v_pu: f64| {
        let middle = LEFT + BAR.0 / 2.0;
        middle + (v_pu - 1.0) / scale.deviation * (BAR.0 - step) / 2.0
    };
    let label = |v_pu: f64, colour: Colour, bold: bool| {
        let text = format!("{}", (v_pu * 1e4).round() / 1e4);
        plain_text_at(&text, (x(v_pu), top + BAR.1 + 12.0), SIZE, "middle", bold, colour)
    };
    let mut taken: Vec<f64> = Vec::new();
    for limit in limits_pu.into_iter().filter(|limit| (limit - 1.0).abs() <= scale.deviation * 1.001) {
        let [at, t, b] = [x(limit), top - 4.0, top + BAR.1 + 4.0].map(number);
        out += &path(&format!("M{at} {t}L{at} {b}"), "none", Some((&Colour::Red.hex(), 2.0)));
        out += &label(limit, Colour::Red, true);
        taken.push(limit);
    }
    for v_pu in [1.0, 1.0 - scale.deviation, 1.0 + scale.deviation] {
        if taken.iter().all(|other| (x(*other) - x(v_pu)).abs() > 32.0) {
            out += &label(v_pu, Colour::Label, false);
            taken.push(v_pu);
        }
    }
    out + &plain_text_at("voltage, pu", (LEFT, top - 12.0), SIZE, "start", false, Colour::Label)
}

type Entry = (String, Box<dyn Fn(Point) -> String>);

fn entries(drawing: &Drawing, limits_pu: [f64; 2]) -> Vec<Entry> {
    let of_kind = |kind: BranchKind| drawing.branches.iter().any(|b| b.kind == kind && !b.open);
    let mut entries: Vec<Entry> = Vec::new();
    let mut add = |occurs: bool, name: &str, symbol: Box<dyn Fn(Point) -> String>| {
        if occurs {
            entries.push((name.to_owned(), symbol));
        }
    };
    let any = |is: &dyn Fn(&super::drawing::Bus) -> bool| drawing.buses.iter().any(is);
    for (phases, name) in [(3, "3 phases"), (2, "2"), (1, "1")] {
        let width = drawing.width(phases);
        let occurs = drawing.branches.iter().any(|b| b.phases() == phases);
        add(occurs, name, Box::new(move |at| sample(Pen::new(Colour::Label.hex(), width), at)));
    }
    let dashed = Pen { dashed: true, ..Pen::new(Colour::Label.hex(), 1.4) };
    add(any(&|bus| bus.v_pu.is_none()), "not fed", Box::new(move |at| sample(dashed.clone(), at)));
    let load = drawing.radius(drawing.most_kw()).max(1.5);
    add(any(&|bus| bus.fact.source), "source", Box::new(|at| symbols::source(at, 6.0)));
    let across = (1.0, 0.0);
    let small = !drawing.dense();
    add(
        of_kind(BranchKind::Transformer) && small,
        "transformer",
        Box::new(move |at| symbols::transformer(at, across, 6.0)),
    );
    add(of_kind(BranchKind::Regulator), "regulator", Box::new(|at| symbols::regulator(at, 6.0)));
    add(
        any(&|bus| bus.fact.capacitor),
        "capacitor",
        Box::new(move |(x, y)| symbols::capacitor((x - 8.0, y), across, 5.0)),
    );
    add(of_kind(BranchKind::Switch) && small, "switch", Box::new(|at| symbols::switch(at, 5.5)));
    add(drawing.branches.iter().any(|b| b.open), "open", Box::new(move |at| symbols::open(at, across, 4.0, 5.5)));
    add(of_kind(BranchKind::Reactor) && small, "reactor", Box::new(move |at| symbols::reactor(at, across, 5.5)));
    add(
        any(&|bus| bus.fact.generation) && small,
        "generation",
        Box::new(move |(x, y)| symbols::generation((x - 9.0, y), across, 5.0)),
    );
    add(any(&|bus| bus.fact.fault), "fault", Box::new(|at| symbols::fault(at, 5.0)));
    let ring = |at: Point| circle(at, 5.0, "none", Some((&Colour::Red.hex(), 1.3)), "");
    add(any(&|bus| bus.outside(limits_pu)) && small, "out of limits", Box::new(ring));
    if drawing.most_kw() > 0.0 {
        let fill = Colour::Label.hex();
        let name = format!("load of {} kW", super::super::super::page::short(drawing.most_kw()));
        entries.push((name, Box::new(move |at| circle(at, load, &fill, None, ""))));
    }
    entries
}

fn sample(pen: Pen, (x, y): Point) -> String {
    let mut strokes = Strokes::default();
    strokes.line(pen, &[(x - 11.0, y), (x + 11.0, y)]);
    strokes.svg()
}
