//! The passive part of a grid: element admittances on the pattern, what is in service, what is energised.
//!
//! Everything here changes in place. Currents of elements with two like terminals (lines, series reactors) are computed
//! from voltage *differences*, so that a switch of 1e7 S between two nodes loses no digits: the residual of a solution is
//! then good to the rounding of the currents themselves, and one correction with it removes the factor's rounding.

mod build;
mod current;
mod emf;
mod entries;
mod injected;
mod island;
mod leak;
mod phases;
mod spectral;

pub(in crate::solver) use build::NetworkBuilder;
pub(in crate::solver) use spectral::Shape;

use super::element::{Admittance, Windings};
use super::kernel::{Lanes, Operator, Slot};
use crate::quantity::{Complex, complex};

/// What kind of element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A voltage source (its internal impedance).
    Source,
    /// A line, switch or fuse.
    Line,
    /// A transformer.
    Transformer,
    /// A capacitor bank.
    Capacitor,
    /// A reactor.
    Reactor,
    /// A fault.
    Fault,
    /// The grounding of a load's neutral.
    Neutral,
}

/// An element of the network, by its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementId(pub u32);

/// Stands for ground in lists of places.
pub(super) const GROUND: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Element {
    kind: Kind,
    in_service: bool,
    /// First conductor in `places` and first row-major value in `y`.
    first: u32,
    values: u32,
    conductors: u16,
    /// Conductors per terminal.
    per_terminal: u16,
    /// Two terminals of the same conductors: currents are taken from differences across it.
    paired: bool,
    /// Of a transformer: its place among `windings`.
    windings: Option<u32>,
}

impl Element {
    fn places(&self) -> std::ops::Range<usize> {
        self.first as usize..self.first as usize + usize::from(self.conductors)
    }

    fn values(&self) -> std::ops::Range<usize> {
        let n = usize::from(self.conductors);
        self.values as usize..self.values as usize + n * n
    }
}

/// The passive network, its sources and what is energised.
#[derive(Clone, Debug)]
pub struct Network {
    elements: Vec<Element>,
    /// Place of each conductor ([`GROUND`] for ground).
    places: Vec<u32>,
    /// Admittances of all elements as they stand, row-major, in siemens.
    y: Vec<Complex>,
    /// The same with every phase closed.
    whole: Vec<Complex>,
    /// Of each conductor: whether it is open at both ends of its element.
    open: Vec<bool>,
    /// The same elements as the no-load solve for voltage bases sees them.
    series: Vec<Complex>,
    /// Where each value lands in an [`Operator`].
    slots: Vec<Slot>,
    /// Transformers by their windings, in the feeder's order.
    windings: Vec<Windings>,
    /// EMF of source elements per conductor of their first terminal, in V.
    emf_v: Vec<Complex>,
    /// Currents of current sources, phase by phase.
    injected: Vec<injected::Injected>,
    /// Nodes that ideal sources hold at a voltage.
    held: Vec<Held>,
    /// Whether each node has a path to a source.
    pub(super) energised: Vec<bool>,
    /// Nodes whose equation is replaced by V = given: held or de-energised.
    pub(super) fixed: Vec<bool>,
    /// Terminal pairs of load branches: they carry current between nodes, so they can energise.
    load_pairs: Vec<(u32, u32)>,
    /// Some element's admittance is not symmetric (a source whose negative-sequence impedance is its own): the factor is
    /// then only near the network, and every solve answers to the network's own residual.
    pub(super) unsymmetric: bool,
    /// First element of each kind, in the order of the feeder's sections.
    firsts: Vec<(Kind, u32)>,
    island: Vec<u32>,
    /// Conductances to ground, in siemens, of nodes that only rounding would hold.
    leaks: Vec<(u32, f64)>,
    /// One element's admittance, while it is being worked out.
    scratch: Vec<Complex>,
}

/// A node that an ideal source holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    place: u32,
    /// Its index in `emf_v`.
    emf: u32,
    /// The source.
    element: u32,
}

impl Network {
    /// The element of a kind at an index of the feeder's section.
    pub fn id(&self, kind: Kind, index: usize) -> Option<ElementId> {
        let first = self.firsts.iter().find(|(k, _)| *k == kind)?.1;
        let id = ElementId(first + index as u32);
        self.elements.get(id.0 as usize).is_some_and(|e| e.kind == kind).then_some(id)
    }

