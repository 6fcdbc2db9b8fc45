//! From the text of a `.dbc` to a [`Database`], by the crate `can-dbc`.
//!
//! Limits: 4 MiB of text, 10 000 messages, 1024 signals in a message, 1000 findings.

use can_dbc::{
    AttributeValue, Dbc, MessageId, MultiplexIndicator, NumericValue, SignalExtendedValueType, ValDescription,
    ValueType,
};

use super::check::check;
use super::{ByteOrder, Database, Message, Number, Presence, Signal};
use crate::link::can::frame::{CanId, FD_BYTES};

/// Longest text that is read, in bytes.
pub const LONGEST_TEXT: usize = 4 << 20;
const MOST_MESSAGES: usize = 10_000;
const MOST_SIGNALS: usize = 1024;
pub(super) const MOST_FINDINGS: usize = 1000;

/// Vector's place for signals that are in no message.
const UNUSED: &str = "VECTOR__INDEPENDENT_SIG_MSG";

/// Something wrong with a `.dbc`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum DbcFinding {
    /// The text is no `.dbc`, as the parser says.
    #[error("it is no DBC file: {0}")]
    Syntax(String),
    /// Too much of something.
    #[error("more than {most} {what}")]
    TooMuch { what: &'static str, most: usize },
    /// An identifier with too many bits.
    #[error("message `{message}`: {id} is no identifier of 11 bits, nor of 29 (which have bit 31 set in the file)")]
    Id { message: String, id: u64 },
    /// A message longer than a frame.
    #[error("message `{message}` has {bytes} bytes; a frame has at most 64")]
    MessageLength { message: String, bytes: u64 },
    /// Two messages with one identifier.
    #[error("messages `{first}` and `{second}` have the same identifier {id}")]
    SameId { id: CanId, first: String, second: String },
    /// Two messages with one name.
    #[error("message `{message}` is there twice")]
    SameMessage { message: String },
    /// Two signals with one name in a message.
    #[error("message `{message}`: signal `{signal}` is there twice")]
    SameSignal { message: String, signal: String },
    /// A signal that is not within its message.
    #[error("message `{message}`: signal `{signal}` does not fit into {bytes} bytes")]
    Outside { message: String, signal: String, bytes: usize },
    /// Two signals that share a bit and can be there together.
    #[error("message `{message}`: signals `{first}` and `{second}` overlap")]
    Overlap { message: String, first: String, second: String },
    /// A length that is none.
    #[error("message `{message}`: signal `{signal}` has {bits} bits; 1 to 64 there can be")]
    Length { message: String, signal: String, bits: u64 },
    /// A factor of 0, or numbers that are not finite.
    #[error("message `{message}`: signal `{signal}` has factor {factor} and offset {offset}")]
    Scale { message: String, signal: String, factor: f64, offset: f64 },
    /// A float of another length than its type has.
    #[error("message `{message}`: signal `{signal}` is a float of {bits} bits; 32 and 64 there are")]
    FloatLength { message: String, signal: String, bits: u8 },
    /// Limits that are none.
    #[error("message `{message}`: signal `{signal}` has limits from {low} to {high}")]
    Limits { message: String, signal: String, low: f64, high: f64 },
    /// A multiplexer that this reader does not know.
    #[error("message `{message}`: signal `{signal}`: {reason}")]
    Multiplexer { message: String, signal: String, reason: MultiplexerReason },
    /// A line about what is not there.
    #[error("`{section}` names signal `{signal}` of message {id}, which is not there")]
    NoSignal { section: &'static str, id: u32, signal: String },
    /// A cycle time that is none.
    #[error("message `{message}`: a cycle time of {value}")]
    Cycle { message: String, value: f64 },
}

/// Why a multiplexer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultiplexerReason {
    /// A switch below a switch.
    #[error("multiplexers of more than one level are not supported")]
    Nested,
    /// Two of them.
    #[error("there is a second switch in the message")]
    SecondSwitch,
    /// None.
    #[error("it is multiplexed, and the message has no switch")]
    NoSwitch,
    /// A float or a signed one cannot be counted.
    #[error("a switch must be unsigned")]
    SwitchNumber,
}

/// Reads and checks a text.
pub(super) fn read(text: &str) -> Result<Database, Vec<DbcFinding>> {
    if text.len() > LONGEST_TEXT {
        return Err(vec![DbcFinding::TooMuch { what: "bytes of text", most: LONGEST_TEXT }]);
    }
    let mut found = Vec::new();
    ids(text, &mut found);
    let dbc = Dbc::try_from(text).map_err(|error| vec![DbcFinding::Syntax(place(text, &error.to_string()))])?;
    if dbc.messages.len() > MOST_MESSAGES {
        return Err(vec![DbcFinding::TooMuch { what: "messages", most: MOST_MESSAGES }]);
    }
    let used = dbc.messages.iter().filter(|message| message.name != UNUSED);
    let mut messages: Vec<Message> = used.filter_map(|own| message(&dbc, own, &mut found)).collect();
    references(&dbc, &mut found);
    check(&messages, &mut found);
    messages.sort_by_key(|message| message.id);
    match found.is_empty() {
        true => Ok(Database { messages }),
        false => {
            found.truncate(MOST_FINDINGS);
            Err(found)
        }
    }
}

