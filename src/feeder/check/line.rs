//! Lines and what they refer to: line codes, wires, cables, geometries.

use super::super::{Cable, Feeder, Geometry, Line, LineCode, LineImpedance, Wire};
use super::finding::{Checker, Conductors, Element, MOST_PHASES};
use crate::quantity::complex;

/// Checks lines, line codes, wires, cables and geometries.
pub fn check(checker: &mut Checker<'_>) {
    let feeder = checker.feeder;
    for (name, code) in &feeder.line_codes {
        line_code(checker, Element { section: "line_codes", name }, code);
    }
    for (name, given) in &feeder.wires {
        wire(checker, Element { section: "wires", name }, "", given);
    }
    for (name, given) in &feeder.cables {
        cable(checker, Element { section: "cables", name }, given);
    }
    for (name, given) in &feeder.geometries {
        geometry(checker, Element { section: "geometries", name }, given);
    }
    for (name, given) in &feeder.lines {
        line(checker, Element { section: "lines", name }, given);
    }
}

/// Phases of a line: its own, or those of its code or geometry.
pub fn phases(feeder: &Feeder, line: &Line) -> Option<usize> {
    line.phases.or_else(|| phases_of_reference(feeder, line).map(|(n, _)| n))
}

fn phases_of_reference(feeder: &Feeder, line: &Line) -> Option<(usize, String)> {
    let of_code = |name: &String| Some((feeder.line_codes.get(name)?.phases, format!("line code \"{name}\"")));
    let of_geometry = |name: &String| {
        let geometry = feeder.geometries.get(name)?;
        let phases = if geometry.reduce { geometry.phases } else { geometry.conductors.len() };
        Some((phases, format!("geometry \"{name}\"")))
    };
    line.code.as_ref().and_then(of_code).or_else(|| line.geometry.as_ref().and_then(of_geometry))
}

fn line_code(checker: &mut Checker<'_>, element: Element<'_>, code: &LineCode) {
    if checker.phases(element, code.phases) {
        impedance(checker, element, "impedance", &code.impedance, code.phases);
    }
    ratings(checker, element, code.normal_a, code.emergency_a);
}

fn ratings(checker: &mut Checker<'_>, element: Element<'_>, normal_a: Option<f64>, emergency_a: Option<f64>) {
    for (key, value) in [("normal_a", normal_a), ("emergency_a", emergency_a)] {
        if let Some(value) = value {
            checker.not_negative(element, key, value);
        }
    }
}

fn impedance(checker: &mut Checker<'_>, element: Element<'_>, path: &str, given: &LineImpedance, phases: usize) {
    let matrix = [("r_ohm", &given.r_ohm), ("x_ohm", &given.x_ohm)];
    let sequence =
        [("r1_ohm", given.r1_ohm), ("x1_ohm", given.x1_ohm), ("r0_ohm", given.r0_ohm), ("x0_ohm", given.x0_ohm)];
    let key = |short: &str| format!("{path}.{short}");
    let first_matrix = matrix.iter().find(|(_, m)| m.is_some()).map(|(k, _)| key(k));
    let first_sequence = sequence.iter().find(|(_, x)| x.is_some()).map(|(k, _)| key(k));
    match (first_matrix, first_sequence) {
        (Some(a), Some(b)) => checker.one_of(element, true, &[(&a, true), (&b, true)]),
        (None, None) => {
            let message = format!("{element} has no impedance");
            let help = format!("give {path} x_ohm and r_ohm as matrices, or x1_ohm with r1_ohm, r0_ohm, x0_ohm");
            checker.error_with_help("E0205", element, path, message, help);
        }
        (Some(first), None) => {
            let check = |(short, m): &(&str, &Option<_>)| {
                m.as_ref().is_none_or(|m| checker.square(element, &key(short), m, phases))
            };
            let good = matrix.iter().map(check).fold(true, |all, good| all & good);
            if good {
                checker.invertible(element, &first, given.r_ohm.as_ref(), given.x_ohm.as_ref());
            }
        }
        (None, Some(first)) => by_sequence(checker, element, &first, path, given),
    }
    if let Some(c_nf) = &given.c_nf {
        checker.square(element, &key("c_nf"), c_nf, phases);
    }
    for (short, c) in [("c1_nf", given.c1_nf), ("c0_nf", given.c0_nf)] {
        if let Some(c) = c {
            checker.not_negative(element, &key(short), c);
        }
    }
    diagonal(checker, element, path, given);
}

