//! What one actuator can do, and the nearest of it to what it is asked.
//!
//! For each phase a circle of apparent power, a range of reactive power and, with a ramp, a box around what was told last;
//! for all phases together a range of active power (a storage that is empty or full). The nearest point is exact: of a
//! circle and a box in closed form; of the range over phases by bisection of its multiplier (the dual of one constraint).
//! Where not all can be kept, the rating comes before the range of Q, that before the ramp, and the ramp before the range
//! of P, which an actuator keeps by itself.

use super::MOST_PHASES;

/// Halvings of the interval for the multiplier.
const HALVINGS: usize = 50;

/// Power per unit from a limit that is the limit.
const AT_LIMIT_PU: f64 = 1e-7;

/// P and Q of each phase per unit.
pub(super) type Told = [[f64; 2]; MOST_PHASES];
/// From and to.
pub(super) type Range = [f64; 2];

/// No limit.
pub(super) const FREE: Range = [f64::NEG_INFINITY, f64::INFINITY];

/// Limits of an actuator at a step, per unit of one phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reach {
    /// Apparent power of each phase; 0 for phases that it has not.
    pub s_pu: [f64; MOST_PHASES],
    /// Reactive power of each phase.
    pub q_pu: Range,
    /// Active power of all phases together.
    pub p_total_pu: Range,
    /// Largest change of P and of Q of a phase in a step.
    pub ramp_pu: f64,
}

impl Reach {
    /// The point within the limits that is nearest to another, in the metric of `1/weight` by phase.
    pub(super) fn nearest(&self, to: &Told, last: &Told, weight: &[f64; MOST_PHASES]) -> Told {
        let free = self.phases(to, last, weight, 0.0);
        let [low, high] = self.p_total_pu;
        match sum_p(&free) {
            sum if sum > high => self.shifted(to, last, weight, high),
            sum if sum < low => self.shifted(to, last, weight, low),
            _ => free,
        }
    }

    /// The same with a sum of active power, or what comes nearest to it.
    fn shifted(&self, to: &Told, last: &Told, weight: &[f64; MOST_PHASES], sum_pu: f64) -> Told {
        // Beyond these every phase is at a limit.
        let least = weight.iter().filter(|w| **w > 0.0).fold(1.0, |least: f64, w| w.min(least)).max(1e-6);
        let span = to.iter().zip(&self.s_pu).map(|(x, s)| x[0].abs() + s).fold(0.0, f64::max) / least;
        let (mut low, mut high) = (-span, span);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            let lower = sum_p(&self.phases(to, last, weight, middle)) < sum_pu;
            *(if lower { &mut low } else { &mut high }) = middle;
        }
        self.phases(to, last, weight, 0.5 * (low + high))
    }

    /// Each phase by itself, with a multiplier of active power.
    fn phases(&self, to: &Told, last: &Told, weight: &[f64; MOST_PHASES], multiplier: f64) -> Told {
        std::array::from_fn(|k| {
            let [p, q] = to[k];
            self.phase(k, [p + multiplier * weight[k], q], last[k])
        })
    }

    /// The nearest point of one phase.
    fn phase(&self, phase: usize, to: [f64; 2], last: [f64; 2]) -> [f64; 2] {
        let s = self.s_pu[phase];
        if s <= 0.0 {
            return [0.0; 2];
        }
        let ramp = self.ramp_pu.max(0.0);
        let around = last.map(|x| [x - ramp, x + ramp]);
        nearest(to, s, [around[0], both(self.q_pu, around[1])])
    }

    /// Whether active power of all phases stands at an end of its range, or beyond.
    pub(super) fn at_p_limit(&self, told: &Told) -> bool {
        let ([low, high], sum) = (self.p_total_pu, sum_p(told));
        sum <= low + AT_LIMIT_PU || sum >= high - AT_LIMIT_PU
    }

    /// Whether a phase stands at a limit other than the ramp.
    pub(super) fn at_limit(&self, phase: usize, told: &Told) -> bool {
        let (slack, [p, q], s) = (AT_LIMIT_PU, told[phase], self.s_pu[phase]);
        let at = |x: f64, [low, high]: Range| x <= low + slack || x >= high - slack;
        s <= 0.0 || size([p, q]) >= s - slack || at(q, self.q_pu) || self.at_p_limit(told)
    }
}

fn sum_p(told: &Told) -> f64 {
    told.iter().map(|x| x[0]).sum()
}

/// What two ranges have in common; the end of the first that is nearest to the second where that is nothing.
const fn both([low, high]: Range, [near, far]: Range) -> Range {
    let (from, to) = (low.max(near), high.min(far));
    if from <= to {
        return [from, to];
    }
    let end = if far < low { low } else { high };
    [end, end]
}

/// Apparent power; squares of what is bounded do not overflow, and this is faster than `hypot`.
fn size([p, q]: [f64; 2]) -> f64 {
    (p * p + q * q).sqrt()
}

