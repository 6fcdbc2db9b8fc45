//! A census of frames that are made here.

use super::*;
use crate::link::can::emulator::charger;
use proptest::prelude::*;

fn named() -> Vec<Named> {
    vec![("charger_module".into(), Arc::new(charger::database().unwrap()))]
}

fn status(census: &Census, alive: u64) -> CanFrame {
    let message = census.databases[0].1.named("Status").unwrap();
    let mut payload = [0; 8];
    message.encode(message.signal("Voltage").unwrap(), 400.0, &mut payload).unwrap();
    let counter = &message.signals[message.signal("StatusAlive").unwrap()];
    counter.put_raw(&mut payload, alive % 16);
    CanFrame::data(message.id, &payload).unwrap()
}

/// What is odd when a sender each begins at these times, with its own count, and sends each period.
fn odd(senders: &[(u64, u64)], period_us: u64) -> Vec<String> {
    let mut census = Census::new(named());
    let mut times: Vec<(u64, u64)> =
        (0..40).flat_map(|k| senders.iter().map(move |&(begin, first)| (begin + k * period_us, first + k))).collect();
    times.sort_unstable();
    for (t_us, alive) in times {
        let frame = status(&census, alive);
        census.hear(t_us, &frame);
    }
    let heard = census.heard().next().unwrap();
    census.oddities(heard).iter().map(ToString::to_string).collect()
}

#[test]
fn one_sender_is_not_odd_and_its_signals_are_read() {
    let cycle_us = charger::database().unwrap().named("Status").unwrap().cycle_us.unwrap();
    assert_eq!(odd(&[(0, 0)], cycle_us), [""; 0]);
    let mut census = Census::new(named());
    for k in 0..20 {
        let frame = status(&census, k);
        census.hear(k * cycle_us + k % 2 * 100, &frame);
    }
    let heard = census.heard().next().unwrap();
    let (name, message) = census.message(heard.id).unwrap();
    assert_eq!((name, message.name.as_str(), heard.count), ("charger_module", "Status", 20));
    assert!((heard.values[message.signal("Voltage").unwrap()].unwrap() - 400.0).abs() < 1e-9);
    #[allow(clippy::cast_precision_loss, reason = "some ms")]
    let period_us = cycle_us as f64;
    assert!((heard.period_us().unwrap() - period_us).abs() <= 100.0);
    assert!(heard.jitter_us().unwrap() <= 200.0);
    assert_eq!(census.silent().count(), 6, "the command and the module's five others");
}

#[test]
fn two_senders_are_suspected() {
    let cycle_us = charger::database().unwrap().named("Status").unwrap().cycle_us.unwrap();
    for (senders, wanted) in [
        (&[(0, 0), (cycle_us / 2, 0)][..], &["two senders, or another period", "its counter StatusAlive"][..]),
        (&[(0, 0), (cycle_us / 5, 7)][..], &["two senders, or another period", "its counter StatusAlive"][..]),
    ] {
        let odd = odd(senders, cycle_us);
        assert!(wanted.iter().all(|part| odd.iter().any(|own| own.contains(part))), "{odd:?}");
    }
    // Each at half the declared rate: gaps alone tell.
    let odd = odd(&[(0, 0), (cycle_us / 3, 0)], 2 * cycle_us);
    assert!(odd.iter().any(|own| own.contains("comes twice each")), "{odd:?}");
}

#[test]
fn lengths_counters_and_strangers_are_said() {
    let mut census = Census::new(named());
    let status = census.databases[0].1.named("Status").unwrap().id;
    for k in 0..10 {
        census.hear(k * 1000, &CanFrame::data(status, &[0; 3]).unwrap());
        census.hear(k * 1000, &CanFrame::data(CanId::standard(5).unwrap(), &[0; 8][..(k % 2 + 1) as usize]).unwrap());
        census.hear(k * 1000, &CanFrame::remote(CanId::standard(6).unwrap(), 8).unwrap());
    }
    let said: Vec<String> = census.heard().flat_map(|own| census.oddities(own)).map(|own| own.to_string()).collect();
    for part in ["has 3 bytes, and 8 are declared", "nobody declares it"] {
        assert!(said.iter().any(|own| own.contains(part)), "{part}: {said:?}");
    }
    assert_eq!((census.of(CanId::standard(6).unwrap()).unwrap().remote, census.frames), (10, 30));
    for _ in 0..2 {
        census.hear(0, &CanFrame::error(ERROR_BUS_OFF | 0x20, &[]));
    }
    assert_eq!((census.errors.count, census.errors.bus_off), (2, 2));
    assert_eq!(census.errors.words().collect::<Vec<_>>(), [("nobody acknowledged", 2), ("bus off", 2)]);
}

#[test]
fn a_bus_of_all_identifiers_does_not_grow_it() {
    let mut census = Census::new(Vec::new());
    for k in 0..10_000 {
        census.hear(u64::from(k), &CanFrame::data(CanId::extended(k).unwrap(), &[]).unwrap());
    }
    assert_eq!((census.heard().count(), census.beyond), (MOST_IDS, 10_000 - MOST_IDS as u64));
    let id = CanId::extended(1).unwrap();
    (0..10_000).for_each(|k| census.hear(k, &CanFrame::data(id, &[]).unwrap()));
    assert_eq!(census.of(id).unwrap().gaps_us.len(), MOST_GAPS);
}

#[test]
fn values_have_the_databases_names() {
    let database = charger::database().unwrap();
    let message = database.named("Status").unwrap();
    let state = message.signal("State").unwrap();
    let named = message.signals[state].values.iter().find(|own| own.0 == 2).map(|own| own.1.as_str());
    assert_eq!(value_name(message, state, 2.0), named);
    assert!(named.is_some());
    assert_eq!((value_name(message, state, 99.0), value_name(message, 99, 1.0)), (None, None));
    assert_eq!(value_name(message, state, f64::NAN), None);
}

proptest! {
    #[test]
    fn no_frames_break_it(
        frames in proptest::collection::vec(
            (0_u64..5, 0_u32..6, proptest::collection::vec(any::<u8>(), 0..=8), any::<u32>()), 0..200,
        ),
    ) {
        let mut census = Census::new(named());
        let ids: Vec<CanId> = census.databases[0].1.messages().iter().map(|own| own.id).collect();
        for (t_us, which, bytes, class) in frames {
            let frame = match ids.get(which as usize) {
                Some(id) => CanFrame::data(*id, &bytes).unwrap(),
                None => CanFrame::error(class, &bytes),
            };
            // Times may go back: the clock of arrivals is not always steady.
            census.hear(t_us, &frame);
        }
        for own in census.heard() {
            prop_assert!(census.oddities(own).iter().all(|odd| !odd.to_string().is_empty()));
            prop_assert!(own.period_us().is_none_or(f64::is_finite));
        }
    }
}
