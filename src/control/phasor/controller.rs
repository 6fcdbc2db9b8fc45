//! L-PBC at work: holds a performance node's phasors, relative to a reference node's, by the power of actuators.
//!
//! Its channels are listed in [`measured_channels`](super::measured_channels) and
//! [`command_channels`](super::command_channels). Between them stand the pairing of both nodes' measurements, a deadband, a law and the
//! allocation among actuators. What it does depends on what it knows:
//!
//! | known | mode | what it does |
//! |---|---|---|
//! | phasors of both nodes | full | the law |
//! | the performance node's magnitudes | magnitude only | holds them by Q; P stays |
//! | nothing | hold | commands stay |
//! | nothing for longer than its patience | fail-safe | commands stay, or are led back and let go |
//!
//! A measurement counts up to its timeout; between measurements the law rests. Whoever watches may forbid better modes
//! ([`Lpbc::set_mode_limit`]). Every change of mode goes on from what actuators were told, so none makes a bump. A target
//! that was never given is what is measured at the first good step.
//!
//! Limits: one missing phase of a node is a missing node. What actuators report counts where control begins, and when one
//! is taken out; in between, commands do: a law that builds on reports leaks when an actuator dies.

use super::channels::{ActuatorPlaces, has, places};
use super::pairing::{Node, Pair, short_way};
use super::{
    Allocation, Applied, Decoupled, FailSafe, Law, LpbcError, LpbcSettings, MOST_PHASES, MOST_SIZE, Seen, Sensitivity,
};
use crate::control::Controller;
use crate::quantity::Tick;
use crate::signal::Frame;

/// What an L-PBC does, the best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Magnitudes and angles are held.
    Full = 0,
    /// Magnitudes are held by reactive power.
    MagnitudeOnly = 1,
    /// Commands stay as they are.
    #[default]
    Hold = 2,
    /// Commands stay, or are led back and let go.
    FailSafe = 3,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LpbcReport {
    /// What it did.
    pub mode: Mode,
    /// Target less measured, before the deadband: magnitudes per unit, then angles in rad; NaN where it is unknown.
    pub error: [f64; MOST_SIZE],
    /// Largest error of a magnitude; NaN where none is known.
    pub error_v_pu: f64,
    /// Largest error of an angle; NaN where none is known.
    pub error_angle_deg: f64,
    /// What the law asked for: P of all phases, then Q, per unit.
    pub asked: [f64; MOST_SIZE],
    /// What actuators were told.
    pub applied: Applied,
    /// Apparent power of all phases that actuators were told, per unit.
    pub effort_pu: f64,
    /// Whether the measurement was a new one.
    pub fresh: bool,
}

/// An L-PBC at work.
pub struct Lpbc {
    settings: LpbcSettings,
    size: usize,
    held: [bool; MOST_PHASES],
    places: Vec<ActuatorPlaces>,
    law: Box<dyn Law>,
    magnitudes: Option<Decoupled>,
    allocation: Allocation,
    performance: Node,
    reference: Node,
    limit: Mode,
    target: [f64; MOST_SIZE],
    measured: [f64; MOST_SIZE],
    /// Tick of the measurement that was used last, by mode.
    used: [Option<u64>; 2],
    /// Since when nothing has been known.
    blind_since: Option<u64>,
    /// Whether actuators are commanded.
    began: bool,
    /// Where actuators were before: P and Q by phase.
    start: Vec<[[f64; 2]; MOST_PHASES]>,
    in_service: Vec<bool>,
    /// What actuators say that they inject: P and Q by phase per unit.
    reports: Vec<Option<[[f64; 2]; MOST_PHASES]>>,
    report: LpbcReport,
}

impl Lpbc {
    /// An L-PBC with the decoupled law.
    pub fn new(settings: LpbcSettings) -> Result<Self, LpbcError> {
        let law = Decoupled::new(settings.inverse()?, settings.gains);
        Self::with_law(settings, Box::new(law))
    }

