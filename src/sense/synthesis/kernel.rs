//! Sums of cosines at many instants: the loops that synthesis spends its time in.
//!
//! *Even samples* (steady frequency). About the centre c of a block, Σ Re(x_r·e^{jα_r(t−c)}) at c ± τ is E ∓ O with
//! E = Σ Re x_r·cos α_rτ and O = Σ Im x_r·sin α_rτ: two products give two samples, from tables of cosines and sines that
//! all channels and blocks share. Terms that are zero cost nothing.
//!
//! *Any samples*. Each has its own z = e^{jθ}; Σ x_h·z^h by Horner's rule, stable because |z| = 1. Four products a sample and
//! order.
//!
//! Both go across samples in vector lanes, as many as fill the registers; the instruction set is chosen at run time. Results
//! do not depend on the number of lanes, but they do on fused multiply-add, in low bits.

use crate::solver::Isa;

/// Samples on either side of a block's centre.
pub const REACH: usize = 32;

/// A value for each sample on one side.
pub type Side = [f64; REACH];

/// Cosines and sines of one term at the half-samples on one side of a block's centre: of (k + ½)·δ.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Row {
    pub cos: Side,
    pub sin: Side,
}

impl Row {
    pub const ZERO: Self = Self { cos: [0.0; REACH], sin: [0.0; REACH] };
}

/// Real parts and imaginary parts.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub re: &'a [f64],
    pub im: &'a [f64],
}

impl Parts<'_> {
    /// The first `count` of them.
    pub fn first(&self, count: usize) -> Self {
        Self { re: &self.re[..count], im: &self.im[..count] }
    }
}

/// What [`even`] is to sum.
#[derive(Clone, Copy, Debug)]
pub struct Sum<'a> {
    /// Amplitudes at angle 0, by row.
    pub amplitudes: Parts<'a>,
    /// e^{jφ} at the block's centre, by row.
    pub turns: Parts<'a>,
    /// The rows that are not zero.
    pub present: &'a [u32],
    /// By row.
    pub table: &'a [Row],
}

/// Room for the amplitudes at a block's centre, by row.
#[derive(Clone, Debug)]
pub struct Scratch {
    re: Vec<f64>,
    im: Vec<f64>,
}

impl Scratch {
    pub fn new(rows: usize) -> Self {
        Self { re: vec![0.0; rows], im: vec![0.0; rows] }
    }
}

#[inline(always)]
fn mul_add<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Turns the amplitudes to the block's centre, then sums W lanes at a time.
#[inline(always)]
fn even_body<const FMA: bool, const W: usize>(sum: Sum<'_>, reach: usize, scratch: &mut Scratch, out: &mut [Side; 2]) {
    let (x, z) = (sum.amplitudes, sum.turns);
    let rows = scratch.re.iter_mut().zip(&mut scratch.im).zip(x.re.iter().zip(x.im)).zip(z.re.iter().zip(z.im));
    for (((re, im), (xr, xi)), (zr, zi)) in rows {
        *re = mul_add::<FMA>(*xr, *zr, -(xi * zi));
        *im = mul_add::<FMA>(*xr, *zi, xi * zr);
    }
    let mut from = 0;
    while from < reach {
        let (mut even, mut odd) = ([0.0; W], [0.0; W]);
        for &r in sum.present {
            let r = r as usize;
            let (row, re, im) = (&sum.table[r], scratch.re[r], scratch.im[r]);
            let (cos, sin) = (&row.cos[from..from + W], &row.sin[from..from + W]);
            for k in 0..W {
                even[k] = mul_add::<FMA>(re, cos[k], even[k]);
            }
            for k in 0..W {
                odd[k] = mul_add::<FMA>(im, sin[k], odd[k]);
            }
        }
        out[0][from..from + W].copy_from_slice(&even);
        out[1][from..from + W].copy_from_slice(&odd);
        from += W;
    }
}

