//! Voltage sources: an emf behind a series impedance.
//!
//! Short-circuit powers or currents become sequence impedances; the zero-sequence one is the root of the single-phase
//! short-circuit equation. Limits: the impedance is linear and its resistance does not depend on frequency. See
//! `docs/models/source.md`.

use super::{Admittance, Conductor, ElementError, Frequency, Primitive, Reason, conductors, count, grounded, positive};
use crate::feeder::Source;
use crate::quantity::{Complex, complex, phasor};

/// A voltage source: Norton current Y·E in parallel with its admittance, or an ideal one that holds its nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceModel {
    /// The source's conductors, then those of its return (ground unless told otherwise).
    pub terminals: Vec<Vec<Conductor>>,
    /// Admittance of its impedance between the two terminals; `None` for an ideal source.
    pub admittance: Option<Admittance>,
    /// Voltage of each phase behind the impedance, from the return to the source's conductor, in V (RMS).
    pub emf_v: Vec<Complex>,
}

impl SourceModel {
    /// Whether the nodes are held exactly.
    pub fn is_ideal(&self) -> bool {
        self.admittance.is_none()
    }

    /// The current that it injects at each conductor (source, then return) beside its admittance, in A; empty for an
    /// ideal source.
    pub fn injection_a(&self) -> Vec<Complex> {
        self.admittance.as_ref().map_or_else(Vec::new, |y| y.times(&self.emf_v))
    }

    /// Its admittance with the conductors it stands between; `None` for an ideal source.
    pub fn primitive(&self) -> Option<Primitive> {
        self.admittance.clone().map(|y| Primitive { terminals: self.terminals.clone(), y })
    }
}

/// The model of a voltage source.
///
/// # Errors
/// When it has no phase, its voltage is not positive, or its impedance is zero, negative or not a number.
pub fn source(name: &str, source: &Source, at: Frequency) -> Result<SourceModel, ElementError> {
    model(source, at).map_err(|reason| reason.of("source", name))
}

fn model(source: &Source, at: Frequency) -> Result<SourceModel, Reason> {
    let phases = count("phases", source.phases, 1)?;
    positive("v_kv", source.v_kv)?;
    let back = match &source.return_bus {
        Some(terminal) => conductors(terminal, phases, phases),
        None => grounded(&source.bus.bus, phases),
    };
    let emf_v: Vec<_> = (0..phases).map(|phase| emf_v(source, phase, 1.0, 0.0)).collect();
    if !emf_v.iter().all(|e| e.re.is_finite() && e.im.is_finite()) {
        return Err(Reason::Value { what: "v_pu", value: source.v_pu, range: "a finite voltage is needed" });
    }
    let admittance = if source.ideal {
        None
    } else {
        let [z1, z2, z0] = sequence_impedances(source)?.map(|z| complex(z.re, z.im * at.order()));
        Some(two_terminal(&phase_admittance(phases, z1, z2, z0)?))
    };
    let terminals = vec![conductors(&source.bus, phases, phases), back];
    Ok(SourceModel { terminals, admittance, emf_v })
}

/// EMF of a phase (from 0) of a source, in V: `v_pu` of what the feeder says, and `angle_deg` ahead of it.
pub fn emf_v(source: &Source, phase: usize, v_pu: f64, angle_deg: f64) -> Complex {
    let magnitude_v = match source.phases {
        1 => source.v_kv * 1000.0,
        n => source.v_kv * 1000.0 / (2.0 * (std::f64::consts::PI / n as f64).sin()),
    } * source.v_pu;
    let written_deg = source.angle_deg - 360.0 * phase as f64 / source.phases as f64;
    phasor(magnitude_v * v_pu, written_deg + angle_deg)
}

/// Positive-, negative- and zero-sequence impedance in ohm at the feeder's frequency.
fn sequence_impedances(source: &Source) -> Result<[Complex; 3], Reason> {
    if source.r1_ohm.is_none() && source.x1_ohm.is_none() {
        return short_circuit_impedances(source);
    }
    let z1 = complex(source.r1_ohm.unwrap_or(0.0), source.x1_ohm.unwrap_or(0.0));
    if source.phases == 1 {
        return Ok([z1; 3]);
    }
    let z2 = complex(source.r2_ohm.unwrap_or(z1.re), source.x2_ohm.unwrap_or(z1.im));
    let z0 = complex(source.r0_ohm.unwrap_or(z1.re), source.x0_ohm.unwrap_or(z1.im));
    Ok([z1, z2, z0])
}

