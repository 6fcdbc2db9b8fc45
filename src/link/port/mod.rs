//! Where the loop meets the driver of a device on the wire: two mailboxes, what the driver is to do, how it fares.
//!
//! The loop has the [`LoopEnd`]: it leaves set-points and takes the newest sample, and never waits. The driver – Modbus,
//! CAN, synchrophasors, in a thread of its own – has the [`DriverEnd`]. A driver's duties, whatever it speaks:
//!
//! - It writes to the device only while [`DriverEnd::directive`] says so: [`Directive::Operate`] the latest set-points,
//!   [`Directive::Safe`] its description's safe state, once and again after each reconnect. [`Directive::Watch`] reads only.
//! - [`Directive::End`] is the loop's end, however it came about (the other end was dropped, a panic included): it leaves
//!   the device in its safe state, as [`Directive::Safe`] would, unless it has never written, and ends.
//! - A loop that has not beaten ([`LoopEnd::beat`]) for [`DriverEnd::stalled`]'s time hangs: its set-points are as good as
//!   none, and [`Directive::Operate`] means the safe state.
//! - It publishes a sample each time that it has read all of the device's points, not one that it held from before. What
//!   could not be read is NaN.

mod slots;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use slots::Slots;

/// What the loop wants of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Read, and write nothing.
    Watch,
    /// Read, and write the latest set-points.
    Operate,
    /// Read, and have written the safe state.
    Safe,
    /// Leave it in its safe state and end.
    End,
}

/// How a link fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It has not been up yet.
    Connecting,
    /// The device answers.
    Up,
    /// It was up and is not; the driver tries again.
    Down,
    /// It answers what cannot be right: its samples are not to be used.
    Wrong,
    /// The driver has ended.
    Ended,
}

/// When a sample came about, on the clock of the session that all links of a run share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Counts the samples of this link from 1.
    pub sequence: u64,
    /// When the device measured it, or when it was first asked, in µs.
    pub origin_us: u64,
    /// When all of it had arrived, in µs.
    pub received_us: u64,
    /// Whether the device held what it had been told by then, as read back from it.
    pub confirmed: bool,
}

/// Numbers before the values of a sample.
const HEADER: usize = 3;

#[derive(Debug)]
struct Shared {
    measured: Slots,
    commanded: Slots,
    directive: AtomicU8,
    state: AtomicU8,
    /// When the loop's last step was, in µs; 0 before the first.
    beat_us: AtomicU64,
    /// Set where the device holds what it was last told, as read back from it.
    confirmed: AtomicBool,
    /// What went wrong last; nobody on the loop's side reads it while it runs.
    trouble: Mutex<Option<String>>,
    /// Answers and messages that came damaged.
    errors: AtomicU64,
}

/// The loop's end. Dropping it tells the driver to end.
#[derive(Debug)]
pub struct LoopEnd {
    shared: Arc<Shared>,
    raw: Box<[u64]>,
    seen: u64,
}

/// The driver's end.
#[derive(Debug)]
pub struct DriverEnd {
    shared: Arc<Shared>,
    raw: Box<[u64]>,
    seen: u64,
}

/// A port for samples of so many points and commands of so many set-points.
pub fn port(points: usize, set_points: usize) -> (LoopEnd, DriverEnd) {
    let shared = Arc::new(Shared {
        measured: Slots::new(points + HEADER),
        commanded: Slots::new(set_points),
        directive: AtomicU8::new(Directive::Watch as u8),
        state: AtomicU8::new(LinkState::Connecting as u8),
        beat_us: AtomicU64::new(0),
        confirmed: AtomicBool::new(false),
        trouble: Mutex::new(None),
        errors: AtomicU64::new(0),
    });
    let loop_end = LoopEnd { shared: Arc::clone(&shared), raw: vec![0; points + HEADER].into(), seen: 0 };
    (loop_end, DriverEnd { shared, raw: vec![0; set_points].into(), seen: 0 })
}

impl Shared {
    fn directive(&self) -> Directive {
        match self.directive.load(Ordering::Acquire) {
            0 => Directive::Watch,
            1 => Directive::Operate,
            2 => Directive::Safe,
            _ => Directive::End,
        }
    }

