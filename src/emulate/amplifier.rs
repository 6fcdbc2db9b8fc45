//! A grid simulator: what makes the voltage that a device under test sees.
//!
//! Each phase goes to its set voltage at a bounded rate while the output is on; angle and frequency follow at once. With the
//! output off there is no voltage, and it begins from zero again. What flows is the bench's to show (`i_a.a`, `p_w.a`, …): an
//! ideal source does not know its load. A current beyond the limit for longer than its time trips the output until it is
//! switched off and on again (`tripped_state` 1).

use std::collections::BTreeMap;

use super::model::{Model, Terminal, parts, put};

/// What an emulated grid simulator can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AmplifierSettings {
    /// How many phases it has.
    pub phases: usize,
    /// Largest voltage of a phase to neutral in V.
    pub v_max_v: f64,
    /// How fast a voltage moves in V/s; infinite where it does at once.
    pub slew_v_per_s: f64,
    /// Lowest and highest frequency in Hz.
    pub f_hz: [f64; 2],
    /// Largest current of a phase in A.
    pub i_max_a: f64,
    /// How long a current may be larger in s.
    pub trip_s: f64,
}

impl Default for AmplifierSettings {
    /// Three phases to 300 V and 100 A, 40 to 70 Hz, without a slew.
    fn default() -> Self {
        Self {
            phases: 3,
            v_max_v: 300.0,
            slew_v_per_s: f64::INFINITY,
            f_hz: [40.0, 70.0],
            i_max_a: 100.0,
            trip_s: 0.02,
        }
    }
}

/// Angles of a symmetrical system in degrees.
const SYMMETRICAL_DEG: [f64; 3] = [0.0, -120.0, 120.0];

/// A grid simulator with its output off.
#[derive(Clone, Debug)]
pub struct Amplifier {
    settings: AmplifierSettings,
    set_v: [f64; 3],
    v_v: [f64; 3],
    angle_deg: [f64; 3],
    f_hz: f64,
    on: bool,
    tripped: bool,
    beyond_s: f64,
    seconds: f64,
    shown: BTreeMap<String, f64>,
}

impl Amplifier {
    /// One that has not been switched on; at 50 Hz, or as near as it goes.
    pub fn new(settings: AmplifierSettings) -> Self {
        let settings = AmplifierSettings { phases: settings.phases.clamp(1, 3), ..settings };
        let mut own = Self {
            settings,
            set_v: [0.0; 3],
            v_v: [0.0; 3],
            angle_deg: SYMMETRICAL_DEG,
            f_hz: 0.0,
            on: false,
            tripped: false,
            beyond_s: 0.0,
            seconds: 0.0,
            shown: BTreeMap::new(),
        };
        own.set("f_hz", 50.0);
        own
    }

    /// Whether there is voltage at its terminals, or would be.
    pub const fn is_on(&self) -> bool {
        self.on && !self.tripped
    }

    fn current_a(&self, phase: usize) -> f64 {
        const NAMES: [&str; 3] = ["i_a.a", "i_a.b", "i_a.c"];
        self.shown.get(NAMES[phase]).copied().unwrap_or(0.0)
    }

    fn sum(&self, stem: &str) -> f64 {
        ["a", "b", "c"].iter().filter_map(|phase| self.shown.get(&format!("{stem}.{phase}"))).sum()
    }

    fn protect(&mut self, dt_s: f64) {
        let beyond = (0..self.settings.phases).any(|k| self.current_a(k).abs() > self.settings.i_max_a);
        self.beyond_s = if beyond && self.is_on() { self.beyond_s + dt_s } else { 0.0 };
        self.tripped |= self.beyond_s > self.settings.trip_s;
    }
}

impl Model for Amplifier {
    fn step(&mut self, dt_s: f64) {
        self.seconds += dt_s;
        self.protect(dt_s);
        // No time is no way, however fast it is.
        let most_v = if dt_s > 0.0 { self.settings.slew_v_per_s * dt_s } else { 0.0 };
        for k in 0..self.settings.phases {
            self.v_v[k] = match self.is_on() {
                true => self.v_v[k] + (self.set_v[k] - self.v_v[k]).clamp(-most_v, most_v),
                false => 0.0,
            };
        }
    }

