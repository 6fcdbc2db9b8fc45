//! What a case folder says.

use std::path::Path;

use indexmap::IndexMap;
use phasorbench::feeder::ControlMode;
use serde::Deserialize;

/// One folder.
pub struct Case {
    pub name: String,
    pub params: Params,
    pub reference: Reference,
}

/// `case.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    pub title: String,
    /// YAML feeder, from the repository's root.
    #[serde(default)]
    pub feeder: Option<String>,
    /// OpenDSS script of the same feeder.
    #[serde(default)]
    pub script: Option<String>,
    pub controls: ControlMode,
    /// Tap numbers before the first solve, by regulator.
    #[serde(default)]
    pub taps: IndexMap<String, i32>,
    /// Capacitor banks before the first solve.
    #[serde(default)]
    pub capacitors: IndexMap<String, BankState>,
    /// Lines out of service.
    #[serde(default)]
    pub open: Vec<String>,
    /// Largest error allowed, by quantity.
    pub tolerance: IndexMap<Quantity, f64>,
    /// Why it is known to fail.
    #[serde(default)]
    pub xfail: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankState {
    Open,
    Closed,
}

/// What is compared, each by its worst error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// Complex node voltage, per unit of the node's base.
    VoltagePu,
    /// Magnitude of a node voltage, per unit.
    MagnitudePu,
    /// Angle of a node voltage in degrees.
    AngleDeg,
    /// Complex power out of the sources, relative.
    Source,
    /// Complex losses, relative.
    Losses,
}

impl Quantity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::VoltagePu => "voltage_pu",
            Self::MagnitudePu => "magnitude_pu",
            Self::AngleDeg => "angle_deg",
            Self::Source => "source",
            Self::Losses => "losses",
        }
    }
}

type ByName<T> = IndexMap<String, T>;

/// `reference.json`. What it does not hold is not compared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Line-to-neutral voltage base of every bus in kV; with it the node list must be complete.
    #[serde(default)]
    pub bases_ln_kv: ByName<f64>,
    /// The result of a single solution.
    #[serde(flatten)]
    pub result: ReferenceResult,
    /// Names of the loads that `steps` set.
    #[serde(default)]
    pub loads: Vec<String>,
    /// The results of a time series.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// One step of a time series.
#[derive(Deserialize)]
pub struct Step {
    pub t_s: f64,
    /// Power of each load: kW, kvar.
    pub loads_kw_kvar: Vec<[f64; 2]>,
    #[serde(flatten)]
    pub result: ReferenceResult,
}

/// What one solution should give.
#[derive(Deserialize)]
pub struct ReferenceResult {
    /// Node voltages to ground in V: real and imaginary part.
    #[serde(default)]
    pub voltages_v: ByName<[f64; 2]>,
    /// Node voltages per unit and in degrees.
    #[serde(default)]
    pub voltages_pu_deg: ByName<[f64; 2]>,
    /// Power out of the sources in kVA.
    #[serde(default)]
    pub source_kva: Option<[f64; 2]>,
    /// Losses in VA.
    #[serde(default)]
    pub losses_va: Option<[f64; 2]>,
    /// Tap numbers, by regulator.
    #[serde(default)]
    pub taps: ByName<i32>,
    /// State of each step of each bank.
    #[serde(default)]
    pub capacitors: ByName<Vec<u8>>,
}

impl Case {
    /// The files it is solved from.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        [&self.params.feeder, &self.params.script].into_iter().filter_map(|file| file.as_deref())
    }

    fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = |file: &str| {
            std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{name}/{file}: {error}"))
        };
        let known = ["opendss_", "standard_", "hand_", "regress_"].iter().any(|authority| name.starts_with(authority));
        assert!(known, "{name}: a case's name starts with its authority");
        assert!(text("PROVENANCE.md").contains("Authority: "), "{name}/PROVENANCE.md names no authority");
        let params: Params =
            serde_yaml::from_str(&text("case.yaml")).unwrap_or_else(|error| panic!("{name}/case.yaml: {error}"));
        let reference: Reference = serde_json::from_str(&text("reference.json"))
            .unwrap_or_else(|error| panic!("{name}/reference.json: {error}"));
        Self { params, reference, name }
    }
}

/// All cases of a folder, by name.
pub fn all(folder: &Path) -> Vec<Case> {
    let entries = std::fs::read_dir(folder).expect("the folder of cases").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().map(|folder| Case::read(folder)).collect()
}
