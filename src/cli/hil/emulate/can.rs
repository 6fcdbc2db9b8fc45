//! An emulated device on CAN: a charger module, a CHAdeMO vehicle, or what the messages of any description say.
//!
//! | description | what is behind it |
//! |---|---|
//! | with the messages of `hil/can/charger_module.dbc` | the module: states, soft start, watchdog |
//! | that hears `VehicleStatus` and `VehicleDischargeLimits` of `hil/can/chademo.dbc` | the vehicle: contactor, limits, watchdog |
//! | any other | its points' messages at their periods, with the model's values; its set-points act at once, without a watchdog |

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use phasorbench::emulate::{self, SharedModel};
use phasorbench::link::address::{Address, Scheme};
use phasorbench::link::can::bus::{Bus, BusError};
use phasorbench::link::can::dbc::Database;
use phasorbench::link::can::driver::{Alive, SignalName};
use phasorbench::link::can::emulator::chademo::{self, BatteryState};
use phasorbench::link::can::emulator::charger;
use phasorbench::link::can::emulator::{Command, Cyclic, Device, DeviceSettings, Input, Plant};
use phasorbench::link::can::frame::CanFrame;
use phasorbench::link::description::language::CanHead;
use phasorbench::link::description::{Description, Source, Wire};
use phasorbench::link::fault::{Fault, Faults};
use tokio::time::{Instant, sleep};

use super::place::Place;
use super::values::Shown;
use super::{Args, Until, complain, model};
use crate::hil::{devices, scan};
use crate::{Exit, output};

/// How often a bus that is gone is asked for again.
const AGAIN: Duration = Duration::from_millis(500);
/// Longest wait while nothing is due: it looks whether it should stop.
const LOOK: Duration = Duration::from_millis(20);
/// Frames that wait to be sent late.
const MOST_LATE: usize = 4096;
/// Period of a message of which nobody says one, in µs.
const PERIOD_US: u64 = 100_000;
/// Battery of an emulated vehicle: voltage, capacity, currents.
const VEHICLE: (f64, f64, f64, f64) = (370.0, 40.0, 100.0, 100.0);

pub(super) async fn serve(
    args: &Args,
    description: Description,
    shown: &Shown,
    faults: &Faults,
    until: &Until,
) -> Result<(), Exit> {
    let address = bus_of(args, &description)?;
    for (_, _, fault) in faults.script() {
        if matches!(fault, Fault::Exception { .. }) {
            return Err(complain(format!("a device on CAN has no fault {fault:?}: nobody asks it")));
        }
    }
    let (_, database) = devices::database_of(&description)?;
    let mut device = device(args, &description, &database, shown, faults)?;
    device.script(emulate::can_script(faults));
    device.seed(args.seed);
    let mut bus = Bus::connect(&address).await.map_err(|error| match scan::no_bus(&address, &error) {
        // What cannot be had here is something wrong with what was given.
        Exit::LinkLost => Exit::BadInput,
        other => other,
    })?;
    output::print(&format!("{} is on the bus: {address}\n", description.name));
    let mut late = VecDeque::new();
    while let Err(error) = on_bus(&mut device, &mut bus, faults, &mut late, until).await {
        crate::input::report(
            &[phasorbench::diagnostic::Diagnostic::warning("E0412", format!("{address}: {error}; it is tried again"))],
            &phasorbench::diagnostic::Sources::default(),
        );
        bus = loop {
            sleep(AGAIN).await;
            match Bus::connect(&address).await {
                _ if until.over() => return Ok(()),
                Ok(bus) => break bus,
                Err(_) => {}
            }
        };
    }
    bus.close().await;
    Ok(())
}

/// The bus that is meant. Multicast stays on this machine where nothing else is said.
fn bus_of(args: &Args, description: &Description) -> Result<Address, Exit> {
    let Some(place) = &args.listen else {
        return Err(complain(format!(
            "on which bus? Give {} --listen can:vcan0 or udp://239.74.163.2",
            description.name
        )));
    };
    match place {
        Place::Bus(own) if own.scheme == Scheme::UdpCan && own.get("hops").is_none() => {
            devices::address(&format!("{own}?hops=0"))
        }
        Place::Bus(own) => Ok(own.clone()),
        Place::Tcp(at, _) => Err(complain(format!("{} is on CAN: {at} is no bus", description.name))),
    }
}

