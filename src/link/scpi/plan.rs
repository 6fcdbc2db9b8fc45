//! What a driver asks and tells, by its description: each question once, what is checked, what a poll came to.

use std::time::Duration;

use tokio::time::Instant;

use super::parser::{self, AnswerError, Number};
use crate::link::description::scpi::VALUE;
use crate::link::description::{Description, Expected, ScpiPlace, SetPoint, Source, Write};

/// A question, for one point or several.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub text: String,
    /// Whether a device that does not answer it is the same device.
    pub optional: bool,
    /// It was never answered: it is not asked any more.
    pub absent: bool,
}

/// What must read back: a set-point or a fixed write of the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    SetPoint(usize),
    Begin(usize),
}

/// Questions by point, and what is checked.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub questions: Vec<Question>,
    /// By point, the place of its question.
    pub asks: Vec<usize>,
    pub checks: Vec<Checked>,
}

/// The place of a source of SCPI.
pub(super) fn place(source: &Source) -> Option<&ScpiPlace> {
    if let Source::Scpi(own) = source { Some(own) } else { None }
}

impl Plan {
    pub fn new(description: &Description) -> Self {
        let (mut questions, mut asks): (Vec<Question>, Vec<usize>) = (Vec::new(), Vec::new());
        for point in &description.points {
            let text = place(&point.source).map_or("", |own| own.text.as_str());
            let at = questions.iter().position(|own| own.text == text);
            let at = at.unwrap_or_else(|| {
                questions.push(Question { text: text.to_owned(), optional: true, absent: false });
                questions.len() - 1
            });
            questions[at].optional &= point.optional;
            asks.push(at);
        }
        let set = |own: &SetPoint| own.read_back && place(&own.source).is_some_and(|at| at.question.is_some());
        let begin = |own: &Write| {
            let Some(at) = place(&own.source) else { return false };
            let also_set =
                description.set_points.iter().any(|set| place(&set.source).is_some_and(|o| o.text == at.text));
            at.question.is_some() && !also_set && !own.optional
        };
        let checks = (0..description.begin.len()).filter(|&k| begin(&description.begin[k])).map(Checked::Begin);
        let set = (0..description.set_points.len()).filter(|&k| set(&description.set_points[k])).map(Checked::SetPoint);
        Self { questions, asks, checks: checks.chain(set).collect() }
    }
}

/// A command with its value.
pub(super) fn command(place: &ScpiPlace, value: f64) -> String {
    place.text.replace(VALUE, &parser::written((value - place.offset) / place.scale))
}

/// A value out of an answer, in the description's unit.
pub(super) fn decoded(place: &ScpiPlace, answer: &str, part: usize) -> Result<Number, AnswerError> {
    let raw = parser::value(answer, part)?;
    Ok(Number { value: raw.value * place.scale + place.offset, step: raw.step * place.scale.abs() })
}

/// Whether what reads back is what was written: within the last digit of the answer, and of angles whole turns apart.
pub(super) fn is_held(name: &str, place: &ScpiPlace, written: f64, answer: &str) -> bool {
    let Ok(held) = decoded(place, answer, 0) else { return false };
    let stem = name.split('.').next().unwrap_or(name);
    let mut off = held.value - written;
    if stem == "deg" || stem.ends_with("_deg") {
        off -= 360.0 * (off / 360.0).round();
    }
    off.abs() <= place.within.max(0.51 * held.step) + 1e-6 * written.abs() + 1e-9
}

/// Whether an identity is what it must be; what it is where it is not.
pub(super) fn identify(place: &ScpiPlace, answer: &str, is: &Expected) -> Result<(), String> {
    let is_so = match is {
        Expected::Text(text) => answer.trim_matches('"').starts_with(text.as_str()),
        Expected::Number(number) => decoded(place, answer, place.part).is_ok_and(|own| own.value == *number),
    };
    if is_so { Ok(()) } else { Err(format!("it is another device: {} is {answer:?}", place.text)) }
}

