//! The predictor and the corrector, the length of a step, and the nose.

use super::equations::{Border, Equations, Factor};
use super::hermite::Cubic;
use super::{Continuation, PathPoint};

/// A corrector's step below this (pu) is taken for converged.
const CONVERGED: f64 = 1e-12;
/// A corrector's step that no longer shrinks is rounding if it is below this.
const ROUNDING: f64 = 1e-9;
/// Most corrector steps.
const MOST_CORRECTIONS: usize = 16;
/// A corrector's step larger than this (pu) does not lead back to the curve.
const LOST: f64 = 0.5;
/// The first factor is kept for a second step after a first one shorter than this.
const FIRST: f64 = 1e-2;
/// An old factor is kept while each step is smaller than the last by this.
const CHORD: f64 = 0.05;
/// Cosine of the angle between tangents at two neighbours above which a step may grow, must shrink, or is taken back.
const SMOOTH: [f64; 3] = [0.999, 0.995, 0.98];
/// Steps shorter than this may turn by any angle below a right one: a kink of a load's law.
const KINK: f64 = 1e-4;
/// Shortest step.
const SHORTEST: f64 = 1e-7;
/// How near to the nose its two neighbours are taken, for the cubic between them: the cubic then errs by about
/// 1e-14, and points nearer would lose digits where phases collapse together and the Jacobian loses more than one rank.
const NOSE_REACH: f64 = 1e-4;
/// Most attempts at neighbours of the nose.
const MOST_NARROWINGS: usize = 8;

/// How a curve is followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceSettings {
    /// Whether λ grows or shrinks at first.
    pub rising: bool,
    /// Longest step: change of λ and of the voltage component (pu) that moves most, as a distance.
    pub longest_step: f64,
    /// Most points.
    pub most_points: usize,
}

impl Default for TraceSettings {
    fn default() -> Self {
        Self { rising: true, longest_step: 0.03, most_points: 2000 }
    }
}

/// Why a curve ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Where it was told to.
    Reached,
    /// At the most points allowed.
    Long,
    /// No step, however short, finds a next point: a load's law jumps there, or the curve has no end but infinity.
    Stuck,
}

/// A curve.
#[derive(Clone, Debug)]
pub struct Path {
    /// Points in the order in which they were found; the nose is not one of them.
    pub points: Vec<PathPoint>,
    /// Index of the first point past the first fold of λ, and the fold itself.
    pub nose: Option<(usize, PathPoint)>,
    /// How often λ turned in all.
    pub folds: usize,
    /// Why it ends.
    pub end: End,
}

impl Path {
    /// Finds the nose between the path's last point and the next one, and adds its neighbours; says which point is next.
    /// A point that fell beside the nose gives way to the neighbour: it says no more, with fewer digits.
    fn round_nose(&mut self, equations: &mut Equations, before: &PathPoint, after: PathPoint) -> PathPoint {
        let (nose, [near_before, near_after]) = narrow(equations, before, &after);
        let beside = |p: &PathPoint| (before.border.of(&p.x) - before.border.of(&nose.x)).abs() < 0.9 * NOSE_REACH;
        if near_before.lambda != before.lambda {
            self.points.pop_if(|p| beside(p));
            self.points.push(near_before);
        }
        let mut next = after;
        if near_after.lambda != next.lambda {
            if beside(&next) {
                next = near_after;
            } else {
                self.points.push(near_after);
            }
        }
        let past = self.points.iter().rposition(|p| p.rising).map_or(0, |last| last + 1);
        self.nose = Some((past, nose));
        next
    }
}

impl Equations<'_> {
    /// Newton's method from `x` to the curve, to the point at which the border has the value `aim`. Says how many steps
    /// it took; `None` when it does not converge.
    pub(super) fn correct(&mut self, x: &mut [f64], border: Border, aim: f64) -> Option<usize> {
        let mut factor: Option<Factor> = None;
        let mut last = f64::INFINITY;
        for corrections in 1..=MOST_CORRECTIONS {
            let mut right = self.residual(x);
            let size = right.len();
            right[size - 1] = aim - border.of(x);
            let fresh = factor.is_none();
            let current = match factor.take() {
                Some(factor) => factor,
                None => self.factor(x, border)?,
            };
            let step = current.solve(right)?;
            let length = step.iter().fold(0.0, |most: f64, d| most.max(d.abs()));
            if length > LOST {
                return None;
            }
            x.iter_mut().zip(&step).for_each(|(x, d)| *x += d);
            if length <= CONVERGED || (fresh && length <= ROUNDING && length > 0.3 * last) {
                return Some(corrections);
            }
            if length < if last.is_finite() { CHORD * last } else { FIRST } {
                factor = Some(current);
            }
            last = length;
        }
        None
    }
}

