//! Background and impedance of one phase at one order from what the fleet's current happens to do.
//!
//! The grid is V = E + Z·J: a linear circuit turns a current of one frequency into a voltage, whatever the current's angle
//! and however fast it changes. A background that follows the fleet does not do so. The filter therefore has two states
//! more than E and Z, which are zero in a grid: W, an answer to the conjugate of the current, and U, an answer to its
//! slow part only. Where the current's movements are rich enough to tell them from Z they are found to be zero, and Z is
//! as exact as without them; where not, their prior uncertainty becomes that of Z. What they catch and what no passive
//! method can is in `docs/models/attribution.md`.

use super::{
    bank::{Bank, Spread},
    kalman::{Innovation, Kalman},
};
use crate::quantity::{Complex, complex};

/// States of the filter.
const E: usize = 0;
const Z: usize = 1;
const W: usize = 2;
const U: usize = 3;

/// Share of a window in the mean that is the current's slow part: a memory of 3 s.
const SLOW: f64 = 1.0 / 15.0;
/// Share of a window in the means of innovations: a memory of 20 s.
const RECENT: f64 = 1.0 / 100.0;
/// The same, for what has happened just now.
const NOW: f64 = 1.0 / 15.0;
/// Share of a window in the variance of the current: a memory of a minute.
const MOVEMENT: f64 = 1.0 / 300.0;
/// Normalised innovation beyond which the background has jumped.
const JUMP: f64 = 12.0;
/// As many in a row are a change of the network.
const JUMPS: u32 = 3;
/// Windows after which the challenger begins anew.
const CHALLENGE: u32 = 50;
/// Logarithm of how much better the challenger must have foretold.
const BETTER: f64 = 8.0;
/// Windows after which it begins anew where the voltage has jumped: it has to show whether the impedance has.
const CHALLENGE_JUMP: u32 = 300;
/// Logarithm of how much worse it must have foretold to show that the impedance has not.
const WORSE: f64 = -4.0;
/// What is left of the evidence for a follower one window later: a memory of a minute.
const REMEMBERED: f64 = 1.0 - 1.0 / 300.0;

/// What is expected before anything is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Nominal voltage in V.
    pub nominal_v: f64,
    /// Impedance in Ω, from nameplates.
    pub z_ohm: Complex,
    /// Its standard deviation in Ω.
    pub z_sd_ohm: f64,
    /// Standard deviation of the background around zero, V.
    pub e_sd_v: f64,
    /// Standard deviation of what follows the fleet without being the grid's answer, Ω.
    pub follower_sd_ohm: f64,
    /// Walk of the impedance, Ω per root of a window.
    pub z_walk_ohm: f64,
}

/// What is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Impedance in Ω.
    pub z_ohm: Complex,
    /// Its standard deviation √E|δZ|², Ω.
    pub z_sd_ohm: f64,
    /// Background in V.
    pub e_v: Complex,
    /// Evidence that the background follows the fleet, the largest of about a minute: 1 to 5 without, large with.
    pub follows: f64,
    /// Mean normalised square of the innovations: about 1; the larger one of 20 s and of 3 s.
    pub nis: f64,
    /// How far the fleet's current has moved, as a part of its size (standard deviation over a minute).
    pub moved: f64,
    /// Logarithm of how much better a filter that has forgotten everything has foretold of late: negative in a network
    /// that does not change.
    pub challenged: f64,
    /// Correlation of neighbouring innovations of late: about 0.
    pub echo: f64,
    /// Windows since the last change of the network, or since the start.
    pub windows: u64,
    /// Changes of the network so far.
    pub changes: u64,
    /// Whether the voltage has jumped and it is open whether the background or the impedance did.
    pub suspect: bool,
}

/// A filter and how well it has foretold.
#[derive(Clone, Copy, Debug)]
struct Track {
    filter: Kalman<4>,
    reference: Complex,
    evidence: f64,
}

