//! `phasorbench scan FEEDER --at BUS`: driving-point impedance against frequency, with its resonances.

use std::path::{Path, PathBuf};

use phasorbench::feeder::Terminal;
use phasorbench::record::write_whole;
use phasorbench::report::figure;
use phasorbench::solver::harmonic::HarmonicError;
use phasorbench::study::harmonics;
use phasorbench::study::pv::PvError;
use phasorbench::study::scan::{self, Answer, Question, ScanError};

use crate::harmonics::{LoadModel, Model, complaint as of_harmonics};
use crate::{Exit, input, output};

/// Impedance that a bus offers to an injected current against frequency, and its resonances.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench scan feeders/ieee13.yaml --at 671
  phasorbench scan feeders/ieee13.yaml --at 675 --from-hz 60 --to-hz 3000 --step-hz 2 --out results/scan675
  phasorbench scan feeders/ieee123.yaml --at 76.1 --model physical --json

All phases of the bus one by one, and their positive sequence; or the nodes that are written, as in 675.1.")]
pub struct Args {
    /// Feeder file (.yaml or OpenDSS .dss).
    feeder: PathBuf,
    /// Bus that is looked into: all its phases, or the nodes written as in 675.1.
    #[arg(long, value_name = "BUS[.N…]")]
    at: String,
    /// First frequency in Hz; a twelfth of the feeder's unless given.
    #[arg(long, value_name = "HZ", allow_hyphen_values = true)]
    from_hz: Option<f64>,
    /// Last frequency in Hz; 50 times the feeder's unless given.
    #[arg(long, value_name = "HZ", allow_hyphen_values = true)]
    to_hz: Option<f64>,
    /// Step in Hz; a twelfth of the feeder's unless given. Resonances narrower than a step can be missed.
    #[arg(long, value_name = "HZ", allow_hyphen_values = true)]
    step_hz: Option<f64>,
    /// How a load's power becomes an admittance.
    #[arg(long, value_enum, default_value_t = LoadModel::Feeder)]
    load_model: LoadModel,
    /// Loads have no admittance.
    #[arg(long)]
    neglect_loads: bool,
    /// How resistances follow frequency.
    #[arg(long, value_enum, default_value_t = Model::Opendss)]
    model: Model,
    /// Regulators and capacitors stay as they are.
    #[arg(long)]
    controls_off: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Draw the impedance.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write scan.json, scan.csv, scan.svg and report.html into a folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The JSON Schema of what the command prints with `--json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Answer).to_value()
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let answer = solve(args).and_then(|answer| write(args, &answer).map(|()| answer));
    output::answer(answer, args.json, Answer::text)
}

fn solve(args: &Args) -> Result<Answer, Exit> {
    let at: Terminal = args.at.parse().map_err(|error| input::complain("E0430", format!("{error}"), None))?;
    for (flag, value) in [("--from-hz", args.from_hz), ("--to-hz", args.to_hz), ("--step-hz", args.step_hz)] {
        if let Some(hz) = value.filter(|hz| !(*hz > 0.0 && hz.is_finite())) {
            return Err(range(format!("{flag} {hz}: a positive frequency is needed")));
        }
    }
    let feeder = input::feeder(&args.feeder)?;
    let settings = input::settings(&feeder, None)?;
    let network = harmonics::Question {
        load_admittance: args.load_model.into(),
        loads: if args.neglect_loads { harmonics::Loads::Neglected } else { harmonics::Loads::AsWritten },
        physical: matches!(args.model, Model::Physical),
        controls_off: args.controls_off,
        orders: None,
    };
    let question = Question { at, from_hz: args.from_hz, to_hz: args.to_hz, step_hz: args.step_hz, network };
    let stage = crate::terminal::terminal().stage("scan");
    let answer = scan::study(&feeder, &question, settings).map_err(complaint)?;
    stage.done(|| format!("{} impedances", answer.curves.len()));
    Ok(answer)
}

fn range(message: String) -> Exit {
    input::complain(
        "E0432",
        message,
        Some("write frequencies in Hz, as in --from-hz 60 --to-hz 3000 --step-hz 5".into()),
    )
}

fn complaint(error: ScanError) -> Exit {
    let message = error.to_string();
    match error {
        ScanError::Place(PvError::UnknownBus { nearest, .. }) => {
            input::complain("E0402", message, nearest.map(|name| format!("did you mean \"{name}\"?")))
        }
        ScanError::Place(PvError::UnknownNode { has, .. }) => {
            input::complain("E0402", message, Some(format!("it has {has}")))
        }
        ScanError::Place(_) => input::complain("E0430", message, None),
        ScanError::Flow(error) => of_harmonics(&error),
        ScanError::Harmonic(HarmonicError::Range { .. }) => range(message),
        ScanError::Harmonic(HarmonicError::Singular { .. }) => {
            eprintln!("error: {message}");
            Exit::Failed
        }
        ScanError::Harmonic(_) => input::complain("E0250", message, None),
    }
}

fn write(args: &Args, answer: &Answer) -> Result<(), Exit> {
    if let Some(path) = &args.svg {
        keep(path, figure::scan(answer).svg.as_bytes())?;
    }
    let Some(folder) = &args.out else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let json = serde_json::to_vec_pretty(answer).unwrap_or_default();
    keep(&folder.join("scan.json"), &json)?;
    keep(&folder.join("scan.csv"), answer.csv().as_bytes())?;
    crate::report::page(folder)
}

fn keep(path: &Path, bytes: &[u8]) -> Result<(), Exit> {
    write_whole(path, bytes).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Exit {
    let exit = input::complain("E0405", format!("{} cannot be written: {error}", path.display()), None);
    // A full disk is not the user's slip.
    if error.kind() == std::io::ErrorKind::StorageFull { Exit::Internal } else { exit }
}
