//! What is written reads back as the same feeder, whatever it holds.

use std::path::Path;

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::value::{Error as ValueError, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::read::structure;
use super::write;
use crate::diagnostic::{FileId, Sources, render, yaml};
use crate::feeder::{Feeder, Origins, Terminal};

fn read_back(text: &str) -> Feeder {
    let mut found = Vec::new();
    let root = yaml::parse(text, FileId(0), &mut found);
    let read = root.and_then(|root| structure(&root, &mut found));
    let mut sources = Sources::default();
    sources.add(Path::new("written.yaml"), text.to_owned());
    assert!(found.is_empty(), "{}\n{text}", render(&found, &sources, false));
    Feeder { origins: Origins::default(), ..read.unwrap().0 }
}

/// Random values of any type, drawn from a stream of random numbers: every key of every element comes up.
#[derive(Clone, Copy)]
struct Random<'a>(&'a std::cell::RefCell<Vec<u64>>);

impl Random<'_> {
    fn draw(self, below: u64) -> u64 {
        self.0.borrow_mut().pop().map_or(0, |x| x % below)
    }

    fn number(self) -> f64 {
        match self.draw(8) {
            0 => 0.0,
            1 => self.draw(10_000) as f64,
            2 => self.draw(10_000) as f64 / -100.0,
            3 => 1e300,
            4 => 5e-324,
            _ => Some(f64::from_bits(self.draw(u64::MAX))).filter(|x| x.is_finite()).unwrap_or(1.0),
        }
    }

    fn name(self) -> String {
        let names = [
            "632",
            "632.1.2.3",
            "0x10",
            "1e3",
            "null",
            "true",
            "no",
            "a b",
            "671-692",
            "{x}",
            "x: y",
            "#1",
            "'",
            "\"",
            "~",
            "-",
            "- a",
            "2001-01-01",
            "1_000",
            "ünïcode",
            "a\u{85}b",
            "\u{feff}",
            "\\n",
            "*a",
            "&a",
            "%",
            "@",
            "0b1",
            "<<",
            "inf",
            "=",
            "!x",
            "\u{1f600}",
            "x,y",
            "[",
            "1:30",
            "nan",
            "\u{7f}",
            "|",
            ">",
            "tab\there",
            "line\nbreak",
        ];
        let k = self.draw(names.len() as u64 * 2) as usize;
        names.get(k).map_or_else(|| format!("n{k}"), |name| (*name).to_owned())
    }
}

impl<'de> Deserializer<'de> for Random<'_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        // Only the choice of a phase is not told by its type.
        match self.draw(4) {
            0 => visitor.visit_str("max"),
            1 => visitor.visit_str("average"),
            n => visitor.visit_u64(n),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_bool(self.draw(2) == 1)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_f64(self.number())
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_u64(self.draw(70))
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_string(self.name())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if self.draw(2) == 0 { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_seq(SeqDeserializer::new((0..self.draw(4)).map(|_| self)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_seq(SeqDeserializer::new((0..length).map(|_| self)))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let length = self.draw(4);
        visitor.visit_map(MapDeserializer::new((0..length).map(|_| (self.name(), self))))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_map(MapDeserializer::new(fields.iter().map(|key| (*key, self))))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let name: StrDeserializer<'_, ValueError> =
            variants[self.draw(variants.len() as u64) as usize].into_deserializer();
        visitor.visit_enum(name)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 char str bytes byte_buf unit unit_struct newtype_struct tuple_struct identifier
        ignored_any
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for Random<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_feeder_reads_back_as_written(numbers in prop::collection::vec(any::<u64>(), 0..4000)) {
        let numbers = std::cell::RefCell::new(numbers);
        let feeder = Feeder::deserialize(Random(&numbers)).unwrap();
        // Whatever it says about such a feeder, it ends.
        let _ = crate::feeder::check(&feeder);
        let text = write(&feeder);
        prop_assert_eq!(read_back(&text), feeder, "{}", text);
    }

    #[test]
    fn any_text_reads_back_as_written(title in "\\PC*", name in any::<String>()) {
        let mut feeder = minimal();
        feeder.title = Some(title);
        feeder.feeder = name.clone();
        let source = feeder.sources.swap_remove("slack").unwrap();
        feeder.sources.insert(name.to_lowercase(), source);
        let text = write(&feeder);
        prop_assert_eq!(read_back(&text), feeder, "{}", text);
    }
}

fn minimal() -> Feeder {
    read_back("feeder: f\nvoltage_bases_kv: [4.16]\nsources:\n  slack: {bus: a, v_kv: 4.16}\n")
}

#[test]
fn is_written_one_element_a_line_without_defaults() {
    let mut feeder = minimal();
    feeder.title = Some("Two buses: a and b".to_owned());
    feeder.solve.tolerance_pu = Some(1e-9);
    let mut line = crate::feeder::Line {
        from: Terminal::new("rg60", &[1, 2, 3]),
        to: Terminal::new("632", &[1, 2, 3]),
        code: Some("mtx601".to_owned()),
        length_ft: Some(2000.0),
        earth_ohm_m: 100.0,
        ..Default::default()
    };
    feeder.lines.insert("650632".to_owned(), line.clone());
    line.to = Terminal::new("632", &[1]);
    line.length_ft = Some(0.1 + 0.2);
    feeder.lines.insert("b".to_owned(), line);
    insta::assert_snapshot!(write(&feeder), @r#"
    # yaml-language-server: $schema=../docs/schema/feeder.schema.json
    feeder: f
    title: "Two buses: a and b"
    voltage_bases_kv: [4.16]
    solve: {tolerance_pu: 1e-9}
    sources:
      slack: {bus: a, v_kv: 4.16}

    lines:
      "650632": {from: rg60.1.2.3, to: 632.1.2.3, code: mtx601, length_ft: 2000}
      b: {from: rg60.1.2.3, to: "632.1", code: mtx601, length_ft: 0.30000000000000004}
    "#);
}

#[test]
fn names_may_look_like_numbers() {
    let feeder = read_back(
        "feeder: 13\nvoltage_bases_kv: [4.16]\nsources: {SLACK: {bus: 632, v_kv: 4.16}}\n\
         lines:\n  650632: {from: 632.1, to: 0x10.2, code: 1e3, length_ft: 1}\n  b: {from: 632.10, to: \"632\", code: 007}\n",
    );
    assert_eq!(feeder.feeder, "13");
    assert_eq!(feeder.sources["slack"].bus, Terminal::new("632", &[]));
    let line = &feeder.lines["650632"];
    assert_eq!((&line.from, &line.to), (&Terminal::new("632", &[1]), &Terminal::new("0x10", &[2])));
    assert_eq!(line.code.as_deref(), Some("1e3"));
    assert_eq!(feeder.lines["b"].from, Terminal::new("632", &[10]));
    assert_eq!(feeder.lines["b"].code.as_deref(), Some("007"));
}
