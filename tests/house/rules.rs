//! Rules that a reader of the code relies on and no lint keeps.

use std::path::Path;

use super::source::{files, rust_files, text, tokens};

/// Longest file of the sources, in lines.
const LONGEST: usize = 600;

/// Where the wall clock may be read.
const CLOCKS: [&str; 5] = ["src/bench/pace", "src/bench/hil", "src/emulate", "src/link", "src/cli"];

/// Files that may hold a hash map, each with why its order is never seen.
const HASH_MAPS: &[(&str, &str)] = &[
    ("src/feeder/opendss/build.rs", "asked for membership only"),
    ("src/feeder/opendss/interpreter.rs", "variables of a script, looked up by name"),
    ("src/feeder/opendss/report.rs", "each value is put at its own index"),
    ("src/feeder/opendss/session.rs", "variables of a script, looked up by name"),
    ("src/solver/grid.rs", "nodes, looked up by name"),
];

fn starts_with_any(path: &Path, places: &[&str]) -> bool {
    places.iter().any(|place| path.to_string_lossy().starts_with(place))
}

fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn files_are_short() {
    let lines = |path: &Path| text(path).lines().count();
    let long = rust_files("src").into_iter().map(|p| (lines(&p), p)).filter(|(lines, _)| *lines > LONGEST);
    none(long.map(|(n, p)| format!("{}: {n} lines", p.display())).collect(), "no file over 600 lines");
}

#[test]
fn files_say_what_they_are() {
    let silent = rust_files("src").into_iter().filter(|path| !text(path).starts_with("//! "));
    none(silent.map(|p| p.display().to_string()).collect(), "every file starts with `//!` and what it is");
}

#[test]
fn only_the_edges_know_the_wall_clock() {
    let inside = rust_files("src").into_iter().filter(|path| !starts_with_any(path, &CLOCKS));
    let found = inside.flat_map(|path| {
        let clocks = tokens(&text(&path)).into_iter().filter(|t| matches!(t.text.as_str(), "Instant" | "SystemTime"));
        clocks.map(|t| format!("{}:{}: {}", path.display(), t.line, t.text)).collect::<Vec<_>>()
    });
    none(found.collect(), "no wall clock outside bench::pace, bench::hil, emulate, link and cli");
}

#[test]
fn nothing_iterates_over_a_hash_map() {
    let found = rust_files("src").into_iter().flat_map(|path| {
        let allowed = HASH_MAPS.iter().any(|(file, _)| path == Path::new(file));
        let hashed = tokens(&text(&path)).into_iter().filter(|t| matches!(t.text.as_str(), "HashMap" | "HashSet"));
        hashed.filter(|_| !allowed).map(|t| format!("{}:{}: {}", path.display(), t.line, t.text)).collect::<Vec<_>>()
    });
    none(found.collect(), "hash maps have no order: use IndexMap or BTreeMap, or add the file to HASH_MAPS with why");
}

#[test]
fn every_test_runs() {
    let found = ["src", "tests"].into_iter().flat_map(rust_files).flat_map(|path| {
        let tokens = tokens(&text(&path));
        let ignored = tokens.windows(3).filter(|w| w[0].text == "#" && w[1].text == "[" && w[2].text == "ignore");
        ignored.map(|w| format!("{}:{}", path.display(), w[0].line)).collect::<Vec<_>>()
    });
    none(found.collect(), "no test is ignored");
}

#[test]
fn nothing_refers_to_what_a_clone_does_not_have() {
    // Written so that this file does not find itself.
    let absent = [concat!("..", "/shared"), concat!("/", "work/"), concat!(".", "library/")];
    let places = ["src", "tests", "docs", "benches", "feeders", "scenarios", "hil", ".ci"];
    let found = places.into_iter().flat_map(files).chain(["README.md".into(), "Cargo.toml".into()]);
    let found = found.filter_map(|path| {
        let bytes = std::fs::read(super::source::root().join(&path)).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        absent.iter().find(|word| text.contains(**word)).map(|word| format!("{}: {word}", path.display()))
    });
    none(found.collect(), "committed files refer to nothing outside the repository");
}
