//! Generators, photovoltaic systems and storage as power sources.

use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::{count, positive};
use super::load::kvar_of;
use super::number::{integer, number};
use super::session::{Session, unsupported};
use super::store::Store;
use super::text::Text;
use super::value::{Value, choice, connection, fit, terminal};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{self, Connection, SourceModel, StorageState, Terminal};

/// What the three kinds have in common.
#[derive(Clone, Debug)]
struct Unit {
    bus: Option<Terminal>,
    phases: usize,
    connection: Connection,
    model: SourceModel,
    kv: f64,
    v_min: f64,
    v_max: f64,
    /// Limited in current; holds for constant power only.
    limited: bool,
    daily: Option<String>,
    yearly: Option<String>,
    duty: Option<String>,
    spectrum: Option<String>,
    /// R and X at orders other than 1, in percent.
    z_percent: [f64; 2],
}

impl Default for Unit {
    fn default() -> Self {
        Self {
            bus: None,
            phases: 3,
            connection: Connection::Wye,
            model: SourceModel::ConstantPower,
            kv: 12.47,
            v_min: 0.9,
            v_max: 1.1,
            limited: false,
            daily: None,
            yearly: None,
            duty: None,
            spectrum: None,
            z_percent: [50.0, 0.0],
        }
    }
}

impl Unit {
    fn take(&mut self, property: &str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "phases" => self.phases = count(text)?,
            "bus1" => self.bus = Some(terminal(text)?),
            "kv" => self.kv = positive(text)?,
            "conn" => self.connection = connection(text)?,
            "vminpu" => self.v_min = number(text)?,
            "vmaxpu" => self.v_max = number(text)?,
            "daily" => self.daily = session.shape(text)?,
            "yearly" => self.yearly = session.shape(text)?,
            "duty" => self.duty = session.shape(text)?,
            "spectrum" => self.spectrum = session.spectrum(text)?,
            "%r" => self.z_percent[0] = number(text)?,
            "%x" => self.z_percent[1] = number(text)?,
            "model" => {
                self.model = match integer(text)? {
                    1 => SourceModel::ConstantPower,
                    2 => SourceModel::ConstantImpedance,
                    7 => SourceModel::LimitedCurrent,
                    n => {
                        return Err(unsupported(
                            format!("model {n} is not supported; models 1, 2 and 7 are"),
                            text.span(),
                        ));
                    }
                }
            }
            "limitcurrent" => self.limited = session.yes(text),
            "balanced" | "varfollowinverter" | "pfpriority" | "usefuel" if session.yes(text) => {
                return Err(unsupported(format!("{property}=yes is not supported"), text.span()));
            }
            "%pminnovars" | "%pminkvarmax" if number(text)? > 0.0 => {
                return Err(unsupported("a smallest active power for reactive power is not supported", text.span()));
            }
            "usermodel" | "dynaeq" | "dynadll" => {
                return Err(unsupported("user-written models are not supported", text.span()));
            }
            "controlmode" if !choice(text, &[("gfl", true), ("gfm", false)])? => {
                return Err(unsupported("grid-forming sources are not supported here", text.span()));
            }
            "dispmode" if ["lo", "p"].iter().any(|m| text.lower().starts_with(m)) => {
                return Err(unsupported("dispatch by load level or price is not supported", text.span()));
            }
            "dispmode" if text.lower().starts_with('e') => {
                session.report.study("dispatch by a controller".into(), text.span());
            }
            _ => {}
        }
        Ok(())
    }

    fn model(&self) -> SourceModel {
        match self.model {
            SourceModel::ConstantPower if self.limited => SourceModel::LimitedCurrent,
            model => model,
        }
    }

    fn bus(&self, what: &str, at: Span) -> Value<Terminal> {
        let Some(mut bus) = self.bus.clone() else {
            return Err(Diagnostic::error(codes::BUS, format!("{what} has no bus")).at(at));
        };
        fit(&mut bus, self.phases, Some(self.connection));
        Ok(bus)
    }
}

