//! Pieces of the waveform that are worth looking at: the first window, and what was around each of the first events.

use serde::{Deserialize, Serialize};

use crate::signal::Waveform;

/// Seconds that are remembered.
const REMEMBERED_S: f64 = 4.0;
/// Cycles before and after an event's start that are kept.
const BEFORE: f64 = 2.5;
const AFTER: f64 = 10.0;
/// Most pieces kept.
const MOST: usize = 12;
/// Most samples of a channel in a piece.
const MOST_SAMPLES: usize = 2000;

/// A piece of the waveform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Excerpt {
    /// What it shows, as in `first window` or `dip`.
    pub of: String,
    /// When the event began.
    pub at_s: f64,
    /// When the piece begins.
    pub start_s: f64,
    /// Seconds between samples.
    pub step_s: f64,
    /// Samples by channel, in V and A; `None` where they are missing.
    pub channels: Vec<Vec<Option<f32>>>,
}

/// The last seconds of the waveform, and the pieces kept of it.
#[derive(Clone, Debug)]
pub struct Excerpts {
    rate_hz: f64,
    cycle_s: f64,
    room: usize,
    channels: Vec<Vec<f32>>,
    /// Samples taken since sampling began.
    end: u64,
    /// Starts of disturbances whose piece is not complete, or not yet asked for.
    pending: Vec<f64>,
    caught: Vec<Excerpt>,
    kept: Vec<Excerpt>,
}

impl Excerpts {
    /// Nothing yet.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded; a float cast saturates")]
    pub fn new(channels: usize, rate_hz: f64, nominal_hz: f64) -> Self {
        let room = ((REMEMBERED_S * rate_hz) as usize).clamp(64, 4 << 20);
        Self {
            rate_hz,
            cycle_s: 1.0 / nominal_hz,
            room,
            channels: vec![vec![f32::NAN; room]; channels],
            end: 0,
            pending: Vec::new(),
            caught: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Remembers a block.
    #[allow(clippy::cast_possible_truncation, reason = "pictures need no more than single precision")]
    pub fn push(&mut self, block: &Waveform) {
        let room = self.room as u64;
        for (own, k) in self.channels.iter_mut().zip(0..) {
            let samples = block.channel(k);
            // Of a block longer than what is remembered, the end.
            let skipped = samples.len().saturating_sub(self.room);
            for (n, x) in samples.iter().enumerate().skip(skipped) {
                let at = ((block.first + n as u64) % room) as usize;
                own[at] = if block.valid { *x as f32 } else { f32::NAN };
            }
        }
        self.end = block.first + block.len() as u64;
        self.catch();
    }

    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 samples")]
    fn end_s(&self) -> f64 {
        self.end as f64 / self.rate_hz
    }

    /// Says that a disturbance begins, which may last longer than what is remembered.
    pub fn disturbed(&mut self, at_s: f64) {
        let last = self.pending.last().copied().or_else(|| self.caught.last().map(|e| e.at_s));
        let is_new = last.is_none_or(|last| at_s - last > AFTER * self.cycle_s);
        if is_new && self.pending.len() + self.caught.len() < 2 * MOST {
            self.pending.push(at_s);
        }
    }

    fn catch(&mut self) {
        let (end_s, after_s) = (self.end_s(), AFTER * self.cycle_s);
        while self.pending.first().is_some_and(|at_s| at_s + after_s <= end_s) {
            let at_s = self.pending.remove(0);
            let piece = self.piece("", at_s);
            self.caught.push(piece);
        }
    }

    /// Keeps the piece around an event.
    pub fn keep(&mut self, of: &str, at_s: f64) {
        if self.kept.len() >= MOST {
            return;
        }
        let near = |e: &Excerpt| (e.at_s - at_s).abs() <= 3.0 * self.cycle_s;
        let remembered = at_s - BEFORE * self.cycle_s > self.end_s() - 0.95 * REMEMBERED_S;
        let piece = match self.caught.iter().find(|e| near(e)) {
            Some(caught) if !remembered => Excerpt { of: of.to_owned(), at_s, ..caught.clone() },
            _ => self.piece(of, at_s),
        };
        self.kept.push(piece);
    }

    /// Keeps the first window.
    pub fn keep_first(&mut self, start_s: f64, duration_s: f64) {
        let piece = self.cut("first window", start_s, start_s, start_s + duration_s);
        self.kept.insert(0, piece);
    }

    fn piece(&self, of: &str, at_s: f64) -> Excerpt {
        self.cut(of, at_s, at_s - BEFORE * self.cycle_s, at_s + AFTER * self.cycle_s)
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "it saturates"
    )]
    fn cut(&self, of: &str, at_s: f64, from_s: f64, to_s: f64) -> Excerpt {
        let oldest = self.end.saturating_sub(self.room as u64);
        let first = ((from_s.max(0.0) * self.rate_hz).round() as u64).max(oldest);
        let last = ((to_s * self.rate_hz).round() as u64).clamp(first, self.end.max(first));
        let every = ((last - first) as usize).div_ceil(MOST_SAMPLES).max(1);
        let sample = |own: &Vec<f32>, n: u64| Some(own[(n % self.room as u64) as usize]).filter(|x| x.is_finite());
        Excerpt {
            of: of.to_owned(),
            at_s,
            start_s: first as f64 / self.rate_hz,
            step_s: every as f64 / self.rate_hz,
            channels: self
                .channels
                .iter()
                .map(|own| (first..last).step_by(every).map(|n| sample(own, n)).collect())
                .collect(),
        }
    }

    /// The pieces kept.
    pub fn into_kept(self) -> Vec<Excerpt> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_cut_where_events_were() {
        let mut excerpts = Excerpts::new(1, 10_000.0, 50.0);
        let mut block = Waveform::new(1, 5_000);
        for k in 0..20u32 {
            block.begin(u64::from(k) * 5_000, 5_000);
            block.channel_mut(0).iter_mut().enumerate().for_each(|(n, x)| *x = f64::from(k) * 5_000.0 + n as f64);
            block.valid = k != 5;
            if k == 3 {
                excerpts.disturbed(1.6);
            }
            excerpts.push(&block);
            if k == 0 {
                excerpts.keep_first(0.0, 0.2);
            }
        }
        excerpts.keep("dip", 1.601);
        excerpts.keep("rvc", 9.0);
        let kept = excerpts.into_kept();
        assert_eq!(kept[0].channels[0].len(), 2_000);
        assert_eq!((kept[1].channels[0][0], kept[1].at_s), (Some(15_500.0), 1.601), "long ago, but caught");
        assert_eq!((kept[2].start_s, kept[2].channels[0][0]), (8.95, Some(89_500.0)));
        assert!((kept[2].step_s - 2e-4).abs() < 1e-12, "thinned");
    }
}
