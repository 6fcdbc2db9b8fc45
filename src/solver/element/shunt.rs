//! Capacitor banks, reactors and faults, in shunt or in series. See `docs/models/shunt.md`.

use super::source::{two_terminal, unsymmetric_matrix};
use super::{
    Admittance, Conductor, ElementError, Frequency, Part, Primitive, Reason, conductors, count, grounded,
    phase_voltage_v, positive, terminal_conductors,
};
use crate::feeder::{Capacitor, Connection, Fault, Matrix, Reactor, Terminal};
use crate::quantity::{Complex, complex};

/// What the no-load solve keeps of a shunt element's own admittance.
const SHUNT_IN_SERIES_PART: f64 = 1e-10;
/// A delta bank with series reactors is inverted with its own admittances raised by this factor.
const DELTA_BUMP: f64 = 1.000001;

/// The admittance of a capacitor bank with some of its steps closed; steps beyond `closed` are closed.
///
/// # Errors
/// When it has no phase, its voltage is not positive, or a step's impedance cannot be inverted.
pub fn capacitor(
    name: &str,
    capacitor: &Capacitor,
    closed: &[bool],
    at: Frequency,
    part: Part,
) -> Result<Primitive, ElementError> {
    let model = || -> Result<Primitive, Reason> {
        let phases = count("phases", capacitor.phases, 1)?;
        let v_v = phase_voltage_v(positive("v_kv", capacitor.v_kv)?, phases, capacitor.connection);
        let terminals = terminals(&capacitor.bus, capacitor.to.as_ref(), phases, capacitor.connection);
        let mut y = Admittance::zeros(terminals.iter().map(Vec::len).sum());
        for (k, q_kvar) in capacitor.q_kvar.iter().enumerate() {
            if closed.get(k) == Some(&false) {
                continue;
            }
            let b_s = q_kvar * 1000.0 / phases as f64 / (v_v * v_v) * at.order();
            let value = |values: &[f64]| values.get(k).copied().unwrap_or(0.0);
            let x_ohm = value(&capacitor.x_ohm);
            let r_ohm = value(&capacitor.r_ohm);
            let r_ohm = if r_ohm == 0.0 { x_ohm.abs() / 1000.0 } else { r_ohm };
            let step = step(phases, capacitor.connection, y.n(), b_s, complex(r_ohm, x_ohm * at.order()))?;
            step.values().iter().enumerate().for_each(|(k, v)| y.add(k / y.n(), k % y.n(), *v));
        }
        let shunt = is_shunt(&capacitor.bus, capacitor.to.as_ref());
        finish(terminals, y, shunt, false, part)
    };
    model().map_err(|reason| reason.of("capacitor", name))
}

/// One step of susceptance `b_s` per phase behind a series impedance.
fn step(phases: usize, connection: Connection, n: usize, b_s: f64, z_ohm: Complex) -> Result<Admittance, Reason> {
    let c_s = complex(0.0, b_s);
    let in_series = z_ohm.re + z_ohm.im.abs() > 0.0;
    if connection == Connection::Wye {
        let y = if in_series { complex(1.0, 0.0) / (z_ohm + complex(1.0, 0.0) / c_s) } else { c_s };
        return Ok(branches(phases, connection, n, y));
    }
    let mut y = branches(phases, connection, n, c_s);
    if !in_series {
        return Ok(y);
    }
    (0..phases).for_each(|i| y.set(i, i, y.get(i, i) * DELTA_BUMP));
    let mut z = y.inverse().ok_or(Reason::Singular)?;
    (0..phases).for_each(|i| z.add(i, i, z_ohm));
    z.inverse().ok_or(Reason::Singular)
}

/// Equal admittances from each phase to its return: the second terminal, or the next phase of a delta.
fn branches(phases: usize, connection: Connection, n: usize, y_s: Complex) -> Admittance {
    let mut y = Admittance::zeros(n);
    for i in 0..phases {
        let back = if connection == Connection::Wye { i + phases } else { (i + 1) % n };
        y.add_branch(i, back, y_s);
    }
    y
}

