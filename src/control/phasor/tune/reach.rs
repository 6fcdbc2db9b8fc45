//! Before a run: whether actuators can move a node's phasors at all, and whether they reach a target within their power.
//!
//! **Controllability** is the condition number of the sensitivity, σ₁/σₙ, angles in rad and everything else per unit. A
//! sensitivity of a feeder is around 0.2 at most and actuators have about 1 pu, so at a condition of 1000 the weakest
//! direction moves by 2e-4 with all the power there is: it cannot even be held in the tight band of 0.001 pu. That is
//! refused. From 50 on the band costs a quarter of the power: that is warned of. Which outputs are lost is read off the
//! left singular vectors of the weak directions: of as many outputs as there are weak directions, those that lie in them
//! most, one after the other (pivoted as in a QR decomposition).
//!
//! **Reach** of a target is the least weighted error over commands inside each actuator's circle, `min ‖W(Δy − B·u)‖`,
//! `P² + Q² ≤ S²`: convex, by accelerated projected gradients with restart (A. Beck, M. Teboulle, SIAM J. Imaging Sci. 2,
//! 2009, 183–202; B. O'Donoghue, E. Candès, Found. Comput. Math. 15, 2015, 715–732). What power would do is that of the
//! smallest commands in the measure of the circles. Both are linear: far from where B was taken they are estimates.

use std::fmt;

use nalgebra::{DMatrix, DVector, SVD, SymmetricEigen};
use serde::Serialize;

/// From this condition number on a node is refused.
pub const REFUSED_CONDITION: f64 = 1e3;
/// From this condition number on a node is warned of.
pub const WARNED_CONDITION: f64 = 50.0;
/// What is left of a target, in pu and rad, up to which it counts as reached: a tenth of the tight band.
pub const REACHED: f64 = 1e-4;

const MOST_ITERATIONS: usize = 5000;
const SVD_ITERATIONS: usize = 1000;

/// What actuators can do about a node's phasors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Controllability {
    /// Largest over smallest singular value; infinite where a direction does not move at all.
    pub condition: f64,
    /// Singular values, the largest first: 2n.
    pub singular_values: Vec<f64>,
    /// Outputs that cannot be moved by themselves, or hardly.
    pub weak: Vec<Output>,
    /// Phases without any actuator.
    pub without_actuator: Vec<String>,
}

/// An output of a node, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Its phase.
    pub phase: String,
    /// Whether it is the angle; else the magnitude.
    pub angle: bool,
}

impl Controllability {
    /// Whether a controller on it is refused.
    pub fn refused(&self) -> bool {
        self.condition.is_nan() || self.condition >= REFUSED_CONDITION
    }

    /// Phases with a weak output, in order, each once.
    pub fn phases(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.weak.iter().map(|o| o.phase.as_str()).collect();
        names.dedup();
        names
    }
}

impl fmt::Display for Controllability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.condition.is_finite() {
            write!(f, "condition number {:.3}", self.condition)?;
        } else {
            write!(f, "condition number infinite")?;
        }
        let name = |o: &Output| format!("{} of phase {}", if o.angle { "angle" } else { "magnitude" }, o.phase);
        let weak: Vec<String> = self.weak.iter().map(name).collect();
        if !weak.is_empty() {
            let how = if self.refused() { "cannot be moved" } else { "can hardly be moved" };
            write!(f, "; {how} independently: {}", weak.join(", "))?;
        }
        match self.without_actuator.as_slice() {
            [] => Ok(()),
            phases => write!(f, "; no actuator on phase {}", phases.join(", ")),
        }
    }
}

/// Controllability of the phases named, outputs (2n) by commands; a sensitivity that is no number moves nothing.
pub fn controllability(sensitivity: &DMatrix<f64>, phases: &[&str]) -> Controllability {
    let n = phases.len();
    let output = |i: usize| Output { phase: phases[i % n].to_owned(), angle: i >= n };
    let usable = sensitivity.nrows() == 2 * n && n > 0 && sensitivity.iter().all(|x| x.is_finite());
    let values = usable.then(|| singular_values(sensitivity)).flatten();
    let directions = values
        .as_ref()
        .and_then(|_| SymmetricEigen::try_new(sensitivity * sensitivity.transpose(), f64::EPSILON, SVD_ITERATIONS));
    let (Some(values), Some(directions)) = (values, directions) else {
        let all = |n: usize| by_phase(n).map(output).collect();
        return Controllability {
            condition: f64::INFINITY,
            singular_values: Vec::new(),
            weak: all(n),
            without_actuator: Vec::new(),
        };
    };
    let largest = values[0];
    let smallest = values[2 * n - 1];
    let condition = if smallest > 1e-12 * largest { largest / smallest } else { f64::INFINITY };
    let bound = if condition >= REFUSED_CONDITION { REFUSED_CONDITION } else { WARNED_CONDITION };
    let count = values.iter().filter(|s| **s * bound <= largest).count();
    let mut order: Vec<usize> = (0..2 * n).collect();
    order.sort_by(|a, b| directions.eigenvalues[*a].total_cmp(&directions.eigenvalues[*b]));
    let basis = directions.eigenvectors.select_columns(&order[..count]);
    let lost = pivots(basis);
    let weak = by_phase(n).filter(|i| lost.contains(i)).map(output).collect();
    let still = |k: usize| [k, n + k].iter().all(|j| sensitivity.column(*j).iter().all(|x| *x == 0.0));
    let named = sensitivity.ncols() == 2 * n;
    let without = (0..n).filter(|k| named && still(*k)).map(|k| phases[k].to_owned()).collect();
    Controllability { condition, singular_values: values, weak, without_actuator: without }
}

