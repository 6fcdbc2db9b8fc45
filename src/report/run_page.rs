//! `report.html` of a run: verdicts, numbers, figures, events, what was run.

use super::figure::Figure;
use super::page::{Card, Cell, Page, Table, Tone};
use super::run::Run;
use super::summary::{Extreme, Status};
use crate::feeder::ControlMode;

/// Rows of the table of events.
const MOST_EVENTS: usize = 200;

/// The page.
pub(super) fn page(run: &Run, figures: &[Figure]) -> String {
    let mut page = Page::new(&run.info.title, &lead(run));
    page.verdicts(&run.summary.expectations, &|t_s| run.clock(t_s));
    if let Some(at_s) = run.summary.stopped_at_s {
        let text = format!(
            "The run was stopped after {} steps; everything here is about the time until then.",
            run.summary.steps
        );
        page.banner(Tone::Bad, &format!("Stopped at {}", run.clock(at_s)), &text);
    }
    let (tone, head, text) = solution(run);
    page.banner(tone, head, &text);
    page.cards(&numbers(run));
    if !run.summary.hil.is_empty() {
        super::real::section(&mut page, &run.summary.hil);
    }
    if let Some(timing) = &run.timing {
        super::timing::section(&mut page, timing);
    }
    page.heading("Figures");
    page.figures(figures);
    events(&mut page, run);
    inputs(&mut page, run);
    page.finish(
        "Beside this page: series.csv (over time), nodes.csv (every node), summary.json, run.json (machine and timing) \
         and each figure as SVG. “phasorbench report” makes this page again from these files.",
    )
}

fn lead(run: &Run) -> String {
    let info = &run.info;
    let controls = match info.controls {
        ControlMode::Off => "controls off",
        ControlMode::Static => "controls at rest in every step",
        ControlMode::Time => "controls acting by their delays",
    };
    format!(
        "Scenario {} on feeder {}: {} steps of {} from {}, {controls}.",
        info.scenario,
        run.facts.feeder_title,
        info.steps,
        duration(info.step_s),
        super::clock(info.start_s, 60.0),
    )
}

/// A duration in its largest whole unit.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 3600.0 && s % 3600.0 == 0.0 => format!("{} h", s / 3600.0),
        s if s >= 60.0 && s % 60.0 == 0.0 => format!("{} min", s / 60.0),
        s if s >= 1.0 => format!("{s} s"),
        s => format!("{} ms", s * 1000.0),
    }
}

/// Whether every step has a solution, and how voltages stand to the limits.
fn solution(run: &Run) -> (Tone, &'static str, String) {
    let (summary, solver) = (&run.summary, &run.summary.solver);
    let [low, high] = summary.voltage.limits_pu;
    match (summary.status, summary.voltage.out_of_limits_percent) {
        (Status::NotConverged, _) => {
            let when = solver.first_not_converged_t_s.map(|t_s| format!(", the first at {}", run.clock(t_s)));
            let worst = when.as_ref().and(solver.worst_node.as_ref()).map(|n| format!(", worst at node {n}"));
            let text = format!("{} of {} steps have none", solver.not_converged, summary.steps);
            let text = text + &when.unwrap_or_default() + &worst.unwrap_or_default() + ".";
            (Tone::Bad, "No solution", text)
        }
        (_, 0.0) => {
            let text = format!("Every step has a solution, and every voltage lies between {low} and {high} pu.");
            (Tone::Good, "Within limits", text)
        }
        (_, percent) => {
            let share = percentage(percent);
            let text =
                format!("Every step has a solution; {share} of all node voltages lie outside {low} to {high} pu.");
            (Tone::Warn, "Out of limits", text)
        }
    }
}

fn percentage(percent: f64) -> String {
    if percent < 0.01 { "less than 0.01 %".into() } else { format!("{percent:.2} %") }
}

fn numbers(run: &Run) -> Vec<Card> {
    let summary = &run.summary;
    let voltage = |name, extreme: &Option<Extreme>| match extreme {
        Some(e) => Card::new(name, format!("{:.4} pu", e.v_pu), format!("{} at {}", e.node, run.clock(e.t_s))),
        None => Card::new(name, "–", "nothing was fed"),
    };
    let peak = summary.source.peak_kw.map_or("–".into(), power);
    let peak_at = summary.source.peak_t_s.map(|t_s| format!("at {}", run.clock(t_s))).unwrap_or_default();
    let taps: u64 = summary.regulators.values().map(|r| r.operations).sum();
    let each: Vec<String> = summary.regulators.iter().map(|(name, r)| format!("{name} {}", r.operations)).collect();
    let each = if each.len() <= 4 { each.join(", ") } else { format!("{} regulators", each.len()) };
    let losses = summary.losses.percent.map(|p| format!("{p:.2} % of that")).unwrap_or_default();
    let solver = &summary.solver;
    let iterations = format!("{:.1} iterations a step, at most {}", solver.iterations_mean, solver.iterations_max);
    let mean = summary.source.energy_kwh * 3600.0 / summary.duration_s;
    let mean = if mean.is_finite() { format!("{} on average", power(mean)) } else { String::new() };
    vec![
        voltage("Lowest voltage", &summary.voltage.min),
        voltage("Highest voltage", &summary.voltage.max),
        Card::new("Peak power", peak, peak_at),
        Card::new("Energy from the source", energy(summary.source.energy_kwh), mean),
        Card::new("Losses", energy(summary.losses.energy_kwh), losses),
        Card::new("Tap operations", taps.to_string(), each),
        Card::new("Steps solved", format!("{} of {}", summary.steps - solver.not_converged, summary.steps), iterations),
    ]
}

fn power(kw: f64) -> String {
    if kw.abs() >= 1000.0 { format!("{:.3} MW", kw / 1000.0) } else { format!("{kw:.1} kW") }
}

fn energy(kwh: f64) -> String {
    match kwh.abs() {
        x if x >= 10_000.0 => format!("{:.2} MWh", kwh / 1000.0),
        x if x >= 10.0 => format!("{kwh:.0} kWh"),
        _ => format!("{kwh:.3} kWh"),
    }
}

fn events(page: &mut Page, run: &Run) {
    if run.facts.events.is_empty() {
        return;
    }
    let rows = run.facts.events.iter().enumerate().map(|(k, event)| {
        vec![Cell::Number((k + 1).to_string()), Cell::Text(run.clock(event.t_s)), Cell::Text(event.label.clone())]
    });
    page.heading("Events");
    page.table(&Table { columns: vec!["#", "when", "what"], rows: rows.collect() }, MOST_EVENTS);
}

fn inputs(page: &mut Page, run: &Run) {
    let info = &run.info;
    let text = |text: String| vec![Cell::Text(text)];
    let program = format!("PhasorBench {}, commit {}", info.build.version, info.build.commit);
    let mut rows = vec![("program", text(program)), ("seed", text(info.seed.to_string()))];
    for input in &info.inputs {
        let hash = format!("FNV-1a {}", input.fnv1a_64);
        rows.push(("input", vec![Cell::Code(input.path.clone()), Cell::Code(hash)]));
    }
    page.heading("What was run");
    page.definitions(&rows);
}
