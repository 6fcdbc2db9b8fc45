//! `phasorbench import FILE.dss --out feeders/x.yaml`: an OpenDSS script as a native feeder file.

use std::path::PathBuf;

use phasorbench::feeder::{self, Connection, Feeder, Terminal};

use crate::input;
use crate::{Exit, output};

/// Turn an OpenDSS script into a feeder file. Line codes and other tables that nothing refers to are left out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  phasorbench import IEEE13Nodeckt.dss --out feeders/ieee13.yaml --title 'IEEE 13-node test feeder'")]
pub struct Args {
    /// The script.
    script: PathBuf,
    /// The feeder file to write.
    #[arg(long)]
    out: PathBuf,
    /// Name of the feeder; that of the file when not given.
    #[arg(long)]
    name: Option<String>,
    /// Title to put into it.
    #[arg(long)]
    title: Option<String>,
    /// Where the numbers come from, to put into it.
    #[arg(long)]
    provenance: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let mut feeder = match input::feeder(&args.script) {
        Ok(feeder) => feeder,
        Err(exit) => return exit,
    };
    leave_out_unused(&mut feeder);
    write_out_nodes(&mut feeder);
    let stem = args.out.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
    feeder.feeder = args.name.clone().or(stem).unwrap_or(feeder.feeder);
    feeder.title = args.title.clone().or(feeder.title);
    feeder.provenance = args.provenance.clone().or(feeder.provenance);
    let beside = args.out.with_extension("yaml.part");
    let written =
        std::fs::write(&beside, feeder::yaml::write(&feeder)).and_then(|()| std::fs::rename(&beside, &args.out));
    match written {
        Ok(()) => {
            output::print(&format!("{}\n", args.out.display()));
            Exit::Passed
        }
        Err(error) => input::complain("E0405", format!("cannot write {}: {error}", args.out.display()), None),
    }
}

/// Scripts bring whole catalogues of line codes and conductors; a feeder file keeps what its lines use.
fn leave_out_unused(feeder: &mut Feeder) {
    let lines = &feeder.lines;
    feeder.line_codes.retain(|name, _| lines.values().any(|line| line.code.as_ref() == Some(name)));
    feeder.geometries.retain(|name, _| lines.values().any(|line| line.geometry.as_ref() == Some(name)));
    let geometries = &feeder.geometries;
    let conductors = || geometries.values().flat_map(|geometry| &geometry.conductors);
    feeder.wires.retain(|name, _| conductors().any(|c| c.wire.as_ref() == Some(name)));
    feeder.cables.retain(|name, _| conductors().any(|c| c.cable.as_ref() == Some(name)));
}

/// A script may write fewer nodes than an element has; OpenDSS fills in, a feeder file is explicit.
fn write_out_nodes(feeder: &mut Feeder) {
    let fill = |terminal: &mut Terminal, phases: usize, connection: Connection| {
        let conductors = if connection == Connection::Delta && phases < 3 { phases + 1 } else { phases };
        if (1..conductors).contains(&terminal.nodes.len()) {
            terminal.nodes = terminal.conductors(phases, conductors);
        }
    };
    feeder.loads.values_mut().for_each(|x| fill(&mut x.bus, x.phases, x.connection));
    feeder.generators.values_mut().for_each(|x| fill(&mut x.bus, x.phases, x.connection));
    feeder.pv_systems.values_mut().for_each(|x| fill(&mut x.bus, x.phases, x.connection));
    feeder.storages.values_mut().for_each(|x| fill(&mut x.bus, x.phases, x.connection));
    for transformer in feeder.transformers.values_mut() {
        let phases = transformer.phases;
        transformer.windings.iter_mut().for_each(|winding| fill(&mut winding.bus, phases, winding.connection));
    }
    for line in feeder.lines.values_mut() {
        let phases = line.phases.unwrap_or(0);
        [&mut line.from, &mut line.to].into_iter().for_each(|end| fill(end, phases, Connection::Wye));
    }
}
