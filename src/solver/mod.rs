//! Floor 3: the three-phase quasi-steady-state plant.

pub mod element;
