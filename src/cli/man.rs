//! `phasorbench man [COMMAND] [--out DIR]`: manual pages of the program and its commands.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use phasorbench::record::write_whole;

use crate::{Cli, Exit, input, output};

/// Print a manual page, or write all of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench man | man -l -
  phasorbench man run | man -l -
  phasorbench man --out ~/.local/share/man/man1")]
pub struct Args {
    /// The command whose page to print; the program's own when not given.
    #[arg(conflicts_with = "out")]
    command: Option<String>,
    /// Write the pages of the program and of all its commands into this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let program = Cli::command();
    if let Some(dir) = &args.out {
        return write(&program, dir);
    }
    let page = match &args.command {
        None => Some(rendered(program.clone())),
        Some(name) => pages(&program).into_iter().find(|(page, _)| *page == file_name(name)).map(|(_, text)| text),
    };
    match page {
        Some(text) => {
            output::print(&String::from_utf8_lossy(&text));
            Exit::Passed
        }
        None => {
            let known: Vec<String> = program.get_subcommands().map(|c| c.get_name().to_owned()).collect();
            let name = args.command.clone().unwrap_or_default();
            let nearest = phasorbench::diagnostic::nearest(&name, known.iter().map(String::as_str));
            let help = nearest.map(|n| format!("did you mean \"{n}\"?"));
            input::complain("E0406", format!("there is no command \"{name}\""), help)
        }
    }
}

fn write(program: &Command, dir: &Path) -> Exit {
    let all = pages(program);
    let written = std::fs::create_dir_all(dir)
        .and_then(|()| all.iter().try_for_each(|(name, text)| write_whole(&dir.join(name), text)));
    match written {
        Ok(()) => {
            output::print(&format!("{} pages in {}\n", all.len(), dir.display()));
            Exit::Passed
        }
        Err(error) => input::complain("E0405", format!("cannot write to {}: {error}", dir.display()), None),
    }
}

/// File name and text of every page.
fn pages(program: &Command) -> Vec<(String, Vec<u8>)> {
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
    let of_command = |command: &Command| {
        let name = format!("phasorbench {}", command.get_name());
        let flags = program.get_arguments().filter(|arg| arg.is_global_set()).cloned();
        let page = command.clone().args(flags).bin_name(&name).display_name(name.replace(' ', "-"));
        (file_name(command.get_name()), rendered(page))
    };
    let own = ("phasorbench.1".to_owned(), rendered(program.clone()));
    std::iter::once(own).chain(commands.map(of_command)).collect()
}

fn file_name(command: &str) -> String {
    format!("phasorbench-{command}.1")
}

fn rendered(command: Command) -> Vec<u8> {
    let mut text = Vec::new();
    let version = command.get_version().unwrap_or(env!("CARGO_PKG_VERSION")).to_owned();
    let source = format!("PhasorBench {version}");
    // Writing into memory cannot fail.
    let _ = Man::new(command).manual("PhasorBench manual").source(source).date("").render(&mut text);
    text
}
