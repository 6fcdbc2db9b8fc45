//! One voltage regulator's control: line-drop compensated voltage, band, delay, taps.
//!
//! Vc = V/PT + (R + jX)·I/CT with I into the winding (so the drop is subtracted). Out of band by more than half its
//! width, the wanted change is (Vreg − |Vc|)·PT/V_winding, rounded half-to-even to whole taps. Statically 70 % of it is
//! done at once, at least one tap; in time one tap, and the next after `tap_delay_s`. Limits: no reverse or cogeneration
//! mode. Rules of OpenDSS 0.14.5.

use super::queue::{Handle, Queue};
use super::{ControlError, Mode, Owner, missing};
use crate::feeder::{Connection, Phases, Regulator, Winding};
use crate::quantity::{Complex, complex};
use crate::solver::grid::NodeId;
use crate::solver::network::{ElementId, Kind};
use crate::solver::power_flow::PowerFlow;

/// Share of the wanted change that a static action makes.
const STATIC_SHARE: f64 = 0.7;
/// Less than this share of a tap counts as done.
const TAP_LEFT: f64 = 0.9;
/// An inverse-time delay shrinks by at most this.
const MOST_INVERSE: f64 = 10.0;

#[derive(Debug)]
pub(super) struct TapChanger {
    setting: Regulator,
    element: ElementId,
    transformer: usize,
    winding: usize,
    tap_winding: usize,
    /// The two ends of each phase of the held winding.
    ends: Vec<[Option<NodeId>; 2]>,
    remote: Option<Vec<Option<NodeId>>>,
    v_winding_v: f64,
    conductors: usize,
    wanted_pu: f64,
    armed: Option<Handle>,
    currents: Vec<Complex>,
}

impl TapChanger {
    pub(super) fn new(name: &str, setting: &Regulator, flow: &PowerFlow) -> Result<Self, ControlError> {
        let control = || format!("regulator {name}");
        let feeder = &flow.grid().feeder;
        let (Some((transformer, _, unit)), Some(element)) = (
            feeder.transformers.get_full(&setting.transformer),
            flow.grid().element(Kind::Transformer, &setting.transformer),
        ) else {
            return Err(missing(control(), format!("no transformer \"{}\"", setting.transformer)));
        };
        let tap_number = setting.tap_winding.unwrap_or(setting.winding);
        let windings = unit.windings.len();
        if !(1..=windings).contains(&setting.winding) || !(1..=windings).contains(&tap_number) {
            return Err(missing(control(), format!("the transformer has {windings} windings")));
        }
        let winding = setting.winding - 1;
        let nodes = flow.grid().terminal_nodes(element, winding);
        let ends = flow.grid().winding_ends(transformer, winding).map(|[a, b]| [nodes[a], nodes[b]]).collect();
        let remote = setting.remote_bus.as_ref().map(|terminal| remote_nodes(flow, terminal)).transpose();
        let remote = remote.map_err(|what| missing(control(), what))?;
        Ok(Self {
            element,
            transformer,
            winding,
            tap_winding: tap_number - 1,
            ends,
            remote,
            v_winding_v: v_winding_v(&unit.windings[winding], unit.phases),
            conductors: nodes.len(),
            wanted_pu: 0.0,
            armed: None,
            currents: Vec::with_capacity(nodes.len() * windings),
            setting: setting.clone(),
        })
    }

    pub(super) fn disarm(&mut self) {
        (self.armed, self.wanted_pu) = (None, 0.0);
    }

    pub(super) fn armed(&mut self, handle: Handle) {
        self.armed = Some(handle);
    }

    pub(super) fn sample(&mut self, flow: &PowerFlow, now_s: f64, owner: Owner, queue: &mut Queue<Owner>) {
        if self.setting.max_tap_change == 0 {
            return;
        }
        let (control_v, local_v) = self.measure(flow);
        let limit = self.setting.v_limit_v;
        let over = limit > 0.0 && local_v > limit;
        if !over && (self.setting.v_v - control_v).abs() <= self.setting.band_v / 2.0 {
            self.wanted_pu = 0.0;
            self.armed.take().into_iter().for_each(|handle| queue.remove(handle));
            return;
        }
        let boost_v = if over { limit - local_v } else { self.setting.v_v - control_v };
        let increment = self.increment_pu(flow);
        let boost_pu = boost_v * self.setting.pt_ratio / self.v_winding_v;
        let sign = if self.tap_winding == self.winding { 1.0 } else { -1.0 };
        self.wanted_pu = sign * (boost_pu / increment).round_ties_even() * increment;
        let tap = flow.tap_pu(self.transformer, self.tap_winding);
        let unit = self.tap_unit(flow);
        let room = if self.wanted_pu > 0.0 { tap < unit.tap_max_pu } else { tap > unit.tap_min_pu };
        if self.wanted_pu != 0.0 && self.armed.is_none() && room {
            self.armed = Some(queue.push(now_s + self.delay_s(control_v), owner));
        }
    }

