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
        let k = g.map(|g| g / variance);
        for a in 0..N {
            self.x[a] += k[a] * error;
            for b in 0..=a {
                // Joseph's (1−kh)·P·(1−kh)* + k·r²·k*, multiplied out.
                let p = self.p[a][b] - k[a] * g[b].conj() - g[a] * k[b].conj() + k[a] * k[b].conj() * variance;
                (self.p[a][b], self.p[b][a]) = (p, p.conj());
            }
            self.p[a][a] = complex(self.p[a][a].re.max(0.0), 0.0);
        }
        Innovation { error, variance }
    }

    /// P·h*.
    fn covariance_with(&self, h: &[Complex; N]) -> [Complex; N] {
        self.p.map(|row| row.iter().zip(h).map(|(p, h)| p * h.conj()).sum())
    }
}

fn product<const N: usize>(h: &[Complex; N], x: &[Complex; N]) -> Complex {
    h.iter().zip(x).map(|(h, x)| h * x).sum()
}
