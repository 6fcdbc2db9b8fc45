//! Devices, instruments and controllers of a plan: every name is bound to a place, every time to ticks.

mod check;

use super::{Demand, Law};
use crate::signal::Channels;
use crate::{control, device, sense};

/// What stands in the network beside what the feeder describes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Equipment {
    /// The devices. Each is one of the plan's added loads: the first of them, in this order.
    pub devices: Vec<Device>,
    /// The instruments.
    pub instruments: Vec<Instrument>,
    /// The controllers.
    pub controllers: Vec<Controller>,
}

/// Controllable power.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its place among the plan's demands.
    pub load: usize,
    /// Its own set-point; injected power is positive.
    pub set_point: Demand,
    /// What it can do.
    pub limits: device::Limits,
}

/// A meter.
#[derive(Clone, Debug, PartialEq)]
pub struct Instrument {
    /// Its name.
    pub name: String,
    /// The quantities that it measures, as places in [`super::Plan::quantities`].
    pub quantities: Vec<usize>,
    /// Their names.
    pub channels: Channels,
    /// What it is like.
    pub settings: sense::Settings,
}

/// A control law with its connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Controller {
    /// Its name.
    pub name: String,
    /// What it commands.
    pub law: Law,
    /// The instrument it sees.
    pub instrument: usize,
    /// The devices it commands.
    pub actuators: Vec<usize>,
    /// Ticks from step to step.
    pub every: u64,
    /// Ticks by which its commands may arrive later than usual, at most.
    pub most_extra: u64,
    /// The law's parameters.
    pub settings: control::Settings,
}

/// What sends something over a line that can fail, by its place in [`Equipment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Readings of an instrument.
    Instrument(usize),
    /// Commands of a controller.
    Controller(usize),
}

impl Equipment {
    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.instruments.is_empty() && self.controllers.is_empty()
    }

    /// The place of a device.
    pub fn device(&self, name: &str) -> Option<usize> {
        self.devices.iter().position(|own| own.name == name)
    }

    /// The place of an instrument.
    pub fn instrument(&self, name: &str) -> Option<usize> {
        self.instruments.iter().position(|own| own.name == name)
    }

    /// The line of an instrument or a controller.
    pub fn link(&self, name: &str) -> Option<Link> {
        let controller = || self.controllers.iter().position(|own| own.name == name).map(Link::Controller);
        self.instrument(name).map(Link::Instrument).or_else(controller)
    }

    /// Names of quantities that devices and instruments have.
    pub fn quantities(&self) -> Vec<String> {
        let devices = self.devices.iter().flat_map(|d| ["p_w", "q_var"].map(|unit| format!("{}.{unit}", d.name)));
        let readings = self.instruments.iter().flat_map(|i| {
            let channels = i.channels.names().iter().map(|channel| format!("{}.{channel}", i.name));
            channels.chain([format!("{}.age_s", i.name)])
        });
        devices.chain(readings).collect()
    }
}
