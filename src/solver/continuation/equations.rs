//! The network's equations in real form, scaled per unit, and their Jacobian with one more row and column.
//!
//! Unknowns x are the real and imaginary parts of the voltages of all nodes that nothing holds, per unit of each node's
//! base, then the parameter λ. F(x) is the current that the network drives into a node less what loads draw there, times
//! base voltage over base power: a power, so that rows compare. `A = −∂F/∂x` is filled from the elements' admittances and
//! the loads' linearisation i ≈ a·Δu + b·conj(Δu); its last row (the *border*) says how a solution is picked on the curve.

use faer::Mat;
use faer::linalg::solvers::SolveCore;
use faer::sparse::linalg::solvers::{Lu, SymbolicLu};
use faer::sparse::{Argsort, Pair, SparseColMat, SymbolicSparseColMat};

use crate::quantity::{Complex, complex};
use crate::solver::PowerFlow;
use crate::solver::grid::Grid;
use crate::solver::injection::Linear;
use crate::solver::kernel::LaneVec;

/// Stands for "no unknown" among the unknowns of places.
const NONE: u32 = u32::MAX;

/// The row that closes the system: `by_voltage·Δx[component] + by_parameter·Δλ`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Border {
    pub(super) component: usize,
    pub(super) by_voltage: f64,
    pub(super) by_parameter: f64,
}

impl Border {
    /// Holds the parameter.
    pub(super) const fn parameter() -> Self {
        Self { component: 0, by_voltage: 0.0, by_parameter: 1.0 }
    }

    /// The border's value at a vector of unknowns or of their changes.
    pub(super) fn of(&self, x: &[f64]) -> f64 {
        self.by_voltage * x[self.component] + self.by_parameter * x[x.len() - 1]
    }
}

/// A network, its loads at λ = 0, and how they move with λ.
#[derive(Clone, Debug)]
pub(super) struct Equations<'a> {
    pub(super) grid: &'a Grid,
    /// Admittance of each branch at rated voltage for its power at λ = 0.
    at_zero: Vec<Complex>,
    /// Branches that follow λ, with their admittance per unit of it.
    moving: Vec<(usize, Complex)>,
    /// Unknown of each place and of ground: [`NONE`] where the voltage is given.
    unknown: Vec<u32>,
    /// Place of each unknown.
    place: Vec<u32>,
    /// Given voltages; the others are overwritten.
    given: LaneVec<1>,
    base_v: Vec<f64>,
    /// Base power in VA.
    pub(super) base_va: f64,
    pattern: Pattern,
}

/// Where the values of the Jacobian belong, in the order in which they are made.
#[derive(Clone, Debug)]
struct Pattern {
    component: usize,
    indices: SymbolicSparseColMat<usize>,
    order: Argsort<usize>,
    symbolic: SymbolicLu<usize>,
}

impl<'a> Equations<'a> {
    /// The equations of a solved power flow; `moving` are branches with their admittance per unit of λ, and voltages of
    /// `held` places stay as they are. `None` if the pattern cannot be factorised (no memory).
    pub(super) fn new(flow: &'a PowerFlow, moving: Vec<(usize, Complex)>, held: &[u32], base_va: f64) -> Option<Self> {
        let grid = flow.grid();
        let n = grid.nodes.len();
        let mut given = LaneVec::zeros(n + 1);
        given.copy_from_slice(flow.places());
        let free = |p: &u32| !grid.network.fixed[*p as usize] && !held.contains(p);
        let place: Vec<u32> = (0..n as u32).filter(free).collect();
        let mut unknown = vec![NONE; n + 1];
        place.iter().zip(0..).for_each(|(&p, k)| unknown[p as usize] = k);
        let base_v = place.iter().map(|&p| grid.nodes[p as usize].base_v).collect();
        let at_zero = flow.branch_admittances().collect();
        let pattern = Pattern::new(grid, &unknown, place.len(), &moving, 0)?;
        Some(Self { grid, at_zero, moving, unknown, place, given, base_v, base_va, pattern })
    }

    /// Number of unknowns, λ included.
    pub(super) fn len(&self) -> usize {
        2 * self.place.len() + 1
    }

    /// The unknowns at the voltages that the equations were made at.
    pub(super) fn start(&self) -> Vec<f64> {
        let of = |(&p, base): (&u32, &f64)| self.given[p as usize].map(|part| part[0] / base);
        let voltages = self.place.iter().zip(&self.base_v).flat_map(of);
        voltages.chain([0.0]).collect()
    }

    /// Gives a held place another voltage.
    pub(super) fn give(&mut self, place: u32, v: Complex) {
        self.given[place as usize] = [[v.re], [v.im]];
    }

    /// Voltages by place, then ground.
    pub(super) fn voltages(&self, x: &[f64]) -> LaneVec<1> {
        let mut v = self.given.clone();
        for (k, &p) in self.place.iter().enumerate() {
            v[p as usize] = [[x[2 * k] * self.base_v[k]], [x[2 * k + 1] * self.base_v[k]]];
        }
        v
    }

    /// Admittance of every branch at a λ.
    pub(super) fn branches(&self, lambda: f64) -> Vec<Complex> {
        let mut y = self.at_zero.clone();
        self.moving.iter().for_each(|&(branch, dy)| y[branch] += dy * lambda);
        y
    }

    /// F by unknown, per unit of the base power; its last entry is 0.
    pub(super) fn residual(&self, x: &[f64]) -> Vec<f64> {
        let v = self.voltages(x);
        let current = self.current(&v, &self.branches(x[x.len() - 1]));
        let scaled = |(&p, base): (&u32, &f64)| current[p as usize].map(|part| part[0] * base / self.base_va);
        self.place.iter().zip(&self.base_v).flat_map(scaled).chain([0.0]).collect()
    }

