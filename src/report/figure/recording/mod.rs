//! Figures of a measured recording: spectrum, trend, waveform, events in the ITI curve.

mod itic;
mod spectrum;
mod trend;
mod waveform;

use super::Figure;
use super::canvas::{Colour, PHASES};
use crate::study::monitor::Summary;

/// All figures that a recording has something to show in.
pub fn figures(summary: &Summary) -> Vec<Figure> {
    let spectra = ["u", "i"].map(|letter| spectrum::spectrum(summary, letter));
    let trends = trend::trends(summary);
    let rest = [itic::itic(summary), waveform::waveform(summary)];
    spectra.into_iter().flatten().chain(trends).chain(rest.into_iter().flatten()).collect()
}

/// The colour of a channel: that of its phase.
fn colour(name: &str) -> Colour {
    let number = name.chars().last().and_then(|c| c.to_digit(10)).unwrap_or(4) as usize;
    PHASES.get(number.wrapping_sub(1)).copied().unwrap_or(Colour::Label)
}

/// Channels of a letter with their places.
fn of<'a>(summary: &'a Summary, letter: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let named = summary.channels.iter().enumerate().map(|(k, channel)| (k, channel.name.as_str()));
    named.filter(move |(_, name)| name.starts_with(letter))
}
