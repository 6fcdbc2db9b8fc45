//! Floor 4: the instruments' front end – from what is true in the plant to what a controller or a monitor is told of it.
//!
//! [`Meter`] delivers readings of quantities (`docs/models/devices.md`); [`synthesis`] makes waveforms of spectra
//! (`docs/models/sensing.md`).

mod meter;
mod spectra;
pub mod synthesis;

pub use meter::{Fault, Meter, Settings};
pub use spectra::{Component, MOST_ORDER, Spectra};
pub use synthesis::{Interpolation, SampleRate};
