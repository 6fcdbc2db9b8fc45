//! Symbolic factorisation: where the factor has entries, and the straight-line program that fills them.

use super::order;

/// The factor's pattern for one network, in elimination order.
///
/// Entries below the diagonal are stored by columns: column `j` holds rows `rows[col_ptr[j]..col_ptr[j+1]]`, ascending.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Number of unknowns.
    pub n: usize,
    /// The first this many columns are condensed: right-hand sides are zero there in an iteration.
    pub condensed: usize,
    /// Place of each node in the elimination order.
    pub place_of: Vec<u32>,
    pub(super) col_ptr: Vec<u32>,
    pub(super) rows: Vec<u32>,
    /// Elimination tree: the first row of each column, `u32::MAX` at a root.
    pub(super) parent: Vec<u32>,
    /// Row `j`'s entries left of the diagonal: (column, position in `rows`), by `row_ptr`.
    pub(super) row_ptr: Vec<u32>,
    pub(super) row_entries: Vec<RowEntry>,
    /// Where each multiply-subtract of the factorisation lands; [`RowEntry::updates`] points in here.
    pub(super) update_at: Vec<u32>,
}

/// One entry of a row, left of the diagonal.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowEntry {
    /// Its column.
    pub column: u32,
    /// Its position among the factor's entries.
    pub position: u32,
    /// First of its updates in [`Pattern::update_at`].
    pub updates: u32,
}

impl Pattern {
    /// The pattern of a network of `n` nodes coupled by `edges`; `keep` marks nodes that carry injections.
    pub fn new(n: usize, edges: &[(u32, u32)], keep: &[bool]) -> Self {
        let (first, condensed) = order(n, edges, keep);
        let tree = columns(n, edges, &first);
        let node_at = by_level(&first, &tree, condensed);
        let mut columns = columns(n, edges, &node_at);
        columns.iter_mut().for_each(|c| c.sort_unstable());
        let mut place_of = vec![0; n];
        node_at.iter().enumerate().for_each(|(place, &node)| place_of[node as usize] = place as u32);
        Self::program(condensed, place_of, &columns)
    }

    fn program(condensed: usize, place_of: Vec<u32>, columns: &[Vec<u32>]) -> Self {
        let n = columns.len();
        let mut col_ptr = vec![0u32];
        let mut rows = Vec::new();
        for column in columns {
            rows.extend_from_slice(column);
            col_ptr.push(rows.len() as u32);
        }
        let parent = columns.iter().map(|c| c.first().copied().unwrap_or(u32::MAX)).collect();
        let mut by_row = vec![Vec::new(); n];
        for (j, column) in columns.iter().enumerate() {
            for (k, &row) in column.iter().enumerate() {
                by_row[row as usize].push((j as u32, col_ptr[j] + k as u32));
            }
        }
        let (mut row_ptr, mut row_entries, mut update_at) = (vec![0u32], Vec::new(), Vec::new());
        let mut slot = vec![u32::MAX; n];
        for (j, entries) in by_row.iter().enumerate() {
            let own = col_ptr[j]..col_ptr[j + 1];
            own.clone().for_each(|p| slot[rows[p as usize] as usize] = p);
            for &(column, position) in entries {
                row_entries.push(RowEntry { column, position, updates: update_at.len() as u32 });
                let below = position as usize + 1..col_ptr[column as usize + 1] as usize;
                update_at.extend(rows[below].iter().map(|&row| slot[row as usize]));
            }
            row_ptr.push(row_entries.len() as u32);
        }
        debug_assert!(update_at.iter().all(|&p| (p as usize) < rows.len()), "fill is closed under elimination");
        Self { n, condensed, place_of, col_ptr, rows, parent, row_ptr, row_entries, update_at }
    }

    /// Number of factor entries below the diagonal.
    pub fn entries(&self) -> usize {
        self.rows.len()
    }

    /// Position of the entry that couples two different places, if the pattern has one.
    pub fn position(&self, a: u32, b: u32) -> Option<u32> {
        let (column, row) = (a.min(b) as usize, a.max(b));
        let range = self.col_ptr[column] as usize..self.col_ptr[column + 1] as usize;
        self.rows[range.clone()].binary_search(&row).ok().map(|k| (range.start + k) as u32)
    }

    /// Marks the columns from `place` to its root in `path` (ascending once sorted), stopping where already marked.
    pub fn mark_path(&self, place: u32, marked: &mut [bool], path: &mut Vec<u32>) {
        let mut at = place;
        while at != u32::MAX && !marked[at as usize] {
            marked[at as usize] = true;
            path.push(at);
            at = self.parent[at as usize];
        }
    }
}

/// Rows below the diagonal of each column of the factor, for the elimination order `node_at`. Unsorted.
fn columns(n: usize, edges: &[(u32, u32)], node_at: &[u32]) -> Vec<Vec<u32>> {
    let mut place = vec![0u32; n];
    node_at.iter().enumerate().for_each(|(k, &node)| place[node as usize] = k as u32);
    let mut columns = vec![Vec::new(); n];
    for &(i, j) in edges {
        let (a, b) = (place[i as usize], place[j as usize]);
        if a != b {
            columns[a.min(b) as usize].push(a.max(b));
        }
    }
    for j in 0..n {
        let mut column = std::mem::take(&mut columns[j]);
        column.sort_unstable();
        column.dedup();
        if let Some((&parent, rest)) = column.split_first() {
            columns[parent as usize].extend_from_slice(rest);
        }
        columns[j] = column;
    }
    columns
}

/// Reorders within the condensed part and within the rest by height in the elimination tree: neighbours in memory then
/// do not wait for each other in a sweep. Any order that keeps children before parents leaves the fill unchanged.
fn by_level(order: &[u32], columns: &[Vec<u32>], condensed: usize) -> Vec<u32> {
    let mut height = vec![0u32; order.len()];
    for (j, column) in columns.iter().enumerate() {
        if let Some(&parent) = column.iter().min() {
            height[parent as usize] = height[parent as usize].max(height[j] + 1);
        }
    }
    let mut places: Vec<usize> = (0..order.len()).collect();
    places.sort_by_key(|&k| (k >= condensed, height[k], k));
    places.into_iter().map(|k| order[k]).collect()
}
