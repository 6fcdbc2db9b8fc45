//! A controller outside, in a process of its own and of packages that we did not write: it reads a meter of the simulation and
//! commands an inverter of it over Modbus TCP, while the run keeps pace with the clock.
//!
//! Needs python3 with venv and the package index (`pymodbus`, `pysunspec2`); fails where they are missing.
#![cfg(all(feature = "cli", feature = "hil", unix))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support {
    pub mod python;
}

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use phasorbench::record::Table;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn binary() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("phasorbench"));
    command.current_dir(root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A weak low-voltage network with an inverter and a meter, both served at a port.
fn folder(port: u16, seconds: u32, more: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let net = "feeder: net\nfrequency_hz: 50\nvoltage_bases_kv: [0.4]\n\
               sources: {grid: {bus: a, v_kv: 0.4, mvasc3: 10, mvasc1: 10}}\n\
               lines: {l: {from: a, to: b, total: {r1_ohm: 0.2, x1_ohm: 0.05, r0_ohm: 0.2, x0_ohm: 0.05}}}\n\
               loads: {house: {bus: b, phases: 3, v_kv: 0.4, p_kw: 9, q_kvar: 3}}\n";
    let file = |name: &str| format!("{:?}", root().join("hil").join(name).display().to_string());
    let (inverter, meter) = (file("sunspec_inverter.yaml"), file("eastron_sdm630.yaml"));
    let scenario = format!(
        "scenario: outside\nfeeder: net.yaml\nduration_s: {seconds}\nstep_s: 0.05\n\
         devices: {{pv: {{power: {{bus: b, s_kva: 20, p_kw: 1}}}}}}\n\
         instruments: {{m: {{meter: {{measures: [b.1.v_pu, b.2.v_pu, b.3.v_pu]}}}}}}\n\
         hil:\n  pv: {{is: {inverter}, at: \"serve:tcp://127.0.0.1:{port}\", ramp_in_s: 0.2, lost_after_s: 1{more}}}\n\
         \x20 m: {{is: {meter}, at: \"serve:tcp://127.0.0.1:{port}?unit=2\", lost_after_s: 1{}}}\n\
         outputs: {{quantities: [pv.p_w, pv.hil_p_w, pv.hil_state, m.hil_state, b.1.v_pu]}}\n",
        more.replace(", writable: true", "")
    );
    fs::write(dir.path().join("net.yaml"), net).unwrap();
    fs::write(dir.path().join("outside.yaml"), scenario).unwrap();
    dir
}

/// A run that does not outlive the test.
struct Running(Option<Child>);

impl Running {
    fn paced(dir: &Path, more: &[&str]) -> Self {
        let mut command = binary();
        command.arg("run").arg(dir.join("outside.yaml")).args(["--pace", "real-time", "--out"]).arg(dir.join("out"));
        Self(Some(command.args(more).spawn().unwrap()))
    }

    fn output(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until something listens.
fn listens(port: u16) {
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody listens at {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn controller(what: &str, port: u16, more: &[&str]) -> String {
    let python = support::python::with("modbus_peer", &["pymodbus==3.16.1", "pysunspec2==1.3.7"], "pymodbus, sunspec2");
    let script = root().join("tests/oracle/outside_controller.py");
    let mut command = Command::new(python);
    command.arg(script).args([what, "127.0.0.1", &port.to_string()]).args(more).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn column(dir: &Path, name: &str) -> Vec<f64> {
    let table = Table::read_csv(&dir.join("out/series.csv")).unwrap();
    table.column(name).unwrap_or_else(|| panic!("no {name}")).to_vec()
}

#[test]
fn a_controller_outside_closes_its_loop_and_is_missed_when_it_leaves() {
    let port = free_port();
    let dir = folder(port, 14, ", writable: true");
    let run = Running::paced(dir.path(), &[]);
    listens(port);
    let said = controller("loop", port, &["6"]);
    let [volts, told_w, measured_w] = [0, 1, 2].map(|k| said.split(' ').nth(k).unwrap().parse::<f64>().unwrap());
    assert!((volts - 234.0).abs() < 0.3, "it holds the voltage of the simulation: {said}");
    assert!((told_w - measured_w).abs() < 300.0, "{said}");
    let output = run.output();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "it was lost, and did not come back: {text}");
    let (p_w, state) = (column(dir.path(), "pv.p_w"), column(dir.path(), "pv.hil_state"));
    // How far it overshoots on its way is a matter of when its requests come.
    let held = p_w.iter().filter(|own| (*own - told_w).abs() < 300.0).count();
    assert!(told_w > 5000.0 && held > 10, "{held} steps at what it was told: {said}");
    let stands_in = p_w.last().is_some_and(|own| (own - 1000.0).abs() < 1e-6) && state.last() == Some(&3.0);
    assert!(stands_in, "the scenario's own set-point stands in: {:?} W, {:?}", p_w.last(), state.last());
    let wire = fs::read(dir.path().join("out/wire.pcapng")).unwrap();
    assert!(wire.len() > 10_000, "what it said is recorded: {} bytes", wire.len());
}

#[test]
fn nobody_commands_without_leave_and_only_who_is_listed_comes_in() {
    let port = free_port();
    let dir = folder(port, 8, "");
    let run = Running::paced(dir.path(), &[]);
    listens(port);
    assert_eq!(controller("refused", port, &[]), "1", "a function that this client has not");
    drop(run);
    assert!(
        !dir.path().join("out/wire.pcapng").exists(),
        "a recording of a run that was killed is not taken for whole"
    );

    let port = free_port();
    let dir = folder(port, 8, ", allow: [192.0.2.77]");
    let run = Running::paced(dir.path(), &[]);
    listens(port);
    assert_ne!(controller("turned_away", port, &[]), "answered");
    drop(run);
}

#[test]
fn what_cannot_be_served_is_said_before_the_run() {
    let port = free_port();
    let dir = folder(port, 2, "");
    let held = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let output = Running::paced(dir.path(), &[]).output();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(&port.to_string()) && text.contains("in use"), "{text}");
    drop(held);
    let file = dir.path().join("outside.yaml");
    let written = fs::read_to_string(&file).unwrap();
    for (from, to, said) in [
        ("?unit=2", "", "is served as unit 1 already"),
        ("127.0.0.1", "0.0.0.0", "open to everybody"),
        ("ramp_in_s: 0.2", "ramp_in_s: 0.2, allow: [somebody]", "no IP address"),
        ("ramp_in_s: 0.2", "ramp_in_s: 0.2, commands: [\"1s: p_w\"]", "commands nothing"),
    ] {
        fs::write(&file, written.replace(from, to)).unwrap();
        let output = binary().arg("check").arg(&file).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{to}: {text}");
        assert!(text.contains(said) && text.contains("E0341"), "{to}: {text}");
    }
}

#[test]
fn a_file_stops_a_run() {
    let port = free_port();
    let dir = folder(port, 60, "");
    let file = dir.path().join("stop");
    let begun = Instant::now();
    let run = Running::paced(dir.path(), &["--stop-file", file.to_str().unwrap()]);
    listens(port);
    fs::write(&file, "").unwrap();
    let output = run.output();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(begun.elapsed() < Duration::from_secs(30));
    let again = Running::paced(dir.path(), &["--stop-file", file.to_str().unwrap()]).output();
    assert_eq!(again.status.code(), Some(2), "a file that is there already");
}
