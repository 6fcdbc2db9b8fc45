//! A vehicle that can discharge (V2H) at the other end of a CHAdeMO plug, by `hil/can/chademo.dbc`.
//!
//! It asks for charge, closes its contactor when the charger has locked the connector and says no stop, and carries the
//! current that the charger says, in either direction, within what it allows. When the charger stops, says a fault, or is
//! not heard for a second, it opens. Voltages, pilot lines and the insulation test are not here: only messages.
//!
//! Limits: whole volts and amperes, as the protocol has them. The protocol's facts are from public layouts and not from the
//! standard's text (IEEE 2030.1.1), as the database says.

use std::sync::Arc;

use super::{Command, Cyclic, Device, DeviceSettings, Input, Plant, Watchdog};
use crate::link::can::dbc::{Database, DbcFinding};
use crate::link::can::driver::{SettingsError, SignalName};

/// The text of its database.
pub const DBC: &str = include_str!("../../../../hil/can/chademo.dbc");
/// Longest time without the charger's status, in µs.
pub const WATCHDOG_US: u64 = 1_000_000;

/// A battery behind the plug.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatteryState {
    /// Voltage in V that it is charged to at most.
    pub target_v_v: f64,
    /// State of charge in %.
    pub soc_percent: f64,
    /// Charging current that it takes now in A.
    pub charge_limit_a: f64,
    /// Discharging current that it gives now in A; 0 forbids discharge.
    pub discharge_limit_a: f64,
    /// Voltage in V that it is discharged to at least.
    pub lowest_v_v: f64,
    /// Energy that can be discharged in kWh.
    pub energy_kwh: f64,
    /// Its capacity in kWh.
    pub capacity_kwh: f64,
    /// The vehicle's own fault.
    pub fault: bool,
}

/// What stands behind the plug.
pub trait VehiclePlant {
    /// Goes on to a time in µs with a current in A (positive discharges; 0 with the contactor open).
    fn step(&mut self, t_us: u64, i_a: f64) -> BatteryState;
}

impl<F: FnMut(u64, f64) -> BatteryState> VehiclePlant for F {
    fn step(&mut self, t_us: u64, i_a: f64) -> BatteryState {
        self(t_us, i_a)
    }
}

/// A vehicle: what is between the charger's messages and the battery.
#[derive(Debug)]
pub struct Vehicle<P> {
    plant: P,
    closed: bool,
    /// The charger ended the session: it goes on only after the charger took its stop back.
    stopped: bool,
    /// Charge and discharge limits of the last step in A.
    limits_a: (f64, f64),
}

impl<P: VehiclePlant> Vehicle<P> {
    /// A vehicle with an open contactor.
    pub const fn new(plant: P) -> Self {
        Self { plant, closed: false, stopped: false, limits_a: (0.0, 0.0) }
    }

    /// Whether its contactor is closed.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }
}

/// Commands in the order of the settings.
const COMMANDS: [&str; 8] = [
    "OutputCurrent",
    "ChargerDischargeCompatible",
    "Operating",
    "ChargerError",
    "ConnectorLocked",
    "SystemMalfunction",
    "ChargerStop",
    "BatteryIncompatible",
];

