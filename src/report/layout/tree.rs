//! A tidy tree from left to right: columns by links from the source, the longest way on straight, the others beside it
//! as near as they fit.
//!
//! Subtrees are moved against each other by their contours (the extent in each column), which is the idea of Reingold and
//! Tilford, "Tidier Drawings of Trees", IEEE Trans. Software Eng. 7(2), 1981, turned by 90 degrees. A contour is kept from its
//! deepest column to its root, so that a parent takes over its longest child's and only adds to it: the work grows with
//! the sum of the lengths of the shorter ones.

use std::cmp::Reverse;

use super::{Forest, Graph};

/// Room between two trees of a forest, in rows.
const BETWEEN_TREES: f64 = 1.6;

/// A drawing in columns and rows; see [`tree`].
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Column and row of each bus; rows grow downwards from 0.
    pub at: Vec<(f64, f64)>,
    /// How each bus is reached.
    pub forest: Forest,
}

/// Upper and lower end in each column, the deepest column first, in rows from the root's.
type Contour = Vec<[f64; 2]>;

/// The drawing: children stand one column right of their parents, no two buses in one place.
#[allow(clippy::cast_precision_loss, reason = "columns are far below 2^53")]
pub fn tree(graph: &Graph) -> Tree {
    let forest = graph.forest();
    let mut children = vec![Vec::new(); graph.buses];
    for &bus in &forest.order {
        if let Some((parent, _)) = forest.parent[bus] {
            children[parent].push(bus);
        }
    }
    let mut contours: Vec<Contour> = vec![Vec::new(); graph.buses];
    let mut row = vec![0.0; graph.buses];
    for &bus in forest.order.iter().rev() {
        contours[bus] = joined(&children[bus], &mut contours, &mut row);
    }
    stack(&forest, &mut contours, &mut row);
    for &bus in &forest.order {
        if let Some((parent, _)) = forest.parent[bus] {
            row[bus] += row[parent];
        }
    }
    let top = row.iter().copied().fold(f64::INFINITY, f64::min);
    let at = row.iter().zip(&forest.depth).map(|(row, depth)| (*depth as f64, row - top)).collect();
    Tree { at, forest }
}

/// Sets the children's rows from their parent's and returns its contour.
fn joined(children: &[usize], contours: &mut [Contour], row: &mut [f64]) -> Contour {
    let mut order = children.to_vec();
    // The longest (of equal ones the first) goes on straight; of the others short ones come first, near the line.
    order.sort_by_key(|&child| (contours[child].len(), Reverse(child)));
    let Some(main) = order.pop() else { return vec![[0.0, 0.0]] };
    let mut all = std::mem::take(&mut contours[main]);
    row[main] = 0.0;
    let mut reach = [0.0f64, 0.0];
    for (k, child) in order.into_iter().enumerate() {
        let contour = std::mem::take(&mut contours[child]);
        let (above, below) = (distance(&all, &contour, false), distance(&all, &contour, true));
        let nearer_below = below.abs() < above.abs() - 1e-9;
        let alternate = (below.abs() - above.abs()).abs() <= 1e-9 && k % 2 == 0;
        row[child] = if nearer_below || alternate { below } else { above };
        add(&mut all, &contour, row[child]);
        reach = [reach[0].min(row[child]), reach[1].max(row[child])];
    }
    all.push(reach);
    all
}

/// Where the nearest place for `one` is, below or above `all`: roots stand in the same column.
fn distance(all: &Contour, one: &Contour, below: bool) -> f64 {
    let pairs = all.iter().rev().zip(one.iter().rev());
    if below {
        pairs.map(|(a, b)| a[1] - b[0]).fold(0.0, f64::max) + 1.0
    } else {
        pairs.map(|(a, b)| a[0] - b[1]).fold(0.0, f64::min) - 1.0
    }
}

