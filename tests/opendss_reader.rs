//! The OpenDSS reader against OpenDSS itself, and against bad input.
//!
//! `tests/data/opendss/*.json` hold what OpenDSS 0.14.5 (dss-python 0.15.7) makes of the scripts beside them, written
//! by `tests/oracle/opendss_properties.py --freeze tests/data/opendss`.

#[path = "support/opendss_oracle.rs"]
mod opendss_oracle;

use std::fs;
use std::path::Path;

use phasorbench::diagnostic::{Diagnostic, Severity};
use phasorbench::feeder::{ControlMode, Reading, opendss};
use proptest::prelude::*;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/opendss");

/// Reads scripts given as `(name, text)`, the first of which is the main one.
fn read(files: &[(&str, &[u8])]) -> Reading {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    opendss::read(&folder.path().join(files[0].0))
}

/// Codes, lines (1-based) and texts of what is found in a script; a circuit is put before it.
fn found(script: &str) -> Vec<(&'static str, usize, String)> {
    let script = format!("new circuit.c\n{script}\n");
    places(&read(&[("main.dss", script.as_bytes())]))
}

fn places(reading: &Reading) -> Vec<(&'static str, usize, String)> {
    let place = |d: &Diagnostic| {
        let span = d.span?;
        let (_, text) = reading.sources.get(span.file)?;
        let line = text[..span.start as usize].matches('\n').count() + 1;
        Some((d.code, line, text[span.start as usize..span.end as usize].to_owned()))
    };
    reading.diagnostics.iter().map(|d| place(d).unwrap_or((d.code, 0, String::new()))).collect()
}

#[test]
fn scripts_mean_what_opendss_makes_of_them() {
    let mut compared = 0;
    for entry in fs::read_dir(DATA).expect("the data folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "dss") {
            continue;
        }
        let reading = opendss::read(&path);
        let feeder = reading.feeder.as_ref().unwrap_or_else(|| panic!("{path:?}: {:?}", reading.diagnostics));
        let oracle = fs::read_to_string(path.with_extension("json")).expect("what OpenDSS made of it");
        let oracle = serde_json::from_str(&oracle).expect("JSON");
        let comparison = opendss_oracle::Comparison::new(feeder, &oracle);
        assert!(comparison.differences.is_empty(), "{path:?}:\n{}", comparison.differences.join("\n"));
        compared += comparison.compared;
    }
    assert!(compared > 3000, "only {compared} values were compared");
}

#[test]
fn options_and_buses_reach_the_feeder() {
    let feeder = opendss::read(&Path::new(DATA).join("transformers.dss")).feeder.expect("a feeder");
    assert_eq!(feeder.feeder, "transformers");
    assert_eq!(feeder.voltage_bases_kv, [115.0, 12.47, 4.16, 0.48]);
    assert_eq!(feeder.solve.controls, Some(ControlMode::Off));
    assert_eq!((feeder.solve.max_iterations, feeder.solve.tolerance_pu), (Some(37), Some(1e-7)));
    let feeder = opendss::read(&Path::new(DATA).join("language.dss")).feeder.expect("a feeder");
    assert_eq!(feeder.buses["src"].x, Some(1.0));
    assert_eq!(feeder.buses["v"].base_kv, Some(11.5));
    assert!(!feeder.buses.contains_key("nowhere"));
    assert!(feeder.lines["x1"].open && !feeder.lines["v1"].open);
    assert_eq!(feeder.lines["v1"].length_ft, Some(250.0));
    let feeder = opendss::read(&Path::new(DATA).join("loads.dss")).feeder.expect("a feeder");
    assert_eq!(feeder.solve.load_multiplier, 1.25);
}

#[test]
fn origins_point_at_the_last_value() {
    let reading = opendss::read(&Path::new(DATA).join("language.dss"));
    let feeder = reading.feeder.as_ref().expect("a feeder");
    let text = |section, name, key| {
        let span = feeder.origins.span(section, name, key).expect("a place");
        let (_, text) = reading.sources.get(span.file).expect("a source");
        &text[span.start as usize..span.end as usize]
    };
    assert_eq!(text("lines", "q1", None), "Q1");
    assert_eq!(text("lines", "q1", Some("length")), "77");
    assert_eq!(text("lines", "q1", Some("to")), "q.1.2.3");
    assert_eq!(text("loads", "one", Some("p_kw")), "5");
}

#[test]
fn reporting_commands_are_warned_of_once_and_counted() {
    let reading = read(&[(
        "a.dss",
        b"new circuit.c\nset voltagebases=115\nshow voltages\nplot profile\nshow losses\nsolve\nnew monitor.m\n",
    )]);
    assert!(reading.feeder.is_some());
    let messages: Vec<&str> = reading.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(messages, ["show is ignored (2 times in this file)", "plot is ignored", "each monitor is ignored"]);
}

