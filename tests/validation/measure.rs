//! Solves one case and measures how far it is from its reference.

use std::fmt;

use phasorbench::feeder::{ControlMode, Feeder};
use phasorbench::quantity::{Complex, angle_deg, complex};
use phasorbench::solver::{Controls, Grid, Kind, Method, PowerFlow, Settings};

use super::case::{BankState, Case, Quantity, ReferenceResult};

/// The iteration's own error is kept below what is compared.
const SETTINGS: Settings = Settings { tolerance_pu: 1e-10, max_iterations: 1000, method: Method::Auto };

/// What came out of one case, from one file.
pub struct Measured {
    pub case: String,
    pub title: String,
    pub from: &'static str,
    pub nodes: usize,
    /// Worst error of each quantity, where, and what is allowed.
    pub errors: Vec<Worst>,
    /// What differs that has no size: taps, states, names, bases.
    pub differences: Vec<String>,
    xfail: Option<String>,
}

/// The worst error of one quantity.
pub struct Worst {
    pub quantity: Quantity,
    pub error: f64,
    pub at: String,
    pub allowed: f64,
}

impl Measured {
    pub fn agrees(&self) -> bool {
        self.differences.is_empty() && self.errors.iter().all(|worst| worst.error <= worst.allowed)
    }

    pub fn verdict(&self) -> &'static str {
        match (self.agrees(), &self.xfail) {
            (true, _) => "agrees",
            (false, Some(_)) => "known to differ",
            (false, None) => "DIFFERS",
        }
    }

    /// What is wrong, if it is not what was expected.
    pub fn unexpected(&self) -> Option<String> {
        match (&self.xfail, self.agrees()) {
            (None, false) => Some(format!("{self}")),
            (Some(why), true) => Some(format!("{} agrees now: take away its xfail ({why})", self.case)),
            _ => None,
        }
    }

    fn error(&mut self, quantity: Quantity, error: f64, at: impl Into<String>) {
        let Some(worst) = self.errors.iter_mut().find(|worst| worst.quantity == quantity) else {
            self.differences.push(format!("case.yaml has no tolerance for {}", quantity.name()));
            return;
        };
        // Written so that a NaN is an infinite error.
        let error = if error.is_nan() { f64::INFINITY } else { error };
        if error > worst.error {
            (worst.error, worst.at) = (error, at.into());
        }
    }

    fn differ(&mut self, what: String) {
        if self.differences.len() < 20 {
            self.differences.push(what);
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}: {}", self.case, self.from, self.verdict())?;
        for Worst { quantity, error, at, allowed } in &self.errors {
            let mark = if error <= allowed { "" } else { " (!)" };
            write!(f, "; {} {error:.2e} at {at}, allowed {allowed:.1e}{mark}", quantity.name())?;
        }
        self.differences.iter().try_for_each(|what| write!(f, "\n    {what}"))
    }
}

/// Solves a case with what was read from one of its files, and measures it.
pub fn measure(case: &Case, file: &str, feeder: Result<Feeder, String>) -> Measured {
    let worst = |(&quantity, &allowed)| Worst { quantity, error: 0.0, at: "-".into(), allowed };
    let mut measured = Measured {
        case: case.name.clone(),
        title: case.params.title.clone(),
        from: if file.ends_with(".yaml") { "yaml" } else { "dss" },
        nodes: 0,
        errors: case.params.tolerance.iter().map(worst).collect(),
        differences: Vec::new(),
        xfail: case.params.xfail.clone(),
    };
    let (mut flow, mut controls) = match feeder.and_then(compile) {
        Ok(compiled) => compiled,
        Err(why) => {
            measured.differ(why);
            return measured;
        }
    };
    measured.nodes = flow.grid().nodes.len();
    prepare(case, &mut flow, &controls, &mut measured);
    if case.reference.steps.is_empty() {
        solve(case.params.controls, 0.0, &mut flow, &mut controls, &mut measured);
        compare(&case.reference.result, &mut flow, &controls, "", &mut measured);
        compare_nodes(case, &flow, &mut measured);
    }
    for step in &case.reference.steps {
        for (name, [p_kw, q_kvar]) in case.reference.loads.iter().zip(&step.loads_kw_kvar) {
            match flow.grid().feeder.loads.get_index_of(name) {
                Some(load) => flow.set_power(load, p_kw * 1e3, q_kvar * 1e3),
                None => measured.differ(format!("no load {name}")),
            }
        }
        solve(case.params.controls, step.t_s, &mut flow, &mut controls, &mut measured);
        compare(&step.result, &mut flow, &controls, &format!(" at {} s", step.t_s), &mut measured);
    }
    measured
}

fn compile(feeder: Feeder) -> Result<(PowerFlow, Controls), String> {
    let flow = PowerFlow::new(Grid::compile(&feeder).map_err(|error| error.to_string())?, SETTINGS);
    let controls = Controls::new(&flow).map_err(|error| error.to_string())?;
    Ok((flow, controls))
}

