//! Commands about devices from the outside, with emulated devices in processes of their own: what is found, what is refused,
//! how a paced run closes its loop over TCP and a serial line, and how it leaves the device, however it ends.
//!
//! The peers that we did not write (`pymodbus`, `pysunspec2`) need python3 with venv and the package index; that test fails
//! where they are missing. Limits: loopback and pseudo-terminals only.
#![cfg(all(feature = "cli", feature = "hil", unix))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support {
    pub mod python;
}

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use phasorbench::record::Table;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn binary() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("phasorbench"));
    command.current_dir(root()).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn phasorbench(args: &[&str]) -> Output {
    binary().args(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const INVERTER: &str = "hil/sunspec_inverter.yaml";

/// An emulated inverter in a process that does not outlive the test.
struct Served {
    child: Child,
    // Open as long as it may print.
    said: BufReader<ChildStdout>,
    place: String,
}

impl Served {
    fn new(more: &[&str]) -> Self {
        let mut command = binary();
        command.args(["hil", "emulate", INVERTER]).args(more).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let place = line.trim().strip_prefix("sunspec_inverter listens: ").map(str::to_owned);
        let mut own = Self { child, said, place: String::new() };
        own.place = place.unwrap_or_else(|| panic!("it said {line:?}"));
        own
    }

    /// On a free port.
    fn tcp(more: &[&str]) -> Self {
        Self::new(&[&["--listen", "127.0.0.1:0"][..], more].concat())
    }

    fn device(&self) -> String {
        format!("{INVERTER}@{}", self.place)
    }

    fn probed(&self) -> Value {
        let output = phasorbench(&["hil", "probe", &self.device(), "--polls", "2", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn power_w(&self) -> f64 {
        point(&self.probed()["points"], "p_w")["last"].as_f64().unwrap()
    }

    /// Waits until its power is this.
    fn until(&self, power_w: f64) {
        let begun = Instant::now();
        loop {
            let now_w = self.power_w();
            if (now_w - power_w).abs() < 1.0 {
                return;
            }
            assert!(begun.elapsed().as_secs() < 40, "{now_w} W");
        }
    }

    fn scanned(&self) -> Value {
        let output = phasorbench(&["hil", "scan", &self.place, "--json"]);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn holds(&self, name: &str) -> f64 {
        point(&self.scanned()["units"][0]["points"], name)["value"].as_f64().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An entry of a list of points.
fn point<'a>(points: &'a Value, name: &str) -> &'a Value {
    let all = points.as_array().unwrap_or_else(|| panic!("{points} is no list"));
    all.iter().find(|own| own["point"] == name).unwrap_or_else(|| panic!("no {name} in {points}"))
}

/// A load, and a device of 30 kVA that gives 9 kW at once, in a folder of their own.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let net = "feeder: net\nfrequency_hz: 50\nvoltage_bases_kv: [0.4]\n\
               sources: {grid: {bus: a, v_kv: 0.4, mvasc3: 10, mvasc1: 10}}\n\
               lines: {l: {from: a, to: b, total: {r1_ohm: 0.05, x1_ohm: 0.02, r0_ohm: 0.05, x0_ohm: 0.02}}}\n\
               loads: {house: {bus: b, phases: 3, v_kv: 0.4, p_kw: 9, q_kvar: 3}}\n";
    let inverter = root().join(INVERTER);
    let scenario = format!(
        "scenario: loop\nfeeder: net.yaml\nduration_s: 4\nstep_s: 0.05\n\
         devices: {{pv: {{power: {{bus: b, s_kva: 30, p_kw: 9}}}}}}\n\
         hil: {{pv: {{is: {:?}, ramp_in_s: 0.5}}}}\n\
         outputs: {{quantities: [pv.p_w, pv.hil_p_w, pv.hil_state]}}\n",
        inverter.display().to_string()
    );
    fs::write(dir.path().join("net.yaml"), net).unwrap();
    fs::write(dir.path().join("loop.yaml"), scenario).unwrap();
    dir
}

/// A paced run of the folder's scenario with a device in the loop; its results go to a folder of this name.
fn paced(dir: &Path, device: &str, name: &str, more: &[&str]) -> Command {
    let mut command = binary();
    command.arg("run").arg(dir.join("loop.yaml")).args(["--pace", "real-time", "--hil"]).arg(format!("pv={device}"));
    command.arg("--out").arg(dir.join(name)).args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A run that ends by itself, or is killed.
struct Running(Option<Child>);

impl Running {
    fn new(mut command: Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    fn signal(&self, name: &str) {
        let id = self.0.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    fn output(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn summary(dir: &Path, name: &str) -> Value {
    let path = dir.join(name).join("summary.json");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// The last number of a column of the record.
fn last(dir: &Path, name: &str, column: &str) -> f64 {
    let table = Table::read_csv(&dir.join(name).join("series.csv")).unwrap();
    *table.column(column).unwrap_or_else(|| panic!("no {column}")).last().unwrap()
}

#[test]
fn scan_says_what_is_there() {
    let served = Served::tcp(&[]);
    let text = out(&phasorbench(&["hil", "scan", &served.place, "--units", "1-3"]));
    for part in ["unit 1\n", "SunSpec at register 40000", "model 704 at 40277, 65 registers", "\"PhasorBench\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("unit 2\n") && !text.contains("not known here"), "{text}");
    let said = served.scanned();
    let unit = &said["units"][0];
    let models: Vec<u64> =
        unit["sunspec"]["models"].as_array().unwrap().iter().map(|own| own["model"].as_u64().unwrap()).collect();
    assert_eq!(models, [1, 701, 702, 704, 713, 715]);
    let volts = point(&unit["points"], "701.VL1");
    assert_eq!((volts["value"].as_f64(), &volts["unit"]), (Some(230.0), &"V".into()));
    assert_eq!(point(&unit["points"], "1.Md")["value"], "sunspec_inverter");
}

#[test]
fn probe_and_watch_read_and_write_nothing() {
    let served = Served::tcp(&["--read-only"]);
    let said = served.probed();
    assert_eq!((&said["device"], &said["samples"]), (&"sunspec_inverter".into(), &2.into()));
    for (name, value) in [("p_w", 0.0), ("v_v.b", 230.0), ("f_hz", 50.0), ("s_rated_va", 30_000.0)] {
        let own = point(&said["points"], name);
        assert_eq!([&own["last"], &own["low"], &own["high"]].map(Value::as_f64), [Some(value); 3], "{name}");
    }
    let [p50, p99, max] = ["p50", "p99", "max"].map(|part| said["takes_ms"][part].as_f64().unwrap());
    assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{p50} {p99} {max}");
    let text = out(&phasorbench(&["hil", "probe", &served.device(), "--polls", "3"]));
    assert!(text.contains(": 3 samples, ") && text.contains("heartbeat_count") && text.contains("ms (p50)"), "{text}");
    let watched = phasorbench(&["hil", "watch", &served.device(), "--for-s", "2.5"]);
    assert_eq!(watched.status.code(), Some(0));
    assert!(out(&watched).contains(": up\n"), "{}", out(&watched));
}

#[test]
fn what_is_none_is_refused() {
    for (args, part) in [
        (&["hil", "scan", "127.0.0.1:1502"][..], "E0410"),
        (&["hil", "scan", "tcp://127.0.0.1:1502?unit=300"], "from 0 to 255"),
        (&["hil", "scan", "pty:/dev/pts/0", "--units", "0-3"], "from 1 to 247"),
        (&["hil", "emulate", INVERTER, "--pty", "--unit", "0"], "unit 0 is everybody"),
        (&["hil", "emulate", INVERTER, "--pty", "--unit", "255"], "is none on a serial line"),
        (&["hil", "emulate", INVERTER, "--unit", "250"], "is reserved"),
        (&["hil", "emulate", INVERTER, "--set", "f_hs=50"], "did you mean \"f_hz\"?"),
        (&["hil", "scan", "tcp://127.0.0.1:1502", "--units", "5-3"], "as in 1-10"),
        (&["hil", "probe", INVERTER], "FILE@ADDRESS"),
        (&["hil", "probe", "nothing.yaml@tcp://127.0.0.1:1502"], "E0001"),
        (&["hil", "probe", "scenarios/hil/inverter_follows.yaml@tcp://127.0.0.1:1502"], "unknown key"),
        (&["hil", "watch", "hil/sunspec_inverter.yaml@can:vcan0"], "E0410"),
        (&["hil", "emulate", "nothing.yaml"], "E0001"),
        (&["hil", "emulate", INVERTER, "--listen", "0.0.0.0:0"], "name those who may come"),
        (&["hil", "emulate", INVERTER, "--listen", "nowhere"], "--listen"),
        (&["hil", "emulate", INVERTER, "--listen", "127.0.0.1:0", "--fault", "1s: melt"], "is no fault"),
        (&["hil", "emulate", INVERTER, "--pty", "--listen", "127.0.0.1:0"], "cannot be used with"),
    ] {
        let output = phasorbench(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", err(&output));
        assert!(err(&output).contains(part), "{args:?}: {}", err(&output));
    }
}

#[test]
fn a_port_that_is_taken_issaid() {
    let served = Served::tcp(&[]);
    let place = served.place.strip_prefix("tcp://").unwrap();
    let output = phasorbench(&["hil", "emulate", INVERTER, "--listen", place, "--for-s", "1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("cannot listen"), "{}", err(&output));
}

#[test]
fn who_does_not_answer_as_it_should_ends_with_3() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("tcp://{free}");
    let device = format!("{INVERTER}@{nobody}");
    for args in [["hil", "scan", &nobody], ["hil", "probe", &device]] {
        let output = phasorbench(&args);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", err(&output));
        assert!(err(&output).contains("E0412") && err(&output).contains("refused"), "{}", err(&output));
    }
    assert_eq!(phasorbench(&["hil", "watch", &device, "--for-s", "0.5"]).status.code(), Some(3));
    let other = Served::tcp(&["--unit", "7"]);
    assert_eq!(phasorbench(&["hil", "scan", &other.place]).status.code(), Some(3), "unit 1 is not there");
    assert_eq!(phasorbench(&["hil", "probe", &other.device()]).status.code(), Some(3));
    assert_eq!(phasorbench(&["hil", "scan", &format!("{}?unit=7", other.place)]).status.code(), Some(0));
    for (fault, part) in [("0s..: nan", "has no value"), ("0s..: silent", "no answer"), ("0s..: half", "E0412")] {
        let served = Served::tcp(&["--fault", fault]);
        let output = phasorbench(&["hil", "probe", &served.device()]);
        assert_eq!(output.status.code(), Some(3), "{fault}: {}", err(&output));
        assert!(err(&output).contains(part), "{fault}: {}", err(&output));
    }
}

#[test]
fn an_emulated_device_ends_when_it_is_asked_to() {
    let output =
        phasorbench(&["hil", "emulate", INVERTER, "--listen", "127.0.0.1:0", "--count", "3", "--for-s", "0.2"]);
    assert_eq!((output.status.code(), out(&output).lines().count()), (Some(0), 3), "{}", err(&output));
    let mut served = Served::tcp(&[]);
    assert!(Command::new("kill").args(["-TERM", &served.child.id().to_string()]).status().unwrap().success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_run_in_batch_does_not_wait_for_a_real_device() {
    let dir = folder();
    let scenario = dir.path().join("loop.yaml");
    let device = format!("pv={INVERTER}@tcp://127.0.0.1:1502");
    let output = phasorbench(&["run", scenario.to_str().unwrap(), "--hil", &device]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("error[E0409]") && err(&output).contains("--pace"), "{}", err(&output));
    for (wrong, part) in [
        ("pv".to_owned(), "NAME=FILE@ADDRESS"),
        (format!("pw={INVERTER}@tcp://127.0.0.1:1502"), "did you mean \"pv\"?"),
        (format!("pv={INVERTER}@tcp:/x"), "is no address"),
        // A description of Modbus, an address of CAN.
        (format!("pv={INVERTER}@can:vcan0"), "E0341"),
    ] {
        let args =
            ["run", scenario.to_str().unwrap(), "--pace", "real-time", "--set", "duration_s=0.2", "--hil", &wrong];
        let output = phasorbench(&args);
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", err(&output));
        assert!(err(&output).contains(part), "{wrong}: {}", err(&output));
    }
    assert!(!root().join("results/loop").exists());
}

#[test]
fn a_paced_run_closes_the_loop_and_leaves_the_device_safe() {
    for served in [Served::tcp(&[]), Served::new(&["--pty"])] {
        assert!(["tcp://127.0.0.1:", "pty:/dev/"].iter().any(|begin| served.place.starts_with(begin)));
        let dir = folder();
        let output = Running::new(paced(dir.path(), &served.device(), "here", &[])).output();
        assert_eq!(output.status.code(), Some(0), "{}: {}", served.place, err(&output));
        assert_eq!(last(dir.path(), "here", "pv.hil_state"), 2.0, "{}", served.place);
        assert!((last(dir.path(), "here", "pv.hil_p_w") - 9000.0).abs() < 1.5, "what it measures is what it was told");
        assert!((last(dir.path(), "here", "pv.p_w") - 9000.0).abs() < 1.5);
        let own = &summary(dir.path(), "here")["hil"][0];
        assert_eq!((&own["name"], &own["device"]), (&"pv".into(), &"sunspec_inverter".into()));
        assert_eq!((&own["losses"], &own["lost_at_end"]), (&0.into(), &false.into()), "{own}");
        // 80 steps, and few that a busy machine did not read in time.
        assert!(own["samples"].as_u64().unwrap() > 40, "{own}");
        assert_eq!((served.power_w(), served.holds("704.WSetEna")), (0.0, 0.0), "safe, and released");
        let page = fs::read_to_string(dir.path().join("here/report.html")).unwrap();
        assert!(page.contains("Devices on the wire") && page.contains("Never lost"));
    }
}

#[test]
fn a_second_run_finds_the_device_as_the_first_did() {
    let (served, dir) = (Served::tcp(&[]), folder());
    for name in ["first", "second"] {
        let output = Running::new(paced(dir.path(), &served.device(), name, &[])).output();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", err(&output));
        assert!((last(dir.path(), name, "pv.hil_p_w") - 9000.0).abs() < 1.5, "{name}: it follows");
        // Longer than its watchdog has patience with a heartbeat that nobody owes it any more.
        std::thread::sleep(Duration::from_millis(3500));
    }
}

#[test]
fn a_run_that_is_asked_to_stop_leaves_the_device_safe() {
    for (signal, code) in [("-TERM", 1), ("-INT", 1)] {
        let (served, dir) = (Served::tcp(&[]), folder());
        let run = Running::new(paced(dir.path(), &served.device(), "here", &["--set", "duration_s=60"]));
        served.until(9000.0);
        run.signal(signal);
        let output = run.output();
        assert_eq!(output.status.code(), Some(code), "{signal}: {}", err(&output));
        assert_eq!((served.power_w(), served.holds("704.WSetEna")), (0.0, 0.0), "{signal}");
        let summary = summary(dir.path(), "here");
        assert!(summary["stopped_at_s"].as_f64().unwrap() < 60.0);
        assert_eq!(summary["hil"][0]["lost_at_end"], false);
    }
}

#[test]
fn of_a_run_that_is_killed_the_devices_own_watchdog_is_left() {
    let (served, dir) = (Served::tcp(&[]), folder());
    let run = Running::new(paced(dir.path(), &served.device(), "here", &["--set", "duration_s=60"]));
    served.until(9000.0);
    run.signal("-KILL");
    let killed = Instant::now();
    assert_eq!(run.output().status.code(), None);
    served.until(0.0);
    // Three periods of its heartbeat; the machine may be busy.
    assert!(killed.elapsed().as_secs_f64() < 20.0);
    assert_eq!(served.holds("704.WSetEna"), 0.0, "it disabled itself");
}

#[test]
fn a_device_that_is_lost_is_told_of() {
    for (on_loss, whole) in [("twin", true), ("zero", true), ("stop", false)] {
        let (mut served, dir) = (Served::tcp(&[]), folder());
        let on_loss_is = format!("hil.pv.on_loss={on_loss}");
        let run =
            Running::new(paced(dir.path(), &served.device(), "here", &["--set", "duration_s=8", "--set", &on_loss_is]));
        served.until(9000.0);
        served.child.kill().unwrap();
        let output = run.output();
        assert_eq!(output.status.code(), Some(3), "{on_loss}: {}", err(&output));
        let summary = summary(dir.path(), "here");
        let own = &summary["hil"][0];
        assert_eq!((&own["losses"], &own["lost_at_end"]), (&1.into(), &true.into()), "{own}");
        let happened = own["happened"].as_array().unwrap();
        assert!(happened.len() == 3 && own["trouble"].is_string(), "{own}");
        assert!(happened[2].as_str().unwrap().contains("12 V auxiliary supply"), "what to check first: {own}");
        assert_eq!(summary["stopped_at_s"].is_null(), whole, "{on_loss}");
        assert_eq!(last(dir.path(), "here", "pv.hil_state"), 3.0, "{on_loss}");
        let stands_in = if on_loss == "zero" { 0.0 } else { 9000.0 };
        assert!(!whole || (last(dir.path(), "here", "pv.p_w") - stands_in).abs() < 1.5, "{on_loss}");
    }
}

#[test]
fn a_device_that_comes_back_is_taken_back() {
    let (served, dir) = (Served::tcp(&[]), folder());
    let place = served.place.strip_prefix("tcp://").unwrap().to_owned();
    let run = Running::new(paced(dir.path(), &served.device(), "here", &["--set", "duration_s=10"]));
    served.until(9000.0);
    drop(served);
    let again = Served::new(&["--listen", &place]);
    let output = run.output();
    assert_eq!(output.status.code(), Some(0), "{}: {}", err(&output), summary(dir.path(), "here")["hil"]);
    let own = &summary(dir.path(), "here")["hil"][0];
    assert_eq!((&own["losses"], &own["lost_at_end"]), (&1.into(), &false.into()), "{own}");
    assert!((last(dir.path(), "here", "pv.hil_p_w") - 9000.0).abs() < 1.5, "and does again what it is told");
    assert_eq!(again.power_w(), 0.0);
}

#[test]
fn a_device_that_never_came_is_lost() {
    let dir = folder();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = Running::new(paced(dir.path(), &format!("{INVERTER}@tcp://{free}"), "here", &[])).output();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
    let own = &summary(dir.path(), "here")["hil"][0];
    assert_eq!((&own["samples"], &own["lost_at_end"]), (&0.into(), &true.into()), "{own}");
    assert!(own["trouble"].as_str().unwrap().contains("refused"), "{own}");
    assert!(!fs::read_to_string(dir.path().join("here/report.html")).unwrap().contains("Never lost"));
}

#[test]
fn a_dry_run_writes_nothing() {
    // It refuses every write: the first would end the link.
    let (served, dir) = (Served::tcp(&["--read-only"]), folder());
    let dry = ["--set", "hil.pv.dry_run=true"];
    let output = Running::new(paced(dir.path(), &served.device(), "here", &dry)).output();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!((last(dir.path(), "here", "pv.hil_state"), last(dir.path(), "here", "pv.hil_p_w")), (5.0, 0.0));
    assert!((last(dir.path(), "here", "pv.p_w") - 9000.0).abs() < 1e-6, "the simulated one stays in the loop");
    let own = &summary(dir.path(), "here")["hil"][0];
    assert_eq!((&own["losses"], &own["trouble"]), (&0.into(), &Value::Null), "{own}");
    // Not so in earnest.
    let output = Running::new(paced(dir.path(), &served.device(), "earnest", &[])).output();
    assert_eq!(output.status.code(), Some(3), "{}", err(&output));
}

/// A device of SunSpec by hand: its first model cannot be read, and after that it hangs up.
fn stubborn() -> std::net::SocketAddr {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 12];
        while stream.read_exact(&mut request).is_ok() {
            let at = u16::from_be_bytes([request[8], request[9]]);
            let count = u16::from_be_bytes([request[10], request[11]]);
            let words: &[u16] = match (at, count) {
                (40_000, 2) => &[0x5375, 0x6E53],
                (40_002, 2) => &[1, 66],
                (40_070, 2) => &[701, 153],
                (40_225, 2) => &[0xFFFF, 0],
                _ => &[],
            };
            let mut answer = vec![request[0], request[1], 0, 0, 0, 0, request[6], request[7]];
            match words {
                [] if at >= 40_070 => return,
                [] => answer.extend([4]),
                words => {
                    answer.push(u8::try_from(2 * words.len()).unwrap());
                    answer.extend(words.iter().flat_map(|own| own.to_be_bytes()));
                }
            }
            if words.is_empty() {
                answer[7] |= 0x80;
            }
            answer[5] = u8::try_from(answer.len() - 6).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    at
}

#[test]
fn what_cannot_be_read_issaid_with_its_reason() {
    let text = out(&phasorbench(&["hil", "scan", &format!("tcp://{}", stubborn())]));
    for part in [
        "model 701 at 40070, 153 registers",
        "not read: model 1 from register 40002 on: exception 4 (it failed)",
        "not read: model 701 from register 40070 on: the connection is lost: the device closed it",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let served = Served::tcp(&["--set", "f_hz=49.98"]);
    let output = phasorbench(&["hil", "scan", &served.place, "--units", "1-2"]);
    let text = out(&output);
    assert!(text.contains(" 49.98 Hz\n"), "{text}");
    assert!(text.contains("unit 2 does not answer: exception 11 (nobody answers the gateway)"), "{text}");
    assert_eq!(served.holds("701.Hz"), 49.98);
    assert_eq!(point(&served.probed()["points"], "f_hz")["last"], 49.98);
    let other = phasorbench(&["hil", "scan", &served.place, "--units", "7"]);
    assert!(err(&other).contains("unit 7 does not answer: exception 11"), "{}", err(&other));
    assert!(err(&other).contains("--units 255"), "{}", err(&other));
    let silent = Served::tcp(&["--fault", "0s..: silent"]);
    let output = phasorbench(&["hil", "scan", &silent.place, "--timeout-s", "0.1"]);
    assert!(err(&output).contains("unit 1 does not answer: no answer within 100ms"), "{}", err(&output));
    let half = Served::tcp(&["--fault", "0s..: half"]);
    let output = phasorbench(&["hil", "scan", &half.place]);
    let said = err(&output);
    assert!(output.status.code() == Some(3) && !said.contains("os error") && !said.contains("Invalid"), "{said}");
    let wrong = Served::tcp(&["--fault", "0s..: wrong_unit"]);
    let said = err(&phasorbench(&["hil", "probe", &wrong.device()]));
    assert!(said.contains("another unit") && !said.contains("UnitId") && !said.contains("hdr"), "{said}");
}

#[test]
fn units_that_mean_the_device_itself_are_answered_behind_tcp() {
    let served = Served::tcp(&["--unit", "255"]);
    for unit in ["0", "255"] {
        let output = phasorbench(&["hil", "scan", &format!("{}?unit={unit}", served.place)]);
        assert_eq!(output.status.code(), Some(0), "{unit}: {}", err(&output));
    }
    assert_eq!(phasorbench(&["hil", "scan", &served.place]).status.code(), Some(3), "unit 1 is not there");
}

#[test]
fn several_serial_lines_are_served_each_by_its_own_device() {
    let mut served = Served::new(&["--pty", "--count", "2"]);
    let mut second = String::new();
    served.said.read_line(&mut second).unwrap();
    let second = second.trim().strip_prefix("sunspec_inverter listens: ").unwrap().to_owned();
    assert_ne!(second, served.place);
    for place in [&served.place, &second] {
        assert_eq!(phasorbench(&["hil", "scan", place]).status.code(), Some(0), "{place}");
    }
}

#[test]
fn a_serial_line_is_scanned_and_probed() {
    let served = Served::new(&["--pty"]);
    assert!(served.place.starts_with("pty:/dev/"), "{}", served.place);
    assert_eq!(served.scanned()["units"][0]["sunspec"]["base"], 40_000);
    assert_eq!(served.power_w(), 0.0);
    let file = served.place.strip_prefix("pty:").unwrap();
    assert_eq!(phasorbench(&["hil", "scan", &format!("rtu://{file}?baud=19200")]).status.code(), Some(0));
    for (place, part) in [("pty:/dev/no_such_port", "there is no such port"), ("pty:/dev/null", "it is no serial port")]
    {
        let output = phasorbench(&["hil", "scan", place]);
        assert_eq!(output.status.code(), Some(3), "{place}");
        assert!(err(&output).contains(part), "{place}: {}", err(&output));
    }
    let other = phasorbench(&["hil", "scan", &format!("{}?unit=2", served.place)]);
    assert_eq!(other.status.code(), Some(3), "nobody answers for another unit");
}

/// The environment's python, with the packages in it.
fn python() -> PathBuf {
    support::python::with("modbus_peer", &["pymodbus==3.16.1", "pysunspec2==1.3.7"], "pymodbus, sunspec2")
}

#[test]
fn peers_that_we_did_not_write_are_answered_as_they_expect() {
    let python = python();
    for (how, served, held) in [
        ("tcp", Served::tcp(&[]), 38),
        ("rtu", Served::new(&["--pty"]), 37),
        ("read-only", Served::tcp(&["--read-only"]), 3),
    ] {
        let place = served.place.strip_prefix("tcp://").or(served.place.strip_prefix("pty:")).unwrap();
        let script = root().join("tests/oracle/modbus_peer.py");
        let output = Command::new(&python).arg(script).args([how, place]).stdin(Stdio::null()).output().unwrap();
        let said = out(&output);
        assert!(output.status.success(), "{how}: {said}{}", err(&output));
        assert_eq!((said.lines().count(), said.lines().next_back()), (held + 1, Some("all well")), "{how}: {said}");
    }
}
