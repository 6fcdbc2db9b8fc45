//! Percentiles over a day or a week, exactly, in bounded memory.
//!
//! A percentile is the nearest rank: of n sorted values the ⌈p·n⌉-th. For a high percentile only the largest values matter:
//! of up to `capacity` values, ⌊capacity·(1-p)⌋ + 1 of them, which a heap keeps (289 for the 99th percentile of the 28,800
//! 3-second values of a day, 51 for the 95th of the 1008 10-minute values of a week).

/// An upper percentile of up to a known number of values.
#[derive(Clone, Debug)]
pub struct Percentile {
    share: f64,
    /// The largest values, the smallest of them first: a binary heap in a list whose room is taken once.
    largest: Vec<f64>,
    kept: usize,
    count: u64,
    most: f64,
}

impl Percentile {
    /// The `percent`-th percentile (between 0 and 100, both excluded; else the nearest to that) of up to `capacity` values.
    pub fn new(percent: f64, capacity: u32) -> Self {
        let share = if percent.is_nan() { 0.5 } else { (percent / 100.0).clamp(1e-6, 1.0 - 1e-9) };
        let capacity = capacity.max(1);
        let kept = usize::try_from(u64::from(capacity) - rank(share, u64::from(capacity)) + 1).unwrap_or(usize::MAX);
        Self { share, largest: Vec::with_capacity(kept), kept, count: 0, most: f64::NAN }
    }

    /// Takes a value; one that is not a number is none.
    pub fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.count += 1;
        self.most = self.most.max(value);
        if self.largest.len() < self.kept {
            self.largest.push(value);
            self.rise(self.largest.len() - 1);
        } else if value > self.largest[0] {
            self.largest[0] = value;
            self.sink();
        }
    }

    /// How many values there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The largest value; NaN of none.
    pub const fn most(&self) -> f64 {
        self.most
    }

    /// The percentile; NaN of no values. Of more values than the capacity, an upper bound of it: the smallest value kept.
    /// Sorts what is kept, in place: for reports, not for steps.
    pub fn value(&mut self) -> f64 {
        if self.count == 0 {
            return f64::NAN;
        }
        // An ascending list is a heap too.
        self.largest.sort_unstable_by(f64::total_cmp);
        let from_top = usize::try_from(self.count - rank(self.share, self.count)).unwrap_or(usize::MAX);
        self.largest[(self.largest.len() - 1).saturating_sub(from_top)]
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.largest.clear();
        (self.count, self.most) = (0, f64::NAN);
    }

    fn rise(&mut self, from: usize) {
        let mut at = from;
        while at > 0 && self.largest[at] < self.largest[(at - 1) / 2] {
            self.largest.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn sink(&mut self) {
        let mut at = 0;
        loop {
            let children = 2 * at + 1..(2 * at + 3).min(self.largest.len());
            let least = children.min_by(|a, b| self.largest[*a].total_cmp(&self.largest[*b]));
            match least.filter(|least| self.largest[*least] < self.largest[at]) {
                Some(least) => self.largest.swap(at, least),
                None => return,
            }
            at = least.unwrap_or(at);
        }
    }
}

/// Nearest rank, from 1: ⌈p·n⌉, where rounding of p·n just above a whole number is no step up.
fn rank(share: f64, count: u64) -> u64 {
    let exact = share * count as f64;
    ((exact - 1e-9 * exact).ceil() as u64).clamp(1, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Noise;

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let noise = Noise::new(5, "values");
        for (case, (percent, capacity, count)) in
            [(99.0, 28_800u32, 28_800usize), (95.0, 1008, 1008), (95.0, 1008, 17), (50.0, 100, 99), (99.0, 28_800, 1)]
                .into_iter()
                .enumerate()
        {
            let mut kept = Percentile::new(percent, capacity);
            // Few different values, so that many are equal.
            let values: Vec<f64> =
                (0..count).map(|k| (noise.uniform((k + 100_000 * case) as u64) * 500.0).floor()).collect();
            values.iter().for_each(|value| kept.add(*value));
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            let rank = (percent * count as f64 / 100.0).ceil() as usize;
            assert_eq!(kept.value(), sorted[rank - 1], "{percent} of {count}");
            assert_eq!(kept.value(), sorted[rank - 1], "asked again");
            assert_eq!((kept.most(), kept.count()), (sorted[count - 1], count as u64));
        }
    }

    #[test]
    fn memory_is_bounded_and_too_many_values_give_a_bound() {
        let mut kept = Percentile::new(99.0, 28_800);
        let room = kept.largest.capacity();
        (0..100_000).for_each(|k| kept.add(f64::from(k)));
        assert!(room < 300 && kept.largest.capacity() == room, "{room}");
        assert!(kept.value() >= 99_000.0);
        kept.clear();
        assert!(kept.value().is_nan() && kept.most().is_nan());
        kept.add(f64::NAN);
        assert_eq!(kept.count(), 0);
        for percent in [f64::NAN, -5.0, 0.0, 100.0, 200.0] {
            let mut odd = Percentile::new(percent, 10);
            (0..10).for_each(|k| odd.add(f64::from(k)));
            assert!(odd.value().is_finite());
        }
    }
}
