//! What a mitigation adds to a site's emission: compensating currents, virtual conductances, a probe; all of it inside the
//! apparent power that the units have left.

use super::command::Which;
use crate::quantity::{Complex, complex};
use crate::signal::Norton;

/// Harmonic voltage, per fundamental, that a virtual conductance must be able to stand up to inside the headroom.
const WORST_PU: f64 = 0.08;

/// A probing current.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// Who injects it.
    pub which: Which,
    /// Size in A, with sign.
    pub current_a: f64,
}

/// What is added at each frequency.
#[derive(Clone, Debug)]
pub struct Extra {
    /// Compensating currents in A, by frequency.
    pub compensation_a: Vec<[Complex; 3]>,
    /// Virtual conductances in S, by frequency.
    pub conductance_s: Vec<f64>,
    /// Probes, by frequency.
    pub probe: Vec<Probe>,
    /// Part of all this that there was headroom for.
    scale: f64,
    /// Part of the probe, on top of that, which the unit that probes has headroom for.
    probe_scale: f64,
}

/// What is left of the ratings: A RMS at the bus, by phase.
#[derive(Clone, Copy, Debug)]
pub struct Headroom {
    /// Of all units together.
    pub all_a: [f64; 3],
    /// Of the unit that probes, by the same phases; `None` when all do.
    pub one_a: Option<[f64; 3]>,
}

impl Extra {
    /// Nothing, at so many frequencies.
    pub fn new(frequencies: usize) -> Self {
        Self {
            compensation_a: vec![[complex(0.0, 0.0); 3]; frequencies],
            conductance_s: vec![0.0; frequencies],
            probe: vec![Probe { which: Which::All, current_a: 0.0 }; frequencies],
            scale: 1.0,
            probe_scale: 1.0,
        }
    }

    /// Part of what is asked for that there was headroom for: the smaller one, where a single unit probes.
    pub const fn scale(&self) -> f64 {
        self.scale * self.probe_scale
    }

    /// Whether anything is asked for.
    pub fn is_idle(&self) -> bool {
        self.compensation_a.iter().flatten().all(|i| i.norm_sqr() == 0.0)
            && self.conductance_s.iter().all(|g| *g == 0.0)
            && self.probe.iter().all(|p| p.current_a == 0.0)
    }

    /// The unit that probes, if one alone does.
    pub fn prober(&self) -> Option<usize> {
        let one = |probe: &Probe| match probe.which {
            Which::One(unit) if probe.current_a != 0.0 => Some(unit),
            _ => None,
        };
        self.probe.iter().find_map(one)
    }

    /// Finds the part that fits into the headroom with voltages in V by phase; phases without voltage have none.
    pub fn fit(&mut self, headroom: &Headroom, v_v: &[f64]) -> f64 {
        let fits = |wanted: f64, there: Option<f64>| there.map_or(1.0, |there| (there / wanted).min(1.0));
        let probe_a = self.probe.iter().map(|probe| probe.current_a.powi(2)).sum::<f64>().sqrt();
        // A unit on another phase has no part in this one.
        let own = |p: usize| headroom.one_a.as_ref().and_then(|one| one.get(p).copied()).filter(|a| a.is_finite());
        let alive = || v_v.iter().enumerate().filter(|(_, v)| **v > 0.0);
        self.probe_scale =
            if probe_a > 0.0 { alive().map(|(p, _)| fits(probe_a, own(p))).fold(1.0, f64::min) } else { 1.0 };
        let wanted = |p: usize, v: f64| {
            let compensation = self.compensation_a.iter().filter_map(|i| i.get(p)).map(Complex::norm_sqr).sum::<f64>();
            let damping = self.conductance_s.iter().map(|g| (g * WORST_PU * v).powi(2)).sum::<f64>();
            (compensation + damping + (probe_a * self.probe_scale).powi(2)).sqrt()
        };
        let all = |(p, v): (usize, &f64)| match wanted(p, *v) {
            wanted if wanted > 0.0 => fits(wanted, headroom.all_a.get(p).copied()),
            _ => 1.0,
        };
        self.scale = alive().map(all).fold(1.0, f64::min);
        self.scale()
    }

    /// Adds everything to a Norton equivalent. `towards` are unit phasors of the phases' voltages, 0 where there is none; `phase`
    /// is that of a single-phase unit that probes.
    pub fn add(&self, orders: &[Option<u32>], towards: &[Complex], phase: Option<usize>, into: &mut Norton) {
        for (k, order) in orders.iter().enumerate().filter_map(|(k, o)| Some((k, (*o)?))) {
            let (Some(compensation), Some(probe)) = (self.compensation_a.get(k), self.probe.get(k)) else { continue };
            if let (Some(y), Some(g)) = (into.admittance_s_mut().get_mut(k), self.conductance_s.get(k)) {
                *y += g * self.scale;
            }
            for (p, own) in into.current_a_mut(k).iter_mut().enumerate() {
                let (Some(own_a), Some(turn)) = (compensation.get(p), towards.get(p)) else { continue };
                if turn.norm_sqr() > 0.0 {
                    *own += own_a * self.scale;
                }
                let probes = matches!(probe.which, Which::All) || phase.is_none_or(|phase| phase == p);
                if probes && probe.current_a != 0.0 {
                    *own += turn.powu(order) * (probe.current_a * self.scale());
                }
            }
        }
    }
}
