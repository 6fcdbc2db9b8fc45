//! The step experiment on the plant of a run: the commands of a controller that is not there step one after another, through
//! its devices and past its PMUs, with what delays them; loads stay as they are at the start.
//!
//! As in Swartz's driver a phase steps by 100 kW or 100 kvar, or by a tenth of its actuators' rating where that is less;
//! actuators take their shares. Other controllers (droops) go on: they are part of what the law will meet. Events do not
//! happen. A measurement that is lost leaves the one before; noise of the PMUs is in the record as it will be in the loop.

use super::linear;
use super::wrapped_deg;
use crate::bench::{Batch, Bench, GridPlant, SetupError};
use crate::control::phasor::MOST_SIZE;
use crate::control::phasor::tune::{Experiment, FitError, Identified, Responses, identify};
use crate::quantity::Tick;
use crate::scenario::{Demand, Phasor, Plan};

/// Largest step of a phase in VA, and largest part of its actuators' rating.
const STEP: (f64, f64) = (100e3, 0.1);
/// Fewest and most periods that a step is held.
const HELD: (f64, f64) = (20.0, 2000.0);
/// Time constants and dead times that a step is held.
const WAITED: f64 = 8.0;

/// Why an experiment came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExperimentError {
    /// The plan cannot be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Its record cannot be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
}

/// What a step experiment shows of the way from a controller's commands to what it sees, by a base power in VA.
#[allow(clippy::cast_precision_loss, reason = "counts of ticks and phases")]
pub(crate) fn experiment(plan: &Plan, phasor: &Phasor, base_va: f64) -> Result<Identified, ExperimentError> {
    let mut bare = plan.clone();
    bare.equipment.phasors.clear();
    bare.equipment.seats.clear();
    bare.equipment.follows.clear();
    bare.events.clear();
    bare.triggers.clear();
    bare.expectations.clear();
    let mut bench = Bench::new(&bare)?;
    hold_still(&mut bench);
    let steps = steps(plan, phasor, base_va);
    let mut trial = Trial::new(&bench, phasor, base_va);
    let mut responses = Responses::default();
    let end_s = steps.end_s();
    let step_s = plan.step.seconds();
    let mut tick = Tick(0);
    while plan.step.time_s(tick) < end_s {
        tick = tick.next();
        // Half a step, so that rounding moves no command to another tick.
        let told_s = plan.step.time_s(tick) - (phasor.delay as f64 - 0.5) * step_s;
        trial.command(&mut bench, &steps, told_s);
        bench.step(tick, &mut Batch);
        if tick.0.is_multiple_of(linear::period(plan, phasor)) && trial.see(&bench) {
            responses.t_s.push(plan.step.time_s(tick));
            responses.outputs.push(trial.seen.clone());
        }
    }
    Ok(identify(&steps, &responses)?)
}

/// Loads draw what they do at the start for ever.
fn hold_still(bench: &mut Bench<'_, GridPlant>) {
    bench.demands.look(bench.plan.clock_s(Tick(1)));
    for load in 0..bench.plan.demands.len() {
        let Some(own) = bench.demands.get_mut(load).map(|own| *own) else { continue };
        let (p_kw, q_kvar) = bench.demands.power_kva(&own);
        if let Some(slot) = bench.demands.get_mut(load) {
            *slot = Demand { p_kw, q_kvar, scale: 1.0, shape: None, multiplied: false, connected: true };
        }
    }
}

/// When which command steps, and how far.
#[allow(clippy::cast_precision_loss, reason = "counts of ticks and phases")]
fn steps(plan: &Plan, phasor: &Phasor, base_va: f64) -> Experiment {
    let period_s = linear::period_s(plan, phasor);
    let rated = |phase: usize| -> f64 {
        let has = phasor.actuators.iter().filter(|own| own.phases.iter().any(|pair| pair[0] == phase));
        has.filter_map(|own| plan.equipment.devices.get(own.device)).map(linear::phase_va).sum()
    };
    let size_va = (0..phasor.phases.len()).map(|phase| STEP.1 * rated(phase)).fold(STEP.0, f64::min);
    let devices = phasor.actuators.iter().filter_map(|own| plan.equipment.devices.get(own.device));
    let waited = |device: &crate::scenario::Device| {
        let ramp_s =
            size_va * device.phases.len() as f64 / device.limits.ramp_w_per_s.min(device.limits.ramp_var_per_s);
        let dead = linear::dead_ticks(plan, device) + phasor.delay + phasor.seen_delay;
        WAITED * (linear::time_constant_s(device) + ramp_s + plan.step.seconds() * dead as f64)
    };
    let waited_s = devices.map(waited).fold(0.0, f64::max);
    let periods = (waited_s / period_s).ceil().clamp(HELD.0, HELD.1);
    Experiment::one_by_one(2 * phasor.phases.len(), size_va / base_va, 0.0, periods * period_s)
}

