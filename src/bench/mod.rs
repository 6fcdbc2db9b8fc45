//! Floor 6: the loop – for each tick: events, devices, demands, the plant with its controls, instruments, controllers, the
//! record.
//!
//! There is one loop; batch and real time differ in the [`Pacer`], and in what [`Bench::paced`] tells programs of the user's
//! own. Tick k is solved at k steps after the start (time advances before the solution, as in OpenDSS's daily mode), so a
//! day of quarter hours has 96 solutions and the start itself is not one. The step allocates nothing and does no input or
//! output: rows go through [`Recorder::append`]. A plan of an S-PBC is a task beside the step: it allocates.

mod channels;
#[cfg(feature = "optimise")]
mod consistency;
#[cfg(not(feature = "optimise"))]
#[path = "without_consistency.rs"]
mod consistency;
mod demand;
mod equipment;
mod expect;
mod grid;
mod harmonic;
mod hil;
mod machine;
#[cfg(feature = "optimise")]
pub mod model;
mod numbers;
mod outcome;
pub mod pace;
pub(crate) mod phasor;
mod plant;
mod quality;
mod state;
#[cfg(feature = "optimise")]
mod supervisory;
#[cfg(not(feature = "optimise"))]
#[path = "without_supervisory.rs"]
mod supervisory;
#[cfg(test)]
mod tests;
mod tie;
mod verdict;

use std::io;
use std::time::Duration;

use indexmap::IndexMap;

pub use grid::{GridPlant, SetupError};
pub use hil::{Closing, Role, Told, closings};
pub use numbers::Numbers;
pub use outcome::{NodeOutcome, Outcome, Snapshot};
pub use pace::{Batch, Pacer, Stage};
pub use phasor::{examine, examined};
pub use plant::{Conductor, HarmonicPlant, Node, Plant, Solution};
pub use verdict::Verdict;

use crate::feeder::Connection;
use crate::link::capture::Capture;
use crate::quantity::{Complex, Tick};
use crate::record::Recorder;
use crate::scenario::{Action, Link, Plan, Unit};
use crate::signal::Line;
use channels::{Channels, Overall};
use consistency::Checks;
use demand::Demands;
use equipment::Equipment;
use expect::Expectations;
use hil::{Follows, Hil};
use numbers::Counting;
use outcome::{Gatherer, Spread};
use phasor::Phasors;
use quality::Quality;
use state::{Sources, Triggers};
use supervisory::Supervisors;
use tie::Ties;

/// A plan and its plant, ready to run.
pub struct Bench<'a, P: Plant> {
    plan: &'a Plan,
    plant: P,
    demands: Demands,
    equipment: Equipment,
    quality: Quality,
    phasors: Phasors,
    ties: Ties,
    checks: Checks,
    supervisors: Supervisors,
    hil: Hil,
    follows: Follows,
    sources: Sources,
    triggers: Triggers,
    channels: Channels,
    /// Values of the plan's quantities at the present step.
    row: Vec<f64>,
    /// Places of the nodes that each load stands at.
    load_nodes: Vec<Vec<usize>>,
    gatherer: Gatherer,
    numbers: Counting,
    expectations: Expectations,
    next_event: usize,
}

impl<'a> Bench<'a, GridPlant> {
    /// Compiles the plan's feeder and sets up a run.
    ///
    /// # Errors
    /// When the feeder cannot be compiled.
    pub fn new(plan: &'a Plan) -> Result<Self, SetupError> {
        let plant = GridPlant::new(plan)?;
        hil::refuse(plan, &plant)?;
        Self::with_plant(plan, plant)
    }
}

impl<'a, P: Plant> Bench<'a, P> {
    /// Sets up a run: what the plan sets before the first step is set. `plant` is made of the plan's feeder with the
    /// plan's added loads after its own.
    ///
    /// # Errors
    /// When a device or an analyser cannot be what it is said to be at its bus.
    pub fn with_plant(plan: &'a Plan, plant: P) -> Result<Self, SetupError> {
        let nodes = plant.nodes();
        let (taps, steps) = (plan.feeder.regulators.len(), plan.feeder.capacitors.len());
        let mut demands = Demands::new(&plan.demands, &plan.shapes, plan.load_multiplier);
        let mut equipment = Equipment::new(plan, &nodes, &mut demands)?;
        let mut bench = Self {
            channels: Channels::new(plan, &nodes),
            quality: Quality::new(plan, &nodes, &mut equipment.machines)?,
            phasors: Phasors::new(plan, &nodes)?,
            ties: Ties::new(plan, &nodes),
            checks: Checks::new(plan)?,
            supervisors: Supervisors::new(plan)?,
            hil: Hil::new(plan, &equipment.machines, &nodes)?,
            follows: Follows::new(plan, &nodes),
            equipment,
            demands,
            sources: Sources::new(plan),
            triggers: Triggers::new(&plan.triggers),
            row: vec![f64::NAN; plan.quantities.len()],
            load_nodes: load_nodes(plan, &nodes),
            gatherer: Gatherer::new(Vec::new(), 0, plan.watch.limits_pu, Vec::new(), Vec::new()),
            numbers: Counting::new(plan),
            expectations: Expectations::new(plan, nodes.clone()),
            plan,
            plant,
            next_event: 0,
        };
        plan.initial.iter().for_each(|&action| bench.act(action));
        let taps = (0..taps).map(|k| bench.plant.tap(k)).collect();
        let steps = (0..steps).map(|k| bench.plant.closed_steps(k)).collect();
        bench.gatherer = Gatherer::new(phase_nodes(plan, &nodes), nodes.len(), plan.watch.limits_pu, taps, steps);
        Ok(bench)
    }

