//! Loads: equal branches from phase to neutral or phase to phase, by one of eight laws. See `docs/models/load.md`.

use super::injection::{branches, finite, neutral_s};
use super::law::Band;
use super::{
    Admittance, Conductor, ElementError, InjectionModel, Law, Nominal, Primitive, Reason, phase_voltage_v, positive,
};
use crate::feeder::{Connection, Load, LoadModel};

/// The model of a load at multiplier 1.
///
/// # Errors
/// When it has no phase, its voltage is not positive, a ZIP load has no polynomial, or its power is not a number.
pub fn load(name: &str, load: &Load) -> Result<InjectionModel, ElementError> {
    model(load).map_err(|reason| reason.of("load", name))
}

fn model(load: &Load) -> Result<InjectionModel, Reason> {
    let branches = branches(&load.bus, load.phases, load.connection)?;
    let v_base_v = phase_voltage_v(positive("v_kv", load.v_kv)?, load.phases, load.connection);
    let per_branch = |k: f64| k * 1000.0 / load.phases as f64;
    let (p_w, q_var) = (per_branch(load.p_kw), per_branch(load.q_kvar));
    let nominal = Nominal { p_w, q_var, q_fixed_var: q_var };
    let neutral = neutral(load, &branches);
    finite(InjectionModel {
        nominal,
        v_base_v,
        law: law(load)?,
        y_nominal_s: nominal.admittance_s(v_base_v),
        neutral,
        branches,
    })
}

fn law(load: &Load) -> Result<Law, Reason> {
    let band = Band { v_low_pu: load.v_low_pu, v_min_pu: load.v_min_pu, v_max_pu: load.v_max_pu };
    Ok(match load.model {
        LoadModel::ConstantPower => Law::Power(band),
        LoadModel::ConstantImpedance => Law::Impedance { factor: 1.0 },
        LoadModel::MotorConstantP => Law::Motor(band),
        LoadModel::Exponential => Law::Exponential { band, p: load.cvr_watts, q: load.cvr_vars },
        LoadModel::ConstantCurrent => Law::Current(band),
        LoadModel::FixedQ => Law::FixedQ(band),
        LoadModel::FixedX => Law::FixedX(band),
        LoadModel::Zip => {
            let [pz, pi, pp, qz, qi, qp, cut_off_pu] = load.zip.ok_or(Reason::Missing("zip"))?;
            Law::Zip { band, p: [pz, pi, pp], q: [qz, qi, qp], cut_off_pu }
        }
    })
}

/// The impedance between a wye load's neutral and ground; nothing when the neutral is ground already.
fn neutral(load: &Load, branches: &[super::Branch]) -> Option<Primitive> {
    let r_ohm = load.neutral_r_ohm.filter(|r| *r >= 0.0 && load.connection == Connection::Wye)?;
    let neutral = branches.first().map(|b| b.to.clone()).filter(|n| !n.is_ground())?;
    let ground = Conductor::new(&neutral.bus, 0);
    let mut y = Admittance::zeros(2);
    y.add_branch(0, 1, neutral_s(r_ohm, load.neutral_x_ohm));
    y.is_finite().then(|| Primitive { terminals: vec![vec![neutral], vec![ground]], y })
}
