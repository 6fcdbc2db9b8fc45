//! PhasorBench: a real-time co-simulation and hardware-in-the-loop test bench for distribution grids.
//!
//! Data flows one way: a feeder file becomes a [`feeder::Feeder`], compiled into a `solver::Grid`; a scenario file
//! becomes a `scenario::Plan`; `bench` runs the loop and fills a `record`; `report` turns the record into figures.
//! Each module imports only from lower floors (see `docs/architecture.md`); `tests/house/floors.rs` keeps that.

#[cfg(feature = "solver")]
pub mod bench;
pub mod control;
#[cfg(feature = "solver")]
pub mod device;
pub mod diagnostic;
#[cfg(feature = "solver")]
pub mod emulate;
pub mod feeder;
pub mod interface;
pub mod link;
pub mod monitor;
pub mod quantity;
pub mod record;
pub mod recording;
#[cfg(feature = "report")]
pub mod report;
#[cfg(feature = "solver")]
pub mod scenario;
#[cfg(feature = "solver")]
pub mod sense;
pub mod signal;
#[cfg(feature = "solver")]
pub mod solver;
#[cfg(feature = "study")]
pub mod study;
