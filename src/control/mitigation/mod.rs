//! What is done about distortion that the fleet causes: a ladder of steps, each checked for its effect, taken back where
//! it has none, and given up again when it is no longer needed.
//!
//! A step is taken only on verdicts that name the fleet, above the limit, several in a row, and – unless that is switched
//! off – only after a probe has confirmed them. Sags and bad windows freeze
//! everything. `docs/models/attribution.md` has the states as a table. No plant, clock or file is visible here; after
//! set-up nothing is allocated, and the state is `Clone`.

mod event;
mod probing;
mod rungs;
mod settings;
#[cfg(test)]
mod tests;

pub use event::{Action, Event, RUNGS, Refusal, Rung, Why};
pub use settings::{Probing, Settings, Unit};

use super::Controller;
use crate::quantity::Tick;
use crate::signal::{Decision, Frame, HarmonicCommand, Reason, Verdict};
use probing::ProbeState;

/// Most events of one step.
const MOST_EVENTS: usize = 24;
/// Most times that the patience before a release doubles.
const MOST_PATIENCE: u32 = 6;

/// Where the ladder is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Nothing to do, or nothing that may be done.
    Idle,
    /// A rung has just been taken; its effect is awaited.
    Checking {
        /// The rung.
        rung: Rung,
        /// THD before, percent.
        before_percent: f64,
    },
    /// The fleet probes.
    Probing,
    /// All that could be done is done, and it is not enough.
    Alarmed,
}

/// A rung that was taken.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    active: bool,
    /// Verdicts until it may be tried again.
    barred: u32,
    /// How often it was needed again after it had been given up.
    patience: u32,
}

/// Counters, in verdicts.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    over: u32,
    under: u32,
    since_step: u32,
    checked: u32,
    sum_percent: f64,
    /// Steps left, in parts of one: refilled evenly.
    budget: f64,
}

/// The mitigation of one fleet at one point of common coupling.
#[derive(Clone, Debug)]
pub struct Mitigation {
    settings: Settings,
    state: State,
    frozen: bool,
    lost: bool,
    spent: bool,
    taken: [Taken; RUNGS.len()],
    /// Commands before each rung was taken.
    before: [Vec<HarmonicCommand>; RUNGS.len()],
    commands: Vec<HarmonicCommand>,
    /// Commands as they were sent last.
    sent: Vec<HarmonicCommand>,
    counters: Counters,
    probe: ProbeState,
    events: Vec<Event>,
    seen: u64,
    seen_at: Tick,
    /// Room for verdicts that arrive as frames.
    arrived: Option<Verdict>,
}

impl Mitigation {
    /// A mitigation that has not acted yet.
    pub fn new(settings: Settings) -> Self {
        let commands = vec![HarmonicCommand::default(); settings.units.len()];
        let full = Counters { budget: f64::from(settings.budget), since_step: u32::MAX, ..Counters::default() };
        Self {
            state: State::Idle,
            frozen: false,
            lost: false,
            spent: false,
            taken: [Taken::default(); RUNGS.len()],
            before: std::array::from_fn(|_| commands.clone()),
            sent: commands.clone(),
            commands,
            counters: full,
            probe: ProbeState::default(),
            events: Vec::with_capacity(MOST_EVENTS),
            seen: 0,
            seen_at: Tick(0),
            arrived: None,
            settings,
        }
    }

    /// Makes room for verdicts of this shape, for use as a [`Controller`].
    pub fn with_verdicts_like(mut self, verdict: &Verdict) -> Self {
        self.arrived = Some(verdict.clone());
        self
    }

    /// Where the ladder is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether a rung is in force.
    pub fn active(&self, rung: Rung) -> bool {
        self.taken[place(rung)].active
    }

    /// What each unit is told.
    pub fn commands(&self) -> &[HarmonicCommand] {
        &self.commands
    }

    /// What was decided in the last step.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Order and present current of the probe in A, with its sign; order 0 while there is none. The attribution is to be
    /// told.
    pub fn probing(&self) -> (u8, f64) {
        let (order, sign) = self.probe.signal();
        (order, sign * self.settings.probing.map_or(0.0, |p| p.amplitude_a))
    }

    /// Renews a unit's headroom for compensation, A per phase.
    pub fn set_headroom(&mut self, unit: usize, headroom_a: f64) {
        if let Some(unit) = self.settings.units.get_mut(unit) {
            unit.headroom_a = if headroom_a.is_finite() { headroom_a.max(0.0) } else { 0.0 };
        }
    }

