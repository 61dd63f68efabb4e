//! The elementwise operations: what happens at one position, without looking at others.

use super::{Fault, Kind, Kinds, MAX_STRING, Number, Value};
use std::sync::Arc;

/// How a key is compared with a query in `select(key, query, op)`, and two values in `a op b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Compare {
    pub const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Lt, Self::Le, Self::Gt, Self::Ge];

    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// Whether `left op right`. Values of different types are unequal and have no order.
    pub fn holds(self, left: &Value, right: &Value) -> Result<bool, Fault> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let order = match self {
            Self::Eq => return Ok(left.same(right)),
            Self::Ne => return Ok(!left.same(right)),
            Self::Lt | Self::Le | Self::Gt | Self::Ge => self.order(left, right)?,
        };
        Ok(match self {
            Self::Eq => order == Equal,
            Self::Ne => order != Equal,
            Self::Lt => order == Less,
            Self::Le => order != Greater,
            Self::Gt => order == Greater,
            Self::Ge => order != Less,
        })
    }

    fn order(self, left: &Value, right: &Value) -> Result<std::cmp::Ordering, Fault> {
        match (left, right) {
            (Value::Str(a), Value::Str(b)) => Ok(a.cmp(b)),
            (Value::Number(a), Value::Number(b)) => Ok(a.cmp(b)),
            (a, b) => match (a.number(), b.number()) {
                (Some(a), Some(b)) => Ok(a.cmp(&b)),
                _ => Err(wrong_types(self.symbol(), &[left, right])),
            },
        }
    }

    /// Whether some values of these types are equal.
    pub fn may_be_equal(left: Kinds, right: Kinds) -> bool {
        let numeric = |k: Kinds| k.contains(Kind::Bool) || k.contains(Kind::Number);
        left.contains(Kind::Str) && right.contains(Kind::Str) || numeric(left) && numeric(right)
    }

    /// Whether the comparison can have a result for some values of these types.
    pub fn possible(self, left: Kinds, right: Kinds) -> bool {
        match self {
            Self::Eq | Self::Ne => !left.is_empty() && !right.is_empty(),
            Self::Lt | Self::Le | Self::Gt | Self::Ge => Self::may_be_equal(left, right),
        }
    }
}

/// A list, string or dictionary that is looked up by an s-op.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Elements by position; negative indices count from the end.
    List(Arc<[Value]>),
    /// Pairs of key and value. Keys are canonical and sorted (see [`Table::dict`]).
    Dict(Arc<[(Value, Value)]>),
}

impl Table {
    /// A dictionary. Of equal keys the last one counts.
    pub fn dict(pairs: impl IntoIterator<Item = (Value, Value)>) -> Self {
        let map: std::collections::BTreeMap<_, _> =
            pairs.into_iter().map(|(k, v)| (k.canonical(), v)).collect();
        Self::Dict(map.into_iter().collect())
    }

    /// Every value that a look-up can give.
    pub fn values(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match self {
            Self::List(list) => Box::new(list.iter()),
            Self::Dict(pairs) => Box::new(pairs.iter().map(|(_, v)| v)),
        }
    }

    pub fn look_up(&self, key: &Value) -> Result<Value, Fault> {
        match self {
            Self::Dict(pairs) => pairs
                .binary_search_by(|(k, _)| k.cmp(&key.canonical()))
                .map(|i| pairs[i].1.clone())
                .map_err(|_| Fault::MissingKey { key: key.clone() }),
            Self::List(list) => {
                let index = key.number().filter(Number::is_integer);
                let index =
                    index.ok_or_else(|| Fault::NotAnInteger { what: "an index", value: key.clone() })?;
                let from_start = match index.to_i64() {
                    Some(i) if i < 0 => i.checked_add(list.len() as i64),
                    other => other,
                };
                from_start
                    .and_then(|i| list.get(usize::try_from(i).ok()?).cloned())
                    .ok_or(Fault::IndexOutOfRange { index, len: list.len() })
            }
        }
    }
}

