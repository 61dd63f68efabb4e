//! The grammar's other half: building nodes, and going on after an error.

use super::SyntaxError;
use super::ast::{Ast, BinaryOp, Declaration, Expr, ExprKind, Repl, Statement, StatementKind};
use super::lex::{between_quotes, lex};
use super::mark::{Bound, mark};
use super::recover::{Failure, Repair};
use super::token::{Spanned as SpannedToken, Token};
use crate::source::{SourceId, Span};
use crate::value::{Number, notation};
use lalrpop_util::{ParseError, lalrpop_mod};
use std::sync::Arc;

lalrpop_mod!(
    #[allow(clippy::all, clippy::unwrap_used, clippy::semicolon_if_nothing_returned, unused)]
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
    parse_among(source, text, |_| false)
}

/// Parses a piece of program that stands where some names are bound already.
///
/// After an error the statement that it is in is repaired or taken out, and the parser starts
/// again behind the last statement that it finished.
pub fn parse_among(source: SourceId, text: &str, is_bound: impl Fn(&str) -> bool) -> Parsed {
    let lexed = lex(source, text);
    let mut tokens = lexed.tokens;
    let bound = Bound::of(&tokens, is_bound);
    let mut state = State { source, statements: Vec::new(), errors: Vec::new(), too_deep: None };
    let mut from = 0;
    let mut broken = Vec::new();
    for _ in 0..=MAX_ERRORS {
        let marked = mark(text, &tokens[from..], &bound);
        let parser = grammar::ProgramParser::new();
        let Err(error) = parser.parse(&mut state, marked.iter().copied().map(Ok)) else { break };
        let failure = failure(text, source, &marked, error);
        let (error, repair) = failure.explain();
        // What stands beside foreign text is often wrong only because of it.
        let touched = failure.extent(&repair);
        let foreign = |e: &SyntaxError| {
            let span = e.span().range();
            touched.start <= span.end && span.start <= touched.end
        };
        if !lexed.errors.iter().filter(|e| e.is_part_of_statement()).any(foreign) {
            state.errors.push(error);
        }
        let done = state.statements.last().map_or(0, |s: &Statement| s.span.end as usize);
        from = from.max(tokens.partition_point(|t| t.2 <= done));
        if let Repair::Cut { start, end, broken: true } = repair {
            broken.push(start..end);
        }
        repair.apply(&mut tokens);
    }
    let mut errors = state.errors;
    // What was left out of a statement that is not read at all is no error of its own.
    let in_broken = |e: &SyntaxError| {
        let span = e.span().range();
        !e.is_part_of_statement() && broken.iter().any(|b| b.start < span.start && span.end <= b.end)
    };
    errors.extend(lexed.errors.into_iter().filter(|e| !in_broken(e)));
    errors.sort_by_key(|e| (e.span().start, e.span().end));
    errors.dedup();
    errors.truncate(MAX_ERRORS);
    Parsed { ast: Ast { statements: state.statements, comments: lexed.comments }, errors }
}

/// What a text that is typed line by line still needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Nothing: it is right, or no further line could mend it.
    Complete,
    /// Only the `;` at its end.
    LacksSemicolon,
    /// More: a bracket is open, an operator waits for its right side.
    Unfinished,
}

/// Whether a text that is typed line by line needs a further line.
pub fn completeness(text: &str) -> Completeness {
    let errors = parse(SourceId::NOWHERE, text).errors;
    // No further line mends a bracket that closes nothing.
    if errors.iter().any(|e| matches!(e, SyntaxError::Unopened { .. })) {
        return Completeness::Complete;
    }
    let missing: Vec<&SyntaxError> = errors.iter().filter(|e| e.wants_more()).collect();
    match missing.as_slice() {
        [] => Completeness::Complete,
        all if all.iter().all(|e| matches!(e, SyntaxError::MissingSemicolon { .. })) => {
            Completeness::LacksSemicolon
        }
        _ => Completeness::Unfinished,
    }
}

/// Whether a text and the line after it read as one statement, or as the beginning of one.
pub fn continues(text: &str, next: &str) -> bool {
    let errors = parse(SourceId::NOWHERE, &format!("{text}\n{next}")).errors;
    errors.iter().all(SyntaxError::wants_more)
}