/// The same from short-circuit powers or currents: |2·Z1 + Z0| = 3·V/I_sc1 has the unknown R0, with X0 = ratio·R0.
fn short_circuit_impedances(source: &Source) -> Result<[Complex; 3], Reason> {
    let v_kv = source.v_kv;
    let factor = if source.phases == 1 { 1.0 } else { 3f64.sqrt() };
    let mva = |amperes: Option<f64>, factor: f64| amperes.map(|i| factor * v_kv * i / 1000.0);
    let (mva3, mva1) = if source.isc3_a.is_some() || source.isc1_a.is_some() {
        (mva(source.isc3_a, 3f64.sqrt()), mva(source.isc1_a, factor))
    } else {
        (source.mvasc3, source.mvasc1)
    };
    let mva3 = positive("three-phase short-circuit power", mva3.unwrap_or(2000.0))?;
    let mva1 = positive("single-phase short-circuit power", mva1.unwrap_or(2100.0))?;
    let ratio1 = positive("x1_over_r1", source.x1_over_r1)?;
    let ratio0 = source.x0_over_r0;
    let x1 = v_kv * v_kv / mva3 / (1.0 + 1.0 / (ratio1 * ratio1)).sqrt();
    let r1 = x1 / ratio1;
    let loop_ohm = 3.0 * v_kv * 1000.0 / factor / (mva1 * 1000.0 / (factor * v_kv));
    let a = 1.0 + ratio0 * ratio0;
    let b = 4.0 * (r1 + x1 * ratio0);
    let c = 4.0 * (r1 * r1 + x1 * x1) - loop_ohm * loop_ohm;
    let r0 = ((b * b - 4.0 * a * c).sqrt() - b) / (2.0 * a);
    if !r0.is_finite() {
        let range = "too large beside the three-phase one for any zero-sequence impedance";
        return Err(Reason::Value { what: "single-phase short-circuit power in MVA", value: mva1, range });
    }
    Ok([complex(r1, x1), complex(r1, x1), complex(r0, r0 * ratio0)])
}

/// Phase admittance of sequence impedances. In sequences where that is exact, so that an infinite zero-sequence
/// impedance (an ungrounded source) does not drown the others.
fn phase_admittance(phases: usize, z1: Complex, z2: Complex, z0: Complex) -> Result<Admittance, Reason> {
    let y = if phases == 3 && z1 == z2 {
        let [y1, y0] = [z1, z0].map(|z| complex(1.0, 0.0) / z);
        let (own, mutual) = ((y1 * 2.0 + y0) / 3.0, (y0 - y1) / 3.0);
        Admittance::from_fn(phases, |i, j| if i == j { own } else { mutual })
    } else {
        sequence_matrix(phases, z1, z2, z0).inverse().ok_or(Reason::Singular)?
    };
    if y.is_finite() { Ok(y) } else { Err(Reason::Singular) }
}

/// Phase matrix of sequence impedances. Different positive and negative ones make it unsymmetric.
pub(super) fn sequence_matrix(phases: usize, z1: Complex, z2: Complex, z0: Complex) -> Admittance {
    if z1 != z2 {
        return unsymmetric_matrix(phases, z1, z2, z0);
    }
    let (own, mutual) = ((z1 * 2.0 + z0) / 3.0, (z0 - z1) / 3.0);
    Admittance::from_fn(phases, |i, j| if i == j { own } else { mutual })
}

/// The same for any negative-sequence impedance, with OpenDSS's six digits of √3/2 (1.6e-7 off where Z1 = Z2). Phases
/// are uncoupled unless there are three.
pub(super) fn unsymmetric_matrix(phases: usize, z1: Complex, z2: Complex, z0: Complex) -> Admittance {
    let a = complex(-0.5, 0.866025);
    let own = (z1 + z2 + z0) / 3.0;
    let ahead = (a * a * z2 + a * z1 + z0) / 3.0;
    let behind = (a * a * z1 + a * z2 + z0) / 3.0;
    Admittance::from_fn(phases, |i, j| match (i + 3 - j % 3) % 3 {
        _ if i == j => own,
        _ if phases != 3 => complex(0.0, 0.0),
        2 => ahead,
        _ => behind,
    })
}

/// A branch admittance matrix between two terminals of as many conductors.
pub(super) fn two_terminal(y: &Admittance) -> Admittance {
    let n = y.n();
    Admittance::from_fn(2 * n, |i, j| if (i < n) == (j < n) { y.get(i % n, j % n) } else { -y.get(i % n, j % n) })
}
