//! Currents that ideal current sources drive into the network, whatever its voltages.

use super::super::kernel::Lanes;
use super::{GROUND, Network};
use crate::quantity::Complex;

/// One phase of a current source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Injected {
    /// The current source, by its index in the feeder.
    pub(super) source: u32,
    /// Where its current enters, and where it leaves.
    pub(super) to: u32,
    pub(super) back: u32,
    pub(super) i_a: Complex,
}

impl Network {
    /// Sets the current of one phase (from 0) of a current source, in A; nothing where there is none.
    pub(in crate::solver) fn set_injected(&mut self, source: usize, phase: usize, i_a: Complex) {
        let mut own = self.injected.iter_mut().filter(|i| i.source as usize == source);
        if let Some(injected) = own.nth(phase) {
            injected.i_a = i_a;
        }
    }

    /// Adds what current sources drive into each node. A source with an end that nothing feeds is out of service.
    pub(super) fn add_injected(&self, x: &mut [Lanes<1>]) {
        let live = |place: u32| place == GROUND || self.energised[place as usize];
        for injected in self.injected.iter().filter(|i| live(i.to) && live(i.back)) {
            for (place, sign) in [(injected.to, 1.0), (injected.back, -1.0)] {
                if place != GROUND {
                    x[place as usize][0][0] += sign * injected.i_a.re;
                    x[place as usize][1][0] += sign * injected.i_a.im;
                }
            }
        }
    }
}
