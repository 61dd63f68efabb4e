//! Printing and formatting: random trees come back, formatting twice changes nothing, and no
//! comment is lost.

use crate::common::{formats, tree};
use proptest::prelude::*;
use raspc::source::{SourceId, Span, Spanned};
use raspc::syntax::ast::*;
use raspc::syntax::{format, parse, print};
use raspc::value::{Compare, Number};
use std::sync::Arc;

fn nowhere() -> Span {
    Span::new(SourceId::NOWHERE, 0, 0)
}

fn node(kind: ExprKind) -> Expr {
    Expr { kind, span: nowhere(), depth: 1 }
}

fn placed(kind: StatementKind) -> Statement {
    Statement { kind, span: nowhere(), depth: 1 }
}

fn name() -> impl Strategy<Value = Name> {
    // Also words that mean something elsewhere; not `assume` and `output`, whose meaning before a
    // bracket depends on the whole program.
    const WORDS: [&str; 9] = ["a", "tokens", "_x1", "length", "input", "attention", "full", "select", "len"];
    prop::sample::select(&WORDS[..]).prop_map(|word| Spanned { value: Arc::from(word), span: nowhere() })
}

fn names() -> impl Strategy<Value = Vec<Name>> {
    prop::collection::vec(name(), 1..3)
}

fn number() -> impl Strategy<Value = Number> {
    (0..2000_i64, prop::sample::select(&[1, 2, 4, 5, 1000][..]))
        .prop_map(|(n, d)| Number::ratio(n, d).expect("the denominator is positive"))
}

fn string() -> impl Strategy<Value = Arc<str>> {
    "[a-zä #'\"\n\t\\\\;(]{0,4}".prop_map(Arc::from)
}

fn compare() -> impl Strategy<Value = Compare> {
    prop::sample::select(&Compare::ALL[..])
}

fn binary_op() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp as B;
    let plain =
        prop::sample::select(&[B::Add, B::Sub, B::Mul, B::Div, B::Mod, B::Pow, B::And, B::Or, B::In][..]);
    prop_oneof![4 => plain, 1 => compare().prop_map(B::Compare)]
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        name().prop_map(|n| node(ExprKind::Name(n.value))),
        number().prop_map(|n| node(ExprKind::Number(n))),
        string().prop_map(|s| node(ExprKind::Str(s))),
    ];
    leaf.prop_recursive(6, 60, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..4);
        let one = || inner.clone().prop_map(Box::new);
        let unary = prop::sample::select(&[UnaryOp::Not, UnaryOp::Neg, UnaryOp::Pos][..]);
        let functions = [Builtin::Range, Builtin::Zip, Builtin::Len, Builtin::Round, Builtin::Indicator];
        let pairs = prop::collection::vec((inner.clone(), inner.clone()), 0..3);
        prop_oneof![
            1 => one().prop_map(ExprKind::Paren),
            1 => some().prop_map(ExprKind::List),
            1 => pairs.prop_map(ExprKind::Dict),
            1 => (one(), names(), one())
                .prop_map(|(element, names, iterable)| ExprKind::ListFor { element, names, iterable }),
            1 => (one(), one(), names(), one())
                .prop_map(|(key, value, names, iterable)| ExprKind::DictFor { key, value, names, iterable }),
            1 => (one(), one(), compare()).prop_map(|(key, query, op)| ExprKind::Select { key, query, op }),
            1 => (one(), one(), prop::option::of(one()))
                .prop_map(|(selector, value, default)| ExprKind::Aggregate { selector, value, default }),
            1 => (prop::sample::select(functions.to_vec()), some())
                .prop_map(|(function, args)| ExprKind::Builtin { function, args }),
            2 => (one(), one()).prop_map(|(base, index)| ExprKind::Index { base, index }),
            2 => (one(), some()).prop_map(|(callee, args)| ExprKind::Call { callee, args }),
            3 => (unary, one()).prop_map(|(op, operand)| ExprKind::Unary { op, operand }),
            8 => (binary_op(), one(), one()).prop_map(|(op, left, right)| ExprKind::Binary { op, left, right }),
            3 => (one(), one(), one())
                .prop_map(|(then, condition, otherwise)| ExprKind::If { then, condition, otherwise }),
        ]
        .prop_map(node)
    })
}

fn exprs() -> impl Strategy<Value = Vec<Expr>> {
    prop::collection::vec(expr(), 1..3)
}

