//! How an operation can fail on values of the right shape: the program's fault, not ours.

use super::{Number, Value};
use std::fmt;

/// Why an operation has no result. Evidence only; [`fmt::Display`] holds the words.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    DivisionByZero,
    /// No meaning for operands of these types, as in `"a" < 1`.
    WrongTypes {
        operation: &'static str,
        operands: Vec<Value>,
    },
    IrrationalPower {
        base: Number,
        exponent: Number,
    },
    NumberTooLarge {
        bits: usize,
    },
    StringTooLong {
        chars: usize,
    },
    MissingKey {
        key: Value,
    },
    IndexOutOfRange {
        index: Number,
        len: usize,
    },
    /// An index or a count that is no integer.
    NotAnInteger {
        what: &'static str,
        value: Value,
    },
    /// `tokens_int` or `tokens_float` of a text that is no number.
    NotANumber {
        text: Value,
        /// Whether it is one, but no integer.
        integer: bool,
    },
    /// A mean of several values that are not all numbers.
    AverageOf {
        value: Value,
        count: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DivisionByZero => write!(f, "division by zero"),
            Self::WrongTypes { operation, operands } => match operands.as_slice() {
                [x] => write!(f, "`{operation}` has no meaning for {} {x}", x.kind().name()),
                [x, y] => write!(
                    f,
                    "`{operation}` has no meaning for {} {x} and {} {y}",
                    x.kind().name(),
                    y.kind().name()
                ),
                _ => write!(f, "`{operation}` has no meaning for these values"),
            },
            Self::IrrationalPower { base, exponent } => {
                write!(f, "{base} ^ ({exponent}) is not a rational number")
            }
            Self::NumberTooLarge { bits } => {
                write!(f, "a number of {bits} bits is beyond the limit of {} bits", super::number::MAX_BITS)
            }
            Self::StringTooLong { chars } => {
                write!(f, "a string of {chars} characters is beyond the limit of {}", super::MAX_STRING)
            }
            Self::MissingKey { key } => write!(f, "the dictionary has no key {key}"),
            Self::IndexOutOfRange { index, len } => {
                write!(f, "index {index} is outside a list of {len} elements")
            }
            Self::NotAnInteger { what, value } => write!(f, "{what} must be an integer, not {value}"),
            Self::NotANumber { text, integer: false } => write!(f, "{text} is not a number"),
            Self::NotANumber { text, integer: true } => write!(f, "{text} is not an integer"),
            Self::AverageOf { value, count } => {
                write!(f, "the mean of {count} selected values needs numbers, but one of them is {value}")
            }
        }
    }
}