    /// An L-PBC with another law of as many phases. The settings are checked alike.
    pub fn with_law(settings: LpbcSettings, law: Box<dyn Law>) -> Result<Self, LpbcError> {
        settings.inverse()?;
        let own: Vec<_> = settings.actuators.iter().map(|actuator| has(&settings.phases, &actuator.phases)).collect();
        let (n, count) = (settings.phases.len(), settings.actuators.len());
        let unknown = [f64::NAN; MOST_SIZE];
        let report = LpbcReport {
            mode: Mode::Hold,
            error: unknown,
            error_v_pu: f64::NAN,
            error_angle_deg: f64::NAN,
            asked: [0.0; MOST_SIZE],
            applied: Applied::default(),
            effort_pu: 0.0,
            fresh: false,
        };
        Ok(Self {
            size: 2 * n,
            held: settings.held(),
            places: places(n, &own),
            law,
            magnitudes: settings.magnitudes().map(|inverse| Decoupled::new(inverse, settings.gains)),
            allocation: Allocation::new(&settings.sensitivity, &settings.participants()),
            performance: Node::new(n),
            reference: Node::new(n),
            limit: Mode::Full,
            target: unknown,
            measured: [0.0; MOST_SIZE],
            used: [None; 2],
            blind_since: None,
            began: false,
            start: vec![[[0.0; 2]; MOST_PHASES]; count],
            in_service: vec![true; count],
            reports: vec![None; count],
            report,
            settings,
        })
    }

    /// What the last step came to.
    pub const fn report(&self) -> &LpbcReport {
        &self.report
    }

    /// Present targets as the law sees them: magnitudes per unit, then angles in rad; NaN where there is none yet.
    pub const fn target(&self) -> &[f64; MOST_SIZE] {
        &self.target
    }

    /// Measured phasors as the law sees them, of the last measurement that was used.
    pub const fn measured(&self) -> &[f64; MOST_SIZE] {
        &self.measured
    }

    /// What it is made of.
    pub const fn settings(&self) -> &LpbcSettings {
        &self.settings
    }

    /// The best mode it may be in from now on; `Full` forbids nothing.
    pub const fn set_mode_limit(&mut self, limit: Mode) {
        self.limit = limit;
    }

    /// Lets another law go on, without a bump.
    pub fn set_law(&mut self, law: Box<dyn Law>) {
        self.law = law;
        self.law.restart(&self.allocation.total()[..self.size]);
    }

    /// Goes on with another sensitivity, of as many phases: allocation and magnitude-only mode. The law is the caller's.
    pub fn set_sensitivity(&mut self, sensitivity: &Sensitivity) {
        if sensitivity.phases() == self.settings.sensitivity.phases() {
            self.settings.sensitivity = *sensitivity;
            self.allocation.set_sensitivity(sensitivity);
            if let (Some(law), Some(inverse)) = (&mut self.magnitudes, self.settings.magnitudes()) {
                law.set_sensitivity(inverse);
            }
        }
    }

    /// Lets an actuator take this part of its rating and its share; 1 is all of it.
    pub fn derate(&mut self, actuator: usize, part: f64) {
        self.allocation.derate(actuator, part);
    }

    /// Takes an actuator out, or back in. The others take over what it still does by its own report of the last step, which
    /// is nothing where it has none: the law had made up for what was missing before.
    pub fn set_in_service(&mut self, actuator: usize, in_service: bool) {
        let Some(own) = self.in_service.get_mut(actuator) else { return };
        if std::mem::replace(own, in_service) == in_service {
            return;
        }
        let does = self.reported(actuator).copied().unwrap_or_default();
        self.allocation.set_in_service(actuator, in_service);
        self.allocation.set_told(actuator, does);
        let n = self.size / 2;
        let mut basis = self.allocation.total();
        for (phase, [p, q]) in does.iter().enumerate().take(n).filter(|_| !in_service) {
            basis[phase] += p;
            basis[n + phase] += q;
        }
        self.restart(&basis);
    }

    /// Whether an actuator is in service.
    pub fn in_service(&self, actuator: usize) -> bool {
        self.in_service.get(actuator).is_some_and(|own| *own)
    }

    /// What an actuator said at the last step that it injects, per unit, P and Q by phase; `None` where that is unknown.
    pub fn reported(&self, actuator: usize) -> Option<&[[f64; 2]; MOST_PHASES]> {
        self.reports.get(actuator).and_then(Option::as_ref)
    }

    /// What an actuator was told last, per unit, P and Q by phase; `None` where it is told nothing.
    pub fn told(&self, actuator: usize) -> Option<&[[f64; 2]; MOST_PHASES]> {
        self.allocation.told(actuator).filter(|_| self.began)
    }

