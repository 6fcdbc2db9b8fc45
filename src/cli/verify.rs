//! `phasorbench verify PATH…`: runs every scenario under the paths and says which do what they are expected to do.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use phasorbench::bench::Verdict;
use phasorbench::record::write_whole;
use phasorbench::study::verify::{self, Comparison, End, Lock, Settings, Verified};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::terminal::terminal;
use crate::{Exit, input, output};

/// Run every scenario under some paths and hold it against its expectations and its baseline.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  phasorbench verify scenarios/
  phasorbench verify scenarios/ --require-baseline --junit results/verify.xml     in continuous integration
  phasorbench verify scenarios/ieee13_day.yaml --bless     write the baseline, to be committed

A scenario is a YAML file with a line that begins with `scenario:`; a file that is only there to be extended leaves it out.
Exit codes: 0 all as expected, 1 something is not, 2 a scenario or baseline is broken, 4 the program failed.")]
pub struct Args {
    /// Scenario files, and folders with scenarios.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write a JUnit report, as continuous integration reads it.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the baseline of every scenario that does what it is expected to do.
    #[arg(long, conflicts_with = "no_baseline")]
    bless: bool,
    /// Scenarios at a time; as many as there are processors when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Folder of the baselines.
    #[arg(long, value_name = "DIR", default_value = "results/baseline")]
    baseline: PathBuf,
    /// Hold scenarios against their expectations alone.
    #[arg(long)]
    no_baseline: bool,
    /// Let a scenario without a baseline fail, as continuous integration should.
    #[arg(long, conflicts_with = "no_baseline")]
    require_baseline: bool,
    /// Print the time of each scenario.
    #[arg(long)]
    timings: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let found = match verify::find(&args.paths) {
        Ok(found) => found,
        Err(error) => return input::complain("E0440", error.to_string(), None),
    };
    if let Some((first, second, name)) = verify::same_name(&found.scenarios) {
        let message = format!("{} and {} are both called {name:?}", first.display(), second.display());
        return input::complain("E0441", message, Some("a scenario's baseline has its name: give one another".into()));
    }
    let _lock = match args.bless.then(|| Lock::new(&args.baseline)).transpose() {
        Ok(lock) => lock,
        Err(error) => {
            return input::complain("E0442", format!("cannot make {}: {error}", args.baseline.display()), None);
        }
    };
    let settings = Settings {
        baselines: (!args.no_baseline).then(|| args.baseline.clone()),
        bless: args.bless,
        require_baseline: args.require_baseline,
        jobs: args.jobs.map_or(0, usize::from),
    };
    let clocks = Clocks::new(found.scenarios.len());
    let all = verify::verify(&found.scenarios, &settings, &|k, ended| clocks.note(k, ended));
    clocks.bar.finish_and_clear();
    for one in &all {
        input::report(&one.diagnostics, &one.sources);
    }
    output::print(&in_words(&all, found.others.len(), args.timings.then_some(&clocks)));
    let exit = all.iter().map(exit_of).max_by_key(|exit| *exit as u8).unwrap_or(Exit::Passed);
    match args.junit.as_ref().map(|file| (file, junit(&all).and_then(|text| write(file, &text)))) {
        Some((file, Err(why))) => {
            input::complain("E0405", format!("cannot write {}: {why}", file.display()), None);
            Exit::Internal
        }
        _ => exit,
    }
}

/// When each scenario began and how long it took.
struct Clocks {
    times: Mutex<Vec<(Option<Instant>, Duration)>>,
    bar: ProgressBar,
}

impl Clocks {
    fn new(count: usize) -> Self {
        let bar = terminal().progress(count as u64, "scenarios", false);
        Self { times: Mutex::new(vec![(None, Duration::ZERO); count]), bar }
    }

    fn note(&self, k: usize, ended: bool) {
        if ended {
            self.bar.inc(1);
        }
        let Ok(mut times) = self.times.lock() else { return };
        let Some(time) = times.get_mut(k) else { return };
        match (ended, time.0) {
            (true, Some(began)) => time.1 = began.elapsed(),
            _ => time.0 = Some(Instant::now()),
        }
    }

    fn time(&self, k: usize) -> Duration {
        self.times.lock().ok().and_then(|times| times.get(k).map(|time| time.1)).unwrap_or_default()
    }
}

fn exit_of(one: &Verified) -> Exit {
    match &one.end {
        End::Crashed(_) => Exit::Internal,
        End::Broken(_) => Exit::BadInput,
        End::Ran(ran) => match ran.comparison {
            Comparison::Unwritten(_) => Exit::Internal,
            Comparison::Unreadable(_) => Exit::BadInput,
            _ if ran.passed() => Exit::Passed,
            _ => Exit::Failed,
        },
    }
}

/// All that is wrong with a scenario, each thing as a failed verdict.
fn failures(one: &Verified) -> Vec<Verdict> {
    let failed = |what: &str, reason: &str| Verdict {
        expectation: what.to_owned(),
        passed: false,
        quantity: None,
        measured: None,
        limit: None,
        at_s: None,
        place: None,
        reason: reason.to_owned(),
    };
    let ran = match &one.end {
        End::Ran(ran) => ran,
        End::Broken(None) => return vec![failed("sound", "its files are broken: see what was found in them")],
        End::Broken(Some(why)) => return vec![failed("sound", why)],
        End::Crashed(why) => return vec![failed("no fault of the program", why)],
    };
    let mut all: Vec<Verdict> = ran.verdicts.iter().filter(|verdict| !verdict.passed).cloned().collect();
    match &ran.comparison {
        Comparison::Differs(some) => all.extend(some.iter().cloned()),
        Comparison::Lacking => {
            let why = "there is none: --bless writes it, to be looked at and committed";
            all.push(failed("baseline", why));
        }
        Comparison::NotBlessed => all.push(failed("baseline", "it is not written while an expectation fails")),
        Comparison::Unreadable(why) | Comparison::Unwritten(why) => all.push(failed("baseline", why)),
        Comparison::None | Comparison::Same | Comparison::Blessed | Comparison::Missing => {}
    }
    all
}

