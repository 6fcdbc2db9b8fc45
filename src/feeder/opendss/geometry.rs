//! Conductor positions: line geometries and line spacings.
//!
//! A conductor's unit sticks for the conductors selected after it; a conductor that never had one is in metres
//! (OpenDSS 0.14.5).

use super::circuit::{Circuit, Element};
use super::codes;
use super::line::{ConductorKind, Wires};
use super::line_code::count;
use super::number::{integer, number};
use super::session::Session;
use super::store::Store;
use super::text::Text;
use super::value::{self, Value, list, metres};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{self, Unit};

/// One conductor.
#[derive(Clone, Debug, Default)]
struct Conductor {
    of: Option<(ConductorKind, String)>,
    x: f64,
    h: f64,
    /// `None`: never given.
    unit: Option<Option<Unit>>,
}

/// A line geometry.
#[derive(Clone, Debug, Default)]
pub struct Geometry {
    conductors: Vec<Conductor>,
    phases: usize,
    active: usize,
    last_unit: Option<Unit>,
    reduce: bool,
    cables: bool,
    /// Earth resistivity that a line last gave.
    pub rho: Option<f64>,
}

impl Geometry {
    /// The phases of a line that uses it.
    pub fn line_phases(&self) -> usize {
        if self.reduce { self.phases } else { self.conductors.len() }
    }

    fn active(&mut self, text: Text<'_>) -> Value<&mut Conductor> {
        self.conductors.get_mut(self.active).ok_or_else(|| {
            Diagnostic::error(codes::INCOMPLETE, "the number of conductors (nconds) must come first").at(text.span())
        })
    }

    fn set_one(&mut self, text: Text<'_>, kind: ConductorKind, session: &Session) -> Value<()> {
        let name = session.conductor(text, kind)?;
        self.cables |= kind != ConductorKind::Wire;
        self.active(text)?.of = Some((kind, name));
        Ok(())
    }

    fn set_several(&mut self, text: Text<'_>, kind: ConductorKind, session: &Session) -> Value<()> {
        // Bare wires after cables are the neutrals beyond the phases.
        let start = if kind == ConductorKind::Wire && self.cables { self.phases } else { 0 };
        self.cables |= kind != ConductorKind::Wire;
        let items = value::items(text);
        if kind == ConductorKind::Wire && items.len() + start != self.conductors.len() {
            let message =
                format!("{} wires for {} conductors", items.len(), self.conductors.len().saturating_sub(start));
            return Err(Diagnostic::error(codes::SIZE, message).at(text.span()));
        }
        for (conductor, item) in self.conductors.iter_mut().skip(start).zip(items) {
            conductor.of = Some((kind, session.conductor(item, kind)?));
        }
        Ok(())
    }

    fn set_spacing(&mut self, text: Text<'_>, session: &Session) -> Value<()> {
        let name = session.name(text, "line spacing", &session.circuit.spacings)?;
        let Some(spacing) = session.circuit.spacings.get(&name) else { return Ok(()) };
        let spacing = &spacing.value;
        if spacing.conductors != self.conductors.len() {
            let message = format!("this spacing has {} conductors", spacing.conductors);
            return Err(Diagnostic::error(codes::SIZE, message).at(text.span()));
        }
        self.last_unit = spacing.unit;
        for (i, conductor) in self.conductors.iter_mut().enumerate() {
            (conductor.x, conductor.h) = spacing.position(i);
            conductor.unit = Some(spacing.unit);
        }
        Ok(())
    }

    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<feeder::Geometry> {
        let conductors = self.conductors.iter().map(|c| {
            let (kind, of) = c.of.as_ref()?;
            let metres = metres(c.unit.flatten());
            Some(conductor(*kind, of, c.x * metres, c.h * metres))
        });
        let Some(conductors) = conductors.collect::<Option<Vec<_>>>().filter(|c| !c.is_empty()) else {
            let message = format!("geometry \"{name}\" has a conductor without wire or cable");
            return Err(Diagnostic::error(codes::INCOMPLETE, message).at(at));
        };
        let phases = self.phases.min(conductors.len());
        Ok(feeder::Geometry { phases, reduce: self.reduce || phases == conductors.len(), conductors })
    }
}

