//! Where a device's power is among its points or set-points: of each phase, or of all.

use crate::device::inverter::ByPhase;

/// Names of active and reactive power.
const NAMES: [&str; 2] = ["p_w", "q_var"];

#[derive(Clone, Copy, Debug)]
enum At {
    Phases([Option<usize>; 3]),
    Total(Option<usize>),
}

/// Active and reactive power of a device of so many phases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Powers {
    at: [At; 2],
    phases: usize,
}

impl Powers {
    /// By what has these names: `p_w.a` of each phase, or else `p_w`.
    pub(super) fn find(phases: usize, place: impl Fn(&str) -> Option<usize>) -> Self {
        let at = NAMES.map(|stem| {
            let each = ["a", "b", "c"].map(|phase| place(&format!("{stem}.{phase}")));
            // A device of fewer phases has as many points.
            match each.iter().take(phases).all(Option::is_some) {
                true => At::Phases(each),
                false => At::Total(place(stem)),
            }
        });
        Self { at, phases }
    }

    /// Power by phase of values, times a factor; NaN where a value is not there. Reactive power without a place is none.
    #[allow(clippy::cast_precision_loss, reason = "a few phases")]
    pub(super) fn read(&self, values: &[f64], factor: f64) -> ByPhase {
        let value = |place: Option<usize>| place.and_then(|k| values.get(k)).copied().unwrap_or(f64::NAN);
        let mut power = [[0.0; 2]; 3];
        for (phase, own) in power.iter_mut().enumerate().take(self.phases) {
            for (at, slot) in self.at.iter().zip(own) {
                let lab = match *at {
                    At::Phases(each) => value(each[phase]),
                    At::Total(Some(all)) => value(Some(all)) / self.phases as f64,
                    At::Total(None) => 0.0,
                };
                *slot = lab * factor;
            }
        }
        power
    }

    /// Puts power by phase into values, times a factor.
    pub(super) fn put(&self, power: &ByPhase, factor: f64, values: &mut [f64]) {
        let mut put = |place: Option<usize>, value: f64| {
            if let Some(slot) = place.and_then(|k| values.get_mut(k)) {
                *slot = value;
            }
        };
        for (what, at) in self.at.iter().enumerate() {
            match *at {
                At::Phases(each) => {
                    each.iter().zip(power).take(self.phases).for_each(|(&place, own)| put(place, own[what] * factor));
                }
                At::Total(all) => put(all, sum(power, self.phases)[what] * factor),
            }
        }
    }
}

/// Power of all phases.
pub(super) fn sum(power: &ByPhase, phases: usize) -> [f64; 2] {
    power.iter().take(phases).fold([0.0; 2], |sum, own| [sum[0] + own[0], sum[1] + own[1]])
}
