//! Faults.

use super::capacitor::Ends;
use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::count;
use super::number::number;
use super::session::{Session, unsupported};
use super::store::{Entry, Store};
use super::text::Text;
use super::value::Value;
use crate::diagnostic::Diagnostic;
use crate::feeder;

/// A fault.
#[derive(Clone, Debug)]
pub struct Fault {
    ends: Ends,
    phases: usize,
    r: f64,
    /// It begins after the start of a study.
    pub later: bool,
}

impl Default for Fault {
    fn default() -> Self {
        Self { ends: Ends::default(), phases: 1, r: 1e-4, later: false }
    }
}

impl Fault {
    /// For the model.
    pub fn model(&self, name: &str, entry: &Entry<Self>) -> Value<feeder::Fault> {
        let (bus, to) = self.ends.model(&format!("fault \"{name}\""), self.phases, false, entry.whole)?;
        let (phases, r_ohm) = (self.phases, self.r);
        Ok(feeder::Fault { bus, to, phases, r_ohm, ground_ohm: None, ungrounded: false, open: false })
    }
}

impl Element for Fault {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.faults
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "bus1" => self.ends.set_first(text)?,
            "bus2" => self.ends.set_second(text)?,
            "phases" => self.phases = count(text)?,
            "r" => {
                let r = number(text)?;
                self.r = if r == 0.0 { 1e-4 } else { r };
            }
            "gmatrix" => return Err(unsupported("a fault by matrix is not supported", text.span())),
            "ontime" if number(text)? > 0.0 => {
                let warning = Diagnostic::warning(codes::STUDY_IGNORED, "a fault that begins later is left out");
                session.report.add(warning.at(text.span()).help("put it into a scenario's events"));
                self.later = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        (self.phases, self.r, self.later) = (other.phases, other.r, other.later);
    }
}
