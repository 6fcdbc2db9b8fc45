//! A scenario's text as one located tree: what it `extends` is merged in, then values set from outside replace its own.
//!
//! Merging goes key by key, the extending file over the extended ones, the later of several over the earlier. Two lists
//! are joined where both matter (`events`, `expect`), any other list is replaced, and a key that is given nothing (`~`)
//! takes away what the extended file has there. Every node keeps its own place, so a finding points into the file that
//! wrote the value, and a path is relative to the file that wrote it.

use std::path::{Component, Path, PathBuf};

use crate::diagnostic::yaml::{self, Key, Node, Value};
use crate::diagnostic::{Diagnostic, FileId, Sources, Span};

/// Deepest chain of files that extend each other.
const DEEPEST: usize = 16;
/// Lists that are joined when files extend each other.
const JOINED: [&str; 2] = ["events", "expect"];

/// A value from outside that replaces one of the scenario: `--set loads.671.scale=1.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Where, as dotted keys and positions in lists (from 0): `events.0.at_s`.
    pub path: String,
    /// The value, in YAML.
    pub value: String,
}

/// A scenario as a located tree, with the texts it is made of and what was found so far.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) root: Option<Node>,
    /// The scenario's own file.
    pub(super) place: Span,
    pub(super) sources: Sources,
    pub(super) found: Vec<Diagnostic>,
}

impl Document {
    /// Reads the file at `path` and all that it extends.
    pub fn open(path: &Path) -> Self {
        let place = Span { file: FileId(0), start: 0, end: 0 };
        let mut document = Self { root: None, place, sources: Sources::default(), found: Vec::new() };
        document.root = document.load(path, None, &mut Vec::new());
        document
    }

    /// A scenario from its text, as if it stood in a file at `path`.
    pub fn from_text(path: &Path, text: String) -> Self {
        let place = Span { file: FileId(0), start: 0, end: 0 };
        let mut document = Self { root: None, place, sources: Sources::default(), found: Vec::new() };
        let file = document.sources.add(path, text);
        document.root = document.tree(file, path, &mut vec![path.to_path_buf()]);
        document
    }

    /// The tree; `None` when the file could not be read.
    pub fn root(&self) -> Option<&Node> {
        self.root.as_ref()
    }

    /// Replaces a value, or adds it where its key is missing. What is wrong with it is found when the plan is made.
    pub fn set(&mut self, change: &Override) {
        let text = format!("{}: {}", change.path, change.value);
        let file = self.sources.add(Path::new("--set"), text.clone());
        // The value is parsed where it stands in the text shown, so that findings point at it.
        let start = change.path.len() + 2;
        let blank = " ".repeat(start);
        let Some(value) = yaml::parse(&(blank + &change.value), file, &mut self.found) else { return };
        let end = u32::try_from(change.path.len()).unwrap_or(u32::MAX);
        let place = Span { file, start: 0, end };
        self.put(&change.path, value, place);
    }

    /// Puts a value at a path; what is wrong with the path is found at `place`.
    pub(super) fn put(&mut self, path: &str, value: Node, place: Span) {
        let Some(root) = &mut self.root else { return };
        if let Err(fault) = set(root, path, value, place) {
            self.found.push(fault);
        }
    }

    fn load(&mut self, path: &Path, named_at: Option<Span>, chain: &mut Vec<PathBuf>) -> Option<Node> {
        if let Some(fault) = self.circle(path, chain) {
            self.found.push(fault.at(named_at));
            return None;
        }
        let file = match self.sources.load(path) {
            Ok(file) => file,
            Err(finding) => {
                let span = finding.span.or(named_at);
                self.found.push(finding.at(span));
                return None;
            }
        };
        chain.push(path.to_path_buf());
        let tree = self.tree(file, path, chain);
        chain.pop();
        tree
    }

    fn circle(&self, path: &Path, chain: &[PathBuf]) -> Option<Diagnostic> {
        if chain.iter().any(|before| before == path) {
            let message = format!("{} extends itself", path.display());
            return Some(Diagnostic::error("E0312", message).help("a scenario and what it extends form no circle"));
        }
        let message = format!("files extend each other more than {DEEPEST} deep");
        (chain.len() > DEEPEST).then(|| Diagnostic::error("E0312", message))
    }

    fn tree(&mut self, file: FileId, path: &Path, chain: &mut Vec<PathBuf>) -> Option<Node> {
        let text = self.sources.get(file)?.1.to_owned();
        let own = yaml::parse(&text, file, &mut self.found)?;
        let mut bases = Vec::new();
        for node in extended(&own) {
            match &node.value {
                Value::String(name) | Value::Number(name) => {
                    let base = beside(path.parent().unwrap_or(Path::new("")), name);
                    bases.extend(self.load(&base, Some(node.span), chain));
                }
                _ => self.found.push(
                    Diagnostic::error("E0008", format!("expected a scenario file, found {}", node.describe()))
                        .at(node.span)
                        .help("write extends: FILE, or a list of files"),
                ),
            }
        }
        let merged = bases.into_iter().reduce(|base, over| merge(base, over, None));
        Some(without_extends(match merged {
            Some(base) => merge(base, own, None),
            None => own,
        }))
    }

