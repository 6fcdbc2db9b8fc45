//! Admittances of loads and machines at eight orders, added to the nodal matrices: the pass of every step.

use super::branch::{HarmonicBranch, Law};
use super::group::{Eight, LANES};
use crate::quantity::Complex;
use crate::solver::injection::Injections;
use crate::solver::kernel::{Isa, Slot, isa_dispatch, vector};

/// What keeps the nodes of a load that is neglected, in S (OpenDSS's).
const NEGLECTED_S: f64 = 1e-12;
/// No entry.
const NOWHERE: u32 = u32::MAX;

/// Where a branch's admittance is added: diagonals of its ends and the entry between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    branch: u32,
    ends: [u32; 2],
    between: u32,
}

impl Target {
    /// A branch's target, nodes that are fixed left out.
    pub(super) fn new(branch: usize, injections: &Injections, fixed: &[bool]) -> Self {
        let free = injections.ends(branch).map(|end| !fixed.get(end as usize).copied().unwrap_or(true));
        let slots = injections.slots(branch);
        let end = |k: usize| match slots[k] {
            Slot::Diagonal(place) if free[k] => place,
            _ => NOWHERE,
        };
        let between = slots[2..].iter().find_map(|slot| match slot {
            Slot::Below(at) if free == [true; 2] => Some(*at),
            _ => None,
        });
        Self { branch: branch as u32, ends: [end(0), end(1)], between: between.unwrap_or(NOWHERE) }
    }
}

/// Branches, their present admittances, and the lanes they are added to.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub targets: &'a [Target],
    pub branches: &'a [HarmonicBranch],
    pub present_s: &'a [Complex],
    /// Multiples of the feeder's frequency.
    pub h: &'a [f64; LANES],
    pub neglect: bool,
    /// Admittances, to be written.
    pub y: &'a mut [Eight],
    pub diagonal: &'a mut [Eight],
    pub below: &'a mut [Eight],
}

/// Computes every branch's admittance and adds it.
pub(super) fn add_loads(isa: Isa, pass: Pass<'_>) {
    add_lanes::<LANES>(isa, pass);
}

isa_dispatch! {
    fn add_lanes<const K: usize>(isa: Isa, pass: Pass<'_>) = add_body
}

#[inline(always)]
fn add_body<const FMA: bool, const K: usize>(pass: Pass<'_>) {
    let inverse_h = vector::map(*pass.h, |h| 1.0 / h);
    for target in pass.targets {
        let branch = target.branch as usize;
        let harmonic = &pass.branches[branch];
        let y = match harmonic.law {
            _ if pass.neglect && harmonic.is_load() => [[NEGLECTED_S; LANES], [0.0; LANES]],
            Law::Share(share) => shared::<FMA>(pass.present_s[branch], share, pass.h, &inverse_h),
            _ => {
                let of_lane: [Complex; LANES] =
                    std::array::from_fn(|lane| harmonic.at_order(pass.present_s[branch], pass.h[lane]));
                [of_lane.map(|y| y.re), of_lane.map(|y| y.im)]
            }
        };
        pass.y[branch] = y;
        for &end in &target.ends {
            if let Some(value) = pass.diagonal.get_mut(end as usize) {
                *value = [vector::add(value[0], y[0]), vector::add(value[1], y[1])];
            }
        }
        if let Some(value) = pass.below.get_mut(target.between as usize) {
            *value = [vector::sub(value[0], y[0]), vector::sub(value[1], y[1])];
        }
    }
}

/// A share in series, s·|y|²·(G + jhB)/(G² + h²B²), and the rest in parallel, (1 − s)·(G + jB/h).
#[inline(always)]
fn shared<const FMA: bool>(y: Complex, share: f64, h: &[f64; LANES], inverse_h: &[f64; LANES]) -> Eight {
    let (g, b) = (y.re, y.im);
    let square = share * (g * g + b * b);
    // An absent load divides zero by the smallest number instead of zero.
    let in_series = vector::map(*h, |h| square / (g * g + (h * b) * (h * b)).max(f64::MIN_POSITIVE));
    let re = vector::map(in_series, |s| (s + (1.0 - share)) * g);
    let im = vector::zip(vector::mul(in_series, *h), *inverse_h, |s, i| (s + (1.0 - share) * i) * b);
    [re, im]
}
