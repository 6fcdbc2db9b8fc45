//! Load shapes and XY curves.
//!
//! The number of points comes first: a list shorter than that ends with zeros, a file makes the shape shorter
//! (OpenDSS 0.14.5, `LoadShape`).

use std::rc::Rc;

use super::circuit::{Circuit, Element};
use super::codes;
use super::number::{integer, number};
use super::session::{NUMBERS, Session, unsupported};
use super::store::Store;
use super::text::Text;
use super::value::{Value, choice, list};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder;

/// The shape that OpenDSS calls `default`: one day by hours.
const DEFAULT: [f64; 24] = [
    0.677, 0.6256, 0.6087, 0.5833, 0.58028, 0.6025, 0.657, 0.7477, 0.832, 0.88, 0.94, 0.989, 0.985, 0.98, 0.9898,
    0.999, 1.0, 0.958, 0.936, 0.913, 0.876, 0.876, 0.828, 0.756,
];

/// A load shape.
#[derive(Clone, Debug)]
pub struct Shape {
    points: usize,
    interval_h: f64,
    p: Rc<Vec<f64>>,
    q: Option<Rc<Vec<f64>>>,
    hours: Option<Rc<Vec<f64>>>,
    actual: bool,
    base: [f64; 2],
    q_max: Option<f64>,
    /// Made by OpenDSS itself, not by the script.
    pub built_in: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            points: 0,
            interval_h: 1.0,
            p: Rc::default(),
            q: None,
            hours: None,
            actual: false,
            base: [0.0; 2],
            q_max: None,
            built_in: false,
        }
    }
}

impl Shape {
    /// The shape `default`.
    pub fn built_in() -> Self {
        Self { points: 24, p: Rc::new(DEFAULT.to_vec()), built_in: true, ..Self::default() }
    }

    /// kW and kvar at the largest kW, of a shape in actual power.
    pub fn actual_peak(&self) -> Option<[f64; 2]> {
        if !self.actual {
            return None;
        }
        let peak = self.p.iter().enumerate().reduce(|a, b| if b.1.abs() > a.1.abs() { b } else { a })?;
        let q = self.q.as_ref().and_then(|q| q.get(peak.0).copied()).unwrap_or(0.0);
        Some([*peak.1, self.q_max.unwrap_or(q)])
    }

    fn points(&self, text: Text<'_>) -> Value<usize> {
        if self.points > 0 {
            return Ok(self.points);
        }
        let error = Diagnostic::error(codes::INCOMPLETE, "the number of points (npts) must come before the values");
        Err(error.at(text.span()))
    }

    fn normalize(&mut self) {
        let [p, q] = self.base;
        let normalized = |values: &mut Vec<f64>, base: f64| {
            let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            let base = if base > 0.0 { base } else { largest };
            values.iter_mut().for_each(|v| *v /= if base == 0.0 { 1.0 } else { base });
        };
        normalized(Rc::make_mut(&mut self.p), p);
        if let Some(values) = &mut self.q {
            normalized(Rc::make_mut(values), q);
        }
        self.actual = false;
    }

    /// Takes columns of a file: hours first when the interval is zero.
    fn take_file(&mut self, text: Text<'_>, with_q: bool, session: &mut Session) -> Value<()> {
        let points = self.points(text)?;
        let timed = self.interval_h == 0.0;
        let width = usize::from(timed) + 1 + usize::from(with_q);
        let columns: Vec<usize> = (0..width).collect();
        let mut read = session.columns(text, &columns, false, points)?.into_iter();
        if timed {
            self.hours = read.next().map(Rc::new);
        }
        self.p = Rc::new(read.next().unwrap_or_default());
        if with_q {
            self.q = read.next().map(Rc::new);
        }
        self.points = self.p.len();
        Ok(())
    }

    /// A file of values, or of pairs of hour and value where there is no interval.
    fn take_binary(&mut self, file: Text<'_>, double: bool, session: &mut Session) -> Value<()> {
        let points = self.points(file)?;
        let timed = self.interval_h == 0.0;
        let most = points.saturating_mul(1 + usize::from(timed));
        let read = session.numbers_of_binary(file, double, most)?;
        if timed {
            let (hours, values): (Vec<f64>, Vec<f64>) = read.as_chunks().0.iter().map(|[h, v]| (*h, *v)).unzip();
            (self.hours, self.p) = (Some(Rc::new(hours)), Rc::new(values));
        } else {
            self.p = Rc::new(read);
        }
        self.points = self.p.len();
        Ok(())
    }

