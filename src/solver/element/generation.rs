//! Generators, photovoltaic systems and storage as power sources: what they inject, and by which law.
//!
//! Inside its band a source is constant power, outside it a constant impedance. Limits: no dynamics, no smart-inverter
//! functions (those are controllers), balanced injection. See `docs/models/generation.md`.

use super::injection::{branches, finite};
use super::{ElementError, InjectionModel, Law, Nominal, Reason, phase_voltage_v, positive};
use crate::feeder::{Connection, Curve, Generator, PvSystem, SourceModel, Storage, StorageState, Terminal};
use crate::quantity::complex;

/// What the three kinds of source have in common.
struct Injector<'a> {
    bus: &'a Terminal,
    phases: usize,
    connection: Connection,
    model: SourceModel,
    v_kv: f64,
    v_min_pu: f64,
    v_max_pu: f64,
}

impl Injector<'_> {
    /// The model of a source that injects a power in kW and kvar over all phases.
    fn injecting(&self, p_kw: f64, q_kvar: f64) -> Result<InjectionModel, Reason> {
        let branches = branches(self.bus, self.phases, self.connection)?;
        let v_base_v = phase_voltage_v(positive("v_kv", self.v_kv)?, self.phases, self.connection);
        let drawn = |k: f64| -k * 1000.0 / self.phases as f64;
        let nominal = Nominal { p_w: drawn(p_kw), q_var: drawn(q_kvar), q_fixed_var: drawn(q_kvar) };
        // A delta source's impedances are a third of its phase-to-neutral ones; for one phase that is OpenDSS's slip,
        // kept because its results carry it.
        let factor = if self.connection == Connection::Delta && self.phases == 1 { 1.0 / 3.0 } else { 1.0 };
        let law = match self.model {
            SourceModel::ConstantPower => Law::Source { v_min_pu: self.v_min_pu, v_max_pu: self.v_max_pu, factor },
            SourceModel::LimitedCurrent => Law::LimitedSource { v_min_pu: positive("v_min_pu", self.v_min_pu)? },
            SourceModel::ConstantImpedance => Law::Impedance { factor },
        };
        let y_nominal_s = nominal.admittance_s(v_base_v) * factor;
        finite(InjectionModel { branches, nominal, v_base_v, law, y_nominal_s, neutral: None })
    }
}

/// The model of a generator at multiplier 1.
///
/// # Errors
/// When it has no phase, its voltage is not positive, or its power is not a number.
pub fn generator(name: &str, generator: &Generator) -> Result<InjectionModel, ElementError> {
    let g = generator;
    let injector = Injector {
        bus: &g.bus,
        phases: g.phases,
        connection: g.connection,
        model: g.model,
        v_kv: g.v_kv,
        v_min_pu: g.v_min_pu,
        v_max_pu: g.v_max_pu,
    };
    injector.injecting(g.p_kw, g.q_kvar).map_err(|reason| reason.of("generator", name))
}

/// What a photovoltaic system stands in: the weather, and whether its inverter was on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PvState {
    /// Irradiance in kW/m².
    pub irradiance_kw_per_m2: f64,
    /// Panel temperature in °C.
    pub temperature_c: f64,
    /// Whether the inverter was on before: it turns off below `cut_out_percent`, on again at `cut_in_percent`.
    pub inverter_on: bool,
}

impl PvState {
    /// As the feeder describes it, the inverter being on.
    pub fn of(pv: &PvSystem) -> Self {
        Self { irradiance_kw_per_m2: pv.irradiance_kw_per_m2, temperature_c: pv.temperature_c, inverter_on: true }
    }
}

