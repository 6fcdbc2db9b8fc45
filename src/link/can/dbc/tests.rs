//! What is refused, and that nothing breaks the reader; vectors are in `vectors.rs`.

use proptest::prelude::*;

use super::*;

const HEAD: &str = "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: A\n\n";

fn read(body: &str) -> Result<Database, Vec<DbcFinding>> {
    Database::read(&format!("{HEAD}{body}"))
}

fn signal(name: &str, place: &str) -> String {
    format!(" SG_ {name} : {place} (1,0) [0|0] \"\" A\n")
}

#[test]
fn a_database_is_read() {
    let body = "BO_ 2566849538 Status: 8 A\n SG_ V : 0|16@1+ (0.1,0) [0|1000] \"V\" A\n SG_ I : 23|16@0- (0.1,0) [-100|100] \
                \"A\" A\n SG_ State : 32|4@1+ (1,0) [0|0] \"\" A\n\nBO_ 100 Turn: 8 A\n SG_ S M : 0|8@1+ (1,0) [0|0] \"\" A\n SG_ a m0 : \
                8|8@1+ (1,0) [0|0] \"\" A\n SG_ b m1 : 8|32@1- (1,0) [0|0] \"\" A\n\nBA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 \
                10000;\nBA_DEF_DEF_ \"GenMsgCycleTime\" 0;\nBA_ \"GenMsgCycleTime\" BO_ 100 50;\nVAL_ 2566849538 State 1 \"run\" 0 \
                \"off\" ;\nSIG_VALTYPE_ 100 b : 1;\nSG_MUL_VAL_ 100 a S 0-0, 2-3;\n";
    let database = read(body).unwrap();
    assert_eq!(database.messages().len(), 2);
    let turn = database.message(CanId::standard(100).unwrap()).unwrap();
    assert_eq!((turn.cycle_us, turn.switch(), turn.turns()), (Some(50_000), Some(0), 2));
    let mut payload = [0; 8];
    turn.encode(0, 1.0, &mut payload).unwrap();
    turn.encode(2, -2.5, &mut payload).unwrap();
    assert_eq!((turn.decode(2, &payload), turn.decode(1, &payload)), (Some(-2.5), None));
    payload[0] = 3;
    assert!(turn.decode(1, &payload).is_some(), "by its range");
    let status = database.named("Status").unwrap();
    assert_eq!((status.id.number(), status.cycle_us), (0x18FF_0402, None));
    assert_eq!(status.signals[2].values, [(0, "off".into()), (1, "run".into())]);
    assert_eq!(status.signals[1].limits, Some((-100.0, 100.0)));
    assert_eq!(status.decode(1, &[0; 7]), None, "too short");
}

#[test]
fn what_cannot_be_sent_says_what_can() {
    let database =
        read("BO_ 1 M: 8 A\n SG_ V : 0|16@1- (0.1,0) [-500|500] \"V\" A\n SG_ N : 16|8@1+ (0.5,10) [0|0] \"\" A\n")
            .unwrap();
    let message = database.named("M").unwrap();
    let mut payload = [0; 8];
    message.encode(0, -499.96, &mut payload).unwrap();
    assert_eq!(message.decode(0, &payload), Some(-500.0), "rounded");
    let before = payload;
    let error = message.encode(0, 600.0, &mut payload).unwrap_err();
    assert_eq!(error, EncodeError::OutOfRange { signal: "V".into(), value: 600.0, nearest: 500.0 });
    let error = message.encode(1, 9.0, &mut payload).unwrap_err();
    assert_eq!(error, EncodeError::OutOfRange { signal: "N".into(), value: 9.0, nearest: 10.0 });
    assert!(matches!(message.encode(0, f64::NAN, &mut payload), Err(EncodeError::NotFinite { .. })));
    assert!(matches!(message.encode(5, 0.0, &mut payload), Err(EncodeError::NoSignal { .. })));
    assert!(matches!(message.encode(0, 0.0, &mut [0; 2]), Err(EncodeError::TooShort { .. })));
    assert_eq!(message.signals[0].nearest(f64::NAN), (0, false), "no end of the scale");
    assert_eq!(message.signals[0].nearest(f64::INFINITY), (5000, false));
    assert_eq!(payload, before, "nothing of it was written");
    assert!(message.encode(1, 137.5, &mut payload).is_ok(), "the highest");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let mut body = String::from("BO_ 1 One: 8 A\n");
    body += &signal("a", "0|8@1+");
    body += &signal("b", "15|16@0+");
    body += &signal("c", "8|4@1+");
    body += &signal("c", "32|4@1+");
    body += &signal("late", "60|8@1+");
    body += &signal("none", "40|0@1+");
    body += &signal("long", "0|65@1+");
    body += " SG_ flat : 48|4@1+ (0,0) [0|0] \"\" A\n SG_ odd : 52|4@1+ (1,0) [5|3] \"\" A\n SG_ lost m3 : 56|2@1+ (1,0) [0|0] \"\" A\n";
    body += "\nBO_ 1 Two: 8 A\n\nBO_ 2 Two: 65 A\n\nBO_ 3000 Wide: 8 A\n\nBO_ 7 Two: 8 A\n\nBO_ 65541 Cut: 8 A\n\nBO_ 8 Deep: 8 A\n";
    body += " SG_ s M : 0|4@1+ (1,0) [0|0] \"\" A\n SG_ t M : 4|4@1+ (1,0) [0|0] \"\" A\n SG_ u m1M : 8|4@1+ (1,0) [0|0] \"\" A\n";
    body += " SG_ v m1 : 11|4@1+ (1,0) [0|0] \"\" A\n SG_ w m2 : 8|4@1+ (1,0) [0|0] \"\" A\n\nSIG_VALTYPE_ 1 a : 1;\nSIG_VALTYPE_ 1 gone : 1;\n";
    let found = read(&body).unwrap_err();
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    for part in [
        "`b` and `c` overlap",
        "signal `c` is there twice",
        "`late` does not fit into 8",
        "`none` has 0 bits",
        "`long` has 65 bits",
        "`flat` has factor 0",
        "`odd` has limits from 5 to 3",
        "`lost`: it is multiplexed",
        "`One` and `Two` have the same identifier 0x001",
        "`Two` has 65 bytes",
        "`Wide`: 3000",
        "`Two` is there twice",
        "`Cut`: 65541",
        "`t`: there is a second",
        "`u`: multiplexers of more",
        "`u` and `v` overlap",
        "`a` is a float of 8 bits",
        "names signal `gone`",
    ] {
        assert_eq!(said.iter().filter(|one| one.contains(part)).count(), 1, "{part}: {said:#?}");
    }
    assert_eq!(said.len(), 18, "and nothing else: {said:#?}");
}

