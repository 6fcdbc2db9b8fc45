//! Profiles and their statistics; the reference vectors are in `tests/monitor_events.rs`.

use super::tables::*;
use super::*;
use crate::monitor::aggregate::{Aggregate, Interval};
use crate::monitor::{ChannelRole, Settings};

fn instrument() -> Settings {
    Settings::new(12_800.0, 50.0, vec![ChannelRole::voltage(1), ChannelRole::voltage(2), ChannelRole::current(1)])
}

fn aggregate(interval: Interval, start_s: f64, length_s: f64, thd: [f64; 2]) -> Aggregate {
    let mut aggregate = Aggregate::room(3);
    (aggregate.interval, aggregate.start_s, aggregate.end_s) = (interval, start_s, start_s + length_s);
    for (channel, thd) in aggregate.channels.iter_mut().zip(thd.into_iter().chain([0.0])) {
        channel.subgroup_rms.fill(0.0);
        channel.subgroup_rms[1] = 100.0;
        channel.subgroup_rms[5] = thd;
        channel.rms = 100.0f64.hypot(thd);
        (channel.thd_subgroup_percent, channel.thd40_subgroup_percent) = (thd, thd);
    }
    aggregate
}

#[test]
fn classes_begin_and_end_where_they_should() {
    let voltage = [1.0, 1000.0, 1000.1, 69e3, 69_001.0, 161e3, 161_001.0].map(|v| ieee519_voltage(v).1);
    assert_eq!(voltage, [8.0, 8.0, 5.0, 5.0, 2.5, 2.5, 1.5]);
    let tdd = [1.0, 19.999, 20.0, 50.0, 100.0, 999.9, 1000.0, 1e9].map(|r| ieee519_current(r, Edition::Y2022).1);
    assert_eq!(tdd, [5.0, 5.0, 8.0, 12.0, 15.0, 15.0, 20.0, 20.0]);
    let (limits, _) = ieee519_current(10.0, Edition::Y2022);
    assert_eq!(
        [2, 6, 8, 10, 11, 16, 17, 22, 23, 34, 35, 50].map(|h| limits[h]),
        [2.0, 2.0, 4.0, 4.0, 2.0, 2.0, 1.5, 1.5, 0.6, 0.6, 0.3, 0.3]
    );
    let (old, _) = ieee519_current(10.0, Edition::Y2014);
    assert_eq!([2, 8, 12].map(|h| old[h]), [1.0, 1.0, 0.5]);
    assert!(limits[0].is_nan() && limits[1].is_nan());
    let (der, _) = ieee1547();
    assert_eq!([2, 4, 6, 8, 9, 34, 35, 49].map(|h| der[h]), [1.0, 2.0, 3.0, 4.0, 4.0, 0.6, 0.3, 0.3]);
    assert!(der[50].is_nan());
    let lv = en50160();
    assert_eq!([2, 3, 4, 5, 6, 24, 25].map(|h| lv[h]), [2.0, 5.0, 1.0, 6.0, 0.5, 0.5, 1.5]);
    assert!(lv[26].is_nan() && lv[27].is_nan());
    let a = iec61000_3_2();
    assert!((a[39] - 0.15 * 15.0 / 39.0).abs() < 1e-15 && (a[40] - 0.046).abs() < 1e-15 && a[41].is_nan());
}

#[test]
fn short_circuit_ratios_between_rows_are_interpolated() {
    // Halfway from 33 to 66: I5 (10.7 + 14)/2, THC (13 + 16)/2.
    let (limits, thc, pwhc) = iec61000_3_12(49.5, true).unwrap();
    assert!((limits[5] - 12.35).abs() < 1e-12 && (thc - 14.5).abs() < 1e-12 && (pwhc - 23.5).abs() < 1e-12);
    assert!(limits[3].is_nan() && (limits[8] - 2.0).abs() < 1e-12);
    let (most, thc, _) = iec61000_3_12(5000.0, false).unwrap();
    assert_eq!((most[3], most[13], thc), (41.0, 8.0, 47.0));
    assert_eq!(iec61000_3_12(32.9, true), Err(LimitError::ShortCircuitRatio(32.9)));
}

