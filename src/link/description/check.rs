//! From a description as it is written to one that can be used, with all that is wrong with it.

use std::path::Path;

use indexmap::IndexMap;

use super::language::{self, Head, Kind, Positive, Register, TlsHead};
use super::{Description, Expected, Identity, Point, Reading, SetPoint, Source, Wire, Write, scpi};
use crate::diagnostic::yaml::{Node, parse, read, read_except, read_map_by};
use crate::diagnostic::{Diagnostic, FileId, Sources, Span, nearest};
#[cfg(feature = "hil")]
use crate::link::modbus::{Block, Coding, Order, Table, Value, sunspec, value::Place};

/// Most points of a device.
const MOST_POINTS: usize = 2000;
/// The largest number that a heartbeat counts to.
const MOST_BEATS: f64 = 32_766.0;
/// Units that the last part of a name may have.
const UNITS: [&str; 22] = [
    "w", "var", "va", "v", "a", "hz", "pu", "percent", "deg", "wh", "varh", "vah", "c", "s", "pf", "count", "state",
    "bits", "hz_per_s", "ohm", "rpm", "flag",
];

pub(super) fn finish(file: FileId, sources: Sources, path: &Path) -> Reading {
    let mut found = Vec::new();
    let text = sources.get(file).map_or("", |(_, text)| text);
    let folder = path.parent().unwrap_or(Path::new("."));
    let description = parse(text, file, &mut found).and_then(|root| description(&root, folder, &mut found));
    let description = description.filter(|_| !found.iter().any(Diagnostic::is_error));
    Reading { description, diagnostics: found, sources }
}

/// What is written by name, each with the place of its name.
type Placed<T> = IndexMap<String, (T, Span)>;

struct Checker<'a> {
    head: &'a Head,
    protocol: Protocol,
    found: &'a mut Vec<Diagnostic>,
    /// Registers that points take, each with the place of its name.
    #[cfg(feature = "hil")]
    taken: Vec<(Block, Coding, Order, Span)>,
    /// Where set-points are, each with the place of its name.
    set: Vec<(Source, Span)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Modbus,
    Can,
    C37118,
    Scpi,
}

fn description(root: &Node, folder: &Path, found: &mut Vec<Diagnostic>) -> Option<Description> {
    let start = Span { end: root.span.start, ..root.span };
    let head: Head = read_except(root, start, &["points", "set_points"], found)?;
    let section = |name: &str| root.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node);
    let points: Placed<language::Point> = placed(section("points"), found);
    let set_points: Placed<language::SetPoint> = placed(section("set_points"), found);
    let place = root.entries().first().map_or(start, |(key, _)| key.span);
    let (protocol, wire) = wire(&head, folder, place, found)?;
    let mut checker = Checker {
        head: &head,
        protocol,
        found,
        #[cfg(feature = "hil")]
        taken: Vec::new(),
        set: Vec::new(),
    };
    let at = |name: &str| section(name).map_or(place, |node| node.span);
    checker.numbers(&at);
    checker.wanted(&points, &set_points, place);
    let own_points =
        points.iter().filter_map(|(name, (own, span))| checker.point(name, own, *span)).collect::<Vec<_>>();
    let own_set = set_points.iter().filter_map(|(name, (own, span))| checker.set_point(name, own, *span)).collect();
    let item = |name: &'static str| {
        move |k: usize| {
            let node = section(name);
            node.and_then(|list| list.items().get(k)).or(node).map_or(place, |node| node.span)
        }
    };
    let identity = head.identity.iter().zip((0..).map(item("identity")));
    let identity = identity.filter_map(|(own, place)| checker.identity(own, place)).collect();
    let begin = checker.writes(&head.begin, item("begin"));
    let commit = checker.writes(&head.commit, item("commit"));
    let release = checker.writes(&head.release, item("release"));
    let reversion = checker.reversion(item("reversion"));
    let heartbeat = head.heartbeat.as_ref().and_then(|own| {
        let source = checker.source(&own.register(), Positive::Injected, at("heartbeat"), true)?;
        checker.fits(&source, MOST_BEATS, at("heartbeat"));
        Some((source, own.every_s))
    });
    let alive = head.alive.as_ref().and_then(|own| {
        let known = own_points.iter().position(|point| point.name == own.point);
        if known.is_none() {
            let message = format!("`alive` names {:?}, which is not a point of this device", own.point);
            checker.say("E0610", message, at("alive"), nearest(&own.point, points.keys().map(String::as_str)));
        }
        known.map(|point| (point, own.within_s))
    });
    Some(Description {
        name: head.device.clone(),
        title: head.title.clone().unwrap_or_else(|| head.device.clone()),
        kind: head.kind,
        s_rated_va: head.s_rated_va,
        poll_s: head.poll_s,
        timeout_s: head.timeout_s,
        frozen_after_s: head.frozen_after_s,
        points: own_points,
        set_points: own_set,
        identity,
        begin,
        commit,
        release,
        reversion,
        heartbeat,
        alive,
        wire,
    })
}

