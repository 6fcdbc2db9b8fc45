//! What a PMU or PDC says it has, and for a moment what it measures.

use std::time::Duration;

use phasorbench::link::address::Address;
use phasorbench::link::synchrophasor::scan::{self, Found, ScanError, Settings};
use phasorbench::link::synchrophasor::stat::Validity;
use phasorbench::link::synchrophasor::{Config, Digital, Reading, Station, Unit};
use serde_json::json;
use tokio::time::timeout;

use super::super::{devices, number};
use super::Args;
use crate::{Exit, input, output};

/// How long is listened when nothing is said of it.
const LISTEN: Duration = Duration::from_secs(1);

pub(super) fn look(args: &Args, address: &Address) -> Result<Exit, Exit> {
    let listen = args.for_s.unwrap_or(LISTEN);
    let found = devices::runtime()?.block_on(ask(address, None, args.timeout_s, listen))?;
    if args.json {
        output::json(&as_json(address, &found));
    } else {
        output::print(&devices::printable(&text(address, &found)));
    }
    Ok(Exit::Passed)
}

/// Asks a PMU for what it is, and listens for a time; what is wrong has been said.
pub async fn ask(address: &Address, id: Option<u16>, answer: Duration, listen: Duration) -> Result<Found, Exit> {
    let own = address.get("id").and_then(|id| u16::try_from(id).ok());
    let id = own.or(id).unwrap_or(1);
    let wait = answer.max(Duration::from_secs(1));
    let stream = timeout(wait, devices::connect(address)?()).await;
    let mut stream = match stream {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(nobody(address, &format!("no connection: {error}"), None)),
        Err(_) => return Err(nobody(address, &format!("no connection within {} s", wait.as_secs_f64()), None)),
    };
    scan::scan(&mut stream, Settings { id, answer, listen }).await.map_err(|error| {
        let help = match &error {
            ScanError::Other { given, .. } => given.first().map(|given| format!("?id={given} after the address")),
            ScanError::Silent(_) | ScanError::Closed => {
                Some("its number (IDCODE) may be another: ?id=NUMBER after the address".into())
            }
            _ => None,
        };
        nobody(address, &error.to_string(), help)
    })
}

fn nobody(address: &Address, why: &str, help: Option<String>) -> Exit {
    let help = help.unwrap_or_else(|| "is it on, is the cable in, is it the right address?".into());
    input::complain("E0412", format!("{address}: {why}"), Some(help));
    Exit::LinkLost
}

/// How often it sends, in words.
pub fn rate(config: &Config) -> String {
    match config.data_rate {
        rate if rate < 0 => format!("a frame each {} s", rate.unsigned_abs()),
        rate => format!("{rate} frames a second"),
    }
}

fn text(address: &Address, found: &Found) -> String {
    let config = &found.config;
    let mut text = format!("{address}: stream {}, {}", config.id, rate(config));
    if let Some(rate_hz) = found.rate_hz() {
        text += &format!("; {} came, {rate_hz:.1} a second", found.frames);
    } else if found.frames == 0 {
        text += "; none came";
    }
    if found.damaged > 0 {
        text += &format!(", {} damaged", found.damaged);
    }
    text += "\n";
    text += &found.header.as_ref().map(|own| format!("  says of itself: {own}\n")).unwrap_or_default();
    for (k, station) in config.stations.iter().enumerate() {
        let reading = found.last.as_ref().and_then(|(_, readings)| readings.get(k));
        text += &of_station(station, reading);
    }
    text
}

