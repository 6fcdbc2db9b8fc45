//! The scenario files under some paths.
//!
//! A scenario is a `.yaml` or `.yml` file with a line that begins with `scenario:`. A file that is only there to be
//! extended leaves that key out. Folders are searched to the bottom, in the order of names; names that begin with a dot,
//! and links to folders, are left aside.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::diagnostic::LARGEST_FILE;
use crate::scenario;

/// What there is under some paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Scenarios, each once.
    pub scenarios: Vec<PathBuf>,
    /// Other YAML files.
    pub others: Vec<PathBuf>,
}

/// Why scenarios could not be looked for.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// A file or folder cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// A file that was named is no scenario.
    #[error("{0} is no scenario: it has no line that begins with `scenario:`")]
    NoScenario(PathBuf),
    /// There is none.
    #[error("there is no scenario under {0}")]
    Nothing(PathBuf),
}

/// Looks for scenarios. A file that is named itself must be one.
///
/// # Errors
/// When a path cannot be read, or has no scenario.
pub fn find(paths: &[PathBuf]) -> Result<Found, FindError> {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    for path in paths {
        let (scenarios, others) = (found.scenarios.len(), found.others.len());
        let meta = std::fs::metadata(path).map_err(|error| FindError::Read(path.clone(), error))?;
        if meta.is_dir() {
            search(path, &mut found)?;
        } else if is_scenario(path)? {
            found.scenarios.push(path.clone());
        } else {
            return Err(FindError::NoScenario(path.clone()));
        }
        if found.scenarios.len() == scenarios {
            return Err(FindError::Nothing(path.clone()));
        }
        let mut first = |path: &PathBuf| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()));
        for (list, from) in [(&mut found.scenarios, scenarios), (&mut found.others, others)] {
            let new = list.split_off(from);
            list.extend(new.into_iter().filter(&mut first));
        }
    }
    Ok(found)
}

fn search(folder: &Path, found: &mut Found) -> Result<(), FindError> {
    let failed = |error| FindError::Read(folder.to_path_buf(), error);
    let mut entries = std::fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries.iter().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')) {
        let path = entry.path();
        let kind = entry.file_type().map_err(failed)?;
        let yaml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
        if kind.is_dir() {
            search(&path, found)?;
        } else if yaml && path.is_file() {
            let list = if is_scenario(&path)? { &mut found.scenarios } else { &mut found.others };
            list.push(path);
        }
    }
    Ok(())
}

/// Whether a file is a scenario, sound or not.
fn is_scenario(path: &Path) -> Result<bool, FindError> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LARGEST_FILE as u64).read_to_end(&mut bytes));
    read.map_err(|error| FindError::Read(path.to_path_buf(), error))?;
    Ok(scenario::is_one(&String::from_utf8_lossy(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_found_in_order_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        file("b.yaml", "scenario: b");
        file("a/z.yml", "# a comment\nscenario: z");
        file("a/base.yaml", "duration_s: 3");
        file("c.txt", "scenario: c");
        file(".hidden/d.yaml", "scenario: d");
        let paths = [dir.path().to_path_buf(), dir.path().join("a"), dir.path().join("b.yaml")];
        let found = find(&paths).unwrap();
        let names = |list: &[PathBuf]| -> Vec<String> {
            list.iter().map(|p| p.strip_prefix(dir.path()).unwrap().display().to_string()).collect()
        };
        assert_eq!(names(&found.scenarios), ["a/z.yml", "b.yaml"]);
        assert_eq!(names(&found.others), ["a/base.yaml"]);
        assert!(find(&[dir.path().join("c.txt")]).is_ok(), "a file that is named may be called anything");
        assert!(matches!(find(&[dir.path().join("a/base.yaml")]), Err(FindError::NoScenario(_))));
        assert!(matches!(find(&[dir.path().join("nowhere")]), Err(FindError::Read(..))));
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        assert!(matches!(find(&[dir.path().join("empty")]), Err(FindError::Nothing(_))));
    }
}
