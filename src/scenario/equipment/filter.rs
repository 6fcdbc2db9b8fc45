//! Active filters and mitigation: from the file to the plan; what is wrong is reported.

use super::check::{Spots, phase_names};
use super::{ActiveFilter, Device, DeviceKind, Mitigation};
use crate::device::{Limits, Priority};
use crate::feeder::Terminal;
use crate::scenario::check::Checker;
use crate::scenario::{ActiveFilterSetting, Demand, MitigationSetting, ProbeSetting};

impl Checker<'_> {
    pub(super) fn active_filter(&mut self, name: &str, s: &ActiveFilterSetting) -> (Device, Terminal) {
        let spots = Spots::of(self.root, self.place, "devices", name, Some("active_filter"));
        let nodes = self.device_nodes(&s.bus, s.phases.as_deref(), &spots).unwrap_or_default();
        if s.s_kva <= 0.0 {
            let help = "give its rated apparent power in kVA";
            self.report("E0331", format!("`s_kva` is {}", s.s_kva), spots.at("s_kva"), help);
        }
        if s.orders.is_empty() || s.orders.iter().any(|order| !(2..=50).contains(order)) {
            self.report("E0336", "an active filter is for orders 2 to 50", spots.at("orders"), "as in [5, 7, 11, 13]");
        }
        if !(s.gain > 0.0 && s.gain <= 1.0) {
            self.report("E0308", format!("`gain` is {}", s.gain), spots.at("gain"), "it is above 0 and at most 1");
        }
        let conductance_s = s.conductance_s.unwrap_or(0.0);
        self.not_negative(conductance_s, "conductance_s", spots.at("conductance_s"));
        if s.cancels.is_empty() == s.conductance_s.is_none() {
            let help = "give one of them: `cancels` with devices and branches, or `conductance_s`";
            self.report("E0306", "an active filter answers to currents or to voltages", spots.at("cancels"), help);
        }
        let mut cancels = Vec::new();
        for (k, name) in s.cancels.iter().enumerate() {
            cancels.extend(self.flow(name, spots.item("cancels", k)));
        }
        let kind = DeviceKind::ActiveFilter(Box::new(ActiveFilter { setting: s.clone(), cancels }));
        let set_point = Demand { p_kw: 0.0, q_kvar: 0.0, scale: 1.0, shape: None, multiplied: false, connected: true };
        let limits = Limits {
            s_va: s.s_kva * 1000.0,
            ramp_w_per_s: f64::INFINITY,
            ramp_var_per_s: f64::INFINITY,
            response_s: 0.0,
            priority: Priority::Reactive,
        };
        let load = self.feeder.loads.len() + self.equipment.devices.len();
        let phases = phase_names(&nodes);
        (Device { name: name.to_owned(), load, set_point, phases, limits, kind }, Terminal::new(&s.bus.bus, &nodes))
    }

    /// `None` when it does not know what it listens to.
    pub(super) fn mitigation(&mut self, name: &str, s: &MitigationSetting) -> Option<Mitigation> {
        let spots = Spots::of(self.root, self.place, "controllers", name, None);
        let times = [
            (s.confirm_s, "confirm_s"),
            (s.effect_s, "effect_s"),
            (s.release_s, "release_s"),
            (s.limit_percent.unwrap_or(1.0), "limit_percent"),
            (s.release_percent.unwrap_or(1.0), "release_percent"),
        ];
        for (value, key) in times.into_iter().filter(|(value, _)| *value <= 0.0) {
            self.report("E0308", format!("`{key}` is {value}"), spots.at(key), "it must be positive");
        }
        for (value, key) in [(s.settle_s, "settle_s"), (s.pause_s, "pause_s"), (s.conductance_s, "conductance_s")] {
            self.not_negative(value, key, spots.at(key));
        }
        let probe = s.probe.as_ref().map(|own| self.probing(own, &spots));
        let actuators = self.actuators(&s.actuators, &spots);
        for (k, &device) in actuators.iter().enumerate() {
            let kind = self.equipment.devices.get(device).map(|device| &device.kind);
            if !matches!(kind, Some(DeviceKind::Inverter(_))) {
                let help = "it commands inverters: switching frequency, compensation, power";
                self.report("E0332", "mitigation needs inverters", spots.item("actuators", k), help);
            }
        }
        let analyser = self.known_analyser(&s.measures, spots.at("measures"))?;
        let own = self.equipment.analysers.get(analyser)?.clone();
        if own.setting.attribution.is_none() {
            let message = format!("analyser {:?} does not say who causes the distortion", s.measures);
            let help = "give it `attribution`: mitigation acts only when the fleet is the cause";
            self.report("E0332", message, spots.at("measures"), help);
        }
        if let Some(stranger) = actuators.iter().find(|device| !own.fleet.contains(device)) {
            let name = self.equipment.devices.get(*stranger).map_or(String::new(), |device| device.name.clone());
            let help = "list it in the analyser's `attribution: {fleet: […]}`";
            self.report("E0332", format!("{name:?} is not of the fleet"), spots.at("actuators"), help);
        }
        let probe = match probe {
            Some(probe) => Some(probe?),
            None => None,
        };
        Some(Mitigation { name: name.to_owned(), analyser, actuators, probe, most_extra: 0, setting: s.clone() })
    }

    /// The device that probes, and the ticks of each sign.
    fn probing(&mut self, s: &ProbeSetting, spots: &Spots) -> Option<(usize, u64)> {
        let span = spots.at("probe");
        for (value, key) in [(s.current_a, "current_a"), (s.most_s, "most_s")] {
            if value <= 0.0 {
                self.report("E0308", format!("`{key}` is {value}"), span, "it must be positive");
            }
        }
        let ticks = match self.step {
            Some(step) => self.ticks_in(s.flip_s, step, span).unwrap_or(1),
            None => 1,
        };
        Some((self.known_device(&s.device, span)?, ticks))
    }

    fn known_analyser(&mut self, name: &str, span: crate::diagnostic::Span) -> Option<usize> {
        let place = self.equipment.analyser(&name.to_lowercase());
        if place.is_none() {
            let names = self.equipment.analysers.iter().map(|own| own.name.clone()).collect();
            self.no_such("power-quality analyser", &["instruments"], name, names, span);
        }
        place
    }
}
