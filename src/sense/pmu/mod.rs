//! The front end of a phasor measurement unit: magnitude and angle of the voltage of each phase of a bus, in a common time.
//!
//! What it says of a phase is its magnitude per unit and its absolute angle in degrees, turned by what its [`Clock`] is
//! wrong by and wrapped to (−180, 180], each with its own noise and resolution. Frames are late by a random number of
//! ticks, and some are lost, by (seed, PMU, tick). `docs/models/sensing.md`. Limits: a sample is the phasor of the
//! tick's solution; there is no filter of a class, no frequency and no rate of change of it. The angle's reference is the
//! bench's (angle 0 of the sources, whatever their frequency); an angle by a clock of hardware would be another one.

mod clock;

use clock::Clock;
pub use clock::{ClockFault, ClockSettings};

use super::sensor::{Accuracy, Sensor};
use crate::quantity::{Noise, Tick};

/// What a PMU is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PmuSettings {
    /// Of its magnitudes, per unit.
    pub v_pu: Accuracy,
    /// Of its angles, in degrees.
    pub angle_deg: Accuracy,
    /// Share of its frames that are lost.
    pub loss: f64,
    /// Its clock.
    pub clock: ClockSettings,
}

#[derive(Clone, Debug)]
pub(super) struct Pmu {
    settings: PmuSettings,
    /// Ticks by which a frame may be late, at most.
    jitter: u64,
    phases: usize,
    clock: Clock,
    lateness: Noise,
    losses: Noise,
}

impl Pmu {
    /// `noise` is that of a name below the PMU's.
    pub(super) fn new(settings: PmuSettings, jitter: u64, phases: usize, noise: &impl Fn(&str) -> Noise) -> Self {
        let (lateness, losses) = (noise("jitter"), noise("loss"));
        Self { settings, jitter, phases, clock: Clock::new(settings.clock), lateness, losses }
    }

    pub(super) const fn pass(&mut self, tick: Tick) {
        self.clock.pass(tick);
    }

    pub(super) const fn set_clock(&mut self, fault: ClockFault, on: bool) {
        self.clock.set(fault, on);
    }

    /// What a channel's sensor says: magnitudes and angles in turns, then whether the PMU is synchronised. A dead phase has
    /// no angle.
    pub(super) fn reading(
        &self,
        tick: Tick,
        channel: usize,
        sensor: &mut Sensor,
        truth: &impl Fn(usize) -> f64,
    ) -> f64 {
        if channel >= 2 * self.phases {
            let synchronised = f64::from(u8::from(self.clock.synchronised()));
            return sensor.reading(tick, synchronised, Accuracy::default());
        }
        if channel.is_multiple_of(2) {
            return sensor.reading(tick, truth(channel), self.settings.v_pu);
        }
        let dead = truth(channel - 1) == 0.0;
        let angle_deg = if dead { f64::NAN } else { truth(channel) };
        let turned_deg = angle_deg + self.clock.error_deg(truth(2 * self.phases));
        wrapped_deg(sensor.reading(tick, turned_deg, self.settings.angle_deg))
    }

    /// Ticks by which a frame of a tick is late beside the usual delay; `None` when it is lost.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "few ticks"
    )]
    pub(super) fn late(&self, tick: Tick) -> Option<u64> {
        let lost = self.settings.loss > 0.0 && self.losses.uniform(tick.0) < self.settings.loss;
        let ticks = (self.lateness.uniform(tick.0) * (self.jitter as f64 + 1.0)) as u64;
        (!lost).then_some(ticks.min(self.jitter))
    }
}

/// An angle in (−180, 180].
fn wrapped_deg(angle_deg: f64) -> f64 {
    if angle_deg > -180.0 && angle_deg <= 180.0 {
        return angle_deg; // as it is, to the last bit
    }
    let turned = angle_deg.rem_euclid(360.0);
    if turned > 180.0 { turned - 360.0 } else { turned }
}

#[cfg(test)]
mod tests;
