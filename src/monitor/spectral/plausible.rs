//! Whether samples can be what they say: all numbers, not all the same, not standing at a limit of their range.

/// Fewest equal samples in a row, at the largest or smallest value, that are clipped.
const LEAST_RUN: usize = 4;
/// By how many of the smallest steps of the recording the signal comes to a limit and leaves it, together, where it was
/// clipped: the flat top of a coarsely quantised sine is as high as one or two steps on either side.
const STEPS: f64 = 4.5;

/// What samples look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Whether all are numbers.
    pub finite: bool,
    /// Whether all are the same.
    pub dead: bool,
    /// Whether some stand at a limit.
    pub clipped: bool,
    /// Largest magnitude.
    pub peak: f64,
}

/// Looks at samples.
pub fn look(samples: &[f64]) -> Look {
    let Some((low, high)) = range(samples) else {
        return Look { finite: false, dead: false, clipped: false, peak: f64::NAN };
    };
    let dead = low >= high;
    let clipped = !dead && (stands_at(samples, low) || stands_at(samples, high));
    Look { finite: true, dead, clipped, peak: high.max(-low) }
}

/// Smallest and largest sample; none when one is no number.
fn range(samples: &[f64]) -> Option<(f64, f64)> {
    const LANES: usize = 8;
    let (eights, rest) = samples.as_chunks::<LANES>();
    let (mut low, mut high) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    // What is no number stays none when it is multiplied by 0, and is then added to all that comes.
    let mut strange = [0.0; LANES];
    for eight in eights {
        for lane in 0..LANES {
            let x = eight[lane];
            low[lane] = if x < low[lane] { x } else { low[lane] };
            high[lane] = if x > high[lane] { x } else { high[lane] };
            strange[lane] += x * 0.0;
        }
    }
    let numbers = strange.iter().all(|s| *s == 0.0) && rest.iter().all(|x| x.is_finite());
    let low = low.iter().chain(rest).copied().fold(f64::INFINITY, f64::min);
    let high = high.iter().chain(rest).copied().fold(f64::NEG_INFINITY, f64::max);
    numbers.then_some((low, high))
}

/// Whether samples stand at one of their extremes as clipped ones do.
fn stands_at(samples: &[f64], extreme: f64) -> bool {
    let equal = samples.iter().map(|x| u32::from(*x == extreme)).sum::<u32>();
    if (equal as usize) < LEAST_RUN {
        return false;
    }
    let steps = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).filter(|step| *step > 0.0);
    let smallest = steps.fold(f64::INFINITY, f64::min);
    let mut runs = samples.chunk_by(|a, b| (*a == extreme) == (*b == extreme)).peekable();
    let mut before = None;
    while let Some(run) = runs.next() {
        let after = runs.peek().and_then(|next| next.first());
        let height = |edge: Option<&f64>| edge.map_or(0.0, |x| (x - extreme).abs());
        let abrupt = height(before) + height(after) > STEPS * smallest;
        if run[0] == extreme && run.len() >= LEAST_RUN && abrupt {
            return true;
        }
        before = run.last();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(count: usize) -> Vec<f64> {
        (0..count).map(|k| 325.0 * (0.024_543_7 * k as f64 + 0.3).sin()).collect()
    }

    #[test]
    fn a_sine_is_plausible_a_cut_one_is_not() {
        let mut samples = sine(2560);
        let fine = look(&samples);
        assert!(fine.finite && !fine.dead && !fine.clipped && (fine.peak - 325.0).abs() < 0.05);
        samples.iter_mut().for_each(|x| *x = x.min(322.0));
        assert!(look(&samples).clipped, "1 % cut off the top only");
    }

    #[test]
    fn coarse_steps_are_not_clipping_and_clipping_in_coarse_steps_is() {
        for bits in [8, 10, 12, 16] {
            let lsb = 400.0 / f64::from(1 << (bits - 1));
            let coarse = |x: &f64| (x / lsb).round() * lsb;
            let quantised: Vec<f64> = sine(2560).iter().map(coarse).collect();
            assert!(!look(&quantised).clipped, "{bits} bits");
            let flat_topped = sine(2560).into_iter().map(|x| x - 0.04 * 325.0 * (5.0 * (x / 325.0).asin()).sin());
            let quantised: Vec<f64> = flat_topped.map(|x| coarse(&x)).collect();
            assert!(!look(&quantised).clipped, "flat-topped, {bits} bits");
            let cut: Vec<f64> = sine(2560).iter().map(|x| coarse(&x.clamp(-280.0, 280.0))).collect();
            assert!(look(&cut).clipped || bits < 12, "cut, {bits} bits");
        }
    }

    #[test]
    fn what_is_no_number_is_seen_wherever_it_is() {
        for at in [0, 5, 2555, 2559] {
            for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut samples = sine(2560);
                samples[at] = strange;
                assert!(!look(&samples).finite, "{strange} at {at}");
            }
        }
        assert!(look(&[0.0; 100]).dead && look(&[5.0; 100]).dead && !look(&[5.0; 100]).clipped);
    }
}
