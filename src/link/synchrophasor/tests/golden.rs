//! Frames as bytes that were put together by hand from the standard's tables; check words computed by another program.
//!
//! The data frame and CFG-2 are those of IEEE C37.118's Annex D (station A, 4 phasors); their check words are printed there.

use super::super::config::Unit;
use super::super::data::{self, Phasor};
use super::super::frame::{Body, Command, ConfigKind, EncodeError, Frame, FrameError, Time, TimeQuality, Version};
use super::super::stat::Stat;
use super::super::wire::check_word;
use super::{config, reading};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn name(text: &str) -> Vec<u8> {
    format!("{text:<16}").into_bytes()
}

/// CFG-2 of the annex: 454 bytes = 14 prefix + 6 head + 16 name + 2 id + 2 format + 6 counts + 16 · (4 + 3 + 16) names
/// + 4 · 4 PHUNIT + 3 · 4 ANUNIT + 4 DIGUNIT + 2 FNOM + 2 CFGCNT + 2 DATA_RATE + 2 CHK.
fn annex_cfg2() -> Vec<u8> {
    // SYNC kind 3 version 1, size 454, id 7734, SOC, quality 0x56, fraction 0x071098; base 1,000,000; one PMU.
    let mut bytes = hex("AA31 01C6 1E36 448527F0 56071098 000F4240 0001");
    bytes.extend(name("Station A"));
    // id 7734; format 4: analogs float; 4 phasors, 3 analogs, 1 digital word.
    bytes.extend(hex("1E36 0004 0004 0003 0001"));
    for text in ["VA", "VB", "VC", "I1", "ANALOG1", "ANALOG2", "ANALOG3"] {
        bytes.extend(name(text));
    }
    for k in "123456789ABCDEFG".chars() {
        bytes.extend(name(&format!("BREAKER {k} STATUS")));
    }
    // 0x0DF847 = 915,527 · 10⁻⁵ V; 1: a current, 0x00B2D0 = 45,776 · 10⁻⁵ A.
    bytes.extend(hex("000DF847 000DF847 000DF847 0100B2D0"));
    // Point on wave, RMS, peak, each with factor 1; masks; FNOM 0 is 60 Hz; 22 changes; 30 frames/s.
    bytes.extend(hex("00000001 01000001 02000001 0000FFFF 0000 0016 001E D5D1"));
    bytes
}

const ANNEX_DATA: &str = "AA01 0034 1E36 44853600 000041B1 0000 392B0000 E36ACE7C E36A3183 04440000 09C4 0000
     42C80000 447A0000 461C4000 3C12 D43F";

#[test]
fn the_annex_configuration_is_read_and_written_back() {
    let bytes = annex_cfg2();
    let frame = Frame::decode(&bytes).unwrap();
    assert_eq!((frame.version, frame.id, frame.time.soc), (Version::V2005, 7734, 0x4485_27F0));
    assert_eq!((frame.time.fraction, frame.time.quality), (0x0007_1098, TimeQuality(0x56)));
    assert_eq!(frame.encode().as_ref(), Ok(&bytes), "byte for byte");
    let Body::Config(ConfigKind::Cfg2, config) = frame.body else { panic!("a CFG-2") };
    let station = &config.stations[0];
    assert_eq!((station.name.as_str(), station.nominal_hz, station.change_count), ("Station A", 60, 22));
    assert_eq!((config.data_rate, config.period_us()), (30, 33_333));
    assert!((station.phasors[0].scale - 9.155_27).abs() < 1e-12);
    assert_eq!((station.phasors[3].name.as_str(), station.phasors[3].unit), ("I1", Unit::Ampere));
    assert_eq!(station.digitals[0].names[15], "BREAKER G STATUS");
    assert_eq!((station.analogs[2].kind, station.analogs[2].scale), (2, 1.0));
}

