//! Compares a feeder with what OpenDSS made of the same script (`tests/oracle/opendss_properties.py`).

use std::collections::BTreeMap;

use phasorbench::feeder::{
    Connection, Feeder, Line, LineImpedance, Matrix, PhaseShift, Phases, Reactor, StorageState, Terminal, Unit, Wire,
};
use serde_json::Value;

/// Differences found, as readable lines.
pub struct Comparison<'a> {
    feeder: &'a Feeder,
    pub differences: Vec<String>,
    pub compared: usize,
}

/// One element of OpenDSS.
struct Element<'a> {
    name: String,
    values: &'a Value,
}

impl Element<'_> {
    fn number(&self, key: &str) -> f64 {
        self.values[key].as_f64().unwrap_or(f64::NAN)
    }

    fn text(&self, key: &str) -> String {
        self.values[key].as_str().unwrap_or_default().to_owned()
    }

    fn numbers(&self, key: &str) -> Vec<f64> {
        match &self.values[key] {
            Value::Array(values) => values.iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect(),
            value => value.as_f64().into_iter().collect(),
        }
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let values = self.values[key].as_array().cloned().unwrap_or_default();
        values.iter().map(|v| v.as_str().unwrap_or_default().to_owned()).collect()
    }

    fn yes(&self, key: &str) -> bool {
        matches!(self.text(key).as_str(), "yes" | "true")
    }

    fn shape(&self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|t| !t.is_empty())
    }
}

fn connection(text: &str) -> Connection {
    if text == "delta" { Connection::Delta } else { Connection::Wye }
}

fn unit(text: &str) -> f64 {
    serde_json::from_value::<Unit>(Value::from(text)).map_or(1.0, Unit::metres)
}

