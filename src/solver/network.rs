//! The passive part of a grid: element admittances on the pattern, what is in service, what is energised.
//!
//! Everything here changes in place. Currents of elements with two like terminals (lines, series reactors) are computed
//! from voltage *differences*, so that a switch of 1e7 S between two nodes loses no digits: the residual of a solution is
//! then good to the rounding of the currents themselves, and one correction with it removes the factor's rounding.

mod islands;

use super::element::{Admittance, Primitive, SourceModel, Windings};
use super::grid::NodeNames;
use super::injection::Injections;
use super::kernel::{Lanes, Operator, Pattern, Slot};
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

/// What currents are computed from: admittances of all elements, and windings of transformers where they are known.
#[derive(Clone, Copy)]
struct Values<'a> {
    y: &'a [Complex],
    windings: &'a [Windings],
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

/// A node held at a voltage by an ideal source.
#[derive(Clone, Copy, Debug)]
struct Held {
    place: u32,
    /// Index in `emf_v`.
    emf: u32,
    /// The source.
    element: u32,
}

/// The passive network, its sources and what is energised.
#[derive(Clone, Debug)]
pub struct Network {
    elements: Vec<Element>,
    /// Place of each conductor ([`GROUND`] for ground).
    places: Vec<u32>,
    /// Admittances of all elements, row-major, in siemens.
    y: Vec<Complex>,
    /// The same elements as the no-load solve for voltage bases sees them.
    series: Vec<Complex>,
    /// Where each value lands in an [`Operator`].
    slots: Vec<Slot>,
    /// Transformers by their windings, in the feeder's order.
    windings: Vec<Windings>,
    /// EMF of source elements per conductor of their first terminal, in V; (element, first emf).
    emf_v: Vec<Complex>,
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

    /// Whether an element is of a kind.
    pub(super) fn is(&self, id: ElementId, kind: Kind) -> bool {
        self.elements[id.0 as usize].kind == kind
    }