fn by_sequence(checker: &mut Checker<'_>, element: Element<'_>, first: &str, path: &str, given: &LineImpedance) {
    let Some(x1) = given.x1_ohm else {
        checker.error("E0205", element, first, format!("{element} needs x1_ohm beside the other sequence values"));
        return;
    };
    for (short, r) in [("r1_ohm", given.r1_ohm), ("r0_ohm", given.r0_ohm)] {
        if let Some(r) = r {
            checker.not_negative(element, &format!("{path}.{short}"), r);
        }
    }
    let z1 = complex(given.r1_ohm.unwrap_or(0.0), x1);
    let z0 = complex(given.r0_ohm.unwrap_or(z1.re), given.x0_ohm.unwrap_or(x1));
    checker.sequence(element, first, z1, z0);
}

/// A resistance and a capacitance of a conductor to itself are not negative.
fn diagonal(checker: &mut Checker<'_>, element: Element<'_>, path: &str, given: &LineImpedance) {
    for (short, matrix) in [("r_ohm", &given.r_ohm), ("c_nf", &given.c_nf)] {
        let Some(matrix) = matrix else { continue };
        let negative = matrix.iter().enumerate().find_map(|(i, row)| row.get(i).filter(|x| !(**x >= 0.0)));
        if let Some(x) = negative {
            let message = format!("{element}: {short} has the negative value {x} on its diagonal");
            checker.error("E0210", element, &format!("{path}.{short}"), message);
        }
    }
}

fn wire(checker: &mut Checker<'_>, element: Element<'_>, path: &str, given: &Wire) {
    let values = [
        ("r_ac_ohm_per_km", given.r_ac_ohm_per_km),
        ("r_dc_ohm_per_km", given.r_dc_ohm_per_km),
        ("gmr_mm", given.gmr_mm),
        ("radius_mm", given.radius_mm),
        ("capacitance_radius_mm", given.capacitance_radius_mm),
    ];
    for (key, value) in values {
        checker.positive_if_given(element, &format!("{path}{key}"), value);
    }
    let place = path.trim_end_matches('.');
    if given.gmr_mm.is_none() && given.radius_mm.is_none() {
        checker.error("E0205", element, place, format!("{element} needs one of radius_mm, gmr_mm"));
    }
    if given.r_ac_ohm_per_km.is_none() && given.r_dc_ohm_per_km.is_none() {
        checker.error("E0205", element, place, format!("{element} needs one of r_ac_ohm_per_km, r_dc_ohm_per_km"));
    }
}

fn cable(checker: &mut Checker<'_>, element: Element<'_>, given: &Cable) {
    wire(checker, element, "conductor.", &given.conductor);
    checker.positive(element, "permittivity", given.permittivity);
    checker.positive(element, "insulation_mm", given.insulation_mm);
    checker.positive(element, "insulation_diameter_mm", given.insulation_diameter_mm);
    checker.positive(element, "cable_diameter_mm", given.cable_diameter_mm);
    checker.one_of(element, true, &[("strands", given.strands.is_some()), ("tape", given.tape.is_some())]);
    if let Some(strands) = &given.strands {
        checker.positive(element, "strands.count", f64::from(strands.count));
        checker.positive(element, "strands.diameter_mm", strands.diameter_mm);
        checker.positive(element, "strands.r_ohm_per_km", strands.r_ohm_per_km);
        checker.positive_if_given(element, "strands.gmr_mm", strands.gmr_mm);
    }
    if let Some(tape) = &given.tape {
        checker.positive(element, "tape.diameter_mm", tape.diameter_mm);
        checker.positive(element, "tape.thickness_mm", tape.thickness_mm);
        checker.within(element, "tape.lap_percent", tape.lap_percent, 0.0..=99.0);
    }
}

