//! A phasor controller's loop as tuning sees it: the law as it is written, around the network as the solver has it.
//!
//! The path is the sensitivity of the scenario's own feeder behind what delays a command: the line, the device's dead time
//! and response, the PMU. The law's sensitivity is that of the controller's own model, times `model_scale`: a model that is
//! wrong shows in the margins. The period is that of the law, or of the performance PMU where it reports less often.
//!
//! Limits: actuators that share a phase count with their mean response and the longest delay. Ramps, ratings, deadbands and
//! the supervision are not in it. The velocity form that looks for its delay counts as having found it.

use nalgebra::{DMatrix, SVD};

use super::law::{pi_settings, settings};
use super::model::{self, Model};
use crate::bench::SetupError;
use crate::control::phasor::tune::{Lag, LinearLaw, Path, PiGains};
use crate::control::phasor::{LpbcError, LpbcSettings, LqpcSettings, MOST_HIDDEN, Sensitivity};
use crate::scenario::{Actuated, Device, DeviceKind, Phasor, PhasorLaw, Plan};

/// Rounds of a singular value decomposition before it is given up.
const MOST_ROUNDS: usize = 200;

/// What a controller takes the network for, and what it is.
pub(crate) struct Known {
    /// On the controller's own model.
    pub(crate) own: Result<Model, SetupError>,
    /// On the scenario's feeder, by the same base power; `None` where one of both has no solution.
    pub(crate) truth: Option<Model>,
}

/// Of each phasor controller of a plan.
pub(crate) fn known(plan: &Plan) -> Vec<Known> {
    let phasors = &plan.equipment.phasors;
    let own: Vec<Result<Model, SetupError>> = match model::models(plan) {
        Ok(all) => all.into_iter().map(Ok).collect(),
        // Which one it is.
        Err(_) => phasors.iter().map(|phasor| alone(plan, phasor.clone())).collect(),
    };
    let known = |(phasor, own): (&Phasor, Result<Model, SetupError>)| {
        let truth = own.as_ref().ok().and_then(|own| truth(plan, phasor, own));
        Known { own, truth }
    };
    phasors.iter().zip(own).map(known).collect()
}

fn alone(plan: &Plan, phasor: Phasor) -> Result<Model, SetupError> {
    let nothing = || SetupError::Controller { name: String::new(), error: String::new() };
    let mut one = plan.clone();
    one.equipment.phasors = vec![phasor];
    model::models(&one)?.pop().ok_or_else(nothing)
}

fn truth(plan: &Plan, phasor: &Phasor, own: &Model) -> Option<Model> {
    if phasor.model.is_none() && phasor.setting.model_scale == 1.0 {
        return Some(own.clone());
    }
    let mut told = phasor.clone();
    told.model = None;
    told.setting.model_scale = 1.0;
    told.setting.base_kva = Some(own.base_va / 1000.0);
    alone(plan, told).ok()
}

/// Ticks between two steps of a law that has something new to work on.
pub(crate) fn period(plan: &Plan, phasor: &Phasor) -> u64 {
    let seen = plan.equipment.instruments.get(phasor.performance.instrument).map_or(1, |own| own.settings.every);
    phasor.every.max(seen).max(1)
}

/// The same in s.
#[allow(clippy::cast_precision_loss, reason = "ticks between steps")]
pub(crate) fn period_s(plan: &Plan, phasor: &Phasor) -> f64 {
    plan.step.seconds() * period(plan, phasor) as f64
}

/// The way of a controller's commands to what it sees, by how the network really answers.
pub(crate) fn path(plan: &Plan, phasor: &Phasor, truth: &Model) -> Result<Path, LpbcError> {
    let sensitivity = settings(plan, phasor, truth)?.sensitivity;
    let lags: Vec<Lag> = (0..sensitivity.phases()).map(|phase| lag(plan, phasor, phase)).collect();
    Ok(Path { sensitivity: matrix(&sensitivity), lags: [lags.clone(), lags].concat() })
}

/// The way of a phase's commands, of active as of reactive power.
#[allow(clippy::cast_precision_loss, reason = "counts of ticks")]
fn lag(plan: &Plan, phasor: &Phasor, phase: usize) -> Lag {
    let (mut dead, mut sum_s, mut whole) = (0, 0.0, 0.0);
    for (k, own) in phasor.actuators.iter().enumerate().filter(|(_, own)| own.phases.iter().any(|p| p[0] == phase)) {
        let Some(device) = plan.equipment.devices.get(own.device) else { continue };
        dead = dead.max(dead_ticks(plan, device));
        let share = share(plan, phasor, k, own);
        (sum_s, whole) = (sum_s + share * time_constant_s(device), whole + share);
    }
    // A command that is seen at the next step has no delay beside that one.
    let dead_s = plan.step.seconds() * (phasor.delay + phasor.seen_delay + dead).saturating_sub(1) as f64;
    Lag::sampled(if whole > 0.0 { sum_s / whole } else { 0.0 }, dead_s, period_s(plan, phasor))
}

