//! Floor 4: the instruments' front end – from what is true in the plant to what a controller or a monitor is told of it.
//!
//! [`Instrument`] delivers readings: a meter's of quantities (`docs/models/devices.md`), a PMU's of voltage phasors in a
//! common time (`docs/models/sensing.md`). [`PowerQuality`] turns spectra into waveforms ([`synthesis`]) as they come
//! through [`transducer`]s (`docs/models/sensing.md`).

mod instrument;
mod pmu;
mod power_quality;
mod sensor;
mod spectra;
pub mod synthesis;
pub mod transducer;

pub use instrument::{Instrument, Kind, Settings};
pub use pmu::{ClockFault, ClockSettings, PmuSettings};
pub use power_quality::{ChannelSettings, PowerQuality, PowerQualitySettings, Sensor, SetUpError};
pub use sensor::{Accuracy, Fault};
pub use spectra::{Component, MOST_ORDER, Spectra};
pub use synthesis::{Interpolation, SampleRate};
