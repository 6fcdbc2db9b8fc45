//! Power flow: the state of a grid and its solution, again and again, as loads, taps and switches move.
//!
//! Y·V = I(V) is iterated in increment form (`iterate`): K·ΔV = C·(w(u) − w), with the loads' linearisation inside K.
//! Two methods share the loop: the constant-matrix *fixed point* (nominal load admittances in K, complex LDLᵀ; the one
//! OpenDSS uses) and the widely-linear *chord Newton* (derivatives over V and conj(V) in K, 2×2 blocks). See
//! `docs/models/power-flow.md`.

mod batch;
mod change;
mod cold;
mod iterate;
mod lane;
mod outage;
mod predict;
mod sensitivity;
mod settings;
mod sweep;
mod switch;

pub use batch::Batch;
pub use lane::LanePowers;
pub use sensitivity::{LoadsAs, Response};
pub use settings::{Method, Settings, Solved, Status};

use super::element::{Admittance, Nominal};
use super::grid::{Grid, NodeId};
use super::injection::{BranchState, Linear};
use outage::Touched;
use predict::Predictor;

use super::kernel::{BlockLu, Isa, LaneVec, Lanes, Ldlt, Operator};
use crate::quantity::{Complex, complex};

/// Which factor K is held as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Active {
    FixedPoint,
    Chord,
}

/// A grid, its state, and everything needed to solve it without allocating.
#[derive(Clone, Debug)]
pub struct PowerFlow {
    grid: Grid,
    /// How it is solved.
    pub settings: Settings,
    isa: Isa,
    ldlt: Ldlt,
    block: BlockLu,
    active: Active,
    /// The passive network, without loads.
    passive: Operator,
    /// The same with the loads' linearisation: what is factorised.
    operator: Operator,
    linear: Vec<Linear>,
    branches: BranchState<1>,
    /// Multipliers of P and Q by injection element.
    multipliers: Vec<[f64; 2]>,
    /// Voltages by place, then ground.
    v: LaneVec<1>,
    /// Right-hand side and increment, by place, then ground.
    x: LaneVec<1>,
    /// Of the condensed nodes: what of their voltage does not come from the others.
    offsets: Vec<Lanes<1>>,
    predictor: Predictor<1>,
    inverse_base: Vec<f64>,
    pending: Pending,
    touched: Touched,
    memory: Memory,
    taps: Vec<Vec<f64>>,
    steps_closed: Vec<Vec<bool>>,
    /// Admittance of each step of each capacitor bank.
    step_admittances: Vec<Vec<Admittance>>,
    scratch: Admittance,
    f_hz: f64,
}

/// What has changed since the factor was made.
#[derive(Clone, Debug)]
struct Pending {
    /// Nothing has been solved yet.
    cold: bool,
    /// The factor must be made anew.
    rebuild: bool,
    /// Solves from here on that use the whole network's residual.
    full_passes: u32,
    /// Something was switched since the last solve that converged.
    switched: bool,
    /// Columns whose values changed, and their ancestors.
    path: Vec<u32>,
    marked: Vec<bool>,
    /// Current that changed elements draw more, by place; only at places of `path`.
    short: LaneVec<1>,
}

impl Pending {
    /// Becomes what `other` is; its own path is forgotten already.
    fn copy_from(&mut self, other: &Self) {
        (self.cold, self.rebuild, self.full_passes) = (other.cold, other.rebuild, other.full_passes);
        self.switched = other.switched;
        self.path.extend_from_slice(&other.path);
        for &place in &other.path {
            self.marked[place as usize] = true;
            self.short[place as usize] = other.short[place as usize];
        }
    }
}

/// What one solve leaves for the next.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// Contraction carried between solves.
    contraction: f64,
    /// Eigenvalue of the chord's slowest mode.
    mode: f64,
    /// Solves spent beyond two a step since the factor was made.
    excess: f64,
    /// Contraction of the fixed point, once measured.
    fixed_point: Option<f64>,
    /// Solves since the whole network's residual was last looked at.
    steps: u32,
}

