//! The client against the server over streams in memory, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::super::client::{Counts, Settings, WantedPhasor, WantedStation, run};
use super::super::config::{Config, Unit};
use super::super::data::{Phasor, Reading};
use super::super::frame::{Body, Command, ConfigKind, Frame, Time, TimeQuality, Version};
use super::super::server::{Departure, Fault, Server};
use super::super::stat::Unlocked;
use super::{config, reading};
use crate::link::port::{Directive, LinkState, LoopEnd, Stamp, port};

const UTC: u64 = 1_700_000_000_000_000;
const MAGNITUDE: usize = 0;
const ANGLE: usize = 1;
const FREQUENCY: usize = 2;
const VALID: usize = 4;
const LOCKED: usize = 5;
const QUALITY: usize = 6;

struct Bench {
    server: Server,
    own: LoopEnd,
    client: JoinHandle<Counts>,
    begin: Instant,
    connected: Arc<Mutex<u64>>,
}

fn settings() -> Settings {
    let phasors = vec![WantedPhasor { name: "VA".into(), unit: Unit::Volt }];
    Settings::new(7, vec![WantedStation { name: Some("PMU 4".into()), phasors }])
}

/// The k-th frame's values: each frame has another angle.
fn readings(k: u64) -> Vec<Reading> {
    let phasors = vec![Phasor::degrees(230.0, k as f64), Phasor::degrees(16.0, 0.0)];
    vec![Reading { phasors, ..reading() }; 4]
}

fn bench(settings: Settings) -> Bench {
    let server = Server::new(config(), "a PMU".into()).unwrap();
    let (own, end) = port(settings.points().len(), 0);
    let (begin, connected) = (Instant::now(), Arc::new(Mutex::new(0)));
    let (serving, count) = (server.clone(), Arc::clone(&connected));
    let connect = move || {
        let (ours, theirs) = duplex(4096);
        let server = serving.clone();
        *count.lock().unwrap() += 1;
        tokio::spawn(async move { server.serve(theirs).await });
        std::future::ready(Ok(ours))
    };
    let clock = move || u64::try_from((Instant::now() - begin).as_micros()).unwrap();
    let client = tokio::spawn(run(settings, connect, end, clock));
    let feeding = server.clone();
    tokio::spawn(async move {
        let mut k = 0;
        let measure = move |_| {
            k += 1;
            Some((TimeQuality(0), readings(k - 1)))
        };
        feeding.feed(UTC, measure).await;
    });
    Bench { server, own, client, begin, connected }
}

impl Bench {
    /// Takes what is new at each ms for so long: stamps with values.
    async fn watch(&mut self, ms: u64) -> Vec<(Stamp, Vec<f64>, LinkState)> {
        let mut seen = Vec::new();
        for _ in 0..ms {
            sleep(Duration::from_millis(1)).await;
            let mut values = vec![0.0; 7];
            if let Some(stamp) = self.own.take(&mut values) {
                seen.push((stamp, values, self.own.state()));
            }
        }
        seen
    }

    async fn end(self) -> Counts {
        self.own.direct(Directive::End);
        self.client.await.unwrap()
    }

    fn trouble(&self) -> String {
        self.own.trouble().unwrap_or_default()
    }
}

