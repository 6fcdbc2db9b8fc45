//! Voltage sources. The last kind of impedance that was given holds (OpenDSS 0.14.5, `VSource`).

use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::{count, positive};
use super::number::number;
use super::session::{Session, unsupported};
use super::spectrum::scan_type;
use super::store::Store;
use super::text::Text;
use super::value::{Value, choice, fit, list, terminal};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{self, HarmonicSequence, Terminal};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Impedance {
    #[default]
    Power,
    Current,
    Ohms,
}

/// A voltage source.
#[derive(Clone, Debug)]
pub struct Source {
    bus: Option<Terminal>,
    return_bus: Option<Terminal>,
    kv: f64,
    pu: f64,
    angle: f64,
    phases: usize,
    kind: Impedance,
    mvasc: [f64; 2],
    isc: [f64; 2],
    x1_over_r1: f64,
    x0_over_r0: f64,
    z1: [f64; 2],
    z2: [f64; 2],
    z0: [f64; 2],
    z0_given: bool,
    z2_given: bool,
    pu_z: [Option<[f64; 2]>; 3],
    mva: f64,
    ideal: bool,
    pu_ideal: [f64; 2],
    spectrum: Option<String>,
    scan: HarmonicSequence,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            bus: None,
            return_bus: None,
            kv: 115.0,
            pu: 1.0,
            angle: 0.0,
            phases: 3,
            kind: Impedance::Power,
            mvasc: [2000.0, 2100.0],
            isc: [10_000.0, 10_540.0],
            x1_over_r1: 4.0,
            x0_over_r0: 3.0,
            z1: [1.65, 6.6],
            z2: [1.65, 6.6],
            z0: [1.9, 5.7],
            z0_given: false,
            z2_given: false,
            pu_z: [None; 3],
            mva: 100.0,
            ideal: false,
            pu_ideal: [1e-6, 0.001],
            spectrum: Some("defaultvsource".to_owned()),
            scan: HarmonicSequence::Positive,
        }
    }
}

/// A complex value `[re, im]`; what is missing is zero.
pub fn pair(text: Text<'_>) -> Value<[f64; 2]> {
    let values = list(text)?;
    Ok([values.first().copied().unwrap_or(0.0), values.get(1).copied().unwrap_or(0.0)])
}

impl Source {
    /// The circuit's source before its first property.
    pub fn of_circuit() -> Self {
        Self { bus: Some(Terminal::new("sourcebus", &[])), ..Self::default() }
    }

    /// Its rated voltage from line to line in kV.
    pub fn line_to_line_kv(&self) -> f64 {
        if self.phases == 1 { self.kv * 3f64.sqrt() } else { self.kv }
    }

    fn set_impedance(&mut self, property: &str, text: Text<'_>) -> Value<()> {
        match property {
            "mvasc3" => self.mvasc[0] = positive(text)?,
            "mvasc1" => self.mvasc[1] = positive(text)?,
            "isc3" => self.isc[0] = positive(text)?,
            "isc1" => self.isc[1] = positive(text)?,
            "r1" => {
                self.z1[0] = number(text)?;
                self.z2[0] = self.z1[0];
            }
            "x1" => {
                self.z1[1] = number(text)?;
                self.z2[1] = self.z1[1];
            }
            "r0" => self.z0[0] = number(text)?,
            "x0" => self.z0[1] = number(text)?,
            "z1" => {
                self.z1 = pair(text)?;
                self.z2 = if self.z2_given { self.z2 } else { self.z1 };
                self.z0 = if self.z0_given { self.z0 } else { self.z1 };
            }
            "z2" => (self.z2, self.z2_given) = (pair(text)?, true),
            "z0" => (self.z0, self.z0_given) = (pair(text)?, true),
            "puz1" => self.pu_z[0] = Some(pair(text)?),
            "puz2" => self.pu_z[1] = Some(pair(text)?),
            "puz0" => self.pu_z[2] = Some(pair(text)?),
            _ => return Ok(()),
        }
        self.kind = match property {
            "mvasc3" | "mvasc1" => Impedance::Power,
            "isc3" | "isc1" => Impedance::Current,
            _ => Impedance::Ohms,
        };
        Ok(())
    }