impl Track {
    fn new(prior: &Prior, e: Complex, z: Complex, z_sd: f64, reference: Complex) -> Self {
        let zero = complex(0.0, 0.0);
        let follower = prior.follower_sd_ohm;
        let filter = Kalman::new([e, z, zero, zero], [prior.e_sd_v, z_sd, follower, follower]);
        Self { filter, reference, evidence: 0.0 }
    }

    /// One window; `slow` is the slow part of the current.
    fn step(&mut self, v: Complex, j: Complex, slow: Complex, spread: Spread, walk_z: f64) -> Innovation {
        let h = [complex(1.0, 0.0), j, (j - self.reference).conj(), slow - self.reference];
        self.filter.predict([spread.walk, walk_z, walk_z, walk_z]);
        let before = self.filter.expect(v, &h, spread.noise);
        if before.nis() > JUMP {
            self.filter.predict([before.error.norm_sqr(), 0.0, 0.0, 0.0]);
        }
        self.filter.update(v, &h, spread.noise);
        self.evidence += before.log_likelihood().max(-before.variance.ln() - 2.0 * JUMP);
        before
    }

    /// Evidence that a state which is zero in a grid is not: the square of its estimate over the variance that the
    /// estimate has when it is zero, P·(1 − P/P₀).
    fn against(&self, state: usize, prior_sd: f64) -> f64 {
        let (p, p0) = (self.filter.p[state][state].re, prior_sd * prior_sd);
        let variance = p * (1.0 - p / p0);
        if p < 0.97 * p0 { self.filter.x[state].norm_sqr() / variance } else { 0.0 }
    }
}

/// Mean and variance of the current, of a minute.
#[derive(Clone, Copy, Debug, Default)]
struct Movement {
    mean: Complex,
    variance: f64,
    count: f64,
}

impl Movement {
    fn step(&mut self, j: Complex) {
        self.count += 1.0;
        let gain = MOVEMENT.max(1.0 / self.count);
        let d = j - self.mean;
        self.mean += gain * d;
        self.variance += gain * ((1.0 - gain) * d.norm_sqr() - self.variance);
    }

    fn relative(&self) -> f64 {
        self.variance.sqrt() / self.mean.norm()
    }
}

/// The estimator of one phase at one order.
#[derive(Clone, Debug)]
pub struct Estimator {
    prior: Prior,
    bank: Bank,
    track: Track,
    challenger: Track,
    slow: Option<Complex>,
    movement: Movement,
    nis: f64,
    nis_now: f64,
    power: f64,
    product: f64,
    last: Complex,
    jumps: u32,
    challenge: u32,
    windows: u64,
    changes: u64,
    suspect: bool,
    follows: f64,
}

impl Estimator {
    /// An estimator before its first window.
    pub fn new(prior: Prior) -> Self {
        let zero = complex(0.0, 0.0);
        let pair = Kalman::new([zero, prior.z_ohm], [prior.e_sd_v, prior.z_sd_ohm]);
        let track = Track::new(&prior, zero, prior.z_ohm, prior.z_sd_ohm, zero);
        Self {
            bank: Bank::new(prior.nominal_v, pair),
            track,
            challenger: track,
            slow: None,
            movement: Movement::default(),
            nis: 1.0,
            nis_now: 1.0,
            power: 1.0,
            product: 0.0,
            last: zero,
            jumps: 0,
            challenge: 0,
            windows: 0,
            changes: 0,
            suspect: false,
            follows: 0.0,
            prior,
        }
    }

    /// Takes in a window: voltage in V and current into the network in A.
    pub fn step(&mut self, v: Complex, j: Complex) {
        let slow = match self.slow {
            Some(slow) => slow + (j - slow) * SLOW,
            None => self.begin(v, j),
        };
        self.slow = Some(slow);
        self.movement.step(j);
        let walk_z = self.prior.z_walk_ohm.powi(2);
        self.bank.step(v, j, walk_z);
        let spread = self.bank.spread();
        let innovation = self.track.step(v, j, slow, spread, walk_z);
        self.challenger.step(v, j, slow, spread, walk_z);
        self.watch(innovation);
        self.windows += 1;
        self.decide_change(v, j, innovation.nis() > JUMP);
        self.follows = (self.follows * REMEMBERED).max(self.against());
    }

