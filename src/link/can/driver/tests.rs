//! The driver against the emulated charger module, on a bus in memory, in virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::link::can::bus::{Bus, Fault as BusFault, VirtualBus, VirtualEnd, Way};
use crate::link::can::emulator::charger::{self, ChargerState, Demand};
use crate::link::can::emulator::{Fault, Scripted, serve};
use crate::link::can::frame::{CanFrame, CanId};
use crate::link::port::{LoopEnd, port};

const MS: u64 = 1_000;
/// Places of the points.
const POWER: usize = 0;
const STATE: usize = 1;
const SOC: usize = 2;
const COMMUNICATION: usize = 3;

/// A plant that does what is wanted.
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
        charge_limit_w: 7_000.0,
        lowest_v_v: 200.0,
        highest_v_v: 450.0,
        soc_percent: 55.0,
        energy_kwh: 33.0,
        capacity_kwh: 60.0,
        battery_temperature_c: 20.0,
        battery_present: true,
        auxiliary_v_v: 12.0,
        faults: 0,
    }
}

/// Settings of the module: power in kW, positive charging.
pub(super) fn settings() -> CanSettings {
    let point = |message, signal, scale| Point { from: SignalName::new(message, signal), scale, offset: 0.0 };
    CanSettings {
        database: Arc::new(charger::database().unwrap()),
        points: vec![
            point("Status", "Power", -0.001),
            point("Status", "State", 1.0),
            point("Battery", "StateOfCharge", 1.0),
            point("Status", "FaultCommunication", 1.0),
        ],
        set_points: vec![SetPoint {
            to: SignalName::new("Command", "PowerSetPoint"),
            scale: -1000.0,
            offset: 0.0,
            safe: 0.0,
            confirmed_by: Some((SignalName::new("Grid", "AcceptedPower"), 10.0)),
        }],
        sent: vec![Sent {
            message: "Command".into(),
            period_us: None,
            fixed: vec![("VoltageSetPoint".into(), 450.0)],
            switched: vec![("Enable".into(), 0.0, 1.0), ("Mode".into(), 0.0, 3.0)],
            alive: Some(Alive { signal: "CommandAlive".into(), modulus: 16 }),
        }],
        watched: vec![Watched {
            message: "Status".into(),
            period_us: None,
            periods: 4,
            alive: Some(Alive { signal: "StatusAlive".into(), modulus: 16 }),
        }],
        publish_us: 20 * MS,
    }
}

/// A driver and a module on a bus, and someone who listens.
struct Rig {
    bus: VirtualBus,
    own: LoopEnd,
    driver: JoinHandle<()>,
    device_on: Arc<AtomicBool>,
    ear: VirtualEnd,
    began: Instant,
    values: [f64; 4],
}

impl Rig {
    fn new(script: &[(u64, u64, Fault)]) -> Self {
        let (bus, began) = (VirtualBus::new(), Instant::now());
        let clock = move || u64::try_from(began.elapsed().as_micros()).unwrap();
        let (own, end) = port(4, 1);
        let ear = bus.connect().unwrap();
        let plan = Plan::new(&settings()).unwrap();
        let driver = tokio::spawn(run(plan, Connector::Virtual(bus.clone()), end, clock));
        let mut device = charger::device(Arc::new(charger::database().unwrap()), 7, plant).unwrap();
        let script = script.iter().map(|&(at, to, fault)| Scripted { at_us: at * MS, for_us: (to - at) * MS, fault });
        device.script(script.collect());
        let (device_on, connector) = (Arc::new(AtomicBool::new(true)), bus.clone());
        let on = Arc::clone(&device_on);
        tokio::spawn(async move {
            while on.load(Ordering::Relaxed) {
                if let Ok(end) = connector.connect() {
                    let _ =
                        serve(&mut device, &mut Bus::from(Way::Virtual(end)), clock, || !on.load(Ordering::Relaxed))
                            .await;
                }
                sleep(Duration::from_millis(10)).await;
            }
        });
        Self { bus, own, driver, device_on, ear, began, values: [0.0; 4] }
    }

