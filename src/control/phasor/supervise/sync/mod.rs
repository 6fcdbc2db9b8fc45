//! Time-synchronisation faults of a PMU, from its phasors: a receiver's flag, a step, a ramp.
//!
//! A clock that is wrong by τ turns all phases by the same angle θ = ωτ and leaves magnitudes alone. What is left of a change
//! of the phasors when that of the commands is taken away, r = Δy − B·Δu, is a change of load – or a clock. The **step** test
//! takes one r for a clock's when its angles are alike and its magnitudes rest. The **ramp** test does the same with the
//! slopes of Σr over a window, from which steps of load are left out.
//!
//! **What cannot be told apart.** B has an inverse, so the change of load w = B⁻¹·(0, θ) gives exactly the phasors of a
//! clock that is wrong by θ; [`Sync::equivalent_load`] says which load that is. At node 632 of the IEEE 13-node feeder 0.1° is
//! 130 kW and 52 kvar over the three phases, a nearly balanced load of leading power factor 0.93: lagging or unity power
//! factor is not like it, nor is one phase alone. For ramps the settings state how fast loads may change in that way: 0.02°/s
//! are 26 kW/s. A spoof that steps with a load in the same sample, or that creeps slower than the ramp's threshold, is not seen;
//! nor is a ramp while loads step more than about five times in the window, since each step leaves its noise. A
//! fault of the reference's clock looks like one of the performance node's with the other sign: two PMUs do not say which.
//! With more PMUs, or powers, all of this is seen by [`super::consistency`].

#[cfg(test)]
mod tests;

use super::{LOOK, Spell, largest, mean, short_way, spread};
use crate::control::phasor::{MOST_PHASES, MOST_SIZE};
use crate::quantity::Tick;

/// Degrees in a radian's measure.
const DEG: f64 = std::f64::consts::PI / 180.0;

/// Thresholds. Defaults are for a step of 0.1 s and PMUs of 1e-4 pu and 0.01°.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Time between steps in s.
    pub period_s: f64,
    /// Standard deviation of a measured magnitude, per unit.
    pub noise_v_pu: f64,
    /// Standard deviation of a measured angle relative to the reference, rad.
    pub noise_rad: f64,
    /// A step of the common angle above this is a clock's, rad: 0.2°, two thirds of the least that is to be found.
    pub step_rad: f64,
    /// Largest spread of angles, and change of magnitudes per unit, per common angle that still counts as alike.
    pub alike: f64,
    /// Fastest change of the common angle, at constant magnitudes, that loads are believed to make, rad/s: 0.02°/s.
    pub ramp_rad_per_s: f64,
    /// Samples of the window of the ramp test: 5 s.
    pub window: usize,
    /// Samples for which a ramp must last.
    pub hold: u32,
    /// Least and largest true effect of commands, per predicted one: while commands turn all phases together, what a B as
    /// wrong as that would leave is no clock's. It has a sign: a loop that follows a wrong clock leaves −1 times the predicted.
    pub effect: [f64; 2],
    /// Error of B, relative, in the ramp test, where commands that undo a ramp hide it by as much. Targets that themselves
    /// ramp ask for the true error.
    pub ramp_model_error: f64,
    /// An angle that is back within this, after a step or ramp, counts as right again, rad.
    pub return_rad: f64,
    /// Samples in a row after which a flag that has come back is believed.
    pub resync: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            period_s: 0.1,
            noise_v_pu: 1e-4,
            noise_rad: 0.01 * DEG,
            step_rad: 0.2 * DEG,
            alike: 0.15,
            ramp_rad_per_s: 0.02 * DEG,
            window: 50,
            hold: 10,
            effect: [0.4, 2.2],
            ramp_model_error: 0.25,
            return_rad: 0.1 * DEG,
            resync: 3,
        }
    }
}

/// What is wrong with an angle's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing that is known.
    #[default]
    None,
    /// A receiver says that it is not synchronised.
    Unsynchronised,
    /// All angles stepped together.
    Step,
    /// All angles drift together.
    Ramp,
}

impl Fault {
    /// Its number in a record.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// What a step sees.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// When.
    pub tick: Tick,
    /// Phasors of the performance node: 2n.
    pub measured: &'a [f64],
    /// What actuators did when that was measured, all of them together: 2n.
    pub acting: &'a [f64],
    /// Whether the measurement is a new one.
    pub fresh: bool,
    /// Whether both receivers say that they are synchronised.
    pub synchronised: bool,
}

