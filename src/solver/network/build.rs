//! How a network comes about: elements are collected while nodes are still being named, then put on the pattern.

use super::super::element::{Admittance, CurrentBranch, Primitive, SourceModel, Windings};
use super::super::grid::NodeNames;
use super::super::injection::Injections;
use super::super::kernel::Pattern;
use super::injected::Injected;
use super::leak::MOST_LEAKS;
use super::{Element, ElementId, GROUND, Held, Kind, Network};
use crate::quantity::Complex;

/// Collects elements while nodes are still being named.
#[derive(Debug, Default)]
pub(in crate::solver) struct NetworkBuilder {
    elements: Vec<Element>,
    places: Vec<u32>,
    y: Vec<Complex>,
    series: Vec<Complex>,
    windings: Vec<Windings>,
    emf_v: Vec<Complex>,
    injected: Vec<Injected>,
    held: Vec<Held>,
    unsymmetric: bool,
}

impl NetworkBuilder {
    /// Gives the transformer that was added last its windings.
    pub(in crate::solver) fn windings(&mut self, windings: Windings) {
        if let Some(element) = self.elements.last_mut() {
            element.windings = Some(self.windings.len() as u32);
        }
        self.windings.push(windings);
    }

    /// Adds a source: its impedance and EMF, or the nodes it holds.
    pub(in crate::solver) fn source(&mut self, names: &mut NodeNames, model: &SourceModel) {
        let (first_emf, element) = (self.emf_v.len() as u32, self.elements.len() as u32);
        self.emf_v.extend_from_slice(&model.emf_v);
        let primitive = model.primitive().unwrap_or_else(|| {
            // An ideal source holds its nodes; as an element it is a current meter of zero admittance.
            let conductors = model.terminals.iter().map(Vec::len).sum();
            Primitive { terminals: model.terminals.clone(), y: Admittance::zeros(conductors) }
        });
        self.element(names, Kind::Source, &primitive, None, true);
        if model.is_ideal() {
            for (k, conductor) in model.terminals[0].iter().enumerate() {
                let held = names.meet(conductor).map(|place| Held { place, emf: first_emf + k as u32, element });
                self.held.extend(held);
            }
        }
    }

    /// Adds an element; `series` is its admittance in the no-load solve, where that differs.
    pub(in crate::solver) fn element(
        &mut self,
        names: &mut NodeNames,
        kind: Kind,
        primitive: &Primitive,
        series: Option<&Admittance>,
        in_service: bool,
    ) {
        let conductors = primitive.y.n();
        let per_terminal = primitive.terminals.first().map_or(conductors, Vec::len);
        let paired = kind != Kind::Transformer && primitive.terminals.len() == 2 && conductors == 2 * per_terminal;
        self.elements.push(Element {
            kind,
            in_service,
            first: self.places.len() as u32,
            values: self.y.len() as u32,
            conductors: conductors as u16,
            per_terminal: per_terminal as u16,
            paired,
            windings: None,
        });
        self.places.extend(primitive.conductors().map(|c| names.meet(c).unwrap_or(GROUND)));
        self.y.extend_from_slice(primitive.y.values());
        self.unsymmetric |= !primitive.y.is_symmetric();
        self.series.extend_from_slice(series.unwrap_or(&primitive.y).values());
    }

    /// Adds the phases of the current source at an index of the feeder.
    pub(in crate::solver) fn current_source(&mut self, names: &mut NodeNames, index: usize, phases: &[CurrentBranch]) {
        for phase in phases {
            let [to, back] = [&phase.to, &phase.back].map(|end| names.meet(end).unwrap_or(GROUND));
            self.injected.push(Injected { source: index as u32, to, back, i_a: phase.i_a });
        }
    }

    /// Nodes that must not be condensed: none of the passive elements need it.
    pub(in crate::solver) fn kept(&self) -> impl Iterator<Item = u32> {
        self.held.iter().map(|held| held.place)
    }

    /// Pairs of nodes that elements couple.
    pub(in crate::solver) fn edges(&self) -> Vec<(u32, u32)> {
        let mut edges = Vec::new();
        for element in &self.elements {
            let places = &self.places[element.places()];
            for (k, &a) in places.iter().enumerate() {
                edges.extend(places[k + 1..].iter().filter(|&&b| a != GROUND && b != GROUND).map(|&b| (a, b)));
            }
        }
        edges
    }

    /// The network on its pattern; nodes become places.
    pub(in crate::solver) fn finish(mut self, pattern: &Pattern, injections: &Injections) -> Network {
        for place in self.places.iter_mut().chain(self.held.iter_mut().map(|held| &mut held.place)) {
            if *place != GROUND {
                *place = pattern.place_of[*place as usize];
            }
        }
        for place in self.injected.iter_mut().flat_map(|i| [&mut i.to, &mut i.back]).filter(|p| **p != GROUND) {
            *place = pattern.place_of[*place as usize];
        }
        let mut slots = Vec::with_capacity(self.y.len());
        for element in &self.elements {
            let places = &self.places[element.places()];
            let place = |k: usize| (places[k] != GROUND).then_some(places[k]);
            let n = places.len();
            slots.extend((0..n * n).map(|k| pattern.slot(place(k / n), place(k % n))));
        }
        let mut firsts: Vec<(Kind, u32)> = Vec::new();
        for (i, element) in self.elements.iter().enumerate() {
            if !firsts.iter().any(|(kind, _)| *kind == element.kind) {
                firsts.push((element.kind, i as u32));
            }
        }
        let mut network = Network {
            open: vec![false; self.places.len()],
            elements: self.elements,
            places: self.places,
            whole: self.y.clone(),
            y: self.y,
            series: self.series,
            slots,
            windings: self.windings,
            emf_v: self.emf_v,
            injected: self.injected,
            held: self.held,
            energised: vec![true; pattern.n],
            fixed: vec![false; pattern.n],
            load_pairs: injections.pairs(),
            unsymmetric: self.unsymmetric,
            firsts,
            island: vec![0; pattern.n + 1],
            leaks: Vec::with_capacity(MOST_LEAKS),
            scratch: Vec::new(),
        };
        network.find_islands(true, |_| {});
        network
    }
}

impl Network {
    /// Takes over the admittances and windings of a builder of the same feeder at another frequency; what is open and out
    /// of service stays so, and the EMF too.
    pub(in crate::solver) fn adopt(&mut self, builder: NetworkBuilder) {
        self.whole.copy_from_slice(&builder.y);
        self.windings = builder.windings;
        self.unsymmetric = builder.unsymmetric;
        for element in 0..self.elements.len() {
            let id = ElementId(element as u32);
            self.work_out(id);
            let values = self.elements[element].values();
            self.y[values].copy_from_slice(&self.scratch);
        }
    }
}