#[test]
fn a_short_recording_is_judged_by_its_largest_values_and_says_so() {
    let mut compliance = Compliance::new(&instrument(), LimitSettings::new(Profile::Ieee519, 400.0)).unwrap();
    compliance.add(&aggregate(Interval::Short, 0.0, 3.0, [4.0, 5.5]));
    compliance.add(&aggregate(Interval::Short, 3.0, 3.0, [4.0, 4.5]));
    compliance.add(&aggregate(Interval::TenMinutes, 0.0, 600.0, [9.0, 9.0]));
    let judgement = compliance.judgement();
    let [thd, orders] = &judgement.verdicts[..] else { panic!("{judgement:?}") };
    assert_eq!((thd.value, thd.limit, thd.passed, thd.channel), (5.5, 8.0, true, Some(1)));
    assert_eq!(thd.name, "IEEE 519 voltage THD, largest 3 s value (recording shorter than a day), u2");
    assert_eq!((orders.value, orders.limit, orders.passed), (5.5, 5.0, false));
    assert_eq!((orders.channel, orders.order, &orders.failing[..]), (Some(1), Some(5), &[(1, 5)][..]));
    assert!(orders.name.ends_with("u2, order 5") && !judgement.passed());
}

#[test]
fn days_and_weeks_are_judged_by_percentiles_with_multipliers() {
    let mut compliance = Compliance::new(&instrument(), LimitSettings::new(Profile::Ieee519, 20e3)).unwrap();
    // Two days; on the second, 2 % of the 3 s values are at 7.6 % THD.
    for k in 0..2 * 28_800 {
        let thd = if k >= 28_800 && k % 50 == 0 { 7.6 } else { 2.0 };
        compliance.add(&aggregate(Interval::Short, 3.0 * f64::from(k), 3.0, [thd, 1.0]));
    }
    for k in 0..288 {
        compliance.add(&aggregate(Interval::TenMinutes, 600.0 * f64::from(k), 600.0, [4.9, 1.0]));
    }
    let judgement = compliance.judgement();
    let of = |start: &str| judgement.verdicts.iter().filter(|v| v.name.starts_with(start)).collect::<Vec<_>>();
    let thd = of("IEEE 519 voltage THD");
    assert_eq!((thd[0].value, thd[0].limit, thd[0].passed), (7.6, 7.5, false));
    assert_eq!(thd[0].name, "IEEE 519 voltage THD, 99 % of 3 s values over the worst day, u1");
    assert_eq!((thd[1].value, thd[1].limit, thd[1].passed), (4.9, 5.0, true));
    assert_eq!(thd[1].name, "IEEE 519 voltage THD, 95 % of 10 min values over 2.0 days, u1");
    // Individual: 3 % · 1.5 for a day, 3 % for the week.
    let orders = of("IEEE 519 voltage harmonics");
    assert_eq!(orders.iter().map(|v| (v.limit, v.passed)).collect::<Vec<_>>(), [(4.5, false), (3.0, false)]);
}

#[test]
fn flagged_intervals_are_left_out_unless_asked_for() {
    for with_flagged in [false, true] {
        let settings = LimitSettings { with_flagged, ..LimitSettings::new(Profile::Seed, 400.0) };
        let mut compliance = Compliance::new(&instrument(), settings).unwrap();
        let mut flagged = aggregate(Interval::Short, 0.0, 3.0, [50.0, 1.0]);
        flagged.flagged = true;
        compliance.add(&flagged);
        compliance.add(&aggregate(Interval::Short, 3.0, 3.0, [5.0, 1.0]));
        let judgement = compliance.judgement();
        assert_eq!(judgement.passed(), !with_flagged, "{judgement:?}: 5.0 % is at the limit, and passes");
    }
}

