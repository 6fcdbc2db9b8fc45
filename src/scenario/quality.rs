//! Quantities of harmonics: names of what devices emit and analysers measure.
//!
//! | name | what |
//! |---|---|
//! | `BUS.N.thd_percent` | harmonics of a node's voltage, as they are |
//! | `BUS.N.hK_v`, `.hK_percent` | of order K |
//! | `line.NAME.hK_a`, `line.NAME.N.hK_a` and those of other elements | harmonic current into the first terminal |
//! | `DEVICE.hK_a` | harmonic current that a device injects, the largest of its phases |
//! | `DEVICE.soc_percent`, `.switching_hz`, `.compensation_percent` | of inverters: charge, switching, how much of what is asked there is headroom for |
//! | `ANALYSER.frequency_hz`, `.windows`, `.valid`, `.flagged`, `.synchronised` | its newest window |
//! | `ANALYSER.u1.rms_v`, `.i1.rms_a`, `.u1.thd_percent`, `.u1.thd_subgroup_percent`, `.u1.hK_v`, `.i1.hK_a`, `.i1.tdd_percent`, `.i1.trd_percent`, `.u1.k_factor` | of a channel, subgroups |
//! | `ANALYSER.u2_percent`, `.u0_percent` | unbalance |
//! | `ANALYSER.dips`, `.swells`, `.interruptions`, `.rapid_changes` | events so far |
//! | `ANALYSER.pst` | flicker of its newest interval, of any phase |
//! | `ANALYSER.alarms` | alarms that stand now |
//! | `MITIGATION.rung`, `.taken`, `.rolled_back`, `.released`, `.probing`, `.frozen`, `.alarm` | where the ladder is (1 to 8: carrier, other carrier, interleave, compensate, damp, curtail, disconnect, alarm) |
//! | `ANALYSER.decision`, `.fleet_share`, `.fleet_share_sd` | who causes the distortion: 1 the fleet, −1 the grid, −2 and below nobody knows |

use crate::monitor::{ChannelRole, MOST_ORDER};

use super::equipment::Analyser;

/// What of a device's emission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emitted {
    /// Harmonic current of an order in A, the largest of its phases.
    Current(u32),
    /// State of charge in percent.
    Charge,
    /// Switching frequency in Hz.
    SwitchingFrequency,
    /// How much of what is asked of compensation there is headroom for, in percent.
    Compensation,
}

/// What of an analyser. Channels are counted as [`Analyser::roles`] has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Analysed {
    /// Frequency of the newest window in Hz.
    Frequency,
    /// Windows so far.
    Windows,
    /// Whether the newest window is valid.
    Valid,
    /// Whether it is flagged.
    Flagged,
    /// Whether it is synchronised.
    Synchronised,
    /// RMS of a channel.
    Rms(usize),
    /// THD of a channel by single bins, in percent.
    Thd(usize),
    /// THD of a channel by subgroups, in percent.
    ThdSubgroup(usize),
    /// RMS of a subgroup of a channel.
    Order(usize, usize),
    /// TDD of a current in percent.
    Tdd(usize),
    /// TRD of a current in percent.
    Trd(usize),
    /// K-factor of a current.
    KFactor(usize),
    /// Negative over positive sequence in percent.
    U2,
    /// Zero over positive sequence in percent.
    U0,
    /// Events of a kind so far: dips, swells, interruptions, rapid changes.
    Events(usize),
    /// Flicker of the newest interval.
    Pst,
    /// Alarms that stand.
    Alarms,
    /// Code of the newest decision.
    Decision,
    /// The fleet's share of the distortion.
    Share,
    /// Its standard deviation.
    ShareSd,
}

/// What of a mitigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mitigated {
    /// The highest rung in force, from 1; 0 without any.
    Rung,
    /// Rungs taken so far.
    Taken,
    /// Rungs taken back for want of effect so far.
    RolledBack,
    /// Rungs taken back because they were no longer needed so far.
    Released,
    /// Whether the fleet probes.
    Probing,
    /// Whether it stands still because of bad windows.
    Frozen,
    /// Whether it asks for a filter.
    Alarm,
}

