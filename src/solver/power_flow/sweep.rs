//! Passes over nodes and branches beside a linear solve, in lanes.

use crate::solver::kernel::{Isa, Lanes, Largest, isa_dispatch, vector};

/// Largest |x|² per unit of each lane, from place `start` on.
pub(super) fn largest<const K: usize>(isa: Isa, x: &[Lanes<K>], inverse_base: &[f64], start: usize) -> [f64; K] {
    largest_lanes(isa.streaming(), &x[start..], &inverse_base[start..])
}

isa_dispatch! {
    fn largest_lanes<const K: usize>(isa: Isa, x: &[Lanes<K>], inverse_base: &[f64]) -> [f64; K] = largest_body
}

#[inline(always)]
fn largest_body<const FMA: bool, const K: usize>(x: &[Lanes<K>], inverse_base: &[f64]) -> [f64; K] {
    let mut largest = Largest::new();
    x.iter().zip(inverse_base).enumerate().for_each(|(place, (x, b))| largest.add::<FMA>(place, x, *b));
    largest.finish()
}

/// `v += step·x` in every lane by its own step, from place `start` on.
pub(super) fn advance<const K: usize>(isa: Isa, step: &[f64; K], x: &[Lanes<K>], v: &mut [Lanes<K>], start: usize) {
    let end = x.len();
    advance_lanes(isa.streaming(), step, &x[start..], &mut v[start..end]);
}

isa_dispatch! {
    fn advance_lanes<const K: usize>(isa: Isa, step: &[f64; K], x: &[Lanes<K>], v: &mut [Lanes<K>]) = advance_body
}

#[inline(always)]
fn advance_body<const FMA: bool, const K: usize>(step: &[f64; K], x: &[Lanes<K>], v: &mut [Lanes<K>]) {
    for (x, v) in x.iter().zip(v) {
        *v = [vector::mul_add::<FMA, K>(*step, x[0], v[0]), vector::mul_add::<FMA, K>(*step, x[1], v[1])];
    }
}
