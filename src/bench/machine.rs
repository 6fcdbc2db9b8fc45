//! What stands behind a device of the plan: mere power, a site of inverters, an active filter.

use super::grid::SetupError;
use super::plant::{HarmonicPlant, Node};
use super::quality::FlowAt;
use crate::device::inverter::{ByPhase, Carriers, Command, Fault, Fundamental, Site, Which};
use crate::device::{ActiveFilter, Battery, ControllablePower, DeadTime, Limits, Sensing, Storage};
use crate::quantity::{Complex, complex, phasor};
use crate::scenario::{self, DeviceKind, Flow, Plan};
use crate::signal::{HarmonicCommand, Norton};

/// A device at work.
pub(super) struct Machine {
    kind: Kind,
    /// The load that stands for it.
    pub(super) load: usize,
    /// Places of its nodes in the plant, phase by phase.
    pub(super) nodes: Vec<usize>,
    /// Voltage base of its bus, to ground, in V.
    pub(super) base_v: f64,
    /// What it is to the network at the run's orders.
    norton: Norton,
    /// Voltages at its nodes at the last solution.
    v_v: Vec<Complex>,
    f_hz: f64,
    /// The last command about harmonics.
    command: HarmonicCommand,
    /// Whether it is lost.
    lost: bool,
}

enum Kind {
    Power(Box<Power>),
    Site(Box<Site>),
    Filter(Box<Filter>),
}

/// Mere power, phase by phase: each has its part of the rating, of the ramps and of the dead time.
struct Power {
    waiting: DeadTime<ByPhase>,
    phases: Vec<ControllablePower>,
    /// The battery behind all of them.
    storage: Option<Storage>,
}

/// An active filter with what it looks at.
struct Filter {
    filter: ActiveFilter,
    cancels: Vec<Flow>,
    /// What it senses: order after order, phase by phase.
    sensed: Vec<Complex>,
    phases: usize,
    on: bool,
}

impl Machine {
    /// A device that stands at a set-point in W and var.
    pub(super) fn new(
        plan: &Plan,
        device: &scenario::Device,
        nodes: &[Node],
        start: [f64; 2],
    ) -> Result<Self, SetupError> {
        let orders = plan.harmonics.as_ref().map(|harmonics| harmonics.orders.as_slice()).unwrap_or_default();
        let places = places(plan, device, nodes);
        let phases = places.len();
        let base_v = places.first().and_then(|&place| nodes.get(place)).map_or(1.0, |node| node.base_v);
        let kind = match &device.kind {
            DeviceKind::Power { dead_time, battery } => {
                Kind::Power(Box::new(Power::new(device.limits, *dead_time, phases, start, *battery)))
            }
            DeviceKind::Inverter(settings) => {
                let mut settings = settings.as_ref().clone();
                settings.seed = plan.seed;
                settings.bus_v = base_v;
                settings.multiples = orders.to_vec();
                settings.start = start;
                let site = Site::new(settings);
                Kind::Site(Box::new(site.map_err(|error| SetupError::Inverter { name: device.name.clone(), error })?))
            }
            DeviceKind::ActiveFilter(own) => {
                let filter = Filter::new(own, device.limits.s_va / (phases.max(1) as f64 * base_v), phases, orders);
                Kind::Filter(Box::new(filter.map_err(|error| SetupError::Filter { name: device.name.clone(), error })?))
            }
        };
        Ok(Self {
            kind,
            norton: Norton::new(orders.len(), phases),
            v_v: (0..phases).map(|k| phasor(base_v, -120.0 * k as f64)).collect(),
            load: device.load,
            nodes: places,
            base_v,
            f_hz: plan.feeder.frequency_hz,
            command: HarmonicCommand::default(),
            lost: false,
        })
    }

    /// One step towards set-points in W and var by phase: what it then injects through each.
    pub(super) fn step(&mut self, set_points: &ByPhase, step_s: f64) -> ByPhase {
        match &mut self.kind {
            Kind::Power(power) => power.step(set_points, step_s),
            Kind::Site(site) => site.step_phases(&self.v_v, self.f_hz, set_points).s_va.map(|s_va| [s_va.re, s_va.im]),
            Kind::Filter(_) => [[0.0; 2]; 3],
        }
    }

