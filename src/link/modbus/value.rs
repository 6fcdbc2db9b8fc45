//! A value of a description, found in a device's registers: from words to a number in the unit of its name, and back.
//!
//! ```text
//! value = (raw · scale · 10^exponent + offset) · (−1 where the device counts consumption as positive)
//! ```

use super::coding::{Coding, EncodeError, Order, Words};
use super::sunspec::{self, Directory, ModelPoint};
use super::{Block, Table};

/// A value as a description gives it, not yet found in a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Where it is.
    pub place: Place,
    /// How it is coded; of SunSpec points, each as its model has it.
    pub coding: Coding,
    /// In which order.
    pub order: Order,
    /// What the raw number is multiplied with, the sign included.
    pub scale: f64,
    /// What is added, the sign included.
    pub offset: f64,
    /// A register with a power of ten.
    pub exponent: Option<Block>,
    /// Raw numbers that stand for none.
    pub absent: Vec<u64>,
}

/// Where a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// At an address.
    Fixed(Table, u16),
    /// In the first of these models that the device has.
    Sunspec(Vec<&'static ModelPoint>),
}

/// A value found in a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// Its registers.
    pub block: Block,
    /// How it is coded.
    pub coding: Coding,
    /// In which order.
    pub order: Order,
    /// Whether SunSpec's patterns stand for no value.
    pub sunspec: bool,
    /// What the raw number is multiplied with.
    pub scale: f64,
    /// What is added.
    pub offset: f64,
    /// Where its power of ten is.
    pub exponent: Option<Block>,
    absent: Vec<u64>,
}

/// Why a value cannot be had, or written.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// Its registers were not read, or its power of ten was not.
    #[error("its registers could not be read")]
    Unread,
    /// The device says that there is none.
    #[error("the device has no value for it")]
    Absent,
    /// Its power of ten is none.
    #[error("its scale factor is {0}, which must be from -10 to 10")]
    Exponent(f64),
    /// It cannot be written.
    #[error("{0}")]
    Encode(#[from] EncodeError),
}

/// What registers held when they were last read.
#[derive(Clone, Debug, Default)]
pub struct Image {
    blocks: Vec<(Block, Vec<u16>, bool)>,
}

impl Image {
    /// Nothing read yet of these blocks.
    pub fn new(blocks: &[Block]) -> Self {
        Self { blocks: blocks.iter().map(|&block| (block, vec![0; usize::from(block.count)], false)).collect() }
    }

    /// The blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block> {
        self.blocks.iter().map(|(block, ..)| *block)
    }

    /// Takes what a block held; `None` where it could not be read. Whether as many came as were asked for.
    pub fn take(&mut self, block: usize, words: Option<&[u16]>) -> bool {
        let Some((_, own, valid)) = self.blocks.get_mut(block) else { return false };
        *valid = words.is_some_and(|words| words.len() == own.len());
        if let Some(words) = words.filter(|_| *valid) {
            own.copy_from_slice(words);
        }
        *valid
    }

    /// The words of some registers; `None` where they could not be read.
    pub fn words(&self, wanted: Block) -> Option<&[u16]> {
        let (block, words, _) = self.blocks.iter().find(|(block, _, valid)| *valid && block.holds(wanted))?;
        let from = usize::from(wanted.address - block.address);
        words.get(from..from + usize::from(wanted.count))
    }

    /// All words that were read, in order.
    pub fn all(&self) -> impl Iterator<Item = u16> {
        self.blocks.iter().filter(|(.., valid)| *valid).flat_map(|(_, words, _)| words.iter().copied())
    }
}

impl Value {
    /// Finds it in a device; `None` where the device does not have it.
    pub fn locate(&self, directory: &Directory) -> Option<Located> {
        let own = |block, coding, order, sunspec, exponent, scale| Located {
            block,
            coding,
            order,
            sunspec,
            scale,
            offset: self.offset,
            exponent,
            absent: self.absent.clone(),
        };
        match &self.place {
            Place::Fixed(table, address) => {
                let block = Block { table: *table, address: *address, count: self.coding.words() };
                Some(own(block, self.coding, self.order, false, self.exponent, self.scale))
            }
            Place::Sunspec(points) => points.iter().find_map(|point| {
                let at = |point: &ModelPoint| {
                    let address = directory.address(point)?;
                    Some(Block { table: Table::Holding, address, count: point.words })
                };
                let factor = sunspec::scale_of(point);
                let exponent = match factor {
                    Some(factor) => Some(at(factor)?),
                    None => None,
                };
                let power = if factor.is_none() { point.scale.parse::<i32>().unwrap_or(0) } else { 0 };
                let scale = self.scale * 10_f64.powi(power);
                Some(own(at(point)?, point.coding, Order::default(), true, exponent, scale))
            }),
        }
    }
}

impl Located {
    /// All registers that it needs.
    pub fn needs(&self) -> impl Iterator<Item = Block> {
        std::iter::once(self.block).chain(self.exponent)
    }

