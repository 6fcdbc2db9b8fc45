//! Eight orders side by side: their element admittances, nodal matrices, factors and voltages.

use super::layout::{Entry, Layout};
use crate::quantity::{Complex, complex};
use crate::solver::kernel::{Isa, LaneLdlt, LaneOperator, LanePivot, LaneVec, Lanes, Pattern, Slot};
use crate::solver::network::{ElementId, Network, Shape};

/// Orders that are computed side by side.
pub(super) const LANES: usize = 8;

/// Eight complex numbers, one an order.
pub(super) type Eight = Lanes<LANES>;

pub(super) const ZERO: Eight = [[0.0; LANES]; 2];

/// Eight orders. Lanes beyond the last order repeat it.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub order: [f64; LANES],
    /// Multiples of the feeder's own frequency.
    pub h: [f64; LANES],
    /// Element admittances as [`super::elements::Evaluated`] has them.
    pub base: LaneVec<LANES>,
    pub shunt: LaneVec<LANES>,
    pub steps: LaneVec<LANES>,
    /// Element admittances as they stand: taps, steps and open phases.
    pub y: LaneVec<LANES>,
    /// The nodal matrices without loads and devices, and with them.
    pub passive: LaneOperator<LANES>,
    pub with_loads: LaneOperator<LANES>,
    pub factor: LaneLdlt<LANES>,
    /// Admittance of each load or source branch.
    pub branches: LaneVec<LANES>,
    /// EMF of each source's phases.
    pub emf: LaneVec<LANES>,
    /// Right-hand sides, then voltages, by place; then ground.
    pub x: LaneVec<LANES>,
    /// Right-hand sides kept, and the next ones, where one solve is not enough; empty otherwise.
    pub kept: LaneVec<LANES>,
    pub next: LaneVec<LANES>,
}

/// What the elements that change are set to.
#[derive(Clone, Debug)]
pub(super) struct Positions {
    pub taps_pu: Vec<Vec<f64>>,
    pub steps_closed: Vec<Vec<bool>>,
    /// First of each transformer's conductors in `Group::shunt`, and of each bank's steps in `Group::steps`.
    pub first_shunt: Vec<u32>,
    pub first_step: Vec<u32>,
}

impl Group {
    /// The value of one lane.
    pub(super) fn lane(values: &Eight, lane: usize) -> Complex {
        complex(values[0][lane], values[1][lane])
    }

    /// Works out what an element is at its tap, steps and open phases.
    pub(super) fn work_out(&mut self, network: &Network, id: ElementId, index: usize, positions: &Positions) {
        let shape = network.shape(id);
        let n = shape.places.len();
        let own = shape.values..shape.values + n * n;
        match shape.kind {
            crate::solver::Kind::Transformer => self.tapped(&shape, index, positions),
            crate::solver::Kind::Capacitor => self.stepped(&shape, index, positions),
            _ => self.y[own.clone()].copy_from_slice(&self.base[own.clone()]),
        }
        if network.has_open_phases(id) {
            let mut one = [complex(0.0, 0.0); MOST_VALUES];
            for lane in 0..LANES {
                let values = &mut self.y[own.clone()];
                let one = &mut one[..n * n];
                one.iter_mut().zip(values.iter()).for_each(|(one, y)| *one = Self::lane(y, lane));
                network.open_in(id, one);
                for (y, one) in values.iter_mut().zip(one) {
                    (y[0][lane], y[1][lane]) = (one.re, one.im);
                }
            }
        }
    }

    fn tapped(&mut self, shape: &Shape<'_>, transformer: usize, positions: &Positions) {
        let n = shape.places.len();
        let first_shunt = positions.first_shunt[transformer] as usize;
        let tap = |conductor: usize| {
            let tap = positions.taps_pu[transformer].get(conductor / shape.per_terminal);
            crate::solver::element::counted_tap_pu(tap.copied().unwrap_or(1.0))
        };
        for (row, column) in (0..n).flat_map(|row| (0..n).map(move |column| (row, column))) {
            let at = shape.values + row * n + column;
            let turns = 1.0 / (tap(row) * tap(column));
            self.y[at] = self.base[at].map(|part| part.map(|y| y * turns));
            if row == column {
                add(&mut self.y[at], &self.shunt[first_shunt + row]);
            }
        }
    }

