//! Numbers as a person reads them: without what doubles and single-precision numbers add at their end.

/// Significant digits of what is neither a whole nor a single-precision number.
const DIGITS: usize = 12;

/// A number as text, no longer than it means: 49.98 and neither 49.980000000000004 nor 49.97999954223633.
pub fn text(value: f64) -> String {
    if value.is_nan() {
        return "–".into();
    }
    if value.is_infinite() || value == 0.0 {
        return if value == 0.0 { "0".into() } else { format!("{value}") };
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    #[allow(clippy::cast_possible_truncation, reason = "compared with what it was")]
    let single = value as f32;
    let whole = (1e-5..1e15).contains(&value.abs());
    if f64::from(single).to_bits() == value.to_bits() {
        return if whole { format!("{single}") } else { format!("{single:e}") };
    }
    let rounded = format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value);
    if whole { format!("{rounded}") } else { format!("{rounded:e}") }
}

/// The same number without what does not mean anything; `None` where there is none.
pub fn tidy(value: f64) -> Option<f64> {
    value.is_finite().then(|| text(value).parse().unwrap_or(value))
}

/// A number of an instrument that has single precision: seven digits.
pub fn single(value: f64) -> String {
    text(format!("{value:.6e}").parse().unwrap_or(value))
}

/// A number with so many digits after the point, without zeros at its end.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return text(value);
    }
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_longer_than_they_mean() {
        for (value, wanted) in [
            (4998.0 * 0.01, "49.98"),
            (f64::from(49.98_f32), "49.98"),
            (0.1 + 0.2, "0.3"),
            (230.0, "230"),
            (-0.0, "0"),
            (123_456_792.0, "123456792"),
            (12_345_678_901_234.0, "12345678901234"),
            (123_456_789.1, "123456789.1"),
            (1e-7, "1e-7"),
            (f64::from(f32::MAX), "3.4028235e38"),
            (f64::NAN, "–"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(text(value), wanted);
        }
        assert_eq!((tidy(4998.0 * 0.01), tidy(f64::NAN)), (Some(49.98), None));
        assert_eq!([fixed(1.50, 2), fixed(-0.001, 2), fixed(100.0, 0)], ["1.5", "0", "100"]);
    }
}
