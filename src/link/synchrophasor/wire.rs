//! Big-endian numbers out of bytes and into them, and the frames' check word.
//!
//! Source: IEEE C37.118.2-2011, 6.2 and Annex B: CRC-CCITT, x¹⁶ + x¹² + x⁵ + 1, begun with all ones, nothing added at the end.

use super::frame::{EncodeError, FrameError};

/// Remainders of the polynomial 0x1021, by the byte that is shifted out.
const TABLE: [u16; 256] = {
    let mut table = [0_u16; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut rest, mut bit) = ((byte as u16) << 8, 0);
        while bit < 8 {
            rest = if rest & 0x8000 == 0 { rest << 1 } else { (rest << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
    }
    table
};

/// The check word of bytes.
pub fn check_word(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |rest, byte| {
        let [high, low] = rest.to_be_bytes();
        (u16::from(low) << 8) ^ TABLE[usize::from(high ^ byte)]
    })
}

/// What is left to read of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], FrameError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(FrameError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(FrameError::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, FrameError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A word of 16 bits.
    pub fn u16(&mut self) -> Result<u16, FrameError> {
        self.array().map(u16::from_be_bytes)
    }

    /// A word of 16 bits with sign.
    pub fn i16(&mut self) -> Result<i16, FrameError> {
        self.array().map(i16::from_be_bytes)
    }

    /// A word of 32 bits.
    pub fn u32(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A number of 32 bits with sign.
    pub fn i32(&mut self) -> Result<i32, FrameError> {
        self.array().map(i32::from_be_bytes)
    }

    /// A single-precision number.
    pub fn f32(&mut self) -> Result<f64, FrameError> {
        self.array().map(f32::from_be_bytes).map(f64::from)
    }

    /// Refuses what is left over.
    pub fn end(self) -> Result<(), FrameError> {
        if self.0.is_empty() { Ok(()) } else { Err(FrameError::Long(self.0.len())) }
    }
}

/// A number as 16 bits with sign, at the range's end where it is beyond; the lowest value stands for no value.
#[allow(clippy::cast_possible_truncation, reason = "clamped before")]
pub fn to_i16(value: f64) -> i16 {
    if value.is_nan() { i16::MIN } else { value.round().clamp(-32_767.0, 32_767.0) as i16 }
}

/// A count as a field of 16 bits.
pub fn count(length: usize, what: &'static str) -> Result<u16, EncodeError> {
    u16::try_from(length).map_err(|_| EncodeError::Range(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_word_is_the_published_one() {
        assert_eq!(
            check_word(b"123456789"),
            0x29B1,
            "the usual check value of CRC-16 with 0x1021, all ones, no final mask"
        );
        assert_eq!(check_word(b""), 0xFFFF);
    }

    #[test]
    fn the_table_is_long_division() {
        let slow = |bytes: &[u8]| {
            bytes.iter().fold(0xFFFF_u16, |rest, byte| {
                (0..8).fold(rest ^ (u16::from(*byte) << 8), |rest, _| {
                    (rest << 1) ^ if rest >> 15 == 1 { 0x1021 } else { 0 }
                })
            })
        };
        let bytes: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        assert_eq!(check_word(&bytes), slow(&bytes));
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let mut reader = Reader(&[1, 2, 3]);
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!((reader.u16(), reader.u8(), reader.u8()), (Err(FrameError::Short), Ok(3), Err(FrameError::Short)));
        assert_eq!(Reader(&[0]).end(), Err(FrameError::Long(1)));
        assert_eq!((to_i16(f64::NAN), to_i16(1e9), to_i16(-1e9), to_i16(2.6)), (-32_768, 32_767, -32_767, 3));
    }
}
