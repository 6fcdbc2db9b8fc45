//! `phasorbench hil emulate FILE`: serves a device that is not there.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use phasorbench::device::{Limits, Priority};
use phasorbench::emulate::{self, Device, Inverter, InverterSettings, Line, Listening, Meter, Model, Shared};
use phasorbench::link::description::Description;
use phasorbench::link::description::language::Kind;
use phasorbench::link::fault::Faults;
use phasorbench::link::modbus::driver::Framing;
use tokio::time::{Instant, sleep};

use super::devices;
use crate::{Exit, input, output, pace};

/// Serve a device that is not there: its description's registers, with a model behind them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil emulate hil/sunspec_inverter.yaml --listen 127.0.0.1:1502
  phasorbench hil emulate hil/sunspec_inverter.yaml --listen 127.0.0.1:1502 --fault '10s..20s: freeze'
  phasorbench hil emulate hil/sunspec_inverter.yaml --pty

It says where it listens, and serves until it is asked to stop (Ctrl-C) or for --for-s. What can go wrong with it is in
docs/hil.md.")]
pub struct Args {
    /// The device's description.
    file: PathBuf,
    /// Where it listens for Modbus TCP; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1502", conflicts_with = "pty")]
    listen: SocketAddr,
    /// Serve Modbus RTU on a new pseudo-terminal, and say its name.
    #[arg(long)]
    pty: bool,
    /// A client that may come; may be given several times. Only this machine's when it listens on loopback; must be given
    /// when it does not.
    #[arg(long = "allow", value_name = "ADDRESS")]
    allowed: Vec<IpAddr>,
    /// Refuse to be written to.
    #[arg(long)]
    read_only: bool,
    /// Its unit, instead of the description's.
    #[arg(long, value_name = "UNIT")]
    unit: Option<u8>,
    /// Something that goes wrong, as in '10s..20s: freeze'; may be given several times.
    #[arg(long = "fault", value_name = "TIMES: FAULT")]
    faults: Vec<String>,
    /// Seed of faults that draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Time in s from a set-point to 90 % of it.
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    response_s: f64,
    /// Serve so many of them, at consecutive ports.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// End after so many seconds.
    #[arg(long, value_name = "S", value_parser = devices::seconds)]
    for_s: Option<Duration>,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    match serve(args) {
        Ok(()) => Exit::Passed,
        Err(exit) => exit,
    }
}

fn serve(args: &Args) -> Result<(), Exit> {
    let description = devices::described(&args.file)?;
    if !args.pty && !args.listen.ip().is_loopback() && args.allowed.is_empty() {
        let help = Some("name those who may come, as in --allow 192.0.2.7".to_owned());
        let message = format!("{} can be reached from elsewhere, and everybody could command the device", args.listen);
        return Err(input::complain("E0410", message, help));
    }
    let stop = pace::asked_to_stop().map_err(|error| {
        input::complain("E0411", format!("signals cannot be heard: {error}"), None);
        Exit::Internal
    })?;
    let made = (0..args.count).map(|_| device(args, &description)).collect::<Result<Vec<Shared>, Exit>>()?;
    let runtime = devices::runtime()?;
    runtime.block_on(async {
        let epoch = Instant::now();
        if args.pty {
            let device = made.first().cloned().ok_or(Exit::BadInput)?;
            on_pty(device, epoch)?;
        } else {
            for (device, k) in made.iter().zip(0..) {
                on_tcp(args, Arc::clone(device), epoch, k).await?;
            }
        }
        while !stop.load(Ordering::Acquire) && args.for_s.is_none_or(|limit| epoch.elapsed() < limit) {
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    })
}

fn device(args: &Args, description: &Description) -> Result<Shared, Exit> {
    let mut faults = Faults::new(args.seed);
    for line in &args.faults {
        faults.line(line).map_err(|error| input::complain("E0410", error.to_string(), None))?;
    }
    let made = Device::new(description, model(args, description), faults);
    let mut device = made.map_err(|error| input::complain("E0410", error.to_string(), None))?;
    device.set_writable(!args.read_only);
    args.unit.into_iter().for_each(|unit| device.set_unit(unit));
    Ok(emulate::shared(device))
}

fn model(args: &Args, description: &Description) -> Box<dyn Model> {
    if !matches!(description.kind, Kind::Inverter | Kind::Charger) {
        return Box::new(Meter::new(0.2));
    }
    let limits = Limits {
        s_va: description.s_rated_va.unwrap_or(f64::INFINITY),
        ramp_w_per_s: f64::INFINITY,
        ramp_var_per_s: f64::INFINITY,
        response_s: args.response_s.max(0.0),
        priority: Priority::Reactive,
    };
    Box::new(Inverter::new(InverterSettings { limits, phases: 3, energy_wh: 60_000.0, soc: 0.5 }))
}

async fn on_tcp(args: &Args, device: Shared, epoch: Instant, k: u16) -> Result<(), Exit> {
    let mut place = args.listen;
    if place.port() != 0 {
        place.set_port(place.port().saturating_add(k));
    }
    let bound = tokio::net::TcpListener::bind(place).await;
    let listener =
        bound.map_err(|error| input::complain("E0410", format!("cannot listen on {place}: {error}"), None))?;
    let place = listener.local_addr().unwrap_or(place);
    let allowed = match (place.ip().is_loopback(), args.allowed.is_empty()) {
        (true, true) => vec![IpAddr::from([127, 0, 0, 1]), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)],
        _ => args.allowed.clone(),
    };
    output::print(&format!("{} listens: tcp://{place}\n", name(&device)));
    tokio::spawn(emulate::listen(Listening::new(listener, epoch, allowed), [device].into()));
    Ok(())
}

fn name(device: &Shared) -> String {
    device.lock().map_or_else(|_| "device".to_owned(), |own| own.description().name.clone())
}

#[cfg(unix)]
fn on_pty(device: Shared, epoch: Instant) -> Result<(), Exit> {
    use tokio_serial::{SerialPort, SerialStream};
    let failed = |error: tokio_serial::Error| input::complain("E0410", format!("no pseudo-terminal: {error}"), None);
    let (own, other) = SerialStream::pair().map_err(failed)?;
    let place = other.name().unwrap_or_default();
    output::print(&format!("{} listens: pty:{place}\n", name(&device)));
    tokio::spawn(async move {
        // While the other side is open here, clients may come and go.
        let _held = other;
        let mut line = Line { stream: Box::new(own), framing: Framing::Rtu, epoch };
        // A cable that is pulled ends nothing here: the line is the same when it is back.
        let rack = [device].into();
        loop {
            emulate::serve_line(&mut line, &rack).await;
            sleep(Duration::from_millis(20)).await;
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn on_pty(_: Shared, _: Instant) -> Result<(), Exit> {
    Err(input::complain("E0410", "this system has no pseudo-terminals".into(), None))
}
