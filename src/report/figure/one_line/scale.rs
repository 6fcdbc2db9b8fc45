//! Colours of voltages: orange below 1 pu, grey at it, blue above.
//!
//! The colours lie on two straight lines in Oklab (B. Ottosson, "A perceptual color space for image processing", 2020), in
//! which equal distances look equally far apart; orange and blue stay apart for the colour-blind. For a dark page the
//! same levels have lighter ends.

use std::fmt::Write;

/// Number of colours, the middle one for 1 pu.
pub const LEVELS: usize = 21;

/// Widest deviation that is told apart.
const MOST: f64 = 0.2;

/// Lightness, chroma and hue in degrees.
struct Ends {
    middle: f64,
    low: [f64; 3],
    high: [f64; 3],
}

const LIGHT: Ends = Ends { middle: 0.74, low: [0.56, 0.155, 45.0], high: [0.47, 0.14, 252.0] };
const DARK: Ends = Ends { middle: 0.56, low: [0.78, 0.14, 58.0], high: [0.78, 0.125, 240.0] };

/// From voltages to colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Deviation from 1 pu at both ends.
    pub deviation: f64,
}

impl Scale {
    /// A scale that shows the limits and all of these voltages, unless they are very far out.
    pub fn new(limits_pu: [f64; 2], voltages: impl Iterator<Item = f64>) -> Self {
        let least = (1.0 - limits_pu[0]).abs().max((limits_pu[1] - 1.0).abs());
        let most = voltages.map(|v| (v - 1.0).abs()).filter(|d| d.is_finite()).fold(least, f64::max);
        Self { deviation: ((most * 100.0 - 1e-9).ceil() / 100.0).clamp(0.01, MOST.max(least)) }
    }

    /// The level of a voltage.
    pub fn level(self, v_pu: f64) -> usize {
        let middle = (LEVELS / 2) as f64;
        let level = (middle + middle * (v_pu - 1.0) / self.deviation).round().clamp(0.0, 2.0 * middle);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 20; NaN is 0")]
        return level as usize;
    }
}

/// A level's colour on paper.
pub fn colour(level: usize) -> String {
    hex(&LIGHT, level)
}

/// Style rules that give every level its colour on a dark screen.
pub fn dark_style() -> String {
    let mut out = String::from("@media screen and (prefers-color-scheme: dark) {\n");
    for level in 0..LEVELS {
        let (light, dark) = (colour(level), hex(&DARK, level));
        // A `String` takes whatever is written to it.
        let _ =
            writeln!(out, "svg [fill=\"{light}\"] {{ fill: {dark}; }} svg [stroke=\"{light}\"] {{ stroke: {dark}; }}");
    }
    out.push_str("}\n");
    out
}

#[allow(clippy::cast_precision_loss, reason = "a few levels")]
fn hex(ends: &Ends, level: usize) -> String {
    let middle = (LEVELS / 2) as f64;
    let t = (level as f64 - middle) / middle;
    let [l, c, h] = if t < 0.0 { ends.low } else { ends.high };
    let share = t.abs().min(1.0);
    let (c, h) = (c * share, h.to_radians());
    let [r, g, b] = srgb([ends.middle + (l - ends.middle) * share, c * h.cos(), c * h.sin()]);
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// Oklab to sRGB (IEC 61966-2-1).
fn srgb([lightness, a, b]: [f64; 3]) -> [u8; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    let linear = [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ];
    linear.map(|x| {
        let x = x.clamp(0.0, 1.0);
        let encoded = if x <= 0.003_130_8 { 12.92 * x } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
        return (255.0 * encoded).round() as u8;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_about_one_and_shows_the_limits() {
        let scale = Scale::new([0.95, 1.05], [0.97, 1.02].into_iter());
        assert_eq!(scale.deviation, 0.05);
        assert_eq!([0.95, 1.0, 1.05, 0.5, f64::NAN].map(|v| scale.level(v)), [0, 10, 20, 0, 0]);
        assert_eq!(Scale::new([0.95, 1.05], [0.923].into_iter()).deviation, 0.08);
        assert_eq!(Scale::new([0.95, 1.05], [0.1].into_iter()).deviation, 0.2, "a fault does not grey out all others");
    }

    /// Reference values of Oklab's author for sRGB primaries, to three decimals.
    #[test]
    fn oklab_is_oklab() {
        assert_eq!(srgb([1.0, 0.0, 0.0]), [255, 255, 255]);
        assert_eq!(srgb([0.627_955, 0.224_863, 0.125_846]), [255, 0, 0]);
        assert_eq!(srgb([0.452_014, -0.032_457, -0.311_528]), [0, 0, 255]);
    }

    #[test]
    fn every_level_has_its_own_colour() {
        let mut colours: Vec<String> = (0..LEVELS).map(colour).collect();
        colours.sort();
        colours.dedup();
        assert_eq!(colours.len(), LEVELS);
    }
}