    /// Names of the channels that [`Bench::run`] records.
    pub fn channels(&self) -> &[String] {
        &self.channels.names
    }

    /// The plant.
    pub fn plant(&self) -> &P {
        &self.plant
    }

    /// Has a step of this length on the clock: programs of the user's own get their part of it to answer in.
    pub fn paced(&mut self, period: Duration) {
        self.phasors.paced(period);
    }

    /// Records what real devices say, so that it can stand in for them.
    pub fn record_devices(&mut self) {
        self.hil.record(self.plan.last.0);
    }

    /// Records what goes over wires, from when they are connected until all is over.
    pub fn capture(&mut self, capture: Capture) {
        self.hil.capture(capture);
    }

    /// Connects to real devices by the machine's clock, to be ready when a paced run begins.
    ///
    /// # Errors
    /// When the machine has no thread for them, or an address where something is served is taken.
    pub fn connect_devices(&mut self) -> io::Result<()> {
        self.hil.connect(true)
    }

    /// Runs to the end, with a record or without. `progress` is told each tick once it is done.
    ///
    /// # Errors
    /// When the record cannot be written. A tick without a solution is no error: it is counted and the run goes on.
    /// A run that its pacer stops has fewer ticks than its plan, and no expectation of it holds.
    pub fn run(
        mut self,
        mut recorder: Option<&mut Recorder>,
        pacer: &mut dyn Pacer,
        progress: &mut dyn FnMut(Tick),
    ) -> io::Result<Outcome> {
        let mut tick = Tick(0);
        while tick < self.plan.last {
            if pacer.begin(tick.next()).is_break() {
                break;
            }
            tick = tick.next();
            self.step(tick, pacer);
            if let Some(recorder) = recorder.as_deref_mut().filter(|_| tick.0.is_multiple_of(self.plan.watch.every)) {
                recorder.append(self.plan.step.time_s(tick), |row| row.copy_from_slice(&self.row))?;
            }
            progress(tick);
            pacer.end(tick);
            if self.hil.stops() {
                break;
            }
        }
        let triggered = self.triggers.happened(&self.plan.triggers);
        let late = self.phasors.late().map(|(name, count)| (name.to_owned(), count)).collect();
        let real = self.hil.outcome();
        let outcome = Outcome { triggered, real, numbers: self.numbers.finish(), late, ..self.gatherer.finish() };
        let mut verdicts = self.expectations.verdicts(self.plan, &outcome, &self.plant);
        if tick < self.plan.last {
            let at_s = self.plan.step.time_s(tick);
            verdicts.iter_mut().for_each(|verdict| verdict.undecided(at_s));
        }
        Ok(Outcome { verdicts, ..outcome })
    }

    /// The plant as it stands before a tick is solved: what happens until then has happened, demands are told.
    pub fn plant_at(mut self, tick: Tick) -> P {
        self.events_until(tick);
        self.actuate(tick);
        self.plant
    }

    /// The plant as it is once a tick has been solved, all ticks before it included.
    pub fn plant_after(mut self, tick: Tick) -> P {
        (1..=tick.0).for_each(|k| self.step(Tick(k), &mut Batch));
        self.plant
    }