    /// From and to of the active power of all phases of an actuator together, per unit: what its battery can do.
    pub fn p_range(&self, actuator: usize) -> [f64; 2] {
        self.allocation.p_range(actuator)
    }

    /// Whether an actuator is told as much active power as its battery can do.
    pub fn at_p_limit(&self, actuator: usize) -> bool {
        self.began && self.allocation.at_p_limit(actuator)
    }

    /// Begins the law of the present mode anew from what actuators do together.
    fn restart(&mut self, total: &[f64; MOST_SIZE]) {
        let total = &total[..self.size];
        self.law.restart(total);
        if let Some(law) = &mut self.magnitudes {
            law.restart(total);
        }
        self.report.asked[..self.size].copy_from_slice(total);
        self.report.applied.total[..self.size].copy_from_slice(total);
    }

    /// What an actuator says that it injects; `None` where a phase is not known.
    fn read_report(&self, places: &ActuatorPlaces, measured: &Frame) -> Option<[[f64; 2]; MOST_PHASES]> {
        let mut told = [[0.0; 2]; MOST_PHASES];
        for (phase, at) in places.phases() {
            for (part, own) in told[phase].iter_mut().enumerate() {
                let channel = measured.get(places.report + at + part);
                if !channel.valid || channel.age > self.settings.timeout {
                    return None;
                }
                *own = channel.value / self.settings.base_va;
            }
        }
        Some(told)
    }

    /// Takes in a frame: nodes, targets, limits of active power.
    fn read(&mut self, tick: u64, measured: &Frame) {
        let n = self.size / 2;
        self.performance.read(measured, 0, tick);
        self.reference.read(measured, 2 * n, tick);
        for k in 0..self.size {
            let target = measured.get(4 * n + k).value;
            if target.is_finite() {
                self.target[k] = if k < n { target } else { target.to_radians() };
            }
        }
        for (actuator, places) in self.places.iter().enumerate() {
            self.reports[actuator] = self.read_report(places, measured);
            let limit = |place: usize| {
                let channel = measured.get(place);
                if channel.valid { channel.value / self.settings.base_va } else { f64::NAN }
            };
            self.allocation.set_p_range(actuator, [limit(places.limits), limit(places.limits + 1)]);
        }
    }

    /// The mode by what is known, and by what is allowed.
    fn choose(&mut self, tick: u64, pair: Option<&Pair>, magnitudes: bool) -> Mode {
        let known = match pair {
            Some(_) => Mode::Full,
            None if magnitudes => Mode::MagnitudeOnly,
            None => Mode::Hold,
        };
        let allowed = match known.max(self.limit) {
            Mode::MagnitudeOnly if self.magnitudes.is_none() => Mode::Hold,
            mode => mode,
        };
        if allowed < Mode::Hold {
            self.blind_since = None;
            return allowed;
        }
        let since = *self.blind_since.get_or_insert(tick);
        if tick.saturating_sub(since) >= self.settings.patience { Mode::FailSafe } else { allowed }
    }

    /// Begins to command: from where actuators are.
    fn begin(&mut self) {
        for (actuator, (start, report)) in self.start.iter_mut().zip(&self.reports).enumerate() {
            *start = report.unwrap_or(*start);
            self.allocation.set_told(actuator, *start);
        }
        self.began = true;
    }

    /// What a mode sees: whether that is new, and how old.
    fn see(&mut self, tick: u64, mode: Mode, pair: Option<&Pair>) -> (bool, u64) {
        let n = self.size / 2;
        let sample = match mode {
            Mode::Full => pair.map(|pair| &pair.relative),
            _ => self.performance.magnitudes(),
        };
        let Some(sample) = sample else { return (false, 0) };
        self.measured[..n].copy_from_slice(&sample.v_pu[..n]);
        if mode == Mode::Full {
            self.measured[n..2 * n].copy_from_slice(&sample.angle_rad[..n]);
        }
        let known = if mode == Mode::Full { 2 * n } else { n };
        for k in 0..known {
            if self.target[k].is_nan() {
                self.target[k] = self.measured[k];
            }
        }
        let Some(used) = self.used.get_mut(mode as usize) else { return (false, 0) };
        let fresh = *used != Some(sample.tick);
        *used = Some(sample.tick);
        (fresh, tick.saturating_sub(sample.tick) / self.settings.every)
    }

