//! `phasorbench contingency --verify-scratch`: every case against its feeder compiled anew and solved from nothing.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use phasorbench::feeder::Feeder;
use phasorbench::solver::PowerFlow;
use phasorbench::study::contingency::{Screening, from_scratch};

use crate::terminal::terminal;
use crate::{Exit, output};

/// Largest complex voltage difference that counts as equal, per unit.
const EQUAL_PU: f64 = 1e-8;

/// What the comparison came to.
#[derive(Debug, Default)]
struct Worst {
    difference_pu: f64,
    case: Option<usize>,
    other_status: Vec<usize>,
    unsolved: usize,
}

/// Compares all cases and prints the largest difference.
pub fn verify(feeder: &Feeder, screening: &Screening, threads: usize) -> Result<Exit, Exit> {
    let (next, worst) = (AtomicUsize::new(0), Mutex::new(Worst::default()));
    let total = screening.cases().len();
    let bar = terminal().progress(total as u64, "cases", false);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut flow = screening.base().clone();
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= total {
                        break;
                    }
                    let outcome = compare(feeder, screening, case, &mut flow);
                    take(&mut worst.lock().unwrap_or_else(PoisonError::into_inner), case, outcome);
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let worst = worst.into_inner().unwrap_or_else(PoisonError::into_inner);
    let name = |case: usize| screening.cases()[case].name(screening.losses());
    let at = worst.case.map_or(String::new(), |case| format!(" ({})", name(case)));
    let mut text = format!(
        "{total} cases, {} without a solution either way: largest difference {:.2e} pu{at}\n",
        worst.unsolved, worst.difference_pu
    );
    text.extend(worst.other_status.iter().map(|&case| format!("another status from scratch: {}\n", name(case))));
    output::print(&text);
    let equal = worst.difference_pu <= EQUAL_PU && worst.other_status.is_empty();
    Ok(if equal { Exit::Passed } else { Exit::Failed })
}

/// The largest difference in per unit; nothing when neither has a solution.
type Outcome = Result<Option<f64>, ()>;

fn take(worst: &mut Worst, case: usize, outcome: Outcome) {
    match outcome {
        Err(()) => worst.other_status.push(case),
        Ok(None) => worst.unsolved += 1,
        Ok(Some(difference)) if difference > worst.difference_pu => {
            (worst.difference_pu, worst.case) = (difference, Some(case));
        }
        Ok(Some(_)) => {}
    }
}

fn compare(feeder: &Feeder, screening: &Screening, case: usize, flow: &mut PowerFlow) -> Outcome {
    let solved = screening.solve_case(case, flow);
    let (grid, settings) = (screening.base().grid(), flow.settings);
    let scratch = from_scratch(feeder, grid, screening.cases()[case], screening.losses(), settings);
    let (scratch, from_nothing) = scratch.map_err(drop)?;
    if solved.status != from_nothing.status {
        return Err(());
    }
    Ok(solved.converged().then(|| difference_pu(flow, &scratch)))
}

/// Largest complex voltage difference over all nodes; a node that the other does not have is at 0 V there.
fn difference_pu(flow: &PowerFlow, other: &PowerFlow) -> f64 {
    let grid = flow.grid();
    let at = |name: &str| other.grid().node(name).map_or_else(Default::default, |node| other.voltage(node));
    let of = |&node: &phasorbench::solver::NodeId| {
        (flow.voltage(node) - at(grid.name(node))).norm() / grid.nodes[node.0 as usize].base_v
    };
    grid.listing.iter().map(of).fold(0.0, f64::max)
}
