//! Expectations, followed step by step: a few numbers each, however long the run is; no allocation in a step.

mod machine;
mod verdicts;

use super::channels::Overall;
use super::numbers::Column;
use super::plant::{Node, Plant};
use crate::quantity::Tick;
use crate::scenario::{Branch, Check, Element, FIXED, Measure, Plan};
use machine::Machine;

/// What follows a plan's expectations through the run.
pub(super) struct Expectations {
    followed: Vec<Followed>,
    nodes: Vec<Node>,
}

/// An expectation about a quantity.
struct Followed {
    /// Its place among the plan's.
    expectation: usize,
    /// The quantity's place in the row.
    quantity: usize,
    column: Column,
    machine: Machine,
    site: Site,
}

/// Where a quantity that ranges over several places has its value.
#[derive(Clone, Copy, Debug)]
enum Site {
    /// It is about one place.
    Itself,
    /// The node with the lowest voltage.
    Lowest,
    /// The node with the highest.
    Highest,
    /// The branch with the largest loading.
    Loading,
    /// The conductor with the largest current.
    Conductor(Element),
    /// The node farthest from a solution.
    Mismatch,
}

/// A place, found when a step is the worst so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Place {
    #[default]
    Itself,
    Node(usize),
    Branch(Branch),
    Conductor(u16),
}

impl Expectations {
    pub(super) fn new(plan: &Plan, nodes: Vec<Node>) -> Self {
        let follow = |(expectation, check): (usize, &Check)| {
            let (quantity, machine) = Machine::new(check)?;
            let bound = plan.quantities.get(quantity)?;
            let column = Column::new(bound);
            Some(Followed { expectation, quantity, column, machine, site: Site::of(&bound.measure) })
        };
        let checks = plan.expectations.iter().map(|expectation| &expectation.check);
        Self { followed: checks.enumerate().filter_map(follow).collect(), nodes }
    }

    /// Takes in a step.
    pub(super) fn take(&mut self, tick: Tick, row: &[f64], overall: &Overall, plant: &mut impl Plant) {
        for f in &mut self.followed {
            let x = row.get(f.quantity).copied().unwrap_or(f64::NAN);
            let x = f.column.value(x, overall.solution.converged);
            f.machine.take(tick, x, f.column.angle, || f.site.place(overall, plant));
        }
    }
}

impl Site {
    fn of(measure: &Measure) -> Self {
        match measure {
            Measure::Fixed(k) => match FIXED.get(*k).copied().unwrap_or_default() {
                "feeder.v_min_pu" => Self::Lowest,
                "feeder.v_max_pu" => Self::Highest,
                "feeder.loading_percent" => Self::Loading,
                "solver.converged" | "solver.mismatch_pu" => Self::Mismatch,
                _ => Self::Itself,
            },
            Measure::Current(element, None) => Self::Conductor(*element),
            _ => Self::Itself,
        }
    }

    fn place(self, overall: &Overall, plant: &mut impl Plant) -> Place {
        let node = |k: Option<usize>| k.map(Place::Node);
        let found = match self {
            Self::Itself => None,
            Self::Lowest => node(overall.spread.extremes[0]),
            Self::Highest => node(overall.spread.extremes[1]),
            Self::Loading => plant.worst_loading().1.map(Place::Branch),
            Self::Mismatch => node(overall.solution.worst_node),
            Self::Conductor(element) => {
                let largest = plant.terminal(element).iter().max_by(|a, b| a.i_a.norm().total_cmp(&b.i_a.norm()));
                largest.map(|conductor| Place::Conductor(conductor.number))
            }
        };
        found.unwrap_or_default()
    }
}
