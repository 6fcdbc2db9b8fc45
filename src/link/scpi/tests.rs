//! Driver and instrument against each other in virtual time, the driver against scripts that misbehave, and the instrument
//! against messages.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::time::{Instant, sleep, sleep_until};

use super::driver;
use super::instrument::{Behind, Instrument, InstrumentError};
use super::serve::{Shared, serve, shared};
use crate::link::description::{self, Description};
use crate::link::fault::{Fault, Faults};
use crate::link::port::{Directive, LinkState, LoopEnd, port};
use crate::link::stream::{Accept, Socket};

const TEXT: &str = "device: source
kind: amplifier
poll_s: 0.05
timeout_s: 0.3
frozen_after_s: 2
scpi: {errors: 'SYST:ERR?'}
identity:
  - {scpi: '*IDN?', text: 'ACME,GS'}
points:
  v_v.a: {scpi: 'MEAS:VOLT? (@1,2)', part: 1, range: [0, 300]}
  v_v.b: {scpi: 'MEAS:VOLT? (@1,2)', part: 2, range: [0, 300]}
  f_hz: {scpi: 'MEAS:FREQ?', range: [40, 70]}
  clock_s: {scpi: 'SYST:TIME?'}
set_points:
  v_v.a: {scpi: 'VOLT:PHAS1 {}', range: [0, 270], safe: 0}
  v_v.b: {scpi: 'VOLT:PHAS2 {}', range: [0, 270], safe: 0}
  angle_deg.b: {scpi: 'PHAS {},(@2)', range: [-360, 360], safe: -120}
begin:
  - {scpi: 'SYST:REM'}
  - {scpi: 'OUTP {}', value: 1}
release:
  - {scpi: 'OUTP {}', value: 0}
";

fn described(text: &str) -> Arc<Description> {
    let reading = description::from_text(text.to_owned(), Path::new("source.yaml"));
    let found: Vec<&str> = reading.diagnostics.iter().map(|own| own.message.as_str()).collect();
    Arc::new(reading.description.unwrap_or_else(|| panic!("{found:?}")))
}

/// What is set is what there is, while the output is on.
#[derive(Default)]
struct Ideal {
    set: BTreeMap<String, f64>,
    on: bool,
    seconds: f64,
}

impl Behind for Ideal {
    fn step(&mut self, dt_s: f64) {
        self.seconds += dt_s;
    }
    fn set(&mut self, name: &str, value: f64) {
        self.set.insert(name.into(), value);
    }
    fn get(&self, name: &str) -> Option<f64> {
        match name {
            "f_hz" => Some(50.0),
            "clock_s" => Some(self.seconds),
            _ => self.set.get(name).map(|own| if self.on { *own } else { 0.0 }),
        }
    }
    fn act(&mut self, acting: bool) {
        self.on = acting;
    }
    fn reboot(&mut self) {
        self.on = false;
    }
}

fn instrument(faults: Faults) -> Instrument<Ideal> {
    Instrument::new(&described(TEXT), Ideal::default(), faults).unwrap()
}

/// A loop of 50 ms steps, a driver, and whoever accepts its connections.
struct Rig {
    own: LoopEnd,
    socket: Socket,
    epoch: Instant,
    values: Vec<f64>,
    steps: u64,
    fresh: u64,
}

impl Rig {
    fn new(text: &str) -> (Self, Accept) {
        let description = described(text);
        let (socket, accept) = Socket::new();
        let epoch = Instant::now();
        let (own, end) = port(description.points.len(), description.set_points.len());
        let values = vec![f64::NAN; description.points.len()];
        tokio::spawn(driver::run(driver::Settings { description, connect: socket.connector(), epoch }, end));
        (Self { own, socket, epoch, values, steps: 0, fresh: 0 }, accept)
    }