fn placed<T: serde::de::DeserializeOwned>(node: Option<&Node>, found: &mut Vec<Diagnostic>) -> Placed<T> {
    let entry =
        |node: &Node, place: Span, found: &mut Vec<Diagnostic>| read(node, place, found).map(|own| (own, place));
    node.map(|node| read_map_by(node, found, entry)).unwrap_or_default()
}

fn wire(head: &Head, folder: &Path, place: Span, found: &mut Vec<Diagnostic>) -> Option<(Protocol, Wire)> {
    let wires = [
        head.modbus.clone().map(|mut own| {
            for file in own.tls.iter_mut().flat_map(TlsHead::files) {
                *file = folder.join(&*file);
            }
            (Protocol::Modbus, Wire::Modbus(own))
        }),
        head.can.clone().map(|own| {
            let path = folder.join(&own.database);
            (Protocol::Can, Wire::Can(own, path))
        }),
        head.c37118.clone().map(|own| (Protocol::C37118, Wire::C37118(own))),
        head.scpi.clone().map(|own| (Protocol::Scpi, Wire::Scpi(own))),
    ];
    let mut given: Vec<_> = wires.into_iter().flatten().collect();
    if given.len() == 1 {
        return given.pop();
    }
    let message = format!("a device speaks one protocol, and {} are given", given.len());
    found.push(Diagnostic::error("E0601", message).at(place).help("give exactly one of modbus, can, c37118, scpi"));
    None
}

