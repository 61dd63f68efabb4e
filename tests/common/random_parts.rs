//! What random programs are made from: domains, constants and operations, by the types that they take.

use raspc::value::{Compare, Elementwise, Number, Table, Value};
use std::sync::Arc;

/// The types that steps keep apart. An s-op of `Any` can have values of several types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Number,
    Bool,
    Str,
    Any,
}

/// The domains of input columns.
pub fn domains() -> Vec<(Sort, Vec<Value>)> {
    let ints = |values: &[i64]| values.iter().map(|&v| Value::int(v)).collect::<Vec<_>>();
    vec![
        (Sort::Number, ints(&[0, 1, 2])),
        (Sort::Number, ints(&[5, -1])),
        (Sort::Number, ints(&[1, -1])),
        (Sort::Number, vec![ratio(1, 3), ratio(-7, 10), Value::int(100)]),
        (Sort::Number, (0..30).map(|i| Value::int(i * i)).collect()),
        (Sort::Number, vec![half(), Value::int(2), Value::int(3), Value::int(4)]),
        (Sort::Bool, vec![Value::Bool(false), Value::Bool(true)]),
        (Sort::Str, vec![Value::str("a"), Value::str("b"), Value::str("c")]),
        (Sort::Str, vec![Value::str("1"), Value::str(""), Value::str("-2")]),
        (Sort::Any, vec![Value::Bool(true), Value::int(1), Value::int(0), Value::str("a")]),
    ]
}

fn ratio(numerator: i64, denominator: i64) -> Value {
    Number::ratio(numerator, denominator).map_or(Value::int(0), Value::Number)
}

pub fn half() -> Value {
    ratio(1, 2)
}

/// Constants of every sort, and those that are defaults of aggregates.
pub fn constants() -> Vec<(Sort, Value)> {
    vec![
        (Sort::Number, Value::int(0)),
        (Sort::Number, Value::int(1)),
        (Sort::Number, Value::int(2)),
        (Sort::Number, Value::int(-1)),
        (Sort::Number, half()),
        (Sort::Number, ratio(-1, 3)),
        (Sort::Bool, Value::Bool(false)),
        (Sort::Bool, Value::Bool(true)),
        (Sort::Str, Value::str("a")),
        (Sort::Str, Value::str("")),
    ]
}

