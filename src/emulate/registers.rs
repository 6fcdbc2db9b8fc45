//! The registers of an emulated device, laid out as its description has them.
//!
//! Of SunSpec, the models that the description's points name first, in the order of their numbers, from the first base on;
//! what nothing stands behind reads as not implemented. Scale factors are chosen so that the largest value of a point's
//! range fits its coding, and not below −3.

use std::collections::BTreeMap;

use crate::link::description::{Description, Expected, Source, Wire};
use crate::link::modbus::server::Exception;
use crate::link::modbus::value::Place;
use crate::link::modbus::{Block, Coding, Image, Located, Order, Table, Value, blocks, coding, sunspec};

/// The registers that there are, and what they hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Registers {
    held: BTreeMap<(Table, u16), u16>,
    directory: sunspec::Directory,
}

/// Smallest power of ten that is chosen.
const FINEST: i32 = -3;

impl Registers {
    /// Those of a description, all at their start.
    pub(super) fn new(description: &Description) -> Self {
        let mut own = Self::default();
        if let Wire::Modbus(head) = &description.wire
            && let Some(bases) = &head.sunspec
        {
            own.lay_out(description, bases.first().copied().unwrap_or(sunspec::BASES[0]));
        }
        for source in sources(description) {
            if let Some(place) = own.locate(source) {
                place.needs().for_each(|block| own.make(block));
            }
        }
        own.make_gaps(description);
        own.scale(description);
        own.identify(description);
        own
    }

    /// Where a value is.
    pub(super) fn locate(&self, source: &Source) -> Option<Located> {
        if let Source::Modbus(value) = source { value.locate(&self.directory) } else { None }
    }

    fn make(&mut self, block: Block) {
        for k in 0..block.count {
            self.held.entry((block.table, block.address.saturating_add(k))).or_insert(0);
        }
    }

    /// What a client reads to save a request, as the description lets it, is there.
    fn make_gaps(&mut self, description: &Description) {
        let Wire::Modbus(head) = &description.wire else { return };
        let wanted = sources(description).filter_map(|source| self.locate(source));
        let wanted = wanted.flat_map(|place| place.needs().collect::<Vec<_>>()).collect();
        blocks(wanted, head.most_registers, head.most_gap).into_iter().for_each(|block| self.make(block));
    }

