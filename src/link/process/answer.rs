//! What a process says: that it is ready, then commands for each step. Everything about a line is doubted.
//!
//! JSON has no NaN and no infinity, and serde_json refuses what is beyond the largest double, so a number that is read is
//! one. What is nested deeper than serde_json's 128 levels is refused as well.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::link::quoted;
use crate::signal::Channels;

/// The answer to a step.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    /// The step that it answers.
    pub(super) tick: u64,
    /// A command for each output; NaN where there is none.
    pub(super) values: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ready {
    ready: bool,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    tick: u64,
    commands: Pairs,
}

/// The entries of an object as they are written: a name may come twice.
struct Pairs(Vec<(String, Option<f64>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of commands by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Reads the answer to the hello; why not, otherwise.
pub(super) fn ready(line: &[u8]) -> Result<(), String> {
    let said: Ready = serde_json::from_slice(line).map_err(|error| unreadable(line, "{\"ready\":true}", &error))?;
    match said {
        Ready { ready: true, .. } => Ok(()),
        Ready { reason: Some(reason), .. } => Err(format!("it is not ready: {}", quoted(reason.as_bytes()))),
        Ready { reason: None, .. } => Err("it is not ready".into()),
    }
}

/// Reads the answer to a step; what is wrong with it, otherwise.
pub(super) fn step(line: &[u8], outputs: &Channels) -> Result<Answered, String> {
    let expected = "{\"tick\":…,\"commands\":{…}}";
    let said: Step = serde_json::from_slice(line).map_err(|error| unreadable(line, expected, &error))?;
    let names = outputs.names().len();
    let (mut values, mut told) = (vec![f64::NAN; names], vec![false; names]);
    for (name, value) in said.commands.0 {
        let place = outputs.index(&name);
        let (Some(slot), Some(before)) = (place.and_then(|k| values.get_mut(k)), place.and_then(|k| told.get_mut(k)))
        else {
            return Err(format!("there is no output {}", quoted(name.as_bytes())));
        };
        if std::mem::replace(before, true) {
            return Err(format!("output {} is commanded twice", quoted(name.as_bytes())));
        }
        *slot = value.unwrap_or(f64::NAN);
    }
    Ok(Answered { tick: said.tick, values })
}

fn unreadable(line: &[u8], expected: &str, error: &serde_json::Error) -> String {
    format!("it said {}, not {expected}: {error}", quoted(line))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outputs() -> Channels {
        Channels::new(vec!["ev.p_w.a".into(), "ev.q_var.a".into()])
    }

    fn read(line: &str) -> Result<(u64, Vec<Option<f64>>), String> {
        let some = |v: &f64| Some(*v).filter(|v| !v.is_nan());
        step(line.as_bytes(), &outputs()).map(|a| (a.tick, a.values.iter().map(some).collect()))
    }

    #[test]
    fn commands_go_to_the_places_of_their_names() {
        let all = read(r#"{"commands":{"ev.q_var.a":-2.5,"ev.p_w.a":1e3},"tick":7}"#);
        assert_eq!(all, Ok((7, vec![Some(1000.0), Some(-2.5)])));
        assert_eq!(read(r#" {"tick":8,"commands":{"ev.p_w.a":null}} "#), Ok((8, vec![None, None])));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_was_said() {
        let wrong = |line: &str, part: &str| {
            let reason = read(line).unwrap_err();
            assert!(reason.contains(part), "{line}: {reason}");
        };
        wrong("", "EOF");
        wrong("hello", "`hello`");
        wrong(r#"{"tick":1,"commands":{"ev.p_w.a":NaN}}"#, "NaN");
        wrong(r#"{"tick":1,"commands":{"ev.p_w.a":1e999}}"#, "out of range");
        wrong(r#"{"tick":1,"commands":{"ev.p_w.a":"1"}}"#, "invalid type: string");
        wrong(r#"{"tick":1,"commands":{"ev.p_w.b":1}}"#, "no output `ev.p_w.b`");
        wrong(r#"{"tick":1,"commands":{"ev.p_w.a":1,"ev.p_w.a":2}}"#, "twice");
        wrong(r#"{"tick":1,"command":{}}"#, "unknown field `command`");
        wrong(r#"{"tick":1}"#, "missing field `commands`");
        wrong(r#"{"commands":{}}"#, "missing field `tick`");
        wrong(r#"{"tick":-1,"commands":{}}"#, "invalid value");
        wrong(r#"{"tick":1,"commands":{}} {}"#, "trailing");
        wrong(&format!(r#"{{"tick":1,"commands":{}"#, "[".repeat(100_000)), "expected an object");
    }

    #[test]
    fn ready_is_said_or_not() {
        assert_eq!(ready(br#"{"ready":true}"#), Ok(()));
        assert_eq!(ready(br#"{"ready":false,"reason":"no gains"}"#), Err("it is not ready: `no gains`".into()));
        assert!(ready(br#"{"tick":1,"commands":{}}"#).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(line: Vec<u8>) {
            let _ = (ready(&line), step(&line, &outputs()));
        }

        #[test]
        fn no_damage_to_a_true_answer_does(at: usize, byte: u8, cut: usize) {
            let mut line = br#"{"tick":7,"commands":{"ev.p_w.a":1e3,"ev.q_var.a":null}}"#.to_vec();
            let (at, cut) = (at % line.len(), cut % (line.len() + 1));
            line[at] = byte;
            line.truncate(cut);
            // A number that is read is one.
            let fine = |a: Answered| a.values.iter().all(|v| v.is_nan() || v.is_finite());
            prop_assert!(step(&line, &outputs()).map_or(true, fine));
        }

        #[test]
        fn any_commands_come_through_to_the_bit(tick: u64, p in proptest::num::f64::NORMAL, q in proptest::num::f64::NORMAL) {
            let line = format!(r#"{{"tick":{tick},"commands":{{"ev.p_w.a":{p:?},"ev.q_var.a":{q:e}}}}}"#);
            prop_assert_eq!(read(&line), Ok((tick, vec![Some(p), Some(q)])));
        }
    }
}
