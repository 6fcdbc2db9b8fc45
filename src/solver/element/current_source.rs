//! Ideal current sources: a current between two conductors of each phase, whatever the voltage. Their admittance is zero.

use super::{Conductor, ElementError, Reason, conductors, count, grounded};
use crate::feeder::CurrentSource;
use crate::quantity::{Complex, complex};

/// One phase of a current source.
#[derive(Clone, Debug, PartialEq)]
pub struct CurrentBranch {
    /// Where the current comes out of the source, into the network.
    pub to: Conductor,
    /// Where it goes back.
    pub back: Conductor,
    /// The fundamental current in A.
    pub i_a: Complex,
}

/// The fundamental currents of a current source in a network of `network_hz`, phase by phase; zero for a source of
/// another frequency (as OpenDSS's power flow has it).
///
/// # Errors
/// [`ElementError`] for a number of phases that none has, or a current that is not finite.
pub fn current_source(name: &str, source: &CurrentSource, network_hz: f64) -> Result<Vec<CurrentBranch>, ElementError> {
    branches(source, network_hz).map_err(|reason| reason.of("current source", name))
}

fn branches(source: &CurrentSource, network_hz: f64) -> Result<Vec<CurrentBranch>, Reason> {
    let phases = count("phases", source.phases, 1)?;
    let to = conductors(&source.bus, phases, phases);
    let back = match &source.return_bus {
        Some(terminal) => conductors(terminal, phases, phases),
        None => grounded(&source.bus.bus, phases),
    };
    let takes_part = source.frequency_hz.is_none_or(|hz| (hz - network_hz).abs() < 1e-6 * network_hz);
    let current = |k| if takes_part { source.fundamental_a(k) } else { complex(0.0, 0.0) };
    let branches: Vec<CurrentBranch> = to
        .into_iter()
        .zip(back)
        .enumerate()
        .map(|(k, (to, back))| CurrentBranch { to, back, i_a: current(k) })
        .collect();
    match branches.iter().all(|b| b.i_a.re.is_finite() && b.i_a.im.is_finite()) {
        true => Ok(branches),
        false => Err(Reason::NotFinite),
    }
}
