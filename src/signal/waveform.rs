//! Blocks of samples: what an instrument's front end hands to the instrument.

/// Samples of several channels, taken at the same instants, a block at a time. The room for them is taken once.
#[derive(Clone, Debug, PartialEq)]
pub struct Waveform {
    /// Place of the first sample since sampling began.
    pub first: u64,
    /// Whether the samples arrived; a lost block says how many it had, and no more.
    pub valid: bool,
    channels: usize,
    capacity: usize,
    len: usize,
    samples: Vec<f64>,
}

impl Waveform {
    /// Room for blocks of at most `capacity` samples of each of `channels` channels.
    pub fn new(channels: usize, capacity: usize) -> Self {
        Self { first: 0, valid: true, channels, capacity, len: 0, samples: vec![0.0; channels * capacity] }
    }

    /// Begins a block of `len` samples, at most the capacity, whose first is the `first` since sampling began. Samples
    /// keep their old values until they are written.
    pub fn begin(&mut self, first: u64, len: usize) {
        (self.first, self.valid, self.len) = (first, true, len.min(self.capacity));
    }

    /// Number of channels.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Most samples of each channel that a block can hold.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Samples of each channel.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the block has no samples.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Samples of a channel; none of one that there is not.
    pub fn channel(&self, channel: usize) -> &[f64] {
        let from = channel.saturating_mul(self.capacity);
        self.samples.get(from..from.saturating_add(self.len)).unwrap_or_default()
    }

    /// Samples of a channel, to be written.
    pub fn channel_mut(&mut self, channel: usize) -> &mut [f64] {
        let from = channel.saturating_mul(self.capacity);
        self.samples.get_mut(from..from.saturating_add(self.len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_do_not_touch_each_other() {
        let mut block = Waveform::new(2, 4);
        block.begin(10, 3);
        block.channel_mut(0).fill(1.0);
        block.channel_mut(1).copy_from_slice(&[2.0, 3.0, 4.0]);
        assert_eq!((block.channel(0), block.channel(1)), (&[1.0; 3][..], &[2.0, 3.0, 4.0][..]));
        block.begin(13, 9);
        assert_eq!((block.len(), block.channel(1).len(), block.channel(2).len()), (4, 4, 0));
    }
}
