//! K scenarios side by side, and the instruction set they are computed with.

/// K complex numbers: real parts, then imaginary parts.
pub type Lanes<const K: usize> = [[f64; K]; 2];

/// A sequence of [`Lanes`] that starts on a cache line: wide loads that straddle two lines cost double.
#[derive(Clone)]
pub struct LaneVec<const K: usize> {
    lines: Vec<Line>,
    len: usize,
}

/// One cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f64; 8]);

impl<const K: usize> LaneVec<K> {
    /// None at all; allocates nothing.
    pub const fn empty() -> Self {
        Self { lines: Vec::new(), len: 0 }
    }

    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let doubles = len * 2 * K;
        Self { lines: vec![Line([0.0; 8]); doubles.div_ceil(8)], len }
    }
}

impl<const K: usize> std::ops::Deref for LaneVec<K> {
    type Target = [Lanes<K>];

    fn deref(&self) -> &[Lanes<K>] {
        // SAFETY: `lines` holds at least len·2·K doubles (`zeros`), all initialised, in one allocation aligned for f64;
        // `Lanes<K>` is 2·K doubles without padding.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<const K: usize> std::ops::DerefMut for LaneVec<K> {
    fn deref_mut(&mut self) -> &mut [Lanes<K>] {
        // SAFETY: as in `deref`; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl<const K: usize> std::fmt::Debug for LaneVec<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The instruction set a kernel call runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// What every machine of this architecture has.
    Baseline,
    /// AVX2 with fused multiply-add.
    Avx2Fma,
    /// AVX-512: the same operations as [`Isa::Avx2Fma`], eight lanes at once, to the same bits.
    Avx512,
}

impl Isa {
    /// The best this machine offers.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            let wide = std::arch::is_x86_feature_detected!("avx512f");
            return if wide { Self::Avx512 } else { Self::Avx2Fma };
        }
        Self::Baseline
    }

    /// The set for passes over memory without reuse: with AVX-512 the compiler gathers across places there, which is
    /// slower than AVX2's plain loads. Results are the same bits.
    pub(in crate::solver) const fn streaming(self) -> Self {
        match self {
            Self::Avx512 => Self::Avx2Fma,
            other => other,
        }
    }

    /// Its name in records of a run.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2Fma => "avx2+fma",
            Self::Avx512 => "avx512",
        }
    }
}

/// What a solve does with its solution x while it is at hand: `v += step·x`, and the largest |x·weight|².
#[derive(Debug)]
pub struct Sweep<'a, const K: usize> {
    /// Step of each lane.
    pub step: &'a [f64; K],
    /// What moves; may have more places than the pattern.
    pub v: &'a mut [Lanes<K>],
    /// Weight of each place.
    pub weight: &'a [f64],
}

/// Running maxima of |x·weight|². Several at once: one alone would wait for itself at every node.
#[derive(Debug)]
pub(in crate::solver) struct Largest<const K: usize> {
    most: [[f64; K]; WAYS],
    /// Keeps what a maximum loses: NaN.
    sum: [f64; K],
}

const WAYS: usize = 2;

impl<const K: usize> Largest<K> {
    #[inline(always)]
    pub(in crate::solver) fn new() -> Self {
        Self { most: [[0.0; K]; WAYS], sum: [0.0; K] }
    }

    #[inline(always)]
    pub(in crate::solver) fn add<const FMA: bool>(&mut self, place: usize, x: &Lanes<K>, weight: f64) {
        let most = &mut self.most[place % WAYS];
        let square = vector::mul_add::<FMA, K>(x[0], x[0], vector::mul(x[1], x[1]));
        let d2 = vector::map(square, |s| s * (weight * weight));
        *most = vector::zip(d2, *most, |d2, most| if d2 > most { d2 } else { most });
        self.sum = vector::add(self.sum, d2);
    }

    #[inline(always)]
    pub(in crate::solver) fn finish(&self) -> [f64; K] {
        std::array::from_fn(|k| {
            let most = self.most.iter().map(|m| m[k]).fold(0.0, f64::max);
            if self.sum[k].is_nan() { f64::NAN } else { most }
        })
    }
}

