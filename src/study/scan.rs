//! Driving-point impedance of a bus against frequency, and its resonances.
//!
//! Sources' EMF are at zero, loads stand with their admittance, nothing is emitted: what is left is what the network offers
//! a current that is injected at the bus. A peak (parallel resonance) turns a small harmonic current into a large voltage;
//! a dip (series resonance) draws harmonic current from elsewhere. Models: `docs/models/harmonics.md`.

use std::fmt::Write;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::harmonics::{self, HarmonicsError};
use super::pv::{Place, PvError};
use crate::feeder::{Feeder, Terminal};
use crate::solver::harmonic::{HarmonicError, Scan, ScanAt, ScanSettings, scan};
use crate::solver::{PowerFlow, Settings};

/// Name of the positive sequence among the curves.
pub const POSITIVE: &str = "positive_sequence";
/// Steps of the default scan in a fundamental frequency.
const STEPS: f64 = 12.0;
/// Last order of the default scan.
const LAST_ORDER: f64 = 50.0;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Bus, and nodes unless all its phases are meant.
    pub at: Terminal,
    /// First frequency in Hz; a twelfth of the feeder's when not given.
    pub from_hz: Option<f64>,
    /// Last frequency in Hz; 50 times the feeder's when not given.
    pub to_hz: Option<f64>,
    /// Step in Hz; a twelfth of the feeder's when not given.
    pub step_hz: Option<f64>,
    /// How loads and resistances follow frequency.
    pub network: harmonics::Question,
}

/// An impedance at a frequency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Frequency in Hz.
    pub f_hz: f64,
    /// Resistance in ohm.
    pub r_ohm: f64,
    /// Reactance in ohm.
    pub x_ohm: f64,
}

impl Point {
    /// Magnitude in ohm.
    pub fn z_ohm(&self) -> f64 {
        self.r_ohm.hypot(self.x_ohm)
    }

    /// Angle in degrees; positive is inductive.
    pub fn angle_deg(&self) -> f64 {
        self.x_ohm.atan2(self.r_ohm).to_degrees()
    }
}

/// Which way a resonance goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A peak of the impedance.
    Parallel,
    /// A dip.
    Series,
}

/// A peak or dip of an impedance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resonance {
    /// Peak or dip.
    pub kind: Kind,
    /// Its frequency in Hz.
    pub f_hz: f64,
    /// The same as a multiple of the feeder's frequency.
    pub order: f64,
    /// Magnitude of the impedance there in ohm.
    pub z_ohm: f64,
    /// Quality: frequency by the width between half-power points; none when one is not to be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<f64>,
}

/// The impedance of one node, or of the positive sequence.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// By frequency.
    pub points: Vec<Point>,
    /// By frequency.
    pub resonances: Vec<Resonance>,
}

/// The driving-point impedance of a bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Name of the feeder.
    pub feeder: String,
    /// The bus with its nodes.
    pub at: String,
    /// The feeder's frequency in Hz.
    pub frequency_hz: f64,
    /// By node (`bus.number`), then `positive_sequence` where there are nodes 1, 2 and 3.
    pub curves: IndexMap<String, Curve>,
}

/// Why there is no scan.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// No such place.
    #[error(transparent)]
    Place(#[from] PvError),
    /// The feeder has no power flow.
    #[error(transparent)]
    Flow(#[from] HarmonicsError),
    /// The network cannot be solved at a frequency, or frequencies that cannot be scanned.
    #[error(transparent)]
    Harmonic(#[from] HarmonicError),
}

/// Scans the impedance of a bus.
///
/// # Errors
/// When the feeder has no solved power flow, the bus is not in it or not fed, or frequencies cannot be scanned.
pub fn study(feeder: &Feeder, question: &Question, settings: Settings) -> Result<Answer, ScanError> {
    let flow = harmonics::power_flow(feeder, &question.network, settings)?;
    let place = Place::find(&flow, &question.at)?;
    let f0 = feeder.frequency_hz;
    let range = ScanSettings {
        from_hz: question.from_hz.unwrap_or(f0 / STEPS),
        to_hz: question.to_hz.unwrap_or(f0 * LAST_ORDER),
        step_hz: question.step_hz.unwrap_or(f0 / STEPS),
    };
    let mut curves = IndexMap::new();
    let one = |flow: &PowerFlow, at| scan(flow, at, range, question.network.settings(feeder));
    for &node in &place.nodes {
        let curve = Curve::of(one(&flow, ScanAt::Node(node))?, f0);
        curves.insert(flow.grid().name(node).to_owned(), curve);
    }
    if let ([a, b, c], [1, 2, 3]) = (place.nodes.as_slice(), place.numbers.as_slice()) {
        curves.insert(POSITIVE.to_owned(), Curve::of(one(&flow, ScanAt::Positive([*a, *b, *c]))?, f0));
    }
    Ok(Answer { feeder: feeder.feeder.clone(), at: place.terminal().to_string(), frequency_hz: f0, curves })
}

impl Curve {
    fn of(scan: Scan, f0_hz: f64) -> Self {
        let point =
            |p: &crate::solver::harmonic::ScanPoint| Point { f_hz: p.f_hz, r_ohm: p.z_ohm.re, x_ohm: p.z_ohm.im };
        let resonance = |r: &crate::solver::harmonic::Resonance| Resonance {
            kind: if r.parallel { Kind::Parallel } else { Kind::Series },
            f_hz: r.f_hz,
            order: r.f_hz / f0_hz,
            z_ohm: r.z_ohm.norm(),
            quality: r.quality,
        };
        Self {
            points: scan.points.iter().map(point).collect(),
            resonances: scan.resonances.iter().map(resonance).collect(),
        }
    }
}

impl Answer {
    /// Resonances as a table for a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{}: driving-point impedance at {}\n\n", self.feeder, self.at);
        let width = self.curves.keys().map(String::len).max().unwrap_or(0);
        let head = ["Hz", "order", "ohm", "Q"];
        let _ = writeln!(
            text,
            "{:width$}  {:8} {:>9} {:>7} {:>10} {:>7}",
            "", "resonance", head[0], head[1], head[2], head[3]
        );
        for (name, curve) in &self.curves {
            for r in &curve.resonances {
                let kind = if r.kind == Kind::Parallel { "parallel" } else { "series" };
                let quality = r.quality.map_or("–".to_owned(), |q| format!("{q:.1}"));
                let _ = writeln!(
                    text,
                    "{name:width$}  {kind:9} {:9.1} {:7.2} {:10.4} {quality:>7}",
                    r.f_hz, r.order, r.z_ohm
                );
            }
            if curve.resonances.is_empty() {
                let _ = writeln!(text, "{name:width$}  none");
            }
        }
        text
    }

    /// Every point as comma-separated values: frequency, then resistance and reactance of each curve.
    pub fn csv(&self) -> String {
        let mut text = "f_hz".to_owned();
        for name in self.curves.keys() {
            let _ = write!(text, ",{name}.r_ohm,{name}.x_ohm");
        }
        text.push('\n');
        let count = self.curves.values().map(|curve| curve.points.len()).min().unwrap_or(0);
        for k in 0..count {
            let f_hz = self.curves.values().next().map_or(0.0, |curve| curve.points[k].f_hz);
            let _ = write!(text, "{f_hz}");
            for curve in self.curves.values() {
                let _ = write!(text, ",{},{}", curve.points[k].r_ohm, curve.points[k].x_ohm);
            }
            text.push('\n');
        }
        text
    }
}
