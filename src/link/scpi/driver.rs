//! The driver of an instrument by SCPI: connect, see that it is the right one, then poll – write what is new, read it back,
//! ask for everything, judge it, publish it.
//!
//! Polls keep a grid as those of [`crate::link::modbus::driver`] do: written a fifth of the period after the loop's step, read three
//! fifths after it; what does not fit is left out. Each set of commands is followed by the question for errors, where the
//! description has one; any error ends the connection, and the link is [`LinkState::Wrong`]. So does an answer that does not
//! come, is none, or is more than one: the connection is opened anew after 50 ms, then 100, up to 500 ms, and a late answer
//! cannot be taken for one to a later question.
//!
//! Each poll reads back what was written to begin (an output's relay), the set-points that were written, and one more of
//! them in turn. What was written to begin and has held, and does no more, is taken for a protection that tripped: the link
//! is wrong from then on, nothing is begun again on any connection, and the device is left safe at the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::parser;
use super::plan::{Checked, Moved, Plan, command, decoded, identify, is_held, place, plausible};
use super::wire::{Connection, WireError};
use crate::link::description::{Description, Wire, Write};
use crate::link::modbus::driver::TRIPPED;
use crate::link::poll::{Grid, READS, WRITES};
use crate::link::port::{Directive, DriverEnd, LinkState};
use crate::link::stream::Connect;

/// Waits before a connection is tried again, doubling from the first to the last.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// How long is tried to leave a device that cannot be reached in its safe state.
const TO_END: Duration = Duration::from_secs(1);
/// A loop hangs that has not beaten for this time, at least, or for ten polls.
const STALLED: Duration = Duration::from_secs(1);
/// Errors that an instrument may hold from before.
const MOST_ERRORS: usize = 64;

/// What a driver is made of.
pub struct Settings {
    /// The device.
    pub description: Arc<Description>,
    /// Opens the stream.
    pub connect: Connect,
    /// When the session began: its clock's zero.
    pub epoch: Instant,
}

/// Runs until the loop has ended.
pub async fn run(settings: Settings, end: DriverEnd) {
    let mut driver = Driver::new(settings, end);
    let (mut wait, mut ending) = (BACK_OFF[0], None);
    loop {
        let Err(trouble) = driver.connected().await else { return };
        let state = match (trouble.wrong, driver.end.state()) {
            (true, _) => LinkState::Wrong,
            (false, LinkState::Connecting) => LinkState::Connecting,
            (false, _) => LinkState::Down,
        };
        driver.end.confirm(false);
        driver.end.report(state, Some(trouble.what));
        wait = if trouble.was_up { BACK_OFF[0] } else { wait };
        if driver.end.directive() == Directive::End {
            // What cannot be left safe by now has its own timer, or nothing.
            let since = *ending.get_or_insert_with(Instant::now);
            if since.elapsed() > TO_END.max(driver.limit()) {
                return;
            }
        }
        if driver.pause(wait).await {
            return;
        }
        wait = (wait * 2).min(BACK_OFF[1]);
    }
}

/// Why a connection came to its end.
#[derive(Debug)]
struct Trouble {
    what: String,
    /// It is not the device that is meant, or says what cannot be.
    wrong: bool,
    /// It had been up.
    was_up: bool,
}

struct Driver {
    own: Settings,
    end: DriverEnd,
    plan: Plan,
    /// The question for errors.
    errors: Option<String>,
    answers: Vec<Option<String>>,
    values: Vec<f64>,
    wanted: Vec<f64>,
    /// Whether anything was ever written to it.
    touched: bool,
    /// It let go of what it had begun: it is not begun again.
    tripped: bool,
    /// When it polls.
    grid: Grid,
    /// Its heartbeat: the last that was sent, over all connections, and when.
    beat: (u32, Option<Instant>),
}

/// What a connection remembers from poll to poll.
struct Connected {
    wire: Connection,
    begun: bool,
    safe: bool,
    /// Set-points as they were last written.
    written: Vec<Option<f64>>,
    written_at: Instant,
    /// By check: whether it held when it was last asked, `None` before, and whether it must be asked anew.
    held: Vec<(Option<bool>, bool)>,
    /// The check whose turn is next.
    turn: usize,
    moved: Moved,
    up: bool,
}

impl Driver {
    fn new(own: Settings, end: DriverEnd) -> Self {
        let plan = Plan::new(&own.description);
        let (points, set) = (own.description.points.len(), own.description.set_points.len());
        let grid = Grid::new(own.epoch, own.description.poll_s);
        let errors = if let Wire::Scpi(head) = &own.description.wire { head.errors.clone() } else { None };
        Self {
            answers: vec![None; plan.questions.len()],
            plan,
            errors,
            own,
            end,
            values: vec![f64::NAN; points],
            wanted: vec![f64::NAN; set],
            touched: false,
            tripped: false,
            grid,
            beat: (0, None),
        }
    }

