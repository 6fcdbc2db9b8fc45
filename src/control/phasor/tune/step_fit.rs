//! Gains from a step experiment: the second half of the step-response tuner.
//!
//! On the coupled model that an experiment gave, Swartz's PI is tried with gains of 0.05 to 10 over each phase's own
//! sensitivity: one multiple each for kp and ki (per step) of magnitude and of angle. Wanted are a settling within 20 s and
//! an overshoot of at most 0.3 (magnitude) and 0.1 (angle) of a step of the target; among those, the fastest. The original
//! ("way 3" of github.com/jaimiosyncrasy/LPBCcode) did this with a genetic algorithm, `PItuner_GA_RT.m`, which is not in
//! the repository. Here a grid of equal factors and then a pattern search from its best points (R. Hooke, T. A. Jeeves,
//! J. ACM 8, 1961, 212–229) do it: the same result at every run, no seed. Settling counts whole steps, so squared errors decide
//! between equals. All 2n steps of the target count, with what each does to the other outputs: magnitudes in pu and
//! angles in rad by the same band.
//!
//! The published wish knows one model, and the fastest gains on it have next to no margin: at node 632 they settle in
//! 1.0 s, and one more step of delay makes them unstable. So gains must by default also settle in the same time on twice
//! the sensitivity, and on one more step of delay; [`Wanted::published`] asks for neither.

use serde::Serialize;

use super::{Lag, Own, Path, PiGains};

/// Points of the grid for each multiple, grid points that are refined, and where refinement ends (in doublings).
const GRID: u32 = 6;
const STARTS: usize = 3;
const FINEST: f64 = 0.02;
/// Errors beyond this multiple of the step are divergence.
const DIVERGED: f64 = 1e3;

/// What gains are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Wanted {
    /// Longest settling in s.
    pub settle_s: f64,
    /// Largest overshoot of magnitude and of angle, as part of the step.
    pub overshoot: [f64; 2],
    /// Band of settling, as part of the step, for all outputs.
    pub band: f64,
    /// Smallest and largest multiple of the inverse of the own sensitivity.
    pub multiples: [f64; 2],
    /// It must settle in that time also with all sensitivities times this; 1 asks for nothing.
    pub sensitivity_factor: f64,
    /// It must settle in that time also with so many further steps of delay; 0 asks for nothing.
    pub extra_delay_steps: usize,
}

impl Wanted {
    /// What the published tuner wants: nothing of models that are a little wrong.
    pub fn published() -> Self {
        Self { sensitivity_factor: 1.0, extra_delay_steps: 0, ..Self::default() }
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            settle_s: 20.0,
            overshoot: [0.3, 0.1],
            band: 0.02,
            multiples: [0.05, 10.0],
            sensitivity_factor: 2.0,
            extra_delay_steps: 1,
        }
    }
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// The gains.
    pub gains: PiGains,
    /// Their multiples of the inverse of the own sensitivity: kp and ki of magnitude, kp and ki of angle.
    pub multiples: [f64; 4],
    /// Settling in s; `None` when it did not settle within the time wanted.
    pub settle_s: Option<f64>,
    /// Overshoot of magnitude and of angle, as part of the step.
    pub overshoot: [f64; 2],
    /// Whether all that was wanted is met.
    pub met: bool,
    /// Gains that were tried.
    pub tried: usize,
}

