//! The channels of a record: what each of the plan's quantities is at a step.

use super::outcome::Spread;
use super::plant::{Conductor, Node, Plant, Solution};
use crate::quantity::{Complex, angle_deg, complex};
use crate::scenario::{Branch, Element, Measure, NodeRef, Part, Plan, Quantity};

/// A step's values that are known without looking at single nodes and elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overall {
    pub(super) solution: Solution,
    pub(super) source_va: Complex,
    pub(super) losses_va: Complex,
    pub(super) spread: Spread,
    pub(super) unserved_w: f64,
    pub(super) f_hz: f64,
}

/// Which values a row holds.
pub(super) struct Channels {
    /// Their names, in order.
    pub(super) names: Vec<String>,
    values: Vec<Value>,
    /// Loads and their phases that something is asked of, and what they draw at the present step in VA: each is worked out
    /// once, however many quantities are about it.
    phases: Vec<(usize, usize)>,
    drawn_va: Vec<Complex>,
}

/// A quantity, bound to the plant's nodes.
#[derive(Clone, Copy, Debug)]
enum Value {
    Fixed(usize),
    Tap(usize),
    Steps(usize),
    Voltage(Place, Part),
    Difference([Place; 2], Part),
    Unbalance([Option<usize>; 3]),
    Current(Element, Option<u16>),
    ActivePower(Element),
    ReactivePower(Element),
    Loading(Branch),
    /// Active, or reactive, power that phases inject: from one place among [`Channels::phases`] to another.
    Injected([usize; 2], Power),
    Thd(Place),
    Harmonic(Place, usize, bool),
    HarmonicCurrent(Element, Option<u16>, usize),
    /// Of a node that the plant does not have, or what instruments say later.
    Nothing,
}

/// A node's place among the plant's, and its base.
#[derive(Clone, Copy, Debug)]
struct Place {
    index: usize,
    base_v: f64,
}

impl Channels {
    pub(super) fn new(plan: &Plan, nodes: &[Node]) -> Self {
        let names = plan.quantities.iter().map(|q| q.name.clone()).collect();
        let mut phases = Vec::new();
        let values = plan.quantities.iter().map(|quantity| bound(quantity, plan, nodes, &mut phases)).collect();
        Self { names, values, drawn_va: vec![Complex::default(); phases.len()], phases }
    }

    /// Fills a row, in the order of `names`. What does not exist at this step is NaN.
    pub(super) fn fill(&mut self, row: &mut [f64], plant: &mut impl Plant, overall: &Overall) {
        for (drawn_va, &(load, phase)) in self.drawn_va.iter_mut().zip(&self.phases) {
            *drawn_va = plant.drawn_phase(load, phase);
        }
        for (slot, value) in row.iter_mut().zip(&self.values) {
            let value = value.at(plant, overall, &self.drawn_va);
            *slot = if value.is_finite() { value } else { f64::NAN };
        }
    }
}

/// Which part of a complex power.
#[derive(Clone, Copy, Debug)]
enum Power {
    Active,
    Reactive,
}

/// Where all phases of an added load stand among those that are asked of; they are added when they are not there.
fn injected(plan: &Plan, load: usize, phases: &mut Vec<(usize, usize)>) -> [usize; 2] {
    let added = load.checked_sub(plan.feeder.loads.len()).and_then(|k| plan.added.get(k));
    let count = added.map_or(1, |own| own.bus.nodes.len().max(1));
    let first = phases.iter().position(|own| *own == (load, 0)).unwrap_or_else(|| {
        phases.extend((0..count).map(|phase| (load, phase)));
        phases.len() - count
    });
    [first, first + count]
}

