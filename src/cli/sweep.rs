//! `phasorbench sweep SCENARIO --samples N`: Monte Carlo and grids over the scenario's `vary:`, to disk, resumable.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use phasorbench::bench;
use phasorbench::scenario::{Document, Override};
use phasorbench::study::sweep::{self, Directory, Identity, Shard, StoreError, Summary, Sweep, SweepError};

use crate::terminal::terminal;
use crate::{Exit, input, output, report};

/// Solve a scenario many times, with what its `vary:` varies drawn at random or taken from grids.
///
/// The same command goes on where a killed one was. Shards on several machines, then --merge, make the same bytes as one
/// run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    phasorbench sweep scenarios/ieee13_sweep.yaml --samples 10000\n  \
    phasorbench sweep s.yaml --samples 1000000 --shard 1/4 --out part1   (… 2/4, 3/4, 4/4)\n  \
    phasorbench sweep --merge part1 part2 part3 part4 --out whole")]
pub struct Args {
    /// The scenario file.
    #[arg(required_unless_present = "merge", conflicts_with = "merge")]
    scenario: Option<PathBuf>,
    /// Random draws (for each point of the grids, where there are grids, too).
    #[arg(long, value_name = "N")]
    samples: Option<u64>,
    /// Seed of all draws; the scenario's own when not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Replace a value of the scenario; may be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = input::setting, conflicts_with = "merge")]
    settings: Vec<Override>,
    /// Compute only the i-th of n parts, as in 2/4, and leave its blocks in the directory.
    #[arg(long, value_name = "I/N", value_parser = shard, conflicts_with = "merge")]
    shard: Option<Shard>,
    /// Directories of all shards, to be merged into --out.
    #[arg(long, value_name = "DIR", num_args = 1.., requires = "out")]
    merge: Vec<PathBuf>,
    /// Directory for the results: a new one, or that of the same sweep. Default: results/<scenario>/sweep-<hash>.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write samples.csv beside samples.parquet.
    #[arg(long)]
    csv: bool,
    /// Threads; as many as there are processors when not given.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Print a summary as JSON.
    #[arg(long)]
    json: bool,
}

fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse::<u64>().ok()?, n.parse::<u64>().ok()?)));
    match parts {
        Some((i, n)) if (1..=n).contains(&i) => Ok(Shard { index: i - 1, of: n }),
        _ => Err("write which part of how many, as in 2/4".to_owned()),
    }
}

/// What a command did.
struct Done {
    dir: PathBuf,
    summary: Summary,
    computed: u64,
    compute: Duration,
    gather: Duration,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let done = match &args.scenario {
        Some(path) => {
            let mut document = Document::open(path);
            args.settings.iter().for_each(|change| document.set(change));
            let reading = bench::examined(document.clone().plan());
            input::report(&reading.diagnostics, &reading.sources);
            let Some(plan) = reading.plan else { return Exit::BadInput };
            let seed = args.seed.unwrap_or(plan.seed);
            Sweep::new(&document, &plan, args.samples, seed).and_then(|sweep| compute(args, &sweep))
        }
        None => merge(args),
    };
    match done {
        Ok(done) => {
            let whole = args.shard.is_none_or(|shard| shard == Shard::WHOLE);
            if let Err(exit) = if whole { report::page(&done.dir) } else { Ok(()) } {
                return exit;
            }
            print(args, &done);
            let converged = done.summary.status.get("converged").copied();
            if converged == Some(done.summary.samples) { Exit::Passed } else { Exit::Failed }
        }
        Err(error) => complain(&error),
    }
}

fn complain(error: &SweepError) -> Exit {
    let (code, help, exit) = match error {
        SweepError::Design(_) => {
            let help =
                "give --samples N; a scenario says what varies as in vary: {load_multiplier: {uniform: [0.5, 1.2]}}";
            ("E0460", help, Exit::BadInput)
        }
        SweepError::Setup(_) => ("E0460", "", Exit::BadInput),
        SweepError::Store(StoreError::Busy(_)) => ("E0461", "wait for it, or give another --out", Exit::BadInput),
        SweepError::Store(StoreError::Foreign { .. }) => {
            ("E0461", "give another --out; to go on with that sweep, repeat its command", Exit::BadInput)
        }
        SweepError::Store(_) => ("E0461", "give another --out", Exit::BadInput),
        SweepError::NoCsv(_) => ("E0461", "read samples.parquet, or sweep again with another --out", Exit::BadInput),
        SweepError::Changed(_) => {
            ("E0461", "what was done before is kept, but belongs to the file as it was", Exit::BadInput)
        }
        SweepError::Missing { .. } => ("E0463", "run every shard to its end, and name all of them", Exit::BadInput),
        SweepError::Write(_) => {
            ("E0462", "what is done is kept: the same command goes on once there is room", Exit::Internal)
        }
    };
    input::complain(code, error.to_string(), Some(help.to_owned()).filter(|h| !h.is_empty()));
    exit
}