/// The fastest gains on a coupled model that meet what is wanted, or those nearest to it; `None` when a phase's own
/// sensitivity is not positive or the period or what is wanted makes no sense.
pub fn search(path: &Path, period_s: f64, wanted: &Wanted) -> Option<Found> {
    let own = Own::of(path)?;
    let [least, most] = wanted.multiples;
    let steps = steps_of(wanted.settle_s, period_s)?;
    if !(least > 0.0 && most >= least && wanted.band > 0.0 && path.lags.len() == path.sensitivity.ncols()) {
        return None;
    }
    let (low, high) = (least.log2(), most.log2());
    let mut trial = Trial::new(path, own, wanted, steps);
    let place = |k: u32| low + (high - low) * f64::from(k) / f64::from(GRID - 1);
    let mut grid: Vec<(f64, [f64; 4])> = (0..GRID.pow(4))
        .map(|k| [0, 1, 2, 3].map(|axis| place(k / GRID.pow(axis) % GRID)))
        .map(|logs| (trial.cost(logs, f64::INFINITY), logs))
        .collect();
    grid.sort_by(|a, b| a.0.total_cmp(&b.0));
    grid.truncate(STARTS);
    let coarse = (high - low) / f64::from(GRID - 1);
    let refined = grid.into_iter().map(|start| trial.refine(start, coarse, low, high));
    let (_, logs) = refined.reduce(|a, b| if b.0 < a.0 { b } else { a })?;
    let answer = trial.answer(0, logs);
    let robust = (1..trial.models.len()).all(|model| trial.answer(model, logs).settled(steps).is_some());
    Some(Found {
        gains: trial.gains(logs),
        multiples: logs.map(f64::exp2),
        settle_s: answer.settled(steps).map(|k| k as f64 * period_s),
        overshoot: answer.overshoot,
        met: robust && answer.settled(steps).is_some() && trial.excess(&answer) <= 0.0,
        tried: trial.tried,
    })
}

/// Whole steps of a time, between 1 and a hundred thousand.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
fn steps_of(time_s: f64, period_s: f64) -> Option<usize> {
    let steps = (time_s / period_s).round();
    (period_s > 0.0 && (1.0..=1e5).contains(&steps)).then_some(steps as usize)
}

/// What the model answers to steps of each target.
#[derive(Clone, Copy, Debug)]
struct Answer {
    /// Steps until all outputs stay inside the band, over all targets; the whole time when they do not.
    settle: usize,
    overshoot: [f64; 2],
    /// Sum of squared errors, over all targets and outputs.
    squares: f64,
    /// Steps that were left when an error diverged, summed over targets.
    lost: usize,
}

impl Answer {
    fn settled(&self, steps: usize) -> Option<usize> {
        (self.settle < steps && self.lost == 0).then_some(self.settle)
    }
}

/// Models on which gains are tried: the one that was found, then those that are a little wrong.
struct Trial<'a> {
    models: Vec<Model>,
    own: Own,
    wanted: &'a Wanted,
    steps: usize,
    tried: usize,
}

impl<'a> Trial<'a> {
    fn new(path: &Path, own: Own, wanted: &'a Wanted, steps: usize) -> Self {
        let stronger = (wanted.sensitivity_factor != 1.0).then(|| path.scaled(wanted.sensitivity_factor));
        let later = (wanted.extra_delay_steps > 0).then(|| path.later(wanted.extra_delay_steps));
        let others = [stronger, later].into_iter().flatten();
        let models = std::iter::once(path.clone()).chain(others).map(|path| Model::new(&path)).collect();
        Self { models, own, wanted, steps, tried: 0 }
    }

    fn gains(&self, logs: [f64; 4]) -> PiGains {
        let [kp_v, ki_v, kp_angle, ki_angle] = logs.map(f64::exp2);
        PiGains::multiples(&self.own, [kp_v, ki_v], [kp_angle, ki_angle])
    }

    fn answer(&mut self, model: usize, logs: [f64; 4]) -> Answer {
        let gains = self.gains(logs);
        let n = self.own.v.len();
        let mut all = Answer { settle: 0, overshoot: [0.0; 2], squares: 0.0, lost: 0 };
        for target in 0..2 * n {
            let one = self.models[model].step_of_target(&gains, target, self.steps, self.wanted.band);
            all.settle = all.settle.max(one.settle);
            all.squares += one.squares;
            all.lost += one.lost;
            let over = &mut all.overshoot[target / n];
            *over = over.max(one.overshoot[0]);
        }
        all
    }

