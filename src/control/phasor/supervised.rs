//! An L-PBC that is watched: its clocks, its data's age, why it fails, and which target it could reach instead.
//!
//! A step goes: clocks (before anything acts on a wrong angle) ▸ the mode that may be used ▸ the L-PBC ▸ why it fails ▸ what
//! that changes. An actuator that fails is taken out, and the others take its share; it stays out until somebody
//! acknowledges. Saturation that lasts asks the S-PBC for a target that can be reached.
//!
//! Channels are those of the L-PBC, then `sync` and `reference.sync`: 1 while a receiver says that it is in step. Without
//! such a channel it is believed to be.

use super::supervise::classify::{self, Class, Classifier};
use super::supervise::failsafe::{self, Health, Tampered};
use super::supervise::retarget::{self, Retarget};
use super::supervise::sync::{self, Fault, Sync};
use super::supervise::{classify::Actuator, failsafe::FailSafe};
use super::{Law, Lpbc, LpbcError, LpbcSettings, MOST_SIZE, Mode};
use crate::control::Controller;
use crate::quantity::Tick;
use crate::signal::{Channels, Frame};

/// Most steps of age that are looked back for what actuators did.
const MOST_AGE: usize = 64;

/// How an actuator answers, for who watches it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answering {
    /// Fastest change of P and of Q of a phase in VA/s; infinite without a ramp.
    pub ramp_va_per_s: f64,
    /// Time to 90 % in s; 0 is at once.
    pub response_s: f64,
    /// Steps from a command to the start of its effect, beside the one that every command takes.
    pub dead_steps: usize,
}

impl Default for Answering {
    fn default() -> Self {
        Self { ramp_va_per_s: f64::INFINITY, response_s: 0.0, dead_steps: 0 }
    }
}

/// What a watched L-PBC is made of, beside the L-PBC.
#[derive(Clone, Debug, PartialEq)]
pub struct Watching {
    /// Time between steps in s.
    pub period_s: f64,
    /// How each actuator answers.
    pub answering: Vec<Answering>,
    /// Largest apparent power of each actuator's phase in VA.
    pub s_va: Vec<f64>,
    /// Standard deviations of the noise of a measured magnitude (per unit) and of a relative angle (rad).
    pub noise: [f64; 2],
}

/// What a step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SupervisedReport {
    /// Why it fails.
    pub class: Class,
    /// The first actuator that was taken for failed.
    pub failed: Option<usize>,
    /// What is wrong with time.
    pub sync: Fault,
    /// Why its mode is not better.
    pub why: failsafe::Why,
}

/// A watched L-PBC.
pub struct Supervised {
    lpbc: Lpbc,
    classifier: Option<Classifier>,
    sync: Option<Sync>,
    failsafe: FailSafe,
    retarget: Option<Retarget>,
    /// Actuator and phase of each entry of what the classifier watches.
    watched: Vec<[usize; 2]>,
    /// Place of the clocks' flags among the channels.
    flags: usize,
    told: Vec<[f64; 2]>,
    reported: Vec<[f64; 2]>,
    /// What all actuators together were told, the newest at `step` modulo their number.
    past: Vec<[f64; MOST_SIZE]>,
    steps: u64,
    /// Ticks of the newest measurements of performance and reference node.
    seen: [Option<u64>; 2],
    acknowledged: bool,
    tampered: Tampered,
    report: SupervisedReport,
}

impl Supervised {
    /// An L-PBC with a law, watched.
    ///
    /// # Errors
    /// As [`Lpbc::with_law`].
    pub fn new(settings: LpbcSettings, law: Box<dyn Law>, watching: &Watching) -> Result<Self, LpbcError> {
        let n = settings.phases.len();
        let size = 2 * n;
        let b: Vec<f64> = (0..size * size).map(|k| settings.sensitivity.at(k / size.max(1), k % size.max(1))).collect();
        let watched = watched(&settings);
        let classifier = Classifier::new(classify_settings(&settings, watching, &watched), &b);
        let sync = Sync::new(sync_settings(watching), &b);
        let retarget = retarget(&settings, watching, &watched, &b);
        let timeout = settings.timeout / settings.every.max(1);
        Ok(Self {
            classifier,
            sync,
            failsafe: FailSafe::new(failsafe::Settings { timeout, ..failsafe::Settings::default() }),
            retarget,
            flags: settings.measured().names().len(),
            told: vec![[0.0; 2]; watched.len()],
            reported: vec![[f64::NAN; 2]; watched.len()],
            watched,
            past: vec![[0.0; MOST_SIZE]; MOST_AGE],
            steps: 0,
            seen: [None; 2],
            acknowledged: false,
            tampered: Tampered::Nothing,
            report: SupervisedReport::default(),
            lpbc: Lpbc::with_law(settings, law)?,
        })
    }

