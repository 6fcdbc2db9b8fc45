//! The words of a device description (`hil/*.yaml`), as they are written.

use std::path::PathBuf;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Converts power, and can be told how much.
    Inverter,
    /// A charger of a vehicle, one way or both.
    Charger,
    /// Measures voltage, current, power.
    Meter,
    /// Measures harmonics too.
    Analyser,
    /// Measures phasors against an absolute clock.
    Pmu,
    /// Makes a voltage: a grid simulator.
    Amplifier,
    /// Controls others: the bench stands in for what it controls.
    Controller,
}

/// The head of a description: all but its points.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its name.
    pub device: String,
    /// A line about it.
    #[serde(default)]
    pub title: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// It speaks Modbus, so.
    #[serde(default)]
    pub modbus: Option<ModbusHead>,
    /// It speaks CAN, so.
    #[serde(default)]
    pub can: Option<CanHead>,
    /// It is a PMU of IEEE C37.118.
    #[serde(default)]
    pub c37118: Option<C37118Head>,
    /// It speaks SCPI.
    #[serde(default)]
    pub scpi: Option<ScpiHead>,
    /// Rated apparent power in VA.
    #[serde(default)]
    pub s_rated_va: Option<f64>,
    /// Time between samples in s.
    #[serde(default = "poll_s")]
    pub poll_s: f64,
    /// Time in s that the device may take to answer.
    #[serde(default = "timeout_s")]
    pub timeout_s: f64,
    /// Time in s after which values that do not change at all are taken for frozen; none where they may stand still.
    #[serde(default)]
    pub frozen_after_s: Option<f64>,
    /// What it reads as when it is the device that is meant.
    #[serde(default)]
    pub identity: Vec<Identity>,
    /// What can be read, by name.
    #[serde(default)]
    pub points: IndexMap<String, Point>,
    /// What can be set, by name.
    #[serde(default)]
    pub set_points: IndexMap<String, SetPoint>,
    /// Written once before the first set-point.
    #[serde(default)]
    pub begin: Vec<Write>,
    /// Written each time after the set-points.
    #[serde(default)]
    pub commit: Vec<Write>,
    /// Written at the end, after the safe state.
    #[serde(default)]
    pub release: Vec<Write>,
    /// Timers of the device's own by which it leaves its set-points when nobody speaks to it any more.
    #[serde(default)]
    pub reversion: Vec<Reversion>,
    /// A counter that the device wants to see move.
    #[serde(default)]
    pub heartbeat: Option<Heartbeat>,
    /// A counter of the device's own that must move.
    #[serde(default)]
    pub alive: Option<Alive>,
}

fn poll_s() -> f64 {
    0.1
}

fn timeout_s() -> f64 {
    0.5
}

/// How a Modbus device is spoken to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModbusHead {
    /// Its unit, unless the address says another.
    #[serde(default = "unit")]
    pub unit: u8,
    /// Which word of a value of several comes first.
    #[serde(default)]
    pub words: Ends,
    /// Which byte of a word comes first.
    #[serde(default)]
    pub bytes: Ends,
    /// Whether it is on a serial line when it is emulated in the bench; an address says so by itself.
    #[serde(default)]
    pub serial: bool,
    /// The number of the first register in this description's addresses: 0 as on the wire, or 1 as in many manuals.
    #[serde(default)]
    pub first_register: u16,
    /// The most registers that it gives in one answer.
    #[serde(default = "most_registers")]
    pub most_registers: u16,
    /// The most registers that nobody wants and that are read to save a request.
    #[serde(default = "most_gap")]
    pub most_gap: u16,
    /// Time in s that it needs between an answer and the next request.
    #[serde(default)]
    pub spacing_s: f64,
    /// Where the marker of SunSpec may be; tried in this order.
    #[serde(default)]
    pub sunspec: Option<Vec<u16>>,
    /// How it is spoken to in TLS, at an address that begins with `tls://`.
    #[serde(default)]
    pub tls: Option<TlsHead>,
}

/// Whom to trust in TLS, and who we are. Files are PEM, from this file's folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsHead {
    /// Certificates of the authorities that may have signed the device's.
    pub ca: PathBuf,
    /// The certificate that is shown to a device that asks for one, with its role in it.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its key.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// The name that the device's certificate is for; the address's host where it is not given.
    #[serde(default)]
    pub name: Option<String>,
}

impl TlsHead {
    /// All its files.
    pub fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [Some(&mut self.ca), self.certificate.as_mut(), self.key.as_mut()].into_iter().flatten()
    }
}

fn unit() -> u8 {
    1
}

fn most_registers() -> u16 {
    125
}

fn most_gap() -> u16 {
    8
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The most significant.
    #[default]
    HighFirst,
    /// The least significant.
    LowFirst,
}

