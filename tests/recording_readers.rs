//! Readers of recordings: what they read is what was written, by us and by others; what is broken is said, with its place.
//!
//! To accept changed findings: `INSTA_UPDATE=always cargo test --test recording_readers`, then read the changed snapshots.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "support/recordings.rs"]
mod support;

use std::path::Path;

use phasorbench::diagnostic::render;
use phasorbench::recording::{Findings, Info, Request, open};
use phasorbench::signal::Waveform;
use proptest::prelude::*;
use support::{Signal, cosines, three_phases, written};

/// What reading a file came to: info, samples by channel (NaN where missing), findings as a user sees them.
struct Read {
    info: Option<Info>,
    channels: Vec<Vec<f64>>,
    said: String,
    failed: bool,
}

fn read_with(path: &Path, request: &Request, most: usize) -> Read {
    let opened = open(path, request);
    let mut all = Findings::default();
    let mut failed = opened.recording.is_none();
    assert_eq!(failed, opened.findings.has_errors(), "{:?}", opened.findings.diagnostics);
    all.take_in(opened.findings);
    let (mut info, mut channels) = (None, Vec::new());
    if let Some(mut recording) = opened.recording {
        info = Some(recording.info().clone());
        channels = vec![Vec::new(); recording.info().channels.len()];
        let mut block = Waveform::new(channels.len(), 500);
        loop {
            match recording.next(&mut block) {
                Ok(true) if channels[0].len() < most => {
                    assert_eq!(block.first as usize, channels[0].len());
                    assert!(!block.is_empty());
                    for (k, own) in channels.iter_mut().enumerate() {
                        own.extend(block.channel(k).iter().map(|x| if block.valid { *x } else { f64::NAN }));
                    }
                }
                Ok(_) => break,
                Err(found) => {
                    assert!(found.has_errors());
                    all.take_in(*found);
                    failed = true;
                    break;
                }
            }
        }
        all.take_in(recording.take_warnings());
    }
    let folder = format!("{}/", path.parent().unwrap().display());
    let said = render(&all.diagnostics, &all.sources, false).replace(&folder, "");
    Read { info, channels, said, failed }
}

fn read(path: &Path) -> Read {
    read_with(path, &Request::default(), usize::MAX)
}

fn text(name: &str, text: impl AsRef<[u8]>) -> Read {
    let folder = tempfile::tempdir().unwrap();
    read(&written(folder.path(), &[(name, text.as_ref())]))
}

fn assert_close(read: &Read, signal: &Signal, tolerance: impl Fn(usize) -> f64) {
    assert!(!read.failed, "{}", read.said);
    let info = read.info.as_ref().unwrap();
    assert!((info.sample_rate_hz / signal.rate_hz - 1.0).abs() < 1e-9, "{}", info.sample_rate_hz);
    let names: Vec<String> = info.channels.iter().map(|c| c.place.to_string()).collect();
    assert_eq!(names, signal.names);
    for (k, (found, expected)) in read.channels.iter().zip(&signal.channels).enumerate() {
        assert_eq!(found.len(), expected.len());
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= tolerance(k), "{}: {worst}", signal.names[k]);
    }
}

#[test]
fn csv_reads_back_whatever_its_dress() {
    let signal = three_phases(12_800.0, 3000, 50.0);
    let plain = signal.csv(6);
    let dressed = [
        plain.clone(),
        plain.replace('\n', "\r\n"),
        format!("\u{feff}# a comment\n\n{plain}\n\n# the end"),
        plain.replace(',', " ;  "),
        plain.replace(',', ";").replace('.', ","),
        plain.replace(',', "\t"),
        plain.replace("time_s,u1", "\"Time (s)\",\"U1 [V]\"").replace('\n', ",\n"),
        plain.trim_end().to_owned(),
        plain.replace('\n', "\r"),
    ];
    for text in dressed {
        let folder = tempfile::tempdir().unwrap();
        let read = read(&written(folder.path(), &[("a.csv", text.as_bytes())]));
        assert_close(&read, &signal, |_| 1e-9);
        assert_eq!(read.said, "", "{}", &text[..60]);
    }
}

