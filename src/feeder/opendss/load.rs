//! Loads.
//!
//! The last kind of power that was given holds: kW and power factor, kW and kvar, kVA and power factor, connected kVA
//! times an allocation factor, or billed kWh (OpenDSS 0.14.5, `Load`).

use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::{count, positive};
use super::number::{integer, number};
use super::session::{Session, unsupported};
use super::store::Store;
use super::text::Text;
use super::value::{Value, choice, connection, fit, list, terminal};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{self, Connection, LoadModel, LoadStatus, Terminal};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Power {
    #[default]
    KwPf,
    KwKvar,
    KvaPf,
    ConnectedKva,
    Kwh,
}

/// A load.
#[derive(Clone, Debug)]
pub struct Load {
    bus: Option<Terminal>,
    phases: usize,
    connection: Connection,
    model: LoadModel,
    kv: f64,
    power: Power,
    kw: f64,
    kvar: f64,
    kva: f64,
    pf: f64,
    pf_changed: bool,
    pf_given: bool,
    connected_kva: f64,
    allocation: f64,
    kwh: f64,
    kwh_days: f64,
    c_factor: f64,
    v_min: f64,
    v_max: f64,
    v_low: f64,
    cvr_watts: f64,
    cvr_vars: f64,
    zip: Option<[f64; 7]>,
    status: LoadStatus,
    neutral: [f64; 2],
    daily: Option<String>,
    yearly: Option<String>,
    duty: Option<String>,
    spectrum: Option<String>,
    series_rl_percent: f64,
    x_harmonic: f64,
    x_over_r_harmonic: f64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            bus: None,
            phases: 3,
            connection: Connection::Wye,
            model: LoadModel::ConstantPower,
            kv: 12.47,
            power: Power::KwPf,
            kw: 10.0,
            kvar: 5.0,
            kva: 10.0 / 0.88,
            pf: 0.88,
            pf_changed: false,
            pf_given: false,
            connected_kva: 0.0,
            allocation: 0.5,
            kwh: 0.0,
            kwh_days: 30.0,
            c_factor: 4.0,
            v_min: 0.95,
            v_max: 1.05,
            v_low: 0.5,
            cvr_watts: 1.0,
            cvr_vars: 2.0,
            zip: None,
            status: LoadStatus::Variable,
            neutral: [-1.0, 0.0],
            daily: None,
            yearly: None,
            duty: None,
            spectrum: Some("defaultload".to_owned()),
            series_rl_percent: 50.0,
            x_harmonic: 0.0,
            x_over_r_harmonic: 6.0,
        }
    }
}

/// Reactive from active power by a power factor; a negative one gives it the other sign.
pub fn kvar_of(kw: f64, pf: f64) -> f64 {
    let kvar = kw * (1.0 / (pf * pf) - 1.0).sqrt();
    if pf < 0.0 { -kvar } else { kvar }
}

impl Load {
    fn allocate(&mut self) {
        match self.power {
            Power::ConnectedKva if self.connected_kva > 0.0 => {
                self.kw = self.connected_kva * self.allocation * self.pf.abs();
            }
            Power::Kwh => self.kw = self.kwh / (self.kwh_days * 24.0) * self.c_factor,
            _ => return,
        }
        self.kvar = kvar_of(self.kw, self.pf);
    }

    /// Takes the factor of `set allocationfactors=`.
    pub fn set_allocation(&mut self, factor: f64) {
        self.allocation = factor;
        self.power = Power::ConnectedKva;
        self.allocate();
    }

    /// Takes the factor of `set cfactors=`.
    pub fn set_c_factor(&mut self, factor: f64) {
        self.c_factor = factor;
        self.power = Power::Kwh;
        self.allocate();
    }

