//! What is behind an emulated device's registers: an inverter that follows its set-points, a meter that shows what is there.
//!
//! Values go by the names of the description's points: `p_w`, `p_w.a`, `v_v.a`, `i_a.c`, `f_hz`, `soc_percent`, … A model
//! says nothing of a name that it does not know; the description's `emulated` or 0 is served then.

use std::collections::BTreeMap;

use crate::device::{ControllablePower, Limits, Priority};

/// Phases by name.
const PHASES: [&str; 3] = ["a", "b", "c"];

/// The network where the device stands: voltage of each phase to neutral in V, frequency in Hz.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terminal {
    /// Magnitudes; a device of fewer phases has the first.
    pub v_v: [f64; 3],
    /// Frequency.
    pub f_hz: f64,
}

impl Default for Terminal {
    /// 230 V at 50 Hz.
    fn default() -> Self {
        Self { v_v: [230.0; 3], f_hz: 50.0 }
    }
}

/// What an emulated device is.
pub trait Model: Send {
    /// Goes on by some seconds.
    fn step(&mut self, dt_s: f64);
    /// A set-point in the description's unit.
    fn set(&mut self, name: &str, value: f64);
    /// What a point shows.
    fn get(&self, name: &str) -> Option<f64>;
    /// The network is so from now on.
    fn stand_at(&mut self, terminal: Terminal);
    /// Shows something else from now on: what a meter measures, or what an instrument elsewhere says.
    fn show(&mut self, name: &str, value: f64);
    /// What it was last told of a set-point, where it keeps that.
    fn told(&self, _: &str) -> Option<f64> {
        None
    }
    /// Begins anew, as after power was off.
    fn reboot(&mut self);
    /// Whether set-points act from now on: of what makes a voltage, whether its output is on.
    fn act(&mut self, _: bool) {}
    /// Whether it has let go of its set-points by itself, as when a protection trips; until it is to act anew.
    fn has_let_go(&self) -> bool {
        false
    }
}

/// What an emulated inverter can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverterSettings {
    /// Rating, ramps, response: of all phases together.
    pub limits: Limits,
    /// How many phases it has.
    pub phases: usize,
    /// Energy of its battery in Wh; infinite without an end.
    pub energy_wh: f64,
    /// State of charge to begin with, 0 to 1.
    pub soc: f64,
}

/// An inverter: each phase has its part of the rating and follows its part of the set-point, or its own.
#[derive(Clone, Debug)]
pub struct Inverter {
    settings: InverterSettings,
    phases: Vec<ControllablePower>,
    /// Set-points of all phases together, and of each.
    all: [f64; 2],
    each: [[Option<f64>; 2]; 3],
    output: [[f64; 2]; 3],
    terminal: Terminal,
    soc: f64,
    energy_wh: [f64; 2],
    seconds: f64,
    shown: BTreeMap<String, f64>,
}

impl Inverter {
    /// An inverter that gives nothing yet.
    pub fn new(settings: InverterSettings) -> Self {
        let phases = settings.phases.clamp(1, 3);
        #[allow(clippy::cast_precision_loss, reason = "a few phases")]
        let part = 1.0 / phases as f64;
        let limits = settings.limits;
        let limits = Limits {
            s_va: limits.s_va * part,
            ramp_w_per_s: limits.ramp_w_per_s * part,
            ramp_var_per_s: limits.ramp_var_per_s * part,
            ..limits
        };
        Self {
            phases: (0..phases).map(|_| ControllablePower::new(limits, [0.0; 2])).collect(),
            all: [0.0; 2],
            each: [[None; 2]; 3],
            output: [[0.0; 2]; 3],
            terminal: Terminal::default(),
            soc: settings.soc,
            energy_wh: [0.0; 2],
            seconds: 0.0,
            shown: BTreeMap::new(),
            settings: InverterSettings { phases, ..settings },
        }
    }

    /// Time goes on while it gives what it gives.
    fn pass(&mut self, dt_s: f64) {
        let wh = self.total(0) * dt_s / 3600.0;
        self.energy_wh[usize::from(wh < 0.0)] += wh.abs();
        if self.settings.energy_wh.is_finite() {
            self.soc = (self.soc - wh / self.settings.energy_wh).clamp(0.0, 1.0);
        }
        self.seconds += dt_s;
    }

    fn total(&self, part: usize) -> f64 {
        self.output.iter().map(|own| own[part]).sum()
    }

    fn current_a(&self, phase: usize) -> f64 {
        let [p_w, q_var] = self.output[phase];
        let v_v = self.terminal.v_v[phase];
        if v_v > 0.0 { p_w.hypot(q_var) / v_v } else { 0.0 }
    }

