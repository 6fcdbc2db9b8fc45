//! What we put on the wire is what python-can puts there: `vectors.json`, frozen by `tests/oracle/can_wires.py`.

use serde::Deserialize;

use super::{msgpack, slcan, socketcand};
use crate::link::can::frame::{CanFrame, CanId};

#[derive(Deserialize)]
struct Vectors {
    frames: Vec<Frozen>,
}

#[derive(Deserialize)]
struct Frozen {
    id: u32,
    extended: bool,
    kind: String,
    switch: bool,
    length: usize,
    bytes: String,
    slcan: String,
    socketcand: Option<String>,
    udp: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|k| u8::from_str_radix(&hex[2 * k..2 * k + 2], 16).unwrap()).collect()
}

impl Frozen {
    fn frame(&self) -> CanFrame {
        let id = CanId::new(self.id, self.extended).unwrap();
        match self.kind.as_str() {
            "remote" => CanFrame::remote(id, self.length).unwrap(),
            "fd" => CanFrame::fd(id, &bytes(&self.bytes), self.switch).unwrap(),
            _ => CanFrame::data(id, &bytes(&self.bytes)).unwrap(),
        }
    }
}

#[test]
fn wires_are_those_of_python_can() {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert_eq!(vectors.frames.len(), 60);
    for frozen in vectors.frames {
        let (frame, mut out) = (frozen.frame(), Vec::new());
        slcan::write(&frame, &mut out).unwrap();
        assert_eq!(out, bytes(&frozen.slcan), "{frame:?}");
        let mut read = Vec::new();
        slcan::Parser::default().push(&out, |event| read.push(event));
        assert_eq!(read, [slcan::Event::Frame(frame)]);
        if let Some(wire) = &frozen.socketcand {
            out.clear();
            socketcand::write(&frame, &mut out).unwrap();
            // It writes one more space where there is no data.
            let text = String::from_utf8(bytes(wire)).unwrap();
            let (own, text) = (String::from_utf8(out.clone()).unwrap(), text.replace("  ", " "));
            assert_eq!(own, text);
        }
        out.clear();
        msgpack::write(&frame, 1_700_000_000.25, &mut out);
        assert_eq!(out, bytes(&frozen.udp), "{frame:?}");
        assert_eq!(msgpack::read(&out), Some(frame));
    }
}
