//! What loads draw at each tick: nominal power × scale × shape × load multiplier.

use super::plant::Plant;
use crate::feeder::ShapeValue;
use crate::scenario::{Course, Demand};

/// The demand of every load, and what was last told to the plant.
#[derive(Clone, Debug)]
pub(super) struct Demands {
    demands: Vec<Demand>,
    told: Vec<Option<(f64, f64)>>,
    shapes: Vec<Course>,
    /// What each shape is multiplied by.
    factors: Vec<f64>,
    values: Vec<ShapeValue>,
    pub(super) multiplier: f64,
}

impl Demands {
    pub(super) fn new(demands: &[Demand], shapes: &[Course], multiplier: f64) -> Self {
        let values = vec![ShapeValue { p: 1.0, q: None }; shapes.len()];
        let (told, factors) = (vec![None; demands.len()], vec![1.0; shapes.len()]);
        Self { told, demands: demands.to_vec(), shapes: shapes.to_vec(), factors, values, multiplier }
    }

    /// Multiplies a shape by a factor, in place of the factor so far.
    pub(super) fn scale_shape(&mut self, shape: usize, factor: f64) {
        if let Some(own) = self.factors.get_mut(shape) {
            *own = factor;
        }
    }

    /// Active power in W that a demand was last told to draw.
    pub(super) fn told_w(&self, load: usize) -> f64 {
        self.told.get(load).copied().flatten().map_or(0.0, |(p_kw, _)| p_kw * 1000.0)
    }

    pub(super) fn get_mut(&mut self, load: usize) -> Option<&mut Demand> {
        self.demands.get_mut(load)
    }

    /// Takes the values of all shapes at `clock_s`.
    pub(super) fn look(&mut self, clock_s: f64) {
        for ((value, shape), factor) in self.values.iter_mut().zip(&self.shapes).zip(&self.factors) {
            let ShapeValue { p, q } = shape.at(clock_s);
            *value = ShapeValue { p: p * factor, q: q.map(|q| q * factor) };
        }
    }

    /// Present value of a shape.
    pub(super) fn shape(&self, shape: usize) -> f64 {
        self.values.get(shape).map_or(1.0, |value| value.p)
    }

    /// What a demand comes to by the present values of the shapes, in kW and kvar.
    pub(super) fn power_kva(&self, demand: &Demand) -> (f64, f64) {
        let shape = demand.shape.and_then(|k| Some((self.shapes.get(k)?, *self.values.get(k)?)));
        power_kva(demand, shape.map(|(s, v)| (s.actual(), v)), self.multiplier)
    }

    /// Tells the plant the powers that differ from those before.
    pub(super) fn apply(&mut self, plant: &mut impl Plant) {
        for load in 0..self.demands.len() {
            let power = self.demands.get(load).map(|demand| self.power_kva(demand));
            if let Some((told, (p_kw, q_kvar))) = self.told.get_mut(load).zip(power).filter(|(told, _)| **told != power)
            {
                plant.set_load(load, p_kw * 1000.0, q_kvar * 1000.0);
                *told = power;
            }
        }
    }
}

/// Power in kW and kvar. A shape of actual powers replaces nominal power and load multiplier (as OpenDSS's `useactual`);
/// where it says nothing about reactive power, the power factor is that of the nominal power.
fn power_kva(demand: &Demand, shape: Option<(bool, ShapeValue)>, multiplier: f64) -> (f64, f64) {
    if !demand.connected {
        return (0.0, 0.0);
    }
    let factor = demand.scale * if demand.multiplied { multiplier } else { 1.0 };
    match shape {
        None => (demand.p_kw * factor, demand.q_kvar * factor),
        Some((false, v)) => (demand.p_kw * factor * v.p, demand.q_kvar * factor * v.q.unwrap_or(v.p)),
        Some((true, v)) => {
            let per_p = if demand.p_kw == 0.0 { 0.0 } else { demand.q_kvar / demand.p_kw };
            (v.p * demand.scale, v.q.unwrap_or(v.p * per_p) * demand.scale)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMAND: Demand =
        Demand { p_kw: 100.0, q_kvar: 50.0, scale: 2.0, shape: None, multiplied: true, connected: true };

    #[test]
    fn power_is_the_product_of_all_that_applies() {
        assert_eq!(power_kva(&DEMAND, None, 0.5), (100.0, 50.0));
        assert_eq!(power_kva(&Demand { multiplied: false, ..DEMAND }, None, 0.5), (200.0, 100.0));
        let both = ShapeValue { p: 0.25, q: Some(0.5) };
        assert_eq!(power_kva(&DEMAND, Some((false, both)), 1.0), (50.0, 50.0));
        let p_only = ShapeValue { p: 0.25, q: None };
        assert_eq!(power_kva(&DEMAND, Some((false, p_only)), 1.0), (50.0, 25.0));
        assert_eq!(power_kva(&Demand { connected: false, ..DEMAND }, None, 1.0), (0.0, 0.0));
    }

    #[test]
    fn actual_powers_replace_nominal_ones() {
        let p_only = ShapeValue { p: 10.0, q: None };
        assert_eq!(power_kva(&DEMAND, Some((true, p_only)), 3.0), (20.0, 10.0));
        let both = ShapeValue { p: 10.0, q: Some(-1.0) };
        assert_eq!(power_kva(&DEMAND, Some((true, both)), 3.0), (20.0, -2.0));
    }
}
