//! Harmonics of the plant of a run: the plan's orders, solved at the fundamental's last solution.

use super::grid::{GridPlant, SetupError};
use super::plant::{Conductor, HarmonicPlant};
use crate::feeder::Feeder;
use crate::quantity::Complex;
use crate::scenario::{Element, HarmonicLoadsSetting, HarmonicModelSetting, Plan};
use crate::signal::Norton;
use crate::solver::element::{Behaviour, Losses};
use crate::solver::harmonic::{DeviceId, HarmonicLoads, HarmonicSettings, HarmonicStatus, Harmonics, LoadAdmittance};
use crate::solver::{NodeId, PowerFlow};

/// The study of a plant's harmonics.
#[derive(Debug)]
pub(super) struct Study {
    harmonics: Harmonics,
    /// The plan's devices in it.
    devices: Vec<DeviceId>,
    solved: bool,
}

impl Study {
    /// `None` when the plan asks for no harmonics.
    pub(super) fn new(plan: &Plan, flow: &PowerFlow) -> Result<Option<Self>, SetupError> {
        let Some(asked) = &plan.harmonics else { return Ok(None) };
        // Loads that stand for devices are the first of the added.
        let replaced: Vec<usize> = plan.equipment.devices.iter().map(|device| device.load).collect();
        let physical = asked.model == HarmonicModelSetting::Physical;
        let settings = HarmonicSettings {
            behaviour: if physical { Behaviour::Physical(Losses::default()) } else { Behaviour::default() },
            loads: match asked.loads {
                HarmonicLoadsSetting::Present => HarmonicLoads::Present,
                HarmonicLoadsSetting::Nominal => HarmonicLoads::Nominal,
                HarmonicLoadsSetting::Neglect => HarmonicLoads::Neglect,
            },
            load_admittance: if physical { LoadAdmittance::CigreC } else { LoadAdmittance::Feeder },
            replaced: replaced.clone(),
        };
        let mut harmonics = Harmonics::new(flow, &asked.orders, settings)?;
        let devices = replaced.iter().map(|&load| harmonics.add_device_at(load)).collect::<Result<_, _>>()?;
        Ok(Some(Self { harmonics, devices, solved: false }))
    }

    /// The study, where it has a solution.
    pub(super) fn solved(&self) -> Option<&Harmonics> {
        self.solved.then_some(&self.harmonics)
    }

    fn voltage(&self, node: NodeId, order: usize) -> Complex {
        if self.solved { self.harmonics.voltage(order, node) } else { Complex::new(f64::NAN, f64::NAN) }
    }
}

/// The feeder with no spectrum in effect, so that only devices and backgrounds emit.
pub(super) fn without_spectra(feeder: &mut Feeder) {
    feeder.solve.load_spectrum = None;
    feeder.loads.values_mut().for_each(|load| load.spectrum = None);
    feeder.sources.values_mut().for_each(|source| source.spectrum = None);
    feeder.generators.values_mut().for_each(|generator| generator.spectrum = None);
    feeder.current_sources.values_mut().for_each(|source| source.spectrum = None);
}

impl HarmonicPlant for GridPlant {
    fn set_norton(&mut self, device: usize, norton: &Norton) {
        if let Some(study) = &mut self.study
            && let Some(&id) = study.devices.get(device)
        {
            study.harmonics.set_norton(id, norton);
        }
    }

    fn set_background(&mut self, source: usize, order: usize, phase: usize, emf_v: Complex) {
        if let Some(study) = &mut self.study {
            study.harmonics.set_background(source, order, phase, emf_v);
        }
    }

    fn solve_harmonics(&mut self) -> bool {
        let Some(study) = &mut self.study else { return false };
        let followed = study.harmonics.follow(&self.flow).is_ok();
        study.solved = followed && study.harmonics.solve() == HarmonicStatus::Solved;
        study.solved
    }

    fn harmonic_v(&self, node: usize, order: usize) -> Complex {
        let place = self.study.as_ref().zip(self.order.get(node));
        place.map_or(Complex::default(), |(study, &node)| study.voltage(node, order))
    }

    fn thd_percent(&self, node: usize) -> f64 {
        let place = self.study.as_ref().filter(|study| study.solved).zip(self.order.get(node));
        place.map_or(f64::NAN, |(study, &node)| study.harmonics.thd_percent(node))
    }

    fn harmonic_terminal(&mut self, element: Element, order: usize) -> &[Conductor] {
        self.terminal.clear();
        let id = self.element(element);
        let Some((study, id)) = self.study.as_ref().filter(|study| study.solved).zip(id) else { return &self.terminal };
        study.harmonics.currents_into(order, id, &mut self.currents);
        let grid = self.flow.grid();
        for (node, &i_a) in grid.first_terminal(id).zip(&self.currents) {
            let number = node.and_then(|node| grid.nodes.get(node.0 as usize)).map_or(0, |node| node.number);
            let v_v = node.map_or(Complex::default(), |node| study.voltage(node, order));
            self.terminal.push(Conductor { number, v_v, i_a });
        }
        &self.terminal
    }

    fn device_harmonic_a(&self, device: usize, order: usize, phase: usize) -> Complex {
        let Some(study) = self.study.as_ref().filter(|study| study.solved) else { return Complex::default() };
        let id = study.devices.get(device);
        id.map_or(Complex::default(), |&id| study.harmonics.device_current_a(id, order, phase))
    }
}
