//! `phasorbench completions SHELL`: what a shell needs to complete commands and options.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{Cli, Exit, output};

/// Print completions for a shell.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench completions bash > ~/.local/share/bash-completion/completions/phasorbench
  phasorbench completions zsh > ~/.zfunc/_phasorbench        (with fpath+=~/.zfunc before compinit in ~/.zshrc)
  phasorbench completions fish > ~/.config/fish/completions/phasorbench.fish")]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub fn run(args: Args) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "phasorbench", &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Exit::Passed
}