impl PowerFlow {
    /// A power flow over a grid, at the loads' written power times the feeder's load multiplier.
    pub fn new(grid: Grid, settings: Settings) -> Self {
        let pattern = &grid.pattern;
        let n = pattern.n;
        let branches = grid.injections.len();
        let taps = grid.feeder.transformers.values().map(|t| t.windings.iter().map(|w| w.tap_pu).collect()).collect();
        let steps_closed = grid.feeder.capacitors.values().map(super::grid::closed_steps).collect();
        let mut flow = Self {
            settings,
            isa: Isa::detect(),
            ldlt: Ldlt::new(pattern),
            block: BlockLu::new(pattern),
            active: Active::FixedPoint,
            passive: Operator::zero(pattern),
            operator: Operator::zero(pattern),
            linear: vec![Linear::default(); branches],
            branches: BranchState::new(branches),
            multipliers: vec![[1.0; 2]; grid.injections.elements()],
            v: LaneVec::zeros(n + 1),
            x: LaneVec::zeros(n + 1),
            offsets: vec![[[0.0]; 2]; pattern.condensed],
            predictor: Predictor::new(n + 1, branches),
            inverse_base: grid.nodes.iter().map(|n| 1.0 / n.base_v).collect(),
            pending: Pending {
                cold: true,
                rebuild: true,
                full_passes: 0,
                switched: false,
                path: Vec::with_capacity(n),
                marked: vec![false; n],
                short: LaneVec::zeros(n),
            },
            touched: Touched::new(n),
            memory: Memory { contraction: 0.1, mode: 0.0, excess: 0.0, fixed_point: None, steps: 0 },
            taps,
            steps_closed,
            step_admittances: switch::step_admittances(&grid.feeder, grid.feeder.frequency_hz),
            f_hz: grid.feeder.frequency_hz,
            scratch: Admittance::zeros(0),
            grid,
        };
        (0..flow.injections()).for_each(|injection| flow.set_multiplier(injection, 1.0, 1.0));
        flow.set_load_multiplier(flow.grid.feeder.solve.load_multiplier);
        flow
    }

    /// The grid it solves.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The instruction set that its kernel runs on.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The iteration in use: [`Method::FixedPoint`] or [`Method::Chord`].
    pub fn method(&self) -> Method {
        match self.active {
            Active::FixedPoint => Method::FixedPoint,
            Active::Chord => Method::Chord,
        }
    }

    /// Voltage of a node to ground in V.
    pub fn voltage(&self, node: NodeId) -> Complex {
        let v = &self.v[node.0 as usize];
        complex(v[0][0], v[1][0])
    }

    /// Whether a node has a path to a source.
    pub fn energised(&self, node: NodeId) -> bool {
        self.grid.network.energised[node.0 as usize]
    }

    /// Solves from the last voltages (from nothing the first time).
    pub fn solve(&mut self) -> Solved {
        if self.pending.cold { self.solve_cold() } else { self.solve_warm() }
    }

    /// Forgets the last voltages: the next solve starts from nothing, as OpenDSS's first solve does.
    pub fn restart(&mut self) {
        self.pending.cold = true;
    }

    /// Voltages by place, then ground.
    pub(super) fn places(&self) -> &[Lanes<1>] {
        &self.v
    }

    /// Calls `f` with what loads inject into each node (the negative of what they draw), in A, by place, then ground. The
    /// buffer is the one for right-hand sides: nothing is allocated.
    pub(super) fn with_load_currents<T>(&mut self, f: impl FnOnce(&Self, &mut [Lanes<1>]) -> T) -> T {
        let mut x = std::mem::replace(&mut self.x, LaneVec::empty());
        x.fill([[0.0]; 2]);
        let injections = &self.grid.injections;
        for branch in 0..injections.len() {
            let y = complex(self.branches.y[branch][0][0], self.branches.y[branch][1][0]);
            injections.draw(branch, injections.current(branch, y, injections.voltage(branch, &self.v)), &mut x);
        }
        let result = f(self, &mut x);
        self.x = x;
        result
    }

    /// Power in VA that an injection element (loads, then generators, PV systems, storages) draws at the present voltages,
    /// by its own law of voltage; 0 where nothing feeds it, or for an element that there is not.
    pub fn drawn(&self, injection: usize) -> Complex {
        let injections = &self.grid.injections;
        if injection >= injections.elements() {
            return complex(0.0, 0.0);
        }
        injections.branches_of(injection).map(|branch| self.drawn_by(branch)).sum()
    }

    /// As [`PowerFlow::drawn`], of one phase (from 0) of the element.
    pub fn drawn_phase(&self, injection: usize, phase: usize) -> Complex {
        let injections = &self.grid.injections;
        let branch = if injection < injections.elements() { injections.branch_of(injection, phase) } else { None };
        branch.map_or(complex(0.0, 0.0), |branch| self.drawn_by(branch))
    }

    fn drawn_by(&self, branch: usize) -> Complex {
        let injections = &self.grid.injections;
        let y = complex(self.branches.y[branch][0][0], self.branches.y[branch][1][0]);
        let u = injections.voltage(branch, &self.v);
        u * injections.current(branch, y, u).conj()
    }

    /// Present admittance at rated voltage of each load or source branch, in S.
    pub(super) fn branch_admittances(&self) -> impl Iterator<Item = Complex> {
        self.branches.y.iter().map(|y| complex(y[0][0], y[1][0]))
    }

    /// Branches as admittances of their present power.
    fn present_admittances(&self) -> Vec<Linear> {
        let y = self.branches.y.iter().map(|y| complex(y[0][0], y[1][0]));
        y.map(|a| Linear { a, b: complex(0.0, 0.0) }).collect()
    }

    /// Present power of an injection element (loads, then generators, PV systems, storages) per branch.
    fn nominal(&self, element: usize) -> Nominal {
        self.grid.injections.nominal(element)
    }
}
