//! L-PBC: from the file to [`Phasor`]; what is wrong is reported, but for what only the compiled network can tell.

use std::path::PathBuf;

use super::Instrument;
use super::check::Spots;
use crate::diagnostic::{Span, nearest};
use crate::feeder::Feeder;
use crate::scenario::check::Checker;
use crate::scenario::{PhasorLaw, PhasorSetting, SensitivitySetting};

/// Part of a step on the clock that programs of one's own have together, when nothing else is said: the other half is for
/// the bench itself.
const ANSWER_WITHIN: f64 = 0.5;

/// An L-PBC with its connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Phasor {
    /// Its name.
    pub name: String,
    /// What it is like, as written.
    pub setting: PhasorSetting,
    /// The phases that it controls, as `a`.
    pub phases: Vec<String>,
    /// Where it sees the performance node.
    pub performance: Observed,
    /// Where it sees the reference node.
    pub reference: Observed,
    /// What it commands.
    pub actuators: Vec<Actuated>,
    /// Ticks from step to step.
    pub every: u64,
    /// Ticks from a command to its effect.
    pub delay: u64,
    /// Ticks by which commands may arrive later than usual, at most.
    pub most_extra: u64,
    /// Age in ticks up to which a measurement counts.
    pub timeout: u64,
    /// Ticks without a measurement after which the fail-safe acts.
    pub fail_safe_after: u64,
    /// Part of a step on the clock in which a program of one's own is to answer, in a paced run.
    pub answer_within: f64,
    /// Ticks from a measurement of the performance PMU to its arrival.
    pub seen_delay: u64,
    /// Steps of delay that the law is told of, beside the one from step to step.
    pub assumed_delay: u64,
    /// The folder of the file that it is written in: programs and libraries are looked for from there.
    pub folder: PathBuf,
    /// The feeder that it takes for its network; the scenario's without one.
    pub model: Option<Box<Feeder>>,
    /// Where it stands in the file: the whole, its actuators, its target, its parameters.
    pub spots: PhasorSpots,
}

/// Places in the file of what only the compiled network can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhasorSpots {
    /// The law.
    pub law: Span,
    /// The actuators.
    pub actuators: Span,
    /// The target.
    pub target: Span,
    /// The parameters.
    pub parameters: Span,
}

/// An instrument's phasors, phase by phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The instrument.
    pub instrument: usize,
    /// Channels of magnitude and angle of each phase.
    pub channels: Vec<[usize; 2]>,
    /// The channel that says whether its clock is in step.
    pub sync: Option<usize>,
}

/// A device that is commanded phase by phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actuated {
    /// The device.
    pub device: usize,
    /// Pairs of a phase of the controller and the same phase of the device.
    pub phases: Vec<[usize; 2]>,
}

