//! The anti-alias filter: Butterworth, before the converter (on phasors) or behind it (on samples); and a high-pass.
//!
//! |H(jf)|² = 1/(1 + (f/f_c)^{2n}) (S. Butterworth 1930), as n/2 sections 1/(s² + 2·sin((2k+1)π/2n)·s + 1), s = jf/f_c, and one of
//! first order for odd n. *Analogue*: H multiplies each phasor, exact at any frequency, also at those that then
//! fold; a change of a phasor shows at once, without the filter's transient (about n/(2π·f_c)). *Digital*: each section by the bilinear
//! transform with its cutoff where it was, f → (f_s/π)·tan(π·f/f_s), in transposed direct form II; what has folded stays.

use std::f64::consts::PI;

use crate::quantity::{Complex, complex};

/// Where a filter stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Before the converter: it keeps what is above half the sampling rate from folding.
    #[default]
    Analogue,
    /// Behind it.
    Digital,
}

/// A Butterworth low-pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AntiAlias {
    /// Its order, 1 to 12.
    pub order: u32,
    /// Where it is 3 dB down, in Hz.
    pub cutoff_hz: f64,
    /// Where it stands.
    pub placement: Placement,
}

/// Highest order.
const MOST: u32 = 12;

impl AntiAlias {
    /// Damping terms of the sections of second order, and whether there is one of first.
    fn sections(&self) -> (impl Iterator<Item = f64> + use<>, bool) {
        let n = self.order.clamp(1, MOST);
        let damping = move |k: u32| 2.0 * (PI * f64::from(2 * k + 1) / f64::from(2 * n)).sin();
        ((0..n / 2).map(damping), n % 2 == 1)
    }

    /// Its response as a filter of continuous time at a frequency.
    pub fn response(&self, f_hz: f64) -> Complex {
        let s = complex(0.0, f_hz / self.cutoff_hz);
        let (sections, first) = self.sections();
        let below = sections.fold(complex(1.0, 0.0), |below, damping| below * (s * s + s * damping + 1.0));
        (if first { below * (s + 1.0) } else { below }).finv()
    }

    /// Its sections as a filter of samples; the cutoff is below half the rate.
    pub fn biquads(&self, rate_hz: f64) -> impl Iterator<Item = Biquad> + use<> {
        let w = (PI * self.cutoff_hz / rate_hz).tan();
        let (sections, first) = self.sections();
        let second = sections.map(move |damping| {
            let scale = 1.0 / (1.0 + damping * w + w * w);
            let b = w * w * scale;
            Biquad::new([b, 2.0 * b, b], [2.0 * (w * w - 1.0) * scale, (1.0 - damping * w + w * w) * scale])
        });
        let b = w / (1.0 + w);
        second.chain(first.then(|| Biquad::new([b, b, 0.0], [(w - 1.0) / (w + 1.0), 0.0])))
    }
}

/// A high-pass of first order with its corner at a frequency, for samples.
pub fn high_pass(corner_hz: f64, rate_hz: f64) -> Biquad {
    let w = (PI * corner_hz / rate_hz).tan();
    let b = 1.0 / (1.0 + w);
    Biquad::new([b, -b, 0.0], [(w - 1.0) * b, 0.0])
}

/// A section of second order: y = b₀x + s₁, s₁ ← b₁x − a₁y + s₂, s₂ ← b₂x − a₂y.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    state: [f64; 2],
}

impl Biquad {
    /// A section at rest.
    pub const fn new(b: [f64; 3], a: [f64; 2]) -> Self {
        Self { b, a, state: [0.0; 2] }
    }

    /// Its response at a frequency over the sampling rate.
    pub fn response(&self, f_over_rate: f64) -> Complex {
        let back = Complex::cis(-2.0 * PI * f_over_rate);
        let above = back * (back * self.b[2] + self.b[1]) + self.b[0];
        above / (back * (back * self.a[1] + self.a[0]) + 1.0)
    }

    /// Adds to its state what a steady component has left there, one sample before the next, when the component's value was Re x: warm
    /// start. What the section makes of x is returned.
    pub fn warm(&mut self, x: Complex, f_over_rate: f64) -> Complex {
        let back = Complex::cis(-2.0 * PI * f_over_rate);
        let y = self.response(f_over_rate) * x;
        let second = x * self.b[2] - y * self.a[1];
        let first = x * self.b[1] - y * self.a[0] + back * second;
        self.state[0] += first.re;
        self.state[1] += second.re;
        y
    }

