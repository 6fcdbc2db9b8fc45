//! `phasorbench run SCENARIO`: reads it, runs it, writes its results, says where.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::ProgressBar;
use phasorbench::bench::pace::{LoopTiming, Pacer, Pacing};
use phasorbench::bench::{self, Batch, Bench, GridPlant, Outcome, SetupError};
use phasorbench::link::capture::Capture;
use phasorbench::quantity::Tick;
use phasorbench::record::{Recorder, Table, TableError};
use phasorbench::report::{self, FinishedRun, Summary, Timing};
use phasorbench::scenario::{self, Override, Plan};
use phasorbench::study::pv::{RunCurvesError, of_run};
use phasorbench::study::verify;

use crate::stop::Operator;
use crate::terminal::terminal;
use crate::{Exit, input, output, pace};

/// Run a scenario and write its record, figures and report.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench run scenarios/ieee13_day.yaml
  phasorbench run demo.yaml --out results/tried --json
  phasorbench run demo.yaml --set load_multiplier=1.2 --set events.0.at_s=3600
  phasorbench run demo.yaml --pace real-time --overrun stop --real-time-priority
  phasorbench run demo.yaml --pace real-time --hil charger=hil/sunspec_inverter.yaml@tcp://192.0.2.10:502")]
pub struct Args {
    /// The scenario file.
    scenario: PathBuf,
    /// Directory for the results; must be new or empty. Default: results/<scenario>/run-<number>.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace a value of the scenario; may be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = input::setting)]
    settings: Vec<Override>,
    /// Print the directory and the summary as JSON.
    #[arg(long)]
    json: bool,
    /// Put a real device in the place of one of the scenario's, as in ev634=hil/sunspec_inverter.yaml@tcp://192.0.2.10:502;
    /// may be given several times.
    #[arg(long = "hil", value_name = "NAME=FILE@ADDRESS", value_parser = input::swap)]
    swaps: Vec<Vec<Override>>,
    /// Record every frame on the wire in wire.pcapng, which Wireshark opens; always done where a device is outside the bench.
    #[arg(long)]
    capture: bool,
    /// Stop a run that keeps pace, with all devices safe, once this file is there. At a terminal q, Space and Escape do too.
    #[arg(long, value_name = "FILE", requires = "pace")]
    stop_file: Option<PathBuf>,
    #[command(flatten)]
    time: pace::Time,
}

/// Name of the recording of what went over wires.
const WIRE: &str = "wire.pcapng";

