//! Many samples of one scenario: Monte Carlo and grids over its `vary:`, streamed to disk.
//!
//! Samples are numbered; a sample's bytes are a function of scenario, seed and number alone. They are computed in blocks by
//! as many threads as wanted, each finished block is a file ([`Directory`]), and when all are there they become one
//! Parquet file. A killed sweep goes on where it was; shards' blocks merge to the bytes of one run. Memory does not grow
//! with the number of samples. `docs/models/sweep.md` says what is drawn and recorded.
//!
//! One solution whose load multiplier and load scales vary is solved in lanes (`lanes`); everything else is read anew and
//! run, sample by sample (`runs`).

mod assemble;
mod design;
mod lanes;
mod result;
mod runs;
mod sheet;
mod store;
mod summary;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub use assemble::SAMPLE;
pub use design::{Design, DesignError};
pub use result::{STATUS, STATUS_COLUMN};
pub use sheet::{Column, Kind};
pub use store::{Directory, IDENTITY_FILE, Identity, Shard, StoreError};
pub use summary::{BINS, ColumnSummary, PERCENTILES, Summary};

use crate::bench::{Bench, SetupError};
use crate::record::write_whole;
use crate::scenario::vary::Scalar;
use crate::scenario::{Document, Input, Plan};
use assemble::Blocks;
use lanes::{LaneSolver, Snapshots};
use runs::Runs;
use sheet::Sheet;

/// Name of the samples' file.
pub const SAMPLES_FILE: &str = "samples.parquet";
/// Name of the samples' file as CSV.
pub const CSV_FILE: &str = "samples.csv";
/// Name of the summary's file; it is written last.
pub const SUMMARY_FILE: &str = "summary.json";
/// Lanes of the short way.
const LANES: usize = 8;
/// Most values of a block in memory: 2 MiB a thread.
const BLOCK_VALUES: usize = 1 << 18;

