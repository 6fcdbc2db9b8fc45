//! The devices that are shipped as descriptions: all read without a finding, their values are where manuals have them, words
//! in the wrong order are found, and a poll fits into its period. What is wrong with a broken description is said where.
#![cfg(feature = "hil")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use phasorbench::diagnostic::render;
use phasorbench::link::description::language::{Kind, ModbusHead};
use phasorbench::link::description::{self, Description, Source, Wire};
use phasorbench::link::modbus::sunspec::{self, Directory, Model};
use phasorbench::link::modbus::{Block, Image, Located, Table, blocks};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hil")
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|own| own == "yaml"));
    files.sort();
    files
}

fn read(path: &Path) -> Description {
    let reading = description::read(path);
    assert!(reading.diagnostics.is_empty(), "{}", render(&reading.diagnostics, &reading.sources, false));
    reading.description.unwrap()
}

fn described(name: &str) -> Description {
    read(&folder().join(format!("{name}.yaml")))
}

fn modbus(own: &Description) -> Option<&ModbusHead> {
    if let Wire::Modbus(head) = &own.wire { Some(head) } else { None }
}

fn located(source: &Source, directory: &Directory) -> Option<Located> {
    if let Source::Modbus(own) = source { own.locate(directory) } else { None }
}

fn point(own: &Description, name: &str, directory: &Directory) -> Located {
    let at = own.point(name).unwrap_or_else(|| panic!("{} has no {name}", own.name));
    located(&own.points[at].source, directory).unwrap_or_else(|| panic!("{} is nowhere", name))
}

#[test]
fn every_shipped_description_reads_without_a_finding() {
    let files = files();
    assert!(files.len() >= 10, "{files:?}");
    for path in files {
        let own = read(&path);
        assert_eq!(path.file_stem().unwrap().to_str(), Some(own.name.as_str()), "a device is called as its file");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# "), "{} does not say where it is from", path.display());
        assert_ne!(own.title, own.name, "{} has no title", own.name);
        let measured = own.kind != Kind::Controller;
        assert!(!measured || own.points.iter().any(|point| point.range.is_some()), "{} has no range", own.name);
    }
}

/// A value by hand: its first register on the wire, the words there, and what they mean.
type Row = (&'static str, Table, u16, &'static [u16], f64);

fn check(device: &str, rows: &[Row]) {
    let own = described(device);
    for &(name, table, address, words, value) in rows {
        let place = point(&own, name, &Directory::default());
        let block = Block { table, address, count: u16::try_from(words.len()).unwrap() };
        assert_eq!(place.block, block, "{device} {name}");
        let mut image = Image::new(&[block]);
        assert!(image.take(0, Some(words)));
        let found = place.decode(&image).unwrap();
        assert!((found - value).abs() <= 1e-6 * value.abs().max(1e-3), "{device} {name}: {found}, not {value}");
    }
}

const I: Table = Table::Input;
const H: Table = Table::Holding;
/// Floats as bits, high word first: 230.2, 50, 1.5, 1234.5, 2.5.
const V230: &[u16] = &[0x4366, 0x3333];
const F50: &[u16] = &[0x4248, 0x0000];
const ONE_AND_A_HALF: &[u16] = &[0x3FC0, 0x0000];
const E1234: &[u16] = &[0x449A, 0x5000];
const TWO_AND_A_HALF: &[u16] = &[0x4020, 0x0000];

#[test]
fn floats_of_eastron_and_janitza() {
    check(
        "eastron_sdm630",
        &[
            ("v_v.a", I, 0x00, V230, 230.2),
            ("v_v.c", I, 0x04, V230, 230.2),
            ("i_a.b", I, 0x08, ONE_AND_A_HALF, 1.5),
            ("p_w.c", I, 0x10, V230, -230.2),
            ("p_w", I, 0x34, E1234, -1234.5),
            ("q_var.a", I, 0x18, ONE_AND_A_HALF, -1.5),
            ("q_var", I, 0x3C, ONE_AND_A_HALF, -1.5),
            ("pf.a", I, 0x1E, &[0x3F80, 0], 1.0),
            ("f_hz", I, 0x46, F50, 50.0),
            ("import_wh", I, 0x48, E1234, 1_234_500.0),
            ("export_wh", I, 0x4A, E1234, 1_234_500.0),
            ("thd_v_percent.a", I, 0xEA, TWO_AND_A_HALF, 2.5),
            ("thd_i_percent.c", I, 0xF4, TWO_AND_A_HALF, 2.5),
        ],
    );
    check(
        "janitza_umg",
        &[
            ("v_v.a", H, 19000, V230, 230.2),
            ("v_ll_v.ca", H, 19010, V230, 230.2),
            ("i_a.a", H, 0x4A44, ONE_AND_A_HALF, 1.5),
            ("p_w.a", H, 0x4A4C, V230, -230.2),
            ("p_w", H, 19026, E1234, -1234.5),
            ("pf.a", H, 0x4A64, &[0x3F80, 0], 1.0),
            ("f_hz", H, 19050, F50, 50.0),
            ("import_wh", H, 0x4A7C, E1234, 1234.5),
            ("export_wh.a", H, 0x4A7E, E1234, 1234.5),
            ("thd_v_percent.a", H, 19110, TWO_AND_A_HALF, 2.5),
            ("thd_i_percent.c", H, 19120, TWO_AND_A_HALF, 2.5),
        ],
    );
}

