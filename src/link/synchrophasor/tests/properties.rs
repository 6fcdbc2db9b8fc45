//! Properties of the codec and of the parser: arbitrary bytes, mutated frames, any cut of a stream.

use proptest::prelude::*;

use super::super::data;
use super::super::frame::{Body, Command, ConfigKind, Frame, FrameError, Time, TimeQuality, Version};
use super::super::parser::{MOST_HELD, Parser};
use super::{config, reading};

fn frames() -> Vec<Frame> {
    let config = config();
    let data = data::encode(&config, &vec![reading(); 4]).unwrap();
    let bodies = [
        Body::Header(b"a PMU".to_vec()),
        Body::Config(ConfigKind::Cfg1, config.clone()),
        Body::Config(ConfigKind::Cfg2, config.clone()),
        Body::Config(ConfigKind::Cfg3, super::config3_form(config)),
        Body::Data(data),
        Body::Command(Command::DataOff),
        Body::Command(Command::Send(ConfigKind::Cfg3)),
        Body::Command(Command::Extended(vec![1, 2, 3])),
        Body::Command(Command::Other(77)),
    ];
    let time = Time { soc: 1_700_000_000, fraction: 20_000, quality: TimeQuality(1) };
    bodies.into_iter().map(|body| Frame { version: Version::V2011, id: 7, time, body }).collect()
}

fn all(parser: &mut Parser) -> (Vec<Frame>, Vec<FrameError>) {
    let (mut frames, mut errors) = (Vec::new(), Vec::new());
    while let Some(next) = parser.next() {
        match next {
            Ok(frame) => frames.push(frame),
            Err(error) => errors.push(error),
        }
    }
    (frames, errors)
}

#[test]
fn every_frame_is_read_as_it_was_written() {
    for frame in frames() {
        assert_eq!(Frame::decode(&frame.encode().unwrap()), Ok(frame));
    }
}

#[test]
fn values_survive_within_their_steps() {
    let config = config();
    let read = data::decode(&config, &data::encode(&config, &vec![reading(); 4]).unwrap()).unwrap();
    for (station, own) in config.stations.iter().zip(&read) {
        let (float, sent) = (station.format.phasors_float, reading());
        let steps = |float: bool, step: f64, value: f64| if float { value.abs() * 1e-7 } else { step };
        for ((channel, got), given) in station.phasors.iter().zip(&own.phasors).zip(&sent.phasors) {
            assert!((got.magnitude - given.magnitude).abs() <= steps(float, channel.scale, given.magnitude));
            assert!((got.angle_rad - given.angle_rad).abs() <= steps(float, 1e-3, 1.0), "{got:?} {given:?}");
        }
        assert!((own.f_hz - sent.f_hz).abs() < 1e-5 && (own.rocof_hz_s - sent.rocof_hz_s).abs() < 1e-6);
        assert_eq!((&own.analogs, &own.digitals), (&sent.analogs, &sent.digitals));
    }
    assert_eq!(config.stations.iter().map(super::Station::data_size).sum::<usize>(), 18 + 20 + 30 + 32);
}

#[test]
fn frames_are_found_among_garbage_halves_and_wrong_check_words() {
    let good = frames();
    let bytes: Vec<Vec<u8>> = good.iter().map(|frame| frame.encode().unwrap()).collect();
    let mut damaged = bytes[2].clone();
    damaged[40] ^= 4;
    let half = &bytes[4][..bytes[4].len() / 2];
    let tiny = [0xAA, 0x01, 0x00, 0x03, 0, 7];
    let stream = [&[1, 2, 0xAA, 3][..], &bytes[0], half, &bytes[4], &damaged, &bytes[5], &tiny, &bytes[1]].concat();
    let mut parser = Parser::new();
    parser.push(&stream);
    let (found, errors) = all(&mut parser);
    assert_eq!(found, [0, 4, 5, 1].map(|k| good[k].clone()));
    assert!(errors.contains(&FrameError::Garbage(4)) && errors.contains(&FrameError::Size(3)), "{errors:?}");
    assert!(errors.iter().filter(|error| matches!(error, FrameError::Check { .. })).count() >= 2, "{errors:?}");
}

#[test]
fn a_frame_that_claims_to_be_huge_is_given_up() {
    let mut parser = Parser::new();
    parser.push(&[0xAA, 0x01, 0xFF, 0xFF]);
    assert_eq!(parser.next(), None);
    let good = frames()[5].encode().unwrap();
    for _ in 0..65_535 / good.len() + 1 {
        parser.push(&good);
    }
    assert!(all(&mut parser).0.len() > 3000, "found within");
    parser.push(&[0xAA, 0x01, 0xFF, 0xFF]);
    parser.clear();
    parser.push(&good);
    assert_eq!(all(&mut parser).0.len(), 1, "a new connection begins anew");
}

#[test]
fn nothing_grows_and_the_work_is_bounded() {
    let mut parser = Parser::new();
    let hostile = [0xAA, 0x01].repeat(32_000);
    let mut errors = 0;
    for _ in 0..20 {
        parser.push(&hostile);
        errors += all(&mut parser).1.len();
    }
    assert!(errors < 20 * 80, "{errors} for {} bytes", 20 * hostile.len());
    parser.clear();
    (0..4).for_each(|_| parser.push(&vec![0xAA; 65_000]));
    assert!(matches!(parser.next(), Some(Err(FrameError::Garbage(n))) if n > MOST_HELD - 65_535));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), kind in 0_u8..6) {
        let _ = Frame::decode(&bytes);
        let mut parser = Parser::new();
        parser.push(&bytes);
        all(&mut parser);
        let _ = data::decode(&config(), &bytes);
        // The same behind a valid prefix and check word, so that each body's reader sees it.
        let mut framed = vec![0xAA, kind << 4 | 2];
        framed.extend(u16::try_from(bytes.len() + 16).unwrap().to_be_bytes());
        framed.extend([0; 10]);
        framed.extend(&bytes);
        let check = super::super::wire::check_word(&framed);
        framed.extend(check.to_be_bytes());
        let decoded = Frame::decode(&framed);
        if let Ok(frame) = &decoded {
            prop_assert!(frame.encode().is_ok() || matches!(frame.body, Body::Config(..)));
        }
    }

    #[test]
    fn a_changed_bit_never_passes(which in 0_usize..9, at in any::<proptest::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = frames()[which].encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Frame::decode(&bytes).is_err());
    }

    #[test]
    fn fields_may_hold_anything(which in 1_usize..5, cut in 14_usize..400, with in any::<[u8; 4]>()) {
        // Counts and sizes changed, check word made right again.
        let mut bytes = frames()[which].encode().unwrap();
        let at = cut.min(bytes.len() - 6);
        bytes[at..at + 4].copy_from_slice(&with);
        let checked = bytes.len() - 2;
        let check = super::super::wire::check_word(&bytes[..checked]).to_be_bytes();
        bytes[checked..].copy_from_slice(&check);
        let _ = Frame::decode(&bytes);
    }

    #[test]
    fn cuts_do_not_matter(cuts in proptest::collection::vec(1_usize..97, 1..60)) {
        let good = frames();
        let stream: Vec<u8> = good.iter().flat_map(|frame| frame.encode().unwrap()).collect();
        let (mut parser, mut found, mut rest) = (Parser::new(), Vec::new(), &stream[..]);
        for cut in cuts.iter().cycle() {
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            parser.push(now);
            found.extend(all(&mut parser).0);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, good);
    }
}