/// The nearest point of a circle around 0 and a box; where they have none in common, that of the circle next to the box.
fn nearest([p, q]: [f64; 2], s: f64, [of_p, of_q]: [Range; 2]) -> [f64; 2] {
    let inside = |[p, q]: [f64; 2]| p >= of_p[0] && p <= of_p[1] && q >= of_q[0] && q <= of_q[1];
    let boxed = [p.clamp(of_p[0], of_p[1]), q.clamp(of_q[0], of_q[1])];
    if size(boxed) <= s {
        return boxed;
    }
    let scale = s / size([p, q]).max(f64::MIN_POSITIVE);
    let round = [p * scale, q * scale];
    if inside(round) {
        return round;
    }
    // Then it is where the circle meets an edge: all candidates, P at its edges and then Q at its own.
    let half = |x: f64| (s * s - x * x).max(0.0).sqrt();
    let by_p = of_p.into_iter().flat_map(|x| [[x, half(x)], [x, -half(x)]]);
    let by_q = of_q.into_iter().flat_map(|x| [[half(x), x], [-half(x), x]]);
    let slack = 1e-12 * s;
    let there = |x: &[f64; 2]| {
        let within = |x: f64, [low, high]: Range| x >= low - slack && x <= high + slack;
        within(x[0], of_p) && within(x[1], of_q) && size(*x) <= s + slack
    };
    let distance = |x: &[f64; 2]| size([x[0] - p, x[1] - q]);
    let best = by_p.chain(by_q).filter(there).min_by(|a, b| distance(a).total_cmp(&distance(b)));
    best.unwrap_or_else(|| {
        let next = [0.0f64.clamp(of_p[0], of_p[1]), 0.0f64.clamp(of_q[0], of_q[1])];
        let scale = s / size(next).max(s);
        next.map(|x| x * scale)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Noise;

    fn close(found: [f64; 2], expected: [f64; 2]) {
        assert!((found[0] - expected[0]).hypot(found[1] - expected[1]) < 1e-9, "{found:?} {expected:?}");
    }

    #[test]
    fn the_nearest_point_of_a_circle_and_a_box_is_exact() {
        close(nearest([3.0, 4.0], 1.0, [FREE; 2]), [0.6, 0.8]);
        close(nearest([0.3, 0.4], 1.0, [FREE, [-0.1, 0.1]]), [0.3, 0.1]);
        // Both bind: q = 0.6 on the unit circle.
        close(nearest([3.0, 4.0], 1.0, [FREE, [-0.6, 0.6]]), [0.8, 0.6]);
        // Nothing in common: the circle's point next to the box.
        close(nearest([0.0, 0.0], 1.0, [[3.0, 5.0], [4.0, 5.0]]), [0.6, 0.8]);
    }

    #[test]
    fn no_point_of_a_grid_is_nearer() {
        let noise = Noise::new(1, "reach");
        for case in 0..200 {
            let x: [f64; 6] = std::array::from_fn(|k| 4.0 * noise.uniform(case * 6 + k as u64) - 2.0);
            let range = |a: f64, b: f64| [a.min(b), a.max(b) + 0.1];
            let boxes = [range(x[2], x[3]), range(x[4], x[5])];
            let found = nearest([x[0], x[1]], 1.0, boxes);
            assert!(found[0].hypot(found[1]) <= 1.0 + 1e-9);
            let least = (0..=80)
                .flat_map(|i| (0..=80).map(move |j| [f64::from(i) / 40.0 - 1.0, f64::from(j) / 40.0 - 1.0]))
                .filter(|g| g[0].hypot(g[1]) <= 1.0 && (0..2).all(|k| g[k] >= boxes[k][0] && g[k] <= boxes[k][1]))
                .map(|g| (g[0] - x[0]).hypot(g[1] - x[1]))
                .fold(f64::INFINITY, f64::min);
            assert!((found[0] - x[0]).hypot(found[1] - x[1]) <= least + 1e-9, "{x:?} {found:?} {least}");
        }
    }

    #[test]
    fn an_empty_storage_shifts_power_between_phases_only() {
        let reach = Reach { s_pu: [1.0; 3], q_pu: FREE, p_total_pu: [-9.0, 0.0], ramp_pu: f64::INFINITY };
        let to = [[0.6, 0.1], [0.3, 0.0], [0.0, -0.2]];
        let found = reach.nearest(&to, &Told::default(), &[1.0; 3]);
        // All are lowered by the mean, and Q stays.
        [[0.3, 0.1], [0.0, 0.0], [-0.3, -0.2]].iter().zip(found).for_each(|(e, f)| close(f, *e));
        assert!(reach.at_limit(1, &found));
        // With unequal weights the heavier gives way more: 0.9 in the ratio 2 : 1 : 0.
        let found = reach.nearest(&to, &Told::default(), &[2.0, 1.0, 0.0]);
        [[0.0, 0.1], [0.0, 0.0], [0.0, -0.2]].iter().zip(found).for_each(|(e, f)| close(f, *e));
    }

    #[test]
    fn ratings_come_first_and_ramps_last() {
        let reach = Reach { s_pu: [0.5, 0.0, 0.0], q_pu: [-0.1, 0.1], p_total_pu: FREE, ramp_pu: 0.01 };
        let last = [[1.0, 0.4], [0.0; 2], [0.0; 2]];
        let found = reach.nearest(&[[1.0, 1.0]; 3], &last, &[1.0; 3]);
        assert!(found[0][0].hypot(found[0][1]) <= 0.5 + 1e-12 && found[0][1] <= 0.1 + 1e-12, "{found:?}");
        assert_eq!(found[1], [0.0; 2], "it has no such phase");
    }
}
