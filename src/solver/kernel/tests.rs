//! The kernel against dense LU of faer, which shares no code with it.

use faer::prelude::*;

use super::*;
use crate::quantity::{Complex, complex};

/// A small deterministic generator (Marsaglia's xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn complex(&mut self) -> Complex {
        complex(self.next() - 0.5, self.next() - 0.5)
    }
}

/// A random radial network with a few ties and shunts: edges, which nodes carry injections, and the operator.
fn network(n: usize, ties: usize, seed: u64) -> (Pattern, Operator) {
    let mut random = Random(seed);
    let mut edges: Vec<(u32, u32)> = (1..n as u32).map(|i| ((random.next() * f64::from(i)) as u32, i)).collect();
    edges.extend((0..ties).map(|_| ((random.next() * n as f64) as u32, (random.next() * n as f64) as u32)));
    edges.retain(|(i, j)| i != j);
    let keep: Vec<bool> = (0..n).map(|_| random.next() < 0.4).collect();
    let pattern = Pattern::new(n, &edges, &keep);
    let mut operator = Operator::zero(&pattern);
    for (i, j) in edges {
        let (a, b) = (pattern.place_of[i as usize], pattern.place_of[j as usize]);
        let y = complex(1.0 + random.next(), -3.0 * random.next());
        operator.add(Slot::Diagonal(a), y);
        operator.add(Slot::Diagonal(b), y);
        operator.add(pattern.slot(Some(a.max(b)), Some(a.min(b))), -y);
    }
    for place in 0..n as u32 {
        operator.add(Slot::Diagonal(place), complex(0.1, 0.02));
        if place as usize >= pattern.condensed {
            operator.add_conj(Slot::Diagonal(place), 0.1 * random.complex());
        }
    }
    (pattern, operator)
}

/// The operator as a dense real matrix of order 2n acting on (Re v, Im v) pairs.
fn dense(pattern: &Pattern, operator: &Operator) -> faer::Mat<f64> {
    let mut m = faer::Mat::zeros(2 * pattern.n, 2 * pattern.n);
    let mut set = |row: usize, column: usize, a: Complex, b: Complex| {
        let block = block::widely_linear(a, b);
        (0..4).for_each(|k| m[(2 * row + k % 2, 2 * column + k / 2)] = block[k]);
    };
    for j in 0..pattern.n {
        set(j, j, operator.diagonal[j], operator.diagonal_conj[j]);
        for q in pattern.col_ptr[j] as usize..pattern.col_ptr[j + 1] as usize {
            let i = pattern.rows[q] as usize;
            set(i, j, operator.below[q], operator.below_conj[q]);
            set(j, i, operator.below[q], operator.below_conj[q]);
        }
    }
    m
}

fn right_hand_side(pattern: &Pattern, start: usize, seed: u64) -> Vec<Lanes<1>> {
    let mut random = Random(seed);
    (0..pattern.n)
        .map(|j| if j < start { [[0.0]; 2] } else { [[random.next() - 0.5], [random.next() - 0.5]] })
        .collect()
}

/// Largest difference between `x` and the dense solution of `operator` for right-hand side `b`.
fn error(pattern: &Pattern, operator: &Operator, b: &[Lanes<1>], x: &[Lanes<1>]) -> f64 {
    let b = faer::Mat::from_fn(2 * pattern.n, 1, |k, _| b[k / 2][k % 2][0]);
    let exact = dense(pattern, operator).partial_piv_lu().solve(&b);
    (0..2 * pattern.n).map(|k| (exact[(k, 0)] - x[k / 2][k % 2][0]).abs()).fold(0.0, f64::max)
}

#[test]
fn solves_as_dense_lu_does() {
    for (n, ties) in [(1, 0), (2, 1), (40, 0), (40, 12), (150, 9)] {
        let (pattern, operator) = network(n, ties, 0x9e37_79b9 + n as u64);
        let linear = Operator { diagonal_conj: vec![complex(0.0, 0.0); n], ..operator.clone() };
        let (mut ldlt, mut lu) = (Ldlt::new(&pattern), BlockLu::new(&pattern));
        ldlt.factor(&pattern, &linear).unwrap();
        lu.factor(&pattern, &operator).unwrap();
        for start in [0, pattern.condensed] {
            for isa in [Isa::Baseline, Isa::detect()] {
                let b = right_hand_side(&pattern, start, 7);
                let mut x = b.clone();
                solve_ldlt(&ldlt, isa, &pattern, start, &mut x);
                ldlt.substitute(isa, &pattern, &vec![[[0.0]; 2]; start], &mut x);
                assert!(error(&pattern, &linear, &b, &x) < 1e-12, "LDLT n={n} start={start}");
                let mut x = b.clone();
                solve(&lu, isa, &pattern, start, &mut x);
                lu.substitute(isa, &pattern, &vec![[[0.0]; 2]; start], &mut x);
                assert!(error(&pattern, &operator, &b, &x) < 1e-12, "LU n={n} start={start}");
            }
        }
    }
}

