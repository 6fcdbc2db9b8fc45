//! The figures of a report, as SVG. They are drawn for print (light); the report's page recolours them for a dark screen.

mod axis;
mod bars;
mod canvas;
mod compare;
mod contingency;
mod histogram;
mod limits;
mod marks;
pub mod one_line;
mod phasor;
mod power;
mod profile;
mod pv;
mod quality;
mod recording;
mod scan;
mod series;
mod sketch;
mod taps;
mod timing;
mod voltages;

use super::nodes::NodeRow;
use super::run::Run;
use canvas::{Anchor, Canvas, Font, TITLE};

pub use bars::{Bar, bars};
pub use compare::errors;
pub use contingency::contingency;
pub use histogram::{Histogram, histogram};
pub use pv::{pv, qv};
pub use recording::figures as recording;
pub use scan::scan;

/// Width of every figure in points.
const WIDTH: u32 = 760;

/// Left and right edge of every frame.
const SIDES: (f64, f64) = (64.0, 744.0);

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its file name, without `.svg`.
    pub name: String,
    /// What it shows, in one sentence.
    pub caption: String,
    /// The SVG.
    pub svg: String,
}

/// All figures that a run has something to show in.
pub fn figures(run: &Run) -> Vec<Figure> {
    if run.summary.steps == 0 {
        return Vec::new();
    }
    let figures = [
        one_line::one_line(run),
        profile::profile(run),
        voltages::envelope(run),
        voltages::buses(run),
        power::power(run),
        taps::taps(run),
        quality::quality(run),
    ];
    // What a run under phasor control is about comes first.
    let curves = run.curves.as_ref().map(pv::of_run);
    let timing = run.timing.as_ref().and_then(timing::timing);
    phasor::phasors(run).into_iter().chain(curves).chain(figures.into_iter().flatten()).chain(timing).collect()
}

/// The horizontal axis of figures over time.
fn time_axis(run: &Run) -> (axis::Axis, &'static str) {
    axis::Axis::time(run.clock_s(0.0), run.clock_s(run.summary.duration_s), run.info.start_s)
}

/// A heading without a subtitle, for a panel.
fn panel_title(canvas: &mut Canvas, text: &str, at: (f64, f64)) {
    canvas.text(text, at, Anchor::Start, Font { size: 12.0, ..TITLE });
}
