//! The network at one step of the horizon as the program sees it: every quantity by its value at a dispatch and a row of
//! derivatives. Magnitude and angle follow the phasor: d|V| = Re(V̄·dV)/|V|, dθ = Im(dV/V).

use super::network::{Sensitivities, State};
use crate::quantity::Complex;

/// Below this magnitude a node counts as not fed.
const DEAD_PU: f64 = 1e-3;

/// A quantity: `constant + row·u` over the step's inputs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Quantity {
    pub constant: f64,
    pub row: Vec<f64>,
}

impl Quantity {
    /// One that has a value at a dispatch.
    fn at(value: f64, row: Vec<f64>, at: &[f64]) -> Self {
        Self { constant: value - dot(&row, at), row }
    }

    pub(super) fn value(&self, u: &[f64]) -> f64 {
        self.constant + dot(&self.row, u)
    }

    /// This less another.
    pub(super) fn less(mut self, other: &Self) -> Self {
        self.constant -= other.constant;
        self.row.iter_mut().zip(&other.row).for_each(|(x, y)| *x -= y);
        self
    }
}

/// What is added to the model's phasors at each watched node: what measurement says beside the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Offsets {
    pub v_pu: Vec<f64>,
    pub angle_rad: Vec<f64>,
}

impl Offsets {
    pub(super) fn none(nodes: usize) -> Self {
        Self { v_pu: vec![0.0; nodes], angle_rad: vec![0.0; nodes] }
    }

    fn of(list: &[f64], node: usize) -> f64 {
        list.get(node).copied().unwrap_or(0.0)
    }
}

/// One step, linearised at a dispatch.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    pub state: State,
    pub answer: Sensitivities,
    /// The dispatch.
    pub at: Vec<f64>,
}

impl Step {
    pub(super) fn fed(&self, node: usize) -> bool {
        self.phasor(node).norm() > DEAD_PU
    }

    pub(super) fn phasor(&self, node: usize) -> Complex {
        self.state.v_pu.get(node).copied().unwrap_or_default()
    }

    /// Magnitude of the solution itself.
    pub(super) fn v_pu(&self, node: usize, offsets: &Offsets) -> f64 {
        self.phasor(node).norm() + Offsets::of(&offsets.v_pu, node)
    }

    /// Angle of the solution itself from another node's.
    pub(super) fn angle_rad(&self, node: usize, reference: usize, offsets: &Offsets) -> f64 {
        let between = (self.phasor(node) * self.phasor(reference).conj()).arg();
        wrapped(between + Offsets::of(&offsets.angle_rad, node))
    }

    pub(super) fn magnitude(&self, node: usize, offsets: &Offsets) -> Quantity {
        let v = self.phasor(node);
        let unit = if v.norm() > DEAD_PU { v.conj() / v.norm() } else { Complex::default() };
        let row = self.answer.of_node(node).iter().map(|dv| (unit * dv).re).collect();
        Quantity::at(self.v_pu(node, offsets), row, &self.at)
    }

    pub(super) fn angle(&self, node: usize, reference: usize, offsets: &Offsets) -> Quantity {
        let turn = |node: usize| {
            let v = self.phasor(node);
            let inverse = if v.norm() > DEAD_PU { v.inv() } else { Complex::default() };
            self.answer.of_node(node).iter().map(move |dv| (dv * inverse).im)
        };
        let row = turn(node).zip(turn(reference)).map(|(own, other)| own - other).collect();
        Quantity::at(self.angle_rad(node, reference, offsets), row, &self.at)
    }

    /// Active and reactive power of a phase of the head, or of all together.
    pub(super) fn head(&self, phase: Option<usize>) -> [Quantity; 2] {
        let phases = match phase {
            Some(phase) => phase..phase + 1,
            None => 0..self.state.head_pu.len(),
        };
        let power: Complex = phases.clone().filter_map(|phase| self.state.head_pu.get(phase)).sum();
        let mut row = vec![Complex::default(); self.at.len()];
        for phase in phases {
            row.iter_mut().zip(self.answer.of_head(phase)).for_each(|(x, d)| *x += d);
        }
        [
            Quantity::at(power.re, row.iter().map(|x| x.re).collect(), &self.at),
            Quantity::at(power.im, row.iter().map(|x| x.im).collect(), &self.at),
        ]
    }

    /// Both parts of a conductor's current by its ampacity.
    pub(super) fn loading(&self, conductor: usize) -> [Quantity; 2] {
        let value = self.state.loading.get(conductor).copied().unwrap_or_default();
        let row = self.answer.of_branch(conductor);
        [
            Quantity::at(value.re, row.iter().map(|x| x.re).collect(), &self.at),
            Quantity::at(value.im, row.iter().map(|x| x.im).collect(), &self.at),
        ]
    }

    /// Magnitude that a conductor's current by its ampacity is foretold to have at a dispatch.
    pub(super) fn loaded(&self, conductor: usize, du: &[f64]) -> f64 {
        let value = self.state.loading.get(conductor).copied().unwrap_or_default();
        let moved: Complex = self.answer.of_branch(conductor).iter().zip(du).map(|(di, du)| di * du).sum();
        (value + moved).norm()
    }

    /// Phasors that a dispatch is foretold to have, against a solution there: largest differences of magnitude and angle.
    pub(super) fn mismatch(&self, u: &[f64], solution: &State) -> [f64; 2] {
        let du: Vec<f64> = u.iter().zip(&self.at).map(|(u, at)| u - at).collect();
        let mut largest = [0.0_f64; 2];
        for (node, actual) in solution.v_pu.iter().enumerate().filter(|(node, v)| self.fed(*node) && v.norm() > DEAD_PU)
        {
            let v = self.phasor(node);
            let moved: Complex = self.answer.of_node(node).iter().zip(&du).map(|(dv, du)| dv * du).sum();
            let turned = moved / v;
            let foretold_pu = v.norm() * (1.0 + turned.re);
            let turn = (actual / v).arg() - turned.im;
            largest = [largest[0].max((foretold_pu - actual.norm()).abs()), largest[1].max(wrapped(turn).abs())];
        }
        largest
    }
}

/// An angle by the short way.
pub(super) fn wrapped(angle_rad: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    if angle_rad.abs() <= PI { angle_rad } else { (angle_rad + PI).rem_euclid(TAU) - PI }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{complex, phasor};

    /// d|V| and dθ of V = 1∠−120° for dV along the phasor and across it.
    #[test]
    fn magnitude_and_angle_follow_the_phasor() {
        let v = phasor(0.9, -120.0);
        let answer = Sensitivities { inputs: 2, v: vec![v * 0.1, v * complex(0.0, 0.1)], ..Sensitivities::default() };
        let state = State { v_pu: vec![v], ..State::default() };
        let step = Step { state, answer, at: vec![1.0, 2.0] };
        let (m, none) = (step.magnitude(0, &Offsets::none(1)), Offsets::none(1));
        assert!((m.value(&[1.0, 2.0]) - 0.9).abs() < 1e-15 && (m.value(&[2.0, 3.0]) - 0.99).abs() < 1e-15);
        let own = Quantity { constant: 0.0, row: vec![0.0, 0.0] };
        assert_eq!(step.angle(0, 0, &none), own, "an angle from itself stays");
    }

    #[test]
    fn angles_go_the_short_way() {
        for angle in [-7.0, -3.2, 0.3, 3.2, 10.0_f64] {
            let short = wrapped(angle);
            assert!(short.abs() <= std::f64::consts::PI && ((angle - short).sin()).abs() < 1e-12);
        }
    }
}