fn compute(args: &Args, sweep: &Sweep) -> Result<Done, SweepError> {
    let started = Instant::now();
    let identity = sweep.identity();
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let path = args.out.clone().unwrap_or_else(|| default_directory(identity, shard));
    let dir = Directory::open(&path, identity, shard)?;
    let done = |summary, computed, compute: Duration| Done {
        dir: path.clone(),
        summary,
        computed,
        compute,
        gather: started.elapsed().saturating_sub(compute),
    };
    if let Some(summary) = sweep::finished(&path, args.csv)? {
        // Made on opening; it goes if nothing is in it.
        let _ = std::fs::remove_dir(path.join("parts"));
        return Ok(done(summary, 0, Duration::ZERO));
    }
    let threads =
        args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let bar = progress_bar(args, identity, shard);
    let computed = sweep.run(&dir, shard, threads, &|n| bar.set_position(n))?;
    let compute = started.elapsed();
    bar.finish_and_clear();
    let summary = match shard {
        Shard::WHOLE => sweep::finish(&dir, identity, args.csv)?,
        _ => sweep::summary_of(&dir, identity, shard)?,
    };
    Ok(done(summary, computed, compute))
}

fn merge(args: &Args) -> Result<Done, SweepError> {
    let started = Instant::now();
    let dir = args.out.clone().unwrap_or_default();
    let summary = sweep::merge(&args.merge, &dir, args.csv)?;
    Ok(Done { dir, summary, computed: 0, compute: Duration::ZERO, gather: started.elapsed() })
}

fn default_directory(identity: &Identity, shard: Shard) -> PathBuf {
    let name = format!("sweep-{:08x}", identity.hash() >> 32);
    let part = if shard == Shard::WHOLE { String::new() } else { format!("-{}-of-{}", shard.index + 1, shard.of) };
    Path::new("results").join(&identity.scenario).join(name + &part)
}

fn progress_bar(args: &Args, identity: &Identity, shard: Shard) -> ProgressBar {
    let own = (0..identity.blocks()).filter(|block| shard.has(*block));
    let samples = own.map(|block| identity.rows(block) as u64).sum();
    let bar = terminal().progress(samples, "samples", args.json);
    bar.set_message(identity.scenario.clone());
    bar
}

fn print(args: &Args, done: &Done) {
    if args.json {
        output::json(&json(done));
    } else if terminal().quiet {
        output::print(&format!("{}\n", done.dir.display()));
    } else {
        output::print(&in_words(done));
    }
}

#[allow(clippy::cast_precision_loss, reason = "a rate")]
fn rate(done: &Done) -> Option<f64> {
    let seconds = (done.compute + done.gather).as_secs_f64();
    (done.computed > 0 && seconds > 0.0).then(|| done.computed as f64 / seconds)
}

fn json(done: &Done) -> serde_json::Value {
    serde_json::json!({
        "directory": done.dir,
        "samples": done.summary.samples,
        "converged": done.summary.status.get("converged"),
        "computed": done.computed,
        "compute_s": done.compute.as_secs_f64(),
        "gather_s": done.gather.as_secs_f64(),
        "samples_per_s": rate(done),
        "peak_memory_kib": peak_memory_kib(),
        "summary": done.summary,
    })
}

fn in_words(done: &Done) -> String {
    let s = &done.summary;
    let count = |status: &str| s.status.get(status).copied().unwrap_or(0);
    let mut text = format!("{}: {} of {} samples converged", s.scenario, count("converged"), s.samples);
    match count("refused") {
        0 => {}
        n => text += &format!(", {n} have values that the scenario cannot take"),
    }
    text.push('\n');
    for (name, column) in &s.columns {
        let p = |k: &str| column.percentiles.get(k).copied();
        if let (Some(p5), Some(p50), Some(p95)) = (p("p5"), p("p50"), p("p95")) {
            text += &format!("  {name:24} {p50:>12.5}   5 % {p5:>12.5}   95 % {p95:>12.5}\n");
        }
    }
    if let Some(rate) = rate(done) {
        text += &format!("  {rate:.0} samples per s\n");
    }
    text + &format!("{}\n", done.dir.display())
}

/// Most memory that the process has had resident, in KiB, where the system says so.
fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
