//! The nodal matrix entry by entry, as elements make it up.

use super::{GROUND, Network};
use crate::quantity::Complex;

impl Network {
    /// Calls `entry` with row place, column place and admittance (S) of what every element in service couples; an
    /// entry of the nodal matrix comes in as many parts as elements have a share in it. Ground is left out.
    pub(in crate::solver) fn each_entry(&self, mut entry: impl FnMut(u32, u32, Complex)) {
        for element in self.elements.iter().filter(|e| e.in_service) {
            let places = &self.places[element.places()];
            for (k, y) in self.y[element.values()].iter().enumerate() {
                let (row, column) = (places[k / places.len()], places[k % places.len()]);
                if row != GROUND && column != GROUND {
                    entry(row, column, *y);
                }
            }
        }
    }
}
