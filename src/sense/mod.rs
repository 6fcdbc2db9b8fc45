//! Floor 4: the instruments' front end – from what is true in the plant to what a controller or a monitor is told of it.
//!
//! [`Meter`] delivers readings of quantities (`docs/models/devices.md`); [`PowerQuality`] turns spectra into
//! waveforms ([`synthesis`]) as they come through [`transducer`]s (`docs/models/sensing.md`).

mod meter;
mod power_quality;
mod spectra;
pub mod synthesis;
pub mod transducer;

pub use meter::{Fault, Meter, Settings};
pub use power_quality::{ChannelSettings, PowerQuality, PowerQualitySettings, Sensor, SetUpError};
pub use spectra::{Component, MOST_ORDER, Spectra};
pub use synthesis::{Interpolation, SampleRate};
