//! What the layer above may know of phasor controllers.

use super::Phasors;
use crate::control::phasor::supervise::classify::Class;
use crate::control::phasor::{MOST_PHASES, Mode};
use crate::quantity::Tick;

/// A controller as its S-PBC sees it at a step. Phases that it does not control, and what it does not know, are NaN.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Seen {
    /// Magnitudes at the performance node per unit, and angles from the reference node in degrees. It has no angles while
    /// it does not trust its clocks.
    pub(in crate::bench) measured: [[f64; MOST_PHASES]; 2],
    /// Magnitudes at the reference node per unit.
    pub(in crate::bench) reference_v_pu: [f64; MOST_PHASES],
    /// Target magnitudes per unit, and angles in degrees.
    pub(in crate::bench) target: [[f64; MOST_PHASES]; 2],
    /// Why it fails.
    pub(in crate::bench) class: Class,
    /// The step in which it asks for a target that it can reach.
    pub(in crate::bench) asks: Option<Tick>,
}

impl Phasors {
    /// A controller; `None` beyond them.
    pub(in crate::bench) fn seen(&self, controller: usize) -> Option<Seen> {
        let own = self.loops.get(controller)?;
        let n = own.phases();
        let value = |place: usize| Some(own.inputs.get(place)).filter(|c| c.valid).map_or(f64::NAN, |c| c.value);
        let trusts = own.seat.report().is_none_or(|report| report.mode == Mode::Full);
        let by_phase = |of: &dyn Fn(usize) -> f64| std::array::from_fn(|k| if k < n { of(k) } else { f64::NAN });
        let angle = |k: usize| if trusts { value(n + k) - value(3 * n + k) } else { f64::NAN };
        Some(Seen {
            measured: [by_phase(&value), by_phase(&angle)],
            reference_v_pu: by_phase(&|k| value(2 * n + k)),
            target: own.target.map(|own| by_phase(&|k| own[k])),
            class: own.seat.supervised().map_or(Class::None, |report| report.class),
            asks: own.seat.asks(),
        })
    }

    /// Whether its devices' reports reach a controller.
    pub(in crate::bench) fn in_touch(&self, controller: usize) -> bool {
        self.loops.get(controller).is_some_and(|own| !own.lost)
    }

    /// Whether a controller still commands one of its actuators.
    pub(in crate::bench) fn in_service(&self, controller: usize, actuator: usize) -> bool {
        let own = self.loops.get(controller).and_then(|own| own.seat.lpbc());
        own.is_none_or(|own| own.in_service(actuator))
    }
}
