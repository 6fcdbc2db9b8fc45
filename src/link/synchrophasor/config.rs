//! Configurations: what the data frames of a stream hold; CFG-1 and CFG-2 as bytes.
//!
//! Limits: names of CFG-1 and CFG-2 are 16 bytes, padded with spaces; longer ones are not written. Bytes of a name that are
//! no UTF-8 are replaced. Source: IEEE C37.118.2-2011, 6.4 (tables 8 to 10).

use super::frame::{EncodeError, FrameError};
use super::wire::{Reader, count};

/// Bytes of a name.
const NAME: usize = 16;
/// Largest value of a field of 24 bits.
const LARGEST_24: u32 = 0x00FF_FFFF;

/// What a stream's data frames hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The stream.
    pub id: u16,
    /// Parts of a second in which times are given, 1 to 2²⁴ − 1.
    pub time_base: u32,
    /// The PMUs whose values stand in each frame, in order.
    pub stations: Vec<Station>,
    /// Frames per second; below 0, seconds per frame.
    pub data_rate: i16,
}

/// How values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// Phasors as magnitude and angle, else as real and imaginary part.
    pub polar: bool,
    /// Phasors as single-precision numbers, else as integers.
    pub phasors_float: bool,
    /// Analog values as single-precision numbers, else as integers.
    pub analogs_float: bool,
    /// Frequency and its rate of change as single-precision numbers, else as integers.
    pub frequency_float: bool,
}

/// One PMU.
#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    /// Its name.
    pub name: String,
    /// Its own number.
    pub id: u16,
    /// How its values are written.
    pub format: Format,
    /// Its phasors.
    pub phasors: Vec<PhasorChannel>,
    /// Its analog values.
    pub analogs: Vec<Analog>,
    /// Its words of digital values.
    pub digitals: Vec<Digital>,
    /// Nominal frequency in Hz: 50 or 60.
    pub nominal_hz: u16,
    /// Counts changes of its configuration.
    pub change_count: u16,
    /// What CFG-3 alone says.
    pub place: Place,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A voltage in V.
    Volt,
    /// A current in A.
    Ampere,
}

/// A phasor of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct PhasorChannel {
    /// Its name.
    pub name: String,
    /// What it is.
    pub unit: Unit,
    /// V or A of an integer's step; nothing for single-precision numbers.
    pub scale: f64,
    /// What is taken from the angle of an integer phasor in rad; 0 but in CFG-3.
    pub turn_rad: f64,
    /// Component by CFG-3: 0 zero, 1 positive, 2 negative sequence, 4 to 6 phase A to C.
    pub component: u8,
}

/// An analog value of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Analog {
    /// Its name.
    pub name: String,
    /// 0 a point on the wave, 1 RMS, 2 peak; CFG-3 does not have it.
    pub kind: u8,
    /// Value of an integer's step.
    pub scale: f64,
    /// Value of an integer 0; 0 but in CFG-3.
    pub offset: f64,
}

/// A word of digital values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digital {
    /// 16 names, from the lowest bit to the highest.
    pub names: Vec<String>,
    /// The bits' normal state.
    pub normal: u16,
    /// Which bits mean something.
    pub valid: u16,
}

/// What CFG-3 says of a PMU beyond CFG-2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// A number of its own among all PMUs.
    pub global_id: [u8; 16],
    /// North in degrees; infinite where it is not given.
    pub latitude_deg: f64,
    /// East in degrees; infinite where it is not given.
    pub longitude_deg: f64,
    /// Above the sea in m; infinite where it is not given.
    pub elevation_m: f64,
    /// Class of measurement: `M` or `P`.
    pub class: u8,
    /// Length of the window of measurement in µs.
    pub window_us: i32,
    /// Delay of the measurement in µs.
    pub group_delay_us: i32,
}

impl Default for Place {
    fn default() -> Self {
        let (nowhere, class) = (f64::INFINITY, b'M');
        Self {
            global_id: [0; 16],
            latitude_deg: nowhere,
            longitude_deg: nowhere,
            elevation_m: nowhere,
            class,
            window_us: 0,
            group_delay_us: 0,
        }
    }
}

