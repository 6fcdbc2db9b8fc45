//! Reading a record back into memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use indexmap::IndexMap;

use super::{TIME, csv};

/// A record in memory: one column per channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    t_s: Vec<f64>,
    columns: IndexMap<String, Vec<f64>>,
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The first column is not time.
    #[error("the first column is not {TIME}")]
    NoTime,
    /// Two channels have one name.
    #[error("two columns are called {0:?}")]
    Duplicate(String),
    /// A field is not a number.
    #[error("line {line}: {field:?} is not a number")]
    NotANumber {
        /// Line of the file, 1-based.
        line: usize,
        /// What stands there.
        field: String,
    },
    /// A line has too few or too many fields.
    #[error("line {line} has {found} fields, the header has {expected}")]
    Fields {
        /// Line of the file, 1-based.
        line: usize,
        /// Fields on that line.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
}

impl Table {
    /// Reads a record that a [`super::Recorder`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read or is not such a record.
    pub fn read_csv(path: &Path) -> Result<Self, TableError> {
        let mut lines = BufReader::new(File::open(path)?).lines();
        let header = csv::fields(&lines.next().transpose()?.unwrap_or_default());
        let mut table = Self::with_header(&header)?;
        for (k, line) in lines.enumerate() {
            table.push_line(&line?, k + 2)?;
        }
        Ok(table)
    }

    fn with_header(header: &[String]) -> Result<Self, TableError> {
        let Some((_, names)) = header.split_first().filter(|(time, _)| *time == TIME) else {
            return Err(TableError::NoTime);
        };
        let mut table = Self::default();
        for name in names {
            if table.columns.insert(name.clone(), Vec::new()).is_some() {
                return Err(TableError::Duplicate(name.clone()));
            }
        }
        Ok(table)
    }

    fn push_line(&mut self, text: &str, line: usize) -> Result<(), TableError> {
        let expected = self.columns.len() + 1;
        let found = text.split(',').count();
        if found != expected {
            return Err(TableError::Fields { line, found, expected });
        }
        let columns = std::iter::once(&mut self.t_s).chain(self.columns.values_mut());
        for (column, field) in columns.zip(text.split(',')) {
            let value = csv::number(field).ok_or_else(|| TableError::NotANumber { line, field: field.into() })?;
            column.push(value);
        }
        Ok(())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.t_s.len()
    }

    /// Time of each row in s since the start.
    pub fn t_s(&self) -> &[f64] {
        &self.t_s
    }

    /// A channel's values; the unit is the last part of its name.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.get(name).map(Vec::as_slice)
    }

    /// Names of all channels, in the order in which they were written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Table, TableError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        std::fs::write(&path, text).unwrap();
        Table::read_csv(&path)
    }

    #[test]
    fn what_is_not_a_record_is_refused() {
        assert!(matches!(read(""), Err(TableError::NoTime)));
        assert!(matches!(read("time,a\n"), Err(TableError::NoTime)));
        assert!(matches!(read("t_s,a,a\n"), Err(TableError::Duplicate(_))));
        assert!(matches!(read("t_s,a\n1,2,3\n"), Err(TableError::Fields { line: 2, found: 3, expected: 2 })));
        assert!(matches!(read("t_s,a\n1,2\n1,x\n"), Err(TableError::NotANumber { line: 3, .. })));
        assert!(matches!(Table::read_csv(Path::new("/no/such/file")), Err(TableError::Io(_))));
    }

    #[test]
    fn an_empty_record_has_no_rows() {
        let table = read("t_s,a\n").unwrap();
        assert_eq!(table.rows(), 0);
        assert_eq!(table.column("a"), Some([].as_slice()));
        assert_eq!(table.column("b"), None);
    }
}
