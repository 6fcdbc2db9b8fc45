//! Harmonics of a plan: which orders are solved, what loads are to them, what sources bring in.

use super::check::Checker;
use super::read::entry;
use super::{BackgroundSetting, HarmonicLoadsSetting, HarmonicModelSetting, HarmonicsSetting, Scenario};
use crate::diagnostic::Span;
use crate::quantity::Step;

/// Orders that can be asked for.
const ORDERS: std::ops::RangeInclusive<u32> = 2..=50;

/// What is solved beside the fundamental.
#[derive(Clone, Debug, PartialEq)]
pub struct Harmonics {
    /// Orders, ascending: 2, 3, … to the highest.
    pub orders: Vec<f64>,
    /// What loads are to harmonics.
    pub loads: HarmonicLoadsSetting,
    /// Rules by which elements depend on frequency.
    pub model: HarmonicModelSetting,
    /// Whether spectra of the feeder's own loads and sources are in effect.
    pub feeder_spectra: bool,
    /// What sources bring in.
    pub background: Vec<Background>,
}

/// One harmonic of a source's voltage.
#[derive(Clone, Debug, PartialEq)]
pub struct Background {
    /// Its name.
    pub name: String,
    /// The source.
    pub source: usize,
    /// Its place among [`Harmonics::orders`].
    pub order: usize,
    /// Its size per unit of the source's fundamental.
    pub size_pu: f64,
    /// Its angle on the first phase in degrees.
    pub angle_deg: f64,
    /// The shape that multiplies it.
    pub shape: Option<usize>,
    /// Standard deviation of its wander, per unit of itself.
    pub wander: f64,
    /// What its wander keeps from one tick to the next.
    pub keep: f64,
}

impl Default for Harmonics {
    /// Orders 2 to 50, what the feeder's own spectra emit, no background.
    fn default() -> Self {
        let HarmonicsSetting { orders, loads, model, feeder_spectra, .. } = HarmonicsSetting::default();
        let orders = (2..=orders).map(f64::from).collect();
        Self { orders, loads, model, feeder_spectra, background: Vec::new() }
    }
}

impl Harmonics {
    /// The place of an order.
    pub fn place(&self, order: u32) -> Option<usize> {
        let place = usize::try_from(order.checked_sub(2)?).ok()?;
        (place < self.orders.len()).then_some(place)
    }
}

impl Checker<'_> {
    /// The harmonics of a plan; `None` when nothing asks for any.
    pub(super) fn harmonics(&mut self, s: &Scenario) -> Option<Harmonics> {
        let needed = self.equipment.needs_harmonics();
        let setting = match &s.harmonics {
            Some(setting) => setting.clone(),
            None if needed => HarmonicsSetting::default(),
            None => return None,
        };
        let node = self.root.get("harmonics");
        let at_orders = node.and_then(|n| n.get("orders")).or(node).map_or(self.place, |n| n.span);
        if !ORDERS.contains(&setting.orders) {
            let message = format!("harmonics up to order {}", setting.orders);
            self.report("E0308", message, at_orders, "give the highest order, from 2 to 50");
        }
        let orders = (2..=setting.orders.clamp(*ORDERS.start(), *ORDERS.end())).map(f64::from).collect();
        let HarmonicsSetting { loads, model, feeder_spectra, .. } = setting;
        let mut harmonics = Harmonics { orders, loads, model, feeder_spectra, ..Harmonics::default() };
        for (name, background) in &setting.background {
            let own = self.background(name, background, &harmonics);
            harmonics.background.extend(own);
        }
        Some(harmonics)
    }

    /// Transformers whose ageing is followed.
    pub(super) fn ageing(&mut self, s: &Scenario) {
        for (name, &setting) in &s.ageing {
            let node = self.root.get("ageing").and_then(|map| entry(map, name));
            let at = |key: &str| node.and_then(|n| n.get(key)).or(node).map_or(self.place, |n| n.span);
            let spans = [at("eddy_pu"), at("stray_pu"), at("preload_pu"), at("ambient_c")];
            let values = [setting.eddy_pu, setting.stray_pu, setting.preload_pu];
            for ((value, key), span) in values.into_iter().zip(["eddy_pu", "stray_pu", "preload_pu"]).zip(spans) {
                self.not_negative(value, key, span);
            }
            let Some(transformer) = self.feeder.transformers.get_index_of(name) else {
                let span = self.root.get("ageing").map_or(self.place, |map| super::read::key_span(map, name));
                self.unknown("E0305", "transformer", name, self.feeder.transformers.keys(), span);
                continue;
            };
            self.equipment.ageing.push(super::Ageing { name: name.clone(), transformer, setting });
        }
    }

    fn background(&mut self, name: &str, s: &BackgroundSetting, harmonics: &Harmonics) -> Option<Background> {
        let map = self.root.get("harmonics").and_then(|h| h.get("background"));
        let node = map.and_then(|map| entry(map, name))?;
        let at = |key: &str| node.get(key).map_or(node.span, |n| n.span);
        let (at_order, at_profile) = (at("order"), at("profile"));
        for (value, key) in [(s.percent, "percent"), (s.wander_percent, "wander_percent"), (s.wander_s, "wander_s")] {
            self.not_negative(value, key, at(key));
        }
        let place = harmonics.place(s.order);
        if place.is_none() {
            let most = harmonics.orders.last().copied().unwrap_or(2.0);
            let message = format!("a background of order {}", s.order);
            self.report("E0308", message, at_order, &format!("orders 2 to {most} are solved: see `orders`"));
        }
        let shape = s.profile.as_ref().and_then(|profile| self.profile(profile, at_profile));
        let source = self.background_source(s.source.as_deref(), node.get("source").map_or(node.span, |n| n.span))?;
        let step_s = self.step.map_or(1.0, Step::seconds);
        Some(Background {
            name: name.to_owned(),
            source,
            order: place?,
            size_pu: s.percent / 100.0,
            angle_deg: s.angle_deg,
            shape,
            wander: s.wander_percent / 100.0,
            keep: if s.wander_s > 0.0 { (-step_s / s.wander_s).exp() } else { 0.0 },
        })
    }

    /// A source, which may go without a name where there is one.
    fn background_source(&mut self, name: Option<&str>, span: Span) -> Option<usize> {
        match name {
            Some(name) => {
                let source = self.feeder.sources.get_index_of(&name.to_lowercase());
                if source.is_none() {
                    self.unknown("E0305", "source", name, self.feeder.sources.keys(), span);
                }
                source
            }
            None if self.feeder.sources.len() == 1 => Some(0),
            None => {
                self.report("E0306", "the feeder has several sources", span, "say which one");
                None
            }
        }
    }
}
