//! A radial feeder below a bus as the tree that LinDist3Flow is made of; see the supervisory layer's `lindist`.

use super::GridModel;
use crate::control::supervisory::Tree;

/// The tree below the model's root; `None` where what hangs there is none.
pub(super) fn of(_model: &GridModel) -> Option<Tree> {
    None
}
