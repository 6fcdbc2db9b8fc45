//! Where a current that is measured is found in the plant.

use crate::bench::machine::Machine;
use crate::bench::plant::{HarmonicPlant, Node, Plant};
use crate::quantity::Complex;
use crate::scenario::{Element, Flow};

/// A current through one conductor.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) enum FlowAt {
    /// What a device injects through one of its phases.
    Device(DevicePhase),
    /// What flows into an element's first terminal at a node of this number.
    Element(Element, u16),
}

/// One phase of a device.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct DevicePhase {
    device: usize,
    /// The load that stands for it.
    load: usize,
    phase: usize,
    /// Its node's place in the plant.
    node: usize,
}

impl FlowAt {
    /// The conductor of a flow that is at a node of this number; `None` when it has none there.
    pub(super) fn new(flow: Flow, number: u16, machines: &[Machine], nodes: &[Node]) -> Option<Self> {
        match flow {
            Flow::Element(element) => Some(Self::Element(element, number)),
            Flow::Device(device) => {
                let own = machines.get(device)?;
                let phase = own.nodes.iter().position(|&k| nodes.get(k).is_some_and(|node| node.number == number))?;
                let node = *own.nodes.get(phase)?;
                Some(Self::Device(DevicePhase { device, load: own.load, phase, node }))
            }
        }
    }

    /// Its fundamental in A.
    pub(super) fn fundamental(self, plant: &mut impl Plant) -> Complex {
        match self {
            Self::Device(own) => {
                let v = plant.voltages().get(own.node).copied().unwrap_or_default();
                let s = -plant.drawn_phase(own.load, own.phase);
                if v.norm() > 0.0 { (s / v).conj() } else { Complex::default() }
            }
            Self::Element(element, number) => at_node(plant.terminal(element), number),
        }
    }

    /// Its harmonic of an order in A.
    pub(super) fn harmonic(self, plant: &mut dyn HarmonicPlant, order: usize) -> Complex {
        match self {
            Self::Device(own) => plant.device_harmonic_a(own.device, order, own.phase),
            Self::Element(element, number) => at_node(plant.harmonic_terminal(element, order), number),
        }
    }

    /// Its harmonic of an order as it flows into the network, in A: what an element takes, the network loses.
    pub(in crate::bench) fn injected(self, plant: &mut dyn HarmonicPlant, order: usize) -> Complex {
        let flows = self.harmonic(plant, order);
        if matches!(self, Self::Element(..)) { -flows } else { flows }
    }

    /// The fundamental voltage where it is.
    pub(super) fn voltage(self, plant: &mut impl Plant) -> Complex {
        match self {
            Self::Device(own) => plant.voltages().get(own.node).copied().unwrap_or_default(),
            Self::Element(element, number) => {
                let conductors = plant.terminal(element).iter();
                conductors.filter(|own| own.number == number).map(|own| own.v_v).sum()
            }
        }
    }
}

fn at_node(conductors: &[crate::bench::plant::Conductor], number: u16) -> Complex {
    conductors.iter().filter(|own| own.number == number).map(|own| own.i_a).sum()
}
