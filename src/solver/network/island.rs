//! What hangs together with a source, and which nodes are given their voltage instead of an equation.
//!
//! Nodes are joined over what carries current between them: series branches, transformers, load branches. A part that is
//! joined to no source in service is de-energised: 0 V.

use super::super::kernel::Lanes;
use super::{Element, GROUND, Held, Kind, Network};
use crate::quantity::complex;

impl Network {
    /// Finds out what is energised, with everything that is open counted as closed if `all` (but for faults, which are
    /// no part of the sound network); calls `turned` with every place where that, or what is given its voltage, differs
    /// from before.
    pub(in crate::solver) fn find_islands(&mut self, all: bool, mut turned: impl FnMut(u32)) {
        let n = self.energised.len() as u32;
        let mut island = std::mem::take(&mut self.island);
        island.iter_mut().zip(0..).for_each(|(root, i)| *root = i);
        for element in self.elements.iter().filter(|e| e.in_service || all && e.kind != Kind::Fault) {
            self.couple(element, |a, b| union(&mut island, a, b));
        }
        self.load_pairs.iter().for_each(|&(a, b)| union(&mut island, a, b));
        for element in self.elements.iter().filter(|e| e.kind == Kind::Source && (all || e.in_service)) {
            for &place in self.places[element.places()].iter().filter(|&&p| p != GROUND) {
                union(&mut island, place, n);
            }
        }
        for held in self.held.iter().filter(|h| all || self.elements[h.element as usize].in_service) {
            union(&mut island, held.place, n);
        }
        let live = root(&island, n);
        for place in 0..n {
            let energised = root(&island, place) == live;
            self.energised[place as usize] = energised;
            let fixed = !energised || self.is_held(place);
            if std::mem::replace(&mut self.fixed[place as usize], fixed) != fixed {
                turned(place);
            }
        }
        self.island = island;
    }

    /// Takes from `other`, which has the same elements, what is in service, energised and tied to ground by a leak.
    pub(in crate::solver) fn copy_service(&mut self, other: &Self) {
        for (own, other) in self.elements.iter_mut().zip(&other.elements) {
            own.in_service = other.in_service;
        }
        self.energised.copy_from_slice(&other.energised);
        self.fixed.copy_from_slice(&other.fixed);
        self.leaks.clone_from(&other.leaks);
    }

    fn is_held(&self, place: u32) -> bool {
        self.holding().any(|held| held.place == place)
    }

    /// Nodes that ideal sources in service hold.
    pub(super) fn holding(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().filter(|h| self.elements[h.element as usize].in_service)
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

    /// Sets the voltages that are given: ideal sources' EMF, 0 where de-energised. `v` is by place.
    pub(in crate::solver) fn hold(&self, v: &mut [Lanes<1>]) {
        for (place, v) in v.iter_mut().take(self.fixed.len()).enumerate() {
            if self.fixed[place] {
                *v = [[0.0]; 2];
            }
        }
        for held in self.holding() {
            let e = self.emf_v[held.emf as usize];
            v[held.place as usize] = [[e.re], [e.im]];
        }
    }

    /// Nothing moves nodes that ideal sources hold: clears their right-hand sides.
    pub(in crate::solver) fn clear_held<const K: usize>(&self, x: &mut [Lanes<K>]) {
        self.holding().for_each(|held| x[held.place as usize] = [[0.0; K]; 2]);
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
