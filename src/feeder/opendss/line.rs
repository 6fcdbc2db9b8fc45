//! Lines.
//!
//! A line's impedance is a line code, sequence values, matrices, a geometry, or a spacing with wires; each property
//! that sets one of them undoes the others (OpenDSS 0.14.5, `Line`). Lengths convert between units only when both
//! the line and its code have one. What the line was finally left with decides.

use std::rc::Rc;

use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::{EarthReturn, LineCode, Phase, Sequence, count, nf_of_us, positive};
use super::number::number;
use super::session::Session;
use super::store::Store;
use super::text::Text;
use super::value::{self, Value, choice, terminal};
use crate::diagnostic::Diagnostic;
use crate::feeder::{EarthModel, Matrix, Terminal, Unit};

/// The impedance matrices that OpenDSS holds for the line.
#[derive(Clone, Debug)]
enum Impedance {
    /// Made from these sequence values.
    Sequence(Sequence),
    /// Given as matrices.
    Phase(Rc<Phase>),
}

impl Default for Impedance {
    fn default() -> Self {
        Self::Sequence(Sequence::default())
    }
}

/// The conductors of a line by spacing.
#[derive(Clone, Debug, Default)]
pub struct Wires {
    pub spacing: String,
    /// Wires, cables or both, by class and name.
    pub conductors: Vec<Option<(ConductorKind, String)>>,
    cables: bool,
}

/// The class of a conductor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConductorKind {
    Wire,
    Concentric,
    Tape,
}

/// A line.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pub from: Option<Terminal>,
    pub to: Option<Terminal>,
    pub phases: usize,
    pub code: Option<String>,
    code_edits: u32,
    code_unit: Option<Unit>,
    pub geometry: Option<String>,
    pub wires: Option<Wires>,
    pub length: f64,
    pub unit: Option<Unit>,
    /// Line lengths are divided by this before they multiply an impedance per unit length.
    convert: f64,
    sequence: Sequence,
    impedance: Impedance,
    by_sequence: bool,
    /// Sequence values that the matrices do not show yet.
    sequence_changed: bool,
    capacitance_given: bool,
    pub base_hz: f64,
    pub earth: EarthReturn,
    pub rho_given: Option<f64>,
    pub earth_model: EarthModel,
    pub switch: bool,
    pub normal_a: Option<f64>,
    pub emergency_a: Option<f64>,
}

/// What a line's impedance finally is.
pub enum Resolved {
    /// A line code and the length in its unit.
    Code(String),
    /// The whole line's sequence values.
    Sequence(Sequence),
    /// The whole line's matrices.
    Phase(Phase),
    /// A geometry.
    Geometry(String),
    /// A spacing with conductors.
    Wires(Wires),
}

impl Line {
    fn by_itself(&mut self) {
        self.code = None;
        self.geometry = None;
        self.wires = None;
    }

    /// An impedance given at the line: its length unit is then that of the impedance.
    fn own_impedance(&mut self) {
        self.by_itself();
        self.convert = 1.0;
        self.unit = None;
    }

    fn own_sequence(&mut self) -> &mut Sequence {
        self.own_impedance();
        self.sequence_changed = true;
        self.by_sequence = true;
        &mut self.sequence
    }

    fn own_capacitance(&mut self) -> &mut Sequence {
        self.capacitance_given = true;
        self.own_sequence()
    }

    fn own_matrix(&mut self, matrix: Matrix, part: fn(&mut Phase) -> &mut Matrix) {
        self.own_impedance();
        self.by_sequence = false;
        let mut phase = match &self.impedance {
            Impedance::Sequence(s) => s.matrices(self.phases),
            Impedance::Phase(p) => Phase::clone(p),
        };
        *part(&mut phase) = matrix;
        self.impedance = Impedance::Phase(Rc::new(phase));
    }

    fn recalculate(&mut self) {
        self.sequence = self.sequence.of_line(self.phases);
        self.impedance = Impedance::Sequence(self.sequence);
        self.sequence_changed = false;
    }

    fn fetch_code(&mut self, name: String, code: &LineCode) {
        self.base_hz = code.base_hz;
        self.by_sequence = code.by_sequence;
        self.earth = code.earth;
        self.code_unit = code.unit;
        self.convert = conversion(code.unit, self.unit);
        self.normal_a = None;
        self.emergency_a = None;
        self.phases = code.phases;
        if code.by_sequence {
            self.sequence = code.sequence;
            self.recalculate();
        } else {
            self.impedance = Impedance::Phase(Rc::clone(&code.phase));
        }
        self.by_itself();
        self.code_edits = code.edits;
        self.code = Some(name);
    }

