use super::soundness::check;
use super::soundness_tests::some_inputs;
use super::*;
use crate::ir::lower::{self, NoFiles, Outside};
use crate::ir::{Node, Op};

/// A program from text, with its facts.
struct Checked {
    program: Program,
    facts: Facts,
}

fn program(text: &str) -> Program {
    let read = lower::read("test.rasp", text, &NoFiles, &Outside::default());
    read.program.unwrap_or_else(|| panic!("{:?}", read.diagnostics))
}

fn facts_of(text: &str) -> Checked {
    check_program(program(text))
}

fn check_program(program: Program) -> Checked {
    let facts = analyse(&program);
    if let Err(wrong) = check(&program, &facts, &some_inputs(&program, 200)) {
        panic!("{wrong}");
    }
    Checked { program, facts }
}

impl Checked {
    fn node(&self, name: &str) -> Node {
        let named = |node: &&Node| self.program.graph.name(**node).is_some_and(|n| &**n == name);
        *self.program.graph.order().iter().find(named).unwrap_or_else(|| panic!("no {name}"))
    }

    fn sop(&self, name: &str) -> SOpId {
        match self.node(name) {
            Node::SOp(id) => id,
            Node::Selector(_) => panic!("{name} is a selector"),
        }
    }

    fn selector(&self, name: &str) -> SelectorId {
        match self.node(name) {
            Node::Selector(id) => id,
            Node::SOp(_) => panic!("{name} is an s-op"),
        }
    }

    fn width(&self, name: &str) -> (usize, usize) {
        let WidthBounds { min, max } = self.facts.width(self.selector(name));
        (min, max)
    }

    fn values(&self, name: &str) -> String {
        self.facts.values(self.sop(name)).to_string()
    }
}

const DIGITS: &str = "input tokens : 0..9; length 1..10;";

#[test]
fn reverse_selects_one_key() {
    for length in ["1..10", "1..200", "7..7"] {
        let text = "input tokens : 0..9;
            opposite = select(indices, length - 1 - indices, ==);
            reversed = aggregate(opposite, tokens);";
        let checked = facts_of(&format!("length {length}; {text}"));
        assert_eq!(checked.width("opposite"), (1, 1), "{length}");
        assert_eq!(checked.values("reversed"), "0..9");
        assert!(checked.facts.agreement(checked.sop("reversed")).is_some());
        assert!(checked.facts.depends(checked.sop("reversed")).others);
    }
}

#[test]
fn the_rank_of_sort_is_a_permutation() {
    let text = "
        before = select(tokens, tokens, <) or (select(tokens, tokens, ==) and select(indices, indices, <));
        rank = selector_width(before);
        move = select(rank, indices, ==);
        sorted = aggregate(move, tokens);
        place = aggregate(move, indices);
        output sorted, place;";
    let checked = facts_of(&format!("{DIGITS}{text}"));
    let rank = checked.sop("rank");
    assert!(checked.facts.injective(rank).is_some() && checked.facts.permutation(rank).is_some());
    assert!(checked.facts.total_order(checked.selector("before")).is_some());
    assert_eq!(checked.values("rank"), "0..9");
    assert_eq!(checked.width("move"), (1, 1));
    assert_eq!(checked.values("sorted"), "0..9");
    assert!(checked.facts.permutation(checked.sop("place")).is_some());
    assert!(checked.facts.injective(checked.sop("sorted")).is_none());
    // Positions see only what is behind them: two of them can have the same rank.
    let causal = facts_of(&format!("{DIGITS} attention causal;{text}"));
    assert!(causal.facts.injective(causal.sop("rank")).is_none());
    assert!(causal.facts.total_order(causal.selector("before")).is_none());
}

#[test]
fn orders_are_found_however_they_are_written() {
    for order in [
        "select(tokens, tokens, >) or not (select(tokens, tokens, !=) or select(indices, indices, <=))",
        "select(tokens, tokens, <) or (select(indices, indices, >) and select(tokens, tokens, <=))",
        "not select(indices, indices, <=)",
    ] {
        let checked = facts_of(&format!("{DIGITS} order = {order}; rank = selector_width(order);"));
        assert!(checked.facts.permutation(checked.sop("rank")).is_some(), "{order}");
    }
    for no_order in [
        "select(tokens, tokens, <)",
        "select(tokens, tokens, <) or select(indices, indices, <)",
        "select(tokens, tokens, <) and select(indices, indices, <)",
        "select(tokens, tokens, <) or (select(tokens, tokens, ==) and select(indices, indices, !=))",
    ] {
        let checked = facts_of(&format!("{DIGITS} order = {no_order}; rank = selector_width(order);"));
        assert!(checked.facts.permutation(checked.sop("rank")).is_none(), "{no_order}");
        assert!(checked.facts.injective(checked.sop("rank")).is_none(), "{no_order}");
    }
}

