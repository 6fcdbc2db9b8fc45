//! The device's side of Modbus: requests out of a stream, answers to them. No sockets, no clock: bytes in, bytes out.
//!
//! A request that is not as long as its function has it, or asks for more than an answer holds, gets exception 3 before any
//! permission is looked at; a function that is not served 1; registers that are not there 2. Functions: 1–6, 15, 16, 22,
//! 23 and 43/14 (identification). Requests of a stream are answered in their order, however many come at once.
//!
//! Source: Modbus Application Protocol V1.1b3, sections 6 and 7; Messaging on TCP/IP V1.0b; Serial Line V1.02.

use super::{Block, Table};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exception {
    /// The function is not served, or not to this client.
    Function = 1,
    /// There are no such registers.
    Address = 2,
    /// The request cannot be meant.
    Value = 3,
    /// The device failed at it.
    Failure = 4,
    /// It has no time now.
    Busy = 6,
    /// Behind this gateway there is no such unit.
    NoSuchUnit = 11,
}

/// What is behind a server.
pub trait Store {
    /// Whether a unit is here.
    fn serves(&self, unit: u8) -> bool;
    /// Whether this client may write.
    fn writable(&self) -> bool;
    /// Reads registers, bits as 0 and 1, into `words`, which has room for as many.
    ///
    /// # Errors
    /// When they are not there.
    fn read(&mut self, block: Block, words: &mut [u16]) -> Result<(), Exception>;
    /// Writes registers, all or none.
    ///
    /// # Errors
    /// When they are not there, or cannot be that.
    fn write(&mut self, table: Table, address: u16, words: &[u16]) -> Result<(), Exception>;
    /// Vendor, product, version.
    fn identification(&self) -> [&str; 3];
}

/// Longest request or answer without its frame.
const LONGEST_PDU: usize = 253;
/// Bytes before a PDU in TCP: transaction, protocol, length, unit.
const HEADER: usize = 7;

/// The answer to a request. Broadcasts (unit 0 of a serial line) are the caller's to leave unanswered.
pub fn answer(request: &[u8], store: &mut dyn Store) -> Vec<u8> {
    let Some((&function, body)) = request.split_first() else { return vec![0x80, Exception::Function as u8] };
    match serve(function, body, store) {
        Ok(mut answer) => {
            answer.insert(0, function);
            answer
        }
        Err(exception) => vec![function | 0x80, exception as u8],
    }
}

fn serve(function: u8, body: &[u8], store: &mut dyn Store) -> Result<Vec<u8>, Exception> {
    match function {
        1 => read(body, Table::Coil, store),
        2 => read(body, Table::Discrete, store),
        3 => read(body, Table::Holding, store),
        4 => read(body, Table::Input, store),
        5 | 6 => write_one(function, body, store),
        15 | 16 => write_many(function, body, store),
        22 => mask(body, store),
        23 => read_and_write(body, store),
        43 => identify(body, store),
        _ => Err(Exception::Function),
    }
}

/// Two numbers at a place.
fn pair(body: &[u8], at: usize) -> Option<[u16; 2]> {
    let bytes = body.get(at..at + 4)?;
    Some([u16::from_be_bytes([bytes[0], bytes[1]]), u16::from_be_bytes([bytes[2], bytes[3]])])
}

fn exactly(body: &[u8], length: usize) -> Result<(), Exception> {
    if body.len() == length { Ok(()) } else { Err(Exception::Value) }
}

/// A range of registers that one request may name.
fn range(table: Table, [address, count]: [u16; 2], most: u16) -> Result<Block, Exception> {
    if count == 0 || count > most {
        return Err(Exception::Value);
    }
    if u32::from(address) + u32::from(count) > 0x1_0000 {
        return Err(Exception::Address);
    }
    Ok(Block { table, address, count })
}

fn fetched(block: Block, store: &mut dyn Store) -> Result<Vec<u8>, Exception> {
    let mut words = vec![0; usize::from(block.count)];
    store.read(block, &mut words)?;
    let bytes: Vec<u8> = if block.table.bits() {
        let byte = |eight: &[u16]| eight.iter().rev().fold(0_u8, |byte, bit| (byte << 1) | u8::from(*bit != 0));
        words.chunks(8).map(byte).collect()
    } else {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    };
    let mut answer = vec![u8::try_from(bytes.len()).map_err(|_| Exception::Value)?];
    answer.extend(bytes);
    Ok(answer)
}

fn read(body: &[u8], table: Table, store: &mut dyn Store) -> Result<Vec<u8>, Exception> {
    exactly(body, 4)?;
    let most = if table.bits() { 2000 } else { 125 };
    fetched(range(table, pair(body, 0).ok_or(Exception::Value)?, most)?, store)
}

fn may_write(store: &dyn Store) -> Result<(), Exception> {
    if store.writable() { Ok(()) } else { Err(Exception::Function) }
}

