//! What is wrong with a plan's phasor controllers that only the compiled network can tell, found before a run and located
//! in the file: phasors that the actuators cannot move one by one, targets beyond their ratings, gains that are unstable,
//! a model without a solution.
//!
//! Limits: all of it is linear, at the state after the first step with nobody controlling. What loads do later moves what
//! a target needs, so one that is out of reach is a warning. So are unstable gains: what saturates stays bounded.

use super::law;
use super::linear::{self, Known};
use super::model::{Model, node_of};
use super::wrapped_deg;
use crate::bench::{SetupError, consistency};
use crate::control::phasor::tune::{LinearLaw, Path, reach, spectral_radius};
use crate::control::phasor::{LpbcError, LpbcSettings, MOST_PHASES};
use crate::diagnostic::{Diagnostic, Span};
use crate::scenario::{Action, Phasor, PhasorLaw, Plan, Reading};

/// Halvings of the interval in which gains become stable.
const BISECTIONS: usize = 20;
/// Least part of the gains that is tried.
const LEAST_PART: f64 = 1e-3;
/// Why a controller is not what its file says.
const NOT_ITS_OWN: &str = "E0338";

/// What is wrong with the phasor controllers of a plan and the checks of their data; nothing, and no work, where there is
/// none.
pub fn examine(plan: &Plan) -> Vec<Diagnostic> {
    let mut found = consistency::examine(plan);
    if !plan.equipment.phasors.is_empty() {
        let known = linear::known(plan);
        found.extend(plan.equipment.phasors.iter().zip(&known).flat_map(|(phasor, known)| one(plan, phasor, known)));
    }
    found
}

/// A reading with what only the compiled network can tell; it has no plan any more when that is an error.
#[must_use]
pub fn examined(mut reading: Reading) -> Reading {
    let found = reading.plan.as_ref().map(examine).unwrap_or_default();
    if found.iter().any(Diagnostic::is_error) {
        reading.plan = None;
    }
    reading.diagnostics.extend(found);
    reading
}

fn one(plan: &Plan, phasor: &Phasor, known: &Known) -> Vec<Diagnostic> {
    let model = match &known.own {
        Ok(model) => model,
        Err(error) => return unsolved(phasor, error).into_iter().collect(),
    };
    let settings = match law::settings(plan, phasor, model) {
        Ok(settings) => settings,
        Err(error) => return vec![Diagnostic::error(NOT_ITS_OWN, said(phasor, &error)).at(phasor.spots.law)],
    };
    if let Some(finding) = uncontrollable(plan, phasor, &settings) {
        return vec![finding];
    }
    if let Some(finding) = impossible(plan, phasor, &settings) {
        return vec![finding];
    }
    let truth = known.truth.as_ref();
    let beyond = truth.and_then(|truth| out_of_reach(plan, phasor, truth));
    let unstable = truth.and_then(|truth| unstable(plan, phasor, &settings, truth));
    beyond.into_iter().chain(unstable).collect()
}

fn said(phasor: &Phasor, what: &dyn std::fmt::Display) -> String {
    format!("controller {:?}: {what}", phasor.name)
}

/// A model without a solution. What is wrong with the scenario's own feeder is found when that is compiled.
fn unsolved(phasor: &Phasor, error: &SetupError) -> Option<Diagnostic> {
    let (why, help) = match error {
        SetupError::Controller { error, .. } => {
            let help = "are the buses of both PMUs and of its actuators energised, and does the feeder converge? see \
                        `phasorbench powerflow`";
            (error.clone(), help)
        }
        other if phasor.model.is_some() => (format!("its model cannot be solved: {other}"), "see its `model`"),
        _ => return None,
    };
    Some(Diagnostic::error(NOT_ITS_OWN, said(phasor, &why)).at(phasor.spots.law).help(help))
}

/// Phasors that actuators cannot move one by one. A program of the user's own may know what to do about it.
fn uncontrollable(plan: &Plan, phasor: &Phasor, settings: &LpbcSettings) -> Option<Diagnostic> {
    let error = settings.inverse().err()?;
    let own = matches!(phasor.setting.law, PhasorLaw::Process(_) | PhasorLaw::Library(_));
    let phases: Vec<&str> = phasor.phases.iter().map(String::as_str).collect();
    let LpbcError::Uncontrollable { most, .. } = error else {
        return Some(Diagnostic::error(NOT_ITS_OWN, said(phasor, &error)).at(phasor.spots.actuators));
    };
    let found = reach::controllability(&linear::matrix(&settings.sensitivity), &phases);
    let bus = bus(plan, phasor);
    let message = said(phasor, &format!("its actuators cannot move the phasors of {bus} one by one: {found}"));
    let help = match found.without_actuator.as_slice() {
        [] => format!(
            "a condition number of at most {most} is needed: add a device elsewhere on phase {}, or hold fewer `phases`",
            found.phases().join(", ")
        ),
        missing => format!("add a device with phase {} to `actuators`, or hold fewer `phases`", missing.join(", ")),
    };
    let finding = if own { Diagnostic::warning("W0337", message) } else { Diagnostic::error("E0337", message) };
    Some(finding.at(phasor.spots.actuators).help(help))
}

