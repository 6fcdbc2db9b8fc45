//! The channels of L-PBC: what stands where in its two frames.
//!
//! Measured, for a node of phases a, b, c and actuators X (a, b, c) and Y (b):
//!
//! | channels | unit |
//! |---|---|
//! | `v_pu.a`, `v_pu.b`, `v_pu.c` of the performance node | per unit |
//! | `angle_deg.a` … , absolute in the common time reference | degrees |
//! | `reference.v_pu.a` …, `reference.angle_deg.a` … | |
//! | `target.v_pu.a` …, `target.angle_deg.a` …, angles relative to the reference node's | |
//! | for each actuator, for each of its phases: `X.p_w.a`, `X.q_var.a`, what it says that it injects | W, var |
//! | for each actuator: `X.p_min_w`, `X.p_max_w`, of all its phases together; not valid where there is no limit | W |
//!
//! Commands: for each actuator, for each of its phases, `X.p_w.a`, `X.q_var.a`. An actuator's phases are those in the node's
//! order that both have.

use super::MOST_PHASES;
use crate::signal::Channels;

/// Places of channels of an actuator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ActuatorPlaces {
    /// Its first report: P and Q, phase by phase.
    pub report: usize,
    /// Its `p_min_w`; `p_max_w` follows.
    pub limits: usize,
    /// Its first command.
    pub command: usize,
    /// Phases of the node that it has.
    pub has: [bool; MOST_PHASES],
}

impl ActuatorPlaces {
    /// Phases that it has, with the place of P among its own channels.
    pub(super) fn phases(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let has = self.has;
        (0..MOST_PHASES).filter(move |phase| has[*phase]).enumerate().map(|(k, phase)| (phase, 2 * k))
    }
}

/// Places for a node of so many phases, by the phases that each actuator has.
pub(super) fn places(phases: usize, actuators: &[[bool; MOST_PHASES]]) -> Vec<ActuatorPlaces> {
    let width = |has: &[bool; MOST_PHASES]| 2 * has.iter().take(phases).filter(|h| **h).count();
    let reports: usize = actuators.iter().map(width).sum();
    let mut before = 0;
    let places = actuators.iter().enumerate().map(|(k, has)| {
        let has = std::array::from_fn(|phase| phase < phases && has[phase]);
        let own =
            ActuatorPlaces { report: 6 * phases + before, limits: 6 * phases + reports + 2 * k, command: before, has };
        before += width(&own.has);
        own
    });
    places.collect()
}

/// Phases of the node that an actuator has, in the node's order.
pub(super) fn has(node: &[char], actuator: &[char]) -> [bool; MOST_PHASES] {
    std::array::from_fn(|phase| node.get(phase).is_some_and(|name| actuator.contains(name)))
}

/// Names of the measured channels: the node's phases, and the name and phases of each actuator.
pub fn measured_channels(phases: &[char], actuators: &[(String, Vec<char>)]) -> Channels {
    let nodes = ["v_pu", "angle_deg", "reference.v_pu", "reference.angle_deg", "target.v_pu", "target.angle_deg"];
    let of_nodes = nodes.iter().flat_map(|name| phases.iter().map(move |phase| format!("{name}.{phase}")));
    let limits = actuators.iter().flat_map(|(name, _)| ["p_min_w", "p_max_w"].map(|limit| format!("{name}.{limit}")));
    Channels::new(of_nodes.chain(powers(phases, actuators)).chain(limits).collect())
}

/// Names of the command channels.
pub fn command_channels(phases: &[char], actuators: &[(String, Vec<char>)]) -> Channels {
    Channels::new(powers(phases, actuators).collect())
}

fn powers(phases: &[char], actuators: &[(String, Vec<char>)]) -> impl Iterator<Item = String> {
    actuators.iter().flat_map(|(name, own)| {
        let both = phases.iter().filter(|phase| own.contains(phase));
        both.flat_map(move |phase| ["p_w", "q_var"].map(|power| format!("{name}.{power}.{phase}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_name() {
        let phases = ['a', 'b', 'c'];
        let actuators = [("x".to_owned(), vec!['c', 'a', 'b']), ("y".to_owned(), vec!['b', 'd'])];
        let has: Vec<_> = actuators.iter().map(|(_, own)| has(&phases, own)).collect();
        let (measured, commands) = (measured_channels(&phases, &actuators), command_channels(&phases, &actuators));
        let places = places(3, &has);
        for (own, (name, _)) in places.iter().zip(&actuators) {
            for (phase, at) in own.phases() {
                let p = format!("{name}.p_w.{}", phases[phase]);
                assert_eq!(measured.index(&p), Some(own.report + at));
                assert_eq!(commands.index(&p), Some(own.command + at));
                assert_eq!(commands.index(&p.replace("p_w", "q_var")), Some(own.command + at + 1));
            }
            assert_eq!(measured.index(&format!("{name}.p_min_w")), Some(own.limits));
            assert_eq!(measured.index(&format!("{name}.p_max_w")), Some(own.limits + 1));
        }
        assert_eq!((measured.names().len(), commands.names().len()), (18 + 8 + 4, 8));
        assert_eq!(measured.index("target.angle_deg.c"), Some(17));
    }
}
