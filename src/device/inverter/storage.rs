//! A battery: what can still be charged and discharged, and what a step's power does to it.
//!
//! With power p at the AC terminals, injected positive, and step h:
//!
//! ```text
//! e ← e − h·p/η_d   for p > 0,      e ← e − h·p·η_c   for p < 0,      soc = e/E
//! soc_min ≤ soc ≤ soc_max
//! ```
//!
//! Limits: efficiencies do not depend on power, no self-discharge, no temperature, no tapering near the ends.

/// What a battery is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Battery {
    /// Energy when full, in Wh.
    pub energy_wh: f64,
    /// State of charge to begin with, 0 to 1.
    pub soc: f64,
    /// Lowest state of charge that discharging may reach.
    pub soc_min: f64,
    /// Highest state of charge that charging may reach.
    pub soc_max: f64,
    /// Part of the AC energy that reaches the battery.
    pub charge_efficiency: f64,
    /// Part of the battery's energy that reaches the AC side.
    pub discharge_efficiency: f64,
}

impl Battery {
    /// A half-full battery, used from 10 % to 90 %, 95 % efficient either way.
    pub const fn of_wh(energy_wh: f64) -> Self {
        Self { energy_wh, soc: 0.5, soc_min: 0.1, soc_max: 0.9, charge_efficiency: 0.95, discharge_efficiency: 0.95 }
    }

    /// Whether its numbers are possible.
    pub fn is_sound(&self) -> bool {
        let part = |x: f64| x > 0.0 && x <= 1.0;
        self.energy_wh > 0.0
            && self.energy_wh.is_finite()
            && (0.0..=1.0).contains(&self.soc_min)
            && self.soc_min <= self.soc_max
            && self.soc_max <= 1.0
            && (0.0..=1.0).contains(&self.soc)
            && part(self.charge_efficiency)
            && part(self.discharge_efficiency)
    }
}

/// A battery's present state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Storage {
    battery: Battery,
    energy_j: f64,
}

impl Storage {
    /// A battery at its own state of charge.
    pub fn new(battery: Battery) -> Self {
        Self { battery, energy_j: 3600.0 * battery.energy_wh * battery.soc }
    }

    /// State of charge, 0 to 1.
    pub fn soc(&self) -> f64 {
        self.energy_j / (3600.0 * self.battery.energy_wh)
    }

    /// The most that can be charged (not positive) and discharged, in W at the AC side over a step of `h_s` seconds.
    pub fn limits_w(&self, h_s: f64) -> [f64; 2] {
        let whole_j = 3600.0 * self.battery.energy_wh;
        let room_j = (whole_j * self.battery.soc_max - self.energy_j).max(0.0);
        let there_j = (self.energy_j - whole_j * self.battery.soc_min).max(0.0);
        [-room_j / self.battery.charge_efficiency / h_s, there_j * self.battery.discharge_efficiency / h_s]
    }

    /// A step of `h_s` seconds at a power in W.
    pub fn step(&mut self, p_w: f64, h_s: f64) {
        let factor = if p_w > 0.0 { 1.0 / self.battery.discharge_efficiency } else { self.battery.charge_efficiency };
        self.energy_j -= h_s * p_w * factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_loses_what_the_efficiencies_say() {
        // 10 kWh, 50 %. One hour of 2 kW: +1.9 kWh. One hour of −1.9·0.95 = 1.805 kW out: back at 50 %.
        let mut storage = Storage::new(Battery::of_wh(10e3));
        (0..3600).for_each(|_| storage.step(-2000.0, 1.0));
        assert!((storage.soc() - 0.69).abs() < 1e-12, "{}", storage.soc());
        (0..3600).for_each(|_| storage.step(1805.0, 1.0));
        assert!((storage.soc() - 0.5).abs() < 1e-12, "{}", storage.soc());
    }

    #[test]
    fn limits_bring_it_exactly_to_its_ends() {
        let mut storage = Storage::new(Battery::of_wh(1e3));
        let [charge, _] = storage.limits_w(60.0);
        // 0.4 kWh to go at 95 % in a minute: 0.4/0.95·60 kW.
        assert!((charge + 400.0 / 0.95 * 60.0).abs() < 1e-8);
        storage.step(charge, 60.0);
        assert!((storage.soc() - 0.9).abs() < 1e-12 && storage.limits_w(1.0)[0].abs() < 1e-6);
        let [_, discharge] = storage.limits_w(60.0);
        storage.step(discharge, 60.0);
        assert!((storage.soc() - 0.1).abs() < 1e-12);
        assert!(storage.limits_w(1.0)[1] < 1e-6, "nothing is left");
        assert!(!Battery { soc_min: 0.95, ..Battery::of_wh(1.0) }.is_sound());
    }
}
