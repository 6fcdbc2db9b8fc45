//! SCPI over a stream of bytes, most often TCP: the driver of an instrument, and the instrument's side of it.
//!
//! [`parser`] reads what instruments answer, [`driver`] asks and tells one as its description has it. [`tree`] and
//! [`instrument`] are the other side: an instrument by its description, with whatever stands behind it; [`serve`] speaks for
//! it. See `docs/models/scpi.md`.
//!
//! Limits: what is asked is a line and so is the answer; no binary blocks, no service requests, no VXI-11 and no HiSLIP.

pub mod driver;
mod errors;
pub mod instrument;
pub mod parser;
mod plan;
pub mod serve;
#[cfg(test)]
mod tests;
pub mod tree;
mod wire;