    /// All elements and their kinds.
    pub fn elements(&self) -> impl Iterator<Item = (ElementId, Kind)> {
        self.elements.iter().enumerate().map(|(i, e)| (ElementId(i as u32), e.kind))
    }

    /// The kind of an element.
    pub(super) fn kind(&self, id: ElementId) -> Kind {
        self.elements[id.0 as usize].kind
    }

    /// Whether an element is of a kind.
    pub(super) fn is(&self, id: ElementId, kind: Kind) -> bool {
        self.elements[id.0 as usize].kind == kind
    }

    /// Number of terminals of an element.
    pub fn terminals(&self, id: ElementId) -> usize {
        let e = &self.elements[id.0 as usize];
        usize::from(e.conductors / e.per_terminal.max(1))
    }

    /// Places of a terminal's conductors; `None` is ground.
    pub fn terminal_places(&self, id: ElementId, terminal: usize) -> impl Iterator<Item = Option<u32>> {
        let e = &self.elements[id.0 as usize];
        let m = usize::from(e.per_terminal);
        self.places[e.places()][terminal * m..(terminal + 1) * m].iter().map(|&p| (p != GROUND).then_some(p))
    }

    /// Whether an element is in service.
    pub(super) fn in_service(&self, id: ElementId) -> bool {
        self.elements[id.0 as usize].in_service
    }

    /// Takes an element out of service or back; says whether that changed anything.
    pub(super) fn set_in_service(&mut self, id: ElementId, on: bool) -> bool {
        let element = &mut self.elements[id.0 as usize];
        std::mem::replace(&mut element.in_service, on) != on
    }

    /// Whether an element's admittance is so large that adding and taking it away again would leave its rounding in an
    /// operator, where tiny susceptances may be all that holds a node.
    pub(super) fn is_stiff(&self, id: ElementId) -> bool {
        let values = self.elements[id.0 as usize].values();
        let both = self.y[values.clone()].iter().zip(&self.whole[values.clone()]).zip(&self.slots[values]);
        let mut lands = both.filter(|(_, slot)| **slot != Slot::Nowhere);
        lands.any(|((y, whole), _)| y.norm_sqr().max(whole.norm_sqr()) >= STIFF_S * STIFF_S)
    }

    /// Writes an element's admittance before anything has been assembled from it.
    pub(super) fn write_admittance(&mut self, id: ElementId, y: &Admittance) {
        let values = self.elements[id.0 as usize].values();
        self.whole[values.clone()].copy_from_slice(y.values());
        self.y[values].copy_from_slice(y.values());
    }

    /// Replaces an element's admittance, all phases closed; those that are open stay so. See [`Network::apply`].
    pub(super) fn set_admittance(
        &mut self,
        id: ElementId,
        y: &Admittance,
        operators: [&mut Operator; 2],
        v: &[Lanes<1>],
        changed: impl FnMut(u32, Complex),
    ) {
        let values = self.elements[id.0 as usize].values();
        self.whole[values].copy_from_slice(y.values());
        self.apply(id, operators, v, changed);
    }

    /// Makes an element's admittance what its whole one and its open phases say. Where the element is in service, adds
    /// the difference to the operators and calls `changed` with every place whose equation changed and the current, in
    /// A, that its node is now short of at voltages `v`.
    pub(super) fn apply(
        &mut self,
        id: ElementId,
        operators: [&mut Operator; 2],
        v: &[Lanes<1>],
        mut changed: impl FnMut(u32, Complex),
    ) {
        let [passive, with_loads] = operators;
        self.work_out(id);
        let element = self.elements[id.0 as usize].clone();
        let n = usize::from(element.conductors);
        for row in 0..n {
            let place = self.places[element.first as usize + row];
            let mut short = complex(0.0, 0.0);
            for column in 0..n {
                let at = element.values as usize + row * n + column;
                let new = self.scratch[row * n + column];
                let difference = new - std::mem::replace(&mut self.y[at], new);
                short -= difference * voltage_at(v, self.places[element.first as usize + column]);
                if element.in_service && self.has_equation(&element, row, column) {
                    passive.add(self.slots[at], difference);
                    with_loads.add(self.slots[at], difference);
                }
            }
            if element.in_service && place != GROUND && !self.is_fixed(place) {
                changed(place, short);
            }
        }
    }

