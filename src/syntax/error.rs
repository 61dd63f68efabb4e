//! What can be wrong with the text of a program, and the words for it.

use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// What the author probably meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Hint {
    MissingSemicolon,
    GluedParenthesis,
    FloorDivision,
    PowerIsCaret,
    NoIfStatement,
    ElseNeedsIf,
    ReturnIsLast,
    DefNeedsReturn,
    NoSuchStatement(String),
    NoTuples,
    NoElementAssignment,
    EqualsIsAssignment,
    ReservedWord,
}

/// An error of lexing or parsing.
#[derive(Clone, Debug, PartialEq)]
pub enum SyntaxError {
    UnknownText {
        span: Span,
    },
    UnclosedString {
        span: Span,
    },
    /// A token (or the end, if `found` is none) that cannot stand here.
    Unexpected {
        span: Span,
        found: Option<String>,
        expected: Vec<String>,
        hint: Option<Hint>,
    },
    TooDeep {
        span: Span,
    },
    NumberTooLong {
        span: Span,
        digits: usize,
    },
}

impl SyntaxError {
    pub fn span(&self) -> Span {
        match self {
            Self::UnknownText { span }
            | Self::UnclosedString { span }
            | Self::Unexpected { span, .. }
            | Self::TooDeep { span }
            | Self::NumberTooLong { span, .. } => *span,
        }
    }
}

/// The words for an error. `text` is the source it comes from.
pub fn describe(error: &SyntaxError, text: &str) -> Diagnostic {
    let span = error.span();
    match error {
        SyntaxError::UnknownText { .. } => {
            let found = text.get(span.range()).unwrap_or_default();
            Diagnostic::error("E0101", format!("`{}` means nothing in RASP", shorten(found)))
                .label(span, "unknown text")
                .maybe_help(foreign(found).map(str::to_owned))
        }
        SyntaxError::UnclosedString { .. } => Diagnostic::error("E0102", "this string has no end")
            .label(span, "no closing `\"` on this line")
            .help("close it with `\"`; a string cannot hold a line break, and there are no escapes"),
        SyntaxError::Unexpected { found, expected, hint, .. } => {
            let (code, message, label, help) = unexpected(found.as_deref(), expected, hint.as_ref());
            Diagnostic::error(code, message).label(span, label).maybe_help(help)
        }
        SyntaxError::TooDeep { .. } => Diagnostic::error(
            "E0104",
            format!("this is nested more than {} levels deep", super::parse::MAX_DEPTH),
        )
        .label(span, "too deep from here on")
        .help("give a name to an inner part and use the name"),
        SyntaxError::NumberTooLong { digits, .. } => {
            Diagnostic::error("E0105", format!("a number of {digits} digits is too long"))
                .label(span, "too many digits")
                .help("numbers are exact, but limited to 1024 digits in a program")
        }
    }
}

fn unexpected(
    found: Option<&str>,
    expected: &[String],
    hint: Option<&Hint>,
) -> (&'static str, String, String, Option<String>) {
    let what = found.map_or("the end".to_owned(), |f| format!("`{}`", shorten(f)));
    let expected = humanize(expected);
    let plain = |help: &str| {
        ("E0103", format!("unexpected {what}"), format!("expected {expected}"), Some(help.to_owned()))
    };
    match hint {
        None => ("E0103", format!("unexpected {what}"), format!("expected {expected}"), None),
        Some(Hint::MissingSemicolon) => (
            "E0106",
            "a `;` is missing".to_owned(),
            "this statement does not end".to_owned(),
            Some("end it with `;`".to_owned()),
        ),
        Some(Hint::GluedParenthesis) => plain("write `select(` without a space before the parenthesis"),
        Some(Hint::FloorDivision) => plain("there is no `//`; write `(a - a % b) / b`"),
        Some(Hint::PowerIsCaret) => plain("a power is written `a ^ b`"),
        Some(Hint::NoIfStatement) => plain("there is no `if` statement; write `x = a if condition else b;`"),
        Some(Hint::ElseNeedsIf) => {
            plain("`else` belongs to `a if condition else b`; put inner ones in parentheses")
        }
        Some(Hint::ReturnIsLast) => plain("`return` stands once in a function, as its last statement"),
        Some(Hint::DefNeedsReturn) => plain("end the function with `return value;`"),
        Some(Hint::NoSuchStatement(word)) => plain(&format!(
            "there is no `{word}` in RASP; loops are `for x in list {{ … }}`, functions `def f(x) {{ … return y; }}`"
        )),
        Some(Hint::NoTuples) => plain("there are no tuples; a list is written `[a, b]`"),
        Some(Hint::NoElementAssignment) => plain("elements cannot be assigned; build a new list instead"),
        Some(Hint::EqualsIsAssignment) => plain("to compare, write `==`"),
        Some(Hint::ReservedWord) => plain("this word is reserved; choose another name"),
    }
}

/// What other languages would mean by this text, in RASP.
fn foreign(text: &str) -> Option<&'static str> {
    match text.chars().next()? {
        '\'' | '‘' | '’' | '“' | '”' | '`' => Some("strings are written with double quotes: \"a\""),
        '!' => Some("write `not x`"),
        '&' => Some("write `a and b`"),
        '|' => Some("write `a or b`"),
        '.' => Some("write a digit on both sides of the point, as in `0.5`"),
        '@' | '~' | '$' | '?' | '\\' => Some("remove it"),
        _ => None,
    }
}

fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= 30 { line.to_owned() } else { line.chars().take(29).chain(['…']).collect() }
}

/// `an expression, ";" or "}"`: the parser's token names in words, not too many.
fn humanize(expected: &[String]) -> String {
    let has = |name: &str| expected.iter().any(|e| e.trim_matches('"') == name);
    let expression = has("int") && has("\"[\"".trim_matches('"'));
    let operator = has("+") && has("==");
    let mut words: Vec<String> = Vec::new();
    if expression {
        words.push("an expression".to_owned());
    }
    if operator {
        words.push("an operator".to_owned());
    }
    for name in expected.iter().map(|e| e.trim_matches('"')) {
        let word = match name {
            "name" if !expression => "a name".to_owned(),
            "string" if !expression => "a string".to_owned(),
            "int" if !expression => "a number".to_owned(),
            "end of line" => "the end of the line".to_owned(),
            ";" | ")" | "]" | "}" | "{" | "(" | ":" | "," | ".." | "=>" | "=" | "return" | "in" | "else"
            | "example" | "on" | "off"
                if !(expression && matches!(name, "(" | "{"))
                    && !(operator && matches!(name, "(" | "in")) =>
            {
                format!("`{name}`")
            }
            _ => continue,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(5);
    match words.split_last() {
        None => "something else".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