    fn stepped(&mut self, shape: &Shape<'_>, bank: usize, positions: &Positions) {
        let values = shape.places.len() * shape.places.len();
        self.y[shape.values..shape.values + values].fill(ZERO);
        for (step, _) in positions.steps_closed[bank].iter().enumerate().filter(|(_, closed)| **closed) {
            let first = positions.first_step[bank] as usize + step * values;
            for (y, of_step) in self.y[shape.values..].iter_mut().zip(&self.steps[first..first + values]) {
                add(y, of_step);
            }
        }
    }

    /// Sums an entry of the nodal matrix from its parts.
    pub(super) fn sum(&mut self, layout: &Layout, network: &Network, entry: Entry) {
        let [a, b] = layout.ends(entry).map(|place| network.fixed[place as usize]);
        let mut sum = ZERO;
        if !(a || b) {
            for part in layout.parts(entry) {
                if network.shape(ElementId(part.element)).in_service {
                    add(&mut sum, &self.y[part.value as usize]);
                    if part.mirror != part.value {
                        let (own, mirror) = (self.y[part.value as usize], self.y[part.mirror as usize]);
                        let half = |k: usize, lane: usize| 0.5 * (mirror[k][lane] - own[k][lane]);
                        add(&mut sum, &[0, 1].map(|k| std::array::from_fn(|lane| half(k, lane))));
                    }
                }
            }
        }
        let slot = layout.slot(entry);
        if let Slot::Diagonal(place) = slot {
            if a {
                sum = [[1.0; LANES], [0.0; LANES]];
            }
            for (_, leak_s) in network.leak_values().filter(|(leaking, _)| *leaking == place) {
                sum[0].iter_mut().for_each(|re| *re += leak_s);
            }
        }
        for operator in [&mut self.passive, &mut self.with_loads] {
            if let Some(value) = operator.at_mut(slot) {
                *value = sum;
            }
        }
    }

    /// Takes loads and devices out of an entry again.
    pub(super) fn reset(&mut self, slot: Slot) {
        let passive = self.passive.at(slot);
        if let Some(value) = self.with_loads.at_mut(slot) {
            *value = passive;
        }
    }

    /// Adds a branch of admittance `y` to the entries of its two ends, those that are fixed left out.
    pub(super) fn add_branch(&mut self, slots: &[Slot; 4], fixed: [bool; 2], y: &Eight) {
        let [p, q] = fixed.map(|fixed| !fixed);
        for (slot, has, plus) in
            [(slots[0], p, true), (slots[1], q, true), (slots[2], p && q, false), (slots[3], p && q, false)]
        {
            if let Some(value) = self.with_loads.at_mut(slot).filter(|_| has) {
                if plus { add(value, y) } else { subtract(value, y) }
            }
        }
    }

    /// Factorises the given columns.
    pub(super) fn factorise(&mut self, isa: Isa, pattern: &Pattern, columns: &[u32]) -> Result<(), LanePivot> {
        self.factor.factor(isa, pattern, columns, &self.with_loads)
    }

    /// Voltage at a place (ground included), in a lane.
    pub(super) fn voltage(&self, place: u32, lane: usize) -> Complex {
        if Network::is_ground(place) { complex(0.0, 0.0) } else { Self::lane(&self.x[place as usize], lane) }
    }
}

/// Most values of one element.
const MOST_VALUES: usize = crate::solver::network::MOST * crate::solver::network::MOST;

pub(super) fn add(sum: &mut Eight, y: &Eight) {
    for (sum, y) in sum.iter_mut().zip(y) {
        sum.iter_mut().zip(y).for_each(|(sum, y)| *sum += y);
    }
}

pub(super) fn subtract(sum: &mut Eight, y: &Eight) {
    for (sum, y) in sum.iter_mut().zip(y) {
        sum.iter_mut().zip(y).for_each(|(sum, y)| *sum -= y);
    }
}
