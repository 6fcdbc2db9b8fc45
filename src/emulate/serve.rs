//! An emulated device on a line: it takes requests from a stream and answers them, as well as its faults let it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::device::Device;
use crate::link::capture::{Recorder, Tap, Tapped};
use crate::link::fault::{Fault, Faults};
use crate::link::modbus::driver::Framing;
use crate::link::modbus::server::{Exception, Request, RtuRequests, Store, TcpRequests, answer, rtu_frame, tcp_frame};
use crate::link::stream::AnyStream;

/// A device that several connections share.
pub type Shared = Arc<Mutex<Device>>;
/// Devices on one line, each a unit of its own. Of TCP the first is the one that a client means who names none.
pub type Rack = Arc<[Shared]>;

/// A device to be shared.
pub fn shared(device: Device) -> Shared {
    Arc::new(Mutex::new(device))
}

/// A stream and how requests are framed on it.
pub struct Line {
    /// Bytes both ways.
    pub stream: AnyStream,
    /// How requests are framed.
    pub framing: Framing,
    /// The zero of the device's clock.
    pub epoch: Instant,
}

/// How often a device that is spoken to by nobody lives on, and looks whether it is unplugged.
const LIVES: Duration = Duration::from_millis(20);
/// Silence on a serial line after which a frame will not be completed. Longer than 3.5 characters, since what comes through
/// an operating system comes in pieces.
const SILENCE: Duration = Duration::from_millis(100);
/// Most connections at once.
const MOST_CONNECTIONS: usize = 32;

/// Serves one line until it ends, or all of its devices are unplugged.
pub async fn serve(mut line: Line, rack: Rack) {
    serve_line(&mut line, &rack).await;
}

/// The same with a line that can be served again.
pub async fn serve_line(line: &mut Line, rack: &Rack) {
    let mut requests = Requests::new(line.framing);
    let mut bytes = [0; 1024];
    let mut heard = Instant::now();
    loop {
        let now_s = line.epoch.elapsed().as_secs_f64();
        if gone(rack, now_s) {
            return;
        }
        match timeout(LIVES, line.stream.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(count)) => {
                requests.push(&damaged(rack, now_s, &bytes[..count]));
                heard = Instant::now();
            }
            Err(_) if heard.elapsed() > SILENCE => requests.silence(),
            Err(_) => {}
        }
        while let Some(request) = requests.next() {
            let Ok(request) = request else { return };
            if !respond(line, rack, &request).await {
                return;
            }
        }
    }
}

/// Lets all devices of a line go on to a time; whether every one of them is unplugged.
fn gone(rack: &Rack, now_s: f64) -> bool {
    let mut gone = true;
    for device in rack.iter() {
        let mut device = lock(device);
        device.advance(now_s);
        gone &= device.faults.gone(now_s);
    }
    gone
}

/// A device lives on whoever else does.
fn lock(device: &Shared) -> MutexGuard<'_, Device> {
    device.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Requests {
    Tcp(TcpRequests),
    Rtu(RtuRequests),
}

impl Requests {
    fn new(framing: Framing) -> Self {
        match framing {
            Framing::Tcp => Self::Tcp(TcpRequests::default()),
            Framing::Rtu => Self::Rtu(RtuRequests::default()),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Tcp(own) => own.push(bytes),
            Self::Rtu(own) => own.push(bytes),
        }
    }

    fn silence(&mut self) {
        if let Self::Rtu(own) = self {
            own.silence();
        }
    }

    fn next(&mut self) -> Option<Result<Request, ()>> {
        match self {
            Self::Tcp(own) => own.request().map_err(|_| ()).transpose(),
            Self::Rtu(own) => own.request().map(Ok),
        }
    }
}

/// What is sent for a request, and when; nothing for some.
struct Reply {
    frames: Vec<Vec<u8>>,
    after: Duration,
    /// The line is closed after it.
    last: bool,
}

/// Answers a request; whether the line stays.
async fn respond(line: &mut Line, rack: &Rack, request: &Request) -> bool {
    let now_s = line.epoch.elapsed().as_secs_f64();
    let Some(reply) = meant(rack, request, line.framing, now_s) else { return true };
    if !reply.after.is_zero() {
        sleep(reply.after).await;
    }
    for frame in &reply.frames {
        if line.stream.write_all(frame).await.is_err() {
            return false;
        }
    }
    line.stream.flush().await.is_ok() && !reply.last
}

/// The reply of the device that a request is meant for: of its unit; of any on a serial line where it is a broadcast; the
/// first where a TCP client says 255 or 0, or a unit that is not here: that one says so.
fn meant(rack: &Rack, request: &Request, framing: Framing, now_s: f64) -> Option<Reply> {
    if let Some(device) = rack.iter().find(|own| lock(own).serves(request.unit)) {
        return Some(reply(&mut lock(device), request, framing, now_s, true));
    }
    match (framing, request.unit) {
        (Framing::Rtu, 0) => {
            rack.iter().for_each(|device| drop(reply(&mut lock(device), request, framing, now_s, true)));
            None
        }
        (Framing::Rtu, _) => None,
        (Framing::Tcp, unit) => {
            rack.first().map(|device| reply(&mut lock(device), request, framing, now_s, matches!(unit, 0 | 255)))
        }
    }
}

