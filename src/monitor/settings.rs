//! What the owner of an instrument says about it: channels, rates, ratings. Everything else is measured.

use thiserror::Error;

use super::alarm::{TripError, TripPoints};
use super::event::{EventError, EventSettings};
use super::flicker::FlickerError;
use super::limits::{LimitError, LimitSettings};

/// The least sampling rate, in Hz. A rule of this bench (order 50 at 69 Hz with room for the filter), not of IEC 61000-4-30.
pub const LEAST_SAMPLE_RATE_HZ: f64 = 12_800.0;
/// The highest sampling rate that room is made for, in Hz.
pub const MOST_SAMPLE_RATE_HZ: f64 = 2e6;
/// How far below the least a rate may be, as clocks and printed times are: relative.
const RATE_SLACK: f64 = 1e-3;
/// Most channels of one instrument.
pub const MOST_CHANNELS: usize = 64;

/// An instrument as its owner describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Samples per second of each channel.
    pub sample_rate_hz: f64,
    /// 50 (windows of 10 cycles) or 60 (of 12).
    pub nominal_hz: f64,
    /// Declared voltage between phase and neutral in V RMS, when known. Without it there are no events and no flicker.
    pub nominal_v: Option<f64>,
    /// What each channel of the waveform carries, in its order.
    pub channels: Vec<ChannelRole>,
    /// How long windows are.
    pub windows: Windows,
    /// Whether lists of groups are smoothed over 1.5 s (IEC 61000-4-7; not for IEC 61000-4-30).
    pub smoothing: bool,
    /// Thresholds of dips, swells, interruptions and rapid voltage changes; `None`: the usual ones of `nominal_v`.
    pub events: Option<EventSettings>,
    /// Observation time of flicker in s (600 by the standard); `None`: flicker is not measured.
    pub flicker_s: Option<f64>,
    /// The time of day in s when sampling began: where intervals of 10 minutes and 2 hours end.
    pub clock_s: f64,
    /// Limits that measurements are held against.
    pub limits: Vec<LimitSettings>,
    /// When alarms are raised; `None`: there are none.
    pub trips: Option<TripPoints>,
    /// Maximum demand load current `I_L` in A RMS, to which TDD relates (IEEE 519).
    pub demand_a: Option<f64>,
    /// Rated current in A RMS, to which TRD relates (IEEE 1547).
    pub rated_a: Option<f64>,
}

impl Settings {
    /// An instrument with synchronised windows, no smoothing, no ratings, flicker over 10 minutes.
    pub const fn new(sample_rate_hz: f64, nominal_hz: f64, channels: Vec<ChannelRole>) -> Self {
        Self {
            sample_rate_hz,
            nominal_hz,
            nominal_v: None,
            channels,
            windows: Windows::Synchronised,
            smoothing: false,
            events: None,
            flicker_s: Some(600.0),
            clock_s: 0.0,
            limits: Vec::new(),
            trips: None,
            demand_a: None,
            rated_a: None,
        }
    }

    /// Cycles of a window: 10 or 12.
    pub fn cycles(&self) -> usize {
        if self.nominal_hz > 55.0 { 12 } else { 10 }
    }

    /// Samples of a window at the nominal frequency: of 200 ms.
    pub fn nominal_window(&self) -> f64 {
        self.sample_rate_hz * super::WINDOW_S
    }

    /// What keeps these settings from being an instrument's, if anything does.
    ///
    /// # Errors
    /// The first of: a nominal frequency other than 50 or 60 Hz, a rate out of range, no or too many channels, a phase out
    /// of 1 to 4, the same quantity of a phase twice, a rating that is not a positive number.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.nominal_hz != 50.0 && self.nominal_hz != 60.0 {
            return Err(SettingsError::Nominal { given_hz: self.nominal_hz });
        }
        let (rate, least) = (self.sample_rate_hz, LEAST_SAMPLE_RATE_HZ);
        if !(least * (1.0 - RATE_SLACK)..=MOST_SAMPLE_RATE_HZ).contains(&rate) {
            return Err(SettingsError::Rate { given_hz: rate, least_hz: least, most_hz: MOST_SAMPLE_RATE_HZ });
        }
        if !(1..=MOST_CHANNELS).contains(&self.channels.len()) {
            return Err(SettingsError::Channels { given: self.channels.len(), most: MOST_CHANNELS });
        }
        for (place, role) in self.channels.iter().enumerate() {
            if !(1..=4).contains(&role.phase) {
                return Err(SettingsError::Phase { channel: place, given: role.phase });
            }
            if self.channels.iter().take(place).any(|other| other == role) {
                return Err(SettingsError::Twice { channel: place, name: role.name() });
            }
        }
        let ratings = [("nominal_v", self.nominal_v), ("demand_a", self.demand_a), ("rated_a", self.rated_a)];
        for (name, given) in ratings {
            if let Some(given) = given.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return Err(SettingsError::Rating { name, given });
            }
        }
        Ok(())
    }
}

