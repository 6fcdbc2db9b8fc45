//! Packets lost over a window of time, in bounded memory: 60 buckets.

/// Fewest packets of which a share is said.
pub(super) const FEWEST: f64 = 20.0;
/// Buckets in the window.
const BUCKETS: usize = 60;
/// A number so far below the last is not a late packet.
const ANEW: u64 = 1000;

/// Counts of the last window of time.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    window_s: f64,
    /// Number of the bucket since time 0, received, lost.
    buckets: [(i64, u64, u64); BUCKETS],
    last: Option<u64>,
}

impl Loss {
    pub(super) const fn new(window_s: f64) -> Self {
        Self { window_s, buckets: [(i64::MIN, 0, 0); BUCKETS], last: None }
    }

    /// Begins counting anew when the window is another.
    pub(super) fn set_window(&mut self, window_s: f64) {
        if window_s != self.window_s {
            *self = Self { last: self.last, ..Self::new(window_s) };
        }
    }

    /// What a packet's number says: received and lost.
    pub(super) fn packet(&mut self, number: u64) -> (u64, u64) {
        match self.last {
            Some(last) if number <= last && last - number < ANEW => (0, 0),
            Some(last) if number > last => {
                self.last = Some(number);
                (1, number - last - 1)
            }
            _ => {
                self.last = Some(number);
                (1, 0)
            }
        }
    }

    /// Adds counts, and tells those of the window that ends now.
    pub(super) fn add(&mut self, time_s: f64, received: u64, lost: u64) -> (f64, f64) {
        let number = (time_s / self.window_s * BUCKETS as f64).floor() as i64;
        let room = &mut self.buckets[number.rem_euclid(BUCKETS as i64) as usize];
        if room.0 != number {
            *room = (number, 0, 0);
        }
        room.1 = room.1.saturating_add(received);
        room.2 = room.2.saturating_add(lost);
        let oldest = number.saturating_sub(BUCKETS as i64);
        let recent = self.buckets.iter().filter(|(own, ..)| *own > oldest && *own <= number);
        recent.fold((0.0, 0.0), |(received, lost), (_, r, l)| (received + *r as f64, lost + *l as f64))
    }
}