    fn now_us(&self) -> u64 {
        micros(Instant::now().saturating_duration_since(self.own.epoch))
    }

    fn limit(&self) -> Duration {
        Duration::from_secs_f64(self.own.description.timeout_s)
    }

    /// Waits before the next try; whether the loop ended meanwhile and nothing more is to be done.
    async fn pause(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let done = || self.end.directive() == Directive::End && !self.touched;
        while Instant::now() < until && !done() {
            sleep_until(until.min(Instant::now() + BACK_OFF[0])).await;
        }
        done()
    }

    /// One connection, to its end; `Ok` when the loop has ended and the device is left as it should be.
    async fn connected(&mut self) -> Result<(), Trouble> {
        let opened = timeout(self.limit().max(TO_END), (self.own.connect)()).await;
        let stream = match opened {
            Ok(Ok(stream)) => stream,
            // Nobody is there to be told.
            _ if self.end.directive() == Directive::End => return Ok(()),
            Ok(Err(error)) => return Err(Trouble::gone(format!("cannot connect: {error}"))),
            Err(_) => return Err(Trouble::gone("cannot connect: no answer".into())),
        };
        let mut wire = Connection::new(stream, self.limit());
        self.identify(&mut wire).await?;
        let now = Instant::now();
        let mut own = Connected {
            wire,
            begun: false,
            safe: false,
            written: vec![None; self.own.description.set_points.len()],
            written_at: now,
            held: vec![(None, false); self.plan.checks.len()],
            turn: 0,
            moved: Moved::new(now),
            up: false,
        };
        let ended = self.poll_on(&mut own).await;
        ended.map_err(|error| Trouble { was_up: own.up, ..error.into() })
    }

    /// Sees that it is the one that is meant.
    async fn identify(&mut self, wire: &mut Connection) -> Result<(), Trouble> {
        for own in &self.own.description.identity {
            let Some(at) = place(&own.source) else { continue };
            let answer = wire.ask(&at.text).await?;
            identify(at, &answer, &own.is).map_err(|what| Trouble { what, wrong: true, was_up: false })?;
        }
        Ok(())
    }

    async fn poll_on(&mut self, own: &mut Connected) -> Result<(), WireError> {
        loop {
            let directive = self.end.directive();
            if directive == Directive::End {
                return self.leave(own).await;
            }
            self.write(own, directive).await?;
            if own.up {
                sleep_until(self.grid.next(READS, &self.end)).await;
            }
            self.read(own).await?;
            sleep_until(self.grid.next(WRITES, &self.end)).await;
        }
    }

    /// Writes what is new, or what is due again.
    async fn write(&mut self, own: &mut Connected, directive: Directive) -> Result<(), WireError> {
        let limit = STALLED.max(Duration::from_secs_f64(10.0 * self.own.description.poll_s));
        let stalled = self.end.stalled(self.now_us(), micros(limit));
        match directive {
            Directive::Watch => Ok(()),
            // What it says must be right before it is commanded; it is made safe whatever it says.
            Directive::Operate if !stalled && !self.tripped && !own.up => Ok(()),
            Directive::Operate if !stalled && !self.tripped => self.operate(own).await,
            Directive::Operate | Directive::Safe | Directive::End => {
                if !own.safe && self.touched {
                    self.make_safe(own).await?;
                }
                Ok(())
            }
        }
    }

    async fn operate(&mut self, own: &mut Connected) -> Result<(), WireError> {
        if self.end.commands(&mut self.wanted).is_none() {
            return Ok(());
        }
        own.safe = false;
        if !own.begun {
            self.begin(own).await?;
        }
        let description = Arc::clone(&self.own.description);
        let again = refresh(&description).is_some_and(|limit| own.written_at.elapsed() >= limit);
        let wanted = std::mem::take(&mut self.wanted);
        let changed = self.set(own, &wanted, again).await;
        self.wanted = wanted;
        if changed? || again {
            own.all(&description.commit).await?;
            own.written_at = Instant::now();
            self.no_errors(own, "what it was told").await?;
        }
        self.beat(own).await
    }