fn of_station(station: &Station, reading: Option<&Reading>) -> String {
    let mut text = format!("  PMU {:?}, number {}, {} Hz", station.name, station.id, station.nominal_hz);
    if let Some(own) = reading {
        text += &format!(": {}", status(own));
        text += &format!(
            "\n    {:<18} {} Hz, {} Hz/s",
            "frequency",
            number::single(own.f_hz),
            number::single(own.rocof_hz_s)
        );
    }
    text += "\n";
    for (k, channel) in station.phasors.iter().enumerate() {
        let unit = if channel.unit == Unit::Volt { "V" } else { "A" };
        let value = reading.and_then(|own| own.phasors.get(k));
        let value = value.map_or_else(
            || format!("a phasor in {unit}"),
            |own| {
                format!("{} {unit} ∠ {}°", number::single(own.magnitude), number::fixed(own.angle_rad.to_degrees(), 3))
            },
        );
        text += &format!("    {:<18} {value}\n", channel.name);
    }
    for (k, analog) in station.analogs.iter().enumerate() {
        let value = reading.and_then(|own| own.analogs.get(k));
        text += &format!(
            "    {:<18} {}\n",
            analog.name,
            value.map_or_else(|| "an analog value".into(), |own| number::single(*own))
        );
    }
    for (k, digital) in station.digitals.iter().enumerate() {
        let word = reading.and_then(|own| own.digitals.get(k)).copied();
        text += &format!("    {}\n", bits(digital, word));
    }
    text
}

/// The named bits of a word.
fn bits(digital: &Digital, word: Option<u16>) -> String {
    let named = digital.names.iter().enumerate().filter(|(k, name)| !name.is_empty() && digital.valid >> k & 1 == 1);
    let told = named.map(|(k, name)| match word {
        Some(word) => format!("{name} {}", word >> k & 1),
        None => name.clone(),
    });
    format!("digital: {}", told.collect::<Vec<_>>().join(", "))
}

/// What a station says of its values.
fn status(own: &Reading) -> String {
    let validity = match own.stat.validity() {
        Validity::Good => "good",
        Validity::Error => "an error",
        Validity::Test => "test data",
        Validity::ErrorUnusable => "an error, not to be used",
    };
    let clock = if own.stat.synchronised() { "clock locked" } else { "clock not locked" };
    let change = if own.stat.config_change() { ", its configuration is about to change" } else { "" };
    format!("{validity}, {clock}{change}")
}

fn as_json(address: &Address, found: &Found) -> serde_json::Value {
    let stations = found.config.stations.iter().enumerate().map(|(k, station)| {
        let reading = found.last.as_ref().and_then(|(_, readings)| readings.get(k));
        station_as_json(station, reading)
    });
    let time = found.last.as_ref().and_then(|(time, _)| time.utc_us(found.config.time_base));
    json!({
        "address": address.to_string(), "id": found.config.id, "data_rate": found.config.data_rate,
        "header": found.header, "frames": found.frames, "rate_hz": found.rate_hz(), "damaged": found.damaged,
        "utc_us": time, "stations": stations.collect::<Vec<_>>(),
    })
}

/// A station and what it says.
pub fn station_as_json(station: &Station, reading: Option<&Reading>) -> serde_json::Value {
    let phasors = station.phasors.iter().enumerate().map(|(k, own)| {
        let unit = if own.unit == Unit::Volt { "V" } else { "A" };
        let value = reading.and_then(|reading| reading.phasors.get(k));
        json!({
            "phasor": own.name, "unit": unit, "magnitude": value.and_then(|own| number::tidy(own.magnitude)),
            "angle_deg": value.and_then(|own| number::tidy(own.angle_rad.to_degrees())),
        })
    });
    let analogs = station.analogs.iter().enumerate().map(|(k, own)| {
        let value = reading.and_then(|reading| reading.analogs.get(k)).and_then(|own| number::tidy(*own));
        json!({ "analog": own.name, "value": value })
    });
    let digitals = station.digitals.iter().enumerate().map(|(k, own)| {
        json!({ "names": own.names, "valid": own.valid, "word": reading.and_then(|reading| reading.digitals.get(k)) })
    });
    json!({
        "pmu": station.name, "number": station.id, "nominal_hz": station.nominal_hz,
        "good": reading.map(|own| own.stat.validity() == Validity::Good),
        "locked": reading.map(|own| own.stat.synchronised()),
        "f_hz": reading.and_then(|own| number::tidy(own.f_hz)), "rocof_hz_s": reading.and_then(|own| number::tidy(own.rocof_hz_s)),
        "phasors": phasors.collect::<Vec<_>>(), "analogs": analogs.collect::<Vec<_>>(), "digitals": digitals.collect::<Vec<_>>(),
    })
}
