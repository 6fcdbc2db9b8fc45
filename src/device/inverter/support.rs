//! Grid support functions of IEEE 1547-2018: reactive power by a constant, by voltage or by power, active power by voltage and
//! by frequency; each can be there or not.
//!
//! Settings are the standard's defaults as the scripts of IEEE 1547.1 (sandialabs/svp_1547.1, `p1547.py`) and OpenDER
//! (epri-dev/OpenDER) write them; the standard's own text was not at hand. Powers are per rated apparent power, injected
//! positive. Each function's value follows its curve as y ← y∞ + (y − y∞)·e^(−ln 10·h/T_r), T_r being the open-loop response
//! time; with `Reference::Autonomous` the curves of voltage move with the slow mean of the voltage.
//! Limits: frequency droop shifts the present set-point, not the power before the disturbance.

use crate::control::{Curve, CurveError};

/// A function along a curve, with its open-loop response time.
#[derive(Clone, Debug, PartialEq)]
pub struct Along {
    /// The curve.
    pub curve: Curve,
    /// Time to 90 % in s; 0 is at once.
    pub response_s: f64,
}

impl Along {
    /// A function along the points [x, y].
    ///
    /// # Errors
    /// When the points are no curve.
    pub fn new(points: &[[f64; 2]], response_s: f64) -> Result<Self, CurveError> {
        Ok(Self { curve: Curve::new(points.to_vec())?, response_s })
    }

    /// Volt-var, category B: reactive power by voltage, both per unit.
    ///
    /// # Errors
    /// None: the points are a curve.
    pub fn volt_var_b() -> Result<Self, CurveError> {
        Self::new(&[[0.92, 0.44], [0.98, 0.0], [1.02, 0.0], [1.08, -0.44]], 5.0)
    }

    /// Volt-watt: most active power by voltage.
    ///
    /// # Errors
    /// None: the points are a curve.
    pub fn volt_watt_b() -> Result<Self, CurveError> {
        Self::new(&[[1.06, 1.0], [1.10, 0.2]], 10.0)
    }

    /// Watt-var, category B: reactive by active power, mirrored where power is drawn.
    ///
    /// # Errors
    /// None: the points are a curve.
    pub fn watt_var_b() -> Result<Self, CurveError> {
        Self::new(&[[-1.0, 0.44], [-0.5, 0.0], [0.5, 0.0], [1.0, -0.44]], 10.0)
    }
}

/// Where reactive power comes from: one of these at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Reactive {
    /// From the set-point.
    #[default]
    SetPoint,
    /// A constant power factor 0 < pf ≤ 1 of the active power.
    PowerFactor {
        /// The power factor.
        pf: f64,
        /// Whether reactive power is injected (over-excited).
        injecting: bool,
        /// Time to 90 % in s.
        response_s: f64,
    },
    /// A constant.
    Constant {
        /// Per rated apparent power, injected.
        q_pu: f64,
        /// Time to 90 % in s.
        response_s: f64,
    },
    /// By voltage.
    VoltVar(Along),
    /// By active power.
    WattVar(Along),
}

/// Active power by frequency: outside ± `deadband_hz` by 1/(f_nom·k) per Hz.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrequencyDroop {
    /// Deadband to either side in Hz.
    pub deadband_hz: f64,
    /// Change of frequency, per unit, that changes power by its rating.
    pub k: f64,
    /// Time to 90 % in s.
    pub response_s: f64,
}

impl Default for FrequencyDroop {
    fn default() -> Self {
        Self { deadband_hz: 0.036, k: 0.05, response_s: 5.0 }
    }
}

impl FrequencyDroop {
    /// Change of active power per rating at a frequency.
    pub fn at(&self, f_hz: f64, nominal_hz: f64) -> f64 {
        let off_hz = f_hz - nominal_hz;
        let beyond_hz = off_hz - off_hz.clamp(-self.deadband_hz, self.deadband_hz);
        -beyond_hz / (nominal_hz * self.k)
    }
}

/// What the curves of voltage stand against.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum VoltageReference {
    /// The nominal voltage.
    #[default]
    Nominal,
    /// The voltage's own mean, with this time constant in s (300 s by default in the standard): only what is faster counts.
    Autonomous(f64),
}

