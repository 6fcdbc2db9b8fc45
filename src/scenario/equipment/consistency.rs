//! Checks of phasor data: from the file to [`Consistency`]; what is wrong is reported, but for what only the compiled network
//! can tell.

use super::check::Spots;
use super::phasor::{Observed, channels_of};
use crate::diagnostic::Span;
use crate::feeder::Feeder;
use crate::scenario::ConsistencySetting;
use crate::scenario::check::Checker;

/// Steps in a row that make a verdict.
const USUAL_STEPS: u64 = 3;

/// A check with its connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Consistency {
    /// Its name.
    pub name: String,
    /// What it is like, as written.
    pub setting: ConsistencySetting,
    /// Where it sees phasors.
    pub pmus: Vec<Observed>,
    /// Where it sees a power.
    pub meter: Option<PowerMeter>,
    /// Ticks from step to step.
    pub every: u64,
    /// Steps in a row that make a verdict.
    pub steps: u32,
    /// Place among the plan's shapes of the profile that loads are expected to follow.
    pub profile: Option<usize>,
    /// The feeder that it takes for its network; the scenario's without one.
    pub model: Option<Box<Feeder>>,
    /// Where its law stands in the file.
    pub span: Span,
}

/// A meter of a power into the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerMeter {
    /// The instrument.
    pub instrument: usize,
    /// Its channels of active and reactive power.
    pub channels: [usize; 2],
    /// The line or transformer into whose first terminal that flows; out of the sources without one.
    pub element: Option<String>,
}

impl Checker<'_> {
    /// `None` when it does not know what it sees.
    pub(super) fn consistency(&mut self, name: &str, s: &ConsistencySetting) -> Option<Consistency> {
        let spots = Spots::of(self.root, self.place, "controllers", name, None);
        let every = self.period(s.every_s, spots.at("every_s"));
        self.consistency_numbers(s, &spots);
        let pmus = self.checked_pmus(s, &spots);
        let meter = match &s.meter {
            Some(meter) => Some(self.power_meter(meter, spots.at("meter"))?),
            None => None,
        };
        for (k, bus) in s.unknown.iter().enumerate() {
            self.bus_nodes(&bus.to_lowercase(), spots.item("unknown", k));
        }
        let steps = match s.hold_s {
            Some(hold_s) => self.ticks_or_none(hold_s, "hold_s", spots.at("hold_s")).div_ceil(every.max(1)),
            None => USUAL_STEPS,
        };
        let profile = s.profile.as_ref().and_then(|profile| self.profile(profile, spots.at("profile")));
        Some(Consistency {
            name: name.to_owned(),
            setting: s.clone(),
            pmus: pmus?,
            meter,
            every,
            steps: u32::try_from(steps).unwrap_or(u32::MAX).max(1),
            profile,
            model: self.own_model(name, &spots),
            span: spots.at("law"),
        })
    }

    fn consistency_numbers(&mut self, s: &ConsistencySetting, spots: &Spots) {
        let positive = [
            (s.accuracy.v_pu.min(s.accuracy.angle_deg), "accuracy"),
            (s.power_accuracy, "power_accuracy"),
            (s.load_uncertainty, "load_uncertainty"),
        ];
        for (value, key) in positive.into_iter().filter(|(value, _)| *value <= 0.0) {
            let help = "it is a standard deviation: nothing is known exactly";
            self.report("E0308", format!("`{key}` is {value}"), spots.at(key), help);
        }
        if !(1e-12..=0.1).contains(&s.false_alarm) {
            let help = "give a probability a step, from 1e-12 to 0.1";
            self.report("E0308", format!("`false_alarm` is {}", s.false_alarm), spots.at("false_alarm"), help);
        }
    }

    /// The phasors of all PMUs, each with the phases that it has.
    fn checked_pmus(&mut self, s: &ConsistencySetting, spots: &Spots) -> Option<Vec<Observed>> {
        let mut all: Vec<Observed> = Vec::new();
        for (k, pmu) in s.pmus.iter().enumerate() {
            let span = spots.item("pmus", k);
            let place = self.known_instrument(pmu, span)?;
            let own = self.equipment.instruments.get(place)?;
            let channels: Vec<[usize; 2]> = ["a", "b", "c"].iter().filter_map(|p| channels_of(own, p)).collect();
            let sync = own.channels.index("sync");
            if channels.is_empty() {
                let help = "give a PMU: `pmu: {bus: …}` among the instruments";
                self.report("E0332", format!("instrument {pmu:?} measures no phasor"), span, help);
                return None;
            }
            if all.iter().any(|own| own.instrument == place) {
                self.report("E0309", format!("PMU {pmu:?} is listed twice"), span, "once is enough");
            }
            all.push(Observed { instrument: place, channels, sync });
        }
        if all.len() < 2 {
            let help = "give two at least: with one there is nothing to compare with";
            self.report("E0332", "too few PMUs to be checked against each other", spots.at("pmus"), help);
        }
        Some(all)
    }

    fn power_meter(&mut self, name: &str, span: Span) -> Option<PowerMeter> {
        let instrument = self.known_instrument(name, span)?;
        let channels = &self.equipment.instruments.get(instrument)?.channels;
        let pair = |(k, channel): (usize, &String)| {
            let flow = channel.strip_suffix(".p_w")?;
            let element = flow.strip_prefix("line.").or_else(|| flow.strip_prefix("transformer."));
            let known = flow == "source" || element.is_some();
            let other = channels.index(&format!("{flow}.q_var")).filter(|_| known)?;
            Some(PowerMeter { instrument, channels: [k, other], element: element.map(str::to_owned) })
        };
        let found = channels.names().iter().enumerate().find_map(pair);
        if found.is_none() {
            let help = "let it measure source.p_w and source.q_var, or line.NAME.p_w and line.NAME.q_var";
            self.report("E0332", format!("{name:?} does not measure a power into the network"), span, help);
        }
        found
    }
}