#[test]
fn currents_are_judged_against_what_they_relate_to() {
    let mut current = aggregate(Interval::Short, 0.0, 3.0, [1.0, 1.0]);
    let own = &mut current.channels[2];
    // 3 A of order 5 and 1 A between orders beside 100 A.
    own.subgroup_rms[5] = 3.0;
    own.rms = (1e4f64 + 9.0 + 1.0).sqrt();
    let verdicts = |settings: LimitSettings| {
        let mut compliance = Compliance::new(&instrument(), settings).unwrap();
        compliance.add(&current);
        compliance.judgement().verdicts
    };
    let base = LimitSettings::new(Profile::Ieee519, 400.0);
    let found = verdicts(LimitSettings { isc_over_il: Some(15.0), il_a: Some(50.0), ..base });
    let tdd = found.iter().find(|v| v.name.starts_with("IEEE 519 TDD")).unwrap();
    // 3 A of 50 A is 6 %, above the 5 % of the first row; order 5 is above its 4 %.
    assert!((tdd.value - 6.0).abs() < 1e-12 && tdd.limit == 5.0 && !tdd.passed);
    let found = verdicts(LimitSettings { profile: Profile::Ieee1547, rated_a: Some(100.0), ..base });
    assert!((found[0].value - 10f64.sqrt()).abs() < 1e-6, "TRD has what is between orders: {found:?}");
    assert!(found.iter().all(|verdict| verdict.passed));
    let found = verdicts(LimitSettings { profile: Profile::Iec61000_3_2, ..base });
    assert_eq!(
        found.iter().map(|v| (v.limit, v.order, v.passed)).collect::<Vec<_>>(),
        [(1.14, Some(5), false), (1.14 * 1.5, Some(5), false)]
    );
    let equipment = LimitSettings { rated_a: Some(32.0), isc_over_il: Some(33.0), ..base };
    let found = verdicts(LimitSettings { profile: Profile::Iec61000_3_12, ..equipment });
    assert_eq!(found.len(), 6);
    assert!((found[0].value - 9.375).abs() < 1e-12 && found[0].limit == 10.7 && found[0].passed, "{:?}", found[0]);
}

#[test]
fn en50160_takes_frequency_flicker_and_unbalance() {
    let settings = LimitSettings { declared_v: Some(90.0), ..LimitSettings::new(Profile::En50160, 400.0) };
    let mut compliance = Compliance::new(&instrument(), settings).unwrap();
    compliance.add_frequency(0.0, 50.6);
    compliance.add_plt(1, 0.0, 0.9);
    compliance.add_plt(0, 0.0, f64::NAN);
    compliance.add(&aggregate(Interval::TenMinutes, 0.0, 600.0, [1.0, 2.0]));
    let judgement = compliance.judgement();
    let of = |name: &str| judgement.verdicts.iter().find(|v| v.name.contains(name)).unwrap();
    assert!((of("frequency").value - 1.2).abs() < 1e-9 && !of("frequency").passed);
    assert_eq!((of("Plt").value, of("Plt").channel), (0.9, Some(1)));
    // 100.02 V of 90 V.
    assert!((of("deviation, largest 10 min").value - 11.133).abs() < 1e-2 && of("THD").passed);
    assert_eq!(judgement.unjudged, ["EN 50160 unbalance u2: nothing was measured"]);
}

#[test]
fn settings_out_of_range_are_typed_errors() {
    let new = |settings| Compliance::new(&instrument(), settings).map(|_| ());
    let base = LimitSettings::new(Profile::Ieee519, 400.0);
    for v in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(new(LimitSettings { line_to_line_v: v, ..base }), Err(LimitError::NotPositive { .. })));
        assert!(matches!(new(LimitSettings { isc_over_il: Some(v), ..base }), Err(LimitError::NotPositive { .. })));
    }
    assert!(matches!(new(LimitSettings { isc_over_il: Some(15.0), ..base }), Err(LimitError::Missing { .. })));
    assert!(matches!(new(LimitSettings { il_a: Some(15.0), ..base }), Err(LimitError::Missing { .. })));
    let high = LimitSettings { line_to_line_v: 110e3, isc_over_il: Some(20.0), il_a: Some(100.0), ..base };
    assert_eq!(new(high), Err(LimitError::CurrentClass(110e3)));
    for profile in [Profile::Ieee1547, Profile::Iec61000_3_12] {
        assert!(matches!(new(LimitSettings { profile, ..base }), Err(LimitError::Missing { .. })));
    }
    assert!(Profile::ALL.into_iter().all(|profile| Profile::from_name(profile.name()) == Some(profile)));
    assert_eq!(Profile::from_name("ieee 519"), None);
}