/// The model of a photovoltaic system in a state.
///
/// # Errors
/// When it has no phase, its voltage or rating is not positive, or its power is not a number.
pub fn pv_system(name: &str, pv: &PvSystem, state: PvState) -> Result<InjectionModel, ElementError> {
    let injector = Injector {
        bus: &pv.bus,
        phases: pv.phases,
        connection: pv.connection,
        model: pv.model,
        v_kv: pv.v_kv,
        v_min_pu: pv.v_min_pu,
        v_max_pu: pv.v_max_pu,
    };
    let model = || {
        positive("s_kva", pv.s_kva)?;
        let (p_kw, q_kvar, _) = pv_power_kw_kvar(pv, state);
        injector.injecting(p_kw, q_kvar)
    };
    model().map_err(|reason| reason.of("pv system", name))
}

/// Active power (kW), reactive power (kvar) and whether the inverter is on: panel power by irradiance and temperature,
/// times the inverter's efficiency, held to the panel's share, the reactive limit and the inverter's rating.
pub fn pv_power_kw_kvar(pv: &PvSystem, state: PvState) -> (f64, f64, bool) {
    let panel_kw = state.irradiance_kw_per_m2 * pv.p_mpp_kw * at_or_one(&pv.temperature_curve, state.temperature_c);
    let edge = if state.inverter_on { pv.cut_out_percent } else { pv.cut_in_percent };
    let on = panel_kw >= edge * pv.s_kva / 100.0;
    let p_kw = if on {
        let efficiency = at_or_one(&pv.efficiency_curve, panel_kw / pv.s_kva);
        (panel_kw * efficiency).min(pv.p_mpp_kw * pv.p_mpp_percent / 100.0)
    } else {
        0.0
    };
    let limit_kvar = pv.q_max_kvar.unwrap_or(pv.s_kva);
    let q_kvar = reactive_kvar(pv.q_kvar, pv.power_factor, p_kw, limit_kvar);
    let (p_kw, q_kvar) = within_rating(p_kw, q_kvar, pv.s_kva, pv.q_priority);
    (p_kw, q_kvar, on)
}

/// What a storage system is told to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StorageOrder {
    /// To charge or discharge at its own percentage of its rating, or to idle.
    State(StorageState),
    /// To follow a shape's value, a share of its rating: positive discharges, negative charges.
    Follow(f64),
}

/// What a storage system does with a state, in kW and kvar injected over all phases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoragePower {
    /// The state it is really in: a full system does not charge, one at its reserve does not discharge.
    pub state: StorageState,
    /// Active power in kW; negative while charging, and while idling by its losses.
    pub p_kw: f64,
    /// Reactive power in kvar.
    pub q_kvar: f64,
}

/// The model of a storage system that does what it does now.
///
/// # Errors
/// When it has no phase, its voltage or rating is not positive, or its power is not a number.
pub fn storage(name: &str, storage: &Storage, power: StoragePower) -> Result<InjectionModel, ElementError> {
    let injector = Injector {
        bus: &storage.bus,
        phases: storage.phases,
        connection: storage.connection,
        model: storage.model,
        v_kv: storage.v_kv,
        v_min_pu: storage.v_min_pu,
        v_max_pu: storage.v_max_pu,
    };
    let model = || -> Result<InjectionModel, Reason> {
        positive("s_kva", storage.s_kva.unwrap_or(storage.p_rated_kw))?;
        let mut model = injector.injecting(power.p_kw, power.q_kvar)?;
        // Its share of the nodal matrix is that of its rated power, whatever it does.
        let sign = match power.state {
            StorageState::Idling => 0.0,
            StorageState::Charging => 1.0,
            StorageState::Discharging => -1.0,
        };
        let rated = injector.injecting(storage.p_rated_kw, 0.0)?;
        model.y_nominal_s = -rated.y_nominal_s * sign;
        Ok(model)
    };
    model().map_err(|reason| reason.of("storage", name))
}