    fn set_unit(&mut self, unit: Option<Unit>) {
        self.convert = match self.code {
            Some(_) => conversion(self.code_unit, unit),
            None => self.convert * conversion(self.unit, unit),
        };
        self.unit = unit;
    }

    fn set_phases(&mut self, text: Text<'_>) -> Value<()> {
        let phases = count(text)?;
        if phases == self.phases {
            return Ok(());
        }
        if self.geometry.is_some() || !self.by_sequence {
            let message = format!("this line has {} phases by its line code, matrices or geometry", self.phases);
            return Err(Diagnostic::error(codes::PHASES, message).at(text.span()));
        }
        self.phases = phases;
        self.recalculate();
        Ok(())
    }

    fn set_switch(&mut self, yes: bool) {
        self.switch = yes;
        if yes {
            self.own_impedance();
            self.sequence = Sequence { r1: 1.0, x1: 1.0, r0: 1.0, x0: 1.0, c1: 1.1, c0: 1.0 };
            self.sequence_changed = true;
            self.length = 0.001;
        }
    }

    fn set_conductors(&mut self, text: Text<'_>, kind: ConductorKind, session: &mut Session) -> Value<()> {
        let phases = self.phases;
        let Some(wires) = &mut self.wires else {
            return Err(
                Diagnostic::error(codes::INCOMPLETE, "the spacing must come before its conductors").at(text.span())
            );
        };
        let mut names = Vec::new();
        for item in value::items(text) {
            names.push(session.conductor(item, kind)?);
        }
        // Bare wires after cables are the neutrals beyond the phases.
        let start = if kind == ConductorKind::Wire && wires.cables { phases } else { 0 };
        if kind == ConductorKind::Wire && names.len() + start != wires.conductors.len() {
            let message = format!("{} conductors instead of {}", names.len(), wires.conductors.len() - start);
            return Err(Diagnostic::error(codes::SIZE, message).at(text.span()));
        }
        wires.cables |= kind != ConductorKind::Wire;
        for (slot, name) in wires.conductors.iter_mut().skip(start).zip(names) {
            *slot = Some((kind, name));
        }
        self.by_sequence = false;
        self.sequence_changed = false;
        (self.code, self.geometry) = (None, None);
        Ok(())
    }

    fn set_reference(&mut self, property: &str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "linecode" => {
                let name = session.name(text, "line code", &session.circuit.line_codes)?;
                if let Some(code) = session.circuit.line_codes.get(&name) {
                    self.fetch_code(name.clone(), &code.value);
                }
            }
            "geometry" => {
                let name = session.name(text, "line geometry", &session.circuit.geometries)?;
                if let Some(geometry) = session.circuit.geometries.items.get_mut(&name) {
                    self.phases = geometry.value.line_phases();
                    if let Some(rho) = self.rho_given {
                        geometry.value.rho = Some(rho);
                    }
                }
                self.by_itself();
                self.geometry = Some(name);
                (self.normal_a, self.emergency_a) = (None, None);
                (self.by_sequence, self.sequence_changed) = (false, false);
            }
            _ => {
                let name = session.name(text, "line spacing", &session.circuit.spacings)?;
                self.by_itself();
                if let Some(spacing) = session.circuit.spacings.get(&name) {
                    self.phases = spacing.value.phases;
                    let conductors = vec![None; spacing.value.conductors];
                    self.wires = Some(Wires { spacing: name, conductors, cables: false });
                }
            }
        }
        Ok(())
    }

    /// The factor from an impedance per unit length to the whole line.
    pub fn multiplier(&self) -> f64 {
        self.length / self.convert
    }

    /// What the line is finally made of, at the circuit's frequency.
    pub fn resolve(&self, session: &Session) -> Resolved {
        if let Some(name) = &self.geometry {
            return Resolved::Geometry(name.clone());
        }
        if let Some(wires) = self.wires.as_ref().filter(|w| w.conductors.iter().any(Option::is_some)) {
            return Resolved::Wires(wires.clone());
        }
        if let Some(name) = self.code.as_ref().filter(|name| self.is_as_fetched(name, session)) {
            return Resolved::Code(name.clone());
        }
        let length = self.multiplier();
        let impedance = if self.sequence_changed {
            Impedance::Sequence(self.changed_sequence().of_line(self.phases))
        } else {
            self.impedance.clone()
        };
        let scaled = |m: &mut Vec<Vec<f64>>| m.iter_mut().flatten().for_each(|v| *v *= length);
        let phase = match impedance {
            Impedance::Sequence(s) if self.base_hz == session.hz => {
                let [r1, x1, r0, x0, c1, c0] = [s.r1, s.x1, s.r0, s.x0, s.c1, s.c0].map(|v| v * length);
                return Resolved::Sequence(Sequence { r1, x1, r0, x0, c1, c0 });
            }
            Impedance::Sequence(s) => s.matrices(self.phases),
            Impedance::Phase(phase) => Rc::unwrap_or_clone(phase),
        };
        let mut phase = self.earth.at(phase, self.base_hz, session.hz);
        [&mut phase.r, &mut phase.x, &mut phase.c].into_iter().for_each(scaled);
        Resolved::Phase(phase)
    }

    fn is_as_fetched(&self, name: &str, session: &Session) -> bool {
        session.circuit.line_codes.get(name).is_some_and(|code| {
            let code = &code.value;
            !self.sequence_changed
                && self.code_edits == code.edits
                && self.phases == code.phases
                && self.base_hz == code.base_hz
                && self.earth == code.earth
        })
    }

    /// Capacitance that was never given is per 1000 feet, in the line's unit.
    fn changed_sequence(&self) -> Sequence {
        if self.capacitance_given {
            return self.sequence;
        }
        let per_kft = conversion(Some(Unit::Kft), self.unit);
        Sequence { c1: self.sequence.c1 / per_kft, c0: self.sequence.c0 / per_kft, ..self.sequence }
    }
}