/// Why a node is refused: some of its outputs cannot be moved; `None` when all can.
pub fn uncontrollable(sensitivity: &DMatrix<f64>, phases: &[&str]) -> Option<Controllability> {
    Some(controllability(sensitivity, phases)).filter(Controllability::refused)
}

/// Places of outputs, magnitude and angle of each phase together.
fn by_phase(n: usize) -> impl Iterator<Item = usize> {
    (0..n).flat_map(move |k| [k, n + k])
}

/// As many singular values as rows, the largest first.
fn singular_values(m: &DMatrix<f64>) -> Option<Vec<f64>> {
    let mut values = match m.ncols() {
        0 => Vec::new(),
        _ => {
            let svd = SVD::try_new(m.clone(), false, false, f64::EPSILON, SVD_ITERATIONS)?;
            svd.singular_values.iter().copied().collect()
        }
    };
    values.resize(m.nrows(), 0.0);
    values.sort_by(|a: &f64, b| b.total_cmp(a));
    Some(values)
}

/// Of as many rows as there are columns, those that lie in the columns' space most: the largest row left, again and again.
fn pivots(mut basis: DMatrix<f64>) -> Vec<usize> {
    let mut chosen = Vec::new();
    for _ in 0..basis.ncols() {
        let free = (0..basis.nrows()).filter(|i| !chosen.contains(i));
        let Some(row) = free.max_by(|a, b| basis.row(*a).norm_squared().total_cmp(&basis.row(*b).norm_squared()))
        else {
            break;
        };
        chosen.push(row);
        if let Some(unit) = basis.row(row).transpose().try_normalize(0.0) {
            basis -= &basis * &unit * unit.transpose();
        }
    }
    chosen
}

/// How near commands inside their circles come to a target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reach {
    /// Commands that come nearest: active power of all actuators, then reactive, pu.
    pub commands: Vec<f64>,
    /// What they leave of the change: 2n.
    pub shortfall: Vec<f64>,
    /// Whether every output is reached within [`REACHED`].
    pub reached: bool,
    /// Apparent power that each actuator would need, pu; `None` when no power would do.
    pub needed_s_pu: Option<Vec<f64>>,
}

/// How near m actuators of circles `s_pu` (m) come to a change of the outputs (2n: target less what is without them), errors
/// weighted (2n). The sensitivity is 2n by 2m, active power first. `None` when shapes do not fit or something is no
/// number or negative.
pub fn reach(sensitivity: &DMatrix<f64>, change: &[f64], weights: &[f64], s_pu: &[f64]) -> Option<Reach> {
    let (rows, m) = (sensitivity.nrows(), s_pu.len());
    let fits = change.len() == rows && weights.len() == rows && sensitivity.ncols() == 2 * m && rows > 0 && m > 0;
    let finite = sensitivity.iter().chain(change).chain(weights).all(|x| x.is_finite());
    if !fits || !finite || !weights.iter().all(|w| *w > 0.0) || !s_pu.iter().all(|s| *s >= 0.0 && s.is_finite()) {
        return None;
    }
    let change = DVector::from_column_slice(change);
    // Commands by their circles: |v| ≤ 1.
    let radius = |j: usize| s_pu[j % m];
    let scaled = DMatrix::from_fn(rows, 2 * m, |i, j| sensitivity[(i, j)] * radius(j));
    let free = smallest(&scaled, &change)?;
    let enough = |v: &DVector<f64>| (0..m).all(|k| v[k].hypot(v[m + k]) <= 1.0);
    let left = |v: &DVector<f64>| &change - &scaled * v;
    let met = |v: &DVector<f64>| left(v).iter().all(|x| x.abs() <= REACHED);
    let needed = met(&free).then(|| (0..m).map(|k| s_pu[k] * free[k].hypot(free[m + k])).collect());
    let best = if met(&free) && enough(&free) { free } else { nearest(&scaled, &change, weights)? };
    Some(Reach {
        commands: (0..2 * m).map(|j| best[j] * radius(j)).collect(),
        shortfall: left(&best).iter().copied().collect(),
        reached: met(&best),
        needed_s_pu: needed,
    })
}

