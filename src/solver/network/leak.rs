//! Leaks: small conductances to ground at nodes that nothing but rounding would hold.
//!
//! A delta winding that has lost a phase leaves its corner where no current says what its voltage is, but for anti-float
//! susceptances far below the rounding of a switch beside it. Such a node shows as a bad pivot; it is then tied to ground
//! by a microsiemens (about what 200 m of line have in capacitance), more only if that drowns too. Leaks are part of the
//! network, so that solutions answer to them.

use super::super::kernel::Lanes;
use super::Network;

/// Most leaks of a network; with more, what floats is reported.
pub(super) const MOST_LEAKS: usize = 32;
/// The first leak of a node, in siemens.
const LEAK_S: f64 = 1e-6;
/// What a leak grows by when it does not hold its node.
const GROWTH: f64 = 100.0;
/// The largest leak.
const MOST_LEAK_S: f64 = 1e-2;

impl Network {
    /// Ties a node to ground, or ties it more; says whether that was possible.
    pub(in crate::solver) fn add_leak(&mut self, place: usize) -> bool {
        let place = place as u32;
        if let Some((_, leak_s)) = self.leaks.iter_mut().find(|(p, _)| *p == place) {
            *leak_s *= GROWTH;
            return *leak_s <= MOST_LEAK_S;
        }
        let room = self.leaks.len() < MOST_LEAKS && !self.is_fixed(place);
        if room {
            self.leaks.push((place, LEAK_S));
        }
        room
    }

    /// Takes all leaks away.
    pub(in crate::solver) fn clear_leaks(&mut self) {
        self.leaks.clear();
    }

    /// Places of the nodes that have a leak.
    pub(in crate::solver) fn leaks(&self) -> impl Iterator<Item = u32> {
        self.leaks.iter().map(|(place, _)| *place)
    }

    /// Draws what leaks carry from the right-hand side `x`.
    pub(super) fn add_leak_currents(&self, v: &[Lanes<1>], x: &mut [Lanes<1>]) {
        for &(place, leak_s) in &self.leaks {
            let place = place as usize;
            x[place][0][0] -= leak_s * v[place][0][0];
            x[place][1][0] -= leak_s * v[place][1][0];
        }
    }
}
