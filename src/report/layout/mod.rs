//! Where buses stand in a drawing: by their coordinates ([`map`]) or as a tidy tree ([`tree`]).
//!
//! Both are functions of the graph alone: no randomness, no clock, ties go to the lower index.

mod map;
mod tree;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub use map::map;
pub use tree::tree;

/// Buses 0 to `buses`, what joins them, and where they are fed.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Number of buses.
    pub buses: usize,
    /// What joins them.
    pub links: Vec<Link>,
    /// Buses with a source.
    pub roots: Vec<usize>,
}

/// What joins two buses.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// One end.
    pub from: usize,
    /// The other.
    pub to: usize,
    /// Whether it is open: a way over it is taken only where there is no other.
    pub open: bool,
}

/// Every bus with the way by which it is reached from a source; what no source reaches hangs on a root of its own.
#[derive(Clone, Debug, Default)]
pub struct Forest {
    /// Bus and link before each bus; `None` for roots.
    pub parent: Vec<Option<(usize, usize)>>,
    /// Links from the root.
    pub depth: Vec<usize>,
    /// All buses, parents before their children.
    pub order: Vec<usize>,
}

impl Graph {
    /// Links at each bus: the bus at the other end, and the link.
    fn neighbours(&self) -> Vec<Vec<(usize, usize)>> {
        let mut neighbours = vec![Vec::new(); self.buses];
        for (k, link) in self.links.iter().enumerate() {
            if link.from != link.to && link.from.max(link.to) < self.buses {
                neighbours[link.from].push((link.to, k));
                neighbours[link.to].push((link.from, k));
            }
        }
        neighbours
    }

    /// The shortest ways from the roots: over the fewest open links, then the fewest links.
    pub fn forest(&self) -> Forest {
        let neighbours = self.neighbours();
        let mut forest = Forest { parent: vec![None; self.buses], depth: vec![0; self.buses], order: Vec::new() };
        let mut reached = vec![false; self.buses];
        let roots: Vec<usize> = self.roots.iter().copied().filter(|root| *root < self.buses).collect();
        self.grow(&roots, &neighbours, &mut forest, &mut reached);
        for bus in 0..self.buses {
            if !reached[bus] {
                self.grow(&[bus], &neighbours, &mut forest, &mut reached);
            }
        }
        forest
    }

    fn grow(&self, roots: &[usize], neighbours: &[Vec<(usize, usize)>], forest: &mut Forest, reached: &mut [bool]) {
        type Step = Reverse<(usize, usize, usize, Option<(usize, usize)>)>;
        let mut queue: BinaryHeap<Step> = roots.iter().map(|&root| Reverse((0, 0, root, None))).collect();
        while let Some(Reverse((open, depth, bus, parent))) = queue.pop() {
            if std::mem::replace(&mut reached[bus], true) {
                continue;
            }
            (forest.parent[bus], forest.depth[bus]) = (parent, depth);
            forest.order.push(bus);
            for &(next, link) in neighbours[bus].iter().filter(|(next, _)| !reached[*next]) {
                let open = open + usize::from(self.links[link].open);
                queue.push(Reverse((open, depth + 1, next, Some((bus, link)))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn graph(buses: usize, links: &[(usize, usize)], roots: &[usize]) -> Graph {
        let links = links.iter().map(|&(from, to)| Link { from, to, open: false }).collect();
        Graph { buses, links, roots: roots.to_vec() }
    }

    #[test]
    fn open_links_are_the_last_way() {
        let mut ring = graph(4, &[(0, 1), (1, 2), (2, 3), (3, 0)], &[0]);
        assert_eq!(ring.forest().depth, [0, 1, 2, 1]);
        ring.links[3].open = true;
        assert_eq!(ring.forest().depth, [0, 1, 2, 3]);
    }

    #[test]
    fn islands_hang_on_roots_of_their_own() {
        let forest = graph(5, &[(0, 1), (3, 4), (2, 2), (1, 9)], &[0, 77]).forest();
        assert_eq!(forest.parent, [None, Some((0, 0)), None, None, Some((3, 1))]);
        assert_eq!(forest.order, [0, 1, 2, 3, 4]);
    }
}
