//! Files into [`Sources`]: whatever stands at a path, reading it ends, in bounded memory, with its text or a finding.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::{Diagnostic, FileId, Sources, Span};

/// Largest file that is read, in bytes.
pub const LARGEST_FILE: usize = 256 << 20;

impl Sources {
    /// Reads a UTF-8 text file.
    ///
    /// # Errors
    /// A finding when the file cannot be read, is larger than [`LARGEST_FILE`] or is not UTF-8. In the last case its
    /// text, with replacement characters, is among the sources, so that the finding can show it.
    pub fn load(&mut self, path: &Path) -> Result<FileId, Box<Diagnostic>> {
        let bytes = read(path).map_err(|reason| {
            Box::new(Diagnostic::error("E0001", format!("cannot read {}: {reason}", path.display())))
        })?;
        if bytes.len() > LARGEST_FILE {
            let message = format!("{} is larger than {} MiB", path.display(), LARGEST_FILE >> 20);
            return Err(Box::new(Diagnostic::error("E0004", message)));
        }
        String::from_utf8(bytes).map(|text| self.add(path, text)).map_err(|error| {
            let start = u32::try_from(error.utf8_error().valid_up_to()).unwrap_or(u32::MAX);
            let byte = error.as_bytes().get(start as usize).copied().unwrap_or_default();
            let file = self.add(path, String::from_utf8_lossy(error.as_bytes()).into_owned());
            Box::new(
                Diagnostic::error("E0002", format!("the file is not UTF-8: byte 0x{byte:02X} here"))
                    .at(Span { file, start, end: start + 1 })
                    .help("save it as UTF-8"),
            )
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let plain = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    };
    let file = File::open(path).map_err(plain)?;
    let metadata = file.metadata().map_err(plain)?;
    if metadata.is_dir() {
        return Err("it is a directory".to_owned());
    }
    let length = usize::try_from(metadata.len()).unwrap_or(LARGEST_FILE).min(LARGEST_FILE);
    let mut bytes = Vec::with_capacity(length + 1);
    file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes).map_err(plain)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_a_file_cannot_be_read() {
        let mut sources = Sources::default();
        let folder = tempfile::tempdir().unwrap();
        let missing = sources.load(&folder.path().join("no.yaml")).unwrap_err();
        assert!(missing.message.ends_with("no.yaml: there is no such file"), "{}", missing.message);
        let directory = sources.load(folder.path()).unwrap_err();
        assert!(directory.message.ends_with("it is a directory"), "{}", directory.message);
    }

    #[test]
    fn shows_where_a_file_is_not_utf8() {
        let mut sources = Sources::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latin1.yaml");
        std::fs::write(&path, b"title: Z\xfcrich\n").unwrap();
        let found = sources.load(&path).unwrap_err();
        assert_eq!((found.code, found.span.map(|s| s.start)), ("E0002", Some(8)));
        assert_eq!(sources.get(FileId(0)).unwrap().1, "title: Z\u{fffd}rich\n");
    }

    #[test]
    #[cfg(unix)]
    fn ends_though_the_file_does_not() {
        assert_eq!(Sources::default().load(Path::new("/dev/zero")).unwrap_err().code, "E0004");
    }
}
