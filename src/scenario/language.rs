//! The scenario file, key by key. Times are seconds since the start of the run unless said otherwise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vary::Distribution;
use crate::feeder::{ControlMode, Named, Terminal};

/// A scenario: what happens to a feeder, and what is recorded of it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The scenario's name; results go to `results/<scenario>/`.
    pub scenario: String,
    /// One line about it: the title of the report.
    #[serde(default)]
    pub title: Option<String>,
    /// The feeder file, relative to this one: `.yaml`, or an OpenDSS script `.dss`.
    pub feeder: String,
    /// The clock at the start, in s since midnight. Profiles and clock-driven controls follow the clock.
    #[serde(default)]
    pub start_s: f64,
    /// How long the run lasts, in s: a whole number of steps.
    pub duration_s: f64,
    /// Length of a step in s: a whole number of nanoseconds. The first solved instant is one step after the start.
    pub step_s: f64,
    /// Seed of everything random; the same seed gives the same bytes.
    #[serde(default)]
    pub seed: u64,
    /// Regulator and capacitor controls: `time` (by their delays, the default unless the feeder's file says `off`),
    /// `static` (to rest at every step) or `off`.
    #[serde(default)]
    pub controls: Option<ControlMode>,
    /// Multiplies every load that is neither `fixed` nor `exempt`; the feeder's own when not given.
    #[serde(default)]
    pub load_multiplier: Option<f64>,
    /// Which of the feeder's own shapes its loads follow: `daily`, `yearly`, `duty` or `none`.
    #[serde(default)]
    pub feeder_shapes: ShapeClass,
    /// Multipliers over time, for loads to refer to.
    #[serde(default)]
    pub profiles: Named<Profile>,
    /// Name of the profile (or of a shape of the feeder) that loads follow unless they have one of their own.
    #[serde(default)]
    pub load_shape: Option<String>,
    /// Loads that differ from the feeder's description, by name.
    #[serde(default)]
    pub loads: Named<LoadSetting>,
    /// Tap of regulator controls at the start, in steps from neutral, by name.
    #[serde(default)]
    pub taps: Named<i32>,
    /// Capacitor banks at the start, by name.
    #[serde(default)]
    pub capacitors: Named<SwitchState>,
    /// Lines at the start, by name.
    #[serde(default)]
    pub lines: Named<SwitchState>,
    /// What happens, and when.
    #[serde(default)]
    pub events: Vec<Event>,
    /// What is recorded.
    #[serde(default)]
    pub outputs: Option<Outputs>,
    /// What a sweep varies: paths into this file (`load_multiplier`, `loads.671.scale`, `loads.*.scale`, `events.0.at_s`)
    /// and what their values are drawn from. A run takes what is written elsewhere.
    #[serde(default)]
    pub vary: Named<Distribution>,
}

/// Which of the feeder's own shapes its loads follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShapeClass {
    /// Those of a daily study.
    #[default]
    Daily,
    /// Those of a yearly study.
    Yearly,
    /// Those of a duty-cycle study.
    Duty,
    /// None: constant unless the scenario says otherwise.
    None,
}

/// Values over time, repeated after the last: multipliers (`p`, `q`) or powers (`p_kw`, `q_kvar`), every `interval_s`
/// or `at_s`, written here or in a CSV `file` whose header names its columns `t_s`, `p`, `q`, `p_kw`, `q_kvar`.
///
/// With `interval_s`, the value at clock time t is that of point round(t/interval), the first point standing at
/// t = interval and the last one at 0, too; with `interpolate`, `at_s` or a `t_s` column it is interpolated linearly.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// A CSV file, relative to the scenario; excludes values written here.
    #[serde(default)]
    pub file: Option<String>,
    /// Time between points in s; excludes `at_s`.
    #[serde(default)]
    pub interval_s: Option<f64>,
    /// With `interval_s`: values are interpolated linearly, the first point standing at t = interval.
    #[serde(default)]
    pub interpolate: bool,
    /// Clock time of each point in s, increasing; excludes `interval_s`.
    #[serde(default)]
    pub at_s: Option<Vec<f64>>,
    /// Multipliers of active power.
    #[serde(default)]
    pub p: Option<Vec<f64>>,
    /// Multipliers of reactive power; those of active power when not given.
    #[serde(default)]
    pub q: Option<Vec<f64>>,
    /// Active power in kW, in place of multipliers.
    #[serde(default)]
    pub p_kw: Option<Vec<f64>>,
    /// Reactive power in kvar, with `p_kw`; at the load's own power factor when not given.
    #[serde(default)]
    pub q_kvar: Option<Vec<f64>>,
}

