//! Seeded noise: every number is a pure function of (seed, name, index).
//!
//! Nothing is drawn in sequence, so shards, threads and a further variable move nobody else's numbers. The bits are those
//! of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014) at a place that seed
//! and name decide; it is no protection against guessing. Normal values come from the inverse of the distribution
//! function (Wichura: "Algorithm AS 241", Applied Statistics 37, 1988; relative error about 1e-16), one number each, so
//! that truncation is exact.

/// The golden ratio in 64 bits: the stride of SplitMix64.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The noise of one name: a value for each index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    key: u64,
}

impl Noise {
    /// The noise that a seed gives to a name (a variable's path, a channel …).
    pub fn new(seed: u64, name: &str) -> Self {
        let key = name.bytes().fold(mix(seed.wrapping_add(STRIDE)), |key, byte| {
            mix((key ^ u64::from(byte)).wrapping_add(STRIDE)) // a name's every prefix is another key
        });
        Self { key }
    }

    /// 64 random bits.
    pub fn bits(self, index: u64) -> u64 {
        mix(self.key.wrapping_add(index.wrapping_add(1).wrapping_mul(STRIDE)))
    }

    /// A number between 0 and 1, both excluded, uniformly distributed in steps of 2^-52.
    #[allow(clippy::cast_precision_loss, reason = "52 bits and a half are exact")]
    pub fn uniform(self, index: u64) -> f64 {
        const STEP: f64 = 1.0 / (1u64 << 52) as f64;
        ((self.bits(index) >> 12) as f64 + 0.5) * STEP
    }

    /// A standard normal number.
    pub fn normal(self, index: u64) -> f64 {
        normal_quantile(self.uniform(index))
    }
}

/// SplitMix64's mixing of one word.
const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The value that a standard normal variable stays below with probability `p` (AS 241, routine PPND16); infinite at 0 and
/// 1, NaN beyond.
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail <= 0.0 || tail.is_nan() {
        return if tail == 0.0 { f64::INFINITY.copysign(q) } else { f64::NAN };
    }
    let r = (-tail.ln()).sqrt();
    let x = if r <= 5.0 { ratio(r - 1.6, &MIDDLE) } else { ratio(r - 5.0, &FAR) };
    x.copysign(q)
}

/// The probability that a standard normal variable stays below `x`: the inverse of [`normal_quantile`], by bisection. Good
/// to about 1e-15 of the nearer tail; not for hot loops.
pub fn normal_probability(x: f64) -> f64 {
    if x > 0.0 {
        return 1.0 - normal_probability(-x);
    }
    let (mut low, mut high) = (0.0, 0.5);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return high;
        }
        if normal_quantile(middle) < x { low = middle } else { high = middle }
    }
}

/// Two polynomials of AS 241, lowest power first.
type Ratio = [[f64; 8]; 2];

fn ratio(r: f64, [above, below]: &Ratio) -> f64 {
    let polynomial = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * r + c);
    polynomial(above) / polynomial(below)
}

#[expect(clippy::excessive_precision, reason = "as published")]
const CENTRE: Ratio = [
    [
        3.387_132_872_796_366_608,
        1.331_416_678_917_843_774_5e2,
        1.971_590_950_306_551_442_7e3,
        1.373_169_376_550_946_112_5e4,
        4.592_195_393_154_987_145_7e4,
        6.726_577_092_700_870_085_3e4,
        3.343_057_558_358_812_810_5e4,
        2.509_080_928_730_122_672_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091_125_2e1,
        6.871_870_074_920_579_083e2,
        5.394_196_021_424_751_107_7e3,
        2.121_379_430_158_659_586_7e4,
        3.930_789_580_009_271_061e4,
        2.872_908_573_572_194_267_4e4,
        5.226_495_278_852_854_561e3,
    ],
];
#[expect(clippy::excessive_precision, reason = "as published")]
const MIDDLE: Ratio = [
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_9,
        5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        2.417_807_251_774_506_117_7e-1,
        2.272_384_498_926_918_458_33e-2,
        7.745_450_142_783_414_076_4e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_4,
        6.897_673_349_851_000_045_5e-1,
        1.481_039_764_274_800_745_9e-1,
        1.519_866_656_361_645_719_66e-2,
        5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
];
#[expect(clippy::excessive_precision, reason = "as published")]
const FAR: Ratio = [
    [
        6.657_904_643_501_103_777_2,
        5.463_784_911_164_114_369_9,
        1.784_826_539_917_291_335_8,
        2.965_605_718_285_048_912_3e-1,
        2.653_218_952_657_612_309_3e-2,
        1.242_660_947_388_078_438_6e-3,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        5.998_322_065_558_879_376_9e-1,
        1.369_298_809_227_358_053_1e-1,
        1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591e-4,
        1.846_318_317_510_054_681_8e-5,
        1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixing_is_that_of_splitmix64() {
        // First outputs of the reference implementation (Vigna, splitmix64.c) from state 1234567.
        let first = [6_457_827_717_110_365_317u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        let noise = Noise { key: 1_234_567 };
        assert_eq!([0, 1, 2].map(|k| noise.bits(k)), first);
    }

    #[test]
    fn seed_name_and_index_all_count() {
        let base = Noise::new(1, "loads.671.scale").bits(0);
        assert_ne!(base, Noise::new(2, "loads.671.scale").bits(0));
        assert_ne!(base, Noise::new(1, "loads.672.scale").bits(0));
        assert_ne!(Noise::new(1, "ab"), Noise::new(1, "ba"));
        assert_ne!(base, Noise::new(1, "loads.671.scale").bits(1));
    }

    #[test]
    fn uniform_numbers_fill_the_interval_evenly() {
        let noise = Noise::new(7, "x");
        let n = 100_000u64;
        let values: Vec<f64> = (0..n).map(|k| noise.uniform(k)).collect();
        assert!(values.iter().all(|u| *u > 0.0 && *u < 1.0));
        // Chi-square over 100 cells: mean 99, standard deviation √198 = 14; 5 of those.
        let mut cells = [0.0f64; 100];
        values.iter().for_each(|u| cells[(u * 100.0) as usize] += 1.0);
        let chi2: f64 = cells.iter().map(|c| (c - 1000.0).powi(2) / 1000.0).sum();
        assert!((chi2 - 99.0).abs() < 70.0, "{chi2}");
        // Neighbours are not correlated: the coefficient's standard deviation is 1/√n = 0.0032.
        let r: f64 = values.windows(2).map(|w| (w[0] - 0.5) * (w[1] - 0.5)).sum::<f64>() * 12.0 / n as f64;
        assert!(r.abs() < 0.016, "{r}");
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        // The algorithm's own test values, and 97.5 % (Abramowitz & Stegun, table 26.5).
        for (p, x) in [
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_813_5),
            (1e-20, -9.262_340_089_798_408),
            (0.975, 1.959_963_984_540_054),
        ] {
            assert!((normal_quantile(p) / x - 1.0).abs() < 1e-14, "{p}: {}", normal_quantile(p));
            assert!((normal_probability(x) - p).abs() < 1e-14 * p.max(1e-3), "{p}: {}", normal_probability(x));
        }
        assert_eq!(normal_quantile(0.5), 0.0);
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(normal_quantile(-0.1).is_nan());
    }
}
