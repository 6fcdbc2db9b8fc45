//! What a saturated L-PBC tells its S-PBC: which target it can reach.
//!
//! The best that actuators can do is the least |W(e − J·Δu)|² with each within a share of its circle: below the limit, so that
//! the loop keeps room to move and its saturation clears (0.9 of the limits, as in the prototype). Active power
//! of those that share a battery is within what that can do. What is left of the error is taken off the target. It is found by projected gradient with momentum (A. Beck, M. Teboulle, SIAM J. Imaging Sci. 2,
//! 2009) from the present point, in a set number of iterations; a solution that is not quite there is still within limits.
//! Once the target that is wanted fits into the same limits, that is said too. Events come no faster than an interval.

use crate::control::phasor::{MOST_PHASES, MOST_SIZE};
use crate::quantity::Tick;

/// Limits and times.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Largest apparent power of each actuator per unit.
    pub s_pu: Vec<f64>,
    /// Share of it that a target may need.
    pub share: f64,
    /// Fewest steps from one event to the next: 2 s at 0.1 s.
    pub min_interval: u64,
    /// Error within which a target is reached: per unit, rad.
    pub band: [f64; 2],
    /// Weights of magnitudes and angles, per per unit and rad.
    pub weights: [f64; 2],
    /// Most iterations of an answer.
    pub iterations: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            s_pu: Vec::new(),
            share: 0.9,
            min_interval: 20,
            band: [0.001, 0.05 * std::f64::consts::PI / 180.0],
            weights: [1.0, 1.0],
            iterations: 200,
        }
    }
}

/// An iteration that moves no power by more than this per unit is the last.
const SETTLED_PU: f64 = 1e-8;

/// Halvings of the interval for a multiplier.
const HALVINGS: usize = 50;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A target that can be reached.
    Lower,
    /// The one that is wanted: it can be reached again.
    Restore,
}

/// A request to the S-PBC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub tick: Tick,
    /// What.
    pub ask: Ask,
    /// The target that can be reached, or the wanted one: the first 2n.
    pub target: [f64; MOST_SIZE],
    /// Wanted minus reachable: the first 2n.
    pub left: [f64; MOST_SIZE],
    /// Largest part of `left` per unit.
    pub v_pu: f64,
    /// Largest part of `left`, rad.
    pub angle_rad: f64,
}

/// What a step sees.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// When, in steps of the controller.
    pub tick: Tick,
    /// The target that the S-PBC wants: 2n.
    pub wanted: &'a [f64],
    /// Phasors as measured: 2n.
    pub measured: &'a [f64],
    /// P and Q that each actuator does.
    pub acting: &'a [[f64; 2]],
    /// Whether the loop is classified as saturated.
    pub saturated: bool,
}

/// Finds reachable targets.
#[derive(Clone, Debug)]
pub struct Retarget {
    settings: Settings,
    n: usize,
    /// Weighted J: 2n rows of 2m, P of all actuators, then Q.
    j: Vec<f64>,
    /// One over the largest eigenvalue of JᵀJ.
    pace: f64,
    u: Vec<f64>,
    ahead: Vec<f64>,
    before: Vec<f64>,
    last: Option<u64>,
    lowered: bool,
    event: Option<Event>,
    /// Actuators that share a battery, with what that can do per unit.
    shared: Vec<(Vec<usize>, [f64; 2])>,
}

/// Sensitivity to each actuator, from that of phases (2n by 2n) and each actuator's phase: 2n rows of 2m; `None` where a phase
/// is not there.
pub fn by_actuator(b: &[f64], phases: &[usize]) -> Option<Vec<f64>> {
    let n = (1..=MOST_PHASES).find(|n| 4 * n * n == b.len())?;
    if phases.iter().any(|p| *p >= n) {
        return None;
    }
    let row = |i: usize| (0..2).flat_map(move |part| phases.iter().map(move |p| b[i * 2 * n + part * n + p]));
    Some((0..2 * n).flat_map(row).collect())
}

