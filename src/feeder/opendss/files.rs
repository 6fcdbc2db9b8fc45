//! Finding and reading files, within limits.
//!
//! Scripts written on Windows name files in any case and with backslashes: a name is tried as written, then each of
//! its parts in any case. Text is UTF-8; other bytes are taken as Latin-1 and noted.

use std::fs;
use std::path::{Path, PathBuf};

use super::codes;
use crate::diagnostic::{Diagnostic, FileId, Sources, Span};

/// Most bytes of all files together.
const BYTES: u64 = 256 << 20;
/// Most files, one that is read twice counted twice.
const COUNT: usize = 20_000;

/// The files read so far.
#[derive(Debug, Default)]
pub struct Files {
    read: Vec<(PathBuf, String)>,
    bytes: u64,
    count: usize,
}

/// A script and where it had bytes that are not UTF-8.
pub struct Script {
    pub id: FileId,
    pub text: String,
    /// Byte offsets in `text` of characters that were not UTF-8, increasing.
    pub foreign: Vec<usize>,
}

impl Files {
    /// The existing file that a script means by `written`, seen from the folder `base`.
    pub fn find(base: &Path, written: &str) -> Option<PathBuf> {
        let written = written.trim().replace('\\', "/");
        if written.is_empty() || written.len() > 4096 {
            return None;
        }
        let direct = base.join(&written);
        if is_file(&direct) {
            return Some(direct);
        }
        let relative = Path::new(&written);
        let start = if relative.is_absolute() { PathBuf::from("/") } else { base.to_path_buf() };
        let found = relative.components().try_fold(start, |folder, part| match part {
            std::path::Component::Normal(name) => in_any_case(&folder, name.to_str()?),
            std::path::Component::ParentDir => Some(folder.join("..")),
            _ => Some(folder),
        })?;
        is_file(&found).then_some(found)
    }

    /// The bytes of a file, while the limits allow.
    fn bytes(&mut self, path: &Path, named_at: Option<Span>) -> Result<Vec<u8>, Diagnostic> {
        let problem = |code, what: String| Diagnostic::error(code, what).at(named_at);
        let size = fs::metadata(path).map_or(0, |m| m.len());
        self.count += 1;
        if self.count > COUNT {
            return Err(problem(codes::LIMIT, format!("more than {COUNT} files are read")));
        }
        if self.bytes.saturating_add(size) > BYTES {
            return Err(problem(codes::LIMIT, format!("the files together are larger than {} MiB", BYTES >> 20)));
        }
        let bytes =
            fs::read(path).map_err(|e| problem(codes::FILE, format!("cannot read \"{}\": {e}", path.display())))?;
        self.bytes += bytes.len() as u64;
        Ok(bytes)
    }

    /// Reads a script.
    pub fn script(&mut self, path: &Path, named_at: Option<Span>) -> Result<Script, Diagnostic> {
        let (text, foreign) = decode(self.bytes(path, named_at)?);
        let id = FileId(u32::try_from(self.read.len()).unwrap_or(u32::MAX));
        self.read.push((path.to_path_buf(), String::new()));
        Ok(Script { id, text, foreign })
    }

    /// Keeps a script's text for the spans that point into it.
    pub fn keep(&mut self, script: Script) {
        if let Some((_, text)) = self.read.get_mut(script.id.0 as usize) {
            *text = script.text;
        }
    }

    /// Reads a file of data.
    pub fn data(&mut self, path: &Path, named_at: Span) -> Result<String, Diagnostic> {
        Ok(decode(self.bytes(path, Some(named_at))?).0)
    }

    /// Reads a file of binary data.
    pub fn binary(&mut self, path: &Path, named_at: Span) -> Result<Vec<u8>, Diagnostic> {
        self.bytes(path, Some(named_at))
    }

    /// Keeps a file of data, so that a span can point into it.
    pub fn keep_data(&mut self, path: &Path, text: String) -> FileId {
        self.read.push((path.to_path_buf(), text));
        FileId(u32::try_from(self.read.len() - 1).unwrap_or(u32::MAX))
    }

    /// The texts of all scripts.
    pub fn finish(self) -> Sources {
        let mut sources = Sources::default();
        for (path, text) in self.read {
            sources.add(&path, text);
        }
        sources
    }
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| m.is_file())
}

/// The entry of a folder with this name, in any case if not as written.
fn in_any_case(folder: &Path, name: &str) -> Option<PathBuf> {
    let exact = folder.join(name);
    if exact.exists() {
        return Some(exact);
    }
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let alike = entries.filter(|e| e.file_name().to_str().is_some_and(|n| n.to_lowercase() == name.to_lowercase()));
    alike.map(|e| e.path()).min()
}

/// Text without byte order mark, and where bytes had to be taken as Latin-1.
fn decode(mut bytes: Vec<u8>) -> (String, Vec<usize>) {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return (text, Vec::new()),
        Err(e) => e.into_bytes(),
    };
    let (mut text, mut foreign) = (String::with_capacity(bytes.len()), Vec::new());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            foreign.push(text.len());
            text.push(char::from(*byte));
        }
    }
    (text, foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_are_latin_1() {
        assert_eq!(decode(b"\xef\xbb\xbfa\xe9b".to_vec()), ("a\u{e9}b".to_owned(), vec![1]));
    }

    #[test]
    fn a_file_is_found_in_any_case_and_with_backslashes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("Sub")).expect("a folder");
        fs::write(folder.path().join("Sub/Lines.DSS"), "").expect("a file");
        assert!(Files::find(folder.path(), "sub\\lines.dss").is_some());
        assert!(Files::find(folder.path(), "./Sub/../sub/LINES.dss").is_some());
        assert!(Files::find(folder.path(), "sub/other.dss").is_none());
    }
}
