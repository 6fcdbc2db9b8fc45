//! Real devices in the loop, as a part of a run's page.

use super::page::{Cell, Page, Table, Tone};
use super::summary::RealDevice;

/// Rows of what happened.
const MOST_HAPPENED: usize = 200;

/// Heading, verdict, a table of devices and one of what happened to them.
pub(super) fn section(page: &mut Page, devices: &[RealDevice]) {
    page.heading("Devices on the wire");
    let (tone, head, text) = verdict(devices);
    page.banner(tone, head, &text);
    let row = |own: &RealDevice| {
        let numbers = [own.samples, own.missed, own.losses].map(|count| Cell::Number(count.to_string()));
        let names = [own.name.clone(), own.device.clone()].map(Cell::Code);
        names
            .into_iter()
            .chain([Cell::Text(own.role.clone())])
            .chain(numbers)
            .chain([Cell::Mark(!own.lost_at_end)])
            .collect()
    };
    let columns = vec!["name", "described as", "is a", "samples", "overtaken", "losses", "there at the end"];
    page.table(&Table { columns, rows: devices.iter().map(row).collect() }, devices.len());
    let trouble = |own: &RealDevice| own.trouble.as_ref().map(|what| format!("the last trouble of its link: {what}"));
    let happened = devices.iter().flat_map(|own| {
        let all = own.happened.iter().cloned().chain(trouble(own));
        all.map(|what| (own.name.clone(), what))
    });
    let rows: Vec<Vec<Cell>> = happened.map(|(name, what)| vec![Cell::Code(name), Cell::Text(what)]).collect();
    if !rows.is_empty() {
        page.table(&Table { columns: vec!["device", "what happened"], rows }, MOST_HAPPENED);
    }
}

/// Without a grid simulator in the loop, what the devices feed has no effect on the voltage that they see: that is said.
fn verdict(devices: &[RealDevice]) -> (Tone, &'static str, String) {
    let has = |role: &str| devices.iter().any(|own| own.role == role);
    let open = match (has("device"), has("amplifier")) {
        (true, false) => "The voltage loop is open: no amplifier gives the devices the network's voltage.",
        (true, true) => "The voltage loop is closed by an amplifier.",
        (false, _) => "",
    };
    let losses: u64 = devices.iter().map(|own| own.losses).sum();
    let gone: Vec<&str> = devices.iter().filter(|own| own.lost_at_end).map(|own| own.name.as_str()).collect();
    match (losses, gone.is_empty()) {
        (0, true) => (Tone::Good, "Never lost", open.to_owned()),
        (n, true) => (Tone::Warn, "Lost and back", format!("Devices were lost {n} times and are back. {open}")),
        (_, false) => (Tone::Bad, "Lost", format!("Not there at the end: {}. {open}", gone.join(", "))),
    }
}
