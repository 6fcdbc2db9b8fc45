//! Numbers and inline mathematics.
//!
//! A number may be written anywhere as an expression in reverse Polish notation, e.g. `(8 1000 /)`, on a stack of ten
//! values that starts with zeros (OpenDSS 0.14.5). Angles are degrees. Only finite results are accepted.

use super::codes;
use super::text::{Param, Params, Text};
use crate::diagnostic::Diagnostic;

/// A plain decimal number: no hexadecimal, `inf` or `nan`.
fn plain(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.bytes().any(|b| b.is_ascii_alphabetic() && !matches!(b, b'e' | b'E')) {
        return None;
    }
    text.parse().ok()
}

fn not_a_number(text: Text<'_>) -> Diagnostic {
    let shown: String = text.str.trim().chars().take(40).collect();
    Diagnostic::error(codes::NUMBER, format!("\"{shown}\" is not a number")).at(text.span())
}

fn finite(value: f64, text: Text<'_>) -> Result<f64, Diagnostic> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Diagnostic::error(codes::NUMBER, "this number is not finite").at(text.span()))
}

/// The number that a property's value gives, as a number or as an expression.
pub fn number(text: Text<'_>) -> Result<f64, Diagnostic> {
    match plain(text.str) {
        Some(value) => finite(value, text),
        None => expression(text),
    }
}

/// The number that one token of a list gives: an expression only in quotes.
pub fn token(param: &Param<'_>) -> Result<f64, Diagnostic> {
    if param.quoted {
        return expression(param.value);
    }
    finite(plain(param.value.str).ok_or_else(|| not_a_number(param.value))?, param.value)
}

/// A whole number; OpenDSS rounds halves to even.
pub fn integer(text: Text<'_>) -> Result<i64, Diagnostic> {
    let value = number(text)?.round_ties_even();
    if value.abs() > 1e9 {
        return Err(Diagnostic::error(codes::NUMBER, "this whole number is too large").at(text.span()));
    }
    #[allow(clippy::cast_possible_truncation, reason = "bounded just above")]
    Ok(value as i64)
}

/// The value of an expression in reverse Polish notation.
fn expression(text: Text<'_>) -> Result<f64, Diagnostic> {
    let mut stack = Stack([0.0; 10]);
    let mut tokens = Params::new(text);
    let mut any = false;
    loop {
        let token = tokens.next().value;
        if token.str.is_empty() {
            break;
        }
        any = true;
        match plain(token.str) {
            Some(value) => stack.push(value),
            None => stack.apply(&token.lower()).ok_or_else(|| not_a_number(text))?,
        }
    }
    if !any {
        return Err(not_a_number(text));
    }
    finite(stack.0[0], text)
}

/// The calculator's stack, X first.
struct Stack([f64; 10]);

impl Stack {
    fn push(&mut self, value: f64) {
        self.0.copy_within(0..9, 1);
        self.0[0] = value;
    }

    fn binary(&mut self, f: impl Fn(f64, f64) -> f64) {
        self.0[1] = f(self.0[1], self.0[0]);
        self.roll_down();
    }

    fn unary(&mut self, f: impl Fn(f64) -> f64) {
        self.0[0] = f(self.0[0]);
    }

    fn roll_down(&mut self) {
        self.0.copy_within(1..10, 0);
    }

    fn apply(&mut self, word: &str) -> Option<()> {
        match word {
            "+" => self.binary(|y, x| y + x),
            "-" => self.binary(|y, x| y - x),
            "*" => self.binary(|y, x| y * x),
            "/" => self.binary(|y, x| y / x),
            "^" => self.binary(f64::powf),
            "atan2" => self.binary(|y, x| y.atan2(x).to_degrees()),
            "sqrt" => self.unary(f64::sqrt),
            "sqr" => self.unary(|x| x * x),
            "sin" => self.unary(|x| x.to_radians().sin()),
            "cos" => self.unary(|x| x.to_radians().cos()),
            "tan" => self.unary(|x| x.to_radians().tan()),
            "asin" => self.unary(|x| x.asin().to_degrees()),
            "acos" => self.unary(|x| x.acos().to_degrees()),
            "atan" => self.unary(|x| x.atan().to_degrees()),
            "ln" => self.unary(f64::ln),
            "log10" => self.unary(f64::log10),
            "exp" => self.unary(f64::exp),
            "inv" => self.unary(f64::recip),
            "pi" => self.push(std::f64::consts::PI),
            "swap" => self.0.swap(0, 1),
            "rollup" => self.0.copy_within(0..9, 1),
            "rolldn" => self.roll_down(),
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::FileId;

    fn read(text: &str) -> Option<f64> {
        number(Text::new(text, FileId(0), 0)).ok()
    }

    #[test]
    fn numbers_and_expressions() {
        assert_eq!(read("4.16"), Some(4.16));
        assert_eq!(read(".5"), Some(0.5));
        assert_eq!(read("1e-4"), Some(1e-4));
        assert_eq!(read("8 1000 /"), Some(0.008));
        // OpenDSS 0.14.5 reads the source reactor of the IEEE 8500-node feeder as 15.67 ohm.
        let x = read("1.051 0.88 0.001 3 * - - 115 12.47 / sqr *").unwrap_or(f64::NAN);
        assert!((x - 0.174 * (115.0f64 / 12.47).powi(2)).abs() < 1e-9, "{x}");
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", "x", "nan", "inf", "1e400", "0x10", "4.16kv", "1 0 /", "1 2 plus"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
