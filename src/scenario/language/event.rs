//! Events: what happens, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CommunicationEvent, DeviceEvent, FilterState, PmuEvent, SensorEvent, SetPointEvent, SwitchState, TargetEvent,
};
use crate::feeder::{FaultKind, Named, Terminal};

/// Something that happens: a time (`at_s`, with `every_s` again and again) or a condition (`when`), and exactly one of
/// the keys that say what.
///
/// An event takes effect in the step that ends at `at_s`: its row in the record is the first to show it. Those at 0 are
/// in effect from the first step on. Events at one time happen in the order written. A condition is looked at after each
/// step; what it sets off takes effect in the next one.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in s since the start: on a step.
    #[serde(default)]
    pub at_s: Option<f64>,
    /// With `at_s`: again every so many s, until the end or `times` times.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// With `every_s` or `when`: how often, at most. A condition sets its event off once when not given.
    #[serde(default)]
    pub times: Option<u32>,
    /// The condition that sets it off, in place of a time.
    #[serde(default)]
    pub when: Option<Condition>,
    /// It is over after this many s, and things are as they were: of `add_load`, `lose_phase`, `lose`, `source`, `sag`,
    /// `frequency_hz`, `fault`, `emission`, `scale_background`,
    /// `communication`, `sensor` and `pmu`.
    #[serde(default)]
    pub for_s: Option<f64>,
    /// A load takes another nominal power or scale.
    #[serde(default)]
    pub load: Option<LoadEvent>,
    /// A new load appears.
    #[serde(default)]
    pub add_load: Option<AddedLoad>,
    /// A line, transformer or series reactor opens (all phases, both ends). Where two kinds share a name, the kind
    /// comes first: `transformer.xfm1`.
    #[serde(default)]
    pub open: Option<String>,
    /// With `open`: it closes again after this many s. With `when`, a list has one entry for each trip that closes
    /// again; the trip after the last stays open (lockout).
    #[serde(default)]
    pub reclose_after_s: Option<Reclosing>,
    /// A line, transformer or series reactor closes.
    #[serde(default)]
    pub close: Option<String>,
    /// Single conductors of a line open (both ends).
    #[serde(default)]
    pub lose_phase: Option<LostPhase>,
    /// Something that stands at a bus is lost: a capacitor bank, generator, photovoltaic system, storage, load, source or
    /// device.
    #[serde(default)]
    pub lose: Option<String>,
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
    /// Profiles are multiplied by a factor, in place of the factor so far.
    #[serde(default)]
    pub scale_profile: Option<Named<f64>>,
    /// A source's voltage takes another magnitude or angle, on all phases or some (unbalance, phase jump).
    #[serde(default)]
    pub source: Option<SourceEvent>,
    /// The source's voltage falls to a part of what it is, on all phases or some.
    #[serde(default)]
    pub sag: Option<Sag>,
    /// The frequency of all sources changes, and with it every reactance. Angles stay relative to the sources.
    #[serde(default)]
    pub frequency_hz: Option<f64>,
    /// A fault at a bus.
    #[serde(default)]
    pub fault: Option<FaultEvent>,
    /// A device takes another set-point of its own.
    #[serde(default)]
    pub device: Option<DeviceEvent>,
    /// All units of an inverter emit so many times as much as they should, by the device's name; 1 mends them.
    #[serde(default)]
    pub emission: Option<Named<f64>>,
    /// Backgrounds are multiplied by a factor, in place of the factor so far.
    #[serde(default)]
    pub scale_background: Option<Named<f64>>,
    /// Active filters are switched on or off.
    #[serde(default)]
    pub active_filter: Option<Named<FilterState>>,
    /// Somebody has seen to a phasor controller, by its name: its clocks are right, its actuators work.
    #[serde(default)]
    pub acknowledge: Option<String>,
    /// A phasor controller takes another target.
    #[serde(default)]
    pub target: Option<TargetEvent>,
    /// An S-PBC takes another set-point of its head.
    #[serde(default)]
    pub set_point: Option<SetPointEvent>,
    /// Communication with an instrument or a controller is lost or late.
    #[serde(default)]
    pub communication: Option<CommunicationEvent>,
    /// A sensor of an instrument fails.
    #[serde(default)]
    pub sensor: Option<SensorEvent>,
    /// The time of a PMU goes wrong.
    #[serde(default)]
    pub pmu: Option<PmuEvent>,
}

