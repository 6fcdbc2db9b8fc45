//! Writing to standard output without dying of a closed pipe.

use std::io::Write;

/// Prints a text; a reader that has gone away is not an error.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints an answer, as JSON or as a text, or returns why there is none.
pub fn answer<T: serde::Serialize>(
    answer: Result<T, crate::Exit>,
    as_json: bool,
    text: impl FnOnce(&T) -> String,
) -> crate::Exit {
    match answer {
        Ok(answer) if as_json => json(&answer),
        Ok(answer) => print(&text(&answer)),
        Err(exit) => return exit,
    }
    crate::Exit::Passed
}

/// Prints a value as JSON.
pub fn json(value: &impl serde::Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        print(&text);
        print("\n");
    }
}
