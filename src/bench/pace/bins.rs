//! Counts of durations in bins that grow with what they hold: [`PARTS`] in each octave, so that a bin is at most 1/32 (3 %)
//! wide of its lower edge, from a nanosecond to five centuries. Counting allocates nothing. The idea is that of G. Tene's
//! HdrHistogram; exact below 64 ns.

/// Bins in an octave, as a power of two.
const PART_BITS: u32 = 5;
/// Bins in an octave.
const PARTS: usize = 1 << PART_BITS;
/// Bins for all 64-bit numbers.
const COUNT: usize = (64 - PART_BITS as usize + 1) * PARTS;

/// How often durations occurred, in ns.
#[derive(Clone, Debug)]
pub struct Bins {
    counts: Vec<u64>,
    count: u64,
    max_ns: u64,
    sum_ns: u128,
}

impl Default for Bins {
    fn default() -> Self {
        Self { counts: vec![0; COUNT], count: 0, max_ns: 0, sum_ns: 0 }
    }
}

impl Bins {
    /// Counts a duration.
    pub fn add(&mut self, ns: u64) {
        if let Some(count) = self.counts.get_mut(place(ns)) {
            *count += 1;
        }
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns += u128::from(ns);
    }

    /// How many were counted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest in ns; 0 without any.
    pub const fn max_ns(&self) -> u64 {
        self.max_ns
    }

    /// The mean in ns; 0 without any.
    #[allow(clippy::cast_precision_loss, reason = "a mean for people")]
    pub fn mean_ns(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum_ns as f64 / self.count as f64 }
    }

    /// The least duration that at least a share `part` of all are no longer than, to the upper edge of its bin but no more
    /// than the longest; 0 without any.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    pub fn quantile_ns(&self, part: f64) -> u64 {
        let rank = ((self.count as f64 * part.clamp(0.0, 1.0)).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (k, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return last(k).min(self.max_ns);
            }
        }
        self.max_ns
    }

    /// Bins that hold something: the longest duration that belongs to each, and how many it holds.
    pub fn filled(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(k, &count)| (last(k), count))
    }
}

/// The bin of a duration.
const fn place(ns: u64) -> usize {
    if ns < 2 * PARTS as u64 {
        #[allow(clippy::cast_possible_truncation, reason = "below 64")]
        return ns as usize;
    }
    let shift = ns.ilog2() - PART_BITS;
    #[allow(clippy::cast_possible_truncation, reason = "below 64")]
    let part = (ns >> shift) as usize;
    shift as usize * PARTS + part
}

/// The longest duration of a bin.
const fn last(place: usize) -> u64 {
    if place < 2 * PARTS {
        return place as u64;
    }
    let shift = place / PARTS - 1;
    let part = (place % PARTS + PARTS + 1) as u128;
    #[allow(clippy::cast_possible_truncation, reason = "the last bin ends at the largest number")]
    let last = ((part << shift) - 1) as u64;
    last
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_durations_are_exact_and_so_are_their_quantiles() {
        let mut bins = Bins::default();
        (1..=50).for_each(|ns| bins.add(ns));
        assert_eq!([0.02, 0.5, 0.99, 1.0].map(|part| bins.quantile_ns(part)), [1, 25, 50, 50]);
        assert_eq!((bins.count(), bins.max_ns(), bins.mean_ns()), (50, 50, 25.5));
    }

    #[test]
    fn of_nothing_everything_is_nothing() {
        let bins = Bins::default();
        assert_eq!((bins.quantile_ns(0.5), bins.mean_ns(), bins.filled().count()), (0, 0.0, 0));
    }

    #[test]
    fn bins_follow_each_other_without_gap_up_to_the_largest_number() {
        for k in 1..COUNT {
            let next = last(k - 1) + 1;
            assert_eq!((place(next), place(last(k))), (k, k), "bin {k}");
        }
        assert_eq!((last(COUNT - 1), place(u64::MAX)), (u64::MAX, COUNT - 1));
    }

    #[test]
    fn one_in_a_thousand_shows_in_the_last_quantile_only() {
        let mut bins = Bins::default();
        (0..998).for_each(|_| bins.add(10));
        (0..2).for_each(|_| bins.add(1_000_000));
        assert_eq!([0.5, 0.99, 0.998].map(|part| bins.quantile_ns(part)), [10; 3]);
        assert_eq!(bins.quantile_ns(0.999), 1_000_000);
    }

    proptest! {
        #[test]
        fn a_bin_is_no_wider_than_a_thirty_second(ns: u64) {
            let upper = last(place(ns));
            prop_assert!(upper >= ns && upper - ns <= ns / 32);
        }
    }
}
