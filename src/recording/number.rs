//! Decimal numbers in bytes, fast: most have so few digits that one multiplication or division gives the nearest `f64`
//! (W. D. Clinger, "How to read floating point numbers accurately", 1990); the others go to the standard library.

/// Powers of ten that are exact.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Reads a number that fills all of `text` but blanks at its ends, with `decimal` as the decimal point. `None` when it is
/// no finite number.
pub fn parse(text: &[u8], decimal: u8) -> Option<f64> {
    let text = text.trim_ascii();
    simple(text, decimal).or_else(|| strange(text, decimal))
}

/// The nearest number where that is one operation away.
fn simple(text: &[u8], decimal: u8) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (mut mantissa, mut count, mut point) = (0u64, 0usize, None);
    let mut at = 0;
    while let Some(&byte) = digits.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            count += 1;
        } else if byte == decimal && point.is_none() {
            point = Some(at + 1);
        } else {
            break;
        }
        at += 1;
    }
    let after_point = point.map_or(0, |point| at - point);
    let exponent = match digits.get(at) {
        None => 0,
        Some(b'e' | b'E') => small_integer(digits.get(at + 1..)?)?,
        Some(_) => return None,
    };
    if count == 0 || count > 19 || mantissa >= 1 << 53 {
        return None;
    }
    let power = exponent - i32::try_from(after_point).ok()?;
    let scale = *POWERS.get(power.unsigned_abs() as usize)?;
    #[allow(clippy::cast_precision_loss, reason = "below 2^53 it is exact")]
    let whole = mantissa as f64;
    let value = if power < 0 { whole / scale } else { whole * scale };
    Some(if negative { -value } else { value })
}

/// An exponent of at most three digits.
fn small_integer(text: &[u8]) -> Option<i32> {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || digits.len() > 3 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0, |sum, d| 10 * sum + i32::from(d - b'0'));
    Some(if text.first() == Some(&b'-') { -value } else { value })
}

fn strange(text: &[u8], decimal: u8) -> Option<f64> {
    // The standard library also reads "nan" and "infinity".
    if text.len() > 1000 || !text.iter().all(|b| b.is_ascii_digit() || b"+-.eE".contains(b) || *b == decimal) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let value = if decimal == b'.' {
        text.parse::<f64>()
    } else {
        text.replace('.', "x").replace(char::from(decimal), ".").parse()
    };
    value.ok().filter(|x| x.is_finite())
}

/// Value of the last digit that a number is written with: 1e-6 for `0.000078`.
pub fn last_digit(text: &[u8], decimal: u8) -> f64 {
    let text = text.trim_ascii();
    let (digits, exponent) = match text.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&text[..at], small_integer(&text[at + 1..]).unwrap_or(0)),
        None => (text, 0),
    };
    let after = digits.iter().position(|b| *b == decimal).map_or(0, |point| digits.len() - point - 1);
    10f64.powi(exponent - i32::try_from(after).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let dot = |text: &str| parse(text.as_bytes(), b'.');
        for text in
            ["0", "-0.000078125", "+12.5", " 325.269119 ", "1e-5", ".5", "5.", "-7.8125E-05", "1e22", "123456789e-9"]
        {
            assert_eq!(dot(text), text.trim().parse().ok(), "{text}");
        }
        for text in
            ["", " ", "-", ".", "nan", "NaN", "inf", "-inf", "1e999", "1,5", "1.2.3", "0x10", "1e", "1 2", "--1", "1_0"]
        {
            assert_eq!(dot(text), None, "{text:?}");
        }
        assert_eq!(parse(b"-1,25", b','), Some(-1.25));
        assert_eq!(parse(b"1.25", b','), None, "a point is not a decimal comma");
        assert_eq!(parse(b"12345678901234567890,5", b','), Some(12_345_678_901_234_567_890.5));
    }

    #[test]
    fn the_last_digit_has_a_value() {
        let digit = |text: &str| last_digit(text.as_bytes(), b'.');
        assert_eq!((digit("0.000078"), digit("12"), digit("7.8e-05"), digit("1.5E3")), (1e-6, 1.0, 1e-6, 100.0));
    }

    proptest! {
        #[test]
        fn the_fast_way_gives_the_same_bits(value in any::<f64>(), digits in 0usize..17) {
            for text in [format!("{value}"), format!("{value:e}"), format!("{value:.digits$e}"), format!("{:.digits$}", value % 1e6)] {
                let slow = text.parse::<f64>().ok().filter(|x| x.is_finite());
                prop_assert_eq!(parse(text.as_bytes(), b'.').map(f64::to_bits), slow.map(f64::to_bits), "{}", text);
            }
        }

        #[test]
        fn any_bytes_are_a_number_or_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let read = parse(&bytes, b'.');
            let slow = std::str::from_utf8(&bytes).ok().and_then(|t| t.trim_ascii().parse::<f64>().ok());
            prop_assert!(read.is_none() || read == slow);
            last_digit(&bytes, b',');
        }
    }
}