    /// A path as written at `span`, from where the program stands.
    pub(super) fn beside(&self, span: Span, written: &str) -> PathBuf {
        let file = self.sources.get(span.file).map(|(path, _)| path);
        beside(file.and_then(Path::parent).unwrap_or(Path::new("")), written)
    }
}

fn extended(root: &Node) -> &[Node] {
    match root.get("extends") {
        Some(node) if matches!(node.value, Value::Seq(_)) => node.items(),
        Some(node) if node.value != Value::Null => std::slice::from_ref(node),
        _ => &[],
    }
}

fn without_extends(mut root: Node) -> Node {
    if let Value::Map(entries) = &mut root.value {
        entries.retain(|(key, _)| key.name != "extends");
    }
    root
}

/// `over` on `base`; `key` is what both stand under.
fn merge(base: Node, over: Node, key: Option<&str>) -> Node {
    let span = over.span;
    match (base.value, over.value) {
        (Value::Map(base), Value::Map(over)) => Node { span, value: Value::Map(merge_entries(base, over)) },
        (Value::Seq(mut base), Value::Seq(over)) if key.is_some_and(|key| JOINED.contains(&key)) => {
            base.extend(over);
            Node { span, value: Value::Seq(base) }
        }
        (_, value) => Node { span, value },
    }
}

fn merge_entries(mut entries: Vec<(Key, Node)>, over: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
    for (key, node) in over {
        match entries.iter().position(|(k, _)| k.name.eq_ignore_ascii_case(&key.name)) {
            Some(place) if node.value == Value::Null => drop(entries.remove(place)),
            Some(place) => {
                if let Some(entry) = entries.get_mut(place) {
                    let base = std::mem::replace(&mut entry.1, Node { span: key.span, value: Value::Null });
                    entry.1 = merge(base, node, Some(&key.name));
                    entry.0 = key;
                }
            }
            None => entries.push((key, node)),
        }
    }
    entries
}

/// A path as a file in `folder` writes it, without detours (`a/../b` is `b`).
fn beside(folder: &Path, written: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(written).components() {
        let back = part == Component::ParentDir && matches!(path.components().next_back(), Some(Component::Normal(_)));
        // What looks like a detour may lead elsewhere by a link.
        if back && !path.is_symlink() {
            path.pop();
        } else {
            path.push(part);
        }
    }
    path
}

/// Puts `value` at `path`. A key may hold dots itself: of the keys that fit, the longest is meant.
fn set(node: &mut Node, path: &str, value: Node, place: Span) -> Result<(), Diagnostic> {
    if path.is_empty() || path.split('.').any(str::is_empty) {
        let message = format!("{path:?} is not a path into a scenario");
        return Err(Diagnostic::error("E0313", message).at(place).help("as in loads.671.scale or events.0.at_s"));
    }
    match &mut node.value {
        Value::Null => node.value = Value::Map(Vec::new()),
        Value::Map(_) | Value::Seq(_) => {}
        _ => {
            let message = format!("there is nothing at {path:?}: what it would be part of is {}", node.describe());
            return Err(Diagnostic::error("E0313", message).at(place).related(node.span, "written here"));
        }
    }
    let described = node.describe();
    match &mut node.value {
        Value::Seq(items) => {
            let (index, rest) = path.split_once('.').map_or((path, None), |(index, rest)| (index, Some(rest)));
            let count = items.len();
            let Some(item) = index.parse().ok().and_then(|index: usize| items.get_mut(index)) else {
                let message = format!("{index:?} is no position in a list of {count}");
                return Err(Diagnostic::error("E0313", message).at(place).help("positions are counted from 0"));
            };
            put(item, rest, value, place)
        }
        Value::Map(entries) => {
            let known = entries.iter().position(|(key, _)| rest_of(path, &key.name) == Some(None));
            let longest = (0..entries.len())
                .filter(|&k| rest_of(path, &entries[k].0.name).is_some())
                .max_by_key(|&k| entries[k].0.name.len());
            if let Some(entry) = known.or(longest).and_then(|k| entries.get_mut(k)) {
                let rest = rest_of(path, &entry.0.name).flatten();
                return put(&mut entry.1, rest, value, place);
            }
            let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
            let key = Key { name: name.to_owned(), span: place };
            let mut inner = Node { span: place, value: Value::Null };
            put(&mut inner, rest, value, place)?;
            entries.push((key, inner));
            Ok(())
        }
        _ => Err(Diagnostic::error("E0313", format!("{path:?} leads into {described}")).at(place)),
    }
}

fn put(node: &mut Node, rest: Option<&str>, value: Node, place: Span) -> Result<(), Diagnostic> {
    match rest {
        Some(rest) => set(node, rest, value, place),
        None => {
            *node = value;
            Ok(())
        }
    }
}

/// What of `path` is left behind `key`: nothing (`Some(None)`), a path, or it is not the key at all.
fn rest_of<'p>(path: &'p str, key: &str) -> Option<Option<&'p str>> {
    let head = path.get(..key.len())?;
    if !head.eq_ignore_ascii_case(key) {
        return None;
    }
    match path[key.len()..].strip_prefix('.') {
        Some(rest) => Some(Some(rest)),
        None if path.len() == key.len() => Some(None),
        None => None,
    }
}
