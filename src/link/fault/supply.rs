//! The 12 V auxiliary rail of a communications module, the heat of a gateway, a battery's management that falls silent: each
//! over time.
//!
//! Models, not measurements; `docs/models/physical-faults.md` says where each number is from.
//!
//! ```text
//! rail      falls and rises by 4 V/s;  from 10.8 V on nothing;  to 9 V  share = 0.2·(10.8 − v)/1.8 of readings miss
//!           below 9 V the module is off, and 1 s after it has them again begins anew
//! heat      delay = 1 s·(1 − e^(−t/60 s)) while it is hot, and so much less again with the same time constant
//! battery   2 s without its management a charger lets its power go, to nothing within 2 s more
//! ```

/// The rail as it should be, in V.
pub const NOMINAL_V: f64 = 12.0;
/// From here on everything works, in V: a tenth below.
pub const WELL_V: f64 = 10.8;
/// Below this the module resets, in V.
pub const BROWN_OUT_V: f64 = 9.0;
/// Largest share of readings that miss above that.
const MOST_MISSING: f64 = 0.2;
/// How fast the rail moves in V/s: what its capacitors let it.
const SLOPE_V_PER_S: f64 = 4.0;
/// Time from power to the first answer, in s.
const BOOT_S: f64 = 1.0;
/// Largest delay of a hot gateway, and its time constant, in s.
const MOST_DELAY_S: f64 = 1.0;
const HEATING_S: f64 = 60.0;
/// How long a charger goes on without its battery's management, and how long it takes to let go, in s.
pub const BATTERY_TIMEOUT_S: f64 = 2.0;
const LETS_GO_S: f64 = 2.0;

/// A rail that is to be at a voltage from one time until another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rail {
    pub from_s: f64,
    pub to_s: f64,
    pub v_v: f64,
}

impl Rail {
    /// Its voltage at a time.
    pub fn v_v(&self, at_s: f64) -> f64 {
        let fallen = |s: f64| (NOMINAL_V - SLOPE_V_PER_S * (s - self.from_s)).max(self.v_v);
        match at_s {
            _ if at_s < self.from_s => NOMINAL_V,
            _ if at_s < self.to_s => fallen(at_s),
            _ => (fallen(self.to_s) + SLOPE_V_PER_S * (at_s - self.to_s)).min(NOMINAL_V),
        }
    }

    /// From when until when its module is off; `None` where it never is.
    pub fn off_s(&self) -> Option<(f64, f64)> {
        let from_s = self.from_s + (NOMINAL_V - BROWN_OUT_V) / SLOPE_V_PER_S;
        let lowest_v = self.v_v(self.to_s);
        let is_off = self.v_v < BROWN_OUT_V && from_s < self.to_s;
        is_off.then(|| (from_s, self.to_s + (BROWN_OUT_V - lowest_v) / SLOPE_V_PER_S + BOOT_S))
    }
}

/// Share of readings that miss at a voltage of the rail.
pub fn missing(v_v: f64) -> f64 {
    MOST_MISSING * ((WELL_V - v_v) / (WELL_V - BROWN_OUT_V)).clamp(0.0, 1.0)
}

/// How late a gateway is that is hot from one time until another.
pub(super) fn heat_s(from_s: f64, to_s: f64, at_s: f64) -> f64 {
    let risen = |s: f64| MOST_DELAY_S * (1.0 - (-(s - from_s) / HEATING_S).exp());
    match at_s {
        _ if at_s < from_s => 0.0,
        _ if at_s < to_s => risen(at_s),
        _ => risen(to_s) * (-(at_s - to_s) / HEATING_S).exp(),
    }
}

/// The part of its power that a charger still gives, so long after its battery's management fell silent.
pub(super) fn still_given(silent_s: f64) -> f64 {
    (1.0 - (silent_s - BATTERY_TIMEOUT_S) / LETS_GO_S).clamp(0.0, 1.0)
}

/// Whether a point is what the battery's management says, by its name.
pub fn of_battery(point: &str) -> bool {
    const STEMS: [&str; 8] =
        ["soc_", "soh_", "energy_", "capacity_", "battery_", "cell_", "discharge_limit_", "charge_limit_"];
    STEMS.iter().any(|stem| point.starts_with(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rail_falls_rises_and_resets_what_it_feeds() {
        let deep = Rail { from_s: 10.0, to_s: 13.0, v_v: 6.0 };
        let volts = [9.9, 10.5, 12.0, 13.25, 20.0].map(|at_s| deep.v_v(at_s));
        assert_eq!(volts, [12.0, 10.0, 6.0, 7.0, 12.0]);
        assert_eq!(deep.off_s(), Some((10.75, 14.75)));
        assert_eq!(Rail { v_v: 9.5, ..deep }.off_s(), None, "low, and not too low");
        assert_eq!(Rail { to_s: 10.5, ..deep }.off_s(), None, "too short to be felt");
        assert_eq!((missing(12.0), missing(10.8), missing(3.0)), (0.0, 0.0, 0.2));
        assert!((missing(9.9) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn heat_comes_to_a_plateau_and_goes() {
        let at = |s: f64| heat_s(10.0, 310.0, s);
        assert!(at(5.0) == 0.0 && (at(70.0) - 0.632).abs() < 1e-3 && at(309.0) > 0.99);
        assert!((at(370.0) - 0.3654).abs() < 1e-3 && at(1000.0) < 1e-4, "{}", at(370.0));
        assert!(heat_s(0.0, f64::INFINITY, 1e6) <= 1.0);
    }

    #[test]
    fn what_the_battery_says_is_known_by_name() {
        assert_eq!([0.0, 2.0, 3.0, 4.0, 1e9].map(still_given), [1.0, 1.0, 0.5, 0.0, 0.0]);
        assert!(["soc_percent", "energy_wh", "discharge_limit_w", "charge_limit_a"].into_iter().all(of_battery));
        assert!(!["p_w", "v_v.a", "dc_v", "rail_v", "injected_wh", "heartbeat_count"].into_iter().any(of_battery));
    }
}