    fn set(&mut self, name: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        let most_v = self.settings.v_max_v;
        match parts(name) {
            ("v_v", Some(phase)) => self.set_v[phase] = value.clamp(0.0, most_v),
            ("v_v", None) => self.set_v = [value.clamp(0.0, most_v); 3],
            ("angle_deg", Some(phase)) => self.angle_deg[phase] = value,
            ("f_hz", None) => self.f_hz = value.clamp(self.settings.f_hz[0], self.settings.f_hz[1]),
            _ => {}
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a few phases")]
    fn get(&self, name: &str) -> Option<f64> {
        let phases = self.settings.phases;
        let off = !self.is_on();
        match parts(name) {
            ("v_v", Some(phase)) => return Some(self.v_v[phase]),
            ("v_v", None) => return Some(self.v_v[..phases].iter().sum::<f64>() / phases as f64),
            ("angle_deg", Some(phase)) => return Some(self.angle_deg[phase]),
            ("f_hz", None) => return Some(self.f_hz),
            ("output_state", None) => return Some(f64::from(u8::from(self.is_on()))),
            ("tripped_state", None) => return Some(f64::from(u8::from(self.tripped))),
            ("i_a" | "p_w" | "q_var" | "s_va", _) if off => return Some(0.0),
            _ => {}
        }
        if let Some(&shown) = self.shown.get(name) {
            return Some(shown);
        }
        match parts(name) {
            (stem @ ("i_a" | "p_w" | "q_var" | "s_va"), None) => Some(self.sum(stem)),
            ("i_a" | "p_w" | "q_var" | "s_va", Some(_)) => Some(0.0),
            ("sequence_count", None) => Some((self.seconds * 10.0).floor() % 65_000.0),
            _ => None,
        }
    }

    /// The network is what it makes itself.
    fn stand_at(&mut self, _: Terminal) {}

    fn show(&mut self, name: &str, value: f64) {
        put(&mut self.shown, name, value);
    }

    fn reboot(&mut self) {
        let shown = std::mem::take(&mut self.shown);
        *self = Self { shown, ..Self::new(self.settings) };
    }

    fn act(&mut self, acting: bool) {
        if acting && !self.on {
            self.tripped = false;
        }
        if !acting {
            self.v_v = [0.0; 3];
        }
        (self.on, self.beyond_s) = (acting, 0.0);
    }

    fn has_let_go(&self) -> bool {
        self.tripped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(own: &Amplifier, name: &str) -> f64 {
        own.get(name).unwrap()
    }

    #[test]
    fn a_voltage_slews_while_the_output_is_on() {
        let mut own = Amplifier::new(AmplifierSettings { slew_v_per_s: 1000.0, ..AmplifierSettings::default() });
        own.set("v_v.a", 230.0);
        own.set("angle_deg.b", -90.0);
        own.set("f_hz", 80.0);
        own.step(0.1);
        assert_eq!((value(&own, "v_v.a"), value(&own, "angle_deg.b"), value(&own, "f_hz")), (0.0, -90.0, 70.0));
        own.act(true);
        own.step(0.1);
        assert_eq!(value(&own, "v_v.a"), 100.0);
        own.step(0.2);
        assert_eq!((value(&own, "v_v.a"), value(&own, "v_v.b"), value(&own, "output_state")), (230.0, 0.0, 1.0));
        own.set("v_v", 900.0);
        own.step(1.0);
        assert_eq!(value(&own, "v_v"), 300.0, "its own limit");
        own.act(false);
        assert_eq!(value(&own, "v_v.a"), 0.0);
    }

    #[test]
    fn a_current_beyond_its_limit_trips_it_until_it_is_switched_anew() {
        let mut own = Amplifier::new(AmplifierSettings::default());
        own.act(true);
        own.set("v_v", 230.0);
        own.show("i_a.b", -120.0);
        own.show("p_w.a", 500.0);
        own.step(0.01);
        assert_eq!((value(&own, "i_a.b"), value(&own, "p_w"), value(&own, "v_v.b")), (-120.0, 500.0, 230.0));
        own.step(0.02);
        assert_eq!((value(&own, "tripped_state"), value(&own, "v_v.b"), value(&own, "i_a.b")), (1.0, 0.0, 0.0));
        own.show("i_a.b", 10.0);
        own.step(1.0);
        assert_eq!(value(&own, "v_v.b"), 0.0, "it stays off");
        own.act(false);
        own.act(true);
        own.step(0.01);
        assert_eq!((value(&own, "v_v.b"), value(&own, "i_a.b")), (230.0, 10.0));
        own.reboot();
        assert_eq!((value(&own, "v_v.b"), own.is_on()), (0.0, false));
    }
}
