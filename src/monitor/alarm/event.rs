//! Alarm events: what changed, why, and from which inputs.

use std::fmt;

/// An alarm's code in the monitoring manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Voltage THD too high.
    ThdHighVolt,
    /// Too many packets lost.
    PktLossNet,
    /// Voltages or currents not balanced.
    PhaseImbal,
    /// The clock is off.
    SyncErr,
    /// Registers and IEC 61850 objects do not fit.
    EHarm61850,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::ThdHighVolt, Self::PktLossNet, Self::PhaseImbal, Self::SyncErr, Self::EHarm61850];

    /// The code as the manual writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThdHighVolt => "THD-HIGH-VOLT",
            Self::PktLossNet => "PKT-LOSS-NET",
            Self::PhaseImbal => "PHASE-IMBAL",
            Self::SyncErr => "SYNC-ERR",
            Self::EHarm61850 => "E-HARM-61850",
        }
    }
}

/// How bad an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// To be looked at.
    Warning,
    /// To be acted on.
    Major,
    /// Measurements or equipment are at stake.
    Critical,
}

impl Severity {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

/// What is wrong between registers and IEC 61850 objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingFault {
    /// A value is a power of ten off what it can be.
    BadScale,
    /// Another unit answered.
    WrongUnitId,
    /// An exception code instead of registers.
    ExceptionCode,
    /// Fewer or more registers than asked for.
    LengthMismatch,
    /// A register that stands for no number.
    NotANumber,
}

impl MappingFault {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::BadScale, Self::WrongUnitId, Self::ExceptionCode, Self::LengthMismatch, Self::NotANumber];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadScale => "bad scale",
            Self::WrongUnitId => "wrong unit id",
            Self::ExceptionCode => "exception code",
            Self::LengthMismatch => "length mismatch",
            Self::NotANumber => "not a number",
        }
    }
}

/// What an alarm's value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Voltage THD over 15 windows, percent.
    Thd,
    /// Share of packets that are lost, percent.
    SequenceGaps {
        /// Lost in the window of time.
        lost: u64,
        /// Sent in it, as far as known.
        expected: u64,
    },
    /// u2 over 10 minutes, percent.
    VoltageUnbalance,
    /// i2 over 10 minutes, percent.
    CurrentUnbalance,
    /// Offset of the clock, s.
    ClockOffset,
    /// Drift of the clock, ppm.
    ClockDrift {
        /// Over which time, in s.
        over_s: f64,
    },
    /// A mapping that does not fit: 1 while it does not.
    Mapping(MappingFault),
    /// A trip point was replaced.
    TripPoint {
        /// By what it was raised before.
        from: f64,
    },
}

/// How an alarm changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was raised.
    Raised,
    /// It was cleared.
    Cleared,
    /// Its trip point was replaced.
    Replaced,
}

/// A change of an alarm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlarmEvent {
    /// Counts events from 1.
    pub sequence: u64,
    /// When, in s since sampling began.
    pub time_s: f64,
    /// Which alarm.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What changed.
    pub change: Change,
    /// The value that decided it, in the reason's unit.
    pub value: f64,
    /// The point that it was held against.
    pub limit: f64,
    /// The channel, in the instrument's order.
    pub channel: Option<usize>,
    /// The largest order.
    pub order: Option<usize>,
    /// What the value is.
    pub reason: Reason,
}

impl fmt::Display for AlarmEvent {
    /// A line of a log: `THD-HIGH-VOLT major raised at 12.000 s: voltage THD 8.30 %, limit 8 %, channel 0, order 5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match self.change {
            Change::Raised => "raised",
            Change::Cleared => "cleared",
            Change::Replaced => "trip point replaced",
        };
        write!(f, "{} {} {change} at {:.3} s: ", self.code.name(), self.severity.name(), self.time_s)?;
        let (value, limit) = (self.value, self.limit);
        match self.reason {
            Reason::Thd => write!(f, "voltage THD {value:.2} %, limit {limit} %")?,
            Reason::SequenceGaps { lost, expected } => {
                write!(f, "{lost} of {expected} packets lost ({value:.2} %), limit {limit} %")?;
            }
            Reason::VoltageUnbalance => write!(f, "voltage unbalance u2 {value:.2} %, limit {limit} %")?,
            Reason::CurrentUnbalance => write!(f, "current unbalance i2 {value:.2} %, limit {limit} %")?,
            Reason::ClockOffset => write!(f, "clock off by {:.1} ms, limit {:.1} ms", 1e3 * value, 1e3 * limit)?,
            Reason::ClockDrift { over_s } => {
                write!(f, "clock drifts by {value:.1} ppm over {over_s:.0} s, limit {limit} ppm")?;
            }
            Reason::Mapping(fault) => write!(f, "mapping: {}", fault.name())?,
            Reason::TripPoint { from } => write!(f, "from {from} to {limit}")?,
        }
        if let Some(channel) = self.channel {
            write!(f, ", channel {channel}")?;
        }
        self.order.map_or(Ok(()), |order| write!(f, ", order {order}"))
    }
}
