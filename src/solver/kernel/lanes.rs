//! K scenarios side by side, and the instruction set they are computed with.

/// K complex numbers: real parts, then imaginary parts.
pub type Lanes<const K: usize> = [[f64; K]; 2];

/// The instruction set a kernel call runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// What every machine of this architecture has.
    Baseline,
    /// AVX2 with fused multiply-add.
    Avx2Fma,
}

impl Isa {
    /// The best this machine offers.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return Self::Avx2Fma;
        }
        Self::Baseline
    }

    /// Its name in records of a run.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2Fma => "avx2+fma",
        }
    }
}

/// `a·b + c`, fused where the instruction set does it in one operation.
#[inline(always)]
pub(in crate::solver) fn mul_add<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
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
                    // SAFETY: `Isa::detect` is the only maker of this value outside tests, and it has checked the machine.
                    unsafe { compiled::<$k>($($arg),*) }
                }
                #[cfg(not(target_arch = "x86_64"))]
                $crate::solver::kernel::Isa::Avx2Fma => $body::<false, $k>($($arg),*),
            }
        }
    };
}
pub(in crate::solver) use isa_dispatch;
