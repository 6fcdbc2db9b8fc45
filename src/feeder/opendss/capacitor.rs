//! Capacitor banks and their controls.

use super::circuit::{Circuit, Element};
use super::codes;
use super::line_code::{count, positive};
use super::number::{integer, number};
use super::session::{Session, unsupported};
use super::store::{Entry, Store};
use super::text::Text;
use super::value::{Value, choice, connection, fit, list, terminal};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{self, CapacitorSignal, Connection, Phases, Terminal};

/// Most steps of a bank.
const STEPS_LIMIT: i64 = 1000;

/// The two ends of a shunt element that may also stand in series.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    pub first: Option<Terminal>,
    pub second: Option<Terminal>,
    /// The second end is at another bus.
    series: bool,
}

impl Ends {
    /// Takes the first bus; the second falls back to ground unless it is another bus.
    pub fn set_first(&mut self, text: Text<'_>) -> Value<()> {
        self.first = Some(terminal(text)?);
        if !self.series {
            self.second = None;
        }
        Ok(())
    }

    /// Takes the second bus.
    pub fn set_second(&mut self, text: Text<'_>) -> Value<()> {
        let second = terminal(text)?;
        self.series |= self.first.as_ref().is_none_or(|first| first.bus != second.bus);
        self.second = Some(second);
        Ok(())
    }

