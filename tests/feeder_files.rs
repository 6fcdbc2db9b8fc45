//! Every feeder file that is committed reads without an error, and says what it promises.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};

use phasorbench::diagnostic::{Diagnostic, render};
use phasorbench::feeder::{self, Feeder};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("feeders")
}

fn read(path: &Path) -> Feeder {
    let reading = feeder::read(path);
    assert!(
        !reading.diagnostics.iter().any(Diagnostic::is_error),
        "{}",
        render(&reading.diagnostics, &reading.sources, false)
    );
    reading.feeder.unwrap()
}

#[test]
fn every_feeder_file_reads_without_an_error() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let feeder = read(&path);
            assert_eq!(Some(feeder.feeder.as_str()), path.file_stem().and_then(|s| s.to_str()));
            count += 1;
        }
    }
    assert!(count > 0);
}

/// Closed form of a lossless line with a load of power factor 1: sin 2δ = 2 P X / V1², V2 = V1 cos δ. The numbers are
/// those of the design study of the phasor control (points A and B of its P-V example).
#[test]
fn parallel_lines_have_the_numbers_of_the_pv_example() {
    let feeder = read(&folder().join("parallel_lines.yaml"));
    let v1_v = feeder.sources["slack"].v_kv * 1e3;
    let p_w = feeder.loads["load"].p_kw * 1e3;
    let x_ohm: Vec<f64> = feeder.lines.values().map(|l| l.total.as_ref().unwrap().x1_ohm.unwrap()).collect();
    let both_ohm = 1.0 / x_ohm.iter().map(|x| 1.0 / x).sum::<f64>();
    for (x_ohm, p_max_kw, v2_kv, angle_deg) in [(both_ohm, 2200.0, 116.68, 13.52), (x_ohm[0], 1100.0, 100.99, 32.69)] {
        let p_max_w = v1_v * v1_v / (2.0 * x_ohm);
        let angle = (p_w / p_max_w).asin() / 2.0;
        assert!((p_max_w / 1e3 - p_max_kw).abs() < 0.01, "{p_max_w}");
        assert!((angle.to_degrees() - angle_deg).abs() < 0.005, "{}", angle.to_degrees());
        assert!((v1_v * angle.cos() / 1e3 - v2_kv).abs() < 0.015, "{}", v1_v * angle.cos());
    }
}
