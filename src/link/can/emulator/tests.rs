//! Devices without a bus: frames in, frames out.

use std::sync::Arc;

use proptest::prelude::*;

use super::chademo::{self, BatteryState};
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
