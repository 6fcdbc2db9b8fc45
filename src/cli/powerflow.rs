//! `phasorbench powerflow FEEDER`: one power flow, as a table or as JSON.

use std::collections::BTreeSet;
use std::path::PathBuf;

use indexmap::IndexMap;
use phasorbench::feeder::{ControlMode, Feeder};
use phasorbench::quantity::{Complex, angle_deg};
use phasorbench::solver::{Controls, Kind, PowerFlow, Solved, Status};
use schemars::JsonSchema;
use serde::Serialize;

use crate::input::{self, assignment};
use crate::{Exit, output};

/// Solve one power flow of a feeder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench powerflow feeders/ieee13.yaml
  phasorbench powerflow feeders/ieee13.yaml --controls off --tap reg1=10 --tap reg2=8 --tap reg3=11 --json
  phasorbench powerflow IEEE13Nodeckt.dss --open 671692")]
pub struct Args {
    /// Feeder file (.yaml or OpenDSS .dss).
    feeder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Regulator and capacitor controls: the file's mode, else static.
    #[arg(long, value_enum)]
    controls: Option<Mode>,
    /// Put a regulator control to a tap, in steps from neutral.
    #[arg(long, value_name = "NAME=N", value_parser = assignment, allow_hyphen_values = true)]
    tap: Vec<(String, String)>,
    /// Open or close a capacitor bank.
    #[arg(long, value_name = "NAME=open|closed", value_parser = assignment)]
    capacitor: Vec<(String, String)>,
    /// Take a line out of service (both ends open).
    #[arg(long, value_name = "LINE")]
    open: Vec<String>,
    /// Promised complex voltage error, per unit of each node's base.
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    tolerance_pu: Option<f64>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Mode {
    Static,
    Off,
}

/// The result of one power flow.
#[derive(Debug, Serialize, JsonSchema)]
struct Report<'a> {
    /// Name of the feeder.
    feeder: &'a str,
    /// `converged`, `not_converged`, `singular` or `controls_not_at_rest`.
    status: &'static str,
    /// Linear solves spent.
    iterations: u32,
    /// Largest power mismatch of any node, per unit of 1 MVA.
    mismatch_pu: f64,
    /// Voltage of each node (`bus.number`) to ground.
    nodes: IndexMap<&'a str, NodeVoltage>,
    /// Power out of all sources.
    source: Power,
    /// Losses of lines, transformers and series reactors.
    losses: Power,
    /// Tap of each regulator control, in steps from neutral.
    taps: IndexMap<&'a str, i32>,
    /// State of each capacitor bank: `open`, `closed`, or how many of its steps are closed.
    capacitors: IndexMap<&'a str, String>,
    /// Nodes without a path to a source; they are at 0 V.
    de_energised: Vec<&'a str>,
    /// The node that keeps the solution from converging.
    #[serde(skip_serializing_if = "Option::is_none")]
    worst_node: Option<&'a str>,
}

/// A voltage to ground.
#[derive(Debug, Serialize, JsonSchema)]
struct NodeVoltage {
    /// Real part in V.
    re_v: f64,
    /// Imaginary part in V.
    im_v: f64,
    /// Magnitude per unit of the bus's base.
    magnitude_pu: f64,
    /// Angle in degrees.
    angle_deg: f64,
}

/// A complex power.
#[derive(Debug, Serialize, JsonSchema)]
struct Power {
    /// Active power in W.
    p_w: f64,
    /// Reactive power in var.
    q_var: f64,
}

/// The JSON Schema of what the command prints with `--json`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    match solve(args) {
        Ok((feeder, mut flow, controls, solved, at_rest)) => {
            let balance = (flow.mismatch_pu(), flow.source_power());
            let report = report(&feeder, &flow, &controls, (&solved, at_rest), balance);
            if args.json {
                output::json(&report);
            } else {
                output::print(&table(&feeder, &flow, &report));
            }
            if report.status == "converged" { Exit::Passed } else { failed(&report) }
        }
        Err(exit) => exit,
    }
}

