//! What is said on a CAN bus. Not one frame is sent.

use std::sync::atomic::Ordering;
use std::time::Duration;

use phasorbench::link::address::Address;
use phasorbench::link::can::bus::{Bus, BusError};
use phasorbench::link::can::census::{Census, Heard, value_name};
use phasorbench::link::can::dbc::Message;
use phasorbench::link::can::frame::Kind;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::super::{devices, number};
use super::Args;
use crate::{Exit, input, output};

/// How long is listened when nothing is said of it.
const LISTEN: Duration = Duration::from_secs(3);
/// How often it looks whether it should stop.
const LOOK: Duration = Duration::from_millis(20);
/// Width of a line of signals.
const WIDTH: usize = 110;

pub(super) fn look(args: &Args, address: &Address) -> Result<Exit, Exit> {
    let databases = args.databases.iter().map(|own| devices::dbc(own)).collect::<Result<_, Exit>>()?;
    let stop = devices::asked_to_stop()?;
    let mut census = Census::new(databases);
    let listen = args.for_s.unwrap_or(LISTEN);
    let begun = Instant::now();
    let lost = devices::runtime()?.block_on(async {
        let mut bus = Bus::connect(address).await?;
        let listening = listen_to(&mut bus, &mut census, begun);
        let lost = tokio::select! {
            biased;
            error = listening => Some(error),
            () = async {
                while !stop.load(Ordering::Acquire) && begun.elapsed() < listen {
                    sleep(LOOK.min(listen.saturating_sub(begun.elapsed()))).await;
                }
            } => None,
        };
        bus.close().await;
        Ok::<_, BusError>(lost)
    });
    let lost = lost.map_err(|error| no_bus(address, &error))?;
    let seconds = begun.elapsed().as_secs_f64();
    if args.json {
        output::json(&as_json(&census, address, seconds));
    } else if census.frames > 0 || census.errors.count > 0 {
        output::print(&devices::printable(&text(&census, address, seconds)));
    }
    match lost {
        Some(error) => {
            input::complain("E0412", format!("{address}: the bus was lost after {seconds:.1} s: {error}"), None);
            Err(Exit::LinkLost)
        }
        None if census.frames == 0 => Err(silent(&census, address, seconds)),
        None => Ok(Exit::Passed),
    }
}

/// Listens until the bus is lost.
async fn listen_to(bus: &mut Bus, census: &mut Census, begun: Instant) -> BusError {
    loop {
        match bus.recv().await {
            Ok(received) => {
                let at = begun.elapsed().saturating_sub(received.age);
                census.hear(u64::try_from(at.as_micros()).unwrap_or(u64::MAX), &received.frame);
            }
            Err(error) => return error,
        }
    }
}

/// Says that a bus cannot be had.
pub fn no_bus(address: &Address, error: &BusError) -> Exit {
    let given = matches!(error, BusError::Scheme(_) | BusError::Group(_) | BusError::Bitrate(_));
    let help = match error {
        BusError::Gone(_) => "`ip link` says which interfaces there are",
        BusError::Down => "`ip link set NAME up type can bitrate 500000` brings an interface up",
        BusError::NoCan => "slcan, socketcand and udp addresses need no SocketCAN",
        BusError::Refused(_) => "is the bus's name right, and does the adapter or server let others have it?",
        BusError::Group(_) => "python-can's own group is 239.74.163.2:43113",
        _ => "is it on, is the cable in, is it the right address?",
    };
    let code = if given { "E0410" } else { "E0412" };
    input::complain(code, format!("{address}: {error}"), Some(help.into()));
    if given { Exit::BadInput } else { Exit::LinkLost }
}

fn silent(census: &Census, address: &Address, seconds: f64) -> Exit {
    let what = match census.errors.count {
        0 => "nothing was heard".to_owned(),
        count => format!("only {count} error frames were heard"),
    };
    let help = "is it on, is it the right bit rate? A device that only speaks when it is spoken to is not heard so: \
                hil probe with --active";
    input::complain("E0412", format!("{address}: {what} in {seconds:.1} s"), Some(help.into()));
    Exit::LinkLost
}

fn text(census: &Census, address: &Address, seconds: f64) -> String {
    let heard = census.heard().count();
    let mut text = format!("{address}: {heard} identifiers, {} frames in {seconds:.1} s\n", census.frames);
    if census.errors.count > 0 {
        let words = census.errors.words().map(|(words, count)| format!("{words} {count}"));
        text += &format!("  {} error frames: {}\n", census.errors.count, words.collect::<Vec<_>>().join(", "));
    }
    if census.errors.bus_off > 0 {
        text += "  this controller went off the bus: wrong bit rate, no other node, or a short\n";
    }
    if census.beyond > 0 {
        text += &format!("  {} frames of yet other identifiers\n", census.beyond);
    }
    if heard > 0 {
        text += &row("id", "name", "count", ["period ms", "jitter ms"], "last bytes");
    }
    for own in census.heard() {
        text += &block(census, own);
    }
    let silent: Vec<&str> = census.silent().map(|own| own.name.as_str()).collect();
    if !silent.is_empty() {
        text += &format!("  declared, and not heard: {}\n", silent.join(", "));
    }
    text
}

