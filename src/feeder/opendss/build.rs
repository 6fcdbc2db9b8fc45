//! From what the script described to the feeder model.

use indexmap::IndexMap;

use super::codes;
use super::interpreter::Interpreter;
use super::line::{Line, Resolved};
use super::session::{Session, unsupported};
use super::store::{Entry, Store};
use super::value::{Value, fit};
use crate::diagnostic::{Diagnostic, Span};
use crate::feeder::{self, Bus, EarthModel, Feeder, Named, Origins, Unit};

/// OpenDSS's voltage bases in kV where a script gives none (0.14.5).
const VOLTAGE_BASES_KV: [f64; 7] = [0.208, 0.480, 12.47, 24.9, 34.5, 115.0, 230.0];

/// The feeder, or `None` when something was wrong.
pub fn feeder(mut interpreter: Interpreter) -> (Option<Feeder>, Session) {
    let session = &mut interpreter.session;
    let Some((name, at)) = session.circuit.name.clone() else {
        session.report.add(Diagnostic::error(codes::CIRCUIT, "the script makes no circuit").help("new circuit.name …"));
        return (None, interpreter.session);
    };
    let feeder = Builder::new(session).feeder(name, at);
    let feeder = (!session.report.has_errors()).then_some(feeder);
    (feeder, interpreter.session)
}

struct Builder<'s> {
    session: &'s mut Session,
    origins: Origins,
    earth_model: EarthModel,
}

/// Takes the elements of one store to the model.
macro_rules! section {
    ($self:ident, $store:ident, $section:literal, |$name:ident, $entry:ident| $model:expr) => {{
        let store = std::mem::take(&mut $self.session.circuit.$store);
        let mut out = Named::with_capacity(store.items.len());
        for ($name, $entry) in &store.items {
            if !$entry.enabled {
                continue;
            }
            let model: Value<_> = $model;
            if let Some(model) = $self.session.report.ok(model) {
                $self.origins.insert($section, $name, $entry.origin());
                out.insert($name.clone(), model);
            }
        }
        $self.session.circuit.$store = store;
        out
    }};
}

impl<'s> Builder<'s> {
    fn new(session: &'s mut Session) -> Self {
        // The feeder has one earth model: that of its first line by geometry.
        let by_geometry = |l: &&Entry<Line>| l.enabled && (l.value.geometry.is_some() || l.value.wires.is_some());
        let first = session.circuit.lines.items.values().find(by_geometry);
        let earth_model = first.map_or(session.circuit.earth_model, |l| l.value.earth_model);
        Self { session, origins: Origins::default(), earth_model }
    }