fn bound(quantity: &Quantity, plan: &Plan, nodes: &[Node], phases: &mut Vec<(usize, usize)>) -> Value {
    let of_phase = |[first, _]: [usize; 2], phase: usize| [first + phase, first + phase + 1];
    let place = |node: &NodeRef| {
        let index = nodes.iter().position(|n| n.bus == node.bus && n.number == node.number)?;
        Some(Place { index, base_v: nodes.get(index)?.base_v })
    };
    let of_bus = |bus: &str, number: u16| nodes.iter().position(|n| n.bus == bus && n.number == number);
    match &quantity.measure {
        Measure::Fixed(k) => Value::Fixed(*k),
        Measure::Tap(k) => Value::Tap(*k),
        Measure::Steps(k) => Value::Steps(*k),
        Measure::Voltage(node, part) => place(node).map_or(Value::Nothing, |node| Value::Voltage(node, *part)),
        Measure::Difference(a, b, part) => match (place(a), place(b)) {
            (Some(a), Some(b)) => Value::Difference([a, b], *part),
            _ => Value::Nothing,
        },
        Measure::Unbalance(bus) => Value::Unbalance([1, 2, 3].map(|number| of_bus(bus, number))),
        Measure::Current(element, number) => Value::Current(*element, *number),
        Measure::ActivePower(element) => Value::ActivePower(*element),
        Measure::ReactivePower(element) => Value::ReactivePower(*element),
        Measure::Loading(branch) => Value::Loading(*branch),
        Measure::Injected(load) => Value::Injected(injected(plan, *load, phases), Power::Active),
        Measure::InjectedReactive(load) => Value::Injected(injected(plan, *load, phases), Power::Reactive),
        Measure::InjectedPhase(load, phase) => {
            Value::Injected(of_phase(injected(plan, *load, phases), *phase), Power::Active)
        }
        Measure::InjectedReactivePhase(load, phase) => {
            Value::Injected(of_phase(injected(plan, *load, phases), *phase), Power::Reactive)
        }
        Measure::Thd(node) => place(node).map_or(Value::Nothing, Value::Thd),
        Measure::Harmonic(node, order, percent) => {
            place(node).map_or(Value::Nothing, |node| Value::Harmonic(node, harmonic(*order), *percent))
        }
        Measure::HarmonicCurrent(element, number, order) => Value::HarmonicCurrent(*element, *number, harmonic(*order)),
        Measure::Reading(..)
        | Measure::Age(_)
        | Measure::Emitted(..)
        | Measure::Stored(..)
        | Measure::Analysed(..)
        | Measure::Mitigated(..)
        | Measure::Steered(..)
        | Measure::Tied(..)
        | Measure::Real(..)
        | Measure::Checked(..)
        | Measure::Planned(..)
        | Measure::Aged(..) => Value::Nothing,
    }
}

/// The place of an order among those that are solved: 2, 3, …
fn harmonic(order: u32) -> usize {
    (order as usize).saturating_sub(2)
}

impl Value {
    #[allow(clippy::cast_precision_loss, reason = "counts of steps")]
    fn at(self, plant: &mut impl Plant, overall: &Overall, drawn_va: &[Complex]) -> f64 {
        match self {
            Self::Fixed(k) => overall.fixed(k, plant),
            Self::Tap(k) => f64::from(plant.tap(k)),
            Self::Steps(k) => plant.closed_steps(k) as f64,
            Self::Voltage(node, part) => part_of(voltage(plant, node.index), node.base_v, part),
            Self::Difference([a, b], part) => {
                let [v, w] = [a, b].map(|node| voltage(plant, node.index));
                difference(v, w, a.base_v, part)
            }
            Self::Unbalance(nodes) => {
                let v = nodes.map(|k| k.map_or(Complex::default(), |k| voltage(plant, k)));
                unbalance_percent(v)
            }
            Self::Current(element, number) => largest_current(plant.terminal(element), number),
            Self::ActivePower(element) => power(plant.terminal(element)).re,
            Self::ReactivePower(element) => power(plant.terminal(element)).im,
            Self::Loading(branch) => plant.loading_percent(branch),
            // Not −0 where it draws nothing.
            Self::Injected([from, to], power) => {
                let drawn_va: Complex = drawn_va.get(from..to).unwrap_or_default().iter().sum();
                0.0 - match power {
                    Power::Active => drawn_va.re,
                    Power::Reactive => drawn_va.im,
                }
            }
            Self::Thd(node) => plant.harmonics().map_or(f64::NAN, |harmonics| harmonics.thd_percent(node.index)),
            Self::Harmonic(node, order, percent) => {
                let size = plant.harmonics().map_or(f64::NAN, |own| own.harmonic_v(node.index, order).norm());
                if percent { 100.0 * size / voltage(plant, node.index).norm() } else { size }
            }
            Self::HarmonicCurrent(element, number, order) => {
                let Some(harmonics) = plant.harmonics() else { return f64::NAN };
                largest_current(harmonics.harmonic_terminal(element, order), number)
            }
            Self::Nothing => f64::NAN,
        }
    }
}