fn prepare(case: &Case, flow: &mut PowerFlow, controls: &Controls, measured: &mut Measured) {
    for (name, &number) in &case.params.taps {
        match flow.grid().feeder.regulators.get_index_of(name) {
            Some(regulator) => controls.set_tap_number(flow, regulator, number),
            None => measured.differ(format!("no regulator {name}")),
        }
    }
    for (name, state) in &case.params.capacitors {
        match flow.grid().feeder.capacitors.get_index_of(name) {
            Some(bank) => {
                let closed = vec![matches!(state, BankState::Closed); flow.capacitor_steps(bank).len()];
                flow.set_capacitor(bank, &closed);
            }
            None => measured.differ(format!("no capacitor {name}")),
        }
    }
    for name in &case.params.open {
        match flow.grid().element(Kind::Line, name) {
            Some(line) => flow.set_in_service(line, false),
            None => measured.differ(format!("no line {name}")),
        }
    }
}

fn solve(mode: ControlMode, t_s: f64, flow: &mut PowerFlow, controls: &mut Controls, measured: &mut Measured) {
    let (solved, at_rest) = match mode {
        ControlMode::Off => (flow.solve(), true),
        ControlMode::Static => {
            let settled = controls.settle(flow);
            (settled.solved, settled.at_rest)
        }
        ControlMode::Time => (controls.step(t_s, flow).solved, true),
    };
    if !solved.converged() {
        measured.differ(format!("at {t_s} s: {:?} after {} solves", solved.status, solved.iterations));
    }
    if !at_rest {
        measured.differ(format!("at {t_s} s: controls do not rest"));
    }
}

fn compare(
    reference: &ReferenceResult,
    flow: &mut PowerFlow,
    controls: &Controls,
    when: &str,
    measured: &mut Measured,
) {
    let grid = flow.grid();
    for (name, &[re, im]) in &reference.voltages_v {
        let Some(node) = grid.node(name) else {
            measured.differ(format!("no node {name}"));
            continue;
        };
        let error = (flow.voltage(node) - complex(re, im)).norm() / grid.nodes[node.0 as usize].base_v;
        measured.error(Quantity::VoltagePu, error, format!("{name}{when}"));
    }
    for (name, &[pu, deg]) in &reference.voltages_pu_deg {
        let Some(node) = grid.node(name) else {
            measured.differ(format!("no node {name}"));
            continue;
        };
        let v = flow.voltage(node);
        let turned = (angle_deg(v) - deg + 540.0).rem_euclid(360.0) - 180.0;
        measured.error(Quantity::MagnitudePu, (v.norm() / grid.nodes[node.0 as usize].base_v - pu).abs(), name);
        measured.error(Quantity::AngleDeg, turned.abs(), name);
    }
    let mut power = |quantity, wanted: Option<[f64; 2]>, scale: f64, got: Complex| {
        if let Some([p, q]) = wanted {
            let wanted = complex(p, q) * scale;
            measured.error(quantity, (got - wanted).norm() / wanted.norm(), when.trim_start());
        }
    };
    power(Quantity::Source, reference.source_kva, 1e3, flow.source_power());
    power(Quantity::Losses, reference.losses_va, 1.0, flow.losses());
    compare_states(reference, flow, controls, when, measured);
}

fn compare_states(
    reference: &ReferenceResult,
    flow: &PowerFlow,
    controls: &Controls,
    when: &str,
    measured: &mut Measured,
) {
    let feeder = &flow.grid().feeder;
    for (name, &wanted) in &reference.taps {
        let got = feeder.regulators.get_index_of(name).map(|regulator| controls.tap_number(flow, regulator));
        if got != Some(wanted) {
            measured.differ(format!("tap of {name}{when}: {got:?}, reference {wanted}"));
        }
    }
    for (name, wanted) in &reference.capacitors {
        let bank = feeder.capacitors.get_index_of(name);
        let got: Option<Vec<u8>> =
            bank.map(|bank| flow.capacitor_steps(bank).iter().map(|&closed| u8::from(closed)).collect());
        if got.as_ref() != Some(wanted) {
            measured.differ(format!("capacitor {name}{when}: {got:?}, reference {wanted:?}"));
        }
    }
}

/// A reference with bases lists every bus and every node.
fn compare_nodes(case: &Case, flow: &PowerFlow, measured: &mut Measured) {
    if case.reference.bases_ln_kv.is_empty() {
        return;
    }
    let grid = flow.grid();
    for bus in &grid.buses {
        match case.reference.bases_ln_kv.get(&bus.name) {
            Some(kv) if (bus.base_v / (kv * 1e3) - 1.0).abs() < 1e-9 => {}
            wanted => measured.differ(format!("base of {}: {} V, reference {wanted:?} kV", bus.name, bus.base_v)),
        }
    }
    let voltages = &case.reference.result.voltages_v;
    for node in grid.nodes.iter().filter(|node| !voltages.contains_key(&node.name)) {
        measured.differ(format!("node {} is not in the reference", node.name));
    }
}