/// Power of a storage system that is told to do something with a stored energy in kWh.
pub fn storage_power(storage: &Storage, order: StorageOrder, stored_kwh: f64) -> StoragePower {
    let (wanted, share) = match order {
        StorageOrder::State(state) => (state, None),
        StorageOrder::Follow(shape) if shape > 0.0 => (StorageState::Discharging, Some(shape)),
        StorageOrder::Follow(shape) if shape < 0.0 => (StorageState::Charging, Some(-shape)),
        StorageOrder::Follow(_) => (StorageState::Idling, None),
    };
    let reserve_kwh = storage.e_rated_kwh * storage.reserve_percent / 100.0;
    let state = match wanted {
        StorageState::Charging if stored_kwh < storage.e_rated_kwh => StorageState::Charging,
        StorageState::Discharging if stored_kwh > reserve_kwh => StorageState::Discharging,
        _ => StorageState::Idling,
    };
    let s_kva = storage.s_kva.unwrap_or(storage.p_rated_kw);
    let rated_kw = |percent: f64| storage.p_rated_kw * share.unwrap_or(percent / 100.0).min(1.0);
    let p_kw = match state {
        StorageState::Charging => -rated_kw(storage.charge_percent),
        StorageState::Discharging => rated_kw(storage.discharge_percent),
        StorageState::Idling => {
            let loss_kw = storage.p_rated_kw * storage.idling_percent / 100.0;
            -loss_kw / at_or_one(&storage.efficiency_curve, loss_kw / s_kva)
        }
    };
    let limit_kvar = storage.q_max_kvar.unwrap_or(s_kva);
    let q_kvar = reactive_kvar(storage.q_kvar, storage.power_factor, p_kw, limit_kvar);
    let q_priority = storage.q_priority && state != StorageState::Idling;
    let (p_kw, q_kvar) = within_rating(p_kw, q_kvar, s_kva, q_priority);
    StoragePower { state, p_kw, q_kvar }
}

/// Reactive power as asked for, or of a power at a power factor (negative when the two oppose), within a limit.
fn reactive_kvar(asked_kvar: Option<f64>, power_factor: Option<f64>, p_kw: f64, limit_kvar: f64) -> f64 {
    let by_power_factor = |pf: f64| p_kw * (1.0 / (pf * pf) - 1.0).max(0.0).sqrt() * sign(pf);
    let q_kvar = asked_kvar.or(power_factor.map(by_power_factor)).unwrap_or(0.0);
    if q_kvar.abs() > limit_kvar { limit_kvar * sign(q_kvar) } else { q_kvar }
}

/// Power on the inverter's circle: either reactive or active power gives way.
fn within_rating(p_kw: f64, q_kvar: f64, s_kva: f64, q_priority: bool) -> (f64, f64) {
    let rest = |kept: f64| (s_kva * s_kva - kept * kept).max(0.0).sqrt();
    if complex(p_kw, q_kvar).norm() <= s_kva {
        (p_kw, q_kvar)
    } else if q_priority {
        (rest(q_kvar) * sign(p_kw), q_kvar)
    } else if p_kw > s_kva {
        (s_kva, 0.0)
    } else {
        (p_kw, rest(p_kw) * sign(q_kvar))
    }
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// Value of a piecewise-linear curve, extended beyond its ends by its first and last pieces; 1 without points. As in
/// OpenDSS, a point (but the first) within 1e-5 of `x` counts as met.
fn at_or_one(curve: &Curve, x: f64) -> f64 {
    let reaches = |[x1, _]: &[f64; 2]| (x1 - x).abs() < 1e-5 || *x1 > x;
    let piece = curve.windows(2).find(|w| w.last().is_some_and(reaches)).or_else(|| curve.windows(2).next_back());
    match (piece, curve.first()) {
        (Some(&[_, [x1, y1]]), _) if (x1 - x).abs() < 1e-5 => y1,
        (Some(&[[x0, y0], [x1, y1]]), _) if x1 != x0 => y0 + (x - x0) / (x1 - x0) * (y1 - y0),
        (Some(&[_, [_, y]]), _) | (None, Some(&[_, y])) => y,
        _ => 1.0,
    }
}
