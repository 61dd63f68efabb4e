//! Recognises what is written as in another language, by the tokens around an error.

use super::blame::{Found, symbol};
use super::elsewhere::{self, Habit};
use super::error::Hint;
use super::lex::between_quotes;
use super::recover::Failure;
use super::token::Token as T;

impl Failure<'_, '_> {
    pub(super) fn habit(&self) -> Found {
        self.answer()
            .or_else(|| self.tracr())
            .or_else(|| self.in_select())
            .or_else(|| self.point())
            .or_else(|| self.lambda())
            .or_else(|| self.colon_or_arrow())
            .or_else(|| self.string())
            .or_else(|| self.bit_shift())
    }

    fn habit_at(&self, habit: Habit, first: usize, last: usize) -> Found {
        Some((Hint::Habit(habit), first, last))
    }

    /// What the RASP tool says in a session.
    fn answer(&self) -> Found {
        let answer = Habit::Session { prompt: false };
        let last = self.line_end().saturating_sub(1);
        self.is_answer().then_some((Hint::Habit(answer), self.start, last))
    }

    /// Whether the statement is `s-op: x`, `Example: x("hello") = …` and the like.
    pub(super) fn is_answer(&self) -> bool {
        let first = self.token(self.start);
        let word = matches!(first, Some(T::SOp | T::Selector | T::Ident("Example" | "value" | "list")));
        word && self.at == self.start + 1 && self.found() == Some(T::Colon) && self.is_line_start(self.start)
    }

    /// The first name of tracr that is called in the statement, up to the end of its line.
    fn tracr(&self) -> Found {
        let end = (self.at + 1..self.tokens.len()).find(|i| self.is_line_start(*i) || self.ends(*i));
        let called = |i: &usize| matches!(self.token(i + 1), Some(T::Open));
        let names = (self.start..end.unwrap_or(self.tokens.len())).filter(called);
        let (place, recipe) = names
            .filter_map(|i| match self.token(i) {
                Some(T::Ident(name)) => Some((i, elsewhere::tracr(name)?)),
                _ => None,
            })
            .next()?;
        // Behind its module, as in `rasp.Select`.
        let module = place.checked_sub(2).filter(|_| self.token(place - 1) == Some(T::Dot));
        self.habit_at(Habit::Tracr { recipe }, module.unwrap_or(place), place)
    }

    fn ends(&self, index: usize) -> bool {
        self.token(index).is_some_and(T::ends_statement)
    }

    /// A point behind or before something.
    fn point(&self) -> Found {
        if self.found() != Some(T::Dot) || self.before(1) == Some(T::DotDot) {
            return None;
        }
        match (self.before(1), self.token(self.at + 1)) {
            (Some(T::Int(_) | T::Float(_)), _) => self.habit_at(Habit::Point, self.at - 1, self.at),
            (before, Some(T::Int(_))) if !before.is_some_and(T::ends_operand) => {
                self.habit_at(Habit::Point, self.at, self.at + 1)
            }
            (before, _) => {
                let first = if matches!(before, Some(T::Ident(_))) { self.at - 1 } else { self.at };
                let mut last = self.at;
                while self.token(last) == Some(T::Dot) && self.token(last + 1).is_some_and(is_name) {
                    last += if self.token(last + 2) == Some(T::Dot) { 2 } else { 1 };
                }
                let (written, name) = (self.written(first, last), self.written(last, last));
                let instead = match name {
                    "tokens" | "indices" => Some(format!("write `{name}`")),
                    _ => elsewhere::recipe(name).or(elsewhere::call_recipe(name, 1)).map(str::to_owned),
                };
                self.habit_at(Habit::Attribute { written: written.to_owned(), instead }, first, last)
            }
        }
    }

    /// What stands where `select` has its comparison, if the error is there.
    fn in_select(&self) -> Found {
        let open = *self.brackets.iter().rfind(|i| self.token(**i) == Some(T::SelectOpen))?;
        let commas = self.commas(open);
        let &[first, second, ..] = commas.as_slice() else { return None };
        if self.at <= second {
            return None;
        }
        let end = self.closing(second + 1);
        match self.token(second + 1)? {
            T::Str(text) if self.at == second + 1 => {
                let comparison = between_quotes(text);
                let known = ["==", "!=", "<", "<=", ">", ">="].contains(&comparison);
                known.then(|| (Hint::QuotedComparison(comparison.to_owned()), self.at, self.at))
            }
            T::Ident("lambda") | T::Open => {
                let instead = self.lambda_in_select(open, [first, second], end);
                let is_lambda = self.token(second + 1) == Some(T::Ident("lambda"))
                    || self.tokens[second..end].iter().any(|t| t.1 == T::Arrow);
                let last = end.saturating_sub(1).max(second + 1);
                is_lambda.then(|| (Hint::Habit(Habit::LambdaInSelect { instead }), second + 1, last))
            }
            T::Ident(_) => {
                let mut names = (second + 1..end).filter_map(|i| match self.token(i)? {
                    T::Ident(name) => elsewhere::comparison(name),
                    _ => None,
                });
                let instead = names.next_back()?;
                self.habit_at(Habit::NamedComparison { instead }, second + 1, end - 1)
            }
            _ => None,
        }
    }

