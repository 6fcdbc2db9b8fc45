//! Emulated devices that do not speak Modbus: a PMU, a charger module or a CHAdeMO vehicle on CAN.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::model::Model;
use crate::link::can::bus::{Connector, VirtualBus};
use crate::link::can::emulator::chademo::{self, BatteryState};
use crate::link::can::emulator::charger::{self, ChargerPlant, ChargerState, Demand};
use crate::link::can::emulator::{self as module, Scripted};
use crate::link::description::language::PmuValue;
use crate::link::description::{Description, Source, Wire};
use crate::link::driver::{PrepareError, database, phasors};
use crate::link::fault::supply::missing;
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
    for (from_s, to_s, fault) in faults.script().iter().flat_map(|own| of_pmu(own, faults, id)) {
        let frame = |s: f64| (s * f64::from(rate)).clamp(0.0, 1e15);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let (first, count) = (frame(from_s) as u64, (frame(to_s) - frame(from_s)) as u64);
        server.script(first, fault, count);
    }
    Ok(server)
}

/// Time for which a hot gateway's delay is taken to be the same, and after which it has settled, in s.
const WARMER_S: f64 = 1.0;
const SETTLED_S: f64 = 300.0;

/// What a fault is to a PMU: from, until in s, what.
fn of_pmu(&(from_s, to_s, fault): &(f64, f64, Fault), all: &Faults, id: u16) -> Vec<(f64, f64, PmuFault)> {
    let own = match fault {
        Fault::Cut | Fault::Reboot { .. } => PmuFault::Close,
        Fault::Silent | Fault::Drop { .. } => PmuFault::Silent,
        Fault::Delay { s } => PmuFault::Delay(Duration::from_secs_f64(s)),
        Fault::Hot => return heat(from_s, to_s),
        Fault::Freeze => PmuFault::Freeze,
        Fault::Twice => PmuFault::Twin,
        Fault::Nan | Fault::Exception { .. } | Fault::WrongScale => PmuFault::Error,
        Fault::Garbage => PmuFault::Junk,
        Fault::Half => PmuFault::Half,
        Fault::WrongUnit => PmuFault::WrongId(id.wrapping_add(1)),
        Fault::Noise { .. } | Fault::Unterminated { .. } | Fault::Emi { .. } => {
            PmuFault::Noise { share: fault.damage(), seed: all.seed() }
        }
        Fault::Rail { .. } => {
            let off = Faults::off_s(&(from_s, to_s, fault));
            return off.map(|(from_s, to_s)| (from_s, to_s, PmuFault::Close)).into_iter().collect();
        }
        Fault::BmsSilent => return Vec::new(),
    };
    vec![(from_s, to_s, own)]
}

