//! Values that an emulated device shows instead of its model's: `--set v_v.a=231`.

use std::collections::BTreeMap;

use phasorbench::emulate::{Model, Terminal};
use phasorbench::link::description::Description;

use crate::{Exit, input};

/// Reads `POINT=VALUE`.
pub fn setting(text: &str) -> Result<(String, f64), String> {
    let wrong = || format!("{text:?} is not of the form POINT=VALUE, as in v_v.a=231");
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let value = value.trim().parse::<f64>().ok().filter(|own| own.is_finite()).ok_or_else(wrong)?;
    Ok((name.trim().to_owned(), value))
}

/// What is shown whatever the model says, by point.
#[derive(Clone, Debug, Default)]
pub struct Shown(pub BTreeMap<String, f64>);

/// The points that are meant: one by its name, or all phases by what stands before the dot.
pub fn shown(description: &Description, settings: &[(String, f64)]) -> Result<Shown, Exit> {
    let mut shown = Shown::default();
    for (name, value) in settings {
        let of_all = |own: &str| own.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'));
        let names = description.points.iter().map(|own| own.name.as_str());
        let meant: Vec<&str> = names.filter(|own| own == name || of_all(own)).collect();
        if meant.is_empty() {
            let known: Vec<String> = description.points.iter().map(|own| own.name.clone()).collect();
            let near = phasorbench::diagnostic::nearest(name, known.iter().map(String::as_str));
            let help =
                near.map_or_else(|| format!("it has {}", known.join(", ")), |own| format!("did you mean {own:?}?"));
            let message = format!("{} has no point {name:?}", description.name);
            return Err(input::complain("E0410", message, Some(help)));
        }
        shown.0.extend(meant.into_iter().map(|own| (own.to_owned(), *value)));
    }
    Ok(shown)
}

impl Shown {
    /// The model with these values over its own.
    pub fn over(&self, model: impl Model + 'static) -> Box<dyn Model> {
        Box::new(Over { model, shown: self.0.clone() })
    }
}

struct Over<M> {
    model: M,
    shown: BTreeMap<String, f64>,
}

impl<M: Model> Model for Over<M> {
    fn step(&mut self, dt_s: f64) {
        self.model.step(dt_s);
    }

    fn set(&mut self, name: &str, value: f64) {
        self.model.set(name, value);
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.shown.get(name).copied().or_else(|| self.model.get(name))
    }

    fn stand_at(&mut self, terminal: Terminal) {
        self.model.stand_at(terminal);
    }

    fn show(&mut self, name: &str, value: f64) {
        self.model.show(name, value);
    }

    fn told(&self, name: &str) -> Option<f64> {
        self.model.told(name)
    }

    fn act(&mut self, acting: bool) {
        self.model.act(acting);
    }

    fn has_let_go(&self) -> bool {
        self.model.has_let_go()
    }

    fn reboot(&mut self) {
        self.model.reboot();
    }
}