    fn step(&mut self, tick: Tick, pacer: &mut dyn Pacer) {
        self.events_until(tick);
        self.actuate(tick);
        pacer.enter(Stage::Solve);
        let solution = self.plant.solve(self.plan.clock_s(tick));
        let (source_va, losses_va) = (self.plant.source_power(), self.plant.losses());
        let watts = [source_va.re, losses_va.re];
        self.gatherer.solution(tick, solution, watts, self.plan.step.seconds() / 3600.0);
        self.gatherer.positions(&self.plant);
        let spread = match solution.converged {
            true => self.gatherer.voltages(tick, self.plant.voltages()),
            false => Spread::UNKNOWN,
        };
        let (unserved_w, f_hz) = (self.unserved_w(spread), self.sources.f_hz);
        let overall = Overall { solution, source_va, losses_va, spread, unserved_w, f_hz };
        let machines = &mut self.equipment.machines;
        self.quality.solve(tick, f_hz, &mut self.plant, machines, &self.demands);
        pacer.enter(Stage::Sense);
        self.channels.fill(&mut self.row, &mut self.plant, &overall);
        self.quality.sense(tick, f_hz, &mut self.plant, machines, &mut self.hil, &mut self.row);
        self.hil.show(tick, (self.plant.voltages(), f_hz), &self.equipment.machines, &mut self.row);
        self.equipment.sense_and_control(tick, &mut self.row);
        pacer.enter(Stage::Control);
        self.ties.look(tick, &self.equipment, &mut self.phasors, &mut self.row);
        let (equipment, multiplier) = (&self.equipment, self.demands.multiplier);
        self.checks.look(tick, equipment, multiplier, &self.plant, &mut self.phasors, &mut self.row);
        self.phasors.control(tick, &self.equipment, self.plant.voltages(), &mut self.row, pacer);
        let (phasors, equipment) = (&self.phasors, &self.equipment);
        self.supervisors.control(tick, phasors, equipment, self.demands.multiplier, &self.plant, &mut self.row);
        pacer.enter(Stage::Record);
        self.numbers.take(tick, &self.row, solution.converged);
        self.expectations.take(tick, &self.row, &overall, &mut self.plant);
        self.triggers.look(tick, &self.row, &self.plan.triggers);
    }

    /// Tells the plant what loads and devices draw.
    fn actuate(&mut self, tick: Tick) {
        self.demands.look(self.plan.clock_s(tick));
        self.quality.actuate(tick, &mut self.equipment.machines);
        self.ties.actuate(&mut self.plant);
        self.phasors.deliver(tick, &mut self.equipment);
        self.supervisors.deliver(tick, &mut self.phasors, &mut self.equipment);
        self.hil.begin(tick);
        self.equipment.hear(&self.hil);
        self.follows.step(&self.equipment, &mut self.sources, &mut self.plant);
        self.equipment.actuate(tick, &mut self.demands, &mut self.hil);
        self.demands.apply(&mut self.plant);
        self.equipment.tell_phases(&mut self.plant);
    }

    /// What loads would draw from nodes that nothing feeds, in W: of a load at several nodes, its share at the dead ones.
    #[allow(clippy::cast_precision_loss, reason = "nodes of a load")]
    fn unserved_w(&self, spread: Spread) -> f64 {
        if spread.de_energised == 0 {
            return 0.0;
        }
        let voltages = self.plant.voltages();
        let dead = |node: &&usize| voltages.get(**node).is_some_and(|v| *v == Complex::default());
        let unserved = |(load, nodes): (usize, &Vec<usize>)| {
            let share = nodes.iter().filter(dead).count() as f64 / nodes.len().max(1) as f64;
            share * self.demands.told_w(load).max(0.0)
        };
        self.load_nodes.iter().enumerate().map(unserved).sum()
    }

