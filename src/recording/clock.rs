//! The sampling clock behind printed times: its rate from the first of them, then whether each sample is one period after
//! the one before.
//!
//! Printed times are rounded, often more coarsely than a period is long. A time is therefore compared with what the clock
//! predicts, and may differ by what its last digit stands for, by what single precision leaves of it when all times look
//! as if they had passed through it, and by 1 % of a period (which shifts order 50 by less than 0.02 rad). The clock
//! follows slowly, so that a recorder whose clock drifts against its time stamps (up to about 0.1 %) is not uneven.

/// Largest deviation beyond rounding, in periods.
const JITTER: f64 = 0.01;
/// Share of a deviation that the prediction follows at once.
const FOLLOW: f64 = 1.0 / 16.0;

/// The first times of a recording, from which its clock is told.
#[derive(Clone, Debug)]
pub struct Head {
    times_s: Vec<f64>,
    last_digit_s: f64,
    single: bool,
}

/// A sampling clock that is followed.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Seconds between samples.
    period_s: f64,
    /// What rounding may leave.
    rounding_s: f64,
    single: bool,
    /// When the sample after the last is expected.
    expected_s: f64,
    last_s: f64,
    first_s: f64,
    /// Samples since the first, lost ones included.
    count: u64,
    /// The time that the count stands for is exact only from here: gaps need not be whole periods.
    gaps_s: f64,
}

/// Where a time stands after the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// One period later.
    Next,
    /// Later by more: so many samples are missing in between.
    Gap(f64),
    /// Earlier than the one before.
    Backwards,
    /// At the same time, though a period later would be written otherwise.
    Same,
    /// Not where an even clock has it: earlier (negative) or later by so many periods.
    Uneven(f64),
}

impl Head {
    /// No times yet.
    pub const fn new() -> Self {
        Self { times_s: Vec::new(), last_digit_s: f64::INFINITY, single: true }
    }

    /// Adds a time, with the value of the last digit that it is written with.
    pub fn push(&mut self, time_s: f64, last_digit_s: f64) {
        self.last_digit_s = self.last_digit_s.min(last_digit_s);
        #[allow(clippy::cast_possible_truncation, reason = "it is asked what the truncation leaves")]
        let single = f64::from(time_s as f32);
        self.single &= (single - time_s).abs() <= 0.501 * last_digit_s;
        self.times_s.push(time_s);
    }

    /// How many times there are.
    pub fn len(&self) -> usize {
        self.times_s.len()
    }

    /// Whether more times would not make the rate more certain than a millionth.
    pub fn suffices(&self) -> bool {
        let [first, .., last] = self.times_s[..] else { return false };
        let unsure = self.rounding(last.abs().max(first.abs()));
        self.times_s.len() >= 64 && last - first > 2e6 * unsure
    }

    fn rounding(&self, time_s: f64) -> f64 {
        rounding(self.last_digit_s, self.single, time_s)
    }

    /// The clock; `None` when the times do not go forward at all. The rate is the roundest number among those that the
    /// rounding of the times leaves open.
    pub fn clock(&self) -> Option<Clock> {
        let (first, last) = (*self.times_s.first()?, *self.times_s.last()?);
        let rounding_s = self.rounding(last.abs().max(first.abs()));
        let steps: Vec<f64> = self.times_s.windows(2).map(|w| w[1] - w[0]).filter(|d| d.is_finite()).collect();
        let (sum, count) = even_steps(&steps, rounding_s)?;
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 times")]
        let (n, middle) = (count as f64, sum / count as f64);
        // What the two ends of the longest run leave open.
        let open = (2.0 * rounding_s / n).min(0.5 * middle);
        let lowest = 1.0 / (middle + open);
        let highest = 1.0 / (middle - open);
        let rate_hz = roundest(lowest, highest, 1.0 / middle);
        let period_s = if rate_hz.is_finite() && rate_hz > 0.0 { 1.0 / rate_hz } else { return None };
        Some(Clock {
            period_s,
            rounding_s: self.last_digit_s,
            single: self.single,
            expected_s: first,
            last_s: f64::NEG_INFINITY,
            first_s: first,
            count: 0,
            gaps_s: 0.0,
        })
    }
}

/// What rounding leaves of a time.
fn rounding(last_digit_s: f64, single: bool, time_s: f64) -> f64 {
    let of_single = if single { time_s.abs() * f64::from(f32::EPSILON) } else { 0.0 };
    last_digit_s.max(of_single).max(4.0 * time_s.abs() * f64::EPSILON)
}

