//! Floor 4: what stands at a bus and does what it is told, as far as it can.
//!
//! [`ControllablePower`] is a set-point held to limits, [`Storage`] the battery that may stand behind it; [`inverter::Site`] a number of V2G inverters with batteries, grid
//! support functions and what they emit ([`emission`]); [`ActiveFilter`] cancels harmonics, and
//! [`ageing`] is what they cost a transformer. Set-points and outputs are power injected into the network; a device that charges has a negative one. `docs/models/devices.md` and
//! `docs/models/inverter.md` have the equations.

mod active_filter;
pub mod ageing;
pub mod emission;
pub mod inverter;
mod power;
mod storage;

pub use active_filter::{ActiveFilter, FilterError, Sensing};
pub use power::{ControllablePower, DeadTime, Limits, Priority};
pub use storage::{Battery, Storage};
