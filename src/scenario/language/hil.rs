//! Real devices in the place of simulated ones.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::feeder::Named;

/// A real device, or an emulated one on a real protocol, that takes the place of a device or an instrument of the scenario.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HilSetting {
    /// What it is: a file with its description, relative to this one.
    pub is: String,
    /// Where it is: an address as in `tcp://192.0.2.10:502` or `rtu:///dev/ttyUSB0?baud=9600`, or `emulated`. `serve:` before
    /// an address turns it round: a controller outside finds the simulated one there; `serve` alone has a controller in the
    /// bench. A run with an address keeps pace with the clock.
    #[serde(default = "emulated")]
    pub at: String,
    /// How the lab's quantities relate to the network's.
    #[serde(default)]
    pub scale: ScaleSetting,
    /// How many of the units that the device stands for are real, as in `1 of 60`; the others stay simulated. All of it when
    /// not given.
    #[serde(default)]
    pub replaces: Option<String>,
    /// What takes its place when it is lost.
    #[serde(default)]
    pub on_loss: OnLoss,
    /// Time in s without a sample after which it is lost; three of its polls when not given.
    #[serde(default)]
    pub lost_after_s: Option<f64>,
    /// Time in s between its samples; its description's when not given, and not shorter than a step.
    #[serde(default)]
    pub poll_s: Option<f64>,
    /// Time in s over which it takes over from the simulated one, at the start and after a loss.
    #[serde(default = "ramp_in_s")]
    pub ramp_in_s: f64,
    /// Time constant in s of the filter between what it measures and the network.
    #[serde(default)]
    pub filter_s: f64,
    /// Fastest change of its power, in the network's kW/s, that is not taken for a fault.
    #[serde(default)]
    pub slew_kw_per_s: Option<f64>,
    /// Of an amplifier: the real device that it gives the network's voltage to, by its name.
    #[serde(default)]
    pub feeds: Option<String>,
    /// Of an amplifier: fastest change of its voltages, in the lab's V/s.
    #[serde(default)]
    pub slew_v_per_s: Option<f64>,
    /// Closes the loop although the check of its stability says no.
    #[serde(default)]
    pub forced: bool,
    /// Watches it and commands nothing: the simulated device stays in the loop.
    #[serde(default)]
    pub dry_run: bool,
    /// Of an instrument: the point behind a channel, where names do not tell.
    #[serde(default)]
    pub points: Named<String>,
    /// What goes wrong with an emulated one, and when: lines as in `10s..20s: freeze`.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Of what is served: whether a controller may command it; else it only reads.
    #[serde(default)]
    pub writable: bool,
    /// Of what is served: the IP addresses that may connect; this machine alone when not given.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Of what is served without an address: what the controller in the bench commands, and when: lines as in
    /// `2s: p_w 5000` or `8s: release`.
    #[serde(default)]
    pub commands: Vec<String>,
}

fn emulated() -> String {
    "emulated".into()
}

fn ramp_in_s() -> f64 {
    1.0
}

/// How a lab's quantities relate to the network's: the network's is the lab's times this.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleSetting {
    /// Of powers.
    #[serde(default = "one")]
    pub power: f64,
    /// Of voltages. When not given, a lab of 230 V for a bus above 1 kV, and the bus's own voltage below.
    #[serde(default)]
    pub voltage: Option<f64>,
    /// Of currents.
    #[serde(default = "one")]
    pub current: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for ScaleSetting {
    fn default() -> Self {
        Self { power: 1.0, voltage: None, current: 1.0 }
    }
}

/// What takes the place of a device that is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnLoss {
    /// The simulated one.
    #[default]
    Twin,
    /// What it gave last.
    Hold,
    /// Nothing.
    Zero,
    /// The run ends.
    Stop,
}