/// Every elementwise operation with the sorts of its arguments and of its result.
pub fn operations() -> Vec<(Elementwise, Vec<Sort>, Sort)> {
    use Elementwise as E;
    use Sort::{Any, Bool, Number, Str};
    let list = || Table::List(Arc::new([Value::int(3), Value::str("x"), Value::Bool(true)]));
    let numbers = || Table::List((0..6).map(|i| Value::int(i * i - 3)).collect());
    let dict = || {
        Table::dict([
            (Value::int(0), Value::int(7)),
            (Value::Bool(true), half()),
            (Value::int(2), Value::int(-7)),
            (Value::str("a"), Value::int(1)),
            (Value::str("b"), Value::int(1)),
        ])
    };
    let mut all = vec![
        (E::Neg, vec![Number], Number),
        (E::Neg, vec![Bool], Number),
        (E::Pos, vec![Bool], Number),
        (E::Pos, vec![Number], Number),
        (E::Not, vec![Bool], Bool),
        (E::Not, vec![Any], Bool),
        (E::Round, vec![Number], Number),
        (E::Round, vec![Bool], Number),
        (E::Indicator, vec![Bool], Number),
        (E::Indicator, vec![Any], Number),
        (E::ToStr, vec![Any], Str),
        (E::ToStr, vec![Number], Str),
        (E::ToInt, vec![Number], Number),
        (E::ToInt, vec![Str], Number),
        (E::ToFloat, vec![Number], Number),
        (E::ToFloat, vec![Bool], Number),
        (E::ToBool, vec![Any], Bool),
        (E::ToBool, vec![Number], Bool),
        (E::Add, vec![Number, Number], Number),
        (E::Add, vec![Bool, Number], Number),
        (E::Add, vec![Str, Str], Str),
        (E::Sub, vec![Number, Number], Number),
        (E::Sub, vec![Bool, Number], Number),
        (E::Mul, vec![Number, Number], Number),
        (E::Mul, vec![Number, Bool], Number),
        (E::Mul, vec![Str, Bool], Str),
        (E::Div, vec![Number, Number], Number),
        (E::Div, vec![Bool, Number], Number),
        (E::Mod, vec![Number, Number], Number),
        (E::Mod, vec![Bool, Number], Number),
        (E::Pow, vec![Number, Number], Number),
        (E::Pow, vec![Number, Bool], Number),
        (E::And, vec![Bool, Bool], Bool),
        (E::And, vec![Any, Any], Bool),
        (E::Or, vec![Bool, Bool], Bool),
        (E::Or, vec![Any, Any], Bool),
        (E::If, vec![Bool, Number, Number], Number),
        (E::If, vec![Bool, Str, Str], Str),
        (E::If, vec![Bool, Any, Any], Any),
        (E::If, vec![Number, Bool, Bool], Bool),
        (E::LookUp(list()), vec![Number], Any),
        (E::LookUp(numbers()), vec![Number], Number),
        (E::LookUp(dict()), vec![Any], Number),
        (E::Member(Arc::new([Value::int(1), Value::str("a")])), vec![Any], Bool),
        (E::Member(Arc::new([Value::int(0), Value::int(2)])), vec![Number], Bool),
    ];
    for op in Compare::ALL {
        all.push((E::Compare(op), vec![Number, Number], Bool));
        let sort = if matches!(op, Compare::Eq | Compare::Ne) { Any } else { Str };
        all.push((E::Compare(op), vec![sort, sort], Bool));
    }
    all
}

/// Small domains, most of them with values of several types: all inputs of a few columns can be run.
pub fn small_domains() -> Vec<(Sort, Vec<Value>)> {
    let (zero, one, x) = (Value::int(0), Value::int(1), Value::str("x"));
    vec![
        (Sort::Any, vec![one.clone(), x.clone()]),
        (Sort::Any, vec![zero.clone(), one.clone(), x.clone()]),
        (Sort::Any, vec![Value::Bool(true), one.clone()]),
        (Sort::Any, vec![x.clone(), Value::Bool(false), Value::int(2)]),
        (Sort::Any, vec![ratio(1, 3), Value::Bool(true)]),
        (Sort::Any, vec![Value::str(""), Value::Bool(false), zero.clone()]),
        (Sort::Number, vec![zero.clone(), one]),
        (Sort::Number, vec![ratio(1, 3), Value::int(2)]),
        (Sort::Number, vec![Value::int(-1), zero, Value::int(5)]),
        (Sort::Bool, vec![Value::Bool(true), Value::Bool(false)]),
        (Sort::Str, vec![Value::str("a"), x]),
    ]
}

/// Operations on values of any type, that fail on some of them, with the type of what they give.
pub fn failing_operations() -> Vec<(Elementwise, usize, Sort)> {
    use Elementwise as E;
    let list = Table::List(Arc::new([Value::int(4), Value::int(-2)]));
    vec![
        (E::Add, 2, Sort::Any),
        (E::Sub, 2, Sort::Number),
        (E::Mul, 2, Sort::Any),
        (E::Div, 2, Sort::Number),
        (E::Mod, 2, Sort::Number),
        (E::Neg, 1, Sort::Number),
        (E::Pos, 1, Sort::Number),
        (E::ToInt, 1, Sort::Number),
        (E::LookUp(list), 1, Sort::Number),
        (E::Compare(Compare::Lt), 2, Sort::Bool),
        (E::Compare(Compare::Ge), 2, Sort::Bool),
    ]
}

/// Values of small domains on which an operation may fail.
pub fn left_out() -> Vec<Value> {
    let x = Value::str("x");
    vec![x.clone(), Value::str(""), Value::Bool(true), x.clone(), Value::Bool(false), x, Value::int(0)]
}
