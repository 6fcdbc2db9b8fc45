//! `phasorbench hil jitter`: whether this machine keeps time.

use phasorbench::bench::pace::{LoopTiming, Overrun, Pacing};
use phasorbench::quantity::{Step, Tick};
use serde::Serialize;

use crate::pace::{self, Machine};
use crate::terminal::terminal;
use crate::{Exit, input, output};

/// Measure how late this machine wakes a loop that does nothing, and say for which steps it is fit.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench hil jitter
  phasorbench hil jitter --period-s 0.001 --duration-s 60 --real-time-priority --pin-cpu 1
  phasorbench hil jitter --json

Exit code 1 when it is not fit for the period: more than one tick in a thousand ends after the next is due, or wakes later
than half a period.")]
pub struct Args {
    /// Time between ticks in s.
    #[arg(long, value_name = "S", default_value_t = 0.01)]
    period_s: f64,
    /// How long it is measured, in s.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    duration_s: f64,
    #[command(flatten)]
    machine: Machine,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a machine is fit for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fitness {
    /// All ticks in time, 999 of 1000 within a tenth of the period.
    Fit,
    /// 999 of 1000 in time and within half a period.
    Usable,
    /// Neither.
    Unfit,
}

/// What was measured, and what that means.
#[derive(Debug, Serialize)]
struct Answer {
    verdict: Fitness,
    /// The shortest period of which 999 of 1000 wake-ups take no more than a tenth, in s.
    shortest_period_s: f64,
    timing: LoopTiming,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    match jitter(args) {
        Ok(answer) => {
            if args.json {
                output::json(&answer);
            } else {
                output::print(&text(&answer));
            }
            if answer.verdict == Fitness::Unfit { Exit::Failed } else { Exit::Passed }
        }
        Err(exit) => exit,
    }
}

fn jitter(args: &Args) -> Result<Answer, Exit> {
    let complain = |what: &str, help: &str| input::complain("E0402", what.to_owned(), Some(help.to_owned()));
    let step = Step::from_seconds(args.period_s)
        .ok_or_else(|| complain("the period is of no use", "give a whole number of nanoseconds, as in 0.001"))?;
    let ticks = step.ticks(args.duration_s).floor();
    if !(1.0..=1e9).contains(&ticks) {
        return Err(complain("the duration is of no use", "give at least a period, and no more than 1e9 of them"));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 1e9, checked above")]
    let last = Tick(ticks as u64);
    let pacing = Pacing { step, factor: 1.0, overrun: Overrun::CatchUp };
    let bar = terminal().progress(last.0, "ticks", args.json);
    bar.set_message("jitter");
    let stop = pace::asked_to_stop().map_err(|error| {
        input::complain("E0320", format!("the loop cannot be run: {error}"), None);
        Exit::Internal
    })?;
    let ((), timing) = pace::keep(pacing, args.machine.wanted(), stop, &bar, |pacer| {
        for tick in (1..=last.0).map(Tick) {
            if pacer.begin(tick).is_break() {
                break;
            }
            pacer.end(tick);
        }
    });
    bar.finish_and_clear();
    Ok(Answer::new(timing))
}

impl Answer {
    fn new(timing: LoopTiming) -> Self {
        let period_us = timing.period_s * 1e6;
        let late_us = timing.durations.get("begin").map_or(f64::INFINITY, |d| d.p999_us);
        #[allow(clippy::cast_precision_loss, reason = "counts of ticks")]
        let share = timing.overruns.count as f64 / timing.ticks.max(1) as f64;
        let verdict = if share == 0.0 && late_us <= 0.1 * period_us {
            Fitness::Fit
        } else if share <= 0.001 && late_us <= 0.5 * period_us {
            Fitness::Usable
        } else {
            Fitness::Unfit
        };
        Self { verdict, shortest_period_s: late_us / 1e5, timing }
    }
}

fn text(answer: &Answer) -> String {
    let timing = &answer.timing;
    let mut text = format!("{} ticks of {} ms in {:.3} s\n", timing.ticks, timing.period_s * 1e3, timing.elapsed_s);
    for privilege in &timing.machine {
        text += &format!("  {}\n", privilege.text());
    }
    if let Some(d) = timing.durations.get("wake_up") {
        text += &bars(&d.bins);
        text += &format!(
            "  wake-up after the due time: p50 {:.1} µs, p99 {:.1} µs, p99.9 {:.1} µs, at most {:.1} µs\n",
            d.p50_us, d.p99_us, d.p999_us, d.max_us
        );
    }
    text += &format!("  {} ticks had not begun when the next was due\n", timing.overruns.count);
    let meaning = match answer.verdict {
        Fitness::Fit => "fit for this period: no tick was lost, and 999 of 1000 begin within a tenth of it",
        Fitness::Usable => "usable at this period: 999 of 1000 ticks begin within half of it",
        Fitness::Unfit => "not fit for this period",
    };
    text + &format!("{meaning}; fit from about {:.3} ms up\n", answer.shortest_period_s * 1e3)
}

/// A line for each doubling of time, with a bar on a logarithmic scale: what is rare must be seen.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a drawing")]
fn bars(bins: &[(u64, u64)]) -> String {
    let mut octaves = [0_u64; 64];
    for &(ns, count) in bins {
        octaves[ns.max(1).ilog2() as usize] += count;
    }
    let all = octaves.iter().sum::<u64>().max(1);
    let filled = || octaves.iter().enumerate().filter(|(_, count)| **count > 0).map(|(k, _)| k);
    let (Some(first), Some(last)) = (filled().min(), filled().max()) else { return String::new() };
    let line = |k: usize| {
        let count = octaves[k];
        let length = (40.0 * ((count + 1) as f64).ln() / ((all + 1) as f64).ln()) as usize;
        format!("  {:>10.1} µs {count:>9} {}\n", 2f64.powi(k as i32 + 1) / 1e3, "#".repeat(length))
    };
    (first..=last).map(line).collect()
}

#[cfg(test)]
mod tests {
    use phasorbench::bench::pace::{Bins, Distribution, Overruns};

    use super::*;

    /// A loop at 1 ms whose every thousandth tick but one begins this late.
    fn measured(late_us: u64, overruns: u64) -> Answer {
        let mut bins = Bins::default();
        (0..10_000).for_each(|k| bins.add(if k % 500 == 0 { late_us * 1000 } else { 20_000 }));
        let d = Distribution::new(&bins);
        Answer::new(LoopTiming {
            format: LoopTiming::FORMAT,
            factor: 1.0,
            period_s: 0.001,
            policy: Overrun::CatchUp,
            ticks: 10_000,
            expected_s: 10.0,
            elapsed_s: 10.0,
            slipped_s: 0.0,
            overruns: Overruns { count: overruns, machine: overruns, ..Overruns::default() },
            late_answers: Default::default(),
            stopped: None,
            durations: [("begin".to_owned(), d.clone()), ("wake_up".to_owned(), d)].into_iter().collect(),
            machine: Vec::new(),
        })
    }

    #[test]
    fn a_machine_is_judged_by_its_tail_and_its_overruns() {
        assert_eq!(measured(90, 0).verdict, Fitness::Fit);
        assert_eq!(measured(90, 1).verdict, Fitness::Usable);
        assert_eq!(measured(400, 10).verdict, Fitness::Usable);
        assert_eq!(measured(400, 11).verdict, Fitness::Unfit);
        assert_eq!(measured(600, 0).verdict, Fitness::Unfit);
        assert_eq!(measured(90, 0).shortest_period_s, 0.0009);
    }

    #[test]
    fn what_is_rare_is_seen() {
        let text = text(&measured(90, 0));
        assert!(
            text.contains("      32.8 µs      9980 ####") && text.contains("     131.1 µs        20 ####"),
            "{text}"
        );
        assert!(text.contains("fit for this period: no tick"), "{text}");
    }
}
