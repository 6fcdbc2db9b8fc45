//! A Modbus driver against an emulated device, in virtual time: what is measured, set, found wrong, left behind.
#![cfg(all(feature = "hil", feature = "solver"))]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phasorbench::device::{Limits, Priority};
use phasorbench::emulate::{self, Device, Inverter, InverterSettings, Line, Shared};
use phasorbench::link::description::{self, Description};
use phasorbench::link::fault::{Fault, Faults};
use phasorbench::link::modbus::driver::{self, Framing};
use phasorbench::link::port::{Directive, LinkState, LoopEnd, port};
use phasorbench::link::stream::Socket;
use tokio::time::{Instant, sleep_until};

fn described(name: &str) -> Description {
    let reading = description::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("hil").join(name));
    assert!(
        reading.diagnostics.is_empty(),
        "{}",
        phasorbench::diagnostic::render(&reading.diagnostics, &reading.sources, false)
    );
    reading.description.unwrap()
}

fn inverter() -> Box<Inverter> {
    let limits = Limits {
        s_va: 30_000.0,
        ramp_w_per_s: f64::INFINITY,
        ramp_var_per_s: f64::INFINITY,
        response_s: 0.0,
        priority: Priority::Reactive,
    };
    Box::new(Inverter::new(InverterSettings { limits, phases: 3, energy_wh: f64::INFINITY, soc: 0.5 }))
}

/// A loop of 50 ms steps, a driver and a device.
struct Rig {
    device: Shared,
    own: LoopEnd,
    socket: Socket,
    epoch: Instant,
    description: Arc<Description>,
    values: Vec<f64>,
    steps: u64,
    fresh: u64,
    lost: u64,
    seen: u64,
}

impl Rig {
    fn new(framing: Framing) -> Self {
        let description = Arc::new(described("sunspec_inverter.yaml"));
        let device = emulate::shared(Device::new(&description, inverter(), Faults::new(7)).unwrap());
        let (socket, mut accept) = Socket::new();
        let epoch = Instant::now();
        let (own, end) = port(description.points.len(), description.set_points.len());
        let settings = driver::Settings {
            description: Arc::clone(&description),
            unit: None,
            framing,
            connect: socket.connector(),
            epoch,
        };
        tokio::spawn(driver::run(settings, end));
        let served = Arc::clone(&device);
        tokio::spawn(async move {
            while let Some(stream) = accept.recv().await {
                tokio::spawn(emulate::serve(
                    Line { stream: Box::new(stream), framing, epoch },
                    [Arc::clone(&served)].into(),
                ));
            }
        });
        let values = vec![f64::NAN; description.points.len()];
        Self { device, own, socket, epoch, description, values, steps: 0, fresh: 0, lost: 0, seen: 0 }
    }

    async fn step(&mut self) {
        self.steps += 1;
        sleep_until(self.epoch + Duration::from_millis(50 * self.steps)).await;
        self.own.beat(50_000 * self.steps);
        if let Some(stamp) = self.own.take(&mut self.values) {
            self.lost += stamp.sequence - self.seen - 1;
            (self.seen, self.fresh) = (stamp.sequence, self.fresh + 1);
            assert!(stamp.received_us <= 50_000 * self.steps && stamp.origin_us <= stamp.received_us);
        }
        let now_s = 0.05 * self.steps as f64;
        self.socket.plug(!self.device.lock().unwrap().faults.gone(now_s));
    }

    async fn steps(&mut self, count: u64) {
        for _ in 0..count {
            self.step().await;
        }
    }

    fn value(&self, name: &str) -> f64 {
        self.values[self.description.point(name).unwrap()]
    }

    /// Steps until the link is in a state; how many.
    async fn until(&mut self, state: LinkState, most: u64) -> u64 {
        let from = self.steps;
        while self.own.state() != state {
            assert!(self.steps - from < most, "{:?} after {most} steps: {:?}", self.own.state(), self.own.trouble());
            self.step().await;
        }
        self.steps - from
    }

    fn fault(&self, for_s: f64, fault: Fault) {
        let now_s = 0.05 * self.steps as f64;
        self.device.lock().unwrap().faults.add(now_s, now_s + for_s, fault);
    }
}

