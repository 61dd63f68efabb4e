//! Exact values, and every elementwise operation on them.
//!
//! Booleans count as the numbers 0 and 1 where a number is needed, as in the RASP tool;
//! numbers are exact rationals, so `0.1 + 0.2 == 0.3`.

mod elementwise;
mod fault;
pub mod notation;
mod number;

pub use elementwise::{Compare, Elementwise, Table};
pub use fault::Fault;
pub use number::{MAX_BITS, Number};

use std::fmt;
use std::sync::Arc;

/// Strings beyond this many characters are refused.
pub const MAX_STRING: usize = 10_000;

/// What one position of an s-op holds.
///
/// The derived order and equality tell values apart that RASP compares as equal (`True` and
/// `1`); [`Value::same`] is the `==` of the language.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    Bool(bool),
    Number(Number),
    Str(Arc<str>),
}

impl Value {
    pub fn int(value: i64) -> Self {
        Self::Number(value.into())
    }

    pub fn str(text: &str) -> Self {
        Self::Str(text.into())
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Bool(_) => Kind::Bool,
            Self::Number(_) => Kind::Number,
            Self::Str(_) => Kind::Str,
        }
    }

    /// The value as a number, with `True` as 1 and `False` as 0.
    pub fn number(&self) -> Option<Number> {
        match self {
            Self::Bool(b) => Some(i64::from(*b).into()),
            Self::Number(n) => Some(n.clone()),
            Self::Str(_) => None,
        }
    }

    /// How large a value is, in words of 64 bits: what an operation costs depends on it.
    pub fn words(&self) -> usize {
        match self {
            Self::Bool(_) => 1,
            Self::Number(number) => number.words(),
            Self::Str(text) => 1 + text.len() / 8,
        }
    }

    /// Truth as conditions see it: everything but `False`, 0 and the empty string.
    pub fn truth(&self) -> bool {
        match self {
            Self::Bool(b) => *b,
            Self::Number(n) => !n.is_zero(),
            Self::Str(s) => !s.is_empty(),
        }
    }

    /// The `==` of RASP: `True == 1`, and values of different types differ.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Str(_), _) | (_, Self::Str(_)) => false,
            (a, b) => a.number() == b.number(),
        }
    }

    /// The member of a domain that this value means: `1` means `True` where the domain has only
    /// booleans.
    pub fn member_of<'d>(&self, domain: &'d [Self]) -> Option<&'d Self> {
        domain.iter().find(|d| *d == self).or_else(|| domain.iter().find(|d| d.same(self)))
    }

    /// The value in which all values that are [`same`](Self::same) agree: booleans as numbers.
    pub fn canonical(&self) -> Self {
        match self {
            Self::Bool(b) => Self::int(i64::from(*b)),
            other => other.clone(),
        }
    }
}

/// As it is written in a program: `True`, `1/3`, `"a"`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Number(n) => n.fmt(f),
            Self::Str(s) => f.write_str(&notation::quoted(s)),
        }
    }
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Bool,
    Number,
    Str,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Bool, Self::Number, Self::Str];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "the boolean",
            Self::Number => "the number",
            Self::Str => "the string",
        }
    }
}

/// A set of types: what the values of an s-op can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kinds(u8);

impl Kinds {
    pub const NONE: Self = Self(0);
    pub const ANY: Self = Self(7);
    pub const BOOL: Self = Self(1);
    pub const NUMBER: Self = Self(2);
    pub const STR: Self = Self(4);

    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::BOOL,
            Kind::Number => Self::NUMBER,
            Kind::Str => Self::STR,
        }
    }

    pub fn of_all<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        values.into_iter().fold(Self::NONE, |kinds, v| kinds | Self::of(v.kind()))
    }

    pub fn contains(self, kind: Kind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }

    /// Whether every type of `self` is in `other`.
    pub fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |k| self.contains(*k))
    }
}

impl std::ops::BitOr for Kinds {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// `number`, `boolean or string`, …
impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        let names = self.iter().map(|k| k.name().trim_start_matches("the "));
        f.write_str(&names.collect::<Vec<_>>().join(" or "))
    }
}
