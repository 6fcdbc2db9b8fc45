//! `phasorbench import FILE.dss --out feeders/x.yaml`: an OpenDSS script as a native feeder file.

use std::path::PathBuf;

use phasorbench::feeder;

use crate::input;
use crate::{Exit, output};

/// Turn an OpenDSS script into a feeder file.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The script.
    script: PathBuf,
    /// The feeder file to write.
    #[arg(long)]
    out: PathBuf,
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
