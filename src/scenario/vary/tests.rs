//! Distributions against their closed forms, paths against the language.

use super::*;
use crate::diagnostic::Sources;
use crate::quantity::{Noise, normal_probability};

fn node(text: &str) -> (Node, Sources) {
    let mut sources = Sources::default();
    let file = sources.add(std::path::Path::new("s.yaml"), text.to_owned());
    let mut found = Vec::new();
    let node = yaml::parse(text, file, &mut found).unwrap();
    assert!(found.is_empty());
    (node, sources)
}

fn law(text: &str) -> Law {
    let (node, _) = node(text);
    let mut found = Vec::new();
    let distribution = yaml::read::<Distribution>(&node, node.span, &mut found).unwrap();
    distribution.law().map_err(|fault| fault.message).unwrap()
}

fn draws(law: &Law) -> Vec<f64> {
    let noise = Noise::new(3, "x");
    (0..200_000).map(|k| law.at(noise.uniform(k))).collect()
}

/// Checks mean and standard deviation, each within 5 of its own standard errors (that of the deviation for a kurtosis of
/// 6 at most: sd·√(5/4n)).
fn moments(text: &str, mean: f64, sd: f64) {
    let values = draws(&law(text));
    let n = values.len() as f64;
    let m = values.iter().sum::<f64>() / n;
    let s = (values.iter().map(|x| (x - m).powi(2)).sum::<f64>() / n).sqrt();
    assert!((m - mean).abs() < 5.0 * sd / n.sqrt(), "{text}: mean {m}, not {mean}");
    assert!((s - sd).abs() < 5.0 * sd * (1.25 / n).sqrt(), "{text}: standard deviation {s}, not {sd}");
}

#[test]
fn moments_are_those_of_the_closed_forms() {
    moments("{uniform: [2, 5]}", 3.5, 3.0 / 12f64.sqrt());
    moments("{normal: {mean: 2, sd: 0.5}}", 2.0, 0.5);
    // Mean exp(μ + σ²/2), variance (exp(σ²) − 1)·mean².
    let mean = 3.0 * (0.04f64 / 2.0).exp();
    moments("{lognormal: {median: 3, sigma: 0.2}}", mean, mean * (0.04f64.exp() - 1.0).sqrt());
    // Mean (a+b+c)/3, variance (a²+b²+c²−ab−ac−bc)/18: (0+1+9−0−0−3)/18.
    moments("{triangular: [0, 1, 3]}", 4.0 / 3.0, (7.0f64 / 18.0).sqrt());
    // Discrete uniform on −2 … 3: mean 1/2, variance (6² − 1)/12.
    moments("{integer: [-2, 3]}", 0.5, (35.0f64 / 12.0).sqrt());
    // 1 with 1/4, 5 with 3/4: mean 4, variance 16·3/16.
    moments("{choice: [1, 5], weights: [10, 30]}", 4.0, 3f64.sqrt());
    // Cut at ±1 sd: variance 1 − 2φ(1)/(2Φ(1) − 1) (Johnson, Kotz, Balakrishnan, vol. 1, 13.10).
    let (phi, p) = ((-0.5f64).exp() / std::f64::consts::TAU.sqrt(), 2.0 * normal_probability(1.0) - 1.0);
    moments("{normal: {mean: 10, sd: 2, within: [8, 12]}}", 10.0, 2.0 * (1.0 - 2.0 * phi / p).sqrt());
}

#[test]
fn shares_below_a_value_are_those_of_the_distribution_function() {
    let below = |text: &str, x: f64| {
        let values = draws(&law(text));
        values.iter().filter(|v| **v <= x).count() as f64 / values.len() as f64
    };
    // Standard error of a share: at most 0.5/√200000 = 0.0011.
    for (text, x, p) in [
        ("{triangular: [0, 1, 3]}", 0.5, 0.25 / 3.0),
        ("{triangular: [0, 1, 3]}", 2.0, 1.0 - 1.0 / 6.0),
        ("{triangular: [1, 1, 2]}", 1.5, 0.75),
        ("{triangular: [1, 2, 2]}", 1.5, 0.25),
        ("{lognormal: {median: 3, sigma: 0.2}}", 3.0, 0.5),
        ("{lognormal: {median: 1, sigma: 1, within: [1, 100]}}", 1.0, 0.0),
        ("{normal: {mean: 0, sd: 1}}", 1.0, 0.841_344_746),
        ("{integer: [1, 6]}", 2.0, 1.0 / 3.0),
        ("{choice: [1, 2, 3], weights: [0, 1, 0]}", 1.0, 0.0),
    ] {
        assert!((below(text, x) - p).abs() < 0.0056, "{text} below {x}: {}", below(text, x));
    }
    let cut = draws(&law("{lognormal: {median: 1, sigma: 2, within: [0.5, 4]}}"));
    assert!(cut.iter().all(|x| (0.5..=4.0).contains(x)));
    // Far out in a tail, what is cut out is still followed: all between 6 and 7 standard deviations.
    let tail = draws(&law("{normal: {mean: 0, sd: 1, within: [5, 7]}}"));
    assert!(tail.iter().all(|x| (5.0 - 1e-6..=7.0).contains(x)));
}