/// Numbers that its law cannot have.
fn impossible(plan: &Plan, phasor: &Phasor, settings: &LpbcSettings) -> Option<Diagnostic> {
    // A program's or a library's are its own business.
    phasor.setting.law.parameters(&phasor.phases)?;
    let error = law::law(phasor, settings, linear::period_s(plan, phasor)).err()?;
    Some(Diagnostic::error(NOT_ITS_OWN, said(phasor, &error)).at(phasor.spots.parameters))
}

/// The bus whose phasors are held.
fn bus<'a>(plan: &'a Plan, phasor: &Phasor) -> &'a str {
    let first = phasor.performance.channels.first().map_or(0, |pair| pair[0]);
    node_of(plan, &phasor.performance, first).map_or("its node", |node| &node.bus)
}

/// A target: when it comes, where it is written, magnitudes per unit and angles in degrees (NaN: as it is).
struct Target {
    when: String,
    span: Span,
    values: [[f64; MOST_PHASES]; 2],
}

/// The targets of a controller, in time.
fn targets(plan: &Plan, place: usize, phasor: &Phasor) -> Vec<Target> {
    let filled =
        |own: Option<&Vec<f64>>| std::array::from_fn(|k| own.and_then(|own| own.get(k)).copied().unwrap_or(f64::NAN));
    let first = phasor.setting.target.as_ref();
    let mut values = [filled(first.and_then(|t| t.v_pu.as_ref())), filled(first.and_then(|t| t.angle_deg.as_ref()))];
    let mut all = Vec::new();
    if first.is_some() {
        all.push(Target { when: "from the start".to_owned(), span: phasor.spots.target, values });
    }
    let timed = plan.events.iter().map(|own| (format!("from {} s on", plan.step.time_s(own.tick)), own.action));
    let conditional = plan.triggers.iter().map(|own| (format!("by {:?}", own.label), own.action));
    for (when, action) in timed.chain(conditional) {
        if let Action::SetTarget { controller, v_pu, angle_deg } = action
            && controller == place
        {
            values = [v_pu.unwrap_or(values[0]), angle_deg.unwrap_or(values[1])];
            // Where events stand is not known any more.
            all.push(Target { when, span: phasor.spots.law, values });
        }
    }
    all
}

/// The first target that actuators cannot reach within their ratings.
fn out_of_reach(plan: &Plan, phasor: &Phasor, model: &Model) -> Option<Diagnostic> {
    let place = plan.equipment.phasors.iter().position(|own| own.name == phasor.name)?;
    let n = phasor.phases.len();
    let actuators = Actuators::of(plan, phasor, model);
    let missed = |target: Target| {
        let change: Vec<f64> = (0..2 * n).map(|i| change(&target, model, n, i) + actuators.present(i)).collect();
        let found = reach::reach(&actuators.sensitivity, &change, &vec![1.0; 2 * n], &actuators.s_pu)?;
        (!found.reached).then_some((target, found))
    };
    let mut missed: Vec<_> = targets(plan, place, phasor).into_iter().filter_map(missed).collect();
    let more = missed.len().saturating_sub(1);
    let (target, found) = missed.drain(..).next()?;
    let short = |k: usize| {
        let [v, angle] = [found.shortfall[k], found.shortfall[n + k].to_degrees()];
        let any = v.abs() > reach::REACHED || angle.abs().to_radians() > reach::REACHED;
        any.then(|| format!("{v:+.4} pu and {angle:+.3}° on phase {}", phasor.phases[k]))
    };
    let short: Vec<String> = (0..n).filter_map(short).collect();
    let others = if more > 0 { format!("; so are {more} more") } else { String::new() };
    let message = said(
        phasor,
        &format!(
            "its target {} is out of reach of its actuators: it stays short by {}{others}",
            target.when,
            short.join(", ")
        ),
    );
    let help = match &found.needed_s_pu {
        Some(needed) => format!("as the network stands at the start, {}", actuators.enough(plan, phasor, needed)),
        None => "no power of these actuators would do: set another target, or add actuators".to_owned(),
    };
    Some(Diagnostic::warning("W0338", message).at(target.span).help(help))
}

/// How far a target asks an output to move, in pu or rad.
fn change(target: &Target, model: &Model, n: usize, output: usize) -> f64 {
    let now = model.phasors.get(output).copied().unwrap_or(f64::NAN);
    let [v_pu, angle_deg] = [target.values[0][output % n], target.values[1][output % n]];
    match output < n {
        _ if now.is_nan() => 0.0,
        true if v_pu.is_nan() => 0.0,
        true => v_pu - now,
        false if angle_deg.is_nan() => 0.0,
        false => wrapped_deg(angle_deg - now.to_degrees()).to_radians(),
    }
}

