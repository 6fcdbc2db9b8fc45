//! The `phasorbench` binary: opens files, prints, exits; one file per subcommand.

mod benchmark;
mod check;
mod contingency;
mod contingency_scratch;
mod contingency_table;
mod import;
mod input;
mod output;
mod powerflow;
mod progress;
mod run;
mod schema;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Real-time co-simulation and hardware-in-the-loop test bench for distribution grids.
#[derive(Debug, Parser)]
#[command(name = "phasorbench", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Solve one power flow of a feeder (.yaml or .dss).
    Powerflow(powerflow::Args),
    /// Run a scenario and write its record, figures and report.
    Run(run::Args),
    /// Lose every element in turn (or every two) and rank what happens.
    Contingency(contingency::Args),
    /// Measure steps per second on a feeder.
    Benchmark(benchmark::Args),
    /// Turn an OpenDSS script into a feeder file.
    Import(import::Args),
    /// Read files and report everything that is wrong with them.
    Check(check::Args),
    /// Print the JSON Schema of a kind of file.
    Schema(schema::Args),
}

/// How a command ended, by the exit codes of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All well.
    Passed = 0,
    /// A solve did not converge.
    Failed = 1,
    /// Something is wrong with what the user gave.
    BadInput = 2,
    /// The program failed.
    Internal = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::BadInput } else { Exit::Passed };
            let _ = error.print();
            return exit.into();
        }
    };
    match command {
        Command::Powerflow(args) => powerflow::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Contingency(args) => contingency::run(&args),
        Command::Benchmark(args) => benchmark::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Schema(args) => schema::run(args),
    }
    .into()
}
