//! No text whatsoever makes the front end panic or hang: random bytes, random tokens, mutated
//! programs, deep nesting. `RASPC_FUZZ_CASES=200000 cargo test fuzz` tries more of each.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use raspc::interp::Interpreter;
use raspc::ir;
use raspc::ir::lower::{self, NoFiles, Outside};
use raspc::source::Sources;
use raspc::syntax::{Parsed, describe, format, parse, print, warnings};
use raspc::value::Value;

/// Does everything with a text that can be done with one.
fn survives(text: &str) {
    let mut sources = Sources::default();
    let source = sources.add("fuzz.rasp", text);
    let Parsed { ast, errors } = parse(source, text);
    for error in &errors {
        let span = describe(error, text).labels[0].span;
        assert!(span.start <= span.end && span.end as usize <= text.len(), "{span:?} of {text:?}");
        assert!(text.get(span.range()).is_some(), "{span:?} cuts a character of {text:?}");
    }
    if let Some(first) = errors.first() {
        describe(first, text).render(&sources, false);
    }
    for warning in warnings(&ast) {
        assert!(warning.labels.iter().all(|l| text.get(l.span.range()).is_some()), "{text:?}");
    }
    for statement in &ast.statements {
        print::statement(statement);
    }
    if errors.is_empty() {
        let formatted = format(&ast, text);
        let again = parse(source, &formatted);
        assert!(again.errors.is_empty() && again.ast == ast, "{text:?} became {formatted:?}");
        assert_eq!(again.ast.comments.len(), ast.comments.len(), "{text:?}");
        assert_eq!(format(&again.ast, &formatted), formatted, "from {text:?}");
    }
    lowers(text);
}

/// Whatever a text means can be told, and run on a small input.
fn lowers(text: &str) {
    let read = lower::read("fuzz.rasp", text, &NoFiles, &Outside::default());
    if let Some(first) = read.diagnostics.first() {
        first.render(&read.sources, false);
    }
    let Some(program) = read.program else { return };
    ir::print(&program, &read.sources);
    if program.graph.len() < 1_000 {
        let letters: Vec<Value> = ["a", "b", "a"].map(Value::str).to_vec();
        let _ = Interpreter::new(&program).outputs(&vec![letters; program.columns.len()]);
    }
}

/// How many cases each kind of text gets, for its share of all.
fn cases(percent: usize) -> usize {
    let all = std::env::var("RASPC_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    all * percent / 100
}

const PROGRAMS: [&str; 6] = [
    r#"# Peaks: True where a token has a neighbour and is larger than each one it has.
input tokens : 0..9;
length 1..10;
attention causal;
assume distinct(tokens);
output peak;
example [1, 3, 2] => [False, True, False];

def neighbour(seq, offset) {
    at = select(indices, indices + offset, ==);   # at most one
    return aggregate(at, seq, 0), aggregate(at, indicator(True));
}
left, has_left = neighbour(tokens, -1);
right, has_right = neighbour(tokens, 1);
peak = (has_left or has_right) and (tokens > left or not has_left) and (tokens > right or not has_right);
"#,
    r#"full = select(1, 1, ==);
n = round(1 / aggregate(full, indicator(indices == 0)));
flip = select(indices, n - indices - 1, ==);
reverse = aggregate(flip, tokens, "-");
reverse("abc");
"#,
    r#"set example "(())"
show example
full seq display on
def depths(pairs) {
    total = 0;
    for pair in pairs {
        before = select(indices, indices, <=);
        opened = aggregate(before, indicator(tokens == pair[0]));
        closed = aggregate(before, indicator(tokens == pair[1]));
        total = total + (opened - closed) * (indices + 1);
    }
    return total;
}
depth = depths(["()", "[]", "{}"]);
s-op examples off
draw(depth, "()[]");
bad = depth < 0;
exit
"#,
    r#"load "library";
input word : {"a", "b", "c"};
input size : -1..1;
values = {"a": 1, "b": 2, "c": 3};
doubled = {k: values[k] * 2 for k in values};
squares = [x ^ 2 for x in range(1, 10, 2)];
pairs = [[a, b] for a, b in zip(squares, [1, 2, 3, 4, 5])];
score = doubled[word] % 2 * 3 if word in ["a", "b"] else len(pairs) if size == 0 else -1;
"#,
    r#"def count(seq, atom) {
    return round(length * aggregate(full_s, indicator(seq == atom)));
}
def apply(f, x) { return f(x); }
def twice(f) { def g(x) { return f(f(x)); } return g; }
add = apply;
a, b = count(tokens, "a"), count(tokens, "b");
balanced = a == b and not (a < 0) or a in [1, 2];
quot = a / (b + 1) - 0.5;
"#,
    "x = indices;\nfor i in range(3) { for j in range(i) { x = x + i * j; } }\ny = x if x > 2 else (0 if x == 1 else -x);\n\n# done\n",
];

#[test]
fn real_programs_have_no_errors() {
    for program in PROGRAMS {
        assert_eq!(parse(raspc::source::SourceId::NOWHERE, program).errors, [], "{program}");
        survives(program);
    }
}

#[test]
fn random_characters() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let common: Vec<char> = "ab01 \t\r\n\"'#()[]{},;:=<>!+-*/%^._äß“\u{0}\u{feff}\u{1F600}".chars().collect();
    for _ in 0..cases(20) {
        let length = rng.random_range(0..60);
        let bytes: Vec<u8> = (0..length).map(|_| rng.random()).collect();
        survives(&String::from_utf8_lossy(&bytes));
        let text: String = (0..length).map(|_| *common.choose(&mut rng).expect("some")).collect();
        survives(&text);
    }
}

