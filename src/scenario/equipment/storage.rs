//! The battery behind a device: from the file to [`Battery`]; what is wrong is reported.

use super::check::Spots;
use super::{Device, DeviceKind};
use crate::device::Battery;
use crate::scenario::BatterySetting;
use crate::scenario::check::Checker;

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
