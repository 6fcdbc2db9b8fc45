//! The ITI (CBEMA) curve, revised 2000: what single-phase 120 V information technology equipment rides through [S: a
//! textbook's figure (Power Quality in Electrical Systems, fig. 8.2) and a meter manufacturer's application note, which
//! agree]. Above the curve equipment may be damaged, below it may stop without damage.

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// Within the envelope: no interruption in function.
    NoInterruption,
    /// Above it: the prohibited region.
    Prohibited,
    /// Below it: equipment may stop, but not be damaged.
    NoDamage,
}

impl Region {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoInterruption => "no interruption in function",
            Self::Prohibited => "prohibited",
            Self::NoDamage => "no damage",
        }
    }
}

/// The upper edge as (duration in s, percent of the nominal voltage), straight in log-log between points. The first is
/// 0.01 cycle of 60 Hz.
pub const UPPER: [(f64, f64); 6] =
    [(0.01 / 60.0, 500.0), (1e-3, 200.0), (3e-3, 140.0), (3e-3, 120.0), (0.5, 120.0), (0.5, 110.0)];

/// The lower edge, in steps.
pub const LOWER: [(f64, f64); 7] =
    [(0.02, 0.0), (0.02, 70.0), (0.5, 70.0), (0.5, 80.0), (10.0, 80.0), (10.0, 90.0), (f64::INFINITY, 90.0)];

/// Where an event of this duration and residual voltage stands. On an edge it is within the envelope.
pub fn region(duration_s: f64, percent: f64) -> Region {
    if percent > upper_percent(duration_s) {
        return Region::Prohibited;
    }
    let steps = LOWER.iter().rev().filter(|(from_s, _)| duration_s > *from_s);
    let lower_percent = steps.map(|(_, percent)| *percent).next().unwrap_or(0.0);
    if percent < lower_percent { Region::NoDamage } else { Region::NoInterruption }
}

/// The upper edge at a duration; at a step, the higher value.
fn upper_percent(duration_s: f64) -> f64 {
    let [first, .., last] = UPPER;
    if duration_s <= first.0 {
        return first.1;
    }
    let segment = UPPER.windows(2).find(|ends| duration_s <= ends[1].0);
    segment.map_or(last.1, |ends| {
        let ((t0, p0), (t1, p1)) = (ends[0], ends[1]);
        let part = (duration_s / t0).ln() / (t1 / t0).ln();
        p0 * (p1 / p0).powf(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curves_points() {
        // Within and beyond each step, by the figure's numbers.
        for (duration_s, percent, expected) in [
            (0.02, 0.0, Region::NoInterruption),
            (0.021, 69.9, Region::NoDamage),
            (0.021, 70.0, Region::NoInterruption),
            (0.5, 70.0, Region::NoInterruption),
            (0.51, 79.0, Region::NoDamage),
            (9.9, 80.0, Region::NoInterruption),
            (11.0, 89.9, Region::NoDamage),
            (1e6, 90.0, Region::NoInterruption),
            (1e6, 110.1, Region::Prohibited),
            (0.4, 119.0, Region::NoInterruption),
            (0.6, 119.0, Region::Prohibited),
            (0.4, 121.0, Region::Prohibited),
            (2e-3, 141.0, Region::NoInterruption),
            (1e-3, 201.0, Region::Prohibited),
            (1e-6, 499.0, Region::NoInterruption),
            (1e-6, 501.0, Region::Prohibited),
        ] {
            assert_eq!(region(duration_s, percent), expected, "{duration_s} s at {percent} %");
        }
        // Halfway in log-log between 1 ms and 3 ms: √(200·140) = 167.3 at √3 ms.
        let middle_s = 3f64.sqrt() * 1e-3;
        assert!(region(middle_s, 167.4) == Region::Prohibited && region(middle_s, 167.2) == Region::NoInterruption);
    }
}
