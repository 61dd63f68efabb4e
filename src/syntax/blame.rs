//! What did the author probably mean? Judged by the tokens around an error.

use super::elsewhere::STATEMENTS;
use super::error::Hint;
use super::recover::Failure;
use super::token::Token as T;

/// A hint and the first and last token that it speaks of.
pub(super) type Found = Option<(Hint, usize, usize)>;

impl Failure<'_, '_> {
    /// The most specific explanation there is.
    pub(super) fn hint(&self) -> Found {
        self.statement_of_another_language()
            .or_else(|| self.habit())
            .or_else(|| self.operator_of_another_language())
            .or_else(|| self.broken_declaration())
            .or_else(|| self.broken_block())
            .or_else(|| self.broken_select())
            .or_else(|| self.broken_assignment())
            .or_else(|| self.broken_conditional())
            .or_else(|| self.broken_list())
            .or_else(|| self.operand_is_missing())
            .or_else(|| self.not_a_name())
    }

    pub(super) fn found(&self) -> Option<T<'_>> {
        self.token(self.at)
    }

    pub(super) fn before(&self, steps: usize) -> Option<T<'_>> {
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
            return Some((Hint::CommentSign, self.start, self.start + 1));
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
        let statement = STATEMENTS.iter().any(|(w, _)| *w == word);
        let juxtaposed = self.at == self.start + 1 && !matches!(self.found(), Some(T::Assign | T::Semicolon));
        (statement && juxtaposed).then(|| (Hint::NoSuchStatement(word.to_owned()), self.start, self.start))
    }

    /// `-- …` where a statement begins, with what is not an expression behind it.
    pub(super) fn is_foreign_comment(&self) -> bool {
        let dashes = [self.start, self.start + 1].map(|i| self.token(i)) == [Some(T::Minus); 2];
        let glued = |i: usize| self.tokens[i].2 == self.tokens[i + 1].0;
        dashes && glued(self.start) && self.at >= self.start + 2 && self.found().is_some()
    }

    fn operator_of_another_language(&self) -> Found {
        match (self.before(1)?, self.found()?) {
            (T::Slash, T::Slash) => self.with_previous(Hint::FloorDivision),
            (T::Star, T::Star) => self.with_previous(Hint::DoubleStar),
            (op @ (T::Plus | T::Minus | T::Star | T::Slash | T::Percent | T::Caret), T::Assign) => {
                self.with_previous(Hint::CompoundAssignment(symbol(op)?))
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
            (T::Input, Some(_)) if self.at > self.start + 2 => self.broken_domain(),
            // A word of the language behind `input`: `input in : 0..3;`.
            (T::Ident("input"), _) if self.token(self.start + 2) == Some(T::Colon) => self
                .token(self.start + 1)
                .filter(|t| is_word(*t))
                .and_then(|_| self.reserved_word(self.start + 1)),
            (T::Length, _) => self.here(Hint::LengthNeedsRange),
            // `length = 1..5;`
            (T::Ident("length"), Some(T::DotDot)) if self.token(self.start + 1) == Some(T::Assign) => {
                Some((Hint::LengthNeedsRange, self.start + 1, self.start + 1))
            }
            (T::ExampleOf, Some(T::Assign | T::Semicolon | T::Colon | T::EqEq)) if self.expects("=>") => {
                self.here(Hint::ExampleNeedsArrow)
            }
            (T::ExampleOf, Some(T::Assign)) => self.reserved_word(self.start),
            _ => None,
        }
    }

    /// `input tokens : a, b`, `["a"]`, `range(10)`, `0-9`: other ways to write a set of values.
    fn broken_domain(&self) -> Found {
        let first = self.start + 3;
        let end = (self.at..self.tokens.len())
            .find(|i| self.token(*i).is_some_and(T::ends_statement) || self.is_line_start(*i));
        let written = &self.tokens[first..end.unwrap_or(self.tokens.len())];
        let last = first + written.len().checked_sub(1)?;
        let numbers: Vec<i64> = written
            .iter()
            .filter_map(|t| if let T::Int(digits) = t.1 { digits.parse().ok() } else { None })
            .collect();
        let values: Vec<String> = written
            .iter()
            .filter_map(|(start, token, stop)| match token {
                T::Int(_) | T::Float(_) | T::Str(_) | T::Escaped(_) => {
                    self.text.get(*start..*stop).map(str::to_owned)
                }
                T::Ident(name @ ("True" | "False")) => Some((*name).to_owned()),
                T::Ident(name) => Some(format!("\"{name}\"")),
                _ => None,
            })
            .collect();
        let dash = |t: &T<'_>| matches!(t, T::Minus | T::Colon | T::Dot);
        let bracket = matches!(written.first()?.1, T::OpenList | T::Open);
        let ranges = bracket && written.len() > 2 && written.iter().any(|t| t.1 == T::DotDot);
        let instead = match (written.first()?.1, numbers.as_slice(), values.as_slice()) {
            _ if ranges => format!("{{{}}}", self.written(first + 1, last - 1)),
            (T::RangeOpen, &[n], _) => format!("0..{}", n.saturating_sub(1)),
            (T::RangeOpen, &[start, n], _) => format!("{start}..{}", n.saturating_sub(1)),
            (_, _, [low, high]) if self.found().as_ref().is_some_and(dash) => format!("{low}..{high}"),
            (T::OpenList | T::Open | T::OpenBrace, _, [_, ..]) => format!("{{{}}}", values.join(", ")),
            (_, _, [_, ..]) if self.found() == Some(T::Comma) => format!("{{{}}}", values.join(", ")),
            _ => return None,
        };
        Some((Hint::DomainNeedsBraces { instead }, first, last))
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
            T::AggregateOpen if found == T::Close && !self.expects(")") && self.expects(",") => {
                self.here(Hint::AggregateNeedsValues)
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
            let argument = matches!(self.before(2), Some(T::Open | T::Comma));
            let call = match self.bracket() {
                Some(T::Open) => self.is_call(),
                bracket => matches!(bracket, Some(T::SelectOpen | T::AggregateOpen | T::RangeOpen)),
            };
            match before {
                T::Ident(name) if argument && call => {
                    self.with_previous(Hint::NamedArgument { name: name.to_owned() })
                }
                _ => self.here(Hint::EqualsAssigns),
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

    fn operand_is_missing(&self) -> Found {
        let operator = self.before(1).and_then(symbol)?;
        let ends = self.found().is_none_or(|t| t.closes() || t.ends_statement() || t == T::Comma);
        let missing = ends && self.expects("int") && self.expects("[");
        missing.then_some((Hint::OperandMissing(operator.to_owned()), self.at - 1, self.at - 1))
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
        Some((Hint::ReservedWord(self.written(index, index).to_owned()), index, index))
    }

    /// The text from one token to another.
    pub(super) fn written(&self, first: usize, last: usize) -> &str {
        self.text.get(self.span(first, last).range()).unwrap_or_default()
    }

    /// Whether nothing stands between the token and the one behind it.
    pub(super) fn is_glued_to_next(&self) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|next| next.0 == self.tokens[self.at].2)
    }

    /// Whether nothing stands between the token and the one before it.
    pub(super) fn is_glued(&self) -> bool {
        self.at > 0 && self.tokens[self.at - 1].2 == self.tokens[self.at].0
    }
}

/// An operator between two operands, as it is written.
pub(super) fn symbol(token: T<'_>) -> Option<&'static str> {
    Some(match token {
        T::Plus => "+",
        T::Minus => "-",
        T::Star => "*",
        T::Slash => "/",
        T::Percent => "%",
        T::Caret => "^",
        T::EqEq => "==",
        T::NotEq => "!=",
        T::Less => "<",
        T::LessEq => "<=",
        T::Greater => ">",
        T::GreaterEq => ">=",
        T::And => "and",
        T::Or => "or",
        T::In => "in",
        _ => return None,
    })
}

/// Words that look like names but are not.
fn is_word(token: T<'_>) -> bool {
    matches!(token, T::Set | T::Show | T::SOp | T::Selector | T::Example | T::ExampleOf | T::Examples)
        || matches!(token, T::On | T::Off | T::Exit | T::FullSeqDisplay | T::Load | T::Draw | T::Round)
        || matches!(token, T::Indicator | T::Def | T::For | T::In | T::And | T::Or | T::Not | T::If)
        || matches!(token, T::Else | T::Return)
}
