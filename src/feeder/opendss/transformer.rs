//! Transformers and transformer codes.
//!
//! `wdg=` selects the winding that single properties go to; a list for all windings leaves the last one selected
//! (OpenDSS 0.14.5, `Transformer`, `XfmrCode`).

use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::count;
use super::number::{integer, number, token};
use super::session::{Session, unsupported};
use super::store::Store;
use super::text::{Params, Text};
use super::value::{Value, choice, connection, fit, list, terminal};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{self, Connection, PhaseShift, Terminal};

/// One winding.
#[derive(Clone, Copy, Debug)]
struct Winding {
    connection: Connection,
    kv: f64,
    kva: f64,
    tap: f64,
    r_percent: f64,
    neutral_r: f64,
    neutral_x: f64,
    tap_min: f64,
    tap_max: f64,
    tap_steps: i64,
}

impl Default for Winding {
    fn default() -> Self {
        Self {
            connection: Connection::Wye,
            kv: 12.47,
            kva: 1000.0,
            tap: 1.0,
            r_percent: 0.2,
            neutral_r: -1.0,
            neutral_x: 0.0,
            tap_min: 0.9,
            tap_max: 1.1,
            tap_steps: 32,
        }
    }
}

/// What transformers and transformer codes have in common.
#[derive(Clone, Debug, Default)]
struct Ratings {
    phases: usize,
    windings: Vec<Winding>,
    active: usize,
    /// X 1-2, 1-3 and 2-3 as last given; they count for two and three windings.
    x: [f64; 3],
    x_changed: bool,
    /// X by winding pair in percent.
    pairs: Vec<f64>,
    load_loss_percent: f64,
    no_load_loss_percent: f64,
    magnetizing_percent: f64,
    anti_float_ppm: f64,
    normal_kva: f64,
    emergency_kva: f64,
}

impl Ratings {
    fn new() -> Self {
        Self {
            phases: 3,
            windings: vec![Winding::default(); 2],
            x: [7.0, 35.0, 30.0],
            pairs: vec![7.0],
            load_loss_percent: 0.4,
            anti_float_ppm: 1.0,
            normal_kva: 1100.0,
            emergency_kva: 1500.0,
            ..Self::default()
        }
    }

    fn set_windings(&mut self, n: usize) {
        self.windings = vec![Winding::default(); n];
        self.pairs.resize(n * (n - 1) / 2, 30.0);
        self.active = self.active.min(n - 1);
    }

    fn winding(&mut self) -> &mut Winding {
        let last = self.windings.len() - 1;
        &mut self.windings[self.active.min(last)]
    }

    fn set_each(&mut self, text: Text<'_>, field: fn(&mut Winding) -> &mut f64) -> Value<()> {
        let mut params = Params::new(text);
        for winding in &mut self.windings {
            let param = params.next();
            if !param.value.str.is_empty() {
                *field(winding) = token(&param)?;
            }
        }
        self.active = self.windings.len() - 1;
        Ok(())
    }

    fn set_x(&mut self, pair: usize, default: f64, text: Text<'_>) -> Value<()> {
        let x = number(text)?;
        // OpenDSS does not accept zero and takes its default instead.
        self.x[pair] = if x == 0.0 { default } else { x };
        self.x_changed = true;
        Ok(())
    }

    fn update_load_loss(&mut self) {
        self.load_loss_percent = self.windings[0].r_percent + self.windings[1].r_percent;
    }

    fn update_rating(&mut self) {
        self.normal_kva = 1.1 * self.windings[0].kva;
        self.emergency_kva = 1.5 * self.windings[0].kva;
    }

    fn set_kva(&mut self, kva: f64) {
        let active = self.active;
        self.winding().kva = kva;
        if active == 0 {
            self.windings.iter_mut().for_each(|w| w.kva = kva);
            self.update_rating();
        } else if self.windings.len() == 2 {
            self.windings[0].kva = kva;
        }
    }

    fn select(&mut self, text: Text<'_>) -> Value<()> {
        let n = integer(text)?;
        match usize::try_from(n).ok().filter(|n| (1..=self.windings.len()).contains(n)) {
            Some(n) => self.active = n - 1,
            None => {
                let message = format!("there is no winding {n}; this transformer has {}", self.windings.len());
                return Err(Diagnostic::error(codes::RANGE, message).at(text.span()));
            }
        }
        Ok(())
    }

