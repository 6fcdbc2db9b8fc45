//! Makes a shared library from a file of C, as a user would: a test binary takes it in by
//! `#[path = "support/compiled.rs"] mod compiled;`. Needs `cc`, and fails without it.

use std::path::Path;
use std::process::Command;

/// Makes a library from a file of C. Warnings are errors: the header has to be clean C99.
pub fn compile(source: &Path, library: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-shared", "-fPIC", "-I"]);
    let made = cc.arg(root.join("hil")).arg(source).arg("-o").arg(library).arg("-lm").output();
    let made = made.expect("cc is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
