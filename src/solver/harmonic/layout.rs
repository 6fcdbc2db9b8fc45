//! Which values make up each entry of the nodal matrix: what a change has to be summed again for.

use crate::solver::kernel::{Pattern, Slot};
use crate::solver::network::{ElementId, Network};

/// Each entry's parts, in the order of the elements: summed so, an entry is the same however it came about.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    first: Vec<u32>,
    parts: Vec<Part>,
    /// The two places of each entry.
    ends: Vec<[u32; 2]>,
    n: usize,
}

/// A value that an entry has a share in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub element: u32,
    pub value: u32,
    /// Its mirror in an element that is not symmetric: the entry has the mean of both. The value itself elsewhere.
    pub mirror: u32,
}

/// An entry of the nodal matrix: diagonals by place, then those below in the pattern's order.
pub(super) type Entry = u32;

impl Layout {
    pub(super) fn new(pattern: &Pattern, network: &Network) -> Self {
        let n = pattern.n;
        let slots = network.value_slots();
        let count = n + pattern.entries();
        let mut of: Vec<Vec<Part>> = vec![Vec::new(); count];
        let mut ends = vec![[0; 2]; count];
        ends.iter_mut().take(n).enumerate().for_each(|(place, ends)| *ends = [place as u32; 2]);
        let unsymmetric: Vec<ElementId> = network.unsymmetric_elements().collect();
        for element in 0..network.element_count() as u32 {
            let is_symmetric = !unsymmetric.contains(&ElementId(element));
            let shape = network.shape(ElementId(element));
            let m = shape.places.len();
            for k in 0..m * m {
                let value = (shape.values + k) as u32;
                if let Some(entry) = entry_of(slots[value as usize], n) {
                    let mirrored = (shape.values + k % m * m + k / m) as u32;
                    let mirror = if is_symmetric || (entry as usize) < n { value } else { mirrored };
                    of[entry as usize].push(Part { element, value, mirror });
                    ends[entry as usize] = [shape.places[k / m], shape.places[k % m]];
                }
            }
        }
        let mut first = vec![0];
        let mut parts = Vec::new();
        for own in of {
            parts.extend(own);
            first.push(parts.len() as u32);
        }
        Self { first, parts, ends, n }
    }

    /// Number of entries.
    pub(super) fn entries(&self) -> usize {
        self.ends.len()
    }

    /// The parts of an entry.
    pub(super) fn parts(&self, entry: Entry) -> &[Part] {
        &self.parts[self.first[entry as usize] as usize..self.first[entry as usize + 1] as usize]
    }

    /// The two places that an entry without loads couples; the same twice on the diagonal.
    pub(super) fn ends(&self, entry: Entry) -> [u32; 2] {
        self.ends[entry as usize]
    }

    /// Where an entry is kept.
    pub(super) fn slot(&self, entry: Entry) -> Slot {
        if (entry as usize) < self.n { Slot::Diagonal(entry) } else { Slot::Below(entry - self.n as u32) }
    }

    /// The entry at a slot.
    pub(super) fn entry(&self, slot: Slot) -> Option<Entry> {
        entry_of(slot, self.n)
    }
}

fn entry_of(slot: Slot, n: usize) -> Option<Entry> {
    match slot {
        Slot::Diagonal(k) => Some(k),
        Slot::Below(k) => Some(n as u32 + k),
        Slot::Nowhere => None,
    }
}
