//! What the bench serves itself: emulated devices for its own drivers, and the simulation's for controllers outside. Each sees
//! the network once a step.

use std::sync::Arc;

use super::metered::Results;
use super::start::Served;
use super::{instrument, voltage_scale};
use crate::bench::grid::SetupError;
use crate::bench::machine::Machine;
use crate::bench::plant::Node;
use crate::device::{Limits, Priority};
use crate::emulate::{
    self, Amplifier, AmplifierSettings, Device, Inverter, InverterSettings, Meter, Mirror, Model, Shared, SharedModel,
    SharedScpi, Terminal,
};
use crate::link::can::bus::VirtualBus;
use crate::link::description::Wire;
use crate::link::description::language::Kind;
use crate::link::fault::Faults;
use crate::link::stream::Socket;
use crate::quantity::Complex;
use crate::scenario::{self, Measure, Plan, Replaced};

/// A device that the bench itself serves.
pub(super) struct Emulated {
    model: Behind,
    /// The wire that it listens on; none of a bus, or of the network.
    socket: Option<Socket>,
    /// What goes wrong with it.
    faults: Faults,
    /// Places of its nodes in the plant, and what the lab's voltage is multiplied with there.
    nodes: Vec<usize>,
    voltage: f64,
    /// An instrument's channels: the quantity, the point's name, what the channel is divided by.
    shown: Vec<(usize, String, f64)>,
    /// An analyser's results.
    pub(super) results: Option<Results>,
    /// The device that it feeds, or that it is.
    feeds: Option<usize>,
    is: Option<usize>,
}

/// The model of a device that the bench serves: with registers before it, or alone.
#[derive(Clone)]
enum Behind {
    Registers(Shared),
    Scpi(SharedScpi),
    Alone(SharedModel),
}

impl Emulated {
    /// Whether its wire is in place at a time of the session.
    pub(super) fn plug(&self, at_s: f64) {
        if let Some(socket) = &self.socket {
            socket.plug(!self.faults.gone(at_s));
        }
    }

    /// Its registers, where it has any.
    pub(super) const fn device(&self) -> Option<&Shared> {
        match &self.model {
            Behind::Registers(device) => Some(device),
            Behind::Scpi(_) | Behind::Alone(_) => None,
        }
    }

    /// Does something with its model; served by another thread at this moment, it does not.
    fn with<T>(&self, act: impl FnOnce(&mut dyn Model) -> T) -> Option<T> {
        match &self.model {
            Behind::Registers(device) => device.try_lock().ok().map(|mut own| act(own.model())),
            Behind::Scpi(device) => device.try_lock().ok().map(|mut own| act(&mut **own.behind())),
            Behind::Alone(model) => model.try_lock().ok().map(|mut own| act(&mut **own)),
        }
    }

    /// The device that it feeds, and the voltage that it gives.
    fn gives(&self) -> Option<(usize, Terminal)> {
        let feeds = self.feeds?;
        let value = |model: &dyn Model, name: &str| model.get(name).unwrap_or(0.0);
        let terminal = self.with(|model| Terminal {
            v_v: ["v_v.a", "v_v.b", "v_v.c"].map(|name| value(model, name)),
            f_hz: value(model, "f_hz"),
        });
        terminal.map(|terminal| (feeds, terminal))
    }

    /// Sees the network, or what an amplifier in `all` gives it. Served by another thread at this moment, it does so at the
    /// next step.
    pub(super) fn see(&self, all: &[Self], voltages: &[Complex], f_hz: f64, row: &[f64]) {
        let given = self.is.and_then(|device| all.iter().filter_map(Self::gives).find(|own| own.0 == device));
        let terminal = given.map(|own| own.1).or_else(|| self.terminal(voltages, f_hz));
        let _ = self.with(|model| self.tell(model, terminal, f_hz, row));
    }

    /// The network where it stands, where it stands anywhere.
    fn terminal(&self, voltages: &[Complex], f_hz: f64) -> Option<Terminal> {
        if self.nodes.is_empty() {
            return None;
        }
        let mut v_v = [0.0; 3];
        for (v, &node) in v_v.iter_mut().zip(&self.nodes) {
            *v = voltages.get(node).map_or(0.0, |v| v.norm()) / self.voltage;
        }
        Some(Terminal { v_v, f_hz })
    }

    fn tell(&self, model: &mut dyn Model, terminal: Option<Terminal>, f_hz: f64, row: &[f64]) {
        match terminal {
            Some(terminal) => model.stand_at(terminal),
            None => model.show("f_hz", f_hz),
        }
        for (quantity, name, factor) in &self.shown {
            model.show(name, row.get(*quantity).map_or(f64::NAN, |value| value / factor));
        }
        self.results.iter().flat_map(Results::shown).for_each(|(name, value)| model.show(name, value));
        if terminal.is_none() && matches!(self.model, Behind::Alone(_)) {
            // A meter that is not served by registers goes on by itself.
            model.step(0.0);
        }
    }
}

