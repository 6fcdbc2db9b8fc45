//! One connection to a Modbus device: a request at a time, each with a deadline, each answer looked at.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context as Task, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_modbus::client::{Client, Context, rtu, tcp};
use tokio_modbus::{Error, ProtocolError, Request, Response, Slave};

use super::coding::Words;
use super::{Block, Table};
use crate::link::stream::AnyStream;

/// How requests are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// With a header that counts them.
    Tcp,
    /// With a checksum, on a serial line.
    Rtu,
}

/// What became of a request.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// Bytes came, and no whole answer in time.
    #[error("what came within {0:?} is no answer: {1} bytes, which are damaged or too few")]
    Damaged(Duration, usize),
    /// The device refuses.
    #[error("exception {0}{words}", words = exception_words(*.0))]
    Exception(u8),
    /// Another answered, or it answered something else.
    #[error("{0}")]
    Protocol(String),
    /// There is no connection to be had.
    #[error("no connection: {0}")]
    NoConnection(io::Error),
    /// The connection is gone.
    #[error("the connection is lost: {0}")]
    Lost(io::Error),
}

impl WireError {
    /// Whether the connection is as good as before.
    pub const fn harmless(&self) -> bool {
        matches!(self, Self::Exception(_))
    }
}

/// A connection.
pub struct Connection {
    context: Context,
    limit: Duration,
    spacing: Duration,
    /// When the device is ready for the next request.
    ready: Instant,
    framing: Framing,
    /// Bytes that have come.
    heard: Arc<AtomicUsize>,
    /// The other side has ended.
    closed: Arc<AtomicBool>,
    /// Answers that came damaged.
    damaged: u64,
}

