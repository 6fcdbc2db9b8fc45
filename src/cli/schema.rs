//! `phasorbench schema KIND`: the JSON Schema that editors complete and check by.

use phasorbench::{feeder, scenario};

use crate::{Exit, output};

/// Print the JSON Schema of a kind of file.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Kind of file.
    #[arg(value_enum)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// A feeder file.
    Feeder,
    /// A scenario file.
    Scenario,
}

/// Runs the command.
pub fn run(args: Args) -> Exit {
    let schema = match args.kind {
        Kind::Feeder => feeder::yaml::schema(),
        Kind::Scenario => scenario::schema(),
    };
    output::json(&schema);
    Exit::Passed
}
