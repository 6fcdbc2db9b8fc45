//! `report.html`: one page, one file, no network; readable on a phone, by day and by night, and on paper.

use std::fmt::Write;

use super::figure::Figure;
use super::summary::{Extreme, Status};
use super::{Build, Study, Summary, escaped};
use crate::feeder::ControlMode;

const STYLE: &str = include_str!("report.css");

/// Rows of the table of events.
const MOST_EVENTS: usize = 200;

/// The page.
pub(super) fn page(study: &Study, summary: &Summary, figures: &[Figure]) -> String {
    let title = escaped(&study.plan.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    out.push_str(&lead(study));
    out.push_str(&verdict(study, summary));
    out.push_str(&numbers(study, summary));
    out.push_str("<h2>Figures</h2>\n");
    for figure in figures {
        let svg = &figure.svg;
        let caption = escaped(&figure.caption);
        // A `String` takes whatever is written to it.
        let _ =
            write!(out, "<figure>\n<div class=\"wide\">{svg}</div>\n<figcaption>{caption}</figcaption>\n</figure>\n");
    }
    out.push_str(&events(study));
    out.push_str(&inputs(study));
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn lead(study: &Study) -> String {
    let plan = study.plan;
    let controls = match plan.controls {
        ControlMode::Off => "controls off",
        ControlMode::Static => "controls at rest in every step",
        ControlMode::Time => "controls acting by their delays",
    };
    let feeder = plan.feeder.title.as_deref().unwrap_or(&plan.feeder.feeder);
    format!(
        "<p class=\"lead\">Scenario <code>{}</code> on feeder {}: {} steps of {} from {}, {controls}.</p>\n",
        escaped(&plan.name),
        escaped(feeder),
        plan.last.0,
        duration(plan.step.seconds()),
        super::clock(plan.start_s, 60.0),
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

fn verdict(study: &Study, summary: &Summary) -> String {
    let o = study.outcome;
    let [low, high] = summary.voltage.limits_pu;
    let (class, head, text) = match (summary.status, summary.voltage.out_of_limits_percent) {
        (Status::NotConverged, _) => {
            let (when, node) = o.first_not_converged.as_ref().map_or((String::new(), None), |(tick, node)| {
                (format!(", the first at {}", study.clock(*tick)), node.as_deref())
            });
            let worst = node.map(|n| format!(", worst at node {n}")).unwrap_or_default();
            ("bad", "No solution", format!("{} of {} steps have none{when}{worst}.", o.not_converged, o.ticks))
        }
        (_, 0.0) => {
            let text = format!("Every step has a solution, and every voltage lies between {low} and {high} pu.");
            ("", "Within limits", text)
        }
        (_, percent) => {
            let text = format!(
                "Every step has a solution; {} of all node voltages lie outside {low} to {high} pu.",
                percentage(percent)
            );
            ("warn", "Out of limits", text)
        }
    };
    format!("<p class=\"verdict {class}\"><b>{head}</b><span>{}</span></p>\n", escaped(&text))
}

fn percentage(percent: f64) -> String {
    if percent < 0.01 { "less than 0.01 %".into() } else { format!("{percent:.2} %") }
}

fn numbers(study: &Study, summary: &Summary) -> String {
    let plan = study.plan;
    let at = |t_s: f64| super::clock(plan.start_s + t_s, plan.step.seconds());
    let voltage = |extreme: &Option<Extreme>| match extreme {
        Some(e) => (format!("{:.4} pu", e.v_pu), format!("{} at {}", e.node, at(e.t_s))),
        None => ("–".into(), "nothing was fed".into()),
    };
    let peak = summary.source.peak_kw.zip(summary.source.peak_t_s);
    let taps: u64 = summary.regulators.values().map(|r| r.operations).sum();
    let each: Vec<String> = summary.regulators.iter().map(|(name, r)| format!("{name} {}", r.operations)).collect();
    let each = if each.len() <= 4 { each.join(", ") } else { format!("{} regulators", each.len()) };
    let (lowest, lowest_where) = voltage(&summary.voltage.min);
    let (highest, highest_where) = voltage(&summary.voltage.max);
    let losses = summary.losses.percent.map(|p| format!("{p:.2} % of that")).unwrap_or_default();
    let iterations =
        format!("{:.1} iterations a step, at most {}", summary.solver.iterations_mean, summary.solver.iterations_max);
    let mean = format!("{} on average", power(summary.source.energy_kwh * 3600.0 / summary.duration_s));
    let cards = [
        ("Lowest voltage", lowest, lowest_where),
        ("Highest voltage", highest, highest_where),
        (
            "Peak power",
            peak.map_or("–".into(), |p| power(p.0)),
            peak.map(|p| format!("at {}", at(p.1))).unwrap_or_default(),
        ),
        ("Energy from the source", energy(summary.source.energy_kwh), mean),
        ("Losses", energy(summary.losses.energy_kwh), losses),
        ("Tap operations", taps.to_string(), each),
        ("Steps solved", format!("{} of {}", summary.steps - summary.solver.not_converged, summary.steps), iterations),
    ];
    let mut out = String::from("<dl class=\"numbers\">\n");
    for (name, value, note) in cards {
        let (value, note) = (escaped(&value), escaped(&note));
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>");
    }
    out.push_str("</dl>\n");
    out
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

fn events(study: &Study) -> String {
    let events = &study.plan.events;
    if events.is_empty() {
        return String::new();
    }
    let mut out = String::from("<h2>Events</h2>\n<div class=\"scroll\"><table>\n");
    out.push_str("<tr><th class=\"n\">#</th><th>when</th><th>what</th></tr>\n");
    for (k, event) in events.iter().take(MOST_EVENTS).enumerate() {
        let (when, what) = (study.clock(event.tick), escaped(&event.label));
        let _ = writeln!(out, "<tr><td class=\"n\">{}</td><td>{when}</td><td>{what}</td></tr>", k + 1);
    }
    out.push_str("</table></div>\n");
    if events.len() > MOST_EVENTS {
        let _ = writeln!(out, "<p class=\"lead\">… and {} more.</p>", events.len() - MOST_EVENTS);
    }
    out
}

fn inputs(study: &Study) -> String {
    let build = Build::current();
    let mut out = String::from("<h2>What was run</h2>\n<div class=\"scroll\"><table>\n");
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(out, "<tr><th>{name}</th><td>{value}</td></tr>");
    };
    row("program", &format!("PhasorBench {}, commit <code>{}</code>", escaped(&build.version), escaped(&build.commit)));
    row("seed", &study.plan.seed.to_string());
    for input in &study.plan.inputs {
        let path = escaped(&input.path.display().to_string());
        row("input", &format!("<code>{path}</code><br><code>FNV-1a {:016x}</code>", input.fnv1a_64));
    }
    out.push_str("</table></div>\n");
    out.push_str(
        "<footer>Beside this page: <code>series.csv</code> (over time), <code>nodes.csv</code> (every node), \
         <code>summary.json</code>, <code>run.json</code> (machine and timing) and each figure as SVG.</footer>\n",
    );
    out
}