    fn of_phase(&self, what: &str, phase: usize) -> Option<f64> {
        let has = phase < self.settings.phases;
        let [p_w, q_var] = self.output[phase];
        Some(match what {
            "p_w" => p_w,
            "q_var" => q_var,
            "s_va" => p_w.hypot(q_var),
            "i_a" => self.current_a(phase),
            "v_v" if has => self.terminal.v_v[phase],
            "v_v" => 0.0,
            _ => return None,
        })
    }
}

/// Puts a value under a name: that of one that is there is not made again.
pub(super) fn put(values: &mut BTreeMap<String, f64>, name: &str, value: f64) {
    match values.get_mut(name) {
        Some(own) => *own = value,
        None => drop(values.insert(name.to_owned(), value)),
    }
}

/// A name and the phase after its dot.
pub(super) fn parts(name: &str) -> (&str, Option<usize>) {
    match name.rsplit_once('.') {
        Some((stem, phase)) => match PHASES.iter().position(|own| *own == phase) {
            Some(phase) => (stem, Some(phase)),
            None => (name, None),
        },
        None => (name, None),
    }
}

impl Model for Inverter {
    #[allow(clippy::cast_precision_loss, reason = "a few phases")]
    fn step(&mut self, dt_s: f64) {
        let part = 1.0 / self.phases.len() as f64;
        let empty = [self.soc <= 0.0, self.soc >= 1.0];
        for (k, phase) in self.phases.iter_mut().enumerate() {
            let [mut p_w, q_var] = [0, 1].map(|what| self.each[k][what].unwrap_or(self.all[what] * part));
            if (p_w > 0.0 && empty[0]) || (p_w < 0.0 && empty[1]) {
                p_w = 0.0;
            }
            self.output[k] = phase.step([p_w, q_var], dt_s);
        }
        self.pass(dt_s);
    }

    fn set(&mut self, name: &str, value: f64) {
        let (stem, phase) = parts(name);
        let what = match stem {
            "p_w" => 0,
            "q_var" => 1,
            _ => return,
        };
        match phase {
            Some(phase) => self.each[phase][what] = Some(value),
            None => self.all[what] = value,
        }
    }

    fn get(&self, name: &str) -> Option<f64> {
        if let Some(&shown) = self.shown.get(name) {
            return Some(shown);
        }
        let (stem, phase) = parts(name);
        if let Some(phase) = phase {
            return self.of_phase(stem, phase);
        }
        let phases = &self.terminal.v_v[..self.settings.phases];
        #[allow(clippy::cast_precision_loss, reason = "a few phases")]
        let mean_v = phases.iter().sum::<f64>() / phases.len() as f64;
        let s_va = self.total(0).hypot(self.total(1));
        Some(match name {
            "p_w" => self.total(0),
            "q_var" => self.total(1),
            "s_va" => s_va,
            "pf" => {
                if s_va > 0.0 {
                    self.total(0) / s_va
                } else {
                    1.0
                }
            }
            "f_hz" => self.terminal.f_hz,
            "v_v" => mean_v,
            "v_ll_v" => mean_v * 3_f64.sqrt(),
            "i_a" => (0..3).map(|k| self.current_a(k)).sum(),
            "soc_percent" => 100.0 * self.soc,
            "energy_wh" => self.soc * self.settings.energy_wh,
            "injected_wh" => self.energy_wh[0],
            "absorbed_wh" => self.energy_wh[1],
            "heartbeat_count" => (self.seconds * 10.0).floor() % 32_000.0,
            "inverter_state" => 3.0,
            "connected_state" => 1.0,
            _ => return None,
        })
    }

    fn stand_at(&mut self, terminal: Terminal) {
        self.terminal = terminal;
    }

    fn show(&mut self, name: &str, value: f64) {
        put(&mut self.shown, name, value);
    }

    fn reboot(&mut self) {
        let kept = (self.soc, self.terminal);
        *self = Self::new(self.settings);
        (self.soc, self.terminal) = kept;
    }
}

/// What a device of the simulation shows to who speaks to it, and what it is told: the simulation decides what it gives,
/// by `show` of `p_w.a`, `q_var.a`, ….
#[derive(Clone, Debug)]
pub struct Mirror {
    seen: Inverter,
    told: BTreeMap<String, f64>,
}

impl Mirror {
    /// Of a device of so many phases.
    pub fn new(phases: usize) -> Self {
        let limits = Limits {
            s_va: f64::INFINITY,
            ramp_w_per_s: f64::INFINITY,
            ramp_var_per_s: f64::INFINITY,
            response_s: 0.0,
            priority: Priority::Reactive,
        };
        let seen = Inverter::new(InverterSettings { limits, phases, energy_wh: f64::INFINITY, soc: 0.5 });
        Self { seen, told: BTreeMap::new() }
    }
}

impl Model for Mirror {
    fn step(&mut self, dt_s: f64) {
        self.seen.pass(dt_s);
    }

