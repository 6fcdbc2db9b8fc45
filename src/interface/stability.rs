//! Whether a closed interface settles: the spectral radius of its loop, a verdict, and the filter that would help.
//!
//! Near the operating point the device's current follows its voltage by dI = A·dV + B·conj(dV), and the node's voltage
//! follows the current by dV = −Zs·dI. Over the real numbers that is one matrix M = Zs·(A, B), whose eigenvalues r say all:
//! with a total delay of d + 1 steps and a first-order filter the loop's roots are those of
//!
//! ```text
//! z^(d+1) − (1 − a)·z^d + a·r = 0        a = 1 − e^(−dt/τ)
//! ```
//!
//! for each r ([`super::algorithm`] has what M becomes for other algorithms than the voltage-type ideal transformer). A device
//! of constant power has A = 0, so that −r is an eigenvalue with r: with |Zs||S|/|V|² ≥ 1 one root is beyond 1 for every
//! filter, and the interface is refused whatever its radius.
//!
//! Limits: the device answers at once and by its own law at the operating point (what it answers slowly is
//! [`super::response`]'s); the network is its Thévenin equivalent, so that the rest of it does not move; 1 to 3 phases;
//! delays up to [`MOST_DELAY`] steps. Derived in `docs/models/hil-interface.md`.

use nalgebra::DMatrix;

use super::eigen::eigenvalues;
use super::{Matrix, PHASES, Phasors, Scale, trinomial};
use crate::quantity::{Complex, complex};

/// What may be left of a disturbance after a trip around the loop, d + 1 steps; an interface with more is refused. Without a
/// filter that is |r|, whatever the delay; a limit by step would refuse an |r| of 0.6 at 9 steps and of 3e-5 at 200.
pub const LIMIT: f64 = 0.95;
/// Longest delay in steps.
pub const MOST_DELAY: u32 = 200;
/// Filters that are tried for a suggestion: time constants over the step, from 10^−2 to 10^4, so many to a decade.
const PER_DECADE: i32 = 40;

/// A network as one of its nodes sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thevenin {
    /// Phases that there are, 1 to 3.
    pub phases: usize,
    /// Impedance in ohm.
    pub z_ohm: Matrix,
    /// Voltage of the node at the operating point in V, to neutral: of devices of constant power the lowest that is expected.
    pub v_v: Phasors,
}

impl Thevenin {
    /// Of one phase.
    pub fn single(z_ohm: Complex, v_v: Complex) -> Self {
        let none = complex(0.0, 0.0);
        let mut matrix = [[none; PHASES]; PHASES];
        matrix[0][0] = z_ohm;
        Self { phases: 1, z_ohm: matrix, v_v: [v_v, none, none] }
    }
}

/// How a device's current follows its voltage, in the device's own quantities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Device {
    /// The power stays, in VA by phase, consumed: I = conj(S/V).
    Power {
        /// By phase.
        s_va: Phasors,
    },
    /// The impedance stays, in ohm by phase, to neutral: I = V/Z.
    Impedance {
        /// By phase.
        z_ohm: Phasors,
    },
    /// The current's size and its angle to the voltage stay, in A by phase: I = m·V/|V|.
    Current {
        /// By phase, with the voltage's angle as 0.
        i_a: Phasors,
    },
    /// Its incremental admittance in S: dI = Y·dV.
    Increment {
        /// Between its phases.
        y_s: Matrix,
    },
}

/// How the loop is closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Algorithm {
    /// The device gets the node's voltage, the node the device's current: r of Zs·Yd.
    VoltageType,
    /// The device gets the node's current, the node the device's voltage: r of (Zs·Yd)⁻¹.
    CurrentType,
    /// As the voltage type, with an impedance in the network that should be the device's: r of (1 + Zs·Y*)⁻¹·Zs·(Yd − Y*).
    DampingImpedance {
        /// The damping impedance Z* in ohm at the node, by phase.
        z_ohm: Phasors,
    },
}

/// An interface that is to be closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// The network.
    pub source: Thevenin,
    /// The device.
    pub device: Device,
    /// How its quantities become the node's.
    pub scale: Scale,
    /// How the loop is closed.
    pub algorithm: Algorithm,
    /// Time between steps in s.
    pub step_s: f64,
    /// Steps that values are late beyond the one that the loop itself takes; see [`whole_steps`].
    pub delay_steps: u32,
    /// The filter's coefficient a, in (0, 1]; 1 is none. See [`coefficient`].
    pub filter: f64,
}