impl Config {
    /// Time between frames in µs; 0 where the rate is.
    pub fn period_us(&self) -> u64 {
        match self.data_rate {
            0 => 0,
            rate if rate > 0 => 1_000_000 / u64::from(rate.unsigned_abs()),
            seconds => 1_000_000 * u64::from(seconds.unsigned_abs()),
        }
    }
}

impl Station {
    /// Bytes of its values in a data frame.
    pub fn data_size(&self) -> usize {
        let format = self.format;
        let width = |float| if float { 4 } else { 2 };
        2 + 2 * width(format.phasors_float) * self.phasors.len()
            + 2 * width(format.frequency_float)
            + width(format.analogs_float) * self.analogs.len()
            + 2 * self.digitals.len()
    }
}

impl Format {
    pub(super) fn read(word: u16) -> Self {
        let bit = |bit: u16| word & bit != 0;
        Self { polar: bit(1), phasors_float: bit(2), analogs_float: bit(4), frequency_float: bit(8) }
    }

    pub(super) fn word(self) -> u16 {
        u16::from(self.polar)
            | u16::from(self.phasors_float) << 1
            | u16::from(self.analogs_float) << 2
            | u16::from(self.frequency_float) << 3
    }
}

/// How many channels a station has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub phasors: u16,
    pub analogs: u16,
    pub digitals: u16,
}

impl Counts {
    pub(super) fn read(reader: &mut Reader) -> Result<Self, FrameError> {
        Ok(Self { phasors: reader.u16()?, analogs: reader.u16()?, digitals: reader.u16()? })
    }

    pub(super) fn write(station: &Station, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
        bytes.extend(count(station.phasors.len(), "PHNMR")?.to_be_bytes());
        bytes.extend(count(station.analogs.len(), "ANNMR")?.to_be_bytes());
        bytes.extend(count(station.digitals.len(), "DGNMR")?.to_be_bytes());
        Ok(())
    }
}

/// What follows the prefix: time base and number of PMUs.
pub(super) fn head(reader: &mut Reader) -> Result<(u32, u16), FrameError> {
    let time_base = reader.u32()? & LARGEST_24;
    if time_base == 0 {
        return Err(FrameError::Field("TIME_BASE"));
    }
    Ok((time_base, reader.u16()?))
}

pub(super) fn write_head(config: &Config, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    if !(1..=LARGEST_24).contains(&config.time_base) {
        return Err(EncodeError::Range("TIME_BASE"));
    }
    bytes.extend(config.time_base.to_be_bytes());
    bytes.extend(count(config.stations.len(), "NUM_PMU")?.to_be_bytes());
    Ok(())
}

/// FNOM: bit 0 tells 50 Hz from 60 Hz.
pub(super) fn nominal_hz(word: u16) -> u16 {
    if word & 1 == 1 { 50 } else { 60 }
}

pub(super) fn write_tail(station: &Station, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    let nominal: u16 = match station.nominal_hz {
        50 => 1,
        60 => 0,
        _ => return Err(EncodeError::Range("FNOM")),
    };
    bytes.extend(nominal.to_be_bytes());
    bytes.extend(station.change_count.to_be_bytes());
    Ok(())
}

/// Reads the body of CFG-1 or CFG-2.
pub(super) fn decode(id: u16, body: &[u8]) -> Result<Config, FrameError> {
    let mut reader = Reader(body);
    let (time_base, stations) = head(&mut reader)?;
    let stations = (0..stations).map(|_| station(&mut reader)).collect::<Result<_, _>>()?;
    let data_rate = reader.i16()?;
    reader.end()?;
    Ok(Config { id, time_base, stations, data_rate })
}

fn station(reader: &mut Reader) -> Result<Station, FrameError> {
    let name = name(reader)?;
    let (id, format) = (reader.u16()?, Format::read(reader.u16()?));
    let counts = Counts::read(reader)?;
    let names = |reader: &mut Reader, count: u16| -> Result<Vec<String>, FrameError> {
        (0..count).map(|_| self::name(reader)).collect()
    };
    let (phasors, analogs) = (names(reader, counts.phasors)?, names(reader, counts.analogs)?);
    let bits: Vec<Vec<String>> = (0..counts.digitals).map(|_| names(reader, 16)).collect::<Result<_, _>>()?;
    let phasors = phasors.into_iter().map(|name| phasor_unit(name, reader.u32()?)).collect::<Result<_, _>>()?;
    let analogs = analogs.into_iter().map(|name| analog_unit(name, reader.u32()?)).collect::<Result<_, _>>()?;
    let digitals = bits.into_iter().map(|names| digital_unit(names, reader)).collect::<Result<_, _>>()?;
    let (nominal_hz, change_count) = (nominal_hz(reader.u16()?), reader.u16()?);
    let place = Place::default();
    Ok(Station { name, id, format, phasors, analogs, digitals, nominal_hz, change_count, place })
}