/// How long windows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Windows {
    /// 10 or 12 cycles of the fundamental as it is (IEC 61000-4-7): its frequency is tracked, samples are interpolated.
    #[default]
    Synchronised,
    /// 200 ms from the first sample on, whatever the frequency; where that is a whole number of samples, those samples.
    Fixed,
}

/// What is measured by a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Volts.
    Voltage,
    /// Amperes.
    Current,
}

/// What a channel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelRole {
    /// Volts or amperes.
    pub quantity: Quantity,
    /// 1 to 3, or 4 for the neutral.
    pub phase: u8,
}

impl ChannelRole {
    /// The voltage of a phase.
    pub const fn voltage(phase: u8) -> Self {
        Self { quantity: Quantity::Voltage, phase }
    }

    /// The current of a phase.
    pub const fn current(phase: u8) -> Self {
        Self { quantity: Quantity::Current, phase }
    }

    /// Whether it carries amperes.
    pub const fn is_current(self) -> bool {
        matches!(self.quantity, Quantity::Current)
    }

    /// Its short name: `u1`, `i3`.
    pub fn name(self) -> String {
        let letter = if self.quantity == Quantity::Voltage { 'u' } else { 'i' };
        format!("{letter}{}", self.phase)
    }

    /// The role of a short name, if it is one.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut letters = name.trim().chars();
        let quantity = match letters.next()?.to_ascii_lowercase() {
            'u' | 'v' => Quantity::Voltage,
            'i' => Quantity::Current,
            _ => return None,
        };
        let phase = letters.as_str().parse().ok().filter(|phase| (1..=4).contains(phase))?;
        Some(Self { quantity, phase })
    }
}

/// Why there cannot be such an instrument.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SettingsError {
    /// Neither 50 nor 60 Hz.
    #[error("nominal frequency {given_hz} Hz: it is 50 or 60 Hz")]
    Nominal {
        /// What was given.
        given_hz: f64,
    },
    /// Sampled too slowly, or faster than there is room for.
    #[error(
        "sampling rate {given_hz} Hz: at least {least_hz} Hz are needed to measure 50 orders, at most {most_hz} Hz"
    )]
    Rate {
        /// What was given.
        given_hz: f64,
        /// The least.
        least_hz: f64,
        /// The most.
        most_hz: f64,
    },
    /// No channels, or too many.
    #[error("{given} channels: an instrument has 1 to {most}")]
    Channels {
        /// How many were given.
        given: usize,
        /// Most.
        most: usize,
    },
    /// Not a phase.
    #[error("channel {channel} is of phase {given}: phases are 1 to 3, and 4 for the neutral")]
    Phase {
        /// Place of the channel, from 0.
        channel: usize,
        /// What was given.
        given: u8,
    },
    /// Two channels of one role.
    #[error("channel {channel} is {name} again")]
    Twice {
        /// Place of the second, from 0.
        channel: usize,
        /// What it is.
        name: String,
    },
    /// A rating that is none.
    #[error("{name} is {given}: it must be a positive number")]
    Rating {
        /// Which.
        name: &'static str,
        /// What was given.
        given: f64,
    },
    /// Thresholds of events that cannot be.
    #[error(transparent)]
    Events(#[from] EventError),
    /// Limits that cannot be applied.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// Trip points that cannot be.
    #[error(transparent)]
    Trips(#[from] TripError),
    /// A flickermeter that cannot be.
    #[error(transparent)]
    Flicker(#[from] FlickerError),
}
