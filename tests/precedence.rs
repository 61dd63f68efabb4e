//! What binds to what: each precedence and oddity of the RASP tool, by comparing a text with
//! the same text in full parentheses (equality of trees ignores parentheses).

use crate::common::{formats, tree};
use raspc::source::SourceId;
use raspc::syntax::ast::{Expr, ExprKind, Repl, Statement, StatementKind, Which};
use raspc::syntax::{parse, parse_among};

fn kinds(text: &str) -> Vec<StatementKind> {
    tree(text).statements.into_iter().map(|s| s.kind).collect()
}

/// The one expression statement of a text.
fn expression(text: &str) -> Expr {
    match kinds(&format!("{text};")).as_slice() {
        [StatementKind::Expr(expr)] => expr.clone(),
        other => panic!("{text}: {other:?}"),
    }
}

#[track_caller]
fn means(short: &str, full: &str) {
    assert_eq!(expression(short), expression(full), "{short} should mean {full}");
}

#[track_caller]
fn differs(short: &str, other: &str) {
    assert_ne!(expression(short), expression(other), "{short} should not mean {other}");
}

#[track_caller]
fn refused(text: &str) {
    assert!(!parse(SourceId::NOWHERE, text).errors.is_empty(), "{text} should be an error");
}

#[test]
fn equality_of_trees_sees_the_grouping() {
    differs("(a - b) - c", "a - (b - c)");
    means("((a - b)) - (c)", "(a - b) - c");
}

#[test]
fn every_binary_operator_is_left_associative() {
    for op in ["+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in"] {
        means(&format!("a {op} b {op} c"), &format!("(a {op} b) {op} c"));
        differs(&format!("a {op} b {op} c"), &format!("a {op} (b {op} c)"));
    }
}

#[test]
fn unary_operators_bind_tighter_than_binary_ones() {
    means("not a == b", "(not a) == b");
    means("-a ^ 2", "(-a) ^ 2");
    means("not x in [1]", "(not x) in [1]");
    means("not a and b", "(not a) and b");
    means("-a * b", "(-a) * b");
    means("+a - -b", "(+a) - (-b)");
    means("not not a", "not (not a)");
    means("not -a", "not (-a)");
    means("not a if b else c", "(not a) if b else c");
}

#[test]
fn indexing_and_calls_bind_tighter_than_unary_operators() {
    means("-a[0]", "-(a[0])");
    means("not f(x)", "not (f(x))");
    means("f(x)(y)[z]", "((f(x))(y))[z]");
    means("-f(x)[0] ^ 2", "(-((f(x))[0])) ^ 2");
}

#[test]
fn power_binds_tighter_than_product() {
    means("a * b ^ c", "a * (b ^ c)");
    means("a ^ b * c", "(a ^ b) * c");
}

#[test]
fn product_and_quotient_share_a_level() {
    means("a * b / c * d", "((a * b) / c) * d");
}

#[test]
fn remainder_is_looser_than_product_and_tighter_than_sum() {
    means("a % b * c", "a % (b * c)");
    means("a * b % c / d", "(a * b) % (c / d)");
    means("a + b % c", "a + (b % c)");
    means("a % b - c", "(a % b) - c");
}

#[test]
fn sum_binds_tighter_than_comparison() {
    means("a + b < c - d", "(a + b) < (c - d)");
    means("a - b + c", "(a - b) + c");
}

#[test]
fn comparisons_chain_to_the_left() {
    means("a < b < c", "(a < b) < c");
    means("a == b <= c != d", "((a == b) <= c) != d");
    means("a == b and c > d", "(a == b) and (c > d)");
}

#[test]
fn and_and_or_share_a_level() {
    means("a or b and c", "(a or b) and c");
    means("a and b or c and d", "((a and b) or c) and d");
    differs("a or b and c", "a or (b and c)");
}

#[test]
fn conditionals_are_looser_than_logic_and_left_associative() {
    means("a or b if c and d else e or f", "(a or b) if (c and d) else (e or f)");
    means("a if c else b if d else e", "(a if c else b) if d else e");
    differs("a if c else b if d else e", "a if c else (b if d else e)");
    means("a if b if c else d else e", "a if (b if c else d) else e");
}