    /// Energy in Wh that it stores, and its state of charge from 0 to 1; `None` without a battery.
    pub(super) fn stored(&self) -> Option<(f64, f64)> {
        match &self.kind {
            Kind::Power(power) => power.storage.map(|own| (own.energy_wh(), own.soc())),
            Kind::Site(site) => site.energy_wh().zip(site.soc()),
            Kind::Filter(_) => None,
        }
    }

    /// Active power in W of all phases that its battery can hold for some seconds: the most that is charged (not positive),
    /// the most that is discharged; `None` without a battery.
    pub(super) fn limits_w(&self, h_s: f64) -> Option<[f64; 2]> {
        match &self.kind {
            Kind::Power(power) => power.storage.map(|own| own.limits_w(h_s)),
            Kind::Site(site) => site.limits_w(h_s),
            Kind::Filter(_) => None,
        }
    }

    /// How many phases it has.
    pub(super) fn phases(&self) -> usize {
        self.nodes.len().clamp(1, 3)
    }

    pub(super) fn set_lost(&mut self, lost: bool) {
        self.lost = lost;
        match &mut self.kind {
            Kind::Power(power) => power.phases.iter_mut().for_each(|own| own.set_lost(lost)),
            // All units there are: nothing to refuse.
            Kind::Site(site) => {
                let _ = site.break_down(Which::All, Fault::Lost(lost));
            }
            Kind::Filter(own) => own.filter.set_lost(lost || !own.on),
        }
    }

    /// Lets a site's harmonic source (all units) be larger by a factor.
    pub(super) fn set_noisy(&mut self, factor: f64) {
        if let Kind::Site(site) = &mut self.kind {
            // A plan's factors are possible ones.
            let _ = site.break_down(Which::All, Fault::Noisy(factor));
        }
    }

    /// Switches an active filter.
    pub(super) fn switch(&mut self, on: bool) {
        if let Kind::Filter(own) = &mut self.kind {
            own.on = on;
            own.filter.set_lost(!on || self.lost);
        }
    }

    /// The site of inverters, if it is one.
    pub(super) fn site(&self) -> Option<&Site> {
        if let Kind::Site(site) = &self.kind { Some(site) } else { None }
    }

    /// Takes a command about harmonics, to be followed from the next step on.
    pub(super) fn obey(&mut self, command: &HarmonicCommand) {
        let before = std::mem::replace(&mut self.command, *command);
        if before.same_order(command) {
            return;
        }
        let Kind::Site(site) = &mut self.kind else { return };
        let own_hz = site.settings().unit.converter.switching_hz;
        let carrier_hz = if command.carrier_hz.is_finite() { command.carrier_hz } else { own_hz };
        let carriers = if command.interleave > 1 { Carriers::Interleaved } else { Carriers::Free };
        let p_w = if command.p_limit_pu < 1.0 {
            command.p_limit_pu.max(0.0) * site.settings().unit.s_va
        } else {
            f64::INFINITY
        };
        let which = Which::All;
        let probe = &command.probe;
        let stop = |order: u8| {
            [
                Command::Compensate { order: order.into(), current_a: [complex(0.0, 0.0); 3] },
                Command::Conductance { order: order.into(), conductance_s: 0.0 },
            ]
        };
        let gone = before.compensation.iter().map(|own| own.order).filter(|&order| order > 0);
        let orders = gone.flat_map(stop);
        let general = [
            Command::SwitchingFrequency(carrier_hz),
            Command::Carriers(carriers),
            Command::LimitPower { which, p_w },
            Command::Connect { which, on: command.connected },
            Command::Probe {
                which,
                order: if probe.order > 0 { probe.order.into() } else { before.probe.order.max(2).into() },
                current_a: if probe.order > 0 { (probe.sign * probe.amplitude_a).abs() } else { 0.0 },
                negative: probe.sign < 0.0,
            },
        ];
        // What is refused shows in what it then does: whoever commands looks at the effect.
        for command in orders.chain(general) {
            let _ = site.apply(&command);
        }
    }

    /// Current that is left for compensation at its bus in A of each phase.
    pub(super) fn headroom_a(&self) -> f64 {
        let Kind::Site(site) = &self.kind else { return 0.0 };
        let left_va: f64 = site.units().iter().map(|unit| unit.headroom_va()).sum();
        left_va / (self.nodes.len().max(1) as f64 * self.base_v)
    }

    /// The sign of the probe that it injects now, and its order.
    pub(super) fn probe(&self) -> (u8, f64) {
        (self.command.probe.order, self.command.probe.sign)
    }

