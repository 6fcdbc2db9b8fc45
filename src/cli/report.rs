//! `phasorbench report DIR`: makes the page and figures of results again, from their files alone.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use phasorbench::report::{self, ReadError};

use crate::terminal::terminal;
use crate::{Exit, input, output};

/// Make report.html and the figures of results again, or an index of many.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench report results/ieee13_day/run-0001    the page of a run, from what lies in its directory
  phasorbench report results                        index.html: all results below, with verdicts")]
pub struct Args {
    /// Directories of results: of runs, contingencies, P–V curves, sweeps, or directories of such directories.
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let mut exit = Exit::Passed;
    for dir in &args.directories {
        let stage = terminal().stage("report");
        match report::rebuild(dir) {
            Ok(page) => {
                stage.done(|| dir.display().to_string());
                output::print(&format!("{}\n", page.display()));
            }
            Err(error) => {
                input::complain("E0407", error.to_string(), None);
                let failed = status(&error);
                // The first reason stands.
                exit = if exit == Exit::Passed { failed } else { exit };
            }
        }
    }
    exit
}

/// Makes the page of results that were just written.
pub fn page(dir: &Path) -> Result<(), Exit> {
    report::rebuild(dir).map(drop).map_err(|error| {
        input::complain("E0407", error.to_string(), None);
        status(&error)
    })
}

/// A directory that cannot be written to is the user's; a full disk is not.
fn status(error: &ReadError) -> Exit {
    match error {
        ReadError::Write(_, io) => match io.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Exit::BadInput,
            _ => Exit::Internal,
        },
        _ => Exit::BadInput,
    }
}