/// What [`any`] is to sum: Re Σ (x_h + s·d_h)·z^h, h from 1 on.
#[derive(Clone, Copy, Debug)]
pub struct Powers<'a> {
    /// x_h.
    pub amplitudes: Parts<'a>,
    /// d_h, as many as x_h, and s of each sample; `None` is no change.
    pub change: Option<(Parts<'a>, &'a Side)>,
    /// Real and imaginary part of z of each sample.
    pub z: &'a [Side; 2],
}

/// One step of Horner's rule: w ← w·z + x.
#[inline(always)]
fn horner<const FMA: bool, const W: usize>(w: &mut [[f64; W]; 2], x: [[f64; W]; 2], z: &[[f64; W]; 2]) {
    for k in 0..W {
        let (re, im) = (w[0][k], w[1][k]);
        w[0][k] = mul_add::<FMA>(re, z[0][k], mul_add::<FMA>(-im, z[1][k], x[0][k]));
        w[1][k] = mul_add::<FMA>(re, z[1][k], mul_add::<FMA>(im, z[0][k], x[1][k]));
    }
}

/// W lanes at a time.
#[inline(always)]
fn any_body<const FMA: bool, const W: usize>(powers: Powers<'_>, out: &mut Side) {
    let lanes = |side: &Side, from: usize| {
        let mut own = [0.0; W];
        own.copy_from_slice(&side[from..from + W]);
        own
    };
    let x = powers.amplitudes;
    for from in (0..REACH).step_by(W) {
        let z = [lanes(&powers.z[0], from), lanes(&powers.z[1], from)];
        let mut w = [[0.0; W]; 2];
        if let Some((d, places)) = powers.change {
            let s = lanes(places, from);
            for ((xr, xi), (dr, di)) in x.re.iter().zip(x.im).zip(d.re.iter().zip(d.im)).rev() {
                let mut own = [[0.0; W]; 2];
                for k in 0..W {
                    own[0][k] = mul_add::<FMA>(s[k], *dr, *xr);
                    own[1][k] = mul_add::<FMA>(s[k], *di, *xi);
                }
                horner::<FMA, W>(&mut w, own, &z);
            }
        } else {
            for (xr, xi) in x.re.iter().zip(x.im).rev() {
                horner::<FMA, W>(&mut w, [[*xr; W], [*xi; W]], &z);
            }
        }
        for k in 0..W {
            out[from + k] = mul_add::<FMA>(w[0][k], z[0][k], -(w[1][k] * z[1][k]));
        }
    }
}

/// E and O of [`Sum`] for the first `reach` half-samples from the centre, at most [`REACH`]; what follows is left as it is
/// or written as well. `isa` is one that this machine has ([`Isa::detect`]).
pub fn even(isa: Isa, sum: Sum<'_>, reach: usize, scratch: &mut Scratch, out: &mut [Side; 2]) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2Fma => {
            #[target_feature(enable = "avx2,fma")]
            fn compiled(sum: Sum<'_>, reach: usize, scratch: &mut Scratch, out: &mut [Side; 2]) {
                if reach > 8 {
                    even_body::<true, 16>(sum, reach, scratch, out);
                } else {
                    even_body::<true, 8>(sum, reach, scratch, out);
                }
            }
            // SAFETY: the machine has these instructions; callers inside this module's parent only pass what was detected.
            unsafe { compiled(sum, reach, scratch, out) }
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => {
            #[target_feature(enable = "avx512f,avx2,fma")]
            fn compiled(sum: Sum<'_>, reach: usize, scratch: &mut Scratch, out: &mut [Side; 2]) {
                if reach > 8 {
                    even_body::<true, 32>(sum, reach, scratch, out);
                } else {
                    even_body::<true, 8>(sum, reach, scratch, out);
                }
            }
            // SAFETY: as above.
            unsafe { compiled(sum, reach, scratch, out) }
        }
        _ => even_body::<false, 8>(sum, reach, scratch, out),
    }
}

