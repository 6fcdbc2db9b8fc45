//! Smoothing of groups over 1.5 s (IEC 61000-4-7): a low-pass of first order on their mean squares' roots.

use super::super::MOST_ORDER;
use super::super::window::ChannelWindow;
use super::SMOOTHING;

/// Lists of groups of a channel that are smoothed.
const LISTS: usize = 4;

/// Smoothed lists of all channels.
#[derive(Clone, Debug)]
pub struct Smooth {
    values: Vec<f64>,
    /// Whether a channel has values yet.
    begun: Vec<bool>,
}

impl Smooth {
    pub fn new(channels: usize) -> Self {
        Self { values: vec![0.0; channels * LISTS * (MOST_ORDER + 1)], begun: vec![false; channels] }
    }

    /// Puts smoothed values in the place of a channel's lists.
    pub fn apply(&mut self, place: usize, channel: &mut ChannelWindow) {
        let begun = std::mem::replace(&mut self.begun[place], true);
        let lists = [
            &mut channel.subgroup_rms,
            &mut channel.group_rms,
            &mut channel.interharmonic_group_rms,
            &mut channel.interharmonic_subgroup_rms,
        ];
        let size = LISTS * (MOST_ORDER + 1);
        let own = &mut self.values[place * size..(place + 1) * size];
        for (list, smoothed) in lists.into_iter().zip(own.chunks_exact_mut(MOST_ORDER + 1)) {
            for (x, y) in list.iter_mut().zip(smoothed) {
                *y = if begun { *y + SMOOTHING * (*x - *y) } else { *x };
                *x = *y;
            }
        }
    }

    /// Begins anew with the next window.
    pub fn restart(&mut self, place: usize) {
        self.begun[place] = false;
    }
}
