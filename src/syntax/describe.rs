//! The words for syntax errors: what is wrong, why here, and what to write instead.

use super::elsewhere::{self, STATEMENTS};
use super::error::{Found, Hint, SyntaxError};
use super::parse::MAX_DEPTH;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::value::notation;

/// The words for an error. `text` is the source it comes from.
pub fn describe(error: &SyntaxError, text: &str) -> Diagnostic {
    let span = error.span();
    let written = text.get(span.range()).unwrap_or_default();
    match error {
        SyntaxError::UnknownText { .. } => {
            Diagnostic::error("E0101", format!("`{}` means nothing in RASP", shorten(written)))
                .label(span, "unknown text")
                .maybe_help(foreign(written).map(str::to_owned))
        }
        SyntaxError::UnclosedString { .. } => Diagnostic::error("E0102", "this string has no end")
            .label(span, "no closing `\"` on this line")
            .help(r#"close it with `"`; for a quote or a line break in a string, write `e"\""` or `e"\n"`"#),
        SyntaxError::ForeignQuotes { .. } => {
            let inner: String = written.chars().skip(1).collect();
            let inner = inner.trim_end_matches(['\'', '“', '”']);
            Diagnostic::error("E0103", "strings are written in double quotes")
                .label(span, format!("write `{}`", notation::quoted(&shorten(inner))))
                .help(r#"as in `"a"`; a quote in a string is written `e"\""`"#)
        }
        SyntaxError::UnknownEscape { .. } => {
            Diagnostic::error("E0115", format!("`{}` is not an escape", shorten(written)))
                .label(span, "in a string that begins with `e`, `\\` begins an escape")
                .help(r"there are `\n`, `\r`, `\t`, `\u{e9}`, and `\\` and `\` with a quote for these characters themselves")
        }
        SyntaxError::NumberTooLong { digits, .. } => {
            Diagnostic::error("E0104", format!("a number of {digits} digits is too long"))
                .label(beginning(span, text, 20), "too many digits")
                .help("numbers are exact, but limited to 1024 digits in a program")
        }
        SyntaxError::TooDeep { .. } => {
            Diagnostic::error("E0105", format!("this is nested more than {MAX_DEPTH} levels deep"))
                .label(beginning(span, text, 1), "too deep from here on")
                .help("give a name to an inner part and use the name")
        }
        SyntaxError::MissingSemicolon { .. } => Diagnostic::error("E0106", "a `;` is missing")
            .label(span, "expected `;` after this")
            .help("every statement ends with `;`"),
        SyntaxError::Unclosed { open, close, block, at_end, .. } => {
            let opened = text.get(open.range()).unwrap_or_default();
            let (what, until) = match (block, at_end) {
                (true, true) => ("the block is still open at the end of the program", "opened here"),
                (true, false) => ("the block is still open here", "opened here"),
                (false, true) => ("still open at the end of the program", "opened here"),
                (false, false) => ("still open here", "opened here"),
            };
            let mut report = Diagnostic::error("E0107", format!("`{opened}` is never closed"));
            report = report.label(*open, until);
            if span != *open {
                report = report.label(span, what);
            }
            report.help(format!("close it with `{close}`"))
        }
        SyntaxError::Unopened { .. } => {
            Diagnostic::error("E0108", format!("this `{written}` closes nothing"))
                .label(span, "no bracket is open here")
                .help("remove it, or open the bracket")
        }
        SyntaxError::Unexpected { found, expected, .. } => Diagnostic::error("E0109", unexpected(found))
            .label(span, format!("expected {}", humanize(expected))),
        SyntaxError::Mistaken { found, hint, .. } => {
            let Words { message, label, help } = words(hint, found);
            Diagnostic::error(hint.code(), message).label(span, label).help(help)
        }
    }
}

/// The first characters of what may be very long.
fn beginning(span: Span, text: &str, chars: usize) -> Span {
    let written = text.get(span.range()).unwrap_or_default();
    let length = written.char_indices().nth(chars).map_or(written.len(), |(i, _)| i);
    Span { end: span.start + length as u32, ..span }
}

fn unexpected(found: &Found) -> String {
    match found {
        Found::Text(text) => format!("unexpected `{}`", shorten(text)),
        Found::LineEnd => "the line ends too early".to_owned(),
        Found::End => "the program ends too early".to_owned(),
    }
}

struct Words {
    message: String,
    label: String,
    help: String,
}

fn words(hint: &Hint, found: &Found) -> Words {
    let words = |message: &str, label: &str, help: &str| Words {
        message: message.to_owned(),
        label: label.to_owned(),
        help: help.to_owned(),
    };
    match hint {
        Hint::IfStatement => words(
            "there is no `if` statement in RASP",
            "a statement cannot begin with this",
            "choose between values: `x = a if condition else b;`",
        ),
        Hint::NoSuchStatement(word) => {
            let help = STATEMENTS.iter().find(|(w, _)| w == word).map_or("remove it", |(_, help)| help);
            words(&format!("there is no `{word}` in RASP"), "not a word of RASP", help)
        }
        Hint::StrayReturn { looped: true } => words(
            "`return` cannot stand in a loop",
            "a loop has no result",
            "keep the value in a name and return it at the end of the function",
        ),
        Hint::StrayReturn { looped: false } => words(
            "`return` stands outside a function",
            "no function to return from",
            "name the value, as in `x = …;`, or declare it, as in `output x;`",
        ),
        Hint::ReturnIsLast => words(
            "nothing can follow the `return` of a function",
            "this would never run",
            "a function has one `return`, at its end; to choose, write `return a if condition else b;`",
        ),
        Hint::DefNeedsReturn { name } => words(
            &format!("the function `{name}` returns nothing"),
            "expected `return` before this",
            "end the function with `return value;`",
        ),
        Hint::EmptyLoop => words(
            "this loop has no statement",
            "expected a statement before this",
            "write a statement, or remove the loop",
        ),
        Hint::BlockNeedsBraces { def: true } => words(
            "the body of a function stands in braces",
            "expected `{`",
            "write `def f(x) { … return y; }`",
        ),
        Hint::BlockNeedsBraces { def: false } => {
            words("the body of a loop stands in braces", "expected `{`", "write `for x in list { … }`")
        }
        Hint::SemicolonAfterBlock => words("no `;` stands after a block", "not needed", "remove it"),
        Hint::EmptyStatement => words("this `;` ends no statement", "nothing before it", "remove it"),
        Hint::CommentSign => words(
            "comments begin with `#`",
            "no comment in RASP",
            "write `#` before every line of the comment",
        ),
        Hint::LoadNeedsString => words(
            "`load` takes a file name in quotes",
            "not a string",
            "write `load \"file\";`, without `.rasp`; the standard library needs no `load`",
        ),
        Hint::InputNeedsDomain => words(
            "an input needs the values that it can have",
            "expected `:`",
            "write `input tokens : 0..9;` or `input tokens : {\"a\", \"b\"};`",
        ),
        Hint::InputNeedsName => {
            words("an input needs a name", "expected a name before this", "write `input tokens : …;`")
        }
        Hint::LengthNeedsRange => words(
            "`length` declares the shortest and the longest input",
            "expected a number, or two with `..` between",
            "write `length 1..10;`, or `length 10;` for lengths from 1 to 10",
        ),
        Hint::ExampleNeedsArrow => words(
            "an example shows an input and its result",
            "expected `=>`",
            "write `example [1, 3, 2] => [False, True, False];`",
        ),
        Hint::ChainedAssignment => words(
            "a statement assigns once",
            "the second `=`",
            "write two statements, `b = 1; a = b;`, or compare with `==`",
        ),
        Hint::CompoundAssignment(op) => words(
            &format!("there is no `{op}=` in RASP"),
            "not an operator",
            &format!("write `x = x {op} …;`"),
        ),
        Hint::Increment(op) => words(
            &format!("there is no `{op}` in RASP"),
            "not an operator",
            &format!("write `x = x {} 1;`", &op[..1]),
        ),
        Hint::ElementAssignment => words(
            "an element cannot be assigned",
            "only names can stand before `=`",
            "build a new value, as in `x = a if indices == 0 else x;`",
        ),
        Hint::CallAssignment => words(
            "a call cannot be assigned",
            "only names can stand before `=`",
            "to define a function, write `def f(x) { return …; }`; to compare, write `==`",
        ),
        Hint::EqualsAssigns => words(
            "`=` assigns, and cannot stand in an expression",
            "not a comparison",
            "to compare, write `==`",
        ),
        Hint::NamedArgument { name } => words(
            "arguments are given by position",
            "a name cannot stand here",
            &format!("leave `{name} =` out; the order of the arguments says which is which"),
        ),
        Hint::ReservedWord(word) if word == "s-op" => words(
            "`s-op` is one word in RASP",
            "a word of the language, not a name",
            "to subtract, write `s - op`",
        ),
        Hint::ReservedWord(word) => {
            words(&format!("`{word}` is a word of the language"), "cannot be a name", "choose another name")
        }
        Hint::FloorDivision => {
            words("there is no `//` in RASP", "not an operator", "write `(a - a % b) / b`")
        }
        Hint::DoubleStar => {
            words("there is no `**` in RASP", "not an operator", "a power is written `a ^ b`")
        }
        Hint::TripleEquals => {
            words("no operator has this many `=`", "not an operator", "to compare, write `==`")
        }
        Hint::LessGreater => words("there is no `<>` in RASP", "not an operator", "write `!=`"),
        Hint::NotIn => words("there is no `not in` in RASP", "not an operator", "write `not (x in list)`"),
        Hint::Is => words("there is no `is` in RASP", "not an operator", "to compare, write `==`"),
        Hint::GluedNumber(text) => words(
            &format!("`{}` is neither a number nor a name", shorten(text)),
            "no name begins with a digit",
            "write products as `2 * x` and numbers in full, as in `1000` or `0.001`",
        ),
        Hint::RangeOutsideDeclaration => words(
            "`..` stands only in declarations",
            "not an operator",
            "a list of numbers is written `range(a, b)`; `b` is not in it",
        ),
        Hint::IfFirst => words(
            "the value of a conditional comes first",
            "expected the value before `if`",
            "write `a if condition else b`",
        ),
        Hint::IfNeedsElse => words(
            "this conditional has no `else`",
            "what if the condition is false?",
            "write `a if condition else b`",
        ),
        Hint::ElseNeedsIf => words(
            "this `else` has no `if`",
            "nothing to decide",
            "write `a if condition else b`, the inner ones in parentheses",
        ),
        Hint::Filter => words(
            "a comprehension takes every element",
            "no `if` to leave some out",
            "collect them in a loop: `kept = []; for x in list { kept = kept + ([x] if c else []); }`",
        ),
        Hint::GluedParenthesis => words(
            "`select` and its `(` belong together",
            "with a space between, this is a name",
            "write `select(` without the space",
        ),
        Hint::SelectNeedsComparison => words(
            "`select` needs to know how to compare",
            "expected a comparison before this",
            "write `select(keys, queries, ==)`; there are `==`, `!=`, `<`, `<=`, `>` and `>=`",
        ),
        Hint::EqualsInSelect => words("`=` is no comparison", "expected a comparison", "write `==`"),
        Hint::TrailingComma => words("nothing follows this comma", "one too many", "remove it"),
        Hint::Slice => words(
            "there are no slices in RASP",
            "an index is one value",
            "pick the elements: `[list[i] for i in range(a, b)]`",
        ),
        Hint::Tuple => words(
            "parentheses hold one value; there are no tuples in RASP",
            "another value begins after this",
            "close the parenthesis before this, or write a list, `[a, b]`",
        ),
        Hint::Set => words(
            "there are no sets in RASP",
            "expected `:` and a value for this key",
            "a list is written `[a, b]`, a dictionary `{a: 1, b: 2}`",
        ),
        Hint::AggregateNeedsValues => words(
            "`aggregate` needs to know what to take the mean of",
            "expected `,` and values before this",
            "write `aggregate(selector, values)`, or `aggregate(selector, values, default)`",
        ),
        Hint::OperandMissing(operator) => words(
            &format!("`{operator}` needs a value on each side"),
            "nothing follows it",
            &format!("write `a {operator} b`"),
        ),
        Hint::DomainNeedsBraces { instead } => words(
            "the values of an input are a range or a set in braces",
            "another way to write values",
            &format!("write `{}`", shorten(instead)),
        ),
        Hint::QuotedComparison(comparison) => words(
            "`select` takes a comparison without quotes",
            "a string",
            &format!("write `select(keys, queries, {comparison})`"),
        ),
        Hint::Habit(habit) => {
            let (message, label, help) = elsewhere::words(habit);
            Words { message, label, help }
        }
    }
    .at_the_end(found)
}

impl Words {
    /// Says so if the program ends where something is missing.
    fn at_the_end(mut self, found: &Found) -> Self {
        if *found == Found::End {
            self.label = format!("{}; the program ends here", self.label);
        }
        self
    }
}

/// What other languages would mean by this text, in RASP.
fn foreign(text: &str) -> Option<&'static str> {
    match text.chars().next()? {
        '\'' | '‘' | '’' | '“' | '”' | '„' | '`' => {
            Some("strings are written in double quotes: \"a\"")
        }
        '!' => Some("write `not x`, or `a != b`"),
        '&' => Some("write `a and b`"),
        '|' => Some("write `a or b`"),
        '?' => Some("a conditional is written `a if condition else b`"),
        '@' | '~' | '$' | '\\' => Some("remove it"),
        '≤' => Some("write `<=`"),
        '≥' => Some("write `>=`"),
        '≠' => Some("write `!=`"),
        '×' | '·' => Some("write `*`"),
        '−' | '–' | '—' => Some("write `-`"),
        '\u{a0}' | '\u{200b}' => Some("this is a special space; write a plain one"),
        c if c.is_alphabetic() => Some("names are made of the letters a to z, digits and `_`"),
        _ => None,
    }
}

pub(super) fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= 30 { line.to_owned() } else { line.chars().take(29).chain(['…']).collect() }
}

