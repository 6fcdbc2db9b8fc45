//! Long messages put together from packets (J1939-21, 5.10): broadcasts, and those to one's own address, with answers.
//!
//! ```text
//! TP.CM  16 RTS: bytes (2), packets, packets per CTS, group (3)     32 BAM: bytes (2), packets, FF, group (3)
//!        17 CTS: packets, first, FF FF, group (3)                   19 end: bytes (2), packets, FF, group (3)
//!       255 abort: reason, FF FF FF, group (3)
//! TP.DT  number (1…255), seven bytes
//! ```
//!
//! Limits: [`MOST_SESSIONS`] messages at once; a further one is refused (or, broadcast, not put together).

use super::{GLOBAL, Header, LONGEST, PGN_DATA, PGN_MANAGEMENT};
use crate::link::can::frame::CanFrame;

/// Messages that are put together at once.
const MOST_SESSIONS: usize = 32;
/// Longest time between packets of a broadcast, in µs (T1).
const T1_US: u64 = 750_000;
/// Longest time from a CTS to a packet, in µs (T2).
const T2_US: u64 = 1_250_000;
/// Packets that are asked for at once.
const PACKETS_PER_CTS: u8 = 16;

const RTS: u8 = 16;
const CTS: u8 = 17;
const END: u8 = 19;
const BAM: u8 = 32;
const ABORT: u8 = 255;
/// Reasons of an abort.
const NO_RESOURCES: u8 = 2;
const TIMEOUT: u8 = 3;
const BAD_SEQUENCE: u8 = 7;

/// A message that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// Its group, sender and receiver; the priority is 0, as packets do not carry it.
    pub header: Header,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
struct Session {
    header: Header,
    length: usize,
    packets: u8,
    /// Number of the packet that is to come.
    next: u8,
    /// Last packet that was asked for; all of a broadcast.
    granted: u8,
    per_cts: u8,
    bytes: Vec<u8>,
    until_us: u64,
}

/// Puts messages together for one address.
#[derive(Debug)]
pub struct Transport {
    own: u8,
    sessions: Vec<Session>,
}

/// What came of a frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// A frame to be sent.
    pub answer: Option<CanFrame>,
    /// A message that is complete.
    pub message: Option<Assembled>,
}

impl Transport {
    /// For this address: broadcasts, and messages to it.
    pub const fn new(own: u8) -> Self {
        Self { own, sessions: Vec::new() }
    }

    /// When it has to be polled next, in µs.
    pub fn next_us(&self) -> Option<u64> {
        self.sessions.iter().map(|session| session.until_us).min()
    }

    /// Gives up what did not come in time: one abort to be sent; to be called until there is none.
    pub fn poll(&mut self, now_us: u64) -> Option<CanFrame> {
        while let Some(at) = self.sessions.iter().position(|session| now_us >= session.until_us) {
            let session = self.sessions.remove(at);
            if session.header.destination != GLOBAL {
                return self.abort(session.header, TIMEOUT);
            }
        }
        None
    }

    /// Takes a frame from the bus; what is no packet for this address is passed over.
    pub fn hear(&mut self, now_us: u64, frame: &CanFrame) -> Outcome {
        let header = Header::of(frame.id()).filter(|_| frame.is_data());
        let Some(header) = header.filter(|own| own.destination == GLOBAL || own.destination == self.own) else {
            return Outcome::default();
        };
        let Ok(bytes) = <[u8; 8]>::try_from(frame.bytes()) else { return Outcome::default() };
        match header.pgn {
            PGN_MANAGEMENT => self.manage(now_us, header, bytes),
            PGN_DATA => self.data(now_us, header, bytes),
            _ => Outcome::default(),
        }
    }

