//! Ziegler and Nichols' rules for loops that act on each other.
//!
//! The rules take a proportional loop to the gain at which it oscillates for ever, `Ku`, and its period `Tu`: a PI has
//! `kp = 0.45·Ku` and `Ti = Tu/1.2` (J. G. Ziegler, N. B. Nichols, Trans. ASME 64, 1942, 759–768). Swartz measured Ku and
//! Tu of each phase's loop by itself (14 and 2.2 steps for magnitude, 0.55 a degree and 2 steps for angle). But loops of
//! three phases share lines: closed together they oscillate at about half that gain, and what each loop's own rule gives
//! is unstable. So here all proportional loops are closed at once, each at the same multiple of the inverse of its own
//! sensitivity, and the multiple at which the first pair of eigenvalues reaches the unit circle is the one `Ku` (the
//! multi-loop ultimate gain; A. Niederlinski, Automatica 7, 1971, 691–701). Periods are in steps of the law.

use nalgebra::DMatrix;
use serde::Serialize;

use super::linear::cross;
use super::margin::loop_eigenvalues;
use super::{LinearLaw, MarginError, Own, Path, PiGains};
use crate::quantity::Complex;

/// Steps of the scan to a doubling; where it begins and ends, in doublings from the inverse of a loop's own sensitivity.
const SCAN: (i32, i32, i32) = (4, -8, 6);
const BISECTIONS: usize = 50;

/// Where proportional loops oscillate for ever.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ultimate {
    /// Multiple of the gain that was asked about.
    pub scale: f64,
    /// Period in steps.
    pub period_steps: f64,
}

/// Why the rules give no gains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A phase whose own sensitivity is not positive: its loop has no sign.
    #[error("a phase's own sensitivity, of magnitude to reactive or of angle to active power, is not positive")]
    NoSign,
    /// No gain up to 64 times the inverse of the own sensitivities oscillates, or it drifts away instead.
    #[error("no gain makes the loops oscillate: Ziegler and Nichols' rules have nothing to start from")]
    NoOscillation,
    /// The loop could not be judged.
    #[error(transparent)]
    Margin(#[from] MarginError),
}

/// kp and ki (per step) of a PI from the ultimate gain and its period in steps.
pub fn rule(ultimate_gain: f64, period_steps: f64) -> [f64; 2] {
    let kp = 0.45 * ultimate_gain;
    [kp, kp * 1.2 / period_steps]
}

/// The smallest multiple of a gain (commands by errors) at which the proportional loops oscillate.
pub fn ultimate(path: &Path, gain: &DMatrix<f64>) -> Result<Ultimate, RuleError> {
    let at = |log: f64| loop_eigenvalues(&LinearLaw::proportional(gain * log.exp2()), path);
    let stable = |log: f64| at(log).map(|values| values.iter().all(|z| z.norm() < 1.0));
    let place = |k: i32| f64::from(k) / f64::from(SCAN.0);
    for k in SCAN.0 * SCAN.1..=SCAN.0 * SCAN.2 {
        if stable(place(k))? {
            continue;
        }
        if k == SCAN.0 * SCAN.1 {
            break; // Unstable with hardly a gain: no loop's fault.
        }
        let (mut inside, mut outside) = (place(k - 1), place(k));
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (inside + outside);
            *(if stable(middle)? { &mut inside } else { &mut outside }) = middle;
        }
        let turn = slowest_turn(&at(outside)?);
        let found = Ultimate { scale: outside.exp2(), period_steps: std::f64::consts::TAU / turn };
        return if turn > 1e-6 { Ok(found) } else { Err(RuleError::NoOscillation) };
    }
    Err(RuleError::NoOscillation)
}

/// Turn in rad a step of the slowest of the eigenvalues of largest modulus: behind a pure delay a whole comb of them
/// reaches the circle at once, and the rules mean the one where the phase first turns by half.
fn slowest_turn(values: &[Complex]) -> f64 {
    let largest = values.iter().map(|z| z.norm()).fold(0.0, f64::max);
    let outermost = values.iter().filter(|z| z.norm() > largest - 1e-6);
    outermost.map(|z| z.arg().abs()).fold(std::f64::consts::PI, f64::min)
}

/// The multi-loop ultimate gain of Swartz's loops: all closed, each at the same multiple of 1/(own sensitivity).
pub fn multi_loop_ultimate(path: &Path) -> Result<Ultimate, RuleError> {
    let own = Own::of(path).ok_or(RuleError::NoSign)?;
    let over = |g: &[f64]| g.iter().map(|g| 1.0 / g).collect::<Vec<_>>();
    ultimate(path, &cross(&over(&own.v), &over(&own.angle)))
}

/// Gains by the rules from the multi-loop ultimate gain.
pub fn multi_loop(path: &Path) -> Result<PiGains, RuleError> {
    let own = Own::of(path).ok_or(RuleError::NoSign)?;
    let found = multi_loop_ultimate(path)?;
    let k = rule(found.scale, found.period_steps);
    Ok(PiGains::multiples(&own, k, k))
}