/// Widens `all` by `one`, moved by `by` rows.
fn add(all: &mut Contour, one: &Contour, by: f64) {
    if one.len() > all.len() {
        let longer = one.iter().take(one.len() - all.len()).map(|[a, b]| [a + by, b + by]);
        let longer: Vec<[f64; 2]> = longer.collect();
        all.splice(0..0, longer);
    }
    for (a, b) in all.iter_mut().rev().zip(one.iter().rev()) {
        *a = [a[0].min(b[0] + by), a[1].max(b[1] + by)];
    }
}

/// Puts the trees of a forest below each other.
fn stack(forest: &Forest, contours: &mut [Contour], row: &mut [f64]) {
    let mut all: Contour = Vec::new();
    for &root in forest.order.iter().filter(|bus| forest.parent[**bus].is_none()) {
        let contour = std::mem::take(&mut contours[root]);
        if !all.is_empty() {
            row[root] = distance(&all, &contour, true) - 1.0 + BETWEEN_TREES;
        }
        add(&mut all, &contour, row[root]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::graph;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_longest_way_is_straight() {
        // 0 - 1 - 2 - 3 with a lateral 4 - 5 at 1.
        let tree = tree(&graph(6, &[(0, 1), (1, 2), (2, 3), (1, 4), (4, 5)], &[0]));
        let rows: Vec<f64> = tree.at.iter().map(|at| at.1).collect();
        assert!(rows[..4].iter().all(|row| *row == rows[0]));
        assert!((rows[4] - rows[0]).abs() == 1.0 && rows[4] == rows[5]);
        assert_eq!(tree.at.iter().map(|at| at.0).collect::<Vec<_>>(), [0.0, 1.0, 2.0, 3.0, 2.0, 3.0]);
    }

    #[test]
    fn a_short_lateral_fits_into_the_room_beside_a_long_one() {
        // At 1 a long lateral (4 5 6), at 2 a short one (7): both may stand one row from the line, on either side.
        let tree = tree(&graph(8, &[(0, 1), (1, 2), (2, 3), (1, 4), (4, 5), (2, 7), (3, 6)], &[0]));
        let spread = tree.at.iter().map(|at| at.1).fold(0.0, f64::max);
        assert!(spread <= 2.0, "{:?}", tree.at);
    }

    #[test]
    fn nothing_is_a_drawing_too() {
        assert!(tree(&graph(0, &[], &[])).at.is_empty());
        assert_eq!(tree(&graph(1, &[], &[0])).at, [(0.0, 0.0)]);
    }

    #[test]
    fn a_long_chain_and_a_wide_star_are_drawn() {
        let chain: Vec<(usize, usize)> = (1..20_000).map(|k| (k - 1, k)).collect();
        let star: Vec<(usize, usize)> = (1..20_000).map(|k| (0, k)).collect();
        assert_eq!(tree(&graph(20_000, &chain, &[0])).at[19_999], (19_999.0, 0.0));
        assert_eq!(tree(&graph(20_000, &star, &[0])).at.len(), 20_000);
    }

    proptest! {
        #[test]
        fn buses_stand_apart_and_right_of_their_parents(links in proptest::collection::vec((0usize..40, 0usize..40), 0..60)) {
            let tree = tree(&graph(40, &links, &[0, 7]));
            let mut places: Vec<(i64, i64)> = tree.at.iter().map(|(x, y)| ((x * 1e6) as i64, (y * 1e6) as i64)).collect();
            places.sort_unstable();
            places.dedup();
            prop_assert_eq!(places.len(), 40);
            for (bus, parent) in tree.forest.parent.iter().enumerate() {
                if let Some((parent, _)) = parent {
                    prop_assert_eq!(tree.at[bus].0, tree.at[*parent].0 + 1.0);
                }
            }
            // In one column, neighbours are a row apart.
            for (a, b) in places.iter().zip(places.iter().skip(1)).filter(|(a, b)| a.0 == b.0) {
                prop_assert!(b.1 - a.1 >= 999_000, "{:?} {:?}", a, b);
            }
        }
    }
}
