//! What of the scenario is served to a controller outside: a device as one that it may command, an instrument as a meter.
//!
//! `at: serve:tcp://127.0.0.1:1502?unit=2` listens there, several at one address as units of their own; `at: serve` has a
//! controller in the bench that does what `commands` say, for runs in batch. Who listens to others than this machine must say
//! whom (`allow`), and nobody may command before `writable: true`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::check::Spots;
use super::seat::{At, Replaced, Seat};
use crate::link::address::{Address, Scheme};
use crate::link::description::{Description, Wire};
use crate::link::order::Order;
use crate::scenario::HilSetting;
use crate::scenario::check::Checker;

/// How something is served.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Whether who connects may command.
    pub writable: bool,
    /// Who may connect.
    pub allow: Vec<IpAddr>,
    /// What a controller in the bench commands: from which second on, and what.
    pub commands: Vec<(f64, Order)>,
    /// Its unit.
    pub unit: u8,
}

/// What of `at` says where, and whether it is served there.
pub(in crate::scenario) fn place(at: &str) -> (&str, bool) {
    match at.strip_prefix("serve") {
        Some("") => ("emulated", true),
        Some(rest) => rest.strip_prefix(':').map_or((at, false), |rest| (rest, true)),
        None => (at, false),
    }
}

impl Checker<'_> {
    /// How a seat is served; `None` where it is not.
    pub(super) fn service(
        &mut self,
        setting: &HilSetting,
        description: &Description,
        at: &At,
        spots: &Spots,
    ) -> Option<Service> {
        if !place(&setting.at).1 {
            let named = [
                ("writable", setting.writable),
                ("allow", !setting.allow.is_empty()),
                ("commands", !setting.commands.is_empty()),
            ];
            for (key, _) in named.into_iter().filter(|(_, given)| *given) {
                let help = "let `at` begin with serve, as in serve:tcp://127.0.0.1:1502";
                self.report("E0341", format!("`{key}` is of what is served"), spots.at(key), help);
            }
            return None;
        }
        let Wire::Modbus(head) = &description.wire else {
            let message = format!("{:?} is not served: only what speaks Modbus is", description.name);
            self.report("E0341", message, spots.at("at"), "give a description of Modbus");
            return None;
        };
        let mut unit = head.unit;
        if let At::Address(address) = at {
            let said = address.get("unit").and_then(|unit| u8::try_from(unit).ok());
            unit = said.unwrap_or(unit);
        }
        let allow = self.allowed(setting, at, spots);
        let commands = self.orders(setting, description, spots);
        Some(Service { writable: setting.writable, allow, commands, unit })
    }

    fn allowed(&mut self, setting: &HilSetting, at: &At, spots: &Spots) -> Vec<IpAddr> {
        let mut allow = Vec::new();
        for (k, text) in setting.allow.iter().enumerate() {
            match text.parse() {
                Ok(own) => allow.push(own),
                Err(_) => {
                    let message = format!("{text:?} is no IP address");
                    self.report("E0341", message, spots.item("allow", k), "write one as in 192.0.2.10");
                }
            }
        }
        let At::Address(address) = at else { return allow };
        if !matches!(address.scheme, Scheme::Tcp | Scheme::Rtu | Scheme::Pty) {
            let help = "serve at tcp://, rtu:// or pty:";
            self.report("E0341", format!("nothing is served at {address}"), spots.at("at"), help);
        }
        if address.scheme == Scheme::Tcp && setting.allow.is_empty() {
            if !loopback(address) {
                let help = "list in `allow` the addresses that may come, or listen at 127.0.0.1";
                self.report("E0341", format!("{address} would be open to everybody"), spots.at("at"), help);
            }
            allow = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        }
        allow
    }

    fn orders(&mut self, setting: &HilSetting, description: &Description, spots: &Spots) -> Vec<(f64, Order)> {
        let mut orders = Vec::new();
        for (k, line) in setting.commands.iter().enumerate() {
            match Order::line(line, description) {
                Some(own) => orders.push(own),
                None => {
                    let names: Vec<&str> = description.set_points.iter().map(|own| own.name.as_str()).collect();
                    let help = format!("write it as in `2s: p_w 5000` or `8s: release`; it has {}", names.join(", "));
                    self.report("E0341", format!("{line:?} commands nothing"), spots.item("commands", k), &help);
                }
            }
        }
        orders.sort_by(|a, b| a.0.total_cmp(&b.0));
        orders
    }

    /// What is served at one address has units of its own, and lets in the same.
    pub(super) fn one_rack(&mut self) {
        let mut found = Vec::new();
        let served: Vec<&Seat> = self.equipment.seats.iter().filter(|own| own.served.is_some()).collect();
        for (k, seat) in served.iter().enumerate() {
            let (At::Address(address), Some(own)) = (&seat.at, &seat.served) else { continue };
            for before in &served[..k] {
                let (At::Address(there), Some(other)) = (&before.at, &before.served) else { continue };
                if (there.scheme, &there.place) != (address.scheme, &address.place) {
                    continue;
                }
                if other.unit == own.unit {
                    let message = format!("{:?} is served as unit {} already", before.name, own.unit);
                    found.push((seat.name.clone(), "at", message, "give each a unit, as in ?unit=2"));
                }
                if other.allow != own.allow {
                    let message = format!("{:?} lets others in at the same address", before.name);
                    found.push((seat.name.clone(), "allow", message, "let both have the same list"));
                }
            }
        }
        for (name, key, message, help) in found {
            let spots = Spots::of(self.root, self.place, "hil", &name, None);
            self.report("E0341", message, spots.at(key), help);
        }
    }
}

fn loopback(address: &Address) -> bool {
    let host = address.place.rsplit_once(':').map_or(address.place.as_str(), |(host, _)| host);
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

impl Seat {
    /// Whether an external controller reads it, and does not command.
    pub fn only_read(&self) -> bool {
        self.served.is_some() && !matches!(self.replaces, Replaced::Device(_))
    }
}
