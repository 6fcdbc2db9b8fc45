//! Checks of phasor data at work: what PMUs and a meter say is put together by the time at which they measured, and
//! compared with what the check's own network would say, as that stood then.
//!
//! The network is the scenario's feeder, or a file of the check's own, with its loads at their nominal power times the
//! multiplier and profile of that time. Not known are the power at each node of a load or actuator, beyond what is expected of it
//! with its uncertainty, and the magnitude of the sources. Taps, switches and what devices inject are reported without
//! fail. Loads that events add are nowhere expected: their buses should be `unknown`.
//!
//! A verdict reaches L-PBCs in the same tick: both run in one computer.

mod examine;
mod setup;

pub(super) use examine::examine;

use super::equipment::Equipment;
use super::grid::SetupError;
use super::model::{GridModel, ModelSettings};
use super::phasor::Phasors;
use super::plant::Plant;
use super::supervisory::{refused, switches};
use crate::control::phasor::supervise::consistency::{Aligned, Consistency, Network, Settings};
use crate::control::phasor::supervise::failsafe::Tampered;
use crate::control::phasor::supervise::tamper::{self, Verdict};
use crate::control::supervisory::{Conditions, NetworkModel, State};
use crate::feeder::Feeder;
use crate::quantity::{Complex, Step, Tick};
use crate::scenario::{self, Branch, Checked, Course, Measure, Plan};
use crate::signal::Frame;
use setup::{Places, describe, direction, observed, phases, suspects};

/// Most nodes whose power is not known: the estimate's matrices are dense, and are gone through in every step.
const MOST_NODES: usize = 200;

/// All checks of a plan.
pub(super) struct Checks {
    checks: Vec<Check>,
    /// Places in the row that they fill.
    said: Vec<(usize, usize, Checked)>,
    step: Step,
    start_s: f64,
    /// Whether each line of the feeder is open.
    open: Vec<bool>,
}

/// What may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspect {
    /// All angles of a PMU.
    Clock(usize),
    /// One angle of a PMU.
    Angle(usize, usize),
    /// One magnitude of a PMU.
    Magnitude(usize, usize),
    /// Active or reactive power of the meter.
    Power(usize),
}

struct Check {
    test: Consistency,
    network: Own,
    aligned: Aligned,
    setting: scenario::Consistency,
    suspects: Vec<Suspect>,
    /// Tick of the last reading of each instrument that was taken in.
    seen: Vec<Option<u64>>,
    course: Option<Course>,
    switches: Vec<usize>,
    /// Device, phase and state of all that is reported.
    devices: Vec<(usize, usize, usize)>,
    expected: Vec<f64>,
    /// L-PBCs with their instruments: performance, then reference.
    trusting: Vec<(usize, [usize; 2])>,
    phases: Vec<Vec<usize>>,
}

/// The check's own network.
struct Own {
    model: GridModel,
    conditions: Conditions,
    state: State,
    /// Places of the nodes that PMUs measure, one PMU after the other.
    nodes: Vec<Vec<usize>>,
    power: bool,
}

impl Own {
    /// As the network stands at the start.
    fn new(
        plan: &Plan,
        own: &scenario::Consistency,
        feeder: &Feeder,
        places: &Places,
        switches: &[usize],
    ) -> Result<Self, String> {
        let settings = ModelSettings {
            actuators: places.names.clone(),
            head: own.meter.as_ref().and_then(|meter| meter.element.clone()),
            switches: switches.iter().filter_map(|k| Some(plan.feeder.lines.get_index(*k)?.0.clone())).collect(),
            losses: false,
            loading: false,
            ..ModelSettings::new(&[], places.base_va)
        };
        let model = GridModel::new(feeder, &settings).map_err(|error| error.to_string())?;
        let nodes = observed(plan, own, &model)?;
        let course = own.profile.and_then(|profile| plan.shapes.get(profile));
        let factor = course.map_or(1.0, |course| course.at(plan.start_s).p);
        let conditions = Conditions { load_multiplier: plan.load_multiplier * factor, ..Conditions::default() };
        Ok(Self { model, conditions, state: State::default(), nodes, power: own.meter.is_some() })
    }
}