impl Checker<'_> {
    fn say(&mut self, code: &'static str, message: String, place: Span, near: Option<&str>) {
        let finding = Diagnostic::error(code, message).at(place);
        self.found.push(match near {
            Some(near) => finding.help(format!("did you mean {near:?}?")),
            None => finding,
        });
    }

    fn numbers(&mut self, at: &dyn Fn(&str) -> Span) {
        let head = self.head;
        let positive = |value: f64| (1e-3..=3600.0).contains(&value);
        let times = [
            ("poll_s", Some(head.poll_s)),
            ("timeout_s", Some(head.timeout_s)),
            ("frozen_after_s", head.frozen_after_s),
            ("heartbeat.every_s", head.heartbeat.as_ref().map(|own| own.every_s)),
            ("alive.within_s", head.alive.as_ref().map(|own| own.within_s)),
        ];
        for (name, value) in times {
            if value.is_some_and(|value| !positive(value)) {
                let place = at(name.split('.').next().unwrap_or(name));
                self.say("E0606", format!("{name} must be from 0.001 to 3600 s"), place, None);
            }
        }
        if head.s_rated_va.is_some_and(|value| !(value > 0.0 && value < 1e12)) {
            self.say("E0606", "s_rated_va must be positive".into(), at("s_rated_va"), None);
        }
        if let Some(modbus) = &head.modbus {
            let place = at("modbus");
            if modbus.tls.as_ref().is_some_and(|own| own.certificate.is_some() != own.key.is_some()) {
                self.say("E0602", "a certificate needs its key, and a key its certificate".into(), place, None);
            }
            if !(1..=125).contains(&modbus.most_registers) {
                let message =
                    format!("most_registers is {}: one answer holds 1 to 125 registers", modbus.most_registers);
                self.say("E0606", message, place, None);
            }
            if !(0.0..=10.0).contains(&modbus.spacing_s) || modbus.first_register > 1 || modbus.unit > 247 {
                let message = "spacing_s must be from 0 to 10, first_register 0 or 1, unit at most 247";
                self.say("E0606", message.into(), place, None);
            }
        }
    }

    /// What a device of its kind must have.
    fn wanted(&mut self, points: &Placed<language::Point>, set_points: &Placed<language::SetPoint>, place: Span) {
        let has = |name: &str| {
            let phases = ["a", "b", "c"].iter().any(|phase| points.contains_key(&format!("{name}.{phase}")));
            points.contains_key(name) || phases
        };
        let missing = match self.head.kind {
            Kind::Inverter | Kind::Charger if !has("p_w") => {
                Some("a point p_w, or p_w.a and so on: it is what it injects")
            }
            Kind::Amplifier if !set_points.keys().any(|name| name.starts_with("v_v")) => {
                Some("set-points v_v.a and so on")
            }
            _ if points.is_empty() && self.head.kind != Kind::Controller => Some("at least one point"),
            _ => None,
        };
        if let Some(missing) = missing {
            self.say("E0611", format!("this kind of device needs {missing}"), place, None);
        }
        if points.len() + set_points.len() > MOST_POINTS {
            self.say("E0606", format!("a device has at most {MOST_POINTS} points"), place, None);
        }
    }

    fn name(&mut self, name: &str, place: Span) {
        let stem = name.split('.').next().unwrap_or(name);
        if !UNITS
            .iter()
            .any(|unit| stem.strip_suffix(unit).is_some_and(|front| front.is_empty() || front.ends_with('_')))
        {
            let message = format!("{name:?} does not say its unit: the part before the phase must end with one");
            self.found
                .push(Diagnostic::error("E0609", message).at(place).help(format!("units are {}", UNITS.join(", "))));
        }
    }

    fn range(&mut self, name: &str, range: [f64; 2], place: Span) {
        if range[0] >= range[1] {
            self.say("E0606", format!("the range of {name} goes from {} to {}", range[0], range[1]), place, None);
        }
    }

    fn point(&mut self, name: &str, own: &language::Point, place: Span) -> Option<Point> {
        self.name(name, place);
        own.range.into_iter().for_each(|range| self.range(name, range, place));
        let source = self.source(&own.register(), own.positive, place, false)?;
        let (range, optional, emulated) = (own.range, own.optional, own.emulated);
        Some(Point { name: name.to_owned(), source, range, optional, emulated })
    }

    fn set_point(&mut self, name: &str, own: &language::SetPoint, place: Span) -> Option<SetPoint> {
        self.name(name, place);
        self.range(name, own.range, place);
        if !(own.range[0]..=own.range[1]).contains(&own.safe) {
            let message = format!("the safe state of {name} is {}, which is not within its range", own.safe);
            self.say("E0608", message, place, None);
        }
        let mut source = self.source(&own.register(), own.positive, place, true)?;
        own.range.into_iter().for_each(|end| self.fits(&source, end, place));
        self.read_back(own, &mut source, name, place);
        if let Some((_, first)) = self.set.iter().find(|(other, _)| same_place(other, &source)).cloned() {
            let message = format!("{name} is set in the same place as another set-point");
            self.found.push(Diagnostic::error("E0605", message).at(place).related(first, "which is set here"));
        }
        self.set.push((source.clone(), place));
        let (range, safe, read_back, confirmed_by) = (own.range, own.safe, own.read_back, own.confirmed_by.clone());
        Some(SetPoint { name: name.to_owned(), source, range, safe, read_back, confirmed_by })
    }

    /// Fixed writes; `at` has the place of each.
    fn writes(&mut self, all: &[language::Write], at: impl Fn(usize) -> Span) -> Vec<Write> {
        let write = |(own, place): (&language::Write, Span)| {
            let Some(value) = own.value else { return self.bare(own, place) };
            let source = self.source(&own.register(), Positive::Injected, place, true)?;
            self.fits(&source, value, place);
            Some(Write { source, value, optional: own.optional })
        };
        all.iter().zip((0..).map(at)).filter_map(write).collect()
    }

    fn reversion(&mut self, at: impl Fn(usize) -> Span) -> Vec<Write> {
        let head = self.head;
        let timer = |(own, place): (&language::Reversion, Span)| {
            if !(own.seconds > 0.0 && own.seconds <= 3600.0) {
                self.say("E0606", "a reversion timer must be from 0 to 3600 s".into(), place, None);
            }
            let source = self.source(&own.register(), Positive::Injected, place, true)?;
            self.fits(&source, own.seconds, place);
            Some(Write { source, value: own.seconds, optional: false })
        };
        head.reversion.iter().zip((0..).map(at)).filter_map(timer).collect()
    }

    fn identity(&mut self, own: &language::Identity, place: Span) -> Option<Identity> {
        let is = match (own.is, &own.text) {
            (Some(number), None) => Expected::Number(number),
            (None, Some(text)) => Expected::Text(text.clone()),
            _ => {
                self.say("E0602", "an identity has either `is`, a number, or `text`".into(), place, None);
                return None;
            }
        };
        let source = self.located(&own.register(), 1.0, place, false, matches!(is, Expected::Text(_)))?;
        Some(Identity { source, is })
    }

    fn source(&mut self, register: &Register, positive: Positive, place: Span, written: bool) -> Option<Source> {
        let sign = if positive == Positive::Consumed { -1.0 } else { 1.0 };
        self.located(register, sign, place, written, false)
    }

    /// Where a value is; `text` where it may be one.
    fn located(&mut self, register: &Register, sign: f64, place: Span, written: bool, text: bool) -> Option<Source> {
        let (scale, offset) = (register.scale.unwrap_or(1.0), register.offset.unwrap_or(0.0));
        if scale == 0.0 || !scale.is_finite() || scale.abs() > 1e12 || scale.abs() < 1e-12 {
            self.say("E0606", "a scale must be from 1e-12 to 1e12 in size".into(), place, None);
            return None;
        }
        let (scale, offset) = (scale * sign, offset * sign);
        let (kind, places) = places(register);
        if places != 1 {
            let message = format!("a value is in one place, and {places} are given");
            let help = "give one of holding, input, coil, discrete, sunspec, can, phasor, pmu, scpi";
            self.found.push(Diagnostic::error("E0602", message).at(place).help(help));
            return None;
        }
        if kind != self.protocol {
            self.say("E0602", "this place is not one of the protocol that the device speaks".into(), place, None);
            return None;
        }
        if register.part.is_some() && (kind != Protocol::Scpi || written) {
            self.say("E0602", "`part` is for the answers of SCPI".into(), place, None);
            return None;
        }
        match kind {
            Protocol::Modbus => self.modbus(register, scale, offset, place, (written, text)),
            Protocol::Can => {
                let Some((message, signal)) = register.can.as_deref().and_then(|own| own.split_once('.')) else {
                    self.say("E0602", "a signal is given with its message, as in STATUS.V_DC".into(), place, None);
                    return None;
                };
                Some(Source::Can { message: message.to_owned(), signal: signal.to_owned(), scale, offset })
            }
            Protocol::C37118 if written => {
                self.say("E0607", "nothing can be written to a PMU".into(), place, None);
                None
            }
            Protocol::C37118 => register.pmu.map(Source::Pmu).or_else(|| register.phasor.clone().map(Source::Phasor)),
            Protocol::Scpi => self.scpi(register, scale, offset, place, written),
        }
    }

    fn scpi(&mut self, own: &Register, scale: f64, offset: f64, place: Span, written: bool) -> Option<Source> {
        let text = own.scpi.as_deref()?;
        let made =
            if written { scpi::told(text, false, scale, offset) } else { scpi::asked(text, own.part, scale, offset) };
        made.map(Source::Scpi).map_err(|wrong| self.say("E0602", wrong, place, None)).ok()
    }

    /// A write without a value: a command of SCPI that has none.
    fn bare(&mut self, own: &language::Write, place: Span) -> Option<Write> {
        let (register, optional) = (own.register(), own.optional);
        let made = match (&register.scpi, places(&register)) {
            (Some(text), (Protocol::Scpi, 1)) if self.protocol == Protocol::Scpi => {
                scpi::told(text, true, 1.0, 0.0).map(Source::Scpi)
            }
            _ => Err("a write needs `value`; only a command of SCPI may have none".into()),
        };
        let source = made.map_err(|wrong| self.say("E0602", wrong, place, None)).ok()?;
        Some(Write { source, value: 0.0, optional })
    }

    /// How a set-point of SCPI is read back.
    fn read_back(&mut self, own: &language::SetPoint, source: &mut Source, name: &str, place: Span) {
        let Source::Scpi(at) = source else {
            if own.read_back_scpi.is_some() || own.within.is_some() {
                self.say("E0602", format!("read_back_scpi and within of {name} are for SCPI"), place, None);
            }
            return;
        };
        at.within = own.within.unwrap_or(0.0);
        if !(0.0..1e12).contains(&at.within) {
            self.say("E0606", format!("within of {name} must be a positive number"), place, None);
        }
        match &own.read_back_scpi {
            Some(text) => {
                let wrong = scpi::wrong_question(text);
                at.question = Some(text.clone());
                wrong.into_iter().for_each(|wrong| self.say("E0602", wrong, place, None));
            }
            None if own.read_back && at.question.is_none() => {
                let message = format!("how {name} is read back cannot be told from its command");
                let help = "give read_back_scpi, the question, or read_back: false";
                self.found.push(Diagnostic::error("E0602", message).at(place).help(help));
            }
            None => {}
        }
    }

    #[cfg(not(feature = "hil"))]
    fn fits(&mut self, _: &Source, _: f64, _: Span) {}

    #[cfg(not(feature = "hil"))]
    fn modbus(&mut self, _: &Register, _: f64, _: f64, place: Span, _: (bool, bool)) -> Option<Source> {
        self.say("E0601", "this build has no Modbus".into(), place, None);
        None
    }
}

