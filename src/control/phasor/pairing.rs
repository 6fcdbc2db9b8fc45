//! Phasors of two nodes at one instant, from frames that arrive when they do.
//!
//! Angles of both nodes turn with the difference of the frequency from nominal: 0.05 Hz is 1.8° in 0.1 s. So an angle
//! between nodes is taken from measurements of the same tick only: a few past phasors of both are kept, and the newest of
//! the performance node for which the reference node's is known at that tick is used. Between two measurements of the
//! reference node its angle is interpolated, which is exact at a constant frequency.

use std::f64::consts::TAU;

use super::MOST_PHASES;
use crate::signal::{Channel, Frame};

/// Measurements of a node that are kept.
const KEPT: usize = 32;

/// The phasors of a node at a tick: magnitudes per unit, angles in rad.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub tick: u64,
    pub v_pu: [f64; MOST_PHASES],
    pub angle_rad: [f64; MOST_PHASES],
}

/// A node's newest magnitudes and its past phasors.
#[derive(Clone, Debug)]
pub(super) struct Node {
    phases: usize,
    /// The newest magnitudes, whether their angles are known or not.
    magnitudes: Option<Sample>,
    past: [Sample; KEPT],
    count: usize,
    next: usize,
}

impl Node {
    pub(super) fn new(phases: usize) -> Self {
        Self { phases: phases.min(MOST_PHASES), magnitudes: None, past: [Sample::default(); KEPT], count: 0, next: 0 }
    }

    /// Takes in what a frame says at a tick: magnitudes from a channel on, then angles in degrees.
    pub(super) fn read(&mut self, frame: &Frame, from: usize, tick: u64) {
        let (n, mut sample) = (self.phases, Sample::default());
        let first = frame.get(from);
        let good = |c: &Channel| c.valid && c.value.is_finite() && c.age == first.age;
        let mut angles = true;
        for phase in 0..n {
            let (v, angle) = (frame.get(from + phase), frame.get(from + n + phase));
            if !good(&v) {
                return;
            }
            angles &= good(&angle);
            (sample.v_pu[phase], sample.angle_rad[phase]) = (v.value, angle.value.to_radians());
        }
        sample.tick = tick.saturating_sub(first.age);
        if self.magnitudes.is_none_or(|m| sample.tick > m.tick) {
            self.magnitudes = Some(sample);
        }
        if angles && self.newest().is_none_or(|newest| sample.tick > newest.tick) {
            self.past[self.next] = sample;
            self.next = (self.next + 1) % KEPT;
            self.count = (self.count + 1).min(KEPT);
        }
    }

    /// The newest magnitudes.
    pub(super) const fn magnitudes(&self) -> Option<&Sample> {
        self.magnitudes.as_ref()
    }

    /// Past phasors, the newest first.
    fn newest_first(&self) -> impl Iterator<Item = &Sample> {
        (1..=self.count).map(|back| &self.past[(self.next + KEPT - back) % KEPT])
    }

    fn newest(&self) -> Option<&Sample> {
        self.newest_first().next()
    }

    /// The phasors at a tick, between measurements no further apart than that.
    fn at(&self, tick: u64, apart: u64) -> Option<Sample> {
        let mut after: Option<&Sample> = None;
        for sample in self.newest_first() {
            match after {
                _ if sample.tick == tick => return Some(*sample),
                Some(after) if sample.tick < tick => {
                    return (after.tick - sample.tick <= apart).then(|| between(sample, after, tick));
                }
                None if sample.tick < tick => return None,
                _ => after = Some(sample),
            }
        }
        None
    }
}

#[allow(clippy::cast_precision_loss, reason = "a few ticks")]
fn between(before: &Sample, after: &Sample, tick: u64) -> Sample {
    let part = (tick - before.tick) as f64 / (after.tick - before.tick).max(1) as f64;
    let v_pu = |k: usize| before.v_pu[k] + part * (after.v_pu[k] - before.v_pu[k]);
    let angle_rad = |k: usize| before.angle_rad[k] + part * short_way(after.angle_rad[k] - before.angle_rad[k]);
    Sample { tick, v_pu: std::array::from_fn(v_pu), angle_rad: std::array::from_fn(angle_rad) }
}

/// Phasors of a performance node relative to a reference node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    /// Magnitudes, and angles relative to the reference node.
    pub relative: Sample,
    /// Magnitudes at the reference node.
    pub reference_v_pu: [f64; MOST_PHASES],
}