    fn feeder(mut self, name: String, at: Span) -> Feeder {
        // Spacings of lines become geometries of their own, so lines come first; controls look at other elements.
        let units = self.code_units();
        let mut geometries = IndexMap::new();
        let lines = self.lines(&units, &mut geometries);
        geometries.extend(section!(self, geometries, "geometries", |name, e| e.value.model(name, e.whole)));
        let circuit = &self.session.circuit;
        let solve = circuit.solve.clone();
        let voltage_bases_kv = match &circuit.voltage_bases {
            Some((bases, span)) => {
                self.origins.insert_key("voltage_bases_kv", *span);
                bases.clone()
            }
            None if circuit.bases_calculated => VOLTAGE_BASES_KV.to_vec(),
            None => self.rated_voltages_kv(at),
        };
        self.origins.insert_key("feeder", at);
        let mut feeder = Feeder {
            feeder: name,
            title: None,
            provenance: None,
            frequency_hz: self.session.hz,
            voltage_bases_kv,
            solve,
            earth_model: self.earth_model,
            buses: IndexMap::new(),
            sources: section!(self, sources, "sources", |name, e| e.value.model(name, e.whole)),
            line_codes: self.line_codes(&units),
            wires: section!(self, wires, "wires", |name, e| e.value.model(name, e.whole)),
            cables: self.cables(),
            geometries,
            lines,
            transformers: section!(self, transformers, "transformers", |name, e| {
                e.value.model(name, e.open != 0, e.whole)
            }),
            regulators: IndexMap::new(),
            capacitors: section!(self, capacitors, "capacitors", |name, e| e.value.model(name, e, self.session)),
            capacitor_controls: IndexMap::new(),
            reactors: section!(self, reactors, "reactors", |name, e| e.value.model(name, e)),
            loads: section!(self, loads, "loads", |name, e| e.value.model(name, e.whole)),
            distributed_loads: IndexMap::new(),
            generators: section!(self, generators, "generators", |name, e| e.value.model(name, e.whole)),
            pv_systems: section!(self, pv_systems, "pv_systems", |name, e| e.value.model(name, e.whole)),
            storages: section!(self, storages, "storages", |name, e| e.value.model(name, e.whole)),
            current_sources: section!(self, current_sources, "current_sources", |name, e| {
                e.value.model(name, e.whole, self.session.hz)
            }),
            spectra: self.spectra(),
            faults: section!(self, faults, "faults", |name, e| e.value.model(name, e)),
            shapes: IndexMap::new(),
            origins: Origins::default(),
        };
        self.drop_opened(&mut feeder);
        name_spectra(&mut feeder);
        feeder.shapes = self.shapes(&feeder);
        self.controls(&mut feeder);
        feeder.buses = self.buses(&feeder);
        feeder.origins = self.origins;
        feeder
    }

    /// Line-to-line ratings of sources and transformers, for a script without voltage bases.
    fn rated_voltages_kv(&mut self, at: Span) -> Vec<f64> {
        let circuit = &self.session.circuit;
        let sources = circuit.sources.items.values().filter(|e| e.enabled).map(|e| e.value.line_to_line_kv());
        let transformers = circuit.transformers.items.values().filter(|e| e.enabled);
        let mut rated: Vec<f64> = sources.chain(transformers.flat_map(|e| e.value.line_to_line_kv())).collect();
        rated.sort_by(|a, b| b.total_cmp(a));
        rated.dedup_by(|a, b| (*a - *b).abs() < 1e-3 * *b);
        if self.session.report.has_errors() {
            return rated;
        }
        let message = "no voltage bases are set: the ratings of sources and transformers are taken";
        let help = "set voltagebases=[…], then calcvoltagebases";
        self.session.report.add(Diagnostic::warning(codes::VOLTAGE_BASES, message).at(at).help(help));
        rated
    }

    /// The unit that each line code without one gets: that of the first line that has one, so that lengths mean
    /// something on a map; electrically any would do.
    fn code_units(&self) -> IndexMap<String, Unit> {
        let circuit = &self.session.circuit;
        let mut units = IndexMap::new();
        for line in circuit.lines.items.values() {
            if let (Some(code), Some(unit)) = (&line.value.code, line.value.unit)
                && circuit.line_codes.get(code).is_some_and(|c| c.value.unit.is_none())
                && !units.contains_key(code)
            {
                units.insert(code.clone(), unit);
            }
        }
        units
    }

    fn line_codes(&mut self, units: &IndexMap<String, Unit>) -> Named<feeder::LineCode> {
        let hz = self.session.hz;
        section!(self, line_codes, "line_codes", |name, e| {
            let code = &e.value;
            let impedance = if code.by_sequence && code.base_hz == hz {
                code.sequence.of_line(code.phases).model(1.0)
            } else {
                let phase = if code.by_sequence {
                    code.sequence.of_line(code.phases).matrices(code.phases)
                } else {
                    code.phase.as_ref().clone()
                };
                if code.base_hz == hz { phase.model(1.0) } else { code.earth.at(phase, code.base_hz, hz).model(1.0) }
            };
            let per = code.unit.or_else(|| units.get(name).copied()).unwrap_or(Unit::Km);
            Ok(feeder::LineCode {
                phases: code.phases,
                per,
                impedance,
                earth_return: code.earth.model(code.base_hz, hz, 1.0),
                normal_a: Some(code.normal_a),
                emergency_a: Some(code.emergency_a),
            })
        })
    }

