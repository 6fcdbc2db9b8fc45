//! CAN on Linux' own buses, vcan0 and vcan1 with CAN FD. Run by `bash .ci/can`, in an emulated guest that has them.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![cfg(target_os = "linux")]

use std::process::Command as Process;
use std::sync::Arc;
use std::time::Duration;

use phasorbench::link::address::Address;
use phasorbench::link::can::bus::{Bus, BusError, Connector};
use phasorbench::link::can::driver::{Alive, CanSettings, Plan, Point, Sent, SetPoint, SignalName, Watched, run};
use phasorbench::link::can::emulator::charger::{self, ChargerState, Demand};
use phasorbench::link::can::emulator::{Fault, Scripted, serve};
use phasorbench::link::can::{CanFrame, CanId};
use phasorbench::link::port::{Directive, LinkState, LoopEnd, port};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn address(interface: &str) -> Address {
    let there = std::path::Path::new("/sys/class/net").join(interface).exists();
    assert!(there, "there is no {interface}: run this by `bash .ci/can`, which has an emulated Linux with SocketCAN");
    Address::parse(&format!("can:{interface}")).unwrap()
}

fn ip(arguments: &str) {
    let done = Process::new("ip").args(arguments.split(' ')).status().unwrap();
    assert!(done.success(), "ip {arguments}");
}

fn on_runtime<T>(task: impl Future<Output = T>) -> T {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { timeout(Duration::from_secs(60), task).await.expect("it takes a minute and is not done") })
}

async fn recv(bus: &mut Bus) -> CanFrame {
    timeout(SECOND, bus.recv()).await.expect("nothing came").unwrap().frame
}

/// Interfaces that are up when it is dropped, however a test ended.
struct Up(&'static str);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = Process::new("ip").args(["link", "set", self.0, "up"]).status();
    }
}

fn frames() -> Vec<CanFrame> {
    let (short, long) = (CanId::standard(0x123).unwrap(), CanId::extended(0x123).unwrap());
    let bytes: Vec<u8> = (0..64).collect();
    vec![
        CanFrame::data(short, &[]).unwrap(),
        CanFrame::data(long, &bytes[..8]).unwrap(),
        CanFrame::remote(short, 5).unwrap(),
        CanFrame::fd(short, &bytes[..3], false).unwrap(),
        CanFrame::fd(long, &bytes, true).unwrap(),
    ]
}

#[test]
fn frames_of_every_kind_cross_and_do_not_come_back() {
    on_runtime(async {
        let mut one = Bus::connect(&address("vcan0")).await.unwrap();
        let mut two = Bus::connect(&address("vcan0")).await.unwrap();
        let mut elsewhere = Bus::connect(&address("vcan1")).await.unwrap();
        for frame in frames() {
            one.send(&frame).await.unwrap();
            let received = timeout(SECOND, two.recv()).await.unwrap().unwrap();
            assert_eq!(received.frame, frame);
            assert!(received.age < SECOND);
        }
        let wait = Duration::from_millis(50);
        assert!(timeout(wait, one.recv()).await.is_err(), "its own");
        assert!(timeout(wait, elsewhere.recv()).await.is_err(), "of another bus");
    });
}

#[test]
fn a_bus_that_is_abandoned_while_it_waits_loses_nothing() {
    on_runtime(async {
        let mut one = Bus::connect(&address("vcan0")).await.unwrap();
        let mut two = Bus::connect(&address("vcan0")).await.unwrap();
        let id = CanId::standard(7).unwrap();
        for k in 0..200_u8 {
            let _ = timeout(Duration::from_micros(u64::from(k)), two.recv()).await.is_ok();
            one.send(&CanFrame::data(id, &[k]).unwrap()).await.unwrap();
            assert_eq!(recv(&mut two).await.bytes(), [k]);
        }
    });
}

