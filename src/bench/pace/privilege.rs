//! What a machine may grant a loop that has to keep time: a real-time priority, memory that is never paged out, a processor of
//! its own, timers that are not bundled with others. All of it is asked for and none of it is needed: what is refused is said
//! in `timing.json`, with the system's reason.
//!
//! Linux only (`sched_setscheduler`, `mlockall`, `sched_setaffinity`, `PR_SET_TIMERSLACK`). They hold for the calling thread
//! (memory: the process) until the guard is dropped, and its children do not inherit the priority. Limits: a loop under
//! SCHED_FIFO that never waits starves what else is on its processor, up to the kernel's own limit (95 % of each second as
//! it comes); later memory is locked only where that cannot make an allocation fail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// SCHED_FIFO's priority, 1 to 99; with it, locked memory and exact timers.
    pub priority: Option<u8>,
    /// The processor to stay on.
    pub processor: Option<usize>,
}

/// One thing that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Privilege {
    /// What.
    pub what: String,
    /// Whether there is it.
    pub granted: bool,
    /// Why not, or how; empty when there is nothing to say.
    pub note: String,
}

impl Privilege {
    fn new(what: String, said: Result<String, String>) -> Self {
        let granted = said.is_ok();
        Self { what, granted, note: said.unwrap_or_else(|why| why) }
    }

    /// In one line.
    pub fn text(&self) -> String {
        let note = if self.note.is_empty() { String::new() } else { format!(" ({})", self.note) };
        format!("{}: {}{note}", self.what, if self.granted { "granted" } else { "refused" })
    }
}

/// Holds what was granted; gives it back when dropped.
#[derive(Debug)]
pub struct Held {
    /// What was asked for, and what came of it.
    pub privileges: Vec<Privilege>,
    _system: system::Held,
}

/// Asks for everything that is wanted, for this thread.
pub fn ask(wanted: Wanted) -> Held {
    let mut held = system::Held::default();
    let mut privileges = Vec::new();
    let mut add = |what: String, said| privileges.push(Privilege::new(what, said));
    if let Some(processor) = wanted.processor {
        add(format!("processor {processor}"), held.pin(processor));
    }
    if let Some(priority) = wanted.priority {
        add(format!("SCHED_FIFO priority {priority}"), held.schedule(priority));
        add("locked memory".into(), held.lock());
        add("timer slack 1 ns".into(), held.exact_timers());
    }
    Held { privileges, _system: held }
}

#[cfg(target_os = "linux")]
mod system {
    use std::num::NonZeroU64;

    use rustix::mm::{MlockAllFlags, mlockall, munlockall};
    use rustix::process::{Resource, geteuid, getrlimit};
    use rustix::thread::{CpuSet, current_timer_slack, sched_getaffinity, sched_setaffinity, set_current_timer_slack};

    /// What there was before; `None` where nothing was changed.
    #[derive(Debug, Default)]
    pub(super) struct Held {
        scheduled: bool,
        locked: bool,
        affinity: Option<Box<CpuSet>>,
        slack_ns: Option<u64>,
    }

    type Said = Result<String, String>;

    fn said(error: impl std::fmt::Display) -> String {
        error.to_string()
    }

    impl Held {
        pub(super) fn pin(&mut self, processor: usize) -> Said {
            let before = sched_getaffinity(None).map_err(said)?;
            if processor >= CpuSet::MAX_CPU || !before.is_set(processor) {
                return Err("this process may not use it".into());
            }
            let mut only = CpuSet::new();
            only.set(processor);
            sched_setaffinity(None, &only).map_err(said)?;
            self.affinity = Some(Box::new(before));
            Ok(String::new())
        }

        pub(super) fn schedule(&mut self, priority: u8) -> Said {
            set_scheduler(libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, priority).map_err(said)?;
            self.scheduled = true;
            Ok(String::new())
        }

        pub(super) fn lock(&mut self) -> Said {
            // Under a limit, memory that is asked for later might be refused for want of locks.
            let all = geteuid().is_root() || getrlimit(Resource::Memlock).current.is_none();
            let flags = if all { MlockAllFlags::CURRENT | MlockAllFlags::FUTURE } else { MlockAllFlags::CURRENT };
            mlockall(flags).map_err(said)?;
            self.locked = true;
            Ok(if all { String::new() } else { "what there is now; later memory is not, under the limit".into() })
        }

        pub(super) fn exact_timers(&mut self) -> Said {
            let before = current_timer_slack().map_err(said)?;
            set_current_timer_slack(NonZeroU64::new(1)).map_err(said)?;
            self.slack_ns = Some(before);
            Ok(String::new())
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            // What cannot be given back ends with the process.
            if self.scheduled {
                let _ = set_scheduler(libc::SCHED_OTHER, 0);
            }
            if self.locked {
                let _ = munlockall();
            }
            if let Some(before) = &self.affinity {
                let _ = sched_setaffinity(None, before);
            }
            if let Some(before) = self.slack_ns {
                let _ = set_current_timer_slack(NonZeroU64::new(before));
            }
        }
    }

    /// Rustix has no such call: it is left to the C library there.
    fn set_scheduler(policy: i32, priority: u8) -> std::io::Result<()> {
        // SAFETY: all zero is a valid `sched_param`, a plain struct of numbers.
        let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
        parameters.sched_priority = priority.into();
        // SAFETY: 0 is the calling thread, and the parameters live during the call.
        match unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    #[derive(Debug, Default)]
    pub(super) struct Held;

    type Said = Result<String, String>;

    const ELSEWHERE: &str = "only on Linux so far";

    impl Held {
        pub(super) fn pin(&mut self, _: usize) -> Said {
            Err(ELSEWHERE.into())
        }

        pub(super) fn schedule(&mut self, _: u8) -> Said {
            Err(ELSEWHERE.into())
        }

        pub(super) fn lock(&mut self) -> Said {
            Err(ELSEWHERE.into())
        }

        pub(super) fn exact_timers(&mut self) -> Said {
            Err(ELSEWHERE.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asks_for_is_not_mentioned() {
        assert!(ask(Wanted::default()).privileges.is_empty());
    }

    #[test]
    fn whatever_the_machine_says_is_an_answer() {
        let held = ask(Wanted { priority: Some(1), processor: Some(0) });
        let what: Vec<&str> = held.privileges.iter().map(|p| p.what.as_str()).collect();
        assert_eq!(what, ["processor 0", "SCHED_FIFO priority 1", "locked memory", "timer slack 1 ns"]);
        assert!(held.privileges.iter().all(|p| p.granted || !p.note.is_empty()), "{:?}", held.privileges);
    }

    #[test]
    fn a_processor_that_is_not_there_is_refused() {
        for processor in [1023, 1024, usize::MAX] {
            let held = ask(Wanted { processor: Some(processor), ..Wanted::default() });
            assert!(!held.privileges[0].granted && !held.privileges[0].note.is_empty(), "{:?}", held.privileges);
        }
    }
}
