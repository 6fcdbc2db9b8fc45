//! Whose distortion it is: the fleet's or the grid's, how sure that is, and which unit's.
//!
//! One [`Estimator`] per phase and order learns background and impedance from what the fleet's current happens to do; an
//! [`Instrument`] learns the impedance from a probe. The fleet's share is judged by 3 s values, and decided when one half
//! lies outside two standard deviations. `docs/models/attribution.md` has the equations, the limits and what was measured.
//! It sees windows only; after set-up nothing is allocated, and its state is `Clone`.

mod bank;
mod estimator;
mod instrument;
mod judge;
mod kalman;
mod sample;
mod settings;
#[cfg(test)]
mod tests;
mod units;
mod value;

pub use bank::Spread;
pub use estimator::{Estimate, Estimator, Prior};
pub use instrument::Instrument;
pub use judge::{FEWEST_WINDOWS, FOLLOWS, INCONSISTENT};
pub use kalman::{Innovation, Kalman};
pub use sample::{Places, Sample};
pub use settings::Settings;
pub use units::{OUTLIER, limit_percent};

use crate::signal::{Decision, Reason, Verdict};
use value::Value;

/// One phase at one order.
#[derive(Clone, Debug)]
struct Cell {
    estimator: Estimator,
    instrument: Instrument,
    /// What a probe has found, in Ω with its standard deviation, and how many windows ago.
    probed: Option<Probed>,
    /// Whether a probe is at work.
    probing: bool,
    changes: u64,
    value: Value,
}

/// What a probe has found.
#[derive(Clone, Copy, Debug)]
struct Probed {
    z_ohm: crate::quantity::Complex,
    z_sd_ohm: f64,
    age: u64,
}

/// What the windows of a 3 s value had in common.
#[derive(Clone, Copy, Debug)]
struct Marks {
    windows: u32,
    used: u32,
    thd_squared: [f64; 3],
    valid: bool,
    flagged: bool,
    synchronised: bool,
}

impl Marks {
    const NONE: Self =
        Self { windows: 0, used: 0, thd_squared: [0.0; 3], valid: true, flagged: false, synchronised: true };
}

/// The attribution at one point of common coupling.
#[derive(Clone, Debug)]
pub struct Attribution {
    settings: Settings,
    /// Order after order, and within it phase after phase.
    cells: Vec<Cell>,
    marks: Marks,
    verdict: Verdict,
    unit_value: Vec<Value>,
    silent: units::Silence,
    room: [Vec<f64>; 2],
    last: Option<u64>,
    /// What the 3 s value before came to.
    candidate: Decision,
}

impl Attribution {
    /// An attribution before its first window.
    pub fn new(settings: Settings) -> Self {
        let settings = Settings { phases: settings.phases.clamp(1, 3), ..settings };
        let (orders, units) = (settings.orders.len(), settings.unit_a.len());
        let cells = (0..orders * settings.phases).map(|k| Cell::new(&settings, k / settings.phases));
        Self {
            cells: cells.collect(),
            marks: Marks::NONE,
            verdict: Verdict::new(&settings.orders, units),
            unit_value: vec![Value::default(); units * orders * settings.phases],
            silent: units::Silence::new(units, orders * settings.phases),
            room: [vec![0.0; units], vec![0.0; units]],
            last: None,
            candidate: Decision::Indeterminate(Reason::Starting),
            settings,
        }
    }

