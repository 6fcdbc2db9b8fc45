//! `index.html` of a directory of results: what is in it, with verdicts.

use std::path::{Path, PathBuf};

use super::page::{Cell, Page, Table, Tone};
use super::read::{ReadError, json};
use super::rebuild::{Kind, kind};
use super::summary::Status;
use super::{RunInfo, Summary};
use crate::record::write_whole;

/// How deep folders of results lie.
const DEEPEST: usize = 4;
/// Rows of the table.
const MOST: usize = 5000;

/// One result.
struct Entry {
    /// Its folder, relative to the index, with `/`.
    path: String,
    title: String,
    passed: bool,
    words: String,
    voltages: [String; 2],
    page: bool,
}

/// Writes the index of a directory.
pub(super) fn write(dir: &Path) -> Result<PathBuf, ReadError> {
    let mut entries = Vec::new();
    find(dir, dir, 0, &mut entries)?;
    if entries.is_empty() {
        return Err(ReadError::Nothing(dir.to_owned()));
    }
    let path = dir.join("index.html");
    write_whole(&path, page(dir, &entries).as_bytes()).map_err(|error| ReadError::Write(path.clone(), error))?;
    Ok(path)
}

fn find(root: &Path, dir: &Path, depth: usize, entries: &mut Vec<Entry>) -> Result<(), ReadError> {
    let failed = |error| ReadError::Io(dir.to_owned(), error);
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // Links are not followed: they may lead in circles.
        if entry.file_type().map_err(failed)?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    for folder in folders {
        match kind(&folder) {
            Ok(Some(kind)) => entries.push(entry(root, &folder, kind)),
            Ok(None) if depth + 1 < DEEPEST => find(root, &folder, depth + 1, entries)?,
            Ok(None) => {}
            Err(error) => entries.push(broken(root, &folder, &error)),
        }
    }
    Ok(())
}

fn entry(root: &Path, folder: &Path, kind: Kind) -> Entry {
    let of_study = |title: &str| Entry {
        path: relative(root, folder),
        title: title.to_owned(),
        passed: true,
        words: "done".into(),
        voltages: Default::default(),
        page: folder.join("report.html").is_file(),
    };
    match kind {
        Kind::Run => run(root, folder).unwrap_or_else(|error| broken(root, folder, &error)),
        Kind::Compare => of_study("Comparison"),
        Kind::Contingency => of_study("Contingencies"),
        Kind::Pv => of_study("P–V curves"),
        Kind::Scan => of_study("Frequency scan"),
        Kind::Sweep => of_study("Sweep"),
        Kind::Monitor => of_study("Measured recording"),
    }
}

fn run(root: &Path, folder: &Path) -> Result<Entry, ReadError> {
    super::read::whole(folder, &["run.json", "summary.json"])?;
    let info: RunInfo = json(&folder.join("run.json"))?;
    let summary: Summary = json(&folder.join("summary.json"))?;
    let (all, failed) = (summary.expectations.len(), summary.expectations.iter().filter(|v| !v.passed).count());
    let solved = summary.status == Status::Converged;
    let words = match (solved, failed, all) {
        _ if summary.stopped_at_s.is_some() => format!("stopped after {} steps", summary.steps),
        (false, ..) => format!("{} of {} steps without a solution", summary.solver.not_converged, summary.steps),
        (true, 0, 0) => "solved; nothing expected".to_owned(),
        (true, 0, _) => format!("{all} of {all} expectations hold"),
        (true, ..) => format!("{failed} of {all} expectations do not hold"),
    };
    let pu = |e: Option<&super::summary::Extreme>| e.map_or("–".to_owned(), |e| format!("{:.4} pu", e.v_pu));
    Ok(Entry {
        path: relative(root, folder),
        title: info.title,
        passed: solved && failed == 0 && summary.stopped_at_s.is_none(),
        words,
        voltages: [pu(summary.voltage.min.as_ref()), pu(summary.voltage.max.as_ref())],
        page: folder.join("report.html").is_file(),
    })
}

fn broken(root: &Path, folder: &Path, error: &ReadError) -> Entry {
    Entry {
        path: relative(root, folder),
        title: String::new(),
        passed: false,
        words: error.to_string(),
        voltages: Default::default(),
        page: false,
    }
}

fn relative(root: &Path, folder: &Path) -> String {
    let parts = folder.strip_prefix(root).unwrap_or(folder).components();
    let parts: Vec<String> = parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.join("/")
}

fn page(dir: &Path, entries: &[Entry]) -> String {
    let name = dir.canonicalize().ok().and_then(|d| d.file_name().map(|n| n.to_string_lossy().into_owned()));
    let title = name.map_or("Results".to_owned(), |name| format!("Results in {name}"));
    let mut page = Page::new(&title, &format!("{} results.", entries.len()));
    let failed = entries.iter().filter(|e| !e.passed).count();
    match failed {
        0 => page.banner(Tone::Good, "✓ Passed", "Every result is as expected."),
        _ => page.banner(Tone::Bad, "✗ Failed", &format!("{failed} of {} results are not as expected.", entries.len())),
    }
    let row = |e: &Entry| {
        let path = format!("{}/report.html", e.path);
        let link = if e.page { Cell::Link { text: e.path.clone(), path } } else { Cell::Code(e.path.clone()) };
        let [low, high] = e.voltages.clone();
        let text = |text: &str| Cell::Text(text.to_owned());
        vec![Cell::Mark(e.passed), link, text(&e.title), text(&e.words), Cell::Number(low), Cell::Number(high)]
    };
    let columns = vec!["verdict", "result", "title", "in words", "lowest", "highest"];
    page.table(&Table { columns, rows: entries.iter().map(row).collect() }, MOST);
    page.finish("Made by “phasorbench report” from the results in this folder.")
}