/// A generator.
#[derive(Clone, Debug)]
pub struct Generator {
    unit: Unit,
    kw: f64,
    kvar: f64,
    pf: f64,
    fixed: bool,
    kva: Option<f64>,
    x_subtransient: f64,
}

impl Default for Generator {
    fn default() -> Self {
        let unit = Unit { spectrum: Some("defaultgen".to_owned()), ..Unit::default() };
        Self { unit, kw: 1000.0, kvar: 60.0, pf: 0.88, fixed: false, kva: None, x_subtransient: 0.2 }
    }
}

impl Generator {
    fn follow_pf(&mut self) {
        if self.pf != 0.0 {
            self.kvar = kvar_of(self.kw, self.pf);
        }
    }

    fn set_kvar(&mut self, kvar: f64) {
        self.kvar = kvar;
        let kva = self.kw.hypot(kvar);
        self.pf = if kva == 0.0 { 1.0 } else { self.kw / kva };
        if self.kw * kvar < 0.0 {
            self.pf = -self.pf;
        }
    }

    fn as_peak_of(&mut self, shape: Option<String>, session: &Session) {
        let peak = shape.and_then(|name| session.circuit.shapes.get(&name)).and_then(|s| s.value.actual_peak());
        if let Some([kw, kvar]) = peak {
            self.kw = kw;
            self.set_kvar(kvar);
        }
    }

    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<feeder::Generator> {
        let unit = self.unit.clone();
        let bus = unit.bus(&format!("generator \"{name}\""), at)?;
        if !self.kvar.is_finite() {
            let message = format!("the power factor of generator \"{name}\" gives it no finite power");
            return Err(Diagnostic::error(codes::RANGE, message).at(at));
        }
        Ok(feeder::Generator {
            bus,
            phases: unit.phases,
            connection: unit.connection,
            model: unit.model(),
            v_kv: unit.kv,
            p_kw: self.kw,
            q_kvar: self.kvar,
            v_min_pu: unit.v_min,
            v_max_pu: unit.v_max,
            fixed: self.fixed,
            daily: unit.daily,
            yearly: unit.yearly,
            duty: unit.duty,
            s_kva: self.kva,
            x_subtransient_pu: self.x_subtransient,
            spectrum: unit.spectrum,
        })
    }
}

impl Element for Generator {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.generators
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "kw" => {
                self.kw = number(text)?;
                self.follow_pf();
            }
            "pf" => {
                self.pf = number(text)?;
                self.follow_pf();
            }
            "kvar" => self.set_kvar(number(text)?),
            "kva" => self.kva = Some(positive(text)?),
            "mva" => self.kva = Some(positive(text)? * 1000.0),
            "xdpp" => self.x_subtransient = number(text)?,
            "status" => self.fixed = choice(text, &[("variable", false), ("fixed", true)]).unwrap_or(false),
            _ => {
                self.unit.take(property, text, session)?;
                let unit = &self.unit;
                let shape = match property {
                    "daily" => unit.daily.clone(),
                    "yearly" => unit.yearly.clone(),
                    "duty" => unit.duty.clone(),
                    _ => None,
                };
                self.as_peak_of(shape, session);
            }
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        let bus = self.unit.bus.take();
        *self = other.clone();
        self.unit.bus = bus;
    }
}

/// A photovoltaic system.
#[derive(Clone, Debug)]
pub struct PvSystem {
    unit: Unit,
    irradiance: f64,
    p_mpp: f64,
    p_mpp_percent: f64,
    temperature: f64,
    pf: f64,
    kvar: Option<f64>,
    kva: f64,
    cut_in: f64,
    cut_out: f64,
    efficiency: feeder::Curve,
    by_temperature: feeder::Curve,
    watt_priority: bool,
    kvar_max: Option<f64>,
    kvar_min: Option<f64>,
}

impl Default for PvSystem {
    fn default() -> Self {
        Self {
            unit: Unit::default(),
            irradiance: 1.0,
            p_mpp: 500.0,
            p_mpp_percent: 100.0,
            temperature: 25.0,
            pf: 1.0,
            kvar: None,
            kva: 500.0,
            cut_in: 20.0,
            cut_out: 20.0,
            efficiency: Vec::new(),
            by_temperature: Vec::new(),
            watt_priority: false,
            kvar_max: None,
            kvar_min: None,
        }
    }
}