#[test]
fn the_annex_data_are_read_with_it() {
    let Body::Config(_, config) = Frame::decode(&annex_cfg2()).unwrap().body else { panic!("a configuration") };
    let frame = Frame::decode(&hex(ANNEX_DATA)).unwrap();
    // 0x41B1 = 16,817 of 1,000,000.
    assert_eq!(frame.time.utc_us(config.time_base), Some(0x4485_3600 * 1_000_000 + 16_817));
    let Body::Data(body) = &frame.body else { panic!("data") };
    let readings = data::decode(&config, body).unwrap();
    let read = &readings[0];
    // 0x392B = 14,635: 14,635 · 9.15527 V = 133,987.4 V at 0°; 0xE36A = −7318, 0xCE7C = −12,676: √ = 14,636.7 → −120°.
    assert!((read.phasors[0].magnitude - 14_635.0 * 9.155_27).abs() < 1e-6);
    assert!(read.phasors[0].angle_rad.abs() < 1e-12);
    let vb = (7318.0_f64.powi(2) + 12_676.0_f64.powi(2)).sqrt() * 9.155_27;
    assert!((read.phasors[1].magnitude - vb).abs() < 1e-6 && (vb - 134_002.6).abs() < 10.0);
    assert!((read.phasors[1].angle_rad.to_degrees() + 120.0).abs() < 0.01);
    assert!((read.phasors[2].angle_rad.to_degrees() - 120.0).abs() < 0.01);
    // 0x0444 = 1092 · 0.45776 A; 0x09C4 = 2500 mHz above 60 Hz.
    assert!((read.phasors[3].magnitude - 1092.0 * 0.457_76).abs() < 1e-9);
    assert_eq!((read.f_hz, read.rocof_hz_s, read.digitals[0], read.stat), (62.5, 0.0, 0x3C12, Stat(0)));
    assert_eq!(read.analogs, [100.0, 1000.0, 10_000.0]);
    assert_eq!(data::encode(&config, &readings).as_ref(), Ok(body));
}

#[test]
fn the_annex_command_is_written() {
    // Turn on transmission: kind 4, version 1, 18 bytes, command 2.
    let bytes = hex("AA41 0012 1E36 44856030 0F0BBFD0 0002 CE00");
    let time = Time { soc: 0x4485_6030, fraction: 0x000B_BFD0, quality: TimeQuality(0x0F) };
    let frame = Frame { version: Version::V2005, id: 7734, time, body: Body::Command(Command::DataOn) };
    assert_eq!((frame.encode().as_ref(), Frame::decode(&bytes).as_ref()), (Ok(&bytes), Ok(&frame)));
}

#[test]
fn a_polar_frame_by_hand() {
    let mut config = config();
    config.stations.truncate(2);
    config.stations.remove(0);
    // STAT 0x2030: no source of time for over 1000 s. 230 V / 0.25 = 920 = 0x0398; 30° = 0.523599 rad = 5236 = 0x1474;
    // 16 A / 0.03125 = 512 = 0x0200; −45° = −7854 = 0xE152; 49.98 Hz = −20 mHz = 0xFFEC; −0.25 Hz/s = −25 = 0xFFE7;
    // −500 as single precision = −1.953125 · 2⁸: sign, exponent 135, 0xC3FA0000.
    let body = hex("2030 0398 1474 0200 E152 FFEC FFE7 C3FA0000 A5A5");
    let sent = super::super::Reading { stat: Stat(0x2030), ..reading() };
    assert_eq!(data::encode(&config, std::slice::from_ref(&sent)).as_ref(), Ok(&body));
    let read = &data::decode(&config, &body).unwrap()[0];
    assert!((read.phasors[0].angle_rad - 5236e-4).abs() < 1e-12 && read.phasors[0].magnitude == 230.0);
    assert!((read.f_hz - 49.98).abs() < 1e-12 && (read.rocof_hz_s + 0.25).abs() < 1e-12);
    assert_eq!(data::decode(&config, &body[1..]), Err(FrameError::Short));
    assert_eq!(data::decode(&config, &[&body[..], &[0]].concat()), Err(FrameError::Long(1)));
}

