//! Harmonics that sources bring in: each has a size that may follow a shape, and wanders.
//!
//! The wander is an Ornstein–Uhlenbeck process of a complex factor 1 + x by tick: x ← k·x + √(1 − k²)·w, w normal in both
//! parts, so that its size and its angle move.

use crate::bench::demand::Demands;
use crate::bench::plant::HarmonicPlant;
use crate::feeder::Source;
use crate::quantity::{Complex, Noise, Tick, complex, phasor};
use crate::scenario::{self, Plan};

/// All that sources bring in.
pub(super) struct Backgrounds {
    own: Vec<Background>,
    slots: Vec<Slot>,
}

/// One phase of a source at one order.
struct Slot {
    source: usize,
    order: usize,
    phase: usize,
    emf_v: Complex,
}

/// One harmonic of a source at work.
struct Background {
    plan: scenario::Background,
    /// What each phase has at size 1, in V, and its slot.
    phases: Vec<(Complex, usize)>,
    noise: Noise,
    wander: Complex,
    factor: f64,
}

impl Backgrounds {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut all = Self { own: Vec::new(), slots: Vec::new() };
        let Some(harmonics) = &plan.harmonics else { return all };
        for background in &harmonics.background {
            let source = plan.feeder.sources.get_index(background.source).map(|(_, source)| source);
            let Some((source, order)) = source.zip(harmonics.orders.get(background.order)) else { continue };
            let voltages = phases_v(source, *order, background).into_iter().enumerate();
            let phases = voltages.map(|(phase, v)| (v, all.slot(background, phase))).collect();
            all.own.push(Background {
                phases,
                noise: Noise::new(plan.seed, &format!("background.{}", background.name)),
                wander: complex(0.0, 0.0),
                factor: 1.0,
                plan: background.clone(),
            });
        }
        all
    }

    fn slot(&mut self, of: &scenario::Background, phase: usize) -> usize {
        let same = |slot: &Slot| (slot.source, slot.order, slot.phase) == (of.source, of.order, phase);
        self.slots.iter().position(same).unwrap_or_else(|| {
            self.slots.push(Slot { source: of.source, order: of.order, phase, emf_v: complex(0.0, 0.0) });
            self.slots.len() - 1
        })
    }

    /// Multiplies one by a factor, in place of the factor so far.
    pub(super) fn scale(&mut self, background: usize, factor: f64) {
        if let Some(own) = self.own.get_mut(background) {
            own.factor = factor;
        }
    }

    /// Tells the plant what sources have at a tick.
    pub(super) fn tell(&mut self, tick: Tick, demands: &Demands, plant: &mut dyn HarmonicPlant) {
        self.slots.iter_mut().for_each(|slot| slot.emf_v = complex(0.0, 0.0));
        for own in &mut self.own {
            let size = own.size(tick, demands);
            for &(v, slot) in &own.phases {
                if let Some(slot) = self.slots.get_mut(slot) {
                    slot.emf_v += v * size;
                }
            }
        }
        self.slots.iter().for_each(|slot| plant.set_background(slot.source, slot.order, slot.phase, slot.emf_v));
    }
}

impl Background {
    /// What it is multiplied by at a tick.
    fn size(&mut self, tick: Tick, demands: &Demands) -> Complex {
        let (keep, sd) = (self.plan.keep, self.plan.wander / 2f64.sqrt());
        let step = complex(self.noise.normal(2 * tick.0), self.noise.normal(2 * tick.0 + 1));
        self.wander = self.wander * keep + step * (sd * (1.0 - keep * keep).sqrt());
        let shape = self.plan.shape.map_or(1.0, |shape| demands.shape(shape));
        (complex(1.0, 0.0) + self.wander) * (self.factor * shape)
    }
}

/// Voltage of each phase at size 1 in V: the order's own sequence, as of waves that are alike but for their shift.
fn phases_v(source: &Source, order: f64, background: &scenario::Background) -> Vec<Complex> {
    let phases = source.phases.max(1);
    let line_to_line = if phases == 1 { 1.0 } else { 2.0 * (std::f64::consts::PI / phases.max(3) as f64).sin() };
    let v_v = source.v_kv * 1000.0 * source.v_pu / line_to_line * background.size_pu;
    let shift_deg = if phases == 1 { 0.0 } else { 360.0 / phases.max(3) as f64 };
    let angle = |phase: usize| order * (source.angle_deg - shift_deg * phase as f64) + background.angle_deg;
    (0..phases).map(|phase| phasor(v_v, angle(phase))).collect()
}
