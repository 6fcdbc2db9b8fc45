//! Parameter sets of V2G inverters, by name. They are engineering choices, not data of a product; each number can be replaced.

use crate::device::Priority;
use crate::device::emission::pwm::{Bridge, Converter, Lcl, LoopGain};
use crate::device::emission::table::OFF_PU;

use crate::device::Battery;

/// Names of the parameter sets.
pub const NAMES: [&str; 3] = ["v2g_11kw", "v2g_22kw", "v2g_150kw"];

/// What one unit is.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Rated apparent power in VA, of all its phases together.
    pub s_va: f64,
    /// Rated voltage in V RMS from phase to neutral, at its own terminals.
    pub v_v: f64,
    /// Number of phases that it has: 3, or 1.
    pub phases: usize,
    /// Whether it has no neutral: no current of zero sequence.
    pub three_wire: bool,
    /// Bridge, filter, control.
    pub converter: Converter,
    /// Fastest change of active power in W/s; infinite without a ramp.
    pub ramp_w_per_s: f64,
    /// Time in s from a step of the set-point to 90 % of it.
    pub response_s: f64,
    /// Time in s from a set-point's arrival to the first that is seen of it.
    pub dead_time_s: f64,
    /// What gives way outside the circle of apparent power.
    pub priority: Priority,
    /// Battery behind it; `None` is a DC source without limits.
    pub battery: Option<Battery>,
}

impl Default for Parameters {
    /// `v2g_22kw`.
    fn default() -> Self {
        Self::of(22e3, [800.0, 20e3, 40e3], [0.75e-3, 10e-6, 0.3e-3, 3.0], 0.4e-6, 1e3, 75e3)
    }
}

impl Parameters {
    /// A parameter set by its name.
    pub fn named(name: &str) -> Option<Self> {
        // Rated power, link, switching, filter (L1, C, L2, R_d), dead time, bandwidth, battery.
        match name {
            "v2g_11kw" => Some(Self::of(11e3, [750.0, 20e3, 40e3], [1.5e-3, 4.7e-6, 0.5e-3, 6.0], 0.4e-6, 1e3, 60e3)),
            "v2g_22kw" => Some(Self::default()),
            "v2g_150kw" => {
                Some(Self::of(150e3, [800.0, 16e3, 20e3], [0.15e-3, 60e-6, 0.05e-3, 0.5], 1.5e-6, 800.0, 100e3))
            }
            _ => None,
        }
    }

    fn of(
        s_va: f64,
        [vdc_v, switching_hz, most_switching_hz]: [f64; 3],
        [l1_h, c_f, l2_h, rd_ohm]: [f64; 4],
        dead_time_s: f64,
        bandwidth_hz: f64,
        energy_wh: f64,
    ) -> Self {
        let v_v = 230.0;
        // Windings: 50 and 20 mΩ for each mH.
        let filter = Lcl { l1_h, r1_ohm: 50.0 * l1_h, c_f, rd_ohm, l2_h, r2_ohm: 20.0 * l2_h };
        let converter = Converter {
            vdc_v,
            bridge: Bridge::TwoLevel,
            switching_hz,
            most_switching_hz,
            dead_time_s,
            crossing_a: OFF_PU * 2f64.sqrt() * s_va / (3.0 * v_v),
            filter,
            gain: LoopGain::Fixed(bandwidth_hz),
        };
        Self {
            s_va,
            v_v,
            phases: 3,
            three_wire: true,
            converter,
            ramp_w_per_s: f64::INFINITY,
            response_s: 0.2,
            dead_time_s: 0.0,
            priority: Priority::Reactive,
            battery: Some(Battery::of_wh(energy_wh)),
        }
    }

    /// The same unit on one phase, with an H-bridge and a third of the power. Its current stays what it was.
    pub fn single_phase(self) -> Self {
        let converter = Converter { bridge: Bridge::HBridge, ..self.converter };
        Self { s_va: self.s_va / 3.0, phases: 1, three_wire: false, converter, ..self }
    }

    /// Rated current in A RMS of each phase.
    #[allow(clippy::cast_precision_loss, reason = "1 to 3")]
    pub fn rated_a(&self) -> f64 {
        self.s_va / (self.phases.max(1) as f64 * self.v_v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_are_those_of_the_table_and_can_switch_as_they_say() {
        // Rated current, resonance in Hz.
        for (name, i1_a, resonance) in
            [("v2g_11kw", 16.0, 3790.0), ("v2g_22kw", 32.0, 3440.0), ("v2g_150kw", 217.0, 3360.0)]
        {
            let unit = Parameters::named(name).unwrap();
            assert!((unit.rated_a() / i1_a - 1.0).abs() < 5e-3, "{name}: {}", unit.rated_a());
            assert!((unit.converter.filter.resonance_hz() / resonance - 1.0).abs() < 2e-3, "{name}");
            assert!(unit.converter.at(unit.converter.switching_hz).is_ok(), "{name}");
            assert!(unit.converter.depth(unit.v_v) < 1.0, "{name}: the modulation is linear");
        }
        assert_eq!(NAMES.map(|name| Parameters::named(name).is_some()), [true; 3]);
        assert!(Parameters::named("v2g_1gw").is_none());
    }

    #[test]
    fn one_phase_has_a_third_of_the_power_and_the_same_current() {
        let three = Parameters::named("v2g_22kw").unwrap();
        let one = three.clone().single_phase();
        assert!((one.rated_a() - three.rated_a()).abs() < 1e-12);
        assert!((one.s_va - 22e3 / 3.0).abs() < 1e-9);
    }
}