fn name(reader: &mut Reader) -> Result<String, FrameError> {
    let text = String::from_utf8_lossy(reader.bytes(NAME)?).into_owned();
    Ok(text.trim_end_matches([' ', '\0']).to_owned())
}

fn phasor_unit(name: String, word: u32) -> Result<PhasorChannel, FrameError> {
    let unit = match word >> 24 {
        0 => Unit::Volt,
        1 => Unit::Ampere,
        _ => return Err(FrameError::Field("PHUNIT")),
    };
    let scale = f64::from(word & LARGEST_24) / 1e5;
    Ok(PhasorChannel { name, unit, scale, turn_rad: 0.0, component: 0 })
}

fn analog_unit(name: String, word: u32) -> Result<Analog, FrameError> {
    let [kind, ..] = word.to_be_bytes();
    let scale = f64::from((word << 8).cast_signed() >> 8);
    Ok(Analog { name, kind, scale, offset: 0.0 })
}

pub(super) fn digital_unit(names: Vec<String>, reader: &mut Reader) -> Result<Digital, FrameError> {
    Ok(Digital { names, normal: reader.u16()?, valid: reader.u16()? })
}

/// The body of CFG-1 or CFG-2.
pub(super) fn encode(config: &Config) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    write_head(config, &mut bytes)?;
    config.stations.iter().try_for_each(|station| write_station(station, &mut bytes))?;
    bytes.extend(config.data_rate.to_be_bytes());
    Ok(bytes)
}

fn write_station(station: &Station, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    write_name(&station.name, bytes)?;
    bytes.extend(station.id.to_be_bytes());
    bytes.extend(station.format.word().to_be_bytes());
    Counts::write(station, bytes)?;
    station.phasors.iter().try_for_each(|phasor| write_name(&phasor.name, bytes))?;
    station.analogs.iter().try_for_each(|analog| write_name(&analog.name, bytes))?;
    bit_names(station)?.try_for_each(|name| write_name(name, bytes))?;
    for phasor in &station.phasors {
        let step = (phasor.scale * 1e5).round();
        if !(0.0..=f64::from(LARGEST_24)).contains(&step) {
            return Err(EncodeError::Range("PHUNIT"));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its range was checked")]
        bytes.extend((step as u32 | u32::from(phasor.unit == Unit::Ampere) << 24).to_be_bytes());
    }
    for analog in &station.analogs {
        let step = analog.scale.round();
        if !(-8_388_608.0..=8_388_607.0).contains(&step) {
            return Err(EncodeError::Range("ANUNIT"));
        }
        #[allow(clippy::cast_possible_truncation, reason = "its range was checked")]
        let step = (step as i32).cast_unsigned() & LARGEST_24;
        bytes.extend((step | u32::from(analog.kind) << 24).to_be_bytes());
    }
    write_masks(station, bytes);
    write_tail(station, bytes)
}

/// The names of all digital values, 16 of each word.
pub(super) fn bit_names(station: &Station) -> Result<impl Iterator<Item = &String>, EncodeError> {
    match station.digitals.iter().all(|word| word.names.len() == 16) {
        true => Ok(station.digitals.iter().flat_map(|word| &word.names)),
        false => Err(EncodeError::Shape("digital values")),
    }
}

pub(super) fn write_masks(station: &Station, bytes: &mut Vec<u8>) {
    for word in &station.digitals {
        bytes.extend(word.normal.to_be_bytes());
        bytes.extend(word.valid.to_be_bytes());
    }
}

fn write_name(name: &str, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    let padding = NAME.checked_sub(name.len()).ok_or(EncodeError::Range("a name of 16 bytes"))?;
    bytes.extend(name.as_bytes());
    bytes.extend(std::iter::repeat_n(b' ', padding));
    Ok(())
}
