//! Loads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Connection, Terminal, defaults as d};

/// How a load's power follows its voltage inside its voltage band (numbers are OpenDSS's `model`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadModel {
    /// 1: constant P and Q.
    #[default]
    ConstantPower,
    /// 2: constant impedance, at every voltage.
    ConstantImpedance,
    /// 3: constant P, Q quadratic in voltage.
    MotorConstantP,
    /// 4: P and Q by the exponents `cvr_watts` and `cvr_vars`.
    Exponential,
    /// 5: constant current magnitude at constant power factor.
    ConstantCurrent,
    /// 6: P varies with the multiplier, Q fixed at its nominal value.
    FixedQ,
    /// 7: P varies with the multiplier, Q from a fixed impedance.
    FixedX,
    /// 8: the polynomial of `zip`.
    Zip,
}

/// What a load's power is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadStatus {
    /// By the load multiplier and its shape.
    #[default]
    Variable,
    /// By neither.
    Fixed,
    /// By its shape only.
    Exempt,
}

/// A load. Positive power is drawn from the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Where it stands.
    pub bus: Terminal,
    /// Number of phases. A one-phase delta load stands between two nodes.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// Connection.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub connection: Connection,
    /// How power follows voltage.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub model: LoadModel,
    /// Rated voltage in kV: line-to-line for 2 and 3 phases, across the load for one.
    pub v_kv: f64,
    /// Active power in kW, all phases.
    pub p_kw: f64,
    /// Reactive power in kvar, all phases.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub q_kvar: f64,
    /// Below this voltage the load turns towards constant impedance. Per unit of `v_kv`.
    #[serde(default = "d::pu_0_95", skip_serializing_if = "d::is_pu_0_95")]
    pub v_min_pu: f64,
    /// Above this voltage the load is a constant impedance.
    #[serde(default = "d::pu_1_05", skip_serializing_if = "d::is_pu_1_05")]
    pub v_max_pu: f64,
    /// Below this voltage the load is its nominal impedance; in between, the current is interpolated.
    #[serde(default = "d::pu_0_5", skip_serializing_if = "d::is_pu_0_5")]
    pub v_low_pu: f64,
    /// `exponential`: exponent of P.
    #[serde(default = "d::one", skip_serializing_if = "d::is_one")]
    pub cvr_watts: f64,
    /// `exponential`: exponent of Q.
    #[serde(default = "d::two", skip_serializing_if = "d::is_two")]
    pub cvr_vars: f64,
    /// `zip`: constant-impedance, -current and -power shares of P, the same of Q, and the cut-off voltage per unit
    /// below which the load draws nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip: Option<[f64; 7]>,
    /// What multiplies it.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub status: LoadStatus,
    /// Resistance in ohm from the neutral of a wye load to ground; without it the neutral is as the terminal says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neutral_r_ohm: Option<f64>,
    /// Reactance in ohm from the neutral to ground.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub neutral_x_ohm: f64,
    /// Shape for a daily study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<String>,
    /// Shape for a yearly study; that of `daily` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yearly: Option<String>,
    /// Shape for a duty-cycle study; that of `daily` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty: Option<String>,
    /// Name of its spectrum; that of `solve: {load_spectrum: …}` when not given, and without that it emits nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<String>,
    /// Share of the load that is a series R-L branch at orders other than 1, in percent; the rest is R parallel to L.
    #[serde(default = "d::fifty", skip_serializing_if = "d::is_fifty")]
    pub series_rl_percent: f64,
    /// Reactance of the series branch at the fundamental, per unit of its share of the load's power: that of a motor's
    /// locked rotor. Without it, the branch is as the load's power says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harmonic_x_pu: Option<f64>,
    /// X/R of the series branch at the fundamental, with `harmonic_x_pu`.
    #[serde(default = "d::six", skip_serializing_if = "d::is_six")]
    pub harmonic_x_over_r: f64,
}

impl Load {
    /// A wye-connected load of constant power between 0.95 and 1.05 pu, as OpenDSS's model 1, that draws nothing yet and
    /// that nothing multiplies.
    pub fn constant_power(bus: Terminal, phases: usize, v_kv: f64) -> Self {
        Self {
            bus,
            phases,
            connection: Connection::Wye,
            model: LoadModel::ConstantPower,
            v_kv,
            p_kw: 0.0,
            q_kvar: 0.0,
            v_min_pu: 0.95,
            v_max_pu: 1.05,
            v_low_pu: 0.5,
            cvr_watts: 1.0,
            cvr_vars: 2.0,
            zip: None,
            status: LoadStatus::Fixed,
            neutral_r_ohm: None,
            neutral_x_ohm: 0.0,
            daily: None,
            yearly: None,
            duty: None,
            spectrum: None,
            series_rl_percent: 50.0,
            harmonic_x_pu: None,
            harmonic_x_over_r: 6.0,
        }
    }
}

/// A load spread evenly along a line. It is lumped exactly for both voltage drop and loss: two thirds at a quarter of
/// the line's length from `from`, one third at its end (Kersting, "Distribution System Modeling and Analysis", 3.3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistributedLoad {
    /// The line it is spread along.
    pub line: String,
    /// Node numbers, as after the bus of a load: `[1, 2, 3]`, or `[1, 2]` for a one-phase delta load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<u16>,
    /// Number of phases.
    #[serde(default = "d::three_phases", skip_serializing_if = "d::is_three_phases")]
    pub phases: usize,
    /// Connection.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub connection: Connection,
    /// How power follows voltage.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub model: LoadModel,
    /// Rated voltage in kV, as for a load.
    pub v_kv: f64,
    /// Active power in kW, all phases, whole line.
    pub p_kw: f64,
    /// Reactive power in kvar, all phases, whole line.
    #[serde(default = "d::zero", skip_serializing_if = "d::is_zero")]
    pub q_kvar: f64,
    /// As for a load.
    #[serde(default = "d::pu_0_95", skip_serializing_if = "d::is_pu_0_95")]
    pub v_min_pu: f64,
    /// As for a load.
    #[serde(default = "d::pu_1_05", skip_serializing_if = "d::is_pu_1_05")]
    pub v_max_pu: f64,
    /// Shape for a daily study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<String>,
}