    fn with_instrument() -> (Self, Shared<Ideal>) {
        let (own, mut accept) = Self::new(TEXT);
        let device = shared(instrument(Faults::new(7)));
        let (served, epoch) = (Arc::clone(&device), own.epoch);
        tokio::spawn(async move {
            while let Some(stream) = accept.recv().await {
                tokio::spawn(serve(Box::new(stream), Arc::clone(&served), epoch));
            }
        });
        (own, device)
    }

    async fn steps(&mut self, count: u64) {
        for _ in 0..count {
            self.steps += 1;
            sleep_until(self.epoch + Duration::from_millis(50 * self.steps)).await;
            self.own.beat(50_000 * self.steps);
            if let Some(stamp) = self.own.take(&mut self.values) {
                assert!(stamp.origin_us <= stamp.received_us && stamp.received_us <= 50_000 * self.steps);
                self.fresh += 1;
            }
        }
    }

    async fn until(&mut self, state: LinkState, most: u64) -> u64 {
        let from = self.steps;
        while self.own.state() != state {
            assert!(self.steps - from < most, "{:?} after {most} steps: {:?}", self.own.state(), self.own.trouble());
            self.steps(1).await;
        }
        self.steps - from
    }

    async fn operating(&mut self, wanted: [f64; 3]) {
        self.own.direct(Directive::Operate);
        self.own.command(&wanted);
        self.steps(10).await;
        assert_eq!((self.values[0], self.own.confirmed()), (wanted[0], true), "{:?}", self.own.trouble());
    }
}

fn fault(device: &Shared<Ideal>, rig: &Rig, for_s: f64, fault: Fault) {
    let now_s = rig.epoch.elapsed().as_secs_f64();
    device.lock().unwrap().faults.add(now_s, now_s + for_s, fault);
}

#[tokio::test(start_paused = true)]
async fn set_points_are_followed_sample_by_sample() {
    let (mut rig, device) = Rig::with_instrument();
    rig.until(LinkState::Up, 10).await;
    rig.own.command(&[230.0, 229.5, -120.0]);
    rig.steps(5).await;
    assert_eq!((rig.values[0], rig.own.confirmed()), (0.0, false), "nothing is written before it is said so");
    assert!(!device.lock().unwrap().acting());
    rig.operating([230.0, 229.5, -120.0]).await;
    assert_eq!(rig.values[1..3], [229.5, 50.0]);
    let (fresh, steps) = (rig.fresh, rig.steps);
    for k in 0..100 {
        rig.own.command(&[200.0 + f64::from(k) * 0.125, 1000.0, f64::NAN]);
        rig.steps(1).await;
        assert_eq!(rig.values[0], 200.0 + f64::from(k) * 0.125, "measured by the step after it was given");
        assert!(rig.own.confirmed());
    }
    assert_eq!(rig.values[1], 270.0, "nothing beyond the range is written");
    assert_eq!(rig.fresh - fresh, rig.steps - steps, "no sample is lost");
}