#[test]
fn csv_has_columns_in_any_order_and_units() {
    let text = "i2,comment,time_ms,u1_kv,I1 (mA),u4\n";
    let row = |n: usize| format!("{n},\"a,b\",{},0.25,1500,-0\n", n as f64 * 0.1);
    let read = self::text("a.csv", text.to_owned() + &(0..100).map(row).collect::<String>());
    assert!(!read.failed, "{}", read.said);
    let info = read.info.unwrap();
    let channels: Vec<String> = info.channels.iter().map(|c| format!("{}={}", c.place, c.source)).collect();
    assert_eq!(channels, ["u1=u1_kv", "u4=u4", "i1=I1 (mA)", "i2=i2"]);
    assert_eq!((info.sample_rate_hz, info.format.as_str()), (10_000.0, "CSV"));
    assert_eq!([read.channels[0][7], read.channels[2][7], read.channels[3][7]], [250.0, 1.5, 7.0]);
    assert!(read.said.starts_with("warning[W0501]: not read: comment"), "{}", read.said);
}

#[test]
fn csv_says_how_many_samples_a_gap_has() {
    let signal = three_phases(10_000.0, 1000, 50.0);
    let lines: Vec<String> = signal.csv(5).lines().map(str::to_owned).collect();
    let cut = [&lines[..401], &lines[408..]].concat().join("\n");
    let read = text("a.csv", cut);
    assert_eq!(read.channels[0].len(), 1000);
    let missing: Vec<usize> = (0..1000).filter(|n| read.channels[0][*n].is_nan()).collect();
    assert_eq!(missing, (400..407).collect::<Vec<_>>());
    assert_eq!(read.channels[3][407], signal.channels[3][407].mul_add(1e9, 0.0).round() / 1e9);
    assert!(
        read.said.contains("7 samples (0.0007 s) are missing before this one\n   --> a.csv:402:1"),
        "{}",
        read.said
    );
}

#[test]
fn comtrade_of_all_kinds_and_years_reads_back() {
    let signal = three_phases(12_800.0, 1500, 50.0);
    for year in [1991, 1999, 2013] {
        for kind in ["ASCII", "BINARY", "BINARY32", "FLOAT32"] {
            let bits = if kind == "BINARY32" { 32 } else { 16 };
            let tolerance = |k: usize| if kind == "FLOAT32" { 4e-5 } else { 0.501 * signal.step(k, bits) };
            let (cfg, dat) = signal.comtrade(year, kind);
            let folder = tempfile::tempdir().unwrap();
            let path = written(folder.path(), &[("a.cfg", cfg.as_bytes()), ("A.DAT", &dat)]);
            for path in [path, folder.path().join("A.DAT")] {
                let read = read(&path);
                assert_close(&read, &signal, tolerance);
                assert_eq!(read.said, "");
                assert_eq!(read.info.unwrap().format, format!("COMTRADE {year} {kind}"));
            }
            let kind_line = if kind == "ASCII" { "ASCII".to_owned() } else { format!("BINARY: {}", dat.len()) };
            let mut one = format!("--- file type: CFG ---\r\n{cfg}--- file type: INF ---\r\n\r\n--- file type: HDR ---\r\nhello\r\n--- file type: DAT {kind_line} ---\r\n").into_bytes();
            one.extend(&dat);
            let path = written(folder.path(), &[("b.CFF", &one)]);
            assert_close(&read(&path), &signal, tolerance);
        }
    }
}

#[test]
fn comtrade_agrees_with_a_package_by_others() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings");
    let frozen: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("values.json")).unwrap()).unwrap();
    for (name, recording) in frozen.as_object().unwrap() {
        let read = read(&folder.join(format!("{name}.cfg")));
        assert!(!read.failed, "{name}: {}", read.said);
        for channel in &read.info.unwrap().channels {
            let k = recording["names"].as_array().unwrap().iter().position(|n| *n == channel.source).unwrap();
            let own =
                read.channels.iter().zip(0..).find(|(_, place)| *place == position(&folder, name, &channel.source));
            // That package leaves units and secondary values as they are.
            let factor = match (name.as_str(), channel.source.as_str()) {
                ("ascii_1991", "Ua") => 1e3,
                ("BINARY_1999", "F1-VA" | "F2-VB") => 100.0,
                ("BINARY_1999", "F4-IB") => 1e-3 * 200.0,
                _ => 1.0,
            };
            let expected: Vec<f64> = serde_json::from_value(recording["values"][k].clone()).unwrap();
            let found: Vec<f64> = own.unwrap().0.iter().step_by(5).map(|x| x / factor).collect();
            assert_eq!(found.len(), expected.len(), "{name}");
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= 2e-6 * expected.abs().max(1.0), "{name}: {found} {expected}");
            }
        }
    }
}