    /// By how much an overshoot is more than wanted.
    fn excess(&self, answer: &Answer) -> f64 {
        std::iter::zip(answer.overshoot, self.wanted.overshoot).map(|(found, most)| (found - most).max(0.0)).sum()
    }

    /// What is minimised: steps of settling, a little for squared errors, far more for what is not wanted – overshoot,
    /// then failing on a model that is a little wrong, then not settling, then divergence.
    /// What is sure to be more than `bound` is not worked out to its end.
    #[allow(clippy::cast_precision_loss, reason = "counts of steps")]
    fn cost(&mut self, logs: [f64; 4], bound: f64) -> f64 {
        self.tried += 1;
        let answer = self.answer(0, logs);
        let whole = self.steps as f64;
        let lost = |answer: &Answer| answer.lost as f64 / whole;
        if answer.lost > 0 {
            return 1e6 * whole * (1.0 + lost(&answer));
        }
        let settling = answer.settle as f64 + 1e-2 * answer.squares.min(100.0);
        if answer.settle >= self.steps {
            return 1e4 * whole + settling;
        }
        let excess = self.excess(&answer);
        let unwanted = if excess > 0.0 { 10.0 * whole * (1.0 + excess) } else { 0.0 };
        let mut fragile = 0.0;
        if settling + unwanted >= bound {
            return settling + unwanted;
        }
        for model in 1..self.models.len() {
            let other = self.answer(model, logs);
            let failed = if other.settled(self.steps).is_some() { 0.0 } else { 1.0 + lost(&other) };
            fragile += 100.0 * whole * failed;
        }
        settling + fragile + unwanted
    }

    /// A pattern search: steps along each multiple and along each two together, both ways. The best gains lie where
    /// several wishes bind at once, and steps along one multiple alone end on the way there.
    fn refine(&mut self, start: (f64, [f64; 4]), coarse: f64, low: f64, high: f64) -> (f64, [f64; 4]) {
        let (mut best, mut width) = (start, 0.5 * coarse);
        while width > FINEST {
            let before = best.0;
            for way in ways() {
                let logs: [f64; 4] = std::array::from_fn(|k| (best.1[k] + width * way[k]).clamp(low, high));
                let cost = if logs == best.1 { best.0 } else { self.cost(logs, best.0) };
                if cost < best.0 {
                    best = (cost, logs);
                }
            }
            if best.0 >= before - 1e-6 {
                width *= 0.5;
            }
        }
        best
    }
}

/// Ways of a pattern search: every one and every two of four axes, each up and down.
fn ways() -> impl Iterator<Item = [f64; 4]> {
    let sign = |k: u32, axis: u32| [0.0, 1.0, -1.0][(k / 3u32.pow(axis) % 3) as usize];
    let all = (0..81).map(move |k| [0, 1, 2, 3].map(|axis| sign(k, axis)));
    all.filter(|way| (1..=2).contains(&way.iter().filter(|x| **x != 0.0).count()))
}

/// The coupled model, simulated without a matrix of the whole loop.
struct Model {
    /// Row by row.
    sensitivity: Vec<f64>,
    lags: Vec<Lag>,
    error: Vec<f64>,
    integral: Vec<f64>,
    output: Vec<f64>,
    /// Commands of each step, 2n a step.
    commands: Vec<f64>,
}

impl Model {
    fn new(path: &Path) -> Self {
        let size = path.lags.len();
        let row = |i: usize| (0..size).map(move |j| path.sensitivity[(i, j)]);
        let zeros = vec![0.0; size];
        Self {
            sensitivity: (0..size).flat_map(row).collect(),
            lags: path.lags.clone(),
            error: zeros.clone(),
            integral: zeros.clone(),
            output: zeros,
            commands: Vec::new(),
        }
    }