#[test]
fn in_is_loosest() {
    means("a == b in c", "(a == b) in c");
    means("a or b in c", "(a or b) in c");
    means("a in b if c else d", "a in (b if c else d)");
    means("a if c else b in d", "(a if c else b) in d");
    means("x if a in b else y", "x if (a in b) else y");
    means("a in b + c", "a in (b + c)");
}

#[test]
fn brackets_hold_any_expression() {
    means("[a in b, c if d else e]", "[(a in b), (c if d else e)]");
    means("{a or b: c in d}", "{(a or b): (c in d)}");
    means("f(a in b)", "f((a in b))");
    means("a[b in c]", "a[(b in c)]");
    means("[a in b for c in d in e]", "[(a in b) for c in (d in e)]");
    means("select(a in b, c or d, ==)", "select((a in b), (c or d), ==)");
    means("aggregate(s, a if b else c, d in e)", "aggregate(s, (a if b else c), (d in e))");
}

#[test]
fn the_fixtures_of_the_rasp_tool_keep_their_grouping() {
    means("indices % 2 * 3", "indices % (2 * 3)");
    means("not indices == 0", "(not indices) == 0");
    means(
        r#"1 if tokens=="a" else 2 if tokens=="b" else 3"#,
        r#"(1 if (tokens == "a") else 2) if (tokens == "b") else 3"#,
    );
}

// Lexing.

#[test]
fn glued_words_are_functions_only_with_their_parenthesis() {
    assert!(matches!(expression("select(a, b, ==)").kind, ExprKind::Select { .. }));
    assert!(matches!(expression("aggregate(a, b)").kind, ExprKind::Aggregate { .. }));
    for word in ["len", "zip", "range", "aggregate", "select"] {
        assert!(matches!(expression(&format!("{word} (a, b)")).kind, ExprKind::Call { .. }), "{word}");
        tree(&format!("{word} = 1; {word};"));
    }
    for word in ["len", "zip", "range", "round", "indicator"] {
        assert!(matches!(expression(&format!("{word}(a)")).kind, ExprKind::Builtin { .. }), "{word}");
    }
    assert!(matches!(expression("round (a)").kind, ExprKind::Builtin { .. }));
    assert!(matches!(expression("indicator\n(a)").kind, ExprKind::Builtin { .. }));
    refused("select (a, b, ==);");
    assert!(matches!(expression("my_select(a)").kind, ExprKind::Call { .. }));
    assert!(matches!(expression("length(a)").kind, ExprKind::Call { .. }));
}

#[test]
fn words_of_the_tool_cannot_be_names() {
    let words = [
        "round",
        "indicator",
        "draw",
        "load",
        "selector",
        "example",
        "examples",
        "on",
        "off",
        "exit",
        "quit",
        "set",
        "show",
        "s-op",
        "def",
        "for",
        "in",
        "if",
        "else",
        "not",
        "and",
        "or",
        "return",
    ];
    for word in words {
        refused(&format!("{word} = 1;"));
    }
    tree("full = 1; sop = 1; full_s = 1; out = 2; seq = 3; display = 4; e1 = 5; onto = 6; forest = 7;");
    tree("full; full + seq; full\nseq_display;".replace("full\nseq", "full_seq").as_str());
}

