//! What drivers run in: the session's clock, and one thread for all of them.
//!
//! In batch the clock is virtual: drivers and emulated devices run in the loop's own thread up to each tick's time, over
//! wires in memory, and the same scenario gives the same bytes. Paced, they run in a thread of their own on the machine's
//! clock, and the loop only exchanges messages with them.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Longest that is waited for drivers to leave their devices safe.
const TO_END: Duration = Duration::from_secs(4);
/// Times between looks whether they have.
const LOOK: Duration = Duration::from_millis(10);

/// Something that runs until the loop has ended.
pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
/// Makes the tasks, told when the session began: drivers, which are waited for at the end, and what goes with them.
pub(super) type Start = Box<dyn FnOnce(Instant) -> Tasks + Send>;

/// What runs in a session.
#[derive(Default)]
pub(super) struct Tasks {
    /// They end by themselves once the loop has.
    pub(super) drivers: Vec<Task>,
    /// They are ended.
    pub(super) others: Vec<Task>,
}

/// A session.
pub(super) enum Session {
    /// On a virtual clock.
    Virtual { runtime: Runtime, epoch: Instant, drivers: JoinSet<()>, now_us: u64 },
    /// On the machine's.
    Live { epoch: std::time::Instant, ended: Arc<AtomicBool>, thread: Option<JoinHandle<()>> },
}

impl Session {
    /// Drivers in batch.
    pub(super) fn virtual_time(start: Start) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let (epoch, drivers) = runtime.block_on(async {
            let epoch = Instant::now();
            let tasks = start(epoch);
            let mut drivers = JoinSet::new();
            tasks.drivers.into_iter().for_each(|own| drop(drivers.spawn(own)));
            tasks.others.into_iter().for_each(|own| drop(tokio::spawn(own)));
            (epoch, drivers)
        });
        Ok(Self::Virtual { runtime, epoch, drivers, now_us: 0 })
    }

    /// Drivers by the clock.
    pub(super) fn live(start: Start) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let epoch = std::time::Instant::now();
        let ended = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&ended);
        let body = move || {
            runtime.block_on(async {
                let tasks = start(Instant::from_std(epoch));
                let mut drivers = JoinSet::new();
                tasks.drivers.into_iter().for_each(|own| drop(drivers.spawn(own)));
                tasks.others.into_iter().for_each(|own| drop(tokio::spawn(own)));
                while drivers.join_next().await.is_some() {}
                // Without a driver, what is served is served until the loop ends.
                while !done.load(Ordering::Acquire) {
                    sleep(LOOK).await;
                }
            });
        };
        let thread = std::thread::Builder::new().name("hil".into()).spawn(body)?;
        Ok(Self::Live { epoch, ended, thread: Some(thread) })
    }

    /// Lets a tick's time come, in batch; the session's time in µs.
    pub(super) fn advance(&mut self, tick_us: u64) -> u64 {
        match self {
            Self::Virtual { runtime, epoch, now_us, .. } => {
                let until = *epoch + Duration::from_micros(tick_us);
                runtime.block_on(async { sleep_until(until).await });
                *now_us = tick_us;
                tick_us
            }
            Self::Live { epoch, .. } => u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }
}

impl Drop for Session {
    /// The loop's ends of all ports are gone by now: drivers leave their devices safe, and are waited for.
    fn drop(&mut self) {
        match self {
            Self::Virtual { runtime, drivers, .. } => runtime.block_on(async {
                let all = async { while drivers.join_next().await.is_some() {} };
                // What is not done in virtual time never will be.
                let _ = tokio::time::timeout(TO_END, all).await;
            }),
            Self::Live { ended, thread, .. } => {
                ended.store(true, Ordering::Release);
                let Some(thread) = thread.take() else { return };
                let until = std::time::Instant::now() + TO_END;
                while !thread.is_finished() && std::time::Instant::now() < until {
                    std::thread::sleep(LOOK);
                }
                if thread.is_finished() {
                    let _ = thread.join();
                }
            }
        }
    }
}
