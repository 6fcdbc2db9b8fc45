//! A sweep's directory: what it is a sweep of (`sweep.json`), who works in it (`sweep.lock`), blocks that are done
//! (`parts/`).
//!
//! A block's file gets its name when it is complete and carries a checksum: what a kill, a full disk or a power failure
//! leaves behind is not taken for a block, and computed again. The lock is the operating system's and ends with the process,
//! however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::sheet::{Column, Sheet};
use crate::record::{fnv1a_64, write_whole};

/// Name of the file that says what a directory is a sweep of.
pub const IDENTITY_FILE: &str = "sweep.json";
/// Name of the file that is locked by who works in a directory.
const LOCK_FILE: &str = "sweep.lock";
/// Folder of finished blocks.
const PARTS: &str = "parts";
/// First bytes of a block's file, with its layout's number.
const MAGIC: u64 = u64::from_le_bytes(*b"PBSWEEP1");
/// Bytes before a block's values: magic, identity, block, rows, columns.
const HEADER: u64 = 40;

/// What decides a sweep's bytes. Two sweeps of one identity are the same sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The program's version.
    pub program: String,
    /// The scenario's name.
    pub scenario: String,
    /// The feeder's name.
    pub feeder: String,
    /// Seed of all draws.
    pub seed: u64,
    /// Number of samples.
    pub samples: u64,
    /// Points of all grids.
    pub points: u64,
    /// Samples of a block, but for the last.
    pub block: u64,
    /// How samples are solved: `lanes`, `snapshots` or `runs`.
    pub method: String,
    /// Whether the kernel fuses multiplications with additions, which changes low bits.
    pub fused: bool,
    /// Promised complex voltage error, per unit, where samples are solved in lanes; as text, so that it is exact.
    pub tolerance_pu: Option<String>,
    /// The files it was made of: name and 64-bit FNV-1a, hexadecimal.
    pub inputs: Vec<[String; 2]>,
    /// Columns after the sample's number.
    pub columns: Vec<Column>,
    /// How many of the columns are varied values; results follow.
    pub varied: usize,
}

/// A part of a sweep's blocks: those whose number, divided by `of`, leaves `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 0.
    pub index: u64,
    /// How many parts.
    pub of: u64,
}

impl Shard {
    /// The whole sweep.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether a block is one of the part's.
    pub fn has(self, block: u64) -> bool {
        block % self.of == self.index
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.of)
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    identity: Identity,
    shard: Option<Shard>,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refuses.
    #[error("cannot use {0} for a sweep: {1}")]
    Unusable(PathBuf, io::Error),
    /// Something else is there.
    #[error("{0} holds other files and no sweep")]
    NotEmpty(PathBuf),
    /// Its `sweep.json` cannot be read.
    #[error("{0} is not what a sweep writes: {1}")]
    Broken(PathBuf, String),
    /// It is another sweep's.
    #[error("{dir} holds another sweep: {difference}")]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// What differs, in words.
        difference: String,
    },
    /// Another process works in it.
    #[error("another process is working in {0}")]
    Busy(PathBuf),
}

impl Identity {
    /// Number of blocks.
    pub fn blocks(&self) -> u64 {
        self.samples.div_ceil(self.block)
    }

    /// Rows of a block.
    #[allow(clippy::cast_possible_truncation, reason = "a block has thousands of rows")]
    pub fn rows(&self, block: u64) -> usize {
        self.samples.saturating_sub(block * self.block).min(self.block) as usize
    }

    /// Tells identities apart in files and names.
    pub fn hash(&self) -> u64 {
        fnv1a_64(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }

    /// The first thing in which another identity differs, in words.
    fn difference(&self, other: &Self) -> Option<String> {
        let json = |identity: &Self| serde_json::to_value(identity).unwrap_or_default();
        let (here, there) = (json(self), json(other));
        let entries = here.as_object()?;
        let (key, ours) = entries.iter().find(|(key, value)| there.get(*key) != Some(value))?;
        let theirs = there.get(key).cloned().unwrap_or_default();
        Some(match key.as_str() {
            "inputs" => format!("its {} changed since", changed_file(&self.inputs, &other.inputs)),
            "columns" => "its columns are others".to_owned(),
            _ => format!("{key} is {theirs} there and {ours} here"),
        })
    }
}

fn changed_file(ours: &[[String; 2]], theirs: &[[String; 2]]) -> String {
    let changed = ours.iter().find(|file| !theirs.contains(file)).or(theirs.first());
    changed.map_or_else(|| "files".to_owned(), |[name, _]| format!("file {name}"))
}

/// A directory that this process works in.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    identity: u64,
    _lock: File,
}