/// A stream that counts what comes: the client drops what is there beyond an answer, and that is a second answer. It also
/// sees the other side end, for which the client has no error of its own.
#[derive(Debug)]
struct Counting {
    stream: AnyStream,
    heard: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

impl AsyncRead for Counting {
    fn poll_read(mut self: Pin<&mut Self>, task: &mut Task<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(task, into);
        let read = into.filled().len() - before;
        self.heard.fetch_add(read, Ordering::Relaxed);
        if read == 0 && into.remaining() > 0 && matches!(polled, Poll::Ready(Ok(()))) {
            self.closed.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Counting {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Task<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}

/// How long an answer is without its frame.
fn length(answer: &Result<Response, tokio_modbus::ExceptionCode>) -> usize {
    match answer {
        Ok(Response::ReadCoils(own) | Response::ReadDiscreteInputs(own)) => 2 + own.len().div_ceil(8),
        Ok(Response::ReadHoldingRegisters(own) | Response::ReadInputRegisters(own)) => 2 + 2 * own.len(),
        Ok(_) => 5,
        Err(_) => 2,
    }
}

impl Connection {
    pub fn new(stream: AnyStream, framing: Framing, unit: u8, limit: Duration, spacing: Duration) -> Self {
        let (heard, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let stream = Counting { stream, heard: Arc::clone(&heard), closed: Arc::clone(&closed) };
        let context = match framing {
            Framing::Tcp => tcp::attach_slave(stream, Slave(unit)),
            Framing::Rtu => rtu::attach_slave(stream, Slave(unit)),
        };
        Self { context, limit, spacing, ready: Instant::now(), framing, heard, closed, damaged: 0 }
    }

    /// Answers that came damaged since the last call.
    pub const fn take_damaged(&mut self) -> u64 {
        std::mem::replace(&mut self.damaged, 0)
    }

    async fn call(&mut self, request: Request<'_>) -> Result<Response, WireError> {
        let answer = self.answer(request).await;
        self.damaged += match &answer {
            Err(WireError::Damaged(..)) => 1,
            Err(WireError::Lost(error)) => u64::from(error.kind() == io::ErrorKind::InvalidData),
            _ => 0,
        };
        answer
    }

    async fn answer(&mut self, request: Request<'_>) -> Result<Response, WireError> {
        if !self.spacing.is_zero() {
            sleep_until(self.ready).await;
        }
        self.heard.store(0, Ordering::Relaxed);
        let answer = timeout(self.limit, self.context.call(request)).await;
        self.ready = Instant::now() + self.spacing;
        match answer {
            Err(_) => match self.heard.load(Ordering::Relaxed) {
                0 => Err(WireError::Timeout(self.limit)),
                bytes => Err(WireError::Damaged(self.limit, bytes)),
            },
            Ok(Err(Error::Transport(error))) => Err(WireError::Lost(self.in_words(error))),
            Ok(Err(Error::Protocol(error))) => Err(WireError::Protocol(mismatch(&error))),
            Ok(Ok(answer)) => {
                let frame = length(&answer) + if self.framing == Framing::Tcp { 7 } else { 3 };
                if self.heard.load(Ordering::Relaxed) > frame {
                    let what = "more came than one answer: do two devices have this address?";
                    return Err(WireError::Protocol(what.into()));
                }
                answer.map_err(|exception| WireError::Exception(exception.into()))
            }
        }
    }

    /// What broke, in words that are not the client's own.
    fn in_words(&self, error: io::Error) -> io::Error {
        if self.closed.load(Ordering::Relaxed) {
            return io::Error::new(io::ErrorKind::UnexpectedEof, "the device closed it");
        }
        let said = error.to_string();
        let what = match error.kind() {
            io::ErrorKind::InvalidData if said.contains("CRC") => {
                "what came has a wrong checksum: noise, or another speed"
            }
            io::ErrorKind::InvalidData | io::ErrorKind::Other => "what came is no answer of Modbus",
            io::ErrorKind::NotConnected => "it was closed",
            _ => return error,
        };
        io::Error::new(error.kind(), what)
    }

    /// Reads registers, or bits as registers of 0 and 1. There may be more or fewer than asked for.
    pub async fn read(&mut self, block: Block) -> Result<Vec<u16>, WireError> {
        let Block { table, address, count } = block;
        let request = match table {
            Table::Coil => Request::ReadCoils(address, count),
            Table::Discrete => Request::ReadDiscreteInputs(address, count),
            Table::Holding => Request::ReadHoldingRegisters(address, count),
            Table::Input => Request::ReadInputRegisters(address, count),
        };
        let bits = |mut bits: Vec<bool>| {
            // Bits come in whole bytes.
            bits.truncate(usize::from(count));
            bits.into_iter().map(u16::from).collect()
        };
        match self.call(request).await? {
            Response::ReadCoils(own) | Response::ReadDiscreteInputs(own) => Ok(bits(own)),
            Response::ReadHoldingRegisters(words) | Response::ReadInputRegisters(words) => Ok(words),
            _ => Err(WireError::Protocol("it answered another question".into())),
        }
    }

    /// Writes registers, or a bit.
    pub async fn write(&mut self, block: Block, (words, count): Words) -> Result<(), WireError> {
        let words = words.get(..count).unwrap_or(&words);
        let request = match (block.table, words) {
            (Table::Coil, [bit, ..]) => Request::WriteSingleCoil(block.address, *bit != 0),
            (Table::Holding, [word]) => Request::WriteSingleRegister(block.address, *word),
            (Table::Holding, _) => Request::WriteMultipleRegisters(block.address, words.into()),
            _ => return Err(WireError::Protocol("it cannot be written".into())),
        };
        self.call(request).await.map(|_| ())
    }
}

fn mismatch(error: &ProtocolError) -> String {
    match error {
        ProtocolError::HeaderMismatch { .. } => {
            "the answer is not to the question: it is of another unit, or of another question".into()
        }
        ProtocolError::FunctionCodeMismatch { request, .. } => {
            format!("the answer is not to function {}", request.value())
        }
    }
}

/// What the application protocol means by an exception.
fn exception_words(code: u8) -> &'static str {
    match code {
        1 => " (it does not know the function)",
        2 => " (it has no such address)",
        3 => " (it does not take the value)",
        4 => " (it failed)",
        5 => " (it will answer later)",
        6 => " (it is busy)",
        8 => " (its memory is damaged)",
        10 => " (the gateway has no way there)",
        11 => " (nobody answers the gateway)",
        _ => "",
    }
}
