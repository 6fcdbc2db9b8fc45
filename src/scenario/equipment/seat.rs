//! Real devices in the place of simulated ones: from `hil` of the file to [`Seat`]; what is wrong is reported.
//!
//! | quantity | what |
//! |---|---|
//! | `NAME.hil_state` | 0 waiting, 1 taking over, 2 in the loop, 3 lost, 4 tripped, 5 watched only (a dry run) |
//! | `NAME.hil_p_w`, `.hil_q_var` | what the real one injects, scaled to the network; NaN before the first sample |
//! | `NAME.hil_twin_p_w`, `.hil_twin_q_var` | what the simulated one would have at the same time |
//! | `NAME.hil_difference_va` | how far they are apart |
//! | `NAME.hil_age_s` | time since the last sample |
//! | `NAME.hil_samples`, `.hil_missed` | samples taken so far, and those that came between and were not |
//! | `NAME.hil_losses` | how often it was lost or tripped so far |
//! | `NAME.hil_v_error_percent` | how far the voltages that an amplifier gives are from what it was told |
//! | `NAME.hil_delay_s` | how late its samples are: what its angles are turned ahead by |
//! | `NAME.hil_thd_difference_percent` | how far the largest voltage THD of a real analyser is from the simulated one's |
//!
//! Of a device that is served, `hil_p_w` and `hil_q_var` are what the controller outside commands, and the twin is what the
//! scenario itself would; samples are its requests.

use std::path::PathBuf;
use std::sync::Arc;

use super::check::Spots;
use super::metered::Tells;
use super::served::{self, Service};
use crate::diagnostic::nearest;
use crate::link::address::Address;
use crate::link::description::Description;
use crate::link::description::language::Kind;
use crate::link::driver;
use crate::link::fault::{Fault, Faults};
use crate::scenario::check::Checker;
use crate::scenario::{HilSetting, OnLoss, Scenario};
use crate::sense;

/// A real device, and what it takes the place of.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The name of what it replaces.
    pub name: String,
    /// What it is.
    pub description: Arc<Description>,
    /// Where it is.
    pub at: At,
    /// What it replaces.
    pub replaces: Replaced,
    /// The part of the device that is real.
    pub share: f64,
    /// How its quantities relate to the network's, and what happens when it is lost.
    pub setting: HilSetting,
    /// Ticks without a sample after which it is lost.
    pub lost_after: u64,
    /// Ticks over which it takes over.
    pub ramp_in: u64,
    /// What goes wrong with an emulated one: from, until in s, and what.
    pub faults: Vec<(f64, f64, Fault)>,
    /// How the simulated one is served to a controller outside; `None` where a real one takes its place.
    pub served: Option<Service>,
}

/// Where a real device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// In the bench itself, on a wire in memory.
    Emulated,
    /// Out there.
    Address(Address),
    /// Nowhere: what was recorded of it stands in.
    Replay(PathBuf),
}

/// What a real device takes the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// A device, by its place among [`super::Equipment::devices`].
    Device(usize),
    /// An instrument, by its place; the point of the description behind each of its channels, with how it is read.
    Instrument(usize, Vec<Option<(usize, Reading)>>),
    /// A power-quality analyser, by its place; the points that tell of it, each with what.
    Analyser(usize, Vec<(usize, Tells)>),
    /// Nothing: it is an amplifier that feeds the real one in the place of a device.
    Amplifier(usize),
}

/// How a point becomes an instrument's channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As it is.
    Plain,
    /// Volts to per unit of the node's base; the place of the node among the instrument's.
    PerUnit(usize),
}

// Addresses and texts are compared; descriptions are what they were read from.
impl PartialEq for Seat {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.at == other.at
            && self.replaces == other.replaces
            && self.setting == other.setting
            && self.served == other.served
    }
}