    /// Errors of what is known; NaN elsewhere.
    fn take_errors(&mut self, mode: Mode) {
        let n = self.size / 2;
        let known = [mode <= Mode::MagnitudeOnly, mode == Mode::Full];
        let error = |k: usize| match k {
            _ if k >= 2 * n || !known[k / n] || !self.held[k % n] => f64::NAN,
            _ if k < n => self.target[k] - self.measured[k],
            _ => short_way(self.target[k] - self.measured[k]),
        };
        self.report.error = std::array::from_fn(error);
        let largest = |of: &[f64]| of.iter().fold(f64::NAN, |most: f64, e| most.max(e.abs()));
        self.report.error_v_pu = largest(&self.report.error[..n]);
        self.report.error_angle_deg = largest(&self.report.error[n..2 * n]).to_degrees();
    }

    /// The law of a mode, and the allocation.
    fn act(&mut self, tick: Tick, mode: Mode, reference_v_pu: &[f64; MOST_PHASES], (fresh, age): (bool, u64)) {
        let (n, size) = (self.size / 2, self.size);
        let mut error = self.report.error.map(super::finite);
        self.settings.deadband.apply(&mut error[..size]);
        let applied = self.report.applied;
        let seen = Seen {
            tick,
            target: &self.target[..size],
            measured: &self.measured[..size],
            error: &error[..size],
            reference_v_pu: &reference_v_pu[..n],
            applied: &applied.total[..size],
            saturated: &applied.saturated[..n],
            fresh,
            age,
        };
        let asked = &mut self.report.asked[..size];
        match (mode, &mut self.magnitudes) {
            (Mode::MagnitudeOnly, Some(law)) => law.step(&seen, asked),
            _ => self.law.step(&seen, asked),
        }
        self.report.applied = self.allocation.step(asked);
    }

    /// Leads actuators back to where they were; lets them go once they are there.
    fn release(&mut self, ramp_va: f64) {
        let ramp = (ramp_va / self.settings.base_va).max(0.0);
        let mut there = true;
        for (actuator, start) in self.start.iter().enumerate() {
            let Some(mut told) = self.allocation.told(actuator).copied() else { continue };
            for (own, to) in told.as_flattened_mut().iter_mut().zip(start.as_flattened()) {
                *own += (to - *own).clamp(-ramp, ramp);
                there &= (*own - to).abs() < 1e-12;
            }
            self.allocation.set_told(actuator, told);
        }
        self.report.applied = Applied { total: self.allocation.total(), ..Applied::default() };
        self.began &= !there;
    }

    /// Says what actuators were told, or nothing.
    fn say(&self, commands: &mut Frame) {
        for (actuator, places) in self.places.iter().enumerate() {
            let told = self.told(actuator);
            for (phase, at) in places.phases() {
                for part in 0..2 {
                    let command = told.map_or(f64::NAN, |told| told[phase][part] * self.settings.base_va);
                    commands.set(places.command + at + part, command);
                }
            }
        }
    }
}

impl Controller for Lpbc {
    fn step(&mut self, tick: Tick, measured: &Frame, commands: &mut Frame) {
        self.read(tick.0, measured);
        let oldest = tick.0.saturating_sub(self.settings.timeout);
        let pair = Pair::newest(&self.performance, &self.reference, oldest);
        let magnitudes = self.performance.magnitudes().is_some_and(|sample| sample.tick >= oldest);
        let mode = self.choose(tick.0, pair.as_ref(), magnitudes);
        let new = mode != self.report.mode;
        let seen = if mode < Mode::Hold { self.see(tick.0, mode, pair.as_ref()) } else { (false, 0) };
        (self.report.mode, self.report.fresh) = (mode, seen.0);
        self.take_errors(mode);
        if mode < Mode::Hold {
            let first = !self.began;
            if first {
                self.begin();
            }
            if first || new {
                self.restart(&self.allocation.total());
            }
            let reference_v_pu = pair.map_or([1.0; MOST_PHASES], |pair| pair.reference_v_pu);
            self.act(tick, mode, &reference_v_pu, seen);
        } else if let (Mode::FailSafe, FailSafe::Release { ramp_va }, true) =
            (mode, self.settings.fail_safe, self.began)
        {
            self.release(ramp_va);
        }
        let (n, total) = (self.size / 2, &self.report.applied.total);
        self.report.effort_pu = (0..n).map(|k| total[k].hypot(total[n + k])).sum();
        commands.advance(tick);
        self.say(commands);
    }
}
