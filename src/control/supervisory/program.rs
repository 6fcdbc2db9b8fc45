//! The program of one plan: a convex quadratic objective under linear rows, circles and slacks, solved by Clarabel.
//!
//! Unknowns: inputs step by step (P of all actuator phases, then Q), then one loss variable and one of throughput for each
//! storage and step, then one slack for each group of limits. Rows are `terms·x ≤ upper`. A group's slack is 0 unless the program is elastic.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SecondOrderConeT, SolverStatus, SupportedConeT,
    ZeroConeT,
};

use super::affine::Quantity;
use super::plan::Group;

/// What a slack costs beside the largest entry of the objective.
const SLACK_PRICE: f64 = 1e4;

/// Where an unknown lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub inputs: usize,
    pub steps: usize,
    pub storages: usize,
}

impl Size {
    pub(super) fn input(&self, step: usize, input: usize) -> usize {
        step * self.inputs + input
    }

    pub(super) fn store(&self, storage: usize, step: usize) -> usize {
        self.steps * self.inputs + storage * self.steps + step
    }

    pub(super) fn throughput(&self, storage: usize, step: usize) -> usize {
        self.store(self.storages + storage, step)
    }

    fn slack(&self, group: Group) -> usize {
        self.steps * (self.inputs + 2 * self.storages) + group.place()
    }

    fn total(&self) -> usize {
        self.steps * (self.inputs + 2 * self.storages) + Group::ALL.len()
    }
}

/// A linear limit.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub terms: Vec<(usize, f64)>,
    pub upper: f64,
    /// What gives when it cannot be kept; nothing does when not given.
    pub group: Option<Group>,
}

/// The program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub size: Size,
    /// Second derivatives within each step, row by row.
    blocks: Vec<Vec<f64>>,
    /// Second derivatives between unknowns of any steps: row, column (row ≤ column), value.
    across: Vec<(usize, usize, f64)>,
    linear: Vec<f64>,
    constant: f64,
    pub rows: Vec<Row>,
    /// Unknowns that are given.
    pub given: Vec<(usize, f64)>,
    /// Pairs of unknowns inside a circle of a radius.
    pub circles: Vec<([usize; 2], f64)>,
    discs: Vec<Disc>,
}

/// Two quantities, by their terms and constants, inside a circle.
#[derive(Clone, Debug)]
struct Disc {
    parts: [(Vec<(usize, f64)>, f64); 2],
    radius: f64,
    /// What gives when it cannot be kept.
    group: Group,
}

/// What the solver found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Inputs step by step.
    pub inputs: Vec<Vec<f64>>,
    /// All unknowns.
    x: Vec<f64>,
    /// By how much each group gives.
    pub slacks: Vec<(Group, f64)>,
    pub iterations: u32,
}

/// Why it found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsolved {
    /// Not all limits can be kept.
    Infeasible,
    /// It failed.
    Failed,
}

impl Program {
    pub(super) fn new(size: Size) -> Self {
        Self {
            size,
            blocks: vec![vec![0.0; size.inputs * size.inputs]; size.steps],
            across: Vec::new(),
            linear: vec![0.0; size.total()],
            constant: 0.0,
            rows: Vec::new(),
            given: Vec::new(),
            circles: Vec::new(),
            discs: Vec::new(),
        }
    }

