//! What the command line says of time: how fast a run goes, what an overrun does, what the machine is asked for. And a run
//! that keeps it: a status line beside it, a clean end when it is asked to stop, a line on how it went.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::ProgressBar;
use phasorbench::bench::pace::privilege::{self, Wanted};
use phasorbench::bench::pace::{LoopTiming, Monotonic, Overrun, Paced, Pacer, Pacing, Status};
use phasorbench::quantity::Step;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::Exit;
use crate::terminal::terminal;

/// Time between looks at the status.
const SHOWN: Duration = Duration::from_millis(200);
/// The priority that is asked for without a number: above the kernel's threaded interrupts, which have 50.
const PRIORITY: &str = "80";

/// How fast a run goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as the machine can.
    Batch,
    /// So many times as fast as the clock.
    Times(f64),
}

/// Reads a pace.
fn pace(text: &str) -> Result<Pace, String> {
    let factor = match text {
        "batch" => return Ok(Pace::Batch),
        "real-time" => 1.0,
        _ => text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok()).unwrap_or(f64::NAN),
    };
    let possible = (1e-6..=1e9).contains(&factor);
    if possible {
        Ok(Pace::Times(factor))
    } else {
        Err("give batch, real-time, or a multiple of it as in 10x or 0.5x".into())
    }
}

/// What an overrun does to the steps after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OnOverrun {
    /// They follow without a pause until the run has caught up.
    #[default]
    CatchUp,
    /// They are all put off by the delay.
    Slip,
    /// The run stops.
    Stop,
}

/// Flags of a run that keeps time.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Time")]
pub struct Time {
    /// How fast: batch (as fast as it goes, the default), real-time, or a multiple of it as in 10x.
    #[arg(long, value_name = "PACE", value_parser = pace)]
    pace: Option<Pace>,
    /// What a step that is not done when the next is due does to those after it.
    #[arg(long, value_name = "POLICY", value_enum, default_value_t, requires = "pace")]
    overrun: OnOverrun,
    #[command(flatten)]
    machine: Machine,
}

/// What the machine is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Machine {
    /// Ask for SCHED_FIFO at this priority (1 to 99; 80 when not given), locked memory and exact timers.
    #[arg(long, value_name = "PRIORITY", num_args = 0..=1, require_equals = true, default_missing_value = PRIORITY,
          value_parser = clap::value_parser!(u8).range(1..=99))]
    real_time_priority: Option<u8>,
    /// Ask to stay on this processor, counted from 0.
    #[arg(long, value_name = "NUMBER")]
    pin_cpu: Option<usize>,
}

impl Machine {
    /// What is wanted.
    pub const fn wanted(self) -> Wanted {
        Wanted { priority: self.real_time_priority, processor: self.pin_cpu }
    }
}

impl Time {
    /// Whether a run keeps time at all.
    pub const fn keeps_pace(&self) -> bool {
        matches!(self.pace, Some(Pace::Times(_)))
    }

    /// How a run of this step keeps time; `None` in batch.
    pub fn pacing(&self, step: Step) -> Option<Pacing> {
        let overrun = match self.overrun {
            OnOverrun::CatchUp => Overrun::CatchUp,
            OnOverrun::Slip => Overrun::Slip,
            OnOverrun::Stop => Overrun::Stop,
        };
        match self.pace {
            None | Some(Pace::Batch) => None,
            Some(Pace::Times(factor)) => Some(Pacing { step, factor, overrun }),
        }
    }

    /// A flag that needs a pace and has none.
    pub fn in_vain(&self) -> Option<&'static str> {
        match (self.pace, self.machine) {
            (Some(Pace::Times(_)), _) => None,
            (_, Machine { real_time_priority: Some(_), .. }) => Some("--real-time-priority"),
            (_, Machine { pin_cpu: Some(_), .. }) => Some("--pin-cpu"),
            _ => None,
        }
    }

    /// What the machine is asked for.
    pub const fn wanted(&self) -> Wanted {
        self.machine.wanted()
    }
}

