//! Devices, instruments and controllers at work: between the plant's ticks, sense ▸ control ▸ actuate.
//!
//! Once tick n is solved, instruments look at its row, and controllers that are due see what has arrived by n. Their
//! commands reach devices in tick n + 1, or later when communication is slow; a device keeps the last command it got.

use super::demand::Demands;
use super::grid::SetupError;
use super::hil::Hil;
use super::machine::Machine;
use super::plant::{Node, Plant};
use crate::control::{Controller, Droop};
use crate::device::inverter::ByPhase;
use crate::quantity::Tick;
use crate::scenario::{self, Demand, Law, Link, Measure, Plan, Stored};
use crate::sense::{self, ClockFault, Fault};
use crate::signal::{Frame, Line};

/// Ticks from a command to its effect.
const TO_ACT: u64 = 1;

pub(super) struct Equipment {
    devices: Vec<Device>,
    /// What stands behind each device.
    pub(super) machines: Vec<Machine>,
    instruments: Vec<Instrument>,
    controllers: Vec<Loop>,
    /// Places in the row that instruments fill.
    readings: Vec<(usize, Reading)>,
    /// Places in the row that batteries fill.
    stored: Vec<(usize, usize, Stored)>,
    step_s: f64,
}

struct Device {
    /// Its place among the demands.
    load: usize,
    /// Its own set-point.
    own: Demand,
    /// Reactive power in var that a controller commands.
    q_var: Option<f64>,
    /// Largest active power in W that a controller leaves it.
    p_most_w: Option<f64>,
    /// Power of each phase that a controller commands.
    by_phase: [Option<[f64; 2]>; 3],
    /// What it injects, and what of that the plant was told.
    output: ByPhase,
    told: ByPhase,
}

struct Instrument {
    front: sense::Instrument,
    /// Places in the row of what is behind its channels.
    quantities: Vec<usize>,
    /// What a real one says in its place, while there is one.
    real: Frame,
    replaced: bool,
}

impl Instrument {
    /// The newest reading: a real instrument's, where one takes its place.
    const fn reading(&self) -> &Frame {
        if self.replaced { &self.real } else { self.front.reading() }
    }
}

struct Loop {
    law: Box<dyn Controller>,
    commands: Frame,
    line: Line,
    every: u64,
    instrument: usize,
    actuators: Vec<usize>,
    kind: Law,
}

#[derive(Clone, Copy)]
enum Reading {
    Value(usize, usize),
    Age(usize),
}

impl Equipment {
    /// Devices stand at what `demands` say at the start.
    pub(super) fn new(plan: &Plan, nodes: &[Node], demands: &mut Demands) -> Result<Self, SetupError> {
        demands.look(plan.clock_s(Tick(0)));
        let devices = &plan.equipment.devices;
        let machine = |d: &scenario::Device| Machine::new(plan, d, nodes, injected(demands, &d.set_point));
        let machines = devices.iter().map(machine).collect::<Result<_, _>>()?;
        let none = [[0.0; 2]; 3];
        let device = |d: &scenario::Device| Device {
            load: d.load,
            own: d.set_point,
            q_var: None,
            p_most_w: None,
            by_phase: [None; 3],
            output: none,
            told: none,
        };
        let instrument = |i: &scenario::Instrument| Instrument {
            front: sense::Instrument::new(&i.name, &i.channels, i.settings, i.kind, plan.seed),
            quantities: i.quantities.clone(),
            real: Frame::new(i.channels.names().len()),
            replaced: false,
        };
        let reading = |(row, quantity): (usize, &scenario::Quantity)| match quantity.measure {
            Measure::Reading(instrument, channel) => Some((row, Reading::Value(instrument, channel))),
            Measure::Age(instrument) => Some((row, Reading::Age(instrument))),
            _ => None,
        };
        let stored = |(row, quantity): (usize, &scenario::Quantity)| match quantity.measure {
            Measure::Stored(device, what) => Some((row, device, what)),
            _ => None,
        };
        Ok(Self {
            devices: devices.iter().map(device).collect(),
            machines,
            instruments: plan.equipment.instruments.iter().map(instrument).collect(),
            controllers: plan.equipment.controllers.iter().map(Loop::new).collect(),
            readings: plan.quantities.iter().enumerate().filter_map(reading).collect(),
            stored: plan.quantities.iter().enumerate().filter_map(stored).collect(),
            step_s: plan.step.seconds(),
        })
    }

