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
    let bound = Bound::of(&raw);
    let mut open: Vec<Bracket> = Vec::new();
    let mut line_of = None; // how many brackets were open where a REPL statement began
    let mut statement_start = true;
    for (i, &(start, token, end)) in raw.iter().enumerate() {
        if let (Some(outer), Some(&(_, _, last_end))) = (line_of, out.last())
            && open.len() <= outer
            && (text[last_end..start].contains('\n') || token == Token::Semicolon)
        {
            out.push((last_end, Token::LineEnd, last_end));
            line_of = None;
            statement_start = true;
            if token == Token::Semicolon {
                continue;
            }
        }
        let next = raw.get(i + 1).map(|(_, t, _)| *t);
        let token = if statement_start { first_token(token, next, &bound) } else { token };
        if statement_start && is_repl(token, next) {
            line_of = Some(open.len());
        }
        let before = out.last().map(|(_, t, _)| *t).filter(|_| !statement_start);
        statement_start = token == Token::Semicolon;
        if let Some(bracket) = Bracket::opened_by(token, before) {
            open.push(bracket);
            statement_start = bracket == Bracket::Block;
        } else if token.closes() {
            statement_start = open.pop() == Some(Bracket::Block);
        }
        out.push((start, token, end));
    }
    if let (Some(_), Some(&(_, _, last_end))) = (line_of, out.last()) {
        out.push((last_end, Token::LineEnd, last_end));
    }
    out
}

/// What an open bracket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bracket {
    /// Statements, after the head of a `def` or `for`.
    Block,
    /// Expressions.
    Inner,
}

impl Bracket {
    /// What `token` opens, if anything, judged by the token before it: a dictionary begins
    /// where an operand is missing, a block where one has just ended.
    pub fn opened_by(token: Token<'_>, before: Option<Token<'_>>) -> Option<Self> {
        use Token as T;
        match token {
            T::OpenBrace => {
                let block = before.is_some_and(Token::ends_operand);
                Some(if block { Self::Block } else { Self::Inner })
            }
            T::Open
            | T::OpenList
            | T::SelectOpen
            | T::AggregateOpen
            | T::RangeOpen
            | T::ZipOpen
            | T::LenOpen => Some(Self::Inner),
            _ => None,
        }
    }
}

impl Token<'_> {
    pub fn closes(self) -> bool {
        matches!(self, Token::Close | Token::CloseList | Token::CloseBrace)
    }

    /// Whether an operand may end here, so that an operator may follow.
    pub fn ends_operand(self) -> bool {
        use Token as T;
        matches!(self, T::Ident(_) | T::Int(_) | T::Float(_) | T::Str(_)) || self.closes()
    }
}

fn is_repl(token: Token<'_>, next: Option<Token<'_>>) -> bool {
    match token {
        Token::Set | Token::Show | Token::SOp | Token::FullSeqDisplay | Token::Exit => true,
        Token::Selector | Token::Examples => matches!(next, Some(Token::Examples | Token::On | Token::Off)),
        _ => false,
    }
}

/// Whether `assume` and `output` are names of the program. Where they are not, `assume (…)` is
/// no call but a declaration.
struct Bound {
    assume: bool,
    output: bool,
}

impl Bound {
    fn of(tokens: &[Spanned<'_>]) -> Self {
        // A loaded file may bind anything.
        let loads = tokens.iter().any(|(_, t, _)| *t == Token::Load);
        let is_bound = |word: &str| {
            loads
                || tokens.iter().enumerate().any(|(i, (_, t, _))| {
                    // At the beginning of a statement, a parenthesis behind the word leaves it open.
                    let before = i.checked_sub(1).map(|i| tokens[i].1);
                    let after = tokens.get(i + 1).map(|t| t.1);
                    let begins = matches!(
                        before,
                        None | Some(Token::Semicolon | Token::OpenBrace | Token::CloseBrace)
                    );
                    *t == Token::Ident(word)
                        && !(begins && !matches!(after, Some(Token::Assign | Token::Comma)))
                })
        };
        Self { assume: is_bound("assume"), output: is_bound("output") }
    }
}

/// The declaration keyword for the first token of a statement, if a declaration begins here.
fn first_token<'s>(token: Token<'s>, next: Option<Token<'s>>, bound: &Bound) -> Token<'s> {
    use Token as T;
    match (token, next) {
        (T::Example, _) => T::ExampleOf,
        (T::Ident("assume"), Some(T::Open)) if !bound.assume => T::Assume,
        (T::Ident("output"), Some(T::Open)) if !bound.output => T::Output,
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