impl Continuation<'_> {
    /// Follows the curve until `stop` says so of a point (it is kept).
    pub fn trace(&self, settings: TraceSettings, mut stop: impl FnMut(&Self, &PathPoint) -> bool) -> Path {
        let mut path = Path { points: Vec::new(), nose: None, folds: 0, end: End::Stuck };
        let mut equations = self.equations.clone();
        let mut x = equations.start();
        let border = Border { by_parameter: if settings.rising { 1.0 } else { -1.0 }, ..Border::parameter() };
        let first = equations.correct(&mut x, Border::parameter(), 0.0);
        let Some(mut at) = first.and_then(|_| point(&mut equations, x, border)) else { return path };
        let mut step = settings.longest_step / 4.0;
        path.points.push(at.clone());
        path.end = End::Long;
        while path.points.len() < settings.most_points {
            if stop(self, &at) {
                path.end = End::Reached;
                break;
            }
            // A step may grow with λ: where no fold comes, λ grows without end.
            let longest = settings.longest_step * at.lambda.abs().max(1.0);
            let Some((next, length)) = advance(&mut equations, &at, step.min(longest)) else {
                path.end = End::Stuck;
                break;
            };
            step = length;
            if next.rising != at.rising {
                path.folds += 1;
            }
            at = if at.rising && !next.rising && path.nose.is_none() {
                path.round_nose(&mut equations, &at, next)
            } else {
                next
            };
            path.points.push(at.clone());
        }
        path
    }

    /// The point at which λ has a value, on the first part of a path where it does; `None` if it never does.
    pub fn at(&self, path: &Path, lambda: f64) -> Option<PathPoint> {
        self.place_of(path, lambda).map(|(_, point)| point)
    }

    /// Adds that point to the path, if it is not there yet.
    pub fn add_at(&self, path: &mut Path, lambda: f64) {
        let Some((index, point)) = self.place_of(path, lambda) else { return };
        if path.points.iter().all(|p| p.lambda != lambda) {
            path.points.insert(index, point);
            if let Some((past, _)) = path.nose.as_mut().filter(|(past, _)| index <= *past) {
                *past += 1;
            }
        }
    }

    /// The point at which λ has a value first, and its index among the path's points.
    fn place_of(&self, path: &Path, lambda: f64) -> Option<(usize, PathPoint)> {
        let crosses = |pair: &[PathPoint]| {
            let (a, b) = (pair[0].lambda, pair[1].lambda);
            (a.min(b)..=a.max(b)).contains(&lambda)
        };
        let before = path.points.windows(2).position(crosses)?;
        let pair = &path.points[before..before + 2];
        if let Some(exact) = pair.iter().find(|p| p.lambda == lambda) {
            return Some((before, exact.clone()));
        }
        let cubic = Cubic::new(&pair[0], &pair[1]);
        let mut equations = self.equations.clone();
        let mut x = cubic.at(cubic.crossing(lambda));
        equations.correct(&mut x, Border::parameter(), lambda)?;
        let size = x.len();
        x[size - 1] = lambda;
        Some((before + 1, point(&mut equations, x, pair[0].border)?))
    }
}