/// Whether two set-points would write over each other.
fn same_place(one: &Source, other: &Source) -> bool {
    match (one, other) {
        #[cfg(feature = "hil")]
        (Source::Modbus(one), Source::Modbus(other)) => one.place == other.place,
        (Source::Can { message, signal, .. }, Source::Can { message: other, signal: own, .. }) => {
            (message, signal) == (other, own)
        }
        (Source::Scpi(one), Source::Scpi(other)) => one.text == other.text,
        _ => false,
    }
}

/// Which protocol a place belongs to, and how many places are given.
fn places(register: &Register) -> (Protocol, usize) {
    let given = [
        (register.holding.is_some(), Protocol::Modbus),
        (register.input.is_some(), Protocol::Modbus),
        (register.coil.is_some(), Protocol::Modbus),
        (register.discrete.is_some(), Protocol::Modbus),
        (!register.sunspec.is_empty(), Protocol::Modbus),
        (register.can.is_some(), Protocol::Can),
        (register.phasor.is_some(), Protocol::C37118),
        (register.pmu.is_some(), Protocol::C37118),
        (register.scpi.is_some(), Protocol::Scpi),
    ];
    let first = given.iter().find(|(given, _)| *given).map_or(Protocol::Modbus, |(_, protocol)| *protocol);
    (first, given.iter().filter(|(given, _)| *given).count())
}