/// Place of a channel among those that are read.
fn position(folder: &Path, name: &str, source: &str) -> usize {
    let opened = open(&folder.join(format!("{name}.cfg")), &Request::default());
    let recording = opened.recording.unwrap();
    recording.info().channels.iter().position(|c| c.source == source).unwrap()
}

#[test]
fn comtrade_marks_what_is_missing() {
    let mut signal = three_phases(12_800.0, 400, 50.0);
    signal.names.truncate(1);
    signal.channels.truncate(1);
    for (kind, hole) in [("BINARY", [0x00u8, 0x80].to_vec()), ("BINARY32", vec![0, 0, 0, 0x80])] {
        let (cfg, mut dat) = signal.comtrade(1999, kind);
        let record = dat.len() / 400;
        dat[120 * record + 8..120 * record + 8 + hole.len()].copy_from_slice(&hole);
        // Samples 200 to 209 are not there at all.
        dat.drain(200 * record..210 * record);
        let folder = tempfile::tempdir().unwrap();
        let read = read(&written(folder.path(), &[("a.cfg", cfg.as_bytes()), ("a.dat", &dat)]));
        assert!(!read.failed, "{}", read.said);
        let missing: Vec<usize> = (0..400).filter(|n| read.channels[0][*n].is_nan()).collect();
        assert_eq!(missing, std::iter::once(120).chain(200..210).collect::<Vec<_>>(), "{kind}");
        for words in [
            "1 samples are marked as missing",
            "10 samples (0.0008 s) are missing",
            "promises 400 samples, and the data have 390",
        ] {
            assert!(read.said.contains(words), "{}", read.said);
        }
    }
    let (cfg, dat) = signal.comtrade(1999, "ASCII");
    let dat = String::from_utf8(dat)
        .unwrap()
        .lines()
        .enumerate()
        .map(|(n, line)| {
            let mut fields: Vec<&str> = line.split(',').collect();
            if n == 7 {
                fields[2] = " ";
            }
            fields.join(",") + "\n"
        })
        .collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let read = read(&written(folder.path(), &[("a.cfg", cfg.as_bytes()), ("a.dat", dat.as_bytes())]));
    assert!(read.channels[0][7].is_nan() && read.channels[0][6].is_finite(), "{}", read.said);
}

#[test]
fn comtrade_with_several_rates_measures_the_longest_part() {
    let signal = three_phases(12_800.0, 1000, 50.0);
    for kind in ["ASCII", "BINARY"] {
        let (cfg, dat) = signal.comtrade(1999, kind);
        let rates = |lines: &str| cfg.replace("1\r\n12800,1000\r\n", lines);
        let folder = tempfile::tempdir().unwrap();
        let parts = rates("3\r\n12800,100\r\n6400,900\r\n12800,1000\r\n");
        let read_it = |cfg: &str| read(&written(folder.path(), &[("a.cfg", cfg.as_bytes()), ("a.dat", &dat)]));
        let read = read_it(&parts);
        assert_eq!(read.info.as_ref().unwrap().sample_rate_hz, 6400.0);
        assert_eq!(read.channels[0].len(), 800);
        assert!((read.channels[0][0] - signal.channels[0][100]).abs() < 0.01);
        assert!(read.said.contains("only the longest part is measured: samples 101 to 900, 6400 Hz"), "{}", read.said);
        let follow = read_it(&rates("2\r\n12790,500\r\n12810,1000\r\n"));
        assert_eq!(follow.channels[0].len(), 1000);
        assert!(follow.said.contains("taken for their mean, 12799.992 Hz"), "{}", follow.said);
    }
}

