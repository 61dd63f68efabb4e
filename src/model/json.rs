//! How are exact values written as JSON?
//!
//! Integers, booleans and strings are themselves; a fraction is an object, `{"ratio": "1/3"}`,
//! and so is an integer beyond 2^53, which JSON readers would round.

use crate::value::{Number, Value};
use serde_json::{Value as Json, json};

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
    match json {
        Json::Bool(b) => Some(Value::Bool(*b)),
        Json::String(s) => Some(Value::str(s)),
        Json::Number(n) => n.as_i64().map(Value::int),
        Json::Object(fields) => {
            let ratio = fields.get("ratio").filter(|_| fields.len() == 1)?.as_str()?;
            Number::parse(ratio).map(Value::Number)
        }
        Json::Null | Json::Array(_) => None,
    }
}

/// Lists of values, for serde's `with`.
pub mod values {
    use super::{Value, from_json, to_json};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(values: &[Value], to: S) -> Result<S::Ok, S::Error> {
        values.iter().map(to_json).collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Value>, D::Error> {
        let list = Vec::<serde_json::Value>::deserialize(from)?;
        let value = |json| from_json(json).ok_or_else(|| D::Error::custom(format!("{json} is no value")));
        list.iter().map(value).collect()
    }
}

/// One value, for serde's `with`.
pub mod value {
    use super::{Value, from_json, to_json};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &Value, to: S) -> Result<S::Ok, S::Error> {
        to_json(value).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        let json = serde_json::Value::deserialize(from)?;
        from_json(&json).ok_or_else(|| D::Error::custom(format!("{json} is no value")))
    }
}

/// One number, for serde's `with`.
pub mod number {
    use super::{Number, Value, from_json, to_json};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &Number, to: S) -> Result<S::Ok, S::Error> {
        to_json(&Value::Number(number.clone())).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Number, D::Error> {
        let json = serde_json::Value::deserialize(from)?;
        let number = from_json(&json).and_then(|value| value.number());
        number.ok_or_else(|| D::Error::custom(format!("{json} is no number")))
    }
}

/// One number or none, for serde's `with`.
pub mod maybe_number {
    use super::{Number, number};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Wrapped(#[serde(with = "number")] Number);

    pub fn serialize<S: Serializer>(number: &Option<Number>, to: S) -> Result<S::Ok, S::Error> {
        number.clone().map(Wrapped).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Number>, D::Error> {
        Ok(Option::<Wrapped>::deserialize(from)?.map(|wrapped| wrapped.0))
    }
}

/// Values with a number each, as pairs, for serde's `with`.
pub mod table {
    use super::{Number, Value, from_json, to_json};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(table: &[(Value, Number)], to: S) -> Result<S::Ok, S::Error> {
        let number = |n: &Number| to_json(&Value::Number(n.clone()));
        table.iter().map(|(v, n)| (to_json(v), number(n))).collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(Value, Number)>, D::Error> {
        let pairs = Vec::<(serde_json::Value, serde_json::Value)>::deserialize(from)?;
        let read = |(value, number): &(serde_json::Value, serde_json::Value)| {
            let read = from_json(value).zip(from_json(number).and_then(|n| n.number()));
            read.ok_or_else(|| D::Error::custom(format!("{value}: {number} is no value with a number")))
        };
        pairs.iter().map(read).collect()
    }
}