/// The admittance of a reactor.
///
/// # Errors
/// When it has no phase or no impedance, or its impedance cannot be inverted.
pub fn reactor(name: &str, reactor: &Reactor, at: Frequency, part: Part) -> Result<Primitive, ElementError> {
    let model = || -> Result<Primitive, Reason> {
        let phases = count("phases", reactor.phases, 1)?;
        let terminals = terminals(&reactor.bus, reactor.to.as_ref(), phases, reactor.connection);
        let n = terminals.iter().map(Vec::len).sum();
        let y = match coupled(reactor, phases, at)? {
            Some(y) if reactor.connection == Connection::Wye => two_terminal(&y),
            Some(_) => return Err(Reason::Missing("a per-phase impedance of a delta reactor")),
            None => branches(phases, reactor.connection, n, per_phase_s(reactor, phases, at)?),
        };
        let shunt = is_shunt(&reactor.bus, reactor.to.as_ref());
        finish(terminals, y, shunt, phases == 1, part)
    };
    model().map_err(|reason| reason.of("reactor", name))
}

/// Admittance between the terminals where phases are coupled: matrices or sequence impedances.
fn coupled(reactor: &Reactor, phases: usize, at: Frequency) -> Result<Option<Admittance>, Reason> {
    if reactor.r_matrix_ohm.is_some() || reactor.x_matrix_ohm.is_some() {
        let r = real_matrix("r_matrix_ohm", reactor.r_matrix_ohm.as_ref(), phases)?;
        let x = real_matrix("x_matrix_ohm", reactor.x_matrix_ohm.as_ref(), phases)?.scaled(at.order());
        let jx = Admittance::from_fn(phases, |i, j| complex(0.0, x.get(i, j).re));
        return if reactor.parallel {
            // A missing or singular matrix counts as an open branch.
            let open = || Admittance::zeros(phases);
            let (g, b) = (r.inverse().unwrap_or_else(open), jx.inverse().unwrap_or_else(open));
            Ok(Some(Admittance::from_fn(phases, |i, j| g.get(i, j) + b.get(i, j))))
        } else {
            let z = Admittance::from_fn(phases, |i, j| r.get(i, j) + jx.get(i, j));
            z.inverse().ok_or(Reason::Singular).map(Some)
        };
    }
    let Some(z1) = reactor.z1_ohm else { return Ok(None) };
    let z = |z: [f64; 2]| complex(z[0], z[1] * at.order());
    let (z2, z0) = (reactor.z2_ohm.unwrap_or(z1), reactor.z0_ohm.unwrap_or(z1));
    let matrix = match phases {
        1 => Admittance::from_fn(1, |_, _| z(z1)),
        n => unsymmetric_matrix(n, z(z1), z(z2), z(z0)),
    };
    matrix.inverse().ok_or(Reason::Singular).map(Some)
}

/// Admittance of each phase where phases are not coupled.
fn per_phase_s(reactor: &Reactor, phases: usize, at: Frequency) -> Result<Complex, Reason> {
    let r_ohm = reactor.r_ohm.unwrap_or(0.0);
    let x_ohm = match (reactor.x_ohm, reactor.q_kvar) {
        (Some(x), _) => x,
        (None, Some(q_kvar)) => {
            let v_kv = positive("v_kv", reactor.v_kv.ok_or(Reason::Missing("v_kv"))?)?;
            let v_v = phase_voltage_v(v_kv, phases, reactor.connection);
            v_v * v_v * phases as f64 / (q_kvar * 1000.0)
        }
        (None, None) if reactor.r_ohm.is_some() => 0.0,
        (None, None) => return Err(Reason::Missing("its impedance")),
    } * at.order();
    let one = complex(1.0, 0.0);
    let own = if reactor.parallel && r_ohm != 0.0 && x_ohm != 0.0 {
        one / r_ohm + one / complex(0.0, x_ohm)
    } else if r_ohm == 0.0 && x_ohm == 0.0 {
        return Err(Reason::Singular);
    } else {
        one / complex(r_ohm, x_ohm)
    };
    Ok(own + reactor.parallel_ohm.filter(|r| *r != 0.0).map_or(0.0, |r| 1.0 / r))
}

