//! `phasorbench report DIR`: a page of what lies in a directory, whatever made it.

use std::path::{Path, PathBuf};

use super::read::{ReadError, json};
use super::run::Run;
use super::{compare, contingency, index, monitor, pv, scan, sweep};

/// What made a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Run,
    Compare,
    Contingency,
    Pv,
    Scan,
    Sweep,
    Monitor,
}

/// Makes page and figures again from the files of a directory, and returns the page. A directory of results gets an
/// `index.html`; its runs stay as they are.
///
/// # Errors
/// When nothing in it is known, or a file is missing, half-written or of another version.
pub fn rebuild(dir: &Path) -> Result<PathBuf, ReadError> {
    if !dir.is_dir() {
        return Err(ReadError::NotADirectory(dir.to_owned()));
    }
    let write = |error| ReadError::Write(dir.join("report.html"), error);
    let (page, figures) = match kind(dir)? {
        Some(Kind::Run) => {
            super::render(dir, &Run::read(dir)?).map_err(write)?;
            return Ok(dir.join("report.html"));
        }
        Some(Kind::Compare) => compare::page(dir)?,
        Some(Kind::Contingency) => contingency::page(dir)?,
        Some(Kind::Pv) => pv::page(dir)?,
        Some(Kind::Scan) => scan::page(dir)?,
        Some(Kind::Monitor) => monitor::page(dir)?,
        Some(Kind::Sweep) => sweep::page(dir)?,
        None => return index::write(dir),
    };
    super::write_page(dir, "report.html", &page, &figures).map_err(write)?;
    Ok(dir.join("report.html"))
}

/// What made a directory; `None` when it holds no results itself.
pub(super) fn kind(dir: &Path) -> Result<Option<Kind>, ReadError> {
    let has = |name: &str| dir.join(name).is_file();
    let studies = [
        ("compare.json", Kind::Compare),
        ("contingency.json", Kind::Contingency),
        ("pv.json", Kind::Pv),
        ("scan.json", Kind::Scan),
        ("monitor.json", Kind::Monitor),
    ];
    for (name, kind) in studies {
        if has(name) {
            return Ok(Some(kind));
        }
        let partial = dir.join(format!("{name}.partial"));
        if partial.is_file() {
            return Err(ReadError::Partial(partial));
        }
    }
    if has("run.json") || has("report.json") || has("series.csv") || has("series.csv.partial") {
        return Ok(Some(Kind::Run));
    }
    if has("summary.json") {
        let summary: serde_json::Value = json(&dir.join("summary.json"))?;
        return Ok(Some(if summary.get("columns").is_some() { Kind::Sweep } else { Kind::Run }));
    }
    Ok(None)
}
