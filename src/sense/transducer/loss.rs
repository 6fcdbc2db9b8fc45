//! Blocks lost on the way, one by one or in bursts: the two states of E. N. Gilbert (Bell System Technical Journal 39, 1960).
//!
//! A burst lasts `burst` blocks in the mean; it begins with the probability that makes the share of lost blocks `share`.

use crate::quantity::Noise;

/// How blocks get lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Share of blocks that are lost.
    pub share: f64,
    /// Blocks lost one after the other, in the mean, at least 1. At 1 a loss is never followed by another, but for shares above a half.
    pub burst: f64,
}

impl Default for Loss {
    fn default() -> Self {
        Self { share: 0.0, burst: 1.0 }
    }
}

/// Losses, block by block.
#[derive(Clone, Copy, Debug)]
pub struct Losses {
    noise: Noise,
    begins: f64,
    ends: f64,
    lost: bool,
}

impl Losses {
    /// Losses by their noise. Where the mean burst is too short for the share, it is longer.
    pub fn new(loss: Loss, noise: Noise) -> Self {
        let share = loss.share.clamp(0.0, 1.0);
        let burst = loss.burst.max(1.0).max(share / (1.0 - share).max(1e-12));
        let begins = if share < 1.0 { (share / ((1.0 - share) * burst)).min(1.0) } else { 1.0 };
        let ends = if share < 1.0 { 1.0 / burst } else { 0.0 };
        Self { noise, begins, ends, lost: false }
    }

    /// Whether the block of a place is lost.
    pub fn lost(&mut self, place: u64) -> bool {
        let drawn = self.noise.uniform(place);
        self.lost = if self.lost { drawn >= self.ends } else { drawn < self.begins };
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_bursts_are_as_asked() {
        for (share, burst) in [(0.01, 1.0), (0.05, 1.0), (0.05, 10.0), (0.5, 4.0), (0.9, 1.0)] {
            let mut losses = Losses::new(Loss { share, burst }, Noise::new(5, "loss"));
            let n = 400_000u64;
            let lost: Vec<bool> = (0..n).map(|k| losses.lost(k)).collect();
            let count = lost.iter().filter(|l| **l).count() as f64;
            let bursts = lost.windows(2).filter(|w| !w[0] && w[1]).count() as f64;
            let (measured, length) = (count / n as f64, count / bursts);
            println!("lost {measured:.5} of {share}, bursts {length:.2} of {burst}");
            assert!((measured / share - 1.0).abs() < 0.05, "{measured} {share}");
            assert!((length / burst.max(share / (1.0 - share)) - 1.0).abs() < 0.05, "{length} {burst}");
        }
        let count = |share| {
            let mut losses = Losses::new(Loss { share, burst: 1.0 }, Noise::new(5, "loss"));
            (0..1000).filter(|k| losses.lost(*k)).count()
        };
        assert_eq!((count(0.0), count(1.0)), (0, 1000));
    }
}
