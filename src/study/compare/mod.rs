//! Several runs of one case, all judged alike: by the node and the targets of one of them.
//!
//! Whoever controls what, the error is that of the same node's phasor against the same targets, of the plant and free of
//! noise and delay. So a run without any phasor control has a number, too. Effort is what all devices exchange, phase by phase.
//! Definitions: `docs/models/phasor-compare.md`.

mod response;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use response::{Response, envelope, largest, response, row_at};

use crate::record::Table;
use crate::scenario::{Law, Phasor, Plan};

/// Version of `compare.json`.
pub const FORMAT: u32 = 1;
/// The tight band of magnitudes, per unit.
pub const BAND_V_PU: f64 = 0.001;
/// The tight band of angles in degrees.
pub const BAND_ANGLE_DEG: f64 = 0.05;
/// Most points of a curve.
const MOST_POINTS: usize = 900;

/// Runs of one case, judged alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Version of this file.
    pub format: u32,
    /// The feeder.
    pub feeder: String,
    /// Length of the runs in s.
    pub duration_s: f64,
    /// Length of a step in s.
    pub step_s: f64,
    /// Whose node and targets all are judged by; none when only quantities are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetOf>,
    /// What is judged.
    pub measures: Vec<Judged>,
    /// When something happens, in order of time.
    pub disturbances: Vec<Disturbance>,
    /// A row for each scenario, in the order given.
    pub rows: Vec<Row>,
}

/// Whose node and targets all are judged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetOf {
    /// The scenario.
    pub scenario: String,
    /// Its controller.
    pub controller: String,
    /// The node that it holds, phase by phase.
    pub performance: Vec<String>,
    /// The node relative to which.
    pub reference: Vec<String>,
}

/// Something that is judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// The unit of its error.
    pub unit: String,
    /// Within this it is settled.
    pub band: f64,
}

/// Something that happens, and the rest of its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Disturbance {
    /// When, in s since the start.
    pub at_s: f64,
    /// When the next one comes, or the end.
    pub until_s: f64,
    /// How much happens then, in words.
    pub label: String,
}

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The scenario.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Laws of its controllers, each once; empty without any.
    pub laws: Vec<String>,
    /// The response to each disturbance, of each thing that is judged.
    pub responses: Vec<Vec<Response>>,
    /// Longest settling of all in s; none when after some disturbance something does not settle.
    pub settling_s: Option<f64>,
    /// Largest overshoot of each thing that is judged, in percent.
    pub overshoot_percent: Vec<Option<f64>>,
    /// Apparent power of all devices, phase by phase, over time, in kVAh.
    pub effort_kvah: f64,
    /// Its largest sum in kVA.
    pub peak_kva: f64,
    /// Energy lost in lines and transformers in kWh.
    pub losses_kwh: f64,
    /// Taps moved by regulators.
    pub tap_operations: u64,
    /// Lowest voltage of all nodes, per unit.
    pub v_min_pu: Option<f64>,
    /// Highest voltage of all nodes, per unit.
    pub v_max_pu: Option<f64>,
    /// Time in s in which actuators got less than a phasor controller asked for; none without one.
    pub saturated_s: Option<f64>,
    /// Steps without a solution.
    pub not_converged: u64,
    /// Largest error over time: for each thing that is judged, pairs of time in s and error.
    pub curves: Vec<Vec<[f64; 2]>>,
}

/// What a run is judged by.
#[derive(Clone, Debug, PartialEq)]
pub enum Judge {
    /// The node and targets of a phasor controller.
    Phasor(Target),
    /// Quantities, each with its target and band.
    Quantities(Vec<(String, f64, f64)>),
}

/// Targets of a phasor controller over time, as its run recorded them.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Whose.
    pub of: TargetOf,
    /// Magnitude per unit of each phase, row by row.
    pub v_pu: Vec<Vec<f64>>,
    /// Angle in degrees of each phase, row by row.
    pub angle_deg: Vec<Vec<f64>>,
}

