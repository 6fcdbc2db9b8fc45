//! How a paced run kept time, as a part of its page.

use super::page::{Card, Cell, Page, Table, Tone};
use crate::bench::pace::{Distribution, LoopTiming, Overrun, Stopped};

/// What each duration is called.
const NAMES: [(&str, &str); 10] = [
    ("wake_up", "waking up, after the due time"),
    ("begin", "beginning, after the due time"),
    ("actuate", "events and actuators"),
    ("solve", "power flow"),
    ("sense", "instruments"),
    ("control", "control"),
    ("exchange", "waiting for programs"),
    ("record", "expectations and record"),
    ("work", "the whole tick"),
    ("completion", "done, after the due time"),
];

/// Heading, verdict, numbers and a table.
pub(super) fn section(page: &mut Page, timing: &LoopTiming) {
    page.heading("Timing");
    let (tone, head, text) = verdict(timing);
    page.banner(tone, head, &text);
    page.cards(&cards(timing));
    let row = |(name, d): (&String, &Distribution)| {
        let called = NAMES.iter().find(|(own, _)| own == name).map_or(name.as_str(), |(_, called)| called);
        let numbers = [d.p50_us, d.p99_us, d.p999_us, d.max_us].map(|us| Cell::Number(micros(us)));
        [Cell::Text(called.to_owned())].into_iter().chain(numbers).chain([Cell::Number(d.count.to_string())]).collect()
    };
    let columns = vec!["of a tick", "p50, µs", "p99, µs", "p99.9, µs", "longest, µs", "ticks"];
    let rows: Vec<Vec<Cell>> = timing.durations.iter().map(row).collect();
    page.table(&Table { columns, rows }, NAMES.len());
    let asked: Vec<(&str, Vec<Cell>)> =
        timing.machine.iter().map(|own| ("the machine", vec![Cell::Text(own.text())])).collect();
    if !asked.is_empty() {
        page.definitions(&asked);
    }
}

/// Whether every tick was done in time, and every answer there.
fn verdict(timing: &LoopTiming) -> (Tone, &'static str, String) {
    let o = timing.overruns;
    let why = [
        (o.work, "its own work"),
        (o.exchange, "a program"),
        (o.carried, "the tick before"),
        (o.machine, "the machine"),
    ];
    let why: Vec<String> = why.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} by {what}")).collect();
    let late: u64 = timing.late_answers.values().sum();
    let done = match (timing.stopped, o.count) {
        (Some(Stopped::Overrun), _) => {
            format!("A tick was not done in time, which ended the run ({}).", why.join(", "))
        }
        (_, 0) => format!("Each of {} ticks was done before the next was due.", timing.ticks),
        (_, n) => format!("{n} of {} ticks were not done when the next was due: {}.", timing.ticks, why.join(", ")),
    };
    let answers = if late > 0 { format!(" {late} answers of programs came too late.") } else { String::new() };
    match o.count + late {
        0 => (Tone::Good, "Kept time", done),
        _ => (Tone::Warn, "Overruns", done + &answers),
    }
}

fn cards(timing: &LoopTiming) -> Vec<Card> {
    let policy = match timing.policy {
        Overrun::CatchUp => "an overrun is caught up",
        Overrun::Slip => "an overrun moves what follows",
        Overrun::Stop => "an overrun ends the run",
    };
    let longest = |name: &str| timing.durations.get(name).map_or("–".into(), |d| format!("{} µs", micros(d.max_us)));
    let tail = |name: &str| timing.durations.get(name).map_or("–".into(), |d| format!("{} µs", micros(d.p99_us)));
    let ended = format!("the last tick was due after {:.3} s", timing.expected_s);
    let mut cards = vec![
        Card::new(
            "Pace",
            format!("{} × real time", timing.factor),
            format!("a tick each {} ms; {policy}", micros(timing.period_s * 1e3)),
        ),
        Card::new("On the clock", format!("{:.3} s", timing.elapsed_s), ended),
        Card::new("Wake-up, p99", tail("wake_up"), format!("at most {}", longest("wake_up"))),
        Card::new("Overruns", timing.overruns.count.to_string(), format!("of {} ticks", timing.ticks)),
    ];
    if timing.slipped_s > 0.0 {
        cards.push(Card::new("Slipped", format!("{:.3} s", timing.slipped_s), "in all"));
    }
    for (name, count) in &timing.late_answers {
        cards.push(Card::new("Late answers", count.to_string(), format!("of {name}")));
    }
    cards
}

/// A duration to three digits.
fn micros(us: f64) -> String {
    match us {
        x if x >= 100.0 => format!("{x:.0}"),
        x if x >= 10.0 => format!("{x:.1}"),
        x => format!("{x:.2}"),
    }
}
