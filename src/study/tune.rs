//! Gains for a scenario's phasor controllers, by each tuner, with their margins on the scenario's own feeder.
//!
//! | method | what it finds |
//! |---|---|
//! | `sensitivity` | the usual gains of the linear laws, from the sensitivity on the controller's model |
//! | `ziegler_nichols` | PI gains by the rules: all loops closed together, and each phase's loop alone to compare |
//! | `step_fit` | PI gains from a step experiment on the plant and a search on the model that fits it |
//!
//! Margins are always those around the scenario's true feeder with its delays, whatever model the gains came from. Gains of
//! PI are also given as the scenario's parameters, which are multiples of the inverse of each phase's own sensitivity on
//! the controller's model. See `docs/models/phasor-tuning.md`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::bench::SetupError;
use crate::bench::phasor::experiment::experiment;
use crate::bench::phasor::linear::{self, Known};
use crate::bench::phasor::settings;
use crate::control::phasor::tune::{Gain, LinearLaw, Path, PiGains, Tuning, margins, reach, step_fit, ziegler_nichols};
use crate::control::phasor::{LpbcError, LpbcSettings, PiSettings, Sensitivity};
use crate::scenario::{Phasor, PhasorLaw, Plan};

/// A tuner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The gains as the scenario has them.
    Given,
    /// The usual gains, by the sensitivity.
    Sensitivity,
    /// Ziegler and Nichols' rules.
    ZieglerNichols,
    /// A step experiment and a search.
    StepFit,
}

/// What to tune.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The controller; all when not given.
    pub controller: Option<String>,
    /// The tuner; all when not given.
    pub method: Option<Method>,
}

/// What tuning came to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Answer {
    /// The scenario's name.
    pub scenario: String,
    /// Its phasor controllers.
    pub controllers: Vec<Tuned>,
}

/// A controller with its tunings.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Tuned {
    /// Its name.
    pub controller: String,
    /// The phases that it holds.
    pub phases: Vec<String>,
    /// Power of a phase that is 1 per unit, in kVA.
    pub base_kva: f64,
    /// Time between two of its steps in s.
    pub period_s: f64,
    /// Steps of delay beside the one that every command takes.
    pub delay_steps: usize,
    /// Condition number of the sensitivity on its own model.
    pub condition: f64,
    /// The same in words, with what can hardly be moved.
    pub controllability: String,
    /// Its tunings.
    pub tunings: Vec<Way>,
}

/// A tuning.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Way {
    /// The tuner.
    pub method: Method,
    /// The law.
    pub law: String,
    /// How the gains were found.
    pub source: String,
    /// The gains, per unit of power.
    pub gains: Vec<Named>,
    /// Whether the loop is stable; `None` where that is not known.
    pub stable: Option<bool>,
    /// Spectral radius of the loop.
    pub radius: Option<f64>,
    /// Factor on all gains at which the loop becomes unstable; `None` where there is none up to 64.
    pub gain_margin: Option<f64>,
    /// Factor below 1 under which it is unstable; `None` where there is none.
    pub gain_margin_down: Option<f64>,
    /// Further steps of delay up to which it is stable.
    pub delay_margin_steps: Option<usize>,
    /// Largest singular value of the sensitivity function.
    pub sensitivity_peak: Option<f64>,
    /// What to worry about.
    pub warnings: Vec<String>,
    /// What to write into the scenario's controller.
    pub yaml: Option<String>,
    #[serde(skip)]
    text: String,
}

/// A gain.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// One for each phase, or one for all.
    pub values: Vec<f64>,
}

/// Why nothing was tuned.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// There is no such controller.
    #[error("the scenario has no phasor controller {0:?}")]
    Unknown(String),
    /// There is none at all.
    #[error("the scenario has no phasor controller")]
    None,
    /// The network or a controller's model has no solution.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A controller cannot be made.
    #[error("{0}: {1}")]
    Controller(String, LpbcError),
    /// A controller's network has no solution at the start.
    #[error("{0}: its network has no solution at the start")]
    Unsolved(String),
}

