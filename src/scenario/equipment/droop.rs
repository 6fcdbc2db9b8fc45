//! Droops: from the file to [`Controller`]; what is wrong is reported.

use super::check::Spots;
use super::{Controller, Device};
use crate::control::{self, Actuator, Curve};
use crate::quantity::Step;
use crate::scenario::check::Checker;
use crate::scenario::{DroopSetting, Law};

impl Checker<'_> {
    /// `None` when it does not know what it measures.
    pub(super) fn droop(&mut self, name: &str, s: &DroopSetting) -> Option<Controller> {
        let spots = Spots::of(self.root, self.place, "controllers", name, None);
        let every = self.period(s.every_s, spots.at("every_s"));
        let response_s = s.response_s.unwrap_or(if s.law == Law::VoltVar { 5.0 } else { 10.0 });
        self.not_negative(response_s, "response_s", spots.at("response_s"));
        let curve = self.curve(s, &spots);
        let actuators = self.actuators(&s.actuators, &spots);
        let instrument = self.known_instrument(&s.measures, spots.at("measures"))?;
        let seen = self.equipment.instruments.get(instrument)?;
        let is_voltage = |(_, name): &(usize, &String)| name.ends_with(".v_pu");
        let inputs: Vec<usize> = seen.channels.names().iter().enumerate().filter(is_voltage).map(|(k, _)| k).collect();
        let usual = every
            .max(seen.settings.every)
            .saturating_mul(3)
            .saturating_add(seen.settings.delay)
            .saturating_add(seen.settings.jitter);
        if inputs.is_empty() {
            let message = format!("instrument {:?} measures no voltage per unit", s.measures);
            let help = "let it measure the voltages at the devices, as in 634.1.v_pu";
            self.report("E0332", message, spots.at("measures"), help);
        }
        let timeout = match s.timeout_s {
            Some(timeout_s) => self.ticks_or_none(timeout_s, "timeout_s", spots.at("timeout_s")),
            None => usual,
        };
        #[allow(clippy::cast_precision_loss, reason = "a few ticks")]
        let period_s = self.step.map_or(1.0, Step::seconds) * every as f64;
        let (rated, fail_safe) = (self.rated(&actuators, s.law), s.fail_safe);
        let settings =
            control::Settings { curve: curve?, inputs, actuators: rated, period_s, response_s, timeout, fail_safe };
        Some(Controller { name: name.to_owned(), law: s.law, instrument, actuators, every, most_extra: 0, settings })
    }

    /// What a law needs to know of its devices. They begin at their own set-point.
    fn rated(&self, actuators: &[usize], law: Law) -> Vec<Actuator> {
        let of = |device: &Device| {
            let s_va = device.limits.s_va;
            let start = if law == Law::VoltVar { device.set_point.q_kvar * 1000.0 / s_va } else { 1.0 };
            Actuator { s_va, start }
        };
        actuators.iter().filter_map(|&k| self.equipment.devices.get(k)).map(of).collect()
    }

    fn curve(&mut self, s: &DroopSetting, spots: &Spots) -> Option<Curve> {
        let usual = match s.law {
            Law::VoltVar => vec![[0.92, 0.44], [0.98, 0.0], [1.02, 0.0], [1.08, -0.44]],
            Law::VoltWatt => vec![[1.06, 1.0], [1.10, 0.2]],
        };
        let points = s.curve.clone().unwrap_or(usual);
        let beyond = points.iter().position(|[_, y]| y.abs() > 1.0);
        if let Some(k) = beyond {
            let help = "commands are per rated apparent power: from -1 to 1";
            self.report("E0333", "the curve goes beyond the rating", spots.item("curve", k), help);
        }
        if s.fail_safe.is_some_and(|y| y.abs() > 1.0) {
            let help = "it is per rated apparent power: from -1 to 1";
            self.report("E0308", "the fail-safe is beyond the rating", spots.at("fail_safe"), help);
        }
        match Curve::new(points) {
            Ok(curve) => Some(curve),
            Err(error) => {
                let help = "write points as [v_pu, per rated kVA], the voltage increasing";
                self.report("E0333", format!("the curve is none: {error}"), spots.at("curve"), help);
                None
            }
        }
    }
}
