//! Many scenarios of one network at once: K lanes through one factor, each from its own last solution or from the base.
//!
//! The factor is the base's and stays. Every lane does the same operations whatever K is and whatever the other lanes
//! do, so a scenario's result depends on the scenario alone: on its own steps so far, or after [`Batch::restart`] on
//! nothing but its loads. A lane that does not contract is handed to a power flow of its own, which starts from the base.

use super::iterate::{CARRIED_SHARE, ROUNDING_PU, SAFETY, relaxed_error, slow_mode};
use super::predict::Predictor;
use super::{Active, Method, PowerFlow, Solved, Status, sweep};
use crate::quantity::{Complex, complex};
use crate::solver::grid::NodeId;
use crate::solver::injection::BranchState;
use crate::solver::kernel::{LaneVec, Sweep};

/// Contraction assumed for a lane's first step: the chord from a base is quadratic in the distance.
const FIRST_CONTRACTION: f64 = 0.1;
/// Solves after which a lane is handed on.
const PATIENCE: u32 = 12;

/// What a lane's iteration remembers.
#[derive(Clone, Copy, Debug)]
struct Pass {
    d: f64,
    largest_ratio: f64,
    step: f64,
}

/// A solved base and the room for K scenarios around it.
#[derive(Debug)]
pub struct Batch<const K: usize> {
    pub(super) base: PowerFlow,
    pub(super) v: LaneVec<K>,
    x: LaneVec<K>,
    pub(super) branches: BranchState<K>,
    predictor: Predictor<K>,
    /// Eigenvalue of each lane's slowest mode.
    modes: [f64; K],
    solved: [Solved; K],
}

impl<const K: usize> Batch<K> {
    /// A batch around the present solution of `base`, which is made exact first.
    pub fn new(mut base: PowerFlow) -> Self {
        let tolerance_pu = base.settings.tolerance_pu;
        base.settings.tolerance_pu = super::Settings::FLOOR_PU;
        base.settings.method = Method::Chord;
        let mut first = base.solve();
        if first.converged() && base.rebuild(Active::Chord).is_ok() {
            first = base.solve();
        }
        base.settings.tolerance_pu = tolerance_pu;
        let (places, branches) = (base.v.len(), base.grid.injections.len());
        let mut batch = Self {
            v: LaneVec::zeros(places),
            x: LaneVec::zeros(places),
            branches: BranchState::new(branches),
            predictor: Predictor::new(places, branches),
            modes: [0.0; K],
            solved: [first; K],
            base,
        };
        for injection in 0..batch.base.injections() {
            let [p, q] = batch.base.multipliers[injection];
            (0..K).for_each(|lane| batch.set_multiplier(lane, injection, p, q));
        }
        batch.restart();
        batch
    }

    /// Sets the multipliers of an injection's nominal P and Q in one lane.
    pub fn set_multiplier(&mut self, lane: usize, injection: usize, p: f64, q: f64) {
        let y = self.base.grid.injections.admittance_s(injection, p, q);
        for branch in self.base.grid.injections.branches_of(injection) {
            self.branches.y[branch][0][lane] = y.re;
            self.branches.y[branch][1][lane] = y.im;
        }
    }

    /// Sets the multiplier of every variable load in one lane.
    pub fn set_load_multiplier(&mut self, lane: usize, multiplier: f64) {
        for (y, rated) in self.base.grid.injections.variable(&mut self.branches.y) {
            (y[0][lane], y[1][lane]) = (rated.re * multiplier, rated.im * multiplier);
        }
    }

    /// Voltage of a node to ground in one lane, in V.
    pub fn voltage(&self, lane: usize, node: NodeId) -> Complex {
        let v = &self.v[node.0 as usize];
        complex(v[0][lane], v[1][lane])
    }

    /// Solves every lane, each from its last solution.
    pub fn solve(&mut self) -> [Solved; K] {
        let (isa, condensed) = (self.base.isa, self.base.grid.pattern.condensed);
        self.predictor.foretell(isa, condensed, &mut self.v, &mut self.branches.w);
        // Without a base, or with a factor that is only near the network, every lane is solved alone.
        let usable =
            self.base.active == Active::Chord && !self.base.pending.cold && !self.base.grid.network.unsymmetric;
        let mut on = [usable; K];
        self.solved.iter_mut().for_each(|s| s.status = Status::NotConverged);
        let mut passes = [Pass { d: f64::INFINITY, largest_ratio: 0.0, step: 1.0 }; K];
        for iterations in 1..=PATIENCE {
            let d = self.increment(&on, iterations, &mut passes);
            for (lane, on) in on.iter_mut().enumerate() {
                *on = *on && self.judge(lane, d[lane], &mut passes[lane], iterations);
            }
            if on == [false; K] {
                break;
            }
        }
        self.fill_condensed();
        for lane in 0..K {
            if !self.solved[lane].converged() {
                self.rescue(lane);
            }
        }
        self.solved
    }

