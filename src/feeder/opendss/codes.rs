//! The codes of everything this reader can find; `docs/diagnostics.md` lists them.
//!
//! `E01xx`/`W01xx` are about the script's language, `E022x`–`E023x`/`W022x` about what it means.

/// A file cannot be read.
pub const FILE: &str = "E0101";
/// A file is read again while it is being read.
pub const CYCLE: &str = "E0102";
/// More files, bytes, elements or array entries than this reader accepts.
pub const LIMIT: &str = "E0103";
/// No such command.
pub const COMMAND: &str = "E0104";
/// No such class.
pub const CLASS: &str = "E0105";
/// The class has no such property.
pub const PROPERTY: &str = "E0106";
/// No such option of `set`.
pub const OPTION: &str = "E0107";
/// Text that is not UTF-8 outside of comments.
pub const ENCODING: &str = "E0108";
/// Not a finite number.
pub const NUMBER: &str = "E0109";
/// Not one of the values that the property takes.
pub const CHOICE: &str = "E0110";
/// A list or matrix of the wrong size.
pub const SIZE: &str = "E0111";
/// A name pattern this reader cannot match.
pub const PATTERN: &str = "E0112";
/// A command without the element it needs.
pub const ELEMENT: &str = "E0113";
/// A command that would change the result and is not supported.
pub const COMMAND_UNSUPPORTED: &str = "E0114";
/// An option that would change the result and is not supported.
pub const OPTION_UNSUPPORTED: &str = "E0115";
/// A circuit element that exists already.
pub const DUPLICATE: &str = "E0116";
/// No circuit, or more than one.
pub const CIRCUIT: &str = "E0117";
/// A command that only reports, ignored.
pub const COMMAND_IGNORED: &str = "W0101";
/// Text after an empty value, which OpenDSS does not read.
pub const REST_IGNORED: &str = "W0102";
/// More findings than are shown.
pub const HIDDEN: &str = "W0103";
/// Neither yes nor no; OpenDSS takes it as no.
pub const YES_NO: &str = "W0104";
/// A line that goes on with another element than it seems.
pub const AFTER_LIKE: &str = "W0106";
/// A setting of a study, which a scenario gives here.
pub const STUDY_IGNORED: &str = "W0105";

/// A reference to something that does not exist.
pub const REFERENCE: &str = "E0220";
/// A missing or malformed bus.
pub const BUS: &str = "E0221";
/// A class that would change the result and is not supported.
pub const CLASS_UNSUPPORTED: &str = "E0222";
/// A property or value that would change the result and is not supported.
pub const UNSUPPORTED: &str = "E0223";
/// A number outside its range.
pub const RANGE: &str = "E0224";
/// Phases that do not agree.
pub const PHASES: &str = "E0225";
/// Not enough data to make an element.
pub const INCOMPLETE: &str = "E0226";
/// A meter, which has no part in a power flow.
pub const METER_IGNORED: &str = "W0220";
/// A protective device: it does not act in a power flow.
pub const PROTECTION_IGNORED: &str = "W0221";
/// Bus coordinates that cannot be read.
pub const COORDINATES: &str = "W0222";
/// An element opened at one end only, taken as open at both.
pub const OPEN_END: &str = "W0223";
/// No voltage bases; ratings are taken for them.
pub const VOLTAGE_BASES: &str = "W0225";
/// Steps of a capacitor that OpenDSS all takes as the first.
pub const STEPS: &str = "W0224";
