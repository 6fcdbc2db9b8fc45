//! Where a frame's own time stands on the session's clock, and whether the device's clock has jumped.
//!
//! Limits: a frame that is less than 1 s before the one before is taken for a late one, so a clock that is set back by less
//! loses as much data, and so does one that is ahead by less than 1 s for a frame. A leap second that the device's clock repeats looks like a step back by 1 s.

/// From here on a difference is a jump, in µs.
const JUMP_US: i64 = 1_000_000;
/// The session's clock may run away from UTC by one part of so many: what is taken for delay is forgotten as fast.
const DRIFT: i64 = 10_000;

/// What a frame's time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// New; its origin in µs.
    Fresh(u64),
    /// Before the newest.
    Late,
    /// That of the newest.
    Duplicate,
    /// Not where the clock should be; its origin in µs as far as it can be told.
    Jump(u64),
}

/// The frames' times so far.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// UTC and arrival of the newest frame.
    newest: Option<(i64, i64)>,
    /// What a UTC time has to be moved by to be one of the session.
    offset_us: Option<i64>,
    fixed: bool,
}

fn signed(us: u64) -> i64 {
    i64::try_from(us).unwrap_or(i64::MAX)
}

impl Timeline {
    /// A timeline; where the session's 0 is known in UTC, times are put by it.
    pub(super) fn new(utc_at_zero_us: Option<u64>) -> Self {
        let offset_us = utc_at_zero_us.map(|us| -signed(us));
        Self { newest: None, offset_us, fixed: offset_us.is_some() }
    }

    /// Places a frame of a time that came at another, in a stream with so much between frames.
    pub(super) fn place(&mut self, utc_us: u64, received_us: u64, period_us: u64) -> Placed {
        let (utc, received) = (signed(utc_us), signed(received_us));
        let Some((last_utc, last_received)) = self.newest else {
            self.newest = Some((utc, received));
            return Placed::Fresh(self.origin(utc, received, 0));
        };
        let (passed, waited) = (utc.saturating_sub(last_utc), received.saturating_sub(last_received));
        if passed == 0 {
            return Placed::Duplicate;
        }
        if passed < 0 && passed > -JUMP_US {
            return Placed::Late;
        }
        self.newest = Some((utc, received));
        let ahead = passed.saturating_sub(waited) > JUMP_US && passed > JUMP_US.saturating_add(signed(period_us));
        if passed < 0 || ahead {
            self.offset_us = self.offset_us.filter(|_| self.fixed);
            return Placed::Jump(self.origin(utc, received, 0));
        }
        Placed::Fresh(self.origin(utc, received, passed))
    }

    /// The session's time of a UTC time; never after the arrival. `passed` since the frame before.
    fn origin(&mut self, utc: i64, received: i64, passed: i64) -> u64 {
        let latest = received.saturating_sub(utc);
        let drift = if self.fixed { 0 } else { passed.max(0) / DRIFT };
        let offset = self.offset_us.map_or(latest, |offset| offset.saturating_add(drift).min(latest));
        if !self.fixed {
            self.offset_us = Some(offset);
        }
        u64::try_from(utc.saturating_add(offset)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Placed::{Duplicate, Fresh, Jump, Late};

    /// 2023-11-14 22:13:20 UTC.
    const UTC: u64 = 1_700_000_000_000_000;

    #[test]
    fn the_first_frame_is_put_where_it_came_and_less_delay_moves_it() {
        let mut line = Timeline::new(None);
        assert_eq!(line.place(UTC, 1000, 20_000), Fresh(1000));
        assert_eq!(line.place(UTC + 20_000, 26_000, 20_000), Fresh(21_002), "5 ms more on its way");
        assert_eq!(line.place(UTC + 40_000, 40_500, 20_000), Fresh(40_500), "0.5 ms less than the first");
        assert_eq!(line.place(UTC + 60_000, 61_000, 20_000), Fresh(60_502));
    }

    #[test]
    fn a_clock_that_drifts_is_no_delay() {
        let mut line = Timeline::new(None);
        line.place(UTC, 0, 1_000_000);
        // The session's clock is 50 ppm fast: 180 ms an hour.
        let late = (1..7200_u64).map(|k| match line.place(UTC + k * 1_000_000, k * 1_000_050, 1_000_000) {
            Fresh(origin) => k * 1_000_050 - origin,
            other => panic!("{other:?}"),
        });
        assert!(late.max().unwrap() < 100, "µs");
    }

    #[test]
    fn known_utc_gives_the_delay_of_the_first_too() {
        let mut line = Timeline::new(Some(UTC));
        assert_eq!(line.place(UTC + 100, 30_000, 20_000), Fresh(100));
        assert_eq!(line.place(UTC + 20_100, 10_000, 20_000), Fresh(10_000), "not from the future");
    }

    #[test]
    fn late_and_double_frames_are_not_new() {
        let mut line = Timeline::new(None);
        line.place(UTC, 0, 20_000);
        line.place(UTC + 40_000, 40_000, 20_000);
        assert_eq!(line.place(UTC + 40_000, 50_000, 20_000), Duplicate);
        assert_eq!(line.place(UTC + 20_000, 51_000, 20_000), Late);
        assert_eq!(line.place(UTC + 60_000, 61_000, 20_000), Fresh(60_002));
    }

    #[test]
    fn a_clock_that_is_set_is_a_jump_but_a_gap_is_none() {
        let mut line = Timeline::new(None);
        line.place(UTC, 0, 20_000);
        assert_eq!(line.place(UTC + 3_000_000, 3_000_000, 20_000), Fresh(3_000_000), "three seconds without frames");
        assert_eq!(line.place(UTC + 3_020_000, 6_000_000, 20_000), Fresh(3_020_002), "held up on the way");
        assert_eq!(line.place(UTC + 9_000_000, 6_020_000, 20_000), Jump(6_020_000), "3 s too early");
        assert_eq!(line.place(UTC + 9_020_000, 6_041_000, 20_000), Fresh(6_040_002), "goes on from there");
        assert_eq!(line.place(UTC + 1_000_000, 6_060_000, 20_000), Jump(6_060_000), "set back");
        let mut slow = Timeline::new(None);
        slow.place(UTC, 2_000_000, 10_000_000);
        assert_eq!(slow.place(UTC + 10_000_000, 10_000_000, 10_000_000), Fresh(10_000_000), "the first was 2 s late");
        let mut edge = Timeline::new(Some(u64::MAX));
        assert_eq!(edge.place(u64::MAX, u64::MAX, u64::MAX), Fresh(0));
    }
}
