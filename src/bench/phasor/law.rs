//! From what a scenario says of a phasor controller to the controller itself.

use super::model::Model;
use super::seat::Seat;
use crate::bench::SetupError;
use crate::control::phasor::{
    Adaptive, Answering, Deadband, Decoupled, DecoupledGains, Extremum, ExtremumSettings, FailSafe, Law, Lpbc,
    LpbcActuator, LpbcError, LpbcSettings, Lqpc, LqpcSettings, MOST_PHASES, Pi, PiSettings, PublishedLqpc,
    PublishedLqpcSettings, Rcac, RcacSettings, Sensitivity, SensitivityError, SensitivitySettings, Supervised,
    Watching,
};
use crate::device;
use crate::link::library::LibraryController;
use crate::link::process::{self, ProcessController};
use crate::link::{Setup, library};
use crate::scenario::{DeviceKind, FailSafeSetting, Phasor, PhasorLaw, Plan, SensitivitySetting};
use crate::sense;
use crate::signal::Channels;

/// Part of an actuator's rating by which its fail-safe leads it back in a second.
const RELEASE_PER_S: f64 = 0.2;

/// Why a controller cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    /// The network is not what it needs.
    #[error(transparent)]
    Lpbc(#[from] LpbcError),
    /// Its sensitivity is of no use.
    #[error(transparent)]
    Sensitivity(#[from] SensitivityError),
    /// Its numbers are not possible.
    #[error(transparent)]
    Law(#[from] crate::control::phasor::LawError),
    /// A program does not start.
    #[error(transparent)]
    Process(#[from] process::StartError),
    /// A library does not load.
    #[error(transparent)]
    Library(#[from] library::LoadError),
}

/// A controller with the names of what it sees and commands.
pub(super) struct Made {
    pub(super) seat: Seat,
    pub(super) inputs: Channels,
    pub(super) outputs: Channels,
}

/// Makes a controller of a plan.
pub(super) fn make(plan: &Plan, phasor: &Phasor, model: &Model) -> Result<Made, SetupError> {
    made(plan, phasor, model)
        .map_err(|error| SetupError::Controller { name: phasor.name.clone(), error: error.to_string() })
}

fn made(plan: &Plan, phasor: &Phasor, model: &Model) -> Result<Made, MakeError> {
    let settings = settings(plan, phasor, model)?;
    let inputs = Supervised::measured(&settings);
    let outputs = settings.commands();
    let setup = || Setup {
        step_s: period_s(plan, phasor),
        inputs: inputs.clone(),
        outputs: outputs.clone(),
        parameters: parameters(phasor, model, &settings),
    };
    let seat = match &phasor.setting.law {
        PhasorLaw::Process(words) => {
            let own = process::Settings {
                command: words.clone(),
                directory: Some(phasor.folder.clone()),
                setup: setup(),
                waits: process::Waits::default(),
            };
            Seat::Process(Box::new(ProcessController::start(own)?))
        }
        PhasorLaw::Library(file) => {
            Seat::Library(Box::new(LibraryController::load(&phasor.folder.join(file), &setup())?))
        }
        _ => {
            let law = law(phasor, &settings, period_s(plan, phasor))?;
            if phasor.setting.supervised {
                Seat::Watched(Box::new(Supervised::new(settings, law, &watching(plan, phasor))?))
            } else {
                Seat::Plain(Box::new(Lpbc::with_law(settings, law)?))
            }
        }
    };
    Ok(Made { seat, inputs, outputs })
}

/// What is told to a program of one's own: its own numbers, the base, ratings and shares.
fn parameters(phasor: &Phasor, model: &Model, settings: &LpbcSettings) -> Vec<(String, f64)> {
    let own = phasor.setting.parameters.iter().map(|(name, value)| (name.clone(), *value));
    let base = [("base_va".to_owned(), model.base_va)];
    let usual = usual_gains(settings).into_iter().filter(|(name, _)| !phasor.setting.parameters.contains_key(name));
    let ratings = settings.actuators.iter().map(|own| (format!("{}.s_va", own.name), own.s_va));
    let shares = settings.actuators.iter().filter_map(|own| Some((format!("{}.share", own.name), own.share?)));
    own.chain(usual).chain(base).chain(ratings).chain(shares).collect()
}

/// Gains of the PI law of every phase, for programs that want them.
fn usual_gains(settings: &LpbcSettings) -> Vec<(String, f64)> {
    let gains = PiSettings::of_sensitivity(&settings.sensitivity).gains;
    let of_phase = |(phase, own): (&char, crate::control::phasor::PhaseGains)| {
        let named = [("kp_v", own.kp_v), ("ki_v", own.ki_v), ("kp_angle", own.kp_angle), ("ki_angle", own.ki_angle)];
        named.map(|(name, value)| (format!("{name}.{phase}"), value))
    };
    settings.phases.iter().zip(gains).flat_map(of_phase).collect()
}

/// Time between a controller's steps in s.
#[allow(clippy::cast_precision_loss, reason = "ticks between steps")]
fn period_s(plan: &Plan, phasor: &Phasor) -> f64 {
    plan.step.seconds() * phasor.every as f64
}

/// What an L-PBC of the plan is made of.
pub(crate) fn settings(plan: &Plan, phasor: &Phasor, model: &Model) -> Result<LpbcSettings, LpbcError> {
    let phases: Vec<char> = phasor.phases.iter().filter_map(|phase| phase.chars().next()).collect();
    let n = phases.len();
    let step_s = period_s(plan, phasor);
    let actuators = phasor.actuators.iter().enumerate().map(|(k, own)| {
        let device = plan.equipment.devices.get(own.device);
        let all = device.map_or(1, |d| d.phases.len().max(1)) as f64;
        let limits = device.map(|d| d.limits);
        let own_phases: Vec<char> = own.phases.iter().filter_map(|pair| phases.get(pair[0]).copied()).collect();
        let ramp = limits.map_or(f64::INFINITY, |l| l.ramp_w_per_s.min(l.ramp_var_per_s)) * step_s / all;
        LpbcActuator {
            share: phasor.setting.shares.as_ref().and_then(|shares| shares.get(k).copied()),
            sensitivity: own_sensitivity(model, k, own, n),
            ramp_va: ramp,
            ..LpbcActuator::new(device.map_or("", |d| &d.name), &own_phases, limits.map_or(0.0, |l| l.s_va) / all)
        }
    });
    let actuators: Vec<LpbcActuator> = actuators.collect();
    let sensitivity = together(phasor, model, &actuators, n)?;
    let usual = LpbcSettings::new(&phases, sensitivity, model.base_va, Vec::new());
    let parameter = |name: &str, usual: f64| phasor.setting.parameters.get(name).copied().unwrap_or(usual);
    let gains = DecoupledGains::for_delay(phasor.assumed_delay);
    let most_va = actuators.iter().map(|own| own.s_va).fold(0.0, f64::max);
    Ok(LpbcSettings {
        every: phasor.every,
        timeout: phasor.timeout,
        patience: phasor.fail_safe_after,
        fail_safe: match phasor.setting.fail_safe {
            FailSafeSetting::Hold => FailSafe::Hold,
            FailSafeSetting::Own => FailSafe::Release { ramp_va: RELEASE_PER_S * step_s * most_va },
        },
        deadband: phasor
            .setting
            .deadband
            .map_or(usual.deadband, |own| Deadband { v_pu: own.v_pu, angle_rad: own.angle_deg.to_radians() }),
        gains: DecoupledGains {
            kp: parameter("kp", gains.kp),
            ki: parameter("ki", gains.ki),
            back: parameter("back", gains.back),
        },
        actuators,
        ..usual
    })
}

/// Sensitivity of the node to all actuators together, each taking its share of every phase.
fn together(phasor: &Phasor, model: &Model, actuators: &[LpbcActuator], n: usize) -> Result<Sensitivity, LpbcError> {
    let size = 2 * n;
    let mut b = vec![0.0; size * size];
    let share = |k: usize| actuators.get(k).map_or(0.0, |own| own.share.unwrap_or(own.s_va));
    for phase in 0..n {
        let has = |own: &crate::scenario::Actuated| own.phases.iter().position(|pair| pair[0] == phase);
        let whole: f64 =
            phasor.actuators.iter().enumerate().filter(|(_, own)| has(own).is_some()).map(|(k, _)| share(k)).sum();
        for (k, own) in phasor.actuators.iter().enumerate() {
            let Some((column, matrix)) = has(own).zip(model.actuators.get(k)).filter(|_| whole > 0.0) else { continue };
            let part = share(k) / whole;
            for row in 0..size {
                b[row * size + phase] += part * matrix[(row, column)];
                b[row * size + n + phase] += part * matrix[(row, own.phases.len() + column)];
            }
        }
    }
    Ok(Sensitivity::new(n, &b)?)
}

/// Sensitivity of the node to one actuator; `None` where it cannot be one.
fn own_sensitivity(model: &Model, k: usize, own: &crate::scenario::Actuated, n: usize) -> Option<Sensitivity> {
    let (matrix, size) = (model.actuators.get(k)?, 2 * n);
    let mut b = vec![0.0; size * size];
    for (column, &[phase, _]) in own.phases.iter().enumerate() {
        for row in 0..size {
            b[row * size + phase] = matrix[(row, column)];
            b[row * size + n + phase] = matrix[(row, own.phases.len() + column)];
        }
    }
    Sensitivity::new(n, &b).ok()
}

/// The law of an L-PBC.
pub(super) fn law(phasor: &Phasor, settings: &LpbcSettings, step_s: f64) -> Result<Box<dyn Law>, MakeError> {
    let b = &settings.sensitivity;
    let n = b.phases();
    let rows: Vec<f64> = (0..4 * n * n).map(|k| b.at(k / (2 * n), k % (2 * n))).collect();
    let own = |name: &str, usual: f64| phasor.setting.parameters.get(name).copied().unwrap_or(usual);
    // What the performance PMU's time stamps do not tell is the delay of commands.
    let hidden = (phasor.assumed_delay as usize).saturating_sub(stamped(phasor));
    Ok(match &phasor.setting.law {
        PhasorLaw::Pi => {
            settings.inverse()?;
            Box::new(Pi::new(pi_settings(phasor, b)))
        }
        PhasorLaw::Lqpc => {
            let usual = LqpcSettings {
                hidden_delay: hidden.min(crate::control::phasor::MOST_HIDDEN),
                ..LqpcSettings::default()
            };
            let settings = LqpcSettings {
                effect_weight: own("effect_weight", usual.effect_weight),
                power_weight: own("power_weight", usual.power_weight),
                find_delay: own("find_delay", 1.0) != 0.0,
                ..usual
            };
            Box::new(Lqpc::new(n, &rows, settings)?)
        }
        PhasorLaw::LqpcPublished => {
            let usual = PublishedLqpcSettings::default();
            let settings = PublishedLqpcSettings { step_s, ..usual };
            Box::new(PublishedLqpc::new(n, &rows, settings)?)
        }
        PhasorLaw::Rcac => {
            let usual = RcacSettings { hidden_delay: hidden.min(31), ..RcacSettings::default() };
            let settings = RcacSettings {
                covariance: own("covariance", usual.covariance),
                effort: own("effort", usual.effort),
                part: own("part", usual.part),
                ..usual
            };
            Box::new(Rcac::new(n, &rows, settings)?)
        }
        PhasorLaw::ExtremumSeeking => {
            let usual = ExtremumSettings { step_s, hidden_delay: hidden as u64, ..ExtremumSettings::default() };
            let usual = usual.for_impedance(own_impedance(b));
            let settings = ExtremumSettings {
                amplitude_pu: own("amplitude", usual.amplitude_pu),
                gain: own("gain", usual.gain),
                slew_pu_per_s: own("slew", usual.slew_pu_per_s),
                decay_per_s: own("decay", usual.decay_per_s),
                ..usual
            };
            Box::new(Extremum::new(n, settings)?)
        }
        PhasorLaw::DecoupledPi if phasor.setting.sensitivity == SensitivitySetting::Estimated => {
            Box::new(Adaptive::new(
                *b,
                &settings.held(),
                settings.gains,
                SensitivitySettings::default(),
                settings.most_condition,
            )?)
        }
        PhasorLaw::DecoupledPi | PhasorLaw::Process(_) | PhasorLaw::Library(_) => {
            Box::new(Decoupled::new(settings.inverse()?, settings.gains))
        }
    })
}

/// Gains of the PI law, each a multiple of the inverse of the phase's own sensitivity: `kp` and `ki` are of all; `kp_v`,
/// `ki_v`, `kp_angle`, `ki_angle` of magnitudes or of angles; those with a phase behind, as `kp_v_a`, of that phase.
pub(super) fn pi_settings(phasor: &Phasor, b: &Sensitivity) -> PiSettings {
    let own = &phasor.setting.parameters;
    let multiple = |gain: &str, of: &str, phase: &str, usual: f64| {
        let names = [format!("{gain}_{of}_{phase}"), format!("{gain}_{of}"), gain.to_owned()];
        names.iter().find_map(|name| own.get(name)).copied().unwrap_or(usual)
    };
    let mut settings = PiSettings::scaled(b, 1.0, 1.0);
    for (gains, phase) in settings.gains.iter_mut().zip(&phasor.phases) {
        gains.kp_v *= multiple("kp", "v", phase, 0.05);
        gains.ki_v *= multiple("ki", "v", phase, 0.2);
        gains.kp_angle *= multiple("kp", "angle", phase, 0.05);
        gains.ki_angle *= multiple("ki", "angle", phase, 0.2);
    }
    settings
}

/// Steps of delay that time stamps tell.
fn stamped(phasor: &Phasor) -> usize {
    usize::try_from(phasor.seen_delay / phasor.every.max(1)).unwrap_or(0)
}

/// How far a phase's phasor moves per unit of its own power, on average.
#[allow(clippy::cast_precision_loss, reason = "a few phases")]
fn own_impedance(b: &Sensitivity) -> f64 {
    let n = b.phases();
    let own = |k: usize| b.at(k, n + k).hypot(b.at(n + k, n + k));
    (0..n).map(own).sum::<f64>() / n.clamp(1, MOST_PHASES) as f64
}

fn watching(plan: &Plan, phasor: &Phasor) -> Watching {
    let device = |place: usize| plan.equipment.devices.get(place);
    let phases = |d: &crate::scenario::Device| d.phases.len().max(1) as f64;
    let dead_time = |kind: &DeviceKind| match kind {
        DeviceKind::Power { dead_time, .. } => *dead_time as u64,
        DeviceKind::Inverter(settings) => (settings.unit.dead_time_s / plan.step.seconds()).round() as u64,
        DeviceKind::ActiveFilter(_) => 0,
    };
    let answering = |own: &crate::scenario::Actuated| {
        device(own.device).map_or_else(Answering::default, |d| {
            let device::Limits { ramp_w_per_s, ramp_var_per_s, response_s, .. } = d.limits;
            let steps = (phasor.delay - 1 + dead_time(&d.kind)).div_ceil(phasor.every.max(1));
            Answering {
                ramp_va_per_s: ramp_w_per_s.min(ramp_var_per_s) / phases(d),
                response_s,
                dead_steps: usize::try_from(steps).unwrap_or(0),
            }
        })
    };
    let rated = |own: &crate::scenario::Actuated| device(own.device).map_or(0.0, |d| d.limits.s_va / phases(d));
    Watching {
        period_s: period_s(plan, phasor),
        answering: phasor.actuators.iter().map(answering).collect(),
        s_va: phasor.actuators.iter().map(rated).collect(),
        noise: noise(plan, phasor),
    }
}

/// Noise of a magnitude per unit and of a relative angle in rad.
fn noise(plan: &Plan, phasor: &Phasor) -> [f64; 2] {
    let of = |place: usize| match plan.equipment.instruments.get(place).map(|own| own.kind) {
        Some(sense::Kind::Pmu(own)) => [own.v_pu.noise, own.angle_deg.noise.to_radians()],
        _ => [0.0; 2],
    };
    let ([v, a], [_, b]) = (of(phasor.performance.instrument), of(phasor.reference.instrument));
    [v, a.hypot(b)]
}
