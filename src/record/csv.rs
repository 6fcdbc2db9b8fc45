//! Numbers and names as CSV fields (RFC 4180, fields separated by commas, lines ended by `\n`).

use std::fmt::Write;

/// Appends a number: the shortest decimals that read back to the same `f64`; nothing at all for NaN.
pub fn push_number(line: &mut String, value: f64) {
    let magnitude = value.abs();
    // A `String` takes whatever is written to it.
    let _ = if value.is_nan() {
        Ok(())
    } else if value == 0.0 {
        line.write_str("0")
    } else if (1e-5..1e16).contains(&magnitude) {
        write!(line, "{value}")
    } else {
        write!(line, "{value:e}")
    };
}

/// Reads a number back; an empty field is NaN. `None` when it is not a number.
pub fn number(field: &str) -> Option<f64> {
    let field = field.trim();
    if field.is_empty() { Some(f64::NAN) } else { field.parse().ok() }
}

/// Appends a name, in quotes where it needs them.
pub fn push_name(line: &mut String, name: &str) {
    if name.contains([',', '"', '\n', '\r']) {
        line.push('"');
        line.push_str(&name.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(name);
    }
}

/// The fields of a line, quotes removed.
pub fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                append(&mut fields, '"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => append(&mut fields, c),
        }
    }
    fields
}

fn append(fields: &mut [String], c: char) {
    if let Some(last) = fields.last_mut() {
        last.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: f64) -> String {
        let mut line = String::new();
        push_number(&mut line, value);
        line
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(written(1.0), "1");
        assert_eq!(written(-0.0), "0");
        assert_eq!(written(0.1), "0.1");
        assert_eq!(written(1e-300), "1e-300");
        assert_eq!(written(f64::NAN), "");
    }

    proptest! {
        #[test]
        fn numbers_read_back_to_the_bit(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            let back = number(&written(value)).unwrap();
            prop_assert!(back.to_bits() == bits || (value.is_nan() && back.is_nan()) || (value == 0.0 && back == 0.0));
        }

        #[test]
        fn names_read_back(names in proptest::collection::vec("[a-z,\"0-9 .]{0,8}", 1..5)) {
            let mut line = String::new();
            for (k, name) in names.iter().enumerate() {
                if k > 0 { line.push(','); }
                push_name(&mut line, name);
            }
            prop_assert_eq!(fields(&line), names);
        }
    }
}
