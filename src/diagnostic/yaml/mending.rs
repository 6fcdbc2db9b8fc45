//! How reading goes on past a mistake: what has been put aside so far.

use std::collections::{BTreeMap, BTreeSet};

use super::node::Node;

/// A node's identity: its address, which the tree keeps while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(usize);

impl NodeId {
    pub fn of(node: &Node) -> Self {
        Self(std::ptr::from_ref(node).addr())
    }
}

/// What makes the next attempt get past a mistake.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mend {
    /// Read something harmless in place of this node.
    Replace(NodeId),
    /// Leave out this value and its key, an unknown one in that mapping.
    Skip { mapping: NodeId, value: NodeId },
    /// Give this mapping something harmless under a key that it misses.
    Supply { mapping: NodeId, key: &'static str },
}

/// All that has been mended in one element. What is filled from a mended element is thrown away.
#[derive(Debug, Default)]
pub(super) struct Mending {
    replaced: BTreeSet<NodeId>,
    skipped: BTreeSet<NodeId>,
    supplied: BTreeMap<NodeId, Vec<&'static str>>,
}

impl Mending {
    /// Adds one; `false` when it had been done before and did not help.
    pub fn add(&mut self, mend: Mend) -> bool {
        match mend {
            Mend::Replace(node) => self.replaced.insert(node),
            Mend::Skip { value, .. } => self.skipped.insert(value),
            Mend::Supply { mapping, key } => {
                let keys = self.supplied.entry(mapping).or_default();
                let new = !keys.contains(&key);
                keys.push(key);
                new
            }
        }
    }

    pub fn is_replaced(&self, node: &Node) -> bool {
        !self.replaced.is_empty() && self.replaced.contains(&NodeId::of(node))
    }

    pub fn is_skipped(&self, node: &Node) -> bool {
        !self.skipped.is_empty() && self.skipped.contains(&NodeId::of(node))
    }

    pub fn supplied(&self, mapping: &Node) -> &[&'static str] {
        self.supplied.get(&NodeId::of(mapping)).map_or(&[], Vec::as_slice)
    }
}
