//! Reading back what a run or a study left, with errors that say what a person can do.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::record::TableError;

/// Why no report can be made of a directory.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such directory.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// Nothing in it is known.
    #[error(
        "{0} holds no results: no run.json, compare.json, contingency.json, pv.json or summary.json, and no folders with them"
    )]
    Nothing(PathBuf),
    /// A file is missing.
    #[error("{} is missing: the run did not finish, or an older version wrote it; run it again", .0.display())]
    Missing(PathBuf),
    /// A file was not written to its end.
    #[error("{} is half-written: the run was stopped; run it again", .0.display())]
    Partial(PathBuf),
    /// A file of another version.
    #[error("{} has format {found}, this version knows {known}: use the version that wrote it, or run it again", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What is known.
        known: u32,
    },
    /// A file cannot be read.
    #[error("cannot read {0}: {1}")]
    Io(PathBuf, io::Error),
    /// A file is not what it should be.
    #[error("{0} is not as this version writes it: {1}")]
    Json(PathBuf, serde_json::Error),
    /// A line of a table is not what it should be.
    #[error("{} is not as this version writes it: line {line}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, 1-based.
        line: usize,
    },
    /// A record is not one.
    #[error("{0} is not a record: {1}")]
    Record(PathBuf, TableError),
    /// The report cannot be written.
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, io::Error),
}

/// All of these files are there, and none is half-written.
pub(super) fn whole(dir: &Path, names: &[&str]) -> Result<(), ReadError> {
    for name in names {
        let path = dir.join(name);
        if path.is_file() {
            continue;
        }
        let partial = dir.join(format!("{name}.partial"));
        return Err(if partial.exists() { ReadError::Partial(partial) } else { ReadError::Missing(path) });
    }
    Ok(())
}

/// A file's text.
pub(super) fn text(path: &Path) -> Result<String, ReadError> {
    std::fs::read_to_string(path).map_err(|error| ReadError::Io(path.to_owned(), error))
}

/// A file's JSON.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, ReadError> {
    serde_json::from_str(&text(path)?).map_err(|error| ReadError::Json(path.to_owned(), error))
}
