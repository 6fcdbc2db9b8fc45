//! An emulated instrument on a line: it takes messages from a stream and answers them, as well as its faults let it.
//!
//! `cut`, `silent`, `delay`, `drop`, `freeze`, `nan`, `garbage`, `half`, `reboot` and `hot` of [`crate::link::fault`] are done; the
//! others mean nothing to SCPI, and an instrument with them is refused.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use super::instrument::{Behind, Instrument};
use super::parser::Lines;
use crate::link::fault::{Fault, Faults};
use crate::link::stream::AnyStream;

/// An instrument that several connections share.
pub type Shared<B> = Arc<Mutex<Instrument<B>>>;

/// How often an instrument that is spoken to by nobody lives on, and looks whether it is unplugged.
const LIVES: Duration = Duration::from_millis(20);
/// How long a client may take to read an answer.
const TAKES: Duration = Duration::from_secs(5);
/// Most connections at once.
const MOST_CONNECTIONS: usize = 32;

/// An instrument to be shared.
pub fn shared<B: Behind>(instrument: Instrument<B>) -> Shared<B> {
    Arc::new(Mutex::new(instrument))
}

/// An instrument lives on whoever else does.
fn lock<B>(instrument: &Shared<B>) -> MutexGuard<'_, Instrument<B>> {
    instrument.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one line until it ends, or the instrument is unplugged; `epoch` is the zero of its clock.
pub async fn serve<B: Behind>(mut stream: AnyStream, instrument: Shared<B>, epoch: Instant) {
    let (mut lines, mut bytes) = (Lines::default(), [0; 1024]);
    loop {
        let now_s = epoch.elapsed().as_secs_f64();
        {
            let mut own = lock(&instrument);
            own.advance(now_s);
            if own.faults.gone(now_s) {
                return;
            }
        }
        match timeout(LIVES, stream.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(count)) => {
                if lines.push(&bytes[..count]).is_err() {
                    lock(&instrument).overrun();
                }
            }
            Err(_) => {}
        }
        while let Some(line) = lines.line() {
            if !respond(&mut stream, &instrument, &line, epoch).await {
                return;
            }
        }
    }
}

/// What is sent for a message, and when.
struct Reply {
    bytes: Vec<u8>,
    after: Duration,
    /// The line is closed after it.
    last: bool,
}

/// Answers a message; whether the line stays.
async fn respond<B: Behind>(stream: &mut AnyStream, instrument: &Shared<B>, line: &[u8], epoch: Instant) -> bool {
    let reply = reply(&mut lock(instrument), line, epoch.elapsed().as_secs_f64());
    let Some(reply) = reply else { return true };
    if !reply.after.is_zero() {
        sleep(reply.after).await;
    }
    let sent = timeout(TAKES, async {
        stream.write_all(&reply.bytes).await?;
        stream.flush().await
    });
    matches!(sent.await, Ok(Ok(()))) && !reply.last
}

fn reply<B: Behind>(own: &mut Instrument<B>, line: &[u8], now_s: f64) -> Option<Reply> {
    own.advance(now_s);
    let number = own.request();
    let faults: Vec<Fault> = own.faults.at(now_s).collect();
    let silent = |fault: &Fault| match fault {
        Fault::Silent => true,
        Fault::Drop { share } => own.faults.draw("drop", number) < *share,
        _ => false,
    };
    if faults.iter().any(silent) {
        return None;
    }
    let mut bytes = own.message(line)?.into_bytes();
    bytes.push(b'\n');
    let mut reply = Reply { bytes, after: Duration::from_secs_f64(own.faults.delay_s(now_s)), last: false };
    for fault in faults {
        match fault {
            Fault::Garbage => garble(&mut reply.bytes, &own.faults, number),
            Fault::Half => {
                reply.bytes.truncate(reply.bytes.len() / 2);
                reply.last = true;
            }
            _ => {}
        }
    }
    Some(reply)
}

/// Any bytes, and a newline.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 256")]
fn garble(bytes: &mut [u8], draws: &Faults, number: u64) {
    let count = bytes.len().saturating_sub(1);
    for (k, byte) in bytes.iter_mut().take(count).enumerate() {
        *byte = (256.0 * draws.draw("garbage", number.wrapping_mul(1024) + k as u64)) as u8;
    }
}

/// Listens until it is dropped: serves who comes from an allowed address, and nobody while the instrument is unplugged.
pub async fn listen<B: Behind + 'static>(
    listener: TcpListener,
    instrument: Shared<B>,
    epoch: Instant,
    allowed: Vec<IpAddr>,
) {
    let places = Arc::new(tokio::sync::Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            sleep(LIVES).await;
            continue;
        };
        let gone = {
            let now_s = epoch.elapsed().as_secs_f64();
            let mut own = lock(&instrument);
            own.advance(now_s);
            own.faults.gone(now_s)
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        if gone || !may(&allowed, from) || stream.set_nodelay(true).is_err() {
            continue;
        }
        let instrument = Arc::clone(&instrument);
        tokio::spawn(async move {
            serve(Box::new(stream), instrument, epoch).await;
            drop(place);
        });
    }
}

/// Whether a client may come: all may where no address is listed.
fn may(allowed: &[IpAddr], from: SocketAddr) -> bool {
    allowed.is_empty() || allowed.contains(&from.ip().to_canonical())
}