    /// Whether an element is in service.
    pub(super) fn in_service(&self, id: ElementId) -> bool {
        self.elements[id.0 as usize].in_service
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

    /// Takes an element out of service or back; says whether that changed anything.
    pub(super) fn set_in_service(&mut self, id: ElementId, on: bool) -> bool {
        let element = &mut self.elements[id.0 as usize];
        std::mem::replace(&mut element.in_service, on) != on
    }

    /// Replaces an element's admittance. Where the element is in service, adds the difference to the operators and calls
    /// `changed` with every place whose equation changed and the current, in A, that its node is now short of at
    /// voltages `v`.
    pub(super) fn set_admittance(
        &mut self,
        id: ElementId,
        y: &Admittance,
        operators: [&mut Operator; 2],
        v: &[Lanes<1>],
        mut changed: impl FnMut(u32, Complex),
    ) {
        let [passive, with_loads] = operators;
        let element = self.elements[id.0 as usize].clone();
        let n = usize::from(element.conductors);
        for row in 0..n {
            let place = self.places[element.first as usize + row];
            let mut short = complex(0.0, 0.0);
            for column in 0..n {
                let at = element.values as usize + row * n + column;
                let difference =
                    y.values()[row * n + column] - std::mem::replace(&mut self.y[at], y.values()[row * n + column]);
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

    /// Sets the voltages that are given: ideal sources' EMF, 0 where de-energised. `v` is by place.
    pub(super) fn hold(&self, v: &mut [Lanes<1>]) {
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
    pub(super) fn clear_held<const K: usize>(&self, x: &mut [Lanes<K>]) {
        self.holding().for_each(|held| x[held.place as usize] = [[0.0; K]; 2]);
    }

    /// What ideal sources in service hold.
    fn holding(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().filter(|held| self.elements[held.element as usize].in_service)
    }

    /// Multiplies the EMF of a source by `factor` (a complex number: magnitude and angle).
    pub(super) fn scale_emf(&mut self, source: usize, factor: Complex) {
        for emf in self.emf_range(source) {
            self.emf_v[emf] *= factor;
        }
    }

    /// The places of a source's first terminal with their EMF in V.
    pub(super) fn source_emf(&self, source: usize) -> impl Iterator<Item = Complex> {
        self.emf_range(source).map(|k| self.emf_v[k])
    }

    fn emf_range(&self, source: usize) -> std::ops::Range<usize> {
        let before = |index: usize| -> usize {
            let first = self.firsts.iter().find(|(k, _)| *k == Kind::Source).map_or(0, |f| f.1 as usize);
            self.elements[first..first + index].iter().map(|e| usize::from(e.per_terminal)).sum()
        };
        before(source)..before(source + 1)
    }

    /// Adds the currents that sources drive into and elements draw from each node to `x`, by place: the residual of the
    /// network's equations at voltages `v`, loads not included. Zero at fixed nodes.
    pub(super) fn add_residual(&self, v: &[Lanes<1>], x: &mut [Lanes<1>]) {
        self.add_residual_of(self.values(), |e| e.in_service, v, x);
        self.clear_fixed(x);
    }

    /// Power that ideal sources deliver, in VA: `x` holds what loads draw from each node and is added to.
    pub(super) fn held_power(&self, v: &[Lanes<1>], x: &mut [Lanes<1>]) -> Complex {
        self.add_residual_of(self.values(), |e| e.in_service, v, x);
        let drawn = |place: u32| complex(x[place as usize][0][0], x[place as usize][1][0]);
        self.holding().map(|held| -voltage_at(v, held.place) * drawn(held.place).conj()).sum()
    }

    fn clear_fixed(&self, x: &mut [Lanes<1>]) {
        for (x, _) in x.iter_mut().zip(&self.fixed).filter(|(_, fixed)| **fixed) {
            *x = [[0.0]; 2];
        }
    }

    /// The same for the no-load solve that assigns voltage bases: series parts, every element in service.
    pub(super) fn add_series_residual(&self, v: &[Lanes<1>], x: &mut [Lanes<1>]) {
        self.add_residual_of(Values { y: &self.series, windings: &[] }, |_| true, v, x);
        self.clear_fixed(x);
    }

    fn add_residual_of(
        &self,
        values: Values<'_>,
        in_service: impl Fn(&Element) -> bool,
        v: &[Lanes<1>],
        x: &mut [Lanes<1>],
    ) {
        let mut emf = 0;
        let mut current = [complex(0.0, 0.0); MOST];
        for element in &self.elements {
            let emfs = self.emfs_of(element, &mut emf);
            if !in_service(element) {
                continue;
            }
            let places = &self.places[element.places()];
            self.element_currents(element, values, emfs, v, &mut current[..places.len()]);
            for (&place, i) in places.iter().zip(&current).filter(|(p, _)| **p != GROUND) {
                x[place as usize][0][0] -= i.re;
                x[place as usize][1][0] -= i.im;
            }
        }
    }

    fn emfs_of(&self, element: &Element, emf: &mut usize) -> &[Complex] {
        if element.kind != Kind::Source {
            return &[];
        }
        let first = *emf;
        *emf += usize::from(element.per_terminal);
        &self.emf_v[first..*emf]
    }

    fn values(&self) -> Values<'_> {
        Values { y: &self.y, windings: &self.windings }
    }

    /// A transformer's windings, to be written at new taps.
    pub(super) fn windings_mut(&mut self, transformer: usize) -> &mut Windings {
        &mut self.windings[transformer]
    }

    /// Currents into an element at each conductor, in A. Sources' EMF is behind the first terminal.
    fn element_currents(
        &self,
        element: &Element,
        values: Values<'_>,
        emf: &[Complex],
        v: &[Lanes<1>],
        out: &mut [Complex],
    ) {
        let places = &self.places[element.places()];
        let n = places.len();
        let mut u = [complex(0.0, 0.0); MOST];
        for (k, (u, &place)) in u.iter_mut().zip(places).enumerate() {
            *u = voltage_at(v, place) - emf.get(k).copied().unwrap_or_default();
        }
        if let Some(windings) = element.windings.and_then(|w| values.windings.get(w as usize)) {
            return windings.currents(&u[..n], out);
        }
        let y = &values.y[element.values()];
        for (row, out) in out.iter_mut().enumerate() {
            let y = &y[row * n..(row + 1) * n];
            *out = if element.paired { paired_current(y, &u[..n], row) } else { dot(y, &u[..n]) };
        }
    }

    /// Currents into an element at all its conductors, in A; zero when out of service. Grows `out` to their number.
    pub fn currents(&self, id: ElementId, v: &[Lanes<1>], out: &mut Vec<Complex>) {
        out.clear();
        out.resize(usize::from(self.elements[id.0 as usize].conductors), complex(0.0, 0.0));
        self.currents_into(id, v, out);
    }

    /// The same into a buffer of [`MOST`] zeros; returns the number of conductors.
    pub(super) fn currents_on(&self, id: ElementId, v: &[Lanes<1>], out: &mut [Complex; MOST]) -> usize {
        let count = usize::from(self.elements[id.0 as usize].conductors);
        self.currents_into(id, v, &mut out[..count]);
        count
    }

    /// Calls `take` with each winding (0-based) and the current through it, in A, phase after phase; not at all when the
    /// element is out of service or no transformer.
    pub(super) fn winding_currents(&self, id: ElementId, v: &[Lanes<1>], take: impl FnMut(usize, Complex)) {
        let element = &self.elements[id.0 as usize];
        let windings = element.windings.filter(|_| element.in_service).and_then(|w| self.windings.get(w as usize));
        if let Some(windings) = windings {
            let places = &self.places[element.places()];
            windings.through(|conductor| voltage_at(v, places[conductor]), take);
        }
    }

    fn currents_into(&self, id: ElementId, v: &[Lanes<1>], out: &mut [Complex]) {
        let element = &self.elements[id.0 as usize];
        if !element.in_service {
            return;
        }
        let earlier = &self.elements[..id.0 as usize];
        let sources = earlier.iter().take_while(|e| e.kind == Kind::Source); // they come first
        let mut emf = sources.map(|e| usize::from(e.per_terminal)).sum();
        let emfs = self.emfs_of(element, &mut emf);
        self.element_currents(element, self.values(), emfs, v, out);
    }

    /// Power into an element over all its conductors, in VA.
    pub(super) fn power_into(&self, id: ElementId, v: &[Lanes<1>]) -> Complex {
        let places = &self.places[self.elements[id.0 as usize].places()];
        let mut i = [complex(0.0, 0.0); MOST];
        self.currents_into(id, v, &mut i[..places.len()]);
        places.iter().zip(&i).map(|(&p, i)| voltage_at(v, p) * i.conj()).sum()
    }
}

/// Most conductors of one element: 3 windings of 4 phases and more fit.
pub(super) const MOST: usize = 64;

/// Current of conductor `row` of a two-terminal element from differences across it: with Δ the other end's voltage
/// less this end's, I = Σ (y + y′)·V + y′·Δ, where y + y′ (the shunt part) is free of the large series admittance.
#[inline]
fn paired_current(y: &[Complex], u: &[Complex], row: usize) -> Complex {
    let m = u.len() / 2;
    let (own, other) = if row < m { (0, m) } else { (m, 0) };
    (0..m)
        .map(|c| {
            let (near, far) = (y[own + c], y[other + c]);
            (near + far) * u[own + c] + far * (u[other + c] - u[own + c])
        })
        .sum()
}

fn dot(y: &[Complex], u: &[Complex]) -> Complex {
    y.iter().zip(u).map(|(y, u)| y * u).sum()
}

fn voltage_at(v: &[Lanes<1>], place: u32) -> Complex {
    if place == GROUND { complex(0.0, 0.0) } else { complex(v[place as usize][0][0], v[place as usize][1][0]) }
}

/// Collects elements while nodes are still being named.
#[derive(Debug, Default)]
pub(super) struct NetworkBuilder {
    elements: Vec<Element>,
    places: Vec<u32>,
    y: Vec<Complex>,
    series: Vec<Complex>,
    windings: Vec<Windings>,
    emf_v: Vec<Complex>,
    held: Vec<Held>,
    unsymmetric: bool,
}

impl NetworkBuilder {
    /// Gives the transformer that was added last its windings.
    pub(super) fn windings(&mut self, windings: Windings) {
        if let Some(element) = self.elements.last_mut() {
            element.windings = Some(self.windings.len() as u32);
        }
        self.windings.push(windings);
    }

    /// Adds a source: its impedance and EMF, or the nodes it holds.
    pub(super) fn source(&mut self, names: &mut NodeNames, model: &SourceModel) {
        let first_emf = self.emf_v.len() as u32;
        self.emf_v.extend_from_slice(&model.emf_v);
        let primitive = model.primitive().unwrap_or_else(|| {
            // An ideal source holds its nodes; as an element it is a current meter of zero admittance.
            let conductors = model.terminals.iter().map(Vec::len).sum();
            Primitive { terminals: model.terminals.clone(), y: Admittance::zeros(conductors) }
        });
        self.element(names, Kind::Source, &primitive, None, true);
        if model.is_ideal() {
            for (k, conductor) in model.terminals[0].iter().enumerate() {
                let (emf, element) = (first_emf + k as u32, self.elements.len() as u32 - 1);
                self.held.extend(names.meet(conductor).map(|place| Held { place, emf, element }));
            }
        }
    }

    /// Adds an element; `series` is its admittance in the no-load solve, where that differs.
    pub(super) fn element(
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

    /// Nodes that must not be condensed: none of the passive elements need it.
    pub(super) fn kept(&self) -> impl Iterator<Item = u32> {
        self.held.iter().map(|held| held.place)
    }

    /// Pairs of nodes that elements couple.
    pub(super) fn edges(&self) -> Vec<(u32, u32)> {
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
    pub(super) fn finish(mut self, pattern: &Pattern, injections: &Injections) -> Network {
        for place in self.places.iter_mut().chain(self.held.iter_mut().map(|held| &mut held.place)) {
            if *place != GROUND {
                *place = pattern.place_of[*place as usize];
            }
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
            elements: self.elements,
            places: self.places,
            y: self.y,
            series: self.series,
            slots,
            windings: self.windings,
            emf_v: self.emf_v,
            held: self.held,
            energised: vec![true; pattern.n],
            fixed: vec![false; pattern.n],
            load_pairs: injections.pairs(),
            unsymmetric: self.unsymmetric,
            firsts,
            island: vec![0; pattern.n + 1],
        };
        network.find_islands(true, |_| {});
        network
    }
}
