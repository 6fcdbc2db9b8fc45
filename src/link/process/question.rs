//! What the bench says to a process: the hello, then a line for each step.
//!
//! The parts of a line that do not change are written once, at set-up; a step puts numbers between them, in a buffer that
//! is used again. Numbers are the shortest decimals that read back as the same double.

use serde_json::{Value, json};

use crate::link::Setup;
use crate::quantity::Tick;
use crate::signal::{Channel, Frame};

/// Version of what is said here.
pub(super) const VERSION: u32 = 1;

/// The first line.
pub(super) fn hello(setup: &Setup, line: &mut Vec<u8>) {
    let parameters = setup.parameters.iter().map(|(name, value)| (name.clone(), json!(value)));
    let hello = json!({
        "phasorbench": VERSION,
        "step_s": setup.step_s,
        "inputs": setup.inputs.names(),
        "outputs": setup.outputs.names(),
        "parameters": Value::Object(parameters.collect()),
    });
    write(line, &hello);
    line.push(b'\n');
}

/// Writes the lines of the steps.
pub(super) struct Questions {
    /// `"name":` of each channel, with a comma before all but the first.
    keys: Vec<Vec<u8>>,
}

impl Questions {
    pub(super) fn new(setup: &Setup) -> Self {
        let key = |(k, name): (usize, &String)| {
            let comma = if k == 0 { "" } else { "," };
            format!("{comma}{}:", json!(name)).into_bytes()
        };
        Self { keys: setup.inputs.names().iter().enumerate().map(key).collect() }
    }

    /// The question of a step, instead of what the buffer held.
    pub(super) fn step(&self, tick: Tick, t_s: f64, measured: &Frame, line: &mut Vec<u8>) {
        line.clear();
        line.extend_from_slice(b"{\"tick\":");
        write(line, &tick.0);
        line.extend_from_slice(b",\"t_s\":");
        write(line, &t_s);
        line.extend_from_slice(b",\"channels\":");
        self.each(measured, line, |line, channel| match channel.valid {
            true => write(line, &channel.value),
            false => line.extend_from_slice(b"null"),
        });
        line.extend_from_slice(b",\"ages\":");
        self.each(measured, line, |line, channel| write(line, &channel.age));
        line.extend_from_slice(b"}\n");
    }

    /// An object with something of each channel.
    fn each(&self, measured: &Frame, line: &mut Vec<u8>, part: impl Fn(&mut Vec<u8>, Channel)) {
        line.push(b'{');
        for (k, key) in self.keys.iter().enumerate() {
            line.extend_from_slice(key);
            part(line, measured.get(k));
        }
        line.push(b'}');
    }
}

/// A number in decimals, or what else has a form in JSON; what is not a number is null.
fn write(line: &mut Vec<u8>, value: &impl serde::Serialize) {
    // Writing into memory cannot fail.
    let _ = serde_json::to_writer(line, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Channels;

    fn setup() -> Setup {
        Setup {
            step_s: 0.1,
            inputs: Channels::new(vec!["v_pu.a".into(), "a \"name\"\n".into()]),
            outputs: Channels::new(vec!["ev634.p_w.a".into()]),
            parameters: vec![("ki_v".into(), 0.3), ("limit".into(), f64::INFINITY)],
        }
    }

    #[test]
    fn the_hello_names_everything_once() {
        let mut line = Vec::new();
        hello(&setup(), &mut line);
        let said: Value = serde_json::from_slice(&line).unwrap();
        let expected = json!({"phasorbench": 1, "step_s": 0.1, "inputs": ["v_pu.a", "a \"name\"\n"],
            "outputs": ["ev634.p_w.a"], "parameters": {"ki_v": 0.3, "limit": null}});
        assert_eq!(said, expected);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
    }

    #[test]
    fn a_step_is_one_line_that_reads_back_as_it_was() {
        let mut frame = Frame::new(2);
        frame.advance(Tick(3));
        frame.set(0, 0.1 + 0.2);
        frame.grow_older(4);
        let mut line = b"what was there before".to_vec();
        Questions::new(&setup()).step(Tick(7), 0.7, &frame, &mut line);
        let said: Value = serde_json::from_slice(&line).unwrap();
        let expected = json!({"tick": 7, "t_s": 0.7, "channels": {"v_pu.a": 0.30000000000000004, "a \"name\"\n": null},
            "ages": {"v_pu.a": 4, "a \"name\"\n": 7}});
        assert_eq!(said, expected);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
    }

    #[test]
    fn without_channels_a_line_is_still_one() {
        let mut line = Vec::new();
        Questions::new(&Setup::default()).step(Tick(1), f64::NAN, &Frame::new(0), &mut line);
        assert_eq!(line, b"{\"tick\":1,\"t_s\":null,\"channels\":{},\"ages\":{}}\n");
    }
}