    fn cables(&mut self) -> Named<feeder::Cable> {
        let mut cables = section!(self, concentric, "cables", |name, e| e.value.model(name, e.whole));
        for (name, cable) in section!(self, tapes, "cables", |name, e| e.value.model(name, e.whole)) {
            if cables.insert(name.clone(), cable).is_some() {
                let at = self.origins.span("cables", &name, None);
                let message = format!("\"{name}\" is both a concentric-neutral and a tape-shielded cable");
                self.session.report.add(Diagnostic::error(codes::DUPLICATE, message).at(at));
            }
        }
        cables
    }

    fn lines(
        &mut self,
        units: &IndexMap<String, Unit>,
        geometries: &mut Named<feeder::Geometry>,
    ) -> Named<feeder::Line> {
        section!(self, lines, "lines", |name, e| self.line(name, e, units, geometries))
    }

    fn line(
        &mut self,
        name: &str,
        entry: &Entry<Line>,
        units: &IndexMap<String, Unit>,
        geometries: &mut Named<feeder::Geometry>,
    ) -> Value<feeder::Line> {
        let line = &entry.value;
        let (Some(mut from), Some(mut to)) = (line.from.clone(), line.to.clone()) else {
            let message = format!("line \"{name}\" has a bus at one end only, or none");
            return Err(Diagnostic::error(codes::BUS, message).at(entry.whole));
        };
        fit(&mut from, line.phases, None);
        fit(&mut to, line.phases, None);
        if line.length <= 0.0 {
            let message = format!("line \"{name}\" has no length above zero");
            return Err(Diagnostic::error(codes::RANGE, message).at(entry.span("length")));
        }
        let mut out = feeder::Line {
            from,
            to,
            switch: line.switch,
            earth_ohm_m: 100.0,
            open: entry.open != 0,
            normal_a: line.normal_a,
            emergency_a: line.emergency_a,
            ..feeder::Line::default()
        };
        if matches!(entry.open, 1 | 2) {
            let message = format!("line \"{name}\" is open at one end; it is taken as open at both");
            let warning = Diagnostic::warning(codes::OPEN_END, message).at(entry.whole);
            self.session.report.add(warning.help("only its charging current is left out"));
        }
        match line.resolve(self.session) {
            Resolved::Code(code) => {
                let own = self.session.circuit.line_codes.get(&code).and_then(|c| c.value.unit);
                let per = own.or_else(|| units.get(&code).copied()).unwrap_or(Unit::Km);
                // Without a unit on either side, the number counts in the unit of the code.
                let unit = if own.is_some() { line.unit.unwrap_or(per) } else { per };
                set_length(&mut out, line.length, unit);
                out.code = Some(code);
            }
            Resolved::Sequence(total) => {
                out.phases = Some(line.phases);
                out.earth_return = Some(line.earth.model(line.base_hz, self.session.hz, line.multiplier()));
                out.total = Some(total.model(1.0));
            }
            Resolved::Phase(total) => {
                out.phases = Some(line.phases);
                out.earth_return = Some(line.earth.model(line.base_hz, self.session.hz, line.multiplier()));
                out.total = Some(total.model(1.0));
            }
            Resolved::Geometry(geometry) => {
                let rho = self.session.circuit.geometries.get(&geometry).and_then(|g| g.value.rho);
                self.set_geometry(&mut out, line, geometry, rho);
            }
            Resolved::Wires(wires) => {
                let names = wires.conductors.iter().flatten().map(|(_, n)| n.as_str());
                let geometry = std::iter::once(wires.spacing.as_str()).chain(names).collect::<Vec<_>>().join("_");
                if let Some(spacing) = self.session.circuit.spacings.get(&wires.spacing) {
                    geometries.insert(geometry.clone(), spacing.value.model(&wires, entry.span("geometry"))?);
                }
                self.set_geometry(&mut out, line, geometry, line.rho_given);
            }
        }
        self.check_earth_model(line, entry)?;
        Ok(out)
    }

