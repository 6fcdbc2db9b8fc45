//! Currents of elements at given voltages, and the residual of the whole network's equations.
//!
//! Currents of elements with two like terminals (lines, series reactors) are computed from voltage *differences*, so that
//! a switch of 1e7 S between two nodes loses no digits.

use super::super::element::Windings;
use super::super::kernel::Lanes;
use super::{Element, ElementId, GROUND, Kind, MOST, Network, voltage_at};
use crate::quantity::{Complex, complex};

/// What currents are computed from: admittances of all elements, and windings of transformers where they are known.
#[derive(Clone, Copy)]
struct Values<'a> {
    y: &'a [Complex],
    windings: &'a [Windings],
}

impl Network {
    /// Adds the currents that sources drive into and elements draw from each node to `x`, by place: the residual of the
    /// network's equations at voltages `v`, loads not included. Zero at fixed nodes.
    pub(in crate::solver) fn add_residual(&self, v: &[Lanes<1>], x: &mut [Lanes<1>]) {
        self.add_currents(v, x, |_, _| {});
        self.leave_residual(v, x);
    }

    /// The first part of [`Network::add_residual`]: what sources drive into and elements draw from each node. Calls `take`
    /// with each element in service and the power into it over all its conductors, in VA.
    pub(in crate::solver) fn add_currents(
        &self,
        v: &[Lanes<1>],
        x: &mut [Lanes<1>],
        mut take: impl FnMut(ElementId, Complex),
    ) {
        self.add_residual_of(
            self.values(),
            |e| e.in_service,
            v,
            x,
            |element, places, currents| {
                take(ElementId(element as u32), power(places, currents, v));
            },
        );
        self.add_injected(x);
    }

    /// The second part: leaks, and what fixed nodes have left.
    pub(in crate::solver) fn leave_residual(&self, v: &[Lanes<1>], x: &mut [Lanes<1>]) {
        self.add_leak_currents(v, x);
        self.clear_fixed(x);
    }

    /// Power that ideal sources deliver, in VA: `x` holds what loads draw from each node and is added to.
    pub(in crate::solver) fn held_power(&self, v: &[Lanes<1>], x: &mut [Lanes<1>]) -> Complex {
        self.add_currents(v, x, |_, _| {});
        self.delivered_power(v, x)
    }

    /// The same once `x` holds what everything draws from each node.
    pub(in crate::solver) fn delivered_power(&self, v: &[Lanes<1>], x: &[Lanes<1>]) -> Complex {
        let drawn = |place: u32| complex(x[place as usize][0][0], x[place as usize][1][0]);
        self.holding().map(|held| -voltage_at(v, held.place) * drawn(held.place).conj()).sum()
    }

    fn clear_fixed(&self, x: &mut [Lanes<1>]) {
        for (x, _) in x.iter_mut().zip(&self.fixed).filter(|(_, fixed)| **fixed) {
            *x = [[0.0]; 2];
        }
    }

    /// The same for the no-load solve that assigns voltage bases: series parts, every element in service.
    pub(in crate::solver) fn add_series_residual(&self, v: &[Lanes<1>], x: &mut [Lanes<1>]) {
        self.add_residual_of(Values { y: &self.series, windings: &[] }, |_| true, v, x, |_, _, _| {});
        self.clear_fixed(x);
    }