impl Retarget {
    /// With the sensitivity to each actuator (2n rows of 2m); `None` where it does not fit or is not finite.
    pub fn new(settings: Settings, sensitivity: &[f64]) -> Option<Self> {
        let columns = 2 * settings.s_pu.len();
        let size = sensitivity.len().checked_div(columns)?;
        let n = size / 2;
        let fits = size * columns == sensitivity.len() && size == 2 * n && (1..=MOST_PHASES).contains(&n);
        if !fits || !sensitivity.iter().all(|x| x.is_finite()) || settings.s_pu.iter().any(|s| s.is_nan() || *s < 0.0) {
            return None;
        }
        let weight = |k: usize| settings.weights[usize::from(k / columns >= n)];
        let j: Vec<f64> = sensitivity.iter().enumerate().map(|(k, x)| weight(k) * x).collect();
        let largest = nalgebra::DMatrix::from_row_slice(size, columns, &j).singular_values().max();
        let pace = (largest > 0.0 && largest.is_finite()).then(|| 1.0 / (largest * largest))?;
        let room = || vec![0.0; columns];
        let (u, ahead, before) = (room(), room(), room());
        Some(Self {
            settings,
            n,
            j,
            pace,
            u,
            ahead,
            before,
            last: None,
            lowered: false,
            event: None,
            shared: Vec::new(),
        })
    }

    /// Renews an actuator's limit; 0 for one that has failed.
    pub fn set_limit(&mut self, actuator: usize, s_pu: f64) {
        if let Some(limit) = self.settings.s_pu.get_mut(actuator) {
            *limit = if s_pu.is_nan() { 0.0 } else { s_pu.max(0.0) };
        }
    }

    /// Lets actuators (phases of one device) have one battery; its place.
    pub fn share(&mut self, actuators: Vec<usize>) -> usize {
        self.shared.push((actuators, [f64::NEG_INFINITY, f64::INFINITY]));
        self.shared.len() - 1
    }

    /// Renews what a battery can do, from and to per unit.
    pub fn set_p_range(&mut self, shared: usize, [from, to]: [f64; 2]) {
        if let Some((_, range)) = self.shared.get_mut(shared).filter(|_| from <= to) {
            *range = [from, to];
        }
    }

    /// Whether a lower target is in force as far as is known here.
    pub const fn lowered(&self) -> bool {
        self.lowered
    }

    /// What is asked for in this step.
    pub const fn event(&self) -> Option<&Event> {
        self.event.as_ref()
    }

    /// One step. It costs little, but for those in which an answer is due: at most one in an interval.
    pub fn step(&mut self, input: &Input) -> Option<&Event> {
        self.event = None;
        let due = self.last.is_none_or(|last| input.tick.0.saturating_sub(last) >= self.settings.min_interval);
        if !due || !(input.saturated || self.lowered) {
            return None;
        }
        let left = self.left(input)?;
        self.last = Some(input.tick.0);
        let (v_pu, angle_rad) = (super::largest(&left[..self.n]), super::largest(&left[self.n..2 * self.n]));
        let reached = v_pu <= self.settings.band[0] && angle_rad <= self.settings.band[1];
        let ask = match (reached, input.saturated, self.lowered) {
            (true, _, true) => Ask::Restore,
            (false, true, _) => Ask::Lower,
            _ => return None,
        };
        self.lowered = ask == Ask::Lower;
        let off = |i: usize| if ask == Ask::Lower { left[i] } else { 0.0 };
        let target = std::array::from_fn(|i| if i < 2 * self.n { input.wanted[i] - off(i) } else { 0.0 });
        self.event = Some(Event { tick: input.tick, ask, target, left, v_pu, angle_rad });
        self.event.as_ref()
    }

