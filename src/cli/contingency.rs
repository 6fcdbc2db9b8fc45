//! `phasorbench contingency FEEDER|SCENARIO`: loses every element in turn, or every two, and ranks what happens.

use std::path::{Path, PathBuf};
use std::time::Instant;

use phasorbench::feeder::Feeder;
use phasorbench::record::write_whole;
use phasorbench::scenario;
use phasorbench::solver::{Controls, PowerFlow};
use phasorbench::study::contingency::{
    self as study, Case, CaseError, Finding, Journal, JournalError, Loss, MOST_CASES, Only, Report, Screening,
};

use crate::contingency_table::table;
use crate::terminal::terminal;
use crate::{Exit, input, output};

/// Lose every element in turn (or every two) and rank what happens.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every line, switch, fuse, transformer, series reactor, capacitor, generator, PV system and storage in service is taken
out in turn, from the same operating point: a feeder as its file describes it, or a scenario at its first step.
Controls do not act; what is cut off is de-energised. Violations are results: the exit code is 0.

Examples:
  phasorbench contingency feeders/ieee123.yaml
  phasorbench contingency feeders/ieee13.yaml --only lines,transformer.reg* --all
  phasorbench contingency feeders/ieee123.yaml --n 2 --out results/n-2
  phasorbench contingency scenarios/ieee13_day.yaml --json")]