    /// Magnitudes of the compensated voltage and of the winding's own, in V on the potential transformer's secondary.
    fn measure(&mut self, flow: &PowerFlow) -> (f64, f64) {
        let at = |node: Option<NodeId>| node.map_or(complex(0.0, 0.0), |n| flow.voltage(n));
        let across = |ends: &[Option<NodeId>; 2]| at(ends[0]) - at(ends[1]);
        let own = |phase: usize| self.ends.get(phase).map_or(complex(0.0, 0.0), across) / self.setting.pt_ratio;
        if let Some(remote) = &self.remote {
            let ratio = self.setting.remote_pt_ratio.unwrap_or(self.setting.pt_ratio);
            let control = remote.first().map_or(complex(0.0, 0.0), |n| at(*n)) / ratio;
            return (control.norm(), own(0).norm());
        }
        let phase = match self.setting.phase {
            Phases::Max => extreme(self.ends.len(), |k| own(k).norm()),
            Phases::Min => extreme(self.ends.len(), |k| -own(k).norm()),
            Phases::Number(n) if (1..=self.ends.len()).contains(&n) => n - 1,
            Phases::Number(_) | Phases::Average => 0,
        };
        let v = own(phase);
        let drop = complex(self.setting.ldc_r_v, self.setting.ldc_x_v);
        if drop == complex(0.0, 0.0) {
            return (v.norm(), v.norm());
        }
        flow.currents_into(self.element, &mut self.currents);
        let i = self.currents.get(self.winding * self.conductors + phase).copied().unwrap_or_default();
        ((v + drop * i / self.setting.ct_primary_a).norm(), v.norm())
    }

    fn delay_s(&self, control_v: f64) -> f64 {
        let distance = 2.0 * (self.setting.v_v - control_v).abs() / self.setting.band_v;
        let shrink = if self.setting.inverse_time { distance.min(MOST_INVERSE) } else { 1.0 };
        self.setting.delay_s / shrink
    }

    /// Moves the tap; in time mode returns the delay until the next one, if more is wanted.
    pub(super) fn act(&mut self, flow: &mut PowerFlow, mode: Mode) -> Option<f64> {
        self.armed = None;
        if self.wanted_pu == 0.0 {
            return None;
        }
        let increment = self.increment_pu(flow);
        let taps = match mode {
            Mode::Static => {
                let share = (STATIC_SHARE * self.wanted_pu.abs() / increment).trunc().max(1.0);
                share.min(f64::from(self.setting.max_tap_change))
            }
            Mode::Time => 1.0,
        };
        let change = taps * increment * self.wanted_pu.signum();
        self.set_tap(flow, flow.tap_pu(self.transformer, self.tap_winding) + change);
        match mode {
            Mode::Static => {
                self.wanted_pu = 0.0;
                None
            }
            Mode::Time => {
                self.wanted_pu -= change;
                if self.wanted_pu.abs() < TAP_LEFT * increment {
                    self.wanted_pu = 0.0;
                }
                (self.wanted_pu != 0.0).then_some(self.setting.tap_delay_s)
            }
        }
    }

    fn tap_unit<'a>(&self, flow: &'a PowerFlow) -> &'a Winding {
        &flow.grid().feeder.transformers[self.transformer].windings[self.tap_winding]
    }

    fn increment_pu(&self, flow: &PowerFlow) -> f64 {
        let unit = self.tap_unit(flow);
        (unit.tap_max_pu - unit.tap_min_pu) / f64::from(unit.tap_steps.max(1))
    }

    fn set_tap(&self, flow: &mut PowerFlow, tap_pu: f64) {
        let unit = self.tap_unit(flow);
        let limited = tap_pu.min(unit.tap_max_pu).max(unit.tap_min_pu);
        flow.set_tap(self.transformer, self.tap_winding, limited);
    }

    pub(super) fn tap_number(&self, flow: &PowerFlow) -> i32 {
        let steps = (flow.tap_pu(self.transformer, self.tap_winding) - self.neutral_pu(flow)) / self.increment_pu(flow);
        steps.round() as i32
    }

    pub(super) fn tap_range(&self, flow: &PowerFlow) -> (i32, i32) {
        let unit = self.tap_unit(flow);
        let number = |tap: f64| ((tap - self.neutral_pu(flow)) / self.increment_pu(flow)).round() as i32;
        (number(unit.tap_min_pu), number(unit.tap_max_pu))
    }

    pub(super) fn set_tap_number(&self, flow: &mut PowerFlow, number: i32) {
        let tap = f64::from(number) * self.increment_pu(flow) + self.neutral_pu(flow);
        self.set_tap(flow, tap);
    }

    fn neutral_pu(&self, flow: &PowerFlow) -> f64 {
        let unit = self.tap_unit(flow);
        (unit.tap_max_pu + unit.tap_min_pu) / 2.0
    }
}

/// Rated voltage across one phase of a winding in V.
fn v_winding_v(winding: &Winding, phases: usize) -> f64 {
    let line_to_line = winding.connection == Connection::Wye && phases > 1;
    winding.v_kv * 1000.0 / if line_to_line { 3f64.sqrt() } else { 1.0 }
}

/// The first of 0..n with the largest value.
fn extreme(n: usize, value: impl Fn(usize) -> f64) -> usize {
    (1..n).fold(0, |best, k| if value(k) > value(best) { k } else { best })
}

fn remote_nodes(flow: &PowerFlow, terminal: &crate::feeder::Terminal) -> Result<Vec<Option<NodeId>>, String> {
    let nodes = terminal.conductors(1, 1);
    let id = |n: u16| flow.grid().node(&format!("{}.{n}", terminal.bus)).ok_or(format!("no node {}.{n}", terminal.bus));
    nodes.into_iter().map(|n| id(n).map(Some)).collect()
}
