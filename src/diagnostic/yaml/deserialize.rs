//! A serde deserializer over the tree whose faults know their place.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess};
use serde::de::{VariantAccess, Visitor};

use super::fault::{Fault, Kind};
use super::mending::{Mend, Mending, NodeId};
use super::node::{Key, Node, Value, float, integer, non_finite};
use super::placeholder::Placeholder;

const A_LIST: &str = "a list, as in [1, 2]";
const A_MAPPING: &str = "a mapping, as in {key: value}";
const A_NUMBER: &str = "a number";
const A_WHOLE_NUMBER: &str = "a whole number";

/// Reads one node, past what has been mended.
#[derive(Clone, Copy)]
pub(super) struct NodeReader<'a> {
    pub node: &'a Node,
    pub mending: &'a Mending,
}

impl<'a> NodeReader<'a> {
    fn placeholder(self) -> Option<Placeholder> {
        self.mending.is_replaced(self.node).then_some(Placeholder::NEW)
    }

    fn at(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    fn float(self) -> Result<f64, Fault> {
        match &self.node.value {
            Value::Number(text) => {
                float(text).filter(|x| x.is_finite()).ok_or_else(|| Fault::not_finite(text, self.node))
            }
            Value::String(text) => Err(text_for_number(text, Fault::expected(A_NUMBER, self.node))),
            _ => Err(Fault::expected(A_NUMBER, self.node)),
        }
    }

    fn integer(self) -> Result<i128, Fault> {
        let fault = || Fault::expected(A_WHOLE_NUMBER, self.node);
        match &self.node.value {
            Value::Number(text) if non_finite(text) => Err(Fault::not_finite(text, self.node)),
            Value::Number(text) => integer(text).ok_or_else(fault),
            Value::String(text) => Err(text_for_number(text, fault())),
            _ => Err(fault()),
        }
    }

    fn visit_integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let number = self.integer()?;
        let result = match (u64::try_from(number), i64::try_from(number)) {
            (Ok(x), _) => visitor.visit_u64(x),
            (_, Ok(x)) => visitor.visit_i64(x),
            _ => Err(Fault::custom(format!("{number} is too large"))),
        };
        result.map_err(|fault| fault.at(self.node))
    }

    fn text(self) -> Result<&'a str, Fault> {
        match &self.node.value {
            Value::String(text) | Value::Number(text) => Ok(text),
            Value::Null | Value::Bool(_) => {
                Err(Fault::expected("text", self.node).help("if that is a name, write it in quotes"))
            }
            _ => Err(Fault::expected("text", self.node)),
        }
    }
}

/// Advice for text where a number is needed.
fn text_for_number(text: &str, fault: Fault) -> Fault {
    let without_marks = text.replace(['_', '\''], "");
    if float(text).is_some() {
        return fault.help("write it without quotes");
    }
    if without_marks != text && float(&without_marks).is_some() {
        return fault.help(format!("write {without_marks}"));
    }
    let decimal_point = text.replace(',', ".");
    if float(&decimal_point).is_some() {
        return fault.help(format!("write {decimal_point}: the decimal sign is a point"));
    }
    let number: String = text.chars().take_while(|c| c.is_ascii_digit() || "+-.eE".contains(*c)).collect();
    let number = number.trim_end_matches(['e', 'E']);
    let unit = text[number.len()..].trim_start();
    if float(number).is_some() && unit.starts_with(['V', 'v', 'W', 'w', 'A', 'k', 'K', 'M', 'm', 'f', 'Ω', '°', '%'])
    {
        return fault.help(format!("write {number}: the unit is part of the key"));
    }
    fault
}

macro_rules! integers {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.placeholder() {
                Some(placeholder) => placeholder.$method(visitor),
                None => self.visit_integer(visitor),
            }
        }
    )* };
}

macro_rules! texts {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.placeholder() {
                Some(placeholder) => placeholder.$method(visitor),
                None => visitor.visit_str(self.text()?).map_err(|fault: Fault| fault.at(self.node)),
            }
        }
    )* };
}

