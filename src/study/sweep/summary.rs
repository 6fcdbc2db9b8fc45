//! `summary.json` of a sweep: how many samples converged, and what each column's values are like, in constant memory.
//!
//! A column is gone through three times: for its ends, for 2,560 equal bins between them (64 to each of the histogram's
//! 40), and for 2,560 bins inside each bin that holds a percentile. A percentile is then the smallest sample in a bin of
//! 1/6,553,600 of the range, by the nearest-rank definition: never a value that no sample has.

use std::io;

use indexmap::IndexMap;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::assemble::Blocks;
use super::result::{STATUS, STATUS_COLUMN};
use super::sheet::Kind;

/// Bins of a histogram.
pub const BINS: usize = 40;
/// Percentiles of a column.
pub const PERCENTILES: [u32; 7] = [1, 5, 25, 50, 75, 95, 99];
/// Finer bins of each bin.
const FINER: usize = 64;
const FINE: usize = BINS * FINER;
/// Most varied values that are summed up; of more, only the first.
const MOST_VARIED: usize = 32;

/// What a sweep comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The scenario's name.
    pub scenario: String,
    /// The feeder's name.
    pub feeder: String,
    /// Seed of all draws.
    pub seed: u64,
    /// Samples summed up (of a shard, its own).
    pub samples: u64,
    /// Samples by how they ended.
    pub status: IndexMap<String, u64>,
    /// Columns of numbers: the varied ones (of many the first 32), then results.
    pub columns: IndexMap<String, ColumnSummary>,
}

/// What the values of a column are like, over the samples that have one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnSummary {
    /// Samples that have a value.
    pub count: u64,
    /// Smallest value; `null` when there is none.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// Mean.
    pub mean: Option<f64>,
    /// Percentiles by nearest rank: `p1` is the value that 1 % of the samples do not exceed.
    pub percentiles: IndexMap<String, f64>,
    /// 40 equal bins from the smallest to the largest value; empty when there is no value.
    pub histogram: Vec<u64>,
}

/// Sums blocks up.
pub(super) fn summary(blocks: &Blocks<'_>) -> io::Result<Summary> {
    let identity = blocks.identity;
    let mut status: IndexMap<String, u64> = STATUS.iter().map(|name| ((*name).to_owned(), 0)).collect();
    let mut samples = 0;
    if let Some(column) = identity.columns.iter().position(|c| c.name == STATUS_COLUMN) {
        blocks.each(column, |value| {
            samples += 1;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among texts")]
            if let Some((_, count)) = status.get_index_mut(value as usize) {
                *count += 1;
            }
        })?;
    }
    let summed_up = |k: &usize| {
        let numeric = !matches!(identity.columns[*k].kind, Kind::Text(_));
        numeric && (*k < MOST_VARIED || *k >= identity.varied)
    };
    let wanted: Vec<usize> = (0..identity.columns.len()).filter(summed_up).collect();
    let columns: io::Result<Vec<(String, ColumnSummary)>> =
        wanted.par_iter().map(|&k| Ok((identity.columns[k].name.clone(), column(|f| blocks.each(k, f))?))).collect();
    Ok(Summary {
        scenario: identity.scenario.clone(),
        feeder: identity.feeder.clone(),
        seed: identity.seed,
        samples,
        status,
        columns: columns?.into_iter().collect(),
    })
}

#[derive(Clone, Copy)]
struct Fine {
    low: f64,
    width: f64,
}

impl Fine {
    /// The bin of a value; outside ones count at the ends.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
    fn bin(self, value: f64) -> usize {
        if self.width > 0.0 { (((value - self.low) / self.width) as usize).min(FINE - 1) } else { 0 }
    }
}