    /// A unit step of one target under a PI; the overshoot of that output is the first of the answer's.
    fn step_of_target(&mut self, gains: &PiGains, target: usize, steps: usize, band: f64) -> Answer {
        let size = self.lags.len();
        let n = size / 2;
        self.integral.fill(0.0);
        self.output.fill(0.0);
        self.commands.clear();
        let mut answer = Answer { settle: 0, overshoot: [0.0; 2], squares: 0.0, lost: 0 };
        for step in 0..steps {
            for (i, row) in self.sensitivity.chunks_exact(size).enumerate() {
                let y: f64 = std::iter::zip(row, &self.output).map(|(b, p)| b * p).sum();
                self.error[i] = f64::from(u8::from(i == target)) - y;
            }
            let worst = self.error.iter().fold(0.0, |worst: f64, e| worst.max(e.abs()));
            if worst > DIVERGED || self.error.iter().any(|e| !e.is_finite()) {
                return Answer { settle: steps, lost: steps - step, ..answer };
            }
            if worst > band {
                answer.settle = step + 1;
            }
            answer.squares += self.error.iter().map(|e| e * e).sum::<f64>();
            answer.overshoot[0] = answer.overshoot[0].max(-self.error[target]);
            std::iter::zip(&mut self.integral, &self.error).for_each(|(sum, e)| *sum += e);
            for k in 0..n {
                let angle = gains.kp_angle[k] * self.error[n + k] + gains.ki_angle[k] * self.integral[n + k];
                self.commands.push(angle);
            }
            for k in 0..n {
                self.commands.push(gains.kp_v[k] * self.error[k] + gains.ki_v[k] * self.integral[k]);
            }
            self.advance(step);
        }
        answer
    }

