//! What the standard library cannot do with a child: ask whether it has ended without reaping it – its number stays its own
//! until then, so that nobody else can be killed by it – and end its process group. Elsewhere than on Unix the child
//! alone is ended.

#[cfg(unix)]
pub(super) use unix::{ended, kill, lead};

#[cfg(not(unix))]
pub(super) use elsewhere::{ended, kill, lead};

#[cfg(unix)]
mod unix {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

    /// Lets a command's process lead a group of its own.
    pub(in crate::link::process) fn lead(command: &mut Command) {
        command.process_group(0);
    }

    /// How it ended, if it has and is not reaped.
    pub(in crate::link::process) fn ended(child: &Child) -> Option<String> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(Pid::from_child(child)), options) {
            Ok(None) => None,
            Ok(Some(status)) => Some(match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => format!("it ended with status {code}"),
                (None, Some(signal)) => format!("it was ended by signal {signal}"),
                (None, None) => "it ended".into(),
            }),
            Err(_) => Some("it ended".into()),
        }
    }

    /// Kills its group. Must not be called once it is reaped.
    pub(in crate::link::process) fn kill(child: &mut Child) {
        // Fails where nobody is left in it.
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::process::{Child, Command};

    pub(in crate::link::process) fn lead(_: &mut Command) {}

    /// Nothing tells without reaping: the end of its output must do.
    pub(in crate::link::process) fn ended(_: &Child) -> Option<String> {
        None
    }

    pub(in crate::link::process) fn kill(child: &mut Child) {
        let _ = child.kill();
    }
}