    /// Before a tick is solved: what real instruments have said by now.
    pub(super) fn hear(&mut self, hil: &Hil) {
        for (k, instrument) in self.instruments.iter_mut().enumerate() {
            let heard = hil.reading(k);
            instrument.replaced = heard.is_some();
            if let Some(frame) = heard {
                instrument.real.take(frame, 0);
            }
        }
    }

    /// Before a tick is solved: commands that arrive are taken, and devices move.
    pub(super) fn actuate(&mut self, tick: Tick, demands: &mut Demands, hil: &mut Hil) {
        for controller in &mut self.controllers {
            controller.deliver(tick, &mut self.devices);
        }
        for (k, (device, machine)) in self.devices.iter_mut().zip(&mut self.machines).enumerate() {
            let mut set_points = device.set_points(machine.phases(), injected(demands, &device.own));
            hil.command(k, &mut set_points);
            device.output = machine.step(&set_points, self.step_s);
            hil.replace(k, &set_points, &mut device.output);
            let [p_w, q_var] = [0, 1].map(|k| device.output.iter().map(|own| own[k]).sum::<f64>());
            if let Some(demand) = demands.get_mut(device.load) {
                (demand.p_kw, demand.q_kvar) = (-p_w / 1000.0, -q_var / 1000.0);
            }
        }
    }

    /// Once the plant has been told what loads draw, all phases alike: tells it by phase what devices inject.
    pub(super) fn tell_phases(&mut self, plant: &mut impl Plant) {
        for (device, machine) in self.devices.iter_mut().zip(&self.machines) {
            if machine.phases() == 1 || device.told == device.output {
                continue;
            }
            device.told = device.output;
            for (phase, [p_w, q_var]) in device.output.iter().enumerate().take(machine.phases()) {
                plant.set_load_phase(device.load, phase, -p_w, -q_var);
            }
        }
    }

    /// Once a tick is solved: instruments look at its row and add what they say to it, controllers act on that.
    pub(super) fn sense_and_control(&mut self, tick: Tick, row: &mut [f64]) {
        for &(place, device, what) in &self.stored {
            if let Some((slot, (energy_wh, soc))) = row.get_mut(place).zip(self.stored(device)) {
                *slot = if what == Stored::Energy { energy_wh / 1000.0 } else { 100.0 * soc };
            }
        }
        for Instrument { front, quantities, .. } in &mut self.instruments {
            let truth = |channel: usize| quantities.get(channel).and_then(|&k| row.get(k)).copied().unwrap_or(f64::NAN);
            front.step(tick, truth);
        }
        for &(place, reading) in &self.readings {
            if let Some(slot) = row.get_mut(place) {
                *slot = self.said(reading, tick);
            }
        }
        for controller in &mut self.controllers {
            if let Some(seen) = self.instruments.get(controller.instrument) {
                controller.step(tick, seen.reading());
            }
        }
    }

    /// NaN where an instrument says nothing.
    #[allow(clippy::cast_precision_loss, reason = "a count of steps")]
    fn said(&self, reading: Reading, tick: Tick) -> f64 {
        let held = |instrument: usize| self.instruments.get(instrument).map(Instrument::reading);
        match reading {
            Reading::Value(instrument, channel) => {
                let channel = held(instrument).map(|frame| frame.get(channel)).filter(|channel| channel.valid);
                channel.map_or(f64::NAN, |channel| channel.value)
            }
            Reading::Age(instrument) => {
                let frame = held(instrument).filter(|frame| frame.sequence > 0);
                frame.map_or(f64::NAN, |frame| (tick.0 - frame.origin.0) as f64 * self.step_s)
            }
        }
    }

    /// The newest reading of an instrument that has arrived.
    pub(super) fn reading(&self, instrument: usize) -> Option<&Frame> {
        self.instruments.get(instrument).map(Instrument::reading)
    }

    /// Active and reactive power that a device injects through a phase, in W and var.
    pub(super) fn output(&self, device: usize, phase: usize) -> [f64; 2] {
        self.devices.get(device).and_then(|own| own.output.get(phase)).copied().unwrap_or_default()
    }

    /// Energy in Wh that a device stores, and its state of charge; `None` without a battery.
    pub(super) fn stored(&self, device: usize) -> Option<(f64, f64)> {
        self.machines.get(device).and_then(Machine::stored)
    }

    /// Active power in W that a device's battery can hold for some steps; `None` without a battery.
    #[allow(clippy::cast_precision_loss, reason = "a count of steps")]
    pub(super) fn limits_w(&self, device: usize, steps: u64) -> Option<[f64; 2]> {
        self.machines.get(device).and_then(|own| own.limits_w(self.step_s * steps.max(1) as f64))
    }

