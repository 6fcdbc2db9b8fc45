//! `phasorbench monitor FILE`: a recorded waveform through the power-quality instrument.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use phasorbench::diagnostic::Diagnostic;
use phasorbench::monitor::limits::Profile;
use phasorbench::monitor::{LEAST_SAMPLE_RATE_HZ, SettingsError, Windows};
use phasorbench::record::write_whole;
use phasorbench::recording::{self, Findings, Place, Recording, Request};
use phasorbench::signal::Waveform;
use phasorbench::study::monitor::{Basis, Beginning, Json, Session, Source, Summary, Told};

use crate::terminal::terminal;
use crate::{Exit, input, output};

/// Samples of a block.
const BLOCK: usize = 4096;
/// Where the measurements go when `--json` is not asked for.
const WINDOWS: &str = "windows.json";

/// Measure a recorded waveform: harmonics, frequency, events, flicker, limits.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench monitor recording.csv --limits ieee519 --out results/pcc
  phasorbench monitor relay.cfg --nominal-hz 50 --nominal-v 6350 --json
  phasorbench monitor relay.cfg --channels u1=UA,u2=UB,u3=UC,i1=#5
  phasorbench monitor scope.wav --channels u1=1,i1=2 --v-per-fs 400 --a-per-fs 50

Recordings: CSV with a header such as time_s,u1,u2,u3,i1,i2,i3 in volts and amperes; COMTRADE 1991, 1999 and 2013 (.cfg with
.dat, or .cff); WAV. They are read in one pass and bounded memory, however long they are.

Exit codes: 0 measured, and every limit kept; 1 a limit is not kept or none could be judged; 2 the recording cannot be read (to its end).")]
pub struct Args {
    /// The recording: .csv, .cfg, .dat, .cff or .wav.
    file: PathBuf,
    /// Nominal frequency; told by the file or the signal when not given.
    #[arg(long, value_name = "HZ", value_parser = ["50", "60"])]
    nominal_hz: Option<String>,
    /// Nominal voltage of the voltage channels, as they are measured (phase to neutral); told by the signal when not given.
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    nominal_v: Option<f64>,
    /// Limits to hold the recording against.
    #[arg(long, value_enum)]
    limits: Option<Limits>,
    /// Windows that follow the frequency, or of 200 ms whatever it is.
    #[arg(long, value_enum, default_value_t = Length::Synchronised)]
    windows: Length,
    /// Short-circuit over load current (ieee519), or short-circuit ratio Rsce (iec61000-3-12).
    #[arg(long, value_name = "RATIO", allow_hyphen_values = true)]
    isc_over_il: Option<f64>,
    /// Current in A RMS that current limits relate to: demand I_L (ieee519), rated (ieee1547), reference (iec61000-3-12).
    #[arg(long, value_name = "A", allow_hyphen_values = true)]
    il_a: Option<f64>,
    /// Which of the file's channels is which, by name or number, as in u1=UA,i1=#5; told by their names when not given.
    #[arg(long, value_name = "PLACE=NAME,…", value_delimiter = ',', value_parser = channel)]
    channels: Vec<(Place, String)>,
    /// Volts at a WAV file's full scale.
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    v_per_fs: Option<f64>,
    /// Amperes at a WAV file's full scale.
    #[arg(long, value_name = "A", allow_hyphen_values = true)]
    a_per_fs: Option<f64>,
    /// Write windows.json, monitor.json, report.html and its figures into a folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print every window, the events and the limits as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Limits {
    Ieee519,
    Ieee1547,
    En50160,
    #[value(name = "iec61000-3-2")]
    Iec61000_3_2,
    #[value(name = "iec61000-3-12")]
    Iec61000_3_12,
    Seed,
}

