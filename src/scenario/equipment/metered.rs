//! A real power-quality meter in the place of an analyser: which of its points tell what of a window.
//!
//! | point | what |
//! |---|---|
//! | `sequence_count` | the number of the result: what is read twice counts once |
//! | `flags_bits` | bit 0: an event flags it, bit 1: an input was overloaded, bit 2: the clock is not synchronised |
//! | `v_v.a`, `i_a.a` | RMS by phase |
//! | `thd_v_percent.a`, `thd_i_percent.a` | distortion by phase, taken for that of subgroups |
//! | `v_h5_percent.a`, `i_h5_percent.a`, `v_h5_v.a`, `i_h5_a.a` | an order by phase, of the fundamental or by itself |
//! | `u2_percent`, `u0_percent`, `f_hz` | unbalance and frequency |
//!
//! Limits: a meter gives no angles, so nobody is to blame by what it says (no `attribution`); flicker and events remain the
//! simulated analyser's.

use super::Analyser;
use super::check::Spots;
use crate::link::description::Description;
use crate::monitor::{MOST_ORDER, WINDOW_S};
use crate::scenario::HilSetting;
use crate::scenario::check::Checker;

/// What a point tells of a window. Channels are places among the analyser's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table above")]
pub enum Tells {
    Sequence,
    Flags,
    Frequency,
    U2,
    U0,
    Rms(usize),
    Thd(usize),
    /// An order of a channel; whether in percent of its fundamental.
    Order(usize, usize, bool),
}

/// What a point tells, by its name; phases are a, b, c, voltages before currents.
fn tells(name: &str, phases: usize, currents: bool) -> Option<Tells> {
    match name {
        "sequence_count" => return Some(Tells::Sequence),
        "flags_bits" => return Some(Tells::Flags),
        "f_hz" => return Some(Tells::Frequency),
        "u2_percent" => return Some(Tells::U2),
        "u0_percent" => return Some(Tells::U0),
        _ => {}
    }
    let (stem, phase) = name.rsplit_once('.')?;
    let phase = ["a", "b", "c"].iter().position(|own| *own == phase).filter(|&phase| phase < phases)?;
    let channel = |current: bool| (!current || currents).then_some(phase + if current { phases } else { 0 });
    match stem {
        "v_v" => return channel(false).map(Tells::Rms),
        "i_a" => return channel(true).map(Tells::Rms),
        "thd_v_percent" => return channel(false).map(Tells::Thd),
        "thd_i_percent" => return channel(true).map(Tells::Thd),
        _ => {}
    }
    let (current, rest) = match stem.strip_prefix("v_h") {
        Some(rest) => (false, rest),
        None => (true, stem.strip_prefix("i_h")?),
    };
    let (order, unit) = rest.split_once('_')?;
    let order = order.parse().ok().filter(|order| (2..=MOST_ORDER).contains(order))?;
    let percent = match (unit, current) {
        ("percent", _) => true,
        ("v", false) | ("a", true) => false,
        _ => return None,
    };
    channel(current).map(|channel| Tells::Order(channel, order, percent))
}

impl Checker<'_> {
    /// The points of a meter that stands for an analyser: each with what it tells.
    pub(super) fn metered(
        &mut self,
        place: usize,
        setting: &HilSetting,
        description: &Description,
        spots: &Spots,
    ) -> Option<Vec<(usize, Tells)>> {
        let analyser = self.equipment.analysers.get(place)?.clone();
        let (phases, currents) = (analyser.nodes.len(), !analyser.currents.is_empty());
        let named = description.points.iter().enumerate();
        let told: Vec<_> = named.filter_map(|(k, own)| Some((k, tells(&own.name, phases, currents)?))).collect();
        let has = |what: Tells| told.iter().any(|own| own.1 == what);
        let missing = (0..phases).find(|&k| !has(Tells::Rms(k)) || !has(Tells::Thd(k)));
        if let Some(phase) = missing.and_then(|k| ["a", "b", "c"].get(k)) {
            let message = format!("{:?} tells no voltage or no distortion of phase {phase}", description.name);
            let help = format!("it needs points v_v.{phase} and thd_v_percent.{phase}");
            self.report("E0341", message, spots.at("is"), &help);
            return None;
        }
        self.fit(&analyser, setting, description, has(Tells::Sequence), spots);
        Some(told)
    }

    fn fit(
        &mut self,
        analyser: &Analyser,
        setting: &HilSetting,
        description: &Description,
        numbered: bool,
        spots: &Spots,
    ) {
        if analyser.setting.attribution.is_some() {
            let message = format!("{:?} gives no angles: nobody is to blame by what it says", description.name);
            self.report(
                "E0341",
                message,
                spots.at("is"),
                "take attribution away from the analyser, or leave it simulated",
            );
        }
        let poll_s = setting.poll_s.unwrap_or(description.poll_s);
        if !numbered && poll_s < WINDOW_S {
            let message =
                format!("{:?} does not number its results: at {poll_s} s some would count twice", description.name);
            self.report("E0341", message, spots.at("poll_s"), "give poll_s: 0.2 or more");
        }
        if !setting.points.is_empty() {
            let help = "name the points so in its description: see docs/hil.md";
            self.report("E0341", "an analyser's points go by their names", spots.at("points"), help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_go_by_their_names() {
        assert_eq!(tells("v_v.b", 3, true), Some(Tells::Rms(1)));
        assert_eq!(tells("thd_i_percent.c", 3, true), Some(Tells::Thd(5)));
        assert_eq!(tells("thd_i_percent.c", 3, false), None);
        assert_eq!(tells("v_h50_percent.a", 1, false), Some(Tells::Order(0, 50, true)));
        assert_eq!(tells("i_h7_a.a", 1, true), Some(Tells::Order(1, 7, false)));
        for other in ["v_v", "v_v.c", "v_h51_percent.a", "v_h1_v.a", "v_h5_a.a", "p_w.a", "v_h_percent.a"] {
            assert_eq!(tells(other, 2, true), None, "{other}");
        }
    }
}
