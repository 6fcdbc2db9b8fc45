//! A CAN bus in memory: any number of ends, what one sends all others receive, in the order of sending. Nothing depends on
//! a clock or on chance, so that a batch run is the same again. Faults can be switched on: lost and broken frames, an end
//! that babbles, the bus off.
//!
//! An end that does not receive keeps the newest [`LONGEST_QUEUE`] frames. The bus has no bit rate: a frame arrives when it
//! is sent, and arbitration does not happen.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{BusError, Received};
use crate::link::can::frame::{CanFrame, ERROR_PROTOCOL};

/// Frames that wait for one end.
pub const LONGEST_QUEUE: usize = 4096;

/// What is wrong with a bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Of so many frames sent, the last is lost.
    Drop {
        /// 1 loses all.
        every: u32,
    },
    /// Of so many frames sent, the last arrives as an error frame.
    Corrupt {
        /// 1 breaks all.
        every: u32,
    },
    /// Before each frame that is sent, others get so many of this one.
    Babble {
        /// What is babbled.
        frame: CanFrame,
        /// How many times.
        times: u16,
    },
    /// Nobody can send, receive or connect.
    Off,
}

#[derive(Debug)]
struct End {
    number: u64,
    queue: VecDeque<CanFrame>,
    bell: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Net {
    ends: Vec<End>,
    next: u64,
    sent: u64,
    fault: Fault,
    /// Frames that an end lost because it did not receive.
    overrun: u64,
}

/// A bus in memory; clones are the same bus.
#[derive(Clone, Debug, Default)]
pub struct VirtualBus(Arc<Mutex<Net>>);

/// One connection to it. Dropping it disconnects.
#[derive(Debug)]
pub struct VirtualEnd {
    bus: VirtualBus,
    number: u64,
    bell: Arc<Notify>,
}

impl VirtualBus {
    /// A bus without ends.
    pub fn new() -> Self {
        Self::default()
    }

    fn net(&self) -> MutexGuard<'_, Net> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new end.
    ///
    /// # Errors
    /// While the bus is off.
    pub fn connect(&self) -> Result<VirtualEnd, BusError> {
        let mut net = self.net();
        if net.fault == Fault::Off {
            return Err(BusError::Down);
        }
        let (number, bell) = (net.next, Arc::new(Notify::new()));
        net.next += 1;
        net.ends.push(End { number, queue: VecDeque::new(), bell: Arc::clone(&bell) });
        drop(net);
        Ok(VirtualEnd { bus: self.clone(), number, bell })
    }

    /// What is wrong from now on. Going off, frames that were not yet received are lost.
    pub fn set_fault(&self, fault: Fault) {
        let mut net = self.net();
        net.fault = fault;
        if fault == Fault::Off {
            for end in &mut net.ends {
                end.queue.clear();
                end.bell.notify_one();
            }
        }
    }

    /// Frames sent so far, lost ones included.
    pub fn sent(&self) -> u64 {
        self.net().sent
    }

    /// Frames that were lost because an end did not receive them in time.
    pub fn overrun(&self) -> u64 {
        self.net().overrun
    }
}

impl Net {
    fn deliver(&mut self, from: u64, frame: &CanFrame) {
        for end in self.ends.iter_mut().filter(|end| end.number != from) {
            if end.queue.len() >= LONGEST_QUEUE {
                end.queue.pop_front();
                self.overrun += 1;
            }
            end.queue.push_back(*frame);
            end.bell.notify_one();
        }
    }

    fn send(&mut self, from: u64, frame: &CanFrame) -> Result<(), BusError> {
        self.sent += 1;
        let hit = |every: u32| self.sent.is_multiple_of(u64::from(every.max(1)));
        match self.fault {
            Fault::Off => return Err(BusError::Down),
            Fault::Drop { every } if hit(every) => return Ok(()),
            Fault::Corrupt { every } if hit(every) => self.deliver(from, &CanFrame::error(ERROR_PROTOCOL, &[])),
            Fault::Babble { frame: babble, times } => {
                (0..times).for_each(|_| self.deliver(u64::MAX, &babble));
                self.deliver(from, frame);
            }
            _ => self.deliver(from, frame),
        }
        Ok(())
    }
}

impl VirtualEnd {
    /// Sends a frame to all other ends.
    ///
    /// # Errors
    /// While the bus is off.
    pub fn send(&self, frame: &CanFrame) -> Result<(), BusError> {
        self.bus.net().send(self.number, frame)
    }

