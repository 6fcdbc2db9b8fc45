//! The located tree.

use crate::diagnostic::Span;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The scalar's text; of a list or mapping in brackets, the opening one; of a block, its first byte.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// What a node is. Scalars keep their text, since only the reader knows whether `632.10` is a number or a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written. It may be infinite or not a number: whoever needs a number checks.
    Number(String),
    /// Text, quoted or not.
    String(String),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in the order written. Keys are unique.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key, as written, quotes removed.
    pub name: String,
    /// Its place.
    pub span: Span,
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(k, _)| k.name == key).map(|(_, node)| node)
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// What it is, for a message: `text "abc"`, `the number 5`, `a list`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(x) => format!("{x}"),
            Value::Number(text) => format!("the number {text}"),
            Value::String(text) => format!("the text {text:?}"),
            Value::Seq(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// Whether YAML 1.2's core schema takes an unquoted scalar for a number.
pub(super) fn is_number(text: &str) -> bool {
    integer(text).is_some() || is_float(text) || non_finite(text)
}

/// An integer in one of YAML 1.2's notations; `None` also when it does not fit.
pub(super) fn integer(text: &str) -> Option<i128> {
    let radix = |digits: &str, radix| {
        // `from_str_radix` would take a sign.
        digits.starts_with(|c: char| c.is_ascii_alphanumeric()).then(|| i128::from_str_radix(digits, radix).ok())?
    };
    match text.get(..2) {
        Some("0x") => radix(&text[2..], 16),
        Some("0o") => radix(&text[2..], 8),
        _ => text.strip_prefix('+').unwrap_or(text).parse().ok().filter(|_| is_float(text)),
    }
}

/// A finite or infinite number in one of YAML 1.2's notations.
pub(super) fn float(text: &str) -> Option<f64> {
    if is_float(text) {
        return text.parse().ok();
    }
    #[allow(clippy::cast_precision_loss, reason = "that is what a floating-point number is")]
    integer(text).map(|x| x as f64)
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| {
            let e = e.strip_prefix(['-', '+']).unwrap_or(e);
            !e.is_empty() && digits(e)
        })
}

/// `.inf` and `.nan` in the spellings of YAML 1.2.
pub(super) fn non_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_numbers_of_yaml_1_2() {
        for text in ["0", "-1", "+12", "1.", ".5", "6.02e23", "1e400", "0x1F", "0o17", ".inf", "-.INF", ".nan", "007"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "+", ".", "e5", "1e", "1_000", "0x", "0xg", "0x-1", "0b1", "1.2.3", "inf", "nan", "1,5", "٣"]
        {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn reads_their_values() {
        assert_eq!(float("0x1F"), Some(31.0));
        assert_eq!(float("-2.5e-1"), Some(-0.25));
        assert_eq!(float("1e400"), Some(f64::INFINITY));
        assert_eq!(integer("0o17"), Some(15));
        assert_eq!(integer("+7"), Some(7));
        assert_eq!(integer("7.0"), None);
    }
}
