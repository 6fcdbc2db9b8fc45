//! Trip points, with hysteresis and delay.

use thiserror::Error;

use super::event::{Code, Severity};

/// When an alarm is raised and cleared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    /// Above this it is raised …
    pub raise_above: f64,
    /// … when it has been so long, in s.
    pub raise_after_s: f64,
    /// Below this it is cleared …
    pub clear_below: f64,
    /// … when it has been so long, in s.
    pub clear_after_s: f64,
    /// How bad it is.
    pub severity: Severity,
}

impl Trip {
    /// Raised at once above a point, cleared after a time below nine tenths of it.
    pub const fn above(point: f64, clear_after_s: f64, severity: Severity) -> Self {
        Self { raise_above: point, raise_after_s: 0.0, clear_below: 0.9 * point, clear_after_s, severity }
    }
}

/// All trip points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TripPoints {
    /// Voltage THD over 15 windows, percent.
    pub thd: Trip,
    /// Packets lost, percent.
    pub loss: Trip,
    /// Over how long packets are counted, in s.
    pub loss_window_s: f64,
    /// Voltage unbalance u2 over 10 minutes, percent.
    pub unbalance: Trip,
    /// Current unbalance i2 over 10 minutes, percent.
    pub current_unbalance: Trip,
    /// Offset of the clock, s.
    pub offset_s: Trip,
    /// Drift of the clock, ppm.
    pub drift_ppm: Trip,
    /// A mapping fault: 1 while there is one.
    pub mapping: Trip,
}

impl TripPoints {
    /// For a nominal frequency in Hz and a THD limit in percent: 1 % of packets over a minute, u2 2 %, i2 30 %, one
    /// cycle and 11.6 ppm of the clock, any mapping fault.
    pub const fn new(nominal_hz: f64, thd_percent: f64) -> Self {
        Self {
            thd: Trip::above(thd_percent, 6.0, Severity::Major),
            loss: Trip::above(1.0, 10.0, Severity::Warning),
            loss_window_s: 60.0,
            unbalance: Trip::above(2.0, 0.0, Severity::Major),
            current_unbalance: Trip::above(30.0, 0.0, Severity::Warning),
            offset_s: Trip::above(1.0 / nominal_hz, 0.0, Severity::Critical),
            drift_ppm: Trip::above(11.6, 0.0, Severity::Warning),
            mapping: Trip {
                raise_above: 0.5,
                raise_after_s: 0.0,
                clear_below: 0.5,
                clear_after_s: 0.0,
                severity: Severity::Critical,
            },
        }
    }

    /// All of them with their codes.
    pub const fn all(&self) -> [(Code, Trip); 7] {
        [
            (Code::ThdHighVolt, self.thd),
            (Code::PktLossNet, self.loss),
            (Code::PhaseImbal, self.unbalance),
            (Code::PhaseImbal, self.current_unbalance),
            (Code::SyncErr, self.offset_s),
            (Code::SyncErr, self.drift_ppm),
            (Code::EHarm61850, self.mapping),
        ]
    }

    /// What keeps these from being trip points, if anything does.
    ///
    /// # Errors
    /// A point that is no number or below 0, a clearing point above the raising one, a time below 0, no window of time.
    pub fn check(&self) -> Result<(), TripError> {
        for (code, trip) in self.all() {
            let ordered = 0.0 <= trip.clear_below && trip.clear_below <= trip.raise_above;
            if !(ordered && trip.raise_above.is_finite()) {
                return Err(TripError::Points { code: code.name(), raise: trip.raise_above, clear: trip.clear_below });
            }
            let times = [trip.raise_after_s, trip.clear_after_s];
            if let Some(given) = times.into_iter().find(|time| !(time.is_finite() && *time >= 0.0)) {
                return Err(TripError::Time { code: code.name(), given });
            }
        }
        let window = self.loss_window_s;
        let good = window.is_finite() && window > 0.0;
        if good { Ok(()) } else { Err(TripError::Time { code: Code::PktLossNet.name(), given: window }) }
    }
}

/// Why trip points are none.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum TripError {
    /// Points in the wrong order.
    #[error("{code} is raised above {raise} and cleared below {clear}: 0 ≤ clear ≤ raise must hold")]
    Points {
        /// The alarm.
        code: &'static str,
        /// Where it is raised.
        raise: f64,
        /// Where it is cleared.
        clear: f64,
    },
    /// A time that is none.
    #[error("{code} has a time of {given} s")]
    Time {
        /// The alarm.
        code: &'static str,
        /// What was given.
        given: f64,
    },
}

/// One quantity that is watched.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    raised: bool,
    /// Since when it has been beyond the point that changes the alarm.
    beyond_since_s: Option<f64>,
}

impl Watch {
    pub(super) const fn raised(&self) -> bool {
        self.raised
    }

    /// Takes a value: whether the alarm is raised or cleared by it, and by which trip points. What is not a number, or
    /// from before the last, changes nothing.
    pub(super) fn step(&mut self, time_s: f64, value: f64, trip: &Trip) -> Option<(bool, Trip)> {
        if !(value.is_finite() && time_s.is_finite()) {
            return None;
        }
        let (beyond, delay_s) = match self.raised {
            false => (value > trip.raise_above, trip.raise_after_s),
            true => (value < trip.clear_below, trip.clear_after_s),
        };
        if !beyond {
            self.beyond_since_s = None;
            return None;
        }
        let since_s = *self.beyond_since_s.get_or_insert(time_s);
        if time_s - since_s < delay_s {
            return None;
        }
        (self.raised, self.beyond_since_s) = (!self.raised, None);
        Some((self.raised, *trip))
    }
}