/// Which functions an inverter has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Functions {
    /// Reactive power.
    pub reactive: Reactive,
    /// Most active power by voltage.
    pub volt_watt: Option<Along>,
    /// Active power by frequency.
    pub droop: Option<FrequencyDroop>,
    /// What curves of voltage stand against.
    pub reference: VoltageReference,
    /// Ride-through and trip.
    pub ride_through: Option<super::RideThrough>,
    /// Return to service after a trip.
    pub enter_service: Option<super::EnterService>,
}

/// What an inverter's terminals see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Mean of the phases' voltages, per rated.
    pub v_pu: f64,
    /// Lowest phase.
    pub v_least_pu: f64,
    /// Highest phase.
    pub v_most_pu: f64,
    /// Frequency in Hz.
    pub f_hz: f64,
}

/// The functions at work. Evaluated once for all units at a bus.
#[derive(Clone, Debug)]
pub struct Support {
    functions: Functions,
    nominal_hz: f64,
    step_s: f64,
    reference_pu: f64,
    q_pu: Follower,
    most_pu: Follower,
    shift_pu: Follower,
}

/// A value that follows another one.
#[derive(Clone, Copy, Debug, Default)]
struct Follower(Option<f64>);

impl Follower {
    /// A step of the response with a time to 90 %; the first one is there at once.
    fn step(&mut self, target: f64, h_s: f64, response_s: f64) -> f64 {
        let left = if response_s > 0.0 { (-10f64.ln() * h_s / response_s).exp() } else { 0.0 };
        let next = self.0.map_or(target, |y| target + (y - target) * left);
        self.0 = Some(next);
        next
    }
}

/// What the functions want: per rated apparent power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// Most active power injected.
    pub most_pu: f64,
    /// Change of the active set-point.
    pub shift_pu: f64,
    /// Reactive power; `None` leaves it to the set-point.
    pub q_pu: Option<f64>,
}

impl Support {
    /// Functions before their first step of `step_s` seconds.
    pub fn new(functions: Functions, nominal_hz: f64, step_s: f64) -> Self {
        let at_rest = Follower(None);
        Self { functions, nominal_hz, step_s, reference_pu: 1.0, q_pu: at_rest, most_pu: at_rest, shift_pu: at_rest }
    }

    /// The functions.
    pub const fn functions(&self) -> &Functions {
        &self.functions
    }

    /// One step: from what is seen, and the active power per rating as it is, to what is wanted.
    pub fn step(&mut self, seen: &Seen, p_pu: f64) -> Wish {
        let v_pu = self.shifted(seen.v_pu);
        let h_s = self.step_s;
        let most_pu = match &self.functions.volt_watt {
            Some(along) => self.most_pu.step(along.curve.at(v_pu), h_s, along.response_s),
            None => f64::INFINITY,
        };
        let shift_pu = match &self.functions.droop {
            Some(droop) => self.shift_pu.step(droop.at(seen.f_hz, self.nominal_hz), h_s, droop.response_s),
            None => 0.0,
        };
        let target = match &self.functions.reactive {
            Reactive::SetPoint => None,
            Reactive::PowerFactor { pf, injecting, response_s } => {
                let q_pu = p_pu.abs() * (1.0 / (pf * pf) - 1.0).max(0.0).sqrt();
                Some((if *injecting { q_pu } else { -q_pu }, *response_s))
            }
            Reactive::Constant { q_pu, response_s } => Some((*q_pu, *response_s)),
            Reactive::VoltVar(along) => Some((along.curve.at(v_pu), along.response_s)),
            Reactive::WattVar(along) => Some((along.curve.at(p_pu), along.response_s)),
        };
        Wish { most_pu, shift_pu, q_pu: target.map(|(q_pu, response_s)| self.q_pu.step(q_pu, h_s, response_s)) }
    }