/// The smallest of the commands that leave least of a change.
fn smallest(scaled: &DMatrix<f64>, change: &DVector<f64>) -> Option<DVector<f64>> {
    let svd = SVD::try_new(scaled.clone(), true, true, f64::EPSILON, SVD_ITERATIONS)?;
    let largest = svd.singular_values.iter().copied().fold(0.0, f64::max);
    svd.solve(change, 1e-12 * largest).ok()
}

/// Commands inside unit circles that leave the least weighted error.
fn nearest(scaled: &DMatrix<f64>, change: &DVector<f64>, weights: &[f64]) -> Option<DVector<f64>> {
    let weights = DMatrix::from_diagonal(&DVector::from_column_slice(weights));
    let (a, b) = (&weights * scaled, &weights * change);
    let steepest = singular_values(&a)?[0].powi(2);
    let mut x = DVector::zeros(a.ncols());
    if steepest <= 0.0 {
        return Some(x);
    }
    let (mut ahead, mut momentum) = (x.clone(), 1.0f64);
    for _ in 0..MOST_ITERATIONS {
        let downhill = a.tr_mul(&(&b - &a * &ahead)) / steepest;
        let next = inside_circles(&ahead + downhill);
        let moved = &next - &x;
        // Momentum that leads uphill is dropped.
        let uphill = (&ahead - &next).dot(&moved) > 0.0;
        let grown = if uphill { 1.0 } else { 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) };
        ahead = if uphill { next.clone() } else { &next + &moved * ((momentum - 1.0) / grown) };
        (x, momentum) = (next, grown);
        if moved.amax() < 1e-12 && !uphill {
            break;
        }
    }
    Some(x)
}

