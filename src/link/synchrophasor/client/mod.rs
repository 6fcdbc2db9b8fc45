//! The driver of a PMU or PDC: asks for its configuration, has it send, publishes one sample per data frame.
//!
//! It writes nothing but the protocol's commands, whatever the directive. Data off, configuration, data on; then each data
//! frame with a time of its own becomes a sample. A configuration is read again where one comes unasked, the STAT word's bit
//! for a change rises or falls, or a frame does not fit; it goes on where the wanted phasors still mean the same, and
//! otherwise stays [`LinkState::Wrong`]. Requests without an answer are repeated, then the connection is given up; so is one
//! without new data for [`Settings::timeout`]. It connects again after 50 ms, doubling to 500 ms, until data come.
//!
//! Limits: TCP only, data both ways in one connection. Source: IEEE C37.118.2-2011, 6.6 and Annex E.

mod bind;
mod timeline;

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use bind::{BindError, Settings, WantedPhasor, WantedStation};

use super::data;
use super::frame::{Body, Command, Frame, FrameError, Time, Version};
use super::parser::Parser;
use crate::link::port::{Directive, DriverEnd, LinkState};
use bind::{Binding, Meaning};
use timeline::{Placed, Timeline};

/// How often it looks whether it is to end.
const LOOK: Duration = Duration::from_millis(10);
/// First and longest pause before it connects again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// Times that a configuration is asked for.
const MOST_ASKED: u32 = 3;
/// Frames in a row that may come twice.
const MOST_DOUBLED: u32 = 3;
/// Bytes that are read at once.
const BLOCK: usize = 4096;

/// What a driver has seen, when it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were made.
    pub connections: u64,
    /// Samples that were published.
    pub published: u64,
    /// Frames that came after a later one, and were dropped.
    pub late: u64,
    /// Frames with the time of the one before, which were dropped.
    pub duplicates: u64,
    /// Frames whose time was not where the clock should have been.
    pub jumps: u64,
    /// Frames with a wrong check word, size or field.
    pub damaged: u64,
    /// Bytes that belonged to no frame.
    pub garbage: u64,
    /// Data frames of another stream.
    pub foreign: u64,
    /// Data frames that did not fit the configuration.
    pub misfits: u64,
    /// Configurations that were read.
    pub configurations: u64,
}

/// Why a connection ended.
enum Ending {
    Lost(String),
    Wrong(String),
}

/// What a frame asks for.
enum Then {
    Nothing,
    AskAgain,
    SendOn,
    Give(Ending),
}

struct Driver<'a, T> {
    settings: &'a Settings,
    end: &'a DriverEnd,
    clock_us: T,
    counts: Counts,
    timeline: Timeline,
    meaning: Option<Meaning>,
    values: Vec<f64>,
    was_up: bool,
    pause: Duration,
    line: Line,
}

/// What belongs to one connection.
struct Line {
    parser: Parser,
    binding: Option<Binding>,
    changing: bool,
    /// When a configuration was asked for last, and how often without an answer.
    asked: (Instant, u32),
    /// A configuration is to be asked for again, as soon as that is not too soon.
    again: bool,
    /// When data were new last, or asked for.
    fresh: Instant,
    /// Why frames that come cannot be right.
    wrong: Option<String>,
    /// Frames in a row that came twice, and whether the newest did.
    doubled: (u32, bool),
}

impl Line {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            parser: Parser::new(),
            binding: None,
            changing: false,
            asked: (now, 0),
            again: false,
            fresh: now,
            wrong: None,
            doubled: (0, false),
        }
    }
}

/// Drives a PMU until the loop's end says [`Directive::End`]; `connect` makes a connection, `clock_us` is the session's clock.
///
/// The points of a sample are [`Settings::points`]. A sample's origin is the frame's own time on the session's clock: by
/// [`Settings::utc_at_zero_us`] where that is given; otherwise the first frame's time is put where it arrived, and moved
/// earlier when a frame arrives with less delay, so that no origin is after its arrival.
pub async fn run<S, C, F>(settings: Settings, mut connect: C, end: DriverEnd, clock_us: impl Fn() -> u64) -> Counts
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: FnMut() -> F,
    F: Future<Output = io::Result<S>>,
{
    let mut driver = Driver {
        settings: &settings,
        end: &end,
        clock_us,
        counts: Counts::default(),
        timeline: Timeline::new(settings.utc_at_zero_us),
        meaning: None,
        values: vec![f64::NAN; settings.points().len()],
        was_up: false,
        pause: PAUSES.0,
        line: Line::new(),
    };
    loop {
        let connected = tokio::select! {
            biased;
            () = told_to_end(&end) => break,
            connected = timeout(settings.timeout, connect()) => connected,
        };
        let ending = match connected {
            Err(_) => Ending::Lost("no connection in time".into()),
            Ok(Err(error)) => Ending::Lost(format!("no connection: {error}")),
            Ok(Ok(mut stream)) => {
                let ending = tokio::select! {
                    biased;
                    () = told_to_end(&end) => None,
                    ending = driver.connection(&mut stream) => Some(ending),
                };
                // Whatever comes of it: the connection closes next.
                let _ = driver.send(&mut stream, Command::DataOff).await;
                let Some(ending) = ending else { break };
                ending
            }
        };
        driver.ended(ending);
        let pause = driver.pause;
        driver.pause = (pause * 2).min(PAUSES.1);
        tokio::select! {
            biased;
            () = told_to_end(&end) => break,
            () = sleep(pause) => {}
        }
    }
    driver.counts
}

