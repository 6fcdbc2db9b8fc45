//! Emulated devices that do not speak Modbus: a PMU, a charger module on CAN.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::model::Model;
use crate::link::can::bus::{Connector, VirtualBus};
use crate::link::can::emulator::charger::{self, ChargerPlant, ChargerState, Demand};
use crate::link::can::emulator::{self as module, Scripted};
use crate::link::description::language::PmuValue;
use crate::link::description::{Description, Source};
use crate::link::driver::{PrepareError, database, phasors};
use crate::link::fault::{Fault, Faults};
use crate::link::stream::Accept;
use crate::link::synchrophasor::server::Fault as PmuFault;
use crate::link::synchrophasor::stat::Unlocked;
use crate::link::synchrophasor::{
    Config, Format, Phasor, PhasorChannel, Place, Reading, Server, Stat, Station, TimeQuality,
};

/// A model that its server and the bench share.
pub type SharedModel = Arc<Mutex<Box<dyn Model>>>;

/// UTC at the beginning of an emulated PMU's session, in µs since 1970: some moment, the same in every run.
const UTC_US: u64 = 1_700_000_000_000_000;
/// Parts of a second in a PMU's times.
const TIME_BASE: u32 = 1_000_000;
/// How often a bus that is gone is asked for again.
const AGAIN: Duration = Duration::from_millis(20);

fn value(model: &SharedModel, name: &str) -> f64 {
    model.lock().unwrap_or_else(PoisonError::into_inner).get(name).unwrap_or(f64::NAN)
}

/// A PMU's server for a description: its phasors at its rate, as integers no coarser than a microvolt would be: floats.
///
/// # Errors
/// When its configuration cannot be written.
pub fn pmu(description: &Description, id: u16, nominal_hz: f64, faults: &Faults) -> Result<Server, PrepareError> {
    let channels = phasors(description).into_iter().map(|(name, unit)| PhasorChannel {
        name,
        unit,
        scale: 1.0,
        turn_rad: 0.0,
        component: 0,
    });
    #[allow(clippy::cast_possible_truncation, reason = "a rate of at most 1000 a second")]
    let rate = (1.0 / description.poll_s).round().clamp(1.0, 1000.0) as i16;
    let format = Format { polar: true, phasors_float: true, analogs_float: true, frequency_float: true };
    let station = Station {
        name: description.name.chars().take(16).collect(),
        id,
        format,
        phasors: channels.collect(),
        analogs: Vec::new(),
        digitals: Vec::new(),
        nominal_hz: if nominal_hz > 55.0 { 60 } else { 50 },
        change_count: 0,
        place: Place::default(),
    };
    let config = Config { id, time_base: TIME_BASE, stations: vec![station], data_rate: rate };
    let server = Server::new(config, description.title.clone()).map_err(|e| PrepareError::Wrong(e.to_string()))?;
    for &(from_s, to_s, fault) in faults.script() {
        let frame = |s: f64| (s * f64::from(rate)).clamp(0.0, 1e15);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let (first, count) = (frame(from_s) as u64, (frame(to_s) - frame(from_s)) as u64);
        server.script(first, of_pmu(fault, id), count);
    }
    Ok(server)
}

fn of_pmu(fault: Fault, id: u16) -> PmuFault {
    match fault {
        Fault::Cut | Fault::Reboot { .. } => PmuFault::Close,
        Fault::Silent | Fault::Drop { .. } => PmuFault::Silent,
        Fault::Delay { s } => PmuFault::Delay(Duration::from_secs_f64(s)),
        Fault::Hot => PmuFault::Delay(Duration::from_millis(500)),
        Fault::Freeze | Fault::Twice => PmuFault::Freeze,
        Fault::Nan | Fault::Exception { .. } | Fault::WrongScale => PmuFault::Error,
        Fault::Garbage => PmuFault::Garbage(40),
        Fault::Half => PmuFault::Half,
        Fault::WrongUnit => PmuFault::WrongId(id.wrapping_add(1)),
        Fault::Noise { .. } => PmuFault::BadCheck,
    }
}