/// A change of opinion, with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub tick: Tick,
    /// What is wrong from now on.
    pub fault: Fault,
    /// Mean of the change of the angles, rad; of a ramp, rad/s.
    pub common_rad: f64,
    /// Spread of the same.
    pub spread_rad: f64,
    /// Largest change of a magnitude, per unit, or per unit and second.
    pub v_pu: f64,
    /// By how much the angle is believed to be wrong, rad.
    pub offset_rad: f64,
}

/// A change of phasors beyond that of the commands, as common angle, spread and largest magnitude.
#[derive(Clone, Copy, Debug)]
struct Change {
    common: f64,
    spread: f64,
    v: f64,
}

impl Change {
    fn of(r: &[f64], n: usize) -> Self {
        Self { common: mean(&r[n..2 * n]), spread: spread(&r[n..2 * n]), v: largest(&r[..n]) }
    }

    /// Whether a clock could have made it, with this much of noise.
    fn alike(&self, share: f64, v_sd: f64, rad_sd: f64) -> bool {
        let most = share * self.common.abs();
        self.spread <= most + 5.0 * rad_sd && self.v <= most + 4.0 * v_sd
    }
}

/// A sample of what the ramp test keeps.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    /// Steps since the start.
    at: u64,
    /// Sum of changes that were not steps of load.
    drift: [f64; MOST_SIZE],
    /// Common angle that commands have made.
    commanded: f64,
    /// Changes that were left out before it.
    left_out: u32,
}

/// Watches the clocks behind one performance node's angles.
#[derive(Clone, Debug)]
pub struct Sync {
    settings: Settings,
    n: usize,
    /// Row by row, 2n by 2n.
    b: Vec<f64>,
    equivalent: Option<Vec<f64>>,
    fault: Fault,
    event: Option<Event>,
    /// The last good sample: phasors and commands.
    last: Option<([f64; MOST_SIZE], [f64; MOST_SIZE])>,
    steps: u64,
    now: Sample,
    past: Vec<Sample>,
    next: usize,
    offset: f64,
    /// Common angles that the last few commands made: their effect may come a little later than is thought.
    recent: [f64; 4],
    /// Whether the last change was left out of the ramp test.
    leaving: bool,
    /// Samples since the last look at the window.
    unseen: u32,
    ramp: Spell,
    good: Spell,
    back: Spell,
    /// Whether the flag was down since the last fault.
    was_down: bool,
}

impl Sync {
    /// A watch with a sensitivity (2n rows of 2n); `None` where its shape does not fit.
    pub fn new(settings: Settings, b: &[f64]) -> Option<Self> {
        let n = (1..=MOST_PHASES).find(|n| 4 * n * n == b.len())?;
        let room = settings.window.max(4);
        Some(Self {
            settings: Settings { window: room, ..settings },
            n,
            equivalent: equivalent(b, n),
            b: b.to_vec(),
            fault: Fault::None,
            event: None,
            last: None,
            steps: 0,
            now: Sample::default(),
            past: Vec::with_capacity(room),
            next: 0,
            offset: 0.0,
            recent: [0.0; 4],
            leaving: false,
            unseen: 0,
            ramp: Spell::default(),
            good: Spell::default(),
            back: Spell::default(),
            was_down: false,
        })
    }

    /// What is wrong at present.
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// What changed in the last step.
    pub const fn event(&self) -> Option<&Event> {
        self.event.as_ref()
    }

    /// By how much the angle is believed to be wrong, rad.
    pub const fn offset_rad(&self) -> f64 {
        self.offset
    }

    /// The injection (2n, per unit) that turns all phases by one radian and leaves magnitudes alone: a change of load by
    /// minus this cannot be told from a clock's. `None` where B is singular.
    pub fn equivalent_load(&self) -> Option<&[f64]> {
        self.equivalent.as_deref()
    }

    /// Somebody has seen to it: the present angle is right.
    pub fn acknowledge(&mut self) {
        self.forget();
        self.fault = Fault::None;
    }