#[test]
fn wav_of_all_kinds_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let wave = cosines(48_000.0, 2000, &[(50.0, 0.5, 0.0)]);
    let request = Request {
        channels: vec![("i2".parse().unwrap(), "2".into()), ("u1".parse().unwrap(), "#1".into())],
        v_per_fs: Some(400.0),
        a_per_fs: Some(10.0),
    };
    for (bits, format) in [
        (8, hound::SampleFormat::Int),
        (16, hound::SampleFormat::Int),
        (24, hound::SampleFormat::Int),
        (32, hound::SampleFormat::Int),
        (32, hound::SampleFormat::Float),
    ] {
        let spec = hound::WavSpec { channels: 2, sample_rate: 48_000, bits_per_sample: bits, sample_format: format };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        let full = f64::from(2u32.pow(u32::from(bits) - 1));
        for x in &wave {
            for x in [*x, -0.5 * x] {
                match format {
                    hound::SampleFormat::Float => writer.write_sample(x as f32).unwrap(),
                    hound::SampleFormat::Int => writer.write_sample((x * full).round() as i32).unwrap(),
                }
            }
        }
        writer.finalize().unwrap();
        let read = read_with(&path, &request, usize::MAX);
        assert!(!read.failed, "{}", read.said);
        assert_eq!(read.info.as_ref().unwrap().sample_rate_hz, 48_000.0);
        let step = if format == hound::SampleFormat::Float { 1e-7 } else { 0.51 / full };
        for (n, x) in wave.iter().enumerate() {
            assert!((read.channels[0][n] - 400.0 * x).abs() <= 400.0 * step + 1e-12);
            assert!((read.channels[1][n] + 5.0 * x).abs() <= 10.0 * step + 1e-12);
        }
        let half = std::fs::read(&path).unwrap();
        std::fs::write(folder.path().join("cut.wav"), &half[..half.len() / 2]).unwrap();
        let cut = read_with(&folder.path().join("cut.wav"), &request, usize::MAX);
        assert!(cut.failed && cut.said.contains("error[E0513]"), "{}", cut.said);
    }
}

/// A small CSV file with one cell of row 5 replaced.
fn csv_with(column: usize, cell: &str) -> String {
    let mut rows: Vec<Vec<String>> =
        (0..80).map(|n| vec![format!("{:.5}", f64::from(n) * 1e-4), n.to_string(), "1".into()]).collect();
    rows[5][column] = cell.to_owned();
    let rows: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    format!("time_s,u1,i1\n{}\n", rows.join("\n"))
}

