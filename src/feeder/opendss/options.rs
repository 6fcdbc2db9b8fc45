//! The options of `set`: honoured, ignored, or refused.

use super::codes;
use super::interpreter::Interpreter;
use super::line::earth_model;
use super::line_code::positive;
use super::number::{integer, number};
use super::report::nearest;
use super::text::{Param, Params, Text};
use super::value::{Value, choice, list};
use crate::diagnostic::Diagnostic;
use crate::feeder::{ControlMode, LARGEST_ORDER, ORDER_TOLERANCE};

/// Options in the order that positional values and abbreviations follow (OpenDSS 0.14.5).
const NAMES: &str = "type element hour sec year frequency stepsize mode random number time class object circuit editor \
    tolerance maxiterations h loadmodel loadmult normvminpu normvmaxpu emergvminpu emergvmaxpu %mean %stddev ldcurve \
    %growth genkw genpf capkvar addtype allowduplicates zonelock ueweight lossweight ueregs lossregs voltagebases \
    algorithm trapezoidal autobuslist controlmode tracecontrol genmult defaultdaily defaultyearly allocationfactors \
    cktmodel pricesignal pricecurve terminal basefrequency harmonics maxcontroliter bus datapath keeplist reduceoption \
    demandinterval %normal diverbose casename markercode nodewidth log recorder overloadreport voltexceptionreport \
    cfactors showexport numallociterations defaultbasefrequency markswitches switchmarkercode daisysize \
    marktransformers transmarkercode transmarkersize loadshapeclass earthmodel querylog markcapacitors markregulators \
    markpvsystems markstorage capmarkercode regmarkercode pvmarkercode storemarkercode capmarkersize regmarkersize \
    pvmarkersize storemarkersize neglectloady markfuses fusemarkercode fusemarkersize markreclosers \
    reclosermarkercode reclosermarkersize registryupdate markrelays relaymarkercode relaymarkersize processtime \
    totaltime steptime sampleenergymeters miniterations dssvisualizationtool keepload zmag seasonrating seasonsignal \
    linetypes eventlogdefault longlinecorrection showreports";

fn find(word: &str) -> Option<usize> {
    let n = word.len();
    let full = NAMES.split_whitespace().position(|name| name.eq_ignore_ascii_case(word));
    full.or_else(|| {
        NAMES.split_whitespace().position(|name| name.get(..n).is_some_and(|p| p.eq_ignore_ascii_case(word)))
    })
}

impl Interpreter {
    /// Does `set name=value …`.
    pub(super) fn set_options(&mut self, mut params: Params<'_>) {
        let mut position = 0;
        loop {
            let param = params.next();
            if param.value.str.is_empty() {
                return;
            }
            let index = if param.name.str.is_empty() { Some(position) } else { find(param.name.str) };
            position = index.map_or(0, |i| i + 1);
            match index.and_then(|i| NAMES.split_whitespace().nth(i)) {
                Some(name) => {
                    let done = self.set_option(name, &param);
                    self.session.report.ok(done);
                }
                None => {
                    let text = if param.name.str.is_empty() { param.value } else { param.name };
                    let mut error =
                        Diagnostic::error(codes::OPTION, format!("\"{}\" is no option of set", text.shown()));
                    if let Some(help) = nearest(text.str, NAMES.split_whitespace()) {
                        error = error.help(help);
                    }
                    self.session.report.add(error.at(text.span()));
                }
            }
        }
    }

