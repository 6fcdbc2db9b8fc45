//! The files of a COMTRADE recording: `.cfg` beside `.dat`, or both in one `.cff`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::super::Findings;
use super::super::finding::unreadable;
use super::super::lines::Lines;
use super::config::{self, Config, LARGEST};
use crate::diagnostic::Diagnostic;

/// A configuration with its data, which begin where `data` stands.
pub struct Files {
    /// The configuration.
    pub config: Config,
    /// The file of the data.
    pub path: PathBuf,
    /// The data.
    pub data: File,
    /// Where the data begin in it.
    pub start: u64,
    /// Bytes of data.
    pub length: u64,
    /// Lines before the data.
    pub lines: u64,
}

/// Opens the files that belong to `path`.
pub fn open(path: &Path, findings: &mut Findings) -> Option<Files> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if extension == "cff" {
        return combined(path, findings);
    }
    let other = if extension == "dat" { "cfg" } else { "dat" };
    let beside = match sibling(path, other) {
        Ok(Some(beside)) => beside,
        Ok(None) if !path.exists() => return refuse(findings, unreadable(path, &io::ErrorKind::NotFound.into())),
        Ok(None) => {
            let message = format!("{} is not there", path.with_extension(other).display());
            let help = "a COMTRADE recording is two files of one name, .cfg and .dat, or one .cff";
            return refuse(findings, Diagnostic::error("E0514", message).help(help));
        }
        Err(error) => return refuse(findings, unreadable(path, &error)),
    };
    let (cfg, dat) = if other == "cfg" { (beside, path.to_owned()) } else { (path.to_owned(), beside) };
    let bytes = match text(&cfg) {
        Ok(bytes) => bytes,
        Err(error) => return refuse(findings, unreadable(&cfg, &error)),
    };
    if bytes.len() > LARGEST {
        let message = format!("{} is larger than {} MiB", cfg.display(), LARGEST >> 20);
        return refuse(findings, Diagnostic::error("E0004", message));
    }
    if bytes.trim_ascii().is_empty() {
        return refuse(findings, Diagnostic::error("E0508", format!("{} is empty", cfg.display())));
    }
    let config = config::read(&cfg, &bytes, 1, findings)?;
    let opened = File::open(&dat).and_then(|data| Ok((data.metadata()?.len(), data)));
    match opened {
        Ok((length, data)) => Some(Files { config, path: dat, data, start: 0, length, lines: 0 }),
        Err(error) => refuse(findings, unreadable(&dat, &error)),
    }
}

fn refuse<T>(findings: &mut Findings, finding: Diagnostic) -> Option<T> {
    findings.push(finding);
    None
}

/// The file of the same name with another extension, in upper or lower case letters.
fn sibling(path: &Path, extension: &str) -> io::Result<Option<PathBuf>> {
    for exact in [path.with_extension(extension), path.with_extension(extension.to_ascii_uppercase())] {
        if exact.is_file() {
            return Ok(Some(exact));
        }
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Ok(None);
    }
    let same = |a: Option<&std::ffi::OsStr>, b: Option<&std::ffi::OsStr>| match (a, b) {
        (Some(a), Some(b)) => a.to_string_lossy().eq_ignore_ascii_case(&b.to_string_lossy()),
        _ => false,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let other = entry?.path();
        let ext = Some(std::ffi::OsStr::new(extension));
        if same(other.file_stem(), path.file_stem()) && same(other.extension(), ext) && other.is_file() {
            found.push(other);
        }
    }
    // More than one differ in letters only: the first by name, whatever order the folder has.
    found.sort();
    Ok(found.into_iter().next())
}

/// A file's bytes, one more than [`LARGEST`] at most.
fn text(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A `.cff`: parts, each under a line `--- file type: CFG ---`, the data last: `--- file type: DAT BINARY: 5000 ---`.
fn combined(path: &Path, findings: &mut Findings) -> Option<Files> {
    match parts(path) {
        Ok(Some(parts)) => {
            let config = config::read(path, &parts.cfg, parts.cfg_line, findings)?;
            let Parts { data, start, length, lines, .. } = parts;
            Some(Files { config, path: path.to_owned(), data, start, length, lines })
        }
        Ok(None) => {
            let message = format!("{} has no part CFG followed by a part DAT", path.display());
            let help = "a .cff has the parts \"--- file type: CFG ---\" and \"--- file type: DAT ASCII ---\" or BINARY: its bytes";
            refuse(findings, Diagnostic::error("E0514", message).help(help))
        }
        Err(error) => refuse(findings, unreadable(path, &error)),
    }
}

struct Parts {
    cfg: Vec<u8>,
    cfg_line: u64,
    data: File,
    start: u64,
    length: u64,
    lines: u64,
}

fn parts(path: &Path) -> io::Result<Option<Parts>> {
    let mut file = File::open(path)?;
    let whole = file.metadata()?.len();
    let mut lines = Lines::new(file.try_clone()?, 0)?;
    let (mut cfg, mut cfg_line, mut inside) = (Vec::new(), 1, false);
    loop {
        let Some((number, line)) = lines.next()? else { return Ok(None) };
        let Some(head) = part(line) else {
            if inside && cfg.len() < LARGEST {
                cfg.extend_from_slice(line);
                cfg.push(b'\n');
            }
            continue;
        };
        inside = head.starts_with("CFG");
        if inside {
            (cfg_line, cfg) = (number + 1, Vec::new());
        }
        if head.starts_with("DAT") {
            let claimed = head.rsplit_once(':').and_then(|(_, bytes)| bytes.trim().parse::<u64>().ok());
            let start = lines.position();
            let there = whole.saturating_sub(start);
            file.seek(SeekFrom::Start(start))?;
            let length = claimed.map_or(there, |claimed| claimed.min(there));
            let found = Parts { cfg, cfg_line, data: file, start, length, lines: number };
            return Ok(Some(found).filter(|parts| !parts.cfg.is_empty()));
        }
    }
}

/// What a line `--- file type: … ---` names, in upper case.
fn part(line: &[u8]) -> Option<String> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    let inner = line.strip_prefix(b"---")?.strip_suffix(b"---")?;
    let text = String::from_utf8_lossy(inner).to_ascii_uppercase();
    let (key, value) = text.split_once(':')?;
    key.trim().eq_ignore_ascii_case("FILE TYPE").then(|| value.trim().to_owned())
}
