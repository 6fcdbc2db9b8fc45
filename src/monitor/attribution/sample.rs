//! What one window gives to the attribution: phasors turned to the fundamental, and marks.

use crate::monitor::Window;
use crate::quantity::{Complex, Tick, complex};

/// Places of an instrument's channels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Voltage by phase, at the point of common coupling.
    pub voltage: Vec<usize>,
    /// Fleet's current into the network by phase, there.
    pub current: Vec<usize>,
    /// Current of each unit into the network by phase, sampled with the same clock; may be empty.
    pub units: Vec<Vec<usize>>,
}

/// One window as the attribution sees it. Phasors of order h are turned by −h times the angle of their phase's
/// fundamental voltage.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Counts windows; a gap is time that passed without one.
    pub sequence: u64,
    /// When it was measured.
    pub tick: Tick,
    /// Whether the samples were there and plausible, and phasors (not only magnitudes) are known.
    pub valid: bool,
    /// Whether a dip, swell or interruption touches it.
    pub flagged: bool,
    /// Whether window and clocks are synchronised.
    pub synchronised: bool,
    /// Fundamental voltage by phase, V RMS.
    pub fundamental_v: [f64; 3],
    /// THD of the voltage by phase, percent.
    pub thd_percent: [f64; 3],
    /// The order that is probed (0 for none), and the probe's current in this window, A: its amplitude with its sign.
    pub probe: (u8, f64),
    /// The unit that is silent in this window for the sake of finding its part.
    pub silent: Option<usize>,
    orders: usize,
    voltage_v: Vec<Complex>,
    current_a: Vec<Complex>,
    unit_a: Vec<Complex>,
}

impl Sample {
    /// An empty window for so many phases (up to 3), orders and measured units.
    pub fn new(phases: usize, orders: usize, units: usize) -> Self {
        let zero = complex(0.0, 0.0);
        let phases = phases.min(3);
        Self {
            sequence: 0,
            tick: Tick(0),
            valid: false,
            flagged: false,
            synchronised: false,
            fundamental_v: [0.0; 3],
            thd_percent: [f64::NAN; 3],
            probe: (0, 0.0),
            silent: None,
            orders,
            voltage_v: vec![zero; phases * orders],
            current_a: vec![zero; phases * orders],
            unit_a: vec![zero; units * phases * orders],
        }
    }

    /// Number of phases.
    pub fn phases(&self) -> usize {
        self.voltage_v.len().checked_div(self.orders).unwrap_or(0)
    }

    /// Number of measured units.
    pub fn units(&self) -> usize {
        self.unit_a.len().checked_div(self.voltage_v.len()).unwrap_or(0)
    }

    /// Voltage in V and fleet's current in A of a phase at the `order`-th watched order.
    pub fn at(&self, phase: usize, order: usize) -> Option<(Complex, Complex)> {
        let at = (order < self.orders).then_some(phase * self.orders + order)?;
        Some((*self.voltage_v.get(at)?, *self.current_a.get(at)?))
    }

    /// Sets voltage and fleet's current, turned already.
    pub fn set(&mut self, phase: usize, order: usize, v: Complex, j: Complex) {
        let at = phase * self.orders + order;
        if let (Some(voltage), Some(current)) = (self.voltage_v.get_mut(at), self.current_a.get_mut(at)) {
            (*voltage, *current) = (v, j);
        }
    }

    /// Current of a unit, A.
    pub fn unit(&self, unit: usize, phase: usize, order: usize) -> Option<Complex> {
        let at = (unit * self.phases() + phase) * self.orders + order;
        self.unit_a.get(at).filter(|_| order < self.orders && phase < self.phases()).copied()
    }

    /// Sets a unit's current, turned already.
    pub fn set_unit(&mut self, unit: usize, phase: usize, order: usize, j: Complex) {
        let at = (unit * self.phases() + phase) * self.orders + order;
        if let Some(current) = self.unit_a.get_mut(at) {
            *current = j;
        }
    }

    /// Takes over what a window measured at these orders; `probe` and `silent` stay to be set. A channel that is missing
    /// makes the window invalid.
    pub fn fill(&mut self, window: &Window, places: &Places, orders: &[u8]) {
        (self.sequence, self.flagged, self.synchronised) = (window.sequence, window.flagged, window.synchronised);
        self.valid = window.valid && places.voltage.len() >= self.phases() && places.current.len() >= self.phases();
        let phasor = |channel: usize, order: usize| Some(*window.channels.get(channel)?.phasor.get(order)?);
        for phase in 0..self.phases() {
            let channel = |list: &[usize]| list.get(phase).copied().unwrap_or(usize::MAX);
            let (u, i) = (channel(&places.voltage), channel(&places.current));
            let fundamental = phasor(u, 1).unwrap_or_default();
            self.fundamental_v[phase] = fundamental.norm();
            self.thd_percent[phase] = window.channels.get(u).map_or(f64::NAN, |c| c.thd_subgroup_percent);
            self.valid &= window.channels.get(u).is_some_and(|c| !c.clipped);
            for (k, &order) in orders.iter().enumerate() {
                let back = Complex::from_polar(1.0, -f64::from(order) * fundamental.arg());
                let turned = |channel: usize| phasor(channel, usize::from(order)).map(|x| x * back);
                match (turned(u), turned(i)) {
                    (Some(v), Some(j)) => self.set(phase, k, v, j),
                    _ => self.valid = false,
                }
                for (unit, list) in places.units.iter().enumerate().take(self.units()) {
                    match turned(channel(list)) {
                        Some(j) => self.set_unit(unit, phase, k, j),
                        None => self.valid = false,
                    }
                }
            }
        }
    }

    /// Whether every number that is used is one.
    pub(super) fn finite(&self) -> bool {
        let finite = |list: &[Complex]| list.iter().all(|x| x.is_finite());
        finite(&self.voltage_v) && finite(&self.current_a) && finite(&self.unit_a)
    }
}