/// What a seat's device is served by, and the bench's side of it.
pub(super) fn emulated(
    plan: &Plan,
    seat: &scenario::Seat,
    machines: &[Machine],
    nodes: &[Node],
) -> Result<(Served, Emulated), SetupError> {
    let failed = |reason: String| SetupError::Hil { name: seat.name.clone(), reason };
    let mut faults = Faults::new(plan.seed);
    seat.faults.iter().for_each(|&(from_s, to_s, fault)| faults.add(from_s, to_s, fault));
    let (mut places, voltage) = stands_at(seat, machines);
    let (feeds, is) = match seat.replaces {
        Replaced::Device(device) => (None, Some(device)),
        Replaced::Amplifier(device) => (Some(device), None),
        Replaced::Instrument(..) | Replaced::Analyser(..) => (None, None),
    };
    if feeds.is_some() {
        // It makes a voltage, and stands at none.
        places.clear();
    }
    let mut model = model(plan, seat, machines);
    let results = results(plan, seat, nodes);
    results.iter().flat_map(Results::shown).for_each(|(name, value)| model.show(name, value));
    let own = |model: Behind, socket: Option<&Socket>| Emulated {
        model,
        socket: socket.cloned(),
        faults: faults.clone(),
        nodes: places,
        voltage,
        shown: shown(plan, seat, nodes),
        results,
        feeds,
        is,
    };
    let (socket, accept) = Socket::new();
    Ok(match &seat.description.wire {
        Wire::Modbus(_) => {
            let mut device =
                Device::new(&seat.description, model, faults.clone()).map_err(|error| failed(error.to_string()))?;
            if let Some(service) = &seat.served {
                device.set_unit(service.unit);
                device.set_writable(service.writable);
            }
            let device = emulate::shared(device);
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
        Wire::Scpi(_) => {
            let device = emulate::scpi(&seat.description, model, faults.clone());
            let device = device.map_err(|error| failed(error.to_string()))?;
            let kept = own(Behind::Scpi(Arc::clone(&device)), Some(&socket));
            (Served::Scpi(device, socket, accept), kept)
        }
    })
}

/// Where an emulated device stands in the plant.
pub(super) fn stands_at(seat: &scenario::Seat, machines: &[Machine]) -> (Vec<usize>, f64) {
    match &seat.replaces {
        Replaced::Device(device) | Replaced::Amplifier(device) => match machines.get(*device) {
            Some(machine) => (machine.nodes.clone(), voltage_scale(seat, machine.base_v)),
            None => (Vec::new(), 1.0),
        },
        Replaced::Instrument(..) | Replaced::Analyser(..) => (Vec::new(), 1.0),
    }
}

/// What an instrument's points show: the quantity, the point's name, what the quantity is divided by.
fn shown(plan: &Plan, seat: &scenario::Seat, nodes: &[Node]) -> Vec<(usize, String, f64)> {
    let Replaced::Instrument(place, _) = &seat.replaces else { return Vec::new() };
    let Some(quantities) = plan.equipment.instruments.get(*place).map(|own| &own.quantities) else { return Vec::new() };
    let channels = instrument::channels(seat, &bases(plan, *place, nodes));
    let named = |(k, own): (usize, &Option<(usize, f64)>)| {
        let (point, factor) = (*own)?;
        Some((*quantities.get(k)?, seat.description.points.get(point)?.name.clone(), factor))
    };
    channels.iter().enumerate().filter_map(named).collect()
}

/// What an analyser's points show.
fn results(plan: &Plan, seat: &scenario::Seat, nodes: &[Node]) -> Option<Results> {
    let Replaced::Analyser(place, _) = seat.replaces else { return None };
    let (voltages, base_v) = analysed(plan, place, nodes);
    Results::new(seat, voltages, base_v)
}

/// How many voltages an analyser has, and the base of its bus.
pub(super) fn analysed(plan: &Plan, analyser: usize, nodes: &[Node]) -> (usize, f64) {
    let Some(own) = plan.equipment.analysers.get(analyser) else { return (0, 1.0) };
    let base = |node: &scenario::NodeRef| nodes.iter().find(|n| n.bus == node.bus && n.number == node.number);
    (own.nodes.len(), own.nodes.first().and_then(base).map_or(1.0, |node| node.base_v))
}

/// The voltage base behind each channel of an instrument; 1 where there is none.
pub(super) fn bases(plan: &Plan, instrument: usize, nodes: &[Node]) -> Vec<f64> {
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

/// The emulated device of a seat: an inverter like the simulated one, or a meter; of what is served, the simulated one.
fn model(plan: &Plan, seat: &scenario::Seat, machines: &[Machine]) -> Box<dyn Model> {
    if let Replaced::Amplifier(device) = seat.replaces {
        let phases = machines.get(device).map_or(3, Machine::phases);
        return Box::new(Amplifier::new(AmplifierSettings { phases, ..AmplifierSettings::default() }));
    }
    let (Replaced::Device(device), Kind::Inverter | Kind::Charger) = (&seat.replaces, seat.description.kind) else {
        return Box::new(Meter::new(0.0));
    };
    let phases = machines.get(*device).map_or(3, Machine::phases);
    let like = plan.equipment.devices.get(*device).map(|own| own.limits);
    let part = seat.share / seat.setting.scale.power;
    if seat.served.is_some() {
        let mut own = Mirror::new(phases);
        like.iter().for_each(|limits| own.show("s_rated_va", limits.s_va * part));
        return Box::new(own);
    }
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
