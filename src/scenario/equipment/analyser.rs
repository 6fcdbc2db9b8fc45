//! Power-quality analysers: from the file to [`Analyser`]; what is wrong is reported.

use super::check::Spots;
use super::{Device, Flow};
use crate::diagnostic::Span;
use crate::feeder::Feeder;
use crate::monitor::alarm::TripPoints;
use crate::monitor::limits::Profile;
use crate::monitor::{self, ChannelRole, attribution};
use crate::scenario::check::Checker;
use crate::scenario::{
    AnalyserSetting, AttributionSetting, Element, LimitsSetting, NodeRef, TransducerSetting, WindowsSetting,
};
use crate::sense::transducer::{
    Adc, AntiAlias, CtClass, CurrentTransformer, Emi, Loss, Oscillator, Placement, Rogowski, Spread,
    VoltageTransformer, VtClass,
};
use crate::sense::{ChannelSettings, PowerQualitySettings, SampleRate, Sensor};

/// Order of the filter before the converter.
const ANTI_ALIAS_ORDER: u32 = 4;
/// Frequencies beside the orders that an analyser has room for.
const COMPONENTS: usize = 16;
/// Time over which flicker is observed, in s (IEC 61000-4-15).
const TEN_MINUTES_S: f64 = 600.0;
/// A voltage that stands for the bus's base until the plant knows it, in V.
const SOME_VOLTAGE_V: f64 = 230.0;

/// A power-quality analyser: its place, and what it is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Analyser {
    /// Its name.
    pub name: String,
    /// The nodes whose voltages it samples, one to three.
    pub nodes: Vec<NodeRef>,
    /// What it samples the current of, node by node: their sum.
    pub currents: Vec<Flow>,
    /// What it is like, as written.
    pub setting: AnalyserSetting,
    /// The feeder's frequency in Hz.
    pub nominal_hz: f64,
    /// The devices that are the fleet, where it attributes.
    pub fleet: Vec<usize>,
}

impl Analyser {
    /// What each channel carries: voltages, then currents.
    pub fn roles(&self) -> Vec<ChannelRole> {
        let phases = || 1..=self.nodes.len() as u8;
        let currents = phases().map(ChannelRole::current).filter(|_| !self.currents.is_empty());
        phases().map(ChannelRole::voltage).chain(currents).collect()
    }

    /// The instrument at a bus of this voltage to ground.
    pub fn monitor(&self, base_v: f64) -> monitor::Settings {
        let own = &self.setting;
        monitor::Settings {
            nominal_v: Some(own.nominal_v.unwrap_or(base_v)),
            windows: match own.windows {
                WindowsSetting::Synchronised => monitor::Windows::Synchronised,
                WindowsSetting::Fixed => monitor::Windows::Fixed,
            },
            flicker_s: Some(own.flicker_s.unwrap_or(TEN_MINUTES_S)),
            trips: self.thd_limit_percent(base_v).map(|percent| TripPoints::new(self.nominal_hz, percent)),
            demand_a: own.il_a,
            rated_a: own.il_a,
            ..monitor::Settings::new(own.sample_hz, self.nominal_hz, self.roles())
        }
    }

    /// Voltage THD that its limits allow in percent, at a bus of this voltage to ground.
    pub fn thd_limit_percent(&self, base_v: f64) -> Option<f64> {
        let profile = match self.setting.limits {
            LimitsSetting::Ieee519 => Profile::Ieee519,
            LimitsSetting::En50160 => Profile::En50160,
            LimitsSetting::Seed => Profile::Seed,
        };
        profile.voltage_thd_percent(self.setting.nominal_v.unwrap_or(base_v) * 3f64.sqrt())
    }

    /// Its front end at a bus of this voltage to ground.
    ///
    /// # Errors
    /// In words: a class that there is not, a current transformer without a rated current, a sampling rate that is no
    /// fraction.
    pub fn front(&self, base_v: f64) -> Result<PowerQualitySettings, String> {
        let own = &self.setting;
        let nominal_v = own.nominal_v.unwrap_or(base_v);
        let rate = SampleRate::from_hz(own.sample_hz).ok_or("the sampling rate is no positive number")?;
        let channel =
            |role: ChannelRole| own.transducers.channel(&role.name(), !role.is_current(), nominal_v, own.il_a);
        let channels: Vec<ChannelSettings> = self.roles().into_iter().map(channel).collect::<Result<_, _>>()?;
        let t = &own.transducers;
        Ok(PowerQualitySettings {
            channels,
            components: COMPONENTS,
            oscillator: Oscillator { offset_ppm: t.clock_ppm, ..Oscillator::default() },
            loss: Loss { share: t.lost_percent / 100.0, ..Loss::default() },
            ..PowerQualitySettings::ideal(rate, self.nominal_hz, &[])
        })
    }

