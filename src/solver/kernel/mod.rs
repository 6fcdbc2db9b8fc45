//! The linear kernel: static-pattern factorisation and solution of nodal equations on flat arrays.
//!
//! The pattern ([`Pattern`]) is fixed once per network: a fill-reducing elimination order with the nodes that carry no
//! injection first (*condensed*: only back-substituted), then everything else by level of the elimination tree.
//! Two factors share it: [`Ldlt`] of a complex symmetric matrix (passive networks, loads as admittances) and
//! [`BlockLu`] of a widely-linear operator `v ↦ A·v + B·conj(v)`, held as 2×2 real blocks.
//! [`LaneLdlt`] factorises K matrices of one pattern at once, each lane its own (orders of a harmonic study).
//! None pivots: passive networks have a positive-definite real part; a bad pivot is reported, never divided by.
//!
//! Vectors are [`Lanes`]: K scenarios side by side, solved with one shared factor by identical operations per lane, so
//! that results do not depend on K. The instruction set is chosen at run time ([`Isa`]) and changes low bits (FMA).

mod block;
mod lanes;
mod ldlt;
mod operator;
mod order;
mod pattern;
mod spectral;

pub use block::BlockLu;
pub use lanes::{Isa, LaneVec, Lanes, Sweep};
pub(super) use lanes::{Largest, isa_dispatch, vector};
pub use ldlt::Ldlt;
pub use operator::{Operator, Slot};
use order::order;
pub use pattern::Pattern;
pub use spectral::{LaneLdlt, LaneOperator, LanePivot};

/// A pivot too small to divide by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPivot {
    /// Column in elimination order.
    pub column: usize,
}

/// A pivot smaller than this share of the largest entry met in its column counts as bad.
const PIVOT_FLOOR: f64 = 1e-14;

#[cfg(test)]
mod tests;
