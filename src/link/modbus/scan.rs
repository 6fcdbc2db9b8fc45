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
#[derive(Debug, Default)]
pub struct Found {
    /// Units that answered, if only with an exception.
    pub units: Vec<Unit>,
    /// Units that did not, and why.
    pub silent: Vec<(u8, WireError)>,
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
    /// What could not be read, and why: half a sentence each.
    pub troubles: Vec<String>,
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
            Ok(own) => found.units.push(own),
            Err(error @ WireError::NoConnection(_)) => match found.units.is_empty() {
                true => return Err(error),
                false => found.silent.push((unit, error)),
            },
            Err(error) => found.silent.push((unit, error)),
        }
    }
    Ok(found)
}

/// A unit, or why it does not answer at all.
async fn one(settings: &mut Settings, unit: u8) -> Result<Unit, WireError> {
    let stream = tokio::time::timeout(settings.limit.max(Duration::from_secs(1)), (settings.connect)()).await;
    let stream = match stream {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(WireError::NoConnection(error)),
        Err(_) => return Err(WireError::Timeout(settings.limit)),
    };
    let mut wire = Connection::new(stream, settings.framing, unit, settings.limit, Duration::ZERO);
    let mut own = Unit { unit, ..Unit::default() };
    let mut answered = false;
    for &base in &settings.bases {
        match wire.read(Block { table: Table::Holding, address: base, count: 2 }).await {
            Ok(words) if words == sunspec::MARKER => {
                models(&mut wire, base, &mut own).await;
                return Ok(own);
            }
            Ok(_) => answered = true,
            // A gateway says that there is no such unit.
            Err(error @ WireError::Exception(10 | 11)) => return Err(error),
            Err(error) if error.harmless() => answered = true,
            Err(error) if answered => {
                own.troubles.push(format!("the marker of SunSpec at {base}: {error}"));
                return Ok(own);
            }
            Err(error) => return Err(error),
        }
    }
    readable(&mut wire, &mut own).await;
    Ok(own)
}

/// SunSpec's models and what they hold, as far as they can be read.
async fn models(wire: &mut Connection, base: u16, own: &mut Unit) {
    let mut walk = Walk::new(base);
    while let Some(address) = walk.wants() {
        let mut words = None;
        for count in [2, 1] {
            match wire.read(Block { table: Table::Holding, address, count }).await {
                Ok(read) => {
                    words = Some(read);
                    break;
                }
                Err(error) => {
                    if count == 1 || !error.harmless() {
                        own.troubles.push(format!("the list of models at {address}: {error}"));
                    }
                    if !error.harmless() {
                        break;
                    }
                }
            }
        }
        walk.take(words.as_deref());
    }
    let directory = walk.finish();
    values(wire, &directory, own).await;
    own.sunspec = Some(directory);
}

/// All points of the models that are known.
async fn values(wire: &mut Connection, directory: &Directory, unit: &mut Unit) {
    for model in &directory.models {
        let points: Vec<&ModelPoint> = sunspec::points()
            .iter()
            .filter(|own| own.model == model.number && directory.address(own).is_some())
            .collect();
        if points.is_empty() {
            continue;
        }
        let (body, trouble) = body(wire, model.address, model.length.saturating_add(2)).await;
        let words = |own: &ModelPoint| {
            let from = usize::from(own.offset);
            body.get(from..from + usize::from(own.words)).filter(|_| body.len() >= from + usize::from(own.words))
        };
        for own in points {
            let factor = sunspec::scale_of(own)
                .and_then(words)
                .and_then(|raw| Coding::Exponent.decode(raw, Order::default(), true, &[]));
            unit.points.push((own.clone(), held(own, words(own), factor)));
        }
        if let Some((at, error)) = trouble {
            unit.troubles.push(format!("model {} from register {at} on: {error}", model.number));
            if !error.harmless() {
                return;
            }
        }
    }
}

/// A model's registers, as many as can be read, and why not all.
async fn body(wire: &mut Connection, address: u16, length: u16) -> (Vec<u16>, Option<(u16, WireError)>) {
    let mut body = Vec::new();
    let mut at = address;
    let end = u32::from(address) + u32::from(length);
    while u32::from(at) < end {
        let count = u16::try_from((end - u32::from(at)).min(125)).unwrap_or(125);
        match wire.read(Block { table: Table::Holding, address: at, count }).await {
            Ok(words) if words.len() == usize::from(count) => body.extend(words),
            Ok(words) => {
                let what = format!("{} registers came of {count}", words.len());
                return (body, Some((at, WireError::Protocol(what))));
            }
            Err(error) => return (body, Some((at, error))),
        }
        let Some(next) = at.checked_add(count) else { break };
        at = next;
    }
    (body, None)
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
async fn readable(wire: &mut Connection, unit: &mut Unit) {
    for table in [Table::Holding, Table::Input] {
        for address in PLACES {
            for count in [PROBED, 2, 1] {
                match wire.read(Block { table, address, count }).await {
                    Ok(_) => {
                        unit.readable.push(Block { table, address, count });
                        break;
                    }
                    Err(error) if error.harmless() => {}
                    Err(error) => {
                        unit.troubles.push(format!("{} registers from {address} on: {error}", table.name()));
                        return;
                    }
                }
            }
        }
    }
}
