//! What went over the wire, recorded as pcapng: Wireshark reads what the bench and its devices said.
//!
//! | part | what |
//! |---|---|
//! | [`pcapng`] | blocks of the file, written and read |
//! | [`recorder`] | the file: written at once, or by a thread behind a bounded queue that never blocks |
//! | [`packet`] | IP and TCP around bytes that had none left, CAN frames, serial bytes |
//! | [`tap`] | the handle of a link, and a stream that is listened to |
//!
//! See `docs/models/capture.md`.

pub mod packet;
pub mod pcapng;
pub mod recorder;
pub mod tap;

pub use pcapng::{Block, LinkType, ReadError, Reader};
pub use recorder::{Capture, Clock, Instants, Recorder, Totals};
pub use tap::{CanFrame, Direction, Ends, Tap, Tapped, tapped};