fn write_one(function: u8, body: &[u8], store: &mut dyn Store) -> Result<Vec<u8>, Exception> {
    exactly(body, 4)?;
    let [address, value] = pair(body, 0).ok_or(Exception::Value)?;
    let (table, word) = match (function, value) {
        (5, 0xFF00) => (Table::Coil, 1),
        (5, 0) => (Table::Coil, 0),
        (5, _) => return Err(Exception::Value),
        _ => (Table::Holding, value),
    };
    may_write(store)?;
    store.write(table, address, &[word])?;
    Ok(body.to_vec())
}

/// The words that a request to write brings.
fn brought(body: &[u8], at: usize, block: Block) -> Result<Vec<u16>, Exception> {
    let bytes = if block.table.bits() { block.count.div_ceil(8) } else { 2 * block.count };
    let (count, data) = (body.get(at), body.get(at + 1..));
    let (Some(&count), Some(data)) = (count, data) else { return Err(Exception::Value) };
    if u16::from(count) != bytes || data.len() != usize::from(bytes) {
        return Err(Exception::Value);
    }
    Ok(if block.table.bits() {
        (0..usize::from(block.count)).map(|k| u16::from(data[k / 8] >> (k % 8) & 1)).collect()
    } else {
        data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    })
}

fn write_many(function: u8, body: &[u8], store: &mut dyn Store) -> Result<Vec<u8>, Exception> {
    let (table, most) = if function == 15 { (Table::Coil, 1968) } else { (Table::Holding, 123) };
    let block = range(table, pair(body, 0).ok_or(Exception::Value)?, most)?;
    let words = brought(body, 4, block)?;
    may_write(store)?;
    store.write(table, block.address, &words)?;
    Ok(body[..4].to_vec())
}

fn mask(body: &[u8], store: &mut dyn Store) -> Result<Vec<u8>, Exception> {
    exactly(body, 6)?;
    let [address, and] = pair(body, 0).ok_or(Exception::Value)?;
    let or = u16::from_be_bytes([body[4], body[5]]);
    may_write(store)?;
    let mut word = [0];
    store.read(Block { table: Table::Holding, address, count: 1 }, &mut word)?;
    store.write(Table::Holding, address, &[(word[0] & and) | (or & !and)])?;
    Ok(body.to_vec())
}

fn read_and_write(body: &[u8], store: &mut dyn Store) -> Result<Vec<u8>, Exception> {
    let from = range(Table::Holding, pair(body, 0).ok_or(Exception::Value)?, 125)?;
    let to = range(Table::Holding, pair(body, 4).ok_or(Exception::Value)?, 121)?;
    let words = brought(body, 8, to)?;
    may_write(store)?;
    store.write(Table::Holding, to.address, &words)?;
    fetched(from, store)
}

/// Basic identification, all of it or one object.
fn identify(body: &[u8], store: &mut dyn Store) -> Result<Vec<u8>, Exception> {
    exactly(body, 3)?;
    let (kind, code, object) = (body[0], body[1], body[2]);
    if kind != 14 {
        return Err(Exception::Function);
    }
    let texts = store.identification();
    let objects: Vec<u8> = match (code, object) {
        // Basic, regular, extended: from an object on, or all where there is no such object.
        (1..=3, from) => (if from < 3 { from } else { 0 }..3).collect(),
        (4, one) if one < 3 => vec![one],
        (4, _) => return Err(Exception::Address),
        _ => return Err(Exception::Value),
    };
    let count = u8::try_from(objects.len()).unwrap_or(0);
    let mut answer = vec![14, code, 0x81, 0, 0, count];
    for object in objects {
        let text = texts[usize::from(object)].as_bytes();
        let text = &text[..text.len().min(60)];
        answer.extend([object, u8::try_from(text.len()).unwrap_or(0)]);
        answer.extend(text);
    }
    Ok(answer)
}

/// A request out of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which it is, of TCP; repeated in its answer.
    pub transaction: u16,
    /// Whom it is for.
    pub unit: u8,
    /// Function and body.
    pub pdu: Vec<u8>,
}

/// What cannot be a stream of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not Modbus TCP")]
pub struct NotModbus;

/// Requests of Modbus TCP out of a stream of bytes.
#[derive(Debug, Default)]
pub struct TcpRequests {
    buffer: Vec<u8>,
}

impl TcpRequests {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next request; `None` until more has come.
    ///
    /// # Errors
    /// When what came is no request: there is no way to find the next.
    pub fn request(&mut self) -> Result<Option<Request>, NotModbus> {
        let Some(header) = self.buffer.get(..HEADER) else { return Ok(None) };
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let (transaction, protocol, length, unit) = (word(0), word(2), usize::from(word(4)), header[6]);
        if protocol != 0 || !(2..=LONGEST_PDU + 1).contains(&length) {
            return Err(NotModbus);
        }
        if self.buffer.len() < 6 + length {
            return Ok(None);
        }
        let pdu = self.buffer[HEADER..6 + length].to_vec();
        self.buffer.drain(..6 + length);
        Ok(Some(Request { transaction, unit, pdu }))
    }
}

