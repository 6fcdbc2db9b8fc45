//! The iteration: increments until the error bound is kept.
//!
//! With r = w(u) − w, an iteration is K·ΔV = C·r, V += t·ΔV, w += t·r. d is the largest |ΔV| per unit, ρ = d/d′ the
//! measured contraction, and the error left is below 3·q/(1−q)·d with q = max(ρ, 0.3·ρ_carried): the factor 3 keeps the
//! promise where ρ is still rising (without it errors reached 4.5 times the tolerance). After a change of the network
//! the first two solves answer to the residual of the whole network instead, computed from element currents: the second
//! one removes the rounding of the factor. Where increments then move voltages far, one more at the end removes theirs.
//!
//! The chord's error is soon one slow mode (loads that left their voltage band since the factor was made): r′ → λ·r′.
//! Its λ is measured from successive r, and t = 1/(1−λ) takes the whole mode at once.

use super::cold::singular;
use super::{Active, PowerFlow, Solved, Status, sweep};
use crate::quantity::complex;
use crate::solver::grid::NodeId;
use crate::solver::injection::Comparison;
use crate::solver::kernel::{LaneVec, Sweep};

/// Factor on the geometric error estimate.
pub(super) const SAFETY: f64 = 3.0;
/// The same after a step that took the slowest mode as a whole, with the largest contraction of the solve.
const RELAXED_SAFETY: f64 = 2.0;
/// A factorisation costs about this many solves.
const FACTOR_COST: f64 = 6.0;
/// Above this change (pu) a step is checked for overshoot, and damped.
const CAREFUL_PU: f64 = 0.02;
/// Least damping before a fresh factor's step counts as failed.
const LEAST_DAMPING: f64 = 1e-3;
/// Changes below this are rounding: no smaller one can be told from noise.
pub(super) const ROUNDING_PU: f64 = 2e-14;
/// Share of an increment that the factor's rounding may lose where a change of the network left nodes next to floating
/// (2e-7 was seen behind a regulator taken out of one phase).
const ROUNDING_SHARE: f64 = 1e-6;
/// Share of the carried contraction that an error estimate never goes below.
pub(super) const CARRIED_SHARE: f64 = 0.3;

/// What an iteration knows of the ones before it in the same solve.
struct Progress {
    /// Largest change of the last solve, and the step it was taken with.
    last: Option<(f64, f64)>,
    /// Changes that the whole network's residual did not cause: how many.
    counted: u32,
    first_d: f64,
    largest_ratio: f64,
    error: f64,
    fresh: bool,
    /// The network has changed since the last solve.
    rewired: bool,
    /// How far voltages have moved since the whole network's residual was looked at.
    moved: f64,
}

impl PowerFlow {
    pub(super) fn iterate(&mut self, limit: u32) -> Solved {
        let mut progress = Progress {
            last: None,
            counted: 0,
            first_d: 0.0,
            largest_ratio: 0.0,
            error: f64::INFINITY,
            fresh: false,
            rewired: self.pending.full_passes > 0,
            moved: 0.0,
        };
        for iterations in 1..=limit {
            match self.iteration(iterations, &mut progress) {
                None => {}
                Some(solved) => return solved,
            }
        }
        self.fill_condensed(progress.first_d);
        if self.active == Active::FixedPoint && progress.largest_ratio > 0.0 {
            self.memory.fixed_point = Some(progress.largest_ratio.min(0.999));
        }
        self.not_converged(limit, progress.error)
    }

