//! Captures as Wireshark's tshark reads them: Modbus/TCP, Modbus RTU, CAN, and a session of synchrophasors.
//!
//! It needs tshark (Debian package `tshark`), and fails without it.
#![cfg(feature = "hil")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use phasorbench::link::capture::{CanFrame, Clock, Direction, Recorder, Tap, Tapped};
use phasorbench::link::port::{Directive, LinkState, port};
use phasorbench::link::synchrophasor::{
    Config, Format, Phasor, PhasorChannel, Place, Reading, Server, Settings, Stat, Station, TimeQuality, Unit,
    WantedPhasor, WantedStation, run,
};
use tokio::time::{Instant, sleep};

const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

/// A capture in a folder of its own.
struct Capture {
    path: PathBuf,
    recorder: Recorder,
    _folder: tempfile::TempDir,
}

fn capture(session_us: impl Fn() -> u64 + Send + Sync + 'static) -> Capture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("links.pcapng");
    let out = BufWriter::new(File::create(&path).unwrap());
    let recorder = Recorder::direct(out, Clock::from_epoch(EPOCH_NS, session_us)).unwrap();
    Capture { path, recorder, _folder: folder }
}

/// Fields of the packets that a filter passes: a line each, fields parted by `|`.
fn tshark(path: &Path, options: &[&str], filter: &str, fields: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path).args(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]);
    command.args(options).args(["-Y", filter, "-T", "fields", "-E", "separator=|"]);
    command.args(fields.iter().flat_map(|field| ["-e", field]));
    let said = command.output().expect("tshark (Debian package `tshark`)");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Nothing in it is malformed, has a wrong checksum, or makes TCP's analysis wonder.
fn assert_clean(path: &Path, options: &[&str]) {
    let filter = "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0 || tcp.analysis.flags \
                  || synphasor.checksum.status == 0";
    let odd = tshark(path, options, filter, &["frame.number", "_ws.expert.message", "_ws.col.Info"]);
    assert!(odd.is_empty(), "{odd:#?}");
}

/// Read 3 holding registers from 107 on, as the Modbus specification's example has it (V1.1b3, 6.3).
const REQUEST: [u8; 12] = [0, 1, 0, 0, 0, 6, 17, 3, 0, 107, 0, 3];
const RESPONSE: [u8; 15] = [0, 1, 0, 0, 0, 9, 17, 3, 6, 2, 0x2B, 0, 0, 0, 100];

#[test]
fn a_modbus_exchange_is_dissected() {
    for (local, remote, options) in [
        ("192.0.2.1:40000", "192.0.2.9:502", &[][..]),
        ("[2001:db8::1]:40000", "[2001:db8::9]:1502", &["-o", "mbtcp.tcp.port:1502"][..]),
    ] {
        let capture = capture(|| 2500);
        let tap = Tap::new(&capture.recorder, "meter", remote);
        tap.connected(local.parse().unwrap(), remote.parse().unwrap());
        tap.stream(Direction::Sent, &REQUEST);
        // The answer in two reads, as a stream may be cut.
        tap.stream(Direction::Received, &RESPONSE[..9]);
        tap.stream(Direction::Received, &RESPONSE[9..]);
        tap.closed();
        assert_eq!(capture.recorder.end().written, 9);
        assert_clean(&capture.path, options);
        let fields = ["mbtcp.trans_id", "mbtcp.unit_id", "modbus.func_code", "tcp.srcport", "frame.interface_name"];
        let seen = tshark(&capture.path, options, "modbus", &fields);
        let device = remote.rsplit(':').next().unwrap();
        assert_eq!(seen, ["1|17|3|40000|meter".to_owned(), format!("1|17|3|{device}|meter")]);
        let registers = tshark(&capture.path, options, "modbus.regval_uint16", &["modbus.regval_uint16"]);
        assert_eq!(registers, ["555,0,100"]);
        let times = tshark(&capture.path, options, "modbus", &["frame.time_epoch", "frame.comment"]);
        assert_eq!(times[0], "1700000000.002500000|session_us=2500");
    }
}