fn geometry(checker: &mut Checker<'_>, element: Element<'_>, given: &Geometry) {
    let feeder = checker.feeder;
    let count = given.conductors.len();
    if checker.phases(element, given.phases) && given.phases > count {
        let message = format!("{element} has {} phases but {count} conductors", given.phases);
        checker.error("E0207", element, "phases", message);
    }
    if count > MOST_PHASES {
        let message = format!("{element} has {count} conductors, of which {MOST_PHASES} are possible");
        checker.error("E0210", element, "conductors", message);
    }
    for (k, conductor) in given.conductors.iter().enumerate().take(MOST_PHASES) {
        let key = |short: &str| format!("conductors.{k}.{short}");
        let (wire, cable) = (key("wire"), key("cable"));
        checker.one_of(element, true, &[(&wire, conductor.wire.is_some()), (&cable, conductor.cable.is_some())]);
        if let Some(name) = &conductor.wire {
            checker.reference(element, &wire, name, "wires", &feeder.wires);
        }
        if let Some(name) = &conductor.cable {
            checker.reference(element, &cable, name, "cables", &feeder.cables);
        }
        let same = |other: &&super::super::Conductor| other.x_m == conductor.x_m && other.h_m == conductor.h_m;
        if given.conductors.iter().take(k).any(|other| same(&other)) {
            let message = format!("{element}: conductor {} is where another one is", k + 1);
            checker.error("E0209", element, &key("x_m"), message);
        }
    }
}

fn line(checker: &mut Checker<'_>, element: Element<'_>, given: &Line) {
    let feeder = checker.feeder;
    let forms =
        [("code", given.code.is_some()), ("geometry", given.geometry.is_some()), ("total", given.total.is_some())];
    checker.one_of(element, true, &forms);
    if let Some(code) = &given.code {
        checker.reference(element, "code", code, "line_codes", &feeder.line_codes);
    }
    if let Some(geometry) = &given.geometry {
        checker.reference(element, "geometry", geometry, "geometries", &feeder.geometries);
    }
    length(checker, element, given);
    if let (Some(phases), Some((expected, name))) = (given.phases, phases_of_reference(feeder, given))
        && phases != expected
    {
        let message = format!("{element} has {phases} phases, {name} has {expected}");
        checker.error("E0207", element, "phases", message);
    }
    let phases = phases(feeder, given).unwrap_or(3);
    if checker.phases(element, phases) {
        checker.terminal(element, "from", &given.from, Conductors::phases(phases));
        checker.terminal(element, "to", &given.to, Conductors::phases(phases));
        if let Some(total) = &given.total {
            impedance(checker, element, "total", total, phases);
        }
    }
    checker.positive(element, "earth_ohm_m", given.earth_ohm_m);
    checker.positive_if_given(element, "fuse_a", given.fuse_a);
    ratings(checker, element, given.normal_a, given.emergency_a);
    if given.from == given.to {
        checker.error("E0207", element, "to", format!("{element} begins and ends at \"{}\"", given.to));
    }
}

fn length(checker: &mut Checker<'_>, element: Element<'_>, given: &Line) {
    let lengths: Vec<(&str, f64)> = given.lengths().map(|(key, value, _)| (key, value)).collect();
    for (key, value) in &lengths {
        checker.positive(element, key, *value);
    }
    match lengths.as_slice() {
        [] if given.total.is_none() && (given.code.is_some() || given.geometry.is_some()) => {
            let message = format!("{element} has no length");
            checker.error_with_help(
                "E0206",
                element,
                "",
                message,
                "give one of length_m, length_km, length_ft, length_mi",
            );
        }
        [(first, _), (second, _), ..] => checker.one_of(element, true, &[(first, true), (second, true)]),
        _ => {}
    }
}