    fn manage(&mut self, now_us: u64, from: Header, bytes: [u8; 8]) -> Outcome {
        let [control, low, high, packets, per_cts, group @ ..] = bytes;
        let [a, b, c] = group;
        let pgn = u32::from_le_bytes([a, b, c, 0]);
        let header = Header { priority: 0, pgn, ..from };
        let wanted = match control {
            ABORT => {
                self.sessions.retain(|own| !(own.is_of(from) && own.header.pgn == pgn));
                return Outcome::default();
            }
            RTS => from.destination != GLOBAL,
            BAM => from.destination == GLOBAL,
            _ => false,
        };
        let length = usize::from(u16::from_le_bytes([low, high]));
        let fits = (9..=LONGEST).contains(&length) && length.div_ceil(7) == usize::from(packets) && pgn < 1 << 18;
        if !wanted || !fits {
            return Outcome::default();
        }
        // Between two addresses there is one message at a time: a new one ends the old.
        self.sessions.retain(|own| !own.is_of(from));
        if self.sessions.len() >= MOST_SESSIONS {
            let answer = (control == RTS).then(|| self.abort(header, NO_RESOURCES)).flatten();
            return Outcome { answer, message: None };
        }
        let broadcast = control == BAM;
        let per_cts = if broadcast { packets } else { per_cts.clamp(1, PACKETS_PER_CTS) };
        let until_us = now_us.saturating_add(if broadcast { T1_US } else { T2_US });
        let bytes = Vec::with_capacity(length);
        self.sessions.push(Session { header, length, packets, next: 1, granted: 0, per_cts, bytes, until_us });
        let at = self.sessions.len() - 1;
        let answer = self.grant(at).filter(|_| !broadcast);
        Outcome { answer, message: None }
    }

    fn data(&mut self, now_us: u64, from: Header, bytes: [u8; 8]) -> Outcome {
        let Some(at) = self.sessions.iter().position(|own| own.is_of(from)) else { return Outcome::default() };
        let [number, data @ ..] = bytes;
        let session = &mut self.sessions[at];
        let broadcast = session.header.destination == GLOBAL;
        if number != session.next {
            let header = self.sessions.remove(at).header;
            let answer = if broadcast { None } else { self.abort(header, BAD_SEQUENCE) };
            return Outcome { answer, message: None };
        }
        let left = session.length - session.bytes.len();
        session.bytes.extend_from_slice(&data[..left.min(7)]);
        session.until_us = now_us.saturating_add(T1_US);
        if number == session.packets {
            let session = self.sessions.remove(at);
            let answer = if broadcast { None } else { self.finish(&session) };
            let message = Some(Assembled { header: session.header, bytes: session.bytes });
            return Outcome { answer, message };
        }
        session.next += 1;
        if broadcast || number < session.granted {
            return Outcome::default();
        }
        session.until_us = now_us.saturating_add(T2_US);
        Outcome { answer: self.grant(at), message: None }
    }

    /// Asks for the next packets.
    fn grant(&mut self, at: usize) -> Option<CanFrame> {
        let session = self.sessions.get_mut(at)?;
        let count = session.per_cts.min(session.packets - session.next + 1);
        session.granted = session.next + (count - 1);
        let (header, next) = (session.header, session.next);
        self.answer(header, [CTS, count, next, 0xFF, 0xFF])
    }

    fn finish(&self, session: &Session) -> Option<CanFrame> {
        let [low, high] = u16::try_from(session.length).ok()?.to_le_bytes();
        self.answer(session.header, [END, low, high, session.packets, 0xFF])
    }

    fn abort(&self, header: Header, reason: u8) -> Option<CanFrame> {
        self.answer(header, [ABORT, reason, 0xFF, 0xFF, 0xFF])
    }

    fn answer(&self, to: Header, head: [u8; 5]) -> Option<CanFrame> {
        let own = Header { priority: 7, pgn: PGN_MANAGEMENT, source: self.own, destination: to.source };
        let [a, b, c, _] = to.pgn.to_le_bytes();
        let [h0, h1, h2, h3, h4] = head;
        CanFrame::data(own.id()?, &[h0, h1, h2, h3, h4, a, b, c]).ok()
    }
}