#[test]
fn a_key_with_a_small_fraction_of_the_index_is_injective() {
    let key = |divisor: usize| {
        let checked = facts_of(&format!(
            "{DIGITS} key = tokens + indices / {divisor}; by_key = select(key, key, <); rank = selector_width(by_key);"
        ));
        let facts = &checked.facts;
        (facts.injective(checked.sop("key")).is_some(), facts.permutation(checked.sop("rank")).is_some())
    };
    assert_eq!(key(10), (true, true));
    assert_eq!(key(5), (false, false));
    let long = facts_of("input tokens : 0..9; length 1..500; key = tokens * 500 + indices;");
    assert!(long.facts.injective(long.sop("key")).is_some());
}

#[test]
fn having_a_neighbour_depends_on_the_position_alone() {
    let checked = facts_of(&format!(
        "{DIGITS}
        has_left = selector_width(select(indices, indices - 1, ==)) > 0;
        has_right = has_focus(select(indices, indices + 1, ==));
        result = has_left and has_right;"
    ));
    let (left, right) = (checked.sop("has_left"), checked.sop("has_right"));
    assert_eq!(*checked.facts.depends(left), Depends { index: true, ..Depends::default() });
    assert_eq!(*checked.facts.depends(right), Depends { index: true, length: true, ..Depends::default() });
    assert_eq!(checked.facts.at(left, 0, 3), Some(&Value::Bool(false)));
    assert_eq!(checked.facts.at(right, 2, 3), Some(&Value::Bool(false)));
    assert_eq!(checked.facts.at(right, 2, 4), Some(&Value::Bool(true)));
    assert_eq!(checked.facts.at(right, 2, 11), None);
}

#[test]
fn the_fraction_of_previous_is_a_fraction() {
    let checked = facts_of("input tokens : 0..9; length 1..4; frac = fraction_so_far(tokens == 3);");
    assert_eq!(checked.values("frac"), "{0, 1/4, 1/3, 1/2, 2/3, 3/4, 1}");
    let long = facts_of("input tokens : 0..9; length 1..500; frac = fraction_so_far(tokens == 3);");
    assert_eq!(long.values("frac"), "multiples of 1 divided by 1..500, from 0 to 1");
    let even = facts_of("input tokens : {1, 3}; length 3..3; mean = average(tokens);");
    assert_eq!(even.values("mean"), "{1, 5/3, 7/3, 3}");
}

#[test]
fn a_histogram_counts_the_query_itself() {
    let checked = facts_of(&format!(
        "{DIGITS} same = select(tokens, tokens, ==); hist = selector_width(same); others = hist - 1;
        less = selector_width(select(tokens, tokens, !=)); result = others + less;"
    ));
    assert_eq!(checked.width("same"), (1, 10));
    assert_eq!(checked.values("hist"), "1..10");
    assert_eq!(checked.values("others"), "0..9");
    assert_eq!(checked.values("less"), "0..9");
}

#[test]
fn assumptions_narrow_what_occurs() {
    let checked = facts_of(&format!(
        "{DIGITS} assume distinct(tokens); assume tokens > 2 and length != 3;
        rank = selector_width(select(tokens, tokens, <));
        same = select(tokens, tokens, ==);
        result = aggregate(same, tokens) + rank + length;"
    ));
    let tokens = checked.sop("tokens");
    assert_eq!(checked.facts.injective(tokens), Some(&Reason::Assumed));
    assert_eq!(checked.values("tokens"), "3..9");
    assert!(checked.facts.permutation(checked.sop("rank")).is_some());
    assert_eq!(checked.width("same"), (1, 1));
    assert_eq!(checked.facts.at(checked.sop("length"), 0, 3), None);
    assert_eq!(checked.facts.at(checked.sop("length"), 0, 4), Some(&Value::int(4)));
    let nothing = facts_of(&format!("{DIGITS} assume tokens > 10; result = tokens + length;"));
    assert!(nothing.facts.values(nothing.sop("result")).is_empty());
}

