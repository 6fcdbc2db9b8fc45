//! A virtual environment with packages of the index, made once and kept beside other things that tests made.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// One at a time: tests of a program run beside each other.
static MAKING: Mutex<()> = Mutex::new(());

/// The python of the environment of this name, with `packages` (as pip names them) in it, which are there when `imports` can be
/// imported.
///
/// # Panics
/// Where python3 has no venv, or the packages cannot be had: a peer that is missing is no reason to skip a test.
pub fn with(name: &str, packages: &[&str], imports: &str) -> PathBuf {
    let _one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = folder.join("bin/python");
    let has = |python: &PathBuf| {
        let asked = Command::new(python).args(["-c", &format!("import {imports}")]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    if !has(&python) {
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).status();
        assert!(made.expect("python3 with venv").success(), "a virtual environment (package python3-venv)");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let status = Command::new(&python).args(pip).args(packages).status().expect("pip");
        assert!(status.success() && has(&python), "the packages {packages:?} from the package index");
    }
    python
}
