//! Floor 1: what crosses a seam of the loop – frames of channels, and the lines that carry them late or not at all.
//!
//! Names are bound to places once, at set-up; from then on frames are numbers. Nothing here allocates after set-up.

mod frame;
mod line;

pub use frame::{Channel, Channels, Frame};
pub use line::Line;
