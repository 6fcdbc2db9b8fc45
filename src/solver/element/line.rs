//! Lines, cables and switches: a pi section from phase matrices, sequence values or a geometry.
//!
//! Half of the shunt capacitance stands at each end. Limits: one section however long the line; the reactance of a
//! line that is not given by geometry grows with frequency, the earth's share of it by a rule ([`Behaviour`]). See
//! `docs/models/line.md`.

use std::f64::consts::TAU;

use super::behaviour::Growth;
use super::source::{sequence_matrix, two_terminal};
use super::{
    Admittance, Behaviour, ElementError, Frequency, Part, Primitive, Reason, conductors, count, geometry, positive,
};
use crate::feeder::{Feeder, Line, LineImpedance, Matrix};
use crate::quantity::{Complex, complex};

/// Susceptance in siemens at each line end in the no-load solve, which otherwise leaves capacitance out: it keeps a
/// section that hangs on nothing solvable (10 kvar at 345 kV shared by two ends).
pub const LINE_END_S: f64 = 4.2e-8;

/// Series impedance (ohm) and shunt admittance (siemens) of a whole line, by conductor.
pub(super) struct Section {
    pub(super) z_ohm: Admittance,
    pub(super) y_s: Admittance,
}

/// The admittance of a line at a frequency; whether it is open does not matter here.
///
/// # Errors
/// When it has no impedance or length, refers to something unknown, or its impedance matrix is singular.
pub fn line(feeder: &Feeder, name: &str, line: &Line, f_hz: f64, part: Part) -> Result<Primitive, ElementError> {
    line_as(feeder, name, line, f_hz, part, &Behaviour::OpenDss)
}

/// The same with resistances that follow frequency otherwise.
///
/// # Errors
/// As [`line()`].
pub fn line_as(
    feeder: &Feeder,
    name: &str,
    line: &Line,
    f_hz: f64,
    part: Part,
    behaviour: &Behaviour,
) -> Result<Primitive, ElementError> {
    primitive(feeder, line, f_hz, part, behaviour).map_err(|reason| reason.of("line", name))
}

fn primitive(feeder: &Feeder, line: &Line, f_hz: f64, part: Part, behaviour: &Behaviour) -> Result<Primitive, Reason> {
    positive("frequency_hz", f_hz)?;
    let section = section(feeder, line, f_hz, behaviour)?;
    let n = section.z_ohm.n();
    let mut y = two_terminal(&section.z_ohm.inverse().ok_or(Reason::Singular)?);
    match part {
        Part::Series => (0..2 * n).for_each(|i| y.add(i, i, complex(0.0, LINE_END_S))),
        Part::Whole => {
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let half = section.y_s.get(i, j) / 2.0;
                y.add(i, j, half);
                y.add(i + n, j + n, half);
            }
        }
    }
    if !y.is_finite() {
        return Err(Reason::NotFinite);
    }
    Ok(Primitive { terminals: vec![conductors(&line.from, n, n), conductors(&line.to, n, n)], y })
}

/// Number of conductors at each end of a line.
fn conductor_count(feeder: &Feeder, line: &Line) -> Option<usize> {
    let of_geometry = || line.geometry.as_ref().and_then(|g| feeder.geometries.get(g)).map(geometry::kept);
    let of_code = || line.code.as_ref().and_then(|c| feeder.line_codes.get(c)).map(|c| c.phases);
    let of_total = || line.total.as_ref().and_then(|t| t.r_ohm.as_ref().or(t.x_ohm.as_ref())).map(Vec::len);
    of_geometry().or(line.phases).or_else(of_code).or_else(of_total)
}

