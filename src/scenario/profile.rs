//! Profiles: from the scenario's text or a CSV file to a checked [`Course`].

use std::f64::consts::PI;

use super::{Function, Profile};
use crate::feeder::{Shape, ShapeValue};
use crate::quantity::Noise;

/// Values over time.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// By points.
    Points(Shape),
    /// By a function of the clock, with the noise of the profile's name.
    Function(Function, Noise),
}

impl Default for Course {
    fn default() -> Self {
        Self::Points(Shape::default())
    }
}

impl Course {
    /// The value at `t_s` seconds on the clock (≥ 0).
    pub fn at(&self, t_s: f64) -> ShapeValue {
        match self {
            Self::Points(shape) => shape.at(t_s),
            Self::Function(function, noise) => ShapeValue { p: multiplier(function, *noise, t_s), q: None },
        }
    }

    /// Whether the values are powers in kW and kvar, not multipliers.
    pub const fn actual(&self) -> bool {
        match self {
            Self::Points(shape) => shape.actual,
            Self::Function(..) => false,
        }
    }
}

const DAY_S: f64 = 86_400.0;

fn multiplier(function: &Function, noise: Noise, t_s: f64) -> f64 {
    match function {
        Function::Sine(f) => f.mean + f.amplitude * (2.0 * PI * ((t_s - f.start_s) / f.period_s).fract()).sin(),
        Function::Ramp(f) => {
            let share = ((t_s - f.start_s) / (f.end_s - f.start_s)).clamp(0.0, 1.0);
            f.from + share * (f.to - f.from)
        }
        Function::ClearDay(f) => {
            let share = (t_s.rem_euclid(DAY_S) - f.sunrise_s) / (f.sunset_s - f.sunrise_s);
            if (0.0..=1.0).contains(&share) { f.peak * (PI * share).sin() } else { 0.0 }
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of a run is not negative")]
        Function::Random(f) => (f.mean + f.sd * noise.normal((t_s / f.every_s + 1e-9) as u64)).max(0.0),
    }
}

/// Most points of one profile: a year of seconds.
pub const MOST_POINTS: usize = 31_622_400;

/// What is wrong with a profile, and the key it is wrong in.
#[derive(Debug, PartialEq)]
pub struct ProfileFault {
    /// The key, if one is to blame.
    pub key: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What would help.
    pub help: &'static str,
}

fn fault<T>(key: Option<&'static str>, message: impl Into<String>, help: &'static str) -> Result<T, ProfileFault> {
    Err(ProfileFault { key, message: message.into(), help })
}

/// What a profile describes; `noise` is that of its name.
///
/// # Errors
/// The first thing wrong with it.
pub fn course(profile: &Profile, noise: Noise) -> Result<Course, ProfileFault> {
    let Some(function) = profile.function else { return shape(profile).map(Course::Points) };
    if *profile != (Profile { function: Some(function), ..Profile::default() }) {
        return fault(Some("function"), "values stand beside a function", "remove the function or the values");
    }
    let wrong = |what: &'static str, help: &'static str| fault(Some("function"), what, help);
    match function {
        Function::Sine(f) if f.period_s <= 0.0 => wrong("the period is not positive", "give it in s"),
        Function::Sine(f) if f.amplitude.abs() > f.mean => {
            wrong("the sine goes below 0", "let the amplitude be at most the mean: a multiplier is not negative")
        }
        Function::Ramp(f) if f.end_s <= f.start_s => wrong("the ramp ends before it begins", "let end_s be later"),
        Function::Ramp(f) if f.from < 0.0 || f.to < 0.0 => {
            wrong("the ramp goes below 0", "a multiplier is not negative")
        }
        Function::ClearDay(f)
            if !(0.0..DAY_S).contains(&f.sunrise_s) || f.sunset_s <= f.sunrise_s || f.sunset_s > DAY_S =>
        {
            wrong("sunrise and sunset are not in order", "give them in s since midnight, sunrise first")
        }
        Function::ClearDay(f) if f.peak < 0.0 => wrong("the peak is negative", "a multiplier is not negative"),
        Function::Random(f) if f.every_s <= 0.0 => wrong("the interval is not positive", "give every_s in s"),
        Function::Random(f) if f.sd < 0.0 => wrong("the standard deviation is negative", "give 0 or more"),
        _ => Ok(Course::Function(function, noise)),
    }
}

/// The shape a profile of points describes.
fn shape(profile: &Profile) -> Result<Shape, ProfileFault> {
    let (p, q, actual) = powers(profile)?;
    if p.is_empty() {
        return fault(None, "the profile has no points", "give at least one value");
    }
    if p.len() > MOST_POINTS {
        return fault(None, format!("the profile has {} points", p.len()), "a year of seconds is the most");
    }
    if let Some(q) = q.filter(|q| q.len() != p.len()) {
        let key = if actual { "q_kvar" } else { "q" };
        let message = format!("{} values of reactive power beside {} of active power", q.len(), p.len());
        return fault(Some(key), message, "give one of each for every point");
    }
    let (at_s, interval_s) = match (times(profile, p.len())?, profile.interval_s) {
        (None, Some(interval_s)) if profile.interpolate => (Some(even_times(interval_s, p.len())), None),
        (at_s, interval_s) => (at_s, interval_s),
    };
    Ok(Shape { interval_s, at_s, p: p.clone(), q: q.cloned(), actual })
}

#[allow(clippy::cast_precision_loss, reason = "at most a year of points")]
fn even_times(interval_s: f64, points: usize) -> Vec<f64> {
    (1..=points).map(|k| k as f64 * interval_s).collect()
}

type Powers<'a> = (&'a Vec<f64>, Option<&'a Vec<f64>>, bool);

fn powers(profile: &Profile) -> Result<Powers<'_>, ProfileFault> {
    match (&profile.p, &profile.p_kw) {
        (Some(_), Some(_)) => fault(Some("p_kw"), "both `p` and `p_kw` are given", "multipliers or powers: remove one"),
        (None, None) => fault(None, "the profile has no active power", "give `p` (multipliers) or `p_kw`, or a `file`"),
        (Some(p), None) => match &profile.q_kvar {
            Some(_) => fault(Some("q_kvar"), "`q_kvar` stands beside multipliers", "with `p`, write `q`"),
            None => Ok((p, profile.q.as_ref(), false)),
        },
        (None, Some(p)) => match &profile.q {
            Some(_) => fault(Some("q"), "the multiplier `q` stands beside powers", "with `p_kw`, write `q_kvar`"),
            None => Ok((p, profile.q_kvar.as_ref(), true)),
        },
    }
}

