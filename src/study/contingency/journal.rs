//! What is found is written down case by case, so that a screening that is killed goes on where it was.
//!
//! A journal is a text: a line that says of which screening it is, then a line a case with its numbers as bits (exact)
//! and a checksum. What a kill leaves half-written at the end is cut off and done again. One process writes at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::meter::Finding;
use crate::record::fnv1a_64;
use crate::solver::{ElementId, NodeId, Status};

/// Name of the journal in its directory.
pub const NAME: &str = "contingency.journal";
/// First words of a journal, with the version of its form.
const MAGIC: &str = "phasorbench-contingency-journal 1";
/// How the names of a screening's files and of their figures begin.
const STEM: &str = "contingency";
/// The page that `phasorbench report` makes of them.
const PAGE: &str = "report.html";

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("cannot use {}: {}", .0.display(), .1)]
    Directory(PathBuf, #[source] io::Error),
    /// The journal cannot be written.
    #[error("cannot write {}: {}", .0.display(), .1)]
    Write(PathBuf, #[source] io::Error),
    /// Something else is in there.
    #[error("{} holds other files already, as {}", .0.display(), .1)]
    NotEmpty(PathBuf, String),
    /// The journal is of another screening.
    #[error("{} is of another screening: another feeder, operating point, list of cases, limits or version", .0.display())]
    Other(PathBuf),
    /// Another process writes it.
    #[error("{} is being written by another run", .0.display())]
    Busy(PathBuf),
}

impl Journal {
    /// Opens the journal of a screening of `cases` cases in a directory, which is made if need be, and reads what was
    /// found so far, by case.
    ///
    /// # Errors
    /// When the directory cannot be used, holds anything else, or another screening.
    pub fn open(dir: &Path, fingerprint: u64, cases: usize) -> Result<(Self, Vec<Option<Finding>>), JournalError> {
        let path = dir.join(NAME);
        let unusable = |error| JournalError::Directory(dir.to_owned(), error);
        std::fs::create_dir_all(dir).map_err(unusable)?;
        check_contents(dir, path.exists())?;
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Busy(path)),
            // A file system without locks: as if there were no other run.
            Err(TryLockError::Error(_)) => {}
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(unusable)?;
        let head = format!("{MAGIC} {fingerprint:016x} {cases}\n");
        let (found, sound) = read(&bytes, &head, cases).ok_or_else(|| JournalError::Other(path.clone()))?;
        let mut journal = Self { file, path };
        journal.cut(sound)?;
        if sound == 0 {
            journal.write(head.as_bytes())?;
        }
        Ok((journal, found))
    }

    /// Writes down what was found. When this returns, a kill of the process loses nothing of it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, found: &[(usize, Finding)]) -> Result<(), JournalError> {
        let lines: String = found.iter().map(|(case, finding)| line(*case, finding)).collect();
        self.write(lines.as_bytes())
    }

    fn cut(&mut self, length: usize) -> Result<(), JournalError> {
        let failed = |error| JournalError::Write(self.path.clone(), error);
        self.file.set_len(length as u64).map_err(failed)?;
        self.file.seek(SeekFrom::End(0)).map(drop).map_err(failed)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        self.file.write_all(bytes).map_err(|error| JournalError::Write(self.path.clone(), error))
    }
}

fn check_contents(dir: &Path, has_journal: bool) -> Result<(), JournalError> {
    let unusable = |error| JournalError::Directory(dir.to_owned(), error);
    for entry in std::fs::read_dir(dir).map_err(unusable)? {
        let name = entry.map_err(unusable)?.file_name().to_string_lossy().into_owned();
        if !(has_journal && (name.starts_with(STEM) || name == PAGE)) {
            return Err(JournalError::NotEmpty(dir.to_owned(), name));
        }
    }
    Ok(())
}

type Contents = (Vec<Option<Finding>>, usize);

/// What a journal says, and how many of its bytes are sound; `None` when it is of another screening.
fn read(bytes: &[u8], head: &str, cases: usize) -> Option<Contents> {
    let mut found = vec![None; cases];
    if head.as_bytes().starts_with(bytes) && bytes.len() < head.len() {
        return Some((found, 0)); // killed before the first line was whole
    }
    let mut sound = head.len();
    let lines = bytes.strip_prefix(head.as_bytes())?;
    for line in lines.split_inclusive(|&b| b == b'\n') {
        let Some((case, finding)) = parse(line) else { break };
        *found.get_mut(case)? = Some(finding);
        sound += line.len();
    }
    Some((found, sound))
}

