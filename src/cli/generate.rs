//! `phasorbench generate --buses 50 --seed 1 --out FEEDER.yaml`: a plausible feeder from a seed.

use std::path::PathBuf;

use phasorbench::diagnostic::Sources;
use phasorbench::feeder::random::{RandomFeeder, generate};
use phasorbench::feeder::yaml;
use phasorbench::record::write_whole;

use crate::{Exit, input, output};

/// Make a plausible feeder from a seed: radial or weakly meshed, unbalanced, with voltages as they should be.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  phasorbench generate --buses 200 --seed 7 --out feeders/seven.yaml")]
pub struct Args {
    /// Number of buses, source and substation included.
    #[arg(long, default_value_t = RandomFeeder::default().buses)]
    buses: usize,
    /// Seed: the same gives the same feeder.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Line-to-line voltage in kV.
    #[arg(long, default_value_t = RandomFeeder::default().v_kv)]
    v_kv: f64,
    /// Mean load of a bus in kVA.
    #[arg(long, default_value_t = RandomFeeder::default().load_kva_per_bus)]
    load_kva_per_bus: f64,
    /// Closed tie lines, as a share of the buses.
    #[arg(long, default_value_t = 0.0)]
    mesh: f64,
    /// Share of loads with a photovoltaic system.
    #[arg(long, default_value_t = 0.0)]
    pv_share: f64,
    /// The substation's transformer regulates its voltage.
    #[arg(long)]
    regulator: bool,
    /// The feeder file to write.
    #[arg(long)]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let options = RandomFeeder {
        seed: args.seed,
        buses: args.buses,
        v_kv: args.v_kv,
        load_kva_per_bus: args.load_kva_per_bus,
        mesh: args.mesh,
        pv_share: args.pv_share,
        regulator: args.regulator,
    };
    let found = options.check(|_| None);
    if !found.is_empty() {
        input::report(&found, &Sources::default());
        return Exit::BadInput;
    }
    match write_whole(&args.out, yaml::write(&generate(&options)).as_bytes()) {
        Ok(()) => {
            output::print(&format!("{}\n", args.out.display()));
            Exit::Passed
        }
        Err(error) => input::complain("E0405", format!("cannot write {}: {error}", args.out.display()), None),
    }
}