    fn set_option(&mut self, name: &'static str, param: &Param<'_>) -> Value<()> {
        let text = param.value;
        let solve = &mut self.session.circuit.solve;
        match name {
            "tolerance" => solve.tolerance_pu = Some(positive(text)?),
            "maxiterations" => solve.max_iterations = u32::try_from(integer(text)?.max(1)).ok(),
            "neglectloady" => self.session.circuit.solve.neglect_load_admittance = self.session.yes(text),
            "harmonics" => solve.orders = orders(text)?,
            "loadmult" => solve.load_multiplier = number(text)?,
            "controlmode" => solve.controls = Some(control_mode(text)?),
            "voltagebases" => self.session.circuit.voltage_bases = Some((list(text)?, text.span())),
            "earthmodel" => self.session.circuit.earth_model = earth_model(text)?,
            "frequency" | "basefrequency" | "defaultbasefrequency" => self.set_frequency(positive(text)?, text)?,
            "allocationfactors" | "cfactors" => {
                let factor = positive(text)?;
                self.session.go_through(self.session.circuit.loads.items.len(), text.span())?;
                for load in self.session.circuit.loads.items.values_mut() {
                    if name == "cfactors" {
                        load.value.set_c_factor(factor);
                    } else {
                        load.value.set_allocation(factor);
                    }
                    load.remember("p_kw", text.span());
                }
            }
            "datapath" => self.change_folder(text)?,
            "type" | "class" => self.select_class(text)?,
            "element" | "object" => self.select(text)?,
            _ => return self.refuse_option(name, text),
        }
        Ok(())
    }

    /// Refuses the values of options that would change the result, and warns of those that belong to a study.
    fn refuse_option(&mut self, name: &'static str, text: Text<'_>) -> Value<()> {
        let refused = match name {
            "loadmodel" => !choice(text, &[("powerflow", true), ("admittance", false)])?,
            "cktmodel" => !choice(text, &[("multiphase", true), ("positive", false)])?,
            // A direct solution takes loads as admittances, and an automatic one adds to the circuit. The other modes
            // only study what is there.
            "mode" => ["di", "au"].iter().any(|m| text.lower().starts_with(m)),
            "genmult" => number(text)? != 1.0,
            "year" => integer(text)? > 0,
            "longlinecorrection" | "allowduplicates" | "seasonrating" => self.session.yes(text),
            _ => false,
        };
        if refused {
            let message = format!("set {name}={} is not supported", text.shown());
            return Err(Diagnostic::error(codes::OPTION_UNSUPPORTED, message).at(text.span()));
        }
        let study = ["mode", "number", "stepsize", "h", "hour", "sec", "time", "random", "loadshapeclass"];
        // Harmonics are a command of their own here, of any feeder.
        let known = ["sn", "ha"].iter().any(|mode| text.lower().starts_with(mode));
        if study.contains(&name) && !(name == "mode" && known) {
            let message = format!("set {name} is ignored");
            let warning = Diagnostic::warning(codes::STUDY_IGNORED, message).at(text.span());
            self.session.report.once(name, warning.help("a scenario says how long and in which steps to solve"));
        }
        Ok(())
    }

    fn set_frequency(&mut self, hz: f64, text: Text<'_>) -> Value<()> {
        if hz != self.session.hz && !self.session.circuit.is_fresh() {
            let message = "the frequency must be set before the first element";
            return Err(Diagnostic::error(codes::OPTION_UNSUPPORTED, message).at(text.span()));
        }
        self.session.hz = hz;
        Ok(())
    }
}

/// The orders of a harmonic study; `all` leaves them to the spectra.
fn orders(text: Text<'_>) -> Value<Option<Vec<f64>>> {
    if text.trimmed().is("all") {
        return Ok(None);
    }
    let orders = list(text)?;
    match orders.iter().find(|order| !(ORDER_TOLERANCE..=LARGEST_ORDER).contains(*order)) {
        None => Ok(Some(orders)),
        Some(order) => {
            let message = format!("{order} is no order: from {ORDER_TOLERANCE} to {LARGEST_ORDER} are");
            Err(Diagnostic::error(codes::RANGE, message).at(text.span()))
        }
    }
}

fn control_mode(text: Text<'_>) -> Value<ControlMode> {
    let modes = [
        ("off", Some(ControlMode::Off)),
        ("static", Some(ControlMode::Static)),
        ("event", None),
        ("time", Some(ControlMode::Time)),
        ("multirate", None),
    ];
    choice(text, &modes)?.ok_or_else(|| {
        let message = format!("control mode {} is not supported; off, static and time are", text.shown());
        Diagnostic::error(codes::OPTION_UNSUPPORTED, message).at(text.span())
    })
}