    /// Waits until a time in ms since the beginning.
    async fn until(&mut self, ms: u64) {
        tokio::time::sleep_until(self.began + Duration::from_millis(ms)).await;
        self.own.take(&mut self.values);
    }

    /// What was sent since the last call.
    fn heard(&self) -> Vec<CanFrame> {
        std::iter::from_fn(|| self.ear.try_recv().ok().flatten()).collect()
    }

    /// Commands that were sent since the last call: enabled, power in W, counter.
    fn commands(&self) -> Vec<(bool, f64, f64)> {
        let database = charger::database().unwrap();
        let message = database.named("Command").unwrap();
        let value = |frame: &CanFrame, name| message.decode(message.signal(name).unwrap(), frame.bytes()).unwrap();
        let heard = self.heard();
        let own = heard.iter().filter(|frame| frame.id() == message.id);
        own.map(|frame| (value(frame, "Enable") > 0.5, value(frame, "PowerSetPoint"), value(frame, "CommandAlive")))
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn set_points_reach_the_device_and_what_it_does_comes_back() {
    let mut rig = Rig::new(&[]);
    rig.until(900).await;
    assert_eq!((rig.own.state(), rig.own.confirmed()), (LinkState::Up, false));
    assert!(rig.commands().is_empty(), "told to watch, it sends nothing");
    rig.own.direct(Directive::Operate);
    rig.own.command(&[-5.0]);
    rig.until(2500).await;
    assert_eq!(rig.values, [-5.0, charger::State::Run as u8 as f64, 55.0, 0.0]);
    assert!(rig.own.confirmed());
    let commands = rig.commands();
    assert_eq!(commands.len(), 16, "one in 100 ms");
    assert!(commands.iter().zip(0..).all(|(command, k)| *command == (true, 5000.0, f64::from(k % 16))), "{commands:?}");
    // Beyond what the module may: it holds its limit, says so, and does not confirm.
    rig.own.command(&[9.0]);
    rig.until(3500).await;
    assert_eq!((rig.values[POWER], rig.own.confirmed()), (7.0, false));
    // Beyond what the message holds: the nearest is sent.
    rig.own.command(&[-900.0]);
    rig.until(3700).await;
    assert_eq!(rig.commands().last().unwrap().1, 300_000.0);
    assert!(rig.own.trouble().unwrap().contains("`PowerSetPoint` cannot be 900000"), "{:?}", rig.own.trouble());
    rig.own.command(&[f64::NAN]);
    rig.until(4000).await;
    assert_eq!(rig.commands().last().unwrap().1, 300_000.0, "what is NaN stays");
    rig.own.direct(Directive::Safe);
    rig.until(4500).await;
    assert_eq!((rig.values[POWER], rig.values[STATE]), (0.0, 0.0));
    assert!(rig.commands().iter().skip(1).all(|(enabled, p_w, _)| !enabled && *p_w == 0.0));
}

#[tokio::test(start_paused = true)]
async fn the_end_leaves_it_safe_and_who_never_wrote_does_not_begin_to() {
    let mut rig = Rig::new(&[]);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[-5.0]);
    rig.until(1050).await;
    rig.commands();
    drop(rig.own);
    rig.driver.await.unwrap();
    let commands: Vec<_> = {
        let database = charger::database().unwrap();
        let id = database.named("Command").unwrap().id;
        std::iter::from_fn(|| rig.ear.try_recv().unwrap()).filter(|frame| frame.id() == id).collect()
    };
    assert_eq!((commands.len(), commands[0].bytes()[0] & 0x0F), (1, 0), "not enabled");
    assert!(rig.began.elapsed() < Duration::from_millis(1060), "at once");

    let mut rig = Rig::new(&[]);
    rig.until(500).await;
    rig.own.direct(Directive::End);
    rig.until(1000).await;
    assert!(rig.commands().is_empty() && rig.driver.is_finished());
    assert_eq!(rig.own.state(), LinkState::Ended);
}

#[tokio::test(start_paused = true)]
async fn an_end_while_the_bus_is_gone_is_told_to_the_device_if_it_comes_back() {
    let mut rig = Rig::new(&[]);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[-5.0]);
    rig.until(1000).await;
    rig.bus.set_fault(BusFault::Off);
    rig.until(1500).await;
    assert_eq!(rig.own.state(), LinkState::Down);
    rig.bus.set_fault(BusFault::None);
    rig.commands();
    rig.own.direct(Directive::End);
    rig.until(1520).await;
    assert!(rig.driver.is_finished());
    assert_eq!(rig.commands().last().map(|command| command.0), Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_silent_device_is_down_within_its_time_and_up_again() {
    let mut rig = Rig::new(&[(2000, 6000, Fault::Mute), (8000, 9000, Fault::Reboot)]);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[-5.0]);
    rig.until(1900).await;
    assert_eq!(rig.own.state(), LinkState::Up);
    let taken = rig.own.take(&mut rig.values);
    assert!(taken.is_none());
    // Status is missed after 4 x 50 ms and by twice that down; the last came before 2000 ms.
    rig.until(2300).await;
    assert_eq!(rig.own.state(), LinkState::Up);
    rig.until(2420).await;
    assert_eq!(rig.own.state(), LinkState::Down);
    assert!(rig.own.trouble().unwrap().contains("`Status` did not come"));
    assert!(!rig.own.confirmed());
    rig.until(5990).await;
    let old = rig.own.take(&mut rig.values);
    assert!(old.is_none(), "no samples of a silent device");
    rig.until(7500).await;
    assert_eq!((rig.own.state(), rig.values[POWER]), (LinkState::Up, -5.0));
    rig.until(8700).await;
    assert_eq!(rig.own.state(), LinkState::Down);
    rig.until(10_500).await;
    assert_eq!((rig.own.state(), rig.values[POWER]), (LinkState::Up, -5.0), "it has started anew");
}

#[tokio::test(start_paused = true)]
async fn what_a_device_says_that_cannot_be_is_found() {
    let script = [(2000, 4000, Fault::Freeze), (6000, 8000, Fault::Garbage), (10_000, 12_000, Fault::OutOfRange)];
    let mut rig = Rig::new(&script);
    rig.until(1900).await;
    assert_eq!((rig.own.state(), rig.values[SOC]), (LinkState::Up, 55.0));
    rig.until(2300).await;
    assert_eq!(rig.own.state(), LinkState::Wrong);
    assert!(rig.own.trouble().unwrap().contains("stands still"));
    rig.until(3900).await;
    assert!(rig.values[POWER].is_nan());
    rig.until(5500).await;
    assert_eq!((rig.own.state(), rig.values[POWER]), (LinkState::Up, 0.0));
    rig.until(6400).await;
    assert_eq!(rig.own.state(), LinkState::Wrong);
    assert!(rig.own.trouble().unwrap().contains("another length"));
    rig.until(9500).await;
    assert_eq!(rig.own.state(), LinkState::Up);
    rig.until(11_900).await;
    assert!(rig.values[SOC].is_nan(), "beyond the database's limits: {:?}", rig.values);
}

#[tokio::test(start_paused = true)]
async fn a_second_device_with_the_same_messages_is_found_and_gone_again() {
    let script = [(2000, 4000, Fault::Twin), (6000, 8000, Fault::OtherAddress), (10_000, 14_000, Fault::BatterySilent)];
    let mut rig = Rig::new(&script);
    rig.until(1900).await;
    assert_eq!((rig.own.state(), rig.own.errors()), (LinkState::Up, 0));
    rig.until(2500).await;
    assert_eq!(rig.own.state(), LinkState::Wrong);
    assert!(rig.own.trouble().unwrap().contains("two devices send it"), "{:?}", rig.own.trouble());
    rig.until(3900).await;
    assert!(rig.values[POWER].is_nan(), "of which of the two would it be?");
    rig.until(8000).await;
    assert_eq!(rig.own.state(), LinkState::Down, "nobody at its address says anything");
    rig.until(9900).await;
    assert_eq!((rig.own.state(), rig.values[POWER]), (LinkState::Up, 0.0));
    rig.until(12_000).await;
    assert_eq!((rig.own.state(), rig.values[POWER], rig.values[SOC].is_nan()), (LinkState::Up, 0.0, true));
    rig.until(13_500).await;
    assert_eq!(rig.own.state(), LinkState::Down);
    assert!(rig.own.trouble().unwrap().contains("`Battery` did not come"), "{:?}", rig.own.trouble());
    rig.until(15_500).await;
    assert_eq!((rig.own.state(), rig.values[SOC]), (LinkState::Up, 55.0));
}

#[tokio::test(start_paused = true)]
async fn readings_that_miss_are_none_and_messages_that_are_lost_do_no_harm() {
    let mut rig = Rig::new(&[(2000, 6000, Fault::Missing(0.3)), (8000, 12_000, Fault::Lossy(0.3))]);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[-5.0]);
    let mut seen = Vec::new();
    for ms in (2500..12_000).step_by(50) {
        rig.until(ms).await;
        if ms < 6000 {
            seen.push(rig.values[POWER]);
        } else if ms > 6100 {
            assert!(rig.values[POWER] == -5.0, "{ms}: {:?}", rig.values);
        }
    }
    let none = seen.iter().filter(|value| value.is_nan()).count();
    assert!((5..50).contains(&none) && seen.iter().all(|value| value.is_nan() || *value == -5.0), "{none}: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn who_else_sends_our_messages_is_found_while_we_send() {
    let mut rig = Rig::new(&[]);
    let database = charger::database().unwrap();
    let other = CanFrame::data(database.named("Command").unwrap().id, &[0; 8]).unwrap();
    rig.until(1000).await;
    rig.ear.send(&other).unwrap();
    rig.until(1100).await;
    assert_eq!(rig.own.state(), LinkState::Up, "another controller may be at work while we watch");
    rig.own.direct(Directive::Safe);
    rig.until(1200).await;
    rig.ear.send(&other).unwrap();
    rig.until(1210).await;
    assert_eq!(rig.own.state(), LinkState::Wrong);
    assert_eq!(rig.own.trouble().as_deref(), Some("somebody else sends `Command`"));
    rig.until(2300).await;
    assert_eq!(rig.own.state(), LinkState::Up, "for a second");
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_comes_back_is_used_within_a_second() {
    let mut rig = Rig::new(&[]);
    rig.until(1000).await;
    for (off, on) in [(1000, 1020), (3000, 10_000)] {
        rig.until(off).await;
        rig.bus.set_fault(BusFault::Off);
        rig.until(off + 15).await;
        assert_eq!(rig.own.state(), LinkState::Down);
        assert!(rig.own.trouble().unwrap().contains("down"));
        rig.until(on).await;
        rig.bus.set_fault(BusFault::None);
        // Up when all is there again: the battery's message comes every 500 ms.
        rig.until(on + 1100).await;
        assert_eq!(rig.own.state(), LinkState::Up, "{on}");
    }
}

#[tokio::test(start_paused = true)]
async fn broken_lost_and_babbled_frames_do_no_harm() {
    let mut rig = Rig::new(&[]);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[-5.0]);
    let babble = CanFrame::data(CanId::standard(0).unwrap(), &[0xFF; 8]).unwrap();
    let faults =
        [BusFault::Drop { every: 3 }, BusFault::Corrupt { every: 3 }, BusFault::Babble { frame: babble, times: 500 }];
    for (k, fault) in (1..).zip(faults) {
        rig.bus.set_fault(fault);
        rig.until(3000 * k).await;
        assert_eq!((rig.own.state(), rig.values[POWER], rig.values[STATE]), (LinkState::Up, -5.0, 2.0), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_module_shuts_off_without_commands_and_says_why() {
    let mut rig = Rig::new(&[]);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[-5.0]);
    rig.until(1950).await;
    rig.own.direct(Directive::Watch);
    rig.until(11_800).await;
    assert_eq!((rig.values[POWER], rig.values[COMMUNICATION]), (-5.0, 0.0), "not yet");
    rig.until(12_600).await;
    assert_eq!((rig.values[POWER], rig.values[STATE], rig.values[COMMUNICATION]), (0.0, 0.0, 1.0));
    rig.own.direct(Directive::Operate);
    rig.until(14_000).await;
    assert_eq!((rig.values[POWER], rig.values[STATE], rig.values[COMMUNICATION]), (-5.0, 2.0, 0.0));
    rig.device_on.store(false, Ordering::Relaxed);
}

#[test]
fn a_run_is_the_same_again() {
    let trace = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut rig = Rig::new(&[(1500, 1900, Fault::Garbage), (2500, 3000, Fault::Mute)]);
            rig.own.direct(Directive::Operate);
            rig.own.command(&[-5.0]);
            let mut trace = Vec::new();
            for ms in (0..4000).step_by(7) {
                rig.until(ms).await;
                trace.push(format!("{ms} {:?} {:?} {:?}", rig.heard(), rig.values, rig.own.state()));
            }
            trace
        })
    };
    assert_eq!(trace(), trace());
}