#[test]
fn can_frames_are_dissected() {
    let capture = capture(|| 1);
    let bus = Tap::new(&capture.recorder, "bus", "can:vcan0");
    bus.can(&CanFrame { id: 0x123, data: &[1, 2, 3], ..CanFrame::default() });
    bus.can(&CanFrame { id: 0x18FF_50E5, extended: true, data: &[0xAB; 8], ..CanFrame::default() });
    bus.can(&CanFrame { id: 0x55, remote: true, ..CanFrame::default() });
    bus.can(&CanFrame { id: 0x77, fd: Some(true), data: &[7; 12], ..CanFrame::default() });
    capture.recorder.end();
    assert_clean(&capture.path, &[]);
    let seen = tshark(&capture.path, &[], "can || canfd", &["can.id", "can.flags.xtd", "can.flags.rtr", "can.len"]);
    let numbers = [(0x123, 0, 0, 3), (0x18FF_50E5, 1, 0, 8), (0x55, 0, 1, 0)];
    for (line, (id, extended, remote, length)) in seen.iter().zip(numbers) {
        assert_eq!(line, &format!("{id}|{extended}|{remote}|{length}"));
    }
    assert_eq!(seen.len(), 4);
    assert!(seen[3].starts_with("119|0|"), "{}", seen[3]);
}

#[test]
fn serial_modbus_is_dissected_as_the_page_says() {
    let page = include_str!("../docs/models/capture.md");
    let table = r#"uat:user_dlts:"User 0 (DLT=147)","mbrtu","1","","0","""#;
    assert!(page.contains(table), "docs/models/capture.md says how");
    let capture = capture(|| 1);
    let line = Tap::new(&capture.recorder, "line", "rtu:///dev/ttyUSB0?baud=9600");
    // Unit 17, read 3 registers from 107 on, with the specification's check word 0x8776.
    line.serial(Direction::Sent, &[17, 3, 0, 107, 0, 3, 0x76, 0x87]);
    line.serial(Direction::Received, &[17, 3, 6, 2, 0x2B, 0, 0, 0, 100, 0xC8, 0xBA]);
    capture.recorder.end();
    let options = ["-o", table];
    assert_clean(&capture.path, &options);
    let seen = tshark(&capture.path, &options, "mbrtu", &["mbrtu.unit_id", "modbus.func_code"]);
    assert_eq!(seen, ["17|3", "17|3"]);
}

fn config() -> Config {
    let phasor = |name: &str, unit| PhasorChannel { name: name.into(), unit, scale: 0.01, turn_rad: 0.0, component: 4 };
    let station = |name: &str, id, format| Station {
        name: name.into(),
        id,
        format,
        phasors: vec![phasor("VA", Unit::Volt), phasor("IA", Unit::Ampere)],
        analogs: Vec::new(),
        digitals: Vec::new(),
        nominal_hz: 50,
        change_count: 1,
        place: Place::default(),
    };
    let floats = Format { polar: true, phasors_float: true, analogs_float: true, frequency_float: true };
    let stations = vec![station("bus 632", 632, Format::default()), station("bus 671", 671, floats)];
    Config { id: 7, time_base: 1_000_000, stations, data_rate: 50 }
}

