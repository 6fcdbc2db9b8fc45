//! The instrument: samples in, findings out. It joins the windows with what is measured in the time domain.
//!
//! Its whole state is this value: a clone is a snapshot, and putting the clone in its place restores it.

use super::settings::{Settings, SettingsError};
use super::spectral::{Measured, Spectral};
use super::window::Window;
use crate::signal::Waveform;

/// What an instrument says, in the order of time in which it is known.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Finding<'a> {
    /// A window has been measured.
    Window(&'a Window),
    /// An interval of 10 s has ended.
    Frequency(TenSeconds),
}

/// Frequency over 10 s: whole cycles over how long they took (IEC 61000-4-30).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TenSeconds {
    /// When the interval began, in s since sampling began.
    pub start_s: f64,
    /// Whole cycles within it.
    pub cycles: u32,
    /// Frequency in Hz; NaN where the fundamental was lost meanwhile.
    pub frequency_hz: f64,
}

impl<'a> From<Measured<'a>> for Finding<'a> {
    fn from(measured: Measured<'a>) -> Self {
        match measured {
            Measured::Window(window) => Self::Window(window),
            Measured::Frequency(ten_seconds) => Self::Frequency(ten_seconds),
        }
    }
}

/// What became of a block of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It continued the one before.
    Gapless,
    /// So many samples before or in it did not come; windows that miss any are not valid.
    Gap(u64),
    /// It began before the end of the one before, and was not taken.
    Backwards,
    /// It has other channels than the instrument, and was not taken.
    WrongChannels,
}

/// A power-quality instrument.
#[derive(Clone, Debug)]
pub struct Instrument {
    spectral: Spectral,
}

impl Instrument {
    /// An instrument, with all the room it will need.
    ///
    /// # Errors
    /// When there cannot be such an instrument: [`Settings::check`].
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { spectral: Spectral::new(settings) })
    }

    /// What it is.
    pub const fn settings(&self) -> &Settings {
        self.spectral.settings()
    }

    /// Centres in Hz of the bands of 200 Hz that it measures.
    pub fn band_centres_hz(&self) -> impl Iterator<Item = f64> {
        (0..self.spectral.bands()).map(super::band_centre_hz)
    }

    /// Changes the currents that TDD and TRD relate to, in A RMS, from the next window on.
    pub fn set_ratings(&mut self, demand_a: Option<f64>, rated_a: Option<f64>) {
        self.spectral.set_ratings(demand_a, rated_a);
    }

    /// Takes in a block of any length and tells what it finds.
    pub fn push(&mut self, block: &Waveform, found: &mut dyn FnMut(Finding)) -> Taken {
        self.spectral.push(block, &mut |measured| found(measured.into()))
    }

    /// Says that no more samples come: measures what is still whole.
    pub fn finish(&mut self, found: &mut dyn FnMut(Finding)) {
        self.spectral.finish(&mut |measured| found(measured.into()));
    }
}
