//! What a naturally sampled pulse-width modulator makes beside its fundamental: sidebands of the carrier's multiples.
//!
//! With a triangular carrier (lowest at angle 0), modulating signal M·cos θ and carrier angle θ_c, a leg's voltage is
//!
//! ```text
//! v / (V_dc/2) = M·cos θ + Σ_m Σ_n C_mn·cos(m·θ_c + n·θ),   C_mn = (4/(π·m))·J_n(m·π·M/2)·sin((m + n)·π/2)
//! ```
//!
//! (Holmes and Lipo, "Pulse Width Modulation for Power Converters", 2003, chapter 3, quoted from memory; `tests/inverter/edges.rs`
//! checks it against exact switching edges). Between two legs that are 120° apart a component is larger by
//! 2·|sin(n·π/3)|: the carrier and triplen n are in all legs alike and vanish. An H-bridge with unipolar modulation has the
//! legs' signals 180° apart: odd n remain, twice as large, which with m + n odd leaves even m.
//! Limits: linear modulation (M ≤ 1), no dead time, carrier fast against the fundamental only in so far as components of
//! different m may then overlap.

use std::f64::consts::{FRAC_PI_2, PI};

use super::bessel::{self, bessel_j};

/// A component n·f₁ beside the m-th multiple of the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sideband {
    /// Multiple of the carrier: 1 or more.
    pub m: u32,
    /// Multiple of the fundamental, of either sign.
    pub n: i32,
}

/// How a bridge is made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bridge {
    /// One leg a phase against the middle of the DC link.
    #[default]
    TwoLevel,
    /// Two legs a phase, modulated in opposition (unipolar).
    HBridge,
}

impl Bridge {
    /// Largest voltage of the fundamental, as a multiple of V_dc, peak.
    pub const fn most_pu(self) -> f64 {
        match self {
            Self::TwoLevel => 0.5,
            Self::HBridge => 1.0,
        }
    }

    /// Whether a component is there at all.
    pub const fn has(self, Sideband { m, n }: Sideband) -> bool {
        let odd_sum = (m as i64 + n as i64) % 2 != 0;
        match self {
            Self::TwoLevel => m > 0 && odd_sum,
            Self::HBridge => m > 0 && odd_sum && n % 2 != 0,
        }
    }
}

/// Signed C_mn for one m at a depth of modulation, for any n.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    m: u32,
    j: [f64; bessel::ORDERS],
}

impl Group {
    /// The group around the m-th multiple of the carrier at depth M; NaN when m·π·M/2 is beyond 30.
    pub fn new(m: u32, depth: f64) -> Self {
        Self { m, j: bessel_j(f64::from(m) * FRAC_PI_2 * depth) }
    }

    /// C_mn of a leg, per V_dc/2.
    pub fn leg(&self, n: i32) -> f64 {
        // sin((m + n)·π/2) in whole numbers.
        let sine = [0.0, 1.0, 0.0, -1.0][(i64::from(self.m) + i64::from(n)).rem_euclid(4) as usize];
        if sine == 0.0 { 0.0 } else { 4.0 / (PI * f64::from(self.m)) * bessel::of_order(&self.j, n) * sine }
    }

    /// Size between two legs 120° apart, per V_dc/2.
    pub fn line_to_line(&self, n: i32) -> f64 {
        self.leg(n).abs() * 2.0 * (f64::from(n) * PI / 3.0).sin().abs()
    }

    /// Signed size of a bridge's voltage per V_dc/2, by how it is made up.
    pub fn bridge(&self, bridge: Bridge, n: i32) -> f64 {
        match bridge {
            Bridge::TwoLevel => self.leg(n),
            // The other leg's angle is θ + π: the difference is (1 − (−1)ⁿ).
            Bridge::HBridge if n % 2 != 0 => 2.0 * self.leg(n),
            Bridge::HBridge => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_components_are_those_of_the_books() {
        // M = 0.9: J_2(1.41372) and J_1(2.82743) by tables give these two.
        let (first, second) = (Group::new(1, 0.9), Group::new(2, 0.9));
        assert!((first.leg(2).abs() - 0.268).abs() < 5e-4, "{}", first.leg(2));
        assert!((second.leg(1).abs() - 0.255).abs() < 5e-4, "{}", second.leg(1));
        assert_eq!(first.leg(1), 0.0, "m + n is even");
    }

    #[test]
    fn carrier_and_triplen_sidebands_vanish_between_legs() {
        let group = Group::new(1, 0.8);
        assert!(group.leg(0).abs() > 0.1 && group.leg(6).abs() > 1e-6);
        assert!(group.line_to_line(0) == 0.0 && group.line_to_line(6) < 1e-15);
        assert!((group.line_to_line(2) / group.leg(2).abs() - 3f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn an_h_bridge_has_even_groups_only() {
        for m in 1..5u32 {
            let group = Group::new(m, 0.8);
            let any = (-7..=7).any(|n| group.bridge(Bridge::HBridge, n).abs() > 1e-9);
            assert_eq!(any, m % 2 == 0, "{m}");
            (-7..=7).for_each(|n| {
                let there = group.bridge(Bridge::HBridge, n) != 0.0;
                assert_eq!(there, Bridge::HBridge.has(Sideband { m, n }), "{m} {n}");
            });
        }
    }
}