/// Names and bytes.
type Files = Vec<(&'static str, Vec<u8>)>;

fn cfg_with(from: &str, to: &str) -> Files {
    let (cfg, dat) = three_phases(12_800.0, 20, 50.0).comtrade(1999, "BINARY");
    assert!(cfg.contains(from), "{cfg}");
    vec![("a.cfg", cfg.replacen(from, to, 1).into_bytes()), ("a.dat", dat)]
}

#[test]
fn what_is_broken_is_said_with_its_place() {
    let csv = |text: &str| vec![("a.csv", text.as_bytes().to_vec())];
    let good = three_phases(12_800.0, 20, 50.0).comtrade(1999, "BINARY");
    let data = |dat: Vec<u8>| vec![("a.cfg", good.0.clone().into_bytes()), ("a.dat", dat)];
    let cases: Vec<(&str, Files)> = vec![
        ("csv_empty", csv("")),
        ("csv_no_rows", csv("time_s,u1\n")),
        ("csv_one_row", csv("time_s,u1\n0,1\n")),
        ("csv_no_header", csv("0,1,2\n0.1,2,3\n")),
        ("csv_no_time", csv("u1,u2\n1,2\n3,4\n")),
        ("csv_no_channel", csv("time_s,voltage\n0,1\n0.1,2\n")),
        ("csv_column_twice", csv("time_s,u1,U1\n0,1,1\n0.1,2,2\n")),
        ("csv_place_twice", csv("time_s,u1,u1_kv\n0,1,1\n0.1,2,2\n")),
        ("csv_two_times", csv("time_s,t,u1\n0,0,1\n0.1,0,2\n")),
        ("csv_nan", csv(&csv_with(1, "NaN"))),
        ("csv_empty_cell", csv(&csv_with(2, ""))),
        ("csv_text", csv(&csv_with(2, "1.2.3"))),
        ("csv_missing_cell", csv(&csv_with(2, "1").replacen("0.00050,5,1", "0.00050,5", 1))),
        ("csv_cell_too_many", csv(&csv_with(2, "1,2"))),
        ("csv_time_backwards", csv(&csv_with(0, "0.0001"))),
        ("csv_time_twice", csv(&csv_with(0, "0.0004"))),
        ("csv_time_uneven", csv(&csv_with(0, "0.00053"))),
        ("csv_time_stands_still", csv("time_s,u1\n1,1\n1,2\n1,3\n")),
        ("csv_gap_of_a_year", csv(&csv_with(0, "31536000"))),
        ("csv_utf16", vec![("a.csv", b"\xFF\xFEt\0i\0m\0e\0".to_vec())]),
        ("csv_binary", vec![("a.csv", b"PK\x03\x04\0\0\0".to_vec())]),
        ("unknown_kind", vec![("a.xlsx", b"PK".to_vec())]),
        ("cfg_without_data", vec![("a.cfg", good.0.clone().into_bytes())]),
        ("dat_without_configuration", vec![("a.dat", good.1.clone())]),
        ("cfg_empty", vec![("a.cfg", b"  \r\n".to_vec()), ("a.dat", good.1.clone())]),
        ("cfg_ends", vec![("a.cfg", good.0.as_bytes()[..60].to_vec()), ("a.dat", good.1.clone())]),
        ("cfg_claims_a_billion", cfg_with("9,6A,3D", "1000000003,1000000000A,3D")),
        ("cfg_counts_disagree", cfg_with("9,6A,3D", "9,5A,3D")),
        ("cfg_one_channel_less", cfg_with("9,6A,3D", "8,5A,3D")),
        ("cfg_counts_without_letters", cfg_with("9,6A,3D", "9,6,3")),
        ("cfg_few_fields", cfg_with("1,u1,A,,V,", "1,u1,A,V")),
        ("cfg_factor", cfg_with(",,V,", ",,V,x")),
        ("cfg_rate", cfg_with("12800,20", "-12800,20")),
        ("cfg_kind", cfg_with("BINARY", "BINARY64")),
        ("cfg_kind_lies", cfg_with("BINARY", "BINARY32")),
        ("cfg_is_text", cfg_with("BINARY", "ASCII")),
        (
            "cfg_statuses_lie",
            cfg_with("9,6A,3D\r\n", "9,6A,3D\r\n")
                .into_iter()
                .map(|(n, b)| {
                    let text = String::from_utf8_lossy(&b).into_owned();
                    if n == "a.cfg" {
                        (
                            n,
                            text.replace("9,6A,3D", "26,6A,20D")
                                .replace(
                                    "3,S3,,,0\r\n",
                                    &(3..=20).map(|k| format!("{k},S{k},,,0\r\n")).collect::<String>(),
                                )
                                .into_bytes(),
                        )
                    } else {
                        (n, b)
                    }
                })
                .collect(),
        ),
        ("cfg_promises_more", cfg_with("12800,20", "12800,2000")),
        ("cfg_promises_less", cfg_with("12800,20", "12800,7")),
        ("cfg_units", cfg_with("u1,A,,V,", "u1,A,,furlong,")),
        (
            "cfg_nothing_known",
            vec![
                (
                    "a.cfg",
                    good.0
                        .replace(",V,", ",deg,")
                        .replace(",A,1", ",Hz,1")
                        .replace(",A,2", ",Hz,2")
                        .replace(",A,6", ",Hz,6")
                        .replace(",A,7", ",Hz,7")
                        .replace(",A,8", ",Hz,8")
                        .into_bytes(),
                ),
                ("a.dat", good.1.clone()),
            ],
        ),
        ("dat_empty", data(vec![])),
        ("dat_less_than_a_sample", data(good.1[..10].to_vec())),
        ("dat_cut", data(good.1[..good.1.len() - 5].to_vec())),
        ("dat_of_another", data((0..4400u32).map(|k| (k * k % 251) as u8).collect())),
        ("cff_without_data", vec![("a.cff", b"--- file type: CFG ---\r\nS,D,2013\r\n".to_vec())]),
        ("wav_none", vec![("a.wav", b"RIFFxxxx".to_vec())]),
        ("wav_unmapped", vec![("a.wav", wav(2))]),
        ("wav_unscaled", vec![("a.wav", wav(1))]),
        ("wav_empty", vec![("a.wav", wav(1)[..44].to_vec())]),
    ];
    let mut snapshots = insta::Settings::clone_current();
    snapshots.set_snapshot_path("snapshots/bad_recording");
    snapshots.set_prepend_module_to_snapshot(false);
    snapshots.set_omit_expression(true);
    for (name, files) in cases {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (*n, b.as_slice())).collect();
        let read = read(&written(folder.path(), &files));
        let warned = ["cfg_promises_more", "cfg_promises_less", "cfg_units", "dat_cut"];
        assert_eq!(read.failed, !warned.contains(&name), "{name}: {}", read.said);
        snapshots.bind(|| insta::assert_snapshot!(name, read.said));
    }
}

