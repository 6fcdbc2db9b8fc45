//! Why a tick was not done when the next was due.
//!
//! A thread's processor time tells its own work from what the machine took: a tick whose processor time alone is longer than
//! a step is too much work for any machine of this speed; one whose processor time would have fitted, and whose waiting for a
//! program of the user's own did not make the difference, was held up by the machine. Limit: page faults and interrupts
//! count as the thread's own processor time on some systems.

/// How a tick went, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Went {
    /// From when it was due until it began.
    pub(super) late: u64,
    /// Whether it began late because the tick before it ended late.
    pub(super) carried: bool,
    /// From its beginning to its end.
    pub(super) took: u64,
    /// Of that, waiting for programs.
    pub(super) exchange: u64,
    /// Processor time of the loop's thread; `None` where nothing tells.
    pub(super) cpu: Option<u64>,
}

/// Why a tick was late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its own work is longer than a step.
    Work,
    /// A program of the user's own took the time.
    Exchange,
    /// It fits a step, but began late: the tick before it ended late.
    Carried,
    /// The machine woke it late, or did something else meanwhile.
    Machine,
}

impl Went {
    /// Why it was not done within a period after it was due; `None` when it was.
    pub(super) fn cause(self, period: u64) -> Option<Cause> {
        if self.late.saturating_add(self.took) <= period {
            return None;
        }
        let own = self.took.saturating_sub(self.exchange);
        let work = self.cpu.map_or(own, |cpu| cpu.min(own));
        Some(match self {
            _ if work > period => Cause::Work,
            _ if self.carried && self.took <= period => Cause::Carried,
            _ if self.took > period && own <= period => Cause::Exchange,
            _ => Cause::Machine,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FITS: Went = Went { late: 100, carried: false, took: 800, exchange: 0, cpu: Some(700) };

    #[test]
    fn what_is_done_in_time_has_no_cause() {
        assert_eq!(FITS.cause(1000), None);
        assert_eq!(Went { late: 200, ..FITS }.cause(1000), None);
        assert_eq!(Went { late: 201, ..FITS }.cause(1000), Some(Cause::Machine));
    }

    #[test]
    fn processor_time_tells_work_from_what_the_machine_took() {
        let slow = Went { took: 5000, ..FITS };
        assert_eq!(Went { cpu: Some(4900), ..slow }.cause(1000), Some(Cause::Work));
        assert_eq!(Went { cpu: Some(700), ..slow }.cause(1000), Some(Cause::Machine));
        assert_eq!(Went { cpu: None, ..slow }.cause(1000), Some(Cause::Work));
    }

    #[test]
    fn waiting_for_a_program_is_neither() {
        let slow = Went { took: 1500, exchange: 800, ..FITS };
        assert_eq!(slow.cause(1000), Some(Cause::Exchange));
        assert_eq!(Went { took: 4000, exchange: 800, ..slow }.cause(1000), Some(Cause::Machine));
    }

    #[test]
    fn a_tick_that_pays_for_the_one_before_it_is_told_apart() {
        let after = Went { late: 3000, carried: true, ..FITS };
        assert_eq!(after.cause(1000), Some(Cause::Carried));
        assert_eq!(Went { late: 3000, carried: false, ..FITS }.cause(1000), Some(Cause::Machine));
    }
}
