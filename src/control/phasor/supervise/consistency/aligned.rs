//! Numbers of several senders, put together by the tick at which they were measured: frames arrive when they do, or never.

/// Ticks back for which numbers are kept.
const KEPT: usize = 64;

/// What several senders measured at the last few ticks.
#[derive(Clone, Debug)]
pub struct Aligned {
    /// Where each sender's numbers begin in a row, and where the last one's end.
    from: Vec<usize>,
    /// Rows by tick modulo their number.
    rows: Vec<f64>,
    /// One more than the tick of each sender's numbers in each row; 0 where there are none.
    stamps: Vec<u64>,
    /// The first tick that is still of interest.
    next: u64,
}

impl Aligned {
    /// Senders with so many numbers each.
    pub fn new(widths: &[usize]) -> Self {
        let sum = |k: usize| widths[..k].iter().sum();
        let from: Vec<usize> = (0..=widths.len()).map(sum).collect();
        let width = from.last().copied().unwrap_or(0);
        Self { from, rows: vec![f64::NAN; KEPT * width], stamps: vec![0; KEPT * widths.len()], next: 0 }
    }

    fn senders(&self) -> usize {
        self.from.len() - 1
    }

    fn width(&self) -> usize {
        self.from.last().copied().unwrap_or(0)
    }

    /// Takes in what a sender measured at a tick, number by number.
    pub fn put(&mut self, sender: usize, tick: u64, number: impl Fn(usize) -> f64) {
        let (slot, senders, width) = (place(tick), self.senders(), self.width());
        let Some(stamp) = self.stamps.get_mut(slot * senders + sender).filter(|own| **own <= tick) else { return };
        *stamp = tick + 1;
        let (from, to) = (self.from[sender], self.from[sender + 1]);
        for (k, own) in self.rows[slot * width + from..slot * width + to].iter_mut().enumerate() {
            *own = number(k);
        }
    }

    /// The newest tick at which all senders measured and that has not been taken yet, and what they did; `now` is the
    /// newest that there can be.
    pub fn take(&mut self, now: u64) -> Option<(u64, &[f64])> {
        let (senders, width) = (self.senders(), self.width());
        let oldest = self.next.max(now.saturating_sub(KEPT as u64 - 1));
        let whole = |tick: &u64| {
            let slot = place(*tick);
            self.stamps[slot * senders..(slot + 1) * senders].iter().all(|stamp| *stamp == tick + 1)
        };
        let tick = (oldest..=now).rev().find(whole)?;
        self.next = tick + 1;
        let slot = place(tick);
        Some((tick, &self.rows[slot * width..(slot + 1) * width]))
    }
}

const fn place(tick: u64) -> usize {
    (tick % KEPT as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_one_instant_come_together_whenever_they_arrive() {
        let mut own = Aligned::new(&[1, 2]);
        own.put(0, 5, |_| 5.0);
        own.put(0, 6, |_| 6.0);
        assert_eq!(own.take(6), None, "the second sender is late");
        own.put(1, 4, |_| 4.0);
        assert_eq!(own.take(7), None);
        own.put(1, 5, |k| 50.0 + k as f64);
        assert_eq!(own.take(7), Some((5, &[5.0, 50.0, 51.0][..])));
        assert_eq!(own.take(7), None, "each instant counts once");
        // A frame that is lost is passed over; one that was overtaken is not taken.
        own.put(0, 7, |_| 7.0);
        own.put(1, 7, |k| 70.0 + k as f64);
        assert_eq!(own.take(7), Some((7, &[7.0, 70.0, 71.0][..])));
        own.put(1, 6, |_| 60.0);
        assert_eq!(own.take(8), None);
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let mut own = Aligned::new(&[1, 1]);
        own.put(0, 1, |_| 1.0);
        own.put(0, 1 + KEPT as u64, |_| 2.0);
        own.put(0, 1, |_| 3.0);
        own.put(1, 1, |_| 4.0);
        assert_eq!(own.take(2 + KEPT as u64), None);
        own.put(1, 1 + KEPT as u64, |_| 5.0);
        assert_eq!(own.take(2 + KEPT as u64), Some((1 + KEPT as u64, &[2.0, 5.0][..])));
    }
}
