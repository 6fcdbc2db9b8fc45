//! What a site of inverters is made of, and whether that is possible.

use crate::device::emission::Emission;

use super::{Functions, Parameters};

/// How much units differ from each other. Each has a factor, and an angle at each order, by the seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Standard deviation of the size of a unit's harmonic source.
    pub size_pu: f64,
    /// Standard deviation in degrees of its angle at each order: 10° is what one car model shows from one measurement to the
    /// next; 0 lets equal units add up arithmetically.
    pub angle_deg: f64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { size_pu: 0.1, angle_deg: 10.0 }
    }
}

/// A unit whose harmonic source grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noisy {
    /// Which one, counted from 0.
    pub unit: usize,
    /// How much larger.
    pub factor: f64,
    /// From which step on.
    pub from_step: u64,
}

/// A number of equal inverters at one bus.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Its name: part of the seed.
    pub name: String,
    /// Seed of the scenario.
    pub seed: u64,
    /// What each unit is.
    pub unit: Parameters,
    /// How many there are.
    pub count: usize,
    /// Phases of the bus that they stand at, 1 to 3. Three-phase units need 3; units of one phase are dealt out in turn.
    pub phases: usize,
    /// Nominal voltage of the bus in V from phase to neutral: what functions and trips take for 1. Units whose own voltage is
    /// not within 30 % of it stand behind an ideal transformer.
    pub bus_v: f64,
    /// Nominal frequency in Hz.
    pub nominal_hz: f64,
    /// Length of a step in s.
    pub step_s: f64,
    /// Set-point to begin with, of all units together, in W and var injected.
    pub start: [f64; 2],
    /// Part of the set-point for each unit; empty is equal parts.
    pub shares: Vec<f64>,
    /// Grid support functions.
    pub functions: Functions,
    /// What a unit emits.
    pub emission: Emission,
    /// How units differ.
    pub spread: Spread,
    /// Faulty units.
    pub noisy: Vec<Noisy>,
    /// Frequencies of the run as multiples of the fundamental, in the order of its [`crate::signal::Norton`]s.
    pub multiples: Vec<f64>,
    /// Number of multiples of the switching frequency whose sidebands are computed; 0 is none.
    pub groups: u32,
}

/// Why there is no such site.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// A number is out of its range.
    #[error("{what} is {value}; it {rule}")]
    Number {
        /// Which one.
        what: &'static str,
        /// The value.
        value: f64,
        /// What it has to be.
        rule: &'static str,
    },
    /// Three-phase units at a bus with fewer phases.
    #[error("units of {unit} phases do not fit a bus of {bus}")]
    Phases {
        /// Phases of a unit.
        unit: usize,
        /// Phases of the bus.
        bus: usize,
    },
    /// Shares are not as many as units.
    #[error("{shares} shares for {count} units")]
    Shares {
        /// Number of shares.
        shares: usize,
        /// Number of units.
        count: usize,
    },
    /// There is no such unit to be noisy.
    #[error("there is no unit {unit} to be noisy: they are 0 to {last}")]
    Noisy {
        /// Which one.
        unit: usize,
        /// The last one.
        last: usize,
    },
    /// The converter cannot work as it is.
    #[error(transparent)]
    Switching(#[from] crate::device::emission::pwm::SwitchingError),
    /// A battery with impossible numbers.
    #[error("the battery's numbers are not possible")]
    Battery,
    /// A filter with impossible numbers.
    #[error("the filter's inductances and capacitance are positive, its resistances not negative")]
    Filter,
}

impl Settings {
    /// Units at a bus with usual settings: three-phase, 1 s steps, physical emission at orders 2 to 50, no functions.
    pub fn new(name: &str, unit: Parameters, count: usize) -> Self {
        let (phases, bus_v) = (unit.phases, unit.v_v);
        Self {
            name: name.to_owned(),
            seed: 0,
            unit,
            count,
            phases,
            bus_v,
            nominal_hz: 50.0,
            step_s: 1.0,
            start: [0.0; 2],
            shares: Vec::new(),
            functions: Functions::default(),
            emission: Emission::default(),
            spread: Spread::default(),
            noisy: Vec::new(),
            multiples: (2..=50).map(f64::from).collect(),
            groups: 2,
        }
    }