    /// Its number.
    ///
    /// # Errors
    /// When there is none.
    pub fn decode(&self, image: &Image) -> Result<f64, ValueError> {
        let words = image.words(self.block).ok_or(ValueError::Unread)?;
        let raw = self.coding.decode(words, self.order, self.sunspec, &self.absent).ok_or(ValueError::Absent)?;
        let value = raw * self.factor(image)? + self.offset;
        if value.is_finite() { Ok(value) } else { Err(ValueError::Absent) }
    }

    /// What its number would be if its words came in the other order; `None` where there is one word, or no number.
    pub fn decode_swapped(&self, image: &Image) -> Option<f64> {
        use crate::link::description::language::Ends;
        let words = match self.order.words {
            Ends::HighFirst => Ends::LowFirst,
            Ends::LowFirst => Ends::HighFirst,
        };
        let swapped = Self { order: Order { words, ..self.order }, ..self.clone() };
        (self.coding.words() > 1).then(|| swapped.decode(image).ok()).flatten()
    }

    /// The words of a number.
    ///
    /// # Errors
    /// When it does not fit, or its power of ten is not known.
    pub fn encode(&self, value: f64, image: &Image) -> Result<Words, ValueError> {
        let raw = (value - self.offset) / self.factor(image)?;
        Ok(self.coding.encode(raw, self.order, self.sunspec)?)
    }

    /// The step between values that the device can hold near one.
    pub fn resolution(&self, value: f64, image: &Image) -> f64 {
        let factor = self.factor(image).unwrap_or(self.scale).abs();
        self.coding.resolution(value / factor) * factor
    }

    /// Its power of ten as it was read; 0 without one.
    ///
    /// # Errors
    /// When it is none.
    pub fn exponent(&self, image: &Image) -> Result<i32, ValueError> {
        let Some(block) = self.exponent else { return Ok(0) };
        let words = image.words(block).ok_or(ValueError::Unread)?;
        let value = Coding::Exponent.decode(words, self.order, true, &[]);
        // Not implemented is no scaling, in SunSpec's words.
        let value = value.unwrap_or(0.0);
        #[allow(clippy::cast_possible_truncation, reason = "checked")]
        if (-10.0..=10.0).contains(&value) { Ok(value as i32) } else { Err(ValueError::Exponent(value)) }
    }

    fn factor(&self, image: &Image) -> Result<f64, ValueError> {
        Ok(self.scale * 10_f64.powi(self.exponent(image)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(address: u16, words: &[u16]) -> Image {
        let block = Block { table: Table::Holding, address, count: words.len() as u16 };
        let mut image = Image::new(&[block]);
        assert!(image.take(0, Some(words)));
        image
    }

    fn value(place: Place, coding: Coding) -> Value {
        Value { place, coding, order: Order::default(), scale: 1.0, offset: 0.0, exponent: None, absent: Vec::new() }
    }

    #[test]
    fn sunspec_points_scale_by_their_factor() {
        let directory = Directory {
            base: 40000,
            models: vec![sunspec::Model { number: 103, address: 100, length: 50 }],
            oddities: Vec::new(),
        };
        let points = ["701.W", "103.W"].map(|name| sunspec::point(name).unwrap()).to_vec();
        let own = value(Place::Sunspec(points), Coding::Int16).locate(&directory).unwrap();
        assert_eq!((own.block.address, own.exponent.map(|b| b.address)), (114, Some(115)));
        let watts = |raw: u16, factor: u16| own.decode(&image(114, &[raw, factor]));
        assert_eq!(watts(0xFF9C, 1), Ok(-1000.0));
        assert_eq!(watts(0x8000, 1), Err(ValueError::Absent));
        assert_eq!(watts(5, 11), Err(ValueError::Exponent(11.0)));
        assert_eq!(watts(5, 0x8000), Ok(5.0), "a factor that is not implemented");
        assert_eq!(own.decode(&image(50, &[0])), Err(ValueError::Unread));
        assert_eq!(own.encode(-1234.0, &image(114, &[0, 1])).unwrap().0[0], (-123_i16).cast_unsigned());
        assert!(own.encode(1e6, &image(114, &[0, 1])).is_err());
        assert!((own.resolution(5.0, &image(114, &[0, 2])) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn the_other_word_order_is_tried_for_the_report() {
        let own = value(Place::Fixed(Table::Holding, 0), Coding::Int32).locate(&Directory::default()).unwrap();
        let image = image(0, &[2300, 0]);
        assert_eq!((own.decode(&image), own.decode_swapped(&image)), (Ok(150_732_800.0), Some(2300.0)));
    }

    #[test]
    fn an_answer_of_another_size_is_none() {
        let block = Block { table: Table::Input, address: 0, count: 2 };
        let mut image = Image::new(&[block]);
        assert!(!image.take(0, Some(&[1])) && image.words(block).is_none());
        assert!(image.take(0, Some(&[1, 2])) && image.words(block) == Some(&[1, 2]));
        assert!(!image.take(0, None) && image.words(block).is_none());
    }
}
