//! What inverters emit: by a measured table, or by the physics of switching.

pub mod ev_cpw;
pub mod pwm;
mod spectrum;
pub mod table;

pub use spectrum::{Emission, Spectrum};
pub use table::{Level, Line, Reference, Table, TableError};
