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
    // Several running maxima: one alone would wait for itself at every node. The sum keeps what a maximum loses: NaN.
    const WAYS: usize = 4;
    let (mut most, mut sum) = ([[0.0f64; K]; WAYS], [[0.0f64; K]; WAYS]);
    let mut one = |way: usize, x: &Lanes<K>, b: f64| {
        for k in 0..K {
            let d2 = mul_add::<FMA>(x[0][k], x[0][k], x[1][k] * x[1][k]) * (b * b);
            most[way][k] = if d2 > most[way][k] { d2 } else { most[way][k] };
            sum[way][k] += d2;
        }
    };
    let (x4, b4) = (x.chunks_exact(WAYS), inverse_base.chunks_exact(WAYS));
    x4.remainder().iter().zip(b4.remainder()).for_each(|(x, b)| one(0, x, *b));
    for (x, b) in x4.zip(b4) {
        (0..WAYS).for_each(|way| one(way, &x[way], b[way]));
    }
    std::array::from_fn(|k| {
        let total: f64 = (0..WAYS).map(|way| sum[way][k]).sum();
        if total.is_nan() { total } else { (0..WAYS).map(|way| most[way][k]).fold(0.0, f64::max) }
    })
}

/// `v += step·x` in every lane by its own step, from place `start` on.
pub(super) fn advance<const K: usize>(isa: Isa, step: &[f64; K], x: &[Lanes<K>], v: &mut [Lanes<K>], start: usize) {
    let end = x.len();
    advance_lanes(isa, step, &x[start..], &mut v[start..end]);
}

isa_dispatch! {
    fn advance_lanes<const K: usize>(isa: Isa, step: &[f64; K], x: &[Lanes<K>], v: &mut [Lanes<K>]) = advance_body
}

#[inline(always)]
fn advance_body<const FMA: bool, const K: usize>(step: &[f64; K], x: &[Lanes<K>], v: &mut [Lanes<K>]) {
    for (x, v) in x.iter().zip(v) {
        for k in 0..K {
            v[0][k] = mul_add::<FMA>(step[k], x[0][k], v[0][k]);
            v[1][k] = mul_add::<FMA>(step[k], x[1][k], v[1][k]);
        }
    }
}
