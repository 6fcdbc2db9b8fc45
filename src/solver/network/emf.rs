//! Sources' EMF behind their impedances, or at the nodes that they hold.

use super::{Kind, Network};
use crate::quantity::Complex;

impl Network {
    /// Multiplies the EMF of a source by `factor` (a complex number: magnitude and angle).
    pub(in crate::solver) fn scale_emf(&mut self, source: usize, factor: Complex) {
        for emf in self.emf_range(source) {
            self.emf_v[emf] *= factor;
        }
    }

    /// The places of a source's first terminal with their EMF in V.
    pub(in crate::solver) fn source_emf(&self, source: usize) -> impl Iterator<Item = Complex> {
        self.emf_range(source).map(|k| self.emf_v[k])
    }

    fn emf_range(&self, source: usize) -> std::ops::Range<usize> {
        let before = |index: usize| -> usize {
            let first = self.firsts.iter().find(|(k, _)| *k == Kind::Source).map_or(0, |f| f.1 as usize);
            self.elements[first..first + index].iter().map(|e| usize::from(e.per_terminal)).sum()
        };
        before(source)..before(source + 1)
    }
}
