//! A power-quality analyser at work: what stands at its bus, through its front end, into the instrument, and who is to
//! blame.

use super::flow::FlowAt;
use crate::bench::grid::SetupError;
use crate::bench::hil::{Hil, Metered};
use crate::bench::machine::Machine;
use crate::bench::plant::{Node, Plant};
use crate::monitor::alarm::Change;
use crate::monitor::attribution::{Attribution, Places, Sample};
use crate::monitor::event::EventKind;
use crate::monitor::{Finding, Instrument, Remote, Window};
use crate::quantity::{Complex, Tick};
use crate::scenario::{self, Analysed, Flow, Plan};
use crate::sense::{PowerQuality, Spectra};
use crate::signal::{Verdict, Waveform};

/// An analyser at work.
pub(super) struct Analyser {
    front: PowerQuality,
    spectra: Spectra,
    block: Waveform,
    instrument: Instrument,
    /// Places of its nodes in the plant, phase by phase.
    nodes: Vec<usize>,
    /// What makes up its current, phase by phase.
    flows: Vec<Vec<FlowAt>>,
    known: Known,
    blame: Option<Blame>,
    /// What a real meter in its place has said.
    remote: Option<Remote>,
    /// How many orders the plant solves.
    orders: usize,
}

/// What it has come to know.
struct Known {
    /// What is asked of it, and the newest value.
    asked: Vec<(Analysed, f64)>,
    windows: u64,
    events: [u64; 4],
    alarms: u64,
}

/// Its attribution.
struct Blame {
    attribution: Attribution,
    sample: Sample,
    places: Places,
    /// The fleet's devices, and per unit and phase where their currents are found.
    units: Vec<Vec<FlowAt>>,
    devices: Vec<usize>,
    /// Of the probe's sign, since the last window.
    probe: (f64, u32),
    /// The sign that turns its current into what the fleet injects.
    sign: f64,
}

