//! Where a device is: `tcp://192.0.2.10:502?unit=3`, `rtu:///dev/ttyUSB0?baud=19200`, `can:vcan0`, …
//!
//! | address | what it is |
//! |---|---|
//! | `tcp://host:port` | Modbus TCP (port 502 when not given) |
//! | `scpi://host:port` | SCPI over TCP (port 5025 when not given); `tcp://` at any port but 502 is the same |
//! | `tls://host:port` | Modbus TCP in TLS (port 802 when not given), by the feature `tls` |
//! | `rtu:///dev/ttyUSB0?baud=9600&parity=even&stop=1` | Modbus RTU by a serial port |
//! | `pty:/dev/pts/5` | Modbus RTU by a pseudo-terminal: no speed, no parity |
//! | `can:vcan0` | SocketCAN |
//! | `slcan:/dev/ttyACM0?bitrate=500000`, `slcan://host:port` | CAN by a serial adapter, or one behind TCP |
//! | `socketcand://host:port/can0` | CAN by a socketcand server (port 29536 when not given) |
//! | `udp://239.74.163.2:43113` | CAN by UDP multicast, as python-can speaks it |
//! | `c37118://host:port?id=7` | a PMU by IEEE C37.118 over TCP (port 4712 when not given) |
//!
//! `unit`, `id`, `baud`, `bitrate`, `parity`, `stop` and `hops` follow a `?`, with `&` between them. Unknown ones are refused.
//! `hops` is how many routers multicast passes (1 when not given); with 0 it stays on this machine, and others' is not heard.

use std::collections::BTreeMap;
use std::fmt;

/// An address, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What speaks there.
    pub scheme: Scheme,
    /// Host with port (the scheme's when none was given), device file, or interface.
    pub place: String,
    /// What follows the place: the bus of a socketcand.
    pub bus: Option<String>,
    options: BTreeMap<String, u32>,
}

/// How one speaks at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table above")]
pub enum Scheme {
    Tcp,
    Tls,
    Rtu,
    Pty,
    Can,
    SlcanSerial,
    SlcanTcp,
    Socketcand,
    UdpCan,
    C37118,
    Scpi,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin as one.
    #[error("`{0}` is no address: give one as in tcp://192.0.2.10:502, rtu:///dev/ttyUSB0?baud=9600 or can:can0")]
    Scheme(String),
    /// Nothing follows.
    #[error("`{0}` does not say where")]
    Nowhere(String),
    /// A port that is none.
    #[error("`{0}`: the port must be a number from 1 to 65535")]
    Port(String),
    /// An option that is not known there, or whose value is none.
    #[error("`{0}`: {1}")]
    Option(String, String),
}

/// Which options each scheme takes, each with its lowest and highest value.
const fn options(scheme: Scheme) -> &'static [(&'static str, u32, u32)] {
    match scheme {
        // Behind TCP, 0 and 255 are the device itself; 248 to 254 are nobody's and some devices answer to them.
        Scheme::Tcp | Scheme::Tls => &[("unit", 0, 255)],
        // On a serial line 0 is everybody, and nobody answers.
        Scheme::Pty => &[("unit", 1, 247)],
        Scheme::Rtu => &[("unit", 1, 247), ("baud", 300, 4_000_000), ("parity", 0, 2), ("stop", 1, 2)],
        Scheme::SlcanSerial | Scheme::SlcanTcp => &[("bitrate", 10_000, 1_000_000), ("baud", 300, 4_000_000)],
        Scheme::Can | Scheme::Socketcand | Scheme::Scpi => &[],
        Scheme::UdpCan => &[("hops", 0, 255)],
        Scheme::C37118 => &[("id", 1, 65_534)],
    }
}

