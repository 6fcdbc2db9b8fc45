//! What a supervisor is set up with: actuators, performance nodes, objectives, limits, horizon.

use super::network::Layout;

/// Which linear model the program is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Linearisation {
    /// The model's own sensitivities at the last solution: any topology.
    #[default]
    Sensitivities,
    /// LinDist3Flow on a radial network (`lindist`). It knows no losses and no currents: objectives and limits on them
    /// are refused.
    LinDist3Flow,
}

/// How a circle of apparent power stands in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Circle {
    /// As a second-order cone: exact.
    #[default]
    Cone,
    /// As a polygon of so many sides inside the circle.
    Polygon(u32),
}

/// One phase of an actuator.
#[derive(Clone, Debug, PartialEq)]
pub struct Actuator {
    /// Apparent power in VA.
    pub s_va: f64,
    /// Least and most active power in W; infinite for none but the circle.
    pub p_w: [f64; 2],
    /// Least and most reactive power in var.
    pub q_var: [f64; 2],
    /// Largest change of P and of Q in W and var a second.
    pub ramp_w_per_s: Option<f64>,
    /// Cost of injected energy, per kWh.
    pub cost_per_kwh: f64,
}

impl Actuator {
    /// One that only its apparent power limits.
    pub fn of(s_va: f64) -> Self {
        let free = [f64::NEG_INFINITY, f64::INFINITY];
        Self { s_va, p_w: free, q_var: free, ramp_w_per_s: None, cost_per_kwh: 0.0 }
    }
}

/// A store of energy behind one or more actuator phases.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Actuator phases that it feeds.
    pub actuators: Vec<usize>,
    /// Least and most energy in Wh.
    pub energy_wh: [f64; 2],
    /// Efficiency of charging and of discharging.
    pub efficiency: [f64; 2],
    /// What it loses all the time, in W.
    pub idle_w: f64,
    /// Least energy at the end of the horizon in Wh.
    pub end_wh: Option<f64>,
    /// Cost of a kWh that goes into it or comes out of it: wear.
    pub wear_per_kwh: f64,
    /// What a kWh in it is worth at the end of the horizon.
    pub end_value_per_kwh: f64,
}

impl Storage {
    /// One that feeds actuator phases, without losses and without costs.
    pub fn of(actuators: Vec<usize>, energy_wh: [f64; 2]) -> Self {
        Self {
            actuators,
            energy_wh,
            efficiency: [1.0; 2],
            idle_w: 0.0,
            end_wh: None,
            wear_per_kwh: 0.0,
            end_value_per_kwh: 0.0,
        }
    }

    /// What leaves it for a power at its terminals.
    pub(super) fn drawn(&self, p: f64) -> f64 {
        p * self.slope(p)
    }

    /// Of what leaves it by what is injected, on the side of a power.
    pub(super) fn slope(&self, p: f64) -> f64 {
        if p > 0.0 { 1.0 / self.efficiency[1] } else { self.efficiency[0] }
    }
}

/// A performance node: its phases' nodes, and the reference node's of the same phases.
#[derive(Clone, Debug, PartialEq)]
pub struct Performance {
    /// Watched nodes by phase.
    pub nodes: Vec<usize>,
    /// Watched nodes of the reference by phase.
    pub reference: Vec<usize>,
}

/// What is minimised: a sum of these, each with its weight, over all steps of the horizon. Quantities are per unit, rad.
#[derive(Clone, Debug, PartialEq)]
pub enum Objective {
    /// Squared deviation of the head's power in W and var from a schedule; of one phase, or of all together.
    Head {
        /// The phase; all together when not given.
        phase: Option<usize>,
        /// Active power from the head.
        p_w: Option<f64>,
        /// Reactive power from the head.
        q_var: Option<f64>,
    },
    /// Losses, with their curvature.
    Losses,
    /// Squared differences of magnitudes between all pairs of nodes: a bus's phases.
    Balance(Vec<usize>),
    /// Squared distance of a performance node's phasors from given ones: magnitudes, and angles from the reference.
    Phasors {
        /// The performance node.
        performance: usize,
        /// Magnitudes by phase.
        v_pu: Vec<f64>,
        /// Angles by phase.
        angle_rad: Vec<f64>,
    },
    /// Squared differences of phasors, magnitude and angle, between pairs of nodes: both sides of a tie.
    Match(Vec<[usize; 2]>),
    /// Squared deviation of performance nodes' phasors from the present targets.
    Volatility,
    /// Squared change of power from step to step, from the present power on.
    Movement,
    /// Squared deviation of nodes that regulators hold from the centre of their band. Taps are constant in the program:
    /// what is modelled is how far a regulator is from acting, not that it acts.
    TapWear(Vec<(usize, f64)>),
    /// Cost of actuators' energy and of the energy from the head at the forecast's price.
    Cost,
    /// Squared power of all actuators.
    Effort,
}

