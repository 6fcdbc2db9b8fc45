//! What a reader hands over.

use super::Feeder;
use crate::diagnostic::{Diagnostic, Sources};

/// What reading produced: the feeder when no error was found, all findings, and the texts they point into.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The feeder; `None` exactly when `diagnostics` holds an error.
    pub feeder: Option<Feeder>,
    /// Everything there is to say about the files, in the order in which it was found.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that spans point into.
    pub sources: Sources,
}