    /// Z1, Z2 and Z0 in ohm.
    fn ohms(&self) -> [[f64; 2]; 3] {
        let base = self.kv * self.kv / self.mva;
        if self.ideal {
            return [self.pu_ideal.map(|z| z * base); 3];
        }
        match self.pu_z {
            [Some(z1), z2, z0] => [z1, z2.unwrap_or(z1), z0.unwrap_or(z1)].map(|z| z.map(|v| v * base)),
            _ => [self.z1, self.z2, self.z0],
        }
    }

    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<feeder::Source> {
        let Some(mut bus) = self.bus.clone() else {
            return Err(Diagnostic::error(codes::BUS, format!("source \"{name}\" has no bus")).at(at));
        };
        fit(&mut bus, self.phases, None);
        let mut return_bus = self.return_bus.clone();
        return_bus.iter_mut().for_each(|bus| fit(bus, self.phases, None));
        let mut source = feeder::Source {
            bus,
            return_bus,
            phases: self.phases,
            v_kv: self.kv,
            v_pu: self.pu,
            angle_deg: self.angle,
            ideal: false,
            mvasc3: None,
            mvasc1: None,
            isc3_a: None,
            isc1_a: None,
            x1_over_r1: self.x1_over_r1,
            x0_over_r0: self.x0_over_r0,
            r1_ohm: None,
            x1_ohm: None,
            r0_ohm: None,
            x0_ohm: None,
            r2_ohm: None,
            x2_ohm: None,
            spectrum: self.spectrum.clone(),
            harmonic_sequence: self.scan,
        };
        match self.kind {
            Impedance::Power if !self.ideal => [source.mvasc3, source.mvasc1] = self.mvasc.map(Some),
            Impedance::Current if !self.ideal => [source.isc3_a, source.isc1_a] = self.isc.map(Some),
            _ => {
                let [z1, z2, z0] = self.ohms();
                let z0 = if self.phases == 1 { z1 } else { z0 };
                [source.r1_ohm, source.x1_ohm] = z1.map(Some);
                [source.r0_ohm, source.x0_ohm] = z0.map(Some);
                if z2 != z1 && self.phases > 1 {
                    [source.r2_ohm, source.x2_ohm] = z2.map(Some);
                }
                if z1 == [0.0, 0.0] {
                    let message = format!("source \"{name}\" has no impedance at all");
                    return Err(Diagnostic::error(codes::RANGE, message).at(at));
                }
                (source.x1_over_r1, source.x0_over_r0) = (4.0, 3.0);
            }
        }
        Ok(source)
    }
}

impl Element for Source {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.sources
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "bus1" => self.bus = Some(terminal(text)?),
            "bus2" => self.return_bus = Some(terminal(text)?),
            "basekv" => self.kv = positive(text)?,
            "spectrum" => self.spectrum = session.spectrum(text)?,
            "scantype" => self.scan = scan_type(text)?,
            "pu" => self.pu = number(text)?,
            "angle" => self.angle = number(text)?,
            "phases" => self.phases = count(text)?,
            "x1r1" => self.x1_over_r1 = number(text)?,
            "x0r0" => self.x0_over_r0 = number(text)?,
            "basemva" => self.mva = positive(text)?,
            "model" => self.ideal = choice(text, &[("thevenin", false), ("ideal", true)])?,
            "puzideal" => self.pu_ideal = pair(text)?,
            "frequency" | "basefreq" if number(text)? != session.hz => {
                return Err(unsupported("a source frequency other than the circuit's is not supported", text.span()));
            }
            "sequence" if !choice(text, &[("negative", false), ("zero", false), ("positive", true)])? => {
                return Err(unsupported("only positive-sequence sources are supported", text.span()));
            }
            "yearly" | "daily" | "duty" if session.shape(text)?.is_some() => {
                session.report.study(format!("a source's {property} shape"), text.span());
            }
            _ => self.set_impedance(property, text)?,
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        let (bus, return_bus) = (self.bus.take(), self.return_bus.take());
        *self = Self { bus, return_bus, ..other.clone() };
    }
}
