//! A piecewise-linear characteristic, as those of IEEE 1547-2018: straight between its points, level beyond them.

/// A piecewise-linear function.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    points: Vec<[f64; 2]>,
}

/// Why points are no curve.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CurveError {
    /// There are too few.
    #[error("a curve has two points or more, not {0}")]
    TooFew(usize),
    /// One is not beyond the point before it.
    #[error("its points do not increase: {after} comes after {before}")]
    NotIncreasing {
        /// Abscissa of the point before.
        before: f64,
        /// Abscissa of the point itself.
        after: f64,
    },
}

impl Curve {
    /// The curve through points [x, y] with x increasing.
    ///
    /// # Errors
    /// When there are fewer than two points, or x does not increase.
    pub fn new(points: Vec<[f64; 2]>) -> Result<Self, CurveError> {
        if points.len() < 2 {
            return Err(CurveError::TooFew(points.len()));
        }
        for pair in points.windows(2) {
            if let [[before, _], [after, _]] = *pair
                && (after <= before || after.is_nan() || before.is_nan())
            {
                return Err(CurveError::NotIncreasing { before, after });
            }
        }
        Ok(Self { points })
    }

    /// The points.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    /// The value at `x`.
    pub fn at(&self, x: f64) -> f64 {
        let after = self.points.partition_point(|[own, _]| *own <= x);
        match (after.checked_sub(1).and_then(|k| self.points.get(k)), self.points.get(after)) {
            (Some([x0, y0]), Some([x1, y1])) => y0 + (y1 - y0) * ((x - x0) / (x1 - x0)),
            (Some([_, y]), None) | (None, Some([_, y])) => *y,
            (None, None) => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_straight_between_points_and_level_beyond() {
        // Category B of IEEE 1547-2018.
        let curve = Curve::new(vec![[0.92, 0.44], [0.98, 0.0], [1.02, 0.0], [1.08, -0.44]]).unwrap();
        for (v_pu, q) in [(0.5, 0.44), (0.92, 0.44), (0.95, 0.22), (1.0, 0.0), (1.05, -0.22), (1.2, -0.44)] {
            assert!((curve.at(v_pu) - q).abs() < 1e-12, "{v_pu}: {}", curve.at(v_pu));
        }
    }

    #[test]
    fn points_increase() {
        assert_eq!(Curve::new(vec![[1.0, 1.0]]), Err(CurveError::TooFew(1)));
        let twice = vec![[1.0, 1.0], [1.0, 2.0]];
        assert_eq!(Curve::new(twice), Err(CurveError::NotIncreasing { before: 1.0, after: 1.0 }));
        assert!(Curve::new(vec![[1.0, 1.0], [0.9, 2.0]]).is_err());
    }
}