    /// Looks at the fundamental that the plant has come to, and says what it then is at the run's orders.
    /// `heard`: for each of its phases, which phase of a command is meant for it, and what turns that to the network's axis.
    pub(super) fn emit(&mut self, voltages: &[Complex], f_hz: f64, heard: &[Option<(usize, Complex)>; 3]) -> &Norton {
        self.f_hz = f_hz;
        for (own, &node) in self.v_v.iter_mut().zip(&self.nodes) {
            *own = voltages.get(node).copied().unwrap_or_default();
        }
        match &mut self.kind {
            Kind::Power(_) => {}
            Kind::Site(site) => {
                for own in self.command.compensation.iter().filter(|own| own.order > 0) {
                    let order = u32::from(own.order);
                    let current_a = heard.map(|heard| {
                        let own = heard.and_then(|(phase, turn)| Some(own.current_a.get(phase)? * turn.powu(order)));
                        own.unwrap_or_default()
                    });
                    let _ = site.apply(&Command::Compensate { order, current_a });
                    let _ = site.apply(&Command::Conductance { order, conductance_s: own.conductance_s });
                }
                site.emit(&Fundamental { v_v: &self.v_v, i_a: None, f_hz }, &mut self.norton);
            }
            Kind::Filter(own) => own.filter.emit(f_hz, &mut self.norton),
        }
        &self.norton
    }

    /// What it is to the network at the run's orders.
    pub(super) const fn norton(&self) -> &Norton {
        &self.norton
    }

    /// Whose current it cancels, if it is an active filter.
    pub(super) fn cancels(&self) -> &[Flow] {
        if let Kind::Filter(own) = &self.kind { &own.cancels } else { &[] }
    }

    /// Lets an active filter look at what it cancels, once the orders are solved: at these currents into the network,
    /// phase by phase.
    pub(super) fn look(&mut self, plant: &mut dyn HarmonicPlant, flows: &[Vec<FlowAt>]) {
        let Kind::Filter(own) = &mut self.kind else { return };
        let phases = own.phases.max(1);
        for (k, sensed) in own.sensed.iter_mut().enumerate() {
            let (order, phase) = (k / phases, k % phases);
            let Some(&node) = self.nodes.get(phase) else { continue };
            *sensed = match flows.get(phase) {
                Some(flows) if !own.cancels.is_empty() => flows.iter().map(|flow| flow.injected(plant, order)).sum(),
                _ => plant.harmonic_v(node, order),
            };
        }
        if own.on && !self.lost {
            let Filter { filter, sensed, .. } = own.as_mut();
            filter.step(|order| sensed.get(order * phases..(order + 1) * phases).unwrap_or_default());
        }
    }
}

impl Power {
    fn new(all: Limits, dead_time: usize, phases: usize, start: [f64; 2], battery: Option<Battery>) -> Self {
        let count = phases.clamp(1, 3);
        let part = |x: f64| x / count as f64;
        let limits = Limits {
            s_va: part(all.s_va),
            ramp_w_per_s: part(all.ramp_w_per_s),
            ramp_var_per_s: part(all.ramp_var_per_s),
            ..all
        };
        let start = start.map(part);
        let waiting = DeadTime::new(dead_time, [start; 3]);
        let phases = vec![ControllablePower::new(limits, start); count];
        Self { waiting, phases, storage: battery.map(Storage::new) }
    }

    fn step(&mut self, set_points: &ByPhase, step_s: f64) -> ByPhase {
        let arrived = self.waiting.pass(Some(*set_points));
        let mut output = [[0.0; 2]; 3];
        for ((own, set_point), output) in self.phases.iter_mut().zip(arrived).zip(&mut output) {
            *output = own.step(set_point, step_s);
        }
        if let Some(storage) = &mut self.storage {
            let within_w = storage.limits_w(step_s);
            if hold(&mut output, within_w) {
                self.phases.iter_mut().zip(&output).for_each(|(own, [p_w, _])| own.hold_p(*p_w));
            }
            storage.step(output.iter().map(|[p_w, _]| p_w).sum(), step_s);
        }
        output
    }
}

