//! Block 5 of IEC 61000-4-15: how often the instantaneous flicker was at which level.
//!
//! 8192 classes: 256 in each octave from 2⁻¹⁶ to 2¹⁶, equally wide within an octave, so 0.2 to 0.4 % of the level; a
//! level is interpolated within its class, which errs by less. What lies beyond counts in the first or last class. A
//! class is the number's exponent and first eight digits, so no logarithm is taken.

/// Classes in an octave, as a power of two.
const DIGITS: u32 = 8;
/// Octaves.
const OCTAVES: u32 = 32;
/// Exponent of the lowest octave.
const LOWEST: i32 = -16;
/// All classes.
const CLASSES: usize = (OCTAVES << DIGITS) as usize;

/// A histogram of instantaneous flicker, in logarithmic classes.
#[derive(Clone, Debug)]
pub struct Classifier {
    counts: Vec<u32>,
    count: u32,
    most: f64,
}

impl Default for Classifier {
    fn default() -> Self {
        Self { counts: vec![0; CLASSES], count: 0, most: 0.0 }
    }
}

/// First class's number: the bits of 2^LOWEST without the digits that do not count.
const FIRST: u64 = ((1023 + LOWEST) as u64) << DIGITS;

/// Class of a level.
fn class(level: f64) -> usize {
    let number = level.max(0.0).to_bits() >> (52 - DIGITS);
    usize::try_from(number.saturating_sub(FIRST)).unwrap_or(CLASSES).min(CLASSES - 1)
}

/// Where a class begins.
fn lower_edge(class: usize) -> f64 {
    if class == 0 { 0.0 } else { f64::from_bits((FIRST + class as u64) << (52 - DIGITS)) }
}

impl Classifier {
    /// Counts a level. One that is not a number counts as 0.
    pub fn add(&mut self, level: f64) {
        self.counts[class(level)] += 1;
        self.count += 1;
        self.most = self.most.max(level);
    }

    /// How many levels were counted.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The largest of them.
    pub const fn most(&self) -> f64 {
        self.most
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.count, self.most) = (0, 0.0);
    }

    /// Levels that were exceeded in these percentages of the time, which ascend.
    fn exceeded<const N: usize>(&self, percent: [f64; N]) -> [f64; N] {
        let mut above = 0.0;
        let mut found = [0.0; N];
        let mut next = 0;
        for (class, count) in self.counts.iter().enumerate().rev().filter(|(_, count)| **count > 0) {
            let in_class = f64::from(*count);
            while next < N && above + in_class >= percent[next] / 100.0 * f64::from(self.count) {
                let part = (percent[next] / 100.0 * f64::from(self.count) - above) / in_class;
                let (lower, upper) = (lower_edge(class), lower_edge(class + 1).min(self.most));
                found[next] = upper - part * (upper - lower);
                next += 1;
            }
            above += in_class;
        }
        found
    }

    /// The short-term severity: √(0.0314 P0.1 + 0.0525 P1s + 0.0657 P3s + 0.28 P10s + 0.08 P50s) of smoothed levels. NaN
    /// when nothing was counted.
    pub fn pst(&self) -> f64 {
        if self.count == 0 {
            return f64::NAN;
        }
        let p = self.exceeded([0.1, 0.7, 1.0, 1.5, 2.2, 3.0, 4.0, 6.0, 8.0, 10.0, 13.0, 17.0, 30.0, 50.0, 80.0]);
        let mean = |from: usize, to: usize| p[from..to].iter().sum::<f64>() / (to - from) as f64;
        let weighted = 0.0314 * p[0] + 0.0525 * mean(1, 4) + 0.0657 * mean(4, 7) + 0.28 * mean(7, 12);
        (weighted + 0.08 * mean(12, 15)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Noise;

    #[test]
    fn classes_are_fine_and_in_order() {
        for class in 1..CLASSES {
            let (lower, upper) = (lower_edge(class), lower_edge(class + 1));
            assert!(lower < upper && upper / lower < 1.004, "{class}: {lower} to {upper}");
            assert_eq!(super::class(lower), class);
        }
        for level in [f64::NAN, -1.0, 0.0, 1e-300, f64::INFINITY, 1e300] {
            assert!(class(level) == 0 || class(level) == CLASSES - 1, "{level}");
        }
    }

    #[test]
    fn levels_are_those_of_the_sorted_values() {
        let noise = Noise::new(3, "levels");
        let values: Vec<f64> = (0..20_000).map(|k| (3.0 * noise.normal(k)).exp()).collect();
        let mut classifier = Classifier::default();
        values.iter().for_each(|level| classifier.add(*level));
        let mut sorted = values;
        sorted.sort_by(|a, b| b.total_cmp(a));
        let percent = [0.1, 1.0, 3.0, 10.0, 50.0, 80.0];
        for (level, percent) in classifier.exceeded(percent).into_iter().zip(percent) {
            let exact = sorted[(percent / 100.0 * 20_000.0) as usize - 1];
            assert!((level / exact - 1.0).abs() < 4e-3, "P{percent}: {level}, exactly {exact}");
        }
    }

    #[test]
    fn a_constant_level_has_the_severity_of_its_root() {
        // All levels equal: Pst = √(0.0314 + 0.0525 + 0.0657 + 0.28 + 0.08)·√P = 0.7139 √P.
        let mut classifier = Classifier::default();
        (0..1000).for_each(|_| classifier.add(4.0));
        assert!((classifier.pst() - 0.5096f64.sqrt() * 2.0).abs() < 3e-3, "{}", classifier.pst());
        classifier.clear();
        assert!(classifier.pst().is_nan() && classifier.count() == 0);
    }
}