    #[inline(always)]
    fn next(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.state[0];
        self.state[0] = self.b[1] * x - self.a[0] * y + self.state[1];
        self.state[1] = self.b[2] * x - self.a[1] * y;
        y
    }
}

/// Filters samples in place by sections one after the other. Each waits for its own last value: several at once go nearly as fast as one.
pub fn cascade(sections: &mut [Biquad], samples: &mut [f64]) {
    for few in sections.chunks_mut(4) {
        match few {
            [a, b, c, d] => together([a, b, c, d], samples),
            [a, b, c] => together([a, b, c], samples),
            [a, b] => together([a, b], samples),
            others => others.iter_mut().for_each(|own| together([own], samples)),
        }
    }
}

fn together<const N: usize>(sections: [&mut Biquad; N], samples: &mut [f64]) {
    let mut own: [Biquad; N] = std::array::from_fn(|k| *sections[k]);
    for x in samples {
        *x = own.iter_mut().fold(*x, |x, section| section.next(x));
    }
    for (section, own) in sections.into_iter().zip(own) {
        *section = own;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn filter(order: u32, placement: Placement) -> AntiAlias {
        AntiAlias { order, cutoff_hz: 4000.0, placement }
    }

    #[test]
    fn the_response_is_butterworths() {
        for order in 1..=MOST {
            let filter = filter(order, Placement::Analogue);
            for f_hz in [0.0, 50.0, 2500.0, 4000.0, 8000.0, 20_000.0] {
                let closed = 1.0 / (1.0 + (f_hz / 4000.0f64).powi(2 * order as i32)).sqrt();
                assert!((filter.response(f_hz).norm() / closed - 1.0).abs() < 1e-12, "{order} {f_hz}");
            }
            // At the cutoff the phase is −n·45°.
            let turned = filter.response(4000.0) * Complex::cis(PI / 4.0 * f64::from(order));
            assert!(turned.im.abs() < 1e-12 && turned.re > 0.0, "{order}");
        }
        // Order 2 at half the cutoff: 1/(1 − ¼ + j√2/2), by hand.
        let by_hand = complex(0.75, 2f64.sqrt() / 2.0).finv();
        assert!((filter(2, Placement::Analogue).response(2000.0) - by_hand).norm() < 1e-15);
    }

    #[test]
    fn its_samples_have_the_response_at_the_bent_frequency() {
        let rate_hz = 12_800.0;
        for order in [1, 2, 5, 8] {
            let filter = filter(order, Placement::Digital);
            for f_hz in [50.0, 1234.0, 4000.0, 6000.0] {
                let bent = |f: f64| (PI * f / rate_hz).tan();
                let closed = filter.response(4000.0 * bent(f_hz) / bent(4000.0));
                let sections = filter.biquads(rate_hz).map(|section| section.response(f_hz / rate_hz));
                let product = sections.fold(complex(1.0, 0.0), |product, h| product * h);
                assert!((product - closed).norm() < 1e-12, "{order} {f_hz}");
            }
        }
        let corner = high_pass(5.0, rate_hz).response(5.0 / rate_hz);
        assert!((corner - complex(0.5, 0.5)).norm() < 1e-12, "1/√2, leading by 45°");
    }

    #[test]
    fn a_warm_filter_starts_without_a_transient() {
        let (rate_hz, f_hz) = (12_800.0, 350.0);
        let mut sections: Vec<Biquad> = filter(5, Placement::Digital).biquads(rate_hz).collect();
        sections.push(high_pass(0.5, rate_hz));
        let mut response = complex(2.0, 1.0);
        for section in &mut sections {
            response = section.warm(response, f_hz / rate_hz);
        }
        // x = Re((2 + j)·e^{jωt}), the first sample one period after t = 0.
        let value = |x: Complex, k: u32| (x * Complex::cis(2.0 * PI * f_hz * f64::from(k + 1) / rate_hz)).re;
        let mut samples: Vec<f64> = (0..200).map(|k| value(complex(2.0, 1.0), k)).collect();
        cascade(&mut sections, &mut samples);
        for (k, y) in (0..200).zip(&samples) {
            assert!((y - value(response, k)).abs() < 1e-12, "{k}: {y}");
        }
    }
}
