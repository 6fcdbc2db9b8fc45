//! The values of a data frame, read and written with the stream's configuration.
//!
//! Limits: angles are between −π and π on the wire. An integer has the range of its field and no more: what is beyond is
//! written as its end, as an instrument does that is driven too far. The lowest integer, and a single-precision NaN, stand
//! for no value. Source: IEEE C37.118.2-2011, 6.3 (tables 5 to 7).

use std::f64::consts::{PI, TAU};

use super::config::{Config, Format, PhasorChannel, Station};
use super::frame::{EncodeError, FrameError};
use super::stat::Stat;
use super::wire::{Reader, to_i16};

/// A phasor, RMS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phasor {
    /// Magnitude in V or A; NaN where there is none.
    pub magnitude: f64,
    /// Angle to a cosine at nominal frequency whose maximum is at the full second of UTC, in rad.
    pub angle_rad: f64,
}

impl Phasor {
    /// No value.
    pub const NONE: Self = Self { magnitude: f64::NAN, angle_rad: f64::NAN };

    /// A phasor by its angle in degrees.
    pub const fn degrees(magnitude: f64, angle_deg: f64) -> Self {
        Self { magnitude, angle_rad: angle_deg.to_radians() }
    }
}

/// What one PMU says in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What it says of these values.
    pub stat: Stat,
    /// Phasors, in the configuration's order.
    pub phasors: Vec<Phasor>,
    /// Frequency in Hz; NaN where there is none.
    pub f_hz: f64,
    /// Its rate of change in Hz/s; NaN where there is none.
    pub rocof_hz_s: f64,
    /// Analog values, scaled.
    pub analogs: Vec<f64>,
    /// Words of digital values.
    pub digitals: Vec<u16>,
}

/// Reads the values of a data frame, by station.
///
/// # Errors
/// When the bytes are not as many as the configuration says.
pub fn decode(config: &Config, body: &[u8]) -> Result<Vec<Reading>, FrameError> {
    let mut reader = Reader(body);
    let readings = config.stations.iter().map(|station| reading(station, &mut reader)).collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(readings)
}

fn reading(station: &Station, reader: &mut Reader) -> Result<Reading, FrameError> {
    let format = station.format;
    let stat = Stat(reader.u16()?);
    let phasors = station.phasors.iter().map(|channel| phasor(format, channel, reader)).collect::<Result<_, _>>()?;
    let nominal = f64::from(station.nominal_hz);
    let (f_hz, rocof_hz_s) = match format.frequency_float {
        true => (reader.f32()?, reader.f32()?),
        false => (nominal + number(reader.i16()?) / 1000.0, number(reader.i16()?) / 100.0),
    };
    let analog = |scale: f64, offset: f64, reader: &mut Reader| match format.analogs_float {
        true => reader.f32(),
        false => Ok(number(reader.i16()?) * scale + offset),
    };
    let analogs = station.analogs.iter().map(|own| analog(own.scale, own.offset, reader)).collect::<Result<_, _>>()?;
    let digitals = station.digitals.iter().map(|_| reader.u16()).collect::<Result<_, _>>()?;
    Ok(Reading { stat, phasors, f_hz, rocof_hz_s, analogs, digitals })
}

fn phasor(format: Format, channel: &PhasorChannel, reader: &mut Reader) -> Result<Phasor, FrameError> {
    Ok(match (format.phasors_float, format.polar) {
        (true, true) => Phasor { magnitude: reader.f32()?, angle_rad: reader.f32()? }.whole(),
        (true, false) => from_rectangular(reader.f32()?, reader.f32()?),
        (false, true) => {
            let magnitude = f64::from(reader.u16()?) * channel.scale;
            Phasor { magnitude, angle_rad: number(reader.i16()?) * 1e-4 - channel.turn_rad }.whole()
        }
        (false, false) => {
            let unscaled = from_rectangular(number(reader.i16()?), number(reader.i16()?));
            let magnitude = unscaled.magnitude * channel.scale;
            Phasor { magnitude, angle_rad: unscaled.angle_rad - channel.turn_rad }.whole()
        }
    })
}

