//! `phasorbench hil scan ADDRESS`: what is behind an address.

mod can;
mod modbus;
mod pmu;

use std::time::Duration;

use phasorbench::link::address::{Address, Scheme};

pub use can::{no_bus, one_as_json};
pub use pmu::{ask, rate, station_as_json};

use super::devices;
use crate::{Exit, input};

/// Look what is behind an address: registers of Modbus and SunSpec's models, what is said on a CAN bus, what a PMU has.
/// Nothing is written; on CAN not one frame is sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil scan tcp://192.0.2.10:502
  phasorbench hil scan 'rtu:///dev/ttyUSB0?baud=9600' --units 1-10
  phasorbench hil scan can:can0 --dbc charger_module --for-s 5
  phasorbench hil scan 'c37118://192.0.2.9:4712?id=7'

Exit code 3 when nobody answers, or nothing is heard.")]
pub struct Args {
    /// The address, as in tcp://192.0.2.10:502, rtu:///dev/ttyUSB0?baud=9600, can:can0 or c37118://192.0.2.9?id=7.
    address: String,
    /// Modbus: units that are asked, as in 1 or 1-10; the address's own, or 1, when not given.
    #[arg(long, value_name = "FROM-TO", value_parser = units)]
    units: Option<Units>,
    /// How long is waited for an answer, in s.
    #[arg(long, value_name = "S", default_value = "0.5", value_parser = devices::seconds)]
    timeout_s: Duration,
    /// CAN, PMU: how long is listened, in s; 3 on CAN and 1 to a PMU when not given.
    #[arg(long, value_name = "S", value_parser = devices::seconds)]
    for_s: Option<Duration>,
    /// CAN: a database that names messages and their signals, or charger_module or chademo, which are part of the program;
    /// may be given several times.
    #[arg(long = "dbc", value_name = "FILE")]
    databases: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Units in order.
type Units = std::ops::RangeInclusive<u8>;

fn units(text: &str) -> Result<Units, String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (from.trim().parse::<u8>(), to.trim().parse::<u8>()) {
        (Ok(from), Ok(to)) if from <= to => Ok(from..=to),
        _ => Err("give units from 0 to 255, as in 1-10".into()),
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    look(args).unwrap_or_else(|exit| exit)
}

fn look(args: &Args) -> Result<Exit, Exit> {
    let address = devices::address(&args.address)?;
    let (can, pmu) = (devices::is_can(&address), address.scheme == Scheme::C37118);
    let given = [
        ("--units", args.units.is_some(), !can && !pmu),
        ("--dbc", !args.databases.is_empty(), can),
        ("--for-s", args.for_s.is_some(), can || pmu),
    ];
    if let Some((name, ..)) = given.iter().find(|(_, given, fits)| *given && !fits) {
        return Err(input::complain("E0410", format!("{name} means nothing at {address}"), None));
    }
    match (can, pmu) {
        (true, _) => can::look(args, &address),
        (_, true) => pmu::look(args, &address),
        _ => modbus::look(args, &address),
    }
}

fn nobody(address: &Address, why: &str, more: &str) -> Exit {
    let help = format!("is it on, is the cable in, is it the right address, speed and unit?{more}");
    input::complain("E0412", format!("{address}: {why}"), Some(help));
    Exit::LinkLost
}