impl Network for Own {
    /// States are the sources' magnitude, then active and reactive powers; channels the magnitudes and angles of each PMU,
    /// then the power, all per unit.
    fn predict(&mut self, states: &[f64], channels: &mut [f64]) -> bool {
        let Some((source_pu, powers)) = states.split_first() else { return false };
        self.conditions.source_pu = *source_pu;
        self.model.set_conditions(&self.conditions);
        if !self.model.solve(powers, &mut self.state) {
            return false;
        }
        let mut said = channels.iter_mut();
        for pmu in &self.nodes {
            let phasors = || pmu.iter().map(|place| self.state.v_pu.get(*place).copied().unwrap_or_default());
            let values = phasors().map(|v| v.norm()).chain(phasors().map(|v| v.arg()));
            said.by_ref().zip(values.take(2 * pmu.len())).for_each(|(own, value)| *own = value);
        }
        let head: Complex = self.state.head_pu.iter().sum();
        said.zip([head.re, head.im]).for_each(|(own, value)| *own = value);
        true
    }
}

impl Checks {
    pub(super) fn new(plan: &Plan) -> Result<Self, SetupError> {
        let own = |own: &scenario::Consistency| Check::new(plan, own).map_err(|error| refused(&own.name, &error));
        let said = |(row, quantity): (usize, &scenario::Quantity)| match quantity.measure {
            Measure::Checked(place, what) => Some((row, place, what)),
            _ => None,
        };
        Ok(Self {
            checks: plan.equipment.checks.iter().map(own).collect::<Result<_, _>>()?,
            said: plan.quantities.iter().enumerate().filter_map(said).collect(),
            step: plan.step,
            start_s: plan.start_s,
            open: plan.feeder.lines.values().map(|line| line.open).collect(),
        })
    }

    /// A branch is open or closed from now on.
    pub(super) fn switched(&mut self, branch: Branch, open: bool) {
        if let Branch::Line(line) = branch
            && let Some(own) = self.open.get_mut(line)
        {
            *own = open;
        }
    }

    /// Once a tick is solved and instruments have looked at it: what they say is compared, and L-PBCs are told.
    pub(super) fn look(
        &mut self,
        tick: Tick,
        equipment: &Equipment,
        multiplier: f64,
        plant: &impl Plant,
        phasors: &mut Phasors,
        row: &mut [f64],
    ) {
        let clock_s = self.start_s + self.step.time_s(tick);
        for check in &mut self.checks {
            check.take_in(tick, equipment, plant, multiplier, clock_s, &self.open);
            check.look(tick, phasors);
        }
        for &(place, check, what) in &self.said {
            if let Some((slot, own)) = row.get_mut(place).zip(self.checks.get(check)) {
                *slot = own.says(what);
            }
        }
    }
}

impl Check {
    fn new(plan: &Plan, own: &scenario::Consistency) -> Result<Self, String> {
        let mut feeder = own.model.as_deref().unwrap_or(&plan.feeder).clone();
        // The whole multiplier comes with each tick.
        feeder.solve.load_multiplier = 1.0;
        let places = Places::of(plan, own, &feeder);
        if places.names.len() > MOST_NODES {
            return Err(format!(
                "{} nodes have a power that is not known, and {MOST_NODES} are the most that a check can bear",
                places.names.len()
            ));
        }
        let switches = switches(plan);
        let mut network = Own::new(plan, own, &feeder, &places, &switches)?;
        let suspects = suspects(&network);
        let description = describe(own, &mut network, &places)?;
        let directions: Vec<Vec<f64>> = suspects.iter().map(|suspect| direction(*suspect, &network)).collect();
        let tests = tamper::Settings { false_alarm: own.setting.false_alarm, steps: own.steps };
        let settings = Settings { tamper: tests, ..Settings::default() };
        let test = Consistency::new(settings, &description, &mut network, &directions).map_err(|e| e.to_string())?;
        let regulators = plan.feeder.regulators.len();
        let reported = 2 * places.devices.len() + 1 + regulators + switches.len();
        let widths = network.nodes.iter().map(|own| 2 * own.len()).chain([2 * usize::from(network.power), reported]);
        network.conditions.taps = vec![0; regulators];
        network.conditions.open = vec![false; switches.len()];
        let phases = own.pmus.iter().map(|pmu| phases(plan, pmu)).collect();
        Ok(Self {
            test,
            aligned: Aligned::new(&widths.collect::<Vec<_>>()),
            network,
            suspects,
            seen: vec![None; own.pmus.len() + 1],
            course: own.profile.and_then(|profile| plan.shapes.get(profile)).cloned(),
            switches,
            devices: places.devices,
            expected: description.states,
            trusting: trusting(plan),
            phases,
            setting: own.clone(),
        })
    }