#[test]
fn refactoring_a_path_equals_factoring_anew() {
    let (pattern, mut operator) = network(120, 6, 42);
    let (mut ldlt, mut lu) = (Ldlt::new(&pattern), BlockLu::new(&pattern));
    ldlt.factor(&pattern, &operator).unwrap();
    lu.factor(&pattern, &operator).unwrap();
    let changed = [3u32, 57];
    changed.iter().for_each(|&place| operator.add(Slot::Diagonal(place), complex(2.0, -1.0)));
    let (mut marked, mut path) = (vec![false; pattern.n], Vec::new());
    changed.iter().for_each(|&place| pattern.mark_path(place, &mut marked, &mut path));
    path.sort_unstable();
    assert!(path.len() < pattern.n, "a path is not the whole tree");
    ldlt.refactor(&pattern, &path, &operator).unwrap();
    lu.refactor(&pattern, &path, &operator).unwrap();
    let (mut fresh_ldlt, mut fresh_lu) = (Ldlt::new(&pattern), BlockLu::new(&pattern));
    fresh_ldlt.factor(&pattern, &operator).unwrap();
    fresh_lu.factor(&pattern, &operator).unwrap();
    let b = right_hand_side(&pattern, 0, 3);
    let solved = |f: &dyn Fn(&mut [Lanes<1>])| {
        let mut x = b.clone();
        f(&mut x);
        x
    };
    let isa = Isa::detect();
    assert_eq!(
        solved(&|x| solve_ldlt(&ldlt, isa, &pattern, 0, x)),
        solved(&|x| solve_ldlt(&fresh_ldlt, isa, &pattern, 0, x))
    );
    assert_eq!(solved(&|x| solve(&lu, isa, &pattern, 0, x)), solved(&|x| solve(&fresh_lu, isa, &pattern, 0, x)));
}

/// Solves into `x`; what moves along is not looked at.
fn solve<const K: usize>(f: &BlockLu, isa: Isa, pattern: &Pattern, start: usize, x: &mut [Lanes<K>]) {
    let (mut v, weight) = (vec![[[0.0; K]; 2]; pattern.n], vec![1.0; pattern.n]);
    f.solve(isa, pattern, start, x, Sweep { step: &[1.0; K], v: &mut v, weight: &weight });
    assert_eq!(v[start..], x[start..], "a whole step moves by the solution");
}

fn solve_ldlt(f: &Ldlt, isa: Isa, pattern: &Pattern, start: usize, x: &mut [Lanes<1>]) {
    let (mut v, weight) = (vec![[[0.0]; 2]; pattern.n], vec![2.0; pattern.n]);
    let [largest] = f.solve(isa, pattern, start, x, Sweep { step: &[1.0], v: &mut v, weight: &weight });
    let expected = x[start..].iter().map(|x| 4.0 * (x[0][0] * x[0][0] + x[1][0] * x[1][0])).fold(0.0, f64::max);
    assert!((largest - expected).abs() <= 1e-12 * expected);
}

fn spread<const K: usize>(b: &[Lanes<1>]) -> Vec<Lanes<K>> {
    b.iter().map(|v| [0, 1].map(|c| std::array::from_fn(|k| v[c][0] * (1.0 + k as f64)))).collect()
}

#[test]
fn lanes_are_bitwise_equal_to_single_solves() {
    let (pattern, operator) = network(90, 4, 5);
    let mut lu = BlockLu::new(&pattern);
    lu.factor(&pattern, &operator).unwrap();
    let b = right_hand_side(&pattern, 0, 11);
    for isa in [Isa::Baseline, Isa::detect()] {
        let (mut four, mut eight) = (spread::<4>(&b), spread::<8>(&b));
        solve(&lu, isa, &pattern, 0, &mut four);
        solve(&lu, isa, &pattern, 0, &mut eight);
        for k in 0..8 {
            let mut one: Vec<Lanes<1>> = spread::<8>(&b).iter().map(|v| [[v[0][k]], [v[1][k]]]).collect();
            solve(&lu, isa, &pattern, 0, &mut one);
            for j in 0..pattern.n {
                assert_eq!([one[j][0][0], one[j][1][0]], [eight[j][0][k], eight[j][1][k]]);
                if k < 4 {
                    assert_eq!([one[j][0][0], one[j][1][0]], [four[j][0][k], four[j][1][k]]);
                }
            }
        }
    }
}

#[test]
fn a_singular_matrix_is_reported() {
    let pattern = Pattern::new(2, &[(0, 1)], &[true, true]);
    let mut operator = Operator::zero(&pattern);
    let y = complex(1.0, -2.0);
    operator.diagonal.fill(y);
    operator.below.fill(-y);
    assert_eq!(Ldlt::new(&pattern).factor(&pattern, &operator), Err(BadPivot { column: 1 }));
    assert_eq!(BlockLu::new(&pattern).factor(&pattern, &operator), Err(BadPivot { column: 1 }));
}
