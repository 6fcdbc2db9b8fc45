//! Records as channels: one list of fields names them, writes them into a frame and reads them back, so that a verdict or
//! a command travels on any [`super::Line`] – late, lost, recorded – under the names that everything else uses.
//!
//! A number that is not known is NaN in the record and an invalid channel in the frame.

use std::fmt::Arguments;

use super::Frame;

/// What goes through the fields of a record, always in the same order.
pub(super) trait Fields {
    /// One field: its name below the record's, and its value.
    fn number(&mut self, name: Arguments<'_>, value: &mut f64);
}

/// Collects the names.
pub(super) struct Names<'a> {
    /// The record's name, before each field's.
    pub prefix: &'a str,
    /// The names so far.
    pub names: Vec<String>,
}

impl Fields for Names<'_> {
    fn number(&mut self, name: Arguments<'_>, _: &mut f64) {
        self.names.push(format!("{}.{name}", self.prefix));
    }
}

/// Writes values into a frame from a place on.
pub(super) struct Writer<'a> {
    /// Where to.
    pub frame: &'a mut Frame,
    /// Place of the next field.
    pub at: usize,
}

impl Fields for Writer<'_> {
    fn number(&mut self, _: Arguments<'_>, value: &mut f64) {
        self.frame.set(self.at, *value);
        self.at += 1;
    }
}

/// Reads values from a frame from a place on; NaN where a channel is not valid.
pub(super) struct Reader<'a> {
    /// Where from.
    pub frame: &'a Frame,
    /// Place of the next field.
    pub at: usize,
}

impl Fields for Reader<'_> {
    fn number(&mut self, _: Arguments<'_>, value: &mut f64) {
        let channel = self.frame.get(self.at);
        *value = if channel.valid { channel.value } else { f64::NAN };
        self.at += 1;
    }
}

/// A truth value as a number and back; what is not known is false.
pub(super) fn flag(fields: &mut impl Fields, name: Arguments<'_>, value: &mut bool) {
    let mut number = f64::from(u8::from(*value));
    fields.number(name, &mut number);
    *value = number > 0.5;
}

/// A count as a number and back, exact up to 2^53; what is not known is 0.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(super) fn count(fields: &mut impl Fields, name: Arguments<'_>, value: &mut u64) {
    let mut number = *value as f64;
    fields.number(name, &mut number);
    *value = number.round() as u64;
}

/// A phasor as two numbers.
pub(super) fn phasor(fields: &mut impl Fields, name: Arguments<'_>, unit: &str, value: &mut crate::quantity::Complex) {
    fields.number(format_args!("{name}.re_{unit}"), &mut value.re);
    fields.number(format_args!("{name}.im_{unit}"), &mut value.im);
}
