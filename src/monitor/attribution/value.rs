//! Sums of windows over a 3 s value, and the fleet's share in it: the projection of the fleet's voltage on the whole
//! (vectors as in IEC 61000-3-6), C = Re(Z·J·V*)/|V|².

use crate::quantity::{Complex, complex};

/// Sums of one phase at one order.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// Σ|V|².
    pub vv: f64,
    /// Σ|J|².
    pub jj: f64,
    /// Σ J·V*.
    pub jv: Complex,
    /// Newest voltage, V.
    pub v: Complex,
    /// Newest current, A.
    pub j: Complex,
}

impl Default for Value {
    fn default() -> Self {
        let zero = complex(0.0, 0.0);
        Self { vv: 0.0, jj: 0.0, jv: zero, v: zero, j: zero }
    }
}

impl Value {
    /// Adds a window.
    pub fn add(&mut self, v: Complex, j: Complex) {
        self.vv += v.norm_sqr();
        self.jj += j.norm_sqr();
        self.jv += j * v.conj();
        (self.v, self.j) = (v, j);
    }

    /// Σ|V|²·C with an impedance.
    pub fn projected(&self, z: Complex) -> f64 {
        (z * self.jv).re
    }

    /// Standard deviation of Σ|V|²·C from that of the impedance, √E|δZ|² (delta method). The facts' form: it counts all
    /// of δZ as if it lay along the projection, √2 more than for a circular δZ.
    pub fn projected_sd(&self, z_sd: f64) -> f64 {
        z_sd * self.jv.norm()
    }
}

/// A share and its standard deviation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// Σ|V|².
    pub vv: f64,
    /// Σ|V|²·C.
    pub projected: f64,
    /// Variance of that.
    pub variance: f64,
}

impl Sum {
    /// Adds a phase or an order whose errors are its own.
    pub fn add(&mut self, vv: f64, projected: f64, sd: f64) {
        self.vv += vv;
        self.projected += projected;
        self.variance += sd * sd;
    }

    /// Share and standard deviation; NaN of nothing.
    pub fn share(&self) -> (f64, f64) {
        (self.projected / self.vv, self.variance.sqrt() / self.vv)
    }
}
