//! `phasorbench compare SCENARIO…`: runs scenarios of one case and says which controller does what.

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use phasorbench::bench::{Batch, Bench};
use phasorbench::record::{Recorder, Table, write_whole};
use phasorbench::report::{self, FinishedRun, Summary, Timing};
use phasorbench::scenario::{self, Plan};
use phasorbench::study::compare::{self, CompareError, Comparison, Judge, Row, Target, Totals};
use phasorbench::study::pv::of_run;
use phasorbench::study::verify;

use crate::run::RunError;
use crate::terminal::terminal;
use crate::{Exit, input, output};

/// Run several scenarios of one case and compare what their controllers do.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
All are judged alike: by the node and the targets of the first scenario with a phasor controller, whoever controls what.
Settled is within 0.001 pu and 0.05 degrees on all phases until the next disturbance. A run that does not settle is a
result: the exit code is 0.

Examples:
  phasorbench compare scenarios/phasor/ieee13_decoupled_pi.yaml scenarios/phasor/baseline_volt_var.yaml
  phasorbench compare scenarios/phasor/ieee13_*.yaml scenarios/phasor/baseline_*.yaml --out results/controllers
  phasorbench compare a.yaml b.yaml --quantity 634.1.v_pu=0.98,0.005 --json")]
pub struct Args {
    /// Scenario files of one case, and folders with such.
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// The scenario whose phasor controller tells node and targets: its name, or its file.
    #[arg(long, value_name = "SCENARIO", conflicts_with = "quantities")]
    target_of: Option<String>,
    /// Judge a quantity instead: its target, and the band within which it is settled; may be given several times.
    #[arg(long = "quantity", value_name = "NAME=TARGET,BAND", value_parser = quantity, allow_hyphen_values = true)]
    quantities: Vec<(String, f64, f64)>,
    /// Directory for the results; must be new or empty. Default: results/compare/run-<number>.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    match execute(args) {
        Ok(()) => Exit::Passed,
        Err(exit) => exit,
    }
}

fn execute(args: &Args) -> Result<(), Exit> {
    let mut plans = plans(args)?;
    let leader = leader(args, &plans)?;
    for plan in &plans {
        compare::same_case(&plans[0], plan).map_err(|error| refused(&error))?;
    }
    // What all are judged by is recorded in each of them.
    let needed = match leader {
        Some(k) => phasor(&plans[k]).map(|own| Target::of(&plans[k], own).quantities()).unwrap_or_default(),
        None => args.quantities.iter().map(|(name, ..)| name.clone()).collect(),
    };
    for plan in &mut plans {
        if let Some(quantity) = needed.iter().find(|name| !plan.record(name)) {
            let missing = CompareError::Missing { scenario: plan.name.clone(), quantity: quantity.clone() };
            return Err(refused(&missing));
        }
        for name in compare::effort_quantities(plan) {
            plan.record(&name);
        }
    }
    let dir = crate::run::directory(args.out.as_ref(), "compare").map_err(|error| failed(&error))?;
    let (all, warnings) = compared(args, &plans, leader, &dir)?;
    write(&dir, &all)?;
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    if args.json {
        output::json(&all);
    } else if terminal().quiet {
        output::print(&format!("{}\n", dir.display()));
    } else {
        output::print(&format!("{}{}\n", table(&all), dir.join("report.html").display()));
    }
    Ok(())
}

fn failed(error: &RunError) -> Exit {
    input::complain("E0320", error.to_string(), None);
    error.exit()
}

fn refused(error: &CompareError) -> Exit {
    let help = match error {
        CompareError::OtherCase(..) => "give scenarios that extend one base: only their controllers may differ",
        CompareError::Missing { .. } => "`phasorbench quantities SCENARIO` lists what there is",
    };
    input::complain("E0480", error.to_string(), Some(help.to_owned()))
}

