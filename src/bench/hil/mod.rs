//! Real devices in the loop: seats, the session that their drivers run in, and what emulated ones see of the network.
//!
//! A step begins with [`Hil::begin`]: what devices have said is taken. [`Hil::replace`] puts what a device injects in the
//! place of its simulated twin and passes its set-points on; [`Hil::reading`] is an instrument's. Once the plant is solved,
//! [`Hil::show`] tells emulated devices how the network stands. Paced, none of it allocates, locks what an I/O thread can
//! hold, or waits; in batch the drivers run within [`Hil::begin`], in virtual time.

mod closing;
mod heard;
mod instrument;
mod seat;
mod session;

use std::sync::Arc;

use super::grid::SetupError;
use super::machine::Machine;
use super::plant::Node;
use crate::device::inverter::ByPhase;
use crate::device::{Limits, Priority};
use crate::emulate::{self, Device, Inverter, InverterSettings, Line, Meter, Model, Shared, SharedModel, Terminal};
use crate::link::arrivals::{Arrivals, Ear};
use crate::link::can::bus::{Connector, VirtualBus};
use crate::link::description::Wire;
use crate::link::description::language::Kind;
use crate::link::driver::{self, Plug, Prepared};
use crate::link::fault::Faults;
use crate::link::port::{DriverEnd, LinkState, port};
use crate::link::stream::{self, Socket};
use crate::link::synchrophasor::Server;
use crate::quantity::{Complex, Tick};
use crate::scenario::{self, At, Measure, Plan, Real, Replaced};
use crate::signal::Frame;
pub(super) use closing::refuse;
pub use closing::{Closing, closings};
use instrument::Instrument;
use seat::Seat;
use session::{Session, Start, Tasks};

/// Voltage of a lab in V, phase to neutral, where a bus has more than [`HIGH_V`].
const LAB_V: f64 = 230.0;
/// A bus above this is not connected to a lab's devices directly.
const HIGH_V: f64 = 1000.0;

/// What came of a real device, once the run is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The name of what it replaced.
    pub name: String,
    /// Its description's.
    pub device: String,
    /// Samples taken.
    pub samples: u64,
    /// Samples that came between and were not.
    pub missed: u64,
    /// How often it was lost.
    pub losses: u64,
    /// Whether it was there at the end.
    pub there: bool,
    /// What happened, and when.
    pub happened: Vec<(Tick, String)>,
    /// What its link said last that was wrong.
    pub trouble: Option<String>,
    /// What it said, where that was recorded.
    pub arrivals: Option<Arrivals>,
}

/// All real devices of a plan.
#[derive(Default)]
pub(super) struct Hil {
    // Before the session: dropping that waits for drivers, which end once these are gone.
    places: Vec<Place>,
    /// The seat of each device of the plan.
    of_device: Vec<Option<usize>>,
    said: Vec<(usize, usize, Real)>,
    emulated: Vec<Emulated>,
    /// What is started when it is known by which clock.
    makers: Vec<Maker>,
    session: Option<Session>,
    step_us: f64,
}

enum Place {
    Device(Box<Seat>),
    Instrument(Box<Instrument>),
}

/// A device that the bench itself serves.
struct Emulated {
    model: Behind,
    /// The wire that it listens on; none of a bus.
    socket: Option<Socket>,
    /// What goes wrong with it.
    faults: Faults,
    /// Places of its nodes in the plant, and what the lab's voltage is multiplied with there.
    nodes: Vec<usize>,
    voltage: f64,
    /// An instrument's channels: the quantity, the point's name, what the channel is divided by.
    shown: Vec<(usize, String, f64)>,
}

/// What a driver and the device that it may speak to are made of.
struct Maker {
    end: DriverEnd,
    seat: scenario::Seat,
    prepared: Prepared,
    served: Option<Served>,
}

/// The model of a device that the bench serves: with registers before it, or alone.
#[derive(Clone)]
enum Behind {
    Registers(Shared),
    Alone(SharedModel),
}