/// Serves until the end, or until the bus is lost.
async fn on_bus(
    device: &mut Device<Behind>,
    bus: &mut Bus,
    faults: &Faults,
    late: &mut VecDeque<(u64, CanFrame)>,
    until: &Until,
) -> Result<(), BusError> {
    let mut frames = Vec::new();
    while !until.over() {
        let (now_us, now_s) = (micros(until.epoch), until.epoch.elapsed().as_secs_f64());
        device.poll(now_us, &mut frames);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a day")]
        let due_us = now_us + (faults.delay_s(now_s) * 1e6) as u64;
        let room = MOST_LATE.saturating_sub(late.len());
        late.extend(frames.drain(..).take(room).map(|frame| (due_us, frame)));
        while late.front().is_some_and(|(due_us, _)| *due_us <= now_us) {
            if let Some((_, frame)) = late.pop_front() {
                bus.send(&frame).await?;
            }
        }
        let next_us = late.front().map_or(u64::MAX, |own| own.0).min(device.next_us());
        let wait = Duration::from_micros(next_us.saturating_sub(micros(until.epoch))).min(LOOK);
        tokio::select! {
            biased;
            received = bus.recv() => device.hear(micros(until.epoch), &received?.frame),
            () = sleep(wait) => {}
        }
    }
    Ok(())
}