async fn told_to_end(end: &DriverEnd) {
    while end.directive() != Directive::End {
        sleep(LOOK).await;
    }
}

impl<T: Fn() -> u64> Driver<'_, T> {
    fn ended(&mut self, ending: Ending) {
        let (state, reason) = match ending {
            Ending::Wrong(reason) => (LinkState::Wrong, reason),
            Ending::Lost(reason) if self.was_up => (LinkState::Down, reason),
            Ending::Lost(reason) => (LinkState::Connecting, reason),
        };
        self.end.report(state, Some(reason));
    }

    /// Works a connection until it is lost or wrong.
    async fn connection<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S) -> Ending {
        self.counts.connections += 1;
        self.line = Line::new();
        let mut block = vec![0; BLOCK];
        if let Err(ending) = self.send(stream, Command::DataOff).await {
            return ending;
        }
        if let Err(ending) = self.ask(stream).await {
            return ending;
        }
        loop {
            let read = timeout_at(self.deadline(), stream.read(&mut block)).await;
            let worked = match read {
                Ok(Ok(0)) => Err(Ending::Lost("the device has closed the connection".into())),
                Ok(Err(error)) => Err(Ending::Lost(format!("reading failed: {error}"))),
                Ok(Ok(count)) => self.take(stream, block.get(..count).unwrap_or_default()).await,
                Err(_) => Ok(()),
            };
            let worked = match worked {
                Ok(()) => self.watch(stream).await,
                Err(ending) => Err(ending),
            };
            if let Err(ending) = worked {
                return ending;
            }
        }
    }

    async fn take<S: AsyncWrite + Unpin>(&mut self, stream: &mut S, bytes: &[u8]) -> Result<(), Ending> {
        let received_us = (self.clock_us)();
        self.line.parser.push(bytes);
        while let Some(frame) = self.line.parser.next() {
            match self.frame(frame, received_us) {
                Then::Nothing => {}
                Then::AskAgain => self.ask_again(stream).await?,
                Then::SendOn => self.send(stream, Command::DataOn).await?,
                Then::Give(ending) => return Err(ending),
            }
        }
        Ok(())
    }

    fn deadline(&self) -> Instant {
        let line = &self.line;
        let answer = line.asked.0 + self.settings.answer;
        let data = line.fresh + self.settings.timeout;
        match (&line.binding, line.asked.1 > 0) {
            (None, _) => answer,
            (Some(_), true) => answer.min(data),
            (Some(_), false) => data,
        }
    }

    /// What is overdue: an answer, data.
    async fn watch<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> Result<(), Ending> {
        let now = Instant::now();
        let line = &self.line;
        if line.binding.is_some() && now >= line.fresh + self.settings.timeout {
            let ms = self.settings.timeout.as_millis();
            return Err(match &line.wrong {
                Some(reason) => Ending::Wrong(reason.clone()),
                None => Ending::Lost(format!("no new data for {ms} ms")),
            });
        }
        if line.again && line.asked.1 == 0 {
            return self.ask_again(stream).await;
        }
        if line.asked.1 == 0 || now < line.asked.0 + self.settings.answer {
            return Ok(());
        }
        if line.asked.1 >= MOST_ASKED {
            return Err(Ending::Lost(format!("no configuration after {MOST_ASKED} requests")));
        }
        self.ask(stream).await
    }

    async fn ask<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> Result<(), Ending> {
        (self.line.asked, self.line.again) = ((Instant::now(), self.line.asked.1 + 1), false);
        self.send(stream, Command::Send(self.settings.configuration)).await
    }

    /// Asks, or later, where that was done a moment ago.
    async fn ask_again<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> Result<(), Ending> {
        let (asked, open) = self.line.asked;
        self.line.again = true;
        match open == 0 && Instant::now() >= asked + self.settings.answer {
            true => self.ask(stream).await,
            false => Ok(()),
        }
    }

    async fn send<S: AsyncWrite + Unpin>(&self, stream: &mut S, command: Command) -> Result<(), Ending> {
        let (id, time) = (self.settings.id, Time::default());
        let frame = Frame { version: Version::V2011, id, time, body: Body::Command(command) };
        let bytes = frame.encode().map_err(|error| Ending::Wrong(error.to_string()))?;
        let sent = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        match timeout(self.settings.answer, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Ending::Lost(format!("writing failed: {error}"))),
            Err(_) => Err(Ending::Lost("the device takes no command".into())),
        }
    }

    fn frame(&mut self, frame: Result<Frame, FrameError>, received_us: u64) -> Then {
        match frame {
            Err(FrameError::Garbage(bytes)) => {
                self.counts.garbage += u64::try_from(bytes).unwrap_or(u64::MAX);
                self.end.count_errors(1);
                Then::Nothing
            }
            Err(_) => {
                self.counts.damaged += 1;
                self.end.count_errors(1);
                Then::Nothing
            }
            Ok(Frame { body: Body::Config(kind, config), .. }) if kind == self.settings.configuration => {
                self.counts.configurations += 1;
                self.configure(config)
            }
            Ok(Frame { id, time, body: Body::Data(body), .. }) => self.data(id, time, &body, received_us),
            Ok(_) => Then::Nothing,
        }
    }

    fn configure(&mut self, config: super::Config) -> Then {
        let bound = Binding::new(self.settings, config, self.meaning.as_ref());
        match bound {
            Err(error) => Then::Give(Ending::Wrong(error.to_string())),
            Ok(binding) => {
                self.meaning = Some(binding.meaning.clone());
                let first = self.line.binding.replace(binding).is_none();
                (self.line.asked.1, self.line.again) = (0, false);
                if !first {
                    return Then::Nothing;
                }
                self.line.fresh = Instant::now();
                Then::SendOn
            }
        }
    }

    fn data(&mut self, id: u16, time: Time, body: &[u8], received_us: u64) -> Then {
        let Some(binding) = &self.line.binding else { return Then::Nothing };
        if id != self.settings.id {
            self.counts.foreign += 1;
            return self.wrong(format!("data of stream {id} instead of {}", self.settings.id));
        }
        let utc_us = time.utc_us(binding.config.time_base);
        let (Some(utc_us), Ok(readings)) = (utc_us, data::decode(&binding.config, body)) else {
            self.counts.misfits += 1;
            return self.wrong("data do not fit the configuration".into());
        };
        let changing = readings.iter().any(|reading| reading.stat.config_change());
        let then = if changing == self.line.changing { Then::Nothing } else { Then::AskAgain };
        self.line.changing = changing;
        match self.timeline.place(utc_us, received_us, binding.config.period_us()) {
            Placed::Late => self.counts.late += 1,
            Placed::Duplicate => {
                self.counts.duplicates += 1;
                // One that is repeated without end is frozen, and no second.
                self.line.doubled.0 += u32::from(!self.line.doubled.1);
                self.line.doubled.1 = true;
                if self.line.doubled.0 >= MOST_DOUBLED {
                    let what = "every frame comes twice: do two devices send this stream?";
                    self.end.report(LinkState::Wrong, Some(what.into()));
                }
            }
            Placed::Jump(origin_us) => {
                self.counts.jumps += 1;
                self.values.fill(f64::NAN);
                self.end.report(LinkState::Wrong, Some(format!("the device's clock jumped to {utc_us} µs UTC")));
                self.publish(origin_us, received_us);
            }
            Placed::Fresh(origin_us) => {
                if !std::mem::take(&mut self.line.doubled.1) {
                    self.line.doubled.0 = 0;
                }
                if self.line.doubled.0 >= MOST_DOUBLED {
                    // Of which of the two is it?
                    self.line.fresh = Instant::now();
                    return then;
                }
                binding.values(self.settings, time.quality, &readings, &mut self.values);
                (self.was_up, self.pause, self.line.wrong) = (true, PAUSES.0, None);
                self.end.report(LinkState::Up, None);
                self.publish(origin_us, received_us);
            }
        }
        then
    }

    fn publish(&mut self, origin_us: u64, received_us: u64) {
        self.counts.published += 1;
        self.line.fresh = Instant::now();
        self.end.publish(origin_us, received_us, &self.values);
    }

    /// A frame that cannot be right: perhaps the configuration is another by now.
    fn wrong(&mut self, reason: String) -> Then {
        self.end.report(LinkState::Wrong, Some(reason.clone()));
        self.line.wrong = Some(reason);
        Then::AskAgain
    }
}