/// A quantity beyond a limit for some time, at every step.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The quantity: `phasorbench quantities SCENARIO` lists them.
    pub quantity: String,
    /// It is above this.
    #[serde(default)]
    pub above: Option<f64>,
    /// It is below this.
    #[serde(default)]
    pub below: Option<f64>,
    /// For so long, in s: a whole number of steps. At one step when not given.
    #[serde(default)]
    pub held_s: Option<f64>,
}

/// When something that opened closes again: s after opening, for the first time, the second …
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(untagged)]
pub enum Reclosing {
    /// Once.
    Once(f64),
    /// As often as there are entries.
    Shots(Vec<f64>),
}

impl Reclosing {
    /// The times, one for each closing.
    pub fn shots(&self) -> &[f64] {
        match self {
            Self::Once(after_s) => std::slice::from_ref(after_s),
            Self::Shots(shots) => shots,
        }
    }
}

impl<'de> Deserialize<'de> for Reclosing {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Reclosing;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of seconds, or a list of them")
            }

            fn visit_f64<E: serde::de::Error>(self, after_s: f64) -> Result<Reclosing, E> {
                Ok(Reclosing::Once(after_s))
            }

            #[allow(clippy::cast_precision_loss, reason = "seconds")]
            fn visit_i64<E: serde::de::Error>(self, after_s: i64) -> Result<Reclosing, E> {
                Ok(Reclosing::Once(after_s as f64))
            }

            #[allow(clippy::cast_precision_loss, reason = "seconds")]
            fn visit_u64<E: serde::de::Error>(self, after_s: u64) -> Result<Reclosing, E> {
                Ok(Reclosing::Once(after_s as f64))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Reclosing, A::Error> {
                let mut shots = Vec::new();
                while let Some(after_s) = items.next_element()? {
                    shots.push(after_s);
                }
                Ok(Reclosing::Shots(shots))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
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
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddedLoad {
    /// Where: a bus with the nodes of its phases, as in `634.1`; without nodes, all phases of the bus.
    pub bus: Terminal,
    /// Active power in kW, all phases.
    pub p_kw: f64,
    /// Reactive power in kvar, all phases.
    #[serde(default)]
    pub q_kvar: f64,
    /// The voltages per unit between which its power is constant; beyond, it is an impedance.
    #[serde(default = "usual_band")]
    pub band_pu: [f64; 2],
}

const fn usual_band() -> [f64; 2] {
    [0.95, 1.05]
}

/// Conductors of a line that open.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LostPhase {
    /// The line.
    pub line: String,
    /// The phases, as in `a` or `bc`: nodes 1, 2, 3 of its first terminal.
    pub phases: String,
}

/// A source's voltage relative to what the feeder says; what is not given stays.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceEvent {
    /// The source; may be left out when there is one.
    #[serde(default)]
    pub name: Option<String>,
    /// The phases, as in `a` or `bc`; all when not given.
    #[serde(default)]
    pub phases: Option<String>,
    /// Magnitude, per unit of the feeder's own.
    #[serde(default)]
    pub v_pu: Option<f64>,
    /// Angle ahead of the feeder's own, in degrees.
    #[serde(default)]
    pub angle_deg: Option<f64>,
}

/// A voltage sag at a source.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sag {
    /// What is left, as a share of the voltage before: 0.6 is a sag by 40 %.
    pub to: f64,
    /// The source; may be left out when there is one.
    #[serde(default)]
    pub source: Option<String>,
    /// The phases, as in `a` or `bc`; all when not given.
    #[serde(default)]
    pub phases: Option<String>,
}

/// A fault at a bus.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultEvent {
    /// Its name in quantities (`fault.NAME.i_a`); `fault1`, `fault2` … when not given.
    #[serde(default)]
    pub name: Option<String>,
    /// The bus.
    pub bus: String,
    /// What touches what.
    #[serde(rename = "type")]
    pub kind: FaultKind,
    /// The phases it is on, as in `a` or `bc`; the first that the bus has when not given.
    #[serde(default)]
    pub phases: Option<String>,
    /// Resistance between the conductors, or from a conductor to ground, in ohm; 0 is a bolted fault.
    #[serde(default)]
    pub r_ohm: f64,
    /// Resistance in ohm from the point in which several phases meet to ground; each goes to ground alone without it.
    #[serde(default)]
    pub r_ground_ohm: Option<f64>,
}
