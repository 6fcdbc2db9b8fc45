//! Phasor measurement units: from the file to [`Instrument`]; what is wrong is reported.

use super::Instrument;
use super::check::Spots;
use crate::diagnostic::Span;
use crate::quantity::Step;
use crate::scenario::check::Checker;
use crate::scenario::{NodeRef, PmuSetting};
use crate::sense::{Accuracy, ClockSettings, Kind, PmuSettings, Settings};
use crate::signal::Channels;

/// Worst drift in parts per million that is taken for one.
const MOST_DRIFT_PPM: f64 = 1000.0;
/// Names of the phases, by node.
const PHASES: [&str; 3] = ["a", "b", "c"];

impl Instrument {
    /// Names of the quantities behind its channels: what a meter's are called, and for a PMU its phasors and the frequency.
    pub(super) fn inputs(&self) -> Vec<String> {
        let phasor = |node: &NodeRef| ["v_pu", "angle_deg"].map(|unit| format!("{}.{}.{unit}", node.bus, node.number));
        match self.kind {
            Kind::Meter(_) => self.channels.names().to_vec(),
            Kind::Pmu(_) => self.nodes.iter().flat_map(phasor).chain(["feeder.f_hz".to_owned()]).collect(),
        }
    }
}

impl Checker<'_> {
    /// `None` when it does not know where it stands.
    pub(super) fn pmu(&mut self, name: &str, s: &PmuSetting) -> Option<Instrument> {
        let spots = Spots::of(self.root, self.place, "instruments", name, Some("pmu"));
        let settings = self.pmu_timing(s, &spots);
        let own = self.pmu_settings(s, &spots);
        let mut numbers = self.device_nodes(&s.bus, s.phases.as_deref(), &spots)?;
        numbers.sort_unstable();
        self.phases_once(&numbers, spots.at("bus"));
        numbers.dedup();
        let nodes: Vec<NodeRef> = numbers.iter().map(|&number| NodeRef { bus: s.bus.bus.clone(), number }).collect();
        let phase = |number: &u16| usize::from(*number).checked_sub(1).and_then(|k| PHASES.get(k)).copied();
        let channel = |phase: &str| ["v_pu", "angle_deg"].map(|unit| format!("{phase}.{unit}"));
        let phasors = numbers.iter().filter_map(phase).flat_map(channel);
        let channels = Channels::new(phasors.chain(["sync".to_owned()]).collect());
        let kind = Kind::Pmu(own);
        Some(Instrument { name: name.to_owned(), quantities: Vec::new(), channels, settings, kind, nodes })
    }

    fn pmu_timing(&mut self, s: &PmuSetting, spots: &Spots) -> Settings {
        let every = self.period(s.every_s, spots.at("every_s"));
        let delay = self.ticks_or_none(s.delay_s, "delay_s", spots.at("delay_s"));
        let jitter = self.ticks_or_none(s.jitter_s, "jitter_s", spots.at("jitter_s"));
        let longest = if s.jitter_s > s.delay_s { "jitter_s" } else { "delay_s" };
        self.room_for(every, delay.saturating_add(jitter), spots.at(longest));
        Settings { every, delay, jitter, most_extra: 0 }
    }

    fn pmu_settings(&mut self, s: &PmuSetting, spots: &Spots) -> PmuSettings {
        let noise = s.noise.parts();
        for (key, parts) in [("noise", noise), ("resolution", s.resolution)] {
            self.not_negative(parts.v_pu, &format!("{key}.v_pu"), spots.at(key));
            self.not_negative(parts.angle_deg, &format!("{key}.angle_deg"), spots.at(key));
        }
        if !(0.0..1.0).contains(&s.loss) {
            let help = "it is a share, from 0 to below 1: 0.01 loses one frame of a hundred";
            self.report("E0308", format!("`loss` is {}", s.loss), spots.at("loss"), help);
        }
        if s.drift_ppm.abs() > MOST_DRIFT_PPM {
            let help = "give parts per million: a quartz is off by some tens, an oven by a hundredth";
            self.report("E0308", format!("`drift_ppm` is {}", s.drift_ppm), spots.at("drift_ppm"), help);
        }
        let holdover = self.ticks_or_none(s.holdover_s, "holdover_s", spots.at("holdover_s"));
        let step_s = self.step.map_or(1.0, Step::seconds);
        let accuracy =
            |noise: f64, resolution: f64| Accuracy { noise: noise.max(0.0), resolution: resolution.max(0.0) };
        PmuSettings {
            v_pu: accuracy(noise.v_pu, s.resolution.v_pu),
            angle_deg: accuracy(noise.angle_deg, s.resolution.angle_deg),
            loss: s.loss,
            clock: ClockSettings { step_s, holdover, drift_ppm: s.drift_ppm },
        }
    }

    /// Nodes 1, 2, 3 are phases; nothing else is, and none is there twice.
    fn phases_once(&mut self, sorted: &[u16], span: Span) {
        if let Some(other) = sorted.iter().find(|n| !(1..=3).contains(*n)) {
            let help = "its phases are the nodes 1, 2, 3 of its bus";
            self.report("E0332", format!("a PMU at node {other} measures no phase"), span, help);
        }
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            self.report("E0309", format!("node {} is listed twice", pair[0]), span, "once is enough");
        }
        if sorted.is_empty() {
            self.report("E0332", "the PMU measures nothing", span, "its bus has no phase: choose another one");
        }
    }
}