/// Half a second of our client and our server, tapped in between.
async fn session(cfg3: bool) -> Capture {
    let begin = Instant::now();
    let session_us = move || u64::try_from(begin.elapsed().as_micros()).unwrap();
    let capture = capture(session_us);
    let server = Server::new(config(), "a bench".into()).unwrap();
    let tap = Tap::new(&capture.recorder, "pmu", "c37118://192.0.2.9:4712?id=7");
    let phasors = vec![WantedPhasor { name: "VA".into(), unit: Unit::Volt }];
    let mut settings = Settings::new(7, vec![WantedStation { name: Some("bus 671".into()), phasors }]);
    if cfg3 {
        settings.configuration = phasorbench::link::synchrophasor::ConfigKind::Cfg3;
    }
    let (own, end) = port(settings.points().len(), 0);
    let serving = server.clone();
    let connect = move || {
        let (ours, theirs) = tokio::io::duplex(4096);
        let server = serving.clone();
        tokio::spawn(async move { server.serve(theirs).await });
        tap.connected("192.0.2.1:40001".parse().unwrap(), "192.0.2.9:4712".parse().unwrap());
        std::future::ready(Ok(Tapped::new(ours, tap.clone())))
    };
    let client = tokio::spawn(run(settings, connect, end, session_us));
    let feeding = tokio::spawn(async move {
        let measure = |_| {
            let phasors = vec![Phasor::degrees(231.0, 30.0), Phasor::degrees(10.0, 0.0)];
            let (f_hz, rocof_hz_s, analogs, digitals) = (50.02, 0.0, Vec::new(), Vec::new());
            let reading = Reading { stat: Stat(0), phasors, f_hz, rocof_hz_s, analogs, digitals };
            Some((TimeQuality(0), vec![reading.clone(), reading]))
        };
        server.feed(EPOCH_NS / 1000, measure).await;
    });
    sleep(Duration::from_millis(505)).await;
    assert_eq!(own.state(), LinkState::Up);
    own.direct(Directive::End);
    assert!(client.await.unwrap().published > 20);
    feeding.abort();
    capture.recorder.end();
    capture
}

#[tokio::test(start_paused = true)]
async fn a_session_of_synchrophasors_is_dissected() {
    let capture = session(false).await;
    assert_clean(&capture.path, &[]);
    let commands = tshark(&capture.path, &[], "synphasor.command", &["synphasor.command"]);
    assert_eq!(commands, ["0x0001", "0x0005", "0x0002", "0x0001"], "off, CFG-2, on, off");
    let about = ["synphasor.conf.numpmu", "synphasor.idcode_stream_source", "synphasor.rate_of_transmission"];
    assert_eq!(tshark(&capture.path, &[], "synphasor.conf.numpmu", &about), ["2|7|50"]);
    let fields = ["synphasor.phasor", "synphasor.actual_frequency_value", "synphasor.frequency_deviation_from_nominal"];
    let data = tshark(&capture.path, &[], "synphasor.phasor", &fields);
    assert!(data.len() > 20, "{}", data.len());
    for line in &data {
        assert!(line.matches("VA").count() == 2 && line.ends_with("|50.02|20"), "{line}");
    }
    let text = Command::new("tshark").args(["-n", "-V", "-r"]).arg(&capture.path).output().unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let voltages: Vec<&str> =
        text.lines().filter(|line| line.contains("\"VA ") && line.contains("∠ 30.000°")).collect();
    let with = |magnitude: &str| voltages.iter().filter(|line| line.contains(magnitude)).count();
    // As integers 20,005 + j11,550 steps of 0.01 V, as floats what was given.
    assert_eq!((with(" 230.998V"), with(" 231.000V"), voltages.len()), (data.len(), data.len(), 2 * data.len()));
}

#[tokio::test(start_paused = true)]
async fn a_cfg3_is_dissected() {
    let capture = session(true).await;
    assert_clean(&capture.path, &[]);
    let fields = ["synphasor.conf.numpmu", "synphasor.station_name", "synphasor.conf.phasor_scale_factor"];
    let about = tshark(&capture.path, &[], "synphasor.conf.contindx", &fields);
    assert_eq!(about, ["2|bus 632,bus 671|0.01,0.01,0.01,0.01"]);
    let data = tshark(&capture.path, &[], "synphasor.phasor", &["synphasor.actual_frequency_value"]);
    assert!(data.len() > 20 && data.iter().all(|line| line == "50.02"), "{data:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_run_again_is_the_same_file() {
    let (first, second) = (session(false).await, session(false).await);
    assert_eq!(std::fs::read(&first.path).unwrap(), std::fs::read(&second.path).unwrap());
}
