//! The supervisor: a program, the model's solution at its dispatch, and again until both agree.
//!
//! Each program is linear about a point; the model's solution at the program's dispatch is the next point. With
//! sensitivities that is a Gauss–Newton iteration. With LinDist3Flow only the offset `y_model − y_linear` (and γ) follows,
//! which is Sankur's iteration: the first program stands on the linear model alone, at nominal γ.
//!
//! **What measurement adds.** The model is solved at the power that actuators report, its sources scaled by the mean ratio
//! of reference magnitudes, measured to modelled. What performance nodes measure beside that solution is added to their
//! phasors in every program, as a disturbance that stays. Other nodes take nothing from it.

use super::affine::{Offsets, Step, wrapped};
use super::limits::{self, Watch};
use super::lindist;
use super::network::{Conditions, Layout, NetworkModel, State};
use super::objective::Objectives;
use super::plan::{Forecast, Group, Inputs, Plan, Status, Target};
use super::program::{Found, Program, Size, Unsolved};
use super::settings::{Linearisation, Objective, Settings, SettingsError};

/// Rounds in which limits come into one program.
const MOST_ROUNDS: usize = 20;
/// Halvings of a step to where the model has a solution.
const MOST_HALVINGS: u32 = 6;
/// Sources are not believed to be further than this from what the description says.
const SOURCE_PU: [f64; 2] = [0.8, 1.2];
/// Where an iteration leaves more than this share of the mismatch before, it is held back: a linear objective jumps from
/// corner to corner.
const SHRINKS: f64 = 0.5;
/// First price on leaving a dispatch, by a share of the objective; each time it is ten times more.
const FIRST_STAY: f64 = 1e-5;
/// The same where losses count, from the second program until program and model agree. The curvature of losses leaves out that
/// of voltages: where nothing else holds a dispatch, each program goes beyond the least losses, and the next one back.
const STAY_OF_LOSSES: f64 = 1e-4;
/// Programs that must be left for it to be taken away: a plan that program and model agree on is not given up for less.
const LEFT_TO_GAIN: usize = 4;
/// Where the programs that are allowed have not come to rest, a plan counts all the same that is as near as this to the
/// model: magnitude per unit, angle in rad. A limit that changes its conductor at the very point keeps them from rest.
const NEAR_ENOUGH: [f64; 2] = [1e-4, 0.02 * std::f64::consts::PI / 180.0];
/// A group gives when its slack is above this.
const GIVES: f64 = 1e-6;

/// S-PBC of one zone.
pub struct Supervisor {
    settings: Settings,
    model: Box<dyn NetworkModel>,
    layout: Layout,
}

/// What is known before the first program.
struct Known {
    /// Present power, P of all actuator phases, then Q, per unit.
    applied: Vec<f64>,
    offsets: Offsets,
    /// What the network stands in, by step.
    conditions: Vec<Conditions>,
}

/// Where the delta iterations have come to.
struct Iterates {
    dispatch: Vec<Vec<f64>>,
    states: Vec<State>,
    objective: f64,
    gives: Vec<(Group, f64)>,
    /// Whether heads that stay above what is wanted curve as losses do.
    curved: bool,
    /// Price on leaving a dispatch, by a share of the objective.
    stay: f64,
    /// Whether that price is still the one of losses.
    held: bool,
    mismatch: Vec<[f64; 2]>,
    target_mismatch: Vec<[f64; 2]>,
    solver_iterations: u32,
    agreed: bool,
}

