//! From syntax tree to text: parentheses where the tree needs them, the written ones kept.
//!
//! Parsing the text gives the tree back. Comments and blank lines are [`super::format`]'s.

use super::ast::*;
use super::format::Formatter;
use super::layout::Doc;
use crate::source::{Span, Spanned};
use crate::value::Number;
use crate::value::notation::quoted;

/// An expression on one line, as messages show it.
pub fn expr(expr: &Expr) -> String {
    Printer::NO_TEXT.expr(expr).render(0, usize::MAX)
}

/// A statement in the formatter's style, without comments.
pub fn statement(statement: &Statement) -> String {
    Formatter::new("", &[]).program(std::slice::from_ref(statement)).trim_end().to_owned()
}

/// Names that would become another token with a parenthesis glued to them.
const GLUED: [&str; 5] = ["select", "aggregate", "range", "zip", "len"];

fn parenthesis_after(name: &str) -> &'static str {
    if GLUED.contains(&name) { " (" } else { "(" }
}

/// Levels above those of the operators: `a[i]` and `f(x)`, and what has its own brackets.
const POSTFIX_PRECEDENCE: u8 = UNARY_PRECEDENCE + 1;
const ATOM_PRECEDENCE: u8 = UNARY_PRECEDENCE + 2;
/// Any expression.
const LOOSEST: u8 = 0;

/// How tightly an expression holds together.
fn precedence(expr: &Expr) -> u8 {
    match &expr.kind {
        ExprKind::Binary { op, .. } => op.precedence(),
        ExprKind::If { .. } => IF_PRECEDENCE,
        ExprKind::Unary { .. } => UNARY_PRECEDENCE,
        ExprKind::Index { .. } | ExprKind::Call { .. } => POSTFIX_PRECEDENCE,
        ExprKind::Name(_)
        | ExprKind::Number(_)
        | ExprKind::Str(_)
        | ExprKind::Paren(_)
        | ExprKind::List(_)
        | ExprKind::Dict(_)
        | ExprKind::ListFor { .. }
        | ExprKind::DictFor { .. }
        | ExprKind::Select { .. }
        | ExprKind::Aggregate { .. }
        | ExprKind::Builtin { .. }
        | ExprKind::Error => ATOM_PRECEDENCE,
    }
}

/// Whether an expression ends with its own bracket, which may stand before a line break.
fn has_brackets(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call { callee, .. } => matches!(callee.kind, ExprKind::Name(_)),
        ExprKind::Index { .. } | ExprKind::Name(_) | ExprKind::Number(_) | ExprKind::Str(_) => false,
        _ => precedence(expr) == ATOM_PRECEDENCE,
    }
}

/// Lays out expressions and the heads of statements.
pub(super) struct Printer<'t> {
    /// Where the tree comes from, so that numbers stay as they were written.
    pub(super) text: &'t str,
}

