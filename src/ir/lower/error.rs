//! What can be wrong with the meaning of a program, and the words for it.

use super::help::{self, quoted};
use super::thing::{MAX_NESTING, MAX_WEIGHT};
use super::{MAX_CALL_DEPTH, MAX_DOMAIN, MAX_LENGTH, MAX_NODES, MAX_STEPS};
use crate::diagnostic::{Diagnostic, nearest};
use crate::ir::place::with_calls;
use crate::source::Span;
use crate::value::{Compare, Fault, Kinds, Value, notation};
use std::sync::Arc;

/// An error with its place, and the calls that led there (innermost first).
#[derive(Clone, Debug)]
pub struct LowerError {
    pub kind: LowerErrorKind,
    pub span: Span,
    pub trail: Vec<(Arc<str>, Span)>,
    /// Of an error in a function of the library: what the program has called.
    pub signature: Option<String>,
}

/// Why a statement has no meaning. Evidence only; [`describe`] has the words.
#[derive(Clone, Debug)]
pub enum LowerErrorKind {
    UndefinedName {
        name: Arc<str>,
        known: Vec<Arc<str>>,
        place: Place,
    },
    ReservedName {
        name: Arc<str>,
        by_library: bool,
    },
    /// The tool's own words, such as `tokens_int`, in a program with several columns.
    AmbiguousTokens {
        name: Arc<str>,
        columns: Vec<Arc<str>>,
    },
    /// A use of something where something else is needed.
    Expected {
        what: &'static str,
        found: &'static str,
        by: &'static str,
    },
    /// An operator that has no meaning for such things, whatever the input.
    Operands {
        operator: &'static str,
        left: &'static str,
        right: Option<&'static str>,
    },
    /// An operation on s-ops that fails on every input.
    NeverWorks {
        operator: &'static str,
        operands: Vec<Kinds>,
        text: Option<TextOf>,
    },
    /// A comparison of a selector that fails on every input.
    NeverCompares {
        op: Compare,
        key: Kinds,
        query: Kinds,
        text: Option<TextOf>,
    },
    /// A warning: `==` or `!=` between values that are never equal.
    NeverEqual {
        op: Compare,
        operands: [Kinds; 2],
        /// Whether it is the comparison of a selector.
        selects: bool,
        text: Option<TextOf>,
        /// The operand that is a constant, if one is.
        constant: Option<Value>,
    },
    /// A warning: `tokens` where the input has another name and other values.
    TextOfInput {
        column: Arc<str>,
    },
    /// A fault of an operation on constants.
    Constant(Fault),
    WrongArguments {
        function: Arc<str>,
        parameters: Option<usize>,
        found: usize,
        /// Where the program defines it.
        defined: Option<Span>,
        signature: Option<String>,
    },
    /// `sop[other]`, both s-ops.
    IndexedBySOp {
        base: String,
        index: String,
    },
    /// A warning: `and` or `or` of what is no boolean.
    TruthOfValues {
        operator: &'static str,
    },
    /// A warning: an input whose name the program sets to something that does not depend on it.
    HidesInput {
        name: Arc<str>,
    },
    NotCallable {
        found: &'static str,
    },
    WrongCount {
        what: &'static str,
        names: usize,
        values: usize,
    },
    UnevenZip {
        lengths: Vec<usize>,
    },
    BadRange {
        found: usize,
    },
    ZeroStep,
    TooLarge {
        what: &'static str,
    },
    TooManySteps,
    TooManyNodes,
    TooDeepRecursion {
        function: Arc<str>,
    },
    Load {
        path: Arc<str>,
        reason: String,
    },
    LoadCycle {
        path: Arc<str>,
    },
    /// A domain from outside for a column that the program does not have.
    NoSuchInput {
        name: Arc<str>,
        columns: Vec<Arc<str>>,
    },
    InputTwice {
        name: Arc<str>,
        first: Option<Span>,
    },
    InputAfterUse {
        name: Arc<str>,
        used: Span,
    },
    OutputTwice {
        name: Arc<str>,
        first: Span,
    },
    DeclaredTwice {
        what: &'static str,
        first: Span,
    },
    DeclarationInside {
        what: &'static str,
    },
    DomainMixesRange {
        from: String,
        to: String,
    },
    DomainReversed {
        from: String,
        to: String,
    },
    DomainTooLarge,
    DomainName {
        name: Arc<str>,
    },
    BadLength,
    UnknownAttention {
        mode: Arc<str>,
    },
    NotAnOutput {
        found: &'static str,
    },
    ExampleCount {
        what: &'static str,
        expected: usize,
        found: usize,
    },
    ExampleLength {
        what: &'static str,
        expected: usize,
        found: usize,
    },
    ExampleOutside {
        value: Value,
        column: Arc<str>,
        /// The first values of the column's domain.
        domain: String,
    },
    ExampleTooLong {
        length: usize,
        min: usize,
        max: usize,
    },
    ExampleNotList {
        found: &'static str,
    },
}