/// Active and reactive power together, shrunk onto their unit circle.
fn inside_circles(mut v: DVector<f64>) -> DVector<f64> {
    let m = v.len() / 2;
    for k in 0..m {
        let s = v[k].hypot(v[m + k]);
        if s > 1.0 {
            v[k] /= s;
            v[m + k] /= s;
        }
    }
    v
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::B_632;
    use super::*;

    const ABC: [&str; 3] = ["a", "b", "c"];

    fn node_632() -> DMatrix<f64> {
        DMatrix::from_fn(6, 6, |i, j| B_632[i][j])
    }

    #[test]
    fn node_632_can_be_moved_in_every_direction() {
        // numpy 2, linalg.svd and linalg.cond.
        let singular = [0.23003473, 0.2210152, 0.0791398, 0.07243773, 0.06249514, 0.05692556];
        let found = controllability(&node_632(), &ABC);
        assert!((found.condition - 4.040_974_401_8).abs() < 1e-8, "{found:?}");
        assert!(std::iter::zip(&found.singular_values, singular).all(|(a, b)| (a - b).abs() < 1e-8), "{found:?}");
        assert!(found.weak.is_empty() && found.without_actuator.is_empty() && !found.refused());
        assert_eq!(uncontrollable(&node_632(), &ABC), None);
    }

    #[test]
    fn a_phase_without_actuators_is_the_one_that_cannot_be_moved() {
        for (k, phase) in ABC.iter().enumerate() {
            let mut b = node_632();
            [k, 3 + k].iter().for_each(|j| b.column_mut(*j).fill(0.0));
            let found = uncontrollable(&b, &ABC).unwrap();
            assert!(found.condition.is_infinite());
            assert_eq!(found.phases(), [*phase], "lines couple phases, but not so much");
            assert_eq!(found.weak.iter().map(|o| o.angle).collect::<Vec<_>>(), [false, true]);
            assert_eq!(found.without_actuator, [*phase]);
            let text = format!("magnitude of phase {phase}, angle of phase {phase}; no actuator on phase {phase}");
            assert!(found.to_string().ends_with(&text), "{found}");
            // Left out instead of filled with zeros, the same outputs are lost.
            let found = uncontrollable(&b.remove_columns_at(&[k, 3 + k]), &ABC).unwrap();
            assert_eq!(found.phases(), [*phase]);
        }
    }

    #[test]
    fn actuators_of_reactive_power_alone_lose_as_many_outputs_as_active_ones_lack() {
        let mut b = node_632();
        (0..3).for_each(|j| b.column_mut(j).fill(0.0));
        let found = uncontrollable(&b, &ABC).unwrap();
        assert_eq!(found.weak.len(), 3);
        assert!(found.without_actuator.is_empty(), "each phase has one, of reactive power");
        assert!(found.weak.iter().all(|o| o.angle), "reactive power moves magnitudes most: {found}");
    }

    #[test]
    fn a_weak_direction_is_warned_of_and_a_weaker_one_refused() {
        // Diagonal: δ of phase b is weak.
        for (weakest, refused, named) in
            [(0.1 / 20.0, false, false), (0.1 / 200.0, false, true), (0.1 / 2000.0, true, true)]
        {
            let mut diagonal = [0.1; 6];
            diagonal[4] = weakest;
            let b = DMatrix::from_diagonal(&DVector::from_column_slice(&diagonal));
            let found = controllability(&b, &ABC);
            assert!((found.condition / (0.1 / weakest) - 1.0).abs() < 1e-9);
            assert_eq!(found.refused(), refused);
            let weak = Output { phase: "b".into(), angle: true };
            assert_eq!(found.weak, if named { vec![weak] } else { vec![] });
        }
    }

    #[test]
    fn what_is_no_number_moves_nothing() {
        let found = uncontrollable(&DMatrix::from_element(6, 6, f64::NAN), &ABC).unwrap();
        assert_eq!(found.phases(), ABC);
        assert_eq!(uncontrollable(&DMatrix::zeros(6, 0), &ABC).unwrap().phases(), ABC);
        assert_eq!(uncontrollable(&DMatrix::zeros(6, 6), &ABC).unwrap().phases(), ABC);
        assert!(uncontrollable(&DMatrix::zeros(0, 0), &[]).unwrap().weak.is_empty());
        assert!(controllability(&(node_632() * 1e200), &ABC).condition > 0.0, "squares overflow and nothing panics");
        assert!(reach(&node_632(), &[f64::NAN; 6], &[1.0; 6], &[1.0; 3]).is_none());
        assert!(reach(&node_632(), &[0.0; 6], &[1.0; 6], &[-1.0; 3]).is_none());
        assert!(reach(&node_632(), &[0.0; 5], &[1.0; 6], &[1.0; 3]).is_none());
    }

    #[test]
    fn one_actuator_that_turns_falls_short_by_the_rest_of_the_way() {
        // B turns and scales by 0.1: the circle of S is a circle of 0.1·S, so 0.1·S of the way is made.
        let (c, s) = (0.06, 0.08);
        let b = DMatrix::from_row_slice(2, 2, &[c, -s, s, c]);
        let change = [0.03, 0.04];
        let found = reach(&b, &change, &[1.0; 2], &[0.3]).unwrap();
        assert!(!found.reached);
        assert!((found.shortfall[0] - 0.012).abs() < 1e-9 && (found.shortfall[1] - 0.016).abs() < 1e-9, "{found:?}");
        assert!((found.needed_s_pu.unwrap()[0] - 0.5).abs() < 1e-12);
        let found = reach(&b, &change, &[1.0; 2], &[0.6]).unwrap();
        assert!(found.reached && found.shortfall.iter().all(|x| x.abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn weights_say_which_output_is_given_up() {
        // Both outputs want all of the same command's power.
        let b = DMatrix::from_row_slice(2, 2, &[0.1, 0.0, 0.1, 0.0]);
        let found = reach(&b, &[0.05, 0.0], &[3.0, 1.0], &[1.0]).unwrap();
        // min 9(0.05 − y)² + y²: y = 0.045.
        assert!((found.shortfall[0] - 0.005).abs() < 1e-9 && (found.shortfall[1] + 0.045).abs() < 1e-9, "{found:?}");
        assert_eq!(found.needed_s_pu, None, "no power moves one without the other");
    }

    #[test]
    fn the_seeds_disturbance_needs_what_it_was_measured_to_need() {
        // 398 kW and 557 kvar from each of two actuators on phase a, and half an actuator less leaves 0.015 pu.
        let (p, q) = (2.0 * 398.0 / (5000.0 / 3.0), 2.0 * 557.0 / (5000.0 / 3.0));
        let change = node_632() * DVector::from_column_slice(&[p, 0.0, 0.0, q, 0.0, 0.0]);
        let found = reach(&node_632(), change.as_slice(), &[1.0; 6], &[1.0; 3]).unwrap();
        assert!(found.reached && (found.needed_s_pu.unwrap()[0] - p.hypot(q)).abs() < 1e-9);
        let found = reach(&node_632(), change.as_slice(), &[1.0; 6], &[0.6; 3]).unwrap();
        // scipy 1's SLSQP with the circles as constraints.
        let exact = [0.015_853_38, 0.004_103_82, 0.000_861_08, 0.003_750_83, -0.005_179_72, 0.004_619_78];
        assert!(!found.reached);
        assert!(std::iter::zip(&found.shortfall, exact).all(|(a, b)| (a - b).abs() < 1e-7), "{found:?}");
    }
}
