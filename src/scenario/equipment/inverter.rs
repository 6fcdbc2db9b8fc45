//! V2G inverters and active filters: from the file to [`Device`]; what is wrong is reported.

use super::check::{Spots, phase_names};
use super::{Device, DeviceKind};
use crate::device::emission::{Emission, ev_cpw};
use crate::device::inverter::{
    Along, EnterService, FrequencyDroop, Functions, NAMES, Noisy, Parameters, Reactive, RideThrough, Settings, Spread,
};
use crate::device::{Limits, Priority, inverter::Category};
use crate::diagnostic::nearest;
use crate::feeder::Terminal;
use crate::scenario::check::Checker;
use crate::scenario::{Demand, EmissionSetting, InverterSetting, PrioritySetting, SupportSetting};

impl Checker<'_> {
    pub(super) fn inverter(&mut self, name: &str, s: &InverterSetting) -> (Device, Terminal) {
        let spots = Spots::of(self.root, self.place, "devices", name, Some("inverter"));
        let nodes = self.device_nodes(&s.bus, s.phases.as_deref(), &spots).unwrap_or_default();
        let unit = self.unit_of(s, nodes.len(), &spots);
        let s_va = unit.s_va * f64::from(s.count.max(1));
        let asked_va = s.p_kw.hypot(s.q_kvar) * 1000.0;
        if asked_va > s_va * (1.0 + 1e-9) {
            let message = format!(
                "a set-point of {:.3} kVA is beyond a rating of {:.3} kVA, all units together",
                asked_va / 1000.0,
                s_va / 1000.0
            );
            self.report("E0331", message, spots.at("p_kw"), "p_kw² + q_kvar² is at most the square of that");
        }
        let shape = s.profile.as_ref().and_then(|profile| self.profile(profile, spots.at("profile")));
        let limits = Limits {
            s_va,
            ramp_w_per_s: unit.ramp_w_per_s * f64::from(s.count.max(1)),
            ramp_var_per_s: f64::INFINITY,
            response_s: unit.response_s,
            priority: unit.priority,
        };
        let set_point =
            Demand { p_kw: s.p_kw, q_kvar: s.q_kvar, scale: 1.0, shape, multiplied: false, connected: true };
        let settings = self.site(name, s, unit, nodes.len(), &spots);
        if let Err(error) = settings.check() {
            self.report("E0336", error.to_string(), spots.at("model"), "see docs/models/inverter.md");
        }
        let load = self.feeder.loads.len() + self.equipment.devices.len();
        let kind = DeviceKind::Inverter(Box::new(settings));
        let phases = phase_names(&nodes);
        (Device { name: name.to_owned(), load, set_point, phases, limits, kind }, Terminal::new(&s.bus.bus, &nodes))
    }

    /// What one unit is, by its model and what is written beside it.
    fn unit_of(&mut self, s: &InverterSetting, phases: usize, spots: &Spots) -> Parameters {
        let named = Parameters::named(&s.model.to_lowercase());
        if named.is_none() {
            let help = match nearest(&s.model, NAMES) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("the models are {}", NAMES.join(", ")),
            };
            self.report("E0336", format!("there is no inverter model {:?}", s.model), spots.at("model"), &help);
        }
        let unit = named.unwrap_or_default();
        let unit = if s.single_phase || phases < 3 { unit.single_phase() } else { unit };
        for (value, key) in [(s.response_s.unwrap_or(0.0), "response_s"), (s.delay_s, "delay_s")] {
            self.not_negative(value, key, spots.at(key));
        }
        let mut converter = unit.converter;
        converter.switching_hz = s.switching_hz.unwrap_or(converter.switching_hz);
        converter.dead_time_s = s.dead_time_us.map_or(converter.dead_time_s, |us| us * 1e-6);
        converter.filter.c_f = s.filter_uf.map_or(converter.filter.c_f, |uf| uf * 1e-6);
        let count = f64::from(s.count.max(1));
        Parameters {
            converter,
            ramp_w_per_s: s.ramp_kw_per_s.map_or(unit.ramp_w_per_s, |kw| kw * 1000.0 / count),
            response_s: s.response_s.unwrap_or(unit.response_s).max(0.0),
            dead_time_s: s.delay_s.max(0.0),
            priority: match s.priority {
                PrioritySetting::Reactive => Priority::Reactive,
                PrioritySetting::Active => Priority::Active,
            },
            battery: self.battery(s.storage.as_ref(), spots),
            ..unit
        }
    }

    /// All units; what the plant has to say (its voltage, the run's orders) is filled in when it is there.
    fn site(&mut self, name: &str, s: &InverterSetting, unit: Parameters, phases: usize, spots: &Spots) -> Settings {
        let noisy = s.noisy.map(|own| {
            if !(1..=s.count).contains(&own.unit) {
                let help = format!("units are counted from 1 to {}", s.count);
                self.report("E0336", format!("there is no unit {}", own.unit), spots.at("noisy"), &help);
            }
            self.not_negative(own.factor, "factor", spots.at("noisy"));
            let from = self.ticks_or_none(own.from_s, "from_s", spots.at("noisy"));
            Noisy { unit: (own.unit.clamp(1, s.count.max(1)) - 1) as usize, factor: own.factor, from_step: from }
        });
        Settings {
            phases: phases.max(1),
            nominal_hz: self.feeder.frequency_hz,
            step_s: self.step.map_or(1.0, crate::quantity::Step::seconds),
            functions: functions(&s.functions),
            emission: match s.emission {
                EmissionSetting::Measured => Emission::Table(vec![ev_cpw::median()]),
                EmissionSetting::Cars => Emission::Table(ev_cpw::all()),
                EmissionSetting::Physical => Emission::Physical,
                EmissionSetting::None => Emission::None,
            },
            spread: Spread { size_pu: s.spread.size_percent / 100.0, angle_deg: s.spread.angle_deg },
            noisy: noisy.into_iter().collect(),
            ..Settings::new(name, unit, s.count as usize)
        }
    }
}

/// Functions by the defaults of IEEE 1547-2018.
fn functions(asked: &[SupportSetting]) -> Functions {
    let mut all = Functions::default();
    for function in asked {
        match function {
            SupportSetting::VoltVar => all.reactive = Along::volt_var_b().map_or(Reactive::SetPoint, Reactive::VoltVar),
            SupportSetting::WattVar => all.reactive = Along::watt_var_b().map_or(Reactive::SetPoint, Reactive::WattVar),
            SupportSetting::VoltWatt => all.volt_watt = Along::volt_watt_b().ok(),
            SupportSetting::FreqWatt => all.droop = Some(FrequencyDroop::default()),
            SupportSetting::RideThrough => {
                all.ride_through = Some(RideThrough::of(Category::II));
                all.enter_service = Some(EnterService::default());
            }
        }
    }
    all
}
