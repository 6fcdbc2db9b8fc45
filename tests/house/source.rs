//! The repository's own files, and Rust text as tokens (comments and literals left out).

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the repository, sorted, as paths from the root.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found.into_iter().map(|path| path.strip_prefix(root()).expect("below the root").to_path_buf()).collect()
}

/// All `.rs` files below a folder.
pub fn rust_files(folder: &str) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

pub fn text(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// A word (identifier, number) or one mark (`::` counts as one) and the line it stands on (1-based).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// Rust text as tokens. Comments, strings, characters and lifetimes are left out.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let from = at;
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let is = |offset: usize, c: char| chars.get(from + offset) == Some(&c);
        match chars[at] {
            '/' if is(1, '/') => at = until(&chars, at, |at| chars[at] == '\n'),
            '/' if is(1, '*') => at = block_comment(&chars, at),
            '"' => at = string(&chars, at),
            'r' | 'b' | 'c' if literal_after(&chars, at).is_some() => at = literal_after(&chars, at).unwrap_or(at + 1),
            '\'' => at = character_or_lifetime(&chars, at),
            ':' if is(1, ':') => {
                at += 2;
                found.push(Token { text: "::".into(), line });
            }
            c if word(c) => {
                at = until(&chars, at, |at| !word(chars[at]));
                found.push(Token { text: chars[from..at].iter().collect(), line });
            }
            c => {
                at += 1;
                if !c.is_whitespace() {
                    found.push(Token { text: c.into(), line });
                }
            }
        }
        line += chars[from..at].iter().filter(|c| **c == '\n').count();
    }
    found
}

fn until(chars: &[char], from: usize, stop: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|&at| stop(at)).unwrap_or(chars.len())
}

fn block_comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string(chars: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of a raw or byte literal that starts at `from`, if one does.
fn literal_after(chars: &[char], from: usize) -> Option<usize> {
    let prefix = until(chars, from, |at| !matches!(chars[at], 'r' | 'b' | 'c'));
    let hashes = until(chars, prefix, |at| chars[at] != '#') - prefix;
    let raw = chars[from..prefix].contains(&'r');
    match chars.get(prefix + hashes) {
        Some('"') if raw => {
            let end =
                |at: &usize| chars[*at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
            Some((prefix + hashes + 1..chars.len()).find(end)? + 1 + hashes)
        }
        Some('"') if hashes == 0 => Some(string(chars, prefix)),
        Some('\'') if hashes == 0 && chars[from] == 'b' => Some(character_or_lifetime(chars, prefix)),
        _ => None,
    }
}

fn character_or_lifetime(chars: &[char], quote: usize) -> usize {
    match (chars.get(quote + 1), chars.get(quote + 2)) {
        (Some('\\'), _) => until(chars, quote + 3, |at| chars[at] == '\'') + 1,
        (Some(_), Some('\'')) => quote + 3,
        _ => quote + 1,
    }
}

#[test]
fn tokens_leave_out_what_is_not_code() {
    let words = |text: &str| tokens(text).into_iter().map(|t| t.text).collect::<Vec<_>>().join(" ");
    assert_eq!(words("a /* crate::b /* c */ d */ e // crate::f\ng"), "a e g");
    assert_eq!(words(r##"x("crate::\"y", r#"crate::"z"#, b"w", 'c', '\'', b'q')"##), "x ( , , , , , )");
    assert_eq!(words("fn f<'a>(x: &'a T) -> crate::T"), "fn f < a > ( x : & a T ) - > crate :: T");
    assert_eq!(tokens("/* \n */ a\n\"\n\" b").iter().map(|t| t.line).collect::<Vec<_>>(), [2, 4]);
}
