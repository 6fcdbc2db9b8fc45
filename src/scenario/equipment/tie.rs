//! Ties: from the file to [`Tie`]; what is wrong is reported.

use super::check::Spots;
use super::phasor::Observed;
use crate::scenario::check::Checker;
use crate::scenario::{Branch, TieSetting};

/// A tie with its connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Tie {
    /// Its name.
    pub name: String,
    /// What it is like, as written.
    pub setting: TieSetting,
    /// What it closes.
    pub branch: Branch,
    /// Where it sees its two sides, and the reference.
    pub sides: [Observed; 2],
    /// Where it sees what they are relative to.
    pub reference: Observed,
    /// The phasor controller that follows.
    pub follower: Option<usize>,
    /// The tick from which it is wanted.
    pub from: u64,
    /// Ticks for which phasors must match.
    pub hold: u64,
    /// Age in ticks up to which a measurement counts.
    pub timeout: u64,
}

impl Checker<'_> {
    /// `None` when it does not know what it sees or closes.
    pub(super) fn tie(&mut self, name: &str, s: &TieSetting) -> Option<Tie> {
        let spots = Spots::of(self.root, self.place, "controllers", name, None);
        let line = self.line(&s.line, spots.at("line"));
        let phases = ["a", "b", "c"].map(str::to_owned);
        let places =
            [0, 1].map(|k| s.sides.get(k).and_then(|side| self.known_instrument(side, spots.item("sides", k))));
        let reference = self.known_instrument(&s.reference, spots.at("reference"));
        let follower = match &s.follower {
            Some(follower) => Some(self.known_phasor(follower, spots.at("follower"))?),
            None => None,
        };
        let positive = [(s.v_pu, "v_pu"), (s.angle_deg, "angle_deg"), (s.z_ohm[0].hypot(s.z_ohm[1]), "z_ohm")];
        for (value, key) in positive.into_iter().filter(|(value, _)| *value <= 0.0) {
            self.report("E0308", format!("`{key}` is {value}"), spots.at(key), "it must be positive");
        }
        let ticks = [(s.from_s, "from_s"), (s.hold_s, "hold_s"), (s.timeout_s, "timeout_s")]
            .map(|(seconds, key)| self.ticks_or_none(seconds, key, spots.at(key)));
        let one = self.observed(places[0]?, &phases, (&s.sides[0], spots.item("sides", 0)))?;
        let other = self.observed(places[1]?, &phases, (&s.sides[1], spots.item("sides", 1)))?;
        let reference = self.observed(reference?, &phases, (&s.reference, spots.at("reference")))?;
        let follows = follower.and_then(|k| self.equipment.phasors.get(k));
        if follows.is_some_and(|own| own.performance.instrument != one.instrument) {
            let help = "give the L-PBC whose performance PMU is at the first side, or turn the sides round";
            self.report("E0332", "the follower holds another node than the first side", spots.at("follower"), help);
        }
        Some(Tie {
            name: name.to_owned(),
            setting: s.clone(),
            branch: Branch::Line(line?),
            sides: [one, other],
            reference,
            follower,
            from: ticks[0],
            hold: ticks[1],
            timeout: ticks[2],
        })
    }
}
