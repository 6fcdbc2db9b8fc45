//! The converter: a number of bits over a range, rounding to the nearest step, clipping at its ends.

/// An analogue-to-digital converter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adc {
    /// Bits, 2 to 32.
    pub bits: u32,
    /// Its range is ± so much, in the channel's unit.
    pub range: f64,
}

impl Adc {
    /// Its step: the range over 2^(bits − 1).
    pub fn step(&self) -> f64 {
        self.range / self.codes()
    }

    fn codes(&self) -> f64 {
        2f64.powi(self.bits.clamp(2, 32) as i32 - 1)
    }

    /// Converts samples in place: codes from −2^(bits − 1) to 2^(bits − 1) − 1, times the step.
    pub fn apply(&self, samples: &mut [f64]) {
        let (codes, step) = (self.codes(), self.step());
        let per_unit = 1.0 / step;
        for x in samples {
            *x = (*x * per_unit).round_ties_even().clamp(-codes, codes - 1.0) * step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_bits_have_eight_levels() {
        let adc = Adc { bits: 3, range: 4.0 };
        let mut x = [-9.0, -4.0, -0.6, 0.4, 0.6, 2.9, 3.4, 9.0];
        adc.apply(&mut x);
        assert_eq!(x, [-4.0, -4.0, -1.0, 0.0, 1.0, 3.0, 3.0, 3.0]);
    }

    #[test]
    fn rounding_makes_the_noise_of_a_uniform_error() {
        // A sine over many steps: the error is uniform over a step, its RMS step/√12 (0.2887); Bennett 1948.
        let adc = Adc { bits: 16, range: 1.0 };
        let exact: Vec<f64> = (0..100_000).map(|k| 0.9 * (0.7368 * f64::from(k)).sin()).collect();
        let mut read = exact.clone();
        adc.apply(&mut read);
        let rms = (exact.iter().zip(&read).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 1e5).sqrt() / adc.step();
        println!("quantisation noise: {:.4} of step/√12", rms * 12f64.sqrt());
        assert!((rms * 12f64.sqrt() - 1.0).abs() < 0.01, "{rms}");
    }
}
