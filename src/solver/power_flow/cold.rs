//! The first solution, from nothing; and solutions after it.

use super::{Active, Method, Pending, PowerFlow, Solved, Status};
use crate::quantity::{Complex, complex};
use crate::solver::grid::NodeId;
use crate::solver::injection::Linear;
use crate::solver::kernel::{BadPivot, Lanes};

/// Fixed-point iterations spent on measuring its contraction before the method is chosen.
const MEASURING: u32 = 4;
/// A chord step costs this many fixed-point steps, and takes this many solves on a smooth sequence.
const CHORD_COST: f64 = 2.0 * 1.3;
/// Change between the steps of an ordinary time series, per unit.
const ORDINARY_CHANGE_PU: f64 = 1e-3;
/// After this many solves the whole network's residual is looked at again: increments add up their rounding.
const REFINE_EVERY: u32 = 10_000;
/// Below this tolerance every solve looks at the whole network's residual: increments through the factor alone lose digits
/// where only an anti-float susceptance holds a node.
const LOCAL_PU: f64 = 1e-10;
/// Share of the chord's contraction that is remembered after its factor is made anew.
const FRESH_CONTRACTION: f64 = 0.1;

impl PowerFlow {
    /// Solves from zero voltage: the first solve is the linear one with nominal load admittances, the next ones measure
    /// the fixed point's contraction, and then the method that is cheaper at the tolerance goes on.
    pub(super) fn solve_cold(&mut self) -> Solved {
        self.v.fill([[0.0]; 2]);
        self.grid.network.hold(&mut self.v);
        self.pending.cold = false;
        self.memory.contraction = 0.5;
        let parity = self.settings.method == Method::FixedPoint || self.jumps();
        if let Err(pivot) = self.rebuild(Active::FixedPoint) {
            return singular(pivot, 0);
        }
        let limit = self.settings.max_iterations;
        if parity {
            return self.iterate(limit);
        }
        let first = self.iterate(limit.min(MEASURING));
        if first.converged() || first.status == Status::Singular || limit <= MEASURING {
            return first;
        }
        if let Err(pivot) = self.rebuild(self.preferred()) {
            return singular(pivot, first.iterations);
        }
        let then = self.iterate(limit - first.iterations);
        Solved { iterations: first.iterations + then.iterations, ..then }
    }

    /// Solves from the last voltages.
    pub(super) fn solve_warm(&mut self) -> Solved {
        let refactored = if self.pending.rebuild || self.active != self.preferred() {
            self.rebuild(self.preferred())
        } else {
            // A node may have lost what held it: made anew, it gets a leak.
            self.refactor_path().or_else(|_| self.rebuild(self.active))
        };
        self.memory.steps += 1;
        if self.pending.full_passes == 0 && self.memory.steps.is_multiple_of(REFINE_EVERY) {
            self.pending.full_passes = 1;
        }
        if self.settings.tolerance_pu < LOCAL_PU {
            self.pending.full_passes = 2;
        }
        if self.pending.full_passes > 0 || self.changed() {
            self.predictor.forget();
        } else if self.active == Active::Chord {
            self.predictor.foretell(self.isa, self.grid.pattern.condensed, &mut self.v, &mut self.branches.w);
        }
        match refactored {
            Ok(()) => self.iterate(self.settings.max_iterations),
            Err(pivot) => {
                self.pending.rebuild = true;
                singular(pivot, 0)
            }
        }
    }

    /// Loads that jump at a band's edge may have two solutions there; from nothing, the fixed point finds OpenDSS's.
    fn jumps(&self) -> bool {
        self.settings.method == Method::Auto && self.grid.injections.jumps()
    }

    /// The method that is cheaper for an ordinary step at the tolerance.
    fn preferred(&self) -> Active {
        match self.settings.method {
            Method::FixedPoint => Active::FixedPoint,
            Method::Chord => Active::Chord,
            Method::Auto => {
                let contraction = self.memory.fixed_point.unwrap_or(0.5).clamp(1e-6, 0.999);
                let steps = (self.settings.tolerance_pu / ORDINARY_CHANGE_PU).min(0.5).ln() / contraction.ln();
                if steps <= CHORD_COST { Active::FixedPoint } else { Active::Chord }
            }
        }
    }