/// Gains by the rules from each phase's loop alone, as Swartz did: to compare with, not to use where phases are coupled.
pub fn per_loop(path: &Path) -> Result<PiGains, RuleError> {
    let own = Own::of(path).ok_or(RuleError::NoSign)?;
    let n = own.v.len();
    let alone = |output: usize, command: usize, g: f64| {
        let path = path.only(output, command).ok_or(RuleError::NoSign)?;
        let found = ultimate(&path, &DMatrix::from_element(1, 1, 1.0 / g))?;
        Ok::<_, RuleError>(rule(found.scale / g, found.period_steps))
    };
    let v = (0..n).map(|k| alone(k, n + k, own.v[k])).collect::<Result<Vec<_>, _>>()?;
    let angle = (0..n).map(|k| alone(n + k, k, own.angle[k])).collect::<Result<Vec<_>, _>>()?;
    let part = |of: &[[f64; 2]], which: usize| of.iter().map(|k| k[which]).collect();
    Ok(PiGains { kp_v: part(&v, 0), ki_v: part(&v, 1), kp_angle: part(&angle, 0), ki_angle: part(&angle, 1) })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::B_632;
    use super::super::path::Lag;
    use super::super::spectral_radius;
    use super::*;

    fn node_632(delay_steps: usize) -> Path {
        Path::direct(DMatrix::from_fn(6, 6, |i, j| B_632[i][j]), delay_steps)
    }

    fn alone(delay_steps: usize) -> Path {
        Path::direct(DMatrix::from_element(1, 1, 0.1), delay_steps)
    }

    fn one() -> DMatrix<f64> {
        DMatrix::from_element(1, 1, 1.0)
    }

    #[test]
    fn a_loop_alone_oscillates_at_the_inverse_of_its_sensitivity() {
        // z^(d+1) = −g·k: the roots reach the circle together; the slowest makes half a turn in d + 1 steps.
        for delay in 0..5 {
            let found = ultimate(&alone(delay), &one()).unwrap();
            assert!((found.scale - 10.0).abs() < 1e-9, "delay {delay}: {found:?}");
            assert!((found.period_steps - 2.0 * (delay as f64 + 1.0)).abs() < 1e-6, "delay {delay}: {found:?}");
        }
    }

    #[test]
    fn a_lag_and_a_delay_oscillate_where_the_phase_turns_by_half() {
        // z² − a·z + (1 − a)·g·k = 0 with one step of delay: on the circle at (1 − a)·g·k = 1, where cos ω = a/2.
        let a = 0.6;
        let path = Path { sensitivity: one() * 0.1, lags: vec![Lag { pole: a, late: 0.0, delay_steps: 1 }] };
        let found = ultimate(&path, &one()).unwrap();
        assert!((found.scale - 1.0 / (0.1 * (1.0 - a))).abs() < 1e-8, "{found:?}");
        let period = std::f64::consts::TAU / (a / 2.0).acos();
        assert!((found.period_steps - period).abs() < 1e-6, "{found:?} {period}");
    }

    #[test]
    fn the_rule_is_swartzs_on_her_numbers() {
        let [kp, ki] = rule(14.0, 2.2);
        assert!((kp - 6.3).abs() < 1e-12 && (ki - 6.3 * 1.2 / 2.2).abs() < 1e-12);
        let [kp, ki] = rule(0.55, 2.0);
        assert!((kp - 0.2475).abs() < 1e-12 && (ki - 0.1485).abs() < 1e-12);
    }

    #[test]
    fn loops_closed_together_oscillate_at_half_the_gain_of_one() {
        // numpy 2: 1/max|λ(B·K)| of all loops, and the turn of −λ.
        let found = multi_loop_ultimate(&node_632(0)).unwrap();
        assert!((found.scale - 0.499_879_760_553_7).abs() < 1e-9, "{found:?}");
        assert!((found.period_steps - 2.271_335_418_991_6).abs() < 1e-6, "{found:?}");
        // Pure delays stretch the oscillation and leave its gain.
        let later = multi_loop_ultimate(&node_632(1)).unwrap();
        assert!((later.scale - found.scale).abs() < 1e-8, "{later:?}");
        assert!((later.period_steps - 2.0 * found.period_steps).abs() < 1e-5, "{later:?}");
        let single = per_loop(&node_632(0)).unwrap();
        let own = Own::of(&node_632(0)).unwrap();
        for (k, g) in single.kp_v.iter().zip(&own.v).chain(single.kp_angle.iter().zip(&own.angle)) {
            assert!((k * g - 0.45).abs() < 1e-9, "alone a loop oscillates at 1/g");
        }
    }

    #[test]
    fn rules_of_single_loops_are_unstable_together_and_those_of_all_are_stable() {
        let radius = |gains: &PiGains, path: &Path| spectral_radius(&gains.law().unwrap(), path).unwrap();
        let path = node_632(0);
        let (single, together) = (per_loop(&path).unwrap(), multi_loop(&path).unwrap());
        // numpy 2: gains of 0.45/g and 0.27/g.
        assert!((radius(&single, &path) - 1.196_989_981_519).abs() < 1e-9);
        assert!(radius(&together, &path) < 1.0, "{together:?}");
        // Alone, each of the single loops is stable: the coupling is what makes the difference.
        let law = |k: usize| {
            let one = |x: f64| DMatrix::from_element(1, 1, x);
            LinearLaw::proportional_integral(&one(single.kp_v[k]), &one(single.ki_v[k])).unwrap()
        };
        for k in 0..3 {
            assert!(spectral_radius(&law(k), &path.only(k, 3 + k).unwrap()).unwrap() < 1.0);
        }
    }

    #[test]
    fn what_gives_no_rule_says_why() {
        let mut path = node_632(0);
        path.sensitivity[(1, 4)] = 0.0;
        assert_eq!(multi_loop(&path), Err(RuleError::NoSign));
        // Positive feedback drifts away without a swing.
        let turned = Path::direct(one() * -0.1, 0);
        assert_eq!(ultimate(&turned, &one()), Err(RuleError::NoOscillation));
        let wild = Path::direct(one() * f64::NAN, 0);
        assert_eq!(ultimate(&wild, &one()), Err(RuleError::Margin(MarginError::NotFinite)));
    }
}
