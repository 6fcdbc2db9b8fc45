//! Objectives as squares and lines of the program. Sankur's weights for phasors are 1000 on magnitudes, 100 on angles and 1
//! on effort; here a weight belongs to an objective as a whole.

use super::affine::{Offsets, Quantity, Step};
use super::plan::{Inputs, Target};
use super::program::Program;
use super::settings::{Objective, Settings};

/// Everything that objectives look at.
pub(super) struct Objectives<'a> {
    pub settings: &'a Settings,
    pub inputs: &'a Inputs,
    pub offsets: &'a Offsets,
    /// Steps as they are linearised.
    pub steps: &'a [Step],
    /// Present power, P of all actuator phases, then Q, per unit.
    pub applied: &'a [f64],
    /// Whether heads that stay above what is wanted curve as losses do.
    pub curved: bool,
    pub base_va: f64,
}

impl Objectives<'_> {
    /// Adds all of them.
    pub(super) fn add(&self, program: &mut Program) {
        for (weight, objective) in self.settings.objectives.iter().filter(|(weight, _)| *weight > 0.0) {
            for (k, step) in self.steps.iter().enumerate() {
                self.one(program, *weight, objective, k, step);
            }
        }
        self.storages(program);
    }

    /// Wear of storages, and what they hold at the end.
    fn storages(&self, program: &mut Program) {
        let size = program.size;
        let kwh_per_pu = self.base_va / 1000.0 * self.settings.step_s / 3600.0;
        for (storage, own) in self.settings.storages.iter().enumerate() {
            for k in 0..size.steps {
                program.price(own.wear_per_kwh * kwh_per_pu, size.throughput(storage, k));
                program.price(own.end_value_per_kwh * kwh_per_pu, size.store(storage, k));
            }
        }
    }

    fn one(&self, program: &mut Program, weight: f64, objective: &Objective, k: usize, step: &Step) {
        match objective {
            Objective::Head { phase, p_w, q_var } => {
                let wanted = [p_w, q_var];
                let head = step.head(*phase);
                for (quantity, wanted) in head.iter().zip(wanted) {
                    if let Some(wanted) = wanted {
                        program.square(k, weight, quantity, wanted / self.base_va);
                    }
                }
                // Where it stays above what is wanted, that it curves as losses do decides where it is least.
                let above = p_w.map_or(0.0, |wanted| head[0].value(&step.at) - wanted / self.base_va);
                if self.curved && phase.is_none() && above > 0.0 {
                    curved(program, 2.0 * weight * above, k, step);
                }
            }
            Objective::Losses => losses(program, weight, k, step),
            Objective::Balance(nodes) => self.balance(program, weight, nodes, k, step),
            Objective::Phasors { performance, v_pu, angle_rad } => {
                let wanted = Target { v_pu: v_pu.clone(), angle_rad: angle_rad.clone() };
                self.phasors(program, weight, *performance, &wanted, k, step);
            }
            Objective::Match(pairs) => {
                for &[a, b] in pairs {
                    let magnitude = step.magnitude(a, self.offsets).less(&step.magnitude(b, self.offsets));
                    program.square(k, weight, &magnitude, 0.0);
                    program.square(k, weight, &step.angle(a, b, self.offsets), 0.0);
                }
            }
            Objective::Volatility => {
                for (performance, target) in self.inputs.targets.iter().enumerate() {
                    self.phasors(program, weight, performance, target, k, step);
                }
            }
            Objective::Movement => self.movement(program, weight, k),
            Objective::TapWear(centres) => {
                for (node, centre_pu) in centres {
                    program.square(k, weight, &step.magnitude(*node, self.offsets), *centre_pu);
                }
            }
            Objective::Cost => self.cost(program, weight, k, step),
            Objective::Effort => {
                let size = program.size;
                (0..size.inputs).for_each(|i| program.near(weight, size.input(k, i), 0.0));
            }
        }
    }

    fn balance(&self, program: &mut Program, weight: f64, nodes: &[usize], k: usize, step: &Step) {
        let fed: Vec<Quantity> =
            nodes.iter().filter(|node| step.fed(**node)).map(|node| step.magnitude(*node, self.offsets)).collect();
        for (place, a) in fed.iter().enumerate() {
            for b in fed.iter().skip(place + 1) {
                program.square(k, weight, &a.clone().less(b), 0.0);
            }
        }
    }

    fn phasors(&self, program: &mut Program, weight: f64, performance: usize, wanted: &Target, k: usize, step: &Step) {
        let Some(node) = self.settings.performance.get(performance) else { return };
        for (place, v_pu) in node.nodes.iter().zip(&wanted.v_pu) {
            program.square(k, weight, &step.magnitude(*place, self.offsets), *v_pu);
        }
        for ((place, reference), angle) in node.nodes.iter().zip(&node.reference).zip(&wanted.angle_rad) {
            let own = step.angle(*place, *reference, self.offsets);
            // By the short way: the wanted angle is brought next to the present one.
            let present = own.value(&step.at);
            program.square(k, weight, &own, present + super::affine::wrapped(angle - present));
        }
    }

    fn movement(&self, program: &mut Program, weight: f64, k: usize) {
        let size = program.size;
        for i in 0..size.inputs {
            match k.checked_sub(1) {
                None => program.near(weight, size.input(0, i), self.applied.get(i).copied().unwrap_or(0.0)),
                Some(before) => program.change(weight, size.input(before, i), size.input(k, i)),
            }
        }
    }

    fn cost(&self, program: &mut Program, weight: f64, k: usize, step: &Step) {
        let kwh_per_pu = self.base_va / 1000.0 * self.settings.step_s / 3600.0;
        let mut row = vec![0.0; step.at.len()];
        row.iter_mut().zip(&self.settings.actuators).for_each(|(x, actuator)| *x = actuator.cost_per_kwh);
        program.linear(k, weight * kwh_per_pu, &Quantity { constant: 0.0, row });
        let price = self.inputs.forecast.get(k).or(self.inputs.forecast.last()).map_or(0.0, |f| f.price_per_kwh);
        let [p, _] = step.head(None);
        program.linear(k, weight * kwh_per_pu * price, &p);
        if price > 0.0 {
            // What the head gives is load and losses: it curves as losses do. Without that, equal prices would have no answer.
            curved(program, weight * kwh_per_pu * price, k, step);
        }
    }
}

/// Adds `weight·(u − ū)ᵀ·H·(u − ū)` with half the curvature H of losses.
fn curved(program: &mut Program, weight: f64, k: usize, step: &Step) {
    let h = &step.answer.losses_curvature;
    if h.is_empty() {
        return;
    }
    let of_dispatch: Vec<f64> = h.chunks(step.at.len().max(1)).map(|row| super::affine::dot(row, &step.at)).collect();
    let constant = super::affine::dot(&of_dispatch, &step.at);
    let row = of_dispatch.iter().map(|hu| -2.0 * hu).collect();
    program.linear(k, weight, &Quantity { constant, row });
    program.quadratic(k, weight, h);
}

/// Losses to second order about the dispatch: L + g·(u − ū) + (u − ū)ᵀ·H·(u − ū).
fn losses(program: &mut Program, weight: f64, k: usize, step: &Step) {
    let row = step.answer.losses.clone();
    let constant = step.state.losses_pu - super::affine::dot(&row, &step.at);
    program.linear(k, weight, &Quantity { constant, row });
    curved(program, weight, k, step);
}
