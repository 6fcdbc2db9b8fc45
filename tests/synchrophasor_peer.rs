//! Synchrophasors with a peer that we did not write: the PyPI package `synchrophasor` (pyPMU), both ways, over TCP.
//!
//! It needs python3 with venv and the package index; it fails where they are missing. Limits: the package writes frames of
//! 2005 alone, has no CFG-3, and reads frequencies as integers only, so that floating ones are not tried here.
#![cfg(all(feature = "hil", unix))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "support/python.rs"]
mod packages;

use std::net::TcpListener as StdListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use phasorbench::link::port::{Directive, LinkState, port};
use phasorbench::link::synchrophasor::{
    Analog, Config, Counts, Digital, Format, Phasor, PhasorChannel, Place, Reading, Server, Settings, Stat, Station,
    TimeQuality, Unit, WantedPhasor, WantedStation, run,
};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// The environment's python, with the packages in it.
fn python() -> PathBuf {
    packages::with("synchrophasor_peer", &["synchrophasor==1.0.0a0"], "synchrophasor.frame")
}

fn script(name: &str) -> Command {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/synchrophasor_peer").join(name);
    let mut command = Command::new(python());
    command.arg(path).stdin(Stdio::null());
    command
}

/// A process that does not outlive the test, nor do those that it starts for each client.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wanted(names: [(&str, Unit); 2]) -> Vec<WantedStation> {
    let phasors = names.map(|(name, unit)| WantedPhasor { name: name.into(), unit }).to_vec();
    vec![WantedStation { name: Some("Station A".into()), phasors }]
}

/// Reads their PMU until there are so many samples: values by sample, with their origins.
async fn read_theirs(form: &str, samples: usize) -> (Vec<(u64, Vec<f64>)>, Counts) {
    let at = free_port();
    let mut theirs = script("pmu.py");
    theirs.args([&at.to_string(), form]).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let _peer = Peer(theirs.spawn().unwrap());
    let settings = Settings::new(7734, wanted([("VA", Unit::Volt), ("I1", Unit::Ampere)]));
    let points = settings.points().len();
    let (mut own, end) = port(points, 0);
    let begin = Instant::now();
    let clock = move || u64::try_from(begin.elapsed().as_micros()).unwrap();
    let client = tokio::spawn(run(settings, move || TcpStream::connect(("127.0.0.1", at)), end, clock));
    let mut seen = Vec::new();
    while seen.len() < samples {
        assert!(begin.elapsed() < Duration::from_secs(60), "{:?}: {:?}", own.state(), own.trouble());
        sleep(Duration::from_millis(2)).await;
        let mut values = vec![0.0; points];
        if let Some(stamp) = own.take(&mut values) {
            assert_eq!(own.state(), LinkState::Up);
            seen.push((stamp.origin_us, values));
        }
    }
    own.direct(Directive::End);
    (seen, client.await.unwrap())
}

#[tokio::test]
async fn their_pmu_with_integers() {
    let (seen, counts) = read_theirs("integer", 20).await;
    for (_, values) in &seen {
        // 14,635 · 9.15527 V; 1092 · 0.45776 A; 60 Hz − 12 mHz; 0.03 Hz/s.
        let expected = [14_635.0 * 9.155_27, 0.0, 1092.0 * 0.457_76, 0.0, 59.988, 0.03, 1.0, 1.0, 0.0];
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{values:?}");
        }
    }
    assert_eq!((counts.damaged, counts.misfits, counts.foreign), (0, 0, 0));
}

#[tokio::test]
async fn their_pmu_with_polar_floats() {
    let (seen, _) = read_theirs("polar", 30).await;
    let mut steps = Vec::new();
    for pair in seen.windows(2) {
        assert!(pair[1].0 > pair[0].0, "time goes on");
        steps.push((pair[1].1[1] - pair[0].1[1] + 720.0) % 360.0);
    }
    let one = steps.iter().filter(|step| (**step - 0.999).abs() < 0.01).count();
    assert!(one * 10 >= steps.len() * 8, "a degree a frame: {steps:?}");
    let (_, values) = &seen[0];
    assert!((values[0] - 230.5).abs() < 1e-4 && (values[2] - 5.25).abs() < 1e-6, "{values:?}");
    assert!((values[3] - 0.5_f64.to_degrees()).abs() < 1e-4);
}