/// What begins an address, what it means, and the port when none is given (`None` where there are no ports).
const BEGINNINGS: [(&str, Scheme, Option<u16>); 11] = [
    ("tcp://", Scheme::Tcp, Some(502)),
    ("tls://", Scheme::Tls, Some(802)),
    ("rtu://", Scheme::Rtu, None),
    ("pty:", Scheme::Pty, None),
    ("can:", Scheme::Can, None),
    ("slcan://", Scheme::SlcanTcp, Some(3333)),
    ("slcan:", Scheme::SlcanSerial, None),
    ("socketcand://", Scheme::Socketcand, Some(29_536)),
    ("udp://", Scheme::UdpCan, Some(43_113)),
    ("c37118://", Scheme::C37118, Some(4712)),
    ("scpi://", Scheme::Scpi, Some(5025)),
];

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is none, with what is wrong.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let begins = BEGINNINGS.iter().find(|(begin, ..)| text.starts_with(begin));
        let &(begin, scheme, port) = begins.ok_or_else(|| AddressError::Scheme(text.to_owned()))?;
        let (place, query) = text[begin.len()..].split_once('?').unwrap_or((&text[begin.len()..], ""));
        let (place, bus) = match (scheme, place.split_once('/')) {
            (Scheme::Socketcand, Some((place, bus))) if !bus.is_empty() => (place, Some(bus.to_owned())),
            (Scheme::Socketcand, _) => return Err(AddressError::Nowhere(format!("{text}: which bus, as in /can0,"))),
            _ => (place, None),
        };
        if place.is_empty() || place.chars().any(char::is_whitespace) {
            return Err(AddressError::Nowhere(text.to_owned()));
        }
        let place = match port {
            Some(port) => with_port(place, port).ok_or_else(|| AddressError::Port(text.to_owned()))?,
            None => place.to_owned(),
        };
        let mut address = Self { scheme, place, bus, options: BTreeMap::new() };
        for part in query.split('&').filter(|part| !part.is_empty()) {
            address.option(part).map_err(|reason| AddressError::Option(text.to_owned(), reason))?;
        }
        Ok(address)
    }

    fn option(&mut self, part: &str) -> Result<(), String> {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` has no value"))?;
        let known = options(self.scheme);
        let &(_, low, high) = known.iter().find(|(own, ..)| *own == name).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(own, ..)| *own).collect();
            format!("`{name}` is not an option here; there are: {}", names.join(", "))
        })?;
        let number = match (name, value) {
            ("parity", "none") => 0,
            ("parity", "odd") => 1,
            ("parity", "even") => 2,
            ("parity", _) => return Err("parity is none, odd or even".into()),
            _ => value
                .parse()
                .ok()
                .filter(|number| (low..=high).contains(number))
                .ok_or_else(|| format!("`{name}` must be a number from {low} to {high}"))?,
        };
        match self.options.insert(name.to_owned(), number) {
            Some(_) => Err(format!("`{name}` is given twice")),
            None => Ok(()),
        }
    }

    /// The value of an option, where it was given.
    pub fn get(&self, option: &str) -> Option<u32> {
        self.options.get(option).copied()
    }
}

/// A host with its port; `None` where that is none.
fn with_port(place: &str, port: u16) -> Option<String> {
    let after_host = place.rfind(']').map_or(place, |end| &place[end..]);
    match after_host.rsplit_once(':') {
        None => Some(format!("{place}:{port}")),
        Some((_, given)) => given.parse::<u16>().ok().filter(|&given| given > 0).map(|_| place.to_owned()),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = BEGINNINGS.iter().find(|(_, scheme, _)| *scheme == self.scheme).map_or("", |(begin, ..)| begin);
        write!(f, "{begin}{}", self.place)?;
        self.bus.iter().try_for_each(|bus| write!(f, "/{bus}"))?;
        for (k, (name, value)) in self.options.iter().enumerate() {
            let value = match (name.as_str(), value) {
                ("parity", 0) => "none".to_owned(),
                ("parity", 1) => "odd".to_owned(),
                ("parity", _) => "even".to_owned(),
                _ => value.to_string(),
            };
            write!(f, "{}{name}={value}", if k == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, scheme, place) in [
            ("tcp://192.0.2.10:502", Scheme::Tcp, "192.0.2.10:502"),
            ("tcp://[::1]:1502?unit=3", Scheme::Tcp, "[::1]:1502"),
            ("rtu:///dev/ttyUSB0?baud=19200&parity=even&stop=1&unit=7", Scheme::Rtu, "/dev/ttyUSB0"),
            ("pty:/dev/pts/5", Scheme::Pty, "/dev/pts/5"),
            ("can:vcan0", Scheme::Can, "vcan0"),
            ("slcan:/dev/ttyACM0?bitrate=500000", Scheme::SlcanSerial, "/dev/ttyACM0"),
            ("slcan://127.0.0.1:3000", Scheme::SlcanTcp, "127.0.0.1:3000"),
            ("socketcand://10.0.0.1:29536/can0", Scheme::Socketcand, "10.0.0.1:29536"),
            ("c37118://pmu.lab:4712?id=650", Scheme::C37118, "pmu.lab:4712"),
            ("scpi://192.0.2.20:5025", Scheme::Scpi, "192.0.2.20:5025"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.scheme, address.place.as_str()), (scheme, place));
            assert_eq!(Address::parse(&address.to_string()).as_ref(), Ok(&address), "{address}");
        }
        assert_eq!(Address::parse("tcp://[::1]").unwrap().place, "[::1]:502");
        assert_eq!(Address::parse("scpi://amplifier.lab").unwrap().place, "amplifier.lab:5025");
        assert_eq!(Address::parse("rtu:///dev/x?parity=odd").unwrap().get("parity"), Some(1));
    }

    #[test]
    fn what_is_none_is_refused_with_its_reason() {
        for (text, part) in [
            ("192.0.2.10", "is no address"),
            ("tcp://", "does not say where"),
            ("tcp://h:0", "port"),
            ("tcp://h:70000", "port"),
            ("tcp://h:502?unit=300", "from 0 to 255"),
            ("pty:/dev/pts/1?unit=0", "from 1 to 247"),
            ("udp://239.74.163.2?hops=300", "from 0 to 255"),
            ("tcp://h?baud=9600", "there are: unit"),
            ("rtu:///dev/x?baud=1&baud=2", "from 300"),
            ("rtu:///dev/x?unit=1&unit=2", "twice"),
            ("rtu:///dev/x?parity=maybe", "none, odd or even"),
            ("socketcand://h:1", "which bus"),
            ("scpi://h?unit=1", "there are: "),
            ("can:a b", "where"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