#[test]
fn grids_hit_their_ends() {
    let grid = law("{grid: {from: 0.1, to: 0.7, points: 4}}");
    assert_eq!((0..4).map(|k| grid.point(k)).collect::<Vec<_>>(), [0.1, 0.3, 0.5, 0.7]);
    let words = law("{grid: [open, closed]}");
    assert_eq!(words.labels().unwrap(), ["open", "closed"]);
    assert_eq!((words.point(1), words.scalar(1.0).text()), (1.0, "closed".to_owned()));
}

/// What is found in a scenario on the small feeder, with this `vary:`.
fn found(vary: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let feeder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/scenario/feeders/small.yaml");
    std::fs::copy(feeder, dir.path().join("small.yaml")).unwrap();
    let text = format!(
        "scenario: s\nfeeder: small.yaml\nduration_s: 10\nstep_s: 1\nevents: [{{at_s: 2, load_multiplier: 2}}]\nvary:\n{vary}"
    );
    std::fs::write(dir.path().join("s.yaml"), &text).unwrap();
    let reading = crate::scenario::read(&dir.path().join("s.yaml"));
    assert_eq!(reading.plan.is_none(), reading.diagnostics.iter().any(Diagnostic::is_error));
    let place = |d: &Diagnostic| {
        let span = d.span.expect("every finding has its place");
        let (path, source) = reading.sources.get(span.file).unwrap();
        assert!(path.ends_with("s.yaml"), "in the scenario, not in {}", path.display());
        source[span.start as usize..span.end as usize].to_owned()
    };
    let line =
        |d: &Diagnostic| format!("{} at {}: {} ({})", d.code, place(d), d.message, d.help.as_deref().unwrap_or(""));
    reading.diagnostics.iter().map(line).collect()
}

fn variables(vary: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let feeder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/scenario/feeders/small.yaml");
    std::fs::copy(feeder, dir.path().join("small.yaml")).unwrap();
    let text = format!(
        "scenario: s\nfeeder: small.yaml\nduration_s: 10\nstep_s: 1\nevents: [{{at_s: 2, load_multiplier: 2}}]\nvary:\n{vary}"
    );
    std::fs::write(dir.path().join("s.yaml"), &text).unwrap();
    let reading = crate::scenario::read(&dir.path().join("s.yaml"));
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    reading.plan.unwrap().vary.into_iter().map(|v| v.path).collect()
}

#[test]
fn any_value_of_the_language_can_be_varied() {
    let all = "  load_multiplier: {uniform: [0, 1]}\n  Loads.TOWN.scale: {uniform: [0, 1]}\n  loads.farm.profile: {choice: [working_day]}\n  \
               events.0.at_s: {choice: [3, 4]}\n  taps.reg: {integer: [-16, 16]}\n  capacitors.bank: {grid: [open, closed]}\n  \
               controls: {choice: [off, static]}\n  outputs.limits_pu.0: {uniform: [0.9, 0.95]}\n  outputs.angles: {choice: [true, false]}\n";
    // A list that is not written cannot be reached into.
    let written = all.replace("  outputs.limits_pu.0: {uniform: [0.9, 0.95]}\n", "");
    assert_eq!(
        variables(&written),
        [
            "load_multiplier",
            "loads.town.scale",
            "loads.farm.profile",
            "events.0.at_s",
            "taps.reg",
            "capacitors.bank",
            "controls",
            "outputs.angles"
        ]
    );
    assert!(found(all)[0].starts_with("E0360 at outputs.limits_pu.0"));
    assert_eq!(variables("  loads.*.scale: {uniform: [0, 1]}\n"), ["loads.town.scale", "loads.farm.scale"]);
    assert_eq!(variables("  events.*.at_s: {integer: [2, 4]}\n"), ["events.0.at_s"]);
}

