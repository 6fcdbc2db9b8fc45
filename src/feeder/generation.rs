//! Generators, photovoltaic systems and storage as power sources.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Connection, Terminal, defaults as d};

/// How a power source follows its voltage inside its voltage band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceModel {
    /// Constant P and Q.
    #[default]
    ConstantPower,
    /// Constant impedance.
    ConstantImpedance,
    /// Constant P and Q at any voltage above `v_min_pu`; below, the current that this takes at `v_min_pu`.
    LimitedCurrent,
}

/// A generator. Positive power is injected into the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// Where it stands.
    pub bus: Terminal,
    /// Number of phases.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// Connection.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub connection: Connection,
    /// How power follows voltage.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub model: SourceModel,
    /// Rated voltage in kV: line-to-line for 2 and 3 phases, across the terminals for one.
    pub v_kv: f64,
    /// Active power in kW, all phases.
    pub p_kw: f64,
    /// Reactive power in kvar, all phases.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub q_kvar: f64,
    /// Below this voltage it is a constant impedance. Per unit of `v_kv`.
    #[serde(default = "d::pu_0_9", skip_serializing_if = "d::is_pu_0_9")]
    pub v_min_pu: f64,
    /// Above this voltage it is a constant impedance.
    #[serde(default = "d::pu_1_1", skip_serializing_if = "d::is_pu_1_1")]
    pub v_max_pu: f64,
    /// Not multiplied by shapes.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub fixed: bool,
    /// Shape for a daily study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<String>,
    /// Shape for a yearly study; that of `daily` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yearly: Option<String>,
    /// Shape for a duty-cycle study; that of `daily` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty: Option<String>,
    /// Rated power in kVA; 1.2 times `p_kw` when not given. Only orders other than 1 depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s_kva: Option<f64>,
    /// Subtransient reactance per unit of `v_kv` and `s_kva`: what it is at orders other than 1.
    #[serde(default = "d::pu_0_2", skip_serializing_if = "d::is_pu_0_2")]
    pub x_subtransient_pu: f64,
    /// Name of its spectrum; it emits nothing when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<String>,
}

/// Points of a piecewise-linear curve, `[x, y]`, x increasing.
pub type Curve = Vec<[f64; 2]>;

/// A photovoltaic system: panel power by irradiance and temperature, then an inverter of limited power.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PvSystem {
    /// Where it stands.
    pub bus: Terminal,
    /// Number of phases.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// Connection.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub connection: Connection,
    /// How power follows voltage.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub model: SourceModel,
    /// Rated voltage in kV: line-to-line for 2 and 3 phases, across the terminals for one.
    pub v_kv: f64,
    /// Inverter rating in kVA.
    pub s_kva: f64,
    /// Panel power in kW at 1 kW/m² and 25 °C.
    pub p_mpp_kw: f64,
    /// Irradiance in kW/m².
    #[serde(default = "d::one", skip_serializing_if = "d::is_one")]
    pub irradiance_kw_per_m2: f64,
    /// Panel temperature in °C.
    #[serde(default = "d::twenty_five", skip_serializing_if = "d::is_twenty_five")]
    pub temperature_c: f64,
    /// Share of `p_mpp_kw` that is used, in percent.
    #[serde(default = "d::hundred", skip_serializing_if = "d::is_hundred")]
    pub p_mpp_percent: f64,
    /// Panel power factor by temperature in °C; 1 when not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub temperature_curve: Curve,
    /// Inverter efficiency by DC power per unit of `s_kva`; 1 when not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub efficiency_curve: Curve,
    /// DC power in percent of `s_kva` at which the inverter turns on.
    #[serde(default = "d::twenty", skip_serializing_if = "d::is_twenty")]
    pub cut_in_percent: f64,
    /// DC power in percent of `s_kva` below which the inverter turns off.
    #[serde(default = "d::twenty", skip_serializing_if = "d::is_twenty")]
    pub cut_out_percent: f64,
    /// Reactive power in kvar; excludes `power_factor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_kvar: Option<f64>,
    /// Power factor; negative: absorbing. 1 when neither is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_factor: Option<f64>,
    /// Largest reactive power in kvar either way; `s_kva` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_max_kvar: Option<f64>,
    /// At the inverter's limit, reactive power is kept and active power gives way.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub q_priority: bool,
    /// Below this voltage it is a constant impedance. Per unit of `v_kv`.
    #[serde(default = "d::pu_0_9", skip_serializing_if = "d::is_pu_0_9")]
    pub v_min_pu: f64,
    /// Above this voltage it is a constant impedance.
    #[serde(default = "d::pu_1_1", skip_serializing_if = "d::is_pu_1_1")]
    pub v_max_pu: f64,
    /// Irradiance shape for a daily study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<String>,
    /// Irradiance shape for a yearly study; that of `daily` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yearly: Option<String>,
    /// Irradiance shape for a duty-cycle study; that of `daily` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty: Option<String>,
    /// Resistance at orders other than 1, in percent on `v_kv` and `s_kva`.
    #[serde(default = "d::fifty", skip_serializing_if = "d::is_fifty")]
    pub r_percent: f64,
    /// Reactance at the fundamental that counts at orders other than 1, in percent on `v_kv` and `s_kva`.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub x_percent: f64,
    /// Name of its spectrum; it emits nothing when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<String>,
}