    /// What acts at the next step, by the commands up to this one.
    fn advance(&mut self, step: usize) {
        let size = self.lags.len();
        for (j, (p, lag)) in std::iter::zip(&mut self.output, &self.lags).enumerate() {
            let command = |back: usize| step.checked_sub(back).map_or(0.0, |k| self.commands[k * size + j]);
            let now = 1.0 - lag.pole - lag.late;
            *p = lag.pole * *p + now * command(lag.delay_steps) + lag.late * command(lag.delay_steps.saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::super::super::testing::{B_632, Plant};
    use super::super::super::{Law, Seen};
    use super::super::margins;
    use super::*;

    fn node_632(tau_s: f64, dead_s: f64) -> Path {
        let lags = vec![Lag::sampled(tau_s, dead_s, 0.1); 6];
        Path { sensitivity: DMatrix::from_fn(6, 6, |i, j| B_632[i][j]), lags }
    }

    /// Swartz's PI without limits, to try gains on the plant of the laws' tests.
    struct Pi(PiGains, [f64; 6]);

    impl Law for Pi {
        fn step(&mut self, seen: &Seen, command: &mut [f64]) {
            (0..6).for_each(|k| self.1[k] += seen.error[k]);
            for k in 0..3 {
                command[k] = self.0.kp_angle[k] * seen.error[3 + k] + self.0.ki_angle[k] * self.1[3 + k];
                command[3 + k] = self.0.kp_v[k] * seen.error[k] + self.0.ki_v[k] * self.1[k];
            }
        }

        fn restart(&mut self, _: &[f64]) {}
    }

    #[test]
    fn gains_do_on_another_simulation_what_the_search_says() {
        let found = search(&node_632(0.0, 0.0), 0.1, &Wanted::default()).unwrap();
        assert!(found.met, "{found:?}");
        let (mut settle, mut overshoot) = (0, [0.0f64; 2]);
        for target in 0..6 {
            let mut step = [0.0; 6];
            step[target] = 0.01;
            let errors = Plant::new().run(&mut Pi(found.gains.clone(), [0.0; 6]), &step, 300);
            let outside = |e: &[f64; 6]| e.iter().any(|e| e.abs() > 0.02 * 0.01);
            settle = settle.max(errors.iter().rposition(outside).map_or(0, |k| k + 1));
            let most = errors.iter().map(|e| -e[target] / 0.01).fold(0.0, f64::max);
            overshoot[target / 3] = overshoot[target / 3].max(most);
        }
        assert!((found.settle_s.unwrap() - settle as f64 * 0.1).abs() < 1e-9, "{found:?}, simulated {settle}");
        assert!((0..2).all(|k| (found.overshoot[k] - overshoot[k]).abs() < 1e-9), "{found:?} {overshoot:?}");
        // The best of a grid of 6400 gains that keep the same wishes (numpy 2) settles in 18 steps: a fifth more at most.
        assert!(settle <= 21, "{found:?}");
        let path = node_632(0.0, 0.0);
        let wide = margins(&found.gains.law().unwrap(), &path).unwrap();
        assert!(wide.gain_up.is_some_and(|f| f > 2.0) && wide.delay_steps.is_some_and(|d| d >= 1), "{wide:?}");
        // The fastest gains on the one model are faster, and one more step of delay is too much for them.
        let published = search(&path, 0.1, &Wanted::published()).unwrap();
        assert!(published.met && published.settle_s < found.settle_s, "{published:?}");
        let narrow = margins(&published.gains.law().unwrap(), &path).unwrap();
        assert!(narrow.radius < 1.0 && narrow.delay_steps == Some(0), "{narrow:?}");
    }

    #[test]
    fn no_gains_of_a_fine_grid_are_faster_on_one_phase() {
        // One phase, two loops that do not act on each other: the four multiples fall apart into twice the same two.
        let alone = DMatrix::from_row_slice(2, 2, &[0.0, 0.12, 0.11, 0.0]);
        let path = Path { sensitivity: alone, lags: vec![Lag::sampled(0.3, 0.0, 0.1); 2] };
        let wanted = Wanted { overshoot: [0.1; 2], ..Wanted::published() };
        let found = search(&path, 0.1, &wanted).unwrap();
        let mut trial = Trial::new(&path, Own::of(&path).unwrap(), &wanted, 200);
        let fine = |k: u32| (0.05f64).log2() + 200f64.log2() * f64::from(k) / 40.0;
        let pairs = (0..41 * 41).map(|k| [fine(k / 41), fine(k % 41)]).collect::<Vec<_>>();
        let settled = |[kp, ki]: [f64; 2], trial: &mut Trial| {
            let answer = trial.answer(0, [kp, ki, kp, ki]);
            (trial.excess(&answer) <= 0.0).then(|| answer.settled(200)).flatten()
        };
        let best = pairs.into_iter().filter_map(|p| settled(p, &mut trial)).min().unwrap();
        let found_steps = found.settle_s.unwrap() / 0.1;
        assert!(found.met && found_steps <= best as f64 + 1.5, "{found:?}, the grid's best {best}");
    }

    #[test]
    fn lags_and_dead_times_ask_for_slower_gains() {
        let alone = DMatrix::from_row_slice(2, 2, &[0.0, 0.12, 0.11, 0.0]);
        let path = |tau, dead| Path { sensitivity: alone.clone(), lags: vec![Lag::sampled(tau, dead, 0.1); 2] };
        let settle = |tau, dead| search(&path(tau, dead), 0.1, &Wanted::default()).unwrap().settle_s.unwrap();
        assert!(settle(0.1, 0.5) > settle(0.1, 0.0));
    }

    #[test]
    fn what_cannot_be_met_is_said() {
        let wanted = Wanted { settle_s: 0.3, ..Wanted::default() };
        let found = search(&node_632(0.5, 0.5), 0.1, &wanted).unwrap();
        assert!(!found.met && found.settle_s.is_none());
        assert!(search(&node_632(0.0, 0.0), 0.0, &Wanted::default()).is_none());
        assert!(search(&node_632(0.0, 0.0), f64::NAN, &Wanted::default()).is_none());
        let mut dead = node_632(0.0, 0.0);
        dead.sensitivity.fill(0.0);
        assert!(search(&dead, 0.1, &Wanted::default()).is_none());
    }
}
