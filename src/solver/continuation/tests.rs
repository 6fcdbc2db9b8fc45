//! The curve of a line with resistance against its closed form, and what a fold looks like.

use std::path::Path;

use super::*;
use crate::feeder;
use crate::solver::{Grid, Settings};

/// One load of 1 kW at the end of a line; three phases, ideal source of 120 kV line-to-line.
fn two_buses(r_ohm: f64, x_ohm: f64, q_kvar: f64) -> PowerFlow {
    let text = format!(
        "feeder: two\nvoltage_bases_kv: [120]\nsources: {{s: {{bus: a, v_kv: 120, ideal: true}}}}\n\
         lines: {{l: {{from: a.1.2.3, to: b.1.2.3, total: {{r1_ohm: {r_ohm}, x1_ohm: {x_ohm}}}}}}}\n\
         loads: {{d: {{bus: b.1.2.3, v_kv: 120, p_kw: 1, q_kvar: {q_kvar}, v_min_pu: 0, v_max_pu: 1e9, v_low_pu: 0}}}}\n"
    );
    let feeder = feeder::yaml::from_text(text, Path::new("two.yaml")).feeder.expect("sound");
    let settings = Settings { tolerance_pu: 1e-12, ..Settings::default() };
    let mut flow = PowerFlow::new(Grid::compile(&feeder).expect("it compiles"), settings);
    assert!(flow.solve().converged());
    flow
}

/// With S = P(1 + jb) at the end, V₁ = V + Z·conj(S/V), hence V⁴ + (2P(R + bX) − V₁²)·V² + P²(1 + b²)·|Z|² = 0: two
/// roots, equal where V₁² = 2P·[(R + bX) + |Z|·√(1 + b²)]. Line-to-line voltages and total powers.
fn closed_form(p_w: f64, [r, x, b]: [f64; 3], upper: bool) -> f64 {
    let half = 0.5 * V1 * V1 - p_w * (r + b * x);
    let product = p_w * p_w * (1.0 + b * b) * (r * r + x * x);
    let root = (half * half - product).max(0.0).sqrt();
    // The lower root from the product of both: no digits lost.
    if upper { (half + root).sqrt() } else { (product / (half + root)).sqrt() }
}

const V1: f64 = 120e3;

#[test]
fn both_branches_and_the_nose_are_the_closed_form() {
    for case @ [r, x, b] in
        [[0.0, 3272.725, 0.0], [0.0, 3272.725, 0.4], [0.0, 3272.725, -0.3], [900.0, 3000.0, 0.25], [3000.0, 500.0, 0.1]]
    {
        let flow = two_buses(r, x, b);
        let most = V1 * V1 / (2.0 * (r + b * x + r.hypot(x) * (1.0 + b * b).sqrt()));
        let unit = complex(1.0, b) * most;
        let curve = Continuation::new(&flow, &[(0, unit)], most).unwrap();
        let power = |p: &PathPoint| curve.drawn(p, &[0]).re;
        let path = curve.trace(TraceSettings::default(), |_, p| !p.rising && power(p) < 0.02 * most);
        assert_eq!((path.end, path.folds), (End::Reached, 1));
        let (past, nose) = path.nose.as_ref().unwrap();
        let node = flow.grid().node("b.1").unwrap();
        let voltage = |p: &PathPoint| curve.voltage(p, node).norm() * 3f64.sqrt();
        for (k, p) in path.points.iter().enumerate() {
            let expected = closed_form(power(p), case, k < *past);
            let error = voltage(p) / expected - 1.0;
            assert!(error.abs() < 1e-10, "{case:?} point {k}: {error:e} at {} of most", power(p) / most);
            assert!(p.residual_pu < 1e-11, "{case:?} {k} of {}: {:e}", path.points.len(), p.residual_pu);
            assert_eq!(p.rising, k < *past);
        }
        assert!((power(nose) / most - 1.0).abs() < 1e-12, "{case:?}: {:e}", power(nose) / most - 1.0);
        let error = voltage(nose) / closed_form(most, case, true) - 1.0;
        assert!(error.abs() < 1e-9, "{case:?}: nose voltage {error:e}");
        // A point asked for by its parameter.
        let half = curve.at(&path, 0.5).unwrap();
        assert!((voltage(&half) / closed_form(power(&half), case, true) - 1.0).abs() < 1e-12);
        assert_eq!(half.lambda, 0.5);
        assert!(curve.at(&path, 1.1).is_none());
    }
}
