//! Floor 2: the power-quality instrument – windows of IEC 61000-4-7, aggregation and events of IEC 61000-4-30, flicker,
//! limits, and whose fault it is. It sees samples, never the plant: the same object measures in a simulation, from a
//! recording and on an edge gateway. After set-up it allocates nothing.

pub mod event;
pub mod flicker;
pub mod magnitude;
mod window;

pub use window::{ChannelWindow, Unbalance, Window};

/// Highest harmonic order that is measured.
pub const MOST_ORDER: usize = 50;
