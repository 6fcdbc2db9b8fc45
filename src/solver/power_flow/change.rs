//! What moves during a study: loads, sources, taps, capacitor steps, switches. All in place, all visible at the next
//! [`PowerFlow::solve`].

use super::PowerFlow;
use crate::feeder::Feeder;
use crate::quantity::{Complex, phasor};
use crate::solver::element::{self, Admittance, Frequency, Nominal, Part};
use crate::solver::network::{ElementId, Kind};

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

    /// Sets a source's magnitude and angle relative to what the feeder says: per unit of it, and degrees ahead of it.
    pub fn set_source(&mut self, source: usize, v_pu: f64, angle_deg: f64) {
        let Some((_, written)) = self.grid.feeder.sources.get_index(source) else { return };
        let Some(first) = self.grid.network.source_emf(source).next() else { return };
        let phases = written.phases.max(1) as f64;
        let per_phase = if written.phases == 1 { 1.0 } else { 2.0 * (std::f64::consts::PI / phases).sin() };
        let wanted = phasor(written.v_kv * 1000.0 / per_phase * written.v_pu * v_pu, written.angle_deg + angle_deg);
        self.grid.network.scale_emf(source, wanted / first);
        self.grid.network.hold(&mut self.v);
        self.pending.full_passes = 2;
    }

    /// Tap of a transformer's winding (0-based), per unit.
    pub fn tap_pu(&self, transformer: usize, winding: usize) -> f64 {
        self.taps[transformer][winding]
    }

    /// Sets the tap of a transformer's winding (0-based), per unit.
    pub fn set_tap(&mut self, transformer: usize, winding: usize, tap_pu: f64) {
        if std::mem::replace(&mut self.taps[transformer][winding], tap_pu) == tap_pu {
            return;
        }
        let model = &self.grid.transformers[transformer];
        model.admittance(&self.taps[transformer], Part::Whole, &mut self.scratch);
        model.write_windings(&self.taps[transformer], self.grid.network.windings_mut(transformer));
        if let Some(id) = self.grid.network.id(Kind::Transformer, transformer) {
            self.replace_admittance(id);
        }
    }

    /// Whether each step of a capacitor bank is closed.
    pub fn capacitor_steps(&self, capacitor: usize) -> &[bool] {
        &self.steps_closed[capacitor]
    }

    /// Closes and opens the steps of a capacitor bank.
    pub fn set_capacitor(&mut self, capacitor: usize, closed: &[bool]) {
        let steps = &mut self.steps_closed[capacitor];
        if steps == closed || steps.len() != closed.len() {
            return;
        }
        steps.copy_from_slice(closed);
        let of_steps = &self.step_admittances[capacitor];
        self.scratch.reset(of_steps.first().map_or(0, Admittance::n));
        for (y, _) in of_steps.iter().zip(closed).filter(|(_, closed)| **closed) {
            let n = y.n();
            y.values().iter().enumerate().for_each(|(k, v)| self.scratch.add(k / n, k % n, *v));
        }
        if let Some(id) = self.grid.network.id(Kind::Capacitor, capacitor) {
            self.replace_admittance(id);
        }
    }

    /// Gives an element the admittance in `scratch`, in both operators, and marks what must be refactored. The nodes it
    /// touches are short of the current that it draws more: the next solve answers to that.
    fn replace_admittance(&mut self, id: ElementId) {
        let (pending, pattern) = (&mut self.pending, &self.grid.pattern);
        let operators = [&mut self.passive, &mut self.operator];
        self.grid.network.set_admittance(id, &self.scratch, operators, &self.v, |place, short| {
            if !pending.rebuild {
                pattern.mark_path(place, &mut pending.marked, &mut pending.path);
                pending.short[place as usize][0][0] += short.re;
                pending.short[place as usize][1][0] += short.im;
            }
        });
    }

    pub(super) fn mark(&mut self, id: ElementId) {
        let mut places = [0u32; super::super::network::MOST];
        let mut count = 0;
        for place in self.grid.network.places(id) {
            places[count] = place;
            count += 1;
        }
        places[..count].iter().for_each(|&place| self.mark_place(place));
    }

    fn mark_place(&mut self, place: u32) {
        let pending = &mut self.pending;
        self.grid.pattern.mark_path(place, &mut pending.marked, &mut pending.path);
    }
}

/// Admittance of each step of each capacitor bank alone; a bank's is the sum of its closed steps'.
pub(super) fn step_admittances(feeder: &Feeder) -> Vec<Vec<Admittance>> {
    let at = Frequency::power(feeder.frequency_hz);
    let banks = feeder.capacitors.iter().map(|(name, bank)| {
        let steps = bank.q_kvar.len();
        let alone = |step: usize| {
            let closed: Vec<bool> = (0..steps).map(|k| k == step).collect();
            element::capacitor(name, bank, &closed, at, Part::Whole).map(|model| model.y)
        };
        // `Grid::compile` has refused a bank without a model.
        (0..steps).map(|step| alone(step).unwrap_or_default()).collect()
    });
    banks.collect()
}