fn reply(device: &mut Device, request: &Request, framing: Framing, now_s: f64, meant: bool) -> Reply {
    device.advance(now_s);
    let number = device.request();
    let mut reply = Reply { frames: Vec::new(), after: Duration::ZERO, last: false };
    let broadcast = framing == Framing::Rtu && request.unit == 0;
    let faults: Vec<Fault> = device.faults.at(now_s).collect();
    let silent = |fault: &Fault| match fault {
        Fault::Silent => true,
        Fault::Drop { share } => device.faults.draw("drop", number) < *share,
        _ => false,
    };
    if faults.iter().any(silent) {
        return reply;
    }
    let refused =
        faults.iter().find_map(|fault| if let Fault::Exception { code } = fault { Some(*code) } else { None });
    let function = request.pdu.first().copied().unwrap_or(0) | 0x80;
    let answered = match refused {
        _ if !meant => vec![function, Exception::NoSuchUnit as u8],
        Some(code) => vec![function, code],
        None => answer(&request.pdu, device),
    };
    if broadcast {
        return reply;
    }
    let other = faults.contains(&Fault::WrongUnit);
    let unit = if other { request.unit.wrapping_add(1) } else { request.unit };
    let request = Request { unit, ..request.clone() };
    let frame = |answered: &[u8]| match framing {
        Framing::Tcp => tcp_frame(&request, answered),
        Framing::Rtu => rtu_frame(request.unit, answered),
    };
    reply.frames = vec![frame(&answered)];
    reply.after = Duration::from_secs_f64(device.faults.delay_s(now_s));
    spoil(&mut reply, &faults, &device.faults, number);
    if faults.contains(&Fault::Twice) {
        let mut second = answered;
        if let Some(byte) = second.last_mut() {
            *byte ^= 0x5A;
        }
        reply.frames.push(frame(&second));
    }
    reply
}

/// Faults that make other bytes of an answer.
fn spoil(reply: &mut Reply, faults: &[Fault], draws: &Faults, number: u64) {
    let Some(frame) = reply.frames.first_mut() else { return };
    for fault in faults {
        match *fault {
            Fault::Garbage => {
                frame.iter_mut().enumerate().for_each(|(k, byte)| *byte = any_byte(draws, "garbage", number, k))
            }
            Fault::Half => {
                frame.truncate(frame.len() / 2);
                reply.last = true;
            }
            _ if fault.damage() > 0.0 => damage(frame, fault.damage(), draws, 2 * number),
            _ => {}
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 256")]
fn any_byte(draws: &Faults, what: &str, number: u64, k: usize) -> u8 {
    (256.0 * draws.draw(what, number.wrapping_mul(1024) + k as u64)) as u8
}

fn damage(bytes: &mut [u8], share: f64, draws: &Faults, number: u64) {
    for (k, byte) in bytes.iter_mut().enumerate() {
        if draws.draw("noise", number.wrapping_mul(1024) + k as u64) < share {
            *byte ^= any_byte(draws, "bits", number, k) | 1;
        }
    }
}

/// What comes to the device over a noisy line.
fn damaged(rack: &Rack, now_s: f64, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for device in rack.iter() {
        let mut device = lock(device);
        let shares: Vec<f64> = device.faults.at(now_s).map(Fault::damage).filter(|share| *share > 0.0).collect();
        for share in shares {
            let number = 2 * device.request() + 1;
            damage(&mut bytes, share, &device.faults, number);
        }
    }
    bytes
}

/// Where and for whom is listened.
pub struct Listening {
    /// What accepts.
    pub listener: TcpListener,
    /// The zero of the devices' clock.
    pub epoch: Instant,
    /// Who may come; all may where none is listed.
    pub allowed: Vec<IpAddr>,
    /// Records what is said.
    pub recorder: Option<Recorder>,
}

impl Listening {
    /// Without a recorder, and without TLS.
    pub const fn new(listener: TcpListener, epoch: Instant, allowed: Vec<IpAddr>) -> Self {
        Self { listener, epoch, allowed, recorder: None }
    }

    /// A client's stream, recorded under its address.
    fn recorded(&self, stream: TcpStream, ends: [SocketAddr; 2]) -> AnyStream {
        let Some(recorder) = &self.recorder else { return Box::new(stream) };
        let tap = Tap::new(recorder, &ends[1].to_string(), "a controller outside");
        tap.connected(ends[0], ends[1]);
        Box::new(Tapped::new(stream, tap))
    }
}

/// Listens until it is dropped: serves who comes from an allowed address, and nobody while all devices are unplugged.
pub async fn listen(own: Listening, rack: Rack) {
    let own = Arc::new(own);
    let places = Arc::new(tokio::sync::Semaphore::new(MOST_CONNECTIONS));
    loop {
        let accepted = own.listener.accept().await;
        let Ok((stream, from)) = accepted else {
            sleep_until(Instant::now() + LIVES).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let unwanted = gone(&rack, own.epoch.elapsed().as_secs_f64()) || !may(&own.allowed, from);
        if unwanted || stream.set_nodelay(true).is_err() {
            continue;
        }
        let (own, rack) = (Arc::clone(&own), Arc::clone(&rack));
        tokio::spawn(async move {
            let ends = [stream.local_addr().unwrap_or(from), from];
            let stream = own.recorded(stream, ends);
            serve(Line { stream, framing: Framing::Tcp, epoch: own.epoch }, rack).await;
            drop(place);
        });
    }
}

/// Whether a client may come: all may where no address is listed.
fn may(allowed: &[IpAddr], from: SocketAddr) -> bool {
    allowed.is_empty() || allowed.contains(&from.ip().to_canonical())
}
