//! SunSpec's information models: where their points are, and which of them a device has.
//!
//! The layouts are data (`hil/sunspec/models.csv`, made by `hil/sunspec/models.py` from pysunspec2's definitions). A
//! device's directory is found by walking from the marker "SunS": model, length, body, next model, up to the end model
//! 0xFFFF. A device may lie about a length or hold models that nobody knows: the walk passes over what it does not know
//! by the length that the device gives, says where a length is not the model's, and ends within bounds.

use std::sync::OnceLock;

use super::coding::Coding;

/// The marker "SunS".
pub const MARKER: [u16; 2] = [0x5375, 0x6E53];
/// Where the marker may be, in the order in which others try, too.
pub const BASES: [u16; 3] = [40000, 0, 50000];
/// The model that ends a directory.
pub const END: u16 = 0xFFFF;
/// Models that a directory may hold before it is no directory.
const MOST_MODELS: usize = 200;

/// A point of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPoint {
    /// The model.
    pub model: u16,
    /// Words from the model's own first register, its number and length included.
    pub offset: u16,
    /// Words that it takes.
    pub words: u16,
    /// Its name, with the group's before a dot.
    pub name: &'static str,
    /// How it is coded.
    pub coding: Coding,
    /// The name of its scale factor, or the power of ten itself; empty without one.
    pub scale: &'static str,
    /// Its unit; empty without one.
    pub unit: &'static str,
    /// Whether it can be written.
    pub writable: bool,
}

/// A model as a device has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its number.
    pub number: u16,
    /// The register of its number.
    pub address: u16,
    /// The length that the device gives, without number and length.
    pub length: u16,
}

/// What a device has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Where the marker is.
    pub base: u16,
    /// Its models, in order.
    pub models: Vec<Model>,
    /// What is not as it should be, in words.
    pub oddities: Vec<String>,
}

/// All points of all models that are known.
pub fn points() -> &'static [ModelPoint] {
    static POINTS: OnceLock<Vec<ModelPoint>> = OnceLock::new();
    POINTS.get_or_init(|| {
        include_str!("../../../hil/sunspec/models.csv").lines().skip(1).filter_map(model_point).collect()
    })
}

fn model_point(line: &'static str) -> Option<ModelPoint> {
    let mut cells = line.split(',');
    let mut cell = || cells.next();
    let [model, offset, words] = [cell()?, cell()?, cell()?].map(|own| own.parse::<u16>().ok());
    let (model, offset, words) = (model?, offset?, words?);
    let (name, coding) = (cell()?, cell()?);
    let coding = if coding == "string" { Coding::Text(words) } else { Coding::named(coding)? };
    Some(ModelPoint { model, offset, words, name, coding, scale: cell()?, unit: cell()?, writable: cell()? == "RW" })
}

/// A point by its model and name, as in `701.W`.
pub fn point(name: &str) -> Option<&'static ModelPoint> {
    let (model, name) = name.split_once('.')?;
    let model = model.parse::<u16>().ok()?;
    points().iter().find(|own| own.model == model && own.name == name)
}

/// The scale factor of a point, where that is a point of its model.
pub fn scale_of(own: &ModelPoint) -> Option<&'static ModelPoint> {
    points().iter().find(|other| other.model == own.model && !own.scale.is_empty() && other.name == own.scale)
}

/// The length that a model must have; `None` of one that is not known. What repeats in it is there once.
pub fn length(model: u16) -> Option<u16> {
    let last = points().iter().filter(|own| own.model == model).max_by_key(|own| own.offset)?;
    Some(last.offset + last.words - 2)
}

/// Models whose length depends on the device, and how many words a repeated part may add.
const REPEATING: [u16; 3] = [705, 706, 714];

/// A walk over a device's directory: it asks for registers, and is told what they hold.
#[derive(Debug)]
pub struct Walk {
    directory: Directory,
    at: u32,
    done: bool,
}

impl Walk {
    /// From a marker that was found at `base`.
    pub fn new(base: u16) -> Self {
        Self {
            directory: Directory { base, models: Vec::new(), oddities: Vec::new() },
            at: u32::from(base) + 2,
            done: false,
        }
    }

    /// The register of the next model's number; `None` at the end. Two registers are wanted, one is enough.
    pub fn wants(&self) -> Option<u16> {
        u16::try_from(self.at).ok().filter(|_| !self.done)
    }

