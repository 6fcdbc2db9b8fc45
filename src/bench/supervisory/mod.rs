//! S-PBCs at work: tasks beside the loop.
//!
//! At its period, or when an L-PBC fails and a least interval has gone by, an S-PBC takes what is known once tick n is
//! solved and controlled, and plans. What it finds counts from tick n + L on, whatever planning takes: before that tick is
//! solved, L-PBCs get their targets, zones below their set-points, or, with `dispatch`, devices their powers. So a run is
//! the same however fast the machine is. A plan that is due while the one before is under way is an overrun, and left out.
//!
//! Only a plan that is optimal acts; otherwise everything stays as it is. Actuators of a saturated L-PBC are planned with
//! a part of their limits, so that the loop has room, until a plan needs less than that part. An actuator that its L-PBC
//! has taken out is planned with nothing.
//!
//! The step allocates nothing but in a tick in which a plan is made: a task's work is not the step's.

mod arrived;
mod forecast;
mod setup;
mod task;

use super::equipment::Equipment;
use super::grid::SetupError;
use super::phasor::Phasors;
use super::plant::Plant;
use crate::control::phasor::supervise::zones::{HeadPower, Zones};
use crate::quantity::{Step, Tick};
use crate::scenario::{Branch, Measure, Plan, Planning};
pub(super) use setup::{actuator_node, rated_va, refused, switches};
use task::{Frozen, Task};

/// All S-PBCs of a plan.
pub(super) struct Supervisors {
    tasks: Vec<Task>,
    zones: Zones,
    /// From the top down.
    order: Vec<usize>,
    /// Places in the row that they fill.
    said: Vec<(usize, usize, Planning)>,
    step: Step,
    start_s: f64,
    regulators: usize,
    /// Whether each line is open.
    open: Vec<bool>,
}

impl Supervisors {
    pub(super) fn new(plan: &Plan) -> Result<Self, SetupError> {
        let all = &plan.equipment.supervisors;
        let tasks = (0..all.len()).map(|k| Task::new(plan, k)).collect::<Result<_, _>>()?;
        let zones = Zones::new(all.iter().map(|own| own.zone.clone()).collect());
        let zones = zones.map_err(|errors| SetupError::Controller {
            name: all.first().map_or(String::new(), |own| own.name.clone()),
            error: errors.first().map_or(String::new(), ToString::to_string),
        })?;
        let said = |(row, quantity): (usize, &crate::scenario::Quantity)| match quantity.measure {
            Measure::Planned(place, what) => Some((row, place, what)),
            _ => None,
        };
        Ok(Self {
            tasks,
            // All are due at 0.
            order: zones.due(Tick(0)).collect(),
            zones,
            said: plan.quantities.iter().enumerate().filter_map(said).collect(),
            step: plan.step,
            start_s: plan.start_s,
            regulators: plan.feeder.regulators.len(),
            open: plan.feeder.lines.values().map(|line| line.open).collect(),
        })
    }

    /// A higher layer's set-point of the head.
    pub(super) fn set_head(&mut self, supervisor: usize, p_kw: Option<f64>, q_kvar: Option<f64>) {
        if let Some(own) = self.tasks.get_mut(supervisor) {
            own.set_head([p_kw, q_kvar].map(|kilo| kilo.map(|kilo| kilo * 1000.0)));
        }
    }

    /// A branch is open or closed from now on.
    pub(super) fn switched(&mut self, branch: Branch, open: bool) {
        if let Branch::Line(line) = branch
            && let Some(own) = self.open.get_mut(line)
        {
            *own = open;
        }
    }

    pub(super) fn set_lost(&mut self, supervisor: usize, lost: bool) {
        if let Some(own) = self.tasks.get_mut(supervisor) {
            own.lost = lost;
        }
    }

    pub(super) fn set_extra(&mut self, supervisor: usize, ticks: u64) {
        if let Some(own) = self.tasks.get_mut(supervisor) {
            own.extra = ticks;
        }
    }

    /// Before a tick is solved: plans that arrive act.
    pub(super) fn deliver(&mut self, tick: Tick, phasors: &mut Phasors, equipment: &mut Equipment) {
        for (k, task) in self.tasks.iter_mut().enumerate() {
            let Some(heads) = task.deliver(tick, phasors, equipment) else { continue };
            for (below, power) in heads {
                self.zones.give(k, below, power, tick);
            }
        }
    }

    /// Once a tick is solved and L-PBCs have acted: plans that are due are made, and what S-PBCs say goes into the row.
    pub(super) fn control(
        &mut self,
        tick: Tick,
        phasors: &Phasors,
        equipment: &Equipment,
        multiplier: f64,
        plant: &impl Plant,
        row: &mut [f64],
    ) {
        for &k in &self.order {
            let Some(task) = self.tasks.get_mut(k) else { continue };
            task.listen(phasors);
            task.given = self.zones.head(k, tick).map(|power| total(&power));
            if task.is_due(tick) {
                task.plan(&Frozen {
                    tick,
                    phasors,
                    equipment,
                    multiplier,
                    clock_s: self.start_s + self.step.time_s(tick),
                    taps: (0..self.regulators).map(|k| plant.tap(k)).collect(),
                    open: &self.open,
                });
            }
        }
        for &(place, supervisor, what) in &self.said {
            if let Some((slot, own)) = row.get_mut(place).zip(self.tasks.get(supervisor)) {
                *slot = own.says(what);
            }
        }
    }
}

/// Active and reactive power of all phases.
fn total(power: &HeadPower) -> [f64; 2] {
    [power.p_w, power.q_var].map(|own| own.iter().sum())
}