#[test]
fn functions_of_one_position_are_looked_at_together() {
    let checked = facts_of(&format!(
        "{DIGITS} doubled = tokens + tokens; zero = tokens - tokens; hist = histogram(tokens);
        odd = 2 * hist + 1 - hist - hist; root = 1 / (hist - 1); result = doubled + zero + odd + root;"
    ));
    assert_eq!(checked.values("doubled"), "{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}");
    assert_eq!(checked.values("zero"), "{0}");
    assert_eq!(checked.values("odd"), "{1}");
    // The program fails where the histogram is 1.
    assert_eq!(checked.values("root"), "{1/9, 1/8, 1/7, 1/6, 1/5, 1/4, 1/3, 1/2, 1}");
}

#[test]
fn length_is_recognised_however_it_is_written() {
    let checked = facts_of(&format!(
        "{DIGITS} inverse = round(1 / aggregate(full_s, indicator(indices == 0))); result = length + inverse;"
    ));
    for name in ["length", "inverse"] {
        let id = checked.sop(name);
        assert_eq!(*checked.facts.depends(id), Depends { length: true, ..Depends::default() });
        assert!((1..=10).all(|n| checked.facts.at(id, 0, n) == Some(&Value::int(n as i64))));
    }
    assert!(checked.facts.always(checked.selector("full_s")).is_some());
}