#[cfg(feature = "hil")]
impl Checker<'_> {
    fn modbus(
        &mut self,
        register: &Register,
        scale: f64,
        offset: f64,
        place: Span,
        (written, text): (bool, bool),
    ) -> Option<Source> {
        let own = if register.sunspec.is_empty() {
            let (table, address) = self.address(register, place, written)?;
            let coding = self.coding(register, table, text, place)?;
            let block = Block { table, address, count: coding.words() };
            let head = self.head.modbus.as_ref()?;
            let order = Order { words: register.words.unwrap_or(head.words), bytes: head.bytes };
            self.take(block, coding, order, place);
            (Place::Fixed(table, address), coding)
        } else {
            self.sunspec(&register.sunspec, place, written)?
        };
        let head = self.head.modbus.as_ref()?;
        let order = Order { words: register.words.unwrap_or(head.words), bytes: head.bytes };
        let exponent = match register.exponent {
            Some(own) => {
                let register = Register { holding: own.holding, input: own.input, ..Register::default() };
                let (table, address) = self.address(&register, place, false)?;
                Some(Block { table, address, count: 1 })
            }
            None => None,
        };
        let absent = register.absent.clone();
        Some(Source::Modbus(Value { place: own.0, coding: own.1, order, scale, offset, exponent, absent }))
    }

    fn address(&mut self, register: &Register, place: Span, written: bool) -> Option<(Table, u16)> {
        let tables = [
            (Table::Holding, register.holding),
            (Table::Input, register.input),
            (Table::Coil, register.coil),
            (Table::Discrete, register.discrete),
        ];
        let (table, address) =
            tables.into_iter().find_map(|(table, address)| address.map(|address| (table, address)))?;
        if written && !table.writable() {
            self.say("E0607", format!("{} registers cannot be written", table.name()), place, None);
            return None;
        }
        let first = self.head.modbus.as_ref().map_or(0, |own| own.first_register);
        let from_zero = address.checked_sub(first);
        if from_zero.is_none() {
            self.say("E0606", format!("register {address} is before the first, {first}"), place, None);
        }
        from_zero.map(|address| (table, address))
    }

    fn coding(&mut self, register: &Register, table: Table, text: bool, place: Span) -> Option<Coding> {
        let name = match (&register.coding, table.bits()) {
            (Some(name), false) => name,
            (None, true) => return Some(Coding::Bit),
            (None, false) => {
                let finding = Diagnostic::error("E0603", "a register needs `as`, how it is coded").at(place);
                self.found.push(finding.help(format!("codings are {}", Coding::NAMES)));
                return None;
            }
            (Some(_), true) => {
                self.say("E0603", "a bit has no `as`: it is 0 or 1".into(), place, None);
                return None;
            }
        };
        let coding = Coding::named(name).filter(|own| *own != Coding::Bit && matches!(own, Coding::Text(_)) == text);
        if coding.is_none() {
            let finding = Diagnostic::error("E0603", format!("{name:?} is no coding that can stand here")).at(place);
            self.found.push(finding.help(format!("codings are {}", Coding::NAMES)));
        }
        coding
    }

    fn sunspec(&mut self, names: &[String], place: Span, written: bool) -> Option<(Place, Coding)> {
        let mut points = Vec::new();
        for name in names {
            let Some(point) = sunspec::point(name) else {
                let known: Vec<String> =
                    sunspec::points().iter().map(|own| format!("{}.{}", own.model, own.name)).collect();
                let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
                self.say("E0604", format!("there is no SunSpec point {name:?}"), place, near.as_deref());
                return None;
            };
            if written && !point.writable {
                self.say("E0607", format!("{name} cannot be written"), place, None);
                return None;
            }
            points.push(point);
        }
        let coding = points.first().map(|own| own.coding)?;
        Some((Place::Sunspec(points), coding))
    }

    /// A register has one meaning: two values either take the same registers in the same way, or none in common.
    fn take(&mut self, block: Block, coding: Coding, order: Order, place: Span) {
        let end = |own: Block| u32::from(own.address) + u32::from(own.count);
        if end(block) > 0x1_0000 {
            self.say("E0606", format!("registers from {} on go beyond 65535", block.address), place, None);
        }
        let most = self.head.modbus.as_ref().map_or(125, |own| own.most_registers);
        if block.count > most {
            let message = format!("it takes {} registers, and an answer holds {most}: it would be torn", block.count);
            self.say("E0606", message, place, None);
        }
        let meets = |own: Block| {
            own.table == block.table && u32::from(own.address) < end(block) && u32::from(block.address) < end(own)
        };
        let same = (block, coding, order);
        let clash = self.taken.iter().find(|(own, other, by, _)| meets(*own) && (*own, *other, *by) != same).copied();
        if let Some((own, .., first)) = clash {
            let (name, from, to) = (block.table.name(), block.address, end(block) - 1);
            let message =
                format!("{name} registers {from} to {to} overlap those from {} to {}", own.address, end(own) - 1);
            self.found.push(Diagnostic::error("E0605", message).at(place).related(first, "which are taken here"));
        }
        self.taken.push((block, coding, order, place));
    }

    /// What is written must be a number that its registers can hold, as far as that is known before a device is asked.
    fn fits(&mut self, source: &Source, value: f64, place: Span) {
        let Source::Modbus(own) = source else { return };
        if own.exponent.is_none() && matches!(own.place, Place::Fixed(..)) {
            let raw = (value - own.offset) / own.scale;
            if let Err(error) = own.coding.encode(raw, own.order, false) {
                let message = format!("{value} cannot be written there: scaled, {error}");
                self.say("E0606", message, place, None);
            }
        }
    }
}