/// Where the parser stopped, in words; its own words begin with `--> line:column`.
fn place(text: &str, said: &str) -> String {
    let at = said.split_once("--> ").and_then(|(_, rest)| {
        let (line, rest) = rest.split_once(':')?;
        let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((line.trim().parse::<usize>().ok()?, column.parse::<usize>().ok()?))
    });
    let Some((line, column)) = at else { return first_lines(said) };
    let own = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let own: String = own.trim().chars().filter(|own| !own.is_control()).take(60).collect();
    format!("line {line} cannot be read from column {column} on: `{own}`")
}

/// The parser's words without what could be a whole file.
fn first_lines(said: &str) -> String {
    said.chars().take(400).collect()
}

/// Identifiers as they are written: the parser cuts those that are too long.
fn ids(text: &str, found: &mut Vec<DbcFinding>) {
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some("BO_"), Some(id), Some(name)) = (words.next(), words.next(), words.next()) else { continue };
        let message = name.trim_end_matches(':').to_owned();
        let Ok(id) = id.parse::<u64>() else { continue };
        let extended = id & 0x8000_0000 != 0;
        let number = u32::try_from(id & 0x7FFF_FFFF).unwrap_or(u32::MAX);
        let fits = u32::try_from(id).is_ok() && CanId::new(number, extended).is_some();
        if !fits && message != UNUSED {
            found.push(DbcFinding::Id { message, id });
        }
    }
}

fn id(own: MessageId) -> Option<CanId> {
    match own {
        MessageId::Standard(number) => CanId::standard(number.into()),
        MessageId::Extended(number) => CanId::extended(number),
    }
}

fn message(dbc: &Dbc, own: &can_dbc::Message, found: &mut Vec<DbcFinding>) -> Option<Message> {
    let name = own.name.clone();
    // One that does not fit was reported as it is written.
    let id = id(own.id)?;
    let Some(length) = usize::try_from(own.size).ok().filter(|bytes| *bytes <= FD_BYTES) else {
        found.push(DbcFinding::MessageLength { message: name, bytes: own.size });
        return None;
    };
    if own.signals.len() > MOST_SIGNALS {
        found.push(DbcFinding::TooMuch { what: "signals in a message", most: MOST_SIGNALS });
        return None;
    }
    let signals: Vec<Signal> = own.signals.iter().filter_map(|one| signal(dbc, own, one, found)).collect();
    let switch = switch(own, &signals, found);
    Some(Message { id, name, length, signals, cycle_us: cycle_us(dbc, own, found), switch })
}

fn signal(dbc: &Dbc, of: &can_dbc::Message, own: &can_dbc::Signal, found: &mut Vec<DbcFinding>) -> Option<Signal> {
    let (message, name) = (of.name.clone(), own.name.clone());
    let Some(length) = u8::try_from(own.size).ok().filter(|bits| (1..=64).contains(bits)) else {
        found.push(DbcFinding::Length { message, signal: name, bits: own.size });
        return None;
    };
    let Some(start_bit) = u16::try_from(own.start_bit).ok().filter(|bit| usize::from(*bit) < 8 * FD_BYTES) else {
        let bytes = usize::try_from(of.size).unwrap_or(usize::MAX);
        found.push(DbcFinding::Outside { message, signal: name, bytes });
        return None;
    };
    let (low, high) = (number(own.min), number(own.max));
    Some(Signal {
        start_bit,
        length,
        order: match own.byte_order {
            can_dbc::ByteOrder::LittleEndian => ByteOrder::Little,
            can_dbc::ByteOrder::BigEndian => ByteOrder::Big,
        },
        number: kind(dbc, of, own),
        factor: own.factor,
        offset: own.offset,
        limits: (low != 0.0 || high != 0.0).then_some((low, high)),
        unit: own.unit.clone(),
        presence: presence(dbc, of, own, found),
        values: values(dbc.value_descriptions_for_signal(of.id, &own.name).unwrap_or_default()),
        name,
    })
}

#[allow(clippy::cast_precision_loss, reason = "limits are doubles")]
fn number(own: NumericValue) -> f64 {
    match own {
        NumericValue::Uint(number) => number as f64,
        NumericValue::Int(number) => number as f64,
        NumericValue::Double(number) => number,
    }
}

