//! From a feeder to its curves and operating points.

use super::place::Place;
use super::{
    Answer, NodeVoltage, OperatingPoint, OperatingPoints, Post, PvCurve, PvError, PvPoint, Question, QvCurve, QvPoint,
    Vary,
};
use crate::diagnostic::nearest;
use crate::feeder::{Feeder, Load, LoadModel, LoadStatus, Terminal};
use crate::quantity::{Complex, angle_deg, complex};
use crate::solver::{
    Continuation, Controls, ElementId, End, Grid, Kind, LoadsAs, NodeId, Path, PathPoint, PowerFlow, Settings,
    TraceSettings,
};

/// Name of the load that is added at the bus, lengthened where the feeder has one of that name.
const ADDED: &str = "pv study";
/// Voltage, per unit, below which a curve is not followed.
const LOWEST_PU: f64 = 0.02;
/// λ beyond which no fold is looked for: that many times the power that λ = 1 stands for.
const FARTHEST: f64 = 1e3;
/// Highest voltage of a Q–V curve, per unit.
const QV_HIGHEST_PU: f64 = 1.1;
/// Most points of one curve.
const MOST_POINTS: usize = 1500;
/// Tolerance of the power flows that a curve starts from, per unit.
const TOLERANCE_PU: f64 = 1e-10;

/// A network at its present load, and what varies in it.
struct Setting<'a> {
    question: &'a Question,
    place: Place,
    /// At the present load, nothing added.
    present: PowerFlow,
    /// The injection that is added at the bus.
    added: usize,
    /// Injections whose power is the curve's.
    counted: Vec<usize>,
    /// Power that λ = 1 adds to each injection that varies, in VA.
    moving: Vec<(usize, Complex)>,
    /// λ of the present load; the curve starts at 0, without load.
    lambda_present: f64,
    /// About the most power, in VA.
    base_va: f64,
}

/// Answers a question about a feeder.
///
/// # Errors
/// [`PvError`] when the question does not fit the feeder, or the feeder has no solution to begin with.
pub fn study(feeder: &Feeder, question: &Question, settings: Settings) -> Result<Answer, PvError> {
    let setting = Setting::new(feeder, question, settings)?;
    let curve = setting.curve(&setting.present)?;
    let (a, of_a) = setting.present_point(&curve)?;
    let mut answer = Answer {
        feeder: feeder.feeder.clone(),
        at: setting.place.terminal().to_string(),
        vary: question.vary,
        reading: setting.place.reading(),
        base_v: setting.place.base_of_reading_v(),
        margin_percent: a.margin_percent,
        curve: curve.shown,
        post: None,
        operating_points: OperatingPoints { a, b: None, c: None },
        qv: question.qv.then(|| setting.qv(&setting.present)).transpose()?,
    };
    if !question.outage.is_empty() {
        let lost = setting.after_outage(feeder)?;
        let post = setting.curve(&lost)?;
        let points = &mut answer.operating_points;
        points.b = setting.at_present(&post).map(|(point, _)| point.operating(&post.shown.nose));
        points.c = setting.restored(&lost, &points.a, &of_a, &post.shown.nose);
        let qv = if points.b.is_some() && question.qv { Some(setting.qv(&lost)?) } else { None };
        answer.post = Some(Post { outage: question.outage.clone(), curve: post.shown, qv });
    }
    Ok(answer)
}

/// A curve, and what it was found with.
struct Followed {
    start: PowerFlow,
    path: Path,
    shown: PvCurve,
}

impl<'a> Setting<'a> {
    fn new(feeder: &Feeder, question: &'a Question, settings: Settings) -> Result<Self, PvError> {
        let bare = PowerFlow::new(Grid::compile(feeder)?, settings);
        let place = Place::find(&bare, &question.at)?;
        let mut changed = feeder.clone();
        if question.constant_power {
            changed.loads.values_mut().for_each(constant_power);
        }
        let mut name = ADDED.to_owned();
        while changed.loads.contains_key(&name) {
            name.push('\'');
        }
        changed.loads.insert(name, added(&place));
        let settings = Settings { tolerance_pu: settings.tolerance_pu.min(TOLERANCE_PU), ..settings };
        let mut flow = PowerFlow::new(Grid::compile(&changed)?, settings);
        let added = changed.loads.len() - 1;
        flow.set_power(added, 0.0, 0.0);
        let place = Place::find(&flow, &place.terminal())?;
        settle(&mut flow, question.controls)?;
        let mut setting = Self {
            question,
            place,
            present: flow,
            added,
            counted: Vec::new(),
            moving: Vec::new(),
            lambda_present: 1.0,
            base_va: 0.0,
        };
        setting.choose(&changed)?;
        Ok(setting)
    }

