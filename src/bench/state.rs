//! What events change beside loads: the sources' voltages, the frequency, what conditions have set off.

use super::plant::Plant;
use crate::quantity::{Complex, Tick};
use crate::scenario::{Action, Phases, Plan, Planned, Trigger};

/// The sources' voltages, phase by phase, relative to the feeder's description.
pub(super) struct Sources {
    /// For each source, for each of its phases.
    phases: Vec<Vec<SourcePhase>>,
    pub(super) f_hz: f64,
}

/// One phase of a source.
#[derive(Clone, Copy)]
struct SourcePhase {
    v_pu: f64,
    angle_deg: f64,
    /// What a sag leaves of it.
    sag: f64,
}

impl Sources {
    pub(super) fn new(plan: &Plan) -> Self {
        let nominal = SourcePhase { v_pu: 1.0, angle_deg: 0.0, sag: 1.0 };
        let phases = plan.feeder.sources.values().map(|source| vec![nominal; source.phases]).collect();
        Self { phases, f_hz: plan.feeder.frequency_hz }
    }

    pub(super) fn set(
        &mut self,
        source: usize,
        phases: Phases,
        (v_pu, angle_deg): (Option<f64>, Option<f64>),
        plant: &mut impl Plant,
    ) {
        self.change(source, phases, plant, |phase| {
            phase.v_pu = v_pu.unwrap_or(phase.v_pu);
            phase.angle_deg = angle_deg.unwrap_or(phase.angle_deg);
        });
    }

    /// Turns and stretches a phase.
    pub(super) fn turn(&mut self, source: usize, phase: usize, by: Complex, plant: &mut impl Plant) {
        let own = self.phases.get_mut(source).and_then(|own| own.get_mut(phase));
        if let Some(own) = own.filter(|_| by.is_finite()) {
            own.v_pu *= by.norm();
            own.angle_deg = (own.angle_deg + by.arg().to_degrees() + 180.0).rem_euclid(360.0) - 180.0;
            plant.set_source(source, phase, own.v_pu * own.sag, own.angle_deg);
        }
    }

    pub(super) fn sag(&mut self, source: usize, phases: Phases, to: f64, plant: &mut impl Plant) {
        self.change(source, phases, plant, |phase| phase.sag = to);
    }

    fn change(&mut self, source: usize, phases: Phases, plant: &mut impl Plant, f: impl Fn(&mut SourcePhase)) {
        let own = self.phases.get_mut(source).map(Vec::as_mut_slice).unwrap_or_default();
        for (k, phase) in own.iter_mut().enumerate().filter(|(k, _)| phases.has(*k)) {
            f(phase);
            plant.set_source(source, k, phase.v_pu * phase.sag, phase.angle_deg);
        }
    }
}

/// Conditions, and what they have set off.
pub(super) struct Triggers {
    states: Vec<State>,
    /// What is still to happen: when, of which trigger, and whether it is the undoing.
    pending: Vec<(Tick, usize, bool)>,
    /// What has happened.
    happened: Vec<(Tick, usize, bool)>,
}

#[derive(Clone, Copy, Default)]
struct State {
    held: u64,
    fired: u32,
    /// It went off and the condition still holds.
    waiting: bool,
}

impl Triggers {
    /// Room for all that can happen: a step allocates nothing.
    pub(super) fn new(triggers: &[Trigger]) -> Self {
        let most = triggers.iter().map(|t| t.times as usize + t.undo_after.len()).sum();
        Self {
            states: vec![State::default(); triggers.len()],
            pending: Vec::with_capacity(most),
            happened: Vec::with_capacity(most),
        }
    }

    /// Looks at a step's row: what it sets off takes effect in the next step.
    pub(super) fn look(&mut self, tick: Tick, row: &[f64], triggers: &[Trigger]) {
        for (k, (trigger, state)) in triggers.iter().zip(&mut self.states).enumerate() {
            let value = row.get(trigger.quantity).copied().unwrap_or(f64::NAN);
            let [low, high] = trigger.quiet;
            if !(value < low || value > high) {
                (state.held, state.waiting) = (0, false);
                continue;
            }
            state.held += 1;
            if state.held < trigger.held || state.waiting || state.fired >= trigger.times {
                continue;
            }
            self.pending.push((tick.next(), k, false));
            if let Some(after) = trigger.undo_after.get(state.fired as usize).filter(|_| trigger.undo.is_some()) {
                self.pending.push((Tick(tick.next().0.saturating_add(*after)), k, true));
            }
            (state.fired, state.waiting) = (state.fired + 1, true);
        }
    }

    /// The next action that is due at a tick, in the order in which conditions set them off.
    pub(super) fn due(&mut self, tick: Tick, triggers: &[Trigger]) -> Option<Action> {
        let place = self.pending.iter().position(|(due, ..)| *due <= tick)?;
        let (_, k, undo) = self.pending.remove(place);
        self.happened.push((tick, k, undo));
        let trigger = triggers.get(k)?;
        if undo { trigger.undo.as_ref().map(|(action, _)| *action) } else { Some(trigger.action) }
    }

    /// What has happened.
    pub(super) fn happened(&self, triggers: &[Trigger]) -> Vec<Planned> {
        let planned = |&(tick, k, undo): &(Tick, usize, bool)| {
            let trigger = triggers.get(k)?;
            let (action, label) = if undo { trigger.undo.clone()? } else { (trigger.action, trigger.label.clone()) };
            Some(Planned { tick, action, label })
        };
        self.happened.iter().filter_map(planned).collect()
    }
}