/// Why a run came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("cannot use {0} for results: {1}")]
    Directory(PathBuf, io::Error),
    #[error("{0} holds other files already: give another --out")]
    NotEmpty(PathBuf),
    #[error("the feeder cannot be solved: {0}")]
    Setup(#[from] SetupError),
    #[error("no P–V curves can be had: {0}")]
    Curves(#[from] RunCurvesError),
    #[error("cannot write the results: {0}")]
    Write(#[from] io::Error),
    #[error("cannot read back the record: {0}")]
    Record(#[from] TableError),
    #[error("the run cannot begin: {0}")]
    Connect(io::Error),
    #[error("{0} is there already: it would stop the run at once")]
    Stopped(PathBuf),
}

impl RunError {
    /// How the command ends.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Directory(..)
            | Self::NotEmpty(_)
            | Self::Setup(_)
            | Self::Curves(_)
            | Self::Connect(_)
            | Self::Stopped(_) => Exit::BadInput,
            Self::Write(_) | Self::Record(_) => Exit::Internal,
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let started = Instant::now();
    if let Some(flag) = args.time.in_vain() {
        let help = Some("give a pace, as in --pace real-time".to_owned());
        return input::complain("E0402", format!("{flag} is of no use to a run in batch"), help);
    }
    let stage = terminal().stage("read");
    let changes: Vec<Override> = args.swaps.iter().flatten().chain(&args.settings).cloned().collect();
    let reading = bench::examined(scenario::read_with(&args.scenario, &changes));
    stage.done(|| match &reading.plan {
        Some(plan) => plan.inputs.iter().map(|input| input.path.display().to_string()).collect::<Vec<_>>().join(", "),
        None => args.scenario.display().to_string(),
    });
    input::report(&reading.diagnostics, &reading.sources);
    let Some(plan) = reading.plan else { return Exit::BadInput };
    if let Some(name) = plan.equipment.outside().filter(|_| !args.time.keeps_pace()) {
        let help = Some("run it with --pace real-time, or let it be emulated".to_owned());
        return input::complain(
            "E0409",
            format!("{name} is a real device, and a run in batch does not wait for it"),
            help,
        );
    }
    match execute(args, &plan, started) {
        Ok((dir, summary)) => {
            print(args, &dir, &summary);
            let whole = summary.stopped_at_s.is_none();
            if summary.hil.iter().any(|own| own.lost_at_end) {
                return Exit::LinkLost;
            }
            if whole && summary.expectations.iter().all(|verdict| verdict.passed) { Exit::Passed } else { Exit::Failed }
        }
        Err(error) => {
            input::complain("E0320", error.to_string(), None);
            error.exit()
        }
    }
}

fn execute(args: &Args, plan: &Plan, started: Instant) -> Result<(PathBuf, Summary), RunError> {
    let started_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let stage = terminal().stage("compile");
    let mut bench = Bench::new(plan)?;
    let flow = bench.plant().power_flow();
    stage.done(|| input::compiled(flow));
    if let Some(file) = args.stop_file.as_ref().filter(|file| file.exists()) {
        return Err(RunError::Stopped(file.clone()));
    }
    // What cannot be drawn is better known before a long run than after it.
    let curves = of_run(plan)?;
    let dir = directory(args.out.as_ref(), &plan.name)?;
    // Before there is a file: who sees one may ask the run to stop.
    let pacing = args.time.pacing(plan.step).map(|pacing| stop(plan).map(|stop| (pacing, stop))).transpose()?;
    let mut recorder = Recorder::create(&dir.join("series.csv"), bench.channels())?;
    let setup = started.elapsed();
    let bar = terminal().progress(plan.last.0, "steps", args.json);
    bar.set_message(plan.name.clone());
    let stage = terminal().stage("run");
    bench.record_devices();
    let capture = capture(args, plan, &dir)?;
    capture.iter().for_each(|own| bench.capture(own.clone()));
    if pacing.is_some() {
        bench.connect_devices().map_err(RunError::Connect)?;
    }
    let (mut outcome, kept) = match pacing {
        Some(pacing) => paced(args, bench, &mut recorder, &bar, pacing).map(|(outcome, kept)| (outcome, Some(kept)))?,
        None => (with_progress(bench, &mut recorder, &bar)?, None),
    };
    let series = recorder.finish()?;
    if let Some(capture) = capture {
        let stage = terminal().stage("wire");
        let said = captured(&capture, &dir)?;
        stage.done(|| said);
    }
    for own in &outcome.real {
        if let Some(arrivals) = &own.arrivals {
            phasorbench::record::write_whole(&dir.join(format!("hil-{}.csv", own.name)), arrivals.text().as_bytes())?;
        }
    }
    let run = started.elapsed().saturating_sub(setup);
    bar.finish_and_clear();
    stage.done(|| format!("{} steps, {} iterations", outcome.ticks, outcome.iterations));
    kept.iter().for_each(pace::say);
    // A part of a run is not held against the whole of another.
    let whole = outcome.ticks == plan.last.0;
    let baseline = whole.then(|| verify::baseline_of(Path::new("results/baseline"), &plan.name).ok()).flatten();
    verify::apply_baseline(plan, &mut outcome, baseline.as_ref());
    let stage = terminal().stage("report");
    let table = Table::read_csv(&series)?;
    let finished =
        FinishedRun { plan, outcome: &outcome, table: &table, curves: curves.as_ref(), timing: kept.as_ref() };
    let timing = Timing { started_unix_s, setup_s: setup.as_secs_f64(), run_s: run.as_secs_f64() };
    let summary = report::write(&dir, &finished, timing)?;
    stage.done(|| dir.display().to_string());
    Ok((dir, summary))
}

/// What records the wires of a run that has any; into a file that is not whole yet.
fn capture(args: &Args, plan: &Plan, dir: &Path) -> io::Result<Option<Capture>> {
    let asked = args.capture || plan.equipment.outside().is_some();
    if plan.equipment.seats.is_empty() || !asked {
        return Ok(None);
    }
    let file = std::fs::File::create(dir.join(WIRE).with_extension("partial"))?;
    Ok(Some(Capture::new(io::BufWriter::new(file))))
}

/// Ends a recording; what came of it, in words.
fn captured(capture: &Capture, dir: &Path) -> io::Result<String> {
    let partial = dir.join(WIRE).with_extension("partial");
    let Some(totals) = capture.end() else {
        std::fs::remove_file(&partial)?;
        return Ok("nothing was said".into());
    };
    if let Some(trouble) = &totals.trouble {
        input::complain("E0414", format!("{} is not whole: {trouble}", partial.display()), None);
        return Ok(format!("{} packets, then none", totals.written));
    }
    std::fs::rename(&partial, dir.join(WIRE))?;
    Ok(match totals.lost() {
        0 => format!("{} packets", totals.written),
        lost => format!("{} packets; {lost} were not recorded, the disk was too slow", totals.written),
    })
}

/// How the run is asked to stop.
fn stop(plan: &Plan) -> io::Result<pace::Stop> {
    if plan.equipment.outside().is_some() { pace::asked_to_stop_safely() } else { pace::asked_to_stop() }
}

fn with_progress(bench: Bench<'_, GridPlant>, recorder: &mut Recorder, bar: &ProgressBar) -> io::Result<Outcome> {
    // Asking the bar costs more than a step of a small feeder.
    const EVERY: u64 = 16;
    let mut progress = |tick: Tick| {
        if tick.0.is_multiple_of(EVERY) {
            bar.set_position(tick.0);
        }
    };
    bench.run(Some(recorder), &mut Batch, &mut progress)
}

/// A run by the clock.
fn paced(
    args: &Args,
    mut bench: Bench<'_, GridPlant>,
    recorder: &mut Recorder,
    bar: &ProgressBar,
    (pacing, stop): (Pacing, pace::Stop),
) -> io::Result<(Outcome, LoopTiming)> {
    bench.paced(Duration::from_nanos(pacing.due_ns(Tick(1))));
    let _operator = Operator::at(&stop, args.stop_file.clone())?;
    let run = |pacer: &mut dyn Pacer| bench.run(Some(recorder), pacer, &mut |_| {});
    let (outcome, timing) = pace::keep(pacing, args.time.wanted(), stop, bar, run);
    let outcome = outcome?;
    let late_answers = outcome.late.iter().cloned().collect();
    Ok((outcome, LoopTiming { late_answers, ..timing }))
}

/// The directory that was asked for, new or empty, or the next one under `results/` for something of this name.
pub fn directory(out: Option<&PathBuf>, name: &str) -> Result<PathBuf, RunError> {
    let Some(dir) = out else {
        let parent = Path::new("results").join(name);
        return report::next_run(&parent).map_err(|error| RunError::Directory(parent, error));
    };
    let failed = |error| RunError::Directory(dir.clone(), error);
    std::fs::create_dir_all(dir).map_err(failed)?;
    let mut entries = std::fs::read_dir(dir).map_err(failed)?;
    if entries.next().is_some() { Err(RunError::NotEmpty(dir.clone())) } else { Ok(dir.clone()) }
}

fn print(args: &Args, dir: &Path, summary: &Summary) {
    if args.json {
        output::json(&serde_json::json!({ "directory": dir, "summary": summary }));
    } else if terminal().quiet {
        eprint!("{}", failures(summary));
        output::print(&format!("{}\n", dir.display()));
    } else {
        output::print(&format!("{}{}\n", in_words(summary), dir.join("report.html").display()));
    }
}

/// The expectations that failed, each with its reason.
fn failures(summary: &Summary) -> String {
    let failed = summary.expectations.iter().filter(|verdict| !verdict.passed);
    failed.map(|verdict| format!("  FAILED   {}: {}\n", verdict.expectation, verdict.reason)).collect()
}

fn in_words(summary: &Summary) -> String {
    let solved = summary.steps - summary.solver.not_converged;
    let mut text = format!("{}: {solved} of {} steps solved", summary.scenario, summary.steps);
    if let Some(at_s) = summary.stopped_at_s {
        text += &format!("; stopped at {at_s} s, before its end");
    }
    if let (Some(first), Some(node)) = (summary.solver.first_not_converged_t_s, &summary.solver.worst_node) {
        text += &format!(" (the first without a solution at {first} s, worst at node {node})");
    }
    text.push('\n');
    for (name, extreme) in [("lowest", &summary.voltage.min), ("highest", &summary.voltage.max)] {
        if let Some(e) = extreme {
            text += &format!("  {name:8} {:.4} pu at {}, {} s after the start\n", e.v_pu, e.node, e.t_s);
        }
    }
    text += &failures(summary);
    let outside = summary.voltage.out_of_limits_percent;
    let [low, high] = summary.voltage.limits_pu;
    text += &format!("  {outside:.2} % of node voltages outside {low} to {high} pu\n");
    text
}
