//! Each module imports only from lower floors, none sideways.

use std::path::{Component, Path};

use super::source::{Token, root, rust_files, text, tokens};

/// Floor of each module of the library, and of the binary. The reasons are in `docs/architecture.md`.
const FLOORS: &[(&str, u8)] = &[
    ("quantity", 0),
    ("diagnostic", 0),
    ("signal", 1),
    ("feeder", 2),
    ("monitor", 2),
    ("control", 2),
    ("interface", 2),
    ("link", 2),
    ("record", 2),
    ("recording", 2),
    ("solver", 3),
    ("device", 4),
    ("sense", 4),
    ("emulate", 5),
    ("scenario", 5),
    ("bench", 6),
    ("study", 7),
    ("report", 8),
    (BINARY, 9),
];
const BINARY: &str = "cli";
const LIBRARY: &str = "phasorbench";

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// Modules at the crate's root that a file names, with the line where.
fn imports(tokens: &[Token], depth: usize) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut inline = InlineModules::default();
    let word = |at: usize| tokens.get(at).map_or("", |t| t.text.as_str());
    let mut at = 0;
    while at < tokens.len() {
        inline.follow(tokens, at);
        let mut end = at;
        let mut up = 0;
        while word(end) == "super" && word(end + 1) == "::" {
            (up, end) = (up + 1, end + 2);
        }
        let from_path = at > 0 && word(at - 1) == "::";
        if matches!(word(at), "crate" | LIBRARY) && word(at + 1) == "::" && !from_path {
            first_segments(tokens, at + 2, &mut found);
        } else if up > 0 && up == depth.saturating_add(inline.depth()) {
            first_segments(tokens, end, &mut found);
        }
        at = end.max(at + 1);
    }
    found
}

/// The first name of a path, or of each path of a group `{a::b, c}`.
fn first_segments(tokens: &[Token], from: usize, found: &mut Vec<(String, usize)>) {
    let Some(first) = tokens.get(from) else { return };
    if first.text != "{" {
        found.push((first.text.clone(), first.line));
        return;
    }
    let (mut depth, mut expected) = (0, false);
    for token in &tokens[from..] {
        match token.text.as_str() {
            "{" => (depth, expected) = (depth + 1, depth == 0),
            "}" if depth == 1 => return,
            "}" => depth -= 1,
            "," => expected = depth == 1,
            _ if expected => {
                found.push((token.text.clone(), token.line));
                expected = false;
            }
            _ => {}
        }
    }
}

/// Modules written inside a file (`mod tests { … }`), which lie one deeper than the file.
#[derive(Default)]
struct InlineModules {
    braces: usize,
    opened_at: Vec<usize>,
}

impl InlineModules {
    fn follow(&mut self, tokens: &[Token], at: usize) {
        match tokens[at].text.as_str() {
            "{" => {
                if at >= 2 && tokens[at - 2].text == "mod" {
                    self.opened_at.push(self.braces);
                }
                self.braces += 1;
            }
            "}" => {
                self.braces = self.braces.saturating_sub(1);
                if self.opened_at.last() == Some(&self.braces) {
                    self.opened_at.pop();
                }
            }
            _ => {}
        }
    }

    fn depth(&self) -> usize {
        self.opened_at.len()
    }
}

/// Path of modules of a file below `src`: `src/solver/kernel/mod.rs` is `solver::kernel`.
fn module_path(path: &Path) -> Vec<String> {
    let stem = path.with_extension("");
    let parts = stem.components().skip(1).filter_map(|c| match c {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    parts.filter(|name| !matches!(name.as_str(), "mod" | "lib" | "main")).collect()
}

/// What is wrong with the imports of one file.
fn broken(path: &Path, text: &str) -> Vec<String> {
    let modules = module_path(path);
    let Some(own) = modules.first() else { return Vec::new() };
    let Some(own_floor) = floor(own) else {
        return vec![format!(
            "{}: module `{own}` has no floor: add it to FLOORS and to docs/architecture.md",
            path.display()
        )];
    };
    // In the binary, `crate` and `super` are the binary itself; the library has its name.
    let binary = own == BINARY;
    let tokens = tokens(text);
    let is_library = |line: usize| tokens.iter().any(|t| t.line == line && t.text == LIBRARY);
    let used = imports(&tokens, if binary { usize::MAX } else { modules.len() });
    let used = used.into_iter().filter(|(name, line)| name != own && (!binary || is_library(*line)));
    let wrong = used.filter_map(|(name, line)| {
        let lower = floor(&name)? < own_floor;
        let why = format!("`{own}` (floor {own_floor}) imports `{name}` (floor {})", floor(&name)?);
        (!lower).then(|| format!("{}:{line}: {why}", path.display()))
    });
    wrong.collect()
}

#[test]
fn modules_import_only_from_lower_floors() {
    let found: Vec<String> = rust_files("src").iter().flat_map(|path| broken(path, &text(path))).collect();
    assert!(found.is_empty(), "imports go down, none sideways (docs/architecture.md):\n{}", found.join("\n"));
}

#[test]
fn every_floor_of_the_table_is_described() {
    let page = text(Path::new("docs/architecture.md"));
    for (module, floor) in FLOORS.iter().filter(|(module, _)| root().join("src").join(module).exists()) {
        let row = format!("| {floor} | `{module}` |");
        assert!(page.contains(&row), "docs/architecture.md has no row {row:?}");
    }
}

#[test]
fn a_forbidden_import_is_found() {
    let count = |path: &str, text: &str| broken(Path::new(path), text).len();
    assert_eq!(count("src/feeder/line.rs", "use crate::solver::Grid;"), 1, "upwards");
    assert_eq!(
        count("src/feeder/line.rs", "use crate::{quantity::Complex, link::{self, Link}, monitor};"),
        2,
        "sideways"
    );
    assert_eq!(count("src/feeder/line.rs", "fn f() -> super::super::solver::Grid { }"), 1, "by super");
    assert_eq!(count("src/feeder/line.rs", "mod tests { use super::super::solver; }"), 0, "a module of one's own");
    assert_eq!(count("src/feeder/line.rs", "mod tests { use super::super::super::solver; }"), 1, "by super, inline");
    assert_eq!(count("src/feeder/line.rs", "// crate::solver\nuse crate::diagnostic; use super::super::quantity;"), 0);
    assert_eq!(count("src/solver/element/law.rs", "use crate::feeder::Load; use crate::solver::Grid;"), 0);
    assert_eq!(count("src/cli/check.rs", "use phasorbench::feeder;\nuse crate::output;"), 0);
    assert_eq!(count("src/report/mod.rs", "use phasorbench::cli;"), 1);
    assert_eq!(count("src/cellar/mod.rs", ""), 1, "a module without a floor");
}
