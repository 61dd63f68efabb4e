//! Why a program cannot be planned.

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::value::{Kinds, Number, Value};
use std::sync::Arc;

/// Why a program cannot be planned. Evidence only; [`describe`] holds the words.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanError {
    NoDomain {
        column: Arc<str>,
        /// Where the program first reads the column.
        span: Span,
    },
    NoLength {
        /// The program's first output.
        span: Span,
    },
    /// An s-op whose values are too many to list, read by something that needs the list.
    TooManyValues { span: Span, kinds: Kinds },
    /// An elementwise operation with too many combinations of arguments.
    TooManyTuples { span: Span, tuples: usize, limit: usize },
    /// A selector that compares too many keys with too many queries.
    TooManyPairs { span: Span, pairs: usize, limit: usize },
    /// A network that nobody would want to run.
    TooManyParameters {
        /// The program's first output.
        span: Span,
        parameters: usize,
        limit: usize,
    },
    /// An s-op that has a value on no declared input.
    NoValue { span: Span },
    /// A mean over values, or with a default, that are not all numbers.
    MixedMean { span: Span, kinds: Kinds },
    /// A number that is no f32 weight.
    UnwieldyNumber { span: Span, number: Number },
    /// Two neighbouring values of a mean or a width that f32 cannot tell apart.
    TooFine { span: Span, low: Value, high: Value },
}

/// The words for an error.
pub fn describe(error: &PlanError) -> Diagnostic {
    match error {
        PlanError::NoDomain { column, span } => {
            Diagnostic::error("E0401", format!("the values of `{column}` are not declared"))
                .label(*span, "a network is built for a finite set of values")
                .help(format!(
                    "add a line such as `input {column} : 0..9;` or `input {column} : {{\"a\", \"b\"}};`"
                ))
        }
        PlanError::NoLength { span } => {
            Diagnostic::error("E0402", "the lengths of the input are not declared")
                .label(*span, "a network is built for inputs up to a greatest length")
                .help("add a line such as `length 1..10;`")
        }
        PlanError::TooManyValues { span, kinds } => {
            Diagnostic::error("E0403", "this s-op has too many values to be compiled")
                .label(
                    *span,
                    format!(
                        "more values (each a {kinds}) than can be listed, and something reads them one by one"
                    ),
                )
                .help("compare it with a number, or `round` it, before anything else reads it; or declare a shorter length or a smaller domain")
        }
        PlanError::TooManyTuples { span, tuples, limit } => {
            Diagnostic::error("E0404", "this operation has too many combinations of arguments")
                .label(
                    *span,
                    format!("{tuples} combinations, one neuron for each; at most {limit} are compiled"),
                )
                .help("compare or `round` the arguments one by one, before they are combined; or declare a shorter length or a smaller domain")
        }
        PlanError::TooManyPairs { span, pairs, limit } => {
            Diagnostic::error("E0409", "this selector compares too many values")
                .label(*span, format!("{pairs} pairs of a key and a query; at most {limit} are compiled"))
                .help("declare a smaller domain or a shorter length")
        }
        PlanError::TooManyParameters { span, parameters, limit } => {
            Diagnostic::error("E0410", "the network would be too large")
                .label(*span, format!("takes {parameters} parameters; at most {limit} are compiled"))
                .help("declare a smaller domain or a shorter length")
        }
        PlanError::NoValue { span } => {
            Diagnostic::error("E0405", "this s-op has a value on no declared input")
                .label(*span, "fails on every input")
                .help("run `raspc check` to see why it fails")
        }
        PlanError::MixedMean { span, kinds } => {
            Diagnostic::error("E0406", "a mean that may be no number is not compiled yet")
                .label(*span, format!("may select several keys, and its values are {kinds}"))
                .help("give a default of the values' type, or select one key at most")
        }
        PlanError::UnwieldyNumber { span, number } => {
            Diagnostic::error("E0407", "a number does not fit into a weight").label(
                *span,
                format!("{number} occurs here; numbers must be below 2^24, with a denominator below 2^32"),
            )
        }
        PlanError::TooFine { span, low, high } => {
            Diagnostic::error("E0408", "two values are too close to be told apart exactly")
                .label(*span, format!("{low} and {high} both occur, and f32 numbers blur them"))
                .help("declare a shorter length or a smaller domain")
        }
    }
}
