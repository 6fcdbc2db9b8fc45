//! `phasorbench hil scan ADDRESS`: what is behind an address.

use std::time::Duration;

use phasorbench::link::modbus::scan::{self, Found, Held, Settings, Unit};
use phasorbench::link::modbus::sunspec;
use serde_json::json;

use super::devices;
use crate::{Exit, input, output};

/// Look what is behind an address: SunSpec's models and what they hold, or which registers can be read. Nothing is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil scan tcp://192.0.2.10:502
  phasorbench hil scan 'rtu:///dev/ttyUSB0?baud=9600' --units 1-10

Exit code 3 when nobody answers.")]
pub struct Args {
    /// The address, as in tcp://192.0.2.10:502 or rtu:///dev/ttyUSB0?baud=9600.
    address: String,
    /// Units that are asked, as in 1 or 1-10; the address's own, or 1, when not given.
    #[arg(long, value_name = "FROM-TO", value_parser = units)]
    units: Option<Units>,
    /// How long is waited for an answer, in s.
    #[arg(long, value_name = "S", default_value = "0.5", value_parser = devices::seconds)]
    timeout_s: Duration,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Units in order.
type Units = std::ops::RangeInclusive<u8>;

fn units(text: &str) -> Result<Units, String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (from.trim().parse::<u8>(), to.trim().parse::<u8>()) {
        (Ok(from), Ok(to)) if from <= to && to <= 247 => Ok(from..=to),
        _ => Err("give units from 0 to 247, as in 1-10".into()),
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    look(args).unwrap_or_else(|exit| exit)
}

fn look(args: &Args) -> Result<Exit, Exit> {
    let address = devices::address(&args.address)?;
    let own = address.get("unit").and_then(|unit| u8::try_from(unit).ok()).unwrap_or(1);
    let settings = Settings {
        connect: devices::connect(&address)?,
        framing: devices::framing(&address),
        units: args.units.clone().unwrap_or(own..=own).collect(),
        limit: args.timeout_s,
        bases: sunspec::BASES.to_vec(),
    };
    let found = devices::runtime()?.block_on(scan::scan(settings));
    match found {
        Ok(found) if !found.units.is_empty() => {
            if args.json {
                output::json(&as_json(&found));
            } else {
                output::print(&found.units.iter().map(text).collect::<String>());
            }
            Ok(Exit::Passed)
        }
        Ok(_) => Err(nobody(&args.address, "no unit answers")),
        Err(error) => Err(nobody(&args.address, &error.to_string())),
    }
}

fn nobody(address: &str, why: &str) -> Exit {
    let help = "is it on, is the cable in, is it the right address, speed and unit?";
    input::complain("E0412", format!("{address}: {why}"), Some(help.to_owned()));
    Exit::LinkLost
}

fn text(unit: &Unit) -> String {
    let mut text = format!("unit {}\n", unit.unit);
    let Some(directory) = &unit.sunspec else {
        text += "  no SunSpec marker at 40000, 0 or 50000\n";
        for block in &unit.readable {
            let (from, to) = (block.address, u32::from(block.address) + u32::from(block.count) - 1);
            text += &format!("  {} registers {from} to {to} can be read\n", block.table.name());
        }
        return text;
    };
    text += &format!("  SunSpec at register {}\n", directory.base);
    for model in &directory.models {
        let known = if sunspec::length(model.number).is_some() { "" } else { " (not known here)" };
        text += &format!("  model {} at {}, {} registers{known}\n", model.number, model.address, model.length);
        for (point, held) in unit.points.iter().filter(|(own, _)| own.model == model.number) {
            let value = match held {
                Held::Number(value) => format!("{value} {}", point.unit),
                Held::Text(text) => format!("{text:?}"),
                Held::WrongScale(power) => format!("a scale factor of {power}, which is none"),
                Held::Nothing => continue,
            };
            text += &format!("    {:<24} {}\n", point.name, value.trim_end());
        }
    }
    directory.oddities.iter().for_each(|odd| text += &format!("  odd: {odd}\n"));
    text
}

fn as_json(found: &Found) -> serde_json::Value {
    let unit = |own: &Unit| {
        let points = own.points.iter().filter(|(_, held)| *held != Held::Nothing).map(|(point, held)| {
            let value = match held {
                Held::Number(value) | Held::WrongScale(value) => json!(value),
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
        json!({ "unit": own.unit, "sunspec": models, "points": points.collect::<Vec<_>>(), "readable": readable.collect::<Vec<_>>() })
    };
    json!({ "units": found.units.iter().map(unit).collect::<Vec<_>>() })
}