#[test]
fn what_cannot_be_varied_is_found_at_its_place() {
    let expect = |vary: &str, start: &str| {
        let found = found(vary);
        assert!(found.len() == 1 && found[0].starts_with(start), "{vary}: {found:?}");
    };
    expect(
        "  load_multiplyer: {uniform: [0, 1]}\n",
        "E0360 at load_multiplyer: a scenario has no \"load_multiplyer\" to vary (did you mean \"load_multiplier\"?)",
    );
    expect(
        "  loads.town.skale: {uniform: [0, 1]}\n",
        "E0360 at loads.town.skale: loads.town has no \"skale\" to vary (did you mean \"scale\"?)",
    );
    expect(
        "  loads.twon.scale: {uniform: [0, 1]}\n",
        "E0305 at loads.twon.scale: load \"twon\" is not in feeder \"small\" (did you mean \"town\"?)",
    );
    expect(
        "  events.3.at_s: {uniform: [0, 1]}\n",
        "E0360 at events.3.at_s: events has no \"3\" to vary (events has: 0)",
    );
    expect(
        "  load_multiplier.x: {uniform: [0, 1]}\n",
        "E0360 at load_multiplier.x: load_multiplier has no \"x\" to vary",
    );
    expect("  scenario: {choice: [a, b]}\n", "E0360 at scenario");
    expect("  nothing.*.scale: {uniform: [0, 1]}\n", "E0360 at nothing.*.scale");
    expect("  \"*\": {uniform: [0, 1]}\n", "E0360 at \"*\"");
    expect("  loads: {uniform: [0, 1]}\n", "E0008 at loads");
    expect("  taps.reg: {uniform: [-3, 4]}\n", "E0008 at taps.reg: expected a whole number");
    expect("  taps.reg: {integer: [-3, 40]}\n", "E0308 at taps.reg: tap 40 is beyond the range");
    expect("  controls: {choice: [off, maybe]}\n", "E00");
    expect(
        "  load_multiplier: {uniform: [0, 1]}\n  LOAD_multiplier: {uniform: [0, 2]}\n",
        "E0360 at LOAD_multiplier: load_multiplier is varied twice",
    );
    expect(
        "  loads.*.scale: {uniform: [0, 1]}\n  loads.town.scale: {uniform: [0, 2]}\n",
        "E0360 at loads.town.scale: loads.town.scale is varied twice",
    );
    expect("  loads.*.scale: {grid: [0, 1]}\n", "E0361 at {");
    for (wrong, at) in [
        ("{}", "{"),
        ("{uniform: [1, 0]}", "["),
        ("{uniform: [0, 1], normal: {mean: 0, sd: 1}}", "{"),
        ("{normal: {mean: 0, sd: 0}}", "{"),
        ("{normal: {mean: 0, sd: 1, within: [1, -1]}}", "{"),
        ("{normal: {mean: 0, sd: 1, within: [50, 60]}}", "{"),
        ("{lognormal: {median: -1, sigma: 1}}", "{"),
        ("{triangular: [0, 3, 1]}", "["),
        ("{choice: []}", "["),
        ("{choice: [1, 2], weights: [1]}", "["),
        ("{choice: [1, 2], weights: [-1, 2]}", "["),
        ("{choice: [1, 2], weights: [0, 0]}", "["),
        ("{uniform: [0, 1], weights: [1]}", "["),
        ("{grid: []}", "["),
        ("{grid: {from: 0, to: 1, points: 1}}", "{"),
        ("{grid: {from: 0, to: 1, points: 100000000000}}", "{"),
        ("{integer: [3, 1]}", "["),
    ] {
        expect(&format!("  load_multiplier: {wrong}\n"), &format!("E0361 at {at}"));
    }
    for wrong in [
        "{uniform: [1]}",
        "{uniform: 3}",
        "{unifrom: [0, 1]}",
        "7",
        "{normal: {mean: 0}}",
        "{grid: 3}",
        "{uniform: [a, b]}",
    ] {
        let found = found(&format!("  load_multiplier: {wrong}\n"));
        assert!(!found.is_empty(), "{wrong}");
    }
    assert!(found("  - 3\n")[0].starts_with("E0008"));
}