    fn as_peak_of(&mut self, shape: Option<&String>, session: &Session) {
        let peak = shape.and_then(|name| session.circuit.shapes.get(name)).and_then(|s| s.value.actual_peak());
        if let Some([kw, kvar]) = peak {
            (self.kw, self.kvar) = (kw, kvar);
            self.power = if self.pf_given { Power::KwPf } else { Power::KwKvar };
        }
    }

    fn set_power(&mut self, property: &str, text: Text<'_>) -> Value<()> {
        let value = number(text)?;
        let (field, power) = match property {
            "kw" => (&mut self.kw, Power::KwPf),
            "kvar" => (&mut self.kvar, Power::KwKvar),
            "kva" => (&mut self.kva, Power::KvaPf),
            "xfkva" => (&mut self.connected_kva, Power::ConnectedKva),
            "allocationfactor" => (&mut self.allocation, Power::ConnectedKva),
            "kwh" => (&mut self.kwh, Power::Kwh),
            "kwhdays" => (&mut self.kwh_days, Power::Kwh),
            _ => (&mut self.c_factor, Power::Kwh),
        };
        *field = value;
        self.power = power;
        if power == Power::KwKvar {
            self.pf_given = false;
        }
        self.allocate();
        Ok(())
    }

    fn settle(&mut self) {
        match self.power {
            Power::KwPf => self.kvar = kvar_of(self.kw, self.pf),
            Power::KwKvar => {
                let kva = self.kw.hypot(self.kvar);
                if kva > 0.0 {
                    let sign = if self.kvar == 0.0 { 1.0 } else { (self.kw * self.kvar).signum() };
                    self.pf = if self.kw * self.kvar == 0.0 && self.kvar != 0.0 { 0.0 } else { self.kw / kva * sign };
                }
            }
            Power::KvaPf => {
                self.kw = self.kva * self.pf.abs();
                self.kvar = kvar_of(self.kw, self.pf);
            }
            Power::ConnectedKva | Power::Kwh if self.pf_changed => self.kvar = kvar_of(self.kw, self.pf),
            _ => {}
        }
        self.kva = self.kw.hypot(self.kvar);
        self.pf_changed = false;
    }

    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<feeder::Load> {
        let Some(mut bus) = self.bus.clone() else {
            return Err(Diagnostic::error(codes::BUS, format!("load \"{name}\" has no bus")).at(at));
        };
        if !self.kw.is_finite() || !self.kvar.is_finite() {
            let message = format!("the power factor of load \"{name}\" gives it no finite power");
            return Err(Diagnostic::error(codes::RANGE, message).at(at));
        }
        if self.model == LoadModel::Zip && self.zip.is_none() {
            let message = format!("load \"{name}\" has model 8 but no zipv");
            return Err(Diagnostic::error(codes::INCOMPLETE, message).at(at));
        }
        fit(&mut bus, self.phases, Some(self.connection));
        Ok(feeder::Load {
            bus,
            phases: self.phases,
            connection: self.connection,
            model: self.model,
            v_kv: self.kv,
            p_kw: self.kw,
            q_kvar: self.kvar,
            v_min_pu: self.v_min,
            v_max_pu: self.v_max,
            v_low_pu: self.v_low,
            cvr_watts: self.cvr_watts,
            cvr_vars: self.cvr_vars,
            zip: self.zip.filter(|_| self.model == LoadModel::Zip),
            status: self.status,
            neutral_r_ohm: (self.neutral[0] >= 0.0).then_some(self.neutral[0]),
            neutral_x_ohm: if self.neutral[0] >= 0.0 { self.neutral[1] } else { 0.0 },
            daily: self.daily.clone(),
            yearly: self.yearly.clone().filter(|y| Some(y) != self.daily.as_ref()),
            duty: self.duty.clone(),
            spectrum: self.spectrum.clone(),
            series_rl_percent: self.series_rl_percent,
            harmonic_x_pu: (self.x_harmonic > 0.0).then_some(self.x_harmonic),
            harmonic_x_over_r: if self.x_harmonic > 0.0 { self.x_over_r_harmonic } else { 6.0 },
        })
    }

