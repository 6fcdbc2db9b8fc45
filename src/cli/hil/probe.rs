//! `phasorbench hil probe` and `hil watch`: a device's points, read and never written.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use phasorbench::bench::pace::{Clock, Monotonic};
use phasorbench::link::address::Address;
use phasorbench::link::description::{Description, Point};
use phasorbench::link::port::{LinkState, LoopEnd};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::devices;
use crate::{Exit, input, output, pace};

/// Read every point of a device some times: that it is the right one, what it says, how long it takes. Nothing is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil probe hil/sunspec_inverter.yaml@tcp://192.0.2.10:502
  phasorbench hil probe hil/eastron_sdm630.yaml@rtu:///dev/ttyUSB0?baud=9600 --json

Exit code 3 when it does not answer, or is not the device that is described.")]
pub struct Args {
    /// The device, as FILE@ADDRESS.
    device: String,
    /// How often it is read.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    polls: u32,
    /// Time between samples in s, instead of the description's.
    #[arg(long, value_name = "S", value_parser = devices::seconds)]
    poll_s: Option<Duration>,
    /// Read so many such devices at once, at consecutive ports of tcp://, and say what that costs.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Show a device's points as they change. Nothing is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil watch hil/sunspec_inverter.yaml@tcp://192.0.2.10:502")]
pub struct WatchArgs {
    /// The device, as FILE@ADDRESS.
    device: String,
    /// End after so many seconds; when not given, on Ctrl-C.
    #[arg(long, value_name = "S", value_parser = devices::seconds)]
    for_s: Option<Duration>,
}

/// Longest that is waited for the first sample.
const FIRST: Duration = Duration::from_secs(5);

/// What was read.
struct Probed {
    last: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    /// From the first request of a poll to its last answer, in ms.
    took_ms: Vec<f64>,
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
    if args.count > 1 {
        return many(args, &description, &address);
    }
    let probed = devices::runtime()?.block_on(async {
        let mut own = devices::watched(&description, &address)?;
        read(description.points.len(), &mut own, args.polls).await.map_err(|why| {
            input::complain(
                "E0412",
                format!("{address}: {why}"),
                Some("phasorbench hil scan says what is there".into()),
            );
            Exit::LinkLost
        })
    })?;
    let lacking = description.points.iter().zip(&probed.last).find(|(own, value)| !own.optional && value.is_nan());
    if let Some((point, _)) = lacking {
        input::complain("E0412", format!("{address}: {} cannot be read", point.name), None);
        return Err(Exit::LinkLost);
    }
    if args.json {
        output::json(&as_json(&description, &probed));
    } else {
        output::print(&text(&description, &probed));
    }
    Ok(Exit::Passed)
}

/// Reads many devices at once, all in this thread.
fn many(args: &Args, description: &Arc<Description>, first: &Address) -> Result<Exit, Exit> {
    let clock = Monotonic::new();
    devices::runtime()?.block_on(async {
        let devices = (0..args.count).map(|k| devices::watched(description, &beside(first, k)?));
        let mut devices: Vec<LoopEnd> = devices.collect::<Result<_, Exit>>()?;
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
        let down = devices.iter().filter(|own| own.state() != LinkState::Up).count();
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
async fn read(count: usize, own: &mut LoopEnd, polls: u32) -> Result<Probed, String> {
    let mut probed = Probed {
        last: vec![f64::NAN; count],
        low: vec![f64::INFINITY; count],
        high: vec![f64::NEG_INFINITY; count],
        took_ms: Vec::new(),
        missed: 0,
    };
    let (mut heard, mut sequence) = (Instant::now(), 0);
    while probed.took_ms.len() < polls as usize {
        sleep(Duration::from_millis(1)).await;
        if let Some(stamp) = own.take(&mut probed.last) {
            probed.missed += stamp.sequence - sequence - 1;
            (heard, sequence) = (Instant::now(), stamp.sequence);
            #[allow(clippy::cast_precision_loss, reason = "a few ms")]
            probed.took_ms.push((stamp.received_us - stamp.origin_us) as f64 / 1000.0);
            for ((low, high), &value) in probed.low.iter_mut().zip(&mut probed.high).zip(&probed.last) {
                (*low, *high) = (low.min(value), high.max(value));
            }
        }
        if heard.elapsed() > FIRST || own.state() == LinkState::Wrong {
            return Err(own.trouble().unwrap_or_else(|| "it does not answer".into()));
        }
    }
    probed.took_ms.sort_by(f64::total_cmp);
    Ok(probed)
}

/// Reads some samples of a driver; how long one takes in ms, or why there are none.
pub(super) async fn samples(points: usize, own: &mut LoopEnd, polls: u32) -> Result<f64, String> {
    let probed = read(points, own, polls).await?;
    Ok(quantile(&probed.took_ms, 0.5))
}

/// A value at a part of an ordered list.
fn quantile(ordered: &[f64], part: f64) -> f64 {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let place = (part * ordered.len().saturating_sub(1) as f64).round() as usize;
    ordered.get(place).copied().unwrap_or(f64::NAN)
}

fn text(description: &Description, probed: &Probed) -> String {
    let mut text = format!("{}: {} samples, {} missed\n", description.title, probed.took_ms.len(), probed.missed);
    for (k, point) in description.points.iter().enumerate() {
        text += &line(point, probed.last[k], Some([probed.low[k], probed.high[k]]));
    }
    let [middle, late, most] = [0.5, 0.99, 1.0].map(|part| quantile(&probed.took_ms, part));
    text + &format!("  a sample takes {middle:.2} ms (p50), {late:.2} ms (p99), {most:.2} ms at most\n")
}

fn line(point: &Point, value: f64, between: Option<[f64; 2]>) -> String {
    let spread = match between {
        Some([low, high]) if low < high => format!("   {low} to {high}"),
        _ => String::new(),
    };
    let value = if value.is_nan() { "–".to_owned() } else { format!("{value}") };
    format!("  {:<24} {value:>14}{spread}\n", point.name)
}

fn as_json(description: &Description, probed: &Probed) -> serde_json::Value {
    let number = |value: f64| value.is_finite().then_some(value);
    let points = description.points.iter().enumerate().map(|(k, point)| {
        json!({ "point": point.name, "last": number(probed.last[k]), "low": number(probed.low[k]), "high": number(probed.high[k]) })
    });
    let [middle, late, most] = [0.5, 0.99, 1.0].map(|part| quantile(&probed.took_ms, part));
    json!({
        "device": description.name, "samples": probed.took_ms.len(), "missed": probed.missed,
        "points": points.collect::<Vec<_>>(), "takes_ms": { "p50": middle, "p99": late, "max": most },
    })
}

/// Shows a device until it is asked to stop.
pub fn watch(args: &WatchArgs) -> Exit {
    show(args).unwrap_or_else(|exit| exit)
}

fn show(args: &WatchArgs) -> Result<Exit, Exit> {
    let (description, address) = devices::device(&args.device)?;
    let stop = pace::asked_to_stop().map_err(|error| {
        input::complain("E0411", format!("signals cannot be heard: {error}"), None);
        Exit::Internal
    })?;
    devices::runtime()?.block_on(async {
        let mut own = devices::watched(&description, &address)?;
        let (begun, live) = (Instant::now(), std::io::stdout().is_terminal());
        let mut values = vec![f64::NAN; description.points.len()];
        let mut shown = 0;
        while !stop.load(Ordering::Acquire) && args.for_s.is_none_or(|limit| begun.elapsed() < limit) {
            sleep(Duration::from_millis(if live { 200 } else { 1000 })).await;
            let stamp = own.take(&mut values);
            let text = frame(&description, &own, &values, stamp.is_some());
            // On a terminal the table stays where it is.
            let up = if live && shown > 0 { format!("\x1b[{shown}A\x1b[J") } else { String::new() };
            shown = text.lines().count();
            output::print(&(up + &text));
        }
        Ok(if own.state() == LinkState::Up { Exit::Passed } else { Exit::LinkLost })
    })
}

fn frame(description: &Arc<Description>, own: &LoopEnd, values: &[f64], fresh: bool) -> String {
    let state = match (own.state(), fresh) {
        (LinkState::Up, true) => "up".to_owned(),
        (LinkState::Up, false) => "up, nothing new".to_owned(),
        (LinkState::Connecting, _) => "connecting".to_owned(),
        (_, _) => format!("lost: {}", own.trouble().unwrap_or_default()),
    };
    let lines: String = description.points.iter().zip(values).map(|(point, &value)| line(point, value, None)).collect();
    format!("{}: {state}\n{lines}", description.title)
}
