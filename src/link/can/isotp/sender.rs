//! The side that sends a message.

use super::{IsoTpError, LONGEST, MOST_WAITS, N_BS_US, frame, separation_us};
use crate::link::can::frame::{CanFrame, CanId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// The first frame is to be sent.
    Begin,
    /// Flow control is waited for, until then.
    Flow {
        until_us: u64,
    },
    /// Consecutive frames go out, the next not before then.
    Going {
        next_us: u64,
    },
}

/// Sends messages from one identifier, hearing flow control on another.
#[derive(Clone, Debug)]
pub struct Sender {
    id: CanId,
    answers: CanId,
    message: Vec<u8>,
    sent: usize,
    number: u8,
    /// Consecutive frames until the next flow control; `None` without end.
    left: Option<u8>,
    separation_us: u64,
    waits: u8,
    state: State,
}

impl Sender {
    /// A sender on `id` that hears flow control on `answers`.
    pub const fn new(id: CanId, answers: CanId) -> Self {
        Self {
            id,
            answers,
            message: Vec::new(),
            sent: 0,
            number: 0,
            left: None,
            separation_us: 0,
            waits: 0,
            state: State::Idle,
        }
    }

    /// Takes a message to be sent.
    ///
    /// # Errors
    /// When it has no bytes or too many, or another is on its way.
    pub fn start(&mut self, message: &[u8]) -> Result<(), IsoTpError> {
        if self.state != State::Idle {
            return Err(IsoTpError::Busy);
        }
        if message.is_empty() || message.len() > LONGEST {
            return Err(IsoTpError::Length(message.len()));
        }
        self.message.clear();
        self.message.extend_from_slice(message);
        (self.sent, self.number, self.waits, self.state) = (0, 0, 0, State::Begin);
        Ok(())
    }

    /// Whether a message is on its way.
    pub fn is_busy(&self) -> bool {
        self.state != State::Idle
    }

    /// When it has to be polled next, in µs; `None` when there is nothing to do.
    pub const fn next_us(&self) -> Option<u64> {
        match self.state {
            State::Idle => None,
            State::Begin => Some(0),
            State::Flow { until_us } => Some(until_us),
            State::Going { next_us } => Some(next_us),
        }
    }

    /// The next frame that may be sent now. To be called until there is none.
    ///
    /// # Errors
    /// When no flow control came in time; the message is given up.
    pub fn poll(&mut self, now_us: u64) -> Result<Option<CanFrame>, IsoTpError> {
        match self.state {
            State::Begin => Ok(self.begin(now_us)),
            State::Flow { until_us } if now_us >= until_us => self.give_up(IsoTpError::NoFlowControl),
            State::Going { next_us } if now_us >= next_us => Ok(self.consecutive(now_us)),
            _ => Ok(None),
        }
    }

    fn give_up<T>(&mut self, error: IsoTpError) -> Result<T, IsoTpError> {
        self.state = State::Idle;
        Err(error)
    }

    fn begin(&mut self, now_us: u64) -> Option<CanFrame> {
        let length = u16::try_from(self.message.len()).unwrap_or(0);
        let [high, low] = length.to_be_bytes();
        if length <= 7 {
            self.state = State::Idle;
            return frame(self.id, &[low], &self.message);
        }
        (self.sent, self.number) = (6, 1);
        self.state = State::Flow { until_us: now_us.saturating_add(N_BS_US) };
        frame(self.id, &[0x10 | high, low], self.message.get(..6)?)
    }

    fn consecutive(&mut self, now_us: u64) -> Option<CanFrame> {
        let end = self.message.len().min(self.sent + 7);
        let out = frame(self.id, &[0x20 | self.number], self.message.get(self.sent..end)?);
        (self.sent, self.number) = (end, (self.number + 1) & 0x0F);
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.state = if self.sent >= self.message.len() {
            State::Idle
        } else if self.left == Some(0) {
            State::Flow { until_us: now_us.saturating_add(N_BS_US) }
        } else {
            State::Going { next_us: now_us.saturating_add(self.separation_us) }
        };
        out
    }

    /// Takes a frame from the bus; what is no flow control for it is passed over.
    ///
    /// # Errors
    /// When the receiver gives up; the message is given up too.
    pub fn hear(&mut self, now_us: u64, frame: &CanFrame) -> Result<(), IsoTpError> {
        let State::Flow { .. } = self.state else { return Ok(()) };
        let &[first, block, separation, ..] = frame.bytes() else { return Ok(()) };
        if frame.id() != self.answers || !frame.is_data() || first >> 4 != 3 {
            return Ok(());
        }
        match first & 0x0F {
            0 => {
                (self.left, self.waits) = ((block > 0).then_some(block), 0);
                self.separation_us = separation_us(separation);
                self.state = State::Going { next_us: now_us };
                Ok(())
            }
            1 if self.waits >= MOST_WAITS => self.give_up(IsoTpError::TooManyWaits),
            1 => {
                self.waits += 1;
                self.state = State::Flow { until_us: now_us.saturating_add(N_BS_US) };
                Ok(())
            }
            2 => self.give_up(IsoTpError::Overflow),
            status => self.give_up(IsoTpError::Status(status)),
        }
    }
}
