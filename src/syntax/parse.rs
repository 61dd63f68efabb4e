//! The grammar's other half: building nodes, recovering from errors, finding out why.

use super::SyntaxError;
use super::ast::{Ast, BinaryOp, Declaration, Expr, ExprKind, Repl, Statement, StatementKind};
use super::error::Hint;
use super::token::{Spanned as SpannedToken, Token, lex};
use crate::source::{SourceId, Span};
use crate::value::Number;
use lalrpop_util::{ErrorRecovery, ParseError, lalrpop_mod};
use std::sync::Arc;

lalrpop_mod!(
    #[allow(clippy::all, clippy::pedantic, unreachable_pub, missing_docs, unused)]
    grammar,
    "/rasp.rs"
);

/// The greatest height of a tree. The RASP tool itself stops at about 300, so that every pass
/// may recurse over trees without running out of stack.
pub const MAX_DEPTH: u16 = 400;

/// After this many errors a text is something else than a program.
const MAX_ERRORS: usize = 50;

/// What parsing gives: always a tree, with `Error` nodes where something is wrong.
pub struct Parsed {
    pub ast: Ast,
    pub errors: Vec<SyntaxError>,
}

/// Parses a program.
pub fn parse(source: SourceId, text: &str) -> Parsed {
    let lexed = lex(source, text);
    let mut state = State { source, tokens: &lexed.tokens, text, errors: lexed.errors };
    let tokens = lexed.tokens.iter().copied().map(Ok);
    let statements = match grammar::ProgramParser::new().parse(&mut state, tokens) {
        Ok(statements) => statements,
        Err(error) => {
            state.report(error);
            Vec::new()
        }
    };
    let mut errors = state.errors;
    errors.sort_by_key(|e| (e.span().start, e.span().end));
    errors.truncate(MAX_ERRORS);
    Parsed { ast: Ast { statements, comments: lexed.comments }, errors }
}

/// Whether a text that is typed line by line needs no further line: no bracket is open, and it
/// ends in `;`, in the `}` of a function or loop, or in a REPL statement. What no further line
/// can mend is complete too.
pub fn is_complete(text: &str) -> bool {
    use Token as T;
    let mut depth = 0_u32; // of open brackets
    let mut first = None; // the first token of a statement that has not ended
    for (_, token, _) in lex(SourceId::NOWHERE, text).tokens {
        let begun = *first.get_or_insert(token);
        match token {
            T::Open | T::OpenList | T::OpenBrace => depth += 1,
            T::SelectOpen | T::AggregateOpen | T::RangeOpen | T::ZipOpen | T::LenOpen => depth += 1,
            T::Close | T::CloseList | T::CloseBrace => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
            _ => {}
        }
        let ends = match token {
            T::Semicolon | T::LineEnd => true,
            T::CloseBrace => matches!(begun, T::Def | T::For),
            _ => false,
        };
        if ends && depth == 0 {
            first = None;
        }
    }
    first.is_none()
}

/// The value of a string token, without its quotes.
pub(crate) fn text(token: &str) -> Arc<str> {
    token.trim_matches('"').into()
}

/// What the grammar's actions share.
pub(crate) struct State<'t> {
    source: SourceId,
    tokens: &'t [SpannedToken<'t>],
    text: &'t str,
    errors: Vec<SyntaxError>,
}

type Failure<'s> = ParseError<usize, Token<'s>, std::convert::Infallible>;