    fn set_model(&mut self, text: Text<'_>) -> Value<()> {
        self.model = match integer(text)? {
            1 => LoadModel::ConstantPower,
            2 => LoadModel::ConstantImpedance,
            3 => LoadModel::MotorConstantP,
            4 => LoadModel::Exponential,
            5 => LoadModel::ConstantCurrent,
            6 => LoadModel::FixedQ,
            7 => LoadModel::FixedX,
            8 => LoadModel::Zip,
            n => {
                let message = format!("there is no load model {n}; models are 1 to 8");
                return Err(Diagnostic::error(codes::CHOICE, message).at(text.span()));
            }
        };
        Ok(())
    }

    fn set_zip(&mut self, text: Text<'_>) -> Value<()> {
        let mut values = list(text)?;
        if values.len() != 7 {
            let message = format!("zipv has {} coefficients instead of 7", values.len());
            return Err(Diagnostic::error(codes::SIZE, message).at(text.span()));
        }
        values.truncate(7);
        self.zip = values.try_into().ok();
        Ok(())
    }
}

impl Element for Load {
    fn new(_: &Session) -> Self {
        let mut load = Self::default();
        load.settle();
        load
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.loads
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "phases" => self.phases = count(text)?,
            "bus1" => self.bus = Some(terminal(text)?),
            "kv" => self.kv = positive(text)?,
            "kw" | "kvar" | "kva" | "xfkva" | "allocationfactor" | "kwh" | "kwhdays" | "cfactor" => {
                self.set_power(property, text)?;
            }
            "pf" => {
                self.pf = number(text)?;
                (self.pf_changed, self.pf_given) = (true, true);
            }
            "model" => self.set_model(text)?,
            "yearly" => {
                self.yearly = session.shape(text)?;
                let shape = self.yearly.clone();
                self.as_peak_of(shape.as_ref(), session);
            }
            "daily" => {
                self.daily = session.shape(text)?;
                let shape = self.daily.clone();
                self.as_peak_of(shape.as_ref(), session);
                self.yearly = self.yearly.take().or(shape);
            }
            "duty" => {
                self.duty = session.shape(text)?;
                let shape = self.duty.clone();
                self.as_peak_of(shape.as_ref(), session);
            }
            "conn" => self.connection = connection(text)?,
            "rneut" => self.neutral[0] = number(text)?,
            "xneut" => self.neutral[1] = number(text)?,
            "status" => {
                let statuses =
                    [("variable", LoadStatus::Variable), ("fixed", LoadStatus::Fixed), ("exempt", LoadStatus::Exempt)];
                // OpenDSS takes any other word for variable.
                self.status = choice(text, &statuses).unwrap_or_default();
            }
            "vminpu" => self.v_min = number(text)?,
            "vmaxpu" => self.v_max = number(text)?,
            "vlowpu" => self.v_low = number(text)?,
            "cvrwatts" => self.cvr_watts = number(text)?,
            "cvrvars" => self.cvr_vars = number(text)?,
            "zipv" => self.set_zip(text)?,
            "spectrum" => self.spectrum = session.spectrum(text)?,
            "%seriesrl" => self.series_rl_percent = number(text)?,
            "puxharm" => self.x_harmonic = number(text)?,
            "xrharm" => self.x_over_r_harmonic = number(text)?,
            "cvrcurve" if session.shape(text)?.is_some() => {
                return Err(unsupported("a CVR curve is not supported", text.span()));
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Session) -> Value<()> {
        self.settle();
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        // OpenDSS does not copy the billed energy, nor whether a power factor was given.
        let (bus, pf_given, pf_changed) = (self.bus.take(), self.pf_given, self.pf_changed);
        let (kwh, kwh_days, c_factor) = (self.kwh, self.kwh_days, self.c_factor);
        *self = Self { bus, pf_given, pf_changed, kwh, kwh_days, c_factor, ..other.clone() };
    }
}