/// A device on a bus, to be served from the session's beginning on.
type OnCan = Box<dyn FnOnce(VirtualBus, tokio::time::Instant) -> emulate::Serving + Send>;

/// What is to be served, and where a driver meets it.
enum Served {
    Modbus(Shared, Socket, stream::Accept),
    Pmu(Arc<Server>, SharedModel, Socket, stream::Accept),
    Can(OnCan, VirtualBus),
}

/// What the lab's voltages are multiplied with at a bus of this base.
fn voltage_scale(seat: &scenario::Seat, base_v: f64) -> f64 {
    seat.setting.scale.voltage.unwrap_or(if base_v > HIGH_V { base_v / LAB_V } else { 1.0 })
}

impl Hil {
    /// Seats of a plan, not yet connected.
    pub(super) fn new(plan: &Plan, machines: &[Machine], nodes: &[Node]) -> Result<Self, SetupError> {
        let mut own = Self {
            of_device: vec![None; plan.equipment.devices.len()],
            step_us: plan.step.seconds() * 1e6,
            said: plan.quantities.iter().enumerate().filter_map(said).collect(),
            ..Self::default()
        };
        for seat in &plan.equipment.seats {
            own.seat(plan, seat, machines, nodes)?;
        }
        Ok(own)
    }

    fn seat(
        &mut self,
        plan: &Plan,
        seat: &scenario::Seat,
        machines: &[Machine],
        nodes: &[Node],
    ) -> Result<(), SetupError> {
        let failed = |reason: String| SetupError::Hil { name: seat.name.clone(), reason };
        let prepared = Prepared::new(&seat.description).map_err(|error| failed(error.to_string()))?;
        let (loop_end, end) = port(prepared.points, seat.description.set_points.len());
        let order = prepared.order.clone();
        let mut ear = Ear::new(loop_end);
        if let At::Replay(path) = &seat.at {
            let record = Arrivals::read(path, prepared.points);
            ear.replay(record.map_err(|error| failed(format!("{}: {error}", path.display())))?);
        }
        let (place, step_s) = (self.places.len(), plan.step.seconds());
        let mut shown = Vec::new();
        match &seat.replaces {
            Replaced::Device(device) => {
                let phases = machines.get(*device).map_or(1, Machine::phases);
                self.of_device[*device] = Some(place);
                self.places.push(Place::Device(Box::new(Seat::new(seat, ear, order, phases, step_s))));
            }
            Replaced::Instrument(instrument, _) => {
                let bases = bases(plan, *instrument, nodes);
                let Some(own) = Instrument::new(seat, ear, order, &bases, step_s) else { return Ok(()) };
                own.watch();
                let quantities = &plan.equipment.instruments[*instrument].quantities;
                let named = |(k, own): (usize, &Option<(usize, f64)>)| {
                    let (point, factor) = (*own)?;
                    Some((*quantities.get(k)?, seat.description.points.get(point)?.name.clone(), factor))
                };
                shown = own.channels().iter().enumerate().filter_map(named).collect();
                self.places.push(Place::Instrument(Box::new(own)));
            }
        }
        let served = match &seat.at {
            At::Emulated => {
                let (served, own) = emulated(plan, seat, machines)?;
                self.emulated.push(Emulated { shown, ..own });
                Some(served)
            }
            At::Address(_) | At::Replay(_) => None,
        };
        self.makers.push(Maker { end, seat: seat.clone(), prepared, served });
        Ok(())
    }

    /// Connects, by the machine's clock or by a virtual one.
    pub(super) fn connect(&mut self, live: bool) -> std::io::Result<()> {
        if self.makers.is_empty() {
            return Ok(());
        }
        let makers = std::mem::take(&mut self.makers);
        let start: Start = Box::new(move |epoch| started(makers, epoch, live));
        self.session = Some(if live { Session::live(start)? } else { Session::virtual_time(start)? });
        Ok(())
    }

