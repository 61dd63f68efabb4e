//! After an error the parser goes on: one report for one mistake, and no good statement is lost.

use raspc::source::SourceId;
use raspc::syntax::ast::{Statement, StatementKind};
use raspc::syntax::{Completeness, completeness, continues, parse};

/// What the statements of a program are, in short: the names they bind, `_` for others, and
/// `!` for what could not be read.
fn outline(statements: &[Statement]) -> String {
    let one = |statement: &Statement| match &statement.kind {
        StatementKind::Assign { names, .. } => names[0].to_string(),
        StatementKind::Def(def) => format!("{}({})", def.name, outline(&def.body)),
        StatementKind::For { body, .. } => format!("for({})", outline(body)),
        StatementKind::Error => "!".to_owned(),
        _ => "_".to_owned(),
    };
    statements.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn recovers(text: &str, errors: usize, kept: &str) {
    let parsed = parse(SourceId::NOWHERE, text);
    assert_eq!(
        (parsed.errors.len(), outline(&parsed.ast.statements).as_str()),
        (errors, kept),
        "{text}: {:?}",
        parsed.errors
    );
}

#[test]
fn a_broken_statement_costs_only_itself() {
    recovers("a = 1; b = 2 2; c = 3;", 1, "a ! c");
    recovers("a = (1 + ; b = 2;", 1, "! b");
    recovers("a = ((1); b = 2;", 1, "! b");
    recovers("a = [1, 2); b = 2;", 1, "! b");
    recovers("a = {1: 2; b = 2;", 1, "! b");
    recovers("a = f(1 2; b = f(3 4); c = 5;", 2, "! ! c");
    recovers("1 = a; b = 2;", 1, "! b");
    recovers("a = 1 +", 1, "!");
}

#[test]
fn the_next_line_is_read_where_a_statement_ends_early() {
    recovers("a = (1 +\nb = 2;\nc = 3;", 1, "! b c");
    recovers("a = 1 +\nb = 2;", 1, "! b");
    recovers("a = f(1,\ndef g() { return 1; }", 1, "! g()");
    recovers("a = [x\nfor i in y];\nb = 1;", 0, "a b");
    recovers("a = f(x\noutput a;", 1, "! _");
}

#[test]
fn a_missing_semicolon_loses_nothing() {
    recovers("a = 1\nb = 2\nc = 3", 3, "a b c");
    recovers("a = 1\ninput x : 0..1;\nset example 1\nb = 2;", 1, "a _ _ b");
    recovers("a = 1\ndef f() { return a }\nb = f()", 3, "a f() b");
    recovers("for i in x { a = i }", 1, "for(a)");
    recovers("output a\nexample 1 => 2\nlength 1..2", 3, "_ _ _");
}

#[test]
fn errors_in_a_block_leave_the_rest_of_it() {
    recovers("def f() { a = ; b = 1; return b; } c = 1;", 1, "f(! b) c");
    recovers("def f() { a = 1; return ; } c = 1;", 1, "! c");
    recovers("def f() { a = 1; } c = 1;", 1, "! c");
    recovers("for i in x { a = (1; b = 2; } c = 1;", 1, "for(! b) c");
    recovers("def f() { return 1; a = 2; return 3; } c = 1;", 1, "f() c");
    recovers("def f() { for i in x { a = 1 1; } return 2; } c = 1;", 1, "f(for(!)) c");
    recovers("def f() { a = (1 } b = 1;", 2, "! b");
}

#[test]
fn a_broken_head_takes_its_block_with_it() {
    recovers("def f(x { a = 1; return a; } b = 1;", 1, "! b");
    recovers("def (x) { a = 1; return a; } b = 1;", 1, "! b");
    recovers("for in x { a = 1; b = {1: 2}; } c = 1;", 1, "! c");
    recovers("def f(x):\n    a = 1;\n    return a;\nb = 1;", 1, "! b");
    recovers("if x { a = 1; } else if y { b = 2; } else { c = 3; } d = 4;", 1, "! d");
    recovers("while x { a = {1: 2}; } d = 4;", 1, "! d");
    recovers("function f(x) { return x; } d = 4;", 1, "! d");
}

#[test]
fn blocks_that_stay_open_end_where_the_next_function_begins() {
    recovers("def f() {\n  return 1;\n\ndef g() {\n  return 2;\n}\nb = 1;", 1, "f() g() b");
    recovers("def f() {\n  return 1;", 1, "f()");
    recovers("a = 1; for i in x {\n  b = 1;\n", 1, "a !");
    recovers("def f() {\n  for i in x {\n    b = 1;\n", 1, "!");
}

#[test]
fn what_is_only_too_much_is_left_out() {
    recovers("a = 1;; b = 2;", 1, "a b");
    recovers("def f() { return 1; }; b = 2;", 1, "f() b");
    recovers("a = (1)); b = 2;", 1, "a b");
    recovers("a = 1; // one; two\nb = 2;", 1, "a b");
    recovers("a = 1; } b = 2;", 1, "a b");
}

#[test]
fn foreign_text_is_reported_alone() {
    recovers("a = 1 ? 2 : 3; b = 2;", 1, "! b");
    recovers("a = \"x;\nb = 2;", 1, "a b");
    recovers("a = 'x' + 'y'; b = 2;", 2, "a b");
    recovers("a = x && y; b = 2 2;", 2, "! !");
    recovers("@ a b; c = 2;", 1, "! c");
}

#[test]
fn errors_are_limited() {
    assert_eq!(parse(SourceId::NOWHERE, &"a = ;\n".repeat(200)).errors.len(), 50);
    assert_eq!(parse(SourceId::NOWHERE, &"@ \n".repeat(200)).errors.len(), 50);
}

#[test]
fn a_typed_text_is_complete_when_nothing_more_is_awaited() {
    for text in [
        "a;",
        "a = 1;",
        "",
        "# only this",
        "exit",
        "set example \"a\"",
        "a = 1 1;",
        "def f() { return 1; }",
        "def f() { return 1 }",
        "set example",
        "a);",
        "a b",
        "\"a",
    ] {
        assert_eq!(completeness(text), Completeness::Complete, "{text}");
    }
    for text in ["a", "a = 1", "a; b = 2 # both", "f(1)", "input tokens : 0..3", "a\n+ 1", "draw(a)"] {
        assert_eq!(completeness(text), Completeness::LacksSemicolon, "{text}");
    }
    for text in [
        "a =",
        "a = f(1,",
        "def f() {",
        "def f() { return 1;",
        "def f() { return 1",
        "for i in x { a;",
        "[1, 2",
        "{1: 2}[",
        "a = 1 +",
        "a if b",
        "set example [1,",
    ] {
        assert_eq!(completeness(text), Completeness::Unfinished, "{text}");
    }
}

#[test]
fn a_line_continues_the_one_before_if_both_read_as_one_statement() {
    for (text, next) in [("a = 1", "+ 2;"), ("a = 1", "+ 2"), ("a = b", "and (c"), ("f", "(1)"), ("a", ";")] {
        assert!(continues(text, next), "{text} | {next}");
    }
    for (text, next) in
        [("a = 1", "b = 2;"), ("a", "b"), ("a", "show example"), ("a", "def f() {"), ("a b", "+ 1")]
    {
        assert!(!continues(text, next), "{text} | {next}");
    }
}