/// An operation on the values at one position.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Elementwise {
    /// `-x`
    Neg,
    /// `+x`: a boolean becomes a number.
    Pos,
    /// `not x`, by truth.
    Not,
    /// `round(x)`: to the nearest integer, a half to the even one.
    Round,
    /// `indicator(x)`: 1 where x is true, else 0.
    Indicator,
    /// `tokens_str`, `tokens_int`, `tokens_float`, `tokens_bool`: the input converted.
    ToStr,
    ToInt,
    ToFloat,
    ToBool,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Compare(Compare),
    /// `a and b`, `a or b`, by truth; the result is a boolean.
    And,
    Or,
    /// Arguments: condition, value where it is true, value where it is not.
    If,
    /// `table[x]`
    LookUp(Table),
    /// `x in [a, b, …]`
    Member(Arc<[Value]>),
}

fn wrong_types(operation: &'static str, operands: &[&Value]) -> Fault {
    Fault::WrongTypes { operation, operands: operands.iter().map(|&v| v.clone()).collect() }
}

impl Elementwise {
    /// How the operation is written.
    pub fn symbol(&self) -> &'static str {
        match self {
            Self::Neg | Self::Sub => "-",
            Self::Pos | Self::Add => "+",
            Self::Not => "not",
            Self::Round => "round",
            Self::Indicator => "indicator",
            Self::ToStr => "str",
            Self::ToInt => "int",
            Self::ToFloat => "float",
            Self::ToBool => "bool",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Compare(op) => op.symbol(),
            Self::And => "and",
            Self::Or => "or",
            Self::If => "if",
            Self::LookUp(_) => "[]",
            Self::Member(_) => "in",
        }
    }

    pub fn arity(&self) -> usize {
        match self {
            Self::Neg
            | Self::Pos
            | Self::Not
            | Self::Round
            | Self::Indicator
            | Self::ToStr
            | Self::ToInt
            | Self::ToFloat
            | Self::ToBool
            | Self::LookUp(_)
            | Self::Member(_) => 1,
            Self::Add
            | Self::Sub
            | Self::Mul
            | Self::Div
            | Self::Mod
            | Self::Pow
            | Self::Compare(_)
            | Self::And
            | Self::Or => 2,
            Self::If => 3,
        }
    }

    /// The result at one position. `args` has [`Self::arity`] values.
    pub fn apply(&self, args: &[&Value]) -> Result<Value, Fault> {
        let number = |i: usize| args[i].number().ok_or_else(|| wrong_types(self.symbol(), args));
        let numeric = |f: fn(&Number, &Number) -> Result<Number, Fault>| {
            Ok(Value::Number(f(&number(0)?, &number(1)?)?))
        };
        match self {
            Self::Neg => Ok(Value::Number(number(0)?.neg())),
            Self::Pos => Ok(Value::Number(number(0)?)),
            Self::Round => Ok(Value::Number(number(0)?.round_half_even())),
            Self::Not => Ok(Value::Bool(!args[0].truth())),
            Self::Indicator => Ok(Value::int(i64::from(args[0].truth()))),
            Self::ToStr => Ok(to_str(args[0])),
            Self::ToInt => convert(args[0], Number::trunc, false),
            Self::ToFloat => convert(args[0], Number::clone, true),
            Self::ToBool => Ok(Value::Bool(args[0].truth())),
            Self::Add => match (args[0], args[1]) {
                (Value::Str(a), Value::Str(b)) => {
                    string(a.chars().count() + b.chars().count(), || format!("{a}{b}"))
                }
                _ => numeric(Number::add),
            },
            Self::Sub => numeric(Number::sub),
            Self::Mul => match (args[0], args[1]) {
                (Value::Str(s), times) | (times, Value::Str(s)) => repeat(s, times, args),
                _ => numeric(Number::mul),
            },
            Self::Div => numeric(Number::div),
            Self::Mod => numeric(Number::modulo),
            Self::Pow => numeric(Number::pow),
            Self::Compare(op) => op.holds(args[0], args[1]).map(Value::Bool),
            Self::And => Ok(Value::Bool(args[0].truth() && args[1].truth())),
            Self::Or => Ok(Value::Bool(args[0].truth() || args[1].truth())),
            Self::If => Ok(args[if args[0].truth() { 1 } else { 2 }].clone()),
            Self::LookUp(table) => table.look_up(args[0]),
            Self::Member(list) => Ok(Value::Bool(list.iter().any(|v| v.same(args[0])))),
        }
    }

    /// The types that the result can have; none if the operation fails on all such arguments.
    pub fn kinds(&self, args: &[Kinds]) -> Kinds {
        let numeric = |k: Kinds| k.contains(Kind::Bool) || k.contains(Kind::Number);
        let when = |possible: bool, kinds: Kinds| if possible { kinds } else { Kinds::NONE };
        if args.iter().any(|k| k.is_empty()) {
            return Kinds::NONE;
        }
        match self {
            Self::Neg | Self::Pos | Self::Round => when(numeric(args[0]), Kinds::NUMBER),
            Self::Not | Self::ToBool | Self::And | Self::Or | Self::Member(_) => Kinds::BOOL,
            Self::Indicator | Self::ToInt | Self::ToFloat => Kinds::NUMBER,
            Self::ToStr => Kinds::STR,
            Self::Add => {
                let strings = args.iter().all(|k| k.contains(Kind::Str));
                when(strings, Kinds::STR) | when(args.iter().all(|k| numeric(*k)), Kinds::NUMBER)
            }
            Self::Mul => {
                let repeats = |a: Kinds, b: Kinds| a.contains(Kind::Str) && numeric(b);
                when(repeats(args[0], args[1]) || repeats(args[1], args[0]), Kinds::STR)
                    | when(args.iter().all(|k| numeric(*k)), Kinds::NUMBER)
            }
            Self::Sub | Self::Div | Self::Mod | Self::Pow => {
                when(args.iter().all(|k| numeric(*k)), Kinds::NUMBER)
            }
            Self::Compare(op) => when(op.possible(args[0], args[1]), Kinds::BOOL),
            Self::If => args[1] | args[2],
            Self::LookUp(table) => match table {
                Table::List(list) => when(numeric(args[0]), Kinds::of_all(list.iter())),
                Table::Dict(_) => Kinds::of_all(table.values()),
            },
        }
    }
}

