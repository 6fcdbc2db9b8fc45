//! What a CAN database (`.dbc`) says, compiled: messages, their signals, where their bits are and what they mean.
//!
//! A file is read by the crate `can-dbc` and then checked as a whole: everything that is wrong is reported at once
//! ([`DbcFinding`]), and with one finding there is no database. Multiplexing has one level: one switch in a message (`M`),
//! signals that are there for some of its values (`m3`, or ranges by `SG_MUL_VAL_`). Physical values are
//!
//! ```text
//! physical = raw · factor + offset
//! ```
//!
//! in double precision, so that integers of more than 53 bits are exact only as raw values. Floats (`SIG_VALTYPE_`) have 32
//! or 64 bits.

mod bits;
mod check;
mod codec;
mod read;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use codec::EncodeError;
pub use read::{DbcFinding, LONGEST_TEXT};

use super::frame::CanId;

/// Order of a signal's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Intel: the start bit is the least significant.
    Little,
    /// Motorola: the start bit is the most significant.
    Big,
}

/// What a signal's bits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// A whole number from 0.
    Unsigned,
    /// Two's complement.
    Signed,
    /// IEEE 754 of 32 bits.
    F32,
    /// IEEE 754 of 64 bits.
    F64,
}

/// When a signal is in its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Always.
    Always,
    /// Always, and it says which others are.
    Switch,
    /// When the switch's raw value is in one of these ranges, ends included.
    When(Box<[(u64, u64)]>),
}

/// A signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// Its first bit, as the file numbers them: byte · 8 + bit, bit 0 the least significant of its byte.
    pub start_bit: u16,
    /// Bits, 1 to 64.
    pub length: u8,
    /// Their order.
    pub order: ByteOrder,
    /// What they are.
    pub number: Number,
    /// Physical units per raw unit; not 0.
    pub factor: f64,
    /// Physical value of raw 0.
    pub offset: f64,
    /// Lowest and highest physical value, where the file says so (`[0|0]` says nothing).
    pub limits: Option<(f64, f64)>,
    /// Unit of the physical value, as the file has it.
    pub unit: String,
    /// When it is there.
    pub presence: Presence,
    /// Names of raw values, ascending.
    pub values: Vec<(i64, String)>,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its identifier.
    pub id: CanId,
    /// Its name.
    pub name: String,
    /// Its bytes, at most 64.
    pub length: usize,
    /// Its signals, in the file's order.
    pub signals: Vec<Signal>,
    /// Time between two of it in µs (`GenMsgCycleTime`), where the file says so.
    pub cycle_us: Option<u64>,
    switch: Option<usize>,
}

impl Message {
    /// The place of a signal.
    pub fn signal(&self, name: &str) -> Option<usize> {
        self.signals.iter().position(|signal| signal.name == name)
    }

    /// The place of the multiplexer's switch.
    pub const fn switch(&self) -> Option<usize> {
        self.switch
    }

    /// How many sets of signals take turns in it: 1 without a multiplexer.
    pub fn turns(&self) -> usize {
        let sets = self.signals.iter().filter_map(|signal| match &signal.presence {
            Presence::When(ranges) => Some(ranges),
            _ => None,
        });
        let mut sets: Vec<_> = sets.collect();
        sets.sort();
        sets.dedup();
        sets.len().max(1)
    }
}

/// All messages of a file, by identifier.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Database {
    messages: Vec<Message>,
}

impl Database {
    /// Reads the text of a `.dbc`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(text: &str) -> Result<Self, Vec<DbcFinding>> {
        read::read(text)
    }

    /// The messages, ascending by identifier.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The message with an identifier.
    pub fn message(&self, id: CanId) -> Option<&Message> {
        self.messages.binary_search_by_key(&id, |message| message.id).ok().map(|at| &self.messages[at])
    }

    /// The same messages for a device at another address, which is the lowest byte of identifiers of 29 bits, so that several
    /// of a kind share a bus. `None` where two of them would have the same identifier then.
    pub fn addressed(&self, address: u8) -> Option<Self> {
        let mut messages = self.messages.clone();
        for message in messages.iter_mut().filter(|message| message.id.is_extended()) {
            message.id = CanId::extended(message.id.number() & !0xFF | u32::from(address))?;
        }
        messages.sort_by_key(|message| message.id);
        let distinct = messages.windows(2).all(|pair| pair[0].id != pair[1].id);
        distinct.then_some(Self { messages })
    }

    /// The message with a name.
    pub fn named(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }
}
