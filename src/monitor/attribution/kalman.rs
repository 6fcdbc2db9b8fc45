//! A complex Kalman filter of a few states that walk at random, with one complex measurement at a time (R. E. Kalman
//! 1960; the covariance by Joseph's form: Bucy and Joseph 1968).

use crate::quantity::{Complex, complex};

/// Estimate and covariance of `N` states x in v = h·x + noise. Variances are those of complex numbers: E|δ|².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kalman<const N: usize> {
    /// The estimate.
    pub x: [Complex; N],
    /// Its covariance, Hermitian.
    pub p: [[Complex; N]; N],
}

/// What a measurement brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Innovation {
    /// Measured less expected.
    pub error: Complex,
    /// Its variance as the filter had it.
    pub variance: f64,
}

impl Innovation {
    /// Normalised square: 1 in the mean when the filter's model holds.
    pub fn nis(self) -> f64 {
        self.error.norm_sqr() / self.variance
    }

    /// Logarithm of the measurement's probability density by the filter, up to a constant (circular normal).
    pub fn log_likelihood(self) -> f64 {
        -self.variance.ln() - self.nis()
    }
}

impl<const N: usize> Kalman<N> {
    /// A filter that expects `x` with standard deviations `sd`, independent of each other.
    pub fn new(x: [Complex; N], sd: [f64; N]) -> Self {
        let mut p = [[complex(0.0, 0.0); N]; N];
        for (k, sd) in sd.into_iter().enumerate() {
            p[k][k] = complex(sd * sd, 0.0);
        }
        Self { x, p }
    }

    /// Standard deviation of a state.
    pub fn sd(&self, state: usize) -> f64 {
        self.p.get(state).map_or(f64::NAN, |row| row[state].re.max(0.0).sqrt())
    }

    /// Lets time pass: each state walks by a step of variance `q`.
    pub fn predict(&mut self, q: [f64; N]) {
        for (k, q) in q.into_iter().enumerate() {
            self.p[k][k].re += q;
        }
    }

    /// What a measurement would bring.
    pub fn expect(&self, v: Complex, h: &[Complex; N], r2: f64) -> Innovation {
        let gain = self.covariance_with(h);
        let variance = product(h, &gain).re + r2;
        Innovation { error: v - product(h, &self.x), variance }
    }

    /// Takes in a measurement `v` of `h`·x whose noise has the variance `r2`.
    pub fn update(&mut self, v: Complex, h: &[Complex; N], r2: f64) -> Innovation {
        let g = self.covariance_with(h);
        let variance = product(h, &g).re + r2;
        let error = v - product(h, &self.x);
        let mut k = g;
        for a in 0..N {
            k[a] = complex(g[a].re / variance, g[a].im / variance);
            self.x[a] += k[a] * error;
        }
        // Joseph: (1−kh)·P·(1−kh)* + k·r²·k*. First M = P − k·g*, then M − (M·h* − r²·k)·k*.
        self.subtract(&k, &g);
        let mut rest = self.covariance_with(h);
        for (rest, k) in rest.iter_mut().zip(&k) {
            (rest.re, rest.im) = (rest.re - r2 * k.re, rest.im - r2 * k.im);
        }
        self.subtract(&rest, &k);
        for a in 0..N {
            for b in 0..a {
                self.p[a][b] = self.p[b][a].conj();
            }
            self.p[a][a] = complex(self.p[a][a].re.max(0.0), 0.0);
        }
        Innovation { error, variance }
    }

    /// P ← P − a·b*.
    fn subtract(&mut self, a: &[Complex; N], b: &[Complex; N]) {
        for (row, a) in self.p.iter_mut().zip(a) {
            for (p, b) in row.iter_mut().zip(b) {
                p.re -= a.re * b.re + a.im * b.im;
                p.im -= a.im * b.re - a.re * b.im;
            }
        }
    }

    /// P·h*. Loops, here and below: a build without optimisation is five times slower with iterators.
    #[allow(clippy::needless_range_loop, reason = "see above")]
    fn covariance_with(&self, h: &[Complex; N]) -> [Complex; N] {
        let mut g = [complex(0.0, 0.0); N];
        for a in 0..N {
            for b in 0..N {
                let (p, h) = (self.p[a][b], h[b]);
                g[a].re += p.re * h.re + p.im * h.im;
                g[a].im += p.im * h.re - p.re * h.im;
            }
        }
        g
    }
}

#[allow(clippy::needless_range_loop, reason = "see above")]
fn product<const N: usize>(h: &[Complex; N], x: &[Complex; N]) -> Complex {
    let mut sum = complex(0.0, 0.0);
    for k in 0..N {
        sum.re += h[k].re * x[k].re - h[k].im * x[k].im;
        sum.im += h[k].re * x[k].im + h[k].im * x[k].re;
    }
    sum
}