/// Sums up a column that `each` goes through.
#[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn column(each: impl Fn(&mut dyn FnMut(f64)) -> io::Result<()>) -> io::Result<ColumnSummary> {
    let (mut count, mut sum, mut min, mut max) = (0u64, 0.0, f64::INFINITY, f64::NEG_INFINITY);
    each(&mut |x| {
        if !x.is_nan() {
            (count, sum, min, max) = (count + 1, sum + x, min.min(x), max.max(x));
        }
    })?;
    if count == 0 {
        let (percentiles, histogram) = (IndexMap::new(), Vec::new());
        return Ok(ColumnSummary { count, min: None, max: None, mean: None, percentiles, histogram });
    }
    let fine = Fine { low: min, width: (max - min) / FINE as f64 };
    let mut counts = vec![0u64; FINE];
    each(&mut |x| {
        if !x.is_nan() {
            counts[fine.bin(x)] += 1;
        }
    })?;
    let targets = PERCENTILES.map(|p| (u64::from(p) * count).div_ceil(100).max(1));
    let percentiles = percentiles(&each, fine, &counts, targets)?;
    let names = PERCENTILES.iter().map(|p| format!("p{p}"));
    Ok(ColumnSummary {
        count,
        min: Some(min),
        max: Some(max),
        mean: Some(sum / count as f64),
        percentiles: names.zip(percentiles).collect(),
        histogram: counts.chunks(FINER).map(|bins| bins.iter().sum()).collect(),
    })
}

/// The values of these ranks (1 is the smallest).
fn percentiles(
    each: &impl Fn(&mut dyn FnMut(f64)) -> io::Result<()>,
    fine: Fine,
    counts: &[u64],
    ranks: [u64; PERCENTILES.len()],
) -> io::Result<[f64; PERCENTILES.len()]> {
    let places = ranks.map(|rank| locate(counts, rank));
    let mut inside: Vec<(usize, Inside)> = Vec::new();
    for (bin, _) in places {
        if !inside.iter().any(|(b, _)| *b == bin) {
            #[allow(clippy::cast_precision_loss)]
            let within = Fine { low: fine.low + bin as f64 * fine.width, width: fine.width / FINE as f64 };
            inside.push((bin, Inside { within, counts: vec![0; FINE], least: vec![f64::INFINITY; FINE] }));
        }
    }
    each(&mut |x| {
        if !x.is_nan() {
            let bin = fine.bin(x);
            if let Some((_, i)) = inside.iter_mut().find(|(b, _)| *b == bin) {
                let k = i.within.bin(x);
                i.counts[k] += 1;
                i.least[k] = i.least[k].min(x);
            }
        }
    })?;
    Ok(places.map(|(bin, rank)| {
        let found = inside.iter().find(|(b, _)| *b == bin);
        found.map_or(f64::NAN, |(_, i)| i.least[locate(&i.counts, rank).0])
    }))
}

/// A bin looked into.
struct Inside {
    within: Fine,
    counts: Vec<u64>,
    least: Vec<f64>,
}

/// The bin that holds a rank, and the rank among that bin's values.
fn locate(counts: &[u64], rank: u64) -> (usize, u64) {
    let mut before = 0;
    for (bin, &count) in counts.iter().enumerate() {
        if before + count >= rank {
            return (bin, rank - before);
        }
        before += count;
    }
    (counts.len().saturating_sub(1), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> ColumnSummary {
        column(|f| {
            values.iter().for_each(|x| f(*x));
            Ok(())
        })
        .unwrap()
    }

    #[test]
    fn percentiles_are_those_of_sorting() {
        // 1 to 1000, out of order (7 has no factor in common with 1000), and one without a value.
        let values: Vec<f64> = (0..1000u32).map(|k| f64::from(k * 7 % 1000 + 1)).chain([f64::NAN]).collect();
        let s = of(&values);
        assert_eq!((s.count, s.min, s.max, s.mean), (1000, Some(1.0), Some(1000.0), Some(500.5)));
        let found: Vec<f64> = s.percentiles.values().copied().collect();
        assert_eq!(found, [10.0, 50.0, 250.0, 500.0, 750.0, 950.0, 990.0]);
        assert_eq!(s.histogram, vec![25; BINS]);
    }

    #[test]
    fn equal_values_and_none_are_summed_up_too() {
        let s = of(&[0.3; 5]);
        assert_eq!((s.percentiles["p50"], s.histogram[0], s.histogram.len()), (0.3, 5, BINS));
        let s = of(&[f64::NAN]);
        assert_eq!((s.count, s.min, s.percentiles.len(), s.histogram.len()), (0, None, 0, 0));
        let two = of(&[0.1, 0.1, 0.7]);
        assert_eq!((two.percentiles["p50"], two.percentiles["p75"]), (0.1, 0.7));
    }
}