/// Tunes the phasor controllers of a plan.
///
/// # Errors
/// When there is none of the name, or what it controls cannot be solved.
pub fn study(plan: &Plan, question: &Question) -> Result<Answer, TuneError> {
    if plan.equipment.phasors.is_empty() {
        return Err(TuneError::None);
    }
    let wanted = question.controller.as_ref().map(|name| name.to_lowercase());
    let asked = |phasor: &Phasor| wanted.as_ref().is_none_or(|name| *name == phasor.name);
    if let Some(name) = question.controller.as_ref().filter(|_| !plan.equipment.phasors.iter().any(asked)) {
        return Err(TuneError::Unknown(name.clone()));
    }
    let all = plan.equipment.phasors.iter().zip(linear::known(plan)).filter(|(phasor, _)| asked(phasor));
    let controllers =
        all.map(|(phasor, known)| tuned(plan, phasor, known, question.method)).collect::<Result<_, _>>()?;
    Ok(Answer { scenario: plan.name.clone(), controllers })
}

/// All that a tuning needs to know.
struct Bed<'a> {
    plan: &'a Plan,
    phasor: &'a Phasor,
    known: &'a crate::bench::phasor::model::Model,
    settings: LpbcSettings,
    path: Path,
}

fn tuned(plan: &Plan, phasor: &Phasor, known: Known, method: Option<Method>) -> Result<Tuned, TuneError> {
    let failed = |error| TuneError::Controller(phasor.name.clone(), error);
    let own = known.own?;
    let truth = known.truth.ok_or_else(|| TuneError::Unsolved(phasor.name.clone()))?;
    let settings = settings(plan, phasor, &own).map_err(failed)?;
    let path = linear::path(plan, phasor, &truth).map_err(failed)?;
    let phases: Vec<&str> = phasor.phases.iter().map(String::as_str).collect();
    let found = reach::controllability(&linear::matrix(&settings.sensitivity), &phases);
    let delay_steps = path.lags.iter().map(|lag| lag.delay_steps).max().unwrap_or(0);
    let bed = Bed { plan, phasor, known: &own, settings, path };
    let mut tunings: Vec<Way> = bed.given().into_iter().collect();
    let asked = |own: Method| method.is_none_or(|method| method == own);
    if asked(Method::Sensitivity) {
        tunings.extend(bed.by_sensitivity());
    }
    if asked(Method::ZieglerNichols) {
        tunings.extend(bed.by_rules());
    }
    if asked(Method::StepFit) {
        tunings.push(bed.by_steps());
    }
    Ok(Tuned {
        controller: phasor.name.clone(),
        phases: phasor.phases.clone(),
        base_kva: own.base_va / 1000.0,
        period_s: linear::period_s(plan, phasor),
        delay_steps,
        condition: found.condition,
        controllability: found.to_string(),
        tunings,
    })
}