fn failed(report: &Report) -> Exit {
    let at = report.worst_node.map_or(String::new(), |node| format!("; node {node} is worst"));
    eprintln!("error: {}: {} after {} solves{at}", report.feeder, report.status.replace('_', " "), report.iterations);
    Exit::Failed
}

type Solution = (Feeder, PowerFlow, Controls, Solved, bool);

fn solve(args: &Args) -> Result<Solution, Exit> {
    let feeder = input::feeder(&args.feeder)?;
    let settings = input::settings(&feeder, args.tolerance_pu)?;
    let mut flow = input::power_flow(&feeder, settings)?;
    let mut controls = Controls::new(&flow).map_err(|error| input::complain("E0251", error.to_string(), None))?;
    set_taps(args, &feeder, &mut flow, &controls)?;
    set_capacitors(args, &feeder, &mut flow)?;
    for name in args.open.iter().map(|n| n.to_lowercase()) {
        let line = flow.grid().element(Kind::Line, &name);
        flow.set_in_service(line.ok_or_else(|| input::unknown("line", &name, feeder.lines.keys()))?, false);
    }
    let mode = args.controls.map(|m| match m {
        Mode::Static => ControlMode::Static,
        Mode::Off => ControlMode::Off,
    });
    let stage = crate::terminal::terminal().stage("solve");
    let (solved, at_rest) = match mode.or(feeder.solve.controls).unwrap_or(ControlMode::Static) {
        ControlMode::Off => (flow.solve(), true),
        ControlMode::Static => {
            let settled = controls.settle(&mut flow);
            (settled.solved, settled.at_rest)
        }
        ControlMode::Time => {
            let settled = controls.step(0.0, &mut flow);
            (settled.solved, settled.at_rest)
        }
    };
    stage.done(|| format!("{}, {} iterations", input::method(&flow), solved.iterations));
    Ok((feeder, flow, controls, solved, at_rest))
}

fn set_taps(args: &Args, feeder: &Feeder, flow: &mut PowerFlow, controls: &Controls) -> Result<(), Exit> {
    for (name, value) in &args.tap {
        let Some(index) = feeder.regulators.get_index_of(name) else {
            return Err(input::unknown("regulator control", name, feeder.regulators.keys()));
        };
        let (lowest, highest) = controls.tap_range(flow, index);
        match value.parse::<i32>() {
            Ok(number) if (lowest..=highest).contains(&number) => controls.set_tap_number(flow, index, number),
            _ => {
                let help = format!("taps of \"{name}\" go from {lowest} to {highest}");
                return Err(input::complain("E0403", format!("tap {value} of \"{name}\" does not exist"), Some(help)));
            }
        }
    }
    Ok(())
}

fn set_capacitors(args: &Args, feeder: &Feeder, flow: &mut PowerFlow) -> Result<(), Exit> {
    for (name, value) in &args.capacitor {
        let Some(index) = feeder.capacitors.get_index_of(name) else {
            return Err(input::unknown("capacitor", name, feeder.capacitors.keys()));
        };
        let closed = match value.as_str() {
            "open" => false,
            "closed" => true,
            _ => {
                let help = Some("write NAME=open or NAME=closed".into());
                return Err(input::complain("E0404", format!("{value:?} is not a capacitor's state"), help));
            }
        };
        let steps = vec![closed; flow.capacitor_steps(index).len()];
        flow.set_capacitor(index, &steps);
    }
    Ok(())
}