    /// The voltage against the reference.
    fn shifted(&mut self, v_pu: f64) -> f64 {
        if let VoltageReference::Autonomous(time_s) = self.functions.reference {
            let left = if time_s > 0.0 { (-self.step_s / time_s).exp() } else { 0.0 };
            self.reference_pu = v_pu + (self.reference_pu - v_pu) * left;
        }
        v_pu - (self.reference_pu - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(v_pu: f64, f_hz: f64) -> Seen {
        Seen { v_pu, v_least_pu: v_pu, v_most_pu: v_pu, f_hz }
    }

    fn settled(functions: &Functions, v_pu: f64, f_hz: f64, p_pu: f64) -> Wish {
        Support::new(functions.clone(), 60.0, 1.0).step(&seen(v_pu, f_hz), p_pu)
    }

    #[test]
    fn the_functions_are_those_of_the_points() {
        let volt_var = Functions { reactive: Reactive::VoltVar(Along::volt_var_b().unwrap()), ..Functions::default() };
        for (v, q) in [(0.90, 0.44), (0.95, 0.22), (1.0, 0.0), (1.05, -0.22), (1.08, -0.44), (1.3, -0.44)] {
            assert!((settled(&volt_var, v, 60.0, 0.0).q_pu.unwrap() - q).abs() < 1e-12, "{v}");
        }
        let volt_watt = Functions { volt_watt: Some(Along::volt_watt_b().unwrap()), ..Functions::default() };
        for (v, most) in [(1.0, 1.0), (1.06, 1.0), (1.08, 0.6), (1.10, 0.2), (1.2, 0.2)] {
            assert!((settled(&volt_watt, v, 60.0, 0.0).most_pu - most).abs() < 1e-9, "{v}");
        }
        let watt_var = Functions { reactive: Reactive::WattVar(Along::watt_var_b().unwrap()), ..Functions::default() };
        for (p, q) in [(-1.0, 0.44), (-0.75, 0.22), (0.2, 0.0), (0.75, -0.22), (1.0, -0.44)] {
            assert!((settled(&watt_var, 1.0, 60.0, p).q_pu.unwrap() - q).abs() < 1e-12, "{p}");
        }
        let constant =
            Functions { reactive: Reactive::Constant { q_pu: -0.3, response_s: 10.0 }, ..Functions::default() };
        assert_eq!(settled(&constant, 1.0, 60.0, 0.5).q_pu, Some(-0.3));
        // pf 0.9: tan(arccos 0.9) = 0.48432.
        let pf = Reactive::PowerFactor { pf: 0.9, injecting: false, response_s: 10.0 };
        let q = settled(&Functions { reactive: pf, ..Functions::default() }, 1.0, 60.0, -0.5).q_pu.unwrap();
        assert!((q + 0.5 * 0.484_322).abs() < 1e-6, "{q}");
    }

    #[test]
    fn the_droop_is_that_of_its_formula() {
        let droop = FrequencyDroop::default();
        // (60 + 0.036 − 60.336)/(60·0.05) = −0.1; (60 − 0.036 − 59.664)/3 = +0.1.
        for (f, p) in [(60.0, 0.0), (60.036, 0.0), (60.336, -0.1), (59.664, 0.1), (59.97, 0.0)] {
            assert!((droop.at(f, 60.0) - p).abs() < 1e-12, "{f}");
        }
    }

    #[test]
    fn the_open_loop_response_is_at_90_percent_after_its_time() {
        let functions = Functions { reactive: Reactive::VoltVar(Along::volt_var_b().unwrap()), ..Functions::default() };
        let mut support = Support::new(functions, 60.0, 0.5);
        support.step(&seen(1.0, 60.0), 0.0);
        let last = (0..10).map(|_| support.step(&seen(1.08, 60.0), 0.0)).last().unwrap();
        assert!((last.q_pu.unwrap() + 0.9 * 0.44).abs() < 1e-12, "{last:?}");
    }

    #[test]
    fn an_autonomous_reference_forgets_what_lasts() {
        let reference = VoltageReference::Autonomous(300.0);
        let along = Along { response_s: 0.0, ..Along::volt_var_b().unwrap() };
        let mut support = Support::new(
            Functions { reactive: Reactive::VoltVar(along), reference, ..Functions::default() },
            60.0,
            1.0,
        );
        let first = support.step(&seen(1.08, 60.0), 0.0).q_pu.unwrap();
        let last = (0..3000).map(|_| support.step(&seen(1.08, 60.0), 0.0)).last().unwrap().q_pu.unwrap();
        assert!(first < -0.43 && last.abs() < 1e-3, "{first} {last}");
    }
}
