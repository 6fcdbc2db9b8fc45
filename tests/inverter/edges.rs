//! Naturally sampled modulation by its exact switching instants: each is found by Newton's method where the modulating signal
//! meets the carrier, and the Fourier integral over the two-level wave is then a finite sum.

use std::f64::consts::{PI, TAU};

use phasorbench::device::emission::pwm::{Bridge, Group, clipped_cosine, error_v};
use phasorbench::quantity::{Complex, complex};

/// A leg: depth, carrier periods in a fundamental one, angles of the modulating signal and of the carrier.
#[derive(Clone, Copy)]
struct Leg {
    depth: f64,
    ratio: u32,
    theta: f64,
    carrier: f64,
}

/// An edge: its place in the fundamental period, 0 to 1, and +1 when it rises.
type Edge = (f64, f64);

impl Leg {
    /// Edges of one fundamental period. The carrier is −1 at angle 0 and 1 at π.
    fn edges(&self) -> Vec<Edge> {
        let n = f64::from(self.ratio);
        let shift = self.carrier / TAU;
        let edge = |half: u32| {
            let rising = half.is_multiple_of(2);
            let (slope, from) = (if rising { 4.0 * n } else { -4.0 * n }, (f64::from(half) / 2.0 - shift) / n);
            let start = if rising { -1.0 } else { 1.0 };
            let mut t = from + 0.25 / n;
            for _ in 0..30 {
                let angle = TAU * t + self.theta;
                let gap = self.depth * angle.cos() - (start + slope * (t - from));
                t += gap / (slope + self.depth * TAU * angle.sin());
            }
            // The carrier rises past the signal: the leg goes down.
            (t, if rising { -1.0 } else { 1.0 })
        };
        (0..2 * self.ratio).map(edge).collect()
    }
}

/// Peak phasor of order k of a wave between −1 and 1: ∫ by parts over its jumps of 2.
fn coefficient(edges: &[Edge], k: i32) -> Complex {
    let w = TAU * f64::from(k);
    let sum: Complex = edges.iter().map(|(t, jump)| Complex::from_polar(2.0 * jump, -w * t)).sum();
    2.0 * sum / complex(0.0, w)
}

#[test]
fn sidebands_are_those_of_the_exact_edges() {
    let mut worst = 0.0f64;
    for (depth, ratio, theta, carrier) in
        [(0.9, 400, 0.0, 0.0), (0.9, 400, 0.4, 1.1), (0.5, 201, -2.0, 0.3), (0.99, 130, 1.0, -0.7)]
    {
        let leg = Leg { depth, ratio, theta, carrier };
        let edges = leg.edges();
        assert!((coefficient(&edges, 1) - Complex::from_polar(depth, theta)).norm() < 1e-9);
        for m in 1..=4u32 {
            let group = Group::new(m, depth);
            for n in -12..=12i32 {
                let found = coefficient(&edges, (m * ratio) as i32 + n);
                let angle = f64::from(m) * carrier + f64::from(n) * theta;
                let error = (found - Complex::from_polar(1.0, angle) * group.leg(n)).norm();
                worst = worst.max(error);
                assert!(error < 1e-5, "M {depth}, ratio {ratio}, m {m}, n {n}: {error:e}");
            }
        }
    }
    println!("sidebands against exact edges: worst {worst:.1e} of V_dc/2 (allowed 1e-5)");
}

#[test]
fn line_voltages_and_h_bridges_are_differences_of_legs() {
    let leg = |theta: f64| Leg { depth: 0.8, ratio: 300, theta, carrier: 0.0 }.edges();
    let (a, b, opposite) = (leg(0.0), leg(-TAU / 3.0), leg(PI));
    for m in 1..=4u32 {
        let group = Group::new(m, 0.8);
        for n in -8..=8i32 {
            let k = (m * 300) as i32 + n;
            let line = (coefficient(&a, k) - coefficient(&b, k)).norm();
            assert!((line - group.line_to_line(n)).abs() < 1e-5, "line {m} {n}: {line}");
            let bridge = coefficient(&a, k) - coefficient(&opposite, k);
            assert!((bridge - group.bridge(Bridge::HBridge, n)).norm() < 1e-5, "bridge {m} {n}: {bridge}");
        }
    }
}

#[test]
fn dead_time_makes_the_error_of_its_formula() {
    // Rising edges of a positive current are late. The formula is a mean over switching periods: where the current changes its
    // sign one edge of 2·ratio counts for more or less, so that the phasor is met with many of them, the size with few.
    let f1_hz = 50.0;
    for (dead_s, ratio, angle) in [(1e-6, 400u32, 0.01), (1e-7, 4000, 0.0), (1e-7, 4000, -0.6)] {
        let edges = Leg { depth: 0.8, ratio, theta: 0.0, carrier: 0.0 }.edges();
        let late = |&(t, jump): &Edge| {
            let current = (TAU * t + angle).cos();
            (if current * jump > 0.0 { t + dead_s * f1_hz } else { t }, jump)
        };
        let delayed: Vec<Edge> = edges.iter().map(late).collect();
        let mut shape = [0.0; 14];
        clipped_cosine(f64::INFINITY, &mut shape);
        // V_dc = 2 for legs between −1 and 1.
        let size = 2.0 * dead_s * f1_hz * f64::from(ratio);
        for h in [1i32, 3, 5, 7, 9, 11, 13] {
            let found = coefficient(&delayed, h) - coefficient(&edges, h);
            let expected = Complex::from_polar(-size * shape[h as usize], f64::from(h) * angle);
            let error = (found - expected).norm() / size;
            let in_size = (found.norm() - expected.norm()).abs() / size;
            println!("h {h}, {ratio} periods, {angle} rad: phasor {error:.1e}, size {in_size:.1e} of V_dc·t_d·f_sw");
            assert!(in_size < 1e-3 && (error < 1e-3 || ratio < 4000), "{h}: {found} {expected}");
            let rms = error_v(h as u32, 2.0, dead_s, f1_hz * f64::from(ratio));
            assert!((rms - expected.norm() / 2f64.sqrt()).abs() < 1e-15);
        }
    }
}