/// What a PMU says of a time in µs UTC: what its model shows by the names of the description's points.
///
/// A phasor of which the description has only the angle is 1 V or 1 A; one without an angle stands at 0. What the model
/// does not say of the clock is that it is locked.
pub fn pmu_measure(
    description: &Description,
    model: SharedModel,
) -> impl FnMut(u64) -> Option<(TimeQuality, Vec<Reading>)> + Send + use<> {
    let point = |of: &dyn Fn(&crate::link::description::Point) -> bool| {
        description.points.iter().find(|own| of(own)).map(|own| own.name.clone())
    };
    let part = |phasor: &str, angle: bool| {
        let source = Source::Phasor(phasor.to_owned());
        point(&|own| own.source == source && own.name.starts_with("angle") == angle)
    };
    let places: Vec<_> = phasors(description).iter().map(|(name, _)| (part(name, false), part(name, true))).collect();
    let [rocof, locked, quality] = [PmuValue::Rocof, PmuValue::Locked, PmuValue::TimeError]
        .map(|what| point(&|own| own.source == Source::Pmu(what)));
    move |_: u64| {
        let of = |name: &Option<String>, otherwise: f64| name.as_ref().map_or(otherwise, |name| value(&model, name));
        let or = |value: f64, otherwise: f64| if value.is_finite() { value } else { otherwise };
        let phasors = places.iter().map(|(size, angle)| Phasor::degrees(of(size, 1.0), of(angle, 0.0))).collect();
        let locked = or(of(&locked, 1.0), 1.0) > 0.5;
        let stat = if locked { Stat(0) } else { Stat(0).unsynchronised(Unlocked::Under10s) };
        let (f_hz, rocof_hz_s) = (value(&model, "f_hz"), or(of(&rocof, 0.0), 0.0));
        let reading = Reading { stat, phasors, f_hz, rocof_hz_s, analogs: Vec::new(), digitals: Vec::new() };
        let error_s = or(of(&quality, 0.0), 0.0);
        let quality = (0..12).map(TimeQuality).find(|own| own.error_s() >= error_s).unwrap_or(TimeQuality(15));
        Some((quality, vec![reading]))
    }
}

/// Has a PMU measure what a model shows, and serves whoever connects; it never ends.
pub async fn serve_pmu(server: Arc<Server>, description: Arc<Description>, model: SharedModel, mut accept: Accept) {
    let measure = pmu_measure(&description, model);
    let clients = async {
        while let Some(stream) = accept.recv().await {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                server.serve(stream).await;
            });
        }
    };
    tokio::join!(server.feed(UTC_US, measure), clients);
}

/// What stands behind a charger module: a model that follows its power.
pub fn charger_plant(model: SharedModel) -> impl ChargerPlant + Send {
    let mut before_us = 0;
    move |t_us: u64, demand: Demand| {
        let mut model = model.lock().unwrap_or_else(PoisonError::into_inner);
        let p_w = if let Demand::Power(p_w) = demand { p_w } else { 0.0 };
        model.set("p_w", p_w);
        #[allow(clippy::cast_precision_loss, reason = "times in µs")]
        model.step((t_us - before_us.min(t_us)) as f64 / 1e6);
        before_us = t_us;
        charger_state(&**model)
    }
}

/// A script of faults as a device on CAN has them; those that it has not are left out.
pub fn can_script(faults: &Faults) -> Vec<Scripted> {
    faults.script().iter().filter_map(of_can).collect()
}

/// A charger module on a bus: it follows the set-point of its description's `p_w` by its model; it never ends.
pub async fn serve_charger(bus: VirtualBus, model: SharedModel, faults: Faults, epoch: Instant) {
    let Ok(database) = database(charger::DBC) else { return };
    let Ok(mut device) = charger::device(database, 1, charger_plant(model)) else { return };
    device.script(can_script(&faults));
    let clock = move || u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
    loop {
        if let Ok(mut end) = Connector::Virtual(bus.clone()).connect().await {
            // A bus that is lost is taken again.
            let _ = module::serve(&mut device, &mut end, clock, || false).await;
        }
        sleep(AGAIN).await;
    }
}

fn charger_state(model: &dyn Model) -> ChargerState {
    let own = |name: &str, otherwise: f64| model.get(name).filter(|value| value.is_finite()).unwrap_or(otherwise);
    let (p_w, v_v) = (own("p_w", 0.0), 400.0);
    ChargerState {
        v_v,
        i_a: p_w / v_v,
        p_w,
        grid_v_v: own("v_v.a", 230.0),
        f_hz: own("f_hz", 50.0),
        temperature_c: 35.0,
        discharge_limit_w: 30_000.0,
        charge_limit_w: 30_000.0,
        lowest_v_v: 200.0,
        highest_v_v: 500.0,
        soc_percent: own("soc_percent", 50.0),
        energy_kwh: 30.0,
        capacity_kwh: 60.0,
        battery_temperature_c: 25.0,
        battery_present: true,
        faults: 0,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn of_can(&(from_s, to_s, fault): &(f64, f64, Fault)) -> Option<Scripted> {
    let us = |s: f64| (s * 1e6).clamp(0.0, 1e15) as u64;
    let fault = match fault {
        Fault::Cut | Fault::Silent | Fault::Exception { .. } | Fault::Drop { .. } => module::Fault::Mute,
        Fault::Freeze => module::Fault::Freeze,
        Fault::Nan => module::Fault::OutOfRange,
        Fault::WrongScale => module::Fault::WrongScale(10.0),
        Fault::Garbage | Fault::Half | Fault::Noise { .. } => module::Fault::Garbage,
        Fault::Reboot { .. } => module::Fault::Reboot,
        Fault::Delay { .. } | Fault::WrongUnit | Fault::Twice | Fault::Hot => return None,
    };
    Some(Scripted { at_us: us(from_s), for_us: us(to_s) - us(from_s), fault })
}