/// How a CAN device is spoken to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanHead {
    /// Its DBC file, from this file's folder.
    pub database: String,
    /// Messages that are sent again and again, by name.
    #[serde(default)]
    pub send: IndexMap<String, CanSend>,
    /// Messages that are watched otherwise than by the database's cycle times, by name.
    #[serde(default)]
    pub hear: IndexMap<String, CanHear>,
    /// Its power is told as a current, in one signal for each way; `p_w` is worked out of it.
    #[serde(default)]
    pub both_ways: Option<Box<CanBothWays>>,
}

/// A power that is told as a current's size, in one signal for each way. Signals as in `MESSAGE.SIGNAL`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanBothWays {
    /// Where the current out of the battery goes, in A: what is positive.
    pub discharge: String,
    /// Where the current into the battery goes, in A.
    pub charge: String,
    /// The voltage in V that power is divided by.
    pub voltage: String,
    /// The most that it gives now, in A.
    pub most_discharge: String,
    /// The most that it takes now, in A.
    pub most_charge: String,
    /// What it says while current may flow, by signal.
    #[serde(default, rename = "while")]
    pub while_is: IndexMap<String, f64>,
}

/// A message that is sent again and again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanSend {
    /// Time between two in s; the database's where it is not given.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// Signals that never change.
    #[serde(default)]
    pub fixed: IndexMap<String, f64>,
    /// Signals by what they are in the safe state and while it is commanded: an enabling bit is [0, 1].
    #[serde(default)]
    pub switched: IndexMap<String, [f64; 2]>,
    /// A signal that counts the messages.
    #[serde(default)]
    pub counter: Option<String>,
    /// How many values it has.
    #[serde(default = "counter_steps")]
    pub counter_steps: u64,
}

/// A message that is watched.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanHear {
    /// Time between two in s; the database's where it is not given.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// It is missed after so many periods without it.
    #[serde(default = "periods")]
    pub periods: u32,
    /// A signal that must go up by one from message to message.
    #[serde(default)]
    pub counter: Option<String>,
    /// How many values it has.
    #[serde(default = "counter_steps")]
    pub counter_steps: u64,
}

fn counter_steps() -> u64 {
    16
}

fn periods() -> u32 {
    3
}

/// How a PMU is spoken to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct C37118Head {
    /// Its identification code, unless the address says another.
    #[serde(default = "id_code")]
    pub id: u16,
    /// The clock that its angles hold against; they are not compared with those of another.
    #[serde(default = "clock")]
    pub clock: String,
    /// The largest time error in s that a phasor may have and still be used.
    #[serde(default = "time_error_s")]
    pub time_error_s: f64,
}

fn id_code() -> u16 {
    1
}

fn clock() -> String {
    "gps".into()
}

fn time_error_s() -> f64 {
    1e-5
}

/// How an instrument of SCPI is spoken to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScpiHead {
    /// Asked for its errors with this after each set of commands; an answer that begins with 0 or "No error" is none.
    #[serde(default)]
    pub errors: Option<String>,
}

/// A struct with the keys that say where a value is and how it is coded, and its own after them. (Serde cannot both flatten
/// a struct into another and refuse keys that neither knows.)
macro_rules! with_register {
    ($(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// A holding register (function 3).
            #[serde(default)]
            pub holding: Option<u16>,
            /// An input register (function 4).
            #[serde(default)]
            pub input: Option<u16>,
            /// A coil (function 1).
            #[serde(default)]
            pub coil: Option<u16>,
            /// A discrete input (function 2).
            #[serde(default)]
            pub discrete: Option<u16>,
            /// Points of SunSpec models, as in `701.W`: the first whose model the device has.
            #[serde(default)]
            pub sunspec: Option<OneOrMore>,
            /// A signal of a CAN message, as in `STATUS.V_DC`.
            #[serde(default)]
            pub can: Option<String>,
            /// A phasor of a PMU by its name; the point takes what its name asks for: `.._v`, `.._a`, `angle_deg`.
            #[serde(default)]
            pub phasor: Option<String>,
            /// What a PMU says beside its phasors.
            #[serde(default)]
            pub pmu: Option<PmuValue>,
            /// A question of SCPI, as in `MEAS:VOLT? (@1)`; of a set-point the command, with `{}` for the value.
            #[serde(default)]
            pub scpi: Option<String>,
            /// Which of the values of an answer of SCPI it is, from 1.
            #[serde(default)]
            pub part: Option<u16>,
            /// How it is coded; of SunSpec, CAN and PMU points known.
            #[serde(default, rename = "as")]
            pub coding: Option<String>,
            /// What the number is multiplied with.
            #[serde(default)]
            pub scale: Option<f64>,
            /// A register that holds a power of ten that the number is multiplied with.
            #[serde(default)]
            pub exponent: Option<Exponent>,
            /// What is added after that.
            #[serde(default)]
            pub offset: Option<f64>,
            /// Raw words that mean that there is no value, beside those that are the coding's.
            #[serde(default)]
            pub absent: Vec<u64>,
            /// Words in another order than the device's others.
            #[serde(default)]
            pub words: Option<Ends>,
            $($own)*
        }

        impl $name {
            /// Where it is and how it is coded.
            pub fn register(&self) -> Register {
                Register {
                    holding: self.holding,
                    input: self.input,
                    coil: self.coil,
                    discrete: self.discrete,
                    sunspec: self.sunspec.as_ref().map(|own| own.all().to_vec()).unwrap_or_default(),
                    can: self.can.clone(),
                    phasor: self.phasor.clone(),
                    pmu: self.pmu,
                    scpi: self.scpi.clone(),
                    part: self.part,
                    coding: self.coding.clone(),
                    scale: self.scale,
                    exponent: self.exponent,
                    offset: self.offset,
                    absent: self.absent.clone(),
                    words: self.words,
                }
            }
        }
    };
}

