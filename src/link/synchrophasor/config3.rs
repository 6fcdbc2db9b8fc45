//! CFG-3 as bytes: longer names, scales as single-precision numbers, where a PMU stands.
//!
//! Limits: in one frame only; the flags of how a phasor was processed are read past and written as none. Source: IEEE
//! C37.118.2-2011, 6.4.3 (tables 10 to 12).

use super::config::{
    Analog, Config, Counts, Format, PhasorChannel, Place, Station, Unit, bit_names, digital_unit, head, nominal_hz,
    write_head, write_masks, write_tail,
};
use super::frame::{EncodeError, FrameError};
use super::wire::Reader;

/// Where a phasor's type says that it is a current.
const CURRENT: u32 = 0x0800;

/// Reads the body of CFG-3.
pub(super) fn decode(id: u16, body: &[u8]) -> Result<Config, FrameError> {
    let mut reader = Reader(body);
    if reader.u16()? != 0 {
        return Err(FrameError::Fragment);
    }
    let (time_base, stations) = head(&mut reader)?;
    let stations = (0..stations).map(|_| station(&mut reader)).collect::<Result<_, _>>()?;
    let data_rate = reader.i16()?;
    reader.end()?;
    Ok(Config { id, time_base, stations, data_rate })
}

fn station(reader: &mut Reader) -> Result<Station, FrameError> {
    let (name, id) = (name(reader)?, reader.u16()?);
    let mut place = Place::default();
    place.global_id.copy_from_slice(reader.bytes(16)?);
    let format = Format::read(reader.u16()?);
    let counts = Counts::read(reader)?;
    let names = |reader: &mut Reader, count: u16| -> Result<Vec<String>, FrameError> {
        (0..count).map(|_| self::name(reader)).collect()
    };
    let (phasors, analogs) = (names(reader, counts.phasors)?, names(reader, counts.analogs)?);
    let bits: Vec<Vec<String>> = (0..counts.digitals).map(|_| names(reader, 16)).collect::<Result<_, _>>()?;
    let phasors = phasors.into_iter().map(|name| phasor_scale(name, reader)).collect::<Result<_, _>>()?;
    let analogs = analogs.into_iter().map(|name| analog_scale(name, reader)).collect::<Result<_, _>>()?;
    let digitals = bits.into_iter().map(|names| digital_unit(names, reader)).collect::<Result<_, _>>()?;
    (place.latitude_deg, place.longitude_deg, place.elevation_m) = (reader.f32()?, reader.f32()?, reader.f32()?);
    (place.class, place.window_us, place.group_delay_us) = (reader.u8()?, reader.i32()?, reader.i32()?);
    let (nominal_hz, change_count) = (nominal_hz(reader.u16()?), reader.u16()?);
    Ok(Station { name, id, format, phasors, analogs, digitals, nominal_hz, change_count, place })
}

fn name(reader: &mut Reader) -> Result<String, FrameError> {
    let length = usize::from(reader.u8()?);
    Ok(String::from_utf8_lossy(reader.bytes(length)?).into_owned())
}

fn phasor_scale(name: String, reader: &mut Reader) -> Result<PhasorChannel, FrameError> {
    let flags = reader.u32()?;
    let unit = if flags & CURRENT == 0 { Unit::Volt } else { Unit::Ampere };
    let component = (flags >> 8 & 7).to_be_bytes()[3];
    Ok(PhasorChannel { name, unit, scale: reader.f32()?, turn_rad: reader.f32()?, component })
}

fn analog_scale(name: String, reader: &mut Reader) -> Result<Analog, FrameError> {
    Ok(Analog { name, kind: 0, scale: reader.f32()?, offset: reader.f32()? })
}

/// The body of CFG-3.
pub(super) fn encode(config: &Config) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![0, 0];
    write_head(config, &mut bytes)?;
    config.stations.iter().try_for_each(|station| write_station(station, &mut bytes))?;
    bytes.extend(config.data_rate.to_be_bytes());
    Ok(bytes)
}

fn write_station(station: &Station, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    write_name(&station.name, bytes)?;
    bytes.extend(station.id.to_be_bytes());
    bytes.extend(station.place.global_id);
    bytes.extend(station.format.word().to_be_bytes());
    Counts::write(station, bytes)?;
    station.phasors.iter().try_for_each(|phasor| write_name(&phasor.name, bytes))?;
    station.analogs.iter().try_for_each(|analog| write_name(&analog.name, bytes))?;
    bit_names(station)?.try_for_each(|name| write_name(name, bytes))?;
    for phasor in &station.phasors {
        let current = if phasor.unit == Unit::Ampere { CURRENT } else { 0 };
        bytes.extend((current | u32::from(phasor.component & 7) << 8).to_be_bytes());
        write_f32(phasor.scale, bytes);
        write_f32(phasor.turn_rad, bytes);
    }
    for analog in &station.analogs {
        write_f32(analog.scale, bytes);
        write_f32(analog.offset, bytes);
    }
    write_masks(station, bytes);
    let place = station.place;
    [place.latitude_deg, place.longitude_deg, place.elevation_m].iter().for_each(|value| write_f32(*value, bytes));
    bytes.push(place.class);
    bytes.extend(place.window_us.to_be_bytes());
    bytes.extend(place.group_delay_us.to_be_bytes());
    write_tail(station, bytes)
}

#[allow(clippy::cast_possible_truncation, reason = "the field is single precision")]
fn write_f32(value: f64, bytes: &mut Vec<u8>) {
    bytes.extend((value as f32).to_be_bytes());
}

fn write_name(name: &str, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    let length = u8::try_from(name.len()).map_err(|_| EncodeError::Range("a name of 255 bytes"))?;
    bytes.push(length);
    bytes.extend(name.as_bytes());
    Ok(())
}
