//! The vector sum of many units' emissions, by cohorts: units of one model on the same phases with the same power differ by
//! constant factors only, so that a step costs as much as there are cohorts, not units.
//!
//! I_h = Σ_cohorts s_h(|I|)·e^{jhθ}·Σ_units g_u·a_u·e^{jψ_{u,h}}, with a_u and ψ_{u,h} by the seed and g_u the unit's gain.
//! Cohorts are made anew when a unit's power, state or gain leaves them; while all units move together they stay.

use super::settings::Settings;
use super::unit::Unit;
use crate::device::emission::{Reference, Spectrum};
use crate::quantity::{Complex, Noise, complex, phasor};
use crate::signal::Norton;

/// What one unit is to the sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Which table.
    pub model: usize,
    /// Its phase; `None` is all three.
    pub phase: Option<usize>,
    /// Whether it emits.
    pub on: bool,
    power: [f64; 2],
    gain: f64,
}

/// Units that differ by constant factors.
#[derive(Clone, Copy, Debug)]
struct Cohort {
    /// One of them.
    unit: usize,
}

/// The units of a site as a source of harmonics.
#[derive(Clone, Debug)]
pub struct Cohorts {
    members: Vec<Member>,
    /// a_u·e^{jψ} of each unit, by active frequency within it.
    factor: Vec<Complex>,
    /// Units, in the order in which they are grouped.
    order: Vec<usize>,
    /// Cohort of each unit; `usize::MAX` for one that is off.
    cohort: Vec<usize>,
    cohorts: Vec<Cohort>,
    /// Sum of factors of each cohort, by active frequency within it.
    sum: Vec<Complex>,
    width: usize,
}

/// One phase's fundamental, at the units' side: voltage in V; whether there is any.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Voltage at the bus.
    pub v_v: Complex,
    /// Current in A at the bus for each VA of a unit's conjugate power in this phase, over what `v_v` says: 1 unless the plant
    /// took other currents.
    pub correction: Complex,
    /// Whether the voltage is enough to emit anything.
    pub live: bool,
}

impl Cohorts {
    /// The units of a site, with factors by its seed.
    pub fn new(settings: &Settings, spectrum: &Spectrum) -> Self {
        let (count, width) = (settings.count, spectrum.active().len());
        let model = Noise::new(settings.seed, &format!("{}.model", settings.name));
        let models = spectrum.models();
        let member = |unit: usize| Member {
            model: (model.bits(unit as u64) % models as u64) as usize,
            phase: (settings.unit.phases == 1).then_some(unit % settings.phases),
            on: false,
            power: [0.0; 2],
            gain: 1.0,
        };
        let members: Vec<Member> = (0..count).map(member).collect();
        let factor =
            members.iter().enumerate().flat_map(|(unit, m)| factors(settings, spectrum, unit, m.model)).collect();
        Self {
            factor,
            members,
            order: (0..count).collect(),
            cohort: vec![usize::MAX; count],
            cohorts: Vec::with_capacity(count),
            sum: vec![complex(0.0, 0.0); count * width],
            width,
        }
    }

    /// What each unit is to the sum.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Takes over the units' state; whether the set of those that emit has changed.
    pub fn update(&mut self, units: &[Unit], running: bool) -> bool {
        let (mut moved, mut switched) = (false, false);
        for (unit, member) in units.iter().zip(&mut self.members) {
            let on = running && unit.is_on();
            switched |= on != member.on;
            moved |= unit.gain() != member.gain;
            (member.on, member.gain, member.power) = (on, unit.gain(), unit.output());
        }
        let apart = |(unit, member): (usize, &Member)| {
            let own = self.cohort.get(unit).and_then(|c| self.cohorts.get(*c));
            member.on && own.and_then(|c| self.members.get(c.unit)).is_none_or(|rep| rep.power != member.power)
        };
        if moved || switched || self.members.iter().enumerate().any(apart) {
            self.regroup();
        }
        switched
    }

    fn regroup(&mut self) {
        let Self { members, order, cohorts, cohort, sum, factor, width } = self;
        let key = |unit: usize| {
            let m = &members[unit];
            (m.model, m.phase, m.power[0].to_bits(), m.power[1].to_bits())
        };
        order.sort_unstable_by_key(|&unit| (key(unit), unit));
        cohorts.clear();
        cohort.fill(usize::MAX);
        for &unit in order.iter().filter(|unit| members[**unit].on) {
            if cohorts.last().is_none_or(|last| key(last.unit) != key(unit)) {
                let from = cohorts.len() * *width;
                sum[from..from + *width].fill(complex(0.0, 0.0));
                cohorts.push(Cohort { unit });
            }
            let last = cohorts.len() - 1;
            cohort[unit] = last;
            let own = &factor[unit * *width..(unit + 1) * *width];
            let gain = members[unit].gain;
            sum[last * *width..].iter_mut().zip(own).for_each(|(s, f)| *s += f * gain);
        }
    }

