//! Elimination order: condensable nodes first, then a fill-reducing order of the rest.
//!
//! Nodes without injections are eliminated first, by least degree and only while that degree is small, since their part
//! of a solve is skipped until the voltages are wanted (measured in `docs/performance.md`). The remaining graph is
//! ordered by approximate minimum degree (Amestoy, Davis, Duff 1996, from faer).

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// A node of larger degree than this is not condensed: the fill would cost more than the sweep saves.
const CONDENSED_DEGREE: usize = 6;

/// The order in which to eliminate `n` nodes coupled by `edges`, and how many of the first are condensed.
///
/// `keep[i]` marks nodes that must not be condensed (they carry injections).
pub fn order(n: usize, edges: &[(u32, u32)], keep: &[bool]) -> (Vec<u32>, usize) {
    let mut graph = vec![BTreeSet::new(); n];
    for &(i, j) in edges {
        if i != j {
            graph[i as usize].insert(j);
            graph[j as usize].insert(i);
        }
    }
    let mut order = condense(&mut graph, keep);
    let condensed = order.len();
    let mut eliminated = vec![false; n];
    order.iter().for_each(|&i| eliminated[i as usize] = true);
    let rest: Vec<u32> = (0..n as u32).filter(|&i| !eliminated[i as usize]).collect();
    order.extend(minimum_degree(&graph, &rest));
    (order, condensed)
}

/// Eliminates nodes of `graph` that are not kept, least degree first; leaves the graph of the rest with its fill.
fn condense(graph: &mut [BTreeSet<u32>], keep: &[bool]) -> Vec<u32> {
    let mut order = Vec::new();
    let mut gone = vec![false; graph.len()];
    let mut heap: BinaryHeap<Reverse<(usize, u32)>> =
        (0..graph.len() as u32).filter(|&i| !keep[i as usize]).map(|i| Reverse((graph[i as usize].len(), i))).collect();
    while let Some(Reverse((degree, node))) = heap.pop() {
        if gone[node as usize] || degree != graph[node as usize].len() {
            continue;
        }
        if degree > CONDENSED_DEGREE {
            break;
        }
        gone[node as usize] = true;
        order.push(node);
        let neighbours: Vec<u32> = std::mem::take(&mut graph[node as usize]).into_iter().collect();
        for &a in &neighbours {
            let of_a = &mut graph[a as usize];
            of_a.remove(&node);
            of_a.extend(neighbours.iter().copied().filter(|&b| b != a));
            if !keep[a as usize] {
                heap.push(Reverse((of_a.len(), a)));
            }
        }
    }
    order
}

/// Approximate minimum degree order of the nodes in `rest`, which `graph` couples.
fn minimum_degree(graph: &[BTreeSet<u32>], rest: &[u32]) -> Vec<u32> {
    use faer::dyn_stack::{MemBuffer, MemStack};
    use faer::sparse::SymbolicSparseColMatRef;
    use faer::sparse::linalg::amd;

    let m = rest.len();
    let mut local = vec![u32::MAX; graph.len()];
    rest.iter().enumerate().for_each(|(k, &i)| local[i as usize] = k as u32);
    let mut col_ptr = vec![0u32];
    let mut rows = Vec::new();
    for &i in rest {
        let mut column: Vec<u32> = graph[i as usize].iter().map(|&j| local[j as usize]).collect();
        column.sort_unstable();
        rows.extend(column);
        col_ptr.push(rows.len() as u32);
    }
    let pattern = SymbolicSparseColMatRef::new_checked(m, m, &col_ptr, None, &rows);
    let (mut perm, mut inverse) = (vec![0u32; m], vec![0u32; m]);
    let mut memory = MemBuffer::new(amd::order_maybe_unsorted_scratch::<u32>(m, rows.len()));
    let done = amd::order_maybe_unsorted(
        &mut perm,
        &mut inverse,
        pattern,
        amd::Control::default(),
        MemStack::new(&mut memory),
    );
    if done.is_err() {
        return rest.to_vec(); // out of index space: any order is correct, this one only fills more
    }
    perm.iter().map(|&k| rest[k as usize]).collect()
}
