//! A frame: values of channels at one instant, each with its own validity and age.

use crate::quantity::Tick;

/// Names of a frame's channels, with their units as the last part; a channel is known by its place from here on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    names: Vec<String>,
}

impl Channels {
    /// Channels in this order.
    pub const fn new(names: Vec<String>) -> Self {
        Self { names }
    }

    /// Their names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of a name.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own == name)
    }
}

/// The value of a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channel {
    /// The value, in the unit of the channel's name; the last good one where it is not valid, NaN before the first.
    pub value: f64,
    /// Whether it means anything.
    pub valid: bool,
    /// Ticks since the value was measured; before the first value, since the start.
    pub age: u64,
}

/// Values of a fixed number of channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Counts a sender's frames from 1; 0 is the frame that stands for none so far.
    pub sequence: u64,
    /// When it was made.
    pub origin: Tick,
    channels: Box<[Channel]>,
}

impl Frame {
    /// A frame of channels without a value yet.
    pub fn new(channels: usize) -> Self {
        let none = Channel { value: f64::NAN, valid: false, age: 0 };
        Self { sequence: 0, origin: Tick(0), channels: vec![none; channels].into() }
    }

    /// The channels, in order.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// A channel by its place; without value and validity beyond the last.
    pub fn get(&self, channel: usize) -> Channel {
        self.channels.get(channel).copied().unwrap_or(Channel { value: f64::NAN, valid: false, age: self.origin.0 })
    }

    /// Begins a new frame: everything is as old as time has passed since the one before.
    pub fn advance(&mut self, tick: Tick) {
        let passed = tick.0.saturating_sub(self.origin.0);
        self.channels.iter_mut().for_each(|channel| channel.age += passed);
        (self.sequence, self.origin) = (self.sequence + 1, tick);
    }

    /// Gives a channel a new value; one that is not a number leaves it invalid.
    pub fn set(&mut self, channel: usize, value: f64) {
        if let Some(own) = self.channels.get_mut(channel) {
            match value.is_finite() {
                true => *own = Channel { value, valid: true, age: 0 },
                false => own.valid = false,
            }
        }
    }

    /// Gives a channel a value with its validity and age.
    pub fn put(&mut self, channel: usize, value: Channel) {
        if let Some(own) = self.channels.get_mut(channel) {
            *own = value;
        }
    }

    /// Takes over another frame of as many channels, as it is some ticks after its origin.
    pub fn take(&mut self, other: &Self, later: u64) {
        (self.sequence, self.origin) = (other.sequence, other.origin);
        for (own, new) in self.channels.iter_mut().zip(&other.channels) {
            *own = Channel { age: new.age + later, ..*new };
        }
    }

    /// Lets every channel become older.
    pub fn grow_older(&mut self, ticks: u64) {
        self.channels.iter_mut().for_each(|channel| channel.age += ticks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_place() {
        let channels = Channels::new(vec!["a.1.v_pu".into(), "a.2.v_pu".into()]);
        assert_eq!((channels.index("a.2.v_pu"), channels.index("a.3.v_pu")), (Some(1), None));
    }

    #[test]
    fn each_channel_has_its_own_validity_and_age() {
        let mut frame = Frame::new(2);
        frame.advance(Tick(10));
        frame.set(0, 1.0);
        frame.set(1, f64::NAN);
        assert_eq!(frame.get(0), Channel { value: 1.0, valid: true, age: 0 });
        assert_eq!((frame.get(1).valid, frame.get(1).age), (false, 10), "nothing since the start");
        frame.advance(Tick(13));
        frame.set(1, 2.0);
        frame.set(0, f64::INFINITY);
        assert_eq!(frame.get(0), Channel { value: 1.0, valid: false, age: 3 }, "the last good value");
        assert_eq!((frame.sequence, frame.origin, frame.get(1).age), (2, Tick(13), 0));
        assert!(!frame.get(2).valid, "there is no such channel");
    }
}