#[test]
fn an_interface_that_is_down_or_away_says_so_and_comes_back() {
    on_runtime(async {
        let mut bus = Bus::connect(&address("vcan1")).await.unwrap();
        let _up = Up("vcan1");
        ip("link set vcan1 down");
        assert!(matches!(timeout(SECOND, bus.recv()).await.unwrap(), Err(BusError::Down)));
        assert!(matches!(Bus::connect(&address("vcan1")).await, Err(BusError::Down)));
        ip("link set vcan1 up");
        let mut again = Bus::connect(&address("vcan1")).await.unwrap();
        let mut other = Bus::connect(&address("vcan1")).await.unwrap();
        other.send(&frames()[1]).await.unwrap();
        assert_eq!(recv(&mut again).await, frames()[1]);
        ip("link set vcan1 down");
        let error = other.send(&frames()[1]).await.unwrap_err();
        assert!(matches!(error, BusError::Down), "{error}");
        ip("link set vcan1 up");
        ip("link add vcan7 type vcan");
        // Classic frames only: the interface's frames are as long as that.
        ip("link set vcan7 mtu 16");
        ip("link set vcan7 up");
        let mut gone = Bus::connect(&address("vcan7")).await.unwrap();
        assert!(matches!(gone.send(&frames()[4]).await, Err(BusError::Unsupported(_))));
        gone.send(&frames()[1]).await.unwrap();
        ip("link del vcan7");
        let lost = timeout(SECOND, gone.recv()).await.unwrap().unwrap_err();
        assert!(matches!(lost, BusError::Down | BusError::Gone(_)), "{lost}");
        let gone = Bus::connect(&Address::parse("can:vcan7").unwrap()).await.unwrap_err();
        assert!(matches!(gone, BusError::Gone(_)), "{gone}");
    });
}

fn plant(_t_us: u64, demand: Demand) -> ChargerState {
    let p_w = if let Demand::Power(p_w) = demand { p_w } else { 0.0 };
    ChargerState {
        v_v: 400.0,
        i_a: p_w / 400.0,
        p_w,
        grid_v_v: 230.0,
        f_hz: 50.0,
        temperature_c: 30.0,
        discharge_limit_w: 11_000.0,
        charge_limit_w: 11_000.0,
        lowest_v_v: 200.0,
        highest_v_v: 450.0,
        soc_percent: 55.0,
        energy_kwh: 33.0,
        capacity_kwh: 60.0,
        battery_temperature_c: 20.0,
        battery_present: true,
        auxiliary_v_v: 12.5,
        faults: 0,
    }
}

fn settings() -> CanSettings {
    let counter = |signal: &str| Some(Alive { signal: signal.into(), modulus: 16 });
    CanSettings {
        database: Arc::new(charger::database().unwrap()),
        points: vec![Point { from: SignalName::new("Status", "Power"), scale: 1.0, offset: 0.0 }],
        set_points: vec![SetPoint {
            to: SignalName::new("Command", "PowerSetPoint"),
            scale: 1.0,
            offset: 0.0,
            safe: 0.0,
            confirmed_by: Some((SignalName::new("Grid", "AcceptedPower"), 10.0)),
        }],
        sent: vec![Sent {
            message: "Command".into(),
            period_us: Some(50_000),
            fixed: vec![],
            switched: vec![("Enable".into(), 0.0, 1.0), ("Mode".into(), 0.0, 3.0)],
            alive: counter("CommandAlive"),
        }],
        watched: vec![Watched { message: "Status".into(), period_us: None, periods: 4, alive: counter("StatusAlive") }],
        publish_us: 20_000,
    }
}

