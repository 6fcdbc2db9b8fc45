//! Harmonic spectra and current sources (OpenDSS 0.14.5, `Spectrum`, `Isource`).
//!
//! The number of orders comes first, and clears the angles; a file gives percent magnitudes, and makes the spectrum
//! shorter where it ends. A current source's returns are grounded at its first bus until `bus2` is given.

use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::{count, positive};
use super::number::{integer, number};
use super::session::{Session, unsupported};
use super::store::Store;
use super::text::Text;
use super::value::{Value, choice, fit, terminal};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{self, HarmonicSequence, PhaseSequence, Terminal};

/// Most orders of a spectrum.
const MOST_ORDERS: i64 = 10_000;

/// A spectrum.
#[derive(Clone, Debug, Default)]
pub struct Spectrum {
    count: usize,
    orders: Vec<f64>,
    percent: Vec<f64>,
    angle: Vec<f64>,
    /// Made by OpenDSS itself, not by the script.
    pub built_in: bool,
}

impl Spectrum {
    /// One of OpenDSS's own.
    pub fn built_in(own: &feeder::Spectrum) -> Self {
        let (orders, percent, mut angle) = (own.orders.clone(), own.magnitude_percent.clone(), own.angle_deg.clone());
        angle.resize(orders.len(), 0.0);
        Self { count: orders.len(), orders, percent, angle, built_in: true }
    }

    fn count(&self, text: Text<'_>) -> Value<usize> {
        if self.count > 0 {
            return Ok(self.count);
        }
        let message = "the number of orders (numharm) must come before the values";
        Err(Diagnostic::error(codes::INCOMPLETE, message).at(text.span()))
    }

    /// Takes orders, percent magnitudes and angles from the lines of a file.
    fn take_file(&mut self, text: Text<'_>, session: &mut Session) -> Value<()> {
        let most = self.count(text)?;
        let mut read = session.columns(text, &[0, 1, 2], false, most)?.into_iter();
        self.orders = read.next().unwrap_or_default();
        self.percent = read.next().unwrap_or_default();
        self.angle = read.next().unwrap_or_default();
        self.count = self.orders.len();
        Ok(())
    }

    /// For the model. What is wrong with its values is said by the checks that every feeder goes through.
    pub fn model(&self, name: &str, at: Span) -> Value<feeder::Spectrum> {
        let n = self.count;
        if n == 0 || self.orders.len() < n || self.percent.len() < n {
            let message = format!("spectrum \"{name}\" needs numharm, harmonic and %mag of as many values");
            return Err(Diagnostic::error(codes::INCOMPLETE, message).at(at));
        }
        let mut angle_deg = self.angle.clone();
        angle_deg.resize(n, 0.0);
        if angle_deg.iter().all(|angle| *angle == 0.0) {
            angle_deg.clear();
        }
        let (orders, magnitude_percent) = (self.orders[..n].to_vec(), self.percent[..n].to_vec());
        Ok(feeder::Spectrum { orders, magnitude_percent, angle_deg })
    }
}

impl Element for Spectrum {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.spectra
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        self.built_in = false;
        match property {
            "numharm" => {
                let n = integer(text)?;
                if !(1..=MOST_ORDERS).contains(&n) {
                    let message = format!("{n} orders are not within 1 to {MOST_ORDERS}");
                    return Err(Diagnostic::error(codes::RANGE, message).at(text.span()));
                }
                self.count = usize::try_from(n).unwrap_or(0);
                self.angle = vec![0.0; self.count];
            }
            "harmonic" => self.orders = session.numbers(text, self.count(text)?)?,
            "%mag" => self.percent = session.numbers(text, self.count(text)?)?,
            "angle" => self.angle = session.numbers(text, self.count(text)?)?,
            "csvfile" => self.take_file(text, session)?,
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        *self = Self { built_in: false, ..other.clone() };
    }
}

/// `ScanType`: how phases follow each other at orders other than 1.
pub fn scan_type(text: Text<'_>) -> Value<HarmonicSequence> {
    use HarmonicSequence::{Natural, Positive, Zero};
    choice(text, &[("none", Natural), ("zero", Zero), ("positive", Positive)])
}

/// A current source.
#[derive(Clone, Debug)]
pub struct CurrentSource {
    bus: Option<Terminal>,
    return_bus: Option<Terminal>,
    phases: usize,
    amps: f64,
    angle: f64,
    hz: Option<f64>,
    scan: HarmonicSequence,
    sequence: PhaseSequence,
    spectrum: Option<String>,
}

impl Default for CurrentSource {
    fn default() -> Self {
        Self {
            bus: None,
            return_bus: None,
            phases: 3,
            amps: 0.0,
            angle: 0.0,
            hz: None,
            scan: HarmonicSequence::Positive,
            sequence: PhaseSequence::Positive,
            spectrum: Some("default".to_owned()),
        }
    }
}

impl CurrentSource {
    /// For the model.
    pub fn model(&self, name: &str, at: Span, network_hz: f64) -> Value<feeder::CurrentSource> {
        let Some(mut bus) = self.bus.clone() else {
            return Err(Diagnostic::error(codes::BUS, format!("current source \"{name}\" has no bus")).at(at));
        };
        fit(&mut bus, self.phases, None);
        let mut return_bus = self.return_bus.clone();
        return_bus.iter_mut().for_each(|bus| fit(bus, self.phases, None));
        Ok(feeder::CurrentSource {
            bus,
            return_bus,
            phases: self.phases,
            i_a: self.amps,
            angle_deg: self.angle,
            sequence: self.sequence,
            harmonic_sequence: self.scan,
            frequency_hz: self.hz.filter(|hz| *hz != network_hz),
            spectrum: self.spectrum.clone(),
        })
    }
}

impl Element for CurrentSource {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.current_sources
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "bus1" => self.bus = Some(terminal(text)?),
            "bus2" => self.return_bus = Some(terminal(text)?),
            "phases" => self.phases = count(text)?,
            "amps" => self.amps = number(text)?,
            "angle" => self.angle = number(text)?,
            "frequency" => self.hz = Some(positive(text)?),
            "scantype" => self.scan = scan_type(text)?,
            "sequence" => {
                use PhaseSequence::{Negative, Positive, Zero};
                self.sequence = choice(text, &[("negative", Negative), ("zero", Zero), ("positive", Positive)])?;
            }
            "spectrum" => self.spectrum = session.spectrum(text)?,
            "basefreq" if number(text)? != session.hz => {
                return Err(unsupported(
                    "a base frequency other than the circuit's is not supported here",
                    text.span(),
                ));
            }
            "yearly" | "daily" | "duty" if session.shape(text)?.is_some() => {
                session.report.study(format!("a current source's {property} shape"), text.span());
            }
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        let (bus, return_bus) = (self.bus.take(), self.return_bus.take());
        *self = Self { bus, return_bus, ..other.clone() };
    }
}