    /// Current that is left over at every place, in A: what the network drives into it less what branches draw.
    pub(super) fn current(&self, v: &[[[f64; 1]; 2]], branches: &[Complex]) -> LaneVec<1> {
        let injections = &self.grid.injections;
        let mut current = LaneVec::zeros(self.unknown.len());
        for (branch, &y) in branches.iter().enumerate() {
            let (i, _) = injections.linearise(branch, y, injections.voltage(branch, v));
            injections.draw(branch, i, &mut current);
        }
        self.grid.network.add_residual(v, &mut current);
        current
    }

    /// Factorises the Jacobian at `x` with a border. `None` where it is singular.
    pub(super) fn factor(&mut self, x: &[f64], border: Border) -> Option<Factor> {
        if border.by_voltage != 0.0 && border.component != self.pattern.component {
            self.pattern = Pattern::new(self.grid, &self.unknown, self.place.len(), &self.moving, border.component)?;
        }
        let values = self.values(x, border);
        let matrix = SparseColMat::new_from_argsort(self.pattern.indices.clone(), &self.pattern.order, &values).ok()?;
        let lu = Lu::try_new_with_symbolic(self.pattern.symbolic.clone(), matrix.as_ref()).ok()?;
        Some(Factor(lu))
    }

    /// The Jacobian's values in the order of [`Pattern::new`].
    fn values(&self, x: &[f64], border: Border) -> Vec<f64> {
        let (v, lambda) = (self.voltages(x), x[x.len() - 1]);
        let injections = &self.grid.injections;
        let mut values = Vec::new();
        let mut block = |row: u32, column: u32, l: Linear| {
            let (row, column) = (self.unknown[row as usize], self.unknown[column as usize]);
            if row != NONE && column != NONE {
                let scale = self.base_v[row as usize] * self.base_v[column as usize] / self.base_va;
                let parts = [l.a.re + l.b.re, l.b.im - l.a.im, l.a.im + l.b.im, l.a.re - l.b.re];
                values.extend(parts.map(|part| part * scale));
            }
        };
        self.grid.network.each_entry(|row, column, y| block(row, column, Linear { a: y, b: complex(0.0, 0.0) }));
        for (branch, y) in self.branches(lambda).into_iter().enumerate() {
            let [p, q] = injections.ends(branch);
            let (_, l) = injections.linearise(branch, y, injections.voltage(branch, &v));
            let back = Linear { a: -l.a, b: -l.b };
            let blocks = [(p, p, l), (q, q, l), (p, q, back), (q, p, back)];
            blocks.into_iter().for_each(|(row, column, l)| block(row, column, l));
        }
        let branches = self.branches(lambda);
        for &(branch, dy) in &self.moving {
            let u = injections.voltage(branch, &v);
            // A difference of two, since a law may have a part that no power moves.
            let [now, then] = [branches[branch], branches[branch] + dy].map(|y| injections.linearise(branch, y, u).0);
            for (end, sign) in injections.ends(branch).into_iter().zip([1.0, -1.0]) {
                let row = self.unknown[end as usize];
                if row != NONE {
                    let i = (then - now) * (sign * self.base_v[row as usize] / self.base_va);
                    values.extend([i.re, i.im]);
                }
            }
        }
        values.extend([border.by_voltage, border.by_parameter]);
        values
    }
}

impl Pattern {
    fn new(
        grid: &Grid,
        unknown: &[u32],
        unknowns: usize,
        moving: &[(usize, Complex)],
        component: usize,
    ) -> Option<Self> {
        let last = 2 * unknowns;
        let mut pairs = Vec::new();
        let mut block = |row: u32, column: u32| {
            let (row, column) = (unknown[row as usize], unknown[column as usize]);
            if row != NONE && column != NONE {
                let (row, col) = (2 * row as usize, 2 * column as usize);
                pairs.extend([(row, col), (row, col + 1), (row + 1, col), (row + 1, col + 1)]);
            }
        };
        grid.network.each_entry(|row, column, _| block(row, column));
        for branch in 0..grid.injections.len() {
            let [p, q] = grid.injections.ends(branch);
            [(p, p), (q, q), (p, q), (q, p)].into_iter().for_each(|(row, column)| block(row, column));
        }
        for &(branch, _) in moving {
            let rows = grid.injections.ends(branch).map(|end| unknown[end as usize]);
            for row in rows.into_iter().filter(|row| *row != NONE) {
                pairs.extend([(2 * row as usize, last), (2 * row as usize + 1, last)]);
            }
        }
        pairs.extend([(last, component), (last, last)]);
        let pairs: Vec<_> = pairs.into_iter().map(|(row, col)| Pair { row, col }).collect();
        let size = last + 1;
        let (indices, order) = SymbolicSparseColMat::try_new_from_indices(size, size, &pairs).ok()?;
        let symbolic = SymbolicLu::try_new(indices.as_ref()).ok()?;
        Some(Self { component, indices, order, symbolic })
    }
}

/// The factorised Jacobian.
#[derive(Debug)]
pub(super) struct Factor(Lu<usize, f64>);

impl Factor {
    /// Solves for a right-hand side in place; `None` if the result is not finite.
    pub(super) fn solve(&self, mut right: Vec<f64>) -> Option<Vec<f64>> {
        let mut columns = Mat::from_fn(right.len(), 1, |row, _| right[row]);
        self.0.solve_in_place_with_conj(faer::Conj::No, columns.as_mut());
        right.iter_mut().enumerate().for_each(|(row, x)| *x = columns[(row, 0)]);
        right.iter().all(|x| x.is_finite()).then_some(right)
    }
}
