//! The next step's starting point, foretold from the last two steps.
//!
//! Voltages and w answer to each other linearly through the factor, so a combination of two steps' pairs is such a pair
//! again: V + α·(V − V′) with w + α·(w − w′) costs no solve. α is how much of the last movement the one before it had
//! foretold (least squares over the load branches), so smooth series start close and noisy ones are left alone.

use crate::solver::kernel::Lanes;

/// A foretold share smaller than this is not worth moving for.
const LEAST_SHARE: f64 = 0.25;
/// Bounds of the share: beyond them the series turns, and the last point is the better start.
const SHARES: std::ops::RangeInclusive<f64> = -0.6..=1.5;

/// What is kept of the steps before.
#[derive(Clone, Debug)]
pub(super) struct Predictor {
    /// Voltages at the end of the last step but one, by place.
    pub(super) v: Vec<Lanes<1>>,
    /// w at the same time, and its movement before that, by branch.
    pub(super) w: Vec<Lanes<1>>,
    moved: Vec<Lanes<1>>,
    /// How many steps the arrays above stand for (2 are enough to foretell from).
    steps: u32,
}

impl Predictor {
    pub(super) fn new(places: usize, branches: usize) -> Self {
        let (v, w) = (vec![[[0.0]; 2]; places], vec![[[0.0]; 2]; branches]);
        Self { v, moved: w.clone(), w, steps: 0 }
    }

    /// The network has changed: what was is no longer a pair.
    pub(super) fn forget(&mut self) {
        self.steps = 0;
    }

    /// Moves `v` (from place `start` on) and `w` to the foretold start of the next step, and remembers where they were.
    pub(super) fn foretell(&mut self, start: usize, v: &mut [Lanes<1>], w: &mut [Lanes<1>]) {
        let share = self.share(w);
        self.steps = (self.steps + 1).min(3);
        let share = if self.steps == 3 && share.abs() >= LEAST_SHARE && SHARES.contains(&share) { share } else { 0.0 };
        let onward = |now: &mut Lanes<1>, before: &mut Lanes<1>| {
            for c in 0..2 {
                let here = now[c][0];
                now[c][0] += share * (here - before[c][0]);
                before[c][0] = here;
            }
        };
        v[start..].iter_mut().zip(&mut self.v[start..]).for_each(|(now, before)| onward(now, before));
        w.iter_mut().zip(&mut self.w).for_each(|(now, before)| onward(now, before));
    }

    /// Share of the last movement of `w` that the one before it had foretold; remembers the last.
    fn share(&mut self, w: &[Lanes<1>]) -> f64 {
        let (mut along, mut square) = (0.0, 0.0);
        for ((now, before), moved) in w.iter().zip(&self.w).zip(&mut self.moved) {
            for c in 0..2 {
                let last = now[c][0] - before[c][0];
                along += last * moved[c][0];
                square += moved[c][0] * moved[c][0];
                moved[c][0] = last;
            }
        }
        if square > 0.0 { along / square } else { 0.0 }
    }
}
