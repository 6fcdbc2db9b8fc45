//! What a tuning came to: gains, margins and warnings as data, and as a table to read.

use std::fmt;

use serde::Serialize;

use super::{MOST_EXTRA_DELAY, Margins, PiGains};

/// Gain margins below this are warned of.
pub const LEAST_GAIN_MARGIN: f64 = 2.0;
/// Delay margins below this, in steps, are warned of.
pub const LEAST_DELAY_MARGIN: usize = 1;
/// Peaks of the sensitivity above this are warned of: 1.2 to 2 is what is designed for (K. J. Åström, T. Hägglund,
/// Advanced PID Control, 2006, 4.6).
pub const MOST_SENSITIVITY_PEAK: f64 = 2.0;

/// A controller's tuning.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuning {
    /// Name of the controller in the scenario.
    pub controller: String,
    /// Its law.
    pub law: String,
    /// How the gains were found.
    pub source: String,
    /// Its period in s.
    pub period_s: f64,
    /// Names of the performance node's phases.
    pub phases: Vec<String>,
    /// Its gains.
    pub gains: Vec<Gain>,
    /// Its margins; `None` for a law that is not linear, or where they could not be found.
    pub margins: Option<Margins>,
    /// What to worry about.
    pub warnings: Vec<Warning>,
}

/// A gain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// Its name, as the scenario's key.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// One for each phase, or one for all.
    pub values: Vec<f64>,
}

impl Gain {
    /// A gain of its name, unit and values.
    pub fn new(name: &str, unit: &str, values: Vec<f64>) -> Self {
        Self { name: name.to_owned(), unit: unit.to_owned(), values }
    }

    /// The four gains of Swartz's PI.
    pub fn of_pi(gains: &PiGains) -> Vec<Self> {
        vec![
            Self::new("kp_v", "pu/pu", gains.kp_v.clone()),
            Self::new("ki_v", "pu/pu a step", gains.ki_v.clone()),
            Self::new("kp_angle", "pu/rad", gains.kp_angle.clone()),
            Self::new("ki_angle", "pu/rad a step", gains.ki_angle.clone()),
        ]
    }
}

/// Something about margins to worry about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The loop is unstable: its spectral radius.
    Unstable(f64),
    /// The gain margin upwards is small.
    GainUp(f64),
    /// The loop is lost by a sensitivity not much smaller.
    GainDown(f64),
    /// The delay margin in steps is small.
    Delay(usize),
    /// The peak of the sensitivity is large.
    SensitivityPeak(f64),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unstable(radius) => write!(f, "unstable: spectral radius {radius:.4}, must be below 1"),
            Self::GainUp(factor) => {
                write!(f, "gain margin {factor:.2}: a sensitivity so many times the model's is unstable, have 2")
            }
            Self::GainDown(factor) => write!(f, "unstable at {factor:.2} times the model's sensitivity"),
            Self::Delay(steps) => write!(f, "delay margin {steps} steps: one more step of delay is unstable"),
            Self::SensitivityPeak(peak) => write!(f, "sensitivity peak {peak:.2}: disturbances are amplified, have 2"),
        }
    }
}

impl Margins {
    /// What to worry about.
    pub fn warnings(&self) -> Vec<Warning> {
        if self.delay_steps.is_none() {
            return vec![Warning::Unstable(self.radius)];
        }
        let up = self.gain_up.filter(|f| *f < LEAST_GAIN_MARGIN).map(Warning::GainUp);
        let down = self.gain_down.filter(|f| *f > 1.0 / LEAST_GAIN_MARGIN).map(Warning::GainDown);
        let delay = self.delay_steps.filter(|steps| *steps < LEAST_DELAY_MARGIN).map(Warning::Delay);
        let peak = self.sensitivity_peak.filter(|ms| *ms > MOST_SENSITIVITY_PEAK).map(Warning::SensitivityPeak);
        [up, down, delay, peak].into_iter().flatten().collect()
    }
}