    /// Takes a property that transformers and codes share; `false` when it is not one.
    fn take(&mut self, property: &str, text: Text<'_>) -> Value<bool> {
        match property {
            "phases" => self.phases = count(text)?,
            "windings" => {
                let n = count(text)?;
                if n < 2 {
                    let error = Diagnostic::error(codes::RANGE, "a transformer has at least two windings");
                    return Err(error.at(text.span()));
                }
                self.set_windings(n);
            }
            "wdg" => self.select(text)?,
            "conn" => self.winding().connection = connection(text)?,
            "kv" => self.winding().kv = not_negative(text)?,
            "kva" => self.set_kva(number(text)?),
            "tap" => self.winding().tap = number(text)?,
            "%r" => {
                self.winding().r_percent = number(text)?;
                self.update_load_loss();
            }
            "rneut" => self.winding().neutral_r = number(text)?,
            "xneut" => self.winding().neutral_x = number(text)?,
            "maxtap" => self.winding().tap_max = number(text)?,
            "mintap" => self.winding().tap_min = number(text)?,
            "numtaps" => self.winding().tap_steps = integer(text)?,
            "conns" => {
                let mut params = Params::new(text);
                for winding in &mut self.windings {
                    let value = params.next().value;
                    if !value.str.is_empty() {
                        winding.connection = connection(value)?;
                    }
                }
                self.active = self.windings.len() - 1;
            }
            "kvs" => self.set_each(text, |w| &mut w.kv)?,
            "kvas" => {
                self.set_each(text, |w| &mut w.kva)?;
                self.update_rating();
            }
            "taps" => self.set_each(text, |w| &mut w.tap)?,
            "%rs" => {
                self.set_each(text, |w| &mut w.r_percent)?;
                self.update_load_loss();
            }
            _ => return self.take_general(property, text),
        }
        Ok(true)
    }

