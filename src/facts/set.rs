//! Sets of values: explicit, or a lattice of fractions.

use super::lattice::{Lattice, numbers};
use crate::value::{Kind, Kinds, Value};
use std::fmt;
use std::sync::Arc;

/// The largest set that is listed value by value.
pub const EXPLICIT_LIMIT: usize = 4096;

/// A set that holds every value an s-op can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSet {
    /// Sorted by [`Value`]'s order (`True` and `1` are two values), without repeats.
    Explicit(Arc<[Value]>),
    /// Numbers, too many to list, on a lattice of fractions.
    Means(Means),
    /// Every value of these types.
    Unbounded(Kinds),
}

/// The members of a [`Lattice`]; and the values of `also`, sorted, which are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Means {
    pub lattice: Lattice,
    pub also: Arc<[Value]>,
}

impl ValueSet {
    /// The set of some values, listed if there are at most [`EXPLICIT_LIMIT`].
    pub fn of(values: impl IntoIterator<Item = Value>) -> Self {
        let mut values: Vec<Value> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        Self::of_sorted(&values.into())
    }

    /// The set of values that are sorted and without repeats.
    pub(super) fn of_sorted(values: &Arc<[Value]>) -> Self {
        if values.len() <= EXPLICIT_LIMIT {
            return Self::Explicit(values.clone());
        }
        let also: Vec<Value> =
            values.iter().filter(|v| v.kind() != Kind::Number).take(EXPLICIT_LIMIT + 1).cloned().collect();
        match Lattice::around(numbers(values)) {
            Some(lattice) if also.len() <= EXPLICIT_LIMIT => {
                Self::Means(Means { lattice, also: also.into() })
            }
            Some(_) | None => Self::Unbounded(Kinds::of_all(values.iter())),
        }
    }

    /// The members of a lattice, listed if there are at most `limit`, and some more values.
    pub(super) fn of_lattice(lattice: Lattice, also: impl IntoIterator<Item = Value>, limit: usize) -> Self {
        let mut also: Vec<Value> = also.into_iter().collect();
        match lattice.members(limit) {
            Some(members) => {
                let members = members.into_iter().map(Value::Number);
                Self::of(members.chain(also))
            }
            None => {
                also.retain(|v| !matches!(v, Value::Number(n) if lattice.contains(n)));
                also.sort_unstable();
                also.dedup();
                Self::Means(Means { lattice, also: also.into() })
            }
        }
    }

    /// The values, if they are listed.
    pub fn explicit(&self) -> Option<&[Value]> {
        match self {
            Self::Explicit(values) => Some(values),
            Self::Means(_) | Self::Unbounded(_) => None,
        }
    }

    /// The number of values that are listed one by one.
    pub(super) fn n_listed(&self) -> usize {
        match self {
            Self::Explicit(values) => values.len(),
            Self::Means(means) => means.also.len(),
            Self::Unbounded(_) => 0,
        }
    }

    /// All values in order, unless there are more than `limit`.
    pub fn members(&self, limit: usize) -> Option<Vec<Value>> {
        let mut values = match self {
            Self::Explicit(values) => values.to_vec(),
            Self::Means(Means { lattice, also }) => {
                let members = lattice.members(limit)?.into_iter().map(Value::Number);
                members.chain(also.iter().cloned()).collect()
            }
            Self::Unbounded(_) => return None,
        };
        values.sort_unstable();
        (values.len() <= limit).then_some(values)
    }

    pub fn kinds(&self) -> Kinds {
        match self {
            Self::Explicit(values) => Kinds::of_all(values.iter()),
            Self::Means(means) => Kinds::NUMBER | Kinds::of_all(means.also.iter()),
            Self::Unbounded(kinds) => *kinds,
        }
    }

    pub fn contains(&self, value: &Value) -> bool {
        match self {
            Self::Explicit(values) => values.binary_search(value).is_ok(),
            Self::Means(Means { lattice, also }) => {
                matches!(value, Value::Number(n) if lattice.contains(n)) || also.binary_search(value).is_ok()
            }
            Self::Unbounded(kinds) => kinds.contains(value.kind()),
        }
    }

    /// Whether it is empty: no declared input has a value here.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Explicit(values) => values.is_empty(),
            Self::Means(_) => false,
            Self::Unbounded(kinds) => kinds.is_empty(),
        }
    }

    /// The set without the strings, as numbers: what arithmetic sees. `None` if that is unbounded.
    pub(super) fn lattice(&self) -> Option<Lattice> {
        match self {
            Self::Explicit(values) => Lattice::around(values.iter().filter_map(Value::number)),
            Self::Means(Means { lattice, also }) => {
                also.iter().filter_map(Value::number).try_fold(lattice.clone(), |l, n| l.with(&n))
            }
            Self::Unbounded(_) => None,
        }
    }

    /// A set that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        // What is a lattice was too much to list; together they may be fewer than that.
        let listed = self.n_listed().max(other.n_listed());
        match (self, other) {
            (Self::Explicit(a), Self::Explicit(b)) => Self::of(a.iter().chain(&**b).cloned()),
            (Self::Means(means), Self::Explicit(values)) | (Self::Explicit(values), Self::Means(means)) => {
                let also: Vec<Value> = means.also.iter().chain(&**values).cloned().collect();
                let rest =
                    also.iter().filter(|v| !matches!(v, Value::Number(n) if means.lattice.contains(n)));
                if rest.count() <= EXPLICIT_LIMIT {
                    Self::of_lattice(means.lattice.clone(), also, listed)
                } else {
                    Self::Unbounded(self.kinds() | other.kinds())
                }
            }
            (Self::Means(a), Self::Means(b)) => match a.lattice.union(&b.lattice) {
                Some(lattice) => Self::of_lattice(lattice, a.also.iter().chain(&*b.also).cloned(), listed),
                None => Self::Unbounded(self.kinds() | other.kinds()),
            },
            (Self::Unbounded(_), _) | (_, Self::Unbounded(_)) => {
                Self::Unbounded(self.kinds() | other.kinds())
            }
        }
    }
}

/// `{0, 1, 2}`, `0..9`, `multiples of 1 over 1..20, from 0 to 1`, `any number`.
impl fmt::Display for ValueSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explicit(values) => explicit(f, values),
            Self::Means(Means { lattice, also }) => {
                write!(f, "{lattice}")?;
                if !also.is_empty() {
                    f.write_str("; and ")?;
                    explicit(f, also)?;
                }
                Ok(())
            }
            Self::Unbounded(kinds) => write!(f, "any {kinds}"),
        }
    }
}

/// How many values are written out before the rest is counted.
const SHOWN: usize = 12;

fn explicit(f: &mut fmt::Formatter<'_>, values: &[Value]) -> fmt::Result {
    let integer = |v: &Value| match v {
        Value::Number(n) => n.to_i64(),
        Value::Bool(_) | Value::Str(_) => None,
    };
    let ends = values.first().and_then(integer).zip(values.last().and_then(integer));
    match ends {
        Some((lo, hi)) if values.len() > 2 && hi.checked_sub(lo) == Some(values.len() as i64 - 1) => {
            write!(f, "{lo}..{hi}")
        }
        _ => {
            let shown = values.iter().take(SHOWN).map(Value::to_string).collect::<Vec<_>>().join(", ");
            match values.len().saturating_sub(SHOWN) {
                0 => write!(f, "{{{shown}}}"),
                more => write!(f, "{{{shown}, and {more} more}}"),
            }
        }
    }
}
