//! Loading: the current of each branch in percent of what it may carry.
//!
//! A line's conductor may carry its normal ampacity (the line's own, else its code's, else that of the geometry's wire or
//! cable), or its fuse's rating where that is less; the current is the larger of its two ends'. A phase of a
//! transformer's winding may carry the winding's rated power by its rated voltage; where the transformer has a
//! `normal_kva`, every winding's power is scaled by it over the first winding's. Winding currents, not line currents,
//! count: a delta winding's are those inside the triangle. A reactor may carry its `normal_a`. A branch without a rating
//! has no loading; one out of service has 0. Limits: no dependence on temperature or duration, no loading by tap.
//!
//! Checked against OpenDSS's currents, ampacities and winding currents (`tests/loading.rs`).

use super::grid::Grid;
use super::kernel::Lanes;
use super::network::{ElementId, Kind, MOST};
use super::power_flow::{PowerFlow, Response};
use crate::feeder::{Conductor, Connection, Feeder, Line, Reactor, Transformer};
use crate::quantity::{Complex, complex};

/// Which rating counts as 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RatingsOf {
    /// Normal ampacity, rated power.
    #[default]
    Normal,
    /// Emergency ampacity (a fuse has none but its own), `emergency_kva`.
    Emergency,
}

/// What every branch of a grid may carry, compiled once. Looking up loadings allocates nothing.
#[derive(Clone, Debug)]
pub struct Ratings {
    rated: Vec<Rated>,
    /// One over what a conductor or winding phase may carry, in 1/A.
    inverse_a: Vec<f64>,
    /// By element: its place in `rated`, or [`UNRATED`].
    place: Vec<u32>,
}

/// Stands for an element without a rating.
const UNRATED: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Rated {
    element: ElementId,
    /// Its limits in `inverse_a`: by conductor of a terminal, or by winding.
    limits: std::ops::Range<usize>,
    by_winding: bool,
}

impl Ratings {
    /// The normal ratings of a grid's branches.
    pub fn new(grid: &Grid) -> Self {
        Self::of(grid, RatingsOf::Normal)
    }

    /// The ratings of a grid's branches.
    pub fn of(grid: &Grid, which: RatingsOf) -> Self {
        let mut ratings =
            Self { rated: Vec::new(), inverse_a: Vec::new(), place: vec![UNRATED; grid.network.elements().count()] };
        let feeder = &grid.feeder;
        for (index, line) in feeder.lines.values().enumerate() {
            let limits_a = |conductors| line_limits_a(feeder, line, conductors, which);
            ratings.add(grid, Kind::Line, index, limits_a);
        }
        for (index, transformer) in feeder.transformers.values().enumerate() {
            ratings.add(grid, Kind::Transformer, index, |_| winding_limits_a(transformer, which));
        }
        for (index, reactor) in feeder.reactors.values().enumerate() {
            ratings.add(grid, Kind::Reactor, index, |conductors| vec![reactor_limit_a(reactor, which); conductors]);
        }
        ratings
    }

    fn add(&mut self, grid: &Grid, kind: Kind, index: usize, limits_a: impl FnOnce(usize) -> Vec<Option<f64>>) {
        let Some(element) = grid.network.id(kind, index) else { return };
        let conductors = grid.network.terminal_places(element, 0).count();
        let sound = |limit: &f64| *limit > 0.0 && limit.is_finite();
        let limits: Vec<Option<f64>> = limits_a(conductors).into_iter().map(|l| l.filter(sound)).collect();
        if limits.iter().all(Option::is_none) {
            return;
        }
        self.place[element.0 as usize] = self.rated.len() as u32;
        let first = self.inverse_a.len();
        // Without a limit, any current is nothing.
        self.inverse_a.extend(limits.iter().map(|limit| limit.map_or(0.0, |a| 1.0 / a)));
        let limits = first..self.inverse_a.len();
        self.rated.push(Rated { element, limits, by_winding: kind == Kind::Transformer });
    }

    /// Elements that have a rating, in the grid's order.
    pub fn elements(&self) -> impl Iterator<Item = ElementId> {
        self.rated.iter().map(|r| r.element)
    }

    /// Loading of a branch in percent at the present solution; `None` without a rating.
    pub fn loading_percent(&self, flow: &PowerFlow, element: ElementId) -> Option<f64> {
        let place = *self.place.get(element.0 as usize)?;
        Some(self.percent(flow, self.rated.get(place as usize)?))
    }

    /// Every current of a branch by what its conductor may carry: of a line's conductors at both ends, of a transformer's
    /// windings phase by phase; always in the same order, as many as there are.
    pub fn currents(&self, flow: &PowerFlow, element: ElementId, mut take: impl FnMut(Complex)) {
        self.each(flow, element, flow.places(), &mut take);
    }

    /// Small changes of these currents, in the same order, where voltages change so.
    pub fn responses(&self, flow: &PowerFlow, element: ElementId, change: &Response, mut take: impl FnMut(Complex)) {
        self.each(flow, element, change.places(), &mut take);
    }