impl Analyser {
    pub(super) fn new(
        plan: &Plan,
        own: &scenario::Analyser,
        asked: Vec<Analysed>,
        nodes: &[Node],
        machines: &mut [Machine],
    ) -> Result<Self, SetupError> {
        let failed = |error: String| SetupError::Analyser { name: own.name.clone(), error };
        let place = |of: &scenario::NodeRef| nodes.iter().position(|n| n.bus == of.bus && n.number == of.number);
        let places: Vec<usize> = own.nodes.iter().filter_map(place).collect();
        let base_v = places.first().and_then(|&place| nodes.get(place)).map_or(1.0, |node| node.base_v);
        let flows = own.nodes.iter().map(|node| flows_at(&own.currents, node.number, machines, nodes)).collect();
        let front = PowerQuality::new(&own.name, &own.front(base_v).map_err(failed)?, plan.step, plan.seed);
        let front = front.map_err(|error| failed(error.to_string()))?;
        let instrument = Instrument::new(&own.monitor(base_v)).map_err(|error| failed(error.to_string()))?;
        let blame = Blame::new(plan, own, base_v, nodes, machines);
        let real = plan.equipment.seats.iter().any(|seat| seat.served.is_none() && seat.name == own.name);
        let remote = real.then(|| Remote::new(&own.monitor(base_v))).transpose();
        let remote = remote.map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            spectra: front.spectra(),
            block: front.waveform(),
            front,
            instrument,
            nodes: places,
            flows,
            known: Known {
                asked: asked.into_iter().map(|what| (what, f64::NAN)).collect(),
                windows: 0,
                events: [0; 4],
                alarms: 0,
            },
            blame,
            remote,
            orders: plan.harmonics.as_ref().map_or(0, |harmonics| harmonics.orders.len()),
        })
    }

    /// The value of something asked of it, by its place among them.
    pub(super) fn value(&self, place: usize) -> f64 {
        self.known.asked.get(place).map_or(f64::NAN, |(_, value)| *value)
    }

    /// The newest verdict; `None` where it does not attribute.
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.blame.as_ref().map(|blame| blame.attribution.verdict())
    }

    /// Angle of the fundamental of its voltage at a phase, as a turn.
    pub(super) fn turn(&self, phase: usize, voltages: &[Complex]) -> Complex {
        let v = self.nodes.get(phase).and_then(|&node| voltages.get(node)).copied().unwrap_or_default();
        if v.norm() > 0.0 { v / v.norm() } else { Complex::new(1.0, 0.0) }
    }

    /// Its phase at a node of the same number as this one.
    pub(super) fn phase_like(&self, node: usize, nodes: &[Node]) -> Option<usize> {
        let number = |node: usize| nodes.get(node).map(|own| own.number);
        self.nodes.iter().position(|&own| number(own) == number(node))
    }

    /// A tick's samples, and what they tell.
    /// `real` is where a real meter may stand in its place, under which number.
    pub(super) fn step(
        &mut self,
        tick: Tick,
        f_hz: f64,
        plant: &mut impl Plant,
        machines: &[Machine],
        (hil, place): (&mut Hil, usize),
    ) {
        self.look(f_hz, plant);
        self.front.step(tick, &self.spectra, &mut self.block);
        let real = hil.metered(place).is_some_and(|own| own.counts());
        let Self { instrument, block, known, blame, remote, .. } = self;
        if let Some(blame) = blame {
            blame.hear(machines);
        }
        instrument.push(block, &mut |finding| match finding {
            Finding::Window(window) => {
                hil.analysed(place, window);
                if real {
                    return;
                }
                known.take(window);
                if let Some(blame) = blame {
                    blame.take(tick, window, plant);
                    known.blame(blame.attribution.verdict());
                }
            }
            Finding::Event(event) => known.count(event.kind),
            Finding::ShortFlicker(_, flicker) => known.set(Analysed::Pst, flicker.pst),
            Finding::Alarm(alarm) if !real => known.alarm(alarm.change),
            _ => {}
        });
        if let (Some(remote), Some(metered)) = (remote, hil.metered(place)) {
            known.hear(remote, metered);
        }
    }

    /// Takes over the phasors at its conductors.
    fn look(&mut self, f_hz: f64, plant: &mut impl Plant) {
        self.spectra.frequency_hz = f_hz;
        for (channel, &node) in self.nodes.iter().enumerate() {
            let v = plant.voltages().get(node).copied().unwrap_or_default();
            set(self.spectra.orders_mut(channel), 1, v);
        }
        let first_current = self.nodes.len();
        for (phase, flows) in self.flows.iter().enumerate() {
            let sum = flows.iter().map(|flow| flow.fundamental(plant)).sum();
            set(self.spectra.orders_mut(first_current + phase), 1, sum);
        }
        let Some(harmonics) = plant.harmonics() else { return };
        for order in 0..self.orders {
            for (channel, &node) in self.nodes.iter().enumerate() {
                set(self.spectra.orders_mut(channel), order + 2, harmonics.harmonic_v(node, order));
            }
            for (phase, flows) in self.flows.iter().enumerate() {
                let sum = flows.iter().map(|flow| flow.harmonic(harmonics, order)).sum();
                set(self.spectra.orders_mut(first_current + phase), order + 2, sum);
            }
        }
    }
}

/// Where the plant has no solution, nothing stands at a conductor.
fn set(orders: &mut [Complex], order: usize, value: Complex) {
    if let Some(own) = orders.get_mut(order) {
        *own = if value.is_finite() { value } else { Complex::default() };
    }
}

fn flows_at(of: &[Flow], number: u16, machines: &[Machine], nodes: &[Node]) -> Vec<FlowAt> {
    of.iter().filter_map(|&flow| FlowAt::new(flow, number, machines, nodes)).collect()
}

impl Known {
    fn set(&mut self, what: Analysed, value: f64) {
        for (own, slot) in &mut self.asked {
            if *own == what {
                *slot = value;
            }
        }
    }