/// What stands for no resistance in a fault, in ohm, as long as the impedance of its loop is not known (`Grid` knows it).
pub const BOLTED_OHM: f64 = 1e-8;

/// The admittance of a fault; no resistance is [`BOLTED_OHM`].
///
/// # Errors
/// When it has no phase, or a resistance is negative or not a number.
pub fn fault(name: &str, fault: &Fault, part: Part) -> Result<Primitive, ElementError> {
    let model = || -> Result<Primitive, Reason> {
        let phases = count("phases", fault.phases, 1)?;
        let terminals = terminals(&fault.bus, fault.to.as_ref(), phases, Connection::Wye);
        let g_s = fault_s("r_ohm", fault.r_ohm)?;
        let y = match (fault.ungrounded, fault.ground_ohm) {
            (true, _) => star(phases, g_s, 0.0),
            (false, Some(ground_ohm)) => star(phases, g_s, fault_s("ground_ohm", ground_ohm)?),
            (false, None) => branches(phases, Connection::Wye, 2 * phases, complex(g_s, 0.0)),
        };
        // Voltage bases are those of the sound network, wherever a fault is written.
        let y = if part == Part::Series { Admittance::zeros(2 * phases) } else { y };
        finish(terminals, y, false, false, part)
    };
    model().map_err(|reason| reason.of("fault", name))
}

fn fault_s(what: &'static str, ohm: f64) -> Result<f64, Reason> {
    if ohm >= 0.0 && ohm.is_finite() {
        Ok(1.0 / if ohm == 0.0 { BOLTED_OHM } else { ohm })
    } else {
        Err(Reason::Value { what, value: ohm, range: "zero or a positive number is needed" })
    }
}

/// Phases that meet in a point through g each, the point going to ground (the second terminal) through `ground_s`, the
/// point eliminated: g²/Σ between phases and g·g₀/Σ to ground, Σ = n·g + g₀.
fn star(phases: usize, g_s: f64, ground_s: f64) -> Admittance {
    let sum_s = phases as f64 * g_s + ground_s;
    let mut y = Admittance::zeros(2 * phases);
    for i in 0..phases {
        y.add_branch(i, i + phases, complex(g_s * (ground_s / sum_s), 0.0));
        (i + 1..phases).for_each(|j| y.add_branch(i, j, complex(g_s * (g_s / sum_s), 0.0)));
    }
    y
}

/// A wye has a second terminal, ground unless given; a delta has one terminal.
fn terminals(bus: &Terminal, to: Option<&Terminal>, phases: usize, connection: Connection) -> Vec<Vec<Conductor>> {
    if connection == Connection::Delta {
        return vec![conductors(bus, phases, terminal_conductors(phases, connection))];
    }
    let back = to.map_or_else(|| grounded(&bus.bus, phases), |to| conductors(to, phases, phases));
    vec![conductors(bus, phases, phases), back]
}

fn is_shunt(bus: &Terminal, to: Option<&Terminal>) -> bool {
    to.is_none_or(|to| to.bus == bus.bus)
}

/// The wanted part. A shunt counts next to nothing in the series part, but for a one-phase (grounding) reactor.
fn finish(
    terminals: Vec<Vec<Conductor>>,
    y: Admittance,
    shunt: bool,
    grounding: bool,
    part: Part,
) -> Result<Primitive, Reason> {
    let y = if shunt && part == Part::Series {
        let share = if grounding { 1.0 } else { SHUNT_IN_SERIES_PART };
        Admittance::from_fn(y.n(), |i, j| if i == j { y.get(i, i) * share } else { complex(0.0, 0.0) })
    } else {
        y
    };
    if y.is_finite() { Ok(Primitive { terminals, y }) } else { Err(Reason::NotFinite) }
}

fn real_matrix(what: &'static str, rows: Option<&Matrix>, order: usize) -> Result<Admittance, Reason> {
    let entry = super::line::matrix(what, rows, order)?;
    Ok(Admittance::from_fn(order, |i, j| complex(entry(i, j), 0.0)))
}
