//! The page of P–V curves, from their `pv.json`: one curve (`points`, `nose`), that after a loss (`post`), or several
//! (`curves`), with the points at which the system stands.

use std::path::Path;

use serde::Deserialize;

use super::figure::{Curve, Figure, curves};
use super::page::{Cell, Page, Table, short};
use super::read::{ReadError, json};

const MOST_ROWS: usize = 100;

/// What is needed of the file; more keys may stand in it.
#[derive(Debug, Deserialize)]
struct Study {
    #[serde(default)]
    feeder: Option<String>,
    #[serde(default, alias = "bus")]
    at: Option<String>,
    #[serde(default)]
    curves: Vec<Traced>,
    #[serde(flatten)]
    single: Traced,
    /// The curve after a loss.
    #[serde(default)]
    post: Option<Traced>,
    #[serde(default)]
    operating_points: Option<OperatingPoints>,
}

/// Where the system stands: before a loss, after it, and after it with the voltage restored.
#[derive(Debug, Default, Deserialize)]
struct OperatingPoints {
    #[serde(default)]
    a: Option<Point>,
    #[serde(default)]
    b: Option<Point>,
    #[serde(default)]
    c: Option<Point>,
}

/// One curve.
#[derive(Debug, Default, Deserialize)]
struct Traced {
    #[serde(default, alias = "label")]
    name: Option<String>,
    #[serde(default)]
    points: Vec<Point>,
    #[serde(default)]
    nose: Option<Point>,
    #[serde(default)]
    outage: Vec<String>,
}

/// A point of a curve.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Point {
    p_w: f64,
    #[serde(default)]
    v_v: Option<f64>,
    #[serde(default)]
    v_pu: Option<f64>,
    #[serde(default)]
    angle_deg: Option<f64>,
}

/// The page and its figures.
pub(super) fn page(dir: &Path) -> Result<(String, Vec<Figure>), ReadError> {
    let mut study: Study = json(&dir.join("pv.json"))?;
    if !study.single.points.is_empty() {
        let name = study.post.as_ref().map(|_| "all in service".to_owned());
        let single = std::mem::take(&mut study.single);
        study.curves.insert(0, Traced { name: name.or(single.name), ..single });
    }
    if let Some(post) = study.post.take() {
        let name = format!("without {}", post.outage.join(", "));
        study.curves.push(Traced { name: Some(name), ..post });
    }
    let place = [study.at.map(|bus| format!(" at {bus}")), study.feeder.map(|feeder| format!(" of {feeder}"))];
    let place: String = place.into_iter().flatten().collect();
    let figures = figures(&study.curves, &study.operating_points.unwrap_or_default());
    let mut page =
        Page::new(&format!("P–V curves{place}"), "Voltage over power, past the point of most power (the nose).");
    page.figures(&figures);
    page.heading("Noses");
    page.table(&noses(&study.curves), MOST_ROWS);
    Ok((page.finish("Beside this page: pv.json (every point) and each figure as SVG."), figures))
}

fn name(curve: &Traced, k: usize) -> String {
    curve.name.clone().unwrap_or_else(|| if k == 0 { "voltage".into() } else { format!("curve {}", k + 1) })
}

fn figures(traced: &[Traced], points_of: &OperatingPoints) -> Vec<Figure> {
    let points = || traced.iter().flat_map(|c| &c.points);
    let most_w = points().map(|p| p.p_w.abs()).filter(|p| p.is_finite()).fold(0.0, f64::max);
    let (unit_w, unit) = if most_w >= 1e6 { (1e6, "power, MW") } else { (1e3, "power, kW") };
    let per_unit = points().all(|p| p.v_pu.is_some());
    let most_v = points().filter_map(|p| p.v_v).fold(0.0, f64::max);
    let (unit_v, volts) = match (per_unit, most_v >= 2000.0) {
        (true, _) => (1.0, "voltage, pu"),
        (_, true) => (1e3, "voltage, kV"),
        _ => (1.0, "voltage, V"),
    };
    let place = |p: &Point| {
        let v = if per_unit { p.v_pu } else { p.v_v };
        (p.p_w / unit_w, v.map_or(f64::NAN, |v| v / unit_v))
    };
    let curve = |(k, traced): (usize, &Traced)| {
        let nose = traced.nose.as_ref().map(|n| {
            (place(n), format!("nose at {} {}", short(n.p_w / unit_w), unit.rsplit(' ').next().unwrap_or_default()))
        });
        // A lies on the curve with all in service, B and C on the one after the loss.
        let letters = [("A", &points_of.a, 0), ("B", &points_of.b, 1), ("C", &points_of.c, 1)];
        let letters = letters.into_iter().filter(|(.., on)| *on == k);
        let letters = letters.filter_map(|(letter, point, _)| Some((place(point.as_ref()?), letter.to_owned())));
        let marks = nose.into_iter().chain(letters).filter(|(p, _)| p.0.is_finite() && p.1.is_finite());
        Curve { name: name(traced, k), points: traced.points.iter().map(place).collect(), marks: marks.collect() }
    };
    let drawn: Vec<Curve> = traced.iter().enumerate().map(curve).collect();
    let figure = curves("pv", "P–V curves", "from no power to the nose and beyond", [unit, volts], &drawn);
    let caption = "Each power up to the nose has two voltages; the upper one is where a grid is run.";
    figure.into_iter().map(|figure| Figure { caption: caption.into(), ..figure }).collect()
}

fn noses(traced: &[Traced]) -> Table {
    let number = |x: Option<f64>| Cell::Number(x.map_or("–".into(), short));
    let row = |(k, traced): (usize, &Traced)| {
        let nose = traced.nose.as_ref();
        vec![
            Cell::Text(name(traced, k)),
            number(nose.map(|n| n.p_w / 1000.0)),
            number(nose.and_then(|n| n.v_v)),
            number(nose.and_then(|n| n.angle_deg)),
            Cell::Number(traced.points.len().to_string()),
        ]
    };
    let columns = vec!["curve", "most power, kW", "voltage there, V", "angle there, °", "points"];
    Table { columns, rows: traced.iter().enumerate().map(row).collect() }
}