    /// One solve and what follows from it; the outcome, once there is one.
    fn iteration(&mut self, iterations: u32, progress: &mut Progress) -> Option<Solved> {
        let full = self.pending.full_passes > 0 || self.grid.network.unsymmetric;
        let changed = self.changed();
        let (d, step) = self.increment(full, changed, progress);
        if !d.is_finite() {
            return Some(self.give_up(iterations));
        }
        if self.pending.full_passes > 0 {
            self.finish_full();
            progress.first_d = progress.first_d.max(d);
            return None;
        }
        if full {
            return self.judge(d, iterations, 1.0, step, progress);
        }
        if changed {
            self.find_offsets();
        }
        let damping = if d <= CAREFUL_PU || changed { 1.0 } else { self.damping(step) };
        if damping < 1.0 {
            let taken = if progress.fresh { damping } else { 0.0 };
            self.advance(taken - step);
            if !progress.fresh {
                return self.refresh_within(iterations, progress);
            }
            if damping <= LEAST_DAMPING {
                return Some(self.give_up(iterations));
            }
        }
        self.answer(if damping < 1.0 { damping } else { step });
        self.judge(d, iterations, damping, step, progress)
    }

    /// Whether the promise is kept, and if not, whether a new factor is worth it.
    fn judge(&mut self, d: f64, iterations: u32, damping: f64, step: f64, progress: &mut Progress) -> Option<Solved> {
        let ratio = progress.last.map(|(before, _)| d / before);
        let carried = self.memory.contraction;
        let q = ratio.map_or(carried, |r| r.max(CARRIED_SHARE * carried)).max(1e-3);
        progress.counted += 1;
        progress.moved += d;
        progress.first_d = progress.first_d.max(d);
        progress.largest_ratio = progress.largest_ratio.max(ratio.unwrap_or(0.0));
        progress.error = if q < 1.0 { SAFETY * q / (1.0 - q) * d } else { f64::INFINITY };
        if step != 1.0 {
            progress.error = progress.error.max(relaxed_error(progress.largest_ratio.max(self.memory.mode), d));
        }
        if d <= ROUNDING_PU {
            progress.error = progress.error.min(SAFETY * d);
        }
        if damping == 1.0 && progress.error <= self.settings.tolerance_pu {
            if progress.rewired && progress.moved * ROUNDING_SHARE > self.settings.tolerance_pu {
                (self.pending.full_passes, progress.moved, progress.last) = (1, 0.0, None);
                return None;
            }
            progress.error *= self.fill_condensed(progress.first_d);
            if progress.error <= self.settings.tolerance_pu {
                self.remember(iterations, progress);
                let error_pu = progress.error;
                return Some(Solved { status: Status::Converged, iterations, error_pu, worst: None });
            }
        }
        progress.last = Some((d, step));
        progress.fresh = false;
        if self.should_refresh(damping, ratio, q, d) { self.refresh_within(iterations, progress) } else { None }
    }

    fn refresh_within(&mut self, iterations: u32, progress: &mut Progress) -> Option<Solved> {
        (progress.fresh, progress.last, progress.counted) = (true, None, 0);
        self.refresh().err().map(|pivot| singular(pivot, iterations))
    }

    /// One linear solve: its increment is in `x`, and voltages have moved by `step` times it. Returns the largest change
    /// (pu) and the step. `full` answers to the residual of the whole network; after a change, the difference that the
    /// `changed` elements make is answered beside the loads.
    fn increment(&mut self, full: bool, changed: bool, progress: &Progress) -> (f64, f64) {
        let (n, condensed) = (self.grid.pattern.n, self.grid.pattern.condensed);
        let start = if full || changed { 0 } else { condensed };
        self.x[start..].fill([[0.0]; 2]);
        let step = if full {
            self.full_residual();
            1.0
        } else {
            let injections = &self.grid.injections;
            let on = [true];
            let c = injections.residual(self.isa, &self.linear, &self.v, &mut self.branches, &mut self.x, &on);
            self.grid.network.clear_held(&mut self.x);
            self.relaxed_step(c, progress)
        };
        if changed {
            let mut x = std::mem::replace(&mut self.x, LaneVec::empty());
            self.forget_path(|place, [re, im]| {
                if !full {
                    x[place][0][0] += re[0];
                    x[place][1][0] += im[0];
                }
            });
            self.x = x;
        }
        let sweep = Sweep { step: &[step], v: &mut self.v, weight: &self.inverse_base };
        let (isa, pattern, x) = (self.isa, &self.grid.pattern, &mut self.x[..n]);
        let [d2] = match self.active {
            Active::FixedPoint => self.ldlt.solve(isa, pattern, start, x, sweep),
            Active::Chord => self.block.solve(isa, pattern, start, x, sweep),
        };
        (d2.sqrt(), step)
    }

