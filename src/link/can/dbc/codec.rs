//! From a payload to physical values and back.

use super::bits::{Field, mask, signed};
use super::{Message, Number, Presence, Signal};

/// Why a value is not put into a message as it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// Not a finite number.
    #[error("`{signal}` cannot be {value}")]
    NotFinite {
        /// The signal.
        signal: String,
        /// What it should have been.
        value: f64,
    },
    /// Beyond the file's limits, or what the bits hold.
    #[error("`{signal}` cannot be {value}: the nearest that it can be is {nearest}")]
    OutOfRange {
        /// The signal.
        signal: String,
        /// What it should have been.
        value: f64,
        /// The nearest value that can be sent.
        nearest: f64,
    },
    /// The payload is shorter than the message.
    #[error("a payload of {bytes} bytes is too short for `{message}`")]
    TooShort {
        /// The message.
        message: String,
        /// Bytes of the payload.
        bytes: usize,
    },
    /// There is no such signal.
    #[error("`{message}` has no signal number {signal}")]
    NoSignal {
        /// The message.
        message: String,
        /// The place that was asked for.
        signal: usize,
    },
}

impl Signal {
    fn field(&self) -> Field {
        Field { start: self.start_bit, length: self.length, order: self.order }
    }

    /// One past the last byte that it touches.
    pub fn bytes(&self) -> usize {
        self.field().bytes()
    }

    /// Its bits in a payload, whatever they mean.
    pub fn raw(&self, payload: &[u8]) -> u64 {
        self.field().get(payload)
    }

    /// Puts bits into a payload, whatever they mean.
    pub fn put_raw(&self, payload: &mut [u8], raw: u64) {
        self.field().put(payload, raw);
    }

    /// Its positions in a payload.
    pub(super) fn positions(&self) -> impl Iterator<Item = usize> {
        self.field().positions()
    }

    /// The physical value of raw bits.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "physical values are doubles")]
    pub fn physical(&self, raw: u64) -> f64 {
        let number = match self.number {
            Number::Unsigned => (raw & mask(self.length)) as f64,
            Number::Signed => signed(raw, self.length) as f64,
            Number::F32 => f64::from(f32::from_bits(raw as u32)),
            Number::F64 => f64::from_bits(raw),
        };
        number * self.factor + self.offset
    }

    /// Its physical value in a payload.
    pub fn value(&self, payload: &[u8]) -> f64 {
        self.physical(self.raw(payload))
    }

    /// Whether a physical value is a number within the file's limits; half a raw unit beyond them is still within.
    pub fn admits(&self, value: f64) -> bool {
        let slack = self.factor.abs() / 2.0;
        value.is_finite() && self.limits.is_none_or(|(low, high)| value >= low - slack && value <= high + slack)
    }

    /// Lowest and highest number that the bits hold.
    #[allow(clippy::cast_precision_loss, reason = "the ends of 64 bits are rounded; conversion back saturates")]
    fn numbers(&self) -> (f64, f64) {
        match self.number {
            Number::Unsigned => (0.0, mask(self.length) as f64),
            Number::Signed => {
                let high = (mask(self.length) >> 1) as f64;
                (-high - 1.0, high)
            }
            Number::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
            Number::F64 => (f64::MIN, f64::MAX),
        }
    }

    /// The bits of the nearest number to one in raw units.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded, and within what the bits hold"
    )]
    fn bits(&self, number: f64) -> u64 {
        match self.number {
            Number::Unsigned => number.round() as u64 & mask(self.length),
            Number::Signed => (number.round() as i64) as u64 & mask(self.length),
            Number::F32 => u64::from((number as f32).to_bits()),
            Number::F64 => number.to_bits(),
        }
    }

    /// Raw bits of a physical value, the nearest that there are.
    ///
    /// # Errors
    /// When it is no finite number, beyond the file's limits or what the bits hold; with the nearest that can be sent.
    pub fn encode(&self, value: f64) -> Result<u64, EncodeError> {
        if !value.is_finite() {
            return Err(EncodeError::NotFinite { signal: self.name.clone(), value });
        }
        let (raw, held) = self.nearest(value);
        match held {
            true => Ok(raw),
            false => Err(EncodeError::OutOfRange { signal: self.name.clone(), value, nearest: self.physical(raw) }),
        }
    }

    /// Raw bits of the nearest value that can be sent, and whether that is the value itself but for rounding. NaN counts
    /// as 0 in raw units, or what is nearest to it within the limits.
    pub fn nearest(&self, value: f64) -> (u64, bool) {
        let (low, high) = self.limits.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let number = if value.is_nan() { self.offset } else { value };
        let limited = number.max(low).min(high);
        let number = (limited - self.offset) / self.factor;
        let (lowest, highest) = self.numbers();
        // A number that rounds to one that the bits hold is held.
        let slack = if matches!(self.number, Number::F32 | Number::F64) { 0.0 } else { 0.5 };
        let held = self.admits(value) && number > lowest - slack - f64::EPSILON && number < highest + slack;
        let held = held || (self.admits(value) && (number == lowest || number == highest));
        let number = if number.is_nan() { 0.0 } else { number.clamp(lowest, highest) };
        (self.bits(number), held)
    }
}

impl Message {
    /// Whether a signal is in a payload.
    pub fn is_present(&self, signal: &Signal, payload: &[u8]) -> bool {
        match &signal.presence {
            Presence::Always | Presence::Switch => true,
            Presence::When(ranges) => self.switch.and_then(|at| self.signals.get(at)).is_some_and(|switch| {
                let turn = switch.raw(payload);
                ranges.iter().any(|&(low, high)| (low..=high).contains(&turn))
            }),
        }
    }

    /// The physical value of a signal, by its place; `None` where it is not in the payload, or the payload is too short.
    pub fn decode(&self, signal: usize, payload: &[u8]) -> Option<f64> {
        let signal = self.signals.get(signal)?;
        let there = payload.len() >= self.length && self.is_present(signal, payload);
        there.then(|| signal.value(payload))
    }

    /// Puts a physical value into a payload.
    ///
    /// # Errors
    /// When it cannot be sent as it is; the payload is unchanged then.
    pub fn encode(&self, signal: usize, value: f64, payload: &mut [u8]) -> Result<(), EncodeError> {
        let no_signal = || EncodeError::NoSignal { message: self.name.clone(), signal };
        let own = self.signals.get(signal).ok_or_else(no_signal)?;
        if payload.len() < self.length {
            return Err(EncodeError::TooShort { message: self.name.clone(), bytes: payload.len() });
        }
        own.put_raw(payload, own.encode(value)?);
        Ok(())
    }
}