impl Directory {
    /// Takes a directory for a sweep: a new or empty one, or one of the same sweep and shard.
    ///
    /// # Errors
    /// When it is somebody else's, holds something else, or cannot be written.
    pub fn open(path: &Path, identity: &Identity, shard: Shard) -> Result<Self, StoreError> {
        let unusable = |error| StoreError::Unusable(path.to_owned(), error);
        std::fs::create_dir_all(path).map_err(unusable)?;
        let already = path.join(IDENTITY_FILE).exists();
        if !already && other_files(path).map_err(unusable)? {
            return Err(StoreError::NotEmpty(path.to_owned()));
        }
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK_FILE));
        let lock = lock.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let shard = Some(shard).filter(|shard| *shard != Shard::WHOLE);
        if already {
            let written = read_identity(path)?;
            let difference = identity.difference(&written.identity).or_else(|| {
                let word = |s: Option<Shard>| s.map_or("the whole sweep".to_owned(), |s| format!("shard {s}"));
                (written.shard != shard)
                    .then(|| format!("it is {} there and {} here", word(written.shard), word(shard)))
            });
            if let Some(difference) = difference {
                return Err(StoreError::Foreign { dir: path.to_owned(), difference });
            }
        } else {
            let mut text = serde_json::to_vec_pretty(&Written { identity: identity.clone(), shard })
                .map_err(|error| unusable(error.into()))?;
            text.push(b'\n');
            write_whole(&path.join(IDENTITY_FILE), &text).map_err(unusable)?;
        }
        std::fs::create_dir_all(path.join(PARTS)).map_err(unusable)?;
        Ok(Self { path: path.to_owned(), identity: identity.hash(), _lock: lock })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of a block.
    fn part(&self, block: u64) -> PathBuf {
        part(&self.path, block)
    }

    /// Whether a block is done.
    pub(super) fn has(&self, block: u64, identity: &Identity) -> bool {
        is_whole(&self.part(block), block, self.identity, identity)
    }

    /// Writes a finished block.
    pub(super) fn write(&self, block: u64, sheet: &Sheet, columns: usize) -> io::Result<()> {
        let path = self.part(block);
        let partial = path.with_extension("partial");
        let mut out = Summing { file: BufWriter::with_capacity(1 << 16, File::create(&partial)?), sum: START };
        for word in [MAGIC, self.identity, block, sheet.rows() as u64, columns as u64] {
            out.word(word)?;
        }
        for column in 0..columns {
            sheet.column(column).iter().try_for_each(|value| out.word(value.to_bits()))?;
        }
        let sum = out.sum;
        out.word(sum)?;
        out.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        std::fs::rename(partial, path)
    }

    /// Removes the blocks' files: the whole is there.
    pub(super) fn remove_parts(&self) -> io::Result<()> {
        std::fs::remove_dir_all(self.path.join(PARTS))
    }
}

/// The file of a block in a directory.
pub(super) fn part(dir: &Path, block: u64) -> PathBuf {
    dir.join(PARTS).join(format!("{block:08}.part"))
}

fn other_files(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        if name != LOCK_FILE && name.to_string_lossy() != format!("{IDENTITY_FILE}.partial") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_identity(dir: &Path) -> Result<Written, StoreError> {
    let path = dir.join(IDENTITY_FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| StoreError::Unusable(dir.to_owned(), error))?;
    serde_json::from_str(&text).map_err(|error| StoreError::Broken(path, error.to_string()))
}

/// The directories of one sweep's shards.
///
/// # Errors
/// When one is no sweep's, or they are of different sweeps.
pub(super) fn identity_of(dirs: &[PathBuf]) -> Result<Identity, StoreError> {
    let mut first: Option<Identity> = None;
    for dir in dirs {
        let identity = read_identity(dir)?.identity;
        if let Some(difference) = first.as_ref().and_then(|first| first.difference(&identity)) {
            return Err(StoreError::Foreign { dir: dir.clone(), difference });
        }
        first.get_or_insert(identity);
    }
    first.ok_or_else(|| StoreError::NotEmpty(PathBuf::new()))
}

/// The first of the directories that has a block whole.
pub(super) fn find(dirs: &[PathBuf], block: u64, identity: &Identity) -> Option<usize> {
    let hash = identity.hash();
    dirs.iter().position(|dir| is_whole(&part(dir, block), block, hash, identity))
}

/// Whether a block's file is complete and as it was written.
fn is_whole(path: &Path, block: u64, hash: u64, identity: &Identity) -> bool {
    let rows = identity.rows(block);
    let expected = [MAGIC, hash, block, rows as u64, identity.columns.len() as u64];
    let check = || -> io::Result<bool> {
        let mut file = File::open(path)?;
        let values = rows as u64 * identity.columns.len() as u64;
        if file.metadata()?.len() != HEADER + 8 * values + 8 {
            return Ok(false);
        }
        let (mut sum, mut bytes, mut left) = (START, [0; 1 << 14], HEADER + 8 * values);
        let mut header = Vec::with_capacity(expected.len());
        while left > 0 {
            #[allow(clippy::cast_possible_truncation, reason = "at most the buffer's length")]
            let some = left.min(bytes.len() as u64) as usize;
            file.read_exact(&mut bytes[..some])?;
            for word in bytes[..some].as_chunks::<8>().0.iter().map(|w| u64::from_le_bytes(*w)) {
                sum = summed(sum, word);
                if header.len() < expected.len() {
                    header.push(word);
                }
            }
            left -= some as u64;
        }
        let mut last = [0; 8];
        file.read_exact(&mut last)?;
        Ok(header == expected && u64::from_le_bytes(last) == sum)
    };
    check().unwrap_or(false)
}

/// Reads a column of a block's file into `out`, which is as long as the block.
pub(super) fn read_column(path: &Path, column: usize, out: &mut [f64], bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(HEADER + 8 * (column * out.len()) as u64))?;
    bytes.resize(8 * out.len(), 0);
    file.read_exact(bytes)?;
    for (value, word) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *value = f64::from_bits(u64::from_le_bytes(*word));
    }
    Ok(())
}

