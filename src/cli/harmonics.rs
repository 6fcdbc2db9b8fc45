//! `phasorbench harmonics FILE`: harmonic voltages of a feeder or of a scenario, as a table or as JSON.

use std::path::PathBuf;

use phasorbench::bench::Bench;
use phasorbench::feeder::{LARGEST_ORDER, ORDER_TOLERANCE};
use phasorbench::scenario;
use phasorbench::solver::harmonic::LoadAdmittance;
use phasorbench::study::harmonics::{self, Answer, HarmonicsError, Loads, Question};

use crate::{Exit, input, output};

/// Nodes in the table unless all are asked for.
const NODES: usize = 20;
/// Most orders of one study.
const MOST_ORDERS: usize = 10_000;

/// Harmonic voltages: what the spectra of a feeder and its current sources cause, or a scenario's devices as well.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench harmonics IEEE13Nodeckt.dss
  phasorbench harmonics feeders/ieee13.yaml --json
  phasorbench harmonics feeders/ieee13.yaml --orders 5,7,11-13 --loads linear --model physical

  phasorbench harmonics scenarios/quality/thd_loop.yaml --at-s 60

Of a scenario, orders, loads and model are those of its `harmonics` section, at the end of the run unless --at-s says when.
Orders of a feeder are those of its spectra (or of its `solve: {orders: …}`, a script's `set harmonics`) unless given. Order 1 is
the power flow's.")]
pub struct Args {
    /// Feeder file (.yaml or OpenDSS .dss), or a scenario.
    #[arg(value_name = "FEEDER|SCENARIO")]
    file: PathBuf,
    /// Of a scenario: at this time in s since its start, on a step; at its end when not given.
    #[arg(long, value_name = "S")]
    at_s: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Orders, and ranges of whole ones: 5,7,2.5 or 2-50.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    orders: Option<String>,
    /// What loads do at orders other than 1: as the feeder says, emit nothing, or emit without an admittance.
    #[arg(long, value_enum, default_value_t = LoadMode::Feeder)]
    loads: LoadMode,
    /// How a load's power becomes an admittance at an order.
    #[arg(long, value_enum, default_value_t = LoadModel::Feeder)]
    load_model: LoadModel,
    /// How resistances follow frequency.
    #[arg(long, value_enum, default_value_t = Model::Opendss)]
    model: Model,
    /// Regulator and capacitor controls: the file's mode, else static.
    #[arg(long, value_enum)]
    controls: Option<Mode>,
    /// Every node in the table, not only those of the largest distortion.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LoadMode {
    /// As the feeder says.
    Feeder,
    /// They emit nothing; their admittance stays.
    Linear,
    /// They emit, but have no admittance (OpenDSS's neglectloady).
    Neglect,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum LoadModel {
    /// Partly series, partly parallel R-L by the feeder's own values, as OpenDSS.
    Feeder,
    /// R and L in parallel.
    Parallel,
    /// R and L in series.
    Series,
    /// CIGRÉ's model C.
    Cigre,
    /// R and L in parallel, with skin effect.
    Skin,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Model {
    /// OpenDSS's rules: constant resistances, an earth correction of lines.
    Opendss,
    /// Skin effect, Carson's earth return, eddy and stray losses of transformers.
    Physical,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Mode {
    Static,
    Off,
}

impl From<LoadModel> for LoadAdmittance {
    fn from(model: LoadModel) -> Self {
        match model {
            LoadModel::Feeder => Self::Feeder,
            LoadModel::Parallel => Self::Parallel,
            LoadModel::Series => Self::Series,
            LoadModel::Cigre => Self::CigreC,
            LoadModel::Skin => Self::Skin,
        }
    }
}

/// The JSON Schema of what the command prints with `--json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Answer).to_value()
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    match answer(args) {
        Ok((_, answer)) if args.json => output::json(&answer),
        Ok((name, answer)) => {
            output::print(&answer.text(&name, if args.all { usize::MAX } else { NODES }));
            if answer.orders.len() < 2 {
                eprintln!(
                    "note: nothing in this feeder emits: give its loads or sources a spectrum, or add a current source"
                );
            }
        }
        Err(exit) => return exit,
    }
    Exit::Passed
}

/// What is asked about, by name, and the answer.
fn answer(args: &Args) -> Result<(String, Answer), Exit> {
    if input::is_scenario(&args.file) {
        return of_scenario(args);
    }
    if args.at_s.is_some() {
        return Err(input::complain("E0242", "--at-s is about scenarios", Some("a feeder has no time".to_owned())));
    }
    let question = question(args)?;
    let feeder = input::feeder(&args.file)?;
    let settings = input::settings(&feeder, None)?;
    let stage = crate::terminal::terminal().stage("solve");
    let answer = harmonics::study(&feeder, &question, settings).map_err(|error| complaint(&error))?;
    stage.done(|| format!("{} orders at {} nodes", answer.orders.len(), answer.thd_percent.len()));
    Ok((feeder.feeder, answer))
}

/// Runs a scenario up to a time, and takes its harmonics from there.
fn of_scenario(args: &Args) -> Result<(String, Answer), Exit> {
    if args.orders.is_some() {
        let help = "the scenario says them: `harmonics: {orders: 25}` solves 2 to 25".to_owned();
        return Err(input::complain("E0242", "--orders is about feeders", Some(help)));
    }
    let reading = scenario::read(&args.file);
    input::report(&reading.diagnostics, &reading.sources);
    let mut plan = reading.plan.ok_or(Exit::BadInput)?;
    plan.harmonics.get_or_insert_default();
    let tick = match args.at_s {
        None => plan.last,
        Some(at_s) => plan.step.tick_at(at_s).filter(|tick| (1..=plan.last.0).contains(&tick.0)).ok_or_else(|| {
            let help = format!("steps of {} s, up to {} s", plan.step.seconds(), plan.step.time_s(plan.last));
            input::complain("E0242", format!("{at_s} s is no time of this scenario"), Some(help))
        })?,
    };
    let bench = Bench::new(&plan).map_err(|error| input::complain("E0250", error.to_string(), None))?;
    let stage = crate::terminal::terminal().stage("run");
    let plant = bench.plant_after(tick);
    stage.done(|| format!("{} steps", tick.0));
    let Some(study) = plant.harmonic_study() else {
        eprintln!("error: the harmonics of this scenario have no solution at {} s", plan.step.time_s(tick));
        return Err(Exit::Failed);
    };
    Ok((plan.name.clone(), Answer::new(plant.power_flow(), Some(study))))
}

fn question(args: &Args) -> Result<Question, Exit> {
    Ok(Question {
        orders: args.orders.as_deref().map(orders).transpose()?,
        loads: match args.loads {
            LoadMode::Feeder => Loads::AsWritten,
            LoadMode::Linear => Loads::Linear,
            LoadMode::Neglect => Loads::Neglected,
        },
        load_admittance: args.load_model.into(),
        physical: matches!(args.model, Model::Physical),
        controls_off: matches!(args.controls, Some(Mode::Off)),
    })
}

/// Says what is wrong, with the exit code that it means.
pub fn complaint(error: &HarmonicsError) -> Exit {
    let message = error.to_string();
    match error {
        HarmonicsError::Grid(_) => input::complain("E0250", message, None),
        HarmonicsError::Control(_) => input::complain("E0251", message, None),
        HarmonicsError::Harmonic(_) => input::complain("E0250", message, None),
        HarmonicsError::NotConverged { .. } | HarmonicsError::Singular { .. } => {
            eprintln!("error: {message}");
            Exit::Failed
        }
    }
}

/// Orders of a list like `5,7,11-13,2.5`.
fn orders(text: &str) -> Result<Vec<f64>, Exit> {
    let refuse = |part: &str| {
        let help = format!("orders are from {ORDER_TOLERANCE} to {LARGEST_ORDER}: write 5,7,2.5 or a range like 2-50");
        input::complain("E0242", format!("\"{part}\" is neither an order nor a range of orders"), Some(help))
    };
    let mut out = Vec::new();
    for part in text.split(',').map(str::trim) {
        let order = |text: &str| {
            text.trim().parse().ok().filter(|order: &f64| (ORDER_TOLERANCE..=LARGEST_ORDER).contains(order))
        };
        match (order(part), part.split_once('-')) {
            (Some(order), _) => out.push(order),
            (None, Some((from, to))) => match (order(from), order(to)) {
                (Some(from), Some(to)) if from <= to && from.fract() == 0.0 && to.fract() == 0.0 => {
                    out.extend(std::iter::successors(Some(from), |order| Some(order + 1.0)).take_while(|o| *o <= to));
                }
                _ => return Err(refuse(part)),
            },
            (None, None) => return Err(refuse(part)),
        }
        if out.len() > MOST_ORDERS {
            return Err(input::complain("E0240", format!("a study has {MOST_ORDERS} orders at most"), None));
        }
    }
    Ok(out)
}
