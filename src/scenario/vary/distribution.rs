//! What a varied value is drawn from.
//!
//! Every law is the inverse of its distribution function: one uniform number makes one value, so that truncation is
//! exact and a value depends on nothing but that number. Triangular: Kotz, van Dorp, "Beyond Beta" (2004), 1.4.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::yaml::Value;
use crate::quantity::{normal_probability, normal_quantile};

/// What a value is drawn from: exactly one of the keys (`weights` belongs to `choice`).
#[derive(Clone, Debug, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// Evenly between two numbers.
    #[serde(default)]
    pub uniform: Option<[f64; 2]>,
    /// A whole number from the first to the second, all equally likely.
    #[serde(default)]
    pub integer: Option<[i64; 2]>,
    /// A normal distribution.
    #[serde(default)]
    pub normal: Option<Normal>,
    /// A distribution whose logarithm is normal.
    #[serde(default)]
    pub lognormal: Option<LogNormal>,
    /// Lowest value, most likely value, highest value.
    #[serde(default)]
    pub triangular: Option<[f64; 3]>,
    /// One of these.
    #[serde(default)]
    pub choice: Option<Vec<Scalar>>,
    /// How likely each choice is, in any unit; equally likely when not given.
    #[serde(default)]
    pub weights: Option<Vec<f64>>,
    /// Each of these in turn: a list, or `{from, to, points}`. Several grids are combined, each value with each.
    #[serde(default)]
    pub grid: Option<Grid>,
}

/// A normal distribution.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normal {
    /// Mean (before truncation).
    pub mean: f64,
    /// Standard deviation (before truncation).
    pub sd: f64,
    /// Only values between these; none are cut off when not given.
    #[serde(default)]
    pub within: Option<[f64; 2]>,
}

/// A distribution whose logarithm is normal.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogNormal {
    /// Median (before truncation): half of the values are below.
    pub median: f64,
    /// Standard deviation of the natural logarithm.
    pub sigma: f64,
    /// Only values between these; none are cut off when not given.
    #[serde(default)]
    pub within: Option<[f64; 2]>,
}

/// A number or a text.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A number.
    Number(f64),
    /// A text, `true` or `false`.
    Text(String),
}

/// Values to go through.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Grid {
    /// These.
    Values(Vec<Scalar>),
    /// Evenly from one number to another, both included.
    Range(Range),
}

/// Evenly spaced numbers.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The first.
    pub from: f64,
    /// The last.
    pub to: f64,
    /// How many.
    pub points: usize,
}

/// Most values of a choice or a grid.
const MOST: usize = 1_000_000;

/// A checked distribution.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// From the first to the second.
    Uniform(f64, f64),
    /// Whole numbers: the first, and how many.
    Integer(i64, u64),
    /// Mean, standard deviation, and the probabilities below the ends.
    Normal(f64, f64, [f64; 2]),
    /// Logarithm of the median, its standard deviation, and the probabilities below the ends.
    LogNormal(f64, f64, [f64; 2]),
    /// Lowest, most likely, highest.
    Triangular([f64; 3]),
    /// Values, and the probability of each with all before it.
    Choice(Vec<Scalar>, Vec<f64>),
    /// Values in turn.
    Grid(Vec<Scalar>),
}

/// What is wrong with a distribution.
pub(super) struct Fault {
    pub(super) key: Option<&'static str>,
    pub(super) message: String,
    pub(super) help: &'static str,
}

impl Distribution {
    /// The law, if it is one.
    pub(super) fn law(self) -> Result<Law, Fault> {
        let weights = self.weights;
        let given = [
            self.uniform.map(uniform),
            self.integer.map(integer),
            self.normal.map(normal),
            self.lognormal.map(lognormal),
            self.triangular.map(triangular),
            self.choice.map(|values| choice(values, weights.clone())),
            self.grid.map(grid),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(law), None) => match weights {
                Some(_) if !matches!(law, Ok(Law::Choice(..)) | Err(_)) => {
                    fault("weights", "weights without a choice".into(), "weights say how likely each choice is")
                }
                _ => law,
            },
            (None, _) => fault("", "it is not said what to draw from".into(), FORMS),
            (Some(_), Some(_)) => fault("", "two distributions for one value".into(), FORMS),
        }
    }
}

const FORMS: &str = "write one of uniform, integer, normal, lognormal, triangular, choice, grid";

fn fault(key: &'static str, message: String, help: &'static str) -> Result<Law, Fault> {
    Err(Fault { key: Some(key).filter(|k| !k.is_empty()), message, help })
}

fn uniform([low, high]: [f64; 2]) -> Result<Law, Fault> {
    if low < high && (high - low).is_finite() {
        return Ok(Law::Uniform(low, high));
    }
    fault("uniform", format!("from {low} to {high}"), "write the lower number first, as in [0.8, 1.2]")
}

