//! Whose clock angles hold against, and sources that follow a real PMU's.
//!
//! An angle means something beside another of the same clock. Those of simulated PMUs hold against the simulation's; a real
//! PMU's against the clock that its description names. Where a source follows a real PMU (`sources: {grid: {follow: pmu}}`),
//! the simulation's angles are by that one's clock.

use super::check::Spots;
use super::seat::{At, Replaced};
use crate::link::description::Wire;
use crate::scenario::Scenario;
use crate::scenario::check::Checker;
use crate::scenario::read::entry;
use crate::sense;

/// A source that follows a real PMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The source.
    pub source: usize,
    /// The PMU.
    pub instrument: usize,
}

impl Checker<'_> {
    /// Sources that follow a PMU: one that is real, with all the source's phases.
    pub(super) fn follows(&mut self, s: &Scenario) {
        for (name, setting) in &s.sources {
            let Some(pmu) = &setting.follow else { continue };
            let node = self.root.get("sources").and_then(|map| entry(map, name));
            let span = node.and_then(|node| node.get("follow")).map_or(self.place, |node| node.span);
            let Some((source, _, described)) = self.feeder.sources.get_full(name) else { continue };
            let phases = described.phases;
            let Some(instrument) = self.known_instrument(pmu, span) else { continue };
            let own = &self.equipment.instruments[instrument];
            let (is_pmu, covered) = (matches!(own.kind, sense::Kind::Pmu(_)), own.nodes.len() >= phases);
            if !is_pmu || !covered {
                let help = "name a PMU at the source's bus, with all its phases";
                self.report("E0341", format!("{pmu:?} does not tell the source's phasors"), span, help);
                continue;
            }
            if self.clock_of(instrument).is_none() {
                let help = "put a real one in its place under hil, or leave follow out";
                self.report("E0341", format!("{pmu:?} is simulated: the source would follow itself"), span, help);
                continue;
            }
            self.equipment.follows.push(Follow { source, instrument });
        }
    }

    /// The clock of a real PMU in an instrument's place, and its name; `None` where the simulated one stays.
    fn clock_of(&self, instrument: usize) -> Option<(&str, &str)> {
        let seat = self.equipment.seats.iter().find(|own| {
            let here = matches!(own.replaces, Replaced::Instrument(place, _) if place == instrument);
            // What is recorded of a real one is as real.
            let watched = own.setting.dry_run && !matches!(own.at, At::Replay(_));
            here && !watched && own.served.is_none() && own.at != At::Emulated
        })?;
        match &seat.description.wire {
            Wire::C37118(head) => Some((&head.clock, &seat.name)),
            _ => None,
        }
    }

    /// Reports controllers that would compare angles by different clocks.
    pub(super) fn one_clock(&mut self) {
        let e = &self.equipment;
        let phasors = e.phasors.iter().map(|own| (&own.name, vec![&own.performance, &own.reference]));
        let ties = e.ties.iter().map(|own| (&own.name, vec![&own.sides[0], &own.sides[1], &own.reference]));
        let checks = e.checks.iter().map(|own| (&own.name, own.pmus.iter().collect()));
        let simulated = e.follows.first().and_then(|own| self.clock_of(own.instrument)).map(|own| own.0);
        let clock = |instrument: usize| self.clock_of(instrument).map(|own| own.0).or(simulated);
        let mut found = Vec::new();
        for (controller, seen) in phasors.chain(ties).chain(checks) {
            let mut instruments: Vec<usize> = seen.iter().map(|own| own.instrument).collect();
            instruments.sort_unstable();
            instruments.dedup();
            let Some((&first, others)) = instruments.split_first() else { continue };
            let Some(&other) = others.iter().find(|&&other| clock(other) != clock(first)) else { continue };
            let real = [first, other].into_iter().find_map(|own| self.clock_of(own));
            let Some((_, seat)) = real else { continue };
            let says = |instrument: usize| {
                let name = e.instruments.get(instrument).map_or("", |own| own.name.as_str());
                clock(instrument)
                    .map_or_else(|| format!("{name:?}, which is simulated"), |own| format!("{name:?} by {own:?}"))
            };
            let message = format!("{controller:?} would compare angles of {} and of {}", says(first), says(other));
            found.push((seat.to_owned(), message));
        }
        for (seat, message) in found {
            let spots = Spots::of(self.root, self.place, "hil", &seat, None);
            let help = "replace all of its PMUs or none, or let the source follow one: sources: {NAME: {follow: PMU}}";
            self.report("E0341", message, spots.at("at"), help);
        }
    }
}