fn kind(dbc: &Dbc, of: &can_dbc::Message, own: &can_dbc::Signal) -> Number {
    match (dbc.extended_value_type_for_signal(of.id, &own.name), own.value_type) {
        (Some(SignalExtendedValueType::IEEEfloat32Bit), _) => Number::F32,
        (Some(SignalExtendedValueType::IEEEdouble64bit), _) => Number::F64,
        (_, ValueType::Signed) => Number::Signed,
        (_, ValueType::Unsigned) => Number::Unsigned,
    }
}

fn values(own: &[ValDescription]) -> Vec<(i64, String)> {
    let mut values: Vec<_> = own.iter().map(|value| (value.id, value.description.clone())).collect();
    values.sort_by_key(|value| value.0);
    values
}

fn presence(dbc: &Dbc, of: &can_dbc::Message, own: &can_dbc::Signal, found: &mut Vec<DbcFinding>) -> Presence {
    let value = match own.multiplexer_indicator {
        MultiplexIndicator::Plain => return Presence::Always,
        MultiplexIndicator::Multiplexor => return Presence::Switch,
        MultiplexIndicator::MultiplexedSignal(value) => value,
        MultiplexIndicator::MultiplexorAndMultiplexedSignal(value) => {
            found.push(multiplexer(of, &own.name, MultiplexerReason::Nested));
            value
        }
    };
    let ranges = dbc.extended_multiplex.iter().find(|line| line.message_id == of.id && line.signal_name == own.name);
    match ranges {
        Some(line) => Presence::When(line.mappings.iter().map(|one| (one.min_value, one.max_value)).collect()),
        None => Presence::When(Box::new([(value, value)])),
    }
}

fn multiplexer(of: &can_dbc::Message, signal: &str, reason: MultiplexerReason) -> DbcFinding {
    DbcFinding::Multiplexer { message: of.name.clone(), signal: signal.to_owned(), reason }
}

/// Where the switch is; that there is one where one is needed, and only one.
fn switch(of: &can_dbc::Message, signals: &[Signal], found: &mut Vec<DbcFinding>) -> Option<usize> {
    let mut switches = (0..).zip(signals).filter(|(_, signal)| signal.presence == Presence::Switch);
    let first = switches.next();
    found.extend(switches.map(|(_, second)| multiplexer(of, &second.name, MultiplexerReason::SecondSwitch)));
    match first {
        Some((_, switch)) if switch.number != Number::Unsigned => {
            found.push(multiplexer(of, &switch.name, MultiplexerReason::SwitchNumber));
        }
        Some(_) => {}
        None => {
            let lost = signals.iter().filter(|signal| matches!(signal.presence, Presence::When(_)));
            found.extend(lost.map(|signal| multiplexer(of, &signal.name, MultiplexerReason::NoSwitch)));
        }
    }
    first.map(|(at, _)| at)
}

/// `GenMsgCycleTime`, in ms in the file; 0 says nothing.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
fn cycle_us(dbc: &Dbc, of: &can_dbc::Message, found: &mut Vec<DbcFinding>) -> Option<u64> {
    #[allow(clippy::cast_precision_loss, reason = "a time in ms")]
    let value = match dbc.resolved_message_attribute(of.id, "GenMsgCycleTime")? {
        AttributeValue::Uint(ms) => *ms as f64,
        AttributeValue::Int(ms) => *ms as f64,
        AttributeValue::Double(ms) => *ms,
        AttributeValue::String(_) => f64::NAN,
    };
    if !(0.0..=86_400_000.0).contains(&value) {
        found.push(DbcFinding::Cycle { message: of.name.clone(), value });
        return None;
    }
    (value > 0.0).then(|| (value * 1e3).round() as u64)
}

/// Lines about signals that are not there: mostly a name that was changed in one place.
fn references(dbc: &Dbc, found: &mut Vec<DbcFinding>) {
    let mut look = |section, id: MessageId, signal: &str| {
        if dbc.signal_by_name(id, signal).is_none() {
            found.push(DbcFinding::NoSignal { section, id: id.raw(), signal: signal.to_owned() });
        }
    };
    for line in &dbc.signal_extended_value_type_list {
        look("SIG_VALTYPE_", line.message_id, &line.signal_name);
    }
    for line in &dbc.extended_multiplex {
        look("SG_MUL_VAL_", line.message_id, &line.signal_name);
        look("SG_MUL_VAL_", line.message_id, &line.multiplexor_signal_name);
    }
    for line in &dbc.value_descriptions {
        if let can_dbc::ValueDescription::Signal { message_id, name, .. } = line {
            look("VAL_", *message_id, name);
        }
    }
}
