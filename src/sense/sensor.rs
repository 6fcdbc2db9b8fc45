//! A sensor: one channel of an instrument, with its noise, its resolution and what can be wrong with it.
//!
//! reading = round to resolution of (gain · value + offset + sd · n), n standard normal by (seed, channel, tick), so that
//! one channel more moves nobody else's noise. Limits: no averaging over a window, no error by range.

use crate::quantity::{Noise, Tick};

/// How exact a channel is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accuracy {
    /// Standard deviation of the noise, in the channel's unit.
    pub noise: f64,
    /// Smallest step of a reading, in the channel's unit; 0 is none.
    pub resolution: f64,
}

/// What can be wrong with a sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// It goes on saying what it said last.
    Stuck,
    /// It says so much more.
    Offset(f64),
    /// It says so many times as much.
    Gain(f64),
    /// It says nothing.
    Dropped,
}

/// One channel's sensor.
#[derive(Clone, Debug)]
pub(super) struct Sensor {
    noise: Noise,
    gain: f64,
    offset: f64,
    stuck: bool,
    dropped: bool,
    last: f64,
}

impl Sensor {
    pub(super) const fn new(noise: Noise) -> Self {
        Self { noise, gain: 1.0, offset: 0.0, stuck: false, dropped: false, last: f64::NAN }
    }

    /// NaN when it says nothing. A sensor that is stuck before its first reading is stuck at that.
    pub(super) fn reading(&mut self, tick: Tick, value: f64, accuracy: Accuracy) -> f64 {
        if self.dropped {
            return f64::NAN;
        }
        if self.stuck && !self.last.is_nan() {
            return self.last;
        }
        let noise = if accuracy.noise > 0.0 { accuracy.noise * self.noise.normal(tick.0) } else { 0.0 };
        let said = self.gain * value + self.offset + noise;
        let step = accuracy.resolution;
        self.last = if step > 0.0 { (said / step).round() * step } else { said };
        self.last
    }

    /// Begins or ends a fault.
    pub(super) const fn set_fault(&mut self, fault: Fault, on: bool) {
        match fault {
            Fault::Stuck => self.stuck = on,
            Fault::Offset(offset) => self.offset = if on { offset } else { 0.0 },
            Fault::Gain(gain) => self.gain = if on { gain } else { 1.0 },
            Fault::Dropped => self.dropped = on,
        }
    }
}
