//! The same case from scratch: a feeder without what is lost, compiled and solved from nothing. Slow; it checks the rest.

use super::case::Case;
use super::loss::{Loss, LossKind, Part};
use crate::feeder::Feeder;
use crate::solver::{Grid, GridError, Kind, PowerFlow, Settings, Solved};

/// Compiles `feeder` with a case's losses out of service and solves it from nothing. `grid` is the whole feeder's.
///
/// # Errors
/// When the rest cannot be compiled.
pub fn from_scratch(
    feeder: &Feeder,
    grid: &Grid,
    case: Case,
    losses: &[Loss],
    settings: Settings,
) -> Result<(PowerFlow, Solved), GridError> {
    let mut rest = feeder.clone();
    case.losses(losses).for_each(|loss| take_out(&mut rest, grid, loss));
    let mut flow = PowerFlow::new(Grid::compile(&rest)?, settings);
    // What cannot be written as open in a feeder file, and whose removal would leave nodes without any description.
    for loss in case.losses(losses).filter(|loss| matches!(loss.kind, LossKind::Source | LossKind::Reactor)) {
        let kind = if loss.kind == LossKind::Source { Kind::Source } else { Kind::Reactor };
        let id = loss.name.split_once('.').and_then(|(_, name)| flow.grid().element(kind, name));
        id.into_iter().for_each(|id| flow.set_in_service(id, false));
    }
    let solved = flow.solve();
    Ok((flow, solved))
}

fn take_out(feeder: &mut Feeder, grid: &Grid, loss: &Loss) {
    let lost = |kind, name: &str| grid.element(kind, name).is_some_and(|id| loss.parts.contains(&Part::Element(id)));
    for (_, line) in feeder.lines.iter_mut().filter(|(name, _)| lost(Kind::Line, name)) {
        line.open = true;
    }
    for (_, transformer) in feeder.transformers.iter_mut().filter(|(name, _)| lost(Kind::Transformer, name)) {
        transformer.open = true;
    }
    feeder.capacitors.retain(|name, _| !lost(Kind::Capacitor, name));
    let Some((_, name)) = loss.name.split_once('.') else { return };
    match loss.kind {
        LossKind::Generator => drop(feeder.generators.shift_remove(name)),
        LossKind::Pv => drop(feeder.pv_systems.shift_remove(name)),
        LossKind::Storage => drop(feeder.storages.shift_remove(name)),
        _ => {}
    }
}