fn conductor(kind: ConductorKind, of: &str, x_m: f64, h_m: f64) -> feeder::Conductor {
    let of = Some(of.to_owned());
    match kind {
        ConductorKind::Wire => feeder::Conductor { wire: of, x_m, h_m, ..feeder::Conductor::default() },
        _ => feeder::Conductor { cable: of, x_m, h_m, ..feeder::Conductor::default() },
    }
}

impl Element for Geometry {
    fn new(_: &Session) -> Self {
        Self { last_unit: Some(Unit::Ft), ..Self::default() }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.geometries
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "nconds" => {
                self.conductors = vec![Conductor::default(); count(text)?];
                (self.active, self.last_unit, self.cables) = (0, Some(Unit::Ft), false);
            }
            "nphases" => self.phases = count(text)?,
            "cond" => {
                let n = usize::try_from(integer(text)?).unwrap_or(0);
                if n == 0 || n > self.conductors.len() {
                    let message = format!("there is no conductor {n}; nconds is {}", self.conductors.len());
                    return Err(Diagnostic::error(codes::RANGE, message).at(text.span()));
                }
                self.active = n - 1;
                let unit = self.last_unit;
                self.active(text)?.unit.get_or_insert(unit);
            }
            "wire" => self.set_one(text, ConductorKind::Wire, session)?,
            "cncable" => self.set_one(text, ConductorKind::Concentric, session)?,
            "tscable" => self.set_one(text, ConductorKind::Tape, session)?,
            "wires" => self.set_several(text, ConductorKind::Wire, session)?,
            "cncables" => self.set_several(text, ConductorKind::Concentric, session)?,
            "tscables" => self.set_several(text, ConductorKind::Tape, session)?,
            "x" => self.active(text)?.x = number(text)?,
            "h" => self.active(text)?.h = number(text)?,
            "units" => {
                let unit = value::unit(text)?;
                self.active(text)?.unit = Some(unit);
                self.last_unit = unit;
            }
            "reduce" => self.reduce = session.yes(text),
            "spacing" => self.set_spacing(text, session)?,
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        *self = Self { active: 0, rho: None, ..other.clone() };
    }
}

/// A line spacing.
#[derive(Clone, Debug, Default)]
pub struct Spacing {
    pub conductors: usize,
    pub phases: usize,
    x: Vec<f64>,
    h: Vec<f64>,
    unit: Option<Unit>,
}

impl Spacing {
    fn position(&self, i: usize) -> (f64, f64) {
        (self.x.get(i).copied().unwrap_or(0.0), self.h.get(i).copied().unwrap_or(0.0))
    }

    /// The geometry of a line with these conductors; neutrals beyond the phases are reduced out.
    pub fn model(&self, wires: &Wires, at: Span) -> Value<feeder::Geometry> {
        let metres = metres(self.unit);
        let of = |(i, c): (usize, &Option<(ConductorKind, String)>)| {
            let (kind, of) = c.as_ref()?;
            let (x, h) = self.position(i);
            Some(conductor(*kind, of, x * metres, h * metres))
        };
        let Some(conductors) = wires.conductors.iter().enumerate().map(of).collect::<Option<Vec<_>>>() else {
            let message = format!("spacing \"{}\" has a conductor without wire or cable", wires.spacing);
            return Err(Diagnostic::error(codes::INCOMPLETE, message).at(at));
        };
        Ok(feeder::Geometry { phases: self.phases.min(conductors.len()), reduce: true, conductors })
    }
}

impl Element for Spacing {
    fn new(_: &Session) -> Self {
        Self { conductors: 3, phases: 3, unit: Some(Unit::Ft), ..Self::default() }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.spacings
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, _: &mut Session) -> Value<()> {
        match property {
            "nconds" => {
                self.conductors = count(text)?;
                self.unit = Some(Unit::Ft);
            }
            "nphases" => self.phases = count(text)?,
            "x" => self.x = list(text)?,
            "h" => self.h = list(text)?,
            "units" => self.unit = value::unit(text)?,
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        *self = other.clone();
    }
}