fn config(format: Format) -> Config {
    let phasor =
        |name: &str, unit, scale| PhasorChannel { name: name.into(), unit, scale, turn_rad: 0.0, component: 0 };
    let station = Station {
        name: "bus 671".into(),
        id: 77,
        format,
        phasors: vec![phasor("VA", Unit::Volt, 0.25), phasor("IA", Unit::Ampere, 0.031_25)],
        analogs: vec![Analog { name: "P".into(), kind: 1, scale: 1.0, offset: 0.0 }],
        digitals: vec![Digital { names: (0..16).map(|k| format!("BIT {k}")).collect(), normal: 0, valid: 0xFFFF }],
        nominal_hz: 50,
        change_count: 3,
        place: Place::default(),
    };
    Config { id: 77, time_base: 1_000_000, stations: vec![station], data_rate: 20 }
}

/// What their PDC says of our server: a line of the configuration, one for each frame.
async fn read_by_theirs(format: Format) -> Vec<serde_json::Value> {
    let server = Server::new(config(format), "a bench".into()).unwrap();
    let listener = Server::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().port();
    let listening = server.clone();
    let listening = tokio::spawn(async move { listening.listen(listener, &[]).await });
    let feeding = server.clone();
    let feeding = tokio::spawn(async move {
        let measure = |_| {
            let phasors = vec![Phasor::degrees(230.0, 120.0), Phasor::degrees(12.5, -30.0)];
            let (f_hz, rocof_hz_s) = (49.95, 0.1);
            let reading = Reading { stat: Stat(0), phasors, f_hz, rocof_hz_s, analogs: vec![321.0], digitals: vec![9] };
            Some((TimeQuality(0), vec![reading]))
        };
        feeding.feed(1_700_000_000_000_000, measure).await;
    });
    python();
    let said = tokio::task::spawn_blocking(move || script("pdc.py").args([&at.to_string(), "77", "10"]).output());
    let said = timeout(Duration::from_secs(90), said).await.expect("in time").unwrap().unwrap();
    listening.abort();
    feeding.abort();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let text = String::from_utf8(said.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")));
    lines.collect()
}

#[tokio::test]
async fn their_pdc_reads_our_server() {
    let integers = Format::default();
    let polar = Format { polar: true, phasors_float: true, analogs_float: true, frequency_float: false };
    for format in [integers, polar] {
        let lines = read_by_theirs(format).await;
        let about = &lines[0];
        // The package shows the header's bytes as Python does.
        assert_eq!((&about["header"], &about["station"]), (&"b'a bench'".into(), &"bus 671".into()));
        assert_eq!((&about["id"], &about["rate"], &about["nominal"]), (&77.into(), &20.into(), &50.into()));
        assert_eq!((&about["names"][1], &about["changes"]), (&"IA".into(), &3.into()));
        assert_eq!(about["units"], serde_json::json!([[25_000, "v"], [3125, "i"]]));
        assert_eq!(lines.len(), 11);
        let times: Vec<f64> = lines[1..].iter().map(|line| line["time"].as_f64().unwrap()).collect();
        assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - 0.05).abs() < 1e-6), "{times:?}");
        for line in &lines[1..] {
            let read = &line["measurements"][0];
            let number = |value: &serde_json::Value| value.as_f64().unwrap();
            assert!((number(&read["phasors"][0][0]) - 230.0).abs() < 0.2, "{read}");
            assert!((number(&read["phasors"][0][1]).to_degrees() - 120.0).abs() < 0.1, "{read}");
            assert!((number(&read["phasors"][1][0]) - 12.5).abs() < 0.03, "{read}");
            assert!((number(&read["phasors"][1][1]).to_degrees() + 30.0).abs() < 0.2, "{read}");
            assert!((number(&read["frequency"]) - 49.95).abs() < 1e-9, "{read}");
            assert_eq!((&read["stat"], &read["digital"][0]), (&"ok".into(), &9.into()), "{read}");
            assert_eq!((number(&read["rocof"]), number(&read["analog"][0])), (10.0, 321.0), "hundredths of a Hz/s");
        }
    }
}