impl<'de> Deserializer<'de> for NodeReader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some(placeholder) = self.placeholder() {
            return placeholder.deserialize_any(visitor);
        }
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(x) => visitor.visit_bool(*x),
            Value::Number(text) if integer(text).is_some() => self.visit_integer(visitor),
            Value::Number(_) => visitor.visit_f64(self.float()?),
            Value::String(text) => visitor.visit_str(text),
            Value::Seq(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    texts! { deserialize_str deserialize_string deserialize_char deserialize_identifier }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match (&self.node.value, self.placeholder()) {
            (_, Some(placeholder)) => placeholder.deserialize_bool(visitor),
            (Value::Bool(x), None) => visitor.visit_bool(*x),
            (_, None) => Err(Fault::expected("true or false", self.node)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.placeholder() {
            Some(placeholder) => placeholder.deserialize_f64(visitor),
            None => visitor.visit_f64(self.float()?),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match (&self.node.value, self.placeholder()) {
            (Value::Null, _) | (_, Some(_)) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match (&self.node.value, self.placeholder()) {
            (Value::Null, _) | (_, Some(_)) => visitor.visit_unit(),
            _ => Err(Fault::expected("nothing", self.node)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some(placeholder) = self.placeholder() {
            return placeholder.deserialize_seq(visitor);
        }
        match &self.node.value {
            Value::Seq(items) => visitor.visit_seq(Items { reader: self, items: items.iter() }),
            Value::Number(text) | Value::String(text) => {
                Err(Fault::expected(A_LIST, self.node).help(format!("write [{text}]")))
            }
            _ => Err(Fault::expected(A_LIST, self.node)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        if let Some(placeholder) = self.placeholder() {
            return placeholder.deserialize_tuple(length, visitor);
        }
        match &self.node.value {
            Value::Seq(items) if items.len() == length => {
                visitor.visit_seq(Items { reader: self, items: items.iter() })
            }
            Value::Seq(items) => {
                let message = format!("expected a list of {length} values, found {}", items.len());
                Err(Fault::custom(message).at(self.node))
            }
            _ => Err(Fault::expected(&format!("a list of {length} values"), self.node)),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some(placeholder) = self.placeholder() {
            return placeholder.deserialize_map(visitor);
        }
        let Value::Map(entries) = &self.node.value else { return Err(Fault::expected(A_MAPPING, self.node)) };
        visitor.visit_map(Entries::new(self, entries)).map_err(|fault| self.supply(fault))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.placeholder() {
            Some(placeholder) => placeholder.deserialize_struct(name, fields, visitor),
            None => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let Some(placeholder) = self.placeholder() {
            return placeholder.deserialize_enum(name, variants, visitor);
        }
        let choice = match &self.node.value {
            Value::Map(entries) => match entries.as_slice() {
                [(key, value)] => Choice { reader: self, key: Some(key), name: &key.name, content: Some(value) },
                _ => return Err(Fault::expected("one choice, as in {choice: …}", self.node)),
            },
            _ => Choice { reader: self, key: None, name: self.text()?, content: None },
        };
        visitor.visit_enum(choice).map_err(|fault| fault.at(self.node))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { bytes byte_buf }
}

impl NodeReader<'_> {
    /// A key missing from this mapping is mended here.
    fn supply(self, mut fault: Fault) -> Fault {
        if let (Kind::MissingKey(key), None) = (&fault.kind, fault.mend) {
            fault.mend = Some(Mend::Supply { mapping: NodeId::of(self.node), key });
        }
        fault.at(self.node)
    }
}

struct Items<'a> {
    reader: NodeReader<'a>,
    items: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some(node) = self.items.next() else { return Ok(None) };
        seed.deserialize(self.reader.at(node)).map(Some).map_err(|fault| fault.at(node))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    reader: NodeReader<'a>,
    entries: std::slice::Iter<'a, (Key, Node)>,
    supplied: std::slice::Iter<'a, &'static str>,
    value: Option<&'a Node>,
}

impl<'a> Entries<'a> {
    fn new(reader: NodeReader<'a>, entries: &'a [(Key, Node)]) -> Self {
        let supplied = reader.mending.supplied(reader.node).iter();
        Self { reader, entries: entries.iter(), supplied, value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let mending = self.reader.mending;
        let Some((key, value)) = self.entries.find(|(_, value)| !mending.is_skipped(value)) else {
            self.value = None;
            let supplied = self.supplied.next().copied();
            return supplied.map(|key| seed.deserialize(StrDeserializer::new(key))).transpose();
        };
        self.value = Some(value);
        let name: StrDeserializer<'_, Fault> = key.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|mut fault| {
            fault.span = Some(key.span);
            fault.mend = Some(Mend::Skip { mapping: NodeId::of(self.reader.node), value: NodeId::of(value) });
            fault
        })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        match self.value {
            Some(node) => seed.deserialize(self.reader.at(node)).map_err(|fault| fault.at(node)),
            None => seed.deserialize(Placeholder::NEW),
        }
    }
}

/// An enum's variant: a name, or a mapping of the name to its content.
struct Choice<'a> {
    reader: NodeReader<'a>,
    key: Option<&'a Key>,
    name: &'a str,
    content: Option<&'a Node>,
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let name: StrDeserializer<'_, Fault> = self.name.into_deserializer();
        match seed.deserialize(name) {
            Ok(variant) => Ok((variant, self)),
            Err(mut fault) => {
                fault.span = self.key.map(|key| key.span).or(fault.span);
                Err(fault.at(self.reader.node))
            }
        }
    }
}

impl Choice<'_> {
    fn content(&self) -> Result<NodeReader<'_>, Fault> {
        match self.content {
            Some(node) => Ok(self.reader.at(node)),
            None => {
                let message = format!("{:?} needs more than its name: write {{{}: …}}", self.name, self.name);
                Err(Fault::custom(message).at(self.reader.node))
            }
        }
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.content {
            Some(node) if node.value != Value::Null => {
                Err(Fault::custom(format!("{:?} takes nothing: write the name alone", self.name)).at(self.reader.node))
            }
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.content()?.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.content()?.deserialize_struct("", fields, visitor)
    }
}
