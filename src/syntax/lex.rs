//! From text to tokens. Text that RASP does not have is reported, and left out or taken for what it was
//! probably meant to be, so that the rest of its statement can be read.

use super::ast::Comment;
use super::elsewhere::Habit;
use super::token::{Spanned, Token};
use super::{Found, Hint, SyntaxError};
use crate::source::{SourceId, Span};
use crate::value::notation;
use logos::Logos as _;

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
    let mut lexer = Token::lexer(text);
    while let Some(token) = lexer.next() {
        let range = lexer.span();
        let span = Span::new(source, range.start, range.end);
        let written = &text[range.clone()];
        let token = match token {
            Ok(Token::Comment) => {
                lexed.comments.push(Comment { span, text: written.trim_end().to_owned() });
                continue;
            }
            Ok(Token::ByteOrderMark) => continue,
            Ok(Token::OpenStr) => {
                lexed.errors.push(SyntaxError::UnclosedString { span });
                Token::Str(written)
            }
            Ok(Token::ForeignStr) => {
                lexed.errors.push(SyntaxError::ForeignQuotes { span });
                Token::Str(written)
            }
            Ok(Token::Str(written)) => {
                let more = escaped_quote(written, lexer.remainder());
                if more > 0 {
                    let span = Span { end: span.end + more as u32, ..span };
                    lexer.bump(more);
                    lexed.errors.push(mistaken(span, written, Hint::Habit(Habit::EscapedQuote)));
                }
                Token::Str(&text[range.start..range.end + more])
            }
            Ok(Token::Escaped(written)) => {
                if let Err(wrong) = notation::unescaped(between_quotes(written)) {
                    // Behind `e"`.
                    let (start, end) = (range.start + 2 + wrong.start, range.start + 2 + wrong.end);
                    lexed.errors.push(SyntaxError::UnknownEscape { span: Span::new(source, start, end) });
                }
                Token::Escaped(written)
            }
            Ok(token @ (Token::SlashSlash | Token::SlashStar | Token::TripleQuote | Token::Prompt)) => {
                let begins = lexed.begins_statement(text, range.start, token);
                match foreign_text(token, written, lexer.remainder(), begins) {
                    Foreign::Skipped { hint, more } => {
                        let span = Span { end: span.end + more as u32, ..span };
                        lexer.bump(more);
                        lexed.errors.push(mistaken(span, written, hint));
                        continue;
                    }
                    Foreign::Str { hint, more } => {
                        let end = range.end + more;
                        lexer.bump(more);
                        let span = Span { end: end as u32, ..span };
                        lexed.errors.push(mistaken(span, written, hint));
                        lexed.tokens.push((range.start, Token::Str(&text[range.start..end]), end));
                    }
                    Foreign::Operators(first, second) => {
                        lexed.tokens.push((range.start, first, range.start + 1));
                        lexed.tokens.push((range.start + 1, second, range.end));
                    }
                }
                continue;
            }
            Ok(token) => token,
            Err(()) => {
                match lexed.errors.last_mut() {
                    // One report for a run of foreign characters.
                    Some(SyntaxError::UnknownText { span: last }) if last.end == span.start => {
                        last.end = span.end;
                    }
                    _ => lexed.errors.push(SyntaxError::UnknownText { span }),
                }
                continue;
            }
        };
        lexed.tokens.push((range.start, token, range.end));
    }
    lexed
}

impl Lexed<'_> {
    /// Whether a statement can begin at an offset behind the tokens so far: on a new line, or behind
    /// the end of another statement.
    fn begins_statement(&self, text: &str, at: usize, token: Token<'_>) -> bool {
        let line = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let ends = |before: Token<'_>| match before {
            Token::Semicolon | Token::CloseBrace => true,
            // Three quotes may be meant as a value of a domain.
            Token::OpenBrace => token != Token::TripleQuote,
            _ => false,
        };
        text[line..at].trim().is_empty() || self.tokens.last().is_none_or(|t| ends(t.1))
    }
}

fn mistaken(span: Span, written: &str, hint: Hint) -> SyntaxError {
    SyntaxError::Mistaken { span, found: Found::Text(written.to_owned()), hint }
}

/// What becomes of text that RASP does not have.
enum Foreign {
    /// It is left out, with this number of further bytes.
    Skipped { hint: Hint, more: usize },
    /// It is taken for a string, with this number of further bytes.
    Str { hint: Hint, more: usize },
    /// It is two operators in a row, at which the parser stops.
    Operators(Token<'static>, Token<'static>),
}

/// `begins`: whether a statement can begin here; `rest`: what follows.
fn foreign_text(token: Token<'_>, written: &str, rest: &str, begins: bool) -> Foreign {
    let line = rest.find('\n').unwrap_or(rest.len());
    // Up to and with what closes it, or to the end of the line.
    let until = |close: &str, within: &str| within.find(close).map_or(line, |i| i + close.len());
    match token {
        Token::SlashSlash if begins => Foreign::Skipped { hint: Hint::CommentSign, more: line },
        Token::SlashSlash => Foreign::Operators(Token::Slash, Token::Slash),
        Token::SlashStar => Foreign::Skipped { hint: Hint::CommentSign, more: until("*/", rest) },
        Token::TripleQuote if begins => {
            Foreign::Skipped { hint: Hint::Habit(Habit::Docstring), more: until(written, rest) }
        }
        Token::TripleQuote => match rest[..line].find(written) {
            Some(end) => {
                let hint = Hint::Habit(Habit::TripleQuotes { text: rest[..end].to_owned() });
                Foreign::Str { hint, more: end + written.len() }
            }
            None => Foreign::Str { hint: Hint::Habit(Habit::QuoteInString), more: 0 },
        },
        _ if begins => Foreign::Skipped { hint: Hint::Habit(Habit::Session { prompt: true }), more: 0 },
        _ => Foreign::Operators(Token::Greater, Token::Greater),
    }
}

/// How many bytes a string goes on behind its end, if `\"` in it was meant as a quote: no operator of
/// RASP begins with what follows.
fn escaped_quote(written: &str, rest: &str) -> usize {
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let is_operator = ["", "if", "else", "in", "and", "or", "for"].contains(&word.as_str());
    if !written.ends_with("\\\"") || is_operator && !rest.starts_with('"') {
        return 0;
    }
    let mut escaped = false;
    for (i, c) in rest.char_indices() {
        match c {
            '\n' => return 0,
            '"' if !escaped => return i + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    0
}

/// What stands between the quotes of a string token.
pub fn between_quotes(written: &str) -> &str {
    let inner = written.strip_prefix('e').unwrap_or(written);
    let inner = inner.strip_prefix('"').unwrap_or(inner);
    inner.strip_suffix('"').unwrap_or(inner)
}
