//! `phasorbench hil …`: real devices and real time. One file for each command.

mod check;
mod devices;
mod emulate;
mod identity;
mod jitter;
mod number;
mod probe;
mod scan;
mod watch;

use crate::Exit;

/// Real time and real devices.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil emulate hil/sunspec_inverter.yaml --listen 127.0.0.1:1502
  phasorbench hil scan tcp://127.0.0.1:1502
  phasorbench hil probe hil/sunspec_inverter.yaml@tcp://127.0.0.1:1502
  phasorbench hil scan can:can0 --dbc charger_module
  phasorbench hil jitter --period-s 0.001 --duration-s 60 --real-time-priority --pin-cpu 1")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Measure how late this machine wakes a loop that does nothing.
    Jitter(jitter::Args),
    /// Serve a device that is not there: its description's registers, with a model behind them.
    Emulate(emulate::Args),
    /// Look what is behind an address; reads only.
    Scan(scan::Args),
    /// Read every point of a device, and how long that takes; reads only.
    Probe(probe::Args),
    /// Look at everything that would stop or endanger a run with real devices, without closing a loop.
    Check(check::Args),
    /// Show a device's points as they change; reads only.
    Watch(watch::Args),
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    match &args.command {
        Command::Jitter(args) => jitter::run(args),
        Command::Emulate(args) => emulate::run(args),
        Command::Scan(args) => scan::run(args),
        Command::Probe(args) => probe::run(args),
        Command::Check(args) => check::run(args),
        Command::Watch(args) => watch::run(args),
    }
}