/// What of a real device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Real {
    /// How it stands.
    State,
    /// Active power, scaled, in W.
    P,
    /// Reactive power, scaled, in var.
    Q,
    /// The simulated one's active power in W.
    TwinP,
    /// The simulated one's reactive power in var.
    TwinQ,
    /// How far they are apart in VA.
    Difference,
    /// Time since the last sample in s.
    Age,
    /// Samples taken.
    Samples,
    /// Samples that came between.
    Missed,
    /// How often it was lost.
    Losses,
    /// How far the largest voltage THD of a real analyser is from the simulated one's, in percent.
    ThdDifference,
    /// How far the voltages that an amplifier gives are from what it was told, in percent of that.
    VoltageError,
    /// How late an amplifier's samples are in s: what its angles are turned ahead by.
    Delay,
}

impl Real {
    /// The names of all of them.
    pub const NAMES: [(&str, Self); 13] = [
        ("hil_state", Self::State),
        ("hil_p_w", Self::P),
        ("hil_q_var", Self::Q),
        ("hil_twin_p_w", Self::TwinP),
        ("hil_twin_q_var", Self::TwinQ),
        ("hil_difference_va", Self::Difference),
        ("hil_age_s", Self::Age),
        ("hil_samples", Self::Samples),
        ("hil_missed", Self::Missed),
        ("hil_losses", Self::Losses),
        ("hil_thd_difference_percent", Self::ThdDifference),
        ("hil_v_error_percent", Self::VoltageError),
        ("hil_delay_s", Self::Delay),
    ];

    /// Those that a seat has: an instrument's has no power.
    pub fn of(seat: &Seat) -> impl Iterator<Item = (&'static str, Self)> + use<> {
        let powers = matches!(seat.replaces, Replaced::Device(_));
        let distortion = matches!(seat.replaces, Replaced::Analyser(..)) && seat.served.is_none();
        let amplifier = matches!(seat.replaces, Replaced::Amplifier(_));
        Self::NAMES.into_iter().filter(move |(_, what)| match what {
            Self::VoltageError | Self::Delay => amplifier,
            Self::P | Self::Q | Self::TwinP | Self::TwinQ | Self::Difference => powers,
            Self::ThdDifference => distortion,
            _ => true,
        })
    }

    /// The largest of those that say one of a few things.
    pub(in crate::scenario) const fn most(self) -> Option<f64> {
        match self {
            Self::State => Some(5.0),
            Self::Samples | Self::Missed | Self::Losses => Some(1e15),
            _ => None,
        }
    }
}

/// Time in s after which a controller outside that asks nothing is lost, unless the scenario says another.
const CONTROLLER_SILENT_S: f64 = 5.0;
/// How many polls a device may miss before it is lost.
const MISSED_POLLS: f64 = 3.0;