    /// A step begins: what devices said is taken. In batch, this is where they are given their time.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "times in µs"
    )]
    pub(super) fn begin(&mut self, tick: Tick) {
        if self.session.is_none() && (self.makers.is_empty() || self.connect(false).is_err()) {
            return;
        }
        let tick_us = (tick.0 as f64 * self.step_us).round() as u64;
        let Some(session) = &mut self.session else { return };
        let now_us = session.advance(tick_us);
        let at_s = now_us as f64 / 1e6;
        for own in &self.emulated {
            if let Some(socket) = &own.socket {
                socket.plug(!own.faults.gone(at_s));
            }
        }
        for place in &mut self.places {
            match place {
                Place::Device(seat) => seat.begin(tick, now_us),
                Place::Instrument(own) => own.begin(tick, now_us),
            }
        }
    }

    /// Puts what a real device injects in the place of what the simulated one would, and passes its set-points on.
    pub(super) fn replace(&mut self, device: usize, set_points: &ByPhase, output: &mut ByPhase) {
        let place = self.of_device.get(device).copied().flatten();
        if let Some(Place::Device(seat)) = place.and_then(|k| self.places.get_mut(k)) {
            seat.replace(set_points, output);
        }
    }

    /// What a real instrument says in the place of the simulated one; `None` where that is to be taken.
    pub(super) fn reading(&self, instrument: usize) -> Option<&Frame> {
        self.places.iter().find_map(|place| match place {
            Place::Instrument(own) if own.place == instrument => own.frame(),
            _ => None,
        })
    }

    /// Once the plant is solved: emulated devices see the network, and the row says how real ones stand.
    pub(super) fn show(&mut self, tick: Tick, voltages: &[Complex], f_hz: f64, row: &mut [f64]) {
        for own in &self.emulated {
            own.see(voltages, f_hz, row);
        }
        for &(slot, place, what) in &self.said {
            let value = match self.places.get(place) {
                Some(Place::Device(seat)) => seat.says(what, tick),
                Some(Place::Instrument(own)) => own.says(what, tick),
                None => f64::NAN,
            };
            if let Some(slot) = row.get_mut(slot) {
                *slot = value;
            }
        }
    }

    /// Records what devices say, to stand in for them in another run of so many steps.
    pub(super) fn record(&mut self, ticks: u64) {
        for place in &mut self.places {
            match place {
                Place::Device(seat) => seat.record(ticks),
                Place::Instrument(own) => own.record(ticks),
            }
        }
    }

    /// Whether the loss of a device ends the run.
    pub(super) fn stops(&self) -> bool {
        self.places.iter().any(|place| match place {
            Place::Device(seat) => seat.stops(),
            Place::Instrument(own) => own.stops(),
        })
    }

    /// What came of each.
    pub(super) fn outcome(&self) -> Vec<Told> {
        let told = |place: &Place| match place {
            Place::Device(seat) => seat.outcome(),
            Place::Instrument(own) => own.outcome(),
        };
        self.places.iter().map(told).collect()
    }
}

impl Emulated {
    /// Sees the network. Served by another thread at this moment, it does so at the next step.
    fn see(&self, voltages: &[Complex], f_hz: f64, row: &[f64]) {
        match &self.model {
            Behind::Registers(device) => {
                if let Ok(mut device) = device.try_lock() {
                    self.tell(device.model(), voltages, f_hz, row);
                }
            }
            Behind::Alone(model) => {
                if let Ok(mut model) = model.try_lock() {
                    self.tell(&mut **model, voltages, f_hz, row);
                }
            }
        }
    }