fn integer([low, high]: [i64; 2]) -> Result<Law, Fault> {
    const EXACT: i64 = 1 << 53;
    if low <= high && low >= -EXACT && high <= EXACT {
        return Ok(Law::Integer(low, high.abs_diff(low) + 1));
    }
    fault("integer", format!("whole numbers from {low} to {high}"), "write the lower number first, as in [-4, 4]")
}

fn normal(n: Normal) -> Result<Law, Fault> {
    if n.sd <= 0.0 {
        return fault("normal", format!("a standard deviation of {}", n.sd), "it is greater than 0");
    }
    between("normal", n.within.map(|w| w.map(|x| (x - n.mean) / n.sd))).map(|p| Law::Normal(n.mean, n.sd, p))
}

fn lognormal(n: LogNormal) -> Result<Law, Fault> {
    if n.sigma <= 0.0 || n.median <= 0.0 {
        let message = format!("a median of {} and a sigma of {}", n.median, n.sigma);
        return fault("lognormal", message, "both are greater than 0");
    }
    let mu = n.median.ln();
    let z = |x: f64| if x > 0.0 { (x.ln() - mu) / n.sigma } else { f64::NEG_INFINITY };
    between("lognormal", n.within.map(|w| w.map(z))).map(|p| Law::LogNormal(mu, n.sigma, p))
}

/// The probabilities below two standard normal numbers.
fn between(key: &'static str, z: Option<[f64; 2]>) -> Result<[f64; 2], Fault> {
    /// Fewer values than one in this many are not worth cutting out of.
    const LEAST: f64 = 1e-9;
    let Some([low, high]) = z else { return Ok([0.0, 1.0]) };
    let p = [normal_probability(low), normal_probability(high)];
    if low < high && p[1] - p[0] >= LEAST {
        return Ok(p);
    }
    let message = "nothing of the distribution is within these limits".to_owned();
    Err(Fault { key: Some(key), message, help: "write the lower limit first, and limits that the mean is near" })
}

fn triangular([low, mode, high]: [f64; 3]) -> Result<Law, Fault> {
    if low <= mode && mode <= high && low < high && (high - low).is_finite() {
        return Ok(Law::Triangular([low, mode, high]));
    }
    let help = "write the lowest value, the most likely one, and the highest, as in [0.8, 1, 1.3]";
    fault("triangular", format!("a triangle of {low}, {mode} and {high}"), help)
}

fn choice(values: Vec<Scalar>, weights: Option<Vec<f64>>) -> Result<Law, Fault> {
    if values.is_empty() || values.len() > MOST {
        return fault("choice", format!("a choice among {} values", values.len()), "write what there is, as in [0, 1]");
    }
    let weights = weights.unwrap_or_else(|| vec![1.0; values.len()]);
    let sum: f64 = weights.iter().sum();
    if weights.len() != values.len() {
        let message = format!("{} weights for {} values", weights.len(), values.len());
        return fault("weights", message, "write one weight a value");
    }
    if weights.iter().any(|w| *w < 0.0) || sum <= 0.0 || !sum.is_finite() {
        return fault("weights", "weights that are no shares".into(), "none is negative, and one is greater than 0");
    }
    let mut so_far = 0.0;
    let cumulative = weights.iter().map(|w| {
        so_far += w / sum;
        so_far
    });
    let cumulative = cumulative.collect();
    Ok(Law::Choice(values, cumulative))
}

fn grid(grid: Grid) -> Result<Law, Fault> {
    #[allow(clippy::cast_precision_loss, reason = "at most a million points")]
    let values = match grid {
        Grid::Values(values) => values,
        Grid::Range(Range { from, to, points: 1 }) if from == to => vec![Scalar::Number(from)],
        Grid::Range(r) if r.points < 2 || r.points > MOST || r.from == r.to || !(r.to - r.from).is_finite() => {
            let message = format!("{} points from {} to {}", r.points, r.from, r.to);
            return fault("grid", message, "two points or more, from one number to another");
        }
        Grid::Range(r) => {
            let last = (r.points - 1) as f64;
            let at = |k: usize| r.from + (r.to - r.from) * (k as f64 / last);
            (0..r.points).map(|k| Scalar::Number(if k + 1 == r.points { r.to } else { at(k) })).collect()
        }
    };
    if values.is_empty() || values.len() > MOST {
        return fault("grid", format!("a grid of {} values", values.len()), "write one value or more");
    }
    Ok(Law::Grid(values))
}

impl Law {
    /// The values of a grid.
    pub fn grid(&self) -> Option<&[Scalar]> {
        match self {
            Self::Grid(values) => Some(values),
            _ => None,
        }
    }

    /// The texts that numbers stand for, when the values are not all numbers: value k is the k-th.
    pub fn labels(&self) -> Option<Vec<String>> {
        let (Self::Choice(values, _) | Self::Grid(values)) = self else { return None };
        let any_text = values.iter().any(|v| matches!(v, Scalar::Text(_)));
        any_text.then(|| values.iter().map(Scalar::text).collect())
    }