fn times(profile: &Profile, points: usize) -> Result<Option<Vec<f64>>, ProfileFault> {
    match (&profile.at_s, profile.interval_s) {
        (Some(_), Some(_)) => {
            fault(Some("interval_s"), "both `interval_s` and times are given", "remove `interval_s` or the times")
        }
        (None, Some(x)) if !(x > 0.0 && x.is_finite()) => {
            fault(Some("interval_s"), format!("an interval of {x} s"), "an interval is positive")
        }
        (None, None) if points > 1 => {
            fault(None, "the profile's points have no time", "give `interval_s`, or `at_s` with a time for each")
        }
        (None, _) => Ok(None),
        (Some(at_s), None) if at_s.len() != points => {
            fault(Some("at_s"), format!("{} times for {points} points", at_s.len()), "give one time for each point")
        }
        (Some(at_s), None) => match at_s.windows(2).find(|w| w[1] <= w[0]) {
            Some(w) => fault(
                Some("at_s"),
                format!("time {} s comes after {} s", w[1], w[0]),
                "times increase from point to point",
            ),
            None if at_s.first().is_some_and(|t| *t < 0.0) => {
                fault(Some("at_s"), "a time before 0", "times are counted from midnight")
            }
            None => Ok(Some(at_s.clone())),
        },
    }
}

/// The profile in a CSV text: a header naming columns, then a number for each on every line. Blank lines and lines
/// starting with `#` are skipped. What else there is to it, the scenario file says.
///
/// # Errors
/// What is wrong, with the line it is wrong in.
pub fn from_csv(text: &str, written: &Profile) -> Result<Profile, String> {
    let mut lines = text.lines().enumerate().map(|(k, line)| (k + 1, line.trim()));
    let mut lines = lines.by_ref().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let (_, header) = lines.next().ok_or("it is empty")?;
    let names: Vec<&str> = header.split(',').map(str::trim).collect();
    if let Some(unknown) = names.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(format!("column {unknown:?}: columns are called t_s, p, q, p_kw or q_kvar"));
    }
    if let Some(twice) = (1..names.len()).find(|&k| names[..k].contains(&names[k])) {
        return Err(format!("two columns are called {:?}", names[twice]));
    }
    let mut columns = vec![Vec::new(); names.len()];
    for (number, line) in lines {
        push_row(&mut columns, line).map_err(|message| format!("line {number}: {message}"))?;
    }
    let mut take = |name: &str| names.iter().position(|n| *n == name).map(|k| std::mem::take(&mut columns[k]));
    let [at_s, p, q, p_kw, q_kvar] = COLUMNS.map(&mut take);
    Ok(Profile { file: None, at_s, p, q, p_kw, q_kvar, ..written.clone() })
}

