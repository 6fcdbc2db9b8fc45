//! Loads and power sources as a set of branches, each with a law between its voltage and its current.
//!
//! Currents are drawn from `from` and returned at `to`; a source has negative nominal power. See `docs/models/load.md`
//! and `docs/models/generation.md`.

use super::{Conductor, Law, Nominal, Primitive, Reason, conductors, count, terminal_conductors};
use crate::feeder::{Connection, Terminal};
use crate::quantity::{Complex, complex};

/// One branch of a load or source, between two conductors.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Where it draws its current.
    pub from: Conductor,
    /// Where it returns it: another conductor, or ground.
    pub to: Conductor,
}

/// A load or power source as equal branches.
///
/// What follows the present multiplier and what does not: `nominal` is at multiplier 1; the law's conductance, out of
/// band too, is of the *present* power ([`Nominal::times`]), only `q_fixed_var` never moves. `y_nominal_s` is what the
/// element stands with in the nodal matrix of the constant-matrix fixed point and does not follow the multiplier unless
/// the solver rebuilds that matrix; the solution does not depend on it, only the path towards it.
#[derive(Clone, Debug, PartialEq)]
pub struct InjectionModel {
    /// The branches; all have the same nominal power, base voltage and law.
    pub branches: Vec<Branch>,
    /// Nominal power of each branch, drawn from the network.
    pub nominal: Nominal,
    /// Base voltage of each branch in V.
    pub v_base_v: f64,
    /// How a branch's current follows its voltage.
    pub law: Law,
    /// Admittance of each branch in the nodal matrix, in siemens.
    pub y_nominal_s: Complex,
    /// A neutral's impedance to ground, if it has one.
    pub neutral: Option<Primitive>,
}

impl InjectionModel {
    /// Current of a branch in A at a branch voltage in V, at multiplier 1.
    pub fn current_a(&self, u_v: Complex) -> Complex {
        self.current_at_a(self.nominal, u_v)
    }

    /// Current of a branch in A at a branch voltage in V and a present power.
    pub fn current_at_a(&self, present: Nominal, u_v: Complex) -> Complex {
        self.law.conductance(present, self.v_base_v, u_v.norm() / self.v_base_v).g * u_v
    }
}

/// The branches of a one-terminal element: phase to neutral, or phase to next phase.
pub(super) fn branches(terminal: &Terminal, phases: usize, connection: Connection) -> Result<Vec<Branch>, Reason> {
    count("phases", phases, 1)?;
    let ends = conductors(terminal, phases, terminal_conductors(phases, connection));
    let back = |k: usize| match connection {
        Connection::Wye => ends.get(phases),
        Connection::Delta => ends.get((k + 1) % ends.len()),
    };
    Ok((0..phases).filter_map(|k| Some(Branch { from: ends.get(k)?.clone(), to: back(k)?.clone() })).collect())
}

/// Whether a model's numbers can be computed with.
pub(super) fn finite(model: InjectionModel) -> Result<InjectionModel, Reason> {
    let y = model.y_nominal_s;
    let numbers = [y.re, y.im, model.nominal.p_w, model.nominal.q_var, model.nominal.q_fixed_var];
    if numbers.iter().all(|x| x.is_finite()) { Ok(model) } else { Err(Reason::NotFinite) }
}

/// A neutral's impedance as an admittance to ground; zero ohms is a micro-ohm.
pub(super) fn neutral_s(r_ohm: f64, x_ohm: f64) -> Complex {
    if r_ohm == 0.0 && x_ohm == 0.0 { complex(1e6, 0.0) } else { complex(1.0, 0.0) / complex(r_ohm, x_ohm) }
}
