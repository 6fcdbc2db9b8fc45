//! Conductors of generated feeders (IEEE PES Distribution Test Feeder Working Group, 1992).

use crate::feeder::{EarthReturn, LineCode, LineImpedance, Unit};

/// Configurations 601, 602, 603, 605, 606 and 607 of the IEEE 13-node test feeder, per mile: ohm, and nF from µS at 60 Hz
/// as OpenDSS's script of that feeder rounds them.
pub(super) fn codes() -> Vec<(&'static str, LineCode)> {
    let code = |r: &[&[f64]], x: &[&[f64]], c: &[&[f64]]| {
        let matrix = |m: &[&[f64]]| Some(m.iter().map(|row| row.to_vec()).collect());
        let impedance =
            LineImpedance { r_ohm: matrix(r), x_ohm: matrix(x), c_nf: matrix(c), ..LineImpedance::default() };
        LineCode {
            phases: r.len(),
            per: Unit::Mi,
            impedance,
            earth_return: EarthReturn::default(),
            normal_a: Some(400.0),
            emergency_a: Some(600.0),
        }
    };
    let overhead: [&[f64]; 3] = [&[2.8, -0.6, -0.6], &[-0.6, 2.8, -0.6], &[-0.6, -0.6, 2.8]];
    vec![
        (
            "601",
            code(
                &[&[0.3465, 0.156, 0.158], &[0.156, 0.3375, 0.1535], &[0.158, 0.1535, 0.3414]],
                &[&[1.0179, 0.5017, 0.4236], &[0.5017, 1.0478, 0.3849], &[0.4236, 0.3849, 1.0348]],
                &overhead,
            ),
        ),
        (
            "602",
            code(
                &[&[0.7526, 0.158, 0.156], &[0.158, 0.7475, 0.1535], &[0.156, 0.1535, 0.7436]],
                &[&[1.1814, 0.4236, 0.5017], &[0.4236, 1.1983, 0.3849], &[0.5017, 0.3849, 1.2112]],
                &overhead,
            ),
        ),
        (
            "603",
            code(
                &[&[1.3238, 0.2066], &[0.2066, 1.3294]],
                &[&[1.3569, 0.4591], &[0.4591, 1.3471]],
                &[&[2.8, -0.6], &[-0.6, 2.8]],
            ),
        ),
        ("605", code(&[&[1.3292]], &[&[1.3475]], &[&[2.8]])),
        (
            "606",
            code(
                &[&[0.791721, 0.318476, 0.28345], &[0.318476, 0.781649, 0.318476], &[0.28345, 0.318476, 0.791721]],
                &[
                    &[0.438352, 0.0276838, -0.0184204],
                    &[0.0276838, 0.396697, 0.0276838],
                    &[-0.0184204, 0.0276838, 0.438352],
                ],
                &[&[383.948, 0.0, 0.0], &[0.0, 383.948, 0.0], &[0.0, 0.0, 383.948]],
            ),
        ),
        ("607", code(&[&[1.3425]], &[&[0.5124]], &[&[236.0]])),
    ]
}