    fn state(&self) -> LinkState {
        match self.state.load(Ordering::Acquire) {
            0 => LinkState::Connecting,
            1 => LinkState::Up,
            2 => LinkState::Down,
            3 => LinkState::Wrong,
            _ => LinkState::Ended,
        }
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LoopEnd {
    /// Takes the newest sample, if there is one that was not taken yet; NaN for what is not valid. Values beyond the port's
    /// points stay as they are. Samples that came between are lost: the stamp's sequence tells.
    pub fn take(&mut self, values: &mut [f64]) -> Option<Stamp> {
        let sequence = self.shared.measured.read(self.seen, &mut self.raw)?;
        self.seen = sequence;
        let (header, sample) = self.raw.split_at(HEADER);
        for (value, &raw) in values.iter_mut().zip(sample) {
            *value = f64::from_bits(raw);
        }
        Some(Stamp { sequence, origin_us: header[0], received_us: header[1], confirmed: header[2] != 0 })
    }

    /// Leaves set-points for the driver; they are written while the directive is [`Directive::Operate`]. NaN is not written.
    pub fn command(&self, set_points: &[f64]) {
        self.shared.commanded.write(set_points.iter().map(|value| value.to_bits()));
    }

    /// Says that a step of the loop is at this time of the session, in µs.
    pub fn beat(&self, now_us: u64) {
        self.shared.beat_us.store(now_us.max(1), Ordering::Release);
    }

    /// Says what the driver is to do from now on.
    pub fn direct(&self, directive: Directive) {
        self.shared.directive.store(directive as u8, Ordering::Release);
    }

    /// What the driver is told to do.
    pub fn directive(&self) -> Directive {
        self.shared.directive()
    }

    /// How the link fares.
    pub fn state(&self) -> LinkState {
        self.shared.state()
    }

    /// Whether the device holds what it was last told to, as read back from it.
    pub fn confirmed(&self) -> bool {
        self.shared.confirmed.load(Ordering::Acquire)
    }

    /// Answers and messages so far that came damaged, as far as the driver can tell.
    pub fn errors(&self) -> u64 {
        self.shared.errors.load(Ordering::Relaxed)
    }

    /// What went wrong last, in words. It locks: not for the loop.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }
}

impl Drop for LoopEnd {
    fn drop(&mut self) {
        self.direct(Directive::End);
    }
}

impl DriverEnd {
    /// What is wanted.
    pub fn directive(&self) -> Directive {
        self.shared.directive()
    }

    /// When the loop's last step was, in µs of the session; `None` before the first.
    pub fn beat_us(&self) -> Option<u64> {
        Some(self.shared.beat_us.load(Ordering::Acquire)).filter(|&at| at > 0)
    }

    /// Whether a loop that has begun has not beaten for so many µs.
    pub fn stalled(&self, now_us: u64, limit_us: u64) -> bool {
        self.beat_us().is_some_and(|beat| now_us.saturating_sub(beat) > limit_us)
    }

    /// Publishes a sample: values by point, NaN where there is none.
    pub fn publish(&self, origin_us: u64, received_us: u64, values: &[f64]) {
        let confirmed = u64::from(self.shared.confirmed.load(Ordering::Acquire));
        let header = [origin_us, received_us, confirmed].into_iter();
        self.shared.measured.write(header.chain(values.iter().map(|value| value.to_bits())));
    }

    /// The set-points as they stand, and whether they are newer than those of the last call; `None` before the first.
    pub fn commands(&mut self, set_points: &mut [f64]) -> Option<bool> {
        let newer = self.shared.commanded.read(self.seen, &mut self.raw);
        self.seen = newer.unwrap_or(self.seen);
        for (value, &raw) in set_points.iter_mut().zip(&self.raw) {
            *value = f64::from_bits(raw);
        }
        (self.seen > 0).then_some(newer.is_some())
    }

    /// Says how the link fares, and why where it is not up.
    pub fn report(&self, state: LinkState, trouble: Option<String>) {
        if let Some(trouble) = trouble {
            *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
        }
        self.shared.state.store(state as u8, Ordering::Release);
    }

    /// Counts answers or messages that came damaged.
    pub fn count_errors(&self, more: u64) {
        if more > 0 {
            self.shared.errors.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Says whether the device holds what it was told, as of the samples that are published from now on.
    pub fn confirm(&self, confirmed: bool) {
        self.shared.confirmed.store(confirmed, Ordering::Release);
    }

    /// How the link fares.
    pub fn state(&self) -> LinkState {
        self.shared.state()
    }
}

impl Drop for DriverEnd {
    fn drop(&mut self) {
        self.report(LinkState::Ended, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_set_points_cross_once() {
        let (mut own, mut driver) = port(2, 1);
        let mut values = [0.0; 2];
        assert_eq!((own.take(&mut values), driver.commands(&mut [0.0])), (None, None));
        driver.publish(5, 9, &[1.5, f64::NAN]);
        driver.publish(6, 10, &[2.5, f64::NAN]);
        let stamp = own.take(&mut values);
        assert_eq!(stamp, Some(Stamp { sequence: 2, origin_us: 6, received_us: 10, confirmed: false }), "one was lost");
        assert_eq!((values[0], values[1].is_nan(), own.take(&mut values)), (2.5, true, None));
        own.command(&[7.0]);
        let mut set = [0.0];
        assert_eq!((driver.commands(&mut set), set), (Some(true), [7.0]));
        assert_eq!(driver.commands(&mut set), Some(false));
    }

    #[test]
    fn whoever_goes_is_missed() {
        let (own, driver) = port(1, 1);
        own.direct(Directive::Operate);
        assert_eq!(driver.directive(), Directive::Operate);
        driver.report(LinkState::Down, Some("no cable".into()));
        assert_eq!((own.state(), own.trouble().as_deref()), (LinkState::Down, Some("no cable")));
        let watched = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _held = own;
            panic!("the loop's thread");
        }));
        assert!(watched.is_err());
        assert_eq!(driver.directive(), Directive::End);
        let (own, driver) = port(1, 1);
        drop(driver);
        assert_eq!(own.state(), LinkState::Ended);
    }
}
