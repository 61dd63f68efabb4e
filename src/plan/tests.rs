use super::Threshold;
use super::arithmetic::{gamma, power_of_two};
use crate::value::Number;

fn n(text: &str) -> Number {
    Number::parse(text).unwrap()
}

/// The step as f32 computes it.
fn step(threshold: &Threshold, x: f32) -> f32 {
    let (slope, centre) = (threshold.slope.to_f32(), threshold.centre.to_f32());
    (x * slope + (0.5 - centre)).max(0.0) - (x * slope + (-0.5 - centre)).max(0.0)
}

#[test]
fn steps_are_exactly_zero_and_one_up_to_the_error() {
    let error = power_of_two(-20);
    for [low, high] in
        [["0", "1"], ["1/3", "1/2"], ["-1/2", "-1/3"], ["-1", "1"], ["7/10", "5/7"], ["99", "100"]]
    {
        let (low, high) = (n(low), n(high));
        let largest = low.abs().max(high.abs());
        let threshold = Threshold::between(&low, &high, &error, &largest).unwrap();
        for off in [error.neg(), Number::ZERO, error.clone()] {
            let at = |x: &Number| step(&threshold, x.add(&off).unwrap().to_f32());
            let expected = if threshold.rises() { [0.0, 1.0] } else { [1.0, 0.0] };
            assert_eq!([at(&low), at(&high)], expected, "between {low} and {high}");
        }
    }
}

/// Every f32 on the wrong side of a step, or on the right one, and not only the ends.
#[test]
fn steps_are_exact_for_every_input_beyond_the_gap() {
    let pairs =
        [["-1/5", "1/5"], ["-1", "1/5"], ["-1/7", "3"], ["-3/5", "-1/5"], ["1/3", "1/2"], ["0", "1/1000"]];
    for [low, high] in pairs {
        let (low, high, largest) = (n(low), n(high), n("7"));
        let error = power_of_two(-22);
        let threshold = Threshold::between(&low, &high, &error, &largest).unwrap();
        let [below, above] = if threshold.rises() { [0.0, 1.0] } else { [1.0, 0.0] };
        let end = largest.to_f32();
        for i in 0..=20_000 {
            let share = i as f32 / 20_000.0;
            let right = high.to_f32() + share * (end - high.to_f32());
            let left = low.to_f32() - share * (end + low.to_f32());
            assert_eq!(step(&threshold, right), above, "{right} is above {low} and {high}");
            assert_eq!(step(&threshold, left), below, "{left} is below {low} and {high}");
        }
    }
}

#[test]
fn slopes_are_as_steep_as_widths_need() {
    // 1/(d+1) against 1/(d+2): the slope must reach 2(N+1)(N+2).
    for d in [1i64, 10, 100, 500, 1446] {
        let (high, low) = (Number::ratio(1, d).unwrap(), Number::ratio(1, d + 1).unwrap());
        let threshold = Threshold::between(&low, &high, &power_of_two(-25), &Number::ONE).unwrap();
        assert!(threshold.slope >= Number::from(2 * d * (d + 1)), "width {d}");
    }
    let (high, low) = (Number::ratio(1, 1449).unwrap(), Number::ratio(1, 1450).unwrap());
    assert_eq!(Threshold::between(&low, &high, &power_of_two(-25), &Number::ONE), None);
}

#[test]
fn errors_beyond_a_quarter_of_the_gap_are_refused() {
    let step = |error: &str| Threshold::between(&n("0"), &n("1"), &n(error), &n("1"));
    assert!(step("1/4").is_some());
    assert!(step("1/2").is_none());
}

#[test]
fn large_numbers_have_gentle_slopes() {
    let threshold = Threshold::between(&n("0"), &n("5000000"), &n("100"), &n("16000000")).unwrap();
    assert_eq!(
        [step(&threshold, 100.0), step(&threshold, 4_999_900.0), step(&threshold, 1.6e7)],
        [0.0, 1.0, 1.0]
    );
}

#[test]
fn gamma_grows_with_the_terms() {
    assert!(gamma(1) > power_of_two(-24) && gamma(1) < power_of_two(-23));
    assert!(gamma(10) > gamma(9));
}