    fn add_residual_of(
        &self,
        values: Values<'_>,
        in_service: impl Fn(&Element) -> bool,
        v: &[Lanes<1>],
        x: &mut [Lanes<1>],
        mut take: impl FnMut(usize, &[u32], &[Complex]),
    ) {
        let mut emf = 0;
        let (mut u, mut current) = ([complex(0.0, 0.0); MOST], [complex(0.0, 0.0); MOST]);
        for (index, element) in self.elements.iter().enumerate() {
            let emfs = self.emfs_of(element, &mut emf);
            if !in_service(element) {
                continue;
            }
            let places = &self.places[element.places()];
            let current = &mut current[..places.len()];
            self.element_currents(element, values, emfs, v, &mut u, current);
            for (&place, i) in places.iter().zip(&*current).filter(|(p, _)| **p != GROUND) {
                x[place as usize][0][0] -= i.re;
                x[place as usize][1][0] -= i.im;
            }
            take(index, places, current);
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
    pub(in crate::solver) fn windings_mut(&mut self, transformer: usize) -> &mut Windings {
        &mut self.windings[transformer]
    }

    /// Currents into an element at each conductor, in A. Sources' EMF is behind the first terminal. `u` is scratch: to clear
    /// it for every element would cost as much as most elements do.
    fn element_currents(
        &self,
        element: &Element,
        values: Values<'_>,
        emf: &[Complex],
        v: &[Lanes<1>],
        u: &mut [Complex; MOST],
        out: &mut [Complex],
    ) {
        let places = &self.places[element.places()];
        let n = places.len();
        for (u, &place) in u.iter_mut().zip(places) {
            *u = voltage_at(v, place);
        }
        for (u, emf) in u.iter_mut().zip(emf) {
            *u -= emf;
        }
        let u = &u[..n];
        if let Some(windings) = element.windings.and_then(|w| values.windings.get(w as usize)) {
            return windings.currents(u, out);
        }
        let y = &values.y[element.values()];
        for (row, out) in out.iter_mut().enumerate() {
            let y = &y[row * n..(row + 1) * n];
            *out = match (element.kind, element.paired) {
                (Kind::Fault, _) => branch_current(y, u, row),
                (_, true) => paired_current(y, u, row),
                (_, false) => dot(y, u),
            };
        }
    }

    /// Currents into an element at all its conductors, in A; zero when out of service. Grows `out` to their number.
    pub fn currents(&self, id: ElementId, v: &[Lanes<1>], out: &mut Vec<Complex>) {
        out.clear();
        out.resize(usize::from(self.elements[id.0 as usize].conductors), complex(0.0, 0.0));
        self.currents_into(id, v, out);
    }

    /// Small change of the currents into an element where voltages change so; no EMF does.
    pub(in crate::solver) fn current_response(&self, id: ElementId, change: &[Lanes<1>], out: &mut Vec<Complex>) {
        let element = &self.elements[id.0 as usize];
        out.clear();
        out.resize(usize::from(element.conductors), complex(0.0, 0.0));
        if element.in_service {
            self.element_currents(element, self.values(), &[], change, &mut [complex(0.0, 0.0); MOST], out);
        }
    }

    /// Currents into an element at all its conductors, into a buffer of [`MOST`] zeros; returns the number of conductors.
    pub(in crate::solver) fn currents_on(&self, id: ElementId, v: &[Lanes<1>], out: &mut [Complex; MOST]) -> usize {
        let count = usize::from(self.elements[id.0 as usize].conductors);
        self.currents_into(id, v, &mut out[..count]);
        count
    }

    /// Calls `take` with each winding (0-based) and the current through it, in A, phase after phase; not at all when the
    /// element is out of service or no transformer.
    pub(in crate::solver) fn winding_currents(&self, id: ElementId, v: &[Lanes<1>], take: impl FnMut(usize, Complex)) {
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
        self.element_currents(element, self.values(), emfs, v, &mut [complex(0.0, 0.0); MOST], out);
    }

    /// Power into an element over all its conductors, in VA.
    pub(in crate::solver) fn power_into(&self, id: ElementId, v: &[Lanes<1>]) -> Complex {
        let places = &self.places[self.elements[id.0 as usize].places()];
        let mut i = [complex(0.0, 0.0); MOST];
        self.currents_into(id, v, &mut i[..places.len()]);
        power(places, &i, v)
    }
}

/// Power into an element over all its conductors, in VA.
fn power(places: &[u32], currents: &[Complex], v: &[Lanes<1>]) -> Complex {
    places.iter().zip(currents).map(|(&p, i)| voltage_at(v, p) * i.conj()).sum()
}

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

/// Current of conductor `row` of an element that is nothing but branches between its conductors, from the differences
/// along them: what leaves one arrives at another to the last bit, however large the admittance.
fn branch_current(y: &[Complex], u: &[Complex], row: usize) -> Complex {
    let others = y.iter().zip(u).enumerate().filter(|(k, _)| *k != row);
    others.map(|(_, (y, other))| y * (other - u[row])).sum()
}

fn dot(y: &[Complex], u: &[Complex]) -> Complex {
    y.iter().zip(u).map(|(y, u)| y * u).sum()
}
