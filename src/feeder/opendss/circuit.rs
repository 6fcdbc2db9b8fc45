//! What a script has described so far: the elements as OpenDSS would hold them, and the options.

use indexmap::IndexMap;

use super::capacitor::{Capacitor, CapacitorControl};
use super::fault::Fault;
use super::generation::{Generator, PvSystem, Storage};
use super::geometry::{Geometry, Spacing};
use super::line::Line;
use super::line_code::LineCode;
use super::load::Load;
use super::reactor::Reactor;
use super::regulator::Regulator;
use super::session::Session;
use super::shape::{Curve, Shape};
use super::source::Source;
use super::spectrum::{CurrentSource, Spectrum};
use super::store::Store;
use super::switch::Switch;
use super::text::Text;
use super::transformer::{Transformer, TransformerCode};
use super::value::Value;
use super::wire::{ConcentricCable, Conductor, TapeCable};
use crate::diagnostic::Span;
use crate::feeder::{self, EarthModel, Solve};

/// An element while the script is read: it takes properties one by one, with OpenDSS's side effects.
pub trait Element: Default + 'static {
    /// A new element with OpenDSS's defaults.
    fn new(session: &Session) -> Self {
        let _ = session;
        Self::default()
    }

    /// Where elements of this kind are kept.
    fn store(circuit: &mut Circuit) -> &mut Store<Self>;

    /// Takes one property, named as in the class table.
    fn set(&mut self, property: &'static str, text: Text<'_>, session: &mut Session) -> Value<()>;

    /// Takes what OpenDSS copies from another element for `like=`.
    fn like(&mut self, other: &Self);

    /// Before a line of properties.
    fn begin(&mut self) {}

    /// After a line of properties.
    fn finish(&mut self, session: &mut Session) -> Value<()> {
        let _ = session;
        Ok(())
    }
}

/// An element of a class without a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Other;

/// The circuit so far.
#[derive(Debug, Default)]
pub struct Circuit {
    pub name: Option<(String, Span)>,
    pub line_codes: Store<LineCode>,
    pub wires: Store<Conductor>,
    pub concentric: Store<ConcentricCable>,
    pub tapes: Store<TapeCable>,
    pub spacings: Store<Spacing>,
    pub geometries: Store<Geometry>,
    pub transformer_codes: Store<TransformerCode>,
    pub lines: Store<Line>,
    pub sources: Store<Source>,
    pub loads: Store<Load>,
    pub transformers: Store<Transformer>,
    pub regulators: Store<Regulator>,
    pub capacitors: Store<Capacitor>,
    pub reactors: Store<Reactor>,
    pub capacitor_controls: Store<CapacitorControl>,
    pub faults: Store<Fault>,
    pub generators: Store<Generator>,
    pub storages: Store<Storage>,
    pub pv_systems: Store<PvSystem>,
    pub switches: Store<Switch>,
    pub shapes: Store<Shape>,
    pub curves: Store<Curve>,
    pub spectra: Store<Spectrum>,
    pub current_sources: Store<CurrentSource>,
    /// Elements of classes without a model, by `class.name`.
    pub others: Store<Other>,
    /// `set voltagebases`, and where.
    pub voltage_bases: Option<(Vec<f64>, Span)>,
    /// `calcvoltagebases` was given.
    pub bases_calculated: bool,
    /// `setkvbase`: line-to-line kV by bus.
    pub bus_bases_kv: IndexMap<String, (f64, Span)>,
    /// Bus coordinates.
    pub coordinates: IndexMap<String, [f64; 2]>,
    pub solve: Solve,
    pub earth_model: EarthModel,
}

impl Circuit {
    /// Whether nothing was made yet but the circuit itself, its source, the shape `default` and OpenDSS's spectra.
    pub fn is_fresh(&self) -> bool {
        self.len() <= 1 + feeder::Spectrum::built_in_names().count() + usize::from(self.name.is_some())
    }

    /// The number of all elements.
    pub fn len(&self) -> usize {
        self.lines.items.len()
            + self.loads.items.len()
            + self.transformers.items.len()
            + self.line_codes.items.len()
            + self.capacitors.items.len()
            + self.reactors.items.len()
            + self.generators.items.len()
            + self.shapes.items.len()
            + self.others.items.len()
            + self.geometries.items.len()
            + self.wires.items.len()
            + self.sources.items.len()
            + self.storages.items.len()
            + self.pv_systems.items.len()
            + self.faults.items.len()
            + self.spectra.items.len()
            + self.current_sources.items.len()
    }
}