    /// The value at a uniform number between 0 and 1 (of texts: which one); of a grid the first.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn at(&self, u: f64) -> f64 {
        match self {
            Self::Uniform(low, high) => low + (high - low) * u,
            Self::Integer(low, count) => {
                let step = (u * *count as f64) as u64; // below count, since u is below 1
                (*low as f64) + step.min(count - 1) as f64
            }
            Self::Normal(mean, sd, p) => mean + sd * quantile_between(p, u),
            Self::LogNormal(mu, sigma, p) => (mu + sigma * quantile_between(p, u)).exp(),
            Self::Triangular([low, mode, high]) => {
                let (width, rise) = (high - low, mode - low);
                if u * width < rise {
                    low + (u * width * rise).sqrt()
                } else {
                    high - ((1.0 - u) * width * (high - mode)).sqrt()
                }
            }
            Self::Choice(values, cumulative) => {
                let k = cumulative.partition_point(|p| *p <= u).min(values.len() - 1);
                self.of(values, k)
            }
            Self::Grid(values) => self.of(values, 0),
        }
    }

    /// The k-th value of a grid, as [`Law::at`] gives them.
    pub fn point(&self, k: usize) -> f64 {
        self.grid().map_or(f64::NAN, |values| self.of(values, k))
    }

    #[allow(clippy::cast_precision_loss, reason = "at most a million values")]
    fn of(&self, values: &[Scalar], k: usize) -> f64 {
        let all_numbers = values.iter().all(|v| matches!(v, Scalar::Number(_)));
        match values.get(k) {
            Some(Scalar::Number(x)) if all_numbers => *x,
            _ => k as f64,
        }
    }

    /// What a value that [`Law::at`] gave stands for in the scenario.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index that `at` made")]
    pub fn scalar(&self, value: f64) -> Scalar {
        match self {
            Self::Choice(values, _) | Self::Grid(values) if values.iter().any(|v| matches!(v, Scalar::Text(_))) => {
                values.get(value as usize).cloned().unwrap_or(Scalar::Number(value))
            }
            _ => Scalar::Number(value),
        }
    }

    /// Values, as text, that show whether the scenario takes what is drawn: the ends of whole numbers, every text (of many
    /// the first few), else one in the middle.
    pub(in crate::scenario) fn trials(&self) -> Vec<Scalar> {
        const MOST_TRIED: usize = 16;
        match (self, self.labels()) {
            (_, Some(labels)) => labels.into_iter().take(MOST_TRIED).map(Scalar::Text).collect(),
            (Self::Integer(..), None) => [0.0, 1.0].map(|u| self.scalar(self.at(u))).to_vec(),
            _ => vec![self.scalar(self.median())],
        }
    }

    /// A value in the middle: where half of the values are below.
    pub fn median(&self) -> f64 {
        match self {
            Self::Grid(values) => self.point(values.len() / 2),
            _ => self.at(0.5),
        }
    }
}

/// The standard normal value at a uniform number of what lies between two probabilities.
fn quantile_between([low, high]: &[f64; 2], u: f64) -> f64 {
    normal_quantile(low + (high - low) * u)
}

impl Scalar {
    /// What a text is, as YAML takes it.
    pub fn of(text: &str) -> Self {
        match text.parse::<f64>() {
            Ok(x) if x.is_finite() => Self::Number(x),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// As it would be written.
    pub fn text(&self) -> String {
        match self {
            Self::Number(x) => format!("{x}"),
            Self::Text(text) => text.clone(),
        }
    }

    /// As a value of the tree: `true` and `false` are booleans there.
    pub(in crate::scenario) fn node_value(&self) -> Value {
        match self {
            Self::Number(_) => Value::Number(self.text()),
            Self::Text(text) if text == "true" || text == "false" => Value::Bool(text == "true"),
            Self::Text(text) => Value::String(text.clone()),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        #[allow(clippy::cast_precision_loss, reason = "a number of a file")]
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or a text")
            }

            fn visit_f64<E>(self, x: f64) -> Result<Scalar, E> {
                Ok(Scalar::Number(x))
            }

            fn visit_u64<E>(self, x: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(x as f64))
            }

            fn visit_i64<E>(self, x: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(x as f64))
            }

            fn visit_bool<E>(self, x: bool) -> Result<Scalar, E> {
                Ok(Scalar::Text(x.to_string()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl<'de> Deserialize<'de> for Grid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Grid;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of values, or {from, to, points}")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Grid, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = items.next_element()? {
                    values.push(value);
                }
                Ok(Grid::Values(values))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, entries: A) -> Result<Grid, A::Error> {
                Range::deserialize(serde::de::value::MapAccessDeserializer::new(entries)).map(Grid::Range)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
