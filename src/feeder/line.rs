//! Lines, switches and fuses, and what they refer to: line codes, wires, cables and geometries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Terminal, defaults as d};

/// A length unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Millimetre.
    Mm,
    /// Centimetre.
    Cm,
    /// Metre.
    M,
    /// Kilometre.
    Km,
    /// Inch.
    In,
    /// Foot.
    Ft,
    /// 1000 feet.
    Kft,
    /// Statute mile.
    Mi,
}

impl Unit {
    /// Metres in one of this unit.
    pub const fn metres(self) -> f64 {
        match self {
            Self::Mm => 0.001,
            Self::Cm => 0.01,
            Self::M => 1.0,
            Self::Km => 1000.0,
            Self::In => 0.0254,
            Self::Ft => 0.3048,
            Self::Kft => 304.8,
            Self::Mi => 1609.344,
        }
    }
}

/// A square matrix, full or lower triangle by rows (the upper is then its mirror).
pub type Matrix = Vec<Vec<f64>>;

/// Impedance and capacitance per unit length (`per`): phase matrices (`r_ohm`, `x_ohm`, `c_nf`) or sequence values.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineImpedance {
    /// Resistance matrix in ohm per unit length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_ohm: Option<Matrix>,
    /// Reactance matrix in ohm per unit length, at the feeder's frequency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_ohm: Option<Matrix>,
    /// Nodal capacitance matrix in nF per unit length. Without it: no shunt capacitance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_nf: Option<Matrix>,
    /// Positive-sequence resistance in ohm per unit length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r1_ohm: Option<f64>,
    /// Positive-sequence reactance in ohm per unit length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x1_ohm: Option<f64>,
    /// Zero-sequence resistance in ohm per unit length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r0_ohm: Option<f64>,
    /// Zero-sequence reactance in ohm per unit length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x0_ohm: Option<f64>,
    /// Positive-sequence capacitance in nF per unit length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c1_nf: Option<f64>,
    /// Zero-sequence capacitance in nF per unit length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c0_nf: Option<f64>,
}

/// How the earth's share of an impedance given at the feeder's frequency changes with frequency, by OpenDSS's rule:
/// at order h, R(h) = R + Rg (h - 1) and X(h) = h (X - Kxg ln(h)/2) in every entry of the matrix, with
/// Kxg = Xg / ln(658.5 sqrt(rho/f0)), a fit to Carson's equations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarthReturn {
    /// Rg in ohm per unit length (of a line code) or of the whole line.
    pub r_ohm: f64,
    /// Xg in ohm likewise.
    pub x_ohm: f64,
    /// Earth resistivity in ohm metres.
    #[serde(default = "d::hundred", skip_serializing_if = "d::is_hundred")]
    pub earth_ohm_m: f64,
}

impl Default for EarthReturn {
    /// OpenDSS's, whatever the unit length is: its numbers are for 1000 feet but are not converted.
    fn default() -> Self {
        Self { r_ohm: 0.01805, x_ohm: 0.155_081, earth_ohm_m: 100.0 }
    }
}

/// A conductor arrangement's impedance per unit length, for lines to refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineCode {
    /// Number of phases.
    pub phases: usize,
    /// The unit length that `impedance` is given for.
    pub per: Unit,
    /// Impedance and capacitance per unit length.
    pub impedance: LineImpedance,
    /// How the impedance changes with frequency, per the same unit length.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub earth_return: EarthReturn,
    /// Normal ampacity in A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal_a: Option<f64>,
    /// Emergency ampacity in A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_a: Option<f64>,
}

/// A line, cable, switch or fuse. Its impedance is one of: `code` with a length, `geometry` with a length, or `total`
/// (ohms of the whole line, no length needed). A length takes exactly one of `length_m`, `_km`, `_ft`, `_mi`.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Terminal 1.
    pub from: Terminal,
    /// Terminal 2.
    pub to: Terminal,
    /// Number of phases; that of the code or geometry when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases: Option<usize>,
    /// Name of a line code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Name of a geometry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geometry: Option<String>,
    /// Impedance (ohm) and capacitance (nF) of the whole line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<LineImpedance>,
    /// How `total` changes with frequency, for the whole line; R and X/h are constant when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earth_return: Option<EarthReturn>,
    /// Length in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_m: Option<f64>,
    /// Length in kilometres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_km: Option<f64>,
    /// Length in feet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_ft: Option<f64>,
    /// Length in miles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_mi: Option<f64>,
    /// Earth resistivity in ohm metres, for geometries.
    #[serde(default = "d::hundred", skip_serializing_if = "d::is_hundred")]
    pub earth_ohm_m: f64,
    /// It is a switch: drawn as one, and offered as one to contingencies.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub switch: bool,
    /// Rating in A of a fuse in series; exceeding it is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuse_a: Option<f64>,
    /// Out of service at the start (both ends open).
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub open: bool,
    /// Normal ampacity in A; that of the code when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal_a: Option<f64>,
    /// Emergency ampacity in A; that of the code when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_a: Option<f64>,
}

