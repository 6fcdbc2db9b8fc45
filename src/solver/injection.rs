//! Loads and power sources as branches in flat arrays, and their currents in the hot loop.
//!
//! A branch draws i = G(|u|)·u at its voltage u. An iteration needs w(u) = a·u + b·conj(u) − i(u), where (a, b) is the
//! branch's linearisation inside the factor. Branches are sorted into runs of one law, so that constant power, current
//! and impedance inside their voltage band cost a few operations per lane; everything else goes through
//! [`Law::conductance`]. Every lane does the same operations whatever the number of lanes.

use super::element::{Conductor, InjectionModel, Inside, Law, Nominal, Zones};
use super::kernel::{Isa, LaneVec, Lanes, Operator, Pattern, Slot, isa_dispatch, vector};
use crate::quantity::{Complex, complex};

/// A branch's constants, in the order of the runs.
#[derive(Clone, Copy, Debug)]
struct Branch {
    /// Places of its two ends; the pattern's `n` stands for ground.
    ends: [u32; 2],
    /// Injection element it belongs to.
    element: u32,
    /// v_base² in V², and its inverse.
    base2: f64,
    inverse_base2: f64,
    zones: Zones,
}

/// Branches of one arithmetic; `None` is the law itself.
type Run = (Option<Inside>, std::ops::Range<usize>);

/// Zones of a law that has none: every voltage is outside.
const BY_LAW: Zones = Zones {
    inside: Inside::Power,
    low2: f64::INFINITY,
    min2: f64::INFINITY,
    max2: f64::INFINITY,
    low: 1.0,
    slope: 0.0,
    offset: 0.0,
    high: 1.0,
};

/// The linearisation of a branch inside a factor: i ≈ a·u + b·conj(u) + …
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Linear {
    pub(super) a: Complex,
    pub(super) b: Complex,
}

/// Loads, then generators, PV systems and storages, in the feeder's order.
#[derive(Clone, Debug)]
pub(super) struct Injections {
    runs: Vec<Run>,
    branches: Vec<Branch>,
    slots: Vec<[Slot; 4]>,
    elements: Vec<Source>,
    /// Branches of each element, by `Source::branches`.
    of_element: Vec<u32>,
    /// Of each branch: admittance at multiplier 1, and whether it follows the load multiplier.
    rated: Vec<(Complex, bool)>,
    /// Of each branch: its place among its element's, as the element was described.
    phase: Vec<u16>,
}

/// One load or power source.
#[derive(Clone, Debug)]
struct Source {
    nominal: Nominal,
    v_base_v: f64,
    law: Law,
    branches: std::ops::Range<usize>,
}

impl Injections {
    pub(super) fn new(
        models: &[InjectionModel],
        varies: impl Fn(usize) -> bool,
        pattern: &Pattern,
        place: impl Fn(&Conductor) -> Option<u32>,
    ) -> Self {
        let mut all = Vec::new();
        for (element, model) in models.iter().enumerate() {
            let zones = model.law.zones();
            for branch in &model.branches {
                let ends = [place(&branch.from), place(&branch.to)];
                all.push((ends, element, zones));
            }
        }
        let mut sorted: Vec<usize> = (0..all.len()).collect();
        // By place within a run: neighbours in the loop are then neighbours in the voltages.
        sorted.sort_by_key(|&k| (all[k].2.is_none(), all[k].2.map(|z| z.inside), all[k].0, k));
        let mut of: Vec<Vec<u32>> = vec![Vec::new(); models.len()];
        let (mut branches, mut slots) = (Vec::new(), Vec::new());
        for &k in &sorted {
            let (ends, element, zones) = all[k];
            of[element].push(branches.len() as u32);
            let base2 = models[element].v_base_v * models[element].v_base_v;
            let ends_n = ends.map(|e| e.unwrap_or(pattern.n as u32));
            branches.push(Branch {
                ends: ends_n,
                element: element as u32,
                base2,
                inverse_base2: 1.0 / base2,
                zones: zones.unwrap_or(BY_LAW),
            });
            let [p, q] = ends;
            slots.push([pattern.slot(p, p), pattern.slot(q, q), pattern.slot(p, q), pattern.slot(q, p)]);
        }
        let rated = branches.iter().map(|b: &Branch| {
            let model = &models[b.element as usize];
            (model.nominal.admittance_s(model.v_base_v), varies(b.element as usize))
        });
        let rated = rated.collect();
        let firsts: Vec<usize> = models
            .iter()
            .scan(0, |next, m| {
                *next += m.branches.len();
                Some(*next - m.branches.len())
            })
            .collect();
        let phase = sorted.iter().map(|&k| (k - firsts[all[k].1]) as u16).collect();
        let mut of_element = Vec::new();
        let elements = models.iter().zip(of).map(|(model, own)| {
            let first = of_element.len();
            of_element.extend(own);
            let branches = first..of_element.len();
            Source { nominal: model.nominal, v_base_v: model.v_base_v, law: model.law, branches }
        });
        let elements = elements.collect();
        let mut runs: Vec<Run> = Vec::new();
        for (k, &from) in sorted.iter().enumerate() {
            let inside = all[from].2.map(|z| z.inside);
            match runs.last_mut() {
                Some((run, range)) if *run == inside => range.end = k + 1,
                _ => runs.push((inside, k..k + 1)),
            }
        }
        Self { runs, branches, slots, elements, of_element, rated, phase }
    }

