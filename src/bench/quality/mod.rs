//! Harmonics in the loop: what sources and devices emit, what the network makes of it, what analysers hear, what
//! mitigation says, what transformers suffer.
//!
//! Within a tick, after the fundamental is solved: backgrounds and devices say what they emit, the orders are solved,
//! active filters look at what they cancel, analysers sample, mitigation decides. What it decides reaches devices in the
//! next tick, or later when communication is slow.

mod ageing;
mod analyser;
mod background;
mod flow;
mod mitigation;

pub(super) use flow::FlowAt;

use super::demand::Demands;
use super::grid::SetupError;
use super::hil::Hil;
use super::machine::Machine;
use super::plant::{Node, Plant};
use crate::quantity::Tick;
use crate::scenario::{Analysed, Emitted, Measure, Plan};
use crate::signal::Line;
use ageing::Aging;
use analyser::Analyser;
use background::Backgrounds;
use mitigation::Mitigation;

/// All that the loop has of harmonics.
pub(super) struct Quality {
    on: bool,
    /// Of each device that is commanded: the analyser against whose voltages commands stand, and which of its phases is
    /// which of the device's.
    heard: Vec<Option<(usize, [Option<usize>; 3])>>,
    backgrounds: Backgrounds,
    /// Of each device: the currents that it cancels, phase by phase.
    cancelled: Vec<Vec<Vec<FlowAt>>>,
    analysers: Vec<Analyser>,
    mitigations: Vec<Mitigation>,
    ageing: Vec<Aging>,
    /// Places in the row that are filled here.
    said: Vec<(usize, Said)>,
}

/// What fills a place of the row.
#[derive(Clone, Copy)]
enum Said {
    Emitted(usize, Emitted),
    /// An analyser's, by its place among what is asked of it.
    Analysed(usize, usize),
    Aged(usize, crate::scenario::Aged),
    Mitigated(usize, crate::scenario::Mitigated),
}

impl Quality {
    /// # Errors
    /// When an analyser cannot be what it is said to be at its bus.
    pub(super) fn new(plan: &Plan, nodes: &[Node], machines: &mut [Machine]) -> Result<Self, SetupError> {
        let mut asked: Vec<Vec<Analysed>> = vec![Vec::new(); plan.equipment.analysers.len()];
        let mut said = Vec::new();
        for (row, quantity) in plan.quantities.iter().enumerate() {
            let own = match quantity.measure {
                Measure::Emitted(device, what) => Said::Emitted(device, what),
                Measure::Aged(transformer, what) => Said::Aged(transformer, what),
                Measure::Mitigated(mitigation, what) => Said::Mitigated(mitigation, what),
                Measure::Analysed(analyser, what) => {
                    let Some(list) = asked.get_mut(analyser) else { continue };
                    list.push(what);
                    Said::Analysed(analyser, list.len() - 1)
                }
                _ => continue,
            };
            said.push((row, own));
        }
        let mut analysers = Vec::new();
        for (own, asked) in plan.equipment.analysers.iter().zip(asked) {
            analysers.push(Analyser::new(plan, own, asked, nodes, machines)?);
        }
        let mitigations: Vec<_> =
            plan.equipment.mitigations.iter().map(|own| Mitigation::new(plan, own, machines)).collect();
        let heard = |(device, machine): (usize, &Machine)| {
            let place = mitigations.iter().find(|own| own.commands(device))?.analyser();
            let analyser = analysers.get(place)?;
            let phase = |k: usize| machine.nodes.get(k).and_then(|&node| analyser.phase_like(node, nodes));
            Some((place, std::array::from_fn(phase)))
        };
        Ok(Self {
            on: plan.harmonics.is_some(),
            heard: machines.iter().enumerate().map(heard).collect(),
            backgrounds: Backgrounds::new(plan),
            cancelled: machines.iter().map(|machine| cancelled(machine, machines, nodes)).collect(),
            mitigations,
            analysers,
            ageing: Aging::all(plan),
            said,
        })
    }

    /// Commands that arrive by a tick reach the devices.
    pub(super) fn actuate(&mut self, tick: Tick, machines: &mut [Machine]) {
        self.mitigations.iter_mut().for_each(|mitigation| mitigation.deliver(tick, machines));
    }