    /// Right-hand side of the whole network's equations at the present voltages; `w` becomes w(u).
    fn full_residual(&mut self) {
        let injections = &self.grid.injections;
        for branch in 0..injections.len() {
            let u = injections.voltage(branch, &self.v);
            let y = complex(self.branches.y[branch][0][0], self.branches.y[branch][1][0]);
            let (i, l) = (injections.linearise(branch, y, u).0, self.linear[branch]);
            let w = l.a * u + l.b * u.conj() - i;
            self.branches.w[branch] = [[w.re], [w.im]];
            self.branches.r[branch] = [[0.0]; 2];
            injections.draw(branch, i, &mut self.x);
        }
        let n = self.grid.pattern.n;
        self.grid.network.add_residual(&self.v, &mut self.x[..n]);
    }

    /// After the last solve of the whole network, the condensed nodes' share of the solution that does not come from the
    /// others is known.
    fn finish_full(&mut self) {
        self.pending.full_passes -= 1;
        if self.pending.full_passes == 0 {
            self.find_offsets();
        }
    }

    fn find_offsets(&mut self) {
        match self.active {
            Active::FixedPoint => self.ldlt.offsets(&self.grid.pattern, &self.v, &mut self.offsets),
            Active::Chord => self.block.offsets(&self.grid.pattern, &self.v, &mut self.offsets),
        }
    }

    /// Moves voltages by `step` times the increment.
    fn advance(&mut self, step: f64) {
        let (n, condensed) = (self.grid.pattern.n, self.grid.pattern.condensed);
        sweep::advance(self.isa, &[step], &self.x[..n], &mut self.v, condensed);
    }

    /// Moves `w` by `step` times r: the voltages have moved so.
    fn answer(&mut self, step: f64) {
        sweep::advance(self.isa, &[step], &self.branches.r, &mut self.branches.w, 0);
    }

    /// The step that takes the slowest mode as a whole: 1/(1 − λ).
    fn relaxed_step(&mut self, [[along], [before]]: Comparison<1>, progress: &Progress) -> f64 {
        if self.active == Active::FixedPoint {
            return 1.0;
        }
        match (progress.counted, progress.last) {
            (0, _) | (_, None) => 1.0,
            (1, _) => 1.0 / (1.0 - self.memory.mode),
            (_, Some((_, step))) => {
                self.memory.mode = slow_mode(along, before, step);
                1.0 / (1.0 - self.memory.mode)
            }
        }
    }

    /// Brings the condensed nodes to the present solution; returns how much further (≥ 1) than `d` any of them moved.
    fn fill_condensed(&mut self, d: f64) -> f64 {
        if self.grid.network.unsymmetric {
            return 1.0; // every solve has moved all nodes
        }
        let (n, condensed) = (self.grid.pattern.n, self.grid.pattern.condensed);
        self.x[..condensed].copy_from_slice(&self.v[..condensed]);
        match self.active {
            Active::FixedPoint => self.ldlt.substitute(self.isa, &self.grid.pattern, &self.offsets, &mut self.v[..n]),
            Active::Chord => self.block.substitute(self.isa, &self.grid.pattern, &self.offsets, &mut self.v[..n]),
        }
        sweep::advance(self.isa, &[-1.0], &self.v[..condensed], &mut self.x, 0);
        let [d2] = sweep::largest(self.isa, &self.x[..condensed], &self.inverse_base, 0);
        (d2.sqrt() / d.max(ROUNDING_PU)).clamp(1.0, 10.0)
    }

