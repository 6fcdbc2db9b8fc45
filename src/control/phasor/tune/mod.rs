//! Tuning of L-PBC: how far a law is from instability, gains for the laws that have some, and what a node can reach.
//!
//! All of it is linear and plant-free: a law is a discrete state space ([`LinearLaw`]), the network with its actuators is a
//! sensitivity behind delays and lags ([`Path`]). It runs before a run, not in its steps, and may allocate. Limits: what
//! clips (S circle, ramp, deadband) is not in it, so a margin is that of small signals; a law that is not linear (RCAC,
//! extremum seeking) has none. See `docs/models/phasor-control.md`.

mod eigen;
mod experiment;
mod gains;
mod linear;
mod margin;
mod path;
pub mod reach;
mod report;
pub mod step_fit;
pub mod ziegler_nichols;

pub use experiment::{Experiment, Fit, FitError, Identified, Responses, Step, identify};
pub use gains::{Own, PiGains};
pub use linear::LinearLaw;
pub use margin::{MOST_EXTRA_DELAY, MarginError, Margins, margins, spectral_radius};
pub use path::{Lag, Path};
pub use report::{Gain, LEAST_DELAY_MARGIN, LEAST_GAIN_MARGIN, MOST_SENSITIVITY_PEAK, Tuning, Warning};
