//! What a solve of all orders means: voltages, currents of elements, distortion, impedances between nodes.

use super::Harmonics;
use super::group::{Group, ZERO};
use super::settings::HarmonicStatus;
use crate::quantity::{Complex, complex};
use crate::solver::grid::NodeId;
use crate::solver::network::{ElementId, Kind};

/// Orders above this do not count in a distortion (IEEE 519-2022's; 40 in IEC 61000-4-7).
const LAST_OF_THD: f64 = 50.0;

impl Harmonics {
    /// Voltage of a node to ground at an order (its place in [`Harmonics::orders`]) in V, RMS; 0 where de-energised.
    ///
    /// # Panics
    /// If there is no such order.
    pub fn voltage(&self, order: usize, node: NodeId) -> Complex {
        let (group, lane) = Group::of(order);
        Group::lane(&self.groups[group].x[node.0 as usize], lane)
    }

    /// Fundamental voltage of a node in V, of the power flow followed last.
    pub fn fundamental_v(&self, node: NodeId) -> Complex {
        self.fundamental_v[node.0 as usize]
    }

    /// Total harmonic distortion of a node's voltage in percent of its fundamental: whole orders from 2 to 50 of the
    /// study. 0 where there is no voltage.
    pub fn thd_percent(&self, node: NodeId) -> f64 {
        let counts = |order: f64| order.fract() == 0.0 && (2.0..=LAST_OF_THD).contains(&order);
        let orders = self.orders.iter().enumerate().filter(|(_, order)| counts(**order));
        let sum: f64 = orders.map(|(k, _)| self.voltage(k, node).norm_sqr()).sum();
        let v1 = self.fundamental_v(node).norm();
        if v1 > 0.0 { 100.0 * sum.sqrt() / v1 } else { 0.0 }
    }

    /// Currents into an element at all its conductors, terminal after terminal, at an order (its place in the list), in A;
    /// zero when out of service. Grows `out` to their number.
    ///
    /// # Panics
    /// If there is no such order.
    pub fn currents_into(&self, order: usize, id: ElementId, out: &mut Vec<Complex>) {
        let (group, lane) = Group::of(order);
        let group = &self.groups[group];
        let shape = self.grid.network.shape(id);
        let n = shape.places.len();
        out.clear();
        out.resize(n, complex(0.0, 0.0));
        if !shape.in_service {
            return;
        }
        let emf = |conductor: usize| match shape.kind {
            Kind::Source if conductor < shape.per_terminal => {
                Group::lane(&group.emf[self.first_emf(id) + conductor], lane)
            }
            _ => complex(0.0, 0.0),
        };
        let u = |conductor: usize| group.voltage(shape.places[conductor], lane) - emf(conductor);
        for (row, i) in out.iter_mut().enumerate() {
            let y = |column: usize| Group::lane(&group.y[shape.values + row * n + column], lane);
            // From differences across: a switch's huge admittance then loses no digits.
            *i = if shape.paired {
                let m = n / 2;
                let (own, other) = if row < m { (0, m) } else { (m, 0) };
                let part = |c: usize| {
                    let (near, far) = (y(own + c), y(other + c));
                    (near + far) * u(own + c) + far * (u(other + c) - u(own + c))
                };
                (0..m).map(part).sum()
            } else {
                (0..n).map(|column| y(column) * u(column)).sum()
            };
        }
    }

    /// Current that a load or source of the feeder (loads, then generators, PV systems, storages) draws through a phase of
    /// its own at an order, in A: by its admittance, and less what it emits.
    ///
    /// # Panics
    /// If there is no such order.
    pub fn injection_current_a(&self, order: usize, injection: usize, phase: usize) -> Complex {
        let injections = &self.grid.injections;
        let found = injections.branches_of(injection).find(|&b| injections.element_and_phase(b).1 == phase);
        let Some(branch) = found else { return complex(0.0, 0.0) };
        let (group, lane) = Group::of(order);
        let [p, q] = injections.ends(branch).map(|end| Group::lane(&self.groups[group].x[end as usize], lane));
        Group::lane(&self.groups[group].branches[branch], lane) * (p - q) - self.emitted_a(order, branch)
    }

    /// First of a source's phases among all sources'.
    fn first_emf(&self, id: ElementId) -> usize {
        let first = self.grid.network.id(Kind::Source, 0).map_or(0, |first| first.0);
        (first..id.0).map(|source| self.grid.network.shape(ElementId(source)).per_terminal).sum()
    }

    /// Voltages that 1 A into a node raises at every node, at every order, all sources' EMF at zero and nothing else
    /// injected: a column of the impedance matrix, in ohm. `column` is called with the order's place, the node and the
    /// impedance. The last solve's voltages are lost.
    ///
    /// # Errors
    /// The status of a network that cannot be solved.
    pub fn impedance(
        &mut self,
        node: NodeId,
        mut column: impl FnMut(usize, NodeId, Complex),
    ) -> Result<(), HarmonicStatus> {
        self.inject_alone(&[(node, complex(1.0, 0.0))])?;
        for order in 0..self.orders.len() {
            for place in 0..self.grid.pattern.n as u32 {
                column(order, NodeId(place), self.voltage(order, NodeId(place)));
            }
        }
        Ok(())
    }

    /// Solves with nothing but given currents (A) injected at every order. For set-up and scans: what the feeder and
    /// devices emit is left out.
    ///
    /// # Errors
    /// The status of a network that cannot be solved.
    pub fn inject_alone(&mut self, currents_a: &[(NodeId, Complex)]) -> Result<(), HarmonicStatus> {
        self.refresh().map_err(|(group, pivot)| self.singular(group, pivot))?;
        for index in 0..self.groups.len() {
            let network = &self.grid.network;
            let x = &mut self.groups[index].x;
            x.fill(ZERO);
            for (node, i) in currents_a.iter().filter(|(node, _)| !network.fixed[node.0 as usize]) {
                let x = &mut x[node.0 as usize];
                x[0].iter_mut().for_each(|re| *re += i.re);
                x[1].iter_mut().for_each(|im| *im += i.im);
            }
            self.solve_group(index, 0)?;
        }
        Ok(())
    }

    /// Complex power in VA that an element takes at an order.
    ///
    /// # Panics
    /// If there is no such order.
    pub fn power_into_va(&self, order: usize, id: ElementId) -> Complex {
        let mut i = Vec::new();
        self.currents_into(order, id, &mut i);
        let (group, lane) = Group::of(order);
        let places = self.grid.network.shape(id).places;
        places.iter().zip(&i).map(|(&place, i)| self.groups[group].voltage(place, lane) * i.conj()).sum()
    }
}
