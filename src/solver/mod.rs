//! Floor 3: the three-phase quasi-steady-state plant.
//!
//! [`Grid::compile`] turns a feeder into nodes, element admittances on a fixed pattern and injections; [`PowerFlow`]
//! solves it, again and again, as loads, taps and switches move. The equations and the iteration are described in
//! `docs/models/power-flow.md`; three kinds of expertise have a room each: [`element`] (what an element is
//! electrically), `kernel` (linear algebra on flat arrays) and `power_flow` (the iteration).

mod base;
mod bolted;
mod continuation;
pub mod element;
mod flows;
mod grid;
pub mod harmonic;
mod injection;
mod kernel;
mod loading;
mod network;
mod power_flow;
mod regulation;

pub use continuation::{Continuation, End, Path, PathPoint, TraceSettings};
pub use flows::{ElementFlow, Totals};
pub use grid::{Grid, GridBus, GridError, Node, NodeId};
pub use kernel::Isa;
pub use loading::{Ratings, RatingsOf};
pub use network::{ElementId, Kind};
pub use power_flow::{Batch, LanePowers, LoadsAs, Method, PowerFlow, Response, Settings, Solved, Status};
pub use regulation::{ControlError, Controls, Settled};