impl State<'_> {
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.source, start, end)
    }

    pub(crate) fn expr(&mut self, start: usize, kind: ExprKind, end: usize) -> Expr {
        let span = self.span(start, end);
        let depth = 1 + children(&kind).into_iter().map(|e| e.depth).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            self.too_deep(span);
            return Expr { kind: ExprKind::Error, span, depth: 1 };
        }
        Expr { kind, span, depth }
    }

    pub(crate) fn binary(&mut self, start: usize, left: Expr, op: BinaryOp, right: Expr, end: usize) -> Expr {
        self.expr(start, ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, end)
    }

    pub(crate) fn statement(&mut self, start: usize, kind: StatementKind, end: usize) -> Statement {
        let span = self.span(start, end);
        let depth = 1 + statement_depth(&kind);
        if depth > MAX_DEPTH {
            self.too_deep(span);
            return Statement { kind: StatementKind::Error, span, depth: 1 };
        }
        Statement { kind, span, depth }
    }

    fn too_deep(&mut self, span: Span) {
        // One report: what surrounds a deep tree is deep too.
        if !self.errors.iter().any(|e| matches!(e, SyntaxError::TooDeep { .. })) {
            self.errors.push(SyntaxError::TooDeep { span });
        }
    }

    pub(crate) fn number(&mut self, start: usize, digits: &str, end: usize) -> Number {
        Number::parse(digits).unwrap_or_else(|| {
            let span = self.span(start, end);
            self.errors.push(SyntaxError::NumberTooLong { span, digits: digits.len() });
            Number::ZERO
        })
    }

    pub(crate) fn recovered(&mut self, recovery: ErrorRecovery<usize, Token<'_>, std::convert::Infallible>) {
        self.report(recovery.error);
    }

    fn report(&mut self, error: Failure<'_>) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        let (start, end, expected) = match error {
            ParseError::UnrecognizedToken { token: (start, _, end), expected } => (start, end, expected),
            ParseError::ExtraToken { token: (start, _, end) } => (start, end, Vec::new()),
            ParseError::UnrecognizedEof { location, expected } => (location, location, expected),
            ParseError::InvalidToken { location } => (location, location, Vec::new()),
            ParseError::User { error } => match error {},
        };
        let at = self.tokens.partition_point(|(s, _, _)| *s < start);
        let found = self.tokens.get(at).filter(|(s, _, e)| (*s, *e) == (start, end)).map(|t| t.1);
        let last_end = at.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |t| t.2);
        let hint = self.hint(at, found, &expected);
        let at_end = found.is_none_or(|t| t == Token::LineEnd);
        // A missing semicolon is missed where the statement ends, not where the next begins.
        let (start, end) = match hint {
            Some(Hint::MissingSemicolon) => (last_end.saturating_sub(1), last_end),
            _ if at_end => (last_end.saturating_sub(1).min(start), last_end.max(start).min(self.text.len())),
            _ => (start, end),
        };
        let start = (0..=start).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0);
        let span = self.span(start, end.max(start));
        let found = (!at_end).then(|| self.text[start..end.max(start)].to_owned());
        self.errors.push(SyntaxError::Unexpected { span, found, expected, hint });
    }

    /// What the author probably meant, judged by the tokens around the error.
    fn hint(&self, at: usize, found: Option<Token<'_>>, expected: &[String]) -> Option<Hint> {
        use Token as T;
        let token = |i: Option<usize>| i.and_then(|i| self.tokens.get(i)).map(|t| t.1);
        let before = token(at.checked_sub(1));
        let after = token(Some(at + 1));
        let expects = |name: &str| expected.iter().any(|e| e.trim_matches('"') == name);
        // The first token of the statement that the error is in.
        let first = self.tokens[..at.min(self.tokens.len())]
            .iter()
            .rposition(|t| matches!(t.1, T::Semicolon | T::OpenBrace | T::CloseBrace | T::LineEnd))
            .map_or(0, |i| i + 1);
        match (before, found) {
            (Some(T::Slash), Some(T::Slash)) => return Some(Hint::FloorDivision),
            (Some(T::Star), Some(T::Star)) => return Some(Hint::PowerIsCaret),
            (_, Some(T::If)) if first == at => return Some(Hint::NoIfStatement),
            (_, Some(T::Else)) => return Some(Hint::ElseNeedsIf),
            (_, Some(T::Return)) => return Some(Hint::ReturnIsLast),
            (_, Some(T::CloseBrace)) if expects("return") => return Some(Hint::DefNeedsReturn),
            _ => {}
        }
        if let Some(T::Ident(word @ ("while" | "elif" | "lambda" | "class"))) = token(Some(first)) {
            return Some(Hint::NoSuchStatement(word.to_owned()));
        }
        if matches!(found, Some(T::EqEq | T::NotEq | T::Less | T::LessEq | T::Greater | T::GreaterEq))
            && matches!(after, Some(T::Close))
            && self.tokens[..at]
                .windows(2)
                .rev()
                .any(|w| matches!(w, [(_, T::Ident("select"), _), (_, T::Open, _)]))
        {
            return Some(Hint::GluedParenthesis);
        }
        if found == Some(T::Comma) && expects(")") {
            return Some(Hint::NoTuples);
        }
        if found == Some(T::Assign) {
            return Some(match before {
                Some(T::CloseList) => Hint::NoElementAssignment,
                Some(t) if is_word(t) => Hint::ReservedWord,
                _ => Hint::EqualsIsAssignment,
            });
        }
        if found.is_some_and(is_word) && expects("name") && !matches!(before, Some(T::CloseBrace)) {
            return Some(Hint::ReservedWord);
        }
        let last_end = at.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |t| t.2);
        let new_line = self.tokens.get(at).is_none_or(|t| self.text[last_end..t.0].contains('\n'));
        (expects(";") && new_line).then_some(Hint::MissingSemicolon)
    }
}

