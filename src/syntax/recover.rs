//! Where does a broken statement end, so that the next good one is read and nothing is
//! reported twice?
//!
//! What lies before the token at which the parser stopped is well formed as far as it goes:
//! brackets match there, and statements and blocks can be told by counting.

use super::elsewhere::ONE_LINE;
use super::error::{Found, SyntaxError};
use super::token::{Bracket, Spanned, Token};
use crate::source::{SourceId, Span};

/// A token that cannot stand where it stands, with what is around it.
pub(super) struct Failure<'f, 's> {
    pub(super) text: &'f str,
    source: SourceId,
    pub(super) tokens: &'f [Spanned<'s>],
    /// The index of the token; the number of tokens if the program ends too early.
    pub(super) at: usize,
    pub(super) expected: Vec<String>,
    /// The index of the first token of the innermost statement.
    pub(super) start: usize,
    /// The brackets that this statement has opened.
    pub(super) brackets: Vec<usize>,
    /// The blocks around it, outermost first.
    pub(super) blocks: Vec<Block>,
}

/// An open block.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// The first token of the `def` or `for`.
    pub(super) head: usize,
    /// Its `{`.
    pub(super) open: usize,
}

/// A change of the tokens after which parsing goes on. Positions are offsets in the text.
pub(super) enum Repair {
    /// Puts in a token that is missing.
    Insert { token: Token<'static>, at: usize },
    /// Takes tokens out; `broken` leaves a sign that there was a statement.
    Cut { start: usize, end: usize, broken: bool },
}

impl Repair {
    pub(super) fn apply(self, tokens: &mut Vec<Spanned<'_>>) {
        match self {
            Self::Insert { token, at } => {
                let index = tokens.partition_point(|t| t.2 <= at);
                tokens.insert(index, (at, token, at));
            }
            Self::Cut { start, end, broken } => {
                let from = tokens.partition_point(|t| t.0 < start);
                let to = tokens.partition_point(|t| t.2 <= end).max(from);
                let sign = broken.then_some((start, Token::Broken, end));
                tokens.splice(from..to, sign);
            }
        }
    }
}

impl<'f, 's> Failure<'f, 's> {
    pub(super) fn new(
        text: &'f str,
        source: SourceId,
        tokens: &'f [Spanned<'s>],
        at: usize,
        expected: Vec<String>,
    ) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        let mut brackets: Vec<usize> = Vec::new();
        let mut start = 0;
        for (i, &(_, token, _)) in tokens[..at].iter().enumerate() {
            let before = (i > start).then(|| tokens[i - 1].1);
            match Bracket::opened_by(token, before) {
                Some(Bracket::Block) => {
                    blocks.push(Block { head: start, open: i });
                    start = i + 1;
                }
                Some(Bracket::Inner) => brackets.push(i),
                None if token.closes() && brackets.pop().is_none() => {
                    blocks.pop();
                    start = i + 1;
                }
                None if token.ends_statement() => start = i + 1,
                None => {}
            }
        }
        let failure = Self { text, source, tokens, at, expected, start, brackets, blocks };
        match at.checked_sub(1) {
            // `x = 1 +`, and `y = 2;` on the next line: it is the first line that is wrong.
            Some(name) if name > start && failure.begins_statement(name) => {
                let expected = ["int", "["].map(str::to_owned).to_vec();
                Self { at: name, expected, ..failure }
            }
            _ => failure,
        }
    }

    /// What is wrong, and how to go on.
    pub(super) fn explain(&self) -> (SyntaxError, Repair) {
        use Token as T;
        let found = self.token(self.at);
        let before = self.at.checked_sub(1).and_then(|i| self.token(i));
        let block = self.blocks.last();
        let complete = self.start == self.at || before.is_some_and(Token::ends_operand);
        let stray = complete && found.is_some_and(Token::closes);
        match (found, block) {
            // A bracket that closes nothing.
            (Some(close), block)
                if self.brackets.is_empty() && stray && (close != T::CloseBrace || block.is_none()) =>
            {
                (
                    SyntaxError::Unopened { span: self.span(self.at, self.at) },
                    self.cut(self.at, self.at + 1, false),
                )
            }
            // The end of a block, too early.
            (Some(T::CloseBrace), Some(block)) if self.start == self.at => {
                (self.unexpected(), self.cut(block.head, self.at + 1, true))
            }
            // More after the `return` of a function.
            (_, Some(block)) if self.expected == ["}"] => match found {
                Some(_) if !self.is_outside(block.head) => {
                    (self.unexpected(), self.cut(self.at, self.block_end(), false))
                }
                _ => (self.unclosed(block.open), self.insert(T::CloseBrace)),
            },
            (None, Some(block)) if self.start == self.at => {
                (self.unclosed(block.open), self.cut(self.blocks[0].head, self.at, true))
            }
            _ if self.is_foreign_comment() => {
                (self.unexpected(), self.cut(self.start, self.line_end(), false))
            }
            (Some(T::Semicolon), _) if self.start == self.at => {
                (self.unexpected(), self.cut(self.at, self.at + 1, false))
            }
            _ => match self.brackets.last() {
                Some(&open) if self.is_unclosed(open) => (self.unclosed(open), self.skip()),
                None if self.expects(";") && self.is_at_end_of_statement() => {
                    let (span, at_end) = (self.span(self.at - 1, self.at - 1), found.is_none());
                    (SyntaxError::MissingSemicolon { span, at_end }, self.insert(T::Semicolon))
                }
                _ => (self.unexpected(), self.skip()),
            },
        }
    }

    /// The offsets between which the repair leaves nothing as it was, and the space around.
    pub(super) fn extent(&self, repair: &Repair) -> std::ops::Range<usize> {
        let (start, end) = match repair {
            Repair::Insert { at, .. } => (self.tokens.get(self.start).map_or(*at, |t| t.0), *at),
            Repair::Cut { start, end, .. } => (*start, *end),
        };
        let first = self.tokens.partition_point(|t| t.0 < start).min(self.start);
        let next = self.tokens.partition_point(|t| t.0 < end.max(start + 1));
        let before = match first.checked_sub(1) {
            Some(i) => self.tokens[i].2,
            None => self.tokens.first().map_or(0, |t| t.0.saturating_sub(1)),
        };
        before..self.tokens.get(next).map_or(self.text.len(), |t| t.0)
    }

    pub(super) fn token(&self, index: usize) -> Option<Token<'s>> {
        self.tokens.get(index).map(|t| t.1)
    }

    pub(super) fn expects(&self, token: &str) -> bool {
        self.expected.iter().any(|e| e == token)
    }

    /// From the first to the last of two tokens; behind the last token stands its last character.
    pub(super) fn span(&self, first: usize, last: usize) -> Span {
        let place = |i: usize| match self.tokens.get(i) {
            Some((start, _, end)) if start < end => (*start, *end),
            _ => self.end_before(i),
        };
        Span::new(self.source, place(first).0, place(last).1)
    }

    /// The last character of what stands before a token.
    fn end_before(&self, index: usize) -> (usize, usize) {
        let end = index.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |t| t.2);
        let width = self.text[..end].chars().next_back().map_or(0, char::len_utf8);
        (end - width, end)
    }

    /// The token that begins the line after the one on which the statement begins.
    pub(super) fn line_end(&self) -> usize {
        (self.start + 1..self.tokens.len()).find(|i| self.is_line_start(*i)).unwrap_or(self.tokens.len())
    }

    fn unexpected(&self) -> SyntaxError {
        let foreign = self.is_foreign_comment();
        if self.at > self.start && self.begins_statement(self.at) && !foreign {
            let (start, end) = self.end_before(self.at);
            let span = Span::new(self.source, start, end);
            return SyntaxError::Unexpected { span, found: Found::LineEnd, expected: self.expected.clone() };
        }
        let found = match self.tokens.get(self.at) {
            None => Found::End,
            Some((_, Token::LineEnd, _)) => Found::LineEnd,
            Some((start, _, end)) => Found::Text(self.text[*start..*end].to_owned()),
        };
        match self.hint() {
            Some((hint, first, last)) => SyntaxError::Mistaken { span: self.span(first, last), found, hint },
            None => {
                let span = self.span(self.at, self.at);
                SyntaxError::Unexpected { span, found, expected: self.expected.clone() }
            }
        }
    }

    fn unclosed(&self, open: usize) -> SyntaxError {
        let block = self.blocks.last().is_some_and(|b| b.open == open);
        SyntaxError::Unclosed {
            open: self.span(open, open),
            span: self.span(self.at, self.at),
            close: self.closer(open),
            block,
            at_end: self.at == self.tokens.len(),
        }
    }

    fn closer(&self, open: usize) -> char {
        match self.token(open) {
            Some(Token::OpenList) => ']',
            Some(Token::OpenBrace) => '}',
            _ => ')',
        }
    }

    /// Whether a bracket is left open here, rather than that something in it is wrong.
    fn is_unclosed(&self, open: usize) -> bool {
        let Some(found) = self.token(self.at) else { return true };
        let ends = found.ends_statement() || found.closes() || self.begins_statement(self.at);
        ends && self.expects(&self.closer(open).to_string())
    }

    /// Whether only a `;` is missing: a new statement, or the end of the block, follows.
    fn is_at_end_of_statement(&self) -> bool {
        use Token as T;
        let Some(found) = self.token(self.at) else { return true };
        let operator = matches!(
            found,
            T::And | T::Or | T::Else | T::If | T::In | T::EqEq | T::NotEq | T::LessEq | T::GreaterEq
        ) || matches!(
            found,
            T::Less | T::Greater | T::Arrow | T::DotDot | T::Assign | T::Star | T::Slash | T::Percent
        ) || matches!(found, T::Caret | T::Close | T::CloseList | T::Comma | T::Colon);
        found == T::CloseBrace || (self.is_line_start(self.at) && !operator)
    }

    pub(super) fn is_line_start(&self, index: usize) -> bool {
        let before = index.checked_sub(1).map_or(0, |i| self.tokens[i].2);
        self.tokens.get(index).is_some_and(|t| index == 0 || self.text[before..t.0].contains('\n'))
    }

    /// Whether a line begins here with what can hardly be anything but a new statement.
    fn begins_statement(&self, index: usize) -> bool {
        use Token as T;
        let next = self.token(index + 1);
        let word = match self.token(index) {
            Some(T::Def | T::Load | T::Draw | T::Set | T::Show | T::FullSeqDisplay | T::Exit) => true,
            // In brackets, a comprehension may go on here.
            Some(T::For) => self.brackets.is_empty(),
            Some(T::Ident("input" | "length" | "attention" | "assume" | "output")) => {
                matches!(next, Some(T::Ident(_) | T::Int(_) | T::Not | T::Assign))
            }
            Some(T::Ident(_)) => next == Some(T::Assign),
            _ => false,
        };
        word && self.is_line_start(index)
    }

    /// Whether the token at which the parser stopped begins a line no further right than `head`.
    fn is_outside(&self, head: usize) -> bool {
        self.is_line_start(self.at) && self.column(self.at) <= self.column(head)
    }

    fn column(&self, index: usize) -> usize {
        let start = self.tokens.get(index).map_or(self.text.len(), |t| t.0);
        start - self.text[..start].rfind('\n').map_or(0, |i| i + 1)
    }

    fn insert(&self, token: Token<'static>) -> Repair {
        Repair::Insert { token, at: self.end_before(self.at).1 }
    }

    /// Takes out the tokens from `first` up to, not including, `end`.
    fn cut(&self, first: usize, end: usize, broken: bool) -> Repair {
        let start = self.tokens.get(first).map_or(self.text.len(), |t| t.0);
        let end = end.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(self.text.len(), |t| t.2);
        Repair::Cut { start, end, broken }
    }

    /// The index of the `}` that ends the block around the error.
    fn block_end(&self) -> usize {
        let mut depth = 0_usize;
        for i in self.at..self.tokens.len() {
            match self.tokens[i].1 {
                Token::OpenBrace => depth += 1,
                Token::CloseBrace if depth == 0 => return i,
                Token::CloseBrace => depth -= 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// Takes out the statement with the error: to its `;`, to the end of its block, or to where
    /// a line clearly begins another one.
    fn skip(&self) -> Repair {
        if self.token(self.start) == Some(Token::Return)
            && let Some(block) = self.blocks.last()
        {
            return self.cut(block.head, (self.block_end() + 1).min(self.tokens.len()), true);
        }
        let end = self.statement_end();
        // `import x` and its kind end with their line, and the next line has its own errors.
        let one_line = matches!(self.token(self.start), Some(Token::Ident(word)) if ONE_LINE.contains(&word));
        let end = if (one_line && self.brackets.is_empty()) || self.is_answer() {
            end.min(self.line_end())
        } else {
            end
        };
        self.cut(self.start, end, true)
    }

    fn statement_end(&self) -> usize {
        use Token as T;
        let left = self.column(self.start);
        // The head of a function or loop as other languages write it: what is indented is its.
        let indented = self.token(self.at) == Some(T::Colon) && self.is_head();
        let mut braces = self.brackets.iter().filter(|i| self.token(**i) == Some(T::OpenBrace)).count();
        let mut blocks = 0_usize;
        let mut i = self.at;
        while let Some(token) = self.token(i) {
            let outside = i > self.start && self.is_line_start(i) && self.column(i) <= left;
            if i > self.start && (indented || blocks > 0) && outside && token != T::CloseBrace {
                return i;
            }
            if i > self.start && !indented && blocks == 0 && self.begins_statement(i) {
                return i;
            }
            let before = (i > self.start).then(|| self.tokens[i - 1].1);
            match token {
                T::OpenBrace if Bracket::opened_by(token, before) == Some(Bracket::Block) => blocks += 1,
                T::OpenBrace => braces += 1,
                T::CloseBrace if braces > 0 => braces -= 1,
                T::CloseBrace if blocks > 1 => blocks -= 1,
                T::CloseBrace if blocks == 1 => match self.token(i + 1) {
                    // `} else {` and `} elif x {` belong to what was taken for an `if`.
                    Some(T::Else) if self.token(i + 2) == Some(T::OpenBrace) => i += 2,
                    Some(T::Else | T::Ident("elif")) => blocks = 0,
                    Some(T::Semicolon) => return i + 2,
                    _ => return i + 1,
                },
                T::CloseBrace if !self.blocks.is_empty() => return i.max(self.start + 1),
                _ if token.ends_statement() && blocks == 0 && !indented => return i + 1,
                _ => {}
            }
            i += 1;
        }
        self.tokens.len()
    }

    /// Whether the statement is the head of a function or a loop.
    pub(super) fn is_head(&self) -> bool {
        matches!(self.token(self.start), Some(Token::Def | Token::For))
    }
}