fn literal() -> impl Strategy<Value = Literal> {
    let kind = prop_oneof![
        (number(), any::<bool>()).prop_map(|(n, negative)| LiteralKind::Number(if negative {
            n.neg()
        } else {
            n
        })),
        (number(), 1_i64..9).prop_map(|(n, d)| LiteralKind::Ratio(n, d.into())),
        string().prop_map(LiteralKind::Str),
        prop::sample::select(&["True", "False"][..]).prop_map(|name| LiteralKind::Name(name.into())),
    ];
    kind.prop_map(|kind| Literal { kind, span: nowhere() })
}

fn declaration() -> impl Strategy<Value = Declaration> {
    let item = prop_oneof![
        literal().prop_map(DomainItem::One),
        (literal(), literal()).prop_map(|(from, to)| DomainItem::Range(from, to)),
    ];
    let bound = || number().prop_map(|value| Spanned { value, span: nowhere() });
    prop_oneof![
        (name(), prop::collection::vec(item, 1..3))
            .prop_map(|(name, domain)| Declaration::Input { name, domain }),
        (prop::option::of(bound()), bound()).prop_map(|(min, max)| Declaration::Length { min, max }),
        name().prop_map(|mode| Declaration::Attention { mode }),
        (exprs(), exprs()).prop_map(|(inputs, expected)| Declaration::Example { inputs, expected }),
    ]
}

fn which() -> impl Strategy<Value = Which> {
    prop::sample::select(&[Which::Both, Which::SOps, Which::Selectors][..])
}

fn repl() -> impl Strategy<Value = Repl> {
    prop_oneof![
        (which(), expr()).prop_map(|(of, example)| Repl::SetExample { of, example }),
        which().prop_map(|of| Repl::ShowExample { of }),
        (which(), any::<bool>()).prop_map(|(of, on)| Repl::Examples { of, on }),
        any::<bool>().prop_map(|on| Repl::FullSeqDisplay { on }),
        Just(Repl::Exit),
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    use StatementKind as S;
    let leaf = prop_oneof![
        2 => expr().prop_map(S::Expr),
        4 => (names(), exprs()).prop_map(|(names, values)| S::Assign { names, values }),
        1 => "[a-z/]{0,5}".prop_map(|path| S::Load { path: Spanned { value: path.into(), span: nowhere() } }),
        1 => (expr(), prop::option::of(expr())).prop_map(|(what, input)| S::Draw { what, input }),
        2 => declaration().prop_map(S::Declare),
        2 => repl().prop_map(S::Repl),
    ];
    leaf.prop_map(placed).prop_recursive(3, 12, 3, |inner| {
        let body = |least| prop::collection::vec(inner.clone(), least..3);
        prop_oneof![
            (name(), prop::collection::vec(name(), 0..3), body(0), exprs()).prop_map(
                |(name, parameters, body, returns)| S::Def(Arc::new(Def { name, parameters, body, returns }))
            ),
            (names(), expr(), body(1)).prop_map(|(names, iterable, body)| S::For { names, iterable, body }),
        ]
        .prop_map(placed)
    })
}

/// A random expression; a failing test shows its text.
struct Shown(Expr);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&print::expr(&self.0))
    }
}

/// A random program; a failing test shows its text.
struct Program(Ast);

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&format(&self.0, ""))
    }
}

fn program() -> impl Strategy<Value = Program> {
    prop::collection::vec(statement(), 0..4)
        .prop_map(|statements| Program(Ast { statements, comments: Vec::new() }))
}

/// The text with `gaps` strewn over the places between two tokens, in turn.
fn strew(text: &str, gaps: &[&str]) -> String {
    let mut gaps = gaps.iter().cycle();
    let mut out = String::new();
    for (i, line) in text.lines().enumerate() {
        // Line ends matter to REPL statements alone.
        out.push_str(if i > 0 { "\n" } else { "" });
        let repl = ["set", "show", "s-op", "selector", "examples", "full seq", "exit"];
        if repl.iter().any(|word| line.trim_start().starts_with(word)) {
            out.push_str(line);
            continue;
        }
        let (mut in_string, mut before, mut escapes, mut escaped) = (false, ' ', false, false);
        for c in line.chars() {
            if c == '"' && !escaped {
                in_string = !in_string;
                escapes = in_string && before == 'e';
            }
            escaped = escapes && c == '\\' && !escaped;
            before = c;
            match c {
                ' ' | ';' if !in_string => out.push_str(gaps.next().expect("a cycle")),
                _ => {}
            }
            out.push(c);
        }
    }
    out
}

