//! V2G inverters: a number of equal units at one bus, each with its own battery, share, limits and faults; grid support
//! functions that they share, since they see the same voltage; their emission, sidebands and admittance; what a mitigation may
//! ask of them.
//!
//! [`Site`] is the whole. A step goes: [`Site::step`] (what is seen and a set-point, to powers), then, once the plant is
//! solved, [`Site::emit`] (the fundamental state, to a `signal::Norton` and [`Component`]s); [`Site::apply`] at any time.
//! Everything is allocated by [`Site::new`]. `docs/models/inverter.md` has the equations.

mod cohort;
mod command;
mod extra;
mod parameters;
mod ride_through;
mod settings;
mod sidebands;
mod site;
mod support;
mod unit;

pub use command::{CAPACITY, Carriers, Command, Commands, Outcome, Refusal, Which};
pub use parameters::{NAMES, Parameters};
pub use ride_through::{Category, EnterService, RideThrough, Service, Trip, Watch};
pub use settings::{Noisy, Settings, SettingsError, Spread};
pub use sidebands::Component;
pub use site::{ByPhase, Fault, Fundamental, Power, Site};
pub use support::{Along, FrequencyDroop, Functions, Reactive, Seen, Support, VoltageReference, Wish};
pub use unit::Unit;