pub struct Args {
    /// Feeder (.yaml or OpenDSS .dss) or scenario file.
    #[arg(value_name = "FEEDER|SCENARIO")]
    file: PathBuf,
    /// Losses at once; 2 takes every pair of branches (or of what --only chooses).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    n: u8,
    /// What is lost: kinds (lines, switches, fuses, transformers, regulators, reactors, capacitors, generators, pv,
    /// storages, sources, banks) and names, with * and ?, separated by commas.
    #[arg(long, value_name = "WORDS", default_value = "")]
    only: String,
    /// Lowest and highest good voltage, per unit.
    #[arg(long, value_name = "LOW,HIGH", value_parser = limits, default_value = "0.95,1.05", allow_hyphen_values = true)]
    limits: [f64; 2],
    /// Let regulator and capacitor controls settle before the first loss.
    #[arg(long)]
    settle: bool,
    /// Most pairs that --n 2 may take.
    #[arg(long, value_name = "N", default_value_t = MOST_CASES)]
    max_cases: usize,
    /// Threads; as many as there are cores unless told otherwise. The results are the same bytes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Print all cases, not only the worst 20.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write the ranked cases into a CSV file.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write report.html, contingency.csv, .json and figures into a directory. Killed, the same command goes on where it was.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Solve every case once more, compiled and solved from nothing, and compare the voltages.
    #[arg(long, hide = true)]
    verify_scratch: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    match execute(args) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn execute(args: &Args) -> Result<Exit, Exit> {
    let Base { name, feeder, flow, started } = base(args)?;
    let screening = screening(args, flow)?;
    let threads = args.jobs.map_or_else(cores, usize::from);
    if args.verify_scratch {
        return crate::contingency_scratch::verify(&feeder, &screening, threads);
    }
    let (findings, journal) = found(args, &name, &screening, threads)?;
    let mut report = Report::new(&name, &screening, &findings);
    report.elapsed_ms = started.elapsed().as_secs_f64() * 1000.0;
    write(args, &report)?;
    // Until here no other run may write into the directory.
    drop(journal);
    if args.json {
        output::json(&report);
    } else if !terminal().quiet {
        output::print(&table(&report, args.all));
    }
    Ok(Exit::Passed)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// An operating point that is not solved yet, and when work on it began: reading files is not counted.
struct Base {
    name: String,
    feeder: Feeder,
    flow: PowerFlow,
    started: Instant,
}

fn base(args: &Args) -> Result<Base, Exit> {
    let failed = |error: &dyn std::fmt::Display| input::complain("E0250", error.to_string(), None);
    if input::is_scenario(&args.file) {
        let reading = scenario::read(&args.file);
        input::report(&reading.diagnostics, &reading.sources);
        let plan = reading.plan.ok_or(Exit::BadInput)?;
        let started = Instant::now();
        let flow = study::of_plan(&plan).map_err(|error| failed(&error))?;
        return Ok(Base { name: plan.name, feeder: plan.feeder, flow, started });
    }
    let feeder = input::feeder(&args.file)?;
    let started = Instant::now();
    let flow = study::of_feeder(&feeder).map_err(|error| failed(&error))?;
    Ok(Base { name: feeder.feeder.clone(), feeder, flow, started })
}

/// Solves the base and makes the cases.
fn screening(args: &Args, mut flow: PowerFlow) -> Result<Screening, Exit> {
    let mut at_rest = true;
    let solved = if args.settle {
        let mut controls = Controls::new(&flow).map_err(|error| input::complain("E0251", error.to_string(), None))?;
        let settled = controls.settle(&mut flow);
        at_rest = settled.at_rest;
        settled.solved
    } else {
        flow.solve()
    };
    if !solved.converged() || !at_rest {
        let at = solved.worst.map_or(String::new(), |node| format!("; node {} is worst", flow.grid().name(node)));
        let what = if solved.converged() { "its controls do not come to rest" } else { "it has no solution" };
        eprintln!("error: the base case cannot be screened: {what}{at}");
        return Err(Exit::Failed);
    }
    let losses = study::losses(&flow);
    let cases = cases(args, &losses)?;
    Ok(Screening::new(flow, solved, losses, cases, args.limits))
}

fn cases(args: &Args, losses: &[Loss]) -> Result<Vec<Case>, Exit> {
    let only = Only::new(&args.only);
    let mut chosen = only.choose(losses).map_err(|error| {
        let kinds: Vec<&str> = study::LossKind::ALL.iter().map(|(_, plural)| *plural).collect();
        let nearest = error.nearest.as_ref().map(|nearest| format!("did you mean \"{nearest}\"?"));
        let help = nearest.unwrap_or_else(|| format!("kinds are {}", kinds.join(", ")));
        input::complain("E0450", error.to_string(), Some(help))
    })?;
    if args.n == 2 && only.is_empty() {
        chosen.retain(|&k| losses[k].kind.is_branch());
    }
    let cases = if args.n == 2 { study::pairs(&chosen, args.max_cases) } else { study::singles(&chosen) };
    cases.map_err(|error| {
        let help = match error {
            CaseError::TooMany { cases, .. } => {
                format!("choose fewer with --only, or take them all with --max-cases {cases} (and --out, to resume)")
            }
            CaseError::None => "see --only; what is open already cannot be lost".to_owned(),
        };
        input::complain("E0451", error.to_string(), Some(help))
    })
}

type Found = (Vec<Finding>, Option<Journal>);

/// Solves what a journal does not have yet.
fn found(args: &Args, name: &str, screening: &Screening, threads: usize) -> Result<Found, Exit> {
    let total = screening.cases().len();
    let (mut journal, mut all) = match &args.out {
        None => (None, vec![None; total]),
        Some(dir) => {
            let (journal, all) = Journal::open(dir, screening.fingerprint(), total).map_err(|e| refused(&e))?;
            (Some(journal), all)
        }
    };
    let wanted: Vec<usize> = (0..total).filter(|&k| all[k].is_none()).collect();
    let bar = terminal().progress(total as u64, "cases", args.json);
    bar.set_message(name.to_owned());
    bar.set_position((total - wanted.len()) as u64);
    bar.reset_eta();
    screening
        .run(&wanted, threads, &mut |found| {
            found.iter().for_each(|&(k, finding)| all[k] = Some(finding));
            bar.inc(found.len() as u64);
            journal.as_mut().map_or(Ok(()), |journal| journal.append(found))
        })
        .map_err(|error| refused(&error))?;
    bar.finish_and_clear();
    Ok((all.into_iter().flatten().collect(), journal))
}

fn refused(error: &JournalError) -> Exit {
    let (code, exit, help) = match error {
        JournalError::Other(_) => {
            let help = "give another --out, or the command that it was begun with (remove the directory to start anew)";
            ("E0452", Exit::BadInput, Some(help))
        }
        JournalError::NotEmpty(..) => ("E0452", Exit::BadInput, Some("give another --out")),
        JournalError::Busy(_) => ("E0452", Exit::BadInput, Some("wait for it, or give another --out")),
        JournalError::Directory(..) => ("E0452", Exit::BadInput, None),
        JournalError::Write(..) => {
            ("E0405", Exit::Internal, Some("what is in the journal is not lost: the same command goes on"))
        }
    };
    input::complain(code, error.to_string(), help.map(str::to_owned));
    exit
}

/// Writes the files that were asked for, each whole or not at all.
fn write(args: &Args, report: &Report) -> Result<(), Exit> {
    let write = |path: &Path, bytes: &[u8], exit| {
        write_whole(path, bytes).map_err(|error| {
            input::complain("E0405", format!("cannot write {}: {error}", path.display()), None);
            exit
        })
    };
    if let Some(dir) = &args.out {
        let mut json = serde_json::to_vec_pretty(report).unwrap_or_default();
        json.push(b'\n');
        let svg = phasorbench::report::figure::contingency(report);
        write(&dir.join("contingency.csv"), report.csv().as_bytes(), Exit::Internal)?;
        write(&dir.join("contingency.svg"), svg.as_bytes(), Exit::Internal)?;
        write(&dir.join("contingency.json"), &json, Exit::Internal)?;
        crate::report::page(dir)?;
    }
    args.csv.as_ref().map_or(Ok(()), |path| write(path, report.csv().as_bytes(), Exit::BadInput))
}

fn limits(text: &str) -> Result<[f64; 2], String> {
    let pair = text.split_once(',').and_then(|(low, high)| Some([low.trim().parse().ok()?, high.trim().parse().ok()?]));
    match pair {
        Some([low, high]) if 0.0 <= low && low < high && high < f64::INFINITY => Ok([low, high]),
        Some(_) => Err("the lower limit must be below the upper one, neither negative".to_owned()),
        None => Err("write two numbers, as in 0.95,1.05".to_owned()),
    }
}