fn line(case: usize, finding: &Finding) -> String {
    let status = match finding.status {
        Status::Converged => "converged",
        Status::NotConverged => "not_converged",
        Status::Singular => "singular",
    };
    let at = |x: Option<(f64, u32)>| x.map_or_else(|| "- -".to_owned(), |(x, at)| format!("{:016x} {at}", x.to_bits()));
    let text = format!(
        "{case} {status} {} {} {} {:016x} {} {}",
        at(finding.min.map(|(v, node)| (v, node.0))),
        at(finding.max.map(|(v, node)| (v, node.0))),
        at(finding.worst.map(|(p, element)| (p, element.0))),
        finding.unserved_kw.to_bits(),
        finding.violations,
        finding.de_energised
    );
    format!("{text} {:016x}\n", fnv1a_64(text.as_bytes()))
}

/// A whole line; `None` when anything is wrong with it.
fn parse(line: &[u8]) -> Option<(usize, Finding)> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (text, sum) = text.rsplit_once(' ')?;
    if u64::from_str_radix(sum, 16).ok()? != fnv1a_64(text.as_bytes()) {
        return None;
    }
    let mut words = text.split(' ');
    let case = words.next()?.parse().ok()?;
    let status = match words.next()? {
        "converged" => Status::Converged,
        "not_converged" => Status::NotConverged,
        "singular" => Status::Singular,
        _ => return None,
    };
    let bits = |word: &str| u64::from_str_radix(word, 16).ok().map(f64::from_bits);
    let mut at = || -> Option<Option<(f64, u32)>> {
        match (words.next()?, words.next()?) {
            ("-", "-") => Some(None),
            (x, at) => Some(Some((bits(x)?, at.parse().ok()?))),
        }
    };
    let (min, max, worst) = (at()?, at()?, at()?);
    let unserved_kw = bits(words.next()?)?;
    let (violations, de_energised) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let node = |x: Option<(f64, u32)>| x.map(|(v, at)| (v, NodeId(at)));
    let (min, max, worst) = (node(min), node(max), worst.map(|(p, at)| (p, ElementId(at))));
    Some((case, Finding { status, min, max, worst, unserved_kw, violations, de_energised }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: Finding = Finding {
        status: Status::Converged,
        min: Some((0.1 + 0.2, NodeId(7))),
        max: Some((1.05, NodeId(0))),
        worst: None,
        unserved_kw: 1.0 / 3.0,
        violations: 3,
        de_energised: 4,
    };
    const LOST: Finding =
        Finding { status: Status::Singular, min: None, max: None, worst: Some((1e300, ElementId(9))), ..FOUND };

    #[test]
    fn what_was_written_is_read_again_to_the_bit() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, found) = Journal::open(dir.path(), 5, 4).unwrap();
        assert_eq!(found, [None; 4]);
        journal.append(&[(2, FOUND), (0, LOST)]).unwrap();
        drop(journal);
        let (_journal, found) = Journal::open(dir.path(), 5, 4).unwrap();
        assert_eq!(found, [Some(LOST), None, Some(FOUND), None]);
    }

    #[test]
    fn a_half_written_line_is_done_again_wherever_it_was_cut() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path(), 5, 4).unwrap();
        journal.append(&[(1, FOUND), (3, LOST)]).unwrap();
        drop(journal);
        let path = dir.path().join(NAME);
        let whole = std::fs::read(&path).unwrap();
        let first = whole.len() - line(3, &LOST).len();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (mut journal, found) = Journal::open(dir.path(), 5, 4).unwrap();
            assert_eq!((found[1].is_some(), found[3].is_some()), (length >= first, false), "cut at {length}");
            let rest: Vec<_> = [(1, FOUND), (3, LOST)].into_iter().filter(|(k, _)| found[*k].is_none()).collect();
            journal.append(&rest).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {length}");
        }
    }

    #[test]
    fn another_screening_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(dir.path(), 5, 4).unwrap();
        assert!(matches!(Journal::open(dir.path(), 5, 4), Err(JournalError::Busy(_))), "two at once");
        drop(journal);
        assert!(matches!(Journal::open(dir.path(), 6, 4), Err(JournalError::Other(_))));
        assert!(matches!(Journal::open(dir.path(), 5, 5), Err(JournalError::Other(_))));
        std::fs::write(dir.path().join("thesis.tex"), "").unwrap();
        assert!(matches!(Journal::open(dir.path(), 5, 4), Err(JournalError::NotEmpty(..))));
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("contingency.csv"), "").unwrap();
        assert!(matches!(Journal::open(other.path(), 5, 4), Err(JournalError::NotEmpty(..))), "whose is it?");
    }
}
