//! Floor 2: waveforms that others have recorded – CSV, COMTRADE, WAV – read a block at a time in bounded memory.
//!
//! [`open`] reads what describes the samples (names, rate, scale) and says what is wrong with it; [`Recording::next`] then
//! fills blocks with volts and amperes until the file ends or cannot be read on. Whatever the file holds, reading it ends,
//! panics nowhere and needs no more room than a block and a line: counts that a header claims are believed only as far as
//! the file has something for them. What is accepted: `docs/models/monitor.md`, section "Recordings".

mod channel;
mod clock;
mod comtrade;
mod csv;
mod feed;
mod finding;
mod lines;
mod number;
mod wav;

use std::path::Path;

pub use channel::{Channel, Place, PlaceError, Quantity};
pub use finding::Findings;

use crate::diagnostic::Diagnostic;
use crate::signal::Waveform;

/// What the user says about a recording that its file does not.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Which of the file's channels (by name, or `#3` for the third) is which; when empty, it is told by their names.
    pub channels: Vec<(Place, String)>,
    /// Volts at a WAV file's full scale.
    pub v_per_fs: Option<f64>,
    /// Amperes at a WAV file's full scale.
    pub a_per_fs: Option<f64>,
}

/// What is known before the first sample is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// Kind of file, as in `COMTRADE 1999 BINARY`.
    pub format: String,
    /// Who recorded it, if the file says so.
    pub station: Option<String>,
    /// Samples per second of each channel.
    pub sample_rate_hz: f64,
    /// What the samples of a block's channels are, voltages before currents.
    pub channels: Vec<Channel>,
    /// Number of samples of each channel, if known beforehand.
    pub samples: Option<u64>,
    /// Nominal frequency, if the file states one.
    pub nominal_hz: Option<f64>,
}

/// A recording that is being read.
#[derive(Debug)]
pub struct Recording {
    info: Info,
    reader: Reader,
}

#[derive(Debug)]
enum Reader {
    Csv(csv::Reader),
    Comtrade(comtrade::Reader),
    Wav(wav::Reader),
}

/// What opening a recording came to.
#[derive(Debug)]
pub struct Opened {
    /// The recording; `None` when an error was found.
    pub recording: Option<Recording>,
    /// Errors and warnings.
    pub findings: Findings,
}

/// Opens a recording by its extension: `.csv` and `.txt`; `.cfg`, `.dat` and `.cff`; `.wav`.
pub fn open(path: &Path, request: &Request) -> Opened {
    let mut findings = Findings::default();
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let recording = match extension.as_str() {
        "csv" | "txt" | "tsv" => csv::open(path, request, &mut findings).map(|(i, r)| (i, Reader::Csv(r))),
        "cfg" | "dat" | "cff" => comtrade::open(path, request, &mut findings).map(|(i, r)| (i, Reader::Comtrade(r))),
        "wav" | "wave" => wav::open(path, request, &mut findings).map(|(i, r)| (i, Reader::Wav(r))),
        _ => {
            let message = format!("{} is not a recording by its extension", path.display());
            let help = "recordings are .csv, COMTRADE (.cfg with .dat, .cff) or .wav";
            findings.push(Diagnostic::error("E0501", message).help(help));
            None
        }
    };
    let recording = recording.map(|(info, reader)| Recording { info, reader });
    Opened { recording: recording.filter(|_| !findings.has_errors()), findings }
}

impl Recording {
    /// What is known of it.
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// Fills a block that has as many channels as [`Info::channels`] and room for at least one sample with the samples
    /// that follow, in V and A. Blocks that do not follow on in the recording are there, too, and not valid: as long as
    /// what is missing. `false` at the end, when the block is empty.
    ///
    /// # Errors
    /// When the file cannot be read on: what is wrong, and where.
    pub fn next(&mut self, block: &mut Waveform) -> Result<bool, Box<Findings>> {
        match &mut self.reader {
            Reader::Csv(reader) => reader.next(block),
            Reader::Comtrade(reader) => reader.next(block),
            Reader::Wav(reader) => reader.next(block),
        }
    }

    /// What was noticed while reading and did not stop it; emptied by the call.
    pub fn take_warnings(&mut self) -> Findings {
        match &mut self.reader {
            Reader::Csv(reader) => reader.take_warnings(),
            Reader::Comtrade(reader) => reader.take_warnings(),
            Reader::Wav(_) => Findings::default(),
        }
    }

    /// Bytes of samples read, and how many there are.
    pub fn progress(&self) -> (u64, u64) {
        match &self.reader {
            Reader::Csv(reader) => reader.progress(),
            Reader::Comtrade(reader) => reader.progress(),
            Reader::Wav(reader) => reader.progress(),
        }
    }
}
