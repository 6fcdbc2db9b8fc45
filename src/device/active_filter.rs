//! An active power filter at the level of phasors: a current source that learns to cancel a load's harmonics, or a virtual
//! conductance.
//!
//! Sensing the load's current J_h (injected into the network, without the filter's own), in each step of the loop
//!
//! ```text
//! x_h ← x_h + µ·(−J_h − x_h),      I_h = x_h·e^{jh(φ₁)},   φ₁ = 2π·f₁·delay
//! ```
//!
//! leaves |1 − e^{jhφ₁}| of the harmonic for good: a delay that is not compensated is what limits such filters. Sensing the
//! voltage, the filter is a conductance G_h at each order, I_h = −G_h·V_h: no model of the network, and it damps resonances.
//! Either way √(ΣI_h²) ≤ capacity in each phase, by one factor for all orders. A conductance that would go over its capacity
//! becomes smaller.
//! Limits: no switching, no losses; the loop has no dynamics beside µ.

use crate::quantity::{Complex, complex};
use crate::signal::Norton;

/// How a filter finds its current.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sensing {
    /// From the load's current.
    Load {
        /// Part of the difference that a step takes, 0 < µ < 2 (above 1 it overshoots).
        mu: f64,
        /// Delay in s from the measurement to the current that is not compensated.
        delay_s: f64,
    },
    /// From the voltage: conductance in S at each order.
    Voltage {
        /// The conductance.
        conductance_s: f64,
    },
}

/// Why there is no such filter.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// µ is outside of where the loop converges.
    #[error("µ is {0}; it is above 0 and below 2")]
    Mu(f64),
    /// A number is negative, or none.
    #[error("{what} is {value}; it is a number, and not negative")]
    Number {
        /// Which one.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// A selected order is not among the frequencies.
    #[error("order {0} is not among the run's frequencies")]
    NoSuchOrder(u32),
}

/// An active filter at work.
#[derive(Clone, Debug)]
pub struct ActiveFilter {
    sensing: Sensing,
    capacity_a: f64,
    phases: usize,
    /// Place and order of what it works on.
    selected: Vec<(usize, u32)>,
    /// x_h, order after order, within it by phase.
    state: Vec<Complex>,
    /// Part of its current that the capacity allows, by phase.
    scale: Vec<f64>,
    lost: bool,
}