/// `a·b + c`, fused where the instruction set does it in one operation.
#[inline(always)]
pub(in crate::solver) fn mul_add<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Arithmetic on all lanes of one component. Written one operation after the other over whole arrays, because that is
/// what compiles to vector instructions for every K.
pub(in crate::solver) mod vector {
    /// f(a) in every lane.
    #[inline(always)]
    pub fn map<const K: usize>(a: [f64; K], f: impl Fn(f64) -> f64) -> [f64; K] {
        let mut r = [0.0; K];
        for k in 0..K {
            r[k] = f(a[k]);
        }
        r
    }

    /// f(a, b) in every lane.
    #[inline(always)]
    pub fn zip<const K: usize>(a: [f64; K], b: [f64; K], f: impl Fn(f64, f64) -> f64) -> [f64; K] {
        let mut r = [0.0; K];
        for k in 0..K {
            r[k] = f(a[k], b[k]);
        }
        r
    }

    /// a + b in every lane.
    #[inline(always)]
    pub fn add<const K: usize>(a: [f64; K], b: [f64; K]) -> [f64; K] {
        zip(a, b, |a, b| a + b)
    }

    /// a − b in every lane.
    #[inline(always)]
    pub fn sub<const K: usize>(a: [f64; K], b: [f64; K]) -> [f64; K] {
        zip(a, b, |a, b| a - b)
    }

    /// a·b in every lane.
    #[inline(always)]
    pub fn mul<const K: usize>(a: [f64; K], b: [f64; K]) -> [f64; K] {
        zip(a, b, |a, b| a * b)
    }

    /// a·b + c in every lane.
    #[inline(always)]
    pub fn mul_add<const FMA: bool, const K: usize>(a: [f64; K], b: [f64; K], c: [f64; K]) -> [f64; K] {
        let mut r = [0.0; K];
        for k in 0..K {
            r[k] = super::mul_add::<FMA>(a[k], b[k], c[k]);
        }
        r
    }
}

/// Runs a kernel body with the instruction set asked for.
///
/// `isa_dispatch!(isa, body::<K>(args))` calls `body::<FMA, K>(args)` inside a function compiled for that set.
macro_rules! isa_dispatch {
    ($(#[$doc:meta])* $vis:vis fn $name:ident<const $k:ident: usize>(isa: Isa $(, $arg:ident: $ty:ty)* $(,)?) $(-> $ret:ty)? = $body:ident) => {
        $(#[$doc])*
        $vis fn $name<const $k: usize>(isa: $crate::solver::kernel::Isa $(, $arg: $ty)*) $(-> $ret)? {
            match isa {
                $crate::solver::kernel::Isa::Baseline => $body::<false, $k>($($arg),*),
                #[cfg(target_arch = "x86_64")]
                $crate::solver::kernel::Isa::Avx2Fma => {
                    #[target_feature(enable = "avx2,fma")]
                    fn compiled<const $k: usize>($($arg: $ty),*) $(-> $ret)? {
                        $body::<true, $k>($($arg),*)
                    }
                    // SAFETY: `Isa::detect` has checked the machine; only this crate can pass a value here.
                    unsafe { compiled::<$k>($($arg),*) }
                }
                #[cfg(target_arch = "x86_64")]
                $crate::solver::kernel::Isa::Avx512 => {
                    #[target_feature(enable = "avx512f,avx2,fma")]
                    fn compiled<const $k: usize>($($arg: $ty),*) $(-> $ret)? {
                        $body::<true, $k>($($arg),*)
                    }
                    // SAFETY: as above.
                    unsafe { compiled::<$k>($($arg),*) }
                }
                #[cfg(not(target_arch = "x86_64"))]
                $crate::solver::kernel::Isa::Avx2Fma | $crate::solver::kernel::Isa::Avx512 => $body::<false, $k>($($arg),*),
            }
        }
    };
}
pub(in crate::solver) use isa_dispatch;
