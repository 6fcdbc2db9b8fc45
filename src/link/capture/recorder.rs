//! The capture file: packets of all links in it, written at once or by a thread behind a queue.
//!
//! Paced, a link must not wait for a disk: [`Recorder::queued`] hands packets to a thread through a queue of fixed length, and
//! counts those for which there is no room. In batch nothing may depend on how fast a disk is: [`Recorder::direct`] writes
//! each packet where it comes. Either way a run's end writes what each interface had and lost. Limits: a file that can no
//! longer be written loses the rest, counted the same way.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use super::pcapng::{self, LinkType};

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instants {
    /// The wall clock in ns since 1970, real or virtual.
    pub wall_ns: u64,
    /// The session's clock in µs.
    pub session_us: u64,
}

/// What tells the time of packets.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Instants + Send + Sync>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({:?})", self.now())
    }
}

impl Clock {
    /// A clock of one's own.
    pub fn new(now: impl Fn() -> Instants + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The system's wall clock beside the session's.
    pub fn system(session_us: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self::new(move || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Instants { wall_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX), session_us: session_us() }
        })
    }

    /// A wall clock that begins at a fixed time and goes as the session's: files of batch runs are the same byte for byte.
    pub fn from_epoch(epoch_ns: u64, session_us: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self::new(move || {
            let session_us = session_us();
            Instants { wall_ns: epoch_ns.saturating_add(session_us.saturating_mul(1000)), session_us }
        })
    }

    /// Now.
    pub fn now(&self) -> Instants {
        (self.0)()
    }
}

/// A packet on its way to the file.
#[derive(Debug)]
struct Packet {
    link: usize,
    kind: LinkType,
    at: Instants,
    data: Vec<u8>,
}

/// What a recording came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packets that are in the file.
    pub written: u64,
    /// Packets that are not, by the link's name.
    pub dropped: Vec<(String, u64)>,
    /// Why the file could not be written, if so.
    pub trouble: Option<String>,
}

impl Totals {
    /// Packets that are not in the file.
    pub fn lost(&self) -> u64 {
        self.dropped.iter().map(|(_, count)| count).sum()
    }
}

#[derive(Clone, Debug)]
struct Link {
    name: String,
    received: BTreeMap<LinkType, u64>,
    dropped: BTreeMap<LinkType, u64>,
}

enum Way {
    Direct(Box<File>),
    Queued(SyncSender<Packet>, JoinHandle<File>),
    Ended,
}

struct State {
    links: Vec<Link>,
    way: Way,
}

/// A capture file that is being written; clones are the same one.
#[derive(Clone)]
pub struct Recorder {
    state: Arc<Mutex<State>>,
    names: Arc<Mutex<Vec<(String, String)>>>,
    clock: Clock,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("clock", &self.clock).finish_non_exhaustive()
    }
}

type Names = Arc<Mutex<Vec<(String, String)>>>;

/// The file's side.
struct File {
    out: Box<dyn Write + Send>,
    names: Names,
    interfaces: BTreeMap<(usize, LinkType), u32>,
    written: BTreeMap<(usize, LinkType), u64>,
    trouble: Option<String>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl File {
    fn new(out: impl Write + Send + 'static, names: Names) -> io::Result<Self> {
        let mut out: Box<dyn Write + Send> = Box::new(out);
        out.write_all(&pcapng::section_header(concat!("phasorbench ", env!("CARGO_PKG_VERSION"))))?;
        Ok(Self { out, names, interfaces: BTreeMap::new(), written: BTreeMap::new(), trouble: None })
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        if self.trouble.is_none()
            && let Err(error) = self.out.write_all(bytes)
        {
            self.trouble = Some(error.to_string());
        }
        self.trouble.is_none()
    }

    fn interface(&mut self, link: usize, kind: LinkType) -> u32 {
        if let Some(number) = self.interfaces.get(&(link, kind)) {
            return *number;
        }
        let number = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        self.interfaces.insert((link, kind), number);
        let (name, description) = locked(&self.names).get(link).cloned().unwrap_or_default();
        self.write(&pcapng::interface(kind, &name, &description));
        number
    }

    fn packet(&mut self, packet: &Packet) {
        let interface = self.interface(packet.link, packet.kind);
        let comment = format!("session_us={}", packet.at.session_us);
        if self.write(&pcapng::packet(interface, packet.at.wall_ns, &packet.data, &comment)) {
            *self.written.entry((packet.link, packet.kind)).or_default() += 1;
        }
    }

    /// Writes what each interface had, and says how it came out.
    fn end(mut self, links: &[Link], now: Instants) -> Totals {
        let mut totals = Totals::default();
        for (place, link) in links.iter().enumerate() {
            let mut lost = 0;
            for (kind, received) in &link.received {
                let written = self.written.get(&(place, *kind)).copied().unwrap_or(0);
                let interface = self.interface(place, *kind);
                self.write(&pcapng::statistics(interface, now.wall_ns, *received, received.saturating_sub(written)));
                totals.written += written;
                lost += received.saturating_sub(written);
            }
            totals.dropped.extend((lost > 0).then(|| (link.name.clone(), lost)));
        }
        if let Err(error) = self.out.flush() {
            self.trouble.get_or_insert(error.to_string());
        }
        totals.trouble = self.trouble;
        totals
    }
}

impl Recorder {
    /// A recorder that writes each packet as it comes.
    ///
    /// # Errors
    /// When the file's beginning cannot be written.
    pub fn direct(out: impl Write + Send + 'static, clock: Clock) -> io::Result<Self> {
        let names = Names::default();
        let file = File::new(out, Arc::clone(&names))?;
        Ok(Self::with(Way::Direct(Box::new(file)), names, clock))
    }

