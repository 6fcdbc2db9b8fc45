//! Real devices in the loop: seats, the session that their drivers run in, and what emulated ones see of the network.
//!
//! A step begins with [`Hil::begin`]: what devices have said is taken. [`Hil::replace`] puts what a device injects in the
//! place of its simulated twin and passes its set-points on; [`Hil::reading`] is an instrument's. Once the plant is solved,
//! [`Hil::show`] tells emulated devices how the network stands. Paced, none of it allocates, locks what an I/O thread can
//! hold, or waits; in batch the drivers run within [`Hil::begin`], in virtual time.

mod amplifier;
mod closing;
mod emulated;
mod follow;
mod heard;
mod instrument;
mod metered;
mod outside;
mod place;
mod powers;
mod seat;
mod session;
mod start;

use super::grid::SetupError;
use super::machine::Machine;
use super::plant::Node;
use crate::device::inverter::ByPhase;
use crate::link::arrivals::{Arrivals, Ear};
use crate::link::capture::Capture;
use crate::link::description::Wire;
use crate::link::driver::Prepared;
use crate::link::port::port;
use crate::monitor::Window;
use crate::quantity::{Complex, Tick};
use crate::scenario::{self, At, Measure, Plan, Real, Replaced};
use crate::signal::Frame;
use amplifier::Amplifier;
pub(super) use closing::refuse;
pub use closing::{Closing, closings};
use emulated::{Emulated, analysed, bases, emulated};
pub(super) use follow::Follows;
use heard::Order;
use instrument::Instrument;
pub(in crate::bench) use metered::Metered;
use outside::Outside;
use place::{Occupant, Place};
use seat::Seat;
use session::{Session, Start};
use start::{Maker, Open, open, started};

/// Voltage of a lab in V, phase to neutral, where a bus has more than [`HIGH_V`].
const LAB_V: f64 = 230.0;
/// A bus above this is not connected to a lab's devices directly.
const HIGH_V: f64 = 1000.0;

/// What came of a real device, once the run is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The name of what it replaced.
    pub name: String,
    /// What it was there.
    pub role: Role,
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

/// What stands in a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A real device in the place of a simulated one.
    Device,
    /// A real meter or PMU.
    Instrument,
    /// A real power-quality meter.
    Analyser,
    /// A controller outside.
    Controller,
    /// A grid simulator.
    Amplifier,
}

impl Role {
    fn of(seat: &scenario::Seat) -> Self {
        match seat.replaces {
            _ if seat.served.is_some() => Self::Controller,
            Replaced::Device(_) => Self::Device,
            Replaced::Instrument(..) => Self::Instrument,
            Replaced::Analyser(..) => Self::Analyser,
            Replaced::Amplifier(_) => Self::Amplifier,
        }
    }

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Instrument => "instrument",
            Self::Analyser => "analyser",
            Self::Controller => "controller",
            Self::Amplifier => "amplifier",
        }
    }
}

