//! The next step's starting point, foretold from the last two steps.
//!
//! Voltages and w answer to each other linearly through the factor, so a combination of two steps' pairs is such a pair
//! again: V + α·(V − V′) with w + α·(w − w′) costs no solve. α is how much of the last movement the one before it had
//! foretold (least squares over the load branches), so smooth series start close and noisy ones are left alone.

use crate::solver::kernel::{Isa, LaneVec, Lanes, isa_dispatch, vector};

/// A foretold share smaller than this is not worth moving for.
const LEAST_SHARE: f64 = 0.25;
/// Bounds of the share: beyond them the series turns, and the last point is the better start.
const SHARES: std::ops::RangeInclusive<f64> = -0.6..=1.5;

/// What is kept of the steps before, in K lanes.
#[derive(Clone, Debug)]
pub(super) struct Predictor<const K: usize> {
    /// Voltages at the end of the last step but one, by place.
    pub(super) v: LaneVec<K>,
    /// w at the same time, and its movement before that, by branch.
    pub(super) w: LaneVec<K>,
    moved: LaneVec<K>,
    /// How many steps the arrays above stand for (three are enough to foretell from).
    steps: u32,
}

impl<const K: usize> Predictor<K> {
    pub(super) fn new(places: usize, branches: usize) -> Self {
        let zeros = LaneVec::zeros;
        Self { v: zeros(places), w: zeros(branches), moved: zeros(branches), steps: 0 }
    }

    /// Becomes what `other` is, without allocating.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.steps = other.steps;
        // Without steps, what the arrays hold is never looked at.
        if other.steps > 0 {
            self.v.copy_from_slice(&other.v);
            self.w.copy_from_slice(&other.w);
            self.moved.copy_from_slice(&other.moved);
        }
    }

    /// The network has changed: what was is no longer a pair.
    pub(super) fn forget(&mut self) {
        self.steps = 0;
    }

    /// Moves `v` (from place `start` on) and `w` to the foretold start of the next step, and remembers where they were.
    pub(super) fn foretell(&mut self, isa: Isa, start: usize, v: &mut [Lanes<K>], w: &mut [Lanes<K>]) {
        let isa = isa.streaming();
        let [along, square] = movements(isa, w, &self.w, &mut self.moved);
        self.steps = (self.steps + 1).min(3);
        let enough = self.steps == 3;
        let share: [f64; K] = std::array::from_fn(|k| {
            let share = if square[k] > 0.0 { along[k] / square[k] } else { 0.0 };
            if enough && share.abs() >= LEAST_SHARE && SHARES.contains(&share) { share } else { 0.0 }
        });
        onward(isa, &share, &mut v[start..], &mut self.v[start..]);
        onward(isa, &share, w, &mut self.w);
    }
}

isa_dispatch! {
    /// Σ of each movement times the one before it, and of the one before it squared; remembers the movements.
    fn movements<const K: usize>(isa: Isa, now: &[Lanes<K>], before: &[Lanes<K>], moved: &mut [Lanes<K>]) -> [[f64; K]; 2] = movements_body
}
isa_dispatch! {
    /// `now += share·(now − before)`, and `before` becomes what `now` was.
    fn onward<const K: usize>(isa: Isa, share: &[f64; K], now: &mut [Lanes<K>], before: &mut [Lanes<K>]) = onward_body
}

#[inline(always)]
fn movements_body<const FMA: bool, const K: usize>(
    now: &[Lanes<K>],
    before: &[Lanes<K>],
    moved: &mut [Lanes<K>],
) -> [[f64; K]; 2] {
    let mut sums = [[0.0; K]; 2];
    for ((now, before), moved) in now.iter().zip(before).zip(moved) {
        for c in 0..2 {
            let last = vector::sub(now[c], before[c]);
            sums[0] = vector::mul_add::<FMA, K>(last, moved[c], sums[0]);
            sums[1] = vector::mul_add::<FMA, K>(moved[c], moved[c], sums[1]);
            moved[c] = last;
        }
    }
    sums
}

#[inline(always)]
fn onward_body<const FMA: bool, const K: usize>(share: &[f64; K], now: &mut [Lanes<K>], before: &mut [Lanes<K>]) {
    for (now, before) in now.iter_mut().zip(before) {
        for c in 0..2 {
            let here = now[c];
            now[c] = vector::mul_add::<FMA, K>(*share, vector::sub(here, before[c]), here);
            before[c] = here;
        }
    }
}
