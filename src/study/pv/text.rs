//! What a person reads, and what a spreadsheet does.

use std::fmt::Write as _;

use super::{Answer, OperatingPoint, PvCurve, PvPoint, QvCurve, Reading, Vary};

/// Rows of a curve that a table shows.
const ROWS: usize = 24;

impl Answer {
    /// A summary and a table for a terminal.
    pub fn text(&self) -> String {
        let varies = match self.vary {
            Vary::Added => "an added load of constant power",
            Vary::Bus => "the loads at the bus",
            Vary::Feeder => "all loads of the feeder",
        };
        let mut text = format!("{}: voltage at {} against the power of {varies}\n", self.feeder, self.at);
        let _ = writeln!(text, "voltage: {}, base {} V\n", self.reading.words(), number(self.base_v));
        text += &format!("{:<22} {:>13} {:>13} {:>9} {:>9} {:>9}\n", "", "P kW", "Q kvar", "kV", "deg", "margin %");
        let points = &self.operating_points;
        text += &row("A present load", &points.a);
        if let Some(post) = &self.post {
            let lost = format!("B after loss of {}", post.outage.join(", "));
            match &points.b {
                Some(b) => text += &row(&lost, b),
                None => text += &format!("{lost}: NO SOLUTION at the present load\n"),
            }
            if let Some(c) = &points.c {
                text += &row("C phasor restored", c);
            }
        }
        text += &nose_row("nose", &self.curve);
        if let Some(post) = &self.post {
            text += &nose_row("nose after the loss", &post.curve);
        }
        text += &table("P-V curve", &self.curve);
        if let Some(post) = &self.post {
            text += &table("P-V curve after the loss", &post.curve);
        }
        let curves = [
            ("Q-V curve", self.qv.as_ref()),
            ("Q-V curve after the loss", self.post.as_ref().and_then(|p| p.qv.as_ref())),
        ];
        for (title, curve) in curves {
            text += &curve.map_or_else(String::new, |curve| qv_table(title, curve));
        }
        text
    }

    /// Every point of every curve as comma-separated values.
    pub fn csv(&self) -> String {
        let names: Vec<&String> = self.curve.nose.nodes.keys().collect();
        let mut text = String::from("curve,past_nose,p_w,q_var,v_v,angle_deg");
        names.iter().for_each(|n| {
            let _ = write!(text, ",{n}.v_v,{n}.angle_deg");
        });
        text.push('\n');
        let mut line = |curve: &str, p: &PvPoint| {
            let _ = write!(text, "{curve},{},{},{},{},{}", p.past_nose, p.p_w, p.q_var, p.v_v, p.angle_deg);
            for node in p.nodes.values() {
                let _ = write!(text, ",{},{}", node.v_v, node.angle_deg);
            }
            text.push('\n');
        };
        self.curve.points.iter().for_each(|p| line("pre", p));
        line("pre_nose", &self.curve.nose);
        if let Some(post) = &self.post {
            post.curve.points.iter().for_each(|p| line("post", p));
            line("post_nose", &post.curve.nose);
        }
        let nodes = ",".repeat(2 * names.len());
        let curves = [("qv", self.qv.as_ref()), ("post_qv", self.post.as_ref().and_then(|p| p.qv.as_ref()))];
        for (name, curve) in curves.into_iter().filter_map(|(name, curve)| Some((name, curve?))) {
            for p in &curve.points {
                let _ = writeln!(text, "{name},,,{},{},{}{nodes}", p.q_var, p.v_v, p.angle_deg);
            }
        }
        text
    }
}

impl Reading {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::ToGround => "to ground",
            Self::LineToLine => "line-to-line",
            Self::PositiveSequence => "line-to-line, positive sequence",
        }
    }
}

fn number(x: f64) -> String {
    format!("{x:.1}")
}

fn row(name: &str, p: &OperatingPoint) -> String {
    let (p_kw, q_kvar, kv) = (p.p_w / 1e3, p.q_var / 1e3, p.v_v / 1e3);
    format!("{name:<22} {p_kw:>13.3} {q_kvar:>13.3} {kv:>9.3} {:>9.3} {:>9.2}\n", p.angle_deg, p.margin_percent)
}

fn nose_row(name: &str, curve: &PvCurve) -> String {
    let p = &curve.nose;
    let what = if curve.fold { "" } else { "  (most power: the curve has no fold)" };
    let (p_kw, q_kvar, kv) = (p.p_w / 1e3, p.q_var / 1e3, p.v_v / 1e3);
    format!("{name:<22} {p_kw:>13.3} {q_kvar:>13.3} {kv:>9.3} {:>9.3}{what}\n", p.angle_deg)
}

fn thinned(length: usize) -> impl Iterator<Item = usize> {
    let step = length.div_ceil(ROWS).max(1);
    (0..length).filter(move |k| k % step == 0 || k + 1 == length)
}

fn table(title: &str, curve: &PvCurve) -> String {
    let count = curve.points.len();
    let mut text = format!("\n{title} ({count} points, all of them with --json or --csv)\n");
    let _ = writeln!(text, "{:>13} {:>9} {:>9}", "P kW", "kV", "deg");
    let mut past = false;
    for k in thinned(count) {
        let p = &curve.points[k];
        if p.past_nose && !past {
            past = true;
            text += &format!(
                "{:>13.3} {:>9.3} {:>9.3}  nose\n",
                curve.nose.p_w / 1e3,
                curve.nose.v_v / 1e3,
                curve.nose.angle_deg
            );
        }
        let _ = writeln!(text, "{:>13.3} {:>9.3} {:>9.3}", p.p_w / 1e3, p.v_v / 1e3, p.angle_deg);
    }
    curve.ends_early.as_ref().map_or(text.clone(), |why| format!("{text}the curve ends here: {why}\n"))
}

fn qv_table(title: &str, curve: &QvCurve) -> String {
    let least = &curve.minimum;
    let kind = if curve.fold { "minimum" } else { "lowest point found" };
    let mut text = format!(
        "\n{title}: reactive margin {:.3} kvar, {kind} at {:.3} kV\n{:>13} {:>9} {:>9}\n",
        curve.margin_var / 1e3,
        least.v_v / 1e3,
        "Q kvar in",
        "kV",
        "deg"
    );
    for k in thinned(curve.points.len()) {
        let p = &curve.points[k];
        let _ = writeln!(text, "{:>13.3} {:>9.3} {:>9.3}", p.q_var / 1e3, p.v_v / 1e3, p.angle_deg);
    }
    text
}