impl<P: VehiclePlant> Plant for Vehicle<P> {
    fn step(&mut self, input: &Input<'_>, measured: &mut [f64]) {
        let command = |place: usize| input.commands.get(place).copied().unwrap_or(0.0);
        let is = |place: usize| command(place) > 0.5;
        let fault = is(3) || is(5) || is(7);
        self.stopped = !input.commanded || fault || is(6);
        self.closed = input.commanded && is(4) && !self.stopped;
        let discharge_a = if is(1) { command(COMMANDS.len()) } else { 0.0 };
        let (most_charge_a, most_discharge_a) = self.limits_a;
        let flows = self.closed && is(2);
        let i_a = discharge_a.clamp(0.0, most_discharge_a.max(0.0)) - command(0).clamp(0.0, most_charge_a.max(0.0));
        let own = self.plant.step(input.t_us, if flows { i_a } else { 0.0 });
        self.limits_a = (own.charge_limit_a, own.discharge_limit_a);
        if own.fault {
            self.closed = false;
        }
        let flag = |is: bool| f64::from(u8::from(is));
        let values = [
            0.0,
            own.lowest_v_v,
            own.target_v_v,
            100.0,
            own.capacity_kwh,
            own.target_v_v,
            if self.closed { own.charge_limit_a.floor() } else { 0.0 },
            flag(input.commanded && !own.fault && !self.stopped),
            flag(own.fault),
            flag(!self.closed),
            flag(self.stopped && input.commanded),
            flag(own.discharge_limit_a > 0.0),
            own.soc_percent.floor(),
            own.discharge_limit_a.floor(),
            own.lowest_v_v,
            own.energy_kwh,
        ];
        measured.iter_mut().zip(values).for_each(|(to, value)| *to = value);
    }
}

/// The protocol's database.
///
/// # Errors
/// Never as it is committed.
pub fn database() -> Result<Database, Vec<DbcFinding>> {
    Database::read(DBC)
}

/// Settings of a vehicle.
pub fn settings(database: Arc<Database>) -> DeviceSettings {
    let status = COMMANDS.iter().map(|signal| SignalName::new("ChargerStatus", signal));
    let commands = status.chain([SignalName::new("ChargerDischargeCapability", "DischargeCurrent")]);
    let limits = ["MinimumCurrent", "MinimumVoltage", "MaximumVoltage", "ChargeRateConstant"];
    let own = [
        "TargetVoltage",
        "RequestedCurrent",
        "ChargingEnabled",
        "VehicleError",
        "ContactorOpen",
        "StopRequest",
        "VehicleDischargeCompatible",
        "StateOfCharge",
    ];
    let measured = limits.iter().map(|signal| SignalName::new("VehicleLimits", signal));
    let measured = measured.chain([SignalName::new("VehicleEstimate", "BatteryCapacity")]);
    let measured = measured.chain(own.iter().map(|signal| SignalName::new("VehicleStatus", signal)));
    let discharge = ["MaximumDischargeCurrent", "MinimumDischargeVoltage"];
    let measured = measured.chain(discharge.iter().map(|signal| SignalName::new("VehicleDischargeLimits", signal)));
    let measured = measured.chain([SignalName::new("VehicleDischargeEstimate", "AvailableEnergy")]);
    let cyclic = |message: &str, fixed: &[(&str, f64)]| Cyclic {
        message: message.to_owned(),
        period_us: None,
        fixed: fixed.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        alive: None,
    };
    DeviceSettings {
        database,
        commands: commands.map(|from| Command { from, safe: 0.0 }).collect(),
        measured: measured.collect(),
        cyclic: vec![
            cyclic("VehicleLimits", &[]),
            cyclic("VehicleEstimate", &[("MaximumTime10s", 2550.0), ("MaximumTime", 255.0)]),
            cyclic("VehicleStatus", &[("VehicleProtocol", 2.0)]),
            cyclic("VehicleDischargeLimits", &[]),
            cyclic("VehicleDischargeEstimate", &[("VehicleSequence", 2.0)]),
        ],
        watchdog: Some(Watchdog { message: "ChargerStatus".into(), timeout_us: WATCHDOG_US, alive: None }),
        // All that it says is its battery's.
        battery: [
            "VehicleLimits",
            "VehicleEstimate",
            "VehicleStatus",
            "VehicleDischargeLimits",
            "VehicleDischargeEstimate",
        ]
        .map(str::to_owned)
        .into(),
    }
}

/// A vehicle on its battery.
///
/// # Errors
/// Where the database is not the protocol's.
pub fn device<P: VehiclePlant>(database: Arc<Database>, plant: P) -> Result<Device<Vehicle<P>>, Vec<SettingsError>> {
    Device::new(&settings(database), Vehicle::new(plant))
}