    /// Commands a phase of a device from now on; `None` gives it back to the device's own set-point.
    pub(super) fn command(&mut self, device: usize, phase: usize, power: Option<[f64; 2]>) {
        if let Some(own) = self.devices.get_mut(device).and_then(|own| own.by_phase.get_mut(phase)) {
            *own = power;
        }
    }

    pub(super) fn set_lost(&mut self, device: usize, lost: bool) {
        if let Some(machine) = self.machines.get_mut(device) {
            machine.set_lost(lost);
        }
    }

    /// Lets a device's harmonic source be so many times as large as it should be.
    pub(super) fn set_noisy(&mut self, device: usize, factor: f64) {
        if let Some(machine) = self.machines.get_mut(device) {
            machine.set_noisy(factor);
        }
    }

    pub(super) fn switch_filter(&mut self, device: usize, on: bool) {
        if let Some(machine) = self.machines.get_mut(device) {
            machine.switch(on);
        }
    }

    pub(super) fn set_point(&mut self, device: usize, p_kw: Option<f64>, q_kvar: Option<f64>) {
        if let Some(Device { own, .. }) = self.devices.get_mut(device) {
            (own.p_kw, own.q_kvar) = (p_kw.unwrap_or(own.p_kw), q_kvar.unwrap_or(own.q_kvar));
        }
    }

    pub(super) fn set_fault(&mut self, instrument: usize, channel: Option<usize>, fault: Fault, on: bool) {
        if let Some(Instrument { front, .. }) = self.instruments.get_mut(instrument) {
            front.set_fault(channel, fault, on);
        }
    }

    /// Lets the time of a PMU be wrong, or right again.
    pub(super) fn set_clock(&mut self, instrument: usize, fault: ClockFault, on: bool) {
        if let Some(Instrument { front, .. }) = self.instruments.get_mut(instrument) {
            front.set_clock(fault, on);
        }
    }

    /// The line that an instrument's readings or a controller's commands take.
    pub(super) fn line(&mut self, link: Link) -> Option<&mut Line> {
        match link {
            Link::Instrument(k) => self.instruments.get_mut(k).map(|instrument| instrument.front.line_mut()),
            Link::Controller(k) => self.controllers.get_mut(k).map(|controller| &mut controller.line),
            Link::Mitigation(_) | Link::Phasor(_) | Link::Supervisory(_) => None,
        }
    }
}

impl Device {
    /// What each of its phases is to inject: a controller's word where it has one, else all alike its own.
    #[allow(clippy::cast_precision_loss, reason = "a few phases")]
    fn set_points(&self, phases: usize, [own_w, own_var]: [f64; 2]) -> ByPhase {
        let p_w = self.p_most_w.map_or(own_w, |most_w| own_w.min(most_w));
        let alike = [p_w, self.q_var.unwrap_or(own_var)].map(|x| x / phases as f64);
        let mut set_points = [[0.0; 2]; 3];
        for (own, commanded) in set_points.iter_mut().zip(&self.by_phase).take(phases) {
            *own = commanded.unwrap_or(alike);
        }
        set_points
    }
}

/// A device's own set-point in W and var.
fn injected(demands: &Demands, own: &Demand) -> [f64; 2] {
    let (p_kw, q_kvar) = demands.power_kva(own);
    [p_kw * 1000.0, q_kvar * 1000.0]
}

impl Loop {
    fn new(controller: &scenario::Controller) -> Self {
        let count = controller.actuators.len();
        Self {
            law: Box::new(Droop::new(controller.settings.clone())),
            commands: Frame::new(count),
            line: Line::new(count, controller.every, TO_ACT, controller.most_extra),
            every: controller.every.max(1),
            instrument: controller.instrument,
            actuators: controller.actuators.clone(),
            kind: controller.law,
        }
    }

    fn step(&mut self, tick: Tick, measured: &Frame) {
        if tick.0.is_multiple_of(self.every) {
            self.law.step(tick, measured, &mut self.commands);
            self.line.send(&self.commands);
        }
    }

    fn deliver(&mut self, tick: Tick, devices: &mut [Device]) {
        if !self.line.receive(tick) {
            return;
        }
        for (command, &device) in self.line.held().channels().iter().zip(&self.actuators) {
            let Some(device) = devices.get_mut(device).filter(|_| command.valid) else { continue };
            match self.kind {
                Law::VoltVar => device.q_var = Some(command.value),
                Law::VoltWatt => device.p_most_w = Some(command.value),
            }
        }
    }
}