    /// Its attribution at a bus of this voltage to ground, with a fleet whose units have these rated currents in A and whose
    /// admittance at the watched orders is `fleet_s`; `None` when it attributes nothing.
    pub fn attribution(
        &self,
        base_v: f64,
        unit_a: Vec<f64>,
        fleet_s: impl Fn(&[u8]) -> Vec<crate::quantity::Complex>,
    ) -> Option<attribution::Settings> {
        let own = self.setting.attribution.as_ref()?;
        let orders: Vec<u8> = own.orders.iter().filter_map(|&h| u8::try_from(h).ok()).collect();
        let fleet_s = if own.norton { fleet_s(&orders) } else { Vec::new() };
        let [r_ohm, x_ohm] = own.z_ohm;
        let settings = attribution::Settings {
            nominal_v: self.setting.nominal_v.unwrap_or(base_v),
            phases: self.nodes.len(),
            orders,
            unit_a,
            fleet_s,
            ..attribution::Settings::default()
        };
        Some(settings.nameplate(r_ohm, x_ohm))
    }
}

impl TransducerSetting {
    fn channel(&self, name: &str, voltage: bool, nominal_v: f64, il_a: Option<f64>) -> Result<ChannelSettings, String> {
        let rated_a = self.ct_rated_a.or(il_a);
        let nominal = if voltage { nominal_v } else { rated_a.unwrap_or(100.0) };
        let percent = nominal / 100.0;
        let adc = self.adc_bits.map(|bits| Adc { bits, range: 2f64.sqrt() * nominal * self.adc_range });
        let anti_alias = self.anti_alias_hz.map(|cutoff_hz| AntiAlias {
            order: ANTI_ALIAS_ORDER,
            cutoff_hz,
            placement: Placement::Analogue,
        });
        let emi = (self.emi_percent > 0.0).then(|| Emi {
            distance_m: self.emi_distance_cm / 100.0,
            hum_rms: self.emi_percent * percent,
            broadband_rms: 0.1 * self.emi_percent * percent,
            loss_share: 0.0,
        });
        let sensor = if voltage { self.voltage_sensor() } else { self.current_sensor(rated_a) }?;
        let noise_rms = self.noise_percent * percent;
        Ok(ChannelSettings { sensor, anti_alias, emi, noise_rms, adc, ..ChannelSettings::ideal(name) })
    }

    fn voltage_sensor(&self) -> Result<Sensor, String> {
        let Some(class) = &self.vt_class else { return Ok(Sensor::Ideal) };
        let class = match class.as_str() {
            "0.1" => VtClass::C01,
            "0.2" => VtClass::C02,
            "0.5" => VtClass::C05,
            "1" => VtClass::C1,
            other => return Err(format!("{other:?} is no class of voltage transformers: 0.1, 0.2, 0.5 or 1")),
        };
        Ok(Sensor::VoltageTransformer(VoltageTransformer { class, spread: Spread::Seeded }))
    }

    fn current_sensor(&self, rated_a: Option<f64>) -> Result<Sensor, String> {
        if let Some(coil) = &self.rogowski {
            let (gain_percent, phase_deg) = (coil.gain_percent, coil.phase_deg);
            return Ok(Sensor::Rogowski(Rogowski { gain_percent, phase_deg, ..Rogowski::default() }));
        }
        let Some(class) = &self.ct_class else { return Ok(Sensor::Ideal) };
        let class = match class.to_lowercase().as_str() {
            "0.2s" => CtClass::C02S,
            "0.2" => CtClass::C02,
            "0.5s" => CtClass::C05S,
            "0.5" => CtClass::C05,
            "1" => CtClass::C1,
            other => {
                return Err(format!("{other:?} is no class of current transformers: 0.2s, 0.2, 0.5s, 0.5 or 1"));
            }
        };
        let rated_a = rated_a.ok_or("a current transformer needs a rated current: ct_rated_a, or il_a")?;
        Ok(Sensor::CurrentTransformer(CurrentTransformer { class, rated_a, spread: Spread::Seeded, saturation: None }))
    }
}