/// The plans of all scenarios; names are folders, so that each is there once.
fn plans(args: &Args) -> Result<Vec<Plan>, Exit> {
    let found =
        verify::find(&args.scenarios).map_err(|error| input::complain("E0440", error.to_string(), None))?.scenarios;
    if let Some((first, second, name)) = verify::same_name(&found) {
        let message = format!("{} and {} are both called {name:?}", first.display(), second.display());
        return Err(input::complain("E0441", message, Some("their results would go to one folder".into())));
    }
    let stage = terminal().stage("read");
    let mut plans = Vec::new();
    for path in &found {
        let reading = scenario::read(path);
        input::report(&reading.diagnostics, &reading.sources);
        plans.extend(reading.plan);
    }
    stage.done(|| format!("{} scenarios", plans.len()));
    if plans.len() == found.len() { Ok(plans) } else { Err(Exit::BadInput) }
}

fn phasor(plan: &Plan) -> Option<&scenario::Phasor> {
    plan.equipment.phasors.first()
}

/// The place of the scenario whose controller tells node and targets; `None` when quantities are judged.
fn leader(args: &Args, plans: &[Plan]) -> Result<Option<usize>, Exit> {
    if !args.quantities.is_empty() {
        return Ok(None);
    }
    let with_one = |k: &usize| phasor(&plans[*k]).is_some();
    let Some(name) = &args.target_of else {
        return (0..plans.len()).find(with_one).map(Some).ok_or_else(|| {
            let help = "add one that has, or say what is judged with --quantity NAME=TARGET,BAND";
            input::complain("E0481", "none of the scenarios has a phasor controller", Some(help.into()))
        });
    };
    let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let named = |own: &Plan| own.name == *name || Some(&own.name) == stem.as_ref();
    match plans.iter().position(named) {
        Some(k) if with_one(&k) => Ok(Some(k)),
        Some(_) => Err(input::complain("E0481", format!("{name:?} has no phasor controller"), None)),
        None => {
            let nearest = phasorbench::diagnostic::nearest(name, plans.iter().map(|plan| plan.name.as_str()));
            let help = nearest.map(|near| format!("did you mean {near:?}?"));
            Err(input::complain("E0481", format!("{name:?} is none of the scenarios"), help))
        }
    }
}

