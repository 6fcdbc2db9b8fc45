//! Sources' EMF behind their impedances, or at the nodes that they hold.

use super::{Kind, Network};
use crate::quantity::Complex;

impl Network {
    /// Sets the EMF of one phase (from 0) of a source, in V; nothing where there is none.
    pub(in crate::solver) fn set_emf(&mut self, source: usize, phase: usize, emf_v: Complex) {
        let range = self.emf_range(source);
        if phase < range.len() {
            self.emf_v[range.start + phase] = emf_v;
        }
    }

    fn emf_range(&self, source: usize) -> std::ops::Range<usize> {
        let sources = self.elements.iter().filter(|e| e.kind == Kind::Source).map(|e| usize::from(e.per_terminal));
        let before: usize = sources.clone().take(source).sum();
        before..before + sources.clone().nth(source).unwrap_or(0)
    }
}