#[test]
fn a_device_has_an_address() {
    let database = Database::read(include_str!("../../../../hil/can/charger_module.dbc")).unwrap();
    let other = database.addressed(7).unwrap();
    let id = |database: &Database| database.named("Status").unwrap().id.number();
    assert_eq!((id(&database), id(&other)), (0x18E1_0101, 0x18E1_0107));
    assert!(other.message(CanId::extended(0x18E1_0107).unwrap()).is_some());
    let two = read("BO_ 2147483905 A: 8 A\n\nBO_ 2147483906 B: 8 A\n\nBO_ 5 C: 8 A\n").unwrap();
    assert_eq!(two.addressed(7), None);
}

#[test]
fn what_is_no_dbc_is_refused() {
    assert!(matches!(read("SG_ nonsense\n").unwrap_err()[..], [DbcFinding::Syntax(_)]));
    let long = "\n".repeat(LONGEST_TEXT);
    assert!(matches!(read(&long).unwrap_err()[..], [DbcFinding::TooMuch { .. }]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,300}") {
        let _ = Database::read(&text);
    }

    #[test]
    fn no_change_of_a_database_breaks_it(changes in proptest::collection::vec((0_usize..3000, any::<u8>()), 1..8)) {
        let mut text = include_str!("../../../../hil/can/charger_module.dbc").as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at % text.len();
            text[at] = byte;
        }
        if let Ok(database) = Database::read(&String::from_utf8_lossy(&text)) {
            for message in database.messages() {
                let mut payload = vec![0xA5; message.length];
                for (at, signal) in message.signals.iter().enumerate() {
                    if let Some(value) = message.decode(at, &payload) {
                        let _ = message.encode(at, value, &mut payload);
                    }
                    prop_assert!(signal.bytes() <= message.length);
                }
            }
        }
    }

    #[test]
    fn a_value_survives_its_bits(
        start in 0_u16..64, length in 1_u8..=52, big: bool, number in 0..2, factor in 0.001_f64..10.0, down: bool,
        offset in -1000.0_f64..1000.0, bits: u64,
    ) {
        let own = Signal {
            name: "s".into(),
            start_bit: start,
            length,
            order: if big { ByteOrder::Big } else { ByteOrder::Little },
            number: if number == 0 { Number::Unsigned } else { Number::Signed },
            factor: if down { -factor } else { factor },
            offset,
            limits: None,
            unit: String::new(),
            presence: Presence::Always,
            values: Vec::new(),
        };
        // Exact as long as the offset does not swallow the last bits.
        prop_assume!(length <= 30 || offset == 0.0);
        let raw = bits & super::bits::mask(length);
        prop_assert_eq!(own.encode(own.physical(raw)), Ok(raw));
        let float = Signal { number: Number::F64, length: 64, factor: 1.0, offset: 0.0, ..own };
        let value = f64::from_bits(bits);
        prop_assert_eq!(float.encode(value).is_ok(), value.is_finite());
        if value.is_finite() {
            prop_assert_eq!(float.physical(float.encode(value).unwrap()), value);
        }
    }

    #[test]
    fn whatever_is_asked_for_the_nearest_is_within_bits_and_limits(value: f64, low in -2000.0_f64..0.0, high in 0.0_f64..2000.0) {
        let database = read("BO_ 1 M: 8 A\n SG_ V : 0|12@1- (0.5,3) [0|0] \"V\" A\n").unwrap();
        let mut signal = database.messages()[0].signals[0].clone();
        signal.limits = Some((low, high));
        let (raw, held) = signal.nearest(value);
        let nearest = signal.physical(raw);
        prop_assert!(nearest >= low - 0.25 && nearest <= high + 0.25);
        if held {
            prop_assert!((nearest - value).abs() <= 0.25);
        }
    }
}