/// An answer as a frame of TCP.
pub fn tcp_frame(request: &Request, answer: &[u8]) -> Vec<u8> {
    let length = u16::try_from(answer.len() + 1).unwrap_or(u16::MAX);
    let mut frame = Vec::with_capacity(HEADER + answer.len());
    frame.extend(request.transaction.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(length.to_be_bytes());
    frame.push(request.unit);
    frame.extend(answer);
    frame
}

/// Requests of Modbus RTU out of a stream of bytes. What has no right checksum is passed over byte by byte, so that a
/// request is found after any garbage; a serial line's silence between frames is not needed.
#[derive(Debug, Default)]
pub struct RtuRequests {
    buffer: Vec<u8>,
    /// Bytes that were no request.
    pub passed_over: u64,
}

impl RtuRequests {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The line was silent: what is left of a frame will not be completed.
    pub fn silence(&mut self) {
        self.passed_over += self.buffer.len() as u64;
        self.buffer.clear();
    }

    /// The next request; `None` until more has come.
    pub fn request(&mut self) -> Option<Request> {
        while self.buffer.len() >= 4 {
            match self.length() {
                Some(length) if self.buffer.len() < length && length <= LONGEST_PDU + 3 => return None,
                Some(length) if length <= LONGEST_PDU + 3 && checked(&self.buffer[..length]) => {
                    let frame: Vec<u8> = self.buffer.drain(..length).collect();
                    return Some(Request { transaction: 0, unit: frame[0], pdu: frame[1..length - 2].to_vec() });
                }
                _ => {
                    self.buffer.remove(0);
                    self.passed_over += 1;
                }
            }
        }
        None
    }

    /// How long the frame at the front is by its function; of one that is not known, as far as its checksum is right.
    fn length(&self) -> Option<usize> {
        let counted = |at: usize| self.buffer.get(at).map_or(at + 1, |&count| at + 1 + usize::from(count) + 2);
        Some(match self.buffer.get(1)? {
            1..=6 => 8,
            15 | 16 => counted(6),
            22 => 10,
            23 => counted(10),
            43 => 7,
            _ => (4..=self.buffer.len().min(LONGEST_PDU + 3)).find(|&length| checked(&self.buffer[..length]))?,
        })
    }
}

/// An answer as a frame of RTU.
pub fn rtu_frame(unit: u8, answer: &[u8]) -> Vec<u8> {
    let mut frame = vec![unit];
    frame.extend(answer);
    let crc = crc(&frame);
    frame.extend(crc.to_le_bytes());
    frame
}

fn checked(frame: &[u8]) -> bool {
    let (body, sum) = frame.split_at(frame.len().saturating_sub(2));
    sum == crc(body).to_le_bytes()
}

/// CRC-16/MODBUS (Serial Line V1.02, 6.2.2).
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Few {
        words: [u16; 10],
        writable: bool,
    }

    impl Store for Few {
        fn serves(&self, unit: u8) -> bool {
            unit == 1
        }
        fn writable(&self) -> bool {
            self.writable
        }
        fn read(&mut self, block: Block, words: &mut [u16]) -> Result<(), Exception> {
            let from = usize::from(block.address);
            words.copy_from_slice(self.words.get(from..from + words.len()).ok_or(Exception::Address)?);
            Ok(())
        }
        fn write(&mut self, _: Table, address: u16, words: &[u16]) -> Result<(), Exception> {
            let from = usize::from(address);
            self.words.get_mut(from..from + words.len()).ok_or(Exception::Address)?.copy_from_slice(words);
            Ok(())
        }
        fn identification(&self) -> [&str; 3] {
            ["PhasorBench", "few", "1"]
        }
    }

    fn few() -> Few {
        Few { words: [0, 1, 2, 3, 0, 0, 1, 0, 1, 0xABCD], writable: true }
    }

    #[test]
    fn requests_are_answered_as_the_protocol_has_it() {
        let mut store = few();
        let mut ask = |request: &[u8]| answer(request, &mut store);
        assert_eq!(ask(&[3, 0, 8, 0, 2]), [3, 4, 0, 1, 0xAB, 0xCD]);
        assert_eq!(ask(&[1, 0, 0, 0, 9]), [1, 2, 0b0100_1110, 1], "bits, the first in the lowest place");
        assert_eq!(ask(&[6, 0, 0, 0x12, 0x34]), [6, 0, 0, 0x12, 0x34]);
        assert_eq!(ask(&[5, 0, 1, 0xFF, 0]), [5, 0, 1, 0xFF, 0]);
        assert_eq!(ask(&[16, 0, 2, 0, 2, 4, 0, 7, 0, 8]), [16, 0, 2, 0, 2]);
        assert_eq!(ask(&[22, 0, 0, 0x00, 0xF2, 0x00, 0x25]), [22, 0, 0, 0x00, 0xF2, 0x00, 0x25]);
        assert_eq!(ask(&[3, 0, 0, 0, 4]), [3, 8, 0, 0x35, 0, 1, 0, 7, 0, 8], "0x34 and 0xF2, or 0x25 and not 0xF2");
        assert_eq!(ask(&[23, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 9]), [23, 2, 0, 9], "it writes first");
        assert_eq!(&ask(&[43, 14, 4, 1])[..], [43, 14, 4, 0x81, 0, 0, 1, 1, 3, b'f', b'e', b'w']);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_before_what_is_not_allowed() {
        let mut store = Few { writable: false, ..few() };
        let mut ask = |request: &[u8]| answer(request, &mut store);
        for (request, exception) in [
            (&[3, 0, 0, 0, 0][..], Exception::Value),
            (&[3, 0, 0, 0, 126], Exception::Value),
            (&[3, 0, 0, 0], Exception::Value),
            (&[3, 0, 9, 0, 2], Exception::Address),
            (&[3, 0xFF, 0xFF, 0, 2], Exception::Address),
            (&[7], Exception::Function),
            (&[6, 0, 0, 0], Exception::Value),
            (&[6, 0, 0, 0, 1], Exception::Function),
            (&[5, 0, 0, 1, 2], Exception::Value),
            (&[16, 0, 0, 0, 1, 3, 0, 1], Exception::Value),
            (&[16, 0, 0, 0, 1, 2, 0, 1], Exception::Function),
            (&[43, 13, 1, 0], Exception::Function),
            (&[43, 14, 9, 0], Exception::Value),
        ] {
            assert_eq!(ask(request), [request[0] | 0x80, exception as u8], "{request:?}");
        }
    }

    #[test]
    fn requests_come_in_pieces_and_in_numbers() {
        let mut requests = TcpRequests::default();
        let one = [0, 7, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1];
        requests.push(&one[..5]);
        assert_eq!(requests.request(), Ok(None));
        requests.push(&[&one[5..], &one[..]].concat());
        let first = requests.request().unwrap().unwrap();
        assert_eq!((first.transaction, first.unit, &first.pdu[..]), (7, 1, &[3, 0, 0, 0, 1][..]));
        assert!(requests.request().unwrap().is_some() && requests.request().unwrap().is_none());
        assert_eq!(tcp_frame(&first, &[3, 2, 0, 1]), [0, 7, 0, 0, 0, 5, 1, 3, 2, 0, 1]);
        requests.push(b"GET / HTTP/1.1");
        assert_eq!(requests.request(), Err(NotModbus));
    }

    #[test]
    fn the_checksum_is_the_standard_ones() {
        assert_eq!(crc(b"123456789"), 0x4B37);
        let mut requests = RtuRequests::default();
        let frame = rtu_frame(1, &[3, 0, 0, 0, 1]);
        requests.push(&[0xFF, 0x00, 0x55]);
        requests.push(&frame);
        assert_eq!(requests.request().map(|own| own.pdu), Some(vec![3, 0, 0, 0, 1]));
        assert_eq!((requests.passed_over, requests.request()), (3, None));
        requests.push(&frame[..6]);
        assert_eq!(requests.request(), None);
        requests.silence();
        requests.push(&frame);
        assert!(requests.request().is_some());
    }

    proptest! {
        #[test]
        fn any_request_has_a_short_answer(request in proptest::collection::vec(any::<u8>(), 0..300), writable in any::<bool>()) {
            let own = answer(&request, &mut Few { writable, ..few() });
            prop_assert!((2..=LONGEST_PDU).contains(&own.len()));
        }

        #[test]
        fn no_bytes_make_a_reader_panic_or_grow(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let (mut tcp, mut rtu) = (TcpRequests::default(), RtuRequests::default());
            for piece in bytes.chunks(7) {
                tcp.push(piece);
                while let Ok(Some(_)) = tcp.request() {}
                rtu.push(piece);
                while rtu.request().is_some() {}
                prop_assert!(rtu.buffer.len() <= LONGEST_PDU + 10);
            }
        }

        #[test]
        fn a_good_frame_is_found_after_garbage(garbage in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut requests = RtuRequests::default();
            requests.push(&garbage);
            while requests.request().is_some() {}
            requests.silence();
            requests.push(&rtu_frame(9, &[4, 0, 1, 0, 2]));
            prop_assert_eq!(requests.request().map(|own| own.unit), Some(9));
        }
    }
}