impl Pair {
    /// The newest pair, of measurements that are no older than a tick. Where none is of one instant, that of the newest.
    pub(super) fn newest(performance: &Node, reference: &Node, oldest: u64) -> Option<Self> {
        let newest = [performance.newest()?, reference.newest()?];
        if newest.iter().any(|sample| sample.tick < oldest) {
            return None;
        }
        let apart = newest[1].tick - oldest;
        let recent = performance.newest_first().take_while(|sample| sample.tick >= oldest);
        let same = recent.filter_map(|own| Some((own, reference.at(own.tick, apart)?))).next();
        let (own, other) = same.unwrap_or((newest[0], *newest[1]));
        let angle = |k: usize| short_way(own.angle_rad[k] - other.angle_rad[k]);
        let relative = Sample { angle_rad: std::array::from_fn(angle), ..*own };
        Some(Self { relative, reference_v_pu: other.v_pu })
    }
}

/// An angle in rad by the short way round.
pub(super) fn short_way(angle_rad: f64) -> f64 {
    angle_rad - TAU * (angle_rad / TAU).round()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Tick;

    /// A frame of one node of one phase.
    fn frame(v_pu: f64, angle_deg: f64) -> Frame {
        let mut frame = Frame::new(2);
        frame.advance(Tick(1));
        frame.set(0, v_pu);
        frame.set(1, angle_deg);
        frame
    }

    /// A node with measurements of an angle that turns 3.6° a tick, `ahead` of another.
    fn turning(ticks: impl IntoIterator<Item = u64>, ahead: f64) -> Node {
        let mut node = Node::new(1);
        for tick in ticks {
            let angle = 3.6 * tick as f64 + ahead;
            node.read(&frame(1.0, (angle + 180.0).rem_euclid(360.0) - 180.0), 0, tick);
        }
        node
    }

    #[test]
    fn angles_are_of_one_instant_whichever_node_is_late() {
        for (performance, reference, tick) in [(1..=80, 1..=80, 80), (1..=80, 1..=77, 77), (1..=75, 1..=80, 75)] {
            let pair = Pair::newest(&turning(performance, -2.0), &turning(reference, 0.0), 60).unwrap();
            assert!((pair.relative.angle_rad[0].to_degrees() + 2.0).abs() < 1e-9, "{pair:?}");
            assert_eq!(pair.relative.tick, tick);
        }
    }

    #[test]
    fn a_reference_that_is_measured_more_seldom_is_interpolated() {
        let pair = Pair::newest(&turning(1..=100, -2.0), &turning((0..=98).step_by(7), 0.0), 80).unwrap();
        assert!((pair.relative.angle_rad[0].to_degrees() + 2.0).abs() < 1e-9, "{pair:?}");
        assert_eq!(pair.relative.tick, 98);
        let between = Pair::newest(&turning([96], -2.0), &turning([91, 98], 0.0), 80).unwrap();
        assert!((between.relative.angle_rad[0].to_degrees() + 2.0).abs() < 1e-9, "{between:?}");
        // Nothing is of one instant: the newest of both, 3 ticks apart.
        let apart = Pair::newest(&turning([99], -2.0), &turning([96], 0.0), 80).unwrap();
        assert!((apart.relative.angle_rad[0].to_degrees() - (3.0 * 3.6 - 2.0)).abs() < 1e-9, "{apart:?}");
    }

    #[test]
    fn what_is_too_old_is_no_pair() {
        assert!(Pair::newest(&turning(1..=50, 0.0), &turning(1..=49, 0.0), 50).is_none());
        assert!(Pair::newest(&turning(1..=50, 0.0), &Node::new(1), 0).is_none());
    }

    #[test]
    fn magnitudes_go_on_without_angles_and_old_news_is_none() {
        let mut node = turning(1..=5, 0.0);
        let mut late = frame(0.9, f64::NAN);
        node.read(&late, 0, 6);
        assert_eq!(node.magnitudes().map(|m| (m.tick, m.v_pu[0])), Some((6, 0.9)));
        assert_eq!(node.newest().map(|s| s.tick), Some(5));
        late.grow_older(4);
        late.set(1, 0.0);
        node.read(&late, 0, 7);
        assert_eq!(node.magnitudes().map(|m| m.tick), Some(6), "that was measured at 3");
        node.read(&Frame::new(2), 0, 8);
        assert_eq!(node.magnitudes().map(|m| m.tick), Some(6));
    }
}