/// All real devices of a plan.
#[derive(Default)]
pub(super) struct Hil {
    // Before the session: dropping that waits for drivers, which end once these are gone.
    places: Vec<Place>,
    /// The seat of each device and of each analyser of the plan.
    of_device: Vec<Option<usize>>,
    of_analyser: Vec<Option<usize>>,
    said: Vec<(usize, usize, Real)>,
    emulated: Vec<Emulated>,
    /// What is started when it is known by which clock.
    makers: Vec<Maker>,
    open: Vec<Open>,
    /// What records all that goes over wires.
    capture: Option<Capture>,
    session: Option<Session>,
    step_us: f64,
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
            of_analyser: vec![None; plan.equipment.analysers.len()],
            step_us: plan.step.seconds() * 1e6,
            said: plan.quantities.iter().enumerate().filter_map(said).collect(),
            ..Self::default()
        };
        for seat in &plan.equipment.seats {
            match seat.served {
                Some(_) => own.serve(plan, seat, machines, nodes)?,
                None => own.seat(plan, seat, machines, nodes)?,
            }
        }
        Ok(own)
    }

    /// A real one takes the place of a simulated one.
    fn seat(
        &mut self,
        plan: &Plan,
        seat: &scenario::Seat,
        machines: &[Machine],
        nodes: &[Node],
    ) -> Result<(), SetupError> {
        let prepared = prepared(seat)?;
        let (loop_end, end) = port(prepared.points, seat.description.set_points.len());
        let order = Order { numbers: prepared.points, places: prepared.order.clone() };
        let ear = ear(loop_end, seat, prepared.points)?;
        let (place, step_s) = (self.places.len(), plan.step.seconds());
        self.places.push(match &seat.replaces {
            Replaced::Device(device) => {
                let phases = machines.get(*device).map_or(1, Machine::phases);
                self.of_device[*device] = Some(place);
                Place::Device(Box::new(Seat::new(seat, ear, &order, phases, step_s)))
            }
            Replaced::Instrument(instrument, _) => {
                let bases = bases(plan, *instrument, nodes);
                let Some(own) = Instrument::new(seat, ear, order, &bases, step_s) else { return Ok(()) };
                Place::Instrument(Box::new(own))
            }
            Replaced::Analyser(analyser, _) => {
                self.of_analyser[*analyser] = Some(place);
                let at = analysed(plan, *analyser, nodes);
                Place::Metered(Box::new(Metered::new(seat, ear, &order, at, step_s)))
            }
            Replaced::Amplifier(device) => {
                let (nodes, voltage) = emulated::stands_at(seat, machines);
                let times = (plan.feeder.frequency_hz, step_s);
                Place::Amplifier(Box::new(Amplifier::new(seat, ear, &order, (*device, nodes, voltage), times)))
            }
        });
        let served = match &seat.at {
            At::Emulated => {
                let (served, own) = emulated(plan, seat, machines, nodes)?;
                self.emulated.push(own);
                Some(served)
            }
            At::Address(_) | At::Replay(_) => None,
        };
        self.makers.push(Maker { end, seat: seat.clone(), prepared, served, commands: None });
        Ok(())
    }

    /// A simulated one is served to a controller outside.
    fn serve(
        &mut self,
        plan: &Plan,
        seat: &scenario::Seat,
        machines: &[Machine],
        nodes: &[Node],
    ) -> Result<(), SetupError> {
        let (served, own) = emulated(plan, seat, machines, nodes)?;
        let Some(device) = own.device().cloned() else { return Ok(()) };
        let numbers = Outside::numbers(seat);
        let (loop_end, end) = port(numbers, 0);
        let ear = ear(loop_end, seat, numbers)?;
        let phases = match seat.replaces {
            Replaced::Device(place) => {
                self.of_device[place] = Some(self.places.len());
                machines.get(place).map_or(1, Machine::phases)
            }
            Replaced::Instrument(..) | Replaced::Analyser(..) | Replaced::Amplifier(_) => 0,
        };
        let outside = Outside::new(seat, ear, end, device.clone(), phases, plan.step.seconds());
        self.places.push(Place::Outside(Box::new(outside)));
        self.emulated.push(own);
        match &seat.at {
            At::Address(address) => open(&mut self.open, seat, address, device),
            At::Emulated => {
                let prepared = prepared(seat)?;
                let (commands, end) = port(prepared.points, seat.description.set_points.len());
                let (served, commands) = (Some(served), Some(commands));
                self.makers.push(Maker { end, seat: seat.clone(), prepared, served, commands });
            }
            At::Replay(_) => {}
        }
        Ok(())
    }

    /// Records what goes over wires from the session's beginning on.
    pub(super) fn capture(&mut self, capture: Capture) {
        self.capture = Some(capture);
    }

    /// Connects, by the machine's clock or by a virtual one.
    pub(super) fn connect(&mut self, live: bool) -> std::io::Result<()> {
        if self.makers.is_empty() && self.open.is_empty() {
            return Ok(());
        }
        let makers = std::mem::take(&mut self.makers);
        let mut open = std::mem::take(&mut self.open);
        if live {
            open.iter_mut().try_for_each(Open::bind)?;
        } else {
            open.clear();
        }
        let capture = self.capture.take();
        let start: Start = Box::new(move |epoch| started(makers, open, epoch, live, capture.as_ref()));
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
        if self.places.is_empty() {
            return;
        }
        if self.session.is_none() && !self.makers.is_empty() && self.connect(false).is_err() {
            return;
        }
        let tick_us = (tick.0 as f64 * self.step_us).round() as u64;
        // Where all are replayed, there is nobody to wait for.
        let now_us = self.session.as_mut().map_or(tick_us, |session| session.advance(tick_us));
        let at_s = now_us as f64 / 1e6;
        self.emulated.iter().for_each(|own| own.plug(at_s));
        // A device is looked at once it is known whether it has a voltage.
        for k in 0..self.places.len() {
            if let Some(Place::Amplifier(own)) = self.places.get_mut(k) {
                own.begin(tick, now_us);
                let (device, fed) = (own.feeds, own.feeds_well());
                if let Some(Place::Device(seat)) = self.device_mut(device) {
                    seat.fed(fed);
                }
            }
        }
        let others = self.places.iter_mut().filter(|place| !matches!(place, Place::Amplifier(_)));
        others.for_each(|place| place.occupant_mut().begin(tick, now_us));
    }

    /// Puts what a controller outside commands in the place of a device's own set-points.
    pub(super) fn command(&mut self, device: usize, set_points: &mut ByPhase) {
        if let Some(Place::Outside(own)) = self.device_mut(device) {
            own.command(set_points);
        }
    }

    /// Puts what a real device injects in the place of what the simulated one would, and passes its set-points on.
    pub(super) fn replace(&mut self, device: usize, set_points: &ByPhase, output: &mut ByPhase) {
        match self.device_mut(device) {
            Some(Place::Device(seat)) => seat.replace(set_points, output),
            Some(Place::Outside(own)) => own.gives(output),
            _ => {}
        }
    }

    fn device_mut(&mut self, device: usize) -> Option<&mut Place> {
        let place = self.of_device.get(device).copied().flatten()?;
        self.places.get_mut(place)
    }

    /// What a real instrument says in the place of the simulated one; `None` where that is to be taken.
    pub(super) fn reading(&self, instrument: usize) -> Option<&Frame> {
        self.places.iter().find_map(|place| match place {
            Place::Instrument(own) if own.place == instrument => own.frame(),
            _ => None,
        })
    }

    /// The real meter in the place of an analyser.
    pub(super) fn metered(&mut self, analyser: usize) -> Option<&mut Metered> {
        let place = self.of_analyser.get(analyser).copied().flatten()?;
        match self.places.get_mut(place)? {
            Place::Metered(own) => Some(own),
            _ => None,
        }
    }

    /// A simulated analyser has found a window: who asks for its results sees it.
    pub(super) fn analysed(&mut self, analyser: usize, window: &Window) {
        let results = self.emulated.iter_mut().filter_map(|own| own.results.as_mut());
        results.filter(|own| own.place == analyser).for_each(|own| own.see(window));
        self.metered(analyser).into_iter().for_each(|own| own.see(window));
    }

    /// Once the plant is solved: emulated devices see the network, and the row says how real ones stand.
    pub(super) fn show(
        &mut self,
        tick: Tick,
        (voltages, f_hz): (&[Complex], f64),
        machines: &[Machine],
        row: &mut [f64],
    ) {
        for own in &self.emulated {
            own.see(&self.emulated, voltages, f_hz, row);
        }
        for (device, place) in self.of_device.iter().enumerate() {
            if let Some(Place::Outside(own)) = place.and_then(|place| self.places.get(place)) {
                own.show(machines.get(device).and_then(Machine::stored).map(|(_, soc)| soc));
            }
        }
        for place in &mut self.places {
            if let Place::Amplifier(own) = place {
                own.command(voltages, f_hz);
            }
        }
        for &(slot, place, what) in &self.said {
            let value = self.places.get(place).map_or(f64::NAN, |own| own.occupant().says(what, tick));
            if let Some(slot) = row.get_mut(slot) {
                *slot = value;
            }
        }
    }

    /// Records what devices say, to stand in for them in another run of so many steps.
    pub(super) fn record(&mut self, ticks: u64) {
        self.places.iter_mut().for_each(|place| place.occupant_mut().record(ticks));
    }

    /// Whether the loss of a device ends the run.
    pub(super) fn stops(&self) -> bool {
        self.places.iter().any(|place| place.occupant().stops())
    }

    /// What came of each.
    pub(super) fn outcome(&self) -> Vec<Told> {
        self.places.iter().map(|place| place.occupant().outcome()).collect()
    }
}