const COLUMNS: [&str; 5] = ["t_s", "p", "q", "p_kw", "q_kvar"];

fn push_row(columns: &mut [Vec<f64>], line: &str) -> Result<(), String> {
    let fields = line.split(',').count();
    if fields != columns.len() {
        return Err(format!("{fields} fields under {} columns", columns.len()));
    }
    for (column, field) in columns.iter_mut().zip(line.split(',')) {
        let value: Option<f64> = field.trim().parse().ok().filter(|x: &f64| x.is_finite());
        column.push(value.ok_or_else(|| format!("{:?} is not a number", field.trim()))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_file_is_a_profile() {
        let text = "# a house\n t_s, p , q\n0,1,0.5\n\n3600,2,0.25\n";
        let profile = from_csv(text, &Profile::default()).unwrap();
        let shape = shape(&profile).unwrap();
        assert_eq!(shape.at_s, Some(vec![0.0, 3600.0]));
        assert_eq!(shape.at(1800.0).p, 1.5);
        assert_eq!(shape.at(1800.0).q, Some(0.375));
        let fixed =
            super::shape(&from_csv("p_kw\n5\n7\n", &Profile { interval_s: Some(60.0), ..Profile::default() }).unwrap())
                .unwrap();
        assert!(fixed.actual);
        assert_eq!(fixed.at(120.0).p, 7.0);
    }

    #[test]
    fn even_points_may_be_interpolated() {
        let written = Profile { interval_s: Some(60.0), p: Some(vec![1.0, 3.0]), ..Profile::default() };
        let value = |profile: &Profile, t_s| shape(profile).unwrap().at(t_s).p;
        assert_eq!([60.0, 80.0, 120.0, 150.0].map(|t| value(&written, t)), [1.0, 1.0, 3.0, 3.0]);
        let smooth = Profile { interpolate: true, ..written };
        assert_eq!([60.0, 90.0, 120.0, 150.0].map(|t| value(&smooth, t)), [1.0, 2.0, 3.0, 2.0]);
    }

    #[test]
    fn a_csv_file_that_is_wrong_says_where() {
        for (text, what) in [
            ("", "empty"),
            ("t_h,p\n", "t_h"),
            ("p,p\n", "two columns"),
            ("p\n1\nx\n", "line 3"),
            ("t_s,p\n1\n", "1 fields under 2 columns"),
            ("p\nNaN\n", "not a number"),
        ] {
            let message = from_csv(text, &Profile::default()).unwrap_err();
            assert!(message.contains(what), "{text:?}: {message}");
        }
    }

    #[test]
    fn a_profile_has_times_and_powers_of_one_kind() {
        let p = Some(vec![1.0, 2.0]);
        let good = Profile { interval_s: Some(60.0), p: p.clone(), ..Profile::default() };
        assert!(shape(&good).is_ok());
        let key = |profile: Profile| shape(&profile).unwrap_err().key;
        assert_eq!(key(Profile { p_kw: p.clone(), ..good.clone() }), Some("p_kw"));
        assert_eq!(key(Profile { q_kvar: p.clone(), ..good.clone() }), Some("q_kvar"));
        assert_eq!(key(Profile { q: Some(vec![1.0]), ..good.clone() }), Some("q"));
        assert_eq!(key(Profile { at_s: p.clone(), ..good.clone() }), Some("interval_s"));
        assert_eq!(key(Profile { interval_s: Some(0.0), ..good.clone() }), Some("interval_s"));
        assert_eq!(key(Profile { interval_s: None, ..good.clone() }), None);
        let decreasing = Some(vec![2.0, 1.0]);
        assert_eq!(key(Profile { interval_s: None, at_s: decreasing, ..good.clone() }), Some("at_s"));
        assert_eq!(key(Profile { p: Some(vec![]), ..good }), None);
    }
}
