//! Floor 1: what crosses a seam of the loop – frames of channels and the lines that carry them late or not at all, blocks of
//! samples, Norton equivalents of what emits harmonics.
//!
//! Names are bound to places once, at set-up; from then on frames are numbers. Nothing here allocates after set-up.

mod frame;
mod line;
mod norton;
mod waveform;

pub use frame::{Channel, Channels, Frame};
pub use line::Line;
pub use norton::Norton;
pub use waveform::Waveform;