#[tokio::test(start_paused = true)]
async fn each_frame_is_one_sample() {
    let mut bench = bench(settings());
    assert_eq!(bench.own.state(), LinkState::Connecting);
    let seen = bench.watch(1000).await;
    assert!((48..=50).contains(&seen.len()), "{}", seen.len());
    for pair in seen.windows(2) {
        assert_eq!(pair[1].0.origin_us - pair[0].0.origin_us, 20_000);
        assert!((pair[1].1[ANGLE] - pair[0].1[ANGLE] - 1.0).abs() < 1e-4, "no frame is missing");
    }
    let (stamp, values, state) = &seen[0];
    assert_eq!((*state, stamp.sequence, stamp.origin_us), (LinkState::Up, 1, stamp.received_us));
    assert!((values[MAGNITUDE] - 230.0).abs() < 1e-4 && (values[FREQUENCY] - 49.98).abs() < 1e-5);
    assert_eq!(values[VALID..], [1.0, 1.0, 0.0]);
    let names = ["VA.v_v", "VA.angle_deg", "f_hz", "rocof_hz_s", "valid", "locked", "time_quality"];
    assert_eq!(settings().points(), names.map(|name| format!("PMU 4.{name}")));
    let server = bench.server.clone();
    let counts = bench.end().await;
    let good = Counts { connections: 1, configurations: 1, published: counts.published, ..Counts::default() };
    assert_eq!((counts, server.counts().commands), (good, 4), "off, configuration, on, off");
}