    /// Adds the currents of all units to a Norton equivalent.
    pub fn add_all(&self, terminals: &[Terminal], scratch: &mut Scratch, into: &mut Norton) {
        for (k, cohort) in self.cohorts.iter().enumerate() {
            let sum = &self.sum[k * self.width..(k + 1) * self.width];
            scratch.add(&self.members[cohort.unit], sum, 1.0, terminals);
        }
        scratch.flush(into);
    }

    /// Adds the currents of one unit.
    pub fn add_one(&self, unit: usize, terminals: &[Terminal], scratch: &mut Scratch, into: &mut Norton) {
        if let Some(member) = self.members.get(unit).filter(|member| member.on) {
            let own = &self.factor[unit * self.width..(unit + 1) * self.width];
            scratch.add(member, own, member.gain, terminals);
        }
        scratch.flush(into);
    }
}

/// A unit's factors by frequency: one size, an angle for each; any angle where a table has none.
fn factors(settings: &Settings, spectrum: &Spectrum, unit: usize, model: usize) -> Vec<Complex> {
    let noise = |what: &str| Noise::new(settings.seed, &format!("{}.{what}", settings.name));
    let (size, angle, free) = (noise("size"), noise("angle"), noise("free_angle"));
    let size_pu = (1.0 + settings.spread.size_pu * size.normal(unit as u64)).max(0.0);
    let at = |(active, &(_, order)): (usize, &(usize, u32))| {
        // An order's numbers do not depend on which others there are.
        let index = unit as u64 * 1_000_000 + u64::from(order);
        match spectrum.is_free(model, active) {
            true => phasor(size_pu, 360.0 * free.uniform(index)),
            false => phasor(size_pu, settings.spread.angle_deg * angle.normal(index)),
        }
    };
    spectrum.active().iter().enumerate().map(at).collect()
}

/// The spectrum with room for a step's work.
#[derive(Clone, Debug)]
pub struct Scratch {
    pub spectrum: Spectrum,
    /// Currents of a unit by active frequency.
    line: Vec<Complex>,
    /// Powers of a unit phasor, by order.
    turns: Vec<Complex>,
    /// What has been added, by phase and active frequency.
    added: [Vec<Complex>; 3],
    ratio: f64,
}

impl Scratch {
    /// Room for a spectrum, behind a transformer of a ratio.
    pub fn new(spectrum: Spectrum, ratio: f64) -> Self {
        let highest = spectrum.active().iter().map(|(_, order)| *order as usize).max().unwrap_or(1);
        let line = vec![complex(0.0, 0.0); spectrum.active().len()];
        let added = [line.clone(), line.clone(), line.clone()];
        Self { line, turns: vec![complex(0.0, 0.0); highest + 1], added, ratio, spectrum }
    }

    /// Adds s_h·e^{jhθ}·weight_h·gain in the phases of a member.
    fn add(&mut self, member: &Member, weight: &[Complex], gain: f64, terminals: &[Terminal]) {
        let parts = if member.phase.is_some() { 1.0 } else { 3.0 };
        let power = complex(member.power[0], -member.power[1]) / parts;
        let (mut known_a, reference) = (f64::NEG_INFINITY, self.spectrum.reference(member.model));
        for (p, terminal) in terminals.iter().enumerate() {
            if !terminal.live || member.phase.is_some_and(|own| own != p) {
                continue;
            }
            let current = power / terminal.v_v.conj() * terminal.correction;
            let current_a = current.norm();
            // Phases that differ by rounding share a line.
            if (current_a - known_a).abs() > 1e-12 * known_a {
                self.spectrum.at(member.model, current_a * self.ratio, &mut self.line);
                known_a = current_a;
            }
            let towards = match reference {
                Reference::Current if current_a > 0.0 => current / current_a,
                Reference::Current => continue,
                Reference::Voltage => terminal.v_v / terminal.v_v.norm(),
            };
            self.turn(towards);
            self.put(p, weight, gain / self.ratio);
        }
    }

    fn turn(&mut self, by: Complex) {
        let mut here = complex(1.0, 0.0);
        for turn in &mut self.turns {
            *turn = here;
            here *= by;
        }
    }

    fn put(&mut self, phase: usize, weight: &[Complex], gain: f64) {
        let Some(added) = self.added.get_mut(phase) else { return };
        let each = added.iter_mut().zip(&self.line).zip(weight).zip(self.spectrum.active());
        for (((own, line), weight), (_, order)) in each {
            if let Some(turn) = self.turns.get(*order as usize) {
                *own += line * weight * (turn * gain);
            }
        }
    }

    /// Moves what has been added to a Norton equivalent.
    fn flush(&mut self, into: &mut Norton) {
        for (p, added) in self.added.iter_mut().enumerate() {
            for (own, (place, _)) in added.iter_mut().zip(self.spectrum.active()) {
                if let Some(current) = into.current_a_mut(*place).get_mut(p) {
                    *current += *own;
                }
                *own = complex(0.0, 0.0);
            }
        }
    }
}
