//! `phasorbench sweep` from the outside: nothing lost, nothing doubled, the same bytes however it was computed.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("phasorbench"));
    command.current_dir(dir).args(args).env("CI", "1");
    command
}

fn phasorbench(dir: &Path, args: &[&str]) -> Output {
    command(dir, args).output().unwrap()
}

fn passes(dir: &Path, args: &[&str]) -> String {
    let output = phasorbench(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(dir: &Path, args: &[&str], code: i32, words: &str) {
    let output = phasorbench(dir, args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(words), "{args:?}: {said}");
}

/// A scenario that is one solution of a small feeder.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(root().join("tests/bad/scenario/feeders/small.yaml"), dir.path().join("small.yaml")).unwrap();
    let text = "scenario: short\nfeeder: small.yaml\nduration_s: 1\nstep_s: 1\ncontrols: off\n\
                vary:\n  load_multiplier: {uniform: [0.2, 1.4]}\n  loads.*.scale: {lognormal: {median: 1, sigma: 0.3}}\n";
    fs::write(dir.path().join("s.yaml"), text).unwrap();
    dir
}

fn bytes(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const WHOLE: [&str; 5] = ["samples.csv", "samples.parquet", "summary.json", "sweep.json", "sweep.lock"];

/// Samples of four blocks and a bit.
const SAMPLES: &str = "16500";

#[test]
fn threads_and_shards_make_the_same_bytes() {
    let dir = folder();
    let dir = dir.path();
    let all = ["sweep", "s.yaml", "--samples", SAMPLES, "--csv", "--quiet"];
    let with = |more: &[&'static str]| passes(dir, &[&all[..], more].concat());
    with(&["--threads", "1", "--out", "one"]);
    with(&["--threads", "3", "--out", "three"]);
    let is_page = |name: &String| name.starts_with("histogram_") || name == "report.html";
    let (page, data): (Vec<String>, Vec<String>) = names(&dir.join("one")).into_iter().partition(is_page);
    assert_eq!(data, WHOLE);
    assert!(page.len() > 5, "{page:?}");
    for (shard, out) in [("1/3", "a"), ("2/3", "b"), ("3/3", "c")] {
        passes(dir, &["sweep", "s.yaml", "--samples", SAMPLES, "--shard", shard, "--out", out, "--quiet"]);
        assert_eq!(names(&dir.join(out)), ["parts", "sweep.json", "sweep.lock"]);
    }
    fails(dir, &["sweep", "--merge", "a", "c", "--out", "merged"], 2, "blocks are missing");
    passes(dir, &["sweep", "--merge", "c", "a", "b", "--out", "merged", "--csv", "--quiet"]);
    for name in WHOLE {
        assert_eq!(bytes(&dir.join("one"), name), bytes(&dir.join("three"), name), "{name}, threads");
        assert_eq!(bytes(&dir.join("one"), name), bytes(&dir.join("merged"), name), "{name}, shards");
    }
    let csv = String::from_utf8(bytes(&dir.join("one"), "samples.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(
        lines.next().unwrap(),
        "sample,load_multiplier,loads.town.scale,loads.farm.scale,status,iterations,v_min_pu,v_mean_pu,v_max_pu,\
         nodes_out_of_limits,nodes_de_energised,losses_kw,source_kw,source_kvar"
    );
    for (k, line) in lines.enumerate() {
        assert!(line.starts_with(&format!("{k},")), "line {k}: {line}");
    }
    assert_eq!(csv.lines().count(), 16_501);
    // What is finished stays so, and is said again.
    let again = passes(dir, &["sweep", "s.yaml", "--samples", SAMPLES, "--out", "one", "--json"]);
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!((again["computed"].as_u64(), again["converged"].as_u64()), (Some(0), Some(16_500)));
}

#[test]
#[cfg(unix)]
fn a_killed_sweep_goes_on_with_nothing_lost_or_doubled() {
    let dir = folder();
    let dir = dir.path();
    let args = ["sweep", "s.yaml", "--samples", "50000", "--csv", "--quiet", "--threads", "1", "--out"];
    let with = |out: &'static str| [&args[..], &[out]].concat();
    let mut victim = command(dir, &with("killed")).stdout(Stdio::null()).spawn().unwrap();
    let parts = dir.join("killed/parts");
    let finished = || {
        fs::read_dir(&parts).map_or(0, |parts| {
            parts.filter(|p| p.as_ref().unwrap().path().extension().is_some_and(|e| e == "part")).count()
        })
    };
    while finished() < 3 {
        assert!(victim.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::sleep(Duration::from_millis(1));
    }
    // Held where it is, so that it cannot end before it is killed.
    assert!(Command::new("kill").args(["-STOP", &victim.id().to_string()]).status().unwrap().success());
    fails(dir, &with("killed"), 2, "another process is working in killed");
    victim.kill().unwrap();
    victim.wait().unwrap();
    let left = finished();
    assert!(left >= 3 && !dir.join("killed/samples.parquet").exists());
    // A block that the kill tore, or that rotted on the disk, is not taken for one.
    let torn =
        fs::read_dir(&parts).unwrap().map(|p| p.unwrap().path()).find(|p| p.extension().unwrap() == "part").unwrap();
    let whole = fs::read(&torn).unwrap();
    fs::write(&torn, &whole[..whole.len() / 2]).unwrap();
    passes(dir, &with("killed"));
    passes(dir, &with("whole"));
    assert_eq!(names(&dir.join("killed")), names(&dir.join("whole")));
    for name in WHOLE {
        assert_eq!(bytes(&dir.join("killed"), name), bytes(&dir.join("whole"), name), "{name}");
    }
}

#[test]
fn directories_of_others_are_refused() {
    let dir = folder();
    let dir = dir.path();
    let sweep = |more: &[&'static str]| [&["sweep", "s.yaml", "--quiet", "--samples"], more].concat();
    passes(dir, &sweep(&["100", "--out", "d"]));
    fails(dir, &sweep(&["100", "--seed", "7", "--out", "d"]), 2, "seed is 0 there and 7 here");
    fails(dir, &sweep(&["101", "--out", "d"]), 2, "samples is 100 there and 101 here");
    fails(dir, &sweep(&["100", "--shard", "1/2", "--out", "d"]), 2, "the whole sweep there and shard 1/2 here");
    fails(dir, &sweep(&["100", "--csv", "--out", "d"]), 2, "finished without samples.csv");
    let before = bytes(&dir.join("d"), "samples.parquet");
    fs::write(dir.join("small.yaml"), fs::read_to_string(dir.join("small.yaml")).unwrap().replace("900", "901"))
        .unwrap();
    fails(dir, &sweep(&["100", "--out", "d"]), 2, "its file small.yaml changed since");
    assert_eq!(bytes(&dir.join("d"), "samples.parquet"), before);
    fs::create_dir(dir.join("thesis")).unwrap();
    fs::write(dir.join("thesis/chapter.tex"), "").unwrap();
    fails(dir, &sweep(&["100", "--out", "thesis"]), 2, "thesis holds other files and no sweep");
    assert_eq!(names(&dir.join("thesis")), ["chapter.tex"]);
    fails(dir, &sweep(&["100", "--out", "s.yaml"]), 2, "cannot use s.yaml for a sweep");
    fails(dir, &["sweep", "--merge", "d", "thesis", "--out", "m"], 2, "thesis");
    fails(dir, &["sweep", "s.yaml", "--quiet"], 2, "how many samples?");
    fails(dir, &["sweep", "s.yaml", "--samples", "5", "--shard", "3/2"], 2, "as in 2/4");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_and_leaves_no_results() {
    let dir = folder();
    let dir = dir.path();
    // Blocks cannot be created where a file stands in place of their folder.
    passes(dir, &["sweep", "s.yaml", "--samples", "100", "--shard", "1/2", "--out", "d", "--quiet"]);
    fs::remove_dir_all(dir.join("d/parts")).unwrap();
    fs::write(dir.join("d/parts"), "").unwrap();
    fails(dir, &["sweep", "s.yaml", "--samples", "100", "--shard", "1/2", "--out", "d"], 2, "cannot use d for a sweep");
    // The kernel's limit on file sizes stands in for a full disk: 64 blocks of 512 bytes, a write beyond fails.
    let program = assert_cmd::cargo::cargo_bin("phasorbench");
    let script =
        format!("trap '' XFSZ; ulimit -f 64; exec {} sweep s.yaml --samples 9000 --out full", program.display());
    let output = Command::new("sh").arg("-c").arg(script).current_dir(dir).env("CI", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("error[E0462]: cannot write the sweep"), "{said}");
    assert!(!dir.join("full/samples.parquet").exists() && !dir.join("full/summary.json").exists());
    passes(dir, &["sweep", "s.yaml", "--samples", "9000", "--out", "full", "--quiet"]);
    passes(dir, &["sweep", "s.yaml", "--samples", "9000", "--out", "free", "--quiet"]);
    assert_eq!(bytes(&dir.join("full"), "samples.parquet"), bytes(&dir.join("free"), "samples.parquet"));
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_number_of_samples() {
    let dir = folder();
    let peak_kib = |samples: &'static str| {
        let json = passes(
            dir.path(),
            &["sweep", "s.yaml", "--samples", samples, "--threads", "2", "--json", "--out", samples],
        );
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json["peak_memory_kib"].as_f64().unwrap()
    };
    let (few, many) = (peak_kib("1000"), peak_kib("100000"));
    assert!(many < 1.1 * few, "{few} KiB for 1,000 samples, {many} KiB for 100,000");
}

#[test]
fn the_parquet_file_holds_what_the_csv_file_holds() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    let dir = folder();
    let text = fs::read_to_string(dir.path().join("s.yaml")).unwrap();
    // Some samples are refused (their results do not exist), and one column is of texts.
    let text = text.replace("{uniform: [0.2, 1.4]}", "{normal: {mean: 0.3, sd: 0.3}}")
        + "  capacitors.bank: {choice: [open, closed]}\n";
    fs::write(dir.path().join("s.yaml"), text).unwrap();
    let output = phasorbench(dir.path(), &["sweep", "s.yaml", "--samples", "40", "--csv", "--quiet", "--out", "d"]);
    assert_eq!(output.status.code(), Some(1), "samples without a result are not a pass");
    let reader = SerializedFileReader::new(fs::File::open(dir.path().join("d/samples.parquet")).unwrap()).unwrap();
    let csv = fs::read_to_string(dir.path().join("d/samples.csv")).unwrap();
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut rows = 0;
    for (row, line) in reader.get_row_iter(None).unwrap().zip(lines.by_ref()) {
        rows += 1;
        for (((name, field), wanted), text) in row.unwrap().get_column_iter().zip(&header).zip(line.split(',')) {
            assert_eq!(name, wanted);
            let same = match field {
                Field::Null => text.is_empty(),
                Field::Long(x) => text.parse() == Ok(*x),
                Field::Double(x) => text.parse() == Ok(*x),
                Field::Str(x) => text == x,
                other => panic!("{name} is {other:?}"),
            };
            assert!(same, "{name}: {field} and {text:?}");
        }
    }
    assert_eq!((rows, lines.next()), (40, None));
    assert!(csv.contains("refused") && csv.contains("converged") && csv.contains(",open,"));
}

/// Generated feeders, expectations and a value from the command line: the general way, each sample a run of its own.
#[test]
fn a_sweep_over_feeders_counts_what_failed() {
    let dir = tempfile::tempdir().unwrap();
    let text = "scenario: many\nfeeder: {random: {seed: 1, buses: 20}}\nduration_s: 1\nstep_s: 1\ncontrols: off\n\
                vary: {feeder.random.seed: {integer: [1, 1000]}}\nexpect: [{always: feeder.v_min_pu, above: 0.5}]\n";
    fs::write(dir.path().join("many.yaml"), text).unwrap();
    let run = |out: &str, limit: &str| {
        let set = format!("expect.0.above={limit}");
        passes(dir.path(), &["sweep", "many.yaml", "--samples", "12", "--csv", "--quiet", "--out", out, "--set", &set]);
        let csv = fs::read_to_string(dir.path().join(out).join("samples.csv")).unwrap();
        let mut rows = csv.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let header = rows.next().unwrap();
        let rows: Vec<Vec<String>> = rows.collect();
        move |name: &str| -> Vec<f64> {
            let k = header.iter().position(|column| column == name).unwrap_or_else(|| panic!("{header:?}"));
            rows.iter().map(|row| row[k].parse().unwrap()).collect()
        }
    };
    let loose = run("loose", "0.5");
    assert_eq!(loose("expectations_failed"), [0.0; 12]);
    let mut seeds = loose("feeder.random.seed");
    seeds.sort_by(f64::total_cmp);
    seeds.dedup();
    assert!(seeds.len() > 6, "{seeds:?}");
    let strict = run("strict", "0.999999");
    assert_eq!(strict("v_min_pu"), loose("v_min_pu"), "the same feeders");
    let failed: Vec<f64> = strict("v_min_pu").iter().map(|v| f64::from(u8::from(*v <= 0.999_999))).collect();
    assert_eq!(strict("expectations_failed"), failed);
    assert!(failed.contains(&1.0));
}