    /// Takes what a real meter says at this step, once.
    fn hear(&mut self, remote: &mut Remote, metered: &mut Metered) {
        if metered.silent() {
            self.asked.iter_mut().for_each(|(_, value)| *value = f64::NAN);
        }
        let Some((at_s, number)) = metered.result() else { return };
        let counts = metered.counts();
        let fill = |window: &mut Window| metered.fill(window);
        remote.take(at_s, number, fill, &mut |finding| match finding {
            Finding::Window(window) if counts => self.take(window),
            Finding::Alarm(alarm) if counts => self.alarm(alarm.change),
            _ => {}
        });
    }

    fn count(&mut self, kind: EventKind) {
        let place = match kind {
            EventKind::Dip => 0,
            EventKind::Swell => 1,
            EventKind::Interruption => 2,
            EventKind::Rvc => 3,
        };
        self.events[place] += 1;
    }

    fn alarm(&mut self, change: Change) {
        self.alarms = match change {
            Change::Raised => self.alarms + 1,
            Change::Cleared => self.alarms.saturating_sub(1),
            Change::Replaced => self.alarms,
        };
    }

    fn blame(&mut self, verdict: &Verdict) {
        if verdict.sequence > 0 {
            self.set(Analysed::Decision, verdict.decision.code());
            self.set(Analysed::Share, verdict.share);
            self.set(Analysed::ShareSd, verdict.share_sd);
        }
    }

    fn take(&mut self, window: &Window) {
        self.windows += 1;
        let (windows, events, alarms) = (self.windows, self.events, self.alarms);
        for (what, value) in &mut self.asked {
            if let Some(new) = measured(*what, window, windows, events, alarms) {
                *value = new;
            }
        }
    }
}

/// What a window says of something; `None` where windows have nothing to say.
#[allow(clippy::cast_precision_loss, reason = "counts")]
fn measured(what: Analysed, window: &Window, windows: u64, events: [u64; 4], alarms: u64) -> Option<f64> {
    let flag = |on: bool| f64::from(u8::from(on));
    let channel = |k: usize| window.channels.get(k);
    let unbalance = window.unbalance.as_ref();
    Some(match what {
        Analysed::Frequency => window.frequency_hz,
        Analysed::Windows => windows as f64,
        Analysed::Valid => flag(window.valid),
        Analysed::Flagged => flag(window.flagged),
        Analysed::Synchronised => flag(window.synchronised),
        Analysed::Rms(k) => channel(k)?.rms,
        Analysed::Thd(k) => channel(k)?.thd_percent,
        Analysed::ThdSubgroup(k) => channel(k)?.thd_subgroup_percent,
        Analysed::Order(k, order) => *channel(k)?.subgroup_rms.get(order)?,
        Analysed::Tdd(k) => channel(k)?.tdd_percent.unwrap_or(f64::NAN),
        Analysed::Trd(k) => channel(k)?.trd_percent.unwrap_or(f64::NAN),
        Analysed::KFactor(k) => channel(k)?.k_factor,
        Analysed::U2 => unbalance.map_or(f64::NAN, |own| own.u2_percent),
        Analysed::U0 => unbalance.map_or(f64::NAN, |own| own.u0_percent),
        Analysed::Events(kind) => *events.get(kind)? as f64,
        Analysed::Alarms => alarms as f64,
        Analysed::Pst | Analysed::Decision | Analysed::Share | Analysed::ShareSd => return None,
    })
}