    fn take_general(&mut self, property: &str, text: Text<'_>) -> Value<bool> {
        match property {
            "xhl" | "x12" => self.set_x(0, 700.0, text)?,
            "xht" | "x13" => self.set_x(1, 3500.0, text)?,
            "xlt" | "x23" => self.set_x(2, 3000.0, text)?,
            "xscarray" => {
                let mut values = list(text)?;
                values.resize(self.pairs.len(), 0.0);
                if values.contains(&0.0) {
                    let message = format!("{} reactances other than zero are needed", self.pairs.len());
                    return Err(Diagnostic::error(codes::SIZE, message).at(text.span()));
                }
                self.pairs = values;
            }
            "%loadloss" => {
                self.load_loss_percent = number(text)?;
                for winding in self.windings.iter_mut().take(2) {
                    winding.r_percent = self.load_loss_percent / 2.0;
                }
            }
            "%noloadloss" => self.no_load_loss_percent = number(text)?,
            "%imag" => self.magnetizing_percent = number(text)?,
            "ppm_antifloat" => self.anti_float_ppm = number(text)?,
            "normhkva" => self.normal_kva = number(text)?,
            "emerghkva" => self.emergency_kva = number(text)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(&mut self) {
        if std::mem::take(&mut self.x_changed) && self.windings.len() <= 3 {
            for (pair, x) in self.pairs.iter_mut().zip(self.x) {
                *pair = x;
            }
        }
    }
}

fn not_negative(text: Text<'_>) -> Value<f64> {
    let value = number(text)?;
    if value >= 0.0 {
        return Ok(value);
    }
    Err(Diagnostic::error(codes::RANGE, "this cannot be negative").at(text.span()))
}

/// A transformer code.
#[derive(Clone, Debug, Default)]
pub struct TransformerCode {
    ratings: Ratings,
}

impl Element for TransformerCode {
    fn new(_: &Session) -> Self {
        Self { ratings: Ratings::new() }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.transformer_codes
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, _: &mut Session) -> Value<()> {
        self.ratings.take(property, text).map(drop)
    }

    fn finish(&mut self, _: &mut Session) -> Value<()> {
        self.ratings.finish();
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        // OpenDSS copies neither the magnetising current nor the anti-floating value.
        let Ratings { magnetizing_percent, anti_float_ppm, active, .. } = self.ratings;
        self.ratings = Ratings { magnetizing_percent, anti_float_ppm, active, ..other.ratings.clone() };
    }
}

/// A transformer.
#[derive(Clone, Debug, Default)]
pub struct Transformer {
    ratings: Ratings,
    buses: Vec<Option<Terminal>>,
    bank: Option<String>,
    phase_shift: PhaseShift,
    x_over_r_constant: bool,
}

impl Transformer {
    /// The number of phases.
    pub fn phases(&self) -> usize {
        self.ratings.phases
    }

    /// The number of windings.
    pub fn windings(&self) -> usize {
        self.ratings.windings.len()
    }

    /// The windings' rated voltages from line to line in kV.
    pub fn line_to_line_kv(&self) -> impl Iterator<Item = f64> {
        let to_neutral = |w: &Winding| self.ratings.phases == 1 && w.connection == Connection::Wye;
        self.ratings.windings.iter().map(move |w| if to_neutral(w) { w.kv * 3f64.sqrt() } else { w.kv })
    }

    /// Puts the tap of a winding (0-based) to `n` steps from the middle, within its range.
    pub fn set_tap_number(&mut self, winding: usize, n: f64) {
        if let Some(w) = self.ratings.windings.get_mut(winding) {
            #[allow(clippy::cast_precision_loss, reason = "a number of taps is small")]
            let step = if w.tap_steps > 0 { (w.tap_max - w.tap_min) / w.tap_steps as f64 } else { 0.0 };
            let tap = n * step + (w.tap_max + w.tap_min) / 2.0;
            w.tap = if tap < w.tap_min {
                w.tap_min
            } else if tap > w.tap_max {
                w.tap_max
            } else {
                tap
            };
        }
    }

    /// For the model. `at` gives places by key.
    pub fn model(&self, name: &str, open: bool, at: Span) -> Value<feeder::Transformer> {
        let r = &self.ratings;
        let mut windings = Vec::with_capacity(r.windings.len());
        for (i, w) in r.windings.iter().enumerate() {
            let Some(mut bus) = self.buses.get(i).cloned().flatten() else {
                let message = format!("winding {} of transformer \"{name}\" has no bus", i + 1);
                return Err(Diagnostic::error(codes::BUS, message).at(at));
            };
            // A winding has a neutral conductor even where it is delta.
            fit(&mut bus, r.phases, Some(if r.phases == 1 { w.connection } else { Connection::Wye }));
            windings.push(feeder::Winding {
                bus,
                connection: w.connection,
                v_kv: w.kv,
                s_kva: w.kva,
                r_percent: w.r_percent,
                tap_pu: w.tap,
                tap_min_pu: w.tap_min,
                tap_max_pu: w.tap_max,
                tap_steps: u32::try_from(w.tap_steps).unwrap_or(0),
                neutral_r_ohm: (w.neutral_r >= 0.0).then_some(w.neutral_r),
                neutral_x_ohm: if w.neutral_r >= 0.0 { w.neutral_x } else { 0.0 },
            });
        }
        let kva = r.windings[0].kva;
        Ok(feeder::Transformer {
            phases: r.phases,
            windings,
            x_percent: r.pairs.clone(),
            no_load_loss_percent: r.no_load_loss_percent,
            magnetizing_percent: r.magnetizing_percent,
            anti_float_ppm: r.anti_float_ppm,
            phase_shift: self.phase_shift,
            constant_x_over_r: self.x_over_r_constant,
            bank: self.bank.clone(),
            open,
            normal_kva: (r.normal_kva != 1.1 * kva).then_some(r.normal_kva),
            emergency_kva: (r.emergency_kva != 1.5 * kva).then_some(r.emergency_kva),
        })
    }

    fn fetch_code(&mut self, code: &TransformerCode) {
        let active = self.ratings.active;
        let x_changed = self.ratings.x_changed;
        self.ratings = Ratings { x_changed, ..code.ratings.clone() };
        self.ratings.active = active.min(self.ratings.windings.len() - 1);
        self.ratings.finish();
    }
}

impl Element for Transformer {
    fn new(_: &Session) -> Self {
        Self { ratings: Ratings::new(), ..Self::default() }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.transformers
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        let windings = self.windings();
        match property {
            "bus" => {
                let active = self.ratings.active;
                self.buses.resize(self.buses.len().max(windings), None);
                self.buses[active.min(windings - 1)] = Some(terminal(text)?);
            }
            "buses" => {
                self.buses.resize(self.buses.len().max(windings), None);
                let mut params = Params::new(text);
                for bus in self.buses.iter_mut().take(windings) {
                    let value = params.next().value;
                    if !value.str.is_empty() {
                        *bus = Some(terminal(value)?);
                    }
                }
                self.ratings.active = windings - 1;
            }
            "xrconst" => self.x_over_r_constant = session.yes(text),
            "bank" => self.bank = Some(text.lower()),
            "xfmrcode" => {
                let name = session.name(text, "transformer code", &session.circuit.transformer_codes)?;
                if let Some(code) = session.circuit.transformer_codes.get(&name) {
                    self.fetch_code(&code.value);
                }
            }
            "leadlag" => {
                let shifts = [
                    ("lag", PhaseShift::Lag),
                    ("lead", PhaseShift::Lead),
                    ("ansi", PhaseShift::Lag),
                    ("euro", PhaseShift::Lead),
                ];
                self.phase_shift = choice(text, &shifts)?;
            }
            "basefreq" if number(text)? != session.hz => {
                return Err(unsupported(
                    "a base frequency other than the circuit's is not supported here",
                    text.span(),
                ));
            }
            _ => {
                self.ratings.take(property, text)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.ratings.x_changed = false;
    }

    fn finish(&mut self, _: &mut Session) -> Value<()> {
        self.ratings.finish();
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        // OpenDSS copies neither the magnetising current, the anti-floating value nor the phase shift.
        let Ratings { magnetizing_percent, anti_float_ppm, active, .. } = self.ratings;
        self.ratings = Ratings { magnetizing_percent, anti_float_ppm, ..other.ratings.clone() };
        self.ratings.active = active.min(self.ratings.windings.len() - 1);
        self.bank = other.bank.clone();
    }
}