/// Why runs cannot be compared.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompareError {
    /// A scenario is of another case.
    #[error("{0:?} and {1:?} are not of one case: {2}")]
    OtherCase(String, String, &'static str),
    /// A run does not tell what is needed.
    #[error("the run of {scenario:?} has no quantity {quantity:?}")]
    Missing {
        /// The scenario.
        scenario: String,
        /// The quantity.
        quantity: String,
    },
}

/// Whether two plans are of one case: they can be judged row by row.
///
/// # Errors
/// When they are not.
pub fn same_case(first: &Plan, other: &Plan) -> Result<(), CompareError> {
    let differ = |why| Err(CompareError::OtherCase(first.name.clone(), other.name.clone(), why));
    if first.feeder.feeder != other.feeder.feeder {
        return differ("their feeders have different names");
    }
    if (first.step, first.last, first.watch.every) != (other.step, other.last, other.watch.every) {
        return differ("they differ in duration_s, step_s or outputs.every_s");
    }
    Ok(())
}

impl Target {
    /// Whose node a plan's controller holds.
    pub fn of(plan: &Plan, own: &Phasor) -> TargetOf {
        TargetOf {
            scenario: plan.name.clone(),
            controller: own.name.clone(),
            performance: plan.nodes_of(&own.performance),
            reference: plan.nodes_of(&own.reference),
        }
    }

    /// The targets of a controller from its run.
    ///
    /// # Errors
    /// When they are not recorded.
    pub fn read(plan: &Plan, own: &Phasor, table: &Table) -> Result<Self, CompareError> {
        let columns = |what: &str| -> Result<Vec<Vec<f64>>, CompareError> {
            let names = own.phases.iter().map(|phase| format!("{}.{phase}.{what}", own.name));
            names.map(|name| column(table, &plan.name, &name)).collect()
        };
        Ok(Self { of: Self::of(plan, own), v_pu: columns("target_v_pu")?, angle_deg: columns("target_angle_deg")? })
    }
}

impl TargetOf {
    /// Quantities that a run has to record to be judged.
    pub fn quantities(&self) -> Vec<String> {
        let angles = self.performance.iter().chain(&self.reference).map(|node| format!("{node}.angle_deg"));
        self.performance.iter().map(|node| format!("{node}.v_pu")).chain(angles).collect()
    }
}

impl Judge {
    /// What is judged.
    pub fn measures(&self) -> Vec<Judged> {
        let judged = |name: &str, unit: &str, band| Judged { name: name.to_owned(), unit: unit.to_owned(), band };
        match self {
            Self::Phasor(_) => vec![judged("magnitude", "pu", BAND_V_PU), judged("angle", "°", BAND_ANGLE_DEG)],
            Self::Quantities(all) => all.iter().map(|(name, _, band)| judged(name, unit(name), *band)).collect(),
        }
    }

    /// Signed errors of a run: for each thing that is judged, a column a phase.
    ///
    /// # Errors
    /// When something is not recorded.
    pub fn errors(&self, scenario: &str, table: &Table) -> Result<Vec<Vec<Vec<f64>>>, CompareError> {
        let column = |name: &str| column(table, scenario, name);
        match self {
            Self::Quantities(all) => {
                let error = |(name, target, _): &(String, f64, f64)| {
                    Ok(vec![column(name)?.into_iter().map(|value| target - value).collect()])
                };
                all.iter().map(error).collect()
            }
            Self::Phasor(target) => {
                let (mut magnitudes, mut angles) = (Vec::new(), Vec::new());
                for (k, (node, by)) in target.of.performance.iter().zip(&target.of.reference).enumerate() {
                    let (v, angle) = (column(&format!("{node}.v_pu"))?, column(&format!("{node}.angle_deg"))?);
                    let by = column(&format!("{by}.angle_deg"))?;
                    let [wanted_v, wanted_angle] = [&target.v_pu[k], &target.angle_deg[k]];
                    magnitudes.push(wanted_v.iter().zip(&v).map(|(wanted, v)| wanted - v).collect());
                    let relative = angle.iter().zip(&by).map(|(angle, by)| angle - by);
                    angles.push(wanted_angle.iter().zip(relative).map(|(wanted, own)| wrapped(wanted - own)).collect());
                }
                Ok(vec![magnitudes, angles])
            }
        }
    }
}

