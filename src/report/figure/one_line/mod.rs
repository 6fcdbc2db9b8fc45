//! The feeder as a one-line diagram, coloured by voltage at the instant when one was farthest out.
//!
//! Buses stand at their coordinates or, without, as a tidy tree; branches between the same two buses that share no node
//! (the phases of a regulator bank) are one line. Symbols and names shrink to what is legible: of a very large feeder
//! only sources, regulators, capacitors and a few names are left.

mod drawing;
mod labels;
mod legend;
mod paint;
mod scale;
mod symbols;

use super::axis::heading;
use super::canvas::svg_over;
use super::{Figure, Run, WIDTH};
use drawing::Drawing;
use scale::Scale;

pub use scale::dark_style;

/// Height of the heading in points.
const HEAD: f64 = 58.0;

/// The figure; `None` for a feeder without buses.
pub fn one_line(run: &Run) -> Option<Figure> {
    let drawing = Drawing::new(run)?;
    let limits_pu = run.summary.voltage.limits_pu;
    let scale = Scale::new(limits_pu, drawing.buses.iter().filter_map(|bus| bus.v_pu));
    let legend = legend::legend(&drawing, scale, limits_pu);
    let below = paint::paint(&drawing, scale, limits_pu) + &labels::labels(&drawing, run) + &legend.svg;
    let title = "One-line diagram";
    let (subtitle, caption) = words(run, &drawing);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a few thousand points")]
    let height = legend.bottom.ceil() as u32;
    let svg = svg_over(WIDTH, height, title, &below, |canvas| heading(canvas, title, &subtitle));
    Some(Figure { name: "one_line".into(), caption, svg })
}

fn words(run: &Run, drawing: &Drawing) -> (String, String) {
    let subtitle = match run.facts.worst_t_s {
        Some(t_s) => format!("at {}, when a voltage was farthest out", run.clock(t_s)),
        None => "no step has a solution, so there are no voltages".to_owned(),
    };
    let place = if drawing.is_map { "Buses stand at their coordinates" } else { "The source is at the left" };
    let small = if drawing.dense() { "; transformers and loads are too many to mark" } else { "" };
    let caption = format!(
        "{place}. A bus has the colour of its phase farthest from 1 pu; numbers in flags are those of the events below{small}."
    );
    let caption = if run.facts.events.is_empty() {
        caption.replace("; numbers in flags are those of the events below", "")
    } else {
        caption
    };
    (subtitle, caption)
}