    /// Adds an element's admittance to `operator`, times `sign`.
    pub(super) fn add_element(&self, id: ElementId, sign: f64, operator: &mut Operator) {
        let element = &self.elements[id.0 as usize];
        let n = usize::from(element.conductors);
        for (k, at) in element.values().enumerate() {
            if self.has_equation(element, k / n, k % n) {
                operator.add(self.slots[at], self.y[at] * sign);
            }
        }
    }

    /// Whether an entry couples two nodes that are both solved for.
    fn has_equation(&self, element: &Element, row: usize, column: usize) -> bool {
        let first = element.first as usize;
        !self.is_fixed(self.places[first + row]) && !self.is_fixed(self.places[first + column])
    }

    /// Places of an element's conductors, ground left out.
    pub(super) fn places(&self, id: ElementId) -> impl Iterator<Item = u32> {
        let element = &self.elements[id.0 as usize];
        self.places[element.places()].iter().copied().filter(|&p| p != GROUND)
    }

    /// The whole network's operator, without loads. Fixed nodes get the equation V = given.
    pub(super) fn assemble(&self, operator: &mut Operator) {
        self.assemble_values(&self.y, operator, |e| e.in_service);
        self.leaks.iter().for_each(|&(place, leak_s)| operator.diagonal[place as usize] += leak_s);
    }

    /// The operator of the no-load solve that assigns voltage bases: series parts, every element in service.
    pub(super) fn assemble_series(&self, operator: &mut Operator) {
        self.assemble_values(&self.series, operator, |_| true);
    }

    fn assemble_values(&self, y: &[Complex], operator: &mut Operator, in_service: impl Fn(&Element) -> bool) {
        let zero = complex(0.0, 0.0);
        for part in [&mut operator.diagonal, &mut operator.below, &mut operator.diagonal_conj, &mut operator.below_conj]
        {
            part.fill(zero);
        }
        for element in self.elements.iter().filter(|e| in_service(e)) {
            let n = usize::from(element.conductors);
            for (k, at) in element.values().enumerate() {
                if self.has_equation(element, k / n, k % n) {
                    operator.add(self.slots[at], y[at]);
                }
            }
        }
        for (place, _) in self.fixed.iter().enumerate().filter(|(_, fixed)| **fixed) {
            operator.diagonal[place] = complex(1.0, 0.0);
        }
    }

    /// Assembles again, in place, every entry of the operator in the rows and columns of `marked` places. Bit for bit what
    /// [`Network::assemble`] makes there; entries that it does not have must be zero.
    pub(super) fn assemble_at(&self, marked: &[bool], operator: &mut Operator) {
        let is_marked = |place: &u32| *place != GROUND && marked[*place as usize];
        for element in self.elements.iter().filter(|e| e.in_service) {
            let places = &self.places[element.places()];
            if !places.iter().any(is_marked) {
                continue;
            }
            let n = places.len();
            for (k, at) in element.values().enumerate() {
                let (row, column) = (k / n, k % n);
                let concerned = is_marked(&places[row]) || is_marked(&places[column]);
                if concerned && self.has_equation(element, row, column) {
                    operator.add(self.slots[at], self.y[at]);
                }
            }
        }
        for (place, _) in self.fixed.iter().zip(marked).enumerate().filter(|(_, (fixed, marked))| **fixed && **marked) {
            operator.diagonal[place] = complex(1.0, 0.0);
        }
    }

    fn is_fixed(&self, place: u32) -> bool {
        place != GROUND && self.fixed[place as usize]
    }
}

/// An element of at least this admittance is stiff.
const STIFF_S: f64 = 1e5;

/// Most conductors of one element: 3 windings of 4 phases and more fit.
pub(super) const MOST: usize = 64;

fn voltage_at(v: &[Lanes<1>], place: u32) -> Complex {
    if place == GROUND { complex(0.0, 0.0) } else { complex(v[place as usize][0][0], v[place as usize][1][0]) }
}