/// Sums [`Powers`] at each sample. `isa` as for [`even`].
pub fn any(isa: Isa, powers: Powers<'_>, out: &mut Side) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2Fma => {
            #[target_feature(enable = "avx2,fma")]
            fn compiled(powers: Powers<'_>, out: &mut Side) {
                any_body::<true, 16>(powers, out);
            }
            // SAFETY: as in `even`.
            unsafe { compiled(powers, out) }
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => {
            #[target_feature(enable = "avx512f,avx2,fma")]
            fn compiled(powers: Powers<'_>, out: &mut Side) {
                any_body::<true, 32>(powers, out);
            }
            // SAFETY: as in `even`.
            unsafe { compiled(powers, out) }
        }
        _ => any_body::<false, 8>(powers, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Noise;

    /// Every instruction set that this machine has: detection is what makes their use sound.
    fn sets() -> Vec<Isa> {
        match Isa::detect() {
            Isa::Avx512 => vec![Isa::Baseline, Isa::Avx2Fma, Isa::Avx512],
            Isa::Avx2Fma => vec![Isa::Baseline, Isa::Avx2Fma],
            Isa::Baseline => vec![Isa::Baseline],
        }
    }

    fn numbers(name: &str, n: usize) -> Vec<f64> {
        (0..n as u64).map(|k| Noise::new(3, name).normal(k)).collect()
    }

    #[test]
    fn all_instruction_sets_sum_the_same() {
        let rows = 53;
        let [xr, xi, tr, ti] = ["xr", "xi", "tr", "ti"].map(|name| numbers(name, rows));
        let mut table = vec![Row::ZERO; rows];
        for (r, row) in table.iter_mut().enumerate() {
            for k in 0..REACH {
                let (sin, cos) = (0.02 * (r as f64 + 1.0) * (k as f64 + 0.5)).sin_cos();
                (row.cos[k], row.sin[k]) = (cos, sin);
            }
        }
        let present: Vec<u32> = (0..rows as u32).filter(|r| r % 3 != 1).collect();
        let sum = Sum {
            amplitudes: Parts { re: &xr, im: &xi },
            turns: Parts { re: &tr, im: &ti },
            present: &present,
            table: &table,
        };
        for isa in sets() {
            for reach in [1, 8, 9, 16, 25, 32] {
                let mut out = [[0.0; REACH]; 2];
                even(isa, sum, reach, &mut Scratch::new(rows), &mut out);
                for (k, found) in out[0].iter().zip(&out[1]).take(reach).enumerate() {
                    let term = |&r: &u32| {
                        let r = r as usize;
                        let (re, im) = (xr[r] * tr[r] - xi[r] * ti[r], xr[r] * ti[r] + xi[r] * tr[r]);
                        [re * table[r].cos[k], im * table[r].sin[k]]
                    };
                    let exact = present.iter().map(term).fold([0.0; 2], |s, t| [s[0] + t[0], s[1] + t[1]]);
                    assert!((found.0 - exact[0]).abs() < 1e-13 && (found.1 - exact[1]).abs() < 1e-13, "{isa:?} {k}");
                }
            }
        }
    }

    #[test]
    fn all_instruction_sets_take_powers_alike() {
        let [xr, xi, dr, di] = ["xr", "xi", "dr", "di"].map(|name| numbers(name, 50));
        let angle = |k: usize| 0.7 * k as f64 - 3.0;
        let z = [std::array::from_fn(|k| angle(k).cos()), std::array::from_fn(|k| angle(k).sin())];
        let place: Side = std::array::from_fn(|k| 0.01 * k as f64);
        let amplitudes = Parts { re: &xr, im: &xi };
        for (isa, moves) in sets().into_iter().flat_map(|isa| [(isa, false), (isa, true)]) {
            let mut out = [0.0; REACH];
            let change = moves.then_some((Parts { re: &dr, im: &di }, &place));
            any(isa, Powers { amplitudes, change, z: &z }, &mut out);
            for (k, value) in out.iter().enumerate() {
                let s = if moves { place[k] } else { 0.0 };
                let term = |h: usize| {
                    let (sin, cos) = (angle(k) * (h as f64 + 1.0)).sin_cos();
                    (xr[h] + s * dr[h]) * cos - (xi[h] + s * di[h]) * sin
                };
                let exact: f64 = (0..50).map(term).sum();
                assert!((value - exact).abs() < 1e-12, "{isa:?} {k}: {value} {exact}");
            }
        }
    }
}
