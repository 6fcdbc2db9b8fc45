//! Driving-point impedance against frequency, and its resonances.
//!
//! Eight frequencies are evaluated at once, nothing is kept between them. Resonances are local extrema of |Z| among the
//! scanned points, closed in on by eight points at a time; one narrower than the step between points can be missed.
//! Quality is the frequency by the width between the points where |Z| is by √2 from the extremum (half power).

use super::settings::{HarmonicError, HarmonicSettings, HarmonicStatus};
use super::{Harmonics, LANES};
use crate::quantity::{Complex, complex, phasor};
use crate::solver::grid::NodeId;
use crate::solver::power_flow::PowerFlow;

/// Most frequencies of one scan.
const MOST_POINTS: usize = 1_000_000;
/// A resonance is closed in on to this width.
const WIDTH_HZ: f64 = 0.004;

/// Where the impedance is seen from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScanAt {
    /// Between a node and ground.
    Node(NodeId),
    /// Positive sequence of three nodes: 1 A at 0, −120 and 120 degrees, and the positive sequence of the voltages.
    Positive([NodeId; 3]),
}

/// Which frequencies are scanned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScanSettings {
    /// First frequency in Hz; positive.
    pub from_hz: f64,
    /// Last frequency in Hz, scanned too; not below the first.
    pub to_hz: f64,
    /// Step in Hz; positive, and at most a million of them.
    pub step_hz: f64,
}

/// The impedance at one frequency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScanPoint {
    /// Frequency in Hz.
    pub f_hz: f64,
    /// Impedance in ohm.
    pub z_ohm: Complex,
}

/// A local extremum of the impedance's magnitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resonance {
    /// A maximum (parallel resonance) and not a minimum (series resonance).
    pub parallel: bool,
    /// Frequency in Hz, within 0.01 Hz of the extremum.
    pub f_hz: f64,
    /// Impedance there in ohm.
    pub z_ohm: Complex,
    /// Frequency by the width between its half-power points; none when |Z| turns, or the scan ends, before one.
    pub quality: Option<f64>,
}

/// Impedance against frequency.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Scan {
    /// By frequency.
    pub points: Vec<ScanPoint>,
    /// By frequency.
    pub resonances: Vec<Resonance>,
}

/// Scans the driving-point impedance of the network of a power flow as it stands, sources' EMF at zero, loads by their
/// admittance, nothing emitted.
///
/// # Errors
/// [`HarmonicError::Range`] for frequencies that cannot be scanned, [`HarmonicError::Singular`] where the network cannot be
/// solved, and as [`Harmonics::new`].
pub fn scan(
    flow: &PowerFlow,
    at: ScanAt,
    range: ScanSettings,
    settings: HarmonicSettings,
) -> Result<Scan, HarmonicError> {
    let count = (range.to_hz - range.from_hz) / range.step_hz;
    let usable = range.from_hz > 0.0 && range.step_hz > 0.0 && (0.0..=MOST_POINTS as f64).contains(&count);
    if !usable {
        return Err(HarmonicError::Range { from_hz: range.from_hz, to_hz: range.to_hz, step_hz: range.step_hz });
    }
    let mut frequencies: Vec<f64> =
        (0..=(count + 1e-9) as usize).map(|k| range.from_hz + k as f64 * range.step_hz).collect();
    if frequencies.last().is_some_and(|last| *last < range.to_hz - 1e-6 * range.step_hz) {
        frequencies.push(range.to_hz);
    }
    let mut scanner = Scanner { study: Harmonics::new(flow, &[1.0; LANES], settings)?, at };
    let mut points = Vec::with_capacity(frequencies.len());
    for chunk in frequencies.chunks(LANES) {
        points.extend(scanner.points(chunk)?);
    }
    let mut resonances = Vec::new();
    for k in 1..points.len().saturating_sub(1) {
        let [before, here, after] = [k - 1, k, k + 1].map(|k| points[k].z_ohm.norm());
        for parallel in [true, false] {
            let sign = if parallel { 1.0 } else { -1.0 };
            if sign * (here - before) > 0.0 && sign * (here - after) >= 0.0 {
                resonances.push(scanner.resonance(&points, k, parallel)?);
            }
        }
    }
    Ok(Scan { points, resonances })
}

struct Scanner {
    study: Harmonics,
    at: ScanAt,
}