impl Checker<'_> {
    /// `None` when it does not know what it sees or commands.
    pub(super) fn phasor(&mut self, name: &str, s: &PhasorSetting) -> Option<Phasor> {
        let spots = Spots::of(self.root, self.place, "controllers", name, None);
        let every = self.period(s.every_s, spots.at("every_s"));
        let performance = self.known_instrument(&s.performance, spots.at("performance"));
        let reference = self.known_instrument(&s.reference, spots.at("reference"));
        let devices = self.actuators(&s.actuators, &spots);
        self.phasor_numbers(s, &spots);
        let (performance, reference) = (performance?, reference?);
        let phases = self.controlled_phases(s, performance, &spots)?;
        let performance = self.observed(performance, &phases, (&s.performance, spots.at("performance")))?;
        let reference = self.observed(reference, &phases, (&s.reference, spots.at("reference")))?;
        if performance.instrument == reference.instrument {
            let help = "give the PMU at the substation, or at another node whose phasor is known to be firm";
            self.report("E0332", "performance and reference are the same PMU", spots.at("reference"), help);
        }
        self.law_parameters(s, &phases, &spots);
        let actuators = self.actuated(&devices, &phases, &spots);
        self.per_phase(s.target.as_ref().and_then(|own| own.v_pu.as_ref()), &phases, "v_pu", spots.at("target"));
        self.per_phase(
            s.target.as_ref().and_then(|own| own.angle_deg.as_ref()),
            &phases,
            "angle_deg",
            spots.at("target"),
        );
        let seen = self.equipment.instruments.get(performance.instrument)?.settings;
        let delay = self.ticks_or_none(s.delay_s, "delay_s", spots.at("delay_s"));
        let timeout = match s.timeout_s {
            Some(timeout_s) => self.ticks_or_none(timeout_s, "timeout_s", spots.at("timeout_s")),
            None => every.max(seen.every).saturating_mul(3).saturating_add(seen.delay),
        };
        let assumed_delay = match s.assumed_delay_s {
            Some(delay_s) => self.ticks_or_none(delay_s, "assumed_delay_s", spots.at("assumed_delay_s")),
            None => seen.delay.saturating_add(delay),
        };
        let fail_safe_after =
            self.ticks_or_none(s.fail_safe_after_s, "fail_safe_after_s", spots.at("fail_safe_after_s"));
        Some(Phasor {
            name: name.to_owned(),
            setting: s.clone(),
            phases,
            performance,
            reference,
            actuators,
            every,
            delay: delay + 1,
            most_extra: 0,
            timeout,
            fail_safe_after,
            answer_within: s.answer_within.unwrap_or(ANSWER_WITHIN),
            seen_delay: seen.delay,
            assumed_delay: assumed_delay.div_ceil(every.max(1)),
            folder: self.folders.get(name).cloned().unwrap_or_default(),
            model: self.own_model(name, &spots),
            spots: PhasorSpots {
                law: spots.at("law"),
                actuators: spots.at("actuators"),
                target: spots.at("target"),
                parameters: spots.at("parameters"),
            },
        })
    }

    /// The controller's own feeder, which has to have the scenario's elements: only their numbers may differ.
    pub(super) fn own_model(&mut self, name: &str, spots: &Spots) -> Option<Box<Feeder>> {
        let model = self.models.shift_remove(name)?;
        let same = model.loads.keys().eq(self.feeder.loads.keys())
            && model.lines.keys().eq(self.feeder.lines.keys())
            && model.transformers.keys().eq(self.feeder.transformers.keys())
            && model.regulators.keys().eq(self.feeder.regulators.keys())
            && model.capacitors.keys().eq(self.feeder.capacitors.keys())
            && model.sources.keys().eq(self.feeder.sources.keys());
        if !same {
            let help = "copy the scenario's feeder and change its numbers: names and their order must stay";
            self.report("E0332", "the model has other elements than the scenario's feeder", spots.at("model"), help);
        }
        Some(Box::new(model))
    }

    /// Programs that are not told how long they have share what is usual.
    #[allow(clippy::cast_precision_loss, reason = "a few controllers")]
    pub(super) fn share_time(&mut self) {
        let process = |own: &&mut Phasor| matches!(own.setting.law, PhasorLaw::Process(_));
        let count = self.equipment.phasors.iter_mut().filter(process).count().max(1) as f64;
        for own in self.equipment.phasors.iter_mut().filter(process) {
            own.answer_within = own.setting.answer_within.unwrap_or(ANSWER_WITHIN / count);
        }
    }

    fn answer_within(&mut self, s: &PhasorSetting, spots: &Spots) {
        let Some(part) = s.answer_within else { return };
        let place = spots.at("answer_within");
        if !matches!(s.law, PhasorLaw::Process(_)) {
            let help = "only a program of your own has to answer: `law: {process: […]}`";
            self.report("E0332", "this law answers within the step itself", place, help);
        } else if !(part > 0.0 && part <= 1.0) {
            let help = "give the part of a step in which it is to answer, above 0 and up to 1";
            self.report("E0308", format!("`answer_within` is {part}"), place, help);
        }
    }

    fn phasor_numbers(&mut self, s: &PhasorSetting, spots: &Spots) {
        self.answer_within(s, spots);
        let positive = [(s.base_kva.unwrap_or(1.0), "base_kva"), (s.model_scale, "model_scale")];
        for (value, key) in positive.into_iter().filter(|(value, _)| *value <= 0.0) {
            self.report("E0308", format!("`{key}` is {value}"), spots.at(key), "it must be positive");
        }
        for value in s.deadband.iter().flat_map(|own| [own.v_pu, own.angle_deg]) {
            self.not_negative(value, "deadband", spots.at("deadband"));
        }
        if let Some(shares) = &s.shares {
            let sound = shares.iter().all(|share| *share >= 0.0) && shares.iter().sum::<f64>() > 0.0;
            if shares.len() != s.actuators.len() || !sound {
                let help = "give one number for each actuator, none negative, not all 0";
                self.report("E0308", "the shares do not fit the actuators", spots.at("shares"), help);
            }
        }
        if s.sensitivity == SensitivitySetting::Estimated && s.law != PhasorLaw::DecoupledPi {
            let help = "only `decoupled_pi` learns a sensitivity; rcac and extremum_seeking learn in their own ways";
            self.report("E0332", "this law does not estimate a sensitivity", spots.at("sensitivity"), help);
        }
        if matches!(&s.law, PhasorLaw::Process(words) if words.is_empty()) {
            let help = "give the program and its arguments, as in [python3, mine.py]";
            self.report("E0332", "the process has no program", spots.at("law"), help);
        }
    }

    /// A law's numbers go by the names that it knows.
    fn law_parameters(&mut self, s: &PhasorSetting, phases: &[String], spots: &Spots) {
        let Some(known) = s.law.parameters(phases) else { return };
        for name in s.parameters.keys().filter(|name| !known.contains(name)) {
            let help = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near:?}?"),
                None if known.is_empty() => "it takes none".to_owned(),
                None => format!("it takes {}", known.join(", ")),
            };
            let message = format!("the law has no parameter {name:?}");
            self.report("E0006", message, spots.within("parameters", name), &help);
        }
    }

    /// The phases to control: those asked for, else those that the performance PMU has.
    fn controlled_phases(&mut self, s: &PhasorSetting, performance: usize, spots: &Spots) -> Option<Vec<String>> {
        if let Some(text) = &s.phases {
            let phases = self.phases(text, spots.at("phases"))?;
            return Some(
                phases.iter().map(|phase| ["a", "b", "c"].get(*phase).copied().unwrap_or("c").to_owned()).collect(),
            );
        }
        let instrument = self.equipment.instruments.get(performance)?;
        let has = |phase: &&str| channels_of(instrument, phase).is_some();
        let phases: Vec<String> = ["a", "b", "c"].iter().filter(|phase| has(phase)).map(|p| (*p).to_owned()).collect();
        if phases.is_empty() {
            let message = format!("instrument {:?} measures no phasor", s.performance);
            self.report("E0332", message, spots.at("performance"), "give a PMU: `pmu: {bus: …}` among the instruments");
            return None;
        }
        Some(phases)
    }

    pub(super) fn observed(
        &mut self,
        instrument: usize,
        phases: &[String],
        (name, span): (&str, Span),
    ) -> Option<Observed> {
        let own = self.equipment.instruments.get(instrument)?;
        let (found, missing): (Vec<_>, Vec<_>) =
            phases.iter().map(|phase| (phase, channels_of(own, phase))).partition(|(_, channels)| channels.is_some());
        let (channels, sync) =
            (found.into_iter().filter_map(|(_, channels)| channels).collect(), own.channels.index("sync"));
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.iter().map(|(phase, _)| phase.as_str()).collect();
            let message = format!("{name:?} does not measure the phasor of phase {}", missing.join(", "));
            self.report("E0332", message, span, "give a PMU at a node with these phases, or control fewer `phases`");
            return None;
        }
        Some(Observed { instrument, channels, sync })
    }

    fn actuated(&mut self, devices: &[usize], phases: &[String], spots: &Spots) -> Vec<Actuated> {
        let mut all = Vec::new();
        for &device in devices {
            let Some(own) = self.equipment.devices.get(device) else { continue };
            let pair = |(k, phase): (usize, &String)| Some([k, own.phases.iter().position(|other| other == phase)?]);
            let pairs: Vec<[usize; 2]> = phases.iter().enumerate().filter_map(pair).collect();
            if pairs.is_empty() {
                let message = format!("device {:?} has none of the phases {}", own.name, phases.join(", "));
                self.report("E0332", message, spots.at("actuators"), "take it out, or control its phases");
            }
            all.push(Actuated { device, phases: pairs });
        }
        all
    }

    /// One number for each phase.
    pub(in crate::scenario) fn per_phase(
        &mut self,
        values: Option<&Vec<f64>>,
        phases: &[String],
        key: &str,
        span: Span,
    ) {
        let Some(values) = values else { return };
        if values.len() != phases.len() {
            let message = format!("`{key}` has {} numbers for phases {}", values.len(), phases.join(", "));
            self.report("E0308", message, span, "give one number for each phase");
        }
        if key == "v_pu" && values.iter().any(|v| *v <= 0.0) {
            self.report("E0308", "a target magnitude is not positive", span, "it is per unit of the node's base");
        }
    }
}

/// Channels of magnitude and angle of a phase.
pub(super) fn channels_of(instrument: &Instrument, phase: &str) -> Option<[usize; 2]> {
    let index = |what: &str| instrument.channels.index(&format!("{phase}.{what}"));
    Some([index("v_pu")?, index("angle_deg")?])
}
