//! A block of samples as columns of numbers.

use serde::{Deserialize, Serialize};

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Numbers.
    Number,
    /// Whole numbers.
    Count,
    /// Texts: the value k stands for the k-th.
    Text(Vec<String>),
}

/// A column of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name; of results, with the unit as its last part.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

impl Column {
    pub(super) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// Rows of a block, column after column; what does not exist is NaN. All room is taken, and touched, when made.
#[derive(Clone, Debug)]
pub struct Sheet {
    values: Vec<f64>,
    room: usize,
    rows: usize,
}

impl Sheet {
    pub(super) fn new(columns: usize, room: usize) -> Self {
        Self { values: vec![f64::NAN; columns * room], room, rows: 0 }
    }

    /// Empties it and gives it so many rows, at most its room.
    pub(super) fn reset(&mut self, rows: usize) {
        self.rows = rows.min(self.room);
        self.values.fill(f64::NAN);
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn set(&mut self, column: usize, row: usize, value: f64) {
        self.values[column * self.room + row] = value;
    }

    pub(super) fn column(&self, column: usize) -> &[f64] {
        &self.values[column * self.room..column * self.room + self.rows]
    }

    /// Sets consecutive columns of a row.
    pub(super) fn fill(&mut self, first: usize, row: usize, values: &[f64]) {
        values.iter().enumerate().for_each(|(k, &value)| self.set(first + k, row, value));
    }
}
