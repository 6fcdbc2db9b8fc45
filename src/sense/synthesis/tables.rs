//! The cosines and sines that all channels share, by row: row r is order r + 1, and the components follow.

use std::f64::consts::TAU;

use super::kernel::{Parts, REACH, Row};
use crate::sense::spectra::MOST_ORDER;

/// Cosines and sines of all rows on one side of a block's centre, and at a block's centre.
#[derive(Clone, Debug)]
pub struct Tables {
    rows: Vec<Row>,
    /// Angle in rad from sample to sample that rows were made for: of order 1, and of components.
    made: Vec<f64>,
    /// The highest order, and the number of lanes, that they were made for.
    extent: (usize, usize),
    turn_re: Vec<f64>,
    turn_im: Vec<f64>,
}

impl Tables {
    pub fn new(components: usize) -> Self {
        let rows = MOST_ORDER + components;
        Self {
            rows: vec![Row::ZERO; rows],
            made: vec![f64::NAN; 1 + components],
            extent: (0, 0),
            turn_re: vec![0.0; rows],
            turn_im: vec![0.0; rows],
        }
    }

    /// Makes the rows for the fundamental's and the components' turns from sample to sample, for orders up to `highest`
    /// and `lanes` lanes, unless they are made.
    pub fn make(&mut self, turns: impl Iterator<Item = f64>, highest: usize, lanes: usize) {
        let enough = highest <= self.extent.0 && lanes <= self.extent.1;
        self.extent = if enough { self.extent } else { (highest.max(self.extent.0), lanes.max(self.extent.1)) };
        let lanes = self.extent.1;
        for (k, turns) in turns.enumerate() {
            let step = turns * TAU;
            if enough && step == self.made[k] {
                continue;
            }
            self.made[k] = step;
            let row = &mut self.rows[if k == 0 { 0 } else { MOST_ORDER + k - 1 }];
            let mut half = 0.5;
            for (cos, sin) in row.cos.iter_mut().zip(&mut row.sin).take(lanes) {
                (*sin, *cos) = (step * half).sin_cos();
                half += 1.0;
            }
            if k == 0 {
                (2..=self.extent.0).for_each(|order| self.power(order, lanes));
            }
        }
    }

    /// e^{jhα} from two lower powers about half as high: rounding grows with the logarithm of h.
    fn power(&mut self, order: usize, lanes: usize) {
        let (low, high) = (order / 2, order - order / 2);
        let (made, rest) = self.rows.split_at_mut(order - 1);
        let (a, b, own) = (&made[low - 1], &made[high - 1], &mut rest[0]);
        for k in 0..lanes.min(REACH) {
            own.cos[k] = a.cos[k] * b.cos[k] - a.sin[k] * b.sin[k];
            own.sin[k] = a.cos[k] * b.sin[k] + a.sin[k] * b.cos[k];
        }
    }

    /// Sets the turns of a block's centre, from angles in rad: the fundamental's, for orders up to `highest`, and the
    /// components'.
    pub fn turn(&mut self, mut angles: impl Iterator<Item = f64>, highest: usize) {
        let (re, im) = (&mut self.turn_re, &mut self.turn_im);
        (im[0], re[0]) = angles.next().unwrap_or(0.0).sin_cos();
        for order in 2..=highest {
            let (a, b) = (order / 2 - 1, order - order / 2 - 1);
            (re[order - 1], im[order - 1]) = (re[a] * re[b] - im[a] * im[b], re[a] * im[b] + im[a] * re[b]);
        }
        for (angle, (re, im)) in angles.zip(re[MOST_ORDER..].iter_mut().zip(&mut im[MOST_ORDER..])) {
            (*im, *re) = angle.sin_cos();
        }
    }

    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The turns of the block's centre, by row.
    pub fn turns(&self) -> Parts<'_> {
        Parts { re: &self.turn_re, im: &self.turn_im }
    }
}
