//! Buses at their coordinates. Those without stand between their neighbours, or – at the end of a line – beside them.

use std::collections::BTreeSet;

use super::Graph;

/// Share of buses that need coordinates for a map to be worth it.
const ENOUGH: f64 = 0.4;

/// Rounds of averaging, enough for chains of a few dozen buses.
const ROUNDS: usize = 400;

type Point = (f64, f64);

/// Places of all buses, in the coordinates' unit, downwards positive; `None` when too few have coordinates, or all the same.
/// No two buses stand in one place.
#[allow(clippy::cast_precision_loss, reason = "counts of buses")]
pub fn map(graph: &Graph, given: &[Option<[f64; 2]>]) -> Option<Vec<Point>> {
    let known: Vec<Option<Point>> =
        (0..graph.buses).map(|k| given.get(k).copied().flatten().map(|[x, y]| (x, -y))).collect();
    let count = known.iter().flatten().count();
    let extent = extent(known.iter().flatten())?;
    if (count as f64) < ENOUGH * graph.buses as f64 || extent <= 0.0 || !extent.is_finite() {
        return None;
    }
    let neighbours: Vec<Vec<usize>> =
        graph.neighbours().iter().map(|of| of.iter().map(|(bus, _)| *bus).collect()).collect();
    let step = usual_length(graph, &known).unwrap_or(0.05 * extent);
    let mut places = known.clone();
    let ends = ends(&known, &neighbours);
    between(&mut places, &known, &neighbours, &ends);
    beside(&mut places, &neighbours, &ends, 0.7 * step);
    let left = places.iter().flatten().map(|p| p.0).fold(f64::INFINITY, f64::min);
    let bottom = places.iter().flatten().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    // What has no way to any bus with coordinates stands below the map.
    let mut lost = 0.0;
    let mut at: Vec<Point> = Vec::with_capacity(places.len());
    for place in places {
        at.push(place.unwrap_or_else(|| {
            lost += 1.0;
            (left + (lost - 1.0) * step, bottom + step)
        }));
    }
    apart(&mut at, &neighbours, step.max(1e-3 * extent));
    Some(at)
}

fn extent<'a>(points: impl Iterator<Item = &'a Point>) -> Option<f64> {
    let points: Vec<&Point> = points.collect();
    points.first()?;
    let range = |of: fn(&Point) -> f64| {
        let values = || points.iter().map(|p| of(p));
        values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
    };
    Some(range(|p| p.0).max(range(|p| p.1)))
}

/// The median length of links between buses with coordinates.
fn usual_length(graph: &Graph, known: &[Option<Point>]) -> Option<f64> {
    let length = |from: usize, to: usize| {
        let (a, b) = (known.get(from).copied().flatten()?, known.get(to).copied().flatten()?);
        Some((a.0 - b.0).hypot(a.1 - b.1)).filter(|length| *length > 0.0)
    };
    let mut lengths: Vec<f64> = graph.links.iter().filter_map(|link| length(link.from, link.to)).collect();
    lengths.sort_by(f64::total_cmp);
    lengths.get(lengths.len() / 2).copied()
}

/// Buses without coordinates beyond which there is none with them, the outermost first.
fn ends(known: &[Option<Point>], neighbours: &[Vec<usize>]) -> Vec<usize> {
    let mut degree: Vec<usize> = neighbours.iter().map(|of| of.iter().collect::<BTreeSet<_>>().len()).collect();
    let mut ends: Vec<usize> = (0..known.len()).filter(|&k| known[k].is_none() && degree[k] <= 1).collect();
    let mut listed = vec![false; known.len()];
    ends.iter().for_each(|&bus| listed[bus] = true);
    let mut next = 0;
    while let Some(&bus) = ends.get(next) {
        next += 1;
        for &other in neighbours[bus].iter().collect::<BTreeSet<_>>() {
            degree[other] = degree[other].saturating_sub(1);
            if known[other].is_none() && degree[other] == 1 && !std::mem::replace(&mut listed[other], true) {
                ends.push(other);
            }
        }
    }
    ends
}

/// Buses between others stand at the mean of their neighbours (a discrete Laplace equation, by Gauss and Seidel).
#[allow(clippy::cast_precision_loss, reason = "counts of neighbours")]
fn between(places: &mut [Option<Point>], known: &[Option<Point>], neighbours: &[Vec<usize>], ends: &[usize]) {
    let mut end = vec![false; places.len()];
    ends.iter().for_each(|&bus| end[bus] = true);
    let free: Vec<usize> = (0..places.len()).filter(|&k| known[k].is_none() && !end[k]).collect();
    for _ in 0..if free.is_empty() { 0 } else { ROUNDS } {
        for &bus in &free {
            let around: Vec<Point> = neighbours[bus].iter().filter_map(|&other| places[other]).collect();
            if !around.is_empty() {
                let sum = around.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
                places[bus] = Some((sum.0 / around.len() as f64, sum.1 / around.len() as f64));
            }
        }
    }
}

/// Buses at the end of lines stand one step from their neighbour, in the middle of the widest gap around it.
fn beside(places: &mut [Option<Point>], neighbours: &[Vec<usize>], ends: &[usize], step: f64) {
    for &bus in ends.iter().rev() {
        let Some(anchor) = neighbours[bus].iter().copied().find(|&other| places[other].is_some()) else { continue };
        let Some(from) = places[anchor] else { continue };
        let around = neighbours[anchor].iter().filter_map(|&other| places[other]);
        let mut angles: Vec<f64> = around.filter(|p| *p != from).map(|p| (p.1 - from.1).atan2(p.0 - from.0)).collect();
        angles.sort_by(f64::total_cmp);
        let angle = widest_gap(&angles);
        places[bus] = Some((from.0 + step * angle.cos(), from.1 + step * angle.sin()));
    }
}