#[test]
fn carlo_gavazzi_has_the_low_word_first() {
    let alike: &[Row] = &[
        ("v_v.a", I, 0x00, &[0x08FE, 0x0000], 230.2),
        ("i_a.a", I, 0x0C, &[0x1388, 0x0000], 5.0),
        ("p_w.b", I, 0x14, &[0x3A98, 0x0000], -1500.0),
        ("p_w", I, 0x28, &[0xC568, 0xFFFF], 1500.0),
    ];
    for device in ["carlo_gavazzi_em24", "carlo_gavazzi_em340"] {
        check(device, alike);
    }
    check(
        "carlo_gavazzi_em24",
        &[
            ("pf.a", I, 0x32, &[0xFC27], -0.985),
            ("pf", I, 0x35, &[1000], 1.0),
            ("f_hz", I, 0x37, &[500], 50.0),
            ("import_wh", I, 0x42, &[0xD687, 0x0012], 123_456_700.0),
            ("export_wh", I, 0x5C, &[1, 0], 100.0),
        ],
    );
    check(
        "carlo_gavazzi_em340",
        &[
            ("pf.c", I, 0x30, &[0xFC27], -0.985),
            ("f_hz", I, 0x33, &[499], 49.9),
            ("import_wh", I, 0x34, &[0xD687, 0x0012], 123_456_700.0),
            ("import_wh.c", I, 0x44, &[1, 0], 100.0),
            ("export_wh", I, 0x4E, &[1, 0], 100.0),
        ],
    );
}

#[test]
fn schneider_counts_registers_from_1() {
    let alike: &[Row] = &[
        ("v_v.a", H, 3027, V230, 230.2),
        ("v_v.c", H, 3031, V230, 230.2),
        ("i_a.a", H, 2999, ONE_AND_A_HALF, 1.5),
        ("p_w.a", H, 3053, ONE_AND_A_HALF, -1500.0),
        ("p_w", H, 3059, ONE_AND_A_HALF, -1500.0),
        ("q_var", H, 3067, ONE_AND_A_HALF, -1500.0),
        ("s_va", H, 3075, ONE_AND_A_HALF, 1500.0),
        ("f_hz", H, 3109, F50, 50.0),
        ("import_wh", H, 3203, &[0, 0, 1, 0], 65_536.0),
    ];
    for device in ["schneider_iem3000", "schneider_pm5xxx"] {
        check(device, alike);
    }
    check("schneider_iem3000", &[("v_v.a", H, 0x0BD3, V230, 230.2), ("import_wh.a", H, 0x0DBD, &[0, 0, 0, 7], 7.0)]);
    check(
        "schneider_pm5xxx",
        &[
            ("thd_i_percent.a", H, 21299, TWO_AND_A_HALF, 2.5),
            ("thd_v_percent.a", H, 21329, TWO_AND_A_HALF, 2.5),
            ("thd_v_percent.c", H, 21333, TWO_AND_A_HALF, 2.5),
        ],
    );
    let own = described("schneider_iem3000");
    let place = point(&own, "import_wh", &Directory::default());
    let mut image = Image::new(&[place.block]);
    image.take(0, Some(&[0x8000, 0, 0, 0]));
    assert!(place.decode(&image).is_err(), "what is not there is no number");
}

#[test]
fn the_map_of_our_own_has_every_order() {
    check(
        "power_quality_analyser",
        &[
            ("sequence_count", I, 2, &[0x0001, 0x0002], 65_538.0),
            ("flags_bits", I, 4, &[0, 5], 5.0),
            ("v_v.a", I, 6, V230, 230.2),
            ("i_a.c", I, 16, ONE_AND_A_HALF, 1.5),
            ("p_w.a", I, 18, ONE_AND_A_HALF, -1.5),
            ("f_hz", I, 30, F50, 50.0),
            ("thd_v_percent.a", I, 32, TWO_AND_A_HALF, 2.5),
            ("thd_i_percent.c", I, 42, TWO_AND_A_HALF, 2.5),
            ("v_h2_percent.a", I, 100, TWO_AND_A_HALF, 2.5),
            ("v_h5_percent.b", I, 206, TWO_AND_A_HALF, 2.5),
            ("v_h50_percent.c", I, 396, TWO_AND_A_HALF, 2.5),
        ],
    );
    let own = described("power_quality_analyser");
    assert_eq!(own.points.iter().filter(|point| point.name.starts_with("v_h")).count(), 3 * 49);
    assert_eq!(own.alive.map(|(point, _)| own.points[point].name.as_str()), Some("sequence_count"));
}