    fn set_geometry(&self, out: &mut feeder::Line, line: &Line, geometry: String, rho: Option<f64>) {
        out.geometry = Some(geometry);
        out.earth_ohm_m = rho.unwrap_or(100.0);
        set_length(out, line.length, line.unit.unwrap_or(Unit::M));
    }

    fn check_earth_model(&self, line: &Line, entry: &Entry<Line>) -> Value<()> {
        let by_geometry = line.geometry.is_some() || line.wires.is_some();
        if by_geometry && line.earth_model != self.earth_model {
            return Err(unsupported("lines by geometry must all have the same earth model", entry.whole));
        }
        Ok(())
    }

    fn shapes(&mut self, feeder: &Feeder) -> Named<feeder::Shape> {
        let mut used: Vec<&String> = Vec::new();
        used.extend(feeder.loads.values().flat_map(|l| [&l.daily, &l.yearly, &l.duty]).flatten());
        used.extend(feeder.generators.values().flat_map(|g| [&g.daily, &g.yearly, &g.duty]).flatten());
        used.extend(feeder.pv_systems.values().flat_map(|p| [&p.daily, &p.yearly, &p.duty]).flatten());
        used.extend(feeder.storages.values().filter_map(|s| s.daily.as_ref()));
        let default_used = used.iter().any(|name| *name == "default");
        if !default_used && self.session.circuit.shapes.get("default").is_some_and(|s| s.value.built_in) {
            self.session.circuit.shapes.items.shift_remove("default");
        }
        // Shapes made like others shared their values until here.
        self.session.numbers_held = 0;
        section!(self, shapes, "shapes", |name, e| {
            self.session.hold(e.value.numbers(), e.whole).and_then(|()| e.value.model(name, e.whole))
        })
    }

    /// The spectra that the script made, or made anew.
    fn spectra(&mut self) -> Named<feeder::Spectrum> {
        self.session.circuit.spectra.items.retain(|_, spectrum| !spectrum.value.built_in);
        section!(self, spectra, "spectra", |name, e| e.value.model(name, e.whole))
    }

    /// Elements other than lines and transformers that were opened are out of service.
    fn drop_opened(&self, feeder: &mut Feeder) {
        fn drop<T, M>(store: &Store<T>, named: &mut Named<M>) {
            named.retain(|name, _| store.items.get(name).is_none_or(|e| e.open == 0));
        }
        let circuit = &self.session.circuit;
        drop(&circuit.sources, &mut feeder.sources);
        drop(&circuit.capacitors, &mut feeder.capacitors);
        drop(&circuit.reactors, &mut feeder.reactors);
        drop(&circuit.loads, &mut feeder.loads);
        drop(&circuit.generators, &mut feeder.generators);
        drop(&circuit.pv_systems, &mut feeder.pv_systems);
        drop(&circuit.storages, &mut feeder.storages);
        drop(&circuit.current_sources, &mut feeder.current_sources);
        drop(&circuit.faults, &mut feeder.faults);
        feeder.faults.retain(|name, _| circuit.faults.get(name).is_none_or(|e| !e.value.later));
    }

    /// Controls whose elements are in service.
    fn controls(&mut self, feeder: &mut Feeder) {
        feeder.regulators = section!(self, regulators, "regulators", |name, e| {
            e.value.model(name, self.session, e.span("winding"))
        });
        feeder.regulators.retain(|_, r| feeder.transformers.contains_key(&r.transformer));
        feeder.capacitor_controls =
            section!(self, capacitor_controls, "capacitor_controls", |name, e| e.value.model(name, e.whole));
        feeder.capacitor_controls.retain(|_, c| feeder.capacitors.contains_key(&c.capacitor));
    }

