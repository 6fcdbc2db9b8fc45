//! What is wanted of a stream, looked up in its configuration; a sample's values out of a data frame.

use std::time::Duration;

use super::super::config::{Config, Unit};
use super::super::data::{Reading, wrapped};
use super::super::frame::{ConfigKind, TimeQuality};
use super::super::stat::{Stat, Unlocked, Validity};

/// What a driver is to read, and of whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The stream's number (IDCODE).
    pub id: u16,
    /// What is wanted, by PMU.
    pub stations: Vec<WantedStation>,
    /// Which configuration is asked for.
    pub configuration: ConfigKind,
    /// No new data for so long: the connection is given up. Also for a connection to come about.
    pub timeout: Duration,
    /// No configuration for so long: it is asked for again, three times in all. Also for a command to be taken.
    pub answer: Duration,
    /// Without a source of time for longer than this, values are not valid.
    pub unlocked: Unlocked,
    /// With a clock that may be off by more than this, values are not valid; in s. 100 µs is 1.8° at 50 Hz.
    pub time_error_s: f64,
    /// UTC at the session's 0, in µs since 1970, where it is known.
    pub utc_at_zero_us: Option<u64>,
}

/// What is wanted of a PMU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedStation {
    /// Its name; `None` is the stream's only one.
    pub name: Option<String>,
    /// Its phasors.
    pub phasors: Vec<WantedPhasor>,
}

/// A phasor that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedPhasor {
    /// Its name in the configuration.
    pub name: String,
    /// What it must be.
    pub unit: Unit,
}

/// Why a configuration is not what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum BindError {
    #[error("the device's stream is {given}, not {wanted}")]
    Id { wanted: u16, given: u16 },
    #[error("there is no PMU `{wanted}`; there are: {}", given.join(", "))]
    NoStation { wanted: String, given: Vec<String> },
    #[error("which PMU? There are: {}", .0.join(", "))]
    WhichStation(Vec<String>),
    #[error("PMU `{station}` has no phasor `{wanted}`; it has: {}", given.join(", "))]
    NoPhasor { station: String, wanted: String, given: Vec<String> },
    #[error("phasor `{0}` of PMU `{1}` is there more than once")]
    Twice(String, String),
    #[error("phasor `{0}` is {}, not {}", unit_name(*given), unit_name(*wanted))]
    Unit { name: String, wanted: Unit, given: Unit },
    #[error("the stream's rate or nominal frequency has changed: {before} before, {now} now")]
    Changed { before: String, now: String },
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Volt => "a voltage",
        Unit::Ampere => "a current",
    }
}

impl Settings {
    /// Settings with what is usual: CFG-2, 1 s without data, 500 ms for an answer, 10 s without a source of time, 100 µs.
    pub fn new(id: u16, stations: Vec<WantedStation>) -> Self {
        Self {
            id,
            stations,
            configuration: ConfigKind::Cfg2,
            timeout: Duration::from_secs(1),
            answer: Duration::from_millis(500),
            unlocked: Unlocked::Under10s,
            time_error_s: 100e-6,
            utc_at_zero_us: None,
        }
    }

    /// Names of a sample's points, in order. By PMU: of each phasor `.v_v` or `.i_a` and `.angle_deg`; then `f_hz`,
    /// `rocof_hz_s`, `valid` (1 or 0, by STAT and the limits here), `locked` (1 while the clock follows its source) and
    /// `time_quality` (0 locked to 15 failed; 10 is within 1 s, 1 within 1 ns). A PMU with a name has it before each.
    pub fn points(&self) -> Vec<String> {
        let of_station = |station: &WantedStation| {
            let before = station.name.as_ref().map_or(String::new(), |name| format!("{name}."));
            let phasors = station.phasors.iter().flat_map(|phasor| {
                let magnitude = if phasor.unit == Unit::Volt { "v_v" } else { "i_a" };
                [format!("{}.{magnitude}", phasor.name), format!("{}.angle_deg", phasor.name)]
            });
            let others = ["f_hz", "rocof_hz_s", "valid", "locked", "time_quality"].map(str::to_owned);
            phasors.chain(others).map(|point| format!("{before}{point}")).collect::<Vec<_>>()
        };
        self.stations.iter().flat_map(of_station).collect()
    }