#[test]
fn grid_simulators_are_alike_whatever_they_speak() {
    let [modbus, scpi] = ["grid_simulator_modbus", "grid_simulator_scpi"].map(described);
    let names = |own: &Description| {
        let mut names: Vec<String> = own.points.iter().map(|point| point.name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!((names(&modbus), modbus.kind, scpi.kind), (names(&scpi), Kind::Amplifier, Kind::Amplifier));
    assert_eq!(modbus.points.len(), 13);
    for (one, other) in modbus.set_points.iter().zip(&scpi.set_points) {
        assert_eq!((&one.name, one.range, one.safe), (&other.name, other.range, other.safe));
    }
    let questions: Vec<Option<&str>> = scpi
        .set_points
        .iter()
        .map(|own| if let Source::Scpi(place) = &own.source { place.question.as_deref() } else { None })
        .collect();
    assert_eq!(questions[..2], [Some("VOLT:PHAS1?"), Some("VOLT:PHAS2?")]);
    assert_eq!(questions.len(), 7);
    check(
        "grid_simulator_modbus",
        &[("v_v.a", I, 0, V230, 230.2), ("f_hz", I, 24, F50, 50.0), ("i_a.c", I, 16, ONE_AND_A_HALF, 1.5)],
    );
}

/// A directory with one model at register 40070, behind the common one.
fn with_model(numbers: &[u16]) -> Directory {
    let mut address = 40070;
    let model = |&number: &u16| {
        let length = sunspec::length(number).unwrap();
        let own = Model { number, address, length };
        address += length + 2;
        own
    };
    Directory { base: 40000, models: numbers.iter().map(model).collect(), oddities: Vec::new() }
}

/// A value of a SunSpec device, with its scale factor's word where it has one.
fn sunspec_value(place: &Located, words: &[u16], factor: i16) -> f64 {
    let wanted: Vec<Block> = place.needs().collect();
    let mut image = Image::new(&wanted);
    assert!(image.take(0, Some(words)));
    if wanted.len() > 1 {
        assert!(image.take(1, Some(&[factor.cast_unsigned()])));
    }
    place.decode(&image).unwrap()
}

#[test]
fn sunspec_meters_by_whichever_model_they_have() {
    let own = described("sunspec_meter");
    for number in 201..=204 {
        let directory = with_model(&[number]);
        let place = point(&own, "p_w", &directory);
        assert_eq!((place.block.address, place.exponent.map(|own| own.address)), (40070 + 18, Some(40070 + 22)));
        assert_eq!(sunspec_value(&place, &[(-150_i16).cast_unsigned()], 1), 1500.0, "export is injected");
        assert!((sunspec_value(&point(&own, "v_v.a", &directory), &[2302], -1) - 230.2).abs() < 1e-9);
        assert_eq!(sunspec_value(&point(&own, "import_wh", &directory), &[1, 0], 0), 65_536.0);
        assert!((sunspec_value(&point(&own, "pf", &directory), &[985], -1) - 0.985).abs() < 1e-12, "percent in tenths");
    }
    for number in 211..=214 {
        let directory = with_model(&[number]);
        let place = point(&own, "p_w", &directory);
        assert_eq!((place.block.address, place.exponent), (40070 + 28, None));
        assert_eq!(sunspec_value(&place, E1234, 0), -1234.5);
    }
    let at = |name: &str, number: u16| {
        let point = &own.points[own.point(name).unwrap()];
        (located(&point.source, &with_model(&[number])).is_some(), point.optional)
    };
    assert_eq!(at("pf", 213), (false, true));
    assert_eq!(at("v_ll_v.ab", 201), (sunspec::point("201.PhVphAB").is_some(), true));
}

#[test]
fn older_sunspec_inverters_are_set_in_percent() {
    let own = described("sunspec_inverter_legacy");
    let directory = with_model(&[101, 120, 121, 123]);
    let place = point(&own, "p_w", &directory);
    assert_eq!(place.block.address, 40070 + 14);
    let at = |name: &str| own.set_points[own.set_point(name).unwrap()].clone();
    let limit = at("p_percent");
    let place = located(&limit.source, &directory).unwrap();
    let control = directory.models[3].address;
    assert_eq!((place.block.address, place.exponent.map(|own| own.address)), (control + 5, Some(control + 23)));
    let mut image = Image::new(&place.needs().collect::<Vec<_>>());
    image.take(1, Some(&[(-2_i16).cast_unsigned()]));
    assert_eq!(place.encode(45.5, &image).unwrap().0[0], 4550);
    assert_eq!((limit.range, limit.safe), ([0.0, 100.0], 0.0));
    let q = located(&at("q_percent").source, &directory).unwrap();
    assert_eq!(q.block.address, control + 16);
    let timers: Vec<u16> =
        own.reversion.iter().map(|write| located(&write.source, &directory).unwrap().block.address - control).collect();
    assert_eq!(timers, [7, 19]);
    assert!(own.reversion.iter().all(|write| write.value == 10.0));
    let enables: Vec<u16> =
        own.commit.iter().map(|write| located(&write.source, &directory).unwrap().block.address - control).collect();
    assert_eq!(enables, [9, 22]);
}

/// What a healthy device at 230 V would say.
fn healthy(name: &str) -> f64 {
    let stem = name.split('.').next().unwrap();
    match stem {
        "v_ll_v" => 400.0,
        "f_hz" => 50.0,
        "sequence_count" | "heartbeat_count" => 4242.0,
        "rail_v" => 12.0,
        "discharge_limit_w" | "charge_limit_w" => 11_000.0,
        "pf" => 0.95,
        _ if stem.ends_with("_bits") => 0.0,
        _ if stem.ends_with("_deg") => 120.0,
        _ if stem.ends_with("_percent") => 2.5,
        _ if stem.ends_with("_wh") => 1.234e6,
        _ if stem.ends_with("_a") => 5.125,
        _ if stem.ends_with("_v") => 230.2,
        _ if stem.ends_with("_w") || stem.ends_with("_var") => -1130.0,
        _ if stem.ends_with("_va") => 1190.0,
        _ => panic!("what would {name} be?"),
    }
}

#[test]
fn words_in_the_wrong_order_are_out_of_a_range() {
    let mut seen = 0;
    for own in files().iter().map(|path| read(path)) {
        if modbus(&own).is_none_or(|head| head.sunspec.is_some()) {
            continue;
        }
        let (mut found, mut long) = (Vec::new(), 0);
        for point in &own.points {
            let place = located(&point.source, &Directory::default()).unwrap();
            let [low, high] = point.range.unwrap_or_else(|| panic!("{} {} has no range", own.name, point.name));
            let mut image = Image::new(&[place.block]);
            let (words, count) = place.encode(healthy(&point.name), &image).unwrap();
            image.take(0, Some(&words[..count]));
            let value = place.decode(&image).unwrap();
            assert!((low..=high).contains(&value), "{} {}: {value}", own.name, point.name);
            long += usize::from(count > 1);
            if place.decode_swapped(&image).is_some_and(|other| !(low..=high).contains(&other)) {
                found.push(point.name.clone());
            }
        }
        assert!(long == 0 || !found.is_empty(), "{}: nothing tells that its words are swapped", own.name);
        seen += usize::from(long > 0);
    }
    assert!(seen >= 7, "{seen}");
}

/// How long a poll takes on a serial line, in s: questions of 8 bytes, answers of 5 and two by register, 3.5 characters of
/// silence after each, 20 ms for the device to think.
fn poll_s(own: &Description, baud: f64, bits: f64) -> f64 {
    let head = modbus(own).unwrap();
    let places = own.points.iter().filter_map(|point| located(&point.source, &Directory::default()));
    let wanted = places.flat_map(|place| place.needs().collect::<Vec<_>>()).collect();
    let ask = |block: Block| (8.0 + 5.0 + 2.0 * f64::from(block.count) + 7.0) * bits / baud + 0.02 + head.spacing_s;
    blocks(wanted, head.most_registers, head.most_gap).into_iter().map(ask).sum()
}

#[test]
fn a_poll_fits_into_its_period() {
    // The makers' usual settings; reading has six tenths of a period.
    for (device, baud, bits) in [
        ("eastron_sdm630", 9600.0, 10.0),
        ("carlo_gavazzi_em24", 9600.0, 10.0),
        ("carlo_gavazzi_em340", 9600.0, 10.0),
        ("schneider_iem3000", 19_200.0, 11.0),
        ("schneider_pm5xxx", 19_200.0, 11.0),
        ("janitza_umg", 115_200.0, 10.0),
    ] {
        let own = described(device);
        let takes_s = poll_s(&own, baud, bits);
        assert!(takes_s < 0.6 * own.poll_s, "{device}: {takes_s:.3} s of {} s", own.poll_s);
        assert!(Duration::from_secs_f64(own.timeout_s) >= Duration::from_millis(500), "{device}");
    }
}