    fn buses(&mut self, feeder: &Feeder) -> Named<Bus> {
        let mut buses: Named<Bus> = IndexMap::new();
        let circuit = &mut self.session.circuit;
        let used = bus_names(feeder);
        for (bus, [x, y]) in std::mem::take(&mut circuit.coordinates) {
            if used.contains(bus.as_str()) {
                buses.insert(bus, Bus { x: Some(x), y: Some(y), base_kv: None });
            }
        }
        for (bus, (kv, span)) in std::mem::take(&mut circuit.bus_bases_kv) {
            if used.contains(bus.as_str()) {
                buses.entry(bus).or_default().base_kv = Some(kv);
            } else {
                let message = format!("bus \"{bus}\" is not in the circuit");
                self.session.report.error(codes::REFERENCE, message, span);
            }
        }
        buses
    }
}

/// Says as little about spectra as means the same: what most loads have once for all, and nothing of sources that have
/// nothing but order 1.
fn name_spectra(feeder: &mut Feeder) {
    const DEFAULT: &str = "defaultload";
    let shared = feeder.loads.values().any(|load| load.spectrum.as_deref() == Some(DEFAULT));
    feeder.solve.load_spectrum = shared.then(|| DEFAULT.to_owned());
    for load in feeder.loads.values_mut() {
        match load.spectrum.as_deref() {
            Some(DEFAULT) => load.spectrum = None,
            // Without a spectrum a load emits nothing, but for one that the others share.
            None if shared => load.spectrum = Some("linear".to_owned()),
            _ => {}
        }
    }
    let linear: Vec<bool> =
        feeder.sources.values().map(|s| feeder.spectrum_of_source(s).is_none_or(feeder::Spectrum::is_linear)).collect();
    for source in feeder.sources.values_mut().zip(linear).filter_map(|(source, linear)| linear.then_some(source)) {
        (source.spectrum, source.harmonic_sequence) = (None, feeder::HarmonicSequence::default());
    }
}

/// The names of all buses that elements connect to.
fn bus_names(feeder: &Feeder) -> std::collections::HashSet<&str> {
    let mut names = std::collections::HashSet::new();
    names.extend(feeder.lines.values().flat_map(|l| [l.from.bus.as_str(), l.to.bus.as_str()]));
    names.extend(feeder.transformers.values().flat_map(|t| t.windings.iter().map(|w| w.bus.bus.as_str())));
    names.extend(feeder.sources.values().map(|s| s.bus.bus.as_str()));
    names.extend(feeder.loads.values().map(|l| l.bus.bus.as_str()));
    names.extend(feeder.capacitors.values().map(|c| c.bus.bus.as_str()));
    names.extend(feeder.capacitors.values().filter_map(|c| Some(c.to.as_ref()?.bus.as_str())));
    names.extend(feeder.reactors.values().map(|r| r.bus.bus.as_str()));
    names.extend(feeder.reactors.values().filter_map(|r| Some(r.to.as_ref()?.bus.as_str())));
    names.extend(feeder.generators.values().map(|g| g.bus.bus.as_str()));
    names.extend(feeder.pv_systems.values().map(|p| p.bus.bus.as_str()));
    names.extend(feeder.storages.values().map(|s| s.bus.bus.as_str()));
    names.extend(feeder.current_sources.values().map(|s| s.bus.bus.as_str()));
    names.extend(feeder.faults.values().map(|f| f.bus.bus.as_str()));
    names
}

/// Gives a line its length in one of the model's units.
fn set_length(line: &mut feeder::Line, length: f64, unit: Unit) {
    match unit {
        Unit::Km => line.length_km = Some(length),
        Unit::Ft => line.length_ft = Some(length),
        Unit::Kft => line.length_ft = Some(length * 1000.0),
        Unit::Mi => line.length_mi = Some(length),
        Unit::M => line.length_m = Some(length),
        Unit::Mm | Unit::Cm | Unit::In => line.length_m = Some(length * unit.metres()),
    }
}
