//! `phasorbench benchmark FEEDER`: how fast a feeder is solved, and how exactly.

use crate::Exit;

/// Measure steps on a feeder.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_args: &Args) -> Exit {
    Exit::Internal
}