/// Hands of the controller that is not there.
struct Trial<'a> {
    phasor: &'a Phasor,
    base_va: f64,
    /// Phase by phase of the actuators: the device's phase, the controller's, the share of it, what it injects by itself.
    hands: Vec<(usize, [usize; 2], f64, [f64; 2])>,
    /// Magnitudes per unit, then relative angles in rad, as seen last.
    seen: Vec<f64>,
}

impl<'a> Trial<'a> {
    #[allow(clippy::cast_precision_loss, reason = "counts of ticks and phases")]
    fn new(bench: &Bench<'_, GridPlant>, phasor: &'a Phasor, base_va: f64) -> Self {
        let plan = bench.plan;
        let share = |k: usize| phasor.actuators.get(k).map_or(0.0, |own| linear::share(plan, phasor, k, own));
        let has = |k: usize, phase: usize| {
            phasor.actuators.get(k).is_some_and(|own| own.phases.iter().any(|pair| pair[0] == phase))
        };
        let whole =
            |phase: usize| -> f64 { (0..phasor.actuators.len()).filter(|k| has(*k, phase)).map(share).sum::<f64>() };
        let mut hands = Vec::new();
        for (k, own) in phasor.actuators.iter().enumerate() {
            let Some(device) = plan.equipment.devices.get(own.device) else { continue };
            let (p_kw, q_kvar) = bench.demands.power_kva(&device.set_point);
            let by_itself = [p_kw, q_kvar].map(|x| x * 1000.0 / device.phases.len().max(1) as f64);
            for &[phase, place] in &own.phases {
                let part = if whole(phase) > 0.0 { share(k) / whole(phase) } else { 0.0 };
                hands.push((own.device, [place, phase], part, by_itself));
            }
        }
        Self { phasor, base_va, hands, seen: vec![f64::NAN; 2 * phasor.phases.len()] }
    }

    /// Tells devices what the experiment told them at a time.
    fn command(&self, bench: &mut Bench<'_, GridPlant>, steps: &Experiment, told_s: f64) {
        let n = self.phasor.phases.len();
        let mut u = [0.0; MOST_SIZE];
        steps.add(told_s, &mut u);
        for &(device, [place, phase], part, [p_w, q_var]) in &self.hands {
            let [p, q] = [phase, n + phase].map(|k| u.get(k).copied().unwrap_or(0.0) * part * self.base_va);
            bench.equipment.command(device, place, Some([p_w + p, q_var + q]));
        }
    }

    /// Takes what the PMUs say; whether there is something of every output by now.
    fn see(&mut self, bench: &Bench<'_, GridPlant>) -> bool {
        let n = self.phasor.phases.len();
        let said = |instrument: usize, channel: usize| {
            let channel = bench.equipment.reading(instrument)?.get(channel);
            channel.valid.then_some(channel.value)
        };
        let (own, reference) = (&self.phasor.performance, &self.phasor.reference);
        for (k, (&[v, angle], &[_, firm])) in std::iter::zip(&own.channels, &reference.channels).enumerate() {
            let magnitude = said(own.instrument, v);
            let angle = said(own.instrument, angle).zip(said(reference.instrument, firm));
            let angle = angle.map(|(own, firm)| wrapped_deg(own - firm).to_radians());
            for (place, value) in [(k, magnitude), (n + k, angle)] {
                if let Some((slot, value)) = self.seen.get_mut(place).zip(value) {
                    *slot = value;
                }
            }
        }
        self.seen.iter().all(|x| x.is_finite())
    }
}
