//! Admittances of all elements at one frequency, in the network's order, by the same element code as the power flow's.

use crate::feeder::{Feeder, Load};
use crate::quantity::Complex;
use crate::solver::element::{self, Admittance, Behaviour, ElementError, Frequency, Part, TransformerModel};
use crate::solver::grid::closed_steps;

/// What elements are at one frequency.
#[derive(Clone, Debug, Default)]
pub(super) struct Evaluated {
    /// Of each element, row-major, in S: transformers at unit taps without what stands to ground at their conductors,
    /// capacitor banks with all written steps as written, everything else as it is with all phases closed.
    pub base: Vec<Complex>,
    /// Of each transformer's conductors: what stands to ground.
    pub shunt: Vec<Complex>,
    /// Of each capacitor bank's steps, one after the other: the step alone, row-major.
    pub steps: Vec<Complex>,
}

impl Evaluated {
    /// Evaluates a feeder's elements in the order in which `Grid` made them elements of its network.
    pub fn at(feeder: &Feeder, at: Frequency, behaviour: &Behaviour) -> Result<Self, ElementError> {
        let mut all = Self::default();
        for (name, source) in &feeder.sources {
            let model = element::source(name, source, at)?;
            match model.admittance {
                Some(y) => all.push(&y),
                None => all.push(&Admittance::zeros(model.terminals.iter().map(Vec::len).sum())),
            }
        }
        for (name, line) in &feeder.lines {
            all.push(&element::line_as(feeder, name, line, at.f_hz, Part::Whole, behaviour)?.y);
        }
        for (name, transformer) in &feeder.transformers {
            let model = TransformerModel::as_behaves(name, transformer, at, behaviour)?;
            let mut y = Admittance::default();
            model.coupling_at_unit_taps(&mut y);
            all.push(&y);
            all.shunt.extend(model.shunts_s());
        }
        for (name, bank) in &feeder.capacitors {
            all.push(&element::capacitor(name, bank, &closed_steps(bank), at, Part::Whole)?.y);
            for step in 0..bank.q_kvar.len() {
                let alone: Vec<bool> = (0..bank.q_kvar.len()).map(|k| k == step).collect();
                let y = element::capacitor(name, bank, &alone, at, Part::Whole)?.y;
                all.steps.extend_from_slice(y.values());
            }
        }
        for (name, reactor) in &feeder.reactors {
            all.push(&element::reactor(name, reactor, at, Part::Whole)?.y);
        }
        for (name, load) in &feeder.loads {
            let neutral_x_ohm = load.neutral_x_ohm * at.order();
            let model = element::load(name, &Load { neutral_x_ohm, ..load.clone() })?;
            if let Some(neutral) = &model.neutral {
                all.push(&neutral.y);
            }
        }
        for (name, fault) in &feeder.faults {
            all.push(&element::fault(name, fault, Part::Whole)?.y);
        }
        Ok(all)
    }

    fn push(&mut self, y: &Admittance) {
        self.base.extend_from_slice(y.values());
    }
}