    fn lay_out(&mut self, description: &Description, base: u16) {
        let first = |source: &Source| match source {
            Source::Modbus(Value { place: Place::Sunspec(points), .. }) => points.first().map(|point| point.model),
            _ => None,
        };
        let mut numbers: Vec<u16> = sources(description).filter_map(first).chain([1]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        self.directory.base = base;
        self.write(Block { table: Table::Holding, address: base, count: 2 }, &sunspec::MARKER);
        let mut at = base.saturating_add(2);
        for number in numbers {
            let Some(length) = sunspec::length(number) else { continue };
            self.directory.models.push(sunspec::Model { number, address: at, length });
            self.write(Block { table: Table::Holding, address: at, count: 2 }, &[number, length]);
            for point in sunspec::points().iter().filter(|point| point.model == number) {
                let block =
                    Block { table: Table::Holding, address: at.saturating_add(point.offset), count: point.words };
                self.make(block);
                if let Some((words, count)) = point.coding.none(Order::default()) {
                    self.write(block, &words[..count]);
                }
            }
            at = at.saturating_add(length + 2);
        }
        self.write(Block { table: Table::Holding, address: at, count: 2 }, &[sunspec::END, 0]);
    }

    /// Chooses the powers of ten: for each, the largest that a value by it needs.
    fn scale(&mut self, description: &Description) {
        let values = description.points.iter().map(|own| (&own.source, own.range));
        let values = values.chain(description.set_points.iter().map(|own| (&own.source, Some(own.range))));
        let mut powers: BTreeMap<(Table, u16), i32> = BTreeMap::new();
        for (source, range) in values {
            let Some(place) = self.locate(source) else { continue };
            let Some(block) = place.exponent else { continue };
            let most = range.map_or(1.0, |[low, high]| low.abs().max(high.abs())) / place.scale.abs();
            let room = if place.coding.words() > 1 { 2e9 } else { 32_700.0 };
            #[allow(clippy::cast_possible_truncation, reason = "clamped")]
            let power = (most / room).log10().ceil().clamp(f64::from(FINEST), 10.0) as i32;
            let own = powers.entry((block.table, block.address)).or_insert(FINEST);
            *own = (*own).max(power);
        }
        for ((table, address), power) in powers {
            if let Ok((words, count)) = Coding::Exponent.encode(f64::from(power), Order::default(), true) {
                self.write(Block { table, address, count: 1 }, &words[..count]);
            }
        }
    }

    fn identify(&mut self, description: &Description) {
        for (name, text) in [("1.Mn", "PhasorBench"), ("1.Md", description.name.as_str()), ("1.SN", "emulated")] {
            let point = sunspec::point(name);
            if let Some((point, address)) = point.and_then(|own| self.directory.address(own).map(|at| (own, at))) {
                let words = coding::text_words(text, usize::from(point.words));
                self.write(Block { table: Table::Holding, address, count: point.words }, &words);
            }
        }
        for own in &description.identity {
            let Some(place) = self.locate(&own.source) else { continue };
            match &own.is {
                Expected::Text(text) => {
                    self.write(place.block, &coding::text_words(text, usize::from(place.block.count)));
                }
                Expected::Number(number) => self.put(&place, *number),
            }
        }
    }

    fn write(&mut self, block: Block, words: &[u16]) {
        for (k, word) in (0..block.count).zip(words) {
            self.held.insert((block.table, block.address.saturating_add(k)), *word);
        }
    }

    /// What some registers hold.
    pub(super) fn read(&self, block: Block, words: &mut [u16]) -> Result<(), Exception> {
        for (k, word) in (0..block.count).zip(words) {
            let address = block.address.checked_add(k).ok_or(Exception::Address)?;
            *word = *self.held.get(&(block.table, address)).ok_or(Exception::Address)?;
        }
        Ok(())
    }

    /// Takes what a client writes, all of it or nothing.
    pub(super) fn take(&mut self, table: Table, address: u16, words: &[u16]) -> Result<(), Exception> {
        let count = u16::try_from(words.len()).map_err(|_| Exception::Value)?;
        let block = Block { table, address, count };
        self.read(block, &mut vec![0; words.len()])?;
        self.write(block, words);
        Ok(())
    }

    /// An image of what a value needs.
    fn image(&self, place: &Located) -> Image {
        let blocks: Vec<Block> = place.needs().collect();
        let mut image = Image::new(&blocks);
        for (k, block) in blocks.iter().enumerate() {
            let mut words = vec![0; usize::from(block.count)];
            let there = self.read(*block, &mut words).is_ok();
            image.take(k, there.then_some(&words));
        }
        image
    }

    /// The number that a value's registers hold.
    pub(super) fn get(&self, place: &Located) -> Option<f64> {
        place.decode(&self.image(place)).ok()
    }

    /// Puts a number into a value's registers, as near as they can hold it; none where it does not fit.
    pub(super) fn put(&mut self, place: &Located, value: f64) {
        let image = self.image(place);
        match place.encode(value, &image).ok().or_else(|| place.coding.none(place.order)) {
            Some((words, count)) => self.write(place.block, &words[..count]),
            None => self.write(place.block, &vec![0; usize::from(place.block.count)]),
        }
    }

    /// Puts no number into a value's registers.
    pub(super) fn put_none(&mut self, place: &Located) {
        let most = ([0xFFFF; 4], usize::from(place.coding.words()).min(4));
        let (words, count) = place.coding.none(place.order).unwrap_or(most);
        self.write(place.block, &words[..count]);
    }

    /// Adds to a value's power of ten; whether it has one.
    pub(super) fn shift(&mut self, place: &Located, by: i32) -> bool {
        let Some(block) = place.exponent else { return false };
        let power = place.exponent(&self.image(place)).unwrap_or(0) + by;
        if let Ok((words, count)) = Coding::Exponent.encode(f64::from(power.clamp(-10, 10)), Order::default(), true) {
            self.write(block, &words[..count]);
        }
        true
    }
}

/// All places of a description.
fn sources(description: &Description) -> impl Iterator<Item = &Source> {
    let writes = [&description.begin, &description.commit, &description.release, &description.reversion];
    let points = description.points.iter().map(|own| &own.source);
    let set_points = description.set_points.iter().map(|own| &own.source);
    let identity = description.identity.iter().map(|own| &own.source);
    let fixed = writes.into_iter().flatten().map(|own| &own.source);
    let heartbeat = description.heartbeat.iter().map(|(source, _)| source);
    points.chain(set_points).chain(identity).chain(fixed).chain(heartbeat)
}