fn micros(epoch: Instant) -> u64 {
    u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// What is behind the messages, with values that are shown whatever it says.
struct Behind {
    own: Box<dyn Plant + Send>,
    shown: Vec<(usize, f64)>,
}

impl Plant for Behind {
    fn step(&mut self, input: &Input<'_>, measured: &mut [f64]) {
        self.own.step(input, measured);
        for &(place, physical) in &self.shown {
            if let Some(value) = measured.get_mut(place) {
                *value = physical;
            }
        }
    }
}

fn device(
    args: &Args,
    description: &Description,
    database: &Arc<Database>,
    shown: &Shown,
    faults: &Faults,
) -> Result<Device<Behind>, Exit> {
    let model: SharedModel = Arc::new(Mutex::new(model(args, description, &Shown::default())));
    let has = |names: &[&str]| names.iter().all(|name| database.named(name).is_some());
    let hears = |name: &str| {
        description.points.iter().filter_map(|own| signal(&own.source)).any(|(own, ..)| own.message == name)
    };
    let (settings, own): (_, Box<dyn Plant + Send>) =
        if has(&["Command", "Status", "Grid", "Limits", "Battery", "Identity"]) && hears("Status") {
            let plant = charger::Module::new(emulate::charger_plant(model, faults));
            (charger::settings(Arc::clone(database), 1), Box::new(plant))
        } else if has(&["ChargerStatus", "VehicleDischargeLimits", "VehicleEstimate"]) && hears("VehicleStatus") {
            (chademo::settings(Arc::clone(database)), Box::new(chademo::Vehicle::new(battery())))
        } else {
            plain(description, database, model)?
        };
    let shown = shown.0.iter().filter_map(|(name, value)| {
        let point = description.points.iter().find(|own| own.name == *name)?;
        let (from, scale, offset) = signal(&point.source)?;
        let place = settings.measured.iter().position(|own| *own == from);
        Some(place.map(|place| (place, (value - offset) / scale)).ok_or_else(|| {
            complain(format!("{name} cannot be set: this device never changes {}.{}", from.message, from.signal))
        }))
    });
    let shown = shown.collect::<Result<Vec<_>, Exit>>()?;
    Device::new(&settings, Behind { own, shown }).map_err(|found| {
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        complain(format!("{} cannot be emulated: {}", description.name, found.join("; ")))
    })
}

fn signal(source: &Source) -> Option<(SignalName, f64, f64)> {
    match source {
        Source::Can { message, signal, scale, offset } => Some((SignalName::new(message, signal), *scale, *offset)),
        _ => None,
    }
}

/// A battery that is charged and discharged.
fn battery() -> impl FnMut(u64, f64) -> BatteryState + Send {
    let (v_v, capacity_kwh, charge_a, discharge_a) = VEHICLE;
    let (mut soc, mut before_us) = (0.5, 0);
    move |t_us: u64, i_a: f64| {
        #[allow(clippy::cast_precision_loss, reason = "times in µs")]
        let hours = t_us.saturating_sub(before_us) as f64 / 3.6e9;
        before_us = t_us;
        soc = f64::clamp(soc - v_v * i_a / 1000.0 * hours / capacity_kwh, 0.0, 1.0);
        BatteryState {
            target_v_v: 410.0,
            soc_percent: 100.0 * soc,
            charge_limit_a: if soc < 1.0 { charge_a } else { 0.0 },
            discharge_limit_a: if soc > 0.0 { discharge_a } else { 0.0 },
            lowest_v_v: 300.0,
            energy_kwh: capacity_kwh * soc,
            capacity_kwh,
            fault: false,
        }
    }
}

/// Settings of a device that says what its description's points are, and what is behind it.
fn plain(
    description: &Description,
    database: &Arc<Database>,
    model: SharedModel,
) -> Result<(DeviceSettings, Box<dyn Plant + Send>), Exit> {
    let Wire::Can(head, _) = &description.wire else { return Err(complain("it is no device on CAN".into())) };
    let mut measured: Vec<SignalName> = Vec::new();
    let mut says: Vec<Says> = Vec::new();
    for point in &description.points {
        let Some((from, scale, offset)) = signal(&point.source) else { continue };
        if !measured.contains(&from) {
            measured.push(from);
            says.push(Says::Point { name: point.name.clone(), scale, offset, emulated: point.emulated });
        }
    }
    for (k, set) in description.set_points.iter().enumerate() {
        let confirmed = set.confirmed_by.as_deref().and_then(|own| own.split_once('.'));
        let Some((message, signal)) = confirmed else { continue };
        if !measured.iter().any(|own| own.message == message && own.signal == signal) {
            measured.push(SignalName::new(message, signal));
            says.push(Says::Command(k));
        }
    }
    let set_points = description.set_points.iter().filter_map(|own| {
        let (to, scale, offset) = signal(&own.source)?;
        Some((own.name.clone(), to, scale, offset, own.safe))
    });
    let set_points: Vec<_> = set_points.collect();
    let commands = set_points
        .iter()
        .map(|(_, to, scale, offset, safe)| Command { from: to.clone(), safe: (safe - offset) / scale });
    let settings = DeviceSettings {
        database: Arc::clone(database),
        commands: commands.collect(),
        cyclic: cyclic(head, database, &measured),
        measured,
        watchdog: None,
        battery: Vec::new(),
    };
    let set = set_points.into_iter().map(|(name, _, scale, offset, _)| (name, scale, offset)).collect();
    Ok((settings, Box::new(Plain { model, says, set, before_us: 0 })))
}

/// The messages of what is measured, each at its period.
fn cyclic(head: &CanHead, database: &Database, measured: &[SignalName]) -> Vec<Cyclic> {
    let mut cyclic: Vec<Cyclic> = Vec::new();
    for own in measured {
        if cyclic.iter().any(|message| message.message == own.message) {
            continue;
        }
        let hear = head.hear.get(&own.message);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive seconds")]
        let period_us = hear.and_then(|own| own.every_s).map(|every_s| (every_s * 1e6).round() as u64);
        let declared_us = database.named(&own.message).and_then(|message| message.cycle_us);
        cyclic.push(Cyclic {
            message: own.message.clone(),
            period_us: period_us.or(declared_us).or(Some(PERIOD_US)),
            fixed: Vec::new(),
            alive: hear.and_then(|own| own.counter.clone().map(|signal| Alive { signal, modulus: own.counter_steps })),
        });
    }
    cyclic
}

/// What a signal says.
enum Says {
    /// A point of the model.
    Point { name: String, scale: f64, offset: f64, emulated: Option<f64> },
    /// What was commanded.
    Command(usize),
}

/// A model behind plain messages.
struct Plain {
    model: SharedModel,
    says: Vec<Says>,
    /// Set-points by name, with scale and offset.
    set: Vec<(String, f64, f64)>,
    before_us: u64,
}

impl Plant for Plain {
    fn step(&mut self, input: &Input<'_>, measured: &mut [f64]) {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        for ((name, scale, offset), physical) in self.set.iter().zip(input.commands) {
            model.set(name, physical * scale + offset);
        }
        #[allow(clippy::cast_precision_loss, reason = "times in µs")]
        model.step(input.t_us.saturating_sub(self.before_us) as f64 / 1e6);
        self.before_us = input.t_us;
        for (to, says) in measured.iter_mut().zip(&self.says) {
            *to = match says {
                Says::Point { name, scale, offset, emulated } => {
                    (model.get(name).or(*emulated).unwrap_or(0.0) - offset) / scale
                }
                Says::Command(k) => input.commands.get(*k).copied().unwrap_or(0.0),
            };
        }
    }
}
