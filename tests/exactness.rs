//! What went wrong in networks that looked exact, each with a test of its own.
//!
//! Everything here runs in several orders of summation: see [`Network::check`].

use crate::common::arrangement::Network;
use crate::common::compiled::{Compiled, compile, exact};
use raspc::inputs::Columns;
use raspc::value::Value;

impl Compiled {
    fn network(&self) -> Network<'_> {
        let (config, weights) = (&self.artifact.manifest.config, &self.artifact.weights);
        Network { program: &self.program, plan: &self.plan, config, weights }
    }
}

/// Compiles a program, and runs inputs of one column in every order.
#[track_caller]
fn holds(domain: &str, lengths: &str, text: &str, inputs: &[Vec<i64>]) -> Compiled {
    let compiled = compile(&format!("input tokens : {domain};\nlength {lengths};\n{text}"));
    let values = |input: &Vec<i64>| vec![input.iter().copied().map(Value::int).collect()];
    let inputs: Vec<Columns> = inputs.iter().map(values).collect();
    if let Err(wrong) = compiled.network().check(&inputs) {
        panic!("{text}: {wrong}");
    }
    compiled
}

/// So many copies of a token, between others.
fn copies(token: i64, count: usize, others: &[i64]) -> Vec<i64> {
    let mut tokens = others.to_vec();
    let middle = tokens.len() / 2;
    tokens.splice(middle..middle, std::iter::repeat_n(token, count));
    tokens
}

/// The sum of k copies of fl(1/k) misses 1 for most k, first at 10.
#[test]
fn copies_of_one_value_are_averaged_to_that_value() {
    let inputs: Vec<Vec<i64>> = (1..=50).step_by(3).map(|k| copies(1, k, &[0, 3, 0, 3, 2])).collect();
    let twin = "twin = aggregate(select(tokens, tokens, ==), tokens);";
    for text in [
        "output twin;",
        "output twin == tokens;",
        // A head with several matches reads it.
        "output selector_width(select(twin, 1, ==));",
        "output aggregate(select(twin, twin, ==), indices, -1) >= 20;",
        "output aggregate(select(twin, tokens, <), tokens + 1, 4) > 1;",
    ] {
        holds("0..3", "1..60", &format!("{twin} {text}"), &inputs);
    }
}

#[test]
fn the_mean_of_ten_equal_fractions_is_that_fraction() {
    for k in [7, 10, 13] {
        let text = "output average(tokens); output average(tokens) == 0.3;";
        let compiled = compile(&format!("input tokens : {{0.1, 0.3, 0.7}}; length 1..{k}; {text}"));
        let equal = vec![Value::Number(raspc::value::Number::parse("0.3").unwrap()); k];
        let found = compiled.model.run(std::slice::from_ref(&equal)).unwrap();
        let decoded = |value: &Value| vec![raspc::model::Decoded::Value(value.clone()); k];
        assert_eq!(found, [decoded(&equal[0]), decoded(&Value::Bool(true))], "{k} copies");
        compiled.compare(0, 300);
    }
}

/// Tokens 0 and 1, `ones` of them 1, mixed.
fn mixed(n: usize, ones: usize) -> Vec<i64> {
    (0..n).map(|i| i64::from((i + 1) * ones / n > i * ones / n)).collect()
}

#[test]
fn sums_at_length_500_do_not_depend_on_their_order() {
    let inputs = [mixed(500, 250), mixed(500, 249), mixed(499, 250)];
    let same = "same = select(tokens, tokens, ==);";
    for text in [
        "output average(tokens) >= 1/2;",
        "output selector_width(same); output aggregate(same, indices);",
        // The weights of equal values must add up to exactly 1 before a head reads them.
        "twin = aggregate(same, tokens); output selector_width(select(twin, tokens, ==)) > 250;",
    ] {
        holds("0..1", "1..500", &format!("{same} {text}"), &inputs);
    }
}

#[test]
fn a_causal_mean_at_length_500_knows_one_half() {
    let inputs = [mixed(500, 250), copies(1, 250, &[0; 250]), copies(0, 250, &[1; 250])];
    let text = "attention causal; output aggregate(full_s, tokens) >= 1/2;";
    holds("0..1", "1..500", text, &inputs);
}