fn wrapped(angle_deg: f64) -> f64 {
    (angle_deg + 180.0).rem_euclid(360.0) - 180.0
}

fn unit(quantity: &str) -> &'static str {
    let last = quantity.rsplit('_').next().unwrap_or_default();
    let units = [("pu", "pu"), ("deg", "°"), ("w", "W"), ("var", "var"), ("v", "V"), ("a", "A"), ("percent", "%")];
    units.iter().find(|(end, _)| *end == last).map_or("", |(_, unit)| unit)
}

fn column(table: &Table, scenario: &str, quantity: &str) -> Result<Vec<f64>, CompareError> {
    let missing = || CompareError::Missing { scenario: scenario.to_owned(), quantity: quantity.to_owned() };
    table.column(quantity).map(<[f64]>::to_vec).ok_or_else(missing)
}

/// When something happens in any of the plans, by time; each lasts until the next.
pub fn disturbances<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Vec<Disturbance> {
    let mut times: IndexMap<u64, Vec<String>> = IndexMap::new();
    let mut end_s = 0.0;
    let mut step = None;
    for plan in plans {
        end_s = plan.step.time_s(plan.last);
        step = Some(plan.step);
        for event in &plan.events {
            let labels = times.entry(event.tick.0).or_default();
            if !labels.contains(&event.label) {
                labels.push(event.label.clone());
            }
        }
    }
    times.sort_keys();
    let at: Vec<f64> = times.keys().filter_map(|k| Some(step?.time_s(crate::quantity::Tick(*k)))).collect();
    let until = at.iter().skip(1).copied().chain([end_s]);
    let label = |labels: &Vec<String>| match labels.as_slice() {
        [one] => one.clone(),
        [one, ..] => format!("{one} and {} more", labels.len() - 1),
        [] => String::new(),
    };
    let all = at.iter().zip(until).zip(times.values());
    all.map(|((at_s, until_s), labels)| Disturbance { at_s: *at_s, until_s, label: label(labels) }).collect()
}

/// Quantities that a plan has to record for its effort: power of each phase of each device.
pub fn effort_quantities(plan: &Plan) -> Vec<String> {
    let phases = plan.equipment.devices.iter().flat_map(|own| own.phases.iter().map(move |phase| (&own.name, phase)));
    phases.flat_map(|(name, phase)| ["p_w", "q_var"].map(|what| format!("{name}.{phase}.{what}"))).collect()
}

/// Numbers that a run's summary holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Energy lost in kWh.
    pub losses_kwh: f64,
    /// Taps moved.
    pub tap_operations: u64,
    /// Lowest voltage, per unit.
    pub v_min_pu: Option<f64>,
    /// Highest voltage, per unit.
    pub v_max_pu: Option<f64>,
    /// Steps without a solution.
    pub not_converged: u64,
}