/// Words that look like names but are not.
fn is_word(token: Token<'_>) -> bool {
    use Token as T;
    matches!(
        token,
        T::Set
            | T::Show
            | T::SOp
            | T::Selector
            | T::Example
            | T::ExampleOf
            | T::Examples
            | T::On
            | T::Off
            | T::Exit
    ) || matches!(
        token,
        T::Load | T::Draw | T::Round | T::Indicator | T::Def | T::For | T::In | T::And | T::Or
    )
}

/// The expressions directly below an expression.
pub(crate) fn children(kind: &ExprKind) -> Vec<&Expr> {
    match kind {
        ExprKind::Name(_) | ExprKind::Number(_) | ExprKind::Str(_) | ExprKind::Error => Vec::new(),
        ExprKind::Paren(inner) => vec![inner],
        ExprKind::List(items) | ExprKind::Builtin { args: items, .. } => items.iter().collect(),
        ExprKind::Dict(pairs) => pairs.iter().flat_map(|(k, v)| [k, v]).collect(),
        ExprKind::ListFor { element, iterable, .. } => vec![element, iterable],
        ExprKind::DictFor { key, value, iterable, .. } => vec![key, value, iterable],
        ExprKind::Select { key, query, .. } => vec![key, query],
        ExprKind::Aggregate { selector, value, default } => {
            [Some(selector), Some(value), default.as_ref()].into_iter().flatten().map(AsRef::as_ref).collect()
        }
        ExprKind::Index { base, index } => vec![base, index],
        ExprKind::Call { callee, args } => std::iter::once(callee.as_ref()).chain(args).collect(),
        ExprKind::Unary { operand, .. } => vec![operand],
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::If { then, condition, otherwise } => vec![then, condition, otherwise],
    }
}

/// The expressions and blocks directly in a statement.
pub(crate) fn parts(kind: &StatementKind) -> (Vec<&Expr>, &[Statement]) {
    match kind {
        StatementKind::Expr(expr) => (vec![expr], &[]),
        StatementKind::Assign { values, .. } => (values.iter().collect(), &[]),
        StatementKind::Def(def) => (def.returns.iter().collect(), &def.body),
        StatementKind::For { iterable, body, .. } => (vec![iterable], body),
        StatementKind::Draw { what, input } => (std::iter::once(what).chain(input).collect(), &[]),
        StatementKind::Declare(declaration) => (declaration_parts(declaration), &[]),
        StatementKind::Repl(Repl::SetExample { example, .. }) => (vec![example], &[]),
        StatementKind::Repl(_) | StatementKind::Load { .. } | StatementKind::Error => (Vec::new(), &[]),
    }
}

fn declaration_parts(declaration: &Declaration) -> Vec<&Expr> {
    match declaration {
        Declaration::Input { .. } | Declaration::Length { .. } | Declaration::Attention { .. } => Vec::new(),
        Declaration::Assume(expr) => vec![expr],
        Declaration::Output(exprs) => exprs.iter().collect(),
        Declaration::Example { inputs, expected } => inputs.iter().chain(expected).collect(),
    }
}

fn statement_depth(kind: &StatementKind) -> u16 {
    let (exprs, body) = parts(kind);
    let expr = exprs.into_iter().map(|e| e.depth).max().unwrap_or(0);
    body.iter().map(|s| s.depth).max().unwrap_or(0).max(expr)
}
