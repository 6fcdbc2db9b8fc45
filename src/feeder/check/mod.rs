//! What is wrong with a feeder's meaning, whatever file it came from.
use super::Feeder;
use crate::diagnostic::Diagnostic;

pub(super) fn header(_feeder: &Feeder, _found: &mut Vec<Diagnostic>) {}
pub(super) fn elements(_feeder: &Feeder, _found: &mut Vec<Diagnostic>) {}