/// What the parser could have read, in words: `an expression, a name or "}"`.
fn humanize(expected: &[String]) -> String {
    let has = |name: &str| expected.iter().any(|e| e == name);
    let (statement, expression, operator) = (has("def"), has("int") && has("["), has("+") && has("=="));
    let mut words: Vec<String> = Vec::new();
    let mut say = |word: &str| {
        if !words.iter().any(|w| w == word) {
            words.push(word.to_owned());
        }
    };
    if statement {
        say("a statement");
    } else if expression {
        say("an expression");
    }
    if operator {
        say("an operator");
    } else if has("==") && !expression {
        say("a comparison");
    }
    for name in expected {
        match name.as_str() {
            "name" if !expression => say("a name"),
            "string" if !expression => say("a string"),
            "int" if !expression => say("a number"),
            "end of line" => say("the end of the line"),
            "(" | "[" | "{" | "-" if expression => {}
            "(" | "[" | "in" | "if" if operator => {}
            ";" | ")" | "]" | "}" | "{" | "(" | ":" | "," | ".." | "=>" | "=" | "return" | "in" | "else"
            | "on" | "off" => say(&format!("`{name}`")),
            "example" | "examples" if !statement => say(&format!("`{name}`")),
            _ => {}
        }
    }
    match words.as_slice() {
        [] => "something else".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl Hint {
    fn code(&self) -> &'static str {
        match self {
            Self::IfStatement
            | Self::NoSuchStatement(_)
            | Self::StrayReturn { .. }
            | Self::ReturnIsLast
            | Self::DefNeedsReturn { .. }
            | Self::EmptyLoop
            | Self::BlockNeedsBraces { .. }
            | Self::SemicolonAfterBlock
            | Self::EmptyStatement
            | Self::CommentSign
            | Self::LoadNeedsString => "E0110",
            Self::InputNeedsDomain
            | Self::InputNeedsName
            | Self::LengthNeedsRange
            | Self::DomainNeedsBraces { .. }
            | Self::ExampleNeedsArrow => "E0111",
            Self::ChainedAssignment
            | Self::CompoundAssignment(_)
            | Self::Increment(_)
            | Self::ElementAssignment
            | Self::CallAssignment
            | Self::EqualsAssigns
            | Self::NamedArgument { .. }
            | Self::ReservedWord(_) => "E0112",
            Self::FloorDivision
            | Self::DoubleStar
            | Self::TripleEquals
            | Self::LessGreater
            | Self::NotIn
            | Self::Is
            | Self::GluedNumber(_)
            | Self::RangeOutsideDeclaration
            | Self::IfFirst
            | Self::IfNeedsElse
            | Self::ElseNeedsIf
            | Self::Filter
            | Self::GluedParenthesis
            | Self::SelectNeedsComparison
            | Self::EqualsInSelect
            | Self::TrailingComma
            | Self::Slice
            | Self::Tuple
            | Self::Set
            | Self::AggregateNeedsValues
            | Self::OperandMissing(_)
            | Self::QuotedComparison(_) => "E0113",
            Self::Habit(_) => "E0114",
        }
    }
}