    /// An empty window of the right shape.
    pub fn sample(&self) -> Sample {
        Sample::new(self.settings.phases, self.settings.orders.len(), self.settings.unit_a.len())
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The newest verdict; its sequence is 0 before the first.
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// What is known of a phase at a watched order.
    pub fn estimate(&self, phase: usize, order: usize) -> Option<Estimate> {
        let cell = (phase < self.settings.phases).then_some(order * self.settings.phases + phase)?;
        self.cells.get(cell).map(|cell| cell.estimator.estimate())
    }

    /// Takes in a window; whether there is a new verdict.
    pub fn step(&mut self, sample: &Sample) -> bool {
        self.pass_gap(sample.sequence);
        self.mark(sample);
        let usable = sample.valid && sample.synchronised && !sample.flagged && sample.finite();
        match usable {
            true => self.learn(sample),
            false => self.cells.iter_mut().for_each(Cell::skip),
        }
        self.marks.windows += 1;
        let due = self.marks.windows >= self.settings.value_windows;
        if due {
            self.judge(sample.tick);
            self.marks = Marks::NONE;
            self.cells.iter_mut().for_each(|cell| cell.value = Value::default());
            self.unit_value.fill(Value::default());
        }
        due
    }

    /// Time that passed without windows: the background may have moved. A minute is as good as an hour.
    fn pass_gap(&mut self, sequence: u64) {
        let gap = self.last.map_or(0, |last| sequence.saturating_sub(last + 1).min(300));
        (0..gap).for_each(|_| self.cells.iter_mut().for_each(Cell::skip));
        self.last = Some(sequence);
    }

    fn mark(&mut self, sample: &Sample) {
        self.marks.valid &= sample.valid && sample.finite();
        self.marks.flagged |= sample.flagged;
        self.marks.synchronised &= sample.synchronised;
    }

    fn learn(&mut self, sample: &Sample) {
        self.marks.used += 1;
        for (sum, thd) in self.marks.thd_squared.iter_mut().zip(sample.thd_percent) {
            *sum += thd * thd;
        }
        let phases = self.settings.phases;
        for (k, cell) in self.cells.iter_mut().enumerate() {
            let (order, phase) = (k / phases, k % phases);
            let Some((v, j)) = sample.at(phase, order) else { continue };
            let source = j + self.settings.fleet(order) * v;
            let probe = if self.settings.orders.get(order) == Some(&sample.probe.0) { sample.probe.1 } else { 0.0 };
            cell.step(v, source, probe, &self.settings);
            self.silent.step(k, source, sample.silent);
        }
        self.learn_units(sample);
    }

    fn learn_units(&mut self, sample: &Sample) {
        let (phases, cells) = (self.settings.phases, self.cells.len());
        for unit in 0..sample.units() {
            for k in 0..cells {
                let (v, _) = sample.at(k % phases, k / phases).unwrap_or_default();
                let j = sample.unit(unit, k % phases, k / phases);
                if let (Some(value), Some(j)) = (self.unit_value.get_mut(unit * cells + k), j) {
                    value.add(v, j);
                }
            }
        }
    }
}

impl Cell {
    fn new(settings: &Settings, order: usize) -> Self {
        let z0 = settings.z0(order);
        let prior = Prior {
            nominal_v: settings.nominal_v,
            z_ohm: z0,
            z_sd_ohm: settings.z0_sd * z0.norm(),
            e_sd_v: settings.e0_sd * settings.nominal_v,
            follower_sd_ohm: settings.follower_sd * z0.norm(),
            z_walk_ohm: settings.z_walk * z0.norm(),
        };
        let instrument = Instrument::new(settings.probe_windows);
        Self {
            estimator: Estimator::new(prior),
            instrument,
            probed: None,
            probing: false,
            changes: 0,
            value: Value::default(),
        }
    }

    fn step(&mut self, v: crate::quantity::Complex, j: crate::quantity::Complex, probe: f64, settings: &Settings) {
        self.estimator.step(v, j);
        self.value.add(v, j);
        let changes = self.estimator.estimate().changes;
        if changes != self.changes {
            self.changes = changes;
            self.probed = None;
        }
        self.probing = probe != 0.0;
        if probe == 0.0 {
            self.instrument.restart();
        } else {
            self.instrument.step(v, j, probe);
            let found = self.instrument.estimate();
            self.probed = found.map(|(z_ohm, z_sd_ohm)| Probed { z_ohm, z_sd_ohm, age: 0 });
        }
        self.grow_older(settings.probe_lasts);
    }

    fn skip(&mut self) {
        self.estimator.skip();
    }

    fn grow_older(&mut self, most: u64) {
        if let Some(probed) = &mut self.probed {
            probed.age += 1;
        }
        self.probed = self.probed.filter(|probed| probed.age <= most);
    }
}