impl fmt::Display for Margins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spectral radius {:.4}", self.radius)?;
        let Some(steps) = self.delay_steps else { return Ok(()) };
        match self.gain_up {
            Some(factor) => write!(f, ", gain margin {factor:.2}")?,
            None => write!(f, ", gain margin above 64")?,
        }
        if let Some(factor) = self.gain_down {
            write!(f, " (and {factor:.2} downwards)")?;
        }
        let least = if steps >= MOST_EXTRA_DELAY { "at least " } else { "" };
        write!(f, ", delay margin {least}{steps} steps")?;
        self.sensitivity_peak.map_or(Ok(()), |peak| write!(f, ", sensitivity peak {peak:.2}"))
    }
}

impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}, every {} s; {}", self.controller, self.law, self.period_s, self.source)?;
        let name = self.gains.iter().map(|g| g.name.chars().count()).max().unwrap_or(0);
        if self.gains.iter().any(|g| g.values.len() > 1) {
            let phases = self.phases.iter().map(|p| format!(" {p:>10}")).collect::<String>();
            writeln!(f, "  {:name$}{phases}", "")?;
        }
        for gain in &self.gains {
            let values = gain.values.iter().map(|v| format!(" {v:>10.4}")).collect::<String>();
            writeln!(f, "  {:name$}{values}  {}", gain.name, gain.unit)?;
        }
        match &self.margins {
            Some(margins) => writeln!(f, "  {margins}")?,
            None => writeln!(f, "  no margins: the law is not linear")?,
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "  warning: {warning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn margins() -> Margins {
        Margins { radius: 0.9, gain_up: Some(3.5), gain_down: None, delay_steps: Some(2), sensitivity_peak: Some(1.4) }
    }

    #[test]
    fn warnings_are_what_the_bounds_say() {
        assert_eq!(margins().warnings(), []);
        let unstable =
            Margins { radius: 1.2, gain_up: None, gain_down: None, delay_steps: None, sensitivity_peak: None };
        assert_eq!(unstable.warnings(), [Warning::Unstable(1.2)]);
        let narrow = Margins {
            gain_up: Some(1.9),
            gain_down: Some(0.8),
            delay_steps: Some(0),
            sensitivity_peak: Some(2.5),
            ..margins()
        };
        let expected = [Warning::GainUp(1.9), Warning::GainDown(0.8), Warning::Delay(0), Warning::SensitivityPeak(2.5)];
        assert_eq!(narrow.warnings(), expected);
        assert_eq!(Margins { gain_down: Some(0.4), ..margins() }.warnings(), []);
    }

    #[test]
    fn a_tuning_reads_as_a_table_and_as_json() {
        let mut tuning = Tuning {
            controller: "lpbc".into(),
            law: "pi".into(),
            source: "given".into(),
            period_s: 0.1,
            phases: ["a", "b"].map(String::from).to_vec(),
            gains: vec![Gain::new("kp_v", "pu/pu", vec![1.0, 2.5]), Gain::new("deadband", "pu", vec![0.001])],
            margins: Some(margins()),
            warnings: vec![Warning::Delay(0)],
        };
        let expected = "\
lpbc: pi, every 0.1 s; given
                    a          b
  kp_v         1.0000     2.5000  pu/pu
  deadband     0.0010  pu
  spectral radius 0.9000, gain margin 3.50, delay margin 2 steps, sensitivity peak 1.40
  warning: delay margin 0 steps: one more step of delay is unstable
";
        assert_eq!(tuning.to_string(), expected);
        let json = serde_json::to_value(&tuning).unwrap();
        assert_eq!(json["margins"]["gain_up"], 3.5);
        assert_eq!(json["margins"]["gain_down"], serde_json::Value::Null);
        assert_eq!(json["warnings"][0]["delay"], 0);
        assert_eq!(json["gains"][0]["values"][1], 2.5);
        tuning.margins = None;
        assert!(tuning.to_string().contains("no margins: the law is not linear"));
    }
}
