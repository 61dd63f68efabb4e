//! How are exact values written as JSON?
//!
//! Integers, booleans and strings are themselves; a fraction is an object, `{"ratio": "1/3"}`,
//! and so is an integer beyond 2^53, which JSON readers would round.

use super::decode::Decoded;
use crate::value::{Number, Value};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Value as Json, json};
use std::fmt;

pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(b) => json!(b),
        Value::Str(s) => json!(&**s),
        Value::Number(n) => match n.to_i64().filter(|i| i.unsigned_abs() <= 1 << 53) {
            Some(i) => json!(i),
            None => json!({ "ratio": n.to_string() }),
        },
    }
}

/// The value that [`to_json`] writes so; none if it writes none so.
pub fn from_json(json: &Json) -> Option<Value> {
    Exact::deserialize(json).ok().map(|Exact(value)| value)
}

/// A value on its way from JSON.
struct Exact(Value);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ExactVisitor)
    }
}

struct ExactVisitor;

impl<'de> Visitor<'de> for ExactVisitor {
    type Value = Exact;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a boolean, a string, an integer, or a fraction as {"ratio": "1/3"}"#)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Exact, E> {
        Ok(Exact(Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Exact, E> {
        Ok(Exact(Value::int(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Exact, E> {
        let small = i64::try_from(value).map_err(|_| E::custom("the integer is too large; write a ratio"))?;
        self.visit_i64(small)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Exact, E> {
        Ok(Exact(Value::str(value)))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Exact, M::Error> {
        let (key, ratio): (String, String) =
            map.next_entry()?.ok_or_else(|| M::Error::missing_field("ratio"))?;
        if key != "ratio" || map.next_key::<String>()?.is_some() {
            return Err(M::Error::custom("`ratio` is the only key of a fraction"));
        }
        let number = Number::parse(&ratio);
        number.map(|n| Exact(Value::Number(n))).ok_or_else(|| M::Error::custom("the ratio is not a number"))
    }
}

/// A number on its way from JSON.
struct ExactNumber(Number);

impl<'de> Deserialize<'de> for ExactNumber {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Exact::deserialize(from)?.0 {
            Value::Number(number) => Ok(Self(number)),
            Value::Bool(_) | Value::Str(_) => Err(D::Error::custom("this is not a number")),
        }
    }
}

/// A decoded output: the value, the number that it is about, or null.
pub fn decoded(decoded: &Decoded) -> Json {
    match decoded {
        Decoded::Value(value) => to_json(value),
        Decoded::About(number) => Json::from(*number),
        Decoded::Undefined(_) => Json::Null,
    }
}

/// Lists of values, for serde's `with`.
pub mod values {
    use super::{Exact, Value, to_json};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(values: &[Value], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(to_json))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Value>, D::Error> {
        let list = Vec::<Exact>::deserialize(from)?;
        Ok(list.into_iter().map(|Exact(value)| value).collect())
    }
}

/// One value, for serde's `with`.
pub mod value {
    use super::{Exact, Value, to_json};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &Value, to: S) -> Result<S::Ok, S::Error> {
        to_json(value).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        Ok(Exact::deserialize(from)?.0)
    }
}

/// One number, for serde's `with`.
pub mod number {
    use super::{ExactNumber, Number, Value, to_json};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(number: &Number, to: S) -> Result<S::Ok, S::Error> {
        to_json(&Value::Number(number.clone())).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Number, D::Error> {
        Ok(ExactNumber::deserialize(from)?.0)
    }
}

/// One number or none, for serde's `with`.
pub mod maybe_number {
    use super::{ExactNumber, Number, Value, to_json};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(number: &Option<Number>, to: S) -> Result<S::Ok, S::Error> {
        number.as_ref().map(|n| to_json(&Value::Number(n.clone()))).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Number>, D::Error> {
        Ok(Option::<ExactNumber>::deserialize(from)?.map(|number| number.0))
    }
}

/// Values with a number each, as pairs, for serde's `with`.
pub mod table {
    use super::{Exact, ExactNumber, Number, Value, to_json};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(table: &[(Value, Number)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(table.iter().map(|(v, n)| (to_json(v), to_json(&Value::Number(n.clone())))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(Value, Number)>, D::Error> {
        let pairs = Vec::<(Exact, ExactNumber)>::deserialize(from)?;
        Ok(pairs.into_iter().map(|(Exact(value), ExactNumber(number))| (value, number)).collect())
    }
}