/// A point of the curve at the solution `x`, followed in the direction in which `border` grows.
fn point(equations: &mut Equations, x: Vec<f64>, border: Border) -> Option<PathPoint> {
    let mut right = vec![0.0; equations.len()];
    *right.last_mut()? = 1.0;
    let mut tangent = equations.factor(&x, border)?.solve(right)?;
    let (voltages, parameter) = (&tangent[..tangent.len() - 1], tangent[tangent.len() - 1]);
    let most = voltages.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    // It is changed only for a clearly better one: a change costs a new pattern.
    let keeps = border.by_voltage != 0.0 && 2.0 * voltages[border.component].abs() > most.1.abs();
    let component = if keeps { border.component } else { most.0 };
    let length = tangent[component].hypot(parameter);
    tangent.iter_mut().for_each(|t| *t /= length);
    let by_parameter = tangent[tangent.len() - 1];
    let residual_pu = equations.residual(&x).iter().fold(0.0, |most: f64, r| most.max(r.abs()));
    Some(PathPoint {
        lambda: x[x.len() - 1],
        rising: by_parameter > 0.0,
        residual_pu,
        border: Border { component, by_voltage: tangent[component], by_parameter },
        x,
        tangent,
    })
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The next point, and the length of the step after it.
fn advance(equations: &mut Equations, at: &PathPoint, step: f64) -> Option<(PathPoint, f64)> {
    let mut length = step;
    while length >= SHORTEST {
        if let Some((next, corrections)) = stride(equations, at, at.border, length) {
            let turn = cosine(&at.tangent, &next.tangent);
            if turn >= SMOOTH[2] || (length < KINK && turn > 0.0) {
                let factor = match corrections {
                    _ if turn < SMOOTH[1] => 0.7,
                    0..=5 if turn > SMOOTH[0] => 1.5,
                    _ => 1.0,
                };
                return Some((next, (length * factor).max(100.0 * SHORTEST)));
            }
        }
        length *= 0.4;
    }
    // A kink at which the curve turns back in λ: by voltage alone it goes on.
    let by_voltage = Border { by_voltage: at.border.by_voltage.signum(), by_parameter: 0.0, ..at.border };
    let (next, _) = [KINK, 0.1 * KINK, 0.01 * KINK].iter().find_map(|l| stride(equations, at, by_voltage, *l))?;
    Some((next, KINK))
}

/// One step of the predictor, and the corrector's way back.
fn stride(equations: &mut Equations, at: &PathPoint, border: Border, length: f64) -> Option<(PathPoint, usize)> {
    let mut x: Vec<f64> = at.x.iter().zip(&at.tangent).map(|(x, t)| x + length * t).collect();
    let aim = border.of(&at.x) + length;
    let corrections = equations.correct(&mut x, border, aim)?;
    Some((point(equations, x, border)?, corrections))
}

/// The nose between two points on both sides of it, and the neighbours that it was found from.
fn narrow(equations: &mut Equations, before: &PathPoint, after: &PathPoint) -> (PathPoint, [PathPoint; 2]) {
    let mut ends = [before.clone(), after.clone()];
    for _ in 0..MOST_NARROWINGS {
        let cubic = Cubic::new(&ends[0], &ends[1]);
        if !cubic.is_sound() || cubic.length <= 2.5 * NOSE_REACH {
            break;
        }
        // Far away the cubic is only near: neighbours are taken so far apart that the nose is between them.
        let reach = if cubic.length > 10.0 * NOSE_REACH { cubic.length / 64.0 } else { 0.0 }.max(NOSE_REACH);
        let sigmas = [-reach, reach].map(|beside| cubic.top() + beside);
        let inside = sigmas.into_iter().filter(|sigma| *sigma > 0.0 && *sigma < cubic.length);
        let guesses: Vec<_> = inside.map(|sigma| (sigma, cubic.at(sigma))).collect();
        let (border, origin) = (ends[0].border, ends[0].border.of(&ends[0].x));
        let mut moved = false;
        for (sigma, mut x) in guesses {
            let found = equations.correct(&mut x, border, origin + sigma);
            let Some(side) = found.and_then(|_| point(equations, x, border)) else { continue };
            let past = usize::from(!side.rising);
            // Two on one side of the nose: the nearer one is it.
            let nearer = border.of(&side.x) > border.of(&ends[0].x) && border.of(&side.x) < border.of(&ends[1].x);
            if nearer {
                ends[past] = side;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let cubic = Cubic::new(&ends[0], &ends[1]);
    let x = if cubic.is_sound() { cubic.at(cubic.top()) } else { ends[0].x.clone() };
    let residual_pu = equations.residual(&x).iter().fold(0.0, |most: f64, r| most.max(r.abs()));
    (PathPoint { lambda: x[x.len() - 1], rising: false, residual_pu, x, ..ends[0].clone() }, ends)
}