    /// Every current of a branch by what its conductor may carry.
    fn each(&self, flow: &PowerFlow, element: ElementId, v: &[Lanes<1>], mut take: impl FnMut(Complex)) {
        let place = self.place.get(element.0 as usize).map_or(usize::MAX, |place| *place as usize);
        let Some(rated) = self.rated.get(place) else { return };
        let inverse_a = &self.inverse_a[rated.limits.clone()];
        let network = &flow.grid().network;
        if rated.by_winding {
            network.winding_currents(rated.element, v, |winding, i| {
                take(i * inverse_a.get(winding).copied().unwrap_or(0.0));
            });
            return;
        }
        let mut currents = [complex(0.0, 0.0); MOST];
        let count = network.currents_on(rated.element, v, &mut currents);
        for (k, i) in currents[..count].iter().enumerate() {
            take(i * inverse_a[k % inverse_a.len().max(1)]);
        }
    }

    /// The branch with the largest loading, in percent; the first of several. `None` when nothing has a rating.
    pub fn worst(&self, flow: &PowerFlow) -> Option<(ElementId, f64)> {
        let loadings = self.rated.iter().map(|rated| (rated.element, self.percent(flow, rated)));
        loadings.reduce(|worst, next| if next.1 > worst.1 { next } else { worst })
    }

    fn percent(&self, flow: &PowerFlow, rated: &Rated) -> f64 {
        let inverse_a = &self.inverse_a[rated.limits.clone()];
        let network = &flow.grid().network;
        let mut largest2 = 0.0_f64;
        if rated.by_winding {
            network.winding_currents(rated.element, flow.places(), |winding, i| {
                let share = inverse_a.get(winding).copied().unwrap_or(0.0);
                largest2 = largest2.max(i.norm_sqr() * (share * share));
            });
        } else {
            let mut currents = [complex(0.0, 0.0); MOST];
            let count = network.currents_on(rated.element, flow.places(), &mut currents);
            for end in currents[..count].chunks(inverse_a.len().max(1)) {
                let squares = end.iter().zip(inverse_a).map(|(i, share): (&Complex, _)| i.norm_sqr() * (share * share));
                largest2 = squares.fold(largest2, f64::max);
            }
        }
        100.0 * largest2.sqrt()
    }
}

fn chosen<T>(which: RatingsOf, normal: Option<T>, emergency: Option<T>) -> Option<T> {
    match which {
        RatingsOf::Normal => normal,
        RatingsOf::Emergency => emergency,
    }
}

/// Limit of each conductor of a line in A.
fn line_limits_a(feeder: &Feeder, line: &Line, conductors: usize, which: RatingsOf) -> Vec<Option<f64>> {
    let code = line.code.as_ref().and_then(|name| feeder.line_codes.get(name));
    let of_code = code.and_then(|code| chosen(which, code.normal_a, code.emergency_a));
    let whole = chosen(which, line.normal_a, line.emergency_a).or(of_code);
    let geometry = line.geometry.as_ref().and_then(|name| feeder.geometries.get(name));
    let of_wire = |k: usize| geometry.and_then(|g| wire_limit_a(feeder, g.conductors.get(k)?, which));
    let limit = |k: usize| {
        let ampacity_a = whole.or_else(|| of_wire(k));
        ampacity_a.into_iter().chain(line.fuse_a).reduce(f64::min)
    };
    (0..conductors).map(limit).collect()
}

fn wire_limit_a(feeder: &Feeder, conductor: &Conductor, which: RatingsOf) -> Option<f64> {
    let bare = conductor.wire.as_ref().and_then(|name| feeder.wires.get(name));
    let cable = conductor.cable.as_ref().and_then(|name| feeder.cables.get(name)).map(|cable| &cable.conductor);
    bare.or(cable).and_then(|wire| chosen(which, wire.normal_a, wire.emergency_a))
}

/// Limit of a phase of each winding of a transformer in A.
fn winding_limits_a(transformer: &Transformer, which: RatingsOf) -> Vec<Option<f64>> {
    let first_kva = transformer.windings.first().map_or(0.0, |w| w.s_kva);
    let scale = match which {
        RatingsOf::Normal => Some(transformer.normal_kva.map_or(1.0, |kva| kva / first_kva)),
        RatingsOf::Emergency => transformer.emergency_kva.map(|kva| kva / first_kva),
    };
    let phases = transformer.phases.max(1);
    let limit = |w: &crate::feeder::Winding| {
        let per_phase_kv = match (w.connection, phases) {
            (Connection::Wye, 2 | 3) => w.v_kv / 3f64.sqrt(),
            _ => w.v_kv,
        };
        scale.map(|scale| w.s_kva * scale / phases as f64 / per_phase_kv)
    };
    transformer.windings.iter().map(limit).collect()
}

fn reactor_limit_a(reactor: &Reactor, which: RatingsOf) -> Option<f64> {
    chosen(which, reactor.normal_a, reactor.emergency_a)
}
