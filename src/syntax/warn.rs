//! Warnings for what means something else in RASP than it seems to.
//!
//! Its precedences differ from those of other languages (see `BinaryOp::precedence`). Where
//! that changes the meaning and no parentheses show it, a warning does. Parentheses silence it.

use super::ast::*;
use super::parse::{children, parts};
use super::print;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::value::Value;
use crate::value::notation::quoted;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Every surprise in a program, in the order of the text.
pub fn warnings(ast: &Ast) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut repl = Vec::new();
    for statement in &ast.statements {
        visit_statement(statement, &mut found, &mut repl);
    }
    found.extend(repl_statements(&repl));
    found.sort_by_key(|d: &Diagnostic| d.labels.first().map(|l| l.span));
    found
}

fn visit_statement(statement: &Statement, found: &mut Vec<Diagnostic>, repl: &mut Vec<Span>) {
    match &statement.kind {
        StatementKind::Expr(expr) => found.extend(comparison_without_effect(expr)),
        StatementKind::Repl(_) | StatementKind::Draw { .. } => repl.push(statement.span),
        StatementKind::Assign { .. }
        | StatementKind::Def(_)
        | StatementKind::For { .. }
        | StatementKind::Load { .. }
        | StatementKind::Error => {}
        StatementKind::Declare(declaration) => {
            if let Declaration::Input { domain, .. } = declaration {
                found.extend(repeated_values(domain));
                found.extend(one_word(domain));
                found.extend(domain.iter().filter_map(|item| match item {
                    DomainItem::One(Literal { kind: LiteralKind::Str(text), span }) => {
                        escape_in_plain(text, *span)
                    }
                    DomainItem::One(_) | DomainItem::Range(..) => None,
                }));
            }
        }
    }
    let (exprs, body) = parts(&statement.kind);
    for expr in exprs {
        visit(expr, None, found);
    }
    for statement in body {
        visit_statement(statement, found, repl);
    }
}

/// Values of a domain that are equal to one before them: `True` is 1.
fn repeated_values(domain: &[DomainItem]) -> Vec<Diagnostic> {
    let value = |literal: &Literal| match &literal.kind {
        LiteralKind::Number(number) => Some(Value::Number(number.clone())),
        LiteralKind::Ratio(n, d) => n.div(d).ok().map(Value::Number),
        LiteralKind::Str(text) => Some(Value::Str(text.clone())),
        LiteralKind::Name(name) if **name == *"True" => Some(Value::Bool(true)),
        LiteralKind::Name(name) if **name == *"False" => Some(Value::Bool(false)),
        LiteralKind::Name(_) => None,
    };
    let mut seen: HashMap<Value, &Literal> = HashMap::new();
    let mut found = Vec::new();
    for item in domain {
        let DomainItem::One(literal) = item else { continue };
        let Some(value) = value(literal) else { continue };
        match seen.entry(value.canonical()) {
            Entry::Vacant(free) => {
                free.insert(literal);
            }
            Entry::Occupied(first) => {
                let report = Diagnostic::warning("W0111", "a value stands in the domain twice")
                    .label(literal.span, "equal to a value before it, so it is left out")
                    .label(first.get().span, "the one that is kept");
                let help = "`True` equals 1 and `False` equals 0; strings are different from both";
                let named = |l: &Literal| matches!(l.kind, LiteralKind::Name(_));
                let mixed = named(first.get()) != named(literal);
                found.push(if mixed { report.help(help) } else { report });
            }
        }
    }
    found
}

/// `"\n"`, which is two characters. `span` is where the string stands.
fn escape_in_plain(text: &str, span: Span) -> Option<Diagnostic> {
    let (escape, meaning) =
        [("\\n", "a line break"), ("\\t", "a tab")].into_iter().find(|(escape, _)| text.contains(escape))?;
    // With quotes around it, and nothing else: a string with escapes is longer.
    let plain = span.range().len() == text.len() + 2;
    plain.then(|| {
        Diagnostic::warning("W0117", format!("`{escape}` in a plain string is two characters"))
            .label(span, "`\\` is an ordinary character here")
            .help(format!("for {meaning}, write `e\"{escape}\"`, with `e` before the string"))
    })
}