impl ActiveFilter {
    /// A filter that does nothing yet, for selected orders among the run's (`None` where a frequency is no order); an empty
    /// selection is all of them. `capacity_a` in A RMS by phase.
    ///
    /// # Errors
    /// When a number is out of range or an order is not among the run's.
    pub fn new(
        sensing: Sensing,
        capacity_a: f64,
        phases: usize,
        orders: &[Option<u32>],
        selected: &[u32],
    ) -> Result<Self, FilterError> {
        let number = |what, value: f64| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(FilterError::Number { what, value }),
        };
        number("capacity in A", capacity_a)?;
        match sensing {
            Sensing::Load { mu, delay_s } => {
                if !(mu > 0.0 && mu < 2.0) {
                    return Err(FilterError::Mu(mu));
                }
                number("delay in s", delay_s)?;
            }
            Sensing::Voltage { conductance_s } => number("conductance in S", conductance_s)?,
        }
        let place = |order: u32| {
            let place = orders.iter().position(|own| *own == Some(order));
            place.map(|place| (place, order)).ok_or(FilterError::NoSuchOrder(order))
        };
        let selected: Vec<(usize, u32)> = match selected {
            [] => orders.iter().enumerate().filter_map(|(place, order)| Some((place, (*order)?))).collect(),
            _ => selected.iter().map(|order| place(*order)).collect::<Result<_, _>>()?,
        };
        let state = vec![complex(0.0, 0.0); selected.len() * phases];
        Ok(Self { sensing, capacity_a, phases, selected, state, scale: vec![1.0; phases], lost: false })
    }

    /// Takes the filter away, or brings it back with nothing learnt.
    pub fn set_lost(&mut self, lost: bool) {
        self.lost = lost;
        self.state.fill(complex(0.0, 0.0));
    }

    /// Part of its current that the capacity allows, by phase: below 1 it is overloaded.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// One step from what is measured at each frequency and phase of the run: the load's currents into the network in A, or, for
    /// a filter that senses voltages, these in V. What is not a number leaves the state as it is.
    pub fn step<'a>(&mut self, measured: impl Fn(usize) -> &'a [Complex]) {
        if let Sensing::Load { mu, .. } = self.sensing {
            for ((place, _), own) in self.selected.iter().zip(self.state.chunks_mut(self.phases.max(1))) {
                for (x, j) in own.iter_mut().zip(measured(*place)).filter(|(_, j)| j.is_finite()) {
                    *x += (-*j - *x) * mu;
                }
            }
        } else {
            for ((place, _), own) in self.selected.iter().zip(self.state.chunks_mut(self.phases.max(1))) {
                own.iter_mut().zip(measured(*place)).filter(|(_, v)| v.is_finite()).for_each(|(x, v)| *x = *v);
            }
        }
        self.fit();
    }

    /// Finds the part of its current that the capacity allows.
    fn fit(&mut self) {
        let by = if let Sensing::Voltage { conductance_s } = self.sensing { conductance_s } else { 1.0 };
        for (p, scale) in self.scale.iter_mut().enumerate() {
            let wanted = by * self.state.iter().skip(p).step_by(self.phases).map(Complex::norm_sqr).sum::<f64>().sqrt();
            *scale = if wanted > self.capacity_a { self.capacity_a / wanted } else { 1.0 };
        }
    }

    /// Fills a Norton equivalent at the run's frequencies, with the fundamental's frequency in Hz.
    pub fn emit(&self, f1_hz: f64, into: &mut Norton) {
        let zero = complex(0.0, 0.0);
        (0..into.frequencies()).for_each(|k| into.current_a_mut(k).fill(zero));
        into.admittance_s_mut().fill(zero);
        if self.lost {
            return;
        }
        for (&(place, order), own) in self.selected.iter().zip(self.state.chunks(self.phases.max(1))) {
            match self.sensing {
                Sensing::Load { delay_s, .. } => {
                    let turn = Complex::from_polar(1.0, f64::from(order) * std::f64::consts::TAU * f1_hz * delay_s);
                    let currents = into.current_a_mut(place).iter_mut().zip(own).zip(&self.scale);
                    currents.for_each(|((i, x), scale)| *i = x * turn * *scale);
                }
                Sensing::Voltage { conductance_s } => {
                    // One admittance for all phases: the phase with the least room decides.
                    let scale = self.scale.iter().copied().fold(1.0, f64::min);
                    if let Some(y) = into.admittance_s_mut().get_mut(place) {
                        *y = complex(conductance_s * scale, 0.0);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::phasor;

    const ORDERS: [Option<u32>; 4] = [Some(5), Some(7), None, Some(11)];

    fn norton_of(filter: &ActiveFilter) -> Norton {
        let mut into = Norton::new(4, 1);
        filter.emit(50.0, &mut into);
        into
    }

    /// A load's currents, one phase.
    fn load() -> [[Complex; 1]; 4] {
        [[phasor(3.0, 40.0)], [phasor(4.0, -10.0)], [phasor(1.0, 0.0)], [phasor(0.5, 70.0)]]
    }

    #[test]
    fn it_learns_to_cancel_the_load() {
        let sensing = Sensing::Load { mu: 0.2, delay_s: 0.0 };
        let mut filter = ActiveFilter::new(sensing, 10.0, 1, &ORDERS, &[5, 7]).unwrap();
        let load = load();
        for k in 1..=20 {
            filter.step(|place| &load[place]);
            // What is left after k steps is (1 − µ)^k.
            let left = norton_of(&filter).current_a(0)[0] + load[0][0];
            assert!((left.norm() - 3.0 * 0.8f64.powi(k)).abs() < 1e-12, "{k}");
        }
        let into = norton_of(&filter);
        assert_eq!((into.current_a(2)[0].norm(), into.current_a(3)[0].norm()), (0.0, 0.0), "not selected");
    }

    #[test]
    fn a_delay_leaves_what_its_angle_says() {
        // 100 µs at 350 Hz: 12.6°; |1 − e^{jx}| = 2·sin(x/2) = 0.2195.
        let sensing = Sensing::Load { mu: 1.0, delay_s: 1e-4 };
        let mut filter = ActiveFilter::new(sensing, 10.0, 1, &ORDERS, &[]).unwrap();
        let load = load();
        filter.step(|place| &load[place]);
        let left = (norton_of(&filter).current_a(1)[0] + load[1][0]).norm() / 4.0;
        assert!((left - 2.0 * (6.3f64).to_radians().sin()).abs() < 1e-12, "{left}");
    }

    #[test]
    fn the_capacity_holds_for_all_orders_together() {
        let mut filter = ActiveFilter::new(Sensing::Load { mu: 1.0, delay_s: 0.0 }, 2.5, 1, &ORDERS, &[5, 7]).unwrap();
        let load = load();
        filter.step(|place| &load[place]);
        let into = norton_of(&filter);
        let sum = (0..4).map(|k| into.current_a(k)[0].norm_sqr()).sum::<f64>().sqrt();
        assert!((sum - 2.5).abs() < 1e-12 && (filter.scale()[0] - 0.5).abs() < 1e-12, "3, 4, 5: half of it");
        filter.set_lost(true);
        assert_eq!(norton_of(&filter).current_a(0)[0].norm(), 0.0);
    }

    #[test]
    fn a_conductance_becomes_smaller_at_its_capacity() {
        let sensing = Sensing::Voltage { conductance_s: 0.5 };
        let mut filter = ActiveFilter::new(sensing, 2.0, 1, &ORDERS, &[5]).unwrap();
        let volts = [[phasor(2.0, 0.0)], [complex(9.0, 0.0)], [complex(9.0, 0.0)], [complex(9.0, 0.0)]];
        filter.step(|place| &volts[place]);
        assert_eq!(norton_of(&filter).admittance_s()[0], complex(0.5, 0.0));
        let more = volts.map(|v| v.map(|v| v * 4.0));
        filter.step(|place| &more[place]);
        // 8 V would draw 4 A.
        assert!((norton_of(&filter).admittance_s()[0].re - 0.25).abs() < 1e-12);
        assert_eq!(norton_of(&filter).admittance_s()[1], complex(0.0, 0.0));
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let new = |sensing, selected: &[u32]| ActiveFilter::new(sensing, 1.0, 3, &ORDERS, selected).err();
        assert_eq!(new(Sensing::Load { mu: 2.0, delay_s: 0.0 }, &[]), Some(FilterError::Mu(2.0)));
        assert_eq!(new(Sensing::Load { mu: 0.2, delay_s: 0.0 }, &[13]), Some(FilterError::NoSuchOrder(13)));
        assert!(matches!(new(Sensing::Voltage { conductance_s: f64::NAN }, &[]), Some(FilterError::Number { .. })));
        assert!(new(Sensing::Voltage { conductance_s: 0.1 }, &[5, 11]).is_none());
    }
}
