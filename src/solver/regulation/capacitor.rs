//! One capacitor control: what it measures, when it switches, by which delay.
//!
//! On above `on` and off below `off` for current and reactive power, the other way round for voltage; by the hour for
//! time; below `on` and above `off` for the power factor (leading counted above 1). A voltage override goes first. A
//! bank of several steps moves one step at a time. Rules of OpenDSS 0.14.5.

use super::queue::{Handle, Queue};
use super::{ControlError, Owner, element_of, missing};
use crate::feeder::{CapacitorControl, CapacitorSignal, Connection, Phases};
use crate::quantity::{Complex, complex};
use crate::solver::grid::NodeId;
use crate::solver::network::ElementId;
use crate::solver::power_flow::PowerFlow;

/// A bank closes by power factor only if the flow is at least this share of its size.
const LEAST_SHARE: f64 = 0.5;
/// Two hours closer than this are one (ends of a step computed in seconds).
const HOUR_ROUNDING: f64 = 1e-9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Open,
    Close,
}

#[derive(Debug)]
pub(super) struct CapacitorBank {
    setting: CapacitorControl,
    capacitor: usize,
    connection: Connection,
    q_total_kvar: f64,
    element: ElementId,
    nodes: Vec<Option<NodeId>>,
    override_nodes: Option<Vec<NodeId>>,
    wanted: Option<Change>,
    armed: Option<Handle>,
    opened_at_s: f64,
    currents: Vec<Complex>,
    steps: Vec<bool>,
}

impl CapacitorBank {
    pub(super) fn new(name: &str, setting: &CapacitorControl, flow: &PowerFlow) -> Result<Self, ControlError> {
        let control = || format!("capacitor control {name}");
        let grid = flow.grid();
        let Some((capacitor, _, bank)) = grid.feeder.capacitors.get_full(&setting.capacitor) else {
            return Err(missing(control(), format!("no capacitor \"{}\"", setting.capacitor)));
        };
        let Some(element) = element_of(flow, &setting.element) else {
            return Err(missing(control(), format!("no element \"{}\"", setting.element)));
        };
        if !(1..=grid.terminals(element)).contains(&setting.terminal) {
            return Err(missing(control(), format!("\"{}\" has no terminal {}", setting.element, setting.terminal)));
        }
        let override_nodes = setting.override_bus.as_ref().map(|name| {
            let bus = grid.buses.iter().find(|b| b.name == *name);
            bus.map(|b| b.nodes.clone()).ok_or_else(|| missing(control(), format!("no bus \"{name}\"")))
        });
        Ok(Self {
            capacitor,
            connection: bank.connection,
            q_total_kvar: bank.q_kvar.iter().sum(),
            element,
            nodes: grid.terminal_nodes(element, setting.terminal - 1),
            override_nodes: override_nodes.transpose()?,
            wanted: None,
            armed: None,
            opened_at_s: f64::NEG_INFINITY,
            currents: Vec::with_capacity(8),
            steps: flow.capacitor_steps(capacitor).to_vec(),
            setting: setting.clone(),
        })
    }

    pub(super) fn disarm(&mut self) {
        (self.armed, self.wanted, self.opened_at_s) = (None, None, f64::NEG_INFINITY);
    }

    pub(super) fn sample(&mut self, flow: &PowerFlow, now_s: f64, owner: Owner, queue: &mut Queue<Owner>) {
        self.steps.copy_from_slice(flow.capacitor_steps(self.capacitor));
        let closed = self.steps.contains(&true);
        let decided = self.by_override(flow, closed).or_else(|| self.by_signal(flow, now_s, closed));
        match decided {
            Some(change) => {
                self.wanted = Some(change);
                if self.armed.is_none() {
                    self.armed = Some(queue.push(now_s + self.delay_s(change, now_s), owner));
                }
            }
            None => {
                self.wanted = None;
                self.armed.take().into_iter().for_each(|handle| queue.remove(handle));
            }
        }
    }

    fn delay_s(&self, change: Change, now_s: f64) -> f64 {
        match change {
            Change::Open => self.setting.delay_off_s,
            Change::Close => {
                let rested_s = now_s - self.opened_at_s;
                self.setting.delay_s + (self.setting.dead_time_s - rested_s).max(0.0)
            }
        }
    }

    fn by_override(&self, flow: &PowerFlow, closed: bool) -> Option<Change> {
        if !self.setting.voltage_override || self.setting.signal == CapacitorSignal::Voltage {
            return None;
        }
        let v = match &self.override_nodes {
            Some(nodes) => self.control_voltage(flow, &nodes.iter().map(|n| Some(*n)).collect::<Vec<_>>()),
            None => self.control_voltage(flow, &self.nodes),
        };
        match closed {
            false => (v < self.setting.v_min_v).then_some(Change::Close),
            true => (v > self.setting.v_max_v).then_some(Change::Open),
        }
    }

