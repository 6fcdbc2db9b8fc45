//! What we read is what Python's `cantools` reads: `vectors.json`, frozen by `tests/oracle/can_dbc.py`.

use serde::Deserialize;
use serde_json::Value;

use super::{Database, Message, Number};

#[derive(Deserialize)]
struct Vectors {
    databases: Vec<Frozen>,
}

#[derive(Deserialize)]
struct Frozen {
    dbc: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    message: String,
    payload: String,
    /// Name, raw, physical.
    values: Vec<(String, Value, f64)>,
    encoded: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|k| u8::from_str_radix(&hex[2 * k..2 * k + 2], 16).unwrap()).collect()
}

/// Raw bits as cantools says them.
fn raw(value: &Value, number: Number, length: u8) -> u64 {
    match number {
        Number::Unsigned => value.as_u64().unwrap(),
        #[allow(clippy::cast_sign_loss)]
        Number::Signed => value.as_i64().unwrap() as u64 & super::bits::mask(length),
        #[allow(clippy::cast_possible_truncation)]
        Number::F32 => u64::from((value.as_f64().unwrap() as f32).to_bits()),
        Number::F64 => value.as_f64().unwrap().to_bits(),
    }
}

fn check(message: &Message, case: &Case) {
    let payload = bytes(&case.payload);
    let mut encoded = vec![0; message.length];
    let mut exact = vec![0; message.length];
    for (name, said, physical) in &case.values {
        let at = message.signal(name).unwrap();
        let signal = &message.signals[at];
        let bits = raw(said, signal.number, signal.length);
        assert_eq!(signal.raw(&payload), bits, "{name} of {}", case.payload);
        let own = message.decode(at, &payload).expect("it is there for cantools");
        assert!((own - physical).abs() <= 1e-12 * physical.abs().max(1e-9), "{name}: {own} {physical}");
        signal.put_raw(&mut exact, bits);
        // Through physical values, where doubles have the bits for it.
        let whole = matches!(signal.number, Number::Unsigned | Number::Signed);
        if whole && said.as_f64().unwrap().abs() < 4e15 {
            message.encode(at, own, &mut encoded).unwrap();
        } else {
            signal.put_raw(&mut encoded, bits);
        }
    }
    let frozen = bytes(&case.encoded);
    assert_eq!((&exact, &encoded), (&frozen, &frozen), "{} {}", case.message, case.payload);
    let there = (0..message.signals.len()).filter(|at| message.decode(*at, &payload).is_some()).count();
    assert_eq!(there, case.values.len(), "no signal that cantools does not see: {}", case.payload);
}

#[test]
fn values_are_those_of_cantools() {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let mut count = 0;
    for frozen in &vectors.databases {
        let database = Database::read(&frozen.dbc).unwrap();
        for case in &frozen.cases {
            check(database.named(&case.message).unwrap(), case);
            count += case.values.len();
        }
    }
    assert!(count > 1000, "{count} values were compared");
}