#[tokio::test(start_paused = true)]
async fn set_points_are_followed_sample_by_sample() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        let mut rig = Rig::new(framing);
        rig.until(LinkState::Up, 10).await;
        assert_eq!(rig.value("p_w"), 0.0);
        rig.own.command(&[9000.0, -1500.0]);
        rig.steps(5).await;
        assert_eq!(rig.value("p_w"), 0.0, "nothing is written before it is said so");
        rig.own.direct(Directive::Operate);
        rig.steps(3).await;
        assert_eq!((rig.value("p_w"), rig.value("q_var"), rig.value("p_w.b")), (9000.0, -1500.0, 3000.0));
        assert!((rig.value("v_v.a") - 230.0).abs() < 0.06 && (rig.value("f_hz") - 50.0).abs() < 0.01);
        assert!(rig.own.confirmed());
        let (fresh, steps, lost) = (rig.fresh, rig.steps, rig.lost);
        for k in 0..400 {
            let wanted = f64::from(k) * 10.0;
            rig.own.command(&[wanted, 0.0]);
            rig.step().await;
            assert_eq!(rig.value("p_w"), wanted, "a set-point is measured by the step after it was given, step {k}");
        }
        assert_eq!((rig.fresh - fresh, rig.lost), (rig.steps - steps, lost), "no sample is lost or doubled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_is_left_safe_however_the_loop_ends() {
    let mut rig = Rig::new(Framing::Tcp);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[9000.0, 0.0]);
    rig.steps(10).await;
    assert_eq!(rig.value("p_w"), 9000.0);
    let (device, epoch) = (Arc::clone(&rig.device), rig.epoch);
    let ended = rig.epoch.elapsed();
    drop(rig);
    sleep_until(epoch + ended + Duration::from_millis(100)).await;
    let power = |device: &Shared| {
        let mut device = device.lock().unwrap();
        device.advance(epoch.elapsed().as_secs_f64());
        device.model().get("p_w")
    };
    assert_eq!(power(&device), Some(0.0), "within two polls");
    assert!(!device.lock().unwrap().acting(), "and released");
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_hangs_is_not_obeyed() {
    let mut rig = Rig::new(Framing::Tcp);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[9000.0, 0.0]);
    rig.steps(10).await;
    sleep_until(Instant::now() + Duration::from_millis(1200)).await;
    assert_eq!(rig.device.lock().unwrap().model().get("p_w"), Some(0.0));
    rig.steps = rig.epoch.elapsed().as_millis() as u64 / 50;
    rig.own.command(&[8000.0, 0.0]);
    rig.steps(4).await;
    assert_eq!(rig.value("p_w"), 8000.0, "and is again once it goes on");
}

#[tokio::test(start_paused = true)]
async fn without_anybody_its_own_timer_makes_it_safe() {
    let mut rig = Rig::new(Framing::Tcp);
    rig.own.direct(Directive::Operate);
    rig.own.command(&[9000.0, 0.0]);
    rig.steps(10).await;
    // Killed: nothing is said any more, the connection stays.
    let device = Arc::clone(&rig.device);
    rig.fault(30.0, Fault::Silent);
    sleep_until(Instant::now() + Duration::from_secs(4)).await;
    device.lock().unwrap().advance(rig.epoch.elapsed().as_secs_f64());
    assert_eq!(device.lock().unwrap().model().get("p_w"), Some(0.0), "its heartbeat stands still");
}

#[tokio::test(start_paused = true)]
async fn every_fault_is_found_and_outlived() {
    let cases = [
        (Fault::Cut, LinkState::Down, 2, ""),
        (Fault::Reboot { s: 1.0 }, LinkState::Down, 2, ""),
        (Fault::Silent, LinkState::Down, 12, "no answer within"),
        (Fault::Delay { s: 0.6 }, LinkState::Down, 12, "no answer within"),
        (Fault::Freeze, LinkState::Wrong, 43, "frozen"),
        (Fault::Nan, LinkState::Wrong, 2, "has no value"),
        (Fault::WrongScale, LinkState::Wrong, 2, "scale factor is not what it was"),
        (Fault::Exception { code: 4 }, LinkState::Wrong, 6, "exception 4"),
        (Fault::Half, LinkState::Down, 2, ""),
        (Fault::WrongUnit, LinkState::Wrong, 2, "not to the question"),
        (Fault::Twice, LinkState::Wrong, 4, ""),
    ];
    for (fault, state, within, words) in cases {
        let mut rig = Rig::new(Framing::Tcp);
        rig.own.direct(Directive::Operate);
        rig.own.command(&[9000.0, 0.0]);
        rig.steps(20).await;
        assert_eq!(rig.own.state(), LinkState::Up, "{fault:?}");
        rig.fault(3.0, fault);
        let took = rig.until(state, within).await;
        let trouble = rig.own.trouble().unwrap_or_default();
        assert!(trouble.contains(words), "{fault:?} after {took} steps: {trouble}");
        rig.steps(60 - took).await;
        let back = rig.until(LinkState::Up, 20).await;
        assert!(back <= 20, "{fault:?}: back up a second after it is over");
        rig.steps(5).await;
        assert_eq!(
            rig.value("p_w"),
            9000.0,
            "{fault:?}: {:?} {:?} {:?} and it does again what it is told",
            rig.own.state(),
            rig.own.trouble(),
            rig.device.lock().unwrap().acting()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_and_noise_never_pass_for_values() {
    for (framing, fault) in [
        (Framing::Tcp, Fault::Garbage),
        (Framing::Rtu, Fault::Garbage),
        (Framing::Rtu, Fault::Noise { share: 0.01 }),
        (Framing::Rtu, Fault::Drop { share: 0.3 }),
    ] {
        let mut rig = Rig::new(framing);
        rig.own.direct(Directive::Operate);
        rig.own.command(&[9000.0, 0.0]);
        rig.steps(20).await;
        rig.fault(20.0, fault);
        for _ in 0..400 {
            rig.step().await;
            assert!([0.0, 9000.0].contains(&rig.value("p_w")), "{fault:?} {framing:?}: {}", rig.value("p_w"));
        }
        rig.steps(30).await;
        assert_eq!(rig.own.state(), LinkState::Up);
    }
}
