//! Default values of optional keys, and the tests that leave a default out of what is written.

macro_rules! defaults {
    ($($value:ident, $test:ident = $number:expr;)*) => { $(
        pub(super) fn $value() -> f64 { $number }
        #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
        pub(super) fn $test(x: &f64) -> bool { *x == $number }
    )* };
}

defaults! {
    zero, is_zero = 0.0;
    one, is_one = 1.0;
    two, is_two = 2.0;
    three, is_three = 3.0;
    four, is_four = 4.0;
    six, is_six = 6.0;
    fifteen, is_fifteen = 15.0;
    twenty, is_twenty = 20.0;
    twenty_five, is_twenty_five = 25.0;
    fifty, is_fifty = 50.0;
    ninety, is_ninety = 90.0;
    sixty, is_sixty = 60.0;
    hundred, is_hundred = 100.0;
    three_hundred, is_three_hundred = 300.0;
    pu_0_2, is_pu_0_2 = 0.2;
    pu_0_5, is_pu_0_5 = 0.5;
    pu_0_9, is_pu_0_9 = 0.9;
    pu_0_95, is_pu_0_95 = 0.95;
    pu_1_05, is_pu_1_05 = 1.05;
    pu_1_1, is_pu_1_1 = 1.1;
    vreg_v, is_vreg_v = 120.0;
    fault_ohm, is_fault_ohm = 1e-4;
    on_v, is_on_v = 115.0;
    off_v, is_off_v = 126.0;
}

pub(super) fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(super) fn is_yes(x: &bool) -> bool {
    *x
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(super) fn is_no(x: &bool) -> bool {
    !*x
}

pub(super) fn three_phases() -> usize {
    3
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(super) fn is_three_phases(x: &usize) -> bool {
    *x == 3
}

pub(super) fn taps_32() -> u32 {
    32
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(super) fn is_taps_32(x: &u32) -> bool {
    *x == 32
}

pub(super) fn taps_16() -> u32 {
    16
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(super) fn is_taps_16(x: &u32) -> bool {
    *x == 16
}

pub(super) fn is_default<T: Default + PartialEq>(x: &T) -> bool {
    *x == T::default()
}