/// A domain of one word, which was perhaps meant as its characters.
fn one_word(domain: &[DomainItem]) -> Option<Diagnostic> {
    let [DomainItem::One(Literal { kind: LiteralKind::Str(word), span })] = domain else { return None };
    let characters: Vec<String> = word.chars().map(|c| quoted(&c.to_string())).collect();
    let help = match characters.len() {
        0 | 1 => return None,
        n if n <= MAX_CHARACTERS => {
            format!("for the characters of the word, write `{{{}}}`", characters.join(", "))
        }
        _ => "for the characters of the word, write each in quotes, in braces".to_owned(),
    };
    let report = Diagnostic::warning("W0116", "the input can have this one value only");
    Some(report.label(*span, "one token, the whole word").help(help))
}

/// `left_of`: what the expression is the left operand or the `then` of.
fn visit(expr: &Expr, left_of: Option<&ExprKind>, found: &mut Vec<Diagnostic>) {
    let left = match &expr.kind {
        ExprKind::Binary { op, left, right } => {
            let outer = match left_of {
                Some(ExprKind::Binary { op, .. }) => Some(*op),
                _ => None,
            };
            // A chain has one warning, that of the whole.
            if outer.is_none_or(is_logic) && !is_logic(*op) {
                found.extend(not_first(expr));
            }
            if outer.is_none_or(|outer| outer.precedence() != op.precedence()) {
                found.extend(chain(expr, *op, left, right));
            }
            found.extend(minus_first(*op, left, right));
            found.extend(remainder_of_product(*op, left, right));
            Some(left)
        }
        ExprKind::If { then, .. } => {
            if !matches!(left_of, Some(ExprKind::If { .. })) {
                found.extend(chained_conditional(expr, then));
            }
            Some(then)
        }
        ExprKind::Str(text) => {
            found.extend(escape_in_plain(text, expr.span));
            None
        }
        ExprKind::Name(_)
        | ExprKind::Number(_)
        | ExprKind::Paren(_)
        | ExprKind::List(_)
        | ExprKind::Dict(_)
        | ExprKind::ListFor { .. }
        | ExprKind::DictFor { .. }
        | ExprKind::Select { .. }
        | ExprKind::Aggregate { .. }
        | ExprKind::Builtin { .. }
        | ExprKind::Index { .. }
        | ExprKind::Call { .. }
        | ExprKind::Unary { .. }
        | ExprKind::Error => None,
    };
    for child in children(&expr.kind) {
        let is_left = left.is_some_and(|left| std::ptr::eq(child, &**left));
        visit(child, is_left.then_some(&expr.kind), found);
    }
}

/// Longer words are not written out.
const MAX_CHARACTERS: usize = 20;

/// Chains of which this many bytes would be shown are not.
const LONGEST_HELP: usize = 1_000;

/// A warning in the usual words. `first` is what is taken together, against expectation.
fn surprise(code: &'static str, message: String, first: Span, means: &str, instead: &str) -> Diagnostic {
    let help = match means.len() + instead.len() <= LONGEST_HELP {
        true => format!("write `{instead}`, or `{means}` if that is meant"),
        false => "put parentheses around what is to be taken together first".to_owned(),
    };
    Diagnostic::warning(code, message).label(first, "taken together first").help(help)
}

/// `not a == b`. `expr` is all that other languages would negate.
fn not_first(expr: &Expr) -> Option<Diagnostic> {
    let mut first = expr;
    let mut tighter = None;
    while let ExprKind::Binary { op, left, .. } = &first.kind {
        if is_logic(*op) {
            return None;
        }
        tighter = Some(op);
        first = left;
    }
    let (ExprKind::Unary { op: UnaryOp::Not, operand }, Some(op)) = (&first.kind, tighter) else {
        return None;
    };
    let message = format!("`not` binds tighter than `{}`", op.symbol());
    let in_parentheses = Expr { kind: ExprKind::Paren(Box::new(first.clone())), ..*first };
    let means = text(&with_first(expr, in_parentheses));
    let instead = format!("not ({})", text(&with_first(expr, (**operand).clone())));
    Some(surprise("W0101", message, first.span, &means, &instead))
}

