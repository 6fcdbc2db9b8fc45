//! A bus behind a stream of bytes that speaks slcan or socketcand.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::{BusError, Received, slcan, socketcand};
use crate::link::can::frame::CanFrame;

/// A stream of bytes in both directions.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Bytes that are read at once; so many frames at most wait to be received.
const CHUNK: usize = 2048;
/// How long an answer is waited for while connecting.
const ANSWER: Duration = Duration::from_millis(500);
/// An adapter that is silent for so long has nothing left to say from before.
const SETTLE: Duration = Duration::from_millis(20);
/// Times that an adapter's old words are waited for.
const SETTLES: usize = 25;

#[derive(Debug)]
enum Protocol {
    Slcan(slcan::Parser),
    Socketcand(socketcand::Parser),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Hello,
    Done,
    Refused,
}

/// A connection by a stream.
pub struct StreamBus {
    wire: Box<dyn Wire>,
    protocol: Protocol,
    frames: VecDeque<CanFrame>,
    answers: VecDeque<Answer>,
    chunk: Box<[u8; CHUNK]>,
    out: Vec<u8>,
}

impl fmt::Debug for StreamBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBus").field("protocol", &self.protocol).field("waiting", &self.frames.len()).finish()
    }
}

impl StreamBus {
    fn new(wire: Box<dyn Wire>, protocol: Protocol) -> Self {
        let (frames, answers) = (VecDeque::new(), VecDeque::new());
        Self { wire, protocol, frames, answers, chunk: Box::new([0; CHUNK]), out: Vec::new() }
    }

    /// Opens the channel of an slcan adapter, at a bit rate where one is given. What it says from before is dropped; one
    /// that does not answer is taken to have obeyed, as many do not.
    ///
    /// # Errors
    /// When the wire is lost, the bit rate is none of the protocol's, or the adapter refuses to open.
    pub async fn slcan(wire: Box<dyn Wire>, bitrate: Option<u32>) -> Result<Self, BusError> {
        let rate = bitrate.map(slcan::bitrate_command).transpose()?;
        let mut bus = Self::new(wire, Protocol::Slcan(slcan::Parser::default()));
        // Ends whatever line was begun, and closes a channel that was left open.
        bus.write(b"\r\rC\r").await?;
        for _ in 0..SETTLES {
            match timeout(SETTLE, bus.fill()).await {
                Err(_) => break,
                Ok(read) => read?,
            }
        }
        bus.frames.clear();
        if let Some(rate) = rate {
            bus.command(&rate, "the bit rate").await?;
        }
        bus.command(b"O\r", "opening the adapter's channel").await?;
        Ok(bus)
    }

    /// Opens a bus of a socketcand server, in raw mode.
    ///
    /// # Errors
    /// When the wire is lost, the server refuses, or does not answer.
    pub async fn socketcand(wire: Box<dyn Wire>, name: &str) -> Result<Self, BusError> {
        let mut bus = Self::new(wire, Protocol::Socketcand(socketcand::Parser::default()));
        bus.expect(Answer::Hello, "the connection").await?;
        let open = (format!("< open {name} >"), format!("the bus {name:?}"));
        for (request, what) in [open, ("< rawmode >".to_owned(), "listening to frames (rawmode)".to_owned())] {
            bus.write(request.as_bytes()).await?;
            bus.expect(Answer::Done, &what).await?;
        }
        Ok(bus)
    }

    /// Gives an adapter a command; no answer is as good as one.
    async fn command(&mut self, command: &[u8], what: &str) -> Result<(), BusError> {
        self.answers.clear();
        self.write(command).await?;
        match self.expect(Answer::Done, what).await {
            Err(BusError::NoAnswer(_)) => Ok(()),
            done => done,
        }
    }

