//! The STAT word: what a PMU says of its own values.
//!
//! Limits: the word of 2005 has its data validity and PMU error where 2011 has a two-bit code, and zeros where 2011 has the
//! clock's error; both are read the same way, and any code but 0 means that the values are not to be used. Source: IEEE
//! C37.118.2-2011, table 7 and its notes.

/// The word, as it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat(pub u16);

/// What the values are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// They are good.
    Good,
    /// The PMU has an error; nothing is known of the data.
    Error,
    /// The PMU is in test mode, or stands in for data that is absent: not to be used.
    Test,
    /// The PMU has an error: not to be used.
    ErrorUnusable,
}

/// For how long the clock has not been locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unlocked {
    /// Locked, or unlocked for less than 10 s.
    #[default]
    Under10s,
    /// 10 s to 100 s.
    Under100s,
    /// 100 s to 1000 s.
    Under1000s,
    /// 1000 s or more.
    Longer,
}

/// What a trigger was pulled by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "their names say it")]
pub enum TriggerReason {
    Manual,
    MagnitudeLow,
    MagnitudeHigh,
    PhaseAngleDifference,
    Frequency,
    Rocof,
    Reserved,
    Digital,
    /// 8 to 15.
    User(u8),
}

impl Stat {
    const UNSYNCHRONISED: u16 = 1 << 13;
    const CONFIG_CHANGE: u16 = 1 << 10;

    /// What the values are worth (bits 15 and 14).
    pub const fn validity(self) -> Validity {
        match self.0 >> 14 {
            0 => Validity::Good,
            1 => Validity::Error,
            2 => Validity::Test,
            _ => Validity::ErrorUnusable,
        }
    }

    /// Whether the clock follows a source of UTC (bit 13 is 0).
    pub const fn synchronised(self) -> bool {
        self.0 & Self::UNSYNCHRONISED == 0
    }

    /// Whether a PDC sorted by arrival and not by time (bit 12).
    pub const fn sorted_by_arrival(self) -> bool {
        self.0 & 1 << 12 != 0
    }

    /// Whether a trigger was pulled (bit 11).
    pub const fn triggered(self) -> bool {
        self.0 & 1 << 11 != 0
    }

    /// Whether the configuration is about to change (2011) or has changed (2005) (bit 10).
    pub const fn config_change(self) -> bool {
        self.0 & Self::CONFIG_CHANGE != 0
    }

    /// Whether someone has worked on the data since (bit 9).
    pub const fn modified(self) -> bool {
        self.0 & 1 << 9 != 0
    }

    /// The most that the time stamp is off in s; `None` where the PMU does not say (bits 8 to 6).
    pub fn time_error_s(self) -> Option<f64> {
        match self.0 >> 6 & 7 {
            0 => None,
            7 => Some(f64::INFINITY),
            code => Some(10.0_f64.powi(i32::from(code) - 8)),
        }
    }

    /// For how long the clock has not been locked (bits 5 and 4).
    pub const fn unlocked(self) -> Unlocked {
        match self.0 >> 4 & 3 {
            0 => Unlocked::Under10s,
            1 => Unlocked::Under100s,
            2 => Unlocked::Under1000s,
            _ => Unlocked::Longer,
        }
    }

    /// What the trigger was pulled by (bits 3 to 0).
    pub const fn trigger_reason(self) -> TriggerReason {
        match self.0 & 15 {
            0 => TriggerReason::Manual,
            1 => TriggerReason::MagnitudeLow,
            2 => TriggerReason::MagnitudeHigh,
            3 => TriggerReason::PhaseAngleDifference,
            4 => TriggerReason::Frequency,
            5 => TriggerReason::Rocof,
            6 => TriggerReason::Reserved,
            7 => TriggerReason::Digital,
            #[allow(clippy::cast_possible_truncation, reason = "four bits")]
            user => TriggerReason::User(user as u8),
        }
    }

    /// The same without a source of time for so long.
    #[must_use]
    pub const fn unsynchronised(self, unlocked: Unlocked) -> Self {
        Self(self.0 & !(3 << 4) | Self::UNSYNCHRONISED | (unlocked as u16) << 4)
    }

    /// The same with word of a change of configuration.
    #[must_use]
    pub const fn with_config_change(self) -> Self {
        Self(self.0 | Self::CONFIG_CHANGE)
    }

    /// The same with a PMU's error: values that are not to be used.
    #[must_use]
    pub const fn with_error(self) -> Self {
        Self(self.0 | 3 << 14)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_is_read_where_it_stands() {
        // 10 test, 1 no sync, 1 by arrival, 1 trigger, 1 change, 1 modified, 110 < 10 ms, 01 < 100 s, 0101 ROCOF.
        let stat = Stat(0b1011_1111_1001_0101);
        assert_eq!((stat.validity(), stat.synchronised(), stat.sorted_by_arrival()), (Validity::Test, false, true));
        assert_eq!((stat.triggered(), stat.config_change(), stat.modified()), (true, true, true));
        assert_eq!((stat.unlocked(), stat.trigger_reason()), (Unlocked::Under100s, TriggerReason::Rocof));
        assert!((stat.time_error_s().unwrap() - 0.01).abs() < 1e-12);
        assert_eq!(Stat(0).time_error_s(), None);
        assert_eq!(Stat(7 << 6).time_error_s(), Some(f64::INFINITY));
        assert_eq!((Stat(0xC000).validity(), Stat(0x4000).validity()), (Validity::ErrorUnusable, Validity::Error));
        assert_eq!(Stat(0x000E).trigger_reason(), TriggerReason::User(14));
        assert_eq!(Stat(0).unsynchronised(Unlocked::Longer), Stat(0x2030));
        assert_eq!((Stat(0).with_config_change(), Stat(0).with_error()), (Stat(0x0400), Stat(0xC000)));
        assert!(Unlocked::Under10s < Unlocked::Longer);
    }
}
