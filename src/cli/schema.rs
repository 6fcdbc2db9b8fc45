//! `phasorbench schema KIND`: the JSON Schemas of files, by which editors complete and check, and of what commands print.

use phasorbench::link::description::language::Head;
use phasorbench::study::{compare, contingency};
use phasorbench::{feeder, report, scenario};

use crate::{Exit, benchmark, harmonics, output, powerflow, pv, scan, tune};

/// Print the JSON Schema of a kind of file, or of what a command prints with `--json`.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench schema scenario > scenario.schema.json
      with `# yaml-language-server: $schema=scenario.schema.json` as a file's first line, editors complete and check it
  phasorbench schema summary")]
pub struct Args {
    /// Kind of file, or command.
    #[arg(value_enum)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// A feeder file.
    Feeder,
    /// A scenario file.
    Scenario,
    /// A device's description.
    Device,
    /// What `powerflow --json` prints.
    Powerflow,
    /// What `pv --json` prints.
    Pv,
    /// What `harmonics --json` prints.
    Harmonics,
    /// What `scan --json` prints.
    Scan,
    /// What `tune --json` prints.
    Tune,
    /// What `benchmark --json` prints.
    Benchmark,
    /// What `compare --json` prints.
    Compare,
    /// What `contingency --json` prints.
    Contingency,
    /// The `summary.json` of a run.
    Summary,
    /// The `run.json` of a run.
    Run,
    /// The `timing.json` of a paced run.
    Timing,
}

/// Runs the command.
pub fn run(args: Args) -> Exit {
    let schema = match args.kind {
        Kind::Feeder => feeder::yaml::schema(),
        Kind::Scenario => scenario::schema(),
        Kind::Device => schemars::schema_for!(Head).to_value(),
        Kind::Powerflow => powerflow::schema(),
        Kind::Pv => pv::schema(),
        Kind::Harmonics => harmonics::schema(),
        Kind::Scan => scan::schema(),
        Kind::Tune => tune::schema(),
        Kind::Benchmark => benchmark::schema(),
        Kind::Compare => schemars::schema_for!(compare::Comparison).to_value(),
        Kind::Contingency => schemars::schema_for!(contingency::Report).to_value(),
        Kind::Summary => report::summary_schema().to_value(),
        Kind::Run => report::run_schema().to_value(),
        Kind::Timing => report::timing_schema().to_value(),
    };
    output::json(&schema);
    Exit::Passed
}