#[test]
fn settings_that_cannot_be_say_all_of_it() {
    let mut settings = settings();
    settings.points.push(Point { from: SignalName::new("Nothing", "x"), scale: 1.0, offset: 0.0 });
    settings.points.push(Point { from: SignalName::new("Status", "Nothing"), scale: 0.0, offset: 0.0 });
    settings.points.push(Point { from: SignalName::new("Command", "Mode"), scale: 1.0, offset: 0.0 });
    settings.set_points[0].safe = 1e6;
    settings
        .set_points
        .push(SetPoint { to: SignalName::new("Limits", "VoltageLowest"), ..settings.set_points[0].clone() });
    settings.set_points.push(SetPoint {
        to: SignalName::new("Command", "Enable"),
        safe: 0.0,
        ..settings.set_points[0].clone()
    });
    settings.sent[0].fixed.push(("VoltageSetPoint".into(), 3.0));
    settings.sent[0].alive = Some(Alive { signal: "CommandAlive".into(), modulus: 17 });
    settings.watched[0].periods = 0;
    settings.watched.push(Watched { period_us: Some(1), ..settings.watched[0].clone() });
    settings.watched.push(Watched { message: "Grid".into(), period_us: Some(10), periods: 1, alive: None });
    let found: Vec<String> = Plan::new(&settings).unwrap_err().iter().map(ToString::to_string).collect();
    for part in [
        "no message `Nothing`",
        "no signal `Nothing`",
        "scale 0",
        "`Command` is sent: nothing",
        "`PowerSetPoint` cannot be",
        "`Limits`, which has set-points",
        "`Enable` has two values",
        "`VoltageSetPoint` has two values",
        "counter of 17 steps",
        "missed at once",
        "`Status` is there twice",
        "`Grid` needs a period",
    ] {
        assert_eq!(found.iter().filter(|one| one.contains(part)).count(), 1, "{part}: {found:#?}");
    }
    assert_eq!(found.len(), 12, "{found:#?}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]

    #[test]
    fn no_frames_break_the_driver(
        frames in proptest::collection::vec((0_u32..8, proptest::collection::vec(proptest::prelude::any::<u8>(), 0..=8), 0_u64..300), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (bus, began) = (VirtualBus::new(), Instant::now());
            let clock = move || u64::try_from(began.elapsed().as_micros()).unwrap();
            let (mut own, end) = port(4, 1);
            let device = bus.connect().unwrap();
            let driver = tokio::spawn(run(Plan::new(&settings()).unwrap(), Connector::Virtual(bus.clone()), end, clock));
            own.direct(Directive::Operate);
            own.command(&[3.0]);
            for (which, bytes, wait_ms) in frames {
                // The module's identifiers, one that is nobody's, and one of 11 bits.
                let id = CanId::new(0x18E0_0101 + (which << 16), true).unwrap();
                let id = if which == 7 { CanId::standard(1).unwrap() } else { id };
                device.send(&CanFrame::data(id, &bytes).unwrap()).unwrap();
                sleep(Duration::from_millis(wait_ms)).await;
                let mut values = [0.0; 4];
                if own.take(&mut values).is_some() {
                    assert!(values[SOC].is_nan() || (0.0..=100.01).contains(&values[SOC]), "{values:?}");
                }
                assert_ne!(own.state(), LinkState::Ended);
            }
            own.direct(Directive::End);
            driver.await.unwrap();
        });
    }
}
