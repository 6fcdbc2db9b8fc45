//! Solving all cases on all cores.
//!
//! Each thread has its own copy of the solved base; for a case it takes the losses out, solves from the base's voltages,
//! reads what it came to, and puts everything back. A case without a solution from there is tried once more from
//! nothing, so that the status does not depend on the start.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::case::Case;
use super::loss::Loss;
use super::meter::{Finding, Meter};
use crate::record::fnv1a_64;
use crate::solver::{PowerFlow, Solved};

/// Takes what was found, some cases at a time.
pub type Sink<'a, E> = dyn FnMut(&[(usize, Finding)]) -> Result<(), E> + Send + 'a;

/// A solved base and the cases to try on it.
#[derive(Debug)]
pub struct Screening {
    base: PowerFlow,
    solved: Solved,
    losses: Vec<Loss>,
    cases: Vec<Case>,
    meter: Meter,
    limits_pu: [f64; 2],
}

impl Screening {
    /// Prepares cases on `base`, which was solved last as `solved`.
    pub fn new(base: PowerFlow, solved: Solved, losses: Vec<Loss>, cases: Vec<Case>, limits_pu: [f64; 2]) -> Self {
        let meter = Meter::new(base.grid(), limits_pu);
        Self { base, solved, losses, cases, meter, limits_pu }
    }

    /// The base.
    pub fn base(&self) -> &PowerFlow {
        &self.base
    }

    /// What the base comes to with nothing lost.
    pub fn base_finding(&self) -> Finding {
        self.meter.read(&self.base, &self.solved)
    }

    /// What can be lost.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// The cases.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Lowest and highest good voltage, per unit.
    pub const fn limits_pu(&self) -> [f64; 2] {
        self.limits_pu
    }

    /// A number that another feeder, operating point, list of cases or build would not have. 64-bit FNV-1a.
    pub fn fingerprint(&self) -> u64 {
        let grid = self.base.grid();
        let mut bytes = serde_json::to_vec(&grid.feeder).unwrap_or_default();
        bytes.extend(env!("CARGO_PKG_VERSION").bytes().chain(self.base.isa().name().bytes()));
        let voltages = grid.listing.iter().map(|&node| self.base.voltage(node)).flat_map(|v| [v.re, v.im]);
        let settings = [self.base.settings.tolerance_pu, f64::from(self.base.settings.max_iterations)];
        let numbers = voltages.chain(self.limits_pu).chain(settings);
        bytes.extend(numbers.flat_map(f64::to_le_bytes));
        for case in &self.cases {
            bytes.extend(case.name(&self.losses).bytes().chain([0]));
        }
        fnv1a_64(&bytes)
    }

    /// Solves the cases of `wanted` (indices) on `threads` threads. `take` is handed what was found, some cases at a
    /// time and in any order; what is found does not depend on the order, nor on the number of threads.
    ///
    /// # Errors
    /// The first error of `take`; the rest is then left.
    pub fn run<E: Send>(&self, wanted: &[usize], threads: usize, take: &mut Sink<'_, E>) -> Result<(), E> {
        let threads = threads.clamp(1, wanted.len().max(1));
        let at_once = (wanted.len() / (threads * 8)).clamp(1, 64);
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let sink = Mutex::new((take, Ok(())));
        let work = || {
            let mut worker = Worker { screening: self, flow: self.base.clone() };
            let mut found = Vec::with_capacity(at_once);
            while !stop.load(Ordering::Relaxed) {
                let first = next.fetch_add(at_once, Ordering::Relaxed).min(wanted.len());
                let chunk = &wanted[first..(first + at_once).min(wanted.len())];
                if chunk.is_empty() {
                    break;
                }
                found.clear();
                found.extend(chunk.iter().map(|&k| (k, worker.solve(k))));
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                if sink.1.is_ok() {
                    let result = (sink.0)(&found);
                    stop.store(result.is_err(), Ordering::Relaxed);
                    sink.1 = result;
                }
            }
        };
        // Without threads from the system, this one does it all.
        match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
            Ok(pool) if threads > 1 => drop(pool.broadcast(|_| work())),
            _ => work(),
        }
        sink.into_inner().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Everything that [`Screening::run`] finds, by case.
    pub fn find_all(&self, threads: usize) -> Vec<Finding> {
        let mut all = vec![self.base_finding(); self.cases.len()];
        let wanted: Vec<usize> = (0..self.cases.len()).collect();
        let done: Result<(), std::convert::Infallible> = self.run(&wanted, threads, &mut |found| {
            found.iter().for_each(|&(k, finding)| all[k] = finding);
            Ok(())
        });
        match done {
            Ok(()) => all,
        }
    }

    /// The power flow of a case, solved as [`Screening::run`] does, in `flow`: a clone of the base.
    pub fn solve_case(&self, case: usize, flow: &mut PowerFlow) -> Solved {
        let apply = |flow: &mut PowerFlow| {
            flow.restore_from(&self.base);
            self.cases[case].losses(&self.losses).for_each(|loss| loss.apply(flow));
        };
        apply(flow);
        let solved = flow.solve();
        if solved.converged() {
            return solved;
        }
        apply(flow);
        flow.restart();
        flow.solve()
    }
}

struct Worker<'a> {
    screening: &'a Screening,
    flow: PowerFlow,
}

impl Worker<'_> {
    fn solve(&mut self, case: usize) -> Finding {
        let solved = self.screening.solve_case(case, &mut self.flow);
        self.screening.meter.read(&self.flow, &solved)
    }
}
