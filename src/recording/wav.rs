//! WAV files: whole numbers of 8 to 32 bits, or 32-bit floats, scaled by what full scale means in V or A.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader};

use super::channel::{Channel, Described, Place, Quantity, pick};
use super::feed::{Feed, Row};
use super::finding::unreadable;
use super::{Findings, Info, Request};
use crate::diagnostic::Diagnostic;
use crate::signal::Waveform;

/// Most channels of a file.
const MOST_CHANNELS: u16 = 1024;

/// Samples of a WAV file.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    samples: Samples,
    /// Samples of one instant, of all channels.
    frame: Vec<f64>,
    /// For each channel that is read, which of the file's it is and V or A in a unit of its samples.
    picked: Vec<(usize, f64)>,
    feed: Feed,
    done: u64,
    count: u64,
}

enum Samples {
    Whole(hound::WavIntoSamples<BufReader<File>, i32>),
    Float(hound::WavIntoSamples<BufReader<File>, f32>),
}

impl std::fmt::Debug for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Samples")
    }
}

/// Opens a file and tells its channels and rate.
pub fn open(path: &Path, request: &Request, findings: &mut Findings) -> Option<(Info, Reader)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            findings.push(unreadable(path, &error));
            return None;
        }
    };
    let reader = match WavReader::new(BufReader::with_capacity(1 << 18, file)) {
        Ok(reader) => reader,
        Err(error) => {
            let message = format!("{} is not a WAV file that can be read: {error}", path.display());
            let help = "known are whole numbers of 8, 16, 24 and 32 bits and floats of 32";
            findings.push(Diagnostic::error("E0515", message).help(help));
            return None;
        }
    };
    let spec = reader.spec();
    if spec.sample_rate == 0 || spec.channels == 0 || spec.channels > MOST_CHANNELS {
        let message = format!("{} claims {} channels at {} Hz", path.display(), spec.channels, spec.sample_rate);
        findings.push(Diagnostic::error("E0515", message));
        return None;
    }
    let count = u64::from(reader.duration());
    if count == 0 {
        let finding = Diagnostic::error("E0508", format!("{} has no samples", path.display()));
        findings.push(finding.help("there is nothing to measure"));
        return None;
    }
    let float = spec.sample_format == SampleFormat::Float;
    let full_scale = if float { 1.0 } else { f64::from(2u32.pow(u32::from(spec.bits_per_sample.clamp(1, 32)) - 1)) };
    let (channels, picked) = channels(spec.channels, request, full_scale, float, findings)?;
    let info = Info {
        format: format!("WAV {} bits{}", spec.bits_per_sample, if float { " float" } else { "" }),
        station: None,
        sample_rate_hz: f64::from(spec.sample_rate),
        channels,
        samples: Some(count),
        nominal_hz: None,
    };
    let samples = if float { Samples::Float(reader.into_samples()) } else { Samples::Whole(reader.into_samples()) };
    let (frame, feed) = (vec![0.0; usize::from(spec.channels)], Feed::new(picked.len()));
    Some((info, Reader { path: path.to_owned(), samples, frame, picked, feed, done: 0, count }))
}

type Picked = (Vec<Channel>, Vec<(usize, f64)>);

/// The channels to read, each with its scale.
fn channels(count: u16, request: &Request, full_scale: f64, float: bool, findings: &mut Findings) -> Option<Picked> {
    let all: Vec<Described> = (1..=count).map(|k| Described { name: k.to_string(), ..Described::default() }).collect();
    let first = |text: &str| text.parse::<Place>().map(|place| (place, "1".to_owned())).ok();
    let asked: Vec<(Place, String)> = match (request.channels.as_slice(), count, request.v_per_fs, request.a_per_fs) {
        ([], 1, Some(_), None) => first("u1").into_iter().collect(),
        ([], 1, None, Some(_)) => first("i1").into_iter().collect(),
        ([], 1, None, None) => {
            let finding =
                Diagnostic::error("E0515", "a WAV file does not say how many volts or amperes its full scale is");
            findings.push(finding.help("write --v-per-fs NUMBER, or --a-per-fs NUMBER for a current"));
            return None;
        }
        ([], ..) => {
            let message = format!("which of the file's {count} channels is which voltage or current?");
            let help = "write --channels u1=1,i1=2 with --v-per-fs and --a-per-fs";
            findings.push(Diagnostic::error("E0511", message).help(help));
            return None;
        }
        (asked, ..) => asked.to_vec(),
    };
    let (mut channels, mut picked) = (Vec::new(), Vec::new());
    for (place, k) in pick(&all, &asked, findings) {
        let (scale, option, unit) = match place.quantity {
            Quantity::Voltage => (request.v_per_fs, "--v-per-fs", "volts"),
            Quantity::Current => (request.a_per_fs, "--a-per-fs", "amperes"),
        };
        let Some(scale) = scale else {
            let message = format!("a WAV file does not say how many {unit} its full scale is");
            findings.push(Diagnostic::error("E0515", message).help(format!("write {option} NUMBER")));
            return None;
        };
        // Floats may go beyond full scale.
        let range = (!float).then_some([-scale.abs(), scale.abs() * (1.0 - 1.0 / full_scale)]);
        channels.push(Channel { place, source: format!("channel {}", k + 1), range });
        picked.push((k, scale / full_scale));
    }
    (!channels.is_empty()).then_some((channels, picked))
}

impl Reader {
    /// The next block.
    pub fn next(&mut self, block: &mut Waveform) -> Result<bool, Box<Findings>> {
        let Self { path, samples, frame, picked, feed, done, .. } = self;
        feed.fill(block, |row| {
            if !read_frame(samples, frame).map_err(|error| broken(path, *done, &error))? {
                return Ok(Row::End);
            }
            *done += 1;
            for (sample, (channel, scale)) in row.iter_mut().zip(picked.iter()) {
                *sample = frame.get(*channel).copied().unwrap_or(0.0) * scale;
            }
            if let Some(channel) = row.iter().position(|x| !x.is_finite()) {
                let message = format!("sample {} of {} is not finite (channel {})", *done, path.display(), channel + 1);
                return Err(Findings::one(Diagnostic::error("E0505", message)));
            }
            Ok(Row::Sample)
        })
    }

    /// Instants read, and how many there are.
    pub const fn progress(&self) -> (u64, u64) {
        (self.done, self.count)
    }
}

/// Reads a sample of each channel; `false` at the end.
fn read_frame(samples: &mut Samples, frame: &mut [f64]) -> Result<bool, hound::Error> {
    for (k, value) in frame.iter_mut().enumerate() {
        let next = match samples {
            Samples::Whole(samples) => samples.next().map(|sample| sample.map(f64::from)),
            Samples::Float(samples) => samples.next().map(|sample| sample.map(f64::from)),
        };
        match next {
            Some(sample) => *value = sample?,
            None if k == 0 => return Ok(false),
            None => return Err(hound::Error::UnfinishedSample),
        }
    }
    Ok(true)
}

fn broken(path: &Path, done: u64, error: &hound::Error) -> Box<Findings> {
    let message = format!("{} cannot be read on after sample {done}: {error}", path.display());
    let help = "the header promises more than there is: the file is cut off";
    Findings::one(Diagnostic::error("E0513", message).help(help))
}