/// One line for each scenario, a table of what failed, and a sum.
fn in_words(all: &[Verified], others: usize, clocks: Option<&Clocks>) -> String {
    let width = all.iter().map(|one| name(one).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (k, one) in all.iter().enumerate() {
        let (state, what) = match &one.end {
            End::Broken(_) => ("BROKEN", "not run".to_owned()),
            End::Crashed(_) => ("CRASHED", "not run to its end".to_owned()),
            End::Ran(ran) => (if ran.passed() { "ok" } else { "FAILED" }, counted(ran)),
        };
        let time = clocks.map(|clocks| format!(", {:.2} s", clocks.time(k).as_secs_f64())).unwrap_or_default();
        text += &format!("{state:8}{:width$}  {what}{time}\n", name(one));
    }
    text += &table(all);
    let bad = all.iter().filter(|one| exit_of(one) != Exit::Passed).count();
    let expectations: usize =
        all.iter().map(|one| if let End::Ran(ran) = &one.end { ran.expectations } else { 0 }).sum();
    let aside = match others {
        0 => String::new(),
        1 => "; 1 other YAML file is no scenario".to_owned(),
        _ => format!("; {others} other YAML files are no scenarios"),
    };
    let sum = format!(
        "{} passed, {bad} failed, {} altogether",
        plural(all.len() - bad, "scenario"),
        plural(expectations, "expectation")
    );
    text + &format!("\n{sum}{aside}\n")
}

fn counted(ran: &verify::Ran) -> String {
    let count = match ran.expectations {
        0 => "no expectations".to_owned(),
        n => plural(n, "expectation"),
    };
    let failed = ran.verdicts.iter().filter(|verdict| !verdict.passed).count();
    let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
    let baseline = match &ran.comparison {
        Comparison::None => "",
        Comparison::Same => ", as the baseline",
        Comparison::Blessed => ", baseline written",
        Comparison::Differs(_) => ", not as the baseline",
        Comparison::Missing | Comparison::Lacking => ", no baseline",
        Comparison::NotBlessed => ", baseline not written",
        Comparison::Unreadable(_) | Comparison::Unwritten(_) => ", broken baseline",
    };
    format!("{count}{failed}{baseline}")
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A scenario by its name; its file where it has none.
fn name(one: &Verified) -> String {
    match &one.end {
        End::Ran(ran) => ran.name.clone(),
        _ => one.path.display().to_string(),
    }
}

/// Failures of one scenario that are shown; the JUnit report has them all.
const MOST_SHOWN: usize = 10;

/// What failed: measured value, limit, time, place, and why.
fn table(all: &[Verified]) -> String {
    let mut text = String::new();
    for one in all {
        let failures = failures(one);
        if failures.is_empty() {
            continue;
        }
        text += &format!("\n{} ({})\n", name(one), one.path.display());
        let head = ["expectation", "measured", "limit", "t_s", "place"].map(str::to_owned);
        let cells = |v: &Verdict| {
            let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| x.to_string());
            let place = v.place.clone().unwrap_or("-".to_owned());
            [v.expectation.clone(), number(v.measured), number(v.limit), number(v.at_s), place]
        };
        let shown = failures.get(..MOST_SHOWN).unwrap_or(&failures);
        let rows: Vec<[String; 5]> = std::iter::once(head).chain(shown.iter().map(cells)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3, 4].map(width);
        for (k, row) in rows.iter().enumerate() {
            let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            text += &format!("  {}\n", padded.join("  ").trim_end());
            if let Some(verdict) = k.checked_sub(1).and_then(|k| shown.get(k)) {
                text += &format!("    {}\n", verdict.reason);
            }
        }
        if failures.len() > shown.len() {
            text += &format!("  and {} more\n", failures.len() - shown.len());
        }
    }
    text
}

/// A suite for each folder, a case for each scenario; no times, so that the same results are the same bytes.
fn junit(all: &[Verified]) -> Result<String, String> {
    let mut report = Report::new("phasorbench verify");
    let mut suites: indexmap::IndexMap<String, TestSuite> = indexmap::IndexMap::new();
    for one in all {
        let folder = one.path.parent().unwrap_or(Path::new("")).display().to_string();
        let failures = failures(one);
        let status = if failures.is_empty() {
            TestCaseStatus::success()
        } else {
            let ran = matches!(one.end, End::Ran(_));
            let mut status =
                TestCaseStatus::non_success(if ran { NonSuccessKind::Failure } else { NonSuccessKind::Error });
            let reasons: Vec<String> = failures.iter().map(|v| format!("{}: {}", v.expectation, v.reason)).collect();
            status.set_type(if ran { "expectation" } else { "scenario" });
            status.set_message(format!("{} of its expectations fail", failures.len()));
            status.set_description(reasons.join("\n"));
            status
        };
        let mut case = TestCase::new(name(one), status);
        case.set_classname(one.path.display().to_string());
        suites.entry(folder.clone()).or_insert_with(|| TestSuite::new(folder)).add_test_case(case);
    }
    report.add_test_suites(suites.into_values());
    report.to_string().map_err(|error| error.to_string())
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    write_whole(file, text.as_bytes()).map_err(|error| error.to_string())
}
