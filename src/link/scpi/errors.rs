//! An instrument's errors: a queue that holds the first of them, and the register of events.
//!
//! Source: SCPI-99, volume 1, 21.8 (numbers and texts), 19.7 (overflow); IEEE 488.2-1992, 11.5.1 (event register).

use std::collections::VecDeque;

/// Most errors that are held; the last says that there were more.
const MOST: usize = 20;
const OVERFLOW: i16 = -350;

/// Operation complete, in the event register.
pub(super) const COMPLETE: u8 = 1;
/// Power on.
const POWER_ON: u8 = 0x80;

/// What an error is called.
const fn name(code: i16) -> &'static str {
    match code {
        0 => "No error",
        -101 => "Invalid character",
        -102 => "Syntax error",
        -104 => "Data type error",
        -108 => "Parameter not allowed",
        -109 => "Missing parameter",
        -112 => "Program mnemonic too long",
        -113 => "Undefined header",
        -203 => "Command protected",
        -222 => "Data out of range",
        -224 => "Illegal parameter value",
        OVERFLOW => "Queue overflow",
        -363 => "Input buffer overrun",
        _ => "Error",
    }
}

/// Errors, and what has happened.
#[derive(Clone, Debug)]
pub(super) struct Errors {
    held: VecDeque<i16>,
    events: u8,
}

impl Errors {
    /// As after power was off.
    pub fn new() -> Self {
        Self { held: VecDeque::new(), events: POWER_ON }
    }

    pub fn push(&mut self, code: i16) {
        self.events |= match code / 100 {
            -1 => 0x20,
            -2 => 0x10,
            -4 => 0x04,
            _ => 0x08,
        };
        if self.held.len() < MOST {
            self.held.push_back(code);
        } else if let Some(last) = self.held.back_mut() {
            *last = OVERFLOW;
        }
    }

    /// The oldest, which is held no longer.
    pub fn take(&mut self) -> String {
        let code = self.held.pop_front().unwrap_or(0);
        format!("{code},\"{}\"", name(code))
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub fn event(&mut self, bits: u8) {
        self.events |= bits;
    }

    /// What has happened, which is forgotten.
    pub fn events(&mut self) -> u8 {
        std::mem::take(&mut self.events)
    }

    pub fn clear(&mut self) {
        self.held.clear();
        self.events = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_errors_are_held_and_the_last_says_that_there_were_more() {
        let mut own = Errors::new();
        assert_eq!(own.events(), POWER_ON);
        (0..1000).for_each(|_| own.push(-113));
        assert_eq!(own.held.len(), MOST);
        (1..MOST).for_each(|_| assert_eq!(own.take(), "-113,\"Undefined header\""));
        assert_eq!(own.take(), "-350,\"Queue overflow\"");
        assert_eq!((own.take().as_str(), own.events(), own.events()), ("0,\"No error\"", 0x20, 0));
    }
}