/// A band of voltage magnitudes.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// Watched nodes; all of them when empty.
    pub nodes: Vec<usize>,
    /// Least and most magnitude.
    pub v_pu: [f64; 2],
}

/// All settings of a supervisor.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Actuator phases, as the model has them.
    pub actuators: Vec<Actuator>,
    /// Stores.
    pub storages: Vec<Storage>,
    /// Performance nodes.
    pub performance: Vec<Performance>,
    /// Objectives with their weights.
    pub objectives: Vec<(f64, Objective)>,
    /// Bands of voltage.
    pub bands: Vec<Band>,
    /// Largest current of any branch by its ampacity; no limit when not given.
    pub most_loading: Option<f64>,
    /// Steps of the horizon.
    pub steps: usize,
    /// Length of a step in s.
    pub step_s: f64,
    /// Which linear model.
    pub linearisation: Linearisation,
    /// How circles stand in the program.
    pub circle: Circle,
    /// Most programs solved for one plan.
    pub max_programs: usize,
    /// Where delta iterations stop: largest difference of magnitude between program and model.
    pub tolerance_pu: f64,
    /// And of angle.
    pub tolerance_rad: f64,
    /// Where not all limits can be kept: issue the compromise that breaks them least, in place of the old targets.
    pub compromise: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            actuators: Vec::new(),
            storages: Vec::new(),
            performance: Vec::new(),
            objectives: Vec::new(),
            bands: Vec::new(),
            most_loading: None,
            steps: 1,
            step_s: 60.0,
            linearisation: Linearisation::default(),
            circle: Circle::default(),
            max_programs: 11,
            tolerance_pu: 1e-6,
            tolerance_rad: 1e-3_f64.to_radians(),
            compromise: false,
        }
    }
}

