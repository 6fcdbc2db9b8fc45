//! A single-slot mailbox without locks: the newest message wins, nobody waits for anybody.
//!
//! One writer, any number of readers. Messages go round in a few slots; a reader that is lapped in the middle of one sees
//! that by the slot's number and reads the next newest. All memory is made at the start.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Slots that a message goes round in: a reader has to be lapped twice to lose one.
const ROUND: u64 = 4;
/// Times that a reader who was lapped tries again before it makes do with nothing new.
const TRIES: usize = 3;

/// The mailbox: messages are so many numbers, counted from 1.
#[derive(Debug)]
pub(super) struct Slots {
    latest: AtomicU64,
    slots: [Slot; ROUND as usize],
}

#[derive(Debug)]
struct Slot {
    /// Which message is in it; 0 while one is written.
    number: AtomicU64,
    values: Box<[AtomicU64]>,
}

impl Slots {
    pub(super) fn new(values: usize) -> Self {
        let slot = |_| Slot { number: AtomicU64::new(0), values: (0..values).map(|_| AtomicU64::new(0)).collect() };
        Self { latest: AtomicU64::new(0), slots: std::array::from_fn(slot) }
    }

    /// The number of the newest message; 0 before the first.
    pub(super) fn latest(&self) -> u64 {
        self.latest.load(Ordering::Acquire)
    }

    /// Writes the next message; there must be one writer only. Values beyond the mailbox's are dropped.
    pub(super) fn write(&self, values: impl Iterator<Item = u64>) {
        let number = self.latest.load(Ordering::Relaxed) + 1;
        let slot = self.slot(number);
        slot.number.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        for (own, value) in slot.values.iter().zip(values) {
            own.store(value, Ordering::Relaxed);
        }
        slot.number.store(number, Ordering::Release);
        self.latest.store(number, Ordering::Release);
    }

    /// Reads the newest message if it is newer than `seen`: its number.
    pub(super) fn read(&self, seen: u64, values: &mut [u64]) -> Option<u64> {
        (0..TRIES).find_map(|_| self.read_once(seen, values))
    }

    fn read_once(&self, seen: u64, values: &mut [u64]) -> Option<u64> {
        let number = self.latest();
        let slot = self.slot(number);
        if number <= seen || slot.number.load(Ordering::Acquire) != number {
            return None;
        }
        for (value, own) in values.iter_mut().zip(&slot.values) {
            *value = own.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        (slot.number.load(Ordering::Relaxed) == number).then_some(number)
    }

    #[allow(clippy::cast_possible_truncation, reason = "below the number of slots")]
    fn slot(&self, number: u64) -> &Slot {
        &self.slots[(number % ROUND) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_newest_message_is_read_once() {
        let slots = Slots::new(2);
        let mut read = [0; 2];
        assert_eq!(slots.read(0, &mut read), None);
        slots.write([1, 2].into_iter());
        slots.write([3, 4].into_iter());
        assert_eq!((slots.read(0, &mut read), read), (Some(2), [3, 4]));
        assert_eq!(slots.read(2, &mut read), None, "nothing newer");
    }

    #[test]
    fn no_message_is_torn_however_fast_it_is_written() {
        const MESSAGES: u64 = 200_000;
        let slots = Arc::new(Slots::new(16));
        let writer = {
            let slots = Arc::clone(&slots);
            std::thread::spawn(move || (1..=MESSAGES).for_each(|k| slots.write((0..16).map(|place| k * 16 + place))))
        };
        let (mut seen, mut read) = (0, [0; 16]);
        while seen < MESSAGES {
            let Some(number) = slots.read(seen, &mut read) else { continue };
            assert!(number > seen);
            seen = number;
            assert!((0..16).zip(read).all(|(place, value)| value == seen * 16 + place), "{seen}: {read:?}");
        }
        writer.join().unwrap();
    }
}
