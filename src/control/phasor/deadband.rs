//! A deadband without an edge: inside, the error is 0; outside, it is the distance to the band.
//!
//! A deadband that lets the whole error through at its edge makes a law chatter there. This one is continuous and its
//! slope is at most 1, so a law that is stable without it is stable with it; the error ends at the band's edge.

/// Half-widths of a deadband.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deadband {
    /// Of magnitudes per unit.
    pub v_pu: f64,
    /// Of angles in rad.
    pub angle_rad: f64,
}

impl Deadband {
    /// What is left of an error.
    pub fn left(error: f64, half_width: f64) -> f64 {
        let half_width = half_width.max(0.0);
        error - error.clamp(-half_width, half_width)
    }

    /// Takes the band from errors laid out as magnitudes, then angles.
    pub fn apply(&self, error: &mut [f64]) {
        let (magnitudes, angles) = error.split_at_mut(error.len() / 2);
        magnitudes.iter_mut().for_each(|e| *e = Self::left(*e, self.v_pu));
        angles.iter_mut().for_each(|e| *e = Self::left(*e, self.angle_rad));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_shrink_to_nothing_without_a_jump() {
        let mut error = [0.003, -0.0005, -0.02, 0.004];
        Deadband { v_pu: 0.001, angle_rad: 0.005 }.apply(&mut error);
        assert_eq!(error, [0.002, 0.0, -0.015, 0.0]);
        let step = |e: f64| Deadband::left(e + 1e-9, 0.001) - Deadband::left(e, 0.001);
        assert!((0..4000).map(|k| step(-0.002 + f64::from(k) * 1e-6)).all(|d| (-1e-18..1.1e-9).contains(&d)));
        assert!(Deadband::left(f64::NAN, 0.1).is_nan() && Deadband::left(0.2, f64::NAN) == 0.2);
    }
}