/// Where a value is, and how it is coded, as it is written. Exactly one place should be given.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the keys of a point")]
pub struct Register {
    pub holding: Option<u16>,
    pub input: Option<u16>,
    pub coil: Option<u16>,
    pub discrete: Option<u16>,
    pub sunspec: Vec<String>,
    pub can: Option<String>,
    pub phasor: Option<String>,
    pub pmu: Option<PmuValue>,
    pub scpi: Option<String>,
    pub part: Option<u16>,
    pub coding: Option<String>,
    pub scale: Option<f64>,
    pub exponent: Option<Exponent>,
    pub offset: Option<f64>,
    pub absent: Vec<u64>,
    pub words: Option<Ends>,
}

/// One, or several of which the first that there is counts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

impl OneOrMore {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(own) => std::slice::from_ref(own),
            Self::More(all) => all,
        }
    }
}

/// A register with a power of ten.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exponent {
    /// A holding register.
    #[serde(default)]
    pub holding: Option<u16>,
    /// An input register.
    #[serde(default)]
    pub input: Option<u16>,
}

/// What a PMU says beside its phasors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PmuValue {
    /// Frequency in Hz.
    Frequency,
    /// Its rate of change in Hz/s.
    Rocof,
    /// Largest time error in s, as its status says.
    TimeError,
    /// Whether its clock is locked.
    Locked,
}

/// Which way a power counts as positive at the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Positive {
    /// Into the network, as everywhere in PhasorBench.
    #[default]
    Injected,
    /// Out of the network.
    Consumed,
}

with_register! {
    /// A value that is read.
    pub struct Point {
        /// What it can be; anything else is an error of the map or the device.
        #[serde(default)]
        pub range: Option<[f64; 2]>,
        /// Which way counts as positive.
        #[serde(default)]
        pub positive: Positive,
        /// A device without it is the same device.
        #[serde(default)]
        pub optional: bool,
        /// What an emulated device answers.
        #[serde(default)]
        pub emulated: Option<f64>,
    }
}

with_register! {
    /// A value that is set.
    pub struct SetPoint {
        /// What it may be: nothing outside is ever written.
        pub range: [f64; 2],
        /// What it is in the safe state.
        pub safe: f64,
        /// Which way counts as positive.
        #[serde(default)]
        pub positive: Positive,
        /// Whether it is read back after it was written and must be what was.
        #[serde(default = "yes")]
        pub read_back: bool,
        /// Of CAN: the signal by which the device says what it holds to, as in `Grid.AcceptedPower`.
        #[serde(default)]
        pub confirmed_by: Option<String>,
        /// Of SCPI: the question that reads it back, where it is not the command with a ? in place of the value.
        #[serde(default)]
        pub read_back_scpi: Option<String>,
        /// Of SCPI: how far what reads back may be off, in its unit, beside the last digit of the answer.
        #[serde(default)]
        pub within: Option<f64>,
    }
}

fn yes() -> bool {
    true
}

with_register! {
    /// A fixed value that is written.
    pub struct Write {
        /// What. Of SCPI, nothing where the command has no `{}`.
        #[serde(default)]
        pub value: Option<f64>,
        /// A device without it is the same device.
        #[serde(default)]
        pub optional: bool,
    }
}

with_register! {
    /// What a register of the right device holds.
    pub struct Identity {
        /// The number that must be there.
        #[serde(default)]
        pub is: Option<f64>,
        /// The text that must be there, or begin what is.
        #[serde(default)]
        pub text: Option<String>,
    }
}

with_register! {
    /// A timer of the device's own.
    pub struct Reversion {
        /// To how many seconds.
        pub seconds: f64,
    }
}

with_register! {
    /// A counter that is written again and again.
    pub struct Heartbeat {
        /// Time between writes in s.
        pub every_s: f64,
    }
}

/// A counter that must move.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alive {
    /// The point that counts.
    pub point: String,
    /// The longest time in s that it may stand still.
    pub within_s: f64,
}
