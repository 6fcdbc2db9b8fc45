//! A controller that is not there: it reads a device again and again, and commands it by a script.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::link::order::Order;
use crate::link::port::{Directive, LoopEnd};

/// Commands a device, whose driver has the other end, until it is dropped. Times of the script are in s from `epoch` on.
#[allow(clippy::cast_possible_truncation, reason = "µs of a run")]
pub async fn command(end: LoopEnd, script: Vec<(f64, Order)>, set_points: usize, period_s: f64, epoch: Instant) {
    let mut values = vec![f64::NAN; set_points];
    let mut script = script.into_iter().peekable();
    let period = Duration::from_secs_f64(period_s.max(1e-3));
    let mut next = epoch + period;
    loop {
        sleep_until(next).await;
        next += period;
        let now = epoch.elapsed();
        end.beat(now.as_micros() as u64);
        while let Some((_, order)) = script.next_if(|(at_s, _)| *at_s <= now.as_secs_f64()) {
            match order {
                Order::Set(place, value) => {
                    values.get_mut(place).into_iter().for_each(|slot| *slot = value);
                    end.direct(Directive::Operate);
                }
                Order::Release => {
                    values.fill(f64::NAN);
                    end.direct(Directive::Safe);
                }
            }
            end.command(&values);
        }
    }
}
