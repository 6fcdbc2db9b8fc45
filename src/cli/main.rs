//! The `phasorbench` binary: opens files, prints, exits; one file per subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