/// Since when something stands still.
pub(super) struct Moved {
    alive: (f64, Instant),
    all: (Vec<f64>, Instant),
}

impl Moved {
    pub fn new(now: Instant) -> Self {
        Self { alive: (f64::NAN, now), all: (Vec::new(), now) }
    }

    /// Whether what must move does.
    pub fn judge(&mut self, description: &Description, values: &[f64], now: Instant) -> Result<(), String> {
        let longer = |since: Instant, limit_s: f64| now - since > Duration::from_secs_f64(limit_s);
        if let Some((point, within_s)) = description.alive {
            let value = values.get(point).copied().unwrap_or(f64::NAN);
            if value.to_bits() != self.alive.0.to_bits() {
                self.alive = (value, now);
            } else if longer(self.alive.1, within_s) {
                let name = description.points.get(point).map_or("", |own| own.name.as_str());
                return Err(format!("it is frozen: {name} has not moved for more than {within_s} s"));
            }
        }
        let Some(limit_s) = description.frozen_after_s else { return Ok(()) };
        let same = self.all.0.len() == values.len()
            && self.all.0.iter().zip(values).all(|(own, new)| own.to_bits() == new.to_bits());
        if !same {
            self.all = (values.to_vec(), now);
        } else if longer(self.all.1, limit_s) {
            return Err(format!("it is frozen: nothing has changed for more than {limit_s} s"));
        }
        Ok(())
    }
}

/// Whether values can be right: there, finite, within their ranges.
pub(super) fn plausible(description: &Description, plan: &Plan, values: &[f64]) -> Result<(), String> {
    for ((point, &value), &question) in description.points.iter().zip(values).zip(&plan.asks) {
        let absent = plan.questions.get(question).is_none_or(|own| own.absent);
        let [low, high] = point.range.unwrap_or([f64::MIN, f64::MAX]);
        match value {
            _ if value.is_nan() && (point.optional || absent) => {}
            _ if value.is_nan() => return Err(format!("{} has no value: the device says that it is none", point.name)),
            _ if value.is_infinite() => return Err(format!("{} is beyond what the device can measure", point.name)),
            _ if !(low..=high).contains(&value) => {
                return Err(format!("{} is {value}, outside its range {low} to {high}", point.name));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> ScpiPlace {
        ScpiPlace { text: text.into(), part: 0, scale: 1.0, offset: 0.0, question: None, within: 0.0 }
    }

    #[test]
    fn what_reads_back_is_held_as_far_as_its_digits_go() {
        let own = at("VOLT {}");
        assert!(is_held("v_v.a", &own, 230.04, "230.0") && !is_held("v_v.a", &own, 230.06, "230.0"));
        assert!(!is_held("v_v.a", &own, 230.04, "230.000"));
        assert!(is_held("v_v.a", &ScpiPlace { within: 0.1, ..own.clone() }, 230.04, "+2.300000E+02"));
        assert!(is_held("angle_deg.b", &own, -120.0, "240.0") && !is_held("v_v.b", &own, -120.0, "240.0"));
        assert!(!is_held("v_v.a", &own, 230.0, "9.91E37") && !is_held("v_v.a", &own, 230.0, "what"));
    }

    #[test]
    fn a_command_has_the_devices_number() {
        let own = ScpiPlace { scale: 1000.0, offset: 2.0, ..at("VOLT {},(@1)") };
        assert_eq!(command(&own, 232.0), "VOLT 0.23,(@1)");
        assert_eq!(decoded(&own, "1;0.23", 1).unwrap().value, 232.0);
        assert_eq!(command(&at("PHAS {}"), -0.0), "PHAS 0");
    }

    #[test]
    fn an_identity_begins_as_it_must() {
        let is = Expected::Text("ACME,GS-3".into());
        assert!(identify(&at("*IDN?"), "ACME,GS-30,17,1.0", &is).is_ok());
        assert!(identify(&at("*IDN?"), "OTHER,GS-30", &is).unwrap_err().contains("OTHER"));
        assert!(identify(&at("A?"), "7", &Expected::Number(7.0)).is_ok());
    }
}
