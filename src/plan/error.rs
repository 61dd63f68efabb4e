//! Why a program cannot be planned.

use super::{Knobs, Padding};
use crate::diagnostic::Diagnostic;
use crate::ir::place::with_calls;
use crate::ir::{Origin, Program};
use crate::value::{Kind, Kinds, Number, Value};
use std::sync::Arc;

/// Why a program cannot be planned. Evidence only; [`reports`] has the words.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanError {
    NoDomain {
        column: Arc<str>,
        /// Where the program first reads the column.
        at: Origin,
    },
    NoLength {
        /// The program's first output.
        at: Origin,
    },
    /// An s-op whose values are too many to list, read by something that needs the list.
    TooManyValues { at: Origin, kinds: Kinds },
    /// An elementwise operation with too many combinations of arguments.
    TooManyTuples { at: Origin, tuples: usize, limit: usize },
    /// A selector that compares too many keys with too many queries.
    TooManyPairs { at: Origin, pairs: usize, limit: usize },
    /// A network that nobody would want to run.
    TooManyParameters {
        /// The program's first output.
        at: Origin,
        parameters: usize,
        limit: usize,
    },
    /// A network that does not fit into the shape that is asked for.
    TooSmall {
        /// The program's first output.
        at: Origin,
        /// The flag that asks for too little.
        flag: &'static str,
        /// What the network has, in the order of [`Padding::flags`].
        has: [usize; 4],
    },
    /// An s-op that has a value on no declared input.
    NoValue { at: Origin },
    /// A mean over values, or with a default, that are not all numbers.
    MixedMean { at: Origin, kinds: Kinds },
    /// A number that is no f32 weight.
    UnwieldyNumber { at: Origin, number: Number },
    /// A head whose attention is not sharp enough to be digitised.
    TooSoft { at: Origin, leak: Box<Number> },
    /// A sum that f32 may get wrong.
    InexactSum { at: Origin },
    /// Two neighbouring values of a mean or a width that f32 cannot tell apart.
    TooFine { at: Origin, neighbours: Box<[Value; 2]> },
}

/// The reports of the errors of a program. Where a shorter length would do, they say so.
pub fn reports(program: &Program, errors: &[PlanError], knobs: Knobs) -> Vec<Diagnostic> {
    let longest = errors.iter().all(PlanError::grows_with_length).then(|| super::longest(program, knobs));
    let leaks = "ask for more with `--sharpness`: what leaks blurs them too; or declare a shorter length or a smaller domain";
    let report = |error: &PlanError| {
        let blurred = matches!(error, PlanError::TooFine { .. }) && !knobs.is_exact();
        let report = describe(program, error);
        let report = if blurred { report.help(leaks) } else { report };
        let padded = matches!(error, PlanError::TooManyParameters { .. }) && knobs.padding != Padding::NONE;
        let report = if padded {
            report.help("ask for less with `--layers`, `--heads`, `--d-model` or `--d-mlp`")
        } else {
            report
        };
        match longest {
            None => report,
            Some(None) => report.note("it is so at every declared length"),
            Some(Some(n)) => report.note(format!("up to length {n} the program compiles")),
        }
    };
    errors.iter().map(report).collect()
}

impl PlanError {
    /// Whether a shorter length may mend it.
    fn grows_with_length(&self) -> bool {
        match self {
            Self::TooManyValues { .. }
            | Self::TooManyTuples { .. }
            | Self::TooManyPairs { .. }
            | Self::TooManyParameters { .. }
            | Self::TooSmall { .. }
            | Self::InexactSum { .. }
            | Self::TooFine { .. } => true,
            Self::TooSoft { .. }
            | Self::NoDomain { .. }
            | Self::NoLength { .. }
            | Self::NoValue { .. }
            | Self::MixedMean { .. }
            | Self::UnwieldyNumber { .. } => false,
        }
    }

    fn at(&self) -> Origin {
        match self {
            Self::NoDomain { at, .. }
            | Self::NoLength { at }
            | Self::TooManyValues { at, .. }
            | Self::TooManyTuples { at, .. }
            | Self::TooManyPairs { at, .. }
            | Self::TooManyParameters { at, .. }
            | Self::TooSmall { at, .. }
            | Self::NoValue { at }
            | Self::MixedMean { at, .. }
            | Self::UnwieldyNumber { at, .. }
            | Self::InexactSum { at }
            | Self::TooSoft { at, .. }
            | Self::TooFine { at, .. } => *at,
        }
    }
}

/// The words for an error, with the calls that lead to its place.
pub fn describe(program: &Program, error: &PlanError) -> Diagnostic {
    let calls = program.graph.calls(error.at().stack).map(|call| (call.function.clone(), call.site));
    let mut report = with_calls(words(error), calls);
    // What the library has at its top level is nobody's call: the output needs it.
    if let (Some(label), Some(output)) = (report.labels.first_mut(), program.outputs.first())
        && label.span.in_library()
    {
        label.span = output.span;
    }
    report
}