impl PvSystem {
    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<feeder::PvSystem> {
        let unit = self.unit.clone();
        let bus = unit.bus(&format!("PV system \"{name}\""), at)?;
        let largest = self.kvar_max.map(f64::abs);
        if self.kvar_min.is_some_and(|min| min.abs() != largest.unwrap_or(self.kva)) {
            let message = format!("PV system \"{name}\" has different limits for giving and taking reactive power");
            return Err(unsupported(message, at));
        }
        Ok(feeder::PvSystem {
            bus,
            phases: unit.phases,
            connection: unit.connection,
            model: unit.model(),
            v_kv: unit.kv,
            s_kva: self.kva,
            p_mpp_kw: self.p_mpp,
            irradiance_kw_per_m2: self.irradiance,
            temperature_c: self.temperature,
            p_mpp_percent: self.p_mpp_percent,
            temperature_curve: self.by_temperature.clone(),
            efficiency_curve: self.efficiency.clone(),
            cut_in_percent: self.cut_in,
            cut_out_percent: self.cut_out,
            q_kvar: self.kvar,
            power_factor: if self.kvar.is_none() && self.pf != 1.0 { Some(self.pf) } else { None },
            q_max_kvar: largest,
            q_priority: !self.watt_priority,
            v_min_pu: unit.v_min,
            v_max_pu: unit.v_max,
            daily: unit.daily,
            yearly: unit.yearly,
            duty: unit.duty,
            r_percent: unit.z_percent[0],
            x_percent: unit.z_percent[1],
            spectrum: unit.spectrum,
        })
    }
}

impl Element for PvSystem {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.pv_systems
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "irradiance" => self.irradiance = number(text)?,
            "pmpp" => self.p_mpp = number(text)?,
            "%pmpp" => self.p_mpp_percent = number(text)?,
            "temperature" => self.temperature = number(text)?,
            "pf" => (self.pf, self.kvar) = (number(text)?, None),
            "kvar" => self.kvar = Some(number(text)?),
            "kva" => self.kva = positive(text)?,
            "%cutin" => self.cut_in = number(text)?,
            "%cutout" => self.cut_out = number(text)?,
            "effcurve" => self.efficiency = session.curve(text)?,
            "p-tcurve" => self.by_temperature = session.curve(text)?,
            "wattpriority" => self.watt_priority = session.yes(text),
            "kvarmax" => self.kvar_max = Some(number(text)?),
            "kvarmaxabs" => self.kvar_min = Some(number(text)?),
            "tyearly" | "tdaily" | "tduty" if !text.is("none") => {
                session.report.study("a temperature shape".into(), text.span());
            }
            _ => self.unit.take(property, text, session)?,
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        let bus = self.unit.bus.take();
        *self = other.clone();
        self.unit.bus = bus;
    }
}

/// A storage system.
#[derive(Clone, Debug)]
pub struct Storage {
    unit: Unit,
    kw_rated: f64,
    kva: Option<f64>,
    kwh_rated: f64,
    kwh_stored: f64,
    reserve: f64,
    state: StorageState,
    charge: f64,
    discharge: f64,
    charge_efficiency: f64,
    discharge_efficiency: f64,
    idling: f64,
    efficiency: feeder::Curve,
    pf: f64,
    kvar: Option<f64>,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            unit: Unit { z_percent: [0.0, 50.0], ..Unit::default() },
            kw_rated: 25.0,
            kva: None,
            kwh_rated: 50.0,
            kwh_stored: 50.0,
            reserve: 20.0,
            state: StorageState::Idling,
            charge: 100.0,
            discharge: 100.0,
            charge_efficiency: 90.0,
            discharge_efficiency: 90.0,
            idling: 1.0,
            efficiency: Vec::new(),
            pf: 1.0,
            kvar: None,
        }
    }
}

