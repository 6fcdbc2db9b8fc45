//! `phasorbench quantities SCENARIO`: the names that outputs, expectations and conditions can use.

use std::path::PathBuf;

use phasorbench::scenario;

use crate::{Exit, input, output};

/// List the quantities that a scenario can record, expect and act upon.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  phasorbench quantities scenarios/ieee13_day.yaml --matching 671\n\n\
The difference of any two phasors is one, too: 671.1-650.1.angle_deg")]
pub struct Args {
    /// The scenario file.
    scenario: PathBuf,
    /// Only names that hold this text.
    #[arg(long, value_name = "TEXT", default_value = "")]
    matching: String,
    /// Print a JSON list.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let reading = scenario::read(&args.scenario);
    input::report(&reading.diagnostics, &reading.sources);
    let Some(plan) = reading.plan else { return Exit::BadInput };
    let wanted = args.matching.to_lowercase();
    let names: Vec<String> = plan.quantity_names().into_iter().filter(|name| name.contains(&wanted)).collect();
    if args.json {
        output::json(&names);
    } else {
        output::print(&names.iter().map(|name| format!("{name}\n")).collect::<String>());
    }
    Exit::Passed
}
