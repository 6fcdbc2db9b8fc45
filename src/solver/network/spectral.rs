//! What a harmonic study reads of a network, and how it follows one as things are switched.

use super::phases::{open_phases, reduce};
use super::{Element, ElementId, GROUND, Kind, Network};
use crate::quantity::Complex;
use crate::solver::kernel::Slot;

/// An element as a harmonic study sees it.
#[derive(Clone, Copy, Debug)]
pub(in crate::solver) struct Shape<'a> {
    pub kind: Kind,
    pub in_service: bool,
    /// First of its values among all elements' (row-major).
    pub values: usize,
    /// Place of each conductor, [`GROUND`] for ground.
    pub places: &'a [u32],
    /// Conductors per terminal.
    pub per_terminal: usize,
    /// Two terminals of the same conductors.
    pub paired: bool,
}

/// A node that an ideal source in service holds.
#[derive(Clone, Copy, Debug)]
pub(in crate::solver) struct HeldNode {
    pub place: u32,
    /// Its phase among all sources' phases.
    pub emf: usize,
}

impl Network {
    /// An element's shape.
    pub(in crate::solver) fn shape(&self, id: ElementId) -> Shape<'_> {
        let element = &self.elements[id.0 as usize];
        Shape {
            kind: element.kind,
            in_service: element.in_service,
            values: element.values as usize,
            places: &self.places[element.places()],
            per_terminal: usize::from(element.per_terminal),
            paired: element.paired,
        }
    }

    /// Number of elements, and of their values and conductors.
    pub(in crate::solver) fn element_count(&self) -> usize {
        self.elements.len()
    }

    /// Number of all elements' values.
    pub(in crate::solver) fn value_count(&self) -> usize {
        self.y.len()
    }

    /// Where each value of all elements lands in an operator.
    pub(in crate::solver) fn value_slots(&self) -> &[Slot] {
        &self.slots
    }

    /// EMF of all sources' phases, one source after the other, in V.
    pub(in crate::solver) fn emf_v(&self) -> &[Complex] {
        &self.emf_v
    }

    /// Nodes that ideal sources in service hold.
    pub(in crate::solver) fn held_nodes(&self) -> impl Iterator<Item = HeldNode> {
        self.holding().map(|held| HeldNode { place: held.place, emf: held.emf as usize })
    }

    /// Conductances to ground that hold nodes which nothing else would.
    pub(in crate::solver) fn leak_values(&self) -> impl Iterator<Item = (u32, f64)> {
        self.leaks.iter().copied()
    }

    /// Eliminates the open conductors of an element from its admittance `y` (row-major, all phases closed).
    pub(in crate::solver) fn open_in(&self, id: ElementId, y: &mut [Complex]) {
        let open = open_phases(&self.elements[id.0 as usize], &self.open);
        if open.contains(&true) {
            reduce(y, open);
        }
    }

    /// Whether any conductor of an element is open.
    pub(in crate::solver) fn has_open_phases(&self, id: ElementId) -> bool {
        open_phases(&self.elements[id.0 as usize], &self.open).contains(&true)
    }

    /// Whether `other` has the same elements at the same nodes.
    pub(in crate::solver) fn is_alike(&self, other: &Self) -> bool {
        self.places == other.places && self.elements.len() == other.elements.len() && self.y.len() == other.y.len()
    }

    /// Takes over what is in service, open and energised, sources' EMF and leaks from a network of the same elements.
    /// Calls `changed` with each element that is switched or has other phases open; returns whether what is solved for,
    /// or what leaks, differs from before.
    pub(in crate::solver) fn follow(&mut self, other: &Self, mut changed: impl FnMut(ElementId)) -> bool {
        for (index, (own, other_element)) in self.elements.iter_mut().zip(&other.elements).enumerate() {
            let conductors = own.places();
            let phases = self.open[conductors.clone()] != other.open[conductors];
            if own.in_service != other_element.in_service || phases {
                own.in_service = other_element.in_service;
                changed(ElementId(index as u32));
            }
        }
        self.open.copy_from_slice(&other.open);
        self.emf_v.copy_from_slice(&other.emf_v);
        let moved = self.fixed != other.fixed || self.leaks != other.leaks;
        if moved {
            self.fixed.copy_from_slice(&other.fixed);
            self.leaks.clone_from(&other.leaks);
        }
        self.energised.copy_from_slice(&other.energised);
        moved
    }

    /// Makes room for leaks, so that following takes none.
    pub(in crate::solver) fn reserve_leaks(&mut self) {
        self.leaks.reserve(super::leak::MOST_LEAKS);
    }

    /// Elements with an admittance that is not its own transpose, among the given values.
    pub(in crate::solver) fn unsymmetric_elements(&self) -> impl Iterator<Item = ElementId> {
        let is = |element: &Element| {
            let (n, y) = (usize::from(element.conductors), &self.y[element.values()]);
            let largest = y.iter().map(|y| y.norm()).fold(0.0, f64::max);
            (0..n).any(|i| (0..i).any(|j| (y[i * n + j] - y[j * n + i]).norm() > 1e-9 * largest))
        };
        self.elements.iter().enumerate().filter(move |(_, e)| is(e)).map(|(i, _)| ElementId(i as u32))
    }

    /// Whether a place is ground.
    pub(in crate::solver) const fn is_ground(place: u32) -> bool {
        place == GROUND
    }
}