    pub(super) fn len(&self) -> usize {
        self.branches.len()
    }

    pub(super) fn elements(&self) -> usize {
        self.elements.len()
    }

    pub(super) fn nominal(&self, element: usize) -> Nominal {
        self.elements[element].nominal
    }

    pub(super) fn set_nominal(&mut self, element: usize, nominal: Nominal) {
        self.elements[element].nominal = nominal;
        let rated = self.admittance_s(element, 1.0, 1.0);
        for &branch in &self.of_element[self.elements[element].branches.clone()] {
            self.rated[branch as usize].0 = rated;
        }
    }

    /// Whether an element follows the load multiplier.
    pub(super) fn varies(&self, element: usize) -> bool {
        self.branches_of(element).next().is_some_and(|branch| self.rated[branch].1)
    }

    pub(super) fn branch_count(&self, element: usize) -> usize {
        self.elements[element].branches.len()
    }

    /// Admittance `y` of each branch that follows the load multiplier, with the one at multiplier 1.
    pub(super) fn variable<'a, T>(&'a self, y: &'a mut [T]) -> impl Iterator<Item = (&'a mut T, Complex)> {
        y.iter_mut().zip(&self.rated).filter(|(_, (_, varies))| *varies).map(|(y, &(rated, _))| (y, rated))
    }

    /// Branches of an element.
    pub(super) fn branches_of(&self, element: usize) -> impl Iterator<Item = usize> {
        self.of_element[self.elements[element].branches.clone()].iter().map(|&b| b as usize)
    }

    /// The branch of an element's phase (from 0, as the element was described).
    pub(super) fn branch_of(&self, element: usize, phase: usize) -> Option<usize> {
        self.branches_of(element).find(|&branch| usize::from(self.phase[branch]) == phase)
    }

    /// Base voltage of an element's branches in V.
    pub(super) fn v_base_of(&self, element: usize) -> f64 {
        self.elements[element].v_base_v
    }

    /// Whether a law jumps at an edge of its band, so that two solutions may exist near it.
    pub(super) fn jumps(&self) -> bool {
        self.elements.iter().any(|e| {
            !matches!(
                e.law,
                Law::Power(_)
                    | Law::Impedance { .. }
                    | Law::Current(_)
                    | Law::Source { .. }
                    | Law::LimitedSource { .. }
            )
        })
    }

    /// Admittance of an element's branches at rated voltage for multipliers of P and Q.
    pub(super) fn admittance_s(&self, element: usize, p: f64, q: f64) -> Complex {
        let source = &self.elements[element];
        source.nominal.times(p, q).admittance_s(source.v_base_v)
    }

    /// Node pairs that branches join, for finding islands.
    pub(super) fn pairs(&self) -> Vec<(u32, u32)> {
        let ground = |s: &[Slot; 4]| matches!(s[0], Slot::Nowhere) || matches!(s[1], Slot::Nowhere);
        let joined = self.branches.iter().zip(&self.slots).filter(|(_, s)| !ground(s));
        joined.map(|(b, _)| (b.ends[0], b.ends[1])).collect()
    }

    /// Adds every branch's linearisation to an operator, but for nodes that have no equation of their own (`fixed`).
    pub(super) fn add_linear(&self, linear: &[Linear], operator: &mut Operator, fixed: &[bool]) {
        for ((branch, slots), l) in self.branches.iter().zip(&self.slots).zip(linear) {
            let [p, q] = branch.ends.map(|e| !fixed.get(e as usize).copied().unwrap_or(false));
            let both = p && q;
            for ((slot, sign), has) in slots.iter().zip([1.0, 1.0, -1.0, -1.0]).zip([p, q, both, both]) {
                if has {
                    operator.add(*slot, l.a * sign);
                    operator.add_conj(*slot, l.b * sign);
                }
            }
        }
    }

    /// Adds to an operator what [`Injections::add_linear`] adds to rows and columns of `marked` places.
    pub(super) fn add_linear_at(&self, linear: &[Linear], marked: &[bool], operator: &mut Operator, fixed: &[bool]) {
        let is = |flags: &[bool], end: u32| flags.get(end as usize).copied().unwrap_or(false);
        for ((branch, slots), l) in self.branches.iter().zip(&self.slots).zip(linear) {
            let at = branch.ends.map(|e| is(marked, e));
            if at == [false; 2] {
                continue;
            }
            let [p, q] = branch.ends.map(|e| !is(fixed, e));
            let both = p && q;
            for ((slot, sign), has) in
                slots.iter().zip([1.0, 1.0, -1.0, -1.0]).zip([p && at[0], q && at[1], both, both])
            {
                if has {
                    operator.add(*slot, l.a * sign);
                    operator.add_conj(*slot, l.b * sign);
                }
            }
        }
    }

    /// Voltage across a branch.
    pub(super) fn voltage(&self, branch: usize, v: &[Lanes<1>]) -> Complex {
        let [p, q] = self.branches[branch].ends.map(|e| v[e as usize]);
        complex(p[0][0] - q[0][0], p[1][0] - q[1][0])
    }

    /// Places of a branch's two ends; the number of places stands for ground.
    pub(super) fn ends(&self, branch: usize) -> [u32; 2] {
        self.branches[branch].ends
    }

    /// Where a branch stands in an operator: at its first end, at its second, between second and first, and the mirror.
    pub(super) fn slots(&self, branch: usize) -> &[Slot; 4] {
        &self.slots[branch]
    }

    /// The element that a branch belongs to, and its place (0-based) among that element's branches as described.
    pub(super) fn element_and_phase(&self, branch: usize) -> (usize, usize) {
        (self.branches[branch].element as usize, usize::from(self.phase[branch]))
    }

    /// Admittance of a branch at rated voltage and multiplier 1, in S.
    pub(super) fn rated_s(&self, branch: usize) -> Complex {
        self.rated[branch].0
    }

    /// Base voltage of a branch in V.
    pub(super) fn v_base_v(&self, branch: usize) -> f64 {
        self.elements[self.branches[branch].element as usize].v_base_v
    }

    /// Draws a branch's current from its nodes: subtracts it from the right-hand side `x` (n + 1 places).
    pub(super) fn draw(&self, branch: usize, i: Complex, x: &mut [Lanes<1>]) {
        let [p, q] = self.branches[branch].ends.map(|e| e as usize);
        x[p][0][0] -= i.re;
        x[p][1][0] -= i.im;
        x[q][0][0] += i.re;
        x[q][1][0] += i.im;
    }

    /// Current drawn by a branch of admittance `y` (present power) at voltage `u`: what [`Injections::linearise`] says of it.
    pub(super) fn current(&self, branch: usize, y: Complex, u: Complex) -> Complex {
        let source = &self.elements[self.branches[branch].element as usize];
        source.law.conductance(present(source, y), source.v_base_v, u.norm() / source.v_base_v).g * u
    }

    /// Current drawn by a branch of admittance `y` (present power) at voltage `u`, and its linearisation there.
    pub(super) fn linearise(&self, branch: usize, y: Complex, u: Complex) -> (Complex, Linear) {
        let source = &self.elements[self.branches[branch].element as usize];
        let present = present(source, y);
        let m = u.norm() / source.v_base_v;
        let c = source.law.conductance(present, source.v_base_v, m);
        let half = c.dg_dm * (0.5 * m);
        let turn = if m > 0.0 { u * u / u.norm_sqr() } else { complex(0.0, 0.0) };
        (c.g * u, Linear { a: c.g + half, b: half * turn })
    }
}