impl Storage {
    fn set_kw(&mut self, kw: f64) {
        if kw > 0.0 {
            self.state = StorageState::Discharging;
            self.discharge = kw / self.kw_rated * 100.0;
        } else if kw < 0.0 {
            self.state = StorageState::Charging;
            self.charge = -kw / self.kw_rated * 100.0;
        } else {
            self.state = StorageState::Idling;
        }
    }

    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<feeder::Storage> {
        let unit = self.unit.clone();
        let bus = unit.bus(&format!("storage \"{name}\""), at)?;
        Ok(feeder::Storage {
            bus,
            phases: unit.phases,
            connection: unit.connection,
            model: unit.model(),
            v_kv: unit.kv,
            p_rated_kw: self.kw_rated,
            s_kva: self.kva,
            e_rated_kwh: self.kwh_rated,
            stored_percent: self.kwh_stored / self.kwh_rated * 100.0,
            reserve_percent: self.reserve,
            state: self.state,
            charge_percent: self.charge,
            discharge_percent: self.discharge,
            charge_efficiency_percent: self.charge_efficiency,
            discharge_efficiency_percent: self.discharge_efficiency,
            idling_percent: self.idling,
            efficiency_curve: self.efficiency.clone(),
            q_kvar: self.kvar,
            power_factor: if self.kvar.is_none() && self.pf != 1.0 { Some(self.pf) } else { None },
            // OpenDSS limits Q to 25 kvar, whatever the rating, until `kVA` is written.
            q_max_kvar: if self.kva.is_none() { Some(25.0) } else { None },
            q_priority: true,
            v_min_pu: unit.v_min,
            v_max_pu: unit.v_max,
            daily: unit.daily,
            r_percent: unit.z_percent[0],
            x_percent: unit.z_percent[1],
            spectrum: unit.spectrum,
        })
    }
}

impl Element for Storage {
    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.storages
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "kw" => self.set_kw(number(text)?),
            "kvar" => self.kvar = Some(number(text)?),
            "pf" => (self.pf, self.kvar) = (number(text)?, None),
            "kva" => self.kva = Some(positive(text)?),
            "kwrated" => self.kw_rated = positive(text)?,
            "kwhrated" => {
                self.kwh_rated = positive(text)?;
                self.kwh_stored = self.kwh_rated;
            }
            "kwhstored" => self.kwh_stored = number(text)?,
            "%stored" => self.kwh_stored = number(text)? * 0.01 * self.kwh_rated,
            "%reserve" => self.reserve = number(text)?,
            "state" => {
                let states = [
                    ("charging", StorageState::Charging),
                    ("idling", StorageState::Idling),
                    ("discharging", StorageState::Discharging),
                ];
                self.state = choice(text, &states)?;
            }
            "%discharge" => self.discharge = number(text)?,
            "%charge" => self.charge = number(text)?,
            "%effcharge" => self.charge_efficiency = number(text)?,
            "%effdischarge" => self.discharge_efficiency = number(text)?,
            "%idlingkw" => self.idling = number(text)?,
            "effcurve" => self.efficiency = session.curve(text)?,
            "%cutin" | "%cutout" | "%idlingkvar" if number(text)? != 0.0 => {
                return Err(unsupported(format!("{property} is not supported for storage"), text.span()));
            }
            "kvarmax" | "kvarmaxabs" if number(text)? < self.kva.unwrap_or(self.kw_rated) => {
                return Err(unsupported("a limit of reactive power is not supported for storage", text.span()));
            }
            "wattpriority" if session.yes(text) => {
                return Err(unsupported("priority of active power is not supported for storage", text.span()));
            }
            "%kwrated" if number(text)? != 100.0 => {
                return Err(unsupported("%kWRated other than 100 is not supported", text.span()));
            }
            "yearly" | "duty" if session.shape(text)?.is_some() => {
                session.report.study(format!("a storage's {property} shape"), text.span());
            }
            // A storage's limit never binds: below its band it is an impedance first.
            "limitcurrent" => {}
            _ => self.unit.take(property, text, session)?,
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        let bus = self.unit.bus.take();
        *self = other.clone();
        self.unit.bus = bus;
    }
}