    /// One step.
    pub fn step(&mut self, input: &Input) -> Fault {
        self.event = None;
        self.steps += 1;
        if self.flagged(input) || !input.fresh {
            return self.fault;
        }
        let size = 2 * self.n;
        let (Some(y), Some(u)) = (taken(input.measured, size), taken(input.acting, size)) else { return self.fault };
        if let Some((y0, u0)) = self.last.replace((y, u)) {
            let (r, commanded) = self.residual((&y, &u), (&y0, &u0));
            self.judge(input.tick, &r, commanded);
        }
        self.fault
    }

    /// The receivers' own word; whether the sample is of no use for that.
    fn flagged(&mut self, input: &Input) -> bool {
        if !input.synchronised {
            self.good = Spell::default();
            self.was_down = true;
            self.forget();
            if self.fault == Fault::None {
                self.say(input.tick, Fault::Unsynchronised, &Change { common: 0.0, spread: 0.0, v: 0.0 });
            }
        } else if self.was_down && input.fresh && self.good.count(true, self.settings.resync) {
            self.was_down = false;
            self.clear(input.tick);
        }
        self.was_down
    }

    /// Change of phasors beyond that of commands, and the common angle of the latter.
    fn residual(&self, now: (&[f64], &[f64]), before: (&[f64], &[f64])) -> ([f64; MOST_SIZE], f64) {
        let (n, size) = (self.n, 2 * self.n);
        let mut r = [0.0; MOST_SIZE];
        let mut commanded = [0.0; MOST_SIZE];
        for i in 0..size {
            let change = now.0[i] - before.0[i];
            let row = &self.b[i * size..(i + 1) * size];
            commanded[i] = row.iter().zip(now.1.iter().zip(before.1)).map(|(b, (u, v))| b * (u - v)).sum();
            r[i] = if i < n { change } else { short_way(change) } - commanded[i];
        }
        (r, mean(&commanded[n..size]))
    }

    fn judge(&mut self, tick: Tick, r: &[f64; MOST_SIZE], commanded: f64) {
        let s = self.settings;
        let change = Change::of(r, self.n);
        self.recent.rotate_right(1);
        self.recent[0] = commanded;
        let sd = std::f64::consts::SQRT_2;
        let (v_sd, rad_sd) = (sd * s.noise_v_pu, sd * s.noise_rad);
        let alike = change.alike(s.alike, v_sd, rad_sd);
        let (low, high) = self.left_by_commands();
        let beyond = (change.common - high).max(low - change.common);
        let step = alike && beyond > s.step_rad;
        let load = !alike && (change.v > 5.0 * v_sd || change.spread > 6.0 * rad_sd);
        self.now.commanded += commanded;
        // A new target, too, while B may be wrong. Of changes in a row only the ends leave noise: they are counted once.
        let doubtful = beyond <= 0.0 && high - low > 5.0 * rad_sd;
        let leave = step || load || doubtful;
        let before = std::mem::replace(&mut self.leaving, leave);
        if leave {
            self.now.left_out = self.now.left_out.saturating_add(u32::from(!before));
        } else {
            self.now.drift.iter_mut().zip(r).for_each(|(d, r)| *d += r);
        }
        if self.fault != Fault::None {
            self.follow(tick, if alike { change.common } else { 0.0 });
        } else if step {
            self.offset = change.common;
            self.say(tick, Fault::Step, &change);
        }
        self.keep();
        self.unseen += 1;
        if self.unseen >= LOOK {
            self.unseen = 0;
            self.look_for_ramp(tick);
        }
    }

    fn look_for_ramp(&mut self, tick: Tick) {
        let share = self.settings.alike;
        let slope = self.slope();
        let ramp = slope.filter(|(slope, most)| slope.common.abs() > most.0 && slope.alike(share, most.1, most.2));
        if self.ramp.count(ramp.is_some(), self.settings.hold.div_ceil(LOOK))
            && self.fault == Fault::None
            && let Some((slope, _)) = ramp
        {
            let first = self.past.get(self.next % self.past.len().max(1)).copied().unwrap_or_default();
            self.offset = mean(&self.now.drift[self.n..2 * self.n]) - mean(&first.drift[self.n..2 * self.n]);
            self.say(tick, Fault::Ramp, &slope);
        }
    }

    /// Bounds of the common angle that recent commands leave unexplained where B is wrong.
    fn left_by_commands(&self) -> (f64, f64) {
        let ends = || self.recent.iter().flat_map(|c| self.settings.effect.map(|share| (share - 1.0) * c));
        (ends().fold(0.0, f64::min), ends().fold(0.0, f64::max))
    }

