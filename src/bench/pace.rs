//! When a tick begins. This is the only part of the loop that may look at the wall clock.

use crate::quantity::Tick;

/// Decides when a tick begins.
pub trait Pacer {
    /// Returns when `tick` may begin.
    fn wait(&mut self, tick: Tick);
}

/// As fast as the machine goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch;

impl Pacer for Batch {
    fn wait(&mut self, _: Tick) {}
}
