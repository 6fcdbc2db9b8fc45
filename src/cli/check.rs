//! `phasorbench check FILE…`: everything that is wrong with feeder files, without solving them.

use std::path::PathBuf;

use phasorbench::feeder;

use crate::input;
use crate::{Exit, output};

/// Read files and report everything that is wrong with them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Feeder or scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let mut exit = Exit::Passed;
    for file in &args.files {
        let reading = feeder::read(file);
        input::report(&reading.diagnostics, &reading.sources);
        match &reading.feeder {
            Some(feeder) => output::print(&format!("{}: feeder \"{}\" is sound\n", file.display(), feeder.feeder)),
            None => exit = Exit::BadInput,
        }
    }
    exit
}