    /// Adds `weight·(quantity − wanted)²` of a step.
    pub(super) fn square(&mut self, step: usize, weight: f64, quantity: &Quantity, wanted: f64) {
        let (n, c) = (self.size.inputs, quantity.constant - wanted);
        self.constant += weight * c * c;
        let first = self.size.input(step, 0);
        for (i, a) in quantity.row.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            self.linear[first + i] += 2.0 * weight * c * a;
            let row = &mut self.blocks[step][i * n..(i + 1) * n];
            row.iter_mut().zip(&quantity.row).for_each(|(p, b)| *p += 2.0 * weight * a * b);
        }
    }

    /// Adds `weight·quantity` of a step.
    pub(super) fn linear(&mut self, step: usize, weight: f64, quantity: &Quantity) {
        self.constant += weight * quantity.constant;
        let first = self.size.input(step, 0);
        self.linear[first..].iter_mut().zip(&quantity.row).for_each(|(q, a)| *q += weight * a);
    }

    /// Adds `weight·x` of an unknown.
    pub(super) fn price(&mut self, weight: f64, x: usize) {
        self.linear[x] += weight;
    }

    /// Adds `weight·uᵀ·H·u` of a step, H row by row.
    pub(super) fn quadratic(&mut self, step: usize, weight: f64, h: &[f64]) {
        let n = self.size.inputs;
        for (k, p) in self.blocks[step].iter_mut().enumerate() {
            let mirrored = (k % n) * n + k / n;
            *p += weight * (h.get(k).copied().unwrap_or(0.0) + h.get(mirrored).copied().unwrap_or(0.0));
        }
    }

    /// Adds `weight·(x_a − x_b)²` of unknowns; b after a.
    pub(super) fn change(&mut self, weight: f64, a: usize, b: usize) {
        self.across.extend([(a, a, 2.0 * weight), (b, b, 2.0 * weight), (a.min(b), a.max(b), -2.0 * weight)]);
    }

    /// Adds `weight·(x − wanted)²` of an unknown.
    pub(super) fn near(&mut self, weight: f64, x: usize, wanted: f64) {
        self.across.push((x, x, 2.0 * weight));
        self.linear[x] -= 2.0 * weight * wanted;
        self.constant += weight * wanted * wanted;
    }

    /// Adds a price on leaving a dispatch, by a share of the largest entry of the objective. It is no part of it.
    pub(super) fn stay(&mut self, share: f64, dispatch: &[Vec<f64>]) {
        let weight = share * self.curvature().1;
        for (x, wanted) in dispatch.iter().flatten().enumerate() {
            self.near(weight, x, *wanted);
        }
    }

    /// Adds a limit on a quantity of a step: `sign·quantity ≤ upper`.
    pub(super) fn limit(&mut self, step: usize, quantity: &Quantity, sign: f64, upper: f64, group: Group) {
        let terms = quantity.row.iter().enumerate().filter(|(_, a)| **a != 0.0);
        let terms = terms.map(|(i, a)| (self.size.input(step, i), sign * a)).collect();
        self.rows.push(Row { terms, upper: upper - sign * quantity.constant, group: Some(group) });
    }

    /// Adds a limit on the magnitude of two quantities of a step together.
    pub(super) fn inside(&mut self, step: usize, parts: &[Quantity; 2], radius: f64, group: Group) {
        let terms = |own: &Quantity| {
            let terms = own.row.iter().enumerate().filter(|(_, a)| **a != 0.0);
            (terms.map(|(i, a)| (self.size.input(step, i), -a)).collect(), own.constant)
        };
        self.discs.push(Disc { parts: [terms(&parts[0]), terms(&parts[1])], radius, group });
    }

    /// Solves it; elastic, groups of limits may give at a price.
    pub(super) fn solve(&self, elastic: bool) -> Result<Found, Unsolved> {
        let (p, largest) = self.curvature();
        let scale = if largest > 0.0 && largest.is_finite() { 1.0 / largest } else { 1.0 };
        let p = CscMatrix::new_from_triplets(
            self.size.total(),
            self.size.total(),
            p.iter().map(|t| t.0).collect(),
            p.iter().map(|t| t.1).collect(),
            p.iter().map(|t| t.2 * scale).collect(),
        );
        let mut q: Vec<f64> = self.linear.iter().map(|q| q * scale).collect();
        Group::ALL.into_iter().for_each(|group| q[self.size.slack(group)] = SLACK_PRICE);
        if !q.iter().all(|q| q.is_finite()) {
            return Err(Unsolved::Failed);
        }
        let (a, b, cones) = self.constraints(elastic);
        let mut solver = DefaultSolver::new(&p, &q, &a, &b, &cones, settings()).map_err(|_| Unsolved::Failed)?;
        solver.solve();
        match solver.solution.status {
            SolverStatus::Solved | SolverStatus::AlmostSolved => {
                Ok(self.found(&solver.solution.x, solver.solution.iterations))
            }
            SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => Err(Unsolved::Infeasible),
            _ => Err(Unsolved::Failed),
        }
    }

    fn found(&self, x: &[f64], iterations: u32) -> Found {
        let inputs: Vec<Vec<f64>> =
            x.chunks(self.size.inputs.max(1)).take(self.size.steps).map(<[f64]>::to_vec).collect();
        let slacks = Group::ALL.map(|group| (group, x[self.size.slack(group)].max(0.0)));
        Found { inputs, x: x.to_vec(), slacks: slacks.to_vec(), iterations }
    }

    /// The objective at what was found, without slacks.
    pub(super) fn objective_at(&self, found: &Found) -> f64 {
        let (n, x) = (self.size.inputs, &found.x);
        let mut sum = self.constant + self.linear.iter().zip(x).map(|(q, x)| q * x).sum::<f64>();
        for (block, u) in self.blocks.iter().zip(x.chunks(n.max(1))) {
            for (row, u_i) in block.chunks(n.max(1)).zip(u) {
                sum += 0.5 * u_i * row.iter().zip(u).map(|(p, u)| p * u).sum::<f64>();
            }
        }
        for &(i, j, p) in &self.across {
            sum += if i == j { 0.5 } else { 1.0 } * p * x[i] * x[j];
        }
        sum
    }

    /// Upper triangle of the second derivatives, and the largest entry of the objective.
    fn curvature(&self) -> (Vec<(usize, usize, f64)>, f64) {
        let n = self.size.inputs;
        let mut triplets = self.across.clone();
        for (step, block) in self.blocks.iter().enumerate() {
            let first = self.size.input(step, 0);
            for i in 0..n {
                triplets.extend((i..n).map(|j| (first + i, first + j, block[i * n + j])).filter(|t| t.2 != 0.0));
            }
        }
        let curved = triplets.iter().map(|t| t.2.abs()).fold(0.0, f64::max);
        let largest = self.linear.iter().map(|q| q.abs()).fold(curved, f64::max);
        (triplets, largest)
    }

    fn constraints(&self, elastic: bool) -> (CscMatrix<f64>, Vec<f64>, Vec<SupportedConeT<f64>>) {
        let mut a = Triplets::default();
        for &(x, value) in &self.given {
            a.row(&[(x, 1.0)], value);
        }
        let slack = |group| (self.size.slack(group), 1.0);
        if !elastic {
            Group::ALL.into_iter().for_each(|group| a.row(&[slack(group)], 0.0));
        }
        let given = a.upper.len();
        for row in &self.rows {
            a.row(&row.terms, row.upper);
            if let Some(group) = row.group.filter(|_| elastic) {
                a.also(self.size.slack(group), -1.0);
            }
        }
        if elastic {
            Group::ALL.into_iter().for_each(|group| a.row(&[(self.size.slack(group), -1.0)], 0.0));
        }
        let mut cones = vec![ZeroConeT(given), NonnegativeConeT(a.upper.len() - given)];
        for &([p, q], radius) in &self.circles {
            a.row(&[], radius);
            a.row(&[(p, -1.0)], 0.0);
            a.row(&[(q, -1.0)], 0.0);
            cones.push(SecondOrderConeT(3));
        }
        for disc in &self.discs {
            a.row(&[], disc.radius);
            if elastic {
                a.also(self.size.slack(disc.group), -1.0);
            }
            disc.parts.iter().for_each(|(terms, constant)| a.row(terms, *constant));
            cones.push(SecondOrderConeT(3));
        }
        let matrix = CscMatrix::new_from_triplets(a.upper.len(), self.size.total(), a.rows, a.columns, a.values);
        (matrix, a.upper, cones)
    }
}

