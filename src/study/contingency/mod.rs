//! What happens when something is lost: N-1 and N-2 screening of a network at one operating point.
//!
//! Controls do not act, what a loss cuts off is de-energised. Every case starts from the same solved base and is put
//! back to it exactly, so that a result depends on the case alone. How cases are ranked, and what counts as lost, is
//! described in `docs/models/contingency.md`. Limits: steady state only (no transients, no protection, no restoration by
//! switching), and one operating point.

mod base;
mod case;
mod journal;
mod loss;
mod meter;
mod only;
mod rank;
mod report;
mod scratch;
mod screen;

pub use base::{of_feeder, of_plan, settings};
pub use case::{Case, CaseError, MOST_CASES, pairs, singles};
pub use journal::{Journal, JournalError, NAME as JOURNAL};
pub use loss::{Loss, LossKind, losses};
pub use meter::{Finding, Meter};
pub use only::{Only, UnknownWord};
pub use rank::ranking;
pub use report::{CaseRow, Findings, Report};
pub use scratch::from_scratch;
pub use screen::Screening;

/// Lowest and highest good voltage unless told otherwise, per unit.
pub const LIMITS_PU: [f64; 2] = [0.95, 1.05];
