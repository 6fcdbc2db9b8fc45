//! What moves during a study: loads and sources. All in place, all visible at the next [`PowerFlow::solve`]. What changes
//! the network itself is in `switch`.

use super::PowerFlow;
use crate::quantity::Complex;
use crate::solver::element::{self, Nominal};

impl PowerFlow {
    /// Number of injection elements: loads, then generators, PV systems and storages, in the feeder's order.
    pub fn injections(&self) -> usize {
        self.multipliers.len()
    }

    /// Sets an injection's nominal power at multiplier 1, drawn from the network, all phases: W and var.
    pub fn set_power(&mut self, injection: usize, p_w: f64, q_var: f64) {
        let branches = self.grid.injections.branch_count(injection).max(1) as f64;
        let nominal = Nominal { p_w: p_w / branches, q_var: q_var / branches, ..self.nominal(injection) };
        self.grid.injections.set_nominal(injection, nominal);
        let [p, q] = self.multipliers[injection];
        self.set_multiplier(injection, p, q);
    }

    /// Sets what one phase (from 0) of an injection draws from the network at rated voltage, in W and var; the other phases
    /// stay as they are. Holds until [`PowerFlow::set_power`] or [`PowerFlow::set_multiplier`] says something of all phases.
    pub fn set_power_phase(&mut self, injection: usize, phase: usize, p_w: f64, q_var: f64) {
        let nominal = Nominal { p_w, q_var, ..self.nominal(injection) };
        let y = nominal.admittance_s(self.grid.injections.v_base_of(injection));
        if let Some(branch) = self.grid.injections.branch_of(injection, phase) {
            self.branches.y[branch] = [[y.re], [y.im]];
        }
    }

    /// Present power of an injection, drawn from the network at rated voltage, all phases, in VA.
    pub fn power(&self, injection: usize) -> Complex {
        let nominal = self.nominal(injection);
        let [p, q] = self.multipliers[injection];
        let branches = self.grid.injections.branch_count(injection) as f64;
        Complex::new(nominal.p_w * p, nominal.q_var * q) * branches
    }

    /// Sets the multipliers of an injection's nominal P and Q.
    pub fn set_multiplier(&mut self, injection: usize, p: f64, q: f64) {
        self.multipliers[injection] = [p, q];
        let y = self.grid.injections.admittance_s(injection, p, q);
        for branch in self.grid.injections.branches_of(injection) {
            self.branches.y[branch] = [[y.re], [y.im]];
        }
    }

    /// Sets the multiplier of every load that is neither `fixed` nor `exempt`.
    pub fn set_load_multiplier(&mut self, multiplier: f64) {
        for (injection, m) in self.multipliers.iter_mut().enumerate() {
            if self.grid.injections.varies(injection) {
                *m = [multiplier; 2];
            }
        }
        for (y, rated) in self.grid.injections.variable(&mut self.branches.y) {
            *y = [[rated.re * multiplier], [rated.im * multiplier]];
        }
    }

    /// Sets all phases of a source relative to what the feeder says: per unit of it, and degrees ahead of it.
    pub fn set_source(&mut self, source: usize, v_pu: f64, angle_deg: f64) {
        let phases = self.grid.feeder.sources.get_index(source).map_or(0, |(_, written)| written.phases);
        (0..phases).for_each(|phase| self.set_source_phasor(source, phase, v_pu, angle_deg));
    }

    /// Sets one phase (from 0) of a source relative to what the feeder says: per unit of it, and degrees ahead of it. The
    /// other phases stay as they are.
    pub fn set_source_phasor(&mut self, source: usize, phase: usize, v_pu: f64, angle_deg: f64) {
        let Some((_, written)) = self.grid.feeder.sources.get_index(source) else { return };
        self.grid.network.set_emf(source, phase, element::emf_v(written, phase, v_pu, angle_deg));
        self.grid.network.hold(&mut self.v);
        self.pending.full_passes = 2;
        self.pending.switched = true;
    }

    /// Sets the current that one phase (from 0) of a current source, by its index in the feeder, drives into the network,
    /// in A.
    pub fn set_current_source(&mut self, source: usize, phase: usize, i_a: Complex) {
        self.grid.network.set_injected(source, phase, i_a);
        self.pending.full_passes = 2;
        self.pending.switched = true;
    }
}
