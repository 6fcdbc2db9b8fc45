//! Bare conductors and cables.
//!
//! What is not given is estimated as OpenDSS 0.14.5 does, at the time a property is given: Rac = 1.02 Rdc, GMR =
//! 0.7788 radius, and the unit of one radius for the other. A missing unit is a metre.

use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::positive;
use super::number::{integer, number};
use super::session::Session;
use super::store::Store;
use super::text::Text;
use super::value::{self, Value, metres};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{Cable, ConcentricNeutral, TapeShield, Unit, Wire};

/// The conductor part of wires and cables; `None` is not known yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conductor {
    dc: Option<f64>,
    ac: Option<f64>,
    resistance_unit: Option<Unit>,
    gmr: Option<f64>,
    gmr_unit: Option<Unit>,
    radius: Option<f64>,
    radius_unit: Option<Unit>,
    capacitance_radius: Option<f64>,
    normal_a: Option<f64>,
    emergency_a: Option<f64>,
}

impl Conductor {
    fn take(&mut self, property: &str, text: Text<'_>) -> Value<()> {
        match property {
            "rdc" => {
                let dc = number(text)?;
                self.dc = Some(dc);
                self.ac.get_or_insert(1.02 * dc);
            }
            "rac" => {
                let ac = number(text)?;
                self.ac = Some(ac);
                self.dc.get_or_insert(ac / 1.02);
            }
            "runits" => self.resistance_unit = value::unit(text)?,
            "gmrac" => {
                let gmr = positive(text)?;
                self.gmr = Some(gmr);
                self.radius.get_or_insert(gmr / 0.7788);
            }
            "gmrunits" => {
                self.gmr_unit = value::unit(text)?;
                self.radius_unit = self.radius_unit.or(self.gmr_unit);
            }
            "radius" => self.set_radius(positive(text)?),
            "diam" => self.set_radius(positive(text)? / 2.0),
            "radunits" => {
                self.radius_unit = value::unit(text)?;
                self.gmr_unit = self.gmr_unit.or(self.radius_unit);
            }
            "capradius" => self.capacitance_radius = Some(positive(text)?),
            "normamps" => {
                let normal = number(text)?;
                self.normal_a = Some(normal);
                self.emergency_a.get_or_insert(1.5 * normal);
            }
            "emergamps" => {
                let emergency = number(text)?;
                self.emergency_a = Some(emergency);
                self.normal_a.get_or_insert(emergency / 1.5);
            }
            _ => {}
        }
        Ok(())
    }

    fn set_radius(&mut self, radius: f64) {
        self.radius = Some(radius);
        self.gmr.get_or_insert(0.7788 * radius);
        self.capacitance_radius.get_or_insert(radius);
    }

    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<Wire> {
        let (Some(dc), Some(ac), Some(gmr), Some(radius)) = (self.dc, self.ac, self.gmr, self.radius) else {
            let message = format!("conductor \"{name}\" has no resistance or no radius");
            return Err(Diagnostic::error(codes::INCOMPLETE, message).at(at));
        };
        let per_km = 1000.0 / metres(self.resistance_unit);
        let mm = 1000.0 * metres(self.radius_unit);
        let capacitance = self.capacitance_radius.unwrap_or(radius);
        Ok(Wire {
            r_ac_ohm_per_km: Some(ac * per_km),
            r_dc_ohm_per_km: Some(dc * per_km),
            gmr_mm: Some(gmr * 1000.0 * metres(self.gmr_unit)),
            radius_mm: Some(radius * mm),
            capacitance_radius_mm: (capacitance != radius).then_some(capacitance * mm),
            normal_a: self.normal_a,
            emergency_a: self.emergency_a,
        })
    }
}

impl Element for Conductor {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.wires
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, _: &mut Session) -> Value<()> {
        self.take(property, text)
    }

    fn like(&mut self, other: &Self) {
        *self = *other;
    }
}

/// Insulation of a cable.
#[derive(Clone, Copy, Debug)]
struct Insulation {
    conductor: Conductor,
    permittivity: f64,
    thickness: Option<f64>,
    diameter: Option<f64>,
    outside: Option<f64>,
}

impl Default for Insulation {
    fn default() -> Self {
        Self { conductor: Conductor::default(), permittivity: 2.3, thickness: None, diameter: None, outside: None }
    }
}