    /// The next frame, if there is one.
    ///
    /// # Errors
    /// While the bus is off.
    pub fn try_recv(&self) -> Result<Option<CanFrame>, BusError> {
        let mut net = self.bus.net();
        if net.fault == Fault::Off {
            return Err(BusError::Down);
        }
        let own = net.ends.iter_mut().find(|end| end.number == self.number);
        Ok(own.and_then(|end| end.queue.pop_front()))
    }

    /// Waits for a frame.
    ///
    /// # Errors
    /// When the bus is or goes off.
    pub async fn recv(&self) -> Result<Received, BusError> {
        loop {
            if let Some(frame) = self.try_recv()? {
                return Ok(Received { frame, age: Duration::ZERO });
            }
            self.bell.notified().await;
        }
    }
}

impl Drop for VirtualEnd {
    fn drop(&mut self) {
        self.bus.net().ends.retain(|end| end.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::can::frame::{CanId, Kind};

    fn frame(number: u32) -> CanFrame {
        CanFrame::data(CanId::standard(number).unwrap(), &[1]).unwrap()
    }

    fn all(end: &VirtualEnd) -> Vec<CanFrame> {
        std::iter::from_fn(|| end.try_recv().unwrap()).collect()
    }

    #[test]
    fn others_receive_in_order_and_oneself_does_not() {
        let bus = VirtualBus::new();
        let ends = [(); 3].map(|()| bus.connect().unwrap());
        ends[0].send(&frame(5)).unwrap();
        ends[1].send(&frame(3)).unwrap();
        assert_eq!(all(&ends[2]), [frame(5), frame(3)]);
        assert_eq!((all(&ends[0]), all(&ends[1])), (vec![frame(3)], vec![frame(5)]));
        let [first, second, third] = ends;
        drop((second, third));
        for _ in 0..LONGEST_QUEUE + 3 {
            first.send(&frame(1)).unwrap();
        }
        assert_eq!(bus.overrun(), 0, "nobody is there");
    }

    #[test]
    fn an_end_that_does_not_receive_keeps_the_newest() {
        let bus = VirtualBus::new();
        let (a, b) = (bus.connect().unwrap(), bus.connect().unwrap());
        for number in 0..u32::try_from(LONGEST_QUEUE).unwrap() + 3 {
            a.send(&frame(number % 0x700)).unwrap();
        }
        let got = all(&b);
        assert_eq!((got.len(), got[0], bus.overrun()), (LONGEST_QUEUE, frame(3), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn faults_do_what_they_say() {
        let bus = VirtualBus::new();
        let (a, b) = (bus.connect().unwrap(), bus.connect().unwrap());
        bus.set_fault(Fault::Drop { every: 2 });
        (0..4).for_each(|n| a.send(&frame(n)).unwrap());
        assert_eq!(all(&b), [frame(0), frame(2)]);
        bus.set_fault(Fault::Corrupt { every: 2 });
        (0..2).for_each(|n| a.send(&frame(n)).unwrap());
        let got = all(&b);
        assert!(got[0].is_data() && matches!(got[1].kind(), Kind::Error { class: ERROR_PROTOCOL }));
        bus.set_fault(Fault::Babble { frame: frame(0), times: 3 });
        a.send(&frame(9)).unwrap();
        assert_eq!((all(&b).len(), all(&a).len()), (4, 3));
        let waiting = tokio::spawn(async move { b.recv().await.map(|_| ()) });
        tokio::task::yield_now().await;
        bus.set_fault(Fault::Off);
        assert!(matches!(waiting.await.unwrap(), Err(BusError::Down)), "who waits is told");
        assert!(a.send(&frame(1)).is_err() && bus.connect().is_err());
        bus.set_fault(Fault::None);
        assert!(a.send(&frame(1)).is_ok() && bus.connect().is_ok());
    }
}