/// What a storage system is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StorageState {
    /// Neither charging nor discharging; idling losses only.
    #[default]
    Idling,
    /// Drawing power from the network.
    Charging,
    /// Injecting power into the network.
    Discharging,
}

/// A storage system as a power source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Where it stands.
    pub bus: Terminal,
    /// Number of phases.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// Connection.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub connection: Connection,
    /// How power follows voltage.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub model: SourceModel,
    /// Rated voltage in kV: line-to-line for 2 and 3 phases, across the terminals for one.
    pub v_kv: f64,
    /// Rated active power in kW.
    pub p_rated_kw: f64,
    /// Inverter rating in kVA; `p_rated_kw` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s_kva: Option<f64>,
    /// Rated energy in kWh.
    pub e_rated_kwh: f64,
    /// Stored energy at the start, in percent of `e_rated_kwh`.
    #[serde(default = "d::hundred", skip_serializing_if = "d::is_hundred")]
    pub stored_percent: f64,
    /// Energy kept in reserve, in percent of `e_rated_kwh`.
    #[serde(default = "d::twenty", skip_serializing_if = "d::is_twenty")]
    pub reserve_percent: f64,
    /// What it does at the start.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub state: StorageState,
    /// Active power while charging, in percent of `p_rated_kw`.
    #[serde(default = "d::hundred", skip_serializing_if = "d::is_hundred")]
    pub charge_percent: f64,
    /// Active power while discharging, in percent of `p_rated_kw`.
    #[serde(default = "d::hundred", skip_serializing_if = "d::is_hundred")]
    pub discharge_percent: f64,
    /// Charging efficiency in percent.
    #[serde(default = "d::ninety", skip_serializing_if = "d::is_ninety")]
    pub charge_efficiency_percent: f64,
    /// Discharging efficiency in percent.
    #[serde(default = "d::ninety", skip_serializing_if = "d::is_ninety")]
    pub discharge_efficiency_percent: f64,
    /// Active power drawn while idling, in percent of `p_rated_kw`.
    #[serde(default = "d::one", skip_serializing_if = "d::is_one")]
    pub idling_percent: f64,
    /// Inverter efficiency by power per unit of `s_kva`; 1 when not given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub efficiency_curve: Curve,
    /// Reactive power in kvar; excludes `power_factor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_kvar: Option<f64>,
    /// Power factor; negative: absorbing. 1 when neither is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_factor: Option<f64>,
    /// Largest reactive power in kvar either way; `s_kva` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_max_kvar: Option<f64>,
    /// At the inverter's limit, reactive power is kept and active power gives way (never while idling).
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub q_priority: bool,
    /// Below this voltage it is a constant impedance. Per unit of `v_kv`.
    #[serde(default = "d::pu_0_9", skip_serializing_if = "d::is_pu_0_9")]
    pub v_min_pu: f64,
    /// Above this voltage it is a constant impedance.
    #[serde(default = "d::pu_1_1", skip_serializing_if = "d::is_pu_1_1")]
    pub v_max_pu: f64,
    /// Shape for a daily study: positive discharges, negative charges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<String>,
    /// Resistance at orders other than 1, in percent on `v_kv` and `s_kva`.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub r_percent: f64,
    /// Reactance at the fundamental that counts at orders other than 1, in percent on `v_kv` and `s_kva`.
    #[serde(default = "d::fifty", skip_serializing_if = "d::is_fifty")]
    pub x_percent: f64,
    /// Name of its spectrum; it emits nothing when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<String>,
}
