//! Devices without a bus: frames in, frames out.

use std::sync::Arc;

use proptest::prelude::*;

use super::chademo::{self, BatteryState};
use super::charger::{self, ChargerState, Demand};
use super::*;
use crate::link::can::dbc::Database;
use crate::link::can::driver::SettingsError;
use crate::link::can::frame::{CanFrame, CanId};

fn battery(_t_us: u64, i_a: f64) -> BatteryState {
    BatteryState {
        target_v_v: 400.0,
        soc_percent: 50.0 - i_a,
        charge_limit_a: 60.0,
        discharge_limit_a: 30.0,
        lowest_v_v: 300.0,
        energy_kwh: 20.0,
        capacity_kwh: 40.0,
        fault: false,
    }
}

/// A frame with some signals set.
fn frame(database: &Database, message: &str, signals: &[(&str, f64)]) -> CanFrame {
    let message = database.named(message).unwrap();
    let mut payload = vec![0; message.length];
    for (name, value) in signals {
        message.encode(message.signal(name).unwrap(), *value, &mut payload).unwrap();
    }
    CanFrame::data(message.id, &payload).unwrap()
}

fn value(database: &Database, frames: &[CanFrame], message: &str, signal: &str) -> f64 {
    let message = database.named(message).unwrap();
    let last = frames.iter().rev().find(|frame| frame.id() == message.id).unwrap();
    message.decode(message.signal(signal).unwrap(), last.bytes()).unwrap()
}

#[test]
fn a_vehicle_charges_discharges_and_opens_when_told_or_left_alone() {
    let database = Arc::new(chademo::database().unwrap());
    let mut vehicle = chademo::device(Arc::clone(&database), battery).unwrap();
    let mut go = |t_ms: u64, status: Option<&[(&str, f64)]>, discharge_a: f64| {
        if let Some(status) = status {
            vehicle.hear(
                t_ms * 1000,
                &frame(&database, "ChargerDischargeCapability", &[("DischargeCurrent", discharge_a)]),
            );
            vehicle.hear(t_ms * 1000, &frame(&database, "ChargerStatus", status));
        }
        let mut frames = Vec::new();
        vehicle.poll(t_ms * 1000, &mut frames);
        let soc = value(&database, &frames, "VehicleStatus", "StateOfCharge");
        let open = value(&database, &frames, "VehicleStatus", "ContactorOpen");
        assert_eq!(value(&database, &frames, "VehicleStatus", "VehicleDischargeCompatible"), 1.0);
        assert_eq!(value(&database, &frames, "VehicleDischargeLimits", "MaximumDischargeCurrent"), 30.0);
        (soc, open)
    };
    assert_eq!(go(0, None, 0.0), (50.0, 1.0), "nobody is there");
    let locked = ("ConnectorLocked", 1.0);
    assert_eq!(go(100, Some(&[locked]), 0.0), (50.0, 0.0), "locked, it closes");
    assert_eq!(go(200, Some(&[locked, ("Operating", 1.0), ("OutputCurrent", 10.0)]), 0.0), (60.0, 0.0), "it charges");
    let both = [locked, ("Operating", 1.0), ("ChargerDischargeCompatible", 1.0)];
    assert_eq!(go(300, Some(&both), 12.0), (38.0, 0.0), "it discharges");
    assert_eq!(go(400, Some(&both), 45.0), (20.0, 0.0), "to its limit");
    assert_eq!(go(500, Some(&both[..2]), 12.0), (50.0, 0.0), "only if the charger can");
    assert_eq!(go(600, Some(&[locked, ("ChargerStop", 1.0)]), 12.0), (50.0, 1.0), "stopped");
    assert_eq!(go(700, Some(&both), 12.0), (38.0, 0.0));
    assert_eq!(go(1600, None, 0.0), (38.0, 0.0), "not heard for less than a second");
    assert_eq!(go(1700, None, 0.0), (50.0, 1.0), "not heard for a second");
}

