//! What of a network is energised: the nodes that elements in service tie to a source.

use super::{Element, GROUND, Network};
use crate::quantity::complex;
use crate::solver::network::Kind;

impl Network {
    /// Finds out what is energised, with everything that is open counted as closed if `all`; calls `turned` with every
    /// place where that differs from before.
    pub(in crate::solver) fn find_islands(&mut self, all: bool, mut turned: impl FnMut(u32)) {
        let n = self.energised.len() as u32;
        let mut island = std::mem::take(&mut self.island);
        island.iter_mut().zip(0..).for_each(|(root, i)| *root = i);
        for element in self.elements.iter().filter(|e| all || e.in_service) {
            self.couple(element, |a, b| union(&mut island, a, b));
        }
        self.load_pairs.iter().for_each(|&(a, b)| union(&mut island, a, b));
        for element in self.elements.iter().filter(|e| e.kind == Kind::Source && (all || e.in_service)) {
            for &place in self.places[element.places()].iter().filter(|&&p| p != GROUND) {
                union(&mut island, place, n);
            }
        }
        let live = root(&island, n);
        for place in 0..n {
            let energised = root(&island, place) == live;
            if std::mem::replace(&mut self.energised[place as usize], energised) != energised {
                turned(place);
            }
            self.fixed[place as usize] = !energised;
        }
        for held in self.held.iter().filter(|held| all || self.elements[held.element as usize].in_service) {
            self.fixed[held.place as usize] = true;
        }
        self.island = island;
    }

    /// Calls `pair` with every two nodes that an element joins. Phases of a line are not joined by their mutual
    /// impedance: a conductor without a source floats, whatever is induced in it.
    fn couple(&self, element: &Element, mut pair: impl FnMut(u32, u32)) {
        let places = &self.places[element.places()];
        let n = places.len();
        let y = &self.y[element.values()];
        for (a, b) in (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))) {
            let across = !element.paired || b == a + n / 2;
            if across && y[a * n + b] != complex(0.0, 0.0) && places[a] != GROUND && places[b] != GROUND {
                pair(places[a], places[b]);
            }
        }
    }

    /// Takes from `other`, which has the same elements, what is in service and what is energised.
    pub(in crate::solver) fn copy_service(&mut self, other: &Self) {
        for (own, other) in self.elements.iter_mut().zip(&other.elements) {
            own.in_service = other.in_service;
        }
        self.energised.copy_from_slice(&other.energised);
        self.fixed.copy_from_slice(&other.fixed);
    }
}

fn root(island: &[u32], mut i: u32) -> u32 {
    while island[i as usize] != i {
        i = island[i as usize];
    }
    i
}

fn union(island: &mut [u32], a: u32, b: u32) {
    let (a, b) = (shorten(island, a), shorten(island, b));
    island[a as usize] = b;
}

/// The root of `i`, halving the path to it on the way.
fn shorten(island: &mut [u32], mut i: u32) -> u32 {
    while island[i as usize] != i {
        island[i as usize] = island[island[i as usize] as usize];
        i = island[i as usize];
    }
    i
}
