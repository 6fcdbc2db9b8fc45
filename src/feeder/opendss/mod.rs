//! The reader of OpenDSS scripts.
//!
//! It follows the script language and the defaults of OpenDSS 0.14.5 (engine of dss-python 0.15): what OpenDSS would
//! solve is what the feeder says. Nothing is solved here: `solve` is passed over, taps are as last written.
//!
//! Whatever would change the result and cannot be expressed is an error with its place; what only reports is a
//! warning; everything wrong is reported in one go.
//!
//! | file | about |
//! |---|---|
//! | `text`, `number`, `value`, `pattern` | the script's tokens and values |
//! | `files`, `report`, `codes` | what is read, and what is found |
//! | `class`, `command`, `options` | the tables of classes, commands and options |
//! | `session`, `store`, `circuit`, `interpreter`, `edit`, `buses` | reading line by line |
//! | `line`, `load`, `transformer`, … | one class each: properties, side effects, model |
//! | `build` | from the circuit to the feeder |

mod build;
mod buses;
mod capacitor;
mod circuit;
mod class;
mod codes;
mod command;
mod edit;
mod fault;
mod files;
mod generation;
mod geometry;
mod interpreter;
mod line;
mod line_code;
mod load;
mod number;
mod options;
mod pattern;
mod reactor;
mod regulator;
mod report;
mod session;
mod shape;
mod source;
mod spectrum;
mod store;
mod switch;
mod text;
mod transformer;
mod value;
mod wire;

use std::path::Path;

use super::Reading;

/// Reads the feeder that the script at `path` describes, with all files it calls.
pub fn read(path: &Path) -> Reading {
    let mut interpreter = interpreter::Interpreter::new();
    let done = interpreter.file(path, None);
    let started = interpreter.session.report.ok(done).is_some();
    let (feeder, session) = if started { build::feeder(interpreter) } else { (None, interpreter.session) };
    Reading { feeder, diagnostics: session.report.finish(), sources: session.files.finish() }
}
