//! What each rung does to the commands, and within which bounds.

use super::{Mitigation, Refusal, Rung, place};
use crate::quantity::{Complex, complex};
use crate::signal::{Compensation, Decision, HarmonicCommand, OrderVerdict, Verdict};

/// A switching frequency must be above so many times the resonance of the filter.
const OVER_RESONANCE: f64 = 2.0;

impl Mitigation {
    /// Takes a rung; the unit that it is about where it is one. Refused, it leaves the commands as they are.
    pub(super) fn take(&mut self, rung: Rung, verdict: &Verdict) -> Result<Option<usize>, Refusal> {
        let noisy = verdict.noisiest.filter(|unit| *unit < self.commands.len());
        match rung {
            Rung::Carrier => self.move_carriers(self.settings.carrier_factors[0], noisy),
            // Of two that had an effect the first stays: they are the same knob.
            Rung::OtherCarrier if self.active(Rung::Carrier) => Err(Refusal::NotOffered),
            Rung::OtherCarrier => self.move_carriers(self.settings.carrier_factors[1], noisy),
            Rung::Interleave => self.interleave(),
            Rung::Compensate => self.begin_compensation(verdict),
            Rung::Damp => self.damp(verdict),
            Rung::Curtail => self.order_noisy(noisy, |u| u.curtailable, |c, pu| c.p_limit_pu = pu),
            Rung::Disconnect => self.order_noisy(noisy, |u| u.disconnectable, |c, _| c.connected = false),
            Rung::Alarm => Ok(None),
        }
    }

    /// Takes a rung back: what it has changed is as before it, and what other rungs have changed stays.
    pub(super) fn undo(&mut self, rung: Rung) {
        self.taken[place(rung)].active = false;
        let before = &self.before[place(rung)];
        for (command, before) in self.commands.iter_mut().zip(before) {
            match rung {
                Rung::Carrier | Rung::OtherCarrier => command.carrier_hz = before.carrier_hz,
                Rung::Interleave => command.interleave = before.interleave,
                Rung::Compensate => clear(command, |place| place.current_a = [complex(0.0, 0.0); 3]),
                Rung::Damp => clear(command, |place| place.conductance_s = 0.0),
                Rung::Curtail => command.p_limit_pu = before.p_limit_pu,
                Rung::Disconnect => command.connected = before.connected,
                Rung::Alarm => {}
            }
        }
    }

    /// Moves the switching frequency of the noisy unit, or of all where none stands out.
    fn move_carriers(&mut self, factor: f64, noisy: Option<usize>) -> Result<Option<usize>, Refusal> {
        let mut refusal = Err(Refusal::NotOffered);
        let mut moved = false;
        for (k, (command, unit)) in self.commands.iter_mut().zip(&self.settings.units).enumerate() {
            let [low, high] = unit.carrier_bounds_hz;
            if noisy.is_some_and(|noisy| noisy != k) || low >= high {
                continue;
            }
            let carrier_hz = factor * unit.carrier_hz;
            if !(low..=high).contains(&carrier_hz) {
                refusal = Err(Refusal::OutOfBounds);
            } else if carrier_hz < OVER_RESONANCE * unit.resonance_hz {
                refusal = Err(Refusal::NearResonance);
            } else {
                (command.carrier_hz, moved) = (carrier_hz, true);
            }
        }
        if moved { Ok(noisy) } else { refusal }
    }

    fn interleave(&mut self) -> Result<Option<usize>, Refusal> {
        let units = self.commands.iter_mut().zip(&self.settings.units).filter(|(_, unit)| unit.interleave > 1);
        let count = units.map(|(command, unit)| command.interleave = unit.interleave).count();
        if count > 0 { Ok(None) } else { Err(Refusal::NotOffered) }
    }

    fn order_noisy(
        &mut self,
        noisy: Option<usize>,
        may: impl Fn(&super::Unit) -> bool,
        order: impl Fn(&mut HarmonicCommand, f64),
    ) -> Result<Option<usize>, Refusal> {
        let unit = noisy.ok_or(Refusal::NoNoisyUnit)?;
        let offered = self.settings.units.get(unit).is_some_and(may);
        let command = self.commands.get_mut(unit).filter(|_| offered).ok_or(Refusal::NotOffered)?;
        order(command, self.settings.curtail_pu);
        Ok(noisy)
    }