/// How a load differs from the feeder's description.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadSetting {
    /// Name of the profile (or of a shape of the feeder) it follows.
    #[serde(default)]
    pub profile: Option<String>,
    /// Multiplies its power, beside profile and load multiplier.
    #[serde(default = "one")]
    pub scale: f64,
}

/// Open or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SwitchState {
    /// Not connected.
    Open,
    /// Connected.
    Closed,
}

/// Something that happens at one time: `at_s` and exactly one of the other keys (`reclose_after_s` belongs to `open`).
///
/// An event takes effect in the step that ends at `at_s`: its row in the record is the first to show it. Those at 0 are
/// in effect from the first step on. Events at one time happen in the order written.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in s since the start: on a step.
    pub at_s: f64,
    /// A load takes another nominal power or scale.
    #[serde(default)]
    pub load: Option<LoadEvent>,
    /// A new load appears.
    #[serde(default)]
    pub add_load: Option<AddedLoad>,
    /// A line opens (all phases, both ends).
    #[serde(default)]
    pub open: Option<String>,
    /// With `open`: it closes again after this many s.
    #[serde(default)]
    pub reclose_after_s: Option<f64>,
    /// A line closes.
    #[serde(default)]
    pub close: Option<String>,
    /// Regulators go to a tap, in steps from neutral.
    #[serde(default)]
    pub tap: Option<Named<i32>>,
    /// Regulators move by some taps, up or (negative) down.
    #[serde(default)]
    pub move_tap: Option<Named<i32>>,
    /// Capacitor banks switch.
    #[serde(default)]
    pub capacitor: Option<Named<SwitchState>>,
    /// The load multiplier changes.
    #[serde(default)]
    pub load_multiplier: Option<f64>,
}

/// A load's new nominal power (`p_kw`, `q_kvar`: what is not given stays) or scale. Its profile, the scale and the load
/// multiplier go on multiplying the nominal power.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadEvent {
    /// The load.
    pub name: String,
    /// Nominal active power in kW, all phases.
    #[serde(default)]
    pub p_kw: Option<f64>,
    /// Nominal reactive power in kvar, all phases.
    #[serde(default)]
    pub q_kvar: Option<f64>,
    /// Multiplies its power, in place of its scale so far.
    #[serde(default)]
    pub scale: Option<f64>,
}

/// A new load of constant power, wye-connected, that nothing multiplies.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddedLoad {
    /// Where: a bus with the nodes of its phases, as in `634.1`; without nodes, all phases of the bus.
    pub bus: Terminal,
    /// Active power in kW, all phases.
    pub p_kw: f64,
    /// Reactive power in kvar, all phases.
    #[serde(default)]
    pub q_kvar: f64,
    /// It disappears again after this many s; it stays when not given.
    #[serde(default)]
    pub for_s: Option<f64>,
}

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
    /// Time between rows in s, a whole number of steps; every step when not given.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// Lowest and highest voltage that count as good, per unit of the node's base.
    #[serde(default = "limits")]
    pub limits_pu: [f64; 2],
}

impl Default for Outputs {
    fn default() -> Self {
        Self { voltages: Buses::default(), angles: false, every_s: None, limits_pu: limits() }
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

fn one() -> f64 {
    1.0
}

fn limits() -> [f64; 2] {
    [0.95, 1.05]
}