    /// What is left of the error of the wanted target when actuators do their best; `None` without numbers.
    fn left(&mut self, input: &Input) -> Option<[f64; MOST_SIZE]> {
        let (size, m) = (2 * self.n, self.settings.s_pu.len());
        let finite = |x: &[f64]| x.len() >= size && x[..size].iter().all(|x| x.is_finite());
        let acting = input.acting.get(..m)?;
        if !finite(input.wanted) || !finite(input.measured) || !acting.iter().flatten().all(|x| x.is_finite()) {
            return None;
        }
        let (n, weights) = (self.n, self.settings.weights);
        let weight = |i: usize| weights[usize::from(i >= n)];
        // What the outputs should change by if all actuators were at zero: e + J·u, weighted.
        let mut wanted = [0.0; MOST_SIZE];
        for (i, wanted) in wanted.iter_mut().enumerate().take(size) {
            let change = input.wanted[i] - input.measured[i];
            let change = if i < self.n { change } else { super::short_way(change) };
            let row = &self.j[i * 2 * m..(i + 1) * 2 * m];
            let now: f64 = acting.iter().enumerate().map(|(k, [p, q])| row[k] * p + row[m + k] * q).sum();
            *wanted = weight(i) * change + now;
        }
        for (k, [p, q]) in acting.iter().enumerate() {
            (self.u[k], self.u[m + k]) = (*p, *q);
        }
        self.project();
        self.descend(&wanted);
        let mut left = [0.0; MOST_SIZE];
        for i in 0..size {
            let row = &self.j[i * 2 * m..(i + 1) * 2 * m];
            let done: f64 = row.iter().zip(&self.u).map(|(j, u)| j * u).sum();
            left[i] = if weight(i) > 0.0 { (wanted[i] - done) / weight(i) } else { 0.0 };
        }
        Some(left)
    }

    fn descend(&mut self, wanted: &[f64; MOST_SIZE]) {
        let columns = self.u.len();
        self.ahead.copy_from_slice(&self.u);
        let mut momentum = 1.0f64;
        for _ in 0..self.settings.iterations {
            self.before.copy_from_slice(&self.u);
            self.u.copy_from_slice(&self.ahead);
            for (row, wanted) in self.j.chunks_exact(columns).zip(wanted) {
                let rest: f64 = wanted - row.iter().zip(&self.ahead).map(|(j, u)| j * u).sum::<f64>();
                self.u.iter_mut().zip(row).for_each(|(u, j)| *u += self.pace * rest * j);
            }
            self.project();
            let moved = self.u.iter().zip(&self.before).map(|(u, before)| (u - before).abs()).fold(0.0, f64::max);
            if moved < SETTLED_PU {
                return;
            }
            let next = f64::midpoint(1.0, (1.0 + 4.0 * momentum * momentum).sqrt());
            let carry = (momentum - 1.0) / next;
            momentum = next;
            for (ahead, (u, before)) in self.ahead.iter_mut().zip(self.u.iter().zip(&self.before)) {
                *ahead = u + carry * (u - before);
            }
        }
    }

    /// Each actuator within its share of its circle, and those of one battery within what that can do.
    fn project(&mut self) {
        let m = self.settings.s_pu.len();
        let within = |k: usize, p: f64, q: f64| {
            let (size, most) = (p.hypot(q), self.settings.share * self.settings.s_pu[k]);
            if size > most { [p * most / size, q * most / size] } else { [p, q] }
        };
        for (members, [from, to]) in self.shared.iter().filter(|(_, range)| range.iter().any(|x| x.is_finite())) {
            let u = &self.u;
            let sum = |shift: f64| members.iter().map(|&k| within(k, u[k] + shift, u[m + k])[0]).sum::<f64>();
            let wanted = sum(0.0).clamp(*from, *to);
            let shift = if wanted == sum(0.0) { 0.0 } else { root(|shift| sum(shift) - wanted) };
            members.iter().for_each(|&k| self.u[k] += shift);
        }
        for k in 0..m {
            [self.u[k], self.u[m + k]] = within(k, self.u[k], self.u[m + k]);
        }
    }
}