fn failed(seat: &scenario::Seat, reason: String) -> SetupError {
    SetupError::Hil { name: seat.name.clone(), reason }
}

fn prepared(seat: &scenario::Seat) -> Result<Prepared, SetupError> {
    Prepared::new(&seat.description).map_err(|error| failed(seat, error.to_string()))
}

/// The ear of a seat: at its port, or at a record of so many numbers.
fn ear(end: crate::link::port::LoopEnd, seat: &scenario::Seat, numbers: usize) -> Result<Ear, SetupError> {
    let mut ear = Ear::new(end);
    if let At::Replay(path) = &seat.at {
        let record = Arrivals::read(path, numbers);
        ear.replay(record.map_err(|error| failed(seat, format!("{}: {error}", path.display())))?);
    }
    Ok(ear)
}

fn said((row, quantity): (usize, &scenario::Quantity)) -> Option<(usize, usize, Real)> {
    if let Measure::Real(place, what) = quantity.measure { Some((row, place, what)) } else { None }
}

/// What the numbers of a sample are called in a record: by the points where the driver's order is the description's.
fn point_names(seat: &scenario::Seat, numbers: usize) -> Vec<String> {
    let points =
        |k: usize| seat.description.points.get(k).filter(|_| !matches!(seat.description.wire, Wire::C37118(_)));
    (0..numbers).map(|k| points(k).map_or_else(|| format!("value{k}"), |own| own.name.clone())).collect()
}
