//! Reading what the user gave, and saying what is wrong with it.

use std::path::Path;

use phasorbench::diagnostic::{self, Diagnostic, Sources};
use phasorbench::feeder::{self, Feeder};
use phasorbench::scenario::{self, Override};
use phasorbench::solver::{Grid, Method, PowerFlow, Settings};

use crate::Exit;
use crate::terminal::terminal;

/// Prints findings to standard error.
pub fn report(diagnostics: &[Diagnostic], sources: &Sources) {
    if !diagnostics.is_empty() {
        eprint!("{}", diagnostic::render(diagnostics, sources, terminal().color));
    }
}

/// Prints one message in the form of a finding without a place.
pub fn complain(code: &'static str, message: impl Into<String>, help: Option<String>) -> Exit {
    let mut finding = Diagnostic::error(code, message);
    finding.help = help;
    report(&[finding], &Sources::default());
    Exit::BadInput
}

/// Whether a file is meant as a scenario.
pub fn is_scenario(file: &Path) -> bool {
    let yaml = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
    yaml && std::fs::read_to_string(file).is_ok_and(|text| scenario::is_one(&text))
}

/// Whether a file is meant as a device's description.
pub fn is_device(file: &Path) -> bool {
    let yaml = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
    yaml && std::fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| line.starts_with("device:")))
}

/// Reads a feeder, reporting everything that was found.
pub fn feeder(path: &Path) -> Result<Feeder, Exit> {
    let stage = terminal().stage("read");
    let reading = feeder::read(path);
    stage.done(|| path.display().to_string());
    report(&reading.diagnostics, &reading.sources);
    reading.feeder.ok_or(Exit::BadInput)
}

/// Compiles a feeder and makes a power flow of it.
pub fn power_flow(feeder: &Feeder, settings: Settings) -> Result<PowerFlow, Exit> {
    let stage = terminal().stage("compile");
    match Grid::compile(feeder) {
        Ok(grid) => {
            let flow = PowerFlow::new(grid, settings);
            stage.done(|| compiled(&flow));
            Ok(flow)
        }
        Err(error) => Err(complain("E0250", error.to_string(), None)),
    }
}

/// A compiled feeder in words.
pub fn compiled(flow: &PowerFlow) -> String {
    let (grid, feeder) = (flow.grid(), &flow.grid().feeder);
    let branches = feeder.lines.len() + feeder.transformers.len() + feeder.reactors.len();
    format!(
        "{}: {} buses, {} nodes, {branches} branches, {} loads, kernel {:?}",
        feeder.feeder,
        grid.buses.len(),
        grid.nodes.len(),
        feeder.loads.len(),
        flow.isa()
    )
}

/// The iteration in use, in words.
pub fn method(flow: &PowerFlow) -> &'static str {
    match flow.method() {
        Method::Chord => "chord Newton",
        Method::FixedPoint | Method::Auto => "fixed point",
    }
}

/// The settings that a feeder asks for, with the command line's tolerance over them.
pub fn settings(feeder: &Feeder, tolerance_pu: Option<f64>) -> Result<Settings, Exit> {
    let default = Settings::default();
    let solve = &feeder.solve;
    if let Some(x) = tolerance_pu.filter(|x| !(*x >= Settings::FLOOR_PU && x.is_finite())) {
        let message = format!("a tolerance of {x} cannot be promised");
        return Err(complain("E0401", message, Some("the smallest tolerance is 1e-12 (per unit)".into())));
    }
    let written = solve.tolerance_pu.map(|t| t.max(Settings::FLOOR_PU));
    Ok(Settings {
        tolerance_pu: tolerance_pu.or(written).unwrap_or(default.tolerance_pu),
        max_iterations: solve.max_iterations.unwrap_or(default.max_iterations),
        ..default
    })
}

/// A value of a scenario that the command line replaces: `PATH=VALUE`.
pub fn setting(text: &str) -> Result<Override, String> {
    let (path, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not of the form PATH=VALUE"))?;
    Ok(Override { path: path.trim().to_owned(), value: value.trim().to_owned() })
}

/// A real device in the place of one of the scenario's: `NAME=FILE@ADDRESS`.
pub fn swap(text: &str) -> Result<Vec<Override>, String> {
    let wrong = || format!("{text:?} is not of the form NAME=FILE@ADDRESS");
    let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
    let (file, address) = rest.rsplit_once('@').ok_or_else(wrong)?;
    let name = name.trim();
    if name.is_empty() || file.is_empty() || address.is_empty() {
        return Err(wrong());
    }
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let value = |key: &str, text: &str| Override { path: format!("hil.{name}.{key}"), value: quoted(text) };
    Ok(vec![value("is", file), value("at", address)])
}

/// Splits `NAME=VALUE`; names are lower case.
pub fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not of the form NAME=VALUE"))?;
    Ok((name.trim().to_lowercase(), value.trim().to_lowercase()))
}

/// Complains that a name on the command line is not known, with the nearest that is.
pub fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a String>) -> Exit {
    let nearest = diagnostic::nearest(name, known.into_iter().map(String::as_str));
    let help = nearest.map(|n| format!("did you mean \"{n}\"?"));
    complain("E0402", format!("the feeder has no {what} \"{name}\""), help)
}