fn words(error: &PlanError) -> Diagnostic {
    match error {
        PlanError::NoDomain { column, at } => {
            Diagnostic::error("E0401", format!("the values of `{column}` are not declared"))
                .label(at.span, "a network is built for a finite set of values")
                .help(format!(
                    "add a line such as `input {column} : 0..9;` or `input {column} : {{\"a\", \"b\"}};`"
                ))
        }
        PlanError::NoLength { at } => {
            Diagnostic::error("E0402", "the lengths of the input are not declared")
                .label(at.span, "a network is built for inputs up to a greatest length")
                .help("add a line such as `length 1..10;`")
        }
        PlanError::TooManyValues { at, kinds } => {
            Diagnostic::error("E0403", "this s-op has too many values to be compiled")
                .label(
                    at.span,
                    format!(
                        "more values (each a {kinds}) than can be listed, and something reads them one by one"
                    ),
                )
                .help(match kinds.contains(Kind::Str) {
                    true => "every string that can occur takes a place of its own: ask what is wanted of it (`x == \"ab\"`) before it is joined with others; or declare a shorter length or a smaller domain",
                    false => "compare it with a number, or `round` it, before anything else reads it; or declare a shorter length or a smaller domain",
                })
        }
        PlanError::TooManyTuples { at, tuples, limit } => {
            Diagnostic::error("E0404", "this operation has too many combinations of arguments")
                .label(
                    at.span,
                    format!("{tuples} combinations of values; at most {limit} are compiled here"),
                )
                .help("compare or `round` the arguments one by one, before they are combined; or declare a shorter length or a smaller domain")
        }
        PlanError::TooManyPairs { at, pairs, limit } => {
            Diagnostic::error("E0409", "this selector compares too many values")
                .label(at.span, format!("{pairs} pairs of a key and a query; at most {limit} are compiled"))
                .help("declare a smaller domain or a shorter length")
        }
        PlanError::TooManyParameters { at, parameters, limit } => {
            Diagnostic::error("E0410", "the network would be too large")
                .label(at.span, format!("takes {parameters} parameters; at most {limit} are compiled"))
                .help("declare a smaller domain or a shorter length")
        }
        PlanError::TooSmall { at, flag, has } => {
            let sizes = Padding::NONE.flags().into_iter().zip(has);
            let least: Vec<String> = sizes.map(|((flag, _), n)| format!("{flag} {n}")).collect();
            Diagnostic::error("E0413", "the network does not fit into the shape that is asked for")
                .label(at.span, format!("takes at least {}", least.join(" ")))
                .help(format!("ask for more with `{flag}`, or leave it out"))
        }
        PlanError::NoValue { at } => {
            Diagnostic::error("E0405", "this s-op has a value on no declared input")
                .label(at.span, "fails on every input")
                .help("run `raspc check` to see why it fails")
        }
        PlanError::MixedMean { at, kinds } => {
            Diagnostic::error("E0406", "a mean that may be no number is not compiled yet")
                .label(at.span, format!("may select several keys, and its values are {kinds}"))
                .help("give a default of the values' type, or select one key at most")
        }
        PlanError::UnwieldyNumber { at, number } => {
            let limits = "numbers must be below 2^24, with a denominator below 2^32";
            Diagnostic::error("E0407", "a number does not fit into a weight")
                .label(at.span, format!("{number} occurs here; {limits}"))
                .help(unwieldy_help(number))
        }
        PlanError::TooSoft { at, leak } => {
            let leak = leak.to_f64();
            Diagnostic::error("E0412", "attention is not sharp enough")
                .label(at.span, format!("up to {leak:.2} of the attention goes to other keys"))
                .help("ask for more with `--sharpness`, or leave it out for attention that does not leak")
        }
        PlanError::InexactSum { at } => {
            Diagnostic::error("E0411", "f32 numbers may not add this up exactly")
                .label(at.span, "adds up to more than 2^24 times its finest step")
                .help("declare a shorter length or a smaller domain")
        }
        PlanError::TooFine { at, neighbours } => {
            let [low, high] = &**neighbours;
            Diagnostic::error("E0408", "two values are too close to be told apart exactly")
                .label(at.span, format!("{low} and {high} both occur, and f32 numbers blur them"))
                .help("declare a shorter length or a smaller domain")
        }
    }
}

/// What to write instead of a number that fits into no weight.
fn unwieldy_help(number: &Number) -> String {
    let whole = "divide the numbers by a constant, or `round` them, before a mean is taken";
    match number.is_integer() {
        true => whole.to_owned(),
        false => format!(
            "give the numbers that it is made of fewer digits behind the point: a decimal of d digits has the \
             denominator 10^d, so that 9 digits fit, and fewer if means are taken ({:.6} for this one); or {whole}",
            number.to_f64()
        ),
    }
}
