//! Where do statements begin, and where do those of the REPL end?
//!
//! Two kinds of words depend on it: declarations (`input`, `length`, … are names everywhere
//! else) and REPL statements, which end with their line.

use super::token::{Bracket, Spanned, Token};

/// Turns names into declaration keywords where a declaration begins, and ends REPL statements
/// with their line. The first token begins a statement of the program.
pub fn mark<'s>(text: &str, tokens: &[Spanned<'s>], bound: &Bound) -> Vec<Spanned<'s>> {
    let mut out: Vec<Spanned<'s>> = Vec::with_capacity(tokens.len() + 1);
    let mut open: Vec<Bracket> = Vec::new();
    let mut line_of = None; // how many brackets were open where a REPL statement began
    let mut begins = true;
    for (i, &(start, token, end)) in tokens.iter().enumerate() {
        if let (Some(outer), Some(&(_, _, last_end))) = (line_of, out.last())
            && open.len() <= outer
            && (text[last_end..start].contains('\n') || token == Token::Semicolon)
        {
            out.push((last_end, Token::LineEnd, last_end));
            line_of = None;
            begins = true;
            if token == Token::Semicolon {
                continue;
            }
        }
        let next = tokens.get(i + 1).map(|(_, t, _)| *t);
        let token = if begins { first_token(token, next, bound) } else { token };
        if begins && is_repl(token, next) {
            line_of = Some(open.len());
        }
        let before = out.last().map(|(_, t, _)| *t).filter(|_| !begins);
        begins = matches!(token, Token::Semicolon | Token::Broken);
        if let Some(bracket) = Bracket::opened_by(token, before) {
            open.push(bracket);
            begins = bracket == Bracket::Block;
        } else if token.closes() {
            begins = open.pop() == Some(Bracket::Block);
        }
        out.push((start, token, end));
    }
    if let (Some(outer), Some(&(_, _, last_end))) = (line_of, out.last())
        && open.len() <= outer
    {
        out.push((last_end, Token::LineEnd, last_end));
    }
    out
}

fn is_repl(token: Token<'_>, next: Option<Token<'_>>) -> bool {
    match token {
        Token::Set | Token::Show | Token::SOp | Token::Examples | Token::FullSeqDisplay | Token::Exit => true,
        Token::Selector => matches!(next, Some(Token::Examples | Token::On | Token::Off)),
        _ => false,
    }
}

/// Whether `assume` and `output` are names of the program. Where they are not, `assume (…)` is
/// no call and `output [a]` no index: they are declarations.
pub struct Bound {
    assume: bool,
    output: bool,
}

impl Bound {
    /// `is_bound`: what is known before the first of the tokens.
    pub fn of(tokens: &[Spanned<'_>], is_bound: impl Fn(&str) -> bool) -> Self {
        // A loaded file may bind anything.
        let loads = tokens.iter().any(|(_, t, _)| *t == Token::Load);
        let known = |word| loads || is_bound(word) || is_used(tokens, word);
        Self { assume: known("assume"), output: known("output") }
    }
}

/// Whether a word is assigned, or stands where only a name can: not at the beginning of a
/// statement.
fn is_used(tokens: &[Spanned<'_>], word: &str) -> bool {
    tokens.iter().enumerate().any(|(i, (_, token, _))| {
        let before = i.checked_sub(1).map(|i| tokens[i].1);
        let begins = matches!(before, None | Some(Token::Semicolon | Token::OpenBrace | Token::CloseBrace));
        let after = tokens.get(i + 1).map(|t| t.1);
        let assigned = matches!(after, Some(Token::Assign | Token::Comma));
        *token == Token::Ident(word) && (assigned || !begins)
    })
}

/// The declaration keyword for the first token of a statement, if a declaration begins here.
fn first_token<'s>(token: Token<'s>, next: Option<Token<'s>>, bound: &Bound) -> Token<'s> {
    use Token as T;
    let operand = matches!(next, Some(T::Open | T::OpenList | T::Minus | T::Plus));
    match (token, next) {
        (T::Example, _) => T::ExampleOf,
        (T::Ident("assume"), _) if operand && !bound.assume => T::Assume,
        (T::Ident("output"), _) if operand && !bound.output => T::Output,
        (T::Ident(_), next) if next.is_none_or(continues_name) => token,
        (T::Ident("input"), _) => T::Input,
        (T::Ident("length"), _) => T::Length,
        (T::Ident("attention"), _) => T::Attention,
        (T::Ident("assume"), _) => T::Assume,
        (T::Ident("output"), _) => T::Output,
        _ => token,
    }
}

/// What can follow a name in a statement of the RASP tool.
fn continues_name(next: Token<'_>) -> bool {
    use Token as T;
    matches!(
        next,
        T::Assign
            | T::Comma
            | T::Semicolon
            | T::Open
            | T::OpenList
            | T::Plus
            | T::Minus
            | T::Star
            | T::Slash
            | T::Percent
            | T::Caret
            | T::EqEq
            | T::NotEq
            | T::Less
            | T::LessEq
            | T::Greater
            | T::GreaterEq
            | T::And
            | T::Or
            | T::If
            | T::In
    )
}