impl Limits {
    const fn profile(self) -> Profile {
        match self {
            Self::Ieee519 => Profile::Ieee519,
            Self::Ieee1547 => Profile::Ieee1547,
            Self::En50160 => Profile::En50160,
            Self::Iec61000_3_2 => Profile::Iec61000_3_2,
            Self::Iec61000_3_12 => Profile::Iec61000_3_12,
            Self::Seed => Profile::Seed,
        }
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Length {
    Synchronised,
    Fixed,
}

fn channel(text: &str) -> Result<(Place, String), String> {
    let (place, name) = text.split_once('=').ok_or_else(|| format!("{text:?} is not of the form u1=NAME"))?;
    Ok((place.parse::<Place>().map_err(|error| error.to_string())?, name.to_owned()))
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    match measure(args) {
        Ok(summary) => {
            if !args.json {
                output::print(&words(&summary));
            }
            // Limits of which none could be judged are not kept.
            let judged = args.limits.is_none() || !summary.limits.is_empty();
            if judged && summary.limits.iter().all(|limit| limit.passed) { Exit::Passed } else { Exit::Failed }
        }
        Err(exit) => exit,
    }
}

fn measure(args: &Args) -> Result<Summary, Exit> {
    check(args)?;
    let mut warnings = Vec::new();
    let (basis, first) = basis(args)?;
    tell(&first, &mut warnings);
    told_by(&basis, &mut warnings);
    let (mut recording, _) = open(args)?;
    let mut session = Session::new(recording.info(), &basis).map_err(|error| refused(&error))?;
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    }
    let mut json = Out::new(args, &name, &recording, &basis)?;
    let ended = read(args, &mut recording, &mut session, &mut json)?;
    let later = recording.take_warnings();
    input::report(&later.diagnostics, &later.sources);
    tell(&later, &mut warnings);
    if let Err(found) = ended {
        input::report(&found.diagnostics, &found.sources);
        let message = found.diagnostics.first().map(|finding| finding.message.clone()).unwrap_or_default();
        json.finish(&[], &warnings, Some(&message))?;
        return Err(Exit::BadInput);
    }
    let (limits, unjudged) = session.finish(&mut |told| json.tell(told));
    warnings.extend(not_judged(args, limits.is_empty(), &unjudged));
    let mut summary = session.summary(&name, warnings, limits);
    explain(&mut summary);
    json.finish(&summary.limits, &summary.warnings, None)?;
    if summary.windows == 0 {
        let least = format!(
            "a window is 200 ms long: {:.3} s at {} Hz are too little",
            seconds(&recording),
            summary.sample_rate_hz
        );
        return Err(input::complain("E0508", least, None));
    }
    if let Some(folder) = &args.out {
        keep(folder, &summary)?;
    }
    Ok(summary)
}

#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
fn seconds(recording: &Recording) -> f64 {
    recording.info().samples.map_or(0.0, |n| n as f64 / recording.info().sample_rate_hz)
}

/// Numbers on the command line that cannot be meant.
fn check(args: &Args) -> Result<(), Exit> {
    let positive = [("--nominal-v", args.nominal_v), ("--isc-over-il", args.isc_over_il), ("--il-a", args.il_a)];
    for (name, value) in positive {
        if let Some(x) = value.filter(|x| !(x.is_finite() && *x > 0.0)) {
            return Err(input::complain("E0470", format!("{name} {x} is not a positive number"), None));
        }
    }
    for (name, value) in [("--v-per-fs", args.v_per_fs), ("--a-per-fs", args.a_per_fs)] {
        if let Some(x) = value.filter(|x| !x.is_finite() || *x == 0.0) {
            return Err(input::complain("E0470", format!("{name} {x} is no scale"), None));
        }
    }
    Ok(())
}

fn open(args: &Args) -> Result<(Recording, Findings), Exit> {
    let request = Request { channels: args.channels.clone(), v_per_fs: args.v_per_fs, a_per_fs: args.a_per_fs };
    let opened = recording::open(&args.file, &request);
    match opened.recording {
        Some(recording) => Ok((recording, opened.findings)),
        None => {
            input::report(&opened.findings.diagnostics, &opened.findings.sources);
            Err(Exit::BadInput)
        }
    }
}

/// What the recording is measured by, with what was found when it was opened; its beginning tells what nobody said.
fn basis(args: &Args) -> Result<(Basis, Findings), Exit> {
    let stage = terminal().stage("open");
    let (mut recording, findings) = open(args)?;
    input::report(&findings.diagnostics, &findings.sources);
    let info = recording.info().clone();
    stage.done(|| format!("{}: {} channels at {} Hz", info.format, info.channels.len(), info.sample_rate_hz));
    let mut beginning = Beginning::new(&info);
    let mut block = Waveform::new(info.channels.len(), BLOCK);
    // What cannot be read is said when it is measured.
    while !beginning.is_full() && recording.next(&mut block).unwrap_or(false) {
        if block.valid {
            (0..info.channels.len()).for_each(|k| beginning.add(k, block.channel(k)));
        }
    }
    let given = args.nominal_hz.as_deref().and_then(|hz| hz.parse::<f64>().ok());
    let of_file = info.nominal_hz.filter(|hz| *hz == 50.0 || *hz == 60.0);
    let (nominal_hz, nominal_hz_from) = match (given, of_file, beginning.nominal_hz()) {
        (Some(hz), ..) => (hz, Source::Given),
        (_, Some(hz), _) => (hz, Source::File),
        (.., Some(hz)) => (hz, Source::Signal),
        _ => {
            let message =
                "there is no component near 50 or 60 Hz in the first second that would tell the nominal frequency";
            return Err(input::complain("E0520", message, Some("write --nominal-hz 50 or --nominal-hz 60".into())));
        }
    };
    let told_v = args.nominal_v.map_or_else(|| beginning.nominal_v(nominal_hz), Some);
    let basis = Basis {
        nominal_hz,
        nominal_hz_from,
        nominal_v: told_v,
        nominal_v_from: if args.nominal_v.is_some() { Source::Given } else { Source::Signal },
        windows: match args.windows {
            Length::Synchronised => Windows::Synchronised,
            Length::Fixed => Windows::Fixed,
        },
        limits: args.limits.map(Limits::profile),
        isc_over_il: args.isc_over_il,
        il_a: args.il_a,
    };
    Ok((basis, findings))
}

/// What was guessed is said.
fn told_by(basis: &Basis, warnings: &mut Vec<String>) {
    let mut say = |text: String| {
        if !terminal().quiet {
            eprintln!("note: {text}");
        }
        warnings.push(text);
    };
    if basis.nominal_hz_from == Source::Signal {
        say(format!("nominal frequency {} Hz, told by the signal (--nominal-hz)", basis.nominal_hz));
    }
    match basis.nominal_v {
        Some(v) if basis.nominal_v_from == Source::Signal => {
            say(format!("nominal voltage {v} V, told by the first 10 cycles (--nominal-v)"));
        }
        None => say("no voltage in the first 10 cycles: dips and swells are not looked for (--nominal-v)".to_owned()),
        Some(_) => {}
    }
}

fn tell(findings: &Findings, warnings: &mut Vec<String>) {
    warnings
        .extend(findings.diagnostics.iter().filter(|d| !d.is_error()).map(|d| format!("{}: {}", d.code, d.message)));
}

fn refused(error: &SettingsError) -> Exit {
    match error {
        SettingsError::Rate { given_hz, .. } if *given_hz < LEAST_SAMPLE_RATE_HZ => {
            // An order's bins must lie below half the rate.
            let (at_50, at_60) = (order(*given_hz, 50.0), order(*given_hz, 60.0));
            let message =
                format!("{given_hz} Hz is too low a sampling rate: order 50 needs at least {LEAST_SAMPLE_RATE_HZ} Hz");
            let help = format!(
                "at {given_hz} Hz there is nothing above order {at_50} (50 Hz) or {at_60} (60 Hz); recorded faster, all 50 are measured"
            );
            input::complain("E0509", message, Some(help))
        }
        SettingsError::Limits(_) => {
            let help = "write --nominal-v, --isc-over-il and --il-a, as these limits need them";
            input::complain("E0522", error.to_string(), Some(help.into()))
        }
        _ => input::complain("E0521", error.to_string(), None),
    }
}

/// Highest order of a nominal frequency that a sampling rate carries.
fn order(rate_hz: f64, nominal_hz: f64) -> f64 {
    ((0.5 * rate_hz - 5.0) / nominal_hz).floor().max(0.0)
}

/// Reads to the end, or to what stops it.
fn read(
    args: &Args,
    recording: &mut Recording,
    session: &mut Session,
    json: &mut Out,
) -> Result<Result<(), Box<Findings>>, Exit> {
    let mut block = Waveform::new(recording.info().channels.len(), BLOCK);
    let (_, all) = recording.progress();
    let bar = terminal().progress(all / 1000, "kB", args.json);
    let stage = terminal().stage("measure");
    let mut blocks = 0u64;
    loop {
        match recording.next(&mut block) {
            Ok(true) => session.push(&block, &mut |told| json.tell(told)),
            Ok(false) => break,
            Err(found) => {
                bar.finish_and_clear();
                return Ok(Err(found));
            }
        }
        blocks += 1;
        if blocks.is_multiple_of(64) {
            bar.set_position(recording.progress().0 / 1000);
            json.check()?;
        }
    }
    bar.finish_and_clear();
    stage.done(|| format!("{blocks} blocks"));
    Ok(Ok(()))
}

/// JSON under way, and the file that it is for.
type Sink = (Json<Box<dyn Write>>, Option<PathBuf>);

/// Where windows go as they come.
struct Out {
    sinks: Vec<Sink>,
    failed: Option<(PathBuf, io::Error)>,
}

impl Out {
    fn new(args: &Args, name: &str, recording: &Recording, basis: &Basis) -> Result<Self, Exit> {
        let mut out = Self { sinks: Vec::new(), failed: None };
        let mut add = |sink: Box<dyn Write>, path: Option<PathBuf>| match Json::new(sink, name, recording.info(), basis)
        {
            Ok(json) => out.sinks.push((json, path)),
            Err(error) => out.failed = Some((path.unwrap_or_default(), error)),
        };
        if args.json {
            add(Box::new(BufWriter::with_capacity(1 << 16, io::stdout())), None);
        }
        if let Some(folder) = &args.out {
            let path = folder.join(WINDOWS);
            let file = File::create(partial(&path)).map_err(|error| unwritable(&path, &error))?;
            add(Box::new(BufWriter::with_capacity(1 << 16, file)), Some(path));
        }
        out.check()?;
        Ok(out)
    }