fn report<'a>(
    feeder: &'a Feeder,
    flow: &'a PowerFlow,
    controls: &Controls,
    (solved, at_rest): (&Solved, bool),
    (mismatch_pu, source_va): (f64, Complex),
) -> Report<'a> {
    let grid = flow.grid();
    let power = |s: Complex| Power { p_w: s.re, q_var: s.im };
    let nodes = grid.listing.iter().map(|&id| {
        let v = flow.voltage(id);
        let magnitude_pu = v.norm() / grid.nodes[id.0 as usize].base_v;
        (grid.name(id), NodeVoltage { re_v: v.re, im_v: v.im, magnitude_pu, angle_deg: angle_deg(v) })
    });
    Report {
        feeder: &feeder.feeder,
        status: match solved.status {
            Status::Converged if !at_rest => "controls_not_at_rest",
            Status::Converged => "converged",
            Status::NotConverged => "not_converged",
            Status::Singular => "singular",
        },
        iterations: solved.iterations,
        mismatch_pu,
        nodes: nodes.collect(),
        source: power(source_va),
        losses: power(flow.losses()),
        taps: feeder.regulators.keys().enumerate().map(|(i, n)| (n.as_str(), controls.tap_number(flow, i))).collect(),
        capacitors: feeder
            .capacitors
            .keys()
            .enumerate()
            .map(|(i, n)| (n.as_str(), steps(flow.capacitor_steps(i))))
            .collect(),
        de_energised: flow.de_energised().map(|n| grid.name(n)).collect(),
        worst_node: solved.worst.map(|n| grid.name(n)),
    }
}

/// `open`, `closed`, or how many of several steps are closed.
fn steps(closed: &[bool]) -> String {
    match closed.iter().filter(|c| **c).count() {
        0 => "open".into(),
        n if n == closed.len() => "closed".into(),
        n => format!("{n} of {} closed", closed.len()),
    }
}

/// A table that a person likes to read: one line a bus, one column a node number.
fn table(feeder: &Feeder, flow: &PowerFlow, report: &Report) -> String {
    let (status, solves, mismatch) = (report.status, report.iterations, report.mismatch_pu);
    let head = format!("{}: {status}, {solves} solves, mismatch {mismatch:.1e} pu\n\n", feeder.feeder);
    head + &voltages(flow) + &summary(report)
}

fn voltages(flow: &PowerFlow) -> String {
    let grid = flow.grid();
    let numbers: BTreeSet<u16> = grid.nodes.iter().map(|n| n.number).collect();
    let widest = grid.buses.iter().map(|b| b.name.chars().count()).max().unwrap_or(3).max(3);
    let mut text = format!("{:widest$} {:>9}", "bus", "base kV");
    text.extend(numbers.iter().map(|n| format!("   {:>8} {:>8}", format!(".{n} pu"), "deg")));
    for bus in &grid.buses {
        text += &format!("\n{:widest$} {:>9.4}", bus.name, bus.base_v * 3f64.sqrt() / 1000.0);
        text.extend(numbers.iter().map(|number| {
            let node = bus.nodes.iter().find(|id| grid.nodes[id.0 as usize].number == *number);
            let v = node.map(|&id| flow.voltage(id));
            v.map_or(format!("   {:>8} {:>8}", "", ""), |v| {
                format!("   {:>8.5} {:>8.2}", v.norm() / bus.base_v, angle_deg(v))
            })
        }));
    }
    text + "\n"
}

fn summary(report: &Report) -> String {
    let kilo = |p: &Power| format!("{:>12.3} kW {:>12.3} kvar", p.p_w / 1e3, p.q_var / 1e3);
    let mut text = format!("\nsource {}\nlosses {}\n", kilo(&report.source), kilo(&report.losses));
    let mut line = |name: &str, items: Vec<String>| {
        if !items.is_empty() {
            text += &format!("{name} {}\n", items.join("  "));
        }
    };
    line("taps  ", report.taps.iter().map(|(n, t)| format!("{n}={t:+}")).collect());
    line("caps  ", report.capacitors.iter().map(|(n, s)| format!("{n}={s}")).collect());
    line("de-energised:", report.de_energised.iter().map(|n| (*n).to_owned()).collect());
    text
}
