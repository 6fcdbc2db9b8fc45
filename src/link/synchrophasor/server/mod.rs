//! A PMU that others read: answers commands and sends what it is given.
//!
//! [`Server::publish`] is given values by whoever has them, or [`Server::feed`] asks a closure for them at the stream's rate.
//! Each client has its own task; frames are made once for all. A client that takes a frame not within [`PATIENCE`], or is
//! [`QUEUE`] frames behind, is dropped. Limits: at most [`MOST_CLIENTS`] clients by TCP, of the addresses that are allowed,
//! loopback when none is named; no authentication, as the standard has none. Source: IEEE C37.118.2-2011, 6.

mod fault;

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

pub use fault::Fault;

use super::config::Config;
use super::data::{self, Reading};
use super::frame::{Body, Command, ConfigKind, EncodeError, Frame, Time, TimeQuality, Version};
use super::parser::Parser;
use fault::Script;

/// Most clients by TCP at a time.
pub const MOST_CLIENTS: usize = 8;
/// Frames that a client may be behind.
pub const QUEUE: usize = 64;
/// How long a client may take for a frame.
pub const PATIENCE: Duration = Duration::from_millis(200);
/// Bytes that are read of a client at once.
const BLOCK: usize = 1024;

/// The server; clones are the same one.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Mutex<Shared>>,
    frames: broadcast::Sender<Outgoing>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    header: String,
    now: Time,
    script: Script,
    counts: ServerCounts,
}

/// What a server has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerCounts {
    /// Data frames that were published.
    pub published: u64,
    /// Clients that were served.
    pub clients: u64,
    /// Connections that were refused: not allowed, or too many.
    pub refused: u64,
    /// Clients that were dropped because they were slow.
    pub slow: u64,
    /// Commands that were followed.
    pub commands: u64,
}

/// Bytes on their way to all clients, and when they are to go.
#[derive(Clone, Debug)]
struct Outgoing {
    bytes: Arc<[u8]>,
    due: Instant,
    close: bool,
}

/// How a client went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It closed the connection, or that broke.
    Gone,
    /// It was too slow.
    Slow,
    /// The server closed it, by [`Fault::Close`].
    Closed,
}

impl Server {
    /// A server of a stream.
    ///
    /// # Errors
    /// When the configuration cannot be written as CFG-2 or CFG-3.
    pub fn new(config: Config, header: String) -> Result<Self, EncodeError> {
        writable(&config)?;
        let (now, script) = (Time::default(), Script::default());
        let shared = Shared { config, header, now, script, counts: ServerCounts::default() };
        let (frames, _) = broadcast::channel(QUEUE);
        Ok(Self { shared: Arc::new(Mutex::new(shared)), frames })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it has seen so far.
    pub fn counts(&self) -> ServerCounts {
        self.shared().counts
    }

    /// The next so many frames have a fault.
    pub fn inject(&self, fault: Fault, frames: u64) {
        let first = self.shared().counts.published;
        self.script(first, fault, frames);
    }

    /// So many frames from a certain one on, counted from 0, have a fault.
    pub fn script(&self, first: u64, fault: Fault, frames: u64) {
        self.shared().script.add(first, fault, frames);
    }

    /// Has another configuration from the next frame on, its changes counted one up.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn reconfigure(&self, mut config: Config) -> Result<(), EncodeError> {
        writable(&config)?;
        let mut shared = self.shared();
        let count = shared.config.stations.first().map_or(0, |station| station.change_count).wrapping_add(1);
        config.stations.iter_mut().for_each(|station| station.change_count = count);
        shared.config = config;
        Ok(())
    }

    /// Sends values of a time to all clients that want them: by station, in the configuration's order.
    ///
    /// # Errors
    /// When they are not those of the configuration.
    pub fn publish(&self, utc_us: u64, quality: TimeQuality, readings: &[Reading]) -> Result<(), EncodeError> {
        let mut shared = self.shared();
        let Shared { config, script, counts, now, .. } = &mut *shared;
        *now = Time { quality, ..Time::at(utc_us, config.time_base) };
        let sent = script.frame(counts.published, config, utc_us, quality, readings)?;
        counts.published += 1;
        if let Some((bytes, delay, close)) = sent {
            // Nobody listening is no error.
            let _ = self.frames.send(Outgoing { bytes: bytes.into(), due: Instant::now() + delay, close });
        }
        Ok(())
    }

    /// Publishes at the stream's rate from a UTC time on what a closure says for it, until that is nothing; a rate of 0 ends
    /// at once. Values that do not fit the configuration are left out.
    pub async fn feed(&self, from_utc_us: u64, mut measure: impl FnMut(u64) -> Option<(TimeQuality, Vec<Reading>)>) {
        let begin = Instant::now();
        for k in 0_u64.. {
            let after_us = match self.shared().config.data_rate {
                0 => return,
                rate if rate > 0 => k.saturating_mul(1_000_000) / u64::from(rate.unsigned_abs()),
                seconds => k.saturating_mul(1_000_000 * u64::from(seconds.unsigned_abs())),
            };
            sleep_until(begin + Duration::from_micros(after_us)).await;
            let utc_us = from_utc_us.saturating_add(after_us);
            let Some((quality, readings)) = measure(utc_us) else { return };
            let _ = self.publish(utc_us, quality, &readings);
        }
    }