#[test]
fn every_mistake_has_its_place() {
    let line = "new line.l bus1=a bus2=b";
    let cases = [
        ("nonsense", "E0104", "nonsense"),
        ("new linee.x bus1=a", "E0105", "linee"),
        (&format!("{line} lenght=3"), "E0106", "lenght"),
        ("set nothing=3", "E0107", "nothing"),
        (&format!("{line} length=3x"), "E0109", "3x"),
        (&format!("{line} length=nan"), "E0109", "nan"),
        (&format!("{line} r1=1e400"), "E0109", "1e400"),
        (&format!("{line} r1=(1 0 /)"), "E0109", "1 0 /"),
        (&format!("{line} units=parsec"), "E0110", "parsec"),
        (&format!("{line} rmatrix=(1 2)"), "E0111", "1 2"),
        ("batchedit load.a(b) kw=3", "E0112", "a(b)"),
        ("reduce", "E0114", "reduce"),
        ("allocateloads", "E0114", "allocateloads"),
        ("set loadmodel=admittance", "E0115", "admittance"),
        ("set controlmode=event", "E0115", "event"),
        ("solve mode=direct", "E0115", "direct"),
        (&format!("{line}\nnew line.l bus1=c bus2=d"), "E0116", "l"),
        ("new circuit.other", "E0117", "other"),
        (&format!("{line} linecode=codee"), "E0220", "codee"),
        ("new load.l bus1=a kv=1 daily=never", "E0220", "never"),
        ("new regcontrol.r transformer=t", "E0220", "t"),
        ("load.none.kw=3", "E0220", "none"),
        ("redirect none.dss", "E0101", "none.dss"),
        ("new load.l kv=1", "E0221", "l"),
        ("new load.l bus1=a.b kv=1", "E0221", "a.b"),
        ("new vccs.i bus1=a", "E0222", "i"),
        ("new invcontrol.i", "E0222", "i"),
        ("new transformer.t buses=[a b]\nnew regcontrol.r transformer=t reversible=yes", "E0223", "yes"),
        ("new generator.g bus1=a kv=1 model=3", "E0223", "3"),
        (&format!("{line} length=-1"), "E0224", "-1"),
        ("new transformer.t buses=[a b] wdg=3", "E0224", "3"),
        ("new line.l bus1=a bus2=b rmatrix=(1|0 1|0 0 1) phases=2", "E0225", "2"),
        ("new loadshape.s mult=(1 2 3)", "E0226", "1 2 3"),
        (&format!("{line} enabled=maybe"), "W0104", "maybe"),
        ("new load.l bus1=a kv=1 kw=\"\" pf=3", "W0102", "pf=3"),
        ("set mode=daily", "W0105", "daily"),
        ("new wiredata.a rac=1 radius=1\nnew wiredata.b like=a\n~ rac=2", "W0106", "rac=2"),
        ("new fuse.f line.l", "W0221", "f"),
        ("buscoords none.csv", "W0222", "none.csv"),
        (&format!("{line}\nopen line.l 1"), "W0223", "l"),
    ];
    for (script, code, text) in cases {
        let found = found(script);
        assert!(found.iter().any(|(c, _, t)| *c == code && t == text), "{script}: {found:?}");
    }
}

#[test]
fn all_mistakes_are_reported_in_one_go() {
    let found = found("new line.a bus1=x bus2=y linecode=q\nnew load.b bus1=y kw=3k\nfoo\nnew line.c bus1=x");
    let lines: Vec<usize> = found.iter().map(|(_, line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 5], "{found:?}");
}

#[test]
fn names_that_are_near_are_offered() {
    let reading = read(&[("a.dss", b"new circuit.c\nnew linecode.code1\nnew line.l bus1=a bus2=b linecode=coed1\n")]);
    assert_eq!(reading.diagnostics[0].help.as_deref(), Some("did you mean \"code1\"?"));
}

#[test]
fn files_that_call_each_other_end() {
    let reading = read(&[("a.dss", b"new circuit.c\nredirect b.dss"), ("b.dss", b"redirect A.dss")]);
    assert_eq!(places(&reading), [("E0102", 1, "A.dss".to_owned())]);
    let files: Vec<(String, String)> =
        (0..40).map(|i| (format!("f{i}.dss"), format!("redirect f{}.dss\n", i + 1))).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, t)| (n.as_str(), t.as_bytes())).collect();
    assert_eq!(places(&read(&files))[0].0, "E0103");
}

#[test]
fn other_bytes_are_fine_in_comments_only() {
    let script = b"! caf\xe9\nnew circuit.c // \xe9\n/* \xe9\n*/\nnew line.\xe9 bus1=a bus2=b ! \xe9\n";
    assert_eq!(places(&read(&[("a.dss", script)])), [("E0108", 5, "\u{e9}".to_owned())]);
}

#[test]
fn a_script_without_circuit_is_an_error() {
    for script in ["", "! nothing", "new line.l bus1=a bus2=b"] {
        let reading = read(&[("a.dss", script.as_bytes())]);
        assert!(reading.feeder.is_none());
        assert!(reading.diagnostics.iter().any(|d| d.code == "E0117"), "{script}");
    }
    let missing = opendss::read(Path::new("there-is-no-such-file.dss"));
    assert!(missing.feeder.is_none() && missing.diagnostics[0].code == "E0101");
}