/// A WAV file of three samples.
fn wav(channels: u16) -> Vec<u8> {
    let spec =
        hound::WavSpec { channels, sample_rate: 48_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    (0..3 * channels).for_each(|_| writer.write_sample(7i16).unwrap());
    writer.finalize().unwrap();
    bytes.into_inner()
}

#[test]
fn a_recording_in_a_foreign_code_page_is_read_and_shown() {
    let (cfg, dat) = three_phases(12_800.0, 20, 50.0).comtrade(1999, "BINARY");
    let mut bytes = cfg.replacen("1,u1,A,,V", "1,NAME A,A,,V", 1).into_bytes();
    let at = bytes.windows(4).position(|w| w == b"NAME").unwrap();
    bytes[at..at + 4].copy_from_slice(&[0xCD, 0xE0, 0xEF, 0xF0]);
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &[("a.cfg", &bytes), ("a.dat", &dat)]);
    let found = read(&path);
    assert!(!found.failed, "{}", found.said);
    assert_eq!(found.info.unwrap().channels[0].source, "\u{fffd}\u{fffd}\u{fffd}\u{fffd} A");
    let request = Request { channels: vec![("u2".parse().unwrap(), "#1".into())], ..Request::default() };
    assert!(!read_with(&path, &request, usize::MAX).failed);
}

fn survives(files: &[(&str, &[u8])]) {
    let folder = tempfile::tempdir().unwrap();
    let request = Request { v_per_fs: Some(1.0), ..Request::default() };
    let read = read_with(&written(folder.path(), files), &request, 100_000);
    if !read.failed {
        let info = read.info.unwrap();
        assert!(info.sample_rate_hz.is_finite() && info.sample_rate_hz > 0.0);
        assert!(!read.channels[0].is_empty(), "a recording without samples is refused");
    }
}

/// Pieces that break numbers, counts and lines in many ways.
const PIECES: [&str; 24] = [
    ",",
    ";",
    "\n",
    "\r",
    "\t",
    "\"",
    "-",
    ".",
    "e9",
    "1e400",
    "nan",
    "0",
    "9",
    "4294967296",
    "99999999999999999999",
    "A",
    "D",
    "BINARY",
    "---",
    "\0",
    "\u{feff}",
    "#",
    " ",
    "\u{fffd}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), kind in 0..5usize) {
        let (cfg, dat) = three_phases(12_800.0, 20, 50.0).comtrade(1999, "BINARY");
        match kind {
            0 => survives(&[("a.csv", &bytes)]),
            1 => survives(&[("a.wav", &bytes)]),
            2 => survives(&[("a.cff", &bytes)]),
            3 => survives(&[("a.cfg", &bytes), ("a.dat", &dat)]),
            _ => survives(&[("a.cfg", cfg.as_bytes()), ("a.dat", &bytes)]),
        }
    }

    #[test]
    fn no_mutation_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..9usize, 0..PIECES.len()), 1..4),
        kind in 0..7usize,
    ) {
        let signal = three_phases(12_800.0, 30, 50.0);
        let mutate = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            for (at, length, piece) in &changes {
                let start = at.index(bytes.len());
                let end = (start + length).min(bytes.len());
                bytes.splice(start..end, PIECES[*piece].bytes());
            }
            bytes
        };
        let kinds = ["ASCII", "BINARY", "BINARY32", "FLOAT32"];
        match kind {
            0 => survives(&[("a.csv", &mutate(signal.csv(6).as_bytes()))]),
            1 => survives(&[("a.wav", &mutate(&wav(1)))]),
            2 => {
                let (cfg, dat) = signal.comtrade(1999, "BINARY");
                survives(&[("a.cfg", cfg.as_bytes()), ("a.dat", &mutate(&dat))]);
            }
            _ => {
                let (cfg, dat) = signal.comtrade(2013, kinds[kind - 3]);
                survives(&[("a.cfg", &mutate(cfg.as_bytes())), ("a.dat", &dat)]);
            }
        }
    }

    #[test]
    fn no_truncation_panics(at in any::<prop::sample::Index>(), kind in 0..4usize) {
        let (cfg, dat) = three_phases(12_800.0, 30, 50.0).comtrade(1991, ["ASCII", "BINARY", "BINARY32", "FLOAT32"][kind]);
        survives(&[("a.cfg", &cfg.as_bytes()[..at.index(cfg.len())]), ("a.dat", &dat)]);
        survives(&[("a.cfg", cfg.as_bytes()), ("a.dat", &dat[..at.index(dat.len())])]);
    }
}