    /// Replaces the limits at run time, percent; the release is kept below the limit.
    pub fn set_limit(&mut self, limit_percent: f64, release_percent: f64) {
        self.settings.limit_percent = limit_percent;
        self.settings.release_percent = release_percent.min(limit_percent);
    }

    /// One step, with the newest verdict that has arrived; most steps see an old one, and only let the probe go on.
    pub fn step(&mut self, tick: Tick, verdict: &Verdict) {
        self.events.clear();
        if verdict.sequence > self.seen {
            (self.seen, self.seen_at, self.lost) = (verdict.sequence, tick, false);
            self.judge(tick, verdict);
        } else if tick.0.saturating_sub(self.seen_at.0) > self.settings.stale_ticks && !self.lost && self.seen > 0 {
            self.lost = true;
            self.say(tick, verdict, Action::VerdictsLost, Why::TimeOut);
            self.end_probe(tick, verdict, Why::TimeOut);
        }
        self.drive_probe(tick);
        for (command, sent) in self.commands.iter_mut().zip(&mut self.sent) {
            if !command.same_order(sent) {
                (command.sequence, command.tick) = (sent.sequence + 1, tick);
                *sent = *command;
            }
        }
    }

    fn judge(&mut self, tick: Tick, verdict: &Verdict) {
        let bad = verdict.flagged || !verdict.valid || !verdict.synchronised || !verdict.thd_percent.is_finite();
        if bad != self.frozen {
            self.frozen = bad;
            let (action, why) = if bad { (Action::Freeze, Why::BadWindows) } else { (Action::Thaw, Why::GoodWindows) };
            self.say(tick, verdict, action, why);
        }
        if bad {
            self.counters.over = 0;
            self.counters.under = 0;
            self.probe.forget_named();
            return;
        }
        self.count(verdict);
        match self.state {
            State::Checking { rung, before_percent } => self.check(tick, verdict, rung, before_percent),
            State::Probing => self.watch_probe(tick, verdict),
            State::Idle | State::Alarmed => self.decide(tick, verdict),
        }
        self.regulate(verdict);
    }

    fn count(&mut self, verdict: &Verdict) {
        let settings = &self.settings;
        let counters = &mut self.counters;
        let over = verdict.thd_percent > settings.limit_percent;
        counters.over = if over { counters.over.saturating_add(1) } else { 0 };
        let under = verdict.thd_percent < settings.release_percent;
        counters.under = if under { counters.under.saturating_add(1) } else { 0 };
        counters.since_step = counters.since_step.saturating_add(1);
        let refill = f64::from(settings.budget) / f64::from(settings.budget_values.max(1));
        counters.budget = (counters.budget + refill).min(f64::from(settings.budget));
        self.taken.iter_mut().for_each(|t| t.barred = t.barred.saturating_sub(1));
        self.probe.count(verdict, over, settings.sigmas);
    }

    /// Whether a step may be taken as to time and number.
    fn may_step(&mut self, tick: Tick, verdict: &Verdict) -> bool {
        let spent = self.counters.budget < 1.0;
        if spent && !self.spent {
            self.say(tick, verdict, Action::BudgetSpent, Why::TimeOut);
        }
        self.spent = spent;
        !spent && self.counters.since_step >= self.settings.pause_values
    }

    fn decide(&mut self, tick: Tick, verdict: &Verdict) {
        let highest = RUNGS.into_iter().rev().find(|r| self.taken[place(*r)].active);
        let patience = highest.map_or(0, |r| self.taken[place(r)].patience);
        if self.counters.under >= self.settings.release_values.saturating_mul(1 << patience) {
            if let Some(rung) = highest.filter(|_| self.may_step(tick, verdict)) {
                self.release(tick, verdict, rung);
            }
            return;
        }
        if self.counters.over < self.settings.confirm_values {
            return;
        }
        if self.wants_probe(verdict) {
            self.begin_probe(tick, verdict);
        } else if self.confirmed(verdict) && self.may_step(tick, verdict) {
            self.climb(tick, verdict);
        }
    }

