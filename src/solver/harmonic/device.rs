//! Devices that the feeder does not describe: Norton equivalents at given nodes.

use super::Harmonics;
use super::branch::add_to;
use super::group::{Eight, Group, LANES, ZERO};
use super::settings::HarmonicError;
use crate::quantity::{Complex, complex};
use crate::signal::Norton;
use crate::solver::grid::NodeId;
use crate::solver::kernel::Slot;

/// A device added to a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(usize);

/// A device's branches and what it is at each order.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// Places of the two ends of each phase; the number of places is ground.
    ends: Vec<[u32; 2]>,
    slots: Vec<[Slot; 4]>,
    /// Admittance of every phase, by group.
    admittance_s: Vec<Eight>,
    /// Currents injected, order after order, phase by phase.
    current_a: Vec<Complex>,
}

impl Device {
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.slots.iter().flatten().copied()
    }

    pub(super) fn ends(&self) -> impl Iterator<Item = u32> {
        self.ends.iter().flatten().copied()
    }

    pub(super) fn branches(&self) -> impl Iterator<Item = (&[u32; 2], &[Slot; 4])> {
        self.ends.iter().zip(&self.slots)
    }

    pub(super) fn admittance_s(&self, group: usize) -> Eight {
        self.admittance_s[group]
    }

    /// Adds what it injects in a group's orders to the right-hand sides; returns the first place.
    pub(super) fn inject(&self, group_index: usize, lanes: usize, group: &mut Group) -> u32 {
        let phases = self.ends.len();
        for lane in 0..lanes {
            let first = (group_index * LANES + lane) * phases;
            for (&[p, q], &i) in self.ends.iter().zip(&self.current_a[first..first + phases]) {
                add_to(&mut group.x[p as usize], lane, i);
                add_to(&mut group.x[q as usize], lane, -i);
            }
        }
        self.ends().min().unwrap_or(u32::MAX)
    }
}

impl Harmonics {
    /// Adds a device between pairs of nodes, a phase each: where it injects and where that comes back (`None` is ground).
    /// It injects nothing and has no admittance until [`Harmonics::set_norton`]. Allocates: for set-up.
    ///
    /// # Errors
    /// [`HarmonicError::Uncoupled`] when a phase stands between two nodes that no element, load or source of the feeder
    /// couples.
    pub fn add_device(&mut self, phases: &[[Option<NodeId>; 2]]) -> Result<DeviceId, HarmonicError> {
        let pattern = &self.grid.pattern;
        let ground = pattern.n as u32;
        let mut slots = Vec::new();
        for [from, to] in phases.iter().map(|ends| ends.map(|end| end.map(|node| node.0))) {
            let pair = [pattern.slot(from, to), pattern.slot(to, from)];
            let coupled = pair.iter().any(|slot| *slot != Slot::Nowhere);
            if let (Some(a), Some(b), false) = (from, to, coupled || from == to) {
                let name = |place: u32| self.grid.name(NodeId(place)).to_owned();
                return Err(HarmonicError::Uncoupled(name(a), name(b)));
            }
            slots.push([pattern.slot(from, from), pattern.slot(to, to), pair[0], pair[1]]);
        }
        let ends = phases.iter().map(|ends| ends.map(|end| end.map_or(ground, |node| node.0))).collect();
        let current_a = vec![complex(0.0, 0.0); self.orders.len() * phases.len()];
        self.devices.push(Device { ends, slots, admittance_s: vec![ZERO; self.groups.len()], current_a });
        self.find_load_entries();
        self.pending.everything = true;
        Ok(DeviceId(self.devices.len() - 1))
    }

    /// Adds a device where an injection (loads, then generators, PV systems, storages) of the feeder stands, phase by
    /// phase as that is described. The injection itself is to be among [`super::HarmonicSettings::replaced`].
    ///
    /// # Errors
    /// As [`Harmonics::add_device`].
    pub fn add_device_at(&mut self, injection: usize) -> Result<DeviceId, HarmonicError> {
        let injections = &self.grid.injections;
        let ground = self.grid.pattern.n as u32;
        let mut phases = vec![[None; 2]; injections.branch_count(injection)];
        for branch in injections.branches_of(injection) {
            let ends = injections.ends(branch).map(|end| (end != ground).then_some(NodeId(end)));
            phases[injections.element_and_phase(branch).1] = ends;
        }
        self.add_device(&phases)
    }

    /// What a device is from now on. Frequencies and phases that it lacks count as zero; a changed admittance has the
    /// next solve factorise again.
    pub fn set_norton(&mut self, device: DeviceId, norton: &Norton) {
        let Some(device) = self.devices.get_mut(device.0) else { return };
        let phases = device.ends.len();
        let admittance_s = norton.admittance_s();
        for order in 0..self.orders.len() {
            let own = &mut device.current_a[order * phases..(order + 1) * phases];
            let given = norton.current_a(order);
            own.iter_mut().enumerate().for_each(|(k, i)| *i = given.get(k).copied().unwrap_or_default());
            let (group, lane) = Group::of(order);
            let (y, now) = (&mut device.admittance_s[group], admittance_s.get(order).copied().unwrap_or_default());
            if Group::lane(y, lane) != now {
                (y[0][lane], y[1][lane]) = (now.re, now.im);
                self.pending.loads = true;
            }
        }
    }

    /// Current that a device injects into the network through a phase at an order (its place in the list), in A: its
    /// source current less what its admittance draws at the voltages last solved for.
    pub fn device_current_a(&self, device: DeviceId, order: usize, phase: usize) -> Complex {
        let found = self.devices.get(device.0).and_then(|d| Some((d, d.ends.get(phase)?)));
        let Some((device, [p, q])) = found.filter(|_| order < self.orders.len()) else { return complex(0.0, 0.0) };
        let (group, lane) = Group::of(order);
        let across = self.groups[group].voltage(*p, lane) - self.groups[group].voltage(*q, lane);
        let y = Group::lane(&device.admittance_s[group], lane);
        device.current_a[order * device.ends.len() + phase] - y * across
    }
}
