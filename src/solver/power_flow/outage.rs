//! Taking elements out of service and back, and returning to a base as if nothing had happened.
//!
//! An outage that de-energises nodes changes the equations of those nodes and of the outage's live ends only: their
//! entries are assembled anew in place, and the columns above them in the elimination tree are factorised again. For a
//! lateral that is a few dozen columns of thousands. [`PowerFlow::restore_from`] brings back just those.

use super::{Active, PowerFlow};
use crate::solver::network::{ElementId, Kind, MOST};

/// What differs from the power flow that this one was cloned from, or last restored from.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    /// All columns of the factor, the passive network's included.
    network: bool,
    /// All columns of the factor.
    all: bool,
    columns: Vec<u32>,
    marked: Vec<bool>,
    /// Places that went dead at an outage, and the outage's own.
    places: Vec<u32>,
    at: Vec<bool>,
}

impl Touched {
    pub(super) fn new(n: usize) -> Self {
        let (columns, places) = (Vec::with_capacity(n), Vec::with_capacity(n + MOST));
        Self { network: true, all: true, columns, marked: vec![false; n], places, at: vec![false; n] }
    }

    /// The passive network was assembled anew.
    pub(super) fn network(&mut self) {
        self.network = true;
    }

    /// The whole factor has changed.
    pub(super) fn all(&mut self) {
        self.all = true;
    }

    /// These columns have changed.
    pub(super) fn columns(&mut self, columns: &[u32]) {
        for &column in columns {
            if !std::mem::replace(&mut self.marked[column as usize], true) {
                self.columns.push(column);
            }
        }
    }

    fn forget(&mut self) {
        (self.network, self.all) = (false, false);
        let marked = &mut self.marked;
        self.columns.drain(..).for_each(|column| marked[column as usize] = false);
    }
}

impl PowerFlow {
    /// Whether an element is in service.
    pub fn in_service(&self, id: ElementId) -> bool {
        self.grid.network.in_service(id)
    }

    /// Takes an element out of service (all its ends open) or back: a line, transformer, capacitor, reactor, fault, or a
    /// source that is lost. What is left without a source is de-energised.
    pub fn set_in_service(&mut self, id: ElementId, on: bool) {
        if !self.grid.network.set_in_service(id, on) {
            return;
        }
        let mut turned = std::mem::take(&mut self.touched.places);
        turned.clear();
        self.grid.network.find_islands(false, |place| turned.push(place));
        let network = &self.grid.network;
        let energises = turned.iter().any(|&place| network.energised[place as usize]);
        let leaks = network.leaks().next().is_some();
        if self.pending.rebuild || energises || leaks || network.is(id, Kind::Source) {
            self.pending.rebuild = true;
        } else if turned.is_empty() && !network.is_stiff(id) {
            let sign = if on { 1.0 } else { -1.0 };
            network.add_element(id, sign, &mut self.passive);
            network.add_element(id, sign, &mut self.operator);
            self.mark(id);
        } else {
            turned.extend(network.places(id));
            self.assemble_at(&turned);
        }
        self.touched.places = turned;
        // Far-reaching, and through switches of huge admittance: the whole residual is looked at, twice.
        self.pending.full_passes = 2;
        self.pending.switched = true;
    }

    /// Assembles the equations of some places anew and marks what must be refactored.
    fn assemble_at(&mut self, places: &[u32]) {
        let Self { grid, passive, operator, pending, touched, .. } = self;
        let pattern = &grid.pattern;
        for &place in places {
            touched.at[place as usize] = true;
            // Whatever the passive network has an entry for, the operator has.
            passive.clear(pattern, place, |_| {});
            operator.clear(pattern, place, |column| {
                pattern.mark_path(column, &mut pending.marked, &mut pending.path);
            });
        }
        grid.network.assemble_at(&touched.at, passive);
        grid.network.assemble_at(&touched.at, operator);
        grid.injections.add_linear_at(&self.linear, &touched.at, operator, &grid.network.fixed);
        grid.network.hold(&mut self.v);
        places.iter().for_each(|&place| touched.at[place as usize] = false);
    }

    /// Becomes again, bit for bit and without allocating, what `base` is: the power flow that this one was cloned from,
    /// or last restored from. In between, elements may have gone out of service or come back, multipliers may have
    /// changed, and it may have been solved, whatever came of that. Taps, capacitor steps, sources and nominal powers
    /// must not have been set.
    pub fn restore_from(&mut self, base: &Self) {
        let pattern = &base.grid.pattern;
        self.touched.all |= self.active != base.active;
        self.touched.columns(&self.pending.path);
        if self.touched.all {
            match base.active {
                Active::FixedPoint => self.ldlt.copy_from(&base.ldlt),
                Active::Chord => self.block.copy_from(&base.block),
            }
            self.operator.copy_from(&base.operator);
            self.linear.copy_from_slice(&base.linear);
        } else {
            let columns = &self.touched.columns;
            match base.active {
                Active::FixedPoint => self.ldlt.copy_columns(pattern, columns, &base.ldlt),
                Active::Chord => self.block.copy_columns(pattern, columns, &base.block),
            }
            self.operator.copy_columns(pattern, columns, &base.operator);
        }
        if self.touched.network {
            self.passive.copy_from(&base.passive);
        } else {
            self.passive.copy_columns(pattern, &self.touched.columns, &base.passive);
        }
        self.touched.forget();
        self.grid.network.copy_service(&base.grid.network);
        self.active = base.active;
        self.settings = base.settings;
        self.branches.copy_from(&base.branches);
        self.multipliers.copy_from_slice(&base.multipliers);
        self.v.copy_from_slice(&base.v);
        self.offsets.copy_from_slice(&base.offsets);
        self.predictor.copy_from(&base.predictor);
        self.memory = base.memory;
        self.forget_path(|_, _| {});
        self.pending.copy_from(&base.pending);
    }
}
