//! `phasorbench bundle DIR`: what a bug report needs, in one file: the results, the files that the run was made of, and what
//! this program and machine are.
//!
//! Inputs are taken as they are now; those that have changed since the run are named. Nothing outside the results and their
//! inputs goes in, and what is in is listed before it is sent anywhere.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use phasorbench::record::fnv1a_64;
use serde_json::{Value, json};
use tar::{Builder, Header};

use crate::{Exit, input, output};

/// Largest file that is taken in, in bytes.
const LARGEST: u64 = 2 << 30;
/// Mode of what is in the archive.
const MODE: u32 = 0o644;

/// Put the results of a run, its inputs and what this machine is into one file for a bug report.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench bundle results/demo/run-001
  phasorbench bundle results/demo/run-001 --out lost-inverter.tar.gz")]
pub struct Args {
    /// The directory with the results.
    dir: PathBuf,
    /// The file to write. Default: the directory's name with .tar.gz, in this directory.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let info = match read_info(&args.dir) {
        Ok(info) => info,
        Err(why) => {
            let help = Some("give the directory that `run` has written its results to".to_owned());
            return input::complain("E0413", format!("{}: {why}", args.dir.display()), help);
        }
    };
    let out = args.out.clone().unwrap_or_else(|| default_name(&args.dir, &info));
    if out.exists() {
        let help = Some("give another --out, or take it away".to_owned());
        return input::complain("E0413", format!("{} is there already", out.display()), help);
    }
    let partial = out.with_extension("partial");
    match write(&args.dir, &info, &partial).and_then(|list| std::fs::rename(&partial, &out).map(|()| list)) {
        Ok(list) => {
            let lines: String = list.iter().map(|line| format!("  {line}\n")).collect();
            output::print(&format!("{lines}{}\n", out.display()));
            Exit::Passed
        }
        Err(error) => {
            let _ = std::fs::remove_file(&partial);
            input::complain("E0413", format!("cannot write {}: {error}", out.display()), None);
            Exit::Internal
        }
    }
}

fn read_info(dir: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(dir.join("run.json")).map_err(|_| "there is no run.json".to_owned())?;
    serde_json::from_str(&text).map_err(|error| format!("its run.json cannot be read: {error}"))
}

fn default_name(dir: &Path, info: &Value) -> PathBuf {
    let scenario = info.get("scenario").and_then(Value::as_str).unwrap_or("run");
    let run = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    PathBuf::from(format!("{scenario}-{run}.tar.gz"))
}

/// Writes the archive; what is in it, line by line.
fn write(dir: &Path, info: &Value, to: &Path) -> io::Result<Vec<String>> {
    let mut archive =
        Archive { tar: Builder::new(GzEncoder::new(File::create(to)?, Compression::default())), list: Vec::new() };
    archive.text("machine.json", &serde_json::to_string_pretty(&machine()).unwrap_or_default())?;
    for path in files(dir)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        archive.file(&format!("results/{name}"), &path, "")?;
    }
    let inputs = info.get("inputs").and_then(Value::as_array).into_iter().flatten();
    for own in inputs {
        let Some(path) = own.get("path").and_then(Value::as_str) else { continue };
        let name = format!("inputs/{}", inside(path));
        let changed = match std::fs::read(path) {
            Ok(bytes) if own.get("fnv1a_64").and_then(Value::as_str) == Some(&format!("{:016x}", fnv1a_64(&bytes))) => {
                ""
            }
            Ok(_) => ", changed since the run",
            Err(_) => {
                archive.list.push(format!("{path} is not there any more"));
                continue;
            }
        };
        archive.file(&name, Path::new(path), changed)?;
    }
    archive.tar.into_inner()?.finish()?.flush()?;
    Ok(archive.list)
}

/// The files of a directory, by name; not those below.
fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.symlink_metadata()?.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A path that leads nowhere but into the archive.
fn inside(path: &str) -> String {
    let parts = path.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | "..") && !part.ends_with(':'));
    parts.collect::<Vec<_>>().join("/")
}

struct Archive<W: Write> {
    tar: Builder<W>,
    list: Vec<String>,
}

impl<W: Write> Archive<W> {
    fn file(&mut self, name: &str, path: &Path, note: &str) -> io::Result<()> {
        let length = std::fs::metadata(path)?.len();
        if length > LARGEST {
            self.list.push(format!("{name} is left out: {length} bytes"));
            return Ok(());
        }
        let mut header = header(length);
        self.tar.append_data(&mut header, name, File::open(path)?)?;
        self.list.push(format!("{name}, {length} bytes{note}"));
        Ok(())
    }

    fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        let length = text.len() as u64;
        self.tar.append_data(&mut header(length), name, text.as_bytes())?;
        self.list.push(format!("{name}, {length} bytes"));
        Ok(())
    }
}

fn header(length: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(length);
    header.set_mode(MODE);
    header
}

/// What this program and machine are.
fn machine() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let processor = read("/proc/cpuinfo").and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        line.split_once(':').map(|(_, name)| name.trim().to_owned())
    });
    json!({
        "phasorbench": env!("PHASORBENCH_LONG_VERSION"),
        "os": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "kernel": read("/proc/sys/kernel/osrelease"),
        "kernel_build": read("/proc/sys/kernel/version"),
        "clock": read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "processor": processor,
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_archive() {
        assert_eq!(inside("../../etc/passwd"), "etc/passwd");
        assert_eq!(inside("/home/me/./x.yaml"), "home/me/x.yaml");
        assert_eq!(inside("C:\\bench\\x.yaml"), "bench/x.yaml");
    }
}
