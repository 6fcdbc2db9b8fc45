//! Floor 7: many solutions of one network on all cores – what happens when something is lost (`contingency`), how much
//! more a bus can carry (`pv`), what a thousand samples look like (`sweep`), whether scenarios still hold (`verify`), which of
//! several controllers does better (`compare`), which gains a phasor controller should have (`tune`), what a recorded waveform
//! has in it (`monitor`).
//!
//! Results do not depend on the number of threads: cases are numbered, each is solved from the same base, and they are
//! gathered in order.

pub mod compare;
pub mod contingency;
pub mod harmonics;
pub mod monitor;
pub mod pv;
pub mod scan;
pub mod sweep;
pub mod tune;
pub mod verify;