/// The middle of the widest gap between directions; to the right when there are none.
fn widest_gap(sorted: &[f64]) -> f64 {
    let turn = std::f64::consts::TAU;
    let Some((first, last)) = sorted.first().zip(sorted.last()) else { return 0.0 };
    let around = sorted.windows(2).map(|w| (w[0], w[1])).chain([(*last, first + turn)]);
    let widest = around.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
    widest.map_or(0.0, |(a, b)| f64::midpoint(a, b))
}

/// Moves buses off others' places: towards their neighbours elsewhere, else round and round at a growing distance.
fn apart(at: &mut [Point], neighbours: &[Vec<usize>], step: f64) {
    /// The golden angle: no two of many turns by it are close.
    const GOLDEN: f64 = 2.399_963_229_728_653;
    // Zero has two signs.
    let key = |p: Point| ((p.0 + 0.0).to_bits(), (p.1 + 0.0).to_bits());
    let mut taken = BTreeSet::new();
    for bus in 0..at.len() {
        let origin = at[bus];
        if taken.insert(key(origin)) {
            continue;
        }
        let mut place = toward(origin, neighbours[bus].iter().map(|&other| at[other]), step);
        let mut turn = 0u32;
        while !taken.insert(key(place)) {
            turn += 1;
            let (radius, angle) = (0.4 * step * (0.6 + 0.4 * f64::from(turn).sqrt()), GOLDEN * f64::from(turn));
            place = (origin.0 + radius * angle.cos(), origin.1 + radius * angle.sin());
        }
        at[bus] = place;
    }
}

/// Up to most of a step from a place to the middle of others, and less than half the way; the place itself if that is it.
#[allow(clippy::cast_precision_loss, reason = "counts of neighbours")]
fn toward(from: Point, others: impl Iterator<Item = Point>, step: f64) -> Point {
    let elsewhere: Vec<Point> = others.filter(|p| *p != from).collect();
    let count = elsewhere.len().max(1) as f64;
    let sum = elsewhere.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0 - from.0, sum.1 + p.1 - from.1));
    let (dx, dy) = (sum.0 / count, sum.1 / count);
    let length = dx.hypot(dy);
    if length <= 1e-6 * step {
        return from;
    }
    let share = (0.8 * step).min(0.45 * length) / length;
    (from.0 + share * dx, from.1 + share * dy)
}

#[cfg(test)]
mod tests {
    use super::super::tests::graph;
    use super::*;

    #[test]
    fn buses_between_stand_between_and_ends_beside() {
        // 0 and 3 are known; 1, 2 between them; 4 hangs on 3; 5 on nothing.
        let line = graph(6, &[(0, 1), (1, 2), (2, 3), (3, 4)], &[0]);
        let mut given = vec![None; 6];
        (given[0], given[3]) = (Some([0.0, 0.0]), Some([30.0, 0.0]));
        assert!(map(&line, &given).is_none(), "two of six are too few");
        given[5] = Some([0.0, -9.0]);
        let at = map(&line, &given).unwrap();
        assert!((at[1].0 - 10.0).abs() < 1e-6 && (at[2].0 - 20.0).abs() < 1e-6, "{at:?}");
        assert!(at[4].0 > 30.0 && at[4].1.abs() < 1e-9, "away from where the line comes from: {at:?}");
        assert_eq!(at[5], (0.0, 9.0), "upwards in the file is upwards in the drawing");
    }

    #[test]
    fn no_two_buses_share_a_place() {
        let given = vec![Some([1.0, 1.0]); 30].into_iter().chain([Some([2.0, 1.0])]).collect::<Vec<_>>();
        let links: Vec<(usize, usize)> = (1..31).map(|k| (k - 1, k)).collect();
        let at = map(&graph(31, &links, &[0]), &given).unwrap();
        let places: BTreeSet<(u64, u64)> = at.iter().map(|p| (p.0.to_bits(), p.1.to_bits())).collect();
        assert_eq!(places.len(), 31);
    }

    #[test]
    fn a_bus_on_anothers_place_moves_towards_its_own_neighbours() {
        // A regulator between 1 and 2, both drawn where its pole stands.
        let given = [[0.0, 0.0], [10.0, 0.0], [10.0, 0.0], [30.0, 0.0]].map(Some);
        let at = map(&graph(4, &[(0, 1), (1, 2), (2, 3)], &[0]), &given).unwrap();
        assert_eq!((at[0], at[1], at[3]), ((0.0, 0.0), (10.0, 0.0), (30.0, 0.0)));
        assert!(at[2].0 > 15.0 && at[2].0 < 20.0 && at[2].1 == 0.0, "{at:?}");
    }

    #[test]
    fn coordinates_without_extent_are_no_map() {
        assert!(map(&graph(2, &[(0, 1)], &[0]), &[Some([1.0, 1.0]), Some([1.0, 1.0])]).is_none());
        assert!(map(&graph(0, &[], &[]), &[]).is_none());
    }

    #[test]
    fn gaps() {
        use std::f64::consts::{FRAC_PI_2, PI};
        assert_eq!(widest_gap(&[]), 0.0);
        assert!((widest_gap(&[0.0]) - PI).abs() < 1e-12);
        assert!((widest_gap(&[0.0, FRAC_PI_2]) - 1.25 * PI).abs() < 1e-12);
    }
}