impl Insulation {
    fn take(&mut self, property: &str, text: Text<'_>) -> Value<()> {
        match property {
            "epsr" => self.permittivity = positive(text)?,
            "inslayer" => self.thickness = Some(positive(text)?),
            "diains" => self.diameter = Some(positive(text)?),
            "diacable" => self.outside = Some(positive(text)?),
            _ => self.conductor.take(property, text)?,
        }
        Ok(())
    }

    fn mm(&self) -> f64 {
        1000.0 * metres(self.conductor.radius_unit)
    }

    fn model(&self, name: &str, at: Span) -> Value<Cable> {
        let (Some(thickness), Some(diameter), Some(outside)) = (self.thickness, self.diameter, self.outside) else {
            return Err(incomplete(name, at));
        };
        Ok(Cable {
            conductor: self.conductor.model(name, at)?,
            permittivity: self.permittivity,
            insulation_mm: thickness * self.mm(),
            insulation_diameter_mm: diameter * self.mm(),
            cable_diameter_mm: outside * self.mm(),
            strands: None,
            tape: None,
        })
    }
}

fn incomplete(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(codes::INCOMPLETE, format!("cable \"{name}\" lacks a dimension of its insulation or screen"))
        .at(at)
}

/// A concentric-neutral cable.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConcentricCable {
    insulation: Insulation,
    strands: Option<i64>,
    diameter: Option<f64>,
    gmr: Option<f64>,
    resistance: Option<f64>,
}

impl ConcentricCable {
    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<Cable> {
        let (Some(diameter), Some(gmr), Some(resistance)) = (self.diameter, self.gmr, self.resistance) else {
            return Err(incomplete(name, at));
        };
        let conductor = &self.insulation.conductor;
        let strands = ConcentricNeutral {
            count: u32::try_from(self.strands.unwrap_or(2)).unwrap_or(2),
            diameter_mm: diameter * self.insulation.mm(),
            gmr_mm: Some(gmr * 1000.0 * metres(conductor.gmr_unit)),
            r_ohm_per_km: resistance * 1000.0 / metres(conductor.resistance_unit),
        };
        Ok(Cable { strands: Some(strands), ..self.insulation.model(name, at)? })
    }
}

impl Element for ConcentricCable {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.concentric
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, _: &mut Session) -> Value<()> {
        match property {
            "k" => {
                let count = integer(text)?;
                if !(2..=10_000).contains(&count) {
                    return Err(
                        Diagnostic::error(codes::RANGE, "a concentric neutral has at least 2 strands").at(text.span())
                    );
                }
                self.strands = Some(count);
            }
            "diastrand" => {
                let diameter = positive(text)?;
                self.diameter = Some(diameter);
                self.gmr.get_or_insert(0.7788 * 0.5 * diameter);
            }
            "gmrstrand" => self.gmr = Some(positive(text)?),
            "rstrand" => self.resistance = Some(number(text)?),
            _ => self.insulation.take(property, text)?,
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        *self = *other;
    }
}

/// A tape-shielded cable.
#[derive(Clone, Copy, Debug, Default)]
pub struct TapeCable {
    insulation: Insulation,
    diameter: Option<f64>,
    thickness: Option<f64>,
    lap_percent: Option<f64>,
}

impl TapeCable {
    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<Cable> {
        let (Some(diameter), Some(thickness)) = (self.diameter, self.thickness) else {
            return Err(incomplete(name, at));
        };
        let tape = TapeShield {
            diameter_mm: diameter * self.insulation.mm(),
            thickness_mm: thickness * self.insulation.mm(),
            lap_percent: self.lap_percent.unwrap_or(20.0),
        };
        // The outside plays no part in a tape-shielded cable's impedance.
        let insulation = Insulation { outside: self.insulation.outside.or(Some(diameter)), ..self.insulation };
        Ok(Cable { tape: Some(tape), ..insulation.model(name, at)? })
    }
}

impl Element for TapeCable {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.tapes
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, _: &mut Session) -> Value<()> {
        match property {
            "diashield" => self.diameter = Some(positive(text)?),
            "tapelayer" => self.thickness = Some(positive(text)?),
            "tapelap" => self.lap_percent = Some(number(text)?),
            _ => self.insulation.take(property, text)?,
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        *self = *other;
    }
}