impl Printer<'_> {
    const NO_TEXT: Printer<'static> = Printer { text: "" };

    /// A statement without its block: all of it, or the part up to and with `{`.
    pub(super) fn head(&self, kind: &StatementKind) -> Doc {
        match kind {
            StatementKind::Expr(value) => Doc::Concat(vec![self.expr(value), Doc::text(";")]),
            StatementKind::Assign { names, values } => {
                Doc::Concat(vec![Doc::text(listed(names) + " = "), self.values(values), Doc::text(";")])
            }
            StatementKind::Def(def) => {
                let parameters = def.parameters.iter().map(|p| Doc::text(&*p.value)).collect();
                let open = format!("def {}{}", def.name, parenthesis_after(&def.name.value));
                Doc::Concat(vec![Doc::bracketed(&open, parameters, ")"), Doc::text(" {")])
            }
            StatementKind::For { names, iterable, .. } => Doc::Concat(vec![
                Doc::text(format!("for {} in ", listed(names))),
                self.expr(iterable),
                Doc::text(" {"),
            ]),
            StatementKind::Load { path } => Doc::text(format!("load {};", quoted(&path.value))),
            StatementKind::Draw { what, input } => {
                let args = std::iter::once(what).chain(input).map(|e| self.expr(e)).collect();
                Doc::Concat(vec![Doc::bracketed("draw(", args, ")"), Doc::text(";")])
            }
            StatementKind::Declare(declaration) => {
                Doc::Concat(vec![self.declaration(declaration), Doc::text(";")])
            }
            StatementKind::Repl(repl) => Doc::text(repl_text(repl)),
            StatementKind::Error => Doc::text("<error>"),
        }
    }

    /// `return a, b;`
    pub(super) fn returns(&self, values: &[Expr]) -> Doc {
        Doc::Concat(vec![Doc::text("return "), self.values(values), Doc::text(";")])
    }

    fn declaration(&self, declaration: &Declaration) -> Doc {
        let word = |word: &str, rest: Doc| Doc::Concat(vec![Doc::text(word), rest]);
        match declaration {
            Declaration::Input { name, domain } => word(&format!("input {name} : "), self.domain(domain)),
            Declaration::Length { min, max } => {
                let bound = |bound: &Spanned<Number>| self.number(&bound.value, bound.span);
                let min = min.as_ref().map_or_else(String::new, |min| bound(min) + "..");
                Doc::text(format!("length {min}{}", bound(max)))
            }
            Declaration::Attention { mode } => Doc::text(format!("attention {mode}")),
            Declaration::Assume(condition) => word("assume ", self.expr(condition)),
            Declaration::Output(values) => word("output ", self.values(values)),
            Declaration::Example { inputs, expected } => Doc::Concat(vec![
                Doc::text("example "),
                self.values(inputs),
                Doc::text(" => "),
                self.values(expected),
            ]),
        }
    }

    fn domain(&self, items: &[DomainItem]) -> Doc {
        let docs = items.iter().map(|item| {
            Doc::text(match item {
                DomainItem::One(one) => self.literal(one),
                DomainItem::Range(from, to) => format!("{}..{}", self.literal(from), self.literal(to)),
            })
        });
        match items {
            [DomainItem::Range(..)] => Doc::Concat(docs.collect()),
            _ => Doc::bracketed("{", docs.collect(), "}"),
        }
    }

    fn literal(&self, literal: &Literal) -> String {
        match &literal.kind {
            LiteralKind::Number(number) => self.number(number, literal.span),
            LiteralKind::Ratio(n, d) => format!("{}/{}", decimal(n), decimal(d)),
            LiteralKind::Str(text) => quoted(text),
            LiteralKind::Name(name) => name.to_string(),
        }
    }

    /// The number as it was written, if that is known.
    fn number(&self, number: &Number, span: Span) -> String {
        let written = self.text.get(span.range()).filter(|t| Number::parse(t).as_ref() == Some(number));
        match written {
            Some(text) => text.to_owned(),
            None => decimal(number),
        }
    }

    /// `a, b`, where later lines are indented.
    fn values(&self, values: &[Expr]) -> Doc {
        match values {
            [one] => self.expr(one),
            _ => Doc::group(vec![Doc::nest(vec![Doc::separated(self.all(values))])]),
        }
    }

    /// `open a, b close`
    fn bracketed(&self, open: &str, exprs: &[Expr], close: &str) -> Doc {
        match exprs {
            [one] if has_brackets(one) => Doc::hugged(open, self.expr(one), close),
            _ => Doc::bracketed(open, self.all(exprs), close),
        }
    }

    fn all(&self, exprs: &[Expr]) -> Vec<Doc> {
        exprs.iter().map(|e| self.expr(e)).collect()
    }

    /// The expression, in parentheses if it holds together less tightly than `least`.
    fn operand(&self, expr: &Expr, least: u8) -> Doc {
        let doc = self.expr(expr);
        if precedence(expr) < least { Doc::bracketed("(", vec![doc], ")") } else { doc }
    }

    pub(super) fn expr(&self, expr: &Expr) -> Doc {
        match &expr.kind {
            ExprKind::Name(name) => Doc::text(&**name),
            ExprKind::Number(number) => Doc::text(self.number(number, expr.span)),
            ExprKind::Str(text) => Doc::text(quoted(text)),
            ExprKind::Paren(inner) => self.bracketed("(", std::slice::from_ref(inner), ")"),
            ExprKind::List(items) => self.bracketed("[", items, "]"),
            ExprKind::Dict(pairs) => {
                Doc::bracketed("{", pairs.iter().map(|(k, v)| self.pair(k, v)).collect(), "}")
            }
            ExprKind::ListFor { element, names, iterable } => {
                self.comprehension("[", self.expr(element), names, iterable, "]")
            }
            ExprKind::DictFor { key, value, names, iterable } => {
                self.comprehension("{", self.pair(key, value), names, iterable, "}")
            }
            ExprKind::Select { key, query, op } => {
                let args = vec![self.expr(key), self.expr(query), Doc::text(op.symbol())];
                Doc::bracketed("select(", args, ")")
            }
            ExprKind::Aggregate { selector, value, default } => {
                let args = [Some(selector), Some(value), default.as_ref()];
                let args = args.into_iter().flatten().map(|e| self.expr(e)).collect();
                Doc::bracketed("aggregate(", args, ")")
            }
            ExprKind::Builtin { function, args } => {
                self.bracketed(&format!("{}(", function.name()), args, ")")
            }
            ExprKind::Index { base, index } => Doc::Concat(vec![
                self.operand(base, POSTFIX_PRECEDENCE),
                self.bracketed("[", std::slice::from_ref(index), "]"),
            ]),
            ExprKind::Call { callee, args } => {
                let open = match &callee.kind {
                    ExprKind::Name(name) => parenthesis_after(name),
                    _ => "(",
                };
                Doc::Concat(vec![self.operand(callee, POSTFIX_PRECEDENCE), self.bracketed(open, args, ")")])
            }
            ExprKind::Unary { op, operand } => {
                let space = if *op == UnaryOp::Not { " " } else { "" };
                Doc::Concat(vec![
                    Doc::text(format!("{}{space}", op.symbol())),
                    self.operand(operand, UNARY_PRECEDENCE),
                ])
            }
            ExprKind::Binary { op, .. } => self.chain(expr, op.precedence()),
            ExprKind::If { then, condition, otherwise } => Doc::group(vec![
                self.operand(then, IF_PRECEDENCE),
                Doc::nest(vec![
                    Doc::Line,
                    Doc::text("if "),
                    self.operand(condition, LOOSEST),
                    Doc::Line,
                    Doc::text("else "),
                    self.operand(otherwise, IF_PRECEDENCE + 1),
                ]),
            ]),
            ExprKind::Error => Doc::text("<error>"),
        }
    }

    /// `a + b - c`: operators of one level, all broken or none.
    fn chain(&self, expr: &Expr, level: u8) -> Doc {
        let mut first = expr;
        let mut rest = Vec::new();
        while let ExprKind::Binary { op, left, right } = &first.kind
            && op.precedence() == level
        {
            rest.push((op.symbol(), right));
            first = left;
        }
        let rest = rest.into_iter().rev().flat_map(|(symbol, right)| {
            [Doc::Line, Doc::text(format!("{symbol} ")), self.operand(right, level + 1)]
        });
        Doc::group(vec![self.operand(first, level), Doc::nest(rest.collect())])
    }

    fn pair(&self, key: &Expr, value: &Expr) -> Doc {
        Doc::Concat(vec![self.expr(key), Doc::text(": "), self.expr(value)])
    }

    fn comprehension(&self, open: &str, what: Doc, names: &[Name], iterable: &Expr, close: &str) -> Doc {
        let generator = Doc::text(format!("for {} in ", listed(names)));
        let inner = vec![what, Doc::Line, generator, self.expr(iterable)];
        Doc::bracketed(open, vec![Doc::Concat(inner)], close)
    }
}

/// A REPL statement, always on one line: it ends with it.
fn repl_text(repl: &Repl) -> String {
    match repl {
        Repl::SetExample { of, example } => format!("set {}example {}", which(*of), expr(example)),
        Repl::ShowExample { of } => format!("show {}example", which(*of)),
        Repl::Examples { of, on } => format!("{}examples {}", which(*of), on_off(*on)),
        Repl::FullSeqDisplay { on } => format!("full seq display {}", on_off(*on)),
        Repl::Exit => "exit".to_owned(),
    }
}

fn which(of: Which) -> &'static str {
    match of {
        Which::Both => "",
        Which::SOps => "s-op ",
        Which::Selectors => "selector ",
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn listed(names: &[Name]) -> String {
    names.iter().map(|n| &*n.value).collect::<Vec<_>>().join(", ")
}

fn decimal(number: &Number) -> String {
    number.to_decimal().unwrap_or_else(|| format!("({number})"))
}