/// Runs all, the one with the targets first; rows are in the order given. What went amiss is told beside.
fn compared(args: &Args, plans: &[Plan], leader: Option<usize>, dir: &Path) -> Result<(Comparison, Vec<String>), Exit> {
    let disturbances = compare::disturbances(plans);
    let bar = terminal().progress(plans.len() as u64, "runs", args.json);
    let mut first = None;
    let mut judge = Judge::Quantities(args.quantities.clone());
    if let Some((plan, own)) = leader.and_then(|k| Some((&plans[k], phasor(&plans[k])?))) {
        bar.set_message(plan.name.clone());
        let done = finished(plan, &dir.join(&plan.name)).map_err(|error| failed(&error))?;
        judge = Judge::Phasor(Target::read(plan, own, &done.1).map_err(|error| refused(&error))?);
        first = Some(done);
    }
    let (mut rows, mut warnings) = (Vec::new(), Vec::new());
    for (k, plan) in plans.iter().enumerate() {
        bar.set_message(plan.name.clone());
        let (summary, table) = match first.take_if(|_| leader == Some(k)) {
            Some(done) => done,
            None => finished(plan, &dir.join(&plan.name)).map_err(|error| failed(&error))?,
        };
        rows.push(
            compare::row(plan, &table, &judge, &disturbances, totals(&summary)).map_err(|error| refused(&error))?,
        );
        let amiss = summary.expectations.iter().filter(|verdict| !verdict.passed).count();
        if amiss > 0 {
            warnings.push(format!("{}: {amiss} expectations do not hold", plan.name));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let target = match &judge {
        Judge::Phasor(target) => Some(target.of.clone()),
        Judge::Quantities(_) => None,
    };
    let all = Comparison {
        format: compare::FORMAT,
        feeder: plans[0].feeder.feeder.clone(),
        duration_s: plans[0].step.time_s(plans[0].last),
        step_s: plans[0].step.seconds(),
        target,
        measures: judge.measures(),
        disturbances,
        rows,
    };
    Ok((all, warnings))
}

/// Runs a plan into a directory, with a report of its own.
fn finished(plan: &Plan, dir: &Path) -> Result<(Summary, Table), RunError> {
    let started = Instant::now();
    let started_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let curves = of_run(plan)?;
    let bench = Bench::new(plan)?;
    std::fs::create_dir_all(dir)?;
    let mut recorder = Recorder::create(&dir.join("series.csv"), bench.channels())?;
    let setup = started.elapsed();
    let outcome = bench.run(Some(&mut recorder), &mut Batch, &mut |_| {})?;
    let table = Table::read_csv(&recorder.finish()?)?;
    let run_s = started.elapsed().saturating_sub(setup).as_secs_f64();
    let timing = Timing { started_unix_s, setup_s: setup.as_secs_f64(), run_s };
    let run = FinishedRun { plan, outcome: &outcome, table: &table, curves: curves.as_ref(), timing: None };
    let summary = report::write(dir, &run, timing)?;
    Ok((summary, table))
}

fn totals(summary: &Summary) -> Totals {
    Totals {
        losses_kwh: summary.losses.energy_kwh,
        tap_operations: summary.regulators.values().map(|own| own.operations).sum(),
        v_min_pu: summary.voltage.min.as_ref().map(|extreme| extreme.v_pu),
        v_max_pu: summary.voltage.max.as_ref().map(|extreme| extreme.v_pu),
        not_converged: summary.solver.not_converged,
    }
}

fn write(dir: &Path, all: &Comparison) -> Result<(), Exit> {
    let mut json = serde_json::to_vec_pretty(all).unwrap_or_default();
    json.push(b'\n');
    let path = dir.join("compare.json");
    write_whole(&path, &json).map_err(|error| {
        input::complain("E0405", format!("cannot write {}: {error}", path.display()), None);
        Exit::Internal
    })?;
    crate::report::page(dir)
}

/// The rows as a text.
fn table(all: &Comparison) -> String {
    let width = all.rows.iter().map(|row| row.scenario.chars().count()).max().unwrap_or(0).max(8);
    let heads =
        ["settled s", "overshoot %", "effort kVAh", "peak kVA", "losses kWh", "taps", "lowest pu", "saturated s"];
    let mut text = format!("{:width$}", "scenario");
    heads.iter().for_each(|head| text += &format!("  {head:>11}"));
    text.push('\n');
    for row in &all.rows {
        text += &format!("{:width$}", row.scenario);
        cells(row).iter().for_each(|cell| text += &format!("  {cell:>11}"));
        text.push('\n');
    }
    text
}

fn cells(row: &Row) -> [String; 8] {
    let number = |x: Option<f64>, decimals: usize| x.map_or("-".to_owned(), |x| format!("{x:.decimals$}"));
    let overshoot: Vec<String> = row.overshoot_percent.iter().map(|x| number(*x, 0)).collect();
    [
        row.settling_s.map_or("not".to_owned(), |s| format!("{s:.1}")),
        overshoot.join("/"),
        number(Some(row.effort_kvah), 2),
        number(Some(row.peak_kva), 0),
        number(Some(row.losses_kwh), 3),
        row.tap_operations.to_string(),
        number(row.v_min_pu, 4),
        number(row.saturated_s, 1),
    ]
}

fn quantity(text: &str) -> Result<(String, f64, f64), String> {
    let parts = text.split_once('=').and_then(|(name, rest)| {
        let (target, band) = rest.split_once(',')?;
        Some((name.trim().to_lowercase(), target.trim().parse().ok()?, band.trim().parse().ok()?))
    });
    let sound = |(name, target, band): &(String, f64, f64)| !name.is_empty() && target.is_finite() && *band > 0.0;
    parts.filter(sound).ok_or_else(|| "write NAME=TARGET,BAND, as in 634.1.v_pu=0.98,0.005".to_owned())
}