/// The expression with another leftmost operand.
fn with_first(expr: &Expr, first: Expr) -> Expr {
    match &expr.kind {
        ExprKind::Binary { op, left, right } => {
            let left = Box::new(with_first(left, first));
            Expr { kind: ExprKind::Binary { op: *op, left, right: right.clone() }, ..*expr }
        }
        _ => first,
    }
}

/// `-a ^ b`.
fn minus_first(op: BinaryOp, left: &Expr, right: &Expr) -> Option<Diagnostic> {
    let ExprKind::Unary { op: sign @ (UnaryOp::Neg | UnaryOp::Pos), operand } = &left.kind else {
        return None;
    };
    (op == BinaryOp::Pow).then(|| {
        let (sign, a, b) = (sign.symbol(), text(operand), text(right));
        surprise(
            "W0102",
            format!("`{sign}` binds tighter than `^`"),
            left.span,
            &format!("({sign}{a}) ^ {b}"),
            &format!("{sign}({a} ^ {b})"),
        )
    })
}

/// Operators of one level in a row. `expr` is the whole chain.
fn chain(expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Diagnostic> {
    let (first, rest) = flatten(expr, op.precedence());
    let means = || grouped_left(first, &rest);
    let repeated = rest.len() > 1;
    match op {
        BinaryOp::And | BinaryOp::Or => {
            let mut or_before = None;
            for (op, operand) in &rest {
                match (op, or_before) {
                    (BinaryOp::And, Some(end)) => {
                        return Some(surprise(
                            "W0103",
                            "`and` and `or` bind equally tight, from left to right".to_owned(),
                            Span { end, ..first.span },
                            &means(),
                            &and_first(first, &rest),
                        ));
                    }
                    (BinaryOp::Or, _) => or_before = Some(operand.span.end),
                    _ => {}
                }
            }
            None
        }
        BinaryOp::Compare(_) => repeated.then(|| {
            let operands: Vec<&Expr> = std::iter::once(first).chain(rest.iter().map(|r| r.1)).collect();
            let pairs: Vec<String> = operands
                .windows(2)
                .zip(&rest)
                .map(|(pair, (op, _))| format!("{} {} {}", text(pair[0]), op.symbol(), text(pair[1])))
                .collect();
            surprise(
                "W0104",
                "comparisons do not chain: the second compares a truth value".to_owned(),
                left.span,
                &means(),
                &pairs.join(" and "),
            )
        }),
        BinaryOp::Pow => repeated.then(|| {
            let (last, middle) = (text(right), rest[rest.len() - 2].1);
            let mut instead = text(first);
            for (_, operand) in &rest[..rest.len() - 2] {
                instead += &format!(" ^ ({}", text(operand));
            }
            instead += &format!(" ^ ({} ^ {last})", text(middle));
            instead += &")".repeat(rest.len() - 2);
            surprise("W0105", "powers group from left to right".to_owned(), left.span, &means(), &instead)
        }),
        BinaryOp::In => {
            let loose = [left, right].into_iter().find(|side| is_looser_elsewhere(side))?;
            let test = format!("({} in {})", text(last_operand(left)), text(first_operand(right)));
            Some(
                Diagnostic::warning("W0106", "`in` binds less tightly than every other operator")
                    .label(loose.span, "taken together first")
                    .help(format!("put parentheses, as in `{test}`; write `{}` if that is meant", means())),
            )
        }
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => None,
    }
}

/// `a % b * c`.
fn remainder_of_product(op: BinaryOp, left: &Expr, right: &Expr) -> Option<Diagnostic> {
    let product = |op: BinaryOp| matches!(op, BinaryOp::Mul | BinaryOp::Div);
    (op == BinaryOp::Mod && is_binary(right, product)).then(|| {
        let (first, rest) = flatten(right, BinaryOp::Mul.precedence());
        let rest: String = rest.iter().map(|(op, e)| format!(" {} {}", op.symbol(), text(e))).collect();
        let (left, first) = (text(left), text(first));
        surprise(
            "W0107",
            "`%` binds less tightly than `*` and `/`".to_owned(),
            right.span,
            &format!("{left} % ({first}{rest})"),
            &format!("({left} % {first}){rest}"),
        )
    })
}

/// `a if c else b if d else e`.
fn chained_conditional(expr: &Expr, then: &Expr) -> Option<Diagnostic> {
    matches!(then.kind, ExprKind::If { .. }).then(|| {
        let mut cases = Vec::new();
        let mut first = expr;
        while let ExprKind::If { then, condition, otherwise } = &first.kind {
            cases.push((text(condition), text(otherwise)));
            first = then;
        }
        let nested = cases.len() - 1;
        let (mut means, mut instead) = ("(".repeat(nested) + &text(first), text(first));
        for (i, (condition, otherwise)) in cases.iter().rev().enumerate() {
            let (close, open) = if i < nested { (")", "(") } else { ("", "") };
            means += &format!(" if {condition} else {otherwise}{close}");
            instead += &format!(" if {condition} else {open}{otherwise}");
        }
        instead += &")".repeat(nested);
        let message = "conditionals group from left to right".to_owned();
        surprise("W0108", message, then.span, &means, &instead)
    })
}

/// `x == 1;` as a statement.
fn comparison_without_effect(expr: &Expr) -> Option<Diagnostic> {
    match &expr.kind {
        ExprKind::Binary { op: BinaryOp::Compare(crate::value::Compare::Eq), left, right }
            if matches!(left.kind, ExprKind::Name(_)) =>
        {
            let (name, value) = (text(left), text(right));
            Some(
                Diagnostic::warning("W0109", "this comparison has no effect")
                    .label(expr.span, "its result is not used")
                    .help(format!("to assign, write `{name} = {value};`")),
            )
        }
        _ => None,
    }
}

/// What only the REPL obeys.
fn repl_statements(spans: &[Span]) -> Option<Diagnostic> {
    let (first, rest) = spans.split_first()?;
    let (shown, more) = rest.split_at(rest.len().min(3));
    let report = Diagnostic::warning("W0110", "statements of the REPL have no effect in a program");
    let mut report = report.label(*first, "ignored");
    for span in shown {
        report = report.label(*span, "ignored, too");
    }
    if !more.is_empty() {
        report = report.note(format!("so are {} more", more.len()));
    }
    Some(report.help("remove them, or type them into `raspc repl`"))
}

/// The operands of a chain of one level, unless they are in parentheses.
fn flatten(expr: &Expr, level: u8) -> (&Expr, Vec<(BinaryOp, &Expr)>) {
    let mut rest = Vec::new();
    let mut first = expr;
    while let ExprKind::Binary { op, left, right } = &first.kind
        && op.precedence() == level
    {
        rest.push((*op, &**right));
        first = left;
    }
    rest.reverse();
    (first, rest)
}

/// `((a or b) and c) or d`.
fn grouped_left(first: &Expr, rest: &[(BinaryOp, &Expr)]) -> String {
    let wrapped = |e: &Expr| if is_looser_elsewhere(e) { format!("({})", text(e)) } else { text(e) };
    let in_parentheses = rest.first().is_some_and(|(op, _)| *op == BinaryOp::In);
    let operand = |e: &Expr| if in_parentheses { wrapped(e) } else { text(e) };
    let mut out = "(".repeat(rest.len().saturating_sub(1)) + &operand(first);
    for (i, (op, right)) in rest.iter().enumerate() {
        let close = if i + 1 < rest.len() { ")" } else { "" };
        out += &format!(" {} {}{close}", op.symbol(), operand(right));
    }
    out
}

/// `a or (b and c)`, as most languages would read a chain of both.
fn and_first(first: &Expr, rest: &[(BinaryOp, &Expr)]) -> String {
    let mut groups = vec![vec![text(first)]];
    for (op, operand) in rest {
        match (op, groups.last_mut()) {
            (BinaryOp::And, Some(group)) => group.push(text(operand)),
            _ => groups.push(vec![text(operand)]),
        }
    }
    let group = |g: &Vec<String>| if g.len() > 1 { format!("({})", g.join(" and ")) } else { g.concat() };
    groups.iter().map(group).collect::<Vec<_>>().join(" or ")
}

fn is_binary(expr: &Expr, which: impl Fn(BinaryOp) -> bool) -> bool {
    matches!(&expr.kind, ExprKind::Binary { op, .. } if which(*op))
}

/// Whether other languages would take an `in` beside this first.
fn is_looser_elsewhere(expr: &Expr) -> bool {
    let loose = |op| matches!(op, BinaryOp::In | BinaryOp::And | BinaryOp::Or | BinaryOp::Compare(_));
    matches!(expr.kind, ExprKind::If { .. }) || is_binary(expr, loose)
}

fn first_operand(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Binary { left, .. } if is_looser_elsewhere(expr) => first_operand(left),
        ExprKind::If { then, .. } => first_operand(then),
        _ => expr,
    }
}