    /// What is written once before the first set-point. Errors of before are not the device's answer to it.
    async fn begin(&mut self, own: &mut Connected) -> Result<(), WireError> {
        let description = Arc::clone(&self.own.description);
        self.drain(own).await?;
        self.touched = true;
        own.all(&description.reversion).await?;
        own.all(&description.begin).await?;
        self.no_errors(own, "what it was told to begin with").await?;
        own.begun = true;
        // It may have set what is also a set-point.
        own.written.fill(None);
        for (check, held) in self.plan.checks.iter().zip(&mut own.held) {
            if matches!(check, Checked::Begin(_)) {
                *held = (None, true);
            }
        }
        Ok(())
    }

    /// Takes the errors that the device holds from before.
    async fn drain(&mut self, own: &mut Connected) -> Result<(), WireError> {
        let Some(question) = &self.errors else { return Ok(()) };
        for _ in 0..MOST_ERRORS {
            if parser::complaint(&own.wire.ask(question).await?).is_none() {
                return Ok(());
            }
        }
        Err(WireError::Protocol(format!("its errors do not end: {question} has had {MOST_ERRORS} of them")))
    }

    /// Asks for errors; one is a refusal of what was told.
    async fn no_errors(&mut self, own: &mut Connected, what: &str) -> Result<(), WireError> {
        let Some(question) = &self.errors else { return Ok(()) };
        match parser::complaint(&own.wire.ask(question).await?) {
            Some(complaint) => Err(WireError::Protocol(format!("{what} is refused with {complaint}"))),
            None => Ok(()),
        }
    }

    /// Writes the set-points that differ from what was written; whether there were any.
    async fn set(&mut self, own: &mut Connected, wanted: &[f64], again: bool) -> Result<bool, WireError> {
        let mut any = false;
        for (k, set_point) in self.own.description.set_points.iter().enumerate() {
            let Some(value) = wanted.get(k).copied().filter(|value| value.is_finite()) else { continue };
            let Some(at) = place(&set_point.source) else { continue };
            let value = value.clamp(set_point.range[0], set_point.range[1]);
            if !again && own.written.get(k) == Some(&Some(value)) {
                continue;
            }
            self.touched = true;
            own.wire.tell(&command(at, value)).await?;
            if let Some(written) = own.written.get_mut(k) {
                *written = Some(value);
            }
            if let Some(check) = self.plan.checks.iter().position(|check| *check == Checked::SetPoint(k)) {
                own.held[check].1 = true;
            }
            any = true;
        }
        Ok(any)
    }

    /// Lets the heartbeat move, when it is time.
    async fn beat(&mut self, own: &mut Connected) -> Result<(), WireError> {
        let Some((source, every_s)) = &self.own.description.heartbeat else { return Ok(()) };
        if self.beat.1.is_some_and(|last| last.elapsed() < Duration::from_secs_f64(*every_s)) {
            return Ok(());
        }
        self.beat = ((self.beat.0 + 1) % 0x7FFF, Some(Instant::now()));
        match place(source) {
            Some(at) => own.wire.tell(&command(at, f64::from(self.beat.0))).await,
            None => Ok(()),
        }
    }

    async fn make_safe(&mut self, own: &mut Connected) -> Result<(), WireError> {
        let description = Arc::clone(&self.own.description);
        match self.drain(own).await {
            // What it complains of must not keep it from being made safe.
            Ok(()) | Err(WireError::Protocol(_)) => {}
            Err(gone) => return Err(gone),
        }
        self.set(own, &description.safe(), true).await?;
        own.all(&description.commit).await?;
        // Nobody speaks to its watchdogs while it is safe: it may have let go by the time it is commanded again.
        (own.safe, own.begun) = (true, false);
        self.no_errors(own, "its safe state").await
    }

    /// The loop has ended: the device is left safe, if it was ever told anything.
    async fn leave(&mut self, own: &mut Connected) -> Result<(), WireError> {
        if !self.touched {
            return Ok(());
        }
        let refused = match self.make_safe(own).await {
            // What it refuses must not keep it from being released.
            Err(WireError::Protocol(what)) => Some(what),
            done => done.map(|()| None)?,
        };
        let description = Arc::clone(&self.own.description);
        own.all(&description.release).await?;
        let released = self.no_errors(own, "its release").await;
        refused.map_or(released, |what| Err(WireError::Protocol(what)))
    }

