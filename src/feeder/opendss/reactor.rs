//! Reactors. The last kind of impedance that was given holds (OpenDSS 0.14.5, `Reactor`).

use super::capacitor::Ends;
use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::{count, positive};
use super::number::number;
use super::session::{Session, unsupported};
use super::source::pair;
use super::store::{Entry, Store};
use super::text::Text;
use super::value::{Value, connection, symmetric};
use crate::diagnostic::Diagnostic;
use crate::feeder::{self, Connection, Matrix};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Impedance {
    #[default]
    Kvar,
    Ohms,
    Matrix,
    Sequence,
}

/// A reactor.
#[derive(Clone, Debug, Default)]
pub struct Reactor {
    ends: Ends,
    phases: usize,
    connection: Connection,
    kind: Impedance,
    kvar: f64,
    kv: f64,
    r: f64,
    x: f64,
    parallel_ohm: f64,
    parallel: bool,
    r_matrix: Option<Matrix>,
    x_matrix: Option<Matrix>,
    z1: [f64; 2],
    z2: [f64; 2],
    z0: [f64; 2],
    z2_given: bool,
    z0_given: bool,
    normal_a: Option<f64>,
    emergency_a: Option<f64>,
}

impl Reactor {
    fn phase_kv(&self) -> f64 {
        match self.connection {
            Connection::Wye if matches!(self.phases, 2 | 3) => self.kv / 3f64.sqrt(),
            _ => self.kv,
        }
    }

    /// For the model.
    pub fn model(&self, name: &str, entry: &Entry<Self>) -> Value<feeder::Reactor> {
        let what = format!("reactor \"{name}\"");
        let delta = self.connection == Connection::Delta;
        let (bus, to) = self.ends.model(&what, self.phases, delta, entry.whole)?;
        let mut reactor = feeder::Reactor {
            bus,
            to,
            phases: self.phases,
            connection: self.connection,
            r_ohm: None,
            x_ohm: None,
            parallel_ohm: None,
            parallel: false,
            q_kvar: None,
            v_kv: None,
            r_matrix_ohm: None,
            x_matrix_ohm: None,
            z1_ohm: None,
            z2_ohm: None,
            z0_ohm: None,
            normal_a: self.normal_a,
            emergency_a: self.emergency_a,
        };
        let parallel_ohm = (self.parallel_ohm != 0.0).then_some(self.parallel_ohm);
        match self.kind {
            Impedance::Kvar if self.r == 0.0 => {
                (reactor.q_kvar, reactor.v_kv) = (Some(self.kvar), Some(self.kv));
                reactor.parallel_ohm = parallel_ohm;
            }
            Impedance::Kvar | Impedance::Ohms => {
                #[allow(clippy::cast_precision_loss, reason = "a number of phases is small")]
                let rated = self.phase_kv().powi(2) * 1000.0 / (self.kvar / self.phases as f64);
                let x = if self.kind == Impedance::Kvar { rated } else { self.x };
                (reactor.r_ohm, reactor.x_ohm) = (Some(self.r), Some(x));
                reactor.parallel_ohm = parallel_ohm;
            }
            Impedance::Matrix => {
                let order = |m: &Option<Matrix>| m.as_ref().map_or(self.phases, Vec::len);
                if order(&self.r_matrix) != self.phases || order(&self.x_matrix) != self.phases {
                    let message = format!("the matrices of {what} are not of its {} phases", self.phases);
                    return Err(Diagnostic::error(codes::SIZE, message).at(entry.span("x_matrix_ohm")));
                }
                let zero = || vec![vec![0.0; self.phases]; self.phases];
                reactor.r_matrix_ohm = Some(self.r_matrix.clone().unwrap_or_else(zero));
                reactor.x_matrix_ohm = Some(self.x_matrix.clone().unwrap_or_else(zero));
                reactor.parallel = self.parallel;
            }
            // OpenDSS divides the sum of the sequences by three even where there is one only.
            Impedance::Sequence if self.phases == 1 => {
                [reactor.r_ohm, reactor.x_ohm] = self.z1.map(|z| Some(z / 3.0));
            }
            Impedance::Sequence => {
                (reactor.z1_ohm, reactor.z2_ohm, reactor.z0_ohm) = (Some(self.z1), Some(self.z2), Some(self.z0));
            }
        }
        Ok(reactor)
    }
}

impl Element for Reactor {
    fn new(_: &Session) -> Self {
        let (kvar, kv): (f64, f64) = (100.0, 12.47);
        Self { phases: 3, kvar, kv, x: kv * kv * 1000.0 / kvar, ..Self::default() }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.reactors
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "bus1" => self.ends.set_first(text)?,
            "bus2" => self.ends.set_second(text)?,
            "phases" => self.phases = count(text)?,
            "kvar" => (self.kvar, self.kind) = (number(text)?, Impedance::Kvar),
            "kv" => self.kv = positive(text)?,
            "conn" => self.connection = connection(text)?,
            "rmatrix" => (self.r_matrix, self.kind) = (Some(symmetric(text, self.phases)?), Impedance::Matrix),
            "xmatrix" => (self.x_matrix, self.kind) = (Some(symmetric(text, self.phases)?), Impedance::Matrix),
            "parallel" => self.parallel = session.yes(text),
            "r" => self.r = number(text)?,
            "x" => (self.x, self.kind) = (number(text)?, Impedance::Ohms),
            "z" => ([self.r, self.x], self.kind) = (pair(text)?, Impedance::Ohms),
            "lmh" => {
                self.x = number(text)? * 1e-3 * std::f64::consts::TAU * session.hz;
                self.kind = Impedance::Ohms;
            }
            "rp" => self.parallel_ohm = number(text)?,
            "z1" => {
                (self.z1, self.kind) = (pair(text)?, Impedance::Sequence);
                self.z2 = if self.z2_given { self.z2 } else { self.z1 };
                self.z0 = if self.z0_given { self.z0 } else { self.z1 };
            }
            "z2" => (self.z2, self.z2_given) = (pair(text)?, true),
            "z0" => (self.z0, self.z0_given) = (pair(text)?, true),
            "rcurve" | "lcurve" if !session.curve(text)?.is_empty() => {
                return Err(unsupported("a reactor that varies with frequency is not supported", text.span()));
            }
            "normamps" => self.normal_a = Some(number(text)?),
            "emergamps" => self.emergency_a = Some(number(text)?),
            "basefreq" if number(text)? != session.hz => {
                return Err(unsupported(
                    "a base frequency other than the circuit's is not supported here",
                    text.span(),
                ));
            }
            _ => {}
        }
        if self.connection == Connection::Delta && matches!(self.kind, Impedance::Matrix | Impedance::Sequence) {
            return Err(unsupported("a delta reactor by matrices or sequence values is not supported", text.span()));
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        let ends = std::mem::take(&mut self.ends);
        *self = Self { ends, ..other.clone() };
    }
}