    /// Names of the channels that it measures, in order.
    pub fn measured(settings: &LpbcSettings) -> Channels {
        let own = settings.measured();
        let flags = ["sync", "reference.sync"].map(str::to_owned);
        Channels::new(own.names().iter().cloned().chain(flags).collect())
    }

    /// The L-PBC.
    pub const fn lpbc(&self) -> &Lpbc {
        &self.lpbc
    }

    /// The L-PBC, to change it.
    pub const fn lpbc_mut(&mut self) -> &mut Lpbc {
        &mut self.lpbc
    }

    /// What the last step came to.
    pub const fn report(&self) -> &SupervisedReport {
        &self.report
    }

    /// What the S-PBC is asked for in this step.
    pub fn asked(&self) -> Option<&retarget::Event> {
        self.retarget.as_ref().and_then(Retarget::event)
    }

    /// What a test of all instruments together says of those that it sees, until it says something else.
    pub const fn set_tampered(&mut self, tampered: Tampered) {
        self.tampered = tampered;
    }

    /// Somebody has seen to it: clocks are right, actuators work.
    pub fn acknowledge(&mut self) {
        self.acknowledged = true;
        if let Some(sync) = &mut self.sync {
            sync.acknowledge();
        }
        self.report.failed = None;
        for actuator in 0..self.lpbc.settings().actuators.len() {
            self.lpbc.set_in_service(actuator, true);
        }
    }

    /// Clocks and ages, before anything acts on them: the best mode from now on.
    fn look(&mut self, tick: Tick, measured: &Frame) {
        let n = self.lpbc.settings().phases.len();
        let every = self.lpbc.settings().every.max(1);
        let ages = [0, 2 * n].map(|from| age(measured, from, 2 * n));
        let newest = ages.map(|age| age.map(|age| tick.0.saturating_sub(age)));
        let fresh = newest[0].is_some() && newest[0] != self.seen[0];
        self.seen = newest;
        let flag = |place: usize| {
            let channel = measured.get(place);
            !channel.valid || channel.value != 0.0
        };
        let flags = self.flags;
        let phasors = relative(measured, n);
        let steps = ages[0].map_or(0, |age| age / every);
        let acting = self.acting(steps);
        let fault = self.sync.as_mut().map_or(Fault::None, |sync| {
            sync.step(&sync::Input {
                tick,
                measured: &phasors[..2 * n],
                acting: &acting[..2 * n],
                fresh,
                synchronised: flag(flags) && flag(flags + 1),
            })
        });
        let in_steps = |age: Option<u64>| age.map(|age| age / every);
        let mode = self.failsafe.step(&Health {
            tick,
            performance_age: in_steps(ages[0]),
            reference_age: in_steps(ages[1]),
            fresh,
            sync: fault,
            tampered: self.tampered,
            acknowledged: std::mem::take(&mut self.acknowledged),
        });
        (self.report.sync, self.report.why) = (fault, self.failsafe.why());
        // Of a missing node the L-PBC knows itself; clocks it does not see.
        let distrusted = !matches!(self.failsafe.why(), failsafe::Why::PerformanceLost | failsafe::Why::Start);
        self.lpbc.set_mode_limit(match mode {
            failsafe::Mode::Full => Mode::Full,
            failsafe::Mode::MagnitudeOnly => Mode::MagnitudeOnly,
            failsafe::Mode::Hold if distrusted => Mode::Hold,
            failsafe::Mode::Hold => Mode::Full,
        });
    }

    /// What all actuators together were told some steps ago.
    fn acting(&self, steps_ago: u64) -> [f64; MOST_SIZE] {
        let len = self.past.len() as u64;
        let back = steps_ago.min(len - 1).min(self.steps);
        self.past.get(((self.steps - back) % len) as usize).copied().unwrap_or_default()
    }

    /// Why it fails, after a step; and what that changes.
    fn judge(&mut self, tick: Tick) {
        let size = 2 * self.lpbc.settings().phases.len();
        let every = self.lpbc.settings().every.max(1);
        for (reported, &[actuator, phase]) in self.reported.iter_mut().zip(&self.watched) {
            *reported = self.lpbc.reported(actuator).map_or([f64::NAN; 2], |own| own[phase]);
        }
        let own = self.lpbc.report();
        let mut error = own.error;
        error.iter_mut().filter(|e| !e.is_finite()).for_each(|e| *e = 0.0);
        let working = own.mode <= Mode::MagnitudeOnly;
        let age = self.seen[0].map_or(0, |seen| tick.0.saturating_sub(seen) / every);
        let Some(classifier) = self.classifier.as_mut().filter(|_| working) else { return };
        for (k, &[actuator, phase]) in self.watched.iter().enumerate() {
            classifier.set_held(k, self.lpbc.at_p_limit(actuator), own.applied.saturated[phase]);
        }
        self.report.class = classifier.step(&classify::Input {
            tick,
            error: &error[..size],
            measured: &self.lpbc.measured()[..size],
            fresh: own.fresh,
            age,
            told: &self.told,
            reported: &self.reported,
        });
        for (k, &[actuator, _]) in self.watched.iter().enumerate() {
            if classifier.failed(k) && self.lpbc.in_service(actuator) {
                self.report.failed = self.report.failed.or(Some(actuator));
                self.lpbc.set_in_service(actuator, false);
                if let Some(retarget) = &mut self.retarget {
                    retarget.set_limit(k, 0.0);
                }
            }
        }
        if let Some(retarget) = &mut self.retarget {
            let actuators = 0..self.lpbc.settings().actuators.len();
            actuators.for_each(|k| retarget.set_p_range(k, self.lpbc.p_range(k)));
            retarget.step(&retarget::Input {
                tick: Tick(tick.0 / every),
                wanted: &self.lpbc.target()[..size],
                measured: &self.lpbc.measured()[..size],
                acting: &self.told,
                saturated: self.report.class == Class::Saturation,
            });
        }
    }
}