/// What an actuator takes of its phases beside the others.
pub(super) fn share(plan: &Plan, phasor: &Phasor, place: usize, own: &Actuated) -> f64 {
    let told = phasor.setting.shares.as_ref().and_then(|shares| shares.get(place).copied());
    told.unwrap_or_else(|| plan.equipment.devices.get(own.device).map_or(0.0, phase_va))
}

/// Rated apparent power of a device's phase in VA.
#[allow(clippy::cast_precision_loss, reason = "a few phases")]
pub(super) fn phase_va(device: &Device) -> f64 {
    device.limits.s_va / device.phases.len().max(1) as f64
}

/// Ticks from a command's arrival to the device's answer.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time that was checked")]
pub(super) fn dead_ticks(plan: &Plan, device: &Device) -> u64 {
    match &device.kind {
        DeviceKind::Power { dead_time, .. } => *dead_time as u64,
        DeviceKind::Inverter(settings) => (settings.unit.dead_time_s / plan.step.seconds()).round() as u64,
        DeviceKind::ActiveFilter(_) => 0,
    }
}

/// Of a device's first-order response, which is given to 90 %.
pub(super) fn time_constant_s(device: &Device) -> f64 {
    device.limits.response_s / std::f64::consts::LN_10
}

/// A sensitivity as a matrix.
pub(crate) fn matrix(b: &Sensitivity) -> DMatrix<f64> {
    DMatrix::from_fn(b.size(), b.size(), |i, j| b.at(i, j))
}

/// A controller's law; `None` where it is not linear. `settings` are those on its own model.
pub(crate) fn law(phasor: &Phasor, settings: &LpbcSettings, path: &Path) -> Option<LinearLaw> {
    let model = matrix(&settings.sensitivity);
    match phasor.setting.law {
        PhasorLaw::Pi => pi_gains(phasor, &settings.sensitivity).law(),
        PhasorLaw::DecoupledPi => LinearLaw::decoupled(&model, settings.gains.kp, settings.gains.ki),
        PhasorLaw::Lqpc => velocity(phasor, &model, path),
        _ => None,
    }
}

/// Gains of a controller whose law is PI.
pub(crate) fn pi_gains(phasor: &Phasor, b: &Sensitivity) -> PiGains {
    let gains = pi_settings(phasor, b).gains;
    let of = |gain: fn(&crate::control::phasor::PhaseGains) -> f64| gains.iter().take(b.phases()).map(gain).collect();
    PiGains {
        kp_v: of(|own| own.kp_v),
        ki_v: of(|own| own.ki_v),
        kp_angle: of(|own| own.kp_angle),
        ki_angle: of(|own| own.ki_angle),
    }
}

/// The velocity form. Its regulator falls apart along the singular vectors of B: with σ of one of them it is that of
/// `e⁺ = e − σ·Δu` with the weights 1 and `R = r·σ² + ρ`, whose Riccati equation has `s = (1 + √(1 + 4R/σ²))/2` and the gain
/// `1/(s·σ)`.
fn velocity(phasor: &Phasor, model: &DMatrix<f64>, path: &Path) -> Option<LinearLaw> {
    let usual = LqpcSettings::default();
    let own = |name: &str, usual: f64| phasor.setting.parameters.get(name).copied().unwrap_or(usual);
    let (effect, power) = (own("effect_weight", usual.effect_weight), own("power_weight", usual.power_weight));
    let svd = SVD::try_new(model.clone(), true, true, f64::EPSILON, MOST_ROUNDS)?;
    let gain = svd.singular_values.map(|sigma| {
        let s = 0.5 * (1.0 + (1.0 + 4.0 * (effect + power / (sigma * sigma))).sqrt());
        1.0 / (s * sigma)
    });
    let gain = svd.v_t?.transpose() * DMatrix::from_diagonal(&gain) * svd.u?.transpose();
    let whole = path.lags.iter().map(|lag| lag.delay_steps).max().unwrap_or(0);
    let stamped = usize::try_from(phasor.seen_delay / phasor.every.max(1)).unwrap_or(0);
    let hidden = usize::try_from(phasor.assumed_delay).unwrap_or(usize::MAX).saturating_sub(stamped).min(MOST_HIDDEN);
    let delay = if own("find_delay", 1.0) == 0.0 { stamped.saturating_add(hidden) } else { whole };
    LinearLaw::delay_aware(&gain, model, delay)
}
