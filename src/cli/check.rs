//! `phasorbench check FILE…`: everything that is wrong with feeders, scenarios and device descriptions, without running them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use phasorbench::link::description;
use phasorbench::link::driver::Prepared;
use phasorbench::{bench, feeder, scenario};

use crate::terminal::terminal;
use crate::{Exit, input, output};

/// Read files and report everything that is wrong with them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench check demo.yaml
  phasorbench check feeders/*.yaml scenarios/*.yaml --quiet")]
pub struct Args {
    /// Feeder or scenario files, or descriptions of devices.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let sound = |file: &PathBuf| match input::is_scenario(file) {
        true => check_scenario(file),
        false if input::is_device(file) => check_device(file),
        false => check_feeder(file),
    };
    // Every file is looked at, whatever was found before.
    let all_sound = args.files.iter().map(sound).fold(true, |all, sound| all & sound);
    if all_sound { Exit::Passed } else { Exit::BadInput }
}

/// What is sound is not worth a word with `--quiet`.
fn say(text: &str) {
    if !terminal().quiet {
        output::print(text);
    }
}

fn check_feeder(file: &Path) -> bool {
    let reading = feeder::read(file);
    input::report(&reading.diagnostics, &reading.sources);
    if let Some(feeder) = &reading.feeder {
        say(&format!("{}: feeder \"{}\" is sound\n", file.display(), feeder.feeder));
    }
    reading.feeder.is_some()
}

fn check_device(file: &Path) -> bool {
    let reading = description::read(file);
    input::report(&reading.diagnostics, &reading.sources);
    let Some(own) = reading.description else { return false };
    // What it refers to is a part of it: a DBC file.
    let (count, own) = (own.points.len(), Arc::new(own));
    match Prepared::new(&own) {
        Ok(_) => say(&format!("{}: device \"{}\" is sound: {count} points\n", file.display(), own.name)),
        Err(error) => {
            input::complain("E0410", format!("{}: {error}", file.display()), None);
            return false;
        }
    }
    true
}

fn check_scenario(file: &Path) -> bool {
    let reading = bench::examined(scenario::read(file));
    input::report(&reading.diagnostics, &reading.sources);
    if let Some(plan) = &reading.plan {
        let (steps, step_s) = (plan.last.0, plan.step.seconds());
        let text = format!("{}: scenario \"{}\" is sound: {steps} steps of {step_s} s", file.display(), plan.name);
        say(&format!("{text}\n"));
    }
    reading.plan.is_some()
}