impl Controller for Supervised {
    fn step(&mut self, tick: Tick, measured: &Frame, commands: &mut Frame) {
        for (told, &[actuator, phase]) in self.told.iter_mut().zip(&self.watched) {
            *told = self.lpbc.told(actuator).map_or([0.0; 2], |own| own[phase]);
        }
        self.look(tick, measured);
        self.lpbc.step(tick, measured, commands);
        self.steps += 1;
        let place = (self.steps % self.past.len() as u64) as usize;
        if let Some(own) = self.past.get_mut(place) {
            *own = self.lpbc.report().applied.total;
        }
        self.judge(tick);
    }
}

/// Age of a node's oldest channel; `None` where one has never been measured or says nothing.
fn age(measured: &Frame, from: usize, count: usize) -> Option<u64> {
    (from..from + count)
        .map(|place| Some(measured.get(place)).filter(|c| c.value.is_finite()).map(|c| c.age))
        .try_fold(0, |most, age| age.map(|age| most.max(age)))
}

/// Phasors of the performance node relative to the reference node: magnitudes, then angles in rad.
fn relative(measured: &Frame, n: usize) -> [f64; MOST_SIZE] {
    std::array::from_fn(|k| match k {
        _ if k < n => measured.get(k).value,
        _ if k < 2 * n => {
            let angle = (measured.get(k).value - measured.get(2 * n + k).value).to_radians();
            angle - std::f64::consts::TAU * (angle / std::f64::consts::TAU).round()
        }
        _ => 0.0,
    })
}

/// Actuator and phase of the node of all that is commanded.
fn watched(settings: &LpbcSettings) -> Vec<[usize; 2]> {
    let phases = |(k, own): (usize, &super::LpbcActuator)| -> Vec<[usize; 2]> {
        let has = settings.phases.iter().enumerate().filter(|(_, phase)| own.phases.contains(phase));
        has.map(|(phase, _)| [k, phase]).collect()
    };
    settings.actuators.iter().enumerate().flat_map(phases).collect()
}

fn classify_settings(settings: &LpbcSettings, watching: &Watching, watched: &[[usize; 2]]) -> classify::Settings {
    let actuator = |&[k, phase]: &[usize; 2]| {
        let own = watching.answering.get(k).copied().unwrap_or_default();
        Actuator {
            phase,
            s_pu: watching.s_va.get(k).copied().unwrap_or(f64::INFINITY) / settings.base_va,
            ramp_pu_per_s: own.ramp_va_per_s / settings.base_va,
            response_s: own.response_s,
            dead_steps: own.dead_steps,
            ..Actuator::default()
        }
    };
    let actuators = watched.iter().map(actuator).collect();
    classify::Settings { period_s: watching.period_s, actuators, ..classify::Settings::default() }
}

fn sync_settings(watching: &Watching) -> sync::Settings {
    let usual = sync::Settings::default();
    let [noise_v_pu, noise_rad] = watching.noise;
    sync::Settings {
        period_s: watching.period_s,
        noise_v_pu: noise_v_pu.max(usual.noise_v_pu),
        noise_rad: noise_rad.max(usual.noise_rad),
        ..usual
    }
}

fn retarget(settings: &LpbcSettings, watching: &Watching, watched: &[[usize; 2]], b: &[f64]) -> Option<Retarget> {
    let phases: Vec<usize> = watched.iter().map(|own| own[1]).collect();
    let s_pu = watched.iter().map(|own| watching.s_va.get(own[0]).map_or(0.0, |s| s / settings.base_va)).collect();
    let sensitivity = retarget::by_actuator(b, &phases)?;
    let mut own = Retarget::new(retarget::Settings { s_pu, ..retarget::Settings::default() }, &sensitivity)?;
    for actuator in 0..settings.actuators.len() {
        let phases = watched.iter().enumerate().filter(|(_, own)| own[0] == actuator);
        own.share(phases.map(|(k, _)| k).collect());
    }
    Some(own)
}
