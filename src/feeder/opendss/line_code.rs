//! Line codes, and impedances by sequence or by phase.
//!
//! OpenDSS keeps both a set of sequence values and phase matrices, and a flag that says which holds; which properties
//! change which is followed here (0.14.5, `LineCode`). Without capacitance given, 3.4 and 1.6 nF per unit length hold.

use std::rc::Rc;

use super::circuit::{Circuit, Element};
use super::codes;
use super::number::{integer, number};
use super::session::Session;
use super::store::Store;
use super::text::Text;
use super::value::{self, Value, yes_no};
use crate::diagnostic::Diagnostic;
use crate::feeder::{self, LineImpedance, Matrix, Unit};
use crate::quantity::complex;

/// Most phases of anything.
pub const PHASES_LIMIT: i64 = 30;

/// Sequence values in ohm and nF per unit length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequence {
    pub r1: f64,
    pub x1: f64,
    pub r0: f64,
    pub x0: f64,
    pub c1: f64,
    pub c0: f64,
}

impl Default for Sequence {
    fn default() -> Self {
        Self { r1: 0.0580, x1: 0.1206, r0: 0.1784, x0: 0.4047, c1: 3.4, c0: 1.6 }
    }
}

impl Sequence {
    /// As OpenDSS takes it for a line of `phases`: with one phase, zero sequence is positive sequence.
    pub fn of_line(self, phases: usize) -> Self {
        if phases == 1 { Self { r0: self.r1, x0: self.x1, c0: self.c1, ..self } } else { self }
    }

    /// The matrices of `order`: self (2 Z1 + Z0)/3, mutual (Z0 - Z1)/3.
    pub fn matrices(&self, order: usize) -> Phase {
        let matrix = |one: f64, zero: f64| -> Matrix {
            let (own, mutual) = ((2.0 * one + zero) / 3.0, (zero - one) / 3.0);
            (0..order).map(|i| (0..order).map(|j| if i == j { own } else { mutual }).collect()).collect()
        };
        Phase { r: matrix(self.r1, self.r0), x: matrix(self.x1, self.x0), c: matrix(self.c1, self.c0) }
    }

    /// For the model, times a length.
    pub fn model(&self, length: f64) -> LineImpedance {
        LineImpedance {
            r1_ohm: Some(self.r1 * length),
            x1_ohm: Some(self.x1 * length),
            r0_ohm: Some(self.r0 * length),
            x0_ohm: Some(self.x0 * length),
            c1_nf: Some(self.c1 * length),
            c0_nf: Some(self.c0 * length),
            ..LineImpedance::default()
        }
    }
}

/// Phase matrices in ohm and nF per unit length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phase {
    pub r: Matrix,
    pub x: Matrix,
    pub c: Matrix,
}

impl Phase {
    /// For the model, times a length; without capacitance when it is zero.
    pub fn model(&self, length: f64) -> LineImpedance {
        let scaled = |m: &Matrix| -> Matrix { m.iter().map(|row| row.iter().map(|v| v * length).collect()).collect() };
        LineImpedance {
            r_ohm: Some(scaled(&self.r)),
            x_ohm: Some(scaled(&self.x)),
            c_nf: Some(scaled(&self.c)),
            ..LineImpedance::default()
        }
    }
}

/// Earth return values that correct an impedance for another frequency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarthReturn {
    pub rg: f64,
    pub xg: f64,
    pub rho: f64,
}

impl Default for EarthReturn {
    fn default() -> Self {
        Self { rg: 0.01805, xg: 0.155_081, rho: 100.0 }
    }
}

impl EarthReturn {
    /// Matrices given at `base_hz`, at `hz`: R + Rg (f/f0 - 1), (X - Xg' ) f/f0 with Xg' = Kxg ln(f/f0)/2 and
    /// Kxg = Xg / ln(658.5 sqrt(rho/f0)).
    pub fn at(&self, mut phase: Phase, base_hz: f64, hz: f64) -> Phase {
        let ratio = hz / base_hz;
        let kxg = self.xg / (658.5 * (self.rho / base_hz).sqrt()).ln();
        let xg = if self.xg == 0.0 { 0.0 } else { 0.5 * kxg * ratio.ln() };
        phase.r.iter_mut().flatten().for_each(|r| *r += self.rg * (ratio - 1.0));
        phase.x.iter_mut().flatten().for_each(|x| *x = (*x - xg) * ratio);
        phase
    }

    /// The values that go on from `hz` as these do from `base_hz`, times a length.
    pub fn model(&self, base_hz: f64, hz: f64, length: f64) -> feeder::EarthReturn {
        let depth = |hz: f64| (658.5 * (self.rho / hz).sqrt()).ln();
        let ratio = hz / base_hz;
        let x_ohm = if base_hz == hz { self.xg } else { self.xg * ratio * depth(hz) / depth(base_hz) };
        feeder::EarthReturn { r_ohm: self.rg * ratio * length, x_ohm: x_ohm * length, earth_ohm_m: self.rho }
    }
}

/// A line code.
#[derive(Clone, Debug, Default)]
pub struct LineCode {
    pub phases: usize,
    /// The sequence values hold, not the matrices.
    pub by_sequence: bool,
    pub sequence: Sequence,
    pub phase: Rc<Phase>,
    pub unit: Option<Unit>,
    pub base_hz: f64,
    pub earth: EarthReturn,
    pub normal_a: f64,
    pub emergency_a: f64,
    /// How often it was edited; lines keep what they fetched.
    pub edits: u32,
    /// The conductor that `kron` takes out, 1-based; 0 for none.
    neutral: usize,
}

