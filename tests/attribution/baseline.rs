//! What others do: the direction of harmonic active power, and recursive least squares.

use phasorbench::quantity::{Complex, complex};

/// Whose the distortion is by the sign of the harmonic active power that flows from the fleet into the grid, over the
/// windows of a 3 s value: positive, the fleet's.
pub fn power_direction(v: &[Complex], j: &[Complex]) -> bool {
    v.iter().zip(j).map(|(v, j)| (v * j.conj()).re).sum::<f64>() > 0.0
}

/// Recursive least squares on x = [E, Z] with forgetting; the fleet's share with its Z over the last 3 s value.
pub fn least_squares(v: &[Complex], j: &[Complex], forgetting: f64) -> f64 {
    let zero = complex(0.0, 0.0);
    let (mut x, mut p) = ([zero; 2], [[complex(1e3, 0.0), zero], [zero, complex(1e3, 0.0)]]);
    for (v, j) in v.iter().zip(j) {
        let h = [complex(1.0, 0.0), *j];
        let g = [0, 1].map(|a| p[a][0] * h[0].conj() + p[a][1] * h[1].conj());
        let s = forgetting + (h[0] * g[0] + h[1] * g[1]).re;
        let error = v - h[0] * x[0] - h[1] * x[1];
        let hp = [0, 1].map(|b| h[0] * p[0][b] + h[1] * p[1][b]);
        for a in 0..2 {
            x[a] += g[a] / s * error;
            for b in 0..2 {
                p[a][b] = (p[a][b] - g[a] / s * hp[b]) / forgetting;
            }
        }
    }
    let last = v.len() - 15..v.len();
    let above: f64 = last.clone().map(|k| (x[1] * j[k] * v[k].conj()).re).sum();
    above / last.map(|k| v[k].norm_sqr()).sum::<f64>()
}
