//! Sender against receiver, both against what can go wrong, and against frames of Python's `can-isotp`.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

fn ids() -> (CanId, CanId) {
    (CanId::standard(0x7E0).unwrap(), CanId::standard(0x7E8).unwrap())
}

fn pair(block: u8, separation: u8) -> (Sender, Receiver) {
    let (there, back) = ids();
    (Sender::new(there, back), Receiver::new(there, back, block, separation, LONGEST))
}

/// Sends a message through: what came, all frames with their times, when it was done.
fn transfer(sender: &mut Sender, receiver: &mut Receiver, message: &[u8]) -> (Option<Vec<u8>>, Vec<(u64, CanFrame)>) {
    sender.start(message).unwrap();
    let (mut now_us, mut frames, mut got) = (0, Vec::new(), None);
    while sender.is_busy() {
        now_us = now_us.max(sender.next_us().unwrap());
        let Some(frame) = sender.poll(now_us).unwrap() else { continue };
        frames.push((now_us, frame));
        let heard = receiver.hear(now_us, &frame).unwrap();
        got = heard.message.or(got);
        if let Some(answer) = heard.answer {
            frames.push((now_us, answer));
            sender.hear(now_us, &answer).unwrap();
        }
    }
    (got, frames)
}

#[test]
fn separation_is_kept_and_blocks_are_asked_for() {
    let (mut sender, mut receiver) = pair(4, 5);
    let message: Vec<u8> = (0..100).collect();
    let (got, frames) = transfer(&mut sender, &mut receiver, &message);
    assert_eq!(got, Some(message));
    let flow = frames.iter().filter(|(_, frame)| frame.bytes()[0] >> 4 == 3).count();
    let consecutive: Vec<u64> =
        frames.iter().filter(|(_, frame)| frame.bytes()[0] >> 4 == 2).map(|one| one.0).collect();
    // 94 bytes in 14 frames: three full blocks, and two.
    assert_eq!((flow, consecutive.len()), (4, 14));
    assert!(consecutive.windows(2).enumerate().all(|(k, pair)| pair[1] - pair[0] == if k % 4 == 3 { 0 } else { 5000 }));
    assert_eq!([0, 0x7F, 0x80, 0xF1, 0xF9, 0xFA].map(separation_us), [0, 127_000, 127_000, 100, 900, 127_000]);
}

#[test]
fn a_sender_that_is_not_answered_gives_up() {
    let (mut sender, _) = pair(0, 0);
    let (there, back) = ids();
    assert_eq!(sender.start(&[]), Err(IsoTpError::Length(0)));
    assert_eq!(sender.start(&[0; 4096]), Err(IsoTpError::Length(4096)));
    sender.start(&[0; 20]).unwrap();
    assert_eq!(sender.start(&[1]), Err(IsoTpError::Busy));
    assert!(sender.poll(5).unwrap().is_some());
    assert_eq!(sender.poll(5 + N_BS_US - 1), Ok(None));
    assert_eq!(sender.poll(5 + N_BS_US), Err(IsoTpError::NoFlowControl));
    let flow = |status: u8| CanFrame::data(back, &[0x30 | status, 0, 0]).unwrap();
    for (status, error) in [(2, IsoTpError::Overflow), (7, IsoTpError::Status(7))] {
        sender.start(&[0; 20]).unwrap();
        sender.poll(0).unwrap();
        sender.hear(1, &CanFrame::data(there, &[0x32, 0, 0]).unwrap()).unwrap();
        assert_eq!(sender.hear(1, &flow(status)), Err(error));
    }
    sender.start(&[0; 20]).unwrap();
    sender.poll(0).unwrap();
    for k in 0..u64::from(MOST_WAITS) {
        sender.hear(k * 900_000, &flow(1)).unwrap();
        assert_eq!(sender.poll(k * 900_000 + 899_999), Ok(None), "waiting is extended");
    }
    assert_eq!(sender.hear(9_000_000, &flow(1)), Err(IsoTpError::TooManyWaits));
}