    /// `select(keys, queries op f(queries), ==)` for a function that compares its first parameter with
    /// something made of its second.
    fn lambda_in_select(&self, open: usize, commas: [usize; 2], end: usize) -> Option<String> {
        let [first, second] = commas;
        let body = (second + 1..end).find(|i| matches!(self.token(*i), Some(T::Colon | T::Arrow)))? + 1;
        let mut names = (second + 1..body).filter_map(|i| match self.token(i)? {
            T::Ident("lambda") => None,
            T::Ident(name) => Some(name),
            _ => None,
        });
        let (key, query) = (names.next()?, names.next()?);
        let comparison = self.token(body + 1).and_then(symbol).filter(|s| s.contains(['=', '<', '>']))?;
        let is_key = |i: usize| self.token(i) == Some(T::Ident(key));
        if names.next().is_some() || body + 2 >= end || !is_key(body) || (body + 1..end).any(is_key) {
            return None;
        }
        let (keys, queries) = (self.written(open + 1, first - 1), self.written(first + 1, second - 1));
        let is_plain = second == first + 2 || self.written(body + 2, end - 1) == query;
        let queries = if is_plain { queries.to_owned() } else { format!("({queries})") };
        let mut computed = String::new();
        let mut from = self.tokens.get(body + 2)?.0;
        for (start, token, stop) in &self.tokens[body + 2..end] {
            computed += self.text.get(from..*start)?;
            computed += if *token == T::Ident(query) { &queries } else { self.text.get(*start..*stop)? };
            from = *stop;
        }
        Some(format!("select({keys}, {computed}, {comparison})"))
    }

    /// The commas that separate the arguments of a bracket.
    fn commas(&self, open: usize) -> Vec<usize> {
        let mut depth = 0_usize;
        let mut commas = Vec::new();
        for i in open + 1..self.tokens.len() {
            match self.tokens[i].1 {
                T::Comma if depth == 0 => commas.push(i),
                token if token.closes() && depth == 0 => break,
                token if token.closes() => depth -= 1,
                token if token.opens() => depth += 1,
                token if token.ends_statement() => break,
                _ => {}
            }
        }
        commas
    }

    /// The bracket that closes what is open at a token, or the end of the statement.
    fn closing(&self, from: usize) -> usize {
        let mut depth = 0_usize;
        for i in from..self.tokens.len() {
            match self.tokens[i].1 {
                token if token.closes() && depth == 0 => return i,
                token if token.closes() => depth -= 1,
                token if token.opens() => depth += 1,
                token if token.ends_statement() => return i,
                _ => {}
            }
        }
        self.tokens.len()
    }

    fn lambda(&self) -> Found {
        let lambda = Some(T::Ident("lambda"));
        // `lambda x`: the parser stops at the parameter, or at `lambda` where it expects an operator.
        if self.before(1) == lambda && self.expects("+") {
            return self.habit_at(Habit::Lambda, self.at - 1, self.at - 1);
        }
        match self.found() {
            Some(T::Arrow) if !self.expects("=>") => {
                let habit = if self.brackets.is_empty() { Habit::StrayArrow } else { Habit::Lambda };
                self.habit_at(habit, self.at, self.at)
            }
            _ => None,
        }
    }

    fn colon_or_arrow(&self) -> Found {
        let head = self.token(self.start);
        match (self.before(1)?, self.found()?) {
            (_, T::Colon) if self.token(self.at + 1) == Some(T::Assign) && self.is_glued_to_next() => {
                self.habit_at(Habit::Walrus, self.at, self.at + 1)
            }
            (T::Ident(_), T::Colon) if head == Some(T::Def) && !self.brackets.is_empty() => {
                self.habit_at(Habit::Annotation, self.at, self.at)
            }
            (T::Ident(_), T::Colon) if self.at == self.start + 1 && self.begins_next_type() => {
                self.habit_at(Habit::Annotation, self.at, self.at)
            }
            (_, T::Minus)
                if head == Some(T::Def)
                    && self.brackets.is_empty()
                    && self.token(self.at + 1) == Some(T::Greater) =>
            {
                self.habit_at(Habit::ResultType, self.at, self.at + 1)
            }
            (T::Minus, T::Greater) if head == Some(T::ExampleOf) => {
                self.habit_at(Habit::ThinArrow, self.at - 1, self.at)
            }
            _ => None,
        }
    }

    /// `: int = …` behind a name.
    fn begins_next_type(&self) -> bool {
        matches!(self.token(self.at + 1), Some(T::Ident(_))) && !self.is_line_start(self.at + 1)
    }

    fn string(&self) -> Found {
        if !matches!(self.found()?, T::Str(_) | T::Escaped(_)) {
            return None;
        }
        match self.before(1)? {
            T::Ident(prefix) if self.is_glued() && prefix.len() <= 2 => {
                self.habit_at(Habit::PrefixedString { prefix: prefix.to_owned() }, self.at - 1, self.at)
            }
            T::Str(_) | T::Escaped(_) => self.habit_at(Habit::StringsInARow, self.at, self.at),
            _ => None,
        }
    }

    fn bit_shift(&self) -> Found {
        let operator = match (self.before(1)?, self.found()?) {
            (T::Less, T::Less) => "<<",
            (T::Greater, T::Greater) => ">>",
            _ => return None,
        };
        self.habit_at(Habit::BitShift(operator), self.at - 1, self.at)
    }
}

fn is_name(token: T<'_>) -> bool {
    matches!(token, T::Ident(_))
}