impl Checker<'_> {
    pub(super) fn seats(&mut self, s: &Scenario) {
        for (name, setting) in &s.hil {
            let Some(description) = self.described.get(name).cloned() else { continue };
            let seat = self.seat(name, setting, description);
            self.equipment.seats.extend(seat);
        }
        self.follows(s);
        self.one_clock();
        self.one_rack();
    }

    fn seat(&mut self, name: &str, setting: &HilSetting, description: Arc<Description>) -> Option<Seat> {
        let spots = Spots::of(self.root, self.place, "hil", name, None);
        let replaces = self.replaced(name, setting, &description, &spots)?;
        let at = self.address(setting, &description, &spots)?;
        let served = self.service(setting, &description, &at, &spots);
        let share = self.share(setting, &spots);
        self.hil_numbers(setting, &spots);
        let step_s = self.step.map_or(1.0, |step| step.seconds());
        let poll_s = setting.poll_s.unwrap_or(description.poll_s.max(step_s));
        let description = Arc::new(Description { poll_s, ..description.as_ref().clone() });
        let silence_s = if served.is_some() { CONTROLLER_SILENT_S } else { 0.0 };
        let default_s = (MISSED_POLLS * poll_s).max(MISSED_POLLS * step_s).max(silence_s);
        let lost_s = setting.lost_after_s.unwrap_or(default_s);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be some seconds")]
        let ticks = |seconds: f64| (seconds / step_s).ceil().clamp(0.0, 1e12) as u64;
        let mut faults = Faults::new(0);
        for (k, line) in setting.faults.iter().enumerate() {
            if let Err(error) = faults.line(line) {
                self.report(
                    "E0341",
                    error.to_string(),
                    spots.item("faults", k),
                    "see docs/hil.md for what can go wrong",
                );
            }
        }
        if !setting.faults.is_empty() && at != At::Emulated {
            let help = "take them away, or let `at` be emulated";
            self.report("E0341", "faults are scripted for a device that is not emulated", spots.at("faults"), help);
        }
        Some(Seat {
            name: name.to_owned(),
            at,
            replaces,
            share,
            setting: setting.clone(),
            lost_after: ticks(lost_s).max(1),
            ramp_in: ticks(setting.ramp_in_s),
            faults: faults.script().to_vec(),
            served,
            description,
        })
    }

    fn replaced(
        &mut self,
        name: &str,
        setting: &HilSetting,
        description: &Description,
        spots: &Spots,
    ) -> Option<Replaced> {
        if description.kind == Kind::Amplifier || setting.feeds.is_some() {
            return self.feeds(name, setting, description, spots);
        }
        if let Some(device) = self.equipment.device(name) {
            if !matches!(description.kind, Kind::Inverter | Kind::Charger) {
                let message =
                    format!("{:?} is no inverter or charger: it cannot stand for device {name:?}", description.name);
                self.report("E0341", message, spots.at("is"), "give a description of kind inverter or charger");
                return None;
            }
            return Some(Replaced::Device(device));
        }
        if let Some(place) = self.equipment.instrument(name) {
            let channels = self.points_of(place, setting, description, spots)?;
            return Some(Replaced::Instrument(place, channels));
        }
        if let Some(place) = self.equipment.analyser(name) {
            let points = self.metered(place, setting, description, spots)?;
            return Some(Replaced::Analyser(place, points));
        }
        let names: Vec<String> = self.equipment.devices.iter().map(|own| own.name.clone()).collect();
        let names = names.into_iter().chain(self.equipment.instruments.iter().map(|own| own.name.clone()));
        let names = names.chain(self.equipment.analysers.iter().map(|own| own.name.clone()));
        let names: Vec<String> = names.collect();
        let help = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("devices and instruments here are {}", names.join(", ")),
        };
        let span = spots.at("is");
        self.report("E0341", format!("there is no device or instrument {name:?} to be replaced"), span, &help);
        None
    }

    /// The points behind an instrument's channels.
    fn points_of(
        &mut self,
        place: usize,
        setting: &HilSetting,
        description: &Description,
        spots: &Spots,
    ) -> Option<Vec<Option<(usize, Reading)>>> {
        let instrument = self.equipment.instruments.get(place)?.clone();
        let mut missing = Vec::new();
        let mut channels = Vec::new();
        for channel in instrument.channels.names() {
            let named = setting.points.get(&channel.to_lowercase());
            let found = match named {
                Some(point) => description.point(point).map(|point| (point, Reading::Plain)),
                None => point_of(channel, &instrument, description),
            };
            // A clock that nobody tells of is taken as it is.
            if found.is_none() && !(channel == "sync" && named.is_none()) {
                missing.push(channel.clone());
            }
            channels.push(found);
        }
        if missing.is_empty() {
            return Some(channels);
        }
        let message = format!("{:?} has no point for {}", description.name, missing.join(", "));
        let known: Vec<&str> = description.points.iter().map(|own| own.name.as_str()).take(12).collect();
        let help = format!("say which in points, as in points: {{{}: …}}; it has {}", missing[0], known.join(", "));
        self.report("E0341", message, spots.at("is"), &help);
        None
    }

    fn address(&mut self, setting: &HilSetting, description: &Description, spots: &Spots) -> Option<At> {
        let (place, _) = served::place(&setting.at);
        if place.starts_with("replay:") {
            return self.replays.get(&setting.at).cloned().map(At::Replay);
        }
        if place == "emulated" {
            return Some(At::Emulated);
        }
        match Address::parse(place) {
            Ok(address) if driver::fits(description, &address) => Some(At::Address(address)),
            Ok(address) => {
                let message = format!("{address} is not an address of what {:?} speaks", description.name);
                self.report("E0341", message, spots.at("at"), "see the table of addresses in docs/hil.md");
                None
            }
            Err(error) => {
                self.report("E0341", error.to_string(), spots.at("at"), "or write emulated");
                None
            }
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of units")]
    fn share(&mut self, setting: &HilSetting, spots: &Spots) -> f64 {
        let Some(text) = &setting.replaces else { return 1.0 };
        let parts =
            text.split_once(" of ").and_then(|(own, all)| Some((own.parse::<u32>().ok()?, all.parse::<u32>().ok()?)));
        match parts {
            Some((own, all)) if own > 0 && own <= all => f64::from(own) / f64::from(all),
            _ => {
                let help = "write it as in 1 of 60: how many of the units are real";
                self.report("E0341", format!("`replaces` is {text:?}"), spots.at("replaces"), help);
                1.0
            }
        }
    }

    fn hil_numbers(&mut self, s: &HilSetting, spots: &Spots) {
        let times =
            [("ramp_in_s", Some(s.ramp_in_s)), ("filter_s", Some(s.filter_s)), ("lost_after_s", s.lost_after_s)];
        for (key, value) in times {
            if value.is_some_and(|value| !(0.0..=3600.0).contains(&value)) {
                self.report("E0308", format!("`{key}` is {value:?}"), spots.at(key), "it is from 0 to 3600 s");
            }
        }
        let positive = [
            ("scale", Some(s.scale.power)),
            ("scale", s.scale.voltage),
            ("scale", Some(s.scale.current)),
            ("slew_kw_per_s", s.slew_kw_per_s),
            ("slew_v_per_s", s.slew_v_per_s),
            ("poll_s", s.poll_s),
        ];
        for (key, value) in positive {
            if value.is_some_and(|value| !(value > 0.0 && value < 1e9)) {
                self.report("E0308", format!("`{key}` has {value:?}"), spots.at(key), "it must be positive");
            }
        }
        if s.on_loss == OnLoss::Stop && s.dry_run {
            self.report("E0308", "a dry run stops for no device", spots.at("on_loss"), "leave out one of them");
        }
    }
}

/// The point behind a channel by its name: `a.v_pu` by `v_v.a`, `632.1.v_pu` too, `a.angle_deg` by `angle_deg.a`, `sync`
/// by `locked_flag`, anything else by the point of its last part.
fn point_of(channel: &str, instrument: &super::Instrument, description: &Description) -> Option<(usize, Reading)> {
    let plain = |name: &str| description.point(name).map(|point| (point, Reading::Plain));
    if channel == "sync" {
        return plain("locked_flag");
    }
    let (object, what) = channel.rsplit_once('.')?;
    let last = object.rsplit('.').next()?;
    let phase = match last {
        "1" | "a" => "a",
        "2" | "b" => "b",
        "3" | "c" => "c",
        _ => return plain(what),
    };
    let node = || match instrument.kind {
        sense::Kind::Pmu(_) => instrument.channels.index(channel).map(|k| k / 2),
        sense::Kind::Meter(_) => instrument.channels.index(channel),
    };
    match what {
        "v_pu" => {
            description.point(&format!("v_v.{phase}")).zip(node()).map(|(point, node)| (point, Reading::PerUnit(node)))
        }
        _ => plain(&format!("{what}.{phase}")),
    }
}