    /// New readings, and what the network is at this tick.
    fn take_in(
        &mut self,
        tick: Tick,
        equipment: &Equipment,
        plant: &impl Plant,
        multiplier: f64,
        clock_s: f64,
        open: &[bool],
    ) {
        self.take_pmus(equipment);
        self.take_power(tick, equipment);
        let sender = self.setting.pmus.len() + 1;
        let base_va = self.network.model.layout().base_va;
        let factor = self.course.as_ref().map_or(1.0, |course| course.at(clock_s).p);
        let (devices, regulators) = (2 * self.devices.len(), self.network.conditions.taps.len());
        let (reported, switches) = (&self.devices, &self.switches);
        self.aligned.put(sender, tick.0, |i| match i.checked_sub(devices) {
            None => reported.get(i / 2).map_or(0.0, |own| equipment.output(own.0, own.1)[i % 2]) / base_va,
            Some(0) => multiplier * factor,
            Some(k) if k <= regulators => f64::from(plant.tap(k - 1)),
            Some(k) => f64::from(u8::from(switches.get(k - 1 - regulators).and_then(|k| open.get(*k)) == Some(&true))),
        });
    }

    fn take_pmus(&mut self, equipment: &Equipment) {
        for (k, pmu) in self.setting.pmus.iter().enumerate() {
            let Some(frame) = unseen(equipment, pmu.instrument, &mut self.seen[k]) else { continue };
            let n = pmu.channels.len();
            self.aligned.put(k, frame.origin.0, |i| {
                let [v, angle] = pmu.channels[i % n];
                let channel = frame.get(if i < n { v } else { angle });
                let value = if i < n { channel.value } else { channel.value.to_radians() };
                if channel.valid { value } else { f64::NAN }
            });
        }
    }

    /// The meter's reading; without a meter there is nothing to wait for.
    fn take_power(&mut self, tick: Tick, equipment: &Equipment) {
        let sender = self.setting.pmus.len();
        let base_va = self.network.model.layout().base_va;
        let Some(power) = &self.setting.meter else {
            self.aligned.put(sender, tick.0, |_| 0.0);
            return;
        };
        if let Some(frame) = unseen(equipment, power.instrument, &mut self.seen[sender]) {
            self.aligned.put(sender, frame.origin.0, |i| {
                let channel = frame.get(power.channels[i]);
                if channel.valid { channel.value / base_va } else { f64::NAN }
            });
        }
    }

    /// Compares what was measured at one instant, where there is a new one.
    fn look(&mut self, tick: Tick, phasors: &mut Phasors) {
        let every = self.setting.every.max(1);
        if !tick.0.is_multiple_of(every) {
            return;
        }
        let Some((measured_at, row)) = self.aligned.take(tick.0) else { return };
        let channels: usize = self.network.nodes.iter().map(|own| 2 * own.len()).sum();
        let channels = channels + 2 * usize::from(self.network.power);
        let (y, own) = row.split_at(channels);
        let (reports, own) = own.split_at(2 * self.devices.len());
        let Some((multiplier, own)) = own.split_first() else { return };
        let (taps, open) = own.split_at(self.network.conditions.taps.len());
        let conditions = &mut self.network.conditions;
        conditions.load_multiplier = *multiplier;
        #[allow(clippy::cast_possible_truncation, reason = "tap numbers")]
        conditions.taps.iter_mut().zip(taps).for_each(|(own, tap)| *own = *tap as i32);
        conditions.open.iter_mut().zip(open).for_each(|(own, open)| *own = *open != 0.0);
        let powers = (self.expected.len() - 1) / 2;
        self.expected[1..].fill(0.0);
        for (&(.., state), report) in self.devices.iter().zip(reports.chunks_exact(2)) {
            self.expected[1 + state] += report[0];
            self.expected[1 + powers + state] += report[1];
        }
        self.test.step(Tick(measured_at), &mut self.network, y, &self.expected);
        self.tell(phasors);
    }