/// Brings the active power of all phases together to what a battery can do, by making those phases smaller that go beyond;
/// whether it had to.
/// Phases pass power to each other by the DC link: what one draws and another injects is no matter of the battery.
fn hold(output: &mut ByPhase, [least_w, most_w]: [f64; 2]) -> bool {
    let sum_w: f64 = output.iter().map(|[p_w, _]| p_w).sum();
    let (sign, over_w) = if sum_w > most_w { (1.0, sum_w - most_w) } else { (-1.0, least_w - sum_w) };
    if over_w.is_nan() || over_w <= 0.0 {
        return false;
    }
    let beyond = |p_w: f64| (sign * p_w).max(0.0);
    let whole_w: f64 = output.iter().map(|[p_w, _]| beyond(*p_w)).sum();
    for [p_w, _] in output {
        *p_w -= sign * over_w * beyond(*p_w) / whole_w;
    }
    true
}

impl Filter {
    fn new(
        own: &scenario::ActiveFilter,
        capacity_a: f64,
        phases: usize,
        orders: &[f64],
    ) -> Result<Self, crate::device::FilterError> {
        let s = &own.setting;
        let sensing = match s.conductance_s {
            Some(conductance_s) if own.cancels.is_empty() => Sensing::Voltage { conductance_s },
            _ => Sensing::Load { mu: s.gain, delay_s: 0.0 },
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "orders are 2 to 50")]
        let whole: Vec<Option<u32>> = orders.iter().map(|&order| Some(order as u32)).collect();
        let mut filter = ActiveFilter::new(sensing, capacity_a, phases, &whole, &s.orders)?;
        filter.set_lost(!s.on);
        let sensed = vec![complex(0.0, 0.0); orders.len() * phases];
        Ok(Self { filter, cancels: own.cancels.clone(), sensed, phases, on: s.on })
    }
}

/// Places of a device's nodes among the plant's, phase by phase.
fn places(plan: &Plan, device: &scenario::Device, nodes: &[Node]) -> Vec<usize> {
    let added = device.load.checked_sub(plan.feeder.loads.len()).and_then(|k| plan.added.get(k));
    let Some(added) = added else { return Vec::new() };
    let place = |number: &u16| nodes.iter().position(|node| node.bus == added.bus.bus && node.number == *number);
    added.bus.nodes.iter().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Compensation;

    const FEEDER: &str = "
feeder: f
frequency_hz: 50
voltage_bases_kv: [0.4]
sources: {grid: {bus: a, v_kv: 0.4, mvasc3: 5, mvasc1: 5}}
lines: {l: {from: a, to: b, total: {r1_ohm: 0.01, x1_ohm: 0.01, r0_ohm: 0.03, x0_ohm: 0.03}}}
";
    const SCENARIO: &str = "
scenario: s
feeder: f.yaml
duration_s: 1
step_s: 1
devices: {ev: {inverter: {model: v2g_22kw, bus: b, phases: b, p_kw: -2, emission: none}}}
";

    /// A device on phase b alone takes the part of a command that is meant for phase b, turned to the network's axis.
    #[test]
    fn a_device_of_one_phase_takes_its_own_phase_of_a_command() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f.yaml"), FEEDER).unwrap();
        std::fs::write(dir.path().join("s.yaml"), SCENARIO).unwrap();
        let reading = scenario::read(&dir.path().join("s.yaml"));
        let plan = reading.plan.unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
        let node = |number| Node { bus: "b".into(), number, base_v: 230.0 };
        let nodes: Vec<Node> = (1..=3).map(node).collect();
        let device = &plan.equipment.devices[0];
        let mut machine = Machine::new(&plan, device, &nodes, [-2000.0, 0.0]).unwrap();
        assert_eq!(machine.nodes, [1]);
        let voltages = [0.0, -120.0, 120.0].map(|angle| phasor(230.0, angle));
        let turn = phasor(1.0, -120.0);
        let order_5 = 3;
        let without = machine.emit(&voltages, 50.0, &[Some((1, turn)), None, None]).current_a(order_5)[0];
        let mut command = HarmonicCommand { sequence: 1, ..HarmonicCommand::default() };
        let current_a = [complex(9.0, 0.0), complex(2.0, 0.0), complex(0.0, 9.0)];
        command.compensation[0] = Compensation { order: 5, current_a, conductance_s: 0.0 };
        machine.obey(&command);
        let with = machine.emit(&voltages, 50.0, &[Some((1, turn)), None, None]).current_a(order_5)[0];
        let expected = complex(2.0, 0.0) * turn.powu(5);
        assert!((with - without - expected).norm() < 1e-9, "{with} {without} {expected}");
    }
}