#[test]
fn a_cfg3_by_hand() {
    // Kind 5, version 2; 113 bytes: 14 + 2 continuation + 6 + (2 name "A") + 2 id + 16 global id + 2 format + 6 counts
    // + (3 name "VA") + 12 PHSCALE + 12 place + 1 class + 8 window and delay + 4 FNOM, CFGCNT + 2 rate + 2 check = 94.
    let mut bytes = hex("AA52 005E 0007 00000001 00000000 0000 000F4240 0001 01 41 0065");
    bytes.extend([9; 16]);
    bytes.extend(hex("0001 0001 0000 0000 02 5641"));
    // Phase A (4), current (8): third byte 0x0C; scale 0.5; turned by 0.25 rad; place not given (infinite); class P.
    bytes.extend(hex("00000C00 3F000000 3E800000 7F800000 7F800000 7F800000 50 00004E20 00002710 0001 0003 FFFE"));
    let check = check_word(&bytes);
    bytes.extend(check.to_be_bytes());
    let frame = Frame::decode(&bytes).unwrap();
    assert_eq!(frame.encode().as_ref(), Ok(&bytes));
    let Body::Config(ConfigKind::Cfg3, config) = frame.body else { panic!("a CFG-3") };
    let station = &config.stations[0];
    assert_eq!((station.name.as_str(), station.id, station.place.global_id), ("A", 101, [9; 16]));
    assert_eq!((station.place.class, station.place.window_us, station.place.group_delay_us), (b'P', 20_000, 10_000));
    assert_eq!((station.phasors[0].unit, station.phasors[0].component), (Unit::Ampere, 4));
    assert_eq!((config.data_rate, config.period_us()), (-2, 2_000_000), "a frame every 2 s");
    // Polar integers: 200 · 0.5 A; angle 1 rad − 0.25 rad; the lowest integer is no value.
    let read = &data::decode(&config, &hex("0000 00C8 2710 0000 0000")).unwrap()[0];
    assert!((read.phasors[0].magnitude - 100.0).abs() < 1e-9 && (read.phasors[0].angle_rad - 0.75).abs() < 1e-6);
    let none = &data::decode(&config, &hex("0000 00C8 8000 8000 0000")).unwrap()[0];
    assert!(none.phasors[0].magnitude.is_nan() && none.f_hz.is_nan() && none.rocof_hz_s == 0.0);
    bytes[15] = 1;
    let checked = bytes.len() - 2;
    let check = check_word(&bytes[..checked]).to_be_bytes();
    bytes[checked..].copy_from_slice(&check);
    assert_eq!(Frame::decode(&bytes), Err(FrameError::Fragment), "one of several");
}

#[test]
fn what_does_not_fit_is_not_written() {
    let frame = |config| Frame {
        version: Version::V2011,
        id: 7,
        time: Time::default(),
        body: Body::Config(ConfigKind::Cfg2, config),
    };
    let mut long = config();
    long.stations[0].name = "seventeen letters".into();
    assert_eq!(frame(long).encode(), Err(EncodeError::Range("a name of 16 bytes")));
    let mut coarse = config();
    coarse.stations[0].phasors[0].scale = 200.0;
    assert_eq!(frame(coarse).encode(), Err(EncodeError::Range("PHUNIT")), "more than 2²⁴ · 10⁻⁵ V");
    let mut many = config();
    many.stations = vec![many.stations[0].clone(); 200];
    assert_eq!(frame(many).encode(), Err(EncodeError::Range("FRAMESIZE")));
    assert_eq!(data::encode(&config(), &[reading()]), Err(EncodeError::Shape("stations")));
    let far = super::super::Reading { phasors: vec![Phasor::degrees(1e9, 0.0), Phasor::NONE], ..reading() };
    let mut one = config();
    one.stations.truncate(1);
    let read = &data::decode(&one, &data::encode(&one, &[far]).unwrap()).unwrap()[0];
    assert_eq!(read.phasors[0].magnitude, 32_767.0 * 0.25, "the range's end");
    assert!(read.phasors[1].magnitude.is_nan());
}

#[test]
fn time_is_exact_and_its_quality_read() {
    assert_eq!(Time { soc: 1, fraction: 1, ..Time::default() }.utc_us(3), Some(1_333_333));
    assert_eq!(Time { soc: 1, fraction: 3, ..Time::default() }.utc_us(3), None, "no part of a second");
    assert_eq!(Time { soc: 1, fraction: 0, ..Time::default() }.utc_us(0), None);
    for us in [0, 20_000, 999_999, 1_700_000_000_123_456] {
        assert_eq!(Time::at(us, 1_000_000).utc_us(1_000_000), Some(us));
    }
    assert_eq!((TimeQuality(0x10).leap_second_pending(), TimeQuality(0x10).error_s()), (true, 0.0));
    assert!((TimeQuality(6).error_s() - 1e-4).abs() < 1e-12 && TimeQuality(0x0F).error_s().is_infinite());
    assert_eq!(TimeQuality(11).error_s(), 10.0);
}