/// All phases of all actuators, each by itself.
struct Actuators {
    /// Active power of each, then reactive.
    sensitivity: nalgebra::DMatrix<f64>,
    s_pu: Vec<f64>,
    /// What each injects with nobody controlling, per unit.
    present_pu: Vec<f64>,
    /// The actuator of each.
    of: Vec<usize>,
}

impl Actuators {
    fn of(plan: &Plan, phasor: &Phasor, model: &Model) -> Self {
        let of: Vec<usize> =
            phasor.actuators.iter().enumerate().flat_map(|(k, own)| own.phases.iter().map(move |_| k)).collect();
        let (m, rows) = (of.len(), 2 * phasor.phases.len());
        let mut own = Self {
            sensitivity: nalgebra::DMatrix::zeros(rows, 2 * m),
            s_pu: vec![0.0; m],
            present_pu: vec![0.0; 2 * m],
            of,
        };
        let mut first = 0;
        for (actuated, b) in phasor.actuators.iter().zip(&model.actuators) {
            let phases = actuated.phases.len();
            for k in 0..phases {
                own.sensitivity.column_mut(first + k).copy_from(&b.column(k));
                own.sensitivity.column_mut(m + first + k).copy_from(&b.column(phases + k));
                if let Some(device) = plan.equipment.devices.get(actuated.device) {
                    let set = device.set_point;
                    // What follows a profile is not known here.
                    let scale = if set.shape.is_none() { set.scale * 1000.0 / model.base_va } else { 0.0 };
                    let all = device.phases.len().max(1) as f64;
                    own.s_pu[first + k] = linear::phase_va(device) / model.base_va;
                    own.present_pu[first + k] = set.p_kw * scale / all;
                    own.present_pu[m + first + k] = set.q_kvar * scale / all;
                }
            }
            first += phases;
        }
        own
    }

    /// What the present set-points do to an output.
    fn present(&self, output: usize) -> f64 {
        self.present_pu.iter().enumerate().map(|(j, u)| self.sensitivity[(output, j)] * u).sum()
    }

    /// The ratings that would do, by device.
    fn enough(&self, plan: &Plan, phasor: &Phasor, needed_pu: &[f64]) -> String {
        let larger = phasor.actuators.iter().enumerate().filter_map(|(k, actuated)| {
            let device = plan.equipment.devices.get(actuated.device)?;
            let by_phase = std::iter::zip(needed_pu, &self.s_pu).zip(&self.of).filter(|(_, of)| **of == k);
            let factor = by_phase.map(|((needed, has), _)| needed / has).fold(0.0, f64::max);
            let kva = factor * device.limits.s_va / 1000.0;
            (factor > 1.0).then(|| format!("{:.0} kVA of {:?} (it has {:.0})", kva, device.name, kva / factor))
        });
        format!("{} would do", larger.collect::<Vec<_>>().join(" and "))
    }
}

/// Gains that oscillate with ever larger swings.
fn unstable(plan: &Plan, phasor: &Phasor, settings: &LpbcSettings, truth: &Model) -> Option<Diagnostic> {
    let path = linear::path(plan, phasor, truth).ok()?;
    let law = linear::law(phasor, settings, &path)?;
    let radius = spectral_radius(&law, &path).ok().filter(|radius| *radius >= 1.0)?;
    let delay = path.lags.iter().map(|lag| lag.delay_steps).max().unwrap_or(0);
    let message = said(
        phasor,
        &format!(
            "its loop is unstable: spectral radius {radius:.3}, below 1 is stable (with a delay of {delay} steps beside \
             the one that every command takes)"
        ),
    );
    let edge = match stable_part(&law, &path) {
        Some(part) if phasor.setting.law == PhasorLaw::Lqpc => {
            format!(
                "with {part:.2} times the sensitivity it would be at the edge: give a larger `effect_weight`, or the delay"
            )
        }
        Some(part) => format!("{part:.2} times the gains would be at the edge, half of that is safe"),
        None => "no smaller gains are stable: the sensitivity has another sign than its model".to_owned(),
    };
    let help = format!("{edge}; `phasorbench tune` finds gains");
    let span = if phasor.setting.parameters.is_empty() { phasor.spots.law } else { phasor.spots.parameters };
    Some(Diagnostic::warning("W0339", message).at(span).help(help))
}

/// The part of the loop's gain at which it begins to be stable.
fn stable_part(law: &LinearLaw, path: &Path) -> Option<f64> {
    let stable = |part: f64| spectral_radius(law, &path.scaled(part)).is_ok_and(|radius| radius < 1.0);
    let mut outside = 1.0;
    let mut inside = 0.5;
    while !stable(inside) {
        (outside, inside) = (inside, 0.5 * inside);
        if inside < LEAST_PART {
            return None;
        }
    }
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (inside + outside);
        *(if stable(middle) { &mut inside } else { &mut outside }) = middle;
    }
    Some(inside)
}