    /// How many numbers the model of it holds.
    pub fn numbers(&self) -> usize {
        let optional = |values: &Option<Rc<Vec<f64>>>| values.as_ref().map_or(0, |v| v.len());
        self.p.len() + optional(&self.q) + optional(&self.hours)
    }

    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<feeder::Shape> {
        let incomplete =
            |what: &str| Diagnostic::error(codes::INCOMPLETE, format!("load shape \"{name}\" {what}")).at(at);
        if self.p.is_empty() {
            return Err(incomplete("has no values"));
        }
        let fixed = self.interval_h > 0.0;
        let n = self.p.len();
        let at_s = match &self.hours {
            _ if fixed => None,
            Some(hours) if hours.len() >= n => Some(hours.iter().take(n).map(|h| h * 3600.0).collect()),
            _ => return Err(incomplete("has neither an interval nor an hour for each point")),
        };
        let q = self.q.as_ref().map(|q| {
            let mut q = q.to_vec();
            q.resize(n, 0.0);
            q
        });
        let interval_s = fixed.then_some(self.interval_h * 3600.0);
        Ok(feeder::Shape { interval_s, at_s, p: self.p.to_vec(), q, actual: self.actual })
    }
}

fn points(text: Text<'_>) -> Value<usize> {
    let n = integer(text)?;
    usize::try_from(n).ok().filter(|n| *n <= NUMBERS).ok_or_else(|| {
        Diagnostic::error(codes::LIMIT, format!("{n} points are not within 0 to {NUMBERS}")).at(text.span())
    })
}

impl Element for Shape {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.shapes
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        self.built_in = false;
        match property {
            "npts" => self.points = points(text)?,
            "interval" => self.interval_h = number(text)?,
            "sinterval" => self.interval_h = number(text)? / 3600.0,
            "minterval" => self.interval_h = number(text)? / 60.0,
            "mult" | "pmult" => {
                self.p = Rc::new(session.numbers(text, self.points(text)?)?);
                self.points = self.p.len();
            }
            "qmult" => self.q = Some(Rc::new(session.numbers(text, self.points(text)?)?)),
            "hour" => {
                self.hours = Some(Rc::new(session.numbers(text, self.points(text)?)?));
                self.interval_h = 0.0;
            }
            "csvfile" => self.take_file(text, false, session)?,
            "pqcsvfile" => self.take_file(text, true, session)?,
            "sngfile" | "dblfile" => self.take_binary(text, property == "dblfile", session)?,
            "action" if choice(text, &[("normalize", true), ("dblsave", false), ("sngsave", false)])? => {
                self.normalize()
            }
            "useactual" => self.actual = session.yes(text),
            "qmax" => self.q_max = Some(number(text)?),
            "pbase" => self.base[0] = number(text)?,
            "qbase" => self.base[1] = number(text)?,
            "interpolation" if choice(text, &[("avg", false), ("edge", true)])? => {
                return Err(unsupported("edge interpolation of a shape is not supported", text.span()));
            }
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        *self = other.clone();
    }
}

/// An XY curve.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    size: usize,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Curve {
    /// Its points.
    pub fn points(&self) -> Vec<[f64; 2]> {
        self.x.iter().zip(&self.y).map(|(x, y)| [*x, *y]).collect()
    }
}

impl Element for Curve {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.curves
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "npts" => self.size = points(text)?,
            "points" => {
                let values = list(text)?;
                (self.x, self.y) = values.chunks_exact(2).map(|c| (c[0], c[1])).unzip();
            }
            "xarray" => self.x = session.numbers(text, self.size)?,
            "yarray" => self.y = session.numbers(text, self.size)?,
            "csvfile" => {
                let mut read = session.columns(text, &[0, 1], false, self.size)?.into_iter();
                (self.x, self.y) = (read.next().unwrap_or_default(), read.next().unwrap_or_default());
            }
            "sngfile" | "dblfile" => {
                return Err(unsupported("binary files of numbers are not supported; write them as text", text.span()));
            }
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        *self = other.clone();
    }
}