    /// Reads back what must hold, asks for everything, judges it, publishes it.
    async fn read(&mut self, own: &mut Connected) -> Result<(), WireError> {
        let held = self.check(own).await?;
        let origin_us = self.now_us();
        self.ask(own).await?;
        self.fill()?;
        let verdict = plausible(&self.own.description, &self.plan, &self.values)
            .and_then(|()| own.moved.judge(&self.own.description, &self.values, Instant::now()))
            .and_then(|()| if self.tripped { Err(TRIPPED.into()) } else { Ok(()) });
        match verdict {
            Ok(()) => {
                own.up = true;
                self.end.confirm(held && own.written.iter().any(Option::is_some));
                let trouble = (!held).then(|| "a set-point does not read back as it was written".into());
                self.end.report(LinkState::Up, trouble);
                self.end.publish(origin_us, self.now_us(), &self.values);
            }
            Err(what) => {
                self.end.confirm(false);
                self.end.report(LinkState::Wrong, Some(what));
            }
        }
        Ok(())
    }

    async fn ask(&mut self, own: &mut Connected) -> Result<(), WireError> {
        let mut answered = own.up || !self.own.description.identity.is_empty();
        for (question, answer) in self.plan.questions.iter_mut().zip(&mut self.answers) {
            if question.absent {
                continue;
            }
            match own.wire.ask(&question.text).await {
                Ok(said) => {
                    *answer = Some(said);
                    answered = true;
                }
                Err(error) => {
                    // Asked what it does not know, an instrument says nothing. If it answers others it is there.
                    let unknown = matches!(error, WireError::Timeout { .. }) && answered;
                    question.absent = question.optional && answer.is_none() && unknown;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), WireError> {
        for (k, point) in self.own.description.points.iter().enumerate() {
            let question = self.plan.asks[k];
            let known = self.answers[question].as_ref().filter(|_| !self.plan.questions[question].absent);
            let value = match (place(&point.source), known) {
                (Some(at), Some(answer)) => decoded(at, answer, at.part).map(|own| own.value),
                _ => Ok(f64::NAN),
            };
            let named = |error| WireError::Protocol(format!("{}: {error}", point.name));
            self.values[k] = value.map_err(named)?;
        }
        Ok(())
    }

    /// Reads back what was begun, what was written, and one more in turn; whether all that was asked so far holds.
    async fn check(&mut self, own: &mut Connected) -> Result<bool, WireError> {
        if own.written.iter().all(Option::is_none) && !own.begun {
            return Ok(true);
        }
        let count = self.plan.checks.len();
        for k in 0..count {
            if own.held[k].1 || k == own.turn || matches!(self.plan.checks[k], Checked::Begin(_)) {
                self.check_one(own, k).await?;
            }
        }
        own.turn = (own.turn + 1) % count.max(1);
        let relevant = |(check, held): (&Checked, &(Option<bool>, bool))| match check {
            Checked::Begin(_) => !own.begun || held.0 == Some(true),
            Checked::SetPoint(k) => own.written[*k].is_none() || held.0 == Some(true),
        };
        Ok(self.plan.checks.iter().zip(&own.held).all(relevant))
    }

    async fn check_one(&mut self, own: &mut Connected, k: usize) -> Result<(), WireError> {
        let description = Arc::clone(&self.own.description);
        let (name, at, value) = match self.plan.checks[k] {
            Checked::SetPoint(at) => {
                let set_point = &description.set_points[at];
                (set_point.name.as_str(), place(&set_point.source), own.written[at])
            }
            Checked::Begin(at) => {
                let begin = &description.begin[at];
                ("", place(&begin.source), Some(begin.value).filter(|_| own.begun))
            }
        };
        let (Some(at), Some(value)) = (at, value) else { return Ok(()) };
        let Some(question) = &at.question else { return Ok(()) };
        let holds = is_held(name, at, value, &own.wire.ask(question).await?);
        let before = std::mem::replace(&mut own.held[k], (Some(holds), false)).0;
        if matches!(self.plan.checks[k], Checked::Begin(_)) && before == Some(true) && !holds {
            self.tripped = true;
        }
        Ok(())
    }
}

impl Connected {
    async fn all(&mut self, list: &[Write]) -> Result<(), WireError> {
        for own in list {
            if let Some(at) = place(&own.source) {
                self.wire.tell(&command(at, own.value)).await?;
            }
        }
        Ok(())
    }
}

impl Trouble {
    fn gone(what: String) -> Self {
        Self { what, wrong: false, was_up: false }
    }
}

impl From<WireError> for Trouble {
    fn from(error: WireError) -> Self {
        Self { what: error.to_string(), wrong: matches!(error, WireError::Protocol(_)), was_up: false }
    }
}

/// How often set-points are written again though they are the same: three times while a timer of the device's runs.
fn refresh(description: &Description) -> Option<Duration> {
    let shortest = description.reversion.iter().map(|own| own.value).fold(f64::INFINITY, f64::min);
    shortest.is_finite().then(|| Duration::from_secs_f64(shortest / 3.0))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
