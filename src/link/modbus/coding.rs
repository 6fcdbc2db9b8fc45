//! Numbers in registers: how many words, in which order, and what stands for no number.
//!
//! Sources: Modbus Application Protocol V1.1b3 (registers of 16 bits, high byte first); SunSpec Device Information Model
//! Specification (its types and the patterns that mean "not implemented").

use crate::link::description::language::Ends;

/// How a number, or a text, is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Coding {
    /// A coil or a discrete input.
    Bit,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Uint64,
    Float32,
    Float64,
    /// A counter of two words that is 0 where there is none.
    Acc32,
    /// A counter of four words that is 0 where there is none.
    Acc64,
    /// A power of ten, −10 to 10.
    Exponent,
    /// So many words of text, two bytes in each.
    Text(u16),
}

/// The order of a number's parts on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Of its words.
    pub words: Ends,
    /// Of the bytes in a word.
    pub bytes: Ends,
}

/// Why a number cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// It is not one.
    #[error("{0} is not a number to be written")]
    NotANumber(f64),
    /// It does not fit.
    #[error("{0} does not fit into {1}")]
    TooLarge(f64, &'static str),
}

/// Words of a number, at most four.
pub type Words = ([u16; 4], usize);

impl Coding {
    /// Reads its name as descriptions and SunSpec's models have it; `text` needs the number of words after a colon.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bit" => Self::Bit,
            "int16" => Self::Int16,
            "uint16" | "enum16" | "bitfield16" | "type" | "count" | "raw16" => Self::Uint16,
            "int32" => Self::Int32,
            "uint32" | "enum32" | "bitfield32" | "ipaddr" => Self::Uint32,
            "int64" => Self::Int64,
            "uint64" | "bitfield64" => Self::Uint64,
            "float32" => Self::Float32,
            "float64" => Self::Float64,
            "acc32" => Self::Acc32,
            "acc64" => Self::Acc64,
            "sunssf" | "exponent" => Self::Exponent,
            _ => Self::Text(name.strip_prefix("text:")?.parse().ok().filter(|words| (1..=125).contains(words))?),
        })
    }

    /// All names that [`Coding::named`] knows, for a help line.
    pub const NAMES: &str = "bit, int16, uint16, int32, uint32, int64, uint64, float32, float64, acc32, acc64, exponent, \
                             text:N";

    /// How many words it takes.
    pub const fn words(self) -> u16 {
        match self {
            Self::Bit | Self::Int16 | Self::Uint16 | Self::Exponent => 1,
            Self::Int32 | Self::Uint32 | Self::Float32 | Self::Acc32 => 2,
            Self::Int64 | Self::Uint64 | Self::Float64 | Self::Acc64 => 4,
            Self::Text(words) => words,
        }
    }

    /// The bits that stand for no value in SunSpec; NaN of floats is none everywhere.
    const fn sentinel(self) -> Option<u64> {
        Some(match self {
            Self::Int16 | Self::Exponent => 0x8000,
            Self::Uint16 => 0xFFFF,
            Self::Int32 => 0x8000_0000,
            Self::Uint32 => 0xFFFF_FFFF,
            Self::Int64 => 1 << 63,
            Self::Uint64 => u64::MAX,
            Self::Acc32 | Self::Acc64 => 0,
            Self::Bit | Self::Float32 | Self::Float64 | Self::Text(_) => return None,
        })
    }

    /// A number from its words as they came; `None` where they stand for none. `sunspec` has its patterns count.
    #[allow(clippy::cast_precision_loss, reason = "counters beyond 2^53 lose their last bits")]
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "bits of that width")]
    pub fn decode(self, words: &[u16], order: Order, sunspec: bool, absent: &[u64]) -> Option<f64> {
        let bits = joined(words.get(..usize::from(self.words()))?, order);
        if absent.contains(&bits) || (sunspec && self.sentinel() == Some(bits)) {
            return None;
        }
        let value = match self {
            Self::Bit | Self::Uint16 | Self::Uint32 | Self::Uint64 | Self::Acc32 | Self::Acc64 => bits as f64,
            Self::Int16 => f64::from(bits as u16 as i16),
            Self::Int32 => f64::from(bits as u32 as i32),
            Self::Int64 => bits as i64 as f64,
            Self::Float32 => f64::from(f32::from_bits(bits as u32)),
            Self::Float64 => f64::from_bits(bits),
            Self::Exponent => f64::from(bits as u16 as i16),
            Self::Text(_) => return None,
        };
        value.is_finite().then_some(value)
    }

    /// The words of a number, rounded to what the coding can hold.
    ///
    /// # Errors
    /// When it is none or does not fit. What a pattern of SunSpec's means as "none" does not fit.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    #[allow(clippy::cast_precision_loss, reason = "limits of 64 bits, where a few too many are refused")]
    pub fn encode(self, value: f64, order: Order, sunspec: bool) -> Result<Words, EncodeError> {
        if !value.is_finite() {
            return Err(EncodeError::NotANumber(value));
        }
        let rounded = value.round();
        let within = |low: f64, high: f64, name| match (low..=high).contains(&rounded) {
            true => Ok(()),
            false => Err(EncodeError::TooLarge(value, name)),
        };
        // Below the sentinel at either end.
        let less = f64::from(u8::from(sunspec));
        let bits = match self {
            Self::Bit => within(0.0, 1.0, "a bit").map(|()| rounded as u64)?,
            Self::Int16 => within(-32768.0 + less, 32767.0, "int16").map(|()| u64::from(rounded as i16 as u16))?,
            Self::Exponent => within(-10.0, 10.0, "a power of ten").map(|()| u64::from(rounded as i16 as u16))?,
            Self::Uint16 => within(0.0, 65535.0 - less, "uint16").map(|()| rounded as u64)?,
            Self::Int32 => within(f64::from(i32::MIN) + less, f64::from(i32::MAX), "int32")
                .map(|()| u64::from(rounded as i32 as u32))?,
            Self::Uint32 | Self::Acc32 => within(0.0, f64::from(u32::MAX) - less, "uint32").map(|()| rounded as u64)?,
            Self::Int64 => within(-MOST_64, MOST_64, "int64").map(|()| (rounded as i64).cast_unsigned())?,
            Self::Uint64 | Self::Acc64 => within(0.0, 2.0 * MOST_64, "uint64").map(|()| rounded as u64)?,
            Self::Float32 => {
                if value.abs() > f64::from(f32::MAX) {
                    return Err(EncodeError::TooLarge(value, "float32"));
                }
                u64::from((value as f32).to_bits())
            }
            Self::Float64 => value.to_bits(),
            Self::Text(_) => return Err(EncodeError::TooLarge(value, "a text")),
        };
        Ok(split(bits, usize::from(self.words()), order))
    }

    /// The words that stand for no value; `None` where nothing does.
    pub fn none(self, order: Order) -> Option<Words> {
        let bits = match self {
            Self::Float32 => Some(u64::from(f32::NAN.to_bits())),
            Self::Float64 => Some(f64::NAN.to_bits()),
            _ => self.sentinel(),
        };
        bits.map(|bits| split(bits, usize::from(self.words()), order))
    }

    /// The step between numbers that it can hold near a value.
    pub fn resolution(self, value: f64) -> f64 {
        match self {
            Self::Float32 => value.abs() * f64::from(f32::EPSILON),
            Self::Float64 => value.abs() * f64::EPSILON,
            _ => 1.0,
        }
    }
}