    fn set(&mut self, name: &str, value: f64) {
        put(&mut self.told, name, value);
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.seen.get(name)
    }

    fn stand_at(&mut self, terminal: Terminal) {
        self.seen.stand_at(terminal);
    }

    fn show(&mut self, name: &str, value: f64) {
        let (stem, phase) = parts(name);
        match (stem, phase) {
            ("p_w", Some(phase)) => self.seen.output[phase][0] = value,
            ("q_var", Some(phase)) => self.seen.output[phase][1] = value,
            _ => self.seen.show(name, value),
        }
    }

    fn told(&self, name: &str) -> Option<f64> {
        self.told.get(name).copied()
    }

    /// Its wire begins anew: what it gives is the simulation's.
    fn reboot(&mut self) {
        self.told.clear();
    }
}

/// A meter: it shows what it is told to, and counts its results, unless it is shown the number of its results too.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    terminal: Terminal,
    shown: BTreeMap<String, f64>,
    seconds: f64,
    /// Time between results in s; 0 shows at once.
    pub result_s: f64,
    /// What it shows until its next result.
    held: BTreeMap<String, f64>,
    results: f64,
}

impl Meter {
    /// A meter with a result every so many seconds, counted in `sequence_count`.
    pub fn new(result_s: f64) -> Self {
        Self { result_s, ..Self::default() }
    }
}

impl Model for Meter {
    fn step(&mut self, dt_s: f64) {
        self.seconds += dt_s;
        if self.result_s <= 0.0 || self.seconds + 1e-9 >= (self.results + 1.0) * self.result_s {
            self.results += 1.0;
            self.held.clone_from(&self.shown);
        }
    }

    fn set(&mut self, _: &str, _: f64) {}

    fn get(&self, name: &str) -> Option<f64> {
        if let Some(&value) = self.held.get(name) {
            return Some(value);
        }
        if name == "sequence_count" {
            return Some(self.results % 65_000.0);
        }
        let (stem, phase) = parts(name);
        match (stem, phase) {
            ("v_v", Some(phase)) => Some(self.terminal.v_v[phase]),
            ("v_v", None) => Some(self.terminal.v_v.iter().sum::<f64>() / 3.0),
            ("v_ll_v", None) => Some(self.terminal.v_v.iter().sum::<f64>() / 3_f64.sqrt()),
            ("f_hz", None) => Some(self.terminal.f_hz),
            _ => None,
        }
    }

    fn stand_at(&mut self, terminal: Terminal) {
        self.terminal = terminal;
    }

    fn show(&mut self, name: &str, value: f64) {
        put(&mut self.shown, name, value);
    }

    fn reboot(&mut self) {
        (self.results, self.seconds) = (0.0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inverter() -> Inverter {
        let limits = Limits {
            s_va: 30_000.0,
            ramp_w_per_s: f64::INFINITY,
            ramp_var_per_s: f64::INFINITY,
            response_s: 0.0,
            priority: Priority::Reactive,
        };
        Inverter::new(InverterSettings { limits, phases: 3, energy_wh: 10.0, soc: 0.5 })
    }

    #[test]
    fn an_inverter_does_what_it_is_told_within_its_rating() {
        let mut own = inverter();
        own.set("p_w", 6000.0);
        own.set("q_var", -3000.0);
        own.step(0.1);
        let value = |own: &Inverter, name: &str| own.get(name).unwrap();
        assert_eq!((value(&own, "p_w"), value(&own, "q_var.b")), (6000.0, -1000.0));
        assert!((value(&own, "i_a.a") - 2000_f64.hypot(1000.0) / 230.0).abs() < 1e-9);
        own.set("p_w.a", 50_000.0);
        own.step(0.1);
        assert!((value(&own, "p_w.a").hypot(value(&own, "q_var.a")) - 10_000.0).abs() < 1e-6, "a third of the rating");
        assert_eq!(own.get("thd_v_percent.a"), None);
    }

    #[test]
    fn its_battery_ends() {
        let mut own = inverter();
        own.set("p_w", 20_000.0);
        own.step(0.9);
        assert!(own.get("soc_percent").unwrap() < 1e-9);
        own.step(1.0);
        assert_eq!(own.get("p_w"), Some(0.0));
        own.set("p_w", -20_000.0);
        own.step(0.1);
        assert!(own.get("soc_percent").unwrap() > 1.0);
    }

    #[test]
    fn a_meter_shows_a_result_until_the_next() {
        let mut own = Meter::new(0.2);
        own.show("thd_v_percent.a", 2.0);
        own.step(0.1);
        assert_eq!((own.get("thd_v_percent.a"), own.get("sequence_count")), (None, Some(0.0)));
        own.step(0.1);
        own.show("thd_v_percent.a", 3.0);
        assert_eq!((own.get("thd_v_percent.a"), own.get("sequence_count")), (Some(2.0), Some(1.0)));
    }
}
