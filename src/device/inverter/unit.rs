//! One inverter's active and reactive power: its share of the set-point, battery, limits, faults.

use crate::device::{ControllablePower, Limits, Storage};

use super::parameters::Parameters;
use super::support::Wish;

/// One inverter.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    power: ControllablePower,
    limits: Limits,
    storage: Option<Storage>,
    /// Part of the site's set-point; the shares of all add up to 1, unless some are off.
    pub(super) share: f64,
    /// Most active power either way in W.
    pub(super) most_w: f64,
    pub(super) connected: bool,
    pub(super) lost: bool,
    /// Whether it holds its last power, deaf to set-points.
    pub(super) stuck: bool,
    /// Its harmonic source is larger by this.
    pub(super) gain: f64,
    output: [f64; 2],
}

impl Unit {
    /// A unit at rest at its part of a set-point in W and var.
    pub(super) fn new(parameters: &Parameters, share: f64, set_point: [f64; 2]) -> Self {
        let limits = Limits {
            s_va: parameters.s_va,
            ramp_w_per_s: parameters.ramp_w_per_s,
            ramp_var_per_s: f64::INFINITY,
            response_s: parameters.response_s,
            priority: parameters.priority,
        };
        let start = limits.clip(set_point.map(|x| x * share));
        Self {
            power: ControllablePower::new(limits, start),
            limits,
            storage: parameters.battery.map(Storage::new),
            share,
            most_w: f64::INFINITY,
            connected: true,
            lost: false,
            stuck: false,
            gain: 1.0,
            output: start,
        }
    }

    /// Power injected in W and var.
    pub const fn output(&self) -> [f64; 2] {
        self.output
    }

    /// State of charge, 0 to 1.
    pub fn soc(&self) -> Option<f64> {
        self.storage.map(|s| s.soc())
    }

    /// Stored energy in Wh.
    pub fn energy_wh(&self) -> Option<f64> {
        self.storage.map(|s| s.energy_wh())
    }

    /// Set-points of active power of all units, in W, within which this one's battery can follow its share for `h_s` seconds.
    pub(super) fn limits_w(&self, h_s: f64) -> Option<[f64; 2]> {
        let share = self.share;
        self.storage.filter(|_| self.is_on() && share > 0.0).map(|own| own.limits_w(h_s).map(|w| w / share))
    }

    /// Harmonic source against a sound unit's.
    pub const fn gain(&self) -> f64 {
        self.gain
    }

    /// Whether its bridge is on the network.
    pub const fn is_on(&self) -> bool {
        self.connected && !self.lost
    }

    /// Apparent power that is left for harmonics in VA: √(S² − P² − Q²).
    pub fn headroom_va(&self) -> f64 {
        let [p, q] = self.output;
        if self.is_on() { (self.limits.s_va.powi(2) - p * p - q * q).max(0.0).sqrt() } else { 0.0 }
    }

    /// One step towards the site's set-point. `running` is whether ride-through lets it, `most_pu` how much of its rating.
    pub(super) fn step(&mut self, set_point: [f64; 2], wish: &Wish, running: bool, most_pu: f64, h_s: f64) {
        let on = self.is_on() && running;
        self.power.set_lost(!on);
        if !on {
            self.output = [0.0; 2];
        } else if !self.stuck {
            let asked = self.asked(set_point, wish, most_pu);
            let [p_w, q_var] = self.power.step(asked, h_s);
            self.output = [p_w.clamp(-self.most_w, self.most_w), q_var];
        }
        if let Some(storage) = &mut self.storage {
            let [charge, discharge] = storage.limits_w(h_s);
            self.output[0] = self.output[0].clamp(charge, discharge);
            storage.step(self.output[0], h_s);
        }
    }

    /// What its own power is asked to be, in W and var.
    fn asked(&self, [p_w, q_var]: [f64; 2], wish: &Wish, most_pu: f64) -> [f64; 2] {
        let s_va = self.limits.s_va;
        let most_w = (most_pu * s_va).min(self.most_w);
        let p_w = (p_w * self.share + wish.shift_pu * s_va).clamp(-most_w, most_w).min(wish.most_pu * s_va);
        [p_w, wish.q_pu.map_or(q_var * self.share, |q_pu| q_pu * s_va)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Battery;

    const NOTHING: Wish = Wish { most_pu: f64::INFINITY, shift_pu: 0.0, q_pu: None };

    fn parameters() -> Parameters {
        let named = Parameters::named("v2g_11kw").unwrap();
        Parameters { response_s: 0.0, battery: Some(Battery::of_wh(1000.0)), ..named }
    }

    #[test]
    fn it_stops_when_the_battery_is_full_and_keeps_its_reactive_power() {
        let mut unit = Unit::new(&parameters(), 1.0, [0.0, 0.0]);
        let mut taken_j = 0.0;
        for _ in 0..600 {
            unit.step([-8000.0, 3000.0], &NOTHING, true, 1.0, 1.0);
            taken_j -= unit.output()[0];
        }
        assert!((unit.soc().unwrap() - 0.9).abs() < 1e-9 && unit.output()[0].abs() < 1e-6);
        assert_eq!(unit.output()[1], 3000.0);
        // 0.4 kWh through 95 %.
        assert!((taken_j - 400.0 * 3600.0 / 0.95).abs() < 1e-3, "{taken_j}");
    }

    #[test]
    fn functions_and_limits_hold_back_active_power() {
        let mut unit = Unit::new(&parameters(), 1.0, [0.0, 0.0]);
        let mut at = |p_w: f64, most_pu: f64, shift_pu: f64, limit_w: f64| {
            unit.most_w = limit_w;
            unit.step([p_w, 0.0], &Wish { most_pu, shift_pu, q_pu: Some(-0.1) }, true, 1.0, 1e-3);
            unit.output()
        };
        assert_eq!(at(11e3, 0.2, 0.0, f64::INFINITY), [2200.0, -1100.0]);
        assert_eq!(at(1e3, 1.0, -0.5, f64::INFINITY), [-4500.0, -1100.0]);
        assert_eq!(at(-9e3, 1.0, 0.0, 4e3), [-4000.0, -1100.0]);
        let mut unit = Unit::new(&parameters(), 1.0, [0.0, 0.0]);
        unit.step([-9e3, 0.0], &NOTHING, true, 0.25, 1e-3);
        assert_eq!(unit.output(), [-2750.0, 0.0], "while it enters service");
    }

    #[test]
    fn stuck_lost_and_silent_units() {
        let mut unit = Unit::new(&parameters(), 1.0, [-5e3, 0.0]);
        unit.stuck = true;
        unit.step([5e3, 0.0], &NOTHING, true, 1.0, 0.1);
        assert_eq!(unit.output(), [-5e3, 0.0]);
        unit.step([5e3, 0.0], &NOTHING, false, 1.0, 0.1);
        assert_eq!(unit.output(), [0.0, 0.0], "ride-through is not deaf");
        unit.stuck = false;
        unit.lost = true;
        unit.step([5e3, 0.0], &NOTHING, true, 1.0, 0.1);
        assert_eq!((unit.output(), unit.headroom_va()), ([0.0, 0.0], 0.0));
        unit.lost = false;
        unit.step([5e3, 0.0], &NOTHING, true, 1.0, 0.1);
        assert!((unit.headroom_va() - (11e3f64.powi(2) - 5e3f64.powi(2)).sqrt()).abs() < 1e-9);
    }
}
