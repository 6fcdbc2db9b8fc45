//! `phasorbench hil emulate FILE`: serves a device that is not there.

mod can;
mod modbus;
mod place;
mod pmu;
mod scpi;
mod values;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use phasorbench::device::{Limits, Priority};
use phasorbench::emulate::{Amplifier, AmplifierSettings, Inverter, InverterSettings, Meter, Model};
use phasorbench::link::description::language::Kind;
use phasorbench::link::description::{Description, Wire};
use phasorbench::link::fault::Faults;
use tokio::time::{Instant, sleep};

use super::devices;
use crate::{Exit, input};
use place::Place;
use values::Shown;

/// Serve a device that is not there: what its description has, with a model behind it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil emulate hil/sunspec_inverter.yaml --listen 127.0.0.1:1502
  phasorbench hil emulate hil/sunspec_inverter.yaml --listen 127.0.0.1:1502 --fault '10s..20s: freeze'
  phasorbench hil emulate hil/sunspec_inverter.yaml --pty
  phasorbench hil emulate hil/pmu.yaml --set v_v=7200 --set f_hz=59.98
  phasorbench hil emulate hil/charger_module.yaml --listen can:vcan0
  phasorbench hil emulate hil/grid_simulator_scpi.yaml

It says where it is, and serves until it is asked to stop (Ctrl-C) or for --for-s. What can go wrong with it is in
docs/hil.md.")]
pub struct Args {
    /// The device's description.
    file: PathBuf,
    /// Where it is: of Modbus 127.0.0.1:1502 when not given, of a PMU 127.0.0.1:4712, of SCPI 127.0.0.1:5025, port 0 takes a free one; of CAN the
    /// bus, as in can:vcan0 or udp://239.74.163.2.
    #[arg(long, value_name = "ADDRESS", value_parser = place::place, conflicts_with = "pty")]
    listen: Option<Place>,
    /// Modbus: serve RTU on a new pseudo-terminal, and say its name.
    #[arg(long)]
    pty: bool,
    /// A client that may come; may be given several times. Only this machine's when it listens on loopback; must be given
    /// when it does not.
    #[arg(long = "allow", value_name = "ADDRESS")]
    allowed: Vec<IpAddr>,
    /// Modbus and SCPI: refuse to be written to.
    #[arg(long)]
    read_only: bool,
    /// Modbus: its unit, instead of the description's.
    #[arg(long, value_name = "UNIT")]
    unit: Option<u8>,
    /// Show this value instead of what its model says; POINT without a phase is all of them. May be given several times.
    #[arg(long = "set", value_name = "POINT=VALUE", value_parser = values::setting)]
    settings: Vec<(String, f64)>,
    /// Something that goes wrong, as in '10s..20s: freeze'; may be given several times.
    #[arg(long = "fault", value_name = "TIMES: FAULT")]
    faults: Vec<String>,
    /// Seed of faults that draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Time in s from a set-point to 90 % of it.
    #[arg(long, value_name = "S", default_value_t = 0.0)]
    response_s: f64,
    /// Serve so many of them: at consecutive ports, or each on a pseudo-terminal of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// End after so many seconds.
    #[arg(long, value_name = "S", value_parser = devices::seconds)]
    for_s: Option<Duration>,
}

/// Until when it is served.
struct Until {
    stop: Arc<AtomicBool>,
    for_s: Option<Duration>,
    epoch: Instant,
}

impl Until {
    /// Whether it is over.
    fn over(&self) -> bool {
        self.stop.load(Ordering::Acquire) || self.for_s.is_some_and(|limit| self.epoch.elapsed() >= limit)
    }

    /// Waits for the end.
    async fn end(&self) {
        while !self.over() {
            sleep(Duration::from_millis(20)).await;
        }
    }
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
    fits(args, &description)?;
    let shown = values::shown(&description, &args.settings)?;
    let faults = faults(args)?;
    let stop = devices::asked_to_stop()?;
    devices::runtime()?.block_on(async {
        let until = Until { stop, for_s: args.for_s, epoch: Instant::now() };
        match &description.wire {
            Wire::Modbus(_) => modbus::serve(args, &description, &shown, &faults, &until).await,
            Wire::Can(..) => can::serve(args, description, &shown, &faults, &until).await,
            Wire::C37118(_) => pmu::serve(args, description, &shown, &faults, &until).await,
            Wire::Scpi(_) => scpi::serve(args, &description, &shown, &faults, &until).await,
        }
    })
}

/// Whether what is asked for means something for what the device speaks.
fn fits(args: &Args, description: &Description) -> Result<(), Exit> {
    let (modbus, can) = (matches!(description.wire, Wire::Modbus(_)), matches!(description.wire, Wire::Can(..)));
    let writes = modbus || matches!(description.wire, Wire::Scpi(_));
    let given = [
        ("--pty", args.pty, modbus),
        ("--read-only", args.read_only, writes),
        ("--unit", args.unit.is_some(), modbus),
        ("--allow", !args.allowed.is_empty(), !can),
        ("--count", args.count > 1, !can),
        ("--response-s", args.response_s != 0.0, modbus || can),
    ];
    match given.iter().find(|(_, given, fits)| *given && !fits) {
        Some((name, ..)) => Err(complain(format!("{name} means nothing for {}", description.name))),
        None => Ok(()),
    }
}

fn faults(args: &Args) -> Result<Faults, Exit> {
    let mut faults = Faults::new(args.seed);
    for line in &args.faults {
        faults.line(line).map_err(|error| complain(error.to_string()))?;
    }
    Ok(faults)
}

fn complain(message: String) -> Exit {
    input::complain("E0410", message, None)
}

/// What is behind a device that follows set-points, or only measures.
fn model(args: &Args, description: &Description, shown: &Shown) -> Box<dyn Model> {
    match description.kind {
        Kind::Inverter | Kind::Charger => {}
        Kind::Amplifier => return shown.over(Amplifier::new(AmplifierSettings::default())),
        _ => return shown.over(Meter::new(0.2)),
    }
    let limits = Limits {
        s_va: description.s_rated_va.unwrap_or(f64::INFINITY),
        ramp_w_per_s: f64::INFINITY,
        ramp_var_per_s: f64::INFINITY,
        response_s: args.response_s.max(0.0),
        priority: Priority::Reactive,
    };
    shown.over(Inverter::new(InverterSettings { limits, phases: 3, energy_wh: 60_000.0, soc: 0.5 }))
}
