//! Where a run's results go: `results/<scenario>/run-0001`, `run-0002`, …

use std::io;
use std::path::{Path, PathBuf};

/// Creates the next free directory for a run under `parent`. Two runs at the same time get different ones.
///
/// # Errors
/// When it cannot be created.
pub fn next_run(parent: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(parent)?;
    let mut number = last_run(parent)? + 1;
    loop {
        let dir = parent.join(format!("run-{number:04}"));
        match std::fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn last_run(parent: &Path) -> io::Result<u64> {
    let mut last = 0;
    for entry in std::fs::read_dir(parent)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("run-")).and_then(|n| n.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_numbered_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let parent = dir.path().join("a/b");
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(name(next_run(&parent).unwrap()), "run-0001");
        assert_eq!(name(next_run(&parent).unwrap()), "run-0002");
        std::fs::create_dir(parent.join("run-0041")).unwrap();
        std::fs::create_dir(parent.join("other")).unwrap();
        assert_eq!(name(next_run(&parent).unwrap()), "run-0042");
    }
}