#[test]
fn selected_values_agree_where_the_key_fixes_them() {
    let agrees = |value: &str, selector: &str| {
        let checked =
            facts_of(&format!("{DIGITS} value = {value}; result = aggregate({selector}, value, 0);"));
        checked.facts.agreement(checked.sop("result")).is_some()
    };
    let same = "select(tokens, tokens, ==)";
    assert!(agrees("tokens % 3", same));
    assert!(agrees(
        "histogram(tokens % 2) + tokens",
        &format!("{same} and select(histogram(tokens % 2), 3, ==)")
    ));
    assert!(agrees("length", "select(tokens, 3, <)"));
    assert!(agrees("tokens", &format!("not select(tokens, tokens, !=) and {same}")));
    assert!(agrees("tokens", &format!("{same} or (select(indices, 0, ==) and {same})")));
    assert!(!agrees("tokens", "select(tokens, 1, ==) or select(tokens, 2, ==)"));
    assert!(!agrees("tokens", "not (select(tokens, 1, !=) and select(tokens, 2, !=))"));
    assert!(!agrees("tokens", "select(tokens, tokens, <=)"));
    assert!(!agrees("tokens", "select(tokens % 2, tokens % 2, ==)"));
    assert!(!agrees("tokens + indices", same));
    // True == 1, but they are not the same text.
    let mut mixed = program(
        "input tokens : {1}; length 1..3;
        result = aggregate(select(tokens, tokens, ==), indicator(tokens_str == \"1\"));",
    );
    mixed.columns[0].domain = Some(vec![Value::Bool(true), Value::int(1)]);
    let checked = check_program(mixed);
    assert!(checked.facts.agreement(checked.sop("result")).is_none());
}

#[test]
fn keys_that_are_equal_to_one_of_two_things_need_not_agree() {
    for either in [
        "select(tokens, \"a\", ==) or select(tokens, \"b\", ==)",
        "not (select(tokens, \"a\", !=) and select(tokens, \"b\", !=))",
    ] {
        let checked = facts_of(&format!(
            "input tokens : {{\"a\", \"b\", \"c\"}}; length 1..3; either = {either};
            y = aggregate(either, indicator(tokens == \"a\")); result = {{0: 1, 1: 2}}[y];"
        ));
        assert!(checked.facts.agreement(checked.sop("y")).is_none(), "{either}");
        assert_eq!(checked.values("y"), "{0, 1/3, 1/2, 2/3, 1}");
        assert!(may_fail(&checked.program, &checked.facts).is_some(), "{either}");
    }
    // No two positions agree in token and count, but two of them have one of two pairs.
    let checked = facts_of(
        "input tokens : 0..2; length 1..4; same = select(tokens, tokens, ==);
        nth = selector_width(same and select(indices, indices, <));
        first = select(nth, 0, ==); either = (select(tokens, 0, ==) and first) or (select(tokens, 1, ==) and first);
        one = select(tokens, 0, ==) and first; result = selector_width(either) + selector_width(one);",
    );
    assert_eq!(checked.width("either").1, 2);
    assert_eq!(checked.width("one"), (0, 1));
}

#[test]
fn a_count_of_equal_tokens_tells_equal_tokens_apart() {
    for attention in ["", "attention causal;"] {
        let checked = facts_of(&format!(
            "{DIGITS} {attention} next = select_next_identical(tokens); result = aggregate(next, indices, -1);"
        ));
        assert_eq!(checked.width("next"), (0, 1));
        assert_eq!(checked.facts.values(checked.sop("result")).explicit().map(<[_]>::len), Some(11));
    }
    // All later ones are counted, so the count also changes with what the query cannot see.
    let checked = facts_of(&format!(
        "{DIGITS} attention causal; same = select(tokens, tokens, ==);
        nth = selector_width(same and select(indices, indices, >=));
        again = same and select(nth, nth, ==); result = selector_width(again);"
    ));
    assert_eq!(checked.width("again"), (1, 10));
}

#[test]
fn without_declarations_facts_are_by_type() {
    let checked = facts_of(
        "hist = selector_width(select(tokens, tokens, ==)); opposite = select(indices, length - 1 - indices, ==);
        mean = aggregate(opposite, hist) + indices;",
    );
    assert_eq!(checked.values("hist"), "any number");
    assert_eq!(checked.width("opposite"), (0, 1));
    let indices = checked.program.graph.sop_ids().find(|&id| checked.program.graph[id].op == Op::Indices);
    assert_eq!(checked.facts.permutation(indices.unwrap()), Some(&Reason::Index));
}

#[test]
fn the_report_names_facts_and_reasons() {
    let text = format!(
        "{DIGITS} opposite = select(indices, length - 1 - indices, ==); result = aggregate(opposite, tokens);"
    );
    let read = lower::read("test.rasp", &text, &NoFiles, &Outside::default());
    let program = read.program.unwrap();
    let label = |node| crate::ir::label(&program, &read.sources, node);
    let lines = report(&analyse(&program), &program, &label);
    let last = serde_json::to_value(&lines[lines.len() - 2..]).unwrap();
    let expected = serde_json::json!([
        {
            "label": "opposite", "kind": "selector", "min": 1, "max": 1,
            "because": [
                {"fact": "not less", "reason": "computed at every index of every declared length"},
                {"fact": "not more",
                 "reason": "`indices` differs at any two positions, so `==` matches at most one"}
            ]
        },
        {
            "label": "result", "kind": "s-op", "values": "0..9", "n_values": 10,
            "values_because": "a value of `tokens`, or the default",
            "depends": "all positions: tokens, index and length",
            "depends_because": "what its queries, keys and values depend on",
            "because": [
                {"fact": "all selected values are equal", "reason": "`opposite` selects at most one key"}
            ]
        }
    ]);
    assert_eq!(last, expected);
}

/// Numbers have a limit on their size, which operations on members of a set can pass.
#[test]
fn numbers_that_can_grow_too_large_can_fail() {
    let fails = |declarations: &str, text: &str| {
        let program = program(&format!("{declarations} {text}"));
        may_fail(&program, &analyse(&program)).is_some()
    };
    let many = "input tokens : 1..4000; length 1..2000;";
    assert!(fails(many, "result = average(1 / tokens);"));
    assert!(!fails(many, "result = average(tokens / 3);"));
    assert!(!fails("input tokens : 1..4000; length 1..20;", "result = average(1 / tokens);"));
    assert!(!fails("input tokens : 0..9; length 1..500;", "result = average(fraction_so_far(tokens == 3));"));
    let large = "a = 2 ^ 4095 if tokens == 1 else 0;";
    for grows in ["b = a - (0 - a);", "b = a + a;", "b = average(a - 1 / 3);", "b = a * average(tokens);"] {
        assert!(fails(DIGITS, &format!("{large} {grows}")), "{grows}");
    }
    for fits in
        ["b = -round(average(tokens) - 7);", "b = average(tokens) * average(tokens) + average(tokens);"]
    {
        assert!(!fails(DIGITS, fits), "{fits}");
    }
    assert!(!fails(DIGITS, &format!("{large} b = -a; c = round(b);")));
}