    /// What was there: number and length, the number alone, or nothing.
    pub fn take(&mut self, words: Option<&[u16]>) {
        let Some(address) = self.wants() else { return };
        let odd = &mut self.directory.oddities;
        match words {
            Some([END, ..]) => self.done = true,
            Some([number, length, ..]) => {
                self.directory.models.push(Model { number: *number, address, length: *length });
                if let Some(reason) = oddity(*number, *length, &self.directory.models) {
                    odd.push(reason);
                }
                self.at += 2 + u32::from(*length);
                let full = self.directory.models.len() >= MOST_MODELS;
                if full || self.at > 0xFFFF {
                    odd.push(format!("the models do not end: the last that was read is at register {address}"));
                    self.done = true;
                }
            }
            Some(_) | None => {
                odd.push(format!("nothing to read at register {address}, where the next model or the end should be"));
                self.done = true;
            }
        }
    }

    /// What was found.
    pub fn finish(self) -> Directory {
        self.directory
    }
}

fn oddity(number: u16, given: u16, models: &[Model]) -> Option<String> {
    let place = models.last().map_or(0, |own| own.address);
    if models.iter().filter(|own| own.number == number).count() > 1 {
        return Some(format!("model {number} is there twice; the first counts"));
    }
    let own = length(number)?;
    let tolerated = (number == 1 && given + 1 == own) || (REPEATING.contains(&number) && given >= 5);
    (given != own && !tolerated)
        .then(|| format!("model {number} at register {place} says that it has {given} registers and should have {own}"))
}

impl Directory {
    /// Where a point is; `None` where its model is not there, or ends before it.
    pub fn address(&self, point: &ModelPoint) -> Option<u16> {
        let model = self.models.iter().find(|own| own.number == point.model)?;
        let inside = point.offset + point.words <= model.length.saturating_add(2);
        model.address.checked_add(point.offset).filter(|_| inside)
    }

    /// Whether it has a model.
    pub fn has(&self, model: u16) -> bool {
        self.models.iter().any(|own| own.number == model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn models_have_the_lengths_of_the_specification() {
        for (model, own) in [
            (1, 66),
            (101, 50),
            (102, 50),
            (103, 50),
            (111, 60),
            (113, 60),
            (201, 105),
            (204, 105),
            (211, 124),
            (214, 124),
            (701, 153),
            (702, 50),
            (703, 17),
            (704, 65),
            (713, 7),
            (715, 7),
            (123, 24),
        ] {
            assert_eq!(length(model), Some(own), "model {model}");
        }
        let place = |name: &str| point(name).map(|own| (own.offset, own.coding));
        assert_eq!(place("103.W"), Some((14, Coding::Int16)));
        assert_eq!(place("701.Hz"), Some((17, Coding::Uint32)));
        assert_eq!(place("704.WSet"), Some((24, Coding::Int32)));
        assert_eq!(place("715.ControllerHb"), Some((5, Coding::Uint32)));
        assert_eq!(place("213.W"), Some((28, Coding::Float32)));
        assert_eq!(scale_of(point("704.WSet").unwrap()).map(|own| own.name), Some("WSet_SF"));
        assert!(point("704.WSet").unwrap().writable && !point("701.W").unwrap().writable);
    }

    #[test]
    fn a_directory_is_walked_past_what_is_wrong() {
        let mut walk = Walk::new(40000);
        let registers: &[(u16, [u16; 2])] =
            &[(40002, [1, 65]), (40069, [64001, 10]), (40081, [103, 48]), (40131, [END, 0])];
        while let Some(at) = walk.wants() {
            let found = registers.iter().find(|(own, _)| *own == at).map(|(_, words)| &words[..]);
            walk.take(found);
        }
        let found = walk.finish();
        assert_eq!(found.models.iter().map(|own| own.number).collect::<Vec<_>>(), [1, 64001, 103]);
        assert_eq!(found.oddities.len(), 1, "{:?}", found.oddities);
        assert!(found.oddities[0].contains("48 registers and should have 50"));
        assert_eq!(found.address(point("103.W").unwrap()), Some(40095));
        assert_eq!(found.address(point("103.EvtVnd4").unwrap()), None, "beyond what the device says it has");
    }

    proptest! {
        #[test]
        fn a_walk_ends_whatever_the_device_says(words in proptest::collection::vec(any::<[u16; 2]>(), 1..50), cut in any::<bool>()) {
            let mut walk = Walk::new(0);
            let mut k = 0;
            while walk.wants().is_some() {
                let own = words[k % words.len()];
                walk.take(Some(if cut && k > 20 { &own[..1] } else { &own }));
                k += 1;
                prop_assert!(k <= MOST_MODELS + 1);
            }
            let found = walk.finish();
            for point in points() {
                let _ = found.address(point);
            }
        }
    }
}