impl Bed<'_> {
    /// The tuning that the scenario has; none of laws that are not linear.
    fn given(&self) -> Option<Way> {
        let law = linear::law(self.phasor, &self.settings, &self.path)?;
        let gains = of_law(self.phasor, &self.settings);
        Some(self.way(Method::Given, law_name(&self.phasor.setting.law), "as the scenario has it", gains, Some(&law)))
    }

    /// The usual gains of each linear law.
    fn by_sensitivity(&self) -> Vec<Way> {
        let usual = |law: PhasorLaw| {
            let mut other = self.phasor.clone();
            other.setting.law = law;
            other.setting.parameters.clear();
            let settings = settings(self.plan, &other, self.known).ok()?;
            let linear = linear::law(&other, &settings, &self.path)?;
            let name = law_name(&other.setting.law);
            let source = "its usual gains, by the sensitivity";
            let way = self.way(Method::Sensitivity, name, source, of_law(&other, &settings), Some(&linear));
            Some(Way { yaml: Some(format!("law: {name}")), ..way })
        };
        [PhasorLaw::Pi, PhasorLaw::DecoupledPi, PhasorLaw::Lqpc].into_iter().filter_map(usual).collect()
    }

    /// Ziegler and Nichols' rules, for all loops together and for each alone.
    fn by_rules(&self) -> Vec<Way> {
        let together = "Ziegler and Nichols, all loops closed together";
        let alone = "Ziegler and Nichols, each phase's loop alone: to compare, not to use where phases are coupled";
        let found =
            [(together, ziegler_nichols::multi_loop(&self.path)), (alone, ziegler_nichols::per_loop(&self.path))];
        found.into_iter().map(|(source, gains)| self.of_pi(Method::ZieglerNichols, source, gains.as_ref())).collect()
    }

    /// A step experiment on the plant, and a search on the model that fits it.
    fn by_steps(&self) -> Way {
        let period_s = linear::period_s(self.plan, self.phasor);
        let found = experiment(self.plan, self.phasor, self.known.base_va).map(|identified| {
            let found = step_fit::search(&identified.path(period_s), period_s, &step_fit::Wanted::default());
            found.ok_or("a phase's own sensitivity, as the experiment shows it, is not positive")
        });
        let none = |why: &dyn std::fmt::Display| {
            self.of_pi(Method::StepFit, "step experiment and search", Err::<&PiGains, _>(why))
        };
        match found {
            Err(error) => none(&error as &dyn std::fmt::Display),
            Ok(Err(why)) => none(&why),
            Ok(Ok(found)) => {
                let met = if found.met { "" } else { "; not all that is wanted is met" };
                let settle = found.settle_s.map_or("does not settle".to_owned(), |s| format!("settles in {s:.1} s"));
                let [v, angle] = found.overshoot.map(|part| 100.0 * part);
                let source = format!(
                    "step experiment and search: {settle}, overshoot {v:.0} % (magnitude) and {angle:.0} % (angle){met}"
                );
                self.of_pi(Method::StepFit, &source, Ok::<_, &dyn std::fmt::Display>(&found.gains))
            }
        }
    }

    /// Gains of the PI law, or why there are none.
    fn of_pi<E: std::fmt::Display>(&self, method: Method, source: &str, gains: Result<&PiGains, E>) -> Way {
        match gains {
            Ok(gains) => {
                let way = self.way(method, "pi", source, Gain::of_pi(gains), gains.law().as_ref());
                let parameters = parameters(gains, &self.settings.sensitivity, &self.phasor.phases);
                let stable = way.stable == Some(true);
                let yaml = format!("law: pi, parameters: {{{parameters}}}");
                // What is unstable is not to be pasted.
                Way { yaml: stable.then_some(yaml), ..way }
            }
            Err(why) => {
                let way = self.way(method, "pi", source, Vec::new(), None);
                let text = format!("{}: pi; {source}\n  nothing found: {why}\n", self.phasor.name);
                Way { warnings: vec![format!("nothing found: {why}")], text, ..way }
            }
        }
    }

    fn way(&self, method: Method, law: &str, source: &str, gains: Vec<Gain>, linear: Option<&LinearLaw>) -> Way {
        let found = linear.and_then(|law| margins(law, &self.path).ok());
        let warnings = found.map(|own| own.warnings()).unwrap_or_default();
        let named = |own: &Gain| Named { name: own.name.clone(), unit: own.unit.clone(), values: own.values.clone() };
        let tuning = Tuning {
            controller: self.phasor.name.clone(),
            law: law.to_owned(),
            source: source.to_owned(),
            period_s: linear::period_s(self.plan, self.phasor),
            phases: self.phasor.phases.clone(),
            gains,
            margins: found,
            warnings: warnings.clone(),
        };
        Way {
            method,
            law: law.to_owned(),
            source: source.to_owned(),
            gains: tuning.gains.iter().map(named).collect(),
            stable: found.map(|own| own.delay_steps.is_some()),
            radius: found.map(|own| own.radius),
            gain_margin: found.and_then(|own| own.gain_up),
            gain_margin_down: found.and_then(|own| own.gain_down),
            delay_margin_steps: found.and_then(|own| own.delay_steps),
            sensitivity_peak: found.and_then(|own| own.sensitivity_peak),
            warnings: warnings.iter().map(ToString::to_string).collect(),
            yaml: None,
            text: tuning.to_string(),
        }
    }
}

fn law_name(law: &PhasorLaw) -> &'static str {
    match law {
        PhasorLaw::Pi => "pi",
        PhasorLaw::DecoupledPi => "decoupled_pi",
        PhasorLaw::Lqpc => "lqpc",
        PhasorLaw::LqpcPublished => "lqpc_published",
        PhasorLaw::ExtremumSeeking => "extremum_seeking",
        PhasorLaw::Rcac => "rcac",
        PhasorLaw::Process(_) => "process",
        PhasorLaw::Library(_) => "library",
    }
}