#[test]
fn numbers_and_strings() {
    assert_eq!(expression("007"), expression("7"));
    assert_eq!(expression("1.50"), expression("1.5"));
    assert_eq!(expression("2.0"), expression("2"));
    for text in [".5;", "1.;", "1e3;", "1..2;", "'a';", "\"a;", "\"a\nb\";", "1_000;", "a != ;", "2a;"] {
        refused(text);
    }
    let ExprKind::Str(text) = expression(r#""ä 'x' \ # 1""#).kind else { panic!("a string") };
    assert_eq!(&*text, r"ä 'x' \ # 1");
    assert_eq!(expression(r#""""#).kind, ExprKind::Str("".into()));
}

#[test]
fn inequality_is_also_an_operator() {
    means("a != b and c", "(a != b) and c");
}

// Statements.

#[test]
fn statements_may_share_and_span_lines() {
    assert_eq!(tree("a = 1; b = 2;"), tree("a\n=\n1\n;\nb = 2;"));
    assert_eq!(tree("a = [1, # one\n 2];"), tree("a = [1, 2];"));
    refused("a = b = 1;");
    refused("a[0] = 1;");
    refused("(a, b);");
    refused("a = 1");
}

#[test]
fn several_names_take_several_values() {
    let [StatementKind::Assign { names, values }] = &kinds("a, b = x, y;")[..] else { panic!("one") };
    assert_eq!((names.len(), values.len()), (2, 2));
}

#[test]
fn functions_end_with_their_one_return() {
    let text = "def f(a, b) { x = a; def g() { return x; } for i in b { x = g(); } return x, b; }";
    let [StatementKind::Def(def)] = &kinds(text)[..] else { panic!("one") };
    assert_eq!((def.parameters.len(), def.body.len(), def.returns.len()), (2, 3, 2));
    refused("def f() { a = 1; }");
    refused("def f() { return 1; a = 2; }");
    refused("def f() { return 1; return 2; }");
    refused("def f() { return 1; };");
    refused("for i in x { }");
    refused("return 1;");
    tree("for i, j in x { i; }");
}

#[test]
fn repl_statements_end_with_their_line() {
    let text = "set example \"abc\"\nshow s-op example\nexamples off\nfull seq display on\nexit\nquit()\na;";
    let kinds = kinds(text);
    assert_eq!(kinds.len(), 7);
    assert!(matches!(&kinds[1], StatementKind::Repl(Repl::ShowExample { of: Which::SOps })));
    assert!(matches!(&kinds[3], StatementKind::Repl(Repl::FullSeqDisplay { on: true })));
    assert!(matches!(&kinds[5], StatementKind::Repl(Repl::Exit)));
    assert!(matches!(&kinds[6], StatementKind::Expr(_)));
    tree("set example [1,\n 2,\n 3]\na;");
    tree("set selector example \"a\" # why\na;");
    assert_eq!(tree("selector examples on\n"), tree("selector examples on;"));
    refused("set example \"abc\" a = 1;");
}

#[test]
fn declarations_are_words_only_where_they_begin_one() {
    let declares = |text: &str| matches!(kinds(text).as_slice(), [StatementKind::Declare(_)]);
    for text in [
        "input tokens : 0..9;",
        "input x : {\"a\", \"b\", -1..1, True};",
        "input x : \"a\"..\"z\";",
        "length 1..10;",
        "attention causal;",
        "assume distinct(tokens);",
        "assume not a;",
        "output a, b;",
        "output not a;",
        "example [1, 3, 2] => [False, True, False];",
    ] {
        assert!(declares(text), "{text} declares");
    }
    for text in [
        "length = 3;",
        "input(x);",
        "output = a;",
        "length;",
        "length + 1;",
        "input[0];",
        "assume, output = 1, 2;",
        "attention in [1];",
        "length == 3;",
        "length - 1;",
        "output if a else b;",
    ] {
        assert!(!declares(text), "{text} declares nothing");
    }
    tree("x = {length: 1, input: 2}; for output in [1] { length = output; }");
    tree("def f(input, length) { output = input; return output; } f(length, attention);");
}

#[test]
fn assumptions_and_outputs_may_begin_with_a_bracket_where_the_word_is_no_name() {
    let first = |text: &str| tree(text).statements.remove(0).kind;
    for text in
        ["assume (a or b) == c;", "output (a), b;", "output [a, b][c];", "output -a;", "assume [a] == b;"]
    {
        assert!(matches!(first(text), StatementKind::Declare(_)), "{text}");
        formats(text, &format!("{text}\n"));
    }
    for text in [
        "assume(a); def assume(x) { return x; }",
        "output(a); a, output = 1, 2;",
        "output[0]; output = [1];",
        "output - 1; input output : 0..9;",
        "assume(a); for i, assume in b { i; }",
        "assume(a); x = assume;",
        "assume(a); load \"other\";",
    ] {
        assert!(matches!(first(text), StatementKind::Expr(_)), "{text}");
    }
    let later = parse_among(SourceId::NOWHERE, "output[0];", |name| name == "output");
    assert!(matches!(later.ast.statements[0].kind, StatementKind::Expr(_)));
}

#[test]
fn statements_know_where_they_stand() {
    let text = "a = 1;\n  def f() { return a; }\nexit\n";
    let spans = |statements: &[Statement]| -> Vec<String> {
        statements.iter().map(|s| text[s.span.range()].to_owned()).collect()
    };
    assert_eq!(spans(&tree(text).statements), ["a = 1;", "def f() { return a; }", "exit"]);
}
