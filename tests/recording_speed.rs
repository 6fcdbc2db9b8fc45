//! How fast recordings are read, and read and measured: printed, not asserted.
//!
//! `cargo test --release --no-default-features --test recording_speed -- --nocapture`

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "support/recordings.rs"]
mod support;

use std::path::Path;
use std::time::Instant;

use phasorbench::monitor::{ChannelRole, Instrument, Settings};
use phasorbench::recording::{Request, open};
use phasorbench::signal::Waveform;
use support::{three_phases, written};

const SECONDS: usize = 10;

fn through(path: &Path, measured: bool) -> (f64, usize) {
    let began = Instant::now();
    let mut recording = open(path, &Request::default()).recording.unwrap();
    let info = recording.info().clone();
    let roles = info.channels.iter().map(|c| ChannelRole::from_name(&c.place.to_string()).unwrap()).collect();
    let settings = Settings { nominal_v: Some(230.0), ..Settings::new(info.sample_rate_hz, 50.0, roles) };
    let mut instrument = measured.then(|| Instrument::new(&settings).unwrap());
    let mut block = Waveform::new(info.channels.len(), 4096);
    let mut count = 0;
    while recording.next(&mut block).unwrap() {
        count += block.len();
        if let Some(instrument) = &mut instrument {
            instrument.push(&block, &mut |_| {});
        }
    }
    (began.elapsed().as_secs_f64(), count)
}

#[test]
fn recordings_are_read_faster_than_they_were_recorded() {
    // A debug build is slow to write the recording, too.
    let seconds = if cfg!(debug_assertions) { 1 } else { SECONDS };
    let signal = three_phases(12_800.0, seconds * 12_800, 50.0);
    let folder = tempfile::tempdir().unwrap();
    let csv = signal.csv(6);
    let mut files = vec![("CSV".to_owned(), written(folder.path(), &[("a.csv", csv.as_bytes())]), csv.len())];
    for kind in ["ASCII", "BINARY", "FLOAT32"] {
        let (cfg, dat) = signal.comtrade(2013, kind);
        let names = [format!("{kind}.cfg"), format!("{kind}.dat")];
        let path = written(folder.path(), &[(&names[0], cfg.as_bytes()), (&names[1], &dat)]);
        files.push((format!("COMTRADE {kind}"), path, dat.len()));
    }
    for (name, path, bytes) in &files {
        // The best of three: the machine has other things to do.
        let best = |measured| (0..3).map(|_| through(path, measured).0).fold(f64::INFINITY, f64::min);
        let (read, measured) = (best(false), best(true));
        assert_eq!(through(path, false).1, seconds * 12_800);
        let real = seconds as f64;
        println!(
            "{name:>16}: read {:6.0} MB/s, {:6.0} times real time; measured {:5.0} times real time",
            *bytes as f64 / 1e6 / read,
            real / read,
            real / measured
        );
    }
}
