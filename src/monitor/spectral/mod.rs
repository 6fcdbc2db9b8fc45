//! Windows: from blocks of samples to what each window of 10 or 12 cycles measured.

use super::instrument::{Finding, Taken};
use super::settings::Settings;
use super::window::Window;
use crate::signal::Waveform;

/// The part of an instrument that measures windows.
#[derive(Clone, Debug)]
pub struct Spectral {
    settings: Settings,
    window: Window,
    bands: usize,
}

impl Spectral {
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), window: Window::room(settings, 0), bands: 0 }
    }

    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub const fn bands(&self) -> usize {
        self.bands
    }

    pub fn set_ratings(&mut self, demand_a: Option<f64>, rated_a: Option<f64>) {
        (self.settings.demand_a, self.settings.rated_a) = (demand_a, rated_a);
    }

    pub fn push(&mut self, _block: &Waveform, found: &mut dyn FnMut(Finding)) -> Taken {
        self.window.channels.iter_mut().for_each(super::window::ChannelWindow::forget);
        found(Finding::Window(&self.window));
        Taken::Gapless
    }

    pub fn finish(&mut self, _found: &mut dyn FnMut(Finding)) {}
}