    /// While an angle is wrong: keeps account of by how much, and sees when it is back.
    fn follow(&mut self, tick: Tick, common: f64) {
        self.offset += common;
        let back = self.offset.abs() < self.settings.return_rad;
        if self.back.count(back, self.settings.hold) && matches!(self.fault, Fault::Step | Fault::Ramp) {
            self.clear(tick);
        }
    }

    fn keep(&mut self) {
        self.now.at = self.steps;
        if self.past.len() < self.settings.window {
            self.past.push(self.now);
            self.next = 0;
        } else {
            self.past[self.next] = self.now;
            self.next = (self.next + 1) % self.settings.window;
        }
    }

    /// Slopes over the window, a second, by least squares; with the least common slope that is a ramp, and standard
    /// deviations of slopes of magnitudes and angles. Steps of load that were left out leave their noise behind.
    #[allow(clippy::cast_precision_loss, reason = "ages within a window")]
    fn slope(&self) -> Option<(Change, (f64, f64, f64))> {
        let (s, count) = (&self.settings, self.past.len());
        if count < s.window.div_ceil(2) {
            return None;
        }
        let time = |x: &Sample| -(self.steps.saturating_sub(x.at) as f64) * s.period_s;
        let middle = self.past.iter().map(time).sum::<f64>() / count as f64;
        let square: f64 = self.past.iter().map(|x| (time(x) - middle).powi(2)).sum();
        let fit = |f: &dyn Fn(&Sample) -> f64| {
            // Differences to the present keep digits; a constant does not change a slope.
            self.past.iter().map(|x| (time(x) - middle) * (f(x) - f(&self.now))).sum::<f64>() / square
        };
        let slopes: [f64; MOST_SIZE] = std::array::from_fn(|i| if i < 2 * self.n { fit(&|x| x.drift[i]) } else { 0.0 });
        let oldest = self.past.iter().map(|x| x.left_out).min().unwrap_or_default();
        let left_out = f64::from(self.now.left_out - oldest);
        let length = (12.0 * square / count as f64).sqrt();
        let sd = (1.0 / square + 2.0 * left_out / (length * length)).sqrt();
        // A mean of n angles has 1/√n of their noise. Where noise is about as large as ramps, nothing can be said.
        let noise = 4.0 * sd * s.noise_rad / (self.n as f64).sqrt();
        let least = s.ramp_rad_per_s + s.ramp_model_error * fit(&|x| x.commanded).abs() + noise;
        if noise > 0.75 * s.ramp_rad_per_s {
            return None;
        }
        Some((Change::of(&slopes, self.n), (least, sd * s.noise_v_pu, sd * s.noise_rad)))
    }

    fn say(&mut self, tick: Tick, fault: Fault, change: &Change) {
        self.fault = fault;
        self.back = Spell::default();
        let (common_rad, spread_rad, v_pu) = (change.common, change.spread, change.v);
        self.event = Some(Event { tick, fault, common_rad, spread_rad, v_pu, offset_rad: self.offset });
    }

    fn clear(&mut self, tick: Tick) {
        self.forget();
        self.say(tick, Fault::None, &Change { common: 0.0, spread: 0.0, v: 0.0 });
    }

    /// Starts the tests anew.
    fn forget(&mut self) {
        self.last = None;
        self.past.clear();
        (self.next, self.offset, self.now) = (0, 0.0, Sample::default());
        (self.ramp, self.back) = (Spell::default(), Spell::default());
    }
}

/// The first `size` numbers of a slice, all finite.
fn taken(values: &[f64], size: usize) -> Option<[f64; MOST_SIZE]> {
    let values = values.get(..size).filter(|v| v.iter().all(|x| x.is_finite()))?;
    let mut all = [0.0; MOST_SIZE];
    all[..size].copy_from_slice(values);
    Some(all)
}

/// B⁻¹·(0, 1): see [`Sync::equivalent_load`].
fn equivalent(b: &[f64], n: usize) -> Option<Vec<f64>> {
    let b = nalgebra::DMatrix::from_row_slice(2 * n, 2 * n, b);
    let turned = nalgebra::DVector::from_fn(2 * n, |i, _| if i < n { 0.0 } else { 1.0 });
    b.lu().solve(&turned).map(|w| w.as_slice().to_vec()).filter(|w| w.iter().all(|x| x.is_finite()))
}
