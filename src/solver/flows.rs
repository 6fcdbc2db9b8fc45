//! What a solution means: currents and powers of elements, source power, losses, mismatch, de-energised nodes.

use super::grid::NodeId;
use super::kernel::Lanes;
use super::network::{ElementId, Kind};
use super::power_flow::PowerFlow;
use crate::quantity::{Complex, complex};

/// Base of the reported power mismatch, in VA.
const MISMATCH_BASE_VA: f64 = 1e6;

/// Currents into an element and power into it, terminal by terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct ElementFlow {
    /// Current into each conductor of each terminal, in A.
    pub currents_a: Vec<Vec<Complex>>,
    /// Power into each terminal, all conductors, in VA.
    pub power_va: Vec<Complex>,
}

/// What a solution comes to as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// As [`PowerFlow::source_power`].
    pub source_va: Complex,
    /// As [`PowerFlow::losses`].
    pub losses_va: Complex,
    /// As [`PowerFlow::mismatch_pu`].
    pub mismatch_pu: f64,
}

impl PowerFlow {
    /// Source power, losses and mismatch from one pass over all elements: to the last bit what each gives by itself.
    pub fn totals(&mut self) -> Totals {
        self.with_load_currents(|flow, x| {
            let (network, v) = (&flow.grid().network, flow.places());
            let (mut behind_impedances, mut losses_va) = (complex(0.0, 0.0), complex(0.0, 0.0));
            network.add_currents(v, x, |id, power_va| match flow.counts(id) {
                Some(Kind::Source) => behind_impedances += power_va,
                Some(_) => losses_va += power_va,
                None => {}
            });
            let source_va = network.delivered_power(v, x) - behind_impedances;
            Totals { source_va, losses_va, mismatch_pu: flow.left_pu(x) }
        })
    }

    /// The kind of an element whose power is a source's, or is lost.
    fn counts(&self, id: ElementId) -> Option<Kind> {
        let network = &self.grid().network;
        let kind = network.kind(id);
        match kind {
            Kind::Source | Kind::Line | Kind::Transformer => Some(kind),
            Kind::Reactor => {
                let index = id.0 - network.id(Kind::Reactor, 0)?.0;
                let (_, reactor) = self.grid().feeder.reactors.get_index(index as usize)?;
                reactor.to.is_some().then_some(kind)
            }
            Kind::Capacitor | Kind::Fault | Kind::Neutral => None,
        }
    }

    /// Power out of all sources at their terminals, in VA.
    pub fn source_power(&mut self) -> Complex {
        let behind_impedances: Complex = self.elements_of(Kind::Source).map(|id| self.power_into(id)).sum();
        let held = self.with_load_currents(|flow, x| flow.grid().network.held_power(flow.places(), x));
        held - behind_impedances
    }

    /// Losses of lines, transformers and series reactors, in VA. Shunts and source impedances are not included.
    pub fn losses(&self) -> Complex {
        let feeder = &self.grid().feeder;
        let lines = self.elements_of(Kind::Line);
        let transformers = self.elements_of(Kind::Transformer);
        let series = |(i, r): (usize, &crate::feeder::Reactor)| {
            r.to.as_ref().and_then(|_| self.grid().network.id(Kind::Reactor, i))
        };
        let reactors = feeder.reactors.values().enumerate().filter_map(series);
        lines.chain(transformers).chain(reactors).map(|id| self.power_into(id)).sum()
    }

    fn elements_of(&self, kind: Kind) -> impl Iterator<Item = ElementId> {
        self.grid().network.elements().filter(move |(_, k)| *k == kind).map(|(id, _)| id)
    }

    fn power_into(&self, id: ElementId) -> Complex {
        self.grid().network.power_into(id, self.places())
    }

    /// Currents into an element at all its conductors, terminal after terminal, in A; zero when out of service.
    pub fn currents_into(&self, id: ElementId, out: &mut Vec<Complex>) {
        self.grid().network.currents(id, self.places(), out);
    }

    /// Currents and powers of one element.
    pub fn flow(&self, id: ElementId) -> ElementFlow {
        let network = &self.grid().network;
        let mut currents = Vec::new();
        network.currents(id, self.places(), &mut currents);
        let terminals = network.terminals(id);
        let per_terminal = currents.len() / terminals.max(1);
        let currents_a: Vec<Vec<Complex>> = currents.chunks(per_terminal.max(1)).map(<[_]>::to_vec).collect();
        let power_va = currents_a
            .iter()
            .enumerate()
            .map(|(t, currents)| {
                let nodes = network.terminal_places(id, t);
                let v = nodes.map(|p| p.map_or(complex(0.0, 0.0), |p| self.voltage(NodeId(p))));
                v.zip(currents).map(|(v, i)| v * i.conj()).sum()
            })
            .collect();
        ElementFlow { currents_a, power_va }
    }

    /// Largest power mismatch of any node on 1 MVA. It is reported, never tested: below about 1e-9 it is rounding.
    pub fn mismatch_pu(&mut self) -> f64 {
        self.with_load_currents(|flow, x| {
            flow.grid().network.add_currents(flow.places(), x, |_, _| {});
            flow.left_pu(x)
        })
    }

    /// Largest power mismatch where `x` holds what everything draws from each node.
    fn left_pu(&self, x: &mut [Lanes<1>]) -> f64 {
        let n = self.grid().nodes.len();
        self.grid().network.leave_residual(self.places(), &mut x[..n]);
        let power = |(v, i): (&Lanes<1>, &Lanes<1>)| complex(v[0][0], v[1][0]) * complex(i[0][0], -i[1][0]);
        // A root for each node would cost more than all else: only those that may be the largest get one.
        let (mut largest, mut clear) = (0.0_f64, 0.0);
        for power_va in self.places().iter().zip(&x[..n]).map(power) {
            if power_va.norm_sqr() >= clear {
                largest = largest.max(power_va.norm());
                clear = (1.0 - 1e-12) * largest * largest;
            }
        }
        largest / MISMATCH_BASE_VA
    }

    /// Nodes that nothing but rounding would hold, and a microsiemens to ground does: corners of delta windings that have
    /// lost their phase. Their voltage means little.
    pub fn leaking(&self) -> impl Iterator<Item = NodeId> {
        self.grid().network.leaks().map(NodeId)
    }

    /// Power in VA that loads would draw at rated voltage and do not, because nothing feeds their nodes. A load that is
    /// fed in part counts by the phases that are not.
    pub fn unserved_va(&self) -> Complex {
        let injections = &self.grid().injections;
        let dead = |place: u32| self.grid().network.energised.get(place as usize) == Some(&false);
        let mut unserved = complex(0.0, 0.0);
        for load in 0..self.grid().feeder.loads.len() {
            let count = injections.branches_of(load).filter(|&b| injections.ends(b).into_iter().any(dead)).count();
            if count > 0 {
                unserved += self.power(load) * (count as f64 / injections.branch_count(load) as f64);
            }
        }
        unserved
    }

    /// Nodes without a path to a source, in their owner's order.
    pub fn de_energised(&self) -> impl Iterator<Item = NodeId> {
        self.grid().listing.iter().copied().filter(|&n| !self.energised(n))
    }
}
