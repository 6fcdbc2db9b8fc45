//! What a mitigation tells one device (an inverter, an aggregate of them, an active filter) about its harmonics.
//!
//! Everything is a standing order: a device does what the newest command says until another arrives. A command is of fixed
//! size and travels as channels (`names`, `write`, `read`), so on a [`super::Line`] with its delay and losses.
//! Phasors of order h are RMS, current *into the network*, turned by −h times the angle of the fundamental voltage of the
//! same phase where the attribution measures: with one time axis for the network, I_h = `current_a`·e^{jh·arg(V₁)}.

use super::{
    Frame,
    fields::{Fields, Names, Reader, Writer, count, flag, phasor},
};
use crate::quantity::{Complex, Tick, complex};

/// Orders that one command can compensate at once.
pub const COMPENSATED: usize = 4;

/// Selective compensation at one order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compensation {
    /// The order; 0 while the place is free.
    pub order: u8,
    /// Current to add to the device's own, in A, by phase.
    pub current_a: [Complex; 3],
    /// Virtual conductance: the device adds −G·V_h of its own terminal's voltage, in S; 0 for none.
    pub conductance_s: f64,
}

impl Compensation {
    /// A free place.
    pub const NONE: Self = Self { order: 0, current_a: [complex(0.0, 0.0); 3], conductance_s: 0.0 };
}

/// A known small current that a device adds so that the network's answer to it can be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// The order; 0 for none.
    pub order: u8,
    /// Present sign, ±1, or 0 while nothing is injected; changes about once a second by a pseudo-random sequence.
    pub sign: f64,
    /// Amplitude in A RMS: the device adds `sign·amplitude_a·e^{j·angle}` in each phase.
    pub amplitude_a: f64,
    /// Angle in rad, turned as every phasor here.
    pub angle_rad: f64,
}

impl Probe {
    /// No probe.
    pub const NONE: Self = Self { order: 0, sign: 0.0, amplitude_a: 0.0, angle_rad: 0.0 };

    /// The current to add now, in A.
    pub fn current_a(&self) -> Complex {
        Complex::from_polar(self.sign * self.amplitude_a, self.angle_rad)
    }
}

/// The standing order of one device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HarmonicCommand {
    /// Counts changes from 1; 0 is the command that stands for none so far.
    pub sequence: u64,
    /// When it was last changed.
    pub tick: Tick,
    /// Switching frequency in Hz; NaN for the device's own.
    pub carrier_hz: f64,
    /// Number of groups that the device's (or the cluster's) carriers are spread over evenly; 1 is all in phase or as
    /// they come, n cancels carrier groups whose number is not a multiple of n.
    pub interleave: u64,
    /// Selective compensation.
    pub compensation: [Compensation; COMPENSATED],
    /// Self-probe.
    pub probe: Probe,
    /// Most active power, per unit of rated, either direction.
    pub p_limit_pu: f64,
    /// False opens the unit's contactor.
    pub connected: bool,
}

impl Default for HarmonicCommand {
    fn default() -> Self {
        Self {
            sequence: 0,
            tick: Tick(0),
            carrier_hz: f64::NAN,
            interleave: 1,
            compensation: [Compensation::NONE; COMPENSATED],
            probe: Probe::NONE,
            p_limit_pu: 1.0,
            connected: true,
        }
    }
}

impl HarmonicCommand {
    /// Number of channels.
    pub const CHANNELS: usize = 6 + 4 + COMPENSATED * 8;

    /// Whether two commands order the same, whenever they were given.
    pub fn same_order(&self, other: &Self) -> bool {
        let bare = |c: &Self| Self { sequence: 0, tick: Tick(0), carrier_hz: 0.0, ..*c };
        self.carrier_hz.to_bits() == other.carrier_hz.to_bits() && bare(self) == bare(other)
    }

    /// Names of its channels, each after `prefix` and a dot.
    pub fn names(prefix: &str) -> Vec<String> {
        let mut fields = Names { prefix, names: Vec::with_capacity(Self::CHANNELS) };
        Self::default().visit(&mut fields);
        fields.names
    }