impl Phasor {
    /// The same, or no value where half of it has none.
    fn whole(self) -> Self {
        if self.magnitude.is_finite() && self.angle_rad.is_finite() { self } else { Self::NONE }
    }
}

fn from_rectangular(real: f64, imaginary: f64) -> Phasor {
    Phasor { magnitude: real.hypot(imaginary), angle_rad: imaginary.atan2(real) }.whole()
}

/// An integer as a number; the lowest stands for no value.
fn number(value: i16) -> f64 {
    if value == i16::MIN { f64::NAN } else { f64::from(value) }
}

/// An angle between −π and π.
pub(super) fn wrapped(angle_rad: f64) -> f64 {
    let turned = (angle_rad + PI).rem_euclid(TAU) - PI;
    if turned.is_finite() { turned } else { f64::NAN }
}

/// The values of a data frame as bytes.
///
/// # Errors
/// When they are not as many as the configuration says.
pub fn encode(config: &Config, readings: &[Reading]) -> Result<Vec<u8>, EncodeError> {
    if readings.len() != config.stations.len() {
        return Err(EncodeError::Shape("stations"));
    }
    let mut bytes = Vec::with_capacity(config.stations.iter().map(Station::data_size).sum());
    config.stations.iter().zip(readings).try_for_each(|(station, reading)| write(station, reading, &mut bytes))?;
    Ok(bytes)
}

fn write(station: &Station, reading: &Reading, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    for (own, given, what) in [
        (station.phasors.len(), reading.phasors.len(), "phasors"),
        (station.analogs.len(), reading.analogs.len(), "analog values"),
        (station.digitals.len(), reading.digitals.len(), "digital values"),
    ] {
        if own != given {
            return Err(EncodeError::Shape(what));
        }
    }
    let format = station.format;
    bytes.extend(reading.stat.0.to_be_bytes());
    for (channel, phasor) in station.phasors.iter().zip(&reading.phasors) {
        write_phasor(format, channel, *phasor, bytes);
    }
    match format.frequency_float {
        true => [reading.f_hz, reading.rocof_hz_s].iter().for_each(|value| write_f32(*value, bytes)),
        false => {
            write_i16((reading.f_hz - f64::from(station.nominal_hz)) * 1000.0, bytes);
            write_i16(reading.rocof_hz_s * 100.0, bytes);
        }
    }
    for (channel, value) in station.analogs.iter().zip(&reading.analogs) {
        match format.analogs_float {
            true => write_f32(*value, bytes),
            false => write_i16((value - channel.offset) / channel.scale, bytes),
        }
    }
    reading.digitals.iter().for_each(|word| bytes.extend(word.to_be_bytes()));
    Ok(())
}

fn write_phasor(format: Format, channel: &PhasorChannel, phasor: Phasor, bytes: &mut Vec<u8>) {
    let Phasor { magnitude, angle_rad } = phasor;
    match (format.phasors_float, format.polar) {
        (true, true) => [magnitude, wrapped(angle_rad)].iter().for_each(|value| write_f32(*value, bytes)),
        (true, false) => {
            let (sine, cosine) = angle_rad.sin_cos();
            [magnitude * cosine, magnitude * sine].iter().for_each(|value| write_f32(*value, bytes));
        }
        (false, true) => {
            let steps = (magnitude / channel.scale).round();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, NaN is 0")]
            bytes.extend((steps as u16).to_be_bytes());
            let angle_rad = if steps.is_nan() { f64::NAN } else { wrapped(angle_rad + channel.turn_rad) };
            write_i16(angle_rad * 1e4, bytes);
        }
        (false, false) => {
            let (sine, cosine) = (angle_rad + channel.turn_rad).sin_cos();
            write_i16(magnitude * cosine / channel.scale, bytes);
            write_i16(magnitude * sine / channel.scale, bytes);
        }
    }
}

fn write_i16(value: f64, bytes: &mut Vec<u8>) {
    bytes.extend(to_i16(value).to_be_bytes());
}

#[allow(clippy::cast_possible_truncation, reason = "the field is single precision")]
fn write_f32(value: f64, bytes: &mut Vec<u8>) {
    bytes.extend((value as f32).to_be_bytes());
}
