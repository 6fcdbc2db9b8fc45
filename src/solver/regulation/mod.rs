//! Voltage regulators' tap controls and capacitor controls, acting on a power flow.
//!
//! Two ways, with OpenDSS's rules: [`Controls::settle`] acts until nothing wants to act (*static*: delays only say who goes
//! first), [`Controls::step`] acts on what is due at a time (*time*: a tap at a time, delays are real). Each round is:
//! solve, let every control look, do the actions that are due, and again. See `docs/models/regulation.md`.

mod capacitor;
mod queue;
mod regulator;

use super::network::Kind;
use super::power_flow::{PowerFlow, Solved};
use capacitor::CapacitorBank;
use queue::Queue;
use regulator::TapChanger;

/// Rounds after which controls that still act count as hunting.
const MOST_ROUNDS: u32 = 1000;

/// What a control may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Regulator(usize),
    Capacitor(usize),
}

/// How controls act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Static,
    Time,
}

/// How a controlled solution ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settled {
    /// The last solve, with the iterations of all solves.
    pub solved: Solved,
    /// Rounds of solving and acting.
    pub rounds: u32,
    /// Whether the controls came to rest.
    pub at_rest: bool,
}

/// A reference of a control that the feeder does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{control}: {what}")]
pub struct ControlError {
    /// The control, e.g. `regulator reg1`.
    pub control: String,
    /// What is missing.
    pub what: String,
}

/// All regulator and capacitor controls of a feeder, with what they are about to do.
#[derive(Debug)]
pub struct Controls {
    regulators: Vec<TapChanger>,
    capacitors: Vec<CapacitorBank>,
    queue: Queue<Owner>,
}

impl Controls {
    /// The controls of the feeder that `flow` solves.
    ///
    /// # Errors
    /// [`ControlError`] for a control whose transformer, winding, capacitor or element does not exist.
    pub fn new(flow: &PowerFlow) -> Result<Self, ControlError> {
        let feeder = &flow.grid().feeder;
        let regulators = feeder.regulators.iter().map(|(name, r)| TapChanger::new(name, r, flow));
        let capacitors = feeder.capacitor_controls.iter().map(|(name, c)| CapacitorBank::new(name, c, flow));
        let (regulators, capacitors): (Vec<_>, Vec<_>) =
            (regulators.collect::<Result<_, _>>()?, capacitors.collect::<Result<_, _>>()?);
        let queue = Queue::with_capacity(regulators.len() + capacitors.len());
        Ok(Self { regulators, capacitors, queue })
    }

    /// Solves and acts until no control wants to act; delays only order the actions.
    pub fn settle(&mut self, flow: &mut PowerFlow) -> Settled {
        self.queue.clear();
        self.regulators.iter_mut().for_each(TapChanger::disarm);
        self.capacitors.iter_mut().for_each(CapacitorBank::disarm);
        self.rounds(flow, 0.0, Mode::Static)
    }

    /// Solves at time `now_s` and does the actions that are due by then, with further solves after them.
    pub fn step(&mut self, now_s: f64, flow: &mut PowerFlow) -> Settled {
        self.rounds(flow, now_s, Mode::Time)
    }

    fn rounds(&mut self, flow: &mut PowerFlow, now_s: f64, mode: Mode) -> Settled {
        let mut iterations = 0;
        for rounds in 1..=MOST_ROUNDS {
            let mut solved = flow.solve();
            iterations += solved.iterations;
            solved.iterations = iterations;
            if !solved.converged() {
                return Settled { solved, rounds, at_rest: false };
            }
            self.sample(flow, now_s);
            let due = match mode {
                Mode::Static => self.queue.first_time_s(),
                Mode::Time => self.queue.first_time_s().filter(|&t| t <= now_s).map(|_| now_s),
            };
            let Some(due_s) = due else { return Settled { solved, rounds, at_rest: true } };
            while let Some(owner) = self.queue.pop(due_s) {
                self.act(owner, flow, now_s, mode);
            }
            if rounds == MOST_ROUNDS {
                return Settled { solved, rounds, at_rest: false };
            }
        }
        unreachable!("the last round returns")
    }

    fn sample(&mut self, flow: &PowerFlow, now_s: f64) {
        for (i, regulator) in self.regulators.iter_mut().enumerate() {
            regulator.sample(flow, now_s, Owner::Regulator(i), &mut self.queue);
        }
        for (i, capacitor) in self.capacitors.iter_mut().enumerate() {
            capacitor.sample(flow, now_s, Owner::Capacitor(i), &mut self.queue);
        }
    }

    fn act(&mut self, owner: Owner, flow: &mut PowerFlow, now_s: f64, mode: Mode) {
        match owner {
            Owner::Regulator(i) => {
                if let Some(delay_s) = self.regulators[i].act(flow, mode) {
                    let handle = self.queue.push(now_s + delay_s, owner);
                    self.regulators[i].armed(handle);
                }
            }
            Owner::Capacitor(i) => self.capacitors[i].act(flow, now_s),
        }
    }

    /// Tap number of a regulator (by its index in the feeder): steps from neutral.
    pub fn tap_number(&self, flow: &PowerFlow, regulator: usize) -> i32 {
        self.regulators[regulator].tap_number(flow)
    }

    /// Smallest and largest tap number of a regulator.
    pub fn tap_range(&self, flow: &PowerFlow, regulator: usize) -> (i32, i32) {
        self.regulators[regulator].tap_range(flow)
    }

    /// Puts a regulator to a tap number, limited to its range.
    pub fn set_tap_number(&self, flow: &mut PowerFlow, regulator: usize, number: i32) {
        self.regulators[regulator].set_tap_number(flow, number);
    }
}

fn missing(control: String, what: impl Into<String>) -> ControlError {
    ControlError { control, what: what.into() }
}

/// The element that a reference like `line.650632` names.
fn element_of(flow: &PowerFlow, reference: &str) -> Option<super::network::ElementId> {
    let (class, name) = reference.split_once('.')?;
    let kind = match class {
        "line" => Kind::Line,
        "transformer" => Kind::Transformer,
        "capacitor" => Kind::Capacitor,
        "reactor" => Kind::Reactor,
        "source" | "vsource" => Kind::Source,
        _ => return None,
    };
    flow.grid().element(kind, name)
}
