//! What instruments look at: phasors of each channel at the orders of the fundamental, and at further frequencies.

use crate::quantity::{Complex, complex};

/// Highest order of the fundamental.
pub const MOST_ORDER: usize = 50;

/// A frequency beside the orders: an interharmonic, a sideband of a carrier, a signal of ripple control.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Component {
    /// What does not move with the fundamental, in Hz, 0 to 1e9; for a sideband of the carrier's m-th group m·f_sw.
    pub free_hz: f64,
    /// Times the fundamental's frequency, on top of that; the sideband's number.
    pub order: i32,
}

/// Spectra of several channels at one instant, in V and A. Room for them is taken once.
///
/// A channel's value at an instant is
///
/// ```text
/// x = x₀ + √2·Re( Σ x_h·e^{jhθ} + Σ x_c·e^{j(φ_c + n_c·θ)} )
/// ```
///
/// with RMS phasors x, the fundamental's angle θ = ∫2πf dt, and the angle φ_c = ∫2πf_c dt of a component's free part, both 0
/// when sampling begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectra {
    /// The fundamental's frequency in Hz.
    pub frequency_hz: f64,
    components: Vec<Component>,
    channels: usize,
    /// Channel after channel: order 0 (a mean, its real part) to [`MOST_ORDER`], then components.
    phasors: Vec<Complex>,
}

impl Spectra {
    /// Nothing in any channel.
    pub fn new(frequency_hz: f64, channels: usize, components: usize) -> Self {
        let phasors = vec![complex(0.0, 0.0); channels * (MOST_ORDER + 1 + components)];
        Self { frequency_hz, components: vec![Component::default(); components], channels, phasors }
    }

    /// Number of channels.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// The frequencies beside the orders.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// The frequencies beside the orders, to be written. They may change from tick to tick; angles go on.
    pub fn components_mut(&mut self) -> &mut [Component] {
        &mut self.components
    }

    /// A channel's RMS phasors by order, 0 to [`MOST_ORDER`]; the mean is the real part of order 0.
    pub fn orders(&self, channel: usize) -> &[Complex] {
        self.channel(channel).get(..=MOST_ORDER).unwrap_or_default()
    }

    /// A channel's phasors by order, to be written.
    pub fn orders_mut(&mut self, channel: usize) -> &mut [Complex] {
        self.channel_mut(channel).get_mut(..=MOST_ORDER).unwrap_or_default()
    }

    /// A channel's RMS phasors at the frequencies beside the orders.
    pub fn beside(&self, channel: usize) -> &[Complex] {
        self.channel(channel).get(MOST_ORDER + 1..).unwrap_or_default()
    }

    /// A channel's phasors at the frequencies beside the orders, to be written.
    pub fn beside_mut(&mut self, channel: usize) -> &mut [Complex] {
        self.channel_mut(channel).get_mut(MOST_ORDER + 1..).unwrap_or_default()
    }

    /// A channel's phasors: order 0 to [`MOST_ORDER`], then those beside; none of a channel that there is not.
    pub fn channel(&self, channel: usize) -> &[Complex] {
        let width = MOST_ORDER + 1 + self.components.len();
        self.phasors.chunks_exact(width).nth(channel).unwrap_or_default()
    }

    /// A channel's phasors, to be written, as [`Spectra::channel`].
    pub fn channel_mut(&mut self, channel: usize) -> &mut [Complex] {
        let width = MOST_ORDER + 1 + self.components.len();
        self.phasors.chunks_exact_mut(width).nth(channel).unwrap_or_default()
    }

    /// Becomes a copy of `other`, as far as there is room, without allocating.
    pub fn copy_from(&mut self, other: &Self) {
        self.frequency_hz = other.frequency_hz;
        self.components.iter_mut().zip(&other.components).for_each(|(own, other)| *own = *other);
        for channel in 0..self.channels {
            self.channel_mut(channel).iter_mut().zip(other.channel(channel)).for_each(|(own, other)| *own = *other);
        }
    }

    /// Frequency in Hz of each of a channel's phasors, in the order of [`Spectra::channel`].
    #[allow(clippy::cast_precision_loss, reason = "orders are small")]
    pub fn frequencies_hz(&self) -> impl Iterator<Item = f64> + '_ {
        let beside = self.components.iter().map(|c| c.free_hz + f64::from(c.order) * self.frequency_hz);
        (0..=MOST_ORDER).map(|order| order as f64 * self.frequency_hz).chain(beside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_have_their_own_room() {
        let mut spectra = Spectra::new(50.0, 2, 1);
        spectra.components_mut()[0] = Component { free_hz: 20_000.0, order: -2 };
        spectra.orders_mut(1)[5] = complex(2.0, 1.0);
        spectra.beside_mut(0)[0] = complex(3.0, 0.0);
        assert_eq!(
            (spectra.orders(0).len(), spectra.beside(0), spectra.orders(2).len()),
            (51, &[complex(3.0, 0.0)][..], 0)
        );
        assert_eq!(spectra.channel(1)[5], complex(2.0, 1.0));
        let frequencies: Vec<f64> = spectra.frequencies_hz().collect();
        assert_eq!((frequencies[0], frequencies[50], frequencies[51]), (0.0, 2500.0, 19_900.0));
        let mut copy = Spectra::new(60.0, 2, 1);
        copy.copy_from(&spectra);
        assert_eq!(copy, spectra);
    }
}