    /// Writes it into the channels of a frame from `at` on.
    pub fn write(mut self, frame: &mut Frame, at: usize) {
        self.visit(&mut Writer { frame, at });
    }

    /// Reads it from the channels of a frame from `at` on; `None` before the first has arrived, or where a number that
    /// must be known is not.
    pub fn read(frame: &Frame, at: usize) -> Option<Self> {
        let mut command = Self::default();
        command.visit(&mut Reader { frame, at });
        let known = command.compensation.iter().flat_map(|c| c.current_a.iter().flat_map(|i| [i.re, i.im]));
        let known = known.chain(command.compensation.iter().map(|c| c.conductance_s));
        let finite = known.chain([command.p_limit_pu, command.probe.sign]).all(f64::is_finite);
        (command.sequence > 0 && finite).then_some(command)
    }

    fn visit(&mut self, fields: &mut impl Fields) {
        count(fields, format_args!("sequence"), &mut self.sequence);
        count(fields, format_args!("tick"), &mut self.tick.0);
        fields.number(format_args!("carrier_hz"), &mut self.carrier_hz);
        count(fields, format_args!("interleave"), &mut self.interleave);
        fields.number(format_args!("p_limit_pu"), &mut self.p_limit_pu);
        flag(fields, format_args!("connected"), &mut self.connected);
        order(fields, format_args!("probe.order"), &mut self.probe.order);
        fields.number(format_args!("probe.sign"), &mut self.probe.sign);
        fields.number(format_args!("probe.amplitude_a"), &mut self.probe.amplitude_a);
        fields.number(format_args!("probe.angle_rad"), &mut self.probe.angle_rad);
        for (k, place) in self.compensation.iter_mut().enumerate() {
            let k = k + 1;
            order(fields, format_args!("compensation{k}.order"), &mut place.order);
            fields.number(format_args!("compensation{k}.conductance_s"), &mut place.conductance_s);
            for (phase, current) in ["a", "b", "c"].into_iter().zip(&mut place.current_a) {
                phasor(fields, format_args!("compensation{k}.{phase}"), "a", current);
            }
        }
    }
}

/// An order as a number and back; what is no order is 0.
pub(super) fn order(fields: &mut impl Fields, name: std::fmt::Arguments<'_>, value: &mut u8) {
    let mut number = u64::from(*value);
    count(fields, name, &mut number);
    *value = u8::try_from(number).unwrap_or(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_travels_as_channels() {
        let names = HarmonicCommand::names("ev634");
        assert_eq!(names.len(), HarmonicCommand::CHANNELS);
        assert!(names.contains(&"ev634.compensation4.c.im_a".to_owned()), "{names:?}");
        let mut command = HarmonicCommand { sequence: 3, tick: Tick(70), carrier_hz: 16e3, ..Default::default() };
        command.compensation[1] = Compensation { order: 11, current_a: [complex(1.0, -2.0); 3], conductance_s: 0.5 };
        command.probe = Probe { order: 5, sign: -1.0, amplitude_a: 0.6, angle_rad: 0.3 };
        command.connected = false;
        let mut frame = Frame::new(HarmonicCommand::CHANNELS + 2);
        assert_eq!(HarmonicCommand::read(&frame, 2), None, "nothing has arrived");
        frame.advance(Tick(71));
        command.write(&mut frame, 2);
        assert_eq!(HarmonicCommand::read(&frame, 2), Some(command));
        assert!((command.probe.current_a() + Complex::from_polar(0.6, 0.3)).norm() < 1e-12, "the sign is in it");
    }

    #[test]
    fn an_unknown_carrier_stays_the_device_s_own() {
        let command = HarmonicCommand { sequence: 1, ..Default::default() };
        let mut frame = Frame::new(HarmonicCommand::CHANNELS);
        command.write(&mut frame, 0);
        assert!(HarmonicCommand::read(&frame, 0).is_some_and(|c| c.carrier_hz.is_nan() && c.same_order(&command)));
        frame.set(HarmonicCommand::CHANNELS - 1, f64::NAN);
        assert_eq!(HarmonicCommand::read(&frame, 0), None, "a current that is not known is not zero");
    }
}