fn present(source: &Source, y: Complex) -> Nominal {
    let base2 = source.v_base_v * source.v_base_v;
    Nominal { p_w: y.re * base2, q_var: -y.im * base2, ..source.nominal }
}

/// What a set of scenarios keeps per branch.
#[derive(Clone, Debug)]
pub(super) struct BranchState<const K: usize> {
    /// Admittance at rated voltage for the present power.
    pub(super) y: LaneVec<K>,
    /// w that the present voltages answer to.
    pub(super) w: LaneVec<K>,
    /// w(u) less that: what the next solve answers to.
    pub(super) r: LaneVec<K>,
}

impl<const K: usize> BranchState<K> {
    pub(super) fn new(branches: usize) -> Self {
        Self { y: LaneVec::zeros(branches), w: LaneVec::zeros(branches), r: LaneVec::zeros(branches) }
    }

    /// Becomes a copy of `other` without allocating.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.y.copy_from_slice(&other.y);
        self.w.copy_from_slice(&other.w);
        self.r.copy_from_slice(&other.r);
    }
}

/// How r compares with the r before it, per lane: Σ r·r′ and Σ |r′|², weighted as powers.
pub(super) type Comparison<const K: usize> = [[f64; K]; 2];

impl Injections {
    /// Computes r = w(u) − w of every branch and adds it to the right-hand side `x`, in the lanes that are `on`; returns
    /// how it compares with the r before. `v` and `x` have n + 1 places; the last is ground.
    pub(super) fn residual<const K: usize>(
        &self,
        isa: Isa,
        linear: &[Linear],
        v: &[Lanes<K>],
        state: &mut BranchState<K>,
        x: &mut [Lanes<K>],
        on: &[bool; K],
    ) -> Comparison<K> {
        assert!(v.len() == x.len() && linear.len() == self.branches.len() && state.y.len() == self.branches.len());
        // As bit masks, which every lane applies alike: a branch on `on` would keep the lanes from being computed at once.
        let on = on.map(|on| if on { u64::MAX } else { 0 });
        residual_lanes(isa, self, linear, v, state, x, &on)
    }
}

