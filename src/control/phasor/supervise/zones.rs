//! Zones with one S-PBC each, and layers above them: who decides when, and what it gives to whom.
//!
//! A zone owns performance nodes, and lies behind a head, through which its power flows. Its S-PBC decides once a period, from
//! the set-point of the head that the zone above has given, and gives set-points to the zones below it. Nobody decides
//! faster than those below: their answer has settled by then. Zones that decide in the same step do so from the top down, so
//! that a set-point acts in the step in which it is given. A zone whose set-point is older than its timeout goes on with
//! none: it is told so, and serves its own objective. This is bookkeeping; optimisation is somebody else's.

use crate::control::phasor::MOST_PHASES;
use crate::quantity::Tick;

/// A zone, as it is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// The zone above; `None` at the top.
    pub above: Option<usize>,
    /// Steps from one decision to the next.
    pub period: u64,
    /// Age in steps up to which a set-point of the head counts.
    pub timeout: u64,
    /// Performance nodes, by any numbers that are theirs alone.
    pub nodes: Vec<usize>,
}

/// Why zones cannot be nested so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// A zone lies in one that is not there.
    #[error("zone {0} lies in a zone that is not there")]
    NoSuchZone(usize),
    /// A zone lies, by way of others, in itself.
    #[error("zone {0} lies in itself")]
    Circle(usize),
    /// A period is no number of steps.
    #[error("zone {0} has a period of no step")]
    Period(usize),
    /// A zone decides faster than one below it, or not at its steps.
    #[error("the period of zone {above} is not a multiple of that of zone {below} below it")]
    Faster {
        /// The upper zone.
        above: usize,
        /// The lower zone.
        below: usize,
    },
    /// Two zones own one node.
    #[error("zones {one} and {other} both own node {node}")]
    TwoOwners {
        /// The node.
        node: usize,
        /// A zone.
        one: usize,
        /// Another.
        other: usize,
    },
}

/// Power through a head into its zone, by phase.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeadPower {
    /// Active power in W.
    pub p_w: [f64; MOST_PHASES],
    /// Reactive power in var.
    pub q_var: [f64; MOST_PHASES],
}

/// Zones at work.
#[derive(Clone, Debug)]
pub struct Zones {
    zones: Vec<Zone>,
    /// From the top down.
    order: Vec<usize>,
    given: Vec<Option<(HeadPower, Tick)>>,
}

impl Zones {
    /// Nested zones; all that is wrong with them.
    pub fn new(zones: Vec<Zone>) -> Result<Self, Vec<ZoneError>> {
        let depths: Vec<_> = (0..zones.len()).map(|k| depth(&zones, k)).collect();
        let mut wrong: Vec<_> = depths.iter().filter_map(|d| d.err()).collect();
        for (k, zone) in zones.iter().enumerate() {
            if zone.period == 0 {
                wrong.push(ZoneError::Period(k));
            } else if let Some((above, upper)) = zone.above.and_then(|a| Some((a, zones.get(a)?)))
                && !upper.period.is_multiple_of(zone.period)
            {
                wrong.push(ZoneError::Faster { above, below: k });
            }
            for (other, second) in zones.iter().enumerate().skip(k + 1) {
                let both = zone.nodes.iter().filter(|n| second.nodes.contains(n));
                wrong.extend(both.map(|node| ZoneError::TwoOwners { node: *node, one: k, other }));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut order: Vec<usize> = (0..zones.len()).collect();
        order.sort_by_key(|k| depths[*k].unwrap_or_default());
        Ok(Self { given: vec![None; zones.len()], zones, order })
    }

    /// The zones.
    pub fn zones(&self) -> &[Zone] {
        &self.zones
    }

    /// Zones that decide at a step, from the top down.
    pub fn due(&self, tick: Tick) -> impl Iterator<Item = usize> + '_ {
        self.order.iter().copied().filter(move |k| tick.0.is_multiple_of(self.zones[*k].period))
    }

    /// Zones directly below one.
    pub fn below(&self, zone: usize) -> impl Iterator<Item = usize> + '_ {
        self.zones.iter().enumerate().filter(move |(_, z)| z.above == Some(zone)).map(|(k, _)| k)
    }