impl Line {
    /// The lengths given, each with its key and unit. A valid line has one at most.
    pub fn lengths(&self) -> impl Iterator<Item = (&'static str, f64, Unit)> {
        [
            ("length_m", self.length_m, Unit::M),
            ("length_km", self.length_km, Unit::Km),
            ("length_ft", self.length_ft, Unit::Ft),
            ("length_mi", self.length_mi, Unit::Mi),
        ]
        .into_iter()
        .filter_map(|(key, value, unit)| value.map(|v| (key, v, unit)))
    }

    /// Length in metres, if one was given.
    pub fn metres(&self) -> Option<f64> {
        self.lengths().next().map(|(_, value, unit)| value * unit.metres())
    }
}

/// Earth return model of lines given by geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EarthModel {
    /// Simplified Carson.
    Carson,
    /// Carson's series.
    FullCarson,
    /// Deri's complex depth, with Bessel skin effect.
    #[default]
    Deri,
}

/// A bare conductor. Give the radius or the diameter; the rest takes the usual estimates.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// AC resistance in ohm per km.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_ac_ohm_per_km: Option<f64>,
    /// DC resistance in ohm per km; `r_ac_ohm_per_km`/1.02 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r_dc_ohm_per_km: Option<f64>,
    /// Geometric mean radius in mm; 0.7788 of the radius when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gmr_mm: Option<f64>,
    /// Radius in mm; from the geometric mean radius when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius_mm: Option<f64>,
    /// Radius in mm for capacitance; `radius_mm` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacitance_radius_mm: Option<f64>,
    /// Normal ampacity in A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normal_a: Option<f64>,
    /// Emergency ampacity in A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_a: Option<f64>,
}

/// A concentric-neutral or tape-shielded cable: the conductor, its insulation and its screen.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cable {
    /// The phase conductor.
    pub conductor: Wire,
    /// Relative permittivity of the insulation.
    pub permittivity: f64,
    /// Thickness of the insulation in mm.
    pub insulation_mm: f64,
    /// Diameter over the insulation in mm.
    pub insulation_diameter_mm: f64,
    /// Outside diameter in mm.
    pub cable_diameter_mm: f64,
    /// Strands of a concentric neutral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strands: Option<ConcentricNeutral>,
    /// Tape shield.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tape: Option<TapeShield>,
}

/// Strands of a concentric neutral.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConcentricNeutral {
    /// Number of strands.
    pub count: u32,
    /// Strand diameter in mm.
    pub diameter_mm: f64,
    /// Strand geometric mean radius in mm; 0.7788 of the radius when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gmr_mm: Option<f64>,
    /// Resistance of one strand in ohm per km.
    pub r_ohm_per_km: f64,
}

/// A tape shield.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TapeShield {
    /// Diameter over the shield in mm.
    pub diameter_mm: f64,
    /// Tape thickness in mm.
    pub thickness_mm: f64,
    /// Lap in percent.
    pub lap_percent: f64,
}

/// Positions of conductors over (or under) ground.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Geometry {
    /// The first this many conductors are phases; the rest are reduced out as grounded.
    pub phases: usize,
    /// The conductors, phases first.
    pub conductors: Vec<Conductor>,
    /// Whether the conductors beyond the phases are reduced out (they are grounded neutrals).
    #[serde(default = "d::yes", skip_serializing_if = "d::is_yes")]
    pub reduce: bool,
}

/// One conductor of a geometry: a `wire` or a `cable`, and its position.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conductor {
    /// Name of a wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<String>,
    /// Name of a cable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cable: Option<String>,
    /// Horizontal position in m.
    pub x_m: f64,
    /// Height in m; negative under ground.
    pub h_m: f64,
}
