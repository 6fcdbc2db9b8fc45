//! Between two points of the curve: the cubic through both with their tangents.
//!
//! The parameter is σ = border·(x − x₀) with the first point's border, which the corrector keeps exactly, so that dx/dσ is
//! the tangent over its own σ-part. Over a distance h the error is h⁴/384 times the fourth derivative.

use super::PathPoint;

/// A cubic in σ from 0 to `length`, for every unknown.
pub(super) struct Cubic<'a> {
    ends: [&'a PathPoint; 2],
    /// dσ along each end's tangent.
    rate: [f64; 2],
    /// σ of the second end.
    pub(super) length: f64,
}

impl<'a> Cubic<'a> {
    pub(super) fn new(from: &'a PathPoint, to: &'a PathPoint) -> Self {
        let length = from.border.of(&to.x) - from.border.of(&from.x);
        let rate = [from, to].map(|end| from.border.of(&end.tangent));
        Self { ends: [from, to], rate, length }
    }

    /// Whether σ grows all the way, so that it can serve as a parameter.
    pub(super) fn is_sound(&self) -> bool {
        self.length > 0.0 && self.rate.iter().all(|rate| *rate > 0.05)
    }

    /// The unknowns at σ.
    pub(super) fn at(&self, sigma: f64) -> Vec<f64> {
        (0..self.ends[0].x.len()).map(|k| self.component(k, sigma)).collect()
    }

    fn component(&self, k: usize, sigma: f64) -> f64 {
        let s = sigma / self.length;
        let [a, b] = self.ends.map(|end| end.x[k]);
        let [da, db] = [0, 1].map(|e| self.ends[e].tangent[k] / self.rate[e] * self.length);
        // As the chord and what bends away from it, so that near an end nothing is lost to cancellation.
        let (near, far) = (da - (b - a), (b - a) - db);
        a + s * (b - a) + s * (1.0 - s) * ((1.0 - s) * near + s * far)
    }

    /// λ at σ.
    pub(super) fn lambda(&self, sigma: f64) -> f64 {
        self.component(self.ends[0].x.len() - 1, sigma)
    }

    /// Slope of λ at σ.
    fn slope(&self, sigma: f64) -> f64 {
        let k = self.ends[0].x.len() - 1;
        let s = sigma / self.length;
        let rise = (self.ends[1].x[k] - self.ends[0].x[k]) / self.length;
        let [da, db] = [0, 1].map(|e| self.ends[e].tangent[k] / self.rate[e]);
        da + s * (6.0 * rise - 4.0 * da - 2.0 * db) + s * s * (3.0 * (da + db) - 6.0 * rise)
    }

    /// σ at which a decreasing function of it is zero; the nearer end when it has no change of sign.
    fn bisect(&self, f: impl Fn(f64) -> f64) -> f64 {
        let (mut low, mut high) = (0.0, self.length);
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if f(middle) > 0.0 { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// σ of the most λ; the slope must change its sign from end to end.
    pub(super) fn top(&self) -> f64 {
        self.bisect(|sigma| self.slope(sigma))
    }

    /// σ at which λ is `lambda`; it must lie between the ends'.
    pub(super) fn crossing(&self, lambda: f64) -> f64 {
        let sign = if self.lambda(0.0) > lambda { 1.0 } else { -1.0 };
        self.bisect(|sigma| sign * (self.lambda(sigma) - lambda))
    }
}
