//! What makes a database unusable, message by message.

use std::collections::BTreeMap;

use super::read::{DbcFinding, MOST_FINDINGS};
use super::{Message, Number, Presence, Signal};

/// Everything that is wrong with messages that are read.
pub(super) fn check(messages: &[Message], found: &mut Vec<DbcFinding>) {
    let mut ids = BTreeMap::new();
    let mut names = BTreeMap::new();
    for message in messages {
        if let Some(first) = ids.insert(message.id, message.name.as_str()) {
            found.push(DbcFinding::SameId { id: message.id, first: first.to_owned(), second: message.name.clone() });
        }
        if names.insert(message.name.as_str(), ()).is_some() {
            found.push(DbcFinding::SameMessage { message: message.name.clone() });
        }
        signals(message, found);
    }
}

fn signals(message: &Message, found: &mut Vec<DbcFinding>) {
    let mut names = BTreeMap::new();
    for signal in &message.signals {
        let (message_name, name) = (message.name.clone(), signal.name.clone());
        if names.insert(name.clone(), ()).is_some() {
            found.push(DbcFinding::SameSignal { message: message_name, signal: name });
        } else if signal.bytes() > message.length {
            found.push(DbcFinding::Outside { message: message_name, signal: name, bytes: message.length });
        }
        numbers(message, signal, found);
    }
    overlaps(message, found);
}

fn numbers(message: &Message, signal: &Signal, found: &mut Vec<DbcFinding>) {
    let (message, name) = (message.name.clone(), signal.name.clone());
    if signal.factor == 0.0 || !signal.factor.is_finite() || !signal.offset.is_finite() {
        found.push(DbcFinding::Scale { message, signal: name, factor: signal.factor, offset: signal.offset });
        return;
    }
    let wanted = match signal.number {
        Number::F32 => 32,
        Number::F64 => 64,
        Number::Unsigned | Number::Signed => signal.length,
    };
    if signal.length != wanted {
        found.push(DbcFinding::FloatLength { message, signal: name, bits: signal.length });
    } else if let Some((low, high)) = signal.limits.filter(|(low, high)| low > high || low.is_nan() || high.is_nan()) {
        found.push(DbcFinding::Limits { message, signal: name, low, high });
    }
}

/// Bits of 64 bytes.
type Bits = [u64; 8];

fn bits(signal: &Signal) -> Bits {
    let mut bits = [0; 8];
    for position in signal.positions().filter(|position| *position < 512) {
        bits[position / 64] |= 1 << (position % 64);
    }
    bits
}

fn overlaps(message: &Message, found: &mut Vec<DbcFinding>) {
    let all: Vec<Bits> = message.signals.iter().map(bits).collect();
    for (k, second) in message.signals.iter().enumerate() {
        // Pairs are many: what is wrong with so much is known by now.
        if found.len() >= MOST_FINDINGS {
            return;
        }
        for (first, own) in message.signals.iter().zip(&all).take(k) {
            let shared = own.iter().zip(all[k]).any(|(a, b)| a & b != 0);
            if shared && together(&first.presence, &second.presence) {
                found.push(DbcFinding::Overlap {
                    message: message.name.clone(),
                    first: first.name.clone(),
                    second: second.name.clone(),
                });
            }
        }
    }
}

/// Whether two signals can be in the same frame.
fn together(first: &Presence, second: &Presence) -> bool {
    match (first, second) {
        (Presence::When(first), Presence::When(second)) => {
            first.iter().any(|a| second.iter().any(|b| a.0 <= b.1 && b.0 <= a.1))
        }
        _ => true,
    }
}