fn string(chars: usize, make: impl FnOnce() -> String) -> Result<Value, Fault> {
    if chars > MAX_STRING { Err(Fault::StringTooLong { chars }) } else { Ok(Value::Str(make().into())) }
}

/// `"ab" * 3`; a negative count gives the empty string.
fn repeat(text: &str, times: &Value, args: &[&Value]) -> Result<Value, Fault> {
    let Some(number) = times.number() else {
        return Err(wrong_types("*", args));
    };
    if !number.is_integer() {
        return Err(Fault::NotAnInteger { what: "the count of a repeated string", value: times.clone() });
    }
    let times = number.to_i64().map_or(usize::MAX, |n| n.max(0) as usize);
    let times = if number.is_negative() { 0 } else { times };
    string(text.chars().count().saturating_mul(times), || text.repeat(times))
}

/// The text of a value, without quotes: decimal where the decimal notation ends.
fn to_str(value: &Value) -> Value {
    match value {
        Value::Str(_) => value.clone(),
        Value::Number(n) => Value::Str(n.to_decimal().unwrap_or_else(|| n.to_string()).into()),
        Value::Bool(_) => Value::Str(value.to_string().into()),
    }
}

fn convert(value: &Value, f: fn(&Number) -> Number, fractions: bool) -> Result<Value, Fault> {
    let (number, is_integer) = match value {
        Value::Str(text) => {
            let text = text.trim();
            let text = text.strip_prefix('+').unwrap_or(text);
            let number = Number::parse(text).filter(|_| !text.contains('/'));
            (number, !text.contains('.'))
        }
        Value::Number(_) | Value::Bool(_) => (value.number(), true),
    };
    match number {
        Some(number) if fractions || is_integer => Ok(Value::Number(f(&number))),
        number => Err(Fault::NotANumber { text: value.clone(), integer: number.is_some() }),
    }
}