    fn tell(&mut self, told: Told) {
        for (json, path) in &mut self.sinks {
            match told {
                Told::Window(window) => {
                    // A reader of standard output that has gone away is not an error.
                    if let (Err(error), Some(path)) = (json.window(window), path) {
                        self.failed = Some((path.clone(), error));
                    }
                }
                Told::Event(event) => json.event(event),
                Told::Frequency(ten_seconds) => json.frequency(ten_seconds),
                Told::Flicker(channel, end_s, pst) => json.flicker(channel, end_s, pst),
            }
        }
    }

    fn check(&self) -> Result<(), Exit> {
        self.failed.as_ref().map_or(Ok(()), |(path, error)| Err(unwritable(path, error)))
    }

    /// Ends all; a file gets its name only when the recording was read to its end.
    fn finish(
        self,
        limits: &[phasorbench::study::monitor::LimitRow],
        warnings: &[String],
        error: Option<&str>,
    ) -> Result<(), Exit> {
        self.check()?;
        for (json, path) in self.sinks {
            let written = json.finish(limits, warnings, error);
            let Some(path) = path else { continue };
            let written = written.and_then(|mut file| file.flush());
            if error.is_none() {
                written
                    .and_then(|()| std::fs::rename(partial(&path), &path))
                    .map_err(|error| unwritable(&path, &error))?;
            }
        }
        Ok(())
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// Says which limits could not be judged.
fn not_judged(args: &Args, none: bool, unjudged: &[String]) -> Vec<String> {
    if args.limits.is_none() || !none && unjudged.is_empty() {
        return Vec::new();
    }
    let what = if unjudged.is_empty() { "no limit".to_owned() } else { unjudged.join("; ") };
    let message = if none { format!("no limit could be judged: {what}") } else { format!("not judged: {what}") };
    let help = "intervals of 3 s that an event touches, or of which samples are missing, are left out";
    let found = [Diagnostic::warning("W0522", message).help(help)];
    input::report(&found, &phasorbench::diagnostic::Sources::default());
    found.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect()
}

/// Says what a channel's values may not be taken for.
fn explain(summary: &mut Summary) {
    let mut found = Vec::new();
    for channel in &summary.channels {
        let windows = summary.windows;
        if channel.dead > 0 {
            let message = format!(
                "{} is dead in {} of {windows} windows: all its samples are the same",
                channel.name, channel.dead
            );
            found.push(Diagnostic::warning("W0520", message).help("is anything connected?"));
        }
        if channel.clipped > 0 {
            let message =
                format!("{} is clipped in {} of {windows} windows: they are not valid", channel.name, channel.clipped);
            found.push(
                Diagnostic::warning("W0521", message)
                    .help("the recorder's range was too small: harmonics and RMS are wrong there"),
            );
        }
    }
    summary.warnings.extend(found.iter().map(|finding| format!("{}: {}", finding.code, finding.message)));
    input::report(&found, &phasorbench::diagnostic::Sources::default());
}

fn keep(folder: &Path, summary: &Summary) -> Result<(), Exit> {
    let path = folder.join("monitor.json");
    let mut bytes = serde_json::to_vec(summary).unwrap_or_default();
    bytes.push(b'\n');
    write_whole(&path, &bytes).map_err(|error| unwritable(&path, &error))?;
    crate::report::page(folder)
}

fn unwritable(path: &Path, error: &io::Error) -> Exit {
    let exit = input::complain("E0405", format!("{} cannot be written: {error}", path.display()), None);
    // A full disk is not the user's slip.
    if error.kind() == io::ErrorKind::StorageFull { Exit::Internal } else { exit }
}

/// The result as a person reads it.
fn words(summary: &Summary) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let number = |x: Option<f64>, digits: usize| x.map_or("–".to_owned(), |x| format!("{x:.digits$}"));
    let [_, mean_hz, _] = summary.frequency_hz;
    // A `String` takes whatever is written to it.
    let _ = writeln!(
        text,
        "{}: {}, {} Hz, {:.1} s",
        summary.file, summary.kind, summary.sample_rate_hz, summary.duration_s
    );
    let _ = writeln!(
        text,
        "{} windows, {} flagged, {} not valid; {} Hz (nominal {})",
        summary.windows,
        summary.flagged,
        summary.invalid,
        number(mean_hz, 4),
        summary.nominal_hz
    );
    let _ = writeln!(text, "\n{:>8}  {:>12}  {:>10}  {:>10}", "channel", "rms", "THD %", "largest %");
    for channel in &summary.channels {
        let [_, rms, _] = channel.rms;
        let [_, thd, most] = channel.thd_percent;
        let _ = writeln!(
            text,
            "{:>8}  {:>12}  {:>10}  {:>10}",
            channel.name,
            number(rms, 3),
            number(thd, 3),
            number(most, 3)
        );
    }
    if !summary.events.is_empty() {
        let _ = writeln!(text, "\n{:>14}  {:>10}  {:>10}  {:>10}", "event", "start s", "lasts s", "% of Un");
        for event in summary.events.iter().take(20) {
            let _ = writeln!(
                text,
                "{:>14}  {:>10.3}  {:>10.4}  {:>10.2}",
                event.kind, event.start_s, event.duration_s, event.residual_percent
            );
        }
        if summary.event_count > 20 {
            let _ = writeln!(text, "{:>14}", format!("{} in all", summary.event_count));
        }
    }
    for limit in &summary.limits {
        let mark = if limit.passed { "passed" } else { "FAILED" };
        let _ = writeln!(
            text,
            "{mark}  {}: {:.3} {} (limit {} {})",
            limit.name, limit.value, limit.unit, limit.limit, limit.unit
        );
    }
    text
}
