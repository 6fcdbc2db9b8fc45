//! What changes the network during a study: taps, capacitor steps, single phases, frequency. All in place and visible at the next [`PowerFlow::solve`]; only a change of frequency allocates.

use super::PowerFlow;
use crate::feeder::Feeder;
use crate::solver::element::{self, Admittance, Frequency, Part};
use crate::solver::grid::GridError;
use crate::solver::network::{ElementId, Kind};

impl PowerFlow {
    /// Tap of a transformer's winding (0-based), per unit.
    pub fn tap_pu(&self, transformer: usize, winding: usize) -> f64 {
        self.taps[transformer][winding]
    }

    /// Sets the tap of a transformer's winding (0-based), per unit.
    pub fn set_tap(&mut self, transformer: usize, winding: usize, tap_pu: f64) {
        if std::mem::replace(&mut self.taps[transformer][winding], tap_pu) != tap_pu {
            self.apply_taps(transformer);
        }
    }

    fn apply_taps(&mut self, transformer: usize) {
        let model = &self.grid.transformers[transformer];
        model.admittance(&self.taps[transformer], Part::Whole, &mut self.scratch);
        model.write_windings(&self.taps[transformer], self.grid.network.windings_mut(transformer));
        if let Some(id) = self.grid.network.id(Kind::Transformer, transformer) {
            self.replace_admittance(id);
        }
    }

    /// Whether each step of a capacitor bank is closed.
    pub fn capacitor_steps(&self, capacitor: usize) -> &[bool] {
        &self.steps_closed[capacitor]
    }

    /// Closes and opens the steps of a capacitor bank.
    pub fn set_capacitor(&mut self, capacitor: usize, closed: &[bool]) {
        let steps = &mut self.steps_closed[capacitor];
        if steps == closed || steps.len() != closed.len() {
            return;
        }
        steps.copy_from_slice(closed);
        self.apply_steps(capacitor);
    }

    fn apply_steps(&mut self, capacitor: usize) {
        let (of_steps, closed) = (&self.step_admittances[capacitor], &self.steps_closed[capacitor]);
        self.scratch.reset(of_steps.first().map_or(0, Admittance::n));
        for (y, _) in of_steps.iter().zip(closed).filter(|(_, closed)| **closed) {
            let n = y.n();
            y.values().iter().enumerate().for_each(|(k, v)| self.scratch.add(k / n, k % n, *v));
        }
        if let Some(id) = self.grid.network.id(Kind::Capacitor, capacitor) {
            self.replace_admittance(id);
        }
    }

    /// Whether each conductor of an element is closed; see [`PowerFlow::set_phases`].
    pub fn phases_closed(&self, id: ElementId) -> impl Iterator<Item = bool> {
        self.grid.network.phases_closed(id)
    }

    /// Opens single conductors of an element at both ends, and closes them again: one `closed` a conductor, as many as
    /// [`Grid::phases`](crate::solver::Grid::phases) says, else nothing happens. An open conductor carries no current at
    /// either end; its mutual impedances with the others are eliminated, so they keep theirs among themselves. Nodes that
    /// only it fed are de-energised. Apart from [`PowerFlow::set_in_service`], which takes all conductors at once.
    pub fn set_phases(&mut self, id: ElementId, closed: &[bool]) {
        if !self.grid.network.set_phases(id, closed) {
            return;
        }
        let operators = [&mut self.passive, &mut self.operator];
        self.grid.network.apply(id, operators, &self.v, |_, _| {});
        if self.in_service(id) && !self.islands_moved(id) {
            self.mark(id);
        }
    }

    /// After switching: far-reaching, and through switches of huge admittance, so that the next solve looks at the whole
    /// residual, twice. Says whether the operators have to be made anew.
    fn islands_moved(&mut self, id: ElementId) -> bool {
        let mut moved = false;
        self.grid.network.find_islands(false, |_| moved = true);
        self.pending.full_passes = 2;
        self.pending.switched = true;
        let leaks = self.grid.network.leaks().next().is_some();
        self.pending.rebuild |= moved || leaks || self.grid.network.is_stiff(id);
        self.pending.rebuild
    }

    /// Present frequency in Hz.
    pub fn frequency_hz(&self) -> f64 {
        self.f_hz
    }

    /// Sets the frequency in Hz: reactances and capacitances follow, powers of loads and EMF of sources do not. Every
    /// element is evaluated again, which allocates and costs about as much as compiling; what is open, taps and steps
    /// stay.
    ///
    /// # Errors
    /// [`GridError`] when the frequency is not a positive number or an element has no model at it; nothing has changed
    /// then.
    pub fn set_frequency(&mut self, f_hz: f64) -> Result<(), GridError> {
        if f_hz == self.f_hz {
            return Ok(());
        }
        self.grid.set_frequency(f_hz)?;
        self.f_hz = f_hz;
        self.step_admittances = step_admittances(&self.grid.feeder, f_hz);
        self.pending.rebuild = true;
        (0..self.taps.len()).for_each(|transformer| self.apply_taps(transformer));
        (0..self.steps_closed.len()).for_each(|capacitor| self.apply_steps(capacitor));
        self.grid.network.find_islands(false, |_| {});
        Ok(())
    }

    /// Gives an element the admittance in `scratch`, in both operators, and marks what must be refactored. The nodes it
    /// touches are short of the current that it draws more: the next solve answers to that.
    fn replace_admittance(&mut self, id: ElementId) {
        let (pending, pattern) = (&mut self.pending, &self.grid.pattern);
        let operators = [&mut self.passive, &mut self.operator];
        self.grid.network.set_admittance(id, &self.scratch, operators, &self.v, |place, short| {
            if !pending.rebuild {
                pattern.mark_path(place, &mut pending.marked, &mut pending.path);
                pending.short[place as usize][0][0] += short.re;
                pending.short[place as usize][1][0] += short.im;
            }
        });
    }

    pub(super) fn mark(&mut self, id: ElementId) {
        let mut places = [0u32; super::super::network::MOST];
        let mut count = 0;
        for place in self.grid.network.places(id) {
            places[count] = place;
            count += 1;
        }
        places[..count].iter().for_each(|&place| self.mark_place(place));
    }

    fn mark_place(&mut self, place: u32) {
        let pending = &mut self.pending;
        self.grid.pattern.mark_path(place, &mut pending.marked, &mut pending.path);
    }
}

/// Admittance of each step of each capacitor bank alone; a bank's is the sum of its closed steps'.
pub(super) fn step_admittances(feeder: &Feeder, f_hz: f64) -> Vec<Vec<Admittance>> {
    let at = Frequency { f_hz, nominal_hz: feeder.frequency_hz };
    let banks = feeder.capacitors.iter().map(|(name, bank)| {
        let steps = bank.q_kvar.len();
        let alone = |step: usize| {
            let closed: Vec<bool> = (0..steps).map(|k| k == step).collect();
            element::capacitor(name, bank, &closed, at, Part::Whole).map(|model| model.y)
        };
        // `Grid` has refused a bank without a model.
        (0..steps).map(|step| alone(step).unwrap_or_default()).collect()
    });
    banks.collect()
}
