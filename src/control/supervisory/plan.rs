//! What a supervisor is told when it plans, and what it says. Both are plain data: they can be frozen at a tick, and shown
//! at another.

/// What a supervisor knows when it plans.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// What is expected step by step; the last one holds for steps beyond.
    pub forecast: Vec<Forecast>,
    /// Active and reactive power that each actuator phase reports, in W and var.
    pub applied_w: Vec<[f64; 2]>,
    /// Share of its limits that each actuator phase has: 1 all, 0.8 derated, 0 failed. Missing ones have all.
    pub available: Vec<f64>,
    /// Energy in each storage in Wh.
    pub stored_wh: Vec<f64>,
    /// What is measured at each performance node; empty or `None` where nothing is known.
    pub measured: Vec<Option<Target>>,
    /// Magnitudes measured at the first performance node's reference, by phase; empty where nothing is known.
    pub reference_v_pu: Vec<f64>,
    /// Tap number of each of the model's regulators; empty leaves them.
    pub taps: Vec<i32>,
    /// Whether each of the model's switches is open; empty leaves them.
    pub open: Vec<bool>,
    /// The targets that hold now, by performance node; empty where there are none yet.
    pub targets: Vec<Target>,
}

impl Inputs {
    /// At the description's own load, all actuators at rest and whole, nothing measured.
    pub fn nominal(actuators: usize) -> Self {
        Self {
            forecast: vec![Forecast::default()],
            applied_w: vec![[0.0; 2]; actuators],
            available: Vec::new(),
            stored_wh: Vec::new(),
            measured: Vec::new(),
            reference_v_pu: Vec::new(),
            taps: Vec::new(),
            open: Vec::new(),
            targets: Vec::new(),
        }
    }
}

/// What is expected of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// What loads are multiplied by.
    pub load_multiplier: f64,
    /// What generators and PV systems are multiplied by.
    pub generation_multiplier: f64,
    /// Price of energy from the head, per kWh.
    pub price_per_kwh: f64,
}

impl Default for Forecast {
    fn default() -> Self {
        Self { load_multiplier: 1.0, generation_multiplier: 1.0, price_per_kwh: 0.0 }
    }
}

/// Phasors of a performance node by phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Magnitudes.
    pub v_pu: Vec<f64>,
    /// Angles from the reference node's same phase.
    pub angle_rad: Vec<f64>,
}

/// A kind of limit that may have to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A magnitude below its band, per unit.
    Undervoltage,
    /// A magnitude above its band, per unit.
    Overvoltage,
    /// A branch's current, by its ampacity.
    Loading,
    /// Energy of a storage, by what it spans.
    Energy,
    /// Ramp of an actuator, per unit of power.
    Ramp,
}

impl Group {
    pub(super) const ALL: [Self; 5] = [Self::Undervoltage, Self::Overvoltage, Self::Loading, Self::Energy, Self::Ramp];

    pub(super) fn place(self) -> usize {
        self as usize
    }

    /// What a person calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undervoltage => "lower voltage limits",
            Self::Overvoltage => "upper voltage limits",
            Self::Loading => "ampacity",
            Self::Energy => "stored energy",
            Self::Ramp => "ramp limits",
        }
    }
}

/// How planning ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// The targets are optimal, and the model's own solution.
    Optimal,
    /// Not all limits can be kept: which give, and by how much at least.
    Infeasible(Vec<(Group, f64)>),
    /// Program and model still differ by more than 1e-4 pu or 0.02° after the last program allowed.
    NotConverged,
    /// The model has no solution where it should be solved.
    NoSolution,
    /// Nothing feeds a performance node or its reference in the model.
    DeEnergised,
    /// The program's solver failed.
    Failed,
    /// Inputs are not finite, or not as many as there should be.
    BadInput,
}

/// What a supervisor says.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How it ended. Unless it is optimal, or a compromise that was asked for, the targets are those that held before.
    pub status: Status,
    /// Phasor targets by performance node.
    pub targets: Vec<Target>,
    /// Active and reactive power in W and var, step by step, of each actuator phase: what the targets are made with.
    pub dispatch_w: Vec<Vec<[f64; 2]>>,
    /// Energy in Wh of each storage at the end of each step, as far as it is known at the start.
    pub stored_wh: Vec<Vec<f64>>,
    /// The objective that the last program foretells.
    pub objective: f64,
    /// After each program: largest difference between what it foretold and the model's solution, at all watched nodes
    /// and steps, in per unit and rad.
    pub mismatch: Vec<[f64; 2]>,
    /// The same of performance and reference nodes alone: of what targets are made of.
    pub target_mismatch: Vec<[f64; 2]>,
    /// Power from the head into the feeder in W and var, step by step, all phases, by the model's solution.
    pub head_w: Vec<[f64; 2]>,
    /// Losses in W, step by step.
    pub losses_w: Vec<f64>,
    /// Iterations of the program's solver, all programs together.
    pub solver_iterations: u32,
}

impl Plan {
    /// One that keeps the targets that held before.
    pub(super) fn kept(status: Status, inputs: &Inputs) -> Self {
        Self {
            status,
            targets: inputs.targets.clone(),
            dispatch_w: Vec::new(),
            stored_wh: Vec::new(),
            objective: f64::NAN,
            mismatch: Vec::new(),
            target_mismatch: Vec::new(),
            head_w: Vec::new(),
            losses_w: Vec::new(),
            solver_iterations: 0,
        }
    }
}