/// Rows of the constraint matrix as they are written.
#[derive(Default)]
struct Triplets {
    rows: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<f64>,
    upper: Vec<f64>,
}

impl Triplets {
    fn row(&mut self, terms: &[(usize, f64)], upper: f64) {
        self.upper.push(upper);
        terms.iter().for_each(|&(column, value)| self.also(column, value));
    }

    /// Another term of the last row.
    fn also(&mut self, column: usize, value: f64) {
        self.rows.push(self.upper.len() - 1);
        self.columns.push(column);
        self.values.push(value);
    }
}

fn settings() -> DefaultSettings<f64> {
    DefaultSettings {
        verbose: false,
        tol_gap_abs: 1e-10,
        tol_gap_rel: 1e-9,
        tol_feas: 1e-9,
        max_threads: 1,
        ..DefaultSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_step(inputs: usize) -> Program {
        Program::new(Size { inputs, steps: 1, storages: 0 })
    }

    /// (x − 3)² + (y + 1)² inside a circle of 1: on the way from the origin to (3, −1).
    #[test]
    fn a_circle_stops_at_its_edge() {
        let mut program = one_step(2);
        program.near(1.0, 0, 3.0);
        program.near(1.0, 1, -1.0);
        program.circles.push(([0, 1], 1.0));
        let found = program.solve(false).unwrap();
        let expected = [3.0 / 10f64.sqrt(), -1.0 / 10f64.sqrt()];
        for (x, e) in found.inputs[0].iter().zip(expected) {
            assert!((x - e).abs() < 1e-6, "{:?}", found.inputs);
        }
        assert!((program.objective_at(&found) - (10f64.sqrt() - 1.0).powi(2)).abs() < 1e-5);
    }

    /// x ≤ 1 and x ≥ 2 cannot both be: each gives as much as it must, one of them 1 in all.
    #[test]
    fn an_elastic_program_says_what_gives() {
        let mut program = one_step(1);
        program.near(1e-3, 0, 0.0);
        let x = Quantity { constant: 0.0, row: vec![1.0] };
        program.limit(0, &x, 1.0, 1.0, Group::Ramp);
        program.limit(0, &x, -1.0, -2.0, Group::Undervoltage);
        assert_eq!(program.solve(false).unwrap_err(), Unsolved::Infeasible);
        let found = program.solve(true).unwrap();
        let given: f64 = found.slacks.iter().map(|s| s.1).sum();
        assert!((given - 1.0).abs() < 1e-6, "{found:?}");
    }

    /// Least squares of a + x + y to 3 with x held at 1: y = 3 − a − 1; the constant counts in the objective.
    #[test]
    fn squares_linear_and_quadratic_terms_add_up() {
        let mut program = one_step(2);
        let sum = Quantity { constant: 0.5, row: vec![1.0, 1.0] };
        program.square(0, 2.0, &sum, 3.0);
        program.given.push((0, 1.0));
        let found = program.solve(false).unwrap();
        assert!((found.inputs[0][1] - 1.5).abs() < 1e-6 && program.objective_at(&found).abs() < 1e-9);
        // 2·(y − 1.5)² + y² + y is least where 4·(y − 1.5) + 2·y + 1 = 0.
        program.quadratic(0, 1.0, &[0.0, 0.0, 0.0, 1.0]);
        program.linear(0, 1.0, &Quantity { constant: 7.0, row: vec![0.0, 1.0] });
        let y = program.solve(false).unwrap().inputs[0][1];
        assert!((y - 5.0 / 6.0).abs() < 1e-6, "{y}");
    }
}