/// Whether a text can be put into a declaration and stays a part of it: it ends neither the declaration
/// nor a bracket around it, and has no comment.
pub fn is_one_piece(text: &str) -> bool {
    let lexed = lex(SourceId::NOWHERE, text);
    let mut open = 0_usize;
    let balanced = lexed.tokens.iter().all(|(_, token, _)| {
        if token.closes() {
            let before = open;
            open = open.saturating_sub(1);
            return before > 0;
        }
        open += usize::from(token.opens());
        *token != Token::Semicolon
    });
    balanced && open == 0 && lexed.comments.is_empty() && !text.contains('\n')
}

fn failure<'f, 's>(
    text: &'f str,
    source: SourceId,
    tokens: &'f [SpannedToken<'s>],
    error: ParseError<usize, Token<'s>, std::convert::Infallible>,
) -> Failure<'f, 's> {
    let (at, expected) = match error {
        ParseError::UnrecognizedToken { token: (start, _, end), expected } => {
            (tokens.partition_point(|t| (t.0, t.2) < (start, end)), expected)
        }
        ParseError::ExtraToken { token: (start, _, end) } => {
            (tokens.partition_point(|t| (t.0, t.2) < (start, end)), Vec::new())
        }
        ParseError::UnrecognizedEof { expected, .. } => (tokens.len(), expected),
        ParseError::InvalidToken { location } => (tokens.partition_point(|t| t.0 < location), Vec::new()),
        ParseError::User { error } => match error {},
    };
    let expected = expected.iter().map(|e| e.trim_matches('"').to_owned()).collect();
    Failure::new(text, source, tokens, at, expected)
}

/// The names that a statement would have set which could not be read.
pub fn names_set(text: &str) -> Vec<Arc<str>> {
    let tokens = lex(SourceId::NOWHERE, text).tokens;
    let set = |i: &usize| {
        let around = (i.checked_sub(1).map(|i| tokens[i].1), tokens.get(i + 1).map(|t| t.1));
        match around {
            (Some(Token::Def | Token::For | Token::Ident("input" | "import" | "as")), _) => true,
            (_, Some(Token::Assign)) => true,
            (_, Some(Token::Colon)) => tokens.get(i + 2).is_some_and(|t| t.1 == Token::Assign),
            _ => false,
        }
    };
    let name = |i: usize| if let Token::Ident(name) = tokens[i].1 { Some(Arc::from(name)) } else { None };
    (0..tokens.len()).filter(set).filter_map(name).collect()
}

/// The strings of a text in which `\` is an ordinary character.
pub fn plain_strings(text: &str) -> impl Iterator<Item = &str> {
    let tokens = lex(SourceId::NOWHERE, text).tokens.into_iter();
    tokens.filter_map(|(_, token, _)| if let Token::Str(written) = token { Some(written) } else { None })
}

/// The value of a plain string token.
pub(crate) fn text(token: &str) -> Arc<str> {
    between_quotes(token).into()
}

/// The value of a string token with escapes.
pub(crate) fn unescaped(token: &str) -> Arc<str> {
    // What is not an escape is reported by the lexer.
    let written = between_quotes(token);
    notation::unescaped(written).map_or_else(|_| written.into(), Into::into)
}

/// What the grammar's actions share.
pub(crate) struct State {
    source: SourceId,
    /// The statements of the program itself that were finished.
    statements: Vec<Statement>,
    errors: Vec<SyntaxError>,
    /// Where a tree was last found too deep.
    too_deep: Option<Span>,
}

impl State {
    pub(crate) fn keep(&mut self, statement: Statement) {
        self.statements.push(statement);
    }

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
        let known = |last: Span| last.start < span.end && span.start < last.end;
        if !self.too_deep.is_some_and(known) && self.errors.len() < MAX_ERRORS {
            self.errors.push(SyntaxError::TooDeep { span });
        }
        self.too_deep = Some(span);
    }

    pub(crate) fn number(&mut self, start: usize, digits: &str, end: usize) -> Number {
        Number::parse(digits).unwrap_or_else(|| {
            let span = self.span(start, end);
            self.errors.push(SyntaxError::NumberTooLong { span, digits: digits.len() });
            Number::ZERO
        })
    }
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