    /// Whether an order's voltage can be compensated: its impedance is known well enough in every phase that has one.
    fn known(order: &OrderVerdict, most_uncertain: f64) -> bool {
        let mut phases = order.phases.iter().filter(|p| p.v_v.norm_sqr() > 0.0).peekable();
        let some = phases.peek().is_some();
        order.decision == Decision::Fleet && some && phases.all(|p| p.z_sd_ohm <= most_uncertain * p.z_ohm.norm())
    }

    /// Gives the worst orders of the fleet their places in the commands; the currents come by [`Mitigation::regulate`].
    fn begin_compensation(&mut self, verdict: &Verdict) -> Result<Option<usize>, Refusal> {
        if self.settings.units.iter().all(|unit| unit.headroom_a <= 0.0) {
            return Err(Refusal::NoHeadroom);
        }
        let (mut any, most) = (false, self.settings.most_uncertain);
        for order in worst(verdict) {
            any |= Self::known(order, most) && self.commands.iter_mut().all(|c| reserve(c, order.order).is_some());
        }
        if any { Ok(None) } else { Err(Refusal::ImpedanceUncertain) }
    }

    fn damp(&mut self, verdict: &Verdict) -> Result<Option<usize>, Refusal> {
        let mut any = false;
        for order in worst(verdict).filter(|order| order.decision == Decision::Fleet) {
            for (command, unit) in self.commands.iter_mut().zip(&self.settings.units) {
                if unit.conductance_s > 0.0
                    && let Some(place) = reserve(command, order.order)
                {
                    place.conductance_s = unit.conductance_s;
                    any = true;
                }
            }
        }
        if any { Ok(None) } else { Err(Refusal::NotOffered) }
    }

    /// One step of the compensation, I ← I − µ·Ẑ⁻¹·V at each order, shared among the units by their headroom and within
    /// it. It goes on only while the order is the fleet's; otherwise the currents stay.
    pub(super) fn regulate(&mut self, verdict: &Verdict) {
        if !self.taken[place(Rung::Compensate)].active {
            return;
        }
        let headroom: f64 = self.settings.units.iter().map(|unit| unit.headroom_a).sum();
        let most = self.settings.most_uncertain;
        for order in verdict.orders.iter().filter(|order| Self::known(order, most)) {
            for (command, unit) in self.commands.iter_mut().zip(&self.settings.units) {
                let part = if headroom > 0.0 { unit.headroom_a / headroom } else { 0.0 };
                let Some(own) = command.compensation.iter_mut().find(|c| c.order == order.order) else { continue };
                for (current, phase) in own.current_a.iter_mut().zip(&order.phases) {
                    let step = phase.v_v / phase.z_ohm * (self.settings.gain * part);
                    *current -= if step.is_finite() { step } else { complex(0.0, 0.0) };
                }
            }
        }
        for (command, unit) in self.commands.iter_mut().zip(&self.settings.units) {
            bound(command, unit.headroom_a);
        }
    }
}

/// The verdict's worst orders, each once.
fn worst(verdict: &Verdict) -> impl Iterator<Item = &OrderVerdict> {
    let count = verdict.worst.len().min(verdict.orders.len());
    verdict.worst.iter().take(count).filter_map(|k| verdict.orders.get(*k))
}

/// The place of an order in a command, taken if it has none; `None` when all are taken.
fn reserve(command: &mut HarmonicCommand, order: u8) -> Option<&mut Compensation> {
    let places = &command.compensation;
    let own = places.iter().position(|c| c.order == order).or_else(|| places.iter().position(|c| c.order == 0))?;
    let place = command.compensation.get_mut(own)?;
    place.order = order;
    Some(place)
}

/// Clears something in all places, and frees those in which nothing is left.
fn clear(command: &mut HarmonicCommand, what: impl Fn(&mut Compensation)) {
    for place in &mut command.compensation {
        what(place);
        if place.conductance_s == 0.0 && place.current_a.iter().all(|i| i.norm_sqr() == 0.0) {
            *place = Compensation::NONE;
        }
    }
}

/// Scales the currents of each phase down to what is left: √(Σ|I_h|²) ≤ headroom.
fn bound(command: &mut HarmonicCommand, headroom_a: f64) {
    for phase in 0..3 {
        let total = command.compensation.iter().map(|c| c.current_a[phase].norm_sqr()).sum::<f64>().sqrt();
        if total > headroom_a {
            let scale = if total > 0.0 { headroom_a / total } else { 0.0 };
            let currents = command.compensation.iter_mut().map(|c| &mut c.current_a[phase]);
            currents.for_each(|current: &mut Complex| *current *= scale);
        }
    }
}