/// Why an interface cannot be assessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Not 1 to 3 phases.
    #[error("an interface has 1 to 3 phases")]
    Phases,
    /// A filter coefficient that is none.
    #[error("a filter's coefficient is more than 0 and at most 1")]
    Filter,
    /// A delay that is too long.
    #[error("the delay is more than {MOST_DELAY} steps")]
    Delay,
    /// A step that is none.
    #[error("the time between steps must be more than 0")]
    Step,
    /// A scale that is none.
    #[error("scales and share must be more than 0")]
    Scale,
    /// A number of network or device that is infinite, none, or 0 where it divides.
    #[error("an impedance, a voltage, a power or a current means nothing")]
    Value,
    /// The loop's numbers are beyond what can be held, or their eigenvalues were not found.
    #[error("the loop's eigenvalues cannot be found")]
    Eigenvalues,
}

/// Why an interface is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// After a trip around the loop [`LIMIT`] or more is left.
    Radius,
    /// A device of constant power is as large as the network's short-circuit power, or larger: no filter helps.
    StaticGain,
}

/// Whether an interface may be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Stable,
    /// It may not.
    Refused(Reason),
}

/// What an interface was found to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// The largest |r|; infinite of the current type on a device whose current does not move.
    pub gain: f64,
    /// Of a device of constant power: |Zs||S|/|V|², of several phases the spectral radius in its place.
    pub static_gain: Option<f64>,
    /// The largest root's magnitude: what is left of a disturbance after a step, in the long run.
    pub radius: f64,
    /// The same after a trip around the loop: radius^(d + 1).
    pub trip: f64,
    /// Whether it may be closed.
    pub verdict: Verdict,
    /// Where it is refused: the smallest filter time constant in s with which it would not be, 0 for no filter; `None` where
    /// there is none.
    pub filter_time_s: Option<f64>,
}

/// A measured delay in whole steps, rounded up; rounding of the last digits does not count. `None` where that is beyond
/// [`MOST_DELAY`], or no time.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to 200")]
pub fn whole_steps(delay_s: f64, step_s: f64) -> Option<u32> {
    let steps = (delay_s / step_s - 1e-9).ceil().max(0.0);
    (delay_s >= 0.0 && step_s > 0.0 && steps <= f64::from(MOST_DELAY)).then_some(steps as u32)
}

/// The coefficient a = 1 − e^(−dt/τ) of a first-order filter; 1, which is no filter, for a time constant of 0.
pub fn coefficient(time_constant_s: f64, step_s: f64) -> f64 {
    if time_constant_s > 0.0 { -(-step_s / time_constant_s).exp_m1() } else { 1.0 }
}

/// Assesses an interface.
///
/// # Errors
/// When the setup means nothing.
pub fn assess(setup: &Setup) -> Result<Assessment, SetupError> {
    check(setup)?;
    let eigenvalues = |algorithm| eigenvalues(&loop_matrix(setup, algorithm)).ok_or(SetupError::Eigenvalues);
    let open = eigenvalues(Algorithm::VoltageType)?;
    let static_gain = matches!(setup.device, Device::Power { .. }).then(|| largest(&open));
    let all = match setup.algorithm {
        Algorithm::VoltageType => open,
        Algorithm::CurrentType => open.into_iter().map(inverse).collect(),
        own @ Algorithm::DampingImpedance { .. } => eigenvalues(own)?,
    };
    let (a, d) = (setup.filter, setup.delay_steps);
    let radius = all.iter().map(|r| trinomial::radius(*r, a, d)).fold(0.0, f64::max);
    let trip = radius.powf(f64::from(d) + 1.0);
    let refused = if static_gain.is_some_and(|gain| gain >= 1.0) {
        Some(Reason::StaticGain)
    } else {
        (trip >= LIMIT).then_some(Reason::Radius)
    };
    let filter_time_s = match refused {
        Some(Reason::Radius) => smallest_filter_s(&all, d, setup.step_s),
        Some(Reason::StaticGain) | None => None,
    };
    let verdict = refused.map_or(Verdict::Stable, Verdict::Refused);
    Ok(Assessment { gain: largest(&all), static_gain, radius, trip, verdict, filter_time_s })
}

fn largest(all: &[Complex]) -> f64 {
    all.iter().map(|r| r.norm()).fold(0.0, f64::max)
}

/// 1/r; infinite where r is 0 but for rounding.
fn inverse(r: Complex) -> Complex {
    if r.norm() < 1e-14 { complex(f64::INFINITY, 0.0) } else { r.inv() }
}

