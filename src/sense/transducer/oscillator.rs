//! The oscillator that samples are counted by: how many ppm too fast, by unit and temperature.
//!
//! ppm = offset + u₁·tolerance + s·stability·T₃((θ − 25 °C)/60 K), T₃(x) = 4x³ − 3x: the cubic of an AT-cut crystal in the form
//! whose extremes within ±60 K of 25 °C are ±1, so that `stability_ppm` is what a data sheet states. u₁ and the sign s are
//! drawn by unit.

use crate::quantity::Noise;

/// An oscillator.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Oscillator {
    /// So many ppm too fast, at 25 °C.
    pub offset_ppm: f64,
    /// A unit's own deviation at 25 °C is within ± so many ppm.
    pub tolerance_ppm: f64,
    /// Largest deviation by temperature from −35 to 85 °C, in ppm.
    pub stability_ppm: f64,
}

impl Oscillator {
    /// A plain crystal: ±20 ppm, ±30 ppm over temperature.
    pub const XO: Self = Self { offset_ppm: 0.0, tolerance_ppm: 20.0, stability_ppm: 30.0 };
    /// A temperature-compensated crystal: ±1 ppm, ±1 ppm over temperature.
    pub const TCXO: Self = Self { offset_ppm: 0.0, tolerance_ppm: 1.0, stability_ppm: 1.0 };

    /// How many ppm a unit, known by its noise, is too fast at a temperature in °C.
    pub fn deviation_ppm(&self, noise: Noise, temperature_c: f64) -> f64 {
        let x = (temperature_c.clamp(-100.0, 150.0) - 25.0) / 60.0;
        let sign = if noise.bits(1) & 1 == 0 { 1.0 } else { -1.0 };
        let own = self.tolerance_ppm * (2.0 * noise.uniform(0) - 1.0);
        self.offset_ppm + own + sign * self.stability_ppm * x * (4.0 * x * x - 3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crystal_stays_within_its_data_sheet() {
        let worst = |oscillator: Oscillator| {
            let units = (0..200).map(|seed| Noise::new(seed, "clock"));
            let all =
                units.flat_map(|noise| (-35..=85).map(move |t| oscillator.deviation_ppm(noise, f64::from(t)).abs()));
            all.fold(0.0, f64::max)
        };
        assert!((45.0..=50.0).contains(&worst(Oscillator::XO)), "{}", worst(Oscillator::XO));
        assert!((1.9..=2.0).contains(&worst(Oscillator::TCXO)));
        let fixed = Oscillator { offset_ppm: 12.5, ..Oscillator::default() };
        assert_eq!(fixed.deviation_ppm(Noise::new(1, ""), 60.0), 12.5);
    }
}