    /// What is counted and what moves.
    fn choose(&mut self, feeder: &Feeder) -> Result<(), PvError> {
        let at_bus: Vec<usize> = (0..feeder.loads.len()).filter(|&k| k != self.added && self.stands_here(k)).collect();
        let power = |k: &usize| self.present.power(*k);
        let turned = |s: Complex| self.question.q_per_p.map_or(s, |q| complex(s.re, s.re * q));
        let scaled = |all: &[usize]| all.iter().map(|k| (*k, turned(power(k)))).collect::<Vec<_>>();
        self.base_va = self.carried_va()?;
        match self.question.vary {
            Vary::Added => {
                // Where the loads there feed the network, the curve begins at the present.
                let present_w = at_bus.iter().map(|k| power(k).re).sum::<f64>().max(0.0);
                let unit = complex(1.0, self.question.q_per_p.unwrap_or(0.0)) * self.base_va;
                self.moving = vec![(self.added, unit)];
                self.lambda_present = present_w / self.base_va;
                self.counted = at_bus.into_iter().chain([self.added]).collect();
            }
            Vary::Bus => {
                self.moving = scaled(&at_bus);
                self.counted = at_bus;
            }
            Vary::Feeder => {
                let varies = |(_, (_, load)): &(usize, (&String, &Load))| load.status == LoadStatus::Variable;
                let all: Vec<usize> = feeder
                    .loads
                    .iter()
                    .enumerate()
                    .filter(varies)
                    .map(|(k, _)| k)
                    .filter(|k| *k != self.added)
                    .collect();
                self.moving = scaled(&all);
                self.counted = all;
            }
        }
        let moved: Complex = self.moving.iter().map(|(_, s)| *s).sum();
        if moved.norm() == 0.0 || self.counted.is_empty() {
            let bus = self.place.bus.clone();
            return Err(if self.question.vary == Vary::Feeder { PvError::NoLoads } else { PvError::NoLoad(bus) });
        }
        if self.question.vary != Vary::Added {
            self.base_va = moved.norm();
        }
        Ok(())
    }

    /// Whether a load stands at the chosen nodes of the bus, with all its phases.
    fn stands_here(&self, load: usize) -> bool {
        let nodes = self.present.injection_nodes(load);
        !nodes.is_empty() && nodes.iter().all(|n| self.place.nodes.contains(n))
    }

    /// About the most power that can be carried to the bus, in VA: Σ V²/2|Z|, Z each node's Thévenin impedance.
    fn carried_va(&self) -> Result<f64, PvError> {
        let z = self.present.thevenin_ohm(&self.place.nodes, LoadsAs::Open)?;
        let of = |(k, node): (usize, &NodeId)| self.present.voltage(*node).norm_sqr() / (2.0 * z[k][k].norm());
        let sum: f64 = self.place.nodes.iter().enumerate().map(of).sum();
        if sum.is_finite() && sum > 0.0 { Ok(sum) } else { Err(PvError::Held(self.place.bus.clone())) }
    }

    /// The same network at λ = 0.
    fn unloaded(&self, network: &PowerFlow) -> Result<PowerFlow, PvError> {
        let mut flow = network.clone();
        for &(injection, s_va) in &self.moving {
            let start = self.power_at_zero(injection, s_va);
            // The multiplier is in the present power already.
            flow.set_multiplier(injection, 1.0, 1.0);
            flow.set_power(injection, start.re, start.im);
        }
        flow.restart();
        solved(&mut flow, "without the load that varies")?;
        Ok(flow)
    }

    fn power_at_zero(&self, injection: usize, s_va: Complex) -> Complex {
        match self.question.vary {
            Vary::Added => s_va * -self.lambda_present,
            _ => self.present.power(injection) * 0.0,
        }
    }

    fn curve(&self, network: &PowerFlow) -> Result<Followed, PvError> {
        let start = self.unloaded(network)?;
        let continuation = Continuation::new(&start, &self.moving, self.base_va).ok_or(PvError::NoCurve(""))?;
        let mut most_w = f64::NEG_INFINITY;
        let mut path =
            continuation.trace(TraceSettings { most_points: MOST_POINTS, ..TraceSettings::default() }, |c, p| {
                let power_w = c.drawn(p, &self.counted).re;
                most_w = most_w.max(power_w);
                let past = power_w < most_w - 1e-3 * self.base_va;
                (past && power_w <= self.question.down_to * most_w)
                    || p.lambda > FARTHEST
                    || (p.lambda < 0.0 && !p.rising)
                    || self.voltage_pu(c, p) < LOWEST_PU
            });
        continuation.add_at(&mut path, self.lambda_present);
        let shown = self.shown(&continuation, &path).ok_or(PvError::NoCurve(self.when()))?;
        Ok(Followed { start, path, shown })
    }

