//! Bits of a payload, in both orders: where the n-th bit of a signal is, and how signals are taken out and put in.
//!
//! A bit's position is byte · 8 + bit, bit 0 the least significant of its byte. A signal in Intel order goes up from its
//! start bit, least significant first. One in Motorola order begins with its most significant bit and goes down within a
//! byte, then on at bit 7 of the next.

use super::ByteOrder;

/// Where a signal's bits are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) start: u16,
    pub(super) length: u8,
    pub(super) order: ByteOrder,
}

impl Field {
    /// Positions of its bits, the most significant first.
    pub(super) fn positions(self) -> impl Iterator<Item = usize> {
        let (start, length) = (usize::from(self.start), usize::from(self.length));
        (0..length).map(move |n| match self.order {
            ByteOrder::Little => start + length - 1 - n,
            // Counted from the most significant bit of byte 0, Motorola bits are in a row.
            ByteOrder::Big => flipped(flipped(start) + n),
        })
    }

    /// One past the last byte that it touches.
    pub(super) fn bytes(self) -> usize {
        self.positions().map(|position| position / 8 + 1).max().unwrap_or(0)
    }

    /// Its raw value; bits past the payload's end are 0.
    pub(super) fn get(self, payload: &[u8]) -> u64 {
        self.positions().fold(0, |raw, position| {
            let bit = payload.get(position / 8).map_or(0, |byte| (byte >> (position % 8)) & 1);
            (raw << 1) | u64::from(bit)
        })
    }

    /// Puts a raw value in; bits past the payload's end are dropped.
    pub(super) fn put(self, payload: &mut [u8], raw: u64) {
        let last = u32::from(self.length).saturating_sub(1);
        for (n, position) in (0..).zip(self.positions()) {
            if let Some(byte) = payload.get_mut(position / 8) {
                let mask = 1 << (position % 8);
                *byte = if (raw >> (last - n)) & 1 == 1 { *byte | mask } else { *byte & !mask };
            }
        }
    }
}

/// The same bit counted from the other end of its byte.
const fn flipped(position: usize) -> usize {
    position - position % 8 + 7 - position % 8
}

/// All bits of a word of so many bits.
pub(super) const fn mask(length: u8) -> u64 {
    if length >= 64 { u64::MAX } else { (1 << length) - 1 }
}

/// A raw value in two's complement.
#[allow(clippy::cast_possible_wrap, reason = "two's complement is meant")]
pub(super) const fn signed(raw: u64, length: u8) -> i64 {
    let unused = 64 - if length > 64 { 64 } else { length as u32 };
    if unused >= 64 { 0 } else { ((raw << unused) as i64) >> unused }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_fields() {
        let payload = [0x12, 0x34, 0x56, 0x78];
        let field = |start, length, order| Field { start, length, order };
        assert_eq!(field(0, 16, ByteOrder::Little).get(&payload), 0x3412);
        assert_eq!(field(7, 16, ByteOrder::Big).get(&payload), 0x1234);
        assert_eq!(field(3, 12, ByteOrder::Big).get(&payload), 0x234);
        assert_eq!(field(4, 12, ByteOrder::Little).get(&payload), 0x341);
        assert_eq!((signed(0x800, 12), signed(0x7FF, 12), signed(1, 1)), (-2048, 2047, -1));
    }

    proptest! {
        #[test]
        fn what_is_put_is_got_and_nothing_else_changes(
            start in 0_u16..512, length in 1_u8..=64, big: bool, raw: u64, fill: u8,
        ) {
            let order = if big { ByteOrder::Big } else { ByteOrder::Little };
            let field = Field { start, length, order };
            let mut payload = [fill; 80];
            field.put(&mut payload, raw);
            prop_assert_eq!(field.get(&payload), raw & mask(length));
            let mut own = [0_u8; 80];
            field.put(&mut own, u64::MAX);
            prop_assert_eq!(own.iter().map(|byte| byte.count_ones()).sum::<u32>(), u32::from(length));
            for (got, own) in payload.iter().zip(own) {
                prop_assert_eq!(got & !own, fill & !own);
            }
            // A short payload neither panics nor grows.
            field.put(&mut payload[..3], raw);
            field.get(&payload[..3]);
        }
    }
}