    /// The zone that owns a performance node.
    pub fn owner(&self, node: usize) -> Option<usize> {
        self.zones.iter().position(|z| z.nodes.contains(&node))
    }

    /// Gives a zone below a set-point of its head; whether it is its own to give and is made of numbers.
    pub fn give(&mut self, from: usize, to: usize, power: HeadPower, tick: Tick) -> bool {
        let own = self.zones.get(to).is_some_and(|z| z.above == Some(from));
        let good = own && power.p_w.iter().chain(&power.q_var).all(|x| x.is_finite());
        if good {
            self.given[to] = Some((power, tick));
        }
        good
    }

    /// The set-point of a zone's head, where there is one that counts.
    pub fn head(&self, zone: usize, tick: Tick) -> Option<HeadPower> {
        let (power, given) = (*self.given.get(zone)?)?;
        (tick.0.saturating_sub(given.0) <= self.zones[zone].timeout).then_some(power)
    }
}

/// Zones above one.
fn depth(zones: &[Zone], zone: usize) -> Result<usize, ZoneError> {
    let (mut at, mut depth) = (zone, 0);
    while let Some(above) = zones[at].above {
        if above >= zones.len() {
            // Said once, of the zone itself.
            return if at == zone { Err(ZoneError::NoSuchZone(zone)) } else { Ok(depth) };
        }
        (at, depth) = (above, depth + 1);
        if depth > zones.len() {
            return Err(ZoneError::Circle(zone));
        }
    }
    Ok(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(above: Option<usize>, period: u64, nodes: &[usize]) -> Zone {
        Zone { above, period, timeout: 2 * period, nodes: nodes.to_vec() }
    }

    #[test]
    fn each_decides_at_its_own_period_from_the_top_down() {
        // Two zones of 10 and 20 steps under one of 60; the uppermost stands last.
        let zones = Zones::new(vec![zone(Some(2), 10, &[1, 2]), zone(Some(2), 20, &[3]), zone(None, 60, &[])]).unwrap();
        let due = |tick| zones.due(Tick(tick)).collect::<Vec<_>>();
        assert_eq!((due(60), due(70), due(80), due(75)), (vec![2, 0, 1], vec![0], vec![0, 1], vec![]));
        assert_eq!(zones.below(2).collect::<Vec<_>>(), [0, 1]);
        assert_eq!((zones.owner(3), zones.owner(9)), (Some(1), None));
    }

    #[test]
    fn a_set_point_counts_from_the_zone_above_and_until_its_timeout() {
        let mut zones = Zones::new(vec![zone(None, 60, &[]), zone(Some(0), 10, &[1])]).unwrap();
        let power = HeadPower { p_w: [1e5, 2e5, 3e5], q_var: [1e4; 3] };
        assert_eq!(zones.head(1, Tick(0)), None);
        assert!(zones.give(0, 1, power, Tick(60)));
        let nan = HeadPower { q_var: [f64::NAN; 3], ..power };
        assert!(!zones.give(1, 1, HeadPower::default(), Tick(60)) && !zones.give(0, 1, nan, Tick(60)));
        assert!(!zones.give(0, 7, power, Tick(60)) && zones.head(7, Tick(0)).is_none());
        assert_eq!((zones.head(1, Tick(80)), zones.head(1, Tick(81))), (Some(power), None));
    }

    #[test]
    fn everything_that_is_wrong_is_said() {
        let wrong = |zones| Zones::new(zones).unwrap_err();
        assert_eq!(wrong(vec![zone(Some(4), 1, &[])]), [ZoneError::NoSuchZone(0)]);
        assert_eq!(
            wrong(vec![zone(Some(1), 5, &[]), zone(Some(0), 5, &[])]),
            [ZoneError::Circle(0), ZoneError::Circle(1)]
        );
        assert_eq!(
            wrong(vec![zone(None, 15, &[7]), zone(Some(0), 10, &[7]), zone(Some(0), 0, &[])]),
            [
                ZoneError::TwoOwners { node: 7, one: 0, other: 1 },
                ZoneError::Faster { above: 0, below: 1 },
                ZoneError::Period(2),
            ]
        );
        assert!(Zones::new(Vec::new()).is_ok_and(|z| z.due(Tick(0)).next().is_none()));
    }
}
