//! `phasorbench pv FEEDER --at BUS`: P–V and Q–V curves past the nose, before and after a loss.

use std::path::{Path, PathBuf};

use phasorbench::feeder::{ControlMode, Terminal};
use phasorbench::record::write_whole;
use phasorbench::report::figure;
use phasorbench::study::pv::{self, Answer, PvError, Question, Vary};

use crate::{Exit, input, output};

/// P–V and Q–V curves of a bus, to the nose and past it, before and after the loss of lines or transformers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench pv feeders/parallel_lines.yaml --at receiving --outage line2 --svg figure5.svg
  phasorbench pv feeders/ieee13.yaml --at 671 --pf 0.95 --qv --out results/pv671
  phasorbench pv feeders/ieee123.yaml --at 114.1 --vary feeder --constant-power --json

The curve begins without the load that varies and goes through the present load to the nose and down the lower branch.
Taps and capacitors come to rest at the present load and stay there, also after the loss.")]
pub struct Args {
    /// Feeder file (.yaml or OpenDSS .dss).
    feeder: PathBuf,
    /// Bus that the curve is of: all its phases, or the nodes written as in 675.1 or 645.2.3.
    #[arg(long, value_name = "BUS[.N…]")]
    at: String,
    /// What varies: a load of constant power added at the bus, the loads at the bus, or all loads of the feeder.
    #[arg(long, value_enum, default_value_t = Varies::Added)]
    vary: Varies,
    /// Lagging power factor of what varies (added: 1 unless given; loads that are there: their own unless given).
    #[arg(long, value_name = "PF", allow_hyphen_values = true, conflicts_with = "q_kvar_per_kw")]
    pf: Option<f64>,
    /// Reactive power per active power of what varies; negative is leading.
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    q_kvar_per_kw: Option<f64>,
    /// Every load of the feeder draws constant power at every voltage: no voltage bands, no other models.
    #[arg(long)]
    constant_power: bool,
    /// A line or transformer that is lost; several are lost together (line.NAME or transformer.NAME where both have it).
    #[arg(long, value_name = "ELEMENT")]
    outage: Vec<String>,
    /// Reactive injection against voltage as well.
    #[arg(long)]
    qv: bool,
    /// Share of the nose's power at which the lower branch ends.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, allow_hyphen_values = true)]
    down_to: f64,
    /// Regulator and capacitor controls at the present load: the file's mode, else static.
    #[arg(long, value_enum)]
    controls: Option<Mode>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Write every point as comma-separated values.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Draw the P–V curves.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write pv.json, pv.csv, pv.svg and, with --qv, qv.svg into a folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Varies {
    /// A load of constant power added at the bus.
    Added,
    /// The loads at the bus.
    Bus,
    /// All loads of the feeder that follow its load multiplier.
    Feeder,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Mode {
    Static,
    Off,
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
    let q_per_p = q_per_p(args)?;
    if !(0.0..=0.95).contains(&args.down_to) {
        let help = Some("write a share of the nose's power from 0 to 0.95".into());
        return Err(input::complain("E0431", format!("the curve cannot end at {} of the nose", args.down_to), help));
    }
    let at: Terminal = args.at.parse().map_err(|error| input::complain("E0430", format!("{error}"), None))?;
    let feeder = input::feeder(&args.feeder)?;
    let settings = input::settings(&feeder, None)?;
    let controls = match args.controls {
        Some(Mode::Off) => false,
        Some(Mode::Static) => true,
        None => feeder.solve.controls != Some(ControlMode::Off),
    };
    let vary = match args.vary {
        Varies::Added => Vary::Added,
        Varies::Bus => Vary::Bus,
        Varies::Feeder => Vary::Feeder,
    };
    let question = Question {
        at,
        vary,
        q_per_p,
        constant_power: args.constant_power,
        controls,
        outage: args.outage.clone(),
        down_to: args.down_to,
        qv: args.qv,
    };
    pv::study(&feeder, &question, settings).map_err(complaint)
}

fn q_per_p(args: &Args) -> Result<Option<f64>, Exit> {
    let refuse = |message: String, help: &str| Err(input::complain("E0431", message, Some(help.to_owned())));
    match (args.pf, args.q_kvar_per_kw) {
        (Some(pf), _) if pf > 0.0 && pf <= 1.0 => Ok(Some((1.0 - pf * pf).sqrt() / pf)),
        (Some(pf), _) => {
            let help = "it is above 0 and at most 1, lagging; write a leading one as --q-kvar-per-kw -0.3";
            refuse(format!("{pf} is not a power factor"), help)
        }
        (None, Some(q)) if !q.is_finite() => refuse(format!("{q} kvar per kW is not a number"), "write a number"),
        (None, q) => Ok(q),
    }
}

/// Says what is wrong, with the exit code that it means.
fn complaint(error: PvError) -> Exit {
    let message = error.to_string();
    let nearest = |name: Option<String>| name.map(|n| format!("did you mean \"{n}\"?"));
    match error {
        PvError::Grid(_) => input::complain("E0250", message, None),
        PvError::Control(_) => input::complain("E0251", message, None),
        PvError::UnknownBus { nearest: name, .. } | PvError::UnknownElement { nearest: name, .. } => {
            input::complain("E0402", message, nearest(name))
        }
        PvError::UnknownNode { has, .. } => input::complain("E0402", message, Some(format!("it has {has}"))),
        PvError::NoLoad(_) => {
            let help = "leave --vary out for a load added there, or write --vary feeder for all loads";
            input::complain("E0430", message, Some(help.into()))
        }
        PvError::Dead { .. } | PvError::Held(_) | PvError::NoLoads => input::complain("E0430", message, None),
        PvError::NotConverged { .. } | PvError::NoCurve(_) => {
            eprintln!("error: {message}");
            Exit::Failed
        }
    }
}

fn write(args: &Args, answer: &Answer) -> Result<(), Exit> {
    if let Some(path) = &args.csv {
        keep(path, answer.csv().as_bytes())?;
    }
    if let Some(path) = &args.svg {
        keep(path, figure::pv(answer).svg.as_bytes())?;
    }
    let Some(folder) = &args.out else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let json = serde_json::to_vec_pretty(answer).unwrap_or_default();
    keep(&folder.join("pv.json"), &json)?;
    keep(&folder.join("pv.csv"), answer.csv().as_bytes())?;
    for figure in std::iter::once(figure::pv(answer)).chain(figure::qv(answer)) {
        keep(&folder.join(format!("{}.svg", figure.name)), figure.svg.as_bytes())?;
    }
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
