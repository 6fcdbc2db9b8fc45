//! Regulator controls.

use super::capacitor::phase;
use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::{count, positive};
use super::number::{integer, number};
use super::session::{Session, unsupported};
use super::store::Store;
use super::text::Text;
use super::value::{Value, terminal};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{self, Phases, Terminal};

/// A regulator control.
#[derive(Clone, Debug, Default)]
pub struct Regulator {
    pub transformer: Option<String>,
    winding: usize,
    tap_winding: usize,
    v: f64,
    band: f64,
    pt_ratio: f64,
    remote_pt_ratio: f64,
    ct_primary: f64,
    r: f64,
    x: f64,
    bus: Option<Terminal>,
    phase: Phases,
    v_limit: f64,
    delay: f64,
    tap_delay: f64,
    inverse_time: bool,
    max_tap_change: i64,
}

impl Regulator {
    fn set_tap_number(&self, text: Text<'_>, session: &mut Session) -> Value<()> {
        #[allow(clippy::cast_precision_loss, reason = "a whole number within 1e9")]
        let n = integer(text)? as f64;
        let transformer = self.transformer.as_ref().and_then(|t| session.circuit.transformers.items.get_mut(t));
        let Some(transformer) = transformer else {
            return Err(
                Diagnostic::error(codes::INCOMPLETE, "the transformer must come before its tap").at(text.span())
            );
        };
        transformer.value.set_tap_number(self.tap_winding.saturating_sub(1), n);
        Ok(())
    }

    /// For the model.
    pub fn model(&self, name: &str, session: &Session, at: Span) -> Value<feeder::Regulator> {
        let transformers = &session.circuit.transformers;
        let Some((of, transformer)) = self.transformer.as_ref().and_then(|t| Some((t, transformers.get(t)?))) else {
            let message = format!("regulator control \"{name}\" has no transformer");
            return Err(Diagnostic::error(codes::INCOMPLETE, message).at(at));
        };
        let windings = transformer.value.windings();
        if self.winding > windings || self.tap_winding > windings {
            let message = format!("transformer \"{of}\" has {windings} windings only");
            return Err(Diagnostic::error(codes::RANGE, message).at(at));
        }
        let phase = match self.phase {
            Phases::Number(n) if self.bus.is_none() && n > transformer.value.phases() => Phases::Number(1),
            phase => phase,
        };
        Ok(feeder::Regulator {
            transformer: of.clone(),
            winding: self.winding,
            tap_winding: (self.tap_winding != self.winding).then_some(self.tap_winding),
            v_v: self.v,
            band_v: self.band,
            pt_ratio: self.pt_ratio,
            ct_primary_a: self.ct_primary,
            ldc_r_v: self.r,
            ldc_x_v: self.x,
            remote_bus: self.bus.clone(),
            remote_pt_ratio: (self.remote_pt_ratio != self.pt_ratio).then_some(self.remote_pt_ratio),
            phase,
            v_limit_v: self.v_limit,
            delay_s: self.delay,
            tap_delay_s: self.tap_delay,
            inverse_time: self.inverse_time,
            max_tap_change: u32::try_from(self.max_tap_change.max(0)).unwrap_or(0),
        })
    }
}

impl Element for Regulator {
    fn new(_: &Session) -> Self {
        Self {
            winding: 1,
            tap_winding: 1,
            v: 120.0,
            band: 3.0,
            pt_ratio: 60.0,
            remote_pt_ratio: 60.0,
            ct_primary: 300.0,
            delay: 15.0,
            tap_delay: 2.0,
            max_tap_change: 16,
            ..Self::default()
        }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.regulators
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "transformer" => {
                self.transformer = Some(session.name(text, "transformer", &session.circuit.transformers)?);
            }
            "winding" => {
                self.winding = count(text)?;
                self.tap_winding = self.winding;
            }
            "tapwinding" => self.tap_winding = count(text)?,
            "vreg" => self.v = positive(text)?,
            "band" => self.band = number(text)?,
            "ptratio" => {
                self.pt_ratio = positive(text)?;
                self.remote_pt_ratio = self.pt_ratio;
            }
            "remoteptratio" => self.remote_pt_ratio = positive(text)?,
            "ctprim" => self.ct_primary = positive(text)?,
            "r" => self.r = number(text)?,
            "x" => self.x = number(text)?,
            "bus" => self.bus = Some(terminal(text)?),
            "delay" => self.delay = number(text)?,
            "tapdelay" => self.tap_delay = number(text)?,
            "maxtapchange" => self.max_tap_change = integer(text)?,
            "inversetime" => self.inverse_time = session.yes(text),
            "vlimit" => self.v_limit = number(text)?,
            "ptphase" => self.phase = phase(text)?,
            "tapnum" => self.set_tap_number(text, session)?,
            "reversible" if session.yes(text) => {
                return Err(unsupported("a regulator that turns round with the power is not supported", text.span()));
            }
            "cogen" if session.yes(text) => {
                return Err(unsupported("a regulator with cogeneration mode is not supported", text.span()));
            }
            "ldc_z" if number(text)? != 0.0 => {
                return Err(unsupported("line-drop compensation by magnitude (LDC_Z) is not supported", text.span()));
            }
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        // OpenDSS does not copy the voltage limit.
        *self = Self { v_limit: self.v_limit, ..other.clone() };
    }
}