    /// Whether values that come with these words may be used.
    fn valid(&self, stat: Stat, quality: TimeQuality) -> bool {
        let lost = !stat.synchronised() && stat.unlocked() > self.unlocked;
        let off = quality.code() == 15
            || quality.error_s() > self.time_error_s
            || stat.time_error_s().is_some_and(|error_s| error_s > self.time_error_s);
        stat.validity() == Validity::Good && !lost && !off
    }
}

/// What must stay as it was for samples to mean the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    data_rate: i16,
    nominal_hz: Vec<u16>,
}

/// A configuration in which all that is wanted was found.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) config: Config,
    pub(super) meaning: Meaning,
    /// Places of the stations, and of their phasors.
    places: Vec<(usize, Vec<usize>)>,
}

impl Binding {
    /// Looks up what is wanted; where a configuration was bound before, it must mean the same.
    pub(super) fn new(settings: &Settings, config: Config, before: Option<&Meaning>) -> Result<Self, BindError> {
        if config.id != settings.id {
            return Err(BindError::Id { wanted: settings.id, given: config.id });
        }
        let find = |wanted: &WantedStation| {
            let at = station(&config, wanted)?;
            let phasors = wanted.phasors.iter().map(|wanted| phasor(&config, at, wanted));
            Ok((at, phasors.collect::<Result<Vec<_>, _>>()?))
        };
        let places = settings.stations.iter().map(find).collect::<Result<Vec<_>, BindError>>()?;
        let nominal = |&(at, _): &(usize, _)| config.stations.get(at).map_or(0, |station| station.nominal_hz);
        let meaning = Meaning { data_rate: config.data_rate, nominal_hz: places.iter().map(nominal).collect() };
        match before.filter(|before| **before != meaning) {
            Some(before) => Err(BindError::Changed { before: before.words(), now: meaning.words() }),
            None => Ok(Self { config, meaning, places }),
        }
    }

    /// The values of a sample.
    pub(super) fn values(
        &self,
        settings: &Settings,
        quality: TimeQuality,
        readings: &[Reading],
        values: &mut Vec<f64>,
    ) {
        values.clear();
        for (at, phasors) in &self.places {
            let Some(reading) = readings.get(*at) else { continue };
            let valid = settings.valid(reading.stat, quality);
            let or_none = |value: f64| if valid && value.is_finite() { value } else { f64::NAN };
            for phasor in phasors.iter().filter_map(|place| reading.phasors.get(*place)) {
                values.extend([or_none(phasor.magnitude), or_none(wrapped(phasor.angle_rad).to_degrees())]);
            }
            let flag = |set: bool| f64::from(u8::from(set));
            values.extend([or_none(reading.f_hz), or_none(reading.rocof_hz_s), flag(valid)]);
            values.extend([flag(reading.stat.synchronised()), f64::from(quality.code())]);
        }
    }
}

impl Meaning {
    fn words(&self) -> String {
        format!("rate {} with {:?} Hz", self.data_rate, self.nominal_hz)
    }
}

fn station(config: &Config, wanted: &WantedStation) -> Result<usize, BindError> {
    let names = || config.stations.iter().map(|station| station.name.clone()).collect();
    match &wanted.name {
        None if config.stations.len() == 1 => Ok(0),
        None => Err(BindError::WhichStation(names())),
        Some(name) => config
            .stations
            .iter()
            .position(|station| station.name == *name)
            .ok_or_else(|| BindError::NoStation { wanted: name.clone(), given: names() }),
    }
}

fn phasor(config: &Config, at: usize, wanted: &WantedPhasor) -> Result<usize, BindError> {
    let station = config.stations.get(at).ok_or_else(|| BindError::WhichStation(Vec::new()))?;
    let mut found = station.phasors.iter().enumerate().filter(|(_, phasor)| phasor.name == wanted.name);
    let (place, phasor) = found.next().ok_or_else(|| BindError::NoPhasor {
        station: station.name.clone(),
        wanted: wanted.name.clone(),
        given: station.phasors.iter().map(|phasor| phasor.name.clone()).collect(),
    })?;
    if found.next().is_some() {
        return Err(BindError::Twice(wanted.name.clone(), station.name.clone()));
    }
    match phasor.unit == wanted.unit {
        true => Ok(place),
        false => Err(BindError::Unit { name: wanted.name.clone(), wanted: wanted.unit, given: phasor.unit }),
    }
}