    /// Puts every lane back to the base solution: the next solve depends on the loads alone.
    pub fn restart(&mut self) {
        for (lanes, base) in self.v.iter_mut().zip(self.base.v.iter()) {
            *lanes = [[base[0][0]; K], [base[1][0]; K]];
        }
        for (lanes, base) in self.branches.w.iter_mut().zip(self.base.branches.w.iter()) {
            *lanes = [[base[0][0]; K], [base[1][0]; K]];
        }
        self.predictor.forget();
        self.modes = [0.0; K];
    }

    /// Notes where a lane stands; says whether it goes on.
    fn judge(&mut self, lane: usize, d: f64, pass: &mut Pass, iterations: u32) -> bool {
        let ratio = if pass.d.is_finite() { d / pass.d } else { FIRST_CONTRACTION };
        let q = ratio.max(CARRIED_SHARE * pass.largest_ratio).max(1e-3);
        let mut error_pu = if q < 1.0 { SAFETY * q / (1.0 - q) * d } else { f64::INFINITY };
        (pass.d, pass.largest_ratio) = (d, pass.largest_ratio.max(ratio));
        if pass.step != 1.0 {
            error_pu = error_pu.max(relaxed_error(pass.largest_ratio.max(self.modes[lane]), d));
        }
        if d <= ROUNDING_PU {
            error_pu = error_pu.min(SAFETY * d);
        }

        let kept = error_pu <= self.base.settings.tolerance_pu;
        let status = if kept { Status::Converged } else { Status::NotConverged };
        self.solved[lane] = Solved { status, iterations, error_pu, worst: None };
        !kept && q < 1.0
    }

    /// One linear solve in the lanes that are on; returns the largest change per unit of each. Lanes that are off have
    /// zero increments and stay as they are.
    fn increment(&mut self, on: &[bool; K], iterations: u32, passes: &mut [Pass; K]) -> [f64; K] {
        let base = &self.base;
        let (pattern, isa) = (&base.grid.pattern, base.isa);
        let (n, start) = (pattern.n, pattern.condensed);
        self.x[start..].fill([[0.0; K]; 2]);
        let injections = &base.grid.injections;
        let [along, before] = injections.residual(isa, &base.linear, &self.v, &mut self.branches, &mut self.x, on);
        base.grid.network.clear_held(&mut self.x);
        // As in a single solve: the first step is whole, the second takes the mode of the lane's last solve.
        for (lane, pass) in passes.iter_mut().enumerate() {
            if iterations > 2 && on[lane] {
                self.modes[lane] = slow_mode(along[lane], before[lane], pass.step);
            }
            pass.step = if iterations > 1 { 1.0 / (1.0 - self.modes[lane]) } else { 1.0 };
        }
        let step = passes.map(|pass| pass.step);
        let sweep = Sweep { step: &step, v: &mut self.v, weight: &base.inverse_base };
        let d2 = base.block.solve(isa, pattern, start, &mut self.x[..n], sweep);
        sweep::advance(isa, &step, &self.branches.r, &mut self.branches.w, 0);
        d2.map(f64::sqrt)
    }

    fn fill_condensed(&mut self) {
        let base = &self.base;
        base.block.substitute(base.isa, &base.grid.pattern, &base.offsets, &mut self.v[..base.grid.pattern.n]);
    }

    /// Solves one lane by a power flow of its own, from the base.
    #[cold]
    fn rescue(&mut self, lane: usize) {
        let mut single = self.base.clone();
        for (y, lanes) in single.branches.y.iter_mut().zip(self.branches.y.iter()) {
            *y = [[lanes[0][lane]], [lanes[1][lane]]];
        }
        self.solved[lane] = single.solve();
        for (lanes, v) in self.v.iter_mut().zip(single.v.iter()) {
            (lanes[0][lane], lanes[1][lane]) = (v[0][0], v[1][0]);
        }
        // A solution answers to its own w through any factor, so also through the base's.
        for (branch, w) in self.branches.w.iter_mut().enumerate() {
            let injections = &self.base.grid.injections;
            let y = complex(single.branches.y[branch][0][0], single.branches.y[branch][1][0]);
            let (u, l) = (injections.voltage(branch, &single.v), self.base.linear[branch]);
            let own = l.a * u + l.b * u.conj() - injections.linearise(branch, y, u).0;
            (w[0][lane], w[1][lane]) = (own.re, own.im);
        }
    }
}
