//! How the person at the bench stops a paced run: a file that appears, or a key of the terminal. A thread looks for both, so
//! that the loop need not; what is stopped so ends as on Ctrl-C, with all devices safe.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::pace::Stop;

/// Time between looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks for what stops a run until it is dropped.
pub struct Operator {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Operator {
    /// Begins to look. The keys are those of a terminal that people type at; what comes from elsewhere is no key.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn at(stop: &Stop, file: Option<PathBuf>) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let (own, stop) = (Arc::clone(&ended), Arc::clone(stop));
        let mut keys = keys::Keys::of_terminal().filter(|_| io::stderr().is_terminal());
        if file.is_none() && keys.is_none() {
            return Ok(Self { ended, thread: None });
        }
        let look = move || {
            while !own.load(Ordering::Relaxed) {
                let there = file.as_ref().is_some_and(|file| file.exists());
                if there || keys.as_mut().is_some_and(keys::Keys::ask_to_stop) {
                    stop.store(true, Ordering::Release);
                }
                std::thread::sleep(LOOK);
            }
        };
        let thread = std::thread::Builder::new().name("operator".into()).spawn(look)?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(unix)]
mod keys {
    use std::io::{self, IsTerminal};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// Keys that stop a run: q, the space bar, Escape.
    const STOPS: &[u8] = b"qQ \x1b";

    /// A terminal whose keys are read one by one; put back as it was when this is dropped.
    pub struct Keys(Termios);

    impl Keys {
        /// Those of standard input, where that is a terminal.
        pub fn of_terminal() -> Option<Self> {
            let stdin = io::stdin();
            let before = stdin.is_terminal().then(|| tcgetattr(&stdin).ok()).flatten()?;
            let mut single = before.clone();
            single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            tcsetattr(&stdin, OptionalActions::Now, &single).ok()?;
            Some(Self(before))
        }

        /// Whether a key has been pressed that stops a run. It does not wait.
        pub fn ask_to_stop(&mut self) -> bool {
            let stdin = io::stdin();
            let mut bytes = [0; 64];
            let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            if !matches!(poll(&mut ready, Some(&now)), Ok(1..)) {
                return false;
            }
            let read = rustix::io::read(&stdin, &mut bytes).unwrap_or(0);
            bytes.iter().take(read).any(|key| STOPS.contains(key))
        }
    }

    impl Drop for Keys {
        fn drop(&mut self) {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
        }
    }
}

#[cfg(not(unix))]
mod keys {
    /// Keys are only read on Unix.
    pub struct Keys;

    impl Keys {
        pub fn of_terminal() -> Option<Self> {
            None
        }

        pub fn ask_to_stop(&mut self) -> bool {
            false
        }
    }
}
