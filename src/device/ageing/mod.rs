//! Ageing of a transformer that feeds harmonic loads: losses by IEEE C57.110, temperatures and loss of life by IEEE C57.91.
//!
//! The equations stand in `docs/models/ageing.md`, with what could not be checked against the standards' text.

mod losses;
mod thermal;

#[cfg(test)]
mod tests;

pub use losses::{LossFactors, RatedLosses, k_factor};
pub use thermal::{Ageing, Insulation, NORMAL_LIFE_H, ThermalSettings, TransformerAgeing};