/// Sum and number of the steps that are one period: gaps and steps back left out.
fn even_steps(steps: &[f64], rounding_s: f64) -> Option<(f64, usize)> {
    // Where rounding is small beside them, most steps are one period: the one in the middle is.
    let mut sorted: Vec<f64> = steps.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied()?;
    let fine = median > 4.0 * rounding_s;
    let (least, mut limit) = if fine { (0.5 * median, 1.5 * median) } else { (0.0, f64::INFINITY) };
    let mut even = (0.0, 0);
    for _ in 0..8 {
        let kept = steps.iter().filter(|d| **d >= least && **d <= limit);
        even = kept.fold((0.0, 0), |(sum, n), d| (sum + d, n + 1));
        if even.1 == 0 || even.0 <= 0.0 {
            return None;
        }
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 times")]
        let mean = even.0 / even.1 as f64;
        limit = (1.5 * mean).max(mean + 2.0 * rounding_s);
    }
    Some(even)
}

/// The number with the fewest decimal digits between two limits, the one next to the middle.
fn roundest(lowest: f64, highest: f64, middle: f64) -> f64 {
    if !(lowest > 0.0 && highest >= lowest && highest.is_finite()) {
        return middle;
    }
    #[allow(clippy::cast_possible_truncation, reason = "an f64's logarithm is small")]
    let top = highest.log10().floor() as i32;
    for digits in 0..15 {
        let power = top - digits;
        // A power of ten below 1 is inexact: divide by its inverse.
        let to = |x: f64| if power >= 0 { x / 10f64.powi(power) } else { x * 10f64.powi(-power) };
        let from = |x: f64| if power >= 0 { x * 10f64.powi(power) } else { x / 10f64.powi(-power) };
        let candidate = from(to(middle).round());
        if (lowest..=highest).contains(&candidate) {
            return candidate;
        }
    }
    middle
}

impl Clock {
    /// Samples per second.
    pub fn rate_hz(&self) -> f64 {
        1.0 / self.period_s
    }

    /// Takes the next time and says where it stands. After anything but [`Step::Next`] and [`Step::Gap`] the clock is of
    /// no more use.
    pub fn step(&mut self, time_s: f64) -> Step {
        let rounding_s = rounding(self.rounding_s, self.single, time_s);
        let allowed_s = rounding_s + JITTER * self.period_s;
        let off_s = time_s - self.expected_s;
        let before_s = std::mem::replace(&mut self.last_s, time_s);
        if off_s.abs() <= allowed_s && time_s >= before_s {
            self.expected_s += FOLLOW * off_s + self.period_s;
            self.count += 1;
            return Step::Next;
        }
        if time_s < before_s {
            return Step::Backwards;
        }
        let lost = (off_s / self.period_s).round();
        let whole = (off_s - lost * self.period_s).abs() <= allowed_s + JITTER * self.period_s * lost.min(10.0);
        if lost >= 1.0 && (whole || lost >= 10.0) {
            self.gaps_s += time_s - before_s;
            self.expected_s = time_s + self.period_s;
            return Step::Gap(lost);
        }
        if time_s == before_s { Step::Same } else { Step::Uneven(off_s / self.period_s) }
    }

