//! What is behind an address of Modbus: SunSpec's models and what they hold, or which registers can be read.

use phasorbench::link::address::{Address, Scheme};
use phasorbench::link::modbus::driver::Framing;
use phasorbench::link::modbus::scan::{self, Found, Held, Settings, Unit};
use phasorbench::link::modbus::sunspec;
use serde_json::json;

use super::super::{devices, number};
use super::{Args, nobody};
use crate::{Exit, input, output};

/// Units that did not answer, of which the reason is said.
const MOST_SAID: usize = 5;

pub(super) fn look(args: &Args, address: &Address) -> Result<Exit, Exit> {
    let own = address.get("unit").and_then(|unit| u8::try_from(unit).ok()).unwrap_or(1);
    let units = args.units.clone().unwrap_or(own..=own);
    let framing = devices::framing(address);
    if framing == Framing::Rtu && (*units.start() == 0 || *units.end() > 247) {
        let message =
            format!("on a serial line units are from 1 to 247: 0 is everybody, and nobody answers ({address})");
        return Err(input::complain("E0410", message, None));
    }
    let settings = Settings {
        connect: devices::connect(address)?,
        framing,
        units: units.clone().collect(),
        limit: args.timeout_s,
        bases: sunspec::BASES.to_vec(),
    };
    match devices::runtime()?.block_on(scan::scan(settings)) {
        Ok(found) if !found.units.is_empty() => {
            if args.json {
                output::json(&as_json(&found));
            } else {
                output::print(&(found.units.iter().map(text).collect::<String>() + &silent(&found)));
            }
            Ok(Exit::Passed)
        }
        Ok(found) => {
            let why = match &found.silent[..] {
                [(unit, why)] => format!("unit {unit} does not answer: {why}"),
                [(unit, why), ..] => format!("no unit answers; the first, {unit}: {why}"),
                [] => "no unit answers".into(),
            };
            let more = match address.scheme {
                Scheme::Tcp if !units.contains(&255) => " Behind TCP many devices are unit 255: --units 255.",
                _ => "",
            };
            Err(nobody(address, &why, more))
        }
        Err(error) => Err(nobody(address, &error.to_string(), "")),
    }
}

/// Units that did not answer beside others that did.
fn silent(found: &Found) -> String {
    let said = found.silent.iter().take(MOST_SAID).map(|(unit, why)| format!("unit {unit} does not answer: {why}\n"));
    let more = found.silent.len().saturating_sub(MOST_SAID);
    let more = if more > 0 { format!("{more} more units do not answer\n") } else { String::new() };
    said.collect::<String>() + &more
}

fn text(unit: &Unit) -> String {
    let mut text = format!("unit {}\n", unit.unit);
    let Some(directory) = &unit.sunspec else {
        text += "  no SunSpec marker at 40000, 0 or 50000\n";
        for block in &unit.readable {
            let (from, to) = (block.address, u32::from(block.address) + u32::from(block.count) - 1);
            text += &format!("  {} registers {from} to {to} can be read\n", block.table.name());
        }
        return text + &troubles(unit);
    };
    text += &format!("  SunSpec at register {}\n", directory.base);
    for model in &directory.models {
        let known = if sunspec::length(model.number).is_some() { "" } else { " (not known here)" };
        text += &format!("  model {} at {}, {} registers{known}\n", model.number, model.address, model.length);
        for (point, held) in unit.points.iter().filter(|(own, _)| own.model == model.number) {
            let value = match held {
                Held::Number(value) => format!("{} {}", number::text(*value), point.unit),
                Held::Text(text) => format!("{text:?}"),
                Held::WrongScale(power) => format!("a scale factor of {power}, which is none"),
                Held::Nothing => continue,
            };
            text += &format!("    {:<24} {}\n", point.name, value.trim_end());
        }
    }
    directory.oddities.iter().for_each(|odd| text += &format!("  odd: {odd}\n"));
    text + &troubles(unit)
}

fn troubles(unit: &Unit) -> String {
    unit.troubles.iter().map(|own| format!("  not read: {own}\n")).collect()
}

fn as_json(found: &Found) -> serde_json::Value {
    let unit = |own: &Unit| {
        let points = own.points.iter().filter(|(_, held)| *held != Held::Nothing).map(|(point, held)| {
            let value = match held {
                Held::Number(value) | Held::WrongScale(value) => json!(number::tidy(*value)),
                Held::Text(text) => json!(text),
                Held::Nothing => json!(null),
            };
            json!({ "point": format!("{}.{}", point.model, point.name), "value": value, "unit": point.unit })
        });
        let models = own.sunspec.as_ref().map(|directory| {
            let models = directory.models.iter();
            let models: Vec<_> =
                models.map(|m| json!({ "model": m.number, "address": m.address, "length": m.length })).collect();
            json!({ "base": directory.base, "models": models, "odd": directory.oddities })
        });
        let readable = own
            .readable
            .iter()
            .map(|block| json!({ "table": block.table.name(), "address": block.address, "count": block.count }));
        json!({ "unit": own.unit, "sunspec": models, "points": points.collect::<Vec<_>>(), "readable": readable.collect::<Vec<_>>(),
                "troubles": own.troubles })
    };
    let silent = found.silent.iter().map(|(unit, why)| json!({ "unit": unit, "why": why.to_string() }));
    json!({ "units": found.units.iter().map(unit).collect::<Vec<_>>(), "silent": silent.collect::<Vec<_>>() })
}