isa_dispatch! {
    fn residual_lanes<const K: usize>(isa: Isa, inj: &Injections, linear: &[Linear], v: &[Lanes<K>],
        state: &mut BranchState<K>, x: &mut [Lanes<K>], on: &[u64; K]) -> Comparison<K> = residual_body
}

#[inline(always)]
fn residual_body<const FMA: bool, const K: usize>(
    inj: &Injections,
    linear: &[Linear],
    v: &[Lanes<K>],
    state: &mut BranchState<K>,
    x: &mut [Lanes<K>],
    on: &[u64; K],
) -> Comparison<K> {
    let mut sums = [[0.0; K]; 2];
    for (run, range) in &inj.runs {
        match run {
            Some(Inside::Power) => {
                run_body::<FMA, K>(inj, range, linear, v, state, x, on, &mut sums, |m2| 1.0 / m2);
            }
            Some(Inside::Current) => {
                run_body::<FMA, K>(inj, range, linear, v, state, x, on, &mut sums, |m2| 1.0 / m2.sqrt());
            }
            Some(Inside::Impedance) | None => {
                run_body::<FMA, K>(inj, range, linear, v, state, x, on, &mut sums, |_| 1.0);
            }
        }
    }
    sums
}

/// One run of branches; `inside` is the factor on the nominal admittance inside the band, by m².
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "one hot loop, written once for every law and number of lanes")]
fn run_body<const FMA: bool, const K: usize>(
    inj: &Injections,
    range: &std::ops::Range<usize>,
    linear: &[Linear],
    v: &[Lanes<K>],
    state: &mut BranchState<K>,
    x: &mut [Lanes<K>],
    on: &[u64; K],
    sums: &mut Comparison<K>,
    inside: impl Fn(f64) -> f64,
) {
    let branches = inj.branches[range.clone()].iter().zip(&linear[range.clone()]);
    let states = state.y[range.clone()].iter().zip(&state.w[range.clone()]).zip(&mut state.r[range.clone()]);
    for ((branch, l), ((y, w), r)) in branches.zip(states) {
        let [p, q] = branch.ends.map(|e| e as usize);
        let u = [vector::sub(v[p][0], v[q][0]), vector::sub(v[p][1], v[q][1])];
        let g = admittance::<FMA, K>(inj, branch, y, &u, &inside);
        let now = answer::<FMA, K>(l, &g, &u);
        let new = [mask(vector::sub(now[0], w[0]), on), mask(vector::sub(now[1], w[1]), on)];
        let along = vector::mul_add::<FMA, K>(new[0], r[0], vector::mul(new[1], r[1]));
        let before = vector::mul_add::<FMA, K>(r[0], r[0], vector::mul(r[1], r[1]));
        sums[0] = vector::mul_add::<FMA, K>(along, [branch.base2; K], sums[0]);
        sums[1] = vector::mul_add::<FMA, K>(before, [branch.base2; K], sums[1]);
        *r = new;
        x[p] = [vector::add(x[p][0], new[0]), vector::add(x[p][1], new[1])];
        x[q] = [vector::sub(x[q][0], new[0]), vector::sub(x[q][1], new[1])];
    }
}

