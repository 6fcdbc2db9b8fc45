//! Floor 2: the power-quality instrument – windows of IEC 61000-4-7, aggregation and events of IEC 61000-4-30, flicker,
//! limits, and whose fault it is. It sees samples, never the plant: the same object measures in a simulation, from a
//! recording and on an edge gateway. After set-up it allocates nothing. Equations: `docs/models/monitor.md`.

pub mod aggregate;
pub mod alarm;
pub mod attribution;
mod evaluation;
pub mod event;
pub mod flicker;
mod instrument;
pub mod limits;
pub mod magnitude;
mod remote;
mod settings;
mod spectral;
pub mod statistics;
mod window;

pub use instrument::{Finding, Instrument, Taken, TenSeconds};
pub use remote::Remote;
pub use settings::{
    ChannelRole, LEAST_SAMPLE_RATE_HZ, MOST_CHANNELS, MOST_SAMPLE_RATE_HZ, Quantity, Settings, SettingsError, Windows,
};
pub use window::{ChannelWindow, PhasePower, Unbalance, Window};

/// Highest harmonic order that is measured.
pub const MOST_ORDER: usize = 50;
/// Length of a window at the nominal frequency, in s.
pub const WINDOW_S: f64 = 0.2;

/// Centre in Hz of a band of 200 Hz, counted from 0 at 2.1 kHz (IEC 61000-4-7, Annex B).
pub fn band_centre_hz(band: usize) -> f64 {
    2100.0 + 200.0 * band as f64
}