/// A hot gateway's delay in pieces, rising and falling.
fn heat(from_s: f64, to_s: f64) -> Vec<(f64, f64, PmuFault)> {
    let mut hot = Faults::new(0);
    hot.add(from_s, to_s, Fault::Hot);
    let delay = |at_s: f64| PmuFault::Delay(Duration::from_secs_f64(hot.delay_s(at_s)));
    let mut pieces = Vec::new();
    for (begin_s, end_s) in
        [(from_s, to_s), (to_s, f64::INFINITY)].into_iter().filter(|(begin_s, _)| begin_s.is_finite())
    {
        let settled_s = end_s.min(begin_s + SETTLED_S);
        let mut at_s = begin_s;
        while at_s < settled_s {
            let next_s = (at_s + WARMER_S).min(settled_s);
            pieces.push((at_s, next_s, delay(at_s)));
            at_s = next_s;
        }
        if settled_s < end_s && begin_s < to_s {
            pieces.push((settled_s, end_s, delay(settled_s)));
        }
    }
    pieces
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

/// What stands behind a charger module: a model that follows its power, as far as the battery's management lets it.
pub fn charger_plant(model: SharedModel, faults: &Faults) -> impl ChargerPlant + Send + use<> {
    Plant { model, faults: faults.clone(), before_us: 0 }.charger()
}

/// A script of faults as a device on CAN has them; those that it has not are left out.
pub fn can_script(faults: &Faults) -> Vec<Scripted> {
    faults.script().iter().flat_map(of_can).collect()
}

/// A device on a bus: it follows what it is told by its model; it never ends. What it is, its database says.
///
/// # Errors
/// When nothing here emulates what its database describes.
pub fn on_can(
    description: &Description,
    model: SharedModel,
    faults: &Faults,
) -> Result<Box<dyn FnOnce(VirtualBus, Instant) -> Serving + Send>, PrepareError> {
    let Wire::Can(_, path) = &description.wire else {
        return Err(PrepareError::Wrong("it does not speak CAN".into()));
    };
    let failed = |error| PrepareError::File(path.display().to_string(), error);
    let database = database(&std::fs::read_to_string(path).map_err(failed)?)?;
    let script = can_script(faults);
    let plant = Plant { model, faults: faults.clone(), before_us: 0 };
    if let Ok(mut own) = charger::device(Arc::clone(&database), 1, plant.clone().charger()) {
        own.script(script);
        own.seed(faults.seed());
        return Ok(Box::new(move |bus, epoch| Box::pin(served(own, bus, epoch))));
    }
    if let Ok(mut own) = chademo::device(Arc::clone(&database), plant.vehicle()) {
        own.script(script.into_iter().map(of_vehicle).collect());
        own.seed(faults.seed());
        return Ok(Box::new(move |bus, epoch| Box::pin(served(own, bus, epoch))));
    }
    let what = "nothing here emulates what its database describes: a charger module's and CHAdeMO's messages are known";
    Err(PrepareError::Wrong(what.into()))
}

/// Something that is served until it is dropped.
pub type Serving = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn served<P: module::Plant + Send>(mut device: module::Device<P>, bus: VirtualBus, epoch: Instant) {
    let clock = move || u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
    loop {
        if let Ok(mut end) = Connector::Virtual(bus.clone()).connect().await {
            // A bus that is lost is taken again.
            let _ = module::serve(&mut device, &mut end, clock, || false).await;
        }
        sleep(AGAIN).await;
    }
}

/// A model behind messages.
#[derive(Clone)]
struct Plant {
    model: SharedModel,
    faults: Faults,
    before_us: u64,
}

/// Voltage of the direct current in V; the model has none.
const DC_V: f64 = 400.0;
/// What an emulated vehicle takes and gives at most in A, its capacity, and what is kept of it in kWh.
const CHARGE_A: f64 = 60.0;
const DISCHARGE_A: f64 = 50.0;
const CAPACITY_KWH: f64 = 40.0;
const KEPT_KWH: f64 = 8.0;

impl Plant {
    /// Goes on to a time with a power, as far as the battery's management lets it.
    #[allow(clippy::cast_precision_loss, reason = "times in µs")]
    fn step(&mut self, t_us: u64, p_w: f64) {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        model.set("p_w", p_w * self.faults.still_given(t_us as f64 / 1e6));
        model.step((t_us - self.before_us.min(t_us)) as f64 / 1e6);
        self.before_us = t_us;
    }

    fn get(&self, name: &str, otherwise: f64) -> f64 {
        Some(value(&self.model, name)).filter(|value| value.is_finite()).unwrap_or(otherwise)
    }

    fn charger(mut self) -> impl FnMut(u64, Demand) -> ChargerState + Send {
        move |t_us, demand| {
            self.step(t_us, if let Demand::Power(p_w) = demand { p_w } else { 0.0 });
            #[allow(clippy::cast_precision_loss, reason = "times in µs")]
            let auxiliary_v_v = self.faults.rail_v(t_us as f64 / 1e6);
            let p_w = self.get("p_w", 0.0);
            ChargerState {
                v_v: DC_V,
                i_a: p_w / DC_V,
                p_w,
                grid_v_v: self.get("v_v.a", 230.0),
                f_hz: self.get("f_hz", 50.0),
                temperature_c: 35.0,
                discharge_limit_w: 30_000.0,
                charge_limit_w: 30_000.0,
                lowest_v_v: 200.0,
                highest_v_v: 500.0,
                soc_percent: self.get("soc_percent", 50.0),
                energy_kwh: 30.0,
                capacity_kwh: 60.0,
                battery_temperature_c: 25.0,
                battery_present: true,
                auxiliary_v_v,
                faults: 0,
            }
        }
    }

    fn vehicle(mut self) -> impl FnMut(u64, f64) -> BatteryState + Send {
        let mut energy_kwh = CAPACITY_KWH * self.get("soc_percent", 50.0) / 100.0;
        move |t_us, i_a| {
            let before_us = self.before_us;
            self.step(t_us, i_a * DC_V);
            #[allow(clippy::cast_precision_loss, reason = "times in µs")]
            let passed_h = (t_us - before_us.min(t_us)) as f64 / 3.6e9;
            energy_kwh = (energy_kwh - self.get("p_w", 0.0) * passed_h / 1000.0).clamp(0.0, CAPACITY_KWH);
            let (full, low) = (energy_kwh >= CAPACITY_KWH, energy_kwh <= KEPT_KWH);
            BatteryState {
                target_v_v: DC_V,
                soc_percent: 100.0 * energy_kwh / CAPACITY_KWH,
                charge_limit_a: if full { 0.0 } else { CHARGE_A },
                discharge_limit_a: if low { 0.0 } else { DISCHARGE_A },
                lowest_v_v: 300.0,
                energy_kwh: (energy_kwh - KEPT_KWH).max(0.0),
                capacity_kwh: CAPACITY_KWH,
                fault: false,
            }
        }
    }
}

/// Bytes of a CAN frame with eight of data, as far as an error in them damages it.
const FRAME_BYTES: i32 = 14;

/// What a fault is to a device on CAN. A bus delays nothing.
fn of_can(&(from_s, to_s, fault): &(f64, f64, Fault)) -> Vec<Scripted> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let us = |s: f64| (s * 1e6).clamp(0.0, 1e15) as u64;
    let scripted = |from_s: f64, to_s: f64, fault| Scripted { at_us: us(from_s), for_us: us(to_s) - us(from_s), fault };
    let own = match fault {
        Fault::Cut | Fault::Silent | Fault::Exception { .. } => module::Fault::Mute,
        Fault::Drop { share } => module::Fault::Lossy(share),
        Fault::Freeze => module::Fault::Freeze,
        Fault::Nan => module::Fault::OutOfRange,
        Fault::WrongScale => module::Fault::WrongScale(10.0),
        Fault::Garbage | Fault::Half => module::Fault::Garbage,
        Fault::Noise { .. } | Fault::Unterminated { .. } | Fault::Emi { .. } => {
            module::Fault::Lossy(1.0 - (1.0 - fault.damage()).powi(FRAME_BYTES))
        }
        Fault::Reboot { .. } => module::Fault::Reboot,
        Fault::WrongUnit => module::Fault::OtherAddress,
        Fault::Twice => module::Fault::Twin,
        Fault::BmsSilent => module::Fault::BatterySilent,
        Fault::Rail { v_v } => {
            let off = Faults::off_s(&(from_s, to_s, fault));
            let off = off.map(|(from_s, to_s)| scripted(from_s, to_s, module::Fault::Reboot));
            let low = scripted(from_s, to_s, module::Fault::Missing(missing(v_v)));
            return off.into_iter().chain([low]).collect();
        }
        Fault::Delay { .. } | Fault::Hot => return Vec::new(),
    };
    vec![scripted(from_s, to_s, own)]
}

/// A vehicle is its battery: without its management it says nothing.
fn of_vehicle(own: Scripted) -> Scripted {
    let silent = own.fault == module::Fault::BatterySilent;
    if silent { Scripted { fault: module::Fault::Mute, ..own } } else { own }
}