    /// A recorder with a thread that writes, behind a queue of so many packets; a link never waits for it.
    ///
    /// # Errors
    /// When the file's beginning cannot be written, or there is no thread.
    pub fn queued(out: impl Write + Send + 'static, clock: Clock, packets: usize) -> io::Result<Self> {
        let names = Names::default();
        let mut file = File::new(out, Arc::clone(&names))?;
        let (sender, receiver) = mpsc::sync_channel::<Packet>(packets);
        let work = move || {
            receiver.iter().for_each(|packet| file.packet(&packet));
            file
        };
        let thread = std::thread::Builder::new().name("capture".into()).spawn(work)?;
        Ok(Self::with(Way::Queued(sender, thread), names, clock))
    }

    fn with(way: Way, names: Names, clock: Clock) -> Self {
        Self { state: Arc::new(Mutex::new(State { links: Vec::new(), way })), names, clock }
    }

    /// A link of a name, with what it is; the number by which its packets are recorded.
    pub(super) fn link(&self, name: &str, description: &str) -> usize {
        let mut state = locked(&self.state);
        locked(&self.names).push((name.to_owned(), description.to_owned()));
        let name = name.to_owned();
        state.links.push(Link { name, received: BTreeMap::new(), dropped: BTreeMap::new() });
        state.links.len() - 1
    }

    /// Records packets of a link that came now.
    pub(super) fn record(&self, link: usize, kind: LinkType, packets: Vec<Vec<u8>>) {
        let at = self.clock.now();
        let mut state = locked(&self.state);
        let State { links, way } = &mut *state;
        let Some(own) = links.get_mut(link) else { return };
        for data in packets {
            *own.received.entry(kind).or_default() += 1;
            let packet = Packet { link, kind, at, data };
            match way {
                Way::Direct(file) => file.packet(&packet),
                Way::Queued(queue, _) => {
                    if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue.try_send(packet) {
                        *own.dropped.entry(kind).or_default() += 1;
                    }
                }
                Way::Ended => *own.dropped.entry(kind).or_default() += 1,
            }
        }
    }

    /// Packets of which it is already known that the file will not have them.
    pub fn dropped(&self) -> u64 {
        locked(&self.state).links.iter().flat_map(|link| link.dropped.values()).sum()
    }

    /// Ends the file: waits until all that is queued is written, adds what each interface had. Later packets are dropped.
    pub fn end(&self) -> Totals {
        let (way, links) = {
            let mut state = locked(&self.state);
            (std::mem::replace(&mut state.way, Way::Ended), state.links.clone())
        };
        let now = self.clock.now();
        match way {
            Way::Direct(file) => file.end(&links, now),
            Way::Queued(queue, thread) => {
                drop(queue);
                match thread.join() {
                    Ok(file) => file.end(&links, now),
                    Err(_) => Totals { trouble: Some("the thread that wrote it failed".into()), ..Totals::default() },
                }
            }
            Way::Ended => Totals { trouble: Some("it had ended before".into()), ..Totals::default() },
        }
    }
}

/// A recording that begins once there is a session with a clock, and ends after it.
#[derive(Clone)]
pub struct Capture(Arc<Mutex<Phase>>);

enum Phase {
    Waiting(Box<dyn Write + Send>),
    Recording(Recorder),
    Ended,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Capture")
    }
}

impl Capture {
    /// Into a file, or what is like one.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Phase::Waiting(Box::new(out)))))
    }

    /// Begins, by a session's clock; with a queue of so many packets, or writing at once. `None` where it has begun already,
    /// or the file cannot be written: its end says so.
    pub fn begin(&self, clock: Clock, queue: Option<usize>) -> Option<Recorder> {
        let mut phase = locked(&self.0);
        let Phase::Waiting(out) = std::mem::replace(&mut *phase, Phase::Ended) else { return None };
        let recorder = match queue {
            Some(packets) => Recorder::queued(out, clock, packets),
            None => Recorder::direct(out, clock),
        };
        let recorder = recorder.ok()?;
        *phase = Phase::Recording(recorder.clone());
        Some(recorder)
    }

    /// Ends, once all links have; `None` where nothing was recorded.
    pub fn end(&self) -> Option<Totals> {
        match std::mem::replace(&mut *locked(&self.0), Phase::Ended) {
            Phase::Recording(recorder) => Some(recorder.end()),
            Phase::Waiting(_) | Phase::Ended => None,
        }
    }
}
