//! `phasorbench hil probe`: a device's points, read and never written.

use std::sync::Arc;
use std::time::Duration;

use phasorbench::bench::pace::{Clock, Monotonic};
use phasorbench::link::address::{Address, Scheme};
use phasorbench::link::description::{Description, Point, Source, Wire};
use phasorbench::link::port::LinkState;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::devices::{self, FIRST, Watched};
use super::identity::{self, Heard};
use super::number;
use crate::{Exit, input, output};

/// Read every point of a device some times: that it is the right one, what it says, how long it takes. Nothing is written;
/// on CAN not one frame is sent, unless --active asks for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil probe hil/sunspec_inverter.yaml@tcp://192.0.2.10:502
  phasorbench hil probe hil/eastron_sdm630.yaml@rtu:///dev/ttyUSB0?baud=9600 --json
  phasorbench hil probe hil/charger_module.yaml@can:can0
  phasorbench hil probe hil/pmu.yaml@c37118://192.0.2.9?id=7

Exit code 3 when it does not answer, or is not the device that is described, a value outside of its range included.")]
pub struct Args {
    /// The device, as FILE@ADDRESS.
    device: String,
    /// How often it is read.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) polls: u32,
    /// Time between samples in s, instead of the description's.
    #[arg(long, value_name = "S", value_parser = devices::seconds)]
    poll_s: Option<Duration>,
    /// Longest that is waited for a sample in s; 5 when not given, or what the slowest message on CAN needs.
    #[arg(long, value_name = "S", value_parser = devices::seconds)]
    pub(super) wait_s: Option<Duration>,
    /// CAN: send the description's safe state all the while, for a device that only speaks when it is spoken to.
    #[arg(long)]
    pub(super) active: bool,
    /// Read so many such devices at once, at consecutive ports of tcp://, and say what that costs.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Time between samples of which the distribution is kept.
const MOST_POLLS: usize = 100_000;

/// What was read.
pub(super) struct Probed {
    last: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    /// From the origin of a sample to its last part, in ms, ascending.
    took_ms: Vec<f64>,
    /// From a sample to the next, in ms, ascending.
    every_ms: Vec<f64>,
    missed: u64,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    probe(args).unwrap_or_else(|exit| exit)
}

fn probe(args: &Args) -> Result<Exit, Exit> {
    let (mut description, address) = devices::device(&args.device)?;
    if let Some(poll) = args.poll_s {
        description = Arc::new(Description { poll_s: poll.as_secs_f64(), ..description.as_ref().clone() });
    }
    let can = matches!(description.wire, Wire::Can(..));
    let sends = matches!(&description.wire, Wire::Can(head, _) if !head.send.is_empty());
    if args.active && !sends {
        let message = format!("--active means nothing for {}: nothing is sent to it on CAN", description.name);
        return Err(input::complain("E0410", message, None));
    }
    if args.count > 1 {
        return many(args, &description, &address);
    }
    let (probed, heard) = devices::runtime()?.block_on(async {
        if can {
            return identity::on_can(&description, &address, args).await;
        }
        let mut own = devices::watched(&description, &address, None)?;
        own.patience = args.wait_s.unwrap_or(own.patience);
        let heard = identity::before(&description, &address).await?;
        let probed = read(&mut own, args.polls).await;
        Ok((probed.map_err(|why| nobody(&address, &why, "phasorbench hil scan says what is there"))?, heard))
    })?;
    if args.json {
        output::json(&as_json(&description, &probed, &heard));
    } else {
        output::print(&devices::printable(&text(&description, &probed, &heard)));
    }
    verdict(&description, &address, &probed)
}

/// Whether it is the device that is described.
fn verdict(description: &Description, address: &Address, probed: &Probed) -> Result<Exit, Exit> {
    let lacking = description.points.iter().zip(&probed.last).filter(|(own, value)| !own.optional && value.is_nan());
    let lacking: Vec<&str> = lacking.map(|(own, _)| own.name.as_str()).collect();
    if !lacking.is_empty() {
        return Err(nobody(address, &format!("cannot be read: {}", lacking.join(", ")), ""));
    }
    let outside = description
        .points
        .iter()
        .enumerate()
        .filter(|(k, own)| own.range.is_some_and(|[low, high]| probed.low[*k] < low || probed.high[*k] > high));
    let outside: Vec<&str> = outside.map(|(_, own)| own.name.as_str()).collect();
    if !outside.is_empty() {
        let help = "is it the right device, and are its scaling and its wiring as described?";
        return Err(nobody(address, &format!("outside of what it can be: {}", outside.join(", ")), help));
    }
    Ok(Exit::Passed)
}

/// Says that there is no such device there.
pub(super) fn nobody(address: &Address, why: &str, help: &str) -> Exit {
    input::complain("E0412", format!("{address}: {why}"), (!help.is_empty()).then(|| help.to_owned()));
    Exit::LinkLost
}

/// Reads many devices at once, all in this thread.
fn many(args: &Args, description: &Arc<Description>, first: &Address) -> Result<Exit, Exit> {
    if first.scheme != Scheme::Tcp {
        return Err(input::complain("E0410", format!("--count is for devices at tcp://, and not at {first}"), None));
    }
    let clock = Monotonic::new();
    devices::runtime()?.block_on(async {
        let devices = (0..args.count).map(|k| devices::watched(description, &beside(first, k)?, None));
        let mut devices: Vec<Watched> = devices.collect::<Result<_, Exit>>()?;
        let mut values = vec![f64::NAN; description.points.len()];
        let mut seen = vec![(0_u64, 0_u64, 0_u64); devices.len()];
        // What connecting costs, and walking through models, is not what polling does.
        sleep(FIRST).await;
        for (own, seen) in devices.iter_mut().zip(&mut seen) {
            seen.0 = own.take(&mut values).map_or(0, |stamp| stamp.sequence);
        }
        let (begun, before_ns) = (Instant::now(), clock.cpu_ns().unwrap_or(0));
        let lasts = Duration::from_secs_f64(description.poll_s * f64::from(args.polls));
        while begun.elapsed() < lasts {
            sleep(Duration::from_secs_f64(description.poll_s / 4.0)).await;
            for (own, (sequence, samples, missed)) in devices.iter_mut().zip(&mut seen) {
                let Some(stamp) = own.take(&mut values) else { continue };
                *missed += stamp.sequence - *sequence - 1;
                (*sequence, *samples) = (stamp.sequence, *samples + 1);
            }
        }
        let (passed_s, cpu_ns) = (begun.elapsed().as_secs_f64(), clock.cpu_ns().unwrap_or(0) - before_ns);
        let samples: u64 = seen.iter().map(|(_, samples, _)| samples).sum();
        let overtaken: u64 = seen.iter().map(|(_, _, missed)| missed).sum();
        let wanted = u64::from(args.count) * u64::from(args.polls);
        #[allow(clippy::cast_precision_loss, reason = "nanoseconds of some seconds")]
        let percent = cpu_ns as f64 / 1e7 / passed_s;
        let down = devices.iter().filter(|own| own.own.state() != LinkState::Up).count();
        let short = wanted.saturating_sub(samples + overtaken);
        let of = json!({ "devices": args.count, "wanted": wanted, "samples": samples, "overtaken": overtaken, "short": short,
                         "not_up": down, "core_percent": percent, "seconds": passed_s });
        if args.json {
            output::json(&of);
        } else {
            output::print(&format!(
                "{} devices for {passed_s:.1} s: {samples} of {wanted} samples, {overtaken} overtaken, {down} not up; \
                 {percent:.1} % of a core\n",
                args.count
            ));
        }
        Ok(if down == 0 { Exit::Passed } else { Exit::LinkLost })
    })
}

/// The address so many ports on.
fn beside(first: &Address, k: u16) -> Result<Address, Exit> {
    let moved = first.place.rsplit_once(':').and_then(|(host, port)| {
        let port = port.parse::<u16>().ok()?.checked_add(k)?;
        let options = first.get("unit").map(|unit| format!("?unit={unit}")).unwrap_or_default();
        Address::parse(&format!("tcp://{host}:{port}{options}")).ok()
    });
    moved.ok_or_else(|| input::complain("E0410", format!("{first} has no port {k} ports on"), None))
}

/// Reads so many samples, or says why there are none.
pub(super) async fn read(own: &mut Watched, polls: u32) -> Result<Probed, String> {
    let count = own.points();
    let mut probed = Probed {
        last: vec![f64::NAN; count],
        low: vec![f64::INFINITY; count],
        high: vec![f64::NEG_INFINITY; count],
        took_ms: Vec::new(),
        every_ms: Vec::new(),
        missed: 0,
    };
    let (mut heard, mut sequence, mut before_us) = (Instant::now(), 0, None);
    #[allow(clippy::cast_precision_loss, reason = "a few ms in µs")]
    let ms = |us: u64| us as f64 / 1000.0;
    while probed.took_ms.len() < (polls as usize).min(MOST_POLLS) {
        sleep(Duration::from_millis(1)).await;
        if let Some(stamp) = own.take(&mut probed.last) {
            let missed = stamp.sequence.saturating_sub(sequence + 1);
            probed.missed += missed;
            (heard, sequence) = (Instant::now(), stamp.sequence);
            probed.took_ms.push(ms(stamp.received_us.saturating_sub(stamp.origin_us)));
            if let Some(before) = before_us.replace(stamp.received_us).filter(|_| missed == 0) {
                probed.every_ms.push(ms(stamp.received_us.saturating_sub(before)));
            }
            for ((low, high), &value) in probed.low.iter_mut().zip(&mut probed.high).zip(&probed.last) {
                (*low, *high) = (low.min(value), high.max(value));
            }
        }
        if heard.elapsed() > own.patience || own.own.state() == LinkState::Wrong {
            return Err(own.own.trouble().unwrap_or_else(|| "it does not answer".into()));
        }
    }
    probed.took_ms.sort_by(f64::total_cmp);
    probed.every_ms.sort_by(f64::total_cmp);
    Ok(probed)
}

/// Reads some samples of a driver; how long one takes in ms, or why there are none.
pub(super) async fn samples(own: &mut Watched, polls: u32) -> Result<f64, String> {
    let probed = read(own, polls).await?;
    Ok(quantile(&probed.took_ms, 0.5))
}

/// A value at a part of an ordered list.
fn quantile(ordered: &[f64], part: f64) -> f64 {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let place = (part * ordered.len().saturating_sub(1) as f64).round() as usize;
    ordered.get(place).copied().unwrap_or(f64::NAN)
}

fn text(description: &Description, probed: &Probed, heard: &Heard) -> String {
    let mut text = format!("{}: {} samples, {} missed\n", description.title, probed.took_ms.len(), probed.missed);
    text += &heard.text;
    for (k, point) in description.points.iter().enumerate() {
        text += &line(point, probed.last[k], Some([probed.low[k], probed.high[k]]));
    }
    let what = match description.wire {
        Wire::Can(..) => "the messages of a sample come within",
        Wire::C37118(_) => "beyond the fastest, a sample takes",
        _ => "a sample takes",
    };
    text += &spread(what, &probed.took_ms);
    if !probed.every_ms.is_empty() {
        text += &spread("from one to the next it takes", &probed.every_ms);
    }
    text
}

fn spread(what: &str, ms: &[f64]) -> String {
    let [middle, late, most] = [0.5, 0.99, 1.0].map(|part| quantile(ms, part));
    format!("  {what} {middle:.2} ms (p50), {late:.2} ms (p99), {most:.2} ms at most\n")
}

/// A point in a line: its value, how it went where that is known, and whether that can be.
pub(super) fn line(point: &Point, value: f64, between: Option<[f64; 2]>) -> String {
    let text = if matches!(point.source, Source::Phasor(_)) { number::single } else { number::text };
    let spread = match between {
        Some([low, high]) if low < high => format!("   {} to {}", text(low), text(high)),
        _ => String::new(),
    };
    let [low, high] = between.unwrap_or([value; 2]);
    let verdict = match point.range {
        _ if value.is_nan() => String::new(),
        Some([least, most]) if low < least || high > most => {
            format!("   OUTSIDE of {} to {}", number::text(least), number::text(most))
        }
        Some([least, most]) if between.is_some() => {
            format!("   within {} to {}", number::text(least), number::text(most))
        }
        _ => String::new(),
    };
    format!("  {:<24} {:>14}{spread}{verdict}\n", point.name, text(value))
}

fn as_json(description: &Description, probed: &Probed, heard: &Heard) -> Value {
    let points = description.points.iter().enumerate().map(|(k, point)| {
        let [last, low, high] = [probed.last[k], probed.low[k], probed.high[k]];
        let within = point.range.filter(|_| low.is_finite()).map(|[least, most]| low >= least && high <= most);
        json!({ "point": point.name, "last": number::tidy(last), "low": number::tidy(low), "high": number::tidy(high),
                "range": point.range, "within": within })
    });
    let parts = |ms: &[f64]| {
        let [middle, late, most] = [0.5, 0.99, 1.0].map(|part| number::tidy(quantile(ms, part)));
        json!({ "p50": middle, "p99": late, "max": most })
    };
    json!({
        "device": description.name, "samples": probed.took_ms.len(), "missed": probed.missed,
        "points": points.collect::<Vec<_>>(), "takes_ms": parts(&probed.took_ms), "every_ms": parts(&probed.every_ms),
        "identity": heard.json,
    })
}