    /// The ends of an element of `phases`, the second only where it is not ground.
    pub fn model(&self, what: &str, phases: usize, delta: bool, at: Span) -> Value<(Terminal, Option<Terminal>)> {
        let Some(mut first) = self.first.clone() else {
            return Err(Diagnostic::error(codes::BUS, format!("{what} has no bus")).at(at));
        };
        fit(&mut first, phases, delta.then_some(Connection::Delta));
        let mut second = self.second.clone().filter(|_| !delta);
        if let Some(second) = &mut second {
            fit(second, phases, None);
        }
        let grounded = |t: &Terminal| t.nodes.len() >= phases && t.nodes.iter().all(|n| *n == 0);
        Ok((first, second.filter(|t| !grounded(t))))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Size {
    #[default]
    Kvar,
    Farads,
}

/// A capacitor bank.
#[derive(Clone, Debug, Default)]
pub struct Capacitor {
    pub ends: Ends,
    phases: usize,
    connection: Connection,
    kv: f64,
    size: Size,
    kvar: Vec<f64>,
    microfarads: Vec<f64>,
    r: Vec<f64>,
    x: Vec<f64>,
    harmonic: Vec<f64>,
    tuned: bool,
    states: Vec<bool>,
}

impl Capacitor {
    fn set_steps(&mut self, text: Text<'_>) -> Value<()> {
        let n = integer(text)?;
        if !(1..=STEPS_LIMIT).contains(&n) {
            let message = format!("{n} steps are not within 1 to {STEPS_LIMIT}");
            return Err(Diagnostic::error(codes::RANGE, message).at(text.span()));
        }
        let n = usize::try_from(n).unwrap_or(1);
        let before = self.kvar.len();
        if before == 1 && n > 1 {
            self.split(n);
        }
        for values in [&mut self.kvar, &mut self.microfarads, &mut self.r, &mut self.x, &mut self.harmonic] {
            values.resize(n, 0.0);
        }
        self.states.resize(n, false);
        Ok(())
    }

    /// A bank of one step becomes one of `n` equal steps of the same size together.
    fn split(&mut self, n: usize) {
        #[allow(clippy::cast_precision_loss, reason = "a number of steps is small")]
        let parts = n as f64;
        let (r, x) = match self.size {
            Size::Kvar => (self.r[0] * parts, self.x[0] * parts),
            Size::Farads => (self.r[0], self.x[0]),
        };
        self.kvar = vec![self.kvar[0] / parts; n];
        self.microfarads = vec![self.microfarads[0]; n];
        (self.r, self.x) = (vec![r; n], vec![x; n]);
        self.harmonic = vec![self.harmonic[0]; n];
        self.states = vec![true; n];
    }

    /// Volts across one phase, in kV.
    fn phase_kv(&self) -> f64 {
        match self.connection {
            Connection::Wye if matches!(self.phases, 2 | 3) => self.kv / 3f64.sqrt(),
            _ => self.kv,
        }
    }

    /// kvar of each step, all phases. By kvar, OpenDSS gives every step the size of the first.
    fn step_kvar(&self, hz: f64) -> Vec<f64> {
        match self.size {
            Size::Kvar => vec![self.kvar[0]; self.kvar.len()],
            Size::Farads => {
                #[allow(clippy::cast_precision_loss, reason = "a number of phases is small")]
                let per_uf = std::f64::consts::TAU * hz * 1e-3 * self.phase_kv().powi(2) * self.phases as f64;
                self.microfarads.iter().map(|c| c * per_uf).collect()
            }
        }
    }

    /// For the model.
    pub fn model(&self, name: &str, entry: &Entry<Self>, session: &mut Session) -> Value<feeder::Capacitor> {
        let what = format!("capacitor \"{name}\"");
        let delta = self.connection == Connection::Delta;
        let (bus, to) = self.ends.model(&what, self.phases, delta, entry.whole)?;
        let q_kvar = self.step_kvar(session.hz);
        if self.size == Size::Kvar && self.kvar.iter().any(|q| *q != self.kvar[0]) {
            let message = format!("OpenDSS gives every step of {what} the size of the first, and so does this reader");
            session.report.warning(codes::STEPS, message, entry.span("q_kvar"));
        }
        let (mut r, mut x) = (self.r.clone(), self.x.clone());
        if self.tuned {
            #[allow(clippy::cast_precision_loss, reason = "a number of phases is small")]
            let ohm_kvar = self.phase_kv().powi(2) * 1000.0 * self.phases as f64;
            for i in 0..q_kvar.len() {
                let h = self.harmonic[i];
                x[i] = if h == 0.0 { 0.0 } else { ohm_kvar / q_kvar[i] / (h * h) };
                if r[i] == 0.0 {
                    r[i] = x[i] / 1000.0;
                }
            }
        }
        let or_nothing = |values: Vec<f64>| if values.iter().all(|v| *v == 0.0) { Vec::new() } else { values };
        Ok(feeder::Capacitor {
            bus,
            to,
            phases: self.phases,
            connection: self.connection,
            v_kv: self.kv,
            q_kvar,
            r_ohm: or_nothing(r),
            x_ohm: or_nothing(x),
            closed: if self.states.iter().all(|s| *s) { Vec::new() } else { self.states.clone() },
        })
    }
}

impl Element for Capacitor {
    fn new(_: &Session) -> Self {
        Self {
            phases: 3,
            kv: 12.47,
            kvar: vec![1200.0],
            microfarads: vec![0.0],
            r: vec![0.0],
            x: vec![0.0],
            harmonic: vec![0.0],
            states: vec![true],
            ..Self::default()
        }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.capacitors
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        let n = self.kvar.len();
        match property {
            "bus1" => self.ends.set_first(text)?,
            "bus2" => self.ends.set_second(text)?,
            "phases" => self.phases = count(text)?,
            "kv" => self.kv = positive(text)?,
            "conn" => self.connection = connection(text)?,
            "kvar" => (self.kvar, self.size) = (session.numbers(text, n)?, Size::Kvar),
            "cuf" => (self.microfarads, self.size) = (session.numbers(text, n)?, Size::Farads),
            "cmatrix" => return Err(unsupported("a capacitor by matrix is not supported", text.span())),
            "r" => self.r = session.numbers(text, n)?,
            "xl" => {
                self.x = session.numbers(text, n)?;
                for (r, x) in self.r.iter_mut().zip(&self.x).filter(|(r, _)| **r == 0.0) {
                    *r = x.abs() / 1000.0;
                }
                self.tuned = false;
            }
            "harm" => (self.harmonic, self.tuned) = (session.numbers(text, n)?, true),
            "numsteps" => self.set_steps(text)?,
            "states" => {
                let mut states = list(text)?;
                states.resize(n, 0.0);
                self.states = states.into_iter().map(|s| s == 1.0).collect();
            }
            "basefreq" if number(text)? != session.hz => {
                return Err(unsupported(
                    "a base frequency other than the circuit's is not supported here",
                    text.span(),
                ));
            }
            _ => {}
        }
        // A file may hold fewer numbers than there are steps.
        for values in [&mut self.kvar, &mut self.microfarads, &mut self.r, &mut self.x, &mut self.harmonic] {
            values.resize(self.states.len(), 0.0);
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        let ends = std::mem::take(&mut self.ends);
        *self = Self { ends, tuned: self.tuned, ..other.clone() };
    }
}

/// A capacitor control.
#[derive(Clone, Debug, Default)]
pub struct CapacitorControl {
    element: Option<String>,
    terminal: usize,
    pub capacitor: Option<String>,
    signal: CapacitorSignal,
    pt_ratio: f64,
    ct_ratio: f64,
    on: f64,
    off: f64,
    pf_on: f64,
    pf_off: f64,
    delay: f64,
    delay_off: f64,
    dead_time: f64,
    v_override: bool,
    v_min: f64,
    v_max: f64,
    override_bus: Option<String>,
    ct_phase: Phases,
    pt_phase: Phases,
}

/// A phase by number, or by a word.
pub fn phase(text: Text<'_>) -> Value<Phases> {
    if text.str.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) {
        return choice(text, &[("min", Phases::Min), ("max", Phases::Max), ("avg", Phases::Average)]);
    }
    Ok(Phases::Number(count(text)?))
}

impl CapacitorControl {
    fn set_type(&mut self, text: Text<'_>) -> Value<()> {
        use CapacitorSignal as S;
        let signal = choice(
            text,
            &[
                ("current", Some(S::Current)),
                ("voltage", Some(S::Voltage)),
                ("kvar", Some(S::Kvar)),
                ("time", Some(S::Time)),
                ("powerfactor", Some(S::PowerFactor)),
                ("pf", Some(S::PowerFactor)),
                ("follow", None),
            ],
        )?;
        self.signal = signal
            .ok_or_else(|| unsupported("a capacitor control that follows a shape is not supported", text.span()))?;
        if self.signal == S::PowerFactor {
            (self.pf_on, self.pf_off) = (0.95, 1.05);
        }
        Ok(())
    }

    /// A setting; for power factor, -0.95 is 1.05 (leading).
    fn setting(&self, text: Text<'_>) -> Value<(f64, f64)> {
        let value = number(text)?;
        if self.signal == CapacitorSignal::PowerFactor && value.abs() > 1.0 {
            return Err(Diagnostic::error(codes::RANGE, "a power factor is within -1 to 1").at(text.span()));
        }
        Ok((value, if value < 0.0 { 2.0 + value } else { value }))
    }

    /// For the model.
    pub fn model(&self, name: &str, at: Span) -> Value<feeder::CapacitorControl> {
        let incomplete =
            |what| Diagnostic::error(codes::INCOMPLETE, format!("capacitor control \"{name}\" has no {what}")).at(at);
        let capacitor = self.capacitor.clone().ok_or_else(|| incomplete("capacitor"))?;
        let timed = self.signal == CapacitorSignal::Time;
        let element = match &self.element {
            Some(element) if !timed => element.clone(),
            _ if timed => format!("capacitor.{capacitor}"),
            _ => return Err(incomplete("element to measure")),
        };
        let by_pf = self.signal == CapacitorSignal::PowerFactor;
        Ok(feeder::CapacitorControl {
            capacitor,
            element,
            terminal: if timed { 1 } else { self.terminal },
            signal: self.signal,
            pt_ratio: self.pt_ratio,
            ct_ratio: self.ct_ratio,
            on: if by_pf { self.pf_on } else { self.on },
            off: if by_pf { self.pf_off } else { self.off },
            delay_s: self.delay,
            delay_off_s: self.delay_off,
            dead_time_s: self.dead_time,
            voltage_override: self.v_override,
            v_min_v: self.v_min,
            v_max_v: self.v_max,
            override_bus: self.override_bus.clone(),
            ct_phase: self.ct_phase,
            pt_phase: self.pt_phase,
        })
    }
}

impl Element for CapacitorControl {
    fn new(_: &Session) -> Self {
        Self {
            terminal: 1,
            pt_ratio: 60.0,
            ct_ratio: 60.0,
            on: 300.0,
            off: 200.0,
            pf_on: 0.95,
            pf_off: 1.05,
            delay: 15.0,
            delay_off: 15.0,
            dead_time: 300.0,
            v_min: 115.0,
            v_max: 126.0,
            ..Self::default()
        }
    }

    fn store(circuit: &mut Circuit) -> &mut Store<Self> {
        &mut circuit.capacitor_controls
    }

    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()> {
        match property {
            "element" => self.element = Some(session.element(text)?),
            "terminal" => self.terminal = count(text)?,
            "capacitor" => self.capacitor = Some(session.name(text, "capacitor", &session.circuit.capacitors)?),
            "type" => self.set_type(text)?,
            "ptratio" => self.pt_ratio = positive(text)?,
            "ctratio" => self.ct_ratio = positive(text)?,
            "onsetting" => (self.on, self.pf_on) = self.setting(text)?,
            "offsetting" => (self.off, self.pf_off) = self.setting(text)?,
            "delay" => self.delay = number(text)?,
            "voltoverride" => self.v_override = session.yes(text),
            "vmax" => self.v_max = number(text)?,
            "vmin" => self.v_min = number(text)?,
            "delayoff" => self.delay_off = number(text)?,
            "deadtime" => self.dead_time = number(text)?,
            "ctphase" => self.ct_phase = phase(text)?,
            "ptphase" => self.pt_phase = phase(text)?,
            "vbus" => self.override_bus = Some(text.trimmed().lower()),
            "usermodel" | "controlsignal" => {
                return Err(unsupported("a capacitor control by model or signal is not supported", text.span()));
            }
            "pctminkvar" if number(text)? != 50.0 => {
                return Err(unsupported("a smallest share of kvar (pctMinkvar) is not supported", text.span()));
            }
            _ => {}
        }
        Ok(())
    }

    fn like(&mut self, other: &Self) {
        // OpenDSS does not copy the delays and voltage limits.
        let Self { delay, delay_off, dead_time, v_min, v_max, .. } = *self;
        *self = Self { delay, delay_off, dead_time, v_min, v_max, ..other.clone() };
    }
}
