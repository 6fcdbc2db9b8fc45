//! A line that carries frames: each arrives some ticks after it was sent, or never. What arrives late is not taken for
//! new, so a line whose delay shrinks may deliver frames out of order and still holds the newest.

use super::frame::Frame;
use crate::quantity::Tick;

/// A line between a sender and a receiver, with the newest frame that has arrived.
#[derive(Clone, Debug)]
pub struct Line {
    under_way: Vec<Slot>,
    held: Frame,
    /// The tick that the ages in `held` are of.
    seen: Tick,
    delay: u64,
    extra: u64,
    lost: bool,
}

/// Room for a frame under way.
#[derive(Clone, Debug)]
struct Slot {
    frame: Frame,
    /// When it arrives; `None` when the room is free.
    due: Option<Tick>,
}

impl Line {
    /// A line for frames of `channels` channels, sent at most every `every` ticks, that arrive `delay` ticks later, or up
    /// to `most_extra` later than that.
    pub fn new(channels: usize, every: u64, delay: u64, most_extra: u64) -> Self {
        let slot = Slot { frame: Frame::new(channels), due: None };
        Self {
            under_way: vec![slot; Self::room(every, delay.saturating_add(most_extra))],
            held: Frame::new(channels),
            seen: Tick(0),
            delay,
            extra: 0,
            lost: false,
        }
    }

    /// How many frames may be under way at once, when one is sent every `every` ticks and arrives `delay` later.
    pub fn room(every: u64, delay: u64) -> usize {
        usize::try_from(delay / every.max(1) + 2).unwrap_or(usize::MAX)
    }

    /// Lets frames sent from now on arrive so many ticks later than usual.
    pub fn set_extra(&mut self, ticks: u64) {
        self.extra = ticks;
    }

    /// Cuts the line, or mends it. What is sent or would arrive in the meantime is gone.
    pub fn set_lost(&mut self, lost: bool) {
        self.lost = lost;
    }

    /// Sends a frame at its origin.
    pub fn send(&mut self, frame: &Frame) {
        self.send_later(frame, 0);
    }

    /// Sends a frame at its origin that arrives so many ticks later than others do; that is part of `most_extra`.
    pub fn send_later(&mut self, frame: &Frame, ticks: u64) {
        if self.lost {
            return;
        }
        let free = self.under_way.iter().position(|slot| slot.due.is_none());
        if let Some(slot) = free.and_then(|k| self.under_way.get_mut(k)) {
            slot.frame.take(frame, 0);
            slot.due = Some(Tick(frame.origin.0.saturating_add(self.delay + self.extra).saturating_add(ticks)));
        }
    }

    /// Takes in what has arrived by a tick; ticks do not decrease. Whether that was a newer frame than the one before.
    pub fn receive(&mut self, tick: Tick) -> bool {
        self.held.grow_older(tick.0 - self.seen.0);
        self.seen = tick;
        let mut newer = false;
        for slot in &mut self.under_way {
            if slot.due.take_if(|due| *due <= tick).is_none() || self.lost {
                continue;
            }
            if slot.frame.sequence > self.held.sequence {
                self.held.take(&slot.frame, tick.0 - slot.frame.origin.0);
                newer = true;
            }
        }
        newer
    }

    /// The newest frame that has arrived; its sequence is 0 before the first.
    pub const fn held(&self) -> &Frame {
        &self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends its own tick as the value at every tick, and tells what is held after each: (value, age).
    fn run(line: &mut Line, ticks: std::ops::RangeInclusive<u64>, frame: &mut Frame) -> Vec<(f64, u64)> {
        let step = |k: u64| {
            frame.advance(Tick(k));
            frame.set(0, k as f64);
            line.send(frame);
            line.receive(Tick(k));
            (line.held().get(0).value, line.held().get(0).age)
        };
        ticks.map(step).collect()
    }

    #[test]
    fn frames_arrive_late_and_grow_older() {
        let (mut line, mut frame) = (Line::new(1, 1, 2, 0), Frame::new(1));
        let seen = run(&mut line, 1..=4, &mut frame);
        assert!(seen[0].0.is_nan() && seen[1].0.is_nan());
        assert_eq!(seen[0].1, 1, "nothing since the start");
        assert_eq!(seen[2..], [(1.0, 2), (2.0, 2)]);
        assert!(!line.receive(Tick(4)) && line.receive(Tick(6)));
        assert_eq!((line.held().get(0).value, line.held().get(0).age), (4.0, 2));
        line.receive(Tick(9));
        assert_eq!(line.held().get(0).age, 5);
    }

    #[test]
    fn a_cut_line_delivers_nothing() {
        let (mut line, mut frame) = (Line::new(1, 1, 1, 0), Frame::new(1));
        run(&mut line, 1..=3, &mut frame);
        line.set_lost(true);
        assert_eq!(run(&mut line, 4..=6, &mut frame), [(2.0, 2), (2.0, 3), (2.0, 4)]);
        line.set_lost(false);
        assert_eq!(run(&mut line, 7..=8, &mut frame), [(2.0, 5), (7.0, 1)]);
    }

    #[test]
    fn a_shrinking_delay_never_brings_old_news() {
        let (mut line, mut frame) = (Line::new(1, 1, 0, 3), Frame::new(1));
        line.set_extra(3);
        assert!(run(&mut line, 1..=2, &mut frame)[1].0.is_nan());
        line.set_extra(0);
        // Frames 1 and 2 are due at 4 and 5, when newer ones have come.
        let seen: Vec<f64> = run(&mut line, 3..=6, &mut frame).iter().map(|s| s.0).collect();
        assert_eq!(seen, [3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn a_frame_that_is_late_by_itself_is_overtaken() {
        let (mut line, mut frame) = (Line::new(1, 1, 1, 2), Frame::new(1));
        let seen: Vec<f64> = (1..=6u32)
            .map(|k| {
                frame.advance(Tick(u64::from(k)));
                frame.set(0, f64::from(k));
                line.send_later(&frame, if k == 2 { 2 } else { 0 });
                line.receive(Tick(u64::from(k)));
                line.held().get(0).value
            })
            .collect();
        // The second is due at 5, and the third has come at 4.
        assert_eq!(seen[1..], [1.0, 1.0, 3.0, 4.0, 5.0]);
    }
}
