//! Writing to standard output without dying of a closed pipe.

use std::io::Write;

/// Prints a text; a reader that has gone away is not an error.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a value as JSON.
pub fn json(value: &impl serde::Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        print(&text);
        print("\n");
    }
}
