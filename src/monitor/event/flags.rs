//! Which windows are flagged: those that a dip, swell or interruption touches, taken from a cycle before its start, since
//! the value that began it was measured over that cycle.

use super::{Event, EventKind};

/// Events whose time is remembered.
const REMEMBERED: usize = 64;

/// When the last events were.
#[derive(Clone, Debug)]
pub(super) struct Flags {
    cycle_s: f64,
    ranges: [(f64, f64); REMEMBERED],
    count: usize,
}

impl Flags {
    pub(super) const fn new(cycle_s: f64) -> Self {
        Self { cycle_s, ranges: [(f64::INFINITY, f64::NEG_INFINITY); REMEMBERED], count: 0 }
    }

    pub(super) fn add(&mut self, event: &Event) {
        if event.kind != EventKind::Rvc {
            self.ranges[self.count % REMEMBERED] = (event.start_s, event.start_s + event.duration_s);
            self.count += 1;
        }
    }

    pub(super) fn decided(&self, to_s: f64, known_until_s: f64) -> bool {
        known_until_s >= to_s + self.cycle_s
    }

    pub(super) fn flagged(&self, from_s: f64, to_s: f64, open_since_s: Option<f64>) -> bool {
        let open = open_since_s.is_some_and(|start| start - self.cycle_s < to_s);
        open || self.ranges.iter().any(|(start, end)| start - self.cycle_s < to_s && *end > from_s)
    }
}
