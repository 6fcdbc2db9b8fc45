//! Tells the program which commit it is built from: `PHASORBENCH_COMMIT`, else what git says, else nothing.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PHASORBENCH_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let told = std::env::var("PHASORBENCH_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = told.or_else(commit_of_checkout);
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let long = commit.as_ref().map_or(version.clone(), |commit| format!("{version} (commit {commit})"));
    println!("cargo:rustc-env=PHASORBENCH_LONG_VERSION={long}");
    if let Some(commit) = commit {
        println!("cargo:rustc-env=PHASORBENCH_COMMIT={commit}");
    }
}

/// The commit of the checkout, `-dirty` with changes to what the program is made of; nothing in a tarball – nor in one
/// that lies inside another project's checkout.
fn commit_of_checkout() -> Option<String> {
    let root = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    if !Path::new(&root).join(".git").exists() {
        return None;
    }
    // Every commit and checkout is written to the log of HEAD; `git add` and other branches' commits are not. A file that
    // does not exist would make every build another one.
    if let Some(dir) = git(&root, &["rev-parse", "--git-dir"]) {
        let watched = ["HEAD", "logs/HEAD"].map(|name| Path::new(&root).join(&dir).join(name));
        watched
            .iter()
            .filter(|path| path.exists())
            .for_each(|path| println!("cargo:rerun-if-changed={}", path.display()));
    }
    for part in ["src", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={part}");
    }
    let commit = git(&root, &["rev-parse", "--short=12", "HEAD"])?;
    let parts = ["status", "--porcelain", "--untracked-files=no", "--", "src", "build.rs", "Cargo.toml", "Cargo.lock"];
    let changed = git(&root, &parts).is_some_and(|changes| !changes.is_empty());
    Some(if changed { format!("{commit}-dirty") } else { commit })
}

fn git(root: &str, args: &[&str]) -> Option<String> {
    // Asking for the status must not touch the index, or every build would be followed by another.
    let output = Command::new("git").arg("--no-optional-locks").args(args).current_dir(root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    output.status.success().then_some(text)
}