impl Blame {
    fn new(
        plan: &Plan,
        own: &scenario::Analyser,
        base_v: f64,
        nodes: &[Node],
        machines: &mut [Machine],
    ) -> Option<Self> {
        let devices = own.fleet.clone();
        let rated = |&device: &usize| {
            let limits = plan.equipment.devices.get(device).map_or(0.0, |d| d.limits.s_va);
            limits / (own.nodes.len().max(1) as f64 * base_v)
        };
        let voltages: Vec<Complex> = nominal(nodes);
        let fleet_s = |orders: &[u8], machines: &mut [Machine]| {
            let mut sum = vec![Complex::default(); orders.len()];
            for &device in &devices {
                let Some(machine) = machines.get_mut(device) else { continue };
                let norton = machine.emit(&voltages, plan.feeder.frequency_hz, &[None; 3]);
                for (sum, &order) in sum.iter_mut().zip(orders) {
                    let place = plan.harmonics.as_ref().and_then(|h| h.place(order.into()));
                    *sum += place.and_then(|k| norton.admittance_s().get(k)).copied().unwrap_or_default();
                }
            }
            sum
        };
        let asked = own.setting.attribution.as_ref()?;
        let orders: Vec<u8> = asked.orders.iter().filter_map(|&h| u8::try_from(h).ok()).collect();
        let admittance_s = fleet_s(&orders, machines);
        let settings = own.attribution(base_v, devices.iter().map(rated).collect(), |_| admittance_s.clone())?;
        let attribution = Attribution::new(settings);
        let phases = own.nodes.len();
        let at = |&device: &usize| {
            let flows = own.nodes.iter().map(|node| flows_at(&[Flow::Device(device)], node.number, machines, nodes));
            flows.filter_map(|own| own.first().copied()).collect()
        };
        Some(Self {
            sample: attribution.sample(),
            attribution,
            places: Places {
                voltage: (0..phases).collect(),
                current: (phases..2 * phases).collect(),
                units: Vec::new(),
            },
            units: devices.iter().map(at).collect(),
            devices,
            probe: (0.0, 0),
            sign: if own.currents.iter().all(|flow| flow.element().is_some()) { -1.0 } else { 1.0 },
        })
    }

    /// Notes the sign of the probe of this tick.
    fn hear(&mut self, machines: &[Machine]) {
        let mut probing = self.devices.iter().filter_map(|&k| machines.get(k)).map(|machine| machine.probe());
        let (order, sign) = probing.rfind(|(order, _)| *order > 0).unwrap_or((0, 0.0));
        self.sample.probe.0 = order;
        self.probe = (self.probe.0 + sign, self.probe.1 + 1);
    }

    /// A window with what the fleet's own meters say.
    fn take(&mut self, tick: Tick, window: &Window, plant: &mut impl Plant) {
        let orders = self.attribution.settings().orders.len();
        let watched = &self.attribution.settings().orders;
        self.sample.fill(window, &self.places, watched);
        self.sample.tick = tick;
        self.sample.probe.1 = self.probe.0 / f64::from(self.probe.1.max(1));
        self.probe = (0.0, 0);
        for phase in 0..self.sample.phases() {
            for order in 0..orders {
                if let Some((v, j)) = self.sample.at(phase, order).filter(|_| self.sign < 0.0) {
                    self.sample.set(phase, order, v, -j);
                }
            }
        }
        self.units(plant);
        self.attribution.step(&self.sample);
    }

    /// Currents that the units' own meters tell, turned to the fundamental.
    fn units(&mut self, plant: &mut impl Plant) {
        for (unit, flows) in self.units.iter().enumerate() {
            for (phase, flow) in flows.iter().enumerate() {
                let v = flow.voltage(plant);
                let Some(harmonics) = plant.harmonics() else { return };
                for (k, &order) in self.attribution.settings().orders.iter().enumerate() {
                    let place = usize::from(order).saturating_sub(2);
                    let back = Complex::from_polar(1.0, -f64::from(order) * v.arg());
                    self.sample.set_unit(unit, phase, k, flow.harmonic(harmonics, place) * back);
                }
            }
        }
    }
}

/// Nominal voltages of all nodes, phases a, b, c by their numbers.
fn nominal(nodes: &[Node]) -> Vec<Complex> {
    let turn = |node: &Node| crate::quantity::phasor(node.base_v, -120.0 * f64::from(node.number.saturating_sub(1)));
    nodes.iter().map(turn).collect()
}
