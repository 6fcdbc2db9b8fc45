//! Floor 2: the network as its owner describes it, and the readers that make one.
//!
//! A [`Feeder`] is plain data in the owner's units (every key carries its unit). It is the same whether it was read from
//! YAML or from an OpenDSS script; `solver::Grid` compiles it. Electrical meaning (how an element becomes admittances)
//! lives in `solver::element`, not here.

mod check;
mod control;
mod defaults;
mod expand;
mod fault;
mod generation;
mod line;
mod load;
pub mod opendss;
mod origin;
pub mod random;
mod reading;
mod shape;
mod shunt;
mod source;
mod spectrum;
mod terminal;
mod topology;
mod transformer;
pub mod yaml;

pub use check::check;
pub use control::*;
pub use expand::expand;
pub use fault::*;
pub use generation::*;
pub use line::*;
pub use load::*;
pub use origin::*;
pub use reading::*;
pub use shape::*;
pub use shunt::*;
pub use source::*;
pub use spectrum::*;
pub use terminal::*;
pub use topology::*;
pub use transformer::*;

use std::path::Path;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Severity};
use defaults as d;

/// Elements of one kind, by lower-case name, in the order in which their owner wrote them.
pub type Named<T> = IndexMap<String, T>;

/// A distribution feeder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Feeder {
    /// The feeder's name.
    pub feeder: String,
    /// One line about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where the numbers come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// Nominal frequency in Hz.
    #[serde(default = "d::sixty", skip_serializing_if = "d::is_sixty")]
    pub frequency_hz: f64,
    /// Line-to-line voltage bases in kV. Each bus takes the one nearest to its no-load voltage.
    pub voltage_bases_kv: Vec<f64>,
    /// How a study solves this feeder unless told otherwise.
    #[serde(default, skip_serializing_if = "Solve::is_default")]
    pub solve: Solve,
    /// Earth return model of lines given by geometry.
    #[serde(default, skip_serializing_if = "d::is_default")]
    pub earth_model: EarthModel,
    /// Buses that need more than a name: coordinates, an explicit base.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub buses: Named<Bus>,
    /// Voltage sources.
    pub sources: Named<Source>,
    /// Impedances per unit length, for lines to refer to.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub line_codes: Named<LineCode>,
    /// Bare conductors, for geometries to refer to.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub wires: Named<Wire>,
    /// Concentric-neutral and tape-shielded cables, for geometries to refer to.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub cables: Named<Cable>,
    /// Conductor positions, for lines to refer to.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub geometries: Named<Geometry>,
    /// Lines, cables, switches and fuses.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub lines: Named<Line>,
    /// Transformers, voltage regulators' windings included.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub transformers: Named<Transformer>,
    /// Voltage regulator controls.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub regulators: Named<Regulator>,
    /// Capacitor banks.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub capacitors: Named<Capacitor>,
    /// Capacitor controls.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub capacitor_controls: Named<CapacitorControl>,
    /// Series and shunt reactors.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub reactors: Named<Reactor>,
    /// Loads.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub loads: Named<Load>,
    /// Loads spread along a line.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub distributed_loads: Named<DistributedLoad>,
    /// Generators.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub generators: Named<Generator>,
    /// Photovoltaic systems.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub pv_systems: Named<PvSystem>,
    /// Storage systems.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub storages: Named<Storage>,
    /// Ideal current sources: emitters of harmonics above all.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub current_sources: Named<CurrentSource>,
    /// Harmonic spectra, for loads and sources to refer to; OpenDSS's own are known besides.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub spectra: Named<Spectrum>,
    /// Shunt faults.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub faults: Named<Fault>,
    /// Multiplier sequences over time.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub shapes: Named<Shape>,
    /// Where each part was written; not part of the description.
    #[serde(skip)]
    pub origins: Origins,
}

/// Reads a feeder file of any kind, by its extension: `.yaml`, `.yml`, or `.dss` for an OpenDSS script. What it returns
/// has been checked.
pub fn read(path: &Path) -> Reading {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    match extension.as_str() {
        "yaml" | "yml" => yaml::read(path),
        "dss" => checked(opendss::read(path)),
        _ => {
            let message = format!("{} is not a feeder file by its extension", path.display());
            let finding =
                Diagnostic::error("E0010", message).help("a feeder is a .yaml file or an OpenDSS .dss script");
            Reading { diagnostics: vec![finding], ..Reading::default() }
        }
    }
}

/// Findings that OpenDSS has a rule for: a script means something where a feeder file would be refused.
const RULED_BY_OPENDSS: [(&str, &str); 3] = [("E0203", "W0203"), ("E0207", "W0207"), ("E0243", "W0243")];

/// The reading of a script with the checks of meaning that every feeder goes through.
fn checked(mut reading: Reading) -> Reading {
    let found = reading.feeder.as_ref().map(check).unwrap_or_default();
    reading.diagnostics.extend(found.into_iter().map(|mut finding| {
        if let Some((_, warning)) = RULED_BY_OPENDSS.iter().find(|(error, _)| *error == finding.code) {
            (finding.severity, finding.code) = (Severity::Warning, warning);
        }
        finding
    }));
    if reading.diagnostics.iter().any(Diagnostic::is_error) {
        reading.feeder = None;
    }
    reading
}

/// How a study solves the feeder unless told otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Solve {
    /// Regulator and capacitor controls: `static` (to rest) or `off`. Default `static`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controls: Option<ControlMode>,
    /// Promised complex voltage error, per unit of the node's base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_pu: Option<f64>,
    /// Most iterations of one solve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_iterations: Option<u32>,
    /// Multiplies every load that is neither `fixed` nor `exempt`.
    #[serde(default = "d::one", skip_serializing_if = "d::is_one")]
    pub load_multiplier: f64,
    /// Spectrum of each load that names none; without it such loads emit nothing, and only their admittance counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_spectrum: Option<String>,
    /// At orders other than 1, loads have no admittance: they only emit.
    #[serde(default, skip_serializing_if = "d::is_no")]
    pub neglect_load_admittance: bool,
    /// The orders of a harmonic study; those of all spectra in use when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<Vec<f64>>,
}

impl Default for Solve {
    fn default() -> Self {
        Self {
            controls: None,
            tolerance_pu: None,
            max_iterations: None,
            load_multiplier: 1.0,
            load_spectrum: None,
            neglect_load_admittance: false,
            orders: None,
        }
    }
}

impl Solve {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What regulator and capacitor controls do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlMode {
    /// Taps and capacitors stay as they are.
    Off,
    /// Controls act until they rest; delays only order them.
    Static,
    /// Controls act by their delays as time goes on.
    Time,
}

/// A bus that needs more than a name.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// Horizontal coordinate, in any unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// Vertical coordinate, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<f64>,
    /// Line-to-line voltage base in kV, where the nearest of `voltage_bases_kv` would be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_kv: Option<f64>,
}
