//! The handle by which a link shows what it sends and receives, and a stream that shows it by itself.
//!
//! A tap is cheap to clone; all clones are one link. What it is given it copies, so a link without a recorder has none.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub use super::packet::{CanFrame, Direction};

use super::packet::{self, Connection};
use super::pcapng::LinkType;
use super::recorder::Recorder;
use crate::link::stream::{AnyStream, Connect};

/// A link's handle.
#[derive(Clone, Debug)]
pub struct Tap {
    recorder: Recorder,
    link: usize,
    connection: Arc<Mutex<Connection>>,
}

/// Ends of a stream whose own are not known: those of documentation, RFC 5737.
const NOWHERE: [SocketAddr; 2] = [
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 49_152),
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)), 502),
];

impl Tap {
    /// A tap of a link by its name, with what it is, such as its address.
    pub fn new(recorder: &Recorder, name: &str, description: &str) -> Self {
        let [local, remote] = NOWHERE;
        let connection = Arc::new(Mutex::new(Connection::new(local, remote)));
        Self { recorder: recorder.clone(), link: recorder.link(name, description), connection }
    }

    /// Ends of a stream whose own are not known: like no other link's.
    fn nowhere(&self, port: u16) -> [SocketAddr; 2] {
        let link = u8::try_from(self.link % 250).unwrap_or(0);
        let [mut local, mut remote] = NOWHERE;
        local.set_port(local.port() + u16::from(link));
        remote.set_ip(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2 + link)));
        remote.set_port(port);
        [local, remote]
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection has been made between the bench's end and the device's; one that was open ends.
    pub fn connected(&self, local: SocketAddr, remote: SocketAddr) {
        let mut connection = self.connection();
        let mut packets = connection.close();
        *connection = Connection::new(local, remote);
        packets.extend(connection.open());
        self.recorder.record(self.link, LinkType::Raw, packets);
    }

    /// Bytes of a stream; a connection that is not open is shown to open.
    pub fn stream(&self, direction: Direction, bytes: &[u8]) {
        let mut connection = self.connection();
        let packets = connection.bytes(direction, bytes);
        self.recorder.record(self.link, LinkType::Raw, packets);
    }

    /// The connection has ended.
    pub fn closed(&self) {
        let mut connection = self.connection();
        let packets = connection.close();
        self.recorder.record(self.link, LinkType::Raw, packets);
    }

    /// Bytes of a serial line: one frame of Modbus RTU, where that is known.
    pub fn serial(&self, direction: Direction, bytes: &[u8]) {
        self.recorder.record(self.link, LinkType::Serial, vec![packet::serial(direction, bytes)]);
    }

    /// A CAN frame; on a bus all hear it, so that it has no direction.
    pub fn can(&self, frame: &CanFrame) {
        self.recorder.record(self.link, LinkType::Can, vec![packet::can(frame)]);
    }
}

/// A stream that shows what is really read from and written to it, and that it ends.
#[derive(Debug)]
pub struct Tapped<S> {
    stream: S,
    tap: Tap,
    serial: bool,
}

impl<S> Tapped<S> {
    /// A stream with a tap; the tap must have been told that it is connected, if its ends are to be right.
    pub const fn new(stream: S, tap: Tap) -> Self {
        Self { stream, tap, serial: false }
    }

    /// A serial line with a tap: each piece that is read or written at once is shown as a frame.
    pub const fn serial(stream: S, tap: Tap) -> Self {
        Self { stream, tap, serial: true }
    }

    fn show(&self, direction: Direction, bytes: &[u8]) {
        match self.serial {
            true => self.tap.serial(direction, bytes),
            false => self.tap.stream(direction, bytes),
        }
    }
}

impl<S> Drop for Tapped<S> {
    fn drop(&mut self) {
        if !self.serial {
            self.tap.closed();
        }
    }
}

/// What opens streams, with a tap on each that says what is at their ends.
pub fn tapped(mut connect: Connect, tap: Tap, ends: Ends) -> Connect {
    Box::new(move || {
        let (opening, tap) = (connect(), tap.clone());
        Box::pin(async move {
            let stream = opening.await?;
            let tapped = match ends {
                Ends::Serial => Tapped::serial(stream, tap),
                Ends::Stream(remote, port) => {
                    let [local, nowhere] = tap.nowhere(port);
                    tap.connected(local, remote.unwrap_or(nowhere));
                    Tapped::new(stream, tap)
                }
            };
            Ok(Box::new(tapped) as AnyStream)
        })
    })
}