#[tokio::test(start_paused = true)]
async fn it_is_left_safe_however_the_loop_ends() {
    for how in ["dropped", "directed", "safe", "hangs"] {
        let (mut rig, device) = Rig::with_instrument();
        rig.operating([230.0, 230.0, 0.0]).await;
        match how {
            "directed" => rig.own.direct(Directive::End),
            "safe" => rig.own.direct(Directive::Safe),
            "dropped" => {
                let (other, _) = port(0, 0);
                drop(std::mem::replace(&mut rig.own, other));
            }
            _ => {}
        }
        sleep(Duration::from_millis(if how == "hangs" { 1200 } else { 120 })).await;
        let mut device = device.lock().unwrap();
        let mut at = |name: &str| device.behind().set[name];
        assert_eq!((at("v_v.a"), at("v_v.b"), at("angle_deg.b")), (0.0, 0.0, -120.0), "{how}");
        assert_eq!(device.acting(), matches!(how, "safe" | "hangs"), "{how}: released where it has ended");
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_is_found_and_outlived() {
    for (what, state, within, words) in [
        (Fault::Cut, LinkState::Down, 2, ""),
        (Fault::Reboot { s: 1.0 }, LinkState::Down, 2, ""),
        (Fault::Silent, LinkState::Down, 9, "no answer to"),
        (Fault::Delay { s: 0.4 }, LinkState::Down, 9, "no answer to"),
        (Fault::Freeze, LinkState::Wrong, 43, "frozen"),
        (Fault::Nan, LinkState::Wrong, 2, "has no value"),
        (Fault::Garbage, LinkState::Wrong, 2, ""),
        (Fault::Half, LinkState::Down, 2, "in the middle of an answer"),
    ] {
        let (mut rig, device) = Rig::with_instrument();
        rig.operating([230.0, 230.0, 0.0]).await;
        fault(&device, &rig, 3.0, what);
        if matches!(what, Fault::Cut | Fault::Reboot { .. }) {
            rig.socket.plug(false);
        }
        let took = rig.until(state, within).await;
        let trouble = rig.own.trouble().unwrap_or_default();
        assert!(trouble.contains(words), "{what:?} after {took} steps: {trouble}");
        rig.steps(61 - took).await;
        rig.socket.plug(true);
        rig.until(LinkState::Up, 20).await;
        rig.steps(5).await;
        assert_eq!(rig.values[0], 230.0, "{what:?}: it does again what it is told: {:?}", rig.own.trouble());
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_and_late_answers_never_pass_for_values() {
    for what in [Fault::Garbage, Fault::Drop { share: 0.1 }, Fault::Delay { s: 0.29 }] {
        let (mut rig, device) = Rig::with_instrument();
        rig.operating([230.0, 120.0, 0.0]).await;
        fault(&device, &rig, 10.0, what);
        for _ in 0..200 {
            rig.steps(1).await;
            assert!([0.0, 230.0].contains(&rig.values[0]) && [0.0, 120.0].contains(&rig.values[1]), "{what:?}");
        }
        rig.steps(30).await;
        assert_eq!(rig.own.state(), LinkState::Up, "{what:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_output_that_trips_is_not_switched_on_again() {
    let (mut rig, device) = Rig::with_instrument();
    rig.operating([230.0, 230.0, 0.0]).await;
    assert_eq!(device.lock().unwrap().message(b"OUTP 0"), None);
    rig.until(LinkState::Wrong, 8).await;
    assert!(rig.own.trouble().unwrap().contains("not begun again"));
    rig.socket.plug(false);
    rig.steps(40).await;
    rig.socket.plug(true);
    rig.steps(40).await;
    let mut device = device.lock().unwrap();
    assert!(!device.acting());
    assert_eq!(device.message(b"VOLT:PHAS1?").as_deref(), Some("+0.00000000E+00"));
    assert_eq!(rig.own.state(), LinkState::Wrong);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_said() {
    let (mut rig, device) = Rig::with_instrument();
    rig.until(LinkState::Up, 10).await;
    device.lock().unwrap().set_writable(false);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[230.0, 230.0, 0.0]);
    rig.until(LinkState::Wrong, 3).await;
    let trouble = rig.own.trouble().unwrap();
    assert!(trouble.contains("refused") && trouble.contains("-203"), "{trouble}");
    let (mut other, mut accept) = Rig::new(&TEXT.replace("ACME,GS", "OTHER"));
    let served = Arc::clone(&device);
    tokio::spawn(async move {
        while let Some(stream) = accept.recv().await {
            tokio::spawn(serve(Box::new(stream), Arc::clone(&served), Instant::now()));
        }
    });
    other.until(LinkState::Wrong, 3).await;
    assert!(other.own.trouble().unwrap().contains("another device"));
}

/// Serves connections by a script: what is said to each line, `None` to close.
fn scripted<F>(mut accept: Accept, mut says: F) -> Arc<Mutex<Vec<String>>>
where
    F: FnMut(&str) -> Option<Vec<u8>> + Send + 'static,
{
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let all = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Some(stream) = accept.recv().await {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                all.lock().unwrap().push(line.clone());
                let stream: &mut DuplexStream = lines.get_mut().get_mut();
                match says(&line) {
                    Some(bytes) => {
                        let _ = stream.write_all(&bytes).await;
                    }
                    None => break,
                }
            }
        }
    });
    heard
}

const SMALL: &str = "device: source
kind: amplifier
poll_s: 0.05
timeout_s: 0.2
scpi: {errors: 'SYST:ERR?'}
points:
  v_v: {scpi: 'MEAS:VOLT?', range: [0, 300]}
  i_a: {scpi: 'MEAS:CURR?', optional: true}
set_points:
  v_v: {scpi: 'VOLT {}', scale: 0.5, range: [0, 270], safe: 0}
begin: [{scpi: 'OUTP {}', value: 1}]
release: [{scpi: 'OUTP {}', value: 0}]
";

fn answers(line: &str) -> Option<Vec<u8>> {
    Some(match line {
        "MEAS:VOLT?" => b"+2.30E+02\r\n".to_vec(),
        "MEAS:CURR?" | "OUTP?" => b"1\n".to_vec(),
        "VOLT?" => b"460.4\n".to_vec(),
        "SYST:ERR?" => b"+0,\"No error\"\n".to_vec(),
        _ => Vec::new(),
    })
}

#[tokio::test(start_paused = true)]
async fn what_goes_over_the_wire_is_this() {
    let (mut rig, accept) = Rig::new(SMALL);
    let heard = scripted(accept, answers);
    rig.until(LinkState::Up, 5).await;
    assert_eq!(heard.lock().unwrap()[..2], ["MEAS:VOLT?", "MEAS:CURR?"]);
    heard.lock().unwrap().clear();
    rig.own.direct(Directive::Operate);
    rig.own.command(&[230.2]);
    rig.steps(1).await;
    let expected =
        ["SYST:ERR?", "OUTP 1", "SYST:ERR?", "VOLT 460.4", "SYST:ERR?", "OUTP?", "VOLT?", "MEAS:VOLT?", "MEAS:CURR?"];
    assert_eq!(heard.lock().unwrap()[..], expected);
    assert!(rig.own.confirmed());
    heard.lock().unwrap().clear();
    rig.steps(2).await;
    let all = heard.lock().unwrap().clone();
    let expected = ["OUTP?", "VOLT?", "MEAS:VOLT?", "MEAS:CURR?", "OUTP?", "MEAS:VOLT?", "MEAS:CURR?"];
    assert_eq!(all, expected, "a set-point more in turn");
    heard.lock().unwrap().clear();
    rig.own.direct(Directive::End);
    sleep(Duration::from_millis(200)).await;
    let all = heard.lock().unwrap().clone();
    let from = all.iter().position(|own| own == "VOLT 0").unwrap();
    assert_eq!(all[from..], ["VOLT 0", "SYST:ERR?", "OUTP 0", "SYST:ERR?"], "{all:?}");
    assert_eq!(rig.own.state(), LinkState::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_answers_badly_is_lost_with_its_reason() {
    let long = vec![b'1'; 40_000];
    for (bad, words) in [
        (b"230\n1\n".to_vec(), "more than the answer"),
        (b"230,1".to_vec(), "no answer to MEAS:VOLT?"),
        (b"\xff\xfe\n".to_vec(), "no line of SCPI"),
        (b"two\n".to_vec(), "is no number"),
        (b"\n".to_vec(), "is no number"),
        (b"9.9E37\n".to_vec(), "beyond what the device can measure"),
        (b"500\n".to_vec(), "outside its range"),
        (long, "longer than"),
    ] {
        let (mut rig, accept) = Rig::new(SMALL);
        let shown = String::from_utf8_lossy(&bad[..bad.len().min(12)]).into_owned();
        scripted(accept, move |line| if line == "MEAS:VOLT?" { Some(bad.clone()) } else { answers(line) });
        rig.steps(10).await;
        let trouble = rig.own.trouble().unwrap_or_default();
        assert!(trouble.contains(words), "{shown:?}: {trouble}");
        assert!(rig.values[0].is_nan(), "{shown:?}: nothing of it is a value");
    }
}

#[tokio::test(start_paused = true)]
async fn what_says_nonsense_is_made_safe_all_the_same() {
    let (mut rig, accept) = Rig::new(SMALL);
    let wrong = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let nonsense = Arc::clone(&wrong);
    let heard = scripted(accept, move |line| match line {
        "MEAS:VOLT?" if nonsense.load(std::sync::atomic::Ordering::Relaxed) => Some(b"nonsense\n".to_vec()),
        _ => answers(line),
    });
    rig.own.direct(Directive::Operate);
    rig.own.command(&[230.2]);
    rig.steps(5).await;
    wrong.store(true, std::sync::atomic::Ordering::Relaxed);
    rig.until(LinkState::Wrong, 3).await;
    heard.lock().unwrap().clear();
    rig.own.direct(Directive::Safe);
    rig.steps(20).await;
    assert!(heard.lock().unwrap().contains(&"VOLT 0".to_owned()), "{:?}", heard.lock().unwrap());
    assert_eq!(rig.own.state(), LinkState::Wrong);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_late_is_not_that_to_the_next_question() {
    let (mut rig, mut accept) = Rig::new(SMALL);
    let mut connections = 0;
    tokio::spawn(async move {
        while let Some(stream) = accept.recv().await {
            connections += 1;
            let first = connections == 1;
            tokio::spawn(async move {
                let mut lines = BufReader::new(stream).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let stream: &mut DuplexStream = lines.get_mut().get_mut();
                    if first && line == "MEAS:CURR?" {
                        sleep(Duration::from_millis(250)).await;
                    }
                    let _ = stream.write_all(&answers(&line).unwrap()).await;
                }
            });
        }
    });
    rig.steps(40).await;
    assert_eq!((rig.own.state(), rig.values[0]), (LinkState::Up, 230.0));
    assert!(rig.values[1].is_nan(), "it was optional, and never answered: it is not asked again");
}

#[tokio::test(start_paused = true)]
async fn errors_that_do_not_end_and_set_points_that_do_not_hold_are_said() {
    let (mut rig, accept) = Rig::new(SMALL);
    scripted(accept, |line| if line == "SYST:ERR?" { Some(b"-1,x\n".to_vec()) } else { answers(line) });
    rig.own.direct(Directive::Operate);
    rig.own.command(&[230.2]);
    rig.until(LinkState::Wrong, 5).await;
    assert!(rig.own.trouble().unwrap().contains("do not end"));
    let (mut rig, accept) = Rig::new(SMALL);
    scripted(accept, answers);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[100.0]);
    rig.steps(10).await;
    assert!(rig.own.state() == LinkState::Up && !rig.own.confirmed());
    assert!(rig.own.trouble().unwrap().contains("does not read back"));
}

#[test]
fn an_instrument_understands_what_its_description_has() {
    let mut own = instrument(Faults::new(1));
    let mut ask = |message: &str| own.message(message.as_bytes());
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(ask("*IDN?"), said(&format!("ACME,GS,emulated,{}", env!("CARGO_PKG_VERSION"))));
    assert_eq!(ask("*ESR?;*ESR?"), said("128;0"));
    assert_eq!(ask("VOLT:PHAS1 230;PHAS2 231;:outp 1;:volt:phase2?"), said("+2.31000000E+02"));
    assert_eq!(ask("OUTPut:STATe?;VOLT:PHAS1?"), said("+1.00000000E+00"), "OUTP:VOLT is nothing");
    assert_eq!(ask("SYST:ERR?;SYST:ERR?"), said("-113,\"Undefined header\""), "nor is SYST:SYST");
    assert_eq!(ask("SYST:ERR?;:SYST:ERR?"), said("-113,\"Undefined header\";0,\"No error\""));
    for (message, error) in [
        ("VOLT:PHAS1 300", "-222,\"Data out of range\""),
        ("VOLT:PHAS1 high", "-104,\"Data type error\""),
        ("VOLT:PHAS1", "-109,\"Missing parameter\""),
        ("VOLT:PHAS1 1,2", "-108,\"Parameter not allowed\""),
        ("PHAS 0,(@1)", "-224,\"Illegal parameter value\""),
        ("\u{7f}", "-101,\"Invalid character\""),
        ("VOLT:PHAS1 MAX;:PHAS -30,(@2)", "0,\"No error\""),
    ] {
        assert_eq!(ask(message), None, "{message}");
        assert_eq!(ask("SYST:ERR?").as_deref(), Some(error), "{message}");
    }
    assert_eq!(ask("VOLT:PHAS1?;:PHAS? (@2)"), said("+2.70000000E+02;-3.00000000E+01"));
    assert_eq!(ask("*OPC?;*STB?;*TST?;SYST:VERS?"), said("1;0;0;1999.0"));
    assert_eq!(ask("*RST;VOLT:PHAS1?;*ESE 5;*ESE?"), said("+0.00000000E+00;5"));
    let twice = Faults::new(1);
    let mut wrong = twice.clone();
    wrong.add(0.0, 1.0, Fault::Twice);
    let made = Instrument::new(&described(TEXT), Ideal::default(), wrong);
    assert!(matches!(made, Err(InstrumentError::Fault("twice"))));
    let chain = TEXT.replace("SYST:REM", "INST 1;VOLT");
    let made = Instrument::new(&described(&chain), Ideal::default(), twice);
    assert!(matches!(made, Err(InstrumentError::Chain(_))));
}

#[test]
fn a_timer_and_a_heartbeat_make_it_safe() {
    let text = format!(
        "{TEXT}reversion: [{{scpi: 'SYST:WATC {{}}', seconds: 5}}]\nheartbeat: {{scpi: 'SYST:BEAT {{}}', every_s: 1}}\n"
    );
    let mut own = Instrument::new(&described(&text), Ideal::default(), Faults::new(1)).unwrap();
    own.message(b"SYST:WATC 5;:OUTP 1;:VOLT:PHAS1 230");
    own.advance(4.9);
    assert_eq!((own.acting(), own.behind().set["v_v.a"]), (true, 230.0));
    own.advance(5.1);
    assert_eq!((own.acting(), own.behind().set["v_v.a"]), (false, 0.0));
    own.message(b"SYST:WATC 100;:OUTP 1;:VOLT:PHAS1 230;:SYST:BEAT 1");
    own.advance(8.0);
    assert!(own.acting());
    own.advance(8.2);
    assert!(!own.acting(), "three periods without it");
}

proptest! {
    #[test]
    fn no_message_makes_an_instrument_panic(messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..20)) {
        let mut own = instrument(Faults::new(1));
        for message in messages {
            if let Some(answer) = own.message(&message) {
                prop_assert!(answer.len() < 8192 && !answer.contains('\n'));
            }
        }
    }

    #[test]
    fn mangled_messages_are_taken_or_refused(at in 0usize..60, junk in "[;:*?, (@)a-zA-Z0-9]{0,6}") {
        let whole = "VOLT:PHAS1 230;PHAS2 231;:OUTP 1;:PHAS -120,(@2);*OPC?;:MEAS:VOLT? (@1,2)";
        let mut own = instrument(Faults::new(1));
        let at = at.min(whole.len());
        let _ = own.message(format!("{}{junk}{}", &whole[..at], &whole[at..]).as_bytes());
        let v = own.behind().set["v_v.a"];
        prop_assert!((0.0..=270.0).contains(&v));
    }
}
