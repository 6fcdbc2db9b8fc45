//! Gates of ties at work: they look at PMUs at both sides, lead the L-PBC of one side to the other, and close.

use super::equipment::Equipment;
use super::phasor::{Phasors, wrapped_deg};
use super::plant::{Node, Plant};
use crate::control::phasor::supervise::tie::{Settings, Side, TieGate};
use crate::control::phasor::{MOST_PHASES, MOST_SIZE};
use crate::quantity::{Complex, Tick};
use crate::scenario::{self, Branch, Measure, Observed, Plan, Tied};

/// Power of a phase that impedances are relative to, in VA: any would do.
const BASE_VA: f64 = 1e6;

/// All ties of a plan.
pub(super) struct Ties {
    ties: Vec<Tie>,
    /// Places in the row that they fill.
    said: Vec<(usize, usize, Tied)>,
}

struct Tie {
    gate: TieGate,
    branch: Branch,
    sides: [Observed; 2],
    reference: Observed,
    follower: Option<usize>,
    from: u64,
    closed: bool,
    refusal: f64,
    base_a: f64,
}

impl Ties {
    pub(super) fn new(plan: &Plan, nodes: &[Node]) -> Self {
        let said = |(row, quantity): (usize, &scenario::Quantity)| match quantity.measure {
            Measure::Tied(place, what) => Some((row, place, what)),
            _ => None,
        };
        Self {
            ties: plan.equipment.ties.iter().filter_map(|own| Tie::new(plan, own, nodes)).collect(),
            said: plan.quantities.iter().enumerate().filter_map(said).collect(),
        }
    }

    /// Before a tick is solved: those that may close do.
    pub(super) fn actuate(&mut self, plant: &mut impl Plant) {
        for tie in self.ties.iter_mut().filter(|tie| !tie.closed && tie.refusal == 0.0) {
            plant.switch(tie.branch, false);
            tie.closed = true;
        }
    }

    /// Once a tick is solved: what both sides measure, and what follows from it.
    pub(super) fn look(&mut self, tick: Tick, equipment: &Equipment, phasors: &mut Phasors, row: &mut [f64]) {
        self.ties.iter_mut().for_each(|tie| tie.look(tick, equipment, phasors));
        for &(place, tie, what) in &self.said {
            if let Some((slot, own)) = row.get_mut(place).zip(self.ties.get(tie)) {
                *slot = own.says(what);
            }
        }
    }
}

impl Tie {
    /// `None` when its numbers make no gate; the checker has seen to that.
    fn new(plan: &Plan, own: &scenario::Tie, nodes: &[Node]) -> Option<Self> {
        let node = super::phasor::model::node_of(plan, &own.sides[0], own.sides[0].channels.first()?[0])?;
        let base_v = nodes.iter().find(|n| n.bus == node.bus && n.number == node.number)?.base_v;
        let z_pu = Complex::new(own.setting.z_ohm[0], own.setting.z_ohm[1]) * BASE_VA / (base_v * base_v);
        let diagonal = |k: usize| if k.is_multiple_of(MOST_PHASES + 1) { z_pu } else { Complex::default() };
        let settings = Settings {
            v_pu: own.setting.v_pu,
            angle_rad: own.setting.angle_deg.to_radians(),
            hold: u32::try_from(own.hold).unwrap_or(u32::MAX),
            timeout: own.timeout,
            z_pu: (0..MOST_PHASES * MOST_PHASES).map(diagonal).collect(),
            ..Settings::default()
        };
        Some(Self {
            gate: TieGate::new(settings)?,
            branch: own.branch,
            sides: own.sides.clone(),
            reference: own.reference.clone(),
            follower: own.follower,
            from: own.from,
            closed: false,
            refusal: f64::NAN,
            base_a: BASE_VA / base_v,
        })
    }

    fn look(&mut self, tick: Tick, equipment: &Equipment, phasors: &mut Phasors) {
        if self.closed {
            return;
        }
        let [one, other] = [0, 1].map(|k| seen(&self.sides[k], &self.reference, equipment));
        let side = |(measured, age, synchronised): &'_ Seen| (*measured, *age, *synchronised);
        let ((a, a_age, a_sync), (b, b_age, b_sync)) = (side(&one), side(&other));
        let sides = [
            Side { measured: &a, age: a_age, synchronised: a_sync },
            Side { measured: &b, age: b_age, synchronised: b_sync },
        ];
        let wanted = tick.0 >= self.from;
        self.refusal = self.gate.step(tick, &sides, wanted).map_or_else(|why| f64::from(why.code()), |()| 0.0);
        if let (Some(follower), Some(target), true) = (self.follower, self.gate.target(), wanted) {
            let v_pu = std::array::from_fn(|k| target[k]);
            let angle_deg = std::array::from_fn(|k| target[MOST_PHASES + k].to_degrees());
            phasors.set_target(follower, Some(v_pu), Some(angle_deg));
        }
    }

    fn says(&self, what: Tied) -> f64 {
        let [v_pu, angle_rad] = self.gate.mismatch();
        match what {
            Tied::Closed => f64::from(u8::from(self.closed)),
            Tied::Refusal => self.refusal,
            Tied::DifferenceV => v_pu,
            Tied::DifferenceAngle => angle_rad.to_degrees(),
            Tied::Predicted => self.gate.current_pu().iter().fold(f64::NAN, |most: f64, i| most.max(*i)) * self.base_a,
        }
    }
}

/// Phasors relative to the reference, their age, and whether clocks are in step.
type Seen = ([f64; MOST_SIZE], Option<u64>, bool);

fn seen(side: &Observed, reference: &Observed, equipment: &Equipment) -> Seen {
    let mut phasors = [f64::NAN; MOST_SIZE];
    let (mut age, mut synchronised) = (0, true);
    let (Some(own), Some(firm)) = (equipment.reading(side.instrument), equipment.reading(reference.instrument)) else {
        return (phasors, None, false);
    };
    for (k, (&[v, angle], &[_, zero])) in side.channels.iter().zip(&reference.channels).enumerate().take(MOST_PHASES) {
        let (v, angle, zero) = (own.get(v), own.get(angle), firm.get(zero));
        if v.valid && angle.valid && zero.valid {
            phasors[k] = v.value;
            phasors[MOST_PHASES + k] = wrapped_deg(angle.value - zero.value).to_radians();
        }
        age = age.max(v.age).max(angle.age).max(zero.age);
    }
    for (observed, frame) in [(side, own), (reference, firm)] {
        synchronised &= observed.sync.is_none_or(|sync| frame.get(sync).value != 0.0);
    }
    (phasors, Some(age).filter(|_| own.sequence > 0 && firm.sequence > 0), synchronised)
}
