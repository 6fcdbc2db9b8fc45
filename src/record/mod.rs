//! Floor 2: the record of a run – named channels over time, streamed to disk.
//!
//! A channel's name ends in its unit (`632.1.v_pu`, `source.p_w`, `reg1.tap`); names are bound to columns once, before
//! the first row. [`Recorder`] writes, [`Table`] reads back. The same rows give the same bytes: numbers are written as the
//! shortest decimals that read back to the same `f64`, a value that does not exist (NaN) as an empty field.
//!
//! Nothing half-written can be taken for whole: files grow under a temporary name and get their own when complete.

pub mod csv;
mod recorder;
mod table;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use csv::{push_name, push_number};
pub use recorder::Recorder;
pub use table::{Table, TableError};

/// Name of the first column of every record: seconds since the start of the run.
pub const TIME: &str = "t_s";

/// Writes a file in one piece: under a temporary name beside it, then renamed.
///
/// # Errors
/// What the file system says; `path` is then as it was before.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = partial_name(path);
    let mut file = File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(partial, path)
}

/// The name under which a file grows until it is whole.
fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// 64-bit FNV-1a of some bytes: tells inputs apart, is no protection against forgery.
/// Source: Fowler, Noll, Vo; RFC 9923.
pub fn fnv1a_64(bytes: &[u8]) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(OFFSET_BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // Test vectors of the algorithm's authors.
        assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a_64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_whole_file_leaves_no_partial_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        write_whole(&path, b"{}").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(write_whole(&dir.path().join("no/such/x"), b"").is_err());
    }
}
