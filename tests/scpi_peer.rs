//! An emulated grid simulator with a client that we did not write: PyVISA with PyVISA-py, over TCP. And our driver with the
//! same device over a real socket, by its address.
//!
//! It needs python3 with venv and the package index; it fails where they are missing. Limits: loopback only; what stands
//! behind the device is an ideal source of this file. PyVISA-sim is not used: it serves no sockets.
#![cfg(all(feature = "hil", unix))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "support/python.rs"]
mod packages;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use phasorbench::link::address::Address;
use phasorbench::link::description::{self, Description};
use phasorbench::link::driver::Prepared;
use phasorbench::link::fault::Faults;
use phasorbench::link::port::{Directive, LinkState, port};
use phasorbench::link::scpi::instrument::{Behind, Instrument};
use phasorbench::link::scpi::serve::{Shared, listen, shared};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

/// The environment's python, with the packages in it.
fn python() -> PathBuf {
    packages::with("scpi_peer", &["pyvisa==1.16.2", "pyvisa-py==0.8.1"], "pyvisa, pyvisa_py")
}

/// A source without a load but 5 A in phase a.
#[derive(Default)]
struct Ideal {
    set: BTreeMap<String, f64>,
    on: bool,
}

impl Behind for Ideal {
    fn step(&mut self, _: f64) {}
    fn set(&mut self, name: &str, value: f64) {
        self.set.insert(name.into(), value);
    }
    fn get(&self, name: &str) -> Option<f64> {
        let voltage = |name: &str| if self.on { self.set.get(name).copied().unwrap_or(0.0) } else { 0.0 };
        match name {
            "p_w.a" => Some(5.0 * voltage("v_v.a")),
            _ if name.starts_with("v_v") => Some(voltage(name)),
            _ => self.set.get(name).copied(),
        }
    }
    fn act(&mut self, acting: bool) {
        self.on = acting;
    }
    fn reboot(&mut self) {
        self.on = false;
    }
}

fn described() -> Description {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("hil/grid_simulator_scpi.yaml");
    let reading = description::read(&path);
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    reading.description.unwrap()
}

/// A device that listens, and its port.
async fn served() -> (Shared<Ideal>, u16) {
    let device = shared(Instrument::new(&described(), Ideal::default(), Faults::new(1)).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().port();
    tokio::spawn(listen(listener, Arc::clone(&device), Instant::now(), vec![[127, 0, 0, 1].into()]));
    (device, at)
}

#[tokio::test]
async fn their_client_is_answered_as_it_expects() {
    let python = python();
    let (device, at) = served().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scpi_peer/client.py");
    let output = tokio::task::spawn_blocking(move || {
        Command::new(python).arg(script).arg(at.to_string()).stdin(Stdio::null()).output().unwrap()
    });
    let output = timeout(Duration::from_secs(60), output).await.expect("in time").unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((said.lines().count(), said.lines().next_back()), (21, Some("all well")), "{said}");
    assert!(!device.lock().unwrap().acting());
}

#[tokio::test]
async fn our_driver_over_a_socket_by_its_address() {
    let (device, at) = served().await;
    let description = Arc::new(described());
    let prepared = Prepared::new(&description).unwrap();
    let address = Address::parse(&format!("scpi://127.0.0.1:{at}")).unwrap();
    assert!(prepared.plug(&Address::parse("tcp://127.0.0.1").unwrap()).is_err(), "Modbus's port is not SCPI's");
    let plug = prepared.plug(&address).unwrap();
    let (mut own, end) = port(description.points.len(), description.set_points.len());
    let epoch = Instant::now();
    let driver = tokio::spawn(prepared.run(plug, Some(&address), end, epoch));
    own.direct(Directive::Operate);
    own.command(&[230.0, 231.0, 232.5, 0.0, -120.0, 120.0, 50.25]);
    let mut values = vec![f64::NAN; description.points.len()];
    let at = |name: &str| description.point(name).unwrap();
    while !(own.take(&mut values).is_some_and(|stamp| stamp.confirmed) && values[at("v_v.c")] > 0.0) {
        own.beat(u64::try_from(epoch.elapsed().as_micros()).unwrap());
        assert!(epoch.elapsed() < Duration::from_secs(20), "{:?}: {:?}", own.state(), own.trouble());
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!([values[at("v_v.a")], values[at("v_v.c")], values[at("f_hz")]], [230.0, 232.5, 50.25]);
    assert_eq!((values[at("angle_deg.b")], values[at("p_w.a")], own.state()), (-120.0, 1150.0, LinkState::Up));
    drop(own);
    timeout(Duration::from_secs(5), driver).await.expect("in time").unwrap();
    let mut device = device.lock().unwrap();
    assert!(!device.acting() && device.behind().set["v_v.a"] == 0.0);
}