    fn when(&self) -> &'static str {
        if self.question.outage.is_empty() { "" } else { ", before or after the loss" }
    }

    fn shown(&self, continuation: &Continuation, path: &Path) -> Option<PvCurve> {
        let past = path.nose.as_ref().map_or(usize::MAX, |(past, _)| *past);
        let all = path.points.iter().enumerate();
        let points: Vec<PvPoint> = all.map(|(k, p)| self.point(continuation, p, k >= past)).collect();
        let highest = points.iter().max_by(|a, b| a.p_w.total_cmp(&b.p_w)).cloned()?;
        let nose = path.nose.as_ref().map(|(_, p)| self.point(continuation, p, false));
        let (fold, nose) = (nose.is_some(), nose.unwrap_or(highest));
        let mut points = points;
        if !fold {
            // Without a fold, what comes after the most power is "past the nose".
            let at = points.iter().position(|p| *p == nose).unwrap_or(points.len());
            points.iter_mut().skip(at + 1).for_each(|p| p.past_nose = true);
        }
        let ends_early = match path.end {
            End::Reached => None,
            End::Long => Some("it has too many points: it folds again and again"),
            End::Stuck => Some("no next point could be found: a load's law jumps there"),
        };
        let residual_pu = path.points.iter().map(|p| p.residual_pu).fold(0.0, f64::max);
        Some(PvCurve { points, nose, fold, residual_pu, ends_early: ends_early.map(str::to_owned) })
    }

    fn voltage_pu(&self, continuation: &Continuation, point: &PathPoint) -> f64 {
        let voltages: Vec<Complex> = self.place.nodes.iter().map(|n| continuation.voltage(point, *n)).collect();
        voltages.iter().map(|v| v.norm()).sum::<f64>() / (voltages.len() as f64 * self.place.base_v)
    }

    fn node_voltages(&self, continuation: &Continuation, point: &PathPoint) -> Vec<Complex> {
        let all = continuation.voltages(point);
        self.place.nodes.iter().map(|n| all[n.0 as usize]).collect()
    }

    fn point(&self, continuation: &Continuation, point: &PathPoint, past_nose: bool) -> PvPoint {
        let of_nodes = self.node_voltages(continuation, point);
        let (v, s) = (self.place.voltage(&of_nodes), continuation.drawn(point, &self.counted));
        let named = self.place.of_nodes(self.present.grid(), &of_nodes).into_iter();
        PvPoint {
            p_w: s.re,
            v_v: v.norm(),
            angle_deg: angle_deg(v),
            q_var: s.im,
            past_nose,
            nodes: named.map(|(name, v_v, angle_deg)| (name, NodeVoltage { v_v, angle_deg })).collect(),
        }
    }

    /// The point of a curve at the present load, with its nodes' voltages.
    fn at_present(&self, curve: &Followed) -> Option<(PvPoint, Vec<Complex>)> {
        let continuation = Continuation::new(&curve.start, &self.moving, self.base_va)?;
        let point = continuation.at(&curve.path, self.lambda_present)?;
        Some((self.point(&continuation, &point, !point.rising), self.node_voltages(&continuation, &point)))
    }

    fn present_point(&self, curve: &Followed) -> Result<(OperatingPoint, Vec<Complex>), PvError> {
        let (point, of_nodes) = self.at_present(curve).ok_or(PvError::NoCurve(" to the present load"))?;
        Ok((point.operating(&curve.shown.nose), of_nodes))
    }

    /// The network after the loss, at the present load where that has a solution.
    fn after_outage(&self, feeder: &Feeder) -> Result<PowerFlow, PvError> {
        let mut flow = self.present.clone();
        for name in &self.question.outage {
            let id = element(flow.grid(), feeder, name)?;
            flow.set_in_service(id, false);
        }
        if self.place.nodes.iter().any(|n| !flow.energised(*n)) {
            return Err(PvError::Dead { bus: self.place.bus.clone(), outage: self.question.outage.clone() });
        }
        flow.solve();
        Ok(flow)
    }

    /// Point C: each node of the bus brought back to its voltage at A.
    fn restored(
        &self,
        lost: &PowerFlow,
        a: &OperatingPoint,
        of_a: &[Complex],
        nose: &PvPoint,
    ) -> Option<OperatingPoint> {
        if self.question.vary == Vary::Feeder {
            return None;
        }
        let held: Vec<(NodeId, Complex)> = self.place.nodes.iter().copied().zip(of_a.iter().copied()).collect();
        // Loads at the bus draw what they drew at A, since their voltages are the same.
        let mut flow = lost.clone();
        flow.restart();
        if !flow.solve().converged() {
            flow = self.unloaded(lost).ok()?;
            self.moving.iter().for_each(|&(k, _)| {
                let s = self.present.power(k);
                flow.set_power(k, s.re, s.im);
            });
        }
        let more: Complex = flow.power_to_hold(&held)?.0.into_iter().sum();
        let (p_w, q_var) = (a.p_w + more.re, a.q_var + more.im);
        Some(OperatingPoint { p_w, q_var, margin_percent: margin(p_w, nose), ..a.clone() })
    }

    /// The Q–V curve at the present load.
    fn qv(&self, network: &PowerFlow) -> Result<QvCurve, PvError> {
        let mut flow = network.clone();
        solved(&mut flow, "at the present load")?;
        let unit_va = self.carried_va()?;
        let continuation =
            Continuation::new(&flow, &[(self.added, complex(0.0, unit_va))], unit_va).ok_or(PvError::NoCurve(""))?;
        let settings = TraceSettings { most_points: MOST_POINTS, ..TraceSettings::default() };
        let highest = QV_HIGHEST_PU;
        let up = continuation.trace(TraceSettings { rising: false, ..settings }, |c, p| {
            self.voltage_pu(c, p) >= highest || p.lambda < -FARTHEST
        });
        let down = continuation.trace(settings, |c, p| {
            p.lambda > FARTHEST || (!p.rising && p.lambda <= 0.0) || self.voltage_pu(c, p) < LOWEST_PU
        });
        let point = |p: &PathPoint| {
            let v = self.place.voltage(&self.node_voltages(&continuation, p));
            QvPoint { q_var: -continuation.drawn(p, &[self.added]).im, v_v: v.norm(), angle_deg: angle_deg(v) }
        };
        let points: Vec<QvPoint> = up.points.iter().rev().chain(down.points.iter().skip(1)).map(point).collect();
        let lowest = points.iter().min_by(|a, b| a.q_var.total_cmp(&b.q_var)).cloned();
        let minimum = down.nose.as_ref().map(|(_, p)| point(p));
        let fold = minimum.is_some();
        let minimum = minimum.or(lowest).ok_or(PvError::NoCurve(" in reactive power"))?;
        Ok(QvCurve { margin_var: -minimum.q_var, points, minimum, fold })
    }
}