#[tokio::test(start_paused = true)]
async fn the_same_run_again_is_the_same() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut bench = bench(settings());
        bench.server.script(10, Fault::Garbage(100), 3);
        bench.server.script(20, Fault::Half, 2);
        bench.server.script(30, Fault::Close, 1);
        let seen = bench.watch(1500).await;
        let end = (bench.begin.elapsed(), bench.end().await);
        runs.push((format!("{seen:?}"), end));
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn disturbed_frames_cost_no_more_than_themselves() {
    let mut bench = bench(settings());
    bench.server.script(10, Fault::BadCheck, 2);
    bench.server.script(20, Fault::Half, 1);
    bench.server.script(30, Fault::Garbage(300), 1);
    let seen = bench.watch(1000).await;
    let angles: Vec<i64> = seen.iter().map(|(_, values, _)| values[ANGLE].round() as i64).collect();
    let expected: Vec<i64> = (angles[0]..=angles[angles.len() - 1]).filter(|k| ![10, 11, 20].contains(k)).collect();
    assert_eq!(angles, expected);
    let counts = bench.end().await;
    assert!(counts.damaged >= 3 && counts.garbage > 0 && counts.connections == 1, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_device_is_down_and_none_of_it_is_published_twice() {
    let mut bench = bench(settings());
    bench.server.script(10, Fault::Freeze, 150);
    let seen = bench.watch(1000).await;
    assert_eq!(seen.len(), 10 - usize::try_from(seen[0].1[ANGLE].round() as i64).unwrap());
    let later = bench.watch(1500).await;
    assert!(later.is_empty(), "{later:?}");
    assert_eq!(bench.own.state(), LinkState::Down);
    assert!(bench.trouble().contains("no new data for 1000 ms"), "{}", bench.trouble());
    let back = bench.watch(1500).await;
    assert!(back[0].1[ANGLE].round() as i64 >= 160 && bench.own.state() == LinkState::Up);
    let counts = bench.end().await;
    assert!(counts.duplicates > 50 && counts.jumps == 0, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn another_stream_is_wrong() {
    let mut bench = bench(Settings { id: 8, ..settings() });
    bench.watch(2500).await;
    assert_eq!(bench.own.state(), LinkState::Connecting, "who is not spoken to does not answer");
    assert!(bench.trouble().contains("no configuration after 3"), "{}", bench.trouble());
    let mut other = bench_with_id_in_mid_stream();
    let seen = other.watch(300).await;
    assert_eq!((seen.len(), other.own.state()), (10 - first_frame(&seen), LinkState::Wrong));
    assert!(other.trouble().contains("data of stream 9 instead of 7"), "{}", other.trouble());
    assert!(!other.watch(500).await.is_empty());
    assert_eq!(other.own.state(), LinkState::Up, "it was only 10 frames");
    assert_eq!(other.end().await.foreign, 10);
}

fn bench_with_id_in_mid_stream() -> Bench {
    let bench = bench(settings());
    bench.server.script(10, Fault::WrongId(9), 10);
    bench
}

fn first_frame(seen: &[(Stamp, Vec<f64>, LinkState)]) -> usize {
    seen[0].1[ANGLE].round() as usize
}

#[tokio::test(start_paused = true)]
async fn a_configuration_of_another_stream_is_wrong() {
    let (mut theirs, ours) = duplex(4096);
    let (own, end) = port(settings().points().len(), 0);
    let mut once = Some(ours);
    let connect = move || std::future::ready(once.take().ok_or_else(|| std::io::Error::other("only once")));
    let client = tokio::spawn(run(settings(), connect, end, || 0));
    let other = Config { id: 9, ..config() };
    let body = Body::Config(ConfigKind::Cfg2, other);
    let frame = Frame { version: Version::V2011, id: 9, time: Time::default(), body };
    theirs.write_all(&frame.encode().unwrap()).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    assert_eq!(own.state(), LinkState::Wrong);
    assert!(own.trouble().unwrap().contains("stream is 9, not 7"));
    own.direct(Directive::End);
    assert_eq!(client.await.unwrap().published, 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_leaves_the_meaning_goes_on() {
    let mut bench = bench(settings());
    bench.watch(990).await;
    // One phasor more before ours, another way of writing: the frames' size changes.
    let mut changed = config();
    let extra = super::channel("VX", Unit::Volt, 1.0);
    changed.stations[3].phasors.insert(0, extra);
    changed.stations[3].phasors.pop();
    changed.stations[0].digitals.clear();
    bench.server.reconfigure(changed).unwrap();
    let published = bench.server.counts().published;
    let mut sent: Vec<Reading> = readings(0);
    sent[3].phasors = vec![Phasor::degrees(1.0, 0.0), Phasor::degrees(231.0, 77.0)];
    sent[0].digitals.clear();
    let feeding = bench.server.clone();
    let feeder = tokio::spawn(async move {
        let from = UTC + published * 20_000;
        feeding.feed(from, move |_| Some((TimeQuality(0), sent.clone()))).await;
    });
    let seen = bench.watch(500).await;
    feeder.abort();
    let good: Vec<_> = seen.iter().filter(|(_, values, _)| (values[ANGLE] - 77.0).abs() < 1e-3).collect();
    assert!(good.len() > 15 && seen.len() == good.len(), "{} of {}", good.len(), seen.len());
    assert!(good.iter().all(|(_, values, state)| (values[MAGNITUDE] - 231.0).abs() < 1e-3 && *state == LinkState::Up));
    let counts = bench.end().await;
    assert!(counts.misfits >= 1 && counts.configurations == 2 && counts.connections == 1, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_meaning_stays_wrong() {
    let gone = |config: &mut Config| config.stations[3].phasors[0].name = "VB".into();
    let current = |config: &mut Config| config.stations[3].phasors[0].unit = Unit::Ampere;
    let slower = |config: &mut Config| config.data_rate = 25;
    type Change = fn(&mut Config);
    let changes: [(Change, &str); 3] =
        [(gone, "no phasor `VA`"), (current, "is a current, not a voltage"), (slower, "rate 50")];
    for (change, message) in changes {
        let mut bench = bench(settings());
        bench.watch(600).await;
        assert_eq!(bench.own.state(), LinkState::Up);
        let mut changed = config();
        change(&mut changed);
        bench.server.script(0, Fault::ConfigChange, 10_000);
        bench.server.reconfigure(changed).unwrap();
        bench.watch(100).await;
        let seen = bench.watch(3000).await;
        assert!(seen.is_empty(), "{seen:?}");
        assert_eq!(bench.own.state(), LinkState::Wrong);
        assert!(bench.trouble().contains(message), "{}", bench.trouble());
        bench.server.reconfigure(config()).unwrap();
        assert!(!bench.watch(1500).await.is_empty());
        assert_eq!(bench.own.state(), LinkState::Up, "as it was again");
    }
}

#[tokio::test(start_paused = true)]
async fn word_of_a_change_has_it_read_when_it_comes_and_when_it_goes() {
    let mut bench = bench(settings());
    bench.server.script(40, Fault::ConfigChange, 5);
    let seen = bench.watch(1600).await;
    assert!(seen.iter().all(|(.., state)| *state == LinkState::Up) && seen.len() > 75, "data go on");
    let counts = bench.end().await;
    assert_eq!((counts.configurations, counts.connections), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_clock_step_is_wrong_for_a_frame() {
    for step in [5, -5] {
        let mut bench = bench(settings());
        bench.server.script(25, Fault::ClockStep(step), 10_000);
        let seen = bench.watch(1000).await;
        let odd: Vec<_> = seen.iter().filter(|(.., state)| *state == LinkState::Wrong).collect();
        assert_eq!(odd.len(), 1, "{step}");
        assert!(odd[0].1.iter().all(|value| value.is_nan()));
        for pair in seen.windows(2) {
            assert_eq!(pair[1].0.origin_us - pair[0].0.origin_us, 20_000, "origins go on");
        }
        assert!(bench.trouble().contains("clock jumped") && bench.own.state() == LinkState::Up);
        assert_eq!(bench.end().await.jumps, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_source_of_time_counts_beyond_the_limit() {
    for (limit, lost, valid) in [
        (Unlocked::Under10s, Unlocked::Under10s, true),
        (Unlocked::Under10s, Unlocked::Under100s, false),
        (Unlocked::Under1000s, Unlocked::Under1000s, true),
        (Unlocked::Under1000s, Unlocked::Longer, false),
    ] {
        let mut bench = bench(Settings { unlocked: limit, ..settings() });
        bench.server.script(25, Fault::SyncLost(lost), 10_000);
        let seen = bench.watch(1000).await;
        let (_, values, state) = seen.last().unwrap();
        assert_eq!((values[LOCKED], values[VALID] == 1.0, *state), (0.0, valid, LinkState::Up), "{limit:?} {lost:?}");
        assert_eq!((values[ANGLE].is_finite(), values[FREQUENCY].is_finite()), (valid, valid));
        assert_eq!(seen[0].1[LOCKED], 1.0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_and_a_bad_clock_leave_no_values() {
    let mut bench = bench(settings());
    bench.server.script(25, Fault::Error, 10);
    let seen = bench.watch(690).await;
    let invalid = seen.iter().filter(|(_, values, _)| values[VALID] == 0.0);
    assert_eq!(invalid.clone().count(), 10);
    assert!(invalid.clone().all(|(_, values, _)| values[..4].iter().all(|value| value.is_nan())));
    let published = bench.server.counts().published;
    // 1 ms is beyond the limit of 100 µs; the numbers' own quality is a point.
    bench.server.publish(UTC + published * 20_000 - 10_000, TimeQuality(7), &readings(0)).unwrap();
    let seen = bench.watch(5).await;
    assert_eq!(seen[0].1[VALID..], [0.0, 1.0, 7.0]);
    assert!(seen[0].1[MAGNITUDE].is_nan() && seen[0].1[QUALITY] == 7.0);
}

#[tokio::test(start_paused = true)]
async fn delay_shows_in_the_stamps_and_late_frames_are_dropped() {
    let mut bench = bench(settings());
    bench.server.script(25, Fault::Delay(Duration::from_millis(7)), 5);
    let seen = bench.watch(990).await;
    let delays: Vec<u64> = seen.iter().map(|(stamp, ..)| stamp.received_us - stamp.origin_us).collect();
    // Less what the clocks may have drifted meanwhile.
    assert_eq!(delays.iter().filter(|delay| (6_900..=7_000).contains(*delay)).count(), 5, "{delays:?}");
    let published = bench.server.counts().published;
    bench.server.publish(UTC + (published - 3) * 20_000, TimeQuality(0), &readings(0)).unwrap();
    assert!(bench.watch(5).await.is_empty());
    assert_eq!(bench.end().await.late, 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_comes_back() {
    let mut bench = bench(settings());
    bench.server.script(25, Fault::Close, 1);
    bench.server.script(50, Fault::Silent, 75);
    let seen = bench.watch(900).await;
    let gap = seen.windows(2).map(|pair| pair[1].0.received_us - pair[0].0.received_us).max().unwrap();
    assert!((60_000..=120_000).contains(&gap), "back after 50 ms: {gap}");
    bench.watch(1200).await;
    assert_eq!(bench.own.state(), LinkState::Down, "silent for 1 s");
    bench.watch(1000).await;
    assert_eq!(bench.own.state(), LinkState::Up);
    assert!(*bench.connected.lock().unwrap() >= 3);
}

#[tokio::test(start_paused = true)]
async fn it_tries_less_and_less_often() {
    let tries = Arc::new(Mutex::new(Vec::new()));
    let (own, end) = port(settings().points().len(), 0);
    let (begin, noted) = (Instant::now(), Arc::clone(&tries));
    let connect = move || {
        noted.lock().unwrap().push((Instant::now() - begin).as_millis());
        std::future::ready(Err::<DuplexStream, _>(std::io::Error::other("refused")))
    };
    let client = tokio::spawn(run(settings(), connect, end, || 0));
    sleep(Duration::from_millis(2000)).await;
    assert_eq!(own.state(), LinkState::Connecting);
    drop(own);
    client.await.unwrap();
    let tries = tries.lock().unwrap();
    let pauses: Vec<u128> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses, [50, 100, 200, 400, 500, 500]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_dropped_and_others_are_not() {
    let server = Server::new(config(), "a PMU".into()).unwrap();
    let (ours, theirs) = duplex(512);
    let serving = server.clone();
    let slow = tokio::spawn(async move { serving.serve(theirs).await });
    let mut quick = bench_of(&server);
    let mut ours = ours;
    let body = Body::Command(Command::DataOn);
    let on = Frame { version: Version::V2011, id: 7, time: Time::default(), body }.encode().unwrap();
    ours.write_all(&on).await.unwrap();
    quick.write_all(&on).await.unwrap();
    let reader = tokio::spawn(async move {
        let (mut block, mut bytes) = ([0; 4096], 0);
        while let Ok(count @ 1..) = quick.read(&mut block).await {
            bytes += count;
        }
        bytes
    });
    for k in 0..100 {
        sleep(Duration::from_millis(20)).await;
        server.publish(UTC + k * 20_000, TimeQuality(0), &readings(k)).unwrap();
    }
    assert_eq!(slow.await.unwrap(), Departure::Slow);
    server.inject(Fault::Close, 1);
    server.publish(UTC, TimeQuality(0), &readings(0)).unwrap();
    let frame = 16 + 18 + 20 + 30 + 32;
    assert_eq!((reader.await.unwrap(), server.counts().slow), (100 * frame, 1));
}

fn bench_of(server: &Server) -> DuplexStream {
    let (ours, theirs) = duplex(4096);
    let serving = server.clone();
    tokio::spawn(async move { serving.serve(theirs).await });
    ours
}

#[tokio::test(start_paused = true)]
async fn every_command_is_answered() {
    let server = Server::new(config(), "a PMU".into()).unwrap();
    let mut ours = bench_of(&server);
    let mut parser = super::super::Parser::new();
    for (command, kind) in [
        (Command::SendHeader, None),
        (Command::Send(ConfigKind::Cfg1), Some(ConfigKind::Cfg1)),
        (Command::Send(ConfigKind::Cfg3), Some(ConfigKind::Cfg3)),
    ] {
        let (time, body) = (Time::default(), Body::Command(command));
        let asked = Frame { version: Version::V2011, id: 7, time, body }.encode().unwrap();
        ours.write_all(&asked).await.unwrap();
        let answer = loop {
            let mut block = [0; 4096];
            let count = ours.read(&mut block).await.unwrap();
            parser.push(&block[..count]);
            if let Some(frame) = parser.next() {
                break frame.unwrap();
            }
        };
        match (answer.body, kind) {
            (Body::Header(text), None) => assert_eq!(text, b"a PMU"),
            (Body::Config(got, config), Some(kind)) => assert_eq!((got, config.stations.len()), (kind, 4)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cfg3_serves_as_well() {
    let mut bench = bench(Settings { configuration: ConfigKind::Cfg3, ..settings() });
    assert!(bench.watch(500).await.len() > 20);
    assert_eq!(bench.own.state(), LinkState::Up);
}

/// Connects by TCP; whether the server lets it stay (it answers) or closes.
async fn stays(at: std::net::SocketAddr) -> Option<tokio::net::TcpStream> {
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    let body = Body::Command(Command::SendHeader);
    let asked = Frame { version: Version::V2011, id: 7, time: Time::default(), body }.encode().unwrap();
    let mut block = [0; 64];
    match stream.write_all(&asked).await {
        Ok(()) => matches!(stream.read(&mut block).await, Ok(1..)).then_some(stream),
        Err(_) => None,
    }
}

#[tokio::test]
async fn by_tcp_only_so_many_of_those_that_are_allowed() {
    let server = Server::new(config(), "a PMU".into()).unwrap();
    let listener = Server::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let serving = server.clone();
    let listening = tokio::spawn(async move { serving.listen(listener, &[]).await });
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(stays(at).await.expect("loopback is allowed"));
    }
    assert!(stays(at).await.is_none(), "a ninth");
    clients.pop();
    // Its end is seen a moment later.
    sleep(Duration::from_millis(50)).await;
    assert!(stays(at).await.is_some(), "there is room again");
    assert_eq!((server.counts().clients, server.counts().refused), (9, 1));
    listening.abort();
    let listener = Server::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let serving = server.clone();
    let other = ["192.0.2.7".parse().unwrap()];
    let listening = tokio::spawn(async move { serving.listen(listener, &other).await });
    assert!(stays(at).await.is_none(), "another address is allowed, and no more loopback");
    listening.abort();
}

#[tokio::test(start_paused = true)]
async fn two_devices_with_one_stream_are_found_and_a_frozen_one_is_not_taken_for_two() {
    let mut bench = bench(settings());
    bench.server.script(25, Fault::Twin, 25);
    bench.watch(800).await;
    assert_eq!(bench.own.state(), LinkState::Wrong);
    assert!(bench.own.trouble().unwrap().contains("two devices"), "{:?}", bench.own.trouble());
    assert!(bench.watch(100).await.is_empty(), "of which of the two would it be?");
    let seen = bench.watch(600).await;
    assert!(!seen.is_empty() && bench.own.state() == LinkState::Up);
    bench.server.inject(Fault::Freeze, 20);
    bench.watch(300).await;
    assert_eq!(bench.own.state(), LinkState::Up, "nothing new for less than a second");
}

#[tokio::test(start_paused = true)]
async fn noise_and_junk_are_counted_and_never_taken_for_data() {
    let mut bench = bench(settings());
    bench.server.script(10, Fault::Noise { share: 0.01, seed: 5 }, 30);
    bench.server.script(50, Fault::Junk, 10);
    let seen = bench.watch(1500).await;
    let wanted = seen[0].1[MAGNITUDE];
    assert!(
        seen.iter().all(|(_, values, _)| (values[MAGNITUDE] / wanted - 1.0).abs() < 0.01 || values[MAGNITUDE].is_nan())
    );
    assert!(bench.own.errors() >= 10, "{}", bench.own.errors());
    let counts = bench.end().await;
    assert!(counts.damaged + counts.garbage > 5 && counts.published > 20, "{counts:?}");
}
