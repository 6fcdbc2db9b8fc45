//! `phasorbench tune SCENARIO`: gains for its phasor controllers by each tuner, with their margins.

use std::path::PathBuf;

use phasorbench::bench;
use phasorbench::scenario::{self, Override};
use phasorbench::study::tune::{self, Answer, Question, TuneError};

use crate::{Exit, input, output};

/// Gains for a scenario's phasor controllers, with their margins of stability on its feeder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench tune scenarios/phasor/ieee13_pi.yaml
  phasorbench tune scenarios/phasor/ieee13_pi.yaml --method ziegler-nichols --json
  phasorbench tune mine.yaml --controller lpbc --set controllers.lpbc.delay_s=0.2

Each tuning ends with the line to paste into the scenario, unless it is unstable on the scenario's own feeder.")]
pub struct Args {
    /// The scenario file.
    scenario: PathBuf,
    /// The controller; all phasor controllers when not given.
    #[arg(long, value_name = "NAME")]
    controller: Option<String>,
    /// The tuner.
    #[arg(long, value_enum, default_value_t = Method::All)]
    method: Method,
    /// Replace a value of the scenario; may be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = input::setting)]
    settings: Vec<Override>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Method {
    /// The usual gains of the linear laws, by the sensitivity.
    Sensitivity,
    /// Ziegler and Nichols' rules, for the coupled loops.
    ZieglerNichols,
    /// A step experiment on the plant, and a search on the model that fits it.
    StepFit,
    /// All of them.
    All,
}

/// The JSON Schema of what the command prints with `--json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Answer).to_value()
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    output::answer(tuned(args), args.json, Answer::text)
}

fn tuned(args: &Args) -> Result<Answer, Exit> {
    let stage = crate::terminal::terminal().stage("read");
    let reading = bench::examined(scenario::read_with(&args.scenario, &args.settings));
    stage.done(|| args.scenario.display().to_string());
    input::report(&reading.diagnostics, &reading.sources);
    let plan = reading.plan.ok_or(Exit::BadInput)?;
    let method = match args.method {
        Method::Sensitivity => Some(tune::Method::Sensitivity),
        Method::ZieglerNichols => Some(tune::Method::ZieglerNichols),
        Method::StepFit => Some(tune::Method::StepFit),
        Method::All => None,
    };
    let question = Question { controller: args.controller.clone(), method };
    let stage = crate::terminal::terminal().stage("tune");
    let answer = tune::study(&plan, &question).map_err(|error| complaint(&error, &plan))?;
    stage.done(|| format!("{} controllers", answer.controllers.len()));
    Ok(answer)
}

fn complaint(error: &TuneError, plan: &scenario::Plan) -> Exit {
    let names = || plan.equipment.phasors.iter().map(|own| own.name.as_str());
    let help = match error {
        TuneError::Unknown(name) => match phasorbench::diagnostic::nearest(name, names()) {
            Some(near) => Some(format!("did you mean {near:?}?")),
            None => Some(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
        },
        TuneError::None => Some("give one, as in controllers: {lpbc: {law: pi, …}}".to_owned()),
        _ => None,
    };
    let code = if matches!(error, TuneError::Unknown(_) | TuneError::None) { "E0402" } else { "E0320" };
    input::complain(code, error.to_string(), help)
}
