//! The side that receives messages.

use super::{IsoTpError, LONGEST, N_CR_US, frame};
use crate::link::can::frame::{CanFrame, CanId};

/// Receives messages on one identifier, sends flow control on another.
#[derive(Clone, Debug)]
pub struct Receiver {
    id: CanId,
    answers: CanId,
    block: u8,
    separation: u8,
    /// Longest message that it has room for.
    room: usize,
    message: Vec<u8>,
    /// Bytes of the message that is on its way; 0 for none.
    length: usize,
    number: u8,
    left: u8,
    until_us: u64,
}

/// What came of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Flow control to be sent.
    pub answer: Option<CanFrame>,
    /// A message that is complete.
    pub message: Option<Vec<u8>>,
}

impl Receiver {
    /// A receiver on `id` that answers on `answers`; asks for blocks of so many frames (0: no blocks) with the least time
    /// between them by its code. Messages of more than `room` bytes are refused.
    pub fn new(id: CanId, answers: CanId, block: u8, separation: u8, room: usize) -> Self {
        let (message, room) = (Vec::new(), room.min(LONGEST));
        Self { id, answers, block, separation, room, message, length: 0, number: 0, left: 0, until_us: 0 }
    }

    /// When it has to be polled next, in µs.
    pub fn next_us(&self) -> Option<u64> {
        (self.length > 0).then_some(self.until_us)
    }

    /// Gives up a message whose rest does not come.
    ///
    /// # Errors
    /// When it did.
    pub fn poll(&mut self, now_us: u64) -> Result<(), IsoTpError> {
        if self.length > 0 && now_us >= self.until_us {
            self.length = 0;
            return Err(IsoTpError::NoConsecutive);
        }
        Ok(())
    }

    /// Takes a frame from the bus; what is no frame of a message for it is passed over.
    ///
    /// # Errors
    /// When a message was spoilt. A frame that begins a new one before the last was complete begins it all the same: its
    /// flow control is to be had from [`Receiver::answer`].
    pub fn hear(&mut self, now_us: u64, frame: &CanFrame) -> Result<Heard, IsoTpError> {
        if frame.id() != self.id || !frame.is_data() {
            return Ok(Heard::default());
        }
        match *frame.bytes() {
            [first, ref rest @ ..] if first >> 4 == 0 => self.single(usize::from(first & 0x0F), rest),
            [first, low, ref rest @ ..] if first >> 4 == 1 => {
                let length = usize::from(first & 0x0F) << 8 | usize::from(low);
                self.first(now_us, length, rest)
            }
            [first, ref rest @ ..] if first >> 4 == 2 => self.consecutive(now_us, first & 0x0F, rest),
            _ => Ok(Heard::default()),
        }
    }

    /// Flow control for the message that is on its way, as after a [`IsoTpError::Interrupted`].
    pub fn answer(&self) -> Option<CanFrame> {
        (self.length > 0).then(|| frame(self.answers, &[0x30, self.block, self.separation], &[])).flatten()
    }

    fn single(&mut self, length: usize, bytes: &[u8]) -> Result<Heard, IsoTpError> {
        let Some(message) = bytes.get(..length).filter(|bytes| (1..=7).contains(&bytes.len())) else {
            return Ok(Heard::default());
        };
        // One that was on its way is given up in silence: the new one is whole.
        self.length = 0;
        Ok(Heard { answer: None, message: Some(message.to_vec()) })
    }

    fn first(&mut self, now_us: u64, length: usize, bytes: &[u8]) -> Result<Heard, IsoTpError> {
        let Some(bytes) = bytes.get(..6).filter(|_| length > 7) else { return Ok(Heard::default()) };
        let interrupted = std::mem::take(&mut self.length) > 0;
        if length > self.room {
            let answer = frame(self.answers, &[0x32, 0, 0], &[]);
            return Ok(Heard { answer, message: None });
        }
        self.message.clear();
        self.message.extend_from_slice(bytes);
        (self.length, self.number, self.left) = (length, 1, self.block);
        self.until_us = now_us.saturating_add(N_CR_US);
        if interrupted { Err(IsoTpError::Interrupted) } else { Ok(Heard { answer: self.answer(), message: None }) }
    }

    fn consecutive(&mut self, now_us: u64, number: u8, bytes: &[u8]) -> Result<Heard, IsoTpError> {
        if self.length == 0 {
            return Ok(Heard::default());
        }
        if number != self.number {
            self.length = 0;
            return Err(IsoTpError::Sequence { wanted: self.number, got: number });
        }
        let wanted = (self.length - self.message.len()).min(7);
        // A frame that is cut short is none.
        let Some(bytes) = bytes.get(..wanted) else { return Ok(Heard::default()) };
        self.message.extend_from_slice(bytes);
        self.number = (self.number + 1) & 0x0F;
        self.until_us = now_us.saturating_add(N_CR_US);
        if self.message.len() == self.length {
            self.length = 0;
            return Ok(Heard { answer: None, message: Some(std::mem::take(&mut self.message)) });
        }
        let mut heard = Heard::default();
        if self.block > 0 {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                self.left = self.block;
                heard.answer = self.answer();
            }
        }
        Ok(heard)
    }
}
