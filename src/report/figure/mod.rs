//! The figures of a report, as SVG. They are drawn for print (light); the report's page recolours them for a dark screen.

mod axis;
mod canvas;
mod contingency;
mod limits;
mod power;
mod profile;
mod series;
mod taps;
mod voltages;

pub use contingency::contingency;

use super::Study;
use crate::quantity::Tick;
use canvas::{Anchor, Canvas, Colour, Font, LABEL, Stroke, TITLE};

/// Width of every figure in points.
const WIDTH: u32 = 760;

/// Left and right edge of every frame.
const SIDES: (f64, f64) = (64.0, 744.0);

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its file name, without `.svg`.
    pub name: &'static str,
    /// What it shows, in one sentence.
    pub caption: String,
    /// The SVG.
    pub svg: String,
}

/// All figures that a run has something to show in.
pub fn figures(study: &Study) -> Vec<Figure> {
    let figures = [
        profile::profile(study),
        voltages::envelope(study),
        voltages::buses(study),
        power::power(study),
        taps::taps(study),
    ];
    figures.into_iter().flatten().collect()
}

/// Times at which something happens, in s on the clock, numbered as in the report's table.
fn event_marks(study: &Study) -> Vec<(f64, String)> {
    let mut marks: Vec<(Tick, Vec<String>)> = Vec::new();
    for (k, event) in study.plan.events.iter().enumerate() {
        let number = (k + 1).to_string();
        match marks.last_mut().filter(|(tick, _)| *tick == event.tick) {
            Some((_, numbers)) => numbers.push(number),
            None => marks.push((event.tick, vec![number])),
        }
    }
    marks.into_iter().map(|(tick, numbers)| (study.plan.clock_s(tick), numbers.join(","))).collect()
}

/// A thin line for each event, with its number on top. Too many are lines only.
fn draw_events(canvas: &mut Canvas, frame: &axis::Frame, marks: &[(f64, String)], numbers: bool) {
    const MOST_NUMBERS: usize = 24;
    let [_, top, _, bottom] = frame.edges;
    for (clock_s, number) in marks {
        let x = frame.at((*clock_s, frame.y.from)).0;
        canvas.dashes((x, top), (x, bottom), Stroke::new(Colour::Label, 1.0).opacity(0.7));
        if numbers && marks.len() <= MOST_NUMBERS {
            canvas.text(number, (x, top - 7.0), Anchor::Middle, Font { bold: true, ..LABEL });
        }
    }
}

/// The horizontal axis of figures over time.
fn time_axis(study: &Study) -> (axis::Axis, &'static str) {
    let plan = study.plan;
    axis::Axis::time(plan.clock_s(Tick(0)), plan.clock_s(plan.last), plan.start_s)
}

/// A heading without a subtitle, for a panel.
fn panel_title(canvas: &mut Canvas, text: &str, at: (f64, f64)) {
    canvas.text(text, at, Anchor::Start, Font { size: 12.0, ..TITLE });
}