fn check(setup: &Setup) -> Result<(), SetupError> {
    let n = setup.source.phases;
    if !(1..=PHASES).contains(&n) {
        return Err(SetupError::Phases);
    }
    if !(setup.filter > 0.0 && setup.filter <= 1.0) {
        return Err(SetupError::Filter);
    }
    if setup.delay_steps > MOST_DELAY {
        return Err(SetupError::Delay);
    }
    if !(setup.step_s > 0.0 && setup.step_s.is_finite()) {
        return Err(SetupError::Step);
    }
    if !setup.scale.valid() {
        return Err(SetupError::Scale);
    }
    let finite = |own: &Phasors| own.iter().take(n).all(|v| v.is_finite());
    let divides = |own: &Phasors| finite(own) && own.iter().take(n).all(|v| v.norm_sqr() > 0.0);
    let matrix = |own: &Matrix| own.iter().take(n).all(finite);
    let device = match &setup.device {
        Device::Power { s_va } => finite(s_va) && divides(&setup.source.v_v),
        Device::Impedance { z_ohm } => divides(z_ohm),
        Device::Current { i_a } => finite(i_a) && divides(&setup.source.v_v),
        Device::Increment { y_s } => matrix(y_s),
    };
    let damping = match &setup.algorithm {
        Algorithm::DampingImpedance { z_ohm } => divides(z_ohm),
        Algorithm::VoltageType | Algorithm::CurrentType => true,
    };
    if matrix(&setup.source.z_ohm) && device && damping { Ok(()) } else { Err(SetupError::Value) }
}

/// A matrix that also acts on conjugates, dI = A·dV + B·conj(dV), over the real numbers: real parts first.
fn real(n: usize, a: &Matrix, b: &Matrix) -> DMatrix<f64> {
    DMatrix::from_fn(2 * n, 2 * n, |row, column| {
        let (a, b) = (a[row % n][column % n], b[row % n][column % n]);
        match (row < n, column < n) {
            (true, true) => a.re + b.re,
            (true, false) => b.im - a.im,
            (false, true) => a.im + b.im,
            (false, false) => a.re - b.re,
        }
    })
}

const NONE: Matrix = [[Complex { re: 0.0, im: 0.0 }; PHASES]; PHASES];

fn diagonal(own: impl Fn(usize) -> Complex, n: usize) -> Matrix {
    let mut all = NONE;
    (0..n).for_each(|k| all[k][k] = own(k));
    all
}

/// The device's increments A and B, in quantities of the node.
fn increments(setup: &Setup) -> (Matrix, Matrix) {
    let (n, v_v, scale) = (setup.source.phases, &setup.source.v_v, setup.scale);
    let by_admittance = scale.current * scale.share / scale.voltage;
    match &setup.device {
        Device::Power { s_va } => {
            let b = |k: usize| -(s_va[k] * scale.power * scale.share / (v_v[k] * v_v[k])).conj();
            (NONE, diagonal(b, n))
        }
        Device::Impedance { z_ohm } => (diagonal(|k| z_ohm[k].inv() * by_admittance, n), NONE),
        Device::Current { i_a } => {
            let half = |k: usize| i_a[k] * (0.5 * scale.current * scale.share / v_v[k].norm());
            let turned = |k: usize| -half(k) * v_v[k] * v_v[k] / v_v[k].norm_sqr();
            (diagonal(half, n), diagonal(turned, n))
        }
        Device::Increment { y_s } => (y_s.map(|row| row.map(|y| y * by_admittance)), NONE),
    }
}

/// M of the voltage type, or of the damping impedance; of the current type it is the former's inverse.
fn loop_matrix(setup: &Setup, algorithm: Algorithm) -> DMatrix<f64> {
    let n = setup.source.phases;
    let z = real(n, &setup.source.z_ohm, &NONE);
    let (a, b) = increments(setup);
    let y = real(n, &a, &b);
    match algorithm {
        Algorithm::VoltageType | Algorithm::CurrentType => z * y,
        Algorithm::DampingImpedance { z_ohm } => {
            let damping = real(n, &diagonal(|k| z_ohm[k].inv(), n), &NONE);
            let seen = DMatrix::identity(2 * n, 2 * n) + &z * &damping;
            let open = z * (y - damping);
            // Singular where Zs and Z* resonate: then no radius is small enough.
            seen.lu().solve(&open).unwrap_or_else(|| DMatrix::from_element(2 * n, 2 * n, f64::NAN))
        }
    }
}

/// The smallest filter that leaves less than [`LIMIT`]: found by scanning upwards, then between the last that does
/// not do and the first that does. A window narrower than the scan's spacing is overlooked.
fn smallest_filter_s(all: &[Complex], d: u32, step_s: f64) -> Option<f64> {
    let limit = LIMIT.powf(1.0 / (f64::from(d) + 1.0));
    let passes = |over_step: f64| {
        let a = coefficient(over_step, 1.0);
        all.iter().all(|r| r.is_finite() && trinomial::within(limit, *r, a, d))
    };
    if passes(0.0) {
        return Some(0.0);
    }
    let tried = (-2 * PER_DECADE..=4 * PER_DECADE).map(|k| 10_f64.powf(f64::from(k) / f64::from(PER_DECADE)));
    let mut low = 0.0;
    for found in tried {
        if passes(found) {
            let mut high = found;
            for _ in 0..50 {
                let middle = 0.5 * (low + high);
                if passes(middle) { high = middle } else { low = middle }
            }
            return Some(high * step_s);
        }
        low = found;
    }
    None
}

#[cfg(test)]
mod tests;