impl Mitigated {
    /// The name of each.
    pub const NAMES: [(&str, Self); 7] = [
        ("rung", Self::Rung),
        ("taken", Self::Taken),
        ("rolled_back", Self::RolledBack),
        ("released", Self::Released),
        ("probing", Self::Probing),
        ("frozen", Self::Frozen),
        ("alarm", Self::Alarm),
    ];
}

/// Kinds of events, in the order of [`Analysed::Events`].
pub const EVENTS: [&str; 4] = ["dips", "swells", "interruptions", "rapid_changes"];

/// The order in `h5`, with the rest of the name.
pub(super) fn order<'n>(name: &'n str, units: &[&str]) -> Option<(usize, &'n str)> {
    let (number, unit) = name.strip_prefix('h')?.split_once('_')?;
    let order = number.parse().ok().filter(|order| (2..=MOST_ORDER).contains(order))?;
    (units.contains(&unit) && !number.starts_with('0')).then_some((order, unit))
}

impl Emitted {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        match name {
            "soc_percent" => Some(Self::Charge),
            "switching_hz" => Some(Self::SwitchingFrequency),
            "compensation_percent" => Some(Self::Compensation),
            _ => order(name, &["a"]).and_then(|(order, _)| u32::try_from(order).ok()).map(Self::Current),
        }
    }
}

impl Analysed {
    /// What a name says of an analyser.
    pub(super) fn of_name(name: &str, analyser: &Analyser) -> Option<Self> {
        let attributes = analyser.setting.attribution.is_some();
        let three = analyser.nodes.len() == 3;
        match name {
            "frequency_hz" => Some(Self::Frequency),
            "windows" => Some(Self::Windows),
            "valid" => Some(Self::Valid),
            "flagged" => Some(Self::Flagged),
            "synchronised" => Some(Self::Synchronised),
            "pst" => Some(Self::Pst),
            "alarms" => Some(Self::Alarms),
            "u2_percent" if three => Some(Self::U2),
            "u0_percent" if three => Some(Self::U0),
            "decision" if attributes => Some(Self::Decision),
            "fleet_share" if attributes => Some(Self::Share),
            "fleet_share_sd" if attributes => Some(Self::ShareSd),
            _ => EVENTS.iter().position(|event| *event == name).map(Self::Events).or_else(|| {
                let (channel, rest) = name.split_once('.')?;
                let role = ChannelRole::from_name(channel).filter(|role| role.name() == channel)?;
                let place = analyser.roles().iter().position(|own| *own == role)?;
                Self::of_channel(place, role.is_current(), rest)
            }),
        }
    }

    fn of_channel(channel: usize, current: bool, name: &str) -> Option<Self> {
        let unit = if current { "a" } else { "v" };
        match name {
            "rms_v" if !current => Some(Self::Rms(channel)),
            "rms_a" if current => Some(Self::Rms(channel)),
            "thd_percent" => Some(Self::Thd(channel)),
            "thd_subgroup_percent" => Some(Self::ThdSubgroup(channel)),
            "tdd_percent" if current => Some(Self::Tdd(channel)),
            "trd_percent" if current => Some(Self::Trd(channel)),
            "k_factor" if current => Some(Self::KFactor(channel)),
            _ => order(name, &[unit]).map(|(order, _)| Self::Order(channel, order)),
        }
    }

    /// Names of all but single orders.
    pub(super) fn names(analyser: &Analyser) -> Vec<String> {
        let mut names: Vec<String> = ["frequency_hz", "windows", "valid", "flagged", "synchronised", "pst", "alarms"]
            .into_iter()
            .chain(EVENTS)
            .map(str::to_owned)
            .collect();
        if analyser.nodes.len() == 3 {
            names.extend(["u2_percent", "u0_percent"].map(str::to_owned));
        }
        if analyser.setting.attribution.is_some() {
            names.extend(["decision", "fleet_share", "fleet_share_sd"].map(str::to_owned));
        }
        for role in analyser.roles() {
            let own: &[&str] = if role.is_current() {
                &["rms_a", "thd_percent", "thd_subgroup_percent", "tdd_percent", "trd_percent", "k_factor"]
            } else {
                &["rms_v", "thd_percent", "thd_subgroup_percent"]
            };
            names.extend(own.iter().map(|what| format!("{}.{what}", role.name())));
        }
        names
    }
}