/// The lanes that are on; zero in the others.
#[inline(always)]
fn mask<const K: usize>(r: [f64; K], on: &[u64; K]) -> [f64; K] {
    let mut masked = [0.0; K];
    for k in 0..K {
        masked[k] = f64::from_bits(r[k].to_bits() & on[k]);
    }
    masked
}

/// w(u) = a·u + b·conj(u) − G·u in every lane.
#[inline(always)]
fn answer<const FMA: bool, const K: usize>(l: &Linear, g: &Lanes<K>, u: &Lanes<K>) -> Lanes<K> {
    let re_re = vector::map(g[0], |g| l.a.re + l.b.re - g);
    let re_im = vector::map(g[1], |g| l.b.im - l.a.im + g);
    let im_re = vector::map(g[1], |g| l.a.im + l.b.im - g);
    let im_im = vector::map(g[0], |g| l.a.re - l.b.re - g);
    [
        vector::mul_add::<FMA, K>(re_im, u[1], vector::mul(re_re, u[0])),
        vector::mul_add::<FMA, K>(im_im, u[1], vector::mul(im_re, u[0])),
    ]
}

/// Present admittance G(|u|) of a branch in every lane.
#[inline(always)]
fn admittance<const FMA: bool, const K: usize>(
    inj: &Injections,
    branch: &Branch,
    y: &Lanes<K>,
    u: &Lanes<K>,
    inside: &impl Fn(f64) -> f64,
) -> Lanes<K> {
    let zones = &branch.zones;
    let square = vector::mul_add::<FMA, K>(u[0], u[0], vector::mul(u[1], u[1]));
    let m2 = vector::map(square, |s| s * branch.inverse_base2);
    let factor = vector::map(m2, inside);
    let mut g = [vector::mul(y[0], factor), vector::mul(y[1], factor)];
    let mut outside = false;
    for m2 in m2 {
        // Not short-circuited: one comparison of all lanes.
        outside |= (m2 <= zones.min2) | (m2 > zones.max2);
    }
    if outside {
        if zones.min2 == f64::INFINITY {
            by_law(inj, branch, y, &m2, &mut g);
        } else {
            let factor = vector::zip(m2, factor, |m2, inside| zoned(zones, m2, inside));
            g = [vector::mul(y[0], factor), vector::mul(y[1], factor)];
        }
    }
    g
}

/// A law's factor by m², given the one inside its band. All zones are computed and one is chosen, for all lanes at once.
#[inline(always)]
fn zoned(zones: &Zones, m2: f64, inside: f64) -> f64 {
    let interpolated = zones.slope + zones.offset / m2.sqrt();
    let below = if m2 > zones.low2 { interpolated } else { zones.low };
    let at_most_inside = if m2 > zones.min2 { inside } else { below };
    if m2 > zones.max2 { zones.high } else { at_most_inside }
}

/// Present admittance by the law itself, for laws without zones.
#[inline(never)]
fn by_law<const K: usize>(inj: &Injections, branch: &Branch, y: &Lanes<K>, m2: &[f64; K], g: &mut Lanes<K>) {
    let source = &inj.elements[branch.element as usize];
    for k in 0..K {
        let present = present(source, complex(y[0][k], y[1][k]));
        let c = source.law.conductance(present, source.v_base_v, m2[k].sqrt()).g;
        (g[0][k], g[1][k]) = (c.re, c.im);
    }
}