    /// By how much the times ran fast against the rate, relative, over what was read without gaps, and how certain that
    /// is; `None` before there is anything to say.
    pub fn drift(&self) -> Option<(f64, f64)> {
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
        let by_rate_s = self.count.saturating_sub(1) as f64 * self.period_s;
        let by_times_s = self.last_s - self.first_s - self.gaps_s;
        let unsure = 2.0 * rounding(self.rounding_s, self.single, self.last_s) / by_rate_s;
        (by_rate_s > 0.0 && self.gaps_s == 0.0).then(|| (by_times_s / by_rate_s - 1.0, unsure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A clock from times printed with so many decimals, and where each of them stands.
    fn followed(times: &[f64], decimals: usize) -> (Clock, Vec<Step>) {
        let mut head = Head::new();
        let printed: Vec<f64> = times.iter().map(|t| format!("{t:.decimals$}").parse().unwrap()).collect();
        for t in &printed {
            head.push(*t, 10f64.powi(-i32::try_from(decimals).unwrap()));
        }
        let mut clock = head.clock().unwrap();
        let steps = printed.iter().map(|t| clock.step(*t)).collect();
        (clock, steps)
    }

    fn even(rate_hz: f64, count: usize, start_s: f64) -> Vec<f64> {
        (0..count).map(|k| start_s + k as f64 / rate_hz).collect()
    }

    proptest! {
        #[test]
        fn rounding_is_not_unevenness(
            rate in prop::sample::select(vec![1200.0, 6400.0, 10240.0, 12800.0, 15360.0, 25600.0, 44100.0]),
            decimals in 3usize..12, start in -1.0..1000.0f64,
        ) {
            let (clock, steps) = followed(&even(rate, 20_000, start), decimals);
            prop_assert!(steps.iter().all(|s| *s == Step::Next), "{:?}", steps.iter().position(|s| *s != Step::Next));
            // Twice the last digit over the length.
            let unsure = 2.0 * 10f64.powi(-(decimals as i32)) * rate / 20_000.0;
            prop_assert!((clock.rate_hz() / rate - 1.0).abs() <= unsure + 1e-9, "{} for {rate}", clock.rate_hz());
        }
    }

    #[test]
    fn the_rate_is_as_round_as_it_may_be() {
        for (rate, decimals) in [(12_800.0, 6), (12_800.0, 9), (10_240.0, 6), (44_100.0, 6), (15_360.0, 9)] {
            assert_eq!(followed(&even(rate, 4_000, 0.0), decimals).0.rate_hz().round(), rate, "{rate}, {decimals}");
        }
        // A clock that is 20 ppm off is not rounded to one that is not, once the times tell.
        let (clock, _) = followed(&even(12_800.256, 200_000, 0.0), 6);
        assert!((clock.rate_hz() / 12_800.256 - 1.0).abs() < 2e-7, "{}", clock.rate_hz());
    }

    #[test]
    fn gaps_are_counted_and_unevenness_is_told() {
        let mut times = even(10_000.0, 2_000, 0.0);
        times.iter_mut().skip(700).for_each(|t| *t += 0.0005);
        let (_, steps) = followed(&times, 6);
        let odd: Vec<(usize, &Step)> = steps.iter().enumerate().filter(|(_, s)| **s != Step::Next).collect();
        assert_eq!(odd, [(700, &Step::Gap(5.0))]);
        let jittered = |k: usize, by: f64| {
            let mut times = even(10_000.0, 2_000, 0.0);
            times[k] += by;
            followed(&times, 9).1[k]
        };
        assert_eq!(jittered(500, 0.5e-6), Step::Next, "half a percent of a period");
        assert!(matches!(jittered(500, 5e-6), Step::Uneven(x) if (x - 0.05).abs() < 1e-3));
        assert!(matches!(jittered(500, -30e-6), Step::Uneven(x) if (x + 0.3).abs() < 1e-3));
        assert_eq!(jittered(500, -1e-4), Step::Same);
        assert_eq!(jittered(500, -2e-4), Step::Backwards);
    }

    #[test]
    fn a_change_of_rate_is_uneven() {
        let mut times = even(10_000.0, 1_000, 0.0);
        let after: Vec<f64> = (1..1_000).map(|k| times[999] + f64::from(k) / 9_500.0).collect();
        times.extend(after);
        assert!(followed(&times[..500], 9).1.iter().all(|s| *s == Step::Next));
        let mut head = Head::new();
        times[..500].iter().for_each(|t| head.push(*t, 1e-9));
        let mut clock = head.clock().unwrap();
        assert!(times.iter().any(|t| matches!(clock.step(*t), Step::Uneven(_))));
    }

    #[test]
    fn a_drifting_clock_is_followed_and_told() {
        let mut head = Head::new();
        let times = even(12_800.0 * (1.0 - 200e-6), 200_000, 0.0);
        times[..1_000].iter().for_each(|t| head.push(*t, 1e-4));
        let mut clock = head.clock().unwrap();
        assert_eq!(clock.rate_hz(), 12_800.0, "1000 times with four decimals do not tell");
        assert!(times.iter().all(|t| clock.step((t * 1e4).round() / 1e4) == Step::Next));
        let (drift, unsure) = clock.drift().unwrap();
        assert!((drift - 200e-6).abs() <= unsure && unsure < 2e-5, "{drift} ± {unsure}");
    }

    #[test]
    fn times_of_single_precision_are_even() {
        let times: Vec<f64> = even(12_800.0, 100_000, 20.0).iter().map(|t| f64::from(*t as f32)).collect();
        let (clock, steps) = followed(&times, 9);
        assert!(steps.iter().all(|s| *s == Step::Next));
        assert_eq!(clock.rate_hz(), 12_800.0);
    }

    #[test]
    fn no_clock_without_time() {
        for times in [vec![], vec![0.0], vec![1.0; 50], vec![3.0, 2.0, 1.0]] {
            let mut head = Head::new();
            times.iter().for_each(|t| head.push(*t, 1e-3));
            assert!(head.clock().is_none(), "{times:?}");
        }
    }
}