    /// Takes the next rung that can be taken.
    fn climb(&mut self, tick: Tick, verdict: &Verdict) {
        for rung in RUNGS {
            let own = self.taken[place(rung)];
            if own.active || own.barred > 0 {
                continue;
            }
            self.before[place(rung)].copy_from_slice(&self.commands);
            match self.take(rung, verdict) {
                Ok(unit) => {
                    self.say_of(tick, verdict, Action::Take(rung), Why::FleetOverLimit, unit, f64::NAN);
                    self.began(rung, verdict);
                    return;
                }
                Err(refusal) => {
                    self.taken[place(rung)].barred = self.settings.retry_values;
                    self.say(tick, verdict, Action::Refuse(rung, refusal), Why::Unavailable);
                }
            }
        }
    }

    fn began(&mut self, rung: Rung, verdict: &Verdict) {
        self.taken[place(rung)].active = true;
        self.spend();
        self.state = match rung {
            Rung::Alarm => State::Alarmed,
            _ => State::Checking { rung, before_percent: verdict.thd_percent },
        };
    }

    fn spend(&mut self) {
        self.counters.budget -= 1.0;
        let budget = self.counters.budget;
        self.counters = Counters { budget, ..Counters::default() };
        self.probe.forget_named();
    }

    /// Awaits the effect of a rung, and keeps it or takes it back.
    fn check(&mut self, tick: Tick, verdict: &Verdict, rung: Rung, before_percent: f64) {
        if self.counters.since_step <= self.settings.settle_values {
            return;
        }
        self.counters.checked += 1;
        self.counters.sum_percent += verdict.thd_percent;
        if self.counters.checked < self.settings.check_values {
            return;
        }
        let mean = self.counters.sum_percent / f64::from(self.counters.checked);
        let effect = mean <= before_percent * (1.0 - self.settings.least_effect);
        self.state = State::Idle;
        if effect {
            self.say_of(tick, verdict, Action::Keep(rung), Why::Effect, None, before_percent);
        } else {
            self.undo(rung);
            self.taken[place(rung)].barred = self.settings.retry_values;
            self.counters.since_step = 0;
            self.say_of(tick, verdict, Action::RollBack(rung), Why::NoEffect, None, before_percent);
        }
    }

    /// Gives up the highest rung. Where it is needed again, it stays for longer the next time.
    fn release(&mut self, tick: Tick, verdict: &Verdict, rung: Rung) {
        self.undo(rung);
        let own = &mut self.taken[place(rung)];
        own.patience = (own.patience + 1).min(MOST_PATIENCE);
        self.spend();
        self.state = State::Idle;
        self.say(tick, verdict, Action::Release(rung), Why::BelowRelease);
    }

    fn say(&mut self, tick: Tick, verdict: &Verdict, action: Action, why: Why) {
        self.say_of(tick, verdict, action, why, None, f64::NAN);
    }

    fn say_of(&mut self, tick: Tick, verdict: &Verdict, action: Action, why: Why, unit: Option<usize>, before: f64) {
        if self.events.len() < MOST_EVENTS {
            self.events.push(Event {
                tick,
                verdict: verdict.sequence,
                action,
                why,
                unit,
                order: self.probe.signal().0,
                thd_percent: verdict.thd_percent,
                before_percent: before,
                share: verdict.share,
                share_sd: verdict.share_sd,
            });
        }
    }
}

/// Place of a rung in lists.
fn place(rung: Rung) -> usize {
    RUNGS.iter().position(|r| *r == rung).unwrap_or(0)
}

impl Controller for Mitigation {
    /// The measured frame holds a verdict from its first channel on, the command frame a [`HarmonicCommand`] per unit, one
    /// after the other: both may have been late, or lost, on a line.
    fn step(&mut self, tick: Tick, measured: &Frame, commands: &mut Frame) {
        if let Some(mut verdict) = self.arrived.take() {
            verdict.read(measured, 0);
            Self::step(self, tick, &verdict);
            self.arrived = Some(verdict);
        }
        commands.advance(tick);
        for (k, command) in self.commands.iter().enumerate() {
            command.write(commands, k * HarmonicCommand::CHANNELS);
        }
    }
}

/// Whether a verdict leaves open whose it is in a way that a probe can mend.
const fn open(decision: Decision) -> bool {
    matches!(
        decision,
        Decision::Indeterminate(
            Reason::NotExcited | Reason::Correlated | Reason::Inconsistent | Reason::Settling | Reason::Close
        )
    )
}