    /// The largest of 1, ½, ¼, … at which the loads' own mismatch shrinks as the linear model says it should. Voltages
    /// have already moved by `taken` times the increment.
    fn damping(&self, taken: f64) -> f64 {
        let mismatch_at = |t: f64| -> f64 {
            let injections = &self.grid.injections;
            (0..injections.len())
                .map(|branch| {
                    let u = injections.voltage(branch, &self.v) + injections.voltage(branch, &self.x) * (t - taken);
                    let lane = |x: &[[f64; 1]; 2]| complex(x[0][0], x[1][0]);
                    let (y, l) = (lane(&self.branches.y[branch]), self.linear[branch]);
                    let w = l.a * u + l.b * u.conj() - injections.linearise(branch, y, u).0;
                    let answered = lane(&self.branches.w[branch]) + lane(&self.branches.r[branch]) * t;
                    ((w - answered) * injections.v_base_v(branch)).norm_sqr()
                })
                .sum::<f64>()
                .sqrt()
        };
        let now = mismatch_at(0.0);
        let mut t = 1.0;
        let shrinks = |t: f64| mismatch_at(t) <= (1.0 - 0.1 * t) * now;
        while t > LEAST_DAMPING * 0.5 && !shrinks(t) {
            t *= 0.5;
        }
        t
    }

    /// Whether a new factor pays: the step was damped, contraction is poor, or too many solves are left to go.
    fn should_refresh(&self, damping: f64, ratio: Option<f64>, q: f64, d: f64) -> bool {
        if self.active == Active::FixedPoint || d <= ROUNDING_PU {
            return false;
        }
        let left = (self.settings.tolerance_pu / d).ln() / q.min(0.999).ln();
        damping < 1.0 || ratio.is_some_and(|r| r > 0.5 || left > FACTOR_COST + 3.0)
    }

    /// Carries the contraction to the next solve, and refreshes a factor that has cost more than a new one.
    fn remember(&mut self, iterations: u32, progress: &Progress) {
        let memory = &mut self.memory;
        if progress.largest_ratio > 0.0 {
            if self.active == Active::FixedPoint {
                memory.fixed_point = Some(progress.largest_ratio.min(0.999));
            }
            memory.contraction = progress.largest_ratio.min(0.5).max(0.7 * memory.contraction);
        }
        memory.excess += f64::from(iterations.saturating_sub(2));
        let tired = self.active == Active::Chord && memory.excess > FACTOR_COST && iterations > 2 && !progress.fresh;
        if tired && self.refresh().is_err() {
            self.pending.rebuild = true;
        }
    }

    fn give_up(&mut self, iterations: u32) -> Solved {
        self.pending.cold = true;
        self.not_converged(iterations, f64::INFINITY)
    }

    fn not_converged(&self, iterations: u32, error_pu: f64) -> Solved {
        let change = |place: usize| {
            let [re, im] = [self.x[place][0][0], self.x[place][1][0]];
            (re * re + im * im).sqrt() * self.inverse_base[place]
        };
        let condensed = self.grid.pattern.condensed.min(self.grid.pattern.n.saturating_sub(1));
        let worst = (condensed..self.grid.pattern.n).max_by(|&a, &b| change(a).total_cmp(&change(b)));
        Solved { status: Status::NotConverged, iterations, error_pu, worst: worst.map(|w| NodeId(w as u32)) }
    }
}

/// Error left after a step that took one mode as a whole: the measured ratio then says nothing of the other slow ones,
/// the largest ratio before it does.
pub(super) fn relaxed_error(largest_ratio: f64, d: f64) -> f64 {
    let q = largest_ratio.clamp(0.0, 0.9);
    RELAXED_SAFETY * q / (1.0 - q) * d
}

/// λ of the slowest mode from Σ r·r′, Σ |r′|² and the step t that was taken on r′: r = (1 − t·(1 − λ))·r′.
pub(super) fn slow_mode(along: f64, before: f64, step: f64) -> f64 {
    let quotient = if before > 0.0 { along / before } else { 0.0 };
    (1.0 - (1.0 - quotient) / step).clamp(-0.2, 0.5)
}
