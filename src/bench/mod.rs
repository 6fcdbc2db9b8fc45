//! Floor 6: the loop – for each tick: events, demands, the plant with its controls, the record.
//!
//! There is one loop; batch and real time differ in the [`Pacer`] only. Tick k is solved at k steps after the start (time
//! advances before the solution, as in OpenDSS's daily mode), so a day of quarter hours has 96 solutions and the start
//! itself is not one. The step allocates nothing and does no input or output: rows go through [`Recorder::append`].

mod channels;
mod demand;
mod grid;
mod outcome;
mod pace;
mod plant;
#[cfg(test)]
mod tests;
mod verdict;

use std::io;

pub use grid::{GridPlant, SetupError};
pub use outcome::{NodeOutcome, Outcome, Snapshot};
pub use pace::{Batch, Pacer};
pub use plant::{Node, Plant, Solution};
pub use verdict::Verdict;

use crate::quantity::Tick;
use crate::record::Recorder;
use crate::scenario::{Action, Plan};
use crate::solver::PowerFlow;
use channels::Channels;
use demand::Demands;
use outcome::{Gatherer, Spread};

/// A plan and its plant, ready to run.
pub struct Bench<'a, P: Plant> {
    plan: &'a Plan,
    plant: P,
    demands: Demands,
    channels: Channels,
    gatherer: Gatherer,
    next_event: usize,
}

impl<'a> Bench<'a, GridPlant> {
    /// Compiles the plan's feeder and sets up a run.
    ///
    /// # Errors
    /// When the feeder cannot be compiled.
    pub fn new(plan: &'a Plan) -> Result<Self, SetupError> {
        Ok(Self::with_plant(plan, GridPlant::new(plan)?))
    }

    /// The plant's power flow as the first step finds it: set up, with the demands of that time, not solved.
    pub fn into_first_state(mut self) -> PowerFlow {
        self.demands.apply(self.plan.clock_s(Tick(1)), &mut self.plant);
        self.plant.into_power_flow()
    }
}

impl<'a, P: Plant> Bench<'a, P> {
    /// Sets up a run: what the plan sets before the first step is set. `plant` is made of the plan's feeder with the
    /// plan's added loads after its own.
    pub fn with_plant(plan: &'a Plan, plant: P) -> Self {
        let nodes = plant.nodes();
        let (taps, steps) = (plan.feeder.regulators.len(), plan.feeder.capacitors.len());
        let mut bench = Self {
            channels: Channels::new(plan, &nodes),
            demands: Demands::new(&plan.demands, &plan.shapes, plan.load_multiplier),
            gatherer: Gatherer::new(Vec::new(), 0, plan.watch.limits_pu, Vec::new(), Vec::new()),
            plan,
            plant,
            next_event: 0,
        };
        plan.initial.iter().for_each(|&action| bench.act(action));
        let taps = (0..taps).map(|k| bench.plant.tap(k)).collect();
        let steps = (0..steps).map(|k| bench.plant.closed_steps(k)).collect();
        bench.gatherer = Gatherer::new(phase_nodes(plan, &nodes), nodes.len(), plan.watch.limits_pu, taps, steps);
        bench
    }

    /// Names of the channels that [`Bench::run`] records.
    pub fn channels(&self) -> &[String] {
        &self.channels.names
    }

    /// The plant.
    pub fn plant(&self) -> &P {
        &self.plant
    }

    /// Runs to the end. `progress` is told each tick once it is done.
    ///
    /// # Errors
    /// When the record cannot be written. A tick without a solution is no error: it is counted and the run goes on.
    pub fn run(
        mut self,
        recorder: &mut Recorder,
        pacer: &mut dyn Pacer,
        progress: &mut dyn FnMut(Tick),
    ) -> io::Result<Outcome> {
        let mut tick = Tick(0);
        while tick < self.plan.last {
            tick = tick.next();
            pacer.wait(tick);
            self.step(tick, recorder)?;
            progress(tick);
        }
        Ok(self.gatherer.finish())
    }

    fn step(&mut self, tick: Tick, recorder: &mut Recorder) -> io::Result<()> {
        self.events_until(tick);
        let clock_s = self.plan.clock_s(tick);
        self.demands.apply(clock_s, &mut self.plant);
        let solution = self.plant.solve(clock_s);
        let power = [self.plant.source_power(), self.plant.losses()];
        self.gatherer.solution(tick, solution, power.map(|s| s.re), self.plan.step.seconds() / 3600.0);
        self.gatherer.positions(&self.plant);
        let spread = match solution.converged {
            true => self.gatherer.voltages(tick, self.plant.voltages()),
            false => Spread::UNKNOWN,
        };
        if tick.0.is_multiple_of(self.plan.watch.every) {
            let (channels, plant) = (&self.channels, &self.plant);
            recorder.append(self.plan.step.time_s(tick), |row| channels.fill(row, plant, solution, power, spread))?;
        }
        Ok(())
    }

    fn events_until(&mut self, tick: Tick) {
        while let Some(event) = self.plan.events.get(self.next_event).filter(|event| event.tick <= tick) {
            self.next_event += 1;
            self.act(event.action);
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
            Action::ConnectLoad { load, connected } => {
                if let Some(demand) = self.demands.get_mut(load) {
                    demand.connected = connected;
                }
            }
            Action::SwitchLine { line, open } => self.plant.switch_line(line, open),
            Action::SetTap { regulator, tap } => self.plant.set_tap(regulator, tap),
            Action::MoveTap { regulator, by } => {
                self.plant.set_tap(regulator, self.plant.tap(regulator).saturating_add(by));
            }
            Action::SwitchCapacitor { capacitor, closed } => self.plant.switch_capacitor(capacitor, closed),
            Action::SetMultiplier { factor } => self.demands.multiplier = factor,
        }
    }
}

/// The nodes whose voltage means something by itself: fed by a phase, with a base.
fn phase_nodes(plan: &Plan, nodes: &[Node]) -> Vec<NodeOutcome> {
    let places = plan.feeder.places();
    let phase_node = |(index, node): (usize, &Node)| {
        let place = places.get(&(node.bus.as_str(), node.number))?;
        let phase = place.phase.filter(|_| node.base_v > 0.0)?;
        Some(NodeOutcome::new(node.clone(), index, phase, place.distance_m))
    };
    nodes.iter().enumerate().filter_map(phase_node).collect()
}
