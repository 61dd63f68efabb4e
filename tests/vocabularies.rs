//! Do networks for large vocabularies stay small and exact?

use crate::common::compiled::{compile, read};
use raspc::facts;
use raspc::plan::{self, Knobs};

const SHIFTED: &str = "m = shift(tokens, 1, 0);";

/// Operations of two s-ops with so many values that a table of all pairs would be large.
#[test]
fn comparisons_and_sums_of_many_values_are_exact() {
    for output in [
        "m == tokens",
        "tokens != m",
        "m < tokens",
        "m <= tokens",
        "m > tokens",
        "m >= tokens",
        "m/3 < tokens/2 - 20",
        "m + tokens",
        "m - tokens",
        "tokens*7 - m",
        "(m - tokens)*2 + indices",
        "m == tokens and tokens > 100",
        "aggregate(select(m - tokens, indices, ==), tokens, -1)",
        "selector_width(select(m == tokens, True, ==))",
    ] {
        let compiled = compile(&format!("input tokens : 0..199; length 1..8; {SHIFTED} output {output};"));
        assert_eq!(compiled.compare(0, 2_000), 2_000, "{output}");
        assert!(compiled.plan.n_params() < 50_000, "{output}: {}", compiled.plan.n_params());
    }
    let strings: Vec<String> = (0..150).map(|i| format!("\"{i}\"")).collect();
    let text =
        format!("input tokens : {{{}}}; length 1..8; m = shift(tokens, 1, \"0\");", strings.join(", "));
    let compiled = compile(&format!("{text} output m == tokens; output m < tokens;"));
    assert_eq!(compiled.compare(0, 2_000), 2_000);
}

/// What is read in many ways stands as a one-hot code.
#[test]
fn a_sum_of_many_values_can_be_read_in_many_ways() {
    let compiled = compile(
        "input tokens : 0..129; length 1..5; m = shift(tokens, 1, 0); x = m + tokens;
        y = shift(tokens, 2, 3); output selector_width(select(x, tokens, <));
        output selector_width(select(y, x, <)); output x % 3;",
    );
    assert_eq!(compiled.compare(0, 500), 500);
}

/// A mean has many values, but a comparison asks only between which tokens it lies.
#[test]
fn means_are_digitised_where_they_are_compared() {
    for output in ["m == tokens", "m > tokens", "tokens != m", "m <= shift(tokens, 1, 0)"] {
        let text = "input tokens : 0..29; length 1..12; m = aggregate(select(indices, indices, <=), tokens);";
        let compiled = compile(&format!("{text} output {output};"));
        assert_eq!(compiled.compare(0, 1_000), 1_000, "{output}");
        assert!(compiled.plan.d_model < 120, "{output}: {}", compiled.plan.d_model);
    }
}

/// Selected values that agree arrive inexactly if there are several, and are held by their bits.
#[test]
fn values_that_agree_are_exact() {
    for output in [
        "aggregate(select(tokens, tokens, ==), tokens, -1)",
        "aggregate(select(tokens, tokens, ==), tokens * tokens % 401, -1)",
        "aggregate(select(tokens, shift(tokens, 1, 7), ==), tokens % 100, 0.5)",
        "selector_width(select(aggregate(select(tokens, tokens, ==), tokens, -1), indices, ==))",
    ] {
        let compiled = compile(&format!("input tokens : 0..499; length 1..12; output {output};"));
        assert_eq!(compiled.compare(0, 1_000), 1_000, "{output}");
        assert!(compiled.plan.d_model < 1_500, "{output}: {}", compiled.plan.d_model);
    }
}

/// Twice the vocabulary takes twice the parameters, not four times.
#[test]
fn equality_and_counting_grow_with_the_vocabulary_alone() {
    for output in [
        "tokens",
        "histogram",
        "m == tokens",
        "m < tokens",
        "tokens - m",
        "aggregate(select(tokens, tokens, ==), tokens, -1)",
        "selector_width(select(tokens, m, ==))",
        "aggregate(select(indices, length - 1 - indices, ==), tokens, 0)",
        "count(tokens, 3)",
    ] {
        let parameters = |vocabulary: usize| {
            let text = format!(
                "input tokens : 0..{}; length 1..10; {SHIFTED}
                histogram = selector_width(select(tokens, tokens, ==)); output {output};",
                vocabulary - 1
            );
            let program = read(&text).0;
            plan::plan(&program, &facts::analyse(&program), Knobs::default()).unwrap().n_params()
        };
        let (small, large) = (parameters(2_000), parameters(4_000));
        assert!(10 * large < 23 * small, "{output}: {small} parameters, then {large}");
    }
}
