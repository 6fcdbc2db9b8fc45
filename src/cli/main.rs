//! The `phasorbench` binary: opens files, prints, exits; one file per subcommand.

mod benchmark;
mod bundle;
mod check;
mod compare;
mod completions;
mod contingency;
mod contingency_scratch;
mod contingency_table;
mod generate;
mod harmonics;
mod hil;
mod import;
mod init;
mod input;
mod man;
mod monitor;
mod output;
mod pace;
mod powerflow;
mod pv;
mod quantities;
mod report;
mod run;
mod scan;
mod schema;
mod stop;
mod sweep;
mod terminal;
mod tune;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// What is shown without any command: the three that a newcomer wants.
const OVERVIEW: &str = "\
PhasorBench: a test bench for distribution grids. A scenario says what happens to a feeder; the report says what came of it.

  phasorbench init demo                 write a scenario to start from: demo.yaml
  phasorbench run demo.yaml             run it: figures, tables, report.html
  phasorbench powerflow FEEDER          one power flow of a feeder (.yaml or OpenDSS .dss)

  phasorbench --help                    all commands
  phasorbench run --help                one of them, with examples
";

const EXAMPLES: &str = "\
Examples:
  phasorbench init demo && phasorbench run demo.yaml
  phasorbench powerflow feeders/ieee13.yaml --json
  phasorbench check scenarios/*.yaml

Exit codes: 0 all well, 1 an expectation failed, a solve did not converge or a paced run was stopped, 2 bad input,
3 a device link was lost, 4 an error of the program or the machine.";

/// Real-time co-simulation and hardware-in-the-loop test bench for distribution grids.
#[derive(Debug, Parser)]
#[command(name = "phasorbench", version, long_version = env!("PHASORBENCH_LONG_VERSION"), after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    terminal: terminal::Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented scenario to start from, and the feeder it runs on.
    Init(init::Args),
    /// Run a scenario and write its record, figures and report.
    Run(run::Args),
    /// Run scenarios and hold them against their expectations and baselines.
    Verify(verify::Args),
    /// Run several scenarios of one case and compare what their controllers do.
    Compare(compare::Args),
    /// Solve one power flow of a feeder (.yaml or .dss).
    Powerflow(powerflow::Args),
    /// Lose every element in turn (or every two) and rank what happens.
    Contingency(contingency::Args),
    /// P–V and Q–V curves of a bus, past the nose, before and after a loss.
    Pv(pv::Args),
    /// Harmonic voltages of a feeder and their distortion.
    Harmonics(harmonics::Args),
    /// Impedance of a bus against frequency, and its resonances.
    Scan(scan::Args),
    /// Solve a scenario many times, with what its `vary:` varies drawn at random or taken from grids.
    Sweep(sweep::Args),
    /// Gains for a scenario's phasor controllers by several tuners, with their margins.
    Tune(tune::Args),
    /// Measure a recorded waveform: harmonics, frequency, events, flicker, limits.
    Monitor(monitor::Args),
    /// List the quantities that a scenario can record, expect and act upon.
    Quantities(quantities::Args),
    /// Make a plausible feeder from a seed.
    Generate(generate::Args),
    /// Read files and report everything that is wrong with them.
    Check(check::Args),
    /// Make report.html and the figures of results again, or an index of many.
    Report(report::Args),
    /// Put the results of a run, its inputs and what this machine is into one file for a bug report.
    Bundle(bundle::Args),
    /// Turn an OpenDSS script into a feeder file.
    Import(import::Args),
    /// Measure steps per second on a feeder.
    Benchmark(benchmark::Args),
    /// Real devices and real time: emulate, scan, probe, watch a device; whether this machine keeps time.
    Hil(hil::Args),
    /// Print the JSON Schema of a kind of file.
    Schema(schema::Args),
    /// Print completions for a shell.
    Completions(completions::Args),
    /// Print a manual page, or write all of them.
    Man(man::Args),
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
    /// A real device was lost and not back at the end.
    LinkLost = 3,
    /// The program failed.
    Internal = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

fn main() -> ExitCode {
    let cli = match parsed() {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::BadInput } else { Exit::Passed };
            let _ = error.print();
            return exit.into();
        }
    };
    terminal::set(cli.terminal);
    let Some(command) = cli.command else {
        eprint!("{OVERVIEW}");
        return Exit::BadInput.into();
    };
    match command {
        Command::Init(args) => init::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Powerflow(args) => powerflow::run(&args),
        Command::Contingency(args) => contingency::run(&args),
        Command::Pv(args) => pv::run(&args),
        Command::Harmonics(args) => harmonics::run(&args),
        Command::Scan(args) => scan::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Tune(args) => tune::run(&args),
        Command::Monitor(args) => monitor::run(&args),
        Command::Quantities(args) => quantities::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Bundle(args) => bundle::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Benchmark(args) => benchmark::run(&args),
        Command::Hil(args) => hil::run(&args),
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(&args),
    }
    .into()
}

/// The command line. Help and mistakes are shown before flags are known, so `--color never` is looked for first.
fn parsed() -> Result<Cli, clap::Error> {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let said = |when: &str| {
        let pair = words.windows(2).any(|w| w[0] == "--color" && w[1] == when);
        pair || words.iter().any(|word| *word == format!("--color={when}"))
    };
    let choice = match (said("never"), said("always")) {
        (true, _) => clap::ColorChoice::Never,
        (_, true) => clap::ColorChoice::Always,
        _ => clap::ColorChoice::Auto,
    };
    let matches = Cli::command().color(choice).try_get_matches()?;
    Cli::from_arg_matches(&matches)
}
