//! An emulated device on a line: it takes requests from a stream and answers them, as well as its faults let it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::device::Device;
use crate::link::fault::{Fault, Faults};
use crate::link::modbus::driver::Framing;
use crate::link::modbus::server::{Exception, Request, RtuRequests, Store, TcpRequests, answer, rtu_frame, tcp_frame};
use crate::link::stream::AnyStream;

/// A device that several connections share.
pub type Shared = Arc<Mutex<Device>>;

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

/// Serves one line until it ends, or the device is unplugged.
pub async fn serve(mut line: Line, device: Shared) {
    serve_line(&mut line, &device).await;
}

/// The same with a line that can be served again.
pub async fn serve_line(line: &mut Line, device: &Shared) {
    let mut requests = Requests::new(line.framing);
    let mut bytes = [0; 1024];
    let mut heard = Instant::now();
    loop {
        let now_s = line.epoch.elapsed().as_secs_f64();
        {
            let mut device = lock(device);
            device.advance(now_s);
            if device.faults.gone(now_s) {
                return;
            }
        }
        match timeout(LIVES, line.stream.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(count)) => {
                requests.push(&damaged(device, now_s, &bytes[..count]));
                heard = Instant::now();
            }
            Err(_) if heard.elapsed() > SILENCE => requests.silence(),
            Err(_) => {}
        }
        while let Some(request) = requests.next() {
            let Ok(request) = request else { return };
            if !respond(line, device, &request).await {
                return;
            }
        }
    }
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
async fn respond(line: &mut Line, device: &Shared, request: &Request) -> bool {
    let now_s = line.epoch.elapsed().as_secs_f64();
    let reply = reply(&mut lock(device), request, line.framing, now_s);
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

fn reply(device: &mut Device, request: &Request, framing: Framing, now_s: f64) -> Reply {
    device.advance(now_s);
    let number = device.request();
    let mut reply = Reply { frames: Vec::new(), after: Duration::ZERO, last: false };
    let broadcast = framing == Framing::Rtu && request.unit == 0;
    // A TCP client that means the device itself says 255, or 0.
    let meant =
        device.serves(request.unit) || broadcast || (framing == Framing::Tcp && matches!(request.unit, 0 | 255));
    if !meant && framing == Framing::Rtu {
        return reply;
    }
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
fn damaged(device: &Shared, now_s: f64, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut device = lock(device);
    let shares: Vec<f64> = device.faults.at(now_s).map(Fault::damage).filter(|share| *share > 0.0).collect();
    for share in shares {
        let number = 2 * device.request() + 1;
        damage(&mut bytes, share, &device.faults, number);
    }
    bytes
}

/// Listens until it is dropped: serves who comes from an allowed address, and nobody while the device is unplugged.
pub async fn listen(listener: TcpListener, device: Shared, epoch: Instant, allowed: Vec<IpAddr>) {
    let places = Arc::new(tokio::sync::Semaphore::new(MOST_CONNECTIONS));
    loop {
        let accepted = listener.accept().await;
        let Ok((stream, from)) = accepted else {
            sleep_until(Instant::now() + LIVES).await;
            continue;
        };
        let gone = {
            let now_s = epoch.elapsed().as_secs_f64();
            let mut device = lock(&device);
            device.advance(now_s);
            device.faults.gone(now_s)
        };
        let place = Arc::clone(&places).try_acquire_owned();
        let Ok(place) = place else { continue };
        if gone || !may(&allowed, from) || stream.set_nodelay(true).is_err() {
            continue;
        }
        let line = Line { stream: Box::new(stream), framing: Framing::Tcp, epoch };
        let device = Arc::clone(&device);
        tokio::spawn(async move {
            serve(line, device).await;
            drop(place);
        });
    }
}

/// Whether a client may come: all may where no address is listed.
fn may(allowed: &[IpAddr], from: SocketAddr) -> bool {
    allowed.is_empty() || allowed.contains(&from.ip().to_canonical())
}