/// The largest number of 64 bits with a sign that is surely one.
const MOST_64: f64 = 9.2e18;

/// A text from its words: two bytes in each, up to the first NUL, without blanks at its end.
pub fn text(words: &[u16]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

/// A text's words, NUL-padded.
pub fn text_words(text: &str, words: usize) -> Vec<u16> {
    let bytes = text.as_bytes();
    let byte = |k: usize| bytes.get(k).copied().unwrap_or(0);
    (0..words).map(|k| u16::from_be_bytes([byte(2 * k), byte(2 * k + 1)])).collect()
}

fn joined(words: &[u16], order: Order) -> u64 {
    let word = |word: &u16| u64::from(if order.bytes == Ends::HighFirst { *word } else { word.swap_bytes() });
    let join = |bits: u64, own: &u16| (bits << 16) | word(own);
    match order.words {
        Ends::HighFirst => words.iter().take(4).fold(0, join),
        Ends::LowFirst => words.iter().take(4).rev().fold(0, join),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a word at a time")]
fn split(bits: u64, count: usize, order: Order) -> Words {
    let mut words = [0; 4];
    for (k, word) in words.iter_mut().enumerate().take(count) {
        let place = if order.words == Ends::HighFirst { count - 1 - k } else { k };
        let own = (bits >> (16 * place)) as u16;
        *word = if order.bytes == Ends::HighFirst { own } else { own.swap_bytes() };
    }
    (words, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOW: Order = Order { words: Ends::LowFirst, bytes: Ends::HighFirst };

    #[test]
    fn numbers_are_where_manuals_have_them() {
        let order = Order::default();
        assert_eq!(
            Coding::Float32.decode(&[0x4366, 0x3333], order, false, &[]).map(|v| (v * 1e3).round()),
            Some(230_200.0)
        );
        assert_eq!(Coding::Int32.decode(&[0x08FC, 0x0000], LOW, false, &[]), Some(2300.0), "low word first");
        assert_eq!(Coding::Int16.decode(&[0xFFFE], order, true, &[]), Some(-2.0));
        let swapped = Order { bytes: Ends::LowFirst, ..order };
        assert_eq!(Coding::Uint16.decode(&[0x3412], swapped, false, &[]), Some(f64::from(0x1234)));
        assert_eq!(Coding::Int64.decode(&[0, 0, 1, 0], order, false, &[]), Some(65536.0));
    }

    #[test]
    fn what_stands_for_none_is_none_where_it_does() {
        let order = Order::default();
        assert_eq!(Coding::Int16.decode(&[0x8000], order, true, &[]), None);
        assert_eq!(Coding::Int16.decode(&[0x8000], order, false, &[]), Some(-32768.0));
        assert_eq!(Coding::Uint32.decode(&[0xFFFF, 0xFFFF], order, true, &[]), None);
        assert_eq!(Coding::Float32.decode(&[0x7FC0, 0], order, false, &[]), None);
        assert_eq!(Coding::Acc32.decode(&[0, 0], order, true, &[]), None);
        assert_eq!(Coding::Uint16.decode(&[7], order, false, &[7]), None);
        assert_eq!(Coding::Uint32.decode(&[7], order, false, &[]), None, "too few words");
        assert!(Coding::Int16.encode(-32768.0, order, true).is_err());
        assert!(Coding::Uint16.encode(70_000.0, order, false).is_err());
        assert!(Coding::Float32.encode(f64::NAN, order, false).is_err());
    }

    #[test]
    fn texts_end_where_they_end() {
        assert_eq!(text(&text_words("EV charger", 8)), "EV charger");
        assert_eq!(text(&[0x4120, 0x2020]), "A");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in -2_000_000_000i64..2_000_000_000, words in any::<bool>(), bytes in any::<bool>()) {
            let ends = |low| if low { Ends::LowFirst } else { Ends::HighFirst };
            let order = Order { words: ends(words), bytes: ends(bytes) };
            for coding in [Coding::Int32, Coding::Int64, Coding::Float64] {
                let (own, count) = coding.encode(value as f64, order, false).unwrap();
                prop_assert_eq!(coding.decode(&own[..count], order, false, &[]), Some(value as f64));
            }
        }

        #[test]
        fn no_words_make_it_panic(words in proptest::collection::vec(any::<u16>(), 0..6), sunspec in any::<bool>()) {
            for name in ["bit", "int16", "uint16", "int32", "uint64", "float32", "float64", "acc32", "sunssf", "text:3"] {
                let coding = Coding::named(name).unwrap();
                let value = coding.decode(&words, Order::default(), sunspec, &[]);
                prop_assert!(value.is_none_or(f64::is_finite));
            }
            let _ = text(&words);
        }
    }
}