    fn tell(&self, phasors: &mut Phasors) {
        for &(controller, instruments) in &self.trusting {
            phasors.set_tampered(controller, self.concerns(instruments));
        }
    }

    /// What a verdict means for an L-PBC of these instruments.
    fn concerns(&self, [performance, reference]: [usize; 2]) -> Tampered {
        let place = |instrument: usize| self.setting.pmus.iter().position(|own| own.instrument == instrument);
        let (own, other) = (place(performance), place(reference));
        let by = |suspect: Suspect| match suspect {
            Suspect::Clock(pmu) | Suspect::Angle(pmu, _) if [own, other].contains(&Some(pmu)) => Tampered::Angle,
            Suspect::Magnitude(pmu, _) if own == Some(pmu) => Tampered::Magnitude,
            _ => Tampered::Nothing,
        };
        match self.test.verdict() {
            Verdict::Consistent => Tampered::Nothing,
            Verdict::Tampered(None) if own.or(other).is_some() => Tampered::Magnitude,
            Verdict::Tampered(None) => Tampered::Nothing,
            Verdict::Tampered(Some(found)) => {
                let twins = self.test.tamper().twins().iter().filter(|(a, b)| *a == found || *b == found);
                let all = twins.flat_map(|(a, b)| [*a, *b]).chain([found]);
                let effects = all.filter_map(|k| self.suspects.get(k)).map(|suspect| by(*suspect));
                effects.fold(Tampered::Nothing, worse)
            }
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    fn says(&self, what: Checked) -> f64 {
        let verdict = self.test.verdict();
        let suspect = match verdict {
            Verdict::Tampered(Some(found)) => self.suspects.get(found).copied(),
            _ => None,
        };
        let phase = |pmu: usize, k: usize| self.phases.get(pmu).and_then(|own| own.get(k)).copied().unwrap_or(0) as f64;
        match (what, suspect) {
            (Checked::Tampered, _) => f64::from(u8::from(verdict != Verdict::Consistent)),
            (Checked::Level, _) => self.test.tamper().level(),
            (_, None) => 0.0,
            (Checked::Suspect, Some(Suspect::Clock(pmu) | Suspect::Angle(pmu, _) | Suspect::Magnitude(pmu, _))) => {
                (pmu + 1) as f64
            }
            (Checked::Suspect, Some(Suspect::Power(_))) => (self.setting.pmus.len() + 1) as f64,
            (Checked::What, Some(Suspect::Clock(_))) => 1.0,
            (Checked::What, Some(Suspect::Angle(..))) => 2.0,
            (Checked::What, Some(Suspect::Magnitude(..))) => 3.0,
            (Checked::What, Some(Suspect::Power(_))) => 4.0,
            (Checked::Phase, Some(Suspect::Angle(pmu, k) | Suspect::Magnitude(pmu, k))) => phase(pmu, k),
            (Checked::Phase, Some(_)) => 0.0,
        }
    }
}

/// The newest reading of an instrument, where it is another than the one seen last.
fn unseen<'a>(equipment: &'a Equipment, instrument: usize, seen: &mut Option<u64>) -> Option<&'a Frame> {
    let frame = equipment.reading(instrument).filter(|frame| frame.sequence > 0)?;
    (seen.replace(frame.origin.0) != Some(frame.origin.0)).then_some(frame)
}

/// L-PBCs that fall back when it finds their data wrong, with their instruments: performance, then reference.
fn trusting(plan: &Plan) -> Vec<(usize, [usize; 2])> {
    let phasors = plan.equipment.phasors.iter().enumerate().filter(|(_, own)| own.setting.supervised);
    phasors.map(|(k, own)| (k, [own.performance.instrument, own.reference.instrument])).collect()
}

/// The more serious of two.
const fn worse(one: Tampered, other: Tampered) -> Tampered {
    match (one, other) {
        (Tampered::Magnitude, _) | (_, Tampered::Magnitude) => Tampered::Magnitude,
        (Tampered::Angle, _) | (_, Tampered::Angle) => Tampered::Angle,
        _ => Tampered::Nothing,
    }
}