/// Rows that select nothing take the default from BOS, whatever else BOS holds.
#[test]
fn misses_take_their_default() {
    for default in ["0", "-3", "7", "1/3", "5/7"] {
        let mean = format!("output aggregate(select(tokens, tokens, <), indices, {default});");
        exact("0..2", "1..6", &mean);
        let above = format!("output aggregate(select(tokens, tokens, <), indices, {default}) > 1;");
        exact("0..2", "1..6", &above);
        exact("0..2", "1..6", &above.replace("> 1", "> 1/10"));
        let count = format!("output aggregate(select(tokens, indices, ==), count(tokens, 1), {default});");
        exact("0..2", "1..6", &count);
    }
    for default in ["\"none\"", "True", "\"\""] {
        exact("0..2", "1..6", &format!("output shift(tokens, 2, {default});"));
    }
    let inputs = [vec![2, 2, 2, 2], vec![0], vec![1, 0, 2, 1, 0, 1, 1, 2, 2, 0], copies(1, 10, &[2])];
    let text = "a = aggregate(select(tokens, tokens, <), tokens, 5); b = shift(tokens, 1, 9) + indices;
        output a; output b; output aggregate(select(b, tokens, ==), b, -1) >= 1;";
    holds("0..2", "1..20", text, &inputs);
}

/// What BOS holds as a default is nothing that later heads select, count or average.
#[test]
fn defaults_may_equal_values() {
    for default in [0, 1, 2] {
        let before = format!("a = shift(tokens, 1, {default}); same = select(a, tokens, ==);");
        exact("0..2", "1..7", &format!("{before} output selector_width(same);"));
        exact("0..2", "1..7", &format!("{before} output aggregate(same, a, {default});"));
        exact("0..2", "1..7", &format!("{before} output aggregate(same, a + indices, {default});"));
        let mean = format!("m = aggregate(select(tokens, tokens, <), tokens, {default});");
        exact("0..2", "1..7", &format!("{mean} output selector_width(select(m, tokens, ==));"));
        exact("0..2", "1..7", &format!("{mean} output aggregate(select(m, 1, ==), indices, {default});"));
    }
}

/// A step between numbers of both signs begins at 0 or beyond, so that nothing is rounded.
#[test]
fn thresholds_between_numbers_of_both_signs() {
    let bits = |n: u32| (0..7).map(|i| if n >> i & 1 == 1 { 1 } else { -1 }).collect::<Vec<i64>>();
    let inputs: Vec<Vec<i64>> = (0..128).flat_map(|n| [bits(n), bits(n)[..5].to_vec()]).collect();
    for bound in ["0", "1/10", "-1/6"] {
        holds("{-1, 1}", "1..7", &format!("output aggregate(full_s, tokens) > {bound};"), &inputs);
    }
    // What is off by a unit in the last place is seen by a head that averages.
    let text =
        "select = select(aggregate(full_s, tokens) > 0, True, ==); output aggregate(select, indices * 900);";
    holds("{-1, 1}", "1..7", text, &inputs);
}

/// Codes that go up and down from width to width add up to far more than any of them.
#[test]
fn values_that_alternate_do_not_depend_on_their_order() {
    let text = "w = selector_width(select(tokens, tokens, ==));
        output w if w % 2 == 0 else 601 - w; output aggregate(select(indices, (w * 7) % 601, ==), tokens, 5);";
    holds("0..1", "1..600", text, &[mixed(600, 301), mixed(600, 40), mixed(3, 1)]);
}

/// Matches of numbers whose places are far apart, and whose squares f32 does not hold.
#[test]
fn matches_among_thousands_of_values() {
    let text = "b = round(aggregate(full_s, tokens)); output aggregate(select(b, tokens, ==), indices, 0);";
    holds("0..9", "1..40", text, &[copies(9, 20, &[4; 19]), copies(3, 5, &[7; 2]), vec![8]]);
    let text = "output aggregate(select(tokens, indices * 5, ==), indices, 0);";
    holds("0..4999", "1..6", text, &[vec![25, 4999, 0, 5, 10, 15], vec![0], vec![4998, 0]]);
}

