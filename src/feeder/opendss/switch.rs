//! Switch controls: the state they give their element is applied when it is written, as OpenDSS does.

use super::circuit::{Circuit, Element};
use super::codes;
use super::number::integer;
use super::session::{Session, unsupported};
use super::store::Store;
use super::text::Text;
use super::value::{Value, choice};
use crate::diagnostic::Diagnostic;

/// A switch control.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    element: Option<String>,
    terminal: u8,
    locked: bool,
    open: bool,
}

impl Element for Switch {
    fn new(_: &Session) -> Self {
        Self { terminal: 1, ..Self::default() }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.switches
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "switchedobj" => self.element = Some(session.element(text)?),
            "switchedterm" => {
                self.terminal = u8::try_from(integer(text)?)
                    .ok()
                    .filter(|n| (1..=2).contains(n))
                    .ok_or_else(|| Diagnostic::error(codes::RANGE, "a line has terminals 1 and 2").at(text.span()))?;
            }
            "lock" => self.locked = session.yes(text),
            "state" => {
                self.open = choice(text, &[("closed", false), ("open", true)])?;
                let Some(element) = self.element.clone() else {
                    return Err(Diagnostic::error(
                        codes::INCOMPLETE,
                        "the switched element must come before its state",
                    )
                    .at(text.span()));
                };
                session.set_open(&element, self.terminal, self.open);
            }
            "action" => {
                let open = choice(text, &[("close", false), ("open", true)])?;
                if open != self.open && !self.locked {
                    let error =
                        unsupported("a switch that is still to operate is not supported in a feeder", text.span());
                    return Err(error.help("write state=open, or put the switching into a scenario's events"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        *self = other.clone();
    }
}