fn row(id: &str, name: &str, count: &str, [period, jitter]: [&str; 2], bytes: &str) -> String {
    format!("  {id:<10}  {name:<24} {count:>8} {period:>10} {jitter:>10}  {bytes}\n")
}

fn block(census: &Census, own: &Heard) -> String {
    let message = census.message(own.id).map(|(_, message)| message);
    let time = |us: Option<f64>| us.map_or_else(|| "–".into(), |us| number::fixed(us / 1e3, 2));
    let name = message.map_or("–", |own| own.name.as_str());
    let times = [time(own.period_us()), time(own.jitter_us())];
    let mut text = row(&own.id.to_string(), name, &own.count.to_string(), [&times[0], &times[1]], &bytes(own));
    if own.remote > 0 {
        text += &format!("      {} frames ask for it\n", own.remote);
    }
    let mut line = String::new();
    for part in message.map(|message| signals(message, own)).unwrap_or_default() {
        if !line.is_empty() && line.chars().count() + part.chars().count() > WIDTH {
            text += &format!("      {line},\n");
            line.clear();
        }
        let comma = if line.is_empty() { "" } else { ", " };
        line += &format!("{comma}{part}");
    }
    if !line.is_empty() {
        text += &format!("      {line}\n");
    }
    text + &census.oddities(own).iter().map(|odd| format!("      odd: {odd}\n")).collect::<String>()
}

/// Its newest bytes, in hexadecimal.
fn bytes(own: &Heard) -> String {
    let fd = if matches!(own.last.kind(), Kind::Fd { .. }) { "FD " } else { "" };
    let bytes = own.last.bytes().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
    format!("{fd}{}", bytes.join(" "))
}

/// The signals of a message as it was heard last, each with its unit.
fn signals(message: &Message, own: &Heard) -> Vec<String> {
    let values = message.signals.iter().zip(&own.values).enumerate();
    let told = values.filter_map(|(at, (signal, value))| {
        let value = (*value)?;
        let unit = if signal.unit.is_empty() { String::new() } else { format!(" {}", signal.unit) };
        let named = value_name(message, at, value).map(|own| format!(" ({own})")).unwrap_or_default();
        Some(format!("{} {}{unit}{named}", signal.name, number::text(value)))
    });
    told.collect()
}

fn as_json(census: &Census, address: &Address, seconds: f64) -> serde_json::Value {
    let ids = census.heard().map(|own| one_as_json(census, own)).collect::<Vec<_>>();
    let kinds: serde_json::Map<_, _> =
        census.errors.words().map(|(words, count)| (words.to_owned(), json!(count))).collect();
    let errors = json!({ "count": census.errors.count, "bus_off": census.errors.bus_off, "kinds": kinds });
    let silent = census.silent().map(|own| own.name.as_str()).collect::<Vec<_>>();
    json!({
        "address": address.to_string(), "seconds": seconds, "frames": census.frames, "beyond": census.beyond,
        "errors": errors, "ids": ids, "silent": silent,
    })
}

/// What was heard of one identifier.
pub fn one_as_json(census: &Census, own: &Heard) -> serde_json::Value {
    let message = census.message(own.id);
    let signals = message.map(|(_, message)| {
        let values = message.signals.iter().zip(&own.values).enumerate();
        let told = values.filter_map(|(at, (signal, value))| {
            let value = (*value)?;
            let named = value_name(message, at, value);
            Some(json!({ "signal": signal.name, "value": number::tidy(value), "unit": signal.unit, "is": named }))
        });
        told.collect::<Vec<_>>()
    });
    let ms = |us: Option<f64>| us.map(|us| us / 1e3);
    #[allow(clippy::cast_precision_loss, reason = "a period in µs")]
    let declared = message.and_then(|(_, own)| own.cycle_us).map(|us| us as f64 / 1e3);
    let odd = census.oddities(own).iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "id": own.id.number(), "extended": own.id.is_extended(), "message": message.map(|(_, own)| own.name.as_str()),
        "database": message.map(|(name, _)| name), "count": own.count, "asked_for": own.remote,
        "period_ms": ms(own.period_us()), "jitter_ms": ms(own.jitter_us()), "declared_ms": declared,
        "bytes": bytes(own), "signals": signals, "odd": odd,
    })
}
