//! Rows of samples into blocks; samples that are missing become blocks that are not valid.

use super::Findings;
use crate::signal::Waveform;

/// What a reader found at its next row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A sample of each channel.
    Sample,
    /// So many samples are missing, and then a sample of each channel.
    After(u64),
    /// So many samples are missing.
    Missing(u64),
    /// The end.
    End,
}

/// Rows on their way into blocks.
#[derive(Debug)]
pub struct Feed {
    row: Vec<f64>,
    /// Whether the row waits for a block.
    waiting: bool,
    /// Missing samples to be told before it.
    missing: u64,
    /// Place of the next sample.
    position: u64,
}

impl Feed {
    /// For rows of so many channels.
    pub fn new(channels: usize) -> Self {
        Self { row: vec![0.0; channels], waiting: false, missing: 0, position: 0 }
    }

    /// Fills a block from rows; `false` when there are none left.
    pub fn fill(
        &mut self,
        block: &mut Waveform,
        mut next: impl FnMut(&mut [f64]) -> Result<Row, Box<Findings>>,
    ) -> Result<bool, Box<Findings>> {
        let mut filled = 0;
        block.begin(self.position, block.capacity());
        while filled < block.capacity() && (self.missing == 0 || filled == 0 && !self.waiting) {
            let row = if std::mem::take(&mut self.waiting) { Row::Sample } else { next(&mut self.row)? };
            match row {
                // What is missing is told first.
                Row::Sample if self.missing > 0 => self.waiting = true,
                Row::Sample => {
                    put(block, filled, &self.row);
                    filled += 1;
                }
                Row::After(missing) => {
                    self.missing = self.missing.saturating_add(missing);
                    self.waiting = true;
                }
                Row::Missing(missing) => self.missing = self.missing.saturating_add(missing),
                Row::End => break,
            }
        }
        if filled == 0 && self.missing > 0 {
            let length = self.missing.min(block.capacity() as u64);
            block.begin(self.position, usize::try_from(length).unwrap_or(block.capacity()));
            block.valid = false;
            self.missing -= length;
            self.position += length;
            return Ok(length > 0);
        }
        block.begin(self.position, filled);
        self.position += filled as u64;
        Ok(filled > 0)
    }
}

fn put(block: &mut Waveform, at: usize, row: &[f64]) {
    for (channel, value) in row.iter().enumerate() {
        if let Some(sample) = block.channel_mut(channel).get_mut(at) {
            *sample = *value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_where_it_is_missing() {
        let rows = [Row::Sample, Row::Sample, Row::After(5), Row::Missing(2), Row::Sample, Row::Missing(1)];
        let mut rows = rows.into_iter().chain(std::iter::repeat(Row::End));
        let (mut feed, mut block) = (Feed::new(1), Waveform::new(1, 4));
        let mut seen = Vec::new();
        let mut value = 0.0;
        while feed
            .fill(&mut block, |row| {
                value += 1.0;
                row[0] = value;
                Ok(rows.next().unwrap_or(Row::End))
            })
            .unwrap()
        {
            let samples = if block.valid { block.channel(0).to_vec() } else { vec![] };
            seen.push((block.first, block.len(), samples));
        }
        let expected = [
            (0, 2, vec![1.0, 2.0]),
            (2, 4, vec![]),
            (6, 1, vec![]),
            (7, 1, vec![3.0]),
            (8, 2, vec![]),
            (10, 1, vec![5.0]),
            (11, 1, vec![]),
        ];
        assert_eq!(seen, expected);
        assert_eq!(feed.position, 12);
    }
}