    /// Waits for an answer; frames that come meanwhile are kept.
    async fn expect(&mut self, wanted: Answer, what: &str) -> Result<(), BusError> {
        let until = Instant::now() + ANSWER;
        loop {
            while let Some(answer) = self.answers.pop_front() {
                match answer {
                    Answer::Refused => return Err(BusError::Refused(what.to_owned())),
                    answer if answer == wanted => return Ok(()),
                    _ => {}
                }
            }
            timeout_at(until, self.fill()).await.map_err(|_| BusError::NoAnswer(ANSWER))??;
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), BusError> {
        self.wire.write_all(bytes).await?;
        Ok(self.wire.flush().await?)
    }

    /// Reads what is there. Nothing is lost when it is abandoned: reading is the only wait.
    async fn fill(&mut self) -> Result<(), BusError> {
        let read = self.wire.read(&mut self.chunk[..]).await?;
        if read == 0 {
            return Err(BusError::Closed);
        }
        let (frames, answers) = (&mut self.frames, &mut self.answers);
        match &mut self.protocol {
            Protocol::Slcan(parser) => parser.push(&self.chunk[..read], |event| match event {
                slcan::Event::Frame(frame) => frames.push_back(frame),
                slcan::Event::Done => answers.push_back(Answer::Done),
                slcan::Event::Refused => answers.push_back(Answer::Refused),
            }),
            Protocol::Socketcand(parser) => parser.push(&self.chunk[..read], |event| match event {
                socketcand::Event::Frame(frame) => frames.push_back(frame),
                socketcand::Event::Hello => answers.push_back(Answer::Hello),
                socketcand::Event::Done => answers.push_back(Answer::Done),
                socketcand::Event::Refused => answers.push_back(Answer::Refused),
            }),
        }
        // While connecting, a stream of frames must not grow the queue for ever.
        let extra = self.frames.len().saturating_sub(CHUNK);
        self.frames.drain(..extra);
        Ok(())
    }

    pub(super) async fn send(&mut self, frame: &CanFrame) -> Result<(), BusError> {
        self.out.clear();
        match &self.protocol {
            Protocol::Slcan(_) => slcan::write(frame, &mut self.out)?,
            Protocol::Socketcand(_) => socketcand::write(frame, &mut self.out)?,
        }
        self.wire.write_all(&self.out).await?;
        Ok(self.wire.flush().await?)
    }

    pub(super) async fn recv(&mut self) -> Result<Received, BusError> {
        loop {
            if self.answers.drain(..).any(|answer| answer == Answer::Refused) {
                return Err(BusError::Refused("a frame".into()));
            }
            if let Some(frame) = self.frames.pop_front() {
                return Ok(Received { frame, age: Duration::ZERO });
            }
            self.fill().await?;
        }
    }

    pub(super) async fn close(mut self) {
        if matches!(self.protocol, Protocol::Slcan(_)) {
            // Whether it hears that or not, this side is done with it.
            let _ = timeout(SETTLE, self.write(b"C\r")).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::can::bus::{Bus, Way};
    use crate::link::can::frame::CanId;
    use tokio::io::{DuplexStream, duplex};

    fn frame(number: u32) -> CanFrame {
        CanFrame::data(CanId::standard(number).unwrap(), &[1, 2]).unwrap()
    }

    async fn said(far: &mut DuplexStream, length: usize) -> String {
        let mut bytes = vec![0; length];
        far.read_exact(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_adapter_is_opened_used_and_closed() {
        let (near, mut far) = duplex(4096);
        let adapter = tokio::spawn(async move {
            // From before: half a frame, frames, and that the channel was not open.
            far.write_all(b"23AA\rt12300\rt1230\r\x07").await.unwrap();
            assert_eq!(said(&mut far, 4).await, "\r\rC\r");
            assert_eq!(said(&mut far, 3).await, "S6\r");
            far.write_all(b"\r").await.unwrap();
            assert_eq!(said(&mut far, 2).await, "O\r");
            far.write_all(b"\rt12320102\rz\r").await.unwrap();
            assert_eq!(said(&mut far, 10).await, "t45620102\r");
            assert_eq!(said(&mut far, 2).await, "C\r");
        });
        let adapter_bus = StreamBus::slcan(Box::new(near), Some(500_000)).await.unwrap();
        let mut bus = Bus::from(Way::Stream(Box::new(adapter_bus)));
        assert_eq!(bus.recv().await.unwrap().frame, frame(0x123));
        bus.send(&frame(0x456)).await.unwrap();
        bus.close().await;
        adapter.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_adapter_that_never_answers_is_used_all_the_same() {
        let (near, mut far) = duplex(4096);
        let mut bus = StreamBus::slcan(Box::new(near), None).await.unwrap();
        far.write_all(b"t12320102\r").await.unwrap();
        assert_eq!(bus.recv().await.unwrap().frame, frame(0x123));
        far.write_all(b"\x07").await.unwrap();
        assert!(matches!(bus.recv().await, Err(BusError::Refused(_))), "a frame was not taken");
        drop(far);
        assert!(matches!(bus.recv().await, Err(BusError::Closed | BusError::Io(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn an_adapter_that_refuses_is_none() {
        let (near, mut far) = duplex(4096);
        let adapter = tokio::spawn(async move {
            said(&mut far, 4 + 2).await;
            far.write_all(b"\x07").await.unwrap();
            far
        });
        let error = StreamBus::slcan(Box::new(near), None).await.unwrap_err();
        assert_eq!(error.to_string(), "opening the adapter's channel was refused");
        adapter.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_opened_and_used() {
        let (near, mut far) = duplex(4096);
        let server = tokio::spawn(async move {
            far.write_all(b"< hi >").await.unwrap();
            assert_eq!(said(&mut far, 13).await, "< open can0 >");
            far.write_all(b"< ok >").await.unwrap();
            assert_eq!(said(&mut far, 11).await, "< rawmode >");
            far.write_all(b"< ok >< frame 123 1.5 0102 >").await.unwrap();
            assert_eq!(said(&mut far, 20).await, "< send 456 2 1 2 >"[..].to_owned() + "< ");
        });
        let mut bus = StreamBus::socketcand(Box::new(near), "can0").await.unwrap();
        assert_eq!(bus.recv().await.unwrap().frame, frame(0x123));
        bus.send(&frame(0x456)).await.unwrap();
        bus.send(&frame(0x456)).await.unwrap();
        server.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_refuses_or_is_silent_is_none() {
        let (near, mut far) = duplex(4096);
        far.write_all(b"< hi >< error no such bus >").await.unwrap();
        assert!(matches!(StreamBus::socketcand(Box::new(near), "can9").await, Err(BusError::Refused(_))));
        let (near, _far) = duplex(4096);
        assert!(matches!(StreamBus::socketcand(Box::new(near), "can0").await, Err(BusError::NoAnswer(_))));
    }
}
