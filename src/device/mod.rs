//! Floor 4: what stands at a bus and does what it is told, as far as it can.
//!
//! One kind so far: [`ControllablePower`]. Set-points and outputs are power injected into the network; a device that
//! charges has a negative one. `docs/models/devices.md` has the equations.

pub mod ageing;
mod power;

pub use power::{ControllablePower, Limits, Priority};
