//! The driver while it has a bus.

use std::time::Duration;

use tokio::time::sleep;

use super::POLL;
use super::outgoing::{Mode, Outgoing};
use super::plan::Plan;
use super::watch::{Health, Watch};
use crate::link::can::bus::{Bus, BusError, Received};
use crate::link::can::frame::{ERROR_BUS_OFF, Kind};
use crate::link::port::{Directive, DriverEnd, LinkState};

/// A device that is silent for so long: perhaps it is the connection.
const SILENT_US: u64 = 2_000_000;

/// How the driver left a bus.
#[derive(Debug)]
pub(super) enum Left {
    /// The loop ended.
    End {
        /// The device was left in its safe state, or had never been written to.
        safe: bool,
    },
    /// The device is silent.
    Silent,
    /// The bus failed.
    Lost {
        error: BusError,
        /// The device was heard on it.
        heard: bool,
    },
}

/// What outlives a bus.
#[derive(Debug)]
pub(super) struct Session {
    plan: Plan,
    outgoing: Outgoing,
    watch: Watch,
    was_up: bool,
    set_points: Vec<f64>,
    values: Vec<f64>,
}

impl Session {
    pub(super) fn new(plan: Plan) -> Self {
        let (outgoing, watch) = (Outgoing::new(&plan), Watch::new(&plan));
        let (set_points, values) = (vec![f64::NAN; plan.set_points()], vec![f64::NAN; plan.points()]);
        Self { plan, outgoing, watch, was_up: false, set_points, values }
    }

    pub(super) const fn was_up(&self) -> bool {
        self.was_up
    }

    pub(super) const fn has_written(&self) -> bool {
        self.outgoing.has_written
    }

    /// Drives the device until something ends that.
    pub(super) async fn drive(&mut self, bus: &mut Bus, port: &mut DriverEnd, clock: &impl Fn() -> u64) -> Left {
        let began_us = clock();
        self.outgoing.restart(began_us);
        self.watch.restart(began_us);
        loop {
            let directive = port.directive();
            if directive == Directive::End {
                return Left::End { safe: self.leave_safe(bus).await.is_ok() };
            }
            let now_us = clock();
            if let Err(error) = self.send(bus, port, directive, now_us).await {
                return Left::Lost { error, heard: self.watch.heard_since(began_us) };
            }
            self.tell(port, now_us);
            if self.is_silent(began_us, now_us) {
                return Left::Silent;
            }
            let wait = self.wait(directive, clock());
            let received = tokio::select! {
                biased;
                received = bus.recv() => Some(received),
                () = sleep(wait) => None,
            };
            match received {
                None => {}
                Some(Ok(received)) => {
                    let before = self.watch.damaged();
                    let failed = self.hear(directive, &received, clock());
                    port.count_errors(self.watch.damaged().saturating_sub(before));
                    if let Some(error) = failed {
                        return Left::Lost { error, heard: self.watch.heard_since(began_us) };
                    }
                }
                Some(Err(error)) => return Left::Lost { error, heard: self.watch.heard_since(began_us) },
            }
        }
    }

    fn is_silent(&self, began_us: u64, now_us: u64) -> bool {
        let since = now_us.saturating_sub(SILENT_US);
        let silent = matches!(self.watch.health(&self.plan, now_us), Health::Silent(_));
        silent && since >= began_us && !self.watch.heard_since(since)
    }

    fn wait(&self, directive: Directive, now_us: u64) -> Duration {
        let due_us = match directive {
            Directive::Operate | Directive::Safe => self.outgoing.next_us(),
            _ => u64::MAX,
        };
        Duration::from_micros(due_us.saturating_sub(now_us)).min(POLL)
    }

    async fn send(
        &mut self,
        bus: &mut Bus,
        port: &mut DriverEnd,
        directive: Directive,
        now_us: u64,
    ) -> Result<(), BusError> {
        let mode = match directive {
            Directive::Operate => Mode::Operate,
            Directive::Safe => Mode::Safe,
            Directive::Watch | Directive::End => return Ok(()),
        };
        match (mode, port.commands(&mut self.set_points)) {
            (Mode::Operate, Some(_)) => self.outgoing.set(&self.set_points),
            (Mode::Operate, None) => {}
            (Mode::Safe, _) => self.outgoing.make_safe(&self.plan),
        }
        while let Some(at) = self.outgoing.due(&self.plan, now_us) {
            let (frame, refused) = self.outgoing.frame(&self.plan, at, mode);
            if refused.is_some() {
                port.report(port.state(), refused);
            }
            if let Some(frame) = frame {
                self.outgoing.has_written = true;
                bus.send(&frame).await?;
            }
        }
        Ok(())
    }

    /// Sends the safe state once, if anything was ever sent.
    pub(super) async fn leave_safe(&mut self, bus: &mut Bus) -> Result<(), BusError> {
        if self.outgoing.has_written {
            self.outgoing.make_safe(&self.plan);
            for at in 0..self.plan.sends.len() {
                if let (Some(frame), _) = self.outgoing.frame(&self.plan, at, Mode::Safe) {
                    bus.send(&frame).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes a frame; an error where it says that the controller is off the bus.
    fn hear(&mut self, directive: Directive, received: &Received, now_us: u64) -> Option<BusError> {
        let frame = &received.frame;
        if let Kind::Error { class } = frame.kind() {
            self.watch.note_error();
            return (class & ERROR_BUS_OFF != 0).then_some(BusError::Down);
        }
        let age_us = u64::try_from(received.age.as_micros()).unwrap_or(0);
        let at_us = now_us.saturating_sub(age_us);
        let heard = self.watch.hear(&self.plan, frame, at_us);
        // While nothing is sent, another controller may be at work.
        if !heard && matches!(directive, Directive::Operate | Directive::Safe) {
            self.outgoing.collides(&self.plan, frame.id(), now_us);
        }
        None
    }

    /// Publishes what there is, and how the link fares.
    fn tell(&mut self, port: &DriverEnd, now_us: u64) {
        if let Some((origin_us, received_us)) = self.watch.sample(&self.plan, now_us, &mut self.values) {
            port.publish(origin_us, received_us, &self.values);
        }
        let (plan, outgoing) = (&self.plan, &self.outgoing);
        let told = |place| outgoing.physical(plan, place);
        port.confirm(outgoing.has_written && self.watch.confirms(plan, now_us, told));
        let collision = outgoing.collision(plan, now_us).map(|name| format!("somebody else sends `{name}`"));
        let (state, trouble) = match (collision, self.watch.health(plan, now_us)) {
            (Some(collision), _) => (LinkState::Wrong, Some(collision)),
            (None, Health::Wrong(why)) => (LinkState::Wrong, Some(why)),
            (None, Health::Silent(why)) if self.was_up => (LinkState::Down, Some(why)),
            (None, Health::Silent(why)) => (LinkState::Connecting, Some(why)),
            (None, Health::Good) => (LinkState::Up, None),
            // What was up is so until it is missed; after a loss, only when all is there again.
            (None, Health::Waiting) => (port.state(), None),
        };
        self.was_up |= state == LinkState::Up;
        if port.state() != state {
            port.report(state, trouble);
        }
    }
}
