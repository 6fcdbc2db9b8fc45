//! What an attribution is made of.

use crate::quantity::{Complex, complex};

/// Settings. The defaults are those of a 230 V bus.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Nominal voltage from phase to neutral, V.
    pub nominal_v: f64,
    /// Number of phases, 1 to 3.
    pub phases: usize,
    /// Orders that are watched, ascending.
    pub orders: Vec<u8>,
    /// Impedance that the fleet is expected to see at each of the orders, Ω: see [`Settings::nameplate`].
    pub z0_ohm: Vec<Complex>,
    /// Standard deviation of that expectation, in parts of its magnitude.
    pub z0_sd: f64,
    /// Standard deviation of the background voltage around zero, in parts of the nominal voltage.
    pub e0_sd: f64,
    /// How far a background that follows the fleet is expected to go, in parts of the expected impedance.
    pub follower_sd: f64,
    /// Walk of the impedance in parts of its expectation, per root of a window.
    pub z_walk: f64,
    /// Voltage in parts of the nominal one below which an order is not attributed.
    pub gate: f64,
    /// Admittance of the fleet at each of the orders, S: its current's answer to the grid's voltage, which is taken off
    /// before it is judged. Empty for none.
    pub fleet_s: Vec<Complex>,
    /// Windows of a 3 s value.
    pub value_windows: u32,
    /// Memory of a probe, windows.
    pub probe_windows: f64,
    /// Windows for which what a probe has found is relied upon after it has ended.
    pub probe_lasts: u64,
    /// Rated current of each unit, A per phase.
    pub unit_a: Vec<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nominal_v: 230.0,
            phases: 3,
            orders: vec![5, 7, 11, 13, 17, 19, 23, 25],
            z0_ohm: Vec::new(),
            z0_sd: 0.5,
            e0_sd: 0.02,
            follower_sd: 0.1,
            z_walk: 2e-4,
            gate: 1e-3,
            fleet_s: Vec::new(),
            value_windows: 15,
            probe_windows: 600.0,
            probe_lasts: 4500,
            unit_a: Vec::new(),
        }
    }
}

impl Settings {
    /// Expects R + jhX at each of the orders: `r_ohm` and `x_ohm` of the supply at the fundamental, from the transformer's
    /// nameplate and the short-circuit power above it.
    pub fn nameplate(mut self, r_ohm: f64, x_ohm: f64) -> Self {
        self.z0_ohm = self.orders.iter().map(|&h| complex(r_ohm, f64::from(h) * x_ohm)).collect();
        self
    }

    /// Expectation at a watched order; where none is given, 3 % of a supply of 100 A.
    pub(super) fn z0(&self, order: usize) -> Complex {
        let h = self.orders.get(order).map_or(1.0, |&h| f64::from(h));
        let reactance = 0.03 * self.nominal_v / 100.0;
        self.z0_ohm.get(order).copied().unwrap_or_else(|| complex(0.2 * reactance, h * reactance))
    }

    /// The fleet's admittance at a watched order.
    pub(super) fn fleet(&self, order: usize) -> Complex {
        self.fleet_s.get(order).copied().unwrap_or_default()
    }
}
