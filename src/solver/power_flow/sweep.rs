//! The two passes over all nodes that follow a linear solve, in lanes.

use crate::solver::kernel::{Isa, Lanes, isa_dispatch, mul_add};

/// Largest |x|² per unit of each lane, from place `start` on.
pub(super) fn largest<const K: usize>(isa: Isa, x: &[Lanes<K>], inverse_base: &[f64], start: usize) -> [f64; K] {
    largest_lanes(isa, &x[start..], &inverse_base[start..])
}

isa_dispatch! {
    fn largest_lanes<const K: usize>(isa: Isa, x: &[Lanes<K>], inverse_base: &[f64]) -> [f64; K] = largest_body
}

#[inline(always)]
fn largest_body<const FMA: bool, const K: usize>(x: &[Lanes<K>], inverse_base: &[f64]) -> [f64; K] {
    // Two running maxima: one alone waits for itself at every node.
    let mut most = [[0.0f64; K]; 2];
    for (place, (x, b)) in x.iter().zip(inverse_base).enumerate() {
        let most = &mut most[place % 2];
        let b2 = b * b;
        for k in 0..K {
            let d2 = mul_add::<FMA>(x[0][k], x[0][k], x[1][k] * x[1][k]) * b2;
            // Written so that a NaN stays.
            most[k] = if d2 <= most[k] { most[k] } else { d2 };
        }
    }
    std::array::from_fn(|k| if most[0][k] <= most[1][k] || most[1][k].is_nan() { most[1][k] } else { most[0][k] })
}

/// `v += step·x` and `moved += step·x`, from place `start` on.
pub(super) fn advance<const K: usize>(
    isa: Isa,
    step: f64,
    x: &[Lanes<K>],
    v: &mut [Lanes<K>],
    moved: &mut [Lanes<K>],
    start: usize,
) {
    let end = x.len();
    advance_lanes(isa, step, &x[start..], &mut v[start..end], &mut moved[start..end]);
}

isa_dispatch! {
    fn advance_lanes<const K: usize>(isa: Isa, step: f64, x: &[Lanes<K>], v: &mut [Lanes<K>], moved: &mut [Lanes<K>]) = advance_body
}

#[inline(always)]
fn advance_body<const FMA: bool, const K: usize>(
    step: f64,
    x: &[Lanes<K>],
    v: &mut [Lanes<K>],
    moved: &mut [Lanes<K>],
) {
    for ((x, v), moved) in x.iter().zip(v).zip(moved) {
        for c in 0..2 {
            for k in 0..K {
                v[c][k] = mul_add::<FMA>(step, x[c][k], v[c][k]);
                moved[c][k] = mul_add::<FMA>(step, x[c][k], moved[c][k]);
            }
        }
    }
}
