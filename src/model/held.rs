//! What does a residual direction hold, in terms of the program's graph?
//!
//! S-ops and selectors are named by their place in the graph, which reading the program again
//! gives in the same order ([`Manifest::read_program`](super::Manifest::read_program)).

use super::json;
use crate::interp::Trace;
use crate::ir::Program;
use crate::plan::{Base, Holds};
use crate::value::{Number, Value};
use serde::{Deserialize, Serialize};

/// What a slot holds at a position other than BOS; see [`Holds`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Held {
    One,
    Bos,
    /// 1 where it has this value, else 0.
    OneHot {
        of: Of,
        #[serde(with = "json::value")]
        value: Value,
    },
    /// 1 where it is at least this value, else 0.
    AtLeast {
        of: Of,
        #[serde(with = "json::value")]
        value: Value,
    },
    /// 1 where it is below this value, else 0.
    Below {
        of: Of,
        #[serde(with = "json::value")]
        value: Value,
    },
    /// A number for each value.
    Function {
        of: Of,
        #[serde(with = "json::table")]
        table: Vec<(Value, Number)>,
    },
    /// The number itself.
    Numeric {
        of: Of,
    },
    /// `1 / (width + 1)`
    Share {
        of: Of,
    },
}

/// What a slot tells about; see [`Base`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    Column(usize),
    Index,
    Sop(usize),
    /// The width of a selector.
    Width(usize),
    Keys(usize),
    Queries(usize),
}

impl Held {
    pub(super) fn of(holds: &Holds) -> Self {
        match holds {
            Holds::One => Self::One,
            Holds::Bos => Self::Bos,
            Holds::OneHot(base, value) => Self::OneHot { of: Of::base(*base), value: value.clone() },
            Holds::AtLeast(base, value) => Self::AtLeast { of: Of::base(*base), value: value.clone() },
            Holds::Below(base, value) => Self::Below { of: Of::base(*base), value: value.clone() },
            Holds::Function(base, table) => Self::Function { of: Of::base(*base), table: table.to_vec() },
            Holds::Numeric(base) => Self::Numeric { of: Of::base(*base) },
            Holds::Share(base) => Self::Share { of: Of::base(*base) },
        }
    }

    /// What it tells about; none for a slot that is the same whatever the input.
    pub fn about(&self) -> Option<Of> {
        match self {
            Self::One | Self::Bos => None,
            Self::OneHot { of, .. }
            | Self::AtLeast { of, .. }
            | Self::Below { of, .. }
            | Self::Function { of, .. }
            | Self::Numeric { of }
            | Self::Share { of } => Some(*of),
        }
    }

    /// The column that it tells about, if it is one.
    pub(super) fn column(&self) -> Option<usize> {
        match self.about()? {
            Of::Column(column) => Some(column),
            Of::Index | Of::Sop(_) | Of::Width(_) | Of::Keys(_) | Of::Queries(_) => None,
        }
    }

    /// What the slot should hold where that has this value; none if it cannot have it.
    pub fn number_for(&self, value: &Value) -> Option<Number> {
        let bit = |holds: bool| Some(Number::from(i64::from(holds)));
        match self {
            Self::One => Some(Number::ONE),
            Self::Bos => Some(Number::ZERO),
            Self::OneHot { value: v, .. } => bit(v == value),
            Self::AtLeast { value: v, .. } => bit(value >= v),
            Self::Below { value: v, .. } => bit(value < v),
            Self::Function { table, .. } => table.iter().find(|(v, _)| v == value).map(|(_, n)| n.clone()),
            Self::Numeric { .. } => value.number(),
            Self::Share { .. } => Number::ONE.div(&value.number()?.add(&Number::ONE).ok()?).ok(),
        }
    }
}

impl Of {
    fn base(base: Base) -> Self {
        match base {
            Base::Column(column) => Self::Column(column),
            Base::Index => Self::Index,
            Base::SOp(id) => Self::Sop(id.index()),
            Base::Width(id) => Self::Width(id.index()),
            Base::Keys(id) => Self::Keys(id.index()),
            Base::Queries(id) => Self::Queries(id.index()),
        }
    }

    /// The values that the program gives it, by position; none for the classes of a selector,
    /// which only the plan knows.
    pub fn values(self, program: &Program, trace: &Trace, input: &[Vec<Value>]) -> Option<Vec<Value>> {
        match self {
            Self::Column(column) => input.get(column).cloned(),
            Self::Index => Some((0..trace.n()).map(|i| Value::Number(i.into())).collect()),
            Self::Sop(index) => trace.sop(program.graph.sop_ids().nth(index)?).map(<[Value]>::to_vec),
            Self::Width(index) => {
                let matrix = trace.selector(program.graph.selector_ids().nth(index)?)?;
                Some((0..trace.n()).map(|query| Value::Number(matrix.width(query).into())).collect())
            }
            Self::Keys(_) | Self::Queries(_) => None,
        }
    }
}
