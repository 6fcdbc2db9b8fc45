//! The page of a measured recording, from its `monitor.json`.

use std::path::Path;

use super::figure::{self, Figure};
use super::page::{Card, Cell, Page, Table, Tone, short};
use super::read::{ReadError, json};
use crate::study::monitor::{FORMAT, Source, Summary};

/// Rows of a table.
const MOST_ROWS: usize = 200;

/// The page and its figures.
pub(super) fn page(dir: &Path) -> Result<(String, Vec<Figure>), ReadError> {
    let path = dir.join("monitor.json");
    let summary: Summary = json(&path)?;
    if summary.format != FORMAT {
        return Err(ReadError::Version { path, found: summary.format, known: FORMAT });
    }
    let figures = figure::recording(&summary);
    let mut page = Page::new(&format!("Power quality of {}", summary.file), &lead(&summary));
    banner(&mut page, &summary);
    page.cards(&cards(&summary));
    if !summary.limits.is_empty() {
        page.heading("Limits");
        page.table(&limits(&summary), MOST_ROWS);
    }
    page.heading("Channels");
    page.table(&channels(&summary), MOST_ROWS);
    page.heading("Harmonics, time, events");
    page.figures(&figures);
    if !summary.events.is_empty() {
        page.heading("Events");
        page.table(&events(&summary), MOST_ROWS);
    }
    if !summary.warnings.is_empty() {
        page.heading("To be known");
        let rows = summary.warnings.iter().map(|text| vec![Cell::Text(text.clone())]).collect();
        page.table(&Table { columns: vec!["what was noticed"], rows }, MOST_ROWS);
    }
    let beside = "Beside this page: windows.json (every window), monitor.json (what this page is made of), and each figure as SVG.";
    Ok((page.finish(beside), figures))
}

fn lead(summary: &Summary) -> String {
    let station = summary.station.as_ref().map(|station| format!(", recorded by {station}")).unwrap_or_default();
    let windows = if summary.synchronised { "windows follow the frequency" } else { "windows of 200 ms" };
    let cycles = if summary.nominal_hz > 55.0 { 12 } else { 10 };
    format!(
        "{} at {} samples a second{station}; {windows} ({cycles} cycles).",
        summary.kind,
        short(summary.sample_rate_hz)
    )
}

fn banner(page: &mut Page, summary: &Summary) {
    let failed = summary.limits.iter().filter(|limit| !limit.passed).count();
    let profile = summary.profile.as_deref().unwrap_or_default();
    match (summary.limits.len(), failed) {
        (0, _) => {}
        (_, 0) => page.banner(Tone::Good, "✓ Passed", &format!("Every limit of {profile} is kept.")),
        (all, _) => page.banner(Tone::Bad, "✗ Failed", &format!("{failed} of {all} limits of {profile} are not kept.")),
    }
    if summary.invalid > 0 {
        let text = format!("{} of {} windows have missing or clipped samples.", summary.invalid, summary.windows);
        page.banner(Tone::Warn, "Not valid", &text);
    }
}

fn cards(summary: &Summary) -> Vec<Card> {
    let who = |source: Source| match source {
        Source::Given => "as given",
        Source::File => "as the file says",
        Source::Signal => "told by the signal",
    };
    let number = |x: Option<f64>, unit: &str| x.map_or("–".to_owned(), |x| format!("{} {unit}", short(x)));
    let [least, mean, most] = summary.frequency_hz;
    let worst = |letter: char| {
        let channels = summary.channels.iter().filter(move |c| c.name.starts_with(letter));
        channels.filter_map(|c| Some((c.thd_percent[2]?, c.name.as_str()))).max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let mut cards = vec![
        Card::new(
            "Measured",
            format!("{} s", short(summary.duration_s)),
            format!("{} windows, {} flagged", summary.windows, summary.flagged),
        ),
        Card::new(
            "Frequency",
            number(mean, "Hz"),
            format!(
                "{} to {}, nominal {} Hz {}",
                number(least, "").trim(),
                number(most, "").trim(),
                summary.nominal_hz,
                who(summary.nominal_hz_from)
            ),
        ),
    ];
    if let Some(v) = summary.nominal_v {
        cards.push(Card::new("Nominal voltage", format!("{} V", short(v)), who(summary.nominal_v_from)));
    }
    for (letter, name) in [('u', "Largest THD of a voltage"), ('i', "Largest THD of a current")] {
        if let Some((thd, channel)) = worst(letter) {
            cards.push(Card::new(name, format!("{thd:.2} %"), format!("{channel}, one window, outside events")));
        }
    }
    if let [_, Some(mean), Some(most)] = summary.u2_percent {
        cards.push(Card::new("Unbalance u2", format!("{mean:.2} %"), format!("at most {most:.2} %")));
    }
    cards.push(Card::new("Events", summary.event_count.to_string(), "dips, swells, interruptions, rapid changes"));
    cards
}

fn limits(summary: &Summary) -> Table {
    let row = |limit: &crate::study::monitor::LimitRow| {
        let with_unit = |x: f64| Cell::Number(format!("{} {}", short(x), limit.unit).trim_end().to_owned());
        let judged = format!("{}: {} values; {}", limit.name, limit.values, limit.source);
        vec![Cell::Mark(limit.passed), with_unit(limit.value), with_unit(limit.limit), Cell::Text(judged)]
    };
    Table {
        columns: vec!["verdict", "worst", "allowed", "what was judged"],
        rows: summary.limits.iter().map(row).collect(),
    }
}

fn channels(summary: &Summary) -> Table {
    let row = |c: &crate::study::monitor::ChannelSummary| {
        let number = |x: Option<f64>, digits: usize| Cell::Number(x.map_or("–".into(), |x| format!("{x:.digits$}")));
        let mut told = Vec::new();
        if c.clipped > 0 {
            told.push(format!("clipped in {} windows", c.clipped));
        }
        if c.dead > 0 {
            told.push(format!("dead in {} windows", c.dead));
        }
        vec![
            Cell::Code(c.name.clone()),
            Cell::Text(c.source.clone()),
            number(c.rms[0], 3),
            number(c.rms[1], 3),
            number(c.rms[2], 3),
            number(c.thd_percent[1], 3),
            number(c.thd_percent[2], 3),
            Cell::Text(told.join(", ")),
        ]
    };
    Table {
        columns: vec!["channel", "in the file", "least RMS", "mean", "most", "mean THD, %", "most", ""],
        rows: summary.channels.iter().map(row).collect(),
    }
}

fn events(summary: &Summary) -> Table {
    let row = |event: &crate::study::monitor::EventRow| {
        let size = event.change_percent.map(|x| format!("changed by {x:.2} %"));
        let open = (!event.ended).then(|| "goes on at the end".to_owned());
        let told: Vec<String> = event.itic.clone().into_iter().chain(size).chain(open).collect();
        vec![
            Cell::Text(event.kind.clone()),
            Cell::Number(format!("{:.3}", event.start_s)),
            Cell::Number(format!("{:.4}", event.duration_s)),
            Cell::Number(format!("{:.2}", event.residual_percent)),
            Cell::Text(told.join("; ")),
        ]
    };
    Table {
        columns: vec!["event", "start, s", "lasts, s", "% of nominal", "in the ITI curve"],
        rows: summary.events.iter().map(row).collect(),
    }
}
