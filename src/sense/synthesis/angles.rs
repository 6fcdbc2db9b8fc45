//! Angles of the fundamental and of components, from tick to tick and within one.

use super::Interpolation;
use super::phase::{Angle, Fixed, MOST_HZ, Motion, radians};
use crate::quantity::Step;
use crate::sense::spectra::Spectra;

/// Angle 0 is the fundamental's; the others are components': n times the fundamental's, on top of a free part.
#[derive(Clone, Debug)]
pub struct Angles {
    tick_s: (u64, u64),
    interpolation: Interpolation,
    begun: bool,
    moving: Vec<Moving>,
}

/// The fundamental, or the free part of a component.
#[derive(Clone, Copy, Debug, Default)]
struct Moving {
    angle: Angle,
    motion: Motion,
    /// Frequency at the end of the last tick.
    hz: f64,
    /// Times the fundamental's angle.
    order: i32,
}

impl Angles {
    /// All 0, in ticks of a length.
    pub fn new(tick: Step, interpolation: Interpolation, components: usize) -> Self {
        let moving = vec![Moving::default(); 1 + components];
        Self { tick_s: tick.fraction(), interpolation, begun: false, moving }
    }

    /// Begins a tick. False where a frequency is none: it then stays as it was.
    pub fn move_to(&mut self, spectra: &Spectra) -> bool {
        let components = spectra.components().iter().map(|component| (component.free_hz, component.order));
        let ramps = self.begun && self.interpolation == Interpolation::Linear;
        let mut sound = true;
        for (own, (hz, order)) in
            self.moving.iter_mut().zip(std::iter::once((spectra.frequency_hz, 0)).chain(components))
        {
            let good = (0.0..=MOST_HZ).contains(&hz);
            let hz = if good { hz } else { own.hz };
            own.motion = Motion::new(if ramps { own.hz } else { hz }, hz, self.tick_s);
            (own.hz, own.order) = (hz, order);
            sound &= good;
        }
        self.begun = true;
        sound
    }

    /// Goes to the tick's end.
    pub fn finish(&mut self) {
        self.moving.iter_mut().for_each(|own| own.motion.finish(&mut own.angle, self.tick_s.1));
    }

    /// Whether all frequencies hold during the tick.
    pub fn are_steady(&self) -> bool {
        self.moving.iter().all(|own| own.motion.is_steady())
    }

    /// The fundamental's angle now, in rad.
    pub fn fundamental_rad(&self) -> f64 {
        radians(self.moving[0].angle.turns)
    }

    /// Angles at a place of the tick, in rad from −π to π.
    pub fn at(&self, place: Fixed) -> impl Iterator<Item = f64> + '_ {
        let turns = move |own: &Moving| own.angle.turns.wrapping_add(own.motion.turns(place));
        let fundamental = turns(&self.moving[0]);
        let with =
            move |own: &Moving| turns(own).wrapping_add(fundamental.wrapping_mul(i64::from(own.order).cast_unsigned()));
        self.moving.iter().map(move |own| radians(with(own)))
    }

    /// Turns per tick at a place of the tick.
    pub fn rates(&self, place: f64) -> impl Iterator<Item = f64> + '_ {
        let fundamental = self.moving[0].motion.rate(place);
        self.moving.iter().map(move |own| own.motion.rate(place) + f64::from(own.order) * fundamental)
    }

    /// Change of the turns per tick, per tick.
    pub fn ramps(&self) -> impl Iterator<Item = f64> + '_ {
        let fundamental = self.moving[0].motion.ramp();
        self.moving.iter().map(move |own| own.motion.ramp() + f64::from(own.order) * fundamental)
    }
}
