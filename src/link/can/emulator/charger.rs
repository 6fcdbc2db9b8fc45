//! The generic bidirectional charger module of `hil/can/charger_module.dbc`: states, soft start, limits, the watchdog of
//! 10 s. What it feeds and what stands behind it comes from a [`ChargerPlant`].
//!
//! ```text
//! off ── enabled, mode ≠ standby ──▶ starting (0.2 s) ──▶ run
//!  ▲                                        │              │
//!  └── not enabled ── standby ◀── mode standby ◀───────────┘       any ── fault of the plant ──▶ fault ── cleared ──▶ off
//! ```
//!
//! Without command messages whose counter moves for 10 s it goes off and says `FaultCommunication`, until it is enabled
//! again. Signs: positive discharges the battery into the grid.

use std::sync::Arc;

use super::{Command, Cyclic, Device, DeviceSettings, Input, Plant, Watchdog};
use crate::link::can::dbc::{Database, DbcFinding};
use crate::link::can::driver::{Alive, SettingsError, SignalName};

/// The text of its database.
pub const DBC: &str = include_str!("../../../../hil/can/charger_module.dbc");
/// Longest time without commands, in µs.
pub const WATCHDOG_US: u64 = 10_000_000;
/// Time from enabled to running, in µs.
pub const START_US: u64 = 200_000;

/// What the module wants of its plant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Demand {
    /// Nothing flows.
    None,
    /// Hold this voltage of the battery's side in V.
    Voltage(f64),
    /// Hold this current of the battery's side in A; positive discharges.
    Current(f64),
    /// Hold this power at the grid in W; positive feeds into it.
    Power(f64),
}

/// How the plant fares.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "as the signals of the same name in the database, in SI units")]
pub struct ChargerState {
    pub v_v: f64,
    pub i_a: f64,
    pub p_w: f64,
    pub grid_v_v: f64,
    pub f_hz: f64,
    pub temperature_c: f64,
    pub discharge_limit_w: f64,
    pub charge_limit_w: f64,
    pub lowest_v_v: f64,
    pub highest_v_v: f64,
    pub soc_percent: f64,
    pub energy_kwh: f64,
    pub capacity_kwh: f64,
    pub battery_temperature_c: f64,
    pub battery_present: bool,
    pub auxiliary_v_v: f64,
    /// Bits of the database's faults, `FaultOverVoltage` first; communication is the module's own.
    pub faults: u8,
}

/// What stands behind a module.
pub trait ChargerPlant {
    /// Goes on to a time in µs, with what is wanted.
    fn step(&mut self, t_us: u64, demand: Demand) -> ChargerState;
}

impl<F: FnMut(u64, Demand) -> ChargerState> ChargerPlant for F {
    fn step(&mut self, t_us: u64, demand: Demand) -> ChargerState {
        self(t_us, demand)
    }
}

/// State of a module, by its number in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the module's documentation")]
pub enum State {
    Off = 0,
    Standby = 1,
    Run = 2,
    Fault = 3,
    Starting = 4,
}

const FAULT_BITS: [&str; 8] = [
    "FaultOverVoltage",
    "FaultUnderVoltage",
    "FaultOverCurrent",
    "FaultOverTemperature",
    "FaultInsulation",
    "FaultCommunication",
    "FaultGrid",
    "FaultInternal",
];
const FAULT_COMMUNICATION: u8 = 1 << 5;

/// A module: what is between commands and plant.
#[derive(Debug)]
pub struct Module<P> {
    plant: P,
    state: State,
    since_us: u64,
    faults: u8,
    /// Discharge and charge limit of the last step in W.
    limits_w: (f64, f64),
}

/// Commands in the order of the settings.
struct Orders {
    enable: bool,
    mode: f64,
    clear: bool,
    v_v: f64,
    i_a: f64,
    p_w: f64,
}

impl<P: ChargerPlant> Module<P> {
    /// A module that is off.
    pub const fn new(plant: P) -> Self {
        let limits_w = (f64::INFINITY, f64::INFINITY);
        Self { plant, state: State::Off, since_us: 0, faults: 0, limits_w }
    }

    /// Its state.
    pub const fn state(&self) -> State {
        self.state
    }

    /// What stands behind it.
    pub const fn plant(&self) -> &P {
        &self.plant
    }

    fn turn(&mut self, state: State, t_us: u64) {
        if self.state != state {
            (self.state, self.since_us) = (state, t_us);
        }
    }

    fn follow(&mut self, input: &Input<'_>, orders: &Orders) {
        let t_us = input.t_us;
        if !input.commanded {
            if self.state != State::Off {
                self.faults |= FAULT_COMMUNICATION;
            }
            return self.turn(State::Off, t_us);
        }
        if orders.enable {
            self.faults &= !FAULT_COMMUNICATION;
        }
        if orders.clear {
            self.faults = 0;
        }
        if self.faults & !FAULT_COMMUNICATION != 0 {
            return self.turn(State::Fault, t_us);
        }
        match (orders.enable, orders.mode >= 0.5, self.state) {
            (false, ..) => self.turn(State::Off, t_us),
            (true, false, _) => self.turn(State::Standby, t_us),
            (true, true, State::Run) => {}
            (true, true, State::Starting) if t_us.saturating_sub(self.since_us) >= START_US => {
                self.turn(State::Run, t_us)
            }
            (true, true, _) => self.turn(State::Starting, t_us),
        }
    }

