//! Faults of a PMU, put into its frames by script: what a client has to live with.

use std::time::Duration;

use super::super::config::Config;
use super::super::data::Reading;
use super::super::frame::{EncodeError, Time, TimeQuality};
use super::super::parser::with_wrong_check;
use super::super::stat::Unlocked;
use super::data_frame;
use crate::quantity::Noise;

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Its check word.
    BadCheck,
    /// Its second half is missing.
    Half,
    /// So many bytes that belong to no frame come before it.
    Garbage(usize),
    /// It is the last good one again.
    Freeze,
    /// It is of another stream.
    WrongId(u16),
    /// Its time is off by so many seconds.
    ClockStep(i32),
    /// Its clock has been without a source of time for so long.
    SyncLost(Unlocked),
    /// The PMU has an error.
    Error,
    /// It says that the configuration changes.
    ConfigChange,
    /// It is sent so much later. More frames than [`super::QUEUE`] may not be under way.
    Delay(Duration),
    /// It is not sent.
    Silent,
    /// Connections are closed in its place.
    Close,
    /// Bytes that are no frame come in its place.
    Junk,
    /// Each of its bytes is damaged with this share, drawn by the seed and the frame's number.
    Noise {
        /// 0 to 1.
        share: f64,
        /// Seed of the draws.
        seed: u64,
    },
    /// A second PMU sends the same stream: the frame comes again with other values.
    Twin,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    faults: Vec<(u64, u64, Fault)>,
    last: Vec<u8>,
}

impl Script {
    pub(super) fn add(&mut self, first: u64, fault: Fault, frames: u64) {
        self.faults.push((first, first.saturating_add(frames), fault));
    }

    /// What is sent as a frame: bytes, how much later, whether connections are closed instead.
    pub(super) fn frame(
        &mut self,
        number: u64,
        config: &Config,
        utc_us: u64,
        quality: TimeQuality,
        readings: &[Reading],
    ) -> Result<Option<(Vec<u8>, Duration, bool)>, EncodeError> {
        self.faults.retain(|(_, end, _)| number < *end);
        let active: Vec<Fault> =
            self.faults.iter().filter(|(first, ..)| *first <= number).map(|(_, _, fault)| *fault).collect();
        if active.is_empty() {
            let time = Time { quality, ..Time::at(utc_us, config.time_base) };
            self.last = data_frame(config, config.id, time, readings)?;
            return Ok(Some((self.last.clone(), Duration::ZERO, false)));
        }
        self.faulty(number, &active, config, utc_us, quality, readings)
    }

    fn faulty(
        &self,
        number: u64,
        active: &[Fault],
        config: &Config,
        utc_us: u64,
        quality: TimeQuality,
        readings: &[Reading],
    ) -> Result<Option<(Vec<u8>, Duration, bool)>, EncodeError> {
        let (mut id, mut utc_us, mut readings) = (config.id, utc_us, readings.to_vec());
        for fault in active {
            match fault {
                Fault::WrongId(other) => id = *other,
                Fault::ClockStep(seconds) => utc_us = utc_us.saturating_add_signed(i64::from(*seconds) * 1_000_000),
                Fault::SyncLost(unlocked) => {
                    readings.iter_mut().for_each(|reading| reading.stat = reading.stat.unsynchronised(*unlocked));
                }
                Fault::Error => readings.iter_mut().for_each(|reading| reading.stat = reading.stat.with_error()),
                Fault::ConfigChange => {
                    readings.iter_mut().for_each(|reading| reading.stat = reading.stat.with_config_change());
                }
                Fault::Silent => return Ok(None),
                _ => {}
            }
        }
        let time = Time { quality, ..Time::at(utc_us, config.time_base) };
        let (mut bytes, mut delay, mut close) = (data_frame(config, id, time, &readings)?, Duration::ZERO, false);
        for fault in active {
            match fault {
                Fault::Freeze => bytes.clone_from(&self.last),
                Fault::BadCheck => bytes = with_wrong_check(bytes),
                Fault::Half => bytes.truncate(bytes.len() / 2),
                Fault::Garbage(count) => bytes = [garbage(*count), bytes].concat(),
                Fault::Delay(more) => delay += *more,
                Fault::Close => close = true,
                Fault::Junk => bytes = garbage(bytes.len()),
                Fault::Noise { share, seed } => damage(&mut bytes, *share, *seed, number),
                Fault::Twin => bytes.extend(twin(config, id, time, &readings)?),
                _ => {}
            }
        }
        Ok(Some((bytes, delay, close)))
    }
}

/// The same frame of a second PMU, which measures a hundredth more.
fn twin(config: &Config, id: u16, time: Time, readings: &[Reading]) -> Result<Vec<u8>, EncodeError> {
    let mut readings = readings.to_vec();
    for phasor in readings.iter_mut().flat_map(|own| &mut own.phasors) {
        phasor.magnitude *= 1.01;
    }
    data_frame(config, id, time, &readings)
}

fn damage(bytes: &mut [u8], share: f64, seed: u64, number: u64) {
    let draws = Noise::new(seed, "noise");
    for (byte, k) in bytes.iter_mut().zip(0..) {
        let index = number.wrapping_mul(4096).wrapping_add(k);
        if draws.uniform(index) < share {
            *byte ^= draws.bits(index).to_be_bytes()[0] | 1;
        }
    }
}

/// Bytes without a pattern that a frame has, always the same ones; some look like a frame's beginning.
fn garbage(count: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 30 == 0 { 0xAA } else { state.to_be_bytes()[0] }
    };
    (0..count).map(|_| next()).collect()
}
