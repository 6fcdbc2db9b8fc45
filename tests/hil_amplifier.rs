//! Drivers of grid simulators against emulated ones, by SCPI and by Modbus, in virtual time: what is set is at the terminals,
//! a trip, and how the output is left.
#![cfg(all(feature = "hil", feature = "solver"))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phasorbench::emulate::{self, Amplifier, AmplifierSettings, Device, Line, Model, SharedScpi};
use phasorbench::link::description::{self, Description};
use phasorbench::link::driver::{Plug, Prepared, emulated_framing};
use phasorbench::link::fault::Faults;
use phasorbench::link::port::{Directive, LinkState, LoopEnd, port};
use phasorbench::link::stream::Socket;
use tokio::time::{Instant, sleep, sleep_until};

fn described(name: &str) -> Arc<Description> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("hil").join(name);
    Arc::new(description::read(&path).description.unwrap())
}

enum Emulated {
    Modbus(emulate::Shared),
    Scpi(SharedScpi),
}

impl Emulated {
    fn with<T>(&self, what: impl FnOnce(&mut dyn Model) -> T) -> T {
        match self {
            Self::Modbus(own) => what(own.lock().unwrap().model()),
            Self::Scpi(own) => what(&mut **own.lock().unwrap().behind()),
        }
    }

    fn shows(&self, name: &str) -> f64 {
        self.with(|model| model.get(name)).unwrap()
    }

    fn acting(&self) -> bool {
        match self {
            Self::Modbus(own) => own.lock().unwrap().acting(),
            Self::Scpi(own) => own.lock().unwrap().acting(),
        }
    }
}

struct Rig {
    own: LoopEnd,
    device: Emulated,
    description: Arc<Description>,
    epoch: Instant,
    period: Duration,
    values: Vec<f64>,
    steps: u32,
}

impl Rig {
    fn new(name: &str) -> Self {
        let description = described(name);
        let model =
            Box::new(Amplifier::new(AmplifierSettings { slew_v_per_s: 1000.0, ..AmplifierSettings::default() }));
        let (socket, mut accept) = Socket::new();
        let epoch = Instant::now();
        let device = if name.contains("scpi") {
            let device = emulate::scpi(&description, model, Faults::new(3)).unwrap();
            let served = Arc::clone(&device);
            tokio::spawn(async move {
                while let Some(stream) = accept.recv().await {
                    tokio::spawn(emulate::serve_scpi(Box::new(stream), Arc::clone(&served), epoch));
                }
            });
            Emulated::Scpi(device)
        } else {
            let device = emulate::shared(Device::new(&description, model, Faults::new(3)).unwrap());
            let (served, framing) = (Arc::clone(&device), emulated_framing(&description));
            tokio::spawn(async move {
                while let Some(stream) = accept.recv().await {
                    let line = Line { stream: Box::new(stream), framing, epoch };
                    tokio::spawn(emulate::serve(line, [Arc::clone(&served)].into()));
                }
            });
            Emulated::Modbus(device)
        };
        let (own, end) = port(description.points.len(), description.set_points.len());
        let prepared = Prepared::new(&description).unwrap();
        tokio::spawn(prepared.run(Plug::Stream(socket.connector()), None, end, epoch));
        let (values, period) = (vec![f64::NAN; description.points.len()], Duration::from_secs_f64(description.poll_s));
        Self { own, device, description, epoch, period, values, steps: 0 }
    }

    async fn steps(&mut self, count: u32) {
        for _ in 0..count {
            self.steps += 1;
            sleep_until(self.epoch + self.period * self.steps).await;
            self.own.beat(u64::try_from(self.epoch.elapsed().as_micros()).unwrap());
            self.own.take(&mut self.values);
        }
    }

    fn value(&self, name: &str) -> f64 {
        self.values[self.description.point(name).unwrap()]
    }
}

const SET: [f64; 7] = [230.0, 231.5, 0.0, 0.0, -90.0, 120.0, 49.5];

#[tokio::test(start_paused = true)]
async fn what_is_set_is_at_the_terminals_whatever_is_spoken() {
    for name in ["grid_simulator_scpi.yaml", "grid_simulator_modbus.yaml"] {
        let mut rig = Rig::new(name);
        rig.steps(3).await;
        assert_eq!(
            (rig.own.state(), rig.value("v_v.a"), rig.value("angle_deg.b")),
            (LinkState::Up, 0.0, -120.0),
            "{name}"
        );
        rig.own.command(&SET);
        rig.own.direct(Directive::Operate);
        rig.device.with(|model| {
            model.show("i_a.a", 4.0);
            model.show("p_w.a", 920.0);
        });
        rig.steps(12).await;
        assert!(rig.own.confirmed(), "{name}: {:?}", rig.own.trouble());
        let found = ["v_v.a", "v_v.b", "v_v.c", "angle_deg.b", "f_hz", "i_a.a", "p_w.a"].map(|point| rig.value(point));
        assert_eq!(found, [230.0, 231.5, 0.0, -90.0, 49.5, 4.0, 920.0], "{name}");
        assert!(rig.device.acting());
        rig.own.direct(Directive::End);
        sleep(rig.period * 3).await;
        assert_eq!((rig.device.acting(), rig.device.shows("v_v.a")), (false, 0.0), "{name}: it is left off");
        assert_eq!(rig.own.state(), LinkState::Ended);
    }
}

#[tokio::test(start_paused = true)]
async fn a_voltage_slews() {
    let mut rig = Rig::new("grid_simulator_modbus.yaml");
    rig.steps(3).await;
    rig.own.command(&SET);
    rig.own.direct(Directive::Operate);
    rig.steps(2).await;
    let first = rig.value("v_v.a");
    assert!(first > 10.0 && first < 100.0, "{first} V after a poll at 1000 V/s");
    rig.steps(1).await;
    assert!((rig.value("v_v.a") - first - 50.0).abs() < 1.0, "50 V more in 50 ms");
}

#[tokio::test(start_paused = true)]
async fn an_output_that_trips_stays_off() {
    for name in ["grid_simulator_scpi.yaml", "grid_simulator_modbus.yaml"] {
        let mut rig = Rig::new(name);
        rig.own.command(&SET);
        rig.own.direct(Directive::Operate);
        rig.steps(12).await;
        assert_eq!((rig.value("v_v.a"), rig.device.acting()), (230.0, true), "{name}");
        rig.device.with(|model| model.show("i_a.a", 150.0));
        rig.steps(12).await;
        let trouble = rig.own.trouble().unwrap_or_default();
        assert!(rig.own.state() == LinkState::Wrong && trouble.contains("not begun again"), "{name}: {trouble}");
        rig.device.with(|model| model.show("i_a.a", 0.0));
        // What the bench does with a device that is lost, and when it is back.
        rig.own.direct(Directive::Safe);
        rig.steps(4).await;
        rig.own.direct(Directive::Operate);
        rig.steps(8).await;
        let shown = ["v_v.a", "tripped_state"].map(|point| rig.device.shows(point));
        assert_eq!((rig.device.acting(), shown), (false, [0.0, 1.0]), "{name}: nobody switches it on again");
    }
}
