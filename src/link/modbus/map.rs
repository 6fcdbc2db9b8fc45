//! A description's values found in a device: its SunSpec directory walked, its identity looked at, everything located.

use std::time::Duration;

use super::sunspec::{self, Directory, Walk};
use super::value::{Image, Located};
use super::wire::{Connection, WireError};
use super::{Block, Table, blocks};
use crate::link::description::{Description, Expected, Source};

/// Why there is no such device.
pub(super) struct Missing {
    pub(super) what: String,
    /// It answers, and is not the one that is meant.
    pub(super) wrong: bool,
}

/// The values of a device, found in its registers.
pub(super) struct Map {
    pub(super) points: Vec<Option<Located>>,
    pub(super) set_points: Vec<Option<Located>>,
    pub(super) begin: Vec<(Located, f64)>,
    pub(super) commit: Vec<(Located, f64)>,
    pub(super) release: Vec<(Located, f64)>,
    pub(super) reversion: Vec<(Located, f64)>,
    pub(super) heartbeat: Option<(Located, Duration)>,
    pub(super) image: Image,
    /// The powers of ten of points and set-points as they were first.
    pub(super) exponents: Option<Vec<Option<i32>>>,
}

/// Walks a device's SunSpec directory from the first base that has the marker.
pub(super) async fn directory(wire: &mut Connection, bases: &[u16]) -> Result<Directory, Missing> {
    let failed = |what: String, wrong: bool| Missing { what, wrong };
    for &base in bases {
        let marker = match wire.read(Block { table: Table::Holding, address: base, count: 2 }).await {
            Ok(words) => words,
            Err(error) if error.harmless() => continue,
            Err(error) => return Err(failed(error.to_string(), false)),
        };
        if marker != sunspec::MARKER {
            continue;
        }
        let mut walk = Walk::new(base);
        while let Some(address) = walk.wants() {
            let words = read_header(wire, address).await.map_err(|error| failed(error.to_string(), false))?;
            walk.take(words.as_deref());
        }
        return Ok(walk.finish());
    }
    Err(failed(format!("no SunSpec marker at any of the registers {bases:?}"), true))
}

/// A model's number and length; at the end of the map there may be one register only, or none.
async fn read_header(wire: &mut Connection, address: u16) -> Result<Option<Vec<u16>>, WireError> {
    for count in [2, 1] {
        match wire.read(Block { table: Table::Holding, address, count }).await {
            Ok(words) => return Ok(Some(words)),
            Err(error) if error.harmless() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

pub(super) fn out_of_range(name: &str, value: f64, [low, high]: [f64; 2], swapped: Option<f64>) -> String {
    let text = format!("{name} is {value}, outside of {low} to {high}");
    match swapped.filter(|value| (low..=high).contains(value) && *value != 0.0) {
        Some(other) => format!("{text}; with its words in the other order it would be {other}: is `words` right?"),
        None => text,
    }
}

pub(super) fn identify(place: &Located, words: &[u16], is: &Expected) -> Result<(), String> {
    let block = place.block;
    let mut image = Image::new(&[block]);
    if !image.take(0, Some(words)) {
        return Err("its identity is not of the size that was asked for".into());
    }
    match is {
        Expected::Text(wanted) => {
            let found = super::coding::text(words);
            found.starts_with(wanted.as_str()).then_some(()).ok_or_else(|| format!("it is {found:?}, not {wanted:?}"))
        }
        Expected::Number(wanted) => match place.decode(&image) {
            Ok(found) if (found - wanted).abs() < 1e-9 => Ok(()),
            Ok(found) => Err(format!("it identifies itself by {found}, not {wanted}")),
            Err(error) => Err(format!("its identity: {error}")),
        },
    }
}

/// Finds all of a description's values, or says what the device does not have.
pub(super) fn located(
    description: &Description,
    directory: &Directory,
    head: &crate::link::description::language::ModbusHead,
) -> Result<Map, String> {
    let find = |source: &Source, optional: bool, name: &str| match source {
        Source::Modbus(value) => match value.locate(directory) {
            None if !optional => Err(format!("the device does not have {name}")),
            found => Ok(found),
        },
        _ => Ok(None),
    };
    let points = description.points.iter().map(|own| find(&own.source, own.optional, &own.name));
    let set_points = description.set_points.iter().map(|own| find(&own.source, false, &own.name));
    let writes = |all: &[crate::link::description::Write], what: &str| {
        let found = all.iter().map(|own| Ok(find(&own.source, own.optional, what)?.map(|place| (place, own.value))));
        found.filter_map(Result::transpose).collect::<Result<Vec<_>, String>>()
    };
    let heartbeat = description.heartbeat.as_ref().map(|(source, every_s)| {
        find(source, false, "its heartbeat").map(|place| place.map(|place| (place, Duration::from_secs_f64(*every_s))))
    });
    let mut map = Map {
        points: points.collect::<Result<_, _>>()?,
        set_points: set_points.collect::<Result<_, _>>()?,
        begin: writes(&description.begin, "what is written before")?,
        commit: writes(&description.commit, "what is written after set-points")?,
        release: writes(&description.release, "what is written at the end")?,
        reversion: writes(&description.reversion, "its reversion timer")?,
        heartbeat: heartbeat.transpose()?.flatten(),
        image: Image::default(),
        exponents: None,
    };
    let fixed = [&map.begin, &map.commit, &map.release, &map.reversion];
    let scaled =
        fixed.into_iter().flatten().map(|(place, _)| place).chain(map.heartbeat.as_ref().map(|(place, _)| place));
    let wanted = map.points.iter().chain(&map.set_points).flatten().flat_map(Located::needs);
    let begun = map.begin.iter().map(|(place, _)| place.block);
    let wanted = wanted.chain(scaled.filter_map(|place| place.exponent)).chain(begun).collect();
    map.image = Image::new(&blocks(wanted, head.most_registers, head.most_gap));
    Ok(map)
}
