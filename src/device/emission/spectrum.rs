//! The emission of one unit at the frequencies of a run, and the admittance that it shows there.
//!
//! What depends on neither voltage nor current is computed once, at set-up and when the switching frequency moves:
//! Y_fwd/(1 + T), Y_out/(1 + T), the table's lines. What is left for each step is one list of complex numbers per size
//! of the fundamental current. The physical source is I_h = −Y_fwd/(1 + T)·ΔV·b_h(Î/I_c)/√2 for a current at 0°
//! (`pwm::dead_time`); interharmonics have an admittance and no source.

use super::pwm::{Converter, clipped_cosine};
use super::table::{Bound, Reference, Table};
use crate::quantity::{Complex, complex};

/// What a unit emits.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Emission {
    /// Nothing; it is an admittance only.
    None,
    /// What was measured. Each unit has one of the tables, drawn by the seed.
    Table(Vec<Table>),
    /// What the converter's dead time makes, through its filter and its current loop.
    #[default]
    Physical,
}

/// An emission bound to a run's frequencies.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// Whole orders from 2; `None` for the fundamental, below, and between.
    orders: Vec<Option<u32>>,
    /// Place and order of the frequencies at which something is emitted.
    active: Vec<(usize, u32)>,
    multiples: Vec<f64>,
    source: Source,
    rated_a: f64,
    forward_s: Vec<Complex>,
    admittance_s: Vec<Complex>,
    /// b_h by order.
    shape: Vec<f64>,
    /// Size of the dead time's error in V, and its crossing current in A, peak.
    dead_time_v: f64,
    crossing_a: f64,
}

#[derive(Clone, Debug)]
enum Source {
    None,
    Tables(Vec<Bound>),
    Physical,
}

/// The order that a multiple of the fundamental is, from 2 on.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 2 and 1e6")]
fn order(multiple: f64) -> Option<u32> {
    let whole = multiple.round();
    ((2.0..1e6).contains(&whole) && (multiple - whole).abs() < 1e-9).then_some(whole as u32)
}

impl Spectrum {
    /// A unit's emission at multiples of a fundamental in Hz, with a rated current in A RMS.
    pub fn new(emission: &Emission, converter: &Converter, multiples: &[f64], f1_hz: f64, rated_a: f64) -> Self {
        let orders: Vec<_> = multiples.iter().map(|m| order(*m)).collect();
        let emits = |order: u32| match emission {
            Emission::None => false,
            Emission::Table(tables) => tables.iter().any(|table| table.has(order)),
            Emission::Physical => order % 2 == 1,
        };
        let places = orders.iter().enumerate().filter_map(|(place, order)| Some((place, (*order)?)));
        let active: Vec<(usize, u32)> = places.filter(|(_, order)| emits(*order)).collect();
        let highest = active.iter().map(|(_, order)| *order as usize).max().unwrap_or(2);
        let source = match emission {
            Emission::Table(tables) if !tables.is_empty() => {
                let orders: Vec<u32> = active.iter().map(|(_, order)| *order).collect();
                Source::Tables(tables.iter().map(|table| table.bind(&orders)).collect())
            }
            Emission::Physical => Source::Physical,
            Emission::None | Emission::Table(_) => Source::None,
        };
        let mut own = Self {
            orders,
            multiples: multiples.to_vec(),
            source,
            rated_a,
            forward_s: vec![complex(0.0, 0.0); active.len()],
            active,
            admittance_s: vec![complex(0.0, 0.0); multiples.len()],
            shape: vec![0.0; highest + 1],
            dead_time_v: 0.0,
            crossing_a: 0.0,
        };
        own.tune(converter, f1_hz);
        own
    }

    /// Takes over a converter (its switching frequency may have moved) and a fundamental frequency in Hz. The admittance is 0
    /// up to the fundamental, whose state the power flow has.
    pub fn tune(&mut self, converter: &Converter, f1_hz: f64) {
        self.dead_time_v = converter.dead_time_v();
        self.crossing_a = converter.crossing_a.max(1e-6 * self.rated_a);
        for (k, multiple) in self.multiples.iter().enumerate().filter(|(_, m)| **m > 1.0 + 1e-9) {
            [_, self.admittance_s[k]] = converter.closed_s(multiple * f1_hz);
        }
        for (forward, (_, order)) in self.forward_s.iter_mut().zip(&self.active) {
            [*forward, _] = converter.closed_s(f64::from(*order) * f1_hz);
        }
    }

    /// Orders by frequency; `None` where a frequency is no harmonic.
    pub fn orders(&self) -> &[Option<u32>] {
        &self.orders
    }

    /// Place and order of the frequencies at which something is emitted.
    pub fn active(&self) -> &[(usize, u32)] {
        &self.active
    }

    /// Y_out/(1 + T) by frequency in S.
    pub fn admittance_s(&self) -> &[Complex] {
        &self.admittance_s
    }

    /// Number of different units.
    pub fn models(&self) -> usize {
        if let Source::Tables(tables) = &self.source { tables.len() } else { 1 }
    }

    /// What the angles of a unit's emission stand against.
    pub fn reference(&self, model: usize) -> Reference {
        match &self.source {
            Source::Tables(tables) => tables.get(model).map_or(Reference::Voltage, Bound::reference),
            _ => Reference::Current,
        }
    }

    /// Whether a unit has an angle of its own at an active frequency.
    pub fn is_free(&self, model: usize, active: usize) -> bool {
        matches!(&self.source, Source::Tables(tables) if tables.get(model).is_some_and(|t| t.is_free(active)))
    }

    /// Harmonic currents into the network in A at the active frequencies, of a unit with a fundamental current in A RMS, for a reference at
    /// 0°.
    pub fn at(&mut self, model: usize, current_a: f64, into: &mut [Complex]) {
        match &self.source {
            Source::Tables(tables) => {
                if let Some(table) = tables.get(model) {
                    table.at(current_a / self.rated_a, into);
                    into.iter_mut().for_each(|y| *y *= self.rated_a);
                }
            }
            Source::Physical => self.physical(current_a, into),
            Source::None => into.fill(complex(0.0, 0.0)),
        }
    }

    fn physical(&mut self, current_a: f64, into: &mut [Complex]) {
        clipped_cosine(2f64.sqrt() * current_a / self.crossing_a, &mut self.shape);
        let size = -self.dead_time_v / 2f64.sqrt();
        for ((y, (_, order)), forward) in into.iter_mut().zip(&self.active).zip(&self.forward_s) {
            let b = self.shape.get(*order as usize).copied().unwrap_or(0.0);
            *y = forward * (size * b);
        }
    }
}
