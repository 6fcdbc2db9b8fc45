//! ISO 15765-2 over classic frames: messages of up to 4095 bytes, with normal addressing (the identifiers alone say who
//! speaks to whom).
//!
//! ```text
//! single       0L d…           L = 1…7
//! first        1L LL d…        LLL = 8…4095, six bytes
//! consecutive  2N d…           N = 1…15, 0, 1, …
//! flow control 3S BS ST        S: 0 go on, 1 wait, 2 too long; BS consecutive frames till the next; ST least time between
//! ```
//!
//! [`Sender`] and [`Receiver`] do no input or output and have time as an argument, in µs. Timeouts are those of the standard:
//! N_Bs (for flow control) and N_Cr (for a consecutive frame), 1 s each. Frames are sent with 8 bytes, filled up with
//! [`PADDING`]; shorter ones are accepted. Not here: extended and mixed addressing, lengths of 32 bits, FD.

mod receiver;
mod sender;
#[cfg(test)]
mod tests;

pub use receiver::{Heard, Receiver};
pub use sender::Sender;

use super::frame::{CLASSIC_BYTES, CanFrame, CanId};

/// Longest message in bytes.
pub const LONGEST: usize = 4095;
/// What fills frames up, as controllers do most.
pub const PADDING: u8 = 0xCC;
/// How long flow control is waited for, in µs (N_Bs).
pub const N_BS_US: u64 = 1_000_000;
/// How long a consecutive frame is waited for, in µs (N_Cr).
pub const N_CR_US: u64 = 1_000_000;
/// Times that a receiver may ask to wait, one after another (N_WFTmax).
pub const MOST_WAITS: u8 = 10;

/// Why a message did not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IsoTpError {
    /// Empty, or longer than [`LONGEST`].
    #[error("a message has 1 to 4095 bytes, not {0}")]
    Length(usize),
    /// One is still on its way.
    #[error("a message is still being sent")]
    Busy,
    /// No flow control came in time.
    #[error("the receiver did not say within 1 s that it is ready")]
    NoFlowControl,
    /// The receiver has no room.
    #[error("the message is too long for the receiver")]
    Overflow,
    /// The receiver asked to wait too often.
    #[error("the receiver asked to wait more than {MOST_WAITS} times")]
    TooManyWaits,
    /// Flow control with an unknown status.
    #[error("flow control has status {0}")]
    Status(u8),
    /// The next frame did not come in time.
    #[error("the rest of the message did not come within 1 s")]
    NoConsecutive,
    /// A frame was lost or came twice.
    #[error("frame {wanted} of the message was to come and not {got}")]
    Sequence {
        /// The number that was to come, modulo 16.
        wanted: u8,
        /// The number that came.
        got: u8,
    },
    /// A new message began before the last was complete.
    #[error("a new message began before the last was complete")]
    Interrupted,
}

/// A frame of the protocol, filled up to 8 bytes.
fn frame(id: CanId, head: &[u8], bytes: &[u8]) -> Option<CanFrame> {
    let mut payload = [PADDING; CLASSIC_BYTES];
    payload.get_mut(..head.len())?.copy_from_slice(head);
    payload.get_mut(head.len()..head.len() + bytes.len())?.copy_from_slice(bytes);
    CanFrame::data(id, &payload).ok()
}

/// The least time between consecutive frames in µs; reserved values are the longest, as the standard says.
pub const fn separation_us(code: u8) -> u64 {
    match code {
        0..=0x7F => code as u64 * 1000,
        0xF1..=0xF9 => (code - 0xF0) as u64 * 100,
        _ => 127_000,
    }
}