/// How many of `to` are in one of `from`; 1 when either is unknown.
fn conversion(from: Option<Unit>, to: Option<Unit>) -> f64 {
    match (from, to) {
        (Some(from), Some(to)) => from.metres() / to.metres(),
        _ => 1.0,
    }
}

/// An earth return model.
pub fn earth_model(text: Text<'_>) -> Value<EarthModel> {
    choice(text, &[("carson", EarthModel::Carson), ("fullcarson", EarthModel::FullCarson), ("deri", EarthModel::Deri)])
}

impl Element for Line {
    fn new(session: &Session) -> Self {
        Self {
            phases: 3,
            length: 1.0,
            convert: 1.0,
            by_sequence: true,
            base_hz: session.hz,
            earth_model: session.circuit.earth_model,
            ..Self::default()
        }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.lines
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "bus1" => self.from = Some(terminal(text)?),
            "bus2" => self.to = Some(terminal(text)?),
            "linecode" | "geometry" | "spacing" => self.set_reference(property, text, session)?,
            "wires" => self.set_conductors(text, ConductorKind::Wire, session)?,
            "cncables" => self.set_conductors(text, ConductorKind::Concentric, session)?,
            "tscables" => self.set_conductors(text, ConductorKind::Tape, session)?,
            "length" => self.length = number(text)?,
            "units" => self.set_unit(value::unit(text)?),
            "phases" => self.set_phases(text)?,
            "r1" => self.own_sequence().r1 = number(text)?,
            "x1" => self.own_sequence().x1 = number(text)?,
            "r0" => self.own_sequence().r0 = number(text)?,
            "x0" => self.own_sequence().x0 = number(text)?,
            "c1" => self.own_capacitance().c1 = number(text)?,
            "c0" => self.own_capacitance().c0 = number(text)?,
            "b1" => self.own_capacitance().c1 = nf_of_us(number(text)?, self.base_hz),
            "b0" => self.own_capacitance().c0 = nf_of_us(number(text)?, self.base_hz),
            "rmatrix" => self.own_matrix(value::symmetric(text, self.phases)?, |p| &mut p.r),
            "xmatrix" => self.own_matrix(value::symmetric(text, self.phases)?, |p| &mut p.x),
            "cmatrix" => {
                self.capacitance_given = true;
                self.own_matrix(value::symmetric(text, self.phases)?, |p| &mut p.c);
            }
            "switch" => self.set_switch(session.yes(text)),
            "rg" => self.earth.rg = number(text)?,
            "xg" => self.earth.xg = number(text)?,
            "rho" => {
                self.earth.rho = positive(text)?;
                self.rho_given = Some(self.earth.rho);
                let geometry = self.geometry.as_ref().and_then(|name| session.circuit.geometries.items.get_mut(name));
                if let Some(geometry) = geometry {
                    geometry.value.rho = self.rho_given;
                }
            }
            "earthmodel" => self.earth_model = earth_model(text)?,
            "normamps" => self.normal_a = Some(number(text)?),
            "emergamps" => self.emergency_a = Some(number(text)?),
            "basefreq" => self.base_hz = positive(text)?,
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        // OpenDSS copies the impedance as it stands, but not where it came from, nor the units.
        self.phases = other.phases;
        self.impedance = other.impedance.clone();
        self.sequence = other.sequence;
        self.length = other.length;
        self.by_sequence = other.by_sequence;
        self.capacitance_given = other.capacitance_given;
        self.base_hz = other.base_hz;
        (self.normal_a, self.emergency_a) = (other.normal_a, other.emergency_a);
    }
}