impl Overall {
    /// One of [`crate::scenario::FIXED`].
    #[allow(clippy::cast_precision_loss, reason = "counts of nodes")]
    fn fixed(&self, index: usize, plant: &impl Plant) -> f64 {
        match index {
            0 => self.source_va.re,
            1 => self.source_va.im,
            2 => self.losses_va.re,
            3 => self.losses_va.im,
            4 => self.spread.min_pu,
            5 => self.spread.mean_pu,
            6 => self.spread.max_pu,
            7 => self.spread.out_of_limits as f64,
            8 => self.spread.de_energised as f64,
            9 => f64::from(u8::from(self.solution.converged)),
            10 => f64::from(self.solution.iterations),
            11 => self.solution.mismatch_pu,
            12 => self.unserved_w,
            13 => plant.worst_loading().0,
            14 => self.f_hz,
            _ => f64::NAN,
        }
    }
}

/// Voltage of a node by its place; 0 beyond them.
fn voltage(plant: &impl Plant, index: usize) -> Complex {
    plant.voltages().get(index).copied().unwrap_or_default()
}

fn part_of(v: Complex, base_v: f64, part: Part) -> f64 {
    match part {
        Part::PerUnit => v.norm() / base_v,
        Part::Volt => v.norm(),
        Part::Angle => angle_deg(v),
    }
}

/// Of the phasors v − w: its magnitude; of their angles, −180 to 180. NaN where one of them is dead.
fn difference(v: Complex, w: Complex, base_v: f64, part: Part) -> f64 {
    if v == Complex::default() || w == Complex::default() {
        return f64::NAN;
    }
    match part {
        Part::Angle => angle_deg(v * w.conj()),
        _ => part_of(v - w, base_v, part),
    }
}

/// Negative over positive sequence (C. L. Fortescue 1918), in percent; NaN without voltage.
fn unbalance_percent([a, b, c]: [Complex; 3]) -> f64 {
    let turn = complex(-0.5, 0.75f64.sqrt());
    let positive = a + turn * b + turn.conj() * c;
    let negative = a + turn.conj() * b + turn * c;
    100.0 * negative.norm() / positive.norm()
}

fn largest_current(conductors: &[Conductor], number: Option<u16>) -> f64 {
    let chosen = conductors.iter().filter(|c| number.is_none_or(|n| c.number == n));
    chosen.map(|c| c.i_a.norm()).fold(f64::NAN, f64::max)
}

fn power(conductors: &[Conductor]) -> Complex {
    conductors.iter().map(|c| c.v_v * c.i_a.conj()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::phasor;

    #[test]
    fn unbalance_is_negative_over_positive_sequence() {
        let balanced = [0.0, -120.0, 120.0].map(|angle| phasor(7200.0, angle));
        assert!(unbalance_percent(balanced) < 1e-10);
        // One phase at 90 %: V1 = (0.9 + 1 + 1)/3, V2 = (0.9 − 1)/3 of the base, by hand.
        let one_low = [phasor(0.9, 0.0), phasor(1.0, -120.0), phasor(1.0, 120.0)];
        assert!((unbalance_percent(one_low) - 100.0 * 0.1 / 2.9).abs() < 1e-9);
        assert!(unbalance_percent([Complex::default(); 3]).is_nan());
    }

    #[test]
    fn angles_differ_by_the_short_way() {
        let angle = |a, b| difference(phasor(2.0, a), phasor(1.0, b), 1.0, Part::Angle);
        assert!((angle(170.0, -170.0) + 20.0).abs() < 1e-12);
        assert!((angle(-30.0, 60.0) + 90.0).abs() < 1e-12);
        assert!(difference(phasor(1.0, 0.0), Complex::default(), 1.0, Part::Volt).is_nan());
        assert!((difference(phasor(3.0, 0.0), phasor(4.0, 90.0), 10.0, Part::PerUnit) - 0.5).abs() < 1e-12);
    }
}
