//! Where an element touches the network: a bus and its node numbers.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A bus and the nodes an element's conductors connect to, written `632.1.2.3`.
///
/// Node 0 is ground. Nodes that are not written take the defaults of [`Terminal::conductors`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Terminal {
    /// Lower-case bus name.
    pub bus: String,
    /// Node numbers as written; may be empty or shorter than the element's conductors.
    pub nodes: Vec<u16>,
}

impl Terminal {
    /// A terminal with explicit nodes.
    pub fn new(bus: impl Into<String>, nodes: &[u16]) -> Self {
        Self { bus: bus.into(), nodes: nodes.to_vec() }
    }

    /// The node of each of `conductors` conductors: as written, else 1, 2, … for the `phases` and 0 (ground) beyond.
    pub fn conductors(&self, phases: usize, conductors: usize) -> Vec<u16> {
        let default = |k: usize| if k < phases { u16::try_from(k + 1).unwrap_or(0) } else { 0 };
        (0..conductors).map(|k| self.nodes.get(k).copied().unwrap_or_else(|| default(k))).collect()
    }
}

impl fmt::Display for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.bus)?;
        self.nodes.iter().try_for_each(|n| write!(f, ".{n}"))
    }
}

/// A terminal that is not `bus` or `bus.1.2.3`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a terminal: write a bus name and node numbers, as in 632.1.2.3")]
pub struct TerminalError(String);

impl FromStr for Terminal {
    type Err = TerminalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let err = || TerminalError(text.to_owned());
        let mut parts = text.trim().split('.');
        let bus = parts.next().filter(|b| !b.is_empty()).ok_or_else(err)?.to_lowercase();
        let nodes = parts.map(|n| n.parse::<u16>().map_err(|_| err())).collect::<Result<_, _>>()?;
        Ok(Self { bus, nodes })
    }
}

impl Serialize for Terminal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Terminal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Terminal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Terminal".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "number"],
            "description": "A bus and its node numbers, as in 632.1.2.3; node 0 is ground.",
            "pattern": "^[^.\\s]+(\\.[0-9]+)*$"
        })
    }
}