/// Driver and module on vcan0, the module with a script in ms.
async fn rig(script: &[(u64, u64, Fault)]) -> (LoopEnd, tokio::task::JoinHandle<()>, Instant) {
    let began = Instant::now();
    let clock = move || u64::try_from(began.elapsed().as_micros()).unwrap();
    let (own, end) = port(1, 1);
    let connector = Connector::Address(address("vcan0"));
    let driver = tokio::spawn(run(Plan::new(&settings()).unwrap(), connector.clone(), end, clock));
    let mut device = charger::device(Arc::new(charger::database().unwrap()), 7, plant).unwrap();
    let scripted = |&(at, to, fault): &_| Scripted { at_us: at * 1000, for_us: (to - at) * 1000, fault };
    device.script(script.iter().map(scripted).collect());
    tokio::spawn(async move {
        loop {
            if let Ok(mut bus) = connector.connect().await {
                let _ = serve(&mut device, &mut bus, clock, || false).await;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    (own, driver, began)
}

/// Waits for a state: how long that took.
async fn state(own: &LoopEnd, wanted: LinkState, longest: Duration) -> Duration {
    let began = Instant::now();
    while own.state() != wanted {
        let (state, trouble) = (own.state(), own.trouble());
        assert!(began.elapsed() < longest, "{state:?} ({trouble:?}) and not {wanted:?} within {longest:?}");
        sleep(Duration::from_millis(1)).await;
    }
    began.elapsed()
}

/// Waits for a power.
async fn power(own: &mut LoopEnd, wanted: f64) {
    let (began, mut values) = (Instant::now(), [f64::NAN]);
    while own.take(&mut values).is_none() || values[0] != wanted {
        assert!(began.elapsed() < 3 * SECOND, "{} W and not {wanted}", values[0]);
        sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn the_driver_runs_a_module_through_a_bus_that_goes_and_comes() {
    on_runtime(async {
        let (mut own, driver, _) = rig(&[]).await;
        let _up = Up("vcan0");
        state(&own, LinkState::Up, 3 * SECOND).await;
        own.direct(Directive::Operate);
        own.command(&[-5000.0]);
        power(&mut own, -5000.0).await;
        sleep(SECOND / 2).await;
        assert!(own.confirmed());
        ip("link set vcan0 down");
        state(&own, LinkState::Down, SECOND / 4).await;
        assert_eq!(own.trouble().as_deref(), Some("the interface is down"));
        sleep(2 * SECOND).await;
        ip("link set vcan0 up");
        let back = Instant::now();
        while own.take(&mut [0.0]).is_none() {
            assert!(back.elapsed() < SECOND, "no sample within a second of the bus");
            sleep(Duration::from_millis(1)).await;
        }
        state(&own, LinkState::Up, SECOND).await;
        power(&mut own, -5000.0).await;
        own.direct(Directive::End);
        timeout(SECOND, driver).await.expect("it ends").unwrap();
        assert_eq!(own.state(), LinkState::Ended);
    });
}

#[test]
fn a_driver_that_only_watches_notices_a_bus_that_goes() {
    on_runtime(async {
        let (own, _driver, _) = rig(&[]).await;
        let _up = Up("vcan0");
        state(&own, LinkState::Up, 3 * SECOND).await;
        ip("link set vcan0 down");
        state(&own, LinkState::Down, SECOND / 10).await;
        ip("link set vcan0 up");
        state(&own, LinkState::Up, 2 * SECOND).await;
    });
}

#[test]
fn the_end_leaves_the_module_disabled() {
    on_runtime(async {
        let (mut own, driver, _) = rig(&[]).await;
        own.direct(Directive::Operate);
        own.command(&[3000.0]);
        power(&mut own, 3000.0).await;
        let mut ear = Bus::connect(&address("vcan0")).await.unwrap();
        drop(own);
        timeout(SECOND, driver).await.expect("it ends").unwrap();
        let command = settings().database.named("Command").unwrap().id;
        let mut last = None;
        while let Ok(Ok(received)) = timeout(SECOND / 10, ear.recv()).await {
            last = Some(received.frame).filter(|frame| frame.id() == command).or(last);
            if last.is_some_and(|frame| frame.bytes()[0] & 1 == 0) {
                break;
            }
        }
        assert_eq!(last.unwrap().bytes()[..1], [0], "neither enabled nor in a mode");
    });
}

#[test]
fn a_silent_module_is_down_in_its_time_and_up_again() {
    on_runtime(async {
        let (own, _driver, began) = rig(&[(2500, 4500, Fault::Mute)]).await;
        state(&own, LinkState::Up, 2 * SECOND).await;
        tokio::time::sleep_until(began + Duration::from_millis(2450)).await;
        assert_eq!(own.state(), LinkState::Up);
        state(&own, LinkState::Down, SECOND).await;
        let took = began.elapsed().saturating_sub(Duration::from_millis(2500));
        // Down by twice 4 x 50 ms after the last, which is up to 50 ms older than the silence.
        assert!(took > Duration::from_millis(300) && took < Duration::from_millis(600), "{took:?}");
        tokio::time::sleep_until(began + Duration::from_millis(4500)).await;
        state(&own, LinkState::Up, SECOND).await;
    });
}

#[test]
fn who_else_commands_the_module_is_found() {
    on_runtime(async {
        let (own, _driver, _) = rig(&[]).await;
        state(&own, LinkState::Up, 2 * SECOND).await;
        own.direct(Directive::Safe);
        sleep(SECOND / 2).await;
        assert_eq!(own.state(), LinkState::Up, "what the driver sends is no collision");
        let mut other = Bus::connect(&address("vcan0")).await.unwrap();
        let command = settings().database.named("Command").unwrap().id;
        other.send(&CanFrame::data(command, &[0; 8]).unwrap()).await.unwrap();
        state(&own, LinkState::Wrong, SECOND / 4).await;
        assert_eq!(own.trouble().as_deref(), Some("somebody else sends `Command`"));
    });
}
