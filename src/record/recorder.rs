//! Writing a record: rows go into a preallocated chunk; a full chunk goes to a thread that writes it to disk.
//!
//! [`Recorder::append`] neither allocates nor touches a file. It waits only when the disk is two chunks behind.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{TIME, csv, partial_name};

/// Rows by columns, row after row; the first column is time.
struct Chunk {
    values: Vec<f64>,
    rows: usize,
}

/// Values in one chunk: half a megabyte.
const CHUNK_VALUES: usize = 65_536;

/// Streams rows of named channels into a CSV file.
pub struct Recorder {
    path: PathBuf,
    columns: usize,
    chunk: Chunk,
    rows_per_chunk: usize,
    rows: u64,
    full: Option<SyncSender<Chunk>>,
    empty: Receiver<Chunk>,
    writer: Option<JoinHandle<io::Result<()>>>,
}

impl Recorder {
    /// Starts a record in `path` (written as `path.partial` until [`Recorder::finish`]) with these channels.
    ///
    /// # Errors
    /// When the file cannot be created (another run may be writing it) or its header not written.
    pub fn create(path: &Path, channels: &[String]) -> io::Result<Self> {
        let columns = channels.len() + 1;
        let rows_per_chunk = (CHUNK_VALUES / columns).max(1);
        let mut file = BufWriter::with_capacity(1 << 20, File::create_new(partial_name(path))?);
        file.write_all(header(channels).as_bytes())?;
        let chunk = || Chunk { values: vec![0.0; rows_per_chunk * columns], rows: 0 };
        let (full, to_write) = sync_channel::<Chunk>(2);
        let (written, empty) = sync_channel::<Chunk>(2);
        // The first wait on a channel sets itself up, which allocates: have it now, not in a step.
        let _ = empty.recv_timeout(Duration::from_millis(2));
        // One chunk is being filled, one may wait and one may be on its way to disk.
        for _ in 0..2 {
            let _ = written.send(chunk());
        }
        let writer = std::thread::Builder::new()
            .name("record".into())
            .spawn(move || write_chunks(file, columns, &to_write, &written))?;
        let (full, writer) = (Some(full), Some(writer));
        Ok(Self { path: path.into(), columns, chunk: chunk(), rows_per_chunk, rows: 0, full, empty, writer })
    }

    /// Appends a row at `t_s` seconds: `fill` gets one value per channel to set, NaN to begin with.
    ///
    /// # Errors
    /// When the file could not be written; the record is then incomplete and keeps its temporary name.
    pub fn append(&mut self, t_s: f64, fill: impl FnOnce(&mut [f64])) -> io::Result<()> {
        let start = self.chunk.rows * self.columns;
        if let Some((time, values)) =
            self.chunk.values.get_mut(start..start + self.columns).and_then(<[f64]>::split_first_mut)
        {
            *time = t_s;
            values.fill(f64::NAN);
            fill(values);
        }
        self.chunk.rows += 1;
        self.rows += 1;
        if self.chunk.rows == self.rows_per_chunk { self.hand_over() } else { Ok(()) }
    }

    /// Rows appended so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes what is left, makes it durable and gives the file its name, which is returned.
    ///
    /// # Errors
    /// When the file could not be written; it then keeps its temporary name.
    pub fn finish(mut self) -> io::Result<PathBuf> {
        if self.chunk.rows > 0 {
            self.hand_over()?;
        }
        self.join()?;
        std::fs::rename(partial_name(&self.path), &self.path)?;
        Ok(std::mem::take(&mut self.path))
    }

    fn hand_over(&mut self) -> io::Result<()> {
        match self.empty.recv() {
            Ok(empty) => {
                let full = std::mem::replace(&mut self.chunk, empty);
                let sent = self.full.as_ref().is_some_and(|sender| sender.send(full).is_ok());
                if sent { Ok(()) } else { self.join() }
            }
            Err(_) => self.join(),
        }
    }

    /// Ends the writing thread and returns what it met.
    fn join(&mut self) -> io::Result<()> {
        self.full = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the record's writing thread panicked")),
            None => Err(io::Error::other("the record's writing thread has ended")),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.full = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn header(channels: &[String]) -> String {
    let mut line = String::from(TIME);
    for name in channels {
        line.push(',');
        csv::push_name(&mut line, name);
    }
    line.push('\n');
    line
}

fn write_chunks(
    mut file: BufWriter<File>,
    columns: usize,
    full: &Receiver<Chunk>,
    empty: &SyncSender<Chunk>,
) -> io::Result<()> {
    let mut text = String::new();
    for mut chunk in full {
        text.clear();
        for row in chunk.values.chunks_exact(columns).take(chunk.rows) {
            for (k, &value) in row.iter().enumerate() {
                if k > 0 {
                    text.push(',');
                }
                csv::push_number(&mut text, value);
            }
            text.push('\n');
        }
        file.write_all(text.as_bytes())?;
        chunk.rows = 0;
        // Nobody may be waiting any more: the recorder is finishing.
        let _ = empty.send(chunk);
    }
    file.flush()?;
    file.get_ref().sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::Table;
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|k| format!("bus{k}.1.v_pu")).collect()
    }

    #[test]
    fn what_is_recorded_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("series.csv");
        // 20,001 values a row: three rows a chunk, so the rows span chunks and end in a started one.
        let channels = names(20_000);
        let mut recorder = Recorder::create(&path, &channels).unwrap();
        for row in 0..10u32 {
            let fill = |values: &mut [f64]| {
                values.iter_mut().enumerate().for_each(|(k, v)| *v = f64::from(row) / (k as f64 + 3.0));
            };
            recorder.append(f64::from(row) * 0.1, fill).unwrap();
        }
        assert!(!path.exists(), "not whole yet");
        assert_eq!(recorder.rows(), 10);
        assert_eq!(recorder.finish().unwrap(), path);
        let table = Table::read_csv(&path).unwrap();
        assert_eq!(table.rows(), 10);
        assert_eq!(table.t_s()[3], 3.0 * 0.1);
        assert_eq!(table.column("bus7.1.v_pu").unwrap()[9], 9.0 / 10.0);
        assert_eq!(table.names().count(), 20_000);
    }

    #[test]
    fn values_not_set_are_empty_fields() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("series.csv");
        let mut recorder = Recorder::create(&path, &["a.v_pu".into(), "b,c.p_w".into()]).unwrap();
        recorder.append(1.0, |values| values[1] = -2.5).unwrap();
        recorder.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "t_s,a.v_pu,\"b,c.p_w\"\n1,,-2.5\n");
        let table = Table::read_csv(&path).unwrap();
        assert!(table.column("a.v_pu").unwrap()[0].is_nan());
        assert_eq!(table.column("b,c.p_w").unwrap(), [-2.5]);
    }

    #[test]
    fn an_abandoned_record_keeps_its_temporary_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("series.csv");
        let mut recorder = Recorder::create(&path, &names(2)).unwrap();
        recorder.append(0.0, |_| ()).unwrap();
        drop(recorder);
        assert!(!path.exists());
        assert!(partial_name(&path).exists());
    }

    #[test]
    fn two_runs_cannot_write_one_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("series.csv");
        let first = Recorder::create(&path, &names(1)).unwrap();
        let second = Recorder::create(&path, &names(1)).map(|_| ()).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AlreadyExists);
        first.finish().unwrap();
    }

    #[test]
    fn a_directory_that_does_not_exist_is_an_error() {
        assert!(Recorder::create(Path::new("/no/such/directory/x.csv"), &names(1)).is_err());
    }
}
