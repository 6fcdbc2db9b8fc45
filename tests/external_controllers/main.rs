//! A user's own control code: real child processes and a library that `cc` makes. What they do wrong has an outcome; it is
//! never a hang, a panic, or a process that is left behind.
//!
//! Needs `python3` and `cc`, and fails without them. Times are waited for, not measured: a test fails on what comes of a
//! step, whatever else the machine does.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../support/compiled.rs"]
mod compiled;
#[path = "../support/counting.rs"]
mod counting;
mod library;
#[cfg(feature = "solver")]
mod paced;
mod pi;
mod process;
mod process_ends;

use phasorbench::link::Setup;
use phasorbench::quantity::Tick;
use phasorbench::signal::{Channels, Frame};

fn channels(names: &[&str]) -> Channels {
    Channels::new(names.iter().map(ToString::to_string).collect())
}

/// Two inputs, two outputs.
fn setup() -> Setup {
    Setup {
        step_s: 0.1,
        inputs: channels(&["v_pu.a", "v_pu.b"]),
        outputs: channels(&["ev.p_w.a", "ev.q_var.a"]),
        parameters: vec![("gain".into(), 2.5)],
    }
}

/// What the first input is at a tick; the second is never valid.
fn measured(tick: u64) -> Frame {
    let mut frame = Frame::new(2);
    frame.advance(Tick(tick));
    frame.set(0, tick as f64 / 4.0);
    frame
}

fn valid(commands: &Frame) -> Vec<Option<f64>> {
    commands.channels().iter().map(|c| Some(c.value).filter(|_| c.valid)).collect()
}

/// How often something asks for memory in this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = counting::asked();
    work();
    counting::asked() - before
}
