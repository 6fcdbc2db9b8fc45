//! The battery behind a device: from the file to [`Battery`]; what is wrong is reported.

use super::check::Spots;
use super::{Device, DeviceKind};
use crate::device::Battery;
use crate::diagnostic::yaml::Node;
use crate::scenario::check::Checker;
use crate::scenario::read::entry;
use crate::scenario::{BatterySetting, SupervisorySetting};

/// Percent of a battery that are nothing.
const SLACK_PERCENT: f64 = 1e-9;

impl Checker<'_> {
    /// A battery; none where something of it is wrong, which has been reported.
    pub(super) fn battery(&mut self, s: Option<&BatterySetting>, spots: &Spots) -> Option<Battery> {
        let s = s?;
        let before = self.found.len();
        if !(s.energy_kwh > 0.0 && s.energy_kwh.is_finite()) {
            let message = format!("a battery of {} kWh holds nothing", s.energy_kwh);
            self.report("E0339", message, spots.within("storage", "energy_kwh"), "give its energy when full, in kWh");
        }
        let [low, high] = s.band_percent;
        if !(low >= 0.0 && low < high && high <= 100.0) {
            let message = format!("a battery cannot be used from {low} % to {high} %");
            let help = "write the lower end first, both from 0 to 100 %, as in [10, 90]";
            self.report("E0339", message, spots.within("storage", "band_percent"), help);
        } else if !(low..=high).contains(&s.soc_percent) {
            let message = format!("a charge of {} % is outside its band from {low} % to {high} %", s.soc_percent);
            let help = "begin inside the band, or widen `band_percent`";
            self.report("E0339", message, spots.within("storage", "soc_percent"), help);
        }
        let of = |own: Option<f64>| own.unwrap_or(s.efficiency_percent);
        for (value, key) in [
            (Some(s.efficiency_percent), "efficiency_percent"),
            (s.charge_efficiency_percent, "charge_efficiency_percent"),
            (s.discharge_efficiency_percent, "discharge_efficiency_percent"),
        ] {
            if let Some(value) = value.filter(|value| !(*value > 0.0 && *value <= 100.0)) {
                let help = "it is above 0 and at most 100 %: what comes out is no more than what goes in";
                let message = format!("an efficiency of {value} % is not possible");
                self.report("E0339", message, spots.within("storage", key), help);
            }
        }
        self.not_negative(s.idle_w, "idle_w", spots.within("storage", "idle_w"));
        (self.found.len() == before).then(|| Battery {
            energy_wh: s.energy_kwh * 1000.0,
            soc: s.soc_percent / 100.0,
            soc_min: low / 100.0,
            soc_max: high / 100.0,
            charge_efficiency: of(s.charge_efficiency_percent) / 100.0,
            discharge_efficiency: of(s.discharge_efficiency_percent) / 100.0,
            idle_w: s.idle_w,
        })
    }

    /// What an S-PBC does with batteries: of devices that it plans with and that have one.
    pub(super) fn planned_storages(&mut self, s: &SupervisorySetting, actuators: &[[usize; 2]], spots: &Spots) {
        for (name, own) in &s.storage {
            let span = spots.within("storage", name);
            let Some(device) = self.known_device(name, span) else { continue };
            let found = self.equipment.devices.get(device).and_then(Device::battery);
            let Some(battery) = found.filter(|_| actuators.iter().any(|[planned, _]| *planned == device)) else {
                if !self.is_written_with_storage(name) {
                    let help = "give the device a `storage`, and name it among `actuators`";
                    let message = format!("the S-PBC plans with no battery of {name:?}");
                    self.report("E0332", message, span, help);
                }
                continue;
            };
            let [least, most] = [battery.soc_min, battery.soc_max].map(|soc| 100.0 * soc);
            let [low, high] = own.band_percent.unwrap_or([least, most]);
            if !(low >= least - SLACK_PERCENT && low < high && high <= most + SLACK_PERCENT) {
                let message = format!("plans within {low} % to {high} %, where the battery has {least} % to {most} %");
                self.report("E0339", message, span, "stay inside the battery's own band, the lower end first");
            } else if own.end_percent.is_some_and(|end| !(low..=high).contains(&end)) {
                let message = format!("an end of the horizon outside {low} % to {high} %");
                self.report("E0339", message, span, "`end_percent` lies inside the band of plans");
            }
            for (value, key) in [(own.wear_per_kwh, "wear_per_kwh"), (own.end_value_per_kwh, "end_value_per_kwh")] {
                self.not_negative(value, key, span);
            }
        }
    }

    /// Whether a device has a battery in the file, sound or not: what is wrong with it has been reported.
    fn is_written_with_storage(&self, name: &str) -> bool {
        let device = self.root.get("devices").and_then(|map| entry(map, &name.to_lowercase()));
        let kinds = device.map(Node::entries).unwrap_or_default();
        let battery = self.equipment.device(&name.to_lowercase()).and_then(|k| self.equipment.devices[k].battery());
        battery.is_none() && kinds.iter().any(|(_, kind)| kind.get("storage").is_some())
    }
}

impl Device {
    /// The battery behind it, all units together.
    #[allow(clippy::cast_precision_loss, reason = "a count of units")]
    pub fn battery(&self) -> Option<Battery> {
        match &self.kind {
            DeviceKind::Power { battery, .. } => *battery,
            DeviceKind::Inverter(settings) => {
                let count = settings.count as f64;
                let whole =
                    |own: Battery| Battery { energy_wh: own.energy_wh * count, idle_w: own.idle_w * count, ..own };
                settings.unit.battery.map(whole)
            }
            DeviceKind::ActiveFilter(_) => None,
        }
    }
}
