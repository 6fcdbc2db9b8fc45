//! Floor 0: the quantities everything else is written in.
//!
//! Phasors are RMS values of `e^{+jωt}`; angles in files are degrees. See `docs/architecture.md` for the conventions.

mod noise;
mod time;

pub use noise::*;
pub use time::*;

/// A complex number: a phasor, an impedance, an admittance or a complex power.
pub type Complex = num_complex::Complex<f64>;

/// The complex number `re + j·im`.
pub const fn complex(re: f64, im: f64) -> Complex {
    Complex { re, im }
}

/// A phasor from magnitude and angle in degrees.
pub fn phasor(magnitude: f64, angle_deg: f64) -> Complex {
    Complex::from_polar(magnitude, angle_deg.to_radians())
}

/// Angle of a phasor in degrees, in (-180, 180].
pub fn angle_deg(v: Complex) -> f64 {
    v.arg().to_degrees()
}
