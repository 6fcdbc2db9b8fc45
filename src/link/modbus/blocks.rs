//! Which registers are read together: as few requests as the device allows.

use super::Table;

/// Registers that are read in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// Of what kind.
    pub table: Table,
    /// The first.
    pub address: u16,
    /// How many.
    pub count: u16,
}

impl Block {
    /// One past the last.
    fn end(self) -> u32 {
        u32::from(self.address) + u32::from(self.count)
    }

    /// Whether all of another's registers are in it.
    pub fn holds(self, other: Self) -> bool {
        self.table == other.table && self.address <= other.address && other.end() <= self.end()
    }
}

/// Joins what is wanted into blocks of at most `most` registers with at most `gap` in them that nobody wants. A value's
/// registers are never split: one that is longer than `most` is a block of its own.
pub fn blocks(mut wanted: Vec<Block>, most: u16, gap: u16) -> Vec<Block> {
    wanted.sort_unstable();
    wanted.dedup();
    let mut blocks: Vec<Block> = Vec::new();
    for own in wanted {
        match blocks.last_mut().filter(|last| joins(**last, own, most, gap)) {
            Some(last) => {
                last.count = last.count.max(u16::try_from(own.end() - u32::from(last.address)).unwrap_or(most))
            }
            None => blocks.push(own),
        }
    }
    blocks
}

fn joins(last: Block, own: Block, most: u16, gap: u16) -> bool {
    let end = own.end().max(last.end());
    own.table == last.table
        && u32::from(own.address) <= last.end() + u32::from(gap)
        && end - u32::from(last.address) <= u32::from(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn own(address: u16, count: u16) -> Block {
        Block { table: Table::Holding, address, count }
    }

    #[test]
    fn neighbours_are_read_together_as_far_as_the_device_goes() {
        let wanted = vec![own(10, 2), own(0, 2), own(2, 2), own(30, 1)];
        assert_eq!(blocks(wanted.clone(), 125, 6), [own(0, 12), own(30, 1)]);
        assert_eq!(blocks(wanted.clone(), 125, 5), [own(0, 4), own(10, 2), own(30, 1)]);
        assert_eq!(blocks(wanted, 3, 125), [own(0, 2), own(2, 2), own(10, 2), own(30, 1)]);
        let coils = Block { table: Table::Coil, ..own(2, 1) };
        assert_eq!(blocks(vec![own(0, 2), coils], 125, 9).len(), 2, "coils are no registers");
        assert_eq!(blocks(vec![own(65_530, 6)], 125, 9), [own(65_530, 6)]);
    }

    proptest! {
        #[test]
        fn everything_is_in_a_block_and_no_block_is_too_long(
            wanted in proptest::collection::vec((any::<u16>(), 1u16..5), 0..60), most in 4u16..126, gap in 0u16..20,
        ) {
            let wanted: Vec<Block> = wanted.into_iter().map(|(at, count)| own(at.min(65_530), count)).collect();
            let joined = blocks(wanted.clone(), most, gap);
            prop_assert!(wanted.iter().all(|own| joined.iter().any(|block| block.holds(*own))));
            prop_assert!(joined.iter().all(|block| block.count <= most));
        }
    }
}