impl PvPoint {
    fn operating(&self, nose: &Self) -> OperatingPoint {
        OperatingPoint {
            p_w: self.p_w,
            v_v: self.v_v,
            angle_deg: self.angle_deg,
            q_var: self.q_var,
            margin_percent: margin(self.p_w, nose),
        }
    }
}

fn margin(p_w: f64, nose: &PvPoint) -> f64 {
    100.0 * (nose.p_w - p_w) / nose.p_w
}

fn element(grid: &Grid, feeder: &Feeder, name: &str) -> Result<ElementId, PvError> {
    let name = name.to_lowercase();
    let (kind, bare) = match name.split_once('.') {
        Some(("line", bare)) => (Some(Kind::Line), bare),
        Some(("transformer", bare)) => (Some(Kind::Transformer), bare),
        _ => (None, name.as_str()),
    };
    let kinds = kind.map_or(vec![Kind::Line, Kind::Transformer], |kind| vec![kind]);
    kinds.into_iter().find_map(|kind| grid.element(kind, bare)).ok_or_else(|| {
        let known = feeder.lines.keys().chain(feeder.transformers.keys());
        let nearest = nearest(bare, known.map(String::as_str)).map(str::to_owned);
        PvError::UnknownElement { name: bare.to_owned(), nearest }
    })
}

/// Draws its power at every voltage.
fn constant_power(load: &mut Load) {
    load.model = LoadModel::ConstantPower;
    (load.v_low_pu, load.v_min_pu, load.v_max_pu) = (0.0, 0.0, f64::INFINITY);
}

/// A load of constant power between each node of a place and ground.
fn added(place: &Place) -> Load {
    let phases = place.numbers.len();
    let line_to_line = if (2..=3).contains(&phases) { 3f64.sqrt() } else { 1.0 };
    let mut nodes = place.numbers.clone();
    nodes.push(0);
    let (bus, v_kv) = (Terminal::new(place.bus.clone(), &nodes), place.base_v * line_to_line / 1000.0);
    let mut load = Load { p_kw: 1.0, ..Load::constant_power(bus, phases, v_kv) };
    constant_power(&mut load);
    load
}

fn settle(flow: &mut PowerFlow, controls: bool) -> Result<(), PvError> {
    if controls {
        Controls::new(flow)?.settle(flow);
    }
    solved(flow, "at the present load")
}

fn solved(flow: &mut PowerFlow, at: &'static str) -> Result<(), PvError> {
    let solved = flow.solve();
    if solved.converged() {
        return Ok(());
    }
    let worst = solved.worst.map(|n| flow.grid().name(n).to_owned());
    Err(PvError::NotConverged { at, worst })
}
