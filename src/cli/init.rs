//! `phasorbench init NAME`: a scenario to start from, with its feeder, that runs at once.

use std::path::{Path, PathBuf};

use phasorbench::record::write_whole;

use crate::terminal::terminal;
use crate::{Exit, input, output};

const FEEDER: &str = include_str!("../../feeders/ieee13.yaml");
const SCENARIO: &str = include_str!("starter.yaml");

/// Write a commented scenario to start from, and the feeder it runs on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench init demo           writes demo.yaml and demo_feeder.yaml (IEEE 13 nodes)
  phasorbench run demo.yaml       runs it")]
pub struct Args {
    /// Its name, or a path that ends in it.
    name: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let stem = if has_extension(&args.name) { args.name.with_extension("") } else { args.name.clone() };
    let name = stem.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let good = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.len() > 80 || name.starts_with(['.', '-']) || !name.chars().all(good) {
        let message = format!("{:?} cannot be a scenario's name", args.name.display().to_string());
        return input::complain("E0302", message, Some("use letters, digits, _ and -".into()));
    }
    let folder = stem.parent().map(Path::to_path_buf).unwrap_or_default();
    let feeder_name = format!("{name}_feeder.yaml");
    let (scenario, feeder) = (folder.join(format!("{name}.yaml")), folder.join(&feeder_name));
    for path in [&scenario, &feeder] {
        // A link that leads nowhere is there, too.
        if path.symlink_metadata().is_ok() {
            let message = format!("{} exists already and is left as it is", path.display());
            return input::complain("E0408", message, Some("give another name".into()));
        }
    }
    let text = SCENARIO.replace("{name}", &name).replace("{feeder}", &feeder_name);
    let written = create(&folder)
        .and_then(|()| write_whole(&feeder, feeder_text().as_bytes()))
        .and_then(|()| write_whole(&scenario, text.as_bytes()));
    match written {
        Ok(()) => {
            said(&scenario, &feeder);
            Exit::Passed
        }
        Err(error) => input::complain("E0405", format!("cannot write {}: {error}", scenario.display()), None),
    }
}

fn has_extension(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"))
}

fn create(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() { Ok(()) } else { std::fs::create_dir_all(folder) }
}

/// The feeder without the line that tells an editor where its schema lies: it does not, there.
fn feeder_text() -> String {
    FEEDER.lines().filter(|line| !line.starts_with("# yaml-language-server")).map(|line| format!("{line}\n")).collect()
}

fn said(scenario: &Path, feeder: &Path) {
    let (scenario, feeder) = (scenario.display(), feeder.display());
    if terminal().quiet {
        output::print(&format!("{scenario}\n"));
    } else {
        output::print(&format!(
            "{scenario}         what happens: read it, change it\n{feeder}  the IEEE 13-node feeder it runs on\n\n\
             Next:  phasorbench run {scenario}\n"
        ));
    }
}
