//! What stands between a conductor and a converter: each stage of the chain on its own. `docs/models/sensing.md` has the
//! equations, and says which values come from standards as others quote them.

mod converter;
mod filter;
mod instrument_transformer;
mod interference;
mod loss;
mod oscillator;
mod rogowski;
mod saturation;

pub use converter::Adc;
pub use filter::{AntiAlias, Biquad, Placement, cascade, high_pass};
pub use instrument_transformer::{CtClass, CurrentTransformer, Spread, Unit, VoltageTransformer, VtClass};
pub use interference::Emi;
pub use loss::{Loss, Losses};
pub use oscillator::Oscillator;
pub use rogowski::Rogowski;
pub use saturation::{Flux, Saturation};