impl Session {
    fn is_of(&self, from: Header) -> bool {
        (self.header.source, self.header.destination) == (from.source, from.destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: u8 = 0x31;
    /// The sender's reason: already in another session.
    const BUSY: u8 = 1;

    fn frame(pgn: u32, destination: u8, bytes: [u8; 8]) -> CanFrame {
        let header = Header { priority: 7, pgn, source: 0x20, destination };
        CanFrame::data(header.id().unwrap(), &bytes).unwrap()
    }

    fn packets(message: &[u8]) -> Vec<[u8; 8]> {
        let packet = |(k, part): (u8, &[u8])| {
            let mut bytes = [0xFF; 8];
            bytes[0] = k;
            bytes[1..=part.len()].copy_from_slice(part);
            bytes
        };
        (1..=255).zip(message.chunks(7)).map(packet).collect()
    }

    fn announcement(control: u8, message: &[u8], per_cts: u8) -> [u8; 8] {
        let [low, high] = u16::try_from(message.len()).unwrap().to_le_bytes();
        let count = u8::try_from(message.len().div_ceil(7)).unwrap();
        [control, low, high, count, per_cts, 0xF1, 0xFE, 0x00]
    }

    #[test]
    fn a_broadcast_is_put_together_and_nobody_answers() {
        let message: Vec<u8> = (0..20).collect();
        let mut transport = Transport::new(OWN);
        assert_eq!(
            transport.hear(0, &frame(PGN_MANAGEMENT, GLOBAL, announcement(BAM, &message, 0xFF))),
            Outcome::default()
        );
        let outcomes: Vec<_> =
            packets(&message).into_iter().map(|one| transport.hear(1, &frame(PGN_DATA, GLOBAL, one))).collect();
        let done = outcomes.last().unwrap().message.as_ref().unwrap();
        assert_eq!((&done.bytes, done.header.pgn, done.header.source), (&message, 0xFEF1, 0x20));
        assert!(outcomes.iter().all(|outcome| outcome.answer.is_none()));
        transport.hear(0, &frame(PGN_MANAGEMENT, GLOBAL, announcement(BAM, &message, 0xFF)));
        transport.hear(0, &frame(PGN_DATA, GLOBAL, packets(&message)[1]));
        assert_eq!(transport.next_us(), None, "a packet was lost");
        transport.hear(0, &frame(PGN_MANAGEMENT, GLOBAL, announcement(BAM, &message, 0xFF)));
        assert_eq!((transport.poll(T1_US), transport.next_us()), (None, None), "nothing came");
    }

    #[test]
    fn a_message_to_us_is_granted_in_parts_and_acknowledged() {
        let message: Vec<u8> = (0..40).collect();
        let mut transport = Transport::new(OWN);
        let answer = transport.hear(0, &frame(PGN_MANAGEMENT, OWN, announcement(RTS, &message, 2))).answer.unwrap();
        let back = Header::of(answer.id()).unwrap();
        assert_eq!((back.pgn, back.source, back.destination), (PGN_MANAGEMENT, OWN, 0x20));
        assert_eq!(answer.bytes(), [CTS, 2, 1, 0xFF, 0xFF, 0xF1, 0xFE, 0]);
        let mut answers = Vec::new();
        let mut done = None;
        for packet in packets(&message) {
            let outcome = transport.hear(0, &frame(PGN_DATA, OWN, packet));
            answers.extend(outcome.answer.map(|answer| answer.bytes()[..4].to_vec()));
            done = outcome.message.or(done);
        }
        assert_eq!(answers, [vec![CTS, 2, 3, 0xFF], vec![CTS, 2, 5, 0xFF], vec![END, 40, 0, 6]]);
        assert_eq!(done.unwrap().bytes, message);
        let elsewhere = frame(PGN_MANAGEMENT, OWN + 1, announcement(RTS, &message, 2));
        assert_eq!(transport.hear(0, &elsewhere), Outcome::default());
    }

    #[test]
    fn what_goes_wrong_is_aborted() {
        let message: Vec<u8> = (0..40).collect();
        let mut transport = Transport::new(OWN);
        let request = frame(PGN_MANAGEMENT, OWN, announcement(RTS, &message, 9));
        transport.hear(0, &request);
        assert_eq!(transport.poll(T2_US - 1), None);
        assert_eq!(transport.poll(T2_US).unwrap().bytes()[..2], [ABORT, TIMEOUT]);
        transport.hear(0, &request);
        let wrong = transport.hear(0, &frame(PGN_DATA, OWN, packets(&message)[3]));
        assert_eq!(wrong.answer.unwrap().bytes()[..2], [ABORT, BAD_SEQUENCE]);
        transport.hear(0, &request);
        transport.hear(0, &frame(PGN_MANAGEMENT, OWN, [ABORT, BUSY, 0xFF, 0xFF, 0xFF, 0xF1, 0xFE, 0]));
        assert_eq!(transport.next_us(), None);
        for odd in [
            announcement(RTS, &message[..8], 9),
            [RTS, 40, 0, 7, 9, 0xF1, 0xFE, 0],
            [RTS, 0xFF, 0xFF, 0xFF, 9, 0, 0, 0],
        ] {
            assert_eq!(transport.hear(0, &frame(PGN_MANAGEMENT, OWN, odd)), Outcome::default(), "{odd:?}");
        }
        for source in 0..40 {
            let header = Header { priority: 7, pgn: PGN_MANAGEMENT, source, destination: OWN };
            let request = CanFrame::data(header.id().unwrap(), &announcement(RTS, &message, 9)).unwrap();
            let answer = transport.hear(0, &request).answer.unwrap().bytes()[..2].to_vec();
            let wanted = if usize::from(source) < MOST_SESSIONS { [CTS, 6] } else { [ABORT, NO_RESOURCES] };
            assert_eq!(answer, wanted);
        }
    }

    proptest! {
        #[test]
        fn any_message_gets_through(message in proptest::collection::vec(any::<u8>(), 9..=LONGEST), per_cts: u8, broadcast: bool) {
            let mut transport = Transport::new(OWN);
            let (control, destination) = if broadcast { (BAM, GLOBAL) } else { (RTS, OWN) };
            transport.hear(0, &frame(PGN_MANAGEMENT, destination, announcement(control, &message, per_cts)));
            let mut done = None;
            for packet in packets(&message) {
                done = transport.hear(0, &frame(PGN_DATA, destination, packet)).message.or(done);
            }
            prop_assert_eq!(done.map(|done| done.bytes), Some(message));
        }

        #[test]
        fn no_frames_break_it(frames in proptest::collection::vec((0_u8..4, 0_u8..3, any::<bool>(), any::<[u8; 8]>(), 0_u8..5), 0..80)) {
            let mut transport = Transport::new(OWN);
            for (now_us, (source, which, all, mut bytes, control)) in (0..).step_by(50_000).zip(frames) {
                let pgn = [PGN_MANAGEMENT, PGN_DATA, 0xEA00][usize::from(which)];
                let destination = if all { GLOBAL } else { OWN };
                // Mostly something that means something.
                bytes[0] = *[RTS, BAM, 1, 2].get(usize::from(control)).unwrap_or(&bytes[0]);
                let header = Header { priority: 7, pgn, source, destination };
                transport.poll(now_us);
                let outcome = transport.hear(now_us, &CanFrame::data(header.id().unwrap(), &bytes).unwrap());
                prop_assert!(outcome.message.is_none_or(|message| message.bytes.len() <= LONGEST));
                prop_assert!(transport.sessions.len() <= MOST_SESSIONS);
            }
        }
    }
}
