//! What is behind an address: SunSpec's models with their values, or which registers can be read at all.
//!
//! It only reads, a request at a time, and ends within bounds whatever answers.

use std::time::Duration;

use super::coding::{self, Coding, Order};
use super::sunspec::{self, Directory, ModelPoint, Walk};
use super::wire::{Connection, Framing, WireError};
use super::{Block, Table};
use crate::link::stream::Connect;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Units that answered, if only with an exception.
    pub units: Vec<Unit>,
}

/// A unit that answered.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// Its number.
    pub unit: u8,
    /// Its SunSpec models; `None` without the marker.
    pub sunspec: Option<Directory>,
    /// Points of models that are known, with what they hold.
    pub points: Vec<(ModelPoint, Held)>,
    /// Without SunSpec: registers that can be read, as ranges.
    pub readable: Vec<Block>,
}

/// What a point holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// A number, scaled.
    Number(f64),
    /// A text.
    Text(String),
    /// Nothing: the device does not implement it.
    Nothing,
    /// A scale factor that is none.
    WrongScale(f64),
}

/// How it is looked.
pub struct Settings {
    /// Opens the stream.
    pub connect: Connect,
    /// How requests are framed.
    pub framing: Framing,
    /// Units that are asked.
    pub units: Vec<u8>,
    /// How long is waited for an answer.
    pub limit: Duration,
    /// Where the marker of SunSpec is looked for.
    pub bases: Vec<u16>,
}

/// Places that are tried of a device without SunSpec, each with this many registers.
const PROBED: u16 = 8;
/// Where registers of meters and inverters mostly begin; between them nothing is looked for.
const PLACES: [u16; 16] = [0, 8, 16, 32, 48, 64, 100, 256, 512, 1000, 2999, 3000, 4096, 19_000, 30_000, 40_000];

/// Looks.
///
/// # Errors
/// When there is no connection to be had.
pub async fn scan(mut settings: Settings) -> Result<Found, WireError> {
    let mut found = Found::default();
    for unit in settings.units.clone() {
        match one(&mut settings, unit).await {
            Ok(Some(own)) => found.units.push(own),
            Ok(None) | Err(WireError::Timeout(_) | WireError::Damaged(..) | WireError::Protocol(_)) => {}
            Err(error) if found.units.is_empty() && settings.units.len() == 1 => return Err(error),
            Err(_) => {}
        }
    }
    Ok(found)
}

async fn one(settings: &mut Settings, unit: u8) -> Result<Option<Unit>, WireError> {
    let stream = tokio::time::timeout(settings.limit.max(Duration::from_secs(1)), (settings.connect)()).await;
    let stream = match stream {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(WireError::Lost(error)),
        Err(_) => return Err(WireError::Timeout(settings.limit)),
    };
    let mut wire = Connection::new(stream, settings.framing, unit, settings.limit, Duration::ZERO);
    let mut own = Unit { unit, ..Unit::default() };
    for &base in &settings.bases {
        match wire.read(Block { table: Table::Holding, address: base, count: 2 }).await {
            Ok(words) if words == sunspec::MARKER => {
                let directory = walk(&mut wire, base).await?;
                own.points = values(&mut wire, &directory).await?;
                own.sunspec = Some(directory);
                return Ok(Some(own));
            }
            Ok(_) => {}
            // A gateway says that there is no such unit.
            Err(WireError::Exception(10 | 11)) => return Ok(None),
            Err(error) if error.harmless() => {}
            Err(error) => return Err(error),
        }
    }
    own.readable = readable(&mut wire).await?;
    Ok(Some(own))
}

async fn walk(wire: &mut Connection, base: u16) -> Result<Directory, WireError> {
    let mut walk = Walk::new(base);
    while let Some(address) = walk.wants() {
        let mut words = None;
        for count in [2, 1] {
            match wire.read(Block { table: Table::Holding, address, count }).await {
                Ok(own) => {
                    words = Some(own);
                    break;
                }
                Err(error) if error.harmless() => {}
                Err(error) => return Err(error),
            }
        }
        walk.take(words.as_deref());
    }
    Ok(walk.finish())
}

/// All points of the models that are known.
async fn values(wire: &mut Connection, directory: &Directory) -> Result<Vec<(ModelPoint, Held)>, WireError> {
    let mut values = Vec::new();
    for model in &directory.models {
        let points: Vec<&ModelPoint> = sunspec::points()
            .iter()
            .filter(|own| own.model == model.number && directory.address(own).is_some())
            .collect();
        if points.is_empty() {
            continue;
        }
        let body = body(wire, model.address, model.length.saturating_add(2)).await?;
        let words = |own: &ModelPoint| {
            let from = usize::from(own.offset);
            body.get(from..from + usize::from(own.words)).filter(|_| body.len() >= from + usize::from(own.words))
        };
        for own in points {
            let factor = sunspec::scale_of(own)
                .and_then(words)
                .and_then(|raw| Coding::Exponent.decode(raw, Order::default(), true, &[]));
            values.push((own.clone(), held(own, words(own), factor)));
        }
    }
    Ok(values)
}

/// A model's registers, as many as can be read.
async fn body(wire: &mut Connection, address: u16, length: u16) -> Result<Vec<u16>, WireError> {
    let mut body = Vec::new();
    let mut at = address;
    let end = u32::from(address) + u32::from(length);
    while u32::from(at) < end {
        let count = u16::try_from((end - u32::from(at)).min(125)).unwrap_or(125);
        match wire.read(Block { table: Table::Holding, address: at, count }).await {
            Ok(words) if words.len() == usize::from(count) => body.extend(words),
            Ok(_) => break,
            Err(error) if error.harmless() => break,
            Err(error) => return Err(error),
        }
        let Some(next) = at.checked_add(count) else { break };
        at = next;
    }
    Ok(body)
}

fn held(own: &ModelPoint, words: Option<&[u16]>, factor: Option<f64>) -> Held {
    let Some(words) = words else { return Held::Nothing };
    if let Coding::Text(_) = own.coding {
        let text = coding::text(words);
        return if text.is_empty() { Held::Nothing } else { Held::Text(text) };
    }
    let constant = own.scale.parse::<f64>().ok();
    match (own.coding.decode(words, Order::default(), true, &[]), factor.or(constant)) {
        (None, _) => Held::Nothing,
        (Some(_), Some(power)) if !(-10.0..=10.0).contains(&power) => Held::WrongScale(power),
        (Some(raw), power) => Held::Number(raw * 10_f64.powf(power.unwrap_or(0.0))),
    }
}

/// Registers that answer, of the places where there mostly are some.
async fn readable(wire: &mut Connection) -> Result<Vec<Block>, WireError> {
    let mut readable: Vec<Block> = Vec::new();
    for table in [Table::Holding, Table::Input] {
        for address in PLACES {
            for count in [PROBED, 2, 1] {
                match wire.read(Block { table, address, count }).await {
                    Ok(_) => {
                        readable.push(Block { table, address, count });
                        break;
                    }
                    Err(error) if error.harmless() => {}
                    Err(error) if readable.is_empty() => return Err(error),
                    Err(_) => return Ok(readable),
                }
            }
        }
    }
    Ok(readable)
}