/// Gains of a linear law.
fn of_law(phasor: &Phasor, settings: &LpbcSettings) -> Vec<Gain> {
    match phasor.setting.law {
        PhasorLaw::Pi => Gain::of_pi(&linear::pi_gains(phasor, &settings.sensitivity)),
        PhasorLaw::DecoupledPi => {
            let one = |name: &str, value: f64| Gain::new(name, "of the error", vec![value]);
            vec![one("kp", settings.gains.kp), one("ki", settings.gains.ki)]
        }
        _ => Vec::new(),
    }
}

/// PI gains as parameters of the law: multiples of the inverse of each phase's own sensitivity, in as few words as do.
fn parameters(gains: &PiGains, b: &Sensitivity, phases: &[String]) -> String {
    let unit = PiSettings::scaled(b, 1.0, 1.0).gains;
    let over = |own: &[f64], unit: &dyn Fn(usize) -> f64| -> Vec<f64> {
        own.iter().enumerate().map(|(k, gain)| gain / unit(k)).collect()
    };
    let mut words = Vec::new();
    for (gain, v, angle) in [("kp", &gains.kp_v, &gains.kp_angle), ("ki", &gains.ki_v, &gains.ki_angle)] {
        let parts = [("v", over(v, &|k| unit[k].kp_v)), ("angle", over(angle, &|k| unit[k].kp_angle))];
        if let Some(one) = alike(&parts.iter().flat_map(|(_, own)| own.clone()).collect::<Vec<_>>()) {
            words.push(format!("{gain}: {}", digits(one)));
            continue;
        }
        for (of, own) in parts {
            match alike(&own) {
                Some(one) => words.push(format!("{gain}_{of}: {}", digits(one))),
                None => words.extend(own.iter().zip(phases).map(|(x, p)| format!("{gain}_{of}_{p}: {}", digits(*x)))),
            }
        }
    }
    words.join(", ")
}

/// The mean of numbers that are the same within a hundredth: no measurement tells them apart.
#[allow(clippy::cast_precision_loss, reason = "a few phases")]
fn alike(all: &[f64]) -> Option<f64> {
    let mean = all.iter().sum::<f64>() / all.len().max(1) as f64;
    all.iter().all(|x| (x - mean).abs() <= 0.01 * mean.abs()).then_some(mean)
}

/// A number to four digits.
fn digits(x: f64) -> String {
    let rounded: f64 = format!("{x:.3e}").parse().unwrap_or(x);
    rounded.to_string()
}

impl Answer {
    /// To read.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for own in &self.controllers {
            text += &format!(
                "{}: phases {}, base {:.1} kVA a phase, {} steps of delay beside the usual one; {}\n\n",
                own.controller,
                own.phases.join(", "),
                own.base_kva,
                own.delay_steps,
                own.controllability
            );
            for way in &own.tunings {
                text += &way.text;
                if let Some(yaml) = &way.yaml {
                    text += &format!("  {}: {{{yaml}, …}}\n", own.controller);
                }
                text.push('\n');
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [&str; 2] = ["a", "b"];

    fn sensitivity() -> Sensitivity {
        // Rows of magnitudes, then of angles; own entries 0.1 and 0.2 (by Q), 0.05 and 0.25 (by P).
        let rows = [0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.2, 0.05, 0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0];
        Sensitivity::new(2, &rows).unwrap()
    }

    fn said(kp_v: [f64; 2], kp_angle: [f64; 2]) -> String {
        let gains = PiGains {
            kp_v: kp_v.to_vec(),
            ki_v: vec![2.0, 1.0],
            kp_angle: kp_angle.to_vec(),
            ki_angle: vec![4.0, 0.8],
        };
        parameters(&gains, &sensitivity(), &PHASES.map(String::from))
    }

    #[test]
    fn gains_are_written_in_as_few_words_as_do() {
        assert_eq!(said([1.0, 0.5], [2.0, 0.4]), "kp: 0.1, ki: 0.2");
        assert_eq!(said([1.0, 0.5], [4.0, 0.8]), "kp_v: 0.1, kp_angle: 0.2, ki: 0.2");
        assert_eq!(said([1.0, 1.0], [2.0, 0.4]), "kp_v_a: 0.1, kp_v_b: 0.2, kp_angle: 0.1, ki: 0.2");
        // What no measurement tells apart is one word.
        assert_eq!(said([1.005, 0.4975], [2.0, 0.4]), "kp: 0.1, ki: 0.2");
    }

    #[test]
    fn numbers_have_four_digits() {
        assert_eq!(digits(0.123_456), "0.1235");
        assert_eq!(digits(12345.6), "12350");
    }
}
