//! Commands about devices on CAN and about PMUs from the outside: emulated devices in processes of their own, by UDP
//! multicast and TCP on this machine.
//!
//! The peers that we did not write (`python-can`, `cantools`, `synchrophasor`) need python3 with venv and the package index;
//! those tests fail where they are missing. Limits: no SocketCAN here; `.ci/can` has it. Each test has a group of its own.
#![cfg(all(feature = "cli", feature = "hil", unix))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support {
    pub mod python;
}

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use phasorbench::link::address::Address;
use phasorbench::link::can::bus::Bus;
use phasorbench::link::can::{CanFrame, CanId};
use serde_json::Value;

const CHARGER: &str = "hil/charger_module.yaml";
const PMU: &str = "hil/pmu.yaml";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn binary() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("phasorbench"));
    command.current_dir(root()).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn hil(args: &[&str]) -> Output {
    binary().arg("hil").args(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn said(args: &[&str]) -> String {
    let output = hil(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", err(&output));
    out(&output)
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&said(&[args, &["--json"]].concat())).unwrap()
}

/// A group of multicast that no other test has.
fn group(port: u16) -> String {
    format!("udp://239.74.163.2:{port}")
}

/// A process that does not outlive the test, and the first line that it said.
struct Peer {
    child: Child,
    said: BufReader<ChildStdout>,
    first: String,
}

impl Peer {
    fn new(mut command: Command) -> Self {
        // In a group of its own: theirs start processes for their clients.
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        said.read_line(&mut first).unwrap();
        Self { child, said, first: first.trim().to_owned() }
    }

    fn emulated(args: &[&str]) -> Self {
        let mut command = binary();
        command.args(["hil", "emulate"]).args(args);
        Self::new(command)
    }

    /// An emulated PMU on a free port.
    fn pmu(more: &[&str]) -> Self {
        Self::emulated(&[&[PMU, "--listen", "127.0.0.1:0"], more].concat())
    }

    /// Where it says that it listens.
    fn place(&self) -> &str {
        self.first.split_once(": ").unwrap_or_else(|| panic!("it said {:?}", self.first)).1
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ =
            Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

/// An entry of a list by a name.
fn entry<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let all = list.as_array().unwrap_or_else(|| panic!("{list} is no list"));
    all.iter().find(|own| own[key] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[test]
fn a_charger_on_a_bus_is_scanned_probed_and_watched() {
    let bus = group(43_201);
    let mut served = Peer::emulated(&[CHARGER, "--listen", &bus, "--set", "dc_v=412.5", "--set", "f_hz=49.98"]);
    assert_eq!(served.first, format!("charger_module is on the bus: {bus}?hops=0"));
    let device = format!("{CHARGER}@{bus}");
    let found = json(&["scan", &bus, "--dbc", "charger_module", "--for-s", "1.1"]);
    let status = entry(&found["ids"], "message", "Status");
    let period_ms = status["period_ms"].as_f64().unwrap();
    assert!((period_ms - 50.0).abs() < 25.0 && status["declared_ms"] == 50.0, "{status}");
    assert_eq!(
        (status["id"].as_u64(), &status["extended"], &status["odd"]),
        (Some(0x18E1_0101), &true.into(), &Value::Array(vec![]))
    );
    let volts = entry(&status["signals"], "signal", "Voltage");
    assert_eq!((volts["value"].as_f64(), &volts["unit"]), (Some(412.5), &"V".into()));
    assert_eq!(entry(&status["signals"], "signal", "State")["is"], "off");
    assert_eq!(found["silent"], serde_json::json!(["Command"]), "scanning sends nothing");
    let text = said(&["scan", &bus, "--for-s", "0.2"]);
    assert!(text.contains("0x18e10101  –  ") && !text.contains("nobody declares it"), "{text}");
    let text = said(&["scan", &bus, "--dbc", "hil/can/chademo.dbc", "--for-s", "0.2"]);
    assert!(text.contains("nobody declares it") && text.contains("not heard: VehicleLimits"), "{text}");
    let probed = json(&["probe", &device, "--polls", "5"]);
    let hertz = entry(&probed["points"], "point", "f_hz");
    assert_eq!((&hertz["last"], &hertz["within"]), (&49.98.into(), &true.into()));
    assert_eq!(entry(&probed["identity"]["messages"], "message", "Status")["odd"], Value::Array(vec![]));
    assert!(probed["every_ms"]["p50"].as_f64().unwrap() > 20.0 && probed["takes_ms"]["max"].is_number(), "{probed}");
    let text = said(&["probe", &device, "--polls", "2"]);
    assert!(text.contains("heard Status ") && text.contains("within 40 to 70") && text.contains("49.98 "), "{text}");
    let text = said(&["watch", &device, "--for-s", "1.2"]);
    assert!(text.contains(": up\n") && text.contains("412.5"), "{text}");
    served.signal("-INT");
    assert_eq!(served.child.wait().unwrap().code(), Some(0), "it ends when it is asked to");
}

#[test]
fn a_vehicle_and_any_database_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).display().to_string()
    };
    let database = root().join("hil/can/chademo.dbc");
    let vehicle = format!(
        "device: vehicle\nkind: controller\npoll_s: 0.1\ncan: {{database: {:?}}}\npoints:\n\
         \x20 soc_percent: {{can: VehicleStatus.StateOfCharge, range: [0, 100]}}\n\
         \x20 open_flag: {{can: VehicleStatus.ContactorOpen, range: [0, 1]}}\n",
        database.display().to_string()
    );
    let vehicle = write("vehicle.yaml", &vehicle);
    write(
        "meter.dbc",
        "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: A B\n\nBO_ 256 Meter: 8 A\n SG_ Volts : 0|16@1+ (0.01,0) [0|655] \"V\" B\n \
         SG_ MsgCounter : 32|4@1+ (1,0) [0|15] \"\" B\n\nBA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 65535;\n\
         BA_DEF_DEF_ \"GenMsgCycleTime\" 0;\nBA_ \"GenMsgCycleTime\" BO_ 256 40;\n",
    );
    let meter = write(
        "meter.yaml",
        "device: meter\nkind: meter\npoll_s: 0.1\ncan: {database: meter.dbc, hear: {Meter: {counter: MsgCounter}}}\n\
         points: {v_v.a: {can: Meter.Volts, range: [150, 280]}}\n",
    );
    let database = dir.path().join("meter.dbc").display().to_string();
    let buses = [group(43_202), group(43_203), group(43_204), group(43_205)];
    let _vehicle = Peer::emulated(&[&vehicle, "--listen", &buses[0], "--set", "soc_percent=61"]);
    let _meter = Peer::emulated(&[&meter, "--listen", &buses[1]]);
    let _twice = Peer::emulated(&[&meter, "--listen", &buses[2], "--fault", "0s..: twice"]);
    let _high = Peer::emulated(&[&meter, "--listen", &buses[3], "--set", "v_v=300"]);
    let probed = json(&["probe", &format!("{vehicle}@{}", buses[0]), "--polls", "2"]);
    let [soc, open] = ["soc_percent", "open_flag"].map(|name| entry(&probed["points"], "point", name)["last"].as_f64());
    assert_eq!((soc, open), (Some(61.0), Some(1.0)), "nobody locked its connector");
    let found = json(&["scan", &buses[1], "--dbc", &database, "--for-s", "0.8"]);
    assert_eq!(entry(&found["ids"], "message", "Meter")["odd"], Value::Array(vec![]), "{found}");
    let text = said(&["scan", &buses[2], "--dbc", &database, "--for-s", "0.8"]);
    assert!(text.contains("40.0 ms are declared: two senders") && text.contains("its counter MsgCounter"), "{text}");
    let output = hil(&["probe", &format!("{meter}@{}", buses[3]), "--polls", "2"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(out(&output).contains("OUTSIDE of 150 to 280") && err(&output).contains("v_v.a"), "{}", err(&output));
}

#[test]
fn a_pmu_is_scanned_probed_and_watched() {
    let mut served = Peer::pmu(&["--set", "v_v=7200", "--set", "f_hz=60.02"]);
    let place = served.place().to_owned();
    assert!(place.starts_with("c37118://127.0.0.1:") && place.ends_with("?id=1"), "{place}");
    let found = json(&["scan", &place, "--for-s", "0.7"]);
    let station = &found["stations"][0];
    assert_eq!((&found["id"], &station["nominal_hz"], &station["good"]), (&1.into(), &60.into(), &true.into()));
    let angles: Vec<f64> = ["VA", "VB", "VC"]
        .iter()
        .map(|name| {
            let own = entry(&station["phasors"], "phasor", name);
            assert!((own["magnitude"].as_f64().unwrap() - 7200.0).abs() < 0.01 && own["unit"] == "V", "{own}");
            own["angle_deg"].as_f64().unwrap()
        })
        .collect();
    let apart = |a: f64, b: f64| (a - b).rem_euclid(360.0);
    assert!((apart(angles[0], angles[1]) - 120.0).abs() < 0.01 && (apart(angles[1], angles[2]) - 120.0).abs() < 0.01);
    assert!((found["rate_hz"].as_f64().unwrap() - 10.0).abs() < 3.0, "{found}");
    let now_us = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let utc_us = u128::from(found["utc_us"].as_u64().unwrap());
    assert!(now_us.abs_diff(utc_us) < 30_000_000 && utc_us % 100_000 == 0, "the machine's own time, at whole periods");
    let text = said(&["scan", &place, "--for-s", "0.3"]);
    for part in ["stream 1, 10 frames a second", "PMU \"pmu\"", "good, clock locked", "60.02 Hz", "7200 V ∠"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let device = format!("{PMU}@{place}");
    let probed = json(&["probe", &device, "--polls", "3"]);
    let volts = entry(&probed["points"], "point", "v_v.b");
    assert_eq!((&volts["last"], &volts["within"]), (&7200.0.into(), &true.into()));
    // It turns by 0.02 Hz against nominal frequency.
    let angle = entry(&probed["points"], "point", "angle_deg.a");
    assert!(angle["high"].as_f64() > angle["low"].as_f64(), "{angle}");
    assert_eq!(probed["identity"]["stations"][0]["pmu"], "pmu");
    assert!((probed["every_ms"]["p50"].as_f64().unwrap() - 100.0).abs() < 50.0, "{probed}");
    let text = said(&["watch", &device, "--for-s", "1.2"]);
    assert!(text.contains(": up\n") && text.contains("60.02"), "{text}");
    let other = hil(&["scan", &place.replace("id=1", "id=9")]);
    assert_eq!(other.status.code(), Some(3));
    assert!(err(&other).contains("does not answer as stream 9") && err(&other).contains("?id="), "{}", err(&other));
    served.signal("-INT");
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
}

#[test]
fn faults_of_a_pmu_are_told_of() {
    let probe = |more: &[&str]| {
        let served = Peer::pmu(more);
        hil(&["probe", &format!("{PMU}@{}", served.place()), "--polls", "2"])
    };
    let output = probe(&["--fault", "0s..: nan"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("cannot be read: v_v.a"), "{}", err(&output));
    let output = probe(&["--fault", "0s..: cut"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("it closed the connection"), "{}", err(&output));
    let served = Peer::pmu(&["--set", "locked_flag=0"]);
    let text = said(&["scan", served.place(), "--for-s", "0.3"]);
    assert!(text.contains("clock not locked"), "{text}");
    // Another number than the description's, by the address.
    let served = Peer::emulated(&[PMU, "--listen", "c37118://127.0.0.1:0?id=77"]);
    let text = said(&["probe", &format!("{PMU}@{}", served.place()), "--polls", "1"]);
    assert!(text.contains("stream 77"), "{text}");
}

#[test]
fn what_is_none_is_refused_and_nobody_ends_with_3() {
    let (silent, free) = (group(43_206), TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let (pmu, slcan) = (format!("c37118://{free}"), format!("slcan://{free}"));
    let (charger_there, pmu_there) = (format!("{CHARGER}@{silent}"), format!("{PMU}@{pmu}"));
    let unknown = tempfile::tempdir().unwrap().path().join("none.dbc").display().to_string();
    let silent_scan = |more: &[&'static str]| [&["scan", &silent, "--for-s", "0.2"], more].concat();
    for (args, code, part) in [
        (silent_scan(&[]), 3, "nothing was heard in 0."),
        (vec!["scan", "can:no_such_can"], 3, "SocketCAN"),
        (vec!["scan", &slcan], 3, "refused"),
        (vec!["scan", "slcan:/dev/no_such_port"], 3, "there is no such port"),
        (vec!["scan", &pmu], 3, "no connection"),
        (vec!["probe", &pmu_there], 3, "no connection"),
        (vec!["watch", &pmu_there, "--for-s", "0.4"], 3, ""),
        (vec!["watch", &charger_there, "--for-s", "0.4"], 3, ""),
        (vec!["probe", &charger_there, "--wait-s", "0.3"], 3, "--active, which sends its safe state: p_w 0"),
        (vec!["scan", "udp://127.0.0.1:4000"], 2, "no multicast group"),
        (silent_scan(&["--dbc", "README.md"]), 2, "line 1 cannot be read"),
        (vec!["scan", &silent, "--dbc", &unknown], 2, "cannot read"),
        (silent_scan(&["--units", "1"]), 2, "--units means nothing"),
        (vec!["scan", "tcp://127.0.0.1:1", "--dbc", "chademo"], 2, "--dbc means nothing"),
        (vec!["scan", "tcp://127.0.0.1:1", "--for-s", "1"], 2, "--for-s means nothing"),
        (vec!["probe", "hil/sunspec_inverter.yaml@tcp://127.0.0.1:1", "--active"], 2, "--active means nothing"),
        (vec!["probe", "hil/charger_module.yaml@tcp://127.0.0.1:1"], 2, "is not an address"),
        (vec!["emulate", CHARGER], 2, "on which bus?"),
        (vec!["emulate", CHARGER, "--listen", "can:no_such_can"], 2, "SocketCAN"),
        (vec!["emulate", CHARGER, "--listen", "127.0.0.1:0"], 2, "is no bus"),
        (vec!["emulate", CHARGER, "--listen", &silent, "--count", "2"], 2, "--count means nothing"),
        (vec!["emulate", CHARGER, "--listen", &silent, "--fault", "1s: exception 4"], 2, "no fault"),
        (vec!["emulate", CHARGER, "--listen", &silent, "--set", "dc=1"], 2, "no point \"dc\""),
        (vec!["emulate", PMU, "--listen", "can:vcan0"], 2, "is not on CAN"),
        (vec!["emulate", PMU, "--listen", "0.0.0.0:0"], 2, "name those who may come"),
        (vec!["emulate", PMU, "--pty"], 2, "--pty means nothing"),
        (vec!["emulate", PMU, "--set", "f_hz=nan"], 2, "POINT=VALUE"),
    ] {
        let begun = Instant::now();
        let output = hil(&args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", err(&output));
        // A kernel with SocketCAN knows no such interface.
        let part = if part == "SocketCAN" && !err(&output).contains(part) { "no interface" } else { part };
        assert!(err(&output).contains(part), "{args:?}: {}", err(&output));
        assert!(begun.elapsed() < Duration::from_secs(20), "{args:?}");
    }
}

#[test]
fn garbage_on_the_bus_does_no_harm() {
    let bus = group(43_207);
    let sender = UdpSocket::bind("0.0.0.0:0").unwrap();
    let mut scan = binary();
    scan.args(["hil", "scan", &bus, "--dbc", "charger_module", "--for-s", "1.2", "--json"]);
    let scan = scan.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut own = Bus::connect(&Address::parse(&bus).unwrap()).await.unwrap();
        let status = CanId::extended(0x18E1_0101).unwrap();
        let mut state = 1_u32;
        for k in 0..150_u32 {
            // Datagrams that are no frames, frames of a wrong length, and frames of many identifiers.
            let bytes: Vec<u8> = (0..k % 90)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_be_bytes()[0]
                })
                .collect();
            let _ = sender.send_to(&bytes, "239.74.163.2:43207");
            own.send(&CanFrame::data(status, &[0xFF; 8][..(k % 9) as usize]).unwrap()).await.unwrap();
            own.send(&CanFrame::data(CanId::standard(k).unwrap(), &[k.to_be_bytes()[3]]).unwrap()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let output = scan.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(found["ids"].as_array().unwrap().len() > 20, "{found}");
    let odd = entry(&found["ids"], "message", "Status")["odd"].to_string();
    assert!(odd.contains("bytes, and 8 are declared") && odd.contains("beyond what the database says"), "{odd}");
    // A device that says nothing but garbage is told of, and not waited for without end.
    let _served = Peer::emulated(&[CHARGER, "--listen", &group(43_208), "--fault", "0s..: garbage"]);
    let output = hil(&["probe", &format!("{CHARGER}@{}", group(43_208))]);
    assert_eq!(output.status.code(), Some(3), "{}", out(&output));
    assert!(err(&output).contains("has another length"), "{}", err(&output));
}

/// Answers an adapter's or a server's commands, and says a frame again and again.
fn plays(answers: &'static [&'static str], frame: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        for answer in answers {
            stream.write_all(answer.as_bytes()).unwrap();
            let _ = stream.read(&mut [0; 64]);
        }
        while stream.write_all(frame.as_bytes()).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    port
}

#[test]
fn adapters_and_servers_are_listened_to() {
    let slcan = plays(&["", "\r", "\r"], "t1232AB01\r");
    let server = plays(&["< hi >", "< ok >", "< ok >"], "< frame 123 1.5 AB01 >");
    for address in [format!("slcan://127.0.0.1:{slcan}"), format!("socketcand://127.0.0.1:{server}/can0")] {
        let found = json(&["scan", &address, "--for-s", "0.4"]);
        let own = &found["ids"][0];
        assert_eq!((own["id"].as_u64(), &own["bytes"]), (Some(0x123), &"ab 01".into()), "{address}: {found}");
    }
    // One that hangs up.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("socketcand://{}/can0", listener.local_addr().unwrap());
    std::thread::spawn(move || drop(listener.accept()));
    let output = hil(&["scan", &address]);
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("closed") || err(&output).contains("reset"), "{}", err(&output));
}

/// The environment's python, with the packages in it.
fn python() -> PathBuf {
    support::python::with(
        "can_peer",
        &["python-can==4.6.1", "cantools==45.1.0", "msgpack==1.2.4", "synchrophasor==1.0.0a0"],
        "can, cantools, msgpack, synchrophasor.frame",
    )
}

/// A script of ours with packages that are not.
fn theirs(script: &str, args: &[&str]) -> Command {
    let mut command = Command::new(python());
    command.arg(root().join("tests").join(script)).args(args).stdin(Stdio::null());
    command
}

const CAN_PEER: &str = "oracle/can_peer.py";

#[test]
fn frames_of_python_can_are_read_as_cantools_reads_them() {
    let peer = Peer::new(theirs(CAN_PEER, &["send", "239.74.163.2", "43209"]));
    let expected: Value = serde_json::from_str(&peer.first).unwrap_or_else(|_| panic!("it said {:?}", peer.first));
    let found = json(&["scan", &group(43_209), "--dbc", "hil/can/charger_module.dbc", "--for-s", "1"]);
    let messages = expected.as_object().unwrap();
    assert_eq!(messages.len(), 7);
    let mut compared = 0;
    for (message, signals) in messages {
        let own = entry(&found["ids"], "message", message);
        for (signal, value) in signals.as_object().unwrap() {
            let (ours, theirs) =
                (entry(&own["signals"], "signal", signal)["value"].as_f64().unwrap(), value.as_f64().unwrap());
            assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0), "{message}.{signal}: {ours}, not {theirs}");
            compared += 1;
        }
    }
    assert_eq!(compared, 41);
    let plain = |id: u64| found["ids"].as_array().unwrap().iter().find(|own| own["id"] == id).unwrap();
    assert_eq!((&plain(0x123)["bytes"], &plain(0x123)["odd"][0]), (&"01 02 03".into(), &"nobody declares it".into()));
    assert!(plain(0x124)["bytes"].as_str().unwrap().starts_with("FD 00 01 02"), "{found}");
    assert!(plain(0x125)["asked_for"].as_u64().unwrap() > 5 && plain(0x125)["count"] == 0, "{found}");
    assert!(found["errors"]["bus_off"].as_u64().unwrap() > 5, "{found}");
    let text = said(&["scan", &group(43_209), "--for-s", "0.3"]);
    assert!(text.contains("went off the bus"), "{text}");
}

#[test]
fn an_emulated_charger_obeys_python_can() {
    let bus = group(43_210);
    let _served = Peer::emulated(&[CHARGER, "--listen", &bus]);
    let output = theirs(CAN_PEER, &["drive", "239.74.163.2", "43210"]).output().unwrap();
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
    assert_eq!((out(&output).lines().count(), out(&output).lines().next_back()), (7, Some("all well")));
}

#[test]
fn a_device_that_waits_to_be_spoken_to_is_not_spoken_to_unasked() {
    let (bus, file) = (group(43_211), CHARGER);
    let mut peer = Peer::new(theirs(CAN_PEER, &["shy", "239.74.163.2", "43211"]));
    assert_eq!(peer.first, "{}");
    let device = format!("{file}@{bus}");
    let quiet = hil(&["probe", &device, "--polls", "1", "--wait-s", "1"]);
    assert_eq!(quiet.status.code(), Some(3));
    assert!(err(&quiet).contains("nothing was heard") && err(&quiet).contains("--active"), "{}", err(&quiet));
    let probed = json(&["probe", &device, "--polls", "3", "--active"]);
    assert_eq!(entry(&probed["points"], "point", "dc_v")["last"], 400.0);
    let mut told = String::new();
    peer.said.read_line(&mut told).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    let [enable, power] = ["Enable", "PowerSetPoint"].map(|name| told["told"][name].as_f64().unwrap());
    assert_eq!((enable, power), (0.0, 0.0), "its safe state");
    assert!(told["times"].as_u64().unwrap() < 3, "nothing came before it was asked for: {told}");
}

#[test]
fn a_pmu_that_others_wrote_is_scanned() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = theirs("synchrophasor_peer/pmu.py", &[&port.to_string(), "integer"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = hil(&["scan", &format!("c37118://127.0.0.1:{port}?id=7734"), "--for-s", "0.6", "--json"]);
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status();
    let _ = child.wait();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let station = &found["stations"][0];
    assert_eq!((&station["pmu"], &found["data_rate"]), (&"Station A".into(), &25.into()));
    assert_eq!(found["header"], "a PMU that others wrote");
    let va = entry(&station["phasors"], "phasor", "VA");
    assert!((va["magnitude"].as_f64().unwrap() - 14_635.0 * 9.155_27).abs() < 1e-3, "{va}");
    assert_eq!(entry(&station["analogs"], "analog", "ANALOG1")["value"], 100.5);
    assert!(
        (station["f_hz"].as_f64().unwrap() - 59.988).abs() < 1e-6 && station["digitals"][0]["word"] == 0x3C12,
        "{station}"
    );
}