    /// What the network makes of all that emits, at a tick whose fundamental is solved.
    pub(super) fn solve(
        &mut self,
        tick: Tick,
        f_hz: f64,
        plant: &mut impl Plant,
        machines: &mut [Machine],
        demands: &Demands,
    ) {
        if !self.on {
            return;
        }
        for (machine, heard) in machines.iter_mut().zip(&self.heard) {
            let turned = |analyser: usize, phase: usize| {
                Some((phase, self.analysers.get(analyser)?.turn(phase, plant.voltages())))
            };
            let heard = heard.map(|(analyser, phases)| phases.map(|own| own.and_then(|phase| turned(analyser, phase))));
            machine.emit(plant.voltages(), f_hz, &heard.unwrap_or([None; 3]));
        }
        let Some(harmonics) = plant.harmonics() else { return };
        machines.iter().enumerate().for_each(|(device, machine)| harmonics.set_norton(device, machine.norton()));
        self.backgrounds.tell(tick, demands, harmonics);
        harmonics.solve_harmonics();
        for (machine, flows) in machines.iter_mut().zip(&self.cancelled) {
            machine.look(harmonics, flows);
        }
    }

    /// Once a tick is solved: analysers sample, mitigation decides, transformers age; the row is filled.
    pub(super) fn sense(
        &mut self,
        tick: Tick,
        f_hz: f64,
        plant: &mut impl Plant,
        machines: &[Machine],
        hil: &mut Hil,
        row: &mut [f64],
    ) {
        for (k, analyser) in self.analysers.iter_mut().enumerate() {
            analyser.step(tick, f_hz, plant, machines, (hil, k));
        }
        for mitigation in &mut self.mitigations {
            if let Some(verdict) = self.analysers.get(mitigation.analyser()).and_then(Analyser::verdict) {
                mitigation.step(tick, verdict, machines);
            }
        }
        self.ageing.iter_mut().for_each(|own| own.step(plant));
        for &(place, said) in &self.said {
            let value = self.value(said, plant, machines);
            if let Some(slot) = row.get_mut(place) {
                *slot = value;
            }
        }
    }

    fn value(&self, said: Said, plant: &mut impl Plant, machines: &[Machine]) -> f64 {
        match said {
            Said::Emitted(device, what) => emitted(device, what, plant, machines),
            Said::Analysed(analyser, place) => self.analysers.get(analyser).map_or(f64::NAN, |own| own.value(place)),
            Said::Aged(transformer, what) => self.ageing.get(transformer).map_or(f64::NAN, |own| own.value(what)),
            Said::Mitigated(mitigation, what) => {
                self.mitigations.get(mitigation).map_or(f64::NAN, |own| own.value(what))
            }
        }
    }

    /// Multiplies a background by a factor.
    pub(super) fn scale_background(&mut self, background: usize, factor: f64) {
        self.backgrounds.scale(background, factor);
    }

    /// The line that a mitigation's commands take.
    pub(super) fn line(&mut self, mitigation: usize) -> Option<&mut Line> {
        self.mitigations.get_mut(mitigation).map(Mitigation::line)
    }
}

/// The currents that a device cancels, phase by phase.
fn cancelled(machine: &Machine, machines: &[Machine], nodes: &[Node]) -> Vec<Vec<FlowAt>> {
    let at = |&node: &usize| {
        let number = nodes.get(node).map_or(0, |node| node.number);
        machine.cancels().iter().filter_map(|&flow| FlowAt::new(flow, number, machines, nodes)).collect()
    };
    machine.nodes.iter().map(at).collect()
}

fn emitted(device: usize, what: Emitted, plant: &mut impl Plant, machines: &[Machine]) -> f64 {
    let Some(machine) = machines.get(device) else { return f64::NAN };
    let of_site = |value: &dyn Fn(&crate::device::inverter::Site) -> f64| machine.site().map_or(f64::NAN, value);
    match what {
        Emitted::Current(order) => {
            let phases = machine.nodes.len();
            let Some(harmonics) = plant.harmonics() else { return f64::NAN };
            let place = (order as usize).saturating_sub(2);
            let sizes = (0..phases).map(|phase| harmonics.device_harmonic_a(device, place, phase).norm());
            sizes.fold(f64::NAN, f64::max)
        }
        Emitted::Charge => of_site(&|site| site.soc().map_or(f64::NAN, |soc| 100.0 * soc)),
        Emitted::SwitchingFrequency => of_site(&|site| site.converter().switching_hz),
        Emitted::Compensation => of_site(&|site| 100.0 * site.compensation_scale()),
    }
}