    /// Makes the factor anew at the present voltages; the next solves answer to the whole network's residual.
    pub(super) fn rebuild(&mut self, active: Active) -> Result<(), BadPivot> {
        self.active = active;
        self.touched.network();
        self.grid.network.clear_leaks();
        self.grid.network.hold(&mut self.v);
        self.forget_path(|_, _| {});
        self.pending.rebuild = false;
        self.pending.full_passes = 2;
        (self.memory.excess, self.memory.mode) = (0.0, 0.0);
        loop {
            self.grid.network.assemble(&mut self.passive);
            self.linearise();
            match self.factor() {
                Err(pivot) if self.grid.network.add_leak(pivot.column) => {}
                outcome => return outcome,
            }
        }
    }

    /// Linearises the loads at the present voltages into `operator`.
    pub(super) fn linearise(&mut self) {
        let injections = &self.grid.injections;
        for branch in 0..injections.len() {
            let y = complex(self.branches.y[branch][0][0], self.branches.y[branch][1][0]);
            self.linear[branch] = match self.active {
                Active::FixedPoint => Linear { a: y, b: complex(0.0, 0.0) },
                Active::Chord => injections.linearise(branch, y, injections.voltage(branch, &self.v)).1,
            };
        }
        self.operator.copy_from(&self.passive);
        injections.add_linear(&self.linear, &mut self.operator, &self.grid.network.fixed);
    }

    pub(super) fn factor(&mut self) -> Result<(), BadPivot> {
        self.touched.all();
        match self.active {
            Active::FixedPoint => self.ldlt.factor(&self.grid.pattern, &self.operator),
            Active::Chord => self.block.factor(&self.grid.pattern, &self.operator),
        }
    }

    /// Makes the factor anew at the present voltages, keeping what the voltages answer to.
    pub(super) fn refresh(&mut self) -> Result<(), BadPivot> {
        let injections = &self.grid.injections;
        for branch in 0..self.linear.len() {
            let u = injections.voltage(branch, &self.v);
            let y = complex(self.branches.y[branch][0][0], self.branches.y[branch][1][0]);
            let old = self.linear[branch];
            let new = match self.active {
                Active::FixedPoint => Linear { a: y, b: complex(0.0, 0.0) },
                Active::Chord => injections.linearise(branch, y, u).1,
            };
            let answer = |u: Complex, w: &mut Lanes<1>| {
                let change = (new.a - old.a) * u + (new.b - old.b) * u.conj();
                w[0][0] += change.re;
                w[1][0] += change.im;
            };
            answer(u, &mut self.branches.w[branch]);
            answer(injections.voltage(branch, &self.predictor.v), &mut self.predictor.w[branch]);
            self.linear[branch] = new;
        }
        self.operator.copy_from(&self.passive);
        self.grid.injections.add_linear(&self.linear, &mut self.operator, &self.grid.network.fixed);
        (self.memory.excess, self.memory.mode) = (0.0, 0.0);
        self.memory.contraction = FRESH_CONTRACTION;
        self.factor()
    }

    /// Makes the changed columns of the factor anew; what their elements draw more goes into the next solve.
    fn refactor_path(&mut self) -> Result<(), BadPivot> {
        if self.pending.path.is_empty() {
            return Ok(());
        }
        self.pending.path.sort_unstable();
        self.touched.columns(&self.pending.path);
        let (pattern, path) = (&self.grid.pattern, &self.pending.path);
        match self.active {
            Active::FixedPoint => self.ldlt.refactor(pattern, path, &self.operator),
            Active::Chord => self.block.refactor(pattern, path, &self.operator),
        }
    }

    /// Whether elements have changed since the last solve.
    pub(super) fn changed(&self) -> bool {
        !self.pending.path.is_empty()
    }

    /// Forgets what had changed; `take` is called with each place and the current that its node was short of.
    pub(super) fn forget_path(&mut self, mut take: impl FnMut(usize, Lanes<1>)) {
        let Pending { path, marked, short, .. } = &mut self.pending;
        for place in path.drain(..).map(|p| p as usize) {
            marked[place] = false;
            take(place, std::mem::take(&mut short[place]));
        }
    }
}

pub(super) fn singular(pivot: BadPivot, iterations: u32) -> Solved {
    Solved { status: Status::Singular, iterations, error_pu: f64::INFINITY, worst: Some(NodeId(pivot.column as u32)) }
}
