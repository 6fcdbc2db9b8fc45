//! What a PMU or PDC says it is: its header and configuration, and for a moment its data.
//!
//! Nothing but the protocol's commands is written, and each is answered before the next, since some devices read no second
//! command out of one packet: send configuration, send header, data on, data off. It ends within [`Settings::answer`] times
//! [`MOST_ASKED`] and once more for the header, and [`Settings::listen`], whatever comes.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::config::Config;
use super::data::{self, Reading};
use super::frame::{Body, Command, ConfigKind, Frame, FrameError, Time, Version};
use super::parser::Parser;

/// Times that a configuration is asked for.
pub const MOST_ASKED: u32 = 3;
/// Numbers of other streams that are remembered.
const MOST_OTHERS: usize = 16;
/// Bytes that are read at once.
const BLOCK: usize = 4096;

/// How it is looked.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The stream's number (IDCODE).
    pub id: u16,
    /// How long is waited for the configuration, each time.
    pub answer: Duration,
    /// How long data are listened to; not at all at 0.
    pub listen: Duration,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The configuration (CFG-2).
    pub config: Config,
    /// What the device says of itself, if it does.
    pub header: Option<String>,
    /// The newest data frame: its time and values, by station.
    pub last: Option<(Time, Vec<Reading>)>,
    /// Data frames that were read.
    pub frames: u64,
    /// From the first to the last of them, in s.
    pub lasted_s: f64,
    /// Frames that were damaged, or did not fit the configuration.
    pub damaged: u64,
}

impl Found {
    /// Frames per second as they came; `None` of less than two.
    pub fn rate_hz(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "frames of some seconds")]
        let rate = (self.frames.saturating_sub(1)) as f64 / self.lasted_s;
        (self.frames > 1 && self.lasted_s > 0.0).then_some(rate)
    }
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The connection broke.
    #[error("the connection is lost: {0}")]
    Lost(#[from] io::Error),
    /// The other side ended it.
    #[error("it closed the connection")]
    Closed,
    /// It takes no commands.
    #[error("it takes no commands")]
    Stuck,
    /// It says nothing at all.
    #[error("it does not answer as stream {0}")]
    Silent(u16),
    /// It speaks, as another stream.
    #[error("it does not answer as stream {wanted}, but sends as {}", list(.given))]
    Other {
        /// As what it was asked.
        wanted: u16,
        /// As what it sends.
        given: Vec<u16>,
    },
    /// It sends what are no frames.
    #[error("what it sends are no frames of C37.118: {0}")]
    NoFrames(FrameError),
}

fn list(ids: &[u16]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

struct Scan<'a, S> {
    stream: &'a mut S,
    settings: Settings,
    parser: Parser,
    block: Vec<u8>,
    config: Option<Config>,
    header: Option<String>,
    others: BTreeSet<u16>,
    wrong: Option<FrameError>,
    last: Option<(Time, Vec<Reading>)>,
    frames: u64,
    /// When the first and the last data frame came.
    between: Option<(Instant, Instant)>,
    damaged: u64,
}

/// Looks.
///
/// # Errors
/// When there is no configuration to be had.
pub async fn scan<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, settings: Settings) -> Result<Found, ScanError> {
    let mut scan = Scan {
        stream,
        settings,
        parser: Parser::new(),
        block: vec![0; BLOCK],
        config: None,
        header: None,
        others: BTreeSet::new(),
        wrong: None,
        last: None,
        frames: 0,
        between: None,
        damaged: 0,
    };
    let config = scan.configuration().await?;
    scan.header().await?;
    if !settings.listen.is_zero() {
        let listened = scan.listen().await;
        // Whatever came of it: the connection closes next.
        let _ = scan.send(Command::DataOff).await;
        listened?;
    }
    let lasted_s = scan.between.map_or(0.0, |(first, last)| (last - first).as_secs_f64());
    let Scan { header, last, frames, damaged, .. } = scan;
    Ok(Found { config, header, last, frames, lasted_s, damaged })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Scan<'_, S> {
    async fn configuration(&mut self) -> Result<Config, ScanError> {
        for _ in 0..MOST_ASKED {
            self.send(Command::Send(ConfigKind::Cfg2)).await?;
            let until = Instant::now() + self.settings.answer;
            while self.read(until).await? {
                if let Some(config) = self.config.clone() {
                    return Ok(config);
                }
            }
        }
        let (wanted, given) = (self.settings.id, self.others.iter().copied().collect::<Vec<_>>());
        Err(match self.wrong {
            _ if !given.is_empty() => ScanError::Other { wanted, given },
            Some(wrong) => ScanError::NoFrames(wrong),
            None => ScanError::Silent(wanted),
        })
    }

    /// Asks for the header; many have none.
    async fn header(&mut self) -> Result<(), ScanError> {
        self.send(Command::SendHeader).await?;
        let until = Instant::now() + self.settings.answer;
        while self.header.is_none() && self.read(until).await? {}
        Ok(())
    }

    async fn listen(&mut self) -> Result<(), ScanError> {
        self.send(Command::DataOn).await?;
        let until = Instant::now() + self.settings.listen;
        while self.read(until).await? {}
        Ok(())
    }

    /// Reads what is there; whether there is time left.
    async fn read(&mut self, until: Instant) -> Result<bool, ScanError> {
        let count = match timeout_at(until, self.stream.read(&mut self.block)).await {
            Err(_) => return Ok(false),
            Ok(read) => read.map_err(lost)?,
        };
        if count == 0 {
            return Err(ScanError::Closed);
        }
        self.parser.push(self.block.get(..count).unwrap_or_default());
        while let Some(frame) = self.parser.next() {
            match frame {
                Ok(frame) => self.take(frame),
                Err(error) => {
                    self.damaged += 1;
                    self.wrong.get_or_insert(error);
                }
            }
        }
        Ok(Instant::now() < until)
    }

    fn take(&mut self, frame: Frame) {
        if frame.id != self.settings.id {
            if self.others.len() < MOST_OTHERS && !matches!(frame.body, Body::Command(_)) {
                self.others.insert(frame.id);
            }
            return;
        }
        match frame.body {
            Body::Config(ConfigKind::Cfg2, config) => self.config = Some(config),
            Body::Header(bytes) => self.header = Some(words(&bytes)),
            Body::Data(body) => {
                let Some(config) = &self.config else { return };
                let Ok(readings) = data::decode(config, &body) else {
                    self.damaged += 1;
                    return;
                };
                let now = Instant::now();
                self.between = Some((self.between.map_or(now, |(first, _)| first), now));
                self.frames += 1;
                self.last = Some((frame.time, readings));
            }
            _ => {}
        }
    }

    async fn send(&mut self, command: Command) -> Result<(), ScanError> {
        let (id, time) = (self.settings.id, Time::default());
        let frame = Frame { version: Version::V2011, id, time, body: Body::Command(command) };
        // A command always has room in its frame.
        let bytes = frame.encode().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let sent = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        timeout(self.settings.answer, sent).await.map_err(|_| ScanError::Stuck)?.map_err(lost)
    }
}

