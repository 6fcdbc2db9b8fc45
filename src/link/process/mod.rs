//! A user's controller as a process: one line of JSON each way at every step.
//!
//! There is one question at a time: the next is asked when the last is answered, so that a slow process never works off a
//! queue of old ones. In batch the bench waits for the answer, which makes a run depend on nothing but what is said; no
//! answer for [`Waits::answer`] ends the process. Paced, an answer that is not there by [`Waits::pace`] is late: the old
//! commands hold, and when it comes it is discarded by its tick. What is said and cannot be is a lie and counts as the
//! answer to the question; the next step asks again. Limits: the wall clock is read here, so a paced run is not
//! repeatable; the answer's numbers are allocated by the thread that reads them.

mod answer;
mod child;
mod group;
mod line;
mod question;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Answer, Setup, command};
use crate::quantity::Tick;
use crate::signal::Frame;
use answer::Answered;
use child::{Next, Running, Said};
use question::Questions;

/// Answers to former steps that are passed over in one step, at most.
const MOST_STALE: usize = 64;
/// How long a process that has closed its output may take to end by itself, so that its status is known; in batch.
const TO_END: Duration = Duration::from_millis(200);

/// How long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// From the start of the process until it says that it is ready.
    pub start: Duration,
    /// Until a process that does not answer is given up.
    pub answer: Duration,
    /// For an answer within a step; `None` in batch, where the answer is waited for.
    pub pace: Option<Duration>,
}

impl Default for Waits {
    /// 10 s for the start and for an answer, in batch.
    fn default() -> Self {
        Self { start: Duration::from_secs(10), answer: Duration::from_secs(10), pace: None }
    }
}

/// What a process controller is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The program and its arguments; a name without a separator is searched for, a path is one from the directory.
    pub command: Vec<String>,
    /// Where it runs; `None` is where the bench does.
    pub directory: Option<PathBuf>,
    /// What it is told.
    pub setup: Setup,
    /// How long is waited for it.
    pub waits: Waits,
}

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no program to start.
    #[error("there is no command")]
    NoCommand,
    /// The system did not start it.
    #[error("`{program}` cannot be started: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It did not say that it is ready.
    #[error("`{program}` did not get ready: {reason}; {last_words}")]
    NotReady {
        /// The program.
        program: String,
        /// What was wrong.
        reason: String,
        /// How it ended, and the end of its standard error.
        last_words: String,
    },
}

/// A process with a control law in it.
pub struct ProcessController {
    running: Running,
    questions: Questions,
    waits: Waits,
    /// The question that is not answered yet, and when it was asked.
    open: Option<(u64, Instant)>,
    values: Vec<f64>,
    dead: Option<String>,
}

impl ProcessController {
    /// Starts the process and waits until it is ready.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let Settings { command, directory, setup, waits } = settings;
        let program = command.first().cloned().ok_or(StartError::NoCommand)?;
        let running = Running::start(&command, directory.as_deref(), setup.outputs.clone());
        let mut running = running.map_err(|source| StartError::Spawn { program: program.clone(), source })?;
        let until = Instant::now() + waits.start;
        let mut hello = running.buffer(until).unwrap_or_default();
        question::hello(&setup, &mut hello);
        running.ask(hello);
        let reason = match running.next(until) {
            Next::Said(Said::Ready) => {
                let (questions, values) = (Questions::new(&setup), vec![f64::NAN; setup.outputs.names().len()]);
                return Ok(Self { running, questions, waits, open: None, values, dead: None });
            }
            Next::Said(Said::Lie(reason)) => reason,
            Next::Said(Said::Answer(_)) => "it answered what it was not asked".into(),
            Next::Nothing => format!("it said nothing within {} s", waits.start.as_secs_f64()),
            Next::Ended => "it closed its output".into(),
        };
        running.end(TO_END);
        Err(StartError::NotReady { program, reason, last_words: running.last_words() })
    }

    /// From now on a step waits so long for an answer; `None` waits as in batch.
    pub fn set_pace(&mut self, pace: Option<Duration>) {
        self.waits.pace = pace;
    }

    /// One step: `measured` has the inputs of the set-up, `commands` its outputs.
    pub fn step(&mut self, tick: Tick, t_s: f64, measured: &Frame, commands: &mut Frame) -> Answer {
        let answer = self.answer(tick, t_s, measured);
        command(tick, &answer, &self.values, commands);
        answer
    }

    /// Why it is dead, how it ended and the end of its standard error; `None` while it lives. May wait for half a second.
    pub fn why(&self) -> Option<String> {
        self.dead.as_ref().map(|reason| format!("{reason}; {}", self.running.last_words()))
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    fn answer(&mut self, tick: Tick, t_s: f64, measured: &Frame) -> Answer {
        if self.dead.is_some() {
            return Answer::Dead;
        }
        let until = Instant::now() + self.waits.pace.unwrap_or(self.waits.answer);
        for _ in 0..=MOST_STALE {
            if self.open.is_none() && !self.ask(tick, t_s, measured, until) {
                return self.deaf();
            }
            match self.running.next(until) {
                Next::Said(Said::Answer(answered)) => {
                    if let Some(answer) = self.take(answered, tick) {
                        return answer;
                    }
                }
                Next::Said(Said::Lie(reason)) => return self.lied(reason),
                Next::Said(Said::Ready) => return self.lied("it got ready twice".into()),
                Next::Nothing => return self.nothing(),
                Next::Ended => return self.died("it closed its output".into(), TO_END),
            }
        }
        self.lied(format!("it said more than {MOST_STALE} things that it was not asked"))
    }

    /// Asks for a step; whether there was room for the question in time.
    fn ask(&mut self, tick: Tick, t_s: f64, measured: &Frame, until: Instant) -> bool {
        let Some(mut question) = self.running.buffer(until) else { return false };
        self.questions.step(tick, t_s, measured, &mut question);
        self.running.ask(question);
        self.open = Some((tick.0, Instant::now()));
        true
    }

    /// It has said something for each question, and yet the last questions are not read.
    fn deaf(&mut self) -> Answer {
        let reason = "it answers without reading what it is asked";
        match self.waits.pace {
            Some(_) => self.lied(reason.into()),
            None => self.died(reason.into(), Duration::ZERO),
        }
    }

    /// What an answer is worth; `None` where it is one to a former step.
    fn take(&mut self, answered: Answered, tick: Tick) -> Option<Answer> {
        let asked = self.open.map(|(asked, _)| asked);
        if answered.tick > asked.unwrap_or(tick.0) {
            let reason = format!("it answered tick {} when asked for {}", answered.tick, asked.unwrap_or(tick.0));
            return Some(self.lied(reason));
        }
        if Some(answered.tick) == asked {
            self.open = None;
        }
        (answered.tick == tick.0).then(|| {
            self.values = answered.values;
            Answer::Fresh
        })
    }

    fn lied(&mut self, reason: String) -> Answer {
        self.open = None;
        Answer::Lied(reason)
    }

    /// No answer by the deadline.
    fn nothing(&mut self) -> Answer {
        let given_up = self.open.is_some_and(|(_, since)| since.elapsed() >= self.waits.answer);
        if self.waits.pace.is_some() && !given_up {
            return Answer::Late;
        }
        self.died(format!("it did not answer within {} s", self.waits.answer.as_secs_f64()), Duration::ZERO)
    }

    fn died(&mut self, reason: String, grace: Duration) -> Answer {
        self.running.end(if self.waits.pace.is_some() { Duration::ZERO } else { grace });
        self.dead = Some(reason);
        Answer::Dead
    }
}