/// Why a sweep came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// There is nothing to sweep, or not that many times.
    #[error(transparent)]
    Design(#[from] DesignError),
    /// The feeder cannot be solved.
    #[error("the feeder cannot be solved: {0}")]
    Setup(#[from] SetupError),
    /// The directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Results cannot be written.
    #[error("cannot write the sweep: {0}")]
    Write(#[from] io::Error),
    /// Blocks are missing.
    #[error("{missing} of {blocks} blocks are missing, the first is block {first} (counted from 0)")]
    Missing {
        /// How many.
        missing: u64,
        /// Of how many.
        blocks: u64,
        /// The first.
        first: u64,
    },
    /// A file of the scenario changed while samples were computed.
    #[error("{0} changed while the sweep was running")]
    Changed(PathBuf),
    /// A finished sweep lacks a file that is wanted now.
    #[error("the sweep in {0} was finished without {CSV_FILE}")]
    NoCsv(PathBuf),
}

/// A sweep, ready to run.
pub struct Sweep {
    document: Document,
    design: Design,
    identity: Identity,
    method: Method,
    inputs: Vec<Input>,
}

enum Method {
    Lanes(Box<Snapshots>),
    Runs { snapshot: bool },
}

impl Sweep {
    /// A sweep of a scenario, whose plan is `plan`: `draws` random draws for each point of the grids.
    ///
    /// # Errors
    /// When there is nothing to vary, or the feeder cannot be compiled.
    pub fn new(document: &Document, plan: &Plan, draws: Option<u64>, seed: u64) -> Result<Self, SweepError> {
        Self::with_method(document, plan, draws, seed, true)
    }

    /// Without the short way, if `short` is false: what tests compare it with.
    fn with_method(
        document: &Document,
        plan: &Plan,
        draws: Option<u64>,
        seed: u64,
        short: bool,
    ) -> Result<Self, SweepError> {
        let design = Design::new(plan.vary.clone(), draws, seed)?;
        let at_one = || document.sample(plan.vary.iter().map(|v| (v, Scalar::Number(1.0)))).plan;
        let effects = lanes::effects(plan).filter(|_| short);
        let method = match effects.and_then(|effects| Some((effects, at_one()?))) {
            Some((effects, at_one)) => Method::Lanes(Box::new(Snapshots::new(&at_one, effects)?)),
            None => {
                Bench::new(plan)?; // a feeder that cannot be compiled is one finding, not a sweep of refused samples
                Method::Runs { snapshot: lanes::is_snapshot(plan) }
            }
        };
        let inputs = match method {
            Method::Lanes(_) => plan.inputs.clone(),
            Method::Runs { .. } => all_inputs(document, plan),
        };
        let identity = identity(plan, &inputs, &design, &method, seed);
        Ok(Self { document: document.clone(), design, identity, method, inputs })
    }

    /// What decides the sweep's bytes.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Computes the blocks of a shard that are not yet there, with so many threads. `progress` is told how many samples
    /// are done, those found done included. Returns how many were computed now.
    ///
    /// # Errors
    /// When a block cannot be written; what is done stays done.
    pub fn run(
        &self,
        dir: &Directory,
        shard: Shard,
        threads: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<u64, SweepError> {
        let id = &self.identity;
        let blocks = id.blocks();
        let (done, computed, next) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(shard.index));
        let (stop, failed) = (AtomicBool::new(false), Mutex::new(None));
        let work = || -> Result<(), SweepError> {
            let mut worker = self.worker();
            while !stop.load(Ordering::Relaxed) {
                let block = next.fetch_add(shard.of, Ordering::Relaxed);
                if block >= blocks {
                    break;
                }
                let rows = id.rows(block);
                if !dir.has(block, id) {
                    worker.fill(block * id.block, rows)?;
                    dir.write(block, &worker.sheet, id.columns.len())?;
                    computed.fetch_add(rows as u64, Ordering::Relaxed);
                }
                progress(done.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    if let Err(error) = work() {
                        stop.store(true, Ordering::Relaxed);
                        failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                });
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(computed.into_inner()),
        }
    }

    fn worker(&self) -> Worker<'_> {
        let solver = match &self.method {
            Method::Lanes(network) => Solver::Lanes(Box::new(network.lanes::<LANES>(&self.design))),
            Method::Runs { snapshot } => {
                let (document, inputs) = (&self.document, self.inputs.as_slice());
                Solver::Runs(Runs { document, design: &self.design, inputs, snapshot: *snapshot })
            }
        };
        #[allow(clippy::cast_possible_truncation, reason = "a block has thousands of rows")]
        let sheet = Sheet::new(self.identity.columns.len(), self.identity.block as usize);
        Worker { solver, sheet }
    }
}

/// One thread's solver and its block; both are made once.
struct Worker<'a> {
    solver: Solver<'a>,
    sheet: Sheet,
}

enum Solver<'a> {
    Lanes(Box<LaneSolver<'a, LANES>>),
    Runs(Runs<'a>),
}

impl Worker<'_> {
    fn fill(&mut self, first: u64, rows: usize) -> Result<(), SweepError> {
        self.sheet.reset(rows);
        match &mut self.solver {
            Solver::Lanes(lanes) => lanes.fill(first, &mut self.sheet),
            Solver::Runs(runs) => runs.fill(first, &mut self.sheet).map_err(SweepError::Changed)?,
        }
        Ok(())
    }
}

/// The files of a scenario, those included that only other texts of its variables name.
fn all_inputs(document: &Document, plan: &Plan) -> Vec<Input> {
    let mut inputs = plan.inputs.clone();
    for variable in &plan.vary {
        for label in variable.law.labels().unwrap_or_default() {
            let other = document.sample([(variable, Scalar::Text(label))]).plan;
            for input in other.into_iter().flat_map(|plan| plan.inputs) {
                if !inputs.iter().any(|known| known.path == input.path) {
                    inputs.push(input);
                }
            }
        }
    }
    inputs
}

fn identity(plan: &Plan, inputs: &[Input], design: &Design, method: &Method, seed: u64) -> Identity {
    let varied = design.variables.iter().map(|v| {
        let kind = v.law.labels().map_or(Kind::Number, Kind::Text);
        Column::new(v.path.clone(), kind)
    });
    let (results, name) = match method {
        Method::Lanes(_) => (result::snapshot_columns(), "lanes"),
        Method::Runs { snapshot: true } => (result::snapshot_columns(), "snapshots"),
        Method::Runs { snapshot: false } => (result::run_columns(plan), "runs"),
    };
    let columns: Vec<Column> = varied.chain(results).collect();
    let short = |input: &Input| {
        let name = input.path.file_name().map(|name| name.to_string_lossy().into_owned());
        [name.unwrap_or_default(), format!("{:016x}", input.fnv1a_64)]
    };
    let (tolerance_pu, fused) = match method {
        Method::Lanes(network) => (Some(format!("{:e}", network.tolerance_pu())), network.isa()),
        Method::Runs { .. } => (None, crate::solver::Isa::detect()),
    };
    Identity {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: plan.name.clone(),
        feeder: plan.feeder.feeder.clone(),
        seed,
        samples: design.samples(),
        points: design.points(),
        block: rows_of_a_block(method, columns.len()),
        method: name.to_owned(),
        fused: fused != crate::solver::Isa::Baseline,
        tolerance_pu,
        inputs: inputs.iter().map(short).collect(),
        varied: design.variables.len(),
        columns,
    }
}

/// Runs take long: few of them are lost by a kill, and many threads find work.
fn rows_of_a_block(method: &Method, columns: usize) -> u64 {
    const MOST: usize = 4096;
    const OF_RUNS: usize = 16;
    match method {
        Method::Lanes(_) => {
            let rows = (BLOCK_VALUES / columns.max(1)).clamp(LANES, MOST);
            1 << rows.ilog2()
        }
        Method::Runs { .. } => OF_RUNS as u64,
    }
}

/// Makes `samples.parquet` (`samples.csv`, if wanted) and `summary.json` of a sweep whose blocks are all in its directory,
/// then removes the blocks.
///
/// # Errors
/// When a block is missing, or something cannot be written; nothing half-written then has its name.
pub fn finish(dir: &Directory, identity: &Identity, csv: bool) -> Result<Summary, SweepError> {
    if let Some(summary) = finished(dir.path(), csv)? {
        dir.remove_parts()?;
        return Ok(summary);
    }
    let summary = assemble(dir, &[dir.path().to_owned()], identity, csv)?;
    dir.remove_parts()?;
    Ok(summary)
}

/// Makes the same of the blocks that shards left in their directories, which stay as they are.
///
/// # Errors
/// As [`finish`], and when the shards are not all of one sweep, or `out` is another's.
pub fn merge(shards: &[PathBuf], out: &Path, csv: bool) -> Result<Summary, SweepError> {
    let identity = store::identity_of(shards)?;
    let dir = Directory::open(out, &identity, Shard::WHOLE)?;
    let summary = match finished(out, csv)? {
        Some(summary) => summary,
        None => assemble(&dir, shards, &identity, csv)?,
    };
    dir.remove_parts()?;
    Ok(summary)
}

/// The summary of a sweep that has been finished in a directory; `None` when it has not.
///
/// # Errors
/// When `csv` is wanted and was not made then.
pub fn finished(dir: &Path, csv: bool) -> Result<Option<Summary>, SweepError> {
    // It is the last file to get its name.
    let Ok(text) = std::fs::read(dir.join(SUMMARY_FILE)) else { return Ok(None) };
    let Ok(summary) = serde_json::from_slice(&text) else { return Ok(None) };
    if csv && !dir.join(CSV_FILE).exists() {
        return Err(SweepError::NoCsv(dir.to_owned()));
    }
    Ok(Some(summary))
}

/// What a shard's own blocks come to.
///
/// # Errors
/// When a block cannot be read.
pub fn summary_of(dir: &Directory, identity: &Identity, shard: Shard) -> Result<Summary, SweepError> {
    let own = (0..identity.blocks()).filter(|block| shard.has(*block));
    let dirs = [dir.path().to_owned()];
    Ok(summary::summary(&Blocks { identity, dirs: &dirs, parts: own.map(|block| (block, 0)).collect() })?)
}

fn assemble(dir: &Directory, from: &[PathBuf], identity: &Identity, csv: bool) -> Result<Summary, SweepError> {
    let (mut parts, mut missing) = (Vec::new(), Vec::new());
    for block in 0..identity.blocks() {
        match store::find(from, block, identity) {
            Some(dir) => parts.push((block, dir)),
            None => missing.push(block),
        }
    }
    if let Some(&first) = missing.first() {
        return Err(SweepError::Missing { missing: missing.len() as u64, blocks: identity.blocks(), first });
    }
    let blocks = Blocks { identity, dirs: from, parts };
    assemble::parquet(&blocks, &dir.path().join(SAMPLES_FILE))?;
    if csv {
        assemble::csv(&blocks, &dir.path().join(CSV_FILE))?;
    }
    let summary = summary::summary(&blocks)?;
    let mut text = serde_json::to_vec_pretty(&summary).map_err(io::Error::from)?;
    text.push(b'\n');
    write_whole(&dir.path().join(SUMMARY_FILE), &text)?;
    Ok(summary)
}