fn matrix(value: &Value) -> Matrix {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

/// An impedance as phase matrices of `n`.
fn phase(z: &LineImpedance, n: usize) -> [Matrix; 3] {
    let by_sequence = |one: Option<f64>, zero: Option<f64>| {
        let (one, zero) = (one.unwrap_or(0.0), zero.unwrap_or(0.0));
        let (own, mutual) = ((2.0 * one + zero) / 3.0, (zero - one) / 3.0);
        (0..n).map(|i| (0..n).map(|j| if i == j { own } else { mutual }).collect()).collect()
    };
    let or = |m: &Option<Matrix>, one, zero| m.clone().unwrap_or_else(|| by_sequence(one, zero));
    [or(&z.r_ohm, z.r1_ohm, z.r0_ohm), or(&z.x_ohm, z.x1_ohm, z.x0_ohm), or(&z.c_nf, z.c1_nf, z.c0_nf)]
}

/// The whole line's impedance, unless it is given by geometry.
fn total(feeder: &Feeder, line: &Line, n: usize) -> Option<[Matrix; 3]> {
    if let Some(total) = &line.total {
        return Some(phase(total, n));
    }
    let code = &feeder.line_codes[line.code.as_ref()?];
    assert_eq!(code.phases, n, "a line has the phases of its code");
    let length = line.metres()? / code.per.metres();
    Some(
        phase(&code.impedance, n).map(|m| m.into_iter().map(|r| r.into_iter().map(|v| v * length).collect()).collect()),
    )
}

impl<'a> Comparison<'a> {
    /// Compares everything.
    pub fn new(feeder: &'a Feeder, oracle: &Value) -> Self {
        let mut comparison = Self { feeder, differences: Vec::new(), compared: 0 };
        comparison.differ("circuit", "frequency", feeder.frequency_hz, oracle["frequency_hz"].as_f64().unwrap_or(0.0));
        let sections: [(&str, usize); 16] = [
            ("vsource", feeder.sources.len()),
            ("line", feeder.lines.len()),
            ("transformer", feeder.transformers.len()),
            ("regcontrol", feeder.regulators.len()),
            ("capacitor", feeder.capacitors.len()),
            ("capcontrol", feeder.capacitor_controls.len()),
            ("reactor", feeder.reactors.len()),
            ("load", feeder.loads.len()),
            ("generator", feeder.generators.len()),
            ("pvsystem", feeder.pv_systems.len()),
            ("storage", feeder.storages.len()),
            ("fault", feeder.faults.len()),
            ("wiredata", feeder.wires.len()),
            ("cndata", feeder.cables.values().filter(|c| c.strands.is_some()).count()),
            ("tsdata", feeder.cables.values().filter(|c| c.tape.is_some()).count()),
            ("loadshape", feeder.shapes.len()),
        ];
        // Lines by spacing have geometries of their own here.
        let by_spacing = feeder.geometries.len() - oracle["linegeometry"].as_object().map_or(0, serde_json::Map::len);
        let sections = sections.into_iter().chain([("linegeometry", feeder.geometries.len() - by_spacing)]);
        for (class, count) in sections {
            let elements: BTreeMap<String, Value> = serde_json::from_value(oracle[class].clone()).unwrap_or_default();
            if elements.len() != count {
                comparison.differences.push(format!("{count} of class {class} instead of {}", elements.len()));
            }
            for (name, values) in &elements {
                comparison.element(class, &Element { name: name.clone(), values });
            }
        }
        comparison
    }

    fn differ(&mut self, of: &str, key: &str, ours: f64, theirs: f64) {
        self.compared += 1;
        if (ours - theirs).abs() > 1e-11 * ours.abs().max(theirs.abs()).max(1e-9) {
            self.differences.push(format!("{of}.{key}: {ours:e} instead of {theirs:e}"));
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, of: &str, key: &str, ours: &T, theirs: &T) {
        self.compared += 1;
        if ours != theirs {
            self.differences.push(format!("{of}.{key}: {ours:?} instead of {theirs:?}"));
        }
    }

    fn numbers(&mut self, of: &str, e: &Element<'_>, pairs: &[(&str, f64)]) {
        for (key, ours) in pairs {
            self.differ(of, key, *ours, e.number(key));
        }
    }

    fn bus(&mut self, of: &str, ours: &Terminal, theirs: &str, phases: usize, conductors: usize) {
        let theirs: Terminal = theirs.parse().unwrap_or_default();
        let expand = |t: &Terminal| (t.bus.clone(), t.conductors(phases, conductors));
        self.same(of, "bus", &expand(ours), &expand(&theirs));
    }

    fn element(&mut self, class: &str, e: &Element<'_>) {
        let of = format!("{class}.{}", e.name);
        let before = self.differences.len();
        let found = match class {
            "vsource" => self.source(&of, e),
            "line" => self.line(&of, e),
            "transformer" => self.transformer(&of, e),
            "regcontrol" => self.regulator(&of, e),
            "capacitor" => self.capacitor(&of, e),
            "capcontrol" => self.capacitor_control(&of, e),
            "reactor" => self.reactor(&of, e),
            "load" => self.load(&of, e),
            "generator" => self.generator(&of, e),
            "pvsystem" => self.pv_system(&of, e),
            "storage" => self.storage(&of, e),
            "fault" => self.fault(&of, e),
            "wiredata" => self.feeder.wires.get(&e.name).map(|w| self.wire(&of, e, w)),
            "cndata" | "tsdata" => self.cable(&of, e),
            "linegeometry" => self.geometry(&of, e),
            _ => self.shape(&of, e),
        };
        if found.is_none() && before == self.differences.len() {
            self.differences.push(format!("{of} is missing"));
        }
    }

    fn source(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let s = self.feeder.sources.get(&e.name)?;
        self.bus(of, &s.bus, &e.text("bus1"), s.phases, s.phases);
        let phases = e.number("phases");
        #[allow(clippy::cast_precision_loss)]
        self.differ(of, "phases", s.phases as f64, phases);
        self.numbers(of, e, &[("basekv", s.v_kv), ("pu", s.v_pu), ("angle", s.angle_deg)]);
        let given = [
            ("mvasc3", s.mvasc3),
            ("mvasc1", s.mvasc1),
            ("isc3", s.isc3_a),
            ("isc1", s.isc1_a),
            ("r1", s.r1_ohm),
            ("x1", s.x1_ohm),
            ("r0", s.r0_ohm),
            ("x0", s.x0_ohm),
        ];
        given.iter().filter_map(|(k, v)| Some((k, (*v)?))).for_each(|(k, v)| self.differ(of, k, v, e.number(k)));
        if s.r1_ohm.is_none() {
            self.numbers(of, e, &[("x1r1", s.x1_over_r1), ("x0r0", s.x0_over_r0)]);
        } else {
            let z2 = [s.r2_ohm.or(s.r1_ohm)?, s.x2_ohm.or(s.x1_ohm)?];
            e.numbers("z2").iter().zip(z2).for_each(|(theirs, ours)| self.differ(of, "z2", ours, *theirs));
        }
        Some(())
    }

    fn line(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let feeder = self.feeder;
        let line = feeder.lines.get(&e.name)?;
        let nodes: Vec<u16> = serde_json::from_value(e.values["nodes"].clone()).unwrap_or_default();
        let n = nodes.len() / 2;
        self.bus(of, &line.from, &e.text("bus1"), n, n);
        self.bus(of, &line.to, &e.text("bus2"), n, n);
        self.same(of, "nodes", &[line.from.conductors(n, n), line.to.conductors(n, n)].concat(), &nodes);
        self.same(of, "switch", &line.switch, &e.yes("switch"));
        let Some(ours) = total(feeder, line, n) else {
            let metres = e.number("length") * unit(&e.text("units"));
            self.differ(of, "length", line.metres()?, metres);
            if !e.text("geometry").is_empty() {
                self.same(of, "geometry", line.geometry.as_ref()?, &e.text("geometry"));
            }
            return Some(());
        };
        let total = &e.values["total"];
        let noise = total["c_noise"].as_f64().unwrap_or(0.0);
        for (key, ours) in ["r", "x", "c"].iter().zip(ours) {
            let theirs = matrix(&total[*key]);
            let largest = theirs.iter().flatten().fold(0.0f64, |m, v| m.max(v.abs()));
            // Out of an admittance matrix: capacitance is a small difference of large numbers.
            let tolerance = if *key == "c" { 1e-9 * largest + 100.0 * noise } else { 1e-9 * largest + 1e-15 };
            for (a, b) in ours.iter().flatten().zip(theirs.iter().flatten()) {
                self.compared += 1;
                if (a - b).abs() > tolerance {
                    self.differences.push(format!("{of}.{key}: {a:e} instead of {b:e}"));
                }
            }
        }
        Some(())
    }

    #[allow(clippy::cast_precision_loss)]
    fn transformer(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let t = self.feeder.transformers.get(&e.name)?;
        self.differ(of, "phases", t.phases as f64, e.number("phases"));
        self.differ(of, "windings", t.windings.len() as f64, e.number("windings"));
        self.numbers(
            of,
            e,
            &[
                ("%noloadloss", t.no_load_loss_percent),
                ("%imag", t.magnetizing_percent),
                ("ppm_antifloat", t.anti_float_ppm),
                ("normhkva", t.normal_kva.unwrap_or(1.1 * t.windings[0].s_kva)),
                ("emerghkva", t.emergency_kva.unwrap_or(1.5 * t.windings[0].s_kva)),
            ],
        );
        let lead = e.text("leadlag") == "lead";
        self.same(of, "leadlag", &t.phase_shift, if lead { &PhaseShift::Lead } else { &PhaseShift::Lag });
        self.same(of, "bank", &t.bank.clone().unwrap_or_default(), &e.text("bank"));
        e.numbers("xscarray").iter().zip(&t.x_percent).for_each(|(b, a)| self.differ(of, "x", *a, *b));
        self.same(of, "x", &t.x_percent.len(), &e.numbers("xscarray").len());
        let buses = e.texts("buses");
        let conns = e.texts("conns");
        for (k, w) in t.windings.iter().enumerate() {
            let of = format!("{of}.{k}");
            self.bus(&of, &w.bus, buses.get(k)?, t.phases, t.phases + 1);
            self.same(&of, "conn", &w.connection, &connection(conns.get(k)?));
            let neutral = w.neutral_r_ohm.unwrap_or(-1.0);
            let ours = [
                ("kvs", w.v_kv),
                ("kvas", w.s_kva),
                ("taps", w.tap_pu),
                ("%rs", w.r_percent),
                ("mintap", w.tap_min_pu),
                ("maxtap", w.tap_max_pu),
                ("numtaps", f64::from(w.tap_steps)),
                ("rneut", neutral),
            ];
            ours.iter().for_each(|(key, a)| self.differ(&of, key, *a, *e.numbers(key).get(k).unwrap_or(&f64::NAN)));
        }
        Some(())
    }

    #[allow(clippy::cast_precision_loss)]
    fn regulator(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let r = self.feeder.regulators.get(&e.name)?;
        self.same(of, "transformer", &r.transformer, &e.text("transformer"));
        self.numbers(
            of,
            e,
            &[
                ("winding", r.winding as f64),
                ("tapwinding", r.tap_winding.unwrap_or(r.winding) as f64),
                ("vreg", r.v_v),
                ("band", r.band_v),
                ("ptratio", r.pt_ratio),
                ("ctprim", r.ct_primary_a),
                ("r", r.ldc_r_v),
                ("x", r.ldc_x_v),
                ("delay", r.delay_s),
                ("tapdelay", r.tap_delay_s),
                ("maxtapchange", f64::from(r.max_tap_change)),
                ("vlimit", r.v_limit_v),
                ("remoteptratio", r.remote_pt_ratio.unwrap_or(r.pt_ratio)),
            ],
        );
        self.same(of, "bus", &r.remote_bus.as_ref().map_or(String::new(), ToString::to_string), &e.text("bus"));
        self.same(of, "inversetime", &r.inverse_time, &e.yes("inversetime"));
        self.phase(of, "ptphase", r.phase, e);
        Some(())
    }

    fn phase(&mut self, of: &str, key: &str, ours: Phases, e: &Element<'_>) {
        let ours = match ours {
            Phases::Max => "max".to_owned(),
            Phases::Min => "min".to_owned(),
            Phases::Average => "avg".to_owned(),
            Phases::Number(n) => n.to_string(),
        };
        self.same(of, key, &ours, &e.text(key));
    }

    #[allow(clippy::cast_precision_loss)]
    fn capacitor(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let c = self.feeder.capacitors.get(&e.name)?;
        let conductors = if c.connection == Connection::Delta && c.phases < 3 { c.phases + 1 } else { c.phases };
        self.bus(of, &c.bus, &e.text("bus1"), c.phases, conductors);
        let other: Terminal = e.text("bus2").parse().unwrap_or_default();
        if c.connection == Connection::Wye {
            let theirs = (other.bus.clone(), other.conductors(c.phases, c.phases));
            let ours = c
                .to
                .as_ref()
                .map_or((c.bus.bus.clone(), vec![0; c.phases]), |t| (t.bus.clone(), t.conductors(c.phases, c.phases)));
            self.same(of, "bus2", &ours, &theirs);
        }
        self.numbers(of, e, &[("phases", c.phases as f64), ("kv", c.v_kv), ("numsteps", c.q_kvar.len() as f64)]);
        self.same(of, "conn", &c.connection, &connection(&e.text("conn")));
        self.differ(of, "kvar", c.q_kvar[0], e.numbers("kvar")[0]);
        let closed = |k: usize| c.closed.get(k).copied().unwrap_or(true);
        let states: Vec<f64> = (0..c.q_kvar.len()).map(|k| f64::from(u8::from(closed(k)))).collect();
        self.same(of, "states", &states, &e.numbers("states"));
        Some(())
    }

    #[allow(clippy::cast_precision_loss)]
    fn capacitor_control(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let c = self.feeder.capacitor_controls.get(&e.name)?;
        self.same(of, "capacitor", &c.capacitor, &e.text("capacitor"));
        self.same(of, "voltoverride", &c.voltage_override, &e.yes("voltoverride"));
        self.same(of, "vbus", &c.override_bus.clone().unwrap_or_default(), &e.text("vbus"));
        let signal = serde_json::to_value(c.signal).ok()?.as_str()?.replace('_', "");
        self.same(of, "type", &signal, &e.text("type"));
        let timed = signal == "time";
        if !timed {
            self.same(of, "element", &c.element, &e.text("element"));
            self.differ(of, "terminal", c.terminal as f64, e.number("terminal"));
        }
        if signal != "powerfactor" {
            self.numbers(of, e, &[("onsetting", c.on), ("offsetting", c.off)]);
        }
        self.numbers(
            of,
            e,
            &[
                ("ptratio", c.pt_ratio),
                ("ctratio", c.ct_ratio),
                ("delay", c.delay_s),
                ("delayoff", c.delay_off_s),
                ("deadtime", c.dead_time_s),
                ("vmin", c.v_min_v),
                ("vmax", c.v_max_v),
            ],
        );
        self.phase(of, "ctphase", c.ct_phase, e);
        self.phase(of, "ptphase", c.pt_phase, e);
        Some(())
    }

    fn reactor(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let r = self.feeder.reactors.get(&e.name)?;
        self.bus(of, &r.bus, &e.text("bus1"), r.phases, r.phases);
        let impedance = |r: &Reactor| -> Option<[f64; 2]> {
            if let (Some(ohm), Some(x)) = (r.r_ohm, r.x_ohm) {
                return Some([ohm, x]);
            }
            #[allow(clippy::cast_precision_loss)]
            let phases = r.phases as f64;
            let kv = r.v_kv? / if r.connection == Connection::Wye && r.phases > 1 { 3f64.sqrt() } else { 1.0 };
            Some([0.0, kv * kv * 1000.0 / (r.q_kvar? / phases)])
        };
        if let Some([ohm, x]) = impedance(r) {
            self.numbers(of, e, &[("r", ohm), ("x", x)]);
        }
        self.differ(of, "rp", r.parallel_ohm.unwrap_or(0.0), e.number("rp"));
        for (key, z) in [("z1", r.z1_ohm), ("z2", r.z2_ohm), ("z0", r.z0_ohm)] {
            if let Some(z) = z {
                self.same(of, key, &z.to_vec(), &e.numbers(key));
            }
        }
        Some(())
    }

    #[allow(clippy::cast_precision_loss)]
    fn load(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let l = self.feeder.loads.get(&e.name)?;
        let delta = l.connection == Connection::Delta;
        let conductors = if delta && l.phases >= 3 { l.phases } else { l.phases + 1 };
        self.bus(of, &l.bus, &e.text("bus1"), l.phases, conductors);
        self.same(of, "conn", &l.connection, &connection(&e.text("conn")));
        self.numbers(
            of,
            e,
            &[
                ("phases", l.phases as f64),
                ("kv", l.v_kv),
                ("kw", l.p_kw),
                ("kvar", l.q_kvar),
                ("model", f64::from(l.model as u8) + 1.0),
                ("vminpu", l.v_min_pu),
                ("vmaxpu", l.v_max_pu),
                ("vlowpu", l.v_low_pu),
                ("cvrwatts", l.cvr_watts),
                ("cvrvars", l.cvr_vars),
                ("rneut", l.neutral_r_ohm.unwrap_or(-1.0)),
            ],
        );
        self.same(of, "status", &format!("{:?}", l.status).to_lowercase(), &e.text("status"));
        self.same(of, "daily", &l.daily, &e.shape("daily"));
        self.same(of, "yearly", &l.yearly.clone().or_else(|| l.daily.clone()), &e.shape("yearly"));
        self.same(of, "duty", &l.duty, &e.shape("duty"));
        if let Some(zip) = l.zip {
            self.same(of, "zipv", &zip.to_vec(), &e.numbers("zipv"));
        }
        Some(())
    }

    fn generator(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let g = self.feeder.generators.get(&e.name)?;
        self.bus(of, &g.bus, &e.text("bus1"), g.phases, g.phases);
        self.same(of, "conn", &g.connection, &connection(&e.text("conn")));
        self.same(of, "fixed", &g.fixed, &(e.text("status") == "fixed"));
        self.numbers(
            of,
            e,
            &[("kv", g.v_kv), ("kw", g.p_kw), ("kvar", g.q_kvar), ("vminpu", g.v_min_pu), ("vmaxpu", g.v_max_pu)],
        );
        self.same(of, "daily", &g.daily, &e.shape("daily"));
        Some(())
    }

    fn pv_system(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let p = self.feeder.pv_systems.get(&e.name)?;
        self.bus(of, &p.bus, &e.text("bus1"), p.phases, p.phases);
        self.numbers(
            of,
            e,
            &[
                ("kv", p.v_kv),
                ("irradiance", p.irradiance_kw_per_m2),
                ("pmpp", p.p_mpp_kw),
                ("%pmpp", p.p_mpp_percent),
                ("temperature", p.temperature_c),
                ("pf", p.power_factor.unwrap_or(1.0)),
                ("kva", p.s_kva),
                ("%cutin", p.cut_in_percent),
                ("%cutout", p.cut_out_percent),
                ("vminpu", p.v_min_pu),
                ("vmaxpu", p.v_max_pu),
            ],
        );
        self.same(of, "daily", &p.daily, &e.shape("daily"));
        Some(())
    }

    fn storage(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let s = self.feeder.storages.get(&e.name)?;
        self.bus(of, &s.bus, &e.text("bus1"), s.phases, s.phases);
        self.numbers(
            of,
            e,
            &[
                ("kv", s.v_kv),
                ("kwrated", s.p_rated_kw),
                ("kwhrated", s.e_rated_kwh),
                ("%stored", s.stored_percent),
                ("%reserve", s.reserve_percent),
                ("%charge", s.charge_percent),
                ("%discharge", s.discharge_percent),
                ("%effcharge", s.charge_efficiency_percent),
                ("%effdischarge", s.discharge_efficiency_percent),
                ("%idlingkw", s.idling_percent),
                ("kva", s.s_kva.unwrap_or(s.p_rated_kw)),
            ],
        );
        let state = match s.state {
            StorageState::Idling => "idling",
            StorageState::Charging => "charging",
            StorageState::Discharging => "discharging",
        };
        self.same(of, "state", &state.to_owned(), &e.text("state"));
        Some(())
    }

    fn fault(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let f = self.feeder.faults.get(&e.name)?;
        self.bus(of, &f.bus, &e.text("bus1"), f.phases, f.phases);
        self.differ(of, "r", f.r_ohm, e.number("r"));
        Some(())
    }

    fn wire(&mut self, of: &str, e: &Element<'_>, w: &Wire) {
        let per_km = 1000.0 / unit(&e.text("runits"));
        let (gmr, radius) = (1000.0 * unit(&e.text("gmrunits")), 1000.0 * unit(&e.text("radunits")));
        let value = |v: Option<f64>| v.unwrap_or(f64::NAN);
        self.differ(of, "rdc", value(w.r_dc_ohm_per_km), e.number("rdc") * per_km);
        self.differ(of, "rac", value(w.r_ac_ohm_per_km), e.number("rac") * per_km);
        self.differ(of, "gmr", value(w.gmr_mm), e.number("gmrac") * gmr);
        self.differ(of, "radius", value(w.radius_mm), e.number("radius") * radius);
        let capacitance = e.number("capradius");
        if capacitance > 0.0 {
            self.differ(of, "capradius", value(w.capacitance_radius_mm.or(w.radius_mm)), capacitance * radius);
        }
    }

    fn cable(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let feeder = self.feeder;
        let c = feeder.cables.get(&e.name)?;
        self.wire(of, e, &c.conductor);
        let mm = 1000.0 * unit(&e.text("radunits"));
        self.differ(of, "epsr", c.permittivity, e.number("epsr"));
        let lengths =
            [("inslayer", c.insulation_mm), ("diains", c.insulation_diameter_mm), ("diacable", c.cable_diameter_mm)];
        lengths.iter().for_each(|(key, ours)| self.differ(of, key, *ours, e.number(key) * mm));
        if let Some(s) = &c.strands {
            self.differ(of, "k", f64::from(s.count), e.number("k"));
            self.differ(of, "diastrand", s.diameter_mm, e.number("diastrand") * mm);
            self.differ(of, "gmrstrand", s.gmr_mm?, e.number("gmrstrand") * 1000.0 * unit(&e.text("gmrunits")));
            self.differ(of, "rstrand", s.r_ohm_per_km, e.number("rstrand") * 1000.0 / unit(&e.text("runits")));
        }
        if let Some(t) = &c.tape {
            self.differ(of, "diashield", t.diameter_mm, e.number("diashield") * mm);
            self.differ(of, "tapelayer", t.thickness_mm, e.number("tapelayer") * mm);
            self.differ(of, "tapelap", t.lap_percent, e.number("tapelap"));
        }
        Some(())
    }

    fn geometry(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let g = self.feeder.geometries.get(&e.name)?;
        #[allow(clippy::cast_precision_loss)]
        self.numbers(of, e, &[("nconds", g.conductors.len() as f64), ("nphases", g.phases as f64)]);
        if g.conductors.len() > g.phases {
            self.same(of, "reduce", &g.reduce, &e.yes("reduce"));
        }
        let units = e.texts("units");
        for (k, c) in g.conductors.iter().enumerate() {
            let metres = unit(units.get(k)?);
            self.differ(of, "x", c.x_m, e.numbers("x").get(k)? * metres);
            self.differ(of, "h", c.h_m, e.numbers("h").get(k)? * metres);
        }
        Some(())
    }

    fn shape(&mut self, of: &str, e: &Element<'_>) -> Option<()> {
        let s = self.feeder.shapes.get(&e.name)?;
        #[allow(clippy::cast_precision_loss)]
        self.differ(of, "npts", s.p.len() as f64, e.number("npts"));
        e.numbers("mult").iter().zip(&s.p).for_each(|(b, a)| self.differ(of, "p", *a, *b));
        if let Some(q) = &s.q {
            e.numbers("qmult").iter().zip(q).for_each(|(b, a)| self.differ(of, "q", *a, *b));
        }
        if let Some(at) = &s.at_s {
            e.numbers("hour").iter().zip(at).for_each(|(b, a)| self.differ(of, "hour", *a, 3600.0 * *b));
        }
        self.same(of, "actual", &s.actual, &e.yes("useactual"));
        Some(())
    }
}