/// Writes words and sums them up.
struct Summing<W: Write> {
    file: BufWriter<W>,
    sum: u64,
}

impl<W: Write> Summing<W> {
    fn word(&mut self, word: u64) -> io::Result<()> {
        self.sum = summed(self.sum, word);
        self.file.write_all(&word.to_le_bytes())
    }
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over words, with the high bits brought down: each word changes all that follows.
fn summed(sum: u64, word: u64) -> u64 {
    let product = (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    product ^ (product >> 29)
}

#[cfg(test)]
mod tests {
    use super::super::sheet::Kind;
    use super::*;

    fn identity() -> Identity {
        Identity {
            program: "0".into(),
            scenario: "s".into(),
            feeder: "f".into(),
            seed: 1,
            samples: 10,
            points: 1,
            block: 4,
            method: "lanes".into(),
            fused: true,
            tolerance_pu: None,
            inputs: vec![["s.yaml".into(), "0".into()]],
            columns: vec![Column::new("a", Kind::Number), Column::new("b", Kind::Count)],
            varied: 1,
        }
    }

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new(2, 4);
        sheet.reset(4);
        (0..4u8).for_each(|row| sheet.fill(0, usize::from(row), &[f64::from(row) + 0.5, f64::from(row)]));
        sheet
    }

    #[test]
    fn a_block_is_read_back_and_a_damaged_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = Directory::open(dir.path(), &identity(), Shard::WHOLE).unwrap();
        assert!(!store.has(1, &identity()));
        store.write(1, &sheet(), 2).unwrap();
        assert!(store.has(1, &identity()));
        let (mut column, mut bytes) = ([0.0; 4], Vec::new());
        read_column(&store.part(1), 1, &mut column, &mut bytes).unwrap();
        assert_eq!(column, [0.0, 1.0, 2.0, 3.0]);
        assert!(!is_whole(&store.part(1), 0, identity().hash(), &identity()), "another block");
        assert!(!is_whole(&store.part(1), 1, 7, &identity()), "another sweep");
        let whole = std::fs::read(store.part(1)).unwrap();
        for at in [3, 41, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(store.part(1), &damaged).unwrap();
            assert!(!store.has(1, &identity()), "byte {at}");
        }
        std::fs::write(store.part(1), &whole[..whole.len() - 8]).unwrap();
        assert!(!store.has(1, &identity()));
    }

    #[test]
    fn a_directory_belongs_to_one_sweep_and_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let first = Directory::open(dir.path(), &identity(), Shard::WHOLE).unwrap();
        assert!(matches!(Directory::open(dir.path(), &identity(), Shard::WHOLE), Err(StoreError::Busy(_))));
        drop(first);
        drop(Directory::open(dir.path(), &identity(), Shard::WHOLE).unwrap());
        let other = Identity { seed: 2, ..identity() };
        let error = Directory::open(dir.path(), &other, Shard::WHOLE).unwrap_err().to_string();
        assert!(error.ends_with("holds another sweep: seed is 1 there and 2 here"), "{error}");
        let error = Directory::open(dir.path(), &identity(), Shard { index: 1, of: 3 }).unwrap_err().to_string();
        assert!(error.ends_with("it is the whole sweep there and shard 2/3 here"), "{error}");
        std::fs::write(dir.path().join(IDENTITY_FILE), "{").unwrap();
        assert!(matches!(Directory::open(dir.path(), &identity(), Shard::WHOLE), Err(StoreError::Broken(..))));
        let full = tempfile::tempdir().unwrap();
        std::fs::write(full.path().join("thesis.tex"), "").unwrap();
        assert!(matches!(Directory::open(full.path(), &identity(), Shard::WHOLE), Err(StoreError::NotEmpty(_))));
    }
}