/// Where a name stands.
#[derive(Clone, Debug)]
pub enum Place {
    Expression,
    /// An `output` of a program with these s-ops.
    Output {
        sops: Vec<Arc<str>>,
    },
    Example,
}

/// What `tokens`, which holds strings, is the text of.
#[derive(Clone, Debug)]
pub enum TextOf {
    /// Of an input that the program does not declare.
    Undeclared,
    /// Of a declared input, which holds other values than strings.
    Column(Arc<str>),
}

/// The words for an error, with the calls that led there.
pub fn describe(error: &LowerError) -> Diagnostic {
    let report = words(&error.kind, error.span);
    let report = match &error.signature {
        Some(signature) => report.note(signature.clone()),
        None => report,
    };
    with_calls(report, error.trail.iter().cloned())
}

fn words(kind: &LowerErrorKind, span: Span) -> Diagnostic {
    use LowerErrorKind as K;
    let error = |code, message: String| Diagnostic::error(code, message);
    match kind {
        K::UndefinedName { name, known, place } => error("E0201", format!("`{name}` is not defined"))
            .label(span, "no such name here")
            .maybe_help(help::undefined(name, known, place)),
        K::ReservedName { name, by_library } => error("E0202", format!("`{name}` cannot be redefined"))
            .label(
                span,
                if *by_library { "a name of the standard library" } else { "a word of the language" },
            )
            .help(help::reserved(name, *by_library)),
        K::AmbiguousTokens { name, columns } => {
            error("E0203", format!("`{name}` is ambiguous in a program with {} input columns", columns.len()))
                .label(span, "which column?")
                .help(format!("use the name of a column: {}", quoted(columns)))
        }
        K::Expected { what, found, by } => error("E0204", format!("expected {what}, found {found}"))
            .label(span, format!("{by} needs {what} here"))
            .maybe_help(help::expected(what, found, by)),
        K::Operands { operator, left, right } => {
            let message = match right {
                None => format!("`{operator}` has no meaning for {left}"),
                Some(right) => format!("`{operator}` has no meaning for {left} and {right}"),
            };
            error("E0205", message)
                .label(span, "no meaning, whatever the input")
                .maybe_help(help::operand(operator, left, *right))
        }
        K::NeverWorks { operator, operands, text } => {
            let kinds: Vec<String> = operands.iter().map(ToString::to_string).collect();
            error("E0206", format!("`{operator}` has no meaning for {}", kinds.join(" and ")))
                .label(span, "fails on every input")
                .maybe_help(help::kinds(&kinds, text.as_ref()))
        }
        K::NeverCompares { op, key, query, text } => {
            error("E0206", format!("`{}` cannot compare {key} with {query}", op.symbol()))
                .label(span, "fails on every input")
                .maybe_help(help::kinds(&[key.to_string(), query.to_string()], text.as_ref()))
        }
        K::NeverEqual { op, operands: [left, right], selects, text, constant } => {
            let effect = match (selects, op) {
                (true, Compare::Ne) => "selects every key",
                (true, _) => "selects no key",
                (false, Compare::Ne) => "true everywhere",
                (false, _) => "false everywhere",
            };
            let message = format!("a {left} never equals a {right}");
            Diagnostic::warning("W0112", message)
                .label(span, effect)
                .maybe_help(help::unequal(text.as_ref(), constant.as_ref()))
        }
        K::TextOfInput { column } => {
            Diagnostic::warning("W0113", format!("`tokens` is the text of the input `{column}`"))
                .label(span, "strings, which equal no number and no boolean")
                .help(format!("write `{column}`, or `tokens_str` if its text is meant"))
        }
        K::Constant(fault) => {
            error("E0207", fault.to_string()).label(span, "these are constants: it always fails")
        }
        K::IndexedBySOp { base, index } => error("E0204", "expected an integer, found an s-op".to_owned())
            .label(span, "the index of an s-op is one position, the same everywhere")
            .help(format!(
                "for the value at another position, write `load_from_location({base}, {index})`, or move the sequence: `shift({base}, steps, filler)`"
            )),
        K::TruthOfValues { operator } => {
            Diagnostic::warning("W0114", format!("`{operator}` gives True or False, not one of its operands"))
                .label(span, "a value that is not a boolean counts as True if it is not 0 and not empty")
                .help("to choose between values, write `a if condition else b`; for a condition, compare: `x != 0`")
        }
        K::HidesInput { name } => {
            Diagnostic::warning("W0115", format!("this hides the input `{name}`"))
                .label(span, "from here on, the name means a value that does not depend on the input")
                .help("choose another name; the values of the input are declared by `input tokens : 0..9;`")
        }
        K::WrongArguments { function, parameters, found, defined, signature } => {
            let takes = match parameters {
                Some(1) => "1 argument".to_owned(),
                Some(n) => format!("{n} arguments"),
                None => "other arguments".to_owned(),
            };
            let diagnostic = error("E0208", format!("`{function}` takes {takes}, not {found}"))
                .label(span, format!("{found} given"))
                .maybe_help(help::call(function, *found));
            let diagnostic = match signature {
                Some(signature) => diagnostic.note(signature.clone()),
                None => diagnostic,
            };
            match defined {
                Some(defined) if *defined != span => diagnostic.label(*defined, "defined here"),
                _ => diagnostic,
            }
        }
        K::NotCallable { found } => error("E0209", format!("{found} cannot be called"))
            .label(span, "not a function and not an s-op")
            .help("only functions and s-ops can be followed by `(…)`; to multiply, write `*`"),
        K::WrongCount { what, names, values } => error(
            "E0210",
            format!("{names} {} for {values} {what}", if *names == 1 { "name" } else { "names" }),
        )
        .label(span, "the numbers differ"),
        K::UnevenZip { lengths } => error("E0211", "`zip` needs lists of one length".to_owned()).label(
            span,
            format!("lengths {}", lengths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ),
        K::BadRange { found } => error("E0208", format!("`range` takes 1 to 3 arguments, not {found}"))
            .label(span, format!("{found} given"))
            .help("range(end), range(start, end) or range(start, end, step)"),
        K::ZeroStep => {
            error("E0212", "the step of a range is 0".to_owned()).label(span, "it would never end")
        }
        K::TooLarge { what } => error("E0213", format!("{what} is too large"))
            .label(span, "beyond the limit")
            .help(format!("lists hold up to {MAX_WEIGHT} elements, in up to {MAX_NESTING} levels")),
        K::TooManySteps => error("E0214", format!("unrolling the program takes more than {MAX_STEPS} steps"))
            .label(span, "gave up here")
            .help("loops and functions run before any input is known; make them shorter"),
        K::TooManyNodes => {
            error("E0214", format!("the program has more than {MAX_NODES} s-ops and selectors"))
                .label(span, "gave up here")
                .help("loops and functions are unrolled; make them shorter")
        }
        K::TooDeepRecursion { function } => error(
            "E0215",
            format!("`{function}` calls itself more than {MAX_CALL_DEPTH} times"),
        )
        .label(span, "this recursion is too deep, or does not end")
        .help("recursion ends in a conditional whose condition is a number: `x if n == 0 else f(n - 1)`"),
        K::Load { path, reason } => error("E0216", format!("cannot load {}: {reason}", notation::quoted(path)))
            .label(span, "loaded here")
            .help(help::load(path)),
        K::LoadCycle { path } => error("E0217", format!("\"{path}\" loads itself"))
            .label(span, "loaded here, while it is still being loaded")
            .help("move what both files need into a third one"),
        K::NoSuchInput { name, columns } => {
            let message = match **name == *super::ONLY_COLUMN {
                true => format!("the program has {} input columns", columns.len()),
                false => format!("the program has no input `{name}`"),
            };
            let near = nearest(name, columns.iter().map(AsRef::as_ref));
            let near = near.or(columns.first().map(AsRef::as_ref)).unwrap_or("name");
            error("E0232", message)
                .label(span, "which column?")
                .help(format!("its inputs are {}; write `{near} : 0..9`", quoted(columns)))
        }
        K::InputTwice { name, first } => {
            let diagnostic =
                error("E0218", format!("input `{name}` is declared twice")).label(span, "again here");
            match first {
                Some(first) => diagnostic.label(*first, "first here"),
                None => diagnostic,
            }
        }
        K::OutputTwice { name, first } => error("E0218", format!("two outputs are called `{name}`"))
            .label(span, "again here")
            .label(*first, "first here")
            .help("give one of them a name of its own: `other = …;`, then `output other;`"),
        K::InputAfterUse { name, used } => {
            error("E0219", format!("input `{name}` is declared after the input was used"))
                .label(span, "declared here")
                .label(*used, "used here, as an undeclared input")
                .help("move the declaration to the top of the program")
        }
        K::DeclaredTwice { what, first } => error("E0218", format!("{what} is declared twice"))
            .label(span, "again here")
            .label(*first, "first here"),
        K::DeclarationInside { what } => {
            error("E0220", format!("{what} is declared inside a function or loop"))
                .label(span, "a declaration speaks of the whole program")
                .help("move it to the top of the program")
        }
        K::DomainMixesRange { from, to } => error("E0221", format!("{from}..{to} is no range"))
            .label(span, "a range needs two integers or two characters")
            .help("as in `0..9` or `\"a\"..\"z\"`"),
        K::DomainReversed { from, to } => error("E0221", format!("{from}..{to} is empty"))
            .label(span, "the first value is larger than the last")
            .help(format!("write `{to}..{from}`")),
        K::DomainTooLarge => error("E0222", format!("this domain has more than {MAX_DOMAIN} values"))
            .label(span, "too many values")
            .help("every value of a domain becomes a token of the network's vocabulary"),
        K::DomainName { name } => error("E0223", format!("`{name}` is no constant"))
            .label(span, "a domain lists numbers, strings, True and False")
            .help(format!("for the string, write \"{name}\"")),
        K::BadLength => {
            error("E0224", format!("lengths are integers from 1 to {MAX_LENGTH}, the smaller one first"))
                .label(span, "not such a length")
                .help("as in `length 1..10;`")
        }
        K::UnknownAttention { mode } => error("E0225", format!("`{mode}` is no kind of attention"))
            .label(span, "unknown")
            .help("`attention causal;` lets position i see positions 0..i; without it, all see all"),
        K::NotAnOutput { found } => error("E0226", format!("{found} cannot be an output"))
            .label(span, "an output is an s-op")
            .maybe_help(help::output(found)),
        K::ExampleCount { what, expected, found } => {
            error("E0227", format!("the program has {expected} {what}, but the example has {found}"))
                .label(span, "this example")
                .help(format!("separate the lists of several {what} by commas"))
        }
        K::ExampleLength { what, expected, found } => {
            error("E0228", format!("{what} has {found} values for an input of length {expected}"))
                .label(span, "the lengths differ")
                .help("inputs and outputs have one value for each position")
        }
        K::ExampleOutside { value, column, domain } => {
            error("E0229", format!("{value} is not in the domain of `{column}`"))
                .label(span, "this example")
                .help(format!("the values of `{column}` are {domain}"))
        }
        K::ExampleTooLong { length, min, max } => {
            error("E0230", format!("the example has length {length}, but lengths are {min}..{max}"))
                .label(span, "this example")
                .help("take an example of another length, or declare more lengths, as in `length 1..20;`")
        }
        K::ExampleNotList { found } => error("E0231", format!("{found} is not a sequence of values"))
            .label(span, "an example needs lists of constants here")
            .help("as in `example [1, 2] => [True, False];`; a string stands for its characters"),
    }
}