/// A request to stop.
pub type Stop = Arc<AtomicBool>;

/// A request that Ctrl-C and SIGTERM make; a second one ends the program at once, and leaves what is half-written under its
/// temporary name.
///
/// # Errors
/// When the system does not take a handler.
pub fn asked_to_stop() -> io::Result<Stop> {
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_conditional_shutdown(signal, Exit::Failed as i32, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// The same for a run with real devices: being asked again changes nothing, since they are left safe first.
///
/// # Errors
/// When the system does not take a handler.
pub fn asked_to_stop_safely() -> io::Result<Stop> {
    let stop = Stop::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Does something by the clock until it is done or asked to stop.
pub fn keep<T>(
    pacing: Pacing,
    wanted: Wanted,
    stop: Stop,
    bar: &ProgressBar,
    work: impl FnOnce(&mut dyn Pacer) -> T,
) -> (T, LoopTiming) {
    let mut paced = Paced::new(Monotonic::new(), pacing, stop);
    let shown = Shown::start(paced.status(), bar);
    let held = privilege::ask(wanted);
    let done = work(&mut paced);
    let machine = held.privileges.clone();
    drop(held);
    drop(shown);
    (done, LoopTiming { machine, ..paced.timing() })
}

/// A thread that keeps the status line, so that the loop need not.
struct Shown {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Shown {
    fn start(status: Arc<Status>, bar: &ProgressBar) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        if bar.is_hidden() {
            return Self { ended, thread: None };
        }
        let (own, bar, name) = (Arc::clone(&ended), bar.clone(), bar.message());
        let show = move || {
            while !own.load(Ordering::Relaxed) {
                bar.set_position(status.tick().0);
                #[allow(clippy::cast_precision_loss, reason = "a delay for people")]
                let late_ms = status.late_ns() as f64 / 1e6;
                bar.set_message(format!("{name}: {late_ms:.3} ms late, {} overruns", status.overruns()));
                std::thread::park_timeout(SHOWN);
            }
        };
        // Without the thread there is no status line: that is no reason not to run.
        Self { ended, thread: std::thread::Builder::new().name("status".into()).spawn(show).ok() }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Says on standard error how it went, unless quiet.
pub fn say(timing: &LoopTiming) {
    if terminal().quiet {
        return;
    }
    let o = timing.overruns;
    let kept = [(o.work, "work"), (o.exchange, "programs"), (o.carried, "the step before"), (o.machine, "the machine")];
    let kept: Vec<String> = kept.iter().filter(|(n, _)| *n > 0).map(|(n, by)| format!("{n} by {by}")).collect();
    let kept = if kept.is_empty() { String::new() } else { format!(" ({})", kept.join(", ")) };
    let woke = timing.durations.get("wake_up").map_or(String::new(), |d| {
        format!("; woke up {:.3} ms late at p99, {:.3} ms at most", d.p99_us / 1e3, d.max_us / 1e3)
    });
    eprintln!(
        "paced {}x: {} steps in {:.3} s, due after {:.3} s{woke}; {} overruns{kept}",
        timing.factor, timing.ticks, timing.elapsed_s, timing.expected_s, o.count
    );
    for (name, count) in timing.late_answers.iter().filter(|(_, count)| **count > 0) {
        eprintln!("  {name}: {count} answers came too late");
    }
    for privilege in timing.machine.iter().filter(|own| !own.granted || terminal().verbose) {
        eprintln!("  {}", privilege.text());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paces_are_read_and_others_refused() {
        assert_eq!(pace("batch"), Ok(Pace::Batch));
        assert_eq!(pace("real-time"), Ok(Pace::Times(1.0)));
        assert_eq!((pace("10x"), pace("0.5x")), (Ok(Pace::Times(10.0)), Ok(Pace::Times(0.5))));
        for wrong in ["", "x", "10", "-1x", "0x", "nanx", "infx", "1e300x", "fast", "realtime"] {
            assert!(pace(wrong).unwrap_err().contains("10x"), "{wrong}");
        }
    }
}