    fn events_until(&mut self, tick: Tick) {
        while let Some(event) = self.plan.events.get(self.next_event).filter(|event| event.tick <= tick) {
            self.next_event += 1;
            self.act(event.action);
        }
        while let Some(action) = self.triggers.due(tick, &self.plan.triggers) {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::SetLoad { load, p_kw, q_kvar } => {
                if let Some(demand) = self.demands.get_mut(load) {
                    demand.p_kw = p_kw.unwrap_or(demand.p_kw);
                    demand.q_kvar = q_kvar.unwrap_or(demand.q_kvar);
                }
            }
            Action::ScaleLoad { load, scale } => {
                if let Some(demand) = self.demands.get_mut(load) {
                    demand.scale = scale;
                }
            }
            Action::ConnectLoad { load, connected } => self.connect(load, connected),
            Action::Switch { branch, open } => {
                self.supervisors.switched(branch, open);
                self.checks.switched(branch, open);
                self.plant.switch(branch, open);
            }
            Action::SwitchPhases { line, phases, open } => self.plant.switch_phases(line, phases, open),
            Action::Lose { unit: Unit::Load(load), lost } => self.connect(load, !lost),
            Action::Lose { unit: Unit::Generator(k), lost } => {
                self.connect(self.plan.feeder.loads.len() + self.plan.added.len() + k, !lost);
            }
            Action::Lose { unit: Unit::Device(k), lost } => self.equipment.set_lost(k, lost),
            Action::Lose { unit, lost } => self.plant.lose(unit, lost),
            Action::SetTap { regulator, tap } => self.plant.set_tap(regulator, tap),
            Action::MoveTap { regulator, by } => {
                self.plant.set_tap(regulator, self.plant.tap(regulator).saturating_add(by));
            }
            Action::SwitchCapacitor { capacitor, closed } => self.plant.switch_capacitor(capacitor, closed),
            Action::SetMultiplier { factor } => self.demands.multiplier = factor,
            Action::ScaleShape { shape, factor } => self.demands.scale_shape(shape, factor),
            Action::SetSource { source, phases, v_pu, angle_deg } => {
                self.sources.set(source, phases, (v_pu, angle_deg), &mut self.plant);
            }
            Action::Sag { source, phases, to } => self.sources.sag(source, phases, to, &mut self.plant),
            Action::SetFrequency { f_hz } => {
                self.sources.f_hz = f_hz;
                self.plant.set_frequency(f_hz);
            }
            Action::Fault { fault, on } => self.plant.switch_fault(fault, on),
            Action::SetDevice { device, p_kw, q_kvar } => self.equipment.set_point(device, p_kw, q_kvar),
            Action::SetTarget { controller, v_pu, angle_deg } => self.phasors.set_target(controller, v_pu, angle_deg),
            Action::SetHead { supervisor, p_kw, q_kvar } => self.supervisors.set_head(supervisor, p_kw, q_kvar),
            Action::SetEmission { device, factor } => self.equipment.set_noisy(device, factor),
            Action::ScaleBackground { background, factor } => self.quality.scale_background(background, factor),
            Action::SwitchFilter { device, on } => self.equipment.switch_filter(device, on),
            Action::Acknowledge { controller } => self.phasors.acknowledge(controller),
            Action::LoseLink { link: Link::Phasor(controller), lost } => self.phasors.set_lost(controller, lost),
            Action::LoseLink { link: Link::Supervisory(k), lost } => self.supervisors.set_lost(k, lost),
            Action::DelayLink { link: Link::Supervisory(k), ticks } => self.supervisors.set_extra(k, ticks),
            Action::LoseLink { link, lost } => self.line(link).into_iter().for_each(|line| line.set_lost(lost)),
            Action::DelayLink { link, ticks } => {
                self.line(link).into_iter().for_each(|line| line.set_extra(ticks));
            }
            Action::FaultSensor { instrument, channel, fault, on } => {
                self.equipment.set_fault(instrument, channel, fault, on);
            }
            Action::FaultClock { instrument, fault, on } => self.equipment.set_clock(instrument, fault, on),
        }
    }

    fn line(&mut self, link: Link) -> Option<&mut Line> {
        match link {
            Link::Mitigation(mitigation) => self.quality.line(mitigation),
            Link::Phasor(controller) => self.phasors.line(controller),
            _ => self.equipment.line(link),
        }
    }

    fn connect(&mut self, load: usize, connected: bool) {
        if let Some(demand) = self.demands.get_mut(load) {
            demand.connected = connected;
        }
    }
}

/// Places of the nodes that each load stands at: the feeder's, then those that events add.
fn load_nodes(plan: &Plan, nodes: &[Node]) -> Vec<Vec<usize>> {
    let places: IndexMap<(&str, u16), usize> =
        nodes.iter().enumerate().map(|(k, node)| ((node.bus.as_str(), node.number), k)).collect();
    let place = |bus: &str, numbers: Vec<u16>| -> Vec<usize> {
        numbers.iter().filter_map(|n| places.get(&(bus, *n)).copied()).collect()
    };
    let own = plan.feeder.loads.values().map(|load| {
        let conductors = if load.connection == Connection::Delta { load.phases.max(2) } else { load.phases };
        place(&load.bus.bus, load.bus.conductors(load.phases, conductors))
    });
    own.chain(plan.added.iter().map(|added| place(&added.bus.bus, added.bus.nodes.clone()))).collect()
}

/// The nodes whose voltage means something by itself: fed by a phase, with a base.
pub fn phase_nodes(plan: &Plan, nodes: &[Node]) -> Vec<NodeOutcome> {
    let places = plan.feeder.places();
    let phase_node = |(index, node): (usize, &Node)| {
        let place = places.get(&(node.bus.as_str(), node.number))?;
        let phase = place.phase.filter(|_| node.base_v > 0.0)?;
        Some(NodeOutcome::new(node.clone(), index, phase, place.distance_m))
    };
    nodes.iter().enumerate().filter_map(phase_node).collect()
}
