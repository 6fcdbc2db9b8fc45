//! Single conductors opened at both ends of an element: phase loss, single-pole switching, a can out of a bank.
//!
//! An open conductor carries no current into the element at either end and is eliminated (Kron). With near and far blocks
//! A and B of an element that is the same from both ends, Y = [A B; B A], the sums and differences of the ends' voltages
//! do not mix: A + B (what stands to ground) and A − B (what is in series, twice) are reduced one by one. So the shunt
//! part is not taken from differences of large series admittances, and a conductor without any shunt is no special case.

use super::{Element, ElementId, Kind, Network};
use crate::quantity::{Complex, complex};

/// What is left of a conductor's own admittance below this share of its series admittance is rounding.
const ROUNDING: f64 = 1e-13;

impl Network {
    /// How many conductors of an element can be opened one by one; `None` where that has no meaning.
    pub fn phases(&self, id: ElementId) -> Option<usize> {
        let element = self.elements.get(id.0 as usize)?;
        let single = element.paired && !matches!(element.kind, Kind::Fault | Kind::Neutral);
        single.then_some(usize::from(element.per_terminal))
    }

    /// Whether each conductor of an element is closed.
    pub fn phases_closed(&self, id: ElementId) -> impl Iterator<Item = bool> {
        let element = &self.elements[id.0 as usize];
        let first = element.first as usize;
        self.open[first..first + usize::from(element.per_terminal)].iter().map(|open| !open)
    }

    /// Notes which conductors of an element are closed; says whether that changed anything. The admittance follows by
    /// [`Network::apply`].
    pub(in crate::solver) fn set_phases(&mut self, id: ElementId, closed: &[bool]) -> bool {
        if self.phases(id) != Some(closed.len()) {
            return false;
        }
        let first = self.elements[id.0 as usize].first as usize;
        let open = &mut self.open[first..first + closed.len()];
        let changed = open.iter().zip(closed).any(|(open, closed)| open == closed);
        open.iter_mut().zip(closed).for_each(|(open, closed)| *open = !closed);
        changed
    }

    /// Writes an element's admittance as it stands into `scratch`.
    pub(in crate::solver) fn work_out(&mut self, id: ElementId) {
        let element = &self.elements[id.0 as usize];
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.whole[element.values()]);
        let open = open_phases(element, &self.open);
        if open.contains(&true) {
            reduce(&mut self.scratch, open);
        }
    }
}

pub(super) fn open_phases<'a>(element: &Element, open: &'a [bool]) -> &'a [bool] {
    let first = element.first as usize;
    &open[first..first + usize::from(element.per_terminal)]
}

/// Eliminates the open conductors of a two-terminal admittance, row-major, that is the same from both ends.
pub(super) fn reduce(y: &mut [Complex], open: &[bool]) {
    let m = open.len();
    let at = |row: usize, column: usize| row * 2 * m + column;
    let pairs = || (0..m).flat_map(move |i| (0..m).map(move |j| (i, j)));
    for (i, j) in pairs() {
        let (near, far) = (y[at(i, j)], y[at(i, j + m)]);
        (y[at(i, j)], y[at(i, j + m)]) = (near + far, near - far);
    }
    for k in (0..m).filter(|&k| open[k]) {
        let least = y[at(k, k + m)].norm() * ROUNDING;
        eliminate(y, m, 0, k, least);
        eliminate(y, m, m, k, least);
    }
    for (i, j) in pairs() {
        let (sum, difference) = (y[at(i, j)], y[at(i, j + m)]);
        let (near, far) = ((sum + difference) * 0.5, (sum - difference) * 0.5);
        (y[at(i, j)], y[at(i, j + m)]) = (near, far);
        (y[at(i + m, j + m)], y[at(i + m, j)]) = (near, far);
    }
}

/// Eliminates row and column `k` of the m×m block of the first rows that begins at column `first`. A pivot up to `least`
/// is none: nothing couples to such a conductor.
fn eliminate(y: &mut [Complex], m: usize, first: usize, k: usize, least: f64) {
    let at = |row: usize, column: usize| row * 2 * m + first + column;
    let pivot = y[at(k, k)];
    if pivot.norm() > least {
        for (i, j) in (0..m).flat_map(|i| (0..m).map(move |j| (i, j))).filter(|&(i, j)| i != k && j != k) {
            let through = y[at(i, k)] * y[at(k, j)] / pivot;
            y[at(i, j)] -= through;
        }
    }
    for i in 0..m {
        y[at(i, k)] = complex(0.0, 0.0);
        y[at(k, i)] = complex(0.0, 0.0);
    }
}