    /// Lets time pass without a window: the background may have moved.
    pub fn skip(&mut self) {
        let walk = self.bank.spread().walk;
        self.track.filter.predict([walk, self.prior.z_walk_ohm.powi(2), 0.0, 0.0]);
        self.challenger.filter.predict([walk, self.prior.z_walk_ohm.powi(2), 0.0, 0.0]);
    }

    fn begin(&mut self, v: Complex, j: Complex) -> Complex {
        self.track.reference = j;
        self.slow = Some(j);
        self.challenge_anew(v, j);
        j
    }

    fn watch(&mut self, innovation: Innovation) {
        let nis = innovation.nis();
        self.jumps = if nis > JUMP { self.jumps + 1 } else { 0 };
        let whitened = innovation.error / innovation.variance.sqrt();
        let bounded = whitened * (JUMP / nis.max(JUMP)).sqrt();
        self.nis += RECENT * (nis.min(4.0 * JUMP) - self.nis);
        self.nis_now += NOW * (nis.min(4.0 * JUMP) - self.nis_now);
        self.power += RECENT * (bounded.norm_sqr() - self.power);
        self.product += RECENT * ((bounded * self.last.conj()).re - self.product);
        self.last = bounded;
    }

    /// Whether the network has changed: then what was learnt of it goes.
    fn decide_change(&mut self, v: Complex, j: Complex, jumped: bool) {
        self.challenge += 1;
        let evidence = self.challenger.evidence - self.track.evidence;
        if evidence > BETTER || self.jumps >= JUMPS {
            if evidence <= BETTER {
                self.challenge_anew(v, j);
            }
            self.forget(v, j);
        } else if jumped && !self.suspect {
            self.suspect = true;
            self.challenge_anew(v, j);
        } else {
            self.suspect &= evidence > WORSE;
            if self.challenge >= if self.suspect { CHALLENGE_JUMP } else { CHALLENGE } {
                self.challenge_anew(v, j);
            }
        }
    }

    /// The challenger takes over.
    fn forget(&mut self, v: Complex, j: Complex) {
        self.track = self.challenger;
        let known = &self.track.filter;
        let pair = Kalman::new([known.x[E], known.x[Z]], [self.prior.e_sd_v, known.sd(Z).max(self.prior.z_sd_ohm)]);
        self.bank.restart(pair);
        (self.windows, self.jumps, self.suspect) = (0, 0, false);
        (self.nis, self.nis_now) = (1.0, 1.0);
        self.movement = Movement::default();
        (self.power, self.product) = (1.0, 0.0);
        self.changes += 1;
        self.challenge_anew(v, j);
    }

    /// Evidence that the background follows the fleet now.
    fn against(&self) -> f64 {
        let follower = self.prior.follower_sd_ohm;
        self.track.against(W, follower).max(self.track.against(U, follower))
    }

    fn challenge_anew(&mut self, v: Complex, j: Complex) {
        let z = self.track.filter.x[Z];
        let sd = z.norm() + self.prior.z_sd_ohm;
        self.challenger = Track::new(&self.prior, v - z * j, z, sd, self.slow.unwrap_or(j));
        self.track.evidence = 0.0;
        self.challenge = 0;
    }

    /// What is known now.
    pub fn estimate(&self) -> Estimate {
        let filter = &self.track.filter;
        let echo = (self.product / self.power).clamp(-0.9, 0.9);
        Estimate {
            z_ohm: filter.x[Z],
            z_sd_ohm: filter.sd(Z),
            e_v: filter.x[E],
            follows: self.follows,
            nis: self.nis.max(self.nis_now),
            moved: self.movement.relative(),
            challenged: self.challenger.evidence - self.track.evidence,
            echo,
            windows: self.windows,
            changes: self.changes,
            suspect: self.suspect,
        }
    }

    /// Variances that the bank has found.
    pub fn spread(&self) -> Spread {
        self.bank.spread()
    }
}