fn section(feeder: &Feeder, line: &Line, f_hz: f64, behaviour: &Behaviour) -> Result<Section, Reason> {
    let metres = || {
        let metres = line.metres().ok_or(Reason::Missing("its length"))?;
        positive("its length in m", metres)
    };
    if let Some(name) = &line.geometry {
        let geometry =
            feeder.geometries.get(name).ok_or_else(|| Reason::Unknown { kind: "geometry", name: name.clone() })?;
        let per_metre = geometry::per_metre(feeder, geometry, line.earth_ohm_m, f_hz)?;
        let metres = metres()?;
        return Ok(Section { z_ohm: per_metre.z_ohm.scaled(metres), y_s: per_metre.y_s.scaled(metres) });
    }
    let phases = count("phases", conductor_count(feeder, line).unwrap_or(3), 1)?;
    let at = Frequency { f_hz, nominal_hz: positive("the feeder's frequency_hz", feeder.frequency_hz)? };
    if let Some(total) = &line.total {
        let growth = behaviour.growth_of_total(line, at)?;
        return lumped(total, phases, 1.0, at, growth);
    }
    let name = line.code.as_ref().ok_or(Reason::Missing("its code, geometry or total impedance"))?;
    let code = feeder.line_codes.get(name).ok_or_else(|| Reason::Unknown { kind: "line code", name: name.clone() })?;
    let growth = behaviour.growth_of_code(code, at)?;
    lumped(&code.impedance, phases, metres()? / code.per.metres(), at, growth)
}

/// Impedance and admittance of `lengths` unit lengths.
fn lumped(
    given: &LineImpedance,
    phases: usize,
    lengths: f64,
    at: Frequency,
    growth: Growth,
) -> Result<Section, Reason> {
    let x_scale = at.order();
    let b_scale = TAU * at.f_hz * 1e-9;
    let z = if given.r_ohm.is_some() || given.x_ohm.is_some() {
        let r = matrix("r_ohm", given.r_ohm.as_ref(), phases)?;
        let x = matrix("x_ohm", given.x_ohm.as_ref(), phases)?;
        Admittance::from_fn(phases, |i, j| complex(r(i, j), x(i, j) * x_scale))
    } else {
        let z1 = complex(given.r1_ohm.unwrap_or(0.0), given.x1_ohm.ok_or(Reason::Missing("x1_ohm"))? * x_scale);
        let z0 = complex(given.r0_ohm.unwrap_or(z1.re), given.x0_ohm.map_or(z1.im, |x| x * x_scale));
        by_sequence(phases, z1, z0)
    };
    let y = if given.c_nf.is_some() {
        let c = matrix("c_nf", given.c_nf.as_ref(), phases)?;
        Admittance::from_fn(phases, |i, j| complex(0.0, c(i, j) * b_scale))
    } else {
        let c1 = given.c1_nf.unwrap_or(0.0);
        by_sequence(phases, complex(0.0, c1 * b_scale), complex(0.0, given.c0_nf.unwrap_or(c1) * b_scale))
    };
    let z = Admittance::from_fn(phases, |i, j| {
        let r_ohm = growth.r_ohm + if i == j { growth.r_own_ohm } else { 0.0 };
        z.get(i, j) + complex(r_ohm, -growth.x_ohm * x_scale)
    });
    Ok(Section { z_ohm: z.scaled(lengths), y_s: y.scaled(lengths) })
}

/// Phase matrix of positive- and zero-sequence values; a single phase has the positive-sequence value only.
fn by_sequence(phases: usize, one: Complex, zero: Complex) -> Admittance {
    sequence_matrix(phases, one, one, if phases == 1 { one } else { zero })
}

/// Entries of a full or lower-triangular matrix; all zero when it is not given.
pub(super) fn matrix<'a>(
    what: &'static str,
    rows: Option<&'a Matrix>,
    order: usize,
) -> Result<impl Fn(usize, usize) -> f64 + 'a, Reason> {
    let triangle = rows.is_some_and(|rows| rows.iter().enumerate().all(|(i, row)| row.len() == i + 1));
    let full = rows.is_some_and(|rows| rows.iter().all(|row| row.len() == order));
    if rows.is_some_and(|rows| rows.len() != order || !(triangle || full)) {
        return Err(Reason::Shape { what, order });
    }
    Ok(move |i: usize, j: usize| {
        let (i, j) = if triangle && j > i { (j, i) } else { (i, j) };
        rows.and_then(|rows| rows.get(i)?.get(j)).copied().unwrap_or(0.0)
    })
}
