//! What do programs mean? Small programs and their values, by subject.
//!
//! How an expression is read (its precedences) is the subject of `precedence.rs`; the words of
//! error messages are that of `ui/`.

use raspc::interp;
use raspc::ir::Node;
use raspc::ir::lower::{Effect, Loader, NoFiles, Session, Thing};
use raspc::value::Value;

/// A program, its input (empty where there is none to read), and the value of its last expression.
///
/// Values of an s-op stand in brackets, one per position. `fails at 2` means that position 2 has
/// no value, `error` that the program is rejected.
type Case = (&'static str, &'static str, &'static str);

#[track_caller]
fn check(cases: &[Case]) {
    for &(program, input, expected) in cases {
        assert_eq!(meaning(program, input), expected, "{program} on {input:?}");
    }
}

fn meaning(program: &str, input: &str) -> String {
    let mut session = Session::new(&Shelf);
    let fed = session.feed("main.rasp", program);
    let last = fed.effects.iter().rev().find_map(|effect| match effect {
        Effect::Value { thing, .. } => Some(thing.clone()),
        _ => None,
    });
    match last {
        _ if fed.has_errors() => "error".to_owned(),
        Some(Thing::SOp(sop)) => {
            let nodes = session.program.graph.live([Node::SOp(sop)]);
            match interp::run(&session.program.graph, &nodes, &[values(input)], false) {
                Ok(trace) => text(trace.sop(sop).unwrap()),
                Err(failure) => format!("fails at {}", failure.position),
            }
        }
        Some(thing) => thing.to_string(),
        None => "nothing".to_owned(),
    }
}

/// A list or a string in the syntax of programs, as one value per position.
fn values(text: &str) -> Vec<Value> {
    let fed = Session::new(&NoFiles).feed("input", &format!("{text};"));
    match fed.effects.as_slice() {
        [Effect::Value { thing: Thing::List(list), .. }] => list.atoms().unwrap(),
        [Effect::Value { thing: Thing::Atom(Value::Str(word)), .. }] => {
            word.chars().map(|c| Value::str(&c.to_string())).collect()
        }
        _ => panic!("{text} is no input"),
    }
}

fn text(values: &[Value]) -> String {
    format!("[{}]", values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// Files that programs of this test load.
struct Shelf;

const FILES: [(&str, &str); 6] = [
    ("secret", "_hidden = 1; shown = _hidden + 1; def add_hidden(x) { return x + _hidden; } 77;"),
    ("outer", "load \"inner\"; outer = inner * 10;"),
    ("inner", "inner = 4;"),
    ("nosy", "seen = of_the_caller;"),
    ("circle", "load \"circle\";"),
    ("declared", "input tokens : 0..3; length 1..2; example [0] => [1]; tripled = tokens * 3;"),
];

impl Loader for Shelf {
    fn load(&self, path: &str, _: &str) -> Result<(String, String), String> {
        let found = FILES.iter().find(|(name, _)| *name == path);
        found
            .map(|(name, text)| (format!("{name}.rasp"), (*text).to_owned()))
            .ok_or("no such file".to_owned())
    }
}

#[test]
fn numbers_are_exact() {
    check(&[
        ("0.1 + 0.2 == 0.3;", "", "True"),
        ("1 / 3 + 1 / 6;", "", "1/2"),
        ("007;", "", "7"),
        ("6 / 3;", "", "2"),
        ("-7 % 3;", "", "2"),
        ("7 % -3;", "", "-2"),
        ("2 ^ -1;", "", "1/2"),
        ("2 ^ 3 ^ 2;", "", "64"),
        ("round(1 / 2);", "", "0"),
        ("round(3 / 2);", "", "2"),
        ("round(5 / 2);", "", "2"),
        ("round(-1 / 2);", "", "0"),
        ("round(-3 / 2);", "", "-2"),
        ("round(indices / 2);", "[0, 0, 0, 0, 0, 0]", "[0, 0, 1, 2, 2, 2]"),
        ("1 / 0;", "", "error"),
        ("1 / indices;", "[0, 0]", "fails at 0"),
        ("0 ^ -indices;", "[0, 0]", "fails at 1"),
    ]);
}

#[test]
fn booleans_count_as_numbers() {
    check(&[
        ("True + 1;", "", "2"),
        ("True + True;", "", "2"),
        ("True == 1;", "", "True"),
        ("True < 2;", "", "True"),
        ("-True;", "", "-1"),
        ("+True;", "", "1"),
        ("not 0;", "", "True"),
        ("(indices > 0) + 1;", "[0, 0]", "[1, 2]"),
        ("indicator(indices > 0);", "[0, 0]", "[0, 1]"),
        ("indicator(tokens);", "\"ab\"", "[1, 1]"),
    ]);
}

#[test]
fn strings_can_be_joined_repeated_and_compared() {
    check(&[
        ("\"a\" + \"b\";", "", "\"ab\""),
        ("\"ab\" * 2;", "", "\"abab\""),
        ("2 * \"ab\";", "", "\"abab\""),
        ("\"ab\" * -1;", "", "\"\""),
        ("\"a\" < \"b\";", "", "True"),
        ("\"B\" < \"a\";", "", "True"),
        ("\"1\" == 1;", "", "False"),
        ("\"a\" < 1;", "", "error"),
        ("\"a\" + 1;", "", "error"),
        ("\"héllo\"[1];", "", "\"é\""),
        ("tokens + tokens;", "\"ab\"", "[\"aa\", \"bb\"]"),
        ("tokens * 2;", "\"ab\"", "[\"aa\", \"bb\"]"),
        ("tokens < \"b\";", "\"abc\"", "[True, False, False]"),
    ]);
}

#[test]
fn and_or_give_one_of_two_constants_but_booleans_of_s_ops() {
    check(&[
        ("0 or 5;", "", "5"),
        ("3 or 5;", "", "3"),
        ("0 and 5;", "", "0"),
        ("3 and 5;", "", "5"),
        ("\"\" or \"x\";", "", "\"x\""),
        ("indices or 0;", "[0, 0]", "[False, True]"),
        ("indices and 5;", "[0, 0]", "[False, True]"),
        ("not indices;", "[0, 0]", "[True, False]"),
        ("not tokens;", "\"ab\"", "[False, False]"),
    ]);
}

#[test]
fn lists() {
    check(&[
        ("[1, 2] + [3];", "", "[1, 2, 3]"),
        ("[1, 2] * 2;", "", "[1, 2, 1, 2]"),
        ("2 * [1];", "", "[1, 1]"),
        ("[1] * -1;", "", "[]"),
        ("[1, 2] == [1, 2];", "", "True"),
        ("[1, 2] == [2, 1];", "", "False"),
        ("[1] == [True];", "", "True"),
        ("[1] == 1;", "", "False"),
        ("[1, 2, 3][0];", "", "1"),
        ("[1, 2, 3][-1];", "", "3"),
        ("[1, 2, 3][3];", "", "error"),
        ("[1, 2, 3][-4];", "", "error"),
        ("[1, 2, 3][1/2];", "", "error"),
        ("[[1, 2], [3]][0][1];", "", "2"),
        ("len([1, [2, 3]]);", "", "2"),
        ("range(3);", "", "[0, 1, 2]"),
        ("range(1, 7, 2);", "", "[1, 3, 5]"),
        ("range(3, 0, -1);", "", "[3, 2, 1]"),
        ("range(0);", "", "[]"),
        ("zip([1, 2], [\"a\", \"b\"]);", "", "[[1, \"a\"], [2, \"b\"]]"),
        ("[x * 2 for x in range(3)];", "", "[0, 2, 4]"),
        ("[a + b for a, b in zip([1, 2], [10, 20])];", "", "[11, 22]"),
        ("[x for x in {\"a\": 1, \"b\": 2}];", "", "[\"a\", \"b\"]"),
        ("[[x + y for x in [1, 2]] for y in [10, 20]];", "", "[[11, 12], [21, 22]]"),
        ("3 in [1, 2, 3];", "", "True"),
        ("4 in [1, 2, 3];", "", "False"),
        ("True in [1];", "", "True"),
        ("\"a\" in \"abc\";", "", "error"),
    ]);
}

#[test]
fn dictionaries() {
    check(&[
        ("{\"a\": 1, \"b\": 2}[\"b\"];", "", "2"),
        ("{\"a\": 1, \"a\": 2}[\"a\"];", "", "2"),
        ("{1: \"x\"}[True];", "", "\"x\""),
        ("{\"a\": 1}[\"c\"];", "", "error"),
        ("{x: x * x for x in range(4)}[3];", "", "9"),
        ("{a: b for a, b in zip([\"p\", \"q\"], [5, 6])}[\"q\"];", "", "6"),
        ("{\"a\": [1, 2]}[\"a\"][1];", "", "2"),
        ("{[1]: 2};", "", "error"),
    ]);
}

#[test]
fn constants_can_be_looked_up_by_s_ops() {
    check(&[
        ("[5, 6, 7][indices];", "\"abc\"", "[5, 6, 7]"),
        ("[5, 6, 7][-indices];", "\"abc\"", "[5, 7, 6]"),
        ("[5, 6][indices];", "\"abc\"", "fails at 2"),
        ("\"xyz\"[indices];", "\"abc\"", "[\"x\", \"y\", \"z\"]"),
        ("{\"a\": 1, \"b\": 2}[tokens];", "\"ba\"", "[2, 1]"),
        ("{\"a\": 1, \"b\": 2}[tokens];", "\"bac\"", "fails at 2"),
        ("[5, 6][indices > 0];", "\"abc\"", "[5, 6, 6]"),
    ]);
}

#[test]
fn a_position_of_an_s_op_is_seen_everywhere() {
    check(&[
        ("tokens[1];", "\"abc\"", "[\"b\", \"b\", \"b\"]"),
        ("tokens[-1];", "\"abc\"", "[\"c\", \"c\", \"c\"]"),
        ("tokens[-3];", "\"abc\"", "[\"a\", \"a\", \"a\"]"),
        ("tokens[3];", "\"abc\"", "[0, 0, 0]"),
        ("tokens[-4];", "\"abc\"", "[0, 0, 0]"),
        ("(indices * 2)[1] + indices;", "\"abc\"", "[2, 3, 4]"),
        ("tokens[indices];", "\"abc\"", "error"),
    ]);
}

#[test]
fn membership() {
    check(&[
        ("tokens in [\"a\", \"c\"];", "\"abc\"", "[True, False, True]"),
        ("indices in [True];", "\"abc\"", "[False, True, False]"),
        ("\"b\" in tokens;", "\"abc\"", "[True, True, True]"),
        ("\"x\" in tokens;", "\"abc\"", "[False, False, False]"),
        ("1 in indices;", "\"a\"", "[False]"),
        ("tokens in tokens;", "\"abc\"", "error"),
    ]);
}

#[test]
fn inputs_are_converted_as_python_converts() {
    check(&[
        ("tokens_asis;", "[1, True, \"x\"]", "[1, True, \"x\"]"),
        ("tokens;", "[1, 0.5, True]", "[\"1\", \"0.5\", \"True\"]"),
        ("tokens_str;", "[1, 2]", "[\"1\", \"2\"]"),
        ("tokens_int;", "\"12\"", "[1, 2]"),
        ("tokens_int;", "[1.5, -1.5, True]", "[1, -1, 1]"),
        ("tokens_int;", "[\" 12 \", \"-3\"]", "[12, -3]"),
        ("tokens_int;", "\"1a\"", "fails at 1"),
        ("tokens_float;", "[\"0.5\", \"2\"]", "[1/2, 2]"),
        ("tokens_bool;", "[0, 2, \"\", \"0\"]", "[False, True, False, True]"),
        ("tokens = tokens_int; tokens + 1;", "\"12\"", "[2, 3]"),
    ]);
}

#[test]
fn conditionals_are_lazy_on_constants_and_elementwise_on_s_ops() {
    check(&[
        ("1 if True else 1 / 0;", "", "1"),
        ("\"x\" if indices > 0 else \"y\";", "[0, 0]", "[\"y\", \"x\"]"),
        ("tokens if indices else indices;", "\"ab\"", "[0, \"b\"]"),
        ("indices if tokens else 9;", "\"ab\"", "[0, 1]"),
        // Both branches are evaluated at every position.
        ("1 / indices if indices > 0 else 0;", "[0, 0]", "fails at 0"),
        ("1 if full_s else 2;", "", "error"),
    ]);
}

#[test]
fn selectors_have_a_row_per_query() {
    check(&[
        ("selector_width(select(indices, indices, <));", "\"abc\"", "[0, 1, 2]"),
        ("selector_width(select(indices, indices, <=));", "\"abc\"", "[1, 2, 3]"),
        ("selector_width(select(indices, indices, >));", "\"abc\"", "[2, 1, 0]"),
        ("selector_width(select(indices, indices, >=));", "\"abc\"", "[3, 2, 1]"),
        ("selector_width(select(tokens, tokens, ==));", "\"aba\"", "[2, 1, 2]"),
        ("selector_width(select(tokens, tokens, !=));", "\"aba\"", "[1, 2, 1]"),
        ("selector_width(select(tokens, \"a\", ==));", "\"aba\"", "[2, 2, 2]"),
        ("selector_width(select(\"a\", tokens, ==));", "\"aba\"", "[3, 0, 3]"),
        ("selector_width(select(1, 2, ==));", "\"aba\"", "[0, 0, 0]"),
        // Values of different types are different.
        ("selector_width(select(tokens, 1, ==));", "\"1a\"", "[0, 0]"),
        ("selector_width(select(tokens, 1, !=));", "\"1a\"", "[2, 2]"),
        ("selector_width(select(tokens, 1, <));", "\"1a\"", "error"),
    ]);
}

#[test]
fn selectors_combine_with_selectors_only() {
    check(&[
        ("selector_width(full_s and not select(indices, indices, ==));", "\"abc\"", "[2, 2, 2]"),
        ("selector_width(select(indices, 0, ==) or select(indices, indices, ==));", "\"abc\"", "[1, 2, 2]"),
        ("selector_width(not (full_s and full_s));", "\"abc\"", "[0, 0, 0]"),
        ("full_s and indices;", "", "error"),
        ("full_s or True;", "", "error"),
        ("full_s + full_s;", "", "error"),
    ]);
}

#[test]
fn aggregates() {
    check(&[
        // Nothing selected: the default, which is 0 even among strings.
        ("aggregate(select(indices, 9, ==), tokens);", "\"ab\"", "[0, 0]"),
        ("aggregate(select(indices, 9, ==), tokens, \"-\");", "\"ab\"", "[\"-\", \"-\"]"),
        ("aggregate(select(indices, indices - 1, ==), tokens, \"-\");", "\"abc\"", "[\"-\", \"a\", \"b\"]"),
        // One selected: that value, of whatever type.
        ("aggregate(full_s, tokens);", "\"a\"", "[\"a\"]"),
        ("aggregate(select(indices, indices, ==), indices > 0);", "\"ab\"", "[False, True]"),
        // Several selected: the mean, of numbers only.
        ("aggregate(full_s, indices);", "\"ab\"", "[1/2, 1/2]"),
        ("aggregate(full_s, 3);", "\"ab\"", "[3, 3]"),
        ("aggregate(full_s, indices * indices);", "\"abc\"", "[5/3, 5/3, 5/3]"),
        ("aggregate(full_s, tokens);", "\"aa\"", "fails at 0"),
        ("aggregate(full_s, indices > 0);", "\"ab\"", "fails at 0"),
        ("aggregate(select(indices, indices, <=), tokens);", "\"ab\"", "fails at 1"),
        ("aggregate(full_s, indices, indices);", "", "error"),
        ("aggregate(indices, indices);", "", "error"),
    ]);
}

#[test]
fn several_names_are_set_at_once() {
    check(&[
        ("a, b = 1, 2; a * 10 + b;", "", "12"),
        ("a, b = 1, 2; a, b = b, a; a * 10 + b;", "", "21"),
        ("a, b = [3, 4]; a * 10 + b;", "", "34"),
        ("a = [3, 4]; a;", "", "[3, 4]"),
        ("a, b = [1, 2, 3];", "", "error"),
        ("a, b = 1, 2, 3;", "", "error"),
        ("2 + 3; a = 4; out;", "", "4"),
        ("out = 3;", "", "error"),
        ("True = 3;", "", "error"),
        ("length = 3;", "", "error"),
        ("def max(a, b) { return a; }", "", "error"),
        ("for sort in [1] { sort; }", "", "error"),
        ("tokens = indices; tokens;", "\"ab\"", "[0, 1]"),
    ]);
}

#[test]
fn functions() {
    check(&[
        ("def f(x) { y = x + 1; return y * 2; } f(3);", "", "8"),
        ("def f(x) { return x, x + 1; } a, b = f(3); b;", "", "4"),
        ("def f(x) { return x, x + 1; } f(3);", "", "[3, 4]"),
        ("def f() { return 5; } f();", "", "5"),
        ("def f(x) { return x + 1; } g = f; g(1);", "", "2"),
        ("def twice(f, x) { return f(f(x)); } def inc(x) { return x + 1; } twice(inc, 5);", "", "7"),
        ("def adder(n) { def add(x) { return x + n; } return add; } adder(10)(5);", "", "15"),
        // Names are looked up where the function was defined, when it is called.
        ("n = 1; def f() { return n; } n = 2; f();", "", "2"),
        ("def f() { n = 5; return n; } n = 1; f(); n;", "", "1"),
        ("def g() { return local; } def f() { local = 1; return g(); } f();", "", "error"),
        // Names of the library may be parameters and locals.
        ("def f(length) { max = length; return max; } f(7);", "", "7"),
        ("def f(tokens) { return tokens; } f(indices);", "\"ab\"", "[0, 1]"),
        ("def fact(n) { return 1 if n == 0 else n * fact(n - 1); } fact(20);", "", "2432902008176640000"),
        ("def f(n) { return f(n); } f(1);", "", "error"),
        ("def f(x) { return x; } f(1, 2);", "", "error"),
        ("def f(x) { for i in range(3) { x = x + i; } return x; } f(10);", "", "13"),
    ]);
}

#[test]
fn loops_share_the_scope_around_them() {
    check(&[
        ("s = 0; for i in range(5) { s = s + i; } s;", "", "10"),
        ("for i in range(5) { last = i; } i + last;", "", "8"),
        ("s = 0; for a, b in [[1, 2], [3, 4]] { s = s + a * b; } s;", "", "14"),
        ("s = \"\"; for k in {\"x\": 1, \"y\": 2} { s = s + k; } s;", "", "\"xy\""),
        ("s = 0; for i in range(3) { s = s + indicator(indices > i); } s;", "\"abcde\"", "[0, 1, 2, 3, 3]"),
        ("for i in [] { x = 1; } x;", "", "error"),
        ("x = 7; [x for x in range(3)]; x;", "", "7"),
    ]);
}

#[test]
fn loaded_files_keep_their_secrets() {
    check(&[
        ("load \"secret\"; shown;", "", "2"),
        ("load \"secret\"; add_hidden(5);", "", "6"),
        ("load \"secret\"; _hidden;", "", "error"),
        ("_hidden = 5; load \"secret\"; _hidden + add_hidden(0);", "", "6"),
        ("5; load \"secret\"; out;", "", "5"),
        ("load \"outer\"; outer + inner;", "", "44"),
        ("of_the_caller = 1; load \"nosy\";", "", "error"),
        ("load \"circle\";", "", "error"),
        ("load \"missing\";", "", "error"),
        ("def f() { load \"inner\"; return inner; } f();", "", "4"),
        ("input tokens : 0..9; load \"declared\"; tripled;", "[9]", "[27]"),
    ]);
}
