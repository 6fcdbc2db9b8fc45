//! How far a linear law's loop is from instability: spectral radius, gain and delay margin, peak of the sensitivity.
//!
//! The closed loop's state is the law's, and for each command its lag and what is on its way. With `e = −B·p` its matrix
//! is one block row each; the loop is stable when all eigenvalues are inside the unit circle. The gain margins are the
//! factors on all of B at which one reaches it, found on a geometric scan and then by bisection: an unstable window
//! narrower than a step of the scan (19 %) can hide. `Ms = max σ₁(S(e^{jω}))`, `S = (I + L)⁻¹`, `L(z) = B·H(z)·K(z)` at
//! the outputs: all phases and both units together, which weighs 1 pu as 1 rad; `1/Ms` is the smallest distance to
//! singularity (S. Skogestad, I. Postlethwaite, Multivariable Feedback Control, 2nd ed., 2.4 and 3.3).

use nalgebra::{DMatrix, SVD};
use serde::Serialize;

use super::eigen::eigenvalues;
use super::{LinearLaw, Path};
use crate::quantity::Complex;

/// Most further steps of delay that are tried.
pub const MOST_EXTRA_DELAY: usize = 20;
/// Most states of a loop: eigenvalues take the cube of it.
const MOST_STATES: usize = 1000;
/// Nearer to the circle than this is on it.
const ON_CIRCLE: f64 = 1e-12;
/// Steps of the scan for a gain margin to a doubling, and doublings.
const SCAN: (i32, i32) = (4, 6);
const BISECTIONS: usize = 40;
/// Frequencies of the grid for the sensitivity's peak, and halvings of the interval around the largest.
const FREQUENCIES: usize = 300;
const REFINEMENTS: usize = 30;

/// Margins of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Margins {
    /// Largest modulus of an eigenvalue of the closed loop: below 1 it is stable, and errors shrink by it a step at last.
    pub radius: f64,
    /// Factor on the sensitivity, above 1, from which on the loop is unstable; `None` when there is none up to 64, or it
    /// already is.
    pub gain_up: Option<f64>,
    /// Factor below 1 under which the loop is unstable; `None` when there is none down to 1/64, or it already is.
    pub gain_down: Option<f64>,
    /// Further steps of delay up to which it is stable, at most [`MOST_EXTRA_DELAY`]; `None` when it is unstable.
    pub delay_steps: Option<usize>,
    /// Largest singular value of the sensitivity function over frequency; `None` when it is unstable.
    pub sensitivity_peak: Option<f64>,
}

/// Why there are no margins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarginError {
    /// The law takes and gives other numbers of values than the path.
    #[error("the law is for {law} outputs and commands, the sensitivity has {path}")]
    Shape {
        /// Of the law.
        law: usize,
        /// Of the path.
        path: usize,
    },
    /// A gain or a sensitivity is not finite.
    #[error("a gain or a sensitivity is not a finite number")]
    NotFinite,
    /// Delays make the loop too large to judge.
    #[error("the loop has {states} states with its delays, at most {MOST_STATES} are judged")]
    TooLarge {
        /// Its states.
        states: usize,
    },
    /// The eigenvalues did not converge.
    #[error("the eigenvalues of the loop did not converge")]
    NoEigenvalues,
}

/// Margins of a law around a path.
pub fn margins(law: &LinearLaw, path: &Path) -> Result<Margins, MarginError> {
    let radius = spectral_radius(law, path)?;
    if radius >= 1.0 - ON_CIRCLE {
        return Ok(Margins { radius, gain_up: None, gain_down: None, delay_steps: None, sensitivity_peak: None });
    }
    Ok(Margins {
        radius,
        gain_up: gain_margin(law, path, 1)?,
        gain_down: gain_margin(law, path, -1)?,
        delay_steps: Some(delay_margin(law, path)?),
        sensitivity_peak: sensitivity_peak(law, path),
    })
}

/// Largest modulus of an eigenvalue of the closed loop.
pub fn spectral_radius(law: &LinearLaw, path: &Path) -> Result<f64, MarginError> {
    let radius = loop_eigenvalues(law, path)?.iter().map(|z| z.norm()).fold(0.0, f64::max);
    Ok(radius)
}

/// Eigenvalues of the closed loop.
pub(super) fn loop_eigenvalues(law: &LinearLaw, path: &Path) -> Result<Vec<Complex>, MarginError> {
    let (outputs, commands) = path.sensitivity.shape();
    let fits = law.errors() == outputs && law.commands() == commands && path.lags.len() == commands;
    if !fits {
        return Err(MarginError::Shape { law: law.commands(), path: commands });
    }
    let waiting = path.lags.iter().fold(0, |sum: usize, lag| sum.saturating_add(lag.waiting()));
    let states = waiting.saturating_add(law.a.nrows() + commands);
    if states > MOST_STATES {
        return Err(MarginError::TooLarge { states });
    }
    let m = closed_loop(law, path);
    if m.iter().any(|x| !x.is_finite()) {
        return Err(MarginError::NotFinite);
    }
    eigenvalues(&m).ok_or(MarginError::NoEigenvalues)
}