/// The other side's end has several names.
fn lost(error: io::Error) -> ScanError {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => ScanError::Closed,
        _ => ScanError::Lost(error),
    }
}

/// A header in one line, without what a terminal would obey.
fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text: String = text.chars().map(|own| if own.is_control() { ' ' } else { own }).take(1000).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Phasor, PhasorChannel, Place, Server, Stat, Station, TimeQuality, Unit};
    use super::*;
    use proptest::prelude::*;

    fn config(id: u16) -> Config {
        let format = Format { polar: true, phasors_float: true, analogs_float: true, frequency_float: true };
        let phasor = PhasorChannel { name: "VA".into(), unit: Unit::Volt, scale: 1.0, turn_rad: 0.0, component: 0 };
        let station = Station {
            name: "bus 671".into(),
            id,
            format,
            phasors: vec![phasor],
            analogs: Vec::new(),
            digitals: Vec::new(),
            nominal_hz: 50,
            change_count: 0,
            place: Place::default(),
        };
        Config { id, time_base: 1_000_000, stations: vec![station], data_rate: 50 }
    }

    fn settings(id: u16) -> Settings {
        Settings { id, answer: Duration::from_millis(500), listen: Duration::from_secs(1) }
    }

    async fn scanned(id: u16) -> Result<Found, ScanError> {
        let server = Server::new(config(7), "by hand\n\x1b[2J".into()).unwrap();
        let (mut near, far) = tokio::io::duplex(4096);
        let reading = || Reading {
            stat: Stat(0),
            phasors: vec![Phasor::degrees(230.0, -120.0)],
            f_hz: 50.0,
            rocof_hz_s: 0.0,
            analogs: Vec::new(),
            digitals: Vec::new(),
        };
        let fed = server.clone();
        tokio::spawn(async move { fed.feed(0, move |_| Some((TimeQuality(0), vec![reading()]))).await });
        tokio::spawn(async move { server.serve(far).await });
        scan(&mut near, settings(id)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_pmu_says_what_it_is() {
        let found = scanned(7).await.unwrap();
        assert_eq!((&found.config, found.header.as_deref()), (&config(7), Some("by hand [2J")));
        let (_, readings) = found.last.as_ref().unwrap();
        assert!((readings[0].phasors[0].magnitude - 230.0).abs() < 1e-4);
        assert!((found.rate_hz().unwrap() - 50.0).abs() < 2.0, "{:?}", found.rate_hz());
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_is_said_so() {
        assert!(matches!(scanned(8).await, Err(ScanError::Silent(8))));
        let (mut near, mut far) = tokio::io::duplex(4096);
        let time = Time::default();
        let frame = Frame { version: Version::V2011, id: 9, time, body: Body::Header(b"me".to_vec()) };
        far.write_all(&frame.encode().unwrap()).await.unwrap();
        let error = scan(&mut near, settings(8)).await.unwrap_err();
        assert_eq!(error.to_string(), "it does not answer as stream 8, but sends as 9");
        drop(far);
        assert!(matches!(scan(&mut near, settings(8)).await, Err(ScanError::Closed | ScanError::Lost(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let (mut near, mut far) = tokio::io::duplex(4096);
                far.write_all(&bytes).await.unwrap();
                assert!(scan(&mut near, settings(7)).await.is_err());
            });
        }
    }
}