    /// Serves one client until it goes.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) -> Departure {
        self.shared().counts.clients += 1;
        let (mut parser, mut block) = (Parser::new(), vec![0; BLOCK]);
        let mut frames = None;
        let mut pending: Option<Outgoing> = None;
        loop {
            let due = pending.as_ref().map(|outgoing| outgoing.due);
            tokio::select! {
                biased;
                read = stream.read(&mut block) => match read {
                    Ok(0) | Err(_) => return Departure::Gone,
                    Ok(count) => {
                        parser.push(block.get(..count).unwrap_or_default());
                        if let Err(departure) = self.commands(&mut parser, &mut frames, &mut stream).await {
                            return departure;
                        }
                        pending = pending.filter(|_| frames.is_some());
                    }
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    let Some(outgoing) = pending.take() else { continue };
                    if outgoing.close {
                        return Departure::Closed;
                    }
                    if let Err(departure) = self.write(&mut stream, &outgoing.bytes).await {
                        return departure;
                    }
                },
                next = next_frame(&mut frames), if due.is_none() => match next {
                    Ok(outgoing) => pending = Some(outgoing),
                    Err(_) => return self.slow(),
                },
            }
        }
    }

    async fn commands<S: AsyncWrite + Unpin>(
        &self,
        parser: &mut Parser,
        frames: &mut Option<broadcast::Receiver<Outgoing>>,
        stream: &mut S,
    ) -> Result<(), Departure> {
        while let Some(frame) = parser.next() {
            let Ok(Frame { id, body: Body::Command(command), .. }) = frame else { continue };
            let answer = {
                let mut shared = self.shared();
                if id != shared.config.id {
                    continue;
                }
                shared.counts.commands += 1;
                shared.answer(&command)
            };
            match command {
                Command::DataOn if frames.is_none() => *frames = Some(self.frames.subscribe()),
                Command::DataOff => *frames = None,
                _ => {}
            }
            if let Some(bytes) = answer {
                self.write(stream, &bytes).await?;
            }
        }
        Ok(())
    }

    async fn write<S: AsyncWrite + Unpin>(&self, stream: &mut S, bytes: &[u8]) -> Result<(), Departure> {
        let written = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        match timeout(PATIENCE, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Departure::Gone),
            Err(_) => Err(self.slow()),
        }
    }

    fn slow(&self) -> Departure {
        self.shared().counts.slow += 1;
        Departure::Slow
    }

    /// Serves clients of the allowed addresses by TCP, of loopback where none is named; it ends when it is dropped, and its
    /// clients with it.
    pub async fn listen(&self, listener: TcpListener, allowed: &[IpAddr]) {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = clients.join_next(), if !clients.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) if clients.len() < MOST_CLIENTS && is_allowed(peer.ip(), allowed) => {
                        // A frame is a packet of its own; without it they only come later.
                        let _ = stream.set_nodelay(true);
                        let server = self.clone();
                        clients.spawn(async move { server.serve(stream).await });
                    }
                    Ok(_) => self.shared().counts.refused += 1,
                    // The system has no room for another: it may later.
                    Err(_) => sleep(Duration::from_millis(10)).await,
                },
            }
        }
    }

    /// Listens at an address.
    ///
    /// # Errors
    /// When the system does not let it.
    pub async fn bind(address: &str) -> io::Result<TcpListener> {
        TcpListener::bind(address).await
    }
}

async fn next_frame(frames: &mut Option<broadcast::Receiver<Outgoing>>) -> Result<Outgoing, RecvError> {
    match frames {
        Some(frames) => frames.recv().await,
        None => std::future::pending().await,
    }
}

fn is_allowed(address: IpAddr, allowed: &[IpAddr]) -> bool {
    let address = address.to_canonical();
    if allowed.is_empty() { address.is_loopback() } else { allowed.contains(&address) }
}

fn writable(config: &Config) -> Result<(), EncodeError> {
    for kind in [ConfigKind::Cfg2, ConfigKind::Cfg3] {
        let body = Body::Config(kind, config.clone());
        Frame { version: Version::V2011, id: config.id, time: Time::default(), body }.encode()?;
    }
    Ok(())
}

impl Shared {
    fn answer(&self, command: &Command) -> Option<Vec<u8>> {
        let body = match command {
            Command::SendHeader => Body::Header(self.header.clone().into_bytes()),
            Command::Send(kind) => Body::Config(*kind, self.config.clone()),
            _ => return None,
        };
        Frame { version: Version::V2011, id: self.config.id, time: self.now, body }.encode().ok()
    }
}

/// A data frame of a configuration.
fn data_frame(config: &Config, id: u16, time: Time, readings: &[Reading]) -> Result<Vec<u8>, EncodeError> {
    let body = Body::Data(data::encode(config, readings)?);
    Frame { version: Version::V2011, id, time, body }.encode()
}