impl Supervisor {
    /// A supervisor with its own model of the network.
    ///
    /// # Errors
    /// When settings do not fit the model or one another.
    pub fn new(settings: Settings, mut model: Box<dyn NetworkModel>) -> Result<Self, SettingsError> {
        let layout = model.layout().clone();
        settings.check(&layout)?;
        if settings.linearisation == Linearisation::LinDist3Flow {
            let tree = model.tree().ok_or(SettingsError::LinDist("needs a radial network of wye branches"))?;
            let standing = |node: &usize| tree.buses.iter().any(|bus| bus.nodes.contains(&Some(*node)));
            if !layout.actuators.iter().all(standing) {
                return Err(SettingsError::LinDist("needs all actuators below the tree's root"));
            }
        }
        Ok(Self { settings, model, layout })
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How its model numbers the network.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Another schedule of the head, all phases together, in W and var; `None` is free. Without such an objective there is
    /// nothing to change.
    pub fn set_head(&mut self, wanted_w: [Option<f64>; 2]) {
        for (_, objective) in &mut self.settings.objectives {
            if let Objective::Head { phase: None, p_w, q_var } = objective {
                [*p_w, *q_var] = wanted_w.map(|own| own.filter(|x| x.is_finite()));
            }
        }
    }

    /// Plans. What comes out depends on the settings and the inputs alone.
    pub fn plan(&mut self, inputs: &Inputs) -> Plan {
        if !self.sound(inputs) {
            return Plan::kept(Status::BadInput, inputs);
        }
        match self.known(inputs).and_then(|known| self.iterate(inputs, &known).map(|end| (known, end))) {
            Ok((known, end)) => self.answer(inputs, &known, end),
            Err(status) => Plan::kept(status, inputs),
        }
    }

    fn sound(&self, inputs: &Inputs) -> bool {
        let finite = |list: &[f64]| list.iter().all(|x| x.is_finite());
        let forecast = |f: &Forecast| {
            f.load_multiplier.is_finite() && f.generation_multiplier.is_finite() && f.price_per_kwh.is_finite()
        };
        let target = |t: &Target| finite(&t.v_pu) && finite(&t.angle_rad);
        inputs.applied_w.len() == self.settings.actuators.len()
            && inputs.applied_w.iter().all(|power| finite(power))
            && !inputs.forecast.is_empty()
            && inputs.forecast.iter().all(forecast)
            && finite(&inputs.stored_wh)
            && inputs.targets.iter().all(target)
    }

    /// Solves the model as things stand, and takes in what is measured.
    fn known(&mut self, inputs: &Inputs) -> Result<Known, Status> {
        let base_va = self.layout.base_va;
        let part = |part: usize| inputs.applied_w.iter().map(move |power| power[part] / base_va);
        let applied: Vec<f64> = part(0).chain(part(1)).collect();
        let mut conditions =
            Conditions { taps: inputs.taps.clone(), open: inputs.open.clone(), ..Conditions::default() };
        let mut offsets = Offsets::none(self.layout.nodes.len());
        let standing = inputs.forecast.first().copied().unwrap_or_default();
        (conditions.load_multiplier, conditions.generation_multiplier) =
            (standing.load_multiplier, standing.generation_multiplier);
        if inputs.measured.iter().any(Option::is_some) || !inputs.reference_v_pu.is_empty() {
            let state = self.solution(&conditions, &applied).ok_or(Status::NoSolution)?;
            conditions.source_pu = self.source_pu(&state, &inputs.reference_v_pu);
            let state = self.solution(&conditions, &applied).ok_or(Status::NoSolution)?;
            self.compare(state, &inputs.measured, &mut offsets);
        }
        let step = |k: usize| {
            let forecast = inputs.forecast.get(k).or(inputs.forecast.last()).copied().unwrap_or_default();
            let (load_multiplier, generation_multiplier) = (forecast.load_multiplier, forecast.generation_multiplier);
            Conditions { load_multiplier, generation_multiplier, ..conditions.clone() }
        };
        Ok(Known { applied, offsets, conditions: (0..self.settings.steps).map(step).collect() })
    }

    fn solution(&mut self, conditions: &Conditions, injected_pu: &[f64]) -> Option<State> {
        let mut state = State::default();
        self.model.set_conditions(conditions);
        self.model.solve(injected_pu, &mut state).then_some(state)
    }

    /// Sources' magnitude by the mean ratio at the first performance node's reference.
    fn source_pu(&self, state: &State, reference_v_pu: &[f64]) -> f64 {
        let nodes = self.settings.performance.first().map_or(&[][..], |performance| &performance.reference);
        let ratio = |(node, measured): (&usize, &f64)| {
            let modelled = state.v_pu.get(*node).map_or(0.0, |v| v.norm());
            (modelled > 0.0 && *measured > 0.0 && measured.is_finite()).then(|| measured / modelled)
        };
        let ratios: Vec<f64> = nodes.iter().zip(reference_v_pu).filter_map(ratio).collect();
        let count = ratios.len();
        if count == 0 { 1.0 } else { (ratios.iter().sum::<f64>() / count as f64).clamp(SOURCE_PU[0], SOURCE_PU[1]) }
    }

    fn compare(&self, state: State, measured: &[Option<Target>], offsets: &mut Offsets) {
        let (none, step) = (Offsets::none(0), Step { state, ..Step::default() });
        for (node, measured) in self.settings.performance.iter().zip(measured) {
            let Some(measured) = measured else { continue };
            for (place, v_pu) in node.nodes.iter().zip(&measured.v_pu).filter(|(_, v)| v.is_finite()) {
                offsets.v_pu[*place] = v_pu - step.v_pu(*place, &none);
            }
            let angles = node.nodes.iter().zip(&node.reference).zip(&measured.angle_rad);
            for ((place, reference), angle) in angles.filter(|(_, angle)| angle.is_finite()) {
                offsets.angle_rad[*place] = wrapped(angle - step.angle_rad(*place, *reference, &none));
            }
        }
    }

    /// Programs and solutions in turn.
    fn iterate(&mut self, inputs: &Inputs, known: &Known) -> Result<Iterates, Status> {
        let mut watch = Watch::default();
        let mut at = Iterates {
            dispatch: vec![known.applied.clone(); self.settings.steps],
            states: Vec::new(),
            objective: f64::NAN,
            gives: Vec::new(),
            curved: !self.has_curved_head(),
            stay: 0.0,
            held: self.counts_losses(),
            mismatch: Vec::new(),
            target_mismatch: Vec::new(),
            solver_iterations: 0,
            agreed: false,
        };
        for round in 0..self.settings.max_programs {
            let steps = self.linearise(known, &at.dispatch, round == 0)?;
            let found = self.program(inputs, known, &steps, &mut watch, &mut at)?;
            let turned = limits::turned(&self.settings, &steps, &found.inputs);
            let whole = self.advance(known, &found.inputs, &mut at)?;
            let mismatch = self.mismatch(&steps, &at, false);
            at.target_mismatch.push(self.mismatch(&steps, &at, true));
            if at.mismatch.last().is_some_and(|last| (0..2).any(|k| mismatch[k] > SHRINKS * last[k])) {
                // What can be reached is reached sooner without curvature.
                let first = !std::mem::replace(&mut at.curved, true);
                at.stay = if first { 0.0 } else { (10.0 * at.stay).max(FIRST_STAY) };
            }
            at.mismatch.push(mismatch);
            at.gives = found.slacks.into_iter().filter(|(_, slack)| *slack > GIVES).collect();
            let within = |most: [f64; 2]| whole && mismatch[0] <= most[0] && mismatch[1] <= most[1];
            at.agreed = within(NEAR_ENOUGH);
            if !turned && within([self.settings.tolerance_pu, self.settings.tolerance_rad]) {
                at.agreed = true;
                let left = self.settings.max_programs - 1 - round;
                if !std::mem::take(&mut at.held) || left < LEFT_TO_GAIN {
                    break;
                }
                // Near enough to be let go: what is left to gain is gained without that price.
                at.stay = 0.0;
            } else if at.held {
                at.stay = at.stay.max(STAY_OF_LOSSES);
            }
        }
        Ok(at)
    }

    fn counts_losses(&self) -> bool {
        self.settings.objectives.iter().any(|(weight, own)| *weight > 0.0 && matches!(own, Objective::Losses))
    }

    /// Whether a schedule of the head is among its objectives.
    fn has_curved_head(&self) -> bool {
        let curved = |objective: &Objective| matches!(objective, Objective::Head { phase: None, p_w: Some(_), .. });
        self.settings.objectives.iter().any(|(weight, objective)| *weight > 0.0 && curved(objective))
    }

    /// What the program foretold against the model, over all steps: of all nodes, or of performance and reference nodes.
    fn mismatch(&self, steps: &[Step], at: &Iterates, of_targets: bool) -> [f64; 2] {
        let differ = steps.iter().zip(&at.dispatch).zip(&at.states).map(|((step, u), state)| {
            let targets = self.settings.performance.iter().flat_map(|own| own.nodes.iter().chain(&own.reference));
            match of_targets {
                true => step.mismatch(u, state, targets.copied()),
                false => step.mismatch(u, state, 0..state.v_pu.len()),
            }
        });
        differ.fold([0.0; 2], |a, b| [a[0].max(b[0]), a[1].max(b[1])])
    }

    /// The network at a dispatch, step by step; LinDist3Flow's own the first time.
    fn linearise(&mut self, known: &Known, dispatch: &[Vec<f64>], first: bool) -> Result<Vec<Step>, Status> {
        let mut steps = Vec::with_capacity(dispatch.len());
        for (conditions, u) in known.conditions.iter().zip(dispatch) {
            let mut step = Step { at: u.clone(), ..Step::default() };
            self.model.set_conditions(conditions);
            if !self.model.solve(u, &mut step.state) {
                return Err(Status::NoSolution);
            }
            match self.settings.linearisation {
                Linearisation::Sensitivities => {
                    if !self.model.sensitivities(&mut step.answer) {
                        return Err(Status::NoSolution);
                    }
                }
                Linearisation::LinDist3Flow => {
                    let tree = self.model.tree().ok_or(Status::NoSolution)?;
                    lindist::linearise(&tree, &self.layout, first, &mut step);
                }
            }
            steps.push(step);
        }
        Ok(steps)
    }

    /// One program, with limits coming in until none that is missing is broken.
    fn program(
        &self,
        inputs: &Inputs,
        known: &Known,
        steps: &[Step],
        watch: &mut Watch,
        at: &mut Iterates,
    ) -> Result<Found, Status> {
        let size = Size {
            inputs: 2 * self.settings.actuators.len(),
            steps: self.settings.steps,
            storages: self.settings.storages.len(),
        };
        let mut own = Program::new(size);
        let (settings, base_va) = (&self.settings, self.layout.base_va);
        let (offsets, applied) = (&known.offsets, &known.applied[..]);
        Objectives { settings, inputs, offsets, steps, applied, curved: at.curved, base_va }.add(&mut own);
        let objective = own.clone();
        if at.stay > 0.0 {
            own.stay(at.stay, &at.dispatch);
        }
        limits::add_of_actuators(&mut own, settings, inputs, steps, applied, base_va);
        watch.look(settings, offsets, steps, None);
        let mut elastic = false;
        for _ in 0..MOST_ROUNDS {
            let mut program = own.clone();
            watch.add(&mut program, settings, offsets, steps);
            let found = match program.solve(elastic) {
                Err(Unsolved::Infeasible) if !elastic => {
                    elastic = true;
                    program.solve(true)
                }
                outcome => outcome,
            };
            let found = found.map_err(|_| Status::Failed)?;
            at.solver_iterations += found.iterations;
            if watch.look(settings, offsets, steps, Some(&found.inputs)) == 0 {
                at.objective = objective.objective_at(&found);
                return Ok(found);
            }
        }
        Err(Status::Failed)
    }

    /// Solves the model where the program points to, or on the way there where it has no solution. Whether it went all
    /// the way.
    fn advance(&mut self, known: &Known, wanted: &[Vec<f64>], at: &mut Iterates) -> Result<bool, Status> {
        for halvings in 0..=MOST_HALVINGS {
            let share = 0.5_f64.powi(halvings as i32);
            let between = |(from, to): (&Vec<f64>, &Vec<f64>)| {
                let way = |(from, to): (&f64, &f64)| if halvings == 0 { *to } else { from + share * (to - from) };
                from.iter().zip(to).map(way).collect::<Vec<f64>>()
            };
            let dispatch: Vec<Vec<f64>> = at.dispatch.iter().zip(wanted).map(between).collect();
            let solved = known.conditions.iter().zip(&dispatch).map(|(conditions, u)| self.solution(conditions, u));
            if let Some(states) = solved.collect::<Option<Vec<State>>>() {
                (at.dispatch, at.states) = (dispatch, states);
                return Ok(halvings == 0);
            }
        }
        Err(Status::NoSolution)
    }

    fn answer(&self, inputs: &Inputs, known: &Known, end: Iterates) -> Plan {
        let mut plan = Plan::kept(Status::Optimal, inputs);
        let base_va = self.layout.base_va;
        let count = self.settings.actuators.len();
        let power = |u: &Vec<f64>| (0..count).map(|k| [u[k] * base_va, u[count + k] * base_va]).collect();
        plan.dispatch_w = end.dispatch.iter().map(power).collect();
        plan.head_w = end
            .states
            .iter()
            .map(|s| s.head_pu.iter().sum())
            .map(|s: crate::quantity::Complex| [s.re * base_va, s.im * base_va])
            .collect();
        plan.stored_wh = self.stored(inputs, &plan.dispatch_w);
        plan.losses_w = end.states.iter().map(|s| s.losses_pu * base_va).collect();
        (plan.objective, plan.solver_iterations) = (end.objective, end.solver_iterations);
        (plan.mismatch, plan.target_mismatch) = (end.mismatch, end.target_mismatch);
        let Some(first) = end.states.into_iter().next() else { return plan };
        let step = Step { state: first, ..Step::default() };
        let nodes = self.settings.performance.iter().flat_map(|p| p.nodes.iter().chain(&p.reference));
        let fed = nodes.copied().all(|node| step.fed(node));
        plan.status = match (fed, end.agreed, end.gives.is_empty()) {
            (false, ..) => Status::DeEnergised,
            (true, false, _) => Status::NotConverged,
            (true, true, false) => Status::Infeasible(end.gives),
            (true, true, true) => Status::Optimal,
        };
        let compromise = self.settings.compromise && matches!(plan.status, Status::Infeasible(_));
        if plan.status == Status::Optimal || compromise {
            plan.targets = self.targets(&step, &known.offsets);
        }
        plan
    }

    /// Energy of storages at the end of each step of a dispatch.
    fn stored(&self, inputs: &Inputs, dispatch_w: &[Vec<[f64; 2]>]) -> Vec<Vec<f64>> {
        let hours = self.settings.step_s / 3600.0;
        let mut stored = inputs.stored_wh.clone();
        let mut after = |powers: &Vec<[f64; 2]>| {
            for (stored, own) in stored.iter_mut().zip(&self.settings.storages) {
                let p_w = own.actuators.iter().filter_map(|k| powers.get(*k)).map(|power| power[0]).sum();
                *stored -= hours * (own.drawn(p_w) + own.idle_w);
            }
            stored.clone()
        };
        dispatch_w.iter().map(&mut after).collect()
    }

    fn targets(&self, step: &Step, offsets: &Offsets) -> Vec<Target> {
        let target = |node: &super::settings::Performance| Target {
            v_pu: node.nodes.iter().map(|place| step.v_pu(*place, offsets)).collect(),
            angle_rad: node.nodes.iter().zip(&node.reference).map(|(n, r)| step.angle_rad(*n, *r, offsets)).collect(),
        };
        self.settings.performance.iter().map(target).collect()
    }
}