    /// What is wanted, and whether a limit holds it back.
    fn demand(&self, orders: &Orders) -> (Demand, bool) {
        if self.state != State::Run {
            return (Demand::None, false);
        }
        let (discharge_w, charge_w) = self.limits_w;
        match orders.mode {
            mode if mode >= 2.5 => {
                let held = orders.p_w.max(-charge_w.max(0.0)).min(discharge_w.max(0.0));
                (Demand::Power(held), (held - orders.p_w).abs() > 1.0)
            }
            mode if mode >= 1.5 => (Demand::Current(orders.i_a), false),
            _ => (Demand::Voltage(orders.v_v), false),
        }
    }
}

impl<P: ChargerPlant> Plant for Module<P> {
    fn step(&mut self, input: &Input<'_>, measured: &mut [f64]) {
        let command = |place: usize| input.commands.get(place).copied().unwrap_or(0.0);
        let orders = Orders {
            enable: command(0) > 0.5,
            mode: command(1),
            clear: command(2) > 0.5,
            v_v: command(3),
            i_a: command(4),
            p_w: command(5),
        };
        self.follow(input, &orders);
        let (demand, limited) = self.demand(&orders);
        let own = self.plant.step(input.t_us, demand);
        self.limits_w = (own.discharge_limit_w, own.charge_limit_w);
        if own.faults & !FAULT_COMMUNICATION != 0 {
            self.faults |= own.faults & !FAULT_COMMUNICATION;
            self.turn(State::Fault, input.t_us);
        }
        let flag = f64::from;
        let accepted_w = if let Demand::Power(p_w) = demand { p_w } else { 0.0 };
        let mode = if self.state == State::Run { orders.mode } else { 0.0 };
        let values = [own.v_v, own.i_a, own.p_w, flag(self.state as u8), flag(u8::from(limited))];
        let bits = (0..8).map(|bit| flag((self.faults >> bit) & 1));
        let slow = [
            own.grid_v_v,
            own.f_hz,
            accepted_w,
            own.temperature_c,
            mode,
            own.discharge_limit_w,
            own.charge_limit_w,
            own.lowest_v_v,
            own.highest_v_v,
            own.soc_percent,
            own.energy_kwh,
            own.capacity_kwh,
            own.battery_temperature_c,
            flag(u8::from(own.battery_present)),
            own.auxiliary_v_v,
        ];
        measured.iter_mut().zip(values.into_iter().chain(bits).chain(slow)).for_each(|(to, value)| *to = value);
    }
}

/// The module's database.
///
/// # Errors
/// Never as it is committed.
pub fn database() -> Result<Database, Vec<DbcFinding>> {
    Database::read(DBC)
}

/// Settings of the module with this serial number.
pub fn settings(database: Arc<Database>, serial: u32) -> DeviceSettings {
    let commands = ["Enable", "Mode", "ClearFaults", "VoltageSetPoint", "CurrentSetPoint", "PowerSetPoint"];
    let status = ["Voltage", "Current", "Power", "State", "Limited"].into_iter().chain(FAULT_BITS);
    let grid = ["GridVoltage", "GridFrequency", "AcceptedPower", "Temperature", "AcceptedMode"];
    let limits = ["DischargePowerLimit", "ChargePowerLimit", "VoltageLowest", "VoltageHighest"];
    let battery = ["StateOfCharge", "EnergyLeft", "EnergyCapacity", "BatteryTemperature", "BatteryPresent"];
    let measured = status.map(|signal| SignalName::new("Status", signal));
    let measured = measured.chain(grid.map(|signal| SignalName::new("Grid", signal)));
    let measured = measured.chain(limits.map(|signal| SignalName::new("Limits", signal)));
    let measured = measured.chain(battery.map(|signal| SignalName::new("Battery", signal)));
    let measured = measured.chain([SignalName::new("Supply", "AuxiliaryVoltage")]);
    let plain = |message: &str| Cyclic { message: message.to_owned(), period_us: None, fixed: Vec::new(), alive: None };
    let identity =
        [("Vendor", 1.0), ("Product", 1.0), ("Serial", f64::from(serial & 0xFF_FFFF)), ("FirmwareMajor", 1.0)];
    let fixed = identity.map(|(name, value)| (name.to_owned(), value)).into();
    let alive = Some(Alive { signal: "StatusAlive".into(), modulus: 16 });
    DeviceSettings {
        database,
        commands: commands.map(|signal| Command { from: SignalName::new("Command", signal), safe: 0.0 }).into(),
        measured: measured.collect(),
        cyclic: vec![
            Cyclic { alive, ..plain("Status") },
            plain("Grid"),
            plain("Limits"),
            plain("Battery"),
            plain("Supply"),
            Cyclic { fixed, ..plain("Identity") },
        ],
        watchdog: Some(Watchdog {
            message: "Command".into(),
            timeout_us: WATCHDOG_US,
            alive: Some("CommandAlive".into()),
        }),
        battery: vec!["Limits".into(), "Battery".into()],
    }
}

/// A module on its plant.
///
/// # Errors
/// Where the database is not the module's.
pub fn device<P: ChargerPlant>(
    database: Arc<Database>,
    serial: u32,
    plant: P,
) -> Result<Device<Module<P>>, Vec<SettingsError>> {
    Device::new(&settings(database, serial), Module::new(plant))
}