    fn tell(&self, model: &mut dyn Model, voltages: &[Complex], f_hz: f64, row: &[f64]) {
        let mut v_v = [0.0; 3];
        for (v, &node) in v_v.iter_mut().zip(&self.nodes) {
            *v = voltages.get(node).map_or(0.0, |v| v.norm()) / self.voltage;
        }
        if self.nodes.is_empty() {
            model.show("f_hz", f_hz);
        } else {
            model.stand_at(Terminal { v_v, f_hz });
        }
        for (quantity, name, factor) in &self.shown {
            model.show(name, row.get(*quantity).map_or(f64::NAN, |value| value / factor));
        }
        if self.nodes.is_empty() {
            // A meter that is not served by registers goes on by itself.
            model.step(0.0);
        }
    }
}

fn said((row, quantity): (usize, &scenario::Quantity)) -> Option<(usize, usize, Real)> {
    if let Measure::Real(place, what) = quantity.measure { Some((row, place, what)) } else { None }
}

/// What a number of a sample is called in a record: the point's name where the driver's order is the description's.
fn point_name(seat: &scenario::Seat, place: usize) -> String {
    let own = seat.description.points.get(place).filter(|_| !matches!(seat.description.wire, Wire::C37118(_)));
    own.map_or_else(|| format!("value{place}"), |own| own.name.clone())
}

/// The voltage base behind each channel of an instrument; 1 where there is none.
fn bases(plan: &Plan, instrument: usize, nodes: &[Node]) -> Vec<f64> {
    let Some(own) = plan.equipment.instruments.get(instrument) else { return Vec::new() };
    let base = |bus: &str, number: u16| nodes.iter().find(|n| n.bus == bus && n.number == number).map(|n| n.base_v);
    let of_channel = |k: usize| {
        if let Some(node) = own.nodes.get(k / 2) {
            return base(&node.bus, node.number);
        }
        match own.quantities.get(k).and_then(|&quantity| plan.quantities.get(quantity)).map(|q| &q.measure) {
            Some(Measure::Voltage(node, _)) => base(&node.bus, node.number),
            _ => None,
        }
    };
    (0..own.channels.names().len()).map(|k| of_channel(k).unwrap_or(1.0)).collect()
}

/// Where an emulated device stands in the plant.
fn stands_at(seat: &scenario::Seat, machines: &[Machine]) -> (Vec<usize>, f64) {
    match &seat.replaces {
        Replaced::Device(device) => match machines.get(*device) {
            Some(machine) => (machine.nodes.clone(), voltage_scale(seat, machine.base_v)),
            None => (Vec::new(), 1.0),
        },
        Replaced::Instrument(..) => (Vec::new(), 1.0),
    }
}

/// The emulated device of a seat: an inverter like the simulated one, a meter, a PMU; and the bench's side of it.
fn emulated(plan: &Plan, seat: &scenario::Seat, machines: &[Machine]) -> Result<(Served, Emulated), SetupError> {
    let failed = |reason: String| SetupError::Hil { name: seat.name.clone(), reason };
    let mut faults = Faults::new(plan.seed);
    seat.faults.iter().for_each(|&(from_s, to_s, fault)| faults.add(from_s, to_s, fault));
    let (nodes, voltage) = stands_at(seat, machines);
    let model = model(plan, seat, machines);
    let own = |model: Behind, socket: Option<&Socket>| Emulated {
        model,
        socket: socket.cloned(),
        faults: faults.clone(),
        nodes,
        voltage,
        shown: Vec::new(),
    };
    let (socket, accept) = Socket::new();
    Ok(match &seat.description.wire {
        Wire::Modbus(_) => {
            let device = Device::new(&seat.description, model, faults.clone());
            let device = emulate::shared(device.map_err(|error| failed(error.to_string()))?);
            let kept = own(Behind::Registers(Arc::clone(&device)), Some(&socket));
            (Served::Modbus(device, socket, accept), kept)
        }
        Wire::C37118(head) => {
            let model: SharedModel = Arc::new(std::sync::Mutex::new(model));
            let server = emulate::pmu(&seat.description, head.id, plan.feeder.frequency_hz, &faults);
            let server = Arc::new(server.map_err(|error| failed(error.to_string()))?);
            let kept = own(Behind::Alone(Arc::clone(&model)), Some(&socket));
            (Served::Pmu(server, model, socket, accept), kept)
        }
        Wire::Can(..) => {
            let model: SharedModel = Arc::new(std::sync::Mutex::new(model));
            let device = emulate::on_can(&seat.description, Arc::clone(&model), &faults);
            let device = device.map_err(|error| failed(error.to_string()))?;
            (Served::Can(device, VirtualBus::new()), own(Behind::Alone(model), None))
        }
        Wire::Scpi(_) => return Err(failed("nothing here speaks SCPI yet".into())),
    })
}

