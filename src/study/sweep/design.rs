//! Which values a sample has: a pure function of seed, variable and sample.
//!
//! A sweep goes through its grids, the first the slowest, and repeats that for every draw: sample s is point s mod P of
//! the P points of all grids, at draw s div P. All points of one draw share the random values (common random numbers), so
//! that what a grid changes is not hidden by chance, and a longer sweep begins with the samples of a shorter one.

use crate::quantity::Noise;
use crate::scenario::vary::{Law, Variable};

/// Most samples of one sweep.
const MOST: u64 = 1 << 36;

/// Why there is nothing to sweep.
#[derive(Debug, thiserror::Error)]
pub enum DesignError {
    /// The scenario varies nothing.
    #[error("the scenario varies nothing: it has no `vary:`")]
    NothingVaries,
    /// Random values without a number of samples.
    #[error("how many samples? The scenario draws {0} at random")]
    HowMany(String),
    /// A number of samples where the grids decide.
    #[error("the grids have {points} points, and nothing is random: {given} samples are not what they are")]
    GridDecides {
        /// Points of all grids.
        points: u64,
        /// Samples asked for.
        given: u64,
    },
    /// Too many samples.
    #[error("{0} samples are more than 2^36")]
    TooMany(String),
    /// No samples.
    #[error("a sweep of no samples")]
    None,
}

/// The samples of a sweep.
#[derive(Clone, Debug)]
pub struct Design {
    /// What varies.
    pub variables: Vec<Variable>,
    sources: Vec<Source>,
    points: u64,
    draws: u64,
}

/// Where a variable's value comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Noise(Noise),
    /// A grid's values, each held for so many points.
    Grid {
        count: u64,
        stride: u64,
    },
}

impl Design {
    /// The samples that these variables make; `draws` is the number of random draws for each point of the grids.
    ///
    /// # Errors
    /// When there is nothing to vary, or the number of samples does not fit to it.
    pub fn new(variables: Vec<Variable>, draws: Option<u64>, seed: u64) -> Result<Self, DesignError> {
        if variables.is_empty() {
            return Err(DesignError::NothingVaries);
        }
        let mut points: u64 = 1;
        let mut sources = Vec::with_capacity(variables.len());
        // The last grid is the fastest.
        for variable in variables.iter().rev() {
            sources.push(match variable.law.grid() {
                None => Source::Noise(Noise::new(seed, &variable.path)),
                Some(values) => {
                    let (count, stride) = (values.len() as u64, points);
                    let too_many = || DesignError::TooMany(format!("{points} × {count} points of grids"));
                    points = points.checked_mul(count).filter(|p| *p <= MOST).ok_or_else(too_many)?;
                    Source::Grid { count, stride }
                }
            });
        }
        sources.reverse();
        let random = variables.iter().zip(&sources).find(|(_, s)| matches!(s, Source::Noise(_)));
        let draws = match (random, draws) {
            (None, Some(given)) if given != points => return Err(DesignError::GridDecides { points, given }),
            (None, _) => 1,
            (Some((variable, _)), None) => return Err(DesignError::HowMany(variable.path.clone())),
            (Some(_), Some(0)) => return Err(DesignError::None),
            (Some(_), Some(draws)) => draws,
        };
        if points.checked_mul(draws).is_none_or(|n| n > MOST) {
            return Err(DesignError::TooMany(format!("{points} × {draws}")));
        }
        Ok(Self { variables, sources, points, draws })
    }

    /// Number of samples.
    pub fn samples(&self) -> u64 {
        self.points * self.draws
    }

    /// Points of all grids; 1 without any.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// The value of a variable in a sample: as [`Law::at`] gives it.
    #[allow(clippy::cast_possible_truncation, reason = "a grid has at most a million values")]
    pub fn value(&self, variable: usize, sample: u64) -> f64 {
        let law: &Law = &self.variables[variable].law;
        match self.sources[variable] {
            Source::Noise(noise) => law.at(noise.uniform(sample / self.points)),
            Source::Grid { count, stride } => law.point((sample % self.points / stride % count) as usize),
        }
    }
}