const WORDS: [&str; 102] = [
    "a",
    "b",
    "tokens",
    "length",
    "input",
    "output",
    "assume",
    "attention",
    "0",
    "12",
    "0.5",
    "\"s\"",
    "\"",
    "True",
    "select(",
    "select",
    "aggregate(",
    "aggregate",
    "range(",
    "zip(",
    "len(",
    "and",
    "or",
    "not",
    "if",
    "else",
    "for",
    "in",
    "def",
    "return",
    "load",
    "draw",
    "round",
    "indicator",
    "set",
    "show",
    "s-op",
    "selector",
    "example",
    "examples",
    "on",
    "off",
    "full seq display",
    "exit",
    "quit()",
    "==",
    "!=",
    "<=",
    ">=",
    "<",
    ">",
    "=>",
    "..",
    "=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    ":",
    ";\n",
    ";\n",
    ";\n",
    ";\n",
    "\n",
    "\n",
    "# c\n",
    "a = ",
    "a = ",
    "b, a = ",
    "f(x)",
    "def f(a) {",
    "return a; }",
    "for i in a {",
    "while",
    "elif",
    "'x'",
    "**",
    "&&",
    r#"e"\"\n""#,
    r#"e"\q""#,
    r#""\""#,
    "\"\"\"",
    "'''",
    ">>",
    "//",
    "/*",
    ".",
    ":=",
    "->",
    "lambda",
    "Select(",
    "--",
];

#[test]
fn random_tokens() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..cases(40) {
        let mut text = String::new();
        for _ in 0..rng.random_range(1..40) {
            text += WORDS.choose(&mut rng).expect("some");
            text += if rng.random_bool(0.9) { " " } else { "" };
        }
        survives(&text);
    }
}

#[test]
fn mutated_programs() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..cases(40) {
        let mut text: Vec<char> = PROGRAMS.choose(&mut rng).expect("some").chars().collect();
        for _ in 0..rng.random_range(1..5) {
            mutate(&mut text, &mut rng);
        }
        survives(&text.into_iter().collect::<String>());
    }
}

fn mutate(text: &mut Vec<char>, rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..=text.len());
    let end = (at + rng.random_range(0..8)).min(text.len());
    match rng.random_range(0..4) {
        0 => drop(text.drain(at..end)),
        1 => drop(text.splice(at..at, WORDS.choose(rng).expect("some").chars())),
        2 => {
            let piece = text[at..end].to_vec();
            let to = rng.random_range(0..=text.len());
            text.splice(to..to, piece);
        }
        _ => drop(text.splice(at..end, WORDS.choose(rng).expect("some").chars())),
    }
}

#[test]
fn deep_nesting_ends_in_a_message() {
    let n = 100_000;
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("{1:", "}"),
        ("f(", ")"),
        ("select(", ")"),
        ("a[", "]"),
        ("-", ""),
        ("not ", ""),
        ("1 + ", ""),
        ("1 ^ (", ")"),
        ("a if b else ", ""),
        ("a if ", " else b"),
        ("[a for a in ", "]"),
    ] {
        survives(&format!("x = {};", open.repeat(n)));
        survives(&open.repeat(n));
        survives(&format!("x = {}1{};", open.repeat(n), close.repeat(n)));
        survives(&format!("x = 1{}; y = 2;", close.repeat(n)));
    }
    for (open, close) in [("def f() { ", "return 1; }"), ("for i in x { ", "}"), ("for i in x {", "a; }")] {
        survives(&open.repeat(n));
        survives(&format!("{}a;{}", open.repeat(n), close.repeat(n)));
    }
    for piece in [
        "1 + ", "a in ", "f(x)", "[0]", ", a", "; ", "\n", "\"", "#", "a\n", ")", "exit\n", "a = ",
        "\u{feff}", "@ ", "'", "a", "ä", "1", " ", "\t", "\u{0}", "“", "„", "a.", "0.", "..", "=", "!",
    ] {
        for before in ["", "x = a", "# ", "\"", "'", "“", "x = \""] {
            survives(&format!("{before}{};", piece.repeat(n / 10)));
        }
    }
}

#[test]
fn what_is_just_not_too_deep_survives_everything() {
    let nests = [
        ("(", ")"),
        ("[", "]"),
        ("f(", ")"),
        ("-", ""),
        ("1 ^ (", ")"),
        ("a[", "]"),
        ("not (", " == b)"),
        ("(a or b and ", ")"),
        ("a if b else c if (", ") else d"),
    ];
    for (open, close) in nests {
        for n in [130, 190, 200, 397, 398, 399, 400] {
            survives(&format!("x = {}1{};", open.repeat(n), close.repeat(n)));
        }
    }
    survives(&format!("x = 1{};", " + 1".repeat(398)));
    survives(&format!("x = 1{};", " < 1".repeat(398)));
    survives(&format!("{}a;{}", "for i in x {".repeat(390), "}".repeat(390)));
    survives(&format!("{}{}", "def f(x) {".repeat(390), "return 1; }".repeat(390)));
}

#[test]
fn ten_kilobytes_with_an_error_in_every_statement_survive() {
    for program in PROGRAMS {
        let many = program.repeat(10_000 / program.len());
        survives(&many);
        // An error in every statement.
        survives(&many.replace(';', " ) ;"));
        survives(&many.replace(';', ""));
        survives(&many.replace('}', ""));
        survives(&many.replace('(', ""));
    }
}