impl Checker<'_> {
    /// `None` when it does not know where it stands, or what its current is.
    pub(super) fn analyser(&mut self, name: &str, s: &AnalyserSetting) -> Option<Analyser> {
        let spots = Spots::of(self.root, self.place, "instruments", name, Some("power_quality"));
        let numbers = self.device_nodes(&s.bus, s.phases.as_deref(), &spots)?;
        let nodes = numbers.iter().take(3).map(|&number| NodeRef { bus: s.bus.bus.clone(), number }).collect();
        let mut currents = Vec::new();
        for (k, name) in s.current.iter().enumerate() {
            currents.push(self.flow(name, spots.item("current", k)));
        }
        let fleet = s.attribution.as_ref().map(|own| self.attributes(own, s, &spots)).unwrap_or_default();
        let analyser = Analyser {
            name: name.to_owned(),
            nodes,
            currents: currents.into_iter().collect::<Option<_>>()?,
            setting: s.clone(),
            nominal_hz: self.feeder.frequency_hz,
            fleet,
        };
        self.can_be(&analyser, &spots);
        Some(analyser)
    }

    /// Reports what keeps an analyser from being one.
    fn can_be(&mut self, analyser: &Analyser, spots: &Spots) {
        if let Err(error) = analyser.monitor(SOME_VOLTAGE_V).check() {
            self.report("E0335", error.to_string(), spots.at("bus"), "see docs/models/monitor.md");
        }
        let front = analyser.front(SOME_VOLTAGE_V);
        let front = front.and_then(|front| front.check().map_err(|error| error.to_string()));
        if let Err(error) = front {
            self.report("E0335", error, spots.at("transducers"), "see docs/models/sensing.md");
        }
        let ratings =
            [(analyser.setting.flicker_s, "flicker_s"), (analyser.setting.transducers.ct_rated_a, "ct_rated_a")];
        for (value, key) in ratings {
            if let Some(value) = value.filter(|value| *value <= 0.0) {
                self.report("E0308", format!("`{key}` is {value}"), spots.at(key), "it must be positive");
            }
        }
    }

    fn attributes(&mut self, own: &AttributionSetting, s: &AnalyserSetting, spots: &Spots) -> Vec<usize> {
        let span = spots.at("attribution");
        if s.current.is_empty() {
            let help = "list the fleet's devices, or the branch that carries their current, in `current`";
            self.report("E0335", "attribution needs the fleet's current", span, help);
        }
        if own.orders.iter().any(|order| !(2..=monitor::MOST_ORDER as u32).contains(order)) || own.orders.is_empty() {
            self.report("E0335", "attribution is about orders 2 to 50", span, "write orders as in [5, 7, 11, 13]");
        }
        if own.orders.windows(2).any(|pair| pair[0] >= pair[1]) {
            self.report("E0335", "the orders are not in order", span, "write each once, ascending");
        }
        if own.z_ohm.iter().any(|z| *z < 0.0) || own.z_ohm == [0.0, 0.0] {
            let help = "give R and X of the supply at its own frequency, as a transformer's nameplate says";
            self.report("E0335", format!("an impedance of {:?} ohm", own.z_ohm), span, help);
        }
        let mut fleet = Vec::new();
        for name in &own.fleet {
            fleet.extend(self.known_device(name, span));
        }
        fleet
    }

    /// What carries a current: a device by its name, or an element with its kind before it.
    pub(super) fn flow(&mut self, name: &str, span: Span) -> Option<Flow> {
        let name = name.to_lowercase();
        if let Some(device) = self.equipment.device(&name) {
            return Some(Flow::Device(device));
        }
        let element = crate::scenario::quantity::element(self.feeder, &name);
        if element.is_none() && !self.is_written("devices", &name) {
            let known = known_flows(self.feeder, &self.equipment.devices);
            self.no_such("device or branch", &[], &name, known, span);
        }
        element.map(Flow::Element)
    }
}

/// Names of what carries a current.
fn known_flows(feeder: &Feeder, devices: &[Device]) -> Vec<String> {
    let lines = feeder.lines.keys().map(|name| format!("line.{name}"));
    let transformers = feeder.transformers.keys().map(|name| format!("transformer.{name}"));
    devices.iter().map(|device| device.name.clone()).chain(transformers).chain(lines).collect()
}

impl Flow {
    /// The element, if it is one.
    pub const fn element(self) -> Option<Element> {
        match self {
            Self::Element(element) => Some(element),
            Self::Device(_) => None,
        }
    }
}
