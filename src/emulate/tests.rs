//! Emulated devices under physical faults, without a wire; and what stands behind a bus.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::model::{Inverter, InverterSettings, Model};
use super::others::{on_can, pmu};
use super::{Device, SharedModel};
use crate::device::{Limits, Priority};
use crate::link::description::{Description, Source, from_text};
use crate::link::fault::Faults;
use crate::link::modbus::server::Store;
use crate::link::modbus::sunspec::Directory;
use crate::link::modbus::{Block, Image, Located, Table};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/hil");

fn description(name: &str) -> Description {
    let path = Path::new(FOLDER).join(name);
    let reading = from_text(std::fs::read_to_string(&path).unwrap(), &path);
    reading.description.unwrap_or_else(|| panic!("{:?}", reading.diagnostics))
}

fn model() -> Box<dyn Model> {
    let limits = Limits {
        s_va: 30_000.0,
        ramp_w_per_s: f64::INFINITY,
        ramp_var_per_s: f64::INFINITY,
        response_s: 0.0,
        priority: Priority::Reactive,
    };
    Box::new(Inverter::new(InverterSettings { limits, phases: 3, energy_wh: f64::INFINITY, soc: 0.5 }))
}

fn faults(lines: &[&str]) -> Faults {
    let mut faults = Faults::new(1);
    lines.iter().for_each(|line| faults.line(line).unwrap());
    faults
}

/// A gateway whose registers are read and written.
struct Gateway {
    device: Device,
    description: Description,
}

impl Gateway {
    fn new(lines: &[&str]) -> Self {
        let description = description("v2g_gateway.yaml");
        Self { device: Device::new(&description, model(), faults(lines)).unwrap(), description }
    }

    fn place(source: &Source) -> Located {
        let Source::Modbus(value) = source else { panic!("it is on Modbus") };
        value.locate(&Directory::default()).unwrap()
    }

    /// Goes on to a time and reads a point.
    fn at(&mut self, at_s: f64, point: &str) -> Option<f64> {
        self.device.advance(at_s);
        let place = Self::place(&self.description.points[self.description.point(point).unwrap()].source);
        let mut words = vec![0; usize::from(place.block.count)];
        self.device.read(place.block, &mut words).unwrap();
        let mut image = Image::new(&[place.block]);
        image.take(0, Some(&words));
        place.decode(&image).ok()
    }

    fn operate(&mut self, p_w: i16) {
        self.device.write(Table::Holding, 301, &[1]).unwrap();
        self.device.write(Table::Holding, 300, &[p_w.cast_unsigned()]).unwrap();
    }

    fn set_point(&mut self) -> u16 {
        let mut word = [0];
        self.device.read(Block { table: Table::Holding, address: 300, count: 1 }, &mut word).unwrap();
        word[0]
    }
}

#[test]
fn without_its_batterys_management_a_charger_lets_its_power_go_and_takes_it_up_again() {
    let mut own = Gateway::new(&["10s..20s: bms_silent"]);
    own.operate(-8000);
    assert_eq!((own.at(9.0, "p_w"), own.at(9.0, "soc_percent")), (Some(-8000.0), Some(50.0)));
    assert_eq!((own.at(11.5, "p_w"), own.at(11.5, "soc_percent")), (Some(-8000.0), None));
    assert_eq!((own.at(11.5, "discharge_limit_w"), own.at(11.5, "v_v.a")), (None, Some(230.0)));
    assert_eq!(own.at(13.0, "p_w"), Some(-4000.0), "half of it is gone");
    own.operate(-6000);
    assert_eq!(own.at(13.5, "p_w"), Some(-1500.0), "whatever it is told");
    assert_eq!((own.at(15.0, "p_w"), own.set_point()), (Some(0.0), (-6000_i16).cast_unsigned()));
    assert_eq!((own.at(20.1, "p_w"), own.at(20.1, "soc_percent")), (Some(-6000.0), Some(50.0)));
}

#[test]
fn a_low_supply_is_shown_and_single_readings_miss_the_same_ones_each_time() {
    let run = || {
        let mut own = Gateway::new(&["10s..30s: rail 9.9V", "40s..43s: rail 8V"]);
        own.operate(5000);
        let seen: Vec<_> = (0..300).map(|k| own.at(0.1 * f64::from(k), "p_w")).collect();
        (own, seen)
    };
    let (mut own, seen) = run();
    assert_eq!(seen, run().1);
    assert!(seen[1..100].iter().all(|value| *value == Some(5000.0)));
    let missing = seen[110..].iter().filter(|value| value.is_none()).count();
    assert!((5..40).contains(&missing), "a tenth of 190: {missing}");
    assert!((0..190).all(|k| own.at(30.0 + 0.01 * f64::from(k), "heartbeat_count").is_some()), "no sensor");
    own.operate(5000);
    assert_eq!((own.at(40.5, "rail_v"), own.set_point()), (Some(10.0), 5000));
    assert_eq!((own.at(42.0, "rail_v"), own.set_point()), (Some(8.0), 0), "it began anew");
    assert_eq!((own.at(45.0, "rail_v"), own.at(45.0, "p_w")), (Some(12.0), Some(0.0)));
}

#[test]
fn what_is_emulated_on_a_bus_is_what_its_database_describes() {
    let shared = || -> SharedModel { Arc::new(Mutex::new(model())) };
    for name in ["charger_module.yaml", "chademo_vehicle.yaml"] {
        assert!(on_can(&description(name), shared(), &faults(&["1s: rail 8V", "2s: twice"])).is_ok(), "{name}");
    }
    let folder = std::env::temp_dir().join(format!("phasorbench-emulate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("x.dbc"), "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: A\n\nBO_ 5 X: 8 A\n").unwrap();
    let text = "device: x\nkind: meter\ncan: {database: x.dbc}\npoints:\n  p_w: {can: X.P}\n";
    let reading = from_text(text.into(), &folder.join("x.yaml"));
    let error = on_can(&reading.description.unwrap(), shared(), &faults(&[])).err().unwrap().to_string();
    assert!(error.contains("nothing here emulates"), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(on_can(&description("v2g_gateway.yaml"), shared(), &faults(&[])).is_err());
}

#[test]
fn every_fault_is_something_to_a_pmu() {
    let lines = [
        "1s..2s: hot",
        "3s: hot",
        "4s..5s: rail 8V",
        "6s: rail 9.5V",
        "7s: bms_silent",
        "8s: emi 5cm 100A",
        "9s: unterminated 1000m 19200",
        "10s: twice",
    ];
    assert!(pmu(&description("pmu.yaml"), 1, 50.0, &faults(&lines)).is_ok());
}