/// What a run came to.
///
/// # Errors
/// When something that is needed is not recorded.
pub fn row(
    plan: &Plan,
    table: &Table,
    judge: &Judge,
    disturbances: &[Disturbance],
    totals: Totals,
) -> Result<Row, CompareError> {
    let (t_s, errors, measures) = (table.t_s(), judge.errors(&plan.name, table)?, judge.measures());
    let responses: Vec<Vec<Response>> = disturbances
        .iter()
        .enumerate()
        .map(|(k, one)| {
            let to = disturbances.get(k + 1).map_or(t_s.len(), |next| row_at(t_s, next.at_s));
            let rows = (row_at(t_s, one.at_s).min(to), to);
            let of = |(errors, own): (&Vec<Vec<f64>>, &Judged)| response(t_s, errors, rows, one.at_s, own.band);
            errors.iter().zip(&measures).map(of).collect()
        })
        .collect();
    let settled: Option<Vec<f64>> = responses.iter().flatten().map(|one| one.settling_s).collect();
    let overshoot = |k: usize| {
        let all = responses.iter().filter_map(|of| of.get(k)?.overshoot_percent);
        all.max_by(f64::total_cmp)
    };
    let (effort_kvah, peak_kva) = effort(plan, table);
    let curve = |errors: &Vec<Vec<f64>>| {
        let all: Vec<f64> = (0..t_s.len()).map(|row| largest(errors, row)).collect();
        envelope(t_s, &all, MOST_POINTS)
    };
    Ok(Row {
        scenario: plan.name.clone(),
        title: plan.title.clone(),
        laws: laws(plan),
        settling_s: settled.map(|all| all.into_iter().fold(0.0, f64::max)),
        overshoot_percent: (0..measures.len()).map(overshoot).collect(),
        responses,
        effort_kvah,
        peak_kva,
        losses_kwh: totals.losses_kwh,
        tap_operations: totals.tap_operations,
        v_min_pu: totals.v_min_pu,
        v_max_pu: totals.v_max_pu,
        saturated_s: saturated_s(plan, table),
        not_converged: totals.not_converged,
        curves: errors.iter().map(curve).collect(),
    })
}

/// Seconds that each row stands for: since the row before, or the start.
fn spans(t_s: &[f64]) -> impl Iterator<Item = f64> {
    std::iter::once(0.0).chain(t_s.iter().copied()).zip(t_s).map(|(before, now)| now - before)
}

/// Apparent power of all devices, phase by phase: over time in kVAh, and its largest sum in kVA.
fn effort(plan: &Plan, table: &Table) -> (f64, f64) {
    let mut sum_va = vec![0.0; table.rows()];
    for pair in effort_quantities(plan).chunks_exact(2) {
        let (Some(p), Some(q)) = (table.column(&pair[0]), table.column(&pair[1])) else { continue };
        sum_va.iter_mut().zip(p.iter().zip(q)).for_each(|(sum, (p, q))| *sum += p.hypot(*q));
    }
    let known = || sum_va.iter().map(|va| if va.is_nan() { 0.0 } else { *va });
    let energy_vas: f64 = known().zip(spans(table.t_s())).map(|(va, s)| va * s).sum();
    (energy_vas / 3.6e6, known().fold(0.0, f64::max) / 1000.0)
}

/// Time in which any phasor controller's actuators are at their limits.
fn saturated_s(plan: &Plan, table: &Table) -> Option<f64> {
    let columns: Vec<&[f64]> =
        plan.equipment.phasors.iter().filter_map(|own| table.column(&format!("{}.saturated", own.name))).collect();
    let any = |row: usize| columns.iter().any(|column| column.get(row).is_some_and(|x| *x > 0.5));
    // A sum of nothing would be −0.
    let sum = spans(table.t_s()).enumerate().filter(|(row, _)| any(*row)).fold(0.0, |sum, (_, s)| sum + s);
    (!columns.is_empty()).then_some(sum)
}

/// Laws of a plan's controllers, each once.
fn laws(plan: &Plan) -> Vec<String> {
    let phasors = plan.equipment.phasors.iter().map(|own| own.setting.law.name());
    let droops = plan.equipment.controllers.iter().map(|own| match own.law {
        Law::VoltVar => "volt_var",
        Law::VoltWatt => "volt_watt",
    });
    let mut laws: Vec<String> = Vec::new();
    for law in phasors.chain(droops) {
        if !laws.iter().any(|own| own == law) {
            laws.push(law.to_owned());
        }
    }
    laws
}