/// Where a function that does not fall is 0, or comes nearest to it: the multiplier of a battery's limit.
fn root(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-1.0f64, 1.0f64);
    while f(low) > 0.0 && low > -1e6 {
        low *= 2.0;
    }
    while f(high) < 0.0 && high < 1e6 {
        high *= 2.0;
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        *(if f(middle) < 0.0 { &mut low } else { &mut high }) = middle;
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::super::classify::{Actuator, Class, Classifier, Input as Classified, Settings as Classify};
    use super::super::testing::{Rig, b, disturbance};
    use super::*;

    #[test]
    fn one_actuator_on_one_phase_is_as_by_hand() {
        // V = 0.1·Q, δ = 0.1·P; 0.05 and 0 are wanted from a limit of 0.3·0.9: 0.027 is possible.
        let settings = Settings { s_pu: vec![0.3], ..Settings::default() };
        let mut retarget = Retarget::new(settings, &[0.0, 0.1, 0.1, 0.0]).unwrap();
        let input =
            Input { tick: Tick(5), wanted: &[1.0, 0.0], measured: &[0.95, 0.0], acting: &[[0.0; 2]], saturated: true };
        let event = *retarget.step(&input).unwrap();
        assert_eq!(event.ask, Ask::Lower);
        assert!((event.left[0] - 0.023).abs() < 1e-9 && event.left[1].abs() < 1e-9, "{event:?}");
        assert!((event.target[0] - 0.977).abs() < 1e-9, "{event:?}");
        // Not again within two seconds; and when the wanted one is in reach, it is said once.
        assert!(retarget.step(&Input { tick: Tick(24), ..input }).is_none());
        let near = Input { tick: Tick(25), measured: &[0.98, 0.0], saturated: false, ..input };
        assert_eq!(retarget.step(&near).map(|e| e.ask), Some(Ask::Restore));
        assert!(retarget.step(&Input { tick: Tick(99), ..near }).is_none());
    }

    #[test]
    fn an_empty_battery_gives_no_active_power_and_its_phases_pass_it_on() {
        // V = 0.1·Q, δ = 0.1·P on two phases; δ should be 0.02 ahead on both: 0.2 each, of which nothing is there.
        let j = by_actuator(
            &[[0.0, 0.0, 0.1, 0.0], [0.0, 0.0, 0.0, 0.1], [0.1, 0.0, 0.0, 0.0], [0.0, 0.1, 0.0, 0.0]].concat(),
            &[0, 1],
        );
        let settings = Settings { s_pu: vec![1.0; 2], ..Settings::default() };
        let mut retarget = Retarget::new(settings, &j.unwrap()).unwrap();
        let battery = retarget.share(vec![0, 1]);
        retarget.set_p_range(battery, [f64::NEG_INFINITY, 0.0]);
        let acting = [[0.0; 2]; 2];
        let wanted = [1.01, 1.0, 0.02, 0.02];
        let input =
            Input { tick: Tick(0), wanted: &wanted, measured: &[1.0, 1.0, 0.0, 0.0], acting: &acting, saturated: true };
        let left = retarget.step(&input).unwrap().left;
        let by_hand = [0.0, 0.0, 0.02, 0.02];
        assert!(left.iter().zip(by_hand).all(|(a, b)| (a - b).abs() < 1e-6), "{left:?}");
        // Ahead on one phase and behind on the other: that is in reach.
        let wanted = [1.01, 1.0, 0.02, -0.02];
        let left = retarget.left(&Input { wanted: &wanted, ..input }).unwrap();
        assert!(left.iter().all(|x| x.abs() < 1e-6), "{left:?}");
    }

    #[test]
    fn no_feasible_point_is_better_than_the_one_that_is_found() {
        let phases = [0, 1, 2, 0, 2];
        let j = by_actuator(&b(), &phases).unwrap();
        let s_pu = vec![0.2, 0.3, 0.1, 0.15, 0.25];
        let mut retarget = Retarget::new(Settings { s_pu: s_pu.clone(), ..Settings::default() }, &j).unwrap();
        let wanted = disturbance(0).map(|d| -d);
        let input =
            Input { tick: Tick(0), wanted: &wanted, measured: &[0.0; 6], acting: &[[0.0; 2]; 5], saturated: true };
        let left = retarget.step(&input).unwrap().left;
        let cost = |left: &[f64]| left.iter().map(|x| x * x).sum::<f64>();
        let noise = crate::quantity::Noise::new(4, "points");
        for trial in 0..20_000u64 {
            let mut rest = wanted;
            for (k, s) in s_pu.iter().enumerate() {
                // Points at the rim, near what was found and elsewhere.
                let number = |which: u64| noise.normal(trial * 16 + which * 8 + k as u64);
                let scale = if trial % 2 == 0 { 0.01 } else { 0.3 };
                let point = [retarget.u[k] + scale * number(0), retarget.u[5 + k] + scale * number(1)];
                let shrink = (0.9 * s / point[0].hypot(point[1])).min(1.0);
                for (i, rest) in rest.iter_mut().enumerate() {
                    *rest -= shrink * (j[i * 10 + k] * point[0] + j[i * 10 + 5 + k] * point[1]);
                }
            }
            assert!(cost(&rest) >= cost(&left) - 1e-12, "{} {}", cost(&rest), cost(&left));
        }
    }

    #[test]
    fn the_lower_target_clears_saturation_and_relief_brings_the_wanted_one_back() {
        let mut latest = 0;
        for seed in 1..=100 {
            let (mut rig, s) = (Rig::new(seed), 0.4);
            rig.s_max = s;
            let actuators = (0..3).map(|phase| Actuator { phase, s_pu: s, ..Actuator::default() }).collect();
            let mut classifier = Classifier::new(Classify { actuators, ..Classify::default() }, &b()).unwrap();
            let j = by_actuator(&b(), &[0, 1, 2]).unwrap();
            let mut retarget = Retarget::new(Settings { s_pu: vec![s; 3], ..Settings::default() }, &j).unwrap();
            let (mut asked, mut cleared, mut count) = (None, None, 0);
            for k in 0..400u64 {
                rig.d = if (50..200).contains(&k) { disturbance(0) } else { [0.0; 6] };
                let acting: [[f64; 2]; 3] = std::array::from_fn(|p| [rig.u[p], rig.u[3 + p]]);
                let y = rig.measure();
                let class = classifier.step(&Classified {
                    tick: Tick(k),
                    error: &rig.error(&y),
                    measured: &y,
                    fresh: true,
                    age: 0,
                    told: &acting,
                    reported: &acting,
                });
                let saturated = class == Class::Saturation;
                let input = Input { tick: Tick(k), wanted: &[0.0; 6], measured: &y, acting: &acting, saturated };
                if let Some(event) = retarget.step(&input) {
                    (rig.target, count) = (event.target, count + 1);
                    asked = asked.or(Some(k));
                }
                cleared = cleared.or((asked.is_some() && !saturated && k > asked.unwrap_or(k)).then_some(k));
                if (150..200).contains(&k) {
                    let most = acting.iter().map(|[p, q]| p.hypot(*q)).fold(0.0, f64::max);
                    assert!(!saturated && most < 0.95 * s, "seed {seed}: {most}");
                    assert!(rig.error(&y).iter().all(|e| e.abs() < 1e-3), "on the lower target");
                }
                rig.control(&y);
            }
            latest = latest.max(cleared.unwrap() - asked.unwrap());
            assert_eq!(rig.target, [0.0; 6], "restored");
            assert!(count <= 6, "{count} requests");
        }
        println!("retarget: saturation clears {latest} steps after the request");
        assert!(latest <= 10, "{latest}");
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused_and_numbers_that_are_none_ask_for_nothing() {
        assert!(by_actuator(&b(), &[3]).is_none() && by_actuator(&[1.0; 5], &[0]).is_none());
        assert!(Retarget::new(Settings::default(), &[]).is_none());
        assert!(Retarget::new(Settings { s_pu: vec![1.0], ..Settings::default() }, &[0.0; 4]).is_none());
        let settings = Settings { s_pu: vec![f64::INFINITY], ..Settings::default() };
        let mut retarget = Retarget::new(settings, &[0.0, 0.1, 0.1, 0.0]).unwrap();
        retarget.set_limit(0, f64::NAN);
        let input = Input {
            tick: Tick(0),
            wanted: &[1.0, 0.0],
            measured: &[f64::NAN; 2],
            acting: &[[0.0; 2]],
            saturated: true,
        };
        assert!(retarget.step(&input).is_none());
        assert!(retarget.step(&Input { acting: &[], measured: &[0.5, 0.0], ..input }).is_none());
        let all = retarget.step(&Input { measured: &[0.5, 0.0], ..input }).unwrap();
        assert!((all.left[0] - 0.5).abs() < 1e-12, "nothing is left to act with");
    }
}
