//! What did the author probably mean? Judged by the tokens around an error.

use super::error::Hint;
use super::recover::Failure;
use super::token::Token as T;

/// A hint and the first and last token that it speaks of.
type Found = Option<(Hint, usize, usize)>;

impl Failure<'_, '_> {
    /// The most specific explanation there is.
    pub(super) fn hint(&self) -> Found {
        self.statement_of_another_language()
            .or_else(|| self.operator_of_another_language())
            .or_else(|| self.broken_block())
            .or_else(|| self.broken_declaration())
            .or_else(|| self.broken_select())
            .or_else(|| self.broken_assignment())
            .or_else(|| self.broken_conditional())
            .or_else(|| self.broken_list())
            .or_else(|| self.not_a_name())
    }

    fn found(&self) -> Option<T<'_>> {
        self.token(self.at)
    }

    fn before(&self, steps: usize) -> Option<T<'_>> {
        self.at.checked_sub(steps).and_then(|i| self.token(i))
    }

    /// The bracket around the error, among those of its statement.
    fn bracket(&self) -> Option<T<'_>> {
        self.brackets.last().and_then(|i| self.token(*i))
    }

    fn here(&self, hint: Hint) -> Found {
        Some((hint, self.at, self.at))
    }

    fn with_previous(&self, hint: Hint) -> Found {
        Some((hint, self.at.saturating_sub(1), self.at))
    }

    /// Whether the innermost bracket follows what may be called.
    fn is_call(&self) -> bool {
        let callee = self.brackets.last().and_then(|i| self.token(i.checked_sub(1)?));
        callee.is_some_and(T::ends_operand)
    }

    fn statement_of_another_language(&self) -> Found {
        if self.is_foreign_comment() {
            return Some((Hint::CommentSign, self.at, self.at + 1));
        }
        let lambda = Some(T::Ident("lambda"));
        if self.before(1) == lambda && self.expects("+") {
            return Some((Hint::NoSuchStatement("lambda".to_owned()), self.at - 1, self.at - 1));
        }
        let word = match self.token(self.start) {
            Some(T::Ident(word)) => word,
            Some(T::If) if self.start == self.at => return self.here(Hint::IfStatement),
            Some(T::Else) if self.start == self.at => return self.here(Hint::IfStatement),
            Some(T::Return) => {
                let looped = self.blocks.iter().any(|b| self.token(b.head) == Some(T::For));
                return (self.start == self.at).then_some((Hint::StrayReturn { looped }, self.at, self.at));
            }
            _ => return None,
        };
        // A name right behind a name: `while x`, `let x`.
        let statement = Hint::STATEMENTS.iter().any(|(w, _)| *w == word);
        let juxtaposed = self.at == self.start + 1 && !matches!(self.found(), Some(T::Assign | T::Semicolon));
        (statement && juxtaposed).then(|| (Hint::NoSuchStatement(word.to_owned()), self.start, self.start))
    }

    /// `// …` or `/* …` where a statement begins.
    pub(super) fn is_foreign_comment(&self) -> bool {
        let next = self.token(self.at + 1);
        self.at == self.start && self.found() == Some(T::Slash) && matches!(next, Some(T::Slash | T::Star))
    }

    fn operator_of_another_language(&self) -> Found {
        match (self.before(1)?, self.found()?) {
            (T::Slash, T::Slash) => self.with_previous(Hint::FloorDivision),
            (T::Star, T::Star) => self.with_previous(Hint::DoubleStar),
            (op @ (T::Plus | T::Minus | T::Star | T::Slash | T::Percent | T::Caret), T::Assign) => {
                self.with_previous(Hint::CompoundAssignment(op_symbol(op)))
            }
            (T::Plus, T::Semicolon) if self.before(2) == Some(T::Plus) => {
                Some((Hint::Increment("++"), self.at - 2, self.at - 1))
            }
            (T::Minus, T::Semicolon) if self.before(2) == Some(T::Minus) => {
                Some((Hint::Increment("--"), self.at - 2, self.at - 1))
            }
            (T::Assign, T::EqEq) => self.with_previous(Hint::TripleEquals),
            (T::EqEq | T::NotEq, T::Assign) => self.with_previous(Hint::TripleEquals),
            (T::Less, T::Greater) => self.with_previous(Hint::LessGreater),
            (before, T::Not) if before.ends_operand() && self.token(self.at + 1) == Some(T::In) => {
                Some((Hint::NotIn, self.at, self.at + 1))
            }
            (before, T::Ident("is")) if before.ends_operand() => self.here(Hint::Is),
            (T::Int(_) | T::Float(_), T::Ident(_)) if self.is_glued() => {
                let last = self.span(self.at - 1, self.at);
                let text = self.text.get(last.range()).unwrap_or_default();
                self.with_previous(Hint::GluedNumber(text.to_owned()))
            }
            (T::DotDot, T::Semicolon | T::Close | T::CloseList) | (_, T::DotDot) => {
                (!self.expects("int")).then_some((Hint::RangeOutsideDeclaration, self.at, self.at))
            }
            _ => None,
        }
    }

    fn broken_block(&self) -> Found {
        let found = self.found();
        let block = self.blocks.last().map(|b| (b, self.token(b.head)));
        match (found, block) {
            (Some(T::CloseBrace), Some((block, Some(T::Def)))) if self.start == self.at => {
                let name = match self.token(block.head + 1) {
                    Some(T::Ident(name)) => name.to_owned(),
                    _ => String::new(),
                };
                self.here(Hint::DefNeedsReturn { name })
            }
            (Some(T::CloseBrace), Some(_)) if self.start == self.at => self.here(Hint::EmptyLoop),
            (Some(_), Some(_)) if self.expected == ["}"] => self.here(Hint::ReturnIsLast),
            (Some(T::Semicolon), _) if self.start == self.at => match self.before(1) {
                Some(T::CloseBrace) => self.here(Hint::SemicolonAfterBlock),
                _ => self.here(Hint::EmptyStatement),
            },
            (Some(found), _) if self.is_head() && self.brackets.is_empty() && self.expects("{") => {
                let def = self.token(self.start) == Some(T::Def);
                (found != T::OpenBrace).then_some((Hint::BlockNeedsBraces { def }, self.at, self.at))
            }
            _ => None,
        }
    }

    fn broken_declaration(&self) -> Found {
        let word = (Hint::LoadNeedsString, self.at, self.at);
        match (self.token(self.start)?, self.found()) {
            (T::Load, Some(T::Ident(_))) => Some(word),
            (T::Input, Some(_)) if self.expects(":") && self.at == self.start + 2 => {
                self.here(Hint::InputNeedsDomain)
            }
            (T::Input, Some(T::Colon)) if self.at == self.start + 1 => self.here(Hint::InputNeedsName),
            (T::Length, _) if !self.expects(";") => self.here(Hint::LengthNeedsRange),
            (T::ExampleOf, Some(T::Assign | T::Semicolon | T::Colon | T::EqEq)) if self.expects("=>") => {
                self.here(Hint::ExampleNeedsArrow)
            }
            (T::ExampleOf, Some(T::Assign)) => self.reserved_word(self.start),
            _ => None,
        }
    }

    fn broken_conditional(&self) -> Found {
        match self.found() {
            Some(T::If) if self.expects("int") => self.here(Hint::IfFirst),
            Some(T::Else) => self.here(Hint::ElseNeedsIf),
            _ if self.expects("else") => {
                let condition = self.tokens[self.start..self.at].iter().rposition(|t| t.1 == T::If)?;
                let open = self.brackets.last().copied().unwrap_or(self.start);
                let filter = self.tokens[open..self.at].iter().any(|t| t.1 == T::For)
                    && matches!(self.bracket(), Some(T::OpenList | T::OpenBrace));
                let hint = if filter { Hint::Filter } else { Hint::IfNeedsElse };
                Some((hint, self.start + condition, self.start + condition))
            }
            _ => None,
        }
    }

    fn broken_select(&self) -> Found {
        let found = self.found()?;
        let open = *self.brackets.last()?;
        let comparison =
            matches!(found, T::EqEq | T::NotEq | T::Less | T::LessEq | T::Greater | T::GreaterEq);
        match self.token(open)? {
            T::SelectOpen if found == T::Close && !self.expects(")") => {
                self.here(Hint::SelectNeedsComparison)
            }
            T::SelectOpen if found == T::Assign && self.expects("==") && !self.expects("+") => {
                self.here(Hint::EqualsInSelect)
            }
            T::Open if comparison && self.token(self.at + 1) == Some(T::Close) => {
                match self.token(open.checked_sub(1)?)? {
                    T::Ident("select") => Some((Hint::GluedParenthesis, open - 1, open)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn broken_assignment(&self) -> Found {
        if self.found() != Some(T::Assign) {
            return None;
        }
        let before = self.before(1)?;
        if self.brackets.is_empty() {
            let mut earlier = self.tokens[self.start..self.at].iter();
            let assigned = earlier.any(|t| t.1 == T::Assign);
            match before {
                T::Ident(_) if assigned && earlier.all(|t| matches!(t.1, T::Ident(_) | T::Comma)) => {
                    self.here(Hint::ChainedAssignment)
                }
                T::CloseList => self.here(Hint::ElementAssignment),
                T::Close if matches!(self.token(self.start + 1), Some(T::Open)) => {
                    self.here(Hint::CallAssignment)
                }
                _ if is_word(before) => self.reserved_word(self.at - 1),
                _ => self.here(Hint::EqualsAssigns),
            }
        } else {
            let argument =
                matches!(before, T::Ident(_)) && matches!(self.before(2), Some(T::Open | T::Comma));
            match argument && self.bracket() == Some(T::Open) && self.is_call() {
                true => self.with_previous(Hint::NamedArgument),
                false => self.here(Hint::EqualsAssigns),
            }
        }
    }

    fn broken_list(&self) -> Found {
        match (self.before(1)?, self.found()?) {
            (T::Comma, T::Close | T::CloseList | T::CloseBrace | T::Semicolon) => {
                Some((Hint::TrailingComma, self.at - 1, self.at - 1))
            }
            (_, T::Colon) if self.bracket() == Some(T::OpenList) => self.here(Hint::Slice),
            (_, T::Comma) if self.bracket() == Some(T::Open) && !self.is_call() && self.expects(")") => {
                self.here(Hint::Tuple)
            }
            (_, T::Comma | T::CloseBrace) if self.bracket() == Some(T::OpenBrace) && self.expects(":") => {
                self.here(Hint::Set)
            }
            _ => None,
        }
    }

    fn not_a_name(&self) -> Found {
        let found = self.found()?;
        let names = self.expects("name") && is_word(found) && !self.begins_line_after_operator();
        if names { self.reserved_word(self.at) } else { None }
    }

    /// `x = 1 +`, and the next line is a statement: its word is not to blame.
    fn begins_line_after_operator(&self) -> bool {
        let span = self.span(self.at.saturating_sub(1), self.at);
        self.text.get(span.range()).is_some_and(|t| t.contains('\n'))
    }

    fn reserved_word(&self, index: usize) -> Found {
        let span = self.span(index, index);
        let word = self.text.get(span.range()).unwrap_or_default();
        Some((Hint::ReservedWord(word.to_owned()), index, index))
    }

    /// Whether nothing stands between the token and the one before it.
    fn is_glued(&self) -> bool {
        self.at > 0 && self.tokens[self.at - 1].2 == self.tokens[self.at].0
    }
}

fn op_symbol(op: T<'_>) -> &'static str {
    match op {
        T::Plus => "+",
        T::Minus => "-",
        T::Star => "*",
        T::Slash => "/",
        T::Percent => "%",
        _ => "^",
    }
}

/// Words that look like names but are not.
fn is_word(token: T<'_>) -> bool {
    matches!(token, T::Set | T::Show | T::SOp | T::Selector | T::Example | T::ExampleOf | T::Examples)
        || matches!(token, T::On | T::Off | T::Exit | T::FullSeqDisplay | T::Load | T::Draw | T::Round)
        || matches!(token, T::Indicator | T::Def | T::For | T::In | T::And | T::Or | T::Not | T::If)
        || matches!(token, T::Else | T::Return)
}
