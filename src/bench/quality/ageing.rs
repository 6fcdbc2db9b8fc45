//! Transformers whose ageing is followed: the worst conductor of their first winding, fundamental and harmonics.

use crate::bench::plant::Plant;
use crate::device::ageing::{Ageing, LossFactors, RatedLosses, ThermalSettings, TransformerAgeing};
use crate::feeder::Transformer;
use crate::scenario::{self, Aged, Branch, Element, Plan};

/// One transformer.
pub(super) struct Aging {
    model: TransformerAgeing,
    element: Element,
    rated_a: f64,
    /// Current of each order in per unit of the rated one: index is order.
    currents_pu: Vec<f64>,
    now: Ageing,
    loss_factor: f64,
}

impl Aging {
    pub(super) fn all(plan: &Plan) -> Vec<Self> {
        let orders = plan.harmonics.as_ref().map_or(0, |harmonics| harmonics.orders.len());
        let own = |aged: &scenario::Ageing| {
            let (_, transformer) = plan.feeder.transformers.get_index(aged.transformer)?;
            let s = &aged.setting;
            let settings = ThermalSettings {
                losses: RatedLosses { eddy_pu: s.eddy_pu, stray_pu: s.stray_pu },
                ..ThermalSettings::ONAN_65
            };
            let model = TransformerAgeing::new(settings, plan.step, s.preload_pu, s.ambient_c);
            Some(Self {
                now: model.ageing(),
                model,
                element: Element::Branch(Branch::Transformer(aged.transformer)),
                rated_a: rated_a(transformer),
                currents_pu: vec![0.0; orders + 2],
                loss_factor: f64::NAN,
            })
        };
        plan.equipment.ageing.iter().filter_map(own).collect()
    }

    /// A step by what the plant has come to.
    pub(super) fn step(&mut self, plant: &mut impl Plant) {
        self.currents_pu.fill(0.0);
        let worst = |sizes: &mut dyn Iterator<Item = f64>| sizes.fold(0.0, f64::max);
        let fundamental = worst(&mut plant.terminal(self.element).iter().map(|conductor| conductor.i_a.norm()));
        if let Some(own) = self.currents_pu.get_mut(1) {
            *own = fundamental / self.rated_a;
        }
        if let Some(harmonics) = plant.harmonics() {
            for order in 0..self.currents_pu.len().saturating_sub(2) {
                let conductors = harmonics.harmonic_terminal(self.element, order).iter();
                let size = worst(&mut conductors.map(|conductor| conductor.i_a.norm()));
                if let Some(own) = self.currents_pu.get_mut(order + 2) {
                    *own = if size.is_finite() { size / self.rated_a } else { 0.0 };
                }
            }
        }
        self.loss_factor = LossFactors::of(&self.currents_pu).eddy;
        self.now = self.model.step(&self.currents_pu);
    }

    pub(super) fn value(&self, what: Aged) -> f64 {
        match what {
            Aged::HotSpot => self.now.hot_spot_c,
            Aged::TopOil => self.now.top_oil_c,
            Aged::Lost => self.now.loss_of_life_h,
            Aged::Rate => self.now.acceleration,
            Aged::LossFactor => self.loss_factor,
        }
    }
}

/// Rated current of a conductor of the first winding in A.
fn rated_a(transformer: &Transformer) -> f64 {
    let Some(winding) = transformer.windings.first() else { return f64::NAN };
    let phases = transformer.phases.max(1) as f64;
    let phase_kv = if transformer.phases == 1 { winding.v_kv } else { winding.v_kv / 3f64.sqrt() };
    winding.s_kva / (phases * phase_kv)
}