fn model(plan: &Plan, seat: &scenario::Seat, machines: &[Machine]) -> Box<dyn Model> {
    let (Replaced::Device(device), Kind::Inverter | Kind::Charger) = (&seat.replaces, seat.description.kind) else {
        return Box::new(Meter::new(0.0));
    };
    let phases = machines.get(*device).map_or(3, Machine::phases);
    let like = plan.equipment.devices.get(*device).map(|own| own.limits);
    let part = seat.share / seat.setting.scale.power;
    let limits = like.map_or_else(unlimited, |own| Limits {
        s_va: own.s_va * part,
        ramp_w_per_s: own.ramp_w_per_s * part,
        ramp_var_per_s: own.ramp_var_per_s * part,
        ..own
    });
    Box::new(Inverter::new(InverterSettings { limits, phases, energy_wh: f64::INFINITY, soc: 0.5 }))
}

fn unlimited() -> Limits {
    Limits {
        s_va: f64::INFINITY,
        ramp_w_per_s: f64::INFINITY,
        ramp_var_per_s: f64::INFINITY,
        response_s: 0.0,
        priority: Priority::Reactive,
    }
}

/// Drivers and emulated devices, ready to run.
fn started(makers: Vec<Maker>, epoch: tokio::time::Instant, live: bool) -> Tasks {
    let mut tasks = Tasks::default();
    for Maker { end, seat, prepared, served } in makers {
        let (plug, address) = match (&seat.at, served) {
            (At::Address(_), _) if !live => {
                end.report(LinkState::Connecting, Some(NOT_IN_BATCH.into()));
                continue;
            }
            (At::Address(address), _) => match prepared.plug(address) {
                Ok(plug) => (plug, Some(address)),
                Err(error) => {
                    end.report(LinkState::Connecting, Some(error.to_string()));
                    continue;
                }
            },
            (At::Emulated, Some(served)) => (serving(served, &seat, epoch, &mut tasks), None),
            (At::Emulated, None) | (At::Replay(_), _) => continue,
        };
        tasks.drivers.push(prepared.run(plug, address, end, epoch));
    }
    tasks
}

/// What a link says in batch.
const NOT_IN_BATCH: &str = "real devices are only spoken to in a run that keeps pace with the clock";

/// Serves an emulated device; where its driver meets it.
fn serving(served: Served, seat: &scenario::Seat, epoch: tokio::time::Instant, tasks: &mut Tasks) -> Plug {
    match served {
        Served::Modbus(device, socket, mut accept) => {
            let framing = driver::emulated_framing(&seat.description);
            tasks.others.push(Box::pin(async move {
                while let Some(stream) = accept.recv().await {
                    let line = Line { stream: Box::new(stream), framing, epoch };
                    tokio::spawn(emulate::serve(line, Arc::clone(&device)));
                }
            }));
            Plug::Stream(socket.connector())
        }
        Served::Pmu(server, model, socket, accept) => {
            let description = Arc::clone(&seat.description);
            tasks.others.push(Box::pin(emulate::serve_pmu(server, description, model, accept)));
            Plug::Stream(socket.connector())
        }
        Served::Can(device, bus) => {
            tasks.others.push(device(bus.clone(), epoch));
            Plug::Can(Connector::Virtual(bus))
        }
    }
}
