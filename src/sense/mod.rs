//! Floor 4: the instruments' front end – from what is true in the plant to what a controller is told of it.
//!
//! One kind so far: [`Meter`]. `docs/models/devices.md` says what it models.

mod meter;

pub use meter::{Fault, Meter, Settings};