/// The means that are compared with a constant are too many to list, but those next to it are few.
#[test]
fn thresholds_of_means_reach_as_far_as_f32_does() {
    let inputs = [copies(5, 341, &[4; 341]), copies(5, 340, &[4; 341]), copies(5, 341, &[4; 340])];
    holds("0..9", "1..682", "output aggregate(full_s, tokens) > 9/2;", &inputs);
    compile("input tokens : 0..1; length 1..2047; output aggregate(full_s, tokens) >= 1/2;");
    let salaries = [vec![70123, 85001], vec![70123; 10], copies(85001, 3, &[70123; 7]), vec![0, 85001]];
    holds("{0, 70123, 85001}", "1..10", "output aggregate(full_s, tokens) > 75000;", &salaries);
}

/// Every number of ones among every number of tokens.
#[test]
fn thresholds_at_one_half() {
    let inputs: Vec<Columns> = (1..=50)
        .flat_map(|n| (0..=n).map(move |ones| vec![mixed(n, ones).into_iter().map(Value::int).collect()]))
        .collect();
    for op in [">=", ">", "<", "<=", "==", "!="] {
        let text = format!("output average(tokens) {op} 1/2; output fraction_so_far(tokens == 1) {op} 0.5;");
        let compiled = compile(&format!("input tokens : 0..1; length 1..50; {text}"));
        let interpreter = raspc::interp::Interpreter::new(&compiled.program);
        for some in inputs.chunks(200) {
            let views: Vec<&[Vec<Value>]> = some.iter().map(Vec::as_slice).collect();
            for (input, found) in some.iter().zip(compiled.model.run_all(&views).unwrap()) {
                let expected = interpreter.outputs(input).unwrap();
                let decoded = |values: Vec<Value>| values.into_iter().map(raspc::model::Decoded::Value);
                let expected: Vec<Vec<_>> = expected.into_iter().map(|o| decoded(o).collect()).collect();
                assert_eq!(found, expected, "{op} on {input:?}");
            }
        }
    }
}

/// A key that both selectors select counts once.
#[test]
fn disjunctions_that_overlap() {
    for any in [
        "select(tokens, tokens, ==) or select(indices, indices, <=)",
        "select(tokens, 1, ==) or select(tokens, tokens, <=)",
        "select(tokens, 1, >=) or select(tokens, 1, <=)",
        "select(indices, tokens, ==) or select(tokens, indices, ==)",
        "(select(tokens, tokens, ==) or select(indices, 1, ==)) and not select(indices, indices, ==)",
    ] {
        for text in
            ["selector_width(s)", "aggregate(s, tokens + indices, -1)", "aggregate(s, tokens, 2) >= 1"]
        {
            exact("0..2", "1..7", &format!("s = {any}; output {text};"));
        }
    }
}

/// A mean that reads a thermometer adds up its steps, with a rounding error for each.
#[test]
fn means_of_functions_of_widths_are_within_their_bound() {
    let uneven: Vec<String> = (0..=60u64).map(|i| format!("{}/7", i * 7_919_317 % 1_000_003)).collect();
    let text = format!(
        "uneven = [{}]; n = selector_width(select(tokens, tokens, ==));
        two = select(indices, indices, ==) or select(indices, indices - 1, ==);
        output aggregate(two, uneven[n], 1/3); output aggregate(two, n / 3);",
        uneven.join(", "),
    );
    let inputs: Vec<Vec<i64>> = (1..=50).map(|k| copies(1, k, &[0, 3, 0, 3, 2, 2, 3, 0, 3, 0])).collect();
    holds("0..3", "1..60", &text, &inputs);
}

/// Tokens are matched, and values read, digit by digit: nothing grows with the square of a vocabulary.
#[test]
fn large_vocabularies_take_few_directions() {
    let text = "output selector_width(select(tokens, tokens, ==));
        output aggregate(select(indices, indices - 1, ==), tokens, -1);
        output aggregate(select(tokens, tokens + 1, ==), indices, -1);";
    // Where digits turn over, for any base: neighbours, and numbers that share all digits but one.
    let near = |n: i64| [n, n + 1, n + 100];
    let turns = [0, 99, 1023, 5050, 9899].map(near).concat();
    let inputs: Vec<Vec<i64>> =
        turns.iter().flat_map(|&a| turns.iter().map(move |&b| vec![a, b, a])).collect();
    let compiled = holds("0..9999", "1..3", text, &inputs);
    assert!(compiled.plan.d_model < 20, "{}", compiled.plan.d_model);
}
