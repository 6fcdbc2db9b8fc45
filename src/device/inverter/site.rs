//! A number of equal inverters at one bus.

use super::cohort::{Cohorts, Scratch, Terminal};
use super::command::{Carriers, Command, Commands, Outcome, Refusal, Which};
use super::extra::{Extra, Headroom, Probe};
use super::ride_through::{Service, Watch};
use super::settings::{Settings, SettingsError};
use super::sidebands::{Component, Operating, Sidebands};
use super::support::{Seen, Support};
use super::unit::Unit;
use crate::device::DeadTime;
use crate::device::emission::Spectrum;
use crate::device::emission::pwm::Converter;
use crate::quantity::{Complex, complex};
use crate::signal::Norton;

/// Voltage per unit below which nothing is emitted.
const DEAD_PU: f64 = 0.05;
/// Change of frequency in Hz after which admittances are computed anew.
const TUNE_HZ: f64 = 0.01;

/// The fundamental at the bus, phase by phase.
#[derive(Clone, Copy, Debug)]
pub struct Fundamental<'a> {
    /// Voltages in V, RMS phasors to neutral.
    pub v_v: &'a [Complex],
    /// Currents in A that the plant took for this site, into the network; `None` where they are those of the powers.
    pub i_a: Option<&'a [Complex]>,
    /// Frequency in Hz.
    pub f_hz: f64,
}

/// What a site feeds in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Complex power P + jQ by phase of the bus in VA.
    pub s_va: [Complex; 3],
    /// Whether it is in service.
    pub service: Service,
}

impl Power {
    /// Active power in W and reactive power in var of all phases.
    pub fn total(&self) -> [f64; 2] {
        let sum: Complex = self.s_va.iter().sum();
        [sum.re, sum.im]
    }
}

/// Something that breaks, or is mended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Off at once; back, it begins at 0.
    Lost(bool),
    /// It holds its power, deaf to set-points and functions.
    Stuck(bool),
    /// Its harmonic source is larger by a factor; 1 mends it.
    Noisy(f64),
}

/// Active power in W and reactive power in var of each phase of the bus.
pub type ByPhase = [[f64; 2]; 3];

/// A site at work.
#[derive(Clone, Debug)]
pub struct Site {
    settings: Settings,
    converter: Converter,
    units: Vec<Unit>,
    support: Support,
    watch: Watch,
    service: Service,
    waiting: DeadTime<ByPhase>,
    now: u64,
    cohorts: Cohorts,
    scratch: Scratch,
    sidebands: Sidebands,
    extra: Extra,
    tuned_hz: f64,
    terminals: [Terminal; 3],
    live: usize,
    /// Share of the units on each phase in a set-point of all; 0 where units have three phases.
    phase_shares: [f64; 3],
}