/// What is at the ends of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// A serial line.
    Serial,
    /// A connection, with the device's address where it is known, and the port that its protocol has.
    Stream(Option<SocketAddr>, u16),
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let (Poll::Ready(Ok(())), Some(read @ [_, ..])) = (&polled, buffer.filled().get(before..)) {
            self.show(Direction::Received, read);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &polled
            && let Some(written @ [_, ..]) = bytes.get(..*count)
        {
            self.show(Direction::Sent, written);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pcapng::{Block, Reader};
    use super::super::recorder::{Clock, Totals};
    use super::*;
    use std::io::Write;
    use std::sync::mpsc;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::{Instant, sleep};

    /// Where a recorder under test writes to.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Memory {
        fn blocks(&self) -> Vec<Block> {
            let bytes = self.0.lock().unwrap().clone();
            let (mut reader, mut blocks) = (Reader::new(&bytes[..]), Vec::new());
            while let Some(block) = reader.next().unwrap() {
                blocks.push(block);
            }
            blocks
        }
    }

    const EPOCH: u64 = 1_700_000_000_000_000_000;

    async fn session() -> (Memory, Totals) {
        let (memory, begin) = (Memory::default(), Instant::now());
        let clock = Clock::from_epoch(EPOCH, move || u64::try_from(begin.elapsed().as_micros()).unwrap());
        let recorder = Recorder::direct(memory.clone(), clock).unwrap();
        let tap = Tap::new(&recorder, "meter", "tcp://192.0.2.9:1502");
        let bus = Tap::new(&recorder, "bus", "can:vcan0");
        tap.connected("192.0.2.1:40000".parse().unwrap(), "192.0.2.9:1502".parse().unwrap());
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut ours = Tapped::new(ours, tap);
        let answering = tokio::spawn(async move {
            let mut asked = [0; 12];
            theirs.read_exact(&mut asked).await.unwrap();
            sleep(Duration::from_millis(3)).await;
            theirs.write_all(&asked[..5]).await.unwrap();
        });
        ours.write_all(&[7; 12]).await.unwrap();
        let mut answer = [0; 5];
        ours.read_exact(&mut answer).await.unwrap();
        bus.can(&CanFrame { id: 0x55, data: &[1], ..CanFrame::default() });
        bus.serial(Direction::Sent, &[3, 4]);
        drop(ours);
        answering.await.unwrap();
        (memory, recorder.end())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_really_written_and_read_is_recorded() {
        let (memory, totals) = session().await;
        assert_eq!(totals, Totals { written: 11, ..Totals::default() });
        let mut packets = Vec::new();
        for block in memory.blocks() {
            if let Block::Packet { interface, time, data, comment } = block {
                packets.push((interface, (time - EPOCH) / 1000, data, comment.unwrap()));
            }
        }
        // Handshake; 12 bytes through a pipe of 8; the answer; CAN, serial; the end.
        let lengths: Vec<(u32, usize)> = packets.iter().map(|(own, _, data, _)| (*own, data.len())).collect();
        let tcp = |data: usize| (0, 40 + data);
        let ends = [tcp(0), tcp(0), tcp(0)];
        assert_eq!(lengths, [&ends[..], &[tcp(8), tcp(4), tcp(5), (1, 9), (2, 3)], &ends].concat());
        assert_eq!((packets[0].1, packets[0].3.as_str()), (0, "session_us=0"));
        assert_eq!((packets[5].1, packets[5].3.as_str()), (3000, "session_us=3000"), "virtual time");
        assert_eq!((&packets[6].2[..], &packets[7].2[..]), (&[0, 0, 0, 0x55, 1, 0, 0, 0, 1][..], &[0, 3, 4][..]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_run_again_is_the_same_file() {
        let (first, second) = (session().await.0, session().await.0);
        assert_eq!(*first.0.lock().unwrap(), *second.0.lock().unwrap());
    }

    /// Writes only when it is let.
    struct Stuck(mpsc::Receiver<()>, Memory);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // The section header comes before anyone could let it.
            if !self.1.0.lock().unwrap().is_empty() {
                let _ = self.0.recv();
            }
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_is_stuck_holds_nobody_up_and_what_it_costs_is_said() {
        let (let_go, held) = mpsc::channel();
        let memory = Memory::default();
        let clock = Clock::from_epoch(EPOCH, || 5);
        let recorder = Recorder::queued(Stuck(held, memory.clone()), clock, 4).unwrap();
        let bus = Tap::new(&recorder, "bus", "can:vcan0");
        (0..100).for_each(|id| bus.can(&CanFrame { id, ..CanFrame::default() }));
        assert!(
            (95..=96).contains(&recorder.dropped()),
            "{}: four in the queue, one with the thread",
            recorder.dropped()
        );
        drop(let_go);
        let totals = recorder.end();
        assert_eq!((totals.written + totals.lost(), totals.trouble), (100, None));
        assert_eq!(totals.dropped[0].0, "bus");
        let statistics = memory.blocks().into_iter().next_back();
        let dropped = Some(totals.dropped[0].1);
        assert_eq!(statistics, Some(Block::Statistics { interface: 0, received: Some(100), dropped }));
        bus.can(&CanFrame::default());
        assert!(recorder.end().trouble.unwrap().contains("before"), "it ends once");
    }

    /// A disk that is full after the file's beginning.
    struct Full(bool);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) { Err(io::Error::other("disk full")) } else { Ok(bytes.len()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_reported() {
        let recorder = Recorder::direct(Full(false), Clock::system(|| 1)).unwrap();
        let tap = Tap::new(&recorder, "meter", "");
        tap.serial(Direction::Received, &[1]);
        let totals = recorder.end();
        assert_eq!((totals.written, totals.lost(), totals.trouble.as_deref()), (0, 1, Some("disk full")));
        assert!(Recorder::direct(Full(true), Clock::system(|| 1)).is_err());
    }
}