#[test]
fn a_module_faults_is_cleared_and_is_not_fed_by_a_counter_that_stands() {
    let database = Arc::new(charger::database().unwrap());
    let plant = |t_us: u64, demand: Demand| {
        // Too hot from 1 s to 2 s.
        let faults = if (1_000_000..2_000_000).contains(&t_us) { 1 << 3 } else { 0 };
        let i_a = if let Demand::Current(i_a) = demand { i_a } else { 0.0 };
        let v_v = if let Demand::Voltage(v_v) = demand { v_v } else { 350.0 };
        ChargerState { v_v, i_a, p_w: v_v * i_a, faults, ..STATE }
    };
    let mut module = charger::device(Arc::clone(&database), 1, plant).unwrap();
    let mut counter = 0.0;
    let mut go = |from_ms: u64, to_ms: u64, moves: bool, command: &[(&str, f64)]| {
        let mut frames = Vec::new();
        for t_us in (from_ms..to_ms).step_by(50).map(|ms| ms * 1000) {
            counter = if moves { (counter + 1.0) % 16.0 } else { counter };
            let alive = [("CommandAlive", counter)];
            module.hear(t_us, &frame(&database, "Command", &[command, &alive].concat()));
            module.poll(t_us, &mut frames);
        }
        let value = |signal| value(&database, &frames, "Status", signal);
        (value("State"), value("Voltage"), value("Current"), value("FaultOverTemperature"), value("FaultCommunication"))
    };
    let current = [("Enable", 1.0), ("Mode", 2.0), ("CurrentSetPoint", -20.0)];
    let voltage = [("Enable", 1.0), ("Mode", 1.0), ("VoltageSetPoint", 380.0)];
    assert_eq!(go(0, 150, true, &current), (4.0, 350.0, 0.0, 0.0, 0.0), "it starts");
    assert_eq!(go(150, 500, true, &current), (2.0, 350.0, -20.0, 0.0, 0.0));
    assert_eq!(go(500, 1000, true, &voltage), (2.0, 380.0, 0.0, 0.0, 0.0));
    assert_eq!(go(1000, 1500, true, &current), (3.0, 350.0, 0.0, 1.0, 0.0), "a fault");
    assert_eq!(go(2000, 2500, true, &current), (3.0, 350.0, 0.0, 1.0, 0.0), "it stays until it is cleared");
    let cleared = [("ClearFaults", 1.0)];
    assert_eq!(go(2500, 2600, true, &cleared), (0.0, 350.0, 0.0, 0.0, 0.0));
    assert_eq!(go(2600, 3000, true, &[("Enable", 1.0)]), (1.0, 350.0, 0.0, 0.0, 0.0), "in no mode");
    assert_eq!(go(3000, 3500, true, &current).0, 2.0);
    assert_eq!(go(3500, 13_400, false, &current).0, 2.0, "its counter has stood still for less than 10 s");
    assert_eq!(go(13_400, 13_550, false, &current), (0.0, 350.0, 0.0, 0.0, 1.0));
    assert_eq!(go(13_550, 14_000, true, &current), (2.0, 350.0, -20.0, 0.0, 0.0), "it moves again");
}

/// A plant at rest.
const STATE: ChargerState = ChargerState {
    v_v: 350.0,
    i_a: 0.0,
    p_w: 0.0,
    grid_v_v: 230.0,
    f_hz: 50.0,
    temperature_c: 30.0,
    discharge_limit_w: 11_000.0,
    charge_limit_w: 11_000.0,
    lowest_v_v: 200.0,
    highest_v_v: 450.0,
    soc_percent: 50.0,
    energy_kwh: 30.0,
    capacity_kwh: 60.0,
    battery_temperature_c: 20.0,
    battery_present: true,
    auxiliary_v_v: 12.0,
    faults: 0,
};

#[test]
fn frames_come_at_their_periods_whenever_one_looks() {
    let database = Arc::new(chademo::database().unwrap());
    let mut vehicle = chademo::device(database, battery).unwrap();
    let (mut frames, mut times) = (Vec::new(), Vec::new());
    for t_ms in (0..1000).chain((1000..5000).step_by(250)) {
        vehicle.poll(t_ms * 1000, &mut frames);
        times.extend(frames.drain(..).filter(|frame| frame.id() == CanId::standard(0x102).unwrap()).map(|_| t_ms));
    }
    let exact: Vec<u64> = (0..10).map(|k| 100 * k).collect();
    assert_eq!(times[..10], exact);
    assert_eq!(times.len(), 10 + 16, "late ones do not bunch up: {times:?}");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let database = Arc::new(chademo::database().unwrap());
    let mut settings = chademo::settings(database);
    settings.commands[0].from.signal = "Nothing".into();
    settings.cyclic[0].period_us = Some(0);
    settings.cyclic[1].fixed.push(("MaximumTime".into(), 1e9));
    settings.measured.push(crate::link::can::driver::SignalName::new("ChargerStatus", "OutputVoltage"));
    let plant = |_: &Input<'_>, _: &mut [f64]| {};
    let Err(found) = Device::new(&settings, plant) else { panic!("it was taken") };
    assert!(
        matches!(
            found[..],
            [
                SettingsError::Period { .. },
                SettingsError::Value(_),
                SettingsError::Signal { .. },
                SettingsError::NotSent { .. }
            ]
        ),
        "{found:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_frame_breaks_a_device(frames in proptest::collection::vec((0_u32..0x20A, proptest::collection::vec(any::<u8>(), 0..=8)), 0..30)) {
        let database = Arc::new(chademo::database().unwrap());
        let mut vehicle = chademo::device(Arc::clone(&database), battery).unwrap();
        let mut out = Vec::new();
        for (t_us, (id, bytes)) in (0..).step_by(50_000).zip(frames) {
            vehicle.hear(t_us, &CanFrame::data(CanId::standard(id).unwrap(), &bytes).unwrap());
            vehicle.poll(t_us, &mut out);
        }
        for frame in &out {
            prop_assert_eq!(frame.length(), database.message(frame.id()).unwrap().length);
        }
    }
}