fn comments(text: &str) -> Vec<String> {
    let mut all: Vec<_> = parse(SourceId::NOWHERE, text).ast.comments.into_iter().map(|c| c.text).collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_expression_is_parsed_to_itself(expr in expr().prop_map(Shown)) {
        let text = format!("x = {expr:?};");
        let ast = tree(&text);
        let StatementKind::Assign { values, .. } = &ast.statements[0].kind else { panic!("{text}") };
        prop_assert!(values[0] == expr.0, "{}", text);
    }

    #[test]
    fn a_formatted_program_is_parsed_to_itself(Program(ast) in program()) {
        let text = format(&ast, "");
        let again = tree(&text);
        prop_assert!(again == ast, "{}", text);
        prop_assert_eq!(format(&again, &text), text);
    }

    #[test]
    fn formatting_twice_changes_nothing_and_no_comment_is_lost(
        Program(program) in program(),
        gaps in prop::collection::vec(
            prop::sample::select(&["", " ", "\n", "\n\n\n", "# one\n", " # two\n\n\n# three\r\n"][..]), 1..9),
    ) {
        let text = strew(&format(&program, ""), &gaps);
        let ast = tree(&text);
        let once = format(&ast, &text);
        let again = tree(&once);
        prop_assert!(again == ast, "{}", once);
        prop_assert_eq!(comments(&once), comments(&text), "{}", once);
        prop_assert_eq!(format(&again, &once), once);
    }
}

#[test]
fn comments_stay_where_they_explain() {
    formats(
        "# head\n\n\n\na=1; # one\n# before b\nb = [1, # inside\n 2] ; c=3;\n\n# end",
        "# head\n\na = 1;  # one\n# before b\n# inside\nb = [1, 2];\nc = 3;\n\n# end\n",
    );
    formats(
        "def f(x, # an argument\n y) { # a function\n\n # its body\n a=x;\n\n\n # its end\n return a # odd\n ; # last\n # nothing\n } # after\nf(1,2);",
        "# an argument\ndef f(x, y) {  # a function\n    # its body\n    a = x;\n\n    # its end\n    # odd\n    return a;  # last\n    # nothing\n}  # after\nf(1, 2);\n",
    );
    formats("for i in x {i; # i\n }#x\nexit; # bye", "for i in x {\n    i;  # i\n}  #x\nexit  # bye\n");
    formats("# only this", "# only this\n");
    formats("", "");
}

#[test]
fn numbers_stay_as_written() {
    formats("x = 007 + 1.50;input t:0.50..1.0;", "x = 007 + 1.50;\ninput t : 0.50..1.0;\n");
}

#[test]
fn long_lines_are_broken() {
    formats(
        "answer = aggregate(select(first_of_the_keys, first_of_the_queries, ==) and select(second_of_the_keys, second_of_the_queries, <), value_to_fetch, 0);",
        "answer = aggregate(
    select(first_of_the_keys, first_of_the_queries, ==)
        and select(second_of_the_keys, second_of_the_queries, <),
    value_to_fetch,
    0
);
",
    );
    formats(
        "x = the_first_of_several_long_names + the_second_of_several_long_names * the_third_of_several_long_names - 1;",
        "x = the_first_of_several_long_names
    + the_second_of_several_long_names * the_third_of_several_long_names
    - 1;
",
    );
    formats(
        "n = round(aggregate(select(the_first_of_the_keys, the_first_of_the_queries, ==), indicator(the_value == 1)));",
        "n = round(aggregate(
    select(the_first_of_the_keys, the_first_of_the_queries, ==),
    indicator(the_value == 1)
));
",
    );
    formats(
        "def a_function_with_a_long_name(and_its_first_parameter, and_its_second_parameter, and_its_third_one) { return 1; }",
        "def a_function_with_a_long_name(
    and_its_first_parameter,
    and_its_second_parameter,
    and_its_third_one
) {
    return 1;
}
",
    );
    formats(
        "label = \"something that is long\" if the_condition_is_long_too == 1 else \"something else that is long\";",
        "label = \"something that is long\"
    if the_condition_is_long_too == 1
    else \"something else that is long\";
",
    );
}
