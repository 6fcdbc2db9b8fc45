//! A battery: what can still be charged and discharged, and what a step's power does to it.
//!
//! With power p at the AC terminals (of all phases together, injected positive), step h and idle loss p₀ on the DC side:
//!
//! ```text
//! e ← e − h·(p/η_d + p₀)   for p > 0,      e ← e − h·(p·η_c + p₀)   for p ≤ 0,      soc = e/E
//! soc_min ≤ soc ≤ soc_max
//! ```
//!
//! Within a step p is constant, so e moves one way: where both ends of the step are in the band, all of it is. At the lower
//! end the idle loss ceases: what keeps a battery awake lets go before it is ruined.
//!
//! Limits: efficiencies do not depend on power, no temperature, no tapering near the ends.

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
    /// What it loses all the time, in W.
    pub idle_w: f64,
}

impl Battery {
    /// A half-full battery, used from 10 % to 90 %, 95 % efficient either way, that loses nothing by itself.
    pub const fn of_wh(energy_wh: f64) -> Self {
        Self {
            energy_wh,
            soc: 0.5,
            soc_min: 0.1,
            soc_max: 0.9,
            charge_efficiency: 0.95,
            discharge_efficiency: 0.95,
            idle_w: 0.0,
        }
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
            && self.idle_w >= 0.0
            && self.idle_w.is_finite()
    }

    /// Least and most energy that its band allows, in Wh.
    pub fn band_wh(&self) -> [f64; 2] {
        [self.soc_min, self.soc_max].map(|soc| soc * self.energy_wh)
    }

    /// Power that leaves the store for a power at the AC side, in W.
    pub fn drawn_w(&self, p_w: f64) -> f64 {
        p_w * if p_w > 0.0 { 1.0 / self.discharge_efficiency } else { self.charge_efficiency }
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

    /// What it is.
    pub const fn battery(&self) -> &Battery {
        &self.battery
    }

    /// State of charge, 0 to 1.
    pub fn soc(&self) -> f64 {
        self.energy_j / (3600.0 * self.battery.energy_wh)
    }

    /// Stored energy in Wh.
    pub fn energy_wh(&self) -> f64 {
        self.energy_j / 3600.0
    }

    /// The most that can be charged (not positive) and discharged, in W at the AC side over a step of `h_s` seconds.
    pub fn limits_w(&self, h_s: f64) -> [f64; 2] {
        let [least_j, most_j] = self.battery.band_wh().map(|wh| 3600.0 * wh);
        let idle_j = self.battery.idle_w * h_s;
        let room_j = (most_j - self.energy_j + idle_j).max(0.0);
        let there_j = (self.energy_j - least_j - idle_j).max(0.0);
        [-room_j / self.battery.charge_efficiency / h_s, there_j * self.battery.discharge_efficiency / h_s]
    }

    /// A step of `h_s` seconds at a power in W within [`Storage::limits_w`]; a power that is no number is none.
    pub fn step(&mut self, p_w: f64, h_s: f64) {
        let p_w = if p_w.is_finite() { p_w } else { 0.0 };
        let before_j = self.energy_j;
        let [least_j, most_j] = self.battery.band_wh().map(|wh| 3600.0 * wh);
        let after_j = before_j - h_s * (self.battery.drawn_w(p_w) + self.battery.idle_w);
        // The last digit of an end is the end. A battery that begins outside its band is let in, and no further out.
        self.energy_j = after_j.max(least_j.min(before_j)).min(most_j.max(before_j));
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
        assert!(!Battery { idle_w: -1.0, ..Battery::of_wh(1.0) }.is_sound());
    }

    #[test]
    fn an_idle_battery_drains_to_its_lower_end_and_a_full_one_may_be_kept_full() {
        let battery = Battery { idle_w: 100.0, ..Battery::of_wh(1e3) };
        let mut storage = Storage::new(battery);
        // 0.4 kWh above the lower end at 100 W: four hours.
        (0..3).for_each(|_| storage.step(0.0, 3600.0));
        assert!((storage.energy_wh() - 200.0).abs() < 1e-9, "{}", storage.energy_wh());
        (0..3).for_each(|_| storage.step(0.0, 3600.0));
        assert!((storage.energy_wh() - 100.0).abs() < 1e-9 && storage.limits_w(1.0)[1] == 0.0);
        let mut full = Storage::new(Battery { soc: 0.9, ..battery });
        let [charge, discharge] = full.limits_w(3600.0);
        assert!((charge + 100.0 / 0.95).abs() < 1e-9, "{charge}");
        // 800 Wh less 100 Wh of the hour itself, at 95 %.
        assert!((discharge - 665.0).abs() < 1e-9, "{discharge}");
        full.step(charge, 3600.0);
        assert!((full.soc() - 0.9).abs() < 1e-12);
    }
}