impl Site {
    /// A site at rest.
    ///
    /// # Errors
    /// When its settings are not possible.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let (unit, ratio) = (&settings.unit, settings.ratio());
        let converter = unit.converter;
        let spectrum =
            Spectrum::new(&settings.emission, &converter, &settings.multiples, settings.nominal_hz, unit.rated_a());
        let part = part(1, settings.count);
        let units = (0..settings.count)
            .map(|k| Unit::new(unit, settings.shares.get(k).copied().unwrap_or(part), settings.start))
            .collect();
        let functions = settings.functions.clone();
        let (nominal_hz, step_s) = (settings.nominal_hz, settings.step_s);
        let watch = Watch::new(functions.ride_through.clone(), functions.enter_service, nominal_hz, step_s);
        let delay = delay_steps(unit.dead_time_s, step_s);
        let none = Terminal { v_v: complex(0.0, 0.0), correction: complex(1.0, 0.0), live: false };
        let mut own = Self {
            converter,
            units,
            support: Support::new(functions, nominal_hz, step_s),
            watch,
            service: Service::Running,
            waiting: DeadTime::new(delay, [[0.0; 2]; 3]),
            now: 0,
            cohorts: Cohorts::new(&settings, &spectrum),
            extra: Extra::new(spectrum.orders().len()),
            scratch: Scratch::new(spectrum, ratio),
            sidebands: Sidebands::new(&settings),
            tuned_hz: nominal_hz,
            terminals: [none; 3],
            live: 0,
            phase_shares: [0.0; 3],
            settings,
        };
        own.weigh_phases();
        let start = own.by_phase(own.settings.start);
        own.waiting = DeadTime::new(delay, start);
        own.sidebands.tune(&own.converter, nominal_hz);
        Ok(own)
    }

    /// What it was made of.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its units, for their powers, states of charge and gains.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The converter of each unit as it is now.
    pub const fn converter(&self) -> &Converter {
        &self.converter
    }

    /// Frequencies of its Norton equivalents by order; `None` for those that are none.
    pub fn orders(&self) -> &[Option<u32>] {
        self.scratch.spectrum.orders()
    }

    /// How its carriers stand to each other.
    pub const fn carriers(&self) -> Carriers {
        self.sidebands.carriers()
    }

    /// Part of the compensation, conductance and probe asked for that there was headroom for.
    pub const fn compensation_scale(&self) -> f64 {
        self.extra.scale()
    }

    /// Rated power of all units in VA.
    pub fn s_va(&self) -> f64 {
        part(self.settings.count, 1) * self.settings.unit.s_va
    }

    /// Mean state of charge of the units.
    pub fn soc(&self) -> Option<f64> {
        let sum = self.units.iter().map(Unit::soc).sum::<Option<f64>>()?;
        Some(sum / part(self.units.len(), 1))
    }

    /// Energy that all units store in Wh.
    pub fn energy_wh(&self) -> Option<f64> {
        self.units.iter().map(Unit::energy_wh).sum()
    }

    /// Active power in W, all units together, that every battery can follow for `h_s` seconds: the most that is charged (not
    /// positive), and the most that is discharged.
    pub fn limits_w(&self, h_s: f64) -> Option<[f64; 2]> {
        let each = self.units.iter().filter_map(|unit| unit.limits_w(h_s));
        each.reduce(|[a, b], [charge, discharge]| [a.max(charge), b.min(discharge)])
    }

    /// One step: from voltages by phase in V, a frequency in Hz and a set-point in W and var for all units, to their power. A
    /// set-point that is no number counts as the one before it.
    pub fn step(&mut self, v_v: &[Complex], f_hz: f64, set_point: [f64; 2]) -> Power {
        self.step_phases(v_v, f_hz, &self.by_phase(set_point))
    }

    /// As [`Site::step`], with a set-point for each phase of the bus. Units on one phase follow its own; units on three
    /// phases, which are alike in all of them, follow the sum.
    pub fn step_phases(&mut self, v_v: &[Complex], f_hz: f64, set_points: &ByPhase) -> Power {
        self.become_noisy();
        let seen = self.seen(v_v, f_hz);
        self.service = self.watch.step(&seen);
        let [p_w, _] = self.power().total();
        let wish = self.support.step(&seen, p_w / self.s_va());
        self.now += 1;
        let sound = set_points.iter().flatten().all(|x| x.is_finite());
        let set_points = self.waiting.pass(sound.then_some(*set_points));
        let most_pu = if let Service::Entering(part) = self.service { part } else { 1.0 };
        let (running, h_s) = (self.service.is_running(), self.settings.step_s);
        let of_all = self.of_all(&set_points);
        for (unit, member) in self.units.iter_mut().zip(self.cohorts.members()) {
            let set_point = of_all[member.phase.map_or(0, |phase| phase.min(2))];
            unit.step(set_point, &wish, running, most_pu, h_s);
        }
        self.power()
    }

    /// The power of all units as it is.
    pub fn power(&self) -> Power {
        let mut s_va = [complex(0.0, 0.0); 3];
        for (unit, member) in self.units.iter().zip(self.cohorts.members()) {
            let [p_w, q_var] = unit.output();
            match member.phase {
                Some(phase) => s_va[phase] += complex(p_w, q_var),
                None => s_va.iter_mut().for_each(|s| *s += complex(p_w, q_var) / 3.0),
            }
        }
        Power { s_va, service: self.service }
    }

    /// Gives each unit a part of the set-point from now on. As many as there are units; others are left as they are.
    pub fn set_shares(&mut self, shares: &[f64]) {
        let finite = shares.iter().map(|share| if share.is_finite() { *share } else { 0.0 });
        self.units.iter_mut().zip(finite).for_each(|(unit, share)| unit.share = share);
        self.weigh_phases();
    }

    /// Breaks or mends units.
    ///
    /// # Errors
    /// When there is no such unit, or a factor is not possible.
    pub fn break_down(&mut self, which: Which, fault: Fault) -> Result<(), Refusal> {
        if let Fault::Noisy(factor) = fault
            && !(0.0..1e6).contains(&factor)
        {
            return Err(Refusal::NotPossible(factor));
        }
        self.each(which, |unit| match fault {
            Fault::Lost(lost) => unit.lost = lost,
            Fault::Stuck(stuck) => unit.stuck = stuck,
            Fault::Noisy(factor) => unit.gain = factor,
        })
    }

    /// Applies all commands of a list and notes what became of each.
    pub fn apply_all(&mut self, commands: &mut Commands) {
        for k in 0..commands.list().len() {
            if let Some(command) = commands.get(k) {
                commands.note(k, self.apply(&command));
            }
        }
    }

    /// Applies one command.
    pub fn apply(&mut self, command: &Command) -> Outcome {
        let done = match *command {
            Command::SwitchingFrequency(f_hz) => self.switch_at(f_hz).map(|()| 1.0),
            Command::Carriers(carriers) => {
                self.arrange(carriers);
                Ok(1.0)
            }
            Command::Compensate { order, current_a } => self.compensate(order, current_a),
            Command::Conductance { order, conductance_s } => self.conduct(order, conductance_s),
            Command::Probe { which, order, current_a, negative } => {
                self.probe(which, order, if negative { -current_a } else { current_a })
            }
            Command::LimitPower { p_w, .. } if p_w.is_nan() || p_w < 0.0 => Err(Refusal::NotPossible(p_w)),
            Command::LimitPower { which, p_w } => self.each(which, |unit| unit.most_w = p_w).map(|()| 1.0),
            Command::Connect { which, on } => self.each(which, |unit| unit.connected = on).map(|()| 1.0),
        };
        match done {
            Ok(scale) if scale < 1.0 => Outcome::Reduced(scale),
            Ok(_) => Outcome::Done,
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    /// Fills a Norton equivalent at the run's frequencies from the fundamental at the bus, and the sidebands. Up to the
    /// fundamental nothing is injected and nothing conducts: the power flow has that.
    pub fn emit(&mut self, at: &Fundamental<'_>, into: &mut Norton) {
        if (at.f_hz - self.tuned_hz).abs() > TUNE_HZ && at.f_hz > 0.0 {
            self.tune(at.f_hz);
        }
        if self.cohorts.update(&self.units, self.service.is_running()) {
            self.arrange(self.sidebands.carriers());
        }
        self.take_terminals(at);
        clear(into);
        let terminals = self.terminals.get(..self.live).unwrap_or_default();
        self.cohorts.add_all(terminals, &mut self.scratch, into);
        self.finish(into, self.on_each_phase());
        self.fit_extra();
        let prober = self.extra.prober().and_then(|unit| self.cohorts.members().get(unit)).and_then(|m| m.phase);
        let towards = self.towards();
        self.extra.add(self.scratch.spectrum.orders(), &towards, prober, into);
        self.fill_sidebands();
    }

    /// Fills a Norton equivalent of one unit, as it was in the last [`Site::emit`]: without compensation and probe.
    pub fn emit_unit(&mut self, unit: usize, into: &mut Norton) {
        clear(into);
        let terminals = self.terminals.get(..self.live).unwrap_or_default();
        self.cohorts.add_one(unit, terminals, &mut self.scratch, into);
        let on = self.cohorts.members().get(unit).is_some_and(|member| member.on);
        self.finish(into, if on { 1.0 } else { 0.0 });
    }

    /// Sidebands of the switching, as of the last [`Site::emit`].
    pub fn sidebands(&self) -> &[Component] {
        self.sidebands.components()
    }
}

/// What stands behind the public steps.
impl Site {
    fn become_noisy(&mut self) {
        for noisy in self.settings.noisy.iter().filter(|noisy| noisy.from_step == self.now) {
            if let Some(unit) = self.units.get_mut(noisy.unit) {
                unit.gain = noisy.factor;
            }
        }
    }

    fn seen(&self, v_v: &[Complex], f_hz: f64) -> Seen {
        let v_pu = || v_v.iter().take(3).map(|v| v.norm() / self.settings.bus_v);
        Seen {
            v_pu: v_pu().sum::<f64>() / part(v_v.len().clamp(1, 3), 1),
            v_least_pu: v_pu().fold(f64::INFINITY, f64::min),
            v_most_pu: v_pu().fold(0.0, f64::max),
            f_hz,
        }
    }

    /// Sums up the shares of the units on each phase.
    fn weigh_phases(&mut self) {
        self.phase_shares = [0.0; 3];
        for (unit, member) in self.units.iter().zip(self.cohorts.members()) {
            if let Some(share) = member.phase.and_then(|phase| self.phase_shares.get_mut(phase)) {
                *share += unit.share;
            }
        }
    }

    /// A set-point of all units, by phase: units of one phase take their shares of it, those of three phases a third each.
    fn by_phase(&self, set_point: [f64; 2]) -> ByPhase {
        let single = self.settings.unit.phases == 1;
        let part = |phase: usize| if single { self.phase_shares[phase] } else { 1.0 / 3.0 };
        std::array::from_fn(|phase| set_point.map(|x| x * part(phase)))
    }

    /// What a set-point of all units would be, for units on each phase to take their shares of.
    fn of_all(&self, set_points: &ByPhase) -> ByPhase {
        if self.settings.unit.phases != 1 {
            return [[0, 1].map(|k| set_points.iter().map(|own| own[k]).sum()); 3];
        }
        let whole = |phase: usize| {
            let share = self.phase_shares[phase];
            set_points[phase].map(|x| if share > 0.0 { x / share } else { 0.0 })
        };
        std::array::from_fn(whole)
    }

    fn each(&mut self, which: Which, mut act: impl FnMut(&mut Unit)) -> Result<(), Refusal> {
        match which {
            Which::All => self.units.iter_mut().for_each(act),
            Which::One(k) => {
                let last = self.units.len() - 1;
                act(self.units.get_mut(k).ok_or(Refusal::NoSuchUnit { unit: k, last })?);
            }
        }
        Ok(())
    }

    fn switch_at(&mut self, f_hz: f64) -> Result<(), Refusal> {
        self.converter = self.converter.at(f_hz)?;
        self.tune(self.tuned_hz);
        Ok(())
    }

    fn tune(&mut self, f1_hz: f64) {
        self.tuned_hz = f1_hz;
        self.scratch.spectrum.tune(&self.converter, f1_hz);
        self.sidebands.tune(&self.converter, f1_hz);
    }

    fn arrange(&mut self, carriers: Carriers) {
        let members = self.cohorts.members().iter();
        self.sidebands.arrange(carriers, members.map(|member| member.on.then_some(member.phase)));
    }

    /// The place of an order among the frequencies, when the current loop can act there.
    fn place(&self, order: u32) -> Result<usize, Refusal> {
        let place = self.orders().iter().position(|own| *own == Some(order)).ok_or(Refusal::NoSuchOrder(order))?;
        let resonance_hz = self.converter.filter.resonance_hz();
        if f64::from(order) * self.tuned_hz > resonance_hz {
            return Err(Refusal::BeyondFilter { order, resonance_hz });
        }
        Ok(place)
    }

    /// The part of all compensation that fits in, after one has changed to something or nothing.
    fn accepted(&mut self, something: bool) -> Result<f64, Refusal> {
        if something && !(self.service.is_running() && self.units.iter().any(Unit::is_on)) {
            return Err(Refusal::OutOfService);
        }
        Ok(if something { self.fit_extra() } else { 1.0 })
    }

    fn compensate(&mut self, order: u32, current_a: [Complex; 3]) -> Result<f64, Refusal> {
        let place = self.place(order)?;
        if let Some(bad) = current_a.iter().find(|i| !i.is_finite()) {
            return Err(Refusal::NotPossible(bad.norm()));
        }
        let before = std::mem::replace(&mut self.extra.compensation_a[place], current_a);
        let accepted = self.accepted(current_a.iter().any(|i| i.norm_sqr() > 0.0));
        if accepted.is_err() {
            self.extra.compensation_a[place] = before;
        }
        accepted
    }

    fn conduct(&mut self, order: u32, conductance_s: f64) -> Result<f64, Refusal> {
        let place = self.place(order)?;
        if !(conductance_s.is_finite() && conductance_s >= 0.0) {
            return Err(Refusal::NotPossible(conductance_s));
        }
        let before = std::mem::replace(&mut self.extra.conductance_s[place], conductance_s);
        let accepted = self.accepted(conductance_s > 0.0);
        if accepted.is_err() {
            self.extra.conductance_s[place] = before;
        }
        accepted
    }

    fn probe(&mut self, which: Which, order: u32, current_a: f64) -> Result<f64, Refusal> {
        let place = self.place(order)?;
        if !current_a.is_finite() {
            return Err(Refusal::NotPossible(current_a));
        }
        if let Which::One(unit) = which {
            let last = self.units.len() - 1;
            let own = self.units.get(unit).ok_or(Refusal::NoSuchUnit { unit, last })?;
            if current_a != 0.0 && !own.is_on() {
                return Err(Refusal::OutOfService);
            }
        }
        let before = std::mem::replace(&mut self.extra.probe[place], Probe { which, current_a });
        let accepted = self.accepted(current_a != 0.0);
        if accepted.is_err() {
            self.extra.probe[place] = before;
        }
        accepted
    }

    fn take_terminals(&mut self, at: &Fundamental<'_>) {
        self.live = at.v_v.len().min(self.settings.phases);
        let power = self.power().s_va;
        for (p, (terminal, v)) in self.terminals.iter_mut().zip(at.v_v).enumerate() {
            terminal.v_v = *v;
            terminal.live = v.norm() > DEAD_PU * self.settings.bus_v;
            let nominal = power[p].conj() / v.conj();
            let taken = at.i_a.and_then(|i| i.get(p)).filter(|i| i.is_finite());
            let real = nominal.norm() * self.settings.bus_v > 1e-6 * self.settings.unit.s_va;
            terminal.correction = match taken {
                Some(i) if terminal.live && real => i / nominal,
                _ => complex(1.0, 0.0),
            };
        }
    }

    /// Units on each phase, on the average.
    fn on_each_phase(&self) -> f64 {
        let on = part(self.cohorts.members().iter().filter(|member| member.on).count(), 1);
        if self.settings.unit.phases == 1 { on / part(self.settings.phases, 1) } else { on }
    }

    /// Takes zero sequence out where there is no neutral, and adds the admittance of so many units.
    fn finish(&self, into: &mut Norton, units: f64) {
        let ratio = self.settings.ratio();
        let whole = self.settings.unit.three_wire && self.settings.unit.phases == 3 && into.phases() == 3;
        for k in 0..into.frequencies() {
            if whole {
                let currents = into.current_a_mut(k);
                let mean = currents.iter().sum::<Complex>() / 3.0;
                currents.iter_mut().for_each(|i| *i -= mean);
            }
        }
        let own = self.scratch.spectrum.admittance_s();
        into.admittance_s_mut().iter_mut().zip(own).for_each(|(y, own)| *y = own * (units / (ratio * ratio)));
    }

    /// Unit phasors of the voltages, 0 where there is none.
    fn towards(&self) -> [Complex; 3] {
        let mut towards = [complex(0.0, 0.0); 3];
        for (own, terminal) in towards.iter_mut().zip(self.terminals.iter().take(self.live).filter(|t| t.live)) {
            *own = terminal.v_v / terminal.v_v.norm();
        }
        towards
    }

    /// Fits what is asked for into what the ratings leave, at the voltages of the last [`Site::emit`], or nominal ones.
    fn fit_extra(&mut self) -> f64 {
        if self.extra.is_idle() {
            return 1.0;
        }
        let mut v_v = [self.settings.bus_v; 3];
        for (v, terminal) in v_v.iter_mut().zip(self.terminals.iter().take(self.live)) {
            *v = if terminal.live { terminal.v_v.norm() } else { 0.0 };
        }
        let (running, members) = (self.service.is_running(), self.cohorts.members());
        let mut headroom = Headroom { all_a: [0.0; 3], one_a: None };
        let prober = self.extra.prober();
        for (k, (unit, member)) in self.units.iter().zip(members).enumerate().filter(|_| running) {
            let part_va = unit.headroom_va() / if member.phase.is_some() { 1.0 } else { 3.0 };
            let mut own = [f64::INFINITY; 3];
            for (p, v) in v_v.iter().enumerate().filter(|(p, v)| **v > 0.0 && member.phase.is_none_or(|own| own == *p))
            {
                own[p] = part_va / v;
                headroom.all_a[p] += own[p];
            }
            if prober == Some(k) {
                headroom.one_a = Some(own);
            }
        }
        self.extra.fit(&headroom, v_v.get(..self.settings.phases).unwrap_or_default())
    }

    fn fill_sidebands(&mut self) {
        if self.sidebands.components().is_empty() {
            return;
        }
        let (ratio, on) = (self.settings.ratio(), self.on_each_phase());
        let power = self.power().s_va;
        let mut phases = [None; 3];
        for (p, own) in phases.iter_mut().enumerate().take(self.live) {
            let terminal = &self.terminals[p];
            if terminal.live && on > 0.0 {
                let current = power[p].conj() / terminal.v_v.conj() * terminal.correction;
                *own = Some(Operating { v_v: terminal.v_v / ratio, current_a: current * (ratio / on) });
            }
        }
        self.sidebands.fill(&self.converter, self.tuned_hz, &phases, ratio, on);
    }
}

fn clear(into: &mut Norton) {
    let zero = complex(0.0, 0.0);
    (0..into.frequencies()).for_each(|k| into.current_a_mut(k).fill(zero));
    into.admittance_s_mut().fill(zero);
}

/// Steps that a dead time is, rounded.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held to a small range")]
fn delay_steps(dead_time_s: f64, step_s: f64) -> usize {
    (dead_time_s / step_s).round().clamp(0.0, 1e6) as usize
}

#[allow(clippy::cast_precision_loss, reason = "counts of units")]
fn part(k: usize, of: usize) -> f64 {
    k as f64 / of as f64
}

#[cfg(test)]
mod tests;
