//! What a scenario says about what is recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::feeder::Terminal;

/// What is recorded. Source power, losses, taps, capacitor steps and the extremes of all voltages always are.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// Buses whose voltages are recorded: a list of names, or `all`.
    #[serde(default)]
    pub voltages: Buses,
    /// Record angles, too.
    #[serde(default)]
    pub angles: bool,
    /// More quantities, by name: `phasorbench quantities SCENARIO` lists what there is. Those that expectations and
    /// conditions name are recorded, too.
    #[serde(default)]
    pub quantities: Vec<String>,
    /// Time between rows in s, a whole number of steps; every step when not given.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// Lowest and highest voltage that count as good, per unit of the node's base.
    #[serde(default = "limits")]
    pub limits_pu: [f64; 2],
    /// P–V curves in the report, with the points at which the run stands.
    #[serde(default)]
    pub pv: Option<PvOutput>,
}

/// P–V curves of a bus in the report, before and after a loss, with points of the run's own.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PvOutput {
    /// The bus: all its phases, or the nodes written as in `675.1`.
    pub at: Terminal,
    /// A line or transformer, with its kind before it where both have the name: the second curve is without it.
    #[serde(default)]
    pub outage: Option<String>,
    /// Points of the run that are marked on the curves.
    pub points: Vec<PvPointSetting>,
}

/// A point of the run.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PvPointSetting {
    /// What it is called: a letter, or a short word.
    pub name: String,
    /// When, in s since the start: a step of the run.
    pub at_s: f64,
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            voltages: Buses::default(),
            angles: false,
            quantities: Vec::new(),
            every_s: None,
            limits_pu: limits(),
            pv: None,
        }
    }
}

/// Some buses, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(untagged)]
pub enum Buses {
    /// All buses.
    All(All),
    /// These.
    These(Vec<String>),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum All {
    /// All there are.
    All,
}

impl Default for Buses {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Buses {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Buses;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of buses, or all")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Buses, E> {
                match text {
                    "all" => Ok(Buses::All(All::All)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Buses, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = items.next_element::<String>()? {
                    names.push(name.to_lowercase());
                }
                Ok(Buses::These(names))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn limits() -> [f64; 2] {
    [0.95, 1.05]
}