fn last_operand(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Binary { right, .. } if is_looser_elsewhere(expr) => last_operand(right),
        ExprKind::If { otherwise, .. } => last_operand(otherwise),
        ExprKind::Unary { op: UnaryOp::Not, operand } => operand,
        _ => expr,
    }
}

fn is_logic(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::And | BinaryOp::Or)
}

/// An expression in a message, abridged if it is long.
fn text(expr: &Expr) -> String {
    abridged(expr, 4)
}

/// `levels` of the tree are shown at most.
fn abridged(expr: &Expr, levels: usize) -> String {
    const LONGEST: usize = 40;
    let short = |text: &str| text.chars().count() <= LONGEST;
    // Every node has a character or more.
    let mut nodes = LONGEST;
    if is_smaller(expr, &mut nodes) {
        let whole = print::expr(expr);
        if short(&whole) {
            return whole;
        }
    }
    let Some(levels) = levels.checked_sub(1) else { return "…".to_owned() };
    let text = |expr: &Expr| abridged(expr, levels);
    let brief = match &expr.kind {
        ExprKind::Paren(inner) => format!("({})", text(inner)),
        ExprKind::List(_) | ExprKind::ListFor { .. } => "[…]".to_owned(),
        ExprKind::Dict(_) | ExprKind::DictFor { .. } => "{…}".to_owned(),
        ExprKind::Select { .. } => "select(…)".to_owned(),
        ExprKind::Aggregate { .. } => "aggregate(…)".to_owned(),
        ExprKind::Builtin { function, .. } => format!("{}(…)", function.name()),
        ExprKind::Index { base, .. } => format!("{}[…]", text(base)),
        ExprKind::Call { callee, .. } => format!("{}(…)", text(callee)),
        ExprKind::Unary { op: UnaryOp::Not, operand } => format!("not {}", text(operand)),
        ExprKind::Unary { op, operand } => op.symbol().to_owned() + &text(operand),
        ExprKind::Binary { op, left, right } => format!("{} {} {}", text(left), op.symbol(), text(right)),
        ExprKind::If { then, condition, otherwise } => {
            format!("{} if {} else {}", text(then), text(condition), text(otherwise))
        }
        ExprKind::Name(_) | ExprKind::Number(_) | ExprKind::Str(_) | ExprKind::Error => "…".to_owned(),
    };
    if short(&brief) { brief } else { "…".to_owned() }
}

/// Whether a tree has no more than so many nodes.
fn is_smaller(expr: &Expr, nodes: &mut usize) -> bool {
    match nodes.checked_sub(1) {
        Some(left) => *nodes = left,
        None => return false,
    }
    children(&expr.kind).into_iter().all(|child| is_smaller(child, nodes))
}