/// The closed loop's matrix: states of the law, then of the lags, then commands on their way, the newest first.
fn closed_loop(law: &LinearLaw, path: &Path) -> DMatrix<f64> {
    let (states, commands) = (law.a.nrows(), path.lags.len());
    let waiting: usize = path.lags.iter().map(|lag| lag.waiting()).sum();
    let size = states + commands + waiting;
    // Of every state: the command of this step.
    let mut u = DMatrix::zeros(commands, size);
    u.view_mut((0, 0), (commands, states)).copy_from(&law.c);
    u.view_mut((0, states), (commands, commands)).copy_from(&-(&law.d * &path.sensitivity));
    let mut m = DMatrix::zeros(size, size);
    m.view_mut((0, 0), (states, states)).copy_from(&law.a);
    m.view_mut((0, states), (states, commands)).copy_from(&-(&law.b * &path.sensitivity));
    let mut first = states + commands;
    for (j, lag) in path.lags.iter().enumerate() {
        let row = states + j;
        m[(row, row)] = lag.pole;
        for (back, share) in [(lag.delay_steps, 1.0 - lag.pole - lag.late), (lag.delay_steps + 1, lag.late)] {
            match back {
                _ if share == 0.0 => {}
                0 => (0..size).for_each(|k| m[(row, k)] += share * u[(j, k)]),
                _ => m[(row, first + back - 1)] += share,
            }
        }
        for k in 0..lag.waiting() {
            match k {
                0 => m.row_mut(first).copy_from(&u.row(j)),
                _ => m[(first + k, first + k - 1)] = 1.0,
            }
        }
        first += lag.waiting();
    }
    m
}

/// The first factor on the way up (1) or down (−1) at which the loop is unstable.
fn gain_margin(law: &LinearLaw, path: &Path, way: i32) -> Result<Option<f64>, MarginError> {
    let stable = |log: f64| spectral_radius(law, &path.scaled(log.exp2())).map(|r| r < 1.0 - ON_CIRCLE);
    let place = |k: i32| f64::from(way * k) / f64::from(SCAN.0);
    for k in 1..=SCAN.0 * SCAN.1 {
        if !stable(place(k))? {
            let (mut inside, mut outside) = (place(k - 1), place(k));
            for _ in 0..BISECTIONS {
                let middle = 0.5 * (inside + outside);
                *(if stable(middle)? { &mut inside } else { &mut outside }) = middle;
            }
            return Ok(Some(outside.exp2()));
        }
    }
    Ok(None)
}

/// Further steps of delay up to which the loop is stable, without a gap.
fn delay_margin(law: &LinearLaw, path: &Path) -> Result<usize, MarginError> {
    for steps in 1..=MOST_EXTRA_DELAY {
        match spectral_radius(law, &path.later(steps)) {
            Ok(radius) if radius < 1.0 - ON_CIRCLE => {}
            Ok(_) | Err(MarginError::TooLarge { .. }) => return Ok(steps - 1),
            Err(other) => return Err(other),
        }
    }
    Ok(MOST_EXTRA_DELAY)
}

/// Largest singular value of the sensitivity over (0, π] rad a step.
#[allow(clippy::cast_precision_loss, reason = "a few hundred")]
fn sensitivity_peak(law: &LinearLaw, path: &Path) -> Option<f64> {
    let spacing = std::f64::consts::PI / FREQUENCIES as f64;
    let at = |w: f64| sensitivity(law, path, w);
    let grid = (1..=FREQUENCIES).filter_map(|k| Some((k as f64 * spacing, at(k as f64 * spacing)?)));
    let (mut w, mut peak) = grid.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
    let mut width = spacing;
    for _ in 0..REFINEMENTS {
        width *= 0.5;
        let sides = [w - width, w + width].into_iter().filter(|w| *w > 0.0 && *w <= std::f64::consts::PI);
        for (side, value) in sides.filter_map(|side| Some((side, at(side)?))).collect::<Vec<_>>() {
            if value > peak {
                (w, peak) = (side, value);
            }
        }
    }
    Some(peak)
}

/// Largest singular value of `S = (I + L)⁻¹` at a frequency in rad a step; `None` at a pole of the law.
fn sensitivity(law: &LinearLaw, path: &Path, w: f64) -> Option<f64> {
    let z = Complex::from_polar(1.0, w);
    let complex = |m: &DMatrix<f64>| m.map(|x| Complex::new(x, 0.0));
    let states = law.a.nrows();
    let mut gain = complex(&law.d);
    if states > 0 {
        let resolvent = DMatrix::from_diagonal_element(states, states, z) - complex(&law.a);
        gain += complex(&law.c) * resolvent.lu().solve(&complex(&law.b))?;
    }
    let lags = path.lags.iter().map(|lag| {
        let share = Complex::new(1.0 - lag.pole - lag.late, 0.0) + lag.late / z;
        share / (z - lag.pole) * Complex::from_polar(1.0, -w * lag.delay_steps as f64)
    });
    let lags = DMatrix::from_diagonal(&nalgebra::DVector::from_iterator(path.lags.len(), lags));
    let open = complex(&path.sensitivity) * lags * gain;
    let difference = DMatrix::identity(open.nrows(), open.ncols()) + open;
    let svd = SVD::try_new(difference, false, false, f64::EPSILON, 1000)?;
    let smallest = svd.singular_values.iter().copied().fold(f64::INFINITY, f64::min);
    (smallest > 0.0).then(|| 1.0 / smallest).filter(|s| s.is_finite())
}

#[cfg(test)]
#[path = "margin_tests.rs"]
mod tests;
