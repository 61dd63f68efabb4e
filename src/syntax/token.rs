//! The words of the language, and the two places where a word's meaning depends on where it
//! stands: declarations (`input`, `length`, … are names everywhere else) and REPL statements,
//! which end with their line.

use super::SyntaxError;
use super::ast::Comment;
use crate::source::{SourceId, Span};
use logos::Logos;

/// A token. `select(` and its kin are one token with their parenthesis, as in the RASP tool:
/// with a space between, the word is an ordinary name.
#[derive(Logos, Clone, Copy, Debug, PartialEq)]
#[logos(skip r"[ \t\r\n\f\u{feff}]+")]
pub enum Token<'s> {
    #[regex(r"#[^\n]*", allow_greedy = true)]
    Comment,
    #[regex("[a-zA-Z_][a-zA-Z_0-9]*")]
    Ident(&'s str),
    #[regex("[0-9]+")]
    Int(&'s str),
    #[regex(r"[0-9]+\.[0-9]+")]
    Float(&'s str),
    #[regex("\"[^\"\n]*\"")]
    Str(&'s str),
    #[regex("\"[^\"\n]*", priority = 1)]
    OpenStr,

    #[token("select(")]
    SelectOpen,
    #[token("aggregate(")]
    AggregateOpen,
    #[token("range(")]
    RangeOpen,
    #[token("zip(")]
    ZipOpen,
    #[token("len(")]
    LenOpen,

    #[token("and")]
    And,
    #[token("or")]
    Or,
    #[token("not")]
    Not,
    #[token("if")]
    If,
    #[token("else")]
    Else,
    #[token("for")]
    For,
    #[token("in")]
    In,
    #[token("def")]
    Def,
    #[token("return")]
    Return,
    #[token("load")]
    Load,
    #[token("draw")]
    Draw,
    #[token("round")]
    Round,
    #[token("indicator")]
    Indicator,

    // Statements of the REPL.
    #[token("set")]
    Set,
    #[token("show")]
    Show,
    #[token("s-op")]
    SOp,
    #[token("selector")]
    Selector,
    #[token("example")]
    Example,
    #[token("examples")]
    Examples,
    #[token("on")]
    On,
    #[token("off")]
    Off,
    #[token("full seq display")]
    FullSeqDisplay,
    #[token("exit")]
    #[token("exit()")]
    #[token("quit")]
    #[token("quit()")]
    Exit,

    // Declarations: names that begin a statement and are followed by what no statement of the
    // RASP tool could continue with. Made from `Ident` and `Example` by `tokens`.
    Input,
    Length,
    Attention,
    Assume,
    Output,
    ExampleOf,
    /// The end of a line that holds a REPL statement.
    LineEnd,

    #[token("==")]
    EqEq,
    #[token("!=")]
    NotEq,
    #[token("<=")]
    LessEq,
    #[token(">=")]
    GreaterEq,
    #[token("<")]
    Less,
    #[token(">")]
    Greater,
    #[token("=>")]
    Arrow,
    #[token("..")]
    DotDot,
    #[token("=")]
    Assign,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("^")]
    Caret,
    #[token("(")]
    Open,
    #[token(")")]
    Close,
    #[token("[")]
    OpenList,
    #[token("]")]
    CloseList,
    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    #[token(":")]
    Colon,
}

/// A token between two byte offsets, as the parser takes it.
pub type Spanned<'s> = (usize, Token<'s>, usize);

/// What lexing gives: tokens, comments, and what was no token at all.
#[derive(Default)]
pub struct Lexed<'s> {
    pub tokens: Vec<Spanned<'s>>,
    pub comments: Vec<Comment>,
    pub errors: Vec<SyntaxError>,
}

/// Splits a text into tokens.
pub fn lex(source: SourceId, text: &str) -> Lexed<'_> {
    let mut lexed = Lexed::default();
    let mut raw = Vec::new();
    for (token, range) in Token::lexer(text).spanned() {
        let span = Span::new(source, range.start, range.end);
        match token {
            Ok(Token::Comment) => {
                lexed.comments.push(Comment { span, text: text[range].trim_end().to_owned() })
            }
            Ok(Token::OpenStr) => lexed.errors.push(SyntaxError::UnclosedString { span }),
            Ok(token) => raw.push((range.start, token, range.end)),
            Err(()) => match lexed.errors.last_mut() {
                // One report for a run of foreign characters.
                Some(SyntaxError::UnknownText { span: last, .. }) if last.end == span.start => {
                    last.end = span.end
                }
                _ => lexed.errors.push(SyntaxError::UnknownText { span }),
            },
        }
    }
    lexed.tokens = mark_statements(text, raw);
    lexed
}

/// Turns names into declaration keywords where a declaration begins, and ends REPL statements
/// with their line.
fn mark_statements<'s>(text: &'s str, raw: Vec<Spanned<'s>>) -> Vec<Spanned<'s>> {
    let mut out: Vec<Spanned<'s>> = Vec::with_capacity(raw.len());
    let mut depth = 0_usize; // of brackets of any kind
    let mut in_line = None; // the depth at which a REPL statement began
    let mut statement_start = true;
    for (i, &(start, token, end)) in raw.iter().enumerate() {
        if let (Some(base), Some(&(_, _, last_end))) = (in_line, out.last())
            && depth <= base
            && (text[last_end..start].contains('\n') || token == Token::Semicolon)
        {
            out.push((last_end, Token::LineEnd, last_end));
            in_line = None;
            statement_start = true;
            if token == Token::Semicolon {
                continue;
            }
        }
        let next = raw.get(i + 1).map(|(_, t, _)| *t);
        let token = if statement_start { first_token(token, next) } else { token };
        if statement_start && is_repl(token, next) {
            in_line = Some(depth);
        }
        match token {
            Token::Open | Token::OpenList | Token::OpenBrace => depth += 1,
            Token::SelectOpen | Token::AggregateOpen | Token::RangeOpen | Token::ZipOpen | Token::LenOpen => {
                depth += 1
            }
            Token::Close | Token::CloseList | Token::CloseBrace => depth = depth.saturating_sub(1),
            _ => {}
        }
        statement_start = matches!(token, Token::Semicolon | Token::OpenBrace | Token::CloseBrace);
        out.push((start, token, end));
    }
    if in_line.is_some() {
        out.push((text.len(), Token::LineEnd, text.len()));
    }
    out
}

fn is_repl(token: Token<'_>, next: Option<Token<'_>>) -> bool {
    match token {
        Token::Set | Token::Show | Token::SOp | Token::FullSeqDisplay | Token::Exit => true,
        Token::Selector | Token::Examples => matches!(next, Some(Token::Examples | Token::On | Token::Off)),
        _ => false,
    }
}

/// The declaration keyword for the first token of a statement, if a declaration begins here.
fn first_token<'s>(token: Token<'s>, next: Option<Token<'s>>) -> Token<'s> {
    use Token as T;
    // What can follow a name in a statement of the RASP tool.
    let continues_name = matches!(
        next,
        None | Some(
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
    );
    match token {
        T::Example => T::ExampleOf,
        T::Ident(_) if continues_name => token,
        T::Ident("input") => T::Input,
        T::Ident("length") => T::Length,
        T::Ident("attention") => T::Attention,
        T::Ident("assume") => T::Assume,
        T::Ident("output") => T::Output,
        _ => token,
    }
}
