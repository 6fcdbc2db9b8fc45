//! Electromagnetic interference: what a power cable beside a signal cable puts into it, as one over the distance.
//!
//! Two parts: hum, synchronous with the mains (orders 1, 3, 5, 7, 9, falling as 1/h, each with an angle of its own), and a
//! broadband part. Frames on the wire are lost by the same law.

use crate::quantity::{Complex, Noise};

/// Interference in one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Emi {
    /// Distance of the cables in m.
    pub distance_m: f64,
    /// Hum at 0.15 m: its fundamental, in the channel's unit RMS.
    pub hum_rms: f64,
    /// Broadband noise at 0.15 m, in the channel's unit RMS.
    pub broadband_rms: f64,
    /// Share of frames lost at 0.15 m.
    pub loss_share: f64,
}

/// Distance that strengths are given at, in m.
const REFERENCE_M: f64 = 0.15;

impl Emi {
    /// How much stronger than at 0.15 m.
    pub fn coupling(&self) -> f64 {
        REFERENCE_M / self.distance_m
    }

    /// Hum at an order, by the channel's noise.
    #[allow(clippy::cast_precision_loss, reason = "orders are small")]
    pub fn hum(&self, order: usize, noise: Noise) -> Complex {
        if order > 9 || order.is_multiple_of(2) {
            return Complex::ZERO;
        }
        let angle = std::f64::consts::TAU * noise.uniform(order as u64);
        Complex::from_polar(self.hum_rms * self.coupling() / order as f64, angle)
    }

    /// Standard deviation of the broadband part.
    pub fn broadband(&self) -> f64 {
        self.broadband_rms * self.coupling()
    }

    /// Share of frames lost.
    pub fn loss(&self) -> f64 {
        (self.loss_share * self.coupling()).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_as_far_is_half_as_strong() {
        let near = Emi { distance_m: 0.15, hum_rms: 0.9, broadband_rms: 0.2, loss_share: 0.02 };
        let far = Emi { distance_m: 0.30, ..near };
        let noise = Noise::new(1, "u1");
        assert!((near.hum(3, noise).norm() - 0.3).abs() < 1e-15 && (far.hum(3, noise).norm() - 0.15).abs() < 1e-15);
        assert_eq!((far.broadband(), far.loss(), near.hum(2, noise).norm()), (0.1, 0.01, 0.0));
        assert_eq!(Emi { distance_m: 1e-3, ..near }.loss(), 1.0);
    }
}
