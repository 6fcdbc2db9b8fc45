//! Floor 1: what crosses a seam of the loop – frames of channels and the lines that carry them late or not at all, blocks of
//! samples, Norton equivalents of what emits harmonics, verdicts on whose distortion it is and commands about it.
//!
//! Names are bound to places once, at set-up; from then on frames are numbers. Nothing here allocates after set-up.

mod fields;
mod frame;
mod harmonic_command;
mod line;
mod norton;
mod verdict;
mod waveform;

pub use frame::{Channel, Channels, Frame};
pub use harmonic_command::{COMPENSATED, Compensation, HarmonicCommand, Probe};
pub use line::Line;
pub use norton::Norton;
pub use verdict::{Decision, OrderVerdict, PhaseVerdict, Reason, UnitVerdict, Verdict};
pub use waveform::Waveform;