#[test]
fn extremes_are_refused_within_bounds() {
    let brackets = "[".repeat(3_000_000);
    let many = "new line.l x=1 x=1\n".repeat(50_000);
    let grow = format!("var @a={}\nnew line.l bus1={}", "a".repeat(10_000), "=@a ".repeat(100_000));
    let shapes: String = (0..100).map(|i| format!("new loadshape.s{i} npts=30000000 mult=(1)\n")).collect();
    let codes: String = (0..100_000).map(|i| format!("new linecode.c{i} nphases=30\n")).collect();
    for script in [&brackets, &many, &grow, &shapes, &codes] {
        let reading = read(&[("a.dss", format!("new circuit.c\n{script}").as_bytes())]);
        assert!(reading.feeder.is_none() && reading.diagnostics.len() <= 501);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let reading = read(&[("a.dss", &bytes)]);
        let errors = reading.diagnostics.iter().any(|d| d.severity == Severity::Error);
        prop_assert_eq!(reading.feeder.is_none(), errors);
    }

    #[test]
    fn damaged_scripts_are_read_or_refused(
        which in 0usize..6,
        cuts in proptest::collection::vec((0usize..8000, 0usize..12, "[ =|(){}\"'.,@!/*~\\[\\]a-z0-9\n-]{0,6}"), 1..6),
    ) {
        let name = ["line_forms", "transformers", "loads", "shunts", "geometry", "feeder_quirks"][which];
        let mut bytes = fs::read(Path::new(DATA).join(format!("{name}.dss"))).expect("a script");
        for (at, remove, insert) in cuts {
            let at = at.min(bytes.len());
            let end = (at + remove).min(bytes.len());
            bytes.splice(at..end, insert.bytes());
        }
        let reading = read(&[("a.dss", &bytes)]);
        let errors = reading.diagnostics.iter().any(|d| d.severity == Severity::Error);
        prop_assert_eq!(reading.feeder.is_none(), errors);
        for diagnostic in &reading.diagnostics {
            if let Some(span) = diagnostic.span {
                let text = reading.sources.get(span.file).map(|(_, t)| t).unwrap_or_default();
                prop_assert!(text.get(span.start as usize..span.end as usize).is_some(), "{:?}", diagnostic);
            }
        }
    }
}

#[test]
fn nodes_that_opendss_counts_on_are_written_out() {
    let script = "new circuit.c\nset voltagebases=(115)\nnew load.d bus1=b.2 phases=1 conn=delta kv=1\n\
                  new line.l bus1=sourcebus bus2=b.1.2 phases=3\nnew load.w bus1=b.1.2.3.0.4 kv=1\n\
                  new capacitor.k bus1=b.3 phases=1 conn=delta kv=1\n";
    let feeder = read(&[("a.dss", script.as_bytes())]).feeder.expect("a feeder");
    let nodes = |terminal: &phasorbench::feeder::Terminal| terminal.to_string();
    assert_eq!(nodes(&feeder.loads["d"].bus), "b.2.0");
    assert_eq!(nodes(&feeder.lines["l"].to), "b.1.2.3");
    assert_eq!(nodes(&feeder.lines["l"].from), "sourcebus");
    assert_eq!(nodes(&feeder.loads["w"].bus), "b.1.2.3.0");
    assert_eq!(nodes(&feeder.capacitors["k"].bus), "b.3.0");
    let findings = phasorbench::feeder::check(&feeder);
    assert!(findings.iter().all(|d| !d.is_error()), "{findings:?}");
}

#[test]
fn binary_shapes_are_read_as_little_endian() {
    let doubles: Vec<u8> = [0.5f64, 0.25, 0.125].iter().flat_map(|x| x.to_le_bytes()).collect();
    let singles: Vec<u8> = [0.0f32, 1.5, 6.0, 2.5].iter().flat_map(|x| x.to_le_bytes()).collect();
    let script = b"new circuit.c\nset voltagebases=115\nnew loadshape.a npts=3 interval=1 mult=(dblfile=a.dbl)\n\
                   new loadshape.b npts=2 interval=0 sngfile=b.sng\nnew load.l bus1=sourcebus kv=115 daily=a yearly=b\n";
    let feeder = read(&[("a.dss", script), ("a.dbl", &doubles), ("b.sng", &singles)]).feeder.expect("a feeder");
    assert_eq!(feeder.shapes["a"].p, [0.5, 0.25, 0.125]);
    assert_eq!(feeder.shapes["b"].p, [1.5, 2.5]);
    assert_eq!(feeder.shapes["b"].at_s, Some(vec![0.0, 21600.0]));
}

#[test]
fn without_voltage_bases_the_ratings_are_taken() {
    let script = b"new circuit.c basekv=69\nnew transformer.t phases=1 buses=(sourcebus.1 b.1) kvs=(39.837 7.2)\n";
    let reading = read(&[("a.dss", script)]);
    assert_eq!(reading.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), ["W0225"]);
    let bases = reading.feeder.expect("a feeder").voltage_bases_kv;
    assert_eq!(bases.iter().map(|kv| (kv * 100.0).round()).collect::<Vec<_>>(), [6900.0, 1247.0]);
}
