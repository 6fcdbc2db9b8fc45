//! Harmonic voltages of a feeder: one power flow, then every order for itself.
//!
//! What emits is what the feeder says: current sources, and the spectra of loads, machines and voltage sources. Limits: no
//! coupling between orders. Models and equations: `docs/models/harmonics.md`.

mod answer;
mod error;

pub use answer::{Answer, OrderVoltage, order_text};
pub use error::HarmonicsError;

use crate::feeder::{ControlMode, Feeder, ORDER_TOLERANCE};
use crate::solver::element::{Behaviour, Losses};
use crate::solver::harmonic::{HarmonicLoads, HarmonicSettings, HarmonicStatus, Harmonics, LoadAdmittance};
use crate::solver::{Controls, Grid, PowerFlow, Settings};

/// Promised voltage error of the power flow underneath: what loads emit follows from it.
const TOLERANCE_PU: f64 = 1e-10;
/// Orders closer than this are one.
const SAME_ORDER: f64 = 1e-6;

/// What loads do at orders other than 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Loads {
    /// As the feeder says.
    #[default]
    AsWritten,
    /// They emit nothing, their admittance stays.
    Linear,
    /// They emit, but have no admittance.
    Neglected,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Orders; those of the feeder when not given ([`orders_of`]). Order 1 is always answered.
    pub orders: Option<Vec<f64>>,
    /// What loads do.
    pub loads: Loads,
    /// How a load's power becomes an admittance.
    pub load_admittance: LoadAdmittance,
    /// Resistances by the physics instead of OpenDSS's rules.
    pub physical: bool,
    /// Whether regulators and capacitors stay as they are; else as the feeder says.
    pub controls_off: bool,
}

impl Question {
    /// The settings of the harmonic solver for a feeder.
    pub fn settings(&self, feeder: &Feeder) -> HarmonicSettings {
        let neglect = self.loads == Loads::Neglected || feeder.solve.neglect_load_admittance;
        HarmonicSettings {
            behaviour: if self.physical { Behaviour::Physical(Losses::default()) } else { Behaviour::OpenDss },
            loads: if neglect { HarmonicLoads::Neglect } else { HarmonicLoads::Present },
            load_admittance: self.load_admittance,
            ..HarmonicSettings::default()
        }
    }
}

/// The orders other than 1 that a feeder asks for, increasing: those of `solve: {orders: …}`, or else of all spectra in
/// use. A current source of another frequency than the feeder's counts by its own.
pub fn orders_of(feeder: &Feeder) -> Vec<f64> {
    let mut orders = feeder.solve.orders.clone().unwrap_or_else(|| orders_in_use(feeder));
    tidy(&mut orders);
    orders
}

fn orders_in_use(feeder: &Feeder) -> Vec<f64> {
    let loads = feeder.loads.values().filter_map(|x| feeder.spectrum_of_load(x));
    let sources = feeder.sources.values().filter_map(|x| feeder.spectrum_of_source(x));
    let generators = feeder.generators.values().filter_map(|x| feeder.spectrum_of_generator(x));
    let pv = feeder.pv_systems.values().filter_map(|x| feeder.spectrum_of_pv_system(x));
    let storages = feeder.storages.values().filter_map(|x| feeder.spectrum_of_storage(x));
    let mut orders: Vec<f64> = Vec::new();
    // Thousands of loads have one spectrum: each is looked at once.
    let mut seen: Vec<*const crate::feeder::Spectrum> = Vec::new();
    for spectrum in loads.chain(sources).chain(generators).chain(pv).chain(storages) {
        if !seen.contains(&std::ptr::from_ref(spectrum)) {
            seen.push(std::ptr::from_ref(spectrum));
            orders.extend(&spectrum.orders);
        }
    }
    for source in feeder.current_sources.values() {
        let ratio = source.frequency_hz.map_or(1.0, |hz| hz / feeder.frequency_hz);
        let own: &[f64] = feeder.spectrum_of_current_source(source).map_or(&[1.0], |spectrum| &spectrum.orders);
        orders.extend(own.iter().map(|order| order * ratio));
    }
    orders
}

/// Orders but for 1, increasing, each once.
fn tidy(orders: &mut Vec<f64>) {
    orders.retain(|order| (order - 1.0).abs() >= ORDER_TOLERANCE);
    orders.sort_by(f64::total_cmp);
    orders.dedup_by(|a, b| (*a - *b).abs() < SAME_ORDER);
}

/// Solves a feeder's power flow and its harmonic orders.
///
/// # Errors
/// When the feeder has no model, its power flow does not converge, or an order has no solution.
pub fn study(feeder: &Feeder, question: &Question, settings: Settings) -> Result<Answer, HarmonicsError> {
    let mut orders = question.orders.clone().unwrap_or_else(|| orders_of(feeder));
    tidy(&mut orders);
    let flow = power_flow(feeder, question, settings)?;
    solved(&flow, &orders, question.settings(&flow.grid().feeder))
}

/// Harmonic voltages at orders, beside a power flow's as it stands.
///
/// # Errors
/// When an element has no model at an order, or an order has no solution.
pub fn solved(flow: &PowerFlow, orders: &[f64], settings: HarmonicSettings) -> Result<Answer, HarmonicsError> {
    if orders.is_empty() {
        return Ok(Answer::new(flow, None));
    }
    let mut study = Harmonics::new(flow, orders, settings)?;
    match study.solve() {
        HarmonicStatus::Solved => Ok(Answer::new(flow, Some(&study))),
        HarmonicStatus::Singular { node, order } => {
            let node = flow.grid().name(node).to_owned();
            Err(HarmonicsError::Singular { node, order: orders.get(order).copied().unwrap_or_default() })
        }
    }
}

/// The solved power flow that a harmonic study stands on.
///
/// # Errors
/// When the feeder has no model, or the power flow does not converge.
pub fn power_flow(feeder: &Feeder, question: &Question, settings: Settings) -> Result<PowerFlow, HarmonicsError> {
    let settings = Settings { tolerance_pu: settings.tolerance_pu.min(TOLERANCE_PU), ..settings };
    let silent = (question.loads == Loads::Linear).then(|| without_load_spectra(feeder));
    let mut flow = PowerFlow::new(Grid::compile(silent.as_ref().unwrap_or(feeder))?, settings);
    let mut controls = Controls::new(&flow)?;
    let off = question.controls_off || feeder.solve.controls == Some(ControlMode::Off);
    let (solved, at_rest) = if off {
        (flow.solve(), true)
    } else {
        let settled = controls.settle(&mut flow);
        (settled.solved, settled.at_rest)
    };
    if !solved.converged() || !at_rest {
        let worst = solved.worst.map(|node| flow.grid().name(node).to_owned());
        return Err(HarmonicsError::NotConverged { iterations: solved.iterations, at_rest, worst });
    }
    Ok(flow)
}

fn without_load_spectra(feeder: &Feeder) -> Feeder {
    let mut silent = feeder.clone();
    silent.solve.load_spectrum = None;
    silent.loads.values_mut().for_each(|load| load.spectrum = None);
    silent
}