impl LineCode {
    fn phase_mut(&mut self) -> &mut Phase {
        self.by_sequence = false;
        Rc::make_mut(&mut self.phase)
    }

    /// Takes out a neutral that is at ground all along (Kron reduction). Sequence values have none, and a second
    /// reduction does nothing, as in OpenDSS.
    fn reduce_neutral(&mut self, text: Text<'_>) -> Value<()> {
        if self.by_sequence || self.neutral == 0 {
            return Ok(());
        }
        let (order, neutral) = (self.phases, self.neutral - 1);
        if order < 2 || neutral >= order {
            let message = format!("a line code of {order} phases has no conductor {} to take out", neutral + 1);
            return Err(Diagnostic::error(codes::PHASES, message).at(text.span()));
        }
        let Phase { r, x, c } = self.phase.as_ref();
        let z = |i: usize, j: usize| complex(r[i][j], x[i][j]);
        let kept: Vec<usize> = (0..order).filter(|k| *k != neutral).collect();
        let matrix = |entry: &dyn Fn(usize, usize) -> f64| -> Matrix {
            kept.iter().map(|&i| kept.iter().map(|&j| entry(i, j)).collect()).collect()
        };
        let reduced = |i, j| z(i, j) - z(i, neutral) * z(neutral, j) / z(neutral, neutral);
        let phase = Phase {
            r: matrix(&|i, j| reduced(i, j).re),
            x: matrix(&|i, j| reduced(i, j).im),
            c: matrix(&|i, j| c[i][j]),
        };
        if phase.r.iter().chain(&phase.x).flatten().any(|z| !z.is_finite()) {
            let message = format!("conductor {} has no impedance: it cannot be taken out", neutral + 1);
            return Err(Diagnostic::error(codes::RANGE, message).at(text.span()));
        }
        (self.phases, self.neutral, self.phase) = (order - 1, 0, Rc::new(phase));
        Ok(())
    }

    fn renew_matrices(&mut self) {
        self.phase = Rc::new(self.sequence.matrices(self.phases));
    }
}

/// A number of phases or conductors.
pub fn count(text: Text<'_>) -> Value<usize> {
    let n = integer(text)?;
    if (1..=PHASES_LIMIT).contains(&n) {
        return Ok(usize::try_from(n).unwrap_or(1));
    }
    Err(Diagnostic::error(codes::RANGE, format!("{n} is not within 1 to {PHASES_LIMIT}")).at(text.span()))
}

/// A finite capacitance in nF from a susceptance in µS at `hz`.
pub fn nf_of_us(us: f64, hz: f64) -> f64 {
    us * 1e3 / (std::f64::consts::TAU * hz)
}

impl Element for LineCode {
    fn new(session: &Session) -> Self {
        let sequence = Sequence::default();
        Self {
            phases: 3,
            by_sequence: true,
            sequence,
            phase: Rc::new(sequence.matrices(3)),
            base_hz: session.hz,
            normal_a: 400.0,
            emergency_a: 600.0,
            neutral: 3,
            ..Self::default()
        }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.line_codes
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "nphases" => {
                let phases = count(text)?;
                if phases != self.phases {
                    session.hold(3 * phases * phases, text.span())?;
                    self.phases = phases;
                    self.neutral = phases;
                    self.renew_matrices();
                }
            }
            "r1" => self.sequence.r1 = number(text)?,
            "x1" => self.sequence.x1 = number(text)?,
            "r0" => self.sequence.r0 = number(text)?,
            "x0" => self.sequence.x0 = number(text)?,
            "c1" => self.sequence.c1 = number(text)?,
            "c0" => self.sequence.c0 = number(text)?,
            "b1" => self.sequence.c1 = nf_of_us(number(text)?, self.base_hz),
            "b0" => self.sequence.c0 = nf_of_us(number(text)?, self.base_hz),
            "units" => self.unit = value::unit(text)?,
            "rmatrix" => self.phase_mut().r = value::symmetric(text, self.phases)?,
            "xmatrix" => self.phase_mut().x = value::symmetric(text, self.phases)?,
            "cmatrix" => self.phase_mut().c = value::symmetric(text, self.phases)?,
            "basefreq" => self.base_hz = positive(text)?,
            "normamps" => self.normal_a = number(text)?,
            "emergamps" => self.emergency_a = number(text)?,
            "rg" => self.earth.rg = number(text)?,
            "xg" => self.earth.xg = number(text)?,
            "rho" => self.earth.rho = positive(text)?,
            "neutral" => self.neutral = usize::try_from(integer(text)?).unwrap_or(0),
            "kron" if yes_no(text) == Some(true) => self.reduce_neutral(text)?,
            _ => {}
        }
        // As in OpenDSS, c0 alone does not turn to sequence values.
        if matches!(property, "nphases" | "r1" | "x1" | "r0" | "x0" | "c1" | "b1" | "b0") {
            self.by_sequence = true;
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Session) -> Value<()> {
        self.edits += 1;
        if self.by_sequence {
            self.renew_matrices();
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        // OpenDSS copies neither the unit nor which of the two forms holds.
        let (unit, by_sequence, edits) = (self.unit, self.by_sequence, self.edits);
        *self = Self { unit, by_sequence, edits, ..other.clone() };
    }
}

/// A number above zero.
pub fn positive(text: Text<'_>) -> Value<f64> {
    let value = number(text)?;
    if value > 0.0 {
        return Ok(value);
    }
    Err(Diagnostic::error(codes::RANGE, "this must be above zero").at(text.span()))
}