    fn by_signal(&mut self, flow: &PowerFlow, now_s: f64, closed: bool) -> Option<Change> {
        let s = &self.setting;
        let (on, off) = (s.on, s.off);
        let (wants_on, wants_off) = match s.signal {
            CapacitorSignal::Voltage => {
                let v = self.control_voltage(flow, &self.nodes);
                (v < on, v > off)
            }
            CapacitorSignal::Current => {
                let i = self.control_current(flow);
                (i > on, i < off)
            }
            CapacitorSignal::Kvar => {
                let q_kvar = self.power_kva(flow).im;
                (q_kvar > on, q_kvar < off)
            }
            CapacitorSignal::Time => {
                let hour = (now_s / 3600.0).rem_euclid(24.0) + HOUR_ROUNDING;
                // Off on the next day: it switches on before midnight only, and stays on after it.
                if off > on {
                    (hour >= on && hour < off, hour >= off || hour < on)
                } else {
                    (hour >= on, hour >= off && hour < on)
                }
            }
            CapacitorSignal::PowerFactor => {
                let power = self.power_kva(flow);
                let steps = if closed { self.steps.len().max(1) as f64 } else { 1.0 };
                let factor = power_factor_to_two(power);
                (factor < on && power.im > LEAST_SHARE * self.q_total_kvar / steps, factor > off)
            }
        };
        let room = self.steps.contains(&false);
        match closed {
            true if wants_off => Some(Change::Open),
            true if room && wants_on => Some(Change::Close),
            false if wants_on => Some(Change::Close),
            _ => None,
        }
    }

    fn control_voltage(&self, flow: &PowerFlow, nodes: &[Option<NodeId>]) -> f64 {
        let at = |k: usize| nodes.get(k).copied().flatten().map_or(complex(0.0, 0.0), |n| flow.voltage(n));
        let v = match self.setting.pt_phase {
            Phases::Number(n) if self.connection == Connection::Delta => {
                (at(n.max(1) - 1) - at(n.max(1) % nodes.len().max(1))).norm()
            }
            phases => pick(phases, nodes.len(), |k| at(k).norm()),
        };
        v / self.setting.pt_ratio
    }

    fn control_current(&mut self, flow: &PowerFlow) -> f64 {
        flow.currents_into(self.element, &mut self.currents);
        let first = (self.setting.terminal - 1) * self.nodes.len();
        let own = self.currents.get(first..first + self.nodes.len()).unwrap_or_default();
        pick(self.setting.ct_phase, own.len(), |k| own[k].norm()) / self.setting.ct_ratio
    }

    fn power_kva(&mut self, flow: &PowerFlow) -> Complex {
        flow.currents_into(self.element, &mut self.currents);
        let first = (self.setting.terminal - 1) * self.nodes.len();
        let own = self.currents.get(first..).unwrap_or_default();
        let v = |node: &Option<NodeId>| node.map_or(complex(0.0, 0.0), |n| flow.voltage(n));
        self.nodes.iter().zip(own).map(|(node, i)| v(node) * i.conj()).sum::<Complex>() / 1000.0
    }

    pub(super) fn act(&mut self, flow: &mut PowerFlow, now_s: f64) {
        self.armed = None;
        let Some(change) = self.wanted else { return };
        let last_closed = self.steps.iter().rposition(|c| *c);
        let first_open = self.steps.iter().position(|c| !*c);
        match (change, last_closed, first_open) {
            (Change::Open, Some(step), _) => {
                self.steps[step] = false;
                if self.steps.len() == 1 {
                    self.opened_at_s = now_s;
                }
            }
            (Change::Close, _, Some(step)) => self.steps[step] = true,
            _ => {}
        }
        flow.set_capacitor(self.capacitor, &self.steps);
    }
}

/// The chosen phase's value, or the mean, largest or smallest of all.
fn pick(phases: Phases, n: usize, value: impl Fn(usize) -> f64) -> f64 {
    let all = (0..n).map(&value);
    match phases {
        Phases::Average => all.sum::<f64>() / n.max(1) as f64,
        Phases::Max => all.fold(0.0, f64::max),
        Phases::Min => all.fold(f64::INFINITY, f64::min),
        Phases::Number(k) if (1..=n).contains(&k) => value(k - 1),
        Phases::Number(_) => 0.0,
    }
}

/// Power factor from 0 to 1 lagging, and on to 2 leading.
fn power_factor_to_two(s: Complex) -> f64 {
    let factor = if s.norm() > 0.0 { s.re.abs() / s.norm() } else { 1.0 };
    if s.im < 0.0 { 2.0 - factor } else { factor }
}