/// Why a supervisor cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A number has no meaning.
    #[error("{0} must be {1}")]
    Number(&'static str, &'static str),
    /// An index that the model does not have.
    #[error("{0} refers to number {1}, of {2}")]
    Unknown(&'static str, usize, usize),
    /// Lists that belong together differ in length.
    #[error("{0}: {1} and {2} entries")]
    Lengths(&'static str, usize, usize),
    /// LinDist3Flow on a network that is no tree, or asked for what it does not know.
    #[error("LinDist3Flow {0}")]
    LinDist(&'static str),
}

impl Settings {
    /// Looks whether everything is what it can be.
    ///
    /// # Errors
    /// The first finding.
    pub fn check(&self, layout: &Layout) -> Result<(), SettingsError> {
        same("actuators", self.actuators.len(), layout.actuators.len())?;
        number("steps", "1 to 1000", (1..=1000).contains(&self.steps))?;
        number("step_s", "positive", positive(self.step_s))?;
        number("tolerance_pu", "positive", positive(self.tolerance_pu))?;
        number("tolerance_rad", "positive", positive(self.tolerance_rad))?;
        number("max_programs", "1 or more", self.max_programs > 0)?;
        number("base_va", "positive", positive(layout.base_va))?;
        number("most_loading", "positive", self.most_loading.is_none_or(positive))?;
        number("sides of a circle", "3 to 360", !matches!(self.circle, Circle::Polygon(n) if !(3..=360).contains(&n)))?;
        self.actuators.iter().try_for_each(Actuator::check)?;
        self.storages.iter().try_for_each(|storage| storage.check(self.actuators.len()))?;
        for node in &self.performance {
            same("nodes of a performance node and of its reference", node.nodes.len(), node.reference.len())?;
            known("a performance node", node.nodes.iter().chain(&node.reference), layout.nodes.len())?;
        }
        for band in &self.bands {
            known("a band", &band.nodes, layout.nodes.len())?;
            number("a voltage band", "two magnitudes, the smaller first", band.v_pu[0] < band.v_pu[1])?;
        }
        self.objectives.iter().try_for_each(|(weight, objective)| {
            number("a weight", "0 or more", *weight >= 0.0 && weight.is_finite())?;
            self.check_objective(objective, layout)
        })?;
        let blind = self.most_loading.is_some() || self.objectives.iter().any(|(_, o)| matches!(o, Objective::Losses));
        if self.linearisation == Linearisation::LinDist3Flow && blind {
            return Err(SettingsError::LinDist("knows neither losses nor currents: take sensitivities"));
        }
        Ok(())
    }

    fn check_objective(&self, objective: &Objective, layout: &Layout) -> Result<(), SettingsError> {
        let nodes = layout.nodes.len();
        match objective {
            Objective::Head { phase, p_w, q_var } => {
                known("the head's phase", phase, layout.heads)?;
                let finite = p_w.iter().chain(q_var).all(|x| x.is_finite());
                number("a schedule of the head", "finite", finite)
            }
            Objective::Balance(places) => known("a balance", places, nodes),
            Objective::Phasors { performance, v_pu, angle_rad } => {
                known("phasors", [performance], self.performance.len())?;
                let phases = self.performance.get(*performance).map_or(0, |p| p.nodes.len());
                same("phasors: magnitudes and phases", v_pu.len(), phases)?;
                same("phasors: angles and phases", angle_rad.len(), phases)?;
                number("a phasor", "finite", v_pu.iter().chain(angle_rad).all(|x| x.is_finite()))
            }
            Objective::Match(pairs) => known("a match", pairs.iter().flatten(), nodes),
            Objective::TapWear(places) => {
                known("a regulator", places.iter().map(|(node, _)| node), nodes)?;
                number("the centre of a regulator's band", "positive", places.iter().all(|(_, v)| positive(*v)))
            }
            Objective::Losses | Objective::Volatility | Objective::Movement | Objective::Cost | Objective::Effort => {
                Ok(())
            }
        }
    }
}

impl Actuator {
    fn check(&self) -> Result<(), SettingsError> {
        number("s_va", "0 or more", self.s_va >= 0.0 && self.s_va.is_finite())?;
        let spans_nothing = |[least, most]: [f64; 2]| least <= 0.0 && most >= 0.0;
        number("limits of P and Q", "around 0", spans_nothing(self.p_w) && spans_nothing(self.q_var))?;
        number("ramp_w_per_s", "positive", self.ramp_w_per_s.is_none_or(positive))?;
        number("cost_per_kwh", "finite", self.cost_per_kwh.is_finite())
    }
}

impl Storage {
    fn check(&self, actuators: usize) -> Result<(), SettingsError> {
        known("a storage", &self.actuators, actuators)?;
        let [least, most] = self.energy_wh;
        number("energy_wh", "two energies, the smaller first", least >= 0.0 && least < most && most.is_finite())?;
        number("efficiency", "above 0, at most 1", self.efficiency.iter().all(|e| *e > 0.0 && *e <= 1.0))?;
        number("idle_w", "0 or more", self.idle_w >= 0.0 && self.idle_w.is_finite())?;
        number("end_wh", "within energy_wh", self.end_wh.is_none_or(|end| end >= least && end <= most))?;
        number("wear_per_kwh", "0 or more", self.wear_per_kwh >= 0.0 && self.wear_per_kwh.is_finite())?;
        number("end_value_per_kwh", "0 or more", self.end_value_per_kwh >= 0.0 && self.end_value_per_kwh.is_finite())
    }
}

fn positive(x: f64) -> bool {
    x > 0.0 && x.is_finite()
}

fn number(what: &'static str, must_be: &'static str, is: bool) -> Result<(), SettingsError> {
    if is { Ok(()) } else { Err(SettingsError::Number(what, must_be)) }
}

fn same(what: &'static str, a: usize, b: usize) -> Result<(), SettingsError> {
    if a == b { Ok(()) } else { Err(SettingsError::Lengths(what, a, b)) }
}

fn known<'a>(
    what: &'static str,
    places: impl IntoIterator<Item = &'a usize>,
    count: usize,
) -> Result<(), SettingsError> {
    let unknown = places.into_iter().find(|place| **place >= count);
    unknown.map_or(Ok(()), |place| Err(SettingsError::Unknown(what, *place, count)))
}
