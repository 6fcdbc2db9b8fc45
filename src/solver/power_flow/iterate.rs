//! The iteration: increments until the error bound is kept.
//!
//! With r = w(u) − w, an iteration is K·ΔV = C·r, V += ΔV, w += r. d is the largest |ΔV| per unit, ρ = d/d′ the measured
//! contraction, and the error left is below 3·q/(1−q)·d with q = max(ρ, 0.3·ρ_carried): the factor 3 keeps the promise
//! where ρ is still rising (without it errors reached 4.5 times the tolerance). After a change of the network the first
//! two solves answer to the residual of the whole network instead, computed from element currents: the second one
//! removes the rounding of the factor.

use super::cold::singular;
use super::{Active, PowerFlow, Solved, Status, sweep};
use crate::quantity::complex;
use crate::solver::grid::NodeId;

/// Factor on the geometric error estimate.
pub(super) const SAFETY: f64 = 3.0;
/// A factorisation costs about this many solves.
const FACTOR_COST: f64 = 6.0;
/// Above this change (pu) a step is checked for overshoot, and damped.
const CAREFUL_PU: f64 = 0.02;
/// Least damping before a fresh factor's step counts as failed.
const LEAST_DAMPING: f64 = 1e-3;
/// Changes below this are rounding: no smaller one can be told from noise.
pub(super) const ROUNDING_PU: f64 = 2e-14;

impl PowerFlow {
    pub(super) fn iterate(&mut self, limit: u32) -> Solved {
        let tolerance = self.settings.tolerance_pu;
        let (mut previous, mut largest_ratio) = (None::<f64>, 0.0f64);
        let mut fresh = false;
        let mut error = f64::INFINITY;
        self.moved.fill([[0.0]; 2]);
        for iterations in 1..=limit {
            let full = self.pending.full_passes > 0;
            let d = self.increment(full);
            if !d.is_finite() {
                return self.give_up(iterations);
            }
            let damping = if full || d <= CAREFUL_PU { 1.0 } else { self.damping() };
            if damping < 1.0 && !fresh {
                if let Err(pivot) = self.refresh() {
                    return singular(pivot, iterations);
                }
                (fresh, previous) = (true, None);
                continue;
            }
            if damping <= LEAST_DAMPING {
                return self.give_up(iterations);
            }
            self.advance(damping, full);
            let ratio = previous.map(|p| d / p);
            largest_ratio = largest_ratio.max(ratio.unwrap_or(0.0));
            let carried = self.memory.contraction;
            let q = ratio.map_or(carried, |r| r.max(0.3 * carried)).max(1e-3);
            error = if q < 1.0 { SAFETY * q / (1.0 - q) * d } else { f64::INFINITY };
            if d <= ROUNDING_PU {
                error = error.min(SAFETY * d);
            }
            if damping == 1.0 && !full && error <= tolerance {
                error *= self.fill_condensed();
                if error <= tolerance {
                    self.remember(iterations, largest_ratio, fresh);
                    return Solved { status: Status::Converged, iterations, error_pu: error, worst: None };
                }
            }
            previous = if full { None } else { Some(d) };
            fresh = false;
            if !full && self.should_refresh(damping, ratio, q, d) {
                if let Err(pivot) = self.refresh() {
                    return singular(pivot, iterations);
                }
                (fresh, previous) = (true, None);
            }
        }
        self.fill_condensed();
        if self.active == Active::FixedPoint && largest_ratio > 0.0 {
            self.memory.fixed_point = Some(largest_ratio.min(0.999));
        }
        self.not_converged(limit, error)
    }

    /// One linear solve: its increment is in `x`, the largest change (pu) is returned. `full` answers to the residual of
    /// the whole network.
    fn increment(&mut self, full: bool) -> f64 {
        let (n, condensed) = (self.grid.pattern.n, self.grid.pattern.condensed);
        let start = if full { 0 } else { condensed };
        self.x[start..].fill([[0.0]; 2]);
        if full {
            self.full_residual();
        } else {
            let injections = &self.grid.injections;
            injections.residual(self.isa, &self.linear, &self.v, &mut self.branches, &mut self.x, &[true]);
            self.grid.network.clear_held(&mut self.x);
        }
        let x = &mut self.x[..n];
        match self.active {
            Active::FixedPoint => self.ldlt.solve(self.isa, &self.grid.pattern, start, x),
            Active::Chord => self.block.solve(self.isa, &self.grid.pattern, start, x),
        }
        let [d2] = sweep::largest(self.isa, &self.x[..n], &self.inverse_base, start);
        d2.sqrt()
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

    /// Moves voltages and `w` by `damping` times the increment.
    fn advance(&mut self, damping: f64, full: bool) {
        let (n, condensed) = (self.grid.pattern.n, self.grid.pattern.condensed);
        let start = if full { 0 } else { condensed };
        sweep::advance(self.isa, damping, &self.x[..n], &mut self.v, &mut self.moved, start);
        if full {
            self.moved.fill([[0.0]; 2]);
            self.pending.full_passes -= 1;
            return;
        }
        for (w, r) in self.branches.w.iter_mut().zip(&self.branches.r) {
            w[0][0] += damping * r[0][0];
            w[1][0] += damping * r[1][0];
        }
    }

    /// Moves the condensed nodes by what the others moved; returns how much further (≥ 1) any of them moved, per unit.
    fn fill_condensed(&mut self) -> f64 {
        let (n, condensed) = (self.grid.pattern.n, self.grid.pattern.condensed);
        let moved = &mut self.moved[..n];
        match self.active {
            Active::FixedPoint => self.ldlt.back_substitute(self.isa, &self.grid.pattern, condensed, moved),
            Active::Chord => self.block.back_substitute(self.isa, &self.grid.pattern, condensed, moved),
        }
        let mut largest = [0.0f64; 2];
        for (place, moved) in moved.iter_mut().enumerate() {
            let b = self.inverse_base[place];
            let d2 = (moved[0][0] * moved[0][0] + moved[1][0] * moved[1][0]) * (b * b);
            let side = usize::from(place >= condensed);
            largest[side] = largest[side].max(d2);
            if place < condensed {
                self.v[place][0][0] += moved[0][0];
                self.v[place][1][0] += moved[1][0];
            }
            *moved = [[0.0]; 2];
        }
        if largest[1] > 0.0 { (largest[0] / largest[1]).sqrt().clamp(1.0, 10.0) } else { 1.0 }
    }

    /// The largest of 1, ½, ¼, … at which the loads' own mismatch shrinks as the linear model says it should.
    fn damping(&self) -> f64 {
        let mismatch_at = |t: f64| -> f64 {
            let injections = &self.grid.injections;
            (0..injections.len())
                .map(|branch| {
                    let u = injections.voltage(branch, &self.v) + injections.voltage(branch, &self.x) * t;
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
    fn remember(&mut self, iterations: u32, largest_ratio: f64, fresh: bool) {
        let memory = &mut self.memory;
        if largest_ratio > 0.0 {
            if self.active == Active::FixedPoint {
                memory.fixed_point = Some(largest_ratio.min(0.999));
            }
            memory.contraction = largest_ratio.min(0.5).max(0.7 * memory.contraction);
        }
        memory.excess += f64::from(iterations.saturating_sub(2));
        let tired = self.active == Active::Chord && memory.excess > FACTOR_COST && iterations > 2 && !fresh;
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