impl Scanner {
    /// The impedance at up to eight frequencies.
    fn points(&mut self, frequencies: &[f64]) -> Result<Vec<ScanPoint>, HarmonicError> {
        self.study.retune(frequencies)?;
        let a = |k: f64| phasor(1.0, 120.0 * k);
        let solved = match self.at {
            ScanAt::Node(node) => self.study.inject_alone(&[(node, complex(1.0, 0.0))]),
            ScanAt::Positive([p, q, r]) => self.study.inject_alone(&[(p, a(0.0)), (q, a(-1.0)), (r, a(1.0))]),
        };
        if let Err(HarmonicStatus::Singular { node, order }) = solved {
            let node = self.study.grid().name(node).to_owned();
            return Err(HarmonicError::Singular { node, f_hz: frequencies[order.min(frequencies.len() - 1)] });
        }
        let z_ohm = |order: usize| match self.at {
            ScanAt::Node(node) => self.study.voltage(order, node),
            ScanAt::Positive([p, q, r]) => {
                let v = |node| self.study.voltage(order, node);
                (v(p) + a(1.0) * v(q) + a(-1.0) * v(r)) / 3.0
            }
        };
        Ok(frequencies.iter().enumerate().map(|(k, &f_hz)| ScanPoint { f_hz, z_ohm: z_ohm(k) }).collect())
    }

    /// Eight points inside an interval, with its ends.
    fn inside(&mut self, [low, high]: [ScanPoint; 2]) -> Result<Vec<ScanPoint>, HarmonicError> {
        let step_hz = (high.f_hz - low.f_hz) / (LANES + 1) as f64;
        let frequencies: [f64; LANES] = std::array::from_fn(|k| low.f_hz + (k + 1) as f64 * step_hz);
        let mut points = vec![low];
        points.extend(self.points(&frequencies)?);
        points.push(high);
        Ok(points)
    }

    /// Closes in on the extremum next to a point.
    fn resonance(&mut self, points: &[ScanPoint], k: usize, parallel: bool) -> Result<Resonance, HarmonicError> {
        let size = |point: &ScanPoint| if parallel { point.z_ohm.norm() } else { -point.z_ohm.norm() };
        let mut ends = [points[k - 1], points[k + 1]];
        let mut best = points[k];
        while ends[1].f_hz - ends[0].f_hz > WIDTH_HZ {
            let inside = self.inside(ends)?;
            let inner = 1..inside.len() - 1;
            let top = inner.max_by(|&i, &j| size(&inside[i]).total_cmp(&size(&inside[j]))).unwrap_or(1);
            best = inside[top];
            ends = [inside[top - 1], inside[top + 1]];
        }
        let level_ohm = best.z_ohm.norm() * if parallel { 0.5f64.sqrt() } else { 2f64.sqrt() };
        let below = self.crossing(best, points[..k].iter().rev().copied(), level_ohm, parallel)?;
        let above = self.crossing(best, points[k + 1..].iter().copied(), level_ohm, parallel)?;
        let quality = below.zip(above).map(|(below, above)| best.f_hz / (above - below));
        Ok(Resonance { parallel, f_hz: best.f_hz, z_ohm: best.z_ohm, quality })
    }

    /// Frequency at which |Z| crosses a level, going from an extremum along points that lead away from it.
    fn crossing(
        &mut self,
        from: ScanPoint,
        points: impl Iterator<Item = ScanPoint>,
        level_ohm: f64,
        parallel: bool,
    ) -> Result<Option<f64>, HarmonicError> {
        let crossed = |point: &ScanPoint| (point.z_ohm.norm() <= level_ohm) == parallel;
        let mut last = from;
        for point in points {
            if crossed(&point) {
                return self.close_in([last, point], crossed).map(Some);
            }
            let turned = (point.z_ohm.norm() > last.z_ohm.norm()) == parallel;
            if turned && last != from {
                return Ok(None);
            }
            last = point;
        }
        Ok(None)
    }

    fn close_in(
        &mut self,
        mut ends: [ScanPoint; 2],
        crossed: impl Fn(&ScanPoint) -> bool,
    ) -> Result<f64, HarmonicError> {
        while (ends[1].f_hz - ends[0].f_hz).abs() > 0.1 * WIDTH_HZ {
            let inside = self.inside(ends)?;
            let first = inside.iter().skip(1).position(&crossed).map_or(inside.len() - 1, |k| k + 1);
            ends = [inside[first - 1], inside[first]];
        }
        Ok(0.5 * (ends[0].f_hz + ends[1].f_hz))
    }
}

impl Harmonics {
    /// Puts up to eight frequencies, in Hz, in place of the orders of a study of one group.
    fn retune(&mut self, frequencies_hz: &[f64]) -> Result<(), HarmonicError> {
        let last = frequencies_hz.last().copied().unwrap_or(self.f_hz);
        for group in &mut self.groups {
            group.order = std::array::from_fn(|lane| frequencies_hz.get(lane).copied().unwrap_or(last) / self.f_hz);
            group.evaluate(&self.grid, self.f_hz, &self.settings)?;
        }
        self.work_out_all();
        Ok(())
    }
}