    /// Bus voltage over the units' voltage: 1 where the two are within 30 % of each other, and no transformer is needed.
    pub fn ratio(&self) -> f64 {
        let ratio = self.bus_v / self.unit.v_v;
        if (0.7..=1.3).contains(&ratio) { 1.0 } else { ratio }
    }

    /// Whether all this is possible.
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn check(&self) -> Result<(), SettingsError> {
        let positive = [
            ("rated power in VA", self.unit.s_va),
            ("rated voltage in V", self.unit.v_v),
            ("voltage of the DC link in V", self.unit.converter.vdc_v),
            ("nominal voltage of the bus in V", self.bus_v),
            ("nominal frequency in Hz", self.nominal_hz),
            ("length of a step in s", self.step_s),
        ];
        for (what, value) in positive {
            number(what, value, value > 0.0 && value.is_finite(), "is a positive number")?;
        }
        let not_negative = [
            ("dead time of the bridge in s", self.unit.converter.dead_time_s),
            ("crossing current in A", self.unit.converter.crossing_a),
            ("dead time of commands in s", self.unit.dead_time_s),
            ("response time in s", self.unit.response_s),
            ("spread of size", self.spread.size_pu),
            ("spread of angle in degrees", self.spread.angle_deg),
        ];
        for (what, value) in not_negative {
            number(what, value, value >= 0.0 && value.is_finite(), "is a number, and not negative")?;
        }
        number("ramp in W/s", self.unit.ramp_w_per_s, self.unit.ramp_w_per_s > 0.0, "is positive")?;
        for value in self.start.iter().chain(&self.shares).copied() {
            number("set-point or share", value, value.is_finite(), "is a number")?;
        }
        for value in self.multiples.iter().copied() {
            number("frequency", value, value > 0.0 && value < 1e6, "is a positive multiple of the fundamental")?;
        }
        self.check_parts()
    }

    #[allow(clippy::cast_precision_loss, reason = "counts")]
    fn check_parts(&self) -> Result<(), SettingsError> {
        number("number of units", self.count as f64, (1..=100_000).contains(&self.count), "is 1 to 100000")?;
        number("groups of sidebands", f64::from(self.groups), self.groups <= 10, "is at most 10")?;
        number("phases of the bus", self.phases as f64, (1..=3).contains(&self.phases), "is 1 to 3")?;
        let unit = self.unit.phases;
        if !(unit == 1 || unit == 3 && self.phases == 3) {
            return Err(SettingsError::Phases { unit, bus: self.phases });
        }
        if !self.shares.is_empty() && self.shares.len() != self.count {
            return Err(SettingsError::Shares { shares: self.shares.len(), count: self.count });
        }
        for noisy in &self.noisy {
            if noisy.unit >= self.count {
                return Err(SettingsError::Noisy { unit: noisy.unit, last: self.count - 1 });
            }
            number(
                "factor of a noisy unit",
                noisy.factor,
                noisy.factor >= 0.0 && noisy.factor < 1e6,
                "is not negative",
            )?;
        }
        if self.unit.battery.is_some_and(|battery| !battery.is_sound()) {
            return Err(SettingsError::Battery);
        }
        if !self.unit.converter.filter.is_sound() {
            return Err(SettingsError::Filter);
        }
        self.unit.converter.at(self.unit.converter.switching_hz)?;
        Ok(())
    }
}

const fn number(what: &'static str, value: f64, fits: bool, rule: &'static str) -> Result<(), SettingsError> {
    if fits { Ok(()) } else { Err(SettingsError::Number { what, value, rule }) }
}