#[test]
fn a_receiver_notices_what_is_lost() {
    let (there, back) = ids();
    let frame = |bytes: &[u8]| CanFrame::data(there, bytes).unwrap();
    let first = frame(&[0x10, 20, 1, 2, 3, 4, 5, 6]);
    let (_, mut receiver) = pair(0, 0);
    assert!(receiver.hear(0, &first).unwrap().answer.is_some());
    assert_eq!(receiver.poll(N_CR_US), Err(IsoTpError::NoConsecutive));
    receiver.hear(0, &first).unwrap();
    assert_eq!(receiver.hear(1, &frame(&[0x22, 0, 0, 0, 0, 0, 0, 0])), Err(IsoTpError::Sequence { wanted: 1, got: 2 }));
    assert_eq!(receiver.hear(1, &frame(&[0x21, 0, 0, 0, 0, 0, 0, 0])), Ok(Default::default()), "nothing is on its way");
    receiver.hear(0, &first).unwrap();
    assert_eq!(receiver.hear(1, &first), Err(IsoTpError::Interrupted));
    assert_eq!(receiver.answer().map(|frame| frame.bytes()[0]), Some(0x30));
    assert_eq!(receiver.hear(2, &frame(&[0x21, 7, 8, 9])).unwrap(), Default::default(), "cut short");
    receiver.hear(2, &frame(&[0x21, 7, 8, 9, 10, 11, 12, 13])).unwrap();
    let done = receiver.hear(2, &frame(&[0x22, 14, 15, 16, 17, 18, 19, 20])).unwrap();
    assert_eq!(done.message, Some((1..=20).collect()));
    let mut small = Receiver::new(there, back, 0, 0, 10);
    assert_eq!(small.hear(0, &first).unwrap().answer.map(|frame| frame.bytes()[0]), Some(0x32));
    assert_eq!(small.next_us(), None);
    for odd in
        [&[0x00][..], &[0x08, 1, 2, 3, 4, 5, 6, 7], &[0x03, 1], &[0x10, 7, 1, 2, 3, 4, 5, 6], &[0x10, 20, 1], &[]]
    {
        assert_eq!(small.hear(0, &frame(odd)), Ok(Default::default()), "{odd:?}");
    }
}

#[derive(Deserialize)]
struct Frozen {
    message: String,
    block: u8,
    separation: u8,
    sent: Vec<String>,
    answers: Vec<String>,
}

#[test]
fn frames_are_those_of_can_isotp() {
    let frozen: Vec<Frozen> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(frozen.len() > 10);
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len() / 2).map(|k| u8::from_str_radix(&hex[2 * k..2 * k + 2], 16).unwrap()).collect()
    };
    for one in frozen {
        let (mut sender, mut receiver) = pair(one.block, one.separation);
        let (got, frames) = transfer(&mut sender, &mut receiver, &bytes(&one.message));
        assert_eq!(got, Some(bytes(&one.message)));
        let of = |id| {
            frames
                .iter()
                .filter(|(_, frame)| frame.id() == id)
                .map(|(_, frame)| frame.bytes().to_vec())
                .collect::<Vec<_>>()
        };
        let wanted = |all: &[String]| all.iter().map(|hex| bytes(hex)).collect::<Vec<_>>();
        assert_eq!(of(ids().0), wanted(&one.sent));
        assert_eq!(of(ids().1), wanted(&one.answers));
    }
}

proptest! {
    #[test]
    fn any_message_gets_through(message in proptest::collection::vec(any::<u8>(), 1..=LONGEST), block: u8, separation: u8) {
        let (mut sender, mut receiver) = pair(block, separation);
        prop_assert_eq!(transfer(&mut sender, &mut receiver, &message).0, Some(message));
    }

    #[test]
    fn no_frames_break_either_side(frames in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..=8)), 0..60)) {
        let (mut sender, mut receiver) = pair(3, 0);
        let _ = sender.start(&[5; 300]);
        for (now_us, (which, bytes)) in (0..).step_by(100_000).zip(frames) {
            let id = if which { ids().0 } else { ids().1 };
            let frame = CanFrame::data(id, &bytes).unwrap();
            let _ = sender.poll(now_us);
            let _ = sender.hear(now_us, &frame);
            let _ = receiver.poll(now_us);
            if let Ok(Heard { message: Some(message), .. }) = receiver.hear(now_us, &frame) {
                prop_assert!(message.len() <= LONGEST);
            }
        }
    }
}
